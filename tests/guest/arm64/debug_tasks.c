/* SPDX-License-Identifier: MIT */
/* debug_tasks.c - hardware breakpoints of tasks, which debug each other */

#include "program.h"
#include <kern/task.h>
#include <tl_test.h>

TL_TEST(a_debugger_watches_a_task)
{
	CHECK_EQ(run_program("watched", ""), 0);
}

TL_TEST(many_debuggers_watch_at_once)
{
	CHECK_EQ(run_programs("watched", "", 4), 0);
}
