/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/stress/ISA/tails.S -lpthread */
/*
 * tails.c - calls that go on to other functions at their end, and are followed
 *
 * tail_a goes on to tail_b or to tail_c, and tail_b to tail_c, which returns for
 * all of them; each is called by itself, too.  Where return addresses must not
 * be replaced each followed call is told of once, when its frame ends, and no
 * call of another one is taken for it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"

#define HANDLER	 __attribute__((target("general-regs-only"))) static
#define NOINLINE __attribute__((noinline, noclone)) static

typedef long tail_fn(long way, void (*leave)(void));

tail_fn tail_a, tail_b, tail_c;

static tail_fn *const fn[3] = { tail_a, tail_b, tail_c };

struct followed {
	struct kretprobe rp;
	char name;
	unsigned long returned, wrong;
};

static struct followed followed[3];
static char order[8];
static bool in_order;

HANDLER int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)regs;
	*(unsigned long *)ri->data = (unsigned long)ri->ret_addr;
	return 0;
}

HANDLER int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct followed *f = (struct followed *)get_kretprobe(ri);

	__atomic_fetch_add(&f->returned, 1, __ATOMIC_RELAXED);
	if (regs_return_value(regs) != 7 ||
	    (unsigned long)ri->ret_addr != instruction_pointer(regs) ||
	    *(unsigned long *)ri->data != instruction_pointer(regs))
		__atomic_fetch_add(&f->wrong, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; in_order && i < sizeof(order) - 1; i++)
		if (!order[i]) {
			order[i] = f->name;
			break;
		}
	return 0;
}

static void follow_one(unsigned int i, uint32_t flags)
{
	struct followed *f = &followed[i];

	memset(f, 0, sizeof(*f));
	f->name = (char)('a' + i);
	f->rp.kp.addr = (void *)fn[i];
	f->rp.kp.flags = flags;
	f->rp.handler = on_return;
	f->rp.entry_handler = on_entry;
	f->rp.data_size = sizeof(long);
	REQUIRE(!register_kretprobe(&f->rp));
}

/* Follow those of the functions that @which has bits of. */
static void follow(unsigned int which)
{
	for (unsigned int i = 0; i < 3; i++)
		if (which & 1u << i)
			follow_one(i, KPROBE_FLAG_NO_SWAP);
}

static void unfollow(void)
{
	for (unsigned int i = 0; i < 3; i++)
		if (followed[i].rp.kp.addr) {
			unregister_kretprobe(&followed[i].rp);
			followed[i].rp.kp.addr = NULL;
		}
}

/* How often a call of fn[@first] with @way comes to fn[@which]. */
static unsigned long comes_to(unsigned int first, long way, unsigned int which)
{
	if (which == first || which == 2)
		return which >= first;
	return which == 1 && first == 0 && !way;
}

/* ---- in one thread ---------------------------------------------------------------- */

TL_TEST(each_of_those_that_go_on_to_one_another_is_told_of_once)
{
	for (unsigned int which = 1; which < 8; which++) {
		follow(which);
		for (unsigned int i = 0; i < 6; i++) {
			unsigned int first = i / 2;
			long way = i % 2;

			for (unsigned int k = 0; k < 3; k++)
				followed[k].returned = 0;
			CHECK_EQ(fn[first](way, NULL), 7);
			for (unsigned int k = 0; k < 3; k++) {
				if (!(which & 1u << k))
					continue;
				CHECK_EQ(followed[k].returned,
					 comes_to(first, way, k));
				CHECK_EQ(followed[k].wrong, 0);
				CHECK_EQ(followed[k].rp.nmissed, 0);
			}
		}
		unfollow();
	}
}

/* tail_c by its return address, which it has from tail_a: it comes last. */
TL_TEST(one_that_is_gone_on_to_may_have_its_return_address_replaced)
{
	follow_one(2, 0);
	follow_one(0, KPROBE_FLAG_NO_SWAP);
	in_order = true;
	memset(order, 0, sizeof(order));
	CHECK_EQ(tail_a(0, NULL), 7);
	CHECK_EQ(tail_a(1, NULL), 7);
	in_order = false;
	CHECK_STR(order, "acac");
	CHECK_EQ(followed[0].rp.nmissed + followed[2].rp.nmissed, 0);
	CHECK_EQ(followed[0].wrong, 0);
	unfollow();
}

/* ---- left, not returned from ---------------------------------------------------------- */

static jmp_buf env;

static void leave(void)
{
	longjmp(env, 1);
}

/* Two calls from one frame, so from one stack pointer. */
NOINLINE long left_then(long way, tail_fn *first, tail_fn *then)
{
	volatile long got = 0;

	if (!setjmp(env))
		got = first(way, leave);
	else
		got = then(1, NULL);
	return got;
}

TL_TEST(a_call_that_was_left_is_not_told_of_at_the_return_of_another)
{
	follow(1);
	for (unsigned int i = 0; i < 100; i++) {
		CHECK_EQ(left_then(i % 2, tail_a, tail_c), 7);
		CHECK_EQ(followed[0].returned, 0);
		CHECK_EQ(followed[0].rp.nmissed, i + 1);
	}
	CHECK_EQ(left_then(0, tail_a, tail_a), 7);
	CHECK_EQ(followed[0].returned, 1);
	CHECK_EQ(followed[0].rp.nmissed, 101);
	unfollow();
}

/* The other is followed, too: what was left must not be kept as its caller. */
TL_TEST(a_call_that_was_left_is_not_kept_by_the_entry_of_another)
{
	for (unsigned int newest = 0; newest <= 2; newest += 2) {
		follow_one(2 - newest, KPROBE_FLAG_NO_SWAP);
		follow_one(newest, KPROBE_FLAG_NO_SWAP);
		for (unsigned int i = 0; i < 100; i++)
			CHECK_EQ(left_then(i % 2, tail_a, tail_c), 7);
		CHECK_EQ(followed[0].returned, 0);
		CHECK_EQ(followed[0].rp.nmissed, 100);
		CHECK_EQ(followed[2].returned, 100);
		CHECK_EQ(followed[2].rp.nmissed, 50);
		unfollow();
	}
}

/* ---- many at once ---------------------------------------------------------------------- */

#define THREADS 3

static unsigned long called[THREADS][3];
static bool stop;

static void *call_them(void *arg)
{
	unsigned long *mine = arg, x = (unsigned long)(arg) | 1;
	unsigned long bad = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		x = x * 6364136223846793005ul + 1442695040888963407ul;
		unsigned int first = (unsigned int)(x >> 40) % 3;
		long way = (long)(x >> 50 & 1);

		bad += fn[first](way, NULL) != 7;
		for (unsigned int k = 0; k < 3; k++)
			mine[k] += comes_to(first, way, k);
	}
	return (void *)bad;
}

TL_TEST(threads_that_go_on_to_one_another_lose_no_return)
{
	unsigned long calls = 0;

	for (unsigned int which = 1; which < 8; which++) {
		pthread_t t[THREADS];

		memset(called, 0, sizeof(called));
		stop = false;
		follow(which);
		for (unsigned int i = 0; i < THREADS; i++)
			REQUIRE(!pthread_create(&t[i], NULL, call_them,
						called[i]));
		for (unsigned int i = 0; i < 20 * tl_test_scale; i++) {
			struct timespec ms = { .tv_nsec = 1000000 };

			nanosleep(&ms, NULL);
		}
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		for (unsigned int i = 0; i < THREADS; i++) {
			void *bad;

			pthread_join(t[i], &bad);
			CHECK_EQ((unsigned long)bad, 0);
		}
		for (unsigned int k = 0; k < 3; k++) {
			unsigned long n =
				called[0][k] + called[1][k] + called[2][k];

			if (!(which & 1u << k))
				continue;
			calls += n;
			CHECK_EQ(followed[k].returned, n);
			CHECK_EQ(followed[k].rp.nmissed, 0);
			CHECK_EQ(followed[k].wrong, 0);
		}
		unfollow();
	}
	tl_test_note("calls that went on to another function", (long)calls);
}
