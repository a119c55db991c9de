/* SPDX-License-Identifier: MIT */
/*
 * isa.h - what the command must know of the processor: x86-64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef TOOL_ISA_H
#define TOOL_ISA_H

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <x86intrin.h>

#define ISA_NAME    "x86-64"
#define ISA_MACHINE EM_X86_64

/* Is it known what an instruction writes, as `watch` needs? */
#define ISA_WATCHES true

/* Is it known where a call of a Go function begins (object_go_check())? */
#define ISA_GO true

/* Relocations: what a function of the program chooses, and the usual ones. */
#define ISA_IRELATIVE R_X86_64_IRELATIVE
#define ISA_RELATIVE  R_X86_64_RELATIVE
#define ISA_JUMP_SLOT R_X86_64_JUMP_SLOT
#define ISA_GLOB_DAT  R_X86_64_GLOB_DAT

/*
 * Arguments in registers; how far above the stack pointer those are that are not, at
 * the entry.  See registers.h.
 */
#define ISA_ARGS       6
#define ISA_STACK_ARGS 8

/* DWARF's numbers: of the frame and the stack pointer; how many libdwfl wants to begin with. */
#define ISA_DWARF_FP   6
#define ISA_DWARF_SP   7
#define ISA_DWARF_REGS 17

/* Where addresses of programs end, but for those who ask for more. */
#define ISA_USER_END 0x00007ffffffff000ul

/* The bits of a return address that are no signature. */
#define ISA_ADDRESS_MASK ~0ull

/* One to be named where people are told how to; two, for the help. */
#define ISA_REGISTER  "rdi"
#define ISA_REGISTERS "%rdi %rax ..."

/* Where an instruction may begin, and what debuggers and the kernel put there. */
#define ISA_CODE_STEP 1

static inline bool isa_is_breakpoint(const uint8_t *code)
{
	return code[0] == 0xcc;
}

/* The clock of probes. */
static inline uint64_t isa_ticks(void)
{
	return __rdtsc();
}

/* Of them in a second; 0: it is to be measured. */
static inline uint64_t isa_tick_rate(void)
{
	return 0;
}

/* The word @text with a breakpoint at its beginning. */
static inline long isa_breakpoint(long text)
{
	return (text & ~0xffL) | 0xcc;
}

/*
 * Has the traced thread @pid met the breakpoint at @addr?  Then it goes on there.
 * 1, 0, or -1: it cannot be asked.
 */
static inline int isa_met_breakpoint(pid_t pid, uint64_t addr)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0)
		return -1;
	if (regs.rip != addr + 1)
		return 0;
	regs.rip = addr;
	return ptrace(PTRACE_SETREGS, pid, 0, &regs) != 0 ? -1 : 1;
}

#endif
