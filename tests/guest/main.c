/* SPDX-License-Identifier: MIT */
/*
 * main.c - the payload of a test image: run the tests
 *
 * Words of the command line: `only=TEXT` restricts the run to the tests whose
 * names contain TEXT; `scale=N` makes loops N times longer, `seed=N` (decimal)
 * starts random sequences there.  `end=HOW` ends badly instead: silence, panic and
 * hang are for whoever runs guests to notice, the rest for the kernel itself.
 */

#include <kern/arch.h>
#include <kern/main.h>
#include <kern/panic.h>
#include <kern/printk.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <tl_test.h>

#define MAX_WORD 64

unsigned int guest_seconds = 10;

void tl_test_write(const char *text, size_t len)
{
	console_write(text, len);
}

/* Copy the rest of the word that starts with @key; false if there is none. */
static bool option(const char *key, char *value, size_t size)
{
	const char *at = arch_command_line();
	size_t n = 0;

	for (; *at; at++) {
		if (!memcmp(at, key, strlen(key)))
			break;
	}
	if (!*at)
		return false;
	for (at += strlen(key); at[n] && at[n] != ' ' && n + 1 < size; n++)
		value[n] = at[n];
	value[n] = '\0';
	return true;
}

/* The number after @key, or @otherwise. */
static uint64_t number_option(const char *key, uint64_t otherwise)
{
	char word[MAX_WORD];
	uint64_t n = 0;

	if (!option(key, word, sizeof(word)))
		return otherwise;
	for (const char *at = word; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

/* Call the image's own function end_@how, if there is one. */
static void misbehave(const char *how)
{
	char name[MAX_WORD + 4] = "end_";
	const struct symbol *sym;

	strcopy(name + 4, how, MAX_WORD);
	sym = symbol_by_name(name);
	if (sym)
		((void (*)(void))sym->addr)();
}

/* The end that was asked for; returns for silence alone. */
static void end_badly(const char *how)
{
	if (!strcmp(how, "panic"))
		panic("as asked for");
	misbehave(how);
	while (strcmp(how, "silence"))
		arch_wait_for_interrupt();
}

bool kernel_payload(void)
{
	char word[MAX_WORD];
	struct tl_test_totals totals;

	if (option("end=", word, sizeof(word))) {
		end_badly(word);
		return true;
	}
	tl_test_scale = (unsigned int)number_option("scale=", tl_test_scale);
	tl_test_seed = number_option("seed=", tl_test_seed);
	guest_seconds = (unsigned int)number_option("seconds=", guest_seconds);
	totals = tl_test_run(option("only=", word, sizeof(word)) ? word : NULL);
	return totals.failed == 0 && totals.passed > 0;
}
