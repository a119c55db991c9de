/* SPDX-License-Identifier: MIT */
/*
 * net_heads.c - the breakpoints that stand while text is changed
 *
 * With sleepers left asleep, text is changed behind a breakpoint, and the net
 * catches who runs into it.  Should the guardian die in the middle, nobody
 * would take the breakpoint away, and without the net it kills the program.
 * So both ends remember what was there before, and whichever outlives the other
 * puts it back: the bytes behind the breakpoint first, the first byte last, so
 * that whoever comes from above meets the breakpoint until all is whole.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net_tasks.h"

#define BREAKPOINT 0xcc

static int compare_heads(const void *a, const void *b)
{
	const struct net_head *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

void net_heads_forget(struct net_heads *heads)
{
	if (heads->n)
		close(heads->mem);
	free(heads->head);
	*heads = (struct net_heads){ 0 };
}

int net_heads_set(struct net_heads *heads, pid_t pid, const uintptr_t *at,
		  size_t n)
{
	char path[32];
	size_t i;

	net_heads_forget(heads);
	if (!n)
		return 0;
	heads->head = calloc(n, sizeof(*heads->head));
	if (!heads->head)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	heads->mem = open(path, O_RDWR | O_CLOEXEC);
	if (heads->mem < 0) {
		free(heads->head);
		*heads = (struct net_heads){ 0 };
		return -errno;
	}
	heads->n = n;
	for (i = 0; i < n; i++) {
		struct net_head *h = &heads->head[i];

		h->at = at[i];
		/* What cannot be read will not be changed. */
		if (pread(heads->mem, h->before, NET_HEAD_BYTES,
			  (off_t)h->at) != NET_HEAD_BYTES)
			h->before[0] = BREAKPOINT;
	}
	qsort(heads->head, n, sizeof(*heads->head), compare_heads);
	return 0;
}

bool net_heads_have(const struct net_heads *heads, uintptr_t at)
{
	const struct net_head key = { .at = at };

	return heads->n && bsearch(&key, heads->head, heads->n,
				   sizeof(*heads->head), compare_heads);
}

void net_heads_put_back(const struct net_heads *heads)
{
	for (size_t i = 0; i < heads->n; i++) {
		const struct net_head *h = &heads->head[i];
		uint8_t now;

		if (pread(heads->mem, &now, 1, (off_t)h->at) != 1 ||
		    now != BREAKPOINT || h->before[0] == BREAKPOINT)
			continue;
		if (pwrite(heads->mem, h->before + 1, NET_HEAD_BYTES - 1,
			   (off_t)h->at + 1) == NET_HEAD_BYTES - 1 &&
		    pwrite(heads->mem, h->before, 1, (off_t)h->at) != 1)
			continue; /* the memory is gone: nothing to be done */
	}
}
