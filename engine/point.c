/* SPDX-License-Identifier: MIT */
/*
 * point.c - a probed address and the probes at it
 *
 * A point lives from the first registration at its address to the last
 * unregistration, armed or not, and its object some time longer: the code of
 * its copies names it, and threads may be in them.
 *
 * The list of its probes is read by traps and detours while it changes:
 *
 *   P1  Whoever follows the list sees each probe that stays in it, and complete.
 *       (A new probe is filled in before the release in tl_point_link.)
 *   P2  A probe that was taken out can still be stepped over by those who had
 *       reached it.  (Its `next` is left alone until a grace period has
 *       passed: see probe.c.)
 */
#include "locks.h"

/* Every point within this distance below may have bytes at an address. */
#define INSN_MAX 16

/*
 * Is there a point whose instruction overlaps that at @addr, of @len bytes?
 * Then one of the two is no instruction boundary.
 */
static bool overlaps_other(uintptr_t addr, unsigned int len)
{
	uintptr_t at = addr > INSN_MAX ? addr - INSN_MAX : 0;
	struct tl_point *q;

	for (; (q = tl_table_first(at, addr + len)); at = q->addr + 1)
		if (q->addr != addr && q->addr + q->plan.insn_len > addr)
			return true;
	return false;
}

/* Linux's code for a place that the host does not allow: is it text at all? */
static int why_not_allowed(uintptr_t addr)
{
	uint8_t code[TL_BREAKPOINT_BYTES];

	return tlh_read(code, addr, sizeof(code)) ? -TL_ENOENT : -TL_EINVAL;
}

int tl_point_create(uintptr_t addr, unsigned int least, struct tl_point **out,
		    enum tl_why *why)
{
	uintptr_t start = 0, end = 0;
	struct tl_point *p;
	int err;

	tl_assert_held();
	*why = TL_WHY_NONE;
	if (!tl_allowed(addr, 1, false) && !tl_allowed(addr, 1, true))
		return why_not_allowed(addr);
	p = tl_pool_get(&tl_engine.points, sizeof(*p));
	if (!p)
		return -TL_ENOMEM;
	p->addr = addr;
	p->text = TL_TEXT_ORIGINAL;
	p->why = TL_WHY_DISABLED;
	if (tl_function(addr, &start, &end))
		start = end = 0;

	err = tl_arch_plan(&p->plan, addr, start, end, least);
	if (err) {
		*why = p->plan.why;
		goto free_point;
	}
	err = -TL_EILSEQ;
	if (overlaps_other(addr, p->plan.insn_len))
		goto free_point;
	err = -TL_EINVAL;
	if (tl_forbidden(addr, p->plan.insn_len))
		goto free_point;
	if (!tl_allowed(addr, p->plan.insn_len, false) &&
	    !tl_allowed(addr, p->plan.insn_len, true))
		goto free_point;

	p->planned = true;
	tl_table_add(p);
	*out = p;
	return 0;

free_point:
	tl_pool_put(&tl_engine.points, p);
	return err;
}

void tl_point_remove(struct tl_point *p)
{
	tl_assert_held();
	if (p->gone)
		tl_point_forget_gone(p);
	else
		tl_table_remove(p);
	p->dead = true;
	p->work = tl_engine.dead;
	tl_engine.dead = p;
}

void tl_points_bury(void)
{
	struct tl_point *p;

	tl_assert_held();
	while ((p = tl_engine.dead)) {
		struct tl_copy *copy = p->copy;

		tl_engine.dead = p->work;
		p->buried = true;
		if (copy)
			tl_copy_retire(copy);
		else
			tl_point_free_if_done(p);
	}
}

void tl_point_free_if_done(struct tl_point *p)
{
	if (p->buried && !p->copies)
		tl_pool_put(&tl_engine.points, p);
}

bool tl_point_wanted(const struct tl_point *p)
{
	const struct kprobe *probe = p->probes;

	while (probe && !tl_probe_wanted(probe))
		probe = probe->next;
	return probe;
}

bool tl_point_jump_only(const struct tl_point *p)
{
	const struct kprobe *probe = p->probes;

	for (; probe; probe = probe->next)
		if (tl_probe_wanted(probe) &&
		    (probe->flags & KPROBE_FLAG_JUMP_ONLY))
			return true;
	return false;
}

/* Is a call of its pre handler all that a hit of @probe takes? */
static bool is_only_called(const struct kprobe *probe)
{
	bool own = tl_probe_is_return(probe) || tl_probe_is_exit(probe);

	if (!probe->pre_handler || tl_load(&tl_engine.disarmed))
		return false;
	return tl_probe_plain(probe) ||
	       (own && !probe->counter && !probe->post_handler &&
		tl_probe_called(probe));
}

void tl_point_review(struct tl_point *p)
{
	struct kprobe *probe = p->probes;
	bool only = probe && !probe->next && is_only_called(probe);

	tl_store_release(&p->only, only ? probe : NULL); /* P1 */
}

void tl_point_link(struct tl_point *p, struct kprobe *probe)
{
	struct kprobe **link = &p->probes;

	tl_assert_held();
	/* Jprobes after all others, as Linux has them. */
	while (tl_probe_is_jprobe(probe) && *link && !tl_probe_is_jprobe(*link))
		link = &(*link)->next;
	probe->point = p;
	tl_store(&probe->next, *link);
	tl_store_release(link, probe); /* P1 */
	tl_point_review(p);
}

void tl_point_unlink(struct tl_point *p, struct kprobe *probe)
{
	struct kprobe **link = &p->probes;

	tl_assert_held();
	while (*link != probe)
		link = &(*link)->next;
	tl_store_release(link, probe->next); /* P2 */
	tl_point_review(p);
}

/*
 * Text as it was: what is in memory, with the original bytes of every armed
 * point, and of islands, put over it.
 */
int tl_text_read(void *dst, uintptr_t src, size_t len)
{
	uintptr_t at = src > TL_EDIT_BYTES ? src - TL_EDIT_BYTES : 0;
	struct tl_point *p;
	int err;

	err = tlh_read(dst, src, len);
	if (err)
		return err;
	tl_islands_hide(dst, src, len);
	if (!tl_engine.n_armed)
		return 0;
	for (; (p = tl_table_first(at, src + len)); at = p->addr + 1) {
		unsigned int n = p->text == TL_TEXT_JUMP || p->torn
					 ? p->plan.orig_len
					 : TL_BREAKPOINT_BYTES;

		if (p->text == TL_TEXT_ORIGINAL && !p->torn)
			continue;
		for (unsigned int i = 0; i < n; i++)
			if (p->addr + i >= src && p->addr + i < src + len)
				((uint8_t *)dst)[p->addr + i - src] =
					p->plan.orig[i];
	}
	return 0;
}

unsigned long tl_text_time(void)
{
	return tl_engine.holds;
}
