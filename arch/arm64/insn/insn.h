/* SPDX-License-Identifier: MIT */
/*
 * insn.h - arm64 instructions as data: what may run elsewhere, what may not
 *
 * An instruction of arm64 is one word, and few of them depend on where they
 * stand.  So there are three answers:
 *
 *   copy       has the same effect at any address
 *   relocate   uses the program counter: rewritten by a64_relocate(), and where
 *              it is a branch, done by a64_simulate() to saved registers for
 *              those who want to see it done
 *   refuse     a trap, a return from one, something that a trap changes, or not
 *              known
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
	/* Refused. */
	A64_UNALLOCATED, /* no instruction, or none that is known here */
	A64_TRAP,	 /* brk, hlt, dcps: the program's own */
	A64_ERET,	 /* eret, drps: takes what a trap has overwritten */
	A64_STATE,	 /* reads that, or changes what a trap needs */

	/* Copied as they are. */
	A64_SLOT,
	A64_CALL,     /* svc, hvc, smc: comes back behind the copy */
	A64_LOAD_EX,  /* ldxr, ldxp: opens an exclusive sequence */
	A64_STORE_EX, /* stxr, stxp: ends it */
	A64_BR_AUTH,  /* braa, retaa: does not come back; can be simulated */

	/* Rewritten. */
	A64_BLR_AUTH,	    /* blraa; can be simulated */
	A64_MOPS,	    /* cpym, cpye: needs what stands before it */
	A64_PREFETCH,	    /* prfm from a literal */
	A64_VECTOR_LITERAL, /* ldr s, d, q from a literal */
	A64_SIM_ADR,	    /* adr, adrp */
	A64_SIM_LITERAL,    /* ldr w, ldr x, ldrsw from a literal */

	/* Rewritten, or simulated. */
	A64_SIM_B,	/* b, bl */
	A64_SIM_B_COND, /* b.cond, bc.cond */
	A64_SIM_CBZ,	/* cbz, cbnz */
	A64_SIM_TBZ,	/* tbz, tbnz */
	A64_SIM_BR,	/* br, blr, ret */
	A64_NR_PLANS
};

/* A class of instructions: all words with (word & mask) == value. */
struct a64_rule {
	uint32_t mask;
	uint32_t value;
	uint8_t plan;  /* enum a64_plan */
	char name[15]; /* for people: the first of its instructions */
};

/* The rule of @insn; that of the unallocated if no other.  Context: any. */
const struct a64_rule *a64_match(uint32_t insn);

/* The rules by number, from 0 until NULL. */
const struct a64_rule *a64_rule(unsigned int n);

static inline bool a64_refused(enum a64_plan plan)
{
	return plan <= A64_STATE;
}

/* Does a64_simulate() know it?  */
static inline bool a64_simulates(enum a64_plan plan)
{
	return plan >= A64_SIM_ADR || plan == A64_BR_AUTH ||
	       plan == A64_BLR_AUTH;
}

/*
 * Does @insn at @pc name a *@place by its distance: the target of a branch, the
 * result of adr and adrp, a literal?  Context: any.
 */
bool a64_place(uint32_t insn, uint64_t pc, uint64_t *place);

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
 * Authenticate *@pointer with @modifier and instruction key A or B, as the CPU
 * does, and strip it: true, or false if it is not authentic.
 */
typedef bool (*a64_auth)(uint64_t *pointer, uint64_t modifier, bool key_b);

/*
 * Do to @cpu what @insn at cpu->pc does, and move cpu->pc on.  False, and
 * nothing has changed: it would have faulted, or it is not to be simulated.
 * @read is called for literals only, @auth for authenticated branches.  PSTATE.BTYPE is 0
 * afterwards: no landing pad is asked for.  Context: that of @read and @auth.
 */
bool a64_simulate(uint32_t insn, struct a64_cpu *cpu, a64_read read,
		  a64_auth auth);

/* Does condition @cond (0 to 15) hold under the flags of @pstate? */
bool a64_condition(unsigned int cond, uint64_t pstate);

/* How many bytes a literal load reads. */
size_t a64_literal_size(uint32_t insn);

/* The most words that a64_relocate() writes. */
#define A64_RELOCATED_WORDS 7

/*
 * Write code that, run at @to, has exactly the effect of @insn at @pc, and goes
 * on behind its last word where @insn would go on with the next instruction.
 * A call leaves the original return address.  Returns the number of words; 0:
 * it cannot be done from there (a branch target out of reach), or not at all (a
 * call of x30, or an instruction that is refused).
 *
 * A branch to a register is made by one to a register, so memory at @to must not
 * be guarded (PROT_BTI): from there every landing pad is a good one.  A vector
 * literal that is out of reach keeps x16 on the stack, 16 bytes below
 * the stack pointer, meanwhile.  Context: any.
 */
size_t a64_relocate(uint32_t insn, uint64_t pc, uint64_t to,
		    uint32_t out[A64_RELOCATED_WORDS]);

/*
 * Which of these words is @insn itself, with all of it still to be done?  0 but
 * for memory copies, which have others of their sequence before them.
 */
unsigned int a64_relocated_self(uint32_t insn);

/*
 * Write `b` at @from to @to.  False if that is further than 128 MiB, or not a
 * whole number of words.
 */
bool a64_branch(uint64_t from, uint64_t to, uint32_t *out);

/* paciasp or pacibsp?  It signs the return address. */
static inline bool a64_is_paciasp(uint32_t insn)
{
	return (insn & 0xffffffbf) == 0xd503233f;
}

/*
 * May an indirect branch arrive at @insn where landing pads are asked for (bti,
 * paciasp, pacibsp)?  A branch in its place would fault there; brk does not.
 */
static inline bool a64_is_landing_pad(uint32_t insn)
{
	return (insn & 0xffffff3f) == 0xd503241f || a64_is_paciasp(insn);
}

/*
 * pacm: the instruction after it signs with its own address, and an exception or
 * a branch in between would undo that.
 */
#define A64_PACM 0xd50324ffu

/* brk #imm16, and whether @insn is one, whatever its number. */
#define A64_BRK(imm) (0xd4200000u | (uint32_t)(imm) << 5)
static inline bool a64_is_bc(uint32_t insn)
{
	return (insn & 0xff000010) == 0x54000010;
}

static inline bool a64_is_brk(uint32_t insn)
{
	return (insn & 0xffe0001f) == 0xd4200000;
}

/* ---- control flow ---- */

/* Whole words of code: [start, end). */
struct a64_range {
	uint64_t start;
	uint64_t end;
};

/* A function, [start, end), or as much as is known of the code around a place. */
struct a64_flow {
	uint64_t start;
	uint64_t end;

	/* Copy @n bytes from @src; 0, or negative if not all is readable. */
	int (*read)(void *ctx, void *dst, uint64_t src, size_t n);
	void *ctx;

	/* a64_flow_bytes() of them, for a64_flow_learn(). */
	uint8_t *facts;

	/* For a64_flow_exits(): what it goes on to, or has elsewhere. */
	const struct a64_range *parts;
	unsigned int nr_parts;
};

/* Longer ones are not looked at: in words. */
#define A64_FUNCTION_MAX 65536

static inline size_t a64_flow_words(const struct a64_flow *flow)
{
	return (flow->end - flow->start) / 4;
}

/* Two bits for each word. */
static inline size_t a64_flow_bytes(const struct a64_flow *flow)
{
	return a64_flow_words(flow) / 4 + 1;
}

/*
 * Find out, along all ways that control may take in the function, where a
 * load-exclusive may have been executed and its store-exclusive not yet: an
 * exception, or a store of somebody else's, would make the store fail, and the
 * program try for ever.  Indirect branches and calls are taken to come back or
 * to leave.  false: there is no such place.  flow->facts is written if it is true.
 *
 * Context: any; time is linear in the size of the function, times the number
 * of its loops that are nested.
 */
bool a64_flow_learn(struct a64_flow *flow);

/* Is @addr between the two?  The load-exclusive itself is not. */
bool a64_flow_in_exclusive(const struct a64_flow *flow, uint64_t addr);

/* The nearest place in the function that is not; the one before of two.  0: none */
uint64_t a64_flow_near(const struct a64_flow *flow, uint64_t addr);

/* Where a call of a function ends. */
struct a64_exit {
	uint64_t ret;
	unsigned int part; /* from 1, in flow->parts; 0: the function itself */
};

/*
 * At which instructions do calls of the function end?  Their number, at most @max, or
 * -1: it is not certain that there are no others.  Certain is: all of it decodes, and
 *
 *   - it goes to a register only by calls and by returns to x30: there are no
 *     tables of jumps, no other ways back
 *   - no branch leaves it and its parts (a part is a function that it goes on to, a
 *     tail call, or a piece of its own), and none leads to its start, which would
 *     be the entry of a call that nobody has made
 *   - no call leads to its inside: the return would be no return of it.  (A part
 *     that is a function may be called.)
 *   - nothing in it is read or named as data, which might look like a return
 *   - control does not run out at its end, but behind a call, which is one that
 *     never returns
 *
 * *@outside: where a branch leaves, so that asking again with the part that is there
 * may help; 0: that was not the reason.  Context: any.
 */
int a64_flow_exits(const struct a64_flow *flow, struct a64_exit *exits,
		   unsigned int max, uint64_t *outside);

/*
 * Does the function at flow->start keep the address that it returns to where
 * others find it, or go there by another way than a return, as setjmp,
 * getcontext and swapcontext do?  Looks along the straight line from its start, to the first
 * branch, and not beyond flow->end.  *@next: where that branch always goes, as
 * _setjmp's does; 0: it does not, or there is none.  Context: any.
 */
bool a64_flow_takes_return(const struct a64_flow *flow, uint64_t *next);

#endif
