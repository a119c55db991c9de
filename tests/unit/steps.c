/* SPDX-License-Identifier: MIT */
/* link: engine arm64 arm64-insn host-sim */
/*
 * steps.c - single steps: who owns them, and what becomes of them
 *
 * A processor of four instructions (add x0, x0, #1; ldr x0, [x1]; nop; brk) that steps
 * as arm64 does: where PSTATE.SS is set and the home has turned steps on, one
 * instruction and an exception.
 */
#include <string.h>

#include <arch.h>
#include <sim.h>
#include <trapline/agent.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#include "tl_test.h"

#define ADD	0x91000400u
#define LOAD	0xf9400020u
#define NOP	0xd503201fu
#define LDXR	0xc85f7c20u /* ldxr x0, [x1] */
#define STXR	0xc8037c20u /* stxr w3, x0, [x1] */
#define CBNZ(n) (0x35000003u | ((n)&0x7ffffu) << 5)

#define PSTATE_SS (1ul << 21)
#define PSTATE_D  (1ul << 9)
#define PSTATE_I  (1ul << 7)
#define PSTATE	  5ul

#define STATUS_STEP  (1ul << 60)
#define STATUS_BREAK (2ul << 60)
#define STATUS_WATCH (4ul << 60)

#define TEXT(i) ((uintptr_t)sim_text + 4 * (i))

static bool stepping; /* MDSCR_EL1.SS */
static unsigned int pres, posts;
static unsigned long in_post;

static bool step(struct pt_regs *regs, bool on)
{
	bool was = stepping;

	(void)regs;
	stepping = on;
	return was;
}

static int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pres++;
	return 0;
}

static void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)flags;
	posts++;
	in_post = regs->pstate;
}

static void put(unsigned int i, uint32_t word)
{
	memcpy(sim_text + 4 * i, &word, 4);
}

static void start(enum tl_stepping way)
{
	sim_reset();
	sim_debug_ops.step = step;
	sim_ops.stepping = way;
	sim_ops.no_optimize = true;
	for (unsigned int i = 0; i < 64; i++)
		put(i, ADD);
	sim_function("code", TEXT(0), 256);
	stepping = false;
	pres = posts = 0;
}

static void finish(void)
{
	CHECK_EQ(tl_remove_all(), 0);
	CHECK_EQ(sim.allocated, 0);
	CHECK_EQ(sim.misuse, 0);
	CHECK(!stepping);
}

static struct pt_regs at(unsigned int i)
{
	return (struct pt_regs){ .pc = TEXT(i),
				 .sp = (uintptr_t)sim_stack + 4096,
				 .pstate = PSTATE };
}

static struct kprobe probe(unsigned int i)
{
	return (struct kprobe){ .addr = (kprobe_opcode_t *)TEXT(i),
				.pre_handler = pre,
				.post_handler = post };
}

static uint32_t word_at(uintptr_t pc)
{
	return *(uint32_t *)pc;
}

enum { WENT_ON, TRAPPED, FAULTED };

/* One instruction, without what comes of it. */
static int execute(struct pt_regs *regs)
{
	uint32_t word = word_at(regs->pc);

	if ((word & 0xffe0001f) == 0xd4200000)
		return TRAPPED;
	if (word == LOAD) {
		if (!regs->regs[1])
			return FAULTED;
		regs->regs[0] = *(uint64_t *)regs->regs[1];
	}
	regs->regs[0] += word == ADD;
	regs->pc += 4;
	return WENT_ON;
}

/* The exception that ends a step. */
static void step_exception(struct pt_regs *regs)
{
	unsigned long status = STATUS_STEP;

	regs->pstate &= ~PSTATE_SS;
	tl_trap_debug(regs, &status);
	CHECK(tl_trap_step(regs));
}

/* From @regs to the instruction @i; false: nobody took a trap or a fault. */
static bool run(struct pt_regs *regs, unsigned int i)
{
	for (unsigned int n = 0; n < 100 && regs->pc != TEXT(i); n++) {
		bool one = stepping && regs->pstate & PSTATE_SS;
		int ended = execute(regs);

		if (ended == FAULTED) {
			tl_trap_fault(regs);
			return false;
		}
		if (ended == TRAPPED) {
			if (!tl_trap_breakpoint(regs))
				return false;
			continue;
		}
		if (one)
			step_exception(regs);
	}
	return regs->pc == TEXT(i);
}

static const enum tl_stepping ways[] = { TL_STEPPING_ONE, TL_STEPPING_BREAK };

TL_TEST(a_slot_is_left_as_the_home_asks_and_its_handlers_are_called)
{
	for (size_t w = 0; w < TL_ARRAY_SIZE(ways); w++)
		for (unsigned int with_post = 0; with_post < 2; with_post++) {
			struct kprobe p;
			struct pt_regs regs;

			start(ways[w]);
			p = probe(3);
			if (!with_post)
				p.post_handler = NULL;
			REQUIRE(register_kprobe(&p) == 0);
			for (unsigned int n = 1; n <= 3; n++) {
				regs = at(0);
				CHECK(run(&regs, 8));
				CHECK_EQ(regs.regs[0], 8);
				CHECK_EQ(regs.pstate, PSTATE);
				CHECK_EQ(pres, n);
				CHECK_EQ(posts, with_post ? n : 0);
				CHECK(!tl_trap_steps());
			}
			if (with_post)
				CHECK_EQ(in_post, PSTATE);
			unregister_kprobe(&p);
			finish();
		}
}

/* Interrupts are off for the one instruction, debug exceptions on. */
TL_TEST(one_instruction_is_stepped_with_interrupts_off)
{
	struct kprobe p;
	struct pt_regs regs;

	start(TL_STEPPING_ONE);
	p = probe(0);
	REQUIRE(register_kprobe(&p) == 0);
	regs = at(0);
	regs.pstate |= PSTATE_D;
	CHECK(tl_trap_breakpoint(&regs));
	CHECK(sim_is_exec(regs.pc));
	CHECK_EQ(word_at(regs.pc), ADD);
	CHECK_EQ(regs.pstate, PSTATE | PSTATE_SS | PSTATE_I);
	CHECK(stepping && tl_trap_steps());
	CHECK_EQ(execute(&regs), WENT_ON);
	step_exception(&regs);
	CHECK_EQ(regs.pstate, PSTATE | PSTATE_D);
	CHECK_EQ(regs.pc, TEXT(1));
	CHECK(!stepping && !tl_trap_steps());
	unregister_kprobe(&p);
	finish();
}

TL_TEST(a_fault_of_the_stepped_instruction_ends_the_step_undone)
{
	for (size_t w = 0; w < TL_ARRAY_SIZE(ways); w++) {
		uint64_t value = 77;
		struct kprobe p;
		struct pt_regs regs;

		start(ways[w]);
		put(2, LOAD);
		p = probe(2);
		REQUIRE(register_kprobe(&p) == 0);
		regs = at(2);
		CHECK(!run(&regs, 4));
		CHECK_EQ(regs.pc, TEXT(2));
		CHECK_EQ(regs.pstate, PSTATE);
		CHECK(!stepping && !tl_trap_steps());
		CHECK_EQ(pres, 1);
		CHECK_EQ(posts, 0);
		/* And again, when it does not fault. */
		regs = at(2);
		regs.regs[1] = (uintptr_t)&value;
		CHECK(run(&regs, 4));
		CHECK_EQ(regs.regs[0], 78);
		CHECK_EQ(posts, 1);
		unregister_kprobe(&p);
		finish();
	}
}

/* A thread that left its step behind (it was killed, say) comes to the kernel anew. */
TL_TEST(steps_end_when_user_mode_comes_to_the_kernel_otherwise)
{
	struct kprobe p;
	struct pt_regs regs;

	start(TL_STEPPING_ONE);
	p = probe(0);
	REQUIRE(register_kprobe(&p) == 0);
	regs = at(0);
	CHECK(tl_trap_breakpoint(&regs));
	CHECK(tl_trap_steps());
	tl_trap_user(&regs);
	CHECK(!tl_trap_steps() && !stepping);
	CHECK_EQ(regs.pstate, PSTATE);
	tl_trap_user(&regs); /* nothing is left */
	CHECK(!tl_trap_step(&regs));
	unregister_kprobe(&p);
	finish();
}

/* What each found is what each restores, from the newest on. */
TL_TEST(steps_of_exceptions_within_exceptions_are_a_stack)
{
	struct kprobe p[16];
	struct pt_regs regs[65];
	unsigned int n;

	start(TL_STEPPING_ONE);
	for (unsigned int i = 0; i < 16; i++) {
		p[i] = probe(2 * i);
		REQUIRE(register_kprobe(&p[i]) == 0);
	}
	/* Each in a handler of an NMI that came before the last one's instruction. */
	for (n = 0; n < 65; n++) {
		regs[n] = at(2 * (n % 16));
		regs[n].pstate |= n & 1 ? PSTATE_I : 0;
		if (!tl_trap_breakpoint(&regs[n]))
			break;
	}
	/* More than a kernel's stack has room for. */
	CHECK_EQ(n, 64);
	CHECK(n * sizeof(struct pt_regs) >= 16384);
	while (n--) {
		CHECK(stepping);
		CHECK_EQ(execute(&regs[n]), WENT_ON);
		step_exception(&regs[n]);
		CHECK_EQ(regs[n].pc, TEXT(2 * (n % 16) + 1));
		CHECK_EQ(regs[n].pstate, PSTATE | (n & 1 ? PSTATE_I : 0));
	}
	CHECK(!stepping && !tl_trap_steps());
	for (unsigned int i = 0; i < 16; i++)
		unregister_kprobe(&p[i]);
	finish();
}

/* ---- hardware breakpoints ---------------------------------------------------------- */

static unsigned int told;

static void tell(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	(void)regs;
	told++;
}

/* The home's kernel is where the text is. */
static struct hw_breakpoint breakpoint(unsigned int i)
{
	sim_debug_ops.kernel_start = (uintptr_t)sim_text;
	sim_debug_ops.user_end = (uintptr_t)sim_text;
	told = 0;
	return (struct hw_breakpoint){ .addr = (void *)TEXT(i),
				       .len = 4,
				       .type = HW_BREAKPOINT_X,
				       .triggered = tell };
}

static unsigned int on(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 16; i++)
		n += sim.dr[0][16 + i] & 1;
	return n;
}

static void hit(struct pt_regs *regs)
{
	unsigned long status = STATUS_BREAK;

	tl_trap_debug(regs, &status);
}

/* The breakpoint's step comes to a probe's breakpoint, whose slot is stepped. */
TL_TEST(one_instruction_is_one_step_of_all_who_wait_for_it)
{
	for (size_t w = 0; w < TL_ARRAY_SIZE(ways); w++) {
		struct hw_breakpoint bp;
		struct kprobe p;
		struct pt_regs regs;

		start(ways[w]);
		bp = breakpoint(2);
		p = probe(2);
		REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
		REQUIRE(register_kprobe(&p) == 0);
		regs = at(2);
		hit(&regs);
		CHECK_EQ(told, 1);
		CHECK_EQ(on(), 0);
		CHECK(run(&regs, 4));
		CHECK_EQ(regs.regs[0], 2);
		CHECK_EQ(regs.pstate, PSTATE);
		CHECK_EQ(pres, 1);
		CHECK_EQ(posts, 1);
		CHECK_EQ(on(), 1);
		CHECK(!stepping && !tl_trap_steps());
		unregister_kprobe(&p);
		unregister_hw_breakpoint(&bp);
		finish();
	}
}

/*
 * Under the breakpoint's step a probe's instruction is simulated: for its post handler
 * (b), or as no copy can stand for it (blr x30).  It is done, and so is the step.
 */
TL_TEST(a_simulated_instruction_is_a_step_that_is_done)
{
	static const uint32_t words[] = { 0x14000003, 0xd63f03c0 };

	for (size_t w = 0; w < TL_ARRAY_SIZE(words); w++) {
		struct hw_breakpoint bp;
		struct kprobe p;
		struct pt_regs regs;

		start(TL_STEPPING_ONE);
		put(2, words[w]);
		bp = breakpoint(2);
		p = probe(2);
		if (w)
			p.post_handler = NULL;
		REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
		REQUIRE(register_kprobe(&p) == 0);
		regs = at(2);
		regs.regs[30] = TEXT(5);
		hit(&regs);
		CHECK_EQ(on(), 0);
		CHECK(tl_trap_breakpoint(&regs));
		CHECK_EQ(regs.pc, TEXT(5));
		CHECK_EQ(regs.regs[30], w ? TEXT(3) : TEXT(5));
		CHECK_EQ(regs.pstate, PSTATE);
		CHECK_EQ(told + pres, 2);
		CHECK_EQ(posts, !w);
		CHECK_EQ(on(), 1);
		CHECK(!stepping && !tl_trap_steps());
		unregister_kprobe(&p);
		unregister_hw_breakpoint(&bp);
		finish();
	}
}

static void loop(void)
{
	put(2, LDXR);
	put(3, CBNZ(4)); /* out of it, to 7 */
	put(4, STXR);
	put(5, CBNZ(-3));
}

static uintptr_t stop_at(unsigned int i)
{
	return sim.dr[0][16 + i] & 1 ? sim.dr[0][i] : 0;
}

/* Where each way that leads out of the sequence comes to. */
TL_TEST(who_goes_through_an_exclusive_sequence_is_stopped_behind_it)
{
	for (unsigned int from = 2; from <= 4; from += 2)
		for (unsigned int end = 6; end <= 5 + from / 2; end++) {
			struct hw_breakpoint bp;
			struct pt_regs regs;

			start(TL_STEPPING_ONE);
			loop();
			bp = breakpoint(from);
			REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
			REQUIRE(on() == 1);
			for (unsigned int n = 1; n <= 3; n++) {
				regs = at(from);
				hit(&regs);
				CHECK_EQ(told, n);
				CHECK_EQ(regs.pc, TEXT(from));
				CHECK(!tl_trap_steps() && !stepping);
				CHECK_EQ(stop_at(0), TEXT(6));
				CHECK_EQ(stop_at(1), from == 2 ? TEXT(7) : 0);
				CHECK_EQ(on(), from == 2 ? 2 : 1);
				regs = at(end);
				hit(&regs);
				CHECK_EQ(told, n);
				CHECK_EQ(regs.pc, TEXT(end));
				CHECK(!tl_trap_steps() && !stepping);
				CHECK_EQ(stop_at(0) + stop_at(1), 0);
				CHECK_EQ(on(), 1);
			}
			unregister_hw_breakpoint(&bp);
			finish();
		}
}

/* A load of the registers, and not enough of them for the stops. */
TL_TEST(the_registers_that_stop_it_are_nobodys_else)
{
	struct hw_breakpoint bp, other[15];
	struct pt_regs regs;

	for (unsigned int more = 0; more < 16; more++) {
		start(TL_STEPPING_ONE);
		loop();
		bp = breakpoint(2);
		REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
		for (unsigned int i = 0; i < more; i++) {
			other[i] = breakpoint(20 + i);
			REQUIRE(!register_kernel_hw_breakpoint(&other[i]));
		}
		regs = at(2);
		hit(&regs);
		CHECK_EQ(told, 1);
		CHECK_EQ(on(), more + (more <= 13 ? 2 : 0));
		regs = at(20); /* of another's, nothing has changed */
		hit(&regs);
		CHECK_EQ(told, more ? 2 : 1);
		if (tl_trap_steps()) {
			execute(&regs);
			step_exception(&regs);
		}
		tl_bp_load();
		CHECK_EQ(on(), more + 1);
		CHECK_EQ(stop_at(0) == TEXT(6), 0);
		for (unsigned int i = 0; i < more; i++)
			unregister_hw_breakpoint(&other[i]);
		unregister_hw_breakpoint(&bp);
		finish();
	}
}

/* It would make the store fail for ever; where it ends is not known. */
TL_TEST(an_exclusive_access_is_not_stepped_over_but_let_go)
{
	struct hw_breakpoint bp;
	struct pt_regs regs;

	start(TL_STEPPING_ONE);
	put(2, LDXR);
	bp = breakpoint(2);
	REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
	regs = at(2);
	hit(&regs);
	CHECK_EQ(told, 1);
	CHECK(!tl_trap_steps() && !stepping);
	CHECK_EQ(on(), 0);
	tl_bp_load();
	CHECK_EQ(on(), 1);
	unregister_hw_breakpoint(&bp);
	finish();
}

/* Whom no register explains: all are off for the one instruction. */
TL_TEST(a_false_alarm_is_stepped_over_and_told_to_nobody)
{
	unsigned long status = STATUS_WATCH;
	struct hw_breakpoint bp;
	struct pt_regs regs;

	start(TL_STEPPING_ONE);
	put(5, LOAD);
	bp = breakpoint(2);
	bp.type = HW_BREAKPOINT_W;
	REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
	regs = at(5);
	regs.regs[1] = TEXT(40);
	tl_trap_debug(&regs, &status);
	CHECK_EQ(status, 0);
	CHECK_EQ(told, 0);
	CHECK(tl_trap_steps());
	CHECK_EQ(execute(&regs), WENT_ON);
	step_exception(&regs);
	CHECK_EQ(regs.pc, TEXT(6));
	CHECK(!tl_trap_steps());
	unregister_hw_breakpoint(&bp);
	finish();
}

/* A handler that goes elsewhere has skipped the instruction. */
static void go_elsewhere(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	told++;
	regs->pc += 8;
}

TL_TEST(a_handler_that_goes_elsewhere_leaves_no_step)
{
	struct hw_breakpoint bp;
	struct pt_regs regs;

	start(TL_STEPPING_ONE);
	bp = breakpoint(2);
	bp.triggered = go_elsewhere;
	REQUIRE(register_kernel_hw_breakpoint(&bp) == 0);
	regs = at(2);
	hit(&regs);
	CHECK_EQ(told, 1);
	CHECK_EQ(regs.pc, TEXT(4));
	CHECK_EQ(on(), 1);
	CHECK(!tl_trap_steps() && !stepping);
	unregister_hw_breakpoint(&bp);
	finish();
}

/* ---- sequences --------------------------------------------------------------------------- */

/* ldxr, add, stxr, cbnz back; with a function around it, and without. */
TL_TEST(the_nearest_place_outside_of_a_sequence_is_named)
{
	for (unsigned int known = 0; known < 2; known++) {
		struct kprobe p;

		start(TL_STEPPING_NONE);
		if (!known)
			sim_ops.function = NULL;
		put(10, LDXR);
		put(12, 0xc8027c20); /* stxr w2, x0, [x1] */
		put(13, 0x35ffffa2); /* cbnz w2, to the first */
		p = probe(11);
		CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
		CHECK_EQ((uintptr_t)trapline_probe_near(p.addr), TEXT(10));
		CHECK_EQ((uintptr_t)trapline_probe_near(
				 (kprobe_opcode_t *)TEXT(20)),
			 TEXT(20));
		finish();
	}
}

/* ---- what the home cannot give ------------------------------------------------------- */

TL_TEST(without_memory_for_steps_a_probe_is_refused)
{
	unsigned int failed = 0;

	for (unsigned long n = 1; n < 20; n++) {
		struct kprobe p;
		uint32_t before;
		int err;

		start(TL_STEPPING_ONE);
		before = word_at(TEXT(0));
		p = probe(0);
		sim_fail(SIM_CALL_ALLOC, n);
		err = register_kprobe(&p);
		sim_fail(SIM_CALL_ALLOC, 0);
		CHECK(err == 0 || err == -TL_ENOMEM);
		if (err) {
			failed++;
			CHECK_EQ(word_at(TEXT(0)), before);
		} else {
			unregister_kprobe(&p);
		}
		finish();
	}
	CHECK(failed >= 2);
}

TL_TEST(without_a_way_to_step_a_probe_is_refused)
{
	struct kprobe p;

	start(TL_STEPPING_ONE);
	sim_ops.debug = NULL;
	p = probe(0);
	CHECK_EQ(register_kprobe(&p), -TL_EOPNOTSUPP);
	CHECK_EQ(word_at(TEXT(0)), ADD);
	finish();
}

TL_TEST(slots_of_debuggers_need_registers_and_memory)
{
	struct tl_bp_thread thread = { NULL };
	struct tl_bp_slots slots = { 0 };

	start(TL_STEPPING_NONE);
	slots.slot[0].addr = 0x1000;
	CHECK_EQ(tl_bp_slots_write(&thread, 2, &slots, 1), -TL_EIO);
	CHECK_EQ(tl_bp_slots_read(&thread, 2, &slots), -TL_EIO);
	for (unsigned long n = 1; n <= 2; n++) {
		sim_fail(SIM_CALL_ALLOC, n);
		CHECK_EQ(tl_bp_slots_write(&thread, 0, &slots, 1), -TL_ENOMEM);
		CHECK_EQ(tl_remove_all(), 0);
	}
	sim_fail(SIM_CALL_ALLOC, 0);
	sim_ops.debug = NULL;
	CHECK_EQ(tl_bp_slots_write(&thread, 0, &slots, 1), -TL_EOPNOTSUPP);
	CHECK_EQ(tl_bp_slots_read(&thread, 0, &slots), -TL_EOPNOTSUPP);
	finish();
}
