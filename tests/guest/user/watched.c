/* SPDX-License-Identifier: MIT */
/*
 * watched.c - a task under a debugger that uses debug registers
 *
 * The argument names one part; the exit status is 0, or the line that failed.
 */

#include <user.h>

#define CHECK(cond)                                 \
	do {                                        \
		if (!(cond))                        \
			exit(__LINE__ & 0xff ?: 1); \
	} while (0)

#define FIXED	     0xffff0ff0ul
#define ENABLE(n, c) (1ul << 2 * (n) | (unsigned long)(c) << (16 + 4 * (n)))
#define X1	     0x0
#define W1	     0x1
#define IO1	     0x2
#define W8	     0x9
#define RW8	     0xb

static volatile uint64_t words[4];
static volatile int answer;

static unsigned long get(int pid, unsigned int n)
{
	unsigned long value = 1;

	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, n, (uintptr_t)&value) == 0);
	return value;
}

static long set(int pid, unsigned int n, unsigned long value)
{
	return ptrace(PTRACE_POKEDEBUG, pid, n, value);
}

static void go_on(int pid)
{
	CHECK(ptrace(PTRACE_CONTINUE, pid, 0, 0) == 0);
}

/* Wait for a stop of @pid for @sig. */
static void stops(int pid, int sig)
{
	int status = 0;

	CHECK(wait(pid, &status, 0) == pid);
	CHECK(W_STOPPED(status) && W_SIGNAL(status) == sig);
}

static void ends(int pid, int code)
{
	int status = 0;

	CHECK(wait(pid, &status, 0) == pid);
	CHECK(W_EXITED(status) && W_CODE(status) == code);
}

static unsigned long where(int pid)
{
	struct user_regs regs;

	CHECK(ptrace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs) == 0);
	return regs.ip;
}

__attribute__((noinline)) static int place(int n)
{
	__asm__ volatile("");
	return n + 1;
}

/* A child that stops for its debugger and then calls @fn. */
static int victim(int (*fn)(void))
{
	int pid = fork();

	if (pid) {
		CHECK(pid > 0);
		stops(pid, SIGUSR1);
		return pid;
	}
	CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
	kill(getpid(), SIGUSR1);
	exit(fn());
}

static int write_words(void)
{
	for (unsigned int i = 0; i < 4; i++)
		words[i] = i + 1;
	words[1]++;
	return 7;
}

/* Names with holes; the number of each in its own status. */
static void names(void)
{
	int pid = victim(write_words);

	CHECK(set(pid, 1, (unsigned long)&words[1]) == 0);
	CHECK(set(pid, 3, (unsigned long)&words[3]) == 0);
	CHECK(set(pid, 7, ENABLE(1, W8) | ENABLE(3, RW8)) == 0);
	for (int i = 0; i < 4; i++) {
		static const unsigned int bits[] = { 2, 8, 2, 2 };

		if (i == 3)
			break;
		go_on(pid);
		stops(pid, SIGTRAP);
		CHECK(get(pid, 6) == (FIXED | bits[i]));
		CHECK(set(pid, 6, 0) == 0);
	}
	CHECK(get(pid, 1) == (unsigned long)&words[1]);
	CHECK(get(pid, 0) == 0);
	CHECK(get(pid, 7) == (ENABLE(1, W8) | ENABLE(3, RW8)));
	go_on(pid);
	ends(pid, 7);
}

/* A signal ends it: the names with their holes, until it is waited for. */
static void dumped(void)
{
	const unsigned long control = ENABLE(1, W8) | ENABLE(3, RW8);
	int pid = victim(write_words), status = 0;
	unsigned long value = 0;

	CHECK(set(pid, 1, (unsigned long)&words[1]) == 0);
	CHECK(set(pid, 2, 7) == 0); /* and not enabled */
	CHECK(set(pid, 3, (unsigned long)&words[3]) == 0);
	CHECK(set(pid, 7, control) == 0);
	CHECK(ptrace(PTRACE_CONTINUE, pid, 0, SIGSEGV) == 0);
	for (int i = 0; ptrace(PTRACE_PEEKDEBUG, pid, 7, (uintptr_t)&value);
	     i++) {
		CHECK(i < 100000);
		yield();
	}
	CHECK(value == control);
	CHECK(get(pid, 0) == 0);
	CHECK(get(pid, 1) == (unsigned long)&words[1]);
	CHECK(get(pid, 2) == 7);
	CHECK(get(pid, 3) == (unsigned long)&words[3]);
	CHECK(get(pid, 6) == FIXED);
	CHECK(get(pid, 1000) == 0);
	CHECK(set(pid, 1, 0) < 0);
	CHECK(wait(pid, &status, 0) == pid);
	CHECK(W_KILLED(status) && W_SIGNAL(status) == SIGSEGV);
	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, 7, (uintptr_t)&value) < 0);
}

/* What cannot be, and that nothing has changed then. */
static void refusals(void)
{
	int pid = victim(write_words);
	unsigned long value;

	CHECK(set(pid, 4, 0) == -EIO);
	CHECK(set(pid, 5, 0) == -EIO);
	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, 4, (uintptr_t)&value) == -EIO);
	CHECK(set(pid, 0, (unsigned long)&words[0]) == 0);
	CHECK(set(pid, 7, ENABLE(0, W8)) == 0);
	CHECK(set(pid, 2, 0xffffffff80000000ul) == 0);
	CHECK(get(pid, 2) == 0xffffffff80000000ul);
	CHECK(set(pid, 7, ENABLE(2, W1)) == -EINVAL);
	CHECK(set(pid, 2, (unsigned long)&words[0] + 1) == 0);
	CHECK(set(pid, 7, ENABLE(2, W8)) == -EINVAL);
	CHECK(set(pid, 7, ENABLE(2, IO1)) == -EINVAL);
	CHECK(get(pid, 7) == ENABLE(0, W8));
	go_on(pid);
	stops(pid, SIGTRAP);
	CHECK(get(pid, 6) == (FIXED | 1));
	go_on(pid);
	ends(pid, 7);
	CHECK(set(getpid(), 0, 0) == -ESRCH);
}

static int call_place(void)
{
	int n = 0;

	for (int i = 0; i < 5; i++)
		n = place(n);
	return n;
}

/* Code: before it runs, and once; with a step of the debugger's as well. */
static void code(void)
{
	int pid = victim(call_place);

	CHECK(set(pid, 0, (unsigned long)place) == 0);
	CHECK(set(pid, 7, ENABLE(0, X1)) == 0);
	for (int i = 0; i < 5; i++) {
		go_on(pid);
		stops(pid, SIGTRAP);
		CHECK(where(pid) == (unsigned long)place);
		CHECK(get(pid, 6) & 1);
		CHECK(set(pid, 6, 0) == 0);
		if (i % 2)
			continue;
		CHECK(ptrace(PTRACE_STEP, pid, 0, 0) == 0);
		stops(pid, SIGTRAP);
		CHECK(where(pid) != (unsigned long)place);
		CHECK(get(pid, 6) == (FIXED | 1ul << 14));
		CHECK(set(pid, 6, 0) == 0);
	}
	go_on(pid);
	ends(pid, 5);
}

static int fork_and_write(void)
{
	int status, pid = fork();

	if (!pid)
		exit(write_words());
	CHECK(wait(pid, &status, 0) == pid);
	return W_EXITED(status) ? W_CODE(status) : 99;
}

/* "copies": the child has what the parent has, nobody to tell, and dies of it. */
static void forked(bool copies)
{
	int pid = victim(fork_and_write);

	CHECK(set(pid, 0, (unsigned long)&words[2]) == 0);
	CHECK(set(pid, 7, ENABLE(0, W8)) == 0);
	go_on(pid);
	ends(pid, copies ? 99 : 7);
}

static int exec_again(void)
{
	return exec("watched", "write");
}

/* The other program is at the same addresses, and is not watched. */
static void executed(void)
{
	int pid = victim(exec_again);

	CHECK(set(pid, 0, (unsigned long)&words[0]) == 0);
	CHECK(set(pid, 1, (unsigned long)&words[1]) == 0);
	CHECK(set(pid, 7, ENABLE(0, W8)) == 0);
	go_on(pid);
	stops(pid, SIGTRAP); /* the exec's own */
	CHECK(get(pid, 0) == 0);
	CHECK(get(pid, 1) == 0);
	CHECK(get(pid, 7) == 0);
	go_on(pid);
	ends(pid, 7);
}

/* Where the kernel writes for the task: a hit like any other. */
static int wait_into_word(void)
{
	int pid = fork();

	if (!pid)
		exit(5);
	wait(pid, (int *)&words[0], 0);
	return (int)words[0] >> 8;
}

static void copied(void)
{
	int pid = victim(wait_into_word);

	CHECK(set(pid, 0, (unsigned long)&words[0]) == 0);
	CHECK(set(pid, 7, ENABLE(0, W8)) == 0);
	go_on(pid);
	stops(pid, SIGTRAP);
	CHECK(get(pid, 6) == (FIXED | 1));
	go_on(pid);
	ends(pid, 5);
}

static volatile unsigned int hits;

static void count_trap(int sig)
{
	(void)sig;
	hits++;
}

#define MANY  6
#define TURNS 40

/* Its own variable, at the address that all have, in its own number. */
static int write_often(void)
{
	signal(SIGTRAP, count_trap);
	kill(getpid(), SIGUSR2);
	for (unsigned int i = 0; i < TURNS; i++) {
		words[0] = i;
		if (i % 4 == 0)
			yield();
		if (i % 8 == 0)
			move(1u << i / 8 | 1);
	}
	return (int)hits;
}

/* Many at once, each with what its debugger gave it and nothing of the others'. */
static void many(void)
{
	int pid[MANY];

	for (unsigned int i = 0; i < MANY; i++) {
		pid[i] = victim(write_often);
		go_on(pid[i]);
		stops(pid[i], SIGUSR2);
		CHECK(set(pid[i], i % 4, (unsigned long)&words[i % 3]) == 0);
		CHECK(set(pid[i], 7, ENABLE(i % 4, W8)) == 0);
	}
	for (unsigned int i = 0; i < MANY; i++)
		CHECK(ptrace(PTRACE_DETACH, pid[i], 0, 0) == 0);
	for (unsigned int i = 0; i < MANY; i++)
		ends(pid[i], i % 3 ? 0 : TURNS);
}

/* The kernel has three registers. */
static void crowded(void)
{
	int pid = victim(write_words);

	CHECK(set(pid, 0, (unsigned long)&words[0]) == 0);
	CHECK(set(pid, 1, (unsigned long)&words[1]) == 0);
	CHECK(set(pid, 7, ENABLE(0, W8) | ENABLE(1, W8)) == -ENOSPC);
	CHECK(get(pid, 7) == 0);
	CHECK(set(pid, 7, ENABLE(1, W8)) == 0);
	for (int i = 0; i < 2; i++) {
		go_on(pid);
		stops(pid, SIGTRAP);
	}
	go_on(pid);
	ends(pid, 7);
}

/* For the kernel, which has put a breakpoint on the second word of the argument. */
static void wait_and_write(volatile uint64_t *arg)
{
	while (!arg[1])
		yield();
	for (unsigned int i = 0; i < TURNS; i++) {
		arg[2] = i;
		if (i % 4 == 0)
			yield();
	}
}

int main(const char *arg)
{
	switch (arg[0]) {
	case 'n':
		names();
		return 0;
	case 'd':
		dumped();
		return 0;
	case 'r':
		refusals();
		return 0;
	case 'c':
		code();
		return 0;
	case 'f':
		forked(arg[1] == 'c');
		return 0;
	case 'e':
		executed();
		return 0;
	case 'u':
		copied();
		return 0;
	case 'm':
		many();
		return 0;
	case 's':
		crowded();
		return 0;
	case 'w':
		return write_words();
	case 'k':
		wait_and_write((volatile uint64_t *)arg);
		return 0;
	}
	return 98;
}
