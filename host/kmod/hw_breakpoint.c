/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint.c - Linux's functions for breakpoints, over ours
 *
 * An event of Linux's is here one breakpoint, on all CPUs or of one thread.
 */
#include "kmod.h"

#include <linux/errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/sched.h>
#include <linux/slab.h>

/* Ours has the name, too. */
#undef register_user_hw_breakpoint
#undef unregister_hw_breakpoint

struct event {
	struct perf_event event; /* first */
	struct perf_event *self; /* what register_wide_...() gives */
	struct hw_breakpoint bp;
	struct tl_bp_thread *thread; /* NULL: all */
};

static void on_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	struct event *e = bp->data;

	e->event.overflow_handler(&e->event, NULL, regs);
}

static void describe(struct hw_breakpoint *bp,
		     const struct perf_event_attr *attr)
{
	bp->addr = (void *)(uintptr_t)attr->bp_addr;
	bp->len = (unsigned int)attr->bp_len;
	bp->type = attr->bp_type;
}

static int arm(struct event *e)
{
	return e->thread ? register_user_hw_breakpoint(&e->bp, e->thread)
			 : register_kernel_hw_breakpoint(&e->bp);
}

static struct event *make(const struct perf_event_attr *attr,
			  perf_overflow_handler_t triggered, void *context,
			  struct tl_bp_thread *thread)
{
	struct event *e;
	int err = 0;

	if (attr->type != PERF_TYPE_BREAKPOINT || !triggered ||
	    attr->bp_len > HW_BREAKPOINT_LEN_8)
		return ERR_PTR(-EINVAL);
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return ERR_PTR(-ENOMEM);
	e->event.attr = *attr;
	e->event.overflow_handler = triggered;
	e->event.overflow_handler_context = context;
	e->self = &e->event;
	e->thread = thread;
	e->bp.triggered = on_hit;
	e->bp.data = e;
	e->bp.silent = true;
	describe(&e->bp, attr);
	if (!attr->disabled)
		err = arm(e);
	if (!err)
		return e;
	kfree(e);
	return ERR_PTR(err);
}

static void end(struct event *e)
{
	unregister_hw_breakpoint(&e->bp);
	kfree(e);
}

struct perf_event **
kmod_register_wide_hw_breakpoint(struct perf_event_attr *attr,
				 perf_overflow_handler_t triggered,
				 void *context)
{
	struct event *e = make(attr, triggered, context, NULL);

	return IS_ERR(e) ? (struct perf_event **)e : &e->self;
}

void kmod_unregister_wide_hw_breakpoint(struct perf_event **cpu_events)
{
	if (!IS_ERR_OR_NULL(cpu_events))
		end((struct event *)*cpu_events);
}

struct perf_event *
kmod_register_user_hw_breakpoint(struct perf_event_attr *attr,
				 perf_overflow_handler_t triggered,
				 void *context, struct task_struct *task)
{
	struct tl_bp_thread *thread = tl_kmod_thread(task);

	if (!thread)
		return ERR_PTR(-ESRCH);
	return (struct perf_event *)make(attr, triggered, context, thread);
}

int kmod_modify_user_hw_breakpoint(struct perf_event *bp,
				   struct perf_event_attr *attr)
{
	struct event *e = (struct event *)bp;
	struct hw_breakpoint to = e->bp;
	bool on = !bp->attr.disabled;
	int err = 0;

	describe(&to, attr);
	if (attr->bp_len > HW_BREAKPOINT_LEN_8)
		return -EINVAL;
	if (on && !attr->disabled) {
		err = modify_hw_breakpoint(&e->bp, &to);
	} else if (on) {
		unregister_hw_breakpoint(&e->bp);
		describe(&e->bp, attr);
	} else {
		struct hw_breakpoint old = e->bp;

		e->bp = to;
		if (!attr->disabled)
			err = arm(e);
		if (err)
			e->bp = old;
	}
	if (!err)
		bp->attr = *attr;
	return err;
}

void kmod_unregister_hw_breakpoint(struct perf_event *bp)
{
	if (!IS_ERR_OR_NULL(bp))
		end((struct event *)bp);
}
