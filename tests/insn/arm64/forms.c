/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine */
/* limit: 300 */
/*
 * forms.c - every row of the tables, bare and probed
 *
 * The processor is the oracle (here QEMU's, with all that it has).  Words of each
 * row are put into an arena of brk, and run from random states: as they are, and
 * with a probe, behind a breakpoint and behind a jump.  All that comes out must be
 * the same: registers, flags, vectors and predicates, memory, the stack, and if it
 * faults, how and where.
 *
 *      tgkill(SIGUSR1)    handler: all registers random, pc = the word
 *        the word         runs, or its copy
 *      brk, or a fault    handler: keeps the state, restores that of the test
 *
 * A class is a kind of plan, or where that is "copied", a group of encodings.  A row
 * that is not run fails the test, unless the table `untestable` has the reason.  What
 * QEMU does not have faults, bare and probed; the number of such rows is printed.
 * TL_SEED replays a run.
 */
#define _GNU_SOURCE
#include "context.h"
#include "home.h"
#include "insn.h"
#include "tl_test.h"
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include <trapline/kprobes.h>

#define NR_STATES   500u /* of each class */
#define NR_A_WORD   8u	 /* of one word, behind one registration */
#define ARENA_WORDS (1u << 20)
#define DATA_BYTES  (1u << 18)
#define WINDOW	    1024u /* of the data, on each side of its middle */
#define STACK_BYTES 4096u
#define NZCV	    0xf0000000u
#define BRK	    A64_BRK(99)
#define NOWHERE	    0x0000555500000000ull

/* ---- a state ---- */

struct state {
	struct pt_regs regs;
	uint8_t vectors[4096]; /* as signal frames have them */
	uint8_t memory[2 * WINDOW];
	uint8_t stack[STACK_BYTES];
	int signal;
	uint64_t fault;
};

static uint32_t *arena; /* of text */
static uint8_t *data;	/* its middle is what pointers lead to */
static uint8_t stack[2 * STACK_BYTES] __attribute__((aligned(64)));
static struct state start, bare, end;
static ucontext_t back;
static bool has_sve;

static uint8_t *middle(void)
{
	return data + DATA_BYTES / 2;
}

static uint8_t *stack_start(void)
{
	return stack + STACK_BYTES;
}

/* ---- signals ---- */

/* The record of @magic among the saved state, or NULL. */
static struct _aarch64_ctx *find_record(ucontext_t *uc, uint32_t magic)
{
	struct _aarch64_ctx *r = &fpsimd(uc)->head;

	while (r->magic && r->magic != magic)
		r = (void *)((uint8_t *)r + r->size);
	return r->magic ? r : NULL;
}

/*
 * All vector state that there is, and FPSR.  Whoever has Z registers loads V from
 * them.
 */
static size_t vector_bytes(ucontext_t *uc, uint8_t **at)
{
	struct fpsimd_context *v = fpsimd(uc);
	struct sve_context *z = (void *)find_record(uc, SVE_MAGIC);

	if (z && z->head.size > sizeof(*z)) {
		*at = (uint8_t *)(z + 1);
		return z->head.size - sizeof(*z);
	}
	*at = (uint8_t *)v->vregs;
	return sizeof(v->vregs);
}

static void keep_vectors(ucontext_t *uc, struct state *s)
{
	struct fpsimd_context *v = fpsimd(uc);
	uint8_t *at;
	size_t n = vector_bytes(uc, &at);

	memset(s->vectors, 0, sizeof(s->vectors));
	memcpy(s->vectors, v->vregs, sizeof(v->vregs));
	memcpy(s->vectors + 512, &v->fpsr, 4);
	memcpy(s->vectors + 516, &v->fpcr, 4);
	memcpy(s->vectors + 520, at, n < 3500 ? n : 3500);
}

static void set_vectors(ucontext_t *uc, const struct state *s)
{
	struct fpsimd_context *v = fpsimd(uc);
	uint8_t *at;
	size_t n = vector_bytes(uc, &at);

	memcpy(at, s->vectors + 520, n < 3500 ? n : 3500);
	memcpy(v->vregs, s->vectors, sizeof(v->vregs));
	memcpy(&v->fpsr, s->vectors + 512, 4);
	memcpy(&v->fpcr, s->vectors + 516, 4);
}

static void on_start(int sig, siginfo_t *info, void *frame)
{
	ucontext_t *uc = frame;

	(void)sig;
	(void)info;
	back = *uc;
	to_context(uc, &start.regs);
	set_vectors(uc, &start);
}

static void on_end(int sig, siginfo_t *info, void *frame)
{
	ucontext_t *uc = frame;
	struct pt_regs regs;

	from_context(&regs, uc);
	if (sig == SIGTRAP ? tl_trap_breakpoint(&regs) : tl_trap_fault(&regs)) {
		to_context(uc, &regs);
		return;
	}
	end.regs = regs;
	end.signal = sig;
	end.fault = sig == SIGSEGV || sig == SIGBUS ? (uintptr_t)info->si_addr
						    : 0;
	keep_vectors(uc, &end);
	*uc = back;
}

static bool catch_signals(void)
{
	static const int ends[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	static char other[65536];
	stack_t alt = { .ss_sp = other, .ss_size = sizeof(other) };
	struct sigaction on = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	on.sa_sigaction = on_start;
	if (sigaltstack(&alt, NULL) || sigaction(SIGUSR1, &on, NULL))
		return false;
	on.sa_sigaction = on_end;
	for (size_t i = 0; i < TL_ARRAY_SIZE(ends); i++)
		if (sigaction(ends[i], &on, NULL))
			return false;
	return true;
}

static bool prepare(void)
{
	if (arena)
		return true;
	has_sve = getauxval(AT_HWCAP) & HWCAP_SVE;
	home_text |= PROT_WRITE;
	arena = mmap(NULL, 4 * ARENA_WORDS, home_text,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	data = mmap(NULL, DATA_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || data == MAP_FAILED || !catch_signals())
		return false;
	for (size_t i = 0; i < ARENA_WORDS; i++)
		arena[i] = BRK;
	return true;
}

/* From @start to the first signal that is not ours; the result is @end. */
static void run(void)
{
	memcpy(middle() - WINDOW, start.memory, sizeof(start.memory));
	memcpy(stack_start() - STACK_BYTES / 2, start.stack, STACK_BYTES);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	memcpy(end.memory, middle() - WINDOW, sizeof(end.memory));
	memcpy(end.stack, stack_start() - STACK_BYTES / 2, STACK_BYTES);
}

/* ---- random states ---- */

static void fill(void *at, size_t n, uint64_t *seed)
{
	uint64_t *p = at;

	for (size_t i = 0; i < n / 8; i++)
		p[i] = tl_test_random(seed);
}

static uint64_t random_text(uint64_t *seed)
{
	return (uintptr_t)(arena + 1 +
			   tl_test_random(seed) % (ARENA_WORDS - 1));
}

static uint64_t random_value(uint64_t *seed)
{
	uint64_t r = tl_test_random(seed);

	switch (tl_test_random(seed) >> 8 & 7) {
	case 0:
		return 0;
	case 1:
		return r & 15;
	case 2:
		return -(r & 63);
	case 3:
		return r << 32;
	case 4:
	case 5:
		return (uintptr_t)middle() + (r & 63 ? 0 : (r >> 8 & 31));
	default:
		return r;
	}
}

/* pacia1716, pacib1716 */
static uint64_t sign(uint64_t pointer, uint64_t modifier, bool key_b)
{
	register uint64_t x17 __asm__("x17") = pointer;
	register uint64_t x16 __asm__("x16") = modifier;

	if (key_b)
		__asm__("hint #10" : "+r"(x17) : "r"(x16));
	else
		__asm__("hint #8" : "+r"(x17) : "r"(x16));
	return x17;
}

/* Make what the authenticated branch @word goes to authentic. */
static void sign_target(uint32_t word)
{
	bool ret = (word >> 21 & 3) == 2;
	uint32_t rn = ret ? 30 : word >> 5 & 31, rm = word & 31;
	uint64_t modifier = 0;

	if (ret || (word >> 24 & 1 && rm == 31))
		modifier = start.regs.sp;
	else if (word >> 24 & 1)
		modifier = start.regs.regs[rm];
	if (rn < 31)
		start.regs.regs[rn] =
			sign(start.regs.regs[rn], modifier, word >> 10 & 1);
}

static void random_state(const struct a64_rule *r, uint32_t word, uint32_t *at,
			 uint64_t *seed)
{
	bool branch = r->plan == A64_SIM_BR || r->plan == A64_BR_AUTH ||
		      r->plan == A64_BLR_AUTH;

	for (unsigned int i = 0; i < 31; i++)
		start.regs.regs[i] = random_value(seed);
	if ((word >> 25 & 5) == 4 || (word >> 25 & 15) == 2)
		if (tl_test_random(seed) & 0x700 && (word >> 5 & 31) < 31)
			start.regs.regs[word >> 5 & 31] = (uintptr_t)middle();
	if (branch)
		for (unsigned int i = 0; i < 31; i++)
			start.regs.regs[i] = random_text(seed);
	if (r->plan == A64_CALL)
		start.regs.regs[8] = SYS_getpid;
	start.regs.sp = (uintptr_t)stack_start();
	if (branch && r->plan != A64_SIM_BR && tl_test_random(seed) & 0x300)
		sign_target(word);
	start.regs.pc = (uintptr_t)at;
	start.regs.pstate = tl_test_random(seed) & NZCV;
	fill(start.vectors, sizeof(start.vectors), seed);
	memset(start.vectors + 512, 0, 8);
	/* V registers are the low parts of the Z registers. */
	memcpy(start.vectors + 520, start.vectors, 512);
	fill(start.memory, sizeof(start.memory), seed);
	fill(start.stack, sizeof(start.stack), seed);
}

/* ---- words ---- */

/* Rows of which not every word, or none, can be run twice with the same result. */
static const struct {
	const char *name;
	uint32_t mask, value; /* those words */
	const char *why;
} untestable[] = {
	{ "msr", 0xfff8f000, 0xd518d000, "the thread pointer of this program" },
	{ "mrs", 0xfff8f000, 0xd538e000, "clocks" },
	{ "mrs", 0xfffff000, 0xd53b9000, "counters of events" },
	{ "mrs", 0xfffffe00, 0xd53b2400, "random numbers" },
	{ "irg", 0xffe0fc00, 0x9ac01000, "random tags" },
	{ "wfi", 0xffffffff, 0xd503207f, "QEMU ends: nothing would wake it" },
};

static const char *why_untestable(uint32_t word)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(untestable); i++)
		if ((word & untestable[i].mask) == untestable[i].value)
			return untestable[i].why;
	return NULL;
}

/* @word with its distance, if it has one, such that it stays in the arena. */
static uint32_t stay_inside(uint32_t word, uint64_t *seed)
{
	uint64_t r = tl_test_random(seed) >> 16;

	switch (a64_match(word)->plan) {
	case A64_SIM_B:
		word = (word & 0xfc000000) |
		       ((r % 800000 - 400000) & 0x3ffffff);
		return (word & 0x3ffffff) ? word : word + 1;
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
		return word & 0xffffe0 ? word : word + 32;
	case A64_SIM_TBZ:
		return word & 0x7ffe0 ? word : word + 32;
	default:
		break;
	}
	/* An offset of 12 bits, scaled: mostly a small one; the stack ends. */
	if ((word & 0x3b000000) == 0x39000000 &&
	    (r & 7 || (word >> 5 & 31) == 31))
		word &= ~0x3f0000u;
	return word;
}

/*
 * Does it read below the stack pointer?  What is there is anybody's: a detour's,
 * too.  Where that depends on a register: yes.
 */
static bool reads_below_stack(uint32_t word)
{
	unsigned int mode = word >> 10 & 3;

	if ((word >> 5 & 31) != 31)
		return false;
	if ((word >> 25 & 15) == 2) /* SVE */
		return word >> 31;
	if ((word >> 25 & 5) != 4 || (word & 0x3b000000) == 0x39000000)
		return false;
	if ((word >> 27 & 7) == 5) /* a pair, and not after its use */
		return (word >> 23 & 3) != 1 && word & 1u << 21 &&
		       word & 1u << 22;
	if ((word & 0x3b200000) == 0x38000000) /* 9 bits */
		return mode != 1 && word & 1u << 20 && word & 3u << 22;
	if ((word & 0x3b200000) == 0x38200000) /* an index, ldraa */
		return mode;
	return (word & 0x3f000000) == 0x19000000 && word & 1u << 20;
}

/* Is @r refused here, because this CPU does not have it? */
static bool is_lacking(const struct a64_rule *r)
{
	if (r->plan == A64_BR_AUTH || r->plan == A64_BLR_AUTH)
		return !(getauxval(AT_HWCAP) & HWCAP_PACA);
	return a64_is_bc(r->value) && !(getauxval(AT_HWCAP2) & HWCAP2_HBC_);
}

/* blraa of x30, or by it, for which no code can stand. */
static bool is_refused(uint32_t word)
{
	uint32_t out[A64_RELOCATED_WORDS];

	return is_lacking(a64_match(word)) ||
	       (a64_match(word)->plan == A64_BLR_AUTH &&
		!a64_relocate(word, 0, 0, out));
}

/* A word of @r that can be run, or 0. */
static uint32_t random_word(const struct a64_rule *r, uint64_t *seed)
{
	for (unsigned int tries = 0; tries < 1000; tries++) {
		uint32_t word = (uint32_t)(tl_test_random(seed) >> 16);

		word = stay_inside(r->value | (word & ~r->mask), seed);
		if (a64_match(word) == r && !why_untestable(word) &&
		    !is_refused(word) && !reads_below_stack(word))
			return word;
	}
	return 0;
}

/* ---- one word, bare and probed ---- */

static int spoil(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__asm__ volatile("movi v0.16b, #1\n\t" /* and the rest of z0 is 0 */
			 "movi v7.16b, #2\n\t"
			 "movi v31.16b, #3\n\t"
			 "cmp sp, #0"
			 :
			 :
			 : "v0", "v7", "v31", "cc");
	if (has_sve)
		__asm__ volatile(".arch_extension sve\n\t"
				 "dup z9.b, #5\n\t"
				 "pfalse p0.b\n\t"
				 "wrffr p0.b\n\t"
				 "ptrue p3.b\n\t"
				 "ptrue p15.b"
				 :
				 :
				 : "v9", "p0", "p3", "p15");
	return 0;
}

static void spoil_after(struct kprobe *p, struct pt_regs *regs,
			unsigned long flags)
{
	(void)flags;
	(void)spoil(p, regs);
}

static uint64_t counters[TL_COUNTER_BLOCK / 8];

static const struct kind {
	const char *name;
	kprobe_pre_handler_t pre;
	kprobe_post_handler_t post;
	uint64_t *counter;
} kinds[] = {
	{ "pre", spoil, NULL, NULL },
	{ "pre and post", spoil, spoil_after, NULL },
	{ "post", NULL, spoil_after, NULL },
	{ "counter", NULL, NULL, counters },
};

static unsigned long nr_states, nr_faults, nr_jumps;
static unsigned int nr_shown; /* of what was different */

/* From where on the stack counts: below its pointer it is anybody's. */
static size_t live_stack(const struct state *s)
{
	uintptr_t half = STACK_BYTES / 2, up;

	up = s->regs.sp - (uintptr_t)stack_start();
	if (up > STACK_BYTES)
		return half; /* it has gone down, or away */
	return up < half ? half + up : STACK_BYTES;
}

/* What is different, or NULL. */
static const char *difference(const struct state *a, const struct state *b)
{
	size_t live;

	if (a->signal != b->signal)
		return "signal";
	if (a->regs.pc != b->regs.pc)
		return "pc";
	if (a->regs.sp != b->regs.sp)
		return "sp";
	if (memcmp(a->regs.regs, b->regs.regs, sizeof(a->regs.regs)))
		return "registers";
	if ((a->regs.pstate ^ b->regs.pstate) & NZCV)
		return "flags";
	if (a->fault != b->fault)
		return "fault address";
	if (memcmp(a->vectors, b->vectors, sizeof(a->vectors)))
		return "vectors";
	if (memcmp(a->memory, b->memory, sizeof(a->memory)))
		return "memory";
	live = live_stack(b);
	if (memcmp(a->stack + live, b->stack + live, STACK_BYTES - live))
		return "stack";
	return NULL;
}

static void compare(uint32_t word, const char *mode, const struct kind *k)
{
	const char *what = difference(&bare, &end);
	char line[200];
	int n;

	if (!what)
		return;
	n = snprintf(
		line, sizeof(line),
		"# %08x %s, %s, %s: %s: pc %#lx, want %#lx; signal %d, %d\n",
		word, a64_match(word)->name, mode, k->name, what,
		(long)end.regs.pc, (long)bare.regs.pc, end.signal, bare.signal);
	if (nr_shown++ < 30) {
		CHECK(!what);
		tl_test_write(line, n);
	}
}

/* A load-exclusive takes no post handler. */
static const struct kind *random_kind(const struct a64_rule *r, uint64_t *seed)
{
	unsigned int n = tl_test_random(seed) >> 16 & 3;

	if (r->plan == A64_LOAD_EX)
		n = n & 1 ? 3 : 0;
	return &kinds[n];
}

static bool has_stack(const struct state *s)
{
	return s->regs.sp - (uintptr_t)stack <= sizeof(stack) &&
	       s->regs.sp - (uintptr_t)stack >= STACK_BYTES / 2 &&
	       s->regs.sp % 16 == 0;
}

/* The states of one word: bare results first, then all of them with one probe. */
static void run_word(const struct a64_rule *r, uint32_t word, uint32_t *at,
		     uint64_t *seed)
{
	static struct state starts[NR_A_WORD], results[NR_A_WORD];
	uint64_t literal = 0, kept[2] = { 0 };
	const struct kind *k = random_kind(r, seed);
	bool loads = r->plan == A64_SIM_LITERAL ||
		     r->plan == A64_VECTOR_LITERAL;

	if (loads && a64_place(word, (uintptr_t)at, &literal)) {
		if (literal + 16 > (uintptr_t)at &&
		    literal < (uintptr_t)(at + 2))
			return; /* it reads itself, or its brk */
		memcpy(kept, (void *)literal, 16);
		fill((void *)literal, 16, seed);
	}
	put_word(at, word);
	for (unsigned int i = 0; i < NR_A_WORD; i++) {
		random_state(r, word, at, seed);
		starts[i] = start;
		run();
		results[i] = end;
		/* A post handler is called on the stack that it leaves. */
		if (!has_stack(&end))
			k = &kinds[3];
		nr_states++;
		nr_faults += end.signal != SIGTRAP;
	}
	for (int jump = 0; jump < 2; jump++) {
		struct kprobe p = { .addr = at,
				    .pre_handler = k->pre,
				    .post_handler = k->post,
				    .counter = k->counter };

		ops.no_optimize = !jump;
		REQUIRE(register_kprobe(&p) == 0);
		nr_jumps += p.flags & KPROBE_FLAG_OPTIMIZED ? NR_A_WORD : 0;
		for (unsigned int i = 0; i < NR_A_WORD; i++) {
			start = starts[i];
			bare = results[i];
			run();
			compare(word, jump ? "jump" : "breakpoint", k);
		}
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
	}
	put_word(at, BRK);
	if (loads) {
		memcpy((void *)literal, kept, 16);
		__builtin___clear_cache((char *)literal, (char *)literal + 16);
	}
}

/* ---- classes ---- */

#define NR_GROUPS  6
#define NR_CLASSES (A64_NR_PLANS + NR_GROUPS)

static const char *const class_names[NR_CLASSES] = {
	[A64_CALL] = "svc, hvc, smc",
	[A64_LOAD_EX] = "load-exclusive",
	[A64_STORE_EX] = "store-exclusive",
	[A64_BR_AUTH] = "braa, retaa",
	[A64_BLR_AUTH] = "blraa",
	[A64_MOPS] = "memory copy",
	[A64_PREFETCH] = "prfm literal",
	[A64_VECTOR_LITERAL] = "vector literal",
	[A64_SIM_ADR] = "adr, adrp",
	[A64_SIM_LITERAL] = "literal",
	[A64_SIM_B] = "b, bl",
	[A64_SIM_B_COND] = "b.cond",
	[A64_SIM_CBZ] = "cbz, cbnz",
	[A64_SIM_TBZ] = "tbz, tbnz",
	[A64_SIM_BR] = "br, blr, ret",
	[A64_NR_PLANS + 0] = "system",
	[A64_NR_PLANS + 1] = "data processing",
	[A64_NR_PLANS + 2] = "load and store",
	[A64_NR_PLANS + 3] = "vector",
	[A64_NR_PLANS + 4] = "SVE",
	[A64_NR_PLANS + 5] = "SME and udf",
};

static unsigned int class_of(const struct a64_rule *r)
{
	static const uint8_t groups[16] = { 5, 5, 4, 5, 2, 1, 2, 3,
					    1, 1, 0, 0, 2, 1, 2, 3 };

	if (r->plan != A64_SLOT)
		return r->plan;
	return A64_NR_PLANS + groups[r->value >> 25 & 15];
}

static unsigned int nr_rows, nr_untested, nr_only_faults, nr_tested;

/* One more word of @r. */
static void run_row(const struct a64_rule *r, uint64_t *seed)
{
	uint32_t *at = arena + ARENA_WORDS / 2 + tl_test_random(seed) % 64;
	uint32_t word = random_word(r, seed);

	if (word || !(r->value >> 16))
		run_word(r, word, at, seed);
}

static bool has_reason(const struct a64_rule *r)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(untestable); i++)
		if (!strcmp(untestable[i].name, r->name))
			return true;
	return false;
}

/* Each row of class @c at least once, and states enough in all. */
static void run_class(unsigned int c, uint64_t *seed)
{
	unsigned long want = NR_STATES * tl_test_scale, before = nr_states;
	bool first = true, none = true;

	while (nr_states - before < want) {
		const struct a64_rule *r;
		unsigned long round = nr_states;

		for (unsigned int n = 0; (r = a64_rule(n)); n++) {
			unsigned long states = nr_states, faults = nr_faults;

			if (a64_refused(r->plan) || class_of(r) != c)
				continue;
			none &= is_lacking(r);
			if (!first && nr_states - before >= want)
				break;
			ROW(r->name);
			run_row(r, seed);
			if (!first)
				continue;
			nr_rows++;
			if (nr_states == states && !has_reason(r) &&
			    !is_lacking(r)) {
				nr_untested++;
				CHECK(!"a row that was not run");
			}
			nr_only_faults += nr_states - states ==
						  nr_faults - faults &&
					  nr_states != states;
		}
		first = false;
		if (nr_states == round)
			break;
	}
	ROW(class_names[c]);
	CHECK(none || nr_states - before >= want);
}

static void test_class(unsigned int c)
{
	uint64_t seed = tl_test_seed + c;
	unsigned long states = nr_states, faults = nr_faults;
	struct kprobe anchor = { 0 };
	unsigned int shown = nr_shown, untested = nr_untested;

	REQUIRE(prepare());
	/* So that memory for slots stays mapped. */
	put_word(arena, 0xd503201f);
	anchor.addr = arena;
	REQUIRE(register_kprobe(&anchor) == 0);
	run_class(c, &seed);
	unregister_kprobe(&anchor);
	tl_test_note("states", nr_states - states);
	tl_test_note("faults", nr_faults - faults);
	CHECK_EQ(nr_shown, shown);
	CHECK_EQ(nr_untested, untested);
	nr_tested++;
}

#define CLASS_TEST(name, c)                                 \
	TL_TEST(arm64_##name##_is_the_same_bare_and_probed) \
	{                                                   \
		test_class(c);                              \
	}

CLASS_TEST(a_call_of_the_system, A64_CALL)
CLASS_TEST(a_load_exclusive, A64_LOAD_EX)
CLASS_TEST(a_store_exclusive, A64_STORE_EX)
CLASS_TEST(an_authenticated_branch, A64_BR_AUTH)
CLASS_TEST(an_authenticated_call, A64_BLR_AUTH)
CLASS_TEST(a_memory_copy, A64_MOPS)
CLASS_TEST(a_literal_prefetch, A64_PREFETCH)
CLASS_TEST(a_vector_literal, A64_VECTOR_LITERAL)
CLASS_TEST(adr, A64_SIM_ADR)
CLASS_TEST(a_literal, A64_SIM_LITERAL)
CLASS_TEST(a_branch, A64_SIM_B)
CLASS_TEST(a_conditional_branch, A64_SIM_B_COND)
CLASS_TEST(cbz, A64_SIM_CBZ)
CLASS_TEST(tbz, A64_SIM_TBZ)
CLASS_TEST(a_register_branch, A64_SIM_BR)
CLASS_TEST(system, A64_NR_PLANS + 0)
CLASS_TEST(data_processing, A64_NR_PLANS + 1)
CLASS_TEST(load_and_store, A64_NR_PLANS + 2)
CLASS_TEST(vector, A64_NR_PLANS + 3)
CLASS_TEST(sve, A64_NR_PLANS + 4)
CLASS_TEST(sme, A64_NR_PLANS + 5)

/*
 * What the CPU has not is an illegal instruction at its place; simulated it would
 * not be one.
 */
TL_TEST(arm64_a_branch_that_this_cpu_has_not_is_refused)
{
	static const uint32_t words[] = {
		0xd65f0bff, /* retaa */
		0xd71f0822, /* braa x1, x2 */
		0xd73f0822, /* blraa x1, x2 */
		0x54000030, /* bc.eq */
	};

	REQUIRE(prepare());
	for (size_t i = 0; i < TL_ARRAY_SIZE(words); i++) {
		bool lacks = is_lacking(a64_match(words[i]));
		struct kprobe p = { .addr = arena,
				    .post_handler = spoil_after };

		ROW(a64_match(words[i])->name);
		put_word(arena, words[i]);
		CHECK_EQ(register_kprobe(&p), lacks ? -TL_EINVAL : 0);
		CHECK(!lacks || trapline_kprobe_why(&p) == TL_WHY_UNDECODABLE);
		unregister_kprobe(&p);
	}
	put_word(arena, BRK);
}

/* Runs last. */
TL_TEST(arm64_every_row_was_run)
{
	const struct a64_rule *r;
	unsigned int rows = 0, classes = 0;

	for (unsigned int c = 0; c < NR_CLASSES; c++)
		classes += class_names[c] != NULL;
	if (nr_tested != classes)
		SKIP("the other tests were not run");
	for (unsigned int n = 0; (r = a64_rule(n)); n++)
		rows += !a64_refused(r->plan);
	tl_test_note("rows", nr_rows);
	tl_test_note("rows that only faulted, bare as probed", nr_only_faults);
	tl_test_note("states", nr_states);
	tl_test_note("states behind a jump", nr_jumps);
	CHECK_EQ(nr_rows, rows);
	CHECK(nr_jumps > nr_states / 2);
}
