/* SPDX-License-Identifier: MIT */
/*
 * sigs.c - a program that uses SIGTRAP itself, and lives with masks
 *
 * Each case is run by a thread of its own, again and again; names on the
 * command line choose cases.  A case knows how often its handler has to run,
 * with what address, on what stack and with what mask.  Between the traps
 * every case calls step(), which tests count and which must never be disturbed.
 *
 * The action for SIGTRAP belongs to the whole process, so the cases that change
 * it take turns; the others run beside them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "control.h"

#define PROBED	  __attribute__((noinline, noclone, used))
#define RAW_STACK 65536
#define RAW_STEPS 1000

extern char **environ;

PROBED uint64_t step(uint64_t a, uint64_t b);
PROBED uint64_t step(uint64_t a, uint64_t b)
{
	return (a ^ b) + 3 * b;
}

enum {
	STEP,
	HANDLER,
	ONSTACK,
	NODEFER,
	RESETHAND,
	DEFAULT,
	IGNORED,
	ACTION,
	MASK,
	FULL_MASK,
	WAIT,
	SPAWN,
	THREADS,
	RAW_CLONE
};

static const char *const counters[] = { "step",	     "handler",	  "onstack",
					"nodefer",   "resethand", "default",
					"ignored",   "action",	  "mask",
					"full_mask", "wait",	  "spawn",
					"threads",   "raw_clone", NULL };

static void call_step(struct worker *w)
{
	uint64_t a = control_random(&w->random), b = a >> 7;

	w->counts[STEP]++;
	control_expect("step", step(a, b), (a ^ b) + 3 * b);
}

/* ---- the program's own handler -------------------------------------------- */

/* What the handler saw; its thread alone traps, see `turn`. */
static struct {
	volatile unsigned int calls;
	volatile unsigned int depth;
	volatile unsigned int deepest;
	volatile int code;
	volatile uintptr_t pc;
	volatile uintptr_t sp;
	volatile bool trap_masked;
	volatile bool usr1_masked;
	volatile bool nest;
} seen;

/* The cases that set the action hold this while they use it. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define TRAP() __asm__ volatile("int3" : : : "memory")

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	sigset_t mask;
	char here;

	(void)sig;
	seen.calls++;
	seen.depth++;
	if (seen.depth > seen.deepest)
		seen.deepest = seen.depth;
	seen.code = info->si_code;
	seen.pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	seen.sp = (uintptr_t)&here;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	seen.trap_masked = sigismember(&mask, SIGTRAP);
	seen.usr1_masked = sigismember(&mask, SIGUSR1);
	if (seen.nest && seen.depth == 1)
		TRAP();
	seen.depth--;
}

static void forget(void)
{
	memset((void *)&seen, 0, sizeof(seen));
}

static void set_action(void (*handler)(int, siginfo_t *, void *), int how)
{
	struct sigaction sa = { .sa_sigaction = handler };

	sa.sa_flags = SA_SIGINFO | how;
	sigaddset(&sa.sa_mask, SIGUSR1);
	if (sigaction(SIGTRAP, &sa, NULL))
		control_wrong("sigaction", (uint64_t)-errno, 0);
}

/* The action must be what was set: the same function and the same flags. */
static void expect_action(void (*handler)(int, siginfo_t *, void *), int how)
{
	struct sigaction sa;

	sigaction(SIGTRAP, NULL, &sa);
	control_expect("action", (uintptr_t)sa.sa_sigaction,
		       (uintptr_t)handler);
	control_expect("action flags", (uint64_t)(sa.sa_flags & ~0x04000000),
		       (uint64_t)(SA_SIGINFO | how));
	control_expect("action mask", sigismember(&sa.sa_mask, SIGUSR1), 1);
}

/* Trap once and check the address that the handler was shown. */
static void trap_and_check(void)
{
	uintptr_t after;

	__asm__ volatile("lea 1f(%%rip), %0\n\tint3\n1:"
			 : "=&r"(after)
			 :
			 : "memory");
	control_expect("trap address", seen.pc, after);
	control_expect("trap code", (uint64_t)seen.code, SI_KERNEL);
}

static void run_handler(struct worker *w)
{
	set_action(on_trap, 0);
	trap_and_check();
	call_step(w);
	raise(SIGTRAP);
	control_expect("raised code", (uint64_t)seen.code, (uint64_t)SI_TKILL);
	control_expect("handler calls", seen.calls, 2);
	control_expect("SIGTRAP masked", seen.trap_masked, 1);
	control_expect("sa_mask", seen.usr1_masked, 1);
	expect_action(on_trap, 0);
}

static void run_onstack(struct worker *w)
{
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) }, old;

	sigaltstack(&alt, &old);
	set_action(on_trap, SA_ONSTACK);
	trap_and_check();
	call_step(w);
	control_expect("on the alternate stack",
		       seen.sp - (uintptr_t)stack < sizeof(stack), 1);
	expect_action(on_trap, SA_ONSTACK);
	sigaltstack(&old, NULL);
}

static void run_nodefer(struct worker *w)
{
	set_action(on_trap, SA_NODEFER);
	seen.nest = true;
	TRAP();
	call_step(w);
	control_expect("nodefer calls", seen.calls, 2);
	control_expect("nodefer depth", seen.deepest, 2);
	control_expect("SIGTRAP not masked", seen.trap_masked, 0);
	expect_action(on_trap, SA_NODEFER);
}

static void run_resethand(struct worker *w)
{
	struct sigaction sa;

	set_action(on_trap, (int)SA_RESETHAND);
	call_step(w);
	TRAP();
	sigaction(SIGTRAP, NULL, &sa);
	control_expect("reset to default", (uintptr_t)sa.sa_handler,
		       (uintptr_t)SIG_DFL);
	control_expect("resethand calls", seen.calls, 1);
}

/* In a child: with the default action a trap of its own is its end. */
static void run_default(struct worker *w)
{
	int status = 0;
	pid_t pid;

	signal(SIGTRAP, SIG_DFL);
	call_step(w);
	pid = fork();
	if (pid == 0) {
		TRAP();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	control_expect("killed by SIGTRAP",
		       WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0,
		       SIGTRAP);
}

static void run_ignored(struct worker *w)
{
	struct sigaction sa;

	signal(SIGTRAP, SIG_IGN);
	raise(SIGTRAP);
	call_step(w);
	sigaction(SIGTRAP, NULL, &sa);
	control_expect("still ignored", (uintptr_t)sa.sa_handler,
		       (uintptr_t)SIG_IGN);
	signal(SIGTRAP, SIG_DFL);
}

/* Change the action in the middle, with calls before and after. */
static void on_other(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	seen.calls += 100;
}

static void run_action(struct worker *w)
{
	set_action(on_trap, 0);
	call_step(w);
	TRAP();
	set_action(on_other, SA_RESTART);
	call_step(w);
	TRAP();
	expect_action(on_other, SA_RESTART);
	set_action(on_trap, SA_NODEFER);
	call_step(w);
	TRAP();
	control_expect("calls of two handlers", seen.calls, 102);
}

/* ---- masks ------------------------------------------------------------------ */

static void run_mask(struct worker *w)
{
	sigset_t trap, old, now;

	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	pthread_sigmask(SIG_BLOCK, &trap, &old);
	call_step(w);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	control_expect("SIGTRAP blocked", sigismember(&now, SIGTRAP), 1);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	call_step(w);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	control_expect("SIGTRAP unblocked", sigismember(&now, SIGTRAP), 0);
}

/* By the system call itself, as runtimes do that know no libc. */
static void run_full_mask(struct worker *w)
{
	uint64_t all = ~0ull, old = 0, now = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	call_step(w);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, &now, 8);
	control_expect("full mask",
		       now | 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1),
		       ~0ull);
	call_step(w);
}

/*
 * Blocked, pending and taken: no handler may run.  Takes turns because setting
 * an action to ignore would discard what is pending.
 */
static void run_wait(struct worker *w)
{
	sigset_t trap, old;
	int sig = 0;

	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	pthread_sigmask(SIG_BLOCK, &trap, &old);
	pthread_kill(pthread_self(), SIGTRAP);
	call_step(w);
	sigwait(&trap, &sig);
	control_expect("sigwait", (uint64_t)sig, SIGTRAP);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- storms ------------------------------------------------------------------ */

static void run_spawn(struct worker *w)
{
	char *argv[] = { (char *)"true", NULL };
	int status = -1;
	pid_t pid;

	call_step(w);
	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ)) {
		control_wrong("posix_spawn", (uint64_t)-errno, 0);
		return;
	}
	waitpid(pid, &status, 0);
	control_expect("spawned", (uint64_t)status, 0);
}

static void *short_life(void *arg)
{
	call_step(arg);
	return arg;
}

static void run_threads(struct worker *w)
{
	struct worker mine[8] = { { 0 } };
	pthread_t t[8];
	void *got;
	int i, n;

	for (n = 0; n < 8; n++) {
		mine[n].random = w->random + (uint64_t)n;
		if (pthread_create(&t[n], NULL, short_life, &mine[n]))
			break;
	}
	control_expect("threads created", (uint64_t)n, 8);
	for (i = 0; i < n; i++) {
		pthread_join(t[i], &got);
		control_expect("joined", (uintptr_t)got, (uintptr_t)&mine[i]);
		w->counts[STEP] += mine[i].counts[STEP];
	}
}

/* A raw clone: shares the thread pointer of its parent, and uses no libc. */
struct raw {
	volatile uint64_t sum;
	volatile uint32_t tid;
};

static int raw_thread(void *arg)
{
	struct raw *raw = arg;
	uint64_t i, sum = 0;

	for (i = 0; i < RAW_STEPS; i++)
		sum += step(sum, i);
	raw->sum = sum;
	return 0;
}

static void run_raw_clone(struct worker *w)
{
	const int how = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
			CLONE_CHILD_CLEARTID;
	static char *stack;
	struct raw raw = { 0, 1 };
	uint64_t i, sum = 0;

	if (!stack)
		stack = mmap(NULL, RAW_STACK, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (clone(raw_thread, stack + RAW_STACK, how, &raw, &raw.tid, NULL,
		  &raw.tid) < 0) {
		control_wrong("clone", (uint64_t)-errno, 0);
		return;
	}
	/* Both run the probed function at once, with one thread pointer. */
	for (i = 0; i < RAW_STEPS; i++)
		sum += step(sum, i);
	while (raw.tid)
		sched_yield();
	w->counts[STEP] += 2 * RAW_STEPS;
	control_expect("raw clone", raw.sum, sum);
}

/* clang-format off */
static const struct sig_case {
	void (*run)(struct worker *w);
	unsigned int counter;
	bool takes_turn; /* uses the action of the process */
} cases[] = {
	{ run_handler, HANDLER, true },
	{ run_onstack, ONSTACK, true },
	{ run_nodefer, NODEFER, true },
	{ run_resethand, RESETHAND, true },
	{ run_default, DEFAULT, true },
	{ run_ignored, IGNORED, true },
	{ run_action, ACTION, true },
	{ run_mask, MASK, false },
	{ run_full_mask, FULL_MASK, false },
	{ run_wait, WAIT, true },
	{ run_spawn, SPAWN, false },
	{ run_threads, THREADS, false },
	{ run_raw_clone, RAW_CLONE, false },
};
/* clang-format on */

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static unsigned int chosen[NR_CASES];
static unsigned int nr_chosen;

static void round_of_signals(struct worker *w)
{
	const struct sig_case *c = &cases[chosen[w->index % nr_chosen]];

	if (c->takes_turn) {
		pthread_mutex_lock(&turn);
		forget();
	}
	c->run(w);
	w->counts[c->counter]++;
	if (c->takes_turn)
		pthread_mutex_unlock(&turn);
	usleep(200);
}

static void choose(char **names)
{
	unsigned int i;
	char **n;
	bool hit;

	for (i = 0; i < NR_CASES; i++) {
		hit = !*names;
		for (n = names; *n; n++)
			hit |= strcmp(*n, counters[cases[i].counter]) == 0;
		if (hit)
			chosen[nr_chosen++] = i;
	}
}

int main(int argc, char **argv)
{
	static struct program p = {
		.counters = counters,
		.round = round_of_signals,
	};
	int i;

	for (i = argc; i > 1 && argv[i - 1][0] >= 'a'; i--)
		;
	choose(argv + i);
	if (!nr_chosen) {
		fprintf(stderr, "sigs: no such case\n");
		return 2;
	}
	p.threads = nr_chosen;
	return control_run(argc, argv, &p);
}
