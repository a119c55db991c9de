/* SPDX-License-Identifier: MIT */
/* tl_ucontext.h - what tests call the registers of x86-64 in a signal's frame */
#ifndef TL_TEST_UCONTEXT_H
#define TL_TEST_UCONTEXT_H

#include <ucontext.h>

#define UC_IP(uc)     ((uc)->uc_mcontext.gregs[REG_RIP])
#define UC_SP(uc)     ((uc)->uc_mcontext.gregs[REG_RSP])
#define UC_RESULT(uc) ((uc)->uc_mcontext.gregs[REG_RAX])
#define UC_ARG0(uc)   ((uc)->uc_mcontext.gregs[REG_RDI])

/* The si_code of a breakpoint instruction, and how to go on behind one. */
#define TRAP_CODE     SI_KERNEL
#define SKIP_TRAP(uc) ((void)(uc))

/* Call @fn(@a, @b) with the stack pointer @sp. */
static inline long call_on_stack(long (*fn)(long, long, long), void *sp, long a,
				 long b)
{
	long ret;

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[sp], %%rsp\n\t"
			 "call *%[fn]\n\t"
			 "mov %%rbx, %%rsp"
			 : "=a"(ret), "+D"(a), "+S"(b)
			 : [sp] "r"(sp), [fn] "r"(fn)
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "cc",
			   "memory");
	return ret;
}

/* The first address that is not a program's. */
#define USER_END 0x7ffffffff000ul

/* Can other CPUs be made to see new text by membarrier() alone? */
#define NEEDS_MEMBARRIER false

/* Others are waited for. */
static inline void relax(void)
{
	__builtin_ia32_pause();
}

#endif
