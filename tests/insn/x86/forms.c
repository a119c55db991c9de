/* SPDX-License-Identifier: MIT */
/* link: x86-insn x86 engine host-linux host-linux-own */
/* limit: 300 */
/*
 * forms.c - every form of instruction there is, bare and probed
 *
 * The processor is the oracle.  Samples of each form that forms.h finds are put
 * into a page of code, with others around them, and run from random states
 * (forms_state.h): as they are, and with a probe, behind a breakpoint and
 * behind a jump, first in its window and second.  All that comes out must be the
 * same: registers, flags, vectors, x87, memory, the stack from the red zone
 * upwards, and if it faults, how and where.
 *
 *     place     bounds   probe becomes
 *     anywhere  unknown  a breakpoint
 *     text      known    a jump, if flow.c lets it
 *
 * Each place has a page for the instruction and one of hlt where branches go.
 * A form that is not tested fails the run, unless the table `untestable` has the
 * reason.  TL_SEED replays a run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "forms.h"
#include "forms_state.h"

#define NR_STATES 100000ul
#define PAGE	  4096
#define HOME	  64  /* in the first page: where the code begins */
#define CODE	  128 /* and what of it is written */
#define RED_ZONE  128
#define MIDDLE	  0x800 /* of the memory: where operands are */

/* clang-format off */
__asm__(".pushsection .text\n"
	".p2align 12\n"
	".globl form_text\n"
	".type form_text, @function\n"
	"form_text: .fill 256, 1, 0xf4\n"
	".size form_text, . - form_text\n"
	".p2align 12, 0xf4\n"
	".fill 4096, 1, 0xf4\n"
	".popsection\n");
/* clang-format on */
extern uint8_t form_text[];

struct place {
	const char *name;
	uint8_t *code;
	uint8_t *mem; /* within reach of rip-relative operands */
};

static struct place anywhere = { .name = "anywhere" };
static struct place text = { .name = "text" };
static uint8_t text_mem[MEM_BYTES] __attribute__((aligned(4096)));
static uint8_t *low_mem, *fs_mem, *no_mem, *stack;
static uint64_t fs_base;
static int self_mem = -1;

/* What one round runs: a sample at a place, with neighbours. */
struct round {
	struct form *form;
	const struct place *place;
	struct x86_insn in; /* as placed */
	uint8_t code[CODE];
	unsigned int first; /* of code: the neighbour before, or the sample */
	unsigned int at;    /* of code: the sample */
	unsigned int what;
	bool second; /* the probe is on the neighbour before */
	uint64_t operand;
	const char *how;
	unsigned int compared; /* states of which both ends were seen */
};

/* ---- places ---------------------------------------------------------------- */

static uint8_t *map(uint64_t hint, size_t len, int prot, int flags)
{
	void *at = mmap((void *)hint, len, prot,
			MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

#define RW (PROT_READ | PROT_WRITE)

static bool set_up(void)
{
	cpu_set_t one;

	__asm__("mov %%fs:0, %0" : "=r"(fs_base));
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one); /* cpuid, rdpid, … */

	low_mem = map(0, 4 * PAGE, RW, MAP_32BIT);
	no_mem = map(0, 4 * PAGE, PROT_NONE, MAP_32BIT);
	fs_mem = map((fs_base & -PAGE) + 0x10000000, 4 * PAGE, RW, 0);
	stack = map(0, STACK_BELOW + STACK_BYTES + PAGE, RW, MAP_32BIT);
	anywhere.code = map(0, 4 * PAGE, RW, MAP_32BIT);
	if (!low_mem || !no_mem || !fs_mem || !stack || !anywhere.code)
		return false;
	memset(anywhere.code, HLT, 2 * PAGE);
	anywhere.mem = anywhere.code + 2 * PAGE;
	if (mprotect(anywhere.code, 2 * PAGE, PROT_READ | PROT_EXEC))
		return false;
	text.code = form_text;
	text.mem = text_mem;
	box.stack = stack + STACK_BELOW;
	self_mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	return self_mem >= 0 && catch_signals();
}

static bool write_code(const struct round *r)
{
	return pwrite(self_mem, r->code, CODE,
		      (uint64_t)r->place->code + HOME) == CODE;
}

static uint64_t home_of(const struct round *r, unsigned int off)
{
	return (uint64_t)r->place->code + HOME + off;
}

/* ---- what an instruction needs ---------------------------------------------- */

/* Where struct state keeps register n of an instruction. */
static const uint8_t reg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX,
				    REG_RSP, REG_RBP, REG_RSI, REG_RDI,
				    REG_R8,  REG_R9,  REG_R10, REG_R11,
				    REG_R12, REG_R13, REG_R14, REG_R15 };

static bool is_op(const struct x86_insn *in, unsigned int map,
		  unsigned int opcode)
{
	return in->enc == X86_LEGACY && in->map == map && in->opcode == opcode;
}

static bool has_mem(const struct x86_insn *in)
{
	return in->attrs & X86_A_MEM;
}

static bool uses_fs(const struct x86_insn *in)
{
	return in->prefixes & X86_P_FS;
}

/* bt, bts, btr, btc of memory: the register says how far from the operand. */
static bool is_bit_string(const struct x86_insn *in)
{
	return has_mem(in) && (is_op(in, 1, 0xa3) || is_op(in, 1, 0xab) ||
			       is_op(in, 1, 0xb3) || is_op(in, 1, 0xbb));
}

static bool is_gather(const struct x86_insn *in)
{
	if (!has_mem(in) || in->map != 2 || in->enc == X86_LEGACY)
		return false;
	return form_in(in->opcode, 0x90, 0x93) ||
	       (in->enc == X86_EVEX && (form_in(in->opcode, 0xa0, 0xa3) ||
					form_in(in->opcode, 0xc6, 0xc7)));
}

static bool loads_segment(const struct x86_insn *in)
{
	return is_op(in, 0, 0x8e) || is_op(in, 1, 0xa1) || is_op(in, 1, 0xa9) ||
	       is_op(in, 1, 0xb2) || is_op(in, 1, 0xb4) || is_op(in, 1, 0xb5);
}

/* rdtsc, rdtscp, rdpmc, rdrand, rdseed: no two runs are the same. */
static bool is_random(const struct x86_insn *in)
{
	if (is_op(in, 1, 0x31) || is_op(in, 1, 0x33) ||
	    (is_op(in, 1, 0x01) && in->modrm == 0xf9))
		return true;
	return is_op(in, 1, 0xc7) && !has_mem(in) && (in->modrm >> 3 & 7) >= 6;
}

/* wrfsbase, wrgsbase: the thread pointer of this very program. */
static bool moves_thread_pointer(const struct x86_insn *in)
{
	return is_op(in, 1, 0xae) && !has_mem(in) &&
	       (in->prefixes & X86_P_F3) && form_in(in->modrm, 0xd0, 0xdf);
}

static bool is_indirect(const struct x86_insn *in)
{
	return in->kind == X86_JMP_IND || in->kind == X86_CALL_IND;
}

/* ---- placing a sample ------------------------------------------------------- */

static void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, 4);
}

static void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, 8);
}

/*
 * Aim the sample in @code at our places: branches, rip-relative and absolute
 * operands; and keep the immediates of enter and ret small.
 */
static void aim(struct round *r, uint8_t *code)
{
	struct x86_insn *in = &r->in;
	uint64_t far = (uint64_t)r->place->code + PAGE + 0x123;

	if (in->target && in->imm_size == 1)
		code[in->imm_off] = 0x30;
	else if (in->target)
		put32(code + in->imm_off, far - in->next);
	else if (is_op(in, 0, 0xc8))
		code[in->imm_off + 1] &= 1;
	else if (in->kind == X86_RET || in->kind == X86_RET_FAR)
		memset(code + in->imm_off + 1, 0, in->imm_size ? 1 : 0);

	if (in->attrs & X86_A_RIPREL)
		put32(code + in->disp_off, r->operand - in->next);
	else if (in->disp_size == 8)
		put64(code + in->disp_off, r->operand);
	else if (in->base == X86_REG_RSP && in->disp_size == 4)
		put32(code + in->disp_off, (in->disp & 0x7f8) - RED_ZONE);
	else if (has_mem(in) && in->base == X86_REG_NONE)
		put32(code + in->disp_off,
		      r->operand - (uses_fs(in) ? fs_base : 0));
	else if (in->disp_size == 4 && !in->modrm_off)
		put32(code + in->disp_off, r->operand);
}

/* Registers that a neighbour before the sample may change: r8 to r15. */
static unsigned int free_reg(const struct x86_insn *in, uint64_t *seed)
{
	unsigned int reg;

	do
		reg = 8 + tl_test_random(seed) % 8;
	while (reg == in->base || reg == in->index || reg == in->reg ||
	       reg == in->rm);
	return reg - 8;
}

/* One harmless instruction, shorter than a jump if @small. */
static unsigned int put_neighbour(uint8_t *at, const struct round *r,
				  bool small, uint64_t *seed)
{
	unsigned int kind = tl_test_random(seed) % (small ? 6 : 9);
	unsigned int reg = free_reg(&r->in, seed);
	unsigned int other = tl_test_random(seed) & 7;
	const uint8_t bytes[][8] = {
		{ 1, 0x90 },
		{ 1, 0xf5 },					  /* cmc */
		{ 3, 0x4d, 0x39, 0xc0 | other << 3 | reg },	  /* cmp */
		{ 3, 0x49, 0xff, 0xc0 | reg },			  /* inc */
		{ 4, 0x66, 0x41, 0x85, 0xc0 | other << 3 | reg }, /* test */
		{ 3, 0x49, 0x89, 0xe0 | reg },			/* mov %rsp, */
		{ 7, 0x4c, 0x8d, 0x05 | reg << 3, 0x11, 0x22 }, /* lea rip */
		{ 2, 0x70 | other, 0x38 },			/* jcc */
		{ 6, 0x41, 0xb8 | reg, 0x78, 0x56 },		/* mov imm32 */
	};

	if (is_random(&r->in))
		kind = 0;
	memcpy(at, bytes[kind] + 1, 7);
	return bytes[kind][0];
}

static uint8_t *memory_for(const struct round *r)
{
	if (r->in.attrs & X86_A_RIPREL)
		return r->place->mem;
	return uses_fs(&r->in) ? fs_mem : low_mem;
}

/* Write the sample @sample of r->form with its neighbours into r->code. */
static bool place_sample(struct round *r, const uint8_t *sample, uint64_t *seed)
{
	uint8_t *code = r->code;
	unsigned int at = 0;

	memset(code, HLT, CODE);
	if (x86_decode(&r->in, sample, X86_INSN_MAX, 0))
		return false;
	r->first = 0;
	if (r->second)
		at = put_neighbour(code, r, true, seed);
	r->at = at;
	memcpy(code + at, sample, r->in.len);
	x86_decode(&r->in, code + at, X86_INSN_MAX, home_of(r, at));
	r->operand = (uint64_t)memory_for(r) + MIDDLE;
	aim(r, code + at);
	if (x86_decode(&r->in, code + at, X86_INSN_MAX, home_of(r, at)) ||
	    form_key(&r->in, code + at) != r->form->key)
		return false;
	at += r->in.len;
	if (r->in.attrs & X86_A_NOFALL || is_indirect(&r->in) ||
	    r->in.kind == X86_CALL)
		return memset(code + at, 0x90, 8);
	memset(code + at, 0x90, 5);
	for (unsigned int i = 0; i < 3; i++)
		at += put_neighbour(code + at, r, false, seed);
	code[at] = HLT;
	return true;
}

/* ---- states ------------------------------------------------------------------ */

/* Where the operand is this time: in its place mostly, or where it faults. */
static uint64_t choose_operand(const struct round *r, uint64_t *seed)
{
	uint64_t rnd = tl_test_random(seed);
	unsigned int off = (rnd >> 16) % 256;

	if (rnd % 16 == 0)
		return (uint64_t)no_mem + off;
	if (rnd % 16 == 1)
		return 0x8000000000000000 + off;
	return r->operand + (rnd % 4 ? off & -64 : off);
}

/* Registers that make the operand of r->in be at @at. */
static void point_at(const struct round *r, struct state *s, uint64_t at,
		     uint64_t *seed)
{
	const struct x86_insn *in = &r->in;
	uint64_t upper = tl_test_random(seed) & 0xffffffff00000000;
	uint64_t v = tl_test_random(seed) % 16;

	at -= in->disp + (uses_fs(in) ? fs_base : 0);
	if (in->prefixes & X86_P_67)
		at = (uint32_t)at | upper;
	if (is_gather(in)) {
		if (in->base < 16)
			s->regs[reg_of[in->base]] = at;
		return;
	}
	if (in->index < 16 && in->index == in->base) {
		s->regs[reg_of[in->base]] = at / (1 + in->scale);
		if (in->prefixes & X86_P_67)
			s->regs[reg_of[in->base]] =
				(uint32_t)at / (1 + in->scale) | upper;
		return;
	}
	if (in->index < 16) {
		s->regs[reg_of[in->index]] = v;
		at -= v * in->scale;
	}
	if (in->base < 16 && in->base != X86_REG_RSP)
		s->regs[reg_of[in->base]] = at;
}

/* The vector register that a gather takes its indices from: small ones. */
static void make_indices_small(const struct round *r, struct state *s)
{
	unsigned int which = r->in.sib >> 3 & 7;

	/* Whichever of the four registers with these low bits it is. */
	for (unsigned int hi = 0; hi < 4; hi++) {
		unsigned int n = which + 8 * hi;

		for (unsigned int i = 0; i < 64; i++) {
			uint8_t *b = n >= 16 ? s->ext + ext[3].off - XSAVE_EXT +
						       64 * (n - 16) + i
				     : i < 16 ? s->fx + 160 + 16 * n + i
				     : i < 32
					     ? s->ext + ext[0].off - XSAVE_EXT +
						       16 * n + i - 16
					     : s->ext + ext[2].off - XSAVE_EXT +
						       32 * n + i - 32;

			if ((n < 16 || ext[3].size) && (i < 32 || ext[2].size))
				*b = i % 8 ? 0 : *b & 63;
		}
	}
}

/* What instructions use without saying so. */
static void point_implicit(const struct round *r, struct state *s,
			   uint64_t *seed)
{
	const struct x86_insn *in = &r->in;
	uint64_t at = r->operand - (uses_fs(in) ? fs_base : 0);
	uint64_t rnd = tl_test_random(seed);

	if (in->attrs & X86_A_STRING) {
		s->regs[REG_RDI] = r->operand + rnd % 256;
		s->regs[REG_RSI] = at + (rnd >> 8) % 256;
		s->regs[REG_RCX] = (rnd >> 16) % 16;
	} else if (is_op(in, 0, 0xd7)) { /* xlat */
		s->regs[REG_RBX] = at;
	} else if (in->map == 1 && in->opcode == 0xf7) { /* maskmov */
		s->regs[REG_RDI] = at;
	} else if (is_op(in, 0, 0xc8) || is_op(in, 0, 0xc9)) {
		s->regs[REG_RBP] = (uint64_t)box.stack + STACK_MIDDLE + 0x200;
	} else if (in->kind == X86_LOOP) {
		if (rnd % 4)
			s->regs[REG_RCX] = (rnd >> 8) % 3;
	} else if (in->kind == X86_SYSCALL) {
		s->regs[REG_RAX] = rnd % 2 ? 39 : 100000; /* getpid, none */
	}
	if (is_bit_string(in) && in->reg < 16 && in->reg != in->base &&
	    in->reg != in->index && in->reg != X86_REG_RSP)
		s->regs[reg_of[in->reg]] = (int64_t)(rnd % 4096) - 2048;
	/* Divisions that overflow are the rule otherwise. */
	if (form_in(in->opcode, 0xf6, 0xf7) && !in->map && rnd >> 60 < 12)
		s->regs[REG_RDX] = 0;
}

/* Code addresses where branches find them, selectors that name nothing. */
static void fill_in(const struct round *r, struct state *s, uint64_t operand)
{
	const struct x86_insn *in = &r->in;
	uint64_t far = (uint64_t)r->place->code + PAGE + 0x200;
	uint64_t off = s->regs[REG_RSP] - (uint64_t)box.stack;
	uint8_t *sp = s->stack + off;
	uint64_t flags;

	if (is_indirect(in) && !has_mem(in) && in->rm != X86_REG_RSP)
		s->regs[reg_of[in->rm]] = far + (s->regs[REG_R9] & 0xff);
	if (is_indirect(in) && operand - (uint64_t)box.mem < MEM_BYTES - 8)
		put64(s->mem + (operand - (uint64_t)box.mem), far);
	if (is_indirect(in) && in->base == X86_REG_RSP)
		for (int i = -0x500; i < 0x600; i += 8)
			put64(sp + i, far + (i & 0x7f));
	if (in->kind == X86_RET || in->kind == X86_RET_FAR)
		put64(sp, far);
	if (in->kind == X86_RET_FAR)
		put64(sp + (in->rex & 8 ? 8 : 4), 0x33);
	if (in->attrs & X86_A_POPF) {
		memcpy(&flags, sp, 8);
		put64(sp, (flags & (X86_FL_STATUS | X86_FL_DF)) | 0x202);
	}
	if (!loads_segment(in))
		return;
	sp[0] |= 4;
	if (!has_mem(in))
		s->regs[reg_of[in->rm & 15]] |= 4;
	for (unsigned int i = 0; i < 16 && has_mem(in); i += 2)
		if (operand - (uint64_t)box.mem < MEM_BYTES - 16)
			s->mem[operand - (uint64_t)box.mem + i] |= 4;
}

static void make_state(const struct round *r, struct state *s, uint64_t *seed)
{
	const struct x86_insn *in = &r->in;
	uint64_t rnd = tl_test_random(seed);
	uint64_t operand = 0;

	fill(s->regs, sizeof(s->regs), seed);
	fill_vectors(s, seed);
	fill(s->mem, sizeof(s->mem), seed);
	fill(s->stack, sizeof(s->stack), seed);
	if (rnd % 8 == 0) /* numbers that mean something */
		s->regs[REG_RAX] = s->regs[REG_RCX] = rnd >> 60;
	s->regs[REG_RSP] = (uint64_t)box.stack + STACK_MIDDLE +
			   (rnd >> 8 & 0x38) + (rnd >> 16 & 15 ? 0 : 3);
	s->regs[REG_EFL] =
		(s->regs[REG_EFL] & (X86_FL_STATUS | X86_FL_DF | 0x200000)) |
		0x202;
	if (has_mem(in) && in->base != X86_REG_RSP &&
	    !(in->attrs & X86_A_RIPREL)) {
		operand = choose_operand(r, seed);
		point_at(r, s, operand, seed);
	} else if (in->attrs & X86_A_RIPREL) {
		operand = in->mem_addr;
	} else if (in->index < 16) {
		s->regs[reg_of[in->index]] = rnd >> 32 & 15;
	}
	if (is_gather(in))
		make_indices_small(r, s);
	point_implicit(r, s, seed);
	fill_in(r, s, operand);
}

/* ---- probes ------------------------------------------------------------------- */

enum { COUNTER = 1, PRE = 2, POST = 4 };

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static unsigned long pre_hits, post_hits;
static bool have_zmm, have_avx;

/* Every vector register, mask and MXCSR: handlers may change them all. */
static void trash(void)
{
	static const unsigned int mxcsr = 0x7fbf;

	if (have_zmm)
		__asm__ volatile(
			".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,"
			"18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
			"vpternlogd $0xff, %%zmm\\n, %%zmm\\n, %%zmm\\n\n"
			".endr\n"
			".irp n, 0,1,2,3,4,5,6,7\n"
			"kxnorw %%k\\n, %%k\\n, %%k\\n\n"
			".endr\n"
			:
			:);
	else if (have_avx)
		__asm__ volatile(
			".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			"vcmptrueps %%ymm\\n, %%ymm\\n, %%ymm\\n\n"
			".endr\n"
			:
			:);
	else
		__asm__ volatile(
			".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			"pcmpeqd %%xmm\\n, %%xmm\\n\n"
			".endr\n"
			:
			:);
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pre_hits++;
	trash();
	return 0;
}

static void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	post_hits++;
	trash();
}

/* ---- comparing --------------------------------------------------------------- */

static unsigned long native_faults, nr_states;

static bool same_bytes(const char *what, const void *a, const void *b,
		       size_t len)
{
	if (!memcmp(a, b, len))
		return true;
	ROW(what);
	CHECK_MEM(a, b, len);
	return false;
}

static bool same_number(const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return true;
	ROW(what);
	CHECK_EQ(got, want);
	return false;
}

static const char *const reg_names[REGS] = {
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rdi",
	"rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip", "flags",
};

/* What may differ: rdtsc's and its like's results. */
static bool may_differ(const struct round *r, int reg)
{
	if (!is_random(&r->in))
		return false;
	if (r->in.opcode == 0xc7)
		return reg == reg_of[r->in.rm & 15] || reg == REG_EFL;
	return reg == REG_RAX || reg == REG_RDX;
}

static bool is_on_stack(uint64_t sp)
{
	return sp - (uint64_t)box.stack - STACK_MIDDLE / 2 < STACK_BYTES / 2;
}

/*
 * The first byte of the stack that is not dead: what is below the red zone may
 * be used by the code behind a jump, and by a post handler's call.
 */
static size_t live_stack(const struct round *r, const struct state *before,
			 const struct state *native)
{
	uint64_t sp = before->regs[REG_RSP];
	uint64_t after = native->regs[REG_RSP];

	if ((r->what & POST) && after > sp && is_on_stack(after))
		sp = after;
	return sp - (uint64_t)box.stack - RED_ZONE;
}

/* A call that faults has pushed its return address before: see limits.md. */
static void hide_pushed(const struct round *r, const struct state *native,
			struct state *s)
{
	uint64_t off = native->regs[REG_RSP] - (uint64_t)box.stack - 8;

	if (r->in.kind == X86_CALL_IND && off < STACK_BYTES - 8 &&
	    native->regs[REG_RIP] == (greg_t)r->in.addr)
		memcpy(s->stack + off, native->stack + off, 8);
}

static bool same(const struct round *r, const struct state *before,
		 const struct state *native, struct state *probed)
{
	size_t live = live_stack(r, before, native);
	bool ok = true;

	hide_pushed(r, native, probed);
	for (int i = 0; i < REGS; i++) {
		uint64_t mask = i == REG_EFL ? ~0x10000ull : ~0ull; /* RF */

		if (!may_differ(r, i))
			ok &= same_number(reg_names[i], probed->regs[i] & mask,
					  native->regs[i] & mask);
	}
	ok &= same_number("signal", probed->sig, native->sig);
	ok &= same_number("code", probed->code, native->code);
	ok &= same_number("address", probed->fault_addr, native->fault_addr);
	ok &= same_number("trap", probed->trap, native->trap);
	ok &= same_number("error", probed->error, native->error);
	ok &= same_bytes("x87 and SSE", probed->fx, native->fx, FX_BYTES);
	ok &= same_bytes("AVX", probed->ext, native->ext, EXT_BYTES);
	ok &= same_bytes("memory", probed->mem, native->mem, MEM_BYTES);
	ok &= same_bytes("stack", probed->stack + live, native->stack + live,
			 STACK_BYTES - live);
	return ok;
}

static void show(const struct round *r)
{
	char line[200];
	int n = snprintf(line, sizeof(line),
			 "# %s, %s, what %u, second %d:", r->place->name,
			 r->how, r->what, r->second);

	for (unsigned int i = 0; i < r->at + r->in.len + 12; i++)
		n += snprintf(line + n, sizeof(line) - n, "%s%02x",
			      i == r->at	       ? " ["
			      : i == r->at + r->in.len ? "] "
						       : " ",
			      r->code[i]);
	n += snprintf(line + n, sizeof(line) - n, "\n");
	tl_test_write(line, n);
}

/* ---- rounds --------------------------------------------------------------------- */

#define STATES_MAX 64

static struct state before, probed;
static struct state natives[STATES_MAX];
static uint64_t seeds[STATES_MAX];

static void run_natives(const struct round *r, unsigned int n, uint64_t *seed)
{
	box.mem = memory_for(r);
	for (unsigned int i = 0; i < n; i++) {
		seeds[i] = *seed;
		make_state(r, &before, seed);
		memcpy(&natives[i], &before, sizeof(before));
		run_state(&natives[i], home_of(r, r->first));
		if (natives[i].regs[REG_RIP] == (greg_t)r->in.addr)
			native_faults++;
		if (natives[i].sig != SIGILL)
			r->form->runs = true;
	}
}

/* A post handler needs a stack: see limits.md. */
static unsigned long no_stack;

static bool run_probed(struct round *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t seed = seeds[i];

		if ((r->what & POST) &&
		    !is_on_stack(natives[i].regs[REG_RSP])) {
			no_stack++;
			continue;
		}
		make_state(r, &before, &seed);
		memcpy(&probed, &before, sizeof(before));
		run_state(&probed, home_of(r, r->first));
		r->compared++;
		if (!same(r, &before, &natives[i], &probed)) {
			show(r);
			tl_test_note("state", i);
			return false;
		}
	}
	return true;
}

static void note_how(struct round *r, const struct kprobe *p)
{
	enum tl_why why = trapline_kprobe_why(p);

	r->how = why == TL_WHY_NONE ? "jump" : "breakpoint";
	if (why == TL_WHY_NONE)
		r->form->by_jump = true;
	else if (!r->second)
		r->form->by_breakpoint = true;
	if (why != TL_WHY_NONE && r->place == &text)
		r->form->why = why;
}

/* Natively, then with a probe.  What register_kprobe() says of it. */
static int run_round(struct round *r, unsigned int n, uint64_t *seed)
{
	struct kprobe p = { .addr = (void *)home_of(r, r->second ? r->first
								 : r->at) };
	uint64_t counted = tl_counter_read((uint64_t *)counters);
	int err;

	if (r->what & COUNTER)
		p.counter = (uint64_t *)counters;
	if (r->what & PRE)
		p.pre_handler = pre;
	if (r->what & POST)
		p.post_handler = post;
	CHECK(write_code(r));
	/* What the engine refuses may be worse than a fault. */
	if (!x86_can_probe(&r->in))
		run_natives(r, n, seed);
	err = register_kprobe(&p);
	if (err)
		return err;
	note_how(r, &p);
	pre_hits = post_hits = 0;
	if (run_probed(r, n)) {
		if (r->what == PRE)
			CHECK_EQ(pre_hits, n);
		if (r->what & COUNTER)
			CHECK_EQ(tl_counter_read((uint64_t *)counters) -
					 counted,
				 n);
		CHECK_EQ(p.nmissed, 0);
	}
	unregister_kprobe(&p);
	r->form->states += r->compared;
	nr_states += r->compared;
	return 0;
}

/* ---- what cannot be tested ------------------------------------------------------- */

/* clang-format off */
static const struct {
	enum x86_kind kind;
	int err;
	const char *why;
} untestable[] = {
	{ X86_INT3, -TL_EILSEQ, "a trap of the program's own: refused" },
	{ X86_INT1, -TL_EILSEQ, "a trap of the program's own: refused" },
	{ X86_INT, -TL_EILSEQ, "int n, a system call or trap: refused" },
	{ X86_UD, -TL_EILSEQ, "ud: refused" },
	{ X86_LOAD_SS, -TL_EINVAL, "holds off traps: refused" },
	{ X86_IRET, -TL_EOPNOTSUPP, "iret: refused" },
	{ X86_JMP_FAR, -TL_EOPNOTSUPP, "far jump: refused" },
	{ X86_CALL_FAR, -TL_EOPNOTSUPP, "far call: refused" },
	{ X86_SYSENTER, -TL_EOPNOTSUPP, "sysenter, returns elsewhere: refused" },
	{ X86_SYSRET, -TL_EOPNOTSUPP, "privileged: refused" },
	{ X86_VM, -TL_EOPNOTSUPP, "virtual machines: refused" },
};
/* clang-format on */

static const char *why_untestable(const struct x86_insn *in, int err)
{
	if (moves_thread_pointer(in))
		return "moves the thread pointer of this test";
	if ((in->attrs & X86_A_VENDOR) && err == -TL_EOPNOTSUPP)
		return "AMD and Intel differ in its length: refused";
	for (size_t i = 0; i < TL_ARRAY_SIZE(untestable); i++)
		if (untestable[i].kind == in->kind && untestable[i].err == err)
			return untestable[i].why;
	return NULL;
}

/* The next sample of @f that can be placed, from the @turn-th on. */
static bool place_one(struct round *r, unsigned int turn, uint64_t *seed)
{
	unsigned int n = r->form->seen < SAMPLES ? r->form->seen : SAMPLES;

	for (unsigned int i = 0; i < n; i++)
		if (place_sample(r, r->form->code[(turn + i) % n], seed))
			return true;
	return false;
}

/* The four ways, and a different use of handlers each time. */
static void try_form(struct form *f, unsigned long states, uint64_t *seed)
{
	static const unsigned int whats[] = { COUNTER, PRE, PRE | POST };
	unsigned int turn = tl_test_random(seed) % 12;
	unsigned int at_once = states > 200 ? STATES_MAX : 6;
	struct x86_insn in;

	x86_decode(&in, f->code[0], X86_INSN_MAX, 0);
	f->testable = !x86_can_probe(&in);

	for (unsigned long done = 0; done < states; turn++) {
		unsigned long left = states - done;
		unsigned int n = left < at_once ? left : at_once;
		struct round r = {
			.form = f,
			.place = turn % 4 ? &text : &anywhere,
			.second = turn % 4 == 2,
			.what = whats[(turn + turn / 4) % 3],
		};
		int err;

		if (!f->testable) {
			r.place = &anywhere;
			r.second = false;
		}
		if (!place_one(&r, turn / 4, seed)) {
			f->untested = "no sample could be placed";
			CHECK(!"a sample can be placed");
			return;
		}
		f->untested = why_untestable(&r.in, 0);
		if (f->untested)
			return;
		err = run_round(&r, n, seed);
		if (err) {
			f->untested = why_untestable(&r.in, err);
			if (!f->untested) {
				f->untested = "refused, and should not be";
				show(&r);
				CHECK_EQ(err, 0);
			}
			return;
		}
		done += r.compared;
	}
}

/* ---- the sum ---------------------------------------------------------------------- */

static void count_reasons(void)
{
	unsigned int not_by_jump[TL_NR_WHY] = { 0 };
	char line[160];
	int n;

	for (unsigned int i = 0; i < nr_forms; i++) {
		const struct form *f = &forms[i];

		if (!f->untested && !f->by_jump)
			not_by_jump[f->why]++;
		if (!f->untested)
			continue;
		n = snprintf(line, sizeof(line), "# not tested:");
		for (unsigned int b = 0; b < 6; b++)
			n += snprintf(line + n, sizeof(line) - n, " %02x",
				      f->code[0][b]);
		n += snprintf(line + n, sizeof(line) - n, " …: %s\n",
			      f->untested);
		tl_test_write(line, n);
	}
	for (unsigned int why = 0; why < TL_NR_WHY; why++) {
		if (!not_by_jump[why])
			continue;
		n = snprintf(line, sizeof(line),
			     "# by breakpoint alone: %u, %s\n",
			     not_by_jump[why], trapline_why_name(why));
		tl_test_write(line, n);
	}
}

static void sum_up(void)
{
	unsigned int tested = 0, jumps = 0, breakpoints = 0, lacking = 0;

	for (unsigned int i = 0; i < nr_forms; i++) {
		const struct form *f = &forms[i];

		if (f->untested)
			continue;
		tested++;
		jumps += f->by_jump;
		breakpoints += f->by_breakpoint;
		lacking += !f->runs;
	}
	count_reasons();
	tl_test_note("forms", nr_forms);
	tl_test_note("forms tested", tested);
	tl_test_note("forms by breakpoint", breakpoints);
	tl_test_note("forms by jump", jumps);
	tl_test_note("forms that this CPU lacks (SIGILL, the same)", lacking);
	tl_test_note("states", nr_states);
	tl_test_note("states that fault natively", native_faults);
	tl_test_note("states without a stack for a post handler", no_stack);
	CHECK(nr_states >= NR_STATES * tl_test_scale);
	CHECK_EQ(breakpoints, tested);
	CHECK(jumps > tested * 9 / 10);
	CHECK(tested > 500);
}

TL_TEST(every_form_does_the_same_bare_and_probed)
{
	unsigned long states = NR_STATES * tl_test_scale;
	uint64_t seed = tl_test_seed;

	have_avx = __builtin_cpu_supports("avx");
	have_zmm = __builtin_cpu_supports("avx512f");
	REQUIRE(set_up());
	form_read_all(&seed);
	/* What one leaves, being untestable, is shared by those behind it. */
	for (unsigned int i = 0; i < nr_forms; i++)
		try_form(&forms[i],
			 nr_states < states
				 ? (states - nr_states) / (nr_forms - i) + 1
				 : 1,
			 &seed);
	sum_up();
}
