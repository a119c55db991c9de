/* SPDX-License-Identifier: MIT */
/*
 * words.c - instructions of arm64, for the survey: each is a word, and none
 * needs an island
 */
#include "survey_isa.h"

#include <arch.h>

#include "survey.h"

unsigned int survey_length(uint64_t addr, uint64_t end)
{
	uint32_t insn;

	return end - addr >= sizeof(insn) &&
			       !tl_text_read(&insn, addr, sizeof(insn))
		       ? sizeof(insn)
		       : 0;
}

void survey_padding(const struct survey *s, const struct tl_plan *plan,
		    uint64_t addr)
{
	(void)s;
	(void)plan;
	(void)addr;
}
