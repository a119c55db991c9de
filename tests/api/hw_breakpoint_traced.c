/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint_traced.c - breakpoints in debug registers where events are not allowed
 *
 * The other tests of them once more, in a process that may not have perf events: as we
 * are, and as a user without rights.  There, a process of the library's sets the
 * registers.
 */
/* link: lib -pthread */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tl_test.h"

#define NOBODY 65534

static bool forbid_events(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { 4, f };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
}

static void become(const char *program, int out, bool nobody)
{
	if (nobody && (setgid(NOBODY) || setuid(NOBODY)))
		_exit(126);
	dup2(out, 1);
	if (forbid_events())
		execl(program, program, (char *)NULL);
	_exit(127);
}

/* The last line of what program @name, which lies beside us, says. */
static bool run(const char *name, bool nobody, char *last, size_t room)
{
	char path[512], line[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	int p[2], status = -1;
	pid_t pid;
	FILE *f;

	if (n <= 0 || pipe(p))
		return false;
	path[n] = 0;
	snprintf(strrchr(path, '/') + 1, 60, "%s", name);
	pid = fork();
	if (!pid)
		become(path, p[1], nobody);
	close(p[1]);
	f = fdopen(p[0], "r");
	*last = 0;
	while (f && fgets(line, sizeof(line), f))
		snprintf(last, room, "%s", line);
	if (f)
		fclose(f);
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	       !(WIFEXITED(status) && WEXITSTATUS(status) >= 126);
}

/* None has failed, and those that need events themselves are skipped. */
static void check_all(bool nobody)
{
	static const struct {
		const char *name;
		unsigned int skipped;
	} all[] = { { "hw_breakpoint", 0 }, { "hw_breakpoint_process", 1 } };

	for (size_t i = 0; i < TL_ARRAY_SIZE(all); i++) {
		unsigned int passed = 0, failed = 1, skipped = 99;
		char last[256];

		ROW(all[i].name);
		if (!run(all[i].name, nobody, last, sizeof(last)))
			SKIP("it cannot be run so");
		sscanf(last, "%u passed, %u failed, %u skipped", &passed,
		       &failed, &skipped);
		CHECK_EQ(failed, 0);
		CHECK_EQ(skipped, all[i].skipped);
		CHECK(passed > 10);
	}
}

TL_TEST(without_events_registers_are_set_by_tracing)
{
	check_all(false);
}

TL_TEST(a_user_without_rights_has_registers)
{
	if (geteuid())
		SKIP("that is what the other one was");
	check_all(true);
}
