/* SPDX-License-Identifier: MIT */
/* host_kernel.h - what tests may change about this home */
#ifndef HOST_KERNEL_H
#define HOST_KERNEL_H

#include <stdbool.h>

/*
 * Change text with interrupts off, so that nothing runs meanwhile, instead of
 * breakpoint first.  On one CPU both are right; the tests try both.  Off at
 * the start.  Context: task, no probe registered.
 */
void host_kernel_stop_others(bool stop);

/* Whether probes may become jumps; on at the start.  Context: as above. */
void host_kernel_optimize(bool optimize);

/* How the slot behind a breakpoint is left: enum tl_stepping.  Context: as above. */
void host_kernel_stepping(unsigned int stepping);

/*
 * Give out no executable memory but one page from @at on, of which not all need be
 * mapped; NULL: as ever.  Context: as above.
 */
void host_kernel_copies_at(void *at);

/*
 * Give executable memory to those only who do not care where it is; not so at the
 * start.  Context: as above, and tl_remove_all() has given back what there was.
 */
void host_kernel_far(bool far);

struct task;
struct tl_bp_thread;
struct tl_debug_ops;

/* What the breakpoints of @task hang on.  It does not end meanwhile. */
struct tl_bp_thread *host_kernel_thread(struct task *task);

/* Whether fork copies breakpoints; not at the start. */
void host_kernel_fork_copies(bool copy);

extern struct tl_debug_ops host_kernel_debug;

#endif
