/* SPDX-License-Identifier: MIT */
/*
 * stress.c - everything at once, for as long as is asked for
 *
 * Threads call functions all the time, and check what they return and what is in
 * the registers that a call keeps; interrupts come at their own time and at any
 * other, and call the same functions.  Meanwhile two more threads register,
 * unregister, disable and enable probes of all kinds on these functions, and let them
 * be jumps or not, with the others running or stopped.
 *
 * No hit is lost: each function has probes that stay, and those count every
 * call exactly.  Whoever comes and goes is held between two bounds:
 *
 *     done     begun                                  done     begun
 *      |  register()  |                                 |  unregister()  |
 *      D0             B0  . . . hits of the probe . . . D1               B1
 *
 *     hits and misses >= D1 - B0       hits <= B1 - D0
 *
 * Nothing is left over: text and free memory are compared.  Nobody stands still:
 * a thread that makes no call for a long time ends the run with the place where
 * it is.  (CPUs have the kernel's watchdog.)
 *
 * `seconds=N` on the command line; where loops are longer (scale), 30 times that.
 */

#include "guest.h"
#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/agent.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

long shape_lea(long a, long b);
long shape_push(long a, long b);
long shape_rip_relative(long a, long b);
long shape_call(long a, long b);
long shape_jump(long a, long b);
long shape_branch(long a, long b);
long shape_pushf(long a, long b);
long shape_loop(long a, long b);

/* clang-format off */
static const struct hot {
	const char *name;
	long (*fn)(long a, long b);
	long want;
} hot[] = {
	{ "shape_lea",		shape_lea,		49 },
	{ "shape_push",		shape_push,		42 },
	{ "shape_rip_relative",	shape_rip_relative,	0x1000 + 42 },
	{ "shape_call",		shape_call,		50 },
	{ "shape_jump",		shape_jump,		38 },
	{ "shape_branch",	shape_branch,		0 },
	{ "shape_pushf",	shape_pushf,		40 },
	{ "shape_loop",		shape_loop,		46 },
};
/* clang-format on */

#define HOT	 TL_ARRAY_SIZE(hot)
#define LEA	 0 /* which shape_call calls, too */
#define CALL	 3
#define IN_IRQ	 1 /* what interrupts call */
#define WORKERS	 8
#define CHANGERS 2
#define SLOTS	 12 /* of each */
#define STILL_MS 60000

/* ---- calling ---------------------------------------------------------------------- */

static atomic_bool stop;
static _Atomic unsigned long bad_answers, bad_registers;
/* Calls; the last row is of interrupts. */
static _Atomic unsigned long begun[WORKERS + 1][HOT], done[WORKERS + 1][HOT];

static unsigned long sum(_Atomic unsigned long rows[][HOT], size_t fn)
{
	unsigned long n = 0;

	for (size_t i = 0; i <= WORKERS; i++) {
		n += rows[i][fn];
		if (fn == LEA)
			n += rows[i][CALL];
	}
	return n;
}

/* Call @h, with a pattern in the registers that it has to keep. */
static void call_checked(const struct hot *h)
{
	unsigned long bad;
	long ret = call_with_pattern(h->fn, &bad);

	if (ret != h->want)
		bad_answers++;
	if (bad)
		bad_registers++;
}

static void call_one(size_t row, size_t fn)
{
	begun[row][fn]++;
	call_checked(&hot[fn]);
	done[row][fn]++;
}

static bool call_in_interrupt(enum trap_kind kind, struct pt_regs *regs,
			      uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	call_one(WORKERS, IN_IRQ);
	return true;
}

static void work(void *arg)
{
	size_t self = (uintptr_t)arg;
	uint64_t seed = tl_test_seed + self;

	while (!stop) {
		uint64_t r = tl_test_random(&seed);

		for (size_t i = 0; i < 8; i++, r >>= 8)
			call_one(self, r % HOT);
		if (r % 4 == 0)
			arch_send_test();
		if (r % 16 == 0)
			thread_yield();
		arch_cpu_relax(); /* the emulator's turn */
	}
}

/* ---- what stays ---------------------------------------------------------------------- */

static char counters[HOT][TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static struct kprobe counting[HOT], handling[HOT];
static struct kretprobe following[HOT];
static _Atomic unsigned long handled[HOT], followed[HOT];

/* An interrupt now and then: in a detour it comes at once, else in the slot. */
static int handle(struct kprobe *p, struct pt_regs *regs)
{
	(void)regs;
	if (handled[p - handling]++ % 16 == 0)
		arch_send_test();
	return 0;
}

/* The timer's interrupt is probed, too, wherever it comes. */
static _Atomic unsigned long tick_hits;
static uint64_t earliest_tick, first_tick;

static int on_tick(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	tick_hits++;
	return 0;
}

static struct kprobe ticking;

static void put_on_tick(void)
{
	tick_hits = 0;
	earliest_tick = ticks();
	ticking = (struct kprobe){ .symbol_name = "tick",
				   .pre_handler = on_tick };
	REQUIRE(register_kprobe(&ticking) == 0);
	first_tick = ticks();
}

/* One may be under way at either end. */
static void take_from_tick(void)
{
	uint64_t seen = ticks() - first_tick, n;

	unregister_kprobe(&ticking);
	n = tick_hits + ticking.nmissed;
	CHECK(n + 1 >= seen);
	CHECK(n <= ticks() - earliest_tick + 2);
}

static int follow(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)regs;
	followed[ri->rp - following]++;
	return 0;
}

static void put_what_stays(void)
{
	for (size_t i = 0; i < HOT; i++) {
		memset(counters[i], 0, sizeof(counters[i]));
		handled[i] = followed[i] = 0;
		counting[i] =
			(struct kprobe){ .symbol_name = hot[i].name,
					 .counter = (uint64_t *)counters[i] };
		handling[i] = (struct kprobe){ .symbol_name = hot[i].name,
					       .pre_handler = handle };
		following[i] =
			(struct kretprobe){ .kp.symbol_name = hot[i].name,
					    .handler = follow };
		REQUIRE(register_kprobe(&counting[i]) == 0);
		/* Some functions have nothing but a counter. */
		if (i % 4 == 3)
			continue;
		REQUIRE(register_kprobe(&handling[i]) == 0);
		REQUIRE(register_kretprobe(&following[i]) == 0);
	}
}

static unsigned long misses; /* of all that stays */

static unsigned long take_what_stays(void)
{
	unsigned long total = 0;

	misses = 0;

	for (size_t i = 0; i < HOT; i++) {
		unsigned long calls = sum(done, i);

		ROW(hot[i].name);
		CHECK_EQ(sum(begun, i), calls);
		CHECK_EQ(tl_counter_read((uint64_t *)counters[i]), calls);
		total += calls;
		misses += handling[i].nmissed;
		unregister_kprobe(&counting[i]);
		if (i % 4 == 3)
			continue;
		CHECK_EQ(handled[i] + handling[i].nmissed, calls);
		CHECK_EQ(followed[i] + following[i].nmissed +
				 following[i].kp.nmissed,
			 calls);
		unregister_kprobe(&handling[i]);
		unregister_kretprobe(&following[i]);
	}
	return total;
}

/* ---- what comes and goes ---------------------------------------------------------------- */

enum what { PRE, PRE_POST, COUNTER, RETURN, JPROBE, KINDS };

struct slot {
	enum what what;
	bool used, always; /* never disabled */
	size_t fn;
	unsigned long d0, b0;
	_Atomic unsigned long hits;
	union {
		struct kprobe p;
		struct kretprobe rp;
		struct jprobe jp;
	};
};

static struct slot slots[CHANGERS][SLOTS];
static char slot_counters[CHANGERS][SLOTS][TL_COUNTER_BLOCK]
	__attribute__((aligned(4096)));
static unsigned long changes[CHANGERS];

#define SLOT_OF(ptr, member) \
	((struct slot *)((char *)(ptr)-offsetof(struct slot, member)))

static int slot_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)regs;
	SLOT_OF(p, p)->hits++;
	return 0;
}

static void slot_post(struct kprobe *p, struct pt_regs *regs,
		      unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

static int slot_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)regs;
	SLOT_OF(ri->rp, rp)->hits++;
	return 0;
}

static long slot_entry(long a, long b)
{
	if (a != 40 || b != 2)
		bad_answers++;
	return 0;
}

static int put(struct slot *s, char *counter)
{
	const char *name = hot[s->fn].name;

	s->hits = 0;
	switch (s->what) {
	case COUNTER:
		memset(counter, 0, TL_COUNTER_BLOCK);
		s->p = (struct kprobe){ .symbol_name = name,
					.counter = (uint64_t *)counter };
		return register_kprobe(&s->p);
	case RETURN:
		s->rp = (struct kretprobe){ .kp.symbol_name = name,
					    .handler = slot_return };
		return register_kretprobe(&s->rp);
	case JPROBE:
		s->jp = (struct jprobe){ .kp.symbol_name = name,
					 .entry = (void *)slot_entry,
					 .stack_args = TL_JPROBE_NO_STACK };
		return register_jprobe(&s->jp);
	default:
		s->p = (struct kprobe){ .symbol_name = name,
					.pre_handler = slot_pre,
					.post_handler = s->what == PRE_POST
								? slot_post
								: NULL };
		return register_kprobe(&s->p);
	}
}

static void take(struct slot *s)
{
	switch (s->what) {
	case RETURN:
		unregister_kretprobe(&s->rp);
		break;
	case JPROBE:
		unregister_jprobe(&s->jp);
		break;
	default:
		unregister_kprobe(&s->p);
	}
	s->used = false;
}

static struct kprobe *probe_of(struct slot *s)
{
	return s->what == RETURN   ? &s->rp.kp
	       : s->what == JPROBE ? &s->jp.kp
				   : &s->p;
}

static void add(struct slot *s, uint64_t r, char *counter)
{
	s->fn = r % HOT;
	s->what = (enum what)((r >> 8) % KINDS);
	s->d0 = sum(done, s->fn);
	CHECK_EQ(put(s, counter), 0);
	s->b0 = sum(begun, s->fn);
	s->used = s->always = true;
}

/* @d1: calls that had returned before it was taken away. */
static void judge(struct slot *s, const char *counter, unsigned long d1)
{
	unsigned long b1 = sum(begun, s->fn);
	unsigned long hits = s->what == COUNTER
				     ? tl_counter_read((uint64_t *)counter)
				     : s->hits;
	unsigned long missed = s->what == COUNTER ? 0 : probe_of(s)->nmissed;

	if (s->what == JPROBE)
		return;
	ROW(hot[s->fn].name);
	CHECK(hits <= b1 - s->d0);
	/* A call that was under way may return later, or be seen to. */
	if (s->what == RETURN)
		return;
	if (s->always && d1 > s->b0)
		CHECK(hits + missed >= d1 - s->b0);
}

static void change(struct slot *s, char *counter, uint64_t r)
{
	unsigned long d1;

	if (!s->used) {
		add(s, r, counter);
		return;
	}
	switch (r % 4) {
	case 0:
		s->always = false;
		CHECK_EQ(disable_kprobe(probe_of(s)), 0);
		break;
	case 1:
		CHECK_EQ(enable_kprobe(probe_of(s)), 0);
		break;
	default:
		d1 = sum(done, s->fn);
		take(s);
		judge(s, counter, d1);
	}
}

static void change_things(void *arg)
{
	size_t self = (uintptr_t)arg;
	uint64_t seed = tl_test_seed + 1000 + self;

	while (!stop) {
		uint64_t r = tl_test_random(&seed);
		size_t i = (r >> 16) % SLOTS;

		if (!self) {
			host_kernel_stop_others(r & 1);
			host_kernel_optimize((r >> 1 & 3) != 0);
		}
		change(&slots[self][i], slot_counters[self][i], r >> 32);
		changes[self]++;
		if ((r >> 4) % 64 == 0)
			CHECK_EQ((r >> 10 & 1) ? unoptimize_all_kprobes()
					       : optimize_all_kprobes(),
				 0);
		if ((r >> 4) % 8 == 1)
			thread_sleep_ms(1);
	}
	for (size_t i = 0; i < SLOTS; i++)
		if (slots[self][i].used)
			take(&slots[self][i]);
}

/* ---- for a while ---------------------------------------------------------------------------- */

static unsigned long calls_of(size_t worker)
{
	unsigned long n = 0;

	for (size_t i = 0; i < HOT; i++)
		n += done[worker][i];
	return n;
}

static void watch(struct thread *const *workers, uint64_t end)
{
	unsigned long seen[WORKERS] = { 0 };
	uint64_t since[WORKERS] = { 0 };

	while (ticks() < end) {
		thread_sleep_ms(200);
		for (size_t i = 0; i < WORKERS; i++) {
			const struct trap_frame *f = workers[i]->frames;

			if (calls_of(i) != seen[i] || !since[i]) {
				seen[i] = calls_of(i);
				since[i] = ticks();
			} else if (ticks() - since[i] > ms_to_ticks(STILL_MS)) {
				panic("worker %lu stands still at %p", i,
				      f ? (void *)arch_regs_ip(f->regs) : NULL);
			}
		}
	}
}

static unsigned long stress(unsigned int seconds)
{
	struct thread *t[WORKERS + CHANGERS];
	unsigned long total;

	stop = false;
	memset((void *)begun, 0, sizeof(begun));
	memset((void *)done, 0, sizeof(done));
	put_what_stays();
	put_on_tick();
	trap_set_hook(TRAP_TEST, call_in_interrupt);
	for (size_t i = 0; i < WORKERS; i++)
		t[i] = thread_start("worker", work, (void *)i, ALL_CPUS);
	for (size_t i = 0; i < CHANGERS; i++)
		t[WORKERS + i] = thread_start("changer", change_things,
					      (void *)i, ALL_CPUS);
	watch(t, ticks() + (uint64_t)seconds * TICK_HZ);
	stop = true;
	for (size_t i = 0; i < WORKERS + CHANGERS; i++)
		thread_join(t[i]);
	trap_set_hook(TRAP_TEST, NULL);
	take_from_tick();
	total = take_what_stays();
	host_kernel_stop_others(false);
	host_kernel_optimize(true);
	CHECK_EQ(optimize_all_kprobes(), 0);
	CHECK_EQ(tl_remove_all(), 0);
	return total;
}

TL_TEST(no_hit_is_lost_whatever_comes_and_goes)
{
	extern char kernel_text[], kernel_text_end[];
	size_t size = (size_t)(kernel_text_end - kernel_text), before;
	unsigned int seconds = guest_seconds * (tl_test_scale > 1 ? 30 : 1);
	uint8_t *text = kmalloc(size);
	unsigned long total;

	REQUIRE(text);
	memcpy(text, kernel_text, size);
	stress(1); /* what is taken once and kept */
	before = page_nr_free();
	total = stress(seconds);
	tl_test_note("calls", total);
	tl_test_note("changes", changes[0] + changes[1]);
	tl_test_note("misses", misses);
	CHECK(misses > 0);
	CHECK(total > 1000 && changes[0] + changes[1] > 100);
	CHECK_EQ(bad_answers, 0);
	CHECK_EQ(bad_registers, 0);
	CHECK_MEM(kernel_text, text, size);
	CHECK_EQ(page_nr_free(), before);
	CHECK_EQ(guest_wx_pages(), 0);
	kfree(text);
}
