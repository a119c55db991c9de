/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what the homes in a Linux process must know of the machine: arm64
 *
 * The same names as in the other folders of this kind.  Context: any, for all
 * functions.
 */
#ifndef TL_LINUX_MACHINE_H
#define TL_LINUX_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/regs.h>

#define TL_ELF_MACHINE 183

/* Bytes below the stack pointer that belong to the code that runs (AAPCS64). */
#define TL_RED_ZONE 0

/*
 * Debug registers: breakpoints, watchpoints.  Most CPUs have so many, and two
 * breakpoints more, which own/debug.c steps with; where there are fewer the kernel
 * says so.
 */
#define TL_DEBUG_EXECUTE 4
#define TL_DEBUG_DATA	 4

/*
 * Where the addresses of programs end: 48 bits, which the kernel leaves only for
 * who asks it for an address beyond them.
 */
#define TL_USER_END 0x0000fffffffff000ul

/* Flags of open() that are not the same everywhere. */
#define TL_O_DIRECTORY 040000

/* SA_RESTORER, if the C library says so to the kernel, and not the program. */
#define TL_LIBC_SA_RESTORER 0UL

/* Which word of struct pt_regs is the instruction pointer? */
#define TL_REGS_IP (offsetof(struct pt_regs, pc) / 8)

/* Which one has the return address at a function's entry?  Negative: none. */
#define TL_REGS_LINK 30

/*
 * Where the return address of a call is that had the stack pointer @fp at its entry:
 * in [tl_return_start(), tl_return_end()), if all calls below it end at @below.
 */
static inline uint64_t tl_return_start(uint64_t below, uint64_t fp)
{
	(void)fp;
	return below;
}

static inline uint64_t tl_return_end(uint64_t fp)
{
	return fp;
}

/* The bits of it that are no signature. */
#define TL_RETURN_MASK 0x0000ffffffffffffull

/* ---- system calls ----------------------------------------------------------- */

static inline long tl_sys6(long nr, long a, long b, long c, long d, long e,
			   long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

/* ---- threads ---------------------------------------------------------------- */

static inline uintptr_t tl_thread_register(void)
{
	uintptr_t tp;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(tp));
	return tp;
}

/* The word at @offset from the thread pointer, which must be there. */
static inline uint32_t tl_thread_load(long offset)
{
	return *(const volatile uint32_t *)(tl_thread_register() +
					    (unsigned long)offset);
}

/*
 * The C library's own block of a thread lies between these two offsets from the
 * thread pointer: below it, as what the program has for each thread is above.
 */
#define TL_THREAD_BLOCK_START (-2560)
#define TL_THREAD_BLOCK_END   0

/* A clock: fast, the same on all CPUs, of any unit. */
static inline uint64_t tl_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

/* Of its ticks: something like a millisecond. */
static inline uint64_t tl_about_a_ms(void)
{
	uint64_t rate;

	__asm__("mrs %0, cntfrq_el0" : "=r"(rate));
	return rate / 1000;
}

/* @fn(@a, @b) on the stack that ends at @top; it uses no vector register. */
static inline int tl_call_on(uintptr_t top, int (*fn)(void *a, void *b),
			     void *a, void *b)
{
	register void *x0 __asm__("x0") = a;
	register void *x1 __asm__("x1") = b;

	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, %[top]\n\t"
			 "blr %[fn]\n\t"
			 "mov sp, x19"
			 : "+r"(x0), "+r"(x1)
			 : [top] "r"(top), [fn] "r"(fn)
			 : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",
			   "x10", "x11", "x12", "x13", "x14", "x15", "x16",
			   "x17", "x18", "x19", "x30", "cc", "memory");
	return (int)(uintptr_t)x0;
}

/* Others may be waited for: nothing is in a hurry here. */
static inline void tl_relax(void)
{
	__asm__ volatile("yield");
}

/* ---- functions that were just entered, and have a probe --------------------- */

/* Give argument @n another value. */
static inline void tl_set_argument(struct pt_regs *regs, unsigned int n,
				   unsigned long value)
{
	regs->regs[n] = value;
}

/*
 * How many bytes at @addr, a function's entry, must not become a jump's: bti,
 * paciasp, pacibsp.
 */
static inline unsigned int tl_machine_pad(uintptr_t addr)
{
	uint32_t insn = *(const volatile uint32_t *)addr;

	return (insn & 0xffffff3f) == 0xd503241f ||
			       (insn & 0xffffffbf) == 0xd503233f
		       ? 4
		       : 0;
}

/*
 * Have the function return @value at once.  Behind a pad its return address may be
 * signed: xpaclri takes that off, or does nothing.
 */
static inline void tl_skip_function(struct pt_regs *regs, unsigned long value)
{
	register unsigned long x30 __asm__("x30") = regs->regs[30];

	__asm__("hint #7" : "+r"(x30));
	regs->regs[0] = value;
	regs->regs[30] = x30;
	regs->pc = x30;
}

/* Of a Go program: the goroutine, at a function's entry and behind its return. */
static inline uintptr_t tl_goroutine(const struct pt_regs *regs)
{
	return regs->regs[28];
}

/* ---- text ------------------------------------------------------------------- */

/* Can any text be written over while others may execute it? */
#define TL_TEXT_IN_PLACE false

/*
 * May the word at @at become that at @bytes at once, while others execute it?  In
 * thread.c.
 */
bool tl_text_exchangeable(uintptr_t at, const uint8_t *bytes, size_t len)
	__attribute__((visibility("hidden")));

/*
 * The kernel has written [@at, @at + @len): have every CPU's fetches see it, as
 * soon as that CPU synchronizes its context.  In thread.c.
 */
void tl_text_written(uintptr_t at, size_t len)
	__attribute__((visibility("hidden")));

/* ---- thread.c ------------------------------------------------------------------ */

/* Set up what is here.  Once, before all else.  Context: task. */
void tl_machine_init(void) __attribute__((visibility("hidden")));

/*
 * Where membarrier has no command for that: have every CPU that runs a thread of
 * ours synchronize its context.  false: it cannot be done.  Context: task.
 */
bool tl_machine_sync(void) __attribute__((visibility("hidden")));

/* Does the CPU check return addresses, so that none may be replaced? */
bool tl_machine_checks_returns(void) __attribute__((visibility("hidden")));

#endif
