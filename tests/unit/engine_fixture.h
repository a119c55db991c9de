/* SPDX-License-Identifier: MIT */
/*
 * engine_fixture.h - a small program in the simulated home, and its handlers
 *
 * fill:  TEXT(0) .. 99 single-byte SIM_INC, ended by SIM_RET: "fill"
 * calls: TEXT(0x200): ADD 1; CALL leaf; ADD 2; RET: "caller"
 * leaf:  TEXT(0x300): INC INC INC INC INC INC RET: "leaf"
 */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include <string.h>

#include <arch.h>
#include <sim.h>
#include <trapline/agent.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#include "tl_test.h"

#define TEXT(off) ((uintptr_t)sim_text + (off))
#define FILL	  100
#define CALLER	  0x200
#define LEAF	  0x300
#define STOP	  0x800 /* where a call that was started by run_call() ends */

static uint8_t pristine[SIM_TEXT_BYTES];

static inline void put_call(size_t at, size_t to)
{
	int32_t rel = (int32_t)(to - (at + 5));

	sim_text[at] = SIM_CALL;
	memcpy(sim_text + at + 1, &rel, 4);
}

static inline void keep_pristine(void)
{
	memcpy(pristine, sim_text, sizeof(pristine));
}

static inline void start(void)
{
	sim_reset();
	sim_exchangeable = false;
	memset(sim_text, SIM_INC, FILL);
	sim_text[FILL] = SIM_RET;
	sim_text[CALLER] = SIM_ADD;
	sim_text[CALLER + 1] = 1;
	put_call(CALLER + 2, LEAF);
	sim_text[CALLER + 7] = SIM_ADD;
	sim_text[CALLER + 8] = 2;
	sim_text[CALLER + 9] = SIM_RET;
	memset(sim_text + LEAF, SIM_INC, 6);
	sim_text[LEAF + 6] = SIM_RET;
	sim_text[STOP] = SIM_NOP;
	sim_function("fill", TEXT(0), FILL + 1);
	sim_function("caller", TEXT(CALLER), 10);
	sim_function("leaf", TEXT(LEAF), 7);
	keep_pristine();
}

static inline uintptr_t stack_top(unsigned int context)
{
	return (uintptr_t)sim_stack +
	       SIM_TEXT_BYTES / SIM_CONTEXTS * (context + 1) - 256;
}

/* Registers about to execute at TEXT(@off) in the current context. */
static inline struct pt_regs at(size_t off)
{
	return (struct pt_regs){ .ip = TEXT(off),
				 .sp = stack_top(sim.context % SIM_CONTEXTS) };
}

/* Call the function at TEXT(@off); its result in ax. */
static inline struct pt_regs run_call(size_t off)
{
	struct pt_regs regs = at(off);

	regs.sp -= 8;
	*(unsigned long *)regs.sp = TEXT(STOP);
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 2000), SIM_WENT_ON);
	CHECK_EQ(regs.sp, stack_top(sim.context % SIM_CONTEXTS));
	return regs;
}

/* Everything away; nothing of ours may be left. */
static inline void finish(void)
{
	CHECK_EQ(tl_remove_all(), 0);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK_EQ(sim.allocated, 0);
	CHECK_EQ(sim.exec_allocated, 0);
	CHECK_EQ(sim.misuse, 0);
	for (unsigned int i = 0; i < SIM_CONTEXTS; i++)
		CHECK_EQ(sim.contexts[i].depth, 0);
}

/* Handlers write their letters here. */
static char trace[256];
static size_t trace_len;

static inline void note(char c)
{
	if (trace_len + 1 < sizeof(trace)) {
		trace[trace_len++] = c;
		trace[trace_len] = 0;
	}
}

static inline void trace_clear(void)
{
	trace_len = 0;
	trace[0] = 0;
}

/* A probe with a letter: capital before, small after the instruction. */
struct lettered {
	struct kprobe kp;
	char letter;
	int pre_result;
	uintptr_t go_to;
	struct pt_regs seen;
};

static inline int letter_pre(struct kprobe *p, struct pt_regs *regs)
{
	struct lettered *l = (struct lettered *)p;

	CHECK(kprobe_running() == p);
	l->seen = *regs;
	note(l->letter);
	if (l->go_to)
		regs->ip = l->go_to;
	return l->pre_result;
}

static inline void letter_post(struct kprobe *p, struct pt_regs *regs,
			       unsigned long flags)
{
	struct lettered *l = (struct lettered *)p;

	CHECK_EQ(flags, 0);
	CHECK(kprobe_running() == p);
	l->seen = *regs;
	note((char)(l->letter | 0x20));
}

static inline struct lettered lettered(char letter, size_t off)
{
	return (struct lettered){
		.kp = { .addr = sim_text + off, .pre_handler = letter_pre },
		.letter = letter,
	};
}

#endif
