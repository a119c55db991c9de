/* SPDX-License-Identifier: MIT */
/*
 * own.h - between the files of host/linux/own
 */
#ifndef TL_LINUX_OWN_H
#define TL_LINUX_OWN_H

#include "common/home.h"

#pragma GCC visibility push(hidden)

/* Set up the home, once.  With the registration lock held. */
int tl_home_init(void);

/* ---- lock.c --------------------------------------------------------------------- */

/*
 * Is the registration lock held by a thread that is not there, of the process
 * that this one was forked from?  Context: task, without it.
 */
bool tl_lock_is_dead(void);

/* ---- signals.c ------------------------------------------------------------------ */

/*
 * See to it that the program's signal handlers see addresses of the program, if
 * that was not done.  Without the registration lock, which it takes.
 */
void tl_signals_start(void);

/*
 * Register @kp, a jump at the entry of a function of the C library's: behind a
 * landing pad, where no jump may be.
 */
int tl_register_guard(struct kprobe *kp);

/*
 * Has thread @tid ended?  One that has ended, and whose process goes on (main() by
 * pthread_exit()), is among the others still.  Context: task.
 */
bool tl_thread_has_ended(uint32_t tid);

/*
 * When thread @tid began, which tells it from another with its number; 0: nobody can
 * tell.  Context: task.
 */
uint64_t tl_thread_since(uint32_t tid);

/* ---- masks.c -------------------------------------------------------------------- */

/* From now on the C library's functions do not block SIGTRAP. */
void tl_masks_start(void);
/* Have this thread believe that it does, or not; what it believed.  Context: any. */
bool tl_block_sigtrap(bool block);

/* ---- debug.c: the debug registers of threads ------------------------------------ */

struct tl_debug_ops;
extern const struct tl_debug_ops tl_own_debug;

/*
 * A SIGTRAP of code TRAP_PERF.  True: it was one of ours, and is not for the
 * program.  Context: trap.
 */
bool tl_debug_trap(const struct tl_siginfo *info, struct tl_ucontext *uc);

/* The calling thread has just begun. */
void tl_debug_thread_begins(void);

/* Have all threads load their registers.  With the registration lock. */
void tl_debug_load_all(void);

/* ---- registers.c: the same where there are no events ----------------------------- */

struct tl_debug_want;

/*
 * Set the registers of thread @tid of this process, register i as @want[i], and stop it
 * for that.  @asks_mask: not while it really blocks SIGTRAP, which would kill it at a
 * hit.  0; -EPERM, it cannot be traced; -ESRCH, it has ended; -ENOSPC, registers are
 * somebody else's; -EBUSY, it blocks SIGTRAP; -EAGAIN, it does not stop, or there is no
 * process to be had.  On failure they are off.
 */
int tl_registers_set(uint32_t tid, const struct tl_debug_want *want,
		     unsigned int n, bool asks_mask);

/* A bit for each that the last exception of thread @tid was of; or as above. */
int tl_registers_hit(uint32_t tid);

/* ---- births.c ------------------------------------------------------------------- */

/* From the end of this registration on, new threads are to be known as they begin. */
void tl_births_follow(void);
/* If that was asked for, and is not so yet.  Without the registration lock. */
void tl_births_start(void);

/* ---- x86/next.c, arm64/next.c ------------------------------------------------------ */

/*
 * Does the CPU tell of a breakpoint, or of a watched access, before the instruction
 * has run, and would tell again?
 */
bool tl_machine_steps_over(void);

/*
 * If so: where is a thread with @regs to be stopped for that to be over?  Up to two
 * places, to one of which it comes next, in @at.  How many.  Context: signal
 * handler.
 */
unsigned int tl_machine_over(const struct pt_regs *regs, uintptr_t at[2]);

/* ---- text.c -------------------------------------------------------------------- */

/*
 * As in struct tl_host_ops: is there code, and a way to write it?  What is mapped
 * is asked once, until tl_text_forget().  Under the registration lock.
 */
bool tl_text_allowed(uintptr_t addr, size_t len, bool jump);
void tl_text_forget(void);

/* ---- symbols.c ---------------------------------------------------------------- */

/* As in struct tl_host_ops. */
int tl_symbols_lookup(const char *name, uintptr_t *addr);
int tl_symbols_function(uintptr_t addr, uintptr_t *start, uintptr_t *end);
uint32_t tl_symbols_inroads(uintptr_t addr);
/* Other code is mapped than before. */
void tl_symbols_forget(void);

/* ---- search.c: where is everybody? ---------------------------------------------- */

/*
 * Addresses that no thread may stand at or return to: the inner boundaries of
 * windows, or everything in some ranges.  One of the two is empty.
 */
struct tl_search {
	struct tl_window *windows;
	size_t n_windows;
	const struct tl_range *ranges;
	size_t n_ranges;
	uintptr_t low; /* nothing of it is outside [low, high) */
	uintptr_t high;
	bool busy; /* out: something was found that could not be moved */

	/* What stacks may be in, by address; not there: ask the kernel. */
	const struct tl_stack *stacks;
	size_t n_stacks;
};

/* A writable mapping. */
struct tl_stack {
	uintptr_t start;
	uintptr_t end;
};

#define TL_MAX_STACKS 4096

void tl_search_windows(struct tl_search *s, struct tl_window *w, size_t n);
void tl_search_ranges(struct tl_search *s, const struct tl_range *r, size_t n);

/*
 * Note what is mapped writable now, in @room (TL_MAX_STACKS), so that
 * tl_search_stack() need not read it for every thread.  Context: task.
 */
void tl_search_note_stacks(struct tl_search *s, struct tl_stack *room);

/*
 * Is @pc one of the addresses?  If it is, *@to is where a thread that stands
 * there may be moved, or 0.  Context: any.
 */
bool tl_search_hit(struct tl_search *s, uintptr_t pc, uintptr_t *to);

/* What @pc belongs to is busy.  Context: any. */
void tl_search_busy(struct tl_search *s, uintptr_t pc);

/*
 * Look for the addresses on the stack from @sp to its end, and on the stacks of
 * code that was interrupted by signals whose frames are on it; what is found is
 * busy.  Context: any.
 */
void tl_search_stack(struct tl_search *s, uintptr_t sp);

/* ---- stack.c -------------------------------------------------------------------- */

/* The host's stack_above(). */
long tl_own_stack_above(uintptr_t sp, size_t len);

/* ---- threads.c: look at every other thread of the process ------------------------ */

/*
 * Move the other threads away from what @s searches for, and mark what could
 * not be emptied as busy.  Context: task.
 */
void tl_threads_search(struct tl_search *s);

/* As in struct tl_host_ops. */
int tl_threads_at(const struct tl_context *cx, uintptr_t *sp);

/*
 * Does an emulator run us (qemu-user), so that what /proc tells of threads, and what
 * is written by /proc/self/mem, is not as the program has it?  Context: task.
 */
bool tl_is_emulated(void);

/*
 * Call @fn for each other thread of the process, by the text of its number.  0, or
 * negative: not for all, as they cannot be listed (no descriptor is free).
 * Context: task.
 */
int tl_threads_each_other(void (*fn)(const char *tid, void *arg), void *arg);

/* Is SIGTRAP blocked in any thread?  Context: task. */
bool tl_threads_block_sigtrap(void);

#pragma GCC visibility pop

#endif
