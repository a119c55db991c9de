/* SPDX-License-Identifier: MIT */
/*
 * kprobe.c - probes on a kernel's own functions, by the public API
 *
 * Each test runs in four ways: as a breakpoint and as a jump, and with text
 * changed under running code or with interrupts off.
 */

#include "guest.h"
#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <tl_isa.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/agent.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

/* clang-format off */
static const struct mode {
	const char *name;
	bool jump, stop;
} modes[] = {
	{ "breakpoint, others running", false, false },
	{ "breakpoint, others stopped", false, true },
	{ "jump, others running",       true,  false },
	{ "jump, others stopped",       true,  true },
};
/* clang-format on */

static void enter(const struct mode *m)
{
	ROW(m->name);
	host_kernel_optimize(m->jump);
	host_kernel_stop_others(m->stop);
}

long shape_lea(long a, long b);
long shape_push(long a, long b);
long shape_rip_relative(long a, long b);
long shape_call(long a, long b);
long shape_jump(long a, long b);
long shape_branch(long a, long b);
long shape_pushf(long a, long b);
long shape_ret(long a, long b);
long shape_loop(long a, long b);
long shape_fault(const long *p);
long shape_depth(long n); /* n, by calling itself n times */

static unsigned int pre_hits, post_hits;
static struct pt_regs pre_regs, post_regs;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	pre_hits++;
	pre_regs = *regs;
	return 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)flags;
	post_hits++;
	post_regs = *regs;
}

static void reset(void)
{
	pre_hits = post_hits = 0;
}

static bool is_jump(struct kprobe *p)
{
	wait_for_kprobe_optimizer();
	return p->flags & KPROBE_FLAG_OPTIMIZED;
}

TL_TEST(without_memory_within_reach_a_probe_is_a_breakpoint)
{
	struct kprobe p = { .symbol_name = "shape_lea",
			    .pre_handler = count_pre,
			    .post_handler = count_post };

	enter(&modes[2]);
	for (int far = 1; far >= 0; far--) {
		REQUIRE(tl_remove_all() == 0);
		host_kernel_far(far);
		reset();
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(is_jump(&p), !far);
		CHECK_EQ(trapline_kprobe_why(&p),
			 far ? TL_WHY_RANGE : TL_WHY_NONE);
		for (long i = 0; i < 100; i++)
			CHECK_EQ(shape_lea(i, 7), i + 19);
		CHECK_EQ(pre_hits, 100);
		CHECK_EQ(post_hits, 100);
		unregister_kprobe(&p);
		CHECK_EQ(p.nmissed, 0);
	}
}

TL_TEST(probe_is_hit_as_often_as_called_and_sees_arguments)
{
	const struct mode *m;
	uint8_t text[16];

	memcpy(text, (void *)(uintptr_t)shape_lea, sizeof(text));
	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "shape_lea",
				    .pre_handler = count_pre,
				    .post_handler = count_post };

		reset();
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ((uintptr_t)p.addr, (uintptr_t)shape_lea);
		CHECK_EQ(is_jump(&p), m->jump);
		CHECK(m->jump ? is_jump_at(p.addr) : is_breakpoint_at(p.addr));
		for (long i = 0; i < 100; i++) {
			CHECK_EQ(shape_lea(i, 7), i + 19);
			CHECK_EQ(pre_regs.REG_ARG0, i);
			CHECK_EQ(pre_regs.REG_ARG1, 7);
			CHECK_EQ(pre_regs.REG_IP,
				 (uintptr_t)shape_lea + IP_AT_HIT);
			CHECK_EQ(post_regs.REG_RESULT, SHAPE_LEA_FIRST(i));
			CHECK_EQ(post_regs.REG_IP,
				 (uintptr_t)shape_lea + SHAPE_LEA_LENGTH);
		}
		CHECK_EQ(pre_hits, 100);
		CHECK_EQ(post_hits, 100);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
		CHECK_MEM((void *)(uintptr_t)shape_lea, text, sizeof(text));
		CHECK_EQ(shape_lea(1, 1), 8);
		CHECK_EQ(pre_hits, 100);
	}
}

/* clang-format off */
static const struct shape {
	const char *name;
	long (*fn)(long a, long b);
	long want; /* of fn(40, 2) */
	unsigned int hits;
} shapes[] = {
	{ "shape_lea",		shape_lea,		49,		1 },
	{ "shape_push",		shape_push,		42,		1 },
	{ "shape_rip_relative",	shape_rip_relative,	0x1000 + 42,	1 },
	{ "shape_call",		shape_call,		50,		1 },
	{ "shape_jump",		shape_jump,		38,		1 },
	{ "shape_branch",	shape_branch,		0,		1 },
	{ "shape_pushf",	shape_pushf,		40,		1 },
	{ "shape_loop",		shape_loop,		46,		1 },
};
/* clang-format on */

TL_TEST(any_first_instruction_keeps_its_effect)
{
	const struct mode *m;
	const struct shape *s;

	for_each_row(m, modes) {
		enter(m);
		for_each_row(s, shapes) {
			struct kprobe p = { .symbol_name = s->name,
					    .pre_handler = count_pre };

			ROW(s->name);
			reset();
			REQUIRE(register_kprobe(&p) == 0);
			for (unsigned int i = 0; i < 10; i++)
				CHECK_EQ(s->fn(40, 2), s->want);
			CHECK_EQ(pre_hits, 10 * s->hits);
			CHECK_EQ(p.nmissed, 0);
			unregister_kprobe(&p);
			CHECK_EQ(s->fn(40, 2), s->want);
		}
	}
}

/* Those of shape_loop: two before the loop, first and last of it, ret. */
TL_TEST(every_instruction_of_a_loop_can_be_probed)
{
	static const unsigned int offsets[] = { SHAPE_LOOP_OFFSETS };
	static const unsigned int hits[] = { 1, 1, 3, 3, 1 };
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		for (size_t i = 0; i < TL_ARRAY_SIZE(offsets); i++) {
			struct kprobe p = { .symbol_name = "shape_loop",
					    .offset = offsets[i],
					    .pre_handler = count_pre,
					    .post_handler = count_post };

			reset();
			REQUIRE(register_kprobe(&p) == 0);
			CHECK_EQ(shape_loop(40, 2), 46);
			CHECK_EQ(pre_hits, hits[i]);
			CHECK_EQ(post_hits, hits[i]);
			unregister_kprobe(&p);
		}
	}
}

static int change_argument(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->REG_ARG0 = 1000;
	return 0;
}

static int return_early(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->REG_RESULT = 77;
	LEAVE_FUNCTION(regs);
	return 1;
}

TL_TEST(handler_may_change_arguments_and_course)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "shape_push",
				    .pre_handler = change_argument };

		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(shape_push(1, 2), 1002);
		unregister_kprobe(&p);

		p = (struct kprobe){ .symbol_name = "shape_push",
				     .pre_handler = return_early,
				     .post_handler = count_post };
		reset();
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(shape_push(1, 2), 77);
		CHECK_EQ(post_hits, 0);
		unregister_kprobe(&p);
	}
}

static struct kprobe inner = { .symbol_name = "shape_lea",
			       .pre_handler = count_pre };

static int call_probed(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	CHECK_EQ(shape_lea(1, 2), 10);
	return 0;
}

TL_TEST(hit_in_a_handler_runs_the_code_and_counts_one_miss)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe outer = { .symbol_name = "shape_push",
					.pre_handler = call_probed };

		inner = (struct kprobe){ .symbol_name = "shape_lea",
					 .pre_handler = count_pre };
		reset();
		REQUIRE(register_kprobe(&inner) == 0);
		REQUIRE(register_kprobe(&outer) == 0);
		CHECK_EQ(shape_push(40, 2), 42);
		CHECK_EQ(inner.nmissed, 1);
		CHECK_EQ(pre_hits, 0);
		CHECK_EQ(shape_lea(1, 2), 10);
		CHECK_EQ(inner.nmissed, 1);
		CHECK_EQ(pre_hits, 1);
		CHECK_EQ(outer.nmissed, 0);
		unregister_kprobe(&outer);
		unregister_kprobe(&inner);
	}
}

static unsigned int foreign_hits;
static uintptr_t foreign_ip;

static bool foreign(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)info;
	foreign_hits++;
	foreign_ip = regs->REG_IP;
	SKIP_BREAKPOINT(regs);
	return true;
}

TL_TEST(breakpoint_of_somebody_else_goes_to_its_owner)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "shape_lea",
				    .pre_handler = count_pre };
		uintptr_t here;

		reset();
		foreign_hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		trap_set_hook(TRAP_BREAKPOINT, foreign);
		EXECUTE_BREAKPOINT(&here);
		CHECK_EQ(foreign_hits, 1);
		CHECK_EQ(foreign_ip, here);
		CHECK_EQ(shape_lea(1, 1), 8);
		trap_set_hook(TRAP_BREAKPOINT, NULL);
		CHECK_EQ(foreign_hits, 1);
		CHECK_EQ(pre_hits, 1);
		unregister_kprobe(&p);
	}
}

TL_TEST(fault_in_a_probed_instruction_is_the_functions_own)
{
	const struct mode *m;
	long value = 99;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "shape_fault",
				    .pre_handler = count_pre,
				    .post_handler = count_post };

		reset();
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(shape_fault(&value), 99);
		CHECK_EQ(post_hits, 1);
		CHECK_EQ(shape_fault((const long *)8), -1);
		CHECK_EQ(pre_hits, 2);
		CHECK_EQ(post_hits, 1);
		CHECK_EQ(shape_fault(&value), 99);
		CHECK_EQ(pre_hits, 3);
		unregister_kprobe(&p);
	}
}

TL_TEST(changing_text_leaves_interrupts_on)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "shape_lea",
				    .pre_handler = count_pre };

		REQUIRE(register_kprobe(&p) == 0);
		CHECK(arch_irqs_on());
		unregister_kprobe(&p);
		CHECK(arch_irqs_on());
	}
}

/*
 * An interrupt may come between any two instructions of whoever changes text.
 * Here one does: registration is single-stepped, and after each of
 * its instructions the handler of debug exceptions calls the function.  (With
 * others running, also where interrupts are off: another CPU would not care.)
 */
static const struct shape *stepped;
static unsigned int steps, wrong, turns;
static bool armed, only_interrupts;

static bool call_at_each_step(enum trap_kind kind, struct pt_regs *regs,
			      uintptr_t info)
{
	unsigned int before = pre_hits;
	bool hit;

	(void)kind;
	(void)info;
	if (only_interrupts && !IRQS_ON(regs))
		return true;
	steps++;
	wrong += stepped->fn(40, 2) != stepped->want;
	hit = pre_hits != before;
	wrong += pre_hits - before > stepped->hits;
	turns += hit != armed;
	armed = hit;
	return true;
}

static void begin_steps(void)
{
	steps = wrong = turns = 0;
	trap_set_hook(TRAP_DEBUG, call_at_each_step);
	set_single_step(true);
}

static void end_steps(void)
{
	set_single_step(false);
	trap_set_hook(TRAP_DEBUG, NULL);
}

static void register_under_steps(const struct shape *s)
{
	struct kprobe p = { .symbol_name = s->name, .pre_handler = count_pre };
	int err;

	reset();
	stepped = s;
	armed = false;
	begin_steps();
	err = register_kprobe(&p);
	end_steps();
	REQUIRE(err == 0);
	CHECK(steps > 500);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(turns, 1); /* from not hit to hit, once for all */
	CHECK_EQ(p.nmissed, 0);

	begin_steps();
	unregister_kprobe(&p);
	end_steps();
	CHECK_EQ(wrong, 0);
	CHECK_EQ(turns, 1);
	CHECK_EQ(p.nmissed, 0);
	CHECK_EQ(s->fn(40, 2), s->want);
}

TL_TEST(an_interrupt_at_any_instruction_of_patching_sees_whole_code)
{
	const struct mode *m;
	const struct shape *s;

	if (!CAN_STEP_LOCKS)
		SKIP("what takes a lock cannot be stepped");
	for_each_row(m, modes) {
		enter(m);
		only_interrupts = m->stop;
		for_each_row(s, shapes) {
			ROW(s->name);
			register_under_steps(s);
		}
	}
}

/*
 * So many ticks were not hits: the two are counted one after the other, perhaps on
 * another CPU.  A hit comes before its tick and is read behind it, so what is read is
 * never too much; from one tick to the next it is once right.
 */
static uint64_t ticks_without_hits(void)
{
	uint64_t begin = ticks(), most = 0, now;
	unsigned int now_hits;

	do {
		now = ticks();
		atomic_thread_fence(memory_order_seq_cst);
		now_hits = *(volatile unsigned int *)&pre_hits;
		if (now - now_hits > most)
			most = now - now_hits;
		arch_cpu_relax();
	} while (now < begin + 2);
	return most;
}

TL_TEST(probe_in_an_interrupt_handler_counts_every_interrupt)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "tick",
				    .pre_handler = count_pre };
		uint64_t before;

		reset();
		REQUIRE(register_kprobe(&p) == 0);
		idle_ms(4);
		before = ticks_without_hits();
		idle_ms(80);
		CHECK_EQ(ticks_without_hits(), before);
		CHECK(pre_hits >= 20);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
	}
}

static unsigned int returns;
static long returned;

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	returns++;
	returned = (long)regs_return_value(regs);
	CHECK_EQ(regs->REG_IP, ri->ret_addr);
	return 0;
}

TL_TEST(return_probe_sees_every_return_and_its_value)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kretprobe rp = { .kp.symbol_name = "shape_depth",
					.handler = on_return };

		returns = 0;
		REQUIRE(register_kretprobe(&rp) == 0);
		CHECK_EQ(shape_depth(30), 30);
		CHECK_EQ(returns, 31);
		CHECK_EQ(returned, 30);
		CHECK_EQ(rp.nmissed, 0);
		unregister_kretprobe(&rp);
		CHECK_EQ(shape_depth(3), 3);
		CHECK_EQ(returns, 31);
	}
}

#define PLACE(why, name, ...) PLACE_(why, name, __VA_ARGS__)
#define PLACE_(why, name, offset_, error)                              \
	{                                                              \
		why, { .symbol_name = name, .offset = offset_ }, error \
	}

TL_TEST(forbidden_and_impossible_places_are_refused)
{
	static kprobe_opcode_t data[16];
	/* clang-format off */
	static const struct {
		const char *why;
		struct kprobe p;
		int err;
	} rows[] = {
		{ "neither", { .symbol_name = NULL }, -TL_EINVAL },
		{ "both", { .symbol_name = "shape_lea", .addr = data },
		  -TL_EINVAL },
		{ "unknown", { .symbol_name = "no_such_symbol" }, -TL_ENOENT },
		{ "vector", { .symbol_name = "trap_dispatch" }, -TL_EINVAL },
		{ "engine", { .symbol_name = "register_kprobe" }, -TL_EINVAL },
		{ "home", { .symbol_name = "tlh_context" }, -TL_EINVAL },
		PLACE("inside", "shape_lea", SHAPE_INSIDE),
		PLACE("a trap", "shape_jump", SHAPE_TRAP),
	};
	/* clang-format on */

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct kprobe p = rows[i].p;

		ROW(rows[i].why);
		CHECK_EQ(register_kprobe(&p), rows[i].err);
	}
	for (size_t i = 0; i < 2; i++) {
		struct kprobe p = { .addr = i ? data : (kprobe_opcode_t *)8 };

		CHECK(register_kprobe(&p) < 0);
	}
	CHECK_EQ(shape_lea(1, 1), 8);
}

TL_TEST(registering_a_thousand_times_leaks_nothing)
{
	const struct mode *m;
	uint8_t text[32];
	size_t before = 0;

	memcpy(text, (void *)(uintptr_t)shape_push, sizeof(text));
	for (unsigned int round = 0; round < 2; round++) {
		for_each_row(m, modes) {
			enter(m);
			for (unsigned int i = 0; i < 250 * tl_test_scale; i++) {
				struct kprobe p = { .symbol_name = "shape_push",
						    .pre_handler = count_pre };

				reset();
				REQUIRE(register_kprobe(&p) == 0);
				CHECK_EQ(shape_push(40, 2), 42);
				CHECK_EQ(pre_hits, 1);
				unregister_kprobe(&p);
			}
		}
		if (!round)
			before = page_nr_free();
	}
	CHECK_EQ(page_nr_free(), before);
	CHECK_MEM((void *)(uintptr_t)shape_push, text, sizeof(text));
}

TL_TEST(no_page_becomes_writable_and_executable_by_probes)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		struct kprobe p = { .symbol_name = "shape_push",
				    .pre_handler = count_pre };

		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(guest_wx_pages(), 0);
		unregister_kprobe(&p);
		CHECK_EQ(guest_wx_pages(), 0);
	}
}
