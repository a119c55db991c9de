/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 */
/*
 * fork.c - a child has the probes that its parent had, and each its own
 *
 * For a process alone: in other homes there is no fork.
 */
#include <sys/wait.h>
#include <unistd.h>

#include <trapline/kprobes.h>

#include "tl_test.h"

static int before, after, returned;

static __attribute__((noinline)) int work(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

static int on_before(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	before++;
	return 0;
}

static void on_after(struct kprobe *p, struct pt_regs *regs,
		     unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	after++;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	returned++;
	return 0;
}

static struct kprobe first, second;
static struct kretprobe third;

static bool seen(int b, int a, int r)
{
	bool as_wanted = before == b && after == a && returned == r;

	before = after = returned = 0;
	return as_wanted;
}

/* The number of the step that went wrong, or 0. */
static int in_child(void)
{
	if (work(1) != 2 || !seen(1, 1, 1))
		return 1;
	unregister_kprobe(&first);
	if (work(1) != 2 || !seen(0, 1, 1))
		return 2;
	unregister_kretprobe(&third);
	unregister_kprobe(&second);
	if (work(1) != 2 || !seen(0, 0, 0))
		return 3;
	if (register_kprobe(&first) || work(1) != 2 || !seen(1, 0, 0))
		return 4;
	unregister_kprobe(&first);
	return work(1) != 2 || !seen(0, 0, 0) ? 5 : 0;
}

static void fork_and_check(void)
{
	int status = -1;
	pid_t pid;

	first = (struct kprobe){ .addr = (kprobe_opcode_t *)work,
				 .pre_handler = on_before };
	second = (struct kprobe){ .addr = (kprobe_opcode_t *)work,
				  .post_handler = on_after };
	third = (struct kretprobe){ .kp.addr = (kprobe_opcode_t *)work,
				    .handler = on_return };
	REQUIRE(register_kprobe(&first) == 0);
	REQUIRE(register_kprobe(&second) == 0);
	REQUIRE(register_kretprobe(&third) == 0);
	seen(0, 0, 0);
	pid = fork();
	if (pid == 0)
		_exit(in_child());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(work(1), 2);
	CHECK(seen(1, 1, 1));
	unregister_kretprobe(&third);
	unregister_kprobe(&second);
	unregister_kprobe(&first);
	CHECK_EQ(work(1), 2);
	CHECK(seen(0, 0, 0));
}

TL_TEST(a_child_has_probes_of_its_own)
{
	fork_and_check();
}

TL_TEST(a_child_has_breakpoints_of_its_own)
{
	CHECK_EQ(unoptimize_all_kprobes(), 0);
	fork_and_check();
	CHECK_EQ(optimize_all_kprobes(), 0);
}
