/* SPDX-License-Identifier: MIT */
/*
 * home.h - what is common to the homes that are a Linux process
 *
 * common/ serves a program that links libtrapline and the agent that runs in
 * somebody else's process; own/ is for the former alone.
 */
#ifndef TL_LINUX_HOME_H
#define TL_LINUX_HOME_H

#include "common/sys.h"

#include <frame.h>

#include <trapline/host.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#pragma GCC visibility push(hidden)

/*
 * Make the table of contexts.  To be called once, before anything can be hit.
 * 0 or -TL_ENOMEM.  Context: task.
 */
int tl_contexts_init(void);

/* The thread pointer; 0: there is none.  Context: any. */
static inline uintptr_t tl_thread_pointer(void)
{
	return tl_thread_register();
}

/*
 * From now on tell threads apart that have one thread pointer, and those that
 * use one after the other: for homes that may make the system calls gettid,
 * and seldom getpid, getppid and tgkill, in a trap.  Context: task.
 */
void tl_contexts_check(void);

/*
 * For tl_contexts_check(), if its caller is no thread of the C library's: the
 * number of one that is, and its thread pointer.
 */
void tl_contexts_know(uint32_t tid, uintptr_t thread);

/* The number of the thread of @cx, if that is checked; else 0. */
int tl_context_thread(const struct tl_context *cx);

/*
 * What this thread believes of SIGTRAP, which it does not really block: where
 * that is kept, or NULL.  Context: any.
 */
uint8_t *tl_thread_trap(void);
#define TL_TRAP_BLOCKED 1
#define TL_TRAP_PENDING 2

/* The list of all contexts, by their `next`. */
extern struct tl_context *tl_newest_context;

/*
 * A word beside the caller's context, zero at first, and its thread pointer;
 * NULL: it has none.  Context: any.
 */
uint64_t *tl_thread_word(uintptr_t *thread);

/*
 * Register with membarrier, for tlh_sync_cores().  0, or negative: the kernel
 * has no such command, and a slower way is used.  Context: task.
 */
int tl_sync_init(void);

/* Can tlh_sync_cores() keep its promise?  After tl_sync_init().  Context: task. */
bool tl_sync_works(void);

/*
 * An unused range of @size bytes, all of it within @reach of @near, mapped with
 * @prot; 0: there is none.  Context: task.
 */
uintptr_t tl_map_near(uintptr_t near, size_t reach, size_t size, int prot);

/* ---- /proc/self/maps -------------------------------------------------------- */

struct tl_map {
	uintptr_t start;
	uintptr_t end;
	int prot; /* TL_PROT_* */
	uint64_t offset;
	uint64_t dev; /* major << 32 | minor */
	uint64_t inode;
	const char *path; /* "" if it has none */
};

/*
 * Call @fn for each mapping until it returns non-zero; that, 0, or a negative
 * code if the file cannot be read.  Context: task.
 */
int tl_maps_each(int (*fn)(const struct tl_map *m, void *arg), void *arg);

/* ---- SIGTRAP ---------------------------------------------------------------- */

/* The kernel's struct sigaction. */
struct tl_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

#define TL_SIGTRAP	5
#define TL_SA_SIGINFO	0x4UL
#define TL_SA_RESTORER	0x04000000UL
#define TL_SA_ONSTACK	0x08000000UL
#define TL_SA_RESTART	0x10000000UL
#define TL_SA_NODEFER	0x40000000UL
#define TL_SA_RESETHAND 0x80000000UL

/* The kernel's siginfo, as far as it is needed here. */
struct tl_siginfo {
	int signo;
	int err;
	int code;
	int pad;
	union {
		struct {
			int pid;
			unsigned int uid;
		};
		uintptr_t addr; /* of a fault */
	};
	uint64_t value;
	uint8_t rest[96];
};

#define TL_SI_KERNEL 0x80
#define TL_SI_QUEUE  (-1)

/*
 * What SIGTRAP does in the program when it is not ours.  To be set before the
 * handler is installed.
 */
extern struct tl_sigaction tl_sigtrap_program;

/* Fill in @act with our handler, to be installed in place of @program's. */
void tl_sigtrap_action(struct tl_sigaction *act,
		       const struct tl_sigaction *program);

/*
 * Install our handler, unless it is installed already, and keep what was there
 * before as the program's.  0 or a negative code.  Context: task.
 */
int tl_sigtrap_install(void);

/* Signals that an instruction raises: never blocked by us. */
#define TL_SIG_BIT(sig) (1UL << ((sig)-1))
#define TL_SIG_FAULTS                                                    \
	(TL_SIG_BIT(4) | TL_SIG_BIT(5) | TL_SIG_BIT(7) | TL_SIG_BIT(8) | \
	 TL_SIG_BIT(11) | TL_SIG_BIT(31))

/*
 * Of the architecture, <arch>/frame.c.  A frame's registers, and back.
 * Context: any, for all of them.
 */
void tl_signal_regs(struct pt_regs *r, const struct tl_ucontext *uc);
void tl_signal_set_regs(struct tl_ucontext *uc, const struct pt_regs *r);

/*
 * Go to @handler, as if the kernel had called it with the frame of @uc and
 * @info, to return to @restorer.
 */
_Noreturn void tl_signal_jump(uintptr_t handler, int sig,
			      struct tl_siginfo *info, struct tl_ucontext *uc,
			      const void *restorer);

/* Move the frame to the stack of the code that was interrupted. */
void tl_signal_move(struct tl_siginfo **info, struct tl_ucontext **uc);

/* Where a signal of ours returns: to the kernel.  Never called. */
extern const char tl_sigtrap_restorer[];

/* Does a SIGTRAP come from a breakpoint instruction, or the like? */
bool tl_signal_is_trap(const struct tl_siginfo *info);

/*
 * A SIGTRAP that was sent, and pending when a breakpoint of ours was executed,
 * takes its place: the kernel keeps one of each signal.  Was that so, and would
 * the breakpoint not be met again?
 */
bool tl_signal_hides_breakpoint(const struct tl_ucontext *uc);

/* Have the breakpoint executed once more, when the signal returns. */
void tl_signal_trap_again(struct tl_ucontext *uc);

/*
 * What looks first at a SIGTRAP that an event of the kernel's raised; true: nobody
 * else is to.  NULL: there are none of ours.
 */
extern bool (*tl_sigtrap_debug)(const struct tl_siginfo *info,
				struct tl_ucontext *uc);

/* Is @act our handler? */
bool tl_sigtrap_is_ours(const struct tl_sigaction *act);

/* session/actions.c: see `missed` of struct tl_host_ops. */
void tl_action_missed(struct kprobe *kp);

#pragma GCC visibility pop

#endif
