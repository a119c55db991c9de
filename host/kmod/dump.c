/* SPDX-License-Identifier: MIT */
/*
 * dump.c - where a module is, in one line of the log
 *
 * Linux goes on with the calls; here nobody may look names up where this may be called.
 */
#include "kmod.h"

#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>

void dump_stack(void)
{
	const struct task_struct *t = current;

	printk(KERN_DEFAULT "CPU: %u PID: %d Comm: %s\n",
	       raw_smp_processor_id(), t->pid, t->comm);
}
