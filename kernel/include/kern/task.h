/* SPDX-License-Identifier: MIT */
/*
 * task.h - user tasks
 *
 * A task is a thread that spends its time in user mode, in a space of its own.
 * It is known by its pid until its parent, a task or the kernel, has waited for
 * it.  Children of one that ends become those of its parent.
 */
#ifndef KERN_TASK_H
#define KERN_TASK_H

#include <kern/abi.h>
#include <kern/arch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASK_NAME 16

/* Debug registers have numbers below this, whatever the processor. */
#define TASK_CORE_WORDS 65

struct pt_regs;
struct space;
struct thread;

enum task_state {
	TASK_RUNNING,
	TASK_STOPPED, /* for its debugger */
	TASK_ENDED,   /* waits to be waited for */
};

struct task {
	int pid;
	char name[TASK_NAME];
	struct thread *thread;

	/* Guarded by the scheduler's lock. */
	struct task *next; /* in the list of all */
	struct task *parent, *tracer;
	struct space *space;
	enum task_state state;
	bool reported;	  /* somebody has been told of this stop */
	int status;	  /* of the stop or the end, as SYS_WAIT says it */
	int resume;	  /* the signal that its debugger lets it have */
	bool step;	  /* one instruction, for its debugger */
	uint32_t pending; /* signals, a bit for each */
	uint32_t blocked;

	/* Its own. */
	struct {
		uintptr_t handler, restorer;
	} actions[NR_SIGNALS];
	struct user_regs start; /* where it begins */

	/* For whoever takes care of the debug registers (debug.h). */
	bool debugged; /* it may have breakpoints: its switches are told */
	uintptr_t debug;
	unsigned long
		*core; /* as a signal ended it: TASK_CORE_WORDS, or NULL */

	uint32_t cpus;
};

/* The task whose thread this is, or NULL.  Context: any. */
struct task *task_current(void);

/*
 * Start @program with @arg as a child of the kernel, on @cpus.  A negative error:
 * -ENOENT, no such program; -ENOEXEC; -ENOMEM; else its pid.  Context: task.
 */
int task_start(const char *program, const char *arg, uint32_t cpus);

/*
 * Wait for a child of the kernel, or an orphan, @pid (-1: any) to end.  Its pid,
 * and how it ended; -ECHILD: there is none.  Context: task.
 */
int task_wait(int pid, int *status);

/*
 * Call @fn for each task, the scheduler's lock held, until it returns
 * true.  Context: task.
 */
void task_each(bool (*fn)(const struct task *task, void *arg), void *arg);

/* ---- between the files that make tasks ------------------------------------------ */

/* The first of all; the task @pid, or NULL.  Lock held. */
struct task *task_first(void);
struct task *task_find(int pid);

/* Everybody who waits for a task, and each that is stopped, looks again.  Lock held. */
void task_wake(void);

/* Wait for the next task_wake().  Lock held, and let go meanwhile. */
void task_wait_event(void);

/* End the calling task.  Context: task. */
void task_exit(int status) __attribute__((noreturn));

/* Do what the task asks for at @regs.  Context: task. */
void task_syscall(struct pt_regs *regs);

/*
 * On the way to user mode: what is to be done before?  Interrupts are off when it
 * is called and when it returns.
 */
void task_leave(struct pt_regs *regs);

/* ---- programs: exec.c -------------------------------------------------------------- */

/* A program in the image; see program.S. */
struct program {
	const char *name;
	const char *start, *end;
};
extern const struct program programs_start[], programs_end[];

/*
 * Make a space of @program, and @regs with which it begins, with @arg on its stack.
 * -ENOENT, -ENOEXEC, -ENOMEM.  The space is the caller's.  Context: task.
 */
int program_load(const char *program, const char *arg, struct space **space,
		 struct user_regs *regs);

/* ---- signals: signal.c --------------------------------------------------------------- */

/* Send @sig to @task.  Context: any; the lock is held. */
void signal_send(struct task *task, int sig);

/* @task has caused @sig: it is not blocked or ignored.  Context: task. */
void signal_force(struct task *task, int sig);

/* Is there one to be delivered? */
bool signal_pending(const struct task *task);

/* Deliver one to the calling task, which is at @regs.  Context: task. */
void signal_deliver(struct task *task, struct pt_regs *regs);

/* ---- debuggers: ptrace.c ----------------------------------------------------------------- */

/*
 * Stop for the debugger, which is told of @sig; the signal that is to be delivered
 * then, or 0.  Without one: @sig.  Context: task.
 */
int trace_stop(struct task *task, int sig);

/* @task ends: who is traced by it goes on untraced.  Lock held. */
void trace_forget(const struct task *task);

/* ---- system calls, by name ------------------------------------------------------------------ */

long sys_write(uintptr_t text, size_t len);
long sys_getpid(void);
long sys_getppid(void);
long sys_cpu(void);
long sys_yield(void);
long sys_sleep(unsigned int ms);
long sys_move(uint32_t cpus);
long sys_fork(const struct pt_regs *regs);
long sys_exec(uintptr_t name, uintptr_t arg, struct pt_regs *regs);
long sys_wait(int pid, uintptr_t status, unsigned int flags);
long sys_kill(int pid, int sig);
long sys_signal(int sig, uintptr_t handler, uintptr_t restorer);
long sys_sigmask(uint32_t mask);
long sys_sigreturn(struct pt_regs *regs);
long sys_ptrace(int request, int pid, uintptr_t addr, uintptr_t data);

#endif
