/* SPDX-License-Identifier: MIT */
/*
 * places_isa.h - the functions of places.S on arm64: where what is in them, and what
 * only this processor has
 */
#ifndef PLACES_ISA_H
#define PLACES_ISA_H

place_fn place_cbz, place_tbz;

extern const char place_call_first_at[];

/* Does @fn use memory below the stack pointer? */
#define IS_RED_ZONE(fn) ((void)(fn), false)

#define PLACE_RED_ZONE	  NULL
#define PLACE_RED_ZONE_AT NULL

/* Offsets: of an instruction behind the first; of what is no instruction. */
#define PLACE_JUMP_SECOND 4
#define PLACE_JUMP_SIZE	  8
#define PLACE_BREAK_FIRST 4
#define PLACE_BREAK_SIZE  12
#define PLACE_BAD_INSIDE  2

/* The value of place_value has been loaded there, into this. */
#define PLACE_RIP_BEHIND       8
#define PLACE_RIP_VALUE(regs_) ((regs_)->regs[2])

/* Why the first instruction of place_break is no jump. */
#define PLACE_BREAK_WHY TL_WHY_NOT_RELOCATABLE

/* What registration says to the middle of an instruction, and to traps. */
#define INSIDE_GIVES   (-TL_EINVAL)
#define OWN_TRAP_GIVES (-TL_EINVAL)
#define UD_GIVES       0 /* its copy faults as it does */
/* And to what is behind a breakpoint of somebody else's: that has one length. */
#define OWN_TRAP_LEN	      4
#define BEHIND_OWN_TRAP_GIVES 0

/* Paravirtual kernels of x86 mark instructions that a host is to do for them. */
#define EMULATION_PREFIX NULL

/* name, address, what registration says, refused since Linux 6.9, not by Linux */
extern const char refused_brk[], refused_hlt[], refused_dcps[], refused_eret[],
	refused_drps[], refused_elr[], refused_spsel[], refused_unallocated[],
	refused_inside[], accepted_nop[], accepted_hint[];
/* clang-format off */
#define REFUSED_ROWS                                                     \
	{ "brk", refused_brk, -TL_EINVAL, false, false },                \
	{ "hlt", refused_hlt, -TL_EINVAL, false, false },                \
	{ "dcps1", refused_dcps, -TL_EINVAL, false, false },             \
	{ "eret", refused_eret, -TL_EINVAL, false, false },              \
	{ "drps", refused_drps, -TL_EINVAL, false, true },               \
	{ "mrs elr_el1", refused_elr, -TL_EINVAL, false, true },         \
	{ "msr spsel", refused_spsel, -TL_EINVAL, false, false },        \
	{ "unallocated", refused_unallocated, -TL_EINVAL, false, true }, \
	{ "between ldxr and stxr", refused_inside, -TL_EINVAL, false, true }, \
	{ "nop", accepted_nop, 0, false, false },                        \
	{ "hint", accepted_hint, 0, false, true },

/* name, function, place in it, a, b, what it returns, hits, where the last leads */
#define BRANCH_ROWS                                                      \
	{ "b", place_jmp, (char *)place_jmp, 1, 0, 4, 1,                 \
	  (char *)place_jmp + 12 },                                      \
	{ "bl", place_call_first, place_call_first_at, 1, 2, 1003, 1,    \
	  (char *)place_callee },                                        \
	{ "blr", place_call_ind, place_call_ind_at, 1, 2, 1003, 1,       \
	  (char *)place_callee },                                        \
	{ "cbnz", place_loop, place_loop_at, 4, 0, 10, 5,                \
	  place_loop_at + 4 },                                           \
	{ "ret", place_one, (char *)place_one, 0, 0, 0, 1, NULL },       \
	{ "b.lt taken", place_jcc, (char *)place_jcc + 4, 1, 2, 2, 1,    \
	  (char *)place_jcc + 12 },                                      \
	{ "b.lt not taken", place_jcc, (char *)place_jcc + 4, 2, 1, 2, 1, \
	  (char *)place_jcc + 8 },                                       \
	{ "cbz taken", place_cbz, (char *)place_cbz, 0, 2, 7, 1,         \
	  (char *)place_cbz + 12 },                                      \
	{ "cbz not taken", place_cbz, (char *)place_cbz, 1, 2, 3, 1,     \
	  (char *)place_cbz + 4 },                                       \
	{ "tbz taken", place_tbz, (char *)place_tbz, 1l << 32, 2, 4, 1,  \
	  (char *)place_tbz + 12 },                                      \
	{ "tbz not taken", place_tbz, (char *)place_tbz, 1l << 33, 2, 3, 1, \
	  (char *)place_tbz + 4 },

/* name, function, a, b, what it returns, its size */
#define PLACE_ROWS                                                       \
	{ "jump", place_jump, 1, 2, 3, 8 },                              \
	{ "break", place_break, 1, 2, 3, 12 },                           \
	{ "after_one", place_after_one, 1, 2, 8, 8 },                    \
	{ "padded", place_padded, 9, 2, 9, 8 },                          \
	{ "pad", place_pad, 1, 2, 5, 12 },                               \
	{ "rip", place_rip, 1, 2, 123456790, 16 },                       \
	{ "literal", place_rip_second, 1, 2, 123456790, 12 },            \
	{ "call_first", place_call_first, 1, 2, 1003, 28 },              \
	{ "call_ind", place_call_ind, 1, 2, 1003, 32 },                  \
	{ "cbz 0", place_cbz, 0, 2, 7, 20 },                             \
	{ "cbz 1", place_cbz, 1, 2, 3, 20 },                             \
	{ "tbz 0", place_tbz, 0, 2, 4, 20 },                             \
	{ "tbz 1", place_tbz, 1l << 33, 2, 3, 20 },                      \
	{ "jcc <", place_jcc, 1, 2, 2, 20 },                             \
	{ "jcc >", place_jcc, 5, 2, 5, 20 },                             \
	{ "jmp", place_jmp, 1, 2, 4, 20 },                               \
	{ "loop", place_loop, 4, 0, 10, 28 },                            \
	{ "flags", place_flags, 30, 12, 42, 40 },                        \
	{ "flags dead", place_flags_dead, 1, 2, 3, 12 },                 \
	{ "behind", place_behind, 5, 1, 16, 24 },                        \
	{ "sum", place_sum, 10, 0, 55, 40 },
/* clang-format on */

#endif
