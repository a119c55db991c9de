/* SPDX-License-Identifier: MIT */
/*
 * victim.h - what a victim has of one processor: arm64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <stdint.h>
#include <ucontext.h>

/*
 * A stop may end a call that says EINTR by itself (docs/limits.md): so many of the
 * calls of a victim, at most, in five sessions.
 */
#define EINTR_SHOWS 5

/* The last page of a static program's code is all but empty: there is a cave. */
__asm__(".pushsection victim_room, \"ax\"\n"
	"	.balign 4096\n"
	"	nop\n"
	".popsection\n");

/* A jump takes the place of one instruction: there is room everywhere. */
__asm__(".text\n"
	"	.p2align 4\n"
	"	.globl probed_isle, probed_isle_end\n"
	"	.type probed_isle, %function\n"
	"probed_isle:\n"
	"	mov x1, x0\n"
	"1:	mov x2, #0\n"
	"	cbnz x2, 1b\n"
	"	add x0, x1, #5\n"
	"	ret\n"
	"	.size probed_isle, . - probed_isle\n"
	"probed_isle_end:\n"
	"	.p2align 4\n");

/* How that is armed. */
#define ISLE_KIND SESSION_JUMP

/* A breakpoint of the program's own, and what its handler does about it. */
#define OWN_TRAP() __asm__ volatile("brk #0")

static inline void own_trap_is_over(ucontext_t *uc)
{
	uc->uc_mcontext.pc += 4;
}

/* For the test that links this: read(), probed at its system call. */
#define BARE_READ                                         \
	".text\n"                                         \
	".globl bare_read, bare_read_at, bare_read_end\n" \
	"bare_read:\n"                                    \
	"	mov x8, #63\n"                                  \
	"bare_read_at:\n"                                 \
	"	svc #0\n"                                       \
	"	ret\n"                                          \
	"	.quad 0\n"                                      \
	"bare_read_end:\n"

/*
 * Run for a while with known values in all that can be live: 0, if they have been
 * so all the time.
 */
static inline uint64_t live_registers(const uint64_t seed[4])
{
	const uint64_t values[2] = { seed[0], seed[1] };
	uint64_t wrong;

	__asm__ volatile(
		"ldr q0, %[values]\n\t"
		"mov v7.16b, v0.16b\n\t"
		"mov v31.16b, v0.16b\n\t"
		"movz x0, #0x5a5a\n\t"
		"movk x0, #0x1234, lsl #16\n\t"
		"movk x0, #0x7777, lsl #48\n\t"
		".irp r, 1,2,3,4,5,6,7,8,10,11,12,13,14,15,16,17,19,20,"
		"21,22,23,24,25,26,27,28,30\n\t"
		"mov x\\r, x0\n\t"
		".endr\n\t"
		"movz x9, #0x1, lsl #16\n\t"
		"cmp x0, x0\n\t"
		"1: b.ne 2f\n\t"
		"b.cc 2f\n\t"
		"sub x9, x9, #1\n\t"
		"cbnz x9, 1b\n\t"
		"b 3f\n\t"
		"2: mov x0, #0\n\t"
		"3:\n\t"
		".irp r, 1,2,3,4,5,6,7,8,10,11,12,13,14,15,16,17,19,20,"
		"21,22,23,24,25,26,27,28,30\n\t"
		"eor x\\r, x\\r, x0\n\t"
		"orr x9, x9, x\\r\n\t"
		".endr\n\t"
		"ldr q1, %[values]\n\t"
		"cmeq v0.16b, v0.16b, v1.16b\n\t"
		"cmeq v7.16b, v7.16b, v1.16b\n\t"
		"cmeq v31.16b, v31.16b, v1.16b\n\t"
		"and v0.16b, v0.16b, v7.16b\n\t"
		"and v0.16b, v0.16b, v31.16b\n\t"
		"uminv b0, v0.16b\n\t"
		"umov w1, v0.b[0]\n\t"
		"eor w1, w1, #0xff\n\t"
		"orr x9, x9, x1\n\t"
		"str x9, %[wrong]\n\t"
		: [wrong] "=m"(wrong)
		: [values] "m"(values)
		: "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",
		  "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x19",
		  "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",
		  "x30", "v0", "v1", "v7", "v31", "cc", "memory");
	return wrong;
}

#endif
