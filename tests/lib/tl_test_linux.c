/* SPDX-License-Identifier: MIT */
/*
 * tl_test_linux.c - main() of a test program on Linux
 *
 * usage: PROGRAM [--list] [FILTER]
 *
 * Runs the tests whose names contain FILTER.  Environment: TL_SCALE=N makes
 * loops N times longer, TL_SEED=N replays a random sequence.  Exit status: 0 if
 * all passed, 1 if a test failed or none was run.  What a test kills leaves no
 * core file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tl_test.h"

void tl_test_write(const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(STDOUT_FILENO, text, len);
		if (n < 0)
			_exit(3);
		text += n;
		len -= (size_t)n;
	}
}

static uint64_t choose_seed(void)
{
	const char *given = getenv("TL_SEED");
	struct timespec now;

	if (given)
		return strtoull(given, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000003 ^ (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct rlimit core;
	struct tl_test_totals t;

	if (argc > 1 && strcmp(argv[1], "--list") == 0) {
		tl_test_list();
		return 0;
	}
	if (getenv("TL_SCALE") && atoi(getenv("TL_SCALE")) > 0)
		tl_test_scale = (unsigned int)atoi(getenv("TL_SCALE"));
	tl_test_seed = choose_seed();
	if (!getrlimit(RLIMIT_CORE, &core)) {
		core.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &core);
	}

	t = tl_test_run(argc > 1 ? argv[1] : NULL);
	return t.failed || t.passed + t.skipped == 0;
}
