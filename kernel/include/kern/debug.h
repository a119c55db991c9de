/* SPDX-License-Identifier: MIT */
/*
 * debug.h - who takes care of the debug registers
 *
 * Supplied by the home of the probe engine, or by what stands in for one: then
 * nothing watches, a debugger's requests are refused, and each debug
 * exception is the kernel's or the task's own.
 */
#ifndef KERN_DEBUG_H
#define KERN_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pt_regs;
struct task;

/*
 * A debug exception: what in @status is somebody's is taken out of it.  true: the
 * current task is to get SIGTRAP.  Context: trap.
 */
bool debug_trap(struct pt_regs *regs, unsigned long *status);

/* @task, which has `debugged` set, runs here now.  Context: interrupts off. */
void debug_switched(const struct task *task);

/* A tick of this CPU's timer.  Context: trap. */
void debug_tick(void);

/* The first CPU has come up.  Context: its start code. */
void debug_start(void);

/* This CPU has come up, and can be called.  Context: its start code. */
void debug_cpu_online(void);

/* @child, which does not run yet, is one of @parent's.  0 or -ENOMEM. */
int debug_fork(struct task *parent, struct task *child);

/* @task executes another program, or ends.  Context: task. */
void debug_flush(struct task *task);

/* What a core dump of @task shows: @n registers from 0.  Context: task. */
void debug_core(const struct task *task, unsigned long *values, unsigned int n);

/* A debugger's view of register @n.  0 or an error.  Context: task. */
int debug_write(struct task *task, unsigned int n, unsigned long value);
int debug_read(struct task *task, unsigned int n, unsigned long *value);

/* All of a @kind at once; @n of them are written.  -EIO: not on this processor. */
struct user_debug;
int debug_write_all(struct task *task, unsigned int kind,
		    const struct user_debug *slots, unsigned int n);
int debug_read_all(struct task *task, unsigned int kind,
		   struct user_debug *slots);

/* Does the way from an exception to debug_trap() use any of these bytes? */
bool arch_trap_uses(uintptr_t addr, size_t len);

/*
 * Let a debug exception come after the next instruction of @regs, which say so
 * themselves already; or no more.  Was that so?  Context: trap.
 */
bool arch_debug_step(struct pt_regs *regs, bool on);

/*
 * So many registers to execute (@kind 0), or for all, and to watch data (1); what the
 * CPU calls them.
 */
unsigned int arch_debug_count(unsigned int kind);
unsigned int arch_debug_version(void);

/* Register @n of this CPU.  Context: any, interrupts off. */
void arch_debug_write(unsigned int n, unsigned long value);
unsigned long arch_debug_read(unsigned int n);

#endif
