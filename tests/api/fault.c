/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * fault.c - a probed instruction that faults
 */
#define _GNU_SOURCE
#include "mend.h"

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_isa.h"
#include "tl_test.h"

static unsigned int hits, posts;

/* Linux of arm64 takes no probe where its kernel has to mend a fault. */
static bool registered(struct kprobe *p)
{
	int err = register_kprobe(p);

	if (ON_ARM64)
		CHECK_EQ(err, TL_EITHER("arm64: an instruction in an exception",
					0, -TL_EINVAL));
	else
		CHECK_EQ(err, 0);
	if (err)
		leave_faults();
	return !err;
}

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

static void fault_and_not(struct kprobe *p)
{
	long value = 40;

	for (unsigned int i = 0; i < 5; i++) {
		hits = posts = 0;
		CHECK_EQ(place_fault((long)&value, 2, 0), 42);
		CHECK_EQ(hits, 1);
		CHECK_EQ(posts, p->post_handler != NULL);
		CHECK_EQ(place_fault(8, 2, 0), -1);
		CHECK_EQ(hits, 2);
		CHECK_EQ(posts, p->post_handler != NULL);
		CHECK(nothing_is_masked());
		CHECK_EQ(kprobe_running(), NULL);
	}
	CHECK_EQ(p->nmissed, 0);
}

TL_TEST(a_fault_of_the_probed_instruction_is_handled_at_its_address)
{
	struct kprobe p = { .addr = (void *)place_fault, .pre_handler = hit };

	mend_faults();
	CHECK_EQ(place_fault(8, 2, 0), -1);
	if (!registered(&p))
		return;
	CHECK_EQ(is_jump(&p), TL_EITHER(ROW_BOOST, true, false));
	fault_and_not(&p);
	unregister_kprobe(&p);
	CHECK_EQ(place_fault(8, 2, 0), -1);
	leave_faults();
}

TL_TEST(after_a_fault_no_post_handler_is_called)
{
	struct kprobe p = { .addr = (void *)place_fault,
			    .pre_handler = hit,
			    .post_handler = hit_post };

	mend_faults();
	if (!registered(&p))
		return;
	fault_and_not(&p);
	if (!TL_ON_LINUX || LINUX_HAS_JUMPS) {
		CHECK_EQ(unoptimize_all_kprobes(), 0);
		fault_and_not(&p);
		CHECK_EQ(optimize_all_kprobes(), 0);
	}
	unregister_kprobe(&p);
	leave_faults();
}

/* A miss whose instruction faults leaves the outer probe what it was. */
static long inner_result;

HANDLER int fault_inside(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	inner_result = place_fault(8, 2, 0);
	return 0;
}

TL_TEST(a_fault_of_a_missed_probe_leaves_the_outer_one_running)
{
	struct kprobe inner = { .addr = (void *)place_fault,
				.pre_handler = hit };
	struct kprobe outer = { .addr = (void *)place_break,
				.pre_handler = fault_inside,
				.post_handler = hit_post };

	mend_faults();
	hits = posts = 0;
	if (!registered(&inner))
		return;
	CHECK_EQ(register_kprobe(&outer), 0);
	CHECK_EQ(place_break(1, 2, 0), 3);
	CHECK_EQ(inner_result, -1);
	CHECK_EQ(hits, 0);
	CHECK_EQ(posts, 1);
	CHECK_EQ(inner.nmissed, 1);
	CHECK_EQ(outer.nmissed, 0);
	CHECK(nothing_is_masked());
	unregister_kprobe(&outer);
	unregister_kprobe(&inner);
	leave_faults();
}
