/* SPDX-License-Identifier: MIT */
/* link: guardian and-arm64-linux tool/session.c tool/rings.c tool/text.c agent-image -lm */
/*
 * attach-asleep.c - who sleeps in a system call does not notice a session
 *
 * A thread sleeps in each kind of call through attach, arm, disarm and detach,
 * several times, while another one runs.  That a sleeper was not interrupted is
 * shown by the kernel's own figures: it has not got a CPU once.  And whenever tool
 * and guardian are killed, the target goes on.
 */
#include "attach-lib.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "watch.h"

#define SESSIONS 5
#define LIMIT_MS 6000 /* of the calls; sessions end long before */
/*
 * So long they sleep before the first session.  The kernel's timers of ticks, which
 * recv() has, are late by up to an eighth of their time (the wheel's granularity):
 * a limit that began anew must show by more.
 */
#define BEFORE_MS (LIMIT_MS / 8 + 300)

static int pipe_fds[2], pair[2], sem_id, epoll_fd;

static struct timespec limit(void)
{
	return (struct timespec){ LIMIT_MS / 1000, LIMIT_MS % 1000 * 1000000 };
}

static void wrong_unless(bool ok)
{
	if (!ok)
		__atomic_fetch_add(&shared->wrong, 1, __ATOMIC_RELAXED);
}

/* ---- calls --------------------------------------------------------------- */

static void in_epoll_wait(void)
{
	struct epoll_event e;

	wrong_unless(epoll_wait(epoll_fd, &e, 1, LIMIT_MS) == 0);
}

static void in_semtimedop(void)
{
	struct sembuf op = { 0, -1, 0 };
	struct timespec t = limit();

	wrong_unless(semtimedop(sem_id, &op, 1, &t) == -1 && errno == EAGAIN);
}

static void in_recv(void)
{
	struct timeval t = { LIMIT_MS / 1000, LIMIT_MS % 1000 * 1000 };
	char byte;

	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	wrong_unless(recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN);
}

static void in_sigtimedwait(void)
{
	struct timespec t = limit();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	wrong_unless(sigtimedwait(&set, NULL, &t) == -1 && errno == EAGAIN);
}

static void in_nanosleep(void)
{
	struct timespec t = limit();

	wrong_unless(nanosleep(&t, NULL) == 0);
}

static void in_futex(void)
{
	struct timespec t = limit();
	uint32_t word = 1;

	wrong_unless(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &t, NULL, 0) ==
			     -1 &&
		     errno == ETIMEDOUT);
}

static void in_poll(void)
{
	wrong_unless(poll(NULL, 0, LIMIT_MS) == 0);
}

static void in_select(void)
{
	struct timeval t = { LIMIT_MS / 1000, LIMIT_MS % 1000 * 1000 };

	wrong_unless(select(0, NULL, NULL, NULL, &t) == 0);
}

#define MUCH (1 << 20)

/* A write that has been made in part: cut short if it is interrupted. */
static void in_write(void)
{
	static char much[MUCH];

	wrong_unless(write(pipe_fds[1], much, MUCH) == MUCH);
}

struct call {
	const char *name;
	void (*fn)(void);
	bool timed;
};

static const struct call calls[] = {
	{ "epoll_wait", in_epoll_wait, true },
	{ "semtimedop", in_semtimedop, true },
	{ "recv with a timeout", in_recv, true },
	{ "sigtimedwait", in_sigtimedwait, true },
	{ "nanosleep", in_nanosleep, true },
	{ "futex", in_futex, true },
	{ "poll", in_poll, true },
	{ "select", in_select, true },
	{ "write of a megabyte", in_write, false },
};
#define CALLS ((int)TL_ARRAY_SIZE(calls))

/* ---- the victim ---------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Behind struct shared on its page. */
struct sleepers {
	uint32_t tid[16];
	uint64_t begun[16]; /* in ms */
	uint64_t ended[16];
};

static struct sleepers *sleepers(void)
{
	return (struct sleepers *)(shared + 1);
}

static void *sleep_in_call(void *arg)
{
	long i = (long)arg;

	sleepers()->begun[i] = now_ms();
	__atomic_store_n(&sleepers()->tid[i], (uint32_t)gettid(),
			 __ATOMIC_RELEASE);
	calls[i].fn();
	victim_round((uint64_t)i, 10);
	__atomic_store_n(&sleepers()->ended[i], now_ms(), __ATOMIC_RELEASE);
	return NULL;
}

/* The only one that runs, and so the one that is borrowed. */
static void *run_on(void *arg)
{
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		victim_round(77, 1000);
	return arg;
}

static void victim(void)
{
	static char text[65536];
	pthread_t t[CALLS], runner;
	size_t left = MUCH;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wrong_unless(!pipe(pipe_fds) &&
		     !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	epoll_fd = epoll_create1(0);
	sem_id = semget(IPC_PRIVATE, 1, 0600);
	pthread_create(&runner, NULL, run_on, NULL);
	for (long i = 0; i < CALLS; i++)
		pthread_create(&t[i], NULL, sleep_in_call, (void *)i);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	/* The first thread sleeps, too. */
	syscall(SYS_futex, &shared->go, FUTEX_WAIT, 0, NULL, NULL, 0);
	while (left) {
		ssize_t n = read(pipe_fds[0], text, sizeof(text));

		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	wrong_unless(!left);
	for (int i = 0; i < CALLS; i++)
		pthread_join(t[i], NULL);
	semctl(sem_id, 0, IPC_RMID);
	pthread_join(runner, NULL);
}

/* ---- looking ------------------------------------------------------------- */

/* How often a thread has got a CPU. */
static unsigned long runs_of(pid_t pid, uint32_t tid)
{
	unsigned long runs = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%u/schedstat", pid, tid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*u %*u %lu", &runs) != 1)
			runs = 0;
		fclose(f);
	}
	return runs;
}

static char state_of(pid_t pid, uint32_t tid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%u/stat", pid, tid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		fclose(f);
	}
	return state;
}

/* Wait until sleeper @i has slept for a while. */
static void await_sleep(pid_t pid, int i)
{
	unsigned long runs = 0;

	for (int n = 0; n < 500; n++) {
		uint32_t tid =
			__atomic_load_n(&sleepers()->tid[i], __ATOMIC_ACQUIRE);
		unsigned long now = tid ? runs_of(pid, tid) : 0;

		if (now && now == runs && state_of(pid, tid) == 'S')
			return;
		runs = now;
		nap_ms(10);
	}
}

static void one_session(pid_t pid, int i)
{
	static const struct session_options plain;
	struct session_probe p;
	struct session *s;
	int got;

	got = session_attach(&s, pid, &plain);
	CHECK_EQ(got, 0);
	if (got) {
		CHECK_STR(session_error(), "");
		return;
	}
	probed_probe(&p, i & 1 ? SESSION_TIME : SESSION_COUNT);
	CHECK_EQ(session_add(s, &p, 1), 1);
	CHECK_EQ(p.err, 0);
	/* Who runs waits for a CPU, on a busy machine. */
	for (int n = 0; n < 5000 && !session_hits(s, p.id); n++)
		nap_ms(n ? 1 : 10);
	CHECK(session_hits(s, p.id) > 0);
	CHECK_EQ(session_detach(s), 0);
}

/* Do many wait for each CPU? */
static bool is_crowded(void)
{
	unsigned int running = 0;
	double load = 0;
	FILE *f = fopen("/proc/loadavg", "re");

	if (f && fscanf(f, "%lf %*f %*f %u", &load, &running) != 2)
		load = 0;
	if (f)
		fclose(f);
	if (load < running)
		load = running;
	return load > 3.0 * (double)sysconf(_SC_NPROCESSORS_ONLN);
}

static void wake_first(pid_t pid)
{
	(void)pid;
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &shared->go, FUTEX_WAKE, 1, NULL, NULL, 0);
}

TL_TEST(sleepers_are_not_interrupted_by_a_session)
{
	unsigned long runs[CALLS], first;
	uint64_t begin, last;
	pid_t pid;

	if (!can_watch())
		SKIP("the kernel gives no debug registers");
	_Static_assert(sizeof(struct shared) + sizeof(struct sleepers) <= 4096,
		       "one page");
	pid = victim_start(victim);
	REQUIRE(pid > 0);
	for (int i = 0; i < CALLS; i++)
		await_sleep(pid, i);
	for (int i = 0; i < CALLS; i++)
		runs[i] = runs_of(pid, sleepers()->tid[i]);
	first = runs_of(pid, (uint32_t)pid);
	nap_ms(BEFORE_MS);
	begin = now_ms();
	for (int i = 0; i < SESSIONS; i++)
		one_session(pid, i);
	last = now_ms();
	for (int i = 0; i < CALLS; i++) {
		ROW(calls[i].name);
		/* On a slow machine a call may have come to its end. */
		if (calls[i].timed &&
		    last - sleepers()->begun[i] >= LIMIT_MS - 100)
			continue;
		CHECK_EQ(runs_of(pid, sleepers()->tid[i]), runs[i]);
	}
	/* Lent where the one that runs has not stopped in 0.2 s. */
	ROW("the first thread");
	if (!is_crowded())
		CHECK_EQ(runs_of(pid, (uint32_t)pid), first);
	wake_first(pid);
	tl_test_note("sessions took, ms", last - begin);
	for (int i = 0; i < CALLS; i++) {
		uint64_t *end = &sleepers()->ended[i], took;

		ROW(calls[i].name);
		for (int n = 0; n < 3 * LIMIT_MS; n++) {
			if (__atomic_load_n(end, __ATOMIC_ACQUIRE))
				break;
			nap_ms(1);
		}
		took = *end - sleepers()->begun[i];
		if (!calls[i].timed)
			continue;
		CHECK(took >= LIMIT_MS);
		/* A limit that began anew would end after this. */
		CHECK(took < LIMIT_MS + (begin - sleepers()->begun[i]) - 50);
	}
	CHECK_EQ(shared->wrong, 0);
	CHECK(text_same(pid));
	CHECK_EQ(copied_text_kb(pid), 0);
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- killed at any instant ----------------------------------------------- */

static void be_the_tool(pid_t target)
{
	static const struct session_options plain;
	struct session_probe p;
	struct session *s;

	if (session_attach(&s, target, &plain))
		_exit(2);
	probed_probe(&p, SESSION_COUNT);
	session_add(s, &p, 1);
	_exit(session_detach(s) ? 3 : 0);
}

static bool is_named(pid_t pid, const char *name)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = '\0';
		fclose(f);
	}
	return strncmp(comm, name, strlen(name)) == 0;
}

/*
 * The children of ours but @target: those whose name begins with @name are
 * killed, the dead are buried.  How many are left.
 */
static int part_with_children(pid_t target, const char *name)
{
	char path[64], text[512] = "", *at = text, *next;
	pid_t pid;
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	for (; (pid = (pid_t)strtol(at, &next, 10)) > 0; at = next) {
		if (pid == target)
			continue;
		if (name && is_named(pid, name))
			kill(pid, SIGKILL);
		if (waitpid(pid, NULL, WNOHANG | __WALL) != pid)
			n++;
	}
	return n;
}

/* Why is one of ours still there? */
static void tell_of_children(void)
{
	char line[256];
	FILE *f;

	snprintf(
		line, sizeof(line),
		"for p in $(cat /proc/%d/task/*/children); do "
		"echo $p $(cat /proc/$p/comm /proc/$p/wchan) "
		"$(cut -d' ' -f1-3 /proc/$p/syscall) $(ps -o stat=,ppid=,etime= $p); done",
		getpid());
	f = popen(line, "r");
	while (f && fgets(line, sizeof(line), f))
		printf("# left: %s", line);
	if (f)
		pclose(f);
}

TL_TEST(whoever_bears_the_tools_name_may_be_killed_at_any_instant)
{
	uint64_t state = tl_test_seed;
	pid_t target, tool;
	char *maps;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	target = victim_start(victim_threads);
	REQUIRE(target > 0);
	maps = maps_text(target);
	for (unsigned int i = 0; i < 60 * tl_test_scale; i++) {
		tool = fork();
		if (!tool)
			be_the_tool(target);
		usleep((useconds_t)(tl_test_random(&state) % 40000));
		kill(tool, SIGKILL);
		for (int n = 0; n < 5; n++)
			part_with_children(target, "trapline");
		for (int n = 0; n < 5000; n++) {
			if (!part_with_children(target, NULL))
				break;
			nap_ms(1);
		}
		if (part_with_children(target, NULL)) {
			tell_of_children();
			CHECK_EQ(part_with_children(target, NULL), 0);
		}
		CHECK(still_right(target));
		CHECK(session_clean(target) >= 0);
		CHECK(maps_same(target, maps, 1000));
		CHECK(text_same(target));
		CHECK_EQ(copied_text_kb(target), 0);
		CHECK_EQ(shared->wrong, 0);
	}
	CHECK_EQ(victim_stop(target), 0);
	free(maps);
}
