/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S -lpthread */
/* limit: 120 */
/*
 * escapes.c - handlers that are interrupted, left, or die with their thread
 *
 * A hit in a signal handler that has interrupted a probe handler is a miss.  A
 * handler that is left by longjmp or by the end of its thread does not keep its
 * context locked: the next hit calls handlers, and unregistration returns.
 * Threads that have one thread pointer have contexts of their own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_emulator.h"
#include "tl_isa.h"
#include "tl_test.h"
#include "tl_ucontext.h"

static const struct place {
	const char *name;
	place_fn *fn;
} places[] = {
	{ "jump", place_jump },
	{ "breakpoint", place_break },
};

static volatile unsigned long hits, signals;

/* ---- signals in handlers -------------------------------------------------------- */

static place_fn *in_signal;
static volatile bool raised;

static void on_signal(int sig)
{
	(void)sig;
	signals += in_signal(20, 22, 0) == 42;
}

HANDLER int raise_signal(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	if (!raised) {
		raised = true;
		syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	}
	return 0;
}

static void signal_in_handler(int flags)
{
	const struct place *outer, *inner;
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags };
	struct sigaction old;

	CHECK_EQ(sigaction(SIGUSR1, &act, &old), 0);
	for_each_row(outer, places) {
		for_each_row(inner, places) {
			struct kprobe p = { .addr = (void *)outer->fn,
					    .pre_handler = raise_signal };
			struct kprobe q = { .addr = (void *)inner->fn,
					    .pre_handler = raise_signal };
			bool same = outer == inner, in_trap;

			in_signal = inner->fn;
			hits = signals = 0;
			CHECK_EQ(register_kprobe(&p), 0);
			CHECK(same || !register_kprobe(&q));
			for (int i = 0; i < 10; i++) {
				raised = false;
				CHECK_EQ(outer->fn(i, 2, 0), i + 2);
			}
			/* In a trap signals wait until it ends: no miss. */
			in_trap = outer->fn == place_break;
			CHECK_EQ(signals, 10);
			CHECK_EQ(hits, in_trap ? 20 : 10);
			CHECK_EQ(p.nmissed + q.nmissed, in_trap ? 0 : 10);
			CHECK_EQ((same ? &p : &q)->nmissed, in_trap ? 0 : 10);
			unregister_kprobe(&p);
			if (!same)
				unregister_kprobe(&q);
		}
	}
	sigaction(SIGUSR1, &old, NULL);
}

TL_TEST(a_hit_in_a_signal_that_interrupts_a_handler_is_a_counted_miss)
{
	static char stack[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	stack_t none = { .ss_flags = SS_DISABLE };

	ROW("on the same stack");
	signal_in_handler(0);
	ROW("on an alternate stack");
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	signal_in_handler(SA_ONSTACK);
	CHECK_EQ(sigaltstack(&none, NULL), 0);
}

/* ---- longjmp -------------------------------------------------------------------- */

static sigjmp_buf out;
static volatile bool leave;

HANDLER int jump_out(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	if (leave)
		siglongjmp(out, 1);
	return 0;
}

HANDLER void jump_out_post(struct kprobe *p, struct pt_regs *regs,
			   unsigned long flags)
{
	(void)flags;
	jump_out(p, regs);
}

static void leave_and_come_again(struct kprobe *p, place_fn *fn)
{
	volatile int i;

	hits = 0;
	for (i = 0; i < 100; i++) {
		leave = true;
		if (!sigsetjmp(out, 1)) {
			fn(1, 2, 0);
			CHECK(false);
		}
		leave = false;
		CHECK_EQ(fn(1, 2, 0), 3);
	}
	CHECK_EQ(hits, 200);
	CHECK_EQ(p->nmissed, 0);
	/* And unregistration does not wait for who will not come back. */
	leave = true;
	if (!sigsetjmp(out, 1))
		fn(1, 2, 0);
	leave = false;
}

static void leave_at_all_places(void)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = jump_out };
		struct kprobe q = { .addr = (void *)pl->fn,
				    .post_handler = jump_out_post };

		ROW(pl->name);
		CHECK_EQ(register_kprobe(&p), 0);
		leave_and_come_again(&p, pl->fn);
		unregister_kprobe(&p);
		CHECK_EQ(register_kprobe(&q), 0);
		leave_and_come_again(&q, pl->fn);
		unregister_kprobe(&q);
	}
}

TL_TEST(a_handler_left_by_longjmp_leaves_nothing_locked)
{
	leave_at_all_places();
}

/* What a breakpoint leads to runs there, and what it interrupts does not. */
TL_TEST(a_handler_left_from_an_alternate_stack_leaves_nothing_locked)
{
	stack_t ss = { .ss_size = 65536 }, none = { .ss_flags = SS_DISABLE };

	ss.ss_sp = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(ss.ss_sp != MAP_FAILED);
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	leave_at_all_places();
	CHECK_EQ(sigaltstack(&none, NULL), 0);
	munmap(ss.ss_sp, ss.ss_size);
}

static place_fn *thread_fn;
static volatile int step;

/* Leaves a handler, and is then asleep until it is told to end. */
static void *leave_and_sleep(void *arg)
{
	(void)arg;
	leave = true;
	if (!sigsetjmp(out, 1))
		thread_fn(1, 2, 0);
	__atomic_store_n(&step, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&step, __ATOMIC_ACQUIRE) == 1)
		usleep(10000);
	return NULL;
}

TL_TEST(unregistration_does_not_wait_for_a_sleeper_that_left_a_handler)
{
	const struct place *pl;

	if (under_emulator())
		SKIP("an emulator does not tell where other threads are");
	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = jump_out };
		pthread_t t;

		ROW(pl->name);
		step = 0;
		thread_fn = pl->fn;
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(pthread_create(&t, NULL, leave_and_sleep, NULL), 0);
		while (!__atomic_load_n(&step, __ATOMIC_ACQUIRE))
			usleep(1000);
		unregister_kprobe(&p);
		__atomic_store_n(&step, 2, __ATOMIC_RELEASE);
		pthread_join(t, NULL);
	}
}

/* ---- the end of the thread --------------------------------------------------------- */

static volatile int how;

HANDLER int end_thread(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	if (how == 1)
		pthread_exit(NULL);
	if (how == 2)
		syscall(SYS_exit, 0);
	return 0;
}

/* Deep, so that the next thread with this stack has hits above and below. */
static long __attribute__((noinline)) dive(int depth)
{
	volatile char room[512];

	room[0] = depth;
	return depth ? dive(depth - 1) + room[0] : thread_fn(1, 2, 0);
}

static void *hit_deep(void *depth)
{
	dive((int)(long)depth);
	return NULL;
}

static void in_thread(int h, int depth)
{
	pthread_t t;

	how = h;
	CHECK_EQ(pthread_create(&t, NULL, hit_deep, (void *)(long)depth), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

TL_TEST(a_thread_that_ends_in_a_handler_leaves_nothing_locked)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = end_thread };

		ROW(pl->name);
		thread_fn = pl->fn;
		hits = 0;
		CHECK_EQ(register_kprobe(&p), 0);
		for (int h = 1; h <= 2; h++)
			for (int depth = 0; depth < 8; depth += 7) {
				/* The stack, and the context, are used again. */
				in_thread(h, 3);
				in_thread(0, depth);
			}
		CHECK_EQ(hits, 8);
		CHECK_EQ(p.nmissed, 0);
		in_thread(2, 3);
		unregister_kprobe(&p);
	}
}

/* ---- one thread pointer, several threads -------------------------------------------- */

#define CLONES 4
#define ROUNDS 20000
#define STACK  65536

static char stacks[CLONES][STACK] __attribute__((aligned(4096)));
static volatile int go;
static volatile long nested_wrong;

/*
 * The handler takes its time, and sees who else is in one: a context that two
 * share would have it missed, or let go of while it runs.
 */
HANDLER int slowly(struct kprobe *p, struct pt_regs *regs)
{
	(void)regs;
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	for (volatile int i = 0; i < 20; i++)
		;
	if (kprobe_running() != p)
		__atomic_fetch_add(&nested_wrong, 1, __ATOMIC_RELAXED);
	return 0;
}

static int run_clone(void *arg)
{
	long rounds = (long)arg;

	/* No libc: the thread pointer is the parent's. */
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		relax();
	for (long i = 0; i < rounds; i++)
		thread_fn(i, 2, 0);
	return 0;
}

TL_TEST(clones_that_share_a_thread_pointer_are_told_apart)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			  CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	const struct place *pl;

	for_each_row(pl, places) {
		static volatile pid_t alive[CLONES];
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = slowly };
		long rounds = ROUNDS * (long)tl_test_scale;

		ROW(pl->name);
		thread_fn = pl->fn;
		hits = nested_wrong = go = 0;
		CHECK_EQ(register_kprobe(&p), 0);
		for (int i = 0; i < CLONES; i++) {
			alive[i] = 1;
			CHECK(clone(run_clone, stacks[i] + STACK, flags,
				    (void *)rounds, NULL, NULL,
				    (void *)&alive[i]) > 0);
		}
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		for (long i = 0; i < rounds; i++)
			pl->fn(i, 2, 0);
		for (int i = 0; i < CLONES; i++)
			while (__atomic_load_n(&alive[i], __ATOMIC_ACQUIRE))
				usleep(1000);
		CHECK_EQ(hits, rounds * (CLONES + 1));
		tl_test_note("hits of clones", hits);
		CHECK_EQ(p.nmissed, 0);
		CHECK_EQ(nested_wrong, 0);
		unregister_kprobe(&p);
	}
}

/* ---- fork and vfork ------------------------------------------------------------------- */

static volatile int forked_status;

HANDLER int fork_here(struct kprobe *p, struct pt_regs *regs)
{
	pid_t pid;

	(void)regs;
	hits++;
	pid = fork();
	if (!pid) {
		/* Still the handler: a miss. */
		unsigned long missed = p->nmissed;
		long sum = thread_fn(20, 22, 0);

		_exit(sum == 42 && p->nmissed == missed + 1 ? 0 : 1);
	}
	waitpid(pid, (int *)&forked_status, 0);
	return 0;
}

TL_TEST(a_handler_that_forks_is_one_in_the_child_too)
{
	struct kprobe p = { .addr = (void *)place_jump,
			    .pre_handler = fork_here };

	thread_fn = place_jump;
	hits = 0;
	forked_status = -1;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(forked_status, 0);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
}

static volatile int thread_is_in;

HANDLER int stay_in_thread(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	hits++;
	if (regs->REG_ARG2 != 77)
		return 0;
	thread_is_in = 1;
	while (thread_is_in)
		usleep(1000);
	return 0;
}

static void *stay(void *arg)
{
	place_jump(1, 2, 77);
	return arg;
}

/* The handler that another thread was in at the fork() does not exist there. */
TL_TEST(a_child_does_not_wait_for_handlers_of_threads_that_it_has_not)
{
	struct kprobe p = { .addr = (void *)place_jump,
			    .pre_handler = stay_in_thread };
	int status = -1;
	pthread_t t;
	pid_t pid;

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(pthread_create(&t, NULL, stay, NULL), 0);
	while (!thread_is_in)
		usleep(1000);
	pid = fork();
	if (!pid) {
		alarm(30);
		place_jump(1, 2, 0);
		unregister_kprobe(&p);
		_exit(place_jump(1, 2, 0) == 3 && hits == 2 ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	thread_is_in = 0;
	pthread_join(t, NULL);
	unregister_kprobe(&p);
}

TL_TEST(a_vfork_child_s_hits_are_its_parent_s)
{
	struct kprobe p = { .addr = (void *)place_jump,
			    .pre_handler = stay_in_thread };
	int status = -1;
	pid_t pid;

	if (under_emulator())
		SKIP("an emulator has fork() for vfork()");
	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	for (int i = 0; i < 10; i++) {
		pid = vfork();
		if (!pid) {
			place_jump(1, 2, 0);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		place_jump(1, 2, 0);
	}
	CHECK_EQ(hits, 20);
	CHECK_EQ(p.nmissed, 0);
	unregister_kprobe(&p);
}

/* ---- faults in handlers ------------------------------------------------------------- */

static char *page;
static place_fn *in_fault;

HANDLER int read_page(struct kprobe *p, struct pt_regs *regs)
{
	(void)regs;
	hits += 1 + *(volatile char *)page;
	CHECK(kprobe_running() == p);
	return 0;
}

/* Gives the page back, and hits a probe itself. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_addr != page)
		_exit(9);
	mprotect(page, 4096, PROT_READ);
	signals += in_fault(20, 22, 0) == 42;
}

static void leave_fault(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

static void __attribute__((noinline)) leave_by_fault(place_fn *fn)
{
	if (!sigsetjmp(out, 1)) {
		fn(1, 2, 0);
		CHECK(false);
	}
}

TL_TEST(a_fault_in_a_handler_is_the_program_s_to_handle)
{
	struct sigaction act = { .sa_sigaction = on_fault,
				 .sa_flags = SA_SIGINFO };
	struct sigaction leaves = { .sa_handler = leave_fault }, old;
	const struct place *pl;

	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for_each_row(pl, places) {
		struct kprobe p = { .addr = (void *)pl->fn,
				    .pre_handler = read_page };

		ROW(pl->name);
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(sigaction(SIGSEGV, &act, &old), 0);
		in_fault = pl->fn;
		hits = signals = 0;
		for (int i = 0; i < 10; i++) {
			mprotect(page, 4096, PROT_NONE);
			CHECK_EQ(pl->fn(i, 2, 0), i + 2);
		}
		CHECK_EQ(hits, 10);
		CHECK_EQ(signals, 10);
		/* What the signal handler hit; the fault itself is no miss. */
		CHECK_EQ(p.nmissed, 10);

		/* Left for good: the next hit is one again. */
		sigaction(SIGSEGV, &leaves, NULL);
		mprotect(page, 4096, PROT_NONE);
		leave_by_fault(pl->fn);
		mprotect(page, 4096, PROT_READ);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(hits, 11);
		sigaction(SIGSEGV, &old, NULL);
		unregister_kprobe(&p);
	}
	munmap(page, 4096);
}
