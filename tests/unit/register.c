/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * register.c - what is refused, with which code, and that nothing is left of it
 */
#include "engine_fixture.h"

extern const char __start_trapline_text[];
extern const char __stop_trapline_text[];

TL_TEST(both_addr_and_symbol_gives_einval)
{
	struct kprobe p = { .symbol_name = "fill" };

	start();
	p.addr = sim_text;
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	CHECK(p.addr == sim_text);
	finish();
}

TL_TEST(neither_addr_nor_symbol_gives_einval)
{
	struct kprobe p = { .offset = 3 };

	start();
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	finish();
}

TL_TEST(unknown_symbol_gives_enoent)
{
	struct kprobe p = { .symbol_name = "nowhere" };

	start();
	CHECK_EQ(register_kprobe(&p), -TL_ENOENT);
	CHECK(!p.addr);
	sim_ops.lookup = NULL;
	p.symbol_name = "fill";
	CHECK_EQ(register_kprobe(&p), -TL_ENOENT);
	finish();
}

TL_TEST(symbol_and_offset_are_resolved)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = NULL;
	a.kp.symbol_name = "leaf";
	a.kp.offset = 2;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK(a.kp.addr == sim_text + LEAF + 2);
	CHECK_EQ(a.kp.opcode, SIM_INC);
	CHECK(!(a.kp.flags & KPROBE_FLAG_ON_FUNC_ENTRY));
	CHECK(get_kprobe(a.kp.addr) == &a.kp);
	unregister_kprobe(&a.kp);
	CHECK(!get_kprobe(sim_text + LEAF + 2));

	a.kp = (struct kprobe){ .symbol_name = "leaf" };
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK(a.kp.flags & KPROBE_FLAG_ON_FUNC_ENTRY);
	unregister_kprobe(&a.kp);
	finish();
}

TL_TEST(same_struct_twice_gives_einval_and_stays_registered)
{
	struct lettered a = lettered('A', 0);
	struct kprobe *two[2] = { &a.kp, &a.kp };
	int err[2];

	start();
	a.kp.addr = sim_text + 3;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(register_kprobe(&a.kp), -TL_EINVAL);
	trace_clear();
	run_call(0);
	CHECK_STR(trace, "A");
	unregister_kprobe(&a.kp);

	a.kp.flags = 0;
	CHECK_EQ(trapline_register_each(two, 2, err, NULL), 1);
	CHECK_EQ(err[0], 0);
	CHECK_EQ(err[1], -TL_EINVAL);
	unregister_kprobes(two, 2);
	CHECK(!a.kp.addr || !a.kp.point);

	a.kp = (struct kprobe){ .addr = sim_text + 3 };
	CHECK_EQ(register_kprobes(two, 2), -TL_EINVAL);
	CHECK(!get_kprobe(sim_text + 3));
	finish();
}

TL_TEST(register_in_engine_text_gives_einval)
{
	struct kprobe p = { 0 };

	start();
	p.addr = (kprobe_opcode_t *)(uintptr_t)&__start_trapline_text;
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	p.addr = (kprobe_opcode_t *)((uintptr_t)&__stop_trapline_text - 1);
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	p.addr = (kprobe_opcode_t *)(uintptr_t)&tl_trap_breakpoint;
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	finish();
}

TL_TEST(register_in_a_copy_gives_einval)
{
	struct lettered a = lettered('A', 0);
	struct kprobe p = { 0 };
	int32_t rel;

	start();
	a.kp.addr = sim_text + 3;
	REQUIRE(register_kprobe(&a.kp) == 0);
	REQUIRE(sim_text[3] == SIM_JUMP);
	memcpy(&rel, sim_text + 4, 4);
	p.addr = sim_text + 8 + rel;
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	finish();
}

static bool refuse_all(uintptr_t addr, size_t len, bool jump)
{
	(void)addr;
	(void)len;
	(void)jump;
	return false;
}

static bool refuse_jumps(uintptr_t addr, size_t len, bool jump)
{
	(void)addr;
	(void)len;
	return !jump;
}

static bool refuse_breakpoints(uintptr_t addr, size_t len, bool jump)
{
	(void)addr;
	(void)len;
	return jump;
}

TL_TEST(what_the_host_forbids_gives_einval)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + 3;
	sim_ops.allowed = refuse_all;
	CHECK_EQ(register_kprobe(&a.kp), -TL_EINVAL);
	sim_ops.allowed = refuse_jumps;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_FORBIDDEN);
	CHECK_EQ(sim_text[3], SIM_TRAP);
	finish();
}

TL_TEST(no_breakpoint_allowed_and_no_jump_possible_gives_ebusy)
{
	struct lettered a = lettered('A', 0);

	start();
	sim_ops.allowed = refuse_breakpoints;
	a.kp.addr = sim_text + FILL - 2; /* too near to the end */
	CHECK_EQ(register_kprobe(&a.kp), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_PAST_END);
	a.kp.addr = sim_text + 3;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(sim_text[3], SIM_JUMP);
	finish();
}

TL_TEST(traps_and_unknown_bytes_give_eilseq)
{
	struct kprobe p = { 0 };

	start();
	sim_text[5] = SIM_TRAP;
	sim_text[6] = 0xf0;
	keep_pristine();
	p.addr = sim_text + 5;
	CHECK_EQ(register_kprobe(&p), -TL_EILSEQ);
	p.addr = sim_text + 6;
	CHECK_EQ(register_kprobe(&p), -TL_EILSEQ);
	finish();
}

TL_TEST(inside_of_a_probed_instruction_gives_eilseq)
{
	struct lettered a = lettered('A', 0);
	struct kprobe p = { 0 };

	start();
	sim_text[CALLER + 1] = SIM_INC; /* would be one, by itself */
	keep_pristine();
	a.kp.addr = sim_text + CALLER; /* two bytes */
	REQUIRE(register_kprobe(&a.kp) == 0);
	p.addr = sim_text + CALLER + 1;
	CHECK_EQ(register_kprobe(&p), -TL_EILSEQ);
	unregister_kprobe(&a.kp);

	CHECK_EQ(register_kprobe(&p), 0);
	a.kp.addr = sim_text + CALLER;
	CHECK_EQ(register_kprobe(&a.kp), -TL_EILSEQ);
	unregister_kprobe(&p);
	finish();
}

TL_TEST(instruction_that_cannot_move_gives_eopnotsupp)
{
	struct kprobe p = { 0 };

	start();
	sim_text[5] = SIM_REFUSE;
	keep_pristine();
	p.addr = sim_text + 5;
	CHECK_EQ(register_kprobe(&p), -TL_EOPNOTSUPP);
	finish();
}

TL_TEST(no_memory_there_gives_enoent)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)64 };

	start();
	CHECK_EQ(register_kprobe(&p), -TL_ENOENT);
	finish();
}

TL_TEST(no_copy_near_enough_gives_erange)
{
	struct kprobe p = { 0 };

	start();
	sim_text[5] = SIM_FAR;
	keep_pristine();
	p.addr = sim_text + 5;
	CHECK_EQ(register_kprobe(&p), -TL_ERANGE);
	finish();
}

/* A trap leads anywhere, a jump does not. */
TL_TEST(no_memory_within_reach_leaves_a_breakpoint)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);

	start();
	trace_clear();
	sim.exec_away = TL_JUMP_REACH + 1ul;
	a.kp.addr = sim_text + 5;
	b.kp.addr = sim_text + CALLER + 2;

	/* A jump cannot be asked for. */
	a.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	CHECK_EQ(register_kprobe(&a.kp), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_RANGE);
	a.kp.flags = 0;

	a.kp.post_handler = b.kp.post_handler = letter_post;
	REQUIRE(register_kprobe(&a.kp) == 0);
	REQUIRE(register_kprobe(&b.kp) == 0);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_BREAKPOINT);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_RANGE);
	CHECK_EQ(run_call(0).ax, FILL);
	CHECK_EQ(run_call(CALLER).ax, 9);
	CHECK_STR(trace, "AaBb");
	sim.exec_away = 0;
	finish();
}

TL_TEST(zero_or_fewer_probes_give_einval)
{
	struct kprobe *none[1] = { NULL };
	struct kretprobe *no_returns[1] = { NULL };

	start();
	CHECK_EQ(register_kprobes(none, 0), -TL_EINVAL);
	CHECK_EQ(register_kprobes(none, -1), -TL_EINVAL);
	CHECK_EQ(trapline_register_each(none, 0, NULL, NULL), -TL_EINVAL);
	CHECK_EQ(register_kretprobes(no_returns, 0), -TL_EINVAL);
	unregister_kprobes(none, 0);
	unregister_kretprobes(no_returns, 0);
	finish();
}

TL_TEST(other_flags_are_masked_and_nmissed_is_zeroed)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + 3;
	a.kp.flags = 0xffffffffu & ~(KPROBE_FLAG_DISABLED |
				     KPROBE_FLAG_JUMP_ONLY | KPROBE_FLAG_HOME);
	a.kp.nmissed = 77;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(a.kp.flags, KPROBE_FLAG_OPTIMIZED);
	CHECK_EQ(a.kp.nmissed, 0);
	finish();
}

TL_TEST(unregistered_probe_is_as_it_was_given_and_registers_again)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text;
	a.kp.offset = 3;
	for (int i = 0; i < 3; i++) {
		REQUIRE(register_kprobe(&a.kp) == 0);
		CHECK(a.kp.addr == sim_text + 3);
		trace_clear();
		run_call(0);
		CHECK_STR(trace, "A");
		CHECK_EQ(disable_kprobe(&a.kp), 0);
		unregister_kprobe(&a.kp);
		CHECK_EQ(a.kp.flags, 0);
		CHECK(a.kp.addr == sim_text);
	}
	a.kp.flags = KPROBE_FLAG_DISABLED;
	for (int i = 0; i < 3; i++) {
		REQUIRE(register_kprobe(&a.kp) == 0);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_DISABLED);
		CHECK_EQ(enable_kprobe(&a.kp), 0);
		unregister_kprobe(&a.kp);
		CHECK_EQ(a.kp.flags, KPROBE_FLAG_DISABLED);
	}
	finish();
}

TL_TEST(probe_by_symbol_registers_again_unless_an_address_is_given_too)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = NULL;
	a.kp.symbol_name = "leaf";
	a.kp.offset = 2;
	for (int i = 0; i < 3; i++) {
		REQUIRE(register_kprobe(&a.kp) == 0);
		CHECK(a.kp.addr == sim_text + LEAF + 2);
		unregister_kprobe(&a.kp);
		CHECK(a.kp.addr == sim_text + LEAF + 2);
	}
	a.kp.addr = sim_text + LEAF;
	CHECK_EQ(register_kprobe(&a.kp), -TL_EINVAL);
	a.kp.addr = NULL;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	finish();
}

TL_TEST(failed_batch_leaves_all_as_they_were_given)
{
	struct lettered a = lettered('A', 0), b = a, bad = a;
	struct kprobe *three[3] = { &a.kp, &b.kp, &bad.kp };

	start();
	sim_text[40] = SIM_REFUSE;
	keep_pristine();
	a.kp.addr = NULL;
	a.kp.symbol_name = "leaf";
	b.kp.offset = 9;
	b.kp.flags = KPROBE_FLAG_DISABLED;
	bad.kp.addr = sim_text + 40;
	CHECK_EQ(register_kprobes(three, 3), -TL_EOPNOTSUPP);
	CHECK(!a.kp.addr);
	CHECK_EQ(a.kp.flags, 0);
	CHECK(b.kp.addr == sim_text);
	CHECK_EQ(b.kp.flags, KPROBE_FLAG_DISABLED);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	bad.kp.addr = sim_text + 41;
	CHECK_EQ(register_kprobes(three, 3), 0);
	unregister_kprobes(three, 3);
	finish();
}

TL_TEST(unregister_of_a_stranger_clears_its_address)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + 3;
	unregister_kprobe(&a.kp);
	CHECK(!a.kp.addr);
	a.kp.addr = sim_text + 3;
	REQUIRE(register_kprobe(&a.kp) == 0);
	unregister_kprobe(&a.kp);
	CHECK(a.kp.addr);
	unregister_kprobe(&a.kp);
	CHECK(!a.kp.addr);
	finish();
}

/* What is in a structure that was refused, or never registered, is the caller's. */
TL_TEST(flags_that_nobody_gives_do_no_harm)
{
	struct kretprobe rp = { .kp.flags = ~0u };
	struct lettered a = lettered('A', 0);
	struct kprobe bad = { .flags = ~0u };
	struct kprobe *kps[] = { &bad, &a.kp };
	int err[2];

	start();
	a.kp.addr = sim_text + 3;
	CHECK_EQ(trapline_register_each(kps, 2, err, NULL), 1);
	CHECK_EQ(err[0], -TL_EINVAL);
	CHECK_EQ(err[1], 0);
	bad.flags = ~0u;
	CHECK_EQ(register_kprobe(&bad), -TL_EINVAL);
	bad.flags = ~0u;
	unregister_kprobe(&bad);
	unregister_kretprobe(&rp);
	unregister_kprobes(kps, 2);
	finish();
}

TL_TEST(batch_is_all_or_nothing)
{
	struct lettered a = lettered('A', 3), b = lettered('B', 20),
			c = lettered('C', 40);
	struct kprobe *three[3] = { &a.kp, &b.kp, &c.kp };

	start();
	a.kp.addr = sim_text + 3;
	b.kp.addr = sim_text + 20;
	c.kp.addr = sim_text + 40;
	sim_text[40] = SIM_REFUSE;
	keep_pristine();
	CHECK_EQ(register_kprobes(three, 3), -TL_EOPNOTSUPP);
	CHECK(a.kp.addr == sim_text + 3);
	CHECK_EQ(a.kp.flags, 0);
	CHECK_EQ(c.kp.flags, 0);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK(!get_kprobe(sim_text + 3));

	c.kp.addr = sim_text + 41;
	CHECK_EQ(register_kprobes(three, 3), 0);
	CHECK_EQ(sim_text[3], SIM_JUMP);
	CHECK_EQ(sim_text[20], SIM_JUMP);
	unregister_kprobes(three, 3);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	finish();
}

TL_TEST(register_each_says_what_became_of_each)
{
	struct lettered a = lettered('A', 0), b = a, c = a, d = a;
	struct kprobe *four[4] = { &a.kp, &b.kp, &c.kp, &d.kp };
	enum tl_why why[4];
	int err[4];

	start();
	sim_text[40] = SIM_REFUSE;
	keep_pristine();
	a.kp.addr = sim_text + 3;
	b.kp.addr = sim_text + 40;
	c.kp.addr = sim_text + FILL - 2;
	d.kp.addr = sim_text + FILL - 3;
	d.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	CHECK_EQ(trapline_register_each(four, 4, err, why), 2);
	CHECK_EQ(err[0], 0);
	CHECK_EQ(why[0], TL_WHY_NONE);
	CHECK_EQ(err[1], -TL_EOPNOTSUPP);
	CHECK_EQ(err[2], 0);
	CHECK_EQ(why[2], TL_WHY_PAST_END);
	CHECK_EQ(err[3], -TL_EBUSY);
	CHECK_EQ(why[3], TL_WHY_PAST_END);
	CHECK_EQ(trapline_kprobe_why(&d.kp), TL_WHY_PAST_END);
	CHECK(d.kp.addr == sim_text + FILL - 3);
	CHECK_EQ(d.kp.flags, KPROBE_FLAG_JUMP_ONLY);
	CHECK_EQ(sim_text[3], SIM_JUMP);
	CHECK_EQ(sim_text[FILL - 2], SIM_TRAP);
	CHECK_EQ(sim_text[FILL - 3], SIM_INC);
	unregister_kprobes(four, 4);
	CHECK(!b.kp.addr);
	finish();
}

TL_TEST(enable_and_disable_are_refused_for_strangers)
{
	struct kprobe p = { 0 };

	start();
	p.addr = sim_text + 3;
	CHECK_EQ(enable_kprobe(&p), -TL_EINVAL);
	CHECK_EQ(disable_kprobe(&p), -TL_EINVAL);
	finish();
}

TL_TEST(enable_and_disable_arm_and_disarm)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + 3;
	a.kp.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK_EQ(sim.calls[SIM_CALL_PATCH_BEGIN], 0);
	CHECK_EQ(enable_kprobe(&a.kp), 0);
	CHECK_EQ(sim_text[3], SIM_JUMP);
	CHECK(a.kp.flags & KPROBE_FLAG_OPTIMIZED);
	CHECK_EQ(enable_kprobe(&a.kp), 0);
	CHECK_EQ(disable_kprobe(&a.kp), 0);
	CHECK(!(a.kp.flags & KPROBE_FLAG_OPTIMIZED));
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK_EQ(disable_kprobe(&a.kp), 0);
	CHECK_EQ(sim.calls[SIM_CALL_PATCH_BEGIN], 2);
	finish();
}

TL_TEST(toggling_reuses_the_copy)
{
	struct lettered a = lettered('A', 0);
	unsigned long edits;

	start();
	a.kp.addr = sim_text + 3;
	REQUIRE(register_kprobe(&a.kp) == 0);
	REQUIRE(disable_kprobe(&a.kp) == 0);
	edits = sim.calls[SIM_CALL_EDIT];
	REQUIRE(enable_kprobe(&a.kp) == 0);
	/* Head, tail, head: nothing was emitted. */
	CHECK_EQ(sim.calls[SIM_CALL_EDIT] - edits, 3);
	finish();
}

TL_TEST(gone_probe_cannot_be_enabled_and_its_text_is_left_alone)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);

	start();
	a.kp.addr = sim_text + 3;
	b.kp.addr = sim_text + 64;
	REQUIRE(register_kprobe(&a.kp) == 0);
	REQUIRE(register_kprobe(&b.kp) == 0);
	memset(sim_text, 0xee, 64); /* somebody else's now */
	memset(pristine, 0xee, 64);
	CHECK_EQ(tl_text_gone(TEXT(0), TEXT(64)), 1);
	CHECK(a.kp.flags & KPROBE_FLAG_GONE);
	CHECK_EQ(enable_kprobe(&a.kp), -TL_EINVAL);
	CHECK_EQ(disable_kprobe(&a.kp), -TL_EINVAL);
	CHECK(!(b.kp.flags & KPROBE_FLAG_GONE));
	CHECK_EQ(sim_text[64], SIM_JUMP);
	unregister_kprobe(&a.kp);
	unregister_kprobe(&b.kp);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	finish();
}

TL_TEST(text_that_is_not_as_it_was_left_is_gone)
{
	static const struct {
		const char *name;
		size_t off;
		uint32_t flags;
		size_t replaced;
	} rows[] = {
		{ "jump", 3, 0, 8 },
		{ "breakpoint", FILL - 2, 0, 5 },
		{ "disabled", 30, KPROBE_FLAG_DISABLED, 5 },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct lettered a = lettered('A', 0);
		struct lettered b = lettered('B', 0);
		size_t calls;

		ROW(rows[i].name);
		start();
		a.kp.addr = b.kp.addr = sim_text + rows[i].off;
		a.kp.flags = rows[i].flags;
		REQUIRE(register_kprobe(&a.kp) == 0);
		memset(sim_text + rows[i].off - 3, SIM_NOP, rows[i].replaced);
		keep_pristine();
		if (rows[i].flags)
			CHECK_EQ(enable_kprobe(&a.kp), -TL_EINVAL);
		/* A new probe there has a plan and a slot of its own. */
		CHECK_EQ(register_kprobe(&b.kp), 0);
		CHECK(a.kp.flags & KPROBE_FLAG_GONE);
		CHECK_EQ(b.kp.opcode, SIM_NOP);
		CHECK(get_kprobe(b.kp.addr) == &b.kp);
		CHECK_EQ(enable_kprobe(&a.kp), -TL_EINVAL);
		CHECK_EQ(disable_kprobe(&a.kp), -TL_EINVAL);
		trace_clear();
		run_call(0);
		CHECK_STR(trace, "B");
		calls = sim.calls[SIM_CALL_TEXT_WRITE];
		unregister_kprobe(&a.kp);
		CHECK_EQ(sim.calls[SIM_CALL_TEXT_WRITE], calls);
		CHECK_EQ(register_kprobe(&a.kp), 0);
		CHECK_EQ(a.kp.flags & KPROBE_FLAG_GONE, 0);
		finish();
	}
}

TL_TEST(a_debugger_s_breakpoint_on_ours_does_not_make_it_gone)
{
	struct lettered a = lettered('A', 0);

	start();
	a.kp.addr = sim_text + 3;
	REQUIRE(register_kprobe(&a.kp) == 0);
	sim_text[3] = SIM_TRAP;
	CHECK_EQ(disable_kprobe(&a.kp), 0);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	finish();
}

static int find_flags(const struct tl_status *st, void *arg)
{
	*(uint32_t *)arg |= st->probe->flags;
	return 0;
}

TL_TEST(list_shows_what_is_gone)
{
	struct lettered a = lettered('A', 0);
	uint32_t flags = 0;

	start();
	a.kp.addr = sim_text + 3;
	REQUIRE(register_kprobe(&a.kp) == 0);
	memset(sim_text, SIM_NOP, 16);
	memset(pristine, SIM_NOP, 16);
	trapline_each_probe(find_flags, &flags);
	CHECK(flags & KPROBE_FLAG_GONE);
	CHECK(!(flags & KPROBE_FLAG_OPTIMIZED));
	finish();
}

static int count_status(const struct tl_status *st, void *arg)
{
	int *n = arg;

	n[st->kind]++;
	if (st->kind == TL_KIND_JUMP)
		CHECK_EQ(st->why, TL_WHY_NONE);
	return 0;
}

TL_TEST(status_lists_every_probe)
{
	struct lettered a = lettered('A', 0), b = a, c = a;
	int n[3] = { 0 };

	start();
	a.kp.addr = sim_text + 3;
	b.kp.addr = sim_text + FILL - 2;
	c.kp.addr = sim_text + 50;
	c.kp.flags = KPROBE_FLAG_DISABLED;
	REQUIRE(!register_kprobe(&a.kp) && !register_kprobe(&b.kp) &&
		!register_kprobe(&c.kp));
	CHECK_EQ(trapline_each_probe(count_status, n), 0);
	CHECK_EQ(n[TL_KIND_JUMP], 1);
	CHECK_EQ(n[TL_KIND_BREAKPOINT], 1);
	CHECK_EQ(n[TL_KIND_NONE], 1);
	finish();
}

TL_TEST(every_why_has_a_name_of_its_own)
{
	for (int i = 0; i < TL_NR_WHY; i++) {
		const char *name = trapline_why_name(i);

		REQUIRE(name && *name);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(name, trapline_why_name(k)) != 0);
	}
	CHECK_STR(trapline_why_name(TL_NR_WHY), "unknown");
}
