/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what the kernel puts on a stack for a signal, on x86-64
 */
#ifndef TL_LINUX_FRAME_H
#define TL_LINUX_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct tl_ucontext {
	unsigned long flags;
	struct tl_ucontext *link;
	uintptr_t stack_sp;
	int stack_flags;
	size_t stack_size;
	unsigned long r8, r9, r10, r11, r12, r13, r14, r15;
	unsigned long di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
	uint16_t cs, gs, fs, ss;
	unsigned long err, trapno, oldmask, cr2;
	uintptr_t fpstate;
	unsigned long spare[8]; /* the kernel leaves them unused */
	uint64_t sigmask;
};

/*
 * A signal's frame on a stack is known by the word in which the kernel saves the
 * segment registers,
 *
 *     ... | sp | ip | flags | 2b:0:0:33 | ...
 *
 * which is fed word by word.  The stack pointer of the interrupted code, when its
 * frame was seen; else 0.  Context: any.
 */
struct tl_frame_seen {
	uintptr_t last[3]; /* flags, ip, sp if a frame follows */
};

static inline uintptr_t tl_frame_see(struct tl_frame_seen *f, uintptr_t word)
{
	/* ss, fs, gs, cs of 64-bit user mode */
	uintptr_t sp = word == 0x002b000000000033ul ? f->last[2] : 0;

	f->last[2] = f->last[1];
	f->last[1] = f->last[0];
	f->last[0] = word;
	return sp;
}

#endif
