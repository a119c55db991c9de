/* SPDX-License-Identifier: MIT */
/*
 * undo.c - removing all that is ours from a process
 *
 * There is one way, and every detach takes it: that of the guardian which ends
 * its session, the one for fork children, and the recovery after everybody was
 * killed.  It needs no agent, only a worker, the mappings and the journal:
 *
 *     1. stop everyone (net)
 *     2. put the text back                 from here nobody newly enters
 *     3. put replaced return addresses back
 *     4. is anybody inside?                if so: let go, and again from 1
 *     5. put islands back, to which nothing leads any more; let go
 *     6. give clean pages of text back, unmap everything, end the worker
 *
 * Each step may be the last one, and the whole be begun again by somebody else:
 * what was done is found done.  The journal lies in the figures, which are
 * unmapped last.
 */
#define _GNU_SOURCE
#include "hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <session.h>

#include "code.h"
#include "follow.h"
#include "guardian.h"
#include "inside.h"
#include "judge.h"
#include "semaphores.h"
#include "stopped.h"
#include "text.h"

#define PAGE	 4096ul
#define MAX_OURS 2048

struct undo {
	pid_t pid;
	struct worker *w;
	size_t n;
	struct tl_mapping ours[MAX_OURS]; /* by address */
	struct tl_mapping code[MAX_OURS]; /* those that are executable */
	size_t n_code;
	struct tl_range *detours; /* by address */
	size_t n_detours;
	struct tl_range *islands;
	size_t n_islands;
	struct tl_mapping gate;	    /* has no name: known by its neighbours */
	uint64_t figures_at;	    /* 0: they are not mapped */
	struct tl_figures *figures; /* a copy, or NULL */
};

/* ---- what is there ------------------------------------------------------- */

static bool recorded(const struct undo *u, const struct map *m)
{
	const struct tl_figures *f = u->figures;

	for (int i = 0; f && i < TL_MAX_MAPPINGS; i++)
		if (f->mapping[i].start && m->start >= f->mapping[i].start &&
		    m->end <= f->mapping[i].end)
			return true;
	return false;
}

static bool anonymous(const struct map *m)
{
	return !m->inode && !m->name[0] && !m->shared;
}

/*
 * Find our mappings: by name; anonymous memory between two of them (the gate);
 * anonymous memory that the figures name (where no memory file may be
 * executed).
 */
static int find_ours(struct undo *u)
{
	struct maps maps;
	int err = maps_read(&maps, u->pid);

	if (err)
		return err;
	u->n = u->n_code = 0;
	u->gate = (struct tl_mapping){ 0 };
	for (size_t i = 0; i < maps.n && u->n < MAX_OURS; i++) {
		const struct map *m = &maps.map[i];
		bool between = i && i + 1 < maps.n && anonymous(m) &&
			       maps.map[i - 1].end == m->start &&
			       maps.map[i + 1].start == m->end &&
			       map_is_ours(m - 1) && map_is_ours(m + 1) &&
			       m->end - m->start == PAGE;

		if (map_is_figures(m) && !u->figures_at)
			u->figures_at = m->start;
		if (!map_is_ours(m) && !between &&
		    !(anonymous(m) && m->exec && recorded(u, m)))
			continue;
		u->ours[u->n++] = (struct tl_mapping){ m->start, m->end };
		if (between)
			u->gate = u->ours[u->n - 1];
		if (m->exec)
			u->code[u->n_code++] = u->ours[u->n - 1];
	}
	maps_free(&maps);
	return 0;
}

static bool is_ours(void *arg, uint64_t addr)
{
	const struct undo *u = arg;

	for (size_t i = 0; i < u->n; i++)
		if (addr >= u->ours[i].start && addr < u->ours[i].end)
			return true;
	return false;
}

/*
 * A copy of section @kind of the figures in the target, into @dst, whose
 * entries are as big as ours: at most @n of them, from @first on.
 */
static void read_section(int mem, uint64_t at, const struct tl_header *h,
			 uint32_t kind, size_t first, void *dst, size_t size,
			 size_t n)
{
	struct tl_section s[TL_MAX_SECTIONS];
	uint32_t sections = h->sections < TL_MAX_SECTIONS ? h->sections
							  : TL_MAX_SECTIONS;

	if (mem_read(mem, s, at + sizeof(*h), sizeof(s[0]) * sections))
		return;
	for (uint32_t i = 0; i < sections; i++) {
		uint64_t have = s[i].n > first ? s[i].n - first : 0;
		uint64_t from = at + s[i].at + first * s[i].size;

		if (s[i].kind != kind || s[i].at > h->total || s[i].size > 4096)
			continue;
		have = have < n ? have : n;
		if (s[i].size == size) {
			mem_read(mem, dst, from, size * have);
			return;
		}
		/* Another version's entries: ours are the first part of them. */
		for (uint64_t k = 0; k < have && s[i].size > size; k++)
			mem_read(mem, (char *)dst + k * size,
				 from + k * s[i].size, size);
	}
}

/*
 * The same of one whose entries begin with an address, and are used from the first
 * on: no more than there are, since what is read takes memory.
 */
#define AT_ONCE 512

static void read_used(int mem, uint64_t at, const struct tl_header *h,
		      uint32_t kind, void *dst, size_t size, size_t n)
{
	char *to = dst;

	for (size_t i = 0; i < n; i += AT_ONCE) {
		size_t some = n - i < AT_ONCE ? n - i : AT_ONCE;

		read_section(mem, at, h, kind, i, to + i * size, size, some);
		if (!*(uint64_t *)(to + (i + some - 1) * size))
			break;
	}
}

/* The figures that are mapped at @at; NULL: there are none to be believed. */
struct tl_figures *figures_read(int mem, uint64_t at)
{
	struct tl_figures *f;
	struct tl_header h;

	if (!at || mem_read(mem, &h, at, sizeof(h)) ||
	    memcmp(h.magic, TL_MAGIC, sizeof(h.magic)) || h.total > 1ul << 32)
		return NULL;
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f == MAP_FAILED)
		return NULL;
	f->header = h;
	read_section(mem, at, &h, TL_SECTION_MAPPINGS, 0, f->mapping,
		     sizeof(f->mapping[0]), TL_MAX_MAPPINGS);
	read_section(mem, at, &h, TL_SECTION_RETURNS, 0, &f->returns,
		     sizeof(f->returns), 1);
	read_section(mem, at, &h, TL_SECTION_SEMAPHORES, 0, &f->semaphores,
		     sizeof(f->semaphores), 1);
	read_used(mem, at, &h, TL_SECTION_JOURNAL, f->journal,
		  sizeof(f->journal[0]), TL_MAX_SITES);
	read_section(mem, at, &h, TL_SECTION_CALLS, 0, f->call,
		     sizeof(f->call[0]), TL_MAX_CALLS);
	read_section(mem, at, &h, TL_SECTION_SESSIONS, 0, f->session,
		     sizeof(f->session[0]), TL_MAX_SESSIONS);
	read_used(mem, at, &h, TL_SECTION_PROBES, f->probe, sizeof(f->probe[0]),
		  TL_MAX_PROBES);
	return f;
}

void figures_free(struct tl_figures *f)
{
	if (f)
		munmap(f, sizeof(*f));
}

/* ---- putting back -------------------------------------------------------- */

#define MOST_CALLS 1000000

/*
 * Return addresses that were replaced: by the lists that the figures describe,
 * and only where a word of writable memory holds our trampoline's address.
 */
static void restore_returns(struct undo *u)
{
	const struct tl_returns *r = &u->figures->returns;
	uint64_t node, call, slot, address, word;
	int mem = u->w->mem, budget = MOST_CALLS;

	if (!r->first || !is_ours(u, r->trampoline) ||
	    mem_read(mem, &node, r->first, 8))
		return;
	for (; node && budget-- > 0;) {
		if (mem_read(mem, &call, node + r->calls, 8))
			return;
		while (call && budget-- > 0) {
			if (mem_read(mem, &slot, call + r->slot, 8) ||
			    mem_read(mem, &address, call + r->address, 8))
				break;
			if (address != r->trampoline &&
			    !mem_read(mem, &word, slot, 8) &&
			    word == r->trampoline)
				mem_write(u->w, slot, &address, 8);
			if (mem_read(mem, &call, call + r->call_next, 8))
				break;
		}
		if (mem_read(mem, &node, node + r->next, 8))
			return;
	}
}

/* ---- detours ------------------------------------------------------------- */

#define DETOUR_MOST 512

static int by_start(const void *a, const void *b)
{
	const struct tl_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Islands are places where nobody may be when they go, as detours are.  Of one to
 * which text still leads it is known where that is, and who is held there is moved
 * to it.
 */
static void find_islands(struct undo *u)
{
	u->islands = calloc(TL_MAX_SITES, sizeof(*u->islands));
	for (size_t i = 0; u->islands && u->figures && i < TL_MAX_SITES; i++) {
		const struct tl_journal *e = &u->figures->journal[i];

		if (!e->addr)
			break;
		if (e->valid == TL_JOURNAL_ISLAND && text_is_noted(e))
			u->islands[u->n_islands++] =
				(struct tl_range){ .start = e->addr,
						   .end = e->addr + e->len };
	}
	if (u->n_islands)
		qsort(u->islands, u->n_islands, sizeof(*u->islands), by_start);
}

static void found_way(struct undo *u, uint64_t island, uint64_t from)
{
	struct tl_range key = { .start = island }, *r;

	r = u->n_islands ? bsearch(&key, u->islands, u->n_islands, sizeof(key),
				   by_start)
			 : NULL;
	if (!r)
		return;
	r->origin = from;
	r->n = 1;
}

/*
 * Before the text is put back: which detour belongs to which place.  A place
 * whose jump is gone already has none.
 */
static void find_detours(struct undo *u)
{
	struct tl_range *r;
	uint64_t island;

	u->detours = calloc(TL_MAX_SITES, sizeof(*u->detours));
	for (size_t i = 0; u->detours && u->figures && i < TL_MAX_SITES; i++) {
		const struct tl_journal *e = &u->figures->journal[i];

		if (!e->addr)
			break;
		if (e->valid != TL_JOURNAL_TEXT)
			continue;
		r = &u->detours[u->n_detours];
		r->start = text_jump(u->w->mem, e->addr, &island);
		r->origin = e->addr;
		if (!r->start || !is_ours(u, r->start))
			continue;
		u->n_detours++;
		if (island)
			found_way(u, island, e->addr);
	}
	if (u->n_detours)
		qsort(u->detours, u->n_detours, sizeof(*u->detours), by_start);
	for (size_t i = 0; i < u->n_detours; i++) {
		r = &u->detours[i];
		r->end = r->start + DETOUR_MOST;
		if (i + 1 < u->n_detours && r[1].start < r->end)
			r->end = r[1].start;
	}
}

/* The only system call in @code: the offset behind it, or 0. */
static size_t only_syscall(const uint8_t *code, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i + ISA_SYSCALL_BYTES <= n; i += ISA_CODE_STEP) {
		if (!isa_is_syscall(code + i))
			continue;
		if (found)
			return 0;
		found = i + ISA_SYSCALL_BYTES;
	}
	return found;
}

/*
 * A thread may sleep for ever in a system call that was copied.  Of all places
 * in a detour that one can be told by the bytes alone, if there is one such
 * instruction in the detour and one in the text that it stands for: the net
 * moves the thread from behind the one to behind the other.
 */
static void map_syscalls(struct undo *u)
{
	uint8_t code[DETOUR_MOST], text[ISA_WINDOW];

	for (size_t i = 0; i < u->n_detours; i++) {
		struct tl_range *r = &u->detours[i];
		size_t from, to;

		if (mem_read(u->w->mem, code, r->start, r->end - r->start) ||
		    mem_read(u->w->mem, text, r->origin, sizeof(text)))
			continue;
		to = only_syscall(code, r->end - r->start);
		from = only_syscall(text, sizeof(text));
		if (!from || !to)
			continue;
		r->n = 1;
		r->from[0] = (uint8_t)from;
		r->to[0] = (uint16_t)to;
	}
}

/* All code of ours as ranges that do not overlap: detours, and what is between. */
static size_t all_code(const struct undo *u, struct tl_range *r)
{
	size_t n = 0, d = 0;

	for (size_t i = 0; i < u->n_code; i++) {
		uint64_t at = u->code[i].start, end = u->code[i].end;

		for (; d < u->n_detours && u->detours[d].start < end; d++) {
			const struct tl_range *detour = &u->detours[d];

			if (detour->start < at)
				continue;
			if (detour->start > at)
				r[n++] = (struct tl_range){
					.start = at, .end = detour->start
				};
			r[n] = *detour;
			if (r[n].end > end)
				r[n].end = end;
			at = r[n++].end;
		}
		if (at < end)
			r[n++] = (struct tl_range){ .start = at, .end = end };
	}
	return n;
}

static int ask_inside(struct undo *u, struct net *net)
{
	size_t n = u->n_code;
	struct tl_mapping *code = calloc(n + u->n_islands + 1, sizeof(*code));
	int ret = -ENOMEM;

	if (code) {
		memcpy(code, u->code, n * sizeof(*code));
		for (size_t i = 0; i < u->n_islands; i++)
			code[n++] = (struct tl_mapping){ u->islands[i].start,
							 u->islands[i].end };
		ret = inside(net, u->pid, u->w->mem, code, n);
	}
	free(code);
	return ret;
}

/*
 * Is anybody inside our code, or will be?  Who sleeps there is moved by the net; its
 * own answer, which takes every word on a stack for an address, counts only where
 * ours is not to be had.
 */
static int look_inside(struct undo *u, struct net *net, bool *in)
{
	size_t most = u->n_code + 2 * u->n_detours + u->n_islands + 1, n;
	struct tl_range *r;
	bool *busy;
	int err;

	*in = ask_inside(u, net) != 0;
	if (!*in)
		return 0;
	r = calloc(most, sizeof(*r));
	busy = calloc(most, sizeof(*busy));
	err = -ENOMEM;
	if (!r || !busy)
		goto out;
	map_syscalls(u);
	n = all_code(u, r);
	if (u->n_islands)
		memcpy(r + n, u->islands, u->n_islands * sizeof(*r));
	n += u->n_islands;
	err = net_quiet(net, r, n, busy);
	*in = false;
	for (size_t i = 0; i < n && !err; i++)
		*in |= busy[i];
	if (!err && *in)
		*in = ask_inside(u, net) != 0;
out:
	free(r);
	free(busy);
	return err;
}

/* So many places are put back in one stop. */
#define BATCH 512

/* Nobody runs; who sleeps is left asleep, and held should he wake. */
static int stop(struct undo *u, struct net **net)
{
	const struct net_options options = { .watch_blocked = true };
	int err = hold_threads(net, u->pid, u->w->pid, &options);
	pid_t debugger = err ? judge_debugger(u->pid) : 0;

	if (debugger)
		return refuse(
			err,
			"process %d is under a debugger (pid %d): the probes stay, and do no harm; 'trapline detach -p %d' removes them when it has gone",
			u->pid, debugger, u->pid);
	return err ? refuse(err, "its threads cannot be stopped: %s",
			    strerror(-err))
		   : 0;
}

static uint64_t longest_stop_ns;

static void let_go(struct net *net)
{
	struct net_stats st = { 0 };

	net_close(net, &st);
	if (st.longest_stop_ns > longest_stop_ns)
		longest_stop_ns = st.longest_stop_ns;
}

uint64_t undo_longest_stop(void)
{
	return longest_stop_ns;
}

/* Everyone is stopped: put batch @i back. */
static size_t restore_batch(struct undo *u, size_t i)
{
	size_t n = TL_MAX_SITES - i < BATCH ? TL_MAX_SITES - i : BATCH;
	const struct text_islands islands = { u->islands, u->n_islands };

	return text_restore(u->figures->journal + i, n, TL_JOURNAL_TEXT,
			    &islands, u->w, is_ours, u);
}

/* Nobody is in any of them, and nobody can come. */
static size_t restore_islands(struct undo *u)
{
	const struct text_islands islands = { u->islands, u->n_islands };
	size_t left;

	session_kill_point(49);
	left = text_restore(u->figures->journal, TL_MAX_SITES,
			    TL_JOURNAL_ISLAND, &islands, u->w, is_ours, u);
	session_kill_point(50);
	return left;
}

/* Steps 1 to 5, once.  Many places are put back in several short stops. */
static int restore_once(struct undo *u, bool *in)
{
	struct net *net;
	size_t left = 0, i = 0;
	int err;

	for (; u->figures && i + BATCH < TL_MAX_SITES &&
	       u->figures->journal[i + BATCH].addr;
	     i += BATCH) {
		err = stop(u, &net);
		if (err)
			return err;
		left += restore_batch(u, i);
		let_go(net);
	}
	err = stop(u, &net);
	if (err)
		return err;
	session_kill_point(30);
	if (u->figures) {
		left += restore_batch(u, i);
		session_kill_point(32);
		restore_returns(u);
	}
	session_kill_point(33);
	err = look_inside(u, net, in);
	if (!err && !left && !*in && u->n_islands)
		left = restore_islands(u);
	let_go(net);
	session_kill_point(34);
	if (!err && left)
		return refuse(-EIO,
			      "%zu places of its text are not as they were",
			      left);
	return err;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int restore_all(struct undo *u, unsigned int patience_ms)
{
	uint64_t end = now_ms() + patience_ms;
	bool in = true;
	int err = 0;

	for (unsigned int turn = 0;; turn++) {
		err = restore_once(u, &in);
		if (err == -ESRCH || (!err && !in) || now_ms() >= end)
			break;
		usleep(turn < 10 ? 1000 : 20000);
	}
	if (!err && in)
		return refuse(
			-EBUSY,
			"a thread of it is still inside a detour; 'trapline detach -p %d' tries again",
			u->pid);
	return err;
}

/* Whoever looks for markers' semaphores finds them as they were. */
static void lower_semaphores(struct undo *u)
{
	const struct tl_semaphores *s = &u->figures->semaphores;
	uint64_t bytes = TL_MAX_SEMAPHORES * sizeof(struct tl_semaphore);
	struct maps maps;

	if (!s->first || !is_ours(u, s->first) ||
	    !is_ours(u, s->first + bytes - 1) || maps_read(&maps, u->pid))
		return;
	semaphores_lower(u->w, &maps, s);
	maps_free(&maps);
}

/* ---- taking away --------------------------------------------------------- */

static void give_back(struct undo *u)
{
	struct maps maps;

	if (maps_read(&maps, u->pid))
		return;
	for (size_t i = 0; u->figures && i < TL_MAX_SITES; i++) {
		const struct tl_journal *e = &u->figures->journal[i];

		if (!e->addr)
			break;
		if (!text_is_noted(e))
			continue;
		/* Entries of one page lie together more often than not. */
		if (i && (e[-1].addr & ~(PAGE - 1)) ==
				 ((e->addr + e->len - 1) & ~(PAGE - 1)))
			continue;
		text_give_back(u->w, &maps, e->addr, e->len);
	}
	maps_free(&maps);
}

static int unmap(struct undo *u, const struct tl_mapping *m)
{
	return (int)worker_call(u->w, SYS_munmap, m->start, m->end - m->start,
				0, 0, 0, 0);
}

/*
 * Unmap all.  Whoever is killed in the middle leaves what the next one still
 * recognizes: the gate goes before its neighbours, by which it is known, and
 * the figures, and so the journal, last.
 */
static int unmap_all(struct undo *u)
{
	int err = find_ours(u), got;

	if (!err && u->gate.start && (got = unmap(u, &u->gate)))
		err = refuse(got, "our memory cannot be unmapped");
	for (size_t i = 0; i < u->n && !err; i++) {
		const struct tl_mapping *m = &u->ours[i];

		/* The gate's place may be the target's own again. */
		if (m->start == u->figures_at || m->start == u->gate.start)
			continue;
		got = unmap(u, m);
		session_kill_point(36);
		if (got)
			err = refuse(got, "our memory cannot be unmapped");
	}
	for (size_t i = 0; i < u->n && !err; i++)
		if (u->ours[i].start == u->figures_at)
			unmap(u, &u->ours[i]);
	session_kill_point(37);
	return err;
}

/* The probes of section @s are off.  What the figures say is distrusted. */
static void say_off_in(const struct undo *u, const struct tl_section *s)
{
	const uint32_t off = SESSION_NOT_ARMED;
	uint64_t at = u->figures_at + s->at + offsetof(struct tl_probe, kind);

	for (uint64_t i = 0; i < s->n && i < TL_MAX_PROBES; i++, at += s->size)
		if (u->figures->probe[i].addr && is_ours((void *)u, at) &&
		    is_ours((void *)u, at + sizeof(off) - 1))
			mem_write(u->w, at, &off, sizeof(off));
}

/*
 * The figures say that no probe is armed any more; those of a fork child are its
 * parent's, and stay.
 */
static void say_off(const struct undo *u)
{
	const struct tl_header *h = &u->figures->header;
	struct tl_section s[TL_MAX_SECTIONS];
	uint32_t n = h->sections;

	if (n > TL_MAX_SECTIONS)
		n = TL_MAX_SECTIONS;
	if ((pid_t)h->target != u->pid ||
	    mem_read(u->w->mem, s, u->figures_at + sizeof(*h),
		     sizeof(s[0]) * n))
		return;
	for (uint32_t i = 0; i < n; i++)
		if (s[i].kind == TL_SECTION_PROBES && s[i].at < h->total &&
		    s[i].size >= sizeof(struct tl_probe) && s[i].size <= 4096)
			say_off_in(u, &s[i]);
}

/*
 * No worker can be made, for a reason that is written down: all is put back by
 * way of /proc/PID/mem, and what only the process itself could unmap stays, with
 * nobody in it.
 */
static int undo_without_worker(struct undo *u, unsigned int patience_ms)
{
	struct worker none = { .target = u->pid, .lost = true };
	char path[64], why[256];
	uint64_t bytes = 0;
	int err;

	snprintf(why, sizeof(why), "%s", session_error());
	snprintf(path, sizeof(path), "/proc/%d/mem", u->pid);
	none.mem = open(path, O_RDWR | O_CLOEXEC);
	if (none.mem < 0)
		return refuse(-errno, "cannot open its memory: %s",
			      strerror(errno));
	u->w = &none;
	find_islands(u);
	find_detours(u);
	if (u->figures)
		text_prefer_file(u->figures->journal, TL_MAX_SITES, u->w);
	err = restore_all(u, patience_ms);
	if (!err && u->figures) {
		lower_semaphores(u);
		say_off(u);
	}
	close(none.mem);
	if (err)
		return err;
	for (size_t i = 0; i < u->n; i++)
		bytes += u->ours[i].end - u->ours[i].start;
	return refuse(
		-ECHILD,
		"its text is as it was, but %lu KiB of unused memory stay mapped: %s",
		(unsigned long)(bytes >> 10), why);
}

static int undo_with_worker(struct undo *u, unsigned int patience_ms)
{
	uint64_t at;
	int err;

	/* Not an instruction of the agent's image, which goes. */
	at = find_syscall(u->pid, u->w->mem);
	if (!at)
		return -ENOENT;
	find_islands(u);
	find_detours(u);
	if (u->figures)
		text_prefer_file(u->figures->journal, TL_MAX_SITES, u->w);
	err = restore_all(u, patience_ms);
	if (err)
		return err;
	u->w->syscall_at = at;
	if (u->figures)
		lower_semaphores(u);
	give_back(u);
	session_kill_point(35);
	return unmap_all(u);
}

/* ---- a target that has libtrapline ----------------------------------------- */

/*
 * The library takes the session's probes away; then nothing uses what is mapped.
 * Somebody may hold the registration lock, or block SIGTRAP: it is tried again.
 */
static int end_talk(struct talk *t, unsigned int patience_ms)
{
	uint64_t begin = now_ms(), end = begin + patience_ms;
	int err;

	for (;;) {
		err = talk(t, TL_CALL_END, 0, 0, patience_ms);
		if ((err != -EAGAIN && err != -EBUSY && err != -ENODEV) ||
		    now_ms() >= end ||
		    (err == -EAGAIN && now_ms() >= begin + patience_ms / 8))
			break;
		usleep(20000);
	}
	while (!err && talk_busy(t)) {
		if (now_ms() >= end)
			return refuse(
				-EBUSY,
				"a thread of ours is still in libtrapline in process %d",
				t->pid);
		usleep(2000);
	}
	switch (err) {
	case -EAGAIN:
		return refuse(
			err,
			"libtrapline in process %d cannot put its text back: a thread blocks SIGTRAP; 'trapline detach -p %d' tries again",
			t->pid, t->pid);
	case -ENODEV:
		return refuse(
			err,
			"process %d was forked in the middle of a registration, and keeps what it was born with",
			t->pid);
	case -EBUSY:
		return refuse(err, "libtrapline in process %d is busy", t->pid);
	}
	return err;
}

static int undo_library(struct undo *u, unsigned int patience_ms)
{
	struct talk t = {
		.pid = u->pid,
		.w = u->w,
		.figures = u->figures_at,
		.session = u->figures->header.session,
	};
	int err = library_find(&t.lib, u->pid);

	if (!err && (!t.lib.copies || !t.lib.talks))
		return refuse(
			-EOPNOTSUPP,
			"the probes of process %d are libtrapline's, which is not to be found there",
			u->pid);
	if (err)
		return err;
	memcpy(t.stack, u->figures->call, sizeof(t.stack));
	u->w->syscall_at = t.lib.syscall_at;
	/*
	 * A caller waits for its turn among the program's own registrations, and
	 * for handlers, as a thread like others: nobody waits for it.
	 */
	err = end_talk(&t, 6 * patience_ms);
	session_kill_point(48);
	if (err)
		return err;
	lower_semaphores(u);
	return unmap_all(u);
}

static bool is_librarys(const struct undo *u)
{
	return u->figures && (u->figures->header.features & TL_FEATURE_LIBRARY);
}

/* Has @pid ended, reaped or not? */
static bool process_gone(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool gone;

	if (fd < 0)
		return errno == ESRCH;
	gone = poll(&p, 1, 0) == 1;
	close(fd);
	return gone;
}

/*
 * On a busy machine no thread may stop in time, and the net of a guardian that
 * was killed may not have let go of all of them yet: both pass.
 */
static int make_worker(struct worker *w, pid_t pid, unsigned int patience_ms)
{
	uint64_t end = now_ms() + patience_ms;
	int err;

	for (;;) {
		*w = (struct worker){ .mem = -1, .lost = true };
		err = worker_make(w, pid);
		if ((err != -EAGAIN && err != -EPERM && err != -ETIMEDOUT) ||
		    now_ms() >= end)
			return err;
		if (err != -EPERM || !follower_yield(pid))
			usleep(10000);
	}
}

int undo(pid_t pid, struct worker *w, unsigned int patience_ms)
{
	struct undo *u = calloc(1, sizeof(*u));
	char path[64];
	int err, mem;

	if (!u)
		return -ENOMEM;
	longest_stop_ns = 0;
	u->pid = pid;
	u->w = w;
	err = find_ours(u);
	if (err || !u->n)
		goto out;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	u->figures = figures_read(mem, u->figures_at);
	close(mem);
	err = find_ours(u);
	if (!err && (!w->pid || w->lost)) {
		worker_end(w);
		err = make_worker(w, pid, patience_ms);
		if (err && err != -ESRCH && !is_librarys(u))
			err = undo_without_worker(u, patience_ms);
	}
	if (!err)
		err = is_librarys(u) ? undo_library(u, patience_ms)
				     : undo_with_worker(u, patience_ms);
	if (!err)
		err = 1;
	figures_free(u->figures);
out:
	worker_end(w);
	session_kill_point(38);
	free(u->detours);
	free(u->islands);
	free(u);
	/* Whatever went wrong, there is nothing left to be undone. */
	if (err < 0 && process_gone(pid))
		return refuse(-ESRCH, "process %d has ended", pid);
	return err;
}

/* ---- other processes ----------------------------------------------------- */

/* Are the figures that @pid has mapped at @at of @session? */
static bool is_of_session(pid_t pid, uint64_t at, uint64_t session)
{
	struct tl_header h = { 0 };
	char path[64];
	int mem, err;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return false;
	err = mem_read(mem, &h, at, sizeof(h));
	close(mem);
	return !err && !memcmp(h.magic, TL_MAGIC, sizeof(h.magic)) &&
	       h.session == session;
}

/* The tool and the guardian have the figures, too, but not the code. */
static bool is_copy(pid_t pid, const struct copies *c)
{
	bool figures = false, code = false;
	struct maps maps;

	if (!maps_name(pid, TL_CODE_NAME) || maps_read(&maps, pid))
		return false;
	for (size_t i = 0; i < maps.n; i++) {
		const struct map *m = &maps.map[i];

		if (!map_is_ours(m) || m->dev_minor != c->dev_minor)
			continue;
		code |= map_is_code(m);
		figures |= map_is_figures(m) &&
			   (m->inode == c->inode ||
			    (c->session &&
			     is_of_session(pid, m->start, c->session)));
	}
	maps_free(&maps);
	return figures && code;
}

int undo_copy(pid_t pid, const struct copies *c, unsigned int patience_ms)
{
	struct worker w = { .mem = -1, .lost = true };

	return is_copy(pid, c) ? undo(pid, &w, patience_ms) : 0;
}

int undo_others(const struct copies *c, pid_t except)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int err = 0, got;

	while (d && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);

		if (pid <= 0 || pid == except)
			continue;
		got = undo_copy(pid, c, 1000);
		if (got < 0 && got != -ESRCH)
			err = got;
	}
	if (d)
		closedir(d);
	return err;
}
