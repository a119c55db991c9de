/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint.h - breakpoints in debug registers, as Linux has them
 *
 * Over <trapline/hw_breakpoint.h>, whose functions have the names of Linux's
 * first design; here they have today's arguments.
 */
#ifndef KMOD_LINUX_HW_BREAKPOINT_H
#define KMOD_LINUX_HW_BREAKPOINT_H

#include <linux/err.h>
#include <linux/perf_event.h>
#include <linux/types.h>

#include <trapline/hw_breakpoint.h>

struct task_struct;

/* What every breakpoint has: it counts each hit. */
static inline void hw_breakpoint_init(struct perf_event_attr *attr)
{
	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(*attr),
		.sample_period = 1,
		.pinned = 1,
	};
}

static inline void ptrace_breakpoint_init(struct perf_event_attr *attr)
{
	hw_breakpoint_init(attr);
	attr->exclude_kernel = 1;
}

static inline unsigned long hw_breakpoint_addr(struct perf_event *bp)
{
	return bp->attr.bp_addr;
}

static inline int hw_breakpoint_type(struct perf_event *bp)
{
	return (int)bp->attr.bp_type;
}

static inline unsigned long hw_breakpoint_len(struct perf_event *bp)
{
	return bp->attr.bp_len;
}

#define register_wide_hw_breakpoint   kmod_register_wide_hw_breakpoint
#define unregister_wide_hw_breakpoint kmod_unregister_wide_hw_breakpoint
#define register_user_hw_breakpoint   kmod_register_user_hw_breakpoint
#define modify_user_hw_breakpoint     kmod_modify_user_hw_breakpoint
#define unregister_hw_breakpoint      kmod_unregister_hw_breakpoint

/*
 * On every CPU; in a process: in every thread.  An error in the pointer (IS_ERR()) as of
 * register_kernel_hw_breakpoint().  The pointer is for unregister_wide_...() alone.
 * Not in handlers, as all of these.
 */
struct perf_event *__percpu *
register_wide_hw_breakpoint(struct perf_event_attr *attr,
			    perf_overflow_handler_t triggered, void *context);
void unregister_wide_hw_breakpoint(struct perf_event *__percpu *cpu_events);

/* When @task runs; it gets no signal for a hit. */
struct perf_event *
register_user_hw_breakpoint(struct perf_event_attr *attr,
			    perf_overflow_handler_t triggered, void *context,
			    struct task_struct *task);
/* Address, length, type, and whether it is `disabled`. */
int modify_user_hw_breakpoint(struct perf_event *bp,
			      struct perf_event_attr *attr);
void unregister_hw_breakpoint(struct perf_event *bp);

#endif
