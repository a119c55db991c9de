/* SPDX-License-Identifier: MIT */
/*
 * net-victim.h - a process to throw nets over
 *
 * A victim is a fork of the test program that runs one function, with a page
 * shared between the two.  It dies with the test.
 */
#ifndef NET_VICTIM_H
#define NET_VICTIM_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net-code.h"
#include "net.h"
#include "tl_test.h"

#define MAX_THREADS 512

/* How often something is done that is done @n times where there is the time. */
#define FEWER(n) ((n) / NET_SELDOM > 3 ? (n) / NET_SELDOM : 3)

struct shared {
	atomic_uint ready; /* threads that are where they should be */
	atomic_uint quit;
	atomic_uint wrong;   /* what should not have happened */
	atomic_ulong detail; /* about the first wrong thing */
	atomic_uint flag[16];
	atomic_ulong turns[MAX_THREADS];
};

struct victim {
	pid_t pid;
	struct shared *s;
};

static inline void pause_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static inline uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* In the victim: note the first thing that went wrong. */
static inline void note_wrong(struct shared *s, unsigned long detail)
{
	if (!atomic_fetch_add(&s->wrong, 1))
		atomic_store(&s->detail, detail);
}

/* Start a victim that runs @run; it is killed when the test program dies. */
static inline struct victim victim_start(void (*run)(struct shared *s))
{
	struct victim v;

	v.s = mmap(NULL, sizeof(*v.s), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	v.pid = fork();
	if (!v.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(v.s);
		_exit(0);
	}
	return v;
}

/* Wait, up to five seconds, until @n threads are ready. */
static inline bool victim_ready(const struct victim *v, unsigned int n)
{
	for (int i = 0; i < 5000 * NET_PATIENCE; i++) {
		if (atomic_load(&v->s->ready) >= n)
			return true;
		pause_ms(1);
	}
	return false;
}

/* Wait, up to a second, until thread @tid is in @state. */
static inline bool state_becomes(pid_t tid, char state)
{
	struct net_place p;

	for (int i = 0; i < 1000 * NET_PATIENCE; i++) {
		if (!net_look(tid, tid, &p) && p.state == state &&
		    (state != 'S' || p.known))
			return true;
		pause_ms(1);
	}
	return false;
}

/* Wait, up to a second, until @n turns of thread 0 have been counted. */
static inline bool turns_become(const struct victim *v, unsigned long n)
{
	for (int i = 0; i < 1000 * NET_PATIENCE; i++) {
		if (atomic_load(&v->s->turns[0]) == n)
			return true;
		pause_ms(1);
	}
	return false;
}

/* Does thread @i go on from @a, within a second? */
static inline bool goes_on(const struct victim *v, int i, unsigned long a)
{
	for (int n = 0; n < 1000 * NET_PATIENCE; n++) {
		if (atomic_load(&v->s->turns[i]) > a)
			return true;
		pause_ms(1);
	}
	return false;
}

/* Open a net; a machine that is as slow as an emulator gets more time. */
static inline int open_net(struct net **net, pid_t pid, pid_t worker,
			   const struct net_options *options)
{
	int err = net_open(net, pid, worker, options);

	for (int i = 1; i < NET_PATIENCE && err == -ETIMEDOUT; i++)
		err = net_open(net, pid, worker, options);
	return err;
}

/* Kill the victim, if it still runs, and return its wait status. */
static inline int victim_end(struct victim *v)
{
	int status = -1;

	kill(v->pid, SIGKILL);
	waitpid(v->pid, &status, 0);
	munmap(v->s, sizeof(*v->s));
	return status;
}

static inline void start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg))
		abort();
	pthread_detach(t);
}

#endif
