/* SPDX-License-Identifier: MIT */
/*
 * without_debug.c - nobody takes care of the debug registers
 *
 * Linked where the home of the probe engine does not.
 */

#include <kern/debug.h>
#include <kern/errno.h>

bool debug_trap(struct pt_regs *regs, unsigned long *status)
{
	(void)regs;
	(void)status;
	return false;
}

void debug_switched(const struct task *task)
{
	(void)task;
}

void debug_tick(void)
{
}

void debug_start(void)
{
}

void debug_cpu_online(void)
{
}

int debug_fork(struct task *parent, struct task *child)
{
	(void)parent;
	(void)child;
	return 0;
}

void debug_flush(struct task *task)
{
	(void)task;
}

void debug_core(const struct task *task, unsigned long *values, unsigned int n)
{
	(void)task;
	(void)values;
	(void)n;
}

int debug_write(struct task *task, unsigned int n, unsigned long value)
{
	(void)task;
	(void)n;
	(void)value;
	return -ENOSYS;
}

int debug_write_all(struct task *task, unsigned int kind,
		    const struct user_debug *slots, unsigned int n)
{
	(void)task;
	(void)kind;
	(void)slots;
	(void)n;
	return -ENOSYS;
}

int debug_read_all(struct task *task, unsigned int kind,
		   struct user_debug *slots)
{
	(void)task;
	(void)kind;
	(void)slots;
	return -ENOSYS;
}

int debug_read(struct task *task, unsigned int n, unsigned long *value)
{
	(void)task;
	(void)n;
	(void)value;
	return -ENOSYS;
}
