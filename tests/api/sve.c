/* SPDX-License-Identifier: MIT */
/* link: lib on-arm64 tests/api/arm64/sve.S */
/*
 * sve.c - SVE registers, of each length that there is, are kept by a hit
 *
 * By one that a jump led to, and by one that came as a signal; and when a signal's
 * frame, which has them, is moved to another stack.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"
#include "tl_ucontext.h"

#ifndef PR_SVE_SET_VL
#define PR_SVE_SET_VL 50
#endif
#define HWCAP_HAS_SVE (1ul << 22)

#define Z_MAX 256
#define P_MAX (Z_MAX / 8)
#define N_Z   32
#define N_P   17 /* with FFR */

typedef void fn(void);

fn sve_jump, sve_break, sve_own_trap, sve_clobber;
unsigned long sve_length(void);
void sve_around(fn *f, const void *z, const void *p, void *z_after,
		void *p_after);

static uint8_t z[2][N_Z * Z_MAX], p[2][N_P * P_MAX];
static unsigned long hits;

static int clobber(struct kprobe *kp, struct pt_regs *regs)
{
	(void)kp;
	(void)regs;
	hits++;
	sve_clobber();
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

/* Call @f with registers that have something in every byte. */
static void call(fn *f)
{
	unsigned long length = sve_length();
	uint64_t random = tl_test_seed;

	for (size_t i = 0; i < sizeof(z[0]); i++)
		z[0][i] = (uint8_t)(tl_test_random(&random) | 1);
	/* FFR has ones only up to some element. */
	for (size_t i = 0; i < sizeof(p[0]); i++)
		p[0][i] = (uint8_t)tl_test_random(&random);
	memset(&p[0][16 * length / 8], 0xff, length / 8);
	p[0][17 * length / 8 - 1] = 0x0f;
	memset(z[1], 0, sizeof(z[1]));
	memset(p[1], 0, sizeof(p[1]));
	sve_around(f, z[0], p[0], z[1], p[1]);
	CHECK_MEM(z[1], z[0], N_Z * length);
	CHECK_MEM(p[1], p[0], N_P * length / 8);
}

/* For each length that the CPU has. */
static void each_length(void (*test)(void))
{
	static const int lengths[] = { 16, 32, 64, 128, 256 };
	unsigned long done = 0;

	for (size_t i = 0; i < TL_ARRAY_SIZE(lengths); i++) {
		if (prctl(PR_SVE_SET_VL, lengths[i]) < 0 ||
		    sve_length() != (unsigned long)lengths[i])
			continue;
		test();
		done++;
	}
	tl_test_note("lengths", done);
	CHECK(done);
}

#define NEED_SVE()                                  \
	if (!(getauxval(AT_HWCAP) & HWCAP_HAS_SVE)) \
	SKIP("this CPU has no SVE")

static fn *const places[] = { sve_jump, sve_break };
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
		hits = 0;
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
	}
}

TL_TEST(handlers_that_use_them_change_nothing)
{
	NEED_SVE();
	each_length(probed);
}

/* ---- frames ---------------------------------------------------------------------- */

static uint8_t altstack[65536] __attribute__((aligned(16)));
static bool on_altstack;
static unsigned long traps;

static void own_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint8_t *here = __builtin_frame_address(0);

	(void)sig;
	traps += info->si_code == TRAP_CODE;
	on_altstack = here >= altstack && here < altstack + sizeof(altstack);
	if (!on_altstack) /* nothing of the frame is left there */
		memset(altstack, 0x55, sizeof(altstack));
	sve_clobber();
	SKIP_TRAP(uc);
}

static void trapped(void)
{
	traps = 0;
	on_altstack = true;
	call(sve_own_trap);
	CHECK_EQ(traps, 1);
	CHECK(!on_altstack);
}

/* Ours is called on it, the program's did not ask for that. */
TL_TEST(a_frame_that_is_moved_to_the_program_s_stack_is_whole)
{
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	stack_t none = { .ss_flags = SS_DISABLE };
	struct sigaction act = { .sa_sigaction = own_trap,
				 .sa_flags = SA_SIGINFO };
	struct kprobe kp = { .addr = (void *)sve_break,
			     .pre_handler = clobber };

	NEED_SVE();
	REQUIRE(!sigaltstack(&ss, NULL));
	REQUIRE(!sigaction(SIGTRAP, &act, NULL));
	REQUIRE(!register_kprobe(&kp));
	each_length(trapped);
	unregister_kprobe(&kp);
	signal(SIGTRAP, SIG_DFL);
	CHECK(!sigaltstack(&none, NULL));
}
