/* SPDX-License-Identifier: MIT */
/*
 * registers.c - registers as probes and debug information name them: x86-64
 */
#include "registers.h"

#include <string.h>

#define N(table) (sizeof(table) / sizeof(*(table)))

enum {
	R15,
	R14,
	R13,
	R12,
	RBP,
	RBX,
	R11,
	R10,
	R9,
	R8,
	RAX,
	RCX,
	RDX,
	RSI,
	RDI,
	RIP = 16,
	RSP = 19
};

/* In the order of struct pt_regs. */
static const char *const names[] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8",
	"rax", "rcx", "rdx", "rsi", "rdi", NULL,  "rip", NULL,	NULL, "rsp",
};

/* In the order of the psABI, figure 3.36. */
static const uint8_t dwarf[] = { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP,
				 R8,  R9,  R10, R11, R12, R13, R14, R15 };

static const uint8_t argument[] = { RDI, RSI, RDX, RCX, R8, R9 };
static const uint8_t go_argument[] = {
	RAX, RBX, RCX, RDI, RSI, R8, R9, R10, R11
};

int register_word(const char *name, size_t len)
{
	for (size_t i = 0; i < N(names); i++)
		if (names[i] && strlen(names[i]) == len &&
		    !memcmp(names[i], name, len))
			return (int)i;
	return -1;
}

const char *dwarf_register_name(int64_t n)
{
	return n >= 0 && n < (int64_t)N(dwarf) ? names[dwarf[n]] : NULL;
}

int dwarf_register_word(int64_t n)
{
	return n >= 0 && n < (int64_t)N(dwarf) ? dwarf[n] : -1;
}

uint16_t argument_word(unsigned int n)
{
	return argument[n];
}

int go_argument_word(unsigned int n)
{
	return n < N(go_argument) ? go_argument[n] : -1;
}

uint16_t return_word(void)
{
	return RAX;
}

uint16_t sp_word(void)
{
	return RSP;
}

uint16_t pc_word(void)
{
	return RIP;
}
