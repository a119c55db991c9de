/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine */
/*
 * far.c - probes of code that no memory for slots is within reach of
 *
 * A branch reaches 128 MiB.  Where the home has nothing there, a probe is reached by
 * a breakpoint, and goes on by another or by simulation; what can be done by neither
 * is refused.
 */
#define _GNU_SOURCE
#include "context.h"
#include "home.h"
#include "insn.h"
#include "tl_test.h"

#include <trapline/kprobes.h>

/* clang-format off */
__asm__("	.section probed, \"ax\"\n"
	"	.balign 4096\n"
	"	.globl work, work_end, locker, syscaller\n"
	"work:	stp x29, x30, [sp, #-16]!\n"
	"	adr x2, number\n"
	"	adrp x3, number\n"
	"	ldr x4, number\n"
	"	ldr w5, number\n"
	"	cmp x0, x1\n"
	"	b.ne 1f\n"
	"	b 3f\n"
	"1:	cbz x1, 3f\n"
	"	cbnz x1, 2f\n"
	"	b 3f\n"
	"2:	tbnz x1, #0, 3f\n"
	"	tbz x1, #0, 4f\n"
	"3:	mov x0, #0\n"
	"4:	bl twice\n"
	"	ldr x6, [x2]\n"
	"	sub x6, x6, x4\n"
	"	add x0, x0, x6\n"
	"	adr x7, twice\n"
	"	blr x7\n"
	"	adr x7, 5f\n"
	"	br x7\n"
	"	mov x0, #0\n"
	"5:	ldp x29, x30, [sp], #16\n"
	"	ret\n"
	"twice:	add x0, x0, x1\n"
	"	ret\n"
	"work_end:\n"
	"	nop\n"
	"number: .quad 0x123456789abcdef0\n"
	"locker: ldxr x1, [x0]\n"
	"	clrex\n"
	"	ret\n"
	"syscaller: mov x8, #172\n"
	"	svc #0\n"
	"	ret\n"
	"	.balign 4096\n"
	"	.text\n");
/* clang-format on */

long work(long a, long b);
extern char work_end[], locker[], syscaller[];

static unsigned long hits, posts;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
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
	(void)flags;
	posts += regs->pc != (uintptr_t)p->addr;
}

static bool prepare(void)
{
	struct sigaction on = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	on.sa_sigaction = on_our_breakpoint;
	ops.vectors = false; /* nothing here has any */
	home_away = 1ul << 30;
	return !sigaction(SIGTRAP, &on, NULL) && work(36, 2) == 40;
}

TL_TEST(arm64_out_of_reach_every_probe_is_a_breakpoint_that_works)
{
	unsigned int n = 0;

	REQUIRE(prepare());
	for (kprobe_opcode_t *at = (void *)work;
	     at < (kprobe_opcode_t *)work_end; at++)
		for (int post = 0; post < 2; post++) {
			struct kprobe p = { .addr = at,
					    .pre_handler = count_pre };
			uint32_t word = *at;

			ROW(a64_match(word)->name);
			p.post_handler = post ? count_post : NULL;
			hits = posts = 0;
			REQUIRE(register_kprobe(&p) == 0);
			CHECK(a64_is_brk(*(volatile kprobe_opcode_t *)at));
			CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_RANGE);
			CHECK_EQ(work(36, 2), 40);
			CHECK_EQ(posts, post ? hits : 0);
			n += hits > 0;
			unregister_kprobe(&p);
			CHECK_EQ(*(volatile kprobe_opcode_t *)at, word);
		}
	CHECK_EQ(n, 2 * 23);
}

/* It can be neither copied with a way back, nor simulated. */
TL_TEST(arm64_out_of_reach_some_instructions_are_refused)
{
	struct kprobe p = { .addr = (void *)locker, .pre_handler = count_pre };

	REQUIRE(prepare());
	CHECK_EQ(register_kprobe(&p), -TL_ERANGE);
	p.addr = (kprobe_opcode_t *)(void *)syscaller + 1;
	CHECK_EQ(register_kprobe(&p), -TL_ERANGE);
}

TL_TEST(arm64_out_of_reach_a_jump_cannot_be_asked_for)
{
	struct kprobe p = { .addr = (void *)work,
			    .pre_handler = count_pre,
			    .flags = KPROBE_FLAG_JUMP_ONLY };

	REQUIRE(prepare());
	CHECK_EQ(register_kprobe(&p), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_RANGE);
	home_away = 0;
	REQUIRE(register_kprobe(&p) == 0);
	hits = 0;
	CHECK_EQ(work(36, 2), 40);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
}

/*
 * What a jump leads to is small, and all else may be anywhere: of the engine, too,
 * which is far from this code.
 */
#define MANY	 80
#define FAR_CODE (6ul << 30)

static long (*copy_far_code(void))(long)
{
	uint32_t *code = mmap((char *)work + FAR_CODE, PAGE,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED || (char *)code - (char *)work < 1l << 30)
		return NULL;
	for (unsigned int i = 0; i < MANY; i++)
		code[i] = 0x91000400; /* add x0, x0, #1 */
	code[MANY] = 0xd65f03c0;
	__builtin___clear_cache((char *)code, (char *)(code + MANY + 1));
	return mprotect(code, PAGE, PROT_READ | PROT_EXEC)
		       ? NULL
		       : (long (*)(long))code;
}

TL_TEST(arm64_a_page_within_reach_is_enough_for_many_jumps)
{
	static struct kprobe p[MANY];
	long (*add)(long) = copy_far_code();
	unsigned int jumps = 0;

	REQUIRE(prepare());
	REQUIRE(add);
	home_near = PAGE;
	for (unsigned int i = 0; i < MANY; i++) {
		p[i].addr = (kprobe_opcode_t *)(uintptr_t)add + i;
		p[i].pre_handler = count_pre;
		REQUIRE(register_kprobe(&p[i]) == 0);
		if (p[i].flags & KPROBE_FLAG_OPTIMIZED)
			jumps++;
		else
			CHECK_EQ(trapline_kprobe_why(&p[i]), TL_WHY_RANGE);
	}
	tl_test_note("jumps", jumps);
	CHECK(jumps * 64 >= PAGE * 7 / 8);
	CHECK(jumps * 64 <= PAGE);
	hits = 0;
	CHECK_EQ(add(7), 7 + MANY);
	CHECK_EQ(hits, MANY);
	for (unsigned int i = 0; i < MANY; i++)
		unregister_kprobe(&p[i]);
	CHECK_EQ(add(7), 7 + MANY);
	CHECK_EQ(hits, MANY);
}
