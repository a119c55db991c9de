/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint_process.c - breakpoints in debug registers, and the threads of a process
 */
/* link: lib and-arm64 tests/api/ISA/places.S -pthread */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_emulator.h"
#include "tl_test.h"
#include "tl_ucontext.h"

#define THREADS 8

static struct {
	uint64_t word[4];
} watched __attribute__((aligned(64)));

static atomic_uint hits[4];
static __thread volatile unsigned int own_hits;

static void on_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)regs;
	atomic_fetch_add(&hits[(uintptr_t)bp->data], 1);
	own_hits++;
}

static struct hw_breakpoint of_word(unsigned int i)
{
	atomic_store(&hits[i], 0);
	own_hits = 0;
	return (struct hw_breakpoint){
		.addr = &watched.word[i],
		.len = HW_BREAKPOINT_LEN_8,
		.type = HW_BREAKPOINT_W,
		.triggered = on_hit,
		.data = (void *)(uintptr_t)i,
		.silent = true,
	};
}

#define MUST(err)                                                  \
	do {                                                       \
		int err_ = (err);                                  \
		if (err_ == -TL_EPERM || err_ == -TL_EOPNOTSUPP)   \
			SKIP("the kernel lets us have no events"); \
		REQUIRE(!err_);                                    \
	} while (0)

static __attribute__((noinline)) void write_word(unsigned int i, uint64_t v)
{
	((volatile uint64_t *)watched.word)[i] = v;
}

static atomic_uint ready, let_go;

static void wait_for(atomic_uint *n, unsigned int at_least)
{
	while (atomic_load(n) < at_least)
		usleep(100);
}

/* Wait, then write as many times as @arg says; the hits that were ours. */
static void *writer(void *arg)
{
	unsigned int n = (unsigned int)(uintptr_t)arg;

	atomic_fetch_add(&ready, 1);
	wait_for(&let_go, 1);
	for (unsigned int i = 0; i < n; i++)
		write_word(0, i);
	return (void *)(uintptr_t)own_hits;
}

static void begin(pthread_t *t, unsigned int n, void *(*fn)(void *),
		  unsigned int writes)
{
	atomic_store(&ready, 0);
	atomic_store(&let_go, 0);
	for (unsigned int i = 0; i < n; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, fn,
					(void *)(uintptr_t)writes),
			 0);
}

static unsigned int end(pthread_t *t, unsigned int n)
{
	unsigned int sum = 0;
	void *own;

	atomic_store(&let_go, 1);
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(t[i], &own);
		sum += (unsigned int)(uintptr_t)own;
	}
	return sum;
}

TL_TEST(threads_that_are_there_are_watched)
{
	struct hw_breakpoint bp = of_word(0);
	pthread_t t[THREADS];

	begin(t, THREADS, writer, 100);
	wait_for(&ready, THREADS);
	MUST(register_kernel_hw_breakpoint(&bp));
	CHECK_EQ(end(t, THREADS), 100 * THREADS);
	CHECK_EQ(hits[0], 100 * THREADS);
	unregister_hw_breakpoint(&bp);
}

TL_TEST(threads_that_begin_later_are_watched)
{
	struct hw_breakpoint bp = of_word(0);
	pthread_t t[THREADS];

	MUST(register_kernel_hw_breakpoint(&bp));
	for (unsigned int round = 1; round <= 10; round++) {
		begin(t, THREADS, writer, 10);
		CHECK_EQ(end(t, THREADS), 10 * THREADS);
		CHECK_EQ(hits[0], round * 10 * THREADS);
	}
	unregister_hw_breakpoint(&bp);
	begin(t, THREADS, writer, 10);
	CHECK_EQ(end(t, THREADS), 0);
}

/*
 * Threads are made all the time, by threads, while a breakpoint comes and goes.  It is
 * there for the whole life of a thread that begins and ends in one odd period.
 */
static atomic_bool stop;
static atomic_uint period, watched_ones, left_out;

static void *write_twice(void *arg)
{
	unsigned int began = (unsigned int)(uintptr_t)arg;

	own_hits = 0;
	write_word(1, 1);
	write_word(1, 2);
	if (!(began & 1) || atomic_load(&period) != began)
		return NULL;
	atomic_fetch_add(own_hits == 2 ? &watched_ones : &left_out, 1);
	return NULL;
}

static void *maker(void *arg)
{
	pthread_t t;

	(void)arg;
	while (!atomic_load(&stop)) {
		void *now = (void *)(uintptr_t)atomic_load(&period);

		if (pthread_create(&t, NULL, write_twice, now))
			abort();
		pthread_join(t, NULL);
	}
	return NULL;
}

TL_TEST(no_thread_that_is_made_meanwhile_is_left_out)
{
	struct hw_breakpoint bp = of_word(1);
	pthread_t t[2];

	MUST(register_kernel_hw_breakpoint(&bp));
	unregister_hw_breakpoint(&bp);
	atomic_store(&stop, false);
	for (unsigned int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&t[i], NULL, maker, NULL));
	for (unsigned int i = 1; i <= 20; i++) {
		REQUIRE(!register_kernel_hw_breakpoint(&bp));
		atomic_fetch_add(&period, 1);
		wait_for(&watched_ones, 20 * i);
		atomic_fetch_add(&period, 1);
		unregister_hw_breakpoint(&bp);
	}
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(left_out, 0);
}

static atomic_int other_tid;

static void *says_who(void *arg)
{
	atomic_store(&other_tid, (int)syscall(SYS_gettid));
	return writer(arg);
}

TL_TEST(a_threads_breakpoint_is_that_threads)
{
	struct hw_breakpoint bp = of_word(0);
	pthread_t t;

	begin(&t, 1, says_who, 5);
	wait_for(&ready, 1);
	MUST(register_user_hw_breakpoint(&bp, trapline_thread(other_tid)));
	write_word(0, 1);
	CHECK_EQ(hits[0], 0);
	CHECK_EQ(end(&t, 1), 5);
	CHECK_EQ(hits[0], 5);
	unregister_hw_breakpoint(&bp);
}

TL_TEST(a_thread_that_is_not_there_has_no_handle)
{
	CHECK(!trapline_thread(getppid()));
	CHECK(!trapline_thread(-1));
	CHECK(trapline_thread(0) == trapline_thread((int)syscall(SYS_gettid)));
}

TL_TEST(two_threads_have_four_registers_each)
{
	struct hw_breakpoint mine[4], others[4], more = of_word(0);
	pthread_t t;

	begin(&t, 1, says_who, 3);
	wait_for(&ready, 1);
	for (unsigned int i = 0; i < 4; i++) {
		mine[i] = of_word(i);
		others[i] = of_word(i);
		MUST(register_user_hw_breakpoint(&mine[i], trapline_thread(0)));
		MUST(register_user_hw_breakpoint(&others[i],
						 trapline_thread(other_tid)));
	}
	CHECK_EQ(register_user_hw_breakpoint(&more, trapline_thread(0)),
		 -TL_ENOSPC);
	CHECK_EQ(register_kernel_hw_breakpoint(&more), -TL_ENOSPC);
	for (unsigned int i = 0; i < 4; i++)
		write_word(i, 1);
	CHECK_EQ(own_hits, 4);
	CHECK_EQ(end(&t, 1), 3);
	for (unsigned int i = 0; i < 4; i++) {
		unregister_hw_breakpoint(&mine[i]);
		unregister_hw_breakpoint(&others[i]);
	}
}

/* By one store. */
static __attribute__((noinline)) void write_two(void)
{
	typedef uint64_t two __attribute__((vector_size(16), aligned(8)));

	*(volatile two *)watched.word = (two){ 1, 2 };
}

TL_TEST(one_access_of_two_variables_hits_both_once)
{
	struct hw_breakpoint a = of_word(0), b = of_word(1), c = of_word(2);

	MUST(register_kernel_hw_breakpoint(&a));
	MUST(register_kernel_hw_breakpoint(&b));
	MUST(register_kernel_hw_breakpoint(&c));
	for (unsigned int i = 1; i <= 100; i++) {
		write_two();
		CHECK_EQ(hits[0], i);
		CHECK_EQ(hits[1], i);
	}
	CHECK_EQ(hits[2], 0);
	unregister_hw_breakpoint(&a);
	unregister_hw_breakpoint(&b);
	unregister_hw_breakpoint(&c);
}

TL_TEST(two_on_one_variable_are_both_hit)
{
	struct hw_breakpoint a = of_word(0), b = of_word(1);

	b.addr = a.addr;
	b.type = HW_BREAKPOINT_RW;
	MUST(register_kernel_hw_breakpoint(&a));
	MUST(register_kernel_hw_breakpoint(&b));
	write_word(0, 1);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(hits[1], 1);
	unregister_hw_breakpoint(&b);
	write_word(0, 1);
	CHECK_EQ(hits[0], 2);
	CHECK_EQ(hits[1], 1);
	unregister_hw_breakpoint(&a);
}

static int open_foreign(void *addr)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_BREAKPOINT;
	attr.size = sizeof(attr);
	attr.bp_type = HW_BREAKPOINT_W;
	attr.bp_addr = (uintptr_t)addr;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.exclude_kernel = 1;
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* Otherwise a process of the library's sets the registers. */
static bool have_events(void)
{
	int fd = open_foreign(&watched.word[3]);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

TL_TEST(registers_that_others_have_give_enospc_and_change_nothing)
{
	struct hw_breakpoint a = of_word(0), b = of_word(1), to = of_word(2);
	int fd[3];

	if (!have_events())
		SKIP("the kernel lets us have no events");
	MUST(register_kernel_hw_breakpoint(&a));
	for (unsigned int i = 0; i < 3; i++) {
		fd[i] = open_foreign(&watched.word[3]);
		REQUIRE(fd[i] >= 0);
	}
	CHECK_EQ(register_kernel_hw_breakpoint(&b), -TL_ENOSPC);
	write_word(0, 1);
	write_word(1, 1);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(hits[1], 0);
	/* What we have can still be moved. */
	CHECK_EQ(modify_hw_breakpoint(&a, &to), 0);
	write_word(0, 1);
	CHECK_EQ(hits[0], 1);
	write_word(2, 1);
	CHECK_EQ(hits[0], 2);
	for (unsigned int i = 0; i < 3; i++)
		close(fd[i]);
	CHECK_EQ(register_kernel_hw_breakpoint(&b), 0);
	write_word(1, 1);
	CHECK_EQ(hits[1], 1);
	unregister_hw_breakpoint(&b);
	unregister_hw_breakpoint(&a);
}

TL_TEST(addresses_of_the_kernel_give_einval)
{
	struct hw_breakpoint bp = of_word(0);

	bp.addr = (void *)0xffffffff81000000ul;
	CHECK_EQ(register_kernel_hw_breakpoint(&bp), -TL_EINVAL);
	CHECK_EQ(register_user_hw_breakpoint(&bp, trapline_thread(0)),
		 -TL_EINVAL);
	bp.addr = (void *)USER_END;
	CHECK_EQ(register_kernel_hw_breakpoint(&bp), -TL_EINVAL);
}

/* The step over it ends where no reservation is lost by that. */
TL_TEST(an_exclusive_access_succeeds_and_is_told_of_once)
{
	static const unsigned int types[] = { HW_BREAKPOINT_W,
					      HW_BREAKPOINT_RW };
	struct hw_breakpoint bp;

	for (unsigned int t = 0; t < 2; t++) {
		bp = of_word(0);
		bp.type = types[t];
		watched.word[0] = 0;
		MUST(register_kernel_hw_breakpoint(&bp));
		for (unsigned int i = 1; i <= 100; i++) {
			increment(&watched.word[0]);
			CHECK_EQ(hits[0], i);
		}
		unregister_hw_breakpoint(&bp);
		CHECK_EQ(watched.word[0], 100);
	}
}

/* A branch goes on at one of two places, a return wherever it is told to. */
TL_TEST(branches_that_are_watched_go_where_they_go)
{
	static const struct row {
		const char *name;
		const void *at;
		place_fn *fn;
		long a, b, gives;
		unsigned int hits;
	} rows[] = {
		{ "loop", place_loop_at, place_loop, 4, 0, 10, 5 },
		{ "jump", (void *)place_jmp, place_jmp, 1, 0, 4, 1 },
		{ "second", (char *)place_jump + PLACE_JUMP_SECOND, place_jump,
		  1, 2, 3, 1 },
		{ "call", place_call_ind_at, place_call_ind, 1, 2, 1003, 1 },
	};
	const struct row *r;

	for_each_row(r, rows) {
		struct hw_breakpoint bp = of_word(0);

		ROW(r->name);
		bp.addr = (void *)(uintptr_t)r->at;
		bp.len = sizeof(long);
		bp.type = HW_BREAKPOINT_X;
		MUST(register_kernel_hw_breakpoint(&bp));
		for (unsigned int i = 1; i <= 3; i++) {
			CHECK_EQ(r->fn(r->a, r->b, 0), r->gives);
			CHECK_EQ(hits[0], i * r->hits);
		}
		unregister_hw_breakpoint(&bp);
	}
}

TL_TEST(what_a_system_call_writes_is_seen_where_we_may)
{
	struct hw_breakpoint bp = of_word(0);
	int fd = open("/dev/zero", O_RDONLY);

	MUST(register_kernel_hw_breakpoint(&bp));
	REQUIRE(read(fd, &watched.word[0], 8) == 8);
	close(fd);
	if (geteuid() == 0 && have_events())
		CHECK_EQ(hits[0], ON_ARM64 ? 0 : 1); /* arm64: nobody may */
	else
		CHECK(hits[0] <= 1);
	unregister_hw_breakpoint(&bp);
}

/* In a process whose first thread has ended: 0 if it went well. */
static void *without_leader(void *arg)
{
	struct hw_breakpoint bp = of_word(0);
	int err;

	(void)arg;
	usleep(20000);
	err = register_kernel_hw_breakpoint(&bp);
	if (err == -TL_EPERM || err == -TL_EOPNOTSUPP)
		_exit(77);
	write_word(0, 1);
	_exit(err ? 1 : hits[0] != 1);
	return NULL;
}

TL_TEST(a_leader_that_has_ended_is_not_in_the_way)
{
	pthread_t t;
	int status = -1;
	pid_t pid;

	if (under_emulator())
		SKIP("qemu-user does not survive its first thread");
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid) {
		if (pthread_create(&t, NULL, without_leader, NULL))
			_exit(2);
		pthread_exit(NULL);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("the kernel lets us have no events");
	CHECK_EQ(status, 0);
}

static atomic_uint signals;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&signals, 1);
}

TL_TEST(a_threads_hit_is_one_signal_unless_it_is_silent)
{
	struct hw_breakpoint bp = of_word(0);
	struct sigaction act = { .sa_handler = on_signal }, old;

	REQUIRE(!sigaction(SIGTRAP, &act, &old));
	MUST(register_user_hw_breakpoint(&bp, trapline_thread(0)));
	write_word(0, 1);
	CHECK_EQ(signals, 0);
	unregister_hw_breakpoint(&bp);
	bp.silent = false;
	REQUIRE(!register_user_hw_breakpoint(&bp, trapline_thread(0)));
	write_word(0, 1);
	CHECK_EQ(signals, 1);
	write_word(0, 2);
	CHECK_EQ(signals, 2);
	CHECK_EQ(hits[0], 3);
	unregister_hw_breakpoint(&bp);
	sigaction(SIGTRAP, &old, NULL);
}

TL_TEST(a_program_that_blocks_sigtrap_is_watched_nonetheless)
{
	struct hw_breakpoint bp = of_word(0);
	sigset_t set, old;

	MUST(register_kernel_hw_breakpoint(&bp));
	sigfillset(&set);
	REQUIRE(!pthread_sigmask(SIG_SETMASK, &set, &old));
	write_word(0, 1);
	CHECK_EQ(hits[0], 1);
	write_word(0, 1);
	CHECK_EQ(hits[0], 2);
	REQUIRE(!pthread_sigmask(SIG_SETMASK, &old, NULL));
	CHECK_EQ(hits[0], 2);
	unregister_hw_breakpoint(&bp);
}

/* What the child found: 0, or the number of the step that went wrong. */
static int in_child(struct hw_breakpoint *bp)
{
	struct hw_breakpoint other = of_word(1);

	write_word(0, 1);
	if (hits[0])
		return 1;
	unregister_hw_breakpoint(bp);
	if (register_kernel_hw_breakpoint(&other))
		return 2;
	write_word(1, 1);
	if (hits[1] != 1)
		return 3;
	unregister_hw_breakpoint(&other);
	return 0;
}

TL_TEST(a_child_of_fork_has_none_and_leaves_the_parents_alone)
{
	struct hw_breakpoint bp = of_word(0);
	int status = -1;
	pid_t pid;

	MUST(register_kernel_hw_breakpoint(&bp));
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid)
		_exit(in_child(&bp));
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	write_word(0, 1);
	CHECK_EQ(hits[0], 1);
	unregister_hw_breakpoint(&bp);
}

static atomic_uint inside;

static void slow(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	(void)regs;
	atomic_store(&inside, 1);
	usleep(20000);
	atomic_store(&inside, 2);
}

TL_TEST(unregistering_waits_for_the_handler)
{
	struct hw_breakpoint bp = of_word(0);
	pthread_t t;

	bp.triggered = slow;
	begin(&t, 1, writer, 1);
	wait_for(&ready, 1);
	MUST(register_kernel_hw_breakpoint(&bp));
	atomic_store(&let_go, 1);
	wait_for(&inside, 1);
	unregister_hw_breakpoint(&bp);
	CHECK_EQ(inside, 2);
	end(&t, 1);
}

static __attribute__((noinline)) int worked(int n)
{
	__asm__ volatile("" : "+r"(n));
	write_word(0, n);
	return n + 1;
}

static int nothing(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

static uintptr_t seen_at;

static void note_place(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	on_hit(bp, regs);
	seen_at = instruction_pointer(regs);
}

TL_TEST(an_access_in_a_detour_is_shown_where_the_program_has_it)
{
	struct hw_breakpoint bp = of_word(0);
	struct kprobe kp = { .addr = (kprobe_opcode_t *)write_word,
			     .pre_handler = nothing };
	uintptr_t bare;

	bp.triggered = note_place;
	MUST(register_kernel_hw_breakpoint(&bp));
	CHECK_EQ(worked(1), 2);
	bare = seen_at;
	REQUIRE(!register_kprobe(&kp));
	CHECK_EQ(worked(2), 3);
	CHECK_EQ(hits[0], 2);
	CHECK_EQ(seen_at, bare);
	unregister_kprobe(&kp);
	unregister_hw_breakpoint(&bp);
}

TL_TEST(descriptors_are_given_back)
{
	struct hw_breakpoint bp = of_word(0);
	pthread_t t[THREADS];
	int before, after;

	MUST(register_kernel_hw_breakpoint(&bp));
	unregister_hw_breakpoint(&bp);
	before = dup(0);
	close(before);
	for (unsigned int i = 0; i < 20; i++) {
		REQUIRE(!register_kernel_hw_breakpoint(&bp));
		begin(t, THREADS, writer, 1);
		end(t, THREADS);
		unregister_hw_breakpoint(&bp);
	}
	after = dup(0);
	close(after);
	CHECK_EQ(after, before);
}
