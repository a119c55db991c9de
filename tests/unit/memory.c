/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * memory.c - copies are freed when nobody is in them, and not before
 */
#include <engine.h>

#include "engine_fixture.h"

#define SPOT 10

static int plain_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

TL_TEST(memory_is_bounded_over_many_cycles)
{
	unsigned int cycles = 50000 * tl_test_scale;
	size_t most = 0, most_exec = 0;
	struct lettered a = lettered('A', 0), b = lettered('B', 0);

	start();
	for (unsigned int i = 0; i < cycles; i++) {
		a.kp = (struct kprobe){ .addr = sim_text + SPOT + i % 7 };
		b.kp = (struct kprobe){ .addr = sim_text + 50,
					.pre_handler = plain_pre };
		if (i & 1)
			a.kp.post_handler = letter_post;
		sim_ops.no_optimize = i & 2;
		REQUIRE(register_kprobe(&a.kp) == 0);
		REQUIRE(register_kprobe(&b.kp) == 0);
		unregister_kprobe(&a.kp);
		unregister_kprobe(&b.kp);
		if (i < 1000) {
			most = sim.allocated > most ? sim.allocated : most;
			if (sim.exec_allocated > most_exec)
				most_exec = sim.exec_allocated;
		}
	}
	CHECK(sim.allocated <= most);
	CHECK(sim.exec_allocated <= most_exec);
	CHECK(sim.exec_allocated <= 2 * TL_AREA_BYTES);
	finish();
}

TL_TEST(return_probe_cycles_are_bounded_too)
{
	struct kretprobe r;
	size_t most = 0;

	start();
	for (unsigned int i = 0; i < 2000 * tl_test_scale; i++) {
		r = (struct kretprobe){ .maxactive = i & 1 ? 5 : 0,
					.data_size = i & 2 ? 100 : 0 };
		r.kp.addr = sim_text + LEAF;
		REQUIRE(register_kretprobe(&r) == 0);
		CHECK_EQ(run_call(LEAF).ax, 6);
		unregister_kretprobe(&r);
		if (i < 200)
			most = sim.allocated > most ? sim.allocated : most;
	}
	CHECK(sim.allocated <= most);
	finish();
}

TL_TEST(copy_that_somebody_is_in_is_kept)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start();
	a.kp.addr = sim_text + SPOT;
	REQUIRE(register_kprobe(&a.kp) == 0);
	regs = at(SPOT);
	sim_step(&regs);
	sim.busy_range = regs.ip;
	unregister_kprobe(&a.kp);
	/* Whatever is made now, it is not made there. */
	for (int i = 0; i < 500; i++) {
		struct kprobe p = { .pre_handler = plain_pre };

		p.addr = sim_text + 20 + i % 40;
		sim_ops.no_optimize = i & 1;
		REQUIRE(register_kprobe(&p) == 0);
		unregister_kprobe(&p);
	}
	CHECK_EQ(tl_remove_all(), -TL_EBUSY);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	trace_clear();
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 200), SIM_WENT_ON);
	CHECK_EQ(regs.ax, FILL - SPOT);
	CHECK_STR(trace, ""); /* removed: its handler is not called */
	sim.busy_range = 0;
	finish();
}

TL_TEST(one_sleeper_holds_up_one_copy)
{
	static struct kprobe p[60];
	struct kprobe *all[60];
	struct pt_regs regs;

	start();
	memset(p, 0, sizeof(p));
	for (int i = 0; i < 60; i++) {
		p[i].addr = sim_text + i;
		p[i].pre_handler = plain_pre;
		p[i].flags = 0;
		all[i] = &p[i];
	}
	sim_ops.no_optimize = true;
	REQUIRE(register_kprobes(all, 60) == 0);
	regs = at(SPOT);
	regs.ip++;
	sim.context = SIM_CONTEXTS; /* no handler */
	CHECK(tl_trap_breakpoint(&regs));
	sim.context = 0;
	sim.busy_range = regs.ip;
	unregister_kprobes(all, 60);
	tl_maintain();
	CHECK_EQ(tl_engine.n_dirty, 1);
	sim.busy_range = 0;
	tl_maintain();
	CHECK_EQ(tl_engine.n_dirty, 0);
	finish();
}

TL_TEST(window_waits_for_a_thread_in_a_slot_that_leads_into_it)
{
	struct lettered a = lettered('A', 0);
	struct pt_regs regs;

	start();
	sim_ops.no_optimize = true;
	a.kp.addr = sim_text + SPOT;
	REQUIRE(register_kprobe(&a.kp) == 0);
	regs = at(SPOT);
	sim_step(&regs); /* now in the slot, on the way to SPOT + 1 */
	sim.busy_range = regs.ip;
	sim_ops.no_optimize = false;
	/* The same probe, a new one at the same place, and one before it. */
	REQUIRE(disable_kprobe(&a.kp) == 0 && enable_kprobe(&a.kp) == 0);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_BUSY);
	CHECK_EQ(sim_text[SPOT], SIM_TRAP);
	unregister_kprobe(&a.kp);
	a.kp.flags = 0;
	REQUIRE(register_kprobe(&a.kp) == 0);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_BUSY);
	unregister_kprobe(&a.kp);
	a.kp.flags = 0;
	a.kp.addr = sim_text + SPOT - 2;
	REQUIRE(register_kprobe(&a.kp) == 0);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_BUSY);
	/* It goes on, unharmed, and the jump is made. */
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 200), SIM_WENT_ON);
	CHECK_EQ(regs.ax, FILL - SPOT);
	sim.busy_range = 0;
	tl_maintain();
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NONE);
	CHECK_EQ(sim_text[SPOT - 2], SIM_JUMP);
	finish();
}

TL_TEST(window_waits_for_the_slot_of_a_disabled_neighbour)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);
	struct pt_regs regs;

	start();
	sim_ops.no_optimize = true;
	a.kp.addr = sim_text + SPOT;
	REQUIRE(register_kprobe(&a.kp) == 0);
	regs = at(SPOT);
	sim_step(&regs);
	sim.busy_range = regs.ip;
	disable_kprobe(&a.kp);
	sim_ops.no_optimize = false;
	b.kp.addr = sim_text + SPOT - 2;
	REQUIRE(register_kprobe(&b.kp) == 0);
	CHECK_EQ(trapline_kprobe_why(&b.kp), TL_WHY_BUSY);
	CHECK_EQ(sim_run(&regs, TEXT(FILL), 200), SIM_WENT_ON);
	sim.busy_range = 0;
	finish();
}

TL_TEST(handler_may_skip_an_instruction_inside_a_window)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + SPOT;
	a.pre_result = 1;
	a.go_to = TEXT(SPOT + 1); /* in the middle of the jump */
	REQUIRE(register_kprobe(&a.kp) == 0);
	REQUIRE(sim_text[SPOT] == SIM_JUMP);
	CHECK_EQ(run_call(0).ax, FILL - 1);
	finish();
}

/* ---- waiting for handlers ----------------------------------------------------- */

static struct tl_context *running;
static unsigned int ends_at, waited;

static void end_handler(unsigned int turn)
{
	waited = turn + 1;
	if (turn < ends_at)
		return;
	running->depth = 0;
	running->left++;
}

TL_TEST(unregister_waits_for_a_handler_that_runs)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + SPOT;
	REQUIRE(register_kprobe(&a.kp) == 0);
	running = &sim.contexts[2];
	running->depth = 1;
	ends_at = 5;
	sim.on_pause = end_handler;
	unregister_kprobe(&a.kp);
	CHECK_EQ(waited, 6);
	sim.on_pause = NULL;
	finish();
}

static void leave_anon(unsigned int turn)
{
	waited = turn + 1;
	if (turn >= ends_at)
		tl_engine.anon[0] = tl_engine.anon[1] = 0;
}

TL_TEST(unregister_waits_for_traps_without_a_context)
{
	for (unsigned int side = 0; side < 2; side++) {
		struct lettered a = lettered('A', 0);

		start();
		a.kp.addr = sim_text + SPOT;
		REQUIRE(register_kprobe(&a.kp) == 0);
		tl_engine.anon[side] = 1;
		ends_at = 4;
		sim.on_pause = leave_anon;
		unregister_kprobe(&a.kp);
		CHECK_EQ(waited, 5);
		sim.on_pause = NULL;
		finish();
	}
}

TL_TEST(host_may_give_up_and_nothing_is_freed)
{
	struct lettered a = lettered('A', 0);
	size_t in_use;

	start();
	a.kp.addr = sim_text + SPOT;
	REQUIRE(register_kprobe(&a.kp) == 0);
	in_use = tl_engine.points.in_use;
	sim.contexts[1].depth = 1;
	sim.max_pauses = 3;
	unregister_kprobe(&a.kp);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK_EQ(tl_engine.points.in_use, in_use);
	CHECK_EQ(tl_remove_all(), -TL_EBUSY);
	sim.contexts[1].depth = 0;
	tl_maintain();
	CHECK_EQ(tl_engine.points.in_use, 0);
	finish();
}

static int nothing_returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	return 0;
}

/* Pools of calls, too: each kind of them. */
TL_TEST(host_may_give_up_and_pools_are_freed_later)
{
	for (int max = 0; max <= 4; max += 4) {
		struct kretprobe rp = {
			.handler = nothing_returned,
			.maxactive = max,
		};

		start();
		rp.kp.addr = sim_text + LEAF;
		REQUIRE(register_kretprobe(&rp) == 0);
		sim.contexts[1].depth = 1;
		sim.max_pauses = 3;
		unregister_kretprobe(&rp);
		CHECK_EQ(tl_remove_all(), -TL_EBUSY);
		sim.contexts[1].depth = 0;
		sim.max_pauses = 0;
		tl_maintain();
		finish();
	}
}

TL_TEST(areas_lie_where_they_can_be_reached)
{
	static struct kprobe p[2000];

	start();
	memset(p, 0, sizeof(p));
	/* More than one area's worth of detours, at one place. */
	for (int i = 0; i < 90; i++) {
		p[i].addr = sim_text + i;
		p[i].pre_handler = plain_pre;
		p[i].flags = KPROBE_FLAG_DISABLED;
		REQUIRE(register_kprobe(&p[i]) == 0);
	}
	for (int i = 0; i < 90; i++)
		CHECK_EQ(enable_kprobe(&p[i]), 0);
	CHECK_EQ(run_call(0).ax, FILL);
	finish();
}

TL_TEST(small_homes_get_small_areas)
{
	struct lettered a = lettered('A', 0);

	start();
	/* 64, 32 and 16 KiB are too much. */
	sim.fail_at[SIM_CALL_EXEC_ALLOC] = 1;
	a.kp.addr = sim_text + SPOT;
	REQUIRE(register_kprobe(&a.kp) == 0);
	CHECK_EQ(sim.exec_allocated, TL_AREA_BYTES / 2);
	finish();
}
