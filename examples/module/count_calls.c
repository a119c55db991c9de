// SPDX-License-Identifier: MIT
/*
 * count_calls.c - a kernel module: several functions counted, registered at once
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>

#define MAX_FUNCTIONS 16

static char *functions[MAX_FUNCTIONS];
static unsigned int n_functions;
module_param_array(functions, charp, &n_functions, 0444);
MODULE_PARM_DESC(functions, "what to count, with commas between");

struct counted {
	struct kprobe probe;
	atomic_t calls;
};

static struct counted *counted;
static struct kprobe *probes[MAX_FUNCTIONS];

static int on_hit(struct kprobe *p, struct pt_regs *regs)
{
	atomic_inc(&container_of(p, struct counted, probe)->calls);
	return 0;
}

static int __init count_init(void)
{
	unsigned int i;
	int err;

	if (!n_functions) {
		pr_err("functions=NAME,... is missing\n");
		return -EINVAL;
	}
	counted = kcalloc(n_functions, sizeof(*counted), GFP_KERNEL);
	if (!counted)
		return -ENOMEM;
	for (i = 0; i < n_functions; i++) {
		counted[i].probe.symbol_name = functions[i];
		counted[i].probe.pre_handler = on_hit;
		probes[i] = &counted[i].probe;
	}
	err = register_kprobes(probes, n_functions);
	if (err) {
		pr_err("no probes: error %d\n", err);
		kfree(counted);
	}
	return err;
}

static void __exit count_exit(void)
{
	unsigned int i;

	unregister_kprobes(probes, n_functions);
	for (i = 0; i < n_functions; i++)
		pr_info("%s: %d\n", functions[i],
			atomic_read(&counted[i].calls));
	kfree(counted);
}

module_init(count_init);
module_exit(count_exit);
MODULE_DESCRIPTION("Counts calls of several functions");
MODULE_LICENSE("Dual MIT/GPL");
