/* SPDX-License-Identifier: MIT */
/*
 * lock.h - spinlocks
 *
 * A lock is always taken with interrupts off, so that a handler can never
 * spin on what the code it interrupted holds.
 */
#ifndef KERN_LOCK_H
#define KERN_LOCK_H

#include <kern/arch.h>
#include <stdatomic.h>

struct spinlock {
	atomic_bool taken;
};

/*
 * Take @lock; returns the interrupt state to give back to spin_unlock().
 * Context: any but a trap that may have interrupted a holder.
 */
static inline unsigned long spin_lock(struct spinlock *lock)
{
	unsigned long flags = arch_irq_save();

	while (atomic_exchange_explicit(&lock->taken, true,
					memory_order_acquire))
		arch_cpu_relax();
	return flags;
}

/* Release @lock and restore the interrupt state spin_lock() returned. */
static inline void spin_unlock(struct spinlock *lock, unsigned long flags)
{
	atomic_store_explicit(&lock->taken, false, memory_order_release);
	arch_irq_restore(flags);
}

#endif
