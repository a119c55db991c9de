/* SPDX-License-Identifier: MIT */
/*
 * forms_state.h - run code from a whole random state, and take what comes out
 *
 * A state is all that user code can see: general registers, flags, x87 and MMX,
 * SSE, AVX, AVX-512 with its masks, a piece of memory, a piece of stack.  It is
 * entered by returning from a signal and left by running into hlt, which
 * faults; both on another stack, so that nothing but the code touches anything.
 */
#ifndef FORMS_STATE_H
#define FORMS_STATE_H

#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tl_test.h"

#define MEM_BYTES    0x2000 /* what instructions may use as they like */
#define STACK_BYTES  0x2000 /* the part of the stack that is compared */
#define STACK_BELOW  0x8000 /* room for handlers */
#define STACK_MIDDLE 0x1000 /* of the part that is compared: about rsp */
#define HLT	     0xf4
#define REGS	     (REG_EFL + 1)

/* The places of the XSAVE area that are user code's (SDM vol. 1, 13.4). */
#define FX_BYTES     416 /* x87 and SSE */
#define FX_MXCSR     24
#define FX_IP	     6 /* opcode and addresses of the last x87 instruction … */
#define FX_IP_END    24
#define FX_MASK	     28 /* … and what MXCSR may be */
#define XSAVE_HEADER 512
#define XSAVE_EXT    576
#define EXT_BYTES    4096

struct state {
	greg_t regs[REGS];
	uint8_t fx[FX_BYTES];
	uint8_t ext[EXT_BYTES];
	uint8_t mem[MEM_BYTES];
	uint8_t stack[STACK_BYTES];
	/* how it ended */
	int sig, code;
	uint64_t fault_addr, trap, error;
};

/* A part of the extended state that we set: ymm, masks, zmm, zmm16 to 31. */
static const unsigned int ext_parts[] = { 2, 5, 6, 7 };
static struct {
	unsigned int off, size;
} ext[TL_ARRAY_SIZE(ext_parts)];

static struct {
	struct state now;
	uint8_t *mem;	/* where now.mem belongs */
	uint8_t *stack; /* where now.stack belongs */
	int phase;	/* 1: about to enter, 2: inside */
	greg_t host[REGS];
	uint8_t host_fx[FX_BYTES];
} box;

static void find_ext_parts(void)
{
	unsigned int have, a, b, c, d;

	if (!__get_cpuid_count(13, 0, &have, &b, &c, &d) ||
	    !__builtin_cpu_supports("avx"))
		return;
	for (size_t i = 0; i < TL_ARRAY_SIZE(ext_parts); i++) {
		if (!(have >> ext_parts[i] & 1))
			continue;
		__cpuid_count(13, ext_parts[i], a, b, c, d);
		if (b + a > XSAVE_EXT + EXT_BYTES)
			continue;
		ext[i].off = b;
		ext[i].size = a;
	}
}

static uint64_t *parts_in_use(uint8_t *area)
{
	return (uint64_t *)(area + XSAVE_HEADER);
}

/* From now to the signal frame's area. */
static void put_vectors(uint8_t *area)
{
	uint32_t mask;

	memcpy(&mask, area + FX_MASK, sizeof(mask));
	memcpy(area, box.now.fx, FX_BYTES);
	memcpy(area + FX_MASK, &mask, sizeof(mask));
	for (size_t i = 0; i < TL_ARRAY_SIZE(ext_parts); i++) {
		if (!ext[i].size)
			continue;
		memcpy(area + ext[i].off, box.now.ext + ext[i].off - XSAVE_EXT,
		       ext[i].size);
		*parts_in_use(area) |= 1u << ext_parts[i];
	}
	*parts_in_use(area) |= 3;
}

/* A part that is not in use has its initial value: zero, but for x87's. */
static void take_vectors(const uint8_t *area)
{
	uint64_t used = *parts_in_use((uint8_t *)area);

	memcpy(box.now.fx, area, FX_BYTES);
	memset(box.now.fx + FX_IP, 0, FX_IP_END - FX_IP);
	memset(box.now.fx + FX_MASK, 0, 4);
	memset(box.now.ext, 0, sizeof(box.now.ext));
	if (!(used & 1)) {
		memset(box.now.fx, 0, FX_IP);
		memset(box.now.fx + 32, 0, 128);
		box.now.fx[0] = 0x7f;
		box.now.fx[1] = 0x03;
	}
	if (!(used & 2))
		memset(box.now.fx + 160, 0, 256);
	for (size_t i = 0; i < TL_ARRAY_SIZE(ext_parts); i++)
		if (ext[i].size && (used >> ext_parts[i] & 1))
			memcpy(box.now.ext + ext[i].off - XSAVE_EXT,
			       area + ext[i].off, ext[i].size);
}

static void enter_state(ucontext_t *uc)
{
	uint8_t *area = (uint8_t *)uc->uc_mcontext.fpregs;

	memcpy(box.host, uc->uc_mcontext.gregs, sizeof(box.host));
	memcpy(box.host_fx, area, FX_BYTES);
	memcpy(uc->uc_mcontext.gregs, box.now.regs, sizeof(box.now.regs));
	put_vectors(area);
}

static void leave_state(ucontext_t *uc)
{
	uint8_t *area = (uint8_t *)uc->uc_mcontext.fpregs;
	greg_t *regs = uc->uc_mcontext.gregs;

	memcpy(box.now.regs, regs, sizeof(box.now.regs));
	box.now.trap = regs[REG_TRAPNO];
	box.now.error = regs[REG_ERR];
	take_vectors(area);
	memcpy(regs, box.host, sizeof(box.host));
	regs[REG_RIP]++; /* the hlt that entered */
	memcpy(area, box.host_fx, FX_BYTES);
	*parts_in_use(area) |= 3;
	for (size_t i = 0; i < TL_ARRAY_SIZE(ext_parts); i++)
		*parts_in_use(area) &= ~(1ull << ext_parts[i]);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	if (box.phase == 1) {
		box.phase = 2;
		enter_state(context);
		return;
	}
	if (box.phase != 2) {
		static const char text[] = "# a fault outside of all states\n";

		tl_test_write(text, sizeof(text) - 1);
		_exit(3);
	}
	box.phase = 0;
	box.now.sig = sig;
	box.now.code = info->si_code;
	box.now.fault_addr = (uint64_t)info->si_addr;
	leave_state(context);
}

/* Run @s from @ip on until it faults; @s is then what came out. */
static void run_state(struct state *s, uint64_t ip)
{
	memcpy(&box.now, s, sizeof(*s));
	memcpy(box.mem, s->mem, MEM_BYTES);
	memcpy(box.stack, s->stack, STACK_BYTES);
	box.now.regs[REG_RIP] = ip;
	box.phase = 1;
	__asm__ volatile("hlt"
			 :
			 :
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3",
			   "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
	memcpy(s, &box.now, sizeof(*s));
	memcpy(s->mem, box.mem, MEM_BYTES);
	memcpy(s->stack, box.stack, STACK_BYTES);
}

static bool catch_signals(void)
{
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE,
				       SIGBUS };
	struct sigaction sa = { .sa_sigaction = on_signal };
	stack_t alt = { .ss_size = 0x20000 };
	const int *sig;

	alt.ss_sp = mmap(NULL, alt.ss_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (alt.ss_sp == MAP_FAILED || sigaltstack(&alt, NULL))
		return false;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigfillset(&sa.sa_mask);
	for_each_row(sig, signals)
		sigaction(*sig, &sa, NULL);
	find_ext_parts();
	return true;
}

static void fill(void *at, size_t len, uint64_t *seed)
{
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t v = tl_test_random(seed);

		memcpy((uint8_t *)at + i, &v, 8);
	}
}

/* x87, MMX, SSE and more: exceptions masked, mostly. */
static void fill_vectors(struct state *s, uint64_t *seed)
{
	uint64_t r = tl_test_random(seed);
	uint32_t mxcsr = 0x1f80 | (r & 0x6000);
	uint16_t fcw = 0x3f | (r >> 8 & 0xf00);

	memset(s->fx, 0, sizeof(s->fx));
	memset(s->ext, 0, sizeof(s->ext));
	if ((r >> 56 & 15) == 0) {
		mxcsr = r & 0xffbf;
		fcw = r & 0xf3f;
	}
	memcpy(s->fx, &fcw, 2);
	s->fx[3] = r >> 40 & 0x7f; /* TOP and conditions */
	s->fx[4] = r >> 48;	   /* which registers are in use */
	memcpy(s->fx + FX_MXCSR, &mxcsr, 4);
	for (unsigned int i = 0; i < 8; i++) {
		fill(s->fx + 32 + 16 * i, 16, seed);
		memset(s->fx + 32 + 16 * i + 10, 0, 6);
	}
	fill(s->fx + 160, 256, seed);
	for (size_t i = 0; i < TL_ARRAY_SIZE(ext_parts); i++)
		if (ext[i].size)
			fill(s->ext + ext[i].off - XSAVE_EXT, ext[i].size,
			     seed);
}

#endif
