/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * engine_x86.c - the engine with the real architecture, in the simulated home
 *
 * The text is machine code that this processor executes, so jumps and what is
 * behind them run natively; breakpoints are handed to the engine by hand.
 */
#include <string.h>
#include <sys/mman.h>

#include <arch.h>
#include <sim.h>
#include <trapline/agent.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#include "tl_test.h"

#define HANDLER __attribute__((target("general-regs-only"))) static

/*
 * long f(long a): lea 3(%rdi),%rax; add $4,%rax; xor %edx,%edx; ret
 *
 * and long g(long a): push %rbx; call f; pop %rbx; ret
 */
static const uint8_t f_code[] = { 0x48, 0x8d, 0x47, 0x03, 0x48, 0x83,
				  0xc0, 0x04, 0x31, 0xd2, 0xc3 };
static const uint8_t g_code[] = { 0x53, 0xe8, 0, 0, 0, 0, 0x5b, 0xc3 };

#define F 0x100
#define G 0x200
#define H 0x400

typedef long fn(long a);
static uint8_t before[SIM_TEXT_BYTES];

static bool start(void)
{
	int32_t rel = F - (G + 6);

	sim_reset();
	sim_ops.gate = NULL;
	sim_ops.red_zone = 128;
	sim_ops.stack = NULL;
	memset(sim_text, 0xcc, SIM_TEXT_BYTES);
	memcpy(sim_text + F, f_code, sizeof(f_code));
	memcpy(sim_text + G, g_code, sizeof(g_code));
	memcpy(sim_text + G + 2, &rel, 4);
	sim_text[F + sizeof(f_code)] = 0x55; /* no padding: somebody else's */
	memcpy(before, sim_text, sizeof(before));
	sim_function("f", (uintptr_t)sim_text + F, sizeof(f_code));
	sim_function("g", (uintptr_t)sim_text + G, sizeof(g_code));
	return sim_make_executable();
}

static long call(size_t off, long a)
{
	return ((fn *)(uintptr_t)(sim_text + off))(a);
}

static void finish(void)
{
	CHECK_EQ(tl_remove_all(), 0);
	CHECK_MEM(sim_text, before, SIM_TEXT_BYTES);
	CHECK_EQ(sim.allocated, 0);
	CHECK_EQ(sim.exec_allocated, 0);
	CHECK_EQ(sim.misuse, 0);
}

static struct pt_regs seen;
static int pres, posts, returns;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	seen = *regs;
	pres++;
	return 0;
}

HANDLER void post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)flags;
	seen = *regs;
	posts++;
}

HANDLER int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	seen = *regs;
	returns++;
	return 0;
}

/* A frame for each entry and each return, in turn; no stack: it cannot be told. */
static struct tl_frame frames[8];
static unsigned int frames_told;

HANDLER bool next_frame(const struct pt_regs *regs, struct tl_frame *out)
{
	(void)regs;
	*out = frames[frames_told++ % 8];
	return out->stack;
}

/* With a call of its own, so with a return address of its own. */
static __attribute__((noinline)) long call_from_elsewhere(size_t off, long a)
{
	return ((fn *)(uintptr_t)(sim_text + off))(a) + 1;
}

/*
 * 4 nops, as what calls pass before they begin; lea 3(%rdi),%rax; nopw; add $4,%rax;
 * ret
 */
static const uint8_t h_code[] = { 0x90, 0x90, 0x90, 0x90, 0x48,
				  0x8d, 0x47, 0x03, 0x66, 0x90,
				  0x48, 0x83, 0xc0, 0x04, 0xc3 };

TL_TEST(frames_that_move_are_told_by_the_home)
{
	struct kretprobe r = { .kp = { .flags = KPROBE_FLAG_JUMP_ONLY |
						KPROBE_FLAG_MOVES },
			       .handler = on_return };

	if (!start())
		SKIP("no memory may be writable and executable here");
	memset(sim_text + H - 200, 0x55, 400);
	memcpy(sim_text + H, h_code, sizeof(h_code));
	memcpy(before, sim_text, sizeof(before));
	sim_function("h", (uintptr_t)sim_text + H, sizeof(h_code));
	r.kp.addr = (kprobe_opcode_t *)(sim_text + H + 4);
	sim_ops.frame = NULL;
	CHECK_EQ(register_kretprobe(&r), -TL_EOPNOTSUPP);
	sim_ops.frame = next_frame;
	CHECK_EQ(register_kretprobe(&r), 0);

	/* Told, and as a whole by its frame: the stack pointer is the same. */
	memcpy(frames,
	       (struct tl_frame[8]){ { 1, 8 },
				     { 1, 8 },
				     /* It was left, … */
				     { 1, 8 },
				     { 2, 8 },
				     /* … which shows when its place is used. */
				     { 1, 8 },
				     { 1, 8 },
				     /* Left again; nobody knows who is next. */
				     { 1, 8 },
				     { 1, 16 } },
	       sizeof(frames));
	frames_told = returns = 0;
	CHECK_EQ(call(H, 10), 17);
	CHECK_EQ(returns, 1);
	CHECK_EQ(call(H, 10), 17);
	CHECK_EQ(returns, 1);
	CHECK_EQ(r.nmissed, 0);
	CHECK_EQ(call(H, 10), 17);
	CHECK_EQ(returns, 2);
	CHECK_EQ(r.nmissed, 1);
	CHECK_EQ(call(H, 10), 17);
	CHECK_EQ(returns, 2);
	/* Its place is left by a call from elsewhere, which was not followed. */
	frames[0] = (struct tl_frame){ 0 };
	frames[1] = (struct tl_frame){ 1, 8 };
	CHECK_EQ(call_from_elsewhere(H, 10), 18);
	CHECK_EQ(returns, 2);
	CHECK_EQ(r.nmissed, 3);
	CHECK_EQ(frames_told, 10);
	unregister_kretprobe(&r);
	sim_ops.frame = NULL;
	finish();
}

/* What is displaced is elsewhere when it faults. */
TL_TEST(what_may_fault_is_not_displaced_where_the_program_looks_for_it)
{
	static const struct {
		const char *name, *code;
		bool jump;
	} rows[] = {
		/* push %rbp; mov %rsp,%rbp; and */
		{ "a pointer", "\x55\x48\x89\xe5\x48\x8b\x00\x5d\xc3", false },
		{ "its check", "\x55\x48\x89\xe5\x84\x00\x90\x5d\xc3", false },
		{ "a division", "\x55\x48\x89\xe5\x48\xf7\xf9\x5d\xc3", false },
		{ "the stack", "\x55\x48\x89\xe5\x8b\x45\x10\x5d\xc3", true },
		{ "with an index", "\x55\x48\x89\xe5\x8b\x04\x04\x5d\xc3",
		  false },
		{ "no memory", "\x55\x48\x89\xe5\x01\xc8\x90\x5d\xc3", true },
		{ "a frame", "\x48\x83\xec\x10\x48\x89\x6c\x24\x08", true },
		{ "a vector", "\x55\x48\x89\xe5\x0f\x11\x04\x24\xc3", true },
		{ "a vector elsewhere", "\x55\x48\x89\xe5\x0f\x11\x00\x90\xc3",
		  false },
	};

	for (unsigned int i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		struct kprobe p = { .symbol_name = "h",
				    .flags = KPROBE_FLAG_JUMP_ONLY,
				    .pre_handler = pre };
		bool looks = i & 1;
		int err;

		if (!start())
			SKIP("no memory may be writable and executable here");
		/* No island's place is near. */
		memset(sim_text + H - 200, 0x55, 400);
		memcpy(sim_text + H, rows[i / 2].code, 9);
		memcpy(before, sim_text, sizeof(before));
		sim_function("h", (uintptr_t)sim_text + H, 9);
		sim_ops.own_faults = looks;
		ROW(rows[i / 2].name);
		err = register_kprobe(&p);
		CHECK_EQ(!err, rows[i / 2].jump || !looks);
		if (!err)
			unregister_kprobe(&p);
		sim_ops.own_faults = false;
		finish();
	}
}

TL_TEST(jump_calls_handlers_and_keeps_the_result)
{
	struct kprobe p = { .symbol_name = "f",
			    .pre_handler = pre,
			    .post_handler = post };

	if (!start())
		SKIP("no memory may be writable and executable here");
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(sim_text[F], 0xe9);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_NONE);
	pres = posts = 0;
	CHECK_EQ(call(F, 10), 17);
	CHECK_EQ(pres, 1);
	CHECK_EQ(posts, 1);
	CHECK_EQ(seen.ax, 13); /* after the first instruction */
	CHECK_EQ(call(G, 20), 27);
	CHECK_EQ(pres, 2);
	unregister_kprobe(&p);
	CHECK_EQ(call(F, 10), 17);
	CHECK_EQ(pres, 2);
	finish();
}

TL_TEST(counter_is_kept_in_place)
{
	static char counters[TL_COUNTER_BLOCK];
	struct kprobe p = { .symbol_name = "f",
			    .counter = (uint64_t *)counters };

	if (!start())
		SKIP("no memory may be writable and executable here");
	CHECK_EQ(register_kprobe(&p), 0);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(call(G, i), i + 7);
	CHECK_EQ(tl_counter_read(p.counter), 1000);
	finish();
}

TL_TEST(breakpoint_leads_to_a_slot_with_the_instruction)
{
	struct kprobe p = { .symbol_name = "f", .pre_handler = pre };
	struct pt_regs regs = { 0 };
	uint8_t slot[4];

	if (!start())
		SKIP("no memory may be writable and executable here");
	sim_ops.no_optimize = true;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(sim_text[F], 0xcc);
	regs.ip = (uintptr_t)sim_text + F + 1;
	regs.sp = (uintptr_t)sim_stack + 4096;
	pres = 0;
	CHECK(tl_trap_breakpoint(&regs));
	CHECK_EQ(pres, 1);
	CHECK_EQ(seen.ip, (uintptr_t)sim_text + F + 1);
	memcpy(slot, (const void *)regs.ip, 4);
	CHECK_MEM(slot, f_code, 4);
	CHECK_EQ(tl_origin(regs.ip), (uintptr_t)sim_text + F);
	finish();
}

TL_TEST(return_is_followed)
{
	struct kretprobe r = { .handler = on_return };

	if (!start())
		SKIP("no memory may be writable and executable here");
	r.kp.symbol_name = "f";
	CHECK_EQ(register_kretprobe(&r), 0);
	returns = 0;
	CHECK_EQ(call(G, 30), 37);
	CHECK_EQ(returns, 1);
	CHECK_EQ(seen.ax, 37);
	CHECK_EQ(seen.ip, (uintptr_t)sim_text + G + 6);
	CHECK_EQ(r.nmissed, 0);
	finish();
}

/* A handler that lasts: what it looks at is there. */
TL_TEST(exits_are_kept_until_nobody_looks_at_them)
{
	struct kretprobe r = { .kp.flags = KPROBE_FLAG_NO_SWAP,
			       .handler = on_return };
	size_t allocated;

	if (!start())
		SKIP("no memory may be writable and executable here");
	r.kp.symbol_name = "f";
	CHECK_EQ(register_kretprobe(&r), 0);
	CHECK(r.exits);
	allocated = sim.allocated;
	sim.contexts[1].depth = 1;
	sim.max_pauses = 3;
	unregister_kretprobe(&r);
	CHECK_EQ(sim.allocated, allocated);
	sim.contexts[1].depth = 0;
	sim.max_pauses = 0;
	tl_maintain();
	CHECK(sim.allocated < allocated);
	finish();
}

TL_TEST(places_that_cannot_be_probed_are_refused)
{
	struct kprobe p = { .pre_handler = pre };

	if (!start())
		SKIP("no memory may be writable and executable here");
	p.addr = sim_text + F + 1; /* inside an instruction */
	CHECK_EQ(register_kprobe(&p), -TL_EILSEQ);
	p.addr = sim_text + 0x300; /* int3 */
	CHECK_EQ(register_kprobe(&p), -TL_EILSEQ);
	p.addr = sim_text + F + 8; /* too near to the end for a jump */
	p.flags = KPROBE_FLAG_JUMP_ONLY;
	CHECK_EQ(register_kprobe(&p), -TL_EBUSY);
	CHECK(trapline_kprobe_why(&p) != TL_WHY_NONE);
	finish();
}

/* ---- what planning keeps of a function ----------------------------------------- */

#define LONG	   0x1000
#define LONG_BYTES 0x6000

/* add $1, %eax (3 bytes), again and again; then ret. */
static bool start_long(void)
{
	if (!start())
		return false;
	for (size_t i = 0; i + 3 <= LONG_BYTES - 1; i += 3)
		memcpy(sim_text + LONG + i, "\x83\xc0\x01", 3);
	sim_text[LONG + LONG_BYTES - 3] = 0x90;
	sim_text[LONG + LONG_BYTES - 2] = 0x90;
	sim_text[LONG + LONG_BYTES - 1] = 0xc3;
	sim_function("long", (uintptr_t)sim_text + LONG, LONG_BYTES);
	memcpy(before, sim_text, sizeof(before));
	return true;
}

#define MANY 400

/* How often memory is read to register @n probes, together or each by itself. */
static unsigned long reads_for(int n, bool together)
{
	static struct kprobe probes[MANY];
	struct kprobe *list[MANY];
	unsigned long first = sim.calls[SIM_CALL_READ];

	for (int i = 0; i < n; i++) {
		probes[i] = (struct kprobe){
			.addr = sim_text + LONG + 6 * i,
			.pre_handler = pre,
		};
		list[i] = &probes[i];
		if (!together)
			CHECK_EQ(register_kprobe(list[i]), 0);
	}
	if (together)
		CHECK_EQ(register_kprobes(list, n), 0);
	first = sim.calls[SIM_CALL_READ] - first;
	for (int i = 0; i < n; i++)
		CHECK_EQ(trapline_kprobe_why(list[i]), TL_WHY_NONE);
	unregister_kprobes(list, n);
	return first;
}

TL_TEST(many_probes_in_a_function_cost_one_look_at_it)
{
	unsigned long few, many, each;

	if (!start_long())
		SKIP("no memory may be writable and executable here");
	few = reads_for(MANY / 4, true);
	many = reads_for(MANY, true);
	each = reads_for(MANY, false);
	tl_test_note("reads for 100 probes together", (long)few);
	tl_test_note("reads for 400 probes together", (long)many);
	tl_test_note("reads for 400 probes one by one", (long)each);
	CHECK(many < few + 10 * MANY);
	/* one by one: what was read is compared, and not understood anew */
	CHECK(each < MANY * (LONG_BYTES / 512 + 20));
	finish();
}

/* Why no jump is at @off; TL_WHY_NONE: there is one. */
static enum tl_why why_at(size_t off)
{
	struct kprobe p = { .addr = sim_text + off, .pre_handler = pre };
	enum tl_why why;

	CHECK_EQ(register_kprobe(&p), 0);
	why = trapline_kprobe_why(&p);
	unregister_kprobe(&p);
	return why;
}

TL_TEST(text_that_changes_is_looked_at_again)
{
	struct kprobe other = { .pre_handler = pre };
	uint8_t *at;

	if (!start_long())
		SKIP("no memory may be writable and executable here");
	other.addr = sim_text + LONG + 0x2ffd;
	CHECK_EQ(why_at(LONG + 0x60), TL_WHY_NONE);
	/* a probe of ours is no change, armed or not */
	CHECK_EQ(register_kprobe(&other), 0);
	CHECK_EQ(why_at(LONG + 0x60), TL_WHY_NONE);

	/* nop; jmp LONG + 0x63: into the window at LONG + 0x60 */
	at = sim_text + LONG + 0x96;
	memcpy(at, "\x90\xeb\xca", 3);
	CHECK_EQ(why_at(LONG + 0x60), TL_WHY_TARGET);
	CHECK_EQ(why_at(LONG + 0x66), TL_WHY_NONE);
	memcpy(at, "\x83\xc0\x01", 3);
	CHECK_EQ(why_at(LONG + 0x60), TL_WHY_NONE);
	unregister_kprobe(&other);
	finish();
}

/*
 *   0  lea 0x100(%rip), %rdx       f(a): jump to the a-th place of the table
 *   7  movslq (%rdx,%rdi,4), %rax
 *  11  add %rdx, %rax
 *  14  jmp *%rax
 *  16  add $1, %eax; add $1, %eax; ret
 */
#define SWITCH	  0x800
#define THE_TABLE (SWITCH + 7 + 0x100)

TL_TEST(a_table_that_changes_is_looked_at_again)
{
	static const uint8_t code[] = {
		0x48, 0x8d, 0x15, 0x00, 0x01, 0x00, 0x00, 0x48,
		0x63, 0x04, 0xba, 0x48, 0x01, 0xd0, 0xff, 0xe0,
		0x83, 0xc0, 0x01, 0x83, 0xc0, 0x01, 0xc3,
	};
	int32_t table[2] = { SWITCH + 16 - THE_TABLE, SWITCH + 22 - THE_TABLE };

	if (!start())
		SKIP("no memory may be writable and executable here");
	memcpy(sim_text + SWITCH, code, sizeof(code));
	sim_text[SWITCH + sizeof(code)] = 0x55; /* no padding */
	memcpy(sim_text + THE_TABLE, table, sizeof(table));
	memcpy(before, sim_text, sizeof(before));
	sim_function("switch", (uintptr_t)sim_text + SWITCH, sizeof(code));
	CHECK_EQ(why_at(SWITCH + 16), TL_WHY_NONE);
	table[1] = SWITCH + 19 - THE_TABLE;
	memcpy(sim_text + THE_TABLE, table, sizeof(table));
	CHECK_EQ(why_at(SWITCH + 16), TL_WHY_TARGET);
	table[1] = SWITCH + 22 - THE_TABLE;
	memcpy(sim_text + THE_TABLE, table, sizeof(table));
	CHECK_EQ(why_at(SWITCH + 16), TL_WHY_NONE);
	finish();
}

static uint32_t no_inroads(uintptr_t addr)
{
	(void)addr;
	return 0;
}

TL_TEST(code_far_away_is_swept_unless_the_home_knows_inroads)
{
	int32_t rel = F + 4 - (F + 600 + 5); /* into the window at F */

	if (!start())
		SKIP("no memory may be writable and executable here");
	sim_text[F + 600] = 0xe9;
	memcpy(sim_text + F + 601, &rel, 4);
	memcpy(before, sim_text, sizeof(before));
	CHECK_EQ(why_at(F), TL_WHY_TARGET);
	sim_ops.inroads = no_inroads;
	CHECK_EQ(tl_remove_all(), 0); /* what was found out is forgotten */
	CHECK_EQ(why_at(F), TL_WHY_NONE);
	finish();
}
