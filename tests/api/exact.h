/* SPDX-License-Identifier: MIT */
/*
 * exact.h - the functions of exact.S, and how they are tried
 *
 * Each function of <isa>/exact.S says in a number what one instruction did.  It is
 * called bare, behind a jump, behind a breakpoint, and with a post handler; the
 * number must be the same, and where the manual knows it, the manual's.
 */
#ifndef EXACT_H
#define EXACT_H

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_isa.h"
#include "tl_test.h"

typedef unsigned long exact_fn(unsigned long a, unsigned long b);

struct exact {
	exact_fn *fn, *plain;
	char *at, *plain_at;
};

#define EXACT(name)                                                            \
	exact_fn exact_##name, exact_##name##_plain;                           \
	extern char exact_##name##_at[], exact_##name##_plain_at[];            \
	static const struct exact name = { exact_##name, exact_##name##_plain, \
					   exact_##name##_at,                  \
					   exact_##name##_plain_at }

static unsigned long hits;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

/* What Linux makes of an instruction, if something else. */
struct exact_linux {
	const char *row;
	unsigned long gives;
	int err; /* of the registration */
	bool no_jump;
	bool only_post; /* right without a post handler */
};

static void probed(exact_fn *fn, char *at, unsigned long a, unsigned long b,
		   unsigned long want, bool with_post,
		   const struct exact_linux *l)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)at, .pre_handler = pre };

	if (with_post)
		p.post_handler = post;
	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	if (l && l->row && (with_post || !l->only_post))
		CHECK_EQ(fn(a, b), TL_EITHER(l->row, want, l->gives));
	else
		CHECK_EQ(fn(a, b), want);
	CHECK(hits > 0);
	CHECK_EQ(p.nmissed, 0);
	unregister_kprobe(&p);
	CHECK_EQ(fn(a, b), want);
}

static bool jump_at(char *at)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)at, .pre_handler = pre };
	bool yes;

	CHECK_EQ(register_kprobe(&p), 0);
	yes = is_jump(&p);
	unregister_kprobe(&p);
	return yes;
}

static bool refused(const struct exact *e, const struct exact_linux *l)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)e->at,
			    .pre_handler = pre };
	int err = register_kprobe(&p);

	CHECK_EQ(err, TL_EITHER(l->row, 0, l->err));
	if (!err)
		unregister_kprobe(&p);
	return err;
}

/*
 * No jumps from now on.  Where one covers a single instruction it takes no size of
 * a function to make it.
 */
static void breakpoints_only(bool on)
{
	if (JUMP_COVERS_TWO || TL_ON_LINUX)
		return;
	CHECK_EQ(on ? unoptimize_all_kprobes() : optimize_all_kprobes(), 0);
}

/* All ways; bare it gives @want.  @jump: a jump is possible.  @l: see above. */
static void all_ways(const struct exact *e, unsigned long a, unsigned long b,
		     unsigned long want, bool jump, const struct exact_linux *l)
{
	CHECK_EQ(e->fn(a, b), want);
	CHECK_EQ(e->plain(a, b), want);
	if (l && l->err && refused(e, l))
		return;
	if (l && l->no_jump)
		CHECK_EQ(jump_at(e->at), TL_EITHER(ROW_BOOST, jump, false));
	else
		CHECK_EQ(jump_at(e->at), JUMP(jump));
	breakpoints_only(true);
	if (!TL_ON_LINUX) /* where symbols end where the next one begins */
		CHECK_EQ(jump_at(e->plain_at), false);
	breakpoints_only(false);
	ROW("where a jump is possible");
	probed(e->fn, e->at, a, b, want, false, l);
	ROW("where a jump is possible, post handler");
	probed(e->fn, e->at, a, b, want, true, l);
	breakpoints_only(true);
	ROW("breakpoint");
	probed(e->plain, e->plain_at, a, b, want, false, l);
	ROW("breakpoint, post handler");
	probed(e->plain, e->plain_at, a, b, want, true, l);
	breakpoints_only(false);
}

#endif
