/* SPDX-License-Identifier: MIT */
/*
 * context.h - what the vectors of these tests have in common: registers between a
 * signal's frame and the engine's pt_regs
 */
#ifndef ARM64_CONTEXT_H
#define ARM64_CONTEXT_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <trapline/regs.h>
#include <trapline/trap.h>

/* HWCAP2_HBC, which older headers have not. */
#define HWCAP2_HBC_ (1ul << 44)

static inline void from_context(struct pt_regs *regs, const ucontext_t *uc)
{
	memset(regs, 0, sizeof(*regs));
	memcpy(regs->regs, uc->uc_mcontext.regs, sizeof(regs->regs));
	regs->sp = uc->uc_mcontext.sp;
	regs->pc = uc->uc_mcontext.pc;
	regs->pstate = uc->uc_mcontext.pstate;
}

static inline void to_context(ucontext_t *uc, const struct pt_regs *regs)
{
	memcpy(uc->uc_mcontext.regs, regs->regs, sizeof(regs->regs));
	uc->uc_mcontext.sp = regs->sp;
	uc->uc_mcontext.pc = regs->pc;
	uc->uc_mcontext.pstate = regs->pstate;
}

/* The first record of what is saved besides; the others follow it. */
static inline struct fpsimd_context *fpsimd(ucontext_t *uc)
{
	return (struct fpsimd_context *)uc->uc_mcontext.__reserved;
}

/* Is the breakpoint at @uc one of ours?  It was handled. */
static inline bool is_our_breakpoint(ucontext_t *uc)
{
	struct pt_regs regs;

	from_context(&regs, uc);
	if (!tl_trap_breakpoint(&regs))
		return false;
	to_context(uc, &regs);
	return true;
}

/* A handler for tests in which there are no others. */
static inline void on_our_breakpoint(int sig, siginfo_t *info, void *frame)
{
	(void)sig;
	(void)info;
	if (!is_our_breakpoint(frame))
		abort();
}

#endif
