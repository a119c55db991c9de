/* SPDX-License-Identifier: MIT */
/*
 * sys.h - Linux's system calls without a libc
 *
 * Every call returns what the kernel returned: a negative errno on failure.
 * Context: any, for all of them.
 */
#ifndef TL_LINUX_SYS_H
#define TL_LINUX_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/unistd.h>
#include <machine.h>

#define TL_PAGE 4096UL

#define TL_PROT_READ	       1
#define TL_PROT_WRITE	       2
#define TL_PROT_EXEC	       4
#define TL_MAP_PRIVATE	       0x02
#define TL_MAP_FIXED	       0x10
#define TL_MAP_ANONYMOUS       0x20
#define TL_MAP_NORESERVE       0x4000
#define TL_MAP_FIXED_NOREPLACE 0x100000

#define TL_AT_FDCWD (-100)

#define TL_O_RDONLY   0
#define TL_O_RDWR     2
#define TL_O_NONBLOCK 04000
#define TL_O_CLOEXEC  02000000

static inline long tl_sys4(long nr, long a, long b, long c, long d)
{
	return tl_sys6(nr, a, b, c, d, 0, 0);
}

static inline long tl_sys3(long nr, long a, long b, long c)
{
	return tl_sys6(nr, a, b, c, 0, 0, 0);
}

static inline long tl_sys2(long nr, long a, long b)
{
	return tl_sys6(nr, a, b, 0, 0, 0, 0);
}

static inline long tl_sys1(long nr, long a)
{
	return tl_sys6(nr, a, 0, 0, 0, 0, 0);
}

static inline long tl_sys0(long nr)
{
	return tl_sys6(nr, 0, 0, 0, 0, 0, 0);
}

/* Did a call that returns an address or a size fail? */
static inline bool tl_failed(long ret)
{
	return (unsigned long)ret > -4096UL;
}

static inline long tl_mmap(uintptr_t at, size_t len, int prot, int flags,
			   int fd, long offset)
{
	return tl_sys6(__NR_mmap, at, len, prot, flags, fd, offset);
}

static inline int tl_open(const char *path, int flags)
{
	return tl_sys4(__NR_openat, TL_AT_FDCWD, (long)path,
		       flags | TL_O_CLOEXEC, 0);
}

static inline void tl_close(int fd)
{
	tl_sys1(__NR_close, fd);
}

struct tl_timespec {
	long sec;
	long nsec;
};

static inline void tl_sleep_us(long us)
{
	struct tl_timespec t = { us / 1000000, us % 1000000 * 1000 };

	tl_sys2(__NR_nanosleep, (long)&t, 0);
}

static inline size_t tl_page_up(size_t n)
{
	return (n + TL_PAGE - 1) & ~(TL_PAGE - 1);
}

#endif
