/* SPDX-License-Identifier: MIT */
/* link: lib tests/stress/ISA/hot.S -lpthread */
/* limit: 300 */
/*
 * toggle.c - probes come and go on functions that threads are running
 *
 * Three threads call the functions of hot.S as fast as they can and check every
 * result; one arms and disarms.  A toggle is one function armed or disarmed.
 * Most are made for all functions in one go: before a jump may cover several
 * instructions every thread must have been seen outside, and with more threads
 * than CPUs one of them always waits for its turn, for milliseconds.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"

#define HANDLER __attribute__((target("general-regs-only"))) static
#define THREADS 3
#define TOGGLES 100000u

typedef long hot_fn(long a, long b);

/* hot.S: HOT_KINDS kinds of functions, again and again. */
extern const struct hot {
	hot_fn *fn;
	void *at;
} hot_table[], hot_table_end[];

#define HOT_KINDS 9
#define MAX_HOTS  96
#define N_HOTS	  ((size_t)(hot_table_end - hot_table))

static bool stop;
static unsigned long calls[THREADS], wrong[THREADS];
static unsigned long seen;

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));

static void *caller(void *arg)
{
	unsigned long me = (unsigned long)arg, n = 0, bad = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (size_t i = 0; i < N_HOTS; i++)
			bad += hot_table[i].fn((long)n - 7, 3) !=
			       (long)n - 7 + 8;
		n++;
	}
	calls[me] = n;
	wrong[me] = bad;
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static pthread_t threads[THREADS];

static void start(void)
{
	stop = false;
	for (unsigned long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, caller, (void *)i);
}

static void finish(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned long i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		CHECK(calls[i] > 0);
		CHECK_EQ(wrong[i], 0);
	}
}

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__atomic_fetch_add(&seen, 1, __ATOMIC_RELAXED);
	return 0;
}

HANDLER void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	__atomic_fetch_add(&seen, 1, __ATOMIC_RELAXED);
	return 0;
}

/* One at a time. */
TL_TEST(enabled_and_disabled_under_threads_no_result_is_wrong)
{
	unsigned int want = TOGGLES / 50 * tl_test_scale, done = 0;
	double end = now() + 10 * tl_test_scale;
	struct kprobe p[HOT_KINDS];

	for (size_t i = 0; i < HOT_KINDS; i++) {
		p[i] = (struct kprobe){ .addr = hot_table[i].at,
					.flags = KPROBE_FLAG_DISABLED };
		if (i % 2)
			p[i].pre_handler = pre;
		else
			p[i].counter = (uint64_t *)counters + i;
		CHECK_EQ(register_kprobe(&p[i]), 0);
	}
	start();
	for (; done < want && now() < end; done++) {
		struct kprobe *k = &p[done / 2 % HOT_KINDS];
		int err = done & 1 ? disable_kprobe(k) : enable_kprobe(k);

		CHECK_EQ(err, 0);
		if (err)
			break;
	}
	finish();
	tl_test_note("toggles", done);
	CHECK(done > 100);
	for (size_t i = 0; i < HOT_KINDS; i++) {
		if (p[i].counter)
			CHECK(tl_counter_read(p[i].counter) > 0);
		unregister_kprobe(&p[i]);
	}
	CHECK(seen > 0);
}

/* All kinds of probes on one point after the other. */
static void choose(struct kprobe *p, unsigned int what)
{
	if (what & 1)
		p->pre_handler = pre;
	if (what & 2)
		p->post_handler = post;
	if (what & 4 || !(what & 3))
		p->counter = (uint64_t *)counters;
}

TL_TEST(registered_and_unregistered_under_threads_no_result_is_wrong)
{
	unsigned int want = TOGGLES * tl_test_scale;
	unsigned int done = 0, jumps = 0, islands = 0;
	double end = now() + 210 * tl_test_scale;
	static struct kprobe p[MAX_HOTS];
	struct kprobe *list[MAX_HOTS];
	uint64_t seed = tl_test_seed;

	start();
	while (done < want && now() < end) {
		unsigned int n = 0;
		int err;

		for (size_t i = 0; i < N_HOTS && n < MAX_HOTS; i++) {
			p[n] = (struct kprobe){ .addr = hot_table[i].at };
			choose(&p[n], tl_test_random(&seed) % 8);
			list[n] = &p[n];
			n++;
		}
		err = register_kprobes(list, n);
		CHECK_EQ(err, 0);
		if (err)
			break;
		for (unsigned int i = 0; i < n; i++) {
			jumps += trapline_kprobe_why(&p[i]) == TL_WHY_NONE;
			islands += trapline_kprobe_kind(&p[i]) ==
				   TL_KIND_ISLAND;
		}
		unregister_kprobes(list, n);
		done += 2 * n;
	}
	finish();
	tl_test_note("toggles", done);
	tl_test_note("of them by jump", jumps * 2);
	tl_test_note("and by way of an island", islands * 2);
	CHECK(done >= want);
	CHECK(jumps * 2 > done / 2);
	CHECK(islands * 2 > done / 10);
}

TL_TEST(return_probes_come_and_go_under_threads)
{
	unsigned int want = TOGGLES / 10 * tl_test_scale, done = 0;
	double end = now() + 30 * tl_test_scale;
	static struct kretprobe rp[MAX_HOTS];
	struct kretprobe *list[MAX_HOTS];

	start();
	while (done < want && now() < end) {
		unsigned int n = 0;
		int err;

		for (size_t i = 0; i < N_HOTS && n < MAX_HOTS; i++) {
			if (hot_table[i].at != (void *)hot_table[i].fn)
				continue;
			rp[n] = (struct kretprobe){
				.kp.addr = hot_table[i].at,
				.handler = returned,
			};
			list[n] = &rp[n];
			n++;
		}
		err = register_kretprobes(list, n);
		CHECK_EQ(err, 0);
		if (err)
			break;
		unregister_kretprobes(list, n);
		done += 2 * n;
	}
	finish();
	tl_test_note("toggles", done);
	CHECK(done >= want);
}

TL_TEST(hits_are_counted_exactly_while_neighbours_toggle)
{
	uint64_t *cell = (uint64_t *)counters + 100;
	static struct kprobe all[MAX_HOTS];
	struct kprobe other;
	double end = now() + 2 * tl_test_scale;
	unsigned long total = 0;

	for (size_t i = 0; i < N_HOTS; i++) {
		all[i] = (struct kprobe){ .addr = hot_table[i].at,
					  .counter = cell + i };
		CHECK_EQ(register_kprobe(&all[i]), 0);
	}
	start();
	while (now() < end) {
		other = (struct kprobe){ .addr = hot_table[1].at,
					 .pre_handler = pre };
		CHECK_EQ(register_kprobe(&other), 0);
		unregister_kprobe(&other);
	}
	finish();
	for (int i = 0; i < THREADS; i++)
		total += calls[i];
	for (size_t i = 0; i < N_HOTS; i++) {
		unregister_kprobe(&all[i]);
		CHECK_EQ(all[i].nmissed, 0);
		CHECK_EQ(tl_counter_read(cell + i), total);
	}
}
