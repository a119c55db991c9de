/* SPDX-License-Identifier: MIT */
/*
 * masks.c - SIGTRAP is not blocked, whatever the program believes
 *
 * A breakpoint that is met while SIGTRAP is blocked kills the process, and to
 * block all signals is usual: in threads that leave signals to others, in the
 * masks of handlers.  So pthread_sigmask() of the C library, by which
 * sigprocmask(), siglongjmp() and the like work, has a probe of ours, a jump.
 * Where SIGTRAP is concerned it makes the system call itself, without SIGTRAP,
 * and keeps for each thread what that believes (tl_thread_trap()).  The masks
 * of handlers are treated alike, in signals.c.
 *
 * A SIGTRAP that is sent to a thread which believes to block it is kept until it
 * does not; a trap of the program's own kills, as it would (sigtrap.c).
 */
#include "own/own.h"

#include <trapline/agent.h>

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

#define TRAP   TL_SIG_BIT(TL_SIGTRAP)
#define LIBC_S (TL_SIG_BIT(32) | TL_SIG_BIT(33)) /* never blocked by programs */

bool tl_block_sigtrap(bool block)
{
	uint8_t *trap = tl_thread_trap();
	uint8_t old;

	if (!trap)
		return false;
	old = *trap;
	*trap = block ? old | TL_TRAP_BLOCKED : 0;
	if (!block && (old & TL_TRAP_PENDING))
		tl_sys3(__NR_tgkill, tl_sys0(__NR_getpid), tl_sys0(__NR_gettid),
			TL_SIGTRAP);
	return old & TL_TRAP_BLOCKED;
}

static bool blocked_after(int how, uint64_t set, bool before)
{
	if (how == SIG_SETMASK)
		return set & TRAP;
	if (set & TRAP)
		return how == SIG_BLOCK;
	return before;
}

/* pthread_sigmask(int how, const sigset_t *set, sigset_t *old) */
static int on_sigmask(struct kprobe *p, struct pt_regs *regs)
{
	const uint64_t *set =
		(const uint64_t *)regs_get_kernel_argument(regs, 1);
	uint64_t *to = (uint64_t *)regs_get_kernel_argument(regs, 2);
	uint8_t *trap = tl_thread_trap();
	uint64_t mask = set ? *set : 0, old;
	int how = regs_get_kernel_argument(regs, 0);
	bool before;

	(void)p;
	if (!trap)
		return 0;
	before = *trap & TL_TRAP_BLOCKED;
	if (!before && !(mask & TRAP))
		return 0;
	if (set && (how < SIG_BLOCK || how > SIG_SETMASK))
		return 0;
	if (set)
		before = tl_block_sigtrap(blocked_after(how, mask, before));
	/* It may really be blocked, since before we came. */
	mask &= ~((how == SIG_UNBLOCK ? 0 : TRAP) | LIBC_S);
	if (tl_sys4(__NR_rt_sigprocmask, how, set ? (long)&mask : 0, (long)&old,
		    sizeof(mask)))
		return 0;
	if (to)
		*to = before ? old | TRAP : old;
	tl_skip_function(regs, 0);
	return 1;
}

static struct kprobe guard = {
	.symbol_name = "pthread_sigmask",
	.pre_handler = on_sigmask,
	.flags = KPROBE_FLAG_JUMP_ONLY | KPROBE_FLAG_HOME,
};

void tl_masks_start(void)
{
	tl_register_guard(&guard);
}
