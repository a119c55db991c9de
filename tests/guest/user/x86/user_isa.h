/* SPDX-License-Identifier: MIT */
/* user_isa.h - what the user programs must know of x86-64 */
#ifndef USER_ISA_H
#define USER_ISA_H

/* An emulator's other CPUs may have a turn. */
#define PAUSE() __asm__ volatile("pause")

/* A trap, behind which a handler of SIGTRAP returns. */
#define TRAP() __asm__ volatile("int3")

/* A trap of the program's own, each second time by another instruction. */
#define OWN_TRAP(i)                                           \
	do {                                                  \
		if ((i)&1)                                    \
			__asm__ volatile("int3");             \
		else                                          \
			__asm__ volatile(".byte 0xcd, 0x03"); \
	} while (0)

/* A handler of SIGTRAP that goes on behind the trap, and calls @fn. */
#define DEFINE_TRAP_HANDLER(name, fn) \
	static void name(int sig)     \
	{                             \
		fn(sig);              \
	}                             \
	struct allows_semicolon

/* kill(@pid, @sig), to a handler; 0: all other registers are as they were. */
static inline long registers_are_kept(int pid, int sig)
{
	long bad;

	__asm__ volatile("movq $0x11, %%rbx\n\tmovq $0x22, %%rcx\n\t"
			 "movq $0x33, %%rdx\n\tmovq $0x44, %%r8\n\t"
			 "movq $0x55, %%r9\n\tmovq $0x66, %%r10\n\t"
			 "movq $0x77, %%r11\n\tmovq $0x88, %%r12\n\t"
			 "movq $0x99, %%r13\n\tmovq $0xaa, %%r14\n\t"
			 "movq $0xbb, %%r15\n\t"
			 "movq $0x5a5a, -8(%%rsp)\n\t" /* in the red zone */
			 "std\n\tstc\n\t"
			 "int $0x80\n\t"
			 "setnc %%al\n\tcld\n\tmovzbl %%al, %%eax\n\t"
			 "cmpq $0x5a5a, -8(%%rsp)\n\tjne 1f\n\t"
			 "addq %%rbx, %%rax\n\taddq %%rcx, %%rax\n\t"
			 "addq %%rdx, %%rax\n\taddq %%r8, %%rax\n\t"
			 "addq %%r9, %%rax\n\taddq %%r10, %%rax\n\t"
			 "addq %%r11, %%rax\n\taddq %%r12, %%rax\n\t"
			 "addq %%r13, %%rax\n\taddq %%r14, %%rax\n\t"
			 "addq %%r15, %%rax\n\tsubq $0x462, %%rax\n\tjmp 2f\n"
			 "1:\tmovl $-1, %%eax\n2:"
			 : "=a"(bad)
			 : "a"(SYS_KILL), "D"(pid), "S"(sig)
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory", "cc");
	return bad;
}

#endif
