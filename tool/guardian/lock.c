/* SPDX-License-Identifier: MIT */
/*
 * lock.c - who cannot be at work on one process together
 *
 * Guardians enter a process by a borrowed thread and hold its threads now and then; a
 * keeper (tool/watch/) does the same in the beginning and in the end, and traces
 * all threads meanwhile.  Two of them at it in the same moment would be in each other's
 * code.  The lock is the kernel's, on a file that each process has, so nothing is left
 * of it when its owner is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "lock.h"

#define STEP_US 10000

int process_lock(pid_t pid, bool alone, unsigned int ms,
		 bool (*hopeless)(pid_t))
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (unsigned int i = 0;
	     flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB); i++) {
		if (i >= ms * 1000 / STEP_US || (hopeless && hopeless(pid))) {
			close(fd);
			return -EBUSY;
		}
		usleep(STEP_US);
	}
	return fd;
}
