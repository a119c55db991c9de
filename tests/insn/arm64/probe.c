/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine */
/*
 * probe.c - probes through the engine on arm64, as breakpoints and as jumps
 *
 * The home is home.h, with SIGTRAP and SIGSEGV below.
 */
#define _GNU_SOURCE
#include "context.h"
#include "home.h"
#include "insn.h"
#include "tl_test.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <trapline/host.h>
#include <trapline/kprobes.h>

/* ---- its vectors ------------------------------------------------------------- */

static unsigned int foreign_breakpoints;

/*
 * A run of single instructions from any state of the registers: SIGUSR1 starts
 * it, and the first foreign breakpoint ends it.
 */
struct state {
	struct pt_regs regs;
	struct fpsimd_context vectors;
};
static struct state run_start, run_end;
static ucontext_t run_back;
static bool running;
static uintptr_t fault_pc;
static sigjmp_buf after_fault;

static void on_run(int sig, siginfo_t *info, void *frame)
{
	ucontext_t *uc = frame;

	(void)sig;
	(void)info;
	run_back = *uc;
	running = true;
	to_context(uc, &run_start.regs);
	memcpy(fpsimd(uc)->vregs, run_start.vectors.vregs,
	       sizeof(run_start.vectors.vregs));
	/* No record behind this one: the one for SVE has another copy. */
	memset(fpsimd(uc) + 1, 0, sizeof(struct _aarch64_ctx));
}

static void end_run(ucontext_t *uc, const struct pt_regs *regs)
{
	running = false;
	run_end.regs = *regs;
	run_end.vectors = *fpsimd(uc);
	uc->uc_mcontext = run_back.uc_mcontext;
}

static void on_breakpoint(int sig, siginfo_t *info, void *uc)
{
	struct pt_regs regs;

	(void)sig;
	(void)info;
	from_context(&regs, uc);
	if (tl_trap_breakpoint(&regs)) {
		to_context(uc, &regs);
	} else if (running) {
		end_run(uc, &regs);
	} else {
		foreign_breakpoints++;
		regs.pc += 4;
		to_context(uc, &regs);
	}
}

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	struct pt_regs regs;

	(void)info;
	from_context(&regs, uc);
	if (tl_trap_fault(&regs)) {
		to_context(uc, &regs);
		return;
	}
	fault_pc = regs.pc;
	siglongjmp(after_fault, sig);
}

static bool prepare(void)
{
	struct sigaction on = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	on.sa_sigaction = on_breakpoint;
	if (sigaction(SIGTRAP, &on, NULL))
		return false;
	on.sa_sigaction = on_run;
	if (sigaction(SIGUSR1, &on, NULL))
		return false;
	on.sa_sigaction = on_fault;
	return !sigaction(SIGSEGV, &on, NULL);
}

/* ---- what is probed ------------------------------------------------------------ */

/* In pages of its own: while they are written nothing in them can run. */
__asm__("	.section probed, \"ax\"\n"
	"	.balign 4096\n"
	"	.globl plain, walk, walk_end, walk_loop, walk_loop_end, pair, load, traps, depth, vectors, vectors_nop\n"
	"	.globl single_first, single_end, padded\n"
	"	.arch armv8.3-a\n"
	"plain:	add x0, x0, x1\n"
	"	add x0, x0, #5\n"
	"	ret\n"
	/* Every kind of instruction that uses its place, and a loop. */
	"walk:	stp x29, x30, [sp, #-32]!\n"
	"	str x19, [sp, #16]\n"
	"	mov x19, #0\n"
	"	adr x2, walk_data\n"
	"	ldr x3, [x2]\n"
	"	add x19, x19, x3\n"
	"	adrp x2, walk_data\n"
	"	add x2, x2, :lo12:walk_data\n"
	"	ldr w3, walk_data\n"
	"	add x19, x19, x3\n"
	"	ldrsw x3, walk_minus\n"
	"	add x19, x19, x3\n"
	"	ldr x3, walk_data\n"
	"	add x19, x19, x3\n"
	"	ldr d0, walk_data\n"
	"	fmov x3, d0\n"
	"	add x19, x19, x3\n"
	"	ldr q0, walk_data\n"
	"	fmov x3, d0\n"
	"	add x19, x19, x3\n"
	"	ldr s0, walk_minus\n"
	"	fmov w3, s0\n"
	"	add x19, x19, x3\n"
	"	bl plain\n"
	"	add x19, x19, x0\n"
	"	adr x4, plain\n"
	"	blr x4\n"
	"	add x19, x19, x0\n"
	"	mov x5, #3\n"
	"walk_loop: add x19, x19, #1\n"
	"	sub x5, x5, #1\n"
	"	cbnz x5, walk_loop\n"
	"walk_loop_end:\n"
	"	cbz x5, 2f\n"
	"	udf #0\n"
	"2:	tbnz x19, #63, 3f\n"
	"	tbz x5, #3, 4f\n"
	"3:	udf #0\n"
	"4:	cmp x5, #1\n"
	"	b.lo 5f\n"
	"	udf #0\n"
	"5:	b 6f\n"
	"	udf #0\n"
	"6:	mrs x6, nzcv\n"
	"	eor x0, x19, x6\n"
	"	ldr x19, [sp, #16]\n"
	"	ldp x29, x30, [sp], #32\n"
	"	ret\n"
	"walk_end:\n"
	"	.balign 16\n"
	"walk_data: .quad 0x1122334455667788, 0x99aabbccddeeff00\n"
	"walk_minus: .word -5\n"
	"pair:	ldxr x2, [x0]\n"
	"	add x2, x2, x1\n"
	"	stxr w3, x2, [x0]\n"
	"	cbnz w3, pair\n"
	"	mov x0, x2\n"
	"	ret\n"
	"load:	ldr x0, [x0, x1]\n"
	"	ret\n"
	"traps:	brk #0x1234\n"
	"	svc #0\n"
	"	ret\n"
	"	eret\n"
	"	mrs x0, elr_el1\n"
	"	.inst 0xd50324ff\n" /* pacm */
	"	paciasp\n"
	"	.inst 0x02000000\n" /* unallocated */
	"depth:	cbz x0, 7f\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	sub x0, x0, #1\n"
	"	bl depth\n"
	"	add x0, x0, #1\n"
	"	ldp x29, x30, [sp], #16\n"
	"7:	ret\n"
	/* A landing pad: where those are checked a branch would fault. */
	"padded: hint #34\n" /* bti c */
	"	add x0, x0, x1\n"
	"	ret\n"
	".globl to_many\n"
	"to_many: add x16, x16, #0\n"
	"	b many_body\n"
	"vectors: fmov d0, x0\n"
	"	fmov d7, x1\n"
	"	mov v31.d[1], x0\n"
	"vectors_nop: nop\n"
	"	fmov x2, d0\n"
	"	fmov x3, d7\n"
	"	mov x4, v31.d[1]\n"
	"	add x0, x2, x3\n"
	"	add x0, x0, x4\n"
	"	ret\n"
	/* Single instructions, each with a breakpoint wherever it goes. */
	"single_first:\n"
	"	nop; brk #99; brk #99; brk #99\n"
	"	add x0, x1, x2, lsl #3; brk #99; brk #99; brk #99\n"
	"	adds x16, x17, x30; brk #99; brk #99; brk #99\n"
	"	adr x1, .+12; brk #99; brk #99; brk #99\n"
	"	adrp x30, .; brk #99; brk #99; brk #99\n"
	"	ldr x2, .+8; brk #99; brk #99; brk #99\n"
	"	ldrsw x17, .+8; brk #99; brk #99; brk #99\n"
	"	ldr q31, .+8; brk #99; brk #99; brk #99\n"
	"	ldr s0, .+8; brk #99; brk #99; brk #99\n"
	"	b .+8; brk #99; brk #99; brk #99\n"
	"	bl .+12; brk #99; brk #99; brk #99\n"
	"	b.hi .+8; brk #99; brk #99; brk #99\n"
	"	b.lt .+8; brk #99; brk #99; brk #99\n"
	"	cbz x0, .+8; brk #99; brk #99; brk #99\n"
	"	cbnz w30, .+8; brk #99; brk #99; brk #99\n"
	"	tbz x1, #40, .+8; brk #99; brk #99; brk #99\n"
	"	tbnz w16, #3, .+8; brk #99; brk #99; brk #99\n"
	"	stp x0, x30, [sp, #-64]!; brk #99; brk #99; brk #99\n"
	"	sub sp, sp, #48; brk #99; brk #99; brk #99\n"
	"	fadd v1.2d, v2.2d, v3.2d; brk #99; brk #99; brk #99\n"
	"	mrs x3, nzcv; brk #99; brk #99; brk #99\n"
	"single_end:\n"
	"	.balign 4096\n"
	"	.text\n");

long plain(long a, long b);
long walk(long a, long b);
long pair(long *p, long n);
long load(const char *p, long offset);
void traps(void);
long depth(long n);	      /* n, by calling itself n times */
long vectors(long a, long b); /* a + b + a, by way of vector registers */
long padded(long a, long b);  /* a + b, behind a landing pad */
extern char vectors_nop[];
extern char single_first[], single_end[];
extern char walk_end[], walk_loop[], walk_loop_end[];

/* The same text as a call of tests for both kinds of probe. */
static const struct mode {
	const char *name;
	bool jump;
} modes[] = { { "breakpoint", false }, { "jump", true } };

static bool enter(const struct mode *m)
{
	ROW(m->name);
	ops.no_optimize = !m->jump;
	return prepare();
}

/* ---- the tests -------------------------------------------------------------------- */

static unsigned int pre_hits, post_hits;
static struct pt_regs pre_regs, post_regs;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	pre_hits++;
	pre_regs = *regs;
	return 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)flags;
	post_hits++;
	post_regs = *regs;
}

static kprobe_opcode_t *word_at(uintptr_t addr)
{
	return (kprobe_opcode_t *)addr;
}

TL_TEST(probe_is_hit_as_often_as_called_and_sees_arguments)
{
	kprobe_opcode_t *at = word_at((uintptr_t)plain), original = *at;
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		struct kprobe p = { .addr = at,
				    .pre_handler = count_pre,
				    .post_handler = count_post };

		pre_hits = post_hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		wait_for_kprobe_optimizer();
		CHECK(*(volatile kprobe_opcode_t *)at != original);
		CHECK_EQ(a64_is_brk(*(volatile kprobe_opcode_t *)at), !m->jump);
		CHECK_EQ(!(p.flags & KPROBE_FLAG_OPTIMIZED), !m->jump);
		CHECK_EQ(trapline_kprobe_why(&p),
			 m->jump ? TL_WHY_NONE : TL_WHY_OFF);
		CHECK_EQ(p.opcode, original);
		for (long i = 0; i < 1000; i++) {
			CHECK_EQ(plain(i, 7), i + 12);
			CHECK_EQ(pre_regs.regs[0], i);
			CHECK_EQ(pre_regs.regs[1], 7);
			CHECK_EQ(pre_regs.pc, (uintptr_t)plain);
			CHECK_EQ(post_regs.regs[0], i + 7);
			CHECK_EQ(post_regs.regs[1], 7);
			CHECK_EQ(post_regs.pc, (uintptr_t)plain + 4);
			CHECK_EQ(post_regs.sp, pre_regs.sp);
			CHECK_EQ(post_regs.regs[30], pre_regs.regs[30]);
		}
		CHECK_EQ(pre_hits, 1000);
		CHECK_EQ(post_hits, 1000);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
		CHECK_EQ(*(volatile kprobe_opcode_t *)at, original);
		CHECK_EQ(plain(1, 1), 7);
		CHECK_EQ(pre_hits, 1000);
	}
}

TL_TEST(a_landing_pad_is_no_place_for_a_jump)
{
	const struct mode *m;

	for_each_row(m, modes) {
		struct kprobe p = { .addr = word_at((uintptr_t)padded),
				    .pre_handler = count_pre };

		REQUIRE(enter(m));
		pre_hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		CHECK(a64_is_brk(*(volatile kprobe_opcode_t *)p.addr));
		CHECK_EQ(padded(40, 2), 42);
		CHECK_EQ(pre_hits, 1);
		unregister_kprobe(&p);
	}
}

TL_TEST(counter_in_place_counts_every_hit)
{
	static uint64_t block[TL_COUNTER_BLOCK / 8];
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		struct kprobe p = { .addr = word_at((uintptr_t)plain),
				    .counter = block };
		uint64_t before = tl_counter_read(block);

		REQUIRE(register_kprobe(&p) == 0);
		for (long i = 0; i < 500; i++)
			CHECK_EQ(plain(i, 7), i + 12);
		CHECK_EQ(tl_counter_read(block), before + 500);
		unregister_kprobe(&p);
	}
}

/* Probe each instruction of walk() in turn. */
static void probe_each(kprobe_post_handler_t post)
{
	long want = walk(40, 2);

	for (uintptr_t at = (uintptr_t)walk; at < (uintptr_t)walk_end;
	     at += 4) {
		struct kprobe p = { .addr = word_at(at),
				    .pre_handler = count_pre,
				    .post_handler = post };
		unsigned int want_hits = 1;

		if (*word_at(at) == 0) /* udf, never reached */
			continue;
		ROW(a64_match(*word_at(at))->name);
		if (at >= (uintptr_t)walk_loop && at < (uintptr_t)walk_loop_end)
			want_hits = 3;
		pre_hits = post_hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(walk(40, 2), want);
		CHECK_EQ(pre_hits, want_hits);
		CHECK_EQ(post_hits, post ? want_hits : 0);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
	}
	CHECK_EQ(walk(40, 2), want);
}

TL_TEST(every_kind_of_instruction_keeps_its_effect)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		probe_each(NULL);
	}
}

TL_TEST(every_kind_of_instruction_keeps_its_effect_with_post_handler)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		probe_each(count_post);
	}
}

static void probe_all(void)
{
	static struct kprobe p[64];
	size_t n = 0;
	long want = walk(40, 2);

	memset(p, 0, sizeof(p));
	for (uintptr_t at = (uintptr_t)walk; at < (uintptr_t)walk_end;
	     at += 4) {
		p[n].addr = word_at(at);
		p[n].pre_handler = count_pre;
		p[n].post_handler = n % 2 ? count_post : NULL;
		if (*word_at(at) != 0)
			REQUIRE(register_kprobe(&p[n++]) == 0);
	}
	pre_hits = 0;
	CHECK_EQ(walk(40, 2), want);
	CHECK_EQ(pre_hits, n + 6);
	while (n)
		unregister_kprobe(&p[--n]);
	CHECK_EQ(walk(40, 2), want);
}

TL_TEST(all_instructions_of_a_function_probed_at_once)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		probe_all();
	}
}

static int spoil_vectors(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__asm__ volatile("movi v0.16b, #1\n\t"
			 "movi v7.16b, #2\n\t"
			 "movi v31.16b, #3"
			 :
			 :
			 : "v0", "v7", "v31");
	return 0;
}

static void spoil_vectors_after(struct kprobe *p, struct pt_regs *regs,
				unsigned long flags)
{
	(void)flags;
	spoil_vectors(p, regs);
}

TL_TEST(handlers_may_use_vector_registers)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		struct kprobe p = { .addr = word_at((uintptr_t)vectors_nop),
				    .pre_handler = spoil_vectors,
				    .post_handler = spoil_vectors_after };

		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(vectors(40, 2), 82);
		unregister_kprobe(&p);
	}
}

static uint64_t counters[TL_COUNTER_BLOCK / 8];

/* What there may be at a place: nothing, or a probe of this kind. */
static const struct kind {
	const char *name;
	kprobe_pre_handler_t pre;
	kprobe_post_handler_t post;
	uint64_t *counter;
} kinds[] = {
	{ "pre", spoil_vectors, NULL, NULL },
	{ "post", NULL, spoil_vectors_after, NULL },
	{ "pre and post", spoil_vectors, spoil_vectors_after, NULL },
	{ "counter", NULL, NULL, counters },
};

static uint8_t run_stack[8192] __attribute__((aligned(16)));

static void random_start(uint64_t *seed, uintptr_t pc)
{
	uint64_t *v = (uint64_t *)run_start.vectors.vregs;

	for (unsigned int i = 0; i < 31; i++)
		run_start.regs.regs[i] = tl_test_random(seed);
	if (tl_test_random(seed) % 2)
		run_start.regs.regs[0] = run_start.regs.regs[30] = 0;
	for (unsigned int i = 0; i < 64; i++)
		v[i] = tl_test_random(seed);
	run_start.regs.pstate = tl_test_random(seed) & 0xf0000000;
	run_start.regs.sp = (uintptr_t)(run_stack + sizeof(run_stack) - 256);
	run_start.regs.pc = pc;
}

/* What lies from the old stack pointer up, and what an stp has pushed. */
struct memory {
	uint8_t above[256];
	uint8_t pushed[16];
};

static struct memory memory_after_run(void)
{
	struct memory m = { .pushed = { 0 } };

	memcpy(m.above, (void *)run_start.regs.sp, sizeof(m.above));
	if ((*word_at(run_start.regs.pc) & 0xffc00000) == 0xa9800000)
		memcpy(m.pushed, (void *)run_end.regs.sp, sizeof(m.pushed));
	return m;
}

static void run_once(void)
{
	memset(run_stack, 0xa5, sizeof(run_stack));
	raise(SIGUSR1);
}

static void compare_runs(const struct state *want)
{
	CHECK_MEM(run_end.regs.regs, want->regs.regs, sizeof(want->regs.regs));
	CHECK_EQ(run_end.regs.sp, want->regs.sp);
	CHECK_EQ(run_end.regs.pc, want->regs.pc);
	CHECK_EQ(run_end.regs.pstate & 0xf0000000,
		 want->regs.pstate & 0xf0000000);
	CHECK_MEM(run_end.vectors.vregs, want->vectors.vregs,
		  sizeof(want->vectors.vregs));
}

static void run_single(uintptr_t pc, const struct kind *k, uint64_t *seed)
{
	struct kprobe p = { .addr = word_at(pc),
			    .pre_handler = k->pre,
			    .post_handler = k->post,
			    .counter = k->counter };
	struct memory native, probed;
	struct state want;

	random_start(seed, pc);
	run_once();
	native = memory_after_run();
	want = run_end;
	REQUIRE(register_kprobe(&p) == 0);
	run_once();
	unregister_kprobe(&p);
	probed = memory_after_run();
	CHECK_EQ(p.nmissed, 0);
	compare_runs(&want);
	CHECK_MEM(&probed, &native, sizeof(native));
}

TL_TEST(the_program_cannot_tell_that_an_instruction_is_probed)
{
	uint64_t seed = tl_test_seed;
	const struct mode *m;
	const struct kind *k;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		for_each_row(k, kinds) {
			ROW(k->name);
			for (uintptr_t pc = (uintptr_t)single_first;
			     pc < (uintptr_t)single_end; pc += 16)
				for (unsigned int i = 0; i < 8 * tl_test_scale;
				     i++)
					run_single(pc, k, &seed);
		}
	}
}

static int change_argument(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->regs[0] = 1000;
	return 0;
}

static int return_early(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->regs[0] = 77;
	regs->pc = regs->regs[30];
	return 1;
}

static void change_course(void)
{
	struct kprobe p = { .addr = word_at((uintptr_t)plain),
			    .pre_handler = change_argument };

	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(plain(1, 2), 1007);
	unregister_kprobe(&p);

	p = (struct kprobe){ .addr = word_at((uintptr_t)plain),
			     .pre_handler = return_early,
			     .post_handler = count_post };
	post_hits = 0;
	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(plain(1, 2), 77);
	CHECK_EQ(post_hits, 0);
	unregister_kprobe(&p);
}

TL_TEST(handler_may_change_arguments_and_course)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		change_course();
	}
}

static void post_returns_early(struct kprobe *p, struct pt_regs *regs,
			       unsigned long flags)
{
	(void)p;
	(void)flags;
	regs->pc = regs->regs[30];
}

static void change_course_after(void)
{
	struct kprobe p = { .addr = word_at((uintptr_t)plain),
			    .post_handler = post_returns_early };

	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(plain(1, 2), 3); /* without the second addition */
	unregister_kprobe(&p);
}

TL_TEST(post_handler_may_change_the_course)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		change_course_after();
	}
}

static int call_probed(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	CHECK_EQ(plain(1, 2), 8);
	return 0;
}

static void recurse(void)
{
	struct kprobe inner = { .addr = word_at((uintptr_t)plain),
				.pre_handler = count_pre };
	struct kprobe outer = { .addr = word_at((uintptr_t)load),
				.pre_handler = call_probed };
	long value = 5;

	pre_hits = 0;
	REQUIRE(register_kprobe(&inner) == 0);
	REQUIRE(register_kprobe(&outer) == 0);
	CHECK_EQ(load((char *)&value, 0), 5);
	CHECK_EQ(inner.nmissed, 1);
	CHECK_EQ(pre_hits, 0);
	CHECK_EQ(plain(1, 2), 8);
	CHECK_EQ(pre_hits, 1);
	CHECK_EQ(inner.nmissed, 1);
	unregister_kprobe(&outer);
	unregister_kprobe(&inner);
}

TL_TEST(hit_in_a_handler_runs_the_code_and_counts_one_miss)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		recurse();
	}
}

static void fault(void)
{
	struct kprobe p = { .addr = word_at((uintptr_t)load),
			    .pre_handler = count_pre };
	long value = 5;

	pre_hits = 0;
	fault_pc = 0;
	REQUIRE(register_kprobe(&p) == 0);
	if (!sigsetjmp(after_fault, 1))
		load(NULL, 8);
	CHECK_EQ(fault_pc, (uintptr_t)load);
	CHECK_EQ(pre_hits, 1);
	CHECK_EQ(load((char *)&value, 0), 5);
	CHECK_EQ(pre_hits, 2);
	CHECK_EQ(p.nmissed, 0);
	unregister_kprobe(&p);
}

TL_TEST(fault_in_a_probed_instruction_is_reported_at_its_own_address)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		fault();
	}
}

static void foreign(void)
{
	struct kprobe p = { .addr = word_at((uintptr_t)plain),
			    .pre_handler = count_pre };

	REQUIRE(register_kprobe(&p) == 0);
	foreign_breakpoints = 0;
	__asm__ volatile("brk #7");
	CHECK_EQ(foreign_breakpoints, 1);
	unregister_kprobe(&p);
}

TL_TEST(breakpoint_of_somebody_else_goes_to_its_owner)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		foreign();
	}
}

static void refuse(void)
{
	const struct {
		uintptr_t at;
		enum tl_why why;
		uintptr_t near;
	} places[] = {
		{ (uintptr_t)pair + 4, TL_WHY_EXCLUSIVE, (uintptr_t)pair },
		{ (uintptr_t)pair + 8, TL_WHY_EXCLUSIVE, (uintptr_t)pair + 12 },
		{ (uintptr_t)traps, TL_WHY_TRAP, (uintptr_t)traps },
		{ (uintptr_t)traps + 12, TL_WHY_TRAP, (uintptr_t)traps + 12 },
		{ (uintptr_t)traps + 16, TL_WHY_STATE, (uintptr_t)traps + 16 },
		{ (uintptr_t)traps + 20, TL_WHY_STATE, (uintptr_t)traps + 20 },
		{ (uintptr_t)traps + 24, TL_WHY_STATE, (uintptr_t)traps + 24 },
		{ (uintptr_t)traps + 28, TL_WHY_UNDECODABLE,
		  (uintptr_t)traps + 28 },
		{ (uintptr_t)plain + 2, TL_WHY_DISABLED, 0 },
		{ (uintptr_t)tlh_context, TL_WHY_DISABLED, 0 },
	};
	long value = 1;

	for (size_t i = 0; i < TL_ARRAY_SIZE(places); i++) {
		struct kprobe p = { .addr = word_at(places[i].at) };
		uintptr_t near = (uintptr_t)trapline_probe_near(p.addr);

		/* Or pair() would never end. */
		REQUIRE(register_kprobe(&p) == -TL_EINVAL);
		CHECK_EQ(trapline_kprobe_why(&p), places[i].why);
		CHECK(!places[i].near || !near || near == places[i].near);
		CHECK(places[i].why != TL_WHY_EXCLUSIVE || near);
	}
	CHECK_EQ(pair(&value, 2), 3);
	for (unsigned int offset = 0; offset <= 20; offset += 4) {
		struct kprobe p = { .addr = word_at((uintptr_t)pair + offset),
				    .pre_handler = count_pre };

		if (offset == 4 || offset == 8)
			continue;
		pre_hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(pair(&value, 2), value);
		CHECK(pre_hits >= 1);
		unregister_kprobe(&p);
	}
}

TL_TEST(impossible_places_give_einval_and_the_reason)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		refuse();
	}
}

/* What it does to the monitor comes between the load and the store. */
TL_TEST(a_post_handler_behind_a_load_exclusive_is_refused)
{
	const struct mode *m;
	long value = 1;

	for_each_row(m, modes) {
		struct kprobe p = { .addr = word_at((uintptr_t)pair),
				    .post_handler = count_post };

		REQUIRE(enter(m));
		CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
		CHECK_EQ(pair(&value, 2), value);
	}
}

static unsigned int returns;
static unsigned long returned;

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	returns++;
	returned = regs_return_value(regs);
	CHECK_EQ(instruction_pointer(regs), get_kretprobe_retaddr(ri));
	return 0;
}

static void follow_returns(void)
{
	struct kretprobe rp = { .kp.addr = word_at((uintptr_t)depth),
				.handler = on_return };

	returns = 0;
	REQUIRE(register_kretprobe(&rp) == 0);
	CHECK_EQ(depth(30), 30);
	CHECK_EQ(returns, 31);
	CHECK_EQ(returned, 30);
	CHECK_EQ(rp.nmissed, 0);
	unregister_kretprobe(&rp);
	CHECK_EQ(depth(3), 3);
	CHECK_EQ(returns, 31);
}

TL_TEST(return_probe_sees_every_return_and_its_value)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		follow_returns();
	}
}

/* ---- jprobes ------------------------------------------------------------------- */

struct block {
	long x[10];
};

#define MANY                                                               \
	(long a, struct block b, double c, long d, long e, long f, long g, \
	 long h, long i, long j, int k, double l, struct block m, long n)
#define MANY_SUM                                                         \
	(a + b.x[0] * 3 + b.x[9] * 5 + (long)(c * 7) + d * 11 + e * 13 + \
	 f * 17 + g * 19 + h * 23 + i * 29 + j * 31 + k * 37 +           \
	 (long)(l * 41) + m.x[4] * 43 + n * 47)

/* Results by a hidden pointer (x8), structures by reference, stack arguments. */
struct block to_many MANY;
struct block many_body MANY;
static unsigned long many_seen, many_hits;
static bool by_return;

__attribute__((noipa, used)) struct block many_body MANY {
	struct block result = b;

	result.x[0] = MANY_SUM;
	return result;
}

__attribute__((noipa)) static struct block see_many MANY {
	struct block result = { .x = { 0 } };

	many_seen = MANY_SUM;
	many_hits++;
	a = d = e = f = g = h = i = j = k = n = -1;
	c = l = 99;
	__asm__ volatile(""
			 : "+m"(a), "+m"(d), "+m"(e), "+m"(f), "+m"(g), "+m"(h),
			   "+m"(i), "+m"(j), "+m"(k), "+m"(n));
	__asm__ volatile("movi v0.16b, #255\n"
			 "movi v1.16b, #255\n"
			 "movi v7.16b, #255\n"
			 "movi v31.16b, #255\n"
			 :
			 :
			 : "v0", "v1", "v7", "v31");
	if (!by_return)
		jprobe_return();
	return result;
}

static unsigned long
call_many(void)
{
	struct block b = { .x = { 2, 0, 0, 0, 4, 0, 0, 0, 0, 3 } };

	b = to_many(1, b, 2.5, 3, 4, 5, 6, 7, 8, 9, 10, -3.25, b, 12);
	return b.x[0] + b.x[9];
}

static int whole_stack(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	*low = sp - PAGE;
	*high = sp + 4 * PAGE;
	return 0;
}

static void see_arguments(int stack_args, bool known)
{
	struct jprobe jp = { .kp.addr = word_at((uintptr_t)to_many),
			     .entry = (void *)see_many,
			     .stack_args = stack_args };
	struct kprobe p = { .addr = word_at((uintptr_t)to_many),
			    .pre_handler = spoil_vectors };
	unsigned long bare = call_many();
	bool hit = stack_args || known;

	many_hits = many_seen = 0;
	ops.stack = known ? whole_stack : NULL;
	REQUIRE(register_jprobe(&jp) == 0);
	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(call_many(), bare);
	CHECK_EQ(call_many(), bare);
	CHECK_EQ(many_hits, hit ? 2 : 0);
	CHECK_EQ(many_seen, hit ? bare - 3 : 0);
	CHECK_EQ(jp.kp.nmissed, hit ? 0 : 2);
	unregister_jprobe(&jp);
	unregister_kprobe(&p);
	CHECK_EQ(call_many(), bare);
	CHECK_EQ(many_hits, hit ? 2 : 0);
	ops.stack = NULL;
}

TL_TEST(the_handler_of_a_jprobe_sees_all_arguments)
{
	const struct mode *m;

	for_each_row(m, modes) {
		REQUIRE(enter(m));
		for (int way = 0; way < 2; way++) {
			by_return = way;
			see_arguments(0, true);
			see_arguments(0, false);
			see_arguments(64, false);
			see_arguments(67, false); /* no multiple of 8 */
		}
	}
}
