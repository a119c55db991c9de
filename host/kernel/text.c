/* SPDX-License-Identifier: MIT */
/*
 * text.c - changing the kernel's text under its feet
 *
 * One CPU: whoever changes text runs in task context, and nothing else runs
 * but the interrupts that come between two of its instructions.  That makes
 * some duties small:
 *
 *   others      are interrupt handlers.  Either they may come, and find a
 *               breakpoint while longer text is exchanged; or interrupts are
 *               off from tlh_patch_begin() to tlh_patch_end().
 *   sync        is a serializing instruction on this CPU.
 *   evict       an interrupt handler has left the window before the changer
 *               goes on, and no return address leads into one: a call inside
 *               makes it no window (TL_WHY_CALL).
 *   quiesce     nobody can be inside a slot or a detour: what interrupted the
 *               changer has ended, and what the changer was called by runs in
 *               no slot, because no handler may change probes, and a relocated
 *               call pushes the address in the original text.
 */

#include "host_kernel.h"
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <trapline/host.h>

static bool stop_others;
static bool patching;
static unsigned long irq_state;

void host_kernel_stop_others(bool stop)
{
	stop_others = stop;
}

int tlh_patch_begin(void)
{
	ASSERT(!patching);
	patching = true;
	if (!stop_others)
		return TL_OTHERS_RUNNING;
	irq_state = arch_irq_save();
	return TL_OTHERS_STOPPED;
}

void tlh_patch_end(void)
{
	ASSERT(patching);
	patching = false;
	if (!stop_others)
		return;
	text_sync_cpu();
	arch_irq_restore(irq_state);
}

int tlh_text_write(const struct tl_edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text_write((void *)edits[i].addr, edits[i].bytes,
			       edits[i].len))
			return -TL_EFAULT;
	}
	return 0;
}

void tlh_sync_cores(void)
{
	text_sync_cpu();
}

void tlh_evict(struct tl_window *windows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		windows[i].busy = false;
}

int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	(void)ranges;
	(void)n;
	ASSERT(!patching);
	return 0;
}
