/* SPDX-License-Identifier: MIT */
/* link: host/linux/arm64/next.c on-arm64 */
/*
 * arm64_next.c - where a thread of arm64 comes to behind an instruction
 */
#include <own/own.h>

#include "tl_test.h"

#define X1  0x1000ul
#define X7  0x7000ul
#define X30 0x3000ul

static const uint32_t code[] = {
	0xc85f7c22, /*  0: ldxr x2, [x1] */
	0xeb03005f, /*  1: cmp x2, x3 */
	0x54000061, /*  2: b.ne 5 */
	0xc8047c25, /*  3: stxr w4, x5, [x1] */
	0x35ffff84, /*  4: cbnz w4, 0 */
	0xd503201f, /*  5: nop */
	0x48227c24, /*  6: casp */
	0x48627c24, /*  7: caspa */
	0xc8047c25, /*  8: stxr w4, x5, [x1] */
	0xd71f0822, /*  9: braa x1, x2 */
	0xd65f0bff, /* 10: retaa */
	0xd63f00e0, /* 11: blr x7 */
	0xd65f03c0, /* 12: ret */
	0x361fffc0, /* 13: tbz w0, #3, 11 */
	0x34000080, /* 14: cbz w0, 18 */
	0x97fffff0, /* 15: bl -1 */
	0xf9000020, /* 16: str x0, [x1] */
	0x5400004e, /* 17: b.al 19 */
	0xc87f0c22, /* 18: ldxp x2, x3, [x1] */
	0xd503201f, /* 19: nop, and no store behind it */
	0xc85f7c22, /* 20: ldxr x2, [x1] */
	0x54000081, /* 21: b.ne 25 */
	0xc8047c25, /* 22: stxr w4, x5, [x1] */
	0x35ffffa4, /* 23: cbnz w4, 20 */
	0xd503201f, /* 24: nop */
	0xd503201f, /* 25: nop */
};

/* From which word to which, or to which address. */
static const struct {
	const char *name;
	int from, to[2]; /* -2: there is none */
	uintptr_t address;
} rows[] = {
	{ "ldxr, whose way out is behind it", 0, { 5, -2 }, 0 },
	{ "ldxr with a way out elsewhere", 20, { 24, 25 }, 0 },
	{ "stxr and its branch back", 3, { 5, -2 }, 0 },
	{ "casp", 6, { 7, -2 }, 0 },
	{ "caspa before a store-exclusive", 7, { 8, -2 }, 0 },
	{ "stxr alone", 8, { 9, -2 }, 0 },
	{ "braa", 9, { -2, -2 }, X1 },
	{ "retaa", 10, { -2, -2 }, X30 },
	{ "blr", 11, { -2, -2 }, X7 },
	{ "ret", 12, { -2, -2 }, X30 },
	{ "tbz", 13, { 14, 11 }, 0 },
	{ "cbz", 14, { 15, 18 }, 0 },
	{ "bl", 15, { -1, -2 }, 0 },
	{ "a store", 16, { 17, -2 }, 0 },
	{ "b.al", 17, { 18, 19 }, 0 },
};

TL_TEST(each_instruction_leads_to_one_of_two_places)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct pt_regs regs = { .pc = (uintptr_t)&code[rows[i].from] };
		uintptr_t at[2] = { 0, 0 };
		unsigned int n;

		ROW(rows[i].name);
		/* What a signature adds is above what an address has. */
		regs.regs[1] = X1 | (rows[i].from == 9 ? 0x55ul << 48 : 0);
		regs.regs[7] = X7;
		regs.regs[30] = X30 | (rows[i].from == 10 ? 0x7ful << 48 : 0);
		n = tl_machine_over(&regs, at);
		if (rows[i].address) {
			CHECK_EQ(n, 1);
			CHECK_EQ(at[0], rows[i].address);
			continue;
		}
		CHECK_EQ(n, rows[i].to[1] == -2 ? 1 : 2);
		for (unsigned int k = 0; k < n; k++)
			CHECK_EQ(at[k], (uintptr_t)(code + rows[i].to[k]));
	}
}
