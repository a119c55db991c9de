/* SPDX-License-Identifier: MIT */
/*
 * patch.c - changing text while others run through it
 *
 * An instruction of several units cannot be written at once, and other CPUs
 * may have fetched half of it.  So when others run, every change that is longer
 * than a breakpoint goes by a breakpoint, all changes of a batch together:
 *
 *     0. the islands that jumps lead to, in padding (island.c)
 *     1. a breakpoint over the first unit of each; sync
 *     2. no thread is left inside, at what will be no boundary; evict
 *     3. everything behind the first units; sync
 *     4. the first units; sync
 *
 *   X1  No thread executes a mixture.  (Between 1 and 4 all who come from above
 *       meet a breakpoint, and those who are inside have been moved by 2.  Each
 *       sync makes the others forget what they fetched before it.)
 *   X2  A breakpoint that is met between 1 and 4 is known as ours and has a copy
 *       to lead to.  (The caller sets breakpoint and copy before.)
 *
 * When the others are stopped, they are moved out and everything is written
 * once.  An instruction that the architecture lets one exchange under running
 * CPUs needs step 4 alone.
 *
 * When a step fails, all is written back in the same manner.  If that fails
 * too, the points are marked torn: they stay known to traps and the next
 * change writes all of their bytes.
 */
#include "locks.h"

#define UNIT TL_BREAKPOINT_BYTES

/* The bytes of @p with @text (a jump: to @copy) in place, over a whole jump. */
static void image(const struct tl_point *p, enum tl_text text,
		  const struct tl_copy *copy, struct tl_edit *edit)
{
	struct tl_edit over = { .len = 0 };

	if (text == TL_TEXT_BREAKPOINT)
		tl_arch_edit_breakpoint(&p->plan, p->addr, &over);
	else if (text == TL_TEXT_JUMP)
		/* It was possible when the detour was made: see arm.c. */
		tl_arch_edit_jump(&p->plan, p->addr, tl_copy_entry(copy),
				  &over);
	edit->addr = p->addr;
	edit->len = p->plan.orig_len;
	tl_bytes_copy(edit->bytes, p->plan.orig, edit->len);
	tl_bytes_copy(edit->bytes, over.bytes, over.len);
}

/* Is more to be written than the first unit? */
static bool is_long(const struct tl_change *c)
{
	return c->point->plan.orig_len > UNIT &&
	       (c->from == TL_TEXT_JUMP || c->to == TL_TEXT_JUMP ||
		c->point->torn);
}

static void add(struct tl_edit *edits, size_t *n, const struct tl_edit *edit,
		unsigned int from, unsigned int len)
{
	struct tl_edit *e = &edits[(*n)++];

	e->addr = edit->addr + from;
	e->len = len;
	e->idle = false;
	e->fresh = false;
	tl_bytes_copy(e->bytes, edit->bytes + from, len);
}

enum part { HEADS_BREAKPOINT, TAILS, HEADS, ALL };

/*
 * Write one @part of what @changes lead to, or with @back of where they come
 * from.  Returns how many were written, or an error.
 */
static int write_part(const struct tl_change *changes, size_t n, enum part part,
		      bool back)
{
	struct tl_edit *edits = tl_engine.edits;
	size_t count = 0;
	enum tl_others others = part == ALL ? TL_OTHERS_STOPPED
					    : TL_OTHERS_RUNNING;
	int err;

	for (size_t i = 0; i < n; i++) {
		const struct tl_change *c = &changes[i];
		const struct tl_point *p = c->point;
		bool undone = back || c->busy;
		enum tl_text text = undone ? c->from : c->to;
		struct tl_edit edit;

		image(p, part == HEADS_BREAKPOINT ? TL_TEXT_BREAKPOINT : text,
		      undone ? c->old_copy : p->copy, &edit);
		if (part == ALL && !c->busy)
			add(edits, &count, &edit, 0,
			    is_long(c) ? edit.len : UNIT);
		else if (part == TAILS && is_long(c) && !c->busy)
			add(edits, &count, &edit, UNIT, edit.len - UNIT);
		else if (part == HEADS_BREAKPOINT &&
			 !tl_arch_exchangeable(&p->plan) &&
			 (is_long(c) || c->to == TL_TEXT_JUMP ||
			  c->from == TL_TEXT_JUMP))
			add(edits, &count, &edit, 0, UNIT);
		else if (part == HEADS)
			add(edits, &count, &edit, 0, UNIT);
	}
	if (!count)
		return 0;
	err = tlh_text_write(edits, count, others);
	return err < 0 ? err : (int)count;
}

static int write_and_sync(const struct tl_change *changes, size_t n,
			  enum part part, bool back)
{
	int ret = write_part(changes, n, part, back);

	if (ret > 0)
		tlh_sync_cores();
	return ret < 0 ? ret : 0;
}

/* Where threads may stand inside the window, and where they go on instead. */
static void fill_window(struct tl_window *w, const struct tl_point *p)
{
	const struct tl_copy *copy = p->copy;

	w->start = p->addr;
	w->len = p->plan.window_len;
	w->n_inner = 0;
	w->busy = false;
	for (uint32_t i = 0; i < copy->code.n; i++) {
		if (!copy->code.from[i] || copy->code.from[i] >= w->len)
			continue;
		w->inner[w->n_inner] = copy->code.from[i];
		w->moved[w->n_inner++] = copy->at + copy->code.to[i];
	}
}

/* Windows of one instruction have nothing inside where a thread could be. */
static bool has_inside(const struct tl_change *c)
{
	return c->to == TL_TEXT_JUMP && c->from != TL_TEXT_JUMP &&
	       c->point->plan.window_len > c->point->plan.insn_len;
}

static void evict(struct tl_change *changes, size_t n)
{
	struct tl_window *w = tl_engine.windows;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (has_inside(&changes[i]))
			fill_window(&w[count++], changes[i].point);
	if (!count)
		return;
	tlh_evict(w, count);
	for (size_t i = 0; i < n; i++)
		if (has_inside(&changes[i]))
			changes[i].busy = (w++)->busy;
}

/* Nobody executes these bytes yet; the next sync is for them, too (I2). */
static int write_islands(const struct tl_change *changes, size_t n,
			 enum tl_others others)
{
	struct tl_edit *edits = tl_engine.edits;
	size_t count = 0;
	int err;

	for (size_t i = 0; i < n; i++) {
		struct tl_copy *copy = changes[i].point->copy;

		if (changes[i].to != TL_TEXT_JUMP || !copy->island)
			continue;
		copy->island_written = true;
		tl_island_edit(copy, &edits[count++]);
	}
	err = count ? tlh_text_write(edits, count, others) : 0;
	return err < 0 ? err : 0;
}

static int write_running(struct tl_change *changes, size_t n)
{
	int err;

	err = write_islands(changes, n, TL_OTHERS_RUNNING);
	if (err)
		return err;
	err = write_and_sync(changes, n, HEADS_BREAKPOINT, false);
	if (err)
		return err;
	evict(changes, n);
	err = write_and_sync(changes, n, TAILS, false);
	if (err)
		return err;
	return write_and_sync(changes, n, HEADS, false);
}

static int write_stopped(struct tl_change *changes, size_t n)
{
	int ret;

	ret = write_islands(changes, n, TL_OTHERS_STOPPED);
	if (ret)
		return ret;
	evict(changes, n);
	ret = write_part(changes, n, ALL, false);
	return ret < 0 ? ret : 0;
}

/* All as it was; what cannot be is marked. */
static void write_back(struct tl_change *changes, size_t n, int others)
{
	int err;

	for (size_t i = 0; i < n; i++)
		changes[i].busy = false;
	if (others == TL_OTHERS_STOPPED) {
		err = write_part(changes, n, ALL, true);
	} else {
		err = write_and_sync(changes, n, HEADS_BREAKPOINT, true);
		if (err >= 0)
			err = write_and_sync(changes, n, TAILS, true);
		if (err >= 0)
			err = write_and_sync(changes, n, HEADS, true);
	}
	for (size_t i = 0; i < n; i++)
		changes[i].point->torn = err < 0;
}

int tl_patch(struct tl_change *changes, size_t n)
{
	int others, err;

	tl_assert_held();
	others = tlh_patch_begin();
	if (others < 0)
		return others;
	err = others == TL_OTHERS_STOPPED ? write_stopped(changes, n)
					  : write_running(changes, n);
	if (err)
		write_back(changes, n, others);
	else
		for (size_t i = 0; i < n; i++)
			changes[i].point->torn = false;
	tlh_patch_end();
	return err;
}
