/* SPDX-License-Identifier: MIT */
/*
 * threads.c - probes and threads that are pre-empted, moved and stopped in them
 */

#include "guest.h"
#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <tl_isa.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define CROWD 8

long shape_lea(long a, long b);
long shape_push(long a, long b);
long shape_rip_relative(long a, long b);
long shape_call(long a, long b);
long shape_jump(long a, long b);
long shape_branch(long a, long b);
long shape_pushf(long a, long b);
long shape_loop(long a, long b);
long shape_depth(long n);

static const bool ways[] = { false, true };

static _Atomic unsigned long hits;

static int count(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

/* ---- pre-empted in a slot, in a handler ------------------------------------------ */

static _Atomic int parked; /* 1: the victim is to be pre-empted, 2: it is */
static _Atomic long answer;
static unsigned int last_cpu;

/* The interrupt that hits the victim in the slot: others are to run. */
static bool push_away(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)info;
	if (parked != 1)
		return true;
	CHECK(text_is_allocated(regs->REG_IP));
	parked = 2;
	arch_current()->cpus = 0; /* until resume() */
	sched_look();
	return true;
}

static int interrupt_here(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	if (!parked) {
		parked = 1;
		arch_send_test();
	}
	return 0;
}

static void victim(void *arg)
{
	long (*fn)(long a, long b) = (long (*)(long, long))(uintptr_t)arg;

	answer = fn(40, 2);
	last_cpu = arch_cpu_id();
}

/*
 * Let a thread be pre-empted in the slot of a probe on @name, to go on when
 * resume() says where.
 */
static struct thread *park(const char *name)
{
	struct thread *t;

	parked = 0;
	answer = -1;
	thread_move(1);
	t = thread_start("victim", victim, (void *)symbol_by_name(name)->addr,
			 1);
	while (parked != 2)
		thread_yield();
	return t;
}

static void resume(struct thread *t, uint32_t cpus)
{
	CHECK_EQ(answer, -1);
	t->cpus = cpus;
	thread_join(t);
}

/* clang-format off */
static const struct row {
	const char *name;
	long want;
} rows[] = {
	{ "shape_lea",		49 },
	{ "shape_push",		42 },
	{ "shape_rip_relative",	0x102a },
	{ "shape_call",		50 },
	{ "shape_jump",		38 },
	{ "shape_branch",	0 },
	{ "shape_pushf",	40 },
};
/* clang-format on */

TL_TEST(a_slot_in_which_a_thread_was_preempted_outlives_its_probe)
{
	const struct row *r;

	host_kernel_optimize(false);
	trap_set_hook(TRAP_TEST, push_away);
	for_each_row(r, rows) {
		struct kprobe p = { .symbol_name = r->name,
				    .pre_handler = interrupt_here };
		struct thread *t;

		ROW(r->name);
		hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		t = park(r->name);
		unregister_kprobe(&p);
		/* Whatever is freed now may be used for this. */
		for (unsigned int i = 0; i < 4; i++) {
			struct kprobe q = { .symbol_name = "shape_loop",
					    .pre_handler = count };

			CHECK_EQ(register_kprobe(&q), 0);
			CHECK_EQ(shape_loop(40, 2), 46);
			unregister_kprobe(&q);
		}
		resume(t, ALL_CPUS);
		CHECK_EQ(answer, r->want);
	}
	thread_move(ALL_CPUS);
	trap_set_hook(TRAP_TEST, NULL);
}

TL_TEST(a_thread_that_is_moved_in_a_slot_goes_on_elsewhere)
{
	struct kprobe p = { .symbol_name = "shape_call",
			    .pre_handler = interrupt_here };
	struct thread *t;

	if (smp_cpus() < 2)
		SKIP("one CPU");
	host_kernel_optimize(false);
	trap_set_hook(TRAP_TEST, push_away);
	REQUIRE(register_kprobe(&p) == 0);
	t = park("shape_call");
	resume(t, 2);
	CHECK_EQ(answer, 50);
	CHECK_EQ(last_cpu, 1);
	unregister_kprobe(&p);
	trap_set_hook(TRAP_TEST, NULL);
	thread_move(ALL_CPUS);
}

/* A window with a thread in it: it is stopped at shape_loop + 3. */
TL_TEST(a_thread_that_was_preempted_in_a_window_is_moved_out)
{
	struct kprobe inside = { .symbol_name = "shape_push",
				 .offset = 1,
				 .pre_handler = interrupt_here };
	struct kprobe p = { .symbol_name = "shape_push", .pre_handler = count };
	struct thread *t;

	if (!WINDOWS_HAVE_INSIDES)
		SKIP("a jump covers one instruction");
	host_kernel_optimize(true);
	trap_set_hook(TRAP_TEST, push_away);
	for (unsigned int way = 0; way < 2; way++) {
		host_kernel_stop_others(way);
		inside.symbol_name = "shape_push";
		hits = 0;
		host_kernel_optimize(false);
		REQUIRE(register_kprobe(&inside) == 0);
		host_kernel_optimize(true);
		t = park("shape_push");
		unregister_kprobe(&inside); /* the victim is back in the text */
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(p.flags & KPROBE_FLAG_OPTIMIZED,
			 KPROBE_FLAG_OPTIMIZED);
		CHECK_EQ(shape_push(40, 2), 42);
		CHECK_EQ(hits, 2);
		resume(t, ALL_CPUS);
		CHECK_EQ(answer, 42);
		unregister_kprobe(&p);
		inside = (struct kprobe){ .symbol_name = "shape_push",
					  .offset = 1,
					  .pre_handler = interrupt_here };
		p = (struct kprobe){ .symbol_name = "shape_push",
				     .pre_handler = count };
	}
	host_kernel_stop_others(false);
	thread_move(ALL_CPUS);
	trap_set_hook(TRAP_TEST, NULL);
}

static _Atomic int in_handler;
static atomic_bool let_go, handler_done;

static int wait_here(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	in_handler++;
	/* In a trap nobody can be waited for: whoever lets us go waits for us. */
	for (unsigned int i = 0; arch_irqs_on() ? !let_go : i < 10000; i++)
		arch_cpu_relax();
	handler_done = true;
	return 0;
}

static void let_it_go(void *arg)
{
	thread_sleep_ms(20);
	CHECK(!arg || !handler_done);
	let_go = true;
}

TL_TEST(unregister_returns_when_no_handler_runs_any_more)
{
	if (smp_cpus() < 2)
		SKIP("one CPU");
	for (unsigned int way = 0; way < 2; way++) {
		struct kprobe p = { .symbol_name = "shape_lea",
				    .pre_handler = wait_here };
		struct thread *t, *other;

		/* A detour's handler can be interrupted, a trap's cannot. */
		host_kernel_optimize(way);
		in_handler = 0;
		let_go = handler_done = false;
		REQUIRE(register_kprobe(&p) == 0);
		thread_move(1);
		t = thread_start("victim", victim, (void *)(uintptr_t)shape_lea,
				 2);
		while (!in_handler)
			thread_yield();
		other = thread_start("other", let_it_go, way ? &p : NULL, 1);
		unregister_kprobe(&p);
		CHECK(handler_done);
		thread_join(t);
		thread_join(other);
		CHECK_EQ(answer, 49);
	}
	thread_move(ALL_CPUS);
}

/* ---- followed calls ------------------------------------------------------------------ */

struct followed {
	unsigned long marker;
	struct thread *thread;
};

static _Atomic unsigned long returns, wrong;

static int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct followed *f = (struct followed *)ri->data;

	f->marker = regs->REG_ARG0;
	f->thread = arch_current();
	return 0;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct followed *f = (const struct followed *)ri->data;

	returns++;
	wrong += f->thread != arch_current() || f->marker != regs->REG_RESULT;
	return 0;
}

/* Sleeps and moves at every level, and returns what it was called with. */
__attribute__((noinline)) long guest_deep(long n)
{
	if (n & 7)
		guest_deep(n - 1);
	if (n % 3 == 0)
		thread_sleep_ms(1);
	else
		thread_yield();
	return n;
}

static void call_deep(void *arg)
{
	for (long i = 0; i < 4; i++)
		guest_deep(((long)(uintptr_t)arg * 16 + i) * 8 + 7);
}

TL_TEST(calls_are_followed_across_context_switches_and_cpus)
{
	for (unsigned int way = 0; way < 2; way++) {
		struct kretprobe rp = { .kp.symbol_name = "guest_deep",
					.entry_handler = on_entry,
					.handler = on_return,
					.data_size = sizeof(struct followed) };
		struct thread *t[CROWD];

		host_kernel_optimize(ways[way]);
		returns = wrong = 0;
		REQUIRE(register_kretprobe(&rp) == 0);
		for (size_t i = 0; i < CROWD; i++)
			t[i] = thread_start("deep", call_deep, (void *)i,
					    ALL_CPUS);
		for (size_t i = 0; i < CROWD; i++)
			thread_join(t[i]);
		CHECK_EQ(rp.nmissed, 0);
		CHECK_EQ(returns, CROWD * 4 * 8);
		CHECK_EQ(wrong, 0);
		unregister_kretprobe(&rp);
	}
}

static int count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	returns++;
	return 0;
}

/* The switch itself is entered on one stack and left on another. */
TL_TEST(the_switch_of_stacks_itself_can_be_followed)
{
	for (unsigned int way = 0; way < 2; way++) {
		struct kretprobe rp = { .kp.symbol_name = "arch_switch",
					.handler = count_return };
		struct thread *t[CROWD];

		host_kernel_optimize(ways[way]);
		returns = 0;
		REQUIRE(register_kretprobe(&rp) == 0);
		for (size_t i = 0; i < CROWD; i++)
			t[i] = thread_start("deep", call_deep, (void *)i,
					    ALL_CPUS);
		for (size_t i = 0; i < CROWD; i++)
			thread_join(t[i]);
		CHECK(returns > CROWD);
		unregister_kretprobe(&rp);
	}
}

__attribute__((noinline)) static void last_words(void)
{
	thread_exit();
}

__attribute__((noinline)) void guest_never_returns(void *arg)
{
	(void)arg;
	last_words();
}

TL_TEST(calls_that_end_with_their_thread_are_not_leaked)
{
	struct kretprobe rp = { .kp.symbol_name = "guest_never_returns",
				.handler = count_return,
				.maxactive = 4 };

	host_kernel_optimize(true);
	returns = 0;
	REQUIRE(register_kretprobe(&rp) == 0);
	for (unsigned int i = 0; i < 40; i++)
		thread_join(thread_start("last", guest_never_returns, NULL,
					 ALL_CPUS));
	CHECK_EQ(returns, 0);
	/* Each was counted as missed at most; and there is room for new ones. */
	CHECK(rp.nmissed <= 40);
	unregister_kretprobe(&rp);
}

static unsigned long depth_returns;

static int on_depth(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	depth_returns++;
	return 0;
}

TL_TEST(a_deep_recursion_is_followed_to_its_end)
{
	struct kretprobe rp = { .kp.symbol_name = "shape_depth",
				.handler = on_depth };

	host_kernel_optimize(true);
	depth_returns = 0;
	REQUIRE(register_kretprobe(&rp) == 0);
	CHECK_EQ(shape_depth(500), 500);
	CHECK_EQ(depth_returns + rp.nmissed, 501);
	unregister_kretprobe(&rp);
}

/* ---- stack traces ----------------------------------------------------------------------- */

#define FRAMES 24

static uintptr_t trace[FRAMES];
static unsigned int n_frames;

/* Walks its own stack, at the bottom of @n calls of itself. */
__attribute__((noinline)) long guest_traced(long n)
{
	uintptr_t fp = 0, addr;
	long ret;

	if (n) {
		ret = guest_traced(n - 1) + 1;
		__asm__ volatile("" : "+r"(ret));
		return ret;
	}
	n_frames = 0;
	while (n_frames < FRAMES && (addr = arch_next_frame(&fp)))
		trace[n_frames++] = addr;
	return 0;
}

/* What a walk may find instead of a true address, once for each followed call. */
static bool is_ours(uintptr_t addr)
{
	const struct symbol *sym = symbol_by_addr(addr);

	return sym && !strcmp(sym->name, "tl_arch_return_trampoline");
}

TL_TEST(stack_traces_go_through_followed_calls)
{
	uintptr_t native[FRAMES];
	const bool *jump;
	unsigned int n;

	for_each_row(jump, ways) {
		struct kretprobe rp = { .kp.symbol_name = "guest_traced",
					.handler = count_return };
		unsigned int ours = 0, others = 0;

		host_kernel_optimize(*jump);
		CHECK_EQ(guest_traced(3), 3);
		n = n_frames;
		memcpy(native, trace, sizeof(native));
		REQUIRE(n > 4);
		REQUIRE(register_kretprobe(&rp) == 0);
		CHECK_EQ(guest_traced(3), 3);
		CHECK_EQ(n_frames, n);
		for (unsigned int i = 0; i < n && i < n_frames; i++) {
			ours += is_ours(trace[i]);
			others += trace[i] != native[i] && !is_ours(trace[i]);
		}
		/* The calls before and after are from different places. */
		CHECK_EQ(others, 0);
		CHECK_EQ(ours, rp.exits ? 0 : 4);
		CHECK_EQ(rp.nmissed, 0);
		unregister_kretprobe(&rp);
	}
	host_kernel_optimize(true);
}

/* ---- all of them, while CPUs are in them -------------------------------------------------- */

static atomic_bool enough;
static _Atomic unsigned long wrong;

static int take_a_while(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	for (unsigned int i = 0; i < 50; i++)
		arch_cpu_relax();
	hits++;
	return 0;
}

static void call_push(void *arg)
{
	(void)arg;
	while (!enough) {
		if (shape_push(40, 2) != 42)
			wrong++;
		arch_cpu_relax(); /* the emulator's turn */
	}
}

static void await_hits(void)
{
	unsigned long seen = hits;

	for (uint64_t end = ticks() + 20 * TICK_HZ;
	     hits == seen && ticks() < end;)
		thread_sleep_ms(1);
	CHECK(hits != seen);
}

TL_TEST(all_are_disarmed_and_armed_while_cpus_are_in_them)
{
	struct thread *t[CROWD];
	const bool *jump;
	uint8_t text[16];

	memcpy(text, (void *)(uintptr_t)shape_push, sizeof(text));
	for_each_row(jump, ways) {
		struct kprobe p = { .symbol_name = "shape_push",
				    .pre_handler = take_a_while };
		unsigned long seen;

		host_kernel_optimize(*jump);
		enough = false;
		wrong = hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		for (size_t i = 0; i < CROWD; i++)
			t[i] = thread_start("push", call_push, NULL, ALL_CPUS);
		for (unsigned int i = 0; i < 3; i++) {
			await_hits();
			CHECK_EQ(disarm_all_kprobes(), 0);
			CHECK_MEM((void *)(uintptr_t)shape_push, text,
				  sizeof(text));
			/* Who is in one goes on; nobody comes to one. */
			seen = hits;
			thread_sleep_ms(20);
			CHECK(hits - seen <= CROWD);
			CHECK_EQ(arm_all_kprobes(), 0);
		}
		await_hits();
		enough = true;
		for (size_t i = 0; i < CROWD; i++)
			thread_join(t[i]);
		CHECK_EQ(wrong, 0);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
	}
	host_kernel_optimize(true);
}

/* ---- everything at once --------------------------------------------------------------- */

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

#define HOT    TL_ARRAY_SIZE(hot)
#define PROBES 24

static atomic_bool stop;
static _Atomic unsigned long calls[CROWD][HOT], bad_answers;
static char counter[HOT][TL_COUNTER_BLOCK] __attribute__((aligned(4096)));

static void call_hot(void *arg)
{
	size_t self = (uintptr_t)arg;

	for (unsigned long n = self; !stop; n++) {
		const struct hot *h = &hot[n % HOT];

		calls[self][n % HOT]++;
		if (h->fn(40, 2) != h->want)
			bad_answers++;
		if (n % 64 < HOT)
			arch_cpu_relax(); /* the emulator's turn */
	}
}

static int handle_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static void handle_post(struct kprobe *p, struct pt_regs *regs,
			unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	hits++;
}

/* A probe for each function that counts every call. */
static struct kprobe counting[HOT];

struct slot {
	struct kprobe p;
	struct kretprobe rp;
	bool used, ret;
};
static struct slot slots[PROBES];

static void change(struct slot *s, uint64_t *seed)
{
	uint64_t r = tl_test_random(seed);
	const struct hot *h = &hot[r % HOT];

	r >>= 8;
	if (!s->used) {
		s->ret = r % 4 == 0;
		s->p = (struct kprobe){ .symbol_name = h->name,
					.pre_handler = handle_pre,
					.post_handler = r & 4 ? handle_post
							      : NULL };
		s->rp = (struct kretprobe){ .kp.symbol_name = h->name,
					    .handler = count_return };
		CHECK_EQ(s->ret ? register_kretprobe(&s->rp)
				: register_kprobe(&s->p),
			 0);
		s->used = true;
	} else if (r % 4 == 0) {
		CHECK_EQ(s->ret ? disable_kretprobe(&s->rp)
				: disable_kprobe(&s->p),
			 0);
	} else if (r % 4 == 1) {
		CHECK_EQ(s->ret ? enable_kretprobe(&s->rp)
				: enable_kprobe(&s->p),
			 0);
	} else {
		if (s->ret)
			unregister_kretprobe(&s->rp);
		else
			unregister_kprobe(&s->p);
		s->used = false;
	}
}

static void start_counting(void)
{
	for (size_t i = 0; i < HOT; i++) {
		memset(counter[i], 0, sizeof(counter[i]));
		counting[i] =
			(struct kprobe){ .symbol_name = hot[i].name,
					 .counter = (uint64_t *)counter[i] };
		REQUIRE(register_kprobe(&counting[i]) == 0);
	}
}

static void end_counting(void)
{
	for (size_t i = 0; i < HOT; i++) {
		unsigned long called = 0;

		ROW(hot[i].name);
		for (size_t t = 0; t < CROWD; t++)
			called += calls[t][i];
		/* shape_call calls shape_lea. */
		for (size_t t = 0; t < CROWD && i == 0; t++)
			called += calls[t][3];
		CHECK_EQ(tl_counter_read((uint64_t *)counter[i]), called);
		unregister_kprobe(&counting[i]);
	}
}

static void change_everything(unsigned int rounds, uint64_t *seed)
{
	uint64_t end = ticks() + ms_to_ticks(1000 * tl_test_scale);

	for (unsigned int i = 0; i < rounds && ticks() < end; i++) {
		uint64_t r = tl_test_random(seed);

		host_kernel_stop_others(r & 1);
		host_kernel_optimize((r >> 1 & 3) != 0);
		change(&slots[(r >> 8) % PROBES], seed);
		if ((r >> 4) % 16 == 0)
			thread_sleep_ms(1);
	}
}

static void stress(void)
{
	uint64_t seed = tl_test_seed;
	struct thread *t[CROWD];

	stop = false;
	bad_answers = 0;
	memset((void *)calls, 0, sizeof(calls));
	start_counting();
	for (size_t i = 0; i < CROWD; i++)
		t[i] = thread_start("hot", call_hot, (void *)i, ALL_CPUS);
	change_everything(150 * tl_test_scale, &seed);
	for (size_t i = 0; i < PROBES; i++)
		while (slots[i].used)
			change(&slots[i], &seed);
	stop = true;
	for (size_t i = 0; i < CROWD; i++)
		thread_join(t[i]);
	end_counting();
	CHECK_EQ(bad_answers, 0);
	host_kernel_stop_others(false);
	host_kernel_optimize(true);
}

TL_TEST(probes_come_and_go_on_hot_functions_and_no_hit_is_lost)
{
	extern char kernel_text[], kernel_text_end[];
	size_t size = (size_t)(kernel_text_end - kernel_text), before = 0;
	uint8_t *text = kmalloc(size);

	REQUIRE(text);
	memcpy(text, kernel_text, size);
	for (unsigned int round = 0; round < 3; round++) {
		stress();
		CHECK_MEM(kernel_text, text, size);
		if (round == 1)
			before = page_nr_free();
	}
	/* Copies that are still dirty are freed with the next: no more memory. */
	CHECK(page_nr_free() + 16 >= before);
	CHECK_EQ(guest_wx_pages(), 0);
	kfree(text);
}
