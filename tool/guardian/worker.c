/* SPDX-License-Identifier: MIT */
/*
 * worker.c - system calls and memory by way of the worker
 */
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stopped.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Until a child changes its state: SIGCHLD is blocked by the caller. */
static void await_child(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000),
			      (long)(ns % 1000000000) };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &t);
}

int wait_for(pid_t pid, int *status, unsigned int ms)
{
	uint64_t end = now_ns() + (uint64_t)ms * 1000000, now;
	sigset_t child, old;
	pid_t got;
	int err;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &old);
	for (;;) {
		got = waitpid(pid, status, __WALL | WNOHANG);
		err = got == pid ? 1 : 0;
		if (got < 0 && errno != EINTR)
			err = -errno;
		now = now_ns();
		if (err || now >= end)
			break;
		await_child(end - now);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err;
}

int mem_read(int mem, void *dst, uint64_t addr, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(mem, (char *)dst + done, len - done,
			  (off_t)(addr + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EFAULT;
		done += (size_t)n;
	}
	return 0;
}

/* By ptrace, a word at a time: policy may forbid the way through /proc. */
static int poke(pid_t pid, uint64_t addr, const uint8_t *src, size_t len)
{
	while (len) {
		uint64_t base = addr & ~7ul;
		size_t skip = addr - base, n = 8 - skip < len ? 8 - skip : len;
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, base, 0);
		if (errno)
			return -errno;
		memcpy((char *)&word + skip, src, n);
		if (ptrace(PTRACE_POKEDATA, pid, base, word))
			return -errno;
		addr += n;
		src += n;
		len -= n;
	}
	return 0;
}

int mem_write(const struct worker *w, uint64_t addr, const void *src,
	      size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(w->mem, (const char *)src + done, len - done,
			   (off_t)(addr + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return poke(w->pid, addr + done,
				    (const uint8_t *)src + done, len - done);
		done += (size_t)n;
	}
	return 0;
}

static int gone(struct worker *w, int status)
{
	if (!WIFEXITED(status) && !WIFSIGNALED(status))
		return 0;
	w->lost = true;
	return -ESRCH;
}

/* Resume by @request until the next stop; signals for the worker wait. */
static int resume(struct worker *w, enum __ptrace_request request,
		  unsigned int ms, int *status)
{
	int err;

	if (w->lost || ptrace(request, w->pid, 0, 0))
		return -ESRCH;
	err = wait_for(w->pid, status, ms);
	if (err == 0)
		return -ETIMEDOUT;
	if (err < 0) {
		w->lost = true;
		return -ESRCH;
	}
	return gone(w, *status);
}

#define CALL_MS 5000

/* Run up to the next entry to or exit from a system call. */
static int to_syscall_stop(struct worker *w)
{
	int status, err;

	for (int i = 0; i < 100; i++) {
		err = resume(w, PTRACE_SYSCALL, CALL_MS, &status);
		if (err)
			return err;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			return 0;
	}
	return -ESRCH;
}

long worker_call(struct worker *w, long nr, uint64_t a, uint64_t b, uint64_t c,
		 uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t arg[] = { a, b, c, d, e, f };
	struct isa_regs old, regs;
	int err;

	if (w->lost || isa_get_regs(w->pid, &old))
		return -ESRCH;
	regs = old;
	isa_set_pc(&regs, w->syscall_at);
	isa_set_syscall(&regs, nr, arg);
	if (isa_set_regs(w->pid, &regs))
		return -ESRCH;
	err = to_syscall_stop(w);
	if (!err)
		err = to_syscall_stop(w);
	if (err || isa_get_regs(w->pid, &regs))
		return -ESRCH;
	isa_no_syscall(&old);
	if (isa_set_regs(w->pid, &old))
		return -ESRCH;
	return isa_result(&regs);
}

int worker_start(struct worker *w, uint64_t ip, uint64_t sp, uint64_t argument)
{
	struct isa_regs regs;

	if (w->lost || isa_get_regs(w->pid, &regs))
		return -ESRCH;
	isa_begin_at(&regs, ip, sp, argument);
	return isa_set_regs(w->pid, &regs) ? -ESRCH : 0;
}

int worker_run(struct worker *w, unsigned int ms)
{
	int status, err;

	for (;;) {
		err = resume(w, PTRACE_CONT, ms, &status);
		if (err)
			return err;
		if (status >> 16)
			continue;
		switch (WSTOPSIG(status)) {
		case SIGTRAP:
		case SIGSEGV:
		case SIGBUS:
		case SIGILL:
		case SIGFPE:
		case SIGSYS:
			return WSTOPSIG(status);
		}
	}
}

void worker_end(struct worker *w)
{
	pid_t target = w->target, adopted = w->adopted;
	int status;

	if (w->pid && !w->lost) {
		kill(w->pid, SIGKILL);
		for (int i = 0; i < 100; i++)
			if (wait_for(w->pid, &status, 100) != 0 &&
			    gone(w, status))
				break;
	}
	if (w->pid)
		close(w->mem);
	*w = (struct worker){ .mem = -1, .lost = true };
	if (adopted && kill(target, 0) == 0)
		worker_reap(target, adopted);
}
