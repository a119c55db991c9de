/* SPDX-License-Identifier: MIT */
/*
 * net-code.h - machine code that the net's tests write: x86-64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef NET_CODE_H
#define NET_CODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How long is waited, and how often things are done, beside this machine. */
#define NET_PATIENCE 1
#define NET_SELDOM   1
/* Some time limits are as exact as the kernel's tick. */
#define NET_TICK_NS 1000000ull
#define NET_MEMORY  1

/* No call ever shows that its thread was stopped. */
#define NET_SHOWS_EINTR false

/* Instructions begin at multiples of this; some of a window's do here. */
#define NET_STEP  1
#define NET_INNER 1, 4, 7, 9

/* A word below the stack pointer may be in use. */
#define NET_RED_ZONE true

/* Bytes that kill whoever executes them. */
#define NET_DEADLY 0x06

/* A function that adds 1 to *argument: lea, incq, ret. */
#define NET_ADD_ONE 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x48, 0xff, 0x07, 0xc3

/* One that sleeps for ever: mov $34 (pause), %eax; syscall; ret. */
#define NET_SLEEP	  0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xc3
#define NET_SLEEP_NR	  34
#define NET_SLEEP_CALL	  5
#define NET_SLEEP_RETURNS 7

/* What has been written at @at is about to be executed. */
static inline void code_written(const uint8_t *at, size_t len)
{
	(void)at;
	(void)len;
}

static inline void put_nops(uint8_t *at, size_t len)
{
	memset(at, 0x90, len);
}

static inline void put_self_jump(uint8_t *at)
{
	memcpy(at, "\xeb\xfe", 2);
}

/* At @at: store 1 to *flag, then jump to itself. */
static inline void put_arrival(uint8_t *at, atomic_uint *flag)
{
	const uint8_t head[] = { 0x48, 0xb8 };	      /* movabs $flag, %rax */
	const uint8_t tail[] = { 0xc7, 0x00, 1,	   0, /* movl $1, (%rax) */
				 0,    0,    0xeb, 0xfe };

	memcpy(at, head, 2);
	memcpy(at + 2, &flag, 8);
	memcpy(at + 10, tail, sizeof(tail));
}

/* Go to @at with nothing in the registers, by a `ret`. */
__attribute__((noreturn)) static inline void enter_code(uintptr_t at)
{
	__asm__ volatile("pushq %%rax\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "xorl %%ebx, %%ebx\n\t"
			 "xorl %%ecx, %%ecx\n\t"
			 "xorl %%edx, %%edx\n\t"
			 "xorl %%esi, %%esi\n\t"
			 "xorl %%edi, %%edi\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "xorl %%r8d, %%r8d\n\t"
			 "xorl %%r9d, %%r9d\n\t"
			 "xorl %%r10d, %%r10d\n\t"
			 "xorl %%r11d, %%r11d\n\t"
			 "xorl %%r12d, %%r12d\n\t"
			 "xorl %%r13d, %%r13d\n\t"
			 "xorl %%r14d, %%r14d\n\t"
			 "xorl %%r15d, %%r15d\n\t"
			 "ret"
			 :
			 : "a"(at)
			 : "memory");
	__builtin_unreachable();
}

/* For ever, with @word in a register that calls keep. */
static inline void spin_with(uintptr_t word)
{
	__asm__ volatile("1: jmp 1b" : : "b"(word));
}

/* For ever, with @word 128 bytes below the stack pointer. */
static inline void spin_above(uintptr_t word)
{
	__asm__ volatile("movq %0, -128(%%rsp)\n\t"
			 "xorl %k0, %k0\n"
			 "1: jmp 1b"
			 : "+r"(word)
			 :
			 : "memory");
}

/* As a function signs its return address, where it does. */
static inline uintptr_t signed_word(uintptr_t word)
{
	return word;
}

/* ---- a restartable sequence, see net-hard.c ------------------------------- */

#define NET_RSEQ_SIGNATURE 0x53053053

/* At @at: *@cs (the second register) = @sequence (the first); jump to @to. */
static inline void put_reenter(uint8_t *at, const uint8_t *to)
{
	static const uint8_t code[] = { 0x48, 0x89, 0x02, /* mov */
					0x31, 0xc9,	  /* xor ecx, ecx */
					0xe9 };
	int32_t rel = (int32_t)(to - (at + sizeof(code) + 4));

	memcpy(at, code, sizeof(code));
	memcpy(at + sizeof(code), &rel, 4);
}

static inline void enter_sequence(const void *sequence, uint64_t *cs,
				  uintptr_t at)
{
	__asm__ volatile("movq %%rax, (%%rdx)\n\t"
			 "jmp *%%rcx"
			 :
			 : "a"(sequence), "d"(cs), "c"(at)
			 : "memory");
}

#endif
