/* SPDX-License-Identifier: MIT */
/*
 * all.c - all probes at once: armed, disarmed, jumps or not
 *
 * What Linux offers as files (debugfs kprobes/enabled, sysctl
 * debug.kprobes-optimization) are calls here, by the names of the functions
 * that are behind those files.  Neither touches a probe's flags: what the
 * points want changes (tl_probe_wanted(), optimize.c), and tl_apply() does it.
 */
#include "locks.h"

static int review(struct tl_point *p, void *arg)
{
	(void)arg;
	tl_point_review(p);
	return 0;
}

static int add_point(struct tl_point *p, void *arg)
{
	tl_work_add(arg, p);
	return 0;
}

/* Bring all points to what they now want: 0, or the last error. */
static int apply_to_all(void)
{
	struct tl_work work;
	int err = 0;

	tl_work_init(&work);
	tl_table_each(add_point, &work);
	tl_apply(&work);
	for (struct tl_point *p = work.first; p; p = p->work)
		if (p->err)
			err = p->err;
	tl_reclaim(false, false);
	return err;
}

static int set(bool *which, bool value)
{
	int err = 0;

	tl_lock();
	if (*which != value) {
		tl_store(which, value);
		tl_table_each(review, NULL);
		err = apply_to_all();
	}
	tl_unlock();
	return err;
}

int disarm_all_kprobes(void)
{
	return set(&tl_engine.disarmed, true);
}

int arm_all_kprobes(void)
{
	return set(&tl_engine.disarmed, false);
}

int unoptimize_all_kprobes(void)
{
	return set(&tl_engine.unoptimized, true);
}

int optimize_all_kprobes(void)
{
	return set(&tl_engine.unoptimized, false);
}
