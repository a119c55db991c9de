/* SPDX-License-Identifier: MIT */
/*
 * session.c - a session with nobody in it, for the golden outputs
 *
 * Implements tool/session.h without touching any process.  The figures follow
 * from the order of the probes and from their names, so that the output of the
 * command can be compared with a file:
 *
 *  - probe i has 10^(3 - i) hits, probe 4 and later none
 *  - names with `mix` are breakpoints, and miss 3
 *  - names with `loop` are refused: past the end of the function
 *  - names with `many` are refused: not an instruction
 *  - timed functions have 100 calls of 1 to 100 us, in a clock of 1 GHz
 *
 *  - of each event probe there are two events, with fields of 5, 6, ...; texts
 *    are `te"xt`, and field 2 could not be read; one event more was lost
 *  - a probe with keys has three: one like 4096 or `te"xt`, of 7 hits, the same
 *    and 1, of 5, and one that could not be read, of 3; two hits were lost, and
 *    of one the condition could not be read
 *
 * A process whose name is `debugged` cannot be attached to, one called `lost`
 * loses its guardian, one called `stuck` cannot be cleaned, one called `probed`
 * has probes of somebody else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <events.h>

#include "follower.h"
#include "session.h"
#include "watch/pages.h"

#define TICKS_PER_SECOND 1000000000

struct session {
	pid_t pid;
	int fd;
	bool lost;
	bool stuck;
	size_t n;
	struct session_probe *probes;
	session_event_fn fn;
	void *arg;
	bool told;
	struct tl_program programs[TL_MAX_PROGRAMS];
};

static const char *error = "";

const char *session_error(void)
{
	return error;
}

uint64_t session_bucket_low(unsigned int i)
{
	unsigned int group = i >> SESSION_SUB_BITS, sub = i & 7;

	if (i < 16)
		return i;
	return (uint64_t)(8 + sub) << (group - 1);
}

static unsigned int bucket_of(uint64_t v)
{
	unsigned int i = SESSION_BUCKETS - 1;

	while (session_bucket_low(i) > v)
		i--;
	return i;
}

static bool is_called(pid_t pid, const char *want)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	return strcmp(name, want) == 0;
}

int session_attach(struct session **out, pid_t pid,
		   const struct session_options *opt)
{
	struct session *s;

	(void)opt;
	if (is_called(pid, "debugged")) {
		error = "process is under a debugger; end that first";
		return -EBUSY;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->pid = pid;
	s->fd = (int)syscall(SYS_pidfd_open, pid, 0);
	s->lost = is_called(pid, "lost");
	s->stuck = is_called(pid, "stuck");
	*out = s;
	return 0;
}

int session_foresee(pid_t pid, const struct session_options *opt,
		    struct session_probe *probes, size_t n, bool *breakpoints)
{
	(void)opt;
	*breakpoints = false;
	if (is_called(pid, "debugged")) {
		error = "process is under a debugger; end that first";
		return -EBUSY;
	}
	for (size_t i = 0; i < n; i++)
		if (strstr(probes[i].name, "many"))
			probes[i].err = -TL_EILSEQ;
	return 0;
}

int session_add(struct session *s, struct session_probe *probes, size_t n)
{
	int armed = 0;

	s->probes = probes;
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		struct session_probe *p = &probes[i];

		p->id = (uint32_t)i;
		p->kind = SESSION_JUMP;
		if (strstr(p->name, "loop")) {
			p->err = -TL_EBUSY;
			p->why = TL_WHY_PAST_END;
		} else if (strstr(p->name, "many")) {
			p->err = -TL_EILSEQ;
		} else if (strstr(p->name, "mix")) {
			p->kind = SESSION_BREAKPOINT;
			p->why = TL_WHY_TARGET;
		}
		armed += !p->err;
	}
	return armed;
}

int session_set_program(struct session *s, uint32_t index,
			const struct tl_program *p)
{
	if (index < TL_MAX_PROGRAMS)
		s->programs[index] = *p;
	return index < TL_MAX_PROGRAMS ? 0 : -EINVAL;
}

int session_on_events(struct session *s, session_event_fn fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
	return 0;
}

/* An event of @p, as its program says. */
static void tell(struct session *s, const struct session_probe *p, uint64_t ns)
{
	const struct tl_program *prog = &s->programs[p->program - 1];
	uint64_t words[3 * TL_MAX_FIELDS], field = 0;
	struct session_event e = { .ns = ns, .probe = p->id, .words = words };

	e.thread = 7;
	e.clock = ns;
	for (uint32_t i = 0; i < prog->n; i++) {
		bool text = prog->op[i].op == TL_OP_STRING ||
			    prog->op[i].op == TL_OP_SAVED_STRING;

		if (!text && prog->op[i].op != TL_OP_EMIT)
			continue;
		if (field == 2) {
			e.faults = 1 << 2;
			words[e.n++] = 0;
		} else if (text) {
			words[e.n++] = 5 | TL_CUT;
			memcpy(&words[e.n++], "te\"xt\0\0", 8);
		} else {
			words[e.n++] = field + 5;
		}
		field++;
	}
	s->fn(s->arg, &e);
}

size_t session_poll_events(struct session *s)
{
	if (!s->fn || s->told)
		return 0;
	s->told = true;
	for (uint64_t turn = 1; turn <= 2; turn++)
		for (size_t i = 0; i < s->n; i++)
			if (!s->probes[i].err)
				tell(s, &s->probes[i], turn * 1234567890 + i);
	return 2 * s->n;
}

uint64_t session_events_upto(struct session *s)
{
	(void)s;
	return UINT64_MAX;
}

uint64_t session_hits(struct session *s, uint32_t id)
{
	static const uint64_t hits[] = { 1000, 100, 10, 1 };

	(void)s;
	return id < 4 ? hits[id] : 0;
}

uint64_t session_missed(struct session *s, uint32_t id)
{
	return strstr(s->probes[id].name, "mix") ? 3 : 0;
}

bool session_times(struct session *s, uint32_t id, struct session_times *out)
{
	if (s->probes[id].action != SESSION_TIME)
		return false;
	*out = (struct session_times){ .min = 1000, .max = 100000 };
	out->missed = session_missed(s, id);
	for (uint64_t us = 1; us <= 100; us++) {
		out->bucket[bucket_of(us * 1000)]++;
		out->calls++;
		out->total += us * 1000;
	}
	return true;
}

static uint8_t key_op(const struct session *s, const struct session_probe *p)
{
	const struct tl_program *prog = &s->programs[p->program - 1];

	for (uint32_t i = 0; p->program && i < prog->n; i++)
		if (prog->op[i].op == TL_OP_KEY ||
		    prog->op[i].op == TL_OP_KEY_STRING ||
		    prog->op[i].op == TL_OP_KEY_NAME ||
		    prog->op[i].op == TL_OP_KEY_SAVED)
			return prog->op[i].op;
	return 0;
}

void session_keys(struct session *s, struct session_keys *out)
{
	static const uint64_t counts[] = { 5, 7, 3 };

	*out = (struct session_keys){ .lost = 2, .unknown = 1 };
	out->key = calloc(3 * s->n + 1, sizeof(*out->key));
	for (size_t i = 0; i < s->n && out->key; i++) {
		uint8_t op = key_op(s, &s->probes[i]);

		for (uint32_t k = 0; op && k < 3 && !s->probes[i].err; k++) {
			struct session_key *key = &out->key[out->n++];

			key->probe = s->probes[i].id;
			key->count = counts[k];
			key->fault = k == 2;
			if (op == TL_OP_KEY)
				key->word[0] = k ? 4096 : 4097;
			else
				memcpy(key->word, k ? "te\"xt" : "te\"xt1", 6);
			session_times(s, key->probe, &key->times);
		}
	}
}

void session_keys_free(struct session_keys *k)
{
	free(k->key);
	*k = (struct session_keys){ 0 };
}

enum session_state session_state(struct session *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	if (s->lost)
		return SESSION_LOST;
	return poll(&p, 1, 0) > 0 ? SESSION_EXITED : SESSION_ALIVE;
}

int session_fd(struct session *s)
{
	return s->fd;
}

void session_get_stats(struct session *s, struct session_stats *out)
{
	(void)s;
	*out = (struct session_stats){ .attach_ns = 1500000,
				       .longest_stop_ns = 250000,
				       .threads = 1,
				       .ticks_per_second = TICKS_PER_SECOND };
}

void session_foretell(pid_t pid, const struct session_probe *probes, size_t n)
{
	(void)pid;
	(void)probes;
	(void)n;
}

void session_begin_detach(struct session *s)
{
	(void)s;
}

bool session_is_detached(struct session *s)
{
	(void)s;
	return true;
}

int session_detach_stats(struct session *s, struct session_stats *stats)
{
	bool stuck = s->stuck;

	session_poll_events(s);
	session_get_stats(s, stats);
	stats->lost = s->fn != NULL;
	close(s->fd);
	free(s);
	if (!stuck)
		return 0;
	error = "something is left; try 'trapline detach'";
	return -EBUSY;
}

int session_detach(struct session *s)
{
	struct session_stats ignored;

	return session_detach_stats(s, &ignored);
}

struct session_cost session_cost(struct session *s, uint32_t id)
{
	(void)s;
	(void)id;
	return (struct session_cost){ 0 };
}

int session_watch_loader(struct session *s, uint64_t addr, uint64_t end)
{
	(void)s;
	(void)addr;
	(void)end;
	return 0;
}

uint32_t session_loaded(const struct session *s)
{
	(void)s;
	return 0;
}

void session_caught_up(struct session *s, uint32_t n)
{
	(void)s;
	(void)n;
}

int session_look(pid_t pid, struct session_view *out)
{
	static struct session_probe probes[2] = {
		{ .addr = 0x401000, .name = "hot_add", .kind = SESSION_JUMP },
		{ .addr = 0x401100,
		  .name = "libc.so.6:malloc",
		  .kind = SESSION_BREAKPOINT,
		  .why = TL_WHY_TARGET },
	};
	static uint64_t hits[2] = { 12, 34 }, missed[2] = { 0, 5 };
	static uint32_t owned[2] = { 0, 1 };
	static struct session_cost cost[2];

	if (is_called(pid, "stuck")) {
		error = "cannot look";
		return -EPERM;
	}
	if (!is_called(pid, "probed"))
		return 0;
	*out = (struct session_view){ .guardian = 4321,
				      .n_owners = 2,
				      .owner = { { 4300, 0, "count", 1 },
						 { 4310, 0, "time", 1 } },
				      .owned = owned,
				      .n = 2,
				      .probes = probes,
				      .hits = hits,
				      .missed = missed,
				      .cost = cost };
	return 1;
}

void session_view_free(struct session_view *v)
{
	*v = (struct session_view){ 0 };
}

int session_own(pid_t pid, struct session_own **out, size_t *n)
{
	(void)pid;
	*out = NULL;
	*n = 0;
	return 0;
}

int session_clean(pid_t pid)
{
	if (is_called(pid, "stuck")) {
		error = "something is left; try again";
		return -EBUSY;
	}
	return is_called(pid, "probed");
}

void session_kill_point(unsigned int n)
{
	(void)n;
}

/* ---- pages are watched by nobody ---------------------------------------- */

struct pages *pages_open(const struct page_options *o,
			 const struct page_point *points, size_t n, char *why,
			 size_t size)
{
	(void)o;
	(void)points;
	(void)n;
	snprintf(why, size, "there is nobody here");
	return NULL;
}

int pages_fd(const struct pages *p)
{
	(void)p;
	return -1;
}

bool pages_next(struct pages *p, struct page_hit *out)
{
	(void)p;
	(void)out;
	return false;
}

uint64_t pages_upto(const struct pages *p)
{
	(void)p;
	return UINT64_MAX;
}

bool pages_are_full(const struct pages *p)
{
	(void)p;
	return false;
}

uint64_t pages_lost(const struct pages *p)
{
	(void)p;
	return 0;
}

const char *pages_gone(const struct pages *p, unsigned int point)
{
	(void)p;
	(void)point;
	return NULL;
}

const char *pages_ended(const struct pages *p)
{
	(void)p;
	return NULL;
}

bool pages_killed(const struct pages *p)
{
	(void)p;
	return false;
}

void pages_cost(const struct pages *p, struct page_cost *out)
{
	(void)p;
	*out = (struct page_cost){ 0 };
}

void pages_stop(struct pages *p)
{
	(void)p;
}

void pages_close(struct pages *p)
{
	(void)p;
}

/* Nobody is followed. */
int follower_start(struct follower **out)
{
	*out = NULL;
	error = "nobody is followed here";
	return -ENOSYS;
}

int follower_fd(const struct follower *f)
{
	(void)f;
	return -1;
}

void follower_take(struct follower *f, pid_t pid, struct session *s)
{
	(void)f;
	(void)pid;
	(void)s;
}

bool follower_next(struct follower *f, struct follower_news *n, bool wait)
{
	(void)f;
	(void)n;
	(void)wait;
	return false;
}

void follower_end(struct follower *f)
{
	(void)f;
}

void follower_free(struct follower *f)
{
	(void)f;
}

int session_adopt(struct session **out, const struct session *like,
		  const int files[2])
{
	(void)like;
	(void)files;
	*out = NULL;
	return -ENOSYS;
}

void session_ended(struct session *s)
{
	(void)s;
}

bool pages_look(pid_t pid, struct page_state *out)
{
	(void)pid;
	(void)out;
	return false;
}

void session_date_back(struct session *s, const struct session *like)
{
	(void)s;
	(void)like;
}
