/* SPDX-License-Identifier: MIT */
/*
 * watched.c - a debugger's breakpoints and watches in another task, on arm64
 *
 * The task hears of a hit when the instruction has been executed; once for each.
 */

#include "check.h"

#define CONTROL	     7
#define ON	     2ul /* at EL0 */
#define TYPE_EXECUTE 0ul
#define TYPE_LOAD    (1ul << 2)
#define TYPE_STORE   (2ul << 2)
#define LENGTH(n)    ((unsigned long)((n)-1) << 4)

static volatile unsigned long word[2];
static int status_here;

__attribute__((noinline)) static void store(unsigned long n)
{
	word[0] = n;
}

static void poke_debug(int pid, unsigned int n, unsigned long value, int want)
{
	CHECK(ptrace(PTRACE_POKEDEBUG, pid, n, value) == want);
}

static unsigned long peek(int pid, const volatile void *at)
{
	unsigned long value = 0;

	CHECK(ptrace(PTRACE_PEEK, pid, (uintptr_t)at, (uintptr_t)&value) == 0);
	return value;
}

static uintptr_t ip_of(int pid)
{
	struct user_regs regs;

	CHECK(ptrace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs) == 0);
	return regs.ip;
}

static void stops_for(int pid, int sig)
{
	int status = end_of(pid);

	CHECK(W_STOPPED(status) && W_SIGNAL(status) == sig);
}

static void go_on(int pid, int how)
{
	CHECK(ptrace(how, pid, 0, 0) == 0);
}

/* A child that is traced and stopped, and then does @fn. */
static int traced(void (*fn)(void))
{
	int pid = fork();

	if (!pid) {
		CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		kill(getpid(), SIGSTOP);
		fn();
		exit(9);
	}
	stops_for(pid, SIGSTOP);
	return pid;
}

static void ends(int pid)
{
	int status;

	go_on(pid, PTRACE_CONTINUE);
	status = end_of(pid);
	CHECK(W_EXITED(status) && W_CODE(status) == 9);
}

static void store_thrice(void)
{
	store(11);
	(void)word[0];
	store(12);
	word[1] = 1;
	store(13);
}

static void writes_are_told_when_they_are_made(void)
{
	int pid = traced(store_thrice);

	poke_debug(pid, 0, (uintptr_t)&word[0], 0);
	poke_debug(pid, CONTROL, ON | TYPE_STORE | LENGTH(8), 0);
	for (unsigned long n = 11; n <= 13; n++) {
		go_on(pid, PTRACE_CONTINUE);
		stops_for(pid, SIGTRAP);
		CHECK(peek(pid, &word[0]) == n);
	}
	ends(pid);
	CHECK(word[0] == 0);
}

static void a_function_is_stopped_at(void)
{
	int pid = traced(store_thrice);

	poke_debug(pid, 1, (uintptr_t)store, 0);
	poke_debug(pid, CONTROL, (ON | TYPE_EXECUTE) << 16, 0);
	for (int i = 0; i < 3; i++) {
		go_on(pid, PTRACE_CONTINUE);
		stops_for(pid, SIGTRAP);
		CHECK(ip_of(pid) == (uintptr_t)store + 4);
	}
	poke_debug(pid, CONTROL, 0, 0);
	ends(pid);
}

/* A step onto what is watched is one step, and one signal. */
static void steps_and_watches_come_together(void)
{
	int pid = traced(store_thrice);
	unsigned int changes = 0, steps = 0;
	unsigned long last = 0;

	poke_debug(pid, 0, (uintptr_t)&word[0], 0);
	poke_debug(pid, CONTROL, ON | TYPE_STORE | LENGTH(8), 0);
	while (changes < 3 && steps++ < 300) {
		uintptr_t ip = ip_of(pid);

		go_on(pid, PTRACE_STEP);
		stops_for(pid, SIGTRAP);
		CHECK(ip_of(pid) != ip);
		if (peek(pid, &word[0]) != last) {
			last = peek(pid, &word[0]);
			changes++;
			CHECK(last == 10 + changes);
		}
	}
	CHECK(changes == 3);
	ends(pid);
}

static void be_told_of_a_child(void)
{
	int pid = fork();

	if (!pid)
		exit(5);
	wait(pid, &status_here, 0);
}

/* The kernel writes there for the task. */
static void a_write_by_the_kernel_is_told(void)
{
	int pid = traced(be_told_of_a_child);

	poke_debug(pid, 0, (uintptr_t)&status_here, 0);
	poke_debug(pid, CONTROL, ON | TYPE_STORE | LENGTH(4), 0);
	go_on(pid, PTRACE_CONTINUE);
	stops_for(pid, SIGTRAP);
	poke_debug(pid, CONTROL, 0, 0);
	ends(pid);
}

static void what_is_not_the_tasks_is_refused(void)
{
	int pid = traced(store_thrice);

	poke_debug(pid, 0, 0xffffff8040100000, 0);
	poke_debug(pid, CONTROL, ON | TYPE_STORE | LENGTH(8), -EINVAL);
	poke_debug(pid, 0, (uintptr_t)&word[0] + 4, 0);
	poke_debug(pid, CONTROL, ON | TYPE_STORE | LENGTH(8), -EINVAL);
	poke_debug(pid, CONTROL, ON | TYPE_STORE | LENGTH(4), 0);
	poke_debug(pid, CONTROL, 0, 0);
	ends(pid);
}

int main(const char *arg)
{
	(void)arg;
	writes_are_told_when_they_are_made();
	a_function_is_stopped_at();
	steps_and_watches_come_together();
	a_write_by_the_kernel_is_told();
	what_is_not_the_tasks_is_refused();
	return 0;
}
