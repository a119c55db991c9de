/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the thread pointer, and what watches over threads, on x86-64
 */
#include "common/sys.h"

#pragma GCC visibility push(hidden)

#define AT_HWCAP2	26
#define HWCAP2_FSGSBASE 2
#define ARCH_GET_FS	0x1003

#define ARCH_SHSTK_STATUS 0x5005
#define ARCH_SHSTK_SHSTK  1

bool tl_have_fsgsbase;

/* Does the kernel let us read the base of fs by instruction? */
static bool find_fsgsbase(void)
{
	unsigned long v[2];
	bool found = false;
	int fd = tl_open("/proc/self/auxv", TL_O_RDONLY);

	if (fd < 0)
		return false;
	while (!found &&
	       tl_sys3(__NR_read, fd, (long)v, sizeof(v)) == sizeof(v))
		found = v[0] == AT_HWCAP2 && (v[1] & HWCAP2_FSGSBASE);
	tl_close(fd);
	return found;
}

void tl_machine_init(void)
{
	tl_have_fsgsbase = find_fsgsbase();
}

uintptr_t tl_ask_thread_pointer(void)
{
	uintptr_t fs = 0;

	tl_sys2(__NR_arch_prctl, ARCH_GET_FS, (long)&fs);
	return fs;
}

/* A shadow stack: the program's start has switched it on, or nobody will. */
bool tl_machine_checks_returns(void)
{
	unsigned long features = 0;
	long err = tl_sys2(__NR_arch_prctl, ARCH_SHSTK_STATUS, (long)&features);

	return !err && (features & ARCH_SHSTK_SHSTK);
}

static char page[TL_PAGE] __attribute__((aligned(4096)));

/*
 * Taking away a page's write permission interrupts every CPU that runs the process,
 * and coming back from an interrupt serializes.
 */
bool tl_machine_sync(void)
{
	tl_sys3(__NR_mprotect, (long)page, TL_PAGE,
		TL_PROT_READ | TL_PROT_WRITE);
	__atomic_fetch_add(&page[0], 1, __ATOMIC_SEQ_CST);
	tl_sys3(__NR_mprotect, (long)page, TL_PAGE, TL_PROT_READ);
	return true;
}

#pragma GCC visibility pop
