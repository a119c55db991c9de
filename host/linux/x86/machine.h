/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what the homes in a Linux process must know of the machine: x86-64
 *
 * There is one folder for each architecture, with the same files and the same
 * names in them; everything else in host/linux is common to all.  frame.h has
 * what is drawn in memory by the kernel.  Context: any, for all functions.
 */
#ifndef TL_LINUX_MACHINE_H
#define TL_LINUX_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/regs.h>

#define TL_ELF_MACHINE 62

/* Bytes below the stack pointer that belong to the code that runs. */
#define TL_RED_ZONE 128

/* Debug registers: for all; for data alone. */
#define TL_DEBUG_EXECUTE 4
#define TL_DEBUG_DATA	 0

/* Where the addresses of programs end. */
#define TL_USER_END 0x00007ffffffff000ul

/* Flags of open() that are not the same everywhere. */
#define TL_O_DIRECTORY 0200000

/* SA_RESTORER, if the C library says so to the kernel, and not the program. */
#define TL_LIBC_SA_RESTORER 0x04000000UL

/* Which word of struct pt_regs is the instruction pointer? */
#define TL_REGS_IP (offsetof(struct pt_regs, ip) / 8)

/* Which one has the return address at a function's entry?  Negative: none. */
#define TL_REGS_LINK -1

/*
 * Where the return address of a call is that had the stack pointer @fp at its entry:
 * in [tl_return_start(), tl_return_end()), if all calls below it end at @below.
 */
static inline uint64_t tl_return_start(uint64_t below, uint64_t fp)
{
	(void)below;
	return fp;
}

static inline uint64_t tl_return_end(uint64_t fp)
{
	return fp + 8;
}

/* The bits of it that are no signature. */
#define TL_RETURN_MASK ~0ull

/* ---- system calls ----------------------------------------------------------- */

static inline long tl_sys6(long nr, long a, long b, long c, long d, long e,
			   long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* ---- threads ---------------------------------------------------------------- */

/*
 * The thread pointer, the base of fs.  It costs one instruction where the kernel
 * allows it (FSGSBASE), which tl_machine_init() finds out.
 */
extern bool tl_have_fsgsbase __attribute__((visibility("hidden")));
uintptr_t tl_ask_thread_pointer(void) __attribute__((visibility("hidden")));

static inline uintptr_t tl_thread_register(void)
{
	uintptr_t fs;

	if (!tl_have_fsgsbase)
		return tl_ask_thread_pointer();
	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	return fs;
}

/* The word at @offset from the thread pointer, which must be there. */
static inline uint32_t tl_thread_load(long offset)
{
	uint32_t v;

	__asm__ volatile("movl %%fs:(%1), %0" : "=r"(v) : "r"(offset));
	return v;
}

/*
 * The C library's own block of a thread lies between these two offsets from the
 * thread pointer.
 */
#define TL_THREAD_BLOCK_START 4
#define TL_THREAD_BLOCK_END   2048

/* A clock: fast, the same on all CPUs, of any unit. */
static inline uint64_t tl_ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Of its ticks: something like a millisecond. */
static inline uint64_t tl_about_a_ms(void)
{
	return 1ull << 21;
}

/* @fn(@a, @b) on the stack below @top, a multiple of 16. */
static inline int tl_call_on(uintptr_t top, int (*fn)(void *a, void *b),
			     void *a, void *b)
{
	int ret;

	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[top], %%rsp\n\t"
			 "call *%[fn]\n\t"
			 "movq %%rbx, %%rsp"
			 : "=&a"(ret), "+D"(a), "+S"(b)
			 : [top] "r"(top), [fn] "r"(fn)
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "cc",
			   "memory");
	return ret;
}

/* Others may be waited for: nothing is in a hurry here. */
static inline void tl_relax(void)
{
	__asm__ volatile("pause");
}

/* ---- functions that were just entered, and have a probe --------------------- */

/* Give argument @n (2 or 3) another value. */
static inline void tl_set_argument(struct pt_regs *regs, unsigned int n,
				   unsigned long value)
{
	if (n == 2)
		regs->dx = value;
	else
		regs->cx = value;
}

/* How many bytes at @addr, a function's entry, must not become a jump's. */
static inline unsigned int tl_machine_pad(uintptr_t addr)
{
	(void)addr;
	return 0; /* a jump covers endbr64 */
}

/* Have the function return @value at once. */
static inline void tl_skip_function(struct pt_regs *regs, unsigned long value)
{
	regs->ax = value;
	regs->ip = *(uintptr_t *)regs->sp;
	regs->sp += sizeof(uintptr_t);
}

/* Of a Go program: the goroutine, at a function's entry and behind its return. */
static inline uintptr_t tl_goroutine(const struct pt_regs *regs)
{
	return regs->r14;
}

/* ---- text ------------------------------------------------------------------- */

/* Can any text be written over while others may execute it? */
#define TL_TEXT_IN_PLACE true

/*
 * May the @len bytes at @at become @bytes at once, while others execute them?  Here
 * the engine sees to it, by a breakpoint that comes first.
 */
static inline bool tl_text_exchangeable(uintptr_t at, const uint8_t *bytes,
					size_t len)
{
	(void)at;
	(void)bytes;
	(void)len;
	return true;
}

/* The caches are one; the kernel has written [@at, @at + @len). */
static inline void tl_text_written(uintptr_t at, size_t len)
{
	(void)at;
	(void)len;
}

/* ---- thread.c ------------------------------------------------------------------ */

/* Set up what is here.  Once, before all else.  Context: task. */
void tl_machine_init(void) __attribute__((visibility("hidden")));

/*
 * Where membarrier has no command for that: have every CPU that runs a thread of
 * ours synchronize its context (on x86: serialize).  false: it cannot be done.
 * Context: task.
 */
bool tl_machine_sync(void) __attribute__((visibility("hidden")));

/* Does the CPU check return addresses, so that none may be replaced? */
bool tl_machine_checks_returns(void) __attribute__((visibility("hidden")));

#endif
