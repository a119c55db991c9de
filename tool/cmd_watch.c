/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch.c - `trapline watch`: who touches a variable
 *
 * The CPU's debug registers see each access, the kernel writes a record of each
 * (watch/events.c), and the instruction and the registers behind it tell what was
 * written (watch/effect.c).  So the program is never stopped, and its
 * values are still exact: each is the last one and what the instruction made of it.
 * What has no room in them goes by page protection (watch/pages.c), and its values
 * are read.
 *
 *   X1  The chain begins with a value that was read while the number of hits before
 *       and after was the same: it is what it was after so many hits, and the
 *       watch begins there.
 *   X2  Where an instruction does not tell what it wrote, the next one may know
 *       what it found; else memory is read, if there was no hit since.
 *   X3  Behind a lost record nothing is known, until all is quiet for a moment.
 *   X4  Hits of registers and of pages are told in the order of their times: one is
 *       told when the other side has none that is older, and none will come.
 *   X5  Others may change it unseen, and at any time: who shares the memory, the
 *       kernel where that cannot be seen.  So it is read again while all is quiet.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "isa.h"
#include "launch.h"
#include "resolve.h"
#include "run.h"
#include "text.h"
#include "watching.h"

#define LOOK_MS	 20
#define CODE_MAX 65536
#define QUIET_NS 20000 /* longer than the CPU takes to tell of a hit */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool read_target(pid_t pid, uint64_t at, void *dst, size_t len)
{
	struct iovec local = { dst, len };
	struct iovec remote = { (void *)(uintptr_t)at, len };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

/* ---- what is to be watched ------------------------------------------------------ */

static bool is_access(const char *s, char *out)
{
	if (strcmp(s, "w") == 0 || strcmp(s, "x") == 0)
		*out = s[0];
	else if (strcmp(s, "rw") == 0)
		*out = 'a';
	else
		return false;
	return true;
}

/* Cut `:rw` and `:4` off the end.  False, after a line. */
static bool take_length(struct watched *w, uint64_t len)
{
	if (w->access != 'w' && len != 1 && len != 2 && len != 4 && len != 8) {
		say_error("%s: a register watches 1, 2, 4 or 8 bytes, and only "
			  "writes are watched without one",
			  w->text);
		return false;
	}
	if (!len || len > WATCH_BYTES) {
		say_error("%s: from 1 to %u bytes can be watched", w->text,
			  WATCH_BYTES);
		return false;
	}
	w->len = (unsigned int)len;
	return true;
}

static bool take_suffixes(struct watched *w)
{
	char *colon = data_colon(w->name);
	uint64_t len;

	w->access = 'w';
	if (colon && strcmp(colon, ":r") == 0) {
		say_error("%s: x86 cannot watch for reads alone; :rw can",
			  w->text);
		return false;
	}
	if (colon && is_access(colon + 1, &w->access)) {
		*colon = 0;
		colon = data_colon(w->name);
	}
	if (colon && parse_u64(colon + 1, &len)) {
		if (!take_length(w, len))
			return false;
		*colon = 0;
	}
	return true;
}

static int resolve_code(struct watching *r, struct watched *w)
{
	struct places places = { 0 };
	struct spec spec;
	char why[256];
	int err = -1;

	if (!spec_parse(&spec, w->name, why, sizeof(why))) {
		say_error("%s: %s", w->text, why);
		return -1;
	}
	if (resolve(&r->process, &spec, false, &places) == 0) {
		if (places.n == 1) {
			w->data.addr = places.place[0].addr;
			w->len = sizeof(long);
			err = 0;
		} else {
			say_error("%s: these are %zu places; a register "
				  "watches one",
				  w->text, places.n);
		}
	}
	places_free(&places);
	spec_free(&spec);
	return err;
}

/* Does a register hold it? */
static bool fits_register(const struct watched *w)
{
	return (w->len == 1 || w->len == 2 || w->len == 4 || w->len == 8) &&
	       w->data.addr % w->len == 0;
}

/* The length, if none was given: the variable's, or what the address allows. */
static int choose_length(struct watched *w)
{
	uint64_t addr = w->data.addr, size = w->data.size;

	if (!w->len && size) {
		if (!take_length(w, size))
			return -1;
	} else if (!w->len) {
		w->len = 8;
		while (addr % w->len)
			w->len /= 2;
	} else if (size && w->len != size) {
		w->data.type = DATA_UNSIGNED;
		w->data.bits = 0;
	}
	w->page = !fits_register(w);
	if (w->page && w->access != 'w') {
		say_error("%s: %#" PRIx64 " is not a multiple of %u, which a "
			  "register wants, and only writes are watched without "
			  "one",
			  w->text, addr, w->len);
		return -1;
	}
	return 0;
}

static int take_watched(struct watching *r, struct watched *w, const char *text)
{
	uint8_t byte;
	int err;

	*w = (struct watched){ .text = text, .name = must_dup(text) };
	if (!take_suffixes(w))
		return -1;
	if (w->access == 'x')
		return resolve_code(r, w);
	err = data_find(&r->process, w->name, &w->data);
	if (!err)
		err = choose_length(w);
	if (!err && !read_target(r->process.pid, w->data.addr, &byte, 1)) {
		say_error("%s: nothing is mapped at %#" PRIx64, text,
			  w->data.addr);
		err = -1;
	}
	return err;
}

/* ---- where an instruction is ------------------------------------------------------ */

/* The same bytes of the file that is mapped there: the process has ended. */
static bool read_file(const struct module *m, uint64_t at, void *dst,
		      size_t len)
{
	for (size_t i = 0; m && !m->lack && i < m->n_code; i++) {
		const struct range *c = &m->code[i];

		if (at >= c->start && at + len <= c->end)
			return pread(m->image->fd, dst, len,
				     (off_t)(at - c->start + c->offset)) ==
			       (ssize_t)len;
	}
	return false;
}

/* The code up to the place, from its function's beginning if that is known. */
static const struct site *site_of(struct watching *r, uint64_t ip)
{
	struct site *s = &r->sites[ip * 0x9e3779b97f4a7c15u >> 52];
	struct module *m;
	const struct symbol *sym;

	if (s->ip == ip)
		return s;
	free(s->code);
	*s = (struct site){ .ip = ip, .start = ip - 15 };
	m = process_module_at(&r->process, ip - 1);
	sym = m && !m->lack ? image_find(m->image, ip - 1 - m->bias) : NULL;
	if (sym && ip - (sym->addr + m->bias) < CODE_MAX) {
		s->start = sym->addr + m->bias;
		s->aligned = true;
	}
	s->size = (size_t)(ip - s->start);
	s->code = must_alloc(s->size + 1, 1);
	if (!read_target(r->process.pid, s->start, s->code, s->size) &&
	    !read_file(m, s->start, s->code, s->size))
		s->size = 0;
	return s;
}

static void find_effect(struct watching *r, struct change *c)
{
	const struct watched *w = &r->watched[c->hit.point];
	const struct site *s;

	c->effect = (struct effect){ .ip = c->hit.ip };
	if (c->hit.in_kernel || !c->hit.has_regs || w->access == 'x')
		return;
	s = site_of(r, c->hit.regs.ip);
	c->found = s->size &&
		   effect_find(&c->effect, s->code, s->size, s->start,
			       s->aligned, &c->hit.regs, w->data.addr, w->len);
	/* It was a write, so this is none that is known. */
	if (w->access == 'w' && c->effect.kind == EFFECT_READ)
		c->effect.kind = EFFECT_UNKNOWN;
}

/* ---- values ------------------------------------------------------------------------- */

/* X1: the value, if there is no hit around its reading, nor for @quiet ns. */
static bool read_quiet(struct watching *r, struct watched *w,
		       unsigned int point, uint64_t quiet, uint64_t *hits)
{
	uint64_t before = watch_count(r->watch, point), until;
	uint8_t value[8] = { 0 };

	if (!read_target(r->process.pid, w->data.addr, value, w->len))
		return false;
	for (until = now_ns() + quiet; now_ns() < until;)
		;
	if (watch_count(r->watch, point) != before)
		return false;
	memcpy(w->value, value, sizeof(value));
	*hits = before;
	return true;
}

/*
 * The chain's beginning: who has just written may not have been counted yet, so
 * there is to be a moment of quiet, as long as there can be.
 */
static void begin_chain(struct watching *r, struct watched *w,
			unsigned int point)
{
	static const struct {
		uint64_t quiet;
		int tries;
	} ways[] = {
		{ 1000000, 3 }, { 100000, 20 }, { 20000, 100 }, { 0, 500 }
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (int k = 0; k < ways[i].tries && !w->known; k++)
			w->known = read_quiet(r, w, point, ways[i].quiet,
					      &w->from);
}

/* Now, after @hits of them: the value, if these are all there were. */
static bool settle(struct watching *r, struct watched *w, unsigned int point,
		   uint64_t hits)
{
	uint64_t have;

	return !w->broken && watch_count(r->watch, point) == hits &&
	       read_quiet(r, w, point, QUIET_NS, &have) && have == hits;
}

/* The word of the operand, if it is all of what is watched. */
static bool old_of(const struct watched *w, const struct change *c,
		   uint8_t *old)
{
	const struct effect *e = &c->effect;

	if (!c->found || !e->certain || !e->old_known ||
	    e->addr > w->data.addr ||
	    e->addr + e->size < w->data.addr + w->len || e->size > 8)
		return false;
	memcpy(old, (const uint8_t *)&e->old + (w->data.addr - e->addr),
	       w->len);
	return true;
}

/*
 * @next: the one that follows at the same variable, or NULL: there is none yet.
 * False: what it wrote may be known when there is one; nothing has changed.
 */
static bool find_values(struct watching *r, struct change *c,
			const struct change *next, bool wait)
{
	struct watched *w = &r->watched[c->hit.point];
	uint64_t hits = w->hits + c->hits;

	if (w->access == 'x' || hits <= w->from) {
		w->hits = hits;
		w->seen += c->hits;
		c->early = w->access != 'x'; /* X1 */
		return true;
	}
	c->old_known = old_of(w, c, c->old);
	if (!c->old_known) {
		memcpy(c->old, w->value, sizeof(c->old));
		c->old_known = w->known;
	}
	if (c->found)
		c->new_known = effect_apply(&c->effect, w->data.addr, w->len,
					    c->old, c->old_known, c->new_value);
	if (!c->new_known && next)
		c->new_known = old_of(w, next, c->new_value);
	if (!c->new_known && !next) {
		c->new_known = settle(r, w, c->hit.point, hits);
		if (c->new_known)
			memcpy(c->new_value, w->value, sizeof(c->new_value));
		else if (wait)
			return false;
	}
	w->hits += c->hits;
	w->seen += c->hits;
	w->known = c->new_known;
	if (c->new_known)
		memcpy(w->value, c->new_value, sizeof(w->value));
	return true;
}

/* ---- by page protection --------------------------------------------------------- */

/*
 * What the instruction behind which a thread has stopped has done.  Of several hits
 * in a row the values between are worked out, as far as instructions tell them.
 */
static void print_stop(struct watching *r, const struct page_hit *h,
		       struct change *c)
{
	struct watched *w = &r->watched[c->hit.point];
	uint8_t now[8] = { 0 };

	c->hit.has_regs = true;
	c->hit.regs = h->regs;
	c->found = false;
	find_effect(r, c);
	if (w->access == 'x') {
		watching_print(r, c);
		return;
	}
	if (h->first) {
		memcpy(w->value, h->old, c->len);
		w->known = true;
	}
	c->old_known = old_of(w, c, c->old);
	if (!c->old_known) {
		memcpy(c->old, w->value, c->len);
		c->old_known = w->known;
	}
	c->new_known = c->found &&
		       effect_apply(&c->effect, w->data.addr, w->len, c->old,
				    c->old_known, now);
	if (h->last) {
		/* The kernel wrote meanwhile, which nobody sees. */
		if (c->new_known && memcmp(now, h->new_value, c->len) != 0)
			c->old_known = false;
		memcpy(now, h->new_value, c->len);
		c->new_known = true;
	}
	w->known = c->new_known;
	memcpy(w->value, now, c->len);
	memcpy(c->new_value, now, c->len);
	watching_print(r, c);
}

/* What the keeper has read, in the words of the rest. */
static void print_hit(struct watching *r, const struct page_hit *h)
{
	unsigned int i = r->first_kept + h->point;
	struct change c = {
		.hit = { .ns = h->ns,
			 .point = i,
			 .tid = h->tid,
			 .in_kernel = h->in_kernel,
			 .ip = h->ip,
			 .n_frames = h->n_frames },
		.tid = h->own_tid,
		.effect = { .kind = EFFECT_VALUE,
			    .certain = !h->unsure,
			    .ip = h->ip },
		.found = true,
		.addr = h->addr,
		.len = h->len,
		.old_known = true,
		.new_known = true,
	};

	if (r->options->tid && r->options->tid != h->tid)
		return;
	memcpy(c.hit.frames, h->frames, h->n_frames * sizeof(*h->frames));
	memcpy(c.old, h->old, h->len);
	memcpy(c.new_value, h->new_value, h->len);
	if (h->by_register)
		print_stop(r, h, &c);
	else
		watching_print(r, &c);
}

/* Tell of those that were before @end. */
static void take_hits(struct watching *r, uint64_t end)
{
	bool any = false;

	while (r->pages) {
		r->waits = r->waits || pages_next(r->pages, &r->hit);
		if (!r->waits || r->hit.ns >= end)
			break;
		print_hit(r, &r->hit);
		r->waits = false;
		any = true;
	}
	if (any)
		output_flush(&r->out);
}

static void tell_gone(struct watching *r)
{
	for (unsigned int i = r->first_kept; r->pages && i < r->n; i++) {
		struct watched *w = &r->watched[i];
		const char *why = pages_gone(r->pages, i - r->first_kept);

		if (!why || w->gone)
			continue;
		w->gone = true;
		say_note("%s is not watched any more: %s", w->name, why);
	}
}

/* ---- records in order --------------------------------------------------------------------- */

#define BATCH	 16384
#define PATIENCE 1000000000u /* for what comes next */
#define ONE_COPY 50000u	     /* between the pieces of one */

/* The next change at the same variable behind @i, or NULL. */
static const struct change *next_of(const struct change *c, size_t n, size_t i)
{
	for (size_t k = i + 1; k < n; k++)
		if (c[k].hit.point == c[i].hit.point)
			return &c[k];
	return NULL;
}

/* Is @b a further piece of what the kernel copies in @a? */
static bool is_piece(const struct watch_hit *a, const struct watch_hit *b)
{
	return a->in_kernel && b->in_kernel && a->point == b->point &&
	       a->ip == b->ip && a->tid == b->tid && b->ns - a->ns < ONE_COPY &&
	       memcmp(&a->regs, &b->regs, sizeof(a->regs)) == 0;
}

static struct change pending[BATCH];
static size_t n_pending;

/* Take what there is, up to BATCH; how many are new. */
static size_t fill(struct watching *r, bool all)
{
	struct watch_hit hit;
	size_t n = 0;

	while (n_pending < BATCH && watch_next(r->watch, all, &hit)) {
		struct change *c = &pending[n_pending];

		n++;
		if (n_pending && is_piece(&c[-1].hit, &hit)) {
			c[-1].hit.ns = hit.ns;
			c[-1].hits++;
			continue;
		}
		*c = (struct change){ .hit = hit,
				      .tid = tids_own(&r->tids, hit.tid),
				      .hits = 1,
				      .addr = r->watched[hit.point].data.addr,
				      .len = r->watched[hit.point].len,
				      .since = now_ns() };
		find_effect(r, c);
		n_pending++;
	}
	return n;
}

/* X3: what is in order and what is not known any more cannot be told apart. */
static void notice_loss(struct watching *r)
{
	uint64_t missed = 0;

	for (unsigned int i = 0; i < r->n_registers; i++)
		missed += r->watched[i].missed;
	if (watch_lost(r->watch) <= missed)
		return;
	for (unsigned int i = 0; i < r->n_registers; i++) {
		r->watched[i].known = false;
		r->watched[i].broken = true;
	}
}

/*
 * X5: in a quiet moment it is not what was seen to be written.  (What the kernel
 * writes may be unseen anyway, which was said in the beginning.)
 */
static void notice_unseen(const struct watching *r, struct watched *w)
{
	/* Other threads are not looked at under -t. */
	if (w->unseen || r->options->tid || !watch_sees_kernel(r->watch))
		return;
	w->unseen = true;
	say_note(
		"%s was changed unseen: by a process that shares the memory, or "
		"by two stores at one time; the old value in the next row is "
		"what was read since",
		w->name);
}

/*
 * Nothing waits.  If it is quiet, too, what was not seen is lost (the kernel says so
 * only with the next record), and the chain begins anew.
 */
static void mend_chain(struct watching *r, struct watched *w,
		       unsigned int point)
{
	uint8_t value[8];
	uint64_t hits;

	memcpy(value, w->value, sizeof(value));
	/* A hit before that has left a record by now. */
	if (!read_quiet(r, w, point, QUIET_NS, &hits) ||
	    !watch_is_empty(r->watch) || watch_count(r->watch, point) != hits) {
		memcpy(w->value, value, sizeof(value));
		return;
	}
	if (w->known && !w->broken && hits == w->hits &&
	    memcmp(value, w->value, w->len) != 0)
		notice_unseen(r, w);
	w->known = true;
	w->broken = false;
	w->hits = hits;
	w->missed = hits - w->seen;
}

static void mend_chains(struct watching *r)
{
	for (unsigned int i = 0; i < r->n_registers; i++)
		if (r->watched[i].access != 'x')
			mend_chain(r, &r->watched[i], i);
}

/*
 * Tell of what there is, @all or what is settled.  Were there new ones?  Only one
 * round: accesses may come faster than they are told of, and the watch is to end all
 * the same.
 */
static bool take_changes(struct watching *r, bool all)
{
	uint64_t upto = r->pages ? pages_upto(r->pages) : UINT64_MAX;
	size_t new_ones = fill(r, all), i;

	notice_loss(r);
	for (i = 0; i < n_pending; i++) {
		struct change *c = &pending[i];
		bool wait = !all && n_pending < BATCH &&
			    now_ns() - c->since < PATIENCE;

		if (c->hit.ns >= upto)
			break; /* X4 */
		if (!find_values(r, c, next_of(pending, n_pending, i), wait))
			break;
		take_hits(r, c->hit.ns);
		if (!c->early)
			watching_print(r, c);
	}
	memmove(pending, pending + i, (n_pending - i) * sizeof(*pending));
	n_pending -= i;
	if (i)
		output_flush(&r->out);
	if (!new_ones && !n_pending && !all)
		mend_chains(r);
	return new_ones;
}

/* X4: what can be told of pages, when registers have told what they can. */
static void take_older_hits(struct watching *r)
{
	uint64_t end = !r->watch   ? UINT64_MAX
		       : n_pending ? pending[0].hit.ns
				   : watch_upto(r->watch);

	if (r->pages && pages_are_full(r->pages))
		end = UINT64_MAX;
	take_hits(r, end);
	tell_gone(r);
}

static int open_pages(struct watching *r)
{
	struct page_options o = { .pid = r->pid, .frames = r->options->stack };
	struct page_point points[WATCH_MOST];
	unsigned int n;
	char why[512];

	r->first_kept = r->watch ? r->n_registers : 0;
	n = r->n - r->first_kept;

	if (!n)
		return 0;
	if (process_is_frozen(r->pid))
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		const struct watched *w = &r->watched[r->first_kept + i];

		points[i] = (struct page_point){ w->data.addr, w->len,
						 w->access, !w->page };
	}
	for (unsigned int i = 0; i < r->first_kept; i++)
		o.registers[o.n_registers++] =
			(struct page_point){ .addr = r->watched[i].data.addr,
					     .len = r->watched[i].len };
	if (r->watch)
		watch_allow_keeper(r->watch);
	r->pages = pages_open(&o, points, n, why, sizeof(why));
	if (r->pages)
		return 0;
	say_error("cannot watch process %d%s: %s", (int)r->pid,
		  r->n_registers ? " without a register for each" : "", why);
	return -1;
}

/* ---- by registers ------------------------------------------------------------------ */

static void swap_watched(struct watching *r, unsigned int a, unsigned int b)
{
	struct watched w = r->watched[a];

	r->watched[a] = r->watched[b];
	r->watched[b] = w;
}

/*
 * Who gets a register: those that nothing else can watch, then those that fit, as they
 * come.  0, or -1 after a line.
 */
static int share_registers(struct watching *r)
{
	unsigned int n = 0, must;

	for (unsigned int i = 0; i < r->n; i++)
		if (r->watched[i].access != 'w')
			swap_watched(r, i, n++);
	must = n;
	if (must > WATCH_MAX) {
		say_error("there are four debug registers, and only writes are "
			  "watched without one");
		return -1;
	}
	for (unsigned int i = n; i < r->n && n < WATCH_MAX; i++)
		if (!r->watched[i].page && !r->options->pages)
			swap_watched(r, i, n++);
	r->n_registers = n;
	for (unsigned int i = 0; i < r->n; i++)
		r->watched[i].page = i >= n;
	return 0;
}

/* A thread of another process has other things at these addresses. */
static bool check_thread(const struct watching *r)
{
	char path[64];

	if (!r->options->tid)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)r->pid,
		 (int)r->options->tid);
	if (access(path, F_OK) == 0)
		return true;
	say_error("process %d has no thread %d", (int)r->pid,
		  (int)r->options->tid);
	return false;
}

/* As many as there are; the others go by page. */
static int open_registers(struct watching *r)
{
	struct watch_options o = { .pid = r->pid,
				   .tid = r->options->tid,
				   .frames = r->options->stack };
	struct watch_point points[WATCH_MAX];
	char why[256];
	int err = 0;

	for (unsigned int i = 0; i < r->n_registers; i++)
		points[i] = (struct watch_point){ r->watched[i].data.addr,
						  r->watched[i].len,
						  r->watched[i].access };
	while (r->n_registers) {
		struct watched *last = &r->watched[r->n_registers - 1];

		r->watch = watch_open(&o, points, r->n_registers, why,
				      sizeof(why), &err);
		if (r->watch)
			return 0;
		if (err == -EACCES || err == -EPERM) {
			say_note("perf events are not allowed: the process is "
				 "traced, and stops at each access; kernel "
				 "writes not seen in registers");
			return 0; /* the keeper has them */
		}
		if (last->access != 'w' || err != -ENOSPC) {
			say_error("cannot watch process %d: %s", (int)r->pid,
				  why);
			return -1;
		}
		last->page = true;
		r->n_registers--;
	}
	return 0;
}

/* ---- the loop -------------------------------------------------------------------------- */

/* What changes when the process runs another program: where its stack began. */
static uint64_t start_stack(pid_t pid)
{
	char path[64], line[2048], *at;
	uint64_t v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	at = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!at || at[2] == 'Z' || at[2] == 'X')
		return 0;
	/* Field 28; the bracket ends field 2. */
	for (int i = 2; i < 28 && at; i++)
		at = strchr(at + 1, ' ');
	if (at)
		v = strtoull(at, NULL, 10);
	return v ? v : 1;
}

static void wait_for_any(struct watching *r, int ms)
{
	struct pollfd p = { .events = POLLIN };

	if (r->watch) {
		watch_wait(r->watch, ms);
		return;
	}
	p.fd = pages_fd(r->pages);
	poll(&p, 1, ms);
}

static void run_loop(struct watching *r)
{
	const struct options *o = r->options;
	uint64_t stack = start_stack(r->pid), now;
	uint64_t end = o->duration > 0
			       ? r->began + (uint64_t)(o->duration * 1e9)
			       : UINT64_MAX;

	bool more = false;

	while (!interrupted && (now = now_ns()) < end) {
		uint64_t left = (end - now) / 1000000 + 1;

		if (!more)
			wait_for_any(r, left < LOOK_MS ? (int)left : LOOK_MS);
		more = r->watch && take_changes(r, false);
		take_older_hits(r);
		if ((o->events && r->events >= o->events) || r->out.failed)
			break;
		now = start_stack(r->pid);
		if (now == 1 && stack != 1)
			now = 0; /* it is about to end, and has no memory */
		if (!now || now != stack) {
			if (now || !r->started)
				say_note("process %d %s", (int)r->pid,
					 now ? "runs another program now"
					     : "ended");
			break;
		}
		if (r->pages && pages_ended(r->pages)) {
			say_note("%s", pages_ended(r->pages));
			r->failed = pages_killed(r->pages);
			break;
		}
	}
}

/* What it was, and what it has cost. */
static void sum_up(struct watching *r)
{
	struct json_object *obj, *sum;
	struct page_cost cost = { 0 };
	uint64_t lost = 0;

	for (unsigned int i = 0; r->watch && i < r->n_registers; i++)
		lost += watch_count(r->watch, i) - r->watched[i].seen;
	if (r->pages) {
		lost += pages_lost(r->pages);
		pages_cost(r->pages, &cost);
		say_detail("page protection: %" PRIu64 " pages, %" PRIu64
			   " writes to them (%" PRIu64 " by system calls"
			   ", %" PRIu64 " carried out), %" PRIu64
			   " at what is watched; %.1f us each; other "
			   "threads held %" PRIu64 " times",
			   cost.pages, cost.faults, cost.kernel, cost.carried,
			   cost.hits,
			   cost.faults
				   ? (double)cost.ns / 1e3 / (double)cost.faults
				   : 0.0,
			   cost.holds);
	}
	if (!r->options->json) {
		if (lost || r->uncertain)
			say_note("%" PRIu64 " of %" PRIu64
				 " values are not known; %" PRIu64
				 " accesses are lost",
				 r->uncertain, r->events, lost);
		return;
	}
	obj = json_object_new_object();
	sum = json_object_new_object();
	put_number(sum, "events", r->events);
	put_number(sum, "lost", lost);
	put_number(sum, "inexact", r->uncertain);
	put_number(sum, "registers", r->n_registers);
	if (r->pages) {
		put_number(sum, "pages", cost.pages);
		put_number(sum, "page_faults", cost.faults);
		put_number(sum, "page_hits", cost.hits);
		put_number(sum, "page_carried", cost.carried);
		put_number(sum, "page_ns", cost.ns);
	}
	json_object_object_add(obj, "summary", sum);
	output_json(&r->out, obj);
}

static void begin_registers(struct watching *r)
{
	if (!watch_sees_kernel(r->watch))
		say_note("kernel writes not seen: what a system call writes "
			 "there is missing (that needs CAP_PERFMON)");
	watch_enable(r->watch, true);
	for (unsigned int i = 0; i < r->n_registers; i++)
		if (r->watched[i].access != 'x')
			begin_chain(r, &r->watched[i], i);
}

/* All of it, as far as the target is concerned. */
static int watch_it(struct watching *r, struct launch *l)
{
	struct sigaction act = { .sa_handler = on_signal,
				 .sa_flags = SA_RESTART | SA_RESETHAND };

	if (!check_thread(r))
		return EXIT_FAILED;
	if (open_registers(r) != 0) {
		process_tell_limits(NULL);
		return EXIT_FAILED;
	}
	r->began = now_ns();
	tids_begin(&r->tids, r->pid);
	if (open_pages(r) != 0) {
		process_tell_limits(NULL);
		watch_close(r->watch);
		return EXIT_FAILED;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	if (r->watch)
		begin_registers(r);
	say_detail("attached to process %d: %u watched, %u of them by page "
		   "protection",
		   (int)r->pid, r->n, r->n - r->n_registers);
	if (l->pid)
		launch_release(l);
	run_loop(r);
	if (r->watch)
		watch_enable(r->watch, false);
	if (r->pages)
		pages_stop(r->pages);
	while (r->watch && take_changes(r, true))
		;
	take_hits(r, UINT64_MAX);
	tell_gone(r);
	sum_up(r);
	watch_close(r->watch);
	pages_close(r->pages);
	return r->failed ? EXIT_FAILED : EXIT_DONE;
}

static void free_all(struct watching *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		free(r->watched[i].name);
	for (size_t i = 0; i < r->process.n && r->debug; i++)
		if (r->debug[i])
			debug_close(r->debug[i]);
	for (unsigned int i = 0; i < WATCH_SITES; i++) {
		free(r->sites[i].code);
		free(r->texts[i].symbol);
		free(r->texts[i].source);
	}
	free(r->debug);
	free(r->debug_tried);
	process_free(&r->process);
	tids_free(&r->tids);
	free(r);
}

static int watch_process(struct watching *r, struct launch *l)
{
	const struct options *o = r->options;

	if (o->command) {
		if (launch(l, o->command) != 0)
			return EXIT_FAILED;
		r->started = true;
	}
	r->pid = r->started ? l->pid : o->pid;
	if (process_check(r->pid) != 0 ||
	    process_read(&r->process, r->pid) != 0)
		return EXIT_FAILED;
	r->debug = must_alloc(r->process.n, sizeof(*r->debug));
	r->debug_tried = must_alloc(r->process.n, sizeof(*r->debug_tried));
	for (int i = 0; i < o->n_args; i++)
		if (take_watched(r, &r->watched[r->n++], o->args[i]) != 0)
			return EXIT_FAILED;
	if (share_registers(r) != 0)
		return EXIT_FAILED;
	if (o->dry_run) {
		watching_foretell(r);
		return EXIT_DONE;
	}
	return watch_it(r, l);
}

static bool is_usage(const struct options *o, struct condition *condition)
{
	char why[256];

	if (!o->pid && !o->command) {
		usage_error(o->verb, "either -p PID or -- COMMAND says of "
				     "which process");
		return false;
	}
	if (!o->n_args) {
		usage_error(o->verb, "what is to be watched?");
		return false;
	}
	if (o->n_args > WATCH_MOST) {
		usage_error(o->verb, "at most %d can be watched at once",
			    WATCH_MOST);
		return false;
	}
	if (o->condition &&
	    !condition_parse(condition, o->condition, why, sizeof(why))) {
		usage_error(o->verb, "--if: %s", why);
		return false;
	}
	return true;
}

int cmd_watch(const struct options *o)
{
	struct watching *r;
	struct launch l = { .pipe = -1 };
	int status = EXIT_FAILED;

	r = must_alloc(1, sizeof(*r));
	r->options = o;
	if (!is_usage(o, &r->condition)) {
		status = EXIT_USAGE;
		goto free;
	}
	if (!ISA_WATCHES) {
		say_error("cannot watch variables on " ISA_NAME);
		goto free;
	}
	if (output_open(&r->out, o->output) != 0)
		goto free;
	status = watch_process(r, &l);
	if (l.holder)
		launch_kill(&l);
	else
		run_part_with(&l);
	if (output_close(&r->out) != 0)
		status = EXIT_FAILED;
free:
	free_all(r);
	return status;
}
