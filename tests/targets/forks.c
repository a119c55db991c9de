/* SPDX-License-Identifier: MIT */
/*
 * forks.c - children of every kind, and a library that comes and goes
 *
 * The figure `step` counts the calls of step() in this process alone; children
 * with memory of their own call it too and must not be counted.  A child says
 * with its exit status whether its answers were right and whether its text was
 * the file's; the figure `dirty` counts those that found other bytes, so that a
 * test can ask for none.  Children that share our memory (vfork, CLONE_VM) call
 * shared_step(), where whoever counts has to count them.
 *
 * usage: forks [OPTIONS] [CASE...]
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"

#define PROBED	     __attribute__((noinline, noclone, used))
#define CHILD_STEPS  100
#define TEXT_BYTES   64
#define LONG_TURNS   150
#define LONG_TURN_US 10000
#define CHILD_FLAG   "--child"

enum { CHILD_OK, CHILD_WRONG = 1, CHILD_DIRTY = 2, CHILD_BROKEN = 3 };

extern char **environ;

PROBED uint64_t step(uint64_t a, uint64_t b);
PROBED uint64_t step(uint64_t a, uint64_t b)
{
	return (a ^ b) + 3 * b;
}

PROBED uint64_t shared_step(uint64_t a, uint64_t b);
PROBED uint64_t shared_step(uint64_t a, uint64_t b)
{
	return (a + b) ^ (b << 3);
}

enum {
	STEP,
	SHARED,
	LIB,
	DIRTY,
	FORK,
	RAW_FORK,
	VFORK,
	SPAWN,
	EXEC,
	LONG_FORK,
	CLONE_MEM,
	LIBRARY
};

/* clang-format off */
static const char *const counters[] = {
	"step", "shared_step", "lib_step", "dirty", "fork", "raw_fork", "vfork",
	"spawn", "exec", "long_fork", "clone", "library", NULL
};
/* clang-format on */

static char library_path[4096];
static uint8_t text_in_file[TEXT_BYTES];

/* ---- in children ------------------------------------------------------------ */

/* Are the answers right, and is the text of step() that of the file? */
static int child_verdict(void)
{
	uint64_t a, b = 77;
	int i;

	for (i = 0; i < CHILD_STEPS; i++) {
		a = control_opaque((uint64_t)i * 12345);
		if (step(a, b) != (a ^ b) + 3 * b)
			return CHILD_WRONG;
	}
	if (memcmp((const void *)step, text_in_file, TEXT_BYTES))
		return CHILD_DIRTY;
	return CHILD_OK;
}

/* ---- in the parent ---------------------------------------------------------- */

static void call_step(struct worker *w)
{
	uint64_t a = control_random(&w->random), b = a >> 9;

	w->counts[STEP]++;
	control_expect("step", step(a, b), (a ^ b) + 3 * b);
}

/* Wait for @pid and judge it. */
static void reap(struct worker *w, const char *what, pid_t pid)
{
	int status = 0;

	if (pid < 0) {
		control_wrong(what, (uint64_t)-errno, 0);
		return;
	}
	if (waitpid(pid, &status, __WALL) != pid)
		control_wrong("waitpid", (uint64_t)-errno, 0);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_DIRTY)
		w->counts[DIRTY]++;
	else
		control_expect(what, (uint64_t)status, 0);
}

static void run_fork(struct worker *w)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(child_verdict());
	call_step(w);
	reap(w, "fork", pid);
}

/* Without libc's fork(): nobody can have guarded it. */
static void run_raw_fork(struct worker *w)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		syscall(SYS_exit_group, child_verdict());
	call_step(w);
	reap(w, "raw fork", pid);
}

static void run_vfork(struct worker *w)
{
	volatile uint64_t got = 0;
	pid_t pid;

	w->counts[SHARED]++;
	pid = vfork();
	if (pid == 0) {
		got = shared_step(5, 6);
		_exit(CHILD_OK);
	}
	control_expect("vfork child", got, (5 + 6) ^ (6 << 3));
	call_step(w);
	reap(w, "vfork", pid);
}

static void run_spawn(struct worker *w)
{
	char *argv[] = { (char *)"forks", (char *)CHILD_FLAG, NULL };
	pid_t pid = -1;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ))
		pid = -1;
	call_step(w);
	reap(w, "posix_spawn", pid);
}

static void run_exec(struct worker *w)
{
	char *argv[] = { (char *)"forks", (char *)CHILD_FLAG, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execve("/proc/self/exe", argv, environ);
		_exit(CHILD_BROKEN);
	}
	call_step(w);
	reap(w, "exec", pid);
}

/* A child that lives on while its parent is attached to and left. */
static void run_long_fork(struct worker *w)
{
	pid_t pid = fork();
	int i, verdict = CHILD_OK;

	if (pid == 0) {
		for (i = 0; i < LONG_TURNS && verdict != CHILD_WRONG; i++) {
			verdict = child_verdict();
			usleep(LONG_TURN_US);
		}
		_exit(verdict);
	}
	call_step(w);
	reap(w, "long fork", pid);
}

/* A process of its own in our memory, beside us. */
static int vm_child(void *arg)
{
	volatile uint64_t *sum = arg;
	uint64_t i;

	for (i = 0; i < CHILD_STEPS; i++)
		*sum += shared_step(i, *sum);
	return CHILD_OK;
}

static void run_clone(struct worker *w)
{
	static __thread char stack[32768] __attribute__((aligned(16)));
	volatile uint64_t theirs = 0, mine = 0;
	pid_t pid;

	w->counts[SHARED] += 2 * CHILD_STEPS;
	pid = clone(vm_child, stack + sizeof(stack), CLONE_VM | SIGCHLD,
		    (void *)&theirs);
	vm_child((void *)&mine);
	call_step(w);
	reap(w, "clone", pid);
	control_expect("clone child", theirs, mine);
}

static void run_library(struct worker *w)
{
	uint64_t (*lib_step)(uint64_t a, uint64_t b), a;
	void *handle = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
	int i;

	if (!handle) {
		control_wrong("dlopen", 0, 1);
		return;
	}
	*(void **)&lib_step = dlsym(handle, "lib_step");
	for (i = 0; i < 50; i++) {
		a = control_random(&w->random);
		w->counts[LIB]++;
		control_expect("lib_step", lib_step(a, 9), (a ^ 9) + 27);
		usleep(100);
	}
	dlclose(handle);
	call_step(w);
}

static const struct fork_case {
	void (*run)(struct worker *w);
	unsigned int counter;
} cases[] = {
	{ run_fork, FORK },	  { run_raw_fork, RAW_FORK },
	{ run_vfork, VFORK },	  { run_spawn, SPAWN },
	{ run_exec, EXEC },	  { run_long_fork, LONG_FORK },
	{ run_clone, CLONE_MEM }, { run_library, LIBRARY },
};

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static unsigned int chosen[NR_CASES];
static unsigned int nr_chosen;

static void round_of_forks(struct worker *w)
{
	const struct fork_case *c = &cases[chosen[w->index % nr_chosen]];

	c->run(w);
	w->counts[c->counter]++;
	call_step(w);
	usleep(1000);
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

/* Read what the file holds at step(); 0 or -1. */
static int read_own_text(void)
{
	extern const char __executable_start[];
	off_t at = (const char *)step - __executable_start;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	/* The linker gives segments of a program file = address - start. */
	n = pread(fd, text_in_file, TEXT_BYTES, at);
	close(fd);
	return n == TEXT_BYTES ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct program p = {
		.counters = counters,
		.round = round_of_forks,
	};
	char *slash;
	ssize_t n;
	int i;

	n = readlink("/proc/self/exe", library_path, sizeof(library_path) - 20);
	if (n < 0 || read_own_text())
		return CHILD_BROKEN;
	if (argc == 2 && strcmp(argv[1], CHILD_FLAG) == 0)
		return child_verdict();
	slash = strrchr(library_path, '/');
	strcpy(slash + 1, "libforks.so");

	for (i = argc; i > 1 && argv[i - 1][0] >= 'a'; i--)
		;
	choose(argv + i);
	if (!nr_chosen) {
		fprintf(stderr, "forks: no such case\n");
		return 2;
	}
	p.threads = nr_chosen;
	return control_run(argc, argv, &p);
}
