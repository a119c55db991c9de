/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * once.c - what kprobes once got wrong, a test for each
 *
 * The calls in brackets are the bare ones: the macros of the same name wait, on
 * Linux, until nothing is pending, and here it is pending that matters.
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_test.h"

static unsigned int hits, posts, returns;

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

static const char *behind_jump(void)
{
	return (char *)place_jump +
	       PLACE_JUMP_SECOND; /* its second instruction */
}

TL_TEST(a_probe_in_the_window_of_one_just_removed)
{
	struct kprobe p = at(place_jump), q = at(behind_jump());

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(is_jump(&p), JUMP(true));
	(unregister_kprobe)(&p);
	CHECK_EQ((register_kprobe)(&q), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 1);
	wait_for_kprobe_optimizer();
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 2);
	unregister_kprobe(&q);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 2);
}

TL_TEST(a_probe_in_the_window_of_one_just_disabled)
{
	struct kprobe p = at(place_jump), q = at(behind_jump());

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ((disable_kprobe)(&p), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 0);
	CHECK_EQ((register_kprobe)(&q), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 1);
	CHECK_EQ((enable_kprobe)(&p), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 3);
	unregister_kprobe(&q);
	unregister_kprobe(&p);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 3);
}

TL_TEST(a_probe_where_one_was_just_removed)
{
	hits = 0;
	for (unsigned int i = 1; i <= 20; i++) {
		struct kprobe p = at(place_jump);

		CHECK_EQ((register_kprobe)(&p), 0);
		if (i & 1)
			wait_for_kprobe_optimizer();
		CHECK_EQ(place_jump(1, 2, 0), 3);
		CHECK_EQ(hits, i);
		(unregister_kprobe)(&p);
		CHECK_EQ(place_jump(1, 2, 0), 3);
		CHECK_EQ(hits, i);
	}
	wait_for_kprobe_optimizer();
}

TL_TEST(of_a_shared_place_any_can_go_first)
{
	struct kprobe a = at(place_jump), b = at(place_jump),
		      c = at(place_jump);

	hits = 0;
	CHECK_EQ((register_kprobe)(&a), 0);
	CHECK_EQ((register_kprobe)(&b), 0);
	CHECK_EQ((register_kprobe)(&c), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 3);
	(unregister_kprobe)(&a);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 5);
	a = at(place_jump);
	CHECK_EQ((register_kprobe)(&a), 0);
	(unregister_kprobe)(&c);
	(unregister_kprobe)(&b);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 6);
	unregister_kprobe(&a);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 6);
}

/* ---- refusals ------------------------------------------------------------------- */

static int try(const void *addr)
{
	struct kprobe p = at(addr);
	int err = register_kprobe(&p);

	if (!err)
		unregister_kprobe(&p);
	return err;
}

TL_TEST(an_instruction_with_an_emulation_prefix_is_refused)
{
	const char *emulated = EMULATION_PREFIX;

	if (!emulated)
		SKIP("this processor's kernels have none");
	CHECK_EQ(try(emulated),
		 TL_EITHER("an instruction with an emulation prefix",
			   -TL_EILSEQ, -TL_EINVAL));
}

TL_TEST(a_return_probe_is_registered_once)
{
	struct kretprobe rp = { .kp.addr = (void *)place_jump };
	struct kretprobe other = { .kp.addr = (void *)place_jump };

	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(register_kretprobe(&other), 0);
	CHECK_EQ(register_kretprobe(&rp), -TL_EINVAL);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	unregister_kretprobe(&rp);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	unregister_kretprobe(&other);
	CHECK_EQ(place_jump(1, 2, 0), 3);
}

/* ---- windows -------------------------------------------------------------------- */

TL_TEST(a_loop_right_behind_the_window_is_not_in_it)
{
	struct kprobe p = at(place_behind);

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(is_jump(&p),
		 TL_EITHER("a branch to right behind the window", true, false));
	CHECK_EQ(place_behind(5, 1, 0), 16);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
}

TL_TEST(an_operand_by_rip_is_right_wherever_it_is_in_the_window)
{
	struct kprobe p = at(place_rip_second);

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(is_jump(&p), JUMP(true));
	CHECK_EQ(place_rip_second(1, 0, 0), 123456790);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
}

/* Padding with breakpoints behind a function is no reason against a jump. */
TL_TEST(padding_behind_a_function_does_not_matter)
{
	struct kprobe p = at(place_jump);

	CHECK(is_breakpoint_at((char *)place_jump + PLACE_JUMP_SIZE));
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(is_jump(&p), JUMP(true));
	unregister_kprobe(&p);
}

TL_TEST(a_landing_pad_is_still_the_entry)
{
	struct kretprobe rp = { .kp.addr = (void *)place_pad };
	struct kprobe p = at(place_pad);

	hits = 0;
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK(p.flags & KPROBE_FLAG_ON_FUNC_ENTRY);
	CHECK_EQ(place_pad(1, 2, 0), 5);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
	unregister_kretprobe(&rp);
}

/* ---- recursion ------------------------------------------------------------------- */

HANDLER int call_two(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	returns = (unsigned int)place_call_first(1, 2, 0);
	return 0;
}

/* One missed probe calls the next, which must be missed too, and no more. */
TL_TEST(misses_in_a_row_are_all_misses)
{
	struct kprobe outer = at(place_one);
	struct kprobe a = at(place_call_first), b = at(place_callee);

	outer.pre_handler = call_two;
	a.post_handler = hit_post;
	hits = posts = 0;
	CHECK_EQ(register_kprobe(&a), 0);
	CHECK_EQ(register_kprobe(&b), 0);
	CHECK_EQ(register_kprobe(&outer), 0);
	place_one(1, 2, 0);
	CHECK_EQ(returns, 1003);
	CHECK_EQ(hits + posts, 0);
	CHECK_EQ(a.nmissed, 1);
	CHECK_EQ(b.nmissed, 1);
	CHECK_EQ(kprobe_running(), NULL);
	CHECK_EQ(place_call_first(1, 2, 0), 1003);
	CHECK_EQ(hits, 2);
	CHECK_EQ(posts, 1);
	unregister_kprobe(&outer);
	unregister_kprobe(&a);
	unregister_kprobe(&b);
}
