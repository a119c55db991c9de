/* SPDX-License-Identifier: MIT */
/*
 * isa.h - what the command must know of the processor: arm64
 *
 * The same names as in the other folder of this kind.
 */
#ifndef TOOL_ISA_H
#define TOOL_ISA_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

#define ISA_NAME    "arm64"
#define ISA_MACHINE EM_AARCH64

/* Is it known what an instruction writes, as `watch` needs? */
#define ISA_WATCHES false

/* Is it known where a call of a Go function begins (object_go_check())? */
#define ISA_GO false

/* Relocations: what a function of the program chooses, and the usual ones. */
#define ISA_IRELATIVE R_AARCH64_IRELATIVE
#define ISA_RELATIVE  R_AARCH64_RELATIVE
#define ISA_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define ISA_GLOB_DAT  R_AARCH64_GLOB_DAT

/*
 * Arguments in registers; how far above the stack pointer those are that are not, at
 * the entry.  See registers.h.
 */
#define ISA_ARGS       8
#define ISA_STACK_ARGS 0

/* DWARF's numbers: of the frame and the stack pointer; how many libdwfl wants to begin with. */
#define ISA_DWARF_FP   29
#define ISA_DWARF_SP   31
#define ISA_DWARF_REGS 32

/* Where addresses of programs end, but for those who ask for more. */
#define ISA_USER_END 0x0000fffffffff000ul

/* The bits of a return address that are no signature. */
#define ISA_ADDRESS_MASK 0x0000ffffffffffffull

/* Where an instruction may begin, and what debuggers and the kernel put there. */
#define ISA_CODE_STEP 4

static inline bool isa_is_breakpoint(const uint8_t *code)
{
	/* brk, with any number */
	return code[3] == 0xd4 && (code[2] & 0xe0) == 0x20 && !(code[0] & 0x1f);
}

/* One to be named where people are told how to; two, for the help. */
#define ISA_REGISTER  "x0"
#define ISA_REGISTERS "%x0 %sp ...  "

/* The clock of probes. */
static inline uint64_t isa_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

/* Of them in a second; 0: it is to be measured. */
static inline uint64_t isa_tick_rate(void)
{
	uint64_t rate;

	__asm__("mrs %0, cntfrq_el0" : "=r"(rate));
	return rate;
}

/* The word @text with a breakpoint at its beginning. */
static inline long isa_breakpoint(long text)
{
	return (text & ~0xffffffffL) | 0xd4200000;
}

/*
 * Has the traced thread @pid met the breakpoint at @addr?  Then it goes on there.
 * 1, 0, or -1: it cannot be asked.
 */
static inline int isa_met_breakpoint(pid_t pid, uint64_t addr)
{
	struct user_regs_struct regs;
	struct iovec all = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all) != 0)
		return -1;
	return regs.pc == addr;
}

#endif
