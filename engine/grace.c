/* SPDX-License-Identifier: MIT */
/*
 * grace.c - when has everybody left?
 *
 * What traps and detours read (points, chains, lists of probes, copies) is
 * taken out of their sight first and freed later.  "Later" has two meanings:
 *
 *   grace period   no section that was under way is still under way.  A section
 *                  is a trap handler or a call from a detour, from its first
 *                  look at our data to its last.
 *   quiescence     no thread is inside a copy, or will return into one.  Only
 *                  the host can tell (tlh_quiesce).
 *
 * A grace period alone makes it safe to free a probe and what only sections
 * look at.  A copy, and the point whose address is in its code, need a grace
 * period (a trap may be about to lead into the copy) and then quiescence.
 *
 * A section is known by its context: `depth` is not 0 while one is under way,
 * and `left` changes when the outermost one ends.  Both are written with plain
 * stores by the thread itself.  Its own signals and traps nest strictly, so a
 * store that they interrupt is repeated over a value that they have put back
 * (or is repeated until it is so: see tl_section_enter()).
 *
 *     section                          grace period
 *     1. depth = 1                     1. take the object out of sight
 *        (compiler barrier)            2. tlh_sync_cores()
 *     2. look                          3. wait until depth is 0 or left changes
 *        (compiler barrier)
 *     3. depth = 0, left + 1
 *
 *   G1  A section that sees the object is waited for.  (If its step 2 comes
 *       before grace 1 its step 1 does too, and grace 2 is a barrier in every
 *       thread, so grace 3 sees depth 1.  The barrier of step 1 is only the
 *       compiler's: grace 2 stands in for the CPU's, as membarrier does.)
 *   G2  A section that began after grace 2 is not waited for for ever: `left`
 *       changes whenever an outermost one ends.
 *   G3  `left` does not change while a section that was seen is under way.  (It
 *       is written only after depth = 0 in the same thread.)
 *
 * Sections without a context are counted in anon[], by phase: a grace period
 * turns the phase and waits for the old side, twice, so that a section which
 * read the phase before a turn and counts itself after it is met as well.
 *
 * A handler that is left by longjmp, or whose thread dies, never ends its
 * section.  tl_section_enter() recognizes it at the next hit (released()).  A
 * grace period that meets it asks the host where the thread is, and goes on if
 * that is above the handler's frame, or if there is no thread; else it waits
 * as long as the host's pause() wants to.
 */
#include "locks.h"

/* When this many copies are dirty the host is asked whether anyone is inside. */
#define DIRTY_MAX 64

/* So many are asked about in one question. */
#define AT_ONCE (TL_BATCH / TL_COPY_RANGES)

/* So near to each other, two addresses are on one stack. */
#define NEAR 65536

/*
 * Is the handler that runs in @cx gone, now that the interrupted code is at
 * @sp?  A handler that is still there is deeper than its own frame on its stack
 * (frame) or on another stack; so it is gone if we are on the same stack and
 * above.  If it ran on a stack of its own (sigaltstack), it is gone when we are
 * back on the stack that it interrupted (from).  When nobody can tell one stack
 * from another, above means gone.  The usual answer is no, and takes no call of
 * the host: what a handler calls is just below it.
 */
static bool released(const struct tl_context *cx, uintptr_t sp)
{
	uintptr_t frame = cx->stack[cx->depth - 1].sp;
	uintptr_t from = cx->stack[cx->depth - 1].from;

	if (sp > frame && tl_same_stack(frame, sp))
		return true;
	if (frame - sp < NEAR || from - frame < NEAR)
		return false;
	return tl_same_stack(frame, from) == 0 && tl_same_stack(from, sp) == 1;
}

void tl_section_enter(struct tl_section *s, struct tl_context *cx, uintptr_t sp,
		      const void *frame)
{
	s->cx = cx;
	s->nested = true;
	if (!cx) {
		s->anon = tl_load(&tl_engine.phase) & 1;
		tl_add(&tl_engine.anon[s->anon], 1);
		tl_fence();
		return;
	}
	while (cx->depth && released(cx, sp))
		tl_section_end(cx);
	if (cx->depth || cx->busy)
		return;
	tl_section_begin(cx, sp, frame);
	s->nested = false;
}

void tl_section_leave(const struct tl_section *s)
{
	if (!s->cx)
		__atomic_fetch_sub(&tl_engine.anon[s->anon], 1,
				   __ATOMIC_RELEASE);
	else if (!s->nested)
		tl_section_end(s->cx);
}

/* What is running between kprobe_busy_begin() and _end(). */
static struct kprobe busy_probe;

struct kprobe *kprobe_running(void)
{
	const struct tl_context *cx = tlh_context();

	if (!cx || !(cx->depth || cx->busy))
		return NULL;
	return cx->depth ? tl_load(&cx->stack[cx->depth - 1].probe)
			 : &busy_probe;
}

/*
 * Nothing of the engine's is looked at between the two, so no grace period waits
 * for it.
 */
void kprobe_busy_begin(void)
{
	struct tl_context *cx = tlh_context();

	if (cx)
		tl_store(&cx->busy, cx->busy + 1);
	tl_compiler_fence();
}

void kprobe_busy_end(void)
{
	struct tl_context *cx = tlh_context();

	tl_compiler_fence();
	if (cx && cx->busy)
		tl_store(&cx->busy, cx->busy - 1);
}

/* So many looks at a section before its thread is looked for. */
#define PATIENCE 64

/*
 * Is the section of @cx, which lasts, one that will never end?  Nothing is
 * changed in the context: its thread does that at its next hit.
 */
static bool is_abandoned(const struct tl_context *cx)
{
	unsigned long left = tl_load(&cx->left);
	struct tl_context then = *cx;
	uintptr_t sp = 0;
	int at = tl_thread_at(cx, &sp);

	if (at)
		return at > 0;
	/* Only if what was read is one section's, and still that one's. */
	return then.depth && then.left == left && released(&then, sp) &&
	       tl_load(&cx->depth) && tl_load(&cx->left) == left;
}

/* Context: task. */
static int await_context(struct tl_context *cx, void *arg)
{
	unsigned long left = tl_load(&cx->left);
	unsigned int turn = 0;

	(void)arg;
	while (tl_load(&cx->depth) && tl_load(&cx->left) == left) {
		if (turn % PATIENCE == PATIENCE - 1 && is_abandoned(cx))
			break;
		if (!tl_pause(turn++))
			return -TL_EBUSY;
	}
	return 0;
}

/* We are no handler, so whatever handler ran here is over. */
static void end_our_section(void)
{
	struct tl_context *cx = tlh_context();

	if (cx && cx->depth)
		tl_section_end(cx);
}

void tl_trap_thread_ended(struct tl_context *cx)
{
	if (cx->depth)
		tl_section_end(cx);
	tl_store(&cx->busy, 0);
}

static int await_anon(void)
{
	unsigned int old = tl_engine.phase & 1;
	unsigned int turn = 0;

	tl_store(&tl_engine.phase, tl_engine.phase + 1);
	tlh_sync_cores();
	while (tl_load_acquire(&tl_engine.anon[old]))
		if (!tl_pause(turn++))
			return -TL_EBUSY;
	return 0;
}

int tl_grace(void)
{
	int err;

	tl_assert_held();
	end_our_section();
	tl_fence();
	tlh_sync_cores(); /* G1 */
	err = tlh_each_context(await_context, NULL);
	if (!err)
		err = await_anon();
	if (!err)
		err = await_anon();
	tl_fence();
	return err;
}

void tl_copy_retire(struct tl_copy *copy)
{
	tl_assert_held();
	if (!copy->live) {
		tl_copy_free(copy);
		return;
	}
	copy->next = tl_engine.dirty;
	tl_engine.dirty = copy;
	tl_engine.n_dirty++;
}

/*
 * May a thread that stands at the copy of the instruction at @addr be moved
 * there?  Not into a jump (W2), and not where it would be hit a second time.
 */
static bool may_move_to(uintptr_t addr)
{
	const struct tl_point *p = tl_table_find(addr);

	return !(p && p->text != TL_TEXT_ORIGINAL) && !tl_window_inside(addr);
}

/* Who stands at the island has done nothing of the probe's yet. */
static void island_range(const struct tl_copy *copy, struct tl_range *range)
{
	range->start = copy->island;
	range->end = copy->island + TL_ISLAND_BYTES;
	range->origin = copy->point->addr;
	range->from[0] = 0;
	range->to[0] = 0;
	range->n = !copy->point->gone && may_move_to(range->origin);
}

static void code_range(const struct tl_copy *copy, struct tl_range *range)
{
	const struct tl_code *code = &copy->code;

	range->start = copy->at;
	range->end = copy->at + code->len;
	range->origin = copy->point->addr;
	range->n = 0;
	if (copy->point->gone)
		return; /* there is nowhere to move anybody to */
	for (uint32_t i = 0; i < code->n; i++) {
		if (!may_move_to(range->origin + code->from[i]))
			continue;
		range->from[range->n] = code->from[i];
		range->to[range->n++] = code->to[i];
	}
}

size_t tl_ranges_of(const struct tl_copy *copy, struct tl_range *ranges)
{
	if (!copy->at)
		return 0; /* there is no code, only this object */
	code_range(copy, &ranges[0]);
	if (!copy->island)
		return 1;
	island_range(copy, &ranges[1]);
	return 2;
}

/*
 * Nobody is inside any of the @n copies from @list on?  An island and its detour
 * are one question: who is seen in neither is in neither (I3).
 */
static int ask(const struct tl_copy *list, size_t n)
{
	size_t ranges = 0;

	for (; n; n--, list = list->next)
		ranges += tl_ranges_of(list, &tl_engine.ranges[ranges]);
	return ranges ? tlh_quiesce(tl_engine.ranges, ranges) : 0;
}

/*
 * Free the @n copies from @list on, at most AT_ONCE, or put them on the list
 * of busy ones.  When somebody is inside one, the halves are asked about again,
 * if @all, so that one sleeper holds up one copy.
 */
static void reclaim_some(struct tl_copy *list, size_t n, bool all)
{
	int err = ask(list, n);
	struct tl_copy *half = list;

	if (!err)
		err = tl_islands_restore(list, n);
	if (err && all && n > 1) {
		for (size_t i = 0; i < n / 2; i++)
			half = half->next;
		reclaim_some(half, n - n / 2, all);
		reclaim_some(list, n / 2, all);
		return;
	}
	while (n--) {
		struct tl_copy *copy = list;

		list = copy->next;
		if (err) {
			copy->next = tl_engine.busy;
			tl_engine.busy = copy;
		} else {
			tl_engine.n_dirty--;
			tl_copy_free(copy);
		}
	}
}

static void reclaim_all(bool all)
{
	while (tl_engine.dirty) {
		struct tl_copy *list = tl_engine.dirty;
		size_t n = 0;

		while (tl_engine.dirty && n < AT_ONCE) {
			tl_engine.dirty = tl_engine.dirty->next;
			n++;
		}
		reclaim_some(list, n, all);
	}
	tl_engine.dirty = tl_engine.busy;
	tl_engine.busy = NULL;
}

int tl_reclaim(bool all, bool waited)
{
	tl_assert_held();
	if (!all && tl_engine.n_dirty < tl_engine.dirty_limit)
		return 0;
	if (!tl_engine.n_dirty && !tl_engine.dead)
		return 0;
	if (waited || !tl_grace()) {
		tl_points_bury();
		reclaim_all(all);
	}
	/* What stays, stays for a while: do not ask about it every time. */
	tl_engine.dirty_limit = tl_engine.n_dirty + DIRTY_MAX;
	return tl_engine.n_dirty || tl_engine.dead ? -TL_EBUSY : 0;
}
