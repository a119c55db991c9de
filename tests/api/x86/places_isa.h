/* SPDX-License-Identifier: MIT */
/*
 * places_isa.h - the functions of places.S on x86-64: where what is in them, and what
 * only this processor has
 */
#ifndef PLACES_ISA_H
#define PLACES_ISA_H

place_fn place_jrcxz, place_red_zone, place_ret_imm;

extern const char place_red_zone_at[];

/* Does @fn use memory below the stack pointer? */
#define IS_RED_ZONE(fn) ((fn) == place_red_zone)

#define PLACE_RED_ZONE	  place_red_zone
#define PLACE_RED_ZONE_AT place_red_zone_at

/* Offsets: of an instruction behind the first; of what is no instruction. */
#define PLACE_JUMP_SECOND 4
#define PLACE_JUMP_SIZE	  5
#define PLACE_BREAK_FIRST 3
#define PLACE_BREAK_SIZE  14
#define PLACE_BAD_INSIDE  3

/* The value of place_value has been loaded there, into this. */
#define PLACE_RIP_BEHIND       7
#define PLACE_RIP_VALUE(regs_) ((regs_)->ax)

/* Why the first instruction of place_break is no jump. */
#define PLACE_BREAK_WHY TL_WHY_TARGET

/* What registration says to the middle of an instruction, and to traps. */
#define INSIDE_GIVES   (-TL_EILSEQ)
#define OWN_TRAP_GIVES TL_EITHER_UNTIL(6, 9, ROW_INT, -TL_EILSEQ, -TL_EINVAL)
#define UD_GIVES       TL_EITHER_UNTIL(6, 9, ROW_INT, -TL_EILSEQ, 0)
/* And to what is behind a breakpoint of somebody else's. */
#define OWN_TRAP_LEN 1
#define BEHIND_OWN_TRAP_GIVES \
	TL_EITHER("somebody else's breakpoint before", -TL_EILSEQ, 0)

/* An instruction that paravirtual kernels have a host do for them. */
extern const char refused_emulated[];
#define EMULATION_PREFIX refused_emulated

/* name, address, what registration says, refused since Linux 6.9, not by Linux */
extern const char refused_int80[], refused_icebp[], refused_ud1[],
	refused_iretq[], refused_far[], refused_vmcall[], refused_movss[],
	accepted_nop[];
/* clang-format off */
#define REFUSED_ROWS                                                     \
	{ "int 0x80", refused_int80, -TL_EILSEQ, true, false },          \
	{ "int1", refused_icebp, -TL_EILSEQ, true, false },              \
	{ "ud1", refused_ud1, -TL_EILSEQ, true, false },                 \
	{ "iretq", refused_iretq, -TL_EOPNOTSUPP, false, false },        \
	{ "far jump", refused_far, -TL_EOPNOTSUPP, false, false },       \
	{ "vmcall", refused_vmcall, -TL_EOPNOTSUPP, false, false },      \
	{ "mov to ss", refused_movss, -TL_EINVAL, false, false },        \
	{ "nop", accepted_nop, 0, false, false },

/* name, function, place in it, a, b, what it returns, hits, where the last leads */
#define BRANCH_ROWS                                                      \
	{ "jmp", place_jmp, (char *)place_jmp, 1, 0, 4, 1,               \
	  (char *)place_jmp + 5 },                                       \
	{ "call", place_call_first, (char *)place_call_first, 1, 2,      \
	  1003, 1, (char *)place_callee },                               \
	{ "call *%rax", place_call_ind, place_call_ind_at, 1, 2, 1003,   \
	  1, (char *)place_callee },                                     \
	{ "loop", place_loop, place_loop_at, 4, 0, 10, 5,                \
	  place_loop_at + 2 },                                           \
	{ "ret", place_one, (char *)place_one, 0, 0, 0, 1, NULL },       \
	{ "jl taken", place_jcc, (char *)place_jcc + 3, 1, 2, 2, 1,      \
	  (char *)place_jcc + 9 },                                       \
	{ "jl not taken", place_jcc, (char *)place_jcc + 3, 2, 1, 2, 1,  \
	  (char *)place_jcc + 5 },                                       \
	{ "jrcxz taken", place_jrcxz, (char *)place_jrcxz + 3, 0, 2, 7,  \
	  1, (char *)place_jrcxz + 10 },                                 \
	{ "jrcxz not taken", place_jrcxz, (char *)place_jrcxz + 3, 1, 2, \
	  3, 1, (char *)place_jrcxz + 5 },

/* name, function, a, b, what it returns, its size */
#define PLACE_ROWS                                                       \
	{ "jump", place_jump, 1, 2, 3, 5 },                              \
	{ "break", place_break, 1, 2, 3, 14 },                           \
	{ "after_one", place_after_one, 1, 2, 8, 5 },                    \
	{ "padded", place_padded, 9, 2, 9, 4 },                          \
	{ "pad", place_pad, 1, 2, 5, 9 },                                \
	{ "rip", place_rip, 1, 2, 123456790, 11 },                       \
	{ "rip second", place_rip_second, 1, 2, 123456790, 13 },         \
	{ "call_first", place_call_first, 1, 2, 1003, 9 },               \
	{ "call_ind", place_call_ind, 1, 2, 1003, 13 },                  \
	{ "jrcxz 0", place_jrcxz, 0, 2, 7, 15 },                         \
	{ "jrcxz 1", place_jrcxz, 1, 2, 3, 15 },                         \
	{ "jcc <", place_jcc, 1, 2, 2, 13 },                             \
	{ "jcc >", place_jcc, 5, 2, 5, 13 },                             \
	{ "jmp", place_jmp, 1, 2, 4, 10 },                               \
	{ "loop", place_loop, 4, 0, 10, 13 },                            \
	{ "red zone", place_red_zone, 30, 12, 42, 100 },                 \
	{ "flags", place_flags, 30, 12, 42, 60 },                        \
	{ "flags dead", place_flags_dead, 1, 2, 3, 9 },                  \
	{ "ret imm", place_ret_imm, 1, 2, 3, 7 },                        \
	{ "behind", place_behind, 5, 1, 16, 17 },                        \
	{ "sum", place_sum, 10, 0, 55, 28 },
/* clang-format on */

#endif
