/* SPDX-License-Identifier: MIT */
/*
 * host.h - what the engine asks of the home it is embedded in
 *
 * Two kinds of service, kept apart on purpose:
 *
 *   tlh_*()             Required.  Plain functions, bound by the linker: forget
 *                       one and the link fails with its name.
 *   struct tl_host_ops  Optional.  A NULL member means "this home cannot", and
 *                       the engine has a documented answer to that.
 *
 * Contexts.  `any`: may be called anywhere, in a trap within a trap, in a signal
 * handler; takes no lock, sleeps never, calls nothing that could be probed.
 * `task`: called from a register or unregister function with the registration
 * lock held; may sleep.
 */
#ifndef TRAPLINE_HOST_H
#define TRAPLINE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/errno.h>

struct pt_regs;
struct kprobe;
struct tl_bp_thread;
struct kretprobe_instance;

/*
 * Code that a home calls from traps belongs in the section that the engine
 * refuses to probe.
 */
#define TL_NOPROBE __attribute__((section("trapline_text")))

/* ---- the context of a thread or CPU -------------------------------------- */

#define TL_CONTEXT_DEPTH    4
#define TL_TRAMPOLINE_BYTES 16

/*
 * The control block of a thread (process) or CPU (kernel).  The home gives the
 * memory, zeroed; all fields are the engine's.
 */
struct tl_context {
	unsigned int depth; /* handlers that run here, nested */
	unsigned int busy;  /* kprobe_busy_begin(), nested */
	struct {
		struct kprobe *probe;
		uintptr_t sp;	/* the engine's frame that calls the handler */
		uintptr_t from; /* the interrupted code's stack pointer */
	} stack[TL_CONTEXT_DEPTH];
	struct kretprobe_instance *returns; /* the shadow stack, newest first */
	struct kretprobe_instance *spare;   /* free ones, for the next call */
	uintptr_t jprobe;	 /* the frame that a jprobe's handler ends in */
	unsigned int misses;	 /* to come before it is tidied up again */
	unsigned int trampoline; /* number + 1 of its own; 0: none yet */
	unsigned long left;	 /* changes when depth goes back to 0 */
	struct tl_context *next; /* the home may link its contexts here */
};

/*
 * The context of the caller; always the same one for the same thread or CPU.
 * A CPU's will do only where nobody is pre-empted between its asking and the end
 * of the handler; detours run with interrupts as the program has them.
 * NULL: there is none (no memory, no identity); the engine then counts a miss.
 * Context: any.
 */
struct tl_context *tlh_context(void);

/*
 * Call @fn for every context that there is, until it returns non-zero; returns
 * what it returned last, or 0.  Context: task.
 */
int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg);

/* ---- memory --------------------------------------------------------------- */

/* Zeroed memory for the engine's own data, aligned to 16.  NULL: none. */
void *tlh_alloc(size_t size);
void tlh_free(void *p, size_t size);

/*
 * Executable memory, never writable at its address, of which every byte is
 * within @reach bytes of @near.  Filled by tlh_text_write().  NULL: none there; for
 * a slot behind a breakpoint it is then asked again, with a @reach of 64 TiB.
 * Context: task.
 */
void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size);
void tlh_exec_free(void *p, size_t size);

/*
 * Copy from memory that may not be there: 0; -TL_EFAULT, it is not; or another code:
 * that cannot be found out just now.  Context: any.
 */
int tlh_read(void *dst, uintptr_t src, size_t len);

/*
 * Enter and leave the registration lock, which may sleep.  Not recursive.
 */
void tlh_lock(void);
void tlh_unlock(void);

/* ---- writing text --------------------------------------------------------- */

#define TL_EDIT_BYTES 24
#define TL_MAP_MAX    12

struct tl_edit {
	uintptr_t addr;
	uint32_t len;
	uint8_t bytes[TL_EDIT_BYTES];
	/*
	 * Padding in the program's text, which nothing executes but by way of a
	 * jump of ours: a home that puts text back by itself does that with this
	 * part of it last, when nobody stands there.
	 */
	bool idle;
	/* A slot or a detour, which nobody executes before it is whole. */
	bool fresh;
};

/* The bytes from `start`, `len` of them, are replaced by one jump. */
struct tl_window {
	uintptr_t start;
	uint32_t len;
	/*
	 * Where a thread may stand inside, and where it goes on instead: at
	 * start + inner[i] it is moved to moved[i].  n_inner of them.
	 */
	uint32_t n_inner;
	uint8_t inner[TL_MAP_MAX];
	uintptr_t moved[TL_MAP_MAX];
	bool busy; /* out: could not be emptied */
};

/* Slots and detours: code of ours that runs in place of the code at `origin`. */
struct tl_range {
	uintptr_t start;
	uintptr_t end;
	/*
	 * A thread that stands at start + to[i] may be moved to
	 * origin + from[i] instead: nothing of ours is under way there.
	 */
	uintptr_t origin;
	uint32_t n;
	uint8_t from[TL_MAP_MAX];
	uint16_t to[TL_MAP_MAX];
};

enum tl_others {
	TL_OTHERS_RUNNING = 0, /* write breakpoints first, and synchronize */
	TL_OTHERS_STOPPED = 1, /* nobody runs: write what you like, once */
};

/*
 * Begin and end a change of text.  Says whether other threads or CPUs may run
 * meanwhile (enum tl_others); a home may stop them.  Whoever is stopped is let go
 * by tlh_patch_end(), and executes a serializing instruction before anything else.  Negative: not possible now, nothing was begun.
 * Context: task.
 */
int tlh_patch_begin(void);
void tlh_patch_end(void);

/* What is still to be done before the written bytes are what CPUs execute. */
enum tl_caches {
	TL_CACHES_DONE =
		0, /* nothing but to execute a serializing instruction */
	TL_CACHES_EACH = 1, /* each CPU has to clean its own caches first */
};

/*
 * Write @n edits, in order.  All of one edit is written at once if it is one
 * byte long; longer ones may be seen half-written.
 *
 * There are two forms.  TL_OTHERS_RUNNING: nobody was stopped, and the home may
 * stop the others while it writes.  TL_OTHERS_STOPPED: tlh_patch_begin() has
 * said that they are, and nobody is stopped here: a stop within a stop would
 * wait for ever.
 *
 * Returns enum tl_caches.  If each CPU has to clean its own caches, that is done
 * by tlh_sync_cores(), which the engine calls before the bytes can be reached;
 * or, when the others are stopped, by each of them when tlh_patch_end() lets it
 * go.  Negative: the first edits may have been written, and the caller puts back
 * the old bytes.  Context: task.
 */
int tlh_text_write(const struct tl_edit *edits, size_t n,
		   enum tl_others others);

/*
 * When it returns, every other thread or CPU has executed a serializing
 * instruction since the call (and cleaned its own caches before that, where
 * tlh_text_write() says TL_CACHES_EACH): none goes on with instructions that it
 * fetched before the last tlh_text_write().  Never called while the others are
 * stopped.  Context: task.
 */
void tlh_sync_cores(void);

/*
 * Between begin and end, with a breakpoint (or nobody running) at the first
 * byte of each window, so that nobody enters: see to it that no thread stands
 * at an inner boundary of a window and none will return into it.  Threads are
 * moved or waited for; a window for which that fails gets @busy.
 * Context: task.
 */
void tlh_evict(struct tl_window *windows, size_t n);

/*
 * Wait until no thread is inside any of @ranges (slots, detours) or will
 * return into one.  0, or -TL_EBUSY when that cannot be shown: the engine then
 * keeps the memory and asks again another time.  Nobody can newly enter them.
 * Context: task, not between patch_begin and patch_end.
 */
int tlh_quiesce(const struct tl_range *ranges, size_t n);

/* ---- optional -------------------------------------------------------------- */

/* What a register is to watch; type HW_BREAKPOINT_EMPTY: nothing. */
struct tl_debug_want {
	uintptr_t addr;
	unsigned int len;
	unsigned int type;
};

/*
 * The debug registers, for homes that have them.  The engine is their only owner
 * from the first breakpoint on.  All members are there, unless marked.
 */
struct tl_debug_ops {
	/*
	 * Have the CPU take a debug exception after the next instruction of
	 * @regs, which say so themselves already (arm64: MDSCR_EL1.SS; of a user's
	 * registers, on the way to it); or no more.  Was that so?  Only where
	 * the architecture steps over breakpoints.  Context: trap.
	 */
	bool (*step)(struct pt_regs *regs, bool on);

	/*
	 * So many registers there are: [0] to execute or, where the same serve both
	 * (x86), for both; [1] for data.  0: as many as the architecture can have
	 * (x86: 4; arm64: 16 and 16).
	 */
	unsigned int registers[2];

	/* What debuggers are told of them (arm64: DebugVer of ID_AA64DFR0_EL1). */
	unsigned int version;

	/*
	 * Write and read register @n of this CPU, by the architecture's number.
	 * x86: 0 to 3, 7.  arm64: DBGBVRn n, DBGBCRn 16 + n, DBGWVRn 32 + n (the
	 * CPU ignores the low bits that these have not), DBGWCRn 48 + n.
	 * Context: any, interrupts off.
	 */
	void (*write)(unsigned int n, unsigned long value);
	unsigned long (*read)(unsigned int n);

	/*
	 * Instead of these two, where the registers belong to a kernel below, and
	 * a "CPU" is whatever has a set of its own (a thread of a process): have
	 * register i of this CPU watch @want[i], for i below @n: those of kind 0
	 * come before those of kind 1.  0, or negative
	 * and nothing has changed: what is asked for fits the registers, but
	 * others may have some.  No hit is reported (tl_trap_watched()) of a
	 * CPU that is in here, or in each_cpu()'s function.  NULL: write and
	 * read.  Context: as theirs.
	 */
	int (*load)(const struct tl_debug_want *want, unsigned int n);

	/* This CPU, from 0; below @cpus.  Context: any, interrupts off. */
	unsigned int (*cpu)(void);
	unsigned int cpus;

	/* The thread that runs here; NULL: none.  Context: as above. */
	const struct tl_bp_thread *(*current)(void);

	/*
	 * Have each CPU, this one too, call @fn(@arg) with interrupts off;
	 * returns when all have.  Context: task.
	 */
	void (*each_cpu)(void (*fn)(void *arg), void *arg);

	/* Addresses below are the user's; from the other one up, the kernel's. */
	uintptr_t user_end;
	uintptr_t kernel_start;

	/*
	 * May the kernel's @len bytes at @addr be watched?  Not those that are
	 * used on the way from the exception to tl_trap_debug(): they would be hit
	 * for ever.  NULL: all but the engine's own.  Context: task.
	 */
	bool (*watchable)(uintptr_t addr, size_t len);

	/* fork copies breakpoints, as in the design of 2009. */
	bool fork_copies;
};

/* How the slot behind a breakpoint is left, where an architecture can choose. */
enum tl_stepping {
	TL_STEPPING_NONE, /* by a jump: no second trap */
	TL_STEPPING_ONE,  /* a single step: nothing is behind the instruction */
	TL_STEPPING_BREAK, /* a breakpoint behind it */
};

/*
 * A frame.  @stack: 0, and @at is its stack pointer; else the name of a stack that
 * may be moved, and @at is how far the frame is from that one's beginning.
 */
struct tl_frame {
	uintptr_t stack;
	uintptr_t at;
};

struct tl_host_ops {
	/*
	 * The address of symbol @name: 0 or -TL_ENOENT.  NULL: probes are
	 * registered by address only.
	 */
	int (*lookup)(const char *name, uintptr_t *addr);

	/*
	 * The bounds of the function around @addr: 0 or -TL_ENOENT.  NULL or
	 * not found: no window is sure, only breakpoints.
	 */
	int (*function)(uintptr_t addr, uintptr_t *start, uintptr_t *end);

	/*
	 * May @len bytes at @addr be replaced, by a jump or by a breakpoint?
	 * A jump must cover no address, but its first, that execution comes to
	 * by a table of the program's own, such as one of what to do after
	 * faults.  NULL: all but what the engine forbids itself.
	 */
	bool (*allowed)(uintptr_t addr, size_t len, bool jump);

	/*
	 * The bounds of the stack that @sp is on: 0, or negative if it is on
	 * none that is known.  NULL: never known.  Asked only when a handler or
	 * a followed function may have been left by longjmp.  Context: any.
	 */
	int (*stack)(uintptr_t sp, uintptr_t *low, uintptr_t *high);

	/*
	 * A byte that is zero where probes are to do nothing (in a forked
	 * child of a traced process): tested first in every detour and trap.
	 * NULL: they always run.
	 */
	const uint8_t *gate;

	/*
	 * Bytes below the stack pointer that belong to the interrupted code:
	 * 128 in a process on x86-64, 0 in a kernel.
	 */
	unsigned int red_zone;

	/* Probes never become jumps by themselves (tests). */
	bool no_optimize;

	/*
	 * Handlers may use vector registers, so detours and return
	 * trampolines keep them.  false: all are compiled without.
	 */
	bool vectors;

	/*
	 * Called between two looks, the @turn-th in a row, while a handler is
	 * waited for: sleep a little.  false: give up; the engine then keeps
	 * what it would have freed, and unregistration returns although the
	 * handler may still run.  NULL: tlh_sync_cores(), for ever.
	 * Context: task.
	 */
	bool (*pause)(unsigned int turn);

	/*
	 * How many of the @len bytes from @sp up, which is a stack pointer, are
	 * on the stack that it is on, and may be read: 0 to @len, or negative
	 * if it is on none that is known.  Asked for each call that a jprobe
	 * sees without stack_args, so it should be cheap.  NULL: by stack().
	 * Context: any.
	 */
	long (*stack_above)(uintptr_t sp, size_t len);

	/*
	 * Memory costs nothing before it is used, and so many followed calls
	 * may have theirs set aside.  0: there are some thousands at first, and
	 * more by and by.
	 */
	unsigned int calls;

	/*
	 * Return addresses must not be replaced: the CPU checks them (a shadow
	 * stack), or somebody else does.
	 */
	bool no_swap;

	/*
	 * Where is the thread of @cx?  0: at @sp, at some time since the call
	 * began.  1: it has ended.  Negative: nobody can tell.  Asked when a
	 * handler does not end.  NULL: handlers always return.
	 * Context: task.
	 */
	int (*thread_at)(const struct tl_context *cx, uintptr_t *sp);

	/*
	 * The bounds of the piece of code around @addr, which function() does
	 * not know: a function, or a part of one that lies elsewhere.  Asked
	 * where a function that is to be followed jumps to.  From then on, until
	 * its exits are armed, function() has to know it and inroads() what leads
	 * into it; else they are refused.  NULL: there is none.  Context: task.
	 */
	int (*piece)(uintptr_t addr, uintptr_t *start, uintptr_t *end);

	/*
	 * Code that jumps to the architecture's return trampoline, at every
	 * TL_TRAMPOLINE_BYTES: each context that replaces return addresses has
	 * one for itself, so that unwind information can find its list of
	 * calls: trampoline_lists[i] is set to &cx->returns of the context that
	 * has number i.  When all are given away, calls are missed.  NULL: all
	 * use the architecture's own, and unwinders stop there.
	 */
	const char *trampolines;
	struct kretprobe_instance ***trampoline_lists;
	unsigned int n_trampolines;

	/*
	 * Where something outside the function around @addr may lead, for all
	 * that the function itself shows: bit i is @addr + i, up to 31; bit 0:
	 * nothing is known, so no window is sure.  NULL: it is for the function
	 * and the code near it to show.
	 */
	uint32_t (*inroads)(uintptr_t addr);

	/*
	 * Called whenever nmissed of @p, or of the return probe that it is part
	 * of, has been counted up: for a home that shows misses in memory which
	 * outlives the probe.  NULL: it does not.  Context: any.
	 */
	void (*missed)(struct kprobe *p);

	/*
	 * The program goes on after faults of its own by where they were (Go, at
	 * nil pointers): a jump displaces no instruction that may fault, but for
	 * what is on the stack.
	 */
	bool own_faults;

	/*
	 * Which frame is it that is entered or left at @regs, of a function
	 * whose stack may be moved (KPROBE_FLAG_MOVES)?  The same at both, and no
	 * other frame's as long as it lives.  false: that cannot be told.  NULL:
	 * such functions are not followed.  Context: any.
	 */
	bool (*frame)(const struct pt_regs *regs, struct tl_frame *out);

	/*
	 * The other two are for kernels, which have the exceptions all the same,
	 * and need `debug` for the first.  What cannot be stepped is simulated or
	 * left by a jump.
	 */
	enum tl_stepping stepping;

	/* NULL: there are no hardware breakpoints here (-TL_EOPNOTSUPP). */
	const struct tl_debug_ops *debug;
};

/* The home's optional services; constant from before the first registration. */
extern const struct tl_host_ops *tl_host_ops;

#endif
