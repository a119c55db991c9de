/* SPDX-License-Identifier: MIT */
/*
 * host.c - a program that loads kernel modules as plugins
 *
 * usage: host MODULE.o [PARAM=VALUE...]
 *
 * The modules probe its functions and watch its variable.  It sends their log to standard output.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <trapline/trapline.h>

volatile int total;

__attribute__((noinline)) int add(int a, int b)
{
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return a + b;
}

__attribute__((noinline)) int work(int n)
{
	int sum = 0;

	for (int i = 1; i <= n; i++)
		sum = add(sum, i);
	total = sum;
	return sum;
}

static void to_stdout(int level, const char *text, size_t len)
{
	printf("<%d> %.*s", level, (int)len, text);
}

static int show(const struct trapline_module *m, void *arg)
{
	(void)arg;
	printf("loaded: %s\n", m->name);
	return 0;
}

static int unload(const struct trapline_module *m, void *arg)
{
	snprintf(arg, 64, "%s", m->name);
	return 1;
}

int main(int argc, char **argv)
{
	char params[1024] = "", name[64];
	size_t at = 0;
	int err;

	if (argc < 2)
		return 2;
	for (int i = 2; i < argc && at < sizeof(params); i++)
		at += (size_t)snprintf(params + at, sizeof(params) - at, "%s ",
				       argv[i]);
	trapline_print_to(to_stdout);
	err = trapline_insmod(argv[1], params);
	if (err) {
		printf("not loaded: %s\n", strerror(-err));
		return 1;
	}
	trapline_lsmod(show, NULL);
	printf("= %d\n", work(3));
	while (trapline_lsmod(unload, name))
		if (trapline_rmmod(name))
			return 1;
	return 0;
}
