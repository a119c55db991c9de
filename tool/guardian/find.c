/* SPDX-License-Identifier: MIT */
/*
 * find.c - who of us is in a process already
 *
 * All that is found there is the target's word, and root may be listening: a
 * guardian is believed in only if it can be seen to be one.
 */
#define _GNU_SOURCE
#include "find.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hold.h"

bool found_program(pid_t pid)
{
	struct stat a, b;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return !stat(path, &a) && !stat("/proc/self/exe", &b) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Is @worker traced by @guardian? */
static bool traced_by(pid_t worker, pid_t guardian)
{
	char path[64], line[128];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", worker);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer == guardian;
}

/*
 * The living guardian that the figures @f name: only if it began when they
 * say, and holds a worker in the memory of @pid.
 */
static pid_t holder(const struct tl_figures *f, pid_t pid)
{
	pid_t guardian = (pid_t)f->header.guardian;
	pid_t worker = (pid_t)f->header.worker;

	if (guardian <= 1 || worker <= 1 ||
	    process_start(guardian) != f->header.guardian_start ||
	    !traced_by(worker, guardian) || net_same_memory(worker, pid) != 1)
		return 0;
	return guardian;
}

static pid_t living_guardian(const struct tl_figures *f, pid_t pid)
{
	pid_t guardian = holder(f, pid);

	return guardian && found_program(guardian) ? guardian : 0;
}

void find_us(struct found *out, pid_t pid)
{
	struct maps maps;
	char path[64];

	*out = (struct found){ .mem = -1 };
	if (maps_read(&maps, pid))
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	for (size_t i = 0; i < maps.n && !out->figures; i++) {
		out->any |= map_is_ours(&maps.map[i]);
		if (!map_is_figures(&maps.map[i]))
			continue;
		out->mem = open(path, O_RDONLY | O_CLOEXEC);
		out->at = maps.map[i].start;
		out->figures = figures_read(out->mem, out->at);
		if (!out->figures && out->mem >= 0)
			close(out->mem);
	}
	maps_free(&maps);
	out->mem = out->figures ? out->mem : -1;
	if (!out->figures)
		return;
	out->guardian = living_guardian(out->figures, pid);
	if (!out->guardian)
		out->other = holder(out->figures, pid);
}

void found_free(struct found *f)
{
	figures_free(f->figures);
	if (f->mem >= 0)
		close(f->mem);
	f->figures = NULL;
	f->mem = -1;
}

bool found_alive(const struct found *f, pid_t pid)
{
	return living_guardian(f->figures, pid) == f->guardian;
}
