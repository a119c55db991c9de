/* SPDX-License-Identifier: MIT */
/*
 * debug.c - hardware breakpoints of the kernel, on real debug registers
 *
 * The emulator reports one data breakpoint where an access hits several, and
 * a step's exception twice with one; so "several at once" are execute
 * breakpoints here, and the rest is in tests/unit.
 */

#include "guest.h"
#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/debug.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <tl_isa.h>
#include <tl_test.h>
#include <trapline/host.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

long shape_lea(long a, long b);
long shape_push(long a, long b);
long shape_call(long a, long b);

static volatile uint64_t words[8] __attribute__((aligned(64)));

struct counted {
	struct hw_breakpoint bp;
	_Atomic unsigned int hits;
	_Atomic uint32_t cpus;
	unsigned long ip;
};

static void count_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	struct counted *c = (struct counted *)bp;

	c->hits++;
	c->cpus |= 1u << arch_cpu_id();
	c->ip = regs->REG_IP;
}

static void watch(struct counted *c, volatile void *addr, unsigned int len,
		  unsigned int type)
{
	*c = (struct counted){ .bp = { .addr = (void *)addr,
				       .len = len,
				       .type = type,
				       .triggered = count_hit } };
}

static void at_code(struct counted *c, long (*fn)(long, long))
{
	watch(c, (void *)fn, sizeof(long), HW_BREAKPOINT_X);
}

/* Behind it, or at it where the exception comes before the access. */
TL_TEST(a_write_is_seen_once_at_its_instruction)
{
	struct counted c;
	unsigned long ip;

	watch(&c, &words[0], 8, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	STORE_5(&words[0], &ip);
	CHECK_EQ(c.hits, 1);
	CHECK_EQ(c.ip, ip);
	CHECK_EQ(words[0], 5);
	words[1] = 1;
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
	words[0] = 1;
	CHECK_EQ(c.hits, 1);
	CHECK(nothing_is_watched());
}

TL_TEST(lengths_and_types_are_those_that_were_asked_for)
{
	static const unsigned int lens[] = { 1, 2, 4, 8 };
	volatile uint8_t *bytes = (volatile uint8_t *)&words[2];
	struct counted c;

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(lens); i++)
		for (unsigned int type = HW_BREAKPOINT_W;
		     type <= HW_BREAKPOINT_RW; type++) {
			unsigned int want = 0;

			watch(&c, &bytes[8], lens[i], type);
			REQUIRE(!register_kernel_hw_breakpoint(&c.bp));
			for (unsigned int k = 0; k < 24; k++) {
				bytes[k] = 1;
				(void)bytes[k];
				if (k >= 8 && k < 8 + lens[i])
					want += type == HW_BREAKPOINT_W ? 1 : 2;
			}
			CHECK_EQ(c.hits, want);
			unregister_hw_breakpoint(&c.bp);
		}
}

TL_TEST(an_instruction_is_seen_once_before_it_runs)
{
	struct counted c;

	at_code(&c, shape_lea);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(shape_lea(1, 2), 10);
	CHECK_EQ(c.hits, 1);
	CHECK_EQ(c.ip, (uintptr_t)shape_lea);
	for (int i = 0; i < 100; i++)
		shape_lea(i, 2);
	CHECK_EQ(c.hits, 101);
	unregister_hw_breakpoint(&c.bp);
	shape_lea(1, 2);
	CHECK_EQ(c.hits, 101);
}

TL_TEST(a_name_will_do)
{
	struct counted c = { .bp = { .symbol_name = "shape_push",
				     .len = sizeof(long),
				     .type = HW_BREAKPOINT_X,
				     .triggered = count_hit } };

	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	shape_push(1, 2);
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
}

/* Two entries for one instruction: both bits are set in one exception. */
TL_TEST(several_at_once_are_each_reported_once)
{
	struct counted c[4];

	for (unsigned int i = 0; i < 4; i++) {
		at_code(&c[i], shape_lea);
		CHECK_EQ(register_kernel_hw_breakpoint(&c[i].bp), 0);
	}
	shape_lea(1, 2);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(c[i].hits, 1);
	for (unsigned int i = 0; i < 4; i++) {
		unregister_hw_breakpoint(&c[i].bp);
		shape_lea(1, 2);
		for (unsigned int k = 0; k < 4; k++)
			CHECK_EQ(c[k].hits, k <= i ? 1 + k : 2 + i);
	}
}

TL_TEST(any_of_four_goes_and_the_rest_stay_exact)
{
	for (unsigned int gone = 0; gone < 4; gone++) {
		struct counted c[4], fifth;

		for (unsigned int i = 0; i < 4; i++) {
			watch(&c[i], &words[i], 8, HW_BREAKPOINT_W);
			CHECK_EQ(register_kernel_hw_breakpoint(&c[i].bp), 0);
		}
		watch(&fifth, &words[5], 8, HW_BREAKPOINT_W);
		CHECK_EQ(register_kernel_hw_breakpoint(&fifth.bp), -TL_ENOSPC);
		unregister_hw_breakpoint(&c[gone].bp);
		CHECK_EQ(register_kernel_hw_breakpoint(&fifth.bp), 0);
		for (unsigned int i = 0; i < 6; i++)
			words[i]++;
		for (unsigned int i = 0; i < 4; i++) {
			CHECK_EQ(c[i].hits, i != gone);
			unregister_hw_breakpoint(&c[i].bp);
		}
		CHECK_EQ(fifth.hits, 1);
		unregister_hw_breakpoint(&fifth.bp);
	}
}

TL_TEST(what_exceptions_use_cannot_be_watched)
{
	struct counted c;

	watch(&c, arch_current(), 8, HW_BREAKPOINT_RW);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	watch(&c, &host_kernel_debug, 8, HW_BREAKPOINT_RW);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	watch(&c, (void *)tl_trap_debug, 8, HW_BREAKPOINT_X);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	watch(&c, (void *)arch_debug_write, 8, HW_BREAKPOINT_X);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	watch(&c, (void *)0x1000, 8, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
}

/* ---- several CPUs ------------------------------------------------------------- */

TL_TEST(every_cpu_has_it_and_none_when_it_is_gone)
{
	struct counted c;
	unsigned int n = smp_cpus();

	watch(&c, &words[0], 8, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	for (unsigned int cpu = 0; cpu < n; cpu++) {
		thread_move(1u << cpu);
		words[0]++;
		CHECK_EQ(c.hits, cpu + 1);
	}
	CHECK_EQ(c.cpus, (1u << n) - 1);
	unregister_hw_breakpoint(&c.bp);
	for (unsigned int cpu = 0; cpu < n; cpu++) {
		thread_move(1u << cpu);
		words[0]++;
	}
	CHECK_EQ(c.hits, n);
	thread_move(ALL_CPUS);
}

TL_TEST(a_cpu_that_has_lost_its_registers_gets_them_back)
{
	struct counted c;
	unsigned long flags;

	watch(&c, &words[0], 8, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	flags = arch_irq_save();
	lose_registers();
	words[0]++;
	tl_bp_cpu_online();
	words[0]++;
	arch_irq_restore(flags);
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
}

#define CROWD 6

static atomic_bool go_on;
static volatile uint64_t hot;
static unsigned long written[CROWD];

static void write_hot(void *arg)
{
	while (!go_on) {
		hot = 1;
		written[(uintptr_t)arg]++;
		thread_yield();
	}
}

/* The one that is always there misses nothing while others come and go. */
TL_TEST(no_write_is_lost_while_others_register_and_unregister)
{
	struct thread *t[CROWD];
	struct counted always, other[3];
	unsigned long all = 0;

	go_on = false;
	watch(&always, &hot, 8, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(&always.bp), 0);
	for (uintptr_t i = 0; i < CROWD; i++) {
		written[i] = 0;
		t[i] = thread_start("writer", write_hot, (void *)i, ALL_CPUS);
	}
	for (unsigned int round = 0; round < 30 * tl_test_scale; round++) {
		for (unsigned int i = 0; i < 3; i++) {
			watch(&other[i], &words[i], 8, HW_BREAKPOINT_W);
			CHECK_EQ(register_kernel_hw_breakpoint(&other[i].bp),
				 0);
		}
		for (unsigned int i = 0; i < 3; i++)
			words[i]++;
		thread_yield();
		for (unsigned int i = 0; i < 3; i++) {
			CHECK_EQ(other[i].hits, 1);
			unregister_hw_breakpoint(&other[i].bp);
		}
	}
	go_on = true;
	for (unsigned int i = 0; i < CROWD; i++) {
		thread_join(t[i]);
		all += written[i];
	}
	CHECK(all > 10);
	CHECK_EQ(always.hits, all);
	unregister_hw_breakpoint(&always.bp);
}

/* ---- together with probes ---------------------------------------------------------- */

static unsigned int outer_hits, inner_hits;

static int inner_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	inner_hits++;
	return 0;
}

static int outer_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	outer_hits++;
	shape_push(1, 2); /* where the inner one is */
	return 0;
}

static const char *const ways[] = {
	[TL_STEPPING_NONE] = "breakpoint",
	[TL_STEPPING_ONE] = "breakpoint, a step",
	[TL_STEPPING_BREAK] = "breakpoint, a breakpoint behind",
};

/* The classic: each is hit exactly once, in whatever way the probes are made. */
static void classic_way(bool jump, unsigned int n_watches, unsigned int way)
{
	struct kprobe outer = { .symbol_name = "shape_lea",
				.pre_handler = outer_pre };
	struct kprobe inner = { .symbol_name = "shape_push",
				.pre_handler = inner_pre };
	struct counted c, data[3];

	ROW(jump ? "jump" : ways[way]);
	host_kernel_optimize(jump);
	host_kernel_stepping(way);
	outer_hits = inner_hits = 0;
	at_code(&c, shape_lea);
	for (unsigned int i = 0; i < n_watches; i++) {
		watch(&data[i], i ? (volatile void *)&inner_hits : &outer_hits,
		      4, HW_BREAKPOINT_RW);
		CHECK_EQ(register_kernel_hw_breakpoint(&data[i].bp), 0);
	}
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(register_kprobe(&outer), 0);
	CHECK_EQ(register_kprobe(&inner), 0);
	CHECK_EQ(shape_lea(1, 2), 10);
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
	for (unsigned int i = 0; i < n_watches; i++)
		unregister_hw_breakpoint(&data[i].bp);
	CHECK_EQ(outer_hits, 1);
	CHECK_EQ(inner_hits, 0);
	CHECK_EQ(inner.nmissed, 1);
	CHECK_EQ(outer.nmissed, 0);
	if (n_watches)
		CHECK_EQ(data[0].hits > 0, jump || HANDLERS_ARE_WATCHED);
	unregister_kprobe(&inner);
	unregister_kprobe(&outer);
	host_kernel_optimize(true);
	host_kernel_stepping(TL_STEPPING_NONE);
}

/* However a slot is left, where that can be chosen. */
static void classic(bool jump, unsigned int n_watches)
{
	for (unsigned int way = 0; way < TL_ARRAY_SIZE(ways); way++)
		classic_way(jump, n_watches, way);
}

TL_TEST(breakpoint_probe_and_probe_in_its_handler_are_each_hit_once)
{
	classic(false, 0);
	classic(true, 0);
}

TL_TEST(the_same_with_data_breakpoints_in_the_handlers_way)
{
	classic(false, 2);
	classic(true, 2);
}

static void come_and_go(void *arg)
{
	struct counted c;

	(void)arg;
	while (!go_on) {
		at_code(&c, shape_call);
		if (!register_kernel_hw_breakpoint(&c.bp))
			unregister_hw_breakpoint(&c.bp);
		thread_yield();
	}
}

TL_TEST(the_same_while_others_register_and_unregister)
{
	struct thread *t[2];

	go_on = false;
	for (unsigned int i = 0; i < 2; i++)
		t[i] = thread_start("registrar", come_and_go, NULL, ALL_CPUS);
	for (unsigned int i = 0; i < 10; i++) {
		classic(false, 0);
		classic(true, 0);
	}
	go_on = true;
	for (unsigned int i = 0; i < 2; i++)
		thread_join(t[i]);
}

TL_TEST(an_instruction_inside_a_probes_jump_is_seen)
{
	struct kprobe p = { .symbol_name = "shape_push",
			    .pre_handler = inner_pre };
	struct counted c;

	host_kernel_optimize(true);
	inner_hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	watch(&c, (uint8_t *)(uintptr_t)shape_push + SHAPE_PUSH_LENGTH,
	      sizeof(long), HW_BREAKPOINT_X);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(shape_push(1, 2), 3);
	CHECK_EQ(c.hits, 1);
	CHECK_EQ(inner_hits, 1);
	unregister_hw_breakpoint(&c.bp);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_NONE);
	CHECK_EQ(shape_push(1, 2), 3);
	CHECK_EQ(inner_hits, 2);
	unregister_kprobe(&p);
}
