/* SPDX-License-Identifier: MIT */
/*
 * threads300.c - three hundred threads, nearly all asleep in a system call
 *
 * Half of them block every signal.  Each kind of sleep must end the way it
 * would have without us: by its timeout or by its event, never with EINTR and
 * never too early.  After each sleep a thread calls tick_KIND(), which is
 * counted, and a few threads call busy() all the time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

#define NSEC	 1000000000L
#define SLEEP_NS (NSEC / 5)

/* The kinds of thread, dealt out in turn; the last is the busy one. */
#define KINDS(X)        \
	X(epoll)        \
	X(nanosleep)    \
	X(futex)        \
	X(sigtimedwait) \
	X(semtimedop)   \
	X(recv)         \
	X(poll)         \
	X(pselect)      \
	X(cond)         \
	X(pipe)

struct gear {
	int fd[2];
	unsigned int word;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

#define DEFINE_TICK(kind)                                                  \
	__attribute__((noinline, noclone, used)) unsigned int tick_##kind( \
		unsigned int n);                                           \
	unsigned int tick_##kind(unsigned int n)                           \
	{                                                                  \
		return (unsigned int)control_opaque(n) * 3 + 1;            \
	}
KINDS(DEFINE_TICK)
DEFINE_TICK(busy)

static const struct timespec nap = { 0, SLEEP_NS };

/* One for all: it outlives a process that is killed, so there is only one. */
static int semaphore;

static long elapsed_ns(const struct timespec *from)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - from->tv_sec) * NSEC + t.tv_nsec - from->tv_nsec;
}

/* A call that returned @got must have failed with @error (0: succeeded). */
static void expect_end(const char *what, long got, int error)
{
	if (error ? got != -1 || errno != error : got < 0)
		control_wrong(what, got < 0 ? (uint64_t)-errno : (uint64_t)got,
			      (uint64_t)-error);
}

static void sleep_epoll(struct gear *g)
{
	struct epoll_event e;

	expect_end("epoll_wait",
		   epoll_wait(g->fd[0], &e, 1, SLEEP_NS / 1000000), 0);
}

static void sleep_nanosleep(struct gear *g)
{
	(void)g;
	expect_end("nanosleep", nanosleep(&nap, NULL), 0);
}

static void sleep_futex(struct gear *g)
{
	expect_end("futex",
		   syscall(SYS_futex, &g->word, FUTEX_WAIT_PRIVATE, 0, &nap,
			   NULL, 0),
		   ETIMEDOUT);
}

static void sleep_sigtimedwait(struct gear *g)
{
	sigset_t set;

	(void)g;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	expect_end("sigtimedwait", sigtimedwait(&set, NULL, &nap), EAGAIN);
}

static void sleep_semtimedop(struct gear *g)
{
	struct sembuf down = { 0, -1, 0 };

	(void)g;
	expect_end("semtimedop", semtimedop(semaphore, &down, 1, &nap), EAGAIN);
}

static void sleep_recv(struct gear *g)
{
	char c;

	expect_end("recv", recv(g->fd[0], &c, 1, 0), EAGAIN);
}

static void sleep_poll(struct gear *g)
{
	struct pollfd p = { .fd = g->fd[0], .events = POLLIN };

	expect_end("poll", poll(&p, 1, SLEEP_NS / 1000000), 0);
}

static void sleep_pselect(struct gear *g)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(g->fd[0], &set);
	expect_end("pselect",
		   pselect(g->fd[0] + 1, &set, NULL, NULL, &nap, NULL), 0);
}

static void sleep_cond(struct gear *g)
{
	struct timespec until;
	int err;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += SLEEP_NS;
	until.tv_sec += until.tv_nsec / NSEC;
	until.tv_nsec %= NSEC;
	pthread_mutex_lock(&g->lock);
	err = pthread_cond_timedwait(&g->cond, &g->lock, &until);
	pthread_mutex_unlock(&g->lock);
	control_expect("pthread_cond_timedwait", (uint64_t)err, ETIMEDOUT);
}

/* The feeder of main() writes one byte now and then. */
static int feed[2];

static void sleep_pipe(struct gear *g)
{
	char c;

	(void)g;
	expect_end("read", read(feed[0], &c, 1) - 1, 0);
}

/* clang-format off */
#define KIND_ENTRY(kind) { "tick_" #kind, sleep_##kind, tick_##kind },
static const struct kind {
	const char *name;
	void (*sleep)(struct gear *g);
	unsigned int (*tick)(unsigned int n);
} kinds[] = { KINDS(KIND_ENTRY) };
/* clang-format on */

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define BUSY	 NR_KINDS

static const char *counters[NR_KINDS + 2];

static int open_socket_pair(int fd[2])
{
	struct timeval limit = { 0, SLEEP_NS / 1000 };

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) ||
	       setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit,
			  sizeof(limit));
}

static void begin(struct worker *w)
{
	struct gear *g = calloc(1, sizeof(*g));
	sigset_t set;

	sigfillset(&set);
	if (w->index & 1)
		pthread_sigmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);

	w->own = g;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->cond, NULL);
	if (kinds[w->index / 2 % NR_KINDS].sleep == sleep_epoll) {
		g->fd[0] = epoll_create1(0);
	} else if (open_socket_pair(g->fd)) {
		control_wrong("socketpair", (uint64_t)-errno, 0);
	}
}

static void round_of_sleep(struct worker *w)
{
	const struct kind *k = &kinds[w->index / 2 % NR_KINDS];
	unsigned int n = (unsigned int)control_random(&w->random);
	struct timespec start;
	int i;

	if (w->index % 50 >= 48) {
		for (i = 0; i < 1000; i++) {
			w->counts[BUSY]++;
			control_expect("tick_busy", tick_busy(n + i),
				       (n + i) * 3 + 1);
		}
		usleep(1000);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	k->sleep(w->own);
	if (k->sleep != sleep_pipe && elapsed_ns(&start) < SLEEP_NS - 2000000)
		control_wrong(k->name, (uint64_t)elapsed_ns(&start), SLEEP_NS);
	w->counts[k - kinds]++;
	control_expect(k->name, k->tick(n), n * 3 + 1);
}

static void *feeder(void *arg)
{
	sigset_t all;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		if (write(feed[1], "x", 1) != 1)
			return NULL;
		usleep(5000);
	}
}

static void remove_semaphore(void)
{
	semctl(semaphore, 0, IPC_RMID);
}

static const struct program program = {
	.counters = counters,
	.round = round_of_sleep,
	.begin = begin,
	.end = remove_semaphore,
	.threads = 300,
};

int main(int argc, char **argv)
{
	pthread_t t;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++)
		counters[i] = kinds[i].name;
	counters[BUSY] = "tick_busy";
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	if (semaphore < 0 || pipe(feed) ||
	    pthread_create(&t, NULL, feeder, NULL)) {
		perror("threads300");
		return 3;
	}
	return control_run(argc, argv, &program);
}
