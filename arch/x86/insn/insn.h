/* SPDX-License-Identifier: MIT */
/*
 * insn.h - x86-64 instructions as data: decode, relocate, displace
 *
 * Three questions about machine code, answered without running it and without
 * knowing who asks:
 *
 *   x86_decode()        what is this instruction?
 *   x86_relocate()      what code, run elsewhere, has exactly its effect?
 *   x86_flow_window()   may one jump take the place of several of them?
 *
 * 64-bit mode only.  No state, no allocation, no libc: every function may be
 * called from any context, on any machine, with hostile bytes.  Unknown
 * instructions are refused, never guessed.
 *
 * Errors are negative Linux numbers, below.  Manual references are to the
 * Intel 64 and IA-32 Architectures Software Developer's Manual ("SDM").
 */
#ifndef X86_INSN_H
#define X86_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define X86_EINVAL      22	/* must not be probed (mov ss, pop ss) */
#define X86_ENOSPC      28	/* the buffer is too small */
#define X86_ERANGE      34	/* an operand cannot be reached from there */
#define X86_EILSEQ      84	/* not an instruction, or cut off, or int3/ud */
#define X86_EOPNOTSUPP  95	/* valid, but what is asked cannot be done */

#define X86_INSN_MAX    15	/* longest instruction (SDM 2.3.11) */
#define X86_RELOC_MAX   48	/* longest output of x86_relocate() */

/* What an instruction does to the flow of control, or what forbids it. */
enum x86_kind {
	X86_NORMAL,		/* falls through */
	X86_JMP,		/* jmp rel: target */
	X86_JCC,		/* jcc rel: target, cond 0..15 */
	X86_LOOP,		/* loopne, loope, loop, jrcxz: cond 0..3 */
	X86_CALL,		/* call rel: target */
	X86_JMP_IND,		/* jmp *reg, jmp *mem */
	X86_CALL_IND,		/* call *reg, call *mem */
	X86_JMP_FAR,		/* ljmp *mem */
	X86_CALL_FAR,		/* lcall *mem */
	X86_RET,		/* ret, ret imm16 */
	X86_RET_FAR,		/* lret, lret imm16 */
	X86_IRET,		/* iret, iretd, iretq; uiret, eretu, erets */
	X86_SYSCALL,		/* syscall */
	X86_SYSENTER,		/* sysenter: comes back elsewhere */
	X86_SYSRET,		/* sysret, sysexit: to user mode */
	X86_INT3,		/* cc */
	X86_INT1,		/* f1 */
	X86_INT,		/* int imm8 */
	X86_UD,			/* ud0, ud1, ud2 */
	X86_HLT,		/* hlt */
	X86_XBEGIN,		/* xbegin rel: target is the abort handler */
	X86_VM,			/* vmcall, vmlaunch, vmresume, vmxoff, vmmcall, … */
	X86_LOAD_SS,		/* mov %ss, pop %ss: holds off traps */
};

/* How the opcode is encoded; map counts 0 one-byte, 1 0F, 2 0F38, 3 0F3A. */
enum x86_enc {
	X86_LEGACY,
	X86_VEX,		/* maps 1..3 */
	X86_EVEX,		/* maps 1..3, 5, 6 */
	X86_XOP,		/* maps 8..10 */
	X86_3DNOW,		/* map 1, opcode is the trailing byte */
};

/* Prefixes that are present (whether or not they have an effect). */
enum x86_prefix {
	X86_P_66   = 1 << 0,	/* operand size */
	X86_P_67   = 1 << 1,	/* address size */
	X86_P_F0   = 1 << 2,	/* lock */
	X86_P_F2   = 1 << 3,	/* repne, bnd, mandatory, xacquire */
	X86_P_F3   = 1 << 4,	/* rep, mandatory, xrelease */
	X86_P_CS   = 1 << 5,	/* 2e; not-taken hint */
	X86_P_SS   = 1 << 6,
	X86_P_DS   = 1 << 7,	/* 3e; taken hint, notrack */
	X86_P_ES   = 1 << 8,
	X86_P_FS   = 1 << 9,
	X86_P_GS   = 1 << 10,
	X86_P_REX  = 1 << 11,	/* a REX prefix that counts: insn.rex */
};

/* Further properties. */
enum x86_attr {
	X86_A_RIPREL   = 1 << 0,  /* memory operand at mem_addr, from rip */
	X86_A_MEM      = 1 << 1,  /* has a ModRM memory operand */
	X86_A_RSP      = 1 << 2,  /* reads or writes rsp, also implicitly */
	X86_A_LOCK     = 1 << 3,  /* lock prefix (decoded only where legal) */
	X86_A_REP      = 1 << 4,  /* string instruction with rep/repne */
	X86_A_STRING   = 1 << 5,  /* movs, stos, lods, cmps, scas, ins, outs */
	X86_A_ENDBR    = 1 << 6,  /* endbr64, endbr32 */
	X86_A_NOP      = 1 << 7,  /* nop and its multi-byte forms */
	X86_A_PRIV     = 1 << 8,  /* faults outside ring 0 (or by IOPL) */
	X86_A_FIP_SET  = 1 << 9,  /* x87: records its own address */
	X86_A_FIP_GET  = 1 << 10, /* stores that address: fnstenv, fxsave, … */
	X86_A_PUSHF    = 1 << 11, /* stores the flags */
	X86_A_POPF     = 1 << 12, /* loads the flags, TF and IF included */
	X86_A_VENDOR   = 1 << 13, /* AMD and Intel differ: 66 on a near branch */
	X86_A_NOFALL   = 1 << 14, /* never goes on with the next instruction */
};

/* Flags, by their place in RFLAGS. */
#define X86_FL_CF       0x0001
#define X86_FL_PF       0x0004
#define X86_FL_AF       0x0010
#define X86_FL_ZF       0x0040
#define X86_FL_SF       0x0080
#define X86_FL_DF       0x0400
#define X86_FL_OF       0x0800
#define X86_FL_STATUS   0x08d5	/* all but DF */

/* base and index of a memory operand: 0..15 (31 with APX: never), or */
#define X86_REG_RSP     4
#define X86_REG_RBP     5
#define X86_REG_RIP     0x40
#define X86_REG_NONE    0xff
/* clang-format on */

struct x86_insn {
	uint64_t addr;	   /* where it was decoded */
	uint64_t next;	   /* addr + len */
	uint64_t target;   /* direct branches and xbegin; else 0 */
	uint64_t mem_addr; /* X86_A_RIPREL: the operand's address; else 0 */
	int64_t imm;	   /* first immediate, sign-extended */
	int32_t disp;	   /* displacement, sign-extended */
	uint32_t attrs;	   /* enum x86_attr */
	uint16_t prefixes; /* enum x86_prefix */

	/*
	 * RFLAGS bits, status flags and DF.  reads: at least all it may read.
	 * sets: only bits whose old value is certainly gone afterwards (AF
	 * counts as gone where the manual calls it undefined).  changes: at
	 * least all it may alter.  A call, syscall or unknown effect reads
	 * all and sets none.
	 */
	uint16_t flags_read;
	uint16_t flags_set;
	uint16_t flags_changed;

	uint8_t len;
	uint8_t kind; /* enum x86_kind */
	uint8_t enc;  /* enum x86_enc */
	uint8_t map;
	uint8_t opcode; /* last opcode byte */
	uint8_t rex;	/* 0, or the REX byte that counts */
	uint8_t cond;	/* X86_JCC, X86_LOOP */

	/* Offsets from the first byte; 0 means absent (opcode_off excepted). */
	uint8_t opcode_off;
	uint8_t modrm_off;
	uint8_t sib_off;
	uint8_t disp_off;
	uint8_t disp_size; /* 0, 1, 4; 8 for moffs */
	uint8_t imm_off;   /* branch displacements count as immediates */
	uint8_t imm_size;  /* both of enter's, all of them: to the end */

	uint8_t modrm;
	uint8_t sib;
	uint8_t reg;   /* ModRM.reg with its extension bit */
	uint8_t rm;    /* register operand (ModRM.mod 3), extended */
	uint8_t base;  /* memory operand: X86_REG_* or 0..15 */
	uint8_t index; /* same; X86_REG_NONE for none */
	uint8_t scale; /* 1, 2, 4, 8 */
};

/*
 * Decode the instruction at @code, of which @avail bytes may be read, as if it
 * were at address @addr.  0, or -X86_EILSEQ: not a valid instruction, unknown,
 * or longer than @avail.  On failure *@in is unspecified.
 *
 * A near branch with a 66 prefix and no REX.W has another length and effect on
 * AMD; it is decoded as Intel does and marked X86_A_VENDOR.
 *
 * Context: any.
 */
int x86_decode(struct x86_insn *in, const uint8_t *code, size_t avail,
	       uint64_t addr);

/*
 * May a probe be put on this instruction?  0, or Linux's refusal:
 * -X86_EILSEQ for int3, int1, int n, ud; -X86_EINVAL for mov/pop ss;
 * -X86_EOPNOTSUPP for iret, far calls and jumps, the vmcall family, sysenter,
 * sysret, and X86_A_VENDOR.  Unlike Linux, `call *mem` and `jmp *mem` are fine.
 *
 * Context: any.
 */
int x86_can_probe(const struct x86_insn *in);

/*
 * Write code that, run at address @to, has exactly the effect of the
 * instruction @in (decoded from @code) at in->addr, and falls through to
 * out + returned length where the original falls through to in->next.
 *
 *   - Branches go to their original targets (a literal follows when those are
 *     out of reach); calls push the original return address.
 *   - Nothing else is visible: no flags, no register, no byte of the stack or
 *     red zone that the original does not change.  The exceptions: the x87
 *     instruction pointer (X86_A_FIP_SET), and a user shadow stack, to which
 *     a relocated call adds nothing.
 *   - Bytes after a jump or call may be literals: the output is code and
 *     read-only data.  It may be moved to no other address.
 *
 * Returns the length, at most X86_RELOC_MAX; or -X86_ENOSPC (@room),
 * -X86_ERANGE (an operand is more than 2 GiB from @to), or what
 * x86_can_probe() says, or -X86_EOPNOTSUPP for the few that no code without a
 * free register can stand for: `call *%rsp`, and `call *-8(%rsp)`, whose
 * operand is where the return address goes (not noticed when another register
 * leads there).  `int n` and `hlt` are copied.
 *
 * Context: any.
 */
int x86_relocate(const struct x86_insn *in, const uint8_t *code, uint64_t to,
		 uint8_t *out, size_t room);

/*
 * How many bytes of x86_relocate()'s output for @in come up to and including
 * the system call instruction: out + this is the address that the kernel
 * reports for a thread sleeping in it.  0 if @in is no syscall or int n.
 *
 * Context: any.
 */
unsigned int x86_reloc_syscall_end(const struct x86_insn *in);

/*
 * Where is a thread that was stopped @off bytes into the output of
 * x86_relocate()?  The output of most instructions is one instruction, and the
 * answer X86_AT_START; the rest is described here, so that the thread can be
 * shown, or put, at its original place.  @out_len is what x86_relocate()
 * returned.
 *
 *   X86_AT_START   nothing done yet: same as the original at in->addr
 *   X86_AT_TARGET  (branches) only the jump to in->target is left
 *   X86_AT_NEXT    (branches) only the way to in->next is left
 *   X86_AT_PUSHED  (calls) return address pushed, jump not made: undo with
 *                  rsp += 8 (the bytes below rsp hold the return address)
 *   X86_AT_RCX     (syscall) done but for rcx: rcx = in->next, ip = in->next
 *   X86_AT_NOWHERE not the start of one of the instructions written
 *
 * Context: any.
 */
enum x86_at {
	X86_AT_START,
	X86_AT_TARGET,
	X86_AT_NEXT,
	X86_AT_PUSHED,
	X86_AT_RCX,
	X86_AT_NOWHERE,
};
enum x86_at x86_reloc_where(const struct x86_insn *in, unsigned int out_len,
			    unsigned int off);

/* Is condition @cond (0..15, as in jcc) true of @flags?  Context: any. */
bool x86_cond_true(unsigned int cond, uint64_t flags);

/*
 * Write `jmp rel32` (5 bytes) at address @at to @target.  0 or -X86_ERANGE.
 * Context: any.
 */
int x86_write_jmp(uint8_t *out, uint64_t at, uint64_t target);

/*
 * Write a jump from @at to @target, whatever the distance: rel32, or through a
 * literal (no register, no flags).  Length, or -X86_ENOSPC.  Context: any.
 */
int x86_write_jmp_any(uint8_t *out, size_t room, uint64_t at, uint64_t target);

/* Write @n bytes of the recommended multi-byte nops.  Context: any. */
void x86_write_nops(uint8_t *out, size_t n);

/* ---- control flow ---- */

/* clang-format off */
/* Why a window cannot be displaced.  Values are stable. */
enum x86_flow_result {
	X86_FLOW_OK              = 0,
	X86_FLOW_NOT_A_BOUNDARY  = 1, /* addr is inside an instruction */
	X86_FLOW_UNDECODABLE     = 2, /* the function is not all instructions */
	X86_FLOW_TARGET_INSIDE   = 3, /* something jumps to an inner byte */
	X86_FLOW_PAST_END        = 4, /* the function ends too soon */
	X86_FLOW_INDIRECT        = 5, /* an indirect jump could go anywhere */
	X86_FLOW_CALL_INSIDE     = 6, /* a call or syscall but not at the end */
	X86_FLOW_NOT_RELOCATABLE = 7, /* an instruction cannot be moved */
	X86_FLOW_NO_BOUNDS       = 8, /* bounds missing, absurd or unreadable */
};
/* clang-format on */

#define X86_WINDOW_MAX	 20 /* a need of 5 and one instruction, at least */
#define X86_NEED_MAX	 12
#define X86_WINDOW_INSNS 5

struct x86_range {
	uint64_t start;
	uint64_t end;
};

/* A function, as far as the caller knows it.  Unused members are zero. */
struct x86_flow {
	uint64_t start; /* bounds: [start, end) */
	uint64_t end;

	/*
	 * Bytes in [end, pad_end) belong to nobody if they are nops, int3 or
	 * zeros (the next symbol begins at pad_end).  0: do not use them.
	 */
	uint64_t pad_end;

	/*
	 * Where code may be.  Entries of jump tables are followed while they
	 * fall in here.  Zero: 64 MiB around the function.
	 */
	struct x86_range text;

	/* Copy @n bytes from @src; 0, or negative if not all is readable. */
	int (*read)(void *ctx, void *dst, uint64_t src, size_t n);
	void *ctx;

	/*
	 * Other pieces of the same function (foo.cold, foo.part.0): scanned
	 * for branches into [start, end).
	 */
	const struct x86_range *parts;
	unsigned int nr_parts;
	bool tails; /* for x86_flow_exits(): parts may be functions */

	/* For exits: a jump to the start is none to the entry of a call. */
	bool restarts;

	/*
	 * Further addresses that may be jumped to, in ascending order:
	 * exception landing pads, relocations into code, what
	 * x86_flow_targets() found elsewhere.
	 */
	const uint64_t *targets;
	size_t nr_targets;

	/*
	 * The caller knows by himself which jumps of more than 128 bytes lead
	 * from other functions into this one, and which pointers in the
	 * program's data: they are not looked for.
	 */
	bool closed;

	/* For x86_flow_window(); what is found out stays here for the next. */
	struct x86_facts *facts;
};

/*
 * What is known of one function, for as long as nothing that was read for it
 * changes.  Begin with zeros, and X86_FACTS_BITS times x86_facts_bytes() bytes of
 * zeros.
 */
struct x86_facts {
	uint8_t *starts;  /* a bit a byte: instructions begin, … */
	uint8_t *targets; /* … something may lead there, … */
	uint8_t *entries; /* … and not (only) a direct branch, … */
	uint8_t *sums; /* … or a jump to the sum of a label and an offset */
	uint8_t *scratch;
	/*
	 * The first breakpoint that something may reach: it is somebody's, and
	 * hides what begins there.  UINT64_MAX: there is none.
	 */
	uint64_t breakpoint;
	/* Bit i: something may lead to @end + i, or the function reads it. */
	uint32_t beyond;
	bool known;
	bool decodes;
	bool fip_get;
	bool overlap;
	enum x86_flow_result result;
};

#define X86_FACTS_BITS 5
#define X86_BEYOND     32 /* bytes behind the function */

static inline size_t x86_facts_bytes(const struct x86_flow *flow)
{
	return (flow->end - flow->start) / 8 + 4;
}

/* Are the bounds there, and not absurd?  Context: any. */
bool x86_flow_bounded(const struct x86_flow *flow);

/*
 * Fill in flow->facts, if that was not done.  false: the bounds are missing,
 * absurd, or facts is NULL.  Bounded: time is linear in the function's size, its
 * tables and the number of its jumps out, whatever the bytes.
 *
 * Context: any; needs about 2 KiB of stack.
 */
bool x86_flow_learn(const struct x86_flow *flow);

/* @bits: the zeros. */
static inline struct x86_facts x86_facts_in(uint8_t *bits, size_t bytes)
{
	return (struct x86_facts){
		.starts = bits,
		.targets = bits + bytes,
		.entries = bits + 2 * bytes,
		.sums = bits + 3 * bytes,
		.scratch = bits + 4 * bytes,
	};
}

/* Is it certain that an instruction begins at @addr?  It was learnt. */
static inline bool x86_facts_start(const struct x86_flow *flow, uint64_t addr)
{
	uint64_t i = addr - flow->start;

	return addr >= flow->start && addr < flow->end &&
	       addr <= flow->facts->breakpoint &&
	       flow->facts->starts[i / 8] & 1 << i % 8;
}

/* What one jump would displace. */
struct x86_window {
	uint64_t addr;
	uint8_t nr;   /* instructions */
	uint8_t len;  /* their bytes: where the original code goes on */
	uint8_t span; /* bytes free to be written: len and padding used */
	uint8_t off[X86_WINDOW_INSNS]; /* offset of each instruction */
	uint8_t code[X86_WINDOW_MAX + X86_INSN_MAX]; /* the bytes, span */
};

/*
 * Which run of whole instructions, from @addr on and at least @need bytes (1 to
 * X86_NEED_MAX) long, may be displaced by one jump?  At most X86_WINDOW_INSNS, and
 * X86_WINDOW_MAX bytes.  The whole function is decoded; its
 * direct branches, the addresses it takes and its jump tables are followed.
 * When anything is unsure the answer is a refusal.  X86_FLOW_OK and *@out, or
 * the reason (*@out is unspecified).
 *
 * OK means: no inner byte of the window is jumped to by the function, its
 * parts, the code around the places that it jumps to, or flow->targets; no
 * return address and no sleeping thread lies at an inner boundary (calls and
 * system calls come last); every instruction can be relocated to some place
 * within 2 GiB.
 *
 * It does not mean that no thread is now at an inner boundary (pre-empted, or
 * interrupted by a signal): out->off lists those.  Nor can it know of a jump
 * from elsewhere into the middle of the function, other than by flow->targets:
 * see x86_flow_sweep().
 *
 * An endbr64 is displaced like anything else.  Where indirect branches are
 * tracked (kernels), begin behind it.
 *
 * Does x86_flow_learn() first, and is quick once that is done.  Functions of
 * more than 1 MiB are refused.
 *
 * Context: any; needs about 2 KiB of stack.
 */
enum x86_flow_result x86_flow_window(const struct x86_flow *flow, uint64_t addr,
				     unsigned int need, struct x86_window *out);

/*
 * Runs of nops, or of int3, that nothing executes, in the function and behind it.
 * They are found if they have a byte in [@low, @high) and do not begin
 * X86_PADS_BACK bytes before @low, or nearly so.
 */
#define X86_PADS_BACK 96

struct x86_pads {
	uint64_t low, high;
	/* Bytes in [flow->end, behind) belong to nobody, if they are padding. */
	uint64_t behind;
	void (*fn)(void *arg, uint64_t start, uint64_t end);
	void *arg;
};

/*
 * Report them, if flow->facts are known and all of the function is understood.
 * As with windows, what leads there from elsewhere is for the caller to know,
 * but for short jumps.  Context: any.
 */
void x86_flow_pads(const struct x86_flow *flow, struct x86_pads *pads);

/* Are the @len bytes of @code, which are at @addr, such a run?  Context: any. */
bool x86_is_padding(const uint8_t *code, size_t len, uint64_t addr);

/* Text for a result: "jump target inside the window", … */
const char *x86_flow_text(enum x86_flow_result r);

/*
 * Call @fn for each address that code in [flow->start, flow->end) may jump to:
 * branches and calls, addresses taken, tables.  Duplicates occur.  X86_FLOW_OK
 * or what stopped it (UNDECODABLE, INDIRECT, NO_BOUNDS: what was found until
 * then has been reported).
 */
enum x86_flow_result x86_flow_targets(const struct x86_flow *flow,
				      void (*fn)(void *arg, uint64_t target),
				      void *arg);

/* A return instruction of a function. */
struct x86_exit {
	/* It; with a lead perhaps a nop before it, if all that comes is nops. */
	uint64_t ret;
	/*
	 * A jump of 5 bytes fits so many bytes before that: what it would cover
	 * runs straight to it, and ends with the return or just there; and no
	 * other jump leads to behind the lead.  0: there is no such place.
	 */
	unsigned int lead;
	uint64_t last;	   /* the return instruction itself */
	unsigned int pops; /* bytes beside the return address */
	unsigned int part; /* which holds it, counted from 1; 0: the function */
};

/*
 * Where does the function return?  The number of its return instructions (0: it
 * never does), or -X86_EOPNOTSUPP: there are more than @max, or it is not certain
 * that it returns nowhere else (tail calls, indirect jumps that were not
 * resolved, jumps to its own start, code that does not decode, a part that
 * returns).  *@outside: where a jump leads that leaves the function and its
 * parts, 0: that was not the reason.  With flow->tails a part may be a function
 * that is called at the end, and its returns are among those found.  Whether a jump fits at the return itself,
 * or at its lead, is for x86_flow_window() to say.
 *
 * A part that only a jump table or the unwinder leads to is not noticed.
 *
 * Context: any.
 */
int x86_flow_exits(const struct x86_flow *flow, struct x86_exit *exits,
		   unsigned int max, uint64_t *outside);

/*
 * Does the function take, or read, its own return address before anything
 * else is on the stack, as setjmp, vfork and getcontext do?  Looks along the
 * straight line from its start, through direct jumps.
 *
 * Context: any.
 */
bool x86_flow_takes_return(const struct x86_flow *flow);

/*
 * Call @fn for each direct jump (calls excepted) in [flow->start, flow->end),
 * which may be the whole text of a program: functions and what lies between
 * them.  About 15 ns a byte.
 *
 * This is how to fill in flow->targets: keep the jumps that lead from one
 * function into the middle of another.  There are few (2,600 in 1.1 MB of
 * redis-server), between a function and its part foo.cold, and in assembly.
 */
void x86_flow_sweep(const struct x86_flow *flow,
		    void (*fn)(void *arg, uint64_t from, uint64_t target),
		    void *arg);

/*
 * Relocate a whole window to @to: x86_relocate() for each instruction, and at
 * the end a jump to addr + len unless the last one never falls through.
 * @where[i] is the offset in @out of instruction i's copy.  Returns the length
 * or a negative error.
 *
 * Context: any.
 */
int x86_relocate_window(const struct x86_window *win, uint64_t to, uint8_t *out,
			size_t room, uint16_t where[X86_WINDOW_INSNS]);

#endif
