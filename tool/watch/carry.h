/* SPDX-License-Identifier: MIT */
/*
 * carry.h - plain stores, carried out for the thread that was about to make one
 *
 * Two halves: carry_plan() says which bytes in memory are read and written, and
 * carry_out() what becomes of them, of the flags and of a register.  Nothing is read
 * from or written to anywhere: bytes and registers in, facts out.
 */
#ifndef TL_CARRY_H
#define TL_CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "effect.h"

struct x86_insn;

enum carry_op {
	CARRY_MOV,
	CARRY_ADD, /* in the order of the opcodes */
	CARRY_OR,
	CARRY_ADC,
	CARRY_SBB,
	CARRY_AND,
	CARRY_SUB,
	CARRY_XOR,
	CARRY_INC,
	CARRY_DEC,
	CARRY_NOT,
	CARRY_NEG,
	CARRY_XCHG,
	CARRY_XADD,
};

struct carry {
	enum carry_op op;
	uint64_t addr;	    /* of the operand, */
	unsigned int size;  /* which has 1, 2, 4 or 8 bytes */
	bool reads;	    /* what is there matters */
	uint64_t source;    /* the other operand */
	unsigned int n;	    /* the register that it is in, if `changes` */
	unsigned int shift; /* 8: it is ah, ch, dh or bh */
	bool changes;
	/* Behind the instruction: */
	uint64_t value; /* what the operand is, */
	uint64_t gp;	/* the register, */
	uint64_t flags, ip;
};

/*
 * Is @in, with the registers @r before it, an instruction that can be carried out?
 * Then *@c says where.  False: it is to be executed by its thread.
 *
 * What has a segment's base, repeats, is traced by the program itself, or may fault in
 * some way that memory does not show, is not.
 */
bool carry_plan(struct carry *c, const struct x86_insn *in,
		const struct effect_regs *r);

/* What it does, if its operand is @old (if that matters). */
void carry_out(struct carry *c, const struct effect_regs *r, uint64_t old);

#endif
