/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * bp_cpu.c - a CPU's debug registers: switching, and what a debug exception reports
 */
#include "bp_fixture.h"

static struct counted k[4], u[4];

static int add_kernel(unsigned int i)
{
	k[i] = watched(K(i));
	return register_kernel_hw_breakpoint(&k[i].bp);
}

static int add_user(unsigned int i, unsigned int t)
{
	u[i] = watched(U(i));
	return register_user_hw_breakpoint(&u[i].bp, &thread[t]);
}

static unsigned long writes(void)
{
	return sim.calls[SIM_CALL_DR_WRITE];
}

/* ---- switching -------------------------------------------------------------------- */

TL_TEST(a_thread_without_breakpoints_costs_nothing_to_switch_to)
{
	unsigned long before[SIM_NR_CALLS];

	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(add_kernel(0), 0);
	memcpy(before, sim.calls, sizeof(before));
	switch_to(5);
	switch_to(6);
	switch_to(0); /* and back: the registers have it still */
	CHECK_EQ(writes(), before[SIM_CALL_DR_WRITE]);
	switch_to(5);
	CHECK_EQ(sim.calls[SIM_CALL_DR_READ], before[SIM_CALL_DR_READ]);
	bp_finish();
}

TL_TEST(only_registers_that_are_used_are_written)
{
	unsigned long before;

	bp_start();
	CHECK_EQ(add_user(0, 5), 0);
	CHECK_EQ(writes(), SIM_CPUS); /* nobody knows what is there */
	CHECK_EQ(add_user(1, 6), 0);
	CHECK_EQ(add_user(2, 6), 0);
	CHECK_EQ(writes(), SIM_CPUS); /* they do not run */
	switch_to(5);
	before = writes();
	switch_to(6); /* off, two addresses, on */
	CHECK_EQ(writes() - before, 4);
	before = writes();
	switch_to(5);
	CHECK_EQ(writes() - before, 3);
	bp_finish();
}

/* What the thread with the mask @mask, whose addresses begin at @from, has. */
static unsigned long set_mask(unsigned int t, unsigned int mask,
			      unsigned int from)
{
	unsigned long control = 0;

	for (unsigned int n = 0; n < 4; n++) {
		CHECK_EQ(debugger(t, n, U(from + n)), 0);
		if (mask >> n & 1)
			control |= ENABLE(n, n & 1 ? RW4 : W8);
	}
	CHECK_EQ(debugger(t, 7, control), 0);
	return control;
}

static void check_mask(unsigned int t, unsigned int mask, unsigned int from)
{
	for (unsigned int n = 0; n < 4; n++) {
		CHECK_EQ(debugger(t, 6, 0), 0);
		write_to(U(from + n));
		CHECK_EQ(shown(t, 6), FIXED | (mask & 1u << n));
	}
}

TL_TEST(sets_with_every_pattern_of_holes_are_switched_in_and_out)
{
	for (unsigned int a = 0; a < 16; a++)
		for (unsigned int b = 0; b < 16; b++) {
			unsigned int most = __builtin_popcount(a);

			if (__builtin_popcount(b) > (int)most)
				most = __builtin_popcount(b);
			bp_start();
			for (unsigned int i = 0; i < 4 - most; i++)
				CHECK_EQ(add_kernel(i), 0);
			set_mask(5, a, 0);
			set_mask(6, b, 8);
			for (unsigned int round = 0; round < 2; round++) {
				switch_to(5);
				check_mask(5, a, 0);
				check_mask(6, 0, 8);
				switch_to(6);
				check_mask(6, b, 8);
				check_mask(5, 0, 0);
				switch_to(7);
				check_mask(5, 0, 0);
				check_mask(6, 0, 8);
			}
			for (unsigned int i = 0; i < 4 - most; i++) {
				write_to(K(i));
				CHECK_EQ(k[i].hits, 1);
			}
			bp_finish();
		}
}

TL_TEST(what_the_last_thread_left_is_a_false_alarm)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_user(0, 0), 0);
	switch_to(5);
	write_to(U(0));
	CHECK_EQ(exceptions, 1);
	CHECK_EQ(u[0].hits, 0);
	CHECK_EQ(signals, 0);
	CHECK_EQ(left_over, 0);
	write_to(U(0)); /* it is no longer there */
	CHECK_EQ(exceptions, 1);
	write_to(K(0));
	CHECK_EQ(k[0].hits, 1);
	switch_to(0);
	write_to(U(0));
	CHECK_EQ(u[0].hits, 1);
	bp_finish();
}

TL_TEST(where_the_last_and_the_current_thread_disagree_the_current_is_right)
{
	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(add_user(1, 5), 0);
	/* Current has changed, the registers have not. */
	sim.thread[0] = &thread[5];
	write_to(U(0));
	CHECK_EQ(u[0].hits, 0);
	CHECK_EQ(left_over, 0);
	write_to(U(1)); /* the false alarm has put it right */
	CHECK_EQ(u[1].hits, 1);
	/* Another CPU's interrupt comes at that moment. */
	sim.thread[0] = &thread[0];
	sim.cpu = 1;
	CHECK_EQ(add_kernel(0), 0);
	sim.cpu = 0;
	write_to(U(0));
	CHECK_EQ(u[0].hits, 1);
	tl_bp_switched(&thread[0]);
	write_to(U(0));
	CHECK_EQ(u[0].hits, 2);
	bp_finish();
}

static unsigned int steps, fired;
static bool firing;
static unsigned int n_fire;

/* Before and after each write, the kernel touches what it watches. */
static void fire_at_each_step(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (firing ||
	    (call != SIM_CALL_DR_WRITE && call != SIM_CALL_DR_WRITTEN))
		return;
	firing = true;
	steps++;
	for (unsigned int i = 0; i < n_fire; i++)
		write_to(K(i));
	fired++;
	firing = false;
}

TL_TEST(a_kernel_breakpoint_at_any_step_of_a_switch_is_not_lost)
{
	for (unsigned int n = 1; n < 4; n++) {
		bp_start();
		for (unsigned int i = 0; i < n; i++)
			CHECK_EQ(add_kernel(i), 0);
		for (unsigned int i = 0; i < 4 - n; i++) {
			CHECK_EQ(add_user(i, 5), 0);
			CHECK_EQ(debugger(6, i, U(8 + i)), 0);
		}
		CHECK_EQ(debugger(6, 7, ENABLE(0, W1)), 0);
		steps = fired = 0;
		n_fire = n;
		sim.hook = fire_at_each_step;
		switch_to(5);
		switch_to(6);
		switch_to(7);
		switch_to(5);
		sim.hook = NULL;
		CHECK(steps > 10);
		for (unsigned int i = 0; i < n; i++)
			CHECK_EQ(k[i].hits, fired);
		for (unsigned int i = 0; i < 4 - n; i++) {
			write_to(U(i));
			CHECK_EQ(u[i].hits, 1);
		}
		CHECK_EQ(left_over, 0);
		bp_finish();
	}
}

/* At one step of a switch there is a hit that finds the registers out of date. */
static unsigned long fire_at;

static void false_alarm_at_a_step(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (firing ||
	    (call != SIM_CALL_DR_WRITE && call != SIM_CALL_DR_WRITTEN))
		return;
	firing = true;
	if (steps++ == fire_at)
		for (unsigned int i = 0; i < 4; i++)
			write_to(U(i));
	firing = false;
}

TL_TEST(a_false_alarm_at_any_step_of_a_switch_ends_in_the_same_registers)
{
	bool more = true;

	for (fire_at = 0; more; fire_at++) {
		unsigned long want[8];

		bp_start();
		CHECK_EQ(add_kernel(0), 0);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(add_user(i, 5), 0);
		CHECK_EQ(debugger(6, 0, U(8)), 0);
		CHECK_EQ(debugger(6, 1, U(9)), 0);
		CHECK_EQ(debugger(6, 7, ENABLE(0, W1) | ENABLE(1, RW4)), 0);
		switch_to(6);
		memcpy(want, sim.dr[0], sizeof(want));
		switch_to(5);
		steps = 0;
		sim.hook = false_alarm_at_a_step;
		switch_to(6);
		sim.hook = NULL;
		more = steps > fire_at;
		CHECK_EQ(sim.dr[0][7], want[7]);
		CHECK_EQ(sim.dr[0][0], want[0]);
		CHECK_EQ(sim.dr[0][1], want[1]);
		CHECK_EQ(sim.dr[0][3], want[3]);
		CHECK_EQ(signals, 0);
		write_to(U(9));
		CHECK_EQ(shown(6, 6), FIXED | 2);
		bp_finish();
	}
	CHECK(fire_at > 6);
}

/* Of those that stay when one goes, none is lost while they move up. */
TL_TEST(breakpoints_that_move_up_are_hit_once_at_any_step)
{
	for (unsigned int gone = 0; gone < 4; gone++) {
		bp_start();
		for (unsigned int i = 0; i < 4; i++)
			CHECK_EQ(add_kernel(i), 0);
		steps = fired = 0;
		n_fire = 4;
		sim.hook = fire_at_each_step;
		unregister_hw_breakpoint(&k[gone].bp);
		sim.hook = NULL;
		CHECK(steps >= SIM_CPUS * 2);
		for (unsigned int i = 0; i < 4; i++)
			if (i != gone)
				CHECK_EQ(k[i].hits, fired);
		CHECK_EQ(k[gone].hits, 0); /* it is unregistered */
		CHECK_EQ(left_over, 0);
		bp_finish();
	}
}

/* ---- while others change what a CPU has ------------------------------------------------ */

static void touch_on_cpu_2(enum sim_call call, uintptr_t addr)
{
	unsigned int cpu = sim.cpu;

	(void)addr;
	if (call != SIM_CALL_EACH_CPU)
		return;
	sim.cpu = 2;
	write_to(U(0));
	write_to(U(1));
	write_to(K(0));
	sim.cpu = cpu;
}

TL_TEST(hits_before_a_cpu_is_told_belong_to_those_that_are_registered)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_kernel(1), 0);
	CHECK_EQ(add_user(0, 2), 0);
	CHECK_EQ(add_user(1, 2), 0);
	sim.hook = touch_on_cpu_2;
	unregister_hw_breakpoint(&u[0].bp);
	CHECK_EQ(u[0].hits, 0);
	CHECK_EQ(u[1].hits, 1);
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(add_user(0, 2), 0);
	CHECK_EQ(u[1].hits, 2);
	unregister_hw_breakpoint(NULL); /* as Linux: nothing */
	unregister_hw_breakpoint(&k[0].bp);
	CHECK_EQ(k[0].hits, 2);
	CHECK_EQ(u[1].hits, 3);
	CHECK_EQ(debugger(2, 0, U(3)), 0);
	CHECK_EQ(debugger(2, 7, ENABLE(0, W1)), 0);
	CHECK_EQ(u[1].hits, 4);
	CHECK_EQ(left_over, 0);
	bp_finish();
}

/* ---- the exception ---------------------------------------------------------------------- */

TL_TEST(a_kernels_hit_is_no_signal_and_a_threads_is_one)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(debugger(0, 0, U(1)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	write_to(K(0));
	CHECK_EQ(signals, 0);
	write_to(U(0));
	CHECK_EQ(signals, 1);
	write_to(U(1));
	CHECK_EQ(signals, 2);
	CHECK_EQ(k[0].hits, 1);
	bp_finish();
}

TL_TEST(several_at_once_are_each_reported_once)
{
	bp_start();
	u[0] = counted(U(0), 8, HW_BREAKPOINT_W);
	u[1] = counted(U(0) + 4, 4, HW_BREAKPOINT_RW);
	CHECK_EQ(register_user_hw_breakpoint(&u[0].bp, &thread[0]), 0);
	CHECK_EQ(register_user_hw_breakpoint(&u[1].bp, &thread[0]), 0);
	CHECK_EQ(debugger(0, 3, U(0) + 6), 0);
	CHECK_EQ(debugger(0, 2, U(0) + 7), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(3, W2) | ENABLE(2, W1)), 0);
	access_with(U(0), 8, 'w', 0);
	CHECK_EQ(exceptions, 1);
	CHECK_EQ(u[0].hits, 1);
	CHECK_EQ(u[1].hits, 1);
	CHECK_EQ(shown(0, 6), FIXED | 8 | 4);
	CHECK_EQ(signals, 1); /* one for all */
	CHECK_EQ(left_over, 0);
	bp_finish();
}

TL_TEST(the_kernels_and_a_threads_on_one_address_both_hit)
{
	bp_start();
	sim_debug_ops.kernel_start = 0; /* one range for both */
	k[0] = watched(U(0));
	CHECK_EQ(register_kernel_hw_breakpoint(&k[0].bp), 0);
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W8)), 0);
	write_to(U(0));
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(u[0].hits, 1);
	CHECK_EQ(shown(0, 6), FIXED | 1);
	CHECK_EQ(signals, 1);
	bp_finish();
}

TL_TEST(a_single_step_goes_on_to_the_next_in_line)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	access_with(K(0), 1, 'w', DR6_STEP);
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(left_over, DR6_STEP);
	CHECK_EQ(signals, 0);
	access_with(K(9), 1, 'w', DR6_STEP);
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(left_over, DR6_STEP);
	/* A thread with a debugger sees it in its status. */
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	access_with(U(0), 1, 'w', DR6_STEP);
	CHECK_EQ(left_over, DR6_STEP);
	CHECK_EQ(shown(0, 6), FIXED | DR6_STEP | 1);
	CHECK_EQ(signals, 1);
	bp_finish();
}

TL_TEST(bits_of_registers_that_are_off_are_nobodys)
{
	bp_start();
	k[0] = counted(K(0), 8, HW_BREAKPOINT_X);
	CHECK_EQ(register_kernel_hw_breakpoint(&k[0].bp), 0);
	sim.dr[0][1] = K(0); /* off, with the same address */
	execute(K(0));
	CHECK_EQ(exceptions, 1);
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(left_over, 0);
	bp_finish();
}

TL_TEST(nothing_is_touched_before_the_first_breakpoint)
{
	bp_start();
	sim.dr[0][0] = K(0);
	sim.dr[0][7] = ENABLE(0, W1);
	write_to(K(0)); /* somebody else's */
	CHECK_EQ(left_over, 1);
	CHECK_EQ(sim.calls[SIM_CALL_DR_WRITE], 0);
	CHECK_EQ(sim.calls[SIM_CALL_DR_READ], 0);
	sim.dr[0][7] = 0;
	bp_finish();
}

static void touch_again(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	count_hit(bp, regs);
	write_to(K(0));
	write_to(K(1));
}

TL_TEST(registers_are_off_while_it_runs_and_restored)
{
	unsigned long control;

	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_kernel(1), 0);
	CHECK_EQ(add_user(0, 0), 0);
	k[0].bp.triggered = touch_again;
	control = sim.dr[0][7];
	write_to(K(0));
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(k[1].hits, 0);
	CHECK_EQ(k[0].control, 0);
	CHECK_EQ(sim.dr[0][7], control);
	bp_finish();
}

TL_TEST(an_execute_breakpoint_is_not_hit_again_when_it_goes_on)
{
	bp_start();
	k[0] = counted(K(0), 8, HW_BREAKPOINT_X);
	CHECK_EQ(register_kernel_hw_breakpoint(&k[0].bp), 0);
	CHECK_EQ(add_kernel(1), 0);
	execute(K(0));
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(last_regs.flags, 2 | FLAG_RF);
	write_to(K(1));
	CHECK_EQ(last_regs.flags, 2);
	/* A false alarm, too, must get on. */
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, X1)), 0);
	switch_to(5);
	execute(U(0));
	CHECK_EQ(last_regs.flags, 2 | FLAG_RF);
	CHECK_EQ(signals, 0);
	bp_finish();
}

TL_TEST(read_write_sees_reads_and_write_does_not)
{
	bp_start();
	k[0] = counted(K(0), 4, HW_BREAKPOINT_RW);
	k[1] = counted(K(0), 4, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&k[0].bp), 0);
	CHECK_EQ(register_kernel_hw_breakpoint(&k[1].bp), 0);
	access_with(K(0) + 3, 1, 'r', 0);
	access_with(K(0) - 1, 8, 'w', 0);
	CHECK_EQ(k[0].hits, 2);
	CHECK_EQ(k[1].hits, 1);
	bp_finish();
}

TL_TEST(what_is_out_of_date_in_a_register_is_no_other_ones)
{
	bp_start();
	/* The same address for another kind of access, in the same register. */
	CHECK_EQ(debugger(5, 0, U(0)), 0);
	CHECK_EQ(debugger(5, 7, ENABLE(0, X1)), 0);
	CHECK_EQ(debugger(6, 0, U(0)), 0);
	CHECK_EQ(debugger(6, 7, ENABLE(0, W1)), 0);
	switch_to(5);
	sim.thread[0] = &thread[6]; /* not loaded yet */
	execute(U(0));
	CHECK_EQ(signals, 0);
	CHECK_EQ(shown(6, 6), FIXED);
	write_to(U(0));
	CHECK_EQ(signals, 1);
	bp_finish();
}
