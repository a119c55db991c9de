/* SPDX-License-Identifier: MIT */
/*
 * isa.h - an invented instruction set, to test the engine without a real one
 *
 * Every instruction is one byte of opcode and its operands.  The program's
 * registers are those of struct pt_regs of the build machine; cpu.c executes
 * one instruction at a time, so that a test can stop anywhere.
 */
#ifndef TL_ISA_H
#define TL_ISA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define TL_BREAKPOINT_BYTES 1
#define TL_SLOT_BYTES	    96
#define TL_DETOUR_BYTES	    192
#define TL_JUMP_REACH	    0x40000000L

#define SIM_JUMP_BYTES	5
#define SIM_HOP_BYTES	2
#define TL_ORIG_BYTES	12
#define TL_ISLAND_BYTES 5

/* clang-format off */
enum sim_op {
	SIM_NOP    = 0x01, /* 1 */
	SIM_INC    = 0x02, /* 1  ax += 1 */
	SIM_ADD    = 0x03, /* 2  ax += operand */
	SIM_JMP    = 0x04, /* 2  go on at the next instruction + operand */
	SIM_CALL   = 0x05, /* 5  push the next address, go to it + operand */
	SIM_RET    = 0x06, /* 1 */
	SIM_LOAD   = 0x07, /* 1  dx = the word at si; faults if si is 0 */
	SIM_WHERE  = 0x08, /* 1  bx = the next address */
	SIM_ONLY   = 0x09, /* 1  ax += 100; has no copy; faults if si is 0 */
	SIM_FAR    = 0x0a, /* 1  has no copy near: its slot is -TL_ERANGE */
	SIM_REFUSE = 0x0b, /* 1  -TL_EOPNOTSUPP */
	SIM_JUMP   = 0x0c, /* 5  what a detour is reached by */
	SIM_HOP    = 0x0d, /* 2  what an island is reached by */
	SIM_PAD    = 0x0e, /* 1  padding: executed by nobody */
	SIM_TRAP   = 0xcc, /* 1  the breakpoint */

	/* In slots and detours only; operands of 8 bytes. */
	SIM_X_PRE  = 0x20, /* point */
	SIM_X_POST = 0x21, /* point, next address */
	SIM_X_COUNT = 0x22, /* cell */
	SIM_X_GOTO = 0x23, /* address */
	SIM_X_CALL = 0x24, /* return address, target */
	SIM_X_BX   = 0x25, /* value */
	SIM_X_RETURN = 0x26, /* none: the trampoline */
};
/* clang-format on */

/* Debug registers, and control registers for them: arch.h. */
#define TL_BP_MAX      2
#define TL_BP_CONTROLS 1

struct tl_plan {
	uint8_t orig[TL_ORIG_BYTES];
	uint8_t orig_len;
	uint8_t insn_len;
	uint8_t window_len;
	enum tl_why why;
	bool island;
	uintptr_t pad, pad_end; /* the function's first run of padding */
};

/* What the handler of a jprobe is: @bytes of stack arguments at @copy. */
typedef void sim_jprobe_fn(const struct pt_regs *regs, const void *copy,
			   size_t bytes);

/* Length of the instruction with opcode @op; 0: there is none. */
unsigned int sim_len(uint8_t op);

/* May jumps be written straight over text?  Set by tests. */
extern bool sim_exchangeable;

enum sim_event {
	SIM_WENT_ON,
	SIM_FAULTED,  /* the fault was offered to tl_trap_fault() */
	SIM_UNKNOWN,  /* no such instruction: a torn one, in tests */
	SIM_NOT_OURS, /* a breakpoint that the engine did not want */
};

/* Execute one instruction. */
enum sim_event sim_step(struct pt_regs *regs);

/*
 * Execute until the instruction pointer is @until, at most @limit instructions.
 * The last event; SIM_UNKNOWN also when it did not get there.
 */
enum sim_event sim_run(struct pt_regs *regs, uintptr_t until,
		       unsigned int limit);

/* ---- the registers of a trap, as arch.h has them --------------------------- */

static inline uintptr_t tl_arch_breakpoint_addr(const struct pt_regs *regs)
{
	return regs->ip - 1;
}

static inline void tl_arch_set_handler_ip(struct pt_regs *regs, uintptr_t addr)
{
	regs->ip = addr + 1;
}

static inline void tl_arch_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->ip = ip;
}

static inline uintptr_t tl_arch_ip(const struct pt_regs *regs)
{
	return regs->ip;
}

static inline uintptr_t tl_arch_sp(const struct pt_regs *regs)
{
	return regs->sp;
}

static inline void tl_arch_set_sp(struct pt_regs *regs, uintptr_t sp)
{
	regs->sp = sp;
}

static inline unsigned long *tl_arch_return_slot(struct pt_regs *regs)
{
	return (unsigned long *)regs->sp;
}

#endif
