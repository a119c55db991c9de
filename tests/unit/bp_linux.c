/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * bp_linux.c - the kernel that runs this judges breakpoints as the engine does
 *
 * perf_event_open() for what is registered, ptrace for what a debugger writes.
 * Skipped where neither is allowed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bp_fixture.h"

static int linux_says(uintptr_t addr, unsigned int len, unsigned int type)
{
	struct perf_event_attr a = { .size = sizeof(a) };
	int fd;

	a.type = PERF_TYPE_BREAKPOINT;
	a.bp_type = type;
	a.bp_addr = addr;
	a.bp_len = len;
	a.exclude_kernel = 1;
	a.exclude_hv = 1;
	fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int we_say(uintptr_t addr, unsigned int len, unsigned int type)
{
	struct counted c = counted(addr, len, type);
	int err = register_user_hw_breakpoint(&c.bp, &thread[0]);

	unregister_hw_breakpoint(&c.bp);
	return err;
}

TL_TEST(types_lengths_and_addresses_are_judged_as_linux_does)
{
	static const unsigned int lens[] = { 0, 1, 2, 3,  4,  5,  6,
					     7, 8, 9, 12, 16, 32, 64 };
	static const uintptr_t bases[] = { 0x10000, SIM_USER_END - 16,
					   SIM_KERNEL_START, -64ul };
	unsigned int accepted = 0;

	if (linux_says(0x10000, 8, HW_BREAKPOINT_W))
		SKIP("no hardware breakpoints by perf events here");
	bp_start();
	for (size_t b = 0; b < TL_ARRAY_SIZE(bases); b++)
		for (unsigned int off = 0; off < 16; off++)
			for (size_t l = 0; l < TL_ARRAY_SIZE(lens); l++)
				for (unsigned int type = 0; type < 8; type++) {
					uintptr_t at = bases[b] + off;
					int theirs =
						linux_says(at, lens[l], type);
					int ours = we_say(at, lens[l], type);

					if (ours != theirs)
						tl_test_note("at", at);
					CHECK_EQ(ours, theirs);
					accepted += !ours;
				}
	CHECK(accepted > 50);
	bp_finish();
}

/* ---- a debugger ------------------------------------------------------------------- */

static long poke(pid_t pid, unsigned int n, unsigned long value)
{
	errno = 0;
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[n]),
	       value);
	return -errno;
}

static unsigned long peek(pid_t pid, unsigned int n)
{
	errno = 0;
	return (unsigned long)ptrace(PTRACE_PEEKUSER, pid,
				     offsetof(struct user, u_debugreg[n]), 0);
}

static pid_t start_child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSTOPPED(status) ? pid : 0;
}

/* Everything off; addresses; then all at once: the engine's order. */
static void compare_one(pid_t pid, uint64_t *seed)
{
	unsigned long control = 0;
	int theirs, ours;

	CHECK_EQ(poke(pid, 7, 0), 0);
	CHECK_EQ(debugger(0, 7, 0), 0);
	for (unsigned int n = 0; n < 4; n++) {
		uint64_t r = tl_test_random(seed);
		unsigned long at = 0x10000 + 8 * n + (r >> 8 & 3 ? 0 : r & 7);
		unsigned int code = r >> 16 & 3 ? W8 : r >> 20 & 0xf;

		CHECK_EQ(poke(pid, n, at), 0);
		CHECK_EQ(debugger(0, n, at), 0);
		CHECK_EQ(peek(pid, n), at);
		CHECK_EQ(shown(0, n), at);
		if (r >> 40 & 1)
			control |= ENABLE(n, code);
	}
	theirs = (int)poke(pid, 7, control);
	ours = debugger(0, 7, control);
	CHECK_EQ(ours, theirs);
	CHECK_EQ(shown(0, 7), peek(pid, 7));
}

TL_TEST(a_debuggers_dr7_is_judged_as_linux_does)
{
	uint64_t seed = tl_test_seed;
	unsigned int refused = 0;
	pid_t pid = start_child();

	REQUIRE(pid);
	bp_start();
	if (poke(pid, 0, 0x10000) || poke(pid, 7, ENABLE(0, W1))) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		SKIP("no debug registers by ptrace here");
	}
	for (unsigned int i = 0; i < 500; i++) {
		compare_one(pid, &seed);
		refused += shown(0, 7) == 0;
	}
	CHECK(refused > 20 && refused < 480);
	for (unsigned int n = 4; n < 6; n++) {
		CHECK_EQ(poke(pid, n, 0), -EIO);
		CHECK_EQ(debugger(0, n, 0), -EIO);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	bp_finish();
}
