/* SPDX-License-Identifier: MIT */
/* guest_isa.h - what the guest tests must know of arm64 */
#ifndef GUEST_ISA_H
#define GUEST_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include <kern/debug.h>
#include <tl_isa.h>
#include <trapline/errno.h>
#include <trapline/regs.h>

/* Code that returns; that returns its argument plus one. */
#define CODE_RET     0xc0, 0x03, 0x5f, 0xd6
#define CODE_ADD_ONE 0x00, 0x04, 0x00, 0x11, 0xc0, 0x03, 0x5f, 0xd6
#define CODE_ALIGN   4
/* What fresh text is filled with. */
#define CODE_UNUSED 0x00, 0x00, 0x20, 0xd4

/* In answer() of memory.c: the bytes that hold 0x1234, and those of 0x1235. */
#define CODE_1234 0x80, 0x46, 0x82, 0x52
#define CODE_1235 0xa0, 0x46, 0x82, 0x52

/* A breakpoint of somebody else's, and what registration on it says. */
#define CODE_BREAKPOINT 0x20, 0x01, 0x20, 0xd4
#define FOREIGN_GIVES	(-TL_EINVAL)
/* Its trap's instruction pointer, less its address. */
#define FOREIGN_IP 0

/* The first three instructions of shape_depth(), and their bytes. */
#define SHAPE_DEPTH_OFFSETS 0, 4, 8
#define SHAPE_DEPTH_HEAD    12

/* So many instructions has shape_cli(). */
#define SHAPE_CLI_PROBED 11

/* What of the flags nobody changes on the way to a trap: which exceptions are masked. */
#define STATE_FLAGS(regs) ((regs)->pstate & 0x3c0)
static inline unsigned long state_flags(void)
{
	unsigned long daif;

	__asm__ volatile("mrs %0, daif" : "=r"(daif));
	return daif;
}

/* As in a trap that came in the kernel, at EL1; the instruction pointer says so. */
static inline void set_kernel_mode(struct pt_regs *regs)
{
	regs->pstate = 5;
}

/* The engine steps over a breakpoint that is hit: there is no flag for it. */
static inline bool is_resumed(const struct pt_regs *regs)
{
	return regs->pstate == 5;
}

/* A breakpoint of nobody's; *@ip is what its trap finds. */
#define EXECUTE_BREAKPOINT(ip)            \
	__asm__ volatile("1:\tbrk #9\n\t" \
			 "adr %0, 1b"     \
			 : "=r"(*(ip))    \
			 :                \
			 : "memory")
/* Go on behind it. */
#define SKIP_BREAKPOINT(regs) ((regs)->pc += 4)

/* The value and the length of the first instruction of shape_lea(i, 7). */
#define SHAPE_LEA_FIRST(i) ((i) + 14)
#define SHAPE_LEA_LENGTH   4
/* The instructions of shape_loop(), and where no instruction may be probed. */
#define SHAPE_LOOP_OFFSETS 0, 4, 8, 20, 24
#define SHAPE_INSIDE	   2, -TL_EINVAL
#define SHAPE_TRAP	   4, -TL_EINVAL

/*
 * So many functions begin with an instruction that no probe can be at: hvc, msr, and
 * the like.
 */
#define FUNCTIONS_REFUSED 7

/* An exclusive store fails if an exception came since its load: for ever. */
#define CAN_STEP_LOCKS false

static inline void set_single_step(bool on)
{
	(void)on;
}

/* Store 5 at @to; *@ip is what a watch's hit finds. */
#define STORE_5(to, ip)                              \
	__asm__ volatile("adr %0, 1f\n\t"            \
			 "mov x9, #5\n"              \
			 "1:\tstr x9, %1"            \
			 : "=&r"(*(ip)), "=Q"(*(to)) \
			 :                           \
			 : "x9")

/* A breakpoint's handlers run with debug exceptions masked. */
#define HANDLERS_ARE_WATCHED false

/* Of the first instruction of shape_push. */
#define SHAPE_PUSH_LENGTH 4

/*
 * fn(40, 2), with a pattern in the registers that it has to keep.  *@bad: a bit of one
 * that is another.
 */
static inline long call_with_pattern(long (*fn)(long, long), unsigned long *bad)
{
	register long x0 __asm__("x0") = 40;
	register long x1 __asm__("x1") = 2;

	__asm__ volatile("stp x29, x30, [sp, #-16]!\n\t"
			 "mov x9, %3\n\t"
			 "mov x19, #0x1111\n\t"
			 "mov x20, #0x2222\n\t"
			 "mov x21, #0x3333\n\t"
			 "mov x26, #0x4444\n\t"
			 "mov x27, #0x5555\n\t"
			 "mov x28, #0x6666\n\t"
			 "blr x9\n\t"
			 "mov x9, #0x1111\n\t"
			 "eor x19, x19, x9\n\t"
			 "mov x9, #0x2222\n\t"
			 "eor x20, x20, x9\n\t"
			 "mov x9, #0x3333\n\t"
			 "eor x21, x21, x9\n\t"
			 "mov x9, #0x4444\n\t"
			 "eor x26, x26, x9\n\t"
			 "mov x9, #0x5555\n\t"
			 "eor x27, x27, x9\n\t"
			 "mov x9, #0x6666\n\t"
			 "eor x28, x28, x9\n\t"
			 "orr x19, x19, x20\n\t"
			 "orr x19, x19, x21\n\t"
			 "orr x19, x19, x26\n\t"
			 "orr x19, x19, x27\n\t"
			 "orr x19, x19, x28\n\t"
			 "mov x9, x19\n\t"
			 "ldp x29, x30, [sp], #16\n\t"
			 "mov %2, x9"
			 : "+r"(x0), "+r"(x1), "=&r"(*bad)
			 : "r"(fn)
			 : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",
			   "x10", "x11", "x12", "x13", "x14", "x15", "x16",
			   "x17", "x19", "x20", "x21", "x26", "x27", "x28",
			   "x30", "cc", "memory");
	return x0;
}

/* A jump covers more than one instruction. */
#define WINDOWS_HAVE_INSIDES false

#define INSTRUCTIONS_GRAIN 16

/* Under -icount shift=0, so many were executed; the counter runs at 62.5 MHz. */
static inline uint64_t INSTRUCTIONS(void)
{
	uint64_t value;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value));
	return value * INSTRUCTIONS_GRAIN;
}

/* Two switches, of which one loads a register, or both do. */
#define SWITCH_ONE 750
#define SWITCH_TWO 4300

/* The rows of cost.c. */
#define COSTS                                                                \
	{ "breakpoint", false, PRE, 195, TL_STEPPING_NONE },                 \
		{ "breakpoint, a step", false, PRE, 1350, TL_STEPPING_ONE }, \
		{ "breakpoint, one behind", false, PRE, 580,                 \
		  TL_STEPPING_BREAK },                                       \
		{ "breakpoint, pre and post", false, PRE_POST, 295,          \
		  TL_STEPPING_NONE },                                        \
		{ "breakpoint, a step, pre and post", false, PRE_POST, 1420, \
		  TL_STEPPING_ONE },                                         \
		{ "jump", true, PRE, 97, TL_STEPPING_NONE },                 \
		{ "jump, pre and post", true, PRE_POST, 195,                 \
		  TL_STEPPING_NONE },                                        \
		{ "jump, a counter", true, COUNTER, 18, TL_STEPPING_NONE },
#define COST_FOLLOWED	   470
#define COST_FOLLOWED_JUMP 375

/* Is the instruction at @code one that copies for user_copy(): sttrb, ldtrb? */
static inline bool copies_for_user(const uint8_t *code)
{
	uint32_t insn = *(const uint32_t *)(uintptr_t)code;

	return (insn & 0xff200c00) == 0x38000800;
}

/* Does it lead to user mode: eret? */
static inline bool is_way_out(const uint8_t *code)
{
	return *(const uint32_t *)(uintptr_t)code == 0xd69f03e0;
}

/* Can the kernel not run and read user pages by mistake: PXN, and PAN? */
static inline bool users_are_guarded(void)
{
	uint64_t features;

	__asm__ volatile("mrs %0, id_aa64mmfr1_el1" : "=r"(features));
	return features >> 20 & 15;
}

/* Code in which no probe may be. */
#define FORBIDDEN_SYMBOLS                                                   \
	"kernel_sync", "kernel_irq", "kernel_fiq", "user_sync", "user_irq", \
		"user_fiq", "leave_to_kernel", "enter_user", "overflow",    \
		"trap_from_user", "trap_dispatch", "copy_or_fault",         \
		"space_use",

/* Is every debug register of this CPU off?  Turn them off, and forget addresses. */
static inline bool nothing_is_watched(void)
{
	unsigned long on = 0;

	for (unsigned int n = 0; n < 16; n++)
		on |= arch_debug_read(16 + n) | arch_debug_read(48 + n);
	return !on;
}

static inline void lose_registers(void)
{
	for (unsigned int n = 0; n < arch_debug_count(0); n++) {
		arch_debug_write(16 + n, 0);
		arch_debug_write(n, 0);
	}
	for (unsigned int n = 0; n < arch_debug_count(1); n++) {
		arch_debug_write(48 + n, 0);
		arch_debug_write(32 + n, 0);
	}
}

/* Were interrupts on in what was interrupted? */
#define IRQS_ON(regs) (!((regs)->pstate & (1ul << 7)))

#endif
