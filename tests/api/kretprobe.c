/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * kretprobe.c - the rules of register_kretprobe(), on a jump and on a breakpoint
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_test.h"

static const struct place {
	const char *name;
	place_fn *fn;
} places[] = {
	{ "jump", place_jump },
	{ "breakpoint", place_break },
};

static unsigned int entries, returns;
static unsigned long value, ip, ret_addr, argument, frame, entry;
static char trail[16];
static unsigned int trail_len;

static void reset(void)
{
	entries = returns = trail_len = 0;
	value = ip = ret_addr = argument = frame = entry = 0;
	for (size_t i = 0; i < sizeof(trail); i++)
		trail[i] = 0;
}

HANDLER int entered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(unsigned long *)ri->data = regs->REG_ARG0;
	entry = regs->sp;
	entries++;
	return 0;
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	value = regs->REG_RESULT;
	ip = regs->REG_IP;
	ret_addr = get_kretprobe_retaddr(ri);
	argument = *(unsigned long *)ri->data;
	frame = regs->sp;
	returns++;
	return 0;
}

TL_TEST(the_handler_sees_value_and_true_return_address)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kretprobe rp = { .kp.addr = (void *)pl->fn,
					.entry_handler = entered,
					.handler = returned,
					.data_size = 8 };
		unsigned long here;

		ROW(pl->name);
		reset();
		CHECK_EQ(register_kretprobe(&rp), 0);
		CHECK_EQ(pl->fn(30, 12, 0), 42);
		SAY_HERE(&here);
		CHECK_EQ(entries, 1);
		CHECK_EQ(returns, 1);
		CHECK_EQ(value, 42);
		CHECK_EQ(argument, 30);
		CHECK_EQ(ip, ret_addr);
		CHECK(ret_addr < here && here - ret_addr < 64);
		CHECK_EQ(frame, entry + RETURN_POPS);
		CHECK_EQ(rp.nmissed, 0);
		unregister_kretprobe(&rp);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_EQ(returns, 1);
	}
}

HANDLER int change_value(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	regs->REG_RESULT += 1000;
	return 0;
}

TL_TEST(what_the_handler_makes_of_the_value_is_returned)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kretprobe rp = { .kp.addr = (void *)pl->fn,
					.handler = change_value };

		ROW(pl->name);
		CHECK_EQ(register_kretprobe(&rp), 0);
		CHECK_EQ(pl->fn(1, 2, 0), 1003);
		unregister_kretprobe(&rp);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
	}
}

HANDLER int not_interested(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	entries++;
	return regs->REG_ARG0 & 1;
}

TL_TEST(not_0_from_the_entry_handler_leaves_the_call_alone)
{
	struct kretprobe rp = { .kp.addr = (void *)place_jump,
				.entry_handler = not_interested,
				.handler = returned };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	for (long i = 0; i < 10; i++)
		CHECK_EQ(place_jump(i, 1, 0), i + 1);
	CHECK_EQ(entries, 10);
	CHECK_EQ(returns, 5);
	CHECK_EQ(rp.nmissed, 0);
	unregister_kretprobe(&rp);
}

TL_TEST(every_level_of_a_recursion_is_followed)
{
	struct kretprobe rp = { .kp.addr = (void *)place_sum,
				.entry_handler = entered,
				.handler = returned,
				.data_size = 8 };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(place_sum(100, 0, 0), 5050);
	CHECK_EQ(entries, TL_EITHER("`maxactive <= 0`", 101, 10));
	CHECK_EQ(returns, entries);
	CHECK_EQ(argument, 100);
	CHECK_EQ(value, 5050);
	unregister_kretprobe(&rp);
	CHECK_EQ(place_sum(100, 0, 0), 5050);
}

TL_TEST(maxactive_stays_as_it_was_given)
{
	struct kretprobe rp = { .kp.addr = (void *)place_sum,
				.handler = returned,
				.maxactive = -3 };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(rp.maxactive,
		 TL_EITHER("`maxactive` is set to the default", -3, 10));
	CHECK_EQ(place_sum(5, 0, 0), 15);
	CHECK_EQ(returns, 6);
	unregister_kretprobe(&rp);
}

TL_TEST(maxactive_is_kept_and_what_is_over_is_counted)
{
	struct kretprobe rp = { .kp.addr = (void *)place_sum,
				.handler = returned,
				.maxactive = 2 };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(place_sum(5, 0, 0), 15);
	CHECK_EQ(returns, 2);
	CHECK_EQ(rp.nmissed, 4);
	CHECK_EQ(rp.kp.nmissed, 0);
	CHECK_EQ(place_sum(1, 0, 0), 1);
	CHECK_EQ(returns, 4);
	unregister_kretprobe(&rp);
}

HANDLER void note(char c)
{
	if (trail_len < sizeof(trail) - 1)
		trail[trail_len++] = c;
}

HANDLER int enter_1(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	note('1');
	return 0;
}

HANDLER int enter_2(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	note('2');
	return 0;
}

HANDLER int return_a(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	note('a');
	return 0;
}

HANDLER int return_b(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	note('b');
	return 0;
}

TL_TEST(of_two_probes_the_newer_enters_first_and_returns_last)
{
	const struct place *pl;

	for_each_row(pl, places) {
		struct kretprobe one = { .kp.addr = (void *)pl->fn,
					 .entry_handler = enter_1,
					 .handler = return_a };
		struct kretprobe two = { .kp.addr = (void *)pl->fn,
					 .entry_handler = enter_2,
					 .handler = return_b };

		ROW(pl->name);
		reset();
		CHECK_EQ(register_kretprobe(&one), 0);
		CHECK_EQ(register_kretprobe(&two), 0);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
		CHECK_STR(trail, "21ab");
		unregister_kretprobe(&one);
		unregister_kretprobe(&two);
		CHECK_EQ(pl->fn(1, 2, 0), 3);
	}
}

TL_TEST(calls_of_other_followed_functions_nest)
{
	struct kretprobe outer = { .kp.addr = (void *)place_call_b,
				   .entry_handler = enter_1,
				   .handler = return_a };
	struct kretprobe inner = { .kp.addr = (void *)place_jump,
				   .entry_handler = enter_2,
				   .handler = return_b };

	reset();
	CHECK_EQ(register_kretprobe(&outer), 0);
	CHECK_EQ(register_kretprobe(&inner), 0);
	CHECK_EQ(place_call_b(7, (long)place_callee, 0), 1007);
	CHECK_STR(trail, "1a");
	reset();
	place_call_b(7, (long)place_jump, 0);
	CHECK_STR(trail, "12ba");
	unregister_kretprobe(&outer);
	unregister_kretprobe(&inner);
}

/* Unregistered while the function is active. */
static struct kretprobe gone;

static long unregister_inside(long a)
{
	unregister_kretprobe(&gone);
	return a + 5;
}

TL_TEST(unregistered_in_the_middle_of_a_call_it_is_not_called)
{
	reset();
	gone = (struct kretprobe){ .kp.addr = (void *)place_call_b,
				   .handler = returned };
	CHECK_EQ(register_kretprobe(&gone), 0);
	CHECK_EQ(place_call_b(7, (long)unregister_inside, 0), 12);
	CHECK_EQ(returns, 0);
	CHECK_EQ(place_call_b(7, (long)place_callee, 0), 1007);
}

HANDLER int calls_a_probed_function(struct kretprobe_instance *ri,
				    struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	value = place_break(20, 22, 0);
	return 0;
}

HANDLER int nothing(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	entries++;
	return 0;
}

TL_TEST(a_hit_in_a_return_handler_is_missed)
{
	struct kretprobe rp = { .kp.addr = (void *)place_jump,
				.handler = calls_a_probed_function };
	struct kprobe p = { .addr = (void *)place_break,
			    .pre_handler = nothing };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(value, 42);
	CHECK_EQ(entries, 0);
	CHECK_EQ(p.nmissed, 1);
	unregister_kprobe(&p);
	unregister_kretprobe(&rp);
}

TL_TEST(refusals_carry_linux_s_codes)
{
	struct kretprobe rp = { .kp.addr = (void *)((char *)place_jump + 4),
				.handler = returned };
	struct kretprobe big = { .kp.addr = (void *)place_jump,
				 .handler = returned,
				 .data_size = 4097 };

	CHECK_EQ(register_kretprobe(&rp), -TL_EINVAL);
	CHECK_EQ(register_kretprobe(&big), -TL_E2BIG);
	big.kp.addr = (void *)place_jump;
	big.kp.flags = 0;
	big.data_size = 4096;
	CHECK_EQ(register_kretprobe(&big), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	unregister_kretprobe(&big);
	CHECK_EQ(place_jump(1, 2, 0), 3);
}

TL_TEST(batches_of_return_probes_are_all_or_nothing)
{
	struct kretprobe a = { .kp.addr = (void *)place_jump,
			       .handler = returned };
	struct kretprobe b = { .kp.addr = (void *)place_break,
			       .handler = returned };
	struct kretprobe no = { .kp.symbol_name = "no_such_function_anywhere",
				.handler = returned };
	struct kretprobe *good[] = { &a, &b }, *bad[] = { &a, &no };

	reset();
	CHECK_EQ(register_kretprobes(good, 0), -TL_EINVAL);
	CHECK_EQ(register_kretprobes(good, -1), -TL_EINVAL);
	CHECK_EQ(register_kretprobes(bad, 2), -TL_ENOENT);
	place_jump(1, 2, 0);
	CHECK_EQ(returns, 0);
	a.kp.flags = 0;
	CHECK_EQ(register_kretprobes(good, 2), 0);
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	CHECK_EQ(returns, 2);
	unregister_kretprobes(good, 2);
	place_jump(1, 2, 0);
	CHECK_EQ(returns, 2);
}

static struct kretprobe *own_rp;

HANDLER int not_0(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)regs;
	own_rp = get_kretprobe(ri);
	returns++;
	return 1;
}

TL_TEST(what_a_return_handler_returns_is_ignored)
{
	struct kretprobe a = { .kp.addr = (void *)place_jump,
			       .handler = not_0 };
	struct kretprobe b = { .kp.addr = (void *)place_jump,
			       .handler = not_0 };

	reset();
	CHECK_EQ(register_kretprobe(&a), 0);
	CHECK_EQ(register_kretprobe(&b), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(returns, 2);
	CHECK_EQ(own_rp, &b);
	unregister_kretprobe(&a);
	unregister_kretprobe(&b);
}

static long disable_inside(long a)
{
	CHECK_EQ(disable_kretprobe(&gone), 0);
	return a + 5;
}

TL_TEST(disabled_in_the_middle_of_a_call_it_is_still_called)
{
	reset();
	gone = (struct kretprobe){ .kp.addr = (void *)place_call_b,
				   .handler = returned };
	CHECK_EQ(register_kretprobe(&gone), 0);
	CHECK_EQ(place_call_b(7, (long)disable_inside, 0), 12);
	CHECK_EQ(returns, 1);
	CHECK_EQ(place_call_b(7, (long)place_callee, 0), 1007);
	CHECK_EQ(returns, 1);
	unregister_kretprobe(&gone);
}

TL_TEST(a_hit_in_an_entry_handler_is_missed)
{
	struct kretprobe rp = { .kp.addr = (void *)place_jump,
				.entry_handler = calls_a_probed_function };
	struct kprobe p = { .addr = (void *)place_break,
			    .pre_handler = nothing };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(value, 42);
	CHECK_EQ(entries, 0);
	CHECK_EQ(p.nmissed, 1);
	CHECK_EQ(rp.kp.nmissed, 0);
	unregister_kprobe(&p);
	unregister_kretprobe(&rp);
}

TL_TEST(disable_and_enable_work_on_return_probes)
{
	struct kretprobe rp = { .kp.addr = (void *)place_jump,
				.handler = returned };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(disable_kretprobe(&rp), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(returns, 0);
	CHECK_EQ(enable_kretprobe(&rp), 0);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(returns, 1);
	unregister_kretprobe(&rp);
}

TL_TEST(a_return_probe_registers_again_as_it_was_given)
{
	struct kretprobe rp = { .kp.symbol_name = "place_rip",
				.handler = returned };

	reset();
	for (unsigned int i = 1; i <= 3; i++) {
		if (i == 2 && TL_ON_LINUX) {
			CHECK_EQ(register_kretprobe(&rp),
				 TL_EITHER(ROW_SYMBOL, 0, -TL_EINVAL));
			break;
		}
		REQUIRE(register_kretprobe(&rp) == 0);
		CHECK_EQ(place_rip(1, 0, 0), 123456790);
		CHECK_EQ(returns, i);
		unregister_kretprobe(&rp);
	}
}

static unsigned long *slot, in_slot;

HANDLER int note_slot(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	slot = RETURN_SLOT(regs);
	return 0;
}

/* place_call_b() calls this while its return address is, or is not, replaced. */
static long look_at_slot(long a)
{
	in_slot = *slot;
	return a;
}

TL_TEST(return_address_is_left_alone_where_the_exits_are_certain)
{
	struct kretprobe rp = { .kp.addr = (void *)place_call_b,
				.entry_handler = note_slot,
				.handler = returned };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(place_call_b(7, (long)look_at_slot, 0), 7);
	CHECK_EQ(returns, 1);
	CHECK_EQ(value, 7);
	if (EXITS_ARE_PREFERRED)
		CHECK_EQ(in_slot == ret_addr,
			 TL_EITHER("the return address of a followed call",
				   true, false));
	else
		CHECK(in_slot != ret_addr);
	unregister_kretprobe(&rp);
}

TL_TEST(a_tail_call_returns_for_both)
{
	struct kretprobe rp = { .kp.addr = (void *)place_tail,
				.handler = returned };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(place_tail(30, 12, 0), 42);
	CHECK_EQ(returns, 1);
	CHECK_EQ(value, 42);
	unregister_kretprobe(&rp);
}

/* A return probe in a handler's way: the probe at the ret itself still works. */
TL_TEST(probe_at_an_exit_shares_it_with_the_return_probe)
{
	struct kretprobe rp = { .kp.addr = (void *)place_jump,
				.handler = returned };
	struct kprobe p = { .addr = (void *)((char *)place_jump + 4),
			    .pre_handler = nothing };

	reset();
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(place_jump(30, 12, 0), 42);
	CHECK_EQ(entries, 1);
	CHECK_EQ(returns, 1);
	unregister_kretprobe(&rp);
	CHECK_EQ(place_jump(30, 12, 0), 42);
	CHECK_EQ(entries, 2);
	CHECK_EQ(returns, 1);
	unregister_kprobe(&p);
	CHECK_EQ(place_jump(30, 12, 0), 42);
	CHECK_EQ(entries, 2);
}
