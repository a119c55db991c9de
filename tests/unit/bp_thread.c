/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * bp_thread.c - a thread's breakpoints: the debugger's view, fork, exec, exit, core
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

TL_TEST(addresses_take_any_value_and_read_back)
{
	static const unsigned long values[] = { 0,    1,    U(0),
						K(0), -1ul, 1ul << 47 };

	bp_start();
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(add_kernel(i), 0);
	for (unsigned int n = 0; n < 4; n++)
		for (unsigned int i = 0; i < TL_ARRAY_SIZE(values); i++) {
			CHECK_EQ(debugger(0, n, values[i]), 0);
			CHECK_EQ(shown(0, n), values[i]);
		}
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(sim.dr[0][0], K(3)); /* the kernel's stays */
	bp_finish();
}

TL_TEST(registers_that_do_not_exist_give_eio)
{
	unsigned long value = 1;

	bp_start();
	for (unsigned int n = 4; n < 12; n++) {
		if (n == 6 || n == 7)
			continue;
		CHECK_EQ(debugger(0, n, 0), -TL_EIO);
		CHECK_EQ(tl_bp_debugger_read(&thread[0], n, &value), -TL_EIO);
	}
	CHECK_EQ(value, 1);
	CHECK(!thread[0].state);
	bp_finish();
}

TL_TEST(a_name_is_not_a_register)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_kernel(1), 0);
	CHECK_EQ(debugger(0, 3, U(3)), 0);
	CHECK_EQ(debugger(0, 1, U(1)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(3, W4) | ENABLE(1, W1)), 0);
	CHECK_EQ(sim.dr[0][0], U(1));
	CHECK_EQ(sim.dr[0][1], U(3));
	write_to(U(3) + 3);
	CHECK_EQ(shown(0, 6), FIXED | 8);
	CHECK_EQ(shown(0, 7), ENABLE(3, W4) | ENABLE(1, W1));
	CHECK_EQ(signals, 1);
	bp_finish();
}

TL_TEST(all_is_judged_when_dr7_is_written)
{
	static const struct {
		const char *name;
		unsigned int code;
		unsigned long addr;
		int err;
	} bad[] = {
		{ "length of code", 4, U(1), -TL_EINVAL },
		{ "port", IO1, U(1), -TL_EINVAL },
		{ "alignment", W4, U(1) + 2, -TL_EINVAL },
		{ "the kernel's", W1, K(1), -TL_EINVAL },
		{ "the kernel's code", X1, K(1), -TL_EINVAL },
	};

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(bad); i++) {
		unsigned long good = ENABLE(0, W8);

		ROW(bad[i].name);
		bp_start();
		CHECK_EQ(debugger(0, 0, U(0)), 0);
		CHECK_EQ(debugger(0, 7, good), 0);
		CHECK_EQ(debugger(0, 2, bad[i].addr), 0);
		CHECK_EQ(debugger(0, 3, U(3)), 0);
		CHECK_EQ(debugger(0, 7, ENABLE(3, W1) | ENABLE(2, bad[i].code)),
			 bad[i].err);
		CHECK_EQ(shown(0, 7), good);
		CHECK_EQ(shown(0, 2), bad[i].addr);
		write_to(U(3));
		CHECK_EQ(exceptions, 0);
		write_to(U(0));
		CHECK_EQ(shown(0, 6), FIXED | 1);
		/* What is off is not looked at. */
		CHECK_EQ(debugger(0, 7,
				  (unsigned long)bad[i].code << (16 + 4 * 2) |
					  ENABLE(3, W1)),
			 0);
		bp_finish();
	}
}

TL_TEST(local_and_global_enable_are_one)
{
	bp_start();
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 7, 2 | (unsigned long)W1 << 16), 0);
	write_to(U(0));
	CHECK_EQ(signals, 1);
	bp_finish();
}

TL_TEST(a_thread_holds_from_the_write_that_enables_to_the_one_that_disables)
{
	bp_start();
	for (unsigned int n = 0; n < 4; n++)
		CHECK_EQ(debugger(5, n, U(n)), 0);
	CHECK_EQ(add_kernel(0), 0); /* nothing is held yet */
	CHECK_EQ(debugger(5, 7,
			  ENABLE(0, W1) | ENABLE(1, W1) | ENABLE(2, W1) |
				  ENABLE(3, W1)),
		 -TL_ENOSPC);
	CHECK_EQ(shown(5, 7), 0);
	CHECK_EQ(debugger(5, 7, ENABLE(0, W1) | ENABLE(1, W1) | ENABLE(2, W1)),
		 0);
	CHECK_EQ(add_kernel(1), -TL_ENOSPC);
	CHECK_EQ(debugger(5, 7, ENABLE(2, W1)), 0);
	CHECK_EQ(add_kernel(1), 0);
	CHECK_EQ(add_kernel(2), 0);
	CHECK_EQ(add_kernel(3), -TL_ENOSPC);
	tl_bp_flush(&thread[5]);
	CHECK_EQ(add_kernel(3), 0);
	bp_finish();
}

TL_TEST(dr6_is_the_threads_own)
{
	bp_start();
	CHECK_EQ(shown(0, 6), FIXED);
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 1, U(1)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1) | ENABLE(1, RW4)), 0);
	write_to(U(0));
	write_to(U(1));
	CHECK_EQ(shown(0, 6), FIXED | 3); /* until it is written */
	CHECK_EQ(shown(1, 6), FIXED);
	CHECK_EQ(debugger(0, 6, 0), 0);
	CHECK_EQ(shown(0, 6), FIXED);
	write_to(U(1));
	CHECK_EQ(shown(0, 6), FIXED | 2);
	CHECK_EQ(debugger(0, 6, FIXED | DR6_STEP), 0);
	CHECK_EQ(shown(0, 6), FIXED | DR6_STEP);
	bp_finish();
}

TL_TEST(an_address_means_nothing_before_dr7_is_written)
{
	bp_start();
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	CHECK_EQ(debugger(0, 0, U(1)), 0);
	write_to(U(1));
	CHECK_EQ(signals, 0);
	write_to(U(0));
	CHECK_EQ(signals, 1);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	write_to(U(0));
	CHECK_EQ(signals, 1);
	write_to(U(1));
	CHECK_EQ(signals, 2);
	bp_finish();
}

TL_TEST(a_debugger_and_others_use_one_thread)
{
	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(add_user(1, 0), 0);
	u[0].bp.silent = true;
	for (unsigned int n = 0; n < 4; n++)
		CHECK_EQ(shown(0, n), 0); /* not seen */
	CHECK_EQ(debugger(0, 0, U(2)), 0);
	CHECK_EQ(debugger(0, 1, U(3)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1) | ENABLE(1, W1)), 0);
	CHECK_EQ(add_user(2, 0), -TL_ENOSPC); /* both count */
	write_to(U(0));
	CHECK_EQ(signals, 0);
	write_to(U(1));
	CHECK_EQ(signals, 1);
	CHECK_EQ(shown(0, 6), FIXED);
	write_to(U(3));
	CHECK_EQ(signals, 2);
	CHECK_EQ(shown(0, 6), FIXED | 2);

	CHECK_EQ(debugger(0, 7, 0), 0); /* frees its own alone */
	write_to(U(1));
	CHECK_EQ(u[1].hits, 2);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	unregister_hw_breakpoint(&u[0].bp);
	unregister_hw_breakpoint(&u[1].bp);
	write_to(U(2));
	CHECK_EQ(signals, 4);
	CHECK_EQ(shown(0, 0), U(2));
	bp_finish();
}

/* ---- fork, exec, exit ------------------------------------------------------------- */

TL_TEST(fork_gives_the_child_none)
{
	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(debugger(0, 0, U(2)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	CHECK_EQ(tl_bp_fork(&thread[0], &thread[4]), 0);
	CHECK(!thread[4].state);
	CHECK_EQ(shown(4, 0), 0);
	switch_to(4);
	write_to(U(0));
	write_to(U(2));
	CHECK_EQ(u[0].hits, 0);
	CHECK_EQ(signals, 0);
	bp_finish();
}

TL_TEST(fork_copies_where_it_is_asked_to)
{
	bp_start();
	sim_debug_ops.fork_copies = true;
	CHECK_EQ(add_user(0, 0), 0);
	u[0].bp.data = &u[0];
	CHECK_EQ(debugger(0, 1, U(2)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(1, W1)), 0);
	CHECK_EQ(tl_bp_fork(&thread[0], &thread[4]), 0);
	CHECK_EQ(shown(4, 1), U(2));
	CHECK_EQ(shown(4, 7), ENABLE(1, W1));
	CHECK_EQ(tl_bp_fork(&thread[1], &thread[5]), 0);
	CHECK(!thread[5].state);
	/* The parent's go; the child keeps its own. */
	unregister_hw_breakpoint(&u[0].bp);
	tl_bp_flush(&thread[0]);
	switch_to(4);
	write_to(U(0));
	CHECK_EQ(hits_of_copies, 1);
	CHECK_EQ(u[0].hits, 0);
	write_to(U(2));
	CHECK_EQ(shown(4, 6), FIXED | 2);
	CHECK_EQ(signals, 2);
	tl_bp_flush(&thread[4]); /* and the memory of the copy with it */
	bp_finish();
}

TL_TEST(a_copy_that_runs_out_of_memory_leaves_nothing)
{
	for (unsigned long n = 1; n <= 3; n++) {
		size_t before;

		bp_start();
		sim_debug_ops.fork_copies = true;
		CHECK_EQ(add_user(0, 0), 0);
		CHECK_EQ(add_user(1, 0), 0);
		before = sim.allocated;
		sim_fail(SIM_CALL_ALLOC, n);
		CHECK_EQ(tl_bp_fork(&thread[0], &thread[4]), -TL_ENOMEM);
		CHECK(!thread[4].state);
		CHECK_EQ(sim.allocated, before);
		CHECK_EQ(add_kernel(0), 0); /* nothing is held either */
		CHECK_EQ(add_kernel(1), 0);
		write_to(U(1));
		CHECK_EQ(u[1].hits, 1);
		bp_finish();
	}
}

TL_TEST(exec_and_exit_flush_and_tell_the_owners)
{
	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(debugger(0, 0, U(1)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	tl_bp_flush(&thread[0]);
	CHECK(!u[0].bp.serial);
	CHECK(!u[0].bp.thread);
	CHECK_EQ(shown(0, 0), 0);
	CHECK_EQ(shown(0, 7), 0);
	CHECK_EQ(sim.dr[0][7], 0);
	write_to(U(0));
	CHECK_EQ(u[0].hits, 0);
	unregister_hw_breakpoint(&u[0].bp); /* as its owner will */
	CHECK_EQ(register_user_hw_breakpoint(&u[0].bp, &thread[0]), 0);
	bp_finish();
}

TL_TEST(addresses_with_dr7_zero_are_structures_to_fork_exec_and_exit)
{
	for (unsigned int copies = 0; copies < 2; copies++) {
		bp_start();
		sim_debug_ops.fork_copies = copies;
		CHECK_EQ(debugger(0, 2, U(2)), 0);
		CHECK(thread[0].state);
		CHECK_EQ(tl_bp_fork(&thread[0], &thread[4]), 0);
		CHECK_EQ(shown(4, 2), copies ? U(2) : 0);
		tl_bp_flush(&thread[0]);
		CHECK(!thread[0].state);
		CHECK_EQ(shown(0, 2), 0);
		tl_bp_flush(&thread[4]);
		CHECK(!thread[4].state);
		bp_finish();
	}
}

TL_TEST(a_new_thread_in_an_old_place_has_no_old_breakpoints)
{
	bp_start();
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	sim.cpu = 3; /* it last ran there */
	switch_to(0);
	switch_to(-1);
	sim.cpu = 0;
	switch_to(-1);
	tl_bp_flush(&thread[0]);
	CHECK_EQ(debugger(0, 0, U(1)), 0);
	CHECK_EQ(debugger(0, 7, ENABLE(0, W1)), 0);
	sim.cpu = 3;
	switch_to(0);
	write_to(U(0));
	CHECK_EQ(signals, 0);
	write_to(U(1));
	CHECK_EQ(signals, 1);
	sim.cpu = 0;
	bp_finish();
}

TL_TEST(a_core_dump_shows_the_names_with_their_holes)
{
	unsigned long core[9];
	unsigned long control = ENABLE(1, W1) | ENABLE(3, X1);

	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(debugger(0, 1, U(1)), 0);
	CHECK_EQ(debugger(0, 2, 7), 0);
	CHECK_EQ(debugger(0, 3, U(3)), 0);
	CHECK_EQ(debugger(0, 7, control), 0);
	execute(U(3));
	tl_bp_core(&thread[0], core, 9);
	CHECK_EQ(core[0], 0);
	CHECK_EQ(core[1], U(1));
	CHECK_EQ(core[2], 7);
	CHECK_EQ(core[3], U(3));
	CHECK_EQ(core[4], 0);
	CHECK_EQ(core[5], 0);
	CHECK_EQ(core[6], FIXED | 8);
	CHECK_EQ(core[7], control);
	CHECK_EQ(core[8], 0);
	tl_bp_core(&thread[1], core, 8);
	CHECK_EQ(core[1], 0);
	CHECK_EQ(core[7], 0);
	bp_finish();
}

TL_TEST(what_one_thread_has_costs_the_others_no_memory)
{
	size_t before;

	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	before = sim.allocated;
	CHECK_EQ(debugger(0, 0, U(0)), 0);
	CHECK_EQ(debugger(0, 0, 0), 0);
	CHECK(!thread[0].state); /* all is as at first */
	CHECK_EQ(sim.allocated, before);
	bp_finish();
}
