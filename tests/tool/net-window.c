/* SPDX-License-Identifier: MIT */
/* link: tool/guardian/net.c tool/guardian/net_seize.c tool/guardian/net_stop.c tool/guardian/net_restart.c tool/guardian/net_scan.c tool/guardian/net_watch.c tool/guardian/net_proc.c and-arm64-linux */
/*
 * net-window.c - windows are emptied, or are busy
 *
 * A thread is made to stand at each byte of a window where an instruction may begin:
 * there is a jump to itself.  The places to which threads are moved raise a flag.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <ucontext.h>

#include "net-victim.h"

#define WINDOW 16
#define AFTER  256 /* where threads are moved to, one place each 32 bytes */

/*
 * At the same address in test and victim, for the test as for the victim: what
 * the net is asked about is static, since the victim's stack is a copy of ours.
 */
#define CODE 0x310000000000
static uint8_t *const code = (uint8_t *)CODE + 4096;
static struct tl_window w[3];
static struct tl_range r;

static bool map_code(void)
{
	return mmap((void *)CODE, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		    0) == (void *)CODE;
}

static void unmap_code(void)
{
	munmap((void *)CODE, 3 * 4096);
}

struct stand {
	unsigned int at;
	bool moved;
	bool busy;
};

static const uint8_t inner[] = { NET_INNER };
#define N_INNER TL_ARRAY_SIZE(inner)

/* w[0] is the window; nobody is in the others, beside it. */
static void set_windows(void)
{
	memset(w, 0, sizeof(w));
	w[0].start = (uintptr_t)code;
	w[0].len = 12;
	w[0].n_inner = N_INNER;
	for (size_t i = 0; i < N_INNER; i++) {
		w[0].inner[i] = inner[i];
		w[0].moved[i] = (uintptr_t)code + AFTER + 32 * i;
	}
	w[1].start = (uintptr_t)code - 64;
	w[1].len = 32;
	w[2].start = (uintptr_t)code + 1024;
	w[2].len = 16;
}

static int boundary(unsigned int at)
{
	for (size_t i = 0; i < N_INNER; i++)
		if (inner[i] == at)
			return (int)i;
	return -1;
}

static struct victim stand_at(unsigned int at)
{
	struct victim v;

	put_nops(code, 4096);
	put_self_jump(code + at);
	v.s = mmap(NULL, sizeof(*v.s), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < N_INNER; i++)
		put_arrival(code + AFTER + 32 * i, &v.s->flag[i]);
	v.pid = fork();
	if (!v.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		atomic_store(&v.s->ready, 1);
		enter_code((uintptr_t)code + at);
	}
	victim_ready(&v, 1);
	pause_ms(5);
	return v;
}

TL_TEST(a_thread_at_each_byte_is_moved_or_makes_the_window_busy)
{
	REQUIRE(map_code());
	for (unsigned int at = 0; at <= 12; at += NET_STEP) {
		struct victim v = stand_at(at);
		struct net_stats st;
		struct net *net;
		int b = boundary(at);
		bool inside = at > 0 && at < 12;

		set_windows();
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		CHECK_EQ(net_evict(net, w, 3), 0);
		CHECK_EQ(net_close(net, &st), 0);
		tl_test_note("at", at);
		CHECK_EQ(w[0].busy, inside && b < 0);
		CHECK(!w[1].busy && !w[2].busy);
		CHECK_EQ(st.moved, inside && b >= 0);
		for (int i = 0; b >= 0 && i < 1000 * NET_PATIENCE; i++) {
			if (atomic_load(&v.s->flag[b]))
				break;
			pause_ms(1);
		}
		for (int i = 0; i < (int)N_INNER; i++)
			CHECK_EQ(atomic_load(&v.s->flag[i]), i == b);
		victim_end(&v);
	}
	unmap_code();
}

TL_TEST(a_thread_at_each_byte_of_a_slot_is_moved_back_or_makes_it_busy)
{
	REQUIRE(map_code());
	for (unsigned int at = 0; at <= 12; at += NET_STEP) {
		struct victim v = stand_at(WINDOW + at);
		struct net *net;
		bool busy = false;
		int b = boundary(at);

		r.start = (uintptr_t)code + WINDOW;
		r.end = r.start + 12;
		r.origin = (uintptr_t)code + AFTER;
		r.n = N_INNER;
		for (size_t i = 0; i < N_INNER; i++) {
			r.to[i] = inner[i];
			r.from[i] = (uint8_t)(32 * i);
		}
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		CHECK_EQ(net_quiet(net, &r, 1, &busy), 0);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK_EQ(busy, at < 12 && b < 0);
		for (int i = 0; b >= 0 && i < 1000 * NET_PATIENCE; i++) {
			if (atomic_load(&v.s->flag[b]))
				break;
			pause_ms(1);
		}
		for (int i = 0; i < (int)N_INNER; i++)
			CHECK_EQ(atomic_load(&v.s->flag[i]), i == b);
		victim_end(&v);
	}
	unmap_code();
}

/* ---- return addresses and saved contexts ---------------------------------- */

/* What is put where; the thread then sleeps or spins. */
static uintptr_t planted;

static void spin_with_word(struct shared *s)
{
	volatile uintptr_t word[3] = { 0, planted, 0 };

	atomic_store(&s->ready, 1);
	while (!atomic_load(&s->quit))
		word[2]++;
}

static void spin_with_signed(struct shared *s)
{
	planted = signed_word(planted);
	spin_with_word(s);
}

static void spin_with_register(struct shared *s)
{
	atomic_store(&s->ready, 1);
	spin_with(planted);
}

static void spin_with_red_zone(struct shared *s)
{
	uintptr_t v = planted;

	planted = 0;
	atomic_store(&s->ready, 1);
	spin_above(v);
}

/* The first thread interrupted in @spin_code by a handler on another stack. */
static struct shared *the;

static void stay(int sig)
{
	(void)sig;
	atomic_store(&the->ready, 1);
	for (;;)
		pause();
}

static void handler_elsewhere(struct shared *s, size_t at)
{
	struct sigaction sa = { .sa_handler = stay, .sa_flags = SA_ONSTACK };
	stack_t alt = { .ss_size = 65536 };

	the = s;
	alt.ss_sp = mmap(NULL, alt.ss_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&alt, NULL);
	sigaction(SIGALRM, &sa, NULL);
	ualarm(5000, 0);
	put_self_jump(code + at);
	((void (*)(void))(code + at))();
}

static void handler_over_window(struct shared *s)
{
	handler_elsewhere(s, 4);
}

/* The interrupted code is elsewhere, but it was called from the window. */
static void *be_interrupted(void *arg)
{
	volatile uintptr_t word = planted;

	planted = 0;
	handler_elsewhere(arg, 64);
	return (void *)word;
}

static void handler_over_call(struct shared *s)
{
	be_interrupted(s);
}

/* The same in a thread whose stack nobody else names. */
static void thread_handler_over_call(struct shared *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	start_thread(be_interrupted, s);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;)
		pause();
}

static void *sleep_with_word(void *arg)
{
	volatile uintptr_t word = planted;

	atomic_fetch_add(&((struct shared *)arg)->ready, 1);
	for (;;)
		pause();
	return (void *)word;
}

static void thread_sleeps_with_word(struct shared *s)
{
	start_thread(sleep_with_word, s);
	pause_ms(20);
	planted = 0;
	for (;;)
		pause();
}

struct plant {
	const char *name;
	void (*run)(struct shared *s);
	int at;
	bool busy;
};

static const struct plant plants[] = {
	{ "a stack word at an inner byte", spin_with_word, 5, true },
	{ "a stack word at the last byte", spin_with_word, 11, true },
	{ "a stack word at the head", spin_with_word, 0, false },
	{ "a stack word after the end", spin_with_word, 12, false },
	{ "a stack word before the head", spin_with_word, -1, false },
	{ "a register", spin_with_register, 4, true },
	{ "a register at the head", spin_with_register, 0, false },
	{ "the last word of the red zone", spin_with_red_zone, 4,
	  NET_RED_ZONE },
	{ "a signed return address", spin_with_signed, 4, true },
	{ "a context on another stack", handler_over_window, 0, true },
	{ "a stack under a handler's", handler_over_call, 7, true },
	{ "a thread's under a handler's", thread_handler_over_call, 7, true },
	{ "another thread's stack", thread_sleeps_with_word, 7, true },
};

TL_TEST(words_and_contexts_that_point_inside_make_a_window_busy)
{
	const struct plant *p;

	REQUIRE(map_code());
	for_each_row(p, plants) {
		struct victim v;
		struct net *net;

		ROW(p->name);
		put_nops(code, 4096);
		planted = (uintptr_t)code + (uintptr_t)(long)p->at;
		v = victim_start(p->run);
		REQUIRE(victim_ready(&v, 1));
		pause_ms(30);
		set_windows();
		/* This test's own frames are in the victim's stack, too. */
		planted = 0;
		REQUIRE(open_net(&net, v.pid, 0, NULL) == 0);
		CHECK_EQ(net_evict(net, w, 3), 0);
		CHECK_EQ(net_close(net, NULL), 0);
		CHECK_EQ(w[0].busy, p->busy);
		CHECK(!w[1].busy && !w[2].busy);
		victim_end(&v);
	}
	unmap_code();
}
