/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S -lpthread */
/*
 * signals.c - probes and the program's own signals, in a process
 *
 * Each test that wants its own SIGTRAP handler, or to be killed by one, runs in
 * a child: what a child finds wrong is its exit status.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#include "places.h"
#include "tl_emulator.h"
#include "tl_test.h"
#include "tl_ucontext.h"

static volatile unsigned long hits, traps, others;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

/* Run @fn in a child: its exit status, or 1000 + the signal that killed it. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		alarm(60);
		_exit(fn());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

/* For children: leave with the line number if @cond is false. */
#define MUST(cond)                                 \
	do {                                       \
		if (!(cond))                       \
			return __LINE__ % 251 + 1; \
	} while (0)

static struct kprobe at_break = { .addr = (void *)place_break,
				  .pre_handler = hit };

static struct kprobe at_jump = { .addr = (void *)place_jump,
				 .pre_handler = hit };

static int arm(void)
{
	at_break.addr = (void *)place_break;
	at_break.flags = 0;
	return register_kprobe(&at_break);
}

/* ---- other people's breakpoints ------------------------------------------------- */

static void own_trap(int sig, siginfo_t *info, void *cx)
{
	ucontext_t *uc = cx;

	traps += sig == SIGTRAP && info->si_code == TRAP_CODE;
	UC_RESULT(uc) += 100;
	SKIP_TRAP(uc);
}

static int foreign_int3_is_handed_on(void)
{
	struct sigaction act = { .sa_sigaction = own_trap,
				 .sa_flags = SA_SIGINFO };

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	for (int i = 0; i < 100; i++) {
		MUST(place_own_trap(1, 2, 0) == 103);
		MUST(place_break(1, 2, 0) == 3);
	}
	MUST(traps == 100);
	MUST(hits == 100);
	unregister_kprobe(&at_break);
	MUST(place_own_trap(1, 2, 0) == 103);
	return 0;
}

TL_TEST(a_breakpoint_of_the_program_s_own_reaches_its_handler)
{
	CHECK_EQ(in_child(foreign_int3_is_handed_on), 0);
}

static int foreign_int3_kills(void)
{
	signal(SIGTRAP, SIG_DFL);
	MUST(!arm());
	MUST(place_break(1, 2, 0) == 3);
	place_own_trap(1, 2, 0);
	return 1;
}

static int ignored_int3_kills(void)
{
	signal(SIGTRAP, SIG_IGN);
	MUST(!arm());
	MUST(place_break(1, 2, 0) == 3);
	raise(SIGTRAP);
	place_own_trap(1, 2, 0);
	return 1;
}

static int sent_sigtrap_kills(void)
{
	signal(SIGTRAP, SIG_DFL);
	MUST(!arm());
	raise(SIGTRAP);
	return 1;
}

TL_TEST(without_a_handler_a_foreign_trap_kills_as_ever)
{
	CHECK_EQ(in_child(foreign_int3_kills), 1000 + SIGTRAP);
	CHECK_EQ(in_child(ignored_int3_kills), 1000 + SIGTRAP);
	CHECK_EQ(in_child(sent_sigtrap_kills), 1000 + SIGTRAP);
}

/* ---- what the program's handler finds --------------------------------------------- */

static sigset_t mask_inside;
static char *volatile sp_inside;
static char altstack[65536] __attribute__((aligned(16)));

static void look(int sig, siginfo_t *info, void *cx)
{
	if (info->si_code == TRAP_CODE)
		SKIP_TRAP((ucontext_t *)cx);
	traps += sig == SIGTRAP;
	sigprocmask(SIG_BLOCK, NULL, &mask_inside);
	sp_inside = __builtin_frame_address(0);
}

static bool on_altstack(void)
{
	return sp_inside >= altstack && sp_inside < altstack + sizeof(altstack);
}

static int mask_and_stack(int flags, bool has_altstack)
{
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction act = { .sa_sigaction = look,
				 .sa_flags = SA_SIGINFO | flags };
	sigset_t now;

	if (has_altstack)
		MUST(!sigaltstack(&ss, NULL));
	sigaddset(&act.sa_mask, SIGUSR1);
	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	for (int i = 0; i < 3; i++) {
		place_own_trap(1, 2, 0);
		MUST(place_break(1, 2, 0) == 3);
		MUST(sigismember(&mask_inside, SIGUSR1) == 1);
		MUST(sigismember(&mask_inside, SIGUSR2) == 0);
		MUST(sigismember(&mask_inside, SIGTRAP) ==
		     !(flags & SA_NODEFER));
		MUST(on_altstack() == (has_altstack && (flags & SA_ONSTACK)));
		sigprocmask(SIG_BLOCK, NULL, &now);
		MUST(sigismember(&now, SIGUSR1) == 0);
		MUST(sigismember(&now, SIGTRAP) == 0);
	}
	MUST(traps == 3 && hits == 3);
	return 0;
}

static int plain(void)
{
	return mask_and_stack(0, false);
}

static int nodefer(void)
{
	return mask_and_stack(SA_NODEFER, false);
}

static int onstack(void)
{
	return mask_and_stack(SA_ONSTACK, true);
}

static int not_onstack(void)
{
	return mask_and_stack(0, true);
}

TL_TEST(the_program_s_handler_has_its_own_mask_and_stack)
{
	ROW("plain");
	CHECK_EQ(in_child(plain), 0);
	ROW("SA_NODEFER");
	CHECK_EQ(in_child(nodefer), 0);
	ROW("SA_ONSTACK, with an alternate stack");
	CHECK_EQ(in_child(onstack), 0);
	ROW("not SA_ONSTACK, with an alternate stack");
	CHECK_EQ(in_child(not_onstack), 0);
}

static int resethand(void)
{
	struct sigaction act = { .sa_sigaction = look,
				 .sa_flags = SA_SIGINFO | SA_RESETHAND };

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	place_own_trap(1, 2, 0);
	MUST(traps == 1);
	MUST(place_break(1, 2, 0) == 3);
	MUST(hits == 1);
	place_own_trap(1, 2, 0);
	return 1;
}

TL_TEST(sa_resethand_is_kept)
{
	CHECK_EQ(in_child(resethand), 1000 + SIGTRAP);
}

static sigjmp_buf out;

static void jump_out(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

static int longjmp_out(void)
{
	struct sigaction act = { .sa_handler = jump_out };

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	for (int i = 0; i < 100; i++) {
		if (!sigsetjmp(out, 1)) {
			place_own_trap(1, 2, 0);
			_exit(1);
		}
		MUST(place_break(1, 2, 0) == 3);
	}
	MUST(hits == 100 && at_break.nmissed == 0);
	return 0;
}

TL_TEST(siglongjmp_out_of_the_program_s_handler)
{
	CHECK_EQ(in_child(longjmp_out), 0);
}

static int sent_while_hit(void)
{
	struct sigaction act = { .sa_sigaction = look, .sa_flags = SA_SIGINFO };

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	for (int i = 0; i < 1000; i++) {
		raise(SIGTRAP);
		MUST(place_break(i, 2, 0) == i + 2);
	}
	MUST(traps == 1000 && hits == 1000);
	return 0;
}

TL_TEST(a_sent_sigtrap_reaches_the_program_s_handler)
{
	CHECK_EQ(in_child(sent_while_hit), 0);
}

static volatile bool stop;

static void *send_traps(void *to)
{
	while (!stop) {
		pthread_kill(*(pthread_t *)to, SIGTRAP);
		for (volatile int i = 0; i < 100000; i++)
			;
	}
	return NULL;
}

/* The kernel keeps one SIGTRAP; a breakpoint's own may be the one it drops. */
static int sent_by_another_thread(void)
{
	struct sigaction act = { .sa_sigaction = look, .sa_flags = SA_SIGINFO };
	pthread_t me = pthread_self(), t;

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	MUST(!pthread_create(&t, NULL, send_traps, &me));
	for (int i = 0; i < 30000; i++)
		MUST(place_break(i, 2, 0) == i + 2);
	stop = true;
	pthread_join(t, NULL);
	MUST(traps > 10);
	MUST(hits == 30000 && at_break.nmissed == 0);
	return 0;
}

TL_TEST(a_flood_of_sent_sigtraps_hides_no_breakpoint)
{
	CHECK_EQ(in_child(sent_by_another_thread), 0);
}

static int set_later(void)
{
	struct sigaction act = { .sa_sigaction = own_trap,
				 .sa_flags = SA_SIGINFO };

	MUST(!arm());
	MUST(place_break(1, 2, 0) == 3);
	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!register_kprobe(&at_jump));
	MUST(place_break(1, 2, 0) == 3);
	MUST(place_jump(1, 2, 0) == 3);
	MUST(hits == 3 && traps == 0);
	MUST(place_own_trap(1, 2, 0) == 103);
	MUST(traps == 1);
	return 0;
}

TL_TEST(an_action_set_meanwhile_is_kept_by_the_next_registration)
{
	CHECK_EQ(in_child(set_later), 0);
}

/* ---- signals during hits --------------------------------------------------------- */

static void on_timer(int sig)
{
	(void)sig;
	others += place_break(20, 22, 0) == 42 && place_jump(1, 1, 0) == 2;
}

static int signals_at_any_point(void)
{
	struct sigaction act = { .sa_handler = on_timer,
				 .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 200 }, { 0, 200 } };
	unsigned long n = 0, start;

	MUST(!sigaction(SIGALRM, &act, NULL));
	MUST(!arm());
	MUST(!register_kprobe(&at_jump));
	MUST(!setitimer(ITIMER_REAL, &every, NULL));
	for (start = time(NULL); time(NULL) < (long)start + 2; n++) {
		MUST(place_break(n, 2, 0) == (long)n + 2);
		for (int i = 0; i < 50; i++)
			MUST(place_jump(i, 2, 0) == i + 2);
	}
	memset(&every, 0, sizeof(every));
	setitimer(ITIMER_REAL, &every, NULL);
	MUST(others > 10);
	MUST(hits + at_break.nmissed + at_jump.nmissed == 51 * n + 2 * others);
	return 0;
}

TL_TEST(signals_at_any_point_lose_no_hit)
{
	CHECK_EQ(in_child(signals_at_any_point), 0);
}

/* ---- masks ------------------------------------------------------------------------ */

static int ready;

static void *blocks_all(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	while (!stop)
		place_break(1, 2, 0);
	return arg;
}

/* A thread that blocks SIGTRAP would be killed by a breakpoint: never so. */
static int blocked(void)
{
	pthread_t t;
	int err;

	stop = false;
	MUST(!pthread_create(&t, NULL, blocks_all, NULL));
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		usleep(100);
	err = arm();
	MUST(!err || err == -TL_EBUSY);
	usleep(20000);
	MUST(place_break(1, 2, 0) == 3);
	MUST(err || hits);
	stop = true;
	pthread_join(t, NULL);
	MUST(err ? !arm() : 1);
	MUST(place_break(1, 2, 0) == 3);
	return 0;
}

TL_TEST(a_thread_that_blocks_sigtrap_is_not_killed)
{
	if (under_emulator())
		SKIP("an emulator does not tell what other threads block");
	CHECK_EQ(in_child(blocked), 0);
}

/* ---- fork -------------------------------------------------------------------------- */

static int forked(void)
{
	int status;
	pid_t pid;

	MUST(!arm());
	MUST(!register_kprobe(&at_jump));
	MUST(place_break(1, 2, 0) == 3);
	pid = fork();
	if (!pid) {
		if (place_break(1, 2, 0) != 3 || place_jump(1, 2, 0) != 3 ||
		    hits != 3)
			_exit(1);
		unregister_kprobe(&at_break);
		unregister_kprobe(&at_jump);
		if (place_break(1, 2, 0) != 3 || hits != 3 || arm())
			_exit(2);
		_exit(place_break(1, 2, 0) != 3 || hits != 4);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	MUST(place_break(1, 2, 0) == 3 && hits == 2);
	return 0;
}

TL_TEST(a_forked_child_has_probes_of_its_own)
{
	CHECK_EQ(in_child(forked), 0);
}

/* ---- stacks -------------------------------------------------------------------------- */

static char small_stack[32768] __attribute__((aligned(4096)));

static int on_small_stack(void)
{
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	long ret;

	MUST(!sigaltstack(&ss, NULL));
	MUST(!mprotect(small_stack, 4096, PROT_NONE));
	MUST(!arm());
	/* Some hundreds of bytes are left: no signal frame fits. */
	ret = call_on_stack(place_break, small_stack + 4096 + 512, 1, 2);
	MUST(ret == 3 && hits == 1);
	return 0;
}

TL_TEST(a_breakpoint_on_a_small_stack_uses_the_alternate_one)
{
	CHECK_EQ(in_child(on_small_stack), 0);
}

/* ---- masks that are set while breakpoints are armed -------------------------------- */

static void *blocks_then_hits(void *arg)
{
	sigset_t all, now;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < 100; i++)
		place_break(1, 2, 0);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	*(bool *)arg = sigismember(&now, SIGTRAP) == 1 &&
		       sigismember(&now, SIGUSR1) == 1;
	sigdelset(&all, SIGTRAP);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigprocmask(SIG_SETMASK, NULL, &now);
	*(bool *)arg &= sigismember(&now, SIGTRAP) == 0;
	return NULL;
}

static int blocked_later(void)
{
	struct kprobe q = { .addr = (void *)place_jump, .pre_handler = hit };
	bool believes = false;
	sigset_t all;
	pthread_t t;

	MUST(!arm());
	MUST(!pthread_create(&t, NULL, blocks_then_hits, &believes));
	MUST(!pthread_join(t, NULL));
	MUST(believes && hits == 100);
	/* And whoever believes to block it may register. */
	sigfillset(&all);
	MUST(!pthread_sigmask(SIG_BLOCK, &all, NULL));
	MUST(!register_kprobe(&q));
	MUST(place_jump(1, 2, 0) == 3 && place_break(1, 2, 0) == 3);
	MUST(hits == 102);
	return 0;
}

TL_TEST(sigtrap_blocked_by_the_c_library_does_not_kill)
{
	CHECK_EQ(in_child(blocked_later), 0);
}

static void in_handler(int sig)
{
	sigset_t now;

	(void)sig;
	others += place_break(20, 22, 0) == 42;
	sigprocmask(SIG_BLOCK, NULL, &now);
	traps += sigismember(&now, SIGTRAP) == 1;
}

static int blocked_in_handler(void)
{
	struct sigaction act = { .sa_handler = in_handler }, old;
	sigset_t now;

	sigfillset(&act.sa_mask);
	MUST(!sigaction(SIGUSR1, &act, NULL));
	MUST(!arm());
	MUST(!sigaction(SIGUSR2, &act, NULL));
	raise(SIGUSR1);
	raise(SIGUSR2);
	MUST(others == 2 && traps == 2 && hits == 2);
	sigprocmask(SIG_BLOCK, NULL, &now);
	MUST(sigismember(&now, SIGTRAP) == 0);
	MUST(!sigaction(SIGUSR1, NULL, &old));
	MUST(sigismember(&old.sa_mask, SIGTRAP) == 1);
	return 0;
}

TL_TEST(breakpoints_work_in_handlers_that_block_all_signals)
{
	CHECK_EQ(in_child(blocked_in_handler), 0);
}

static int sent_while_blocked(void)
{
	struct sigaction act = { .sa_sigaction = look, .sa_flags = SA_SIGINFO };
	sigset_t trap;

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	MUST(!sigprocmask(SIG_BLOCK, &trap, NULL));
	raise(SIGTRAP);
	MUST(place_break(1, 2, 0) == 3 && hits == 1);
	MUST(traps == 0);
	MUST(!sigprocmask(SIG_UNBLOCK, &trap, NULL));
	MUST(traps == 1);
	return 0;
}

static int trap_while_blocked(void)
{
	struct sigaction act = { .sa_sigaction = look, .sa_flags = SA_SIGINFO };
	sigset_t trap;

	MUST(!sigaction(SIGTRAP, &act, NULL));
	MUST(!arm());
	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	MUST(!sigprocmask(SIG_BLOCK, &trap, NULL));
	MUST(place_break(1, 2, 0) == 3);
	place_own_trap(1, 2, 0);
	return 1;
}

TL_TEST(a_blocked_sigtrap_waits_if_it_was_sent_and_kills_if_it_is_a_trap)
{
	CHECK_EQ(in_child(sent_while_blocked), 0);
	CHECK_EQ(in_child(trap_while_blocked), 1000 + SIGTRAP);
}

/* ---- masks that are set behind the library's back ------------------------------------ */

static void *blocks_raw(void *arg)
{
	unsigned long all = ~0UL, none = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		*(unsigned long *)arg += place_jump(1, 2, 0) == 3;
		usleep(1000);
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
	return NULL;
}

/* Refused, nothing changed, and jumps go on; when it has ended, all is well. */
static int really_blocked(void)
{
	uint8_t before[16];
	volatile unsigned long runs = 0;
	pthread_t t;

	memcpy(before, (void *)place_break, 16);
	stop = false;
	MUST(!register_kprobe(&at_jump));
	MUST(!pthread_create(&t, NULL, blocks_raw, (void *)&runs));
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		usleep(100);
	MUST(arm() == -TL_EBUSY);
	MUST(!memcmp(before, (void *)place_break, 16));
	MUST(at_break.addr == (void *)place_break && !at_break.flags);
	MUST(disable_kprobe(&at_jump) == -TL_EBUSY);
	MUST(!kprobe_disabled(&at_jump));
	usleep(50000);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	MUST(!pthread_join(t, NULL));
	/* None was lost while it was tried to disable the probe. */
	MUST(runs > 10 && hits == runs && !at_jump.nmissed);
	MUST(!arm() && !disable_kprobe(&at_jump));
	MUST(place_break(1, 2, 0) == 3 && hits == runs + 1);
	return 0;
}

TL_TEST(a_thread_that_really_blocks_sigtrap_makes_it_ebusy)
{
	if (under_emulator())
		SKIP("an emulator does not tell what other threads block");
	CHECK_EQ(in_child(really_blocked), 0);
}
