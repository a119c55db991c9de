/* SPDX-License-Identifier: MIT */
/*
 * arm.c - from what is wanted to what is in memory
 *
 * Whatever changes (a probe added, removed, enabled, disabled, a window that
 * came free), the answer is the same: the points concerned are put into a work
 * list and tl_apply() brings each to what its probes now want, all in as few
 * changes of text as possible.
 *
 * Two passes, because windows and points inside them exclude each other:
 *
 *     leaving   jump -> breakpoint, jump -> original, breakpoint -> original
 *     arming    everything else
 *
 * In each pass: decide; emit new copies; write them; publish them; change the
 * text; retire the old copies.  Until the text is changed nothing of it has an
 * effect, and whatever fails is undone in reverse order.
 */
#include "locks.h"

void tl_work_init(struct tl_work *work)
{
	work->first = NULL;
	work->last = &work->first;
}

void tl_work_add(struct tl_work *work, struct tl_point *p)
{
	if (p->queued)
		return;
	p->queued = true;
	p->err = 0;
	p->work = NULL;
	*work->last = p;
	work->last = &p->work;
}

/*
 * Points whose windows the work of @p touches: armed jumps over a point that
 * is to be armed (O1), and breakpoints that could be jumps again once it is not.
 */
static void add_neighbours(struct tl_work *work, struct tl_point *p)
{
	bool wanted = tl_point_wanted(p);
	uintptr_t at = tl_optimize_lowest(p->addr);
	struct tl_point *q;

	for (; (q = tl_optimize_covering(at, p->addr)); at = q->addr + 1)
		if (wanted ? q->text == TL_TEXT_JUMP
			   : q->why == TL_WHY_OTHER_PROBE)
			tl_work_add(work, q);
	tl_island_add_neighbours(work, p);
}

/* A jump that covers @p and could not be turned back, or NULL. */
static struct tl_point *jump_over(const struct tl_point *p)
{
	uintptr_t at = tl_optimize_lowest(p->addr);
	struct tl_point *q;

	for (; (q = tl_optimize_covering(at, p->addr)); at = q->addr + 1)
		if (q->text == TL_TEXT_JUMP)
			return q;
	return NULL;
}

/* ---- deciding ----------------------------------------------------------------- */

/* Does the copy that @p has do what @want says? */
static bool copy_serves(const struct tl_point *p, const struct tl_want *want,
			bool detour)
{
	const struct tl_copy *copy = p->copy;

	if (!copy || copy->detour != detour)
		return false;
	if (!detour)
		return copy->what == tl_slot_what(want);
	if (copy->what != want->what || copy->lead != want->lead ||
	    copy->n_counters != want->n_counters)
		return false;
	for (unsigned int i = 0; i < want->n_counters; i++)
		if (copy->counter[i] != want->counter[i])
			return false;
	return true;
}

/* Can a copy that was made before be armed, as far as its island goes? */
static bool island_serves(const struct tl_point *p)
{
	return !p->copy->island || p->text == TL_TEXT_JUMP ||
	       (!tl_island_is_contested(p) && tl_island_is_good(p->copy));
}

static enum tl_why why_no_detour(int err, const struct tl_point *p,
				 const struct tl_want *want)
{
	if (err == -TL_ENOSPC)
		return p->plan.why;
	if (err == -TL_ERANGE || err == -TL_ENOMEM)
		return TL_WHY_RANGE;
	if (err == -TL_EOPNOTSUPP && (want->what & TL_EMIT_POST))
		return TL_WHY_POST_HANDLER;
	return TL_WHY_NOT_RELOCATABLE;
}

/* A detour for @p in p->fresh, unless it has a good one.  Else why not. */
static enum tl_why make_detour(struct tl_point *p, const struct tl_want *want)
{
	struct tl_edit edit;
	int err;

	if (copy_serves(p, want, true) && island_serves(p))
		return TL_WHY_NONE;
	err = tl_copy_new(p, want, true, &p->fresh);
	if (err)
		return why_no_detour(err, p, want);
	if (!tl_arch_edit_jump(&p->plan, p->addr, tl_copy_entry(p->fresh),
			       &edit))
		return TL_WHY_NONE;
	tl_copy_free(p->fresh);
	p->fresh = NULL;
	return TL_WHY_RANGE;
}

/* Make what a breakpoint at @p needs: 0, or why there may be none. */
static int make_slot(struct tl_point *p, struct tl_want *want)
{
	if (want->jump_only)
		return -TL_EBUSY;
	if (!tl_allowed(p->addr, p->plan.insn_len, false)) {
		/* Keep a reason that says more. */
		if (want->why == TL_WHY_NONE)
			want->why = TL_WHY_FORBIDDEN;
		return -TL_EBUSY;
	}
	if (copy_serves(p, want, false))
		return 0;
	return tl_copy_new(p, want, false, &p->fresh);
}

/* Make what @want needs, p->fresh; a jump may turn out to be a breakpoint. */
static int make_copy(struct tl_point *p, struct tl_want *want)
{
	if (want->text == TL_TEXT_JUMP) {
		want->why = make_detour(p, want);
		if (want->why)
			want->text = TL_TEXT_BREAKPOINT;
	}
	if (want->text == TL_TEXT_BREAKPOINT)
		return make_slot(p, want);
	return 0;
}

/*
 * No island may be in what @p is to cover.  One in its window, behind the
 * instruction, leaves a breakpoint.
 */
static int leave_islands(struct tl_point *p, struct tl_want *want)
{
	if (want->text == TL_TEXT_JUMP &&
	    !tl_island_clear(p, p->plan.window_len)) {
		want->text = TL_TEXT_BREAKPOINT;
		want->why = TL_WHY_OTHER_PROBE;
	}
	if (want->text != TL_TEXT_BREAKPOINT ||
	    tl_island_clear(p, p->plan.insn_len))
		return 0;
	want->why = TL_WHY_OTHER_PROBE;
	return -TL_EBUSY;
}

static bool is_leaving(enum tl_text from, enum tl_text to)
{
	return (to == TL_TEXT_ORIGINAL && from != to) ||
	       (from == TL_TEXT_JUMP && to == TL_TEXT_BREAKPOINT);
}

/*
 * What is to be done about @p in this pass: 1 and @change, 0 nothing, or an
 * error (and nothing).
 */
static int decide(struct tl_point *p, bool leaving, struct tl_change *change)
{
	const struct tl_point *over;
	struct tl_want want;
	int err;

	tl_optimize_want(p, &want);
	if (leaving != is_leaving(p->text, want.text) && !p->torn)
		return 0;
	if (want.text == TL_TEXT_ORIGINAL && p->text == TL_TEXT_ORIGINAL &&
	    !p->torn) {
		p->why = want.why;
		return 0;
	}
	over = want.text != TL_TEXT_ORIGINAL ? jump_over(p) : NULL;
	if (over) {
		p->tried = TL_WHY_OTHER_PROBE;
		return over->err ? over->err : -TL_EBUSY;
	}
	err = leave_islands(p, &want);
	if (!err)
		err = make_copy(p, &want);
	p->tried = want.why;
	if (err)
		return err;
	change->point = p;
	change->from = p->text;
	change->to = want.text;
	change->old_copy = p->copy;
	change->busy = false;
	change->late = false;
	return 1;
}

/* ---- carrying out ---------------------------------------------------------------- */

static void drop_fresh(struct tl_point *p)
{
	if (p->fresh)
		tl_copy_retire(p->fresh);
	p->fresh = NULL;
}

/* Set the flags that probes show. */
static void show(struct tl_point *p)
{
	struct kprobe *probe = p->probes;

	for (; probe; probe = probe->next)
		if (p->text == TL_TEXT_JUMP && tl_probe_wanted(probe))
			probe->flags |= KPROBE_FLAG_OPTIMIZED;
		else
			probe->flags &= ~(uint32_t)KPROBE_FLAG_OPTIMIZED;
}

/*
 * Make @c known to traps, before any text is changed.  A slot that takes the
 * place of a detour has to wait: it leads to what is still inside the jump.
 */
static void publish(struct tl_change *c)
{
	struct tl_point *p = c->point;

	c->late = p->fresh && !p->fresh->detour && p->copy && p->copy->detour &&
		  (c->from == TL_TEXT_JUMP || p->torn);
	if (p->fresh) {
		p->fresh->live = true;
		if (!c->late)
			tl_store_release(&p->copy, p->fresh);
	}
	tl_store_release(&p->breakpoint, true);
}

static void commit(struct tl_change *c)
{
	struct tl_point *p = c->point;

	if (p->fresh) {
		tl_store_release(&p->copy, p->fresh);
		if (c->old_copy)
			tl_copy_retire(c->old_copy);
		p->fresh = NULL;
	}
	tl_engine.n_armed += (c->to != TL_TEXT_ORIGINAL);
	tl_engine.n_armed -= (c->from != TL_TEXT_ORIGINAL);
	p->text = c->to;
	p->why = p->tried;
	if (c->to == TL_TEXT_ORIGINAL)
		p->avoid_jump = false;
	tl_store_release(&p->breakpoint, c->to == TL_TEXT_BREAKPOINT);
	show(p);
}

static void cancel(struct tl_change *c, int err)
{
	struct tl_point *p = c->point;

	p->err = err;
	if (p->torn) {
		/* Both copies may be in the text: neither is given up. */
		p->fresh = NULL;
		return;
	}
	tl_store_release(&p->copy, c->old_copy);
	tl_store_release(&p->breakpoint, c->from == TL_TEXT_BREAKPOINT);
	drop_fresh(p);
}

/* Its window could not be emptied: next time without a jump. */
static void cancel_busy(struct tl_change *c)
{
	cancel(c, -TL_EAGAIN);
	c->point->avoid_jump = true;
	c->point->tried = TL_WHY_BUSY;
}

static bool changes_text(const struct tl_change *c)
{
	return c->from != c->to || c->to == TL_TEXT_JUMP || c->point->torn;
}

/* A window that somebody of ours may yet come into. */
static bool is_new_window(const struct tl_change *c)
{
	return c->to == TL_TEXT_JUMP && c->from != TL_TEXT_JUMP;
}

static bool is_blocked(const struct tl_change *c, bool *waited)
{
	return is_new_window(c) &&
	       !tl_window_clear(c->point, c->old_copy, waited);
}

/* One question to the host for all that is dirty, rather than many. */
static void free_dirty(const struct tl_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_new_window(&changes[i]) ||
		    !tl_window_needs_reclaim(changes[i].point))
			continue;
		tl_reclaim(true, false);
		return;
	}
}

/*
 * Publish @n changes, and sort: those that change the text to the front.
 * Returns how many these are.  Those that are blocked are taken back at once.
 */
static size_t sort(struct tl_change *changes, size_t *n)
{
	size_t texts = 0, others = *n;
	bool waited = false;

	free_dirty(changes, others);
	for (size_t i = 0; i < others; i++)
		publish(&changes[i]);
	while (texts < others) {
		struct tl_change c = changes[texts];

		if (changes_text(&c) && !is_blocked(&c, &waited)) {
			texts++;
			continue;
		}
		changes[texts] = changes[--others];
		changes[others] = c;
		if (changes_text(&c)) {
			cancel_busy(&c);
			changes[others] = changes[--*n];
		}
	}
	return texts;
}

/* Make @n changes: copies, then text.  Each point's err is set. */
static void run(struct tl_change *changes, size_t n)
{
	size_t texts;
	int err;

	err = tl_writer_flush();
	if (err) {
		for (size_t i = 0; i < n; i++) {
			changes[i].point->err = err;
			drop_fresh(changes[i].point);
		}
		return;
	}
	texts = sort(changes, &n);
	tl_fence(); /* T1: publish before the text is changed */
	err = texts ? tl_patch(changes, texts) : 0;
	for (size_t i = 0; i < n; i++)
		if (i < texts && err)
			cancel(&changes[i], err);
		else if (changes[i].busy)
			cancel_busy(&changes[i]);
		else
			commit(&changes[i]);
}

/* A change that changes nothing at all. */
static bool is_idle(const struct tl_change *c)
{
	return c->from == c->to && !c->point->fresh && !c->point->torn;
}

static void pass(const struct tl_work *work, bool leaving)
{
	struct tl_change *changes = tl_engine.changes;
	size_t n = 0;

	for (struct tl_point *p = work->first; p; p = p->work) {
		int ret;

		if (p->err || p->gone)
			continue;
		ret = decide(p, leaving, &changes[n]);
		if (ret < 0)
			p->err = ret;
		if (ret <= 0)
			continue;
		if (is_idle(&changes[n])) {
			p->why = p->tried;
			show(p);
			continue;
		}
		if (++n == TL_BATCH) {
			run(changes, n);
			n = 0;
		}
	}
	run(changes, n);
}

/* Try those again that could not be emptied; false: there are none. */
static bool retry_busy(const struct tl_work *work)
{
	bool any = false;

	for (struct tl_point *p = work->first; p; p = p->work) {
		if (p->err != -TL_EAGAIN || !p->avoid_jump)
			continue;
		p->err = 0;
		any = true;
	}
	return any;
}

/*
 * Those whose next island could only be where the last one is, which nobody uses
 * any more; false: there are none.
 */
static bool retry_islands(const struct tl_work *work)
{
	bool any = false;

	for (const struct tl_point *p = work->first; p; p = p->work)
		if (!p->err && p->plan.island && !p->gone &&
		    p->text == TL_TEXT_BREAKPOINT && tl_island_waits(p))
			any = true;
	if (any)
		tl_reclaim(true, false);
	return any;
}

/* Text that is no longer there is not changed (N1). */
static void forget_lost(const struct tl_work *work)
{
	for (struct tl_point *p = work->first; p; p = p->work)
		if (!p->gone && tl_point_lost(p)) {
			tl_point_gone(p);
			p->err = -TL_ENOENT;
		}
}

void tl_apply(struct tl_work *work)
{
	struct tl_point *p;

	tl_assert_held();
	for (p = work->first; p; p = p->work)
		if (!p->gone)
			add_neighbours(work, p);
	forget_lost(work);
	pass(work, true);
	pass(work, false);
	if (retry_busy(work))
		pass(work, false);
	if (retry_islands(work))
		pass(work, false);
	for (p = work->first; p; p = p->work) {
		bool unfinished = p->err && (p->text || p->torn);

		p->queued = false;
		p->planned = false;
		if (p->err)
			p->avoid_jump = false;
		tl_engine.n_unfinished -= p->unfinished;
		tl_engine.n_unfinished += unfinished;
		p->unfinished = unfinished;
	}
}
