/* SPDX-License-Identifier: MIT */
/* link: guardian and-arm64-linux tool/session.c tool/rings.c tool/text.c agent-image -lm */
/*
 * attach-race.c - sessions while the target forks, spawns, makes threads, takes
 * signals, unloads code, or ends
 */
#include "attach-lib.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <spawn.h>
#include <sys/time.h>

extern char **environ;

static const struct session_options no_options = { 0 };

#define ROUNDS (10 * tl_test_scale)

static void wrong_unless(bool ok)
{
	if (!ok)
		__atomic_fetch_add(&shared->wrong, 1, __ATOMIC_RELAXED);
}

static bool going_on(void)
{
	return !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static void ready(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
}

/* Sessions in a row on @pid; it must not notice. */
static void sessions(pid_t pid, unsigned int n)
{
	struct session_probe p;
	struct session *s;

	for (unsigned int i = 0; i < n; i++) {
		int got = session_attach(&s, pid, &no_options);

		CHECK_EQ(got, 0);
		if (got) {
			CHECK_STR(session_error(), "");
			return;
		}
		probed_probe(&p, i & 1 ? SESSION_TIME : SESSION_COUNT);
		CHECK_EQ(session_add(s, &p, 1), 1);
		CHECK_EQ(p.err, 0);
		CHECK_EQ(p.why, TL_WHY_NONE);
		nap_ms(i % 4);
		got = session_detach(s);
		CHECK_EQ(got, 0);
		if (got)
			CHECK_STR(session_error(), "");
		CHECK_EQ(shared->wrong, 0);
	}
}

static void on_victim(void (*body)(void))
{
	pid_t pid = victim_start(body);

	REQUIRE(pid > 0);
	sessions(pid, ROUNDS);
	tl_test_note("sessions", ROUNDS);
	CHECK(text_same(pid));
	CHECK_EQ(copied_text_kb(pid), 0);
	CHECK(still_right(pid));
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- threads ------------------------------------------------------------- */

static void *short_thread(void *arg)
{
	victim_round((uint64_t)(uintptr_t)arg, 50);
	return NULL;
}

static void thread_maker(void)
{
	pthread_t t[8];

	ready();
	while (going_on()) {
		for (long i = 0; i < 8; i++)
			wrong_unless(!pthread_create(&t[i], NULL, short_thread,
						     (void *)i));
		for (int i = 0; i < 8; i++)
			wrong_unless(!pthread_join(t[i], NULL));
	}
}

TL_TEST(threads_that_come_and_go)
{
	on_victim(thread_maker);
}

/* ---- children ------------------------------------------------------------ */

static void forker(void)
{
	int status;
	pid_t pid;

	ready();
	while (going_on()) {
		pid = fork();
		if (pid == 0) {
			victim_round(9, 20);
			_exit(3);
		}
		wrong_unless(waitpid(pid, &status, 0) == pid &&
			     WIFEXITED(status) && WEXITSTATUS(status) == 3);
	}
}

TL_TEST(fork_again_and_again)
{
	on_victim(forker);
}

static void vforker(void)
{
	int status;
	pid_t pid;

	ready();
	while (going_on()) {
		pid = vfork();
		if (pid == 0)
			_exit(4);
		wrong_unless(waitpid(pid, &status, 0) == pid &&
			     WIFEXITED(status) && WEXITSTATUS(status) == 4);
		victim_round(5, 20);
	}
}

TL_TEST(vfork_again_and_again)
{
	on_victim(vforker);
}

static void spawner(void)
{
	static char name[] = "true";
	char *argv[] = { name, NULL };
	int status;
	pid_t pid;

	ready();
	while (going_on()) {
		wrong_unless(!posix_spawn(&pid, "/bin/true", NULL, NULL, argv,
					  environ));
		wrong_unless(waitpid(pid, &status, 0) == pid && status == 0);
		victim_round(6, 20);
	}
}

TL_TEST(posix_spawn_again_and_again)
{
	on_victim(spawner);
}

static int twin_body(void *arg)
{
	(void)arg;
	victim_round(7, 50);
	return 5;
}

static void cloner(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status;
	pid_t pid;

	ready();
	while (going_on()) {
		pid = clone(twin_body, stack + sizeof(stack),
			    CLONE_VM | SIGCHLD, NULL);
		wrong_unless(pid > 0 && waitpid(pid, &status, 0) == pid &&
			     WIFEXITED(status) && WEXITSTATUS(status) == 5);
	}
}

TL_TEST(clone_vm_again_and_again)
{
	on_victim(cloner);
}

/* ---- signals ------------------------------------------------------------- */

static uint64_t in_handler;

static void on_alarm(int sig)
{
	(void)sig;
	in_handler++;
	victim_round(8, 5);
}

static void storm(int flags)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = on_alarm,
				.sa_flags = SA_RESTART | flags };
	struct itimerval every = { { 0, 300 }, { 0, 300 } };

	sigaltstack(&ss, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	ready();
	while (going_on())
		victim_round(1, 100);
	wrong_unless(in_handler > 0);
}

static void storm_same_stack(void)
{
	storm(0);
}

static void storm_other_stack(void)
{
	storm(SA_ONSTACK);
}

TL_TEST(a_storm_of_signals)
{
	on_victim(storm_same_stack);
}

TL_TEST(a_storm_of_signals_on_a_stack_of_their_own)
{
	on_victim(storm_other_stack);
}

/* Every sleep is to be ended by a signal, and by nothing else. */
static void on_alarm_only(int sig)
{
	(void)sig;
	in_handler++;
}

static void eintr_counter(void)
{
	struct sigaction sa = { .sa_handler = on_alarm_only };
	/* Again and again: one may come before the sleep has begun. */
	struct itimerval every = { { 0, 3000 }, { 0, 3000 } };
	struct timespec t = { 5, 0 }, a, b;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	ready();
	while (going_on()) {
		uint64_t before = in_handler;

		clock_gettime(CLOCK_MONOTONIC, &a);
		wrong_unless(nanosleep(&t, NULL) == -1 && errno == EINTR);
		clock_gettime(CLOCK_MONOTONIC, &b);
		wrong_unless(b.tv_sec - a.tv_sec < 3);
		wrong_unless(in_handler > before);
		victim_round(2, 30);
	}
}

TL_TEST(a_signal_still_ends_a_sleep)
{
	on_victim(eintr_counter);
}

static void all_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	ready();
	while (going_on()) {
		sigprocmask(SIG_SETMASK, &all, NULL);
		victim_round(3, 50);
		sigprocmask(SIG_UNBLOCK, &all, NULL);
		victim_round(4, 50);
	}
}

TL_TEST(all_signals_blocked_half_of_the_time)
{
	on_victim(all_blocked);
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	own_trap_is_over(context);
	in_handler++;
}

static void trapper(void)
{
	struct sigaction act = { .sa_sigaction = on_trap,
				 .sa_flags = SA_SIGINFO };
	uint64_t n = 0;

	sigaction(SIGTRAP, &act, NULL);
	ready();
	while (going_on()) {
		OWN_TRAP();
		wrong_unless(in_handler == ++n);
		victim_round(5, 20);
	}
}

TL_TEST(traps_of_its_own)
{
	on_victim(trapper);
}

/* ---- its end ------------------------------------------------------------- */

static void short_life(void)
{
	unsigned int us = shared->extra[0];

	ready();
	victim_round(1, 100);
	usleep(us);
}

TL_TEST(a_program_that_ends_meanwhile)
{
	uint64_t state = tl_test_seed;
	struct session_probe p;
	struct session *s;
	pid_t pid;

	for (unsigned int i = 0; i < 2 * ROUNDS; i++) {
		unsigned int us = tl_test_random(&state) % 40000;
		int status = -1;

		shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		shared->extra[0] = us;
		pid = fork();
		if (pid == 0) {
			short_life();
			_exit(0);
		}
		if (session_attach(&s, pid, &no_options) == 0) {
			probed_probe(&p, i & 1 ? SESSION_TIME : SESSION_COUNT);
			session_add(s, &p, 1);
			CHECK_EQ(session_detach(s), 0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		munmap(shared, 4096);
	}
}
