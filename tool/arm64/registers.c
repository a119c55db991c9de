/* SPDX-License-Identifier: MIT */
/*
 * registers.c - registers as probes and debug information name them: arm64
 */
#include "registers.h"

#include <string.h>

#define N(table) (sizeof(table) / sizeof(*(table)))

/* In the order of struct pt_regs, and up to sp in that of DWARF for AArch64. */
static const char *const names[] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",	 "x7",	"x8",
	"x9",  "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
	"x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
	"x27", "x28", "x29", "x30", "sp",  "pc",
};

#define SP 31
#define PC 32

int register_word(const char *name, size_t len)
{
	for (size_t i = 0; i < N(names); i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return (int)i;
	return -1;
}

const char *dwarf_register_name(int64_t n)
{
	return n >= 0 && n <= SP ? names[n] : NULL;
}

int dwarf_register_word(int64_t n)
{
	return n >= 0 && n <= SP ? (int)n : -1;
}

/* x0 to x7. */
uint16_t argument_word(unsigned int n)
{
	return (uint16_t)n;
}

/* x0 to x15. */
int go_argument_word(unsigned int n)
{
	return n < 16 ? (int)n : -1;
}

uint16_t return_word(void)
{
	return 0;
}

uint16_t sp_word(void)
{
	return SP;
}

uint16_t pc_word(void)
{
	return PC;
}
