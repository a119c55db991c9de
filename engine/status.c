/* SPDX-License-Identifier: MIT */
/*
 * status.c - what there is, and away with it
 */
#include "locks.h"

struct each {
	tl_each_probe_fn *fn;
	void *arg;
};

static enum tl_kind kind_of(const struct tl_point *p)
{
	switch ((enum tl_text)p->text) {
	case TL_TEXT_ORIGINAL:
		break;
	case TL_TEXT_BREAKPOINT:
		return TL_KIND_BREAKPOINT;
	case TL_TEXT_JUMP:
		return p->plan.island ? TL_KIND_ISLAND : TL_KIND_JUMP;
	}
	return TL_KIND_NONE;
}

enum tl_kind trapline_kprobe_kind(const struct kprobe *p)
{
	return tl_probe_registered(p) && tl_probe_wanted(p) ? kind_of(p->point)
							    : TL_KIND_NONE;
}

static int report_point(struct tl_point *p, void *arg)
{
	const struct each *each = arg;
	const struct kprobe *probe = p->probes;
	int ret = 0;

	for (; probe && !ret; probe = probe->next) {
		if (probe->flags & KPROBE_FLAG_HOME)
			continue;
		struct tl_status st = {
			.addr = p->addr,
			.probe = probe,
			.why = trapline_kprobe_why(probe),
			.enabled = tl_probe_wanted(probe),
			.is_return = tl_probe_is_return(probe),
			.by_exits = tl_probe_has_exits(probe),
			.missed = tl_load(&probe->nmissed),
		};

		if (probe->counter)
			st.hits = tl_counter_read(probe->counter);
		if (st.enabled)
			st.kind = kind_of(p);
		ret = each->fn(&st, each->arg);
	}
	return ret;
}

int trapline_each_probe(tl_each_probe_fn *fn, void *arg)
{
	struct each each = { .fn = fn, .arg = arg };
	int ret;

	tl_lock();
	tl_gone_check_all();
	ret = tl_points_each(report_point, &each);
	tl_unlock();
	return ret;
}

/* ---- away with everything -------------------------------------------------------- */

/* On the stack, which may be a small one. */
#define AT_ONCE 128

struct all {
	struct kprobe *kps[AT_ONCE];
	int n;
};

static int pick(struct tl_point *p, void *arg)
{
	struct all *all = arg;
	struct kprobe *probe = p->probes;

	for (; probe && all->n < AT_ONCE; probe = probe->next) {
		if (tl_probe_is_exit(probe))
			continue; /* it goes with its return probe */
		probe->flags |= TL_FLAG_REMOVE;
		all->kps[all->n++] = probe;
	}
	return all->n == AT_ONCE;
}

/* Those of @all that are return probes are removed: forget their calls. */
static void end_returns(struct all *all)
{
	struct kretprobe *rps[AT_ONCE];
	int n = 0;

	for (int i = 0; i < all->n; i++)
		if (tl_probe_is_return(all->kps[i]))
			rps[n++] = tl_retprobe_of(all->kps[i]);
	for (int i = 0; i < n; i++)
		tl_retprobe_forget(rps[i]);
	tl_grace();
	tl_retprobes_give_back(rps, n);
}

static void remove_probes(void)
{
	struct all all;

	do {
		all.n = 0;
		tl_points_each(pick, &all);
		tl_probes_remove(all.kps, all.n);
		end_returns(&all);
	} while (all.n);
}

static int first_error(struct tl_point *p, void *arg)
{
	(void)arg;
	return p->err ? p->err : -TL_EBUSY;
}

int tl_remove_all(void)
{
	int err;

	tl_lock();
	tl_bp_remove_all();
	remove_probes();
	tl_finish();
	err = tl_table_each(first_error, NULL);
	if (!err)
		err = tl_reclaim(true, false);
	if (!err) {
		tl_retprobe_maintain(true);
		tl_table_reset();
		tl_areas_trim();
		tl_arch_forget();
		tl_pool_empty(&tl_engine.copies);
		tl_pool_empty(&tl_engine.points);
	}
	tl_unlock();
	return err;
}
