/* SPDX-License-Identifier: MIT */
/*
 * table_evex.c - opcodes with an EVEX prefix (AVX-512)
 *
 * SDM vol. 2, 2.7 (EVEX) and the pages of the instructions.  Beside what VEX
 * has: whether a mask may, must or may not be given, whether it may zero, and
 * what the b bit means (broadcast from memory, rounding between registers).
 */
#include "tables.h"

/* clang-format off */

#define ALL8 0xff

#define V(lo, hi, pp, l, wmod, mod, regs, imm, bits) \
	{ lo, hi, (pp) | (l), (wmod) | (mod), regs, ALL8, imm, X86_NORMAL, F_NONE, bits }
#define VF(lo, hi, pp, l, wmod, mod, regs, imm, fl, bits) \
	{ lo, hi, (pp) | (l), (wmod) | (mod), regs, ALL8, imm, X86_NORMAL, fl, bits }

static const struct x86_row evex_0f[] = {
	V(0x10, 0x10, NP, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vmovups */
	V(0x10, 0x10, P66, LIG, W1, RM, ALL8, I0, R_M | R_Z),		/* vmovupd */
	V(0x10, 0x10, PF3, LIG, W0, MEM, ALL8, I0, R_M | R_Z),		/* vmovss */
	V(0x10, 0x10, PF3, LIG, W0, REG, ALL8, I0, R_V | R_M | R_Z),	/* vmovss */
	V(0x10, 0x10, PF2, LIG, W1, MEM, ALL8, I0, R_M | R_Z),		/* vmovsd */
	V(0x10, 0x10, PF2, LIG, W1, REG, ALL8, I0, R_V | R_M | R_Z),	/* vmovsd */
	V(0x11, 0x11, NP, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vmovups */
	V(0x11, 0x11, P66, LIG, W1, RM, ALL8, I0, R_M | R_ZR),		/* vmovupd */
	V(0x11, 0x11, PF3, LIG, W0, MEM, ALL8, I0, R_M),		/* vmovss */
	V(0x11, 0x11, PF3, LIG, W0, REG, ALL8, I0, R_V | R_M | R_Z),	/* vmovss */
	V(0x11, 0x11, PF2, LIG, W1, MEM, ALL8, I0, R_M),		/* vmovsd */
	V(0x11, 0x11, PF2, LIG, W1, REG, ALL8, I0, R_V | R_M | R_Z),	/* vmovsd */
	V(0x12, 0x12, NP, L0, W0, RM, ALL8, I0, R_V),			/* vmovhlps vmovlps */
	V(0x12, 0x12, P66, L0, W1, MEM, ALL8, I0, R_V),			/* vmovlpd */
	V(0x12, 0x12, PF3, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vmovsldup */
	V(0x12, 0x12, PF2, LIG, W1, RM, ALL8, I0, R_M | R_Z),		/* vmovddup */
	V(0x13, 0x13, NP, L0, W0, MEM, ALL8, I0, 0),			/* vmovlps */
	V(0x13, 0x13, P66, L0, W1, MEM, ALL8, I0, 0),			/* vmovlpd */
	V(0x14, 0x15, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vunpcklps vunpckhps */
	V(0x14, 0x15, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vunpcklpd vunpckhpd */
	V(0x16, 0x16, NP, L0, W0, RM, ALL8, I0, R_V),			/* vmovhps vmovlhps */
	V(0x16, 0x16, P66, L0, W1, MEM, ALL8, I0, R_V),			/* vmovhpd */
	V(0x16, 0x16, PF3, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vmovshdup */
	V(0x17, 0x17, NP, L0, W0, MEM, ALL8, I0, 0),			/* vmovhps */
	V(0x17, 0x17, P66, L0, W1, MEM, ALL8, I0, 0),			/* vmovhpd */
	V(0x28, 0x28, NP, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vmovaps */
	V(0x28, 0x28, P66, LIG, W1, RM, ALL8, I0, R_M | R_Z),		/* vmovapd */
	V(0x29, 0x29, NP, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vmovaps */
	V(0x29, 0x29, P66, LIG, W1, RM, ALL8, I0, R_M | R_ZR),		/* vmovapd */
	V(0x2a, 0x2a, PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_V | R_ER),	/* vcvtsi2ss vcvtsi2sd */
	V(0x2b, 0x2b, NP, LIG, W0, MEM, ALL8, I0, 0),			/* vmovntps */
	V(0x2b, 0x2b, P66, LIG, W1, MEM, ALL8, I0, 0),			/* vmovntpd */
	V(0x2c, 0x2d, PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_G | R_ER),	/* vcvttss2si … vcvtsd2si */
	VF(0x2e, 0x2f, NP, LIG, W0, RM, ALL8, I0, F_SET, R_ER),		/* vucomiss vcomiss */
	VF(0x2e, 0x2f, P66, LIG, W1, RM, ALL8, I0, F_SET, R_ER),	/* vucomisd vcomisd */
	V(0x51, 0x51, NP, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vsqrtps */
	V(0x51, 0x51, P66, LIG, W1, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vsqrtpd */
	V(0x51, 0x51, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vsqrtss */
	V(0x51, 0x51, PF2, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vsqrtsd */
	V(0x54, 0x57, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vandps … vxorps */
	V(0x54, 0x57, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vandpd … vxorpd */
	V(0x58, 0x59, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vaddps vmulps */
	V(0x58, 0x59, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vaddpd vmulpd */
	V(0x58, 0x59, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vaddss vmulss */
	V(0x58, 0x59, PF2, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vaddsd vmulsd */
	V(0x5a, 0x5a, NP, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtps2pd */
	V(0x5a, 0x5a, P66, LIG, W1, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtpd2ps */
	V(0x5a, 0x5a, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vcvtss2sd */
	V(0x5a, 0x5a, PF2, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vcvtsd2ss */
	V(0x5b, 0x5b, NP, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtdq2ps vcvtqq2ps */
	V(0x5b, 0x5b, P66 | PF3, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtps2dq vcvttps2dq */
	V(0x5c, 0x5f, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vsubps … vmaxps */
	V(0x5c, 0x5f, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vsubpd … vmaxpd */
	V(0x5c, 0x5f, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vsubss … vmaxss */
	V(0x5c, 0x5f, PF2, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vsubsd … vmaxsd */
	V(0x60, 0x61, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpunpcklbw vpunpcklwd */
	V(0x62, 0x62, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpunpckldq */
	V(0x63, 0x63, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpacksswb */
	V(0x64, 0x65, P66, LIG, WIG, RM, ALL8, I0, R_V | R_K | R_M),	/* vpcmpgtb vpcmpgtw */
	V(0x66, 0x66, P66, LIG, W0, RM, ALL8, I0, R_V | R_K | R_M | R_B),	/* vpcmpgtd */
	V(0x67, 0x69, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpackuswb … vpunpckhwd */
	V(0x6a, 0x6b, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpunpckhdq vpackssdw */
	V(0x6c, 0x6d, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpunpcklqdq vpunpckhqdq */
	V(0x6e, 0x6e, P66, L0, WIG, RM, ALL8, I0, 0),			/* vmovd vmovq */
	V(0x6f, 0x6f, P66 | PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_M | R_Z),	/* vmovdqa32 … vmovdqu8 */
	V(0x70, 0x70, P66, LIG, W0, RM, ALL8, IB, R_M | R_Z | R_B),	/* vpshufd */
	V(0x70, 0x70, PF3 | PF2, LIG, WIG, RM, ALL8, IB, R_M | R_Z),	/* vpshufhw vpshuflw */
	V(0x71, 0x71, P66, LIG, WIG, RM, 0x54, IB, R_V | R_M | R_Z),	/* vpsllw … vpsrlw */
	V(0x72, 0x72, P66, LIG, W0, RM, 0x57, IB, R_V | R_M | R_Z | R_B),	/* vprold … vpsra */
	V(0x72, 0x72, P66, LIG, W1, RM, 0x13, IB, R_V | R_M | R_Z | R_B),	/* vprold … vpsra */
	V(0x73, 0x73, P66, LIG, WIG, RM, 0x88, IB, R_V),		/* vpslldq vpsrldq */
	V(0x73, 0x73, P66, LIG, W1, RM, 0x44, IB, R_V | R_M | R_Z | R_B),	/* vpsllq vpsrlq */
	V(0x74, 0x75, P66, LIG, WIG, RM, ALL8, I0, R_V | R_K | R_M),	/* vpcmpeqb vpcmpeqw */
	V(0x76, 0x76, P66, LIG, W0, RM, ALL8, I0, R_V | R_K | R_M | R_B),	/* vpcmpeqd */
	V(0x78, 0x79, NP | P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvttpd2udq … vcvtps2uqq */
	V(0x78, 0x79, PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_G | R_ER),	/* vcvttss2usi … vcvtsd2usi */
	V(0x7a, 0x7a, P66 | PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvttpd2qq … vcvtuqq2ps */
	V(0x7b, 0x7b, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtpd2qq vcvtps2qq */
	V(0x7b, 0x7b, PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_V | R_ER),	/* vcvtusi2ss vcvtusi2sd */
	V(0x7e, 0x7e, P66, L0, WIG, RM, ALL8, I0, 0),			/* vmovd vmovq */
	V(0x7e, 0x7e, PF3, L0, W1, RM, ALL8, I0, 0),			/* vmovq */
	V(0x7f, 0x7f, P66 | PF3 | PF2, LIG, WIG, RM, ALL8, I0, R_M | R_ZR),	/* vmovdqa32 … vmovdqu8 */
	V(0xc2, 0xc2, NP, LIG, W0, RM, ALL8, IB, R_V | R_K | R_M | R_B | R_ER),	/* vcmpps */
	V(0xc2, 0xc2, P66, LIG, W1, RM, ALL8, IB, R_V | R_K | R_M | R_B | R_ER),	/* vcmppd */
	V(0xc2, 0xc2, PF3, LIG, W0, RM, ALL8, IB, R_V | R_K | R_M | R_ER),	/* vcmpss */
	V(0xc2, 0xc2, PF2, LIG, W1, RM, ALL8, IB, R_V | R_K | R_M | R_ER),	/* vcmpsd */
	V(0xc4, 0xc4, P66, L0, WIG, RM, ALL8, IB, R_V),			/* vpinsrw */
	V(0xc5, 0xc5, P66, L0, WIG, REG, ALL8, IB, R_G),		/* vpextrw */
	V(0xc6, 0xc6, NP, LIG, W0, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vshufps */
	V(0xc6, 0xc6, P66, LIG, W1, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vshufpd */
	V(0xd1, 0xd1, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsrlw */
	V(0xd2, 0xd2, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsrld */
	V(0xd3, 0xd3, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsrlq */
	V(0xd4, 0xd4, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpaddq */
	V(0xd5, 0xd5, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpmullw */
	V(0xd6, 0xd6, P66, L0, W1, RM, ALL8, I0, 0),			/* vmovq */
	V(0xd8, 0xda, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsubusb … vpminub */
	V(0xdb, 0xdb, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpandd vpandq */
	V(0xdc, 0xde, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpaddusb … vpmaxub */
	V(0xdf, 0xdf, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpandnd vpandnq */
	V(0xe0, 0xe5, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpavgb … vpmulhw */
	V(0xe6, 0xe6, P66 | PF2, LIG, W1, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvttpd2dq vcvtpd2dq */
	V(0xe6, 0xe6, PF3, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtdq2pd vcvtqq2pd */
	V(0xe7, 0xe7, P66, LIG, W0, MEM, ALL8, I0, 0),			/* vmovntdq */
	V(0xe8, 0xea, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsubsb … vpminsw */
	V(0xeb, 0xeb, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpord vporq */
	V(0xec, 0xee, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpaddsb … vpmaxsw */
	V(0xef, 0xef, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpxord vpxorq */
	V(0xf1, 0xf1, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsllw */
	V(0xf2, 0xf2, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpslld */
	V(0xf3, 0xf3, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsllq */
	V(0xf4, 0xf4, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpmuludq */
	V(0xf5, 0xf5, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpmaddwd */
	V(0xf6, 0xf6, P66, LIG, WIG, RM, ALL8, I0, R_V),		/* vpsadbw */
	V(0xf8, 0xf9, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsubb vpsubw */
	V(0xfa, 0xfa, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpsubd */
	V(0xfb, 0xfb, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpsubq */
	V(0xfc, 0xfd, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpaddb vpaddw */
	V(0xfe, 0xfe, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpaddd */
};

static const struct x86_row evex_0f38[] = {
	V(0x00, 0x00, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpshufb */
	V(0x04, 0x04, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpmaddubsw */
	V(0x0b, 0x0b, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpmulhrsw */
	V(0x0c, 0x0c, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpermilps */
	V(0x0d, 0x0d, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpermilpd */
	V(0x10, 0x12, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpsrlvw … vpsllvw */
	V(0x10, 0x12, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovuswb … vpmovusqb */
	V(0x13, 0x13, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_ER),	/* vcvtph2ps */
	V(0x13, 0x13, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovusdw */
	V(0x14, 0x15, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vprorvd … vprolvq */
	V(0x14, 0x15, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovusqw vpmovusqd */
	V(0x16, 0x16, P66, L12, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpermpd vpermps */
	V(0x18, 0x18, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vbroadcastss */
	V(0x19, 0x19, P66, L12, WIG, RM, ALL8, I0, R_M | R_Z),		/* vbroadcastf32x2 vbroadcastsd */
	V(0x1a, 0x1a, P66, L12, WIG, MEM, ALL8, I0, R_M | R_Z),		/* vbroadcastf32x4 vbroadcastf64x2 */
	V(0x1b, 0x1b, P66, L2, WIG, MEM, ALL8, I0, R_M | R_Z),		/* vbroadcastf32x8 vbroadcastf64x4 */
	V(0x1c, 0x1d, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vpabsb vpabsw */
	V(0x1e, 0x1e, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B),	/* vpabsd */
	V(0x1f, 0x1f, P66, LIG, W1, RM, ALL8, I0, R_M | R_Z | R_B),	/* vpabsq */
	V(0x20, 0x24, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vpmovsxbw … vpmovsxwq */
	V(0x20, 0x24, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovswb … vpmovsqw */
	V(0x25, 0x25, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vpmovsxdq */
	V(0x25, 0x25, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovsqd */
	V(0x26, 0x26, P66 | PF3, LIG, WIG, RM, ALL8, I0, R_V | R_K | R_M),	/* vptestmb … vptestnmw */
	V(0x27, 0x27, P66 | PF3, LIG, WIG, RM, ALL8, I0, R_V | R_K | R_M | R_B),	/* vptestmd … vptestnmq */
	V(0x28, 0x28, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpmuldq */
	V(0x28, 0x28, PF3, LIG, WIG, REG, ALL8, I0, 0),			/* vpmovm2b vpmovm2w */
	V(0x29, 0x29, P66, LIG, W1, RM, ALL8, I0, R_V | R_K | R_M | R_B),	/* vpcmpeqq */
	V(0x29, 0x29, PF3, LIG, WIG, REG, ALL8, I0, R_K),		/* vpmovb2m vpmovw2m */
	V(0x2a, 0x2a, P66, LIG, W0, MEM, ALL8, I0, 0),			/* vmovntdqa */
	V(0x2a, 0x2a, PF3, LIG, W1, REG, ALL8, I0, 0),			/* vpbroadcastmb2q */
	V(0x2b, 0x2b, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpackusdw */
	V(0x2c, 0x2c, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vscalefpd vscalefps */
	V(0x2d, 0x2d, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vscalefsd vscalefss */
	V(0x30, 0x34, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vpmovzxbw … vpmovzxwq */
	V(0x30, 0x34, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovwb … vpmovqw */
	V(0x35, 0x35, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vpmovzxdq */
	V(0x35, 0x35, PF3, LIG, W0, RM, ALL8, I0, R_M | R_ZR),		/* vpmovqd */
	V(0x36, 0x36, P66, L12, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpermd vpermq */
	V(0x37, 0x37, P66, LIG, W1, RM, ALL8, I0, R_V | R_K | R_M | R_B),	/* vpcmpgtq */
	V(0x38, 0x38, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpminsb */
	V(0x38, 0x38, PF3, LIG, WIG, REG, ALL8, I0, 0),			/* vpmovm2d vpmovm2q */
	V(0x39, 0x39, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpminsd vpminsq */
	V(0x39, 0x39, PF3, LIG, WIG, REG, ALL8, I0, R_K),		/* vpmovd2m vpmovq2m */
	V(0x3a, 0x3a, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpminuw */
	V(0x3a, 0x3a, PF3, LIG, W0, REG, ALL8, I0, 0),			/* vpbroadcastmw2d */
	V(0x3b, 0x3b, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpminud vpminuq */
	V(0x3c, 0x3c, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpmaxsb */
	V(0x3d, 0x3d, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpmaxsd vpmaxsq */
	V(0x3e, 0x3e, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpmaxuw */
	V(0x3f, 0x40, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpmaxud … vpmullq */
	V(0x42, 0x42, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vgetexppd vgetexpps */
	V(0x43, 0x43, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vgetexpsd vgetexpss */
	V(0x44, 0x44, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B),	/* vplzcntd vplzcntq */
	V(0x45, 0x47, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpsrlvd … vpsllvq */
	V(0x4c, 0x4c, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B),	/* vrcp14pd vrcp14ps */
	V(0x4d, 0x4d, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vrcp14sd vrcp14ss */
	V(0x4e, 0x4e, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B),	/* vrsqrt14pd vrsqrt14ps */
	V(0x4f, 0x4f, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vrsqrt14sd vrsqrt14ss */
	V(0x50, 0x51, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpdpbusd vpdpbusds */
	V(0x52, 0x52, P66 | PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpdpwssd vdpbf16ps */
	V(0x52, 0x52, PF2, L2, W0, MEM, ALL8, I0, R_V | R_M | R_Z),	/* vp4dpwssd */
	V(0x53, 0x53, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpdpwssds */
	V(0x53, 0x53, PF2, L2, W0, MEM, ALL8, I0, R_V | R_M | R_Z),	/* vp4dpwssds */
	V(0x54, 0x54, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vpopcntb vpopcntw */
	V(0x55, 0x55, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B),	/* vpopcntd vpopcntq */
	V(0x58, 0x58, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vpbroadcastd */
	V(0x59, 0x59, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vbroadcasti32x2 vpbroadcastq */
	V(0x5a, 0x5a, P66, L12, WIG, MEM, ALL8, I0, R_M | R_Z),		/* vbroadcasti32x4 vbroadcasti64x2 */
	V(0x5b, 0x5b, P66, L2, WIG, MEM, ALL8, I0, R_M | R_Z),		/* vbroadcasti32x8 vbroadcasti64x4 */
	V(0x62, 0x62, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vpexpandb vpexpandw */
	V(0x63, 0x63, P66, LIG, WIG, RM, ALL8, I0, R_M | R_ZR),		/* vpcompressb vpcompressw */
	V(0x64, 0x65, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpblendmd … vblendmps */
	V(0x66, 0x66, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpblendmb vpblendmw */
	V(0x68, 0x68, PF2, LIG, WIG, RM, ALL8, I0, R_V | R_K | R_B),	/* vp2intersectd vp2intersectq */
	V(0x70, 0x70, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpshldvw */
	V(0x71, 0x71, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpshldvd vpshldvq */
	V(0x72, 0x72, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpshrdvw */
	V(0x72, 0x72, PF3, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B),	/* vcvtneps2bf16 */
	V(0x72, 0x72, PF2, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vcvtne2ps2bf16 */
	V(0x73, 0x73, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpshrdvd vpshrdvq */
	V(0x75, 0x75, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpermi2b vpermi2w */
	V(0x76, 0x77, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpermi2d … vpermi2ps */
	V(0x78, 0x79, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z),		/* vpbroadcastb vpbroadcastw */
	V(0x7a, 0x7b, P66, LIG, W0, REG, ALL8, I0, R_M | R_Z),		/* vpbroadcastb vpbroadcastw */
	V(0x7c, 0x7c, P66, LIG, WIG, REG, ALL8, I0, R_M | R_Z),		/* vpbroadcastd vpbroadcastq */
	V(0x7d, 0x7d, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpermt2b vpermt2w */
	V(0x7e, 0x7f, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpermt2d … vpermt2ps */
	V(0x83, 0x83, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpmultishiftqb */
	V(0x88, 0x89, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z),		/* vexpandpd … vpexpandq */
	V(0x8a, 0x8b, P66, LIG, WIG, RM, ALL8, I0, R_M | R_ZR),		/* vcompresspd … vpcompressq */
	V(0x8d, 0x8d, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z),	/* vpermb vpermw */
	V(0x8f, 0x8f, P66, LIG, W0, RM, ALL8, I0, R_V | R_K | R_M),	/* vpshufbitqmb */
	V(0x90, 0x93, P66, LIG, WIG, MEM, ALL8, I0, R_MM | R_VSIB | R_DIFF), /* vpgatherdd … vgatherqps */
	V(0x96, 0x98, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmaddsub132pd … vfmadd132ps */
	V(0x99, 0x99, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmadd132sd vfmadd132ss */
	V(0x9a, 0x9a, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmsub132pd vfmsub132ps */
	V(0x9a, 0x9a, PF2, L2, W0, MEM, ALL8, I0, R_V | R_M | R_Z),	/* v4fmaddps */
	V(0x9b, 0x9b, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmsub132sd vfmsub132ss */
	V(0x9b, 0x9b, PF2, LIG, W0, MEM, ALL8, I0, R_V | R_M | R_Z),	/* v4fmaddss */
	V(0x9c, 0x9c, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmadd132pd vfnmadd132ps */
	V(0x9d, 0x9d, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmadd132sd vfnmadd132ss */
	V(0x9e, 0x9e, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmsub132pd vfnmsub132ps */
	V(0x9f, 0x9f, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmsub132sd vfnmsub132ss */
	V(0xa0, 0xa3, P66, LIG, WIG, MEM, ALL8, I0, R_MM | R_VSIB),	/* vpscatterdd … vscatterqps */
	V(0xa6, 0xa8, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmaddsub213pd … vfmadd213ps */
	V(0xa9, 0xa9, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmadd213sd vfmadd213ss */
	V(0xaa, 0xaa, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmsub213pd vfmsub213ps */
	V(0xaa, 0xaa, PF2, L2, W0, MEM, ALL8, I0, R_V | R_M | R_Z),	/* v4fnmaddps */
	V(0xab, 0xab, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmsub213sd vfmsub213ss */
	V(0xab, 0xab, PF2, LIG, W0, MEM, ALL8, I0, R_V | R_M | R_Z),	/* v4fnmaddss */
	V(0xac, 0xac, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmadd213pd vfnmadd213ps */
	V(0xad, 0xad, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmadd213sd vfnmadd213ss */
	V(0xae, 0xae, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmsub213pd vfnmsub213ps */
	V(0xaf, 0xaf, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmsub213sd vfnmsub213ss */
	V(0xb4, 0xb5, P66, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_B),	/* vpmadd52luq vpmadd52huq */
	V(0xb6, 0xb8, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmaddsub231pd … vfmadd231ps */
	V(0xb9, 0xb9, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmadd231sd vfmadd231ss */
	V(0xba, 0xba, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmsub231pd vfmsub231ps */
	V(0xbb, 0xbb, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmsub231sd vfmsub231ss */
	V(0xbc, 0xbc, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmadd231pd vfnmadd231ps */
	V(0xbd, 0xbd, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmadd231sd vfnmadd231ss */
	V(0xbe, 0xbe, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmsub231pd vfnmsub231ps */
	V(0xbf, 0xbf, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmsub231sd vfnmsub231ss */
	V(0xc4, 0xc4, P66, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B),	/* vpconflictd vpconflictq */
	V(0xc6, 0xc7, P66, L2, WIG, MEM, 0x66, I0, R_MM | R_VSIB),	/* vgatherpf0dpd … vgatherpf1qp */
	V(0xc8, 0xc8, P66, L2, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vexp2pd vexp2ps */
	V(0xca, 0xca, P66, L2, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vrcp28pd vrcp28ps */
	V(0xcb, 0xcb, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vrcp28sd vrcp28ss */
	V(0xcc, 0xcc, P66, L2, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vrsqrt28pd vrsqrt28ps */
	V(0xcd, 0xcd, P66, LIG, WIG, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vrsqrt28sd vrsqrt28ss */
	V(0xcf, 0xcf, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z),	/* vgf2p8mulb */
	V(0xdc, 0xdf, P66, LIG, WIG, RM, ALL8, I0, R_V),		/* vaesenc … vaesdeclast */
};

static const struct x86_row evex_0f3a[] = {
	V(0x00, 0x01, P66, L12, W1, RM, ALL8, IB, R_M | R_Z | R_B),	/* vpermq vpermpd */
	V(0x03, 0x03, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* valignd valignq */
	V(0x04, 0x04, P66, LIG, W0, RM, ALL8, IB, R_M | R_Z | R_B),	/* vpermilps */
	V(0x05, 0x05, P66, LIG, W1, RM, ALL8, IB, R_M | R_Z | R_B),	/* vpermilpd */
	V(0x08, 0x08, NP | P66, LIG, W0, RM, ALL8, IB, R_M | R_Z | R_B | R_ER),	/* vrndscaleph vrndscaleps */
	V(0x09, 0x09, P66, LIG, W1, RM, ALL8, IB, R_M | R_Z | R_B | R_ER),	/* vrndscalepd */
	V(0x0a, 0x0a, NP | P66, LIG, W0, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vrndscalesh vrndscaless */
	V(0x0b, 0x0b, P66, LIG, W1, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vrndscalesd */
	V(0x0f, 0x0f, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z),	/* vpalignr */
	V(0x14, 0x17, P66, L0, WIG, RM, ALL8, IB, 0),			/* vpextrb … vextractps */
	V(0x18, 0x18, P66, L12, WIG, RM, ALL8, IB, R_V | R_M | R_Z),	/* vinsertf32x4 vinsertf64x2 */
	V(0x19, 0x19, P66, L12, WIG, RM, ALL8, IB, R_M | R_ZR),		/* vextractf32x4 vextractf64x2 */
	V(0x1a, 0x1a, P66, L2, WIG, RM, ALL8, IB, R_V | R_M | R_Z),	/* vinsertf32x8 vinsertf64x4 */
	V(0x1b, 0x1b, P66, L2, WIG, RM, ALL8, IB, R_M | R_ZR),		/* vextractf32x8 vextractf64x4 */
	V(0x1d, 0x1d, P66, LIG, W0, RM, ALL8, IB, R_M | R_ZR | R_ER),	/* vcvtps2ph */
	V(0x1e, 0x1f, P66, LIG, WIG, RM, ALL8, IB, R_V | R_K | R_M | R_B),	/* vpcmpud … vpcmpq */
	V(0x20, 0x20, P66, L0, WIG, RM, ALL8, IB, R_V),			/* vpinsrb */
	V(0x21, 0x21, P66, L0, W0, RM, ALL8, IB, R_V),			/* vinsertps */
	V(0x22, 0x22, P66, L0, WIG, RM, ALL8, IB, R_V),			/* vpinsrd vpinsrq */
	V(0x23, 0x23, P66, L12, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vshuff32x4 vshuff64x2 */
	V(0x25, 0x25, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vpternlogd vpternlogq */
	V(0x26, 0x26, NP, LIG, W0, RM, ALL8, IB, R_M | R_Z | R_B | R_ER),	/* vgetmantph */
	V(0x26, 0x26, P66, LIG, WIG, RM, ALL8, IB, R_M | R_Z | R_B | R_ER),	/* vgetmantpd vgetmantps */
	V(0x27, 0x27, NP, LIG, W0, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vgetmantsh */
	V(0x27, 0x27, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vgetmantsd vgetmantss */
	V(0x38, 0x38, P66, L12, WIG, RM, ALL8, IB, R_V | R_M | R_Z),	/* vinserti32x4 vinserti64x2 */
	V(0x39, 0x39, P66, L12, WIG, RM, ALL8, IB, R_M | R_ZR),		/* vextracti32x4 vextracti64x2 */
	V(0x3a, 0x3a, P66, L2, WIG, RM, ALL8, IB, R_V | R_M | R_Z),	/* vinserti32x8 vinserti64x4 */
	V(0x3b, 0x3b, P66, L2, WIG, RM, ALL8, IB, R_M | R_ZR),		/* vextracti32x8 vextracti64x4 */
	V(0x3e, 0x3f, P66, LIG, WIG, RM, ALL8, IB, R_V | R_K | R_M),	/* vpcmpub … vpcmpw */
	V(0x42, 0x42, P66, LIG, W0, RM, ALL8, IB, R_V | R_M | R_Z),	/* vdbpsadbw */
	V(0x43, 0x43, P66, L12, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vshufi32x4 vshufi64x2 */
	V(0x44, 0x44, P66, LIG, WIG, RM, ALL8, IB, R_V),		/* vpclmulqdq */
	V(0x50, 0x50, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B | R_ER),	/* vrangepd vrangeps */
	V(0x51, 0x51, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vrangesd vrangess */
	V(0x54, 0x54, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B | R_ER),	/* vfixupimmpd vfixupimmps */
	V(0x55, 0x55, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vfixupimmsd vfixupimmss */
	V(0x56, 0x56, NP, LIG, W0, RM, ALL8, IB, R_M | R_Z | R_B | R_ER),	/* vreduceph */
	V(0x56, 0x56, P66, LIG, WIG, RM, ALL8, IB, R_M | R_Z | R_B | R_ER),	/* vreducepd vreduceps */
	V(0x57, 0x57, NP, LIG, W0, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vreducesh */
	V(0x57, 0x57, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_ER),	/* vreducesd vreducess */
	V(0x66, 0x66, NP, LIG, W0, RM, ALL8, IB, R_K | R_M | R_B),	/* vfpclassph */
	V(0x66, 0x66, P66, LIG, WIG, RM, ALL8, IB, R_K | R_M | R_B),	/* vfpclasspd vfpclassps */
	V(0x67, 0x67, NP, LIG, W0, RM, ALL8, IB, R_K | R_M),		/* vfpclasssh */
	V(0x67, 0x67, P66, LIG, WIG, RM, ALL8, IB, R_K | R_M),		/* vfpclasssd vfpclassss */
	V(0x70, 0x70, P66, LIG, W1, RM, ALL8, IB, R_V | R_M | R_Z),	/* vpshldw */
	V(0x71, 0x71, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vpshldd vpshldq */
	V(0x72, 0x72, P66, LIG, W1, RM, ALL8, IB, R_V | R_M | R_Z),	/* vpshrdw */
	V(0x73, 0x73, P66, LIG, WIG, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vpshrdd vpshrdq */
	V(0xc2, 0xc2, NP, LIG, W0, RM, ALL8, IB, R_V | R_K | R_M | R_B | R_ER),	/* vcmpph */
	V(0xc2, 0xc2, PF3, LIG, W0, RM, ALL8, IB, R_V | R_K | R_M | R_ER),	/* vcmpsh */
	V(0xce, 0xcf, P66, LIG, W1, RM, ALL8, IB, R_V | R_M | R_Z | R_B),	/* vgf2p8affineqb vgf2p8affineinvqb */
};

static const struct x86_row evex_5[] = {
	V(0x10, 0x10, PF3, LIG, W0, MEM, ALL8, I0, R_M | R_Z),		/* vmovsh */
	V(0x10, 0x10, PF3, LIG, W0, REG, ALL8, I0, R_V | R_M | R_Z),	/* vmovsh */
	V(0x11, 0x11, PF3, LIG, W0, MEM, ALL8, I0, R_M),		/* vmovsh */
	V(0x11, 0x11, PF3, LIG, W0, REG, ALL8, I0, R_V | R_M | R_Z),	/* vmovsh */
	V(0x1d, 0x1d, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vcvtss2sh */
	V(0x1d, 0x1d, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtps2phx */
	V(0x2a, 0x2a, PF3, LIG, WIG, RM, ALL8, I0, R_V | R_ER),		/* vcvtsi2sh */
	V(0x2c, 0x2d, PF3, LIG, WIG, RM, ALL8, I0, R_G | R_ER),		/* vcvttsh2si vcvtsh2si */
	VF(0x2e, 0x2f, NP, LIG, W0, RM, ALL8, I0, F_SET, R_ER),		/* vucomish vcomish */
	V(0x51, 0x51, NP, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vsqrtph */
	V(0x51, 0x51, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vsqrtsh */
	V(0x58, 0x59, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vaddph vmulph */
	V(0x58, 0x59, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vaddsh vmulsh */
	V(0x5a, 0x5a, NP, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtph2pd */
	V(0x5a, 0x5a, P66, LIG, W1, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtpd2ph */
	V(0x5a, 0x5a, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vcvtsh2sd */
	V(0x5a, 0x5a, PF2, LIG, W1, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vcvtsd2sh */
	V(0x5b, 0x5b, NP, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtdq2ph vcvtqq2ph */
	V(0x5b, 0x5b, P66 | PF3, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtph2dq vcvttph2dq */
	V(0x5c, 0x5f, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vsubph … vmaxph */
	V(0x5c, 0x5f, PF3, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vsubsh … vmaxsh */
	V(0x6e, 0x6e, P66, L0, WIG, RM, ALL8, I0, 0),			/* vmovw */
	V(0x78, 0x79, NP | P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvttph2udq … vcvtph2uqq */
	V(0x78, 0x79, PF3, LIG, WIG, RM, ALL8, I0, R_G | R_ER),		/* vcvttsh2usi vcvtsh2usi */
	V(0x7a, 0x7a, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvttph2qq */
	V(0x7a, 0x7a, PF2, LIG, WIG, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtudq2ph vcvtuqq2ph */
	V(0x7b, 0x7b, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtph2qq */
	V(0x7b, 0x7b, PF3, LIG, WIG, RM, ALL8, I0, R_V | R_ER),		/* vcvtusi2sh */
	V(0x7c, 0x7c, NP | P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvttph2uw vcvttph2w */
	V(0x7d, 0x7d, NP | P66 | PF3 | PF2, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtph2uw … vcvtuw2ph */
	V(0x7e, 0x7e, P66, L0, WIG, RM, ALL8, I0, 0),			/* vmovw */
};

static const struct x86_row evex_6[] = {
	V(0x13, 0x13, NP, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vcvtsh2ss */
	V(0x13, 0x13, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vcvtph2psx */
	V(0x2c, 0x2c, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vscalefph */
	V(0x2d, 0x2d, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vscalefsh */
	V(0x42, 0x42, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B | R_ER),	/* vgetexpph */
	V(0x43, 0x43, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vgetexpsh */
	V(0x4c, 0x4c, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B),	/* vrcpph */
	V(0x4d, 0x4d, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z),	/* vrcpsh */
	V(0x4e, 0x4e, P66, LIG, W0, RM, ALL8, I0, R_M | R_Z | R_B),	/* vrsqrtph */
	V(0x4f, 0x4f, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z),	/* vrsqrtsh */
	V(0x56, 0x56, PF3 | PF2, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER | R_DIST),	/* vfmaddcph vfcmaddcph */
	V(0x57, 0x57, PF3 | PF2, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER | R_DIST),	/* vfmaddcsh vfcmaddcsh */
	V(0x96, 0x98, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmaddsub132ph … vfmadd132ph */
	V(0x99, 0x99, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmadd132sh */
	V(0x9a, 0x9a, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmsub132ph */
	V(0x9b, 0x9b, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmsub132sh */
	V(0x9c, 0x9c, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmadd132ph */
	V(0x9d, 0x9d, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmadd132sh */
	V(0x9e, 0x9e, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmsub132ph */
	V(0x9f, 0x9f, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmsub132sh */
	V(0xa6, 0xa8, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmaddsub213ph … vfmadd213ph */
	V(0xa9, 0xa9, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmadd213sh */
	V(0xaa, 0xaa, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmsub213ph */
	V(0xab, 0xab, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmsub213sh */
	V(0xac, 0xac, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmadd213ph */
	V(0xad, 0xad, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmadd213sh */
	V(0xae, 0xae, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmsub213ph */
	V(0xaf, 0xaf, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmsub213sh */
	V(0xb6, 0xb8, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmaddsub231ph … vfmadd231ph */
	V(0xb9, 0xb9, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmadd231sh */
	V(0xba, 0xba, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfmsub231ph */
	V(0xbb, 0xbb, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfmsub231sh */
	V(0xbc, 0xbc, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmadd231ph */
	V(0xbd, 0xbd, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmadd231sh */
	V(0xbe, 0xbe, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER),	/* vfnmsub231ph */
	V(0xbf, 0xbf, P66, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER),	/* vfnmsub231sh */
	V(0xd6, 0xd6, PF3 | PF2, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_B | R_ER | R_DIST),	/* vfmulcph vfcmulcph */
	V(0xd7, 0xd7, PF3 | PF2, LIG, W0, RM, ALL8, I0, R_V | R_M | R_Z | R_ER | R_DIST),	/* vfmulcsh vfcmulcsh */
};

#define MAP(t) { t, sizeof(t) / sizeof(t[0]) }

/* clang-format on */

struct x86_map x86_evex_map(unsigned int map)
{
	switch (map) {
	case 1:
		return (struct x86_map)MAP(evex_0f);
	case 2:
		return (struct x86_map)MAP(evex_0f38);
	case 3:
		return (struct x86_map)MAP(evex_0f3a);
	case 5:
		return (struct x86_map)MAP(evex_5);
	case 6:
		return (struct x86_map)MAP(evex_6);
	}
	return (struct x86_map){ NULL, 0 };
}
