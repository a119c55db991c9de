/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c and-arm64-linux */
/*
 * net-asleep.c - sleeping threads are left asleep, and held if they wake
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "net-victim.h"

static const struct net_options asleep = { .watch_blocked = true };
static struct shared *the;

/* Shared code: a function that adds 1 to what its argument points to. */
#define CODE 0x310000000000
static uint8_t *const code = (uint8_t *)CODE;
static const uint8_t add_one[] = { NET_ADD_ONE };

static bool map_code(void)
{
	if (mmap((void *)CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) != (void *)CODE)
		return false;
	memcpy(code, add_one, sizeof(add_one));
	code_written(code, sizeof(add_one));
	return true;
}

static void unmap_code(void)
{
	munmap((void *)CODE, 4096);
}

/* ---- nothing of theirs is interrupted ------------------------------------- */

static int pipe_to_fill[2], pair[2];

/* A write that has been made in part: cut short if it is interrupted. */
static void *write_much(void *arg)
{
	static char much[1 << 20];

	atomic_fetch_add(&the->ready, 1);
	if (write(pipe_to_fill[1], much, sizeof(much)) != sizeof(much))
		note_wrong(the, 1);
	atomic_fetch_add(&the->flag[0], 1);
	return arg;
}

/* The same for reading. */
static void *read_much(void *arg)
{
	char much[1000];

	atomic_fetch_add(&the->ready, 1);
	if (recv(pair[0], much, sizeof(much), MSG_WAITALL) != sizeof(much))
		note_wrong(the, 2);
	atomic_fetch_add(&the->flag[1], 1);
	return arg;
}

static void *wait_for_event(void *arg)
{
	struct epoll_event e;

	atomic_fetch_add(&the->ready, 1);
	epoll_wait(epoll_create1(0), &e, 1, -1);
	note_wrong(the, 3);
	return arg;
}

static void partly_done(struct shared *s)
{
	char text[4096];
	size_t left = 1 << 20;

	the = s;
	if (pipe(pipe_to_fill) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	start_thread(write_much, NULL);
	start_thread(read_much, NULL);
	start_thread(wait_for_event, NULL);
	if (write(pair[1], text, 400) != 400)
		abort();
	while (!atomic_load(&s->quit)) {
		struct pollfd p = { -1, 0, 0 };

		atomic_fetch_add(&s->turns[0], 1);
		poll(&p, 1, 1);
	}
	while (left)
		left -= (size_t)read(pipe_to_fill[0], text, sizeof(text));
	if (write(pair[1], text, 600) != 600)
		abort();
	pause();
}

TL_TEST(calls_done_in_part_are_not_cut_short)
{
	struct victim v = victim_start(partly_done);
	struct net_stats st;
	struct net *net;
	unsigned int left = 0;

	REQUIRE(victim_ready(&v, 3));
	pause_ms(20);
	for (int i = 0; i < FEWER(200); i++) {
		REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.rewound, 0);
		left += st.left_blocked;
	}
	CHECK(left >= FEWER(600));
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	atomic_store(&v.s->quit, 1);
	for (int i = 0;
	     i < 1000 * NET_PATIENCE &&
	     !(atomic_load(&v.s->flag[0]) && atomic_load(&v.s->flag[1]));
	     i++)
		pause_ms(1);
	CHECK_EQ(atomic_load(&v.s->flag[0]), 1);
	CHECK_EQ(atomic_load(&v.s->flag[1]), 1);
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	victim_end(&v);
}

/* ---- who wakes is held ---------------------------------------------------- */

static sigset_t mask_of_sleeper;
static void (*action_of_trap)(int sig);

static void on_trap(int sig)
{
	(void)sig;
	note_wrong(the, 3);
}

static void sleep_and_add(struct shared *s)
{
	unsigned long n = 0, calls = 0;
	sigset_t now, pending;
	char c;

	the = s;
	signal(SIGTRAP, action_of_trap);
	sigprocmask(SIG_SETMASK, &mask_of_sleeper, NULL);
	sigprocmask(SIG_SETMASK, NULL, &mask_of_sleeper);
	atomic_store(&s->ready, 1);
	while (read(pair[0], &c, 1) == 1) {
		((void (*)(unsigned long *))code)(&n);
		calls++;
		atomic_store(&s->turns[0], n);
		sigprocmask(SIG_SETMASK, NULL, &now);
		if (memcmp(&now, &mask_of_sleeper, 8))
			note_wrong(s, 1);
		if (n != calls)
			note_wrong(s, 2);
		sigpending(&pending);
		if (sigismember(&pending, SIGTRAP))
			note_wrong(s, 4);
	}
}

struct mask {
	const char *name;
	int block; /* -1: all */
	void (*action)(int sig);
	unsigned int left;
};

static const struct mask masks[] = {
	{ "nothing blocked", 0, SIG_DFL, 1 },
	{ "SIGTRAP handled", 0, on_trap, 1 },
	{ "SIGINT blocked", SIGINT, SIG_DFL, 1 },
	{ "SIGTRAP blocked", SIGTRAP, SIG_DFL, 0 },
	{ "SIGTRAP blocked and handled", SIGTRAP, on_trap, 0 },
	{ "all blocked", -1, SIG_DFL, 0 },
	{ "SIGTRAP ignored", 0, SIG_IGN, 0 },
};

static struct victim sleeper(int block, void (*action)(int sig))
{
	sigemptyset(&mask_of_sleeper);
	if (block > 0)
		sigaddset(&mask_of_sleeper, block);
	if (block < 0)
		*(uint64_t *)&mask_of_sleeper = ~(1ull << 8 | 1ull << 18);
	action_of_trap = action;
	return victim_start(sleep_and_add);
}

/* What kills whoever executes it. */
static void break_code(void)
{
	memset(code, NET_DEADLY, sizeof(add_one));
	code_written(code, sizeof(add_one));
}

static void mend_code(void)
{
	memcpy(code, add_one, sizeof(add_one));
	code_written(code, sizeof(add_one));
}

static uintptr_t place_of(pid_t pid)
{
	struct net_place p = { 0 };

	/* Not while it is taken from one stop to another. */
	for (int i = 0; i < 1000 && !p.known; i++) {
		if (i)
			pause_ms(1);
		CHECK_EQ(net_look(pid, pid, &p), 0);
	}
	return p.pc;
}

static void sleeper_wakes(const struct mask *m)
{
	struct victim v = sleeper(m->block, m->action);
	struct net_stats st;
	struct net *net;
	unsigned long n;
	uintptr_t pc;

	REQUIRE(victim_ready(&v, 1));
	for (n = 0; n < FEWER(30); n++) {
		REQUIRE(state_becomes(v.pid, 'S'));
		pc = place_of(v.pid);
		REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
		break_code();
		CHECK_EQ(write(pair[1], "x", 1), 1);
		CHECK(state_becomes(v.pid, 't'));
		if (m->left)
			CHECK_EQ(place_of(v.pid), pc);
		CHECK_EQ(atomic_load(&v.s->turns[0]), n);
		mend_code();
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.left_blocked, m->left);
		CHECK_EQ(st.caught, m->left);
		CHECK_EQ(st.rewound, 0);
		CHECK(turns_become(&v, n + 1));
	}
	CHECK_EQ(atomic_load(&v.s->detail), 0);
	CHECK_EQ(kill(v.pid, 0), 0);
	victim_end(&v);
}

TL_TEST(a_sleeper_that_wakes_is_held_and_does_not_notice)
{
	const struct mask *m;

	REQUIRE(map_code());
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for_each_row(m, masks) {
		ROW(m->name);
		sleeper_wakes(m);
	}
	unmap_code();
	close(pair[0]);
	close(pair[1]);
}

/* ---- somebody dies meanwhile ---------------------------------------------- */

/* The child of ours that is not @victim. */
static pid_t the_net(pid_t victim)
{
	FILE *f = fopen("/proc/thread-self/children", "r");
	int pid = 0;

	while (f && fscanf(f, "%d", &pid) == 1 && pid == victim)
		;
	if (f)
		fclose(f);
	return pid;
}

TL_TEST(the_net_may_be_killed_while_it_holds_one_that_woke)
{
	struct tl_window some = { .start = 0x1000, .len = 5 };
	struct victim v;
	struct net *net;

	REQUIRE(map_code());
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	v = sleeper(0, SIG_DFL);
	REQUIRE(victim_ready(&v, 1));
	for (unsigned long n = 0; n < FEWER(30); n++) {
		REQUIRE(state_becomes(v.pid, 'S'));
		REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
		if (n & 1) {
			CHECK_EQ(write(pair[1], "x", 1), 1);
			CHECK(state_becomes(v.pid, 't'));
			/* When it has answered, it has seen the stop. */
			CHECK_EQ(net_evict(net, &some, 1), 0);
		}
		CHECK_EQ(kill(the_net(v.pid), SIGKILL), 0);
		CHECK(net_evict(net, &some, 1) < 0);
		CHECK(net_close(net, NULL) < 0);
		if (!(n & 1))
			CHECK_EQ(write(pair[1], "x", 1), 1);
		CHECK(turns_become(&v, n + 1));
	}
	CHECK_EQ(atomic_load(&v.s->detail), 0);
	victim_end(&v);
	unmap_code();
	close(pair[0]);
	close(pair[1]);
}

TL_TEST(the_guardian_may_be_killed_while_sleepers_are_left)
{
	struct victim v;
	struct net *net;
	int status;
	pid_t pid;

	REQUIRE(map_code());
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	v = sleeper(0, SIG_DFL);
	REQUIRE(victim_ready(&v, 1));
	for (unsigned long n = 0; n < FEWER(30); n++) {
		REQUIRE(state_becomes(v.pid, 'S'));
		pid = fork();
		if (!pid) {
			if (open_net(&net, v.pid, 0, &asleep))
				_exit(1);
			if (n & 1 && write(pair[1], "x", 1) != 1)
				_exit(1);
			kill(getpid(), SIGKILL);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		if (!(n & 1))
			CHECK_EQ(write(pair[1], "x", 1), 1);
		CHECK(turns_become(&v, n + 1));
	}
	CHECK_EQ(atomic_load(&v.s->detail), 0);
	victim_end(&v);
	unmap_code();
	close(pair[0]);
	close(pair[1]);
}

/* ---- nobody runs ---------------------------------------------------------- */

#define WAKERS 12

static void add_and_check(struct shared *s, unsigned long *n, unsigned long i)
{
	((void (*)(unsigned long *))code)(n);
	if (*n != i)
		note_wrong(s, 10);
}

/* Asleep and awake in turn, in some ways; who is awake runs the code. */
static void *wake_often(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;
	struct pollfd p = { -1, 0, 0 };
	struct timespec t = { 0, 20000 + 7000 * me };
	unsigned long n = 0;
	uint32_t word = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	atomic_fetch_add(&the->ready, 1);
	for (unsigned long i = 1;; i++) {
		switch (me % 4) {
		case 0:
			nanosleep(&t, NULL);
			break;
		case 1:
			ppoll(&p, 1, &t, NULL);
			break;
		case 2:
			syscall(SYS_futex, &word, 0, 0, &t, NULL, 0);
			break;
		case 3:
			sigtimedwait(&set, NULL, &t);
			break;
		}
		add_and_check(the, &n, i);
		atomic_store(&the->turns[me], i);
	}
	return NULL;
}

static void on_signal(int sig)
{
	static _Thread_local unsigned long n;

	(void)sig;
	add_and_check(the, &n, n + 1);
	atomic_fetch_add(&the->flag[0], 1);
}

static void wake_all(struct shared *s)
{
	struct sigaction sa = { .sa_handler = on_signal };

	the = s;
	sigaction(SIGUSR1, &sa, NULL);
	for (uintptr_t i = 0; i < WAKERS; i++)
		start_thread(wake_often, (void *)i);
	for (;;)
		pause();
}

TL_TEST(nobody_runs_however_often_they_wake)
{
	struct tl_window some = { .start = 0x1000, .len = 5 };
	unsigned int rounds = FEWER(1500) * tl_test_scale, left = 0, caught = 0;
	struct net_stats st;
	struct victim v;
	struct net *net;

	REQUIRE(map_code());
	v = victim_start(wake_all);
	REQUIRE(victim_ready(&v, WAKERS));
	for (unsigned int i = 0; i < rounds; i++) {
		int err = open_net(&net, v.pid, 0, &asleep);

		CHECK_EQ(err, 0);
		if (err)
			break;
		break_code();
		if (i % 8 == 0)
			kill(v.pid, SIGUSR1);
		if (i % 3 == 0)
			CHECK_EQ(net_evict(net, &some, 1), 0);
		else if (i % 3 == 1)
			usleep(i % 500);
		mend_code();
		CHECK_EQ(net_close(net, &st), 0);
		left += st.left_blocked;
		caught += st.caught;
		if (i % 64 == 0)
			usleep(2000);
	}
	tl_test_note("left asleep", left);
	tl_test_note("of these held when they woke", caught);
	CHECK(left > rounds);
	CHECK(caught > rounds / 10);
	for (int i = 0; i < WAKERS; i++)
		CHECK(goes_on(&v, i, atomic_load(&v.s->turns[i])));
	CHECK(atomic_load(&v.s->flag[0]) > 0);
	CHECK_EQ(atomic_load(&v.s->detail), 0);
	victim_end(&v);
	unmap_code();
}

/* ---- who cannot be held --------------------------------------------------- */

static sigset_t one_signal(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

static void wait_usr2(void)
{
	sigset_t set = one_signal(SIGUSR2);

	sigwaitinfo(&set, NULL);
}

static void wait_trap(void)
{
	sigset_t set = one_signal(SIGTRAP);

	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwaitinfo(&set, NULL);
}

static void poll_with(const sigset_t *mask)
{
	struct pollfd p = { -1, 0, 0 };

	ppoll(&p, 1, NULL, mask);
}

static void poll_masked(void)
{
	sigset_t none;

	sigemptyset(&none);
	poll_with(&none);
}

static void poll_plain(void)
{
	poll_with(NULL);
}

static void select_with(const sigset_t *mask)
{
	struct {
		const sigset_t *set;
		size_t len;
	} arg = { mask, 8 };

	syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, &arg);
}

static void select_masked(void)
{
	sigset_t none;

	sigemptyset(&none);
	select_with(&none);
}

static void select_plain(void)
{
	select_with(NULL);
}

static void epoll_with(const sigset_t *mask)
{
	struct epoll_event e;

	epoll_pwait(epoll_create1(0), &e, 1, -1, mask);
}

static void epoll_masked(void)
{
	sigset_t none;

	sigemptyset(&none);
	epoll_with(&none);
}

static void epoll_plain(void)
{
	epoll_with(NULL);
}

static void suspend_masked(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigsuspend(&none);
}

struct call {
	const char *name;
	void (*run)(void);
	unsigned int left;
};

static const struct call calls[] = {
	{ "pause", (void (*)(void))pause, 1 },
	{ "sigwaitinfo", wait_usr2, 1 },
	{ "sigwaitinfo for SIGTRAP", wait_trap, 0 },
	{ "ppoll", poll_plain, 1 },
	{ "ppoll with a mask", poll_masked, 0 },
	{ "pselect", select_plain, 1 },
	{ "pselect with a mask", select_masked, 0 },
	{ "epoll_pwait", epoll_plain, 1 },
	{ "epoll_pwait with a mask", epoll_masked, 0 },
	{ "sigsuspend", suspend_masked, 0 },
};

static const struct call *call;

static void make_call(struct shared *s)
{
	atomic_store(&s->ready, 1);
	call->run();
	note_wrong(s, 1);
}

TL_TEST(a_sleeper_with_another_mask_is_stopped)
{
	struct net_stats st;
	struct net *net;

	for_each_row(call, calls) {
		struct victim v = victim_start(make_call);

		ROW(call->name);
		REQUIRE(victim_ready(&v, 1));
		for (int i = 0; i < FEWER(10); i++) {
			REQUIRE(state_becomes(v.pid, 'S'));
			REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
			CHECK_EQ(net_close(net, &st), 0);
			CHECK_EQ(st.left_blocked, call->left);
			CHECK_EQ(st.stopped, !call->left);
		}
		CHECK_EQ(atomic_load(&v.s->detail), 0);
		victim_end(&v);
	}
}

/* ---- what else may happen to a sleeper ------------------------------------ */

static void wait_only(struct shared *s)
{
	the = s;
	wait_for_event(NULL);
}

TL_TEST(an_ignored_signal_does_not_interrupt_a_sleeper)
{
	struct victim v = victim_start(wait_only);
	struct net_stats st;
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	REQUIRE(state_becomes(v.pid, 'S'));
	for (int i = 0; i < FEWER(20); i++) {
		REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
		kill(v.pid, SIGWINCH);
		CHECK(state_becomes(v.pid, 't'));
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.rewound, 1);
		CHECK(state_becomes(v.pid, 'S'));
	}
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	victim_end(&v);
}

static void *born_running(void *arg)
{
	atomic_fetch_add(&the->flag[0], 1);
	return arg;
}

static void wake_and_bear(struct shared *s)
{
	char c;

	the = s;
	atomic_store(&s->ready, 1);
	while (read(pair[0], &c, 1) == 1) {
		pid_t pid = -1;

		if (c == 't')
			start_thread(born_running, NULL);
		else
			pid = fork();
		if (!pid) {
			atomic_fetch_add(&s->flag[0], 1);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		atomic_fetch_add(&s->turns[0], 1);
	}
}

TL_TEST(nobody_is_born_to_a_sleeper_that_wakes)
{
	struct victim v;
	struct net *net;

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	v = victim_start(wake_and_bear);
	REQUIRE(victim_ready(&v, 1));
	for (unsigned int i = 0; i < FEWER(20); i++) {
		REQUIRE(state_becomes(v.pid, 'S'));
		REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
		CHECK_EQ(write(pair[1], i & 1 ? "t" : "f", 1), 1);
		CHECK(state_becomes(v.pid, 't'));
		pause_ms(3);
		CHECK_EQ(atomic_load(&v.s->flag[0]), i);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK(turns_become(&v, i + 1));
		for (int k = 0; k < 5000 * NET_PATIENCE; k++) {
			if (atomic_load(&v.s->flag[0]) == i + 1)
				break;
			pause_ms(1);
		}
		CHECK_EQ(atomic_load(&v.s->flag[0]), i + 1);
	}
	victim_end(&v);
	close(pair[0]);
	close(pair[1]);
}

/* ---- and evicted ---------------------------------------------------------- */

static struct tl_window w;

#define SLEEP_AT 252

static void sleep_inside(struct shared *s)
{
	atomic_store(&s->ready, 1);
	/* Its call ends inside the window. */
	((void (*)(long, long, long, long))(code + SLEEP_AT))(0, 0, 0, 0);
	atomic_store(&s->flag[0], 1);
}

/* The copy is at 512; it marks its end by returning after many nops. */
static const uint8_t sleep_code[] = { NET_SLEEP };

static void check_inside(unsigned int copy, bool busy)
{
	struct victim v;
	struct net_stats st;
	struct net *net;

	put_nops(code, 4096);
	memcpy(code + SLEEP_AT, sleep_code, sizeof(sleep_code));
	memcpy(code + 512, sleep_code, sizeof(sleep_code));
	code_written(code, 4096);
	w = (struct tl_window){ .start = CODE + SLEEP_AT,
				.len = sizeof(sleep_code),
				.n_inner = 2 };
	w.inner[0] = NET_SLEEP_CALL;
	w.moved[0] = CODE + copy + NET_SLEEP_CALL;
	w.inner[1] = NET_SLEEP_RETURNS;
	w.moved[1] = CODE + copy + NET_SLEEP_RETURNS;
	v = victim_start(sleep_inside);
	REQUIRE(victim_ready(&v, 1));
	CHECK(state_becomes(v.pid, 'S'));
	w.busy = false;
	REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
	CHECK_EQ(net_evict(net, &w, 1), 0);
	CHECK_EQ(net_close(net, &st), 0);
	CHECK_EQ(w.busy, busy);
	CHECK_EQ(st.moved, !busy);
	CHECK_EQ(st.stopped + st.left_blocked, 1);
	pause_ms(10);
	if (!busy) {
		struct net_place p;

		CHECK(state_becomes(v.pid, 'S'));
		CHECK_EQ(net_look(v.pid, v.pid, &p), 0);
		CHECK(p.known);
		CHECK_EQ(p.nr, NET_SLEEP_NR);
		CHECK_EQ(p.pc, CODE + copy + NET_SLEEP_RETURNS);
	}
	CHECK_EQ(atomic_load(&v.s->flag[0]), 0);
	victim_end(&v);
}

TL_TEST(a_thread_asleep_inside_is_moved_with_its_call)
{
	REQUIRE(map_code());
	check_inside(512, false);
	unmap_code();
}

TL_TEST(a_thread_asleep_inside_stays_where_the_copy_has_no_call)
{
	REQUIRE(map_code());
	check_inside(1024, true);
	unmap_code();
}

static void *sleep_with_word(void *arg)
{
	volatile uintptr_t word[2] = { CODE + 20, 0 };

	atomic_store(&((struct shared *)arg)->ready, 1);
	for (;;) {
		pause();
		word[1]++;
	}
	return arg;
}

static void thread_sleeps_with_word(struct shared *s)
{
	start_thread(sleep_with_word, s);
	for (;;)
		pause();
}

TL_TEST(a_sleepers_stack_is_searched)
{
	struct victim v = victim_start(thread_sleeps_with_word);
	struct net_stats st;
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	pause_ms(50);
	for (unsigned int from = 15; from < 25; from++) {
		w = (struct tl_window){ .start = CODE + from, .len = 3 };
		REQUIRE(open_net(&net, v.pid, 0, &asleep) == 0);
		CHECK_EQ(net_evict(net, &w, 1), 0);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(w.busy, from == 18 || from == 19);
		CHECK_EQ(st.left_blocked, 2);
		CHECK_EQ(st.stopped, 0);
	}
	victim_end(&v);
}
