/* SPDX-License-Identifier: MIT */
/*
 * debug_islands.c - execute breakpoints and the jumps in padding
 *
 * At a probe that jumps by way of an island, and where an island is: each is hit
 * exactly once by who runs there, and by nobody else.
 */

#include "guest.h"
#include <host_kernel.h>
#include <stdatomic.h>
#include <string.h>
#include <tl_test.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define PADDING 20
#define RESULT	6 /* of hop(3, 2) */

long hop(long a, long b);
long hop_after(long a, long b);
extern uint8_t hop_end[PADDING];

static unsigned int pres;
static _Atomic unsigned int hits[2];
static unsigned long places[2];

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pres++;
	return 0;
}

static void count(unsigned int which, const struct pt_regs *regs)
{
	hits[which]++;
	places[which] = regs->ip;
}

static void at_probe(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	count(0, regs);
}

static void at_padding(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	count(1, regs);
}

static struct hw_breakpoint breakpoint(const void *addr,
				       void (*fn)(struct hw_breakpoint *,
						  struct pt_regs *))
{
	return (struct hw_breakpoint){ .addr = (void *)(uintptr_t)addr,
				       .len = sizeof(long),
				       .type = HW_BREAKPOINT_X,
				       .triggered = fn };
}

/* Where the probe's short jump leads; NULL: it is none. */
static const uint8_t *island(void)
{
	const volatile uint8_t *code = (const uint8_t *)(uintptr_t)hop;
	const uint8_t *to;

	if (code[0] != 0xeb)
		return NULL;
	to = (const uint8_t *)(uintptr_t)hop + 2 + (int8_t)code[1];
	return *(const volatile uint8_t *)to == 0xe9 ? to : NULL;
}

static struct kprobe probe;

static bool put_probe(void)
{
	probe = (struct kprobe){ .symbol_name = "hop",
				 .pre_handler = count_pre };
	pres = 0;
	hits[0] = hits[1] = 0;
	host_kernel_optimize(true);
	if (register_kprobe(&probe))
		return false;
	wait_for_kprobe_optimizer();
	return true;
}

static void take_probe(void)
{
	unregister_kprobe(&probe);
	wait_for_kprobe_optimizer();
	host_kernel_optimize(false);
	CHECK_EQ(hop(3, 2), RESULT);
	CHECK_EQ(pres, 0);
}

/* One call: the probe and, if @bp, the breakpoint at it were hit once. */
static void call_once(bool bp)
{
	pres = 0;
	hits[0] = hits[1] = 0;
	CHECK_EQ(hop(3, 2), RESULT);
	CHECK_EQ(pres, 1);
	CHECK_EQ(hits[0], bp);
	CHECK_EQ(hits[1], 0);
	pres = 0;
}

/* Through all of the padding, which nobody else does. */
static void run_padding(unsigned int want, const void *addr)
{
	long (*run)(long, long) = (long (*)(long, long))(uintptr_t)hop_end;

	pres = 0;
	hits[0] = hits[1] = 0;
	CHECK_EQ(run(3, 0), 10);
	CHECK_EQ(hits[1], want);
	if (want)
		CHECK_EQ(places[1], (uintptr_t)addr);
	CHECK_EQ(pres, 0);
}

TL_TEST(a_breakpoint_at_a_probe_with_an_island_is_hit_once)
{
	for (unsigned int late = 0; late < 2; late++) {
		struct hw_breakpoint bp =
			breakpoint((const void *)(uintptr_t)hop, at_probe);

		ROW(late ? "the probe first" : "the breakpoint first");
		if (!late)
			CHECK_EQ(register_kernel_hw_breakpoint(&bp), 0);
		REQUIRE(put_probe());
		if (late) {
			CHECK(island());
			CHECK_EQ(register_kernel_hw_breakpoint(&bp), 0);
		}
		for (unsigned int i = 0; i < 20; i++)
			call_once(true);
		CHECK_EQ(places[0], (uintptr_t)hop);
		unregister_hw_breakpoint(&bp);
		call_once(false);
		take_probe();
	}
}

TL_TEST(a_breakpoint_where_an_island_is_has_it_give_way)
{
	struct hw_breakpoint bp;
	const uint8_t *was, *now;

	REQUIRE(put_probe());
	was = island();
	REQUIRE(was && was >= hop_end && was < hop_end + PADDING);
	bp = breakpoint(was, at_padding);
	CHECK_EQ(register_kernel_hw_breakpoint(&bp), 0);
	for (unsigned int i = 0; i < 20; i++)
		call_once(false);
	now = island();
	CHECK(now != was);
	/* Its bytes are padding again, and whoever runs there is seen. */
	unregister_kprobe(&probe);
	wait_for_kprobe_optimizer();
	run_padding(1, was);
	unregister_hw_breakpoint(&bp);
	run_padding(0, NULL);
	host_kernel_optimize(false);
}

TL_TEST(an_island_is_not_where_a_breakpoint_is)
{
	struct hw_breakpoint bp[4];
	const uint8_t *at;
	unsigned int n = 0;

	/* One in each place that an island could have. */
	for (; n < 4; n++) {
		bp[n] = breakpoint(hop_end + 5 * n + 2, at_padding);
		CHECK_EQ(register_kernel_hw_breakpoint(&bp[n]), 0);
	}
	REQUIRE(put_probe());
	at = island();
	for (unsigned int i = 0; at && i < n; i++)
		CHECK(at + 5 <= hop_end + 5 * i + 2 ||
		      at > hop_end + 5 * i + 2);
	for (unsigned int i = 0; i < 20; i++)
		call_once(false);
	take_probe();
	run_padding(4, hop_end + 17);
	while (n--)
		unregister_hw_breakpoint(&bp[n]);
	run_padding(0, NULL);
}
