/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 -lpthread */
/* limit: 120 */
/*
 * returns.c - calls that are followed and end otherwise than by their return
 *
 * longjmp out of deep recursion, more calls than instances, coroutines whose
 * stacks lie side by side, and coroutines that go on in another thread: the
 * program's results are right, and the pool of instances is not used up.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_isa.h"
#include "tl_test.h"

#define HANDLER	   __attribute__((target("general-regs-only"))) static
#define NOINLINE   __attribute__((noinline, noclone)) static
#define COROUTINES 8
#define STACK	   65536

static unsigned long returned;
static volatile long sink;

HANDLER int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	__atomic_fetch_add(&returned, 1, __ATOMIC_RELAXED);
	return 0;
}

static void follow(struct kretprobe *rp, void *fn)
{
	*rp = (struct kretprobe){ .handler = on_return };
	rp->kp.addr = fn;
	returned = 0;
	CHECK_EQ(register_kretprobe(rp), 0);
}

/* ---- longjmp ------------------------------------------------------------------ */

static jmp_buf env;

NOINLINE long leave_from(int depth)
{
	if (!depth && sink >= 0) /* it always is */
		longjmp(env, 1);
	if (!depth)
		return 0;
	sink += leave_from(depth - 1);
	return depth;
}

NOINLINE long add_one(long a)
{
	sink = a;
	return a + 1;
}

TL_TEST(calls_left_by_longjmp_are_not_told_and_use_up_nothing)
{
	unsigned int want = 30000 * tl_test_scale / EMULATED;
	volatile long entries = 0;
	struct kretprobe left, kept;

	follow(&left, (void *)leave_from);
	follow(&kept, (void *)add_one);
	for (volatile unsigned int i = 0; i < want; i++) {
		if (!setjmp(env)) {
			entries += i % 50 + 1;
			leave_from(i % 50);
		}
		CHECK_EQ(add_one(i), i + 1);
	}
	CHECK_EQ(returned, want);
	tl_test_note("calls that longjmp left", entries);
	/*
	 * Once each; but for the last of each place on the stack, or, where the
	 * address was in a register, for those whose instances nobody needs yet.
	 */
	CHECK(left.nmissed <= entries);
	CHECK(!EXITS_ARE_PREFERRED || left.nmissed + 50 >= entries);
	CHECK_EQ(kept.nmissed, 0);
	unregister_kretprobe(&left);
	unregister_kretprobe(&kept);
}

/* ---- recursion that is deeper than the pool ----------------------------------- */

NOINLINE long descend(long depth)
{
	long below = depth ? descend(depth - 1) : 0;

	sink = below;
	return below + 1;
}

static double seconds(void)
{
	struct timespec t;

	/* The thread's own: others may be busy. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

TL_TEST(recursion_deeper_than_the_pool_adds_up_and_costs_little)
{
	long rounds = 1 + 19 * (long)tl_test_scale / (long)EMULATED,
	     depth = 40000;
	struct kretprobe rp;
	double begin;

	rp = (struct kretprobe){ .handler = on_return, .maxactive = 4096 };
	rp.kp.addr = (void *)descend;
	returned = 0;
	REQUIRE(!register_kretprobe(&rp));
	begin = seconds();
	for (long i = 0; i < rounds; i++)
		CHECK_EQ(descend(depth), depth + 1);
	/* 1 to 3 us for each; with a search for each it was 20 to 500. */
	CHECK(seconds() - begin < 10e-6 * EMULATED * (double)(rounds * depth));
	CHECK_EQ(returned, 4096 * rounds);
	CHECK_EQ((long)returned + rp.nmissed, rounds * (depth + 1));
	tl_test_note("calls of a deep recursion", rounds * (depth + 1));
	unregister_kretprobe(&rp);
}

/* ---- coroutines ------------------------------------------------------------------ */

static ucontext_t back, coroutine[COROUTINES];
static unsigned long wrong;

NOINLINE long go_away_in_the_middle(int i)
{
	swapcontext(&coroutine[i], &back);
	sink = i;
	return i * 2;
}

static void run_coroutine(int i)
{
	for (;;)
		wrong += go_away_in_the_middle(i) != i * 2;
}

static char *start_coroutines(void)
{
	char *stacks = malloc((size_t)COROUTINES * STACK);

	wrong = 0;
	for (int i = 0; i < COROUTINES && stacks; i++) {
		getcontext(&coroutine[i]);
		coroutine[i].uc_stack.ss_sp = stacks + (size_t)i * STACK;
		coroutine[i].uc_stack.ss_size = STACK;
		makecontext(&coroutine[i], (void (*)(void))run_coroutine, 1, i);
	}
	return stacks;
}

TL_TEST(coroutines_side_by_side_all_return)
{
	unsigned int rounds = 1000 * tl_test_scale / EMULATED;
	struct kretprobe rp;
	char *stacks = start_coroutines();

	REQUIRE(stacks);
	follow(&rp, (void *)go_away_in_the_middle);
	for (unsigned int k = 0; k < rounds; k++)
		for (unsigned int i = 0; i < COROUTINES; i++)
			swapcontext(&back,
				    &coroutine[(i * 5 + k) % COROUTINES]);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(rp.nmissed, 0);
	CHECK_EQ(returned, (rounds - 1) * COROUTINES);
	tl_test_note("returns of coroutines", returned);
	unregister_kretprobe(&rp);
	/* They are all inside of a call that is followed no more. */
	for (unsigned int i = 0; i < COROUTINES; i++)
		swapcontext(&back, &coroutine[i]);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(returned, (rounds - 1) * COROUTINES);
	free(stacks);
}

static void *go_on_elsewhere(void *arg)
{
	swapcontext(&back, arg);
	return NULL;
}

TL_TEST(coroutine_that_goes_on_in_another_thread_gets_home)
{
	struct kretprobe rp;
	char *stacks = start_coroutines();

	REQUIRE(stacks);
	follow(&rp, (void *)go_away_in_the_middle);
	for (unsigned int i = 0; i < COROUTINES; i++)
		swapcontext(&back, &coroutine[i]);
	for (unsigned int i = 0; i < COROUTINES; i++) {
		pthread_t t;

		REQUIRE(!pthread_create(&t, NULL, go_on_elsewhere,
					&coroutine[i]));
		pthread_join(t, NULL);
	}
	CHECK_EQ(wrong, 0);
	/* Their handlers were not called, and that is known. */
	CHECK_EQ(returned + (unsigned long)rp.nmissed, COROUTINES);
	unregister_kretprobe(&rp);
	free(stacks);
}
