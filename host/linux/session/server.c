/* SPDX-License-Identifier: MIT */
/*
 * server.c - libtrapline's end of a session of the command
 *
 * The command attaches to a process that has the library, and finds its engine
 * there.  So it brings none; it has a thread born in the process, the caller,
 * which begins here, does what a struct tl_call says (protocol.h) and ends.
 * Probes of a session are probes of this engine: one table of points, one owner
 * of SIGTRAP, and at one address theirs and the program's side by side.
 *
 *   V1  The caller is a thread of its own: it holds no lock of the program's,
 *       waits for the registration lock as any thread would, and nobody waits
 *       for it but the command.
 *   V2  It calls nothing of the C library, and has all signals blocked but
 *       those that instructions raise: SIGTRAP must be open wherever text is
 *       changed.
 *   V3  Figures are used by handlers only, of probes that are registered; when
 *       TL_CALL_END has said 0, they may be unmapped.
 *   V4  What is in the figures and in the call may be changed by anybody: it is
 *       copied, and the copy is checked.
 *
 * A fork child has the session, too, with the gate closed: nothing is counted
 * there, and the command ends it there by a caller of the child's.
 */
#include "own/own.h"
#include "session/session.h"

#include <trapline/agent.h>
#include <trapline/trapline.h>

#define SIG_SETMASK	2
#define MADV_WIPEONFORK 18
#define END_TRIES	8
#define END_TRY_US	5000

static struct {
	uint64_t id;	   /* 0: there is none */
	size_t unfinished; /* points that had failed before it began */
	bool removed;
} session;

static struct tl_boot boot = { .library = 1 };

/* Go's functions, which alone need it, get no programs here. */
int tl_aside(int (*fn)(void *a, void *b), void *a, void *b)
{
	return fn(a, b);
}
static uint32_t in_use; /* the process in which a caller is at work, or 0 */
static bool shut;

void tl_server(struct tl_call *at)
	__attribute__((noreturn, visibility("hidden")));

__attribute__((visibility("default"))) void trapline_serve(bool yes)
{
	__atomic_store_n(&shut, !yes, __ATOMIC_RELAXED);
}

/* ---- the figures ------------------------------------------------------------ */

struct wanted {
	uintptr_t at;
	size_t len;
};

static int maps_figures(const struct tl_map *m, void *arg)
{
	const struct wanted *w = arg;
	int rw = TL_PROT_READ | TL_PROT_WRITE;

	if (w->at != m->start)
		return 0;
	return m->end - m->start >= w->len && (m->prot & rw) == rw ? 1 : 2;
}

static bool is_mapped(uintptr_t at, size_t len)
{
	struct wanted w = { at, len };

	return tl_maps_each(maps_figures, &w) == 1;
}

/* Are there figures of session @id at @at, as long as they say? */
static int check_figures(uintptr_t at, uint64_t id)
{
	struct tl_header h;

	if (tlh_read(&h, at, sizeof(h)) || h.major != TL_MAJOR ||
	    h.session != id || !id || h.total != sizeof(struct tl_figures))
		return -TL_EINVAL;
	return is_mapped(at, h.total) ? 0 : -TL_EINVAL;
}

/* A byte that is 0 in a fork child; the page is kept for the next session. */
static int open_gate(void)
{
	long page = (long)boot.gate;

	if (!page) {
		page = tl_mmap(0, TL_PAGE, TL_PROT_READ | TL_PROT_WRITE,
			       TL_MAP_PRIVATE | TL_MAP_ANONYMOUS, -1, 0);
		if (tl_failed(page))
			return -TL_ENOMEM;
		if (tl_sys3(__NR_madvise, page, TL_PAGE, MADV_WIPEONFORK)) {
			tl_sys2(__NR_munmap, page, TL_PAGE);
			return -TL_ENOMEM;
		}
		boot.gate = (uint64_t)page;
	}
	*(volatile uint8_t *)boot.gate = 1;
	return 0;
}

/* ---- what is asked ----------------------------------------------------------- */

static int hello(const struct tl_call *c)
{
	int err;

	if (__atomic_load_n(&shut, __ATOMIC_RELAXED))
		return -TL_EACCES;
	if (session.id)
		return -TL_EBUSY;
	err = check_figures(c->figures, c->session);
	if (err)
		return err;
	tl_contexts_know((uint32_t)c->thread, c->thread_pointer);
	err = trapline_init();
	if (!err)
		err = open_gate();
	if (err)
		return err;
	boot.figures = c->figures;
	tl_boot = &boot;
	session.unfinished = tl_unfinished();
	session.removed = false;
	session.id = c->session;
	return 0;
}

static int add(const struct tl_call *c)
{
	if (!session.id || c->session != session.id || session.removed ||
	    c->owner >= TL_MAX_SESSIONS)
		return -TL_EINVAL;
	if (c->events && !is_mapped(c->events, sizeof(struct tl_events)))
		return -TL_EINVAL;
	boot.events[c->owner] = c->events;
	tl_actions_add(c->first, c->n);
	return 0;
}

/* Text that cannot be put back now is, by and by; END waits for it. */
static int remove_some(const struct tl_call *c)
{
	if (!session.id || c->session != session.id || session.removed ||
	    c->owner >= TL_MAX_SESSIONS)
		return -TL_EINVAL;
	return tl_actions_remove(c->owner);
}

/*
 * Text that could not be written just now (a thread that blocks SIGTRAP) is
 * tried again for half a second or so.
 */
static int end(const struct tl_call *c)
{
	if (!session.id || c->session != session.id)
		return 0;
	session.removed = true;
	if (tl_actions_remove(TL_ALL_SESSIONS))
		return -TL_EAGAIN;
	for (int i = 0; i < END_TRIES; i++) {
		if (tl_unfinished() <= session.unfinished) {
			session.id = 0;
			return 0;
		}
		tl_sleep_us(END_TRY_US);
		tl_maintain();
	}
	return -TL_EAGAIN;
}

static int serve(const struct tl_call *c)
{
	static const uint8_t magic[8] = TL_MAGIC_BYTES;

	for (size_t i = 0; i < sizeof(magic); i++)
		if (c->magic[i] != magic[i])
			return -TL_EINVAL;
	if (tl_lock_is_dead())
		return -TL_ENODEV;
	if (c->what == TL_CALL_END)
		return end(c);
	if (c->major != TL_MAJOR)
		return -TL_ENOSYS;
	if (c->what == TL_CALL_HELLO)
		return hello(c);
	if (c->what == TL_CALL_REMOVE)
		return remove_some(c);
	return c->what == TL_CALL_ADD ? add(c) : -TL_EINVAL;
}

/* ---- the caller --------------------------------------------------------------- */

/* One caller at a time; one that was at work when a parent forked is not here. */
static int serve_alone(const struct tl_call *c)
{
	uint32_t pid = tl_sys0(__NR_getpid);
	uint32_t seen = __atomic_load_n(&in_use, __ATOMIC_RELAXED);
	int err;

	if (seen == pid ||
	    !__atomic_compare_exchange_n(&in_use, &seen, pid, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return -TL_EBUSY;
	err = serve(c);
	__atomic_store_n(&in_use, 0, __ATOMIC_RELEASE);
	return err;
}

void tl_server(struct tl_call *at)
{
	uint64_t mask = ~TL_SIG_FAULTS;
	struct tl_call c;

	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
	if (__atomic_load_n(&at->go, __ATOMIC_ACQUIRE) == TL_CALL_GO) {
		for (size_t i = 0; i < sizeof(c); i++)
			((uint8_t *)&c)[i] = ((const volatile uint8_t *)at)[i];
		at->result = serve_alone(&c);
		__atomic_store_n(&at->done, 1, __ATOMIC_RELEASE);
	}
	for (;;)
		tl_sys1(__NR_exit, 0);
}
