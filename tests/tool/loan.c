/* SPDX-License-Identifier: MIT */
/* limit: 240 */
/* link: guardian and-arm64-linux tool/session.c tool/rings.c tool/text.c agent-image -lm */
/*
 * loan.c - a thread that is borrowed, for the birth of a worker, and comes back
 */
#include "attach-lib.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "worker.h"

static void wrong_unless(bool ok)
{
	if (!ok)
		__atomic_fetch_add(&shared->wrong, 1, __ATOMIC_RELAXED);
}

/* A worker is made in @pid, and ends: 0, or a negative errno. */
static int lend(pid_t pid)
{
	struct worker w;
	int err = worker_make(&w, pid);

	if (!err)
		worker_end(&w);
	return err;
}

/* ---- calls that sleep ---------------------------------------------------- */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

#define LONG_MS	  400
#define PATIENT_S 1000

static int fds[2];
static uint32_t word = 1;

static long sleep_short(void)
{
	struct timespec t = { 0, LONG_MS * 1000000 };

	return nanosleep(&t, NULL);
}

static long futex_short(void)
{
	struct timespec t = { 0, LONG_MS * 1000000 };
	long err = syscall(SYS_futex, &word, FUTEX_WAIT, 1, &t, NULL, 0);

	return err == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static long poll_short(void)
{
	return poll(NULL, 0, LONG_MS);
}

static long futex_until(void)
{
	int64_t end = now_ns() + LONG_MS * 1000000ll;
	struct timespec t = { end / 1000000000, end % 1000000000 };
	long err =
		syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 1, &t, NULL, ~0u);

	return err == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static long (*sleeps)(void);

static void sleeper(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		int64_t begin = now_ns(), ns;

		wrong_unless(sleeps() == 0);
		ns = now_ns() - begin;
		wrong_unless(ns >= LONG_MS * 1000000ll);
		/* Interrupted again and again, and each time for the rest. */
		if (ns > 3 * LONG_MS * 1000000ll)
			shared->extra[1]++;
		shared->rounds++;
	}
}

TL_TEST(a_time_limit_is_the_same_however_often_the_sleeper_is_borrowed)
{
	static const struct {
		const char *name;
		long (*fn)(void);
	} * c, cases[] = {
		{ "nanosleep", sleep_short },
		{ "futex", futex_short },
		{ "futex, absolute", futex_until },
		{ "poll", poll_short },
	};

	for_each_row(c, cases) {
		int64_t end;
		pid_t pid;

		ROW(c->name);
		sleeps = c->fn;
		pid = victim_start(sleeper);
		REQUIRE(pid > 0);
		end = now_ns() + 3000000000ll;
		for (int i = 0; i < 40 || (!shared->rounds && now_ns() < end);
		     i++)
			CHECK_EQ(lend(pid), 0);
		CHECK(shared->rounds > 0);
		CHECK_EQ(shared->wrong, 0);
		CHECK(shared->extra[1] <= 1); /* a busy machine */
		CHECK_EQ(victim_stop(pid), 0);
	}
}

/* ---- a handler that comes meanwhile -------------------------------------- */

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static long in_pause(void)
{
	return pause();
}

static long in_sigsuspend(void)
{
	sigset_t set;

	sigemptyset(&set);
	return sigsuspend(&set);
}

static long in_read(void)
{
	char byte;

	return read(fds[0], &byte, 1);
}

static long in_sleep(void)
{
	struct timespec t = { PATIENT_S, 0 };

	return nanosleep(&t, NULL);
}

static long in_futex(void)
{
	struct timespec t = { PATIENT_S, 0 };

	return syscall(SYS_futex, &word, FUTEX_WAIT, 1, &t, NULL, 0);
}

static long in_futex_forever(void)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static long in_epoll(void)
{
	struct epoll_event e;

	return epoll_wait(fds[0], &e, 1, -1);
}

static long in_ppoll(void)
{
	return poll(NULL, 0, PATIENT_S * 1000);
}

/* Each signal, and nothing else, ends the call, with EINTR. */
static void interrupted(void)
{
	struct sigaction act = { .sa_handler = handler };

	sigaction(SIGUSR1, &act, NULL);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!shared->stop) {
		long got = sleeps();

		wrong_unless(got == -1 && errno == EINTR);
		__atomic_fetch_add(&shared->extra[0], 1, __ATOMIC_RELEASE);
	}
}

/* With SA_RESTART the call is made again, and the byte is all that it sees. */
static void restarted(void)
{
	struct sigaction act = { .sa_handler = handler,
				 .sa_flags = SA_RESTART };
	char byte;

	sigaction(SIGUSR1, &act, NULL);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!shared->stop) {
		wrong_unless(read(fds[0], &byte, 1) == 1);
		__atomic_fetch_add(&shared->extra[0], 1, __ATOMIC_RELEASE);
	}
}

/* Is @pid in a system call? */
static bool asleep(pid_t pid)
{
	char path[64], text[16] = "r";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
		text[0] = 'r';
	close(fd);
	return text[0] != 'r' && text[0] != '-';
}

/* A child that signals @pid after a while of @ns. */
static pid_t signal_later(pid_t pid, int64_t ns)
{
	pid_t child = fork();

	if (child == 0) {
		int64_t end = now_ns() + ns;

		while (now_ns() < end)
			;
		kill(pid, SIGUSR1);
		_exit(0);
	}
	return child;
}

#define LOANS 25
/*
 * A signal that comes between the kernel's decision to make a call again and the
 * call is handled before that, whoever has interrupted the thread.  So it is with
 * any tracer, but seldom.
 */
#define SELDOM 2

static void borrow_and_signal(pid_t pid, bool wake)
{
	unsigned int missed = 0;

	for (int i = 0; i < LOANS; i++) {
		uint32_t n = shared->extra[0] + 1;
		pid_t child;

		for (int k = 0; k < 2000 && !asleep(pid); k++)
			nap_ms(1);
		child = signal_later(pid, i * 120000);
		CHECK_EQ(lend(pid), 0);
		waitpid(child, NULL, 0);
		if (wake) {
			nap_ms(2);
			CHECK_EQ(write(fds[1], "x", 1), 1);
		}
		if (await_word(&shared->extra[0], n, 1000))
			continue;
		missed++;
		kill(pid, SIGUSR1);
		CHECK(await_word(&shared->extra[0], n, 2000));
	}
	CHECK(missed <= SELDOM);
}

TL_TEST(a_handler_ends_the_call_of_a_borrowed_thread)
{
	static const struct {
		const char *name;
		long (*fn)(void);
	} * c, cases[] = {
		{ "pause", in_pause },
		{ "sigsuspend", in_sigsuspend },
		{ "read", in_read },
		{ "nanosleep", in_sleep },
		{ "futex", in_futex },
		{ "futex, for ever", in_futex_forever },
		{ "epoll_wait", in_epoll },
		{ "poll", in_ppoll },
	};

	for_each_row(c, cases) {
		pid_t pid;

		ROW(c->name);
		sleeps = c->fn;
		if (c->fn == in_epoll)
			REQUIRE((fds[0] = epoll_create1(0)) >= 0);
		else
			REQUIRE(pipe(fds) == 0);
		pid = victim_start(interrupted);
		REQUIRE(pid > 0);
		borrow_and_signal(pid, false);
		CHECK_EQ(shared->wrong, 0);
		CHECK_EQ(shared->extra[0], LOANS);
		__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
		kill(pid, SIGUSR1);
		CHECK_EQ(victim_stop(pid), 0);
	}
}

TL_TEST(a_handler_that_restarts_does_so)
{
	pid_t pid;

	REQUIRE(pipe(fds) == 0);
	pid = victim_start(restarted);
	REQUIRE(pid > 0);
	borrow_and_signal(pid, true);
	CHECK_EQ(shared->wrong, 0);
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- registers ----------------------------------------------------------- */

static void all_live(void)
{
	const uint64_t seed[4] = { 0x1111, 0x2222, 0x3333, 0x4444 };

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		wrong_unless(!live_registers(seed));
		shared->rounds++;
	}
}

TL_TEST(registers_and_flags_are_kept)
{
	pid_t pid = victim_start(all_live);

	REQUIRE(pid > 0);
	for (int i = 0; i < 30; i++)
		CHECK_EQ(lend(pid), 0);
	CHECK(shared->rounds > 0);
	CHECK_EQ(shared->wrong, 0);
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- who borrows is killed ----------------------------------------------- */

static void busy_and_asleep(void)
{
	const uint64_t seed[4] = { 0x1111, 0x2222, 0x3333, 0x4444 };
	struct timespec t = { 0, 20000000 };

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		sigset_t set;

		wrong_unless(!live_registers(seed));
		victim_round(7, 20);
		wrong_unless(nanosleep(&t, NULL) == 0);
		wrong_unless(!sigprocmask(SIG_BLOCK, NULL, &set) &&
			     !sigismember(&set, SIGUSR1));
		shared->extra[2]++;
	}
}

/* Borrow @pid in a child, who dies at kill point @n: did he? */
static bool die_borrowing(pid_t pid, int n)
{
	char number[16];
	int status = 0;
	pid_t child;

	snprintf(number, sizeof(number), "%d", n);
	child = fork();
	if (child == 0) {
		setenv("TRAPLINE_KILL_TOOL", number, 1);
		_exit(lend(pid) ? 1 : 0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* It goes on: calls, and comes back from sleeping. */
static bool goes_on(pid_t pid)
{
	uint32_t before = shared->extra[2];

	for (int i = 0; i < 3000; i++) {
		if (shared->extra[2] > before + 1)
			return still_right(pid);
		nap_ms(1);
	}
	return false;
}

TL_TEST(a_thread_goes_on_when_whoever_borrows_it_dies)
{
	unsigned int died = 0;
	char *maps;
	pid_t pid;

	pid = victim_start(busy_and_asleep);
	REQUIRE(pid > 0);
	maps = maps_text(pid);
	for (int round = 0; round < 2; round++)
		for (int n = 1; n <= 18; n++) {
			char row[32];

			snprintf(row, sizeof(row), "point %d", n);
			ROW(row);
			died += die_borrowing(pid, n);
			CHECK(goes_on(pid));
		}
	CHECK_EQ(lend(pid), 0);
	CHECK(maps_same(pid, maps, 1000));
	CHECK_EQ(text_differs(pid), 0);
	printf("# died: %u\n", died);
	(void)fflush(stdout);
	CHECK(died >= 2 * 17);
	CHECK_EQ(shared->wrong, 0);
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}
