/* SPDX-License-Identifier: MIT */
/*
 * insn.h - arm64 instructions as data: what may run elsewhere, what may not
 *
 * An instruction of arm64 is one word, and few of them depend on where they
 * stand.  So there are three answers:
 *
 *   slot       has the same effect at any address
 *   simulate   uses the program counter: done by a64_simulate() to saved
 *              registers, or rewritten by a64_relocate().  Vector literals are
 *              always rewritten: their registers are not among those saved
 *   refuse     changes the course of exceptions, belongs to an exclusive pair,
 *              or is not known
 *
 * No state, no allocation, no libc: every function may be called from any
 * context, on any machine, with any word.  The names of encodings are those of
 * the Arm Architecture Reference Manual for A-profile ("Arm ARM"), chapter C4.
 */
#ifndef ARM64_INSN_H
#define ARM64_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum a64_plan {
	A64_REFUSE,
	A64_SLOT,
	A64_SIM_B,	    /* b, bl */
	A64_SIM_B_COND,	    /* b.cond, bc.cond */
	A64_SIM_CBZ,	    /* cbz, cbnz */
	A64_SIM_TBZ,	    /* tbz, tbnz */
	A64_SIM_BR,	    /* br, blr, ret */
	A64_SIM_ADR,	    /* adr, adrp */
	A64_SIM_LITERAL,    /* ldr w, ldr x, ldrsw from a literal */
	A64_VECTOR_LITERAL, /* ldr s, d, q from a literal: rewritten */
};

/* A class of instructions: all words with (word & mask) == value. */
struct a64_rule {
	uint32_t mask;
	uint32_t value;
	enum a64_plan plan;
	const char *name;
};

/* The table, most specific first; every word matches its last rule. */
extern const struct a64_rule a64_rules[];
extern const size_t a64_nr_rules;

/* The first rule that @insn matches.  Context: any. */
const struct a64_rule *a64_match(uint32_t insn);

/* Is it to be simulated? */
static inline bool a64_simulates(enum a64_plan plan)
{
	return plan >= A64_SIM_B && plan <= A64_SIM_LITERAL;
}

/* The registers of a CPU, in the order in which Linux keeps them. */
struct a64_cpu {
	uint64_t x[31];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
};

/* Read @len bytes at @src: true, or false if they cannot be read. */
typedef bool (*a64_read)(void *dst, uint64_t src, size_t len);

/*
 * Do to @cpu what @insn at cpu->pc does, and move cpu->pc on.  False, and
 * nothing has changed: it would have faulted, or it is not to be simulated.
 * @read is called for literals only.  Context: that of @read.
 */
bool a64_simulate(uint32_t insn, struct a64_cpu *cpu, a64_read read);

/* Does condition @cond (0 to 15) hold under the flags of @pstate? */
bool a64_condition(unsigned int cond, uint64_t pstate);

/* Where a literal load at @pc reads, and how many bytes. */
uint64_t a64_literal_address(uint32_t insn, uint64_t pc);
size_t a64_literal_size(uint32_t insn);

/* The most words that a64_relocate() writes. */
#define A64_RELOCATED_WORDS 7

/*
 * Write code that, run at @to, has exactly the effect of @insn at @pc, and goes
 * on behind its last word where @insn would go on with the next instruction.
 * A call leaves the original return address.  Returns the number of words; 0:
 * it cannot be done from there (a branch target out of reach, blr x30, or an
 * instruction that is refused).
 *
 * A vector literal that is out of reach keeps x16 on the stack, 16 bytes below
 * the stack pointer, meanwhile.  Context: any.
 */
size_t a64_relocate(uint32_t insn, uint64_t pc, uint64_t to,
		    uint32_t out[A64_RELOCATED_WORDS]);

/*
 * Write `b` at @from to @to.  False if that is further than 128 MiB, or not a
 * whole number of words.
 */
bool a64_branch(uint64_t from, uint64_t to, uint32_t *out);

/* How many words before an instruction a64_in_exclusive() wants to see. */
#define A64_EXCLUSIVE_REACH 32

/*
 * Does the instruction that follows the @n words at @before (its function
 * starts with the first of them, or there are A64_EXCLUSIVE_REACH) stand
 * between a load-exclusive and its store?  An exception there clears the
 * monitor, and the pair would never succeed.
 */
bool a64_in_exclusive(const uint32_t *before, size_t n);

/*
 * May an indirect branch arrive at @insn where landing pads are asked for (bti,
 * paciasp, pacibsp)?  A branch in its place would fault there; brk does not.
 */
static inline bool a64_is_landing_pad(uint32_t insn)
{
	return (insn & 0xffffff3f) == 0xd503241f ||
	       (insn & 0xffffffbf) == 0xd503233f;
}

/* brk #imm16, and whether @insn is one, whatever its number. */
#define A64_BRK(imm) (0xd4200000u | (uint32_t)(imm) << 5)
static inline bool a64_is_brk(uint32_t insn)
{
	return (insn & 0xffe0001f) == 0xd4200000;
}

#endif
