/* SPDX-License-Identifier: MIT */
/*
 * host_ops.c - the optional services of the host, and what is done without
 *
 * One wrapper for each member of struct tl_host_ops; the answer to NULL is
 * written here and nowhere else.
 */
#include "engine.h"

int tl_lookup(const char *name, uintptr_t *addr)
{
	return tl_host_ops->lookup ? tl_host_ops->lookup(name, addr)
				   : -TL_ENOENT;
}

int tl_function(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	return tl_host_ops->function ? tl_host_ops->function(addr, start, end)
				     : -TL_ENOENT;
}

bool tl_allowed(uintptr_t addr, size_t len, bool jump)
{
	return !tl_host_ops->allowed || tl_host_ops->allowed(addr, len, jump);
}

bool tl_may_optimize(void)
{
	return !tl_host_ops->no_optimize;
}

int tl_same_stack(uintptr_t a, uintptr_t b)
{
	uintptr_t low, high;

	if (!tl_host_ops->stack)
		return -1;
	if (tl_host_ops->stack(a, &low, &high))
		return 0;
	return b >= low && b < high;
}

long tl_stack_above(uintptr_t sp, size_t len)
{
	uintptr_t low, high;

	if (tl_host_ops->stack_above)
		return tl_host_ops->stack_above(sp, len);
	if (!tl_host_ops->stack || tl_host_ops->stack(sp, &low, &high))
		return -TL_ENOENT;
	return high - sp < len ? high - sp : len;
}

int tl_thread_at(const struct tl_context *cx, uintptr_t *sp)
{
	return tl_host_ops->thread_at ? tl_host_ops->thread_at(cx, sp)
				      : -TL_ENOENT;
}

bool tl_pause(unsigned int turn)
{
	if (tl_host_ops->pause)
		return tl_host_ops->pause(turn);
	tlh_sync_cores();
	return true;
}

void tl_probe_missed(struct kprobe *p)
{
	tl_add(&p->nmissed, 1);
	if (tl_host_ops->missed)
		tl_host_ops->missed(p);
}

void tl_return_missed(struct kretprobe *rp)
{
	tl_add(&rp->nmissed, 1);
	if (tl_host_ops->missed)
		tl_host_ops->missed(&rp->kp);
}
