/* SPDX-License-Identifier: MIT */
/*
 * semaphores.h - markers that a program only reaches while somebody counts them
 *
 * A marker (USDT) may have a semaphore: 16 bits in the program's data, zero while
 * nobody is interested.  Whoever probes the marker raises it by one, and lowers it
 * afterwards.
 */
#ifndef TL_SEMAPHORES_H
#define TL_SEMAPHORES_H

#include <protocol.h>

#include "maps.h"
#include "worker.h"

/*
 * Raise the one at @addr, if that is not done yet, and write it down at @s in the
 * target.  0, or a negative errno: there is no room, or no data there.
 */
int semaphore_raise(struct worker *w, const struct maps *maps,
		    const struct tl_semaphores *s, uint64_t addr);

/* Lower the one at @addr, if it is written down there. */
void semaphore_lower(struct worker *w, const struct maps *maps,
		     const struct tl_semaphores *s, uint64_t addr);

/* Those whose file is not there any more were never raised. */
void semaphores_forget(struct worker *w, const struct maps *maps,
		       const struct tl_semaphores *s);

/* Lower all that are written down; what is written there is distrusted. */
void semaphores_lower(struct worker *w, const struct maps *maps,
		      const struct tl_semaphores *s);

#endif
