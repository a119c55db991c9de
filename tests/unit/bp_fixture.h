/* SPDX-License-Identifier: MIT */
/*
 * bp_fixture.h - CPUs whose debug registers are scripted, and what they access
 *
 * The registers are those of x86, in sim.dr.  access_here() is a CPU that makes an
 * access: it compares it with the registers as the manual says, sets the bits of
 * registers that are not enabled as well, as real ones do, and raises the exception.
 */
#ifndef BP_FIXTURE_H
#define BP_FIXTURE_H

#include <string.h>

#include <arch.h>
#include <sim.h>
#include <trapline/agent.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#include "tl_test.h"

#define K(i) (SIM_KERNEL_START + 0x1000 + 64ul * (i))
#define U(i) (0x10000ul + 64ul * (i))

#define DR6_STEP (1ul << 14)
#define FLAG_RF	 0x10000ul
#define FIXED	 0xffff0ff0ul

/* Enable DR @n for @code: length << 2 | type. */
#define ENABLE(n, code) \
	(1ul << 2 * (n) | (unsigned long)(code) << (16 + 4 * (n)))
#define X1  0x0
#define W1  0x1
#define IO1 0x2
#define W2  0x5
#define W8  0x9
#define RW4 0xf
#define W4  0xd

/* A breakpoint that counts its hits, in itself and by its address. */
struct counted {
	struct hw_breakpoint bp;
	unsigned int hits;
	unsigned long control; /* DR7 as the last hit saw it */
	struct pt_regs seen;
};

static unsigned int hits_of_copies;

static inline void count_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	struct counted *c = bp->copied ? bp->data : (struct counted *)bp;

	hits_of_copies += bp->copied;
	c->hits += !bp->copied;
	c->control = sim.dr[sim.cpu][7];
	c->seen = *regs;
}

static inline struct counted counted(uintptr_t addr, unsigned int len,
				     unsigned int type)
{
	return (struct counted){ .bp = { .addr = (void *)addr,
					 .len = len,
					 .type = type,
					 .triggered = count_hit } };
}

static inline struct counted watched(uintptr_t addr)
{
	return counted(addr, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);
}

/* What the last debug exception left over, and what it wanted. */
static unsigned long left_over;
static unsigned int signals, exceptions;
static struct pt_regs last_regs;

static inline void debug_exception(unsigned long status)
{
	struct pt_regs regs = { .ip = 0x1234, .flags = 2 };

	exceptions++;
	if (tl_trap_debug(&regs, &status) & TL_DEBUG_SIGNAL)
		signals++;
	left_over = status;
	last_regs = regs;
}

static inline bool touches(unsigned long control, unsigned int n, uintptr_t at,
			   uintptr_t addr, size_t len, char kind)
{
	static const unsigned int lengths[] = { 1, 2, 8, 4 };
	unsigned int code = control >> (16 + 4 * n) & 0xf;

	if (kind == 'x')
		return !(code & 3) && at == addr;
	if ((code & 3) != 3 && !((code & 3) == 1 && kind == 'w'))
		return false;
	return addr < at + lengths[code >> 2] && addr + len > at;
}

/* @extra: further bits of the status, as of a single step. */
static inline void access_with(uintptr_t addr, size_t len, char kind,
			       unsigned long extra)
{
	const unsigned long *dr = sim.dr[sim.cpu];
	unsigned long status = 0;
	bool on = extra;

	for (unsigned int n = 0; n < 4; n++) {
		if (!touches(dr[7], n, dr[n], addr, len, kind))
			continue;
		status |= 1ul << n;
		on |= dr[7] >> 2 * n & 3;
	}
	if (on)
		debug_exception(status | extra);
}

static inline void write_to(uintptr_t addr)
{
	access_with(addr, 1, 'w', 0);
}

static inline void execute(uintptr_t addr)
{
	access_with(addr, 1, 'x', 0);
}

/* Threads, the first four of which run on the four CPUs. */
#define THREADS 8
static struct tl_bp_thread thread[THREADS];

/* CPU sim.cpu goes on as thread @t (-1: none). */
static inline void switch_to(int t)
{
	static const struct tl_bp_thread none;
	const struct tl_bp_thread *now = t < 0 ? &none : &thread[t];

	sim.thread[sim.cpu] = now;
	tl_bp_switched(now);
}

static inline void bp_start(void)
{
	sim_reset();
	memset(thread, 0, sizeof(thread));
	for (unsigned int i = 0; i < SIM_CPUS; i++)
		sim.thread[i] = &thread[i];
	signals = exceptions = hits_of_copies = 0;
	left_over = 0;
}

static inline void bp_finish(void)
{
	CHECK_EQ(tl_remove_all(), 0);
	CHECK_EQ(sim.allocated, 0);
	CHECK_EQ(sim.misuse, 0);
	for (unsigned int i = 0; i < SIM_CPUS; i++)
		CHECK_EQ(sim.dr[i][7], 0);
	for (unsigned int i = 0; i < THREADS; i++)
		CHECK(!thread[i].state);
	sim.hook = NULL;
}

static inline int debugger(unsigned int t, unsigned int n, unsigned long value)
{
	return tl_bp_debugger_write(&thread[t], n, value);
}

static inline unsigned long shown(unsigned int t, unsigned int n)
{
	unsigned long value = 0xdead;

	CHECK_EQ(tl_bp_debugger_read(&thread[t], n, &value), 0);
	return value;
}

#endif
