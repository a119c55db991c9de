/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what the kernel puts on a stack for a signal, on arm64
 */
#ifndef TL_LINUX_FRAME_H
#define TL_LINUX_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define TL_FRAME_RECORDS 4096

struct tl_ucontext {
	unsigned long flags;
	struct tl_ucontext *link;
	uintptr_t stack_sp;
	int stack_flags;
	size_t stack_size;
	uint64_t sigmask;
	unsigned long spare[15]; /* for longer masks: the kernel has none */
	unsigned long align;
	uint64_t fault_address;
	uint64_t regs[31], sp, ip, pstate;
	unsigned long align_records;
	/* Vector state and more, each with its kind and size; see frame.c. */
	uint8_t records[TL_FRAME_RECORDS];
};

/*
 * A signal's frame on a stack is known by the first of its records, which is that
 * of the vector registers, and from which the stack pointer is four words away,
 *
 *     ... | sp | pc | pstate | - | kind and size | ...
 *
 * which is fed word by word.  The stack pointer of the interrupted code, when its
 * frame was seen; else 0.  Context: any.
 */
struct tl_frame_seen {
	uintptr_t last[4]; /* -, pstate, pc, sp if a frame follows */
};

#define TL_FPSIMD_HEAD 0x0000021046508001ul /* 528 bytes of FPSIMD_MAGIC */

static inline uintptr_t tl_frame_see(struct tl_frame_seen *f, uintptr_t word)
{
	uintptr_t sp = word == TL_FPSIMD_HEAD ? f->last[3] : 0;

	for (int i = 3; i; i--)
		f->last[i] = f->last[i - 1];
	f->last[0] = word;
	return sp;
}

#endif
