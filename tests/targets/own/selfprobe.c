/* SPDX-License-Identifier: MIT */
/*
 * selfprobe.c - a program that probes itself, while others may trace it
 *
 * Its threads call functions that have probes of the program's own: step() is
 * counted at its entry and at its return, lazy() has a handler that sleeps, and
 * at churned() a probe comes and goes all the time.  solo() has none.  What the
 * handlers counted is told beside what was called, and must be the same to the
 * last call, whoever else has probes at these places.
 *
 * Fork children go on probing themselves, and say with their exit status whether
 * their own counts were right.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/trapline.h>

#include "control.h"

#define PROBED	    __attribute__((noinline, noclone, used))
#define CHILD_STEPS 200

PROBED uint64_t step(uint64_t a, uint64_t b);
PROBED uint64_t step(uint64_t a, uint64_t b)
{
	return (a ^ b) + 3 * b;
}

PROBED uint64_t solo(uint64_t a, uint64_t b);
PROBED uint64_t solo(uint64_t a, uint64_t b)
{
	return (a + b) ^ (b << 3);
}

PROBED uint64_t lazy(uint64_t a, uint64_t b);
PROBED uint64_t lazy(uint64_t a, uint64_t b)
{
	return (a - b) ^ (b << 5);
}

PROBED uint64_t churned(uint64_t a, uint64_t b);
PROBED uint64_t churned(uint64_t a, uint64_t b)
{
	return (a & b) + (b << 1);
}

/*
 * A branch leads into what a jump would cover, and there is no padding for an
 * island: a breakpoint or nothing.  tight(0) goes around twice.
 */
uint64_t tight(uint64_t a);
__asm__("	.text\n"
	"	.globl	tight\n"
	"	.type	tight, @function\n"
	"tight:	xor	%eax, %eax\n"
	"1:	inc	%eax\n"
	"	add	$1, %rdi\n"
	"	cmp	$2, %rdi\n"
	"	jb	1b\n"
	"	ret\n"
	"	.size	tight, . - tight\n"
	"	push	%rbp\n");

enum {
	STEP,
	SOLO,
	LAZY,
	OWN_STEP,
	OWN_RETURN,
	OWN_LAZY,
	CHURNED,
	CHURN,
	FORK,
	TIGHT,
	CHILD
};

/* clang-format off */
static const char *const counters[] = {
	"step", "solo", "lazy", "own_step", "own_return", "own_lazy",
	"churned", "churn", "fork", "tight", "child", NULL
};
/* clang-format on */

static __thread struct worker *self;

/* ---- probes ------------------------------------------------------------------ */

static int count_step(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	self->counts[OWN_STEP]++;
	return 0;
}

static int count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	self->counts[OWN_RETURN]++;
	return 0;
}

/* It calls what has a probe of the library's: a miss, which is nobody's. */
static int sleep_a_little(struct kprobe *p, struct pt_regs *regs)
{
	struct timespec t = { 0, 200000 };
	struct sigaction act;
	sigset_t now;

	(void)p;
	(void)regs;
	nanosleep(&t, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	sigaction(SIGUSR2, NULL, &act);
	self->counts[OWN_LAZY]++;
	return 0;
}

static int nothing(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

static struct kprobe at_step = {
	.addr = (kprobe_opcode_t *)step,
	.pre_handler = count_step,
};
static struct kretprobe at_return = {
	.kp.addr = (kprobe_opcode_t *)step,
	.handler = count_return,
};
static struct kprobe at_lazy = {
	.addr = (kprobe_opcode_t *)lazy,
	.pre_handler = sleep_a_little,
};
static struct kprobe at_churned = {
	.addr = (kprobe_opcode_t *)churned,
	.pre_handler = nothing,
};

/* A registration may be refused for a while; then it is tried again later. */
static void churn(struct worker *w)
{
	int err = register_kprobe(&at_churned);

	if (err && err != -16)
		control_wrong("register_kprobe", (uint64_t)-err, 0);
	if (err)
		return;
	w->counts[CHURN]++;
	for (uint64_t i = 0; i < 20; i++) {
		w->counts[CHURNED]++;
		control_expect("churned", churned(i, 7), (i & 7) + 14);
	}
	unregister_kprobe(&at_churned);
}

/* ---- rounds -------------------------------------------------------------------- */

static void call_all(struct worker *w)
{
	uint64_t a = control_random(&w->random), b = control_opaque(a >> 7);

	w->counts[STEP]++;
	control_expect("step", step(a, b), (a ^ b) + 3 * b);
	w->counts[SOLO]++;
	control_expect("solo", solo(a, b), (a + b) ^ (b << 3));
	w->counts[CHURNED]++;
	control_expect("churned", churned(a, b), (a & b) + (b << 1));
	if (a % 16)
		return;
	w->counts[TIGHT]++;
	control_expect("tight", tight(0), 2);
}

/* The C library's locks and lists are in use, too. */
static void use_libc(struct worker *w)
{
	void *p[8];
	char text[64];

	for (unsigned int i = 0; i < 8; i++)
		p[i] = malloc(16 + control_random(&w->random) % 5000);
	snprintf(text, sizeof(text), "%p", p[0]);
	for (unsigned int i = 0; i < 8; i++)
		free(p[i]);
}

/* The compiler knows that step() writes no memory; handlers do. */
static uint64_t counted(unsigned int i)
{
	return *(volatile uint64_t *)&self->counts[i];
}

/* Exit status 0: its own probes have counted what they should. */
static void run_fork(struct worker *w)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t steps = counted(OWN_STEP);
		uint64_t returns = counted(OWN_RETURN);

		for (uint64_t i = 0; i < CHILD_STEPS; i++)
			if (step(i, 5) != (i ^ 5) + 15 ||
			    solo(i, 5) != ((i + 5) ^ 40))
				_exit(2);
		_exit(counted(OWN_STEP) != steps + CHILD_STEPS ||
		      counted(OWN_RETURN) != returns + CHILD_STEPS);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		control_wrong("fork child", (uint64_t)status, 0);
	w->counts[FORK]++;
}

/* A child that lives on: its number is a figure. */
static void run_child(struct worker *w)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (uint64_t i = 0;; i++) {
			if (step(i, 5) != (i ^ 5) + 15 ||
			    solo(i, 5) != ((i + 5) ^ 40))
				_exit(2);
			usleep(1000);
		}
	}
	w->counts[CHILD] = (uint64_t)pid;
}

static bool forks, one_child;

/*
 * Has a session of the command's been here for a while?  A child that is born in
 * the middle of a registration keeps what it has then.
 */
static bool is_traced(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	static unsigned int seen;
	char line[512];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, "/memfd:trapline-figures") != NULL;
	if (f)
		fclose(f);
	seen = found ? seen + 1 : 0;
	usleep(1000);
	return seen > 1000;
}

static void round_of_probes(struct worker *w)
{
	uint64_t a = control_random(&w->random);

	for (int i = 0; i < 200; i++)
		call_all(w);
	use_libc(w);
	switch (w->index) {
	case 0:
		if (!one_child)
			churn(w);
		break;
	case 1:
		w->counts[LAZY]++;
		control_expect("lazy", lazy(a, 3), (a - 3) ^ 96);
		break;
	case 2:
		if (forks)
			run_fork(w);
		if (one_child && !w->counts[CHILD] && is_traced())
			run_child(w);
		break;
	}
}

static void begin(struct worker *w)
{
	self = w;
}

int main(int argc, char **argv)
{
	static struct program p = {
		.counters = counters,
		.round = round_of_probes,
		.begin = begin,
		.threads = 4,
	};
	int err;

	if (argc > 1 && !strcmp(argv[argc - 1], "untouched"))
		return control_run(argc, argv, &p);
	one_child = argc > 1 && !strcmp(argv[argc - 1], "child");
	forks = argc > 1 && !strcmp(argv[argc - 1], "forks");
	err = register_kprobe(&at_step);
	if (!err)
		err = register_kretprobe(&at_return);
	if (!err)
		err = register_kprobe(&at_lazy);
	if (err) {
		fprintf(stderr, "selfprobe: %d\n", err);
		return 3;
	}
	return control_run(argc, argv, &p);
}
