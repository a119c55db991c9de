/* SPDX-License-Identifier: MIT */
/*
 * rows.c - where Linux's kprobes of arm64 differ, as docs/linux.md says
 *
 * In a kernel, its own and Linux's: the instructions of rows.S are such as only a
 * kernel has a use for.
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_test.h"

static unsigned int hits;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

extern char row_svc[], row_mrs_daif[], row_msr[], row_retaa[], row_hint[];
long row_daif(void), row_exclusive(long a);

static const struct refused {
	const char *name;
	char *at;
} refused[] = {
	{ "svc", row_svc },   { "mrs daif", row_mrs_daif },
	{ "msr", row_msr },   { "retaa", row_retaa },
	{ "hint", row_hint },
};

/* Elsewhere retaa is none of the CPU's instructions. */
static bool cpu_authenticates(void)
{
	unsigned long isar1, isar2;

	__asm__("mrs %0, s3_0_c0_c6_1" : "=r"(isar1));
	__asm__("mrs %0, s3_0_c0_c6_2" : "=r"(isar2));
	return (isar1 >> 4 & 0xff) || (isar2 >> 12 & 15);
}

TL_TEST(instructions_that_linux_refuses_can_be_probed)
{
	const struct refused *r;

	for_each_row(r, refused) {
		struct kprobe p = { .addr = (kprobe_opcode_t *)r->at,
				    .pre_handler = pre };
		bool its_own = r->at != row_retaa || cpu_authenticates();
		int err;

		ROW(r->name);
		err = register_kprobe(&p);
		CHECK_EQ(err, TL_EITHER("arm64: `svc`, `hvc`, `smc`",
					its_own ? 0 : -TL_EINVAL, -TL_EINVAL));
		if (!err)
			unregister_kprobe(&p);
	}
}

TL_TEST(what_reads_the_masks_reads_its_own)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)row_mrs_daif,
			    .pre_handler = pre };
	long bare = row_daif();

	TL_NOT_ON_LINUX("it is refused");
	hits = 0;
	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(row_daif(), bare);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
}

/* Linux looks back as far as the next symbol, so there is none within. */
#define INSIDE 12
#define BEHIND 28

TL_TEST(exclusives_are_refused_between_load_and_store_alone)
{
	struct kprobe in = { .addr = (void *)((char *)row_exclusive + INSIDE),
			     .pre_handler = pre };
	struct kprobe behind = { .addr = (void *)((char *)row_exclusive +
						  BEHIND),
				 .pre_handler = pre };
	int err;

	CHECK_EQ(register_kprobe(&in), -TL_EINVAL);
	hits = 0;
	err = register_kprobe(&behind);
	CHECK_EQ(err,
		 TL_EITHER("arm64: within 32 words behind", 0, -TL_EINVAL));
	CHECK_EQ(row_exclusive(7), 8);
	if (err)
		return;
	CHECK_EQ(hits, 1);
	unregister_kprobe(&behind);
}
