/* SPDX-License-Identifier: MIT */
/* panic.c - say what went wrong, and leave */

#include <kern/arch.h>
#include <kern/panic.h>
#include <kern/printk.h>
#include <kern/smp.h>
#include <kern/symbols.h>
#include <kern/trap.h>
#include <stdatomic.h>

#define MAX_FRAMES 24

/* @call: @addr is behind a call, which may be the last thing in its function. */
static void show_address(uintptr_t addr, bool call)
{
	const struct symbol *sym = symbol_by_addr(addr - call);

	if (sym)
		printk("  %p %s+0x%lx\n", (void *)addr, sym->name,
		       (unsigned long)(addr - sym->addr));
	else
		printk("  %p\n", (void *)addr);
}

static void show_calls(uintptr_t fp)
{
	uintptr_t addr;

	for (unsigned int i = 0; i < MAX_FRAMES; i++) {
		addr = arch_next_frame(&fp);
		if (!addr)
			break;
		show_address(addr, true);
	}
}

static atomic_flag panicked = ATOMIC_FLAG_INIT;
static _Atomic int panicking = -1;

NOPROBE bool is_panicking(void)
{
	return panicking >= 0 && panicking != (int)arch_cpu_id();
}

NOPROBE void halt(void)
{
	arch_irq_save();
	for (;;)
		arch_cpu_relax();
}

/* The first to panic speaks; nobody else goes on. */
static void silence_others(void)
{
	panicking = (int)arch_cpu_id();
	for (unsigned int i = 0; i < smp_cpus(); i++)
		if (i != arch_cpu_id())
			arch_send_nmi(i);
}

void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
{
	va_list ap;

	arch_irq_save();
	if (atomic_flag_test_and_set(&panicked)) {
		if (panicking != (int)arch_cpu_id())
			halt();
		arch_exit(EXIT_PANIC);
	}
	silence_others();

	printk("\nBail out! panic on cpu %u: ", arch_cpu_id());
	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
	printk("\n");

	if (regs) {
		arch_show_regs(regs);
		show_address(arch_regs_ip(regs), false);
	}
	show_calls(regs ? arch_regs_fp(regs) : 0);
	arch_exit(EXIT_PANIC);
}
