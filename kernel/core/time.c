/* SPDX-License-Identifier: MIT */
/* time.c - ticks and work that is done later */

#include <kern/arch.h>
#include <kern/lock.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <stddef.h>

static _Atomic uint64_t now;

static struct {
	struct spinlock lock;
	struct work *first;
} queue;

uint64_t ticks(void)
{
	return atomic_load_explicit(&now, memory_order_relaxed);
}

void tick(void)
{
	atomic_fetch_add_explicit(&now, 1, memory_order_relaxed);
	sched_wake_sleepers(ticks());
}

uint64_t ms_to_ticks(unsigned int ms)
{
	return ((uint64_t)ms * TICK_HZ + 999) / 1000;
}

void work_schedule(struct work *work, unsigned int ms)
{
	unsigned long flags = spin_lock(&queue.lock);

	if (!work->queued) {
		work->queued = true;
		work->due = ticks() + ms_to_ticks(ms);
		work->next = queue.first;
		queue.first = work;
	}
	spin_unlock(&queue.lock, flags);
}

/* Take one piece of work that is due off the queue, or NULL. */
static struct work *take_due(void)
{
	unsigned long flags = spin_lock(&queue.lock);
	struct work *found = NULL;

	for (struct work **at = &queue.first; *at; at = &(*at)->next) {
		if ((*at)->due <= ticks()) {
			found = *at;
			*at = found->next;
			found->queued = false;
			break;
		}
	}
	spin_unlock(&queue.lock, flags);
	return found;
}

void idle_ms(unsigned int ms)
{
	uint64_t end = ticks() + ms_to_ticks(ms);
	struct work *work;

	do {
		while ((work = take_due()))
			work->fn(work);
		if (ticks() < end)
			thread_sleep_ms(1);
	} while (ticks() < end);
}
