/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c and-arm64-linux */
/*
 * net-hard.c - threads that cannot stop, cannot be moved, or hide
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/rseq.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "net-victim.h"

#define CODE 0x310000000000
static uint8_t *const code = (uint8_t *)CODE;
static struct tl_window w;
static struct tl_range r;
static struct shared *the;

static bool map_code(void)
{
	if (mmap((void *)CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) != (void *)CODE)
		return false;
	put_nops(code, 4096);
	return true;
}

static void unmap_code(void)
{
	munmap((void *)CODE, 4096);
}

/* ---- uninterruptible sleep ------------------------------------------------ */

static int fault_fd, fix_pipe[2];
static char *absent;

static void *spin(void *arg)
{
	atomic_fetch_add(&the->ready, 1);
	while (!atomic_load(&the->quit))
		atomic_fetch_add(&the->turns[0], 1);
	return arg;
}

/* Read our own memory where a fault is not served: that cannot be stopped. */
static void *read_absent(void *arg)
{
	char buf[64];
	struct iovec local = { buf, sizeof(buf) }, remote = { absent, 64 };
	ssize_t got;

	atomic_fetch_add(&the->ready, 1);
	got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	if (got != 64)
		note_wrong(the, (unsigned long)errno + 1);
	atomic_store(&the->flag[0], 1);
	return arg;
}

/* A process that does not share our memory serves the fault when told. */
static void serve_fault(void)
{
	struct uffdio_zeropage z = { .range = { (uintptr_t)absent, 4096 } };
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fix_pipe[0], &c, 1) == 1)
		if (ioctl(fault_fd, UFFDIO_ZEROPAGE, &z))
			note_wrong(the, 1000);
	_exit(0);
}

static void sleep_hard(struct shared *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	the = s;
	fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	absent = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)absent;
	reg.range.len = 4096;
	if (fault_fd < 0 || ioctl(fault_fd, UFFDIO_API, &api) ||
	    ioctl(fault_fd, UFFDIO_REGISTER, &reg)) {
		atomic_store(&s->ready, 99);
		return;
	}
	if (!fork())
		serve_fault();
	start_thread(read_absent, NULL);
	pause_ms(20);
	spin(NULL);
}

TL_TEST(uninterruptible_sleep_is_as_good_as_a_stop)
{
	unsigned int slow = 0;
	struct net_stats st;
	struct victim v;
	struct net *net;
	unsigned long a;

	REQUIRE(pipe(fix_pipe) == 0);
	v = victim_start(sleep_hard);
	REQUIRE(victim_ready(&v, 2));
	if (atomic_load(&v.s->ready) == 99)
		SKIP("no userfaultfd");
	for (int i = 0; i < 5; i++) {
		uint64_t begun = clock_ns();

		w = (struct tl_window){ .start = CODE, .len = 5 };
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		slow += clock_ns() - begun > 100000000ull * NET_PATIENCE;
		CHECK_EQ(net_evict(net, &w, 1), 0);
		CHECK(!w.busy);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.tasks, 2);
		CHECK_EQ(st.stopped, 1);
	}
	CHECK_EQ(atomic_load(&v.s->flag[0]), 0);
	/* It is not waited for until the time limit. */
	CHECK(slow < 4);

	/* It wakes while the net is open: it must not run on. */
	REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
	CHECK_EQ(write(fix_pipe[1], "x", 1), 1);
	pause_ms(30);
	CHECK_EQ(atomic_load(&v.s->flag[0]), 0);
	a = atomic_load(&v.s->turns[0]);
	CHECK_EQ(net_close(net, NULL), 0);
	for (int i = 0; i < 1000 * NET_PATIENCE && !atomic_load(&v.s->flag[0]);
	     i++)
		pause_ms(1);
	CHECK_EQ(atomic_load(&v.s->flag[0]), 1);
	CHECK(goes_on(&v, 0, a));
	CHECK_EQ(atomic_load(&v.s->detail), 0);
	victim_end(&v);
}

static void *populate(void *arg)
{
	size_t size = (300 << 20) / NET_MEMORY;
	void *p;

	atomic_fetch_add(&the->ready, 1);
	while (!atomic_load(&the->quit)) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		munmap(p, size);
	}
	return arg;
}

static void work_in_kernel(struct shared *s)
{
	the = s;
	start_thread(populate, NULL);
	spin(NULL);
}

TL_TEST(who_does_not_stop_in_time_gives_etimedout_and_nobody_is_held)
{
	const struct net_options hasty = { .timeout_ms = 8 };
	struct victim v = victim_start(work_in_kernel);
	unsigned int late = 0;
	unsigned long a;
	struct net *net;
	int err;

	REQUIRE(victim_ready(&v, 2));
	for (int i = 0; i < 20; i++) {
		err = net_open(&net, v.pid, 0, &hasty);
		if (!err)
			net_close(net, NULL);
		else
			CHECK_EQ(err, -ETIMEDOUT);
		late += err == -ETIMEDOUT;
		a = atomic_load(&v.s->turns[0]);
		CHECK(goes_on(&v, 0, a));
	}
	tl_test_note("too late", late);
	CHECK(late > 0);
	victim_end(&v);
}

/* ---- restartable sequences ------------------------------------------------ */

#define BODY 64

static struct {
	uint32_t version, flags;
	uint64_t start, length, abort;
} sequence __attribute__((aligned(32)));

/*
 * The thread spins inside the sequence; whenever the kernel aborts it, it goes
 * back in:
 *
 *     code + BODY      put_self_jump()
 *     code + 128       signature
 *     code + 132       put_reenter()
 */
static void spin_in_sequence(struct shared *s)
{
	char *tp = __builtin_thread_pointer();
	uint64_t *cs = (uint64_t *)(tp + __rseq_offset + 8);

	sequence.start = CODE + BODY - 4;
	sequence.length = 16;
	sequence.abort = CODE + 132;
	atomic_store(&s->ready, 1);
	enter_sequence(&sequence, cs, CODE + 132);
}

TL_TEST(a_thread_in_a_restartable_sequence_is_not_moved)
{
	const uint32_t signature = NET_RSEQ_SIGNATURE;
	unsigned int inside = 0;
	struct net_stats st;
	struct victim v;
	struct net *net;

	if (!__rseq_size)
		SKIP("no rseq");
	REQUIRE(map_code());
	put_self_jump(code + BODY);
	memcpy(code + 128, &signature, 4);
	put_reenter(code + 132, code + BODY);
	v = victim_start(spin_in_sequence);
	REQUIRE(victim_ready(&v, 1));
	for (int i = 0; i < 20; i++) {
		pause_ms(3);
		w = (struct tl_window){ .start = CODE + BODY - 4, .len = 8 };
		w.n_inner = 1;
		w.inner[0] = 4;
		w.moved[0] = CODE + BODY;
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		CHECK_EQ(net_evict(net, &w, 1), 0);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK_EQ(st.moved, 0);
		inside += w.busy;
	}
	/* Now and then it is on its way back. */
	CHECK(inside >= 15);
	CHECK_EQ(kill(v.pid, 0), 0);
	victim_end(&v);
	unmap_code();
}

/* ---- parked contexts ------------------------------------------------------ */

static char *heap_of(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static size_t hidden_at;
static char *hidden_heap;

static void hide_word(struct shared *s)
{
	hidden_heap = heap_of(1 << 20);
	*(uintptr_t *)(hidden_heap + hidden_at) = CODE + 4;
	atomic_store(&s->turns[0], (uintptr_t)hidden_heap);
	atomic_store(&s->ready, 1);
	for (;;)
		pause();
}

struct hidden {
	const char *name;
	size_t at;
	bool everywhere;
	bool ours;
	bool busy;
};

static const struct hidden hiding[] = {
	{ "only stacks are searched", 4096, false, false, false },
	{ "in the middle", 4096, true, false, true },
	{ "the first word", 0, true, false, true },
	{ "the last word", (1 << 20) - 8, true, false, true },
	{ "across a chunk", 262144 - 8, true, false, true },
	{ "in a span of ours", 8192, true, true, false },
	{ "just before it", 8184, true, true, true },
	{ "just after it", 12288, true, true, true },
};

TL_TEST(words_outside_of_stacks_are_found_when_asked_for)
{
	const struct hidden *p;

	memset(&r, 0, sizeof(r));
	memset(&w, 0, sizeof(w));
	for_each_row(p, hiding) {
		struct net_options o = { .everywhere = p->everywhere };
		struct net_span span;
		struct victim v;
		struct net *net;

		ROW(p->name);
		hidden_at = p->at;
		v = victim_start(hide_word);
		REQUIRE(victim_ready(&v, 1));
		pause_ms(5);
		span.start = atomic_load(&v.s->turns[0]) + 8192;
		span.end = span.start + 4096;
		if (p->ours) {
			o.ours = &span;
			o.n_ours = 1;
		}
		w = (struct tl_window){ .start = CODE, .len = 5 };
		REQUIRE(open_net(&net, v.pid, 0, &o) == 0);
		CHECK_EQ(net_evict(net, &w, 1), 0);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK_EQ(w.busy, p->busy);
		victim_end(&v);
	}
}

/* Memory that was never touched is not touched by us. */
static void reserve_much(struct shared *s)
{
	heap_of((1 << 30) / NET_MEMORY)[4096] = 1;
	atomic_store(&s->ready, 1);
	for (;;)
		pause();
}

TL_TEST(memory_that_is_not_there_is_not_read)
{
	struct victim v = victim_start(reserve_much);
	struct net_options o = { .everywhere = true };
	struct net_stats st;
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	w = (struct tl_window){ .start = CODE, .len = 5 };
	REQUIRE(open_net(&net, v.pid, 0, &o) == 0);
	CHECK_EQ(net_evict(net, &w, 1), 0);
	CHECK_EQ(net_close(net, &st), 0);
	CHECK(st.scanned > 4096);
	CHECK(st.scanned < 8 << 20);
	victim_end(&v);
}

static void fill_much(struct shared *s)
{
	memset(heap_of(64 << 20), 0x55, 64 << 20);
	atomic_store(&s->ready, 1);
	for (;;)
		pause();
}

TL_TEST(searching_everywhere_takes_tens_of_milliseconds_for_64_mib)
{
	struct victim v = victim_start(fill_much);
	struct net_options o = { .everywhere = true };
	struct net_stats st;
	struct net *net;

	REQUIRE(victim_ready(&v, 1));
	for (int i = 0; i < 3; i++) {
		w = (struct tl_window){ .start = CODE, .len = 5 };
		REQUIRE(open_net(&net, v.pid, 0, &o) == 0);
		CHECK_EQ(net_evict(net, &w, 1), 0);
		CHECK_EQ(net_close(net, &st), 0);
		CHECK(st.scanned >= 64 << 20);
		tl_test_note("longest stop, ns", st.longest_stop_ns);
	}
	CHECK(st.longest_stop_ns < 500000000ull * NET_PATIENCE);
	victim_end(&v);
}

/* A coroutine that is parked: its stack is nobody's. */
static ucontext_t parked, home;

static void coroutine(void)
{
	volatile uintptr_t word[2] = { CODE + 3, 0 };

	while (word[0])
		swapcontext(&parked, &home);
}

static void park(struct shared *s)
{
	char *stack = heap_of(65536);

	getcontext(&parked);
	parked.uc_stack.ss_sp = stack;
	parked.uc_stack.ss_size = 65536;
	parked.uc_link = &home;
	makecontext(&parked, coroutine, 0);
	swapcontext(&home, &parked);
	atomic_store(&s->ready, 1);
	for (;;)
		pause();
}

TL_TEST(a_parked_coroutine_makes_a_slot_busy_when_asked_for)
{
	for (int i = 0; i < 2; i++) {
		struct net_options o = { .everywhere = i == 1 };
		struct victim v;
		struct net *net;
		bool busy = false;

		/* What the victim inherits does not name the slot. */
		memset(&r, 0, sizeof(r));
		memset(&w, 0, sizeof(w));
		v = victim_start(park);
		REQUIRE(victim_ready(&v, 1));
		pause_ms(5);
		r.start = CODE + 1;
		r.end = CODE + 64;
		REQUIRE(open_net(&net, v.pid, 0, &o) == 0);
		CHECK_EQ(net_quiet(net, &r, 1, &busy), 0);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK_EQ(busy, i == 1);
		victim_end(&v);
	}
}
