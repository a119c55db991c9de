/* SPDX-License-Identifier: MIT */
/*
 * spinlock.h - locks that may be held in handlers
 */
#ifndef KMOD_LINUX_SPINLOCK_H
#define KMOD_LINUX_SPINLOCK_H

#include <linux/types.h>

typedef struct {
	unsigned int held;
} spinlock_t;

typedef spinlock_t raw_spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name) { 0 }
#define DEFINE_SPINLOCK(name)	   spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RAW_SPINLOCK(name)  DEFINE_SPINLOCK(name)
#define spin_lock_init(lock)	   ((void)((lock)->held = 0))
#define raw_spin_lock_init(lock)   spin_lock_init(lock)

/*
 * What interrupts a thread here is a signal: a handler that it runs into must
 * not want the lock that the thread holds.  So what is also taken in probe
 * handlers is taken with _irqsave elsewhere, as in Linux.
 */
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
int spin_trylock(spinlock_t *lock);

/* Signals are blocked meanwhile, but for those that instructions raise. */
unsigned long kmod_spin_lock_irqsave(spinlock_t *lock);
void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);

#define spin_lock_irqsave(lock, flags) \
	((void)((flags) = kmod_spin_lock_irqsave(lock)))

#define raw_spin_lock(lock)		      spin_lock(lock)
#define raw_spin_unlock(lock)		      spin_unlock(lock)
#define raw_spin_lock_irqsave(lock, flags)    spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags) \
	spin_unlock_irqrestore(lock, flags)

#endif
