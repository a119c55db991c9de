// SPDX-License-Identifier: MIT
/*
 * data_breakpoint.c - a kernel module: says when a variable is written
 *
 * It knows nothing of Trapline, and compiles for a Linux kernel, too.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hw_breakpoint.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/perf_event.h>

static char variable[KSYM_NAME_LEN] = "total";
module_param_string(variable, variable, sizeof(variable), 0444);
MODULE_PARM_DESC(variable, "the variable to watch, a word");

static unsigned int writes;
static struct perf_event *__percpu *breakpoint;

static void on_write(struct perf_event *bp, struct perf_sample_data *data,
		     struct pt_regs *regs)
{
	writes++;
	pr_info("%s was written\n", variable);
}

static int __init data_init(void)
{
	struct perf_event_attr attr;
	void *addr = __symbol_get(variable);

	if (!addr) {
		pr_err("no variable %s\n", variable);
		return -ENXIO;
	}
	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)addr;
	attr.bp_len = HW_BREAKPOINT_LEN_4;
	attr.bp_type = HW_BREAKPOINT_W;
	breakpoint = register_wide_hw_breakpoint(&attr, on_write, NULL);
	if (IS_ERR((void __force *)breakpoint)) {
		pr_err("no breakpoint on %s: error %ld\n", variable,
		       PTR_ERR((void __force *)breakpoint));
		__symbol_put(variable);
		return PTR_ERR((void __force *)breakpoint);
	}
	pr_info("watching %s\n", variable);
	return 0;
}

static void __exit data_exit(void)
{
	unregister_wide_hw_breakpoint(breakpoint);
	__symbol_put(variable);
	pr_info("%u writes to %s\n", writes, variable);
}

module_init(data_init);
module_exit(data_exit);
MODULE_DESCRIPTION("Says when a variable is written");
MODULE_LICENSE("Dual MIT/GPL");
