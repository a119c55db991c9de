/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c and-arm64-linux */
/*
 * net-basic.c - everyone is held, and goes on
 */
#define _GNU_SOURCE
#include "net-victim.h"

static struct shared *the;

static void *spin(void *arg)
{
	unsigned long i = (unsigned long)arg;

	atomic_fetch_add(&the->ready, 1);
	while (!atomic_load(&the->quit))
		atomic_fetch_add(&the->turns[i], 1);
	return NULL;
}

static void four_spin(struct shared *s)
{
	the = s;
	for (unsigned long i = 1; i < 4; i++)
		start_thread(spin, (void *)i);
	spin(NULL);
}

static unsigned long turns(const struct victim *v)
{
	unsigned long sum = 0;

	for (int i = 0; i < MAX_THREADS; i++)
		sum += atomic_load(&v->s->turns[i]);
	return sum;
}

TL_TEST(nobody_runs_between_open_and_close)
{
	struct victim v = victim_start(four_spin);
	struct net_stats st;
	struct net *net;
	unsigned long a, b;

	REQUIRE(victim_ready(&v, 4));
	for (int i = 0; i < 20; i++) {
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		a = turns(&v);
		pause_ms(3);
		b = turns(&v);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(a, b);
		CHECK_EQ(st.tasks, 4);
		CHECK_EQ(st.stopped, 4);
		for (int k = 0; k < 1000 * NET_PATIENCE && turns(&v) == b; k++)
			pause_ms(1);
		CHECK(turns(&v) > b);
	}
	victim_end(&v);
}

static void short_lives(struct shared *s);

static void *short_life(void *arg)
{
	(void)arg;
	atomic_fetch_add(&the->turns[0], 1);
	return NULL;
}

static void short_lives(struct shared *s)
{
	pthread_t t[4];

	the = s;
	atomic_store(&s->ready, 1);
	while (!atomic_load(&s->quit)) {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&t[i], NULL, short_life, NULL))
				note_wrong(s, 1);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
	}
}

TL_TEST(threads_that_come_and_go_are_all_held)
{
	struct victim v = victim_start(short_lives);
	struct net *net;
	unsigned long a, b;

	REQUIRE(victim_ready(&v, 1));
	for (int i = 0; i < FEWER(200); i++) {
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		a = turns(&v);
		if (i % 10 == 0)
			pause_ms(2);
		b = turns(&v);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK_EQ(a, b);
	}
	a = turns(&v);
	for (int k = 0; k < 1000 * NET_PATIENCE && turns(&v) == a; k++)
		pause_ms(1);
	CHECK(turns(&v) > a);
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	CHECK_EQ(kill(v.pid, 0), 0);
	victim_end(&v);
}

TL_TEST(a_process_that_is_not_there_gives_esrch)
{
	struct victim v = victim_start(four_spin);
	struct net *net;

	victim_end(&v);
	CHECK_EQ(open_net(&net, v.pid, 0, NULL), -ESRCH);
}

TL_TEST(the_caller_and_the_worker_hurry_only_while_a_net_is_open)
{
	struct victim v = victim_start(four_spin), w = victim_start(four_spin);
	int policy = sched_getscheduler(0);
	struct net *net;

	REQUIRE(victim_ready(&v, 4));
	REQUIRE(victim_ready(&w, 4));
	REQUIRE(open_net(&net, v.pid, w.pid, NULL) == 0);
	if (geteuid() == 0) {
		CHECK_EQ(sched_getscheduler(0), SCHED_RR);
		CHECK_EQ(sched_getscheduler(w.pid), SCHED_RR);
	}
	CHECK_EQ(net_close(net, NULL), 0);
	CHECK_EQ(sched_getscheduler(0), policy);
	CHECK_EQ(sched_getscheduler(w.pid), policy);
	victim_end(&v);
	CHECK_EQ(open_net(&net, v.pid, w.pid, NULL), -ESRCH);
	CHECK_EQ(sched_getscheduler(0), policy);
	CHECK_EQ(sched_getscheduler(w.pid), policy);
	victim_end(&w);
}
