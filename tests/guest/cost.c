/* SPDX-License-Identifier: MIT */
/*
 * cost.c - guest instructions for a hit, everything included
 *
 * Under -icount shift=0 the CPU's counter counts instructions, so the
 * figures are exact, and the same in every run; they say nothing of hardware.
 * The bounds keep them from growing unseen.  bench/guest/linux_cost.c asks Linux
 * the same, of the same function, and scripts/bench-guest shows both.
 */

#include "guest.h"
#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/arch.h>
#include <tl_test.h>
#include <trapline/host.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

void cost_work(void);

#define CALLS 1000

static unsigned long hits;

static int count(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	hits++;
}

static int count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	hits++;
	return 0;
}

/* Of @CALLS calls, with no interrupt in between. */
static uint64_t cost(void)
{
	unsigned long flags = arch_irq_save();
	uint64_t start = INSTRUCTIONS();

	for (unsigned int i = 0; i < CALLS; i++)
		cost_work();
	start = INSTRUCTIONS() - start;
	arch_irq_restore(flags);
	return start;
}

static bool counts_instructions(void)
{
	uint64_t a = cost(), b = cost();

	return a - b + INSTRUCTIONS_GRAIN <= 2 * INSTRUCTIONS_GRAIN &&
	       a > 9 * CALLS && a < 20 * CALLS;
}

static uint64_t per_hit(uint64_t with, uint64_t without)
{
	return (with - without + CALLS / 2) / CALLS;
}

/* clang-format off */
static const struct row {
	const char *name;
	bool jump;
	enum { PRE, PRE_POST, COUNTER } has;
	uint64_t most;
	unsigned int stepping;
} rows[] = { COSTS };
/* clang-format on */

static char counter_block[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));

static uint64_t counted(void)
{
	return tl_counter_read((const uint64_t *)counter_block);
}

static struct kprobe probe_of(const struct row *r)
{
	struct kprobe p = { .symbol_name = "cost_work" };

	if (r->has == COUNTER)
		p.counter = (uint64_t *)counter_block;
	else
		p.pre_handler = count;
	if (r->has == PRE_POST)
		p.post_handler = count_post;
	return p;
}

TL_TEST(a_hit_takes_no_more_instructions_than_it_did)
{
	uint64_t plain = cost();
	const struct row *r;

	if (!counts_instructions())
		SKIP("the time stamp counter does not count instructions");
	for_each_row(r, rows) {
		struct kprobe p = probe_of(r);
		uint64_t before = counted(), n;

		ROW(r->name);
		host_kernel_optimize(r->jump);
		host_kernel_stepping(r->stepping);
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(!!(p.flags & KPROBE_FLAG_OPTIMIZED), r->jump);
		hits = 0;
		n = per_hit(cost(), plain);
		CHECK_EQ(counted() - before, r->has == COUNTER ? CALLS : 0);
		CHECK_EQ(hits, CALLS * (r->has == COUNTER ? 0 : 1 + r->has));
		unregister_kprobe(&p);
		tl_test_note(r->name, n);
		CHECK(n > 10);
		CHECK(n <= r->most);
	}
	host_kernel_stepping(TL_STEPPING_NONE);
}

/* clang-format off */
static const struct follow {
	const char *name;
	bool jump;
	uint64_t most;
} follows[] = {
	{ "followed call, breakpoint",             false, COST_FOLLOWED },
	{ "followed call, jump",                   true,  COST_FOLLOWED_JUMP },
};
/* clang-format on */

TL_TEST(a_followed_call_takes_no_more_instructions_than_it_did)
{
	uint64_t plain = cost();
	const struct follow *f;

	if (!counts_instructions())
		SKIP("the time stamp counter does not count instructions");
	for_each_row(f, follows) {
		struct kretprobe rp = { .kp.symbol_name = "cost_work",
					.handler = count_return };
		uint64_t n;

		ROW(f->name);
		host_kernel_optimize(f->jump);
		REQUIRE(register_kretprobe(&rp) == 0);
		hits = 0;
		n = per_hit(cost(), plain);
		CHECK_EQ(hits, CALLS);
		CHECK_EQ(rp.nmissed, 0);
		unregister_kretprobe(&rp);
		tl_test_note(f->name, n);
		CHECK(n > 10);
		CHECK(n <= f->most);
	}
	host_kernel_optimize(true);
}
