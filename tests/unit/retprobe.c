/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * retprobe.c - every return that is followed is told, once, with the truth
 */
#include "engine_fixture.h"

struct ret {
	struct kretprobe rp;
	char letter; /* at the entry; small at the return */
	int entry_result;
	unsigned long ret_addr;
	struct pt_regs seen;
};

static struct ret *ret_of(struct kretprobe_instance *ri)
{
	return (struct ret *)get_kretprobe(ri);
}

static int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct ret *r = ret_of(ri);

	(void)regs;
	note(r->letter);
	if (r->rp.data_size)
		memset(ri->data, r->letter, r->rp.data_size);
	return r->entry_result;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct ret *r = ret_of(ri);

	CHECK(kprobe_running() == &r->rp.kp);
	CHECK_EQ(get_kretprobe_retaddr(ri), regs->ip);
	for (size_t i = 0; i < r->rp.data_size; i++)
		CHECK_EQ(ri->data[i], r->letter);
	r->ret_addr = get_kretprobe_retaddr(ri);
	r->seen = *regs;
	note((char)(r->letter | 0x20));
	return 1; /* ignored */
}

static struct ret ret(char letter)
{
	return (struct ret){
		.rp = { .handler = on_return, .entry_handler = on_entry },
		.letter = letter,
	};
}

static void add(struct ret *r, size_t off)
{
	r->rp.kp.addr = sim_text + off;
	CHECK_EQ(register_kretprobe(&r->rp), 0);
}

static void start_way(int way)
{
	start();
	sim_ops.no_optimize = way;
	trace_clear();
	ROW(way ? "breakpoint" : "jump");
}

/* ---- registration ------------------------------------------------------------------ */

TL_TEST(too_much_data_gives_e2big)
{
	struct ret r = ret('R');

	start_way(0);
	r.rp.kp.addr = sim_text + LEAF;
	r.rp.data_size = 4097;
	CHECK_EQ(register_kretprobe(&r.rp), -TL_E2BIG);
	r.rp.data_size = 4096;
	CHECK_EQ(register_kretprobe(&r.rp), 0);
	CHECK_EQ(run_call(LEAF).ax, 6);
	CHECK_STR(trace, "Rr");
	finish();
}

TL_TEST(not_at_an_entry_gives_einval)
{
	struct ret r = ret('R');

	start_way(0);
	r.rp.kp.addr = sim_text + LEAF + 1;
	CHECK_EQ(register_kretprobe(&r.rp), -TL_EINVAL);
	r.rp.kp = (struct kprobe){ .symbol_name = "leaf", .offset = 1 };
	CHECK_EQ(register_kretprobe(&r.rp), -TL_EINVAL);
	r.rp.kp = (struct kprobe){ .symbol_name = "nowhere" };
	CHECK_EQ(register_kretprobe(&r.rp), -TL_ENOENT);
	r.rp.kp = (struct kprobe){ 0 };
	CHECK_EQ(register_kretprobe(&r.rp), -TL_EINVAL);
	r.rp.kp = (struct kprobe){ .symbol_name = "leaf" };
	CHECK_EQ(register_kretprobe(&r.rp), 0);
	CHECK_EQ(register_kretprobe(&r.rp), -TL_EINVAL);
	finish();
}

TL_TEST(without_memory_for_calls_gives_enomem)
{
	for (int own = 0; own < 2; own++) {
		struct ret r = ret('R');

		start_way(0);
		r.rp.maxactive = own ? 3 : 0;
		r.rp.kp.addr = sim_text + LEAF;
		sim_fail(SIM_CALL_ALLOC, 1);
		CHECK_EQ(register_kretprobe(&r.rp), -TL_ENOMEM);
		if (own) {
			sim_fail(SIM_CALL_ALLOC, 2);
			CHECK_EQ(register_kretprobe(&r.rp), -TL_ENOMEM);
		}
		CHECK_EQ(register_kretprobe(&r.rp), 0);
		finish();
	}
}

TL_TEST(batch_of_return_probes_is_all_or_nothing)
{
	struct ret a = ret('A'), b = ret('B');
	struct kretprobe *two[] = { &a.rp, &b.rp };
	int err[2];

	start_way(0);
	a.rp.kp.addr = sim_text + LEAF;
	b.rp.kp.addr = sim_text + LEAF + 1;
	CHECK_EQ(register_kretprobes(two, 2), -TL_EINVAL);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK_EQ(tl_register_each_return(two, 2, err, NULL), 1);
	CHECK_EQ(err[0], 0);
	CHECK_EQ(err[1], -TL_EINVAL);
	unregister_kretprobes(two, 2);
	a.rp.kp.flags = b.rp.kp.flags = 0;
	b.rp.kp.addr = sim_text + CALLER;
	CHECK_EQ(register_kretprobes(two, 2), 0);
	run_call(CALLER);
	CHECK_STR(trace, "BAab");
	finish();
}

TL_TEST(more_than_one_handful_is_registered)
{
	static struct kretprobe many[150];
	static struct kretprobe *list[150];

	start_way(0);
	memset(many, 0, sizeof(many));
	for (int i = 0; i < 150; i++) {
		list[i] = &many[i];
		many[i].kp.addr = sim_text + LEAF;
	}
	CHECK_EQ(register_kretprobes(list, 150), 0);
	CHECK_EQ(run_call(LEAF).ax, 6);
	unregister_kretprobes(list, 150);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	/* The last one fails: none is left. */
	for (int i = 0; i < 150; i++)
		many[i].kp.flags = 0;
	many[149].kp.addr++;
	CHECK_EQ(register_kretprobes(list, 150), -TL_EINVAL);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	finish();
}

/* A shadow stack: nothing is replaced, and what cannot be otherwise is refused. */
TL_TEST(where_return_addresses_must_stay_none_is_replaced)
{
	struct ret a = ret('A');

	start_way(0);
	sim_ops.no_swap = true;
	a.rp.kp.addr = sim_text + LEAF;
	CHECK_EQ(register_kretprobe(&a.rp), -TL_EOPNOTSUPP);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	sim_ops.no_swap = false;
	a.rp.kp.flags = KPROBE_FLAG_NO_SWAP;
	CHECK_EQ(register_kretprobe(&a.rp), -TL_EOPNOTSUPP);
	CHECK_EQ(run_call(CALLER).ax, 9);
	CHECK_STR(trace, "");
	a.rp.kp.flags = 0;
	add(&a, LEAF);
	CHECK_EQ(run_call(CALLER).ax, 9);
	CHECK_STR(trace, "Aa");
	finish();
}

/* ---- following ------------------------------------------------------------------------ */

TL_TEST(handler_sees_the_true_address_and_the_registers_after)
{
	for (int way = 0; way < 2; way++) {
		struct ret r = ret('R');

		start_way(way);
		r.rp.data_size = 24;
		add(&r, LEAF);
		CHECK_EQ(run_call(CALLER).ax, 9);
		CHECK_STR(trace, "Rr");
		CHECK_EQ(r.ret_addr, TEXT(CALLER + 7));
		CHECK_EQ(r.seen.ip, TEXT(CALLER + 7));
		CHECK_EQ(r.seen.ax, 7);
		CHECK_EQ(r.seen.sp, stack_top(0) - 8);
		CHECK(!sim.contexts[0].returns);
		finish();
	}
}

TL_TEST(several_at_one_function_return_in_reverse_order)
{
	for (int way = 0; way < 2; way++) {
		struct ret a = ret('A'), b = ret('B'), c = ret('C');

		start_way(way);
		add(&a, LEAF);
		add(&b, LEAF);
		add(&c, LEAF);
		CHECK_EQ(run_call(CALLER).ax, 9);
		CHECK_STR(trace, "CBAabc");
		CHECK_EQ(a.ret_addr, TEXT(CALLER + 7));
		CHECK_EQ(c.ret_addr, TEXT(CALLER + 7));
		finish();
	}
}

TL_TEST(nested_calls_return_from_the_inside)
{
	for (int way = 0; way < 2; way++) {
		struct ret a = ret('A'), b = ret('B');

		start_way(way);
		add(&a, CALLER);
		add(&b, LEAF);
		CHECK_EQ(run_call(CALLER).ax, 9);
		CHECK_STR(trace, "ABba");
		CHECK_EQ(a.ret_addr, TEXT(STOP));
		finish();
	}
}

TL_TEST(tail_call_returns_for_both)
{
	struct ret a = ret('A'), b = ret('B');

	start_way(0);
	sim_text[0x280] = SIM_NOP;
	sim_text[0x281] = SIM_JMP; /* to leaf */
	sim_text[0x282] = (uint8_t)(LEAF - 0x283);
	memset(sim_text + 0x283, SIM_NOP, 3);
	sim_text[0x282] = 0x7d;
	memset(sim_text + 0x300, SIM_INC, 6);
	sim_function("tail", TEXT(0x280), 6);
	keep_pristine();
	add(&a, 0x280);
	add(&b, LEAF);
	CHECK_EQ(run_call(0x280).ax, 6);
	CHECK_STR(trace, "ABba");
	CHECK_EQ(b.ret_addr, TEXT(STOP));
	finish();
}

TL_TEST(entry_handler_that_returns_not_0_is_not_followed)
{
	struct ret a = ret('A');

	start_way(0);
	a.entry_result = 1;
	a.rp.maxactive = 1;
	add(&a, LEAF);
	run_call(LEAF);
	run_call(LEAF);
	CHECK_STR(trace, "AA");
	CHECK_EQ(a.rp.nmissed, 0);
	finish();
}

/* Calls itself by CALL 0, @depth deep; each level adds 1. */
static void put_recursive(size_t at_off)
{
	/* The depth is in cx, which no instruction counts down: unrolled. */
	for (int i = 0; i < 6; i++) {
		size_t f = at_off + (size_t)i * 16;

		memset(sim_text + f, SIM_INC, 2);
		if (i < 5)
			put_call(f + 2, f + 16);
		else
			memset(sim_text + f + 2, SIM_NOP, 5);
		sim_text[f + 7] = SIM_RET;
		sim_function("level", TEXT(f), 8);
	}
	keep_pristine();
}

TL_TEST(maxactive_is_honoured_and_its_misses_are_counted)
{
	for (int way = 0; way < 2; way++) {
		struct ret r[6];
		unsigned long missed = 0;

		start_way(way);
		put_recursive(0x400);
		/* One probe for all levels is six here: they share nothing. */
		for (int i = 0; i < 6; i++) {
			r[i] = ret((char)('A' + i));
			r[i].rp.maxactive = 1;
			add(&r[i], 0x400 + (size_t)i * 16);
		}
		CHECK_EQ(run_call(0x400).ax, 12);
		CHECK_STR(trace, "ABCDEFfedcba");
		for (int i = 0; i < 6; i++)
			missed += (unsigned long)r[i].rp.nmissed;
		CHECK_EQ(missed, 0);
		finish();
	}
}

/* The same function in several contexts at once: all of them inside. */
TL_TEST(pool_that_is_empty_is_a_miss_and_the_call_runs_untouched)
{
	struct ret r = ret('R');
	struct pt_regs regs[SIM_CONTEXTS];

	start_way(0);
	r.rp.maxactive = 2;
	add(&r, LEAF);
	for (unsigned int i = 0; i < SIM_CONTEXTS; i++) {
		sim.context = i;
		regs[i] = at(CALLER);
		regs[i].sp -= 8;
		*(unsigned long *)regs[i].sp = TEXT(STOP);
		CHECK_EQ(sim_run(&regs[i], TEXT(LEAF + 6), 500), SIM_WENT_ON);
	}
	CHECK_STR(trace, "RR"); /* entry handlers of two */
	CHECK_EQ(r.rp.nmissed, 2);
	CHECK_EQ(r.rp.kp.nmissed, 0);
	for (unsigned int i = 0; i < SIM_CONTEXTS; i++) {
		sim.context = i;
		CHECK_EQ(sim_run(&regs[i], TEXT(STOP), 500), SIM_WENT_ON);
		CHECK_EQ(regs[i].ax, 9);
	}
	CHECK_STR(trace, "RRrr");
	sim.context = 0;
	run_call(LEAF);
	CHECK_STR(trace, "RRrrRr"); /* given back */
	finish();
}

TL_TEST(without_maxactive_nothing_is_missed)
{
	struct ret r = ret('R');
	struct pt_regs regs = { 0 };
	static unsigned long stack[20000];
	int depth = 19000;

	start_way(0);
	sim_ops.stack = NULL;
	add(&r, LEAF);
	/* A deep stack of calls that have all been entered. */
	regs.sp = (uintptr_t)(stack + 20000);
	for (int i = 0; i < depth; i++) {
		regs.sp -= 8;
		*(unsigned long *)regs.sp = TEXT(STOP);
		regs.ip = TEXT(LEAF);
		sim_run(&regs, TEXT(LEAF + 6), 50);
		if (i % 1000 == 999)
			tl_maintain(); /* as the host does, now and then */
	}
	CHECK_EQ(r.rp.nmissed, 0);
	for (int i = 0; i < depth; i++) {
		regs.ip = TEXT(LEAF + 6);
		CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	}
	CHECK(!sim.contexts[0].returns);
	finish();
}

TL_TEST(misses_of_a_deep_recursion_are_cheap_and_all_counted)
{
	struct ret r = ret('R');
	struct pt_regs regs = { 0 };
	static unsigned long stack[10000];
	int depth = 9000, followed = 1000, returns = 0;
	unsigned long reads;

	start_way(0);
	r.rp.maxactive = followed;
	r.rp.entry_handler = NULL;
	add(&r, LEAF);
	regs.sp = (uintptr_t)(stack + 10000);
	reads = sim.calls[SIM_CALL_READ];
	for (int i = 0; i < depth; i++) {
		regs.sp -= 8;
		*(unsigned long *)regs.sp = TEXT(STOP);
		regs.ip = TEXT(LEAF);
		sim_run(&regs, TEXT(LEAF + 6), 50);
	}
	/* None looks through all those that are followed. */
	reads = sim.calls[SIM_CALL_READ] - reads;
	CHECK(reads < 5ul * (unsigned long)depth);
	CHECK_EQ(r.rp.nmissed, depth - followed);
	for (int i = 0; i < depth; i++) {
		returns += *(unsigned long *)regs.sp != TEXT(STOP);
		regs.ip = TEXT(LEAF + 6);
		CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	}
	CHECK_EQ(returns, followed);
	CHECK_EQ(returns + r.rp.nmissed, depth);
	CHECK(!sim.contexts[0].returns);
	finish();
}

TL_TEST(pool_full_of_calls_left_by_longjmp_is_won_back)
{
	struct ret r = ret('R');
	struct pt_regs regs = { 0 };
	static unsigned long stack[1000];

	start_way(0);
	r.rp.maxactive = 100;
	add(&r, LEAF);
	for (int round = 0; round < 3; round++) {
		/* Down, and away; then everything is overwritten. */
		regs.sp = (uintptr_t)(stack + 1000 - 100 * round);
		for (int i = 0; i < 100; i++) {
			regs.sp -= 8;
			*(unsigned long *)regs.sp = TEXT(STOP);
			regs.ip = TEXT(LEAF);
			sim_run(&regs, TEXT(LEAF + 6), 50);
		}
		CHECK_EQ(r.rp.nmissed, 100 * round);
		if (round < 2)
			memset(stack, 0, sizeof(stack));
	}
	for (int i = 0; i < 100; i++) {
		regs.ip = TEXT(LEAF + 6);
		CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	}
	CHECK(!sim.contexts[0].returns);
	finish();
}

TL_TEST(miss_of_the_entry_is_no_followed_call)
{
	struct ret r = ret('R');

	start_way(0);
	add(&r, LEAF);
	sim.context = SIM_CONTEXTS;
	CHECK_EQ(run_call(CALLER).ax, 9);
	CHECK_STR(trace, "");
	CHECK_EQ(r.rp.kp.nmissed, 1);
	sim.context = 0;
	finish();
}

/* ---- calls that end otherwise ------------------------------------------------------------ */

/* Stop inside of leaf, as called by caller, and go away. */
static struct pt_regs stop_in_leaf(void)
{
	struct pt_regs regs = at(CALLER);

	regs.sp -= 8;
	*(unsigned long *)regs.sp = TEXT(STOP);
	CHECK_EQ(sim_run(&regs, TEXT(LEAF + 6), 500), SIM_WENT_ON);
	return regs;
}

static unsigned int shadow_length(void)
{
	struct kretprobe_instance *ri = sim.contexts[0].returns;
	unsigned int n = 0;

	for (; ri; ri = ri->next)
		n++;
	return n;
}

TL_TEST(calls_left_by_longjmp_are_dropped)
{
	for (int known = 0; known < 2; known++) {
		struct ret a = ret('A'), b = ret('B');

		start_way(0);
		if (!known)
			sim_ops.stack = NULL;
		b.rp.maxactive = 1;
		add(&a, CALLER);
		add(&b, LEAF);
		for (int i = 0; i < 10; i++) {
			struct pt_regs regs = stop_in_leaf();

			CHECK(*(unsigned long *)regs.sp ==
			      (unsigned long)tl_arch_return_trampoline);
			/* To above both, by longjmp; the same again. */
		}
		/* One for each slot, however often; the others are missed. */
		CHECK_EQ(shadow_length(), 2);
		CHECK_EQ(a.rp.nmissed, 9);
		CHECK_EQ(b.rp.nmissed, 9);
		trace_clear();
		CHECK_EQ(run_call(CALLER).ax, 9);
		CHECK_STR(trace, "ABba");
		CHECK_EQ(a.rp.nmissed, 10);
		CHECK_EQ(b.rp.nmissed, 10);
		CHECK(!sim.contexts[0].returns);
		finish();
	}
}

TL_TEST(return_past_calls_left_by_longjmp_does_not_tell_them)
{
	struct ret a = ret('A'), b = ret('B');
	struct pt_regs regs;

	start_way(0);
	add(&a, CALLER);
	add(&b, LEAF);
	regs = stop_in_leaf();
	/* longjmp from leaf into caller, which then returns. */
	regs.ip = TEXT(CALLER + 9);
	regs.sp += 8;
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	CHECK_STR(trace, "ABa");
	/* The slot is used again: now leaf's first call is surely gone. */
	trace_clear();
	run_call(CALLER);
	CHECK_STR(trace, "ABba");
	CHECK_EQ(a.rp.nmissed, 0);
	CHECK_EQ(b.rp.nmissed, 1);
	CHECK(!sim.contexts[0].returns);
	finish();
}

/* Coroutines whose stacks are cut from one block, as malloc() does. */
static int one_block(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	(void)sp;
	*low = 0;
	*high = UINTPTR_MAX;
	return 0;
}

TL_TEST(call_on_another_stack_stays_alive)
{
	struct ret a = ret('A');
	struct pt_regs one, two;

	/* Coroutines of one thread: a higher stack, then a lower one. */
	for (int known = 0; known < 3; known++) {
		start_way(0);
		if (!known)
			sim_ops.stack = NULL;
		if (known == 2)
			sim_ops.stack = one_block;
		add(&a, LEAF);
		one = at(LEAF);
		one.sp = stack_top(1) - 8;
		*(unsigned long *)one.sp = TEXT(STOP);
		two = one;
		two.sp = stack_top(2) - 8;
		*(unsigned long *)two.sp = TEXT(STOP);
		sim_run(&one, TEXT(LEAF + 6), 50);
		sim_run(&two, TEXT(LEAF + 6), 50);
		/* `two` is higher and newer; `one` must not be dropped by it. */
		CHECK_EQ(sim_run(&two, TEXT(STOP), 50), SIM_WENT_ON);
		CHECK_EQ(run_call(LEAF).ax, 6);
		CHECK_EQ(sim_run(&one, TEXT(STOP), 50), SIM_WENT_ON);
		CHECK_EQ(one.ax, 6);
		CHECK_STR(trace, "AAaAaa");
		CHECK(!sim.contexts[0].returns);
		finish();
		a.rp.kp.flags = 0;
	}
}

TL_TEST(call_that_returns_in_another_thread_gets_home)
{
	struct ret a = ret('A');
	struct pt_regs regs;

	start_way(0);
	add(&a, LEAF);
	regs = stop_in_leaf();
	sim.context = 3;
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	CHECK_EQ(regs.ax, 9);
	CHECK_EQ(a.rp.nmissed, 1); /* its handler was not called */
	/* And in none. */
	sim.context = 0;
	regs = stop_in_leaf();
	sim.context = SIM_CONTEXTS;
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	CHECK_EQ(a.rp.nmissed, 2);
	sim.context = 0;
	trace_clear();
	run_call(LEAF);
	CHECK_STR(trace, "Aa");
	finish();
}

/* ---- removal ----------------------------------------------------------------------------------- */

TL_TEST(unregistered_while_active_is_not_told_of_the_return)
{
	for (int own = 0; own < 2; own++) {
		struct ret a = ret('A'), b = ret('B');
		struct pt_regs regs;

		start_way(0);
		a.rp.maxactive = own ? 4 : 0;
		add(&a, LEAF);
		add(&b, LEAF);
		regs = stop_in_leaf();
		unregister_kretprobe(&a.rp);
		memset(&a, 0xff, sizeof(a));
		CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
		CHECK_STR(trace, "BAb");
		finish();
	}
}

TL_TEST(closed_gate_finds_the_way_home_without_a_word)
{
	struct ret a = ret('A');
	struct pt_regs regs;

	start_way(0);
	add(&a, LEAF);
	regs = stop_in_leaf();
	sim_gate = 0;
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	CHECK_STR(trace, "A");
	finish();
}

TL_TEST(replaced_addresses_can_be_put_back)
{
	struct ret a = ret('A'), b = ret('B');
	struct pt_regs regs;

	start_way(0);
	add(&a, LEAF);
	add(&b, LEAF);
	regs = stop_in_leaf();
	unregister_kretprobe(&a.rp);
	unregister_kretprobe(&b.rp);
	CHECK_EQ(tl_returns_restore(), 0);
	CHECK_EQ(*(unsigned long *)regs.sp, TEXT(CALLER + 7));
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 50), SIM_WENT_ON);
	CHECK_STR(trace, "BA");
	/* The next call of the thread finds nothing in its way. */
	trace_clear();
	a.rp.kp.flags = 0;
	CHECK_EQ(register_kretprobe(&a.rp), 0);
	CHECK_EQ(run_call(CALLER).ax, 9);
	CHECK_STR(trace, "Aa");
	finish();
}

static int call_leaf(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct pt_regs inner = at(LEAF);
	unsigned int depth = sim.contexts[0].depth;

	(void)ri;
	(void)regs;
	CHECK_EQ(depth, 1);
	inner.sp = (uintptr_t)__builtin_frame_address(0) - 4096;
	inner.sp &= ~15ul;
	*(unsigned long *)inner.sp = TEXT(STOP);
	CHECK_EQ(sim_run(&inner, TEXT(STOP), 50), SIM_WENT_ON);
	note('!');
	return 0;
}

TL_TEST(call_made_by_a_handler_is_a_miss)
{
	struct ret a = ret('A');

	start_way(0);
	a.rp.handler = call_leaf;
	add(&a, LEAF);
	run_call(CALLER);
	CHECK_STR(trace, "A!");
	CHECK_EQ(a.rp.kp.nmissed, 1);
	CHECK_EQ(a.rp.nmissed, 0);
	finish();
}
