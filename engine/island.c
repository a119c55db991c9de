/* SPDX-License-Identifier: MIT */
/*
 * island.c - jumps in padding, where a probe's window is too short for one
 *
 *     probe  short jump ──►  island     jump ──►  detour
 *     the window             padding              memory of ours
 *
 * The architecture's plan says where islands may be; here they are given out.
 * An island belongs to a detour and lives exactly as long, so nobody who stands
 * in it can be led to memory that is somebody else's by now.
 *
 *   I1  A byte of padding is in one island at most, and in none if it is the
 *       instruction or in the window of a point that is wanted or armed.  (Places
 *       are given out so; a point that comes later has the island's probe give
 *       way, in arm.c, and is not armed before the bytes are free.)
 *   I2  An island is complete for every CPU before a jump leads there.  (patch.c
 *       writes it in front of its step 1, and the sync of that step comes
 *       before the jump's last byte.)
 *   I3  Its bytes are put back when nobody is in the island or in the detour, and
 *       nobody can come.  (Both are one question to the host, in grace.c; the
 *       text leads there no longer.)
 *   I4  Bytes are put back only where those of the island, or what was there
 *       before, are found.  (The library may have gone meanwhile.)
 */
#include "locks.h"

#define NEAR_POINTS 160 /* farther than a short jump */

static struct tl_copy **chain_of(uintptr_t addr)
{
	uint64_t hash =
		(uint64_t)(addr >> TL_GRANULE_SHIFT) * 0x9e3779b97f4a7c15ull;

	return &tl_engine.islands[hash >> (64 - TL_ISLAND_BITS)];
}

struct tl_copy *tl_island_first(uintptr_t from, uintptr_t to)
{
	uintptr_t g = from >> TL_GRANULE_SHIFT;

	if (!tl_engine.n_islands || from >= to)
		return NULL;
	for (; g <= (to - 1) >> TL_GRANULE_SHIFT; g++) {
		struct tl_copy *c = *chain_of(g << TL_GRANULE_SHIFT);
		struct tl_copy *best = NULL;

		for (; c; c = c->next_island)
			if (c->island >> TL_GRANULE_SHIFT == g &&
			    c->island >= from && c->island < to &&
			    (!best || c->island < best->island))
				best = c;
		if (best)
			return best;
	}
	return NULL;
}

uintptr_t tl_island_lowest(uintptr_t addr)
{
	return addr >= TL_ISLAND_BYTES ? addr - (TL_ISLAND_BYTES - 1) : 0;
}

/* ---- which bytes ------------------------------------------------------------- */

/* So many bytes at @p are its own, should it be armed. */
static unsigned int span_of(const struct tl_point *p)
{
	const struct tl_plan *plan = &p->plan;

	return plan->window_len > plan->insn_len ? plan->window_len
						 : plan->insn_len;
}

/* Are bytes of an island at @at those of a point other than @p (I1)? */
static bool is_points(uintptr_t at, const struct tl_point *p)
{
	uintptr_t from = tl_optimize_lowest(at), to = at + TL_ISLAND_BYTES;
	const struct tl_point *q;

	for (; (q = tl_table_first(from, to)); from = q->addr + 1)
		if (q != p && q->addr + span_of(q) > at &&
		    (tl_point_wanted(q) || q->text != TL_TEXT_ORIGINAL ||
		     q->torn))
			return true;
	return false;
}

static bool is_taken(uintptr_t at, const struct tl_point *p)
{
	return tl_island_first(tl_island_lowest(at), at + TL_ISLAND_BYTES) ||
	       is_points(at, p) || tl_forbidden(at, TL_ISLAND_BYTES) ||
	       !tl_allowed(at, TL_ISLAND_BYTES, true) ||
	       tl_bp_executes_in(at, at + TL_ISLAND_BYTES);
}

static bool is_reachable(const struct tl_copy *copy, uintptr_t at)
{
	const struct tl_point *p = copy->point;
	struct tl_edit edit;

	return !tl_arch_edit_jump(&p->plan, p->addr, at, &edit) &&
	       !tl_arch_edit_island(at, copy->at, &edit);
}

int tl_island_take(struct tl_copy *copy)
{
	const struct tl_point *p = copy->point;
	struct tl_copy **chain;
	uintptr_t at;

	tl_assert_held();
	for (unsigned int i = 0; (at = tl_arch_island(&p->plan, p->addr, i));
	     i++) {
		if (is_taken(at, p) || !is_reachable(copy, at) ||
		    !tl_arch_is_padding(&p->plan, p->addr, at) ||
		    tl_text_read(copy->island_was, at, TL_ISLAND_BYTES))
			continue;
		chain = chain_of(at);
		copy->island = at;
		copy->next_island = *chain;
		*chain = copy;
		tl_store(&tl_engine.n_islands, tl_engine.n_islands + 1);
		return 0;
	}
	return -TL_ENOSPC;
}

void tl_island_drop(struct tl_copy *copy)
{
	struct tl_copy **link = chain_of(copy->island);

	while (*link != copy)
		link = &(*link)->next_island;
	*link = copy->next_island;
	tl_store(&tl_engine.n_islands, tl_engine.n_islands - 1);
	copy->island = 0;
}

/* ---- what is in memory --------------------------------------------------------- */

void tl_island_edit(const struct tl_copy *copy, struct tl_edit *edit)
{
	/* It was possible when the place was taken. */
	tl_arch_edit_island(copy->island, copy->at, edit);
	edit->idle = true;
	edit->fresh = false;
}

/*
 * Is what is there the island, or what was before it, or some of both?  A failure
 * that does not last is no proof of anything, so it is asked twice.
 */
static bool is_ours(const struct tl_copy *copy, bool *changed)
{
	uint8_t now[TL_ISLAND_BYTES];
	struct tl_edit edit;

	*changed = false;
	if (tlh_read(now, copy->island, sizeof(now)) &&
	    tlh_read(now, copy->island, sizeof(now)))
		return false;
	tl_island_edit(copy, &edit);
	for (unsigned int i = 0; i < TL_ISLAND_BYTES; i++) {
		if (now[i] != edit.bytes[i] && now[i] != copy->island_was[i])
			return false;
		*changed |= now[i] != copy->island_was[i];
	}
	return true;
}

bool tl_island_is_good(const struct tl_copy *copy)
{
	bool changed;

	return is_ours(copy, &changed);
}

void tl_islands_hide(uint8_t *dst, uintptr_t src, size_t len)
{
	uintptr_t from = tl_island_lowest(src);
	const struct tl_copy *c;
	struct tl_edit edit;

	for (; (c = tl_island_first(from, src + len)); from = c->island + 1) {
		uintptr_t low = c->island > src ? c->island : src;
		uintptr_t high = c->island + TL_ISLAND_BYTES;
		uintptr_t at = low;

		if (high > src + len)
			high = src + len;
		tl_island_edit(c, &edit);
		while (at < high && dst[at - src] == edit.bytes[at - c->island])
			at++;
		if (at < high || !c->island_written)
			continue; /* Other text is there by now. */
		for (at = low; at < high; at++)
			dst[at - src] = c->island_was[at - c->island];
	}
}

void tl_islands_gone(uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < 1 << TL_ISLAND_BITS; i++)
		for (struct tl_copy *c = tl_engine.islands[i]; c;
		     c = c->next_island)
			if (c->island >= start && c->island < end)
				c->island_written = false;
}

/* Those of the @n copies from @list on that are in text, as edits. */
static size_t gather(const struct tl_copy *list, size_t n)
{
	size_t count = 0;

	for (; n; n--, list = list->next) {
		struct tl_edit *edit = &tl_engine.edits[count];
		bool changed;

		if (!list->island || !list->island_written ||
		    !is_ours(list, &changed) || !changed) /* I4 */
			continue;
		edit->addr = list->island;
		edit->len = TL_ISLAND_BYTES;
		edit->idle = true;
		edit->fresh = false;
		tl_bytes_copy(edit->bytes, list->island_was, edit->len);
		count++;
	}
	return count;
}

int tl_islands_restore(const struct tl_copy *list, size_t n)
{
	size_t count;
	int others, err;

	tl_assert_held();
	if (!tl_engine.n_islands)
		return 0;
	tl_writer_drain();
	count = gather(list, n);
	if (!count)
		return 0;
	others = tlh_patch_begin();
	if (others < 0)
		return others;
	err = tlh_text_write(tl_engine.edits, count, others);
	if (err == TL_CACHES_EACH && others == TL_OTHERS_RUNNING)
		tlh_sync_cores();
	tlh_patch_end();
	return err < 0 ? err : 0;
}

/* ---- giving way ------------------------------------------------------------------ */

/* Does the text of @copy's point lead to it? */
static bool is_armed(const struct tl_copy *copy)
{
	const struct tl_point *p = copy->point;

	return p->copy == copy && (p->text != TL_TEXT_ORIGINAL || p->torn);
}

bool tl_island_is_contested(const struct tl_point *p)
{
	const struct tl_copy *copy = p->copy;

	return copy && copy->island &&
	       (is_points(copy->island, p) ||
		tl_bp_executes_in(copy->island,
				  copy->island + TL_ISLAND_BYTES));
}

void tl_island_owners(uintptr_t from, uintptr_t to, struct tl_work *work)
{
	struct tl_copy *c;

	for (from = tl_island_lowest(from); (c = tl_island_first(from, to));
	     from = c->island + 1)
		if (is_armed(c))
			tl_work_add(work, c->point);
}

bool tl_island_of_jump_only(uintptr_t from, uintptr_t to)
{
	const struct tl_copy *c;

	for (from = tl_island_lowest(from); (c = tl_island_first(from, to));
	     from = c->island + 1)
		if (is_armed(c) && tl_point_jump_only(c->point))
			return true;
	return false;
}

void tl_island_add_neighbours(struct tl_work *work, const struct tl_point *p)
{
	uintptr_t from = p->addr > NEAR_POINTS ? p->addr - NEAR_POINTS : 0;
	uintptr_t to = p->addr + NEAR_POINTS;
	struct tl_point *q;

	if (tl_point_wanted(p)) {
		tl_island_owners(p->addr, p->addr + span_of(p), work);
		return;
	}
	/* Somebody may have wanted these bytes. */
	for (; (q = tl_table_first(from, to)); from = q->addr + 1)
		if (q->plan.island && q->text == TL_TEXT_BREAKPOINT)
			tl_work_add(work, q);
}

/* Is there one that overlaps [@from, @to), but for that of @p? */
static struct tl_copy *other_in(uintptr_t from, uintptr_t to,
				const struct tl_point *p)
{
	struct tl_copy *c;

	for (from = tl_island_lowest(from); (c = tl_island_first(from, to));
	     from = c->island + 1)
		if (c->point != p || !is_armed(c))
			return c;
	return NULL;
}

/* Those of points that are not armed need not be kept; dead points give theirs. */
static void let_go(uintptr_t from, uintptr_t to)
{
	struct tl_copy *c;

	for (from = tl_island_lowest(from); (c = tl_island_first(from, to));
	     from = c->island + 1) {
		struct tl_point *p = c->point;

		if (p->copy != c || is_armed(c) || p->queued || p->dead)
			continue;
		tl_store_release(&p->copy, NULL);
		tl_copy_retire(c);
	}
}

bool tl_island_clear(const struct tl_point *p, unsigned int len)
{
	uintptr_t from = p->addr, to = p->addr + len;
	const struct tl_copy *c = other_in(from, to, p);

	if (!c)
		return true;
	if (is_armed(c))
		return false;
	let_go(from, to);
	tl_reclaim(true, false);
	return !other_in(from, to, p);
}

bool tl_island_waits(const struct tl_point *p)
{
	const struct tl_copy *c = tl_engine.dirty;

	while (c && !(c->point == p && c->island))
		c = c->next;
	return c;
}

/* ---- in a trap -------------------------------------------------------------------- */

/*
 * The island itself says where it leads: no list is looked at that somebody
 * changes.
 */
const struct tl_copy *tl_island_at(uintptr_t ip)
{
	uint8_t code[TL_ISLAND_BYTES];
	const struct tl_copy *copy;

	if (!tl_load(&tl_engine.n_islands) || tlh_read(code, ip, sizeof(code)))
		return NULL;
	copy = tl_copy_at(tl_arch_jump_target(ip, code));
	return copy && copy->island == ip ? copy : NULL;
}
