/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * jprobe.c - how much stack a jprobe's handler gets, and from where
 *
 * Handlers here are told what was copied (isa.h of the invented processor).
 */
#include "engine_fixture.h"

#define ABOVE 256 /* from the first stack argument to the end of the stack */

static unsigned int hits;
static size_t got;
static uint8_t copied[TL_JPROBE_STACK_MAX];
static struct jprobe *running;
static bool by_return;

static void leave_deeper(unsigned int depth)
{
	if (depth)
		leave_deeper(depth - 1);
	else if (!by_return)
		jprobe_return();
}

static void see(const struct pt_regs *regs, const void *copy, size_t bytes)
{
	hits++;
	note('j');
	got = bytes;
	memcpy(copied, copy, bytes);
	memset((void *)copy, 0xee, bytes);
	CHECK(copy != (void *)(regs->sp + 8));
	CHECK(kprobe_running() == &running->kp);
	leave_deeper(3);
	if (!by_return)
		CHECK(false);
}

static struct jprobe at_leaf(bool jump)
{
	sim_ops.no_optimize = !jump;
	hits = 0;
	got = 0;
	trace_clear();
	return (struct jprobe){ .kp.addr = sim_text + LEAF,
				.entry = (void *)see };
}

static void fill_stack(void)
{
	for (uintptr_t at = stack_top(0) - 64; at < stack_top(0) + 256; at++)
		*(uint8_t *)at = (uint8_t)(at * 5);
}

/* One call of leaf(), with @bytes of arguments copied; -1: a miss. */
static void call_leaf(struct jprobe *jp, long bytes)
{
	unsigned int before = hits;
	unsigned long missed = jp->kp.nmissed;
	uint8_t stack[ABOVE];

	fill_stack();
	memcpy(stack, (void *)stack_top(0), sizeof(stack));
	running = jp;
	CHECK_EQ(run_call(LEAF).ax, 6);
	CHECK_EQ(hits - before, bytes >= 0);
	CHECK_EQ(jp->kp.nmissed - missed, bytes < 0);
	if (bytes >= 0)
		CHECK_EQ(got, bytes);
	if (bytes >= 0 && bytes <= ABOVE)
		CHECK_MEM(copied, stack, (size_t)bytes);
	CHECK_MEM((void *)stack_top(0), stack, sizeof(stack));
}

/* What the host says, call by call. */
static long answer;
static size_t asked;

static long stack_above(uintptr_t sp, size_t len)
{
	CHECK_EQ(sp, stack_top(0) - 8);
	asked = len;
	return answer > (long)len ? (long)len : answer;
}

TL_TEST(what_is_copied_is_said_by_the_caller_or_the_host_or_it_is_a_miss)
{
	for (int way = 0; way < 4; way++) {
		struct jprobe jp;

		start();
		by_return = way & 1;
		jp = at_leaf(way & 2);
		CHECK_EQ(register_jprobe(&jp), 0);
		CHECK_EQ(!!(jp.kp.flags & KPROBE_FLAG_OPTIMIZED), !!(way & 2));
		call_leaf(&jp, ABOVE); /* by stack() */
		sim_ops.stack = NULL;
		call_leaf(&jp, -1);

		sim_ops.stack_above = stack_above;
		answer = -TL_ENOENT;
		call_leaf(&jp, -1);
		CHECK_EQ(asked, 8 + TL_JPROBE_STACK);
		for (answer = 0; answer <= 8; answer += 8)
			call_leaf(&jp, 0);
		answer = 8 + 13;
		call_leaf(&jp, 13);
		answer = 100000;
		call_leaf(&jp, TL_JPROBE_STACK);
		unregister_jprobe(&jp);

		sim_ops.stack_above = NULL;
		jp.stack_args = TL_JPROBE_NO_STACK;
		CHECK_EQ(register_jprobe(&jp), 0);
		call_leaf(&jp, 0);
		unregister_jprobe(&jp);
		jp.stack_args = 24;
		CHECK_EQ(register_jprobe(&jp), 0);
		call_leaf(&jp, 24);
		unregister_jprobe(&jp);
		CHECK_EQ(run_call(LEAF).ax, 6);
		finish();
	}
}

TL_TEST(without_a_context_and_behind_a_closed_gate_it_is_not_called)
{
	for (int jump = 0; jump < 2; jump++) {
		struct jprobe jp;

		start();
		by_return = false;
		jp = at_leaf(jump);
		CHECK_EQ(register_jprobe(&jp), 0);
		sim.context = SIM_CONTEXTS;
		call_leaf(&jp, -1);
		sim.context = 0;
		sim_gate = 0;
		CHECK_EQ(run_call(LEAF).ax, 6);
		CHECK_EQ(hits, 0);
		CHECK_EQ(jp.kp.nmissed, 1);
		sim_gate = 1;
		call_leaf(&jp, ABOVE);
		unregister_jprobe(&jp);
		finish();
	}
}

/* A trap that is under way while the slot that calls is being made (J1). */
static unsigned int calls_meanwhile;

static void call_meanwhile(enum sim_call call, uintptr_t addr)
{
	if (call != SIM_CALL_BYTE || !sim_is_exec(addr) || calls_meanwhile++)
		return;
	sim.context = 1;
	CHECK_EQ(run_call(LEAF).ax, 6);
	CHECK_STR(trace, "A");
	sim.context = 0;
}

TL_TEST(a_hit_before_the_registration_is_over_passes)
{
	struct lettered a;
	struct jprobe jp;

	start();
	by_return = false;
	jp = at_leaf(false);
	a = lettered('A', LEAF);
	CHECK_EQ(register_kprobe(&a.kp), 0);
	calls_meanwhile = 0;
	sim.hook = call_meanwhile;
	CHECK_EQ(register_jprobe(&jp), 0);
	sim.hook = NULL;
	CHECK(calls_meanwhile > 0);
	CHECK_EQ(hits, 0);
	CHECK_EQ(jp.kp.nmissed, 0);
	trace_clear();
	call_leaf(&jp, ABOVE);
	CHECK_STR(trace, "Aj");
	unregister_jprobe(&jp);
	trace_clear();
	CHECK_EQ(run_call(LEAF).ax, 6);
	CHECK_STR(trace, "A");
	unregister_kprobe(&a.kp);
	finish();
}

TL_TEST(what_can_only_be_simulated_gives_eopnotsupp)
{
	struct lettered a;
	struct jprobe jp;

	start();
	sim_text[LEAF] = SIM_ONLY;
	keep_pristine();
	jp = at_leaf(false);
	CHECK_EQ(register_jprobe(&jp), -TL_EOPNOTSUPP);
	a = lettered('A', LEAF);
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(register_jprobe(&jp), -TL_EOPNOTSUPP);
	CHECK(get_kprobe(sim_text + LEAF) == &a.kp);
	unregister_kprobe(&a.kp);
	finish();
}

TL_TEST(a_branch_is_simulated_behind_the_handlers_for_post_handlers)
{
	struct lettered a;
	struct jprobe jp;

	start();
	by_return = false;
	sim_text[LEAF] = SIM_JMP;
	sim_text[LEAF + 1] = 2;
	keep_pristine();
	jp = at_leaf(false);
	a = lettered('A', LEAF);
	a.kp.post_handler = letter_post;
	CHECK_EQ(register_jprobe(&jp), 0);
	CHECK_EQ(register_kprobe(&a.kp), 0);
	running = &jp;
	CHECK_EQ(run_call(LEAF).ax, 2);
	CHECK_STR(trace, "Aja");
	CHECK_EQ(a.seen.ip, TEXT(LEAF + 4));
	unregister_kprobe(&a.kp);
	trace_clear();
	CHECK_EQ(run_call(LEAF).ax, 2);
	CHECK_STR(trace, "j");
	unregister_jprobe(&jp);
	finish();
}

/* ---- failures -------------------------------------------------------------------- */

static const enum sim_call can_fail[] = {
	SIM_CALL_ALLOC,	      SIM_CALL_EXEC_ALLOC, SIM_CALL_READ,
	SIM_CALL_PATCH_BEGIN, SIM_CALL_TEXT_WRITE,
};

/* Registration beside a kprobe, with the @n-th @call failing; true: it did. */
static bool fails(enum sim_call call, unsigned long n, bool jump)
{
	unsigned long before;
	struct lettered a;
	struct jprobe jp, other;
	struct jprobe *both[] = { &jp, &other };
	bool met;
	int err;

	start();
	by_return = false;
	jp = other = at_leaf(jump);
	other.kp.addr = sim_text + CALLER;
	a = lettered('A', LEAF);
	CHECK_EQ(register_kprobe(&a.kp), 0);
	before = sim.calls[call];
	sim_fail(call, n);
	err = register_jprobes(both, 2);
	met = sim.calls[call] >= before + n;
	sim_fail(call, 0);
	running = &jp;
	trace_clear();
	CHECK_EQ(run_call(LEAF).ax, 6);
	CHECK_STR(trace, err ? "A" : "Aj");
	if (err)
		CHECK(!jp.kp.point || jp.kp.point != a.kp.point);
	else
		unregister_jprobes(both, 2);
	unregister_kprobe(&a.kp);
	finish();
	return met;
}

TL_TEST(whatever_fails_both_or_none_are_registered)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(can_fail); i++)
		for (int jump = 0; jump < 2; jump++)
			for (unsigned long n = 1; n < 500; n++)
				if (!fails(can_fail[i], n, jump))
					break;
}
