/* SPDX-License-Identifier: MIT */
/*
 * gone.c - text that is no longer there
 *
 * A program may unmap a library that has probes in it, and map another one in
 * its place.  Nobody tells us; but what the engine has written at a point it
 * can expect to find there, and where that is not so the text is not the one
 * that was probed.  The probes are then GONE: listed, not to be enabled, and
 * still to be unregistered.
 *
 *   N1  Nothing is written to text that is not as it was left.  (Each point is
 *       looked at, under the registration lock, before tl_apply() changes it.)
 *   N2  A point that is gone is in no table: traps do not find it, and a new
 *       probe at its address gets a new point, with a plan of its own.
 *   N3  A point whose breakpoint or jump is still in memory is not taken for
 *       gone.  (Only the bytes that are ours are compared; a breakpoint of a
 *       debugger over the first of them may be.  That they cannot be read just
 *       now says nothing.)
 */
#include "locks.h"

static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	while (n && *a == *b)
		a++, b++, n--;
	return !n;
}

/* Are the @n bytes at @now those of @want, but for a breakpoint at the front? */
static bool left_as(const uint8_t *now, const uint8_t *want, size_t n)
{
	size_t unit = TL_BREAKPOINT_BYTES;

	if (!same(now, want, unit) && !tl_arch_is_breakpoint(now))
		return false;
	return n <= unit || same(now + unit, want + unit, n - unit);
}

/*
 * What is at @p, or what would be but for jumps of others over it.  A failure
 * that does not last is no proof of anything, so it is asked twice.
 */
static int look(const struct tl_point *p, uint8_t *now, size_t n)
{
	int err = -TL_EFAULT;

	for (int i = 0; i < 2 && err; i++)
		if (p->text == TL_TEXT_ORIGINAL && !p->torn)
			err = tl_text_read(now, p->addr, n);
		else
			err = tlh_read(now, p->addr, n);
	return err;
}

bool tl_point_lost(const struct tl_point *p)
{
	struct tl_edit want = { .len = p->plan.insn_len };
	uint8_t now[TL_EDIT_BYTES];
	int err;

	if (p->planned)
		return false;
	tl_bytes_copy(want.bytes, p->plan.orig, want.len);
	if (p->text == TL_TEXT_JUMP &&
	    tl_arch_edit_jump(&p->plan, p->addr, tl_copy_entry(p->copy), &want))
		return false;
	err = look(p, now, want.len);
	if (err || p->torn)
		return err == -TL_EFAULT; /* N3 */
	if (p->text == TL_TEXT_BREAKPOINT && !tl_arch_is_breakpoint(now))
		return true;
	return !left_as(now, want.bytes, want.len);
}

int tl_point_gone(struct tl_point *p)
{
	struct kprobe *probe = p->probes;
	int n = 0;

	tl_assert_held();
	for (; probe; probe = probe->next, n++)
		tl_store(&probe->flags, (probe->flags | KPROBE_FLAG_GONE) &
						~KPROBE_FLAG_OPTIMIZED);
	tl_point_review(p);
	if (p->text != TL_TEXT_ORIGINAL)
		tl_engine.n_armed--;
	if (p->copy && p->copy->island)
		tl_islands_gone(p->copy->island, p->copy->island + 1);
	tl_store(&p->text, TL_TEXT_ORIGINAL);
	p->torn = false;
	p->why = TL_WHY_DISABLED;
	tl_engine.n_unfinished -= p->unfinished;
	p->unfinished = false;
	tl_store_release(&p->breakpoint, false);
	tl_table_remove(p); /* N2 */
	p->gone = true;
	p->next_gone = tl_engine.gone;
	tl_engine.gone = p;
	return n;
}

void tl_point_forget_gone(struct tl_point *p)
{
	struct tl_point **link = &tl_engine.gone;

	while (*link != p)
		link = &(*link)->next_gone;
	*link = p->next_gone;
}

void tl_gone_check(uintptr_t from, uintptr_t to)
{
	struct tl_point *p;

	for (; (p = tl_table_first(from, to)); from = p->addr + 1)
		if (tl_point_lost(p))
			tl_point_gone(p);
}

struct gone {
	uintptr_t start;
	uintptr_t end;
	int n;
};

static int mark_in_range(struct tl_point *p, void *arg)
{
	struct gone *gone = arg;

	if (p->addr >= gone->start && p->addr < gone->end)
		gone->n += tl_point_gone(p);
	return 0;
}

int tl_text_gone(uintptr_t start, uintptr_t end)
{
	struct gone gone = { .start = start, .end = end };

	tl_lock();
	tl_table_each(mark_in_range, &gone);
	tl_islands_gone(start, end);
	tl_unlock();
	return gone.n;
}

static int mark_lost(struct tl_point *p, void *arg)
{
	(void)arg;
	if (tl_point_lost(p))
		tl_point_gone(p);
	return 0;
}

void tl_gone_check_all(void)
{
	tl_table_each(mark_lost, NULL);
}

int tl_points_each(int (*fn)(struct tl_point *p, void *arg), void *arg)
{
	struct tl_point *p, *next;
	int ret = tl_table_each(fn, arg);

	for (p = tl_engine.gone; p && !ret; p = next) {
		next = p->next_gone;
		ret = fn(p, arg);
	}
	return ret;
}
