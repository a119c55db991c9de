/* SPDX-License-Identifier: MIT */
/*
 * watch.h - can threads be left asleep here?
 */
#ifndef TESTS_TOOL_WATCH_H
#define TESTS_TOOL_WATCH_H

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Does the kernel let us have a debug register by perf_event_open()? */
static inline bool can_watch(void)
{
	struct perf_event_attr a = { .size = sizeof(a) };
	int fd;

	a.type = PERF_TYPE_BREAKPOINT;
	a.bp_type = HW_BREAKPOINT_X;
	a.bp_addr = 4096;
	a.bp_len = sizeof(long);
	a.sample_period = 1;
	a.exclude_kernel = 1;
	a.sigtrap = 1;
	a.remove_on_exec = 1;
	fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1,
			  PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#endif
