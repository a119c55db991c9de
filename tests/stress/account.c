/* SPDX-License-Identifier: MIT */
/* link: lib tests/stress/ISA/hot.S -lpthread */
/* limit: 240 */
/*
 * account.c - every call is a hit or a miss, whatever happens meanwhile
 *
 * Three threads call the functions of hot.S as fast as they can, each
 * interrupted a thousand times a second by a signal whose handler calls them
 * too.  Some probes stay: handlers that count (one of them calls a probed
 * function itself), counters, return probes with and without a limit.  Beside
 * them, at the same points and inside of their windows, others are registered,
 * enabled, disabled and unregistered at random, with all kinds of handlers, so
 * that jumps become breakpoints and jumps again.
 *
 *     calls == hits + misses, for each of the probes that stay
 *
 * And memory: cycles of register and unregister under load need no more of it
 * after the first few.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"

#define HANDLER __attribute__((target("general-regs-only"))) static
#define THREADS 3
#define SECONDS 60
#define CYCLES	50000ul

typedef long hot_fn(long a, long b);

extern const struct hot {
	hot_fn *fn;
	void *at;
} hot_table[], hot_table_end[];

#define N_HOTS ((size_t)(hot_table_end - hot_table))
/* Two sets of hot.S: one for handlers and counters, one for return probes. */
#define KINDS	9
#define WATCHED (2 * KINDS)

/* ---- threads that call ------------------------------------------------------ */

static bool stop;
static unsigned long wrong;
static struct {
	unsigned long calls[WATCHED];
	unsigned long in_signals[WATCHED];
	unsigned long signals;
	unsigned long late; /* that came while one was still waiting */
	timer_t timer;
} who[THREADS];
static unsigned long in_handlers; /* calls of NESTED */

#define NESTED 1 /* what a handler calls */
#define CALLER 2 /* whose handler does */

static void call_all(unsigned long *calls, long n)
{
	for (size_t i = 0; i < WATCHED; i++) {
		if (hot_table[i].fn(n - 7, 3) != n - 7 + 8)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		calls[i]++;
	}
}

static void on_timer(int sig, siginfo_t *info, void *context)
{
	int me = info->si_value.sival_int;

	(void)sig;
	(void)context;
	who[me].late += info->si_overrun;
	call_all(who[me].in_signals, who[me].signals++);
}

static void start_timer(int me)
{
	struct itimerspec every = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = SIGUSR1 };

	ev.sigev_value.sival_int = me;
	ev._sigev_un._tid = gettid();
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &who[me].timer), 0);
	CHECK_EQ(timer_settime(who[me].timer, 0, &every, NULL), 0);
}

static void *caller(void *arg)
{
	int me = (long)arg;
	long n = 0;

	start_timer(me);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		call_all(who[me].calls, n++);
	timer_delete(who[me].timer);
	return NULL;
}

static pthread_t threads[THREADS];
static int running;

static void start(int n)
{
	struct sigaction sa = { .sa_sigaction = on_timer,
				.sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGUSR1, &sa, NULL);
	stop = false;
	wrong = in_handlers = 0;
	memset(who, 0, sizeof(who));
	running = n;
	for (long i = 0; i < n; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, caller, (void *)i),
			 0);
}

/* A signal may still be on its way to a thread that has deleted its timer. */
static void finish(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < running; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(wrong, 0);
}

static unsigned long calls_of(size_t i)
{
	unsigned long sum = i == NESTED ? in_handlers : 0;

	for (int t = 0; t < THREADS; t++)
		sum += who[t].calls[i] + who[t].in_signals[i];
	return sum;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- probes that stay ------------------------------------------------------- */

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static unsigned long hits[KINDS], returns[KINDS];
static struct kprobe handlers[KINDS], counts[KINDS];
static struct kretprobe rets[KINDS];

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	size_t i = p - handlers;

	(void)regs;
	__atomic_fetch_add(&hits[i], 1, __ATOMIC_RELAXED);
	if (i == CALLER) {
		__atomic_fetch_add(&in_handlers, 1, __ATOMIC_RELAXED);
		hot_table[NESTED].fn(1, 2);
	}
	return 0;
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct kretprobe *rp = get_kretprobe(ri);

	(void)regs;
	if (rp)
		__atomic_fetch_add(&returns[rp - rets], 1, __ATOMIC_RELAXED);
	return 0;
}

static void register_those_that_stay(void)
{
	for (size_t i = 0; i < KINDS; i++) {
		handlers[i] = (struct kprobe){ .addr = hot_table[i].at,
					       .pre_handler = hit };
		counts[i] = (struct kprobe){
			.addr = hot_table[i].at,
			.counter = (uint64_t *)counters + i,
		};
		rets[i] = (struct kretprobe){
			.kp.addr = (void *)hot_table[KINDS + i].fn,
			.handler = returned,
			.maxactive = i % 2 ? 2 : 0,
		};
		CHECK_EQ(register_kprobe(&handlers[i]), 0);
		CHECK_EQ(register_kprobe(&counts[i]), 0);
		CHECK_EQ(register_kretprobe(&rets[i]), 0);
	}
}

static void balance(void)
{
	unsigned long missed = 0, all = 0, pool = 0;

	for (size_t i = 0; i < KINDS; i++) {
		const struct kretprobe *rp = &rets[i];
		char row[40];

		snprintf(row, sizeof(row), "kind %zu", i);
		ROW(row);
		unregister_kprobe(&handlers[i]);
		unregister_kprobe(&counts[i]);
		unregister_kretprobe(&rets[i]);
		CHECK_EQ(hits[i] + handlers[i].nmissed, calls_of(i));
		CHECK_EQ(tl_counter_read(counts[i].counter), calls_of(i));
		CHECK_EQ(returns[i] + rp->nmissed + rp->kp.nmissed,
			 calls_of(KINDS + i));
		CHECK(hits[i] > 1000 && returns[i] > 1000);
		all += calls_of(i) + calls_of(KINDS + i);
		missed += handlers[i].nmissed + rp->kp.nmissed;
		pool += rp->nmissed;
	}
	CHECK_EQ(hits[CALLER], in_handlers);
	CHECK(handlers[NESTED].nmissed >= in_handlers);
	tl_test_note("calls", all);
	tl_test_note("missed, in handlers and signals", missed);
	tl_test_note("missed for maxactive", pool);
}

/* ---- probes that come and go ---------------------------------------------------- */

#define COMERS 40

HANDLER int come_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

HANDLER void come_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

HANDLER int come_ret(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	return 0;
}

static struct comer {
	struct kretprobe rp; /* rp.kp is the probe, also where it is plain */
	bool is_ret, in;
} comers[COMERS];

/* Where they go: every instruction at and behind the points. */
static void *places[WATCHED * 8];
static size_t nr_places;

static void find_places(void)
{
	for (size_t i = 0; i < WATCHED; i++)
		for (unsigned int off = 0; off < 8; off++) {
			struct kprobe p = {
				.addr = (kprobe_opcode_t *)hot_table[i].at +
					off,
				.pre_handler = come_pre
			};

			if (register_kprobe(&p))
				continue;
			unregister_kprobe(&p);
			places[nr_places++] = p.addr;
		}
	CHECK(nr_places > 2 * WATCHED);
}

static int come(struct comer *c, uint64_t r)
{
	memset(c, 0, sizeof(*c));
	c->is_ret = r % 8 == 0;
	if (c->is_ret) {
		c->rp.handler = come_ret;
		c->rp.kp.addr = (void *)hot_table[(r >> 8) % WATCHED].fn;
	} else {
		c->rp.kp.addr = places[(r >> 8) % nr_places];
		c->rp.kp.pre_handler = r >> 24 & 1 ? come_pre : NULL;
		c->rp.kp.post_handler = r >> 25 & 1 ? come_post : NULL;
		if (r >> 26 & 1 || !(r >> 24 & 3))
			c->rp.kp.counter = (uint64_t *)counters + 64;
	}
	c->rp.kp.flags = r >> 32 & 3 ? 0 : KPROBE_FLAG_DISABLED;
	c->in = true;
	return c->is_ret ? register_kretprobe(&c->rp)
			 : register_kprobe(&c->rp.kp);
}

static void go(struct comer *c)
{
	if (c->is_ret)
		unregister_kretprobe(&c->rp);
	else
		unregister_kprobe(&c->rp.kp);
	c->in = false;
}

static int change(struct comer *c, uint64_t r)
{
	if (!c->in)
		return come(c, r);
	if (r % 4 == 0)
		go(c);
	else if (r % 4 == 1 && !kprobe_disabled(&c->rp.kp))
		return disable_kprobe(&c->rp.kp);
	else if (r % 4 == 2 && kprobe_disabled(&c->rp.kp))
		return enable_kprobe(&c->rp.kp);
	return 0;
}

TL_TEST(every_call_is_a_hit_or_a_miss)
{
	double begin = now(), end = begin + SECONDS * tl_test_scale;
	unsigned long changes = 0, jumps = 0, due;
	uint64_t seed = tl_test_seed;

	find_places();
	register_those_that_stay();
	start(THREADS);
	for (; now() < end; changes++) {
		uint64_t r = tl_test_random(&seed);
		int err = change(&comers[r % COMERS], r >> 8);

		CHECK_EQ(err, 0);
		if (err)
			break;
		jumps += handlers[r % KINDS].flags & KPROBE_FLAG_OPTIMIZED ? 1
									   : 0;
	}
	due = (now() - begin) * 1000;
	finish();
	for (size_t i = 0; i < COMERS; i++)
		if (comers[i].in)
			go(&comers[i]);
	balance();
	tl_test_note("changes", changes);
	tl_test_note("of a hundred looks at a handler it was a jump",
		     jumps * 100 / changes);
	tl_test_note("seconds", due / 1000);
	for (int t = 0; t < THREADS; t++) {
		tl_test_note("signals to a thread", who[t].signals);
		tl_test_note("that came while one was waiting", who[t].late);
		/* A thousand a second were sent, and a good part arrived. */
		CHECK(who[t].signals + who[t].late > due / 10 * 9);
		CHECK(who[t].signals > due / 20);
	}
	CHECK(changes > 500);
	CHECK(jumps > changes / 10 && jumps < changes * 99 / 100);
}

/* ---- memory ----------------------------------------------------------------------- */

/* Pages: mapped, in memory, and of code that is of no file (slots, detours). */
struct memory {
	unsigned long mapped, used, code;
};

static struct memory memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	struct memory m = { 0, 0, 0 };
	unsigned long from, to, inode;
	char line[512], prot[8];

	CHECK(f && fscanf(f, "%lu %lu", &m.mapped, &m.used) == 2);
	if (f)
		fclose(f);
	f = fopen("/proc/self/maps", "r");
	CHECK(f);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &from, &to, prot,
			   &inode) == 4 &&
		    prot[2] == 'x' && !inode && !strchr(line, '['))
			m.code += (to - from) / 4096;
	if (f)
		fclose(f);
	return m;
}

static void cycles(unsigned long n)
{
	static struct kprobe p[96];
	struct kprobe *list[96];

	for (unsigned long done = 0; done < n; done += N_HOTS) {
		int err;

		for (size_t i = 0; i < N_HOTS; i++) {
			p[i] = (struct kprobe){ .addr = hot_table[i].at };
			if ((done + i) % 3)
				p[i].pre_handler = come_pre;
			if ((done + i) % 5 == 0 || !p[i].pre_handler)
				p[i].counter = (uint64_t *)counters + 64;
			list[i] = &p[i];
		}
		err = register_kprobes(list, N_HOTS);
		CHECK_EQ(err, 0);
		if (err)
			return;
		unregister_kprobes(list, N_HOTS);
	}
}

TL_TEST(memory_is_bounded_whatever_comes_and_goes)
{
	unsigned long n = CYCLES * tl_test_scale;
	struct memory m, after;

	start(1); /* each has to be asked in each cycle */
	cycles(n / 10);
	m = memory();
	cycles(n);
	after = memory();
	finish();
	tl_test_note("cycles", n);
	tl_test_note("pages mapped", m.mapped);
	tl_test_note("pages mapped after", after.mapped);
	tl_test_note("pages in memory", m.used);
	tl_test_note("pages in memory after", after.used);
	tl_test_note("pages of slots and detours", m.code);
	tl_test_note("pages of slots and detours after", after.code);
	CHECK(after.mapped <= m.mapped + 64);
	CHECK(after.used <= m.used + 64);
	CHECK(m.code > 0 && after.code <= m.code + 4);
}
