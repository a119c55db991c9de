/* SPDX-License-Identifier: MIT */
/*
 * kept.h - what a fork child that is led needs to go on by itself: arm64
 *
 * The same names as in the other folder of this kind.  See
 * tool/agent/arm64/adopt.S: a signal's frame, as the kernel lays it out.
 */
#ifndef TOOL_KEPT_H
#define TOOL_KEPT_H

#include <asm/sigcontext.h>
#include <signal.h>
#include <sys/ucontext.h>

#include "stopped.h"

/*
 *      0  siginfo, 128 bytes
 *    128  ucontext: flags, link, stack, the signal mask (1024 bits), then at 304
 *         the registers, and at 592 records, of which the first must be FPSIMD
 */
struct isa_kept {
	siginfo_t info;
	struct {
		uint64_t flags, link, stack[3];
		uint64_t mask[16];
		uint64_t pad; /* to a multiple of 16 */
		uint64_t fault;
		uint64_t regs[31];
		uint64_t sp, pc, pstate;
		uint64_t pad2;
	} context;
	struct fpsimd_context fp;
	struct _aarch64_ctx end;
};

_Static_assert(offsetof(struct isa_kept, context) == sizeof(siginfo_t) &&
		       offsetof(struct isa_kept, fp) ==
			       sizeof(siginfo_t) +
				       offsetof(ucontext_t, uc_mcontext) +
				       offsetof(mcontext_t, __reserved) &&
		       sizeof(struct isa_kept) <= 1152,
	       "as the kernel's, in the room of adopt.S");

/*
 * Of @tid, which stands with the registers @r behind its fork, and has the signal
 * mask @mask.  0, or a negative errno: it cannot be led.
 *
 * The alternate stack of the frame is none that could be set, so it stays.
 */
static inline int isa_keep(struct isa_kept *k, pid_t tid,
			   const struct isa_regs *r, uint64_t mask)
{
	struct user_fpsimd_struct fp;
	struct iovec v = { &fp, sizeof(fp) };

	if (!isa_is_wide(r))
		return -EOPNOTSUPP;
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRFPREG, &v))
		return -ESRCH;
	*k = (struct isa_kept){ 0 };
	k->context.mask[0] = mask;
	memcpy(k->context.regs, r->user.regs, sizeof(k->context.regs));
	k->context.sp = r->user.sp;
	k->context.pc = r->user.pc;
	k->context.pstate = r->user.pstate;
	k->fp.head.magic = FPSIMD_MAGIC;
	k->fp.head.size = sizeof(k->fp);
	k->fp.fpsr = fp.fpsr;
	k->fp.fpcr = fp.fpcr;
	memcpy(k->fp.vregs, fp.vregs, sizeof(k->fp.vregs));
	return 0;
}

#endif
