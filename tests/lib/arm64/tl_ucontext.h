/* SPDX-License-Identifier: MIT */
/* tl_ucontext.h - what tests call the registers of arm64 in a signal's frame */
#ifndef TL_TEST_UCONTEXT_H
#define TL_TEST_UCONTEXT_H

#include <ucontext.h>

#define UC_IP(uc)     ((uc)->uc_mcontext.pc)
#define UC_SP(uc)     ((uc)->uc_mcontext.sp)
#define UC_RESULT(uc) ((uc)->uc_mcontext.regs[0])
#define UC_ARG0(uc)   ((uc)->uc_mcontext.regs[0])

/* The si_code of a breakpoint instruction, and how to go on behind one. */
#define TRAP_CODE     TRAP_BRKPT
#define SKIP_TRAP(uc) ((uc)->uc_mcontext.pc += 4)

/* Call @fn(@a, @b) with the stack pointer @sp. */
static inline long call_on_stack(long (*fn)(long, long, long), void *sp, long a,
				 long b)
{
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register void *x2 __asm__("x2") = sp;
	register long (*x3)(long, long, long) __asm__("x3") = fn;

	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, x2\n\t"
			 "blr x3\n\t"
			 "mov sp, x19"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x19", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			   "x11", "x12", "x13", "x14", "x15", "x16", "x17",
			   "x30", "cc", "memory");
	return x0;
}

/* The first address that is not a program's. */
#define USER_END 0xfffffffff000ul

/* Can other CPUs be made to see new text by membarrier() alone? */
#define NEEDS_MEMBARRIER true

/* Others are waited for. */
static inline void relax(void)
{
	__asm__ volatile("yield");
}

#endif
