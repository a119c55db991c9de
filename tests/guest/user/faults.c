/* SPDX-License-Identifier: MIT */
/*
 * faults.c - what a task must not do ends it with the right signal, and bad
 * addresses in system calls are an error, to the byte
 */

#include "check.h"

#define PAGE 4096ul

static void read_null(void);
static volatile long variable;

#include <faults_isa.h>

static volatile long variable = CODE_RET;

static void read_null(void)
{
	*(volatile char *)0;
}

static void read_kernel(void)
{
	*(volatile char *)KERNEL_TEXT;
}

static void write_kernel(void)
{
	*(volatile char *)KERNEL_DIRECT = 1;
}

static void write_text(void)
{
	*(volatile char *)write_text = 1;
}

static void run_data(void)
{
	((void (*)(void))(uintptr_t)&variable)();
}

static void run_stack(void)
{
	volatile long word = CODE_RET;

	((void (*)(void))(uintptr_t)&word)();
}

static void run_kernel(void)
{
	((void (*)(void))KERNEL_TEXT)();
}

static void run_nowhere(void)
{
	((void (*)(void))NOWHERE)();
}

static void stack_overflow(void)
{
	volatile char big[2 * USER_STACK_PAGES * PAGE];

	big[0] = 1;
	big[sizeof(big) - 1] = big[0];
}

static const struct {
	void (*fn)(void);
	int sig;
} cases[] = {
	{ read_null, SIGSEGV },
	{ read_kernel, SIGSEGV },
	{ write_kernel, SIGSEGV },
	{ write_text, SIGSEGV },
	{ run_data, SIGSEGV },
	{ run_stack, SIGSEGV },
	{ run_kernel, SIGSEGV },
	{ run_nowhere, SIGSEGV },
	CASES{ stack_overflow, SIGSEGV },
};

static void bad_addresses_in_calls(void)
{
	uintptr_t text = (uintptr_t)main & -PAGE;
	uintptr_t top = USER_STACK_TOP;

	CHECK(write((const char *)0, 1) == -EFAULT);
	CHECK(write((const char *)KERNEL_TEXT, 1) == -EFAULT);
	CHECK(write((const char *)-1, 2) == -EFAULT);
	CHECK(write((const char *)USER_STACK_TOP, 1) == -EFAULT);
	CHECK(write((const char *)top, 0) == 0);
	for (char *at = (char *)(top - 128); at < (char *)top; at++)
		*at = at == (char *)(top - 1) ? '\n' : '-';
	CHECK(write((const char *)(top - 128), 129) == 128);
	if (!fork())
		exit(5);
	/* A child is waited for though its status cannot be written. */
	CHECK(wait(-1, (int *)text, 0) == -EFAULT);
	CHECK(wait(-1, NULL, 0) == -ECHILD);
	CHECK(ptrace(PTRACE_SETREGS, 1, 0, 0) == -EFAULT);
	CHECK(kill(getpid(), 0) == -EINVAL);
	CHECK(kill(-1, SIGTERM) == -ESRCH);
	CHECK(signal(SIGKILL, (void (*)(int))SIG_IGN) == -EINVAL);
	CHECK(move(0) == -EINVAL);
}

int main(const char *arg)
{
	(void)arg;
	bad_addresses_in_calls();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int pid = fork(), status;

		if (!pid) {
			cases[i].fn();
			exit(2);
		}
		status = end_of(pid);
		if (!W_KILLED(status) || W_SIGNAL(status) != cases[i].sig) {
			put("    # case ");
			put_number((long)i);
			put(", status ");
			put_number(status);
			put("\n");
			return 1;
		}
	}
	return 0;
}
