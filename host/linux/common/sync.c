/* SPDX-License-Identifier: MIT */
/*
 * sync.c - make every CPU see new text
 *
 * membarrier's SYNC_CORE command makes each thread of the process execute a
 * serializing instruction before it goes on in user mode, at 0.2 us when nobody
 * else runs.  Kernels before 4.16 have it not; there, taking away a page's write
 * permission interrupts every CPU that runs the process, and coming back from an
 * interrupt serializes.
 */
#include "common/home.h"

#define CMD_SYNC_CORE	       (1 << 5)
#define CMD_REGISTER_SYNC_CORE (1 << 6)

static char page[TL_PAGE] __attribute__((aligned(4096)));

int tl_sync_init(void)
{
	return tl_sys3(__NR_membarrier, CMD_REGISTER_SYNC_CORE, 0, 0);
}

static void interrupt_all(void)
{
	tl_sys3(__NR_mprotect, (long)page, TL_PAGE,
		TL_PROT_READ | TL_PROT_WRITE);
	__atomic_fetch_add(&page[0], 1, __ATOMIC_SEQ_CST);
	tl_sys3(__NR_mprotect, (long)page, TL_PAGE, TL_PROT_READ);
}

void tlh_sync_cores(void)
{
	long err = tl_sys3(__NR_membarrier, CMD_SYNC_CORE, 0, 0);

	/* A forked child is registered for nothing. */
	if (err == -TL_EPERM && !tl_sync_init())
		err = tl_sys3(__NR_membarrier, CMD_SYNC_CORE, 0, 0);
	if (err)
		interrupt_all();
}
