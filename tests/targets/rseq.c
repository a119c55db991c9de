/* SPDX-License-Identifier: MIT */
/*
 * rseq.c - per-CPU counters kept with a restartable sequence
 *
 * More threads than CPUs add to one counter per CPU without a lock.  If the
 * sum is wrong, a sequence was continued that should have been aborted; if one
 * aborts for ever, somebody made it trap.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <sys/rseq.h>

#include "control.h"

#define MAX_CPUS     1024
#define ADDS_A_ROUND 1000
#define TOO_MANY     1000000

int rseq_add(struct rseq *area, uint64_t counters[][8]);

enum { ADD_ONE, ABORTED };

static const char *const counters[] = { "add_one", "aborted", NULL };

/* Alone on its pages, so that who watches these sees sequences and nothing else. */
static uint64_t per_cpu[MAX_CPUS][8] __attribute__((aligned(4096)));
static uint64_t added;

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() +
			       __rseq_offset);
}

/* Add one, however often it takes; how often it was aborted. */
__attribute__((noinline, noclone, used)) unsigned int add_one(void);
unsigned int add_one(void)
{
	unsigned int aborts = 0;

	while (rseq_add(area(), per_cpu)) {
		if (++aborts == TOO_MANY) {
			control_wrong("aborts in a row", aborts, 0);
			break;
		}
	}
	return aborts;
}

static void round_of_adds(struct worker *w)
{
	int i;

	for (i = 0; i < ADDS_A_ROUND; i++) {
		w->counts[ADD_ONE]++;
		w->counts[ABORTED] += add_one();
	}
	__atomic_add_fetch(&added, ADDS_A_ROUND, __ATOMIC_RELAXED);
}

static void check_sum(void)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < MAX_CPUS; i++)
		sum += per_cpu[i][0];
	control_expect("sum of the CPUs", sum, added);
}

int main(int argc, char **argv)
{
	static const struct program p = {
		.counters = counters,
		.round = round_of_adds,
		.end = check_sum,
		.threads = 8,
	};

	if (!__rseq_size) {
		fprintf(stderr, "rseq: libc has not registered any\n");
		return 77;
	}
	return control_run(argc, argv, &p);
}
