/* SPDX-License-Identifier: MIT */
/*
 * survey.c - what arming would do with the instructions of a function
 *
 * The planner is the one of the agent and of libtrapline, the same object; this
 * file stands where the engine and the host would be.
 */
#include "survey.h"

#include <arch.h>
#include <errno.h>
#include <stdlib.h>

#include "code.h"

static const struct survey *current;

/* ---- what the planner asks of the engine and the home ---------------------- */

int tl_text_read(void *dst, uintptr_t src, size_t len)
{
	return current->read(current->arg, dst, src, len);
}

int tlh_read(void *dst, uintptr_t src, size_t len)
{
	return current->read(current->arg, dst, src, len);
}

void *tlh_alloc(size_t size)
{
	return calloc(1, size);
}

void tlh_free(void *p, size_t size)
{
	(void)size;
	free(p);
}

static unsigned long surveys;

unsigned long tl_text_time(void)
{
	return surveys;
}

static int function(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	uint64_t s, e;

	if (!current->function(current->arg, addr, &s, &e))
		return -TL_ENOENT;
	*start = s;
	*end = e;
	return 0;
}

static uint32_t inroads(uintptr_t addr)
{
	return current->inroads(current->arg, addr);
}

static const struct tl_host_ops ops = {
	.function = function,
	.inroads = inroads,
};

const struct tl_host_ops *tl_host_ops = &ops;

/* ---- the survey -------------------------------------------------------------- */

/* The length of the instruction at @addr, or 0. */
static unsigned int length_at(uint64_t addr, uint64_t end)
{
	uint8_t code[X86_INSN_MAX];
	size_t n = end - addr < sizeof(code) ? end - addr : sizeof(code);
	struct x86_insn in;

	while (n && tl_text_read(code, addr, n))
		n--;
	return n && !x86_decode(&in, code, n, addr) ? in.len : 0;
}

uint64_t survey_function(const struct survey *s, uint64_t start, uint64_t end)
{
	struct tl_plan plan;
	uint64_t addr = start;
	unsigned int len;
	int err;

	current = s;
	surveys++; /* another text, maybe */
	while (addr < end) {
		len = length_at(addr, end);
		if (!len)
			break;
		err = tl_arch_plan(&plan, addr, start, end);
		s->found(s->arg, addr, err,
			 plan.window_len ? TL_WHY_NONE : plan.why);
		addr += len;
	}
	return end - addr;
}
