/* SPDX-License-Identifier: MIT */
/*
 * signal.c - signals: send, force, deliver
 *
 * One bit a signal: sent twice before it is delivered it is delivered once.  They
 * are delivered on the way to user mode, the lowest number first, and to a debugger
 * before that (ptrace.c).
 *
 *     ends the task      SIGKILL; any other without a handler
 *     does nothing       SIGCHLD without a handler; one that is ignored; SIGSTOP,
 *                        which only a debugger sees
 *     calls the handler  with itself blocked until SYS_SIGRETURN
 */

#include <kern/errno.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <kern/thread.h>

#define BIT(sig)    (1u << (sig))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

static bool is_signal(int sig)
{
	return sig > 0 && sig < NR_SIGNALS;
}

bool signal_pending(const struct task *task)
{
	return task->pending & ~task->blocked;
}

void signal_send(struct task *task, int sig)
{
	const struct thread *thread = task->thread;

	if (task->state == TASK_ENDED)
		return;
	task->pending |= BIT(sig);
	if (sig == SIGKILL && task->state == TASK_STOPPED) {
		task->state = TASK_RUNNING;
		task->resume = SIGKILL;
	}
	task_wake();
	/* In user mode on another CPU?  An interrupt brings it here. */
	if (thread && thread->running && thread->cpu != arch_cpu_id())
		arch_send_look(thread->cpu);
}

void signal_force(struct task *task, int sig)
{
	unsigned long flags = sched_lock();

	if (task->blocked & BIT(sig) || task->actions[sig].handler == SIG_IGN) {
		task->blocked &= ~BIT(sig);
		task->actions[sig].handler = SIG_DFL;
	}
	task->pending |= BIT(sig);
	sched_unlock(flags);
}

/* Take the lowest signal that is pending and not blocked, or 0. */
static int take(struct task *task)
{
	unsigned long flags = sched_lock();
	uint32_t ready = task->pending & ~task->blocked;
	int sig = ready & BIT(SIGKILL) ? SIGKILL
		  : ready	       ? __builtin_ctz(ready)
				       : 0;

	task->pending &= ~BIT(sig);
	sched_unlock(flags);
	return sig;
}

static void call_handler(struct task *task, int sig, struct pt_regs *regs)
{
	if (task->step)
		arch_user_step(regs, false);
	if (arch_user_call(regs, sig, task->actions[sig].handler,
			   task->actions[sig].restorer, task->blocked))
		task_exit(SIGSEGV);
	task->blocked |= BIT(sig);
	if (task->step) /* the step ends where the handler begins */
		signal_force(task, SIGTRAP);
}

void signal_deliver(struct task *task, struct pt_regs *regs)
{
	int sig = take(task);

	if (sig && sig != SIGKILL)
		sig = trace_stop(task, sig);
	if (!sig)
		return;
	if (sig != SIGKILL && task->actions[sig].handler > SIG_IGN)
		call_handler(task, sig, regs);
	else if (sig == SIGKILL || (sig != SIGCHLD && sig != SIGSTOP &&
				    task->actions[sig].handler == SIG_DFL))
		task_exit(sig);
}

void task_leave(struct pt_regs *regs)
{
	struct task *self = task_current();

	while (signal_pending(self)) {
		arch_irqs_enable();
		signal_deliver(self, regs);
		arch_irq_save();
	}
}

/* ---- system calls ------------------------------------------------------------- */

long sys_kill(int pid, int sig)
{
	unsigned long flags;
	struct task *task;

	if (!is_signal(sig))
		return -EINVAL;
	flags = sched_lock();
	task = task_find(pid);
	if (task)
		signal_send(task, sig);
	sched_unlock(flags);
	return task ? 0 : -ESRCH;
}

long sys_signal(int sig, uintptr_t handler, uintptr_t restorer)
{
	struct task *self = task_current();

	if (!is_signal(sig) || UNBLOCKABLE & BIT(sig))
		return -EINVAL;
	self->actions[sig].handler = handler;
	self->actions[sig].restorer = restorer;
	return 0;
}

long sys_sigmask(uint32_t mask)
{
	struct task *self = task_current();
	unsigned long flags = sched_lock();
	uint32_t old = self->blocked;

	self->blocked = mask & ~UNBLOCKABLE;
	sched_unlock(flags);
	return old;
}

long sys_sigreturn(struct pt_regs *regs)
{
	uint32_t mask;

	if (arch_user_return(regs, &mask))
		task_exit(SIGSEGV);
	sys_sigmask(mask);
	return 0;
}
