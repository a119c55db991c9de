/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/preserve.S */
/*
 * preserve.c - the program cannot tell: a probed run against a native run
 *
 * Functions that use flags, vectors, the red zone, strings, the stack and every
 * kind of branch are run from random states of all registers, first as they are,
 * then with each kind of probe on each of their instructions.  All registers
 * and flags, the memory they write and the stack down to the end of the red zone
 * must be the same.  The CPU is the oracle.
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_test.h"

struct state {
	uint64_t reg[15]; /* rax rbx rcx rdx rsi rdi rbp r8 … r15 */
	uint64_t flags;
	uint64_t sp; /* after */
	uint64_t unused;
	uint32_t mxcsr;
	uint32_t pad[3];
	uint64_t ymm[16][4];
} __attribute__((aligned(32)));

_Static_assert(offsetof(struct state, ymm) == 160, "preserve.S");

void run_state(struct state *s, const void *fn, void *stack_top, int avx);

#define FN(name) void keep_##name(void);
FN(alu)
FN(flags)
FN(shifts)
FN(muldiv)
FN(red_zone)
FN(stack)
FN(frame)
FN(string)
FN(string_back)
FN(atomic)
FN(rip)
FN(branches)
FN(indirect)
FN(sse)
FN(avx)
FN(x87)

/* clang-format off */
static const struct keep {
	const char *name;
	void (*fn)(void);
	bool avx;
} keeps[] = {
	{ "alu", keep_alu, false },
	{ "flags", keep_flags, false },
	{ "shifts", keep_shifts, false },
	{ "muldiv", keep_muldiv, false },
	{ "red_zone", keep_red_zone, false },
	{ "stack", keep_stack, false },
	{ "frame", keep_frame, false },
	{ "string", keep_string, false },
	{ "string_back", keep_string_back, false },
	{ "atomic", keep_atomic, false },
	{ "rip", keep_rip, false },
	{ "branches", keep_branches, false },
	{ "indirect", keep_indirect, false },
	{ "sse", keep_sse, false },
	{ "avx", keep_avx, true },
	{ "x87", keep_x87, false },
};
/* clang-format on */

#define STATES	     24
#define MAX_INSNS    40
#define STACK_BYTES  65536
#define ABOVE	     64
#define FLAGS_RANDOM 0x200cd5ul /* the status flags, DF, ID */

extern uint8_t keep_buffer[256];

static uint8_t stack[STACK_BYTES + ABOVE] __attribute__((aligned(64)));
static struct state starts[STATES], natives[STATES], after;
static uint8_t native_stack[STATES][128 + 8 + ABOVE];
static uint8_t native_buffer[STATES][sizeof(keep_buffer)];
static int avx;
static unsigned long pre_hits, post_hits, bad_calls;
static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));

/* What C code relies on: no DF, and a stack aligned where it is called. */
#define CHECK_CALL()                                                           \
	do {                                                                   \
		unsigned long flags_;                                          \
                                                                               \
		__asm__ volatile("pushfq; pop %0" : "=r"(flags_));             \
		bad_calls += (flags_ >> 10 & 1) != 0;                          \
		bad_calls +=                                                   \
			((unsigned long)__builtin_frame_address(0) & 15) != 0; \
	} while (0)

#define TRASH_16(insn, reg)                                                    \
	insn " %%" reg "0\n" insn " %%" reg "1\n" insn " %%" reg "2\n" insn    \
	     " %%" reg "3\n" insn " %%" reg "4\n" insn " %%" reg "5\n" insn    \
	     " %%" reg "6\n" insn " %%" reg "7\n" insn " %%" reg "8\n" insn    \
	     " %%" reg "9\n" insn " %%" reg "10\n" insn " %%" reg "11\n" insn  \
	     " %%" reg "12\n" insn " %%" reg "13\n" insn " %%" reg "14\n" insn \
	     " %%" reg "15\n"

/* The compiler uses none of them here, and what called us wants them kept. */
HANDLER void trash_vectors(void)
{
	static const unsigned int mxcsr = 0x7fbf;

	if (avx)
		__asm__ volatile(TRASH_16("vpcmpeqd %%ymm0, %%ymm0,", "ymm")
				 :
				 :);
	else
		__asm__ volatile(TRASH_16("pcmpeqd %%xmm0,", "xmm") : :);
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

/* Whatever C code may change, it does. */
HANDLER void trash(void)
{
	trash_vectors();
	__asm__ volatile(
		"mov $-1, %%rax; mov %%rax, %%rcx; mov %%rax, %%rdx\n"
		"mov %%rax, %%rsi; mov %%rax, %%rdi; mov %%rax, %%r8\n"
		"mov %%rax, %%r9; mov %%rax, %%r10; mov %%rax, %%r11\n"
		"mov %%rax, %%rbx; mov %%rax, %%r12; mov %%rax, %%r13\n"
		"mov %%rax, %%r14; mov %%rax, %%r15; add $1, %%al\n"
		:
		:
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		  "rbx", "r12", "r13", "r14", "r15", "cc");
}

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pre_hits++;
	CHECK_CALL();
	trash();
	return 0;
}

HANDLER void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	post_hits++;
	CHECK_CALL();
	trash();
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	post_hits++;
	CHECK_CALL();
	trash();
	return 0;
}

/* ---- jprobes: what the handler gets, and what it leaves behind --------------- */

void keep_jprobe(void);
void jprobe_hit(const uint8_t *stack_args);
struct state jprobe_seen;
static unsigned int running; /* which of starts[] */
static unsigned long jprobe_hits, jprobe_wrong;
static bool by_return;

__attribute__((noinline)) HANDLER bool saw_the_start(const uint8_t *stack_args)
{
	const struct state *got = &jprobe_seen, *want = &starts[running];
	bool same = got->mxcsr == want->mxcsr;

	for (int n = 0; n < 15; n++)
		if (n != 1 && n != 10) /* rbx and r11 */
			same = same && got->reg[n] == want->reg[n];
	for (int n = 0; n < 16; n++)
		for (int w = 0; w < (avx ? 4 : 2); w++)
			same = same && got->ymm[n][w] == want->ymm[n][w];
	for (int n = 0; n < ABOVE; n++)
		same = same && stack_args[n] == stack[STACK_BYTES + n];
	return same && stack_args != stack + STACK_BYTES;
}

__attribute__((target("general-regs-only"))) void
jprobe_hit(const uint8_t *stack_args)
{
	jprobe_hits++;
	jprobe_wrong += !saw_the_start(stack_args);
	CHECK_CALL();
	for (int n = 0; n < ABOVE; n++)
		((volatile uint8_t *)stack_args)[n] = 0xee;
	trash();
	if (!by_return)
		jprobe_return();
}

static void run(const struct keep *k, unsigned int i)
{
	running = i;
	after = starts[i];
	for (size_t n = 0; n < sizeof(keep_buffer); n++)
		keep_buffer[n] = n * 7 + i;
	for (size_t n = sizeof(stack) - 512; n < sizeof(stack); n++)
		stack[n] = n + i;
	run_state(&after, (void *)k->fn, stack + STACK_BYTES, avx);
}

static void prepare(const struct keep *k, uint64_t *seed)
{
	for (unsigned int i = 0; i < STATES; i++) {
		struct state *s = &starts[i];

		for (int n = 0; n < 15; n++)
			s->reg[n] = tl_test_random(seed);
		s->flags = (tl_test_random(seed) & FLAGS_RANDOM) | 0x202;
		s->sp = 0;
		s->mxcsr = 0x1f80 | (tl_test_random(seed) & 0x6000);
		for (int n = 0; n < 16; n++)
			for (int w = 0; w < 4; w++)
				s->ymm[n][w] = tl_test_random(seed);
		run(k, i);
		natives[i] = after;
		__builtin_memcpy(native_stack[i], stack + STACK_BYTES - 136,
				 sizeof(native_stack[i]));
		__builtin_memcpy(native_buffer[i], keep_buffer,
				 sizeof(keep_buffer));
	}
}

/*
 * Run from every state again; false: something differs.  @dead: how much of the
 * stack that is compared was the function's own, and is dead at its return.
 */
static bool same_but(const struct keep *k, unsigned int dead)
{
	size_t live = sizeof(native_stack[0]) - dead;
	unsigned int bad = 0;

	for (unsigned int i = 0; i < STATES; i++) {
		run(k, i);
		bad += __builtin_memcmp(&after, &natives[i], sizeof(after)) !=
		       0;
		bad += __builtin_memcmp(native_stack[i] + dead,
					stack + STACK_BYTES - 136 + dead,
					live) != 0;
		bad += __builtin_memcmp(native_buffer[i], keep_buffer,
					sizeof(keep_buffer)) != 0;
		if (bad) {
			for (int n = 0; n < 15; n++)
				CHECK_EQ(after.reg[n], natives[i].reg[n]);
			CHECK_EQ(after.flags, natives[i].flags);
			CHECK_EQ(after.sp, natives[i].sp);
			CHECK_EQ(after.mxcsr, natives[i].mxcsr);
			CHECK_MEM(after.ymm, natives[i].ymm, sizeof(after.ymm));
			CHECK_MEM(stack + STACK_BYTES - 136 + dead,
				  native_stack[i] + dead, live);
			CHECK_MEM(keep_buffer, native_buffer[i],
				  sizeof(keep_buffer));
			return false;
		}
	}
	return true;
}

static bool same(const struct keep *k)
{
	return same_but(k, 0);
}

/* ---- the kinds ------------------------------------------------------------------- */

enum { COUNTER = 1, PRE = 2, POST = 4 };

static struct kprobe probes[MAX_INSNS];
static unsigned int jumps, breakpoints;

static void fill(struct kprobe *p, const struct keep *k, unsigned int off,
		 unsigned int what)
{
	*p = (struct kprobe){ .addr = (kprobe_opcode_t *)k->fn + off };
	if (what & COUNTER)
		p->counter = (uint64_t *)counters;
	if (what & PRE)
		p->pre_handler = pre;
	if (what & POST)
		p->post_handler = post;
}

/* The offsets of the instructions of @k. */
static unsigned int boundaries(const struct keep *k, unsigned int *off)
{
	unsigned int n = 0;

	for (unsigned int at = 0; at < 120 && n < MAX_INSNS; at++) {
		struct kprobe *p = &probes[0];

		fill(p, k, at, PRE);
		if (*((uint8_t *)k->fn + at) == 0xcc)
			break;
		if (register_kprobe(p))
			continue;
		unregister_kprobe(p);
		off[n++] = at;
	}
	return n;
}

static void one_by_one(unsigned int what)
{
	uint64_t seed = tl_test_seed;
	const struct keep *k;

	jumps = breakpoints = 0;
	for_each_row(k, keeps) {
		unsigned int off[MAX_INSNS], n;

		if (k->avx && !avx)
			continue;
		ROW(k->name);
		n = boundaries(k, off);
		prepare(k, &seed);
		CHECK(n > 2);
		for (unsigned int i = 0; i < n; i++) {
			fill(&probes[i], k, off[i], what);
			CHECK_EQ(register_kprobe(&probes[i]), 0);
			if (trapline_kprobe_why(&probes[i]) == TL_WHY_NONE)
				jumps++;
			else
				breakpoints++;
			if (!same(k)) {
				tl_test_note("offset", off[i]);
				tl_test_note("why",
					     trapline_kprobe_why(&probes[i]));
			}
			CHECK_EQ(probes[i].nmissed, 0);
			unregister_kprobe(&probes[i]);
			if (!same(k))
				tl_test_note("removed, offset", off[i]);
		}
	}
	CHECK_EQ(bad_calls, 0);
	tl_test_note("jumps", jumps);
	tl_test_note("breakpoints", breakpoints);
	CHECK(jumps > 30);
}

TL_TEST(counters_change_nothing)
{
	avx = __builtin_cpu_supports("avx2");
	one_by_one(COUNTER);
	CHECK(tl_counter_read((uint64_t *)counters) > 1000);
}

TL_TEST(pre_handlers_change_nothing)
{
	pre_hits = 0;
	one_by_one(PRE);
	CHECK(pre_hits > 1000);
}

TL_TEST(post_handlers_change_nothing)
{
	post_hits = 0;
	one_by_one(POST);
	CHECK(post_hits > 1000);
}

TL_TEST(pre_and_post_handlers_change_nothing)
{
	pre_hits = post_hits = 0;
	one_by_one(PRE | POST);
	CHECK(pre_hits > 1000);
	CHECK_EQ(pre_hits, post_hits);
}

/* Neighbours keep each other from being jumps: breakpoints everywhere. */
TL_TEST(breakpoints_on_every_instruction_change_nothing)
{
	uint64_t seed = tl_test_seed;
	const struct keep *k;

	breakpoints = 0;
	for_each_row(k, keeps) {
		unsigned int off[MAX_INSNS], n;

		if (k->avx && !avx)
			continue;
		ROW(k->name);
		n = boundaries(k, off);
		prepare(k, &seed);
		for (unsigned int i = 0; i < n; i++) {
			fill(&probes[i], k, off[i],
			     i % 3 == 0	  ? COUNTER
			     : i % 3 == 1 ? PRE
					  : PRE | POST);
			CHECK_EQ(register_kprobe(&probes[i]), 0);
		}
		for (unsigned int i = 0; i < n; i++)
			breakpoints += trapline_kprobe_why(&probes[i]) !=
				       TL_WHY_NONE;
		same(k);
		for (unsigned int i = 0; i < n; i++)
			unregister_kprobe(&probes[i]);
		same(k);
	}
	CHECK(breakpoints > 60);
}

TL_TEST(following_a_function_to_its_return_changes_nothing)
{
	uint64_t seed = tl_test_seed;
	const struct keep *k;

	for_each_row(k, keeps) {
		struct kretprobe rp = { .kp.addr = (void *)k->fn,
					.handler = returned };

		if (k->avx && !avx)
			continue;
		ROW(k->name);
		prepare(k, &seed);
		post_hits = 0;
		CHECK_EQ(register_kretprobe(&rp), 0);
		same_but(k, 128);
		CHECK_EQ(post_hits, STATES);
		CHECK_EQ(bad_calls, 0);
		CHECK_EQ(rp.nmissed, 0);
		unregister_kretprobe(&rp);
	}
}

/* A jump, or a breakpoint where the second instruction is probed, too. */
static unsigned int run_jprobe(const struct keep *k, struct kprobe *second)
{
	struct jprobe jp = { .kp.addr = (void *)k->fn,
			     .entry = (void *)keep_jprobe,
			     .stack_args = ABOVE };
	bool jump;

	if (second)
		CHECK_EQ(register_kprobe(second), 0);
	jprobe_hits = 0;
	CHECK_EQ(register_jprobe(&jp), 0);
	jump = trapline_kprobe_why(&jp.kp) == TL_WHY_NONE;
	same(k);
	CHECK_EQ(jprobe_hits, STATES);
	CHECK_EQ(jp.kp.nmissed, 0);
	unregister_jprobe(&jp);
	if (second)
		unregister_kprobe(second);
	same(k);
	return jump;
}

TL_TEST(the_handler_of_a_jprobe_gets_every_register_and_changes_nothing)
{
	uint64_t seed = tl_test_seed;
	const struct keep *k;

	avx = __builtin_cpu_supports("avx2");
	jumps = breakpoints = 0;
	jprobe_wrong = 0;
	for_each_row(k, keeps) {
		unsigned int off[MAX_INSNS];

		if (k->avx && !avx)
			continue;
		ROW(k->name);
		boundaries(k, off);
		prepare(k, &seed);
		for (int i = 0; i < 4; i++) {
			struct kprobe second;

			fill(&second, k, off[1], PRE);
			by_return = i & 1;
			if (run_jprobe(k, i & 2 ? &second : NULL))
				jumps++;
			else
				breakpoints++;
		}
	}
	CHECK_EQ(jprobe_wrong, 0);
	CHECK_EQ(bad_calls, 0);
	tl_test_note("jumps", jumps);
	tl_test_note("breakpoints", breakpoints);
	CHECK(jumps > 10);
	CHECK(breakpoints > 10);
}
