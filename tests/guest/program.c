/* SPDX-License-Identifier: MIT */
/* program.c - user programs, one and several */

#include "program.h"
#include <kern/task.h>
#include <kern/thread.h>

int run_program(const char *program, const char *arg)
{
	int status = -1, pid = task_start(program, arg, ALL_CPUS);

	if (pid < 0)
		return pid;
	return task_wait(pid, &status) == pid ? status : -1;
}

unsigned int run_programs(const char *program, const char *arg, unsigned int n)
{
	unsigned int started = 0, bad = 0;
	int status;

	for (unsigned int i = 0; i < n; i++)
		started += task_start(program, arg, ALL_CPUS) > 0;
	for (unsigned int i = 0; i < started; i++)
		bad += task_wait(-1, &status) < 0 || status;
	return bad + n - started;
}
