/* SPDX-License-Identifier: MIT */
/*
 * x86_insn_flow.c - which windows may be displaced, on functions written for it
 *
 * Each function is assembled here, never run, and names the place to be probed
 * with a label.  The last tests feed it what nobody would write.
 */
/* link: x86-insn */
#include <string.h>
#include <sys/mman.h>

#include "insn.h"
#include "tl_test.h"

/* clang-format off */
/* A function with a label NAME_at; what follows NAME_end is up to the test. */
#define FUNCTION(name, body)					\
	__asm__(".pushsection .text\n.p2align 4\n"		\
		".globl " #name "_start, " #name "_at, " #name "_end\n" \
		#name "_start:\n" body "\n" #name "_end:\n"	\
		".popsection\n");				\
	extern const uint8_t name##_start[], name##_at[], name##_end[]

#define PADDED(name, body, padding)				\
	FUNCTION(name, body);					\
	__asm__(".pushsection .text\n" padding "\n.popsection\n")
/* clang-format on */

/* Reads on behind the end of things, as a table is read. */
__attribute__((no_sanitize("address"))) static int
read_memory(void *ctx, void *dst, uint64_t src, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
	return 0;
}

static struct x86_flow flow_of(const uint8_t *start, const uint8_t *end)
{
	return (struct x86_flow){
		.start = (uintptr_t)start,
		.end = (uintptr_t)end,
		.read = read_memory,
	};
}

static struct x86_window win;

/* With nothing known of the function yet. */
static enum x86_flow_result find_window(struct x86_flow *flow, uint64_t addr,
					unsigned int need,
					struct x86_window *out)
{
	static uint8_t bits[X86_FACTS_BITS * ((1 << 20) / 8 + 4)];
	size_t bytes = x86_flow_bounded(flow) ? x86_facts_bytes(flow) : 1;
	struct x86_facts facts = x86_facts_in(bits, bytes);

	memset(bits, 0, X86_FACTS_BITS * bytes);
	flow->facts = &facts;
	return x86_flow_window(flow, addr, need, out);
}

static enum x86_flow_result window_at(const uint8_t *start, const uint8_t *at,
				      const uint8_t *end)
{
	struct x86_flow flow = flow_of(start, end);

	return find_window(&flow, (uintptr_t)at, 5, &win);
}

#define WINDOW(name) window_at(name##_start, name##_at, name##_end)

/* ---- the window ---- */

FUNCTION(plain, "plain_at: push %rbp; mov %rsp, %rbp; push %rbx\n"
		"mov %rdi, %rbx; pop %rbx; pop %rbp; ret");

TL_TEST(window_is_whole_instructions)
{
	CHECK_EQ(WINDOW(plain), X86_FLOW_OK);
	CHECK_EQ(win.addr, (uintptr_t)plain_at);
	CHECK_EQ(win.nr, 3);
	CHECK_EQ(win.len, 5);
	CHECK_EQ(win.span, 5);
	CHECK_EQ(win.off[0], 0);
	CHECK_EQ(win.off[1], 1);
	CHECK_EQ(win.off[2], 4);
	CHECK_MEM(win.code, plain_at, 5);
}

FUNCTION(long_insn, "nop; long_insn_at: movabs $0x1234567890, %rax; ret");

TL_TEST(one_long_instruction_is_a_window)
{
	CHECK_EQ(WINDOW(long_insn), X86_FLOW_OK);
	CHECK_EQ(win.nr, 1);
	CHECK_EQ(win.len, 10);
}

TL_TEST(need_of_one_takes_one_instruction)
{
	struct x86_flow flow = flow_of(plain_start, plain_end);

	CHECK_EQ(find_window(&flow, flow.start, 1, &win), X86_FLOW_OK);
	CHECK_EQ(win.nr, 1);
	CHECK_EQ(win.len, 1);
}

TL_TEST(inside_of_an_instruction_is_no_boundary)
{
	struct x86_flow flow = flow_of(plain_start, plain_end);

	CHECK_EQ(find_window(&flow, flow.start + 2, 5, &win),
		 X86_FLOW_NOT_A_BOUNDARY);
}

/* A debugger's: it may be the start of something long, that jumps anywhere. */
FUNCTION(planted, "planted_at: mov %edi, %eax; nopl 8(%rax,%rax,1)\n"
		  "planted_int3: int3; nop; nop; planted_behind: nop; ret");
FUNCTION(padded, "test %edi, %edi; jnz padded_at; ret; int3; int3\n"
		 "padded_at: mov %edi, %eax; nopl 8(%rax,%rax,1); ret");
FUNCTION(reached, "test %edi, %edi; jnz reached_int3; ret\n"
		  "reached_int3: int3; reached_at: mov %edi, %eax\n"
		  "nopl 8(%rax,%rax,1); ret");
extern const uint8_t planted_int3[], planted_behind[];

TL_TEST(behind_somebody_s_breakpoint_nothing_is_certain)
{
	CHECK_EQ(WINDOW(planted), X86_FLOW_UNDECODABLE);
	CHECK(window_at(planted_start, planted_int3, planted_end) !=
	      X86_FLOW_OK);
	CHECK_EQ(window_at(planted_start, planted_behind, planted_end),
		 X86_FLOW_NOT_A_BOUNDARY);
	CHECK_EQ(WINDOW(reached), X86_FLOW_NOT_A_BOUNDARY);
	CHECK_EQ(WINDOW(padded), X86_FLOW_OK);
}

TL_TEST(absurd_bounds_are_refused)
{
	struct x86_flow flow = flow_of(plain_start, plain_end);
	struct x86_flow f;

	f = flow;
	f.read = NULL;
	CHECK_EQ(find_window(&f, f.start, 5, &win), X86_FLOW_NO_BOUNDS);
	f = flow;
	f.end = f.start;
	CHECK_EQ(find_window(&f, f.start, 5, &win), X86_FLOW_NO_BOUNDS);
	f.end = f.start + (1 << 20) + 1;
	CHECK_EQ(find_window(&f, f.start, 5, &win), X86_FLOW_NO_BOUNDS);
	CHECK_EQ(find_window(&flow, flow.end, 5, &win), X86_FLOW_NO_BOUNDS);
	CHECK_EQ(find_window(&flow, flow.start - 1, 5, &win),
		 X86_FLOW_NO_BOUNDS);
	CHECK_EQ(find_window(&flow, flow.start, 0, &win), X86_FLOW_NO_BOUNDS);
	CHECK_EQ(find_window(&flow, flow.start, X86_NEED_MAX + 1, &win),
		 X86_FLOW_NO_BOUNDS);
}

FUNCTION(data_after, "data_after_at: push %rbp; mov %rsp, %rbp; push %rbx\n"
		     "ret; .byte 0x06");

TL_TEST(function_that_does_not_decode_is_refused)
{
	CHECK_EQ(WINDOW(data_after), X86_FLOW_UNDECODABLE);
}

FUNCTION(call_first, "call_first_at: call *%rax; mov %rax, %rbx; ret");
FUNCTION(call_last, "call_last_at: push %rbx; call plain_start; pop %rbx; ret");
FUNCTION(syscall_first, "syscall_first_at: syscall; mov %rax, %rbx; ret");
FUNCTION(syscall_last, "syscall_last_at: mov %r10, %rcx; syscall; ret");

TL_TEST(calls_and_system_calls_come_last_or_not_at_all)
{
	CHECK_EQ(WINDOW(call_first), X86_FLOW_CALL_INSIDE);
	CHECK_EQ(WINDOW(call_last), X86_FLOW_OK);
	CHECK_EQ(win.nr, 2);
	CHECK_EQ(WINDOW(syscall_first), X86_FLOW_CALL_INSIDE);
	CHECK_EQ(WINDOW(syscall_last), X86_FLOW_OK);
}

FUNCTION(has_int3, "has_int3_at: nop; int3; mov %rax, %rbx; ret");
FUNCTION(has_call_rsp, "has_call_rsp_at: mov %eax, %ebx; nop; call *%rsp; ret");
FUNCTION(gets_fip, "gets_fip_at: fld1; fadd %st(0), %st; nop\n"
		   "fnstenv -28(%rsp); ret");
FUNCTION(sets_fip, "sets_fip_at: fld1; fadd %st(0), %st; nop; ret");

TL_TEST(what_cannot_be_moved_is_refused)
{
	CHECK_EQ(WINDOW(has_int3), X86_FLOW_NOT_RELOCATABLE);
	CHECK_EQ(WINDOW(has_call_rsp), X86_FLOW_NOT_RELOCATABLE);
	CHECK_EQ(WINDOW(gets_fip), X86_FLOW_NOT_RELOCATABLE);
	CHECK_EQ(WINDOW(sets_fip), X86_FLOW_OK);
}

/* ---- the end of the function ---- */

PADDED(short_nops, "short_nops_at: xor %eax, %eax; ret", ".p2align 4");
PADDED(short_int3, "short_int3_at: xor %eax, %eax; ret", ".p2align 4, 0xcc");
PADDED(short_zero, "short_zero_at: xor %eax, %eax; ret", ".p2align 4, 0");
PADDED(short_code, "short_code_at: xor %eax, %eax; ret", "mov %eax, %ebx");
PADDED(short_falls, "short_falls_at: xor %eax, %eax", ".p2align 4");
PADDED(short_full, ".skip 12, 0x90; short_full_at: xor %eax, %eax; nop; ret",
       ".byte 0x90, 0x90, 0x90, 0x90, 0x90, 0x90");

static enum x86_flow_result padded(const uint8_t *start, const uint8_t *at,
				   const uint8_t *end, unsigned int pad)
{
	struct x86_flow flow = flow_of(start, end);

	flow.pad_end = pad ? flow.end + pad : 0;
	return find_window(&flow, (uintptr_t)at, 5, &win);
}

#define PAD(name, pad) padded(name##_start, name##_at, name##_end, pad)

TL_TEST(padding_behind_the_function_can_be_used)
{
	CHECK_EQ(PAD(short_nops, 13), X86_FLOW_OK);
	CHECK_EQ(win.nr, 2);
	CHECK_EQ(win.len, 3);
	CHECK_EQ(win.span, 5);
	CHECK_MEM(win.code, short_nops_at, 5);
	CHECK_EQ(PAD(short_nops, 2), X86_FLOW_OK);
	CHECK_EQ(PAD(short_int3, 13), X86_FLOW_OK);
	CHECK_EQ(PAD(short_zero, 13), X86_FLOW_OK);
}

TL_TEST(what_may_not_be_padding_is_not_used)
{
	CHECK_EQ(PAD(short_nops, 0), X86_FLOW_PAST_END);
	CHECK_EQ(PAD(short_nops, 1), X86_FLOW_PAST_END);
	CHECK_EQ(PAD(short_code, 13), X86_FLOW_PAST_END);
	CHECK_EQ(PAD(short_falls, 13), X86_FLOW_PAST_END);
	/* at a multiple of 16 another function may begin with a nop */
	CHECK_EQ(PAD(short_full, 16), X86_FLOW_PAST_END);
}

FUNCTION(dead_pad, "test %edi, %edi; je 1f\n"
		   "dead_pad_at: xor %eax, %eax; ret; nopw 0(%rax,%rax)\n"
		   "1: mov $1, %eax; ret");
FUNCTION(landing_pad, "call plain_start\n"
		      "landing_pad_at: xor %eax, %eax; ret\n"
		      "mov %rax, %rdi; call plain_start; ret");

TL_TEST(code_after_a_return_is_not_covered)
{
	CHECK_EQ(WINDOW(dead_pad), X86_FLOW_OK);
	CHECK_EQ(win.len, 3);
	CHECK_EQ(win.span, 5);
	CHECK_EQ(WINDOW(landing_pad), X86_FLOW_TARGET_INSIDE);
}

/* ---- direct branches ---- */

FUNCTION(target_in, "target_in_at: push %rbx; 1: mov %rdi, %rbx; push %rbp\n"
		    "dec %edi; jne 1b; ret");
FUNCTION(target_start, "nop; target_start_at: push %rbx; mov %rdi, %rbx\n"
		       "push %rbp; dec %edi; jne target_start_at; ret");
FUNCTION(target_end, "target_end_at: push %rbx; mov %rdi, %rbx; push %rbp\n"
		     "1: dec %edi; jne 1b; ret");
FUNCTION(loop_in, "loop_in_at: push %rbx; 1: mov %rdi, %rbx; push %rbp\n"
		  "loop 1b; ret");
FUNCTION(call_in, "call_in_at: push %rbx; 1: mov %rdi, %rbx; push %rbp\n"
		  "call 1b; ret");

TL_TEST(direct_branches_inside_are_seen)
{
	CHECK_EQ(WINDOW(target_in), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(WINDOW(loop_in), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(WINDOW(call_in), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(WINDOW(target_start), X86_FLOW_OK);
	CHECK_EQ(WINDOW(target_end), X86_FLOW_OK);
}

FUNCTION(skips_lock, "skips_lock_at: mov %rdi, %rbx; push %rbp; nop\n"
		     "je 1f; lock; 1: cmpxchg %edx, (%rdi); pop %rbp; ret");
FUNCTION(is_skipped, "je 1f\n"
		     "is_skipped_at: lock; 1: cmpxchg %edx, 8(%rdi); ret");
FUNCTION(overlaps, "overlaps_at: mov %rdi, %rbx; push %rbp; nop\n"
		   "je 1f+1; 1: mov $0x9090f8eb, %eax; pop %rbp; ret");

TL_TEST(jumps_into_instructions_are_seen)
{
	CHECK_EQ(WINDOW(skips_lock), X86_FLOW_OK);
	CHECK_EQ(WINDOW(is_skipped), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(WINDOW(overlaps), X86_FLOW_UNDECODABLE);
}

TL_TEST(addresses_known_to_the_caller_are_heeded)
{
	struct x86_flow flow = flow_of(plain_start, plain_end);
	uint64_t targets[3] = { 1, flow.start + 1, UINT64_MAX };

	flow.targets = targets;
	flow.nr_targets = 3;
	CHECK_EQ(find_window(&flow, flow.start, 5, &win),
		 X86_FLOW_TARGET_INSIDE);
	targets[1] = flow.start;
	CHECK_EQ(find_window(&flow, flow.start, 5, &win), X86_FLOW_OK);
	targets[1] = flow.start + 5;
	CHECK_EQ(find_window(&flow, flow.start, 5, &win), X86_FLOW_OK);
}

FUNCTION(split, "test %edi, %edi; jne split_cold_at\n"
		"split_at: push %rbx; 1: mov %rdi, %rbx; push %rbp\n"
		"split_back = 1b; pop %rbp; pop %rbx; ret");
FUNCTION(other, "ret; other_at: ret; .skip 1000, 0x90");
FUNCTION(split_cold, "split_cold_at: mov $1, %edi; jmp split_back");

TL_TEST(parts_that_were_split_off_are_followed)
{
	struct x86_range part = { (uintptr_t)split_cold_start,
				  (uintptr_t)split_cold_end };
	struct x86_flow flow = flow_of(split_start, split_end);

	/* not told: found where the function jumps to */
	CHECK_EQ(WINDOW(split), X86_FLOW_TARGET_INSIDE);
	flow.parts = &part;
	flow.nr_parts = 1;
	CHECK_EQ(find_window(&flow, (uintptr_t)split_at, 5, &win),
		 X86_FLOW_TARGET_INSIDE);
}

/* ---- addresses taken, jump tables ---- */

FUNCTION(takes_label,
	 "lea 1f(%rip), %rax; mov %rax, (%rdi)\n"
	 "takes_label_at: push %rbx; 1: mov %rdi, %rbx; push %rbp\n"
	 "pop %rbp; pop %rbx; ret");

TL_TEST(an_address_that_is_taken_is_a_target)
{
	CHECK_EQ(WINDOW(takes_label), X86_FLOW_TARGET_INSIDE);
}

/* clang-format off */
/* A switch as compilers write it; the cases are labels of the function. */
#define SWITCH(name, cases, body)					\
	FUNCTION(name,							\
		"cmp $3, %edi; ja 9f\n"					\
		"lea " #name "_table(%rip), %rdx; mov %edi, %edi\n"	\
		"movslq (%rdx,%rdi,4), %rax; add %rdx, %rax\n"		\
		"notrack jmp *%rax\n" body				\
		"9: ret\n"						\
		".pushsection .rodata\n.p2align 2\n" #name "_table:\n"	\
		cases "\n.popsection");

#define OF(name, label) ".long " #label "b - " #name "_table\n"

SWITCH(table_in,
	OF(table_in, 1) OF(table_in, 2) OF(table_in, 1),
	"1: mov $1, %eax; ret\n"
	"table_in_at: push %rbx; 2: mov %rdi, %rbx; push %rbp; nop; ret\n")
SWITCH(table_out,
	OF(table_out, 1) OF(table_out, 2) OF(table_out, 1),
	"1: mov $1, %eax; ret\n"
	"table_out_at: 2: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n")
/* clang-format on */

/* clang-format off */
/* With a table as well, but this sum is of a label and something else. */
SWITCH(label_and_table,
	OF(label_and_table, 1) OF(label_and_table, 1),
	"1: lea 9f(%rip), %r9; shl $6, %rcx; add %r9, %rcx; jmp *%rcx\n"
	"label_and_table_at: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n")
/* clang-format on */

TL_TEST(offsets_from_labels_are_not_taken_for_tables)
{
	CHECK_EQ(WINDOW(label_and_table), X86_FLOW_INDIRECT);
}

/* clang-format off */
/* Where the register comes from is not seen: a tail call, or another switch. */
SWITCH(unknown_and_table,
	OF(unknown_and_table, 1) OF(unknown_and_table, 1),
	"1: call plain_start; jmp *%rcx\n"
	"unknown_and_table_at: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n")
SWITCH(unseen_and_table,
	OF(unseen_and_table, 1) OF(unseen_and_table, 1),
	"1: jmp *%rcx\n"
	"unseen_and_table_at: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n")
FUNCTION(unknown_alone, "call plain_start; jmp *%rcx\n"
	"unknown_alone_at: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n");

/*
 * The second table begins where the first ends.  Read as part of the first, its
 * last entry would lead into the window.
 */
SWITCH(two_tables,
	OF(two_tables, 1) OF(two_tables, 1)
	"two_tables_second: .long 1b - two_tables_second\n"
	".long two_tables_at + 1 - two_tables_table\n",
	"1: lea two_tables_second(%rip), %rdx\n"
	"movslq (%rdx,%rsi,4), %rax; add %rdx, %rax; jmp *%rax\n"
	"two_tables_at: push %rbx; mov %rdi, %rbx; push %rbp\n"
	"nop; nop; nop; nop; nop; ret\n")
/* clang-format on */

/* clang-format off */
/* -mcmodel=large: offsets of 64 bits, added from memory. */
#define LARGE(name, entries, body)					\
	FUNCTION(name,							\
		"lea " #name "_table(%rip), %r14; mov %r14, %rax\n"	\
		"add (%r14,%rdi,8), %rax; jmp *%rax\n" body		\
		".pushsection .rodata\n.p2align 3\n" #name "_table:\n" \
		entries "\n.popsection");

LARGE(wide_in,
	".quad 1b - wide_in_table, 2b - wide_in_table, 0",
	"1: mov $1, %eax; ret\n"
	"wide_in_at: push %rbx; 2: mov %rdi, %rbx; push %rbp; nop; ret\n")
LARGE(wide_out,
	".quad 1b - wide_out_table, 2b - wide_out_table, 0",
	"1: mov $1, %eax; ret\n"
	"wide_out_at: 2: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n")
/* what is added is not read from an array: no table will do */
SWITCH(computed_and_table,
	OF(computed_and_table, 1) OF(computed_and_table, 1),
	"1: imul $24, %rcx, %rcx; add %rsi, %rcx; jmp *%rcx\n"
	"computed_and_table_at: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n")
/* clang-format on */

TL_TEST(tables_of_wide_offsets_are_read)
{
	CHECK_EQ(WINDOW(wide_in), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(WINDOW(wide_out), X86_FLOW_OK);
}

TL_TEST(a_sum_without_an_array_is_not_taken_for_a_table)
{
	CHECK_EQ(WINDOW(computed_and_table), X86_FLOW_INDIRECT);
}

TL_TEST(what_a_call_leaves_in_a_register_is_not_known)
{
	CHECK_EQ(WINDOW(unknown_and_table), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(unseen_and_table), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(unknown_alone), X86_FLOW_INDIRECT);
}

TL_TEST(a_table_ends_where_the_next_one_begins)
{
	CHECK_EQ(WINDOW(two_tables), X86_FLOW_OK);
}

FUNCTION(by_pointer, "mov by_pointer_word(%rip), %rax; jmp *%rax\n"
		     "by_pointer_at: push %rbx; 1: mov %rdi, %rbx\n"
		     "push %rbp; nop; ret\n.pushsection .data\n.p2align 3\n"
		     "by_pointer_word: .quad 1b\n.popsection");

TL_TEST(pointers_to_labels_are_read)
{
	CHECK_EQ(WINDOW(by_pointer), X86_FLOW_TARGET_INSIDE);
}

TL_TEST(tables_of_offsets_are_read)
{
	CHECK_EQ(WINDOW(table_in), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(WINDOW(table_out), X86_FLOW_OK);
}

FUNCTION(pointers,
	 "lea pointers_table(%rip), %rdx; jmp *(%rdx,%rdi,8)\n"
	 "1: mov $1, %eax; ret\n"
	 "pointers_at: push %rbx; 2: mov %rdi, %rbx; push %rbp; nop; ret\n"
	 ".pushsection .data\n.p2align 3\n"
	 "pointers_table: .quad 1b, 2b, 1b, 0\n.popsection");

TL_TEST(tables_of_addresses_are_read)
{
	CHECK_EQ(WINDOW(pointers), X86_FLOW_TARGET_INSIDE);
}

FUNCTION(by_argument, "by_argument_at: mov %rdi, %rax; mov %rsi, %rdi\n"
		      "test %rax, %rax; jmp *%rax");
FUNCTION(by_vtable, "by_vtable_at: mov (%rdi), %rax; mov %rsi, %rdx\n"
		    "jmp *24(%rax)");
FUNCTION(by_load,
	 "push %rbx\nby_load_at: mov (%rdi), %rax; mov 24(%rax), %rax\n"
	 "pop %rbx; jmp *%rax");
FUNCTION(by_got, "by_got_at: mov %rdi, %rsi; mov $1, %edi\n"
		 "jmp *by_got_start(%rip)");
FUNCTION(by_sum, "by_sum_at: mov %rdi, %rax; add %rsi, %rax; jmp *%rax");
FUNCTION(by_label,
	 "lea 1f(%rip), %r9; shl $6, %ecx; add %r9, %rcx\n"
	 "jmp *%rcx\n"
	 "by_label_at: push %rbx; mov %rdi, %rbx; push %rbp; nop; ret\n"
	 "1: ret");
FUNCTION(by_bytes, "by_bytes_at: lea by_bytes_at(%rip), %rdx\n"
		   "movzbl (%rdi), %eax; lea (%rdx,%rax,4), %rax; jmp *%rax");
FUNCTION(by_unknown_table, "by_unknown_table_at: push %rbx; mov %rdi, %rbx\n"
			   "nop; pop %rbx; mov (%rdi,%rsi,8), %rax; jmp *%rax");
FUNCTION(by_masked, "by_masked_at: mov (%rdi), %rax; and $-32, %rax\n"
		    "nop; jmp *%rax");
FUNCTION(by_shifted, "by_shifted_at: mov (%rdi), %rax; shl $5, %rax\n"
		     "nop; jmp *%rax");
FUNCTION(by_scrambled, "push %rbx\n"
		       "by_scrambled_at: mov 8(%rdi), %rax; pop %rbx\n"
		       "ror $0x11, %rax; xor %fs:0x30, %rax; jmp *%rax");

TL_TEST(tail_calls_are_not_jumps_within)
{
	CHECK_EQ(WINDOW(by_argument), X86_FLOW_OK);
	CHECK_EQ(WINDOW(by_vtable), X86_FLOW_OK);
	CHECK_EQ(WINDOW(by_load), X86_FLOW_OK);
	CHECK_EQ(WINDOW(by_got), X86_FLOW_OK);
	CHECK_EQ(WINDOW(by_scrambled), X86_FLOW_OK);
}

TL_TEST(jumps_that_may_go_anywhere_are_refused)
{
	CHECK_EQ(WINDOW(by_sum), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(by_label), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(by_bytes), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(by_unknown_table), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(by_masked), X86_FLOW_INDIRECT);
	CHECK_EQ(WINDOW(by_shifted), X86_FLOW_INDIRECT);
}

/* ---- code that is not PIC, at addresses of its own ---- */

#define LOW_CODE  0x401000
#define LOW_TABLE 0x500000

static uint8_t low_code[] = {
	0xff, 0x24, 0xc5, 0x00, 0x00, 0x50, 0x00, /* 0: jmp *table(,%rax,8) */
	0x53,					  /* 7: push %rbx */
	0x48, 0x89, 0xfb,			  /* 8: mov %rdi, %rbx */
	0x90,					  /* 11: nop */
	0xc3,					  /* 12: ret */
	0x31, 0xc0, 0xc3,			  /* 13: xor %eax, %eax; ret */
};
static uint64_t low_table[3];

static int read_low(void *ctx, void *dst, uint64_t src, size_t n)
{
	const uint8_t *from = low_code;
	size_t len = sizeof(low_code);
	uint64_t base = LOW_CODE;

	(void)ctx;
	if (src >= LOW_TABLE) {
		from = (const uint8_t *)low_table;
		len = sizeof(low_table);
		base = LOW_TABLE;
	}
	if (src < base || src + n > base + len)
		return -1;
	memcpy(dst, from + (src - base), n);
	return 0;
}

static enum x86_flow_result low_window(uint64_t entry)
{
	struct x86_flow flow = {
		.start = LOW_CODE,
		.end = LOW_CODE + sizeof(low_code),
		.read = read_low,
	};

	low_table[0] = LOW_CODE + 13;
	low_table[1] = entry;
	low_table[2] = 0;
	return find_window(&flow, LOW_CODE + 7, 5, &win);
}

TL_TEST(addresses_in_immediates_are_targets)
{
	/* mov $LOW_CODE + 8 or 0, %eax; nop; nop in place of the jump */
	static const uint8_t mov[] = { 0xb8, 8, 0x10, 0x40, 0, 0x90, 0x90 };
	uint8_t jump[7];

	memcpy(jump, low_code, 7);
	memcpy(low_code, mov, 7);
	CHECK_EQ(low_window(0), X86_FLOW_TARGET_INSIDE);
	low_code[1] = 0;
	CHECK_EQ(low_window(0), X86_FLOW_OK);
	memcpy(low_code, jump, 7);
}

TL_TEST(tables_at_fixed_addresses_are_read)
{
	CHECK_EQ(low_window(LOW_CODE + 7), X86_FLOW_OK);
	CHECK_EQ(low_window(LOW_CODE + 8), X86_FLOW_TARGET_INSIDE);
	CHECK_EQ(low_window(LOW_CODE + 11), X86_FLOW_TARGET_INSIDE);
	low_table[0] = 0;
}

/* ---- what else there is ---- */

struct seen {
	unsigned int nr;
	uint64_t at[64];
};

static void see(void *arg, uint64_t target)
{
	struct seen *s = arg;

	if (s->nr < TL_ARRAY_SIZE(s->at))
		s->at[s->nr++] = target;
}

TL_TEST(targets_are_listed)
{
	struct x86_flow flow = flow_of(table_in_start, table_in_end);
	struct seen s = { 0 };
	unsigned int inner = 0;

	CHECK_EQ(x86_flow_targets(&flow, see, &s), X86_FLOW_OK);
	for (unsigned int i = 0; i < s.nr; i++)
		inner += s.at[i] == (uintptr_t)table_in_at + 1;
	CHECK(inner > 0);
}

FUNCTION(sweep_a, "sweep_a_at: jmp plain_at; .byte 0x06; je plain_at\n"
		  "call plain_at; ret");

static void see_jump(void *arg, uint64_t from, uint64_t target)
{
	see(arg, from);
	see(arg, target);
}

TL_TEST(jumps_are_swept_up_whatever_is_between)
{
	struct x86_flow flow = flow_of(sweep_a_start, sweep_a_end);
	struct seen s = { 0 };

	x86_flow_sweep(&flow, see_jump, &s);
	CHECK_EQ(s.nr, 4);
	CHECK_EQ(s.at[0], flow.start);
	CHECK_EQ(s.at[1], (uintptr_t)plain_at);
	CHECK_EQ(s.at[3], (uintptr_t)plain_at);
}

static int read_nothing(void *ctx, void *dst, uint64_t src, size_t n)
{
	(void)ctx;
	(void)dst;
	(void)src;
	(void)n;
	return -1;
}

TL_TEST(unreadable_code_is_refused_or_stepped_over)
{
	struct x86_flow flow = {
		.start = UINT64_MAX - 0x100000,
		.end = UINT64_MAX - 10,
		.read = read_nothing,
	};
	struct seen s = { 0 };

	x86_flow_sweep(&flow, see_jump, &s);
	CHECK_EQ(s.nr, 0);
	CHECK_EQ(find_window(&flow, flow.start, 5, &win), X86_FLOW_UNDECODABLE);
}

TL_TEST(every_result_has_a_text)
{
	for (int r = X86_FLOW_OK; r <= X86_FLOW_NO_BOUNDS; r++) {
		CHECK(strcmp(x86_flow_text(r), "unknown") != 0);
		for (int q = X86_FLOW_OK; q < r; q++)
			CHECK(strcmp(x86_flow_text(r), x86_flow_text(q)) != 0);
	}
}

__asm__(".pushsection .text\n.globl sum_start, sum_end\n.p2align 4\n"
	"sum_start: lea (%rdi,%rsi), %rax; cmp $10, %rax; jg 1f\n"
	"add sum_bias(%rip), %rax\n"
	"1: ret\nsum_end:\n.p2align 4\n"
	".popsection\n.pushsection .data\n"
	"sum_bias: .quad 1000\n.popsection");
extern const uint8_t sum_start[], sum_end[];

TL_TEST(relocated_window_goes_on_with_the_original)
{
	struct x86_flow flow = flow_of(sum_start, sum_end);
	uint16_t where[X86_WINDOW_INSNS];
	uint8_t *page =
		mmap((void *)(((uintptr_t)sum_start & ~0xfffull) - 0x100000),
		     4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long (*copy)(long, long) = (long (*)(long, long))(uintptr_t)page;
	int n;

	REQUIRE(page != MAP_FAILED);
	REQUIRE(find_window(&flow, flow.start, 5, &win) == X86_FLOW_OK);
	CHECK_EQ(win.nr, 2);
	n = x86_relocate_window(&win, (uintptr_t)page, page, 4096, where);
	REQUIRE(n > 0);
	CHECK_EQ(where[0], 0);
	CHECK_EQ(where[1], 4);
	CHECK_EQ(copy(2, 3), 1005);
	CHECK_EQ(copy(20, 3), 23);
	CHECK_EQ(x86_relocate_window(&win, (uintptr_t)page, page, n - 1, where),
		 -X86_ENOSPC);
	munmap(page, 4096);
}

/* ---- hostile input ---- */

static unsigned int reads;

/* Every address is readable, and holds an offset or pointer that is ours. */
static int read_endless(void *ctx, void *dst, uint64_t src, size_t n)
{
	static const uint8_t code[] = {
		0x48, 0x8d, 0x05, 0x00, 0x00, 0x10, 0x00
	}; /* lea 1 MiB on, %rax */
	uint64_t start = *(uint64_t *)ctx;

	reads++;
	for (size_t i = 0; i < n; i++) {
		uint64_t at = src + i;

		((uint8_t *)dst)[i] =
			at - start < 0x10000 ? code[(at - start) % 7] : 0xff;
	}
	return 0;
}

TL_TEST(endless_tables_end)
{
	uint64_t start = 0x10000000;
	struct x86_flow flow = {
		.start = start,
		.end = start + 7 * 9000,
		.read = read_endless,
		.ctx = &start,
	};

	reads = 0;
	CHECK_EQ(find_window(&flow, start, 5, &win), X86_FLOW_INDIRECT);
	CHECK(reads < 1000000);
}

static int read_random(void *ctx, void *dst, uint64_t src, size_t n)
{
	const uint8_t *bytes = ctx;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = bytes[(src + i) & 4095];
	return 0;
}

TL_TEST(random_bytes_do_no_harm)
{
	static uint8_t bytes[4096];
	uint64_t seed = tl_test_seed;
	unsigned int ok = 0;

	for (unsigned int n = 0; n < 3000 * tl_test_scale; n++) {
		uint64_t r = tl_test_random(&seed);
		struct x86_flow flow = {
			.start = r & 0xffffff0,
			.end = (r & 0xffffff0) + 1 + (r >> 32 & 63),
			.pad_end = (r & 0xffffff0) + 80,
			.read = read_random,
			.ctx = bytes,
		};

		for (unsigned int i = 0; i < 64; i++)
			bytes[tl_test_random(&seed) >> 20 & 4095] =
				tl_test_random(&seed) >> 24;
		ok += find_window(&flow, flow.start + (r >> 40 & 7), 5, &win) ==
		      X86_FLOW_OK;
	}
	tl_test_note("windows found in random bytes", ok);
	CHECK(ok > 0);
}

/* ---- padding ---- */

/* Which bytes of a function, and behind it, are said to be free. */
static struct {
	uint64_t start;
	uint64_t free;
	unsigned int runs;
} pads;

static void note_pad(void *arg, uint64_t start, uint64_t end)
{
	(void)arg;
	CHECK(start < end && end - pads.start <= 64);
	for (; start < end; start++)
		pads.free |= 1ull << (start - pads.start);
	pads.runs++;
}

static uint64_t pads_of(const uint8_t *start, const uint8_t *end,
			unsigned int behind)
{
	static uint8_t bits[X86_FACTS_BITS * 64];
	struct x86_facts facts = x86_facts_in(bits, 64);
	struct x86_flow flow = flow_of(start, end);
	struct x86_pads p = {
		.low = flow.start,
		.high = flow.end + behind,
		.behind = flow.end + behind,
		.fn = note_pad,
	};

	pads.start = flow.start;
	pads.free = 0;
	pads.runs = 0;
	memset(bits, 0, sizeof(bits));
	flow.facts = &facts;
	CHECK(x86_flow_learn(&flow));
	x86_flow_pads(&flow, &p);
	return pads.free;
}

#define PADS(name)     pads_of(name##_start, name##_end, 0)
#define BITS(from, to) ((1ull << (to)) - (1ull << (from)))

FUNCTION(pad_jmp, "pad_jmp_at: jmp 1f; .nops 9; 1: ret");
FUNCTION(pad_call, "pad_call_at: call pad_jmp_start; .nops 9; ret");
FUNCTION(pad_falls, "pad_falls_at: test %eax, %eax; je 1f; .nops 9; 1: ret");
FUNCTION(pad_led, "pad_led_at: test %eax, %eax; je 2f; jmp 1f\n"
		  ".nops 6, 3; 2: .nops 6; 1: ret");
FUNCTION(pad_inside, "pad_inside_at: test %eax, %eax; je 2f + 1; jmp 1f\n"
		     ".nops 6, 3; 2: .byte 0x66, 0x90, 0x90, 0x90; 1: ret");
FUNCTION(pad_int3, "pad_int3_at: jmp 1f; .nops 6, 3; int3; .nops 6, 3; 1: ret");
FUNCTION(pad_int3s, "pad_int3s_at: jmp 1f; .fill 7, 1, 0xcc; 1: ret");
FUNCTION(pad_code, "pad_code_at: jmp 1f; .nops 6; push %rax; .nops 6; 1: ret");
FUNCTION(pad_data, "pad_data_at: mov 1f(%rip), %eax; ret; 1: .nops 8");
FUNCTION(pad_lea, "pad_lea_at: lea 1f(%rip), %rax; ret; 1: .nops 8");
FUNCTION(pad_endbr, "pad_endbr_at: jmp 1f; endbr64; endbr64; 1: ret");
FUNCTION(pad_unsure, "pad_unsure_at: jmp *(%rdi,%rsi,8); .nops 9; 1: ret");

TL_TEST(padding_is_what_nothing_executes_or_reads)
{
	CHECK_EQ(PADS(pad_jmp), BITS(2, 11));
	CHECK_EQ(PADS(pad_call), 0);
	CHECK_EQ(PADS(pad_falls), 0);
	CHECK_EQ(PADS(pad_led), BITS(6, 12));
	CHECK_EQ(PADS(pad_inside), BITS(6, 12));
	/* somebody's breakpoint is left alone, and parts two runs */
	CHECK_EQ(PADS(pad_int3) & BITS(8, 9), 0);
	CHECK_EQ(PADS(pad_int3s), BITS(2, 9));
	CHECK_EQ(pads.runs, 1);
	CHECK_EQ(PADS(pad_code), BITS(2, 8));
	CHECK_EQ(PADS(pad_data), 0);
	CHECK_EQ(PADS(pad_lea), 0);
	CHECK_EQ(PADS(pad_endbr), 0);
	CHECK_EQ(PADS(pad_unsure), 0);
}

PADDED(pad_behind, "pad_behind_at: ret", ".fill 15, 1, 0x90");
PADDED(pad_called, "pad_called_at: call pad_jmp_start", ".fill 11, 1, 0x90");
PADDED(pad_short, "pad_short_at: ret",
       "1: .fill 15, 1, 0x90; push %rax; jmp 1b + 6; .fill 12, 1, 0x90");
PADDED(pad_own, "pad_own_at: test %eax, %eax; je 1f + 4; ret",
       "1: .fill 11, 1, 0x90");
PADDED(pad_read, "pad_read_at: mov 1f + 4(%rip), %eax; ret",
       "1: .fill 9, 1, 0x90");

#define BEHIND(name, n) pads_of(name##_start, name##_end, n)

TL_TEST(padding_behind_a_function_is_as_well)
{
	CHECK_EQ(BEHIND(pad_behind, 15), BITS(1, 16));
	CHECK_EQ(BEHIND(pad_behind, 31), BITS(1, 16));
	CHECK_EQ(BEHIND(pad_behind, 6), BITS(1, 7));
	CHECK_EQ(BEHIND(pad_behind, 0), 0);
	CHECK_EQ(BEHIND(pad_called, 11), 0);
	CHECK_EQ(BEHIND(pad_short, 15), BITS(1, 7));
	CHECK_EQ(BEHIND(pad_own, 11), BITS(5, 9));
	CHECK_EQ(BEHIND(pad_read, 9), BITS(7, 11));
}

TL_TEST(padding_is_recognized_by_its_bytes)
{
	static const uint8_t nops[] = { 0x66, 0x90, 0x0f, 0x1f, 0x40, 0 };
	uint8_t bytes[6];

	CHECK(x86_is_padding(nops, sizeof(nops), 0x1000));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		memcpy(bytes, nops, sizeof(bytes));
		bytes[i] = 0xcc;
		/* but for the displacement, which may be anything */
		CHECK_EQ(x86_is_padding(bytes, sizeof(bytes), 0x1000), i == 5);
	}
	CHECK(!x86_is_padding(nops, 3, 0x1000));
	memset(bytes, 0xcc, sizeof(bytes));
	CHECK(x86_is_padding(bytes, sizeof(bytes), 0x1000));
}
