/* SPDX-License-Identifier: MIT */
/* panic.c - say what went wrong, and leave */

#include <kern/arch.h>
#include <kern/panic.h>
#include <kern/printk.h>
#include <kern/symbols.h>
#include <stdatomic.h>

#define MAX_FRAMES 24

static void show_address(uintptr_t addr)
{
	const struct symbol *sym = symbol_by_addr(addr);

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
		show_address(addr);
	}
}

void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
{
	static atomic_flag panicked = ATOMIC_FLAG_INIT;
	va_list ap;

	arch_irq_save();
	if (atomic_flag_test_and_set(&panicked))
		arch_exit(EXIT_PANIC);

	printk("\nBail out! panic on cpu %u: ", arch_cpu_id());
	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
	printk("\n");

	if (regs) {
		arch_show_regs(regs);
		show_address(arch_regs_ip(regs));
	}
	show_calls(regs ? arch_regs_fp(regs) : 0);
	arch_exit(EXIT_PANIC);
}
