/* SPDX-License-Identifier: MIT */
/*
 * output.h - where results go: standard output, or the file of -o
 */
#ifndef TL_OUTPUT_H
#define TL_OUTPUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct output {
	FILE *f;
	const char *path; /* NULL: standard output */
	bool failed;
	int columns; /* of the terminal that it is; 0: none */
};

/* Open @path (NULL: standard output).  0, or -1 after a line. */
int output_open(struct output *o, const char *path);

/* Text for people, already clean. */
void output_text(struct output *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* One object as one line; takes it over. */
void output_json(struct output *o, struct json_object *obj);

/* Push out what was written so far, for readers who wait for it. */
void output_flush(struct output *o);

/* End it.  0, or -1 after a line: something could not be written. */
int output_close(struct output *o);

/*
 * @name made printable, for the last column of a table: on a terminal it is cut to
 * what is left behind @used columns, unless -v is given.  The caller frees it.
 */
char *output_name(const struct output *o, int used, const char *name);

/* The bytes of the longest bar. */
#define OUTPUT_BAR 128

/*
 * A bar behind @used columns for @value of @max: at most 40 columns wide and no wider
 * than the terminal, in characters that the locale has.  Returns @dst.
 */
char *output_bar(const struct output *o, int used, char dst[OUTPUT_BAR],
		 uint64_t value, uint64_t max);

/* Members of an object.  Strings are made printable, addresses are hex. */
void put_text(struct json_object *obj, const char *key, const char *value);
void put_number(struct json_object *obj, const char *key, uint64_t value);
void put_hex(struct json_object *obj, const char *key, uint64_t value);
/* The key "symbol": the name in the file's table; NULL: it is the one shown. */
void put_symbol(struct json_object *obj, const char *symbol);
void put_bool(struct json_object *obj, const char *key, bool value);

#endif
