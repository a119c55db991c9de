/* SPDX-License-Identifier: MIT */
/*
 * dry_run.c - `--dry-run`: what would be probed, and how
 *
 * Nobody is attached to.  How long threads would be stopped is what
 * tests/tool/net-time.c has measured, as docs/design/net.md has it: 0.2 ms, and 15 us
 * for each thread; and in a Go program, whose memory is searched for goroutines, 0.3
 * ms for each MiB that it has written.  That is the work of it, with CPUs to be had; where they are
 * not, the stop is longer by what the scheduler lets wait, which nobody knows
 * beforehand.  (redis-server under load, 25 more in the queue for two CPUs: 11 of 12
 * attaches stopped it for 1 to 9 ms, where 0.3 were expected, and one for 270.)
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dry_run.h"
#include "forecast.h"
#include "late.h"
#include "run.h"
#include "text.h"

#define STOP_MS	       0.2
#define STOP_THREAD_MS 0.015
#define STOP_GO_MIB_MS 0.3

struct threads {
	unsigned int all, running;
};

/* Who is there, and who runs or waits for a CPU. */
static struct threads count_threads(pid_t pid)
{
	struct threads t = { 0 };
	char path[320], line[512], *state;
	struct dirent *e;
	FILE *f;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)pid,
			 e->d_name);
		f = fopen(path, "re");
		state = f && fgets(line, sizeof(line), f) ? strrchr(line, ')')
							  : NULL;
		t.all++;
		t.running += state && state[1] && state[2] == 'R';
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return t;
}

/* MiB of memory that a file does not have. */
static double memory_of(pid_t pid)
{
	unsigned long kib = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib / 1024;
}

static double expected_ms(const struct target *t, unsigned int threads)
{
	const struct module *m = t->process.modules;
	double ms = STOP_MS + STOP_THREAD_MS * threads;

	if (t->process.n && !m->lack && image_is_go(m->image))
		ms += STOP_GO_MIB_MS * memory_of(t->pid);
	return ms;
}

static const char *kind_name(const struct session_probe *p)
{
	if (p->err)
		return "refused";
	switch (p->kind) {
	case SESSION_BREAKPOINT:
		return "breakpoint";
	case SESSION_ISLAND:
		return "island";
	default:
		return "jump";
	}
}

static const char *returns_name(const struct session_probe *p)
{
	return p->by_exits ? "exits" : "return address";
}

static void print_json(struct target *t, const struct place *at,
		       const struct session_probe *p)
{
	struct json_object *obj = json_object_new_object();
	char *why;

	put_pid(obj, t);
	put_text(obj, "probe", at->name);
	put_symbol(obj, at->symbol);
	put_hex(obj, "address", at->addr);
	put_text(obj, "binary", at->module->path);
	if (at->chosen)
		put_text(obj, "chosen", at->chosen);
	put_text(obj, "kind", kind_name(p));
	if (p->kind != SESSION_JUMP && p->kind != SESSION_ISLAND)
		put_text(obj, "why_not_jump", trapline_why_name(p->why));
	if (p->err) {
		why = target_reason(t, p->action, p);
		put_text(obj, "reason", why);
		free(why);
	} else if (session_follows(p->action)) {
		put_text(obj, "returns", returns_name(p));
	}
	output_json(&t->run->out, obj);
}

static void print_text(struct target *t, const struct place *at,
		       const struct session_probe *p)
{
	struct run *r = t->run;
	char *name = output_name(&r->out, 32, at->name), *why;

	output_text(&r->out, "%#18" PRIx64 "  %-10s  %s", at->addr,
		    kind_name(p), name);
	free(name);
	if (at->chosen) {
		name = text_clean_dup(at->chosen);
		output_text(&r->out, "  (%s)", name);
		free(name);
	}
	if (p->err) {
		why = target_reason(t, p->action, p);
		output_text(&r->out, "  (%s)", why);
		free(why);
	} else if (p->kind == SESSION_BREAKPOINT) {
		output_text(&r->out, "  (no jump: %s)",
			    trapline_why_name(p->why));
	}
	if (!p->err && session_follows(p->action))
		output_text(&r->out, "  (returns: by %s)", returns_name(p));
	output_text(&r->out, "\n");
}

/* Those that would wait for a library; how many. */
static size_t print_waiting(struct target *t)
{
	struct output *out = &t->run->out;
	struct json_object *obj;
	const char *text;
	size_t n = 0;

	for (int i = 0; i < t->run->options->n_args; i++) {
		text = late_waiting(t, (size_t)i);
		if (!text)
			continue;
		n++;
		if (t->run->options->json) {
			obj = json_object_new_object();
			put_pid(obj, t);
			put_text(obj, "probe", text);
			put_text(obj, "kind", "waits");
			put_text(obj, "binary", t->asked[i].spec.binary);
			output_json(out, obj);
		} else {
			output_text(out, "%18s  %-10s  %s\n", "-", "waits",
				    text);
		}
	}
	return n;
}

static void print_summary(struct target *t, const size_t kinds[4],
			  size_t waiting)
{
	struct output *out = &t->run->out;
	struct threads n = count_threads(t->pid);
	double ms = expected_ms(t, n.all);
	size_t jumps = kinds[SESSION_JUMP] + kinds[SESSION_ISLAND];
	struct json_object *obj, *sum;

	if (t->run->options->json) {
		obj = json_object_new_object();
		sum = json_object_new_object();
		put_pid(sum, t);
		put_number(sum, "probes", t->places.n);
		put_number(sum, "jump", jumps);
		put_number(sum, "island", kinds[SESSION_ISLAND]);
		put_number(sum, "breakpoint", kinds[SESSION_BREAKPOINT]);
		put_number(sum, "refused", kinds[SESSION_NOT_ARMED]);
		if (waiting)
			put_number(sum, "waiting", waiting);
		put_number(sum, "threads", n.all);
		put_number(sum, "threads_running", n.running);
		if (t->pid != t->run->child)
			put_number(sum, "expected_stop_ns",
				   (uint64_t)(ms * 1e6));
		json_object_object_add(obj, "summary", sum);
		output_json(out, obj);
		return;
	}
	output_text(out, "%zu probe%s: %zu jump%s", t->places.n,
		    t->places.n == 1 ? "" : "s", jumps, jumps == 1 ? "" : "s");
	if (kinds[SESSION_ISLAND])
		output_text(out, " (%zu by way of an island)",
			    kinds[SESSION_ISLAND]);
	if (kinds[SESSION_BREAKPOINT])
		output_text(out, ", %zu breakpoint%s",
			    kinds[SESSION_BREAKPOINT],
			    kinds[SESSION_BREAKPOINT] == 1 ? "" : "s");
	output_text(out, ", %zu refused", kinds[SESSION_NOT_ARMED]);
	if (waiting)
		output_text(out, "; %zu would wait", waiting);
	output_text(out, "\n");
	if (t->pid == t->run->child)
		output_text(out, "the command would be probed before its first "
				 "instruction; it was not run\n");
	else
		output_text(
			out,
			"expected stop: about %.1f ms on an idle machine, of "
			"threads that run (%u of %u)\n",
			ms, n.running, n.all);
}

int dry_run(struct target *t)
{
	struct run *r = t->run;
	struct session_options so = { .force = r->options->force };
	size_t kinds[4] = { 0 }, waiting;
	bool breakpoints;
	int err;

	for (size_t i = 0; i < t->n_asked; i++)
		so.events |= t->asked[i].has_program;
	err = session_foresee(t->pid, &so, t->probes, t->places.n,
			      &breakpoints);
	say_progress("looking at %zu places", t->places.n);
	forecast(&t->process, &t->places, t->probes, breakpoints);
	say_progress(NULL);
	if (!r->options->json && r->many)
		output_text(&r->out, "process %d:\n", (int)t->pid);
	if (!r->options->json)
		output_text(&r->out, "%18s  %-10s  PROBE\n", "ADDRESS", "KIND");
	for (size_t i = 0; i < t->places.n; i++) {
		const struct session_probe *p = &t->probes[i];

		if (r->options->json)
			print_json(t, &t->places.place[i], p);
		else
			print_text(t, &t->places.place[i], p);
		kinds[p->err ? SESSION_NOT_ARMED : p->kind]++;
	}
	waiting = print_waiting(t);
	print_summary(t, kinds, waiting);
	if (!err)
		return 0;
	target_speak(t);
	say_error("would not attach: %s", session_error());
	return -1;
}
