/* SPDX-License-Identifier: MIT */
/*
 * effect.h - which instruction touched an address, and what it did to it
 *
 * A data breakpoint of x86 traps behind the instruction.  So the instruction is
 * looked for among those that end there, and its operand is computed from the
 * registers as they are afterwards.  Bytes in, facts out: nothing is read from
 * anywhere.
 */
#ifndef TL_EFFECT_H
#define TL_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The general registers by their numbers in instructions. */
struct effect_regs {
	uint64_t gp[16];
	uint64_t ip;
	uint64_t flags;
};

enum effect_kind {
	EFFECT_READ,	/* writes nothing that is known */
	EFFECT_UNKNOWN, /* writes, and the registers do not tell what */
	EFFECT_VALUE,	/* writes `value` */
	EFFECT_ADD,	/* adds it, */
	EFFECT_AND,
	EFFECT_OR,
	EFFECT_XOR,
	EFFECT_NEG, /* what was there, negated */
	EFFECT_SHL, /* shifts by it, */
	EFFECT_SHR,
	EFFECT_SAR,
};

struct effect {
	enum effect_kind kind;
	bool certain;	/* the operand's address was computed, and is there */
	bool old_known; /* `old` is what was there */
	uint64_t ip;	/* where the instruction begins */
	uint64_t addr;	/* of the operand */
	unsigned int size;
	uint64_t value, old;
};

/*
 * The instruction that ends at @regs->ip and touches [@addr, @addr + @len).
 * @code: the @size bytes from @start, where an instruction begins, to beyond
 * @regs->ip.  Without a function, @aligned false, @start is only somewhere before.
 * False: none is found; then only @out->ip is set, to @regs->ip.
 */
bool effect_find(struct effect *out, const uint8_t *code, size_t size,
		 uint64_t start, bool aligned, const struct effect_regs *regs,
		 uint64_t addr, size_t len);

/*
 * What the instruction @in, whose bytes are @code, is going to write with the registers
 * @before it: where, and how many bytes.  @fs, @gs: the bases of these segments.
 * False: nothing, or it is not known.
 */
struct x86_insn;
bool effect_operand(const struct x86_insn *in, const uint8_t *code,
		    const struct effect_regs *before, uint64_t fs, uint64_t gs,
		    uint64_t *addr, uint64_t *len);

/*
 * What @e makes of the @len bytes at @addr, @old, into @new_value.  False: that
 * cannot be said.
 */
bool effect_apply(const struct effect *e, uint64_t addr, size_t len,
		  const uint8_t *old, bool old_known, uint8_t *new_value);

#endif
