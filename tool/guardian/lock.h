/* SPDX-License-Identifier: MIT */
/*
 * lock.h - who cannot be at work on one process together
 */
#ifndef TL_LOCK_H
#define TL_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Be at work on process @pid, together with others or @alone.  A descriptor, whose end
 * is that of the lock; -EBUSY: somebody else was for all of @ms milliseconds, or until
 * @hopeless (or NULL) said so; another negative errno: there is no such process.
 *
 * Guardians share it for as long as they live.  Keepers are alone.
 */
int process_lock(pid_t pid, bool alone, unsigned int ms,
		 bool (*hopeless)(pid_t pid));

#endif
