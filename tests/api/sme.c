/* SPDX-License-Identifier: MIT */
/* link: lib on-arm64 tests/api/arm64/sme.S */
/*
 * sme.c - streaming mode, its registers and the ZA array are kept by a hit
 *
 * Handlers run outside of it, whatever led to them: what a compiler makes of them
 * would be illegal inside.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"

#ifndef PR_SME_SET_VL
#define PR_SME_SET_VL 63
#endif
#define HWCAP2_HAS_SME (1ul << 23)

#define Z_MAX	 256
#define SVCR_SM	 1
#define SVCR_ZA	 2
#define IN_STATE (64 * Z_MAX + Z_MAX * Z_MAX)

typedef void fn(void);

fn sme_jump, sme_break, sme_clobber;
unsigned long sme_length(void);
unsigned long sme_around(fn *f, const void *state, void *after);

static uint8_t state[2][IN_STATE];
static unsigned long hits, streaming;

static int clobber(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned long svcr;

	(void)kp;
	(void)regs;
	__asm__ volatile("mrs %0, s3_3_c4_c2_2" : "=r"(svcr));
	streaming += svcr & SVCR_SM;
	hits++;
	sme_clobber();
	return 0;
}

static void clobber_after(struct kprobe *kp, struct pt_regs *regs,
			  unsigned long flags)
{
	(void)flags;
	clobber(kp, regs);
}

static int clobber_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	return clobber(NULL, regs);
}

/* Call @f in streaming mode, with something in every byte. */
static void call(fn *f)
{
	unsigned long length = sme_length();
	uint64_t random = tl_test_seed;

	for (size_t i = 0; i < sizeof(state[0]); i++)
		state[0][i] = (uint8_t)tl_test_random(&random);
	memset(state[1], 0, sizeof(state[1]));
	CHECK_EQ(sme_around(f, state[0], state[1]), SVCR_SM | SVCR_ZA);
	CHECK_MEM(state[1], state[0], 34 * length);
	CHECK_MEM(state[1] + 64 * length, state[0] + 64 * length,
		  length * length);
}

static fn *const places[] = { sme_jump, sme_break };
static const char *const names[] = { "jump", "breakpoint" };

static void probed(void)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(places); i++) {
		struct kprobe kp = { .addr = (void *)places[i],
				     .pre_handler = clobber };
		struct kprobe both = { .addr = (void *)places[i],
				       .pre_handler = clobber,
				       .post_handler = clobber_after };
		struct kretprobe rp = { .kp.addr = (void *)places[i],
					.handler = clobber_return };

		ROW(names[i]);
		hits = streaming = 0;
		call(places[i]);
		REQUIRE(!register_kprobe(&kp));
		call(places[i]);
		CHECK_EQ(hits, 1);
		REQUIRE(!register_kprobe(&both));
		call(places[i]);
		CHECK_EQ(hits, 4);
		unregister_kprobe(&kp);
		unregister_kprobe(&both);
		REQUIRE(!register_kretprobe(&rp));
		call(places[i]);
		CHECK_EQ(hits, 5);
		unregister_kretprobe(&rp);
		CHECK_EQ(streaming, 0);
	}
}

TL_TEST(streaming_mode_and_its_registers_are_kept)
{
	static const int lengths[] = { 16, 32, 64, 128, 256 };
	unsigned long done = 0;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_HAS_SME))
		SKIP("this CPU has no streaming mode");
	for (size_t i = 0; i < TL_ARRAY_SIZE(lengths); i++) {
		if (prctl(PR_SME_SET_VL, lengths[i]) < 0 ||
		    sme_length() != (unsigned long)lengths[i])
			continue;
		probed();
		done++;
	}
	tl_test_note("lengths", done);
	CHECK(done);
}
