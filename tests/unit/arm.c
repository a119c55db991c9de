/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * arm.c - how text is changed while others run through it, and windows
 */
#include "engine_fixture.h"

#define SPOT 10

static void add(struct lettered *l, size_t off)
{
	l->kp.addr = sim_text + off;
	CHECK_EQ(register_kprobe(&l->kp), 0);
}

/* ---- the protocol ------------------------------------------------------------ */

static const struct {
	const char *name;
	enum tl_others others;
	bool breakpoint;
	const char *arm;
	const char *disarm;
} orders[] = {
	{ "jump, running", TL_OTHERS_RUNNING, false, "(WSEWSWS)", "(WSWSWS)" },
	{ "jump, stopped", TL_OTHERS_STOPPED, false, "(EW)", "(W)" },
	{ "breakpoint, running", TL_OTHERS_RUNNING, true, "(WS)", "(WS)" },
	{ "breakpoint, stopped", TL_OTHERS_STOPPED, true, "(W)", "(W)" },
};

TL_TEST(breakpoint_before_tail_before_head_with_syncs_between)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(orders); i++) {
		struct lettered a = lettered('A', 0), b = a;
		struct kprobe *two[] = { &a.kp, &b.kp };

		start();
		ROW(orders[i].name);
		sim.others = orders[i].others;
		sim_ops.no_optimize = orders[i].breakpoint;
		a.kp.addr = sim_text + SPOT;
		b.kp.addr = sim_text + SPOT + 10;
		CHECK_EQ(register_kprobes(two, 2), 0);
		CHECK_STR(sim_log(), orders[i].arm);
		sim_log_clear();
		disable_kprobe(&a.kp);
		CHECK_STR(sim_log(), orders[i].disarm);
		finish();
	}
}

TL_TEST(exchangeable_instruction_needs_its_head_alone)
{
	struct lettered a = lettered('A', 0);

	start();
	sim_exchangeable = true;
	a.kp.addr = sim_text + CALLER + 2; /* five bytes, as a jump */
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(sim_text[CALLER + 2], SIM_JUMP);
	finish();
}

static struct pt_regs one_at(size_t off, unsigned int context)
{
	struct pt_regs regs = { .ip = TEXT(off), .sp = stack_top(context) };

	return regs;
}

/*
 * At every byte that is written: threads of other contexts that come to the
 * window from above, or stand at its first byte, see the old or the new code.
 */
static unsigned long walks;
static size_t walk_lowest;

static void walk_through(enum sim_call call, uintptr_t addr)
{
	unsigned int old = sim.context;
	void (*hook)(enum sim_call, uintptr_t) = sim.hook;

	if (call != SIM_CALL_BYTE || sim_is_exec(addr))
		return;
	sim.hook = NULL;
	sim.context = 2;
	for (size_t off = walk_lowest; off <= SPOT; off++) {
		struct pt_regs regs = one_at(off, 2);

		CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
		CHECK_EQ(regs.ax, FILL - off);
		walks++;
	}
	sim.context = old;
	sim.hook = hook;
}

TL_TEST(no_thread_sees_half_an_instruction)
{
	for (int post = 0; post < 2; post++) {
		struct lettered a = lettered('A', 0), b = lettered('B', 0);

		start();
		walks = 0;
		walk_lowest = SPOT - 2;
		sim.hook = walk_through;
		a.kp.post_handler = post ? letter_post : NULL;
		add(&a, SPOT);
		disable_kprobe(&a.kp);
		enable_kprobe(&a.kp);
		add(&b, SPOT); /* another detour */
		unregister_kprobe(&b.kp);
		unregister_kprobe(&a.kp);
		CHECK(walks > 50);
		sim.hook = NULL;
		finish();
	}
}

/*
 * Threads that were inside the window are moved by evict; here the test plays
 * the host and looks where they would be led.
 */
static unsigned int n_inside;

static void be_moved(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (call != SIM_CALL_EVICT)
		return;
	n_inside++;
}

TL_TEST(eviction_is_asked_for_with_the_door_shut)
{
	struct lettered a = lettered('A', 0);

	start();
	n_inside = 0;
	sim.hook = be_moved;
	add(&a, SPOT);
	CHECK_EQ(n_inside, 1);
	disable_kprobe(&a.kp); /* nobody is inside of a jump */
	CHECK_EQ(n_inside, 1);
	unregister_kprobe(&a.kp);
	/* One instruction has no inside. */
	a.kp.flags = 0;
	add(&a, CALLER + 2);
	CHECK_EQ(sim_text[CALLER + 2], SIM_JUMP);
	CHECK_EQ(n_inside, 1);
	sim.hook = NULL;
	finish();
}

static void look_at_window(enum sim_call call, uintptr_t addr)
{
	if (call == SIM_CALL_EVICT)
		CHECK_EQ(*(uint8_t *)addr, SIM_TRAP);
}

TL_TEST(moved_threads_go_on_with_the_same_instruction)
{
	struct lettered a = lettered('A', 0);
	int32_t rel;

	start();
	sim_text[SPOT + 1] = SIM_ADD;
	sim_text[SPOT + 2] = 50;
	keep_pristine();
	sim.hook = look_at_window;
	add(&a, SPOT);
	sim.hook = NULL;
	CHECK_EQ(sim_last_window()->start, TEXT(SPOT));
	CHECK_EQ(sim_last_window()->len, 5);
	CHECK_EQ(sim_last_window()->n_inner, 3);
	memcpy(&rel, sim_text + SPOT + 1, 4);
	for (unsigned int i = 0; i < sim_last_window()->n_inner; i++) {
		struct pt_regs regs = at(0);

		CHECK(sim_last_window()->inner[i] == 1 ||
		      sim_last_window()->inner[i] == 3 ||
		      sim_last_window()->inner[i] == 4);
		regs.ip = sim_last_window()->moved[i];
		CHECK(sim_is_exec(regs.ip));
		CHECK_EQ(sim_run(&regs, TEXT(FILL), 500), SIM_WENT_ON);
		CHECK_EQ(regs.ax,
			 FILL - SPOT - sim_last_window()->inner[i] +
				 (sim_last_window()->inner[i] < 3 ? 48 : 0));
	}
	finish();
}

TL_TEST(a_batch_is_one_patch)
{
	static struct kprobe p[8];
	struct kprobe *all[8];

	start();
	memset(p, 0, sizeof(p));
	for (int i = 0; i < 8; i++) {
		p[i].addr = sim_text + i * 6;
		all[i] = &p[i];
	}
	CHECK_EQ(register_kprobes(all, 8), 0);
	CHECK_STR(sim_log(), "(WSEWSWS)");
	sim_log_clear();
	unregister_kprobes(all, 8);
	CHECK_EQ(strncmp(sim_log(), "(WSWSWS)", 8), 0);
	finish();
}

/* ---- windows that cannot be emptied ----------------------------------------------- */

TL_TEST(busy_window_stays_a_breakpoint_until_it_is_free)
{
	for (int others = 0; others < 2; others++) {
		struct lettered a = lettered('A', 0), b = lettered('B', 0);
		struct kprobe *two[] = { &a.kp, &b.kp };

		start();
		trace_clear();
		sim.others = others;
		sim.busy_from = TEXT(SPOT);
		sim.busy_to = TEXT(SPOT + 1);
		a.kp.addr = sim_text + SPOT;
		b.kp.addr = sim_text + SPOT + 10;
		CHECK_EQ(register_kprobes(two, 2), 0);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_BUSY);
		CHECK_EQ(sim_text[SPOT], SIM_TRAP);
		CHECK_EQ(sim_text[SPOT + 10], SIM_JUMP);
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "AB");
		wait_for_kprobe_optimizer(); /* still busy */
		CHECK_EQ(sim_text[SPOT], SIM_TRAP);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_BUSY);
		sim.busy_to = 0;
		wait_for_kprobe_optimizer();
		CHECK_EQ(sim_text[SPOT], SIM_JUMP);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NONE);
		CHECK_EQ(run_call(0).ax, FILL);
		finish();
	}
}

TL_TEST(busy_window_of_a_jump_only_probe_gives_ebusy)
{
	for (int others = 0; others < 2; others++) {
		struct lettered a = lettered('A', 0), b = lettered('B', 0);
		struct kprobe *two[] = { &a.kp, &b.kp };
		int err[2];

		start();
		sim.others = others;
		sim.busy_from = TEXT(SPOT);
		sim.busy_to = TEXT(SPOT + 1);
		a.kp.addr = sim_text + SPOT;
		b.kp.addr = sim_text + SPOT + 10;
		a.kp.flags = b.kp.flags = KPROBE_FLAG_JUMP_ONLY;
		CHECK_EQ(trapline_register_each(two, 2, err, NULL), 1);
		CHECK_EQ(err[0], -TL_EBUSY);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_BUSY);
		CHECK_EQ(sim_text[SPOT], SIM_INC);
		CHECK_EQ(sim_text[SPOT + 10], SIM_JUMP);
		sim.busy_to = 0;
		CHECK_EQ(register_kprobe(&a.kp), 0);
		CHECK_EQ(sim_text[SPOT], SIM_JUMP);
		finish();
	}
}

/* ---- windows and points inside them -------------------------------------------------- */

TL_TEST(point_inside_a_window_turns_the_jump_back_first)
{
	for (int others = 0; others < 2; others++) {
		struct lettered a = lettered('A', 0), b = lettered('B', 0);

		start();
		trace_clear();
		sim.others = others;
		walk_lowest = SPOT;
		sim.hook = others ? NULL : walk_through;
		add(&a, SPOT);
		add(&b, SPOT + 3);
		CHECK_EQ(sim_text[SPOT], SIM_TRAP);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_OTHER_PROBE);
		CHECK_EQ(sim_text[SPOT + 3], SIM_JUMP);
		sim.hook = NULL;
		trace_clear();
		CHECK_EQ(run_call(0).ax, FILL);
		CHECK_STR(trace, "AB");
		/* It becomes a jump again when the other one goes. */
		sim.hook = others ? NULL : walk_through;
		disable_kprobe(&b.kp);
		CHECK_EQ(sim_text[SPOT], SIM_JUMP);
		CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NONE);
		enable_kprobe(&b.kp);
		CHECK_EQ(sim_text[SPOT], SIM_TRAP);
		unregister_kprobe(&b.kp);
		CHECK_EQ(sim_text[SPOT], SIM_JUMP);
		sim.hook = NULL;
		finish();
	}
}

TL_TEST(disabled_point_inside_a_window_is_no_obstacle)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);

	start();
	b.kp.flags = KPROBE_FLAG_DISABLED;
	add(&b, SPOT + 3);
	add(&a, SPOT);
	CHECK_EQ(sim_text[SPOT], SIM_JUMP);
	finish();
}

TL_TEST(overlapping_probes_of_one_batch_agree)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0),
			c = lettered('C', 0);
	struct kprobe *three[] = { &a.kp, &b.kp, &c.kp };

	start();
	trace_clear();
	a.kp.addr = sim_text + SPOT;
	b.kp.addr = sim_text + SPOT + 3;
	c.kp.addr = sim_text + SPOT + 8;
	CHECK_EQ(register_kprobes(three, 3), 0);
	CHECK_EQ(sim_text[SPOT], SIM_TRAP);
	CHECK_EQ(sim_text[SPOT + 3], SIM_JUMP);
	CHECK_EQ(sim_text[SPOT + 8], SIM_JUMP);
	CHECK_EQ(run_call(0).ax, FILL);
	CHECK_STR(trace, "ABC");
	unregister_kprobes(three, 2);
	CHECK_EQ(sim_text[SPOT], SIM_INC);
	CHECK_EQ(sim_text[SPOT + 8], SIM_JUMP);
	finish();
}

TL_TEST(point_inside_a_jump_only_window_gives_ebusy)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);

	start();
	trace_clear();
	a.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	add(&a, SPOT);
	b.kp.addr = sim_text + SPOT + 3;
	CHECK_EQ(register_kprobe(&b.kp), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&b.kp), TL_WHY_OTHER_PROBE);
	b.kp.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&b.kp), 0);
	CHECK_EQ(enable_kprobe(&b.kp), -TL_EBUSY);
	CHECK(kprobe_disabled(&b.kp));
	disable_kprobe(&a.kp);
	CHECK_EQ(enable_kprobe(&b.kp), 0);
	/* And the other way round. */
	CHECK_EQ(enable_kprobe(&a.kp), -TL_EBUSY);
	CHECK_EQ(sim_text[SPOT], SIM_INC);
	CHECK_EQ(run_call(0).ax, FILL);
	CHECK_STR(trace, "B");
	finish();
}

TL_TEST(first_of_a_batch_keeps_its_window_if_it_must_be_a_jump)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);
	struct kprobe *two[] = { &a.kp, &b.kp };
	int err[2];

	start();
	a.kp.addr = sim_text + SPOT;
	a.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	b.kp.addr = sim_text + SPOT + 3;
	CHECK_EQ(trapline_register_each(two, 2, err, NULL), 1);
	CHECK_EQ(err[0], 0);
	CHECK_EQ(err[1], -TL_EBUSY);
	CHECK_EQ(sim_text[SPOT], SIM_JUMP);
	finish();
}

TL_TEST(jump_only_never_leaves_a_breakpoint)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);

	start();
	a.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	a.kp.addr = sim_text + FILL - 2;
	CHECK_EQ(register_kprobe(&a.kp), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_PAST_END);
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	/* At a point that is a breakpoint already, which stays. */
	add(&b, FILL - 2);
	CHECK_EQ(register_kprobe(&a.kp), -TL_EBUSY);
	CHECK_EQ(sim_text[FILL - 2], SIM_TRAP);
	trace_clear();
	run_call(0);
	CHECK_STR(trace, "B");
	sim_ops.no_optimize = true;
	a.kp.addr = sim_text + SPOT;
	CHECK_EQ(register_kprobe(&a.kp), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_OFF);
	finish();
}

TL_TEST(text_read_shows_the_original_bytes)
{
	struct lettered a = lettered('A', 0), b = lettered('B', 0);
	uint8_t bytes[64];

	start();
	add(&a, SPOT);
	add(&b, FILL - 2);
	for (size_t from = 0; from < SPOT + 8; from++) {
		CHECK_EQ(tl_text_read(bytes, TEXT(from), 7), 0);
		CHECK_MEM(bytes, pristine + from, 7);
	}
	CHECK_EQ(tl_text_read(bytes, TEXT(FILL - 10), 12), 0);
	CHECK_MEM(bytes, pristine + FILL - 10, 12);
	CHECK_EQ(tl_text_read(bytes, 8, 4), -TL_EFAULT);
	/* What the program itself has written where nothing is armed. */
	disable_kprobe(&a.kp);
	sim_text[SPOT] = SIM_NOP;
	CHECK_EQ(tl_text_read(bytes, TEXT(SPOT), 1), 0);
	CHECK_EQ(bytes[0], SIM_NOP);
	sim_text[SPOT] = SIM_INC;
	finish();
}

TL_TEST(why_not_is_what_the_plan_says)
{
	struct lettered a = lettered('A', 0);

	start();
	sim_text[30] = SIM_JMP; /* into the window at SPOT */
	sim_text[31] = (uint8_t)(SPOT + 2 - 32);
	keep_pristine();
	add(&a, SPOT);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_TARGET);
	unregister_kprobe(&a.kp);
	a.kp.flags = 0;
	add(&a, CALLER);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NONE);
	unregister_kprobe(&a.kp);
	a.kp.flags = 0;
	sim_ops.function = NULL;
	add(&a, SPOT);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NO_BOUNDS);
	finish();
}
