/* SPDX-License-Identifier: MIT */
/*
 * thread.h - kernel threads, and who runs where
 *
 * A thread is pre-empted at any instruction at which interrupts are on, and goes
 * on at any CPU that it may use.  Thread 0 is the one that booted the kernel;
 * each CPU has an idle thread besides.
 *
 * A thread is known by its slot for as long as it lives; slots and their stacks
 * are used again.
 */
#ifndef KERN_THREAD_H
#define KERN_THREAD_H

#include <kern/arch.h>
#include <kern/isa.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERN_MAX_THREADS   96
#define THREAD_LOCAL_WORDS 20
#define ALL_CPUS	   (~0u)

struct pt_regs;

/* What was interrupted, in the stack of the one that was. */
struct trap_frame {
	struct pt_regs *regs;
	struct trap_frame *prev; /* what that had interrupted */
	bool exception;		 /* else an interrupt */
};

enum thread_state {
	THREAD_FREE,
	THREAD_NEW,   /* its stack is being made */
	THREAD_READY, /* runs, or waits for a CPU */
	THREAD_BLOCKED,
	THREAD_DONE, /* waits to be joined */
};

struct task;
struct space;

struct thread {
	uintptr_t sp; /* where its registers are, while it does not run */
	uintptr_t stack_low, stack_high;
	struct trap_frame *frames; /* newest first */
	unsigned int slot;
	unsigned int preempt_off; /* nested */
	struct task *task;   /* the user task whose thread it is, or NULL */
	struct space *space; /* the user memory it sees, or NULL */

	/* Guarded by the scheduler's lock. */
	enum thread_state state;
	struct thread *next; /* in the list that it waits in */
	unsigned int cpu;    /* where it runs, or ran last */
	uint32_t cpus;	     /* where it may run */
	bool running, idle, queued;
	uint64_t due; /* asleep until this tick; 0: not asleep */
	unsigned long switches, migrations;

	const char *name;
	void (*fn)(void *arg);
	void *arg;

	/*
	 * For who instruments the kernel, here because it is found so fast.  It is
	 * the slot's: zero at first, and as it was left when the slot is used again.
	 */
	uint64_t local[THREAD_LOCAL_WORDS];
};

extern struct thread threads[KERN_MAX_THREADS];

/* Make thread 0 of what runs now, and this CPU's idle thread.  Boot only. */
void thread_init(void);

/*
 * Start a thread that calls @fn(@arg) and ends when that returns.  @cpus: a bit
 * for each CPU on which it may run.  NULL: no slot or no memory.  Every thread
 * must be joined.  Context: task.
 */
struct thread *thread_start(const char *name, void (*fn)(void *arg), void *arg,
			    uint32_t cpus);

/* Wait for the end of @t and give its slot back.  Context: task. */
void thread_join(struct thread *t);

/* End the calling thread. */
void thread_exit(void) __attribute__((noreturn));

/* Let others run.  Context: task. */
void thread_yield(void);

/* Let at least @ms milliseconds pass.  Context: task. */
void thread_sleep_ms(unsigned int ms);

/*
 * Go on at one of @cpus only; returns when that is so.  Context: task.
 */
void thread_move(uint32_t cpus);

/* Stay on this CPU until preempt_enable(); nests.  Context: any. */
void preempt_disable(void);
void preempt_enable(void);

/*
 * Stop, with the name of the handler, if the caller may not sleep: in a trap or
 * an interrupt, in a probe's handler, with interrupts or pre-emption off.
 */
void assert_may_sleep(void);

/* ---- waiting for each other ------------------------------------------------- */

struct wait_queue {
	struct thread *first;
};

/*
 * The scheduler's lock guards every wait queue.  wait_on() is called with it
 * held: it lets go of it while it waits, and holds it again when it returns.
 */
unsigned long sched_lock(void);
void sched_unlock(unsigned long flags);
void wait_on(struct wait_queue *q);
void wake_all(struct wait_queue *q);

/* A lock whose holder may sleep. */
struct mutex {
	struct thread *owner;
	struct wait_queue waiters;
};

/* Context: task. */
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

/* ---- for the interrupts and the processor's start code --------------------------- */

/* The timer's tick on this CPU, which interrupted @regs.  Context: trap. */
void sched_tick(const struct pt_regs *regs);

/* Wake those whose time has come.  Context: trap, on one CPU. */
void sched_wake_sleepers(uint64_t now);

/* At the end of an interrupt: run another thread if it is time.  Context: trap. */
void sched_preempt(void);

/* Somebody may be ready: look when this interrupt ends.  Context: trap. */
void sched_look(void);

/* Where a new thread begins, with the scheduler's lock held. */
void thread_begin(void) __attribute__((noreturn));

/* The idle thread of CPU @cpu, made at need; and what it does for ever. */
struct thread *thread_idle(unsigned int cpu);
void thread_idle_loop(void) __attribute__((noreturn));

#endif
