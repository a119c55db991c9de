/* SPDX-License-Identifier: MIT */
/* link: guardian and-arm64-linux tool/session.c tool/rings.c tool/text.c agent-image -lm */
/*
 * attach-basic.c - attach, count, time, detach: what the target may notice of
 * it
 */
#include "attach-lib.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/futex.h>

static const struct session_options no_options = { 0 };

/* Attach to @pid and arm the probed function: NULL if that fails. */
static struct session *arm(pid_t pid, enum session_action action,
			   struct session_probe *p)
{
	struct session *s;
	int got;

	got = session_attach(&s, pid, &no_options);
	CHECK_EQ(got, 0);
	if (got) {
		CHECK_STR(session_error(), NULL);
		return NULL;
	}
	probed_probe(p, action);
	got = session_add(s, p, 1);
	CHECK_EQ(got, 1);
	CHECK_EQ(p->err, 0);
	CHECK_EQ(p->kind, SESSION_JUMP);
	if (got == 1)
		return s;
	CHECK_EQ(session_detach(s), 0);
	return NULL;
}

static void check_as_before(pid_t pid, const char *maps)
{
	CHECK(maps_same(pid, maps, 0));
	CHECK(text_same(pid));
	CHECK_EQ(copied_text_kb(pid), 0);
}

/* ---- counts and times ---------------------------------------------------- */

/* Works when it is told to, `extra[0]` rounds at a time. */
static void stepwise_thread(unsigned int me)
{
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		uint32_t go = __atomic_load_n(&shared->go, __ATOMIC_ACQUIRE);

		if (shared->extra[me] == go) {
			usleep(200);
			continue;
		}
		victim_round(me, 1000);
		__atomic_store_n(&shared->extra[me], go, __ATOMIC_RELEASE);
	}
}

static void *stepwise_start(void *arg)
{
	stepwise_thread((unsigned int)(uintptr_t)arg);
	return NULL;
}

static void stepwise(void)
{
	pthread_t t[VICTIM_THREADS];

	for (long i = 0; i < VICTIM_THREADS; i++)
		pthread_create(&t[i], NULL, stepwise_start, (void *)i);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < VICTIM_THREADS; i++)
		pthread_join(t[i], NULL);
}

/* Let all threads of it do a round, and wait for that. */
static void step(void)
{
	uint32_t go = ++shared->go;

	for (int i = 0; i < VICTIM_THREADS; i++)
		CHECK(await_word(&shared->extra[i], go, 5000));
}

TL_TEST(counts_are_exact_while_threads_run)
{
	pid_t pid = victim_start(stepwise);
	struct session_probe p;
	struct session *s;
	uint64_t before;
	char *maps;

	REQUIRE(pid > 0);
	step();
	maps = maps_text(pid);
	for (int i = 0; i < 10; i++) {
		s = arm(pid, SESSION_COUNT, &p);
		if (!s)
			break;
		before = shared->calls;
		CHECK_EQ(session_hits(s, p.id), 0);
		step();
		step();
		CHECK_EQ(session_hits(s, p.id), shared->calls - before);
		CHECK_EQ(session_missed(s, p.id), 0);
		CHECK_EQ(session_detach(s), 0);
		check_as_before(pid, maps);
	}
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(every_call_is_timed_and_in_a_bucket)
{
	pid_t pid = victim_start(stepwise);
	struct session_times t = { 0 };
	struct session_probe p;
	struct session_stats st;
	struct session *s;
	uint64_t before, sum = 0;
	char *maps;

	REQUIRE(pid > 0);
	step();
	maps = maps_text(pid);
	s = arm(pid, SESSION_TIME, &p);
	REQUIRE(s);
	before = shared->calls;
	for (int i = 0; i < 5; i++)
		step();
	CHECK(session_times(s, p.id, &t));
	CHECK_EQ(t.calls, shared->calls - before);
	CHECK_EQ(t.missed, 0);
	for (int i = 0; i < SESSION_BUCKETS; i++)
		sum += t.bucket[i];
	CHECK_EQ(sum, t.calls);
	CHECK(t.min <= t.max);
	CHECK(t.total >= t.min * t.calls && t.total <= t.max * t.calls);
	session_get_stats(s, &st);
	CHECK(st.ticks_per_second > 1000000);
	CHECK(st.threads == VICTIM_THREADS + 1);
	CHECK_EQ(session_detach(s), 0);
	check_as_before(pid, maps);
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(buckets_are_an_eighth_of_a_power_of_two_wide)
{
	CHECK_EQ(session_bucket_low(0), 0);
	CHECK_EQ(session_bucket_low(15), 15);
	CHECK_EQ(session_bucket_low(16), 16);
	CHECK_EQ(session_bucket_low(17), 18);
	CHECK_EQ(session_bucket_low(24), 32);
	CHECK_EQ(session_bucket_low(495), 15ull << 60);
}

/* ---- system calls that are interrupted ----------------------------------- */

static void wrong_unless(bool ok)
{
	if (!ok)
		__atomic_fetch_add(&shared->wrong, 1, __ATOMIC_RELAXED);
}

static void in_nanosleep(void)
{
	struct timespec a, b, t = { 0, 100000000 };
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &a);
	wrong_unless(nanosleep(&t, NULL) == 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
	wrong_unless(ns >= 100000000);
}

/* A call has said @said: that is @want, or it tells that it was interrupted. */
static void ended(int said, int want)
{
	if (EINTR_SHOWS && said == EINTR)
		shared->extra[14]++;
	else
		wrong_unless(said == want);
}

static void in_epoll_wait(void)
{
	static int ep = -1;
	struct epoll_event e;

	if (ep < 0)
		ep = epoll_create1(0);
	ended(epoll_wait(ep, &e, 1, 100) ? errno : 0, 0);
}

static void in_poll(void)
{
	wrong_unless(poll(NULL, 0, 100) == 0);
}

static void in_select(void)
{
	struct timeval t = { 0, 100000 };

	wrong_unless(select(0, NULL, NULL, NULL, &t) == 0);
}

static void in_sigtimedwait(void)
{
	struct timespec t = { 0, 100000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ended(sigtimedwait(&set, NULL, &t) == -1 ? errno : 0, EAGAIN);
}

static void in_semtimedop(void)
{
	static int id = -1;
	struct sembuf op = { 0, -1, 0 };
	struct timespec t = { 0, 100000000 };

	if (id < 0) {
		id = semget(IPC_PRIVATE, 1, 0600);
		shared->extra[15] = (uint32_t)id + 1;
	}
	ended(semtimedop(id, &op, 1, &t) == -1 ? errno : 0, EAGAIN);
}

static void in_recv(void)
{
	static int fds[2] = { -1, -1 };
	struct timeval t = { 0, 100000 };
	char byte;

	if (fds[0] < 0) {
		wrong_unless(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	}
	ended(recv(fds[0], &byte, 1, 0) == -1 ? errno : 0, EAGAIN);
}

static void in_futex(void)
{
	struct timespec t = { 0, 100000000 };
	uint32_t word = 1;

	wrong_unless(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &t, NULL, 0) ==
			     -1 &&
		     errno == ETIMEDOUT);
}

static void (*blocking)(void);

static void sleeper(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		blocking();
		victim_round(1, 10);
	}
}

TL_TEST(no_system_call_shows_that_it_was_interrupted)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} * c, cases[] = {
		{ "nanosleep", in_nanosleep },
		{ "epoll_wait", in_epoll_wait },
		{ "poll", in_poll },
		{ "select", in_select },
		{ "sigtimedwait", in_sigtimedwait },
		{ "semtimedop", in_semtimedop },
		{ "recv with a timeout", in_recv },
		{ "futex", in_futex },
	};
	struct session_probe p;
	struct session *s;

	for_each_row(c, cases) {
		int semaphores;
		pid_t pid;

		ROW(c->name);
		blocking = c->fn;
		pid = victim_start(sleeper);
		REQUIRE(pid > 0);
		for (int i = 0; i < 5; i++) {
			s = arm(pid, i & 1 ? SESSION_TIME : SESSION_COUNT, &p);
			if (!s)
				break;
			nap_ms(20);
			CHECK_EQ(session_detach(s), 0);
		}
		CHECK_EQ(shared->wrong, 0);
		CHECK(shared->extra[14] <= EINTR_SHOWS);
		semaphores = (int)shared->extra[15] - 1;
		CHECK_EQ(victim_stop(pid), 0);
		if (semaphores >= 0)
			semctl(semaphores, 0, IPC_RMID);
	}
}

/* ---- registers ----------------------------------------------------------- */

/*
 * Nothing but this loop runs, with known values in all that can be live; who is
 * borrowed is borrowed in it.
 */
static void all_live(void)
{
	const uint64_t seed[4] = { 0x1111, 0x2222, 0x3333, 0x4444 };
	uint64_t wrong;

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		wrong = live_registers(seed);
		wrong_unless(!wrong);
		__atomic_fetch_add(&shared->rounds, 1, __ATOMIC_RELAXED);
	}
}

TL_TEST(a_borrowed_thread_keeps_registers_flags_and_red_zone)
{
	pid_t pid = victim_start(all_live);
	struct session_probe p;
	struct session *s;

	REQUIRE(pid > 0);
	for (int i = 0; i < 30; i++) {
		s = arm(pid, SESSION_COUNT, &p);
		if (!s)
			break;
		CHECK_EQ(session_detach(s), 0);
	}
	CHECK(shared->rounds > 0);
	CHECK_EQ(shared->wrong, 0);
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- its end ------------------------------------------------------------- */

TL_TEST(figures_outlive_the_target)
{
	pid_t pid = victim_start(stepwise);
	struct session_probe p;
	struct session *s;
	uint64_t before, calls;

	REQUIRE(pid > 0);
	s = arm(pid, SESSION_COUNT, &p);
	REQUIRE(s);
	before = shared->calls;
	step();
	calls = shared->calls - before;
	CHECK_EQ(session_state(s), SESSION_ALIVE);
	CHECK_EQ(victim_stop(pid), 0);
	CHECK_EQ(poll(&(struct pollfd){ session_fd(s), POLLIN, 0 }, 1, 2000),
		 1);
	CHECK_EQ(session_state(s), SESSION_EXITED);
	CHECK(session_hits(s, p.id) >= calls);
	CHECK_EQ(session_detach(s), 0);
}

static void execs(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		victim_round(1, 10);
	execl("/bin/sleep", "sleep", "30", NULL);
	execl("/busybox", "sleep", "30", NULL);
}

TL_TEST(another_program_in_the_process_is_noticed_and_left_alone)
{
	pid_t pid = victim_start(execs);
	struct session_probe p;
	struct session *s;

	REQUIRE(pid > 0);
	s = arm(pid, SESSION_COUNT, &p);
	REQUIRE(s);
	shared->go = 1;
	CHECK_EQ(poll(&(struct pollfd){ session_fd(s), POLLIN, 0 }, 1, 2000),
		 1);
	CHECK_EQ(session_state(s), SESSION_EXECED);
	CHECK(session_add(s, &p, 1) < 0);
	CHECK_EQ(session_detach(s), 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(victim_stop(pid), SIGKILL);
}

/* ---- fork ---------------------------------------------------------------- */

/* Forks a child that works until told to end; extra[1] is its pid. */
static void forker(void)
{
	pid_t child;

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		usleep(100);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
			victim_round(3, 100);
			usleep(100);
		}
		_exit(0);
	}
	shared->extra[1] = (uint32_t)child;
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		usleep(1000);
	waitpid(child, NULL, 0);
}

TL_TEST(a_fork_childs_hits_are_nobodys_and_it_is_cleaned_too)
{
	pid_t pid = victim_start(forker), child;
	struct session_probe p[2];
	struct session *s;
	char *maps;

	REQUIRE(pid > 0);
	maps = maps_text(pid);
	s = arm(pid, SESSION_COUNT, &p[0]);
	REQUIRE(s);
	shared->go = 1;
	for (int i = 0; i < 1000 && !shared->extra[1]; i++)
		nap_ms(1);
	child = (pid_t)shared->extra[1];
	REQUIRE(child > 0);
	for (int i = 0; i < 1000 && shared->calls < 1000; i++)
		nap_ms(1);
	CHECK(shared->calls >= 1000);
	CHECK_EQ(session_hits(s, p[0].id), 0);
	CHECK_EQ(session_detach(s), 0);
	check_as_before(pid, maps);
	check_as_before(child, maps);
	CHECK(still_right(pid));
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

/* A function that forks, so that the child returns from it, too. */
__attribute__((noinline, noclone, used)) pid_t forks_inside(void);
__attribute__((noinline, noclone, used)) pid_t forks_inside(void)
{
	pid_t pid = fork();

	__asm__ volatile("" ::: "memory");
	return pid;
}
__attribute__((noinline, noclone, used)) void forks_inside_end(void);
__attribute__((noinline, noclone, used)) void forks_inside_end(void)
{
	__asm__ volatile("");
}

static void forks_often(void)
{
	int status;
	pid_t child;

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		child = forks_inside();
		if (child == 0)
			_exit(7);
		shared->calls++;
		wrong_unless(waitpid(child, &status, 0) == child &&
			     WIFEXITED(status) && WEXITSTATUS(status) == 7);
	}
}

TL_TEST(a_fork_child_returns_from_what_its_parent_entered)
{
	pid_t pid = victim_start(forks_often);
	struct session_probe p = {
		.addr = (uint64_t)(uintptr_t)forks_inside,
		.start = (uint64_t)(uintptr_t)forks_inside,
		.end = (uint64_t)(uintptr_t)forks_inside_end,
		.action = SESSION_TIME,
		.name = "forks_inside",
	};
	struct session *s;
	uint64_t before, calls;
	char *maps;

	REQUIRE(pid > 0);
	maps = maps_text(pid);
	REQUIRE(session_attach(&s, pid, &no_options) == 0);
	before = shared->calls;
	CHECK_EQ(session_add(s, &p, 1), 1);
	nap_ms(100);
	calls = session_hits(s, p.id);
	CHECK(calls > 0);
	/* At most one is under way on either side of each reading. */
	CHECK(calls <= shared->calls - before + 1);
	CHECK_EQ(session_detach(s), 0);
	CHECK(maps_same(pid, maps, 0));
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- a long call is under way -------------------------------------------- */

__attribute__((noinline, noclone, used)) uint64_t sleeps_long(uint64_t a);
__attribute__((noinline, noclone, used)) uint64_t sleeps_long(uint64_t a)
{
	shared->extra[2]++;
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		usleep(1000);
	return a + 1;
}
__attribute__((noinline, noclone, used)) void sleeps_long_end(void);
__attribute__((noinline, noclone, used)) void sleeps_long_end(void)
{
	__asm__ volatile("");
}

static void long_call(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->extra[3], __ATOMIC_ACQUIRE))
		usleep(100);
	wrong_unless(sleeps_long(41) == 42);
	shared->extra[4] = 1;
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		usleep(1000);
}

TL_TEST(a_call_under_way_gets_its_return_address_back)
{
	pid_t pid = victim_start(long_call);
	struct session_probe p = {
		.addr = (uint64_t)(uintptr_t)sleeps_long,
		.start = (uint64_t)(uintptr_t)sleeps_long,
		.end = (uint64_t)(uintptr_t)sleeps_long_end,
		.action = SESSION_TIME,
		.name = "sleeps_long",
	};
	struct session *s;
	char *maps;

	REQUIRE(pid > 0);
	maps = maps_text(pid);
	REQUIRE(session_attach(&s, pid, &no_options) == 0);
	CHECK_EQ(session_add(s, &p, 1), 1);
	shared->extra[3] = 1;
	CHECK(await_word(&shared->extra[2], 1, 2000));
	CHECK_EQ(session_detach(s), 0);
	CHECK(maps_same(pid, maps, 0));
	shared->go = 1;
	CHECK(await_word(&shared->extra[4], 1, 2000));
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

/* Adopts what its children leave, as the first process of a container does. */
static void adopter(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		victim_round(2, 100);
		usleep(300);
	}
	wrong_unless(waitpid(-1, NULL, WNOHANG | __WALL) == -1 &&
		     errno == ECHILD);
}

TL_TEST(no_zombie_is_left_to_a_target_that_adopts)
{
	pid_t pid = victim_start(adopter);
	struct session_probe p;
	struct session *s;

	REQUIRE(pid > 0);
	for (int i = 0; i < 3; i++) {
		s = arm(pid, SESSION_COUNT, &p);
		if (s)
			CHECK_EQ(session_detach(s), 0);
	}
	CHECK(text_same(pid));
	CHECK_EQ(victim_stop(pid), 0);
}

/* read(), with its system call where the probe is, or behind that. */
long bare_read(int fd, void *buf, size_t n);
extern const char bare_read_at[], bare_read_end[];
__asm__(BARE_READ);

static int pipe_fds[2];

static void reader(void)
{
	char byte;

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (bare_read(pipe_fds[0], &byte, 1) == 1) {
		wrong_unless(byte == 'x');
		shared->extra[5]++;
	}
}

TL_TEST(a_thread_asleep_in_a_copied_system_call_is_moved_back)
{
	struct session_probe p = {
		.addr = (uint64_t)(uintptr_t)bare_read_at,
		.start = (uint64_t)(uintptr_t)bare_read,
		.end = (uint64_t)(uintptr_t)bare_read_end - 8,
		.action = SESSION_COUNT,
		.name = "bare_read",
	};
	struct session *s;
	char *maps;
	pid_t pid;

	REQUIRE(pipe(pipe_fds) == 0);
	pid = victim_start(reader);
	REQUIRE(pid > 0);
	maps = maps_text(pid);
	nap_ms(20);
	REQUIRE(session_attach(&s, pid, &no_options) == 0);
	CHECK_EQ(session_add(s, &p, 1), 1);
	CHECK_EQ(p.err, 0);
	CHECK_EQ(p.why, TL_WHY_NONE);
	for (uint32_t i = 1; i <= 3; i++) {
		CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
		CHECK(await_word(&shared->extra[5], i, 2000));
	}
	nap_ms(20);
	/* It sleeps in the copy now, and nobody writes. */
	CHECK_EQ(session_hits(s, p.id), 3);
	CHECK_EQ(session_detach(s), 0);
	CHECK(maps_same(pid, maps, 0));
	CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	CHECK(await_word(&shared->extra[5], 4, 2000));
	kill(pid, SIGKILL);
	CHECK_EQ(victim_stop(pid), SIGKILL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	free(maps);
}

/* ---- who is there already ------------------------------------------------ */

TL_TEST(status_shows_what_is_armed_and_clean_asks_the_guardian)
{
	pid_t pid = victim_start(stepwise);
	struct session_view v;
	struct session_probe p;
	struct session *s;
	uint64_t before;
	char *maps;

	REQUIRE(pid > 0);
	step();
	maps = maps_text(pid);
	CHECK_EQ(session_look(pid, &v), 0);
	s = arm(pid, SESSION_COUNT, &p);
	REQUIRE(s);
	before = shared->calls;
	step();
	CHECK_EQ(session_look(pid, &v), 1);
	CHECK(v.guardian > 0);
	CHECK_EQ(v.n, 1);
	CHECK_STR(v.probes[0].name, "probed");
	CHECK_EQ(v.probes[0].kind, SESSION_JUMP);
	CHECK_EQ(v.hits[0], shared->calls - before);
	session_view_free(&v);
	CHECK_EQ(session_clean(pid), 1);
	check_as_before(pid, maps);
	CHECK_EQ(session_state(s), SESSION_LOST);
	CHECK_EQ(session_detach(s), 0);
	CHECK_EQ(session_clean(pid), 0);
	step();
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(sessions_count_for_themselves_at_one_address)
{
	pid_t pid = victim_start(stepwise);
	struct session *s, *other[3];
	struct session_probe p, q[3];
	uint64_t before, between[3];
	struct session_view v;
	char *maps;

	REQUIRE(pid > 0);
	step();
	maps = maps_text(pid);
	s = arm(pid, SESSION_COUNT, &p);
	REQUIRE(s);
	before = shared->calls;
	for (int i = 0; i < 3; i++) {
		step();
		other[i] = arm(pid, i ? SESSION_TIME : SESSION_COUNT, &q[i]);
		REQUIRE(other[i]);
		between[i] = shared->calls;
	}
	step();
	CHECK_EQ(session_look(pid, &v), 1);
	CHECK_EQ(v.n, 4);
	CHECK_EQ(v.n_owners, 4);
	CHECK_EQ(v.owner[0].tool, getpid());
	session_view_free(&v);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(session_hits(other[i], q[i].id),
			 shared->calls - between[i]);
		CHECK_EQ(session_detach(other[i]), 0);
		step();
		CHECK_EQ(session_hits(s, p.id), shared->calls - before);
	}
	CHECK_EQ(session_look(pid, &v), 1);
	CHECK_EQ(v.n, 1);
	CHECK_EQ(v.n_owners, 1);
	session_view_free(&v);
	CHECK_EQ(session_state(s), SESSION_ALIVE);
	CHECK_EQ(session_detach(s), 0);
	check_as_before(pid, maps);
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(entries_of_sessions_that_have_ended_are_used_again)
{
	pid_t pid = victim_start(stepwise);
	struct session_probe p, q;
	struct session *s, *other;
	uint64_t before;
	char *maps;

	REQUIRE(pid > 0);
	step();
	maps = maps_text(pid);
	s = arm(pid, SESSION_COUNT, &p);
	REQUIRE(s);
	/* More timed ones than there is room for at once. */
	for (int i = 0; i < 2; i++) {
		struct session_probe *many = calloc(1000, sizeof(*many));

		CHECK_EQ(session_attach(&other, pid, &no_options), 0);
		for (int k = 0; k < 1000; k++)
			probed_probe(&many[k], SESSION_TIME);
		CHECK_EQ(session_add(other, many, 20), 20);
		CHECK_EQ(session_add(other, many, 1000), 1000);
		before = shared->calls;
		step();
		CHECK_EQ(session_hits(other, 0), shared->calls - before);
		CHECK_EQ(session_hits(other, 1019), shared->calls - before);
		CHECK_EQ(session_add(other, many, 5), -ENOSPC);
		CHECK_EQ(session_detach(other), 0);
		free(many);
	}
	for (int i = 0; i < 50; i++) {
		other = arm(pid, SESSION_COUNT, &q);
		REQUIRE(other);
		CHECK_EQ(session_hits(other, q.id), 0);
		CHECK_EQ(session_detach(other), 0);
	}
	CHECK_EQ(session_detach(s), 0);
	check_as_before(pid, maps);
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(a_worker_that_was_killed_is_not_missed)
{
	pid_t pid = victim_start(stepwise);
	struct session_probe p;
	struct session *s;
	uint64_t before;
	char *maps;

	REQUIRE(pid > 0);
	step();
	maps = maps_text(pid);
	s = arm(pid, SESSION_COUNT, &p);
	REQUIRE(s);
	before = shared->calls;
	/* It has our name in none of its fields: it is the target's twin. */
	for (pid_t w = pid + 1; w < pid + 2000; w++) {
		char a[64], path[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/exe", w);
		n = readlink(path, a, sizeof(a) - 1);
		snprintf(path, sizeof(path), "/proc/%d/comm", w);
		if (n > 0 && syscall(SYS_kcmp, pid, w, 1 /* VM */, 0, 0) == 0 &&
		    getpgid(w) != getpgid(pid))
			kill(w, SIGKILL);
	}
	nap_ms(120);
	step();
	CHECK_EQ(session_hits(s, p.id), shared->calls - before);
	CHECK_EQ(session_detach(s), 0);
	check_as_before(pid, maps);
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}
