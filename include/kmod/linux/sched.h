/* SPDX-License-Identifier: MIT */
/*
 * sched.h - the current task
 */
#ifndef KMOD_LINUX_SCHED_H
#define KMOD_LINUX_SCHED_H

#include <linux/types.h>

#define TASK_COMM_LEN 16

struct mm_struct;

/* A thread.  pid is its own number, tgid that of its process, as in Linux. */
struct task_struct {
	pid_t pid;
	pid_t tgid;
	char comm[TASK_COMM_LEN];
	struct mm_struct *mm; /* never NULL in a process */
};

/*
 * The calling thread, always the same structure for the same one.  May be called
 * in handlers.
 */
struct task_struct *get_current(void);
#define current get_current()

static inline pid_t task_pid_nr(struct task_struct *t)
{
	return t->pid;
}

static inline pid_t task_tgid_nr(struct task_struct *t)
{
	return t->tgid;
}

void schedule(void);
#define cond_resched() schedule()

#endif
