/* SPDX-License-Identifier: MIT */
/*
 * tids.c - the numbers that threads have in their own PID namespace
 *
 * What the kernel tells us of threads is their number here; what is shown is the
 * number that they know themselves by, as the agent shows it, too.
 */
#define _GNU_SOURCE
#include "tids.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "text.h"

/* 0: it has ended. */
static pid_t read_own(pid_t pid, pid_t tid)
{
	char path[64], line[256];
	pid_t own = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid,
		 (int)tid);
	f = fopen(path, "re");
	while (f && !own && fgets(line, sizeof(line), f))
		if (strncmp(line, "NSpid:", 6) == 0)
			own = (pid_t)atoi(strrchr(line, '\t') + 1);
	if (f)
		fclose(f);
	return own;
}

static pid_t keep(struct tids *t, pid_t here)
{
	pid_t there = read_own(t->pid, here);

	if (!there)
		return 0;
	if (t->n == t->room) {
		t->room = t->room * 2 + 16;
		t->pair = must_grow(t->pair, t->room, sizeof(*t->pair));
	}
	t->pair[t->n++] = (struct tids_pair){ here, there };
	return there;
}

void tids_begin(struct tids *t, pid_t pid)
{
	char path[64];
	const struct dirent *e;
	struct stat own, other;
	DIR *d;

	*t = (struct tids){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	if (!stat("/proc/self/ns/pid", &own) && !stat(path, &other) &&
	    own.st_ino == other.st_ino) {
		t->pid = 0;
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (atoi(e->d_name))
			keep(t, (pid_t)atoi(e->d_name));
	if (d)
		closedir(d);
}

pid_t tids_own(struct tids *t, pid_t tid)
{
	if (!t->pid)
		return tid;
	for (size_t i = t->n; i-- > 0;)
		if (t->pair[i].here == tid)
			return t->pair[i].there;
	return keep(t, tid);
}

void tids_free(struct tids *t)
{
	free(t->pair);
	*t = (struct tids){ 0 };
}
