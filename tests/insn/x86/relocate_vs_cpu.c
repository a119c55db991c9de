/* SPDX-License-Identifier: MIT */
/*
 * relocate_vs_cpu.c - relocated copies against the processor
 *
 * Each instruction of the table is run where it is, and then its copy is run
 * elsewhere, from the same random state: registers, flags, vector registers,
 * data, stack, the red zone.  The outcomes must be equal, to the address that
 * execution arrives at, or at which it faults.
 *
 *     code:   int3 everywhere but for the instruction at HOME.  Wherever it
 *             goes it ends in a SIGTRAP, whose handler takes the state.
 *     data:   what rip-relative operands, rdi, rsi and rbx point to
 *     slots:  the copy, within reach of code and data, and one out of reach
 *     stack:  rsp points to its middle
 *
 * States are entered and left by signals alone, on another stack, so nothing
 * but the instruction touches anything.
 */
/* link: x86-insn */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "insn.h"
#include "tl_test.h"

#define AREA   0x10000
#define HOME   0x4000 /* in code: where the instruction is */
#define FAR    0x4800 /* in code: where rel32 branches go */
#define NEAR   0x4040 /* in code: where rel8 branches go */
#define SLOT   0x800  /* in slots */
#define DATA   0x4300 /* in data: what rip-relative operands name */
#define STATES 12

struct state {
	greg_t regs[NGREG];
	uint8_t xmm[256];
	uint8_t ymm[256]; /* upper halves */
	uint8_t data[0x1000];
	uint8_t stack[0x1000];
	int sig;
};

static struct {
	uint8_t *code, *data, *near, *far, *stack;
	stack_t alt;
	bool avx;
	int phase; /* 1 about to enter the state, 2 in it */
	greg_t host[NGREG];
	uint8_t host_fx[512];
	struct state now;
} box;

/* ---- the table ---- */

struct insn_case {
	const char *text;
	const uint8_t *start, *end;
};

extern const struct insn_case __start_insn_cases[], __stop_insn_cases[];

/* clang-format off */
#define CASE(t)						\
	__asm__(".pushsection insn_bytes,\"aw\"\n"	\
		"1: " t "\n2:\n.popsection\n"		\
		".pushsection insn_text,\"aw\"\n"	\
		"3: .string \"" t "\"\n.popsection\n"	\
		".pushsection insn_cases,\"aw\"\n.p2align 3\n" \
		".quad 3b, 1b, 2b\n.popsection\n")

#define JCC(cc)						\
	CASE("j" #cc " .+64");				\
	CASE("j" #cc " .+0x800");			\
	CASE("set" #cc " 0x1000(%rip)");		\
	CASE("cmov" #cc " 0x1000(%rip), %r14")

JCC(o); JCC(no); JCC(b); JCC(ae); JCC(e); JCC(ne); JCC(be); JCC(a);
JCC(s); JCC(ns); JCC(p); JCC(np); JCC(l); JCC(ge); JCC(le); JCC(g);
CASE("bnd jne .+0x800");
CASE("loop .+64");
CASE("loope .+64");
CASE("loopne .+64");
CASE("jrcxz .+64");
CASE("addr32 loop .+64");
CASE("addr32 loope .+64");
CASE("addr32 loopne .+64");
CASE("jecxz .+64");
CASE("rex.W loop .+64");
CASE(".byte 0xf2, 0xe1, 62");		/* repne loope */
CASE(".byte 0xf3, 0xe0, 61");		/* rep loopne */
CASE(".byte 0xf3, 0x67, 0xe2, 61");
CASE("jmp .+64");
CASE("jmp .+0x800");
CASE("bnd jmp .+0x800");
CASE("call .+0x800");
CASE(".byte 0x2e, 0xe8; .long 0x800");	/* cs call */
CASE(".byte 0xf2, 0xe8; .long 0x800");	/* bnd call */
CASE(".byte 0x67, 0xe8; .long 0x800");	/* addr32 call */
CASE(".byte 0x66, 0x48, 0xe8; .long 0x800");	/* data16 rex.W call */
CASE(".byte 0x66, 0x66, 0x48, 0xe8; .long 0x800");

CASE("call *%r13");
CASE("call *%r15");
CASE("call *%rdx");
CASE("notrack call *%r13");
CASE("cs call *%r13");
CASE("call *(%rbx)");
CASE("call *8(%rbx)");
CASE("call *0x100(%rbx)");
CASE("call *(%r12)");
CASE("call *8(%rbx,%rcx,8)");
CASE("call *0x1000(%rip)");
CASE("rex.W call *0x1000(%rip)");
CASE("call *(%rsp)");
CASE("call *8(%rsp)");
CASE("call *112(%rsp)");
CASE("call *120(%rsp)");
CASE("call *128(%rsp)");
CASE("call *-16(%rsp)");
CASE("call *-120(%rsp)");
CASE("call *-128(%rsp)");
CASE("call *-136(%rsp)");
CASE("call *8(%rsp,%rcx,8)");
CASE("call *256(%rsp,%rcx,8)");
CASE(".byte 0xff, 0x94, 0x24; .long 8");	/* call *8(%rsp), disp32 */
CASE("call *(%rbp)");
CASE("call *8(%rbp,%rcx)");
CASE("jmp *%r13");
CASE("notrack jmp *%r15");
CASE("jmp *(%rbx)");
CASE("jmp *8(%rsp)");
CASE("jmp *(%rsp)");
CASE("jmp *0x1000(%rip)");
CASE("jmp *8(%rbx,%rcx,8)");
CASE("ret");
CASE("rep ret");
CASE("ret $16");
CASE("ret $0x78");
CASE("lretq");
CASE("lretq $8");

CASE("push %rax");
CASE("push %rsp");
CASE("push %r12");
CASE("pushw %ax");
CASE("push $-5");
CASE("push $0x12345678");
CASE("push 8(%rsp)");
CASE("push (%rbx)");
CASE("push 0x1000(%rip)");
CASE("pop %rax");
CASE("pop %rsp");
CASE("pop %r13");
CASE("pop 8(%rsp)");
CASE("pop (%rbx)");
CASE("pop 0x1000(%rip)");
CASE("pushfq");
CASE("pushfw");
CASE("popfq");
CASE("popfw");
CASE("enter $32, $0");
CASE("enter $16, $1");
CASE("leave");
CASE("lea -8(%rsp), %rsp");
CASE("mov %rsp, %rbp");
CASE("mov %rsp, -128(%rsp)");
CASE("mov -64(%rsp), %rdx");
CASE("xchg %rsp, %rbp");
CASE("add $8, %rsp");

CASE("lea 0x1000(%rip), %rax");
CASE("lea 0x1000(%rip), %r15d");
CASE("lea 0x1000(%eip), %rax");
CASE("mov 0x1000(%rip), %rax");
CASE("mov %rax, 0x1000(%rip)");
CASE("mov 0x1000(%rip), %al");
CASE("movb $5, 0x1000(%rip)");
CASE("movw $0x1234, 0x1000(%rip)");
CASE("movl $0x12345678, 0x1000(%rip)");
CASE("movq $-2, 0x1000(%rip)");
CASE("addl $0x12345678, 0x1000(%rip)");
CASE("adcb $1, 0x1000(%rip)");
CASE("sbbq $1, 0x1000(%rip)");
CASE("cmpw $0x1234, 0x1000(%rip)");
CASE("testl $0x10000, 0x1000(%rip)");
CASE("testb $0x10, 0x1000(%rip)");
CASE("imul $3, 0x1000(%rip), %rax");
CASE("imul $30000, 0x1000(%rip), %eax");
CASE("shll $3, 0x1000(%rip)");
CASE("rclq $1, 0x1000(%rip)");
CASE("shrq %cl, 0x1000(%rip)");
CASE("btsq $5, 0x1000(%rip)");
CASE("shld $5, %rax, 0x1000(%rip)");
CASE("lock incl 0x1000(%rip)");
CASE("lock xadd %rax, 0x1000(%rip)");
CASE("xchg %rdx, 0x1000(%rip)");
CASE("lock cmpxchg %rdx, 0x1000(%rip)");
CASE("lock cmpxchg16b (%rdi)");
CASE("cmpxchg8b (%rdi)");
CASE("divl 0x1000(%rip)");
CASE("mulq 0x1000(%rip)");
CASE("negq 0x1000(%rip)");
CASE("movzbl 0x1000(%rip), %ecx");
CASE("movslq 0x1000(%rip), %rsi");
CASE("movbe 0x1000(%rip), %rsi");
CASE("crc32q 0x1000(%rip), %rax");
CASE("popcnt 0x1000(%rip), %rax");
CASE("movups 0x1000(%rip), %xmm3");
CASE("pshufd $0x1b, 0x1000(%rip), %xmm9");
CASE("movq %xmm1, 0x1000(%rip)");
CASE("cvtsi2sdq 0x1000(%rip), %xmm0");
CASE("ucomisd 0x1000(%rip), %xmm0");
CASE("pcmpistri $0x0c, 0x1000(%rip), %xmm2");
CASE("vaddps 0x1000(%rip), %ymm1, %ymm2");
CASE("vpermilps $5, 0x1000(%rip), %ymm4");
CASE("vblendvpd %ymm3, 0x1000(%rip), %ymm5, %ymm6");
CASE("andn 0x1000(%rip), %rax, %rdx");
CASE("rorx $7, 0x1000(%rip), %rdx");
CASE("fldl 0x1000(%rip)");
CASE("fistpll 0x1000(%rip)");

CASE("nop");
CASE("nopw %cs:0x1000(%rax,%rax)");
CASE("endbr64");
CASE("pause");
CASE("xor %eax, %eax");
CASE("add %rax, %rdx");
CASE("adc %r8, (%rdi)");
CASE("inc %r9");
CASE("mov $0x123456789abcdef0, %rax");
CASE("mov %fs:0, %rax");
CASE("mov %r8, (%rdi)");
CASE("mov %ds, %eax");
CASE("cmc");
CASE("std");
CASE("cld");
CASE("lahf");
CASE("sahf");
CASE("cqto");
CASE("bswap %r10");
CASE("rep movsb");
CASE("rep movsq");
CASE("movsl");
CASE("rep stosl");
CASE("stosb");
CASE("lodsw");
CASE("repe cmpsb");
CASE("repne scasb");
CASE("scasq");
CASE("xlat");
CASE("movaps %xmm1, %xmm2");
CASE("paddd (%rdi), %xmm3");
CASE("vpxor %ymm1, %ymm2, %ymm3");
CASE("vzeroupper");
CASE("pinsrq $1, %rax, %xmm4");
CASE("aesenc %xmm1, %xmm2");
CASE("cpuid");
CASE("syscall");
CASE("rex.W syscall");
CASE("hlt");
CASE("cli");
CASE("mov (%r14), %rax");		/* faults */
CASE("call *(%r14)");			/* faults */
/* clang-format on */

/* ---- entering and leaving a state ---- */

/*
 * Where the signal frame keeps the upper halves of the ymm registers, and which
 * parts of it count (SDM vol. 1, 13.4: the standard format of XSAVE).
 */
static uint8_t *upper_halves(ucontext_t *uc)
{
	return (uint8_t *)uc->uc_mcontext.fpregs + 576;
}

static uint64_t *parts_in_use(ucontext_t *uc)
{
	return (uint64_t *)((uint8_t *)uc->uc_mcontext.fpregs + 512);
}

#define PART_SSE 2
#define PART_AVX 4

static void enter_state(ucontext_t *uc)
{
	memcpy(box.host, uc->uc_mcontext.gregs, sizeof(box.host));
	memcpy(box.host_fx, uc->uc_mcontext.fpregs, sizeof(box.host_fx));
	for (int i = 0; i < NGREG; i++) {
		if (i <= REG_EFL)
			uc->uc_mcontext.gregs[i] = box.now.regs[i];
	}
	memcpy(uc->uc_mcontext.fpregs->_xmm, box.now.xmm, sizeof(box.now.xmm));
	if (!box.avx)
		return;
	memcpy(upper_halves(uc), box.now.ymm, sizeof(box.now.ymm));
	*parts_in_use(uc) |= PART_SSE | PART_AVX;
}

static void leave_state(ucontext_t *uc)
{
	memcpy(box.now.regs, uc->uc_mcontext.gregs, sizeof(box.now.regs));
	memcpy(box.now.xmm, uc->uc_mcontext.fpregs->_xmm, sizeof(box.now.xmm));
	memset(box.now.ymm, 0, sizeof(box.now.ymm));
	if (box.avx && (*parts_in_use(uc) & PART_AVX))
		memcpy(box.now.ymm, upper_halves(uc), sizeof(box.now.ymm));
	memcpy(uc->uc_mcontext.gregs, box.host, sizeof(box.host));
	memcpy(uc->uc_mcontext.fpregs, box.host_fx, sizeof(box.host_fx));
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)info;
	/* popf may have set AC, and this code is not aligned throughout */
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() &
				       ~0x40000ull);
	if (box.phase == 1) {
		box.phase = 2;
		enter_state(context);
		return;
	}
	if (box.phase != 2)
		_exit(3);
	box.phase = 0;
	box.now.sig = sig;
	leave_state(context);
}

/* Run from box.now, until a signal; the outcome is in box.now. */
static void run_state(uint64_t ip)
{
	memcpy(box.data + 0x4000, box.now.data, sizeof(box.now.data));
	memcpy(box.stack + 0x7800, box.now.stack, sizeof(box.now.stack));
	box.now.regs[REG_RIP] = ip;
	box.phase = 1;
	__asm__ volatile("int3" ::
				 : "memory", "cc", "xmm0", "xmm1", "xmm2",
				   "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
				   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
				   "xmm13", "xmm14", "xmm15");
	memcpy(box.now.data, box.data + 0x4000, sizeof(box.now.data));
	memcpy(box.now.stack, box.stack + 0x7800, sizeof(box.now.stack));
}

static uint8_t *map_at(void *hint, size_t len, int flags)
{
	void *at = mmap(hint, len, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static bool set_up(bool low)
{
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE,
				       SIGBUS };
	struct sigaction sa = { .sa_sigaction = on_signal };
	const int *sig;

	box.avx = __builtin_cpu_supports("avx");
	box.code = map_at(NULL, 4 * AREA, low ? MAP_32BIT : 0);
	if (!box.code)
		return false;
	box.data = box.code + AREA;
	box.near = box.code + 2 * AREA;
	box.stack = box.code + 3 * AREA;
	box.far =
		map_at((void *)((uintptr_t)box.code ^ 0x200000000000), AREA, 0);
	box.alt.ss_size = 4 * AREA;
	box.alt.ss_sp = map_at(NULL, box.alt.ss_size, 0);
	if (!box.far || !box.alt.ss_sp || sigaltstack(&box.alt, NULL))
		return false;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigfillset(&sa.sa_mask);
	for_each_row(sig, signals)
		sigaction(*sig, &sa, NULL);
	return true;
}

static void tear_down(void)
{
	stack_t off = { .ss_flags = SS_DISABLE };

	sigaltstack(&off, NULL);
	munmap(box.code, 4 * AREA);
	munmap(box.far, AREA);
	munmap(box.alt.ss_sp, box.alt.ss_size);
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
}

/* ---- states and instructions ---- */

static void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}

static void fill(void *at, size_t len, uint64_t *seed)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)at)[i] = tl_test_random(seed) >> 24;
}

/*
 * Everything random, but for pointers where the table's instructions want
 * them, and addresses in code wherever a call could take one from.
 */
static void make_state(struct state *s, uint64_t *seed)
{
	uint64_t target = (uintptr_t)box.code + FAR;
	uint64_t data = (uintptr_t)box.data + 0x4000;
	greg_t *r = s->regs;

	memset(s, 0, sizeof(*s));
	fill(s->regs, sizeof(s->regs), seed);
	fill(s->xmm, sizeof(s->xmm), seed);
	fill(s->ymm, sizeof(s->ymm), seed);
	fill(s->data, sizeof(s->data), seed);
	fill(s->stack, sizeof(s->stack), seed);
	r[REG_RDI] = data + 0x400;
	r[REG_RSI] = data + 0x500;
	r[REG_RBX] = data + 0x600;
	r[REG_R12] = data + 0x680;
	r[REG_RCX] &= 3;
	r[REG_RDX] = target + 0x40;
	r[REG_R13] = target + 0x50;
	r[REG_R15] = target + 0x60;
	r[REG_R14] = 0x8000000000000000; /* not canonical */
	r[REG_RBP] = (uintptr_t)box.stack + 0x8100;
	r[REG_RSP] = (uintptr_t)box.stack + 0x8000 - (r[REG_RAX] & 8);
	r[REG_RAX] = 39; /* getpid */
	r[REG_EFL] = (r[REG_EFL] & (X86_FL_STATUS | X86_FL_DF)) | 0x202;
	for (unsigned int i = 0; i < 0x80; i += 8) {
		put64(s->data + 0x600 + i, target + 0x100 + i * 2);
		put64(s->data + 0x700 + i, target + 0x300 + i * 2);
	}
	put64(s->data + DATA - 0x4000, target + 0x80);
	/* around rsp: code addresses, and a code segment for lret */
	for (int i = -192; i < 512; i += 8)
		put64(s->stack + 0x800 + i, target + 0x400 + i);
	put64(s->stack + 0x800 - (r[REG_RSP] & 8) + 8, 0x33);
}

/* Write the case's instruction, aimed at our targets.  False: bad case. */
static bool place(const struct insn_case *c, struct x86_insn *in,
		  uint8_t code[X86_INSN_MAX])
{
	size_t len = c->end - c->start;
	uint64_t home = (uintptr_t)box.code + HOME;
	int32_t v;

	memset(code, 0xcc, X86_INSN_MAX);
	memcpy(code, c->start, len);
	if (x86_decode(in, code, len, home) || in->len != len)
		return false;
	if (in->target && in->imm_size == 1) {
		code[in->imm_off] = NEAR - HOME - len;
	} else if (in->target) {
		v = FAR - HOME - len;
		memcpy(code + in->imm_off, &v, 4);
	}
	if (in->attrs & X86_A_RIPREL) {
		v = (uintptr_t)box.data + DATA - (home + len);
		memcpy(code + in->disp_off, &v, 4);
	}
	return !x86_decode(in, code, len, home);
}

/* ---- comparing ---- */

static const char *const reg_names[] = {
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rdi",
	"rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip", "flags",
};

static void compare(const struct insn_case *c, const struct state *native,
		    const struct state *copy)
{
	char row[160];

	for (int i = 0; i <= REG_EFL; i++) {
		uint64_t mask = i == REG_EFL ? ~0x10000ull : ~0ull; /* RF */

		snprintf(row, sizeof(row), "%s: %s", c->text, reg_names[i]);
		ROW(row);
		CHECK_EQ(copy->regs[i] & mask, native->regs[i] & mask);
	}
	ROW(c->text);
	CHECK_EQ(copy->sig, native->sig);
	CHECK_MEM(copy->xmm, native->xmm, sizeof(copy->xmm));
	CHECK_MEM(copy->ymm, native->ymm, sizeof(copy->ymm));
	CHECK_MEM(copy->data, native->data, sizeof(copy->data));
	CHECK_MEM(copy->stack, native->stack, sizeof(copy->stack));
}

/*
 * What the engine does for a thread that stopped in a copy: show it where the
 * original would be.  int3 stops one byte late.
 */
static void undo_address(const struct x86_insn *in, uint64_t slot,
			 unsigned int len, struct state *s)
{
	uint64_t off = s->regs[REG_RIP] - slot;

	if (s->sig == SIGTRAP)
		off--;
	if (off > len)
		return;
	switch (x86_reloc_where(in, len, off)) {
	case X86_AT_START:
		s->regs[REG_RIP] = in->addr;
		break;
	case X86_AT_PUSHED:
		s->regs[REG_RIP] = in->addr;
		s->regs[REG_RSP] += 8;
		break;
	case X86_AT_NEXT:
		s->regs[REG_RIP] = in->next + (s->sig == SIGTRAP);
		break;
	default:
		break;
	}
}

/* A faulting call has pushed its return address below rsp; nothing else. */
static void hide_pushed(const struct x86_insn *in, struct state *s)
{
	uint64_t rsp = s->regs[REG_RSP] - (uintptr_t)box.stack - 0x7800;

	if (in->kind == X86_CALL_IND && s->sig != SIGTRAP)
		put64(s->stack + rsp - 8, 0);
}

static void run_both(const struct insn_case *c, const struct x86_insn *in,
		     const uint8_t *code, uint8_t *slot, const uint8_t *copy,
		     unsigned int copy_len, uint64_t *seed)
{
	static struct state before, native;

	make_state(&before, seed);

	memset(box.code, 0xcc, AREA);
	memcpy(box.code + HOME, code, in->len);
	box.now = before;
	run_state(in->addr);
	native = box.now;
	hide_pushed(in, &native);

	memset(box.code, 0xcc, AREA);
	memset(slot, 0xcc, 64);
	memcpy(slot, copy, copy_len);
	box.now = before;
	run_state((uintptr_t)slot);
	undo_address(in, (uintptr_t)slot, copy_len, &box.now);
	hide_pushed(in, &box.now);
	compare(c, &native, &box.now);
}

static void try_case(const struct insn_case *c, uint8_t *slot, bool far,
		     uint64_t *seed)
{
	uint8_t code[X86_INSN_MAX], copy[X86_RELOC_MAX];
	struct x86_insn in;
	int n;

	ROW(c->text);
	if (!place(c, &in, code)) {
		CHECK(!"the case decodes to one instruction");
		return;
	}
	n = x86_relocate(&in, code, (uintptr_t)slot, copy, sizeof(copy));
	if (far && (in.attrs & X86_A_RIPREL) && !(in.prefixes & X86_P_67)) {
		CHECK_EQ(n, -X86_ERANGE);
		return;
	}
	CHECK(n > 0);
	CHECK_EQ(x86_relocate(&in, code, (uintptr_t)slot, copy, n - 1),
		 -X86_ENOSPC);
	CHECK_EQ(x86_relocate(&in, code, (uintptr_t)slot, copy, n), n);
	for (unsigned int i = 0; n > 0 && i < STATES * tl_test_scale; i++)
		run_both(c, &in, code, slot, copy, n, seed);
}

static void try_all(bool low, bool far)
{
	uint64_t seed = tl_test_seed;
	const struct insn_case *c;
	unsigned int n = 0;

	REQUIRE(set_up(low));
	for (c = __start_insn_cases; c < __stop_insn_cases; c++, n++)
		try_case(c, (far ? box.far : box.near) + SLOT, far, &seed);
	tear_down();
	tl_test_note("instructions", n);
	tl_test_note("states of each, at most", STATES * tl_test_scale);
}

TL_TEST(copies_within_reach_do_as_the_original)
{
	try_all(false, false);
}

TL_TEST(copies_out_of_reach_do_as_the_original)
{
	try_all(false, true);
}

TL_TEST(copies_of_code_at_low_addresses_do_as_the_original)
{
	try_all(true, false);
}
