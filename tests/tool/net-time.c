/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c */
/*
 * net-time.c - how long threads are held
 *
 * Figures are printed; the limits checked are far above the goals (2 ms for 64
 * threads, 8 ms for 300), since the machine may be busy with other things.
 */
#define _GNU_SOURCE
#include "net-victim.h"

static struct shared *the;
static unsigned int sleepers, spinners;

static void *sleep_for_ever(void *arg)
{
	atomic_fetch_add(&the->ready, 1);
	for (;;)
		pause();
	return arg;
}

static void *work(void *arg)
{
	atomic_fetch_add(&the->ready, 1);
	for (;;) {
		for (int i = 0; i < 20000; i++)
			atomic_fetch_add(&the->turns[0], 1);
		usleep(200);
	}
	return arg;
}

static void many_threads(struct shared *s)
{
	the = s;
	for (unsigned int i = 0; i < sleepers; i++)
		start_thread(sleep_for_ever, NULL);
	for (unsigned int i = 0; i < spinners; i++)
		start_thread(work, NULL);
	sleep_for_ever(NULL);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct row {
	const char *name;
	unsigned int sleepers;
	unsigned int spinners;
	unsigned int windows;
	bool left;
};

static const struct row rows[] = {
	{ "1 thread", 0, 1, 1, false },
	{ "20 threads", 16, 4, 200, false },
	{ "64 threads", 60, 4, 200, false },
	{ "300 threads", 290, 10, 200, false },
	{ "64 threads, sleepers left asleep", 60, 4, 200, true },
	{ "300 threads, sleepers left asleep", 290, 10, 200, true },
};

static struct tl_window windows[200];

#define ROUNDS 40

TL_TEST(stops_are_short)
{
	uint64_t ns[ROUNDS], total[ROUNDS];
	const struct row *p;
	struct net_stats st;
	struct net *net;

	for (int i = 0; i < 200; i++) {
		windows[i].start =
			(uintptr_t)stops_are_short + 64u * (unsigned)i;
		windows[i].len = 2;
	}
	for_each_row(p, rows) {
		struct victim v;
		struct net_options o = { .watch_blocked = p->left };

		ROW(p->name);
		sleepers = p->sleepers;
		spinners = p->spinners;
		v = victim_start(many_threads);
		REQUIRE(victim_ready(&v, sleepers + spinners + 1));
		for (int i = 0; i < ROUNDS; i++) {
			REQUIRE(net_open(&net, v.pid, 0, &o) == 0);
			CHECK_EQ(net_evict(net, windows, p->windows), 0);
			CHECK_EQ(net_close(net, &st), 0);
			CHECK_EQ(st.tasks, sleepers + spinners + 1);
			ns[i] = st.longest_stop_ns;
			total[i] = st.total_ns;
			pause_ms(3);
		}
		qsort(ns, ROUNDS, sizeof(*ns), compare);
		qsort(total, ROUNDS, sizeof(*total), compare);
		tl_test_note(p->name, sleepers + spinners);
		tl_test_note("  longest stop, median, ns", ns[ROUNDS / 2]);
		tl_test_note("  longest stop, maximum, ns", ns[ROUNDS - 1]);
		tl_test_note("  open to close, median, ns", total[ROUNDS / 2]);
		CHECK(ns[ROUNDS / 2] < 100000000);
		victim_end(&v);
	}
}
