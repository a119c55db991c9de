/* SPDX-License-Identifier: MIT */
/*
 * own_variable.c - who writes to a variable of one's own, in any thread
 *
 * Prints
 *
 *	written by the main thread: 1
 *	written by another thread: 2
 *	2 writes seen
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <trapline/hw_breakpoint.h>

static volatile long total;
static atomic_uint writes;
static __thread const char *name = "another thread";

/* The write has been made; printf() would do here, but not in every program. */
static char said[2][80];

static void on_write(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	unsigned int n = atomic_fetch_add(&writes, 1);

	(void)regs;
	if (n < 2)
		snprintf(said[n], sizeof(said[n]), "written by %s: %ld", name,
			 *(volatile long *)bp->addr);
}

static void *add_one(void *arg)
{
	total++;
	return arg;
}

int main(void)
{
	struct hw_breakpoint bp = {
		.addr = (void *)&total,
		.len = HW_BREAKPOINT_LEN_8,
		.type = HW_BREAKPOINT_W,
		.triggered = on_write,
	};
	pthread_t thread;
	int err = register_kernel_hw_breakpoint(&bp);

	if (err) {
		printf("no breakpoint: %s\n", strerror(-err));
		return 1;
	}
	name = "the main thread";
	total++;
	if (pthread_create(&thread, NULL, add_one, NULL) == 0)
		pthread_join(thread, NULL);
	unregister_hw_breakpoint(&bp);
	total++; /* nobody sees this */
	printf("%s\n%s\n%u writes seen\n", said[0], said[1], writes);
	return 0;
}
