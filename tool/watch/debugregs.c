/* SPDX-License-Identifier: MIT */
/*
 * debugregs.c - debug registers of threads that are traced
 *
 * What ptrace offers: each thread has its own, and stops behind an instruction that
 * hits.  Nobody inherits them, so each thread gets them when it is first seen, which
 * is before its first instruction.  They outlive the trace; so nobody is let go
 * with them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "keeper.h"

#define DR6 6
#define DR7 7

static int put(pid_t tid, unsigned int n, uint64_t value)
{
	size_t at = offsetof(struct user, u_debugreg) + n * sizeof(value);

	return ptrace(PTRACE_POKEUSER, tid, at, value) ? -errno : 0;
}

/* SDM 18.2.4: local enable, then type and length of each. */
static uint64_t control(const struct keeper *k)
{
	static const uint8_t lengths[9] = {
		[1] = 0, [2] = 1, [4] = 3, [8] = 2
	};
	uint64_t dr7 = 0;

	for (unsigned int i = 0; i < k->n_regs; i++) {
		const struct page_point *p = &k->point[k->reg[i]];
		uint64_t type = p->access == 'x' ? 0 : p->access == 'w' ? 1 : 3;
		uint64_t len = p->access == 'x' ? 0 : lengths[p->len & 15];

		dr7 |= 1ull << 2 * i | (type | len << 2) << (16 + 4 * i);
	}
	return dr7;
}

int task_arm(struct keeper *k, struct task *t)
{
	int err = 0;

	if (t->armed || !k->n_regs)
		return 0;
	for (unsigned int i = 0; !err && i < k->n_regs; i++)
		err = put(t->tid, i, k->point[k->reg[i]].addr);
	if (!err)
		err = put(t->tid, DR7, control(k));
	t->armed = !err;
	return err;
}

void task_disarm(struct task *t)
{
	if (t->armed)
		put(t->tid, DR7, 0);
}

void task_take_hits(struct keeper *k, struct task *t)
{
	long dr6;

	if (!t->armed)
		return;
	errno = 0;
	dr6 = ptrace(PTRACE_PEEKUSER, t->tid,
		     offsetof(struct user, u_debugreg) + DR6 * 8, 0);
	if (errno || !(dr6 & 15))
		return;
	t->hits |= (unsigned int)dr6 & ((1u << k->n_regs) - 1);
	put(t->tid, DR6, 0);
	ptrace(PTRACE_GETREGS, t->tid, 0, &t->regs);
}
