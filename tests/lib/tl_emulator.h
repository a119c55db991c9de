/* SPDX-License-Identifier: MIT */
/*
 * tl_emulator.h - does qemu-user run this program, and no kernel of its own?
 *
 * Then nothing can be known of the other threads of the process but what they
 * answer, and there are no events.
 */
#ifndef TL_TEST_EMULATOR_H
#define TL_TEST_EMULATOR_H

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every kernel has ptrace. */
static inline bool under_emulator(void)
{
	return syscall(SYS_ptrace, -1L, -1L, 0, 0) < 0 && errno == ENOSYS;
}

#endif
