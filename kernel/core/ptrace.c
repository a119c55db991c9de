/* SPDX-License-Identifier: MIT */
/*
 * ptrace.c - a task that is the debugger of another
 *
 * A traced task stops before a signal is delivered to it, and its debugger hears
 * of that by SYS_WAIT.  While it is stopped the debugger may read and change its
 * memory, text included, since no page is shared, and its registers; then lets it
 * go on, with the signal, another or none.
 *
 * A breakpoint that a debugger plants is one like any other: the task gets
 * SIGTRAP, and stops for that.  A single step is the CPU's own, whose debug
 * exception is SIGTRAP, too; a system call is one instruction of that.
 */

#include <kern/debug.h>
#include <kern/errno.h>
#include <kern/space.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>

int trace_stop(struct task *task, int sig)
{
	unsigned long flags = sched_lock();

	if (task->tracer) {
		arch_user_step(arch_user_regs(arch_current()), false);
		task->step = false;
		task->state = TASK_STOPPED;
		task->reported = false;
		task->status = sig << 8 | 0x7f;
		task->resume = 0;
		task_wake();
		while (task->state == TASK_STOPPED)
			task_wait_event();
		sig = task->resume;
	}
	sched_unlock(flags);
	return sig;
}

/* Let @task, which is stopped, go on with @sig.  Lock held. */
static void go_on(struct task *task, int sig)
{
	task->state = TASK_RUNNING;
	task->resume = sig;
	task_wake();
}

void trace_forget(const struct task *task)
{
	for (struct task *t = task_first(); t; t = t->next) {
		if (t->tracer != task)
			continue;
		t->tracer = NULL;
		if (t->state == TASK_STOPPED)
			go_on(t, 0);
	}
}

static long attach(struct task *task, struct task *to)
{
	if (task == to || task->tracer || task->state == TASK_ENDED)
		return -EPERM;
	task->tracer = to;
	return 0;
}

/* The word at @addr, byte by byte: it may lie in two pages.  Lock held. */
static long copy_word(const struct space *space, uintptr_t addr, uint8_t *word,
		      bool write)
{
	uint8_t *at[sizeof(uint64_t)];

	for (size_t i = 0; i < sizeof(uint64_t); i++) {
		at[i] = space ? space_at(space, addr + i) : NULL;
		if (!at[i])
			return -EFAULT;
	}
	for (size_t i = 0; i < sizeof(uint64_t); i++) {
		if (write)
			*at[i] = word[i];
		else
			word[i] = *at[i];
	}
	return 0;
}

static long resume(struct task *task, int sig, bool step, bool detach)
{
	if (sig < 0 || sig >= NR_SIGNALS)
		return -EINVAL;
	if (detach)
		task->tracer = NULL;
	task->step = step;
	arch_user_step(arch_user_regs(task->thread),
		       step || arch_user_steps(arch_user_regs(task->thread)));
	go_on(task, sig);
	return 0;
}

/* What can be asked of @task, which is stopped; @regs as with the request. */
static long obey(struct task *task, int request, uintptr_t addr, uint64_t *data,
		 struct user_regs *regs)
{
	switch (request) {
	case PTRACE_PEEK:
	case PTRACE_POKE:
		return copy_word(task->space, addr, (uint8_t *)data,
				 request == PTRACE_POKE);
	case PTRACE_GETREGS:
		arch_user_get(arch_user_regs(task->thread), regs);
		return 0;
	case PTRACE_SETREGS:
		return arch_user_set(arch_user_regs(task->thread), regs);
	case PTRACE_CONTINUE:
	case PTRACE_STEP:
	case PTRACE_DETACH:
		return resume(task, (int)*data, request == PTRACE_STEP,
			      request == PTRACE_DETACH);
	case PTRACE_KILL:
		signal_send(task, SIGKILL);
		return 0;
	default:
		return -EINVAL;
	}
}

static long begin_trace(struct task *self, int request, int pid)
{
	unsigned long flags = sched_lock();
	struct task *task = task_find(pid);
	long ret;

	if (request == PTRACE_TRACEME) {
		ret = self->parent ? attach(self, self->parent) : -EPERM;
	} else {
		ret = task ? attach(task, self) : -ESRCH;
		if (!ret)
			signal_send(task, SIGSTOP);
	}
	sched_unlock(flags);
	return ret;
}

static bool is_core_for(const struct task *self, const struct task *task,
			int request)
{
	return task && request == PTRACE_PEEKDEBUG &&
	       task->state == TASK_ENDED && task->core &&
	       (task->tracer == self || task->parent == self);
}

/*
 * The debug registers of @pid.  What takes care of them may sleep, so the lock is
 * let go of; a task that was stopped may be killed meanwhile, but who
 * traces it is the first to hear of that, and is here.
 */
static long debug_registers(struct task *self, int request, int pid,
			    unsigned int n, uintptr_t data)
{
	unsigned long flags = sched_lock(), value = 0;
	struct task *task = task_find(pid);
	bool mine = task && task->tracer == self && task->state == TASK_STOPPED;
	bool core = is_core_for(self, task, request);
	struct user_debug slots;
	long ret;

	if (core && n < TASK_CORE_WORDS)
		value = task->core[n];
	sched_unlock(flags);
	if (core)
		return copy_to_user(data, &value, sizeof(value));
	if (!mine)
		return -ESRCH;
	switch (request) {
	case PTRACE_POKEDEBUG:
		return debug_write(task, n, data);
	case PTRACE_PEEKDEBUG:
		ret = debug_read(task, n, &value);
		return ret ? ret : copy_to_user(data, &value, sizeof(value));
	case PTRACE_GETDEBUG:
		ret = debug_read_all(task, n, &slots);
		return ret ? ret : copy_to_user(data, &slots, sizeof(slots));
	default:
		ret = copy_from_user(&slots, data, sizeof(slots));
		return ret ? ret : debug_write_all(task, n, &slots, slots.info);
	}
}

static bool is_of_debug(int request)
{
	return request == PTRACE_PEEKDEBUG || request == PTRACE_POKEDEBUG ||
	       request == PTRACE_GETDEBUG || request == PTRACE_SETDEBUG;
}

long sys_ptrace(int request, int pid, uintptr_t addr, uintptr_t data)
{
	struct task *self = task_current(), *task;
	struct user_regs regs;
	uint64_t word = data;
	unsigned long flags;
	long ret = -ESRCH;

	if (request == PTRACE_TRACEME || request == PTRACE_ATTACH)
		return begin_trace(self, request, pid);
	if (is_of_debug(request))
		return debug_registers(self, request, pid, (unsigned int)addr,
				       data);
	if (request == PTRACE_SETREGS &&
	    copy_from_user(&regs, data, sizeof(regs)))
		return -EFAULT;
	flags = sched_lock();
	task = task_find(pid);
	if (task && task->tracer == self && task->state == TASK_STOPPED)
		ret = obey(task, request, addr, &word, &regs);
	sched_unlock(flags);
	if (!ret && request == PTRACE_PEEK)
		ret = copy_to_user(data, &word, sizeof(word));
	if (!ret && request == PTRACE_GETREGS)
		ret = copy_to_user(data, &regs, sizeof(regs));
	return ret;
}
