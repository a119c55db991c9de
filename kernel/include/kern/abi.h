/* SPDX-License-Identifier: MIT */
/*
 * abi.h - what the kernel and user programs have agreed upon
 *
 * How a system call is made, and what registers a task has: <kern/isa_abi.h>.
 */
#ifndef KERN_ABI_H
#define KERN_ABI_H

#include <kern/isa_abi.h>
#include <stdint.h>

enum syscall_nr {
	SYS_EXIT,      /* (status) */
	SYS_WRITE,     /* (text, len): to the console; len */
	SYS_GETPID,    /* () */
	SYS_GETPPID,   /* () */
	SYS_CPU,       /* (): the number of the CPU that answers */
	SYS_YIELD,     /* () */
	SYS_SLEEP,     /* (milliseconds) */
	SYS_MOVE,      /* (cpus): go on at one of these */
	SYS_FORK,      /* (): pid of the child, or 0 in the child */
	SYS_EXEC,      /* (program, argument) */
	SYS_WAIT,      /* (pid or -1, int *status, flags): pid, or 0 */
	SYS_KILL,      /* (pid, signal) */
	SYS_SIGNAL,    /* (signal, handler, restorer) */
	SYS_SIGMASK,   /* (mask): the old one; bit n is signal n */
	SYS_SIGRETURN, /* (): what the restorer calls */
	SYS_PTRACE,    /* (request, pid, addr, data) */
	NR_SYSCALLS,
};

/* For SYS_WAIT: 0 instead of waiting. */
#define WNOHANG 1

/* What SYS_WAIT says about a task. */
#define W_EXITED(status)  (!((status)&0x7f))
#define W_CODE(status)	  ((status) >> 8 & 0xff)
#define W_KILLED(status)  ((status)&0x7f && ((status)&0x7f) != 0x7f)
#define W_STOPPED(status) (((status)&0xff) == 0x7f)
#define W_SIGNAL(status) \
	(W_STOPPED(status) ? (status) >> 8 & 0xff : (status)&0x7f)

enum signal_nr {
	SIGINT = 2,
	SIGILL = 4,
	SIGTRAP = 5,
	SIGBUS = 7,
	SIGFPE = 8,
	SIGKILL = 9,
	SIGUSR1 = 10,
	SIGSEGV = 11,
	SIGUSR2 = 12,
	SIGTERM = 15,
	SIGCHLD = 17,
	SIGSTOP = 19,
	NR_SIGNALS = 32,
};

/* Handlers that are none. */
#define SIG_DFL 0
#define SIG_IGN 1

/*
 * A debugger's requests, to a task that it traces and that is stopped (but for
 * the first two).  @addr and @data as said.
 */
enum ptrace_request {
	PTRACE_TRACEME,	 /* the parent traces the caller */
	PTRACE_ATTACH,	 /* trace @pid, which stops with SIGSTOP */
	PTRACE_PEEK,	 /* the word at @addr into *(long *)@data */
	PTRACE_POKE,	 /* the word @data to @addr, text too */
	PTRACE_GETREGS,	 /* into *(struct user_regs *)@data */
	PTRACE_SETREGS,	 /* from it */
	PTRACE_CONTINUE, /* go on, with signal @data or none */
	PTRACE_STEP,	 /* the same for one instruction; then SIGTRAP */
	PTRACE_DETACH,	 /* go on, with signal @data, and no longer traced */
	PTRACE_KILL,
	/*
	 * Debug register @addr into *(long *)@data.  Also of a child, or a tracee, that a
	 * signal has ended, as it was then (its core), until it is waited for.
	 */
	PTRACE_PEEKDEBUG,
	PTRACE_POKEDEBUG, /* @data into debug register @addr */
	/*
	 * arm64: all breakpoints (@addr 0), all watchpoints (1) at once, in the
	 * struct user_debug at @data.  Written are the first `info`.
	 */
	PTRACE_GETDEBUG,
	PTRACE_SETDEBUG,
};

/* The debug registers of one kind. */
struct user_debug {
	uint32_t info; /* how many; from bit 8 what the CPU calls them */
	uint32_t pad;
	struct {
		uint64_t addr;
		uint32_t control;
		uint32_t pad;
	} slot[16];
};

/* Where a program finds its argument, and the top of its stack. */
#define USER_STACK_TOP	 0x0000700000000000
#define USER_STACK_PAGES 8
#define USER_ARG_MAX	 128

#endif
