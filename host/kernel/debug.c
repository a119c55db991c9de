/* SPDX-License-Identifier: MIT */
/*
 * debug.c - the debug registers of this kernel, and whose they are
 *
 * A task has room for the engine's handle; `debugged` says that it may lead
 * somewhere, so that a switch to any other task is one test.
 */

#include "host_kernel.h"
#include <kern/abi.h>
#include <kern/arch.h>
#include <kern/debug.h>
#include <kern/isa.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <trapline/host.h>
#include <trapline/trap.h>

_Static_assert(sizeof(struct tl_bp_thread) == sizeof(((struct task *)0)->debug),
	       "room for the handle");

TL_NOPROBE static struct tl_bp_thread *handle(struct task *task)
{
	return (struct tl_bp_thread *)(void *)&task->debug;
}

struct tl_bp_thread *host_kernel_thread(struct task *task)
{
	task->debugged = true;
	return handle(task);
}

TL_NOPROBE static const struct tl_bp_thread *current(void)
{
	struct task *task = task_current();

	return task ? handle(task) : NULL;
}

static void each_cpu(void (*fn)(void *arg), void *arg)
{
	unsigned long flags = arch_irq_save();

	fn(arg);
	cpu_call_others(fn, arg);
	arch_irq_restore(flags);
}

static bool watchable(uintptr_t addr, size_t len)
{
	return !arch_trap_uses(addr, len);
}

struct tl_debug_ops host_kernel_debug = {
	.step = arch_debug_step,
	.write = arch_debug_write,
	.read = arch_debug_read,
	.cpu = arch_cpu_id,
	.cpus = KERN_MAX_CPUS,
	.current = current,
	.each_cpu = each_cpu,
	.user_end = KERN_USER_END,
	.kernel_start = KERN_KERNEL_BASE,
	.watchable = watchable,
};

void host_kernel_fork_copies(bool copy)
{
	host_kernel_debug.fork_copies = copy;
}

TL_NOPROBE bool debug_trap(struct pt_regs *regs, unsigned long *status)
{
	return tl_trap_debug(regs, status) & TL_DEBUG_SIGNAL;
}

void debug_switched(const struct task *task)
{
	(void)task;
	tl_bp_load();
}

void debug_tick(void)
{
	tl_bp_tick();
}

void debug_start(void)
{
	host_kernel_debug.registers[0] = arch_debug_count(0);
	host_kernel_debug.registers[1] = arch_debug_count(1);
	host_kernel_debug.version = arch_debug_version();
}

void debug_cpu_online(void)
{
	tl_bp_cpu_online();
}

int debug_fork(struct task *parent, struct task *child)
{
	int err = tl_bp_fork(handle(parent), handle(child));

	child->debugged = handle(child)->state;
	return err;
}

void debug_flush(struct task *task)
{
	if (task->debugged)
		tl_bp_flush(handle(task));
	task->debugged = false;
}

void debug_core(const struct task *task, unsigned long *values, unsigned int n)
{
	tl_bp_core((const struct tl_bp_thread *)(const void *)&task->debug,
		   values, n);
}

int debug_write(struct task *task, unsigned int n, unsigned long value)
{
	return tl_bp_debugger_write(host_kernel_thread(task), n, value);
}

int debug_read(struct task *task, unsigned int n, unsigned long *value)
{
	return tl_bp_debugger_read(handle(task), n, value);
}

_Static_assert(sizeof(struct user_debug) == sizeof(struct tl_bp_slots),
	       "the same words");

int debug_write_all(struct task *task, unsigned int kind,
		    const struct user_debug *slots, unsigned int n)
{
	return tl_bp_slots_write(host_kernel_thread(task), kind,
				 (const struct tl_bp_slots *)slots, n);
}

int debug_read_all(struct task *task, unsigned int kind,
		   struct user_debug *slots)
{
	return tl_bp_slots_read(handle(task), kind,
				(struct tl_bp_slots *)slots);
}
