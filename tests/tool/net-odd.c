/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c and-arm64-linux */
/*
 * net-odd.c - processes in unusual states are held, and left as they were
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>

#include "net-victim.h"

static struct shared *the;

static void *spin(void *arg)
{
	unsigned long i = (unsigned long)arg;

	atomic_fetch_add(&the->ready, 1);
	while (!atomic_load(&the->quit))
		atomic_fetch_add(&the->turns[i], 1);
	return NULL;
}

/* ---- stopped by a signal -------------------------------------------------- */

static void two_spin(struct shared *s)
{
	the = s;
	start_thread(spin, (void *)1);
	spin(NULL);
}

TL_TEST(a_stopped_process_stays_stopped_and_continues_when_told)
{
	struct victim v = victim_start(two_spin);
	struct net *net;
	unsigned long a;
	int status;

	REQUIRE(victim_ready(&v, 2));
	kill(v.pid, SIGSTOP);
	REQUIRE(waitpid(v.pid, &status, WUNTRACED) == v.pid);
	REQUIRE(state_becomes(v.pid, 'T'));
	for (int i = 0; i < FEWER(20); i++) {
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK(state_becomes(v.pid, 'T'));
	}
	/* The stop is not reported again. */
	CHECK_EQ(waitpid(v.pid, &status, WUNTRACED | WNOHANG), 0);
	a = atomic_load(&v.s->turns[1]);
	pause_ms(5);
	CHECK_EQ(atomic_load(&v.s->turns[1]), a);
	kill(v.pid, SIGCONT);
	CHECK(goes_on(&v, 1, a));
	victim_end(&v);
}

TL_TEST(sigstop_and_sigcont_during_the_stop_take_effect_afterwards)
{
	struct victim v = victim_start(two_spin);
	struct net *net;
	unsigned long a;

	REQUIRE(victim_ready(&v, 2));
	REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
	kill(v.pid, SIGSTOP);
	CHECK_EQ(net_close(net, NULL), 0);
	CHECK(state_becomes(v.pid, 'T'));

	a = atomic_load(&v.s->turns[1]);
	REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
	kill(v.pid, SIGCONT);
	pause_ms(5);
	CHECK_EQ(atomic_load(&v.s->turns[1]), a);
	CHECK_EQ(net_close(net, NULL), 0);
	CHECK(goes_on(&v, 1, a));
	victim_end(&v);
}

/* SIGSTOP ends some calls with EINTR; these end so, stopped by us or not. */
static void wait_for_event(struct shared *s)
{
	int fd = epoll_create1(0);
	struct epoll_event e;

	atomic_store(&s->ready, 1);
	while (epoll_wait(fd, &e, 1, -1) < 0 && errno == EINTR)
		atomic_fetch_add(&s->turns[0], 1);
}

TL_TEST(a_call_that_sigstop_has_ended_is_not_restarted)
{
	struct victim v = victim_start(wait_for_event);
	struct net_stats st;
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	for (unsigned int i = 0; i < FEWER(20); i++) {
		REQUIRE(state_becomes(v.pid, 'S'));
		kill(v.pid, SIGSTOP);
		REQUIRE(state_becomes(v.pid, 'T'));
		if (i % 2) {
			REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
			CHECK_EQ(net_close(net, &st), 0);
			CHECK_EQ(st.rewound, 0);
		}
		kill(v.pid, SIGCONT);
		CHECK(turns_become(&v, i + 1));
	}
	victim_end(&v);
}

static void wait_in_futex(struct shared *s)
{
	static uint32_t word;

	atomic_store(&s->ready, 1);
	for (;;)
		syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
}

TL_TEST(a_process_killed_during_the_stop_dies)
{
	struct victim v = victim_start(wait_in_futex);
	struct net *net;
	int status;

	REQUIRE(victim_ready(&v, 1));
	REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
	kill(v.pid, SIGKILL);
	pause_ms(10);
	net_close(net, NULL);
	CHECK_EQ(waitpid(v.pid, &status, 0), v.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- threads that have ended ---------------------------------------------- */

static void leader_leaves(struct shared *s)
{
	the = s;
	start_thread(spin, (void *)1);
	start_thread(spin, (void *)2);
	syscall(SYS_exit, 0);
}

TL_TEST(a_process_whose_leader_has_exited_is_held)
{
	struct victim v = victim_start(leader_leaves);
	struct net_stats st;
	struct net *net;
	unsigned long a;

	REQUIRE(victim_ready(&v, 2));
	REQUIRE(state_becomes(v.pid, 'Z'));
	for (int i = 0; i < 5; i++) {
		struct tl_window w = { .start = 0x1000, .len = 5 };

		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		a = atomic_load(&v.s->turns[1]);
		pause_ms(3);
		CHECK_EQ(atomic_load(&v.s->turns[1]), a);
		CHECK_EQ(net_evict(net, &w, 1), 0);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.tasks, 2);
		CHECK(st.scanned > 0);
		CHECK(goes_on(&v, 1, a));
	}
	victim_end(&v);
}

static void leave_at_once(struct shared *s)
{
	atomic_store(&s->ready, 1);
}

TL_TEST(a_zombie_gives_esrch)
{
	struct victim v = victim_start(leave_at_once);
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	REQUIRE(state_becomes(v.pid, 'Z'));
	CHECK_EQ(open_net(&net, v.pid, 0, NULL), -ESRCH);
	victim_end(&v);
}

static void exit_soon(struct shared *s)
{
	the = s;
	start_thread(spin, (void *)1);
	pause_ms(3);
	_exit(42);
}

TL_TEST(a_process_that_exits_meanwhile_exits_as_it_would)
{
	for (int i = 0; i < FEWER(30); i++) {
		struct victim v = victim_start(exit_soon);
		struct net *net;
		int status, n = 0;

		while (!open_net(&net, v.pid, 0, NULL)) {
			net_close(net, NULL);
			n++;
		}
		CHECK_EQ(waitpid(v.pid, &status, 0), v.pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
		munmap(v.s, sizeof(*v.s));
	}
}

static void *exec_soon(void *arg)
{
	static char *const argv[] = { (char *)"sleep", (char *)"1000", NULL };

	(void)arg;
	pause_ms(3);
	execv("/bin/sleep", argv);
	note_wrong(the, 1);
	return NULL;
}

static void exec_in_leader(struct shared *s)
{
	the = s;
	start_thread(spin, (void *)1);
	exec_soon(NULL);
}

static void exec_in_thread(struct shared *s)
{
	the = s;
	start_thread(exec_soon, NULL);
	spin(NULL);
}

TL_TEST(a_process_that_execs_meanwhile_becomes_the_other_program)
{
	unsigned int slow = 0;

	for (int i = 0; i < FEWER(40); i++) {
		struct victim v =
			victim_start(i % 2 ? exec_in_leader : exec_in_thread);
		uint64_t end = clock_ns() + 15000000;
		struct net_place p = { 0 };
		struct net *net;
		int err;

		while (clock_ns() < end) {
			uint64_t begun = clock_ns();

			err = open_net(&net, v.pid, 0, NULL);
			if (!err)
				net_close(net, NULL);
			else
				CHECK_EQ(err, -ESRCH);
			slow += clock_ns() - begun >
				150000000ull * NET_PATIENCE;
		}
		for (int k = 0; k < 1000 * NET_PATIENCE; k++) {
			if (!net_look(v.pid, v.pid, &p) && p.known &&
			    (p.nr == SYS_clock_nanosleep ||
			     p.nr == SYS_restart_syscall))
				break;
			pause_ms(1);
		}
		CHECK(p.nr == SYS_clock_nanosleep ||
		      p.nr == SYS_restart_syscall);
		CHECK_EQ(atomic_load(&v.s->wrong), 0);
		victim_end(&v);
	}
	/* Exec waits for the dead, we for the exec: nobody for a time limit. */
	CHECK(slow < 8);
}

/* ---- those who share the memory without being threads --------------------- */

static int spin_as_process(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	spin(arg);
	return 0;
}

static void *stack_top(void)
{
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p + 65536;
}

static void clone_vm(struct shared *s)
{
	the = s;
	clone(spin_as_process, stack_top(), CLONE_VM | SIGCHLD, (void *)1);
	spin(NULL);
}

static int clone_again(void *arg)
{
	clone(spin_as_process, stack_top(), CLONE_VM | SIGCHLD, arg);
	spin(NULL);
	return 0;
}

static void clone_vm_twice(struct shared *s)
{
	the = s;
	clone(clone_again, stack_top(), CLONE_VM | SIGCHLD, (void *)1);
	spin((void *)2);
}

static int spin_as_orphan(void *arg)
{
	alarm(20);
	spin(arg);
	return 0;
}

static int clone_and_leave(void *arg)
{
	clone(spin_as_orphan, stack_top(), CLONE_VM, arg);
	syscall(SYS_exit, 0);
	return 0;
}

/* The process that shares the memory is nobody's child any more. */
static void clone_vm_orphan(struct shared *s)
{
	pid_t pid;

	the = s;
	pid = clone(clone_and_leave, stack_top(), CLONE_VM | SIGCHLD,
		    (void *)1);
	waitpid(pid, NULL, 0);
	spin(NULL);
}

/* Its parent is this process's. */
static void clone_vm_sibling(struct shared *s)
{
	the = s;
	clone(spin_as_process, stack_top(), CLONE_VM | CLONE_PARENT | SIGCHLD,
	      (void *)1);
	spin(NULL);
}

struct sharer {
	const char *name;
	void (*run)(struct shared *s);
	unsigned int n;
};

static const struct sharer sharers[] = {
	{ "clone(CLONE_VM)", clone_vm, 2 },
	{ "clone(CLONE_VM) by that", clone_vm_twice, 3 },
	{ "an orphan", clone_vm_orphan, 2 },
	{ "a sibling", clone_vm_sibling, 2 },
};

TL_TEST(processes_that_share_the_memory_are_held)
{
	const struct sharer *p;
	struct net_stats st;
	struct net *net;
	unsigned long a, b;

	for_each_row(p, sharers) {
		struct victim v = victim_start(p->run);

		ROW(p->name);
		REQUIRE(victim_ready(&v, p->n));
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		a = atomic_load(&v.s->turns[0]) + atomic_load(&v.s->turns[1]);
		pause_ms(3);
		b = atomic_load(&v.s->turns[0]) + atomic_load(&v.s->turns[1]);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(a, b);
		CHECK_EQ(st.tasks, p->n);
		b = atomic_load(&v.s->turns[1]);
		CHECK(goes_on(&v, 1, b));
		atomic_store(&v.s->quit, 1);
		pause_ms(5);
		victim_end(&v);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void fork_with_worker(struct shared *s)
{
	the = s;
	atomic_store(&s->flag[0],
		     (unsigned)clone(spin_as_process, stack_top(),
				     CLONE_VM | SIGCHLD, (void *)1));
	spin(NULL);
}

TL_TEST(the_worker_is_not_held)
{
	struct victim v = victim_start(fork_with_worker);
	struct net_stats st;
	struct net *net;
	unsigned long a;

	REQUIRE(victim_ready(&v, 2));
	pause_ms(5);
	REQUIRE(open_net(&net, v.pid, (pid_t)atomic_load(&v.s->flag[0]),
			 NULL) == 0);
	a = atomic_load(&v.s->turns[1]);
	CHECK(goes_on(&v, 1, a));
	CHECK_EQ(net_close(net, &st), 0);
	CHECK_EQ(st.tasks, 1);
	victim_end(&v);
}

/* A thread waits in vfork for a child that spins, then leaves. */
static void vfork_and_spin(struct shared *s)
{
	the = s;
	start_thread(spin, (void *)2);
	if (!vfork()) {
		spin((void *)1);
		_exit(0);
	}
	atomic_store(&s->flag[0], 1);
	for (;;)
		pause();
}

TL_TEST(a_parent_in_vfork_is_safe_and_its_child_is_held)
{
	struct victim v = victim_start(vfork_and_spin);
	unsigned int slow = 0;
	struct net_stats st;
	struct net *net;
	unsigned long a;

	REQUIRE(victim_ready(&v, 2));
	for (int i = 0; i < FEWER(20); i++) {
		uint64_t begun = clock_ns();

		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		a = atomic_load(&v.s->turns[1]);
		pause_ms(2);
		CHECK_EQ(atomic_load(&v.s->turns[1]), a);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.tasks, 3);
		CHECK_EQ(st.stopped, 2);
		slow += clock_ns() - begun > 100000000ull * NET_PATIENCE;
		pause_ms(2);
	}
	/* It is not waited for until the time limit. */
	CHECK(slow < 10);
	CHECK_EQ(atomic_load(&v.s->flag[0]), 0);
	atomic_store(&v.s->quit, 1);
	for (int i = 0; i < 1000 * NET_PATIENCE && !atomic_load(&v.s->flag[0]);
	     i++)
		pause_ms(1);
	CHECK_EQ(atomic_load(&v.s->flag[0]), 1);
	victim_end(&v);
}

/* Children are made all the time, in every way. */
static void *make_children(void *arg)
{
	static char *const argv[] = { (char *)"true", NULL };
	unsigned long i = 0, how = (unsigned long)arg;
	int status;
	pid_t pid;

	atomic_fetch_add(&the->ready, 1);
	while (!atomic_load(&the->quit)) {
		if (how == 0)
			pid = fork();
		else
			pid = vfork();
		if (!pid) {
			if (++i % 4 == 0)
				execv("/bin/true", argv);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			note_wrong(the, how + 1);
		atomic_fetch_add(&the->turns[how], 1);
	}
	return NULL;
}

static void many_children(struct shared *s)
{
	the = s;
	start_thread(make_children, (void *)1);
	make_children(NULL);
}

TL_TEST(children_born_meanwhile_live_as_they_would)
{
	struct victim v = victim_start(many_children);
	struct net *net;
	int err;

	REQUIRE(victim_ready(&v, 2));
	for (int i = 0; i < FEWER(300); i++) {
		err = open_net(&net, v.pid, 0, NULL);
		CHECK_EQ(err, 0);
		if (!err)
			CHECK_EQ(net_close(net, NULL), 0);
	}
	pause_ms(50);
	CHECK(atomic_load(&v.s->turns[0]) > 10);
	CHECK(atomic_load(&v.s->turns[1]) > 10);
	CHECK_EQ(atomic_load(&v.s->wrong), 0);
	CHECK_EQ(kill(v.pid, 0), 0);
	victim_end(&v);
}

/* ---- who may not be held -------------------------------------------------- */

TL_TEST(a_process_under_another_tracer_gives_ebusy)
{
	struct victim v = victim_start(two_spin);
	struct net *net;
	unsigned long a;

	REQUIRE(victim_ready(&v, 2));
	REQUIRE(ptrace(PTRACE_SEIZE, v.pid, 0, 0) == 0);
	CHECK_EQ(open_net(&net, v.pid, 0, NULL), -EBUSY);
	a = atomic_load(&v.s->turns[1]);
	CHECK(goes_on(&v, 1, a));
	victim_end(&v);
}

/* ---- if somebody dies ----------------------------------------------------- */

static pid_t net_process(void)
{
	char path[64], text[64] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)syscall(SYS_gettid));
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	/* It was born last; there is a space at the end. */
	while (n > 1 && text[n - 2] != ' ')
		n--;
	return atoi(text + (n > 1 ? n - 1 : 0));
}

TL_TEST(everyone_goes_on_if_the_net_is_killed)
{
	struct victim v = victim_start(two_spin);
	struct tl_window w = { .start = 0x1000, .len = 5 };
	struct net *net;
	unsigned long a;

	REQUIRE(victim_ready(&v, 2));
	for (int i = 0; i < 10; i++) {
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		a = atomic_load(&v.s->turns[1]);
		REQUIRE(kill(net_process(), SIGKILL) == 0);
		CHECK(goes_on(&v, 1, a));
		CHECK(net_evict(net, &w, 1) < 0);
		CHECK(net_close(net, NULL) < 0);
	}
	victim_end(&v);
}

TL_TEST(everyone_goes_on_if_the_guardian_is_killed)
{
	struct victim v = victim_start(two_spin);
	struct net *net;
	unsigned long a;
	pid_t guardian;
	int status;

	REQUIRE(victim_ready(&v, 2));
	for (int i = 0; i < 10; i++) {
		guardian = fork();
		if (!guardian) {
			if (open_net(&net, v.pid, 0, NULL))
				_exit(1);
			raise(SIGKILL);
		}
		CHECK_EQ(waitpid(guardian, &status, 0), guardian);
		CHECK(WIFSIGNALED(status));
		pause_ms(5);
		a = atomic_load(&v.s->turns[1]);
		CHECK(goes_on(&v, 1, a));
	}
	victim_end(&v);
}
