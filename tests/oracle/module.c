/* SPDX-License-Identifier: MIT */
/*
 * module.c - the tests of the public API as a module of a stock Linux kernel
 *
 * They run while it is loaded, and report by printk().  Parameters: only (the
 * names of the tests to run contain it), scale and seed.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include <trapline/kprobes.h>

#include "tl_test.h"

struct oracle_calls oracle;

static char *only;
module_param(only, charp, 0444);
static unsigned int scale = 1;
module_param(scale, uint, 0444);
static unsigned long long seed = 1;
module_param(seed, ullong, 0444);

void tl_test_write(const char *text, size_t len)
{
	printk(KERN_INFO "%.*s", (int)len, text);
	if (!in_atomic() && !irqs_disabled())
		cond_resched();
}

/* init itself, in another process: only programs can use those files. */
int oracle_write(const char *file, const char *text)
{
	char *argv[] = { "/init", "write", (char *)file, (char *)text, NULL };
	char *envp[] = { NULL };
	int err = call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC);

	wait_for_kprobe_optimizer();
	return err;
}

/*
 * Registering a probe finds the address of its symbol; also if it is then
 * refused.  One function that is found so finds all the others.
 */
static unsigned long (*kallsyms)(const char *name);

static int find_kallsyms(void)
{
	struct kprobe p = { .symbol_name = "kallsyms_lookup_name" };

	if ((register_kprobe)(&p) == 0)
		(unregister_kprobe)(&p);
	kallsyms = (void *)p.addr;
	return kallsyms ? 0 : -ENOENT;
}

/*
 * Some kernels list no variables.  current_kprobe is the one of a CPU's own that
 * kprobe_busy_begin() sets, and kprobe_busy_end() clears.
 */
#if defined(CONFIG_ARM64) && !defined(CONFIG_KALLSYMS_ALL)
static bool is_current_kprobe(struct kprobe *__percpu *var)
{
	struct kprobe *busy = NULL, *idle = NULL;
	long err;

	kprobe_busy_begin();
	err = copy_from_kernel_nofault(&busy, raw_cpu_ptr(var), sizeof(busy));
	kprobe_busy_end();
	preempt_disable();
	err |= copy_from_kernel_nofault(&idle, raw_cpu_ptr(var), sizeof(idle));
	preempt_enable();
	return !err && busy && !idle;
}

/* What adrp and add make in it. */
static int find_current_kprobe(void)
{
	const u32 *code = (const void *)(oracle.kprobe_busy_begin);
	unsigned long page[32] = { 0 };

	for (int i = 0; i < 32 && !oracle.current_kprobe; i++) {
		u32 insn = code[i], to = insn & 31, from = insn >> 5 & 31;
		struct kprobe *__percpu *var;

		if ((insn & 0x9f000000) == 0x90000000) {
			page[to] = ((unsigned long)(code + i) & ~0xffful) +
				   ((unsigned long)sign_extend64(
					    (insn >> 29 & 3) |
						    (insn >> 5 & 0x7ffff) << 2,
					    20)
				    << 12);
		} else if ((insn & 0xffc00000) == 0x91000000 && page[from]) {
			var = (void *)(page[from] + (insn >> 10 & 0xfff));
			if (is_current_kprobe(var))
				oracle.current_kprobe = var;
		}
	}
	return oracle.current_kprobe ? 0 : -ENOENT;
}
#else
static int find_current_kprobe(void)
{
	oracle.current_kprobe = (void *)kallsyms("current_kprobe");
	return oracle.current_kprobe ? 0 : -ENOENT;
}
#endif

static int find_calls(void)
{
#define FIND(name)                           \
	{                                    \
#name, (void **)&oracle.name \
	}
	static const struct {
		const char *name;
		void **to;
	} rows[] = {
#ifdef CONFIG_OPTPROBES
		FIND(wait_for_kprobe_optimizer),
#endif
		{ "get_kprobe", (void **)&oracle.get },
		FIND(kprobe_busy_begin),
		FIND(kprobe_busy_end),
		FIND(kprobe_on_func_entry),
		FIND(within_kprobe_blacklist),
		FIND(kprobe_add_ksym_blacklist),
		FIND(kprobe_add_area_blacklist),
		FIND(kprobe_remove_area_blacklist),
	};
	int err = find_kallsyms();

	for (size_t i = 0; !err && i < TL_ARRAY_SIZE(rows); i++) {
		*rows[i].to = (void *)kallsyms(rows[i].name);
		if (*rows[i].to)
			continue;
		pr_err("Bail out! this kernel has no %s\n", rows[i].name);
		err = -ENOENT;
	}
	if (!err && find_current_kprobe()) {
		pr_err("Bail out! this kernel has no current_kprobe\n");
		err = -ENOENT;
	}
	return err;
}

static int __init run(void)
{
	int err = find_calls();

	if (err)
		return err;
	tl_test_scale = scale;
	tl_test_seed = seed;
	tl_test_run(only);
	return 0;
}

static void __exit done(void)
{
}

module_init(run);
module_exit(done);
MODULE_DESCRIPTION(
	"The tests of Trapline's public API, for Linux's own kprobes");
MODULE_LICENSE("Dual MIT/GPL");
