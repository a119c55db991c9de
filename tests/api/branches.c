/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/branches.S */
/*
 * branches.c - a branch with a post handler does what the CPU does with it
 *
 * A branch leaves its copy before a post handler could be called, so it is
 * simulated.  Every branch of branches.S is run with many flags and counters,
 * natively, with a pre handler (a copy) and with a post handler (simulated).
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_test.h"

typedef long branch_fn(unsigned long flags, unsigned long counter);

extern const struct branch {
	branch_fn *fn;
	void *at;
	const char *name;
} branch_table[], branch_table_end[];

static unsigned long pres, posts, last_ip;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pres++;
	return 0;
}

HANDLER void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)flags;
	posts++;
	last_ip = regs->REG_IP;
}

#include "branches_isa.h"

/* clang-format off */
static const unsigned long counters[] = {
	0, 1, 2, 5, 0xffffffff, 0x100000000, 0x100000001, -1ul, 1ul << 63,
};
/* clang-format on */

static long native[N_FLAGS][TL_ARRAY_SIZE(counters)];

static unsigned long run_all(const struct branch *b, bool record)
{
	unsigned long wrong = 0;

	for (unsigned int f = 0; f < N_FLAGS; f++)
		for (size_t c = 0; c < TL_ARRAY_SIZE(counters); c++) {
			long got = b->fn(flags_of(f), counters[c]);

			if (record)
				native[f][c] = got;
			else
				wrong += got != native[f][c];
		}
	return wrong;
}

TL_TEST(every_branch_is_copied_and_simulated_as_the_cpu_does_it)
{
	const unsigned long runs = N_FLAGS * TL_ARRAY_SIZE(counters);
	const struct branch *b = branch_table;

	CHECK(branch_table_end - branch_table >= N_BRANCHES);
	for (; b < branch_table_end; b++) {
		struct kprobe p = { .addr = b->at, .pre_handler = pre };
		struct kprobe q = { .addr = b->at, .post_handler = post };

		ROW(b->name);
		pres = posts = 0;
		run_all(b, true);
		if (through_memory(b) && TL_ON_LINUX) {
			CHECK_EQ(register_kprobe(&p),
				 TL_EITHER(ROW_MEMORY, 0, -TL_EOPNOTSUPP));
			continue;
		}
		CHECK_EQ(register_kprobe(&p), 0);
		check_results(b, run_all(b, false), false);
		CHECK_EQ(pres, runs);
		unregister_kprobe(&p);
		CHECK_EQ(register_kprobe(&q), 0);
		check_results(b, run_all(b, false), true);
		CHECK_EQ(posts, runs);
		CHECK(last_ip != (unsigned long)b->at);
		unregister_kprobe(&q);
	}
	tl_test_note("branches", branch_table_end - branch_table);
}
