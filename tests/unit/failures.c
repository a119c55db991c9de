/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * failures.c - whatever fails, nothing has changed
 *
 * Every operation is repeated with each host call failing at each of its
 * occurrences in turn, until an operation goes through without meeting one.
 */
#include "engine_fixture.h"

#define SPOT 10
#define MOST 5000 /* more host calls of one kind than any operation makes */

static const struct {
	enum sim_call call;
	const char *name;
} can_fail[] = {
	{ SIM_CALL_ALLOC, "alloc" },
	{ SIM_CALL_EXEC_ALLOC, "exec_alloc" },
	{ SIM_CALL_READ, "read" },
	{ SIM_CALL_PATCH_BEGIN, "patch_begin" },
	{ SIM_CALL_TEXT_WRITE, "text_write" },
	{ SIM_CALL_QUIESCE, "quiesce" },
};

static struct lettered a, b, c, d;
static struct kretprobe r;
static struct kprobe *batch[] = { &a.kp, &b.kp, &c.kp };

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	note('r');
	return 0;
}

/* ---- operations ------------------------------------------------------------------ */

static int op_jump(void)
{
	return register_kprobe(&a.kp);
}

static int op_batch(void)
{
	return register_kprobes(batch, 3);
}

static int op_inside(void) /* of the window of a, which is turned back */
{
	return register_kprobe(&d.kp);
}

static int op_second(void)
{
	d.kp.addr = a.kp.addr;
	return register_kprobe(&d.kp);
}

static int op_enable(void)
{
	return enable_kprobe(&a.kp);
}

static int op_disable(void)
{
	return disable_kprobe(&a.kp);
}

static int op_return(void)
{
	return register_kretprobe(&r);
}

static void before_nothing(void)
{
}

static void before_a(void)
{
	CHECK_EQ(register_kprobe(&a.kp), 0);
}

static void before_disabled(void)
{
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(disable_kprobe(&a.kp), 0);
}

static const struct op {
	const char *name;
	void (*before)(void);
	int (*run)(void);
	const char *trace_before;
	const char *trace_after;
} ops[] = {
	{ "register", before_nothing, op_jump, "", "Aa" },
	{ "batch", before_nothing, op_batch, "", "AaBC" },
	{ "inside a window", before_a, op_inside, "Aa", "AaD" },
	{ "second at a point", before_a, op_second, "Aa", "DAa" },
	{ "enable", before_disabled, op_enable, "", "Aa" },
	{ "disable", before_a, op_disable, "Aa", "" },
	{ "return probe", before_a, op_return, "Aa", "Aar" },
};

static void set_up(int way)
{
	start();
	sim_ops.no_optimize = way & 1;
	sim.others = way & 2 ? TL_OTHERS_STOPPED : TL_OTHERS_RUNNING;
	a = lettered('A', SPOT);
	a.kp.post_handler = letter_post;
	b = lettered('B', SPOT + 20);
	c = lettered('C', FILL - 2);
	d = lettered('D', SPOT + 3);
	r = (struct kretprobe){ .handler = on_return };
	r.kp.addr = sim_text;
	trace_clear();
}

static void check_trace(const char *want)
{
	trace_clear();
	CHECK_EQ(run_call(0).ax, FILL);
	CHECK_STR(trace, want);
}

/* One operation with the @n-th @call failing; false: it was not reached. */
static bool try_one(const struct op *op, enum sim_call call, unsigned long n,
		    int way)
{
	static uint8_t text[SIM_TEXT_BYTES];
	unsigned long calls;
	bool reached;
	int err;

	set_up(way);
	op->before();
	check_trace(op->trace_before);
	memcpy(text, sim_text, sizeof(text));
	calls = sim.calls[call];
	sim_fail(call, n);
	err = op->run();
	sim_fail(call, 0);
	reached = sim.calls[call] - calls >= n;
	if (err) {
		CHECK(err != -TL_EBUSY || call == SIM_CALL_QUIESCE);
		/* Jumping again, though to another detour. */
		if (op->run == op_inside && sim_text[SPOT] == SIM_JUMP)
			memcpy(text + SPOT + 1, sim_text + SPOT + 1, 4);
		CHECK_MEM(sim_text, text, SIM_TEXT_BYTES);
		check_trace(op->trace_before);
		/* It was the failure alone that was in the way. */
		CHECK_EQ(op->run(), 0);
	}
	check_trace(op->trace_after);
	finish();
	return reached;
}

TL_TEST(failed_operation_changes_nothing)
{
	for (size_t o = 0; o < TL_ARRAY_SIZE(ops); o++)
		for (size_t i = 0; i < TL_ARRAY_SIZE(can_fail); i++)
			for (int way = 0; way < 4; way++) {
				unsigned long n = 1;

				ROW(ops[o].name);
				while (try_one(&ops[o], can_fail[i].call, n,
					       way))
					REQUIRE(++n < MOST);
			}
}

TL_TEST(each_call_of_the_host_is_seen_to_fail)
{
	/* try_one() must have met a first failure of each kind somewhere. */
	for (size_t i = 0; i < TL_ARRAY_SIZE(can_fail); i++) {
		bool met = false;

		ROW(can_fail[i].name);
		if (can_fail[i].call == SIM_CALL_QUIESCE)
			continue; /* only when copies are retired: below */
		for (size_t o = 0; o < TL_ARRAY_SIZE(ops); o++)
			met = met || try_one(&ops[o], can_fail[i].call, 1, 0);
		CHECK(met);
	}
}

/* ---- removing: it cannot be refused -------------------------------------------------- */

static void remove_with_failure(enum sim_call call, unsigned long n, int way)
{
	set_up(way);
	CHECK_EQ(register_kprobes(batch, 3), 0);
	sim_fail(call, n);
	unregister_kprobes(batch, 3);
	sim_fail(call, 0);
	/* Whatever is still in the text, no handler runs. */
	check_trace("");
	CHECK(!trapline_kprobe_why(&a.kp) || !a.kp.point);
	tl_maintain();
	CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	/* The same structures can be used again. */
	a.kp.flags = b.kp.flags = c.kp.flags = 0;
	CHECK_EQ(register_kprobes(batch, 3), 0);
	check_trace("AaBC");
	finish();
}

TL_TEST(failed_removal_calls_no_handler_and_is_finished_later)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(can_fail); i++)
		for (unsigned long n = 1; n < 8; n++)
			for (int way = 0; way < 4; way++) {
				ROW(can_fail[i].name);
				remove_with_failure(can_fail[i].call, n, way);
			}
}

TL_TEST(failed_removal_of_all_says_so_and_can_be_repeated)
{
	set_up(0);
	CHECK_EQ(register_kprobes(batch, 3), 0);
	sim_fail(SIM_CALL_PATCH_BEGIN, 1);
	/* Tried a second time at once, so let that fail too. */
	sim.fail_at[SIM_CALL_PATCH_BEGIN] = sim.calls[SIM_CALL_PATCH_BEGIN] + 1;
	if (!tl_remove_all())
		CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
	finish();
}

/* ---- when writing back fails too -------------------------------------------------------- */

static unsigned long fail_from;

static void keep_failing(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (call == SIM_CALL_TEXT_WRITE)
		sim.fail_at[call] = sim.calls[call] + 1 >= fail_from
					    ? sim.calls[call] + 1
					    : fail_from;
}

TL_TEST(text_that_cannot_be_written_back_is_put_right_later)
{
	for (int way = 0; way < 4; way++)
		for (unsigned long n = 1; n < 5; n++) {
			set_up(way);
			CHECK_EQ(register_kprobe(&b.kp), 0);
			fail_from = sim.calls[SIM_CALL_TEXT_WRITE] + n;
			sim.hook = keep_failing;
			keep_failing(SIM_CALL_TEXT_WRITE, 0);
			register_kprobe(&a.kp);
			sim.hook = NULL;
			sim_fail(SIM_CALL_TEXT_WRITE, 0);
			tl_maintain();
			tl_maintain();
			check_trace(get_kprobe(sim_text + SPOT) ? "AaB" : "B");
			unregister_kprobe(&a.kp);
			check_trace("B");
			/* Two copies may have been given up for good. */
			unregister_kprobe(&b.kp);
			CHECK_MEM(sim_text, pristine, SIM_TEXT_BYTES);
			CHECK_EQ(sim.misuse, 0);
			tl_remove_all();
		}
}
