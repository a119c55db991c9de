/* SPDX-License-Identifier: MIT */
/*
 * yield.c - a guardian holds the threads of somebody who is followed
 *
 * Its net must trace them, and only one can.  So the follower is asked to let go,
 * at a door like the guardian's own: a descriptor of a known number, which the
 * kernel lets those take who might trace the follower.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "find.h"
#include "follow.h"

#define PATIENCE_MS 2000
#define RESUME_MS   500

static int door = -1;
static pid_t yielded;

static pid_t tracer_of(pid_t pid)
{
	char path[64], line[128];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer;
}

static bool is_follower(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f && !fgets(name, sizeof(name), f))
		name[0] = '\0';
	if (f)
		fclose(f);
	return !strcmp(name, FOLLOWER_NAME "\n") && found_program(pid);
}

static int open_door(pid_t follower)
{
	int pidfd = (int)syscall(SYS_pidfd_open, follower, 0), fd;

	if (pidfd < 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, FOLLOW_DOOR_FD, 0);
	close(pidfd);
	return fd;
}

bool is_followed(pid_t pid)
{
	pid_t tracer = tracer_of(pid);

	return tracer && is_follower(tracer);
}

bool follower_yield(pid_t pid)
{
	struct follow_message m = { .what = FOLLOW_YIELD, .pid = pid };
	pid_t tracer = tracer_of(pid);

	if (!tracer || !is_follower(tracer))
		return false;
	follower_resume();
	door = open_door(tracer);
	if (door < 0 || !follow_send(door, &m, NULL, 0))
		return false;
	yielded = pid;
	for (int i = 0; i < PATIENCE_MS / 2 && tracer_of(pid) == tracer; i++)
		usleep(2000);
	return tracer_of(pid) != tracer;
}

/* Does anybody trace all threads of @pid? */
static bool all_traced(pid_t pid)
{
	bool all = true;
	struct dirent *e;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && all && (e = readdir(d)))
		all = atoi(e->d_name) <= 0 || tracer_of(atoi(e->d_name));
	if (d)
		closedir(d);
	return all;
}

void follower_await(pid_t pid)
{
	for (int i = 0; i < RESUME_MS && !all_traced(pid); i++)
		usleep(1000);
}

void follower_resume(void)
{
	struct follow_message m = { .what = FOLLOW_RESUME, .pid = yielded };

	if (door < 0)
		return;
	follow_send(door, &m, NULL, 0);
	close(door);
	door = -1;
}
