/* SPDX-License-Identifier: MIT */
/* syscall.c - which function does what a task asks for */

#include <kern/abi.h>
#include <kern/errno.h>
#include <kern/task.h>

static long call(unsigned long nr, const struct user_regs *u,
		 struct pt_regs *regs)
{
	switch (nr) {
	case SYS_EXIT:
		task_exit((int)(user_arg(u, 0) & 0xff) << 8);
	case SYS_WRITE:
		return sys_write(user_arg(u, 0), user_arg(u, 1));
	case SYS_GETPID:
		return sys_getpid();
	case SYS_GETPPID:
		return sys_getppid();
	case SYS_CPU:
		return sys_cpu();
	case SYS_YIELD:
		return sys_yield();
	case SYS_SLEEP:
		return sys_sleep((unsigned int)user_arg(u, 0));
	case SYS_MOVE:
		return sys_move((uint32_t)user_arg(u, 0));
	case SYS_FORK:
		return sys_fork(regs);
	case SYS_EXEC:
		return sys_exec(user_arg(u, 0), user_arg(u, 1), regs);
	case SYS_WAIT:
		return sys_wait((int)user_arg(u, 0), user_arg(u, 1),
				(unsigned int)user_arg(u, 2));
	case SYS_KILL:
		return sys_kill((int)user_arg(u, 0), (int)user_arg(u, 1));
	case SYS_SIGNAL:
		return sys_signal((int)user_arg(u, 0), user_arg(u, 1),
				  user_arg(u, 2));
	case SYS_SIGMASK:
		return sys_sigmask((uint32_t)user_arg(u, 0));
	case SYS_PTRACE:
		return sys_ptrace((int)user_arg(u, 0), (int)user_arg(u, 1),
				  user_arg(u, 2), user_arg(u, 3));
	default:
		return -ENOSYS;
	}
}

void task_syscall(struct pt_regs *regs)
{
	struct task *self = task_current();
	struct user_regs user;

	arch_user_get(regs, &user);
	if (user_call(&user) == SYS_SIGRETURN)
		sys_sigreturn(regs); /* and its registers are all it returns */
	else
		arch_user_result(regs, call(user_call(&user), &user, regs));
	/* To whom steps, the call was one instruction. */
	if (self->step || arch_user_steps(regs))
		signal_force(self, SIGTRAP);
}
