/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 -lpthread */
/* limit: 180 */
/*
 * leaving.c - the ways out of a function that are no return, and odd returns
 *
 * Each is gone bare and then followed, by the function's exits and by its
 * replaced return address (a function with a tail call, which it seldom makes):
 * results are the same, and every call that was entered is told of or missed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_isa.h"
#include "tl_test.h"

#define HANDLER	 __attribute__((target("general-regs-only"))) static
#define NOINLINE __attribute__((noinline, noclone)) static
#define STACK	 65536

static volatile long sink;
static const char *const ways[2] = { "exits", "return address" };

NOINLINE long other(long a)
{
	sink = a;
	return a + 1;
}

/* @name_0(a) and @name_1(a), of which the second goes on in other() if a < 0. */
#define BOTH_WAYS(name, body)            \
	NOINLINE long name##_0(long a)   \
	{                                \
		body;                    \
		sink = a;                \
		return a + 1;            \
	}                                \
	NOINLINE long name##_1(long a)   \
	{                                \
		body;                    \
		sink = a;                \
		if (a < 0)               \
			return other(a); \
		return a + 1;            \
	}                                \
	static long (*const name[2])(long a) = { name##_0, name##_1 }

/* ---- following ----------------------------------------------------------------------- */

static struct kretprobe rp;
static long entered, told, value;

HANDLER int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	__atomic_fetch_add(&entered, 1, __ATOMIC_RELAXED);
	return 0;
}

HANDLER int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	value = (long)regs->REG_RESULT;
	__atomic_fetch_add(&told, 1, __ATOMIC_RELAXED);
	return 0;
}

static int is_by_exits(const struct tl_status *st, void *arg)
{
	*(bool *)arg |= st->is_return && st->by_exits;
	return 0;
}

static bool register_with(void *fn, uint32_t flags, bool *by_exits)
{
	rp = (struct kretprobe){ .kp.addr = fn,
				 .kp.flags = flags,
				 .entry_handler = on_entry,
				 .handler = on_return };
	*by_exits = false;
	entered = told = value = 0;
	if (register_kretprobe(&rp))
		return false;
	trapline_each_probe(is_by_exits, by_exits);
	return true;
}

/* Where no jump fits at an exit it is to begin before it. */
static bool follow_by_exits(void *fn)
{
	bool by_exits;

	if (!register_with(fn, 0, &by_exits))
		return false;
	if (!by_exits) {
		unregister_kretprobe(&rp);
		if (!register_with(fn, KPROBE_FLAG_JUMP_ONLY, &by_exits))
			return false;
	}
	CHECK(by_exits);
	return true;
}

static bool follow(void *fn, int way)
{
	bool by_exits;

	if (EXITS_ARE_PREFERRED && !way)
		return follow_by_exits(fn);
	if (!register_with(fn, 0, &by_exits))
		return false;
	CHECK(!by_exits);
	return true;
}

/* @left: calls that may not be missed yet, their places are not used again. */
static void follow_no_more(long entries, long tells, long left)
{
	unregister_kretprobe(&rp);
	CHECK_EQ(entered, entries);
	CHECK_EQ(told, tells);
	CHECK(told + rp.nmissed <= entered);
	CHECK(told + rp.nmissed + left >= entered);
}

/* ---- siglongjmp, out of a signal handler -------------------------------------------------- */

static sigjmp_buf out;

static void leave(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

BOTH_WAYS(signalled, if (a & 1) raise(SIGUSR1));

static long call_signalled(int way, volatile long rounds)
{
	volatile long sum = 0;

	signal(SIGUSR1, leave);
	for (volatile long i = 0; i < rounds; i++)
		if (!sigsetjmp(out, 1))
			sum += signalled[way](i);
		else
			sum += 1000;
	return sum;
}

TL_TEST(siglongjmp_out_of_a_signal_handler_above_followed_calls)
{
	long rounds = 2000 * (long)tl_test_scale, bare;

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		bare = call_signalled(way, rounds);
		REQUIRE(follow((void *)signalled[way], way));
		CHECK_EQ(call_signalled(way, rounds), bare);
		follow_no_more(rounds, rounds / 2, 1);
		tl_test_note("calls that siglongjmp left", rounds / 2);
	}
}

/* ---- setjmp that returns twice into a followed call ---------------------------------------- */

static jmp_buf again;

static void go_back(long n)
{
	longjmp(again, (int)n);
}

BOTH_WAYS(twice, volatile long n = a; if (setjmp(again) < 3) go_back(++n);
	  a = n);

TL_TEST(a_followed_call_into_which_setjmp_returns_again_returns_once)
{
	long rounds = 1000 * (long)tl_test_scale, bare;

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		bare = twice[way](0);
		REQUIRE(follow((void *)twice[way], way));
		for (long i = 0; i < rounds; i++)
			CHECK_EQ(twice[way](0), bare);
		CHECK_EQ(value, bare);
		follow_no_more(rounds, rounds, 0);
		tl_test_note("calls into which setjmp returned", rounds);
	}
}

/* What longjmp() leads to is no exit of it. */
TL_TEST(setjmp_itself_keeps_its_return_address_or_is_refused)
{
	jmp_buf env;
	bool by_exits, followed;

	followed = register_with((void *)_setjmp, 0, &by_exits);
	CHECK(!followed || by_exits);
	if (!setjmp(env))
		longjmp(env, 1);
	if (followed)
		follow_no_more(1, 1, 0);
}

/* ---- vfork ------------------------------------------------------------------------------- */

static int fork_and_wait(void)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid)
		_exit(7);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TL_TEST(vfork_returns_in_parent_and_child_and_is_told_of_once)
{
	void *fn = (void *)vfork;

	CHECK_EQ(fork_and_wait(), 7);
	REQUIRE(follow_by_exits(fn)); /* never by its return address */
	for (int i = 0; i < 20; i++)
		CHECK_EQ(fork_and_wait(), 7);
	follow_no_more(20, 20, 0);
}

/* A followed call that calls vfork, and one that the child makes. */
BOTH_WAYS(forks, a += fork_and_wait());

TL_TEST(a_followed_call_may_vfork)
{
	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		REQUIRE(follow((void *)forks[way], way));
		for (int i = 0; i < 20; i++)
			CHECK_EQ(forks[way](1), 9);
		follow_no_more(20, 20, 0);
	}
}

/* ---- swapcontext --------------------------------------------------------------------------- */

static ucontext_t home, coroutine;

BOTH_WAYS(swaps, swapcontext(&coroutine, &home));

static int coroutine_way;
static volatile long coroutine_sum;

static void run_coroutine(void)
{
	for (long i = 0;; i++)
		coroutine_sum += swaps[coroutine_way](i);
}

static long run(char *stack, int way, long rounds)
{
	coroutine_way = way;
	coroutine_sum = 0;
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = STACK;
	makecontext(&coroutine, run_coroutine, 0);
	for (long i = 0; i < rounds; i++)
		swapcontext(&home, &coroutine);
	return coroutine_sum;
}

TL_TEST(coroutines_swap_inside_followed_calls)
{
	static char stack[STACK];
	long rounds = 2000 * (long)tl_test_scale, bare;

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		bare = run(stack, way, rounds);
		REQUIRE(follow((void *)swaps[way], way));
		CHECK_EQ(run(stack, way, rounds), bare);
		follow_no_more(rounds, rounds - 1, 1);
	}
}

TL_TEST(swapcontext_itself_is_followed_or_refused)
{
	static char stack[STACK];
	long bare = run(stack, 0, 100);
	int err;

	rp = (struct kretprobe){ .kp.addr = (void *)swapcontext,
				 .entry_handler = on_entry,
				 .handler = on_return };
	entered = told = 0;
	err = register_kretprobe(&rp);
	CHECK(!err || err == -TL_EOPNOTSUPP);
	CHECK_EQ(run(stack, 0, 100), bare);
	if (err)
		return;
	unregister_kretprobe(&rp);
	CHECK_EQ(entered, 200); /* the last one is away */
	CHECK(told <= entered && told + 2 >= entered);
}

/* ---- tail calls ------------------------------------------------------------------------------- */

NOINLINE long last(long a)
{
	sink = a;
	return a * 3;
}

NOINLINE long middle(long a)
{
	sink = a;
	return last(a + 1);
}

NOINLINE long first(long a)
{
	sink = a;
	return middle(a + 1);
}

TL_TEST(a_chain_of_tail_calls_returns_once_for_each)
{
	static struct kretprobe chain[3];
	long (*const fn[3])(long) = { first, middle, last };
	long rounds = 2000 * (long)tl_test_scale;

	memset(chain, 0, sizeof(chain));
	entered = told = 0;
	for (int i = 0; i < 3; i++) {
		chain[i].kp.addr = (void *)fn[i];
		chain[i].entry_handler = on_entry;
		chain[i].handler = on_return;
		CHECK_EQ(register_kretprobe(&chain[i]), 0);
	}
	for (long i = 0; i < rounds; i++)
		CHECK_EQ(first(i), (i + 2) * 3);
	CHECK_EQ(value, (rounds + 1) * 3);
	CHECK_EQ(entered, 3 * rounds);
	CHECK_EQ(told, 3 * rounds);
	for (int i = 0; i < 3; i++) {
		unregister_kretprobe(&chain[i]);
		CHECK_EQ(chain[i].nmissed, 0);
	}
}

/* ---- depth --------------------------------------------------------------------------------------- */

static long (*deeper)(long a);

BOTH_WAYS(deep, if (a) a = deeper(a - 1));

static void *descend(void *arg)
{
	return (void *)deeper((long)arg);
}

/* In a thread with a stack that is large enough. */
static long descend_in_thread(long depth)
{
	pthread_attr_t attr;
	pthread_t t;
	void *ret = NULL;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128ul << 20);
	if (!pthread_create(&t, &attr, descend, (void *)depth))
		pthread_join(t, &ret);
	pthread_attr_destroy(&attr);
	return (long)ret;
}

TL_TEST(a_hundred_thousand_frames_deep_nothing_is_missed)
{
	long depth = 100000;

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		deeper = deep[way];
		CHECK_EQ(descend_in_thread(depth), depth + 1);
		REQUIRE(follow((void *)deep[way], way));
		CHECK_EQ(descend_in_thread(depth), depth + 1);
		CHECK_EQ(rp.nmissed, 0);
		follow_no_more(depth + 1, depth + 1, 0);
	}
}
