/* SPDX-License-Identifier: MIT */
/* guest_isa.h - what the guest tests must know of x86-64 */
#ifndef GUEST_ISA_H
#define GUEST_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include <tl_isa.h>
#include <trapline/errno.h>
#include <trapline/regs.h>

/* Code that returns; that returns its argument plus one. */
#define CODE_RET     0xc3
#define CODE_ADD_ONE 0x8d, 0x47, 0x01, 0xc3
#define CODE_ALIGN   1
/* What fresh text is filled with. */
#define CODE_UNUSED 0xcc

/* In answer() of memory.c: the bytes that hold 0x1234, and those of 0x1235. */
#define CODE_1234 0x34, 0x12
#define CODE_1235 0x35, 0x12

/* A breakpoint of somebody else's, and what registration on it says. */
#define CODE_BREAKPOINT 0xcc
#define FOREIGN_GIVES	(-TL_EILSEQ)
/* Its trap's instruction pointer, less its address. */
#define FOREIGN_IP 1

/* The first three instructions of shape_depth(), and their bytes. */
#define SHAPE_DEPTH_OFFSETS 0, 2, 5
#define SHAPE_DEPTH_HEAD    7

/* So many instructions has shape_cli(). */
#define SHAPE_CLI_PROBED 13

/* What of the flags nobody changes on the way to a trap: IF and TF. */
#define STATE_FLAGS(regs) ((regs)->flags & 0x300)
static inline unsigned long state_flags(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
	return flags & 0x300;
}

/* As in a trap that came in ring 0. */
static inline void set_kernel_mode(struct pt_regs *regs)
{
	regs->cs = 8;
	regs->flags = 0;
}

/* No execute breakpoint there is told of once more: RF. */
static inline bool is_resumed(const struct pt_regs *regs)
{
	return regs->flags == 0x10000;
}

/* A breakpoint of nobody's; *@ip is what its trap finds. */
#define EXECUTE_BREAKPOINT(ip)                    \
	__asm__ volatile("int3\n"                 \
			 "1:\tleaq 1b(%%rip), %0" \
			 : "=r"(*(ip))            \
			 :                        \
			 : "memory")
/* Go on behind it. */
#define SKIP_BREAKPOINT(regs) ((void)(regs))

/* The value and the length of the first instruction of shape_lea(i, 7). */
#define SHAPE_LEA_FIRST(i) ((i) + 19)
#define SHAPE_LEA_LENGTH   5
/* The instructions of shape_loop(), and where no instruction may be probed. */
#define SHAPE_LOOP_OFFSETS 0, 3, 8, 11, 13
#define SHAPE_INSIDE	   2, -TL_EILSEQ
#define SHAPE_TRAP	   2, -TL_EILSEQ

/* So many functions begin with an instruction that no probe can be at. */
#define FUNCTIONS_REFUSED 0

/* Every instruction can be stepped, also what makes locks. */
#define CAN_STEP_LOCKS true

static inline void set_single_step(bool on)
{
	unsigned long flags;

	__asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
	flags = on ? flags | 0x100 : flags & ~0x100ul;
	__asm__ volatile("pushq %0\n\tpopfq" : : "r"(flags) : "cc", "memory");
}

/* Store 5 at @to; *@ip is what a watch's hit finds. */
#define STORE_5(to, ip)                           \
	__asm__ volatile("movq $5, %1\n"          \
			 "1:\tleaq 1b(%%rip), %0" \
			 : "=r"(*(ip)), "=m"(*(to)))

/* A breakpoint's handlers run with debug exceptions on. */
#define HANDLERS_ARE_WATCHED true

/* Of the first instruction of shape_push. */
#define SHAPE_PUSH_LENGTH 1

/*
 * fn(40, 2), with a pattern in the registers that it has to keep.  *@bad: a bit of one
 * that is another.
 */
static inline long call_with_pattern(long (*fn)(long, long), unsigned long *bad)
{
	long a = 40, b = 2, ret = (long)fn;

	__asm__ volatile("pushq %%rbp\n\t"
			 "movq $0x1111, %%rbx\n\t"
			 "movq $0x2222, %%rbp\n\t"
			 "movq $0x3333, %%r12\n\t"
			 "movq $0x4444, %%r13\n\t"
			 "movq $0x5555, %%r14\n\t"
			 "movq $0x6666, %%r15\n\t"
			 "call *%%rax\n\t"
			 "xorq $0x1111, %%rbx\n\t"
			 "xorq $0x2222, %%rbp\n\t"
			 "xorq $0x3333, %%r12\n\t"
			 "xorq $0x4444, %%r13\n\t"
			 "xorq $0x5555, %%r14\n\t"
			 "xorq $0x6666, %%r15\n\t"
			 "orq %%rbp, %%rbx\n\t"
			 "popq %%rbp\n\t"
			 "orq %%r12, %%rbx\n\t"
			 "orq %%r13, %%rbx\n\t"
			 "orq %%r14, %%rbx\n\t"
			 "orq %%r15, %%rbx"
			 : "+a"(ret), "=&b"(*bad), "+D"(a), "+S"(b)
			 :
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
	return ret;
}

/* A jump covers more than one instruction. */
#define WINDOWS_HAVE_INSIDES true

/* Under -icount shift=0, so many were executed; in steps of GRAIN. */
static inline uint64_t INSTRUCTIONS(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}
#define INSTRUCTIONS_GRAIN 0

/* Two switches, of which one loads a register, or both do. */
#define SWITCH_ONE 400
#define SWITCH_TWO 1450

/* The rows of cost.c. */
#define COSTS                                                            \
	{ "breakpoint", false, PRE, 180, 0 },                            \
		{ "breakpoint, pre and post", false, PRE_POST, 295, 0 }, \
		{ "jump", true, PRE, 115, 0 },                           \
		{ "jump, pre and post", true, PRE_POST, 230, 0 },        \
		{ "jump, a counter", true, COUNTER, 20, 0 },
#define COST_FOLLOWED	   505
#define COST_FOLLOWED_JUMP 490

/* Is the instruction at @code one that copies for user_copy(): rep movsb? */
static inline bool copies_for_user(const uint8_t *code)
{
	return code[0] == 0xf3 && code[1] == 0xa4;
}

/* Does it lead to user mode: iretq? */
static inline bool is_way_out(const uint8_t *code)
{
	return code[0] == 0x48 && code[1] == 0xcf;
}

/* Can the kernel not run and read user pages by mistake: SMEP and SMAP? */
static inline bool users_are_guarded(void)
{
	uint32_t eax = 0, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (eax < 7)
		return false;
	eax = 7;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ebx >> 7 & ebx >> 20 & 1;
}

/* Code in which no probe may be. */
#define FORBIDDEN_SYMBOLS                                            \
	"vector_0", "vector_1", "vector_2", "vector_3", "vector_14", \
		"vector_32", "vector_syscall", "save_and_dispatch",  \
		"save_from_user", "save_from_entry", "enter_user",   \
		"trap_from_user", "trap_dispatch", "copy_or_fault",  \
		"space_use",

/* Is every debug register of this CPU off?  Turn them off, and forget an address. */
#define nothing_is_watched() (!(arch_debug_read(7) & 0xff))
#define lose_registers()                \
	do {                            \
		arch_debug_write(7, 0); \
		arch_debug_write(3, 0); \
	} while (0)

/* Were interrupts on in what was interrupted? */
#define IRQS_ON(regs) ((regs)->flags & (1ul << 9))

#endif
