/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - user tasks without probes: each test is a program that checks what it
 * sees (tests/guest/user/), and what it leaves behind
 */

#include "program.h"
#include <kern/memory.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <tl_test.h>

TL_TEST(a_task_writes_and_exits)
{
	CHECK_EQ(run_program("hello", "task"), 42 << 8);
	CHECK_EQ(run_program("nobody", ""), -2);
	CHECK_EQ(task_wait(-1, &(int){ 0 }), -10);
}

TL_TEST(tasks_fork_exec_exit_and_wait)
{
	CHECK_EQ(run_program("family", ""), 0);
}

TL_TEST(signals_are_delivered_once_and_leave_no_trace)
{
	CHECK_EQ(run_program("signals", ""), 0);
}

TL_TEST(a_task_that_faults_gets_the_signal_for_it)
{
	CHECK_EQ(run_program("faults", ""), 0);
}

TL_TEST(a_debugger_steps_and_plants_breakpoints)
{
	CHECK_EQ(run_program("debugger", ""), 0);
}

TL_TEST(system_calls_are_answered_every_time)
{
	CHECK_EQ(run_program("calls", "100000"), 0);
}

TL_TEST(memory_of_tasks_comes_back)
{
	size_t before;

	run_program("family", ""); /* the heap and the stacks keep some */
	before = page_nr_free();
	for (int i = 0; i < 5; i++)
		CHECK_EQ(run_program("family", ""), 0);
	CHECK_EQ(run_program("faults", ""), 0);
	CHECK_EQ(page_nr_free(), before);
}

TL_TEST(tasks_move_and_are_preempted_everywhere)
{
	CHECK_EQ(run_programs("moves", "300", 8), 0);
}
