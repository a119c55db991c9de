/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/places.S -lpthread */
/*
 * threads_process.c - what is to be known of a process's other threads, and cannot be
 *
 * Where /proc does not tell, because no descriptor is free, or tells of a thread that
 * has ended, or tells more than usual.  Each test runs in a child: what it finds
 * wrong is its exit status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#include "places.h"
#include "tl_test.h"

#define NOT_HERE 77
#define GROUPS	 1000

static volatile unsigned long hits;

static int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

#define SECONDS 30

/*
 * Run @fn in a child: its exit status, or 1000 + the signal that killed it.  One that
 * waits for ever may do so with all signals blocked.
 */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork(), got = 0;
	int status = 0;

	if (!pid)
		_exit(fn());
	for (int i = 0; i < SECONDS * 1000 && !got; i++) {
		got = waitpid(pid, &status, WNOHANG);
		usleep(got ? 0 : 1000);
	}
	if (!got) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

/* For children: leave with the line number, below 256, if @cond is false. */
#define MUST(cond)                                                \
	do {                                                      \
		if (!(cond)) {                                    \
			fprintf(stderr, "# line %d\n", __LINE__); \
			_exit(1);                                 \
		}                                                 \
	} while (0)

/* From here on no descriptor is to be had, or again as many as before. */
static void let_descriptors(bool there_are)
{
	static struct rlimit before;
	struct rlimit none;

	if (!there_are) {
		MUST(!getrlimit(RLIMIT_NOFILE, &before));
		none = before;
		none.rlim_cur = 0;
		MUST(!setrlimit(RLIMIT_NOFILE, &none));
	} else {
		MUST(!setrlimit(RLIMIT_NOFILE, &before));
	}
}

static int go[2], done[2];

/* Wait until it is told, in a system call of which a probe has a copy. */
static void *sleeper(void *arg)
{
	char c = 0;

	(void)arg;
	return place_read(go[0], (long)&c, 1) == 1 && c == 'x' ? go : NULL;
}

static bool is_in_read(void)
{
	return hits == 1;
}

static void wait_until(bool (*what)(void))
{
	while (!what())
		usleep(1000);
	usleep(20000);
}

/* Others, to which the memory of the first would be given. */
static void probe_others(struct kprobe *p, unsigned int n)
{
	static void *const at[] = { (void *)place_sum, (void *)place_call_b };

	for (unsigned int i = 0; i < n; i++) {
		p[i] = (struct kprobe){ .addr = at[i], .pre_handler = hit };
		MUST(!register_kprobe(&p[i]));
	}
}

static int sleeper_wakes_in_its_copy(void)
{
	struct kprobe p = { .addr = (void *)place_read, .pre_handler = hit };
	struct kprobe other[2];
	void *ok = NULL;
	pthread_t t;

	MUST(!pipe(go));
	MUST(!register_kprobe(&p));
	MUST(!pthread_create(&t, NULL, sleeper, NULL));
	wait_until(is_in_read);
	let_descriptors(false);
	unregister_kprobe(&p);
	wait_for_kprobe_optimizer();
	let_descriptors(true);
	probe_others(other, 2);
	MUST(write(go[1], "x", 1) == 1);
	pthread_join(t, &ok);
	MUST(ok);
	return 0;
}

TL_TEST(a_copy_is_kept_for_its_sleeper_where_no_thread_can_be_looked_at)
{
	CHECK_EQ(in_child(sleeper_wakes_in_its_copy), 0);
}

/* A filter that many containers have. */
static bool forbid_reading(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { 4, f };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
}

static int text_cannot_be_read(void)
{
	struct kprobe p = { .addr = (void *)place_sum, .pre_handler = hit };
	struct kprobe other;

	if (!forbid_reading())
		return NOT_HERE;
	MUST(!register_kprobe(&p));
	let_descriptors(false);
	disable_kprobe(&p);
	let_descriptors(true);
	MUST(!(p.flags & KPROBE_FLAG_GONE));
	enable_kprobe(&p);
	MUST(!kprobe_disabled(&p));
	place_sum(0, 2, 3);
	MUST(hits == 1);
	let_descriptors(false);
	unregister_kprobe(&p);
	wait_for_kprobe_optimizer();
	let_descriptors(true);
	place_sum(0, 2, 3);
	MUST(hits == 1);
	wait_for_kprobe_optimizer();
	other = (struct kprobe){ .addr = (void *)place_read,
				 .pre_handler = hit };
	MUST(!register_kprobe(&other));
	MUST(place_sum(3, 2, 3) == 6);
	MUST(hits == 1);
	return 0;
}

TL_TEST(text_that_cannot_be_read_just_now_is_not_gone)
{
	int status = in_child(text_cannot_be_read);

	if (status == NOT_HERE)
		SKIP("there are no filters");
	CHECK_EQ(status, 0);
}

/* ---- SIGTRAP ---------------------------------------------------------------------- */

static volatile int stop, blocks;

static void block_sigtrap(int how)
{
	unsigned long set = 1ul << (SIGTRAP - 1);

	MUST(!syscall(SYS_rt_sigprocmask, how, &set, NULL, sizeof(set)));
}

/* Really blocks SIGTRAP, and calls what has a probe. */
static void *blocker(void *arg)
{
	(void)arg;
	block_sigtrap(SIG_BLOCK);
	blocks = 1;
	while (!stop)
		place_sum(1, 2, 3);
	block_sigtrap(SIG_UNBLOCK);
	return NULL;
}

static void start_blocker(pthread_t *t)
{
	stop = blocks = 0;
	MUST(!pthread_create(t, NULL, blocker, NULL));
	while (!blocks)
		usleep(1000);
}

static void end_blocker(pthread_t t)
{
	stop = 1;
	pthread_join(t, NULL);
}

/* A jump becomes a breakpoint for a moment. */
static int no_breakpoint_comes(void)
{
	struct kprobe p = { .addr = (void *)place_sum, .pre_handler = hit };
	pthread_t t;

	MUST(!register_kprobe(&p));
	start_blocker(&t);
	for (int i = 0; i < 20; i++) {
		let_descriptors(false);
		disable_kprobe(&p);
		let_descriptors(true);
		stop = 1;
		pthread_join(t, NULL);
		enable_kprobe(&p);
		start_blocker(&t);
	}
	let_descriptors(false);
	unregister_kprobe(&p);
	let_descriptors(true);
	end_blocker(t);
	wait_for_kprobe_optimizer();
	return 0;
}

TL_TEST(text_is_not_changed_where_nobody_can_tell_who_blocks_sigtrap)
{
	CHECK_EQ(in_child(no_breakpoint_comes), 0);
}

static int in_many_groups(void)
{
	struct kprobe p = { .addr = (void *)place_sum, .pre_handler = hit };
	static gid_t groups[GROUPS];
	pthread_t t;

	for (unsigned int i = 0; i < GROUPS; i++)
		groups[i] = 1000000000u + i;
	if (setgroups(GROUPS, groups))
		return NOT_HERE;
	start_blocker(&t);
	MUST(register_kprobe(&p) == -TL_EBUSY);
	end_blocker(t);
	MUST(!register_kprobe(&p));
	unregister_kprobe(&p);
	return 0;
}

TL_TEST(who_blocks_sigtrap_is_seen_where_there_are_many_groups)
{
	int status = in_child(in_many_groups);

	if (status == NOT_HERE)
		SKIP("groups cannot be set");
	CHECK_EQ(status, 0);
}

/* It was blocked before we came, and the program wants it open. */
static int is_open_again(void)
{
	struct kprobe p = { .addr = (void *)place_sum, .pre_handler = hit };
	unsigned long mask = 0;
	sigset_t set;

	MUST(!trapline_init());
	block_sigtrap(SIG_BLOCK);
	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	MUST(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	MUST(!syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask,
		      sizeof(mask)));
	MUST(!(mask & 1ul << (SIGTRAP - 1)));
	MUST(!register_kprobe(&p));
	unregister_kprobe(&p);
	return 0;
}

TL_TEST(who_unblocks_sigtrap_no_longer_blocks_it)
{
	CHECK_EQ(in_child(is_open_again), 0);
}

/* ---- threads that have ended ------------------------------------------------------ */

static int end_here(struct kprobe *p, struct pt_regs *regs)
{
	hit(p, regs);
	pthread_exit(NULL);
	return 0;
}

static struct kprobe ending = { .addr = (void *)place_sum,
				.pre_handler = end_here };

static void *unregisterer(void *arg)
{
	(void)arg;
	while (!hits)
		usleep(1000);
	usleep(20000);
	unregister_kprobe(&ending);
	_exit(0);
}

static int leader_ends_in_handler(void)
{
	pthread_t t;

	MUST(!register_kprobe(&ending));
	MUST(!pthread_create(&t, NULL, unregisterer, NULL));
	place_sum(1, 2, 3);
	return 1;
}

TL_TEST(a_leader_that_ended_in_a_handler_is_not_waited_for)
{
	CHECK_EQ(in_child(leader_ends_in_handler), 0);
}

static volatile int in_handler;
static pthread_t stayed;

static int stay_here(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	in_handler = 1;
	for (;;)
		pause();
	return 0;
}

static void *stayer(void *arg)
{
	(void)arg;
	place_sum(0, 2, 3);
	return NULL;
}

/* Far below, on the same stack. */
static void *caller_below(void *arg)
{
	volatile char room[65536];

	(void)arg;
	room[0] = 1;
	if (!pthread_equal(pthread_self(), stayed))
		_exit(NOT_HERE);
	place_call_b(0, (long)getppid, room[0]);
	return NULL;
}

static int stack_of_another(void)
{
	struct kprobe p = { .addr = (void *)place_sum,
			    .pre_handler = stay_here };
	struct kprobe q = { .addr = (void *)place_call_b, .pre_handler = hit };
	int status = 0;
	pthread_t t;
	pid_t pid;

	MUST(!register_kprobe(&p));
	MUST(!register_kprobe(&q));
	MUST(!pthread_create(&stayed, NULL, stayer, NULL));
	while (!in_handler)
		usleep(1000);
	pid = fork();
	if (!pid) {
		MUST(!pthread_create(&t, NULL, caller_below, NULL));
		pthread_join(t, NULL);
		MUST(hits == 1);
		_exit(0);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

TL_TEST(a_handler_that_did_not_come_along_with_fork_is_in_nobodys_way)
{
	int status = in_child(stack_of_another);

	if (status == NOT_HERE)
		SKIP("no stack is used again");
	CHECK_EQ(status, 0);
}

/* ---- breakpoints in debug registers ------------------------------------------------- */

static volatile uint64_t watched[2];
static volatile unsigned int watch_hits[2];

static void on_watch(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)regs;
	watch_hits[(uintptr_t)bp->data]++;
}

static void end_on_watch(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	on_watch(bp, regs);
	pthread_exit(NULL);
}

static struct hw_breakpoint watch_of(unsigned int i)
{
	return (struct hw_breakpoint){
		.addr = (void *)&watched[i],
		.len = HW_BREAKPOINT_LEN_8,
		.type = HW_BREAKPOINT_W,
		.triggered = on_watch,
		.data = (void *)(uintptr_t)i,
		.silent = true,
	};
}

static int must_register(struct hw_breakpoint *bp)
{
	int err = register_kernel_hw_breakpoint(bp);

	if (err == -TL_EPERM || err == -TL_EOPNOTSUPP)
		_exit(NOT_HERE);
	MUST(!err);
	return 0;
}

static void *writer(void *arg)
{
	char c;

	(void)arg;
	MUST(read(go[0], &c, 1) == 1);
	watched[0]++;
	watched[1]++;
	MUST(write(done[1], "x", 1) == 1);
	return NULL;
}

static int one_stays(void)
{
	struct hw_breakpoint one = watch_of(0), two = watch_of(1);
	pthread_t t;
	char c;

	MUST(!pipe(go) && !pipe(done));
	MUST(!pthread_create(&t, NULL, writer, NULL));
	must_register(&one);
	must_register(&two);
	let_descriptors(false);
	unregister_hw_breakpoint(&one);
	let_descriptors(true);
	MUST(write(go[1], "x", 1) == 1);
	MUST(read(done[0], &c, 1) == 1);
	pthread_join(t, NULL);
	MUST(watch_hits[0] == 0);
	MUST(watch_hits[1] == 1);
	unregister_hw_breakpoint(&two);
	return 0;
}

TL_TEST(threads_keep_a_breakpoint_where_they_cannot_be_listed)
{
	int status = in_child(one_stays);

	if (status == NOT_HERE)
		SKIP("the kernel lets us have no breakpoints");
	CHECK_EQ(status, 0);
}

static void *registerer(void *arg)
{
	struct hw_breakpoint two = watch_of(1);

	(void)arg;
	while (!watch_hits[0])
		usleep(1000);
	usleep(20000);
	must_register(&two);
	watched[1]++;
	MUST(watch_hits[1] == 1);
	unregister_hw_breakpoint(&two);
	_exit(0);
}

static int leader_ends_in_watch(void)
{
	static struct hw_breakpoint one;
	pthread_t t;

	one = watch_of(0);
	one.triggered = end_on_watch;
	MUST(!pthread_create(&t, NULL, registerer, NULL));
	must_register(&one);
	watched[0]++;
	return 1;
}

TL_TEST(a_leader_that_ended_in_a_breakpoints_handler_is_not_waited_for)
{
	int status = in_child(leader_ends_in_watch);

	if (status == NOT_HERE)
		SKIP("the kernel lets us have no breakpoints");
	CHECK_EQ(status, 0);
}

#define STEP (256ul << 10)

static unsigned long used_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	MUST(f && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	return pages * (unsigned long)getpagesize();
}

/* Refused, or there: wherever memory comes to an end. */
static int memory_is_short(void)
{
	struct hw_breakpoint one = watch_of(0);
	unsigned long used = used_memory();
	struct rlimit before, some;
	unsigned int refused = 0;
	int err = -TL_ENOMEM;

	MUST(!getrlimit(RLIMIT_AS, &before));
	for (some = before; err; refused++) {
		some.rlim_cur = used + refused * STEP;
		MUST(!setrlimit(RLIMIT_AS, &some));
		err = register_kernel_hw_breakpoint(&one);
		MUST(!setrlimit(RLIMIT_AS, &before));
		if (err == -TL_EPERM || err == -TL_EOPNOTSUPP)
			return NOT_HERE;
		MUST(!err || err == -TL_ENOMEM);
	}
	watched[0]++;
	MUST(watch_hits[0] == 1);
	MUST(refused > 1);
	return 0;
}

TL_TEST(a_breakpoint_for_which_there_is_no_memory_is_refused)
{
	int status = in_child(memory_is_short);

	if (status == NOT_HERE)
		SKIP("the kernel lets us have no breakpoints");
	CHECK_EQ(status, 0);
}

static void *late_writer(void *arg)
{
	(void)arg;
	watched[0]++;
	return NULL;
}

/* What new threads begin with could not be put there at once. */
static int births_come_late(void)
{
	struct hw_breakpoint one = watch_of(0), two = watch_of(1);
	pthread_t t, late;

	start_blocker(&t);
	must_register(&one);
	end_blocker(t);
	must_register(&two);
	MUST(!pthread_create(&late, NULL, late_writer, NULL));
	pthread_join(late, NULL);
	MUST(watch_hits[0] == 1);
	return 0;
}

TL_TEST(new_threads_are_watched_though_text_could_not_be_changed_at_first)
{
	int status = in_child(births_come_late);

	if (status == NOT_HERE)
		SKIP("the kernel lets us have no breakpoints");
	CHECK_EQ(status, 0);
}

/* ---- one number after the other ------------------------------------------------------ */

static struct {
	volatile int go, wrote;
	int tid; /* cleared by the kernel when it has ended */
	char stack[65536] __attribute__((aligned(16)));
} bare[2];

/* It has its parent's thread-local variables: nothing that uses them is called. */
static int bare_thread(void *arg)
{
	volatile int *then = &bare[(uintptr_t)arg].go;

	while (!*then)
		syscall(SYS_sched_yield);
	if (*then == 2)
		watched[0]++;
	bare[(uintptr_t)arg].wrote = 1;
	syscall(SYS_exit, 0);
	return 0;
}

static int start_bare(unsigned int i)
{
	bare[i].go = bare[i].wrote = 0;
	return clone(bare_thread, bare[i].stack + sizeof(bare[i].stack),
		     CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			     CLONE_THREAD | CLONE_SYSVSEM |
			     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		     (void *)(uintptr_t)i, &bare[i].tid, NULL, &bare[i].tid);
}

static void end_bare(unsigned int i, int then)
{
	bare[i].go = then;
	while (*(volatile int *)&bare[i].tid)
		usleep(1000);
}

/* A thread with the number @tid, if it can be had. */
static bool have_again(unsigned int i, int tid)
{
	for (int tries = 0; tries < 200; tries++) {
		FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");

		if (!f || fprintf(f, "%d", tid - 1) < 0 || fclose(f))
			return false;
		if (start_bare(i) == tid)
			return true;
		end_bare(i, 1);
	}
	return false;
}

static int number_is_used_again(void)
{
	struct hw_breakpoint one = watch_of(0), two = watch_of(1);
	int tid = start_bare(0);

	must_register(&one);
	end_bare(0, 1);
	usleep(50000); /* of another tick of the clock that tells them apart */
	if (!have_again(1, tid))
		return NOT_HERE;
	must_register(&two);
	end_bare(1, 2);
	MUST(bare[1].wrote);
	MUST(watch_hits[0] == 1);
	return 0;
}

TL_TEST(a_thread_that_has_the_number_of_another_is_watched)
{
	int status = in_child(number_is_used_again);

	if (status == NOT_HERE)
		SKIP("no breakpoints, or no number twice");
	CHECK_EQ(status, 0);
}
