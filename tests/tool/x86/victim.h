/* SPDX-License-Identifier: MIT */
/*
 * victim.h - what a victim has of one processor: x86-64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <stdint.h>
#include <ucontext.h>

/* So many calls of a victim may show that they were interrupted. */
#define EINTR_SHOWS 0

/* Too little room for a jump at its start, and padding in the middle. */
__asm__(".text\n"
	"	.p2align 4\n"
	"	.globl probed_isle, probed_isle_end\n"
	"	.type probed_isle, @function\n"
	"probed_isle:\n"
	"	mov %rdi, %rax\n"
	"1:	xor %edx, %edx\n"
	"	test %rdx, %rdx\n"
	"	jne 1b\n"
	"	add $5, %rax\n"
	"	jmp 2f\n"
	"	.p2align 4\n"
	"2:	ret\n"
	"	.size probed_isle, . - probed_isle\n"
	"probed_isle_end:\n"
	"	.p2align 4\n");

/* How that is armed. */
#define ISLE_KIND SESSION_ISLAND

/* A breakpoint of the program's own, and what its handler does about it. */
#define OWN_TRAP() __asm__ volatile("int3")

static inline void own_trap_is_over(ucontext_t *uc)
{
	(void)uc;
}

/* For the test that links this: read(), probed at its beginning. */
#define BARE_READ                                         \
	".text\n"                                         \
	".globl bare_read, bare_read_at, bare_read_end\n" \
	"bare_read:\n"                                    \
	"bare_read_at:\n"                                 \
	"	xorl %eax, %eax\n"                              \
	"	nop\n"                                          \
	"	syscall\n"                                      \
	"	ret\n"                                          \
	"	.fill 8, 1, 0xcc\n"                             \
	"bare_read_end:\n"

/*
 * Run for a while with known values in all that can be live: 0, if they have been
 * so all the time.
 */
static inline uint64_t live_registers(const uint64_t seed[4])
{
	const uint64_t(*values)[4] = (const uint64_t(*)[4])seed;
	uint64_t wrong;

	__asm__ volatile("movdqu %[seed], %%xmm0\n\t"
			 "movdqa %%xmm0, %%xmm7\n\t"
			 "movdqa %%xmm0, %%xmm15\n\t"
			 "movq $0x5a5a, -8(%%rsp)\n\t"
			 "movq $0x6b6b, -128(%%rsp)\n\t"
			 "movq $0x0102030405060708, %%rbx\n\t"
			 "movq %%rbx, %%rdx\n\tmovq %%rbx, %%rsi\n\t"
			 "movq %%rbx, %%rdi\n\tmovq %%rbx, %%r8\n\t"
			 "movq %%rbx, %%r9\n\tmovq %%rbx, %%r10\n\t"
			 "movq %%rbx, %%r11\n\tmovq %%rbx, %%r12\n\t"
			 "movq %%rbx, %%r13\n\tmovq %%rbx, %%r14\n\t"
			 "movq %%rbx, %%r15\n\tmovq %%rbx, %%rax\n\t"
			 "movq $100000, %%rcx\n\t"
			 "stc\n\t"
			 "1: jnc 2f\n\t"
			 "leaq -1(%%rcx), %%rcx\n\t"
			 "jrcxz 3f\n\t"
			 "jmp 1b\n\t"
			 "2: movq $0, %%rbx\n\t"
			 "3: xorq %%rbx, %%rdx\n\txorq %%rbx, %%rsi\n\t"
			 "xorq %%rbx, %%rdi\n\txorq %%rbx, %%r8\n\t"
			 "xorq %%rbx, %%r9\n\txorq %%rbx, %%r10\n\t"
			 "xorq %%rbx, %%r11\n\txorq %%rbx, %%r12\n\t"
			 "xorq %%rbx, %%r13\n\txorq %%rbx, %%r14\n\t"
			 "xorq %%rbx, %%r15\n\txorq %%rbx, %%rax\n\t"
			 "orq %%rdx, %%rsi\n\torq %%rdi, %%r8\n\t"
			 "orq %%r9, %%r10\n\torq %%r11, %%r12\n\t"
			 "orq %%r13, %%r14\n\torq %%r15, %%rax\n\t"
			 "orq %%rsi, %%r8\n\torq %%r10, %%r12\n\t"
			 "orq %%r14, %%rax\n\torq %%r8, %%r12\n\t"
			 "orq %%r12, %%rax\n\torq %%rcx, %%rax\n\t"
			 "movq -8(%%rsp), %%rdx\n\t"
			 "xorq $0x5a5a, %%rdx\n\torq %%rdx, %%rax\n\t"
			 "movq -128(%%rsp), %%rdx\n\t"
			 "xorq $0x6b6b, %%rdx\n\torq %%rdx, %%rax\n\t"
			 "movdqu %[seed], %%xmm1\n\t"
			 "pcmpeqb %%xmm1, %%xmm0\n\t"
			 "pcmpeqb %%xmm1, %%xmm7\n\t"
			 "pcmpeqb %%xmm1, %%xmm15\n\t"
			 "pand %%xmm7, %%xmm0\n\tpand %%xmm15, %%xmm0\n\t"
			 "pmovmskb %%xmm0, %%edx\n\t"
			 "xorl $0xffff, %%edx\n\torq %%rdx, %%rax\n\t"
			 "movq %%rax, %[wrong]\n\t"
			 : [wrong] "=m"(wrong)
			 : [seed] "m"(*values)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9",
			   "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
			   "xmm1", "xmm7", "xmm15", "cc", "memory");
	return wrong;
}

#endif
