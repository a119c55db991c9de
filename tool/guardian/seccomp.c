/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c - do the target's filters allow what we must do in it?
 *
 * A filter is a small program that the kernel runs on each system call.  The
 * filters of a thread are read from the kernel, and run here on each call of
 * the list in docs/syscalls.md; only "allow" and "log" will do.  A filter that
 * does not end orderly is taken for a no.
 */
#define _GNU_SOURCE
#include "judge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "code.h"
#include "guardian.h"

#define MOST_INSNS   4096
#define MOST_FILTERS 256

/* clang-format off */
static const struct call {
	const char *name;
	int nr;
	uint64_t args[6];
} calls[] = {
	/* the borrowed thread, and what it gives birth to */
	{ "clone",	    SYS_clone,	 { CLONE_VM | CLONE_VFORK } },
	{ "clone",	    SYS_clone,	 { CLONE_VM | CLONE_FILES } },
	{ "exit",	    SYS_exit,	 { 0 } },
	{ "wait4",	    SYS_wait4,	 { 1000, 0, 0x80000000 } },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, { 2, 4096, 0, 8 } },
	ISA_CALLS_OF_STUB
	{ "restart_syscall", SYS_restart_syscall, { 0 } },
	/* the worker */
	{ "close_range",    SYS_close_range, { 0, ~0u, 2 } },
	{ "setsid",	    SYS_setsid,	 { 0 } },
	{ "chdir",	    SYS_chdir,	 { 4096 } },
	{ "memfd_create",   SYS_memfd_create, { 4096, 0x13 } },
	{ "mmap",	    SYS_mmap,	 { 0, 4096, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, 3 } },
	{ "mmap",	    SYS_mmap,	 { 4096, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, 3 } },
	{ "mmap",	    SYS_mmap,	 { 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 3 } },
	{ "mmap",	    SYS_mmap,	 { 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 3 } },
	{ "munmap",	    SYS_munmap,	 { 4096, 4096 } },
	{ "madvise",	    SYS_madvise, { 4096, 4096, MADV_DONTNEED } },
	{ "madvise",	    SYS_madvise, { 4096, 4096, MADV_WIPEONFORK } },
	{ "membarrier",	    SYS_membarrier, { 1 << 5 } },
	{ "membarrier",	    SYS_membarrier, { 1 << 6 } },
	ISA_CALL_OPEN(02000000),
	{ "read",	    SYS_read,	 { 3, 4096, 16 } },
	{ "close",	    SYS_close,	 { 3 } },
	{ "nanosleep",	    SYS_nanosleep, { 4096 } },
	/* the target's threads, for programs */
	{ "gettid",	    SYS_gettid, { 0 } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1000, 4096, 1, 4096, 2 } },
	{ "prctl",	    SYS_prctl, { 16, 4096 } },
	/* and where they wait for the reader */
	{ "clock_gettime",  SYS_clock_gettime, { 1, 4096 } },
	{ "futex",	    SYS_futex,	 { 4096, 9, 1, 4096, 0, ~0u } },
	{ "futex",	    SYS_futex,	 { 4096, 1, 1 } },
};
#define FOR_EVENTS 3 /* the last ones, but for */
#define FOR_BLOCK  3

/* A caller in libtrapline, and the thread that gives birth to it. */
static const struct call library_calls[] = {
	{ "clone",	    SYS_clone,	 { 0x3d0f00, 4096, 4096, 4096, 4096 } },
	{ "getpid",	    SYS_getpid,	 { 0 } },
	{ "gettid",	    SYS_gettid,	 { 0 } },
	ISA_CALL_OPEN(O_RDWR | O_CLOEXEC),
	ISA_CALL_OPEN(O_DIRECTORY | O_CLOEXEC),
	{ "getdents64",	    SYS_getdents64, { 3, 4096, 1024 } },
	{ "pwrite64",	    SYS_pwrite64, { 3, 4096, 5, 4096 } },
	{ "mmap",	    SYS_mmap,	 { 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~0ull } },
	{ "mmap",	    SYS_mmap,	 { 4096, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, ~0ull } },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, { 2, 4096, 0, 8 } },
	{ "rt_sigaction",   SYS_rt_sigaction, { 64, 4096, 0, 8 } },
	{ "rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, { 1000, 1000, 64, 4096 } },
	{ "tgkill",	    SYS_tgkill,	 { 1000, 1000, 0 } },
	{ "futex",	    SYS_futex,	 { 4096, 128, 1, 4096 } },
	{ "futex",	    SYS_futex,	 { 4096, 129, 1 } },
	{ "sched_yield",    SYS_sched_yield, { 0 } },
	ISA_CALLS_OF_LIBRARY
	{ "process_vm_readv", SYS_process_vm_readv, { 1000, 4096, 1, 4096, 1 } },
};
/* clang-format on */

bool judge_events, judge_block;
bool judge_library_calls;

struct machine {
	uint32_t a, x;
	uint32_t m[BPF_MEMWORDS];
	struct seccomp_data data;
};

static uint32_t load(struct machine *v, const struct sock_filter *f, bool *bad)
{
	uint32_t word = 0;

	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		return f->k;
	case BPF_MEM:
		*bad |= f->k >= BPF_MEMWORDS;
		return *bad ? 0 : v->m[f->k];
	case BPF_LEN:
		return sizeof(v->data);
	case BPF_ABS:
		*bad |= f->k > sizeof(v->data) - 4 || f->k % 4;
		if (!*bad)
			memcpy(&word, (const char *)&v->data + f->k, 4);
		return word;
	}
	*bad = true;
	return 0;
}

static uint32_t alu(const struct machine *v, const struct sock_filter *f,
		    bool *bad)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? v->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		return v->a + b;
	case BPF_SUB:
		return v->a - b;
	case BPF_MUL:
		return v->a * b;
	case BPF_DIV:
		*bad |= b == 0;
		return b ? v->a / b : 0;
	case BPF_OR:
		return v->a | b;
	case BPF_AND:
		return v->a & b;
	case BPF_XOR:
		return v->a ^ b;
	case BPF_LSH:
		return b < 32 ? v->a << b : 0;
	case BPF_RSH:
		return b < 32 ? v->a >> b : 0;
	case BPF_NEG:
		return -v->a;
	}
	*bad = true;
	return 0;
}

static bool test(const struct machine *v, const struct sock_filter *f,
		 bool *bad)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? v->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return v->a == b;
	case BPF_JGT:
		return v->a > b;
	case BPF_JGE:
		return v->a >= b;
	case BPF_JSET:
		return (v->a & b) != 0;
	}
	*bad = true;
	return false;
}

/* One instruction: true if it was a return, with @v->a what is returned. */
static bool step(struct machine *v, const struct sock_filter *f, size_t *pc,
		 bool *bad)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		v->a = load(v, f, bad);
		break;
	case BPF_LDX:
		v->x = load(v, f, bad);
		break;
	case BPF_ST:
	case BPF_STX:
		*bad |= f->k >= BPF_MEMWORDS;
		if (!*bad)
			v->m[f->k] = BPF_CLASS(f->code) == BPF_ST ? v->a : v->x;
		break;
	case BPF_ALU:
		v->a = alu(v, f, bad);
		break;
	case BPF_JMP:
		if (BPF_OP(f->code) == BPF_JA)
			*pc += f->k;
		else
			*pc += test(v, f, bad) ? f->jt : f->jf;
		break;
	case BPF_RET:
		if (BPF_RVAL(f->code) != BPF_A)
			v->a = f->k;
		return true;
	case BPF_MISC:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			v->x = v->a;
		else
			v->a = v->x;
		break;
	}
	return false;
}

/* What the filter says to @c; killing, if it makes no sense. */
static uint32_t run(const struct sock_filter *f, size_t n, const struct call *c)
{
	struct machine v = { 0 };
	bool bad = false;

	v.data.nr = c->nr;
	v.data.arch = ISA_AUDIT;
	memcpy(v.data.args, c->args, sizeof(v.data.args));
	/* Jumps lead forward only. */
	for (size_t pc = 0; pc < n && !bad; pc++)
		if (step(&v, &f[pc], &pc, &bad))
			return bad ? SECCOMP_RET_KILL_PROCESS : v.a;
	return SECCOMP_RET_KILL_PROCESS;
}

/* The first of the @n_calls calls at @c that @f does not let pass, or NULL. */
static const char *first_forbidden(const struct sock_filter *f, size_t n,
				   const struct call *c, size_t n_calls)
{
	for (size_t i = 0; i < n_calls; i++) {
		uint32_t action = run(f, n, &c[i]) & SECCOMP_RET_ACTION_FULL;

		if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG)
			return c[i].name;
	}
	return NULL;
}

const char *seccomp_forbids(const struct sock_filter *f, size_t n)
{
	size_t some = sizeof(calls) / sizeof(*calls);
	const char *name;

	if (!judge_block)
		some -= FOR_BLOCK;
	if (!judge_events)
		some -= FOR_EVENTS;
	name = first_forbidden(f, n, calls, some);
	if (!name && judge_library_calls)
		name = first_forbidden(f, n, library_calls,
				       sizeof(library_calls) /
					       sizeof(*library_calls));
	return name;
}

/* A number of the status of thread @tid; 0: there is none. */
static int status_number(pid_t tid, const char *form)
{
	char path[64], line[256];
	int mode = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, form, &mode) == 1)
			break;
	if (f)
		fclose(f);
	return mode;
}

static int seccomp_mode(pid_t tid)
{
	return status_number(tid, "Seccomp: %d");
}

/* The filters that are read are those of one thread. */
static bool same_filters(pid_t pid)
{
	int mode = seccomp_mode(pid);
	int n = status_number(pid, "Seccomp_filters: %d");
	struct dirent *e;
	bool same = true;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && same && (e = readdir(tasks))) {
		pid_t tid = atoi(e->d_name);

		if (tid > 0)
			same = seccomp_mode(tid) == mode &&
			       status_number(tid, "Seccomp_filters: %d") == n;
	}
	if (tasks)
		closedir(tasks);
	return same;
}

int judge_events_in(pid_t pid, bool force)
{
	char from = 1, to = 0;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1)
		return refuse(
			-ENOSYS,
			"this kernel has no process_vm_readv, by which arguments are read");
	if (force || same_filters(pid))
		return 0;
	return refuse(
		-EPERM,
		"its threads have seccomp filters of their own, which may forbid what events need; --force goes on");
}

int judge_seccomp(pid_t tid, bool force)
{
	static struct sock_filter filter[MOST_INSNS];
	int mode = seccomp_mode(tid);

	if (mode == 0 || force)
		return 0;
	if (mode == 1)
		return refuse(
			-EPERM,
			"it is in strict seccomp mode: it may not make our system calls");
	for (long i = 0; i < MOST_FILTERS; i++) {
		const char *name;
		long n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, NULL);

		if (n < 0 && errno == ENOENT)
			return 0;
		if (n <= 0 || n > MOST_INSNS ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, filter) != n)
			return refuse(
				-EPERM,
				"its seccomp filter cannot be read to see if our system calls are allowed: run as root, or use --force");
		name = seccomp_forbids(filter, (size_t)n);
		if (name)
			return refuse(
				-EPERM,
				"its seccomp filter forbids %s, which is needed to attach",
				name);
	}
	return refuse(-EPERM, "it has too many seccomp filters");
}
