/* SPDX-License-Identifier: MIT */
/* main.c - from the start code to the payload */

#include <kern/arch.h>
#include <kern/debug.h>
#include <kern/main.h>
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/smp.h>
#include <kern/thread.h>

void kernel_main(void)
{
	bool passed;

	arch_early_init();
	page_init();
	arch_mmu_init();
	arch_timer_init();
	thread_init();
	debug_start();
	smp_init();
	printk("# kernel: %u CPUs, %lu pages free, command line \"%s\"\n",
	       smp_cpus(), (unsigned long)page_nr_free(), arch_command_line());

	passed = kernel_payload();
	arch_exit(passed ? EXIT_PASS : EXIT_FAIL);
}
