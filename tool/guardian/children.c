/* SPDX-License-Identifier: MIT */
/*
 * children.c - fork children that carry copies of our jumps
 *
 * A fork child runs unprobed from its first instruction, because the gate in
 * its memory reads zero (docs/design/attach.md, "Fork"); but its text has our
 * jumps, and its memory our mappings.  Nobody tells us of a birth unless we
 * trace the parent all the time, which we do not.  So we look at the list of
 * all processes now and then, and at the memory of those only that are new in
 * it: the parent of a child may have exited, so that asking the target for its
 * children would not do.
 *
 * A child is left alone until the second look that finds it, since most of them
 * exec at once.  One in which somebody is still inside a detour is tried again
 * at the next look; what cannot be cleaned otherwise is left to the end of the
 * session, which says so.
 */
#define _GNU_SOURCE
#include "children.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <session.h>

#include "guardian.h"
#include "hold.h"
#include "net.h"

/* Between two looks; reading the list may take one hundredth of the time. */
#define LOOK_NS 250000000ull
#define SHARE	100

/* How long one child may keep us from everything else, and all of them. */
#define PATIENCE_MS 50
#define AT_ONCE_NS  300000000ull

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

static bool has(const struct pids *list, pid_t pid)
{
	return list->n &&
	       bsearch(&pid, list->pid, list->n, sizeof(pid), by_number);
}

static void drop(struct pids *list)
{
	free(list->pid);
	*list = (struct pids){ 0 };
}

/* In ascending order, if what is added ascends. */
static bool append(struct pids *list, pid_t pid)
{
	pid_t *more = list->pid;

	/* Powers of two: full when the number is one. */
	if (!(list->n & (list->n - 1))) {
		more = realloc(list->pid,
			       (list->n ? 2 * list->n : 1) * sizeof(*more));
		if (!more)
			return false;
		list->pid = more;
	}
	list->pid[list->n++] = pid;
	return true;
}

static bool all_processes(struct pids *list)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool good = d;

	while (good && (e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			good = append(list, atoi(e->d_name));
	if (d)
		closedir(d);
	if (good && list->n)
		qsort(list->pid, list->n, sizeof(*list->pid), by_number);
	return good;
}

/* True: @pid needs no more looking at. */
static bool clean(pid_t pid, pid_t target, uint64_t inode, uint32_t dev_minor)
{
	int err;

	/* Who may not be compared may not be cleaned either. */
	if (pid == target || pid == getpid() || net_same_memory(pid, target))
		return true;
	err = undo_copy(pid, &(struct copies){ inode, dev_minor, 0 },
			PATIENCE_MS);
	refuse(0, "%s", "");
	return err != -EBUSY && err != -EAGAIN && err != -ETIMEDOUT;
}

/*
 * Those of @here that were not there at the last look are young; those that
 * were young then are looked at now.
 */
static bool sort_out(struct children *c, const struct pids *here,
		     struct pids *young, pid_t target, uint64_t inode,
		     uint32_t dev_minor)
{
	uint64_t end = now_ns() + AT_ONCE_NS;

	for (size_t i = 0; i < here->n; i++) {
		pid_t pid = here->pid[i];

		if (has(&c->last, pid) &&
		    (!has(&c->young, pid) ||
		     (now_ns() < end && clean(pid, target, inode, dev_minor))))
			continue;
		if (!append(young, pid))
			return false;
	}
	return true;
}

void children_clean(struct children *c, pid_t target, uint64_t inode,
		    uint32_t dev_minor)
{
	uint64_t begin = now_ns(), listed, end, next;
	struct pids here = { 0 }, young = { 0 };
	bool first = !c->last.pid, good;

	if (begin < c->next_ns)
		return;
	good = all_processes(&here);
	listed = now_ns();
	if (good &&
	    (first || sort_out(c, &here, &young, target, inode, dev_minor))) {
		drop(&c->last);
		drop(&c->young);
		c->last = here;
		c->young = young;
	} else {
		drop(&here);
		drop(&young);
	}
	end = now_ns();
	next = LOOK_NS;
	if (next < (listed - begin) * SHARE)
		next = (listed - begin) * SHARE;
	if (next < end - listed)
		next = end - listed;
	c->next_ns = end + next;
}
