/* SPDX-License-Identifier: MIT */
/*
 * task.c - user tasks: begin, fork, end, wait
 *
 * The scheduler's lock guards what tasks know of each other, and one queue is
 * where everybody sleeps who waits for a task: parents, debuggers, tasks that are
 * stopped.  There are few of them, and whatever changes wakes them all.
 *
 *     task_start, sys_fork ---> TASK_RUNNING ---> TASK_ENDED ---> freed
 *                                |        ^            |
 *                     trace_stop v        |            by who waits for it, its
 *                               TASK_STOPPED           debugger first
 *
 *   A1  A task's space is given up under the lock, so who holds that may look
 *       into the space of another task.
 *   A2  A task is freed by one that has taken it out of the list, after its
 *       thread has been joined.
 */

#include <kern/debug.h>
#include <kern/errno.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/space.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>

static struct task *tasks;
static struct wait_queue events;
static int last_pid;

struct task *task_current(void)
{
	return arch_current()->task;
}

struct task *task_first(void)
{
	return tasks;
}

struct task *task_find(int pid)
{
	struct task *t = tasks;

	while (t && t->pid != pid)
		t = t->next;
	return t;
}

void task_each(bool (*fn)(const struct task *task, void *arg), void *arg)
{
	unsigned long flags = sched_lock();

	for (const struct task *t = tasks; t; t = t->next)
		if (fn(t, arg))
			break;
	sched_unlock(flags);
}

void task_wake(void)
{
	wake_all(&events);
}

void task_wait_event(void)
{
	wait_on(&events);
}

/* ---- the beginning -------------------------------------------------------------- */

/* The first code of a task's thread. */
static void begin(void *arg)
{
	struct thread *self = arch_current();
	struct task *task = arg;
	unsigned long flags;

	task->thread = self;
	flags = arch_irq_save();
	self->task = task;
	if (task->debugged)
		debug_switched(task);
	arch_irq_restore(flags);
	self->space = task->space;
	space_use(self->space);
	arch_user_set(arch_user_regs(self), &task->start);
	arch_enter_user(arch_user_regs(self));
}

/* Put @task, which is complete but for what is set here, to work; its pid. */
static int set_off(struct task *task, struct task *parent)
{
	unsigned long flags = sched_lock();
	int pid = ++last_pid;

	task->pid = pid;
	task->parent = parent;
	task->next = tasks;
	tasks = task;
	sched_unlock(flags);

	if (thread_start(task->name, begin, task, task->cpus))
		return pid;
	flags = sched_lock();
	for (struct task **at = &tasks; *at; at = &(*at)->next) {
		if (*at == task) {
			*at = task->next;
			break;
		}
	}
	sched_unlock(flags);
	return -EAGAIN;
}

static void free_task(struct task *task)
{
	debug_flush(task);
	space_free(task->space);
	kfree(task->core);
	kfree(task);
}

int task_start(const char *program, const char *arg, uint32_t cpus)
{
	struct task *task = kmalloc(sizeof(*task));
	int ret;

	if (!task)
		return -ENOMEM;
	strcopy(task->name, program, sizeof(task->name));
	task->cpus = cpus;
	ret = program_load(program, arg, &task->space, &task->start);
	if (!ret)
		ret = set_off(task, NULL);
	if (ret < 0)
		free_task(task);
	return ret;
}

long sys_fork(const struct pt_regs *regs)
{
	struct task *self = task_current();
	struct task *child = kmalloc(sizeof(*child));
	int ret = -ENOMEM;

	if (!child)
		return -ENOMEM;
	*child = (struct task){ .blocked = self->blocked, .cpus = self->cpus };
	strcopy(child->name, self->name, sizeof(child->name));
	memcpy(child->actions, self->actions, sizeof(child->actions));
	arch_user_get(regs, &child->start);
	user_set_result(&child->start, 0);
	child->space = space_copy(self->space);
	if (child->space)
		ret = debug_fork(self, child);
	if (!ret)
		ret = set_off(child, self);
	if (ret < 0)
		free_task(child);
	return ret;
}

/* ---- the end -------------------------------------------------------------------------- */

/* Nobody is the child or the tracee of @task any more.  Lock held. */
static void leave_family(const struct task *task)
{
	for (struct task *t = tasks; t; t = t->next)
		if (t->parent == task)
			t->parent = task->parent;
	trace_forget(task);
}

/* What its core shows, until it is waited for (PTRACE_PEEKDEBUG). */
static void dump_core(struct task *self)
{
	unsigned long *core = kmalloc(TASK_CORE_WORDS * sizeof(*core));

	if (core)
		debug_core(self, core, TASK_CORE_WORDS);
	self->core = core;
}

void task_exit(int status)
{
	struct thread *thread = arch_current();
	struct task *self = thread->task;
	struct space *space = self->space;
	unsigned long flags;

	if (self->debugged && status & 0x7f) /* a signal */
		dump_core(self);
	debug_flush(self);
	flags = sched_lock();
	self->space = NULL; /* A1 */
	thread->space = NULL;
	space_use(NULL);
	leave_family(self);
	self->status = status;
	sched_unlock(flags);
	space_free(space);

	sched_lock();
	self->state = TASK_ENDED;
	task_wake();
	sched_unlock(flags);
	thread_exit();
}

/*
 * What has @who, NULL is the kernel, to be told of @pid, or of any if that is -1?
 * @any: there is somebody of whom it may be told some day.  Lock held.
 */
static struct task *find_news(const struct task *who, int pid, bool *any)
{
	*any = false;
	for (struct task *t = tasks; t; t = t->next) {
		bool traced = who && t->tracer == who;

		if ((pid != -1 && t->pid != pid) ||
		    (t->parent != who && !traced))
			continue;
		*any = true;
		if (t->state == TASK_ENDED && (traced || !t->tracer))
			return t;
		if (t->state == TASK_STOPPED && traced && !t->reported)
			return t;
	}
	return NULL;
}

/*
 * Tell @who of @task: take its status, and the task out of the list if that was
 * the last that is to be known of it.  Lock held.
 */
static bool take_news(const struct task *who, struct task *task, int *status)
{
	*status = task->status;
	if (task->state == TASK_STOPPED) {
		task->reported = true;
		return false;
	}
	task->tracer = NULL;
	if (task->parent != who) {
		task_wake(); /* its parent is the next */
		return false;
	}
	for (struct task **at = &tasks; *at; at = &(*at)->next) {
		if (*at == task) {
			*at = task->next;
			break;
		}
	}
	return true;
}

static int wait_for(struct task *who, int pid, int *status, bool hang)
{
	unsigned long flags = sched_lock();
	struct task *task;
	bool any, last = false;
	int ret = 0;

	for (;;) {
		task = find_news(who, pid, &any);
		ret = task			   ? task->pid
		      : !any			   ? -ECHILD
		      : !hang			   ? 0
		      : who && signal_pending(who) ? -EINTR
						   : -EAGAIN;
		if (ret != -EAGAIN)
			break;
		task_wait_event();
	}
	if (task)
		last = take_news(who, task, status);
	sched_unlock(flags);
	if (last) {
		thread_join(task->thread); /* A2 */
		free_task(task);
	}
	return ret;
}

int task_wait(int pid, int *status)
{
	assert_may_sleep();
	return wait_for(NULL, pid, status, true);
}

long sys_wait(int pid, uintptr_t to, unsigned int flags)
{
	int status = 0;
	int ret = wait_for(task_current(), pid, &status, !(flags & WNOHANG));

	if (ret > 0 && to && copy_to_user(to, &status, sizeof(status)))
		return -EFAULT;
	return ret;
}
