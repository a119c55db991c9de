/* SPDX-License-Identifier: MIT */
/*
 * patch.c - changing the text of one's own process while its threads run
 *
 * The others are never stopped.  The engine writes breakpoints first, so a
 * thread may run into one at any instant; where SIGTRAP is blocked that would
 * kill it, and so a change is begun only when no thread blocks it.  Blocking it
 * for a moment is normal (every pthread_create() does); that is waited for.
 */
#include "own/own.h"

#include <protocol.h>

#define BEGIN_TRIES  50
#define SEARCH_TRIES 6

/*
 * What the command maps bears its name.  Of an agent some is not writable; the
 * stacks of callers are.
 */
static int is_agent(const struct tl_map *m, void *arg)
{
	static const char name[] = "/memfd:" TL_CODE_NAME " ";
	size_t i = 0;

	(void)arg;
	while (name[i] && m->path[i] == name[i])
		i++;
	return !name[i] && !(m->prot & TL_PROT_WRITE);
}

/*
 * Has the command an engine of its own in this process?  Then it came before the
 * library: where the library is, it brings none.  Two engines would take each other's
 * jumps for the program, so nothing is changed until it has gone.
 */
static bool other_engine(void)
{
	static bool alone; /* under the registration lock; for good */

	alone = alone || !tl_maps_each(is_agent, NULL);
	return !alone;
}

int tlh_patch_begin(void)
{
	int err = tl_home_init();

	if (err)
		return err;
	if (other_engine())
		return -TL_EBUSY;
	if (!tl_sync_works())
		return -TL_EOPNOTSUPP;
	err = tl_sigtrap_install();
	if (err)
		return err;
	for (int i = 0; i < BEGIN_TRIES; i++) {
		if (!tl_threads_block_sigtrap())
			return TL_OTHERS_RUNNING;
		tl_sleep_us(1000);
	}
	return -TL_EBUSY;
}

void tlh_patch_end(void)
{
}

void tlh_evict(struct tl_window *windows, size_t n)
{
	struct tl_search s;

	for (int i = 0; i < SEARCH_TRIES; i++) {
		for (size_t k = 0; k < n; k++)
			windows[k].busy = false;
		tl_search_windows(&s, windows, n);
		tl_threads_search(&s);
		if (!s.busy)
			return;
		tl_sleep_us(100L << i);
	}
}

int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	struct tl_search s;

	for (int i = 0; i < SEARCH_TRIES; i++) {
		tl_search_ranges(&s, ranges, n);
		tl_threads_search(&s);
		if (!s.busy)
			return 0;
		tl_sleep_us(100L << i);
	}
	return -TL_EBUSY;
}
