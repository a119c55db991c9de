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
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <tl_test.h>

#define MAX_WORD 64

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

__attribute__((noinline)) static void locked_up_here(void)
{
	static volatile unsigned long turns;

	for (;;)
		turns++;
}

static void lock_up(void *arg)
{
	(void)arg;
	arch_irq_save();
	locked_up_here();
}

static void take_mutex(void)
{
	static struct mutex m;

	mutex_lock(&m);
}

static bool sleep_in_interrupt(enum trap_kind kind, struct pt_regs *regs,
			       uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	take_mutex();
	return true;
}

/* What the kernel has to notice by itself. */
static void misbehave(const char *how)
{
	if (!strcmp(how, "lockup")) {
		watchdog_set_ms(1000);
		thread_start("lockup", lock_up, NULL, 2);
	} else if (!strcmp(how, "hog")) {
		watchdog_set_ms(1000);
		preempt_disable();
		locked_up_here();
	} else if (!strcmp(how, "sleep")) {
		trap_set_hook(TRAP_TEST, sleep_in_interrupt);
		arch_send_test();
	} else if (!strcmp(how, "stops")) {
		stop_others();
		stop_others();
	}
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
	totals = tl_test_run(option("only=", word, sizeof(word)) ? word : NULL);
	return totals.failed == 0 && totals.passed > 0;
}
