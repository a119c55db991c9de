/* SPDX-License-Identifier: MIT */
/*
 * sync.c - make every CPU see new text
 *
 * membarrier's SYNC_CORE command makes each thread of the process execute a
 * serializing instruction before it goes on in user mode, at 0.2 us when nobody
 * else runs.  Kernels before 4.16 have it not; there is another way for each
 * architecture (thread.c), which is slower.
 */
#include "common/home.h"

#define CMD_SYNC_CORE	       (1 << 5)
#define CMD_REGISTER_SYNC_CORE (1 << 6)

int tl_sync_init(void)
{
	return tl_sys3(__NR_membarrier, CMD_REGISTER_SYNC_CORE, 0, 0);
}

bool tl_sync_works(void)
{
	static int works; /* under the registration lock; 0: not known */

	if (!works)
		works = !tl_sys3(__NR_membarrier, CMD_SYNC_CORE, 0, 0) ||
					tl_machine_sync()
				? 1
				: -1;
	return works > 0;
}

void tlh_sync_cores(void)
{
	long err = tl_sys3(__NR_membarrier, CMD_SYNC_CORE, 0, 0);

	/* A forked child is registered for nothing. */
	if (err == -TL_EPERM && !tl_sync_init())
		err = tl_sys3(__NR_membarrier, CMD_SYNC_CORE, 0, 0);
	if (err)
		tl_machine_sync();
}
