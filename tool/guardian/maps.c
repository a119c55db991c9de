/* SPDX-License-Identifier: MIT */
/*
 * maps.c - what is mapped in a process, and where there is room
 */
#define _GNU_SOURCE
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "isa.h"

#define PAGE 4096ul

static bool parse(char *line, struct map *m)
{
	char perms[8];
	int name = 0;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64
		   " %n",
		   &m->start, &m->end, perms, &m->offset, &m->dev_major,
		   &m->dev_minor, &m->inode, &name) < 7 ||
	    !name)
		return false;
	line[strcspn(line, "\n")] = '\0';
	snprintf(m->name, sizeof(m->name), "%s", line + name);
	m->read = perms[0] == 'r';
	m->write = perms[1] == 'w';
	m->exec = perms[2] == 'x';
	m->shared = perms[3] == 's';
	return true;
}

int maps_read(struct maps *out, pid_t pid)
{
	char path[64], *line = NULL;
	size_t room = 0, size = 0;
	int err = 0;
	FILE *f;

	*out = (struct maps){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		if (out->n == room) {
			size_t more = room ? room * 2 : 64;
			void *p = realloc(out->map, more * sizeof(*out->map));

			if (!p) {
				err = -ENOMEM;
				break;
			}
			out->map = p;
			room = more;
		}
		if (parse(line, &out->map[out->n]))
			out->n++;
	}
	if (!err && ferror(f))
		err = -ESRCH;
	free(line);
	fclose(f);
	if (err)
		maps_free(out);
	return err;
}

bool maps_name(pid_t pid, const char *name)
{
	size_t len = strlen(name), have = 0;
	char path[64], text[8192];
	bool found = false;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && !found &&
	       (n = read(fd, text + have, sizeof(text) - have)) > 0) {
		have += (size_t)n;
		found = memmem(text, have, name, len);
		/* It may lie across the end of what was read. */
		if (have >= len) {
			memmove(text, text + have - len + 1, len - 1);
			have = len - 1;
		}
	}
	if (fd >= 0)
		close(fd);
	return found;
}

void maps_free(struct maps *m)
{
	free(m->map);
	*m = (struct maps){ 0 };
}

const struct map *maps_find(const struct maps *m, uint64_t addr)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr < m->map[mid].start)
			high = mid;
		else if (addr >= m->map[mid].end)
			low = mid + 1;
		else
			return &m->map[mid];
	}
	return NULL;
}

bool map_is_text(const struct map *m)
{
	return m->exec && !m->write && !m->shared && m->inode &&
	       m->name[0] == '/' && strncmp(m->name, "/memfd:", 7) != 0;
}

bool map_same_file(const struct map *m, const struct map *as)
{
	return m->inode && m->inode == as->inode &&
	       m->dev_major == as->dev_major && m->dev_minor == as->dev_minor;
}

/* Room that a stack above, or a heap below, may still want. */
#define STACK_ROOM (256ul << 20)
#define HEAP_ROOM  (1ul << 30)
#define LOWEST	   0x110000ul

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The place in [@low, @high) that is nearest to @near; 0: not within reach. */
static uint64_t place(uint64_t low, uint64_t high, uint64_t near,
		      uint64_t reach, uint64_t size)
{
	uint64_t at;

	low = (low + PAGE - 1) & ~(PAGE - 1);
	high &= ~(PAGE - 1);
	if (high <= low || high - low < size)
		return 0;
	at = near < low ? low : near > high - size ? high - size : near;
	at &= ~(PAGE - 1);
	if (distance(at, near) > reach || distance(at + size, near) > reach)
		return 0;
	return at;
}

uint64_t maps_gap(const struct maps *m, uint64_t near, uint64_t reach,
		  uint64_t size)
{
	uint64_t best = 0;

	for (size_t i = 0; i <= m->n; i++) {
		uint64_t low = i ? m->map[i - 1].end : LOWEST;
		uint64_t high = i < m->n ? m->map[i].start : ISA_USER_END;
		uint64_t at;

		if (low < LOWEST)
			low = LOWEST;
		if (high > ISA_USER_END)
			high = ISA_USER_END;
		/* A heap grows from the end of the program's data. */
		if (i && m->map[i - 1].write && high > low &&
		    high - low > HEAP_ROOM)
			low += HEAP_ROOM;
		else if (i && strcmp(m->map[i - 1].name, "[heap]") == 0)
			continue;
		if (i < m->n && strcmp(m->map[i].name, "[stack]") == 0)
			high = high > STACK_ROOM ? high - STACK_ROOM : 0;
		/* A page of distance to either side: overruns stay faults. */
		at = place(low + PAGE, high > PAGE ? high - PAGE : 0, near,
			   reach, size);
		if (at && (!best || distance(at, near) < distance(best, near)))
			best = at;
	}
	return best;
}

int map_open(const struct map *m, pid_t pid)
{
	char path[MAP_NAME + 64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
		 pid, m->start, m->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, m->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_ino != m->inode ||
	    major(st.st_dev) != m->dev_major ||
	    minor(st.st_dev) != m->dev_minor) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}
