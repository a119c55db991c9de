/* SPDX-License-Identifier: MIT */
/*
 * family.c - fork, exec, exit, wait: children, grandchildren, orphans
 */

#include "check.h"

#define CHILDREN 12

static volatile long shared = 1; /* which it is not */

static void children_end_each_with_its_own(void)
{
	int pids[CHILDREN];

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (!pids[i]) {
			shared += i;
			exit(shared == 1 + i ? 100 + i : 1);
		}
	}
	CHECK(shared == 1);
	/* In the other order, to meet some that have ended long ago. */
	for (int i = CHILDREN; i-- > 0;) {
		int status = end_of(pids[i]);

		CHECK(W_EXITED(status) && W_CODE(status) == 100 + i);
	}
	CHECK(wait(-1, NULL, 0) == -ECHILD);
	CHECK(wait(getpid(), NULL, 0) == -ECHILD);
}

static void a_child_knows_its_parent(void)
{
	int me = getpid(), pid = fork(), status;

	if (!pid)
		exit(getppid() == me && getpid() != me ? 7 : 1);
	CHECK(wait(pid, &status, WNOHANG) == 0 || W_CODE(status) == 7);
	if (wait(pid, &status, 0) != -ECHILD)
		CHECK(W_CODE(status) == 7);
}

static void exec_replaces_all_or_nothing(void)
{
	int pid = fork(), status;

	if (!pid) {
		CHECK(exec("no such", "") == -ENOENT);
		CHECK(exec((const char *)KERNEL_TEXT, "") == -EFAULT);
		CHECK(exec("a name that is far too long", "") == -EINVAL);
		CHECK(shared == 1);
		exec("hello", "exec");
		exit(1);
	}
	status = end_of(pid);
	CHECK(W_EXITED(status) && W_CODE(status) == 42);
}

/* @n of them, each the child of the last; each ends with the number below it. */
static void generations(int n)
{
	for (; n; n--) {
		int pid = fork();

		CHECK(pid >= 0);
		if (pid)
			exit(W_CODE(end_of(pid)) + 1);
	}
	exit(0);
}

/* Its child outlives it, and is then its parent's. */
static void orphans_are_adopted(void)
{
	int me = getpid(), pid = fork(), status;

	if (!pid) {
		if (!fork()) {
			while (getppid() != me)
				yield();
			exit(9);
		}
		exit(8);
	}
	CHECK(W_CODE(end_of(pid)) == 8);
	CHECK(wait(-1, &status, 0) > 0);
	CHECK(W_CODE(status) == 9);
}

/* As many as there is room for, and one more; then there is room again. */
static void no_more_than_there_is_room_for(void)
{
	static int pids[200];
	int n = 0;

	for (;;) {
		pids[n] = fork();
		if (!pids[n])
			for (;;)
				sleep_ms(1000);
		if (pids[n] < 0)
			break;
		CHECK(++n < 200);
	}
	CHECK(pids[n] == -EAGAIN || pids[n] == -ENOMEM);
	CHECK(n > CHILDREN);
	for (int i = 0; i < n; i++)
		CHECK(kill(pids[i], SIGKILL) == 0);
	for (int i = 0; i < n; i++)
		CHECK(end_of(pids[i]) == SIGKILL);
	pids[0] = fork();
	CHECK(pids[0] >= 0);
	if (!pids[0])
		exit(3);
	CHECK(W_CODE(end_of(pids[0])) == 3);
}

int main(const char *arg)
{
	int pid;

	(void)arg;
	children_end_each_with_its_own();
	a_child_knows_its_parent();
	exec_replaces_all_or_nothing();
	pid = fork();
	if (!pid)
		generations(8);
	CHECK(W_CODE(end_of(pid)) == 8);
	orphans_are_adopted();
	no_more_than_there_is_room_for();
	return 0;
}
