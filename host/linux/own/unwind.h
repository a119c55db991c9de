/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - between unwind.S, unwind.c and home.c
 */
#ifndef TL_OWN_UNWIND_H
#define TL_OWN_UNWIND_H

/* So many threads can have return addresses replaced; 16 bytes each. */
#define TL_TRAMPOLINES 4096

/* Offsets in struct kretprobe_instance, whose first member is `next`. */
#define TL_RI_RET_ADDR 16
#define TL_RI_FP       32

#ifndef __ASSEMBLER__
extern const char tl_unwind_trampolines[];
extern struct kretprobe_instance **tl_unwind_lists[TL_TRAMPOLINES];
#endif

#endif
