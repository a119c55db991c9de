/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine */
/*
 * vectors.c - Z, P and FFR over calls with return probes and jprobes
 *
 * forms.c has what is behind a probe of one instruction; this is what a function's
 * caller and a jprobe's handler find in these registers, however the handlers of the
 * others have spoiled them.
 */
#define _GNU_SOURCE
#include "context.h"
#include "home.h"
#include "tl_test.h"
#include <sys/auxv.h>

#include <trapline/kprobes.h>

/* Z, P and FFR with registers of 2,048 bits; FPSR and FPCR. */
struct vectors {
	uint8_t z[32 * 256];
	uint8_t p[17 * 32];
	uint64_t fpsr, fpcr;
} __attribute__((aligned(64)));

/* clang-format off */
__asm__("	.text\n"
	"	.arch armv8.2-a+sve\n"
	/* x9: struct vectors, packed by the length that there is; x10 is used */
	"	.macro move_all insn\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "
	"16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
	"	\\insn z\\n, [x9, #\\n, mul vl]\n"
	"	.endr\n"
	"	add x10, x9, #(32 * 256)\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	\\insn p\\n, [x10, #\\n, mul vl]\n"
	"	.endr\n"
	"	.endm\n"
	"	.globl keep_vectors, call_with_vectors, see_vectors, spoil_vectors\n"
	"	.globl probed\n"
	/* void keep_vectors(struct vectors *to) */
	"keep_vectors: mov x9, x0\n"
	"	move_all str\n"
	"	rdffr p0.b\n"
	"	str p0, [x10, #16, mul vl]\n"
	"	ldr p0, [x10]\n"
	"	mrs x11, fpsr\n"
	"	mrs x12, fpcr\n"
	"	add x10, x9, #(32 * 256)\n"
	"	add x10, x10, #(17 * 32)\n"
	"	stp x11, x12, [x10]\n"
	"	ret\n"
	/* long call_with_vectors(from, to, long (*fn)(long), long arg) */
	"call_with_vectors: stp x29, x30, [sp, #-96]!\n"
	"	stp x19, x20, [sp, #16]\n"
	"	stp d8, d9, [sp, #32]\n"
	"	stp d10, d11, [sp, #48]\n"
	"	stp d12, d13, [sp, #64]\n"
	"	stp d14, d15, [sp, #80]\n"
	"	mov x19, x1\n"
	"	mov x9, x0\n"
	"	add x10, x9, #(32 * 256)\n"
	"	ldr p0, [x10, #16, mul vl]\n"
	"	wrffr p0.b\n"
	"	move_all ldr\n"
	"	mov x0, x3\n"
	"	blr x2\n"
	"	mov x20, x0\n"
	"	mov x0, x19\n"
	"	bl keep_vectors\n"
	"	mov x0, x20\n"
	"	ldp d8, d9, [sp, #32]\n"
	"	ldp d10, d11, [sp, #48]\n"
	"	ldp d12, d13, [sp, #64]\n"
	"	ldp d14, d15, [sp, #80]\n"
	"	ldp x19, x20, [sp, #16]\n"
	"	ldp x29, x30, [sp], #96\n"
	"	ret\n"
	/* A handler of a jprobe, with all registers of the function. */
	"see_vectors: stp x29, x30, [sp, #-16]!\n"
	"	adrp x0, seen\n"
	"	add x0, x0, :lo12:seen\n"
	"	bl keep_vectors\n"
	"	bl spoil_vectors\n"
	"	ldp x29, x30, [sp], #16\n"
	"	ret\n"
	"spoil_vectors: ptrue p0.b\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 29, 30, 31\n"
	"	dup z\\n\\().b, #\\n\n"
	"	.endr\n"
	"	pfalse p1.b\n"
	"	pfalse p4.b\n"
	"	wrffr p1.b\n"
	"	ptrue p15.h\n"
	"	msr fpsr, xzr\n"
	"	ret\n"
	"	.section probed_page, \"ax\"\n"
	"	.balign 4096\n"
	"probed: add x0, x0, #1\n"
	"	nop\n"
	"	ret\n"
	"	.balign 4096\n"
	"	.text\n");
/* clang-format on */

typedef long function(long arg);
void keep_vectors(struct vectors *to);
long call_with_vectors(const struct vectors *from, struct vectors *to,
		       function *fn, long arg);
void see_vectors(void);
void spoil_vectors(void);
function probed;

struct vectors seen;
static struct vectors before, bare, after;
static unsigned int hits;

static long stack_above(uintptr_t sp, size_t len)
{
	(void)sp;
	(void)len;
	return 0;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	hits++;
	spoil_vectors();
	return 0;
}

static size_t vector_bytes(void)
{
	size_t n;

	__asm__(".arch_extension sve\n\trdvl %0, #1" : "=r"(n));
	return n;
}

static bool prepare(bool jump)
{
	struct sigaction on = { .sa_flags = SA_SIGINFO };
	uint64_t seed = tl_test_seed;

	ROW(jump ? "jump" : "breakpoint");
	on.sa_sigaction = on_our_breakpoint;
	ops.no_optimize = !jump;
	ops.stack_above = stack_above;
	for (size_t i = 0; i < sizeof(before.z); i++)
		before.z[i] = (uint8_t)tl_test_random(&seed);
	/* FFR behind P15, wherever that is: its lowest bits, or none. */
	memset(before.p, 0, sizeof(before.p));
	for (size_t i = 0; i < 16 * vector_bytes() / 8; i++)
		before.p[i] = (uint8_t)tl_test_random(&seed);
	before.p[16 * vector_bytes() / 8] = 0x07;
	hits = 0;
	return !sigaction(SIGTRAP, &on, NULL) &&
	       call_with_vectors(&before, &bare, probed, 41) == 42;
}

static bool has_sve(void)
{
	return getauxval(AT_HWCAP) & HWCAP_SVE;
}

TL_TEST(arm64_vectors_are_the_same_over_a_followed_call)
{
	if (!has_sve())
		SKIP("a CPU without SVE");
	for (int jump = 0; jump < 2; jump++) {
		struct kretprobe rp = { .kp.addr = (void *)probed,
					.entry_handler = on_return,
					.handler = on_return };

		REQUIRE(prepare(jump));
		REQUIRE(register_kretprobe(&rp) == 0);
		CHECK_EQ(call_with_vectors(&before, &after, probed, 41), 42);
		CHECK_EQ(hits, 2);
		CHECK_MEM(&after, &bare, sizeof(bare));
		unregister_kretprobe(&rp);
	}
}

TL_TEST(arm64_a_jprobe_gets_the_vectors_and_the_function_its_own)
{
	if (!has_sve())
		SKIP("a CPU without SVE");
	for (int jump = 0; jump < 2; jump++) {
		struct kprobe p = { .addr = (void *)probed };
		struct jprobe jp = { .kp.addr = (void *)probed,
				     .entry = (void *)see_vectors };

		REQUIRE(prepare(jump));
		memset(&seen, 0, sizeof(seen));
		REQUIRE(register_jprobe(&jp) == 0);
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(call_with_vectors(&before, &after, probed, 41), 42);
		CHECK_MEM(&after, &bare, sizeof(bare));
		CHECK_MEM(&seen, &bare, sizeof(bare));
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_kprobe(&p);
		unregister_jprobe(&jp);
	}
}
