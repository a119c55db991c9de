/* SPDX-License-Identifier: MIT */
/*
 * kept.h - what a fork child that is led needs to go on by itself: x86-64
 *
 * The same names as in the other folder of this kind.  See tool/agent/x86/adopt.S.
 */
#ifndef TOOL_KEPT_H
#define TOOL_KEPT_H

#include "stopped.h"

/* It keeps its registers itself. */
struct isa_kept {
	uint64_t mask;
};

/*
 * Of @tid, which stands with the registers @r behind its fork, and has the signal
 * mask @mask.  0, or a negative errno: it cannot be led.
 */
static inline int isa_keep(struct isa_kept *k, pid_t tid,
			   const struct isa_regs *r, uint64_t mask)
{
	(void)tid;
	/* Not out of a system call of 64 bits. */
	if (!isa_is_wide(r) || r->user.rcx != r->user.rip)
		return -EOPNOTSUPP;
	*k = (struct isa_kept){ mask };
	return 0;
}

#endif
