/* SPDX-License-Identifier: MIT */
/*
 * serve.c - what the agent asks of the guardian
 *
 * While the guardian serves a question the worker stands still, so the two are
 * never at work at once.  The agent is ours, but it lives in the target's
 * memory, which may be scribbled over: each question is checked as if it were
 * hostile.
 */
#define _GNU_SOURCE
#include "hold.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <session.h>
#include <trapline/host.h>

#include "follow.h"
#include "guardian.h"
#include "judge.h"
#include "leads.h"
#include "text.h"
#include "piece.h"
#include "stopped.h"

#define PAGE	 4096ul
#define MOST	 4096 /* edits, windows or ranges in one question */
#define AGENT_MS 10000

/* Of a memory file that is called @name? */
static bool is_memory_file(const struct map *m, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(m->name, "/memfd:", 7) &&
	       !strncmp(m->name + 7, name, n) && m->name[7 + n] == ' ';
}

bool map_is_figures(const struct map *m)
{
	return is_memory_file(m, TL_FIGURES_NAME);
}

bool map_is_code(const struct map *m)
{
	return is_memory_file(m, TL_CODE_NAME);
}

bool map_is_ours(const struct map *m)
{
	return map_is_figures(m) || map_is_code(m) ||
	       is_memory_file(m, TL_EVENTS_NAME);
}

/* The recorded mapping of ours that holds [@addr, @addr + @len), or NULL. */
static struct tl_mapping *our_mapping(struct hold *h, uint64_t addr,
				      uint64_t len)
{
	for (int i = 0; i < TL_MAX_MAPPINGS; i++) {
		struct tl_mapping *m = &h->figures->mapping[i];

		if (m->start && addr >= m->start && addr < m->end &&
		    len <= m->end - addr)
			return m;
	}
	return NULL;
}

/* A copy of @n things of @size bytes at @addr in the target; NULL: no. */
static void *fetch(struct hold *h, uint64_t addr, uint64_t n, size_t size)
{
	void *p;

	if (n > MOST)
		return NULL;
	p = calloc(n + 1, size);
	if (p && mem_read(h->w.mem, p, addr, n * size)) {
		free(p);
		return NULL;
	}
	return p;
}

/* ---- text ---------------------------------------------------------------- */

/*
 * Edits of one page are made in a copy of it, which is written in one go, from
 * the first byte to the last that is changed: writing one by one, thousands of
 * them would hold up threads for long.  Nobody else writes there meanwhile: those
 * who run are stopped, and the page is not writable for the kernel either.
 */
struct page_copy {
	uint64_t at; /* 0: none */
	bool text;
	uint32_t from, to; /* what is changed */
	uint8_t bytes[PAGE];
};

static int copy_flush(struct hold *h, struct page_copy *c)
{
	int err = 0;

	if (!c->at || c->from >= c->to)
		return 0;
	if (c->text)
		session_kill_point(25);
	err = mem_write(&h->w, c->at + c->from, c->bytes + c->from,
			c->to - c->from);
	if (c->text)
		session_kill_point(26);
	c->at = 0;
	return err;
}

/* Have the page at @at in @c. */
static int copy_begin(struct hold *h, struct page_copy *c, uint64_t at,
		      bool text)
{
	int err;

	if (c->at == at)
		return 0;
	err = copy_flush(h, c);
	c->at = 0;
	if (!err && mem_read(h->w.mem, c->bytes, at, PAGE))
		err = -EFAULT;
	if (err)
		return err;
	c->at = at;
	c->text = text;
	c->from = PAGE;
	c->to = 0;
	return 0;
}

/* May the target write to page @at of @m itself? */
static bool is_writable(const struct map *m)
{
	return m && m->write;
}

static int write_part(struct hold *h, struct page_copy *c, const struct map *m,
		      uint64_t addr, const uint8_t *bytes, uint32_t len,
		      bool island)
{
	uint32_t off = (uint32_t)(addr % PAGE);
	int err = copy_begin(h, c, addr - off, m != NULL);

	if (!err && m)
		err = text_note(h->figures->journal, addr, c->bytes + off, len,
				island);
	if (err)
		return err;
	/* What it writes meanwhile is not ours to undo. */
	if (is_writable(m)) {
		err = copy_flush(h, c);
		c->at = 0;
		session_kill_point(25);
		if (!err)
			err = mem_write(&h->w, addr, bytes, len);
		session_kill_point(26);
		return err;
	}
	memcpy(c->bytes + off, bytes, len);
	if (off < c->from)
		c->from = off;
	if (off + len > c->to)
		c->to = off + len;
	return 0;
}

static int write_one(struct hold *h, struct page_copy *c,
		     const struct tl_edit *e)
{
	const struct map *m = NULL;
	uint32_t first = (uint32_t)(PAGE - e->addr % PAGE);
	int err;

	if (!e->len || e->len > TL_EDIT_BYTES)
		return -EINVAL;
	if (!our_mapping(h, e->addr, e->len)) {
		if (!h->net)
			return -EPERM;
		m = maps_find(&h->maps, e->addr);
		if (!m || !map_is_text(m) || m->end - e->addr < e->len)
			return -EFAULT;
	}
	if (first > e->len)
		first = (uint32_t)e->len;
	err = write_part(h, c, m, e->addr, e->bytes, first, e->idle);
	if (!err && first < e->len)
		err = write_part(h, c, m, e->addr + first, e->bytes + first,
				 (uint32_t)e->len - first, e->idle);
	return err;
}

static long serve_write(struct hold *h, uint64_t addr, uint64_t n)
{
	struct tl_edit *edits = fetch(h, addr, n, sizeof(*edits));
	struct page_copy c = { 0 };
	int err = 0, flushed;

	if (!edits)
		return -EFAULT;
	for (uint64_t i = 0; i < n && !err; i++)
		err = write_one(h, &c, &edits[i]);
	flushed = copy_flush(h, &c);
	free(edits);
	return err ? err : flushed;
}

/* ---- the net ------------------------------------------------------------- */

#define STRAY_MS 2000

int hold_threads(struct net **net, pid_t pid, pid_t worker,
		 const struct net_options *options)
{
	int left, err;

	for (int i = 0;; i++) {
		left = worker_strays();
		err = net_open(net, pid, worker, options);
		if (err == -EBUSY && follower_yield(pid))
			err = net_open(net, pid, worker, options);
		if (err != -EBUSY || !left || i == STRAY_MS / 5)
			return err;
		usleep(5000);
	}
}

/* Sleepers stay asleep; those who wake are held if @change, for a change. */
static int net_start(struct hold *h, bool change)
{
	const struct net_span ours = { h->base, h->stack };
	/* Goroutines that wait may have been interrupted anywhere. */
	const struct net_options options = { .watch_blocked = change,
					     .leave_blocked = !change,
					     .everywhere = change && h->go,
					     .ours = &ours,
					     .n_ours = 1 };
	int err;

	if (h->net)
		return -EBUSY;
	err = maps_read(&h->maps, h->pid);
	if (err)
		return err;
	err = hold_threads(&h->net, h->pid, h->w.pid, &options);
	if (err) {
		h->net = NULL;
		maps_free(&h->maps);
	}
	return err;
}

void hold_net_close(struct hold *h)
{
	struct net_stats stats = { 0 };

	if (!h->net)
		return;
	net_close(h->net, &stats);
	follower_resume();
	h->net = NULL;
	maps_free(&h->maps);
	h->threads = stats.tasks;
	if (stats.longest_stop_ns > h->longest_stop_ns)
		h->longest_stop_ns = stats.longest_stop_ns;
}

static long serve_begin(struct hold *h)
{
	int err = net_start(h, true);

	session_kill_point(24);
	return err ? err : TL_OTHERS_STOPPED;
}

static long serve_evict(struct hold *h, uint64_t addr, uint64_t n)
{
	struct tl_window *w = fetch(h, addr, n, sizeof(*w));
	int err = -EFAULT;

	if (!w || !h->net)
		goto out;
	for (uint64_t i = 0; i < n; i++)
		if (w[i].n_inner > TL_MAP_MAX)
			goto out;
	err = net_evict(h->net, w, n);
	if (!err)
		err = mem_write(&h->w, addr, w, n * sizeof(*w));
out:
	free(w);
	return err;
}

static long serve_quiesce(struct hold *h, uint64_t addr, uint64_t n)
{
	struct tl_range *r = fetch(h, addr, n, sizeof(*r));
	bool *busy = calloc(n < MOST ? n + 1 : 1, sizeof(*busy));
	int err = -EBUSY;

	if (!r || !busy)
		goto out;
	for (uint64_t i = 0; i < n; i++)
		if (r[i].n > TL_MAP_MAX)
			goto out;
	err = net_start(h, false);
	if (err)
		goto out;
	err = net_quiet(h->net, r, n, busy);
	for (uint64_t i = 0; i < n && !err; i++)
		if (busy[i])
			err = -EBUSY;
	hold_net_close(h);
out:
	free(r);
	free(busy);
	return err;
}

/* ---- executable memory --------------------------------------------------- */

static long map_exec(struct hold *h, uint64_t at, uint64_t size)
{
	int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;

	/* All from the same part of the file, where there are zeros. */
	if (!h->anonymous_code)
		return worker_call(&h->w, SYS_mmap, at, size,
				   PROT_READ | PROT_EXEC, (uint64_t)flags,
				   (uint64_t)h->w.code_fd, h->image_bytes);
	return worker_call(&h->w, SYS_mmap, at, size, PROT_READ | PROT_EXEC,
			   (uint64_t)(flags | MAP_ANONYMOUS), ~0ul, 0);
}

static long serve_exec(struct hold *h, uint64_t near, uint64_t reach,
		       uint64_t size)
{
	struct tl_mapping *m = NULL;
	struct maps maps;
	uint64_t at;
	long got;

	size = (size + PAGE - 1) & ~(PAGE - 1);
	if (!size || size > 1ul << 20)
		return -EINVAL;
	for (int i = 0; i < TL_MAX_MAPPINGS && !m; i++)
		if (!h->figures->mapping[i].start)
			m = &h->figures->mapping[i];
	if (!m)
		return -ENOMEM;
	for (int tries = 0; tries < 5; tries++) {
		if (maps_read(&maps, h->pid))
			return -ESRCH;
		at = maps_gap(&maps, near, reach, size);
		maps_free(&maps);
		if (!at)
			return -ENOMEM;
		m->end = at + size;
		__atomic_store_n(&m->start, at, __ATOMIC_RELEASE);
		got = map_exec(h, at, size);
		session_kill_point(23);
		if (got == (long)at)
			return got;
		m->start = 0;
		/* A kernel that takes the address for a hint. */
		if (got > 0)
			worker_call(&h->w, SYS_munmap, (uint64_t)got, size, 0,
				    0, 0, 0);
		if (got != -EEXIST)
			return got < 0 ? got : -ENOMEM;
	}
	return -ENOMEM;
}

static long serve_unmap(struct hold *h, uint64_t addr, uint64_t size)
{
	struct tl_mapping *m = our_mapping(h, addr, 1);
	long err;

	size = (size + PAGE - 1) & ~(PAGE - 1);
	if (!m || m == &h->figures->mapping[0] || m->start != addr ||
	    m->end - addr != size)
		return -EINVAL;
	err = worker_call(&h->w, SYS_munmap, addr, size, 0, 0, 0, 0);
	if (!err)
		m->start = 0;
	return err;
}

/* ---- code ----------------------------------------------------------------- */

static long serve_piece(struct hold *h, uint64_t addr)
{
	uint64_t start, end;
	struct maps maps;
	int err;

	if (maps_read(&maps, h->pid))
		return -ESRCH;
	err = piece_find(&maps, h->pid, h->w.mem, addr, &start, &end);
	if (!err && !judge_piece(h->pid, &maps, start, end))
		err = -EBUSY;
	maps_free(&maps);
	if (err)
		return err;
	return (long)((addr - start) << 32 | (end - start));
}

/* ---- the loop ------------------------------------------------------------ */

static long serve(struct hold *h, const struct isa_regs *r)
{
	const uint64_t a = isa_arg(r, 1), b = isa_arg(r, 2);

	switch (isa_arg(r, 0)) {
	case TL_ASK_WRITE:
		return serve_write(h, a, b);
	case TL_ASK_BEGIN:
		return serve_begin(h);
	case TL_ASK_END:
		hold_net_close(h);
		session_kill_point(27);
		return 0;
	case TL_ASK_EVICT:
		return serve_evict(h, a, b);
	case TL_ASK_QUIESCE:
		return serve_quiesce(h, a, b);
	case TL_ASK_EXEC:
		return serve_exec(h, a, b, isa_arg(r, 3));
	case TL_ASK_UNMAP:
		return serve_unmap(h, a, b);
	case TL_ASK_INROADS:
		return (long)leads_at(a);
	case TL_ASK_PIECE:
		return serve_piece(h, a);
	}
	return -EINVAL;
}

static int answer(struct hold *h, struct isa_regs *r, long value)
{
	isa_answer(r, value);
	return h->w.lost || isa_set_regs(h->w.pid, r) ? -ESRCH : 0;
}

/* A fault of the agent's: is it one that it expects? */
static bool mend(struct hold *h, struct isa_regs *r)
{
	const uint64_t copy = h->entry + (uint64_t)(int64_t)h->at.copy;
	const uint64_t fault = h->entry + (uint64_t)(int64_t)h->at.copy_fault;

	if (isa_pc(r) < copy || isa_pc(r) >= fault)
		return false;
	isa_set_pc(r, fault);
	isa_no_syscall(r);
	return isa_set_regs(h->w.pid, r) == 0;
}

long hold_serve(struct hold *h)
{
	uint64_t asks = h->entry + (uint64_t)(int64_t)h->at.ask;
	struct isa_regs r = { 0 };
	int sig;

	for (;;) {
		sig = worker_run(&h->w, AGENT_MS);
		if (sig < 0 || isa_get_regs(h->w.pid, &r))
			break;
		if (sig == SIGTRAP && isa_trapped_at(&r) == asks) {
			if (isa_arg(&r, 0) == TL_ASK_READY)
				return (long)isa_arg(&r, 1);
			if (answer(h, &r, serve(h, &r)))
				break;
		} else if (sig == SIGTRAP || !mend(h, &r)) {
			break;
		}
	}
	/* It is lost, or runs wild; the target needs it for nothing. */
	hold_net_close(h);
	worker_end(&h->w);
	return refuse(-EIO,
		      "the agent in process %d has failed (%s %d at +0x%llx)",
		      h->pid, sig < 0 ? "error" : "signal", sig,
		      (unsigned long long)(isa_pc(&r) - h->base));
}

long hold_command(struct hold *h, uint64_t command)
{
	struct isa_regs r;

	if (h->w.lost || isa_get_regs(h->w.pid, &r) ||
	    answer(h, &r, (long)command))
		return -ESRCH;
	return hold_serve(h);
}
