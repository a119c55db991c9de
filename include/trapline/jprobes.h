/* SPDX-License-Identifier: MIT */
/*
 * jprobes.h - handlers that are called with a function's own arguments
 *
 * Included by kprobes.h.  The names, fields, return codes and rules are those
 * that Linux had until 4.19; what is Trapline's own is said so.
 *
 *	static int my_open(const char *path, int flags, mode_t mode)
 *	{
 *		...look at them...
 *		jprobe_return();
 *		return 0;
 *	}
 *
 *	struct jprobe jp = { .kp.symbol_name = "open", .entry = my_open };
 *
 * The handler has the signature of the probed function and is called as if by
 * the function's caller: registers (vectors, too) and stack arguments are what
 * the function is about to get.  It works on a copy.  Nothing that it does to
 * its arguments reaches the function; what it writes through pointers does.
 *
 * Stack arguments.  Nobody can tell from machine code how many bytes there are:
 *   1. `stack_args` bytes, if it says;
 *   2. else all of the valid stack above the stack pointer, at most
 *      TL_JPROBE_STACK bytes; where the stack ends is the host's knowledge;
 *   3. else, where the host does not know, the handler is not called, which
 *      counts in kp.nmissed.
 * A function that takes more than TL_JPROBE_STACK bytes of arguments by the
 * stack needs `stack_args`.
 *
 * Structures by reference.  On arm64 a structure of more than 16 bytes is in its
 * caller's frame, and its address is the argument (AAPCS64, B.4): whatever the handler
 * does to it the function would see.  Where `by_reference` says how large it is, the
 * handler gets the address of a copy; else it may only look at it.
 *
 * The copy has its own addresses.  The original is read once, when the handler
 * is called, and never written: objects of callers that others change meanwhile
 * keep what was written.  A pointer into the original stack therefore shows
 * what is there now, and a pointer to a copied argument is a pointer to the
 * copy, which is gone when the handler is.
 */
#ifndef TRAPLINE_JPROBES_H
#define TRAPLINE_JPROBES_H

#ifndef TRAPLINE_KPROBES_H
#include <trapline/kprobes.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Bytes of stack that are copied where `stack_args` is 0. */
#define TL_JPROBE_STACK 1024

/* The most that `stack_args` may be. */
#define TL_JPROBE_STACK_MAX 4096

/* `stack_args` of a function whose arguments are all in registers. */
#define TL_JPROBE_NO_STACK (-1)

/* So many arguments may be structures by reference; all their bytes together. */
#define TL_JPROBE_REGISTERS	  8
#define TL_JPROBE_REFERENCES	  16
#define TL_JPROBE_REFERENCE_BYTES 4096

/*
 * A jprobe.  The caller owns the memory, zeroes it, fills in where (kp.addr or
 * kp.symbol_name, the entry of a function) and entry, and leaves it alone from
 * registration to the end of unregistration.  kp.pre_handler is the engine's;
 * kp.post_handler, kp.counter and kp.flags are as in any probe.
 */
struct jprobe {
	struct kprobe kp;
	void *entry; /* the handler: the entry of a function */

	/*
	 * Trapline's own: bytes of arguments that the function takes by the
	 * stack, up to TL_JPROBE_STACK_MAX; 0: not known; TL_JPROBE_NO_STACK.
	 */
	int stack_args;

	/*
	 * Trapline's own, and looked at on arm64 alone: how large the structure
	 * is whose address is the argument in register x0, x1, ... x7 or, from
	 * [TL_JPROBE_REGISTERS] on, in the first, second, ... word of the stack
	 * arguments; 0: that is none.
	 */
	unsigned short by_reference[TL_JPROBE_REFERENCES];

	/* The engine's: the room that copies of these take, and the stack's words. */
	unsigned int room;
	unsigned int words;
};

/* What modules put around their handler. */
#define JPROBE_ENTRY(handler) (handler)

/*
 * Register @jp and arm it, unless it is DISABLED.
 *
 * Handlers of jprobes are called after the pre handlers of all kprobes and
 * kretprobes at the address, newest first, each with the arguments that the
 * function will get.  They are not called if a pre handler returned not 0.
 * There may be several at an address.
 *
 * Codes are those of register_kprobe(), and -TL_EINVAL: no entry, or the entry
 * is no function's; the probed address is not the entry of a function.
 * -TL_E2BIG: stack_args or by_reference is too much.  -TL_EINVAL: an address of
 * by_reference is not in stack_args.  -TL_EOPNOTSUPP: the first instruction of
 * the function can only be simulated; not on this architecture.
 */
int register_jprobe(struct jprobe *jp);

/*
 * Remove @jp.  When it returns the handler does not run and will not run, and
 * @jp may be freed.  One that was never registered gets kp.addr = NULL.
 */
void unregister_jprobe(struct jprobe *jp);

/* Register @num, all or none.  -TL_EINVAL also when num <= 0. */
int register_jprobes(struct jprobe **jps, int num);
void unregister_jprobes(struct jprobe **jps, int num);

/*
 * End the handler: the function goes on, with all registers and arguments as
 * they were.  Called by the handler, or by what it calls; does not return.
 * A handler that returns without it has ended, too, and its result is ignored.
 * Called where no handler of a jprobe is running, it does nothing.
 * Context: trap.
 */
void jprobe_return(void);

/* Arm or disarm.  -TL_EINVAL: not registered, or GONE. */
static inline int enable_jprobe(struct jprobe *jp)
{
	return enable_kprobe(&jp->kp);
}

static inline int disable_jprobe(struct jprobe *jp)
{
	return disable_kprobe(&jp->kp);
}

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
