/* SPDX-License-Identifier: MIT */
/* link: lib tests/stress/hot.S -lpthread */
/* limit: 120 */
/*
 * toggle.c - probes come and go on functions that threads are running
 *
 * Three threads call the functions of hot.S as fast as they can and check every
 * result; one arms and disarms.  All is counted: what the threads called while a
 * probe was armed from first to last, the probe must have seen.
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
#define MAX_SECONDS 40

typedef long hot_fn(long a, long b);
hot_fn hot_bytes, hot_lea, hot_one, hot_call, hot_branch, hot_break, hot_red;
extern const char hot_red_at[];

static const struct hot {
	const char *name;
	hot_fn *fn;
	const void *at;
} hots[] = {
	{ "bytes", hot_bytes, (void *)hot_bytes },
	{ "lea", hot_lea, (void *)hot_lea },
	{ "one", hot_one, (void *)hot_one },
	{ "call", hot_call, (void *)hot_call },
	{ "branch", hot_branch, (void *)hot_branch },
	{ "break", hot_break, (void *)hot_break },
	{ "red", hot_red, hot_red_at },
};

#define N_HOTS TL_ARRAY_SIZE(hots)

static bool stop;
static unsigned long calls[THREADS], wrong[THREADS];
static unsigned long seen;

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));

static void *caller(void *arg)
{
	unsigned long me = (unsigned long)arg, n = 0, bad = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (size_t i = 0; i < N_HOTS; i++)
			bad += hots[i].fn((long)n - 7, 3) != (long)n - 7 + 8;
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

TL_TEST(enabled_and_disabled_under_threads_no_result_is_wrong)
{
	unsigned int want = TOGGLES * tl_test_scale / 2, done = 0;
	double end = now() + MAX_SECONDS * tl_test_scale;
	struct kprobe p[N_HOTS];

	for (size_t i = 0; i < N_HOTS; i++) {
		p[i] = (struct kprobe){ .addr = (void *)hots[i].at,
					.flags = KPROBE_FLAG_DISABLED };
		if (i % 2)
			p[i].pre_handler = pre;
		else
			p[i].counter = (uint64_t *)counters + i;
		CHECK_EQ(register_kprobe(&p[i]), 0);
	}
	start();
	for (; done < want && now() < end; done++) {
		struct kprobe *k = &p[done / 2 % N_HOTS];
		int err = done & 1 ? disable_kprobe(k) : enable_kprobe(k);

		CHECK_EQ(err, 0);
		if (err)
			break;
	}
	finish();
	tl_test_note("toggles", done);
	CHECK(done >= want);
	for (size_t i = 0; i < N_HOTS; i++) {
		ROW(hots[i].name);
		if (p[i].counter)
			CHECK(tl_counter_read(p[i].counter) > 0);
		unregister_kprobe(&p[i]);
	}
	CHECK(seen > 0);
}

TL_TEST(registered_and_unregistered_under_threads_no_result_is_wrong)
{
	unsigned int want = TOGGLES * tl_test_scale / 2, done = 0;
	double end = now() + MAX_SECONDS * tl_test_scale;
	unsigned int jumps = 0;

	start();
	for (; done < want && now() < end; done += 2) {
		const struct hot *h = &hots[done / 2 % N_HOTS];
		struct kprobe p = { .addr = (void *)h->at };
		int err;

		p.pre_handler = done & 8 ? pre : NULL;
		p.post_handler = done & 16 ? post : NULL;
		p.counter = done & 4 ? (uint64_t *)counters : NULL;
		if (!p.pre_handler && !p.post_handler && !p.counter)
			p.counter = (uint64_t *)counters;
		err = register_kprobe(&p);
		CHECK_EQ(err, 0);
		if (err)
			break;
		jumps += tl_kprobe_why(&p) == TL_WHY_NONE;
		unregister_kprobe(&p);
	}
	finish();
	tl_test_note("toggles", done);
	tl_test_note("of them by jump", jumps * 2);
	CHECK(done >= want);
	CHECK(jumps * 2 > done / 2);
}

TL_TEST(return_probes_come_and_go_under_threads)
{
	unsigned int want = TOGGLES * tl_test_scale / 50, done = 0;
	double end = now() + 10 * tl_test_scale;

	start();
	for (; done < want && now() < end; done += 2) {
		const struct hot *h = &hots[done / 2 % (N_HOTS - 1)];
		struct kretprobe rp = { .kp.addr = (void *)h->at,
					.handler = returned };
		int err = register_kretprobe(&rp);

		CHECK_EQ(err, 0);
		if (err)
			break;
		unregister_kretprobe(&rp);
	}
	finish();
	tl_test_note("toggles", done);
	CHECK(done >= want);
}

/* A probe that is there all the time sees every call, however others change. */
TL_TEST(hits_are_counted_exactly_while_neighbours_toggle)
{
	uint64_t *cell = (uint64_t *)counters + 100;
	struct kprobe all[N_HOTS], other;
	double end = now() + 2 * tl_test_scale;
	unsigned long total = 0;

	for (size_t i = 0; i < N_HOTS; i++) {
		all[i] = (struct kprobe){ .addr = (void *)hots[i].at,
					  .counter = cell + i };
		CHECK_EQ(register_kprobe(&all[i]), 0);
	}
	start();
	while (now() < end) {
		other = (struct kprobe){ .addr = (void *)hot_lea,
					 .pre_handler = pre };
		CHECK_EQ(register_kprobe(&other), 0);
		unregister_kprobe(&other);
	}
	finish();
	for (int i = 0; i < THREADS; i++)
		total += calls[i];
	for (size_t i = 0; i < N_HOTS; i++) {
		ROW(hots[i].name);
		unregister_kprobe(&all[i]);
		CHECK_EQ(all[i].nmissed, 0);
		CHECK_EQ(tl_counter_read(cell + i), total);
	}
}
