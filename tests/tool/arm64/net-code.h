/* SPDX-License-Identifier: MIT */
/*
 * net-code.h - machine code that the net's tests write: arm64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef NET_CODE_H
#define NET_CODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How long is waited, and how often things are done, beside a real machine. */
#define NET_PATIENCE 10
#define NET_SELDOM   20
/* Some time limits are as exact as the kernel's tick. */
#define NET_TICK_NS 30000000ull
#define NET_MEMORY  4

/* A call of a thread that was not seen asleep may show that it was stopped. */
#define NET_SHOWS_EINTR true

/* Instructions begin at multiples of this; some of a window's do here. */
#define NET_STEP  4
#define NET_INNER 4

/* A word below the stack pointer may be in use. */
#define NET_RED_ZONE false

/* Bytes that kill whoever executes them: udf. */
#define NET_DEADLY 0x00

/* A function that adds 1 to *argument: ldr, add, str, ret. */
#define NET_ADD_ONE                                                       \
	0x01, 0x00, 0x40, 0xf9, 0x21, 0x04, 0x00, 0x91, 0x01, 0x00, 0x00, \
		0xf9, 0xc0, 0x03, 0x5f, 0xd6

/* One that sleeps for ever: mov x8, #73 (ppoll); svc #0; ret. */
#define NET_SLEEP \
	0x28, 0x09, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4, 0xc0, 0x03, 0x5f, 0xd6
#define NET_SLEEP_NR	  73
#define NET_SLEEP_CALL	  4
#define NET_SLEEP_RETURNS 8

/* What has been written at @at is about to be executed. */
static inline void code_written(const uint8_t *at, size_t len)
{
	__builtin___clear_cache((char *)(uintptr_t)at,
				(char *)(uintptr_t)(at + len));
}

static inline void put_words(uint8_t *at, const uint32_t *words, size_t n)
{
	memcpy(at, words, 4 * n);
	code_written(at, 4 * n);
}

static inline void put_nops(uint8_t *at, size_t len)
{
	const uint32_t nop = 0xd503201f;

	for (size_t i = 0; i < len; i += 4)
		memcpy(at + i, &nop, 4);
	code_written(at, len);
}

static inline void put_self_jump(uint8_t *at)
{
	put_words(at, &(const uint32_t){ 0x14000000 }, 1);
}

/* At @at: store 1 to *flag, then jump to itself. */
static inline void put_arrival(uint8_t *at, atomic_uint *flag)
{
	uint64_t to = (uintptr_t)flag;
	const uint32_t words[] = {
		0xd2800000 | (uint32_t)(to & 0xffff) << 5, /* movz x0 */
		0xf2a00000 | (uint32_t)(to >> 16 & 0xffff) << 5,
		0xf2c00000 | (uint32_t)(to >> 32 & 0xffff) << 5,
		0x52800021, /* mov w1, #1 */
		0xb9000001, /* str w1, [x0] */
		0x14000000,
	};

	put_words(at, words, sizeof(words) / 4);
}

/*
 * Go to @at with nothing in the registers that names it: by way of a branch in the
 * page before.
 */
__attribute__((noreturn)) static inline void enter_code(uintptr_t at)
{
	uintptr_t via = (at & ~4095ul) - 4096;
	register uintptr_t x16 __asm__("x16");

	put_words((uint8_t *)via,
		  &(const uint32_t){ 0x14000000 | (uint32_t)(at - via) / 4 },
		  1);
	x16 = via;
	__asm__ volatile(
		".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, "
		"14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, "
		"28, 29, 30\n\t"
		"mov x\\n, #0\n\t"
		".endr\n\t"
		"br x16"
		:
		: "r"(x16)
		: "memory");
	__builtin_unreachable();
}

/* For ever, with @word where a function finds its return address. */
static inline void spin_with(uintptr_t word)
{
	__asm__ volatile("mov x30, %0\n\t"
			 "mov %0, #0\n"
			 "1: b 1b"
			 : "+r"(word)
			 :
			 : "x30");
}

/* For ever, with @word 128 bytes below the stack pointer. */
static inline void spin_above(uintptr_t word)
{
	__asm__ volatile("stur %0, [sp, #-128]\n\t"
			 "mov %0, #0\n"
			 "1: b 1b"
			 : "+r"(word)
			 :
			 : "memory");
}

/* As a function signs its return address, where it does: pacia1716. */
static inline uintptr_t signed_word(uintptr_t word)
{
	register uintptr_t x17 __asm__("x17") = word;
	register uintptr_t x16 __asm__("x16") = (uintptr_t)&word;

	__asm__ volatile("hint #8" : "+r"(x17) : "r"(x16));
	return x17;
}

/* ---- a restartable sequence, see net-hard.c ------------------------------- */

#define NET_RSEQ_SIGNATURE 0xd428bc00

/* At @at: *@cs (x2) = @sequence (x0); jump to @to. */
static inline void put_reenter(uint8_t *at, const uint8_t *to)
{
	const uint32_t words[] = {
		0xf9000040, /* str x0, [x2] */
		0xd2800003, /* mov x3, #0 */
		0x14000000 | (((uint32_t)((to - (at + 8)) / 4)) & 0x3ffffff),
	};

	put_words(at, words, 3);
}

static inline void enter_sequence(const void *sequence, uint64_t *cs,
				  uintptr_t at)
{
	register const void *x0 __asm__("x0") = sequence;
	register uint64_t *x2 __asm__("x2") = cs;
	register uintptr_t x3 __asm__("x3") = at;

	__asm__ volatile("str x0, [x2]\n\t"
			 "br x3"
			 :
			 : "r"(x0), "r"(x2), "r"(x3)
			 : "memory");
}

#endif
