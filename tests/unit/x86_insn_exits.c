/* SPDX-License-Identifier: MIT */
/* link: x86-insn */
/*
 * x86_insn_exits.c - where functions return, and when that is not certain
 *
 * Functions are bytes; each row says which exits are found, or that none are
 * certain.  The function lies at BASE, its part (foo.cold) at PART.
 */
#include <string.h>

#include "insn.h"
#include "tl_test.h"

#define BASE 0x10000ull
#define PART 0x20000ull

struct row {
	const char *name;
	const char *code, *part;
	unsigned int len, part_len;
	int n; /* exits; -1: not certain */
	unsigned int ret[2], lead[2], pops[2];
	uint64_t outside;
	bool tails, restarts;
};

#define CODE(s)	 .code = (s), .len = sizeof(s) - 1
#define PIECE(s) .part = (s), .part_len = sizeof(s) - 1

/* clang-format off */
static const struct row rows[] = {
	{ "a return", CODE("\xc3"), .n = 1 },
	{ "with a prefix", CODE("\x90\xf3\xc3"), .n = 1, .ret = { 1 } },
	{ "that pops", CODE("\xc2\x10\x00"), .n = 1, .pops = { 16 } },
	/* add $8,%rsp; ret: five bytes */
	{ "a lead of one", CODE("\x90\x48\x83\xc4\x08\xc3"), .n = 1,
	  .ret = { 5 }, .lead = { 4 } },
	/* pop %rbx; pop %rbp; pop %r12; pop %r13; ret */
	{ "a lead of several", CODE("\x90\x5b\x5d\x41\x5c\x41\x5d\xc3"), .n = 1,
	  .ret = { 7 }, .lead = { 4 } },
	/* mov $0,%eax; ret: the lead is as long as a jump by itself */
	{ "a long lead", CODE("\xb8\0\0\0\0\xc3"), .n = 1,
	  .ret = { 5 }, .lead = { 5 } },
	/* mov $0,(%rdi); pop %rbx; ret: the first alone is as long as a jump */
	{ "a lead of more than the jump needs",
	  CODE("\x48\xc7\x07\0\0\0\0\x5b\xc3"), .n = 1, .ret = { 8 },
	  .lead = { 8 } },
	/* add $8,%rsp; pop %r12; pop %rbx; ret */
	{ "a lead of several of which the first need not be all",
	  CODE("\x90\x48\x83\xc4\x08\x41\x5c\x5b\xc3"), .n = 1,
	  .ret = { 8 }, .lead = { 7 } },
	/* movabs $0,%rax; pop %rbx; pop %rbp; pop %rdi; ret */
	{ "a lead of too much",
	  CODE("\x48\xb8\0\0\0\0\0\0\0\0\x5b\x5d\x5f\xc3"), .n = 1,
	  .ret = { 13 } },
	/* mov $0,%eax; pop %rbx; pop %rbp; pop %r12; ret */
	{ "a lead in front of which a long one stands",
	  CODE("\xb8\0\0\0\0\x5b\x5d\x41\x5c\xc3"), .n = 1, .ret = { 9 },
	  .lead = { 4 } },
	/* sub $0x100,%rsp; nop; ret: a nop is as good as the return */
	{ "a lead before a nop", CODE("\x48\x81\xec\0\1\0\0\x90\xc3"), .n = 1,
	  .ret = { 7 }, .lead = { 7 } },
	/* jg 1f; mov $7,%eax; 1: ret */
	{ "a lead that others pass by", CODE("\x7f\x05\xb8\7\0\0\0\xc3"), .n = 1,
	  .ret = { 7 } },
	/* jg 1f; sub $0x100,%rsp; nop; 1: ret */
	{ "and before a nop", CODE("\x7f\x08\x48\x81\xec\0\1\0\0\x90\xc3"),
	  .n = 1, .ret = { 10 } },
	/* jg 1f; 1: mov $7,%eax; ret */
	{ "a lead that others come to", CODE("\x7f\0\xb8\7\0\0\0\xc3"), .n = 1,
	  .ret = { 7 }, .lead = { 5 } },
	/* call; pop %rbx; ret */
	{ "too short a lead after a call", CODE("\xe8\0\0\0\x01\x5b\xc3"),
	  .n = 1, .ret = { 6 } },
	/* je 1f; ret; 1: ret */
	{ "two returns", CODE("\x74\x01\xc3\xc3"), .n = 2, .ret = { 2, 3 } },
	{ "none", CODE("\x0f\x0b"), .n = 0 },
	{ "endless", CODE("\x90\xeb\xfd"), .n = -1 },
	/* cmp 16(%r14),%rsp; jbe 1f; ret; 1: call; jmp to the start */
	{ "begun anew", CODE("\x49\x3b\x66\x10\x76\x01\xc3\xe8\0\0\0\1\xeb\xf2"),
	  .n = 1, .ret = { 6 }, .restarts = true },
	{ "a loop inside", CODE("\x90\x90\xeb\xfd"), .n = 0 },
	{ "tail call", CODE("\xe9\xfb\x0f\x00\x00"), .n = -1,
	  .outside = BASE + 0x1000 },
	{ "conditional tail call", CODE("\x0f\x84\xfa\x0f\x00\x00\xc3"), .n = -1,
	  .outside = BASE + 0x1000 },
	{ "indirect tail call", CODE("\xff\xe0"), .n = -1 },
	{ "recursion", CODE("\xe8\xfb\xff\xff\xff\xc3"), .n = 1, .ret = { 5 } },
	/* call 1f; 1: pop %rax; ret */
	{ "call of its inside", CODE("\xe8\0\0\0\0\x58\xc3"), .n = -1 },
	{ "far return", CODE("\x48\xcb"), .n = -1 },
	{ "iret", CODE("\x48\xcf"), .n = -1 },
	{ "no instruction", CODE("\x06\xc3"), .n = -1 },
	{ "cut off", CODE("\xc3\x48"), .n = -1 },
	/* je PART; ret -- jmp back */
	{ "a part that jumps back", CODE("\x0f\x84\xfa\xff\x00\x00\xc3"),
	  PIECE("\xe9\x01\x00\xff\xff"), .n = 1, .ret = { 6 } },
	{ "a part that returns", CODE("\x0f\x84\xfa\xff\x00\x00\xc3"),
	  PIECE("\xc3"), .n = -1 },
	{ "a part that ends", CODE("\x0f\x84\xfa\xff\x00\x00\xc3"),
	  PIECE("\x0f\x0b"), .n = 1, .ret = { 6 } },
	{ "a part that goes elsewhere", CODE("\x0f\x84\xfa\xff\x00\x00\xc3"),
	  PIECE("\xe9\xfb\x0f\x00\x00"), .n = -1, .outside = PART + 0x1000 },
	{ "a function that is called at the end",
	  CODE("\x0f\x84\xfa\xff\x00\x00\xc3"), PIECE("\x90\xc3"), .n = 2,
	  .ret = { 6, PART + 1 - BASE }, .tails = true },
	/* call PART; jmp PART -- ret */
	{ "and in the middle",
	  CODE("\xe8\xfb\xff\x00\x00\xe9\xf6\xff\x00\x00"), PIECE("\xc3"),
	  .n = 1, .ret = { PART - BASE }, .tails = true },
	/* call PART + 1; jmp PART -- nop; ret */
	{ "and its inside",
	  CODE("\xe8\xfc\xff\x00\x00\xe9\xf6\xff\x00\x00"),
	  PIECE("\x90\xc3"), .n = -1, .tails = true },
	{ "and comes back to the start", CODE("\xe9\xfb\xff\x00\x00"),
	  PIECE("\xe9\xfb\xff\xfe\xff"), .n = -1, .tails = true },
	{ "an end that is run over", CODE("\x74\x01\xc3\x90\x58"), .n = -1 },
	{ "a call that never returns", CODE("\x74\x01\xc3\xe8\0\0\0\x01"),
	  .n = 1, .ret = { 2 } },
	{ "padding at the end", CODE("\xc3\x66\x90\xcc"), .n = 1 },
	{ "a part that begins again", CODE("\x0f\x84\xfa\xff\x00\x00\xc3"),
	  PIECE("\xe9\xfb\xff\xfe\xff"), .n = -1 },
};
/* clang-format on */

static int read_row(void *ctx, void *dst, uint64_t src, size_t n)
{
	const struct row *r = ctx;

	if (src >= BASE && src + n <= BASE + r->len)
		memcpy(dst, r->code + (src - BASE), n);
	else if (src >= PART && src + n <= PART + r->part_len)
		memcpy(dst, r->part + (src - PART), n);
	else
		return -1;
	return 0;
}

TL_TEST(exits_are_found_or_said_to_be_uncertain)
{
	const struct row *r;

	for_each_row(r, rows) {
		struct x86_range part = { PART, PART + r->part_len };
		struct x86_flow flow = { .start = BASE,
					 .end = BASE + r->len,
					 .read = read_row,
					 .ctx = (void *)r,
					 .parts = &part,
					 .nr_parts = r->part_len != 0,
					 .tails = r->tails,
					 .restarts = r->restarts };
		struct x86_exit exits[2] = { { 0 } };
		uint64_t outside = 1;
		int n;

		ROW(r->name);
		n = x86_flow_exits(&flow, exits, 2, &outside);
		CHECK_EQ(n, r->n < 0 ? -X86_EOPNOTSUPP : r->n);
		CHECK_EQ(outside, r->outside);
		for (int i = 0; i < n && i < 2; i++) {
			CHECK_EQ(exits[i].ret, BASE + r->ret[i]);
			CHECK_EQ(exits[i].part, exits[i].ret >= PART);
			CHECK_EQ(exits[i].lead, r->lead[i]);
			CHECK_EQ(exits[i].pops, r->pops[i]);
		}
	}
}

TL_TEST(more_exits_than_there_is_room_for_are_not_certain)
{
	struct row r = { CODE("\x74\x02\x74\x01\xc3\xc3\xc3") };
	struct x86_flow flow = {
		.start = BASE, .end = BASE + r.len, .read = read_row, .ctx = &r
	};
	struct x86_exit exits[3];
	uint64_t outside;

	CHECK_EQ(x86_flow_exits(&flow, exits, 3, &outside), 3);
	CHECK_EQ(x86_flow_exits(&flow, exits, 2, &outside), -X86_EOPNOTSUPP);
}

/* clang-format off */
static const struct row takers[] = {
	/* mov %rbx,(%rdi); lea 8(%rsp),%rdx; mov (%rsp),%rax: setjmp */
	{ "setjmp", CODE("\x48\x89\x1f\x48\x8d\x54\x24\x08\x48\x8b\x04\x24"), .n = 1 },
	{ "vfork", CODE("\x5f\x0f\x05\x57\xc3"), .n = 1 },
	/* jmp 1f; nop; 1: pop %rdi */
	{ "through a jump", CODE("\xeb\x01\x90\x5f\xc3"), .n = 1 },
	{ "another word", CODE("\x48\x8b\x44\x24\x08\xc3"), .n = 0 },
	{ "after a push", CODE("\x53\x48\x8b\x04\x24\x5b\xc3"), .n = 0 },
	{ "an ordinary one", CODE("\x48\x83\xec\x08\x48\x8b\x04\x24\xc3"), .n = 0 },
	{ "no instruction", CODE("\x06"), .n = 0 },
	{ "in a circle", CODE("\xeb\xfe"), .n = 0 },
};
/* clang-format on */

TL_TEST(functions_that_take_their_return_address_are_known)
{
	const struct row *r;

	for_each_row(r, takers) {
		struct x86_flow flow = { .start = BASE,
					 .end = BASE + r->len,
					 .read = read_row,
					 .ctx = (void *)r };

		ROW(r->name);
		CHECK_EQ(x86_flow_takes_return(&flow), r->n != 0);
	}
}
