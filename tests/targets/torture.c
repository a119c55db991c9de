/* SPDX-License-Identifier: MIT */
/*
 * torture.c - call what is hard to patch, for ever, and check every answer
 *
 * One row of the table is one case: a function t_NAME of torture.S (or of this
 * file, where C will do), called once a round by every thread.  With names as
 * arguments only those cases run.
 *
 * The first thread sleeps in t_read(), whose window holds a system call, and
 * does nothing else.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "control.h"

#define FEED_US 700000
#define PROBED	__attribute__((noinline, noclone, used))

/* torture.S */
uint32_t t_target_in_window(uint32_t n);
void t_one_byte(void);
uint64_t t_after_one_byte(uint64_t a);
uint32_t t_three_bytes(uint32_t a);
uint64_t t_red_zone(uint64_t a);
uint64_t t_jrcxz(uint64_t a);
uint32_t t_loop(uint32_t a);
uint64_t t_jcc(uint64_t a);
uint64_t t_jmp_first(uint64_t a);
uint64_t t_call_first(uint64_t a);
uint32_t t_call_short(uint32_t a, uint32_t (*f)(uint32_t a));
uint64_t t_rip_relative(uint64_t a);
uint64_t t_endbr(uint64_t a);
uint64_t t_tail_call(uint64_t a);
uint64_t t_push_rsp(uint64_t a);
uint64_t t_enter_leave(uint64_t a);
uint64_t call_ret_imm(uint64_t a);
char *t_rep_movs(char *to, const char *from, size_t n);
uint32_t t_jump_table(uint32_t a);
uint32_t t_cmpxchg16b(uint64_t *p, uint64_t low, uint64_t high);
uint64_t t_carry_chain(uint64_t a, uint64_t b, uint64_t c, uint64_t d);
ssize_t t_read(int fd, void *to, size_t n);
void t_ymm(void);
void t_zmm(void);
uint64_t t_flags(void);
uint64_t t_toggle(uint64_t a, uint64_t b);
uint64_t check_registers(uint64_t seed);

/* torture_throw.cc */
int torture_throw(int n);

/* Every case answers: is all as it should be, for the random number @r? */

static bool target_in_window(uint64_t r)
{
	uint32_t n = (r & 7) + 1;

	return t_target_in_window(n) == n * (n + 1) / 2;
}

static bool one_byte(uint64_t r)
{
	t_one_byte();
	return t_after_one_byte(r) == r + 7;
}

static bool three_bytes(uint64_t r)
{
	return t_three_bytes((uint32_t)r) == (uint32_t)r;
}

static bool red_zone(uint64_t r)
{
	return t_red_zone(r) == r;
}

static bool jrcxz(uint64_t r)
{
	return t_jrcxz(0) == 11 && t_jrcxz(r | 1) == (r | 1) + 5;
}

static bool loop(uint64_t r)
{
	uint32_t n = (r & 7) + 1;

	return t_loop(n) == n;
}

static bool jcc(uint64_t r)
{
	return t_jcc(0) == 13 && t_jcc(r | 1) == (r | 1) + 9;
}

static bool jmp_first(uint64_t r)
{
	return t_jmp_first(r) == r + 2;
}

static bool call_first(uint64_t r)
{
	return t_call_first(r) == r;
}

static bool call_short(uint64_t r)
{
	uint32_t n = (uint32_t)r;

	return t_call_short(n, t_three_bytes) == n + 1 + n;
}

static bool rip_relative(uint64_t r)
{
	return t_rip_relative(r) == r + 1000;
}

static bool endbr(uint64_t r)
{
	return t_endbr(r) == r + 3;
}

static bool tail_call(uint64_t r)
{
	return t_tail_call(r) == r + 4;
}

static bool push_rsp(uint64_t r)
{
	return t_push_rsp(r) == r;
}

static bool enter_leave(uint64_t r)
{
	return t_enter_leave(r) == r;
}

static bool ret_imm(uint64_t r)
{
	return call_ret_imm(r) == r;
}

static bool rep_movs(uint64_t r)
{
	char from[16], to[16] = { 0 };

	memcpy(from, &r, 8);
	memcpy(from + 8, &r, 8);
	return t_rep_movs(to, from, sizeof(to)) == to &&
	       memcmp(from, to, sizeof(to)) == 0;
}

static bool jump_table(uint64_t r)
{
	return t_jump_table((uint32_t)r) == 100 + (r & 3);
}

static bool cmpxchg16b(uint64_t r)
{
	uint64_t pair[2] __attribute__((aligned(16))) = { r, ~r };

	return t_cmpxchg16b(pair, 5, r) == 1 && pair[0] == 5 && pair[1] == r;
}

static bool carry_chain(uint64_t r)
{
	return t_carry_chain(~0ull, r, 1, 2) == r + 3;
}

static bool registers(uint64_t r)
{
	control_expect("registers", check_registers(r), 0);
	return true;
}

static bool flags(uint64_t r)
{
	uint64_t set, clear;

	(void)r;
#define FLAGS_AFTER(insn)                                        \
	"lea -128(%%rsp), %%rsp\n\t" insn "\n\tcall t_flags\n\t" \
	"lea 128(%%rsp), %%rsp"
	__asm__ volatile(FLAGS_AFTER("stc") : "=a"(set) : : "cc", "memory");
	__asm__ volatile(FLAGS_AFTER("clc") : "=a"(clear) : : "cc", "memory");
	return (set & 1) == 1 && (clear & 1) == 0;
}

#define YMM_BYTES 32
#define ZMM_BYTES 64

/* All of ymm0..15 live across a call; t_ymm adds doubles of ymm1 to ymm0. */
__attribute__((target("avx2"))) static bool ymm(uint64_t r)
{
	double in[16][4], out[16][4];
	int i, j;

	if (!__builtin_cpu_supports("avx2"))
		return true;
	for (i = 0; i < 16; i++)
		for (j = 0; j < 4; j++)
			in[i][j] = (double)((r >> j) & 0xffff) + i;
/* clang-format off */
#define LOAD(n)	 "vmovupd " #n "*32(%0), %%ymm" #n "\n\t"
#define STORE(n) "vmovupd %%ymm" #n ", " #n "*32(%1)\n\t"
#define ALL(X)                                                                 \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)    \
	X(13) X(14) X(15)
	__asm__ volatile("sub $128, %%rsp\n\t" ALL(LOAD) "call t_ymm\n\t"
			 ALL(STORE) "add $128, %%rsp\n\tvzeroupper"
			 : : "r"(in), "r"(out)
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3",
			   "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	/* clang-format on */
	for (j = 0; j < 4; j++)
		in[0][j] += in[1][j];
	return memcmp(in, out, sizeof(in)) == 0;
}

/* The upper halves of zmm16..31 and a mask, where the machine has them. */
__attribute__((target("avx512f"))) static bool zmm(uint64_t r)
{
	uint64_t in[8], one[8], out[8], high[8];
	uint32_t k = (uint32_t)r & 0xff, k_out;
	int j;
	bool right = true;

	if (!__builtin_cpu_supports("avx512f"))
		return true;
	for (j = 0; j < 8; j++) {
		in[j] = r + (uint64_t)j;
		one[j] = 1;
	}
	/* clang-format off */
	__asm__ volatile("sub $128, %%rsp\n\t"
			 "vmovdqu64 (%1), %%zmm0\n\t"
			 "vmovdqu64 (%2), %%zmm1\n\t"
			 "vmovdqu64 (%1), %%zmm31\n\t"
			 "kmovw %5, %%k1\n\t"
			 "call t_zmm\n\t"
			 "vmovdqu64 %%zmm0, (%3)\n\t"
			 "vmovdqu64 %%zmm31, (%4)\n\t"
			 "kmovw %%k1, %0\n\t"
			 "vzeroupper\n\t"
			 "add $128, %%rsp"
			 : "=&r"(k_out)
			 : "r"(in), "r"(one), "r"(out), "r"(high), "r"(k)
			 : "memory", "cc", "xmm0", "xmm1", "xmm31", "k1");
	/* clang-format on */
	for (j = 0; j < 8; j++)
		right &= out[j] == in[j] + ((k >> j) & 1) && high[j] == in[j];
	return right && k_out == k;
}

static bool toggle(uint64_t r)
{
	uint64_t b = r * 3;
	int i;

	for (i = 0; i < 64; i++) {
		if (t_toggle(r, b) != ((r + b + 3) ^ r))
			return false;
	}
	return true;
}

static bool throw(uint64_t r)
{
	return torture_throw((int)(r & 0xffff));
}

/* Leaves without returning. */
PROBED void t_longjmp(jmp_buf *to, int n);
PROBED void t_longjmp(jmp_buf *to, int n)
{
	if (control_opaque((uint64_t)n))
		longjmp(*to, n);
}

static bool longjmp_out(uint64_t r)
{
	int want = (int)(r & 0xff) + 1;
	jmp_buf here;
	int got = setjmp(here);

	if (!got) {
		t_longjmp(&here, want);
		return false;
	}
	return got == want;
}

PROBED void t_thread_exit(void *value);
PROBED void t_thread_exit(void *value)
{
	if (control_opaque((uint64_t)value))
		pthread_exit(value);
}

static void *exiting(void *value)
{
	t_thread_exit(value);
	return NULL;
}

static bool thread_exit(uint64_t r)
{
	void *got = NULL, *want = (void *)(r | 1);
	pthread_t t;

	if (r % 64)
		return true;
	if (pthread_create(&t, NULL, exiting, want) || pthread_join(t, &got))
		return false;
	return got == want;
}

/* Changes stacks in the middle. */
static __thread ucontext_t outside, inside;
static __thread uint64_t coroutine_sum;

PROBED uint64_t t_coroutine(uint64_t n);
PROBED uint64_t t_coroutine(uint64_t n)
{
	coroutine_sum += n;
	swapcontext(&inside, &outside);
	coroutine_sum += n;
	return n;
}

static void coroutine(void)
{
	coroutine_sum += t_coroutine(1000);
}

static bool swap_contexts(uint64_t r)
{
	char stack[16384];

	if (r % 16)
		return true;
	coroutine_sum = 0;
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof(stack);
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	if (coroutine_sum != 1000)
		return false;
	swapcontext(&outside, &inside);
	return coroutine_sum == 3000;
}

/* Looks at its callers. */
static _Unwind_Reason_Code count_frame(struct _Unwind_Context *c, void *depth)
{
	(void)c;
	++*(int *)depth;
	return _URC_NO_REASON;
}

PROBED int t_unwound_through(int levels);
static __typeof__(t_unwound_through) *volatile const call_unwound =
	t_unwound_through;

PROBED int t_unwound_through(int levels)
{
	int depth = 0;

	if (levels)
		return call_unwound(levels - 1) + (int)control_opaque(0);
	_Unwind_Backtrace(count_frame, &depth);
	return depth;
}

static bool unwinding(uint64_t r)
{
	if (r % 16)
		return true;
	return call_unwound(5) == call_unwound(2) + 3;
}

/* Runs in a signal handler. */
static __thread volatile uint64_t handled;

PROBED uint64_t t_in_handler(uint64_t a);
PROBED uint64_t t_in_handler(uint64_t a)
{
	return a * 5 + 1;
}

static void on_usr1(int sig)
{
	handled = t_in_handler((uint64_t)sig);
}

static bool in_handler(uint64_t r)
{
	if (r % 16)
		return true;
	handled = 0;
	raise(SIGUSR1);
	return handled == SIGUSR1 * 5 + 1;
}

static bool allocator(uint64_t r)
{
	unsigned char *p = malloc(64 + (r & 0xfff));
	bool right;

	if (!p)
		return false;
	memset(p, (int)(r & 0xff), 64);
	right = p[63] == (r & 0xff);
	free(p);
	return right;
}

/* Fed by feed_reader() with a byte that counts up. */
static int pipe_fd[2];
static unsigned char expected_byte;

static bool blocked_read(uint64_t r)
{
	unsigned char c = 0;

	(void)r;
	return t_read(pipe_fd[0], &c, 1) == 1 && c == expected_byte++;
}

/* clang-format off */
#define CASES(X)                                                               \
	X(target_in_window) X(one_byte) X(three_bytes) X(red_zone) X(jrcxz)    \
	X(loop) X(jcc) X(jmp_first) X(call_first) X(call_short)                \
	X(rip_relative) X(endbr) X(tail_call) X(push_rsp) X(enter_leave)       \
	X(ret_imm) X(rep_movs) X(jump_table) X(cmpxchg16b) X(carry_chain)      \
	X(registers) X(flags) X(ymm) X(zmm) X(toggle) X(throw) X(longjmp_out)  \
	X(thread_exit) X(swap_contexts) X(unwinding) X(in_handler)             \
	X(allocator) X(blocked_read)
/* clang-format on */

#define ENTRY(name) { #name, name },
static const struct torture_case {
	const char *name;
	bool (*run)(uint64_t r);
} cases[] = { CASES(ENTRY) };

#define NR_CASES     (sizeof(cases) / sizeof(cases[0]))
#define BLOCKED_READ (NR_CASES - 1)

static const char *counters[NR_CASES + 1];
static bool chosen[NR_CASES];

static void run_case(struct worker *w, unsigned int i, uint64_t r)
{
	w->counts[i]++;
	if (!cases[i].run(r))
		control_wrong(cases[i].name, false, true);
}

static void round_of_cases(struct worker *w)
{
	uint64_t r = control_random(&w->random);
	unsigned int i;

	if (w->index == 0 && chosen[BLOCKED_READ]) {
		run_case(w, BLOCKED_READ, r);
		return;
	}
	for (i = 0; i < BLOCKED_READ; i++) {
		if (chosen[i])
			run_case(w, i, r);
	}
}

static void *feed_reader(void *arg)
{
	unsigned char c = 0;

	(void)arg;
	for (;; c++) {
		if (write(pipe_fd[1], &c, 1) != 1)
			return NULL;
		usleep(FEED_US);
	}
}

/* The cases named on the command line; all if none is. */
static void choose(char **names)
{
	unsigned int i;
	char **n;

	for (i = 0; i < NR_CASES; i++) {
		counters[i] = cases[i].name;
		chosen[i] = !*names;
		for (n = names; *n; n++)
			chosen[i] |= strcmp(*n, cases[i].name) == 0;
	}
}

int main(int argc, char **argv)
{
	struct sigaction usr1 = { .sa_handler = on_usr1 };
	static const struct program p = {
		.counters = counters,
		.round = round_of_cases,
		.threads = 4,
	};
	pthread_t feeder;
	int i;

	/* Names are the arguments that follow the options. */
	for (i = argc; i > 1 && argv[i - 1][0] >= 'a'; i--)
		;
	choose(argv + i);
	sigaction(SIGUSR1, &usr1, NULL);
	if (pipe(pipe_fd) || pthread_create(&feeder, NULL, feed_reader, NULL)) {
		perror("torture");
		return 3;
	}
	return control_run(argc, argv, &p);
}
