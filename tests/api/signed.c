/* SPDX-License-Identifier: MIT */
/* link: lib on-arm64 tests/api/arm64/signed.S */
/*
 * signed.c - a C library whose functions sign their return addresses, on arm64
 *
 * The library has probes of its own in sigaction() and pthread_sigmask(), which
 * are landing pads then.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#include "tl_test.h"
#include "tl_ucontext.h"

/* In signed.S they sign, and call these. */
int really_sigaction(int sig, const struct sigaction *act,
		     struct sigaction *old);
int really_sigmask(int how, const sigset_t *set, sigset_t *old);

static unsigned long calls, hits;

static int kernel_action(int sig, const void *act, void *old)
{
	return (int)syscall(SYS_rt_sigaction, sig, act, old, 8);
}

struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

int really_sigaction(int sig, const struct sigaction *act,
		     struct sigaction *old)
{
	struct kernel_sigaction a, o;
	int err;

	calls++;
	if (act) {
		a = (struct kernel_sigaction){ .handler = act->sa_sigaction,
					       .flags = act->sa_flags };
		memcpy(&a.mask, &act->sa_mask, 8);
	}
	err = kernel_action(sig, act ? &a : NULL, old ? &o : NULL);
	if (old) {
		memset(old, 0, sizeof(*old));
		old->sa_sigaction = o.handler;
		old->sa_flags = (int)o.flags;
		memcpy(&old->sa_mask, &o.mask, 8);
	}
	return err;
}

int really_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	calls++;
	return (int)syscall(SYS_rt_sigprocmask, how, set, old, 8);
}

static int hit(struct kprobe *kp, struct pt_regs *regs)
{
	(void)kp;
	(void)regs;
	hits++;
	return 0;
}

static const long good = 100;
static const void *seen_at;

static void mend(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	seen_at = (void *)UC_IP(uc);
	UC_ARG0(uc) = (uintptr_t)&good;
}

static __attribute__((noinline)) long load(const volatile long *p)
{
	return *p;
}

TL_TEST(handlers_see_nothing_of_a_copy_where_sigaction_signs)
{
	struct kprobe kp = { .addr = (void *)load, .pre_handler = hit };
	struct sigaction act = { .sa_sigaction = mend, .sa_flags = SA_SIGINFO };
	struct kernel_sigaction now;

	REQUIRE(!register_kprobe(&kp));
	calls = 0;
	CHECK(!sigaction(SIGSEGV, &act, NULL));
	CHECK_EQ(calls, 0); /* the library has done it */
	CHECK(!kernel_action(SIGSEGV, NULL, &now));
	CHECK(now.handler != (void *)mend);
	CHECK_EQ(load(NULL), 100);
	CHECK_EQ(seen_at, load);
	CHECK_EQ(hits, 1);
	CHECK(!sigaction(SIGSEGV, NULL, &act));
	CHECK_EQ(act.sa_sigaction, mend);
	signal(SIGSEGV, SIG_DFL);
	unregister_kprobe(&kp);
}

TL_TEST(sigtrap_is_not_really_blocked_where_pthread_sigmask_signs)
{
	struct kprobe kp = { .addr = (void *)load, .pre_handler = hit };
	unsigned long now = 0;
	sigset_t all, old;

	unoptimize_all_kprobes();
	REQUIRE(!register_kprobe(&kp));
	hits = 0;
	sigfillset(&all);
	CHECK(!pthread_sigmask(SIG_BLOCK, &all, &old));
	CHECK(!syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8));
	CHECK(!(now >> (SIGTRAP - 1) & 1) && now >> (SIGUSR1 - 1) & 1);
	CHECK_EQ(load(&good), 100);
	CHECK(!pthread_sigmask(SIG_SETMASK, NULL, &all));
	CHECK(sigismember(&all, SIGTRAP) == 1);
	CHECK(!pthread_sigmask(SIG_SETMASK, &old, NULL));
	CHECK_EQ(load(&good), 100);
	CHECK_EQ(hits, 2);
	unregister_kprobe(&kp);
	optimize_all_kprobes();
}
