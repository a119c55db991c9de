/* SPDX-License-Identifier: MIT */
/* sys.c - the simple system calls; the others are with what they are about */

#include <kern/errno.h>
#include <kern/printk.h>
#include <kern/smp.h>
#include <kern/space.h>
#include <kern/task.h>
#include <kern/thread.h>

#define CHUNK 128

long sys_write(uintptr_t text, size_t len)
{
	char chunk[CHUNK];

	for (size_t done = 0; done < len;) {
		size_t n = len - done < CHUNK ? len - done : CHUNK;

		if (copy_from_user(chunk, text + done, n))
			return done ? (long)done : -EFAULT;
		console_write(chunk, n);
		done += n;
	}
	return (long)len;
}

long sys_getpid(void)
{
	return task_current()->pid;
}

long sys_getppid(void)
{
	unsigned long flags = sched_lock();
	const struct task *parent = task_current()->parent;
	int pid = parent ? parent->pid : 0;

	sched_unlock(flags);
	return pid;
}

long sys_cpu(void)
{
	return arch_cpu_id();
}

long sys_yield(void)
{
	thread_yield();
	return 0;
}

/* A signal ends it early. */
long sys_sleep(unsigned int ms)
{
	const struct task *self = task_current();

	for (; ms; ms--) {
		if (signal_pending(self))
			return -EINTR;
		thread_sleep_ms(1);
	}
	return 0;
}

long sys_move(uint32_t cpus)
{
	uint32_t online = (1u << smp_cpus()) - 1;

	if (!(cpus & online))
		return -EINVAL;
	task_current()->cpus = cpus;
	thread_move(cpus);
	return 0;
}
