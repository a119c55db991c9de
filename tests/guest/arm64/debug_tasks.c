/* SPDX-License-Identifier: MIT */
/* debug_tasks.c - hardware breakpoints of tasks, which debug each other */

#include "program.h"
#include <host_kernel.h>
#include <kern/task.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/host.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

TL_TEST(a_debugger_watches_a_task)
{
	CHECK_EQ(run_program("watched", ""), 0);
}

TL_TEST(many_debuggers_watch_at_once)
{
	CHECK_EQ(run_programs("watched", "", 4), 0);
}

static _Atomic unsigned int hits, strays;

static int count(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static bool count_stray(enum trap_kind kind, struct pt_regs *regs,
			uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	strays++;
	return false;
}

/* A step that was left on would be a SIGTRAP, and the program's end. */
TL_TEST(no_step_is_left_on_for_user_mode)
{
	static const char *const names[] = { "sys_getpid", "task_syscall",
					     "copy_from_user", "sched_tick" };
	struct kprobe p[TL_ARRAY_SIZE(names)];

	host_kernel_optimize(false);
	host_kernel_stepping(TL_STEPPING_ONE);
	trap_set_hook(TRAP_DEBUG, count_stray);
	hits = strays = 0;
	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++) {
		p[i] = (struct kprobe){ .symbol_name = names[i],
					.pre_handler = count };
		if (register_kprobe(&p[i]))
			p[i].symbol_name = NULL;
	}
	REQUIRE(p[0].symbol_name && p[1].symbol_name);
	CHECK_EQ(run_programs("calls", "500", 4), 0);
	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++)
		if (p[i].symbol_name)
			unregister_kprobe(&p[i]);
	trap_set_hook(TRAP_DEBUG, NULL);
	host_kernel_stepping(TL_STEPPING_NONE);
	host_kernel_optimize(true);
	CHECK(hits >= 4 * 500 * 2);
	CHECK_EQ(strays, 0);
}
