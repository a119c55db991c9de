/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * table.c - lookups, also while the table grows, and ranges
 */
#include <stdlib.h>

#include <engine.h>

#include "engine_fixture.h"

#define MANY 20000

static struct tl_point *points;

static void put_many(size_t n, uintptr_t base, size_t step)
{
	points = calloc(n, sizeof(*points));
	for (size_t i = 0; i < n; i++) {
		points[i].addr = base + i * step;
		tl_table_add(&points[i]);
	}
}

static void away(size_t n)
{
	tlh_lock();
	tl_engine.held = true;
	for (size_t i = 0; i < n; i++)
		tl_table_remove(&points[i]);
	CHECK_EQ(tl_engine.n_points, 0);
	tl_table_reset();
	tlh_unlock();
	free(points);
	CHECK_EQ(sim.allocated, 0);
	CHECK_EQ(sim.misuse, 0);
}

TL_TEST(lookup_finds_what_was_added_and_nothing_else)
{
	size_t found = 0;

	start();
	tlh_lock();
	put_many(MANY, 0x1000, 3);
	for (size_t i = 0; i < MANY * 3; i++) {
		struct tl_point *p = tl_table_find(0x1000 + i);

		found += p && p->addr == 0x1000 + i && i % 3 == 0;
		CHECK(!p == (i % 3 != 0));
	}
	CHECK_EQ(found, MANY);
	tlh_unlock();
	away(MANY);
}

TL_TEST(lookup_time_does_not_grow_with_the_table)
{
	size_t longest = 0;

	start();
	tlh_lock();
	put_many(MANY, 0x400000, 64);
	for (size_t i = 0; i < (size_t)1 << tl_engine.table->bits; i++) {
		size_t n = 0;

		for (struct tl_point *p = tl_engine.table->head[i]; p;
		     p = p->link[tl_engine.table->which])
			n++;
		longest = n > longest ? n : longest;
	}
	CHECK(longest < 16);
	CHECK(((size_t)1 << tl_engine.table->bits) >= MANY / 2);
	tlh_unlock();
	away(MANY);
}

/* At every allocation, that is whenever the table grows: look all up. */
static size_t added, looked_up;

static void look_all_up(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (call != SIM_CALL_ALLOC && call != SIM_CALL_FREE &&
	    call != SIM_CALL_EACH_CONTEXT)
		return;
	for (size_t i = 0; i < added; i++)
		CHECK(tl_table_find(0x1000 + i * 7) == &points[i]);
	looked_up++;
}

TL_TEST(lookup_during_growth_finds_every_point)
{
	start();
	sim.hook = look_all_up;
	looked_up = 0;
	points = calloc(MANY, sizeof(*points));
	tlh_lock();
	for (added = 0; added < MANY; added++) {
		points[added].addr = 0x1000 + added * 7;
		tl_table_add(&points[added]);
	}
	CHECK(looked_up > 8);
	sim.hook = NULL;
	tlh_unlock();
	away(MANY);
}

TL_TEST(table_that_cannot_grow_works_on)
{
	start();
	tlh_lock();
	for (int i = 0; i < 20; i++) {
		sim_fail(SIM_CALL_ALLOC, 1);
		if (!i)
			put_many(0, 0, 0);
		free(points);
		points = NULL;
		break;
	}
	points = calloc(500, sizeof(*points));
	for (size_t i = 0; i < 500; i++) {
		points[i].addr = 0x1000 + i * 5;
		sim_fail(SIM_CALL_ALLOC, 1);
		tl_table_add(&points[i]);
	}
	sim_fail(SIM_CALL_ALLOC, 0);
	CHECK(!tl_engine.table);
	for (size_t i = 0; i < 500; i++)
		CHECK(tl_table_find(0x1000 + i * 5) == &points[i]);
	tlh_unlock();
	away(500);
}

TL_TEST(table_does_not_grow_while_lookups_may_be_in_the_one_before)
{
	start();
	sim.max_pauses = 3;
	tlh_lock();
	points = calloc(2000, sizeof(*points));
	for (size_t i = 0; i < 2000; i++) {
		/* From the first growth on a handler never ends. */
		sim.contexts[1].depth = tl_engine.table != NULL;
		points[i].addr = 0x1000 + i * 16;
		tl_table_add(&points[i]);
	}
	CHECK_EQ(tl_engine.table->bits, TL_FIRST_BITS + 1);
	sim.contexts[1].depth = 0;
	for (size_t i = 0; i < 2000; i++)
		CHECK(tl_table_find(0x1000 + i * 16) == &points[i]);
	tlh_unlock();
	away(2000);
}

TL_TEST(removed_point_is_not_found_and_its_neighbours_are)
{
	start();
	tlh_lock();
	put_many(300, 0x1000, 1);
	tlh_unlock();
	for (size_t i = 0; i < 300; i += 2)
		tl_table_remove(&points[i]);
	for (size_t i = 0; i < 300; i++)
		CHECK(!tl_table_find(0x1000 + i) == !(i & 1));
	for (size_t i = 0; i < 300; i += 2)
		tl_table_add(&points[i]);
	away(300);
}

TL_TEST(first_in_a_range_is_the_lowest)
{
	struct tl_point *p;
	uintptr_t addr = 0x1000;
	size_t n = 0;

	start();
	tlh_lock();
	put_many(100, 0x1000, 7);
	CHECK(!tl_table_first(0, 0x1000));
	CHECK(!tl_table_first(0x1001, 0x1007));
	CHECK(!tl_table_first(0x1007, 0x1007));
	CHECK(tl_table_first(0x1001, 0x1008) == &points[1]);
	for (; (p = tl_table_first(addr, 0x2000)); addr = p->addr + 1)
		CHECK(p == &points[n++]);
	CHECK_EQ(n, 100);
	tlh_unlock();
	away(100);
	CHECK(!tl_table_first(0, 0x10000));
}
