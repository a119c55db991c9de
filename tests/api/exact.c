/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/exact.S */
/*
 * exact.c - instructions that other probe systems get wrong, one test for each
 *
 * Each function of exact.S says in a number what one instruction did.  It is
 * called bare, behind a jump, behind a breakpoint, and with a post handler; the
 * number must be the same, and where the manual knows it, the manual's.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"

#define HANDLER __attribute__((target("general-regs-only"))) static

typedef unsigned long exact_fn(unsigned long a, unsigned long b);

struct exact {
	exact_fn *fn, *plain;
	char *at, *plain_at;
};

#define EXACT(name)                                                            \
	exact_fn exact_##name, exact_##name##_plain;                           \
	extern char exact_##name##_at[], exact_##name##_plain_at[];            \
	static const struct exact name = { exact_##name, exact_##name##_plain, \
					   exact_##name##_at,                  \
					   exact_##name##_plain_at }

EXACT(loop);
EXACT(loop32);
EXACT(loope_f2);
EXACT(loopne_f3);
EXACT(ret16);
EXACT(lret);
EXACT(pushfw);
EXACT(popfw);
EXACT(pushf);
EXACT(cs_call);
EXACT(call);
EXACT(call_reg);
EXACT(call_mem);
EXACT(call_stack);
EXACT(jmp_mem);
EXACT(call_fs);
EXACT(system_call);
EXACT(system_call_last);
EXACT(divide);

static unsigned long hits;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

static void probed(exact_fn *fn, char *at, unsigned long a, unsigned long b,
		   unsigned long want, bool with_post)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)at, .pre_handler = pre };

	if (with_post)
		p.post_handler = post;
	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(fn(a, b), want);
	CHECK(hits > 0);
	CHECK_EQ(p.nmissed, 0);
	unregister_kprobe(&p);
	CHECK_EQ(fn(a, b), want);
}

static bool is_jump(char *at)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)at, .pre_handler = pre };
	bool yes;

	CHECK_EQ(register_kprobe(&p), 0);
	yes = trapline_kprobe_why(&p) == TL_WHY_NONE;
	unregister_kprobe(&p);
	return yes;
}

/* All ways; bare it gives @want.  @jump: a jump is possible. */
static void all_ways(const struct exact *e, unsigned long a, unsigned long b,
		     unsigned long want, bool jump)
{
	CHECK_EQ(e->fn(a, b), want);
	CHECK_EQ(e->plain(a, b), want);
	CHECK_EQ(is_jump(e->at), jump);
	CHECK_EQ(is_jump(e->plain_at), false);
	ROW("where a jump is possible");
	probed(e->fn, e->at, a, b, want, false);
	ROW("breakpoint");
	probed(e->plain, e->plain_at, a, b, want, false);
	ROW("where a jump is possible, post handler");
	probed(e->fn, e->at, a, b, want, true);
	ROW("breakpoint, post handler");
	probed(e->plain, e->plain_at, a, b, want, true);
}

TL_TEST(loop_goes_round_as_often_as_bare)
{
	all_ways(&loop, 0, 0, 3, true);
}

TL_TEST(loop_with_a_32_bit_counter_clears_the_upper_half_of_rcx)
{
	all_ways(&loop32, 0, 0, 3, true);
}

/* F2 and F3 change the condition on some CPUs; whatever it does, we do. */
TL_TEST(loop_with_a_repeat_prefix_does_what_it_does_bare)
{
	for (unsigned long n = 1; n < 4; n++)
		for (unsigned long flags = 0x202; flags < 0x300;
		     flags += 0x40) {
			all_ways(&loope_f2, n, flags, exact_loope_f2(n, flags),
				 true);
			all_ways(&loopne_f3, n, flags,
				 exact_loopne_f3(n, flags), true);
		}
}

TL_TEST(ret_with_a_number_drops_that_many_bytes)
{
	all_ways(&ret16, 0, 0, 0, true);
}

TL_TEST(lret_takes_the_code_segment_off_the_stack)
{
	all_ways(&lret, 0, 0, 0, is_jump(lret.at));
}

TL_TEST(pushf_of_16_bits_pushes_two_bytes)
{
	all_ways(&pushfw, 0, 0, 2, true);
}

TL_TEST(popf_of_16_bits_pops_two_bytes)
{
	all_ways(&popfw, 0, 0, 2, true);
}

TL_TEST(pushed_flags_never_show_a_trap_flag_of_ours)
{
	all_ways(&pushf, 0, 0, 0, true);
}

TL_TEST(call_with_a_prefix_pushes_the_right_return_address)
{
	all_ways(&cs_call, 0, 0, 1000, true);
}

TL_TEST(call_pushes_the_original_return_address)
{
	all_ways(&call, 0, 0, 1000, true);
}

TL_TEST(call_of_a_register_pushes_the_original_return_address)
{
	all_ways(&call_reg, 0, 0, 1000, false);
}

TL_TEST(call_through_memory_goes_where_it_goes)
{
	all_ways(&call_mem, 0, 0, 1000, true);
}

TL_TEST(call_through_the_stack_reads_it_before_the_push)
{
	all_ways(&call_stack, 0, 0, 1000, false);
}

TL_TEST(jump_through_memory_goes_where_it_goes)
{
	all_ways(&jmp_mem, 0, 0, 77, is_jump(jmp_mem.at));
}

static __thread unsigned long in_thread[2];

TL_TEST(call_through_a_segment_goes_where_it_goes)
{
	unsigned long base;

	__asm__("mov %%fs:0, %0" : "=r"(base));
	all_ways(&call_fs, (unsigned long)in_thread - base, 0, 1000,
		 is_jump(call_fs.at));
}

TL_TEST(syscall_leaves_the_original_next_address_in_rcx)
{
	all_ways(&system_call, 0, 0, 0, false);
	all_ways(&system_call_last, 0, 0, 0, true);
}

/* ---- flags that a fault shows ----------------------------------------------- */

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static unsigned long shown;

/* Go on behind the function, with its flags as result. */
static void on_division(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned long *sp = (unsigned long *)regs[REG_RSP];

	(void)sig;
	(void)info;
	shown = regs[REG_EFL] & 0x8d5;
	regs[REG_RIP] = *sp;
	regs[REG_RSP] += 8;
}

/* test overwrites them all, but div faults first and lets them be seen. */
TL_TEST(flags_behind_a_counter_are_there_when_a_division_faults)
{
	struct sigaction sa = { .sa_sigaction = on_division,
				.sa_flags = SA_SIGINFO },
			 old;
	struct kprobe p = { .addr = (kprobe_opcode_t *)divide.at,
			    .counter = (uint64_t *)counters };

	sigaction(SIGFPE, &sa, &old);
	divide.fn(0xad7, 0);
	CHECK_EQ(shown, 0x8d5);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_NONE);
	for (unsigned long i = 0; i < 32; i++) {
		unsigned long flags = 0x202 | (i & 1) | (i & 2) << 1 |
				      (i & 4) << 4 | (i & 8) << 4 |
				      (i & 16) << 7;

		divide.fn(flags, 0);
		CHECK_EQ(shown, flags & 0x8d5);
	}
	CHECK_EQ(tl_counter_read(p.counter), 32);
	unregister_kprobe(&p);
	sigaction(SIGFPE, &old, NULL);
}
