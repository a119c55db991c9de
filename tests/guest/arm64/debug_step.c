/* SPDX-License-Identifier: MIT */
/*
 * debug_step.c - single steps, their owners, and what an access hits
 *
 * The emulator reports one watchpoint where an access hits several, as CPUs do: who
 * else was hit is found out from the instruction.
 */

#include "guest.h"
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/debug.h>
#include <kern/memory.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/agent.h>
#include <trapline/host.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define PSTATE_D  (1ul << 9)
#define PSTATE_I  (1ul << 7)
#define PSTATE_SS (1ul << 21)

long shape_lea(long a, long b);
long shape_push(long a, long b);
long shape_cli(long a, long b);
long shape_load(const long *p);
long shape_fault(const long *p);

struct counted {
	struct hw_breakpoint bp;
	volatile unsigned int hits;
	struct pt_regs regs;
};

static void count_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	struct counted *c = (struct counted *)bp;

	c->hits++;
	c->regs = *regs;
}

static void watch(struct counted *c, volatile void *addr, unsigned int len,
		  unsigned int type)
{
	*c = (struct counted){ .bp = { .addr = (void *)addr,
				       .len = len,
				       .type = type,
				       .triggered = count_hit } };
}

static unsigned long mdscr(void)
{
	unsigned long value;

	__asm__ volatile("mrs %0, mdscr_el1" : "=r"(value));
	return value;
}

static unsigned long daif(void)
{
	unsigned long value;

	__asm__ volatile("mrs %0, daif" : "=r"(value));
	return value;
}

/* Nothing is left of any step. */
static void check_clean(void)
{
	CHECK_EQ(mdscr() & 1, 0);
	CHECK_EQ(daif() & (PSTATE_D | PSTATE_I), 0);
}

/* ---- lengths and accesses --------------------------------------------------------- */

static volatile uint8_t bytes[64] __attribute__((aligned(64)));

TL_TEST(any_one_to_eight_bytes_of_a_doubleword_are_watched)
{
	struct counted c;

	for (unsigned int at = 0; at < 8; at++)
		for (unsigned int len = 1; at + len <= 8; len++) {
			unsigned int want = 0;

			watch(&c, &bytes[16 + at], len, HW_BREAKPOINT_W);
			REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
			for (unsigned int k = 8; k < 32; k++) {
				bytes[k] = 1;
				want += k >= 16 + at && k < 16 + at + len;
				CHECK_EQ(c.hits, want);
			}
			(void)bytes[16 + at];
			CHECK_EQ(c.hits, len);
			unregister_hw_breakpoint(&c.bp);
		}
	watch(&c, &bytes[5], 4, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	check_clean();
}

TL_TEST(loads_alone_can_be_watched)
{
	struct counted c;

	watch(&c, &bytes[8], 8, HW_BREAKPOINT_R);
	REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
	*(volatile uint64_t *)&bytes[8] = 1;
	CHECK_EQ(c.hits, 0);
	(void)*(volatile uint64_t *)&bytes[8];
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
}

#define ACCESS(insn)                                                         \
	__asm__ volatile("mov x9, %0\n\tmov x10, #1\n\tmov x11, #2\n\t" insn \
			 :                                                   \
			 : "r"(&bytes[0])                                    \
			 : "x9", "x10", "x11", "x12", "memory")

static void access_0(void)
{
	ACCESS("str x10, [x9, #13]");
}
static void access_1(void)
{
	ACCESS("stp x10, x11, [x9, #8]");
}
static void access_2(void)
{
	ACCESS("str x10, [x9, x11, lsl #3]");
}
static void access_3(void)
{
	ACCESS("add x9, x9, #32\n\tstr w10, [x9, #-12]!");
}
static void access_4(void)
{
	ACCESS("add x9, x9, #16\n\tstr w10, [x9], #40");
}
static void access_5(void)
{
	ACCESS("str q0, [x9, #16]");
}
static void access_6(void)
{
	ACCESS("stlr x10, [x9]");
}
static void access_7(void)
{
	ACCESS("sturh w10, [x9, #17]");
}
static void access_8(void)
{
	ACCESS("add x9, x9, #8\n\tst1 {v0.16b, v1.16b}, [x9]");
}
static void access_9(void)
{
	ACCESS("stp q0, q1, [x9, #16]");
}

/* What each writes: from, to. */
static const struct {
	void (*fn)(void);
	unsigned int from, to;
} accesses[] = {
	{ access_0, 13, 21 }, { access_1, 8, 24 },  { access_2, 16, 24 },
	{ access_3, 20, 24 }, { access_4, 16, 20 }, { access_5, 16, 32 },
	{ access_6, 0, 8 },   { access_7, 17, 19 }, { access_8, 8, 40 },
	{ access_9, 16, 48 },
};

/* Three watches at once, near to each other; each is right about itself. */
TL_TEST(an_access_hits_those_whose_bytes_it_has_and_no_others)
{
	static const struct {
		unsigned int at, len;
	} watches[] = { { 12, 2 }, { 18, 1 }, { 20, 4 }, { 32, 8 } };

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(accesses); i++) {
		struct counted c[TL_ARRAY_SIZE(watches)];

		for (unsigned int k = 0; k < TL_ARRAY_SIZE(watches); k++) {
			watch(&c[k], &bytes[watches[k].at], watches[k].len,
			      HW_BREAKPOINT_W);
			REQUIRE(!register_kernel_hw_breakpoint(&c[k].bp));
		}
		accesses[i].fn();
		for (unsigned int k = 0; k < TL_ARRAY_SIZE(watches); k++) {
			bool want = watches[k].at < accesses[i].to &&
				    watches[k].at + watches[k].len >
					    accesses[i].from;

			if (c[k].hits != want)
				tl_test_note("access, watch", i * 10 + k);
			CHECK_EQ(c[k].hits, want);
			unregister_hw_breakpoint(&c[k].bp);
		}
	}
	check_clean();
}

/* ---- two kinds of registers ------------------------------------------------------------ */

TL_TEST(breakpoints_and_watchpoints_are_counted_apart)
{
	unsigned int n[2] = { arch_debug_count(0), arch_debug_count(1) };
	static struct counted x[17], w[17];

	for (unsigned int i = 0; i <= n[0]; i++) {
		watch(&x[i], (uint8_t *)(uintptr_t)shape_cli + 4 * (i % 10), 4,
		      HW_BREAKPOINT_X);
		CHECK_EQ(register_kernel_hw_breakpoint(&x[i].bp),
			 i < n[0] ? 0 : -TL_ENOSPC);
	}
	for (unsigned int i = 0; i <= n[1]; i++) {
		watch(&w[i], &bytes[i], 1, HW_BREAKPOINT_W);
		CHECK_EQ(register_kernel_hw_breakpoint(&w[i].bp),
			 i < n[1] ? 0 : -TL_ENOSPC);
	}
	shape_cli(0, 0);
	for (unsigned int i = 0; i < n[1]; i++)
		bytes[i] = 1;
	for (unsigned int i = 0; i < n[0]; i++)
		CHECK_EQ(x[i].hits, 1);
	for (unsigned int i = 0; i < n[1]; i++)
		CHECK_EQ(w[i].hits, 1);
	/* What one kind gives back is not the other's. */
	unregister_hw_breakpoint(&x[0].bp);
	CHECK_EQ(register_kernel_hw_breakpoint(&w[n[1]].bp), -TL_ENOSPC);
	CHECK_EQ(register_kernel_hw_breakpoint(&x[n[0]].bp), 0);
	unregister_hw_breakpoint(&w[0].bp);
	CHECK_EQ(register_kernel_hw_breakpoint(&w[n[1]].bp), 0);
	bytes[n[1]] = 1;
	bytes[0] = 1;
	CHECK_EQ(w[n[1]].hits, 1);
	CHECK_EQ(w[0].hits, 1);
	/* One of the other kind needs room there. */
	CHECK_EQ(modify_hw_breakpoint(&w[1].bp, &x[1].bp), -TL_ENOSPC);
	for (unsigned int i = 0; i <= n[0]; i++)
		unregister_hw_breakpoint(&x[i].bp);
	for (unsigned int i = 0; i <= n[1]; i++)
		unregister_hw_breakpoint(&w[i].bp);
	check_clean();
}

/* ---- what is stepped over ----------------------------------------------------------- */

TL_TEST(an_instruction_that_changes_masks_is_stepped_over_as_it_is)
{
	struct counted c;
	long bare = shape_cli(0, 0);

	for (unsigned int at = 0; at < 40; at += 4) {
		watch(&c, (uint8_t *)(uintptr_t)shape_cli + at, 4,
		      HW_BREAKPOINT_X);
		REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
		CHECK_EQ(shape_cli(0, 0), bare);
		CHECK_EQ(c.hits, 1);
		check_clean();
		unregister_hw_breakpoint(&c.bp);
	}
}

TL_TEST(each_store_of_many_is_seen_once_and_done)
{
	static volatile uint64_t word;
	struct counted c;

	watch(&c, &word, 8, HW_BREAKPOINT_W);
	REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
	for (unsigned int i = 1; i <= 100; i++) {
		word = i;
		CHECK_EQ(c.hits, i);
		CHECK_EQ(word, i);
	}
	unregister_hw_breakpoint(&c.bp);
	check_clean();
}

/* Adds 1, and a second way out; what was there. */
__attribute__((noinline, noclone)) static unsigned long
add_exclusive(volatile unsigned long *word, unsigned long not_if)
{
	unsigned long was, next;
	unsigned int failed;

	__asm__ volatile("1:	ldaxr	%0, [%3]\n\t"
			 "cmp	%0, %4\n\t"
			 "b.eq	2f\n\t"
			 "add	%1, %0, #1\n\t"
			 "stlxr	%w2, %1, [%3]\n\t"
			 "cbnz	%w2, 1b\n\t"
			 "nop\n"
			 "2:	nop"
			 : "=&r"(was), "=&r"(next), "=&r"(failed)
			 : "r"(word), "r"(not_if)
			 : "cc", "memory");
	return was;
}

/*
 * An exception in between takes the reservation away, so from the load to the store is
 * one access; what comes behind it is another.  (A tick in between may be the end of
 * the one.)
 */
TL_TEST(a_watched_lock_can_be_taken_and_what_follows_is_seen)
{
	static volatile unsigned long word;

	for (unsigned int type = HW_BREAKPOINT_R; type <= HW_BREAKPOINT_RW;
	     type++) {
		unsigned int each = type == HW_BREAKPOINT_RW ? 3 : 2, want = 0;
		uint64_t from = ticks();
		struct counted c;

		word = 0;
		watch(&c, &word, 8, type);
		REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
		for (unsigned long i = 0; i < 1000; i++) {
			CHECK_EQ(add_exclusive(&word, ~0ul), 2 * i);
			word = word + 1;
			want += each;
		}
		/* By the other way out; there is no store then. */
		for (unsigned long i = 0; i < 100; i++) {
			CHECK_EQ(add_exclusive(&word, 2000), 2000);
			word = 2000;
			want += type == HW_BREAKPOINT_RW ? 2 : 1;
		}
		CHECK(c.hits >= want && c.hits <= want + ticks() - from);
		unregister_hw_breakpoint(&c.bp);
		CHECK_EQ(word, 2000);
	}
	check_clean();
}

/* An execute breakpoint at each word of it: once for each round. */
TL_TEST(breakpoints_at_an_exclusive_load_and_store_let_it_go_on)
{
	static volatile unsigned long word;
	const uint32_t *at = (const uint32_t *)(uintptr_t)add_exclusive;
	uint64_t from = ticks();
	struct counted c[2];

	while ((*at & 0xfffffc00) != 0xc85ffc00)
		at++;
	watch(&c[0], (void *)at, 4, HW_BREAKPOINT_X);
	watch(&c[1], (void *)(at + 4), 4, HW_BREAKPOINT_X);
	for (unsigned int k = 0; k < 2; k++) {
		REQUIRE(!register_kernel_hw_breakpoint(&c[k].bp));
		for (unsigned int i = 0; i < 200; i++)
			add_exclusive(&word, ~0ul);
		CHECK(c[k].hits >= 200 && c[k].hits <= 200 + ticks() - from);
		unregister_hw_breakpoint(&c[k].bp);
	}
	CHECK_EQ(word, 400);
	check_clean();
}

/* All registers for breakpoints are somebody's: off until the next tick. */
TL_TEST(without_a_free_register_a_watched_lock_is_seen_from_the_next_tick_on)
{
	unsigned int n = arch_debug_count(0);
	static struct counted x[16], c;
	static volatile unsigned long word;

	word = 0;
	for (unsigned int i = 0; i < n; i++) {
		watch(&x[i], (uint8_t *)(uintptr_t)shape_cli + 4 * i, 4,
		      HW_BREAKPOINT_X);
		REQUIRE(!register_kernel_hw_breakpoint(&x[i].bp));
	}
	watch(&c, &word, 8, HW_BREAKPOINT_W);
	REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
	for (unsigned long i = 0; i < 1000; i++)
		CHECK_EQ(add_exclusive(&word, ~0ul), i);
	CHECK(c.hits > 0);
	idle_ms(20);
	c.hits = 0;
	word = 0;
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
	for (unsigned int i = 0; i < n; i++)
		unregister_hw_breakpoint(&x[i].bp);
	check_clean();
}

static volatile unsigned int pre_hits, post_hits;
static unsigned long pre_daif, post_pstate;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pre_hits++;
	pre_daif = daif();
	return 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)flags;
	post_hits++;
	post_pstate = regs->pstate;
}

/* clang-format off */
static const unsigned int ways[] = {
	TL_STEPPING_NONE, TL_STEPPING_ONE, TL_STEPPING_BREAK,
};
/* clang-format on */

static void enter(unsigned int way)
{
	host_kernel_optimize(false);
	host_kernel_stepping(way);
	pre_hits = post_hits = 0;
}

static void leave(void)
{
	host_kernel_stepping(TL_STEPPING_NONE);
	host_kernel_optimize(true);
	check_clean();
}

TL_TEST(a_slot_is_left_in_each_way_with_nothing_else_changed)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "shape_push",
				    .pre_handler = count_pre,
				    .post_handler = count_post };

		enter(ways[i]);
		REQUIRE(register_kprobe(&p) == 0);
		for (unsigned int k = 1; k <= 50; k++) {
			CHECK_EQ(shape_push(40, k), 40 + k);
			CHECK_EQ(pre_hits, k);
			CHECK_EQ(post_hits, k);
		}
		CHECK_EQ(pre_daif & PSTATE_D, PSTATE_D);
		CHECK_EQ(post_pstate & (PSTATE_D | PSTATE_I | PSTATE_SS), 0);
		unregister_kprobe(&p);
		leave();
	}
}

/*
 * Nothing is behind the instruction in a slot that is stepped: what is put there is
 * never fetched.
 */
TL_TEST(what_is_behind_a_stepped_slot_is_not_executed)
{
	static const uint32_t udf;
	static long value = 77;
	struct kprobe p = { .symbol_name = "shape_load",
			    .pre_handler = count_pre,
			    .post_handler = count_post };
	struct counted c;

	enter(TL_STEPPING_ONE);
	watch(&c, &value, 8, HW_BREAKPOINT_R);
	REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(shape_load(&value), 77);
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
	/* It was hit in the slot. */
	CHECK(text_is_allocated(c.regs.pc));
	CHECK_EQ(text_write((void *)(c.regs.pc + 4), &udf, 4), 0);
	CHECK_EQ(shape_load(&value), 77);
	CHECK_EQ(pre_hits, 2);
	CHECK_EQ(post_hits, 2);
	unregister_kprobe(&p);
	leave();
}

/* ret, stepped over, in the last word of a page with none behind. */
TL_TEST(an_instruction_at_the_end_of_a_page_is_stepped_over)
{
	static const uint32_t code[] = { 0x91000400, 0xd65f03c0 };
	uint8_t *text = text_alloc(1);
	uint8_t *last = text + KERN_PAGE_SIZE - sizeof(code);
	uint32_t word;

	REQUIRE(text && text_write(last, code, sizeof(code)) == 0);
	if (!probe_read(&word, last + sizeof(code), 4))
		SKIP("something is mapped behind");
	REQUIRE(((long (*)(long))(uintptr_t)last)(41) == 42);
	for (unsigned int i = 0; i < 2; i++) {
		struct counted c;

		watch(&c, last + 4 * i, 4, HW_BREAKPOINT_X);
		if (register_kernel_hw_breakpoint(&c.bp))
			continue;
		CHECK_EQ(((long (*)(long))(uintptr_t)last)(41), 42);
		CHECK_EQ(c.hits, 1);
		unregister_hw_breakpoint(&c.bp);
	}
	check_clean();
	text_free(text, 1);
}

/*
 * The slot is the last word of mapped memory.  In each other way something would have
 * to be behind the instruction, and there is no room.
 */
TL_TEST(a_stepped_slot_may_be_the_last_word_of_mapped_memory)
{
	uint8_t *text = text_alloc(1), *last = text + KERN_PAGE_SIZE - 4;
	static long value = 55;
	uint32_t word;

	REQUIRE(text);
	if (!probe_read(&word, last + 4, 4))
		SKIP("something is mapped behind");
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "shape_load",
				    .pre_handler = count_pre,
				    .post_handler = count_post };
		struct counted c;
		int err;

		enter(ways[i]);
		REQUIRE(tl_remove_all() == 0); /* gives back what it has */
		host_kernel_copies_at(last);
		watch(&c, &value, 8, HW_BREAKPOINT_R);
		REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
		err = register_kprobe(&p);
		CHECK_EQ(err, ways[i] == TL_STEPPING_ONE ? 0 : -TL_EFAULT);
		for (unsigned int k = 1; k <= 20; k++) {
			CHECK_EQ(shape_load(&value), 55);
			CHECK_EQ(c.hits, k);
			CHECK_EQ(c.regs.pc,
				 (uintptr_t)(err ? (void *)shape_load : last));
			CHECK_EQ(pre_hits, err ? 0 : k);
			CHECK_EQ(post_hits, err ? 0 : k);
		}
		if (!err)
			unregister_kprobe(&p);
		unregister_hw_breakpoint(&c.bp);
		CHECK_EQ(tl_remove_all(), 0);
		host_kernel_copies_at(NULL);
		leave();
	}
	text_free(text, 1);
}

TL_TEST(a_fault_in_a_stepped_slot_is_the_functions_own)
{
	const long value = 99;

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "shape_fault",
				    .pre_handler = count_pre,
				    .post_handler = count_post };

		enter(ways[i]);
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(shape_fault(&value), 99);
		CHECK_EQ(post_hits, 1);
		CHECK_EQ(shape_fault((const long *)8), -1);
		CHECK_EQ(pre_hits, 2);
		CHECK_EQ(post_hits, 1);
		unregister_kprobe(&p);
		leave();
	}
}

/* A watch that is hit by the stepped instruction; and by one that is stepped over. */
TL_TEST(an_access_of_a_slot_is_seen_and_each_step_ends)
{
	static long value;

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++)
		for (unsigned int both = 0; both < 2; both++) {
			struct kprobe p = { .symbol_name = "shape_load",
					    .pre_handler = count_pre,
					    .post_handler = count_post };
			struct counted data, code;

			enter(ways[i]);
			watch(&data, &value, 8, HW_BREAKPOINT_R);
			watch(&code, (void *)shape_load, 4, HW_BREAKPOINT_X);
			REQUIRE(!register_kernel_hw_breakpoint(&data.bp));
			if (both)
				REQUIRE(!register_kernel_hw_breakpoint(
					&code.bp));
			REQUIRE(register_kprobe(&p) == 0);
			for (unsigned int k = 1; k <= 20; k++) {
				shape_load(&value);
				CHECK_EQ(data.hits, k);
				CHECK_EQ(code.hits, both ? k : 0);
				CHECK_EQ(pre_hits, k);
				CHECK_EQ(post_hits, k);
				CHECK_EQ(post_pstate & (PSTATE_D | PSTATE_I),
					 0);
				check_clean();
			}
			unregister_kprobe(&p);
			unregister_hw_breakpoint(&data.bp);
			unregister_hw_breakpoint(&code.bp);
			leave();
		}
}

/* ---- interrupts, and steps of others --------------------------------------------------- */

static unsigned int nmis;

static bool hit_in_nmi(enum trap_kind kind, struct pt_regs *regs,
		       uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	nmis++;
	CHECK_EQ(shape_push(nmis, 1), nmis + 1);
	return true;
}

/* An NMI may come between the return to the one instruction and its step. */
TL_TEST(interrupts_anywhere_in_a_step_do_no_harm)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "shape_lea",
				    .pre_handler = count_pre,
				    .post_handler = count_post };
		struct kprobe q = { .symbol_name = "shape_push",
				    .pre_handler = count_pre };
		unsigned int rounds = 0;
		uint64_t end;

		enter(ways[i]);
		nmis = 0;
		REQUIRE(register_kprobe(&p) == 0);
		REQUIRE(register_kprobe(&q) == 0);
		trap_set_hook(TRAP_NMI, hit_in_nmi);
		for (end = ticks() + 25; ticks() < end; rounds++) {
			arch_send_nmi(arch_cpu_id());
			for (unsigned int k = 0; k < rounds % 32; k++)
				__asm__ volatile("");
			CHECK_EQ(shape_lea(rounds, 2), rounds + 9);
		}
		trap_set_hook(TRAP_NMI, NULL);
		CHECK(nmis > 10);
		CHECK_EQ(pre_hits + p.nmissed + q.nmissed, rounds + nmis);
		unregister_kprobe(&q);
		unregister_kprobe(&p);
		leave();
	}
}

static struct pt_regs interrupted;
static unsigned int interrupts;

static bool note_interrupt(enum trap_kind kind, struct pt_regs *regs,
			   uintptr_t info)
{
	(void)kind;
	(void)info;
	interrupts++;
	interrupted = *regs;
	return true;
}

static int raise_in_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pre_hits++;
	arch_send_test();
	return 0;
}

/* What is pending when an instruction is stepped: the probe's, or the breakpoint's. */
TL_TEST(a_pending_interrupt_comes_when_the_step_is_done)
{
	trap_set_hook(TRAP_TEST, note_interrupt);
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++)
		for (unsigned int code = 0; code < 2; code++) {
			struct kprobe p = { .symbol_name = "shape_lea",
					    .pre_handler = raise_in_pre,
					    .post_handler = count_post };
			struct counted c;

			enter(ways[i]);
			interrupts = 0;
			watch(&c, (void *)shape_lea, 4, HW_BREAKPOINT_X);
			if (code)
				REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
			REQUIRE(register_kprobe(&p) == 0);
			for (unsigned int k = 1; k <= 20; k++) {
				CHECK_EQ(shape_lea(k, 2), k + 9);
				CHECK_EQ(pre_hits, k);
				CHECK_EQ(post_hits, k);
				CHECK_EQ(interrupts, k);
				CHECK_EQ(interrupted.pstate &
						 (PSTATE_SS | PSTATE_D |
						  PSTATE_I),
					 0);
				CHECK_EQ(interrupted.pc ==
						 (uintptr_t)shape_lea + 4,
					 ways[i] == TL_STEPPING_ONE);
				check_clean();
			}
			CHECK_EQ(c.hits, code ? 20 : 0);
			unregister_kprobe(&p);
			unregister_hw_breakpoint(&c.bp);
			leave();
		}
	trap_set_hook(TRAP_TEST, NULL);
}

static atomic_bool over;
static volatile unsigned long stepped_word;
static unsigned long stepped_calls, looks;

static void step_all_the_time(void *arg)
{
	(void)arg;
	while (!over) {
		CHECK_EQ(shape_push(40, 2), 42);
		stepped_word++;
		stepped_calls++;
	}
}

static void look_for_steps(void *arg)
{
	(void)arg;
	while (!over) {
		check_clean();
		looks++;
		thread_yield();
	}
}

/* Threads share a CPU with one that is in a step most of its time. */
TL_TEST(no_step_is_left_on_for_another_thread)
{
	struct kprobe p = { .symbol_name = "shape_push",
			    .pre_handler = count_pre };
	struct counted c;
	struct thread *t[3];

	enter(TL_STEPPING_ONE);
	watch(&c, &stepped_word, 8, HW_BREAKPOINT_W);
	REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
	REQUIRE(register_kprobe(&p) == 0);
	over = false;
	stepped_calls = looks = 0;
	t[0] = thread_start("steps", step_all_the_time, NULL, 1);
	t[1] = thread_start("looks", look_for_steps, NULL, 1);
	t[2] = thread_start("looks", look_for_steps, NULL, 1);
	thread_sleep_ms(200);
	over = true;
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(t); i++)
		thread_join(t[i]);
	CHECK(looks > 10);
	CHECK(stepped_calls > 100);
	CHECK_EQ(pre_hits, stepped_calls);
	CHECK_EQ(c.hits, stepped_calls);
	unregister_kprobe(&p);
	unregister_hw_breakpoint(&c.bp);
	leave();
}

/* Steps of nobody's, from one address to another. */
static uintptr_t steps_end;
static unsigned int steps;

static bool begin_steps(enum trap_kind kind, struct pt_regs *regs,
			uintptr_t info)
{
	(void)kind;
	(void)info;
	regs->pc += 4;
	regs->pstate |= PSTATE_SS;
	__asm__ volatile("msr mdscr_el1, %0\n\tisb" : : "r"(mdscr() | 1));
	return true;
}

static bool count_step(enum trap_kind kind, struct pt_regs *regs,
		       uintptr_t info)
{
	(void)kind;
	(void)info;
	steps++;
	if (regs->pc != steps_end) {
		regs->pstate |= PSTATE_SS;
		return true;
	}
	__asm__ volatile("msr mdscr_el1, %0\n\tisb" : : "r"(mdscr() & ~1ul));
	return true;
}

static long call_stepped(void)
{
	register long x0 __asm__("x0") = 1;
	register long x1 __asm__("x1") = 2;

	__asm__ volatile("stp x29, x30, [sp, #-16]!\n\t"
			 "adr x9, 2f\n\t"
			 "str x9, [%2]\n\t"
			 "brk #3\n\t"
			 "bl shape_lea\n\t" /* 1, and 3 in it */
			 "nop\n"	    /* 5 */
			 "2:\tldp x29, x30, [sp], #16"
			 : "+r"(x0), "+r"(x1)
			 : "r"(&steps_end)
			 : "x9", "x30", "cc", "memory");
	return x0;
}

TL_TEST(a_step_and_an_execute_breakpoint_each_come_to_their_own)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(ways); i++)
		for (unsigned int what = 0; what < 4; what++) {
			struct kprobe p = { .symbol_name = "shape_lea",
					    .pre_handler = count_pre };
			struct counted c;

			enter(ways[i]);
			watch(&c, (void *)shape_lea, 4, HW_BREAKPOINT_X);
			if (what & 1)
				REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
			if (what & 2)
				REQUIRE(register_kprobe(&p) == 0);
			trap_set_hook(TRAP_BREAKPOINT, begin_steps);
			trap_set_hook(TRAP_DEBUG, count_step);
			steps = 0;
			CHECK_EQ(call_stepped(), 10);
			trap_set_hook(TRAP_BREAKPOINT, NULL);
			trap_set_hook(TRAP_DEBUG, NULL);
			CHECK_EQ(c.hits, what & 1 ? 1 : 0);
			CHECK_EQ(pre_hits, what & 2 ? 1 : 0);
			/* A jump at the end of a slot is one step more. */
			CHECK(steps == 5 ||
			      (what & 2 && ways[i] == TL_STEPPING_NONE &&
			       steps == 6));
			if (what & 1)
				unregister_hw_breakpoint(&c.bp);
			if (what & 2)
				unregister_kprobe(&p);
			leave();
		}
}
