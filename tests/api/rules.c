/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * rules.c - what Linux's documentation promises beside the hit itself
 *
 * Codes, batches, registering again, missing, everything armed or disarmed at
 * once, the list and the blacklist.
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_test.h"

static unsigned int hits, posts;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER void hit_post(struct kprobe *p, struct pt_regs *regs, unsigned long f)
{
	(void)p;
	(void)regs;
	posts += 1 + f;
}

static struct kprobe at(const void *addr)
{
	return (struct kprobe){ .addr = (void *)(uintptr_t)addr,
				.pre_handler = hit };
}

/* ---- codes --------------------------------------------------------------------- */

static unsigned long data[2];
static const unsigned long constant[2] = { 1, 2 };

static int try(const void *addr)
{
	struct kprobe p = at(addr);
	int err = register_kprobe(&p);

	if (!err)
		unregister_kprobe(&p);
	else
		CHECK_EQ(p.addr, addr);
	return err;
}

TL_TEST(instructions_that_cannot_be_probed_give_linux_s_codes)
{
	static const struct {
		const char *name;
		const void *addr;
		int err;
		bool lately; /* refused since Linux 6.9 */
		bool ours;   /* not by Linux */
	} rows[] = {
		REFUSED_ROWS{ "data", data, -TL_EINVAL, false, false },
		{ "constants", constant, -TL_EINVAL, false, false },
		{ "nothing mapped", (void *)64, -TL_ENOENT, false, false },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		if (TL_ON_LINUX && rows[i].ours)
			continue;
		ROW(rows[i].name);
		CHECK_EQ(try(rows[i].addr),
			 rows[i].lately ? TL_EITHER_UNTIL(6, 9, ROW_INT,
							  rows[i].err, 0)
					: rows[i].err);
	}
}

TL_TEST(nothing_is_certain_behind_a_breakpoint_of_others)
{
	struct kprobe p = at(place_own_trap);

	CHECK_EQ(register_kprobe(&p), 0);
	/* It would cover the breakpoint. */
	CHECK_EQ(is_jump(&p), JUMP(!JUMP_COVERS_TWO));
	unregister_kprobe(&p);
	CHECK_EQ(try(place_own_trap_at + OWN_TRAP_LEN), BEHIND_OWN_TRAP_GIVES);
}

TL_TEST(an_offset_counts_from_an_address_too)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)place_rip,
			    .offset = PLACE_RIP_BEHIND,
			    .pre_handler = hit };

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(p.addr, place_plus(place_rip, PLACE_RIP_BEHIND));
	CHECK_EQ(place_rip(1, 0, 0), 123456790);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
}

/* Linux leaves the sum there, and adds the offset to it the next time. */
TL_TEST(an_offset_from_an_address_counts_once_however_often)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)place_rip,
			    .offset = PLACE_RIP_BEHIND,
			    .pre_handler = hit };
	kprobe_opcode_t *at_first = NULL;

	for (unsigned int i = 0; i < 3; i++) {
		int err = register_kprobe(&p);

		hits = 0;
		if (i && TL_ON_LINUX) {
			bool there = !err && p.addr == at_first;

			CHECK_EQ(there, TL_EITHER(ROW_SYMBOL, true, false));
			if (!err)
				unregister_kprobe(&p);
			break;
		}
		CHECK_EQ(err, 0);
		at_first = p.addr;
		CHECK_EQ(p.addr, place_plus(place_rip, PLACE_RIP_BEHIND));
		CHECK_EQ(place_rip(1, 0, 0), 123456790);
		CHECK_EQ(hits, 1);
		unregister_kprobe(&p);
		CHECK_EQ(p.addr,
			 place_plus(place_rip, TL_EITHER(ROW_SYMBOL, 0,
							 PLACE_RIP_BEHIND)));
	}
}

TL_TEST(only_the_caller_s_flags_are_taken_and_nmissed_is_zeroed)
{
	struct kprobe p = at(place_jump);

	p.flags = KPROBE_FLAG_GONE | KPROBE_FLAG_FTRACE | KPROBE_FLAG_OPTIMIZED;
	p.nmissed = 7;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(p.nmissed, 0);
	CHECK_EQ(p.flags & (KPROBE_FLAG_GONE | KPROBE_FLAG_FTRACE), 0);
	CHECK(p.flags & KPROBE_FLAG_ON_FUNC_ENTRY);
	CHECK(*(volatile kprobe_opcode_t *)place_jump != p.opcode);
	unregister_kprobe(&p);
	CHECK_EQ(*(volatile kprobe_opcode_t *)place_jump, p.opcode);
	CHECK_EQ(p.flags & ~KPROBE_FLAG_ON_FUNC_ENTRY,
		 TL_EITHER(ROW_DISABLED, 0, KPROBE_FLAG_DISABLED));
}

TL_TEST(function_entries_are_known)
{
	kprobe_opcode_t *entry = (kprobe_opcode_t *)place_jump;

	CHECK_EQ(kprobe_on_func_entry(entry, NULL, 0), 0);
	CHECK_EQ(kprobe_on_func_entry(entry, NULL, PLACE_JUMP_SECOND),
		 -TL_EINVAL);
	CHECK_EQ(kprobe_on_func_entry(NULL, "place_jump", 0), 0);
	CHECK_EQ(kprobe_on_func_entry(NULL, "place_jump", PLACE_JUMP_SECOND),
		 -TL_EINVAL);
	CHECK_EQ(kprobe_on_func_entry(NULL, "no_such_name", 0), -TL_ENOENT);
}

/* ---- again, and in batches ------------------------------------------------------- */

TL_TEST(a_probe_registers_again_as_it_was_given)
{
	struct kprobe p = { .symbol_name = "place_rip",
			    .offset = PLACE_RIP_BEHIND,
			    .pre_handler = hit };

	hits = 0;
	for (unsigned int i = 1; i <= 3; i++) {
		if (i == 2 && TL_ON_LINUX) {
			CHECK_EQ(register_kprobe(&p),
				 TL_EITHER(ROW_SYMBOL, 0, -TL_EINVAL));
			break;
		}
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(disable_kprobe(&p), 0);
		CHECK_EQ(enable_kprobe(&p), 0);
		CHECK_EQ(place_rip(1, 0, 0), 123456790);
		CHECK_EQ(hits, i);
		CHECK_EQ(disable_kprobe(&p), 0);
		unregister_kprobe(&p);
		CHECK_EQ(p.flags,
			 TL_EITHER(ROW_DISABLED, 0, KPROBE_FLAG_DISABLED));
		CHECK_EQ(p.addr, place_plus(place_rip, PLACE_RIP_BEHIND));
	}
	/* Whoever gives both is told so as ever. */
	p.addr = (kprobe_opcode_t *)place_rip;
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
}

TL_TEST(a_probe_is_enabled_again_when_it_is_registered_again)
{
	struct kprobe p = at(place_jump);

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	unregister_kprobe(&p);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(kprobe_disabled(&p), TL_EITHER(ROW_DISABLED, false, true));
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, TL_EITHER(ROW_DISABLED, 2, 1));
	unregister_kprobe(&p);
}

#define AS_LINUX_LEAVES_IT (KPROBE_FLAG_DISABLED | KPROBE_FLAG_ON_FUNC_ENTRY)
static const char *const in_the_middle = (char *)place_bad + PLACE_BAD_INSIDE;

TL_TEST(a_failed_batch_leaves_every_structure_as_it_was)
{
	struct kprobe a = at(NULL), b = at(place_break),
		      bad = at(in_the_middle);
	struct kprobe *all[] = { &a, &b, &bad };

	a.symbol_name = "place_jump";
	b.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobes(all, 3), INSIDE_GIVES);
	CHECK_EQ(a.addr, TL_EITHER(ROW_FAILED, NULL, (void *)place_jump));
	CHECK_EQ(a.flags, TL_EITHER(ROW_FAILED, 0, AS_LINUX_LEAVES_IT));
	CHECK_EQ(b.addr, (void *)place_break);
	CHECK_EQ(b.flags, TL_EITHER(ROW_FAILED, KPROBE_FLAG_DISABLED,
				    AS_LINUX_LEAVES_IT));
	CHECK_EQ(bad.addr, (void *)in_the_middle);
	if (TL_ON_LINUX)
		a.addr = NULL;
	bad.addr = (void *)place_one;
	CHECK_EQ(register_kprobes(all, 3), 0);
	unregister_kprobes(all, 3);
}

TL_TEST(unregistering_a_batch_marks_strangers_and_removes_the_rest)
{
	struct kprobe a = at(place_jump), b = at(place_break);
	struct kprobe stranger = at(place_one);
	struct kprobe *all[] = { &a, &stranger, &b };

	hits = 0;
	CHECK_EQ(register_kprobe(&a), 0);
	CHECK_EQ(register_kprobe(&b), 0);
	unregister_kprobes(all, 3);
	CHECK_EQ(stranger.addr, NULL);
	CHECK_EQ(a.addr, (void *)place_jump);
	CHECK_EQ(place_jump(1, 2, 0) + place_break(1, 2, 0), 6);
	CHECK_EQ(hits, 0);
	unregister_kprobes(all, 0);
	unregister_kprobes(all, -1);
	unregister_kprobe(&a);
	CHECK_EQ(a.addr, NULL);
}

TL_TEST(registered_twice_in_one_batch_gives_einval)
{
	struct kprobe a = at(place_jump);
	struct kprobe *twice[] = { &a, &a };

	CHECK_EQ(register_kprobes(twice, 2), -TL_EINVAL);
	CHECK_EQ(get_kprobe((void *)place_jump), NULL);
	CHECK_EQ(register_kprobes(twice, -1), -TL_EINVAL);
	CHECK_EQ(register_kprobe(&a), 0);
	unregister_kprobe(&a);
}

/* ---- enabled, disabled ------------------------------------------------------------ */

TL_TEST(what_is_not_registered_is_neither_enabled_nor_disabled)
{
	struct kprobe p = at(place_jump), q = at(place_jump);

	CHECK_EQ(enable_kprobe(&p), -TL_EINVAL);
	CHECK_EQ(disable_kprobe(&p), -TL_EINVAL);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(enable_kprobe(&p), -TL_EINVAL);
	CHECK_EQ(disable_kprobe(&p), -TL_EINVAL);
	unregister_kprobe(&q);
}

TL_TEST(the_text_is_restored_when_the_last_of_a_place_is_disabled)
{
	place_fn *const fns[] = { place_jump, place_break };

	for (size_t i = 0; i < TL_ARRAY_SIZE(fns); i++) {
		struct kprobe a = at(fns[i]), b = at(fns[i]);
		uint8_t before[16];

		__builtin_memcpy(before, (void *)fns[i], 16);
		hits = 0;
		CHECK_EQ(register_kprobe(&a), 0);
		CHECK_EQ(register_kprobe(&b), 0);
		CHECK_EQ(disable_kprobe(&a), 0);
		CHECK(is_jump_at((void *)fns[i]) ||
		      is_breakpoint_at((void *)fns[i]));
		CHECK_EQ(fns[i](1, 2, 0), 3);
		CHECK_EQ(hits, 1);
		CHECK_EQ(disable_kprobe(&b), 0);
		CHECK_MEM((void *)fns[i], before, 16);
		CHECK_EQ(fns[i](1, 2, 0), 3);
		CHECK_EQ(hits, 1);
		CHECK_EQ(enable_kprobe(&a), 0);
		CHECK_EQ(fns[i](1, 2, 0), 3);
		CHECK_EQ(hits, 2);
		unregister_kprobe(&a);
		CHECK_MEM((void *)fns[i], before, 16);
		unregister_kprobe(&b);
	}
}

/* ---- missing -------------------------------------------------------------------- */

static place_fn *inner;

HANDLER int call_inner(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	inner(1, 2, 0);
	return 0;
}

TL_TEST(a_miss_counts_in_every_probe_of_the_point_also_disabled_ones)
{
	place_fn *const fns[] = { place_jump, place_break };

	for (size_t i = 0; i < TL_ARRAY_SIZE(fns); i++) {
		struct kprobe outer = at(place_one);
		struct kprobe a = at(fns[i]), off = a, b = a;

		inner = fns[i];
		outer.pre_handler = call_inner;
		off.flags = KPROBE_FLAG_DISABLED;
		CHECK_EQ(register_kprobe(&a), 0);
		CHECK_EQ(register_kprobe(&off), 0);
		CHECK_EQ(register_kprobe(&b), 0);
		CHECK_EQ(register_kprobe(&outer), 0);
		hits = 0;
		place_one(1, 2, 0);
		CHECK_EQ(hits, 0);
		CHECK_EQ(a.nmissed, 1);
		CHECK_EQ(off.nmissed, 1);
		CHECK_EQ(b.nmissed, 1);
		CHECK_EQ(outer.nmissed, 0);
		unregister_kprobe(&outer);
		unregister_kprobe(&off);
		unregister_kprobe(&a);
		unregister_kprobe(&b);
	}
}

TL_TEST(between_busy_begin_and_end_every_hit_is_a_miss)
{
	struct kprobe p = at(place_jump), q = at(place_break);

	p.post_handler = hit_post;
	hits = posts = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(kprobe_running(), NULL);
	kprobe_busy_begin();
	CHECK(kprobe_running() != NULL);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(place_break(1, 2, 0), 3);
	CHECK_EQ(place_break(1, 2, 0), 3);
	kprobe_busy_end();
	CHECK_EQ(kprobe_running(), NULL);
	CHECK_EQ(hits + posts, 0);
	CHECK_EQ(p.nmissed, 1);
	CHECK_EQ(q.nmissed, 2);
	CHECK_EQ(place_jump(1, 2, 0) + place_break(1, 2, 0), 6);
	CHECK_EQ(hits, 2);
	CHECK_EQ(posts, 1);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
}

TL_TEST(busy_begin_nests)
{
	struct kprobe q = at(place_break);

	hits = 0;
	CHECK_EQ(register_kprobe(&q), 0);
	kprobe_busy_begin();
	kprobe_busy_begin();
	CHECK_EQ(place_break(1, 2, 0), 3);
	kprobe_busy_end();
	CHECK_EQ(place_break(1, 2, 0), 3);
	kprobe_busy_end();
	CHECK_EQ(q.nmissed,
		 TL_EITHER("`kprobe_busy_begin()` is not for nesting", 2, 1));
	CHECK_EQ(hits + q.nmissed, 2);
	unregister_kprobe(&q);
}

/* ---- all at once ------------------------------------------------------------------ */

#define ROW_LOST "`enable_kprobe()` while all are disarmed"

TL_TEST(disarm_all_restores_the_text_and_leaves_the_flags)
{
	struct kprobe p = at(place_jump), q = at(place_break),
		      off = at(place_one), later = at(place_rip);
	uint8_t jump[16], brk[16];

	__builtin_memcpy(jump, (void *)place_jump, 16);
	__builtin_memcpy(brk, (void *)place_break, 16);
	off.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(register_kprobe(&off), 0);
	hits = 0;
	CHECK_EQ(disarm_all_kprobes(), 0);
	CHECK_EQ(disarm_all_kprobes(), 0);
	CHECK_MEM((void *)place_jump, jump, 16);
	CHECK_MEM((void *)place_break, brk, 16);
	CHECK_EQ(kprobe_disabled(&p), false);
	CHECK_EQ(p.flags & KPROBE_FLAG_OPTIMIZED, 0);

	/* What is registered and enabled meanwhile is armed later. */
	CHECK_EQ(register_kprobe(&later), 0);
	CHECK_EQ(disable_kprobe(&q), 0);
	CHECK_EQ(enable_kprobe(&q), 0);
	CHECK_EQ(kprobe_disabled(&q), TL_EITHER(ROW_LOST, false, true));
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	place_rip(1, 0, 0);
	CHECK_EQ(hits, 0);

	CHECK_EQ(arm_all_kprobes(), 0);
	CHECK_EQ(arm_all_kprobes(), 0);
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	place_rip(1, 0, 0);
	place_one(1, 2, 0);
	CHECK_EQ(hits, TL_EITHER(ROW_LOST, 3, 2));
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(!!(p.flags & KPROBE_FLAG_OPTIMIZED),
		 TL_EITHER(ROW_FLAG, true, false));
	CHECK_EQ(kprobe_disabled(&off), true);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
	unregister_kprobe(&off);
	unregister_kprobe(&later);
}

TL_TEST(unoptimize_all_leaves_breakpoints_until_optimize_all)
{
	struct kprobe p = at(place_jump);

	if (!LINUX_HAS_JUMPS)
		TL_NOT_ON_LINUX("it has no jumps on this processor");
	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(unoptimize_all_kprobes(), 0);
	CHECK_WHY(&p, TL_WHY_OFF);
	CHECK(is_breakpoint_at((void *)place_jump));
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 1);
	CHECK_EQ(optimize_all_kprobes(), 0);
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 2);
	unregister_kprobe(&p);
}

/* ---- the blacklist ------------------------------------------------------------ */

#define ROW_WHOLE "`kprobe_add_area_blacklist()` adds whole symbols"

TL_TEST(blacklisted_places_give_einval_until_they_are_taken_back)
{
	unsigned long from = (unsigned long)place_break;
	unsigned long behind = from + PLACE_BREAK_FIRST;
	struct kprobe p = at(place_break);
	int size;

	CHECK_EQ(within_kprobe_blacklist((unsigned long)get_kprobe), true);
	CHECK_EQ(within_kprobe_blacklist((unsigned long)register_kprobe),
		 TL_EITHER(ROW_TEXT, true, false));
	CHECK_EQ(within_kprobe_blacklist(from), false);

	CHECK_EQ(kprobe_add_area_blacklist(from, behind), 0);
	CHECK_EQ(within_kprobe_blacklist(from + 2), true);
	CHECK_EQ(within_kprobe_blacklist(behind),
		 TL_EITHER(ROW_WHOLE, false, true));
	CHECK_EQ(try((void *)from), -TL_EINVAL);
	kprobe_remove_area_blacklist(from, behind);
	CHECK_EQ(try((void *)from), 0);

	size = kprobe_add_ksym_blacklist(from);
	CHECK(size >= PLACE_BREAK_SIZE);
	CHECK_EQ(within_kprobe_blacklist(from + PLACE_BREAK_SIZE - 1), true);
	CHECK_EQ(try((char *)behind), -TL_EINVAL);
	kprobe_remove_area_blacklist(from, from + size);
	CHECK_EQ(try((char *)behind), 0);

	/* What is there already stays. */
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(kprobe_add_area_blacklist(from, behind), 0);
	hits = 0;
	place_break(1, 2, 0);
	CHECK_EQ(hits, 1);
	CHECK_EQ(disable_kprobe(&p), 0);
	CHECK_EQ(enable_kprobe(&p), 0);
	unregister_kprobe(&p);
	p = at((void *)from);
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	kprobe_remove_area_blacklist(from, behind);
}

/* One that lies in it partly stays as it is. */
TL_TEST(only_what_lies_in_the_range_is_taken_off_the_blacklist)
{
	unsigned long from = (unsigned long)place_break;
	unsigned long behind = from + PLACE_BREAK_FIRST;

	CHECK_EQ(kprobe_add_area_blacklist(from, behind), 0);
	kprobe_remove_area_blacklist(from + 1, behind);
	CHECK_EQ(within_kprobe_blacklist(from), true);
	kprobe_remove_area_blacklist(from, from + 2);
	CHECK_EQ(within_kprobe_blacklist(from),
		 TL_EITHER(ROW_WHOLE, true, false));
	kprobe_remove_area_blacklist(from - 1, behind + 1);
	CHECK_EQ(within_kprobe_blacklist(from), false);
}

TL_TEST(nothing_and_no_function_are_no_ranges_of_the_blacklist)
{
	unsigned long from = (unsigned long)place_break;
	unsigned long behind = from + PLACE_BREAK_FIRST;
	int err = kprobe_add_ksym_blacklist(behind);

	CHECK_EQ(err > 0, TL_EITHER(ROW_WHOLE, false, true));
	if (err > 0)
		kprobe_remove_area_blacklist(from, from + 16);
	else
		CHECK_EQ(err, -TL_EINVAL);
	CHECK_EQ(kprobe_add_area_blacklist(from, from),
		 TL_EITHER(ROW_WHOLE, -TL_EINVAL, 0));
	CHECK_EQ(try((void *)from), 0);
}

TL_TEST(the_parts_of_a_blacklisted_function_are_not_blacklisted)
{
	unsigned long from = (unsigned long)place_split;
	int size = kprobe_add_ksym_blacklist(from);

	CHECK(size >= 5);
	CHECK_EQ(within_kprobe_blacklist(from), true);
	CHECK_EQ(within_kprobe_blacklist((unsigned long)place_split_cold),
		 TL_EITHER("parts of a blacklisted function", false, true));
	kprobe_remove_area_blacklist(from, from + size);
	CHECK_EQ(within_kprobe_blacklist((unsigned long)place_split_cold),
		 false);
}
