/* SPDX-License-Identifier: MIT */
/*
 * kprobes.h - Linux's kprobes, under the name that the tests of the API include
 *
 * The calls are Linux's own.  Two things are added.  Linux makes a jump of a
 * breakpoint, and a breakpoint of a jump, some time after the call that
 * led to it; here each call waits for that, so that a test finds what it has
 * asked for.  And what <linux/kprobes.h> declares, or a file of debugfs does,
 * but modules may not call, is found by its name (module.c).
 */
#ifndef ORACLE_KPROBES_H
#define ORACLE_KPROBES_H

#include <linux/kprobes.h>
#include <linux/percpu.h>

#include <trapline/errno.h>

struct oracle_calls {
	void (*wait_for_kprobe_optimizer)(void);
	struct kprobe *(*get)(void *addr);
	struct kprobe *__percpu *current_kprobe;
	void (*kprobe_busy_begin)(void);
	void (*kprobe_busy_end)(void);
	int (*kprobe_on_func_entry)(kprobe_opcode_t *addr, const char *sym,
				    unsigned long offset);
	bool (*within_kprobe_blacklist)(unsigned long addr);
	int (*kprobe_add_ksym_blacklist)(unsigned long entry);
	int (*kprobe_add_area_blacklist)(unsigned long start,
					 unsigned long end);
	void (*kprobe_remove_area_blacklist)(unsigned long start,
					     unsigned long end);
};
extern struct oracle_calls oracle;

/* 0, or what the file says to @text. */
int oracle_write(const char *file, const char *text);

#ifdef CONFIG_OPTPROBES
#define wait_for_kprobe_optimizer() oracle.wait_for_kprobe_optimizer()
#endif
#define get_kprobe			(oracle.get)
#define kprobe_running()		(*raw_cpu_ptr(oracle.current_kprobe))
#define kprobe_busy_begin()		oracle.kprobe_busy_begin()
#define kprobe_busy_end()		oracle.kprobe_busy_end()
#define kprobe_on_func_entry(a, s, o)	oracle.kprobe_on_func_entry(a, s, o)
#define within_kprobe_blacklist(a)	oracle.within_kprobe_blacklist(a)
#define kprobe_add_ksym_blacklist(a)	oracle.kprobe_add_ksym_blacklist(a)
#define kprobe_add_area_blacklist(s, e) oracle.kprobe_add_area_blacklist(s, e)
#define kprobe_remove_area_blacklist(s, e) \
	oracle.kprobe_remove_area_blacklist(s, e)

#define ORACLE_ENABLED		 "/sys/kernel/debug/kprobes/enabled"
#define ORACLE_OPTIMIZE		 "/proc/sys/debug/kprobes-optimization"
#define disarm_all_kprobes()	 oracle_write(ORACLE_ENABLED, "0")
#define arm_all_kprobes()	 oracle_write(ORACLE_ENABLED, "1")
#define unoptimize_all_kprobes() oracle_write(ORACLE_OPTIMIZE, "0")
#define optimize_all_kprobes()	 oracle_write(ORACLE_OPTIMIZE, "1")

/* @call, and what comes of it later. */
#define oracle_settled(call)                 \
	({                                   \
		int err_ = (call);           \
		wait_for_kprobe_optimizer(); \
		err_;                        \
	})
#define oracle_settled_void(call)            \
	do {                                 \
		(call);                      \
		wait_for_kprobe_optimizer(); \
	} while (0)

#define register_kprobe(p)	  oracle_settled(register_kprobe(p))
#define register_kprobes(p, n)	  oracle_settled(register_kprobes(p, n))
#define register_kretprobe(p)	  oracle_settled(register_kretprobe(p))
#define register_kretprobes(p, n) oracle_settled(register_kretprobes(p, n))
#define enable_kprobe(p)	  oracle_settled(enable_kprobe(p))
#define disable_kprobe(p)	  oracle_settled(disable_kprobe(p))
#define enable_kretprobe(p)	  oracle_settled(enable_kretprobe(p))
#define disable_kretprobe(p)	  oracle_settled(disable_kretprobe(p))
#define unregister_kprobe(p)	  oracle_settled_void(unregister_kprobe(p))
#define unregister_kprobes(p, n)  oracle_settled_void(unregister_kprobes(p, n))
#define unregister_kretprobe(p)	  oracle_settled_void(unregister_kretprobe(p))
#define unregister_kretprobes(p, n) \
	oracle_settled_void(unregister_kretprobes(p, n))

/*
 * Linux gives no reasons: it is a jump (NONE), or it is not (LINUX).  On arm64 it
 * has none.
 */
enum tl_why {
	TL_WHY_NONE,
	TL_WHY_LINUX,
	TL_WHY_TARGET,
	TL_WHY_NOT_RELOCATABLE,
	TL_WHY_OTHER_PROBE,
	TL_WHY_OFF,
};

static inline enum tl_why trapline_kprobe_why(const struct kprobe *p)
{
	wait_for_kprobe_optimizer();
	return IS_ENABLED(CONFIG_OPTPROBES) && *(volatile u8 *)p->addr == 0xe9
		       ? TL_WHY_NONE
		       : TL_WHY_LINUX;
}

#endif
