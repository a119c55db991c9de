/* SPDX-License-Identifier: MIT */
/*
 * code.h - what is written into text, and what filters are asked: arm64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef TOOL_CODE_H
#define TOOL_CODE_H

#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Of the jump to a detour; of one to an island, 0: there are none. */
#define ISA_JUMP_BYTES	     4
#define ISA_SHORT_JUMP_BYTES 0

/*
 * Is the return address in a register when a function is entered?  Where it is
 * saved then, and if it is signed before, is the function's.
 */
#define ISA_RETURN_IN_REGISTER true

/* No window is longer. */
#define ISA_WINDOW 4

/* Is @code, at @at, a jump to a detour?  Then *@to is where it leads. */
static inline bool isa_is_jump(const uint8_t *code, uint64_t at, uint64_t *to)
{
	uint32_t word;

	memcpy(&word, code, sizeof(word));
	if (word >> 26 != 0x05)
		return false;
	*to = at + (uint64_t)((int64_t)(int32_t)(word << 6) >> 4);
	return true;
}

/* Or one to an island? */
static inline bool isa_is_short_jump(const uint8_t *code, uint64_t at,
				     uint64_t *to)
{
	(void)code;
	(void)at;
	(void)to;
	return false;
}

/* For seccomp.c: the architecture, and calls that are not the same everywhere. */
#define ISA_AUDIT AUDIT_ARCH_AARCH64
#define ISA_CALL_OPEN(flags)                             \
	{                                                \
		"openat", SYS_openat,                    \
		{                                        \
			(uint64_t) AT_FDCWD, 4096, flags \
		}                                        \
	}
#define ISA_CALLS_OF_STUB \
	{ "rt_sigprocmask", SYS_rt_sigprocmask, { 4096, 0, 0, 8 } },
#define ISA_CALLS_OF_LIBRARY

#endif
