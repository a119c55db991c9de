/* SPDX-License-Identifier: MIT */
/*
 * objdump_rules.h - where objdump 2.40 and the tables differ, and who says so
 *
 * By the name that the Arm ARM (DDI 0487) has for the encoding; its numbers of
 * sections are not those of the next issue.  A word of a row is accepted by that side
 * alone.
 */
/* clang-format off */
	{ OURS, 0xbfc00000, 0x91800000,
	  "add with tags: op3 should be zero, and may be anything", 0 },
	{ OURS, 0x3fa00000, 0x08800000,
	  "load and store ordered: Rs and Rt2 should be ones", 0 },
	{ OURS, 0x3b200c00, 0x19000400,
	  "unpredictable: memory copy and set: registers that are the same", 0 },
	{ OURS, 0xfe400000, 0x68400000,
	  "unpredictable: ldpsw: registers that are the same", 0 },
	{ THEIRS, 0xff20c000, 0x25204000,
	  "psel: bits 9 and 4 are 0", 0 },
	{ THEIRS, 0xffd80000, 0xd5000000,
	  "system: registers have an op0 of 2 or 3", 0 },
	{ THEIRS, 0xffe0cc00, 0xf8208000,
	  "st64b: Rt is even and below 23", 0 },
	{ THEIRS, 0xfffffc00, 0xf83fd000,
	  "ld64b: Rt is even and below 23", 0 },
	{ THEIRS, 0xfff0a000, 0x05102000,
	  "cpy of an immediate: bytes are not shifted", 0 },
	{ THEIRS, 0xbf60fc00, 0x0e60ec00,
	  "fmlal: sz of 1 is undefined", 0 },
	{ THEIRS, 0xbf60fc00, 0x2e60cc00,
	  "fmlal2: sz of 1 is undefined", 0 },
	{ THEIRS, 0xff3d0000, 0xc0010000,
	  "SME move: Q is 1 with a size of 3 only", 0 },
