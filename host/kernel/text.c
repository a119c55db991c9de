/* SPDX-License-Identifier: MIT */
/*
 * text.c - changing the kernel's text under its feet
 *
 * Whoever changes text runs in task context; the other CPUs run whatever they
 * run, or have been stopped in an interrupt (stop_others()).  Where threads stand
 * is known only while they are stopped: each trap and interrupt leaves a frame in
 * its thread's list, so threads[] then tells about everyone, those that
 * run as well as those that were pre-empted.
 *
 *     write       through the alias of this CPU, one edit at a time.
 *     sync        each CPU executes a serializing instruction in an interrupt.
 *     evict       whoever was interrupted inside a window is moved into the
 *                 detour.  No return address leads into a window: one with a
 *                 call inside is none (TL_WHY_CALL).
 *     quiesce     nobody was interrupted in the range, and no word in the live
 *                 part of a stack that was interrupted, or is asleep, looks as if
 *                 it led there.  The stack of the caller is not looked at: no handler
 *                 changes probes, and relocated calls push original addresses.
 *
 * QEMU with a host thread for each CPU may keep an old translation of text that
 * one CPU writes while another executes it, for ever, whatever the other does.
 * It never does if the same bytes are written again after all CPUs have taken
 * an interrupt; so on this emulator that is done (text_is_emulated()).
 */

#include "host_kernel.h"
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <trapline/host.h>

static bool stop_mode;
static bool patching;

void host_kernel_stop_others(bool stop)
{
	stop_mode = stop;
}

int tlh_patch_begin(void)
{
	ASSERT(!patching);
	patching = true;
	if (!stop_mode)
		return TL_OTHERS_RUNNING;
	stop_others();
	return TL_OTHERS_STOPPED;
}

void tlh_patch_end(void)
{
	ASSERT(patching);
	patching = false;
	if (others_are_stopped())
		start_others(); /* and each of them synchronizes */
}

static int write_all(const struct tl_edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text_write((void *)edits[i].addr, edits[i].bytes,
			       edits[i].len))
			return -TL_EFAULT;
	}
	return 0;
}

/* x86 keeps caches coherent: TL_CACHES_DONE. */
int tlh_text_write(const struct tl_edit *edits, size_t n, enum tl_others others)
{
	int err = write_all(edits, n);

	ASSERT((others == TL_OTHERS_STOPPED) == others_are_stopped());
	if (err || others == TL_OTHERS_STOPPED || !text_is_emulated())
		return err;
	tlh_sync_cores();
	return write_all(edits, n);
}

static void sync_cpu(void *arg)
{
	(void)arg;
	text_sync_cpu();
}

void tlh_sync_cores(void)
{
	cpu_call_others(sync_cpu, NULL);
	text_sync_cpu();
}

/* ---- where the others are ------------------------------------------------------- */

/* Stop the others, unless they are; true: they are to be let go. */
static bool stop_to_look(void)
{
	if (others_are_stopped())
		return false;
	stop_others();
	return true;
}

static void evict_frame(struct tl_window *w, struct pt_regs *regs)
{
	uintptr_t at = arch_regs_ip(regs) - w->start;

	if (!arch_regs_kernel(regs) || !at || at >= w->len)
		return;
	for (uint32_t i = 0; i < w->n_inner; i++) {
		if (w->inner[i] != at)
			continue;
		arch_regs_set_ip(regs, w->moved[i]);
		return;
	}
	w->busy = true;
}

void tlh_evict(struct tl_window *windows, size_t n)
{
	bool stopped = stop_to_look();

	for (size_t k = 0; k < n; k++) {
		windows[k].busy = false;
		for (size_t i = 0; i < KERN_MAX_THREADS; i++) {
			struct trap_frame *f = threads[i].frames;

			for (; f; f = f->prev)
				evict_frame(&windows[k], f->regs);
		}
	}
	if (stopped)
		start_others();
}

static bool in_ranges(uintptr_t word, const struct tl_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word >= ranges[i].start && word < ranges[i].end)
			return true;
	return false;
}

/* Back to the probed instruction, where nothing of ours is under way. */
static void leave_range(struct pt_regs *regs, const struct tl_range *ranges,
			size_t n)
{
	uintptr_t ip = arch_regs_ip(regs);

	for (size_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < ranges[k].n; i++)
			if (ranges[k].start + ranges[k].to[i] == ip) {
				arch_regs_set_ip(regs,
						 ranges[k].origin +
							 ranges[k].from[i]);
				return;
			}
}

/* Is @t in one of @ranges, or will it come back to one? */
static bool is_inside(const struct thread *t, const struct tl_range *ranges,
		      size_t n)
{
	const struct trap_frame *f = t->frames;
	uintptr_t from = f ? (uintptr_t)f->regs : t->sp;

	if (t->state == THREAD_FREE || t->state == THREAD_NEW ||
	    t->state == THREAD_DONE)
		return false;
	for (; f; f = f->prev)
		if (arch_regs_kernel(f->regs))
			leave_range(f->regs, ranges, n);
	/* What was interrupted is on the stack, the instruction pointer too. */
	for (; from < t->stack_high; from += sizeof(uintptr_t))
		if (in_ranges(*(const uintptr_t *)from, ranges, n))
			return true;
	return false;
}

int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	bool inside = false;

	ASSERT(!patching);
	stop_others();
	for (size_t i = 0; i < KERN_MAX_THREADS && !inside; i++)
		inside = &threads[i] != arch_current() &&
			 is_inside(&threads[i], ranges, n);
	start_others();
	return inside ? -TL_EBUSY : 0;
}
