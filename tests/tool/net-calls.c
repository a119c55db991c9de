/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c and-arm64-linux */
/*
 * net-calls.c - no system call shows that its thread was stopped
 *
 * A thread sleeps in each kind of call while the net is opened and closed a
 * thousand times.  No call may return EINTR, early, or with less than it was
 * asked for.
 */
#define _GNU_SOURCE
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net-victim.h"

#define SHORT_MS 40 /* time limits of the calls that have one */
#define CYCLES	 FEWER(1000)

static struct shared *the;
static int epoll_fd, sem_id, msg_id, listener, pair[2], empty_pipe[2];
static aio_context_t aio;
static const struct timespec limit = { 0, SHORT_MS * 1000000 };

static struct timespec from_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += SHORT_MS * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static long do_epoll_wait(void)
{
	struct epoll_event e;

	return epoll_wait(epoll_fd, &e, 1, SHORT_MS);
}

static long do_epoll_wait_for_ever(void)
{
	struct epoll_event e;

	return epoll_wait(epoll_fd, &e, 1, -1);
}

static long do_epoll_pwait(void)
{
	struct epoll_event e;
	sigset_t all;

	sigfillset(&all);
	return epoll_pwait(epoll_fd, &e, 1, SHORT_MS, &all);
}

static long do_semtimedop(void)
{
	struct sembuf op = { 0, -1, 0 };

	return semtimedop(sem_id, &op, 1, &limit);
}

static long do_recv(void)
{
	char c;

	return recv(pair[0], &c, 1, 0);
}

static long do_recv_all(void)
{
	char text[64];

	return recv(pair[0], text, sizeof(text), MSG_WAITALL);
}

static long do_accept(void)
{
	return accept(listener, NULL, NULL);
}

static long do_sigtimedwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &limit);
}

static long do_nanosleep(void)
{
	return nanosleep(&limit, NULL);
}

static long do_clock_nanosleep(void)
{
	struct timespec t = from_now();
	int err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);

	errno = err;
	return err ? -1 : 0;
}

static long do_poll(void)
{
	struct pollfd p = { empty_pipe[0], POLLIN, 0 };

	return poll(&p, 1, SHORT_MS);
}

static long do_ppoll(void)
{
	struct pollfd p = { empty_pipe[0], POLLIN, 0 };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, &limit, &none);
}

static long do_select(void)
{
	struct timeval t = { 0, SHORT_MS * 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(empty_pipe[0], &set);
	return select(empty_pipe[0] + 1, &set, NULL, NULL, &t);
}

static long do_futex(void)
{
	static uint32_t word;

	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit, NULL, 0);
}

static long do_futex_until(void)
{
	static uint32_t word;
	struct timespec t = from_now();

	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0u);
}

static long do_io_getevents(void)
{
	struct io_event e;
	struct timespec t = limit;

	return syscall(SYS_io_getevents, aio, 1, 1, &e, &t);
}

static long do_mq_timedreceive(void)
{
	static mqd_t q = -1;
	struct timespec t;
	char text[64];

	if (q == -1) {
		struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 64 };

		q = mq_open("/tl-net-calls", O_CREAT | O_RDWR, 0600, &a);
		mq_unlink("/tl-net-calls");
	}
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += SHORT_MS * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return mq_timedreceive(q, text, sizeof(text), NULL, &t);
}

static long do_msgrcv(void)
{
	struct {
		long type;
		char text[8];
	} m;

	return msgrcv(msg_id, &m, sizeof(m.text), 0, 0);
}

static long do_pause(void)
{
	return pause();
}

static long do_sigsuspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	return sigsuspend(&none);
}

static long do_read(void)
{
	char c;

	return read(empty_pipe[0], &c, 1);
}

static long do_sigwait(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	errno = sigwait(&set, &sig);
	return errno ? -1 : 0;
}

struct call {
	const char *name;
	long (*run)(void);
	int err; /* what the time limit gives; 0: success, -1: never returns */
};

static const struct call calls[] = {
	{ "epoll_wait", do_epoll_wait, 0 },
	{ "epoll_wait for ever", do_epoll_wait_for_ever, -1 },
	{ "epoll_pwait", do_epoll_pwait, 0 },
	{ "semtimedop", do_semtimedop, EAGAIN },
	{ "recv with SO_RCVTIMEO", do_recv, EAGAIN },
	{ "recv of more, with SO_RCVTIMEO", do_recv_all, EAGAIN },
	{ "accept with SO_RCVTIMEO", do_accept, EAGAIN },
	{ "sigtimedwait", do_sigtimedwait, EAGAIN },
	{ "sigwait", do_sigwait, -1 },
	{ "nanosleep", do_nanosleep, 0 },
	{ "clock_nanosleep", do_clock_nanosleep, 0 },
	{ "poll", do_poll, 0 },
	{ "ppoll", do_ppoll, 0 },
	{ "select", do_select, 0 },
	{ "futex", do_futex, ETIMEDOUT },
	{ "futex until", do_futex_until, ETIMEDOUT },
	{ "io_getevents", do_io_getevents, 0 },
	{ "mq_timedreceive", do_mq_timedreceive, ETIMEDOUT },
	{ "msgrcv", do_msgrcv, -1 },
	{ "pause", do_pause, -1 },
	{ "sigsuspend", do_sigsuspend, -1 },
	{ "read", do_read, -1 },
};

/* Rows for the report: which call, and what it did. */
static void *call_again_and_again(void *arg)
{
	const struct call *c = arg;
	unsigned long row = (unsigned long)(c - calls);
	uint64_t begun, took;
	long r;

	atomic_fetch_add(&the->ready, 1);
	while (!atomic_load(&the->quit)) {
		begun = clock_ns();
		errno = 0;
		r = c->run();
		took = clock_ns() - begun;
		if (atomic_load(&the->quit))
			break;
		if (NET_SHOWS_EINTR && r == -1 && errno == EINTR)
			atomic_fetch_add(&the->flag[0], 1);
		else if (c->err < 0 || (c->err == 0 && r != 0) ||
			 (c->err > 0 && (r != -1 || errno != c->err)))
			note_wrong(the, row * 1000 + (unsigned long)errno);
		else if (took < SHORT_MS * 1000000ull - NET_TICK_NS)
			note_wrong(the, row * 1000 + 999);
		atomic_fetch_add(&the->turns[row], 1);
	}
	return NULL;
}

static void prepare(void)
{
	struct timeval t = { 0, SHORT_MS * 1000 };
	struct sockaddr_in any = { .sin_family = AF_INET };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(empty_pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	epoll_fd = epoll_create1(0);
	sem_id = semget(IPC_PRIVATE, 1, 0600);
	msg_id = msgget(IPC_PRIVATE, 0600);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *)&any, sizeof(any));
	listen(listener, 1);
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	syscall(SYS_io_setup, 4, &aio);
}

static void all_calls(struct shared *s)
{
	the = s;
	prepare();
	for (size_t i = 0; i < TL_ARRAY_SIZE(calls); i++)
		start_thread(call_again_and_again, (void *)&calls[i]);
	while (!atomic_load(&s->quit))
		usleep(10000);
	semctl(sem_id, 0, IPC_RMID);
	msgctl(msg_id, IPC_RMID, NULL);
}

/* Throw nets over all the calls; the number of them that were rewound. */
static unsigned int through_all_calls(const struct net_options *o)
{
	struct victim v = victim_start(all_calls);
	unsigned int rewound = 0, cycles = CYCLES * tl_test_scale;
	uint64_t longest = 0;
	struct net_stats st;
	struct net *net;

	CHECK(victim_ready(&v, TL_ARRAY_SIZE(calls)));
	pause_ms(50);
	for (unsigned int i = 0; i < cycles; i++) {
		int err = open_net(&net, v.pid, 0, o);

		CHECK_EQ(err, 0);
		if (err)
			break;
		CHECK_EQ(net_close(net, &st), 0);
		rewound += st.rewound;
		if (st.longest_stop_ns > longest)
			longest = st.longest_stop_ns;
		if (i % 10 == 0)
			pause_ms((i / 10) % 3 * SHORT_MS);
	}
	tl_test_note("system calls rewound", rewound);
	tl_test_note("longest stop, ns", longest);
	tl_test_note("calls that ended with EINTR", atomic_load(&v.s->flag[0]));
	CHECK(atomic_load(&v.s->flag[0]) <= rewound);
	for (size_t i = 0; i < TL_ARRAY_SIZE(calls); i++) {
		ROW(calls[i].name);
		if (calls[i].err >= 0)
			CHECK(atomic_load(&v.s->turns[i]) > 0);
	}
	ROW("the first wrong call * 1000 + errno");
	if (atomic_load(&v.s->wrong))
		CHECK_EQ(atomic_load(&v.s->detail), 0);
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	atomic_store(&v.s->quit, 1);
	pause_ms(30);
	victim_end(&v);
	return rewound;
}

TL_TEST(no_call_returns_early_or_with_eintr)
{
	CHECK(through_all_calls(NULL) > CYCLES / 10);
}

TL_TEST(no_call_of_a_sleeper_is_interrupted_when_it_is_left_asleep)
{
	const struct net_options asleep = { .watch_blocked = true };

	/* A call with a mask of its own; a few caught on their way into one. */
	CHECK(through_all_calls(&asleep) <
	      (CYCLES + CYCLES / 2) * tl_test_scale);
}

/* ---- real signals --------------------------------------------------------- */

static atomic_ulong handled, returned;
static atomic_int stop_waiting;

static void count_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code != SI_QUEUE ||
	    info->si_value.sival_int != (int)atomic_load(&handled) + 1)
		note_wrong(the, 10000 + (unsigned int)info->si_value.sival_int);
	atomic_fetch_add(&handled, 1);
}

/*
 * One thread waits for ever and is only interrupted by real signals, each of
 * which must be seen as exactly one EINTR.
 */
static void wait_for_signals(struct shared *s, int flags, long (*call)(void))
{
	struct sigaction sa = { .sa_sigaction = count_signal,
				.sa_flags = SA_SIGINFO | flags };

	the = s;
	prepare();
	sigaction(SIGUSR2, &sa, NULL);
	atomic_store(&s->ready, 1);
	for (;;) {
		errno = 0;
		if (call() != -1 || errno != EINTR)
			note_wrong(s, 1000 + (unsigned long)errno);
		atomic_store(&s->turns[0], atomic_fetch_add(&returned, 1) + 1);
		atomic_store(&s->turns[1], atomic_load(&handled));
	}
}

static void epoll_plain(struct shared *s)
{
	wait_for_signals(s, 0, do_epoll_wait_for_ever);
}

static void epoll_restart(struct shared *s)
{
	wait_for_signals(s, SA_RESTART, do_epoll_wait_for_ever);
}

static void pause_plain(struct shared *s)
{
	wait_for_signals(s, 0, do_pause);
}

static void read_plain(struct shared *s)
{
	wait_for_signals(s, 0, do_read);
}

static long sleep_long(void)
{
	struct timespec t = { 1000, 0 };

	return nanosleep(&t, NULL);
}

static void nanosleep_plain(struct shared *s)
{
	wait_for_signals(s, SA_RESTART, sleep_long);
}

static void (*const waiters[])(struct shared *s) = {
	epoll_plain, epoll_restart, pause_plain, read_plain, nanosleep_plain,
};

/* Wait until call number @n has returned. */
static bool returned_from(struct victim *v, unsigned long n)
{
	for (int i = 0; i < 1000 * NET_PATIENCE; i++) {
		if (atomic_load(&v->s->turns[0]) >= n)
			return true;
		pause_ms(1);
	}
	return false;
}

static void *cycle_nets(void *arg)
{
	struct victim *v = arg;
	struct net *net;

	while (!atomic_load(&stop_waiting)) {
		if (open_net(&net, v->pid, 0, NULL) || net_close(net, NULL))
			note_wrong(v->s, 5000);
		sched_yield();
	}
	return NULL;
}

TL_TEST(a_real_signal_interrupts_a_call_exactly_once)
{
	union sigval value;
	pthread_t t;

	for (size_t i = 0; i < TL_ARRAY_SIZE(waiters); i++) {
		struct victim v = victim_start(waiters[i]);
		unsigned int n = FEWER(150), before = 0;

		tl_test_note("waiter", i);
		REQUIRE(victim_ready(&v, 1));
		pause_ms(20);
		atomic_store(&stop_waiting, 0);
		pthread_create(&t, NULL, cycle_nets, &v);
		for (unsigned int k = 1; k <= n; k++) {
			value.sival_int = (int)k;
			usleep(k * 7 % 900);
			if (!state_becomes(v.pid, 'S'))
				break;
			sigqueue(v.pid, SIGUSR2, value);
			/* Seldom it comes just before the call is entered. */
			before += !returned_from(&v, k - before);
		}
		atomic_store(&stop_waiting, 1);
		pthread_join(t, NULL);
		CHECK(before <= 3);
		CHECK_EQ(atomic_load(&v.s->turns[0]), n - before);
		CHECK(atomic_load(&v.s->turns[1]) + 1 >= n);
		CHECK_EQ(atomic_load(&v.s->detail), 0);
		victim_end(&v);
	}
}

/* The same, with the signal sent while the thread is certainly held. */
TL_TEST(a_signal_that_comes_during_the_stop_interrupts_the_call)
{
	union sigval value;

	for (size_t i = 0; i < TL_ARRAY_SIZE(waiters); i++) {
		struct victim v = victim_start(waiters[i]);
		struct net *net;

		tl_test_note("waiter", i);
		REQUIRE(victim_ready(&v, 1));
		pause_ms(20);
		for (value.sival_int = 1; value.sival_int <= FEWER(20);
		     value.sival_int++) {
			REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
			sigqueue(v.pid, SIGUSR2, value);
			CHECK_EQ(net_close(net, NULL), 0);
			REQUIRE(returned_from(&v, (unsigned)value.sival_int));
			pause_ms(2);
		}
		CHECK_EQ(atomic_load(&v.s->turns[0]), FEWER(20));
		CHECK_EQ(atomic_load(&v.s->turns[1]), FEWER(20));
		CHECK_EQ(atomic_load(&v.s->detail), 0);
		victim_end(&v);
	}
}

/* Signals that end in nothing must not interrupt, stopped or not. */
TL_TEST(an_ignored_signal_during_the_stop_interrupts_nothing)
{
	struct victim v = victim_start(epoll_plain);
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	pause_ms(20);
	for (int i = 0; i < FEWER(50); i++) {
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		kill(v.pid, SIGWINCH);
		kill(v.pid, SIGCHLD);
		CHECK_EQ(net_close(net, NULL), 0);
	}
	pause_ms(10);
	CHECK_EQ(atomic_load(&v.s->turns[0]), 0);
	victim_end(&v);
}

/* ---- those who take signals themselves ------------------------------------ */

static void *take_by_signalfd(void *arg)
{
	sigset_t set;
	struct signalfd_siginfo si;
	int fd;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	fd = signalfd(-1, &set, 0);
	atomic_fetch_add(&the->ready, 1);
	while (read(fd, &si, sizeof(si)) == sizeof(si))
		atomic_fetch_add(&the->turns[0], 1);
	note_wrong(the, 1);
	return NULL;
}

static void *take_by_sigtimedwait(void *arg)
{
	struct timespec t = { 100, 0 };
	siginfo_t info;
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	atomic_fetch_add(&the->ready, 1);
	while (sigtimedwait(&set, &info, &t) == SIGRTMIN + 1)
		atomic_fetch_add(&the->turns[1], 1);
	note_wrong(the, 2);
	return NULL;
}

static void take_signals(struct shared *s)
{
	sigset_t set;

	the = s;
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	start_thread(take_by_signalfd, NULL);
	start_thread(take_by_sigtimedwait, NULL);
	for (;;)
		pause();
}

TL_TEST(signalfd_and_sigtimedwait_get_every_signal_once)
{
	struct victim v = victim_start(take_signals);
	pthread_t t;
	int n = FEWER(1000);

	REQUIRE(victim_ready(&v, 2));
	atomic_store(&stop_waiting, 0);
	pthread_create(&t, NULL, cycle_nets, &v);
	for (int i = 0; i < n; i++) {
		kill(v.pid, SIGRTMIN);
		kill(v.pid, SIGRTMIN + 1);
		usleep(300);
	}
	atomic_store(&stop_waiting, 1);
	pthread_join(t, NULL);
	pause_ms(50);
	CHECK_EQ(atomic_load(&v.s->turns[0]), n);
	CHECK_EQ(atomic_load(&v.s->turns[1]), n);
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	victim_end(&v);
}
