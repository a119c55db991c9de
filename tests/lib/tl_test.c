/* SPDX-License-Identifier: MIT */
/*
 * tl_test.c - run the tests of a program and report in TAP
 *
 * A line is put together on the stack and handed to tl_test_write() whole, so
 * that lines of several threads do not mix.  What a check changes (the failure
 * count) is changed by one atomic addition.
 */
#include "tl_test.h"

#define LINE_BYTES 256

struct line {
	char text[LINE_BYTES];
	size_t len;
};

extern const struct tl_test *const __start_tl_tests[]
	__attribute__((visibility("hidden")));
extern const struct tl_test *const __stop_tl_tests[]
	__attribute__((visibility("hidden")));

unsigned int tl_test_scale = 1;
uint64_t tl_test_seed = 1;

/* About the running test. */
static unsigned int failures;
static const char *row;
static const char *skipped;
static bool must_differ;

/* Append @s; what does not fit is cut, and one byte stays for the newline. */
static void add(struct line *l, const char *s)
{
	while (*s && l->len < LINE_BYTES - 1)
		l->text[l->len++] = *s++;
}

static void add_number(struct line *l, uint64_t n, unsigned int base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	add(l, digits + at);
}

/* Hexadecimal, but what looks like a negative error number is shown as one. */
static void add_value(struct line *l, uint64_t n)
{
	if (n >= (uint64_t)-4095) {
		add(l, "-");
		add_number(l, -n, 10);
		return;
	}
	add(l, "0x");
	add_number(l, n, 16);
}

static void put(struct line *l)
{
	l->text[l->len++] = '\n';
	tl_test_write(l->text, l->len);
}

static void fail_begin(struct line *l, const char *text, const char *file,
		       int line)
{
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	l->len = 0;
	add(l, "    # ");
	add(l, file);
	add(l, ":");
	add_number(l, (uint64_t)line, 10);
	if (row) {
		add(l, " [");
		add(l, row);
		add(l, "]");
	}
	add(l, ": ");
	add(l, text);
}

bool tl_test_check(bool ok, const char *text, const char *file, int line)
{
	struct line l;

	if (ok)
		return true;
	fail_begin(&l, text, file, line);
	add(&l, " is false");
	put(&l);
	return false;
}

bool tl_test_check_eq(uint64_t got, uint64_t want, const char *text,
		      const char *file, int line)
{
	struct line l;

	if (got == want)
		return true;
	fail_begin(&l, text, file, line);
	add(&l, " = ");
	add_value(&l, got);
	add(&l, ", want ");
	add_value(&l, want);
	put(&l);
	return false;
}

static bool same_string(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void add_string(struct line *l, const char *s)
{
	if (!s) {
		add(l, "NULL");
		return;
	}
	add(l, "\"");
	add(l, s);
	add(l, "\"");
}

bool tl_test_check_str(const char *got, const char *want, const char *text,
		       const char *file, int line)
{
	struct line l;

	if (same_string(got, want))
		return true;
	fail_begin(&l, text, file, line);
	add(&l, " = ");
	add_string(&l, got);
	add(&l, ", want ");
	add_string(&l, want);
	put(&l);
	return false;
}

bool tl_test_check_mem(const void *got, const void *want, size_t len,
		       const char *text, const char *file, int line)
{
	const uint8_t *g = got, *w = want;
	struct line l;
	size_t i = 0;

	while (i < len && g[i] == w[i])
		i++;
	if (i == len)
		return true;
	fail_begin(&l, text, file, line);
	add(&l, ": byte ");
	add_number(&l, i, 10);
	add(&l, " = ");
	add_value(&l, g[i]);
	add(&l, ", want ");
	add_value(&l, w[i]);
	put(&l);
	return false;
}

void tl_test_row(const char *name)
{
	row = name;
}

void tl_test_skip(const char *why)
{
	skipped = why;
}

/* For those who compare: a line before the test's own. */
static void say_difference(const char *what, const char *name)
{
	struct line l = { .len = 0 };

	add(&l, what);
	add(&l, name);
	put(&l);
}

void tl_test_differs(const char *name, bool really)
{
	tl_test_check(really, name, __FILE__, __LINE__);
	say_difference("# differs: ", name);
}

void tl_test_differed(const char *name)
{
	say_difference("# differed: ", name);
}

void tl_test_must_differ(const char *name)
{
	must_differ = true;
	say_difference("# differs: ", name);
}

void tl_test_note(const char *text, uint64_t value)
{
	struct line l = { .len = 0 };

	add(&l, "# ");
	add(&l, text);
	add(&l, " = ");
	add_number(&l, value, 10);
	put(&l);
}

uint64_t tl_test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Does @name contain @filter?  NULL is in everything. */
static bool selected(const char *name, const char *filter)
{
	size_t i;

	if (!filter)
		return true;
	for (;; name++) {
		for (i = 0; filter[i] && name[i] == filter[i]; i++)
			;
		if (!filter[i])
			return true;
		if (!*name)
			return false;
	}
}

static void run_one(const struct tl_test *t, unsigned int number,
		    struct tl_test_totals *totals)
{
	struct line l = { .len = 0 };

	failures = 0;
	row = NULL;
	skipped = NULL;
	must_differ = false;
	t->fn();
	if (must_differ && !skipped)
		failures = !failures;

	add(&l, failures ? "not ok " : "ok ");
	add_number(&l, number, 10);
	add(&l, " ");
	add(&l, t->name);
	if (failures) {
		totals->failed++;
	} else if (skipped) {
		add(&l, " # SKIP ");
		add(&l, skipped);
		totals->skipped++;
	} else {
		totals->passed++;
	}
	put(&l);
}

static void add_total(struct line *l, unsigned int n, const char *what)
{
	add_number(l, n, 10);
	add(l, what);
}

struct tl_test_totals tl_test_run(const char *filter)
{
	struct tl_test_totals totals = { 0, 0, 0 };
	const struct tl_test *const *t;
	struct line plan = { .len = 0 }, last = { .len = 0 };
	unsigned int number = 0;

	for (t = __start_tl_tests; t < __stop_tl_tests; t++)
		number += selected((*t)->name, filter);
	add(&plan, "TAP version 13\n1..");
	add_number(&plan, number, 10);
	put(&plan);
	tl_test_note("seed", tl_test_seed);

	number = 0;
	for (t = __start_tl_tests; t < __stop_tl_tests; t++) {
		if (selected((*t)->name, filter))
			run_one(*t, ++number, &totals);
	}

	add_total(&last, totals.passed, " passed, ");
	add_total(&last, totals.failed, " failed, ");
	add_total(&last, totals.skipped, " skipped");
	put(&last);
	return totals;
}

void tl_test_list(void)
{
	const struct tl_test *const *t;

	for (t = __start_tl_tests; t < __stop_tl_tests; t++) {
		struct line l = { .len = 0 };

		add(&l, (*t)->name);
		put(&l);
	}
}
