/* SPDX-License-Identifier: MIT */
/* link: arm64-insn on-arm64 */
/*
 * simulate.c - simulated and relocated instructions do what the CPU does
 *
 * The CPU is the oracle.  The arena is filled with brk; a word is put into it,
 * and a signal handler starts it with random registers by changing its own
 * context.  Wherever it goes, there is a brk, which brings the registers back.
 *
 *      kill(SIGUSR1)      handler: all registers random, pc = the word
 *        the word         runs
 *      brk -> SIGTRAP     handler: keeps all registers, restores those of the
 *                         test
 */
#define _GNU_SOURCE
#include "insn.h"
#include "tl_test.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define ARENA_BYTES	(4u << 20)
#define ARENA_WORDS	(ARENA_BYTES / 4)
#define ELSEWHERE_BYTES 65536u
#define NZCV		0xf0000000u
#define BRK		A64_BRK(0)
#define ROUNDS		400

static uint32_t *arena, *elsewhere; /* one behind the other */
static struct a64_cpu start, end;
static ucontext_t back;
static volatile unsigned int traps;

static void to_context(const struct a64_cpu *cpu, ucontext_t *uc)
{
	memcpy(uc->uc_mcontext.regs, cpu->x, sizeof(cpu->x));
	uc->uc_mcontext.sp = cpu->sp;
	uc->uc_mcontext.pc = cpu->pc;
	uc->uc_mcontext.pstate = cpu->pstate;
}

static void from_context(struct a64_cpu *cpu, const ucontext_t *uc)
{
	memcpy(cpu->x, uc->uc_mcontext.regs, sizeof(cpu->x));
	cpu->sp = uc->uc_mcontext.sp;
	cpu->pc = uc->uc_mcontext.pc;
	cpu->pstate = uc->uc_mcontext.pstate;
}

static void on_start(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	back = *(ucontext_t *)context;
	to_context(&start, context);
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	traps++;
	from_context(&end, context);
	memcpy(&((ucontext_t *)context)->uc_mcontext, &back.uc_mcontext,
	       sizeof(back.uc_mcontext));
}

static bool prepare(void)
{
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction on = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (arena)
		return true;
	on.sa_sigaction = on_start;
	if (sigaltstack(&alt, NULL) || sigaction(SIGUSR1, &on, NULL))
		return false;
	on.sa_sigaction = on_trap;
	if (sigaction(SIGTRAP, &on, NULL))
		return false;
	arena = mmap(NULL, ARENA_BYTES + ELSEWHERE_BYTES,
		     PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return false;
	elsewhere = arena + ARENA_WORDS;
	for (size_t i = 0; i < ARENA_WORDS + ELSEWHERE_BYTES / 4; i++)
		arena[i] = BRK;
	return true;
}

static void put_code(uint32_t *at, const void *words, size_t n)
{
	memcpy(at, words, n * 4);
	__builtin___clear_cache((char *)at, (char *)(at + n));
}

/* Run on the CPU from @start until a brk; the result is in @end. */
static void run(void)
{
	traps = 0;
	raise(SIGUSR1);
}

static bool read_memory(void *dst, uint64_t src, size_t len)
{
	memcpy(dst, (const void *)src, len);
	return true;
}

static bool cannot_read(void *dst, uint64_t src, size_t len)
{
	(void)dst;
	(void)src;
	(void)len;
	return false;
}

static void random_state(uint64_t *seed, uint32_t *at)
{
	for (unsigned int i = 0; i < 31; i++) {
		start.x[i] = tl_test_random(seed);
		if (tl_test_random(seed) % 4 == 0)
			start.x[i] &= 0xffffffff00000000; /* cbz w */
		if (tl_test_random(seed) % 8 == 0)
			start.x[i] = 0;
	}
	start.sp = tl_test_random(seed);
	start.pc = (uint64_t)at;
	start.pstate = tl_test_random(seed) & NZCV;
}

struct shape {
	const char *name;
	uint32_t fixed; /* the word, with zeroes where it may vary */
	uint32_t vary;	/* those bits */
	uint32_t offset_low, offset_bits; /* a branch offset in words */
};

/* clang-format off */
static const struct shape shapes[] = {
	{ "b",       0x14000000, 0x03ffffff, 0, 26 },
	{ "bl",      0x94000000, 0x03ffffff, 0, 26 },
	{ "b.cond",  0x54000000, 0x00ffffef, 5, 19 },
	{ "cbz w",   0x34000000, 0x00ffffff, 5, 19 },
	{ "cbz x",   0xb4000000, 0x00ffffff, 5, 19 },
	{ "cbnz w",  0x35000000, 0x00ffffff, 5, 19 },
	{ "cbnz x",  0xb5000000, 0x00ffffff, 5, 19 },
	{ "tbz",     0x36000000, 0x80ffffff, 5, 14 },
	{ "tbnz",    0x37000000, 0x80ffffff, 5, 14 },
	{ "br",      0xd61f0000, 0x000003e0, 0, 0 },
	{ "blr",     0xd63f0000, 0x000003e0, 0, 0 },
	{ "ret",     0xd65f0000, 0x000003e0, 0, 0 },
	{ "adr",     0x10000000, 0x60ffffff, 0, 0 },
	{ "adrp",    0x90000000, 0x60ffffff, 0, 0 },
	{ "ldr w",   0x18000000, 0x00ffffff, 5, 19 },
	{ "ldr x",   0x58000000, 0x00ffffff, 5, 19 },
	{ "ldrsw",   0x98000000, 0x00ffffff, 5, 19 },
};
/* clang-format on */

/* A random word of @s; from the middle, its offset stays in the arena. */
static uint32_t random_word(const struct shape *s, uint64_t *seed)
{
	uint32_t insn = s->fixed | ((uint32_t)tl_test_random(seed) & s->vary);
	uint32_t mask = ((1u << s->offset_bits) - 1) << s->offset_low;
	long room = ARENA_WORDS / 2 - 64, limit;
	long offset;

	if (!s->offset_bits)
		return insn;
	limit = s->offset_bits >= 20 ? room : 1l << (s->offset_bits - 1);
	if (limit > room)
		limit = room;
	do {
		offset = (long)(tl_test_random(seed) % (2 * (uint64_t)limit)) -
			 limit;
	} while (offset == 0);
	return (insn & ~mask) | ((uint32_t)offset << s->offset_low & mask);
}

static bool is_register_branch(const struct shape *s)
{
	return s->fixed >> 25 == 0xd6 >> 1;
}

static bool is_load(const struct shape *s)
{
	return (s->fixed & 0x3f000000) == 0x18000000;
}

/* @start by C; @end is what the CPU made of it. */
static void compare_simulated(uint32_t insn, uint32_t *at)
{
	struct a64_cpu simulated = start;

	(void)at;
	CHECK(a64_simulate(insn, &simulated, read_memory, NULL));
	CHECK_MEM(simulated.x, end.x, sizeof(end.x));
	CHECK_EQ(simulated.sp, end.sp);
	CHECK_EQ(simulated.pc, end.pc);
	CHECK_EQ(simulated.pstate & NZCV, end.pstate & NZCV);
}

/* The relocated code by the CPU, against the original in @end. */
static void compare_relocated(uint32_t insn, uint32_t *at)
{
	struct a64_cpu native = end;
	uint32_t out[A64_RELOCATED_WORDS];
	size_t n = a64_relocate(insn, (uint64_t)at, (uint64_t)elsewhere, out);
	uint32_t brk = BRK;

	if ((insn & 0xffffffe0) == 0xd63f03c0) { /* blr x30 */
		CHECK_EQ(n, 0);
		return;
	}
	REQUIRE(n > 0);
	put_code(elsewhere, out, n);
	put_code(elsewhere + n, &brk, 1);
	start.pc = (uint64_t)elsewhere;
	run();
	if (native.pc == (uint64_t)(at + 1))
		native.pc = (uint64_t)(elsewhere + n);
	CHECK_EQ(traps, 1);
	CHECK_MEM(native.x, end.x, sizeof(end.x));
	CHECK_EQ(native.sp, end.sp);
	CHECK_EQ(native.pc, end.pc);
	CHECK_EQ(native.pstate & NZCV, end.pstate & NZCV);
}

static void one_round(const struct shape *s, uint64_t *seed,
		      void (*compare)(uint32_t insn, uint32_t *at))
{
	uint32_t *at =
		arena + ARENA_WORDS / 2 + (long)(tl_test_random(seed) % 32);
	uint32_t insn = random_word(s, seed);
	uint64_t literal = 0, data = tl_test_random(seed), kept = 0;

	random_state(seed, at);
	if (is_register_branch(s)) {
		uint32_t rn = insn >> 5 & 31;

		if (rn == 31)
			return; /* xzr: would go to 0 */
		start.x[rn] =
			(uint64_t)(arena + tl_test_random(seed) % ARENA_WORDS);
		if (start.x[rn] == (uint64_t)at)
			return;
	}
	if (is_load(s)) {
		REQUIRE(a64_place(insn, (uint64_t)at, &literal));
		if (literal + 8 > (uint64_t)at && literal < (uint64_t)(at + 2))
			return; /* would overwrite the word or its brk */
		memcpy(&kept, (void *)literal, 8);
		memcpy((void *)literal, &data, 8);
	}
	put_code(at, &insn, 1);
	run();
	CHECK_EQ(traps, 1);
	compare(insn, at);
	put_code(at, &(uint32_t){ BRK }, 1);
	if (is_load(s))
		put_code((uint32_t *)literal, &kept, 2);
}

static void all_shapes(void (*compare)(uint32_t insn, uint32_t *at))
{
	uint64_t seed = tl_test_seed;
	const struct shape *s;

	for_each_row(s, shapes) {
		ROW(s->name);
		for (unsigned int i = 0; i < ROUNDS * tl_test_scale; i++)
			one_round(s, &seed, compare);
	}
}

TL_TEST(arm64_simulation_agrees_with_the_cpu)
{
	REQUIRE(prepare());
	all_shapes(compare_simulated);
}

TL_TEST(arm64_relocated_code_agrees_with_the_cpu)
{
	REQUIRE(prepare());
	all_shapes(compare_relocated);
}

/*
 * Authenticated branches are in forms.c: their keys are the CPU's.  bc.cond, which
 * QEMU does not have, differs from b.cond in its hint alone.
 */
TL_TEST(arm64_every_simulated_rule_has_a_shape)
{
	const struct a64_rule *r;

	for (unsigned int i = 0; (r = a64_rule(i)); i++) {
		const struct shape *s;
		bool found = false;

		if (r->plan < A64_SIM_ADR)
			continue;
		ROW(r->name);
		for_each_row(s, shapes)
			found |= a64_match(s->fixed & ~0x10u) == r ||
				 a64_match(s->fixed | 0x10) == r;
		CHECK(found);
	}
}

TL_TEST(arm64_every_condition_agrees_with_the_cpu)
{
	uint32_t *at;

	REQUIRE(prepare());
	at = arena + 1000;
	for (unsigned int i = 0; i < 256; i++) {
		uint32_t insn = 0x54000040 | i >> 4; /* b.cond .+8 */

		start = (struct a64_cpu){ .pc = (uint64_t)at };
		start.pstate = (uint64_t)(i & 15) << 28;
		put_code(at, &insn, 1);
		run();
		CHECK_EQ(end.pc - (uint64_t)at,
			 a64_condition(i >> 4, start.pstate) ? 8 : 4);
	}
	put_code(at, &(uint32_t){ BRK }, 1);
}

TL_TEST(arm64_literal_that_cannot_be_read_changes_nothing)
{
	struct a64_cpu cpu = { .pc = 0x1000 }, before = cpu;

	CHECK(!a64_simulate(0x58000041, &cpu, cannot_read, NULL));
	CHECK_MEM(&cpu, &before, sizeof(cpu));
	CHECK(!a64_simulate(0xd503201f, &cpu, cannot_read, NULL)); /* nop */
	CHECK_MEM(&cpu, &before, sizeof(cpu));
}

/* Call @pc, and return what is in vector register @rt (0 to 7) then. */
static unsigned __int128 load_by(const uint32_t *pc, unsigned int rt)
{
	unsigned __int128 v[8];

	__asm__ volatile("blr %1\n\t"
			 "stp q0, q1, [%0]\n\t"
			 "stp q2, q3, [%0, #32]\n\t"
			 "stp q4, q5, [%0, #64]\n\t"
			 "stp q6, q7, [%0, #96]"
			 :
			 : "r"(v), "r"(pc)
			 : "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
			   "v7", "memory");
	return v[rt];
}

TL_TEST(arm64_vector_literal_loads_the_same_elsewhere)
{
	static const uint32_t opcodes[] = { 0x1c000000, 0x5c000000,
					    0x9c000000 };
	static const uint32_t ret = 0xd65f03c0;
	uint32_t *at, *near, *far, out[A64_RELOCATED_WORDS];

	REQUIRE(prepare());
	at = arena + 1000;
	near = arena + 3000;
	far = arena + 900000;
	for (unsigned int i = 0; i < 96; i++) {
		uint32_t insn = opcodes[i % 3] | 64 << 5 | i % 8;
		uint64_t data[2] = { 0x0123456789abcdef + i, ~0ull - i };
		unsigned __int128 loaded[2];
		uint64_t kept[2];
		uint32_t *to = i & 1 ? far : near;
		size_t n = a64_relocate(insn, (uint64_t)at, (uint64_t)to, out);

		CHECK_EQ(n, i & 1 ? A64_RELOCATED_WORDS : 1);
		memcpy(kept, at + 64, 16);
		put_code(at + 64, data, 4);
		put_code(at, (uint32_t[]){ insn, ret }, 2);
		put_code(to, out, n);
		put_code(to + n, &ret, 1);
		loaded[0] = load_by(at, i % 8);
		loaded[1] = load_by(to, i % 8);
		CHECK_MEM(&loaded[1], &loaded[0], 16);
		CHECK_EQ((uint32_t)loaded[0], (uint32_t)data[0]);
		put_code(at + 64, kept, 4);
	}
}

TL_TEST(arm64_vector_literal_elsewhere_keeps_other_registers)
{
	uint32_t *at, *far, out[A64_RELOCATED_WORDS];
	static uint64_t stack[64];
	uint64_t seed = tl_test_seed;
	size_t n;

	REQUIRE(prepare());
	at = arena + 1000;
	far = arena + 900000;
	random_state(&seed, far);
	start.sp = (uint64_t)(stack + 32) & ~15ull;
	n = a64_relocate(0x5c000041, (uint64_t)at, (uint64_t)far, out);
	put_code(far, out, n);
	put_code(far + n, &(uint32_t){ BRK }, 1);
	run();
	CHECK_EQ(end.pc, (uint64_t)(far + n));
	CHECK_MEM(end.x, start.x, sizeof(end.x));
	CHECK_EQ(end.sp, start.sp);
	CHECK_EQ(end.pstate & NZCV, start.pstate & NZCV);
}
