/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine */
/*
 * shown.c - who looks at a thread in the middle of a copy sees the instruction
 *
 * A copy is stopped at one of its words after the other.  What tl_trap_show() makes of
 * the registers then must be those of the bare instruction, before it or behind it;
 * and going on from these must lead to where the bare one leads.
 */
#define _GNU_SOURCE
#include "context.h"
#include "home.h"
#include "insn.h"
#include "tl_test.h"
#include <sys/syscall.h>

#include <trapline/kprobes.h>

#define BRK	A64_BRK(99)
#define TAKEN	64 /* words behind the instruction: where branches lead */
#define DATA	32 /* literals */
#define NZCV	0xf0000000ul
#define FARTHER (4ul << 20) /* than a literal may be */

static uint32_t *arena;
static uint8_t stack[4096] __attribute__((aligned(64)));
static struct pt_regs start, end, shown;
static __uint128_t start_q7 = 7, end_q7;
static ucontext_t back;

static uint32_t *stopped; /* a word of the copy that is a brk now, */
static uint32_t kept;	  /* in place of this */
static int stop_at;	  /* this word is to be; -1: none */
static bool was_shown, did_stop;

static void on_start(int sig, siginfo_t *info, void *frame)
{
	(void)sig;
	(void)info;
	back = *(ucontext_t *)frame;
	to_context(frame, &start);
	fpsimd(frame)->vregs[7] = start_q7;
}

/* At the word of the copy: what is shown, and on from there. */
static void look(struct pt_regs *regs)
{
	uintptr_t resume;

	put_word(stopped, kept);
	stopped = NULL;
	did_stop = true;
	was_shown = tl_trap_show(regs, &resume);
	shown = *regs;
	if (was_shown)
		regs->pc = resume;
}

static void on_breakpoint(int sig, siginfo_t *info, void *frame)
{
	ucontext_t *uc = frame;
	struct pt_regs regs;

	(void)sig;
	(void)info;
	from_context(&regs, uc);
	if (stopped && regs.pc == (uintptr_t)stopped) {
		look(&regs);
		to_context(uc, &regs);
	} else if (tl_trap_breakpoint(&regs)) {
		if (stop_at >= 0) {
			stopped = (uint32_t *)regs.pc + stop_at;
			kept = *stopped;
			put_word(stopped, BRK);
		}
		to_context(uc, &regs);
	} else {
		end = regs;
		end_q7 = fpsimd(uc)->vregs[7];
		*uc = back;
	}
}

static bool prepare(void)
{
	static char other[65536];
	stack_t alt = { .ss_sp = other, .ss_size = sizeof(other) };
	struct sigaction on = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	home_text |= PROT_WRITE;
	home_away = FARTHER;
	if (!arena)
		arena = mmap(NULL, PAGE, home_text, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	if (arena == MAP_FAILED || sigaltstack(&alt, NULL))
		return false;
	for (unsigned int i = 0; i < PAGE / 4; i++)
		put_word(arena + i, BRK);
	memcpy(arena + DATA, "literal, 16 bytes", 16);
	on.sa_sigaction = on_start;
	if (sigaction(SIGUSR1, &on, NULL))
		return false;
	on.sa_sigaction = on_breakpoint;
	return !sigaction(SIGTRAP, &on, NULL);
}

static void run(int at)
{
	for (unsigned int i = 0; i < 31; i++)
		start.regs[i] = 0x1111111111111111ull * (i & 15) + i;
	start.regs[9] = (uintptr_t)(arena + TAKEN);
	start.sp = (uintptr_t)(stack + sizeof(stack) / 2);
	start.pc = (uintptr_t)arena;
	start.pstate = 0;
	stop_at = at;
	did_stop = was_shown = false;
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
}

static bool same(const struct pt_regs *a, const struct pt_regs *b)
{
	return !memcmp(a->regs, b->regs, sizeof(a->regs)) && a->sp == b->sp &&
	       a->pc == b->pc && !((a->pstate ^ b->pstate) & NZCV);
}

/* clang-format off */
static const struct {
	const char *name;
	uint32_t word;
	const char *stops; /* words that are executed: - before, + behind */
} rows[] = {
	{ "add x3, x3, x4",        0x8b040063, "-+" },
	{ "b",                     0x14000040, "-" },
	{ "bl",                    0x94000040, "-+" },
	{ "b.eq, not taken",       0x54000800, "-+ +" },
	{ "b.ne, taken",           0x54000801, "- +" },
	{ "cbz x3, not taken",     0xb4000803, "-+ +" },
	{ "cbnz x3, taken",        0xb5000803, "- +" },
	{ "tbz x3, #1, not taken", 0x36080803, "-+ +" },
	{ "tbnz x3, #1, taken",    0x37080803, "- +" },
	{ "br x9",                 0xd61f0120, "-" },
	{ "blr x9",                0xd63f0120, "-+" },
	{ "adr x3",                0x10000403, "-+  +" },
	{ "ldr x3",                0x58000403, "-++  +" },
	{ "ldr w3",                0x18000403, "-++  +" },
	{ "ldrsw x3",              0x98000403, "-++  +" },
	{ "ldr q7",                0x9c000407, "---++  +" },
	{ "ldr d7",                0x5c000407, "---++  +" },
};
/* clang-format on */

TL_TEST(arm64_in_the_middle_of_a_copy_the_instruction_is_shown)
{
	unsigned int n = 0;

	REQUIRE(prepare());
	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct kprobe p = { .addr = arena };
		struct pt_regs bare;
		__uint128_t bare_q7;

		ROW(rows[i].name);
		put_word(arena, rows[i].word);
		ops.no_optimize = true;
		run(-1);
		bare = end;
		bare_q7 = end_q7;
		REQUIRE(register_kprobe(&p) == 0);
		for (int k = 0; rows[i].stops[k]; k++) {
			char c = rows[i].stops[k];

			if (c == ' ')
				continue;
			run(k);
			CHECK(did_stop);
			CHECK(was_shown);
			CHECK(same(&shown, c == '-' ? &start : &bare));
			CHECK(same(&end, &bare));
			CHECK(end_q7 == bare_q7);
			n++;
		}
		unregister_kprobe(&p);
	}
	tl_test_note("places", n);
}
