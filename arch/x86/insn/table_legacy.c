/* SPDX-License-Identifier: MIT */
/*
 * table_legacy.c - opcodes without VEX: one byte, 0F, 0F 38, 0F 3A
 *
 * SDM vol. 2, appendix A (tables) and the pages of the instructions;
 * AMD64 manual vol. 3, appendix A, for AMD's own.  What 64-bit mode lacks has
 * no row.  VEX, EVEX and XOP are told apart before these tables are asked.
 */
#include "tables.h"

/* clang-format off */

#define ALL8 0xff

/* no ModRM */
#define OP(lo, hi, imm, fl, bits) \
	{ lo, hi, PANY | LIG, WIG | NOMODRM, ALL8, ALL8, imm, X86_NORMAL, fl, bits }
#define OPK(lo, hi, imm, kind, fl, bits) \
	{ lo, hi, PANY | LIG, WIG | NOMODRM, ALL8, ALL8, imm, kind, fl, bits }
#define OPP(lo, hi, pp, imm, fl, bits) \
	{ lo, hi, (pp) | LIG, WIG | NOMODRM, ALL8, ALL8, imm, X86_NORMAL, fl, bits }
/* ModRM: any prefix; with the prefixes pp; and the full form */
#define MR(lo, hi, mod, regs, imm, fl, bits) \
	{ lo, hi, PANY | LIG, WIG | (mod), regs, ALL8, imm, X86_NORMAL, fl, bits }
#define MP(lo, hi, pp, mod, regs, imm, fl, bits) \
	{ lo, hi, (pp) | LIG, WIG | (mod), regs, ALL8, imm, X86_NORMAL, fl, bits }
#define MX(lo, hi, pp, mod, regs, rms, imm, kind, fl, bits) \
	{ lo, hi, (pp) | LIG, WIG | (mod), regs, rms, imm, kind, fl, bits }
/* vector instructions: prefixes, forms, immediate; nothing else */
#define VE(lo, hi, pp, mod, imm) \
	{ lo, hi, (pp) | LIG, WIG | (mod), ALL8, ALL8, imm, X86_NORMAL, F_NONE, 0 }

static const struct x86_row one_byte[] = {
	/* add or adc sbb and sub xor cmp: rm,r  r,rm  al,ib  eax,iz */
	MR(0x00, 0x01, RM, ALL8, I0, F_SET, R_LOCK),
	MR(0x02, 0x03, RM, ALL8, I0, F_SET, 0),
	OP(0x04, 0x04, IB, F_SET, 0),
	OP(0x05, 0x05, IZ, F_SET, 0),
	MR(0x08, 0x09, RM, ALL8, I0, F_SET, R_LOCK),
	MR(0x0a, 0x0b, RM, ALL8, I0, F_SET, 0),
	OP(0x0c, 0x0c, IB, F_SET, 0),
	OP(0x0d, 0x0d, IZ, F_SET, 0),
	MR(0x10, 0x11, RM, ALL8, I0, F_ADC, R_LOCK),
	MR(0x12, 0x13, RM, ALL8, I0, F_ADC, 0),
	OP(0x14, 0x14, IB, F_ADC, 0),
	OP(0x15, 0x15, IZ, F_ADC, 0),
	MR(0x18, 0x19, RM, ALL8, I0, F_ADC, R_LOCK),
	MR(0x1a, 0x1b, RM, ALL8, I0, F_ADC, 0),
	OP(0x1c, 0x1c, IB, F_ADC, 0),
	OP(0x1d, 0x1d, IZ, F_ADC, 0),
	MR(0x20, 0x21, RM, ALL8, I0, F_SET, R_LOCK),
	MR(0x22, 0x23, RM, ALL8, I0, F_SET, 0),
	OP(0x24, 0x24, IB, F_SET, 0),
	OP(0x25, 0x25, IZ, F_SET, 0),
	MR(0x28, 0x29, RM, ALL8, I0, F_SET, R_LOCK),
	MR(0x2a, 0x2b, RM, ALL8, I0, F_SET, 0),
	OP(0x2c, 0x2c, IB, F_SET, 0),
	OP(0x2d, 0x2d, IZ, F_SET, 0),
	MR(0x30, 0x31, RM, ALL8, I0, F_SET, R_LOCK),
	MR(0x32, 0x33, RM, ALL8, I0, F_SET, 0),
	OP(0x34, 0x34, IB, F_SET, 0),
	OP(0x35, 0x35, IZ, F_SET, 0),
	MR(0x38, 0x3b, RM, ALL8, I0, F_SET, 0),
	OP(0x3c, 0x3c, IB, F_SET, 0),
	OP(0x3d, 0x3d, IZ, F_SET, 0),

	OP(0x50, 0x5f, I0, F_NONE, R_STK | R_OPREG),		/* push, pop */
	MR(0x63, 0x63, RM, ALL8, I0, F_NONE, 0),		/* movslq */
	OP(0x68, 0x68, IZ, F_NONE, R_STK),			/* push iz */
	MR(0x69, 0x69, RM, ALL8, IZ, F_MUL, 0),
	OP(0x6a, 0x6a, IB, F_NONE, R_STK),			/* push ib */
	MR(0x6b, 0x6b, RM, ALL8, IB, F_MUL, 0),
	OP(0x6c, 0x6f, I0, F_STR, R_STR | R_PRIV),		/* ins, outs */
	OPK(0x70, 0x7f, JB, X86_JCC, F_CC, 0),

	/* group 1: add or adc sbb and sub xor cmp */
	MR(0x80, 0x80, RM, 0x73, IB, F_SET, R_LOCK),
	MR(0x80, 0x80, RM, 0x0c, IB, F_ADC, R_LOCK),
	MR(0x80, 0x80, RM, 0x80, IB, F_SET, 0),
	MR(0x81, 0x81, RM, 0x73, IZ, F_SET, R_LOCK),
	MR(0x81, 0x81, RM, 0x0c, IZ, F_ADC, R_LOCK),
	MR(0x81, 0x81, RM, 0x80, IZ, F_SET, 0),
	MR(0x83, 0x83, RM, 0x73, IB, F_SET, R_LOCK),
	MR(0x83, 0x83, RM, 0x0c, IB, F_ADC, R_LOCK),
	MR(0x83, 0x83, RM, 0x80, IB, F_SET, 0),

	MR(0x84, 0x85, RM, ALL8, I0, F_SET, 0),			/* test */
	MR(0x86, 0x87, RM, ALL8, I0, F_NONE, R_LOCK),		/* xchg */
	MR(0x88, 0x8b, RM, ALL8, I0, F_NONE, 0),		/* mov */
	MR(0x8c, 0x8c, RM, 0x3f, I0, F_NONE, 0),		/* mov sreg,rm */
	MR(0x8d, 0x8d, MEM, ALL8, I0, F_NONE, 0),		/* lea */
	MR(0x8e, 0x8e, RM, 0x39, I0, F_NONE, 0),		/* mov rm,sreg */
	MX(0x8e, 0x8e, PANY, RM, 0x04, ALL8, I0, X86_LOAD_SS, F_NONE, 0),
	MR(0x8f, 0x8f, RM, 0x01, I0, F_NONE, R_STK),		/* pop rm */
	OP(0x90, 0x90, I0, F_NONE, R_NOP | R_OPREG),
	OP(0x91, 0x97, I0, F_NONE, R_OPREG),			/* xchg eax,r */
	OP(0x98, 0x99, I0, F_NONE, 0),				/* cbw, cwd */
	OP(0x9b, 0x9b, I0, F_NONE, 0),				/* fwait */
	OP(0x9c, 0x9c, I0, F_PUSHF, R_STK),
	OP(0x9d, 0x9d, I0, F_POPF, R_STK),
	OP(0x9e, 0x9e, I0, F_SAHF, 0),
	OP(0x9f, 0x9f, I0, F_LAHF, 0),
	OP(0xa0, 0xa3, IMO, F_NONE, 0),				/* mov moffs */
	OP(0xa4, 0xa5, I0, F_STR, R_STR),			/* movs */
	OP(0xa6, 0xa7, I0, F_SCAN, R_STR),			/* cmps */
	OP(0xa8, 0xa8, IB, F_SET, 0),				/* test al */
	OP(0xa9, 0xa9, IZ, F_SET, 0),
	OP(0xaa, 0xad, I0, F_STR, R_STR),			/* stos, lods */
	OP(0xae, 0xaf, I0, F_SCAN, R_STR),			/* scas */
	OP(0xb0, 0xb7, IB, F_NONE, R_OPREG),			/* mov r,ib */
	OP(0xb8, 0xbf, IV, F_NONE, R_OPREG),			/* mov r,iv */

	/* group 2: rol ror rcl rcr shl shr sal sar */
	MR(0xc0, 0xc1, RM, 0x03, IB, F_ROLN, 0),
	MR(0xc0, 0xc1, RM, 0x0c, IB, F_RCLN, 0),
	MR(0xc0, 0xc1, RM, 0xf0, IB, F_SHIMM, 0),
	OPK(0xc2, 0xc2, IW, X86_RET, F_ALL, R_STK),
	OPK(0xc3, 0xc3, I0, X86_RET, F_ALL, R_STK),
	MR(0xc6, 0xc6, RM, 0x01, IB, F_NONE, 0),		/* mov rm,ib */
	MX(0xc6, 0xc6, PANY, REG, 0x80, 0x01, IB, X86_NORMAL, F_ALL, 0), /* xabort */
	MR(0xc7, 0xc7, RM, 0x01, IZ, F_NONE, 0),
	MX(0xc7, 0xc7, PANY, REG, 0x80, 0x01, JX, X86_XBEGIN, F_ALL, 0),
	OP(0xc8, 0xc8, IWB, F_NONE, R_STK),			/* enter */
	OP(0xc9, 0xc9, I0, F_NONE, R_STK),			/* leave */
	OPK(0xca, 0xca, IW, X86_RET_FAR, F_ALL, R_STK),
	OPK(0xcb, 0xcb, I0, X86_RET_FAR, F_ALL, R_STK),
	OPK(0xcc, 0xcc, I0, X86_INT3, F_ALL, 0),
	OPK(0xcd, 0xcd, IB, X86_INT, F_ALL, 0),
	OPK(0xcf, 0xcf, I0, X86_IRET, F_ALL, R_STK),
	MR(0xd0, 0xd1, RM, 0x03, I0, F_ROL, 0),
	MR(0xd0, 0xd1, RM, 0x0c, I0, F_RCL, 0),
	MR(0xd0, 0xd1, RM, 0xf0, I0, F_SET, 0),
	MR(0xd2, 0xd3, RM, 0x03, I0, F_ROLN, 0),
	MR(0xd2, 0xd3, RM, 0x0c, I0, F_RCLN, 0),
	MR(0xd2, 0xd3, RM, 0xf0, I0, F_CHG, 0),
	OP(0xd7, 0xd7, I0, F_NONE, 0),				/* xlat */

	/*
	 * x87 (tables ).  All but the control instructions record
	 * their address (SDM vol. 1, 8.1.8); fnstenv and fnsave store it.
	 */
	MR(0xd8, 0xd8, RM, ALL8, I0, F_NONE, R_FIP),
	MR(0xd9, 0xd9, MEM, 0x0d, I0, F_NONE, R_FIP),
	MR(0xd9, 0xd9, MEM, 0xb0, I0, F_NONE, 0),		/* fldenv fldcw fnstcw */
	MR(0xd9, 0xd9, MEM, 0x40, I0, F_NONE, R_GETFIP),	/* fnstenv */
	MR(0xd9, 0xd9, REG, 0xcb, I0, F_NONE, R_FIP),
	MX(0xd9, 0xd9, PANY, REG, 0x04, 0x01, I0, X86_NORMAL, F_NONE, R_FIP),
	MX(0xd9, 0xd9, PANY, REG, 0x10, 0x33, I0, X86_NORMAL, F_NONE, R_FIP),
	MX(0xd9, 0xd9, PANY, REG, 0x20, 0x7f, I0, X86_NORMAL, F_NONE, R_FIP),
	MR(0xda, 0xda, MEM, ALL8, I0, F_NONE, R_FIP),
	MR(0xda, 0xda, REG, 0x0f, I0, F_RZPC, R_FIP),		/* fcmov */
	MX(0xda, 0xda, PANY, REG, 0x20, 0x02, I0, X86_NORMAL, F_NONE, R_FIP),
	MR(0xdb, 0xdb, MEM, 0xaf, I0, F_NONE, R_FIP),
	MR(0xdb, 0xdb, REG, 0x0f, I0, F_RZPC, R_FIP),		/* fcmovn */
	MX(0xdb, 0xdb, PANY, REG, 0x10, 0x1f, I0, X86_NORMAL, F_NONE, 0),
	MR(0xdb, 0xdb, REG, 0x60, I0, F_ZPC, R_FIP),		/* f(u)comi */
	MR(0xdc, 0xdc, RM, ALL8, I0, F_NONE, R_FIP),
	MR(0xdd, 0xdd, MEM, 0x0f, I0, F_NONE, R_FIP),
	MR(0xdd, 0xdd, MEM, 0x90, I0, F_NONE, 0),		/* frstor fnstsw */
	MR(0xdd, 0xdd, MEM, 0x40, I0, F_NONE, R_GETFIP),	/* fnsave */
	MR(0xdd, 0xdd, REG, 0x3f, I0, F_NONE, R_FIP),
	MR(0xde, 0xde, MEM, ALL8, I0, F_NONE, R_FIP),
	MR(0xde, 0xde, REG, 0xf7, I0, F_NONE, R_FIP),
	MX(0xde, 0xde, PANY, REG, 0x08, 0x02, I0, X86_NORMAL, F_NONE, R_FIP),
	MR(0xdf, 0xdf, MEM, ALL8, I0, F_NONE, R_FIP),
	MR(0xdf, 0xdf, REG, 0x0f, I0, F_NONE, R_FIP),
	MX(0xdf, 0xdf, PANY, REG, 0x10, 0x01, I0, X86_NORMAL, F_NONE, 0),
	MR(0xdf, 0xdf, REG, 0x60, I0, F_ZPC, R_FIP),		/* f(u)comip */

	OPK(0xe0, 0xe1, JB, X86_LOOP, F_RZF, 0),		/* loopne, loope */
	OPK(0xe2, 0xe3, JB, X86_LOOP, F_NONE, 0),		/* loop, jrcxz */
	OP(0xe4, 0xe7, IB, F_NONE, R_PRIV),			/* in, out */
	OPK(0xe8, 0xe8, JZ, X86_CALL, F_ALL, R_STK),
	OPK(0xe9, 0xe9, JZ, X86_JMP, F_NONE, 0),
	OPK(0xeb, 0xeb, JB, X86_JMP, F_NONE, 0),
	OP(0xec, 0xef, I0, F_NONE, R_PRIV),			/* in, out */
	OPK(0xf1, 0xf1, I0, X86_INT1, F_ALL, 0),
	OPK(0xf4, 0xf4, I0, X86_HLT, F_NONE, R_PRIV),
	OP(0xf5, 0xf5, I0, F_CMC, 0),
	/* group 3: test test not neg mul imul div idiv */
	MR(0xf6, 0xf6, RM, 0x03, IB, F_SET, 0),
	MR(0xf6, 0xf6, RM, 0x04, I0, F_NONE, R_LOCK),
	MR(0xf6, 0xf6, RM, 0x08, I0, F_SET, R_LOCK),
	MR(0xf6, 0xf6, RM, 0x30, I0, F_MUL, 0),
	MR(0xf6, 0xf6, RM, 0xc0, I0, F_CHG, 0),
	MR(0xf7, 0xf7, RM, 0x03, IZ, F_SET, 0),
	MR(0xf7, 0xf7, RM, 0x04, I0, F_NONE, R_LOCK),
	MR(0xf7, 0xf7, RM, 0x08, I0, F_SET, R_LOCK),
	MR(0xf7, 0xf7, RM, 0x30, I0, F_MUL, 0),
	MR(0xf7, 0xf7, RM, 0xc0, I0, F_CHG, 0),
	OP(0xf8, 0xf9, I0, F_CF, 0),				/* clc, stc */
	OP(0xfa, 0xfb, I0, F_NONE, R_PRIV),			/* cli, sti */
	OP(0xfc, 0xfd, I0, F_DF, 0),				/* cld, std */
	/* groups 4 and 5: inc dec call lcall jmp ljmp push */
	MR(0xfe, 0xfe, RM, 0x03, I0, F_INC, R_LOCK),
	MR(0xff, 0xff, RM, 0x03, I0, F_INC, R_LOCK),
	MX(0xff, 0xff, PANY, RM, 0x04, ALL8, I0, X86_CALL_IND, F_ALL, R_STK),
	MX(0xff, 0xff, PANY, MEM, 0x08, ALL8, I0, X86_CALL_FAR, F_ALL, R_STK),
	MX(0xff, 0xff, PANY, RM, 0x10, ALL8, I0, X86_JMP_IND, F_NONE, 0),
	MX(0xff, 0xff, PANY, MEM, 0x20, ALL8, I0, X86_JMP_FAR, F_ALL, 0),
	MR(0xff, 0xff, RM, 0x40, I0, F_NONE, R_STK),
};

static const struct x86_row two_byte[] = {
	/* groups 6 and 7 */
	MR(0x00, 0x00, RM, 0x03, I0, F_NONE, 0),		/* sldt str */
	MR(0x00, 0x00, RM, 0x0c, I0, F_NONE, R_PRIV),		/* lldt ltr */
	MR(0x00, 0x00, RM, 0x30, I0, F_ZF, 0),			/* verr verw */
	MR(0x01, 0x01, MEM, 0x13, I0, F_NONE, 0),		/* sgdt sidt smsw */
	MR(0x01, 0x01, MEM, 0xcc, I0, F_NONE, R_PRIV),		/* lgdt lidt lmsw invlpg */
	MP(0x01, 0x01, PF3, MEM, 0x20, I0, F_ALL, 0),		/* rstorssp */
	MX(0x01, 0x01, NP, REG, 0x01, 0x3f, I0, X86_VM, F_ALL, R_PRIV), /* enclv vm* pconfig */
	MX(0x01, 0x01, NP, REG, 0x02, 0x0f, I0, X86_NORMAL, F_ALL, R_PRIV), /* monitor mwait clac stac */
	MX(0x01, 0x01, NP, REG, 0x02, 0x80, I0, X86_VM, F_ALL, R_PRIV), /* encls */
	MX(0x01, 0x01, P66, REG, 0x02, 0xf0, I0, X86_VM, F_ALL, R_PRIV), /* tdcall seam* */
	MX(0x01, 0x01, NP, REG, 0x04, 0x01, I0, X86_NORMAL, F_NONE, 0), /* xgetbv */
	MX(0x01, 0x01, NP, REG, 0x04, 0x02, I0, X86_NORMAL, F_NONE, R_PRIV), /* xsetbv */
	MX(0x01, 0x01, NP, REG, 0x04, 0x90, I0, X86_VM, F_ALL, 0), /* vmfunc enclu */
	MX(0x01, 0x01, NP, REG, 0x04, 0x20, I0, X86_NORMAL, F_ALL, 0), /* xend */
	MX(0x01, 0x01, NP, REG, 0x04, 0x40, I0, X86_NORMAL, F_SET, 0), /* xtest */
	MX(0x01, 0x01, PANY, REG, 0x08, ALL8, I0, X86_VM, F_ALL, R_PRIV), /* vmrun vmmcall … */
	MX(0x01, 0x01, PANY, REG, 0x10, ALL8, I0, X86_NORMAL, F_NONE, 0), /* smsw */
	MX(0x01, 0x01, NP, REG, 0x20, 0xc1, I0, X86_NORMAL, F_NONE, 0), /* serialize rdpkru wrpkru */
	MX(0x01, 0x01, PF2, REG, 0x20, 0x03, I0, X86_NORMAL, F_ALL, 0), /* xsusldtrk xresldtrk */
	MX(0x01, 0x01, PF3, REG, 0x20, 0x01, I0, X86_NORMAL, F_ALL, R_PRIV), /* setssbsy */
	MX(0x01, 0x01, PF3, REG, 0x20, 0x04, I0, X86_NORMAL, F_ALL, 0), /* saveprevssp */
	MX(0x01, 0x01, PF3, REG, 0x20, 0x10, I0, X86_IRET, F_ALL, R_STK), /* uiret */
	MX(0x01, 0x01, PF3, REG, 0x20, 0xe0, I0, X86_NORMAL, F_ALL, 0), /* testui clui stui */
	MX(0x01, 0x01, PANY, REG, 0x40, ALL8, I0, X86_NORMAL, F_NONE, R_PRIV), /* lmsw */
	MX(0x01, 0x01, NP, REG, 0x80, 0x01, I0, X86_NORMAL, F_NONE, R_PRIV), /* swapgs */
	MX(0x01, 0x01, NP, REG, 0x80, 0x02, I0, X86_NORMAL, F_NONE, 0), /* rdtscp */
	MX(0x01, 0x01, NP, REG, 0x80, 0x1c, I0, X86_NORMAL, F_NONE, 0), /* monitorx mwaitx clzero */
	MX(0x01, 0x01, NP, REG, 0x80, 0x20, I0, X86_NORMAL, F_CHG, 0), /* rdpru */
	MX(0x01, 0x01, NP, REG, 0x80, 0xc0, I0, X86_NORMAL, F_ALL, R_PRIV), /* invlpgb tlbsync */
	MX(0x01, 0x01, PF2, REG, 0x80, 0xf3, I0, X86_NORMAL, F_ALL, R_PRIV), /* SEV-SNP */
	MX(0x01, 0x01, P66, REG, 0x80, 0x33, I0, X86_NORMAL, F_ALL, R_PRIV),
	MX(0x01, 0x01, PF3, REG, 0x80, 0xf7, I0, X86_NORMAL, F_ALL, R_PRIV),
	MR(0x02, 0x03, RM, ALL8, I0, F_ZF, 0),			/* lar lsl */
	OPK(0x05, 0x05, I0, X86_SYSCALL, F_ALL, 0),
	OP(0x06, 0x06, I0, F_NONE, R_PRIV),			/* clts */
	OPK(0x07, 0x07, I0, X86_SYSRET, F_ALL, R_PRIV),
	OP(0x08, 0x09, I0, F_NONE, R_PRIV),			/* invd wbinvd */
	OPK(0x0b, 0x0b, I0, X86_UD, F_ALL, 0),			/* ud2 */
	MR(0x0d, 0x0d, RM, ALL8, I0, F_NONE, 0),		/* prefetchw */
	OP(0x0e, 0x0e, I0, F_NONE, 0),				/* femms */
	VE(0x10, 0x11, PANY, RM, I0),
	VE(0x12, 0x12, PANY, MEM, I0),
	VE(0x12, 0x12, NP | PF3 | PF2, REG, I0),
	VE(0x13, 0x13, NP | P66, MEM, I0),
	VE(0x14, 0x15, NP | P66, RM, I0),
	VE(0x16, 0x16, NP | P66 | PF3, MEM, I0),
	VE(0x16, 0x16, NP | PF3, REG, I0),
	VE(0x17, 0x17, NP | P66, MEM, I0),
	MR(0x18, 0x18, RM, ALL8, I0, F_NONE, 0),		/* prefetch */
	MR(0x19, 0x19, RM, ALL8, I0, F_NONE, R_NOP),
	/* MPX, nops where it is not */
	MP(0x1a, 0x1a, NP, MEM, 0x0f, I0, F_NONE, R_NORIP | R_NOR), /* bndldx */
	MP(0x1a, 0x1a, NP, REG, ALL8, I0, F_NONE, R_NOP),
	MP(0x1a, 0x1a, PF3 | PF2, RM, 0x0f, I0, F_NONE, R_NOR),	/* bndcl bndcu */
	MX(0x1a, 0x1a, P66, RM, 0x0f, 0x0f, I0, X86_NORMAL, F_NONE, R_NOR | R_RMK), /* bndmov */
	MP(0x1b, 0x1b, NP | PF3, MEM, 0x0f, I0, F_NONE, R_NORIP | R_NOR), /* bndstx bndmk */
	MP(0x1b, 0x1b, NP | PF3, REG, ALL8, I0, F_NONE, R_NOP),
	MP(0x1b, 0x1b, PF2, RM, 0x0f, I0, F_NONE, R_NOR),	/* bndcn */
	MX(0x1b, 0x1b, P66, RM, 0x0f, 0x0f, I0, X86_NORMAL, F_NONE, R_NOR | R_RMK), /* bndmov */
	MR(0x1c, 0x1d, RM, ALL8, I0, F_NONE, R_NOP),
	MX(0x1e, 0x1e, PF3, REG, 0x02, ALL8, I0, X86_NORMAL, F_NONE, 0), /* rdssp */
	MR(0x1e, 0x1e, RM, ALL8, I0, F_NONE, R_NOP),		/* endbr too */
	MR(0x1f, 0x1f, RM, ALL8, I0, F_NONE, R_NOP),
	/* mov to and from control and debug registers */
	MR(0x20, 0x20, RM | MODIG, 0x1d, I0, F_ALL, R_PRIV | R_CREG),
	MR(0x21, 0x21, RM | MODIG, ALL8, I0, F_ALL, R_PRIV | R_NOR),
	MR(0x22, 0x22, RM | MODIG, 0x1d, I0, F_ALL, R_PRIV | R_CREG),
	MR(0x23, 0x23, RM | MODIG, ALL8, I0, F_ALL, R_PRIV | R_NOR),
	VE(0x28, 0x29, NP | P66, RM, I0),
	VE(0x2a, 0x2a, PANY, RM, I0),
	VE(0x2b, 0x2b, PANY, MEM, I0),
	VE(0x2c, 0x2d, PANY, RM, I0),
	MP(0x2e, 0x2f, NP | P66, RM, ALL8, I0, F_SET, 0),	/* (u)comiss */
	OP(0x30, 0x30, I0, F_NONE, R_PRIV),			/* wrmsr */
	OP(0x31, 0x31, I0, F_NONE, 0),				/* rdtsc */
	OP(0x32, 0x32, I0, F_NONE, R_PRIV),			/* rdmsr */
	OP(0x33, 0x33, I0, F_NONE, 0),				/* rdpmc */
	OPK(0x34, 0x34, I0, X86_SYSENTER, F_ALL, R_STK),
	OPK(0x35, 0x35, I0, X86_SYSRET, F_ALL, R_STK | R_PRIV),	/* sysexit */
	{ 0x37, 0x37, NP | LIG, WIG | NOMODRM, ALL8, ALL8, I0, X86_VM, F_ALL, R_PRIV }, /* getsec */
	MR(0x40, 0x4f, RM, ALL8, I0, F_CC, 0),			/* cmov */
	VE(0x50, 0x50, NP | P66, REG, I0),
	VE(0x51, 0x51, PANY, RM, I0),
	VE(0x52, 0x53, NP | PF3, RM, I0),
	VE(0x54, 0x57, NP | P66, RM, I0),
	VE(0x58, 0x5a, PANY, RM, I0),
	VE(0x5b, 0x5b, NP | P66 | PF3, RM, I0),
	VE(0x5c, 0x5f, PANY, RM, I0),
	VE(0x60, 0x6b, NP | P66, RM, I0),
	VE(0x6c, 0x6d, P66, RM, I0),
	VE(0x6e, 0x6e, NP | P66, RM, I0),
	VE(0x6f, 0x6f, NP | P66 | PF3, RM, I0),
	VE(0x70, 0x70, PANY, RM, IB),
	MP(0x71, 0x72, NP | P66, REG, 0x54, IB, F_NONE, 0),	/* psrl psra psll */
	MP(0x73, 0x73, NP | P66, REG, 0x44, IB, F_NONE, 0),
	MP(0x73, 0x73, P66, REG, 0x88, IB, F_NONE, 0),
	VE(0x74, 0x76, NP | P66, RM, I0),
	OPP(0x77, 0x77, NP, I0, F_NONE, 0),			/* emms */
	MP(0x78, 0x78, NP, RM, ALL8, I0, F_SET, R_PRIV),	/* vmread */
	VE(0x78, 0x78, PF2, REG, IBB),				/* insertq */
	MP(0x78, 0x78, P66, REG, 0x01, IBB, F_NONE, 0),		/* extrq */
	MP(0x79, 0x79, NP, RM, ALL8, I0, F_SET, R_PRIV),	/* vmwrite */
	VE(0x79, 0x79, P66 | PF2, REG, I0),
	VE(0x7c, 0x7d, P66 | PF2, RM, I0),
	VE(0x7e, 0x7f, NP | P66 | PF3, RM, I0),
	OPK(0x80, 0x8f, JZ, X86_JCC, F_CC, 0),
	MR(0x90, 0x9f, RM, ALL8, I0, F_CC, 0),			/* setcc */
	OP(0xa0, 0xa1, I0, F_NONE, R_STK),			/* push, pop fs */
	OP(0xa2, 0xa2, I0, F_NONE, 0),				/* cpuid */
	MR(0xa3, 0xa3, RM, ALL8, I0, F_CF, 0),			/* bt */
	MR(0xa4, 0xa4, RM, ALL8, IB, F_SHIMM, 0),		/* shld */
	MR(0xa5, 0xa5, RM, ALL8, I0, F_CHG, 0),
	OP(0xa8, 0xa9, I0, F_NONE, R_STK),			/* push, pop gs */
	OP(0xaa, 0xaa, I0, F_ALL, R_PRIV),			/* rsm */
	MR(0xab, 0xab, RM, ALL8, I0, F_CF, R_LOCK),		/* bts */
	MR(0xac, 0xac, RM, ALL8, IB, F_SHIMM, 0),		/* shrd */
	MR(0xad, 0xad, RM, ALL8, I0, F_CHG, 0),
	/* group 15 */
	MP(0xae, 0xae, NP, MEM, 0x51, I0, F_NONE, R_GETFIP),	/* fxsave xsave xsaveopt */
	MP(0xae, 0xae, NP, MEM, 0xae, I0, F_NONE, 0),
	MP(0xae, 0xae, NP, REG, 0xe0, I0, F_NONE, 0),		/* fences */
	MP(0xae, 0xae, PF3, REG, 0x1f, I0, F_NONE, 0),		/* fsgsbase ptwrite */
	MP(0xae, 0xae, PF3, REG, 0x60, I0, F_NONE, 0),		/* incssp umonitor */
	MP(0xae, 0xae, PF3, MEM, 0x10, I0, F_NONE, 0),		/* ptwrite */
	MP(0xae, 0xae, PF3, MEM, 0x40, I0, F_CHG, R_PRIV),	/* clrssbsy */
	MP(0xae, 0xae, P66, MEM, 0xc0, I0, F_NONE, 0),		/* clwb clflushopt */
	MP(0xae, 0xae, P66 | PF2, REG, 0x40, I0, F_CHG, 0),	/* tpause umwait */
	MR(0xaf, 0xaf, RM, ALL8, I0, F_MUL, 0),
	MR(0xb0, 0xb1, RM, ALL8, I0, F_SET, R_LOCK),		/* cmpxchg */
	MR(0xb2, 0xb2, MEM, ALL8, I0, F_NONE, 0),		/* lss */
	MR(0xb3, 0xb3, RM, ALL8, I0, F_CF, R_LOCK),		/* btr */
	MR(0xb4, 0xb5, MEM, ALL8, I0, F_NONE, 0),		/* lfs lgs */
	MR(0xb6, 0xb7, RM, ALL8, I0, F_NONE, 0),		/* movzx */
	MP(0xb8, 0xb8, PF3, RM, ALL8, I0, F_SET, 0),		/* popcnt */
	MX(0xb9, 0xb9, PANY, RM, ALL8, ALL8, I0, X86_UD, F_ALL, 0),
	MR(0xba, 0xba, RM, 0x10, IB, F_CF, 0),			/* bt */
	MR(0xba, 0xba, RM, 0xe0, IB, F_CF, R_LOCK),		/* bts btr btc */
	MR(0xbb, 0xbb, RM, ALL8, I0, F_CF, R_LOCK),		/* btc */
	MR(0xbc, 0xbd, RM, ALL8, I0, F_BSF, 0),			/* bsf bsr tzcnt lzcnt */
	MR(0xbe, 0xbf, RM, ALL8, I0, F_NONE, 0),		/* movsx */
	MR(0xc0, 0xc1, RM, ALL8, I0, F_SET, R_LOCK),		/* xadd */
	VE(0xc2, 0xc2, PANY, RM, IB),
	VE(0xc3, 0xc3, NP, MEM, I0),				/* movnti */
	VE(0xc4, 0xc4, NP | P66, RM, IB),
	VE(0xc5, 0xc5, NP | P66, REG, IB),
	VE(0xc6, 0xc6, NP | P66, RM, IB),
	/* group 9 */
	MR(0xc7, 0xc7, MEM, 0x02, I0, F_ZF, R_LOCK),		/* cmpxchg8b */
	MP(0xc7, 0xc7, NP, MEM, 0x08, I0, F_NONE, R_PRIV),	/* xrstors */
	MP(0xc7, 0xc7, NP, MEM, 0x10, I0, F_NONE, R_GETFIP),	/* xsavec */
	MP(0xc7, 0xc7, NP, MEM, 0x20, I0, F_NONE, R_GETFIP | R_PRIV), /* xsaves */
	MP(0xc7, 0xc7, NP, MEM, 0xc0, I0, F_SET, R_PRIV),	/* vmptrld vmptrst */
	MP(0xc7, 0xc7, P66 | PF3, MEM, 0x40, I0, F_SET, R_PRIV), /* vmclear vmxon */
	MP(0xc7, 0xc7, NP | P66, REG, 0xc0, I0, F_SET, 0),	/* rdrand rdseed */
	MP(0xc7, 0xc7, PF3, REG, 0xc0, I0, F_NONE, 0),		/* senduipi rdpid */
	OP(0xc8, 0xcf, I0, F_NONE, R_OPREG),			/* bswap */
	VE(0xd0, 0xd0, P66 | PF2, RM, I0),
	VE(0xd1, 0xd5, NP | P66, RM, I0),
	VE(0xd6, 0xd6, P66, MEM, I0),
	VE(0xd6, 0xd6, P66 | PF3 | PF2, REG, I0),
	VE(0xd7, 0xd7, NP | P66, REG, I0),
	VE(0xd8, 0xe5, NP | P66, RM, I0),
	VE(0xe6, 0xe6, P66 | PF3 | PF2, RM, I0),
	VE(0xe7, 0xe7, NP | P66, MEM, I0),
	VE(0xe8, 0xef, NP | P66, RM, I0),
	VE(0xf0, 0xf0, PF2, MEM, I0),
	VE(0xf1, 0xf6, NP | P66, RM, I0),
	VE(0xf7, 0xf7, NP | P66, REG, I0),
	VE(0xf8, 0xfe, NP | P66, RM, I0),
	MX(0xff, 0xff, PANY, RM, ALL8, ALL8, I0, X86_UD, F_ALL, 0), /* ud0 */
};

static const struct x86_row map_0f38[] = {
	VE(0x00, 0x0b, NP | P66, RM, I0),
	VE(0x10, 0x10, P66, RM, I0),
	VE(0x14, 0x15, P66, RM, I0),
	MP(0x17, 0x17, P66, RM, ALL8, I0, F_SET, 0),		/* ptest */
	VE(0x1c, 0x1e, NP | P66, RM, I0),
	VE(0x20, 0x25, P66, RM, I0),
	VE(0x28, 0x29, P66, RM, I0),
	VE(0x2a, 0x2a, P66, MEM, I0),
	VE(0x2b, 0x2b, P66, RM, I0),
	VE(0x30, 0x35, P66, RM, I0),
	VE(0x37, 0x41, P66, RM, I0),
	MP(0x80, 0x82, P66, MEM, ALL8, I0, F_ALL, R_PRIV),	/* invept invvpid invpcid */
	VE(0xc8, 0xcd, NP, RM, I0),
	VE(0xcf, 0xcf, P66, RM, I0),
	MP(0xd8, 0xd8, PF3, MEM, 0x0f, I0, F_SET, 0),		/* aes…wide…kl */
	VE(0xdb, 0xdb, P66, RM, I0),
	VE(0xdc, 0xdc, P66, RM, I0),
	MP(0xdc, 0xdc, PF3, MEM, ALL8, I0, F_SET, 0),		/* aesenc128kl */
	MP(0xdc, 0xdc, PF3, REG, ALL8, I0, F_SET, R_PRIV),	/* loadiwkey */
	VE(0xdd, 0xdf, P66, RM, I0),
	MP(0xdd, 0xdf, PF3, MEM, ALL8, I0, F_SET, 0),
	VE(0xf0, 0xf1, NP | P66, MEM, I0),			/* movbe */
	VE(0xf0, 0xf1, PF2, RM, I0),				/* crc32 */
	MP(0xf5, 0xf5, P66, MEM, ALL8, I0, F_NONE, R_PRIV),	/* wruss */
	VE(0xf6, 0xf6, NP, MEM, I0),				/* wrss */
	MP(0xf6, 0xf6, P66, RM, ALL8, I0, F_ADCX, 0),
	MP(0xf6, 0xf6, PF3, RM, ALL8, I0, F_ADOX, 0),
	VE(0xf8, 0xf8, P66, MEM, I0),				/* movdir64b */
	MP(0xf8, 0xf8, PF2, MEM, ALL8, I0, F_SET, 0),		/* enqcmd */
	MP(0xf8, 0xf8, PF3, MEM, ALL8, I0, F_SET, R_PRIV),	/* enqcmds */
	VE(0xf9, 0xf9, NP, MEM, I0),				/* movdiri */
	MP(0xfa, 0xfb, PF3, REG, ALL8, I0, F_SET, 0),		/* encodekey */
};

static const struct x86_row map_0f3a[] = {
	VE(0x08, 0x0e, P66, RM, IB),
	VE(0x0f, 0x0f, NP | P66, RM, IB),
	VE(0x14, 0x17, P66, RM, IB),
	VE(0x20, 0x22, P66, RM, IB),
	VE(0x40, 0x42, P66, RM, IB),
	VE(0x44, 0x44, P66, RM, IB),
	MP(0x60, 0x63, P66, RM, ALL8, IB, F_SET, 0),		/* pcmpXstrX */
	VE(0xcc, 0xcc, NP, RM, IB),
	VE(0xce, 0xcf, P66, RM, IB),
	VE(0xdf, 0xdf, P66, RM, IB),
	MX(0xf0, 0xf0, PF3, REG, 0x01, 0x01, IB, X86_NORMAL, F_ALL, R_PRIV), /* hreset */
};

/* AMD64 manual vol. 3, table A-13. */
const uint8_t x86_3dnow[24] = {
	0x0c, 0x0d, 0x1c, 0x1d, 0x8a, 0x8e, 0x90, 0x94,
	0x96, 0x97, 0x9a, 0x9e, 0xa0, 0xa4, 0xa6, 0xa7,
	0xaa, 0xae, 0xb0, 0xb4, 0xb6, 0xb7, 0xbb, 0xbf,
};

#define ST X86_FL_STATUS
#define CF X86_FL_CF
#define PF X86_FL_PF
#define AF X86_FL_AF
#define ZF X86_FL_ZF
#define SF X86_FL_SF
#define DF X86_FL_DF
#define OF X86_FL_OF

/* SDM vol. 1, appendix A.  F_CC and F_SHIMM are refined by decode.c. */
const struct x86_effect x86_effects[NR_EFFECTS] = {
	/*		 read			set			changed */
	[F_NONE]     = { 0,			0,			0 },
	[F_SET]      = { 0,			ST,			ST },
	[F_ADC]      = { CF,			ST,			ST },
	[F_INC]      = { 0,			ST & ~CF,		ST & ~CF },
	[F_CC]       = { ST,			0,			0 },
	[F_CHG]      = { 0,			0,			ST },
	[F_SHIMM]    = { 0,			0,			ST },
	[F_ROL]      = { 0,			CF | OF,		CF | OF },
	[F_RCL]      = { CF,			CF | OF,		CF | OF },
	[F_ROLN]     = { 0,			0,			CF | OF },
	[F_RCLN]     = { CF,			0,			CF | OF },
	[F_MUL]      = { 0,			CF | OF,		ST },
	[F_ZF]       = { 0,			ZF,			ZF },
	[F_BSF]      = { 0,			ZF,			ST },
	[F_CF]       = { 0,			CF,			ST & ~ZF },
	[F_ADCX]     = { CF,			CF,			CF },
	[F_ADOX]     = { OF,			OF,			OF },
	[F_ZPC]      = { 0,			ZF | PF | CF,		ST },
	[F_RZPC]     = { ZF | PF | CF,		0,			0 },
	[F_RZF]      = { ZF,			0,			0 },
	[F_STR]      = { DF,			0,			0 },
	[F_SCAN]     = { DF,			ST,			ST },
	[F_LAHF]     = { ST & ~OF,		0,			0 },
	[F_SAHF]     = { 0,			ST & ~OF,		ST & ~OF },
	[F_CMC]      = { CF,			CF,			CF },
	[F_DF]       = { 0,			DF,			DF },
	[F_PUSHF]    = { ST | DF,		0,			0 },
	[F_POPF]     = { 0,			ST | DF,		ST | DF },
	[F_BEXTR]    = { 0,			CF | ZF | OF,		ST },
	[F_BLS]      = { 0,			ST & ~PF,		ST },
	[F_ALL]      = { ST | DF,		0,			ST | DF },
};
#define MAP(t) { t, sizeof(t) / sizeof(t[0]) }

/* clang-format on */

struct x86_map x86_legacy_map(unsigned int map)
{
	switch (map) {
	case 0:
		return (struct x86_map)MAP(one_byte);
	case 1:
		return (struct x86_map)MAP(two_byte);
	case 2:
		return (struct x86_map)MAP(map_0f38);
	case 3:
		return (struct x86_map)MAP(map_0f3a);
	}
	return (struct x86_map){ NULL, 0 };
}
