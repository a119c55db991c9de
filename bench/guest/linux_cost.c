// SPDX-License-Identifier: MIT
/*
 * linux_cost.c - guest instructions for a hit of Linux's own kprobes
 *
 * The counterpart of tests/guest/cost.c: the same function (work.S), the same loop
 * with interrupts off, the same handlers, the same lines on the console.  The time
 * stamp counter counts instructions under -icount shift=0, arm64's virtual counter
 * steps of them.  jumps= says whether probes may become jumps, which is a setting
 * of the kernel (debug.kprobes-optimization; there are none on arm64).
 */
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#define CALLS 1000

void cost_work(void);

static bool jumps;
module_param(jumps, bool, 0444);

static unsigned long hits;

/* What the first bytes of the text are then, and how instructions are counted. */
#ifdef CONFIG_ARM64
#include <asm/arch_timer.h>
#include <asm/sysreg.h>
#define BREAKPOINT 0xd4200080 /* brk #4 */
#define JUMP	   BREAKPOINT
#define TEXT	   (*(u32 *)cost_work)

static u64 instructions(void)
{
	isb();
	return read_sysreg(cntvct_el0) * (1000000000 / arch_timer_get_cntfrq());
}
#else
#define BREAKPOINT     0xcc
#define JUMP	       0xe9
#define TEXT	       (*(u8 *)cost_work)
#define instructions() rdtsc()
#endif

static int count(struct kprobe *p, struct pt_regs *regs)
{
	hits++;
	return 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	hits++;
}

static int count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	hits++;
	return 0;
}

static noinline u64 cost(void)
{
	unsigned long flags;
	u64 start;
	int i;

	local_irq_save(flags);
	start = instructions();
	for (i = 0; i < CALLS; i++)
		cost_work();
	start = instructions() - start;
	local_irq_restore(flags);
	return start;
}

/* @text is what the text must begin with: what kind of probe it is. */
static void show(const char *name, u64 plain, u32 text, unsigned long want)
{
	u64 with;

	msleep(1000); /* jumps are made later, by a work item */
	hits = 0;
	with = cost();
	if (hits != want || TEXT != text)
		pr_info("%s: %lu hits, text %02x\n", name, hits, TEXT);
	else
		pr_info("%s = %llu\n", name,
			(with - plain + CALLS / 2) / CALLS);
}

static int __init start(void)
{
	u32 text = jumps ? JUMP : BREAKPOINT;
	struct kprobe p = { .addr = (void *)cost_work, .pre_handler = count };
	struct kprobe q = { .addr = (void *)cost_work,
			    .pre_handler = count,
			    .post_handler = count_post };
	struct kretprobe rp = { .kp.addr = (void *)cost_work,
				.handler = count_return };
	u64 plain = cost();

	plain = cost();
	if (register_kprobe(&p))
		return -EINVAL;
	show(jumps ? "jump" : "breakpoint", plain, text, CALLS);
	unregister_kprobe(&p);
	if (!jumps) {
		if (register_kprobe(&q))
			return -EINVAL;
		show("breakpoint, pre and post", plain, text, 2 * CALLS);
		unregister_kprobe(&q);
	}
	if (register_kretprobe(&rp))
		return -EINVAL;
	show(jumps ? "followed call, jump" : "followed call, breakpoint", plain,
	     text, CALLS);
	unregister_kretprobe(&rp);
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("Dual MIT/GPL");
