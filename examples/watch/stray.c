/* SPDX-License-Identifier: MIT */
/*
 * stray.c - who overwrites this member?
 *
 * One thread keeps `used` of the pool in order, and finds it wrong now and then. Another
 * one writes to an array of the same structure, and its index is one too far
 * when a week has eight days.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct pool {
	int per_day[7];
	int used; /* right behind it */
} pool;

static void take(void)
{
	pool.used++;
}

static void give(void)
{
	pool.used--;
}

static void note_day(unsigned int day)
{
	volatile int *days = pool.per_day;

	days[day % 8] = (int)day; /* wrong: 7 */
}

static void *statistics(void *arg)
{
	for (unsigned int day = 0;; day++) {
		note_day(day);
		usleep(50000);
	}
	return arg;
}

int main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, statistics, NULL);
	for (;;) {
		take();
		usleep(10000);
		give();
		if (pool.used)
			printf("used is %d, and should be 0\n", pool.used);
		fflush(stdout);
		pool.used = 0;
		usleep(10000);
	}
}
