// SPDX-License-Identifier: MIT
/*
 * kmod_count.c - a module in the manner of Linux: a probe and a return probe on a
 * function that a parameter names
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

static char *symbol = "nobody";
module_param(symbol, charp, 0444);
static int add;
module_param(add, int, 0444);

long kmod_count_hits(void);
long kmod_count_returns(void);
long kmod_count_sum(void);

static atomic_t hits, returns;
static long sum;

static int on_hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	if (!user_mode(regs)) /* it is the kernel that is probed */
		atomic_inc(&hits);
	return 0;
}

struct call {
	long first;
};

static int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	((struct call *)ri->data)->first = regs_get_kernel_argument(regs, 0);
	return 0;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	atomic_inc(&returns);
	sum += ((struct call *)ri->data)->first + regs_return_value(regs) + add;
	return 0;
}

static struct kprobe probe = { .pre_handler = on_hit };
static struct kretprobe ret = {
	.entry_handler = on_entry,
	.handler = on_return,
	.data_size = sizeof(struct call),
	.maxactive = 16,
};

long kmod_count_hits(void)
{
	return atomic_read(&hits);
}

long kmod_count_returns(void)
{
	return atomic_read(&returns);
}

long kmod_count_sum(void)
{
	return sum;
}

static int __init count_init(void)
{
	int err;

	probe.symbol_name = symbol;
	err = register_kprobe(&probe);
	if (err < 0) {
		pr_err("no probe on %s: error %d\n", symbol, err);
		return err;
	}
	ret.kp.symbol_name = symbol;
	err = register_kretprobe(&ret);
	if (err < 0)
		unregister_kprobe(&probe);
	else
		pr_info("%s is at %px, says %s\n", symbol, probe.addr,
			current->comm);
	return err;
}

static void __exit count_exit(void)
{
	unregister_kretprobe(&ret);
	unregister_kprobe(&probe);
	pr_info("%d hits, %d returns\n", atomic_read(&hits),
		atomic_read(&returns));
}

module_init(count_init);
module_exit(count_exit);
MODULE_LICENSE("Dual MIT/GPL");
