// SPDX-License-Identifier: MIT
/*
 * kmod_forgets.c - a module that ends and leaves its probe registered; it is
 * remembered when somebody calls kmod_forgets_remind()
 */
#include <linux/kprobes.h>
#include <linux/module.h>

void kmod_forgets_remind(void);

static int on_hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "sys_getpid",
	.pre_handler = on_hit,
};

void kmod_forgets_remind(void)
{
	unregister_kprobe(&probe);
}

static int __init forget_init(void)
{
	return register_kprobe(&probe);
}

static void __exit forget_exit(void)
{
}

module_init(forget_init);
module_exit(forget_exit);
MODULE_LICENSE("Dual MIT/GPL");
