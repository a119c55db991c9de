// SPDX-License-Identifier: MIT
/*
 * watch_call.c - a kernel module: a probe on a function that is named when it is
 * loaded
 *
 * It knows nothing of Trapline, and compiles for a Linux kernel, too.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static char symbol[KSYM_NAME_LEN] = "work";
module_param_string(symbol, symbol, sizeof(symbol), 0444);
MODULE_PARM_DESC(symbol, "the function to watch");

static bool after;
module_param(after, bool, 0444);
MODULE_PARM_DESC(after, "say, too, when its first instruction is done");

static unsigned int calls;

static int on_entry(struct kprobe *p, struct pt_regs *regs)
{
	calls++;
	pr_info("%s(%ld), %s\n", p->symbol_name,
		(long)regs_get_kernel_argument(regs, 0),
		instruction_pointer(regs) - (unsigned long)p->addr <= 1
			? "at its entry"
			: "elsewhere");
	return 0;
}

static void on_first_done(struct kprobe *p, struct pt_regs *regs,
			  unsigned long flags)
{
	pr_info("%s: its first instruction is done\n", p->symbol_name);
}

static struct kprobe probe = {
	.symbol_name = symbol,
	.pre_handler = on_entry,
};

static int __init watch_init(void)
{
	int err;

	if (after)
		probe.post_handler = on_first_done;
	err = register_kprobe(&probe);
	if (err) {
		pr_err("no probe on %s: error %d\n", symbol, err);
		return err;
	}
	pr_info("watching %s\n", symbol);
	return 0;
}

static void __exit watch_exit(void)
{
	unregister_kprobe(&probe);
	pr_info("%u calls of %s\n", calls, symbol);
}

module_init(watch_init);
module_exit(watch_exit);
MODULE_DESCRIPTION("Says when a function is called, and with what");
MODULE_LICENSE("Dual MIT/GPL");
