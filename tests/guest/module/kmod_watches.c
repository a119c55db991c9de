// SPDX-License-Identifier: MIT
/*
 * kmod_watches.c - a module in the manner of Linux: breakpoints on a variable of its
 * own, on all CPUs and, when it is asked to, of the task that asks
 */
#include <linux/hw_breakpoint.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/sched.h>

long kmod_watches_write(void);
long kmod_watches_hits(void);
long kmod_watches_nobody(void);

static unsigned long word, other;
static long hits;
static struct perf_event *__percpu *on_word;

static void on_write(struct perf_event *bp, struct perf_sample_data *data,
		     struct pt_regs *regs)
{
	(void)data;
	(void)regs;
	if (bp->overflow_handler_context == &hits &&
	    hw_breakpoint_addr(bp) == (unsigned long)&word)
		hits++;
}

long kmod_watches_write(void)
{
	WRITE_ONCE(word, word + 1);
	WRITE_ONCE(other, 1);
	return (long)word;
}

long kmod_watches_hits(void)
{
	return hits;
}

/* A thread of the kernel has no breakpoints of its own: the error for that. */
long kmod_watches_nobody(void)
{
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = 0x1000;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
	return PTR_ERR(
		register_user_hw_breakpoint(&attr, on_write, NULL, current));
}

static int __init watches_init(void)
{
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)&word;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
	on_word = register_wide_hw_breakpoint(&attr, on_write, &hits);
	return IS_ERR((void __force *)on_word)
		       ? PTR_ERR((void __force *)on_word)
		       : 0;
}

static void __exit watches_exit(void)
{
	unregister_wide_hw_breakpoint(on_word);
}

module_init(watches_init);
module_exit(watches_exit);
MODULE_DESCRIPTION("Counts writes to a variable of its own");
MODULE_LICENSE("Dual MIT/GPL");
