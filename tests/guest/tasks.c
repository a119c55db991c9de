/* SPDX-License-Identifier: MIT */
/* tasks.c - user tasks without probes */

#include <kern/arch.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <tl_test.h>

TL_TEST(a_task_writes_and_exits)
{
	int status = 0, pid = task_start("hello", "task", ALL_CPUS);

	REQUIRE(pid > 0);
	CHECK_EQ(task_wait(pid, &status), pid);
	CHECK_EQ(W_EXITED(status), true);
	CHECK_EQ(W_CODE(status), 42);
}
