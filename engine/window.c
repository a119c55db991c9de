/* SPDX-License-Identifier: MIT */
/*
 * window.c - nobody may come out of a copy into the inside of a window
 *
 * A jump covers several instructions, and no thread may arrive at any but the
 * first.  Threads that stand there when it is written are the host's business
 * (tlh_evict); branches to there are the architecture's (it refuses the window).
 * That leaves our own code: a copy ends in a jump to the instruction behind the
 * original, and that may be inside the new window:
 *
 *     A     probed by a breakpoint; a thread is in its slot, will go on at A+1
 *     A..A+5   is to become a jump
 *
 * or the copy is that of another point nearby which is disarmed, or removed and
 * not yet free.  Points that are armed are no danger: their windows and the new
 * one exclude each other (O1).
 *
 *   W1  When a window is written, no thread is in a copy that ends inside it,
 *       and none can enter one.  (The caller has published the detour, so traps
 *       lead there; then a grace period, for traps that were under way; then
 *       quiescence of the copies in question.  If it fails, no jump.)
 *   W2  Handlers that set the course, and hosts that move threads out of
 *       copies, do not lead into a window.  (tl_window_redirect(), and
 *       tl_window_inside() for what grace.c tells the host.)
 */
#include "locks.h"

/* Where a thread that is in @copy goes on, if nothing else happens. */
static uintptr_t exit_of(const struct tl_copy *copy)
{
	const struct tl_plan *plan = &copy->point->plan;

	return copy->point->addr +
	       (copy->detour ? plan->window_len : plan->insn_len);
}

static bool ends_inside(const struct tl_copy *copy, const struct tl_point *p)
{
	uintptr_t to;

	if (!copy || !copy->live || !copy->at)
		return false;
	to = exit_of(copy);
	return to > p->addr && to < p->addr + p->plan.window_len;
}

static bool is_empty(const struct tl_copy *copy)
{
	struct tl_range ranges[TL_COPY_RANGES];

	return !tlh_quiesce(ranges, tl_ranges_of(copy, ranges));
}

/* Ask about @copy if it ends in the window of @p; false: somebody is inside. */
static bool check_copy(const struct tl_copy *copy, const struct tl_point *p,
		       bool *waited)
{
	if (!ends_inside(copy, p))
		return true;
	if (!*waited && tl_grace())
		return false;
	*waited = true;
	return is_empty(copy);
}

bool tl_window_needs_reclaim(const struct tl_point *p)
{
	const struct tl_copy *copy = tl_engine.dirty;

	while (copy && !ends_inside(copy, p))
		copy = copy->next;
	return copy;
}

bool tl_window_clear(const struct tl_point *p, const struct tl_copy *old,
		     bool *waited)
{
	uintptr_t at = tl_optimize_lowest(p->addr);
	uintptr_t end = p->addr + p->plan.window_len;
	const struct tl_copy *copy = tl_engine.dirty;
	struct tl_point *q;

	tl_assert_held();
	if (old != p->copy && !check_copy(old, p, waited))
		return false;
	for (; (q = tl_table_first(at, end)); at = q->addr + 1)
		if (q != p && !check_copy(q->copy, p, waited))
			return false;
	while (copy && check_copy(copy, p, waited))
		copy = copy->next;
	return !copy;
}

bool tl_window_inside(uintptr_t addr)
{
	uintptr_t at = tl_optimize_lowest(addr);
	struct tl_point *q;

	for (; (q = tl_optimize_covering(at, addr)); at = q->addr + 1)
		if (q->text == TL_TEXT_JUMP)
			return true;
	return false;
}

uintptr_t tl_window_redirect(uintptr_t ip)
{
	for (uintptr_t back = 1; back < TL_EDIT_BYTES; back++) {
		const struct tl_point *q = tl_table_find(ip - back);
		const struct tl_copy *copy;

		if (!q || q->plan.window_len <= back ||
		    (tl_load(&q->text) != TL_TEXT_JUMP &&
		     !tl_load_acquire(&q->breakpoint)))
			continue;
		copy = tl_load_acquire(&q->copy);
		if (!copy || !copy->detour)
			continue;
		for (uint32_t i = 0; i < copy->code.n; i++)
			if (copy->code.from[i] == back)
				return copy->at + copy->code.to[i];
	}
	return ip;
}
