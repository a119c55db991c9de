/* SPDX-License-Identifier: MIT */
/*
 * exports.c - what modules find here: the probes, and what kernel.c, string.c,
 * format.c and print.c have
 *
 * All are functions: a module reaches them by stubs, however far away they are.
 */
#include "kmod.h"

#include <linux/delay.h>
#include <linux/hw_breakpoint.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define EXPORT(name)                   \
	{                              \
#name, (uintptr_t)name \
	}

/* clang-format off */
static const struct export {
	const char *name;
	uintptr_t addr;
} exports[] = {
	/* probes */
	EXPORT(arm_all_kprobes),
	EXPORT(disable_kprobe),
	EXPORT(disarm_all_kprobes),
	EXPORT(enable_kprobe),
	EXPORT(get_kprobe),
	EXPORT(jprobe_return),
	EXPORT(kprobe_add_area_blacklist),
	EXPORT(kprobe_add_ksym_blacklist),
	EXPORT(kprobe_busy_begin),
	EXPORT(kprobe_busy_end),
	EXPORT(kprobe_on_func_entry),
	EXPORT(kprobe_remove_area_blacklist),
	EXPORT(kprobe_running),
	EXPORT(optimize_all_kprobes),
	EXPORT(register_jprobe),
	EXPORT(register_jprobes),
	EXPORT(register_kprobe),
	EXPORT(register_kprobes),
	EXPORT(register_kretprobe),
	EXPORT(register_kretprobes),
	EXPORT(trapline_each_blacklisted),
	EXPORT(trapline_each_probe),
	EXPORT(trapline_kprobe_kind),
	EXPORT(trapline_kprobe_why),
	EXPORT(trapline_probe_near),
	EXPORT(trapline_register_each),
	EXPORT(trapline_why_name),
	EXPORT(unoptimize_all_kprobes),
	EXPORT(unregister_jprobe),
	EXPORT(unregister_jprobes),
	EXPORT(unregister_kprobe),
	EXPORT(unregister_kprobes),
	EXPORT(unregister_kretprobe),
	EXPORT(unregister_kretprobes),
	EXPORT(wait_for_kprobe_optimizer),
	EXPORT(within_kprobe_blacklist),

	/* hardware breakpoints */
	EXPORT(kmod_modify_user_hw_breakpoint),
	EXPORT(kmod_register_user_hw_breakpoint),
	EXPORT(kmod_register_wide_hw_breakpoint),
	EXPORT(kmod_unregister_hw_breakpoint),
	EXPORT(kmod_unregister_wide_hw_breakpoint),
	EXPORT(modify_hw_breakpoint),
	EXPORT(register_kernel_hw_breakpoint),

	/* printing and numbers */
	EXPORT(_printk),
	EXPORT(vprintk),
	EXPORT(scnprintf),
	EXPORT(snprintf),
	EXPORT(sprintf),
	EXPORT(vscnprintf),
	EXPORT(vsnprintf),
	EXPORT(kstrtobool),
	EXPORT(kstrtoint),
	EXPORT(kstrtol),
	EXPORT(kstrtoll),
	EXPORT(kstrtouint),
	EXPORT(kstrtoul),
	EXPORT(kstrtoull),

	/* strings and memory */
	EXPORT(memchr),
	EXPORT(memcmp),
	EXPORT(memcpy),
	EXPORT(memmove),
	EXPORT(memset),
	EXPORT(strcat),
	EXPORT(strchr),
	EXPORT(strcmp),
	EXPORT(strcpy),
	EXPORT(strlcpy),
	EXPORT(strlen),
	EXPORT(strncmp),
	EXPORT(strncpy),
	EXPORT(strnlen),
	EXPORT(strrchr),
	EXPORT(strscpy),
	EXPORT(strstr),
	EXPORT(__kmalloc),
	EXPORT(kfree),
	EXPORT(kmemdup),
	EXPORT(krealloc),
	EXPORT(kstrdup),
	EXPORT(kstrndup),
	EXPORT(copy_from_kernel_nofault),
	EXPORT(copy_from_user),
	EXPORT(copy_to_user),
	EXPORT(strncpy_from_user),

	/* time, tasks, locks, names */
	EXPORT(get_jiffies),
	EXPORT(ktime_get),
	EXPORT(ktime_get_boottime),
	EXPORT(ktime_get_real),
	EXPORT(msleep),
	EXPORT(ndelay),
	EXPORT(udelay),
	EXPORT(usleep_range),
	EXPORT(get_current),
	EXPORT(num_online_cpus),
	EXPORT(raw_smp_processor_id),
	EXPORT(schedule),
	EXPORT(kmod_spin_lock_irqsave),
	EXPORT(mutex_lock),
	EXPORT(mutex_trylock),
	EXPORT(mutex_unlock),
	EXPORT(spin_lock),
	EXPORT(spin_trylock),
	EXPORT(spin_unlock),
	EXPORT(spin_unlock_irqrestore),
	EXPORT(kallsyms_lookup_name),
	EXPORT(dump_stack),
};
/* clang-format on */

uintptr_t tl_kmod_export(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(exports); i++)
		if (!strcmp(exports[i].name, name))
			return exports[i].addr;
	return 0;
}
