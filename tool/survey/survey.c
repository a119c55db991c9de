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

#include "survey_isa.h"

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

static struct tl_host_ops ops = {
	.function = function,
	.inroads = inroads,
};

const struct tl_host_ops *tl_host_ops = &ops;

static void ask(const struct survey *s)
{
	current = s;
	ops.own_faults = s->go;
	surveys++; /* another text, maybe */
}

/* ---- the survey -------------------------------------------------------------- */

uint64_t survey_function(const struct survey *s, uint64_t start, uint64_t end)
{
	struct tl_plan plan;
	uint64_t addr = start;
	unsigned int len;
	int err;

	ask(s);
	while (addr < end) {
		len = survey_length(addr, end);
		if (!len)
			break;
		err = tl_arch_plan(&plan, addr, start, end, 0);
		s->found(s->arg, addr, err,
			 plan.window_len ? TL_WHY_NONE : plan.why, plan.island);
		if (!err && plan.island)
			survey_padding(s, &plan, addr);
		addr += len;
	}
	return end - addr;
}

int survey_place(const struct survey *s, uint64_t addr, uint64_t start,
		 uint64_t end, struct survey_place *place)
{
	struct tl_plan plan;
	int err;

	ask(s);
	err = tl_arch_plan(&plan, addr, start, end, 0);
	*place = (struct survey_place){
		.window = err ? 0 : plan.window_len,
		.why = plan.window_len && !plan.island ? TL_WHY_NONE : plan.why,
	};
	while (place->window && place->n_islands < SURVEY_ISLANDS) {
		uint64_t at = tl_arch_island(&plan, addr, place->n_islands);

		if (!at)
			break;
		place->island[place->n_islands++] = at;
	}
	return err;
}

/* ---- returns: as engine/exits.c chooses ---------------------------------------- */

struct jump {
	uint64_t at; /* 0: none */
	unsigned int window;
};

static struct jump jump_at(uint64_t at, uint64_t start, uint64_t end,
			   unsigned int least)
{
	struct tl_plan plan;

	if (tl_arch_plan(&plan, at, start, end, least) || !plan.window_len ||
	    plan.island)
		return (struct jump){ 0 };
	return (struct jump){ at, plan.window_len };
}

/* What is put at exit @e. */
static struct jump exit_jump(const struct tl_exit *e, bool jumps, bool keep)
{
	struct jump j = jump_at(e->ret, e->start, e->end, 0);

	if (!j.at && !jumps && keep)
		return (struct jump){ e->ret, 1 };
	if (!j.at && jumps && e->lead)
		return jump_at(e->ret - e->lead, e->start, e->end, e->lead);
	return j;
}

static bool overlap(struct jump a, struct jump b)
{
	return a.at < b.at + b.window && b.at < a.at + a.window;
}

enum survey_returns survey_returns(const struct survey *s, uint64_t at,
				   uint64_t start, uint64_t end, bool jumps,
				   bool keep, bool *covered)
{
	struct tl_exit exits[TL_EXITS_MAX];
	struct jump j[TL_EXITS_MAX], entry;
	bool certain = true, kept = false;
	int n;

	ask(s);
	*covered = false;
	keep |= tl_arch_takes_return(start);
	entry = jump_at(at, start, end, 0);
	n = tl_arch_exits(start, end, at, exits, TL_EXITS_MAX, keep);
	for (int i = 0; i < n && certain; i++) {
		j[i] = exit_jump(&exits[i], jumps, keep);
		certain = j[i].at != 0;
		for (int k = 0; k < i && certain; k++)
			certain = !overlap(j[i], j[k]);
		/* One detour serves both if they are at one place. */
		kept |= certain && overlap(j[i], entry);
		*covered |= j[i].at != at && overlap(j[i], entry);
	}
	certain &= n >= 0 && (keep || !kept);
	*covered &= certain;
	if (certain)
		return SURVEY_EXITS;
	return keep ? SURVEY_NOT : SURVEY_ADDRESS;
}
