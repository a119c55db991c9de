/* SPDX-License-Identifier: MIT */
/*
 * code.h - what is written into text, and what filters are asked: x86-64
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
#define ISA_JUMP_BYTES	     5
#define ISA_SHORT_JUMP_BYTES 2

/*
 * Is the return address in a register when a function is entered?  Where it is
 * saved then, and if it is signed before, is the function's.
 */
#define ISA_RETURN_IN_REGISTER false

/* No window is longer. */
#define ISA_WINDOW 20

/* Is @code, at @at, a jump to a detour?  Then *@to is where it leads. */
static inline bool isa_is_jump(const uint8_t *code, uint64_t at, uint64_t *to)
{
	int32_t rel;

	if (code[0] != 0xe9)
		return false;
	memcpy(&rel, code + 1, sizeof(rel));
	*to = at + 5 + (uint64_t)(int64_t)rel;
	return true;
}

/* Or one to an island? */
static inline bool isa_is_short_jump(const uint8_t *code, uint64_t at,
				     uint64_t *to)
{
	if (code[0] != 0xeb)
		return false;
	*to = at + 2 + (uint64_t)(int64_t)(int8_t)code[1];
	return true;
}

/* For seccomp.c: the architecture, and calls that are not the same everywhere. */
#define ISA_AUDIT AUDIT_ARCH_X86_64
#define ISA_CALL_OPEN(flags)        \
	{                           \
		"open", SYS_open,   \
		{                   \
			4096, flags \
		}                   \
	}
#define ISA_CALLS_OF_STUB
#define ISA_CALLS_OF_LIBRARY { "arch_prctl", SYS_arch_prctl, { 0x1003, 4096 } },

#endif
