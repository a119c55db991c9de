/* SPDX-License-Identifier: MIT */
/*
 * words.c - instructions and padding of x86-64, for the survey
 */
#include "survey_isa.h"

#include <arch.h>

#include "code.h"
#include "survey.h"

_Static_assert(SURVEY_ISLAND == TL_ISLAND_BYTES, "of the planner");

unsigned int survey_length(uint64_t addr, uint64_t end)
{
	uint8_t code[X86_INSN_MAX];
	size_t n = end - addr < sizeof(code) ? end - addr : sizeof(code);
	struct x86_insn in;

	while (n && tl_text_read(code, addr, n))
		n--;
	return n && !x86_decode(&in, code, n, addr) ? in.len : 0;
}

void survey_padding(const struct survey *s, const struct tl_plan *plan,
		    uint64_t addr)
{
	for (unsigned int i = 0; i < plan->n_pads; i++) {
		uint64_t start = addr + (uint64_t)(int64_t)plan->pad[i].at;

		s->padding(s->arg, start, start + plan->pad[i].len);
	}
}
