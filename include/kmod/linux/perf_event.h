/* SPDX-License-Identifier: MIT */
/*
 * perf_event.h - as much of events as breakpoints need
 */
#ifndef KMOD_LINUX_PERF_EVENT_H
#define KMOD_LINUX_PERF_EVENT_H

#include <linux/types.h>

struct pt_regs;
struct perf_event;
struct perf_sample_data;

enum { PERF_TYPE_BREAKPOINT = 5 };

/* Of these, only what begins with bp_ and `disabled` say something here. */
struct perf_event_attr {
	__u32 type;
	__u32 size;
	__u64 sample_period;
	__u64 disabled : 1;
	__u64 inherit : 1;
	__u64 pinned : 1;
	__u64 exclude_user : 1;
	__u64 exclude_kernel : 1;
	__u32 bp_type;
	__u64 bp_addr;
	__u64 bp_len;
};

/* Called in the context of a probe handler; @data is NULL. */
typedef void (*perf_overflow_handler_t)(struct perf_event *bp,
					struct perf_sample_data *data,
					struct pt_regs *regs);

struct perf_event {
	struct perf_event_attr attr;
	perf_overflow_handler_t overflow_handler;
	void *overflow_handler_context;
};

#endif
