/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * extras.c - what is Trapline's own: counters, jumps or nothing, reasons, lists
 *
 * None of this is in Linux; the other files of this folder are what is.
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_test.h"

static unsigned int hits, returns;
static unsigned long value;

static void reset(void)
{
	hits = returns = 0;
	value = 0;
}

HANDLER int see(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static struct kprobe at(const void *addr)
{
	return (struct kprobe){ .addr = (void *)(uintptr_t)addr,
				.pre_handler = see };
}

/* ---- a jump or nothing ------------------------------------------------------------- */

TL_TEST(jump_only_is_refused_where_there_is_no_jump)
{
	struct kprobe p = { .addr = (void *)place_break,
			    .pre_handler = see,
			    .flags = KPROBE_FLAG_JUMP_ONLY };
	uint8_t before[PLACE_BREAK_SIZE];

	__builtin_memcpy(before, (void *)place_break, sizeof(before));
	CHECK_EQ(register_kprobe(&p), -TL_EBUSY);
	CHECK_MEM((void *)place_break, before, sizeof(before));
	CHECK_EQ(place_break(1, 2, 0), 3);
}

TL_TEST(unoptimize_all_leaves_what_must_be_a_jump)
{
	struct kprobe q = at(place_rip);

	q.flags = KPROBE_FLAG_JUMP_ONLY;
	reset();
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(unoptimize_all_kprobes(), 0);
	CHECK_EQ(trapline_kprobe_why(&q), TL_WHY_NONE);
	CHECK_EQ(place_rip(1, 0, 0), 123456790);
	CHECK_EQ(hits, 1);
	CHECK_EQ(optimize_all_kprobes(), 0);
	unregister_kprobe(&q);
}

TL_TEST(a_disabled_probe_says_that_it_is)
{
	struct kprobe p = at(place_jump), q = at(place_break);

	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(disable_kprobe(&p), 0);
	CHECK_EQ(disable_kprobe(&q), 0);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_DISABLED);
	CHECK_EQ(trapline_kprobe_why(&q), TL_WHY_DISABLED);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
}

TL_TEST(register_each_registers_what_can_be)
{
	struct kprobe a = at(place_jump), b = at(place_break);
	struct kprobe bad = at(place_own_trap_at);
	struct kprobe *good[] = { &a, &b };
	struct kprobe *mixed[] = { &a, &bad, &b };
	enum tl_why why[3];
	int err[3];

	reset();
	CHECK_EQ(trapline_register_each(mixed, 3, err, why), 2);
	CHECK_EQ(err[0], 0);
	CHECK_EQ(err[1], OWN_TRAP_GIVES);
	CHECK_EQ(err[2], 0);
	CHECK_EQ(why[0], TL_WHY_NONE);
	CHECK_EQ(why[2], PLACE_BREAK_WHY);
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	CHECK_EQ(hits, 2);
	unregister_kprobes(good, 2);
}

/* ---- counters --------------------------------------------------------------------- */

static char counter_block[TL_COUNTER_BLOCK + 64] __attribute__((aligned(4096)));

TL_TEST(a_counter_counts_every_hit_without_a_handler)
{
	static const struct {
		const char *name;
		place_fn *fn;
		const char *at;
	} rows[] = {
		{ "jump", place_jump, (char *)place_jump },
		{ "breakpoint", place_break, (char *)place_break },
		{ "flags dead", place_flags_dead, (char *)place_flags_dead },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		uint64_t *cell = (uint64_t *)counter_block + i;
		struct kprobe p = { .addr = (void *)rows[i].at,
				    .counter = cell };

		ROW(rows[i].name);
		CHECK_EQ(register_kprobe(&p), 0);
		for (int n = 0; n < 1000; n++)
			CHECK_EQ(rows[i].fn(n, 2, 0), n + 2);
		CHECK_EQ(tl_counter_read(cell), 1000);
		unregister_kprobe(&p);
		rows[i].fn(1, 2, 0);
		CHECK_EQ(tl_counter_read(cell), 1000);
	}
}

TL_TEST(counters_and_handlers_of_several_probes_agree)
{
	struct kprobe p[7];

	reset();
	for (unsigned int i = 0; i < 7; i++) {
		p[i] = (struct kprobe){ .addr = (void *)place_jump };
		p[i].counter = (uint64_t *)counter_block + 32 + i;
		*p[i].counter = 0;
		if (i == 6)
			p[i].pre_handler = see;
		CHECK_EQ(register_kprobe(&p[i]), 0);
		for (int n = 0; n < 10; n++)
			CHECK_EQ(place_jump(n, 2, 0), n + 2);
	}
	for (unsigned int i = 0; i < 7; i++)
		CHECK_EQ(tl_counter_read(p[i].counter), 10 * (7 - i));
	CHECK_EQ(hits, 10);
	for (unsigned int i = 0; i < 7; i++)
		unregister_kprobe(&p[i]);
}

static void count_in(const void *addr, place_fn *fn)
{
	uint64_t *cell = (uint64_t *)counter_block + 50;
	struct kprobe p = { .addr = (void *)(uintptr_t)addr, .counter = cell };
	uint64_t before = tl_counter_read(cell);

	CHECK_EQ(fn(300, 120, 0), 420);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_WHY(&p, TL_WHY_NONE);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(fn(300, 120, 0), 420);
	CHECK_EQ(tl_counter_read(cell), before + 100);
	unregister_kprobe(&p);
}

TL_TEST(counting_keeps_the_flags)
{
	count_in(place_flags_at, place_flags);
}

TL_TEST(counting_keeps_the_red_zone)
{
	if (!place_has_red_zone)
		SKIP("there is no red zone");
	count_in(PLACE_RED_ZONE_AT, PLACE_RED_ZONE);
}

/* ---- by the exits, or by the return address ------------------------------------------ */

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	value = regs->REG_RESULT;
	returns++;
	return 0;
}

TL_TEST(entry_whose_jump_covers_the_exit_stays_a_jump)
{
	struct kprobe p = { .addr = (void *)place_jump };
	struct kretprobe rp = { .kp.addr = (void *)place_jump,
				.handler = returned };
	enum tl_why why;

	REQUIRE(register_kprobe(&p) == 0);
	why = trapline_kprobe_why(&p);
	unregister_kprobe(&p);
	reset();
	REQUIRE(register_kretprobe(&rp) == 0);
	CHECK_EQ(trapline_kprobe_why(&rp.kp), why);
	CHECK_EQ(place_jump(30, 12, 0), 42);
	CHECK_EQ(returns, 1);
	CHECK_EQ(value, 42);
	unregister_kretprobe(&rp);
}

TL_TEST(a_tail_call_is_followed_where_no_return_address_may_be_replaced)
{
	struct kretprobe rp = { .kp.addr = (void *)place_tail,
				.kp.flags = KPROBE_FLAG_NO_SWAP,
				.handler = returned };

	reset();
	REQUIRE(register_kretprobe(&rp) == 0);
	CHECK_EQ(place_tail(30, 12, 0), 42);
	CHECK_EQ(returns, 1);
	/* What it goes on to is another function, which is called as well. */
	CHECK_EQ(place_jump(20, 13, 0), 33);
	CHECK_EQ(returns, 1);
	unregister_kretprobe(&rp);
	CHECK_EQ(place_tail(30, 12, 0), 42);
	CHECK_EQ(returns, 1);
}

/* ---- lists ------------------------------------------------------------------------ */

struct seen {
	const struct kprobe *want;
	struct tl_status st;
	unsigned int n;
};

static int look(const struct tl_status *st, void *arg)
{
	struct seen *seen = arg;

	if (st->probe != seen->want)
		return 0;
	seen->n++;
	seen->st = *st;
	return 0;
}

static struct tl_status status_of(const struct kprobe *p)
{
	struct seen seen = { .want = p };

	trapline_each_probe(look, &seen);
	CHECK_EQ(seen.n, 1);
	return seen.st;
}

TL_TEST(the_list_has_every_probe_with_its_state)
{
	struct kprobe p = at(place_jump), q = at(place_break),
		      off = at(place_jump);
	struct seen none = { .want = &p };
	struct tl_status st;

	off.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(register_kprobe(&off), 0);
	st = status_of(&p);
	CHECK_EQ(st.addr, (uintptr_t)place_jump);
	CHECK_EQ(st.kind, TL_KIND_JUMP);
	CHECK_EQ(st.enabled, true);
	CHECK(st.probe->flags & KPROBE_FLAG_OPTIMIZED);
	st = status_of(&q);
	CHECK_EQ(st.kind, TL_KIND_BREAKPOINT);
	CHECK_EQ(st.is_return, false);
	st = status_of(&off);
	CHECK_EQ(st.kind, TL_KIND_NONE);
	CHECK_EQ(st.enabled, false);
	CHECK(!(st.probe->flags & KPROBE_FLAG_OPTIMIZED));
	disarm_all_kprobes();
	CHECK_EQ(status_of(&q).kind, TL_KIND_NONE);
	arm_all_kprobes();
	unregister_kprobe(&p);
	unregister_kprobe(&q);
	unregister_kprobe(&off);
	trapline_each_probe(look, &none);
	CHECK_EQ(none.n, 0);
}

static int count_range(unsigned long start, unsigned long end, void *arg)
{
	(void)start;
	*(unsigned int *)arg += end ==
				(unsigned long)place_break + PLACE_BREAK_FIRST;
	return 0;
}

TL_TEST(the_blacklist_has_every_range)
{
	unsigned long from = (unsigned long)place_break;
	unsigned int n = 0;

	CHECK_EQ(kprobe_add_area_blacklist(from, from + PLACE_BREAK_FIRST), 0);
	CHECK_EQ(trapline_each_blacklisted(count_range, &n), 0);
	CHECK_EQ(n, 1);
	kprobe_remove_area_blacklist(from, from + PLACE_BREAK_FIRST);
	CHECK_EQ(trapline_each_blacklisted(count_range, &n), 0);
	CHECK_EQ(n, 1);
}
