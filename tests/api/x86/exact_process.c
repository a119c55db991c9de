/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/exact.S */
/*
 * exact_process.c - the same for what only a process has: fs, system calls, signals
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

#include "exact.h"

EXACT(call_fs);
EXACT(system_call);
EXACT(system_call_last);
EXACT(divide);

static __thread unsigned long in_thread[2];

TL_TEST(call_through_a_segment_goes_where_it_goes)
{
	unsigned long base;

	__asm__("mov %%fs:0, %0" : "=r"(base));
	all_ways(&call_fs, (unsigned long)in_thread - base, 0, 1000,
		 jump_at(call_fs.at), NULL);
}

TL_TEST(syscall_leaves_the_original_next_address_in_rcx)
{
	/* Too short for a jump, but there may be padding for an island. */
	all_ways(&system_call, 0, 0, 0, jump_at(system_call.at), NULL);
	all_ways(&system_call_last, 0, 0, 0, true, NULL);
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
