/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * handlers.c - who is called when, with what, and what is only counted
 *
 * Most promises hold for both ways to a handler, so most tests run twice: with
 * jumps, and with breakpoints only.
 */
#include <stdlib.h>

#include "engine_fixture.h"

#define SPOT 10

/* 0: jumps; 1: breakpoints. */
static void start_way(int way)
{
	start();
	sim_ops.no_optimize = way;
	trace_clear();
	ROW(way ? "breakpoint" : "jump");
}

static void add(struct lettered *l, size_t off)
{
	l->kp.addr = sim_text + off;
	CHECK_EQ(register_kprobe(&l->kp), 0);
}

TL_TEST(newest_first_for_pre_and_post)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0), b = lettered('B', 0),
				c = lettered('C', 0);

		start_way(way);
		a.kp.post_handler = b.kp.post_handler = c.kp.post_handler =
			letter_post;
		add(&a, SPOT);
		add(&b, SPOT);
		add(&c, SPOT);
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "CBAcba");
		CHECK(!kprobe_running());
		CHECK(get_kprobe(sim_text + SPOT) == &c.kp);

		trace_clear();
		CHECK_EQ(disable_kprobe(&b.kp), 0);
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "CAca");

		trace_clear();
		unregister_kprobe(&c.kp);
		CHECK_EQ(enable_kprobe(&b.kp), 0);
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "BAba");
		finish();
	}
}

static int disable(struct kprobe *p)
{
	return disable_kprobe(p);
}

static int disarm_all(struct kprobe *p)
{
	(void)p;
	return disarm_all_kprobes();
}

static int unregister(struct kprobe *p)
{
	unregister_kprobe(p);
	return 0;
}

static int text_is_gone(struct kprobe *p)
{
	return !tl_text_gone((uintptr_t)p->addr, (uintptr_t)p->addr + 1);
}

/* Whoever has followed the jump meanwhile does the instruction, and no more. */
TL_TEST(on_the_way_to_a_handler_that_is_taken_away)
{
	static const struct {
		const char *name;
		int (*take)(struct kprobe *p);
	} ways[] = {
		{ "disabled", disable },
		{ "disarmed", disarm_all },
		{ "unregistered", unregister },
		{ "gone", text_is_gone },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct lettered a = lettered('A', 0);
		struct pt_regs regs;

		start_way(0);
		ROW(ways[i].name);
		a.kp.post_handler = letter_post;
		add(&a, SPOT);
		regs = at(SPOT);
		CHECK_EQ(sim_step(&regs), SIM_WENT_ON);
		CHECK(regs.ip - TEXT(0) >= SIM_TEXT_BYTES);
		sim.quiesce_busy = true;
		CHECK_EQ(ways[i].take(&a.kp), 0);
		CHECK_EQ(sim_run(&regs, TEXT(SPOT + 5), 100), SIM_WENT_ON);
		CHECK_STR(trace, "");
		sim.quiesce_busy = false;
		CHECK_EQ(arm_all_kprobes(), 0);
		memcpy(sim_text, pristine, SIM_TEXT_BYTES);
		finish();
	}
}

TL_TEST(registers_are_those_before_and_after)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0);

		start_way(way);
		add(&a, SPOT);
		run_call(0);
		CHECK_EQ(a.seen.ip, TEXT(SPOT + 1));
		CHECK_EQ(a.seen.ax, SPOT);
		unregister_kprobe(&a.kp);

		a = lettered('A', 0);
		a.kp.pre_handler = NULL;
		a.kp.post_handler = letter_post;
		add(&a, SPOT);
		run_call(0);
		CHECK_EQ(a.seen.ip, TEXT(SPOT + 1));
		CHECK_EQ(a.seen.ax, SPOT + 1);
		CHECK_STR(trace, "Aa");
		finish();
	}
}

static int change_ax(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->ax += 1000;
	return 0;
}

TL_TEST(handlers_may_change_registers)
{
	for (int way = 0; way < 2; way++) {
		struct kprobe p = { .pre_handler = change_ax };

		start_way(way);
		p.addr = sim_text + SPOT;
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(run_call(0).ax, FILL + 1000);
		finish();
	}
}

TL_TEST(handler_that_returns_not_0_sets_the_course)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0), b = lettered('B', 0);

		start_way(way);
		a.kp.post_handler = b.kp.post_handler = letter_post;
		b.pre_result = 1;
		b.go_to = TEXT(SPOT + 20);
		add(&a, SPOT);
		add(&b, SPOT);
		CHECK_EQ(run_call(0).ax, FILL - 20);
		CHECK_STR(trace, "B"); /* not A, and no post handler */
		CHECK_EQ(a.kp.nmissed + b.kp.nmissed, 0);
		finish();
	}
}

/* As if a hit in a signal had taken the handler for one that is gone. */
static int lose_section(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	sim.contexts[0].stack[0].sp = 0;
	regs->ip = TEXT(SPOT + 20);
	return 1;
}

TL_TEST(handler_whose_section_was_ended_sets_the_course_of_its_own_hit)
{
	for (int way = 0; way < 2; way++) {
		struct kprobe p = { .pre_handler = lose_section };

		start_way(way);
		p.addr = sim_text + SPOT;
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(run_call(0).ax, FILL - 20);
		finish();
	}
}

TL_TEST(handler_that_returns_0_does_not_set_the_course)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0);

		start_way(way);
		a.go_to = TEXT(SPOT + 20);
		add(&a, SPOT);
		CHECK_EQ(run_call(0).ax, FILL);
		finish();
	}
}

TL_TEST(every_instruction_has_its_effect)
{
	for (int way = 0; way < 2; way++) {
		for (size_t off = 0; off < 10; off++) {
			struct lettered a = lettered('A', 0);

			if (off == 1 || (off > 2 && off < 7) || off == 8)
				continue; /* inside of instructions */
			start_way(way);
			a.kp.post_handler = letter_post;
			a.kp.addr = sim_text + CALLER + off;
			CHECK_EQ(register_kprobe(&a.kp), 0);
			CHECK_EQ(run_call(CALLER).ax, 9);
			CHECK_STR(trace, "Aa");
			finish();
		}
	}
}

TL_TEST(post_handler_on_a_branch_is_simulated_and_says_why)
{
	struct lettered a = lettered('A', 0);

	start_way(0);
	a.kp.addr = sim_text + CALLER + 2;
	REQUIRE(register_kprobe(&a.kp) == 0);
	CHECK_EQ(sim_text[CALLER + 2], SIM_JUMP);
	unregister_kprobe(&a.kp);
	a = lettered('A', CALLER + 2);
	a.kp.post_handler = letter_post;
	REQUIRE(register_kprobe(&a.kp) == 0);
	CHECK_EQ(sim_text[CALLER + 2], SIM_TRAP);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_POST_HANDLER);
	CHECK_EQ(run_call(CALLER).ax, 9);
	CHECK_EQ(a.seen.ip, TEXT(LEAF)); /* after the call */
	finish();
}

TL_TEST(instruction_without_a_copy_is_simulated)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start_way(0);
	sim_text[SPOT] = SIM_ONLY;
	keep_pristine();
	a.kp.post_handler = letter_post;
	add(&a, SPOT);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NOT_RELOCATABLE);
	regs = at(0);
	regs.si = 1;
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_EQ(regs.ax, FILL - 1 + 100);
	CHECK_STR(trace, "Aa");
	/* It would fault: there is nothing that could do it for us. */
	regs = at(SPOT);
	CHECK_EQ(sim_step(&regs), SIM_NOT_OURS);
	CHECK_EQ(regs.ax, 0);
	finish();
}

TL_TEST(position_of_the_copy_does_not_show)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0);

		start_way(way);
		sim_text[SPOT + 2] = SIM_WHERE;
		keep_pristine();
		add(&a, way ? SPOT + 2 : SPOT);
		CHECK_EQ(run_call(0).bx, TEXT(SPOT + 3));
		finish();
	}
}

/* ---- misses ---------------------------------------------------------------------- */

static int nested_pre(struct kprobe *p, struct pt_regs *regs)
{
	struct pt_regs inner = at(0);

	(void)p;
	(void)regs;
	note('(');
	/* A call made by the handler, deeper in its stack. */
	inner.sp = (uintptr_t)__builtin_frame_address(0) - 4096;
	inner.sp &= ~15ul;
	memset((void *)(inner.sp - 64), 0, 128);
	CHECK_EQ(sim_run(&inner, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_EQ(inner.ax, FILL);
	note(')');
	return 0;
}

static void nested_post(struct kprobe *p, struct pt_regs *regs,
			unsigned long flags)
{
	(void)flags;
	nested_pre(p, regs);
}

TL_TEST(hit_in_a_handler_runs_no_handler_and_counts_once)
{
	for (int way = 0; way < 2; way++) {
		struct kprobe outer = { .pre_handler = nested_pre,
					.post_handler = nested_post };
		struct lettered in = lettered('I', 0), off = lettered('O', 0);

		start_way(way);
		in.kp.post_handler = letter_post;
		add(&in, SPOT + 20);
		off.kp.flags = KPROBE_FLAG_DISABLED;
		add(&off, SPOT + 20);
		outer.addr = sim_text + SPOT;
		CHECK_EQ(register_kprobe(&outer), 0);
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "()()Ii");
		CHECK_EQ(sim.stack_calls, 0); /* it may be slow */
		CHECK_EQ(in.kp.nmissed, 2);
		CHECK_EQ(off.kp.nmissed, 2); /* disabled ones too */
		CHECK_EQ(outer.nmissed, 2);  /* hit by its own handlers */
		finish();
	}
}

TL_TEST(without_a_context_a_hit_is_a_miss)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0);

		start_way(way);
		a.kp.post_handler = letter_post;
		add(&a, SPOT);
		sim.context = SIM_CONTEXTS;
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "");
		CHECK_EQ(a.kp.nmissed, 1);
		CHECK(!kprobe_running());
		sim.context = 1;
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "Aa");
		CHECK_EQ(a.kp.nmissed, 1);
		finish();
	}
}

TL_TEST(closed_gate_runs_as_unprobed_and_counts_nothing)
{
	for (int way = 0; way < 2; way++) {
		static uint64_t cells[TL_COUNTER_BLOCK / 8];
		struct lettered a = lettered('A', 0), b = lettered('B', 0);

		start_way(way);
		memset(cells, 0, sizeof(cells));
		a.kp.post_handler = letter_post;
		add(&a, SPOT);
		b.kp.pre_handler = NULL;
		b.kp.counter = cells;
		add(&b, SPOT + 20);
		sim_gate = 0;
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "");
		CHECK_EQ(a.kp.nmissed, 0);
		CHECK_EQ(tl_counter_read(cells), 0);
		sim_gate = 1;
		run_call(0);
		CHECK_STR(trace, "Aa");
		CHECK_EQ(tl_counter_read(cells), 1);
		finish();
	}
}

static void *env[5];

/* A handler that never comes back. */
static int leave_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	note('L');
	__builtin_longjmp(env, 1);
}

static void run_and_leave(size_t off)
{
	struct pt_regs regs = at(off);

	if (__builtin_setjmp(env))
		return;
	sim_step(&regs);
	sim_step(&regs);
	CHECK(false);
}

TL_TEST(handler_left_by_longjmp_is_released_by_the_next_hit)
{
	for (int way = 0; way < 2; way++) {
		struct kprobe p = { .pre_handler = leave_pre };
		struct lettered a = lettered('A', 0);
		struct pt_regs regs;

		start_way(way);
		/* On one stack, as in a program: the test's own. */
		sim_ops.stack = NULL;
		p.addr = sim_text + SPOT;
		CHECK_EQ(register_kprobe(&p), 0);
		add(&a, SPOT + 20);
		run_and_leave(SPOT);
		CHECK_EQ(sim.contexts[0].depth, 1);
		/* Deeper than the handler was: it could still be there. */
		regs = at(SPOT + 20);
		regs.sp = sim.contexts[0].stack[0].sp - 4096;
		CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
		CHECK_STR(trace, "L");
		CHECK_EQ(a.kp.nmissed, 1);
		/* Above it: it cannot. */
		regs = at(SPOT + 20);
		regs.sp = sim.contexts[0].stack[0].sp + 4096;
		CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
		CHECK_STR(trace, "LA");
		CHECK_EQ(a.kp.nmissed, 1);
		CHECK_EQ(sim.contexts[0].depth, 0);
		finish();
	}
}

TL_TEST(hit_on_another_stack_is_a_miss_while_a_handler_runs)
{
	struct kprobe p = { .pre_handler = leave_pre };
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start_way(1);
	p.addr = sim_text + SPOT;
	CHECK_EQ(register_kprobe(&p), 0);
	add(&a, SPOT + 20);
	run_and_leave(SPOT); /* its frame: on the test's stack */
	/* A signal handler on a stack of its own, at a higher address. */
	regs = at(SPOT + 20);
	sim.contexts[0].stack[0].from = stack_top(0);
	regs.sp = stack_top(1);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_STR(trace, "L");
	CHECK_EQ(a.kp.nmissed, 1);
	/* Back on the stack that the breakpoint interrupted: it is gone. */
	regs.ip = TEXT(SPOT + 20);
	regs.sp = stack_top(0);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_STR(trace, "LA");
	finish();
}

TL_TEST(hit_on_a_higher_stack_is_a_miss_while_a_handler_runs)
{
	struct kprobe p = { .pre_handler = leave_pre };
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start_way(1);
	p.addr = sim_text + SPOT;
	CHECK_EQ(register_kprobe(&p), 0);
	add(&a, SPOT + 20);
	run_and_leave(SPOT);
	/* As by a detour: the handler runs on the interrupted stack. */
	sim.contexts[0].stack[0].from = stack_top(0);
	sim.contexts[0].stack[0].sp = stack_top(0) - 64;
	regs = at(SPOT + 20);
	regs.sp = stack_top(1);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_EQ(a.kp.nmissed, 1);
	regs = at(SPOT + 20);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_STR(trace, "LA");
	finish();
}

/* ---- counters ------------------------------------------------------------------------ */

static uint64_t cell[6][TL_COUNTER_BLOCK / 8];

TL_TEST(counters_without_handlers_are_kept_in_place)
{
	struct kprobe p[6];
	unsigned long contexts;

	start_way(0);
	memset(cell, 0, sizeof(cell));
	memset(p, 0, sizeof(p));
	for (int i = 0; i < TL_EMIT_COUNTERS; i++) {
		p[i].addr = sim_text + SPOT;
		p[i].counter = cell[i];
		CHECK_EQ(register_kprobe(&p[i]), 0);
		contexts = sim.calls[SIM_CALL_CONTEXT];
		run_call(0);
		/* No handler path: nobody asked for the context. */
		CHECK_EQ(sim.calls[SIM_CALL_CONTEXT], contexts);
	}
	for (int i = 0; i < TL_EMIT_COUNTERS; i++)
		CHECK_EQ(tl_counter_read(cell[i]), 4 - i);
	/* One more than fits: by the handler path. */
	p[4].addr = sim_text + SPOT;
	p[4].counter = cell[4];
	CHECK_EQ(register_kprobe(&p[4]), 0);
	contexts = sim.calls[SIM_CALL_CONTEXT];
	run_call(0);
	CHECK(sim.calls[SIM_CALL_CONTEXT] > contexts);
	CHECK_EQ(tl_counter_read(cell[4]), 1);
	CHECK_EQ(tl_counter_read(cell[0]), 5);
	/* And back in place. */
	unregister_kprobe(&p[0]);
	contexts = sim.calls[SIM_CALL_CONTEXT];
	run_call(0);
	CHECK_EQ(sim.calls[SIM_CALL_CONTEXT], contexts);
	CHECK_EQ(tl_counter_read(cell[0]), 5);
	CHECK_EQ(tl_counter_read(cell[4]), 2);
	finish();
}

TL_TEST(removed_counter_is_out_of_every_detour)
{
	struct kprobe p = { 0 };
	struct pt_regs regs;
	unsigned long quiesced;

	start_way(0);
	memset(cell, 0, sizeof(cell));
	p.addr = sim_text + SPOT;
	p.counter = cell[0];
	CHECK_EQ(register_kprobe(&p), 0);
	regs = at(SPOT);
	sim_step(&regs); /* the jump: in the detour now */
	sim.busy_range = regs.ip;
	quiesced = sim.calls[SIM_CALL_QUIESCE];
	unregister_kprobe(&p);
	/* Waited for as long as is reasonable, and the code still there. */
	CHECK(sim.calls[SIM_CALL_QUIESCE] - quiesced > 5);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	sim.busy_range = 0;
	finish();
}

TL_TEST(removed_counter_of_a_disabled_point_is_waited_for_too)
{
	struct kprobe p = { .counter = cell[0] };
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;
	unsigned long quiesced;

	start_way(0);
	a.kp.flags = KPROBE_FLAG_DISABLED;
	add(&a, SPOT);
	p.addr = sim_text + SPOT;
	CHECK_EQ(register_kprobe(&p), 0);
	regs = at(SPOT);
	sim_step(&regs);
	disable_kprobe(&p);
	sim.busy_range = regs.ip;
	quiesced = sim.calls[SIM_CALL_QUIESCE];
	unregister_kprobe(&p);
	CHECK(sim.calls[SIM_CALL_QUIESCE] - quiesced > 5);
	sim.busy_range = 0;
	finish();
}

TL_TEST(counter_follows_the_probe_that_is_enabled)
{
	struct kprobe p = { .counter = cell[0] }, q = { .counter = cell[1] };

	start_way(0);
	memset(cell, 0, sizeof(cell));
	p.addr = q.addr = sim_text + SPOT;
	q.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	run_call(0);
	disable_kprobe(&p);
	enable_kprobe(&q);
	run_call(0);
	run_call(0);
	CHECK_EQ(tl_counter_read(cell[0]), 1);
	CHECK_EQ(tl_counter_read(cell[1]), 2);
	finish();
}

TL_TEST(counter_beside_a_post_handler_counts)
{
	struct kprobe p = { .counter = cell[0] };
	struct lettered a = lettered('A', 0);

	start_way(0);
	memset(cell, 0, sizeof(cell));
	a.kp.pre_handler = NULL;
	a.kp.post_handler = letter_post;
	add(&a, SPOT);
	p.addr = sim_text + SPOT;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(sim_text[SPOT], SIM_JUMP);
	run_call(0);
	CHECK_STR(trace, "a");
	CHECK_EQ(tl_counter_read(cell[0]), 1);
	finish();
}

TL_TEST(counter_with_handlers_counts_when_they_are_called)
{
	for (int way = 0; way < 2; way++) {
		struct kprobe outer = { .pre_handler = nested_pre };
		struct lettered a = lettered('A', 0);
		struct kprobe only = { .counter = cell[1] };

		start_way(way);
		memset(cell, 0, sizeof(cell));
		a.kp.counter = cell[0];
		add(&a, SPOT + 20);
		only.addr = sim_text + SPOT + 20;
		CHECK_EQ(register_kprobe(&only), 0);
		outer.addr = sim_text + SPOT;
		CHECK_EQ(register_kprobe(&outer), 0);
		run_call(0);
		CHECK_EQ(tl_counter_read(cell[0]), 1);
		CHECK_EQ(a.kp.nmissed, 1);
		/* Nothing but a counter: it never misses. */
		CHECK_EQ(tl_counter_read(cell[1]), 2);
		CHECK_EQ(only.nmissed, 0);
		finish();
	}
}

TL_TEST(counts_are_spread_over_shards)
{
	struct kprobe p = { .counter = cell[0] };
	unsigned int used = 0;

	start_way(1);
	memset(cell, 0, sizeof(cell));
	p.addr = sim_text + SPOT;
	CHECK_EQ(register_kprobe(&p), 0);
	for (sim.context = 0; sim.context < SIM_CONTEXTS; sim.context++)
		run_call(0);
	CHECK_EQ(tl_counter_read(cell[0]), SIM_CONTEXTS);
	for (size_t i = 0; i < TL_SHARDS; i++)
		used += cell[0][i << (TL_SHARD_SHIFT - 3)] != 0;
	CHECK(used > 1);
	sim.context = 0;
	finish();
}

/* ---- traps that are not ours, and faults ------------------------------------------------ */

TL_TEST(breakpoint_of_somebody_else_is_passed_on)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs, before;

	start_way(0);
	sim_text[SPOT] = SIM_TRAP;
	regs = at(SPOT);
	before = regs;
	CHECK_EQ(sim_step(&regs), SIM_NOT_OURS);
	before.ip++;
	CHECK_MEM(&regs, &before, sizeof(regs));

	/* Over a jump of ours. */
	sim_text[SPOT] = SIM_INC;
	add(&a, SPOT);
	REQUIRE(sim_text[SPOT] == SIM_JUMP);
	sim_text[SPOT] = SIM_TRAP;
	regs = at(SPOT);
	CHECK_EQ(sim_step(&regs), SIM_NOT_OURS);
	sim_text[SPOT] = SIM_JUMP;

	/* At a probe that is disabled. */
	disable_kprobe(&a.kp);
	sim_text[SPOT] = SIM_TRAP;
	regs = at(SPOT);
	CHECK_EQ(sim_step(&regs), SIM_NOT_OURS);
	sim_text[SPOT] = SIM_INC;
	CHECK_STR(trace, "");
	finish();
}

TL_TEST(breakpoint_removed_meanwhile_leads_back_to_the_instruction)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start_way(1);
	add(&a, SPOT);
	regs = at(SPOT);
	regs.ip++; /* the trap was taken; it is about to be handled */
	unregister_kprobe(&a.kp);
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_EQ(regs.ip, TEXT(SPOT));
	CHECK_STR(trace, "");
	/* Disarmed, but still registered. */
	a.kp.flags = 0;
	add(&a, SPOT);
	disable_kprobe(&a.kp);
	regs = at(SPOT);
	regs.ip++;
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_EQ(regs.ip, TEXT(SPOT));
	/* Turned into a jump. */
	sim_ops.no_optimize = false;
	enable_kprobe(&a.kp);
	REQUIRE(sim_text[SPOT] == SIM_JUMP);
	regs = at(SPOT);
	regs.ip++;
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_EQ(regs.ip, TEXT(SPOT));
	/* And memory that cannot be read is nobody we know. */
	regs.ip = 65;
	CHECK(!tl_trap_breakpoint(&regs));
	CHECK_EQ(regs.ip, 65);
	CHECK(!tl_trap_step(&regs));
	finish();
}

/* Armed again just between the look at the table and that at the text. */
static struct kprobe *to_enable;

static void enable_it(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (call != SIM_CALL_READ)
		return;
	sim.hook = NULL;
	CHECK_EQ(enable_kprobe(to_enable), 0);
}

TL_TEST(breakpoint_armed_again_meanwhile_is_ours)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start_way(1);
	add(&a, SPOT);
	disable_kprobe(&a.kp);
	regs = at(SPOT);
	regs.ip++;
	to_enable = &a.kp;
	sim.hook = enable_it;
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_STR(trace, "A");
	CHECK(sim_is_exec(regs.ip));
	finish();
}

TL_TEST(fault_in_a_copy_is_put_back_to_the_probed_instruction)
{
	for (int way = 0; way < 2; way++) {
		struct lettered a = lettered('A', 0);
		struct pt_regs regs;
		unsigned long word = 77;

		start_way(way);
		sim_text[SPOT] = SIM_LOAD;
		keep_pristine();
		add(&a, SPOT);
		regs = at(0);
		CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_FAULTED);
		CHECK_EQ(regs.ip, TEXT(SPOT));
		CHECK_STR(trace, "A");
		/* The program mends it and goes on: hit again. */
		regs.si = (unsigned long)&word;
		CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
		CHECK_EQ(regs.dx, 77);
		CHECK_EQ(regs.ax, FILL - 1);
		CHECK_STR(trace, "AA");
		finish();
	}
}

TL_TEST(fault_further_on_in_a_window_can_be_mended_too)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;
	unsigned long word = 77;

	start_way(0);
	sim_text[SPOT + 2] = SIM_LOAD;
	keep_pristine();
	add(&a, SPOT);
	regs = at(0);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_FAULTED);
	CHECK(sim_is_exec(regs.ip));
	CHECK_EQ(tl_origin(regs.ip), TEXT(SPOT + 2));
	CHECK_EQ(tl_origin(TEXT(SPOT)), 0);
	regs.si = (unsigned long)&word;
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
	CHECK_EQ(regs.ax, FILL - 1);
	CHECK_STR(trace, "A");
	finish();
}

TL_TEST(fault_elsewhere_is_left_alone)
{
	struct pt_regs regs;

	start_way(0);
	sim_text[SPOT] = SIM_LOAD;
	keep_pristine();
	regs = at(SPOT);
	CHECK(!tl_trap_fault(&regs));
	CHECK_EQ(regs.ip, TEXT(SPOT));
	finish();
}

/* ---- handlers that do not come back, and who waits for them --------------------- */

static uintptr_t thread_sp;
static int thread_answer;

static int thread_at(const struct tl_context *cx, uintptr_t *sp)
{
	CHECK(cx == &sim.contexts[1]);
	*sp = thread_sp;
	return thread_answer;
}

static unsigned int pauses;

static bool count_pause(unsigned int turn)
{
	pauses++;
	return turn < 200;
}

TL_TEST(unregistration_does_not_wait_for_a_handler_that_was_left)
{
	static const struct {
		const char *name;
		int answer;
		long above; /* of the handler's frame */
		bool waits;
	} rows[] = {
		{ "the thread has ended", 1, 0, false },
		{ "it is above", 0, 64, false },
		{ "it is below", 0, -64, true },
		{ "nobody knows", -TL_ENOENT, 0, true },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct lettered a = lettered('A', 0);
		struct tl_context *cx = &sim.contexts[1];

		ROW(rows[i].name);
		start();
		a.kp.addr = sim_text + 3;
		sim_ops.pause = count_pause;
		sim_ops.thread_at = thread_at;
		pauses = 0;
		REQUIRE(register_kprobe(&a.kp) == 0);
		cx->stack[0].sp = cx->stack[0].from = stack_top(1) - 128;
		cx->depth = 1;
		thread_sp = cx->stack[0].sp + rows[i].above;
		thread_answer = rows[i].answer;
		unregister_kprobe(&a.kp);
		CHECK_EQ(pauses >= 200, rows[i].waits);
		tl_trap_thread_ended(cx);
		CHECK_EQ(cx->depth, 0);
		sim_ops.thread_at = NULL;
		finish();
	}
}
