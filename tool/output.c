/* SPDX-License-Identifier: MIT */
/*
 * output.c - where results go: standard output, or the file of -o
 *
 * Nothing is given up in silence: whether all of it arrived is known only when
 * the file is closed, so output_close() is what decides about the exit status.
 */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"
#include "text.h"

/* A name is not cut to less than that, however narrow the terminal is. */
#define NAME_COLUMNS 24
#define BAR_COLUMNS  40

static void failed(struct output *o, int err)
{
	if (o->failed)
		return;
	o->failed = true;
	if (o->path)
		say_error("cannot write %s: %s", o->path, strerror(err));
	else if (err == EPIPE)
		say_error("nobody reads standard output any more");
	else
		say_error("cannot write standard output: %s", strerror(err));
}

/* How many columns there are; 0: it is no terminal. */
static int columns_of(FILE *f)
{
	struct winsize size;

	if (!isatty(fileno(f)) || ioctl(fileno(f), TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

int output_open(struct output *o, const char *path)
{
	*o = (struct output){ .f = stdout, .path = path };
	if (!path) {
		o->columns = columns_of(stdout);
		return 0;
	}
	o->f = fopen(path, "we");
	if (o->f)
		return 0;
	say_error("cannot write %s: %s", path, strerror(errno));
	return -1;
}

void output_text(struct output *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vfprintf(o->f, fmt, ap) < 0)
		failed(o, errno);
	va_end(ap);
}

void output_json(struct output *o, struct json_object *obj)
{
	const char *line = json_object_to_json_string_ext(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!line || fprintf(o->f, "%s\n", line) < 0)
		failed(o, line ? errno : ENOMEM);
	json_object_put(obj);
}

void output_flush(struct output *o)
{
	if (fflush(o->f) != 0)
		failed(o, errno);
}

int output_close(struct output *o)
{
	/* What stayed in stdio's buffer is tried now; a disk may be full. */
	if (fflush(o->f) != 0)
		failed(o, errno);
	if (o->path && fclose(o->f) != 0)
		failed(o, errno);
	return o->failed ? -1 : 0;
}

char *output_bar(const struct output *o, int used, char dst[OUTPUT_BAR],
		 uint64_t value, uint64_t max)
{
	int width = o->columns ? o->columns - used : BAR_COLUMNS;

	if (width > BAR_COLUMNS)
		width = BAR_COLUMNS;
	if (width < 1)
		width = 1;
	return text_bar(dst, OUTPUT_BAR, value, max, (unsigned int)width,
			strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
}

char *output_name(const struct output *o, int used, const char *name)
{
	char *clean = text_clean_dup(name);
	int room = o->columns;

	if (!room || say_level > 0)
		return clean;
	room = room - used < NAME_COLUMNS ? NAME_COLUMNS : room - used;
	text_cut(clean, (size_t)room);
	return clean;
}

static void add(struct json_object *obj, const char *key,
		struct json_object *value)
{
	if (!obj || !value || json_object_object_add(obj, key, value) != 0) {
		say_error("out of memory");
		exit(1);
	}
}

void put_text(struct json_object *obj, const char *key, const char *value)
{
	char *clean = text_clean_dup(value);

	add(obj, key, json_object_new_string(clean));
	free(clean);
}

void put_number(struct json_object *obj, const char *key, uint64_t value)
{
	add(obj, key, json_object_new_uint64(value));
}

void put_hex(struct json_object *obj, const char *key, uint64_t value)
{
	char hex[24];

	snprintf(hex, sizeof(hex), "0x%" PRIx64, value);
	add(obj, key, json_object_new_string(hex));
}

void put_symbol(struct json_object *obj, const char *symbol)
{
	if (symbol)
		put_text(obj, "symbol", symbol);
}

void put_bool(struct json_object *obj, const char *key, bool value)
{
	add(obj, key, json_object_new_boolean(value));
}
