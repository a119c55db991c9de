// SPDX-License-Identifier: MIT
/*
 * time_call.c - a kernel module: how long a function takes, and what it returns
 *
 * The time of the entry is kept in the instance of the call, so nested calls and
 * calls in other threads do not mix.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>

static char *func = "work";
module_param(func, charp, 0444);
MODULE_PARM_DESC(func, "the function to follow");

static int maxactive = 8;
module_param(maxactive, int, 0444);
MODULE_PARM_DESC(maxactive, "how many calls at a time");

struct call {
	ktime_t begun;
	pid_t thread;
};

static int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct call *call = (struct call *)ri->data;

	if (!current->mm)
		return 1; /* threads of the kernel itself are of no interest */
	call->thread = current->pid;
	call->begun = ktime_get();
	return 0;
}
NOKPROBE_SYMBOL(on_entry);

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct call *call = (struct call *)ri->data;
	s64 ns = ktime_to_ns(ktime_sub(ktime_get(), call->begun));

	pr_info("%s in %s: %ld, after %s, %s\n",
		get_kretprobe(ri)->kp.symbol_name, current->comm,
		(long)regs_return_value(regs), ns > 0 ? "some time" : "no time",
		call->thread == current->pid ? "same thread"
					     : "another thread");
	return 0;
}
NOKPROBE_SYMBOL(on_return);

static struct kretprobe probe = {
	.handler = on_return,
	.entry_handler = on_entry,
	.data_size = sizeof(struct call),
};

static int __init time_call_init(void)
{
	int err;

	probe.kp.symbol_name = func;
	probe.maxactive = maxactive;
	err = register_kretprobe(&probe);
	if (err < 0) {
		pr_err("no return probe on %s: error %d\n", func, err);
		return err;
	}
	pr_info("following %s\n", func);
	return 0;
}

static void __exit time_call_exit(void)
{
	unregister_kretprobe(&probe);
	pr_info("%d calls missed\n", probe.nmissed);
}

module_init(time_call_init) module_exit(time_call_exit)
	MODULE_DESCRIPTION("How long a function takes, and what it returns");
MODULE_LICENSE("Dual MIT/GPL");
