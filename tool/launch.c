/* SPDX-License-Identifier: MIT */
/*
 * launch.c - start a program and hold it before its first own instruction
 *
 *	exec stop         a breakpoint is written at the entry point (AT_ENTRY)
 *	loader, library   run undisturbed
 *	constructors
 *	entry point       the breakpoint is taken out; detached with SIGSTOP
 *	                  (from here on any debugger may attach, and one does)
 *	released          SIGCONT
 *
 * A process that stays stopped because we were killed would be harm, so the
 * SIGCONT is not sent by us: a process of its own (the holder) sends it when it
 * is told to, or when we are gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "entry.h"
#include "launch.h"
#include "process.h"
#include "text.h"

/* In the child: become the command, or tell @report why not. */
static void become(char **command, int report)
{
	sigset_t none;
	int err;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
		execvp(command[0], command);
	err = errno;
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static pid_t start(char **command)
{
	int report[2], err = 0;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) != 0) {
		say_error("cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become(command, report[1]);
	close(report[1]);
	if (pid < 0) {
		say_error("cannot start %s: %s", command[0], strerror(errno));
	} else if (read(report[0], &err, sizeof(err)) == sizeof(err)) {
		waitpid(pid, NULL, 0);
		say_error("cannot start %s: %s", command[0], strerror(err));
		pid = -1;
	}
	close(report[0]);
	return pid;
}

/* @pid, at its exec: does it get less than without us? */
static void tell_rights(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (!geteuid() || stat(path, &st) != 0 ||
	    !(((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	      ((st.st_mode & S_ISGID) && st.st_gid != getegid())))
		return;
	say_note("%s is set-user-ID or set-group-ID: begun under trace it has "
		 "no rights but yours",
		 name);
}

static bool is_exec_stop(int status)
{
	return status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8));
}

/* From the exec stop to the entry point.  0, or -1: it is gone or in the way. */
static int run_to_entry(pid_t pid, const char *name)
{
	struct entry entry;
	int status, sig;

	if (entry_set(&entry, pid) != 0)
		return -1;
	for (sig = 0;;) {
		if (ptrace(PTRACE_CONT, pid, 0, sig) != 0 ||
		    waitpid(pid, &status, 0) != pid)
			return -1;
		if (!WIFSTOPPED(status)) {
			say_error("%s ended before it began", name);
			return 1;
		}
		sig = WSTOPSIG(status);
		if (is_exec_stop(status)) {
			sig = 0;
			if (entry_set(&entry, pid) != 0)
				return -1;
		} else if (sig == SIGTRAP) {
			int there = entry_reached(&entry, pid);

			if (there)
				return there > 0 ? 0 : -1;
		}
	}
}

/*
 * The holder: wait for a byte or for our end, then send SIGCONT.  Our end is seen
 * by a pidfd: other processes may have copies of the pipe.
 */
static void hold(pid_t pid, int pidfd, int ours, int fd)
{
	struct pollfd wait[2] = { { .fd = fd, .events = POLLIN },
				  { .fd = ours, .events = POLLIN } };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &ignore, NULL);
	while (poll(wait, 2, -1) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	else
		kill(pid, SIGCONT);
	_exit(0);
}

static int start_holder(struct launch *l)
{
	int ends[2], pidfd = (int)syscall(SYS_pidfd_open, l->pid, 0);
	int ours = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	l->holder = fork();
	if (l->holder == 0) {
		close(ends[1]);
		hold(l->pid, pidfd, ours, ends[0]);
	}
	close(ends[0]);
	if (ours >= 0)
		close(ours);
	if (pidfd >= 0)
		close(pidfd);
	l->pipe = ends[1];
	return l->holder < 0 ? -1 : 0;
}

int launch(struct launch *l, char **command)
{
	int status, err;

	*l = (struct launch){ .pipe = -1 };
	l->pid = start(command);
	if (l->pid < 0)
		return -1;
	if (waitpid(l->pid, &status, 0) != l->pid || !WIFSTOPPED(status)) {
		say_error("%s ended before it began", command[0]);
		return -1;
	}
	if (process_check(l->pid) != 0)
		goto kill;
	tell_rights(l->pid, command[0]);
	ptrace(PTRACE_SETOPTIONS, l->pid, 0,
	       PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC);
	err = run_to_entry(l->pid, command[0]);
	if (err > 0)
		return -1;
	if (err < 0) {
		say_error("%s does not come to its entry point: its file may "
			  "be damaged",
			  command[0]);
		goto kill;
	}
	if (start_holder(l) != 0 ||
	    ptrace(PTRACE_DETACH, l->pid, 0, SIGSTOP) != 0) {
		say_error("cannot hold %s at its entry point: %s", command[0],
			  strerror(errno));
		goto kill;
	}
	if (waitpid(l->pid, &status, WUNTRACED) == l->pid && WIFSTOPPED(status))
		return 0;
	say_error("%s ended before it began", command[0]);
	return -1;
kill:
	launch_kill(l);
	return -1;
}

void launch_release(struct launch *l)
{
	if (l->pipe >= 0) {
		if (write(l->pipe, "", 1) < 0)
			kill(l->pid, SIGCONT);
		close(l->pipe);
	}
	l->pipe = -1;
	if (l->holder > 0)
		waitpid(l->holder, NULL, 0);
	l->holder = 0;
}

void launch_kill(struct launch *l)
{
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	launch_release(l);
}
