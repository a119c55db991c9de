/* SPDX-License-Identifier: MIT */
/* main.c - from the start code to the payload */

#include <kern/arch.h>
#include <kern/main.h>
#include <kern/memory.h>
#include <kern/printk.h>

void kernel_main(void)
{
	bool passed;

	arch_early_init();
	page_init();
	arch_mmu_init();
	arch_timer_init();
	printk("# kernel: %lu pages free, command line \"%s\"\n",
	       (unsigned long)page_nr_free(), arch_command_line());

	passed = kernel_payload();
	arch_exit(passed ? EXIT_PASS : EXIT_FAIL);
}
