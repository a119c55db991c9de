/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint.h - Linux's breakpoints, under the names that the tests of the
 * API use
 *
 * Linux's first design had these functions; today's are the same by events.
 * What is not in tests/api/hw_breakpoint.c is not here.
 */
#ifndef ORACLE_HW_BREAKPOINT_H
#define ORACLE_HW_BREAKPOINT_H

#include <linux/err.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include <trapline/errno.h>

struct hw_breakpoint;

typedef void hw_breakpoint_triggered_t(struct hw_breakpoint *bp,
				       struct pt_regs *regs);

struct hw_breakpoint {
	void *addr;
	unsigned int len;
	unsigned int type;
	hw_breakpoint_triggered_t *triggered;
	void *data;
	struct perf_event *__percpu *events;
};

static inline void oracle_triggered(struct perf_event *event,
				    struct perf_sample_data *sample,
				    struct pt_regs *regs)
{
	struct hw_breakpoint *bp = event->overflow_handler_context;

	bp->triggered(bp, regs);
}

static inline struct perf_event *__percpu *
oracle_breakpoint(struct hw_breakpoint *bp, const struct hw_breakpoint *what)
{
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)what->addr;
	attr.bp_len = what->len;
	attr.bp_type = what->type;
	return register_wide_hw_breakpoint(&attr, oracle_triggered, bp);
}

static inline int register_kernel_hw_breakpoint(struct hw_breakpoint *bp)
{
	struct perf_event *__percpu *events = oracle_breakpoint(bp, bp);

	if (IS_ERR((void __force *)events))
		return PTR_ERR((void __force *)events);
	bp->events = events;
	return 0;
}

/* There is none for breakpoints on all CPUs: another one takes its place. */
static inline int modify_hw_breakpoint(struct hw_breakpoint *bp,
				       const struct hw_breakpoint *to)
{
	struct perf_event *__percpu *events = oracle_breakpoint(bp, to);

	if (IS_ERR((void __force *)events))
		return PTR_ERR((void __force *)events);
	unregister_wide_hw_breakpoint(bp->events);
	bp->events = events;
	return 0;
}

/* Linux's takes an event. */
#define unregister_hw_breakpoint(bp) unregister_wide_hw_breakpoint((bp)->events)

#endif
