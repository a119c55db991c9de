/* SPDX-License-Identifier: MIT */
/*
 * tl_test.h - the test harness: one file of tests, one program, any machine
 *
 * A test is a function that TL_TEST() files in a linker section; the runner
 * walks the section, so there is no list to maintain.  The harness allocates
 * nothing, calls no library and never longjmps, so the same test file runs in
 * a hosted program and inside a kernel.
 *
 *	TL_TEST(lookup_finds_what_was_added)
 *	{
 *		REQUIRE(table_init() == 0);
 *		for_each_row (c, cases) {
 *			ROW(c->name);
 *			CHECK_EQ(table_find(c->key), c->value);
 *		}
 *	}
 *
 * The output is TAP, followed by one line `N passed, N failed, N skipped`.
 *
 * Checks may be made by several threads at once; REQUIRE() and SKIP() return
 * from the function they stand in, so they belong in the test itself.
 */
#ifndef TL_TEST_H
#define TL_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_test {
	const char *name;
	void (*fn)(void);
};

struct tl_test_totals {
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
};

/* Define a test.  Its name is the promise that it checks. */
#define TL_TEST(name)                                                         \
	static void name(void);                                               \
	static const struct tl_test tl_test_##name = { #name, name };         \
	static const struct tl_test *const tl_test_entry_##name               \
		__attribute__((used, section("tl_tests"))) = &tl_test_##name; \
	static void name(void)

/* Go on either way; the test fails if @cond is false. */
#define CHECK(cond) ((void)tl_test_check((cond), #cond, __FILE__, __LINE__))

/*
 * Go on either way; the test fails if the integers or pointers differ.  Both
 * are widened to 64 bits by their own signedness before they are compared, so
 * an int of -1 is not equal to an unsigned int of 0xffffffff.
 */
#define CHECK_EQ(got, want)                                              \
	((void)tl_test_check_eq((uint64_t)(got), (uint64_t)(want), #got, \
				__FILE__, __LINE__))

/* As CHECK_EQ() for two strings, either of which may be NULL. */
#define CHECK_STR(got, want) \
	((void)tl_test_check_str((got), (want), #got, __FILE__, __LINE__))

/* As CHECK_EQ() for @len bytes of memory; the first difference is shown. */
#define CHECK_MEM(got, want, len)                                      \
	((void)tl_test_check_mem((got), (want), (len), #got, __FILE__, \
				 __LINE__))

/* Leave the test if @cond is false; it has failed. */
#define REQUIRE(cond)                                                  \
	do {                                                           \
		if (!tl_test_check((cond), #cond, __FILE__, __LINE__)) \
			return;                                        \
	} while (0)

/* Name the row of a table that the checks from here on are about. */
#define ROW(name) tl_test_row(name)

/* Leave the test; it is reported as skipped, with the reason. */
#define SKIP(why)                  \
	do {                       \
		tl_test_skip(why); \
		return;            \
	} while (0)

/*
 * The tests of the public API also run on Linux's own kprobes (make
 * check-oracle).  Where Linux is meant to differ, the test says so; @row is the
 * beginning of a row of docs/linux.md.  A difference that is none any more fails.
 *
 * TL_EITHER: @here, or on Linux @there, which must not be the same.
 * TL_EITHER_UNTIL: the same before Linux @major.@minor; since then, @here.
 * TL_DIFFERS: on Linux this test must fail.  TL_NOT_ON_LINUX: leave it there.
 */
#ifdef TL_TEST_LINUX
#include <linux/version.h>
#define TL_ON_LINUX 1
#define TL_ON_LINUX_SINCE(major, minor) \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))
#else
#define TL_ON_LINUX			0
#define TL_ON_LINUX_SINCE(major, minor) 0
#endif

#define TL_EITHER(row, here, there)                                       \
	(TL_ON_LINUX ? (tl_test_differs(row, (here) != (there)), (there)) \
		     : (here))

#define TL_EITHER_UNTIL(major, minor, row, here, there)                    \
	(TL_ON_LINUX_SINCE(major, minor) ? (tl_test_differed(row), (here)) \
					 : TL_EITHER(row, here, there))

#define TL_DIFFERS(row)                           \
	do {                                      \
		if (TL_ON_LINUX)                  \
			tl_test_must_differ(row); \
	} while (0)

#define TL_NOT_ON_LINUX(why)       \
	do {                       \
		if (TL_ON_LINUX)   \
			SKIP(why); \
	} while (0)

#define TL_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Walk the array @table with the pointer @row. */
#define for_each_row(row, table) \
	for ((row) = (table); (row) < (table) + TL_ARRAY_SIZE(table); (row)++)

/*
 * How long loops should be: 1 in `make check`, more in `make soak`.  A test
 * that loops multiplies its count with it.
 */
extern unsigned int tl_test_scale;

/*
 * Where random sequences start.  Printed at the head of every run, so that a
 * failure can be replayed; a hosted program takes it from TL_SEED.
 */
extern uint64_t tl_test_seed;

/* The next number of the sequence that @state (start it with the seed) is at. */
uint64_t tl_test_random(uint64_t *state);

/* Print `# text = value`, to be read when the test has failed. */
void tl_test_note(const char *text, uint64_t value);

/*
 * Run every test whose name contains @filter (NULL: all), print the report and
 * return the totals.
 */
struct tl_test_totals tl_test_run(const char *filter);

/* Print the names of all tests, one a line. */
void tl_test_list(void);

/*
 * Write @len bytes where the report goes.  Supplied by the machine; called
 * with whole lines, possibly by several threads at once.
 */
void tl_test_write(const char *text, size_t len);

/* The rest is for the macros above. */
bool tl_test_check(bool ok, const char *text, const char *file, int line);
bool tl_test_check_eq(uint64_t got, uint64_t want, const char *text,
		      const char *file, int line);
bool tl_test_check_str(const char *got, const char *want, const char *text,
		       const char *file, int line);
bool tl_test_check_mem(const void *got, const void *want, size_t len,
		       const char *text, const char *file, int line);
void tl_test_row(const char *name);
void tl_test_skip(const char *why);
void tl_test_differs(const char *row, bool really);
void tl_test_differed(const char *row);
void tl_test_must_differ(const char *row);

#endif /* TL_TEST_H */
