/* SPDX-License-Identifier: MIT */
/*
 * net_proc.c - what /proc tells about the threads of a process
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net_tasks.h"

/* Read all of a small file; the text is ended with a 0.  Its length. */
static ssize_t slurp(const char *path, char *buf, size_t size)
{
	ssize_t n, len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf + len, size - 1 - (size_t)len);
		if (n < 0) {
			n = -errno;
			close(fd);
			return n;
		}
		len += n;
	} while (n && (size_t)len < size - 1);
	close(fd);
	buf[len] = 0;
	return len;
}

/* The same for a file of any length, into fresh memory. */
static ssize_t slurp_all(const char *path, char **text)
{
	size_t room = 16384, len = 0;
	char *buf = NULL, *more;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		more = realloc(buf, room);
		n = more ? 0 : -ENOMEM;
		if (!more)
			goto free_text;
		buf = more;
		n = read(fd, buf + len, room - 1 - len);
		if (n < 0) {
			n = -errno;
			goto free_text;
		}
		if (!n)
			break;
		len += (size_t)n;
		if (len == room - 1)
			room *= 2;
	}
	close(fd);
	buf[len] = 0;
	*text = buf;
	return (ssize_t)len;

free_text:
	free(buf);
	close(fd);
	return n;
}

/* The names in a directory that are numbers. */
static int list_numbers(const char *path, pid_t **tids)
{
	size_t n = 0, room = 0;
	pid_t *list = NULL, *more;
	struct dirent *e;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((e = readdir(dir))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		if (n == room) {
			room = room ? 2 * room : 64;
			more = realloc(list, room * sizeof(*list));
			if (!more) {
				free(list);
				closedir(dir);
				return -ENOMEM;
			}
			list = more;
		}
		list[n++] = atoi(e->d_name);
	}
	closedir(dir);
	if (!n) {
		free(list);
		return -ESRCH;
	}
	*tids = list;
	return (int)n;
}

int net_list_tasks(pid_t pid, pid_t **tids)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return list_numbers(path, tids);
}

int net_list_processes(pid_t **pids)
{
	return list_numbers("/proc", pids);
}

int net_open_runs(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

uint64_t net_runs(int fd)
{
	char text[128];
	unsigned long runs;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return 0;
	text[n] = 0;
	return sscanf(text, "%*u %*u %lu", &runs) == 1 ? runs : 0;
}

/* The state is the third field of stat, the signals are the 31st to 34th. */
static void look_at_stat(pid_t pid, pid_t tid, struct net_place *place)
{
	char path[64], text[512], *p;

	place->state = 'X';
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	if (slurp(path, text, sizeof(text)) < 0)
		return;
	p = strrchr(text, ')');
	if (!p || !p[1])
		return;
	place->state = p[2];
	for (int field = 2; p && field < 32; field++)
		p = strchr(p + 1, ' ');
	if (p)
		sscanf(p, "%u %u %u", &place->blocked, &place->ignored,
		       &place->caught);
}

int net_look(pid_t pid, pid_t tid, struct net_place *place)
{
	char path[64], text[256];
	ssize_t n;
	long nr;

	memset(place, 0, sizeof(*place));
	place->nr = -1;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	n = slurp(path, text, sizeof(text));
	look_at_stat(pid, tid, place);
	if (n < 0)
		return place->state == 'X' ? -ESRCH : 0;
	if (sscanf(text, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &nr,
		   &place->args[0], &place->args[1], &place->args[2],
		   &place->args[3], &place->args[4], &place->args[5],
		   &place->sp, &place->pc) == 9) {
		place->nr = nr;
		place->known = true;
	} else if (sscanf(text, "%ld %lx %lx", &nr, &place->sp, &place->pc) ==
			   3 &&
		   nr == -1) {
		memset(place->args, 0, sizeof(place->args));
		place->known = place->pc != 0;
	}
	return 0;
}

bool net_has_memory(pid_t pid)
{
	char path[32], text[64];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	return slurp(path, text, sizeof(text)) > 0 &&
	       strtoul(text, NULL, 10) != 0;
}

int net_same_memory(pid_t a, pid_t b)
{
	long r = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);

	return r < 0 ? -errno : r == 0;
}

int net_children(pid_t pid, pid_t tid, pid_t **children)
{
	char path[64], *text, *p, *end;
	size_t n = 0;
	ssize_t len;
	pid_t *list;
	long v;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
	len = slurp_all(path, &text);
	if (len < 0)
		return len == -ENOENT ? -ESRCH : (int)len;
	list = malloc(((size_t)len / 2 + 1) * sizeof(*list));
	if (!list) {
		free(text);
		return -ENOMEM;
	}
	for (p = text; (v = strtol(p, &end, 10)) > 0 && end != p; p = end)
		list[n++] = (pid_t)v;
	free(text);
	*children = list;
	return (int)n;
}

static bool field(const char *text, const char *name, int base, uint64_t *v)
{
	const char *p = strstr(text, name);

	if (!p)
		return false;
	*v = strtoull(p + strlen(name), NULL, base);
	return true;
}

int net_status(pid_t tid, struct net_status *st)
{
	uint64_t pid = 0, parent = 0, tracer = 0;
	char path[32], text[4096], *p;
	ssize_t n;

	memset(st, 0, sizeof(*st));
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	n = slurp(path, text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	p = strstr(text, "\nState:\t");
	st->state = p ? p[8] : '?';
	field(text, "\nTgid:\t", 10, &pid);
	field(text, "\nPPid:\t", 10, &parent);
	field(text, "\nTracerPid:\t", 10, &tracer);
	field(text, "\nSigBlk:\t", 16, &st->blocked);
	field(text, "\nSigIgn:\t", 16, &st->ignored);
	field(text, "\nSigCgt:\t", 16, &st->caught);
	st->pid = (pid_t)pid;
	st->parent = (pid_t)parent;
	st->tracer = (pid_t)tracer;
	return 0;
}

int net_maps(pid_t tid, struct net_map **maps)
{
	struct net_map *list = NULL, *more;
	size_t n = 0, room = 0;
	uintptr_t guard_end = 0;
	char path[32], *text, *line, *end;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	len = slurp_all(path, &text);
	if (len < 0)
		return (int)len;
	for (line = text; *line; line = end + 1) {
		struct net_map m = { 0 };

		end = strchr(line, '\n');
		if (!end)
			break;
		*end = 0;
		m.start = strtoull(line, &line, 16);
		m.end = strtoull(line + 1, &line, 16);
		if (line[1] != 'r') {
			guard_end = m.end;
			continue;
		}
		m.guarded = m.start == guard_end;
		m.writable = line[2] == 'w';
		m.private = line[4] == 'p';
		m.stack = strstr(line, "[stack]") != NULL;
		if (n == room) {
			room = room ? 2 * room : 256;
			more = realloc(list, room * sizeof(*list));
			if (!more) {
				free(list);
				free(text);
				return -ENOMEM;
			}
			list = more;
		}
		list[n++] = m;
	}
	free(text);
	*maps = list;
	return (int)n;
}
