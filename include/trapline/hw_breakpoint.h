/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint.h - breakpoints in the debug registers of the CPU
 *
 * A hardware breakpoint watches an address: its instruction is about to be
 * executed, or its memory was accessed.  It costs nothing until it is hit and
 * changes no text, but there are few registers.  The kernel, every thread and a
 * debugger share them, and nobody names one: the engine chooses.
 *
 *   H1  Kernel-wide breakpoints are on every CPU, those that come up later
 *       included.  A thread's are on the CPU that it runs on.
 *   H2  A registration that would take what the kernel or any thread holds is
 *       refused with -TL_ENOSPC, at once.  Threads do not run together on a CPU,
 *       so they do not add up: the one that holds most counts.
 *   H3  One access is one call of triggered() for each breakpoint that it hits.
 *   H4  When an unregister function returns, triggered() does not run.
 *
 * In a process each thread stands for a CPU and for a thread: "the kernel's" are those
 * of all threads, those that begin later included, and a thread's is a thread's
 * (trapline_thread() of <trapline/trapline.h>).  There the registers are a kernel's, which may have
 * given some to others: -TL_ENOSPC.  -TL_EPERM: it gives us none.
 *
 * Every function here is called in task context.  A home without debug registers
 * (struct tl_host_ops has no `debug`), or an architecture without support, answers
 * -TL_EOPNOTSUPP.
 */
#ifndef TRAPLINE_HW_BREAKPOINT_H
#define TRAPLINE_HW_BREAKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/errno.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct pt_regs;
struct tl_bp_state;

/* The values are Linux's. */
enum {
	HW_BREAKPOINT_LEN_1 = 1,
	HW_BREAKPOINT_LEN_2 = 2,
	HW_BREAKPOINT_LEN_4 = 4,
	HW_BREAKPOINT_LEN_8 = 8,
};

enum {
	HW_BREAKPOINT_EMPTY = 0,
	HW_BREAKPOINT_R = 1,
	HW_BREAKPOINT_W = 2,
	HW_BREAKPOINT_RW = HW_BREAKPOINT_R | HW_BREAKPOINT_W,
	HW_BREAKPOINT_X = 4,
};

/*
 * What a thread's breakpoints hang on.  A kernel puts one, zeroed, into each of
 * its threads, or keeps it beside; the field is the engine's.  It stays where it
 * is from the first call with it to tl_bp_flush().
 */
struct tl_bp_thread {
	struct tl_bp_state *state; /* NULL: the thread has no breakpoints */
};

struct hw_breakpoint;

/*
 * @bp was hit in the code at @regs.  An execute breakpoint is hit before the
 * instruction at the instruction pointer, and is not hit again when that is
 * returned to; a data breakpoint of x86 after the instruction before it.
 * Breakpoints are off on this CPU meanwhile.  Context: trap: no registration, no
 * sleep.
 */
typedef void hw_breakpoint_triggered_t(struct hw_breakpoint *bp,
				       struct pt_regs *regs);

struct hw_breakpoint {
	/*
	 * The caller's, constant while it is registered.  An address, or the name
	 * of a symbol and an offset, but not both.
	 */
	void *addr;
	const char *symbol_name;
	size_t offset;
	unsigned int len;  /* HW_BREAKPOINT_LEN_*; X: sizeof(long) */
	unsigned int type; /* HW_BREAKPOINT_W, RW or X; R where the CPU can */
	hw_breakpoint_triggered_t *triggered;
	void *data;  /* for triggered() */
	bool silent; /* a thread's: its hit is no signal to the thread */

	/* The engine's, to be zero at the first registration. */
	uintptr_t at;
	struct tl_bp_thread *thread; /* whose it is; NULL: the kernel's */
	unsigned long serial;	     /* 0: not registered */
	bool copied;		     /* by fork, the memory is the engine's */
};

/*
 * Let @bp be hit on every CPU.  Its bytes are the kernel's.  On success all CPUs
 * have it when this returns.  0, or
 * -TL_EINVAL      a type or length that does not exist, an address that is not a
 *                 multiple of the length, an end that wraps or lies in
 *                 the other range, no triggered(), both or none of addr and
 *                 symbol_name, registered already; data that is used on
 *                 the way from the exception to triggered(); code in which no
 *                 probe may be (execute)
 * -TL_EOPNOTSUPP  a type or length that other CPUs have; no registers here
 * -TL_ENOENT      no such symbol
 * -TL_ENOSPC      the registers are in use
 * -TL_EBUSY       a probe that has to be a jump covers the instruction (execute)
 * -TL_ENOMEM
 * The rules are those of Linux's register_wide_hw_breakpoint() for a CPU.
 */
int register_kernel_hw_breakpoint(struct hw_breakpoint *bp);

/*
 * Let @bp be hit when @thread runs.  Its bytes are the user's.  A hit asks for one
 * signal to the thread (TL_DEBUG_SIGNAL of <trapline/trap.h>), unless @bp is silent.
 * Ends with the thread, or its exec: see tl_bp_flush().
 * 0 or an error as above.  The caller sees to it that @thread does not end
 * meanwhile.
 */
int register_user_hw_breakpoint(struct hw_breakpoint *bp,
				struct tl_bp_thread *thread);

/*
 * Let the registered @bp watch what @to says: address or symbol, length, type.
 * Nothing else of @to is looked at.  An error as above leaves @bp as it was.
 */
int modify_hw_breakpoint(struct hw_breakpoint *bp,
			 const struct hw_breakpoint *to);

/*
 * Take @bp away.  Nothing, if it is not registered (its thread has ended), or NULL.  Its
 * memory is the caller's again.
 */
void unregister_hw_breakpoint(struct hw_breakpoint *bp);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
