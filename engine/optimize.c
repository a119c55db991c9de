/* SPDX-License-Identifier: MIT */
/*
 * optimize.c - jump or breakpoint?
 *
 * A jump is taken whenever it is right: the architecture's plan has a window,
 * the host allows it, and no other point that is to be armed lies inside.  The
 * answer to "why not" is kept with the point.
 *
 *   O1  No armed point lies in the window of an armed jump.  (A window with a
 *       wanted point inside is not chosen, here; and arming a point inside
 *       an armed window first turns that one back, in arm.c.)
 */
#include "locks.h"

/* Is a wanted point other than @p inside the bytes that its jump covers? */
static bool other_inside(const struct tl_point *p)
{
	uintptr_t at = p->addr + 1;
	uintptr_t end = p->addr + p->plan.window_len;
	struct tl_point *q;

	for (; (q = tl_table_first(at, end)); at = q->addr + 1)
		if (tl_point_wanted(q) || q->text != TL_TEXT_ORIGINAL)
			return true;
	return false;
}

static enum tl_why why_not(const struct tl_point *p)
{
	const struct tl_plan *plan = &p->plan;

	if (!tl_may_optimize() ||
	    (tl_engine.unoptimized && !tl_point_jump_only(p)))
		return TL_WHY_OFF;
	if (!plan->window_len)
		return plan->why ? plan->why : TL_WHY_ARCH;
	if (tl_forbidden(p->addr, plan->window_len) ||
	    !tl_allowed(p->addr, plan->window_len, true))
		return TL_WHY_FORBIDDEN;
	if (other_inside(p) ||
	    (p->text == TL_TEXT_JUMP && tl_island_is_contested(p)) ||
	    tl_bp_executes_in(p->addr + 1, p->addr + plan->window_len))
		return TL_WHY_OTHER_PROBE;
	if (p->avoid_jump)
		return TL_WHY_BUSY;
	return TL_WHY_NONE;
}

/*
 * An exit's handler is called late, another's post handler after the first
 * instruction.
 */
static void gather_post(const struct kprobe *probe, struct tl_want *want)
{
	unsigned int lead = tl_exit_lead(probe);

	if ((want->what & TL_EMIT_POST) && lead != want->lead)
		want->conflict = true;
	want->what |= TL_EMIT_POST | (lead ? TL_EMIT_LATE : 0);
	want->lead = lead;
}

/*
 * Counters are kept in place, with no handler called, as long as nothing but
 * counters is wanted and they fit; else tl_detour_pre() keeps them.
 */
static bool gather(const struct tl_point *p, struct tl_want *want)
{
	const struct kprobe *probe = p->probes;
	bool any = false, counters = false;

	for (; probe; probe = probe->next) {
		if (!tl_probe_wanted(probe))
			continue;
		any = true;
		if (probe->pre_handler)
			want->what |= TL_EMIT_PRE;
		if (tl_probe_is_jprobe(probe))
			want->slot_calls = true;
		if (probe->post_handler)
			gather_post(probe, want);
		if (probe->flags & KPROBE_FLAG_JUMP_ONLY)
			want->jump_only = true;
		if (!probe->counter)
			continue;
		counters = true;
		if (want->n_counters < TL_EMIT_COUNTERS)
			want->counter[want->n_counters++] = probe->counter;
		else
			want->what |= TL_EMIT_PRE;
	}
	if (want->what)
		want->n_counters = 0;
	if (want->what && counters)
		want->what |= TL_EMIT_PRE;
	return any;
}

void tl_optimize_want(struct tl_point *p, struct tl_want *want)
{
	tl_assert_held();
	tl_bytes_zero(want, sizeof(*want));
	if (!gather(p, want)) {
		want->text = TL_TEXT_ORIGINAL;
		want->why = TL_WHY_DISABLED;
		return;
	}
	want->why = want->conflict ? TL_WHY_OTHER_PROBE : why_not(p);
	want->text = want->why ? TL_TEXT_BREAKPOINT : TL_TEXT_JUMP;
}

uintptr_t tl_optimize_lowest(uintptr_t addr)
{
	return addr > TL_EDIT_BYTES ? addr - TL_EDIT_BYTES : 0;
}

struct tl_point *tl_optimize_covering(uintptr_t from, uintptr_t addr)
{
	struct tl_point *q;

	for (; (q = tl_table_first(from, addr)); from = q->addr + 1)
		if (q->addr + q->plan.window_len > addr)
			return q;
	return NULL;
}

enum tl_why trapline_kprobe_why(const struct kprobe *probe)
{
	const struct tl_point *p = probe->point;

	/* Refused: tl_probe_refuse() has left the reason in its place. */
	if ((uintptr_t)p < TL_NR_WHY)
		return p ? (enum tl_why)(uintptr_t)p : TL_WHY_DISABLED;
	if (kprobe_disabled(probe))
		return TL_WHY_DISABLED;
	return p->why;
}
