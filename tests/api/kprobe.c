/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * kprobe.c - the rules of register_kprobe(), on a jump and on a breakpoint
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_test.h"

/* Where each rule is tried: what is a jump, and what can only be a breakpoint. */
static const struct place {
	const char *name;
	place_fn *fn;
	bool jump;
} places[] = {
	{ "jump", place_jump, true },
	{ "breakpoint", place_break, false },
};

/* Is kprobe_running() in the handler of a probe that probe?  @jump: it is one. */
static bool running_is(bool jump)
{
	return !JUMP(jump) || TL_EITHER(ROW_RUNNING, true, false);
}

static struct pt_regs seen;
static struct pt_regs seen_post;
static unsigned long seen_return;
static unsigned int hits, posts;
static struct kprobe *running;
static char trail[16];
static unsigned int trail_len;

HANDLER void note(char c)
{
	if (trail_len < sizeof(trail) - 1)
		trail[trail_len++] = c;
}

static void reset(void)
{
	hits = posts = 0;
	running = NULL;
	trail_len = 0;
	for (size_t i = 0; i < sizeof(trail); i++)
		trail[i] = 0;
}

HANDLER int see(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	seen = *regs;
	seen_return = RETURN_ADDRESS(regs);
	running = kprobe_running();
	hits++;
	return 0;
}

HANDLER void see_post(struct kprobe *p, struct pt_regs *regs,
		      unsigned long flags)
{
	(void)p;
	seen_post = *regs;
	posts += 1 + flags;
}

TL_TEST(pre_handler_sees_the_arguments_and_the_result_is_unchanged)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = see };
		unsigned long sp;

		ROW(pl->name);
		reset();
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(pl->fn(30, 12, 5), 42);
		READ_SP(sp);
		CHECK_EQ(hits, 1);
		CHECK_EQ(seen.REG_ARG0, 30);
		CHECK_EQ(seen.REG_ARG1, 12);
		CHECK_EQ(seen.REG_ARG2, 5);
		CHECK_EQ(seen.REG_IP, (unsigned long)pl->fn + IP_AT_HIT);
		CHECK(seen.sp + RETURN_POPS <= sp && sp - seen.sp < 4096);
		CHECK_EQ(running == &p, running_is(pl->jump));
		CHECK_EQ(!!(p.flags & KPROBE_FLAG_OPTIMIZED),
			 pl->jump && TL_EITHER(ROW_FLAG, true, false));
		CHECK_WHY(&p, pl->jump ? TL_WHY_NONE : PLACE_BREAK_WHY);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
		CHECK_EQ(pl->fn(30, 12, 5), 42);
		CHECK_EQ(hits, 1);
	}
}

TL_TEST(the_stack_pointer_a_handler_sees_is_the_true_one)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = see };
		unsigned long here;

		ROW(pl->name);
		reset();
		CHECK_EQ(register_kprobe(&p), 0);
		pl->fn(1, 2, 0);
		SAY_HERE(&here);
		CHECK(seen_return <= here && here - seen_return < 64);
		unregister_kprobe(&p);
	}
}

HANDLER int change_argument(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->REG_ARG0 = 100;
	return 0;
}

TL_TEST(what_a_handler_writes_to_registers_is_what_the_program_gets)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = change_argument };

		ROW(pl->name);
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(pl->fn(1, 2, 0), 102);
		unregister_kprobe(&p);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
	}
}

HANDLER int return_77(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->REG_RESULT = 77;
	LEAVE_FUNCTION(regs);
	return 1;
}

TL_TEST(not_0_from_a_pre_handler_goes_on_where_the_handler_says)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe post = { .addr = (void *)pl->fn,
				       .post_handler = see_post };
		struct kprobe older = { .addr = (void *)pl->fn,
					.pre_handler = see };
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = return_77 };

		ROW(pl->name);
		reset();
		CHECK_EQ(register_kprobe(&post), 0);
		CHECK_EQ(register_kprobe(&older), 0);
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(pl->fn(1, 2, 0), 77);
		CHECK_EQ(hits, 0);
		CHECK_EQ(posts, 0);
		CHECK_EQ(older.nmissed, 0);
		unregister_kprobe(&p);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(hits, 1);
		CHECK_EQ(posts, 1);
		unregister_kprobe(&older);
		unregister_kprobe(&post);
	}
}

TL_TEST(post_handler_sees_the_instruction_done)
{
	static const struct {
		const char *name;
		place_fn *fn;
		long want;
		unsigned int len;
		unsigned long result;
	} rows[] = {
		{ "jump", place_jump, 3, PLACE_JUMP_SECOND, 3 },
		{ "breakpoint", place_break, 3, PLACE_BREAK_FIRST, 1 },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct kprobe p = { .addr = (void *)rows[i].fn,
				    .post_handler = see_post };

		ROW(rows[i].name);
		reset();
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(rows[i].fn(1, 2, 0), rows[i].want);
		CHECK_EQ(posts, 1);
		CHECK_EQ(seen_post.REG_RESULT, rows[i].result);
		CHECK_EQ(seen_post.REG_IP,
			 (unsigned long)rows[i].fn + rows[i].len);
		unregister_kprobe(&p);
	}
}

TL_TEST(post_handler_on_a_branch_sees_where_it_goes)
{
	static const struct {
		const char *name;
		place_fn *fn;
		const char *at;
		long a, b, want;
		unsigned int hits;
		const char *to; /* at the last hit */
	} rows[] = { BRANCH_ROWS };

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct kprobe p = { .addr = (void *)rows[i].at,
				    .post_handler = see_post };
		long got;

		if (rows[i].fn == place_loop && TL_ON_LINUX && LINUX_HAS_JUMPS)
			continue; /* wrong there: exact.c */
		ROW(rows[i].name);
		reset();
		CHECK_EQ(register_kprobe(&p), 0);
		got = rows[i].fn(rows[i].a, rows[i].b, 0);
		if (rows[i].fn != place_one)
			CHECK_EQ(got, rows[i].want);
		CHECK_EQ(posts, rows[i].hits);
		if (rows[i].to)
			CHECK_EQ(seen_post.REG_IP, rows[i].to);
		CHECK_EQ(is_jump(&p), false);
		unregister_kprobe(&p);
	}
}

HANDLER void change_result(struct kprobe *p, struct pt_regs *regs,
			   unsigned long flags)
{
	(void)p;
	(void)flags;
	regs->REG_RESULT += 1000;
}

TL_TEST(what_a_post_handler_writes_is_what_the_program_gets)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .post_handler = change_result };

		ROW(pl->name);
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(pl->fn(1, 2, 0), 1003);
		unregister_kprobe(&p);
	}
}

/* ---- several probes at one address ------------------------------------------- */

HANDLER int pre_a(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	note('A');
	return 0;
}

HANDLER int pre_b(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	note('B');
	return 0;
}

HANDLER int pre_c(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	note('C');
	return 0;
}

HANDLER void post_a(struct kprobe *p, struct pt_regs *regs, unsigned long f)
{
	(void)p;
	(void)regs;
	(void)f;
	note('a');
}

HANDLER void post_b(struct kprobe *p, struct pt_regs *regs, unsigned long f)
{
	(void)p;
	(void)regs;
	(void)f;
	note('b');
}

HANDLER void post_c(struct kprobe *p, struct pt_regs *regs, unsigned long f)
{
	(void)p;
	(void)regs;
	(void)f;
	note('c');
}

TL_TEST(the_newest_of_several_probes_runs_first)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe a = { .addr = (void *)pl->fn,
				    .pre_handler = pre_a,
				    .post_handler = post_a };
		struct kprobe b = { .addr = (void *)pl->fn,
				    .pre_handler = pre_b,
				    .post_handler = post_b };
		struct kprobe c = { .addr = (void *)pl->fn,
				    .pre_handler = pre_c,
				    .post_handler = post_c };

		ROW(pl->name);
		CHECK_EQ(register_kprobe(&a), 0);
		CHECK_EQ(register_kprobe(&b), 0);
		CHECK_EQ(register_kprobe(&c), 0);
		CHECK_EQ(get_kprobe((void *)pl->fn) == &c,
			 TL_EITHER(ROW_RUNNING, true, false));
		reset();
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_STR(trail, "CBAcba");

		CHECK_EQ(disable_kprobe(&b), 0);
		CHECK_EQ(disable_kprobe(&b), 0);
		reset();
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_STR(trail, "CAca");

		CHECK_EQ(enable_kprobe(&b), 0);
		CHECK_EQ(enable_kprobe(&b), 0);
		unregister_kprobe(&c);
		reset();
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_STR(trail, "BAba");
		unregister_kprobe(&a);
		unregister_kprobe(&b);
		CHECK_EQ(get_kprobe((void *)pl->fn), NULL);
		reset();
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_STR(trail, "");
	}
}

/* ---- recursion ----------------------------------------------------------------- */

static place_fn *called_by_handler;
static long handler_result;

HANDLER int call_probed(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	handler_result = called_by_handler(20, 22, 0);
	return 0;
}

HANDLER void call_probed_post(struct kprobe *p, struct pt_regs *regs,
			      unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	posts++;
	handler_result = called_by_handler(20, 22, 0);
}

TL_TEST(a_probe_hit_in_a_handler_is_missed_and_its_function_runs)
{
	const struct place *outer, *inner;

	for_each_row(outer, places) {
		for_each_row(inner, places) {
			struct kprobe p = { .addr = (void *)outer->fn,
					    .pre_handler = call_probed };
			struct kprobe q = { .addr = (void *)inner->fn,
					    .pre_handler = see };

			ROW(inner->name);
			reset();
			called_by_handler = inner->fn;
			CHECK_EQ(register_kprobe(&q), 0);
			CHECK_EQ(register_kprobe(&p), 0);
			CHECK_EQ(outer->fn(1, 2, 0), 3);
			CHECK_EQ(handler_result, 42);
			CHECK_EQ(q.nmissed, 1);
			CHECK_EQ(p.nmissed, inner == outer);
			CHECK_EQ(hits, inner == outer ? 2 : 1);
			unregister_kprobe(&p);
			unregister_kprobe(&q);
		}
	}
}

TL_TEST(recursion_from_pre_and_post_is_missed_twice)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = call_probed,
				    .post_handler = call_probed_post };

		ROW(pl->name);
		reset();
		called_by_handler = pl->fn;
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(hits, 1);
		CHECK_EQ(posts, 1);
		CHECK_EQ(p.nmissed, 2);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(p.nmissed, 4);
		unregister_kprobe(&p);
	}
}

/* ---- enable, disable ------------------------------------------------------------- */

TL_TEST(disable_restores_the_text_and_enable_arms_again)
{
	const struct place *pl;

	for_each_row(pl, places) {
		kprobe_opcode_t before[16 / sizeof(kprobe_opcode_t)];
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = see,
				    .flags = KPROBE_FLAG_DISABLED };

		ROW(pl->name);
		reset();
		__builtin_memcpy(before, (void *)pl->fn, 16);
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(kprobe_disabled(&p), true);
		CHECK_EQ(p.opcode, before[0]);
		CHECK_MEM((void *)pl->fn, before, 16);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(hits, 0);

		CHECK_EQ(enable_kprobe(&p), 0);
		wait_for_kprobe_optimizer();
		CHECK_EQ(is_jump_at((void *)pl->fn), JUMP(pl->jump));
		CHECK_EQ(is_breakpoint_at((void *)pl->fn), !JUMP(pl->jump));
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(hits, 1);

		CHECK_EQ(disable_kprobe(&p), 0);
		CHECK_MEM((void *)pl->fn, before, 16);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(hits, 1);
		unregister_kprobe(&p);
		CHECK_MEM((void *)pl->fn, before, 16);
		CHECK_EQ(enable_kprobe(&p), -TL_EINVAL);
		CHECK_EQ(disable_kprobe(&p), -TL_EINVAL);
	}
}

/* ---- refusals ---------------------------------------------------------------------- */

static int try(void *addr, const char *name, unsigned int offset)
{
	struct kprobe p = { .addr = addr,
			    .symbol_name = name,
			    .offset = offset,
			    .pre_handler = see };
	int err = register_kprobe(&p);

	if (!err)
		unregister_kprobe(&p);
	return err;
}

TL_TEST(register_gives_linux_s_codes)
{
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = see };

	ROW("neither address nor symbol");
	CHECK_EQ(try(NULL, NULL, 0), -TL_EINVAL);
	ROW("both");
	CHECK_EQ(try((void *)place_jump, "place_jump", 0), -TL_EINVAL);
	ROW("inside an instruction");
	CHECK_EQ(try((void *)place_bad, NULL, PLACE_BAD_INSIDE), INSIDE_GIVES);
	ROW("the program's own breakpoint");
	CHECK_EQ(try((void *)place_own_trap_at, NULL, 0), OWN_TRAP_GIVES);
	ROW("an undefined instruction");
	CHECK_EQ(try((void *)place_ud, NULL, 0), UD_GIVES);
	ROW("the engine itself");
	CHECK_EQ(try((void *)register_kprobe, NULL, 0),
		 TL_EITHER(ROW_TEXT, -TL_EINVAL, 0));
	ROW("what a trap needs");
	CHECK_EQ(try((void *)get_kprobe, NULL, 0), -TL_EINVAL);
	ROW("registered already");
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	unregister_kprobe(&p);
	ROW("and again afterwards");
	CHECK_EQ(register_kprobe(&p), 0);
	unregister_kprobe(&p);
}

TL_TEST(a_symbol_and_an_offset_name_a_place)
{
	struct kprobe p = { .symbol_name = "place_rip",
			    .offset = PLACE_RIP_BEHIND,
			    .pre_handler = see };

	reset();
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(p.addr, place_plus(place_rip, PLACE_RIP_BEHIND));
	CHECK_EQ(place_rip(1, 0, 0), 123456790);
	CHECK_EQ(hits, 1);
	CHECK_EQ(PLACE_RIP_VALUE(&seen), 123456789);
	unregister_kprobe(&p);
	CHECK_EQ(try(NULL, "no_such_function_anywhere", 0), -TL_ENOENT);
	CHECK_EQ(try(NULL, "place_bad", PLACE_BAD_INSIDE), INSIDE_GIVES);
}

TL_TEST(register_kprobes_is_all_or_nothing)
{
	struct kprobe a = { .addr = (void *)place_jump, .pre_handler = see };
	struct kprobe b = { .addr = (void *)place_break, .pre_handler = see };
	struct kprobe bad = { .addr = place_plus(place_bad, PLACE_BAD_INSIDE),
			      .pre_handler = see };
	struct kprobe *good[] = { &a, &b };
	struct kprobe *mixed[] = { &a, &bad, &b };

	reset();
	CHECK_EQ(register_kprobes(good, 0), -TL_EINVAL);
	CHECK_EQ(register_kprobes(mixed, 3), INSIDE_GIVES);
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	CHECK_EQ(hits, 0);
	CHECK_EQ(a.flags,
		 TL_EITHER(ROW_FAILED, 0,
			   KPROBE_FLAG_DISABLED | KPROBE_FLAG_ON_FUNC_ENTRY));
	a.flags = 0;
	CHECK_EQ(register_kprobes(good, 2), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(place_break(1, 2, 0), 3);
	CHECK_EQ(hits, 2);
	unregister_kprobes(good, 2);
}

/* ---- windows ----------------------------------------------------------------------- */

/* Why a jump is none, with a probe of the instruction behind its first. */
#define WHY_NO_JUMP (JUMP_COVERS_TWO ? TL_WHY_OTHER_PROBE : TL_WHY_NONE)

TL_TEST(a_probe_inside_a_window_turns_the_jump_back)
{
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = see };
	struct kprobe q = { .addr = place_plus(place_jump, PLACE_JUMP_SECOND),
			    .pre_handler = see };

	reset();
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_WHY(&p, WHY_NO_JUMP);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 2);
	unregister_kprobe(&q);
	CHECK_EQ(is_jump(&p), TL_EITHER("a window that was blocked by another",
					true, false));
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 3);
	unregister_kprobe(&p);
}

/* Disabled, it is not in the way. */
TL_TEST(a_disabled_probe_inside_a_window_leaves_the_jump)
{
	struct kprobe q = { .addr = place_plus(place_jump, PLACE_JUMP_SECOND),
			    .pre_handler = see,
			    .flags = KPROBE_FLAG_DISABLED };
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = see };

	reset();
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 1);
	CHECK_EQ(enable_kprobe(&q), 0);
	CHECK_WHY(&p, WHY_NO_JUMP);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 3);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
}

/* ---- jumps ----------------------------------------------------------------------- */

TL_TEST(a_jump_obeys_its_pre_handler)
{
	struct kprobe p = { .addr = (void *)place_jump,
			    .pre_handler = return_77 };

	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(place_jump(1, 2, 0),
		 LINUX_HAS_JUMPS
			 ? TL_EITHER("an optimized probe ignores", 77, 3)
			 : 77);
	unregister_kprobe(&p);
}

TL_TEST(a_post_handler_may_be_behind_a_jump)
{
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = see };
	struct kprobe q = { .addr = (void *)place_jump,
			    .post_handler = see_post };

	reset();
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(is_jump(&p),
		 TL_EITHER("post handler: never optimized", true, false));
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 1);
	CHECK_EQ(posts, 1);
	unregister_kprobe(&q);
	CHECK_WHY(&p, TL_WHY_NONE);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 2);
	CHECK_EQ(posts, 1);
	unregister_kprobe(&p);
}

/* Nobody waits here: these are the calls themselves. */
TL_TEST(a_jump_is_there_and_gone_at_once)
{
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = see };
	uint8_t before[8];

	__builtin_memcpy(before, (void *)place_jump, sizeof(before));
	CHECK_EQ((register_kprobe)(&p), 0);
	CHECK_EQ(is_jump_at((void *)place_jump),
		 TL_EITHER("optimized after a delay", true, false));
	(unregister_kprobe)(&p);
	CHECK_MEM((void *)place_jump, before, sizeof(before));
}

/* Every instruction of every function, one at a time and all at once. */
TL_TEST(every_instruction_of_every_place_can_be_probed)
{
	static const struct {
		const char *name;
		place_fn *fn;
		long a, b, want;
		unsigned int size;
	} rows[] = { PLACE_ROWS };
	static struct kprobe p[100];

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		unsigned int n = 0;

		ROW(rows[i].name);
		if (!place_has_red_zone && IS_RED_ZONE(rows[i].fn))
			continue;
		if (rows[i].fn == place_loop && TL_ON_LINUX && LINUX_HAS_JUMPS)
			continue; /* wrong there: exact.c */
		for (unsigned int off = 0; off < rows[i].size; off++) {
			p[n] = (struct kprobe){
				.addr = place_plus(rows[i].fn, off),
				.pre_handler = see,
			};
			if (register_kprobe(&p[n]))
				continue;
			CHECK_EQ(rows[i].fn(rows[i].a, rows[i].b, 0),
				 rows[i].want);
			unregister_kprobe(&p[n]);
			p[n].flags = 0;
			p[n].post_handler = see_post;
			p[n].addr = place_plus(rows[i].fn, off);
			CHECK_EQ(register_kprobe(&p[n]), 0);
			CHECK_EQ(rows[i].fn(rows[i].a, rows[i].b, 0),
				 rows[i].want);
			n++;
		}
		CHECK(n >= 2);
		reset();
		CHECK_EQ(rows[i].fn(rows[i].a, rows[i].b, 0), rows[i].want);
		CHECK(hits >= 2 && hits == posts);
		while (n--)
			unregister_kprobe(&p[n]);
		CHECK_EQ(rows[i].fn(rows[i].a, rows[i].b, 0), rows[i].want);
	}
}
