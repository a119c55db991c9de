/* SPDX-License-Identifier: MIT */
/* user_isa.h - what the user programs must know of arm64 */
#ifndef USER_ISA_H
#define USER_ISA_H

/* An emulator's other CPUs may have a turn. */
#define PAUSE() __asm__ volatile("yield")

/* A trap, behind which a handler of SIGTRAP returns: brk would be come to again. */
#define TRAP() kill(getpid(), SIGTRAP)

/* A trap of the program's own, each second time with another number. */
#define OWN_TRAP(i)                                  \
	do {                                         \
		if ((i)&1)                           \
			__asm__ volatile("brk #0");  \
		else                                 \
			__asm__ volatile("brk #77"); \
	} while (0)

/*
 * A handler of SIGTRAP that goes on behind the trap, and calls @fn.  At its stack
 * pointer are a mask, the registers 0 to 30, sp and pc.
 */
#define DEFINE_TRAP_HANDLER(name, fn)                           \
	__asm__("	.text\n" #name ":	ldr x1, [sp, #264]\n" \
		"	add x1, x1, #4\n"                             \
		"	str x1, [sp, #264]\n"                         \
		"	b " #fn "\n");                          \
	void name(int sig)

/* kill(@pid, @sig), to a handler; 0: all other registers are as they were. */
static inline long registers_are_kept(int pid, int sig)
{
	register long x0 __asm__("x0") = pid;
	register long x1 __asm__("x1") = sig;
	register long x8 __asm__("x8") = SYS_KILL;

	__asm__ volatile("mov x2, #0x11\n\tmov x3, #0x22\n\t"
			 "mov x9, #0x33\n\tmov x10, #0x44\n\t"
			 "mov x16, #0x55\n\tmov x17, #0x66\n\t"
			 "mov x19, #0x77\n\tmov x20, #0x88\n\t"
			 "mov x27, #0x99\n\tmov x28, #0xaa\n\t"
			 "mov x30, #0xbb\n\t"
			 "cmp x2, x2\n\t" /* Z and C */
			 "svc #0\n\t"
			 "b.ne 1f\n\tb.lo 1f\n\t"
			 "add x0, x0, x2\n\tadd x0, x0, x3\n\t"
			 "add x0, x0, x9\n\tadd x0, x0, x10\n\t"
			 "add x0, x0, x16\n\tadd x0, x0, x17\n\t"
			 "add x0, x0, x19\n\tadd x0, x0, x20\n\t"
			 "add x0, x0, x27\n\tadd x0, x0, x28\n\t"
			 "add x0, x0, x30\n\t"
			 "mov x2, #0x462\n\tsub x0, x0, x2\n\tb 2f\n"
			 "1:\tmov x0, #-1\n2:"
			 : "+r"(x0), "+r"(x1), "+r"(x8)
			 :
			 : "x2", "x3", "x9", "x10", "x16", "x17", "x19", "x20",
			   "x27", "x28", "x30", "memory", "cc");
	return x0;
}

#endif
