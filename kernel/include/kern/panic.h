/* SPDX-License-Identifier: MIT */
/* panic.h - the end */
#ifndef KERN_PANIC_H
#define KERN_PANIC_H

struct pt_regs;

/*
 * Print the message, the registers in @regs unless it is NULL, and the calls
 * that led here; then leave the machine with a status that says "panic".
 * A panic inside a panic leaves at once.  Context: any.
 */
void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Has another CPU ended the kernel?  Stop here, for ever.  Context: any. */
_Bool is_panicking(void);
void halt(void) __attribute__((noreturn));

#define panic(...) panic_regs(NULL, __VA_ARGS__)

/* What must be true.  Context: any. */
#define ASSERT(cond)                                                    \
	do {                                                            \
		if (!(cond))                                            \
			panic("%s:%d: %s is false", __FILE__, __LINE__, \
			      #cond);                                   \
	} while (0)

#endif
