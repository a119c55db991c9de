/* SPDX-License-Identifier: MIT */
/*
 * thread.c - kernel threads and their scheduler
 *
 * One list of threads that are ready, one lock.  A CPU takes the first thread of
 * the list that it may run, so threads move from CPU to CPU all the time.
 *
 *   S1  The lock is held across a switch: taken by the one that leaves, given back
 *       by the one that arrives.  So nobody runs a thread before its registers
 *       are saved, and nobody uses a stack again while its last owner stands on it.
 *   S2  A thread is in the list only while it is ready and does not run.
 */

#include <kern/arch.h>
#include <kern/debug.h>
#include <kern/lock.h>
#include <kern/panic.h>
#include <kern/probes.h>
#include <kern/smp.h>
#include <kern/space.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>

struct thread threads[KERN_MAX_THREADS];

static struct {
	struct spinlock lock;
	struct thread *first;
	struct thread *idle[KERN_MAX_CPUS];
	atomic_bool look[KERN_MAX_CPUS]; /* there may be somebody to run */
} sched;

unsigned long sched_lock(void)
{
	return spin_lock(&sched.lock);
}

void sched_unlock(unsigned long flags)
{
	spin_unlock(&sched.lock, flags);
}

/* ---- the list ---------------------------------------------------------------- */

/* Wake a CPU that has nothing to do and may run @t. */
static void tell_idle_cpu(const struct thread *t)
{
	for (unsigned int i = 0; i < smp_cpus(); i++) {
		if (!(t->cpus >> i & 1) || !sched.idle[i] ||
		    !sched.idle[i]->running || i == arch_cpu_id())
			continue;
		if (!atomic_exchange(&sched.look[i], true))
			arch_send_look(i);
		return;
	}
}

static void append(struct thread **list, struct thread *t)
{
	while (*list)
		list = &(*list)->next;
	t->next = NULL;
	*list = t;
}

static void make_ready(struct thread *t)
{
	t->state = THREAD_READY;
	t->due = 0;
	if (t->running || t->queued || t->idle)
		return;
	t->queued = true;
	append(&sched.first, t);
	tell_idle_cpu(t);
}

static struct thread *take_ready(unsigned int cpu)
{
	for (struct thread **at = &sched.first; *at; at = &(*at)->next) {
		struct thread *t = *at;

		if (!(t->cpus >> cpu & 1))
			continue;
		*at = t->next;
		t->queued = false;
		return t;
	}
	return NULL;
}

/* Run the next thread, if there is one.  Lock held (S1). */
static void switch_away(void)
{
	struct thread *prev = arch_current();
	unsigned int cpu = arch_cpu_id();
	struct thread *next = take_ready(cpu);
	bool may_stay = prev->state == THREAD_READY &&
			(prev->idle || prev->cpus >> cpu & 1);

	sched.look[cpu] = false;
	if (!next)
		next = may_stay ? prev : sched.idle[cpu];
	if (next == prev)
		return;
	prev->running = false;
	if (prev->state == THREAD_READY)
		make_ready(prev);
	next->running = true;
	next->switches++;
	next->migrations += next->cpu != cpu;
	next->cpu = cpu;
	space_use(next->space);
	arch_switch(prev, next);
	if (prev->task && prev->task->debugged) /* which runs again */
		debug_switched(prev->task);
}

static void schedule(void)
{
	unsigned long flags = sched_lock();

	switch_away();
	sched_unlock(flags);
}

/* ---- threads ------------------------------------------------------------------- */

static struct thread *take_slot(const char *name)
{
	unsigned long flags = sched_lock();
	struct thread *found = NULL;

	for (unsigned int i = 0; i < KERN_MAX_THREADS && !found; i++) {
		if (threads[i].state != THREAD_FREE)
			continue;
		found = &threads[i];
		memset(found, 0, offsetof(struct thread, local));
		found->slot = i;
		found->name = name;
		found->state = THREAD_NEW;
	}
	sched_unlock(flags);
	return found;
}

static struct thread *new_thread(const char *name, void (*fn)(void *arg),
				 void *arg, uint32_t cpus)
{
	struct thread *t = take_slot(name);

	if (!t)
		return NULL;
	if (!arch_thread_stack(t->slot, &t->stack_low, &t->stack_high)) {
		t->state = THREAD_FREE;
		return NULL;
	}
	/* Nobody is to take what a dead thread left there for a frame. */
	memset((void *)t->stack_low, 0, t->stack_high - t->stack_low);
	t->fn = fn;
	t->arg = arg;
	t->cpus = cpus;
	arch_thread_prepare(t);
	t->state = THREAD_BLOCKED;
	return t;
}

struct thread *thread_start(const char *name, void (*fn)(void *arg), void *arg,
			    uint32_t cpus)
{
	struct thread *t = new_thread(name, fn, arg, cpus);
	unsigned long flags;

	if (!t)
		return NULL;
	flags = sched_lock();
	make_ready(t);
	sched_unlock(flags);
	return t;
}

void thread_begin(void)
{
	struct thread *self = arch_current();

	sched_unlock(0); /* S1 */
	arch_irqs_enable();
	self->fn(self->arg);
	thread_exit();
}

static struct wait_queue joiners;

void thread_exit(void)
{
	sched_lock();
	arch_current()->state = THREAD_DONE;
	wake_all(&joiners);
	switch_away();
	panic("a dead thread runs");
}

void thread_join(struct thread *t)
{
	unsigned long flags;

	assert_may_sleep();
	flags = sched_lock();
	while (t->state != THREAD_DONE)
		wait_on(&joiners);
	t->state = THREAD_FREE;
	sched_unlock(flags);
}

void thread_init(void)
{
	struct thread *main = &threads[0];

	main->name = "main";
	main->state = THREAD_READY;
	main->running = true;
	main->cpus = ALL_CPUS;
	thread_idle(0);
}

/* ---- idle ------------------------------------------------------------------------ */

static void idle_fn(void *arg)
{
	(void)arg;
	thread_idle_loop();
}

struct thread *thread_idle(unsigned int cpu)
{
	struct thread *t = sched.idle[cpu];

	if (t)
		return t;
	t = new_thread("idle", idle_fn, NULL, 1u << cpu);
	if (!t)
		panic("no memory for an idle thread");
	t->idle = true;
	t->state = THREAD_READY;
	t->cpu = cpu;
	sched.idle[cpu] = t;
	return t;
}

void thread_idle_loop(void)
{
	for (;;) {
		schedule();
		arch_irq_save();
		if (!sched.look[arch_cpu_id()])
			arch_wait_for_interrupt();
		else
			arch_irqs_enable();
	}
}

/* ---- giving way -------------------------------------------------------------------- */

NOPROBE void assert_may_sleep(void)
{
	const struct thread *self = arch_current();
	char name[64];

	if (probes_running(name, sizeof(name)))
		panic("the handler of probe %s sleeps", name);
	if (self->frames)
		panic("%s sleeps in %s", self->name,
		      self->frames->exception ? "a trap" : "an interrupt");
	if (!arch_irqs_on() || self->preempt_off)
		panic("%s sleeps with %s off", self->name,
		      self->preempt_off ? "pre-emption" : "interrupts");
}

void thread_yield(void)
{
	assert_may_sleep();
	schedule();
	arch_cpu_relax(); /* whoever yields in a loop waits for somebody */
}

void thread_sleep_ms(unsigned int ms)
{
	unsigned long flags;

	assert_may_sleep();
	flags = sched_lock();
	arch_current()->due = ticks() + ms_to_ticks(ms) + 1;
	arch_current()->state = THREAD_BLOCKED;
	switch_away();
	sched_unlock(flags);
}

void thread_move(uint32_t cpus)
{
	unsigned long flags;

	assert_may_sleep();
	flags = sched_lock();
	arch_current()->cpus = cpus;
	if (!(cpus >> arch_cpu_id() & 1))
		switch_away();
	sched_unlock(flags);
}

void preempt_disable(void)
{
	arch_current()->preempt_off++;
	atomic_signal_fence(memory_order_seq_cst);
}

void preempt_enable(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	arch_current()->preempt_off--;
}

void sched_wake_sleepers(uint64_t now)
{
	unsigned long flags = sched_lock();

	for (unsigned int i = 0; i < KERN_MAX_THREADS; i++) {
		struct thread *t = &threads[i];

		if (t->state == THREAD_BLOCKED && t->due && t->due <= now)
			make_ready(t);
	}
	sched_unlock(flags);
}

/*
 * An emulator that runs one CPU after the other, each until it waits or its time is
 * over, may leave a CPU out for ever if another never waits.
 */
void sched_tick(const struct pt_regs *regs)
{
	sched_look();
	watchdog_tick(regs);
	debug_tick();
	arch_cpu_relax();
}

void sched_look(void)
{
	sched.look[arch_cpu_id()] = true;
}

void sched_preempt(void)
{
	const struct thread *self = arch_current();

	if (sched.look[arch_cpu_id()] && !self->preempt_off && !self->idle)
		schedule();
}

/* ---- waiting for each other ---------------------------------------------------------- */

void wait_on(struct wait_queue *q)
{
	struct thread *self = arch_current();

	self->state = THREAD_BLOCKED;
	append(&q->first, self);
	switch_away();
}

void wake_all(struct wait_queue *q)
{
	struct thread *t = q->first;

	q->first = NULL;
	while (t) {
		struct thread *next = t->next;

		make_ready(t);
		t = next;
	}
}

void mutex_lock(struct mutex *m)
{
	unsigned long flags;

	assert_may_sleep();
	flags = sched_lock();
	ASSERT(m->owner != arch_current());
	while (m->owner)
		wait_on(&m->waiters);
	m->owner = arch_current();
	sched_unlock(flags);
}

void mutex_unlock(struct mutex *m)
{
	unsigned long flags = sched_lock();

	ASSERT(m->owner == arch_current());
	m->owner = NULL;
	wake_all(&m->waiters);
	sched_unlock(flags);
}
