/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine */
/*
 * pads.c - landing pads, and return addresses that are signed
 *
 * The functions are in a page that is guarded (PROT_BTI): what a branch to a
 * register leads to must be a landing pad there, or SIGILL comes.  The memory of
 * slots and detours is not guarded.
 */
#define _GNU_SOURCE
#include "context.h"
#include "home.h"
#include "insn.h"
#include "tl_test.h"
#include <setjmp.h>
#include <sys/auxv.h>

#include <trapline/kprobes.h>

/* ---- vectors ---- */

static sigjmp_buf after_fault;

static void on_breakpoint(int sig, siginfo_t *info, void *frame)
{
	(void)info;
	if (!is_our_breakpoint(frame))
		siglongjmp(after_fault, sig);
}

static void on_fault(int sig, siginfo_t *info, void *frame)
{
	(void)info;
	(void)frame;
	siglongjmp(after_fault, sig);
}

/* ---- what is probed ---- */

/* clang-format off */
__asm__("	.section guarded, \"ax\"\n"
	"	.arch armv8.5-a+pauth\n"
	"	.balign 4096\n"
	"	.globl by_blr, by_br, by_braa, by_blraa, bare_entry, to_bare\n"
	"	.globl padded_c, padded_j, signed_ret, signed_retaa, padded_signed\n"
	"	.globl guarded_end, middle, keeps\n"
	/* Calls and jumps to the function in x2, with x0 and x1 passed on. */
	"by_blr: bti c\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	blr x2\n"
	"	ldp x29, x30, [sp], #16\n"
	"	ret\n"
	"by_br:	bti c\n"
	"	mov x16, x2\n"
	"	br x16\n"
	"by_braa: bti c\n"
	"	mov x3, #77\n"
	"	pacia x2, x3\n"
	"	mov x17, x2\n"
	"	braa x17, x3\n"
	"by_blraa: bti c\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	pacizb x2\n"
	"	blrabz x2\n"
	"	ldp x29, x30, [sp], #16\n"
	"	ret\n"
	"padded_c: bti c\n"
	"	add x0, x0, x1\n"
	"	ret\n"
	"padded_j: bti jc\n"
	"	add x0, x0, x1\n"
	"	ret\n"
	"signed_ret: paciasp\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	add x0, x0, x1\n"
	"	ldp x29, x30, [sp], #16\n"
	"	autiasp\n"
	"	ret\n"
	"signed_retaa: paciasp\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	add x0, x0, x1\n"
	"	ldp x29, x30, [sp], #16\n"
	"	retaa\n"
	"padded_signed: bti c\n"
	"	pacibsp\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	add x0, x0, x1\n"
	"	ldp x29, x30, [sp], #16\n"
	"	retab\n"
	"keeps:	str x30, [x0]\n"
	"	ret\n"
	"bare_entry: add x0, x0, x1\n"
	"middle: ret\n"
	"guarded_end:\n"
	"	.balign 4096\n"
	"	.text\n");
/* clang-format on */

typedef long function(long a, long b);
typedef long caller(long a, long b, function *f);
caller by_blr, by_br, by_braa, by_blraa;
function padded_c, padded_j, signed_ret, signed_retaa, padded_signed,
	bare_entry;
extern char guarded_end[], middle[], keeps[];

static caller *const callers[] = { by_blr, by_br, by_braa, by_blraa };
static function *const functions[] = { padded_c, padded_j, signed_ret,
				       signed_retaa, padded_signed };

static bool prepare(bool jump)
{
	struct sigaction on = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	ROW(jump ? "jump" : "breakpoint");
	ops.no_optimize = !jump;
	home_guarded = (uintptr_t)by_blr;
	on.sa_sigaction = on_breakpoint;
	if (sigaction(SIGTRAP, &on, NULL))
		return false;
	on.sa_sigaction = on_fault;
	return !sigaction(SIGSEGV, &on, NULL) &&
	       !sigaction(SIGILL, &on, NULL) &&
	       !mprotect((void *)by_blr, PAGE,
			 PROT_READ | PROT_EXEC | PROT_BTI);
}

/* With both: guarded pages, and signatures. */
static bool has_cpu(void)
{
	return getauxval(AT_HWCAP2) & HWCAP2_BTI &&
	       getauxval(AT_HWCAP) & HWCAP_PACA;
}

#define PREPARE(jump)                                \
	do {                                         \
		if (!has_cpu())                      \
			SKIP("the CPU has no such"); \
		REQUIRE(prepare(jump));              \
	} while (0)

/* The result, or minus the signal. */
static long call(caller *by, function *f, long a, long b)
{
	int sig = sigsetjmp(after_fault, 1);

	return sig ? -sig : by(a, b, f);
}

TL_TEST(arm64_a_guarded_page_asks_for_landing_pads)
{
	PREPARE(false);
	CHECK_EQ(call(by_blr, padded_c, 40, 2), 42);
	CHECK_EQ(call(by_br, padded_c, 40, 2), 42);
	CHECK_EQ(call(by_blr, bare_entry, 40, 2), -SIGILL);
	CHECK_EQ(call(by_br, bare_entry, 40, 2), -SIGILL);
}

static unsigned int hits;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	hits++;
	return regs->pc == 0;
}

static void count_post(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	hits++;
}

static void call_all(unsigned int *calls)
{
	for (size_t c = 0; c < TL_ARRAY_SIZE(callers); c++)
		for (size_t f = 0; f < TL_ARRAY_SIZE(functions); f++) {
			CHECK_EQ(call(callers[c], functions[f], 40, 2), 42);
			(*calls)++;
		}
}

static void probe_each(kprobe_pre_handler_t pre, kprobe_post_handler_t post)
{
	unsigned int probed = 0;

	for (uintptr_t at = (uintptr_t)by_blr; at < (uintptr_t)keeps; at += 4) {
		struct kprobe p = { .addr = (kprobe_opcode_t *)at,
				    .pre_handler = pre,
				    .post_handler = post };
		unsigned int calls = 0;

		ROW(a64_match(*p.addr)->name);
		hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		CHECK(p.flags & KPROBE_FLAG_OPTIMIZED ||
		      a64_is_brk(*(volatile kprobe_opcode_t *)p.addr));
		call_all(&calls);
		CHECK(hits == calls / 4 || hits == calls / 5);
		CHECK_EQ(p.nmissed, 0);
		unregister_kprobe(&p);
		probed++;
	}
	CHECK(probed > 40);
}

TL_TEST(arm64_every_instruction_on_the_way_to_a_landing_pad_can_be_probed)
{
	for (int jump = 0; jump < 2; jump++) {
		PREPARE(jump);
		probe_each(count_pre, NULL);
		PREPARE(jump);
		probe_each(NULL, count_post);
	}
}

TL_TEST(arm64_a_landing_pad_is_an_entry_and_keeps_its_breakpoint)
{
	for (int jump = 0; jump < 2; jump++) {
		PREPARE(jump);
		for (size_t f = 0; f < TL_ARRAY_SIZE(functions); f++) {
			kprobe_opcode_t *at = (void *)functions[f];
			struct kprobe p = { .addr = at,
					    .pre_handler = count_pre };

			REQUIRE(register_kprobe(&p) == 0);
			CHECK(!(p.flags & KPROBE_FLAG_OPTIMIZED));
			CHECK_EQ(trapline_kprobe_why(&p),
				 jump ? TL_WHY_NOT_RELOCATABLE : TL_WHY_OFF);
			unregister_kprobe(&p);
		}
	}
}

/* To a place that is no landing pad, from one that was reached by a branch. */
static int go_to_the_middle(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->regs[0] = 7;
	regs->pc = (uintptr_t)middle;
	return 1;
}

TL_TEST(arm64_where_a_handler_goes_no_landing_pad_is_asked_for)
{
	for (int jump = 0; jump < 2; jump++) {
		PREPARE(jump);
		for (unsigned int word = 0; word < 2; word++) {
			kprobe_opcode_t *at = (void *)padded_c;
			struct kprobe p = { .addr = at + word,
					    .pre_handler = go_to_the_middle };

			REQUIRE(register_kprobe(&p) == 0);
			CHECK_EQ(call(by_blr, padded_c, 40, 2), 7);
			CHECK_EQ(call(by_br, padded_c, 40, 2), 7);
			unregister_kprobe(&p);
		}
	}
}

static unsigned int returns;
static unsigned long returned;

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	returns++;
	returned = regs->regs[0];
	return 0;
}

/* What is signed is the trampoline's address: it was there before. */
TL_TEST(arm64_return_probes_of_functions_that_sign_their_return_address)
{
	for (int jump = 0; jump < 2; jump++) {
		PREPARE(jump);
		for (size_t f = 0; f < TL_ARRAY_SIZE(functions); f++) {
			struct kretprobe rp = { .handler = on_return };
			unsigned int calls = 0;

			rp.kp.addr = (void *)functions[f];
			returns = 0;
			REQUIRE(register_kretprobe(&rp) == 0);
			call_all(&calls);
			CHECK_EQ(returns, TL_ARRAY_SIZE(callers));
			CHECK_EQ(returned, 42);
			CHECK_EQ(rp.nmissed, 0);
			unregister_kretprobe(&rp);
		}
	}
}

TL_TEST(arm64_return_addresses_that_are_signed_or_kept_are_left_alone)
{
	struct kretprobe rp = { .handler = on_return };
	unsigned int calls = 0;

	PREPARE(false);
	rp.kp.addr = (kprobe_opcode_t *)(void *)signed_ret + 1;
	CHECK_EQ(register_kretprobe(&rp), -TL_EOPNOTSUPP);
	rp.kp.addr = (kprobe_opcode_t *)(void *)padded_signed + 2;
	CHECK_EQ(register_kretprobe(&rp), -TL_EOPNOTSUPP);
	rp.kp.addr = (kprobe_opcode_t *)(void *)keeps;
	CHECK_EQ(register_kretprobe(&rp), -TL_EOPNOTSUPP);

	/* Behind the landing pad and before it is signed there is time. */
	returns = 0;
	rp.kp.addr = (kprobe_opcode_t *)(void *)padded_signed + 1;
	REQUIRE(register_kretprobe(&rp) == 0);
	call_all(&calls);
	CHECK_EQ(returns, TL_ARRAY_SIZE(callers));
	unregister_kretprobe(&rp);
}

/* ---- by exits ---- */

/* Where the functions are. */
static int function_bounds(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	static const uintptr_t starts[] = {
		(uintptr_t)padded_c,	  (uintptr_t)padded_j,
		(uintptr_t)signed_ret,	  (uintptr_t)signed_retaa,
		(uintptr_t)padded_signed, (uintptr_t)keeps,
		(uintptr_t)bare_entry,
	};

	for (size_t i = 0; i + 1 < TL_ARRAY_SIZE(starts); i++)
		if (addr >= starts[i] && addr < starts[i + 1]) {
			*start = starts[i];
			*end = starts[i + 1];
			return 0;
		}
	return -TL_ENOENT;
}

static int by_exits(const struct tl_status *status, void *arg)
{
	*(bool *)arg |= status->is_return && status->by_exits;
	return 0;
}

static unsigned long seen_sp, seen_pc;

static int see_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	CHECK_EQ(regs->pc, ri->ret_addr);
	CHECK_EQ(regs->sp, ri->fp);
	regs->regs[0]++;
	seen_sp = regs->sp;
	seen_pc = regs->pc;
	returns++;
	return 0;
}

/*
 * Where the return address must stay: each return is probed in its place, those that
 * authenticate, too.
 */
TL_TEST(arm64_return_probes_that_leave_the_return_address_alone)
{
	for (int jump = 0; jump < 2; jump++) {
		PREPARE(jump);
		ops.function = function_bounds;
		for (size_t f = 0; f < TL_ARRAY_SIZE(functions); f++) {
			struct kretprobe rp = { .handler = see_return };
			bool exits = false;

			rp.kp.addr = (void *)functions[f];
			rp.kp.flags = KPROBE_FLAG_NO_SWAP;
			returns = 0;
			REQUIRE(register_kretprobe(&rp) == 0);
			trapline_each_probe(by_exits, &exits);
			CHECK(exits);
			for (size_t c = 0; c < TL_ARRAY_SIZE(callers); c++)
				CHECK_EQ(call(callers[c], functions[f], 40, 2),
					 43);
			CHECK_EQ(returns, TL_ARRAY_SIZE(callers));
			CHECK_EQ(rp.nmissed, 0);
			unregister_kretprobe(&rp);
			CHECK_EQ(call(by_blr, functions[f], 40, 2), 42);
		}
		ops.function = NULL;
	}
}

typedef void keeper(uintptr_t *where);

/* What it keeps is the true address. */
TL_TEST(arm64_a_function_that_keeps_its_return_address_is_followed_by_its_exits)
{
	for (int jump = 0; jump < 2; jump++) {
		struct kretprobe rp = { .handler = see_return };
		uintptr_t kept = 0;

		PREPARE(jump);
		ops.function = function_bounds;
		rp.kp.addr = (void *)keeps;
		returns = 0;
		REQUIRE(register_kretprobe(&rp) == 0);
		((keeper *)(void *)keeps)(&kept);
		CHECK_EQ(returns, 1);
		CHECK_EQ(kept, seen_pc);
		unregister_kretprobe(&rp);
		ops.function = NULL;
	}
}
