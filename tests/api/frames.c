/* SPDX-License-Identifier: MIT */
/* link: lib on-arm64 -lpthread */
/*
 * frames.c - what a program's signal handlers see of arm64's copies: nothing; and
 * how its text is changed
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>
#include <unwind.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#include "tl_emulator.h"
#include "tl_test.h"
#include "tl_ucontext.h"

typedef long fn(const void *a, long b);

/* clang-format off */
__asm__("	.text\n"
	"	.globl load, load_pad, load_pad_at, wait_here, wait_at\n"
	"	.p2align 4\n"
	"	.type load, %function\n"
	"load:	ldr	x0, [x0]\n"		/* faults */
	"	add	x0, x0, x1\n"
	"	ret\n"
	"	.size load, . - load\n"
	"	.p2align 4\n"
	"	.type load_pad, %function\n"
	"load_pad:\n"
	"	bti	c\n"
	"load_pad_at:\n"
	"	ldr	x0, [x0]\n"
	"	add	x0, x0, x1\n"
	"	ret\n"
	"	.size load_pad, . - load_pad\n"
	"	.p2align 4\n"
	"	.type wait_here, %function\n"
	"wait_here:\n"
	"	mov	x8, #101\n"		/* nanosleep */
	"wait_at:\n"
	"	svc	#0\n"
	"	ret\n"
	"	.size wait_here, . - wait_here\n");
/* clang-format on */

extern fn load, load_pad, wait_here;
extern const char load_pad_at[], wait_at[];

static const struct place {
	const char *name;
	fn *fn;
	const void *probe, *faults;
} places[] = {
	{ "first", load, load, load },
	{ "behind a landing pad", load_pad, load_pad, load_pad_at },
	{ "second", load_pad, load_pad_at, load_pad_at },
};

static unsigned long hits;

static int hit(struct kprobe *kp, struct pt_regs *regs)
{
	(void)kp;
	(void)regs;
	hits++;
	return 0;
}

static void hit_after(struct kprobe *kp, struct pt_regs *regs,
		      unsigned long flags)
{
	(void)kp;
	(void)regs;
	(void)flags;
}

/* ---- faults -------------------------------------------------------------------------- */

static struct seen {
	int sig, code;
	void *addr;
	unsigned long regs[31], sp, pc, pstate, fault;
} seen;

static const long good = 100;

static void note(int sig, const siginfo_t *info, const ucontext_t *uc)
{
	memset(&seen, 0, sizeof(seen));
	seen.sig = sig;
	seen.code = info->si_code;
	seen.addr = info->si_addr;
	memcpy(seen.regs, uc->uc_mcontext.regs, sizeof(seen.regs));
	seen.sp = uc->uc_mcontext.sp;
	seen.pc = uc->uc_mcontext.pc;
	seen.pstate = uc->uc_mcontext.pstate & ~0xc00ul; /* BTYPE */
	seen.fault = uc->uc_mcontext.fault_address;
}

/* Give the instruction what it wants, and let it be executed. */
static void mend(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	note(sig, info, uc);
	UC_ARG0(uc) = (uintptr_t)&good;
}

/* Go on behind it. */
static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	note(sig, info, uc);
	UC_IP(uc) += 4;
	UC_RESULT(uc) = 1000;
}

static void on_fault(void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = { .sa_sigaction = handler,
				 .sa_flags = SA_SIGINFO | flags };

	CHECK(!sigaction(SIGSEGV, &act, NULL));
}

/* One place in the text, so that the return address is the same. */
static __attribute__((noinline)) long call(fn *f)
{
	register long x0 __asm__("x0") = 0;
	register long x1 __asm__("x1") = 5;
	register fn *x18 __asm__("x18") = f;

	__asm__ volatile(
		".irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
		"15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28\n\t"
		"mov x\\n, #\\n\n\t"
		".endr\n\t"
		"cmp x1, #5\n\t"
		"blr x18"
		: "+r"(x0), "+r"(x1), "+r"(x18)
		:
		: "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
		  "x12", "x13", "x14", "x15", "x16", "x17", "x19", "x20", "x21",
		  "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "cc",
		  "memory");
	return x0 + 1;
}

static void check_place(const struct place *place, long want)
{
	struct seen native;

	CHECK_EQ(call(place->fn), want);
	native = seen;
	CHECK_EQ(native.pc, place->faults);
	for (int post = 0; post < 2; post++) {
		struct kprobe kp = { .addr = (void *)(uintptr_t)place->probe,
				     .pre_handler = hit,
				     .post_handler = post ? hit_after : NULL };

		hits = 0;
		REQUIRE(!register_kprobe(&kp));
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(call(place->fn), want);
			CHECK_MEM(&seen, &native, sizeof(seen));
		}
		CHECK_EQ(hits, 3);
		CHECK_EQ(kp.nmissed, 0);
		unregister_kprobe(&kp);
	}
}

static void check_places(void (*handler)(int, siginfo_t *, void *), long want)
{
	static char other[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };
	stack_t none = { .ss_flags = SS_DISABLE };
	const struct place *place;

	for (int alternate = 0; alternate < 2; alternate++) {
		if (alternate)
			CHECK(!sigaltstack(&ss, NULL));
		on_fault(handler, alternate ? SA_ONSTACK : 0);
		for (int stepped = 0; stepped < 2; stepped++) {
			if (stepped)
				unoptimize_all_kprobes();
			for_each_row(place, places) {
				ROW(place->name);
				check_place(place, want);
			}
			optimize_all_kprobes();
		}
	}
	CHECK(!sigaltstack(&none, NULL));
}

TL_TEST(a_fault_in_a_copy_looks_as_natively_and_is_mended)
{
	check_places(mend, 106);
}

TL_TEST(a_handler_that_skips_the_instruction_goes_on_behind_it)
{
	check_places(skip, 1006);
}

/* ---- callers -------------------------------------------------------------------------- */

#define FRAMES 32

static struct trace {
	unsigned long ip[FRAMES];
	size_t n;
} trace;

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *c, void *arg)
{
	unsigned long ip = _Unwind_GetIP(c);

	(void)arg;
	/* From the interrupted code on. */
	if (trace.n < FRAMES && (trace.n || ip == seen.pc))
		trace.ip[trace.n++] = ip;
	return _URC_NO_REASON;
}

static void trace_here(int sig, siginfo_t *info, void *context)
{
	mend(sig, info, context);
	trace.n = 0;
	_Unwind_Backtrace(note_frame, NULL);
}

/* It has unwind tables. */
static __attribute__((noinline)) long c_load(const volatile long *p)
{
	return *p + 1;
}

static __attribute__((noinline)) struct trace trace_call(void)
{
	trace.n = 0;
	CHECK_EQ(c_load(NULL), 101);
	return trace;
}

TL_TEST(a_backtrace_from_the_handler_goes_through_the_instruction)
{
	struct kprobe kp = { .addr = (void *)c_load, .pre_handler = hit };
	struct trace t[2];

	on_fault(trace_here, 0);
	for (volatile int k = 0; k < 2; k++) {
		if (k)
			REQUIRE(!register_kprobe(&kp));
		t[k] = trace_call();
	}
	unregister_kprobe(&kp);
	CHECK(t[0].n > 3);
	CHECK_EQ(t[1].n, t[0].n);
	CHECK_MEM(t[1].ip, t[0].ip, t[0].n * sizeof(long));
}

/* ---- signals that are sent --------------------------------------------------------------- */

static void interrupt(int sig, siginfo_t *info, void *context)
{
	note(sig, info, context);
}

/* On a busy machine the signal may come before the sleep: then it comes later. */
static long interrupt_sleep(void)
{
	long ret = 0;

	for (int i = 0; i < 5 && !ret; i++) {
		struct itimerval once = { { 0, 0 }, { 0, 20000L << i } };
		struct timespec t = { 1, 0 };

		memset(&seen, 0, sizeof(seen));
		setitimer(ITIMER_REAL, &once, NULL);
		ret = wait_here(&t, 0);
	}
	return ret;
}

TL_TEST(a_signal_during_a_system_call_in_a_copy_sees_what_is_behind_it)
{
	struct sigaction act = { .sa_sigaction = interrupt,
				 .sa_flags = SA_SIGINFO };

	CHECK(!sigaction(SIGALRM, &act, NULL));
	for (int i = 0; i < 3; i++) {
		struct kprobe kp = { .addr = (void *)wait_here,
				     .pre_handler = hit };

		if (i)
			kp.addr = (void *)(uintptr_t)wait_at;
		if (i == 2)
			unoptimize_all_kprobes();
		REQUIRE(!register_kprobe(&kp));
		CHECK_EQ(interrupt_sleep(), -EINTR);
		CHECK_EQ(seen.sig, SIGALRM);
		CHECK_EQ(seen.pc, wait_at + 4);
		CHECK_EQ(seen.regs[0], -EINTR);
		unregister_kprobe(&kp);
		optimize_all_kprobes();
	}
}

/* ---- how text is changed ---------------------------------------------------------------- */

/* clang-format off */
__asm__("	.text\n"
	"	.globl in_page, nop_in_page\n"
	"	.p2align 12\n"
	"	.type in_page, %function\n"
	"in_page:\n"
	"	add	x0, x0, x1\n"
	"	ret\n"
	"	.size in_page, . - in_page\n"
	"	.p2align 12\n"
	"	.type nop_in_page, %function\n"
	"nop_in_page:\n"
	"	nop\n"
	"	add	x0, x0, x1\n"
	"	ret\n"
	"	.size nop_in_page, . - nop_in_page\n"
	"	.p2align 12\n");
/* clang-format on */

extern fn in_page, nop_in_page;

/* Is the page of @f a mapping of its own, which a page that was written to is not? */
static bool is_apart(fn *f)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];
	bool is = false;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    start <= (uintptr_t)f && (uintptr_t)f < end)
			is = end - start == 4096;
	if (maps)
		fclose(maps);
	return is;
}

static bool comes_apart(fn *f)
{
	struct kprobe kp = { .addr = (void *)f, .pre_handler = hit };
	bool is;

	hits = 0;
	CHECK(!register_kprobe(&kp));
	CHECK_EQ(f((void *)1, 2), 3);
	CHECK_EQ(hits, 1);
	is = is_apart(f);
	unregister_kprobe(&kp);
	CHECK_EQ(f((void *)1, 2), 3);
	return is;
}

static volatile bool leave;

static void *wait_a_while(void *arg)
{
	while (!leave)
		usleep(1000);
	return arg;
}

TL_TEST(with_threads_a_word_that_may_not_be_exchanged_comes_in_another_page)
{
	pthread_t t;

	if (under_emulator())
		SKIP("an emulator sees no other writes");
	REQUIRE(!trapline_init());
	CHECK(!is_apart(in_page) && !is_apart(nop_in_page));
	CHECK(!comes_apart(in_page));
	leave = false;
	REQUIRE(!pthread_create(&t, NULL, wait_a_while, NULL));
	CHECK(!comes_apart(nop_in_page));
	CHECK(comes_apart(in_page));
	leave = true;
	pthread_join(t, NULL);
}

/* ---- actions --------------------------------------------------------------------------------- */

TL_TEST(sigaction_says_what_the_program_has_set)
{
	struct sigaction act = { .sa_sigaction = interrupt,
				 .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction old, now;

	REQUIRE(!trapline_init());
	for (int sig = SIGUSR1; sig <= SIGUSR2; sig++) {
		sigaddset(&act.sa_mask, SIGUSR2);
		CHECK(!sigaction(sig, &act, &old));
		CHECK(!sigaction(sig, NULL, &now));
		CHECK_EQ(now.sa_sigaction, act.sa_sigaction);
		CHECK_EQ(now.sa_flags, act.sa_flags);
		CHECK_EQ(sigismember(&now.sa_mask, SIGUSR2), 1);
		CHECK_EQ(sigismember(&now.sa_mask, SIGTRAP), 0);
		CHECK(!sigaction(sig, &old, NULL));
	}
}
