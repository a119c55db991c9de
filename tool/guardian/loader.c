/* SPDX-License-Identifier: MIT */
/*
 * loader.c - libraries that are loaded later: between the target and the tools
 *
 * A thread of the target that has mapped a library waits in
 * host/linux/session/loader.c.  A process of ours, the waiter, sleeps until one
 * does, and writes to a pipe.  If other text is mapped than before, the tools that
 * are interested are told; when all have answered, whether they have armed
 * anything or not, the thread goes on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guardian.h"
#include "semaphores.h"
#include "sessions.h"

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void wait_for_ever(struct tl_loader *l, int to, pid_t guardian)
{
	uint32_t seen;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guardian)
		_exit(0);
	prctl(PR_SET_NAME, "tl-loader");
	signal(SIGTERM, SIG_DFL);
	if (to > 3)
		syscall(SYS_close_range, 3, to - 1, 0);
	syscall(SYS_close_range, to + 1, ~0u, 0);
	for (;;) {
		seen = __atomic_load_n(&l->asked, __ATOMIC_SEQ_CST);
		if (write(to, "", 1) < 0)
			_exit(0);
		syscall(SYS_futex, &l->asked, FUTEX_WAIT, seen, NULL, NULL, 0);
	}
}

/*
 * Is other text mapped than before?  Then semaphores of what is gone are forgotten,
 * before it may come again.
 */
static bool text_changed(struct guardian *g)
{
	uint64_t sum = 0xcbf29ce484222325;
	struct maps maps;
	bool changed;

	if (maps_read(&maps, g->hold.pid))
		return false;
	for (size_t i = 0; i < maps.n; i++) {
		const struct map *m = &maps.map[i];

		if (!map_is_text(m))
			continue;
		sum = (sum ^ m->start) * 0x100000001b3;
		sum = (sum ^ m->inode) * 0x100000001b3;
	}
	changed = sum != g->loader.text;
	g->loader.text = sum;
	if (changed)
		semaphores_forget(&g->hold.w, &maps,
				  &g->hold.figures->semaphores);
	maps_free(&maps);
	return changed;
}

int loader_watch(struct guardian *g)
{
	struct tl_loader *l = &g->hold.figures->loader;
	pid_t self = getpid();
	int ends[2];

	if (g->loader.fd < 0) {
		if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
			return -errno;
		g->loader.pid = fork();
		if (g->loader.pid == 0)
			wait_for_ever(l, ends[1], self);
		close(ends[1]);
		g->loader.fd = ends[0];
		if (g->loader.pid < 0)
			return -errno;
	}
	text_changed(g);
	__atomic_store_n(&l->open, 1, __ATOMIC_RELEASE);
	return 0;
}

static void let_go_on(struct guardian *g, uint32_t served)
{
	struct tl_loader *l = &g->hold.figures->loader;

	__atomic_store_n(&l->served, served, __ATOMIC_RELEASE);
	futex_wake(&l->served);
}

/* Whoever has waited for all of them goes on. */
static void answer(struct guardian *g)
{
	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		if (g->client[i].used && g->client[i].owes)
			return;
	let_go_on(g, g->loader.asked);
}

void loader_heard(struct guardian *g)
{
	struct tl_loader *l = &g->hold.figures->loader;
	uint32_t asked;
	bool changed;
	char bytes[64];

	while (read(g->loader.fd, bytes, sizeof(bytes)) > 0)
		;
	asked = __atomic_load_n(&l->asked, __ATOMIC_SEQ_CST);
	if (asked == g->loader.asked)
		return;
	g->loader.asked = asked;
	changed = text_changed(g);
	for (int i = 0; i < TL_MAX_SESSIONS && changed; i++) {
		struct wire m = { .what = WIRE_LOADED, .n = asked };
		struct client *c = &g->client[i];

		if (c->used && c->late && c->fd >= 0)
			c->owes = wire_send(c->fd, &m, sizeof(m));
	}
	answer(g);
}

void loader_served(struct guardian *g, struct client *c, uint32_t n)
{
	if (n != g->loader.asked)
		return;
	c->owes = false;
	answer(g);
}

void loader_left(struct guardian *g)
{
	bool late = false;

	if (g->loader.fd < 0)
		return;
	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		late |= g->client[i].used && g->client[i].late;
	if (late) {
		answer(g);
		return;
	}
	loader_end(g);
}

void loader_end(struct guardian *g)
{
	struct tl_loader *l;

	if (g->loader.fd < 0 || !g->hold.figures)
		return;
	l = &g->hold.figures->loader;
	__atomic_store_n(&l->open, 0, __ATOMIC_RELEASE);
	let_go_on(g, __atomic_load_n(&l->asked, __ATOMIC_SEQ_CST));
}
