/* SPDX-License-Identifier: MIT */
/*
 * calls.c - a module with the functions that examples/module/ probes, and the
 * variable that it watches
 *
 * Writing N to its parameter `run' calls work(N), as the program there does.
 */
#include <linux/kernel.h>
#include <linux/module.h>

int total;
EXPORT_SYMBOL_GPL(total);

noinline int add(int a, int b);
noinline int work(int n);

noinline int add(int a, int b)
{
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return a + b;
}

noinline int work(int n)
{
	int sum = 0;

	for (int i = 1; i <= n; i++)
		sum = add(sum, i);
	WRITE_ONCE(total, sum);
	return sum;
}

static int run(const char *text, const struct kernel_param *kp)
{
	int n, err = kstrtoint(text, 0, &n);

	if (!err)
		printk(KERN_INFO "= %d\n", work(n));
	return err;
}

static const struct kernel_param_ops run_ops = { .set = run };
module_param_cb(run, &run_ops, NULL, 0200);

static int __init calls_init(void)
{
	return 0;
}

static void __exit calls_exit(void)
{
}

module_init(calls_init);
module_exit(calls_exit);
MODULE_DESCRIPTION("Functions for modules to probe");
MODULE_LICENSE("Dual MIT/GPL");
