/* SPDX-License-Identifier: MIT */
/*
 * table.c - from an address to its point, without locks
 *
 * A trap handler asks one question: is there a point at this address?  It may
 * ask while any other CPU is adding or removing points, while it interrupts an
 * add or remove on its own CPU, and from inside another trap.  So the lookup
 * takes no lock, retries nothing and writes nothing.
 *
 * The table is an array of chains.  The points of one granule (16 bytes of
 * text) are in one chain, so that the same table answers the other question,
 * asked in task context only: which points are in [a, b)?
 *
 * Writers are serialized by the registration lock and work in this order:
 *
 *     add                              remove
 *     1. fill in the point and         1. restore the original instruction
 *        its copy                      2. tlh_sync_cores()
 *     2. link it          (release)    3. unlink it          (release)
 *        full fence                    4. wait for a grace period
 *     3. write the breakpoint          5. free the point and its copies
 *
 * Invariants.  Each names the steps that keep it, and breaks if they move.
 *
 *   T1  A CPU that has fetched our breakpoint at A finds A, as long as it
 *       looks before remove 3.  (add 2, the fence, add 3: the fence orders the
 *       link before the breakpoint; on the other side the trap orders the
 *       fetch before the lookup.)
 *   T2  A point found by a lookup is complete.  (add 1 before the release in
 *       add 2, which pairs with the acquire in tl_table_find.)
 *   T3  A point found by a lookup stays valid until that section ends.
 *       (remove 4; lookups are made in sections, see grace.c.)
 *
 * T1 leaves one window open, and trap.c closes it:
 *
 *     CPU 0                            CPU 1
 *     fetches the breakpoint at A
 *                                      remove 1, 2: A is itself again
 *                                      remove 3:    A leaves the table
 *     traps, looks A up, misses
 *
 * So a miss is not yet somebody else's breakpoint.  It is only if a breakpoint
 * is still in memory at A; otherwise the answer is to return and run A again.
 *
 * Growing.  Each point has two links.  A table of twice the size is built by
 * the links that the old one does not use, while lookups go on in the old one:
 *
 *   T4  A chain that a lookup walks is not relinked under it.  (The links of
 *       table n are written again only for table n + 2, and a grace period
 *       passes between publishing n + 1 and building n + 2.)
 *   T5  A lookup sees a point that was there before it began, whichever table
 *       it got.  (All points are linked into the new table before the release
 *       that publishes it, and adds and removes wait for the lock.)
 */
#include "locks.h"

/* Constant from the first use on; the same values each time. */
TL_SELDOM struct tl_table *tl_table_of_first_use(void)
{
	struct tl_table *t = &tl_engine.first_table;

	t->head = tl_engine.first_head;
	t->bits = TL_FIRST_BITS;
	return t;
}

static void link_point(struct tl_table *t, struct tl_point *p)
{
	struct tl_point **head = tl_table_chain(t, p->addr);

	tl_store(&p->link[t->which], *head);
	tl_store_release(head, p); /* T2 */
}

static void free_table(struct tl_table *t)
{
	if (t && t != &tl_engine.first_table)
		tlh_free(t, sizeof(*t) + (sizeof(*t->head) << t->bits));
}

/* The table before the current one, when nobody can be in it any more. */
static int drop_previous(void)
{
	if (!tl_engine.previous)
		return 0;
	if (tl_grace())
		return -TL_EBUSY;
	free_table(tl_engine.previous);
	tl_engine.previous = NULL;
	return 0;
}

/*
 * Twice the size.  Without memory, or when the host will not wait for a grace
 * period, the chains get longer and nothing else happens.
 */
static void grow(void)
{
	struct tl_table *old = tl_table_current();
	size_t size = (size_t)2 << old->bits;
	struct tl_table *t;

	if (drop_previous()) /* T4 */
		return;
	t = tlh_alloc(sizeof(*t) + size * sizeof(struct tl_point *));
	if (!t)
		return;
	t->head = (struct tl_point **)(t + 1);
	t->bits = old->bits + 1;
	t->which = !old->which;
	for (size_t i = 0; i < (size_t)1 << old->bits; i++) {
		struct tl_point *p = old->head[i];

		for (; p; p = p->link[old->which])
			link_point(t, p);
	}
	tl_store_release(&tl_engine.table, t); /* T5 */
	tl_engine.previous = old;
}

void tl_table_add(struct tl_point *p)
{
	tl_assert_held();
	if (tl_engine.n_points >> tl_table_current()->bits)
		grow();
	link_point(tl_table_current(), p);
	tl_fence(); /* T1 */
	tl_engine.n_points++;
}

void tl_table_remove(struct tl_point *p)
{
	const struct tl_table *t = tl_table_current();
	struct tl_point **link = tl_table_chain(t, p->addr);

	tl_assert_held();
	while (*link != p)
		link = &(*link)->link[t->which];
	tl_store_release(link, p->link[t->which]);
	tl_engine.n_points--;
}

struct tl_point *tl_table_first(uintptr_t from, uintptr_t to)
{
	const struct tl_table *t = tl_table_current();
	uintptr_t g = from >> TL_GRANULE_SHIFT;

	if (!tl_engine.n_points || from >= to)
		return NULL;
	for (; g <= (to - 1) >> TL_GRANULE_SHIFT; g++) {
		struct tl_point *p = *tl_table_chain(t, g << TL_GRANULE_SHIFT);
		struct tl_point *best = NULL;

		for (; p; p = p->link[t->which])
			if (p->addr >> TL_GRANULE_SHIFT == g &&
			    p->addr >= from && p->addr < to &&
			    (!best || p->addr < best->addr))
				best = p;
		if (best)
			return best;
	}
	return NULL;
}

int tl_table_each(int (*fn)(struct tl_point *p, void *arg), void *arg)
{
	const struct tl_table *t = tl_table_current();
	int ret;

	tl_assert_held();
	for (size_t i = 0; i < (size_t)1 << t->bits; i++) {
		struct tl_point *p = t->head[i];

		while (p) {
			struct tl_point *next = p->link[t->which];

			ret = fn(p, arg);
			if (ret)
				return ret;
			p = next;
		}
	}
	return 0;
}

/* Back to the first table.  There is no point any more and no section. */
void tl_table_reset(void)
{
	struct tl_table *old = tl_engine.table;

	tl_store_release(&tl_engine.table, NULL);
	free_table(tl_engine.previous);
	free_table(old);
	tl_engine.previous = NULL;
	/* What it had when it was left for a bigger one. */
	tl_bytes_zero(tl_engine.first_head, sizeof(tl_engine.first_head));
}
