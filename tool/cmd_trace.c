/* SPDX-License-Identifier: MIT */
/*
 * cmd_trace.c - `trapline trace`: events, as they happen
 *
 * Events may come by the million, so a line is put together by hand in a buffer
 * of its own.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "ctf.h"
#include "probe.h"
#include "run.h"
#include "stacks.h"
#include "text.h"
#include "unwind.h"

/*
 * What is left when a run ends is written out for so long; but so many are in any
 * case, which takes no time where the machine is not busy.
 */
#define LATE_NS	   2000000000
#define LATE_LEAST 2000000
#define LATE_LOOK  1024

struct line {
	char *text;
	size_t n, room;
};

/* What is known of one target: its `own`. */
struct traced {
	struct trace *trace;
	struct target *target;
	char **names; /* of the session's probes, clean */
	size_t *owner;
	void **kept; /* of each probe, by ctf.c */
	size_t n_names;
	struct unwinder *unwinder; /* --stack */
};

struct trace {
	struct run *run;
	int width;
	struct clock_rate rate;
	uint64_t begin_ns; /* the wall clock's */
	uint64_t events;
	uint64_t spoilt;  /* events that make no sense */
	uint64_t late;	  /* those that came before the end, and wait */
	uint64_t late_ns; /* when the first of them was written out */
	uint64_t dropped; /* of them, to come to an end */
	bool titled;
	struct line line;
	struct ctf *ctf; /* --format ctf */
	bool ctf_failed;
};

/* ---- a line -------------------------------------------------------------- */

static void put(struct line *l, const char *s, size_t len)
{
	if (l->room - l->n < len) {
		l->room = l->room * 2 + len + 256;
		l->text = must_grow(l->text, l->room, 1);
	}
	memcpy(l->text + l->n, s, len);
	l->n += len;
}

static void put_string(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* @v in @base, at least @width characters: zeros or blanks in front. */
static void put_figure(struct line *l, uint64_t v, unsigned int base,
		       size_t width, char fill)
{
	char digits[64];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[v % base];
	while ((v /= base) && at);
	while (sizeof(digits) - at < width && at)
		digits[--at] = fill;
	put(l, digits + at, sizeof(digits) - at);
}

static void put_padded(struct line *l, const char *s, int width)
{
	int len = (int)strlen(s);

	put_string(l, s);
	for (; len < width; len++)
		put(l, " ", 1);
}

/* In quotes, for people and for JSON. */
static void put_quoted(struct line *l, const char *s)
{
	put(l, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			put(l, "\\", 1);
		put(l, s, 1);
	}
	put(l, "\"", 1);
}

/* @ticks as nanoseconds. */
static void put_took(const struct trace *t, struct line *l, uint64_t ticks,
		     bool json)
{
	double ns = (double)ticks * t->rate.ns_per_tick;
	char text[24];

	if (json)
		put_figure(l, (uint64_t)ns, 10, 0, ' ');
	else
		put_string(l, text_ns(text, sizeof(text), ns));
}

/* A floating-point number, with all the digits that matter. */
static void put_float(struct line *l, const struct field *f, uint64_t v,
		      bool json)
{
	char text[40];
	double d;
	float s;

	memcpy(&d, &v, sizeof(d));
	memcpy(&s, &v, sizeof(s));
	snprintf(text, sizeof(text), "%.*g", f->bytes == 4 ? 9 : 17,
		 f->bytes == 4 ? (double)s : d);
	/* JSON has no infinity. */
	if (json && strpbrk(text, "in"))
		put_quoted(l, text);
	else
		put_string(l, text);
}

static void put_value(struct line *l, const struct field *f, uint64_t v,
		      bool json)
{
	unsigned int unused = 64 - 8u * f->bytes;

	if (f->type == 'f') {
		put_float(l, f, v, json);
		return;
	}

	v = v << unused >> unused;
	if (f->type == 'x') {
		put_string(l, json ? "\"0x" : "0x");
		put_figure(l, v, 16, 0, '0');
		if (json)
			put(l, "\"", 1);
		return;
	}
	if (f->type == 's' && v >> (8u * f->bytes - 1) & 1) {
		put(l, "-", 1);
		v = -v << unused >> unused;
	}
	put_figure(l, v, 10, 0, ' ');
}

/*
 * A text of the target's.  In JSON it is what is left when it has been made
 * printable; for people a backslash of its own is told from those that that takes.
 */
static void put_words(struct line *l, const char *s, bool json)
{
	struct line quoted = { 0 };
	char *clean;

	if (json) {
		clean = text_clean_dup(s);
		put_quoted(l, clean);
	} else {
		put_quoted(&quoted, s);
		put(&quoted, "", 1);
		clean = text_clean_dup(quoted.text);
		put_string(l, clean);
	}
	free(quoted.text);
	free(clean);
}

/* The field at @words, of which there are @n: how many it took; 0: nonsense. */
static uint32_t put_field(struct line *l, const struct field *f, bool fault,
			  const uint64_t *words, uint32_t n, bool json)
{
	char text[TL_MAX_STRING + 1];
	uint32_t len;

	if (!n)
		return 0;
	if (fault) {
		put_string(l, json ? "\"<fault>\"" : "<fault>");
		return 1;
	}
	if (f->type != 't') {
		put_value(l, f, words[0], json);
		return 1;
	}
	len = (uint32_t)words[0];
	if (len > TL_MAX_STRING || (len + 7) / 8 > n - 1)
		return 0;
	memcpy(text, words + 1, len);
	text[len] = '\0';
	put_words(l, text, json);
	if (!json && words[0] & TL_CUT)
		put_string(l, "...");
	return 1 + (len + 7) / 8;
}

/* The functions on the stack, the innermost first. */
static void put_stack(struct line *l, const char *const *names, size_t n,
		      bool json)
{
	if (json)
		put_string(l, ",\"stack\":[");
	for (size_t i = 0; i < n; i++) {
		if (!json) {
			put_string(l, "\n\t");
			put_string(l, names[i]);
			continue;
		}
		put(l, ",", i ? 1 : 0);
		put_quoted(l, names[i]);
	}
	if (json)
		put(l, "]", 1);
}

/*
 * False: the target has written into the event.  How long it took is the last
 * field.
 */
static bool put_fields(const struct traced *d, struct line *l,
		       const struct probe *f, const struct session_event *e,
		       bool json)
{
	const char *all[UNWIND_FRAMES + 1], **names = all + 1;
	const struct trace *t = d->trace;
	size_t n;
	uint32_t at = 0, shown = f->n_fields - f->call;

	for (uint32_t i = 0; i < shown; i++) {
		uint32_t took;

		if (json) {
			put(l, i ? "," : "", i ? 1 : 0);
			put_quoted(l, f->field[i].name);
			put(l, ":", 1);
		} else {
			put(l, " ", 1);
			put_string(l, f->field[i].name);
			put(l, "=", 1);
		}
		took = put_field(l, &f->field[i], e->faults >> i & 1,
				 e->words + at, e->n - at, json);
		if (!took)
			return false;
		at += took;
	}
	if (json)
		put(l, "}", 1);
	if (f->call && at < e->n && t->run->options->format == FORMAT_CHROME) {
		at++;
	} else if (f->call && at < e->n) {
		put_string(l, json ? ",\"duration_ns\":" : " took ");
		put_took(t, l, e->words[at++], json);
	}
	if (!d->unwinder)
		return at == e->n;
	n = unwind(d->unwinder, e->words + at, e->n - at, names);
	if (!n)
		return false;
	if (f->call) {
		*--names = unwinder_name(d->unwinder, d->names[e->probe]);
		n++;
	}
	put_stack(l, names, n, json);
	return true;
}

static const struct probe *probe_of(const struct traced *d,
				    const struct session_event *e)
{
	return &d->target->asked[d->owner[e->probe]];
}

static bool put_json_event(struct traced *d, const struct session_event *e)
{
	struct trace *t = d->trace;
	struct line *l = &t->line;
	bool ok;

	put_string(l, "{\"time_ns\":");
	put_figure(l, t->begin_ns + e->ns, 10, 0, ' ');
	put_string(l, ",\"pid\":");
	put_figure(l, (uint64_t)d->target->pid, 10, 0, ' ');
	put_string(l, ",\"tid\":");
	put_figure(l, e->thread, 10, 0, ' ');
	put_string(l, ",\"probe\":");
	put_quoted(l, d->names[e->probe]);
	put_string(l, ",\"args\":{");
	ok = put_fields(d, l, probe_of(d, e), e, true);
	put_string(l, "}\n");
	return ok;
}

/* @ns in microseconds. */
static void put_us(struct line *l, uint64_t ns)
{
	put_figure(l, ns / 1000, 10, 0, ' ');
	put(l, ".", 1);
	put_figure(l, ns % 1000, 10, 3, '0');
}

/*
 * As Chrome's and Perfetto's viewers take it: a call is a slice.  Times are from
 * the beginning: since 1970 there are more nanoseconds than their numbers hold.
 */
static bool put_chrome_event(struct traced *d, const struct session_event *e)
{
	struct trace *t = d->trace;
	const struct probe *f = probe_of(d, e);
	uint64_t took = 0;
	struct line *l = &t->line;
	bool ok;

	put_string(l, t->events ? ",\n{\"name\":" : "{\"name\":");
	put_quoted(l, d->names[e->probe]);
	put_string(l, f->call ? ",\"ph\":\"X\",\"pid\":"
			      : ",\"ph\":\"i\",\"s\":\"t\",\"pid\":");
	put_figure(l, (uint64_t)d->target->pid, 10, 0, ' ');
	put_string(l, ",\"tid\":");
	put_figure(l, e->thread, 10, 0, ' ');
	put_string(l, ",\"args\":{");
	ok = put_fields(d, l, f, e, true);
	if (f->call && ok) {
		took = (uint64_t)((double)e->words[e->n - 1] *
				  t->rate.ns_per_tick);
		put_string(l, ",\"dur\":");
		if (took > e->ns)
			took = e->ns;
		put_us(l, took);
	}
	put_string(l, ",\"ts\":");
	put_us(l, e->ns - took);
	put_string(l, "}");
	return ok;
}

static bool put_text_event(struct traced *d, const struct session_event *e)
{
	struct trace *t = d->trace;
	const struct probe *f = probe_of(d, e);
	struct line *l = &t->line;
	bool ok;

	put_figure(l, e->ns / 1000000000, 10, 5, ' ');
	put(l, ".", 1);
	put_figure(l, e->ns / 1000 % 1000000, 10, 6, '0');
	put_figure(l, (uint64_t)d->target->pid, 10, 9, ' ');
	put_figure(l, e->thread, 10, 9, ' ');
	put_string(l, "  ");
	put_padded(l, d->names[e->probe], f->n_fields ? t->width : 0);
	ok = put_fields(d, l, f, e, false);
	put(l, "\n", 1);
	return ok;
}

/* ---- while it runs ------------------------------------------------------- */

static void title(struct trace *t)
{
	if (t->titled || t->run->options->json)
		return;
	t->titled = true;
	if (t->run->options->format == FORMAT_CHROME) {
		output_text(&t->run->out, "{\"displayTimeUnit\":\"ns\","
					  "\"traceEvents\":[\n");
		return;
	}
	output_text(&t->run->out, "%12s %8s %8s  %-*s ARGUMENTS\n", "SECONDS",
		    "PID", "TID", t->width, "PROBE");
}

static bool put_ctf_event(struct traced *d, const struct session_event *e)
{
	struct trace *t = d->trace;
	bool failed = false, ok;

	ok = !t->ctf_failed &&
	     ctf_event(t->ctf, &d->kept[e->probe], d->names[e->probe],
		       probe_of(d, e), d->target->pid, e, t->rate.ns_per_tick,
		       &failed);
	if (failed)
		t->ctf_failed = t->run->out.failed = true;
	return ok;
}

static uint64_t clock_ns(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * The run is over.  Is it time to end, though there are more?  Whoever wants them
 * all, however long it takes, says --block.
 */
static bool is_late(struct trace *t)
{
	if (!t->run->closing || t->run->options->block)
		return false;
	if (!t->dropped) {
		if (!t->late++)
			t->late_ns = clock_ns(CLOCK_MONOTONIC);
		if (t->late <= LATE_LEAST || t->late % LATE_LOOK ||
		    clock_ns(CLOCK_MONOTONIC) - t->late_ns < LATE_NS)
			return false;
	}
	t->dropped++;
	return true;
}

static void on_event(void *arg, const struct session_event *e)
{
	struct traced *d = arg;
	struct trace *t = d->trace;
	struct run *r = t->run;
	bool ok;

	if (r->options->events && t->events >= r->options->events)
		return;
	if (is_late(t))
		return;
	t->line.n = 0;
	ok = e->probe < d->n_names &&
	     (t->ctf				    ? put_ctf_event(d, e)
	      : r->options->format == FORMAT_CHROME ? put_chrome_event(d, e)
	      : r->options->json		    ? put_json_event(d, e)
						    : put_text_event(d, e));
	if (!ok) {
		t->spoilt++;
		return;
	}
	if (!t->ctf)
		title(t);
	t->events++;
	if (!t->ctf &&
	    fwrite(t->line.text, 1, t->line.n, r->out.f) != t->line.n)
		output_flush(&r->out);
}

/* Those that have no name yet. */
static void name_places(struct target *target)
{
	struct traced *d = target->own;
	struct trace *t = d->trace;
	size_t n = target->places.n;

	d->names = must_grow(d->names, n + 1, sizeof(*d->names));
	d->owner = must_grow(d->owner, n + 1, sizeof(*d->owner));
	d->kept = must_grow(d->kept, n + 1, sizeof(*d->kept));
	for (; d->n_names < n; d->n_names++) {
		const struct place *at = &target->places.place[d->n_names];
		int len;

		d->kept[d->n_names] = NULL;
		d->owner[d->n_names] = at->owner;
		d->names[d->n_names] = text_clean_dup(at->name);
		len = (int)strlen(d->names[d->n_names]);
		if (len > t->width && len <= 40)
			t->width = len;
	}
}

static int begin(struct target *target)
{
	struct traced *d = must_alloc(1, sizeof(*d));
	struct trace *t = target->run->own;

	target->own = d;
	d->trace = t;
	d->target = target;
	name_places(target);
	t->rate = clock_rate(target->stats.ticks_per_second);
	if (target->run->options->stack) {
		d->unwinder = target->origin
				      ? ((struct traced *)target->origin->own)
						->unwinder
				      : unwinder_open(&target->process);
		if (!d->unwinder)
			return -1;
	}
	if (!t->begin_ns)
		t->begin_ns = clock_ns(CLOCK_REALTIME);
	if (target->run->options->format == FORMAT_CTF && !t->ctf)
		t->ctf = ctf_open(target->run->options->output, t->begin_ns);
	if (target->run->options->format == FORMAT_CTF && !t->ctf)
		return -1;
	return run_on_events(target, on_event, d);
}

static uint64_t poll_events(struct run *r)
{
	struct trace *t = r->own;

	if (run_poll_events(r))
		output_flush(&r->out);
	return t->events;
}

static void print(struct run *r, double elapsed, bool last)
{
	struct trace *t = r->own;
	uint64_t lost = r->stats.lost + t->spoilt + t->dropped,
		 missed = r->missed;

	if (t->dropped)
		say_note("%" PRIu64 " of the lost events were not written out "
			 "in time: they came faster than that goes (--block "
			 "makes threads wait)",
			 t->dropped);
	if (t->ctf) {
		if (ctf_close(t->ctf, t->events, lost, missed) != 0)
			r->out.failed = true;
		t->ctf = NULL;
		return;
	}
	if (r->options->format == FORMAT_CHROME) {
		title(t);
		output_text(&r->out,
			    "\n],\"otherData\":{\"begin_ns\":%" PRIu64
			    ",\"events\":%" PRIu64 ",\"lost\":%" PRIu64
			    ",\"missed\":%" PRIu64 "}}\n",
			    t->begin_ns, t->events, lost, missed);
		return;
	}
	if (r->options->json) {
		struct json_object *obj = json_object_new_object();
		struct json_object *sum = json_object_new_object();

		put_number(sum, "events", t->events);
		put_number(sum, "lost", lost);
		put_number(sum, "missed", missed);
		if (r->keyed)
			put_number(sum, "unknown", r->keys_unknown);
		json_object_object_add(obj, "summary", sum);
		if (r->options->interval)
			put_number(obj, "time_ns", (uint64_t)(elapsed * 1e9));
		output_json(&r->out, obj);
		return;
	}
	if (!last)
		output_text(&r->out, "after %.1f s: ", elapsed);
	output_text(&r->out, "%" PRIu64 " event%s, %" PRIu64 " lost", t->events,
		    t->events == 1 ? "" : "s", lost);
	if (missed)
		output_text(&r->out, ", %" PRIu64 " missed", missed);
	if (r->keys_unknown)
		output_text(&r->out,
			    ", %" PRIu64 " whose condition could not be read",
			    r->keys_unknown);
	output_text(&r->out, "\n");
}

/* ---- before -------------------------------------------------------------- */

static void forget(struct target *target)
{
	struct traced *d = target->own;

	for (size_t i = 0; i < d->n_names; i++)
		free(d->names[i]);
	free(d->names);
	free(d->owner);
	free(d->kept);
	if (!target->origin)
		unwinder_close(d->unwinder);
	free(d);
}

int cmd_trace(const struct options *o)
{
	struct trace t = { .width = 12 };
	struct probe_wish wish = { .use = PROBE_TRACE,
				   .min = o->min > 0,
				   .stack = o->stack ? STACK_BYTES : 0 };
	struct run r = { .options = o,
			 .action = SESSION_EVENT,
			 .print = print,
			 .begin = begin,
			 .grown = name_places,
			 .poll = poll_events,
			 .forget = forget,
			 .events = true,
			 .own = &t };
	bool lines = o->format != FORMAT_CHROME && o->format != FORMAT_CTF;
	int status = EXIT_USAGE;

	t.run = &r;
	if (!run_usage(o))
		return EXIT_USAGE;
	if (o->interval && !lines)
		usage_error(o->verb, "-i is for text and json");
	else if (o->stack && !lines)
		usage_error(o->verb, "stacks are not for --format %s",
			    o->format == FORMAT_CTF ? "ctf" : "chrome");
	else if (o->format == FORMAT_CTF && !o->output)
		usage_error(o->verb, "--format ctf wants a folder: -o DIR");
	else if (run_parse(&r, &wish))
		status = o->format != FORMAT_CTF || o->dry_run ||
					 ctf_possible(o->output)
				 ? run_all(&r)
				 : EXIT_FAILED;
	run_forget(&r);
	/* Nothing was armed. */
	if (t.ctf)
		ctf_close(t.ctf, 0, 0, 0);
	free(t.line.text);
	return status;
}
