/* SPDX-License-Identifier: MIT */
/*
 * states.c - a hit while something else is under way
 *
 * What interrupts come between is forced, not waited for: a handler raises an
 * interrupt, and where interrupts are off it comes at the first instruction
 * that is executed after the trap: in the slot.
 */

#include "guest.h"
#include "guest_isa.h"
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/agent.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

long shape_lea(long a, long b);
long shape_push(long a, long b);
long shape_cli(void);
long shape_load(const long *p);
long shape_fault(const long *p);
long shape_depth(long n);

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

static unsigned int pres, posts, interrupts;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pres++;
	return 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	posts++;
}

static struct kprobe inner = { .symbol_name = "shape_lea",
			       .pre_handler = count_pre,
			       .post_handler = count_post };

static void reset(void)
{
	pres = posts = interrupts = 0;
	inner = (struct kprobe){ .symbol_name = "shape_lea",
				 .pre_handler = count_pre,
				 .post_handler = count_post };
}

/* ---- within a handler --------------------------------------------------------- */

static int call_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	CHECK_EQ(shape_lea(1, 2), 10);
	return 0;
}

static void call_in_post(struct kprobe *p, struct pt_regs *regs,
			 unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	CHECK_EQ(shape_lea(1, 2), 10);
}

TL_TEST(a_hit_in_a_handler_is_missed_once_and_executed)
{
	const struct mode *m;

	for_each_row(m, modes) {
		struct kprobe outer = { .symbol_name = "shape_push",
					.pre_handler = call_in_pre,
					.post_handler = call_in_post };

		enter(m);
		reset();
		REQUIRE(register_kprobe(&inner) == 0);
		REQUIRE(register_kprobe(&outer) == 0);
		CHECK_EQ(shape_push(40, 2), 42);
		CHECK_EQ(pres + posts, 0);
		CHECK_EQ(inner.nmissed, 2); /* from pre, from post */
		CHECK_EQ(outer.nmissed, 0);
		CHECK_EQ(shape_lea(1, 2), 10);
		CHECK_EQ(pres, 1);
		CHECK_EQ(posts, 1);
		unregister_kprobe(&outer);
		unregister_kprobe(&inner);
	}
}

static int print_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	if (!pres++)
		printk("# a handler prints %d\n", 1);
	return 0;
}

TL_TEST(handlers_of_the_kernels_own_print_function_may_print)
{
	const struct mode *m;

	for_each_row(m, modes) {
		struct kprobe p = { .symbol_name = "printk",
				    .pre_handler = print_in_pre };

		enter(m);
		reset();
		REQUIRE(register_kprobe(&p) == 0);
		printk("# %s\n", m->name);
		unregister_kprobe(&p);
		CHECK_EQ(pres, 1);
		CHECK_EQ(p.nmissed, 1);
	}
}

static bool call_in_nmi(enum trap_kind kind, struct pt_regs *regs,
			uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	interrupts++;
	CHECK_EQ(shape_lea(1, 2), 10);
	return true;
}

static int nmi_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	arch_send_nmi(arch_cpu_id());
	for (unsigned int i = 0; i < 1000000 && !interrupts; i++)
		arch_cpu_relax();
	return 0;
}

TL_TEST(an_nmi_in_a_handler_may_run_into_a_probe)
{
	const struct mode *m;

	trap_set_hook(TRAP_NMI, call_in_nmi);
	for_each_row(m, modes) {
		struct kprobe outer = { .symbol_name = "shape_push",
					.pre_handler = nmi_in_pre };

		enter(m);
		reset();
		REQUIRE(register_kprobe(&inner) == 0);
		REQUIRE(register_kprobe(&outer) == 0);
		CHECK_EQ(shape_push(40, 2), 42);
		CHECK_EQ(interrupts, 1);
		CHECK_EQ(pres, 0);
		CHECK_EQ(inner.nmissed, 1);
		unregister_kprobe(&outer);
		unregister_kprobe(&inner);
	}
	trap_set_hook(TRAP_NMI, NULL);
}

/* ---- in a slot -------------------------------------------------------------------- */

static uintptr_t interrupted, interrupted_origin;

static bool call_in_interrupt(enum trap_kind kind, struct pt_regs *regs,
			      uintptr_t info)
{
	(void)kind;
	(void)info;
	interrupts++;
	interrupted = regs->REG_IP;
	interrupted_origin = tl_origin(regs->REG_IP);
	CHECK_EQ(shape_lea(1, 2), 10);
	return true;
}

static int interrupt_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	arch_send_test();
	return 0;
}

TL_TEST(an_interrupt_in_a_slot_may_run_into_a_probe)
{
	struct kprobe outer = { .symbol_name = "shape_push",
				.pre_handler = interrupt_in_pre };

	host_kernel_optimize(false);
	trap_set_hook(TRAP_TEST, call_in_interrupt);
	for (unsigned int post = 0; post < 2; post++) {
		outer.post_handler = post ? count_post : NULL;
		reset();
		REQUIRE(register_kprobe(&inner) == 0);
		REQUIRE(register_kprobe(&outer) == 0);
		CHECK_EQ(shape_push(40, 2), 42);
		CHECK_EQ(interrupts, 1);
		CHECK(text_is_allocated(interrupted)); /* in the slot */
		CHECK_EQ(interrupted_origin, (uintptr_t)shape_push);
		CHECK_EQ(pres, 1); /* no handler ran there: none is missed */
		CHECK_EQ(posts, 1 + post);
		CHECK_EQ(inner.nmissed + outer.nmissed, 0);
		unregister_kprobe(&outer);
		unregister_kprobe(&inner);
	}
	trap_set_hook(TRAP_TEST, NULL);
}

static bool note_place(enum trap_kind kind, struct pt_regs *regs,
		       uintptr_t info)
{
	(void)kind;
	(void)info;
	interrupted = regs->REG_IP;
	return true;
}

static struct pt_regs foreign_regs;
static unsigned int foreign_hits;

static bool foreign(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)info;
	foreign_hits++;
	foreign_regs = *regs;
	SKIP_BREAKPOINT(regs);
	return true;
}

TL_TEST(a_breakpoint_in_a_slot_that_is_not_ours_is_its_owners)
{
	struct kprobe p = { .symbol_name = "shape_lea",
			    .pre_handler = count_pre };
	unsigned long flags;
	static const uint8_t theirs[] = { CODE_BREAKPOINT };

	host_kernel_optimize(false);
	reset();
	trap_set_hook(TRAP_TEST, note_place);
	REQUIRE(register_kprobe(&p) == 0);
	p.pre_handler = interrupt_in_pre; /* to learn where the slot is */
	CHECK_EQ(shape_lea(1, 2), 10);
	trap_set_hook(TRAP_TEST, NULL);
	p.pre_handler = count_pre;
	REQUIRE(text_is_allocated(interrupted));

	foreign_hits = 0;
	trap_set_hook(TRAP_BREAKPOINT, foreign);
	REQUIRE(text_write((void *)interrupted, theirs, sizeof(theirs)) == 0);
	text_sync_cpu();
	flags = state_flags();
	shape_lea(1, 2);
	trap_set_hook(TRAP_BREAKPOINT, NULL);
	CHECK_EQ(foreign_hits, 1);
	CHECK_EQ(foreign_regs.REG_IP, interrupted + FOREIGN_IP);
	CHECK_EQ(STATE_FLAGS(&foreign_regs), flags);
	CHECK_EQ(pres, 1);
	unregister_kprobe(&p);
}

/* ---- breakpoints of others --------------------------------------------------------- */

/* Theirs is at @off from shape_depth: one of its first three instructions. */
static void plant(unsigned int off, bool on)
{
	static const uint8_t code[] = { CODE_BREAKPOINT };
	static uint8_t old[SHAPE_DEPTH_HEAD];
	uint8_t *at = (uint8_t *)(uintptr_t)shape_depth + off;

	if (on)
		memcpy(&old[off], at, sizeof(code));
	REQUIRE(text_write(at, on ? code : &old[off], sizeof(code)) == 0);
	text_sync_cpu();
}

/* The debugger: it takes its breakpoint away, runs the instruction, and is done. */
static bool debugger(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	uintptr_t off = regs->REG_IP - FOREIGN_IP - (uintptr_t)shape_depth;

	(void)kind;
	(void)info;
	if (off >= SHAPE_DEPTH_HEAD)
		return false;
	foreign_hits++;
	plant((unsigned int)off, false);
	regs->REG_IP -= FOREIGN_IP;
	return true;
}

static const unsigned int offsets[] = { SHAPE_DEPTH_OFFSETS };

static void run_beside(struct kprobe *p, unsigned int theirs)
{
	foreign_hits = 0;
	CHECK_EQ(shape_depth(0), 0);
	CHECK_EQ(foreign_hits, theirs);
	CHECK_EQ(pres, 1);
	CHECK_EQ(p->nmissed, 0);
	unregister_kprobe(p);
	CHECK_EQ(shape_depth(0), 0);
	CHECK_EQ(pres, 1);
}

/*
 * Theirs is there before ours is registered.  On it ours is refused, since nobody knows
 * what it hides, and the text is left alone.  Where nobody knows how long that is, ours is
 * refused behind it, too, and before it ours is no jump, since what is hidden may lead
 * into one.
 */
static void theirs_first(unsigned int ours, unsigned int theirs)
{
	struct kprobe p = { .symbol_name = "shape_depth",
			    .offset = ours,
			    .pre_handler = count_pre };
	uint8_t *at = (uint8_t *)(uintptr_t)shape_depth;
	uint8_t before[SHAPE_DEPTH_HEAD];
	bool refused = WINDOWS_HAVE_INSIDES ? theirs <= ours : theirs == ours;

	reset();
	plant(theirs, true);
	memcpy(before, at, sizeof(before));
	if (refused) {
		CHECK_EQ(register_kprobe(&p), FOREIGN_GIVES);
		CHECK_MEM(at, before, sizeof(before));
		plant(theirs, false);
	}
	REQUIRE(register_kprobe(&p) == 0);
	if (WINDOWS_HAVE_INSIDES && theirs > ours)
		CHECK_EQ(p.flags & KPROBE_FLAG_OPTIMIZED, 0);
	run_beside(&p, !refused);
}

static void ours_first(unsigned int ours, unsigned int theirs)
{
	struct kprobe p = { .symbol_name = "shape_depth",
			    .offset = ours,
			    .pre_handler = count_pre };

	reset();
	REQUIRE(register_kprobe(&p) == 0);
	plant(theirs, true);
	run_beside(&p, 1);
}

TL_TEST(breakpoints_of_others_beside_ours_are_theirs)
{
	const struct mode *m;

	trap_set_hook(TRAP_BREAKPOINT, debugger);
	for_each_row(m, modes) {
		enter(m);
		for (unsigned int o = 0; o < 3; o++)
			for (unsigned int t = 0; t < 3; t++) {
				theirs_first(offsets[o], offsets[t]);
				/* Inside a jump there are no instructions. */
				if (t != o && (t < o || !m->jump ||
					       !WINDOWS_HAVE_INSIDES))
					ours_first(offsets[o], offsets[t]);
			}
	}
	trap_set_hook(TRAP_BREAKPOINT, NULL);
}

/* A hardware breakpoint there has been told of already, and is not again. */
TL_TEST(a_breakpoint_that_is_gone_leads_back)
{
	struct kprobe p = { .symbol_name = "shape_lea",
			    .pre_handler = call_in_pre };
	struct pt_regs regs;

	memset(&regs, 0, sizeof(regs));
	set_kernel_mode(&regs);
	regs.REG_IP = (uintptr_t)shape_push + FOREIGN_IP;
	regs.sp = (uintptr_t)__builtin_frame_address(0);
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_EQ(regs.REG_IP, (uintptr_t)shape_push);
	CHECK(is_resumed(&regs));

	/* And while a probe of the place is known, and not armed. */
	host_kernel_optimize(false);
	REQUIRE(register_kprobe(&p) == 0);
	REQUIRE(disable_kprobe(&p) == 0);
	set_kernel_mode(&regs);
	regs.REG_IP = (uintptr_t)shape_lea + FOREIGN_IP;
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_EQ(regs.REG_IP, (uintptr_t)shape_lea);
	CHECK(is_resumed(&regs));
	unregister_kprobe(&p);
}

/* ---- faults ------------------------------------------------------------------------- */

static int fault_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	long word;

	(void)p;
	(void)regs;
	pres++;
	CHECK_EQ(probe_read(&word, (void *)8, sizeof(word)), -14);
	return 0;
}

static void fault_in_post(struct kprobe *p, struct pt_regs *regs,
			  unsigned long flags)
{
	long word;

	(void)p;
	(void)regs;
	(void)flags;
	posts++;
	CHECK_EQ(probe_read(&word, (void *)8, sizeof(word)), -14);
}

TL_TEST(a_fault_in_a_handler_goes_to_the_kernels_fixups)
{
	const struct mode *m;

	for_each_row(m, modes) {
		struct kprobe p = { .symbol_name = "shape_push",
				    .pre_handler = fault_in_pre,
				    .post_handler = fault_in_post };

		enter(m);
		reset();
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(shape_push(40, 2), 42);
		CHECK_EQ(pres, 1);
		CHECK_EQ(posts, 1);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
	}
}

static int interrupt_and_fault(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pres++;
	arch_send_test();
	return 0;
}

TL_TEST(a_probed_instruction_may_fault_again_and_again)
{
	const struct mode *m;
	long value = 99;

	trap_set_hook(TRAP_TEST, note_place);
	for_each_row(m, modes) {
		struct kprobe p = { .symbol_name = "shape_fault",
				    .pre_handler = interrupt_and_fault };

		enter(m);
		reset();
		REQUIRE(register_kprobe(&p) == 0);
		for (unsigned int i = 0; i < 20; i++) {
			CHECK_EQ(shape_fault((const long *)8), -1);
			CHECK_EQ(shape_fault(&value), 99);
		}
		CHECK_EQ(pres, 40);
		CHECK_EQ(p.nmissed, 0);
		CHECK(arch_irqs_on());
		unregister_kprobe(&p);
	}
	trap_set_hook(TRAP_TEST, NULL);
}

void end_fault(void)
{
	static struct kprobe p = { .symbol_name = "shape_load",
				   .pre_handler = count_pre };

	host_kernel_optimize(false);
	register_kprobe(&p);
	shape_load((const long *)8);
}

static int sleep_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	struct kprobe other = { .symbol_name = "shape_push",
				.pre_handler = count_pre };

	(void)p;
	(void)regs;
	register_kprobe(&other); /* takes a lock that sleeps */
	return 0;
}

void end_handler(void)
{
	static struct kprobe p = { .symbol_name = "shape_lea",
				   .pre_handler = sleep_in_pre };

	register_kprobe(&p);
	shape_lea(1, 2);
}

/* ---- instructions that change flags ----------------------------------------------------- */

TL_TEST(instructions_that_switch_interrupts_keep_their_effect)
{
	const struct mode *m;

	CHECK_EQ(shape_cli(), 0);
	for_each_row(m, modes) {
		const struct symbol *sym = symbol_by_name("shape_cli");
		unsigned int probed = 0;

		enter(m);
		for (unsigned int off = 0; off < sym->size; off++) {
			struct kprobe p = { .symbol_name = "shape_cli",
					    .offset = off,
					    .pre_handler = count_pre,
					    .post_handler = off / CODE_ALIGN & 1
								    ? count_post
								    : NULL };

			reset();
			if (register_kprobe(&p))
				continue;
			probed++;
			CHECK_EQ(shape_cli(), 0);
			CHECK_EQ(pres, 1);
			CHECK(arch_irqs_on());
			unregister_kprobe(&p);
		}
		CHECK_EQ(probed, SHAPE_CLI_PROBED);
	}
}
