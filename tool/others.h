/* SPDX-License-Identifier: MIT */
/*
 * others.h - what other tracers have in a process' text
 */
#ifndef TL_OTHERS_H
#define TL_OTHERS_H

#include <stdbool.h>
#include <stdint.h>

struct process;

/*
 * Is there a breakpoint in [@start, @end) that the file has not?  Where no command
 * of ours has probes it is a uprobe of the kernel's (perf, bpftrace), or a debugger's.
 */
bool others_breakpoint(struct process *p, uint64_t start, uint64_t end);

#endif
