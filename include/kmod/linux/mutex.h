/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - locks that sleep: not in handlers
 */
#ifndef KMOD_LINUX_MUTEX_H
#define KMOD_LINUX_MUTEX_H

#include <linux/types.h>

struct mutex {
	unsigned int state;
};

#define DEFINE_MUTEX(name) struct mutex name = { 0 }
#define mutex_init(m)	   ((void)((m)->state = 0))

void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);
int mutex_trylock(struct mutex *m);

#endif
