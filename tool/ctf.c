/* SPDX-License-Identifier: MIT */
/*
 * ctf.c - events as a trace in the Common Trace Format, version 1.8
 *
 * Babeltrace's sink "ctf.fs" writes; it pulls messages out of a graph, of which
 * our part is a source with one port and one stream.  Messages are made when an
 * event comes, wait in `ready`, and are pulled by running the graph.
 *
 * The names of fields have to be those of C: other letters become _.
 */
#include "ctf.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <babeltrace2/babeltrace.h>

#include "probe.h"
#include "session.h"
#include "text.h"

#define LIBRARY "libbabeltrace2.so.0"

/* clang-format off */
#define CALLS(X) \
	X(bt_clock_class_create) X(bt_clock_class_set_name) X(bt_clock_class_set_offset) \
	X(bt_component_class_source_create) X(bt_component_class_source_set_initialize_method) \
	X(bt_component_sink_borrow_input_port_by_name_const) \
	X(bt_component_source_borrow_output_port_by_index_const) \
	X(bt_current_thread_take_error) X(bt_error_borrow_cause_by_index) X(bt_error_cause_get_message) \
	X(bt_error_get_cause_count) X(bt_error_release) \
	X(bt_event_borrow_common_context_field) X(bt_event_borrow_payload_field) \
	X(bt_event_class_create) X(bt_event_class_set_name) X(bt_event_class_set_payload_field_class) \
	X(bt_field_class_integer_set_field_value_range) X(bt_field_class_integer_set_preferred_display_base) \
	X(bt_field_class_integer_signed_create) X(bt_field_class_integer_unsigned_create) \
	X(bt_field_class_real_double_precision_create) X(bt_field_class_string_create) \
	X(bt_field_class_structure_append_member) X(bt_field_class_structure_create) \
	X(bt_field_integer_signed_set_value) X(bt_field_integer_unsigned_set_value) \
	X(bt_field_real_double_precision_set_value) X(bt_field_string_set_value) \
	X(bt_field_structure_borrow_member_field_by_index) \
	X(bt_graph_add_sink_component) X(bt_graph_add_source_component_with_initialize_method_data) \
	X(bt_graph_connect_ports) X(bt_graph_create) X(bt_graph_put_ref) X(bt_graph_run_once) \
	X(bt_message_event_borrow_event) X(bt_message_event_create_with_default_clock_snapshot) \
	X(bt_message_iterator_class_create) X(bt_message_iterator_class_set_initialize_method) \
	X(bt_message_stream_beginning_create) X(bt_message_stream_end_create) \
	X(bt_plugin_borrow_sink_component_class_by_name_const) X(bt_plugin_find) \
	X(bt_self_component_get_data) X(bt_self_component_set_data) \
	X(bt_self_component_source_add_output_port) \
	X(bt_self_message_iterator_borrow_component) \
	X(bt_stream_class_create) X(bt_stream_class_set_default_clock_class) \
	X(bt_stream_class_set_event_common_context_field_class) X(bt_stream_create) \
	X(bt_trace_class_create) X(bt_trace_create) \
	X(bt_value_map_create) X(bt_value_map_insert_bool_entry) X(bt_value_map_insert_string_entry)
/* clang-format on */

static struct {
#define X(f) __typeof__(f) *f;
	CALLS(X)
#undef X
} bt;

/* What the sink takes at once, at most, and more than it ever leaves. */
#define READY 64

struct ctf {
	bt_graph *graph;
	bt_trace_class *trace_class;
	bt_stream_class *stream_class;
	bt_stream *stream;
	bt_self_message_iterator *iterator;
	char *dir;
	uint64_t begin_ns, last_ns;
	const bt_message *ready[READY];
	size_t n;
	bool ended, broken;
};

/* ---- the library ----------------------------------------------------------- */

static bool load_library(void)
{
	static const char *const names[] = {
#define X(f) #f,
		CALLS(X)
#undef X
	};
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	void **to = (void **)&bt;

	if (!lib) {
		say_error("--format ctf needs " LIBRARY
			  ", Debian's libbabeltrace2-0");
		return false;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		to[i] = dlsym(lib, names[i]);
		if (to[i])
			continue;
		say_error(LIBRARY " is not of version 2: it has no %s",
			  names[i]);
		return false;
	}
	return true;
}

/* What is in the way of a file in @dir: an errno, or 0. */
static int test_write(const char *dir)
{
	static const char bytes[16384];
	char *path = must_print("%s/.trapline", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = fd < 0 ? errno : 0;

	for (int i = 0; i < 4 && !err; i++)
		if (write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
			err = errno ? errno : ENOSPC;
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	free(path);
	return err;
}

/*
 * What is in the way: what whoever writes into @dir is told just now, or else what
 * the library says, which is long.
 */
static bool failed(const char *dir, const char *what)
{
	const bt_error *err = bt.bt_current_thread_take_error();
	const char *why = "";
	int in_the_way;

	errno = 0;
	in_the_way = test_write(dir);
	/* The first cause is the deepest. */
	if (err && bt.bt_error_get_cause_count(err))
		why = bt.bt_error_cause_get_message(
			bt.bt_error_borrow_cause_by_index(err, 0));
	if (in_the_way)
		say_error("cannot write the trace into %s: %s", dir,
			  strerror(in_the_way));
	else
		say_error("babeltrace cannot %s%s%.*s", what, *why ? ": " : "",
			  (int)strcspn(why, "\n"), why);
	if (err)
		bt.bt_error_release(err);
	return false;
}

/* ---- the source ------------------------------------------------------------ */

static bt_message_iterator_class_next_method_status
next(bt_self_message_iterator *it, bt_message_array_const messages,
     uint64_t capacity, uint64_t *count)
{
	struct ctf *c = bt.bt_self_component_get_data(
		bt.bt_self_message_iterator_borrow_component(it));
	size_t n = c->n < capacity ? c->n : capacity;

	if (!n)
		return c->ended
			       ? BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_END
			       : BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_AGAIN;
	memcpy(messages, c->ready, n * sizeof(*c->ready));
	memmove(c->ready, c->ready + n, (c->n - n) * sizeof(*c->ready));
	c->n -= n;
	*count = n;
	return BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_OK;
}

static bt_message_iterator_class_initialize_method_status
iterator_begins(bt_self_message_iterator *it,
		bt_self_message_iterator_configuration *how,
		bt_self_component_port_output *port)
{
	struct ctf *c = bt.bt_self_component_get_data(
		bt.bt_self_message_iterator_borrow_component(it));

	(void)how;
	(void)port;
	c->iterator = it;
	c->ready[c->n++] = bt.bt_message_stream_beginning_create(it, c->stream);
	return BT_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

static bt_field_class *number(const struct ctf *c, bool sign, uint64_t bits,
			      bool hex)
{
	bt_field_class *f =
		sign ? bt.bt_field_class_integer_signed_create(c->trace_class)
		     : bt.bt_field_class_integer_unsigned_create(
			       c->trace_class);

	if (!f)
		return NULL;
	bt.bt_field_class_integer_set_field_value_range(f, bits);
	if (hex)
		bt.bt_field_class_integer_set_preferred_display_base(
			f,
			BT_FIELD_CLASS_INTEGER_PREFERRED_DISPLAY_BASE_HEXADECIMAL);
	return f;
}

static bool add(bt_field_class *to, const char *name, bt_field_class *f)
{
	return f && !bt.bt_field_class_structure_append_member(to, name, f);
}

/* One stream; its events have the numbers of process and thread. */
static bool make_stream(struct ctf *c, bt_self_component *self)
{
	bt_clock_class *clock = bt.bt_clock_class_create(self);
	bt_field_class *context;
	bt_trace *trace;

	c->trace_class = bt.bt_trace_class_create(self);
	if (!clock || !c->trace_class ||
	    bt.bt_clock_class_set_name(clock, "trapline"))
		return false;
	bt.bt_clock_class_set_offset(clock, (int64_t)(c->begin_ns / 1000000000),
				     c->begin_ns % 1000000000);
	c->stream_class = bt.bt_stream_class_create(c->trace_class);
	context = bt.bt_field_class_structure_create(c->trace_class);
	if (!c->stream_class || !context ||
	    bt.bt_stream_class_set_default_clock_class(c->stream_class,
						       clock) ||
	    !add(context, "vpid", number(c, false, 32, false)) ||
	    !add(context, "vtid", number(c, false, 32, false)) ||
	    bt.bt_stream_class_set_event_common_context_field_class(
		    c->stream_class, context))
		return false;
	trace = bt.bt_trace_create(c->trace_class);
	c->stream = trace ? bt.bt_stream_create(c->stream_class, trace) : NULL;
	return c->stream != NULL;
}

static bt_component_class_initialize_method_status
source_begins(bt_self_component_source *source,
	      bt_self_component_source_configuration *how,
	      const bt_value *params, void *data)
{
	bt_self_component *self =
		bt_self_component_source_as_self_component(source);

	(void)how;
	(void)params;
	bt.bt_self_component_set_data(self, data);
	if (!make_stream(data, self) ||
	    bt.bt_self_component_source_add_output_port(source, "out", NULL,
							NULL))
		return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_ERROR;
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

/* ---- the graph ------------------------------------------------------------- */

static const bt_component_source *add_source(struct ctf *c)
{
	bt_message_iterator_class *it =
		bt.bt_message_iterator_class_create(next);
	const bt_component_source *source = NULL;
	bt_component_class_source *class = NULL;

	if (it && !bt.bt_message_iterator_class_set_initialize_method(
			  it, iterator_begins))
		class = bt.bt_component_class_source_create("trapline", it);
	if (!class || bt.bt_component_class_source_set_initialize_method(
			      class, source_begins))
		return NULL;
	if (bt.bt_graph_add_source_component_with_initialize_method_data(
		    c->graph, class, "trapline", NULL, c, BT_LOGGING_LEVEL_NONE,
		    &source))
		return NULL;
	return source;
}

static const bt_component_sink *add_sink(struct ctf *c, const char *dir)
{
	const bt_component_class_sink *class;
	const bt_component_sink *sink = NULL;
	const bt_plugin *plugin = NULL;
	bt_value *params;

	if (bt.bt_plugin_find("ctf", BT_TRUE, BT_TRUE, BT_TRUE, BT_TRUE,
			      BT_FALSE, &plugin))
		return NULL;
	class = bt.bt_plugin_borrow_sink_component_class_by_name_const(plugin,
								       "fs");
	params = bt.bt_value_map_create();
	if (!class || !params ||
	    bt.bt_value_map_insert_string_entry(params, "path", dir) ||
	    bt.bt_value_map_insert_bool_entry(params, "assume-single-trace",
					      BT_TRUE) ||
	    bt.bt_value_map_insert_bool_entry(params, "quiet", BT_TRUE) ||
	    bt.bt_graph_add_sink_component(c->graph, class, "file", params,
					   BT_LOGGING_LEVEL_NONE, &sink))
		return NULL;
	return sink;
}

static bool connect(struct ctf *c, const char *dir)
{
	const bt_component_source *source = add_source(c);
	const bt_component_sink *sink = source ? add_sink(c, dir) : NULL;

	return sink &&
	       !bt.bt_graph_connect_ports(
		       c->graph,
		       bt.bt_component_source_borrow_output_port_by_index_const(
			       source, 0),
		       bt.bt_component_sink_borrow_input_port_by_name_const(
			       sink, "in"),
		       NULL);
}

/* Until nothing is ready, or it has come to its end. */
static bool run(struct ctf *c)
{
	bt_graph_run_once_status status;

	do
		status = bt.bt_graph_run_once(c->graph);
	while (status == BT_GRAPH_RUN_ONCE_STATUS_OK);
	c->broken = status != BT_GRAPH_RUN_ONCE_STATUS_AGAIN &&
		    status != BT_GRAPH_RUN_ONCE_STATUS_END;
	return !c->broken;
}

/* A trace beside files of something else would be none.  *@made: it was not there. */
static bool is_free(const char *dir, bool *made)
{
	DIR *d;
	int n = 0;

	*made = !mkdir(dir, 0777);
	if (!*made && errno != EEXIST) {
		say_error("cannot make %s: %s", dir, strerror(errno));
		return false;
	}
	d = opendir(dir);
	if (!d) {
		say_error("cannot write into %s: %s", dir, strerror(errno));
		return false;
	}
	while (readdir(d))
		n++;
	closedir(d);
	if (n > 2)
		say_error("%s is not empty", dir);
	return n <= 2;
}

bool ctf_possible(const char *dir)
{
	bool made;

	if (!load_library() || !is_free(dir, &made))
		return false;
	if (made)
		rmdir(dir);
	return true;
}

/* The sink makes its folder itself, so that a free one is taken away. */
static bool make_way(const char *dir)
{
	bool made;

	if (!is_free(dir, &made))
		return false;
	if (rmdir(dir)) {
		say_error("cannot make %s anew: %s", dir, strerror(errno));
		return false;
	}
	return true;
}

struct ctf *ctf_open(const char *dir, uint64_t begin_ns)
{
	struct ctf *c;

	if (!load_library() || !make_way(dir))
		return NULL;
	c = must_alloc(1, sizeof(*c));
	c->dir = must_dup(dir);
	c->begin_ns = begin_ns;
	c->graph = bt.bt_graph_create(0);
	if (c->graph && connect(c, dir) && run(c) && c->iterator)
		return c;
	failed(dir, "begin a trace");
	if (c->graph)
		bt.bt_graph_put_ref(c->graph);
	free(c->dir);
	free(c);
	return NULL;
}

/* ---- events ------------------------------------------------------------------ */

/* @name as one of C, which no field before field @n of @p has. */
static char *name_of(const struct probe *p, uint32_t n)
{
	char *name = must_dup(p->field[n].name), *other;

	for (char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s))
			*s = '_';
	for (uint32_t i = 0; i < n; i++) {
		bool same;

		other = name_of(p, i);
		same = strcmp(other, name) == 0;
		free(other);
		if (!same)
			continue;
		other = must_print("%s_%u", name, n);
		free(name);
		name = other;
	}
	if (!isdigit((unsigned char)*name) && *name)
		return name;
	other = must_print("_%s", name);
	free(name);
	return other;
}

static bt_field_class *class_of(const struct ctf *c, const struct field *f)
{
	switch (f->type) {
	case 't':
		return bt.bt_field_class_string_create(c->trace_class);
	case 'f':
		return bt.bt_field_class_real_double_precision_create(
			c->trace_class);
	case 's':
		return number(c, true, 8ull * f->bytes, false);
	}
	return number(c, false, 8ull * f->bytes, f->type == 'x');
}

static bt_event_class *class_named(const struct ctf *c, const char *name,
				   bt_field_class *payload)
{
	bt_event_class *class = bt.bt_event_class_create(c->stream_class);

	if (!class || bt.bt_event_class_set_name(class, name) ||
	    bt.bt_event_class_set_payload_field_class(class, payload))
		return NULL;
	return class;
}

/*
 * The fields in their order, how long a call took, and a bit for each that could
 * not be read, if there are any.
 */
static bt_event_class *make_class(const struct ctf *c, const char *name,
				  const struct probe *p)
{
	bt_field_class *all =
		bt.bt_field_class_structure_create(c->trace_class);
	uint32_t shown = p->n_fields - p->call;
	bool ok = all != NULL;

	for (uint32_t i = 0; i < shown && ok; i++) {
		char *field = name_of(p, i);

		ok = add(all, field, class_of(c, &p->field[i]));
		free(field);
	}
	if (ok && p->call)
		ok = add(all, "duration_ns", number(c, false, 64, false));
	if (ok && shown)
		ok = add(all, "faults", number(c, false, 32, true));
	return ok ? class_named(c, name, all) : NULL;
}

static bt_field *member(bt_field *of, uint64_t i)
{
	return bt.bt_field_structure_borrow_member_field_by_index(of, i);
}

static void set_number(bt_field *to, const struct field *f, uint64_t v)
{
	unsigned int unused = 64 - 8u * f->bytes;
	double d;
	float s;

	if (f->type == 'f') {
		memcpy(&d, &v, sizeof(d));
		memcpy(&s, &v, sizeof(s));
		bt.bt_field_real_double_precision_set_value(
			to, f->bytes == 4 ? (double)s : d);
	} else if (f->type == 's') {
		bt.bt_field_integer_signed_set_value(
			to, (int64_t)(v << unused) >> unused);
	} else {
		bt.bt_field_integer_unsigned_set_value(to,
						       v << unused >> unused);
	}
}

/* The field at @words, of which there are @n: how many it took; 0: nonsense. */
static uint32_t set_field(bt_field *to, const struct field *f, bool fault,
			  const uint64_t *words, uint32_t n)
{
	char text[TL_MAX_STRING + 1];
	uint32_t len;

	if (!n)
		return 0;
	if (f->type != 't') {
		set_number(to, f, fault ? 0 : words[0]);
		return 1;
	}
	len = fault ? 0 : (uint32_t)words[0];
	if (len > TL_MAX_STRING || (len + 7) / 8 > n - 1)
		return 0;
	memcpy(text, words + 1, len);
	text[len] = '\0';
	return bt.bt_field_string_set_value(to, text) ? 0 : 1 + (len + 7) / 8;
}

static bool set_fields(bt_field *to, const struct probe *p,
		       const struct session_event *e, double ns_per_tick)
{
	uint32_t shown = p->n_fields - p->call, at = 0, took;

	for (uint32_t i = 0; i < shown; i++) {
		took = set_field(member(to, i), &p->field[i],
				 e->faults >> i & 1, e->words + at, e->n - at);
		if (!took)
			return false;
		at += took;
	}
	if (p->call && at == e->n)
		return false;
	if (p->call)
		bt.bt_field_integer_unsigned_set_value(
			member(to, shown),
			(uint64_t)((double)e->words[at++] * ns_per_tick));
	if (shown)
		bt.bt_field_integer_unsigned_set_value(
			member(to, shown + p->call), e->faults);
	return at == e->n;
}

/* A message of @class, at @ns or, if that would go back, as the last one. */
static bt_message *make_message(struct ctf *c, bt_event_class *class,
				uint64_t ns, uint64_t pid, uint64_t tid)
{
	bt_message *m;
	bt_field *context;

	if (ns > c->last_ns)
		c->last_ns = ns;
	m = bt.bt_message_event_create_with_default_clock_snapshot(
		c->iterator, class, c->stream, c->last_ns);
	if (!m)
		return NULL;
	context = bt.bt_event_borrow_common_context_field(
		bt.bt_message_event_borrow_event(m));
	bt.bt_field_integer_unsigned_set_value(member(context, 0), pid);
	bt.bt_field_integer_unsigned_set_value(member(context, 1), tid);
	return m;
}

static bool hand_on(struct ctf *c, const bt_message *m)
{
	c->ready[c->n++] = m;
	return c->n < READY - 2 || run(c) || failed(c->dir, "write the trace");
}

bool ctf_event(struct ctf *c, void **of, const char *name,
	       const struct probe *p, pid_t pid, const struct session_event *e,
	       double ns_per_tick, bool *error)
{
	bt_message *m = NULL;

	if (!*of)
		*of = make_class(c, name, p);
	if (*of)
		m = make_message(c, *of, e->ns, (uint32_t)pid, e->thread);
	if (!m) {
		*error = true;
		return failed(c->dir, "write the trace");
	}
	if (!set_fields(bt.bt_event_borrow_payload_field(
				bt.bt_message_event_borrow_event(m)),
			p, e, ns_per_tick)) {
		/* What is set of it is not shown: it stays where it is. */
		return false;
	}
	*error = !hand_on(c, m);
	return !*error;
}

/* ---- the end ------------------------------------------------------------------ */

static bool summarize(struct ctf *c, const uint64_t figures[3])
{
	static const char *const names[] = { "events", "lost", "missed" };
	bt_field_class *all =
		bt.bt_field_class_structure_create(c->trace_class);
	bt_event_class *class;
	bt_message *m;

	for (int i = 0; i < 3; i++)
		if (!all || !add(all, names[i], number(c, false, 64, false)))
			return false;
	class = class_named(c, "trapline:summary", all);
	m = class ? make_message(c, class, c->last_ns, 0, 0) : NULL;
	if (!m)
		return false;
	all = NULL;
	for (int i = 0; i < 3; i++)
		bt.bt_field_integer_unsigned_set_value(
			member(bt.bt_event_borrow_payload_field(
				       bt.bt_message_event_borrow_event(m)),
			       (uint64_t)i),
			figures[i]);
	return hand_on(c, m);
}

int ctf_close(struct ctf *c, uint64_t events, uint64_t lost, uint64_t missed)
{
	const uint64_t figures[] = { events, lost, missed };
	bool ok = !c->broken && summarize(c, figures);

	/*
	 * A sink that could not write must neither run again nor be given back:
	 * it would free twice.  It ends with us.
	 */
	if (!c->broken) {
		c->ready[c->n++] =
			bt.bt_message_stream_end_create(c->iterator, c->stream);
		c->ended = true;
		ok = run(c) && ok;
		if (!ok)
			failed(c->dir, "end the trace");
	}
	if (c->broken)
		return -1;
	bt.bt_graph_put_ref(c->graph);
	free(c->dir);
	free(c);
	return ok ? 0 : -1;
}
