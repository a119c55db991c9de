/* SPDX-License-Identifier: MIT */
/*
 * table_vex.c - opcodes with a VEX prefix, and AMD's XOP
 *
 * SDM vol. 2, 2.3 (VEX), and the pages of the instructions: which prefix, W and
 * L each has, and whether vvvv names an operand (if not it must be 1111).  XOP,
 * FMA4, TBM: AMD64 manual vol. 3, 1.2.6 and appendix A; vols. 4 and 6.
 */
#include "tables.h"

/* clang-format off */

#define ALL8 0xff

#define V(lo, hi, pp, l, wmod, mod, regs, imm, bits) \
	{ lo, hi, (pp) | (l), (wmod) | (mod), regs, ALL8, imm, X86_NORMAL, F_NONE, bits }
#define VF(lo, hi, pp, l, wmod, mod, regs, imm, fl, bits) \
	{ lo, hi, (pp) | (l), (wmod) | (mod), regs, ALL8, imm, X86_NORMAL, fl, bits }
#define VX(lo, hi, pp, l, wmod, mod, regs, rms, imm, bits) \
	{ lo, hi, (pp) | (l), (wmod) | (mod), regs, rms, imm, X86_NORMAL, F_NONE, bits }

static const struct x86_row vex_0f[] = {
	V(0x10, 0x11, NP | P66, L01, WIG, RM, ALL8, I0, 0),		/* vmovups vmovupd */
	V(0x10, 0x11, PF3 | PF2, L01, WIG, MEM, ALL8, I0, 0),		/* vmovss vmovsd */
	V(0x10, 0x11, PF3 | PF2, L01, WIG, REG, ALL8, I0, R_V),		/* vmovss vmovsd */
	V(0x12, 0x12, NP, L0, WIG, RM, ALL8, I0, R_V),			/* vmovhlps vmovlps */
	V(0x12, 0x12, P66, L0, WIG, MEM, ALL8, I0, R_V),		/* vmovlpd */
	V(0x12, 0x12, PF3 | PF2, L01, WIG, RM, ALL8, I0, 0),		/* vmovsldup vmovddup */
	V(0x13, 0x13, NP | P66, L0, WIG, MEM, ALL8, I0, 0),		/* vmovlps vmovlpd */
	V(0x14, 0x15, NP | P66, L01, WIG, RM, ALL8, I0, R_V),		/* vunpcklps … vunpckhpd */
	V(0x16, 0x16, NP, L0, WIG, RM, ALL8, I0, R_V),			/* vmovhps vmovlhps */
	V(0x16, 0x16, P66, L0, WIG, MEM, ALL8, I0, R_V),		/* vmovhpd */
	V(0x16, 0x16, PF3, L01, WIG, RM, ALL8, I0, 0),			/* vmovshdup */
	V(0x17, 0x17, NP | P66, L0, WIG, MEM, ALL8, I0, 0),		/* vmovhps vmovhpd */
	V(0x28, 0x29, NP | P66, L01, WIG, RM, ALL8, I0, 0),		/* vmovaps vmovapd */
	V(0x2a, 0x2a, PF3 | PF2, L01, WIG, RM, ALL8, I0, R_V),		/* vcvtsi2ss vcvtsi2sd */
	V(0x2b, 0x2b, NP | P66, L01, WIG, MEM, ALL8, I0, 0),		/* vmovntps vmovntpd */
	V(0x2c, 0x2d, PF3 | PF2, L01, WIG, RM, ALL8, I0, 0),		/* vcvttss2si … vcvtsd2si */
	VF(0x2e, 0x2f, NP | P66, L01, WIG, RM, ALL8, I0, F_SET, 0),	/* vucomiss … vcomisd */
	V(0x41, 0x42, NP | P66, L1, WIG, REG, ALL8, I0, R_V | R_VK | R_K),	/* kandq … kandnd */
	V(0x44, 0x44, NP | P66, L0, WIG, REG, ALL8, I0, R_K),		/* knotq … knotd */
	V(0x45, 0x47, NP | P66, L1, WIG, REG, ALL8, I0, R_V | R_VK | R_K),	/* korq … kxord */
	V(0x4a, 0x4a, NP | P66, L1, WIG, REG, ALL8, I0, R_V | R_VK | R_K),	/* kaddq … kaddd */
	V(0x4b, 0x4b, NP, L1, WIG, REG, ALL8, I0, R_V | R_VK | R_K),	/* kunpckdq kunpckwd */
	V(0x4b, 0x4b, P66, L1, W0, REG, ALL8, I0, R_V | R_VK | R_K),	/* kunpckbw */
	V(0x50, 0x50, NP | P66, L01, WIG, REG, ALL8, I0, 0),		/* vmovmskps vmovmskpd */
	V(0x51, 0x51, NP | P66, L01, WIG, RM, ALL8, I0, 0),		/* vsqrtps vsqrtpd */
	V(0x51, 0x51, PF3 | PF2, L01, WIG, RM, ALL8, I0, R_V),		/* vsqrtss vsqrtsd */
	V(0x52, 0x53, NP, L01, WIG, RM, ALL8, I0, 0),			/* vrsqrtps vrcpps */
	V(0x52, 0x53, PF3, L01, WIG, RM, ALL8, I0, R_V),		/* vrsqrtss vrcpss */
	V(0x54, 0x57, NP | P66, L01, WIG, RM, ALL8, I0, R_V),		/* vandps … vxorpd */
	V(0x58, 0x59, NP | P66 | PF3 | PF2, L01, WIG, RM, ALL8, I0, R_V),	/* vaddps … vmulsd */
	V(0x5a, 0x5a, NP | P66, L01, WIG, RM, ALL8, I0, 0),		/* vcvtps2pd vcvtpd2ps */
	V(0x5a, 0x5a, PF3 | PF2, L01, WIG, RM, ALL8, I0, R_V),		/* vcvtss2sd vcvtsd2ss */
	V(0x5b, 0x5b, NP | P66 | PF3, L01, WIG, RM, ALL8, I0, 0),	/* vcvtdq2ps … vcvttps2dq */
	V(0x5c, 0x5f, NP | P66 | PF3 | PF2, L01, WIG, RM, ALL8, I0, R_V),	/* vsubps … vmaxsd */
	V(0x60, 0x6d, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpunpcklbw … vpunpckhqdq */
	V(0x6e, 0x6e, P66, L0, WIG, RM, ALL8, I0, 0),			/* vmovd vmovq */
	V(0x6f, 0x6f, P66 | PF3, L01, WIG, RM, ALL8, I0, 0),		/* vmovdqa vmovdqu */
	V(0x70, 0x70, P66 | PF3 | PF2, L01, WIG, RM, ALL8, IB, 0),	/* vpshufd … vpshuflw */
	V(0x71, 0x72, P66, L01, WIG, REG, 0x54, IB, R_V),		/* vpsllw … vpsrld */
	V(0x73, 0x73, P66, L01, WIG, REG, 0xcc, IB, R_V),		/* vpslldq … vpsrlq */
	V(0x74, 0x76, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpcmpeqb … vpcmpeqd */
	V(0x77, 0x77, NP, L01, WIG, NOMODRM, ALL8, I0, 0),		/* vzeroall vzeroupper */
	V(0x7c, 0x7d, P66 | PF2, L01, WIG, RM, ALL8, I0, R_V),		/* vhaddpd … vhsubps */
	V(0x7e, 0x7e, P66 | PF3, L0, WIG, RM, ALL8, I0, 0),		/* vmovd vmovq */
	V(0x7f, 0x7f, P66 | PF3, L01, WIG, RM, ALL8, I0, 0),		/* vmovdqa vmovdqu */
	V(0x90, 0x90, NP | P66, L0, WIG, RM, ALL8, I0, R_K),		/* kmovq … kmovd */
	V(0x91, 0x91, NP | P66, L0, WIG, MEM, ALL8, I0, R_K),		/* kmovq … kmovd */
	V(0x92, 0x92, NP | P66, L0, W0, REG, ALL8, I0, R_K),		/* kmovw kmovb */
	V(0x92, 0x92, PF2, L0, WIG, REG, ALL8, I0, R_K),		/* kmovd kmovq */
	V(0x93, 0x93, NP | P66, L0, W0, REG, ALL8, I0, 0),		/* kmovw kmovb */
	V(0x93, 0x93, PF2, L0, WIG, REG, ALL8, I0, 0),			/* kmovd kmovq */
	VF(0x98, 0x99, NP | P66, L0, WIG, REG, ALL8, I0, F_SET, R_K),	/* kortestq … ktestd */
	V(0xae, 0xae, NP, L0, WIG, MEM, 0x0c, I0, 0),			/* vldmxcsr vstmxcsr */
	V(0xc2, 0xc2, NP | P66 | PF3 | PF2, L01, WIG, RM, ALL8, IB, R_V),	/* vcmpps … vcmpsd */
	V(0xc4, 0xc4, P66, L0, WIG, RM, ALL8, IB, R_V),			/* vpinsrw */
	V(0xc5, 0xc5, P66, L0, WIG, REG, ALL8, IB, 0),			/* vpextrw */
	V(0xc6, 0xc6, NP | P66, L01, WIG, RM, ALL8, IB, R_V),		/* vshufps vshufpd */
	V(0xd0, 0xd0, P66 | PF2, L01, WIG, RM, ALL8, I0, R_V),		/* vaddsubpd vaddsubps */
	V(0xd1, 0xd5, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsrlw … vpmullw */
	V(0xd6, 0xd6, P66, L0, WIG, RM, ALL8, I0, 0),			/* vmovq */
	V(0xd7, 0xd7, P66, L01, WIG, REG, ALL8, I0, 0),			/* vpmovmskb */
	V(0xd8, 0xe5, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsubusb … vpmulhw */
	V(0xe6, 0xe6, P66 | PF3 | PF2, L01, WIG, RM, ALL8, I0, 0),	/* vcvttpd2dq … vcvtpd2dq */
	V(0xe7, 0xe7, P66, L01, WIG, MEM, ALL8, I0, 0),			/* vmovntdq */
	V(0xe8, 0xef, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsubsb … vpxor */
	V(0xf0, 0xf0, PF2, L01, WIG, MEM, ALL8, I0, 0),			/* vlddqu */
	V(0xf1, 0xf6, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsllw … vpsadbw */
	V(0xf7, 0xf7, P66, L0, WIG, REG, ALL8, I0, 0),			/* vmaskmovdqu */
	V(0xf8, 0xfe, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsubb … vpaddd */
};

static const struct x86_row vex_0f38[] = {
	V(0x00, 0x0b, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpshufb … vpmulhrsw */
	V(0x0c, 0x0d, P66, L01, W0, RM, ALL8, I0, R_V),			/* vpermilps vpermilpd */
	VF(0x0e, 0x0f, P66, L01, W0, RM, ALL8, I0, F_SET, 0),		/* vtestps vtestpd */
	V(0x13, 0x13, P66, L01, W0, RM, ALL8, I0, 0),			/* vcvtph2ps */
	V(0x16, 0x16, P66, L1, W0, RM, ALL8, I0, R_V),			/* vpermps */
	VF(0x17, 0x17, P66, L01, WIG, RM, ALL8, I0, F_SET, 0),		/* vptest */
	V(0x18, 0x18, P66, L01, W0, RM, ALL8, I0, 0),			/* vbroadcastss */
	V(0x19, 0x19, P66, L1, W0, RM, ALL8, I0, 0),			/* vbroadcastsd */
	V(0x1a, 0x1a, P66, L1, W0, MEM, ALL8, I0, 0),			/* vbroadcastf128 */
	V(0x1c, 0x1e, P66, L01, WIG, RM, ALL8, I0, 0),			/* vpabsb … vpabsd */
	V(0x20, 0x25, P66, L01, WIG, RM, ALL8, I0, 0),			/* vpmovsxbw … vpmovsxdq */
	V(0x28, 0x29, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpmuldq vpcmpeqq */
	V(0x2a, 0x2a, P66, L01, WIG, MEM, ALL8, I0, 0),			/* vmovntdqa */
	V(0x2b, 0x2b, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpackusdw */
	V(0x2c, 0x2f, P66, L01, W0, MEM, ALL8, I0, R_V),		/* vmaskmovps vmaskmovpd */
	V(0x30, 0x35, P66, L01, WIG, RM, ALL8, I0, 0),			/* vpmovzxbw … vpmovzxdq */
	V(0x36, 0x36, P66, L1, W0, RM, ALL8, I0, R_V),			/* vpermd */
	V(0x37, 0x40, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpcmpgtq … vpmulld */
	V(0x41, 0x41, P66, L0, WIG, RM, ALL8, I0, 0),			/* vphminposuw */
	V(0x45, 0x45, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsrlvd vpsrlvq */
	V(0x46, 0x46, P66, L01, W0, RM, ALL8, I0, R_V),			/* vpsravd */
	V(0x47, 0x47, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vpsllvd vpsllvq */
	VX(0x49, 0x49, NP, L0, W0, MEM, 0x01, ALL8, I0, 0),		/* ldtilecfg */
	VX(0x49, 0x49, NP, L0, W0, REG, 0x01, 0x01, I0, 0),		/* tilerelease */
	VX(0x49, 0x49, P66, L0, W0, MEM, 0x01, ALL8, I0, 0),		/* sttilecfg */
	VX(0x49, 0x49, PF2, L0, W0, REG, ALL8, 0x01, I0, R_K),		/* tilezero */
	V(0x4b, 0x4b, P66 | PF3 | PF2, L0, W0, MEM, ALL8, I0, R_K | R_SIB), /* tileload tilestore */
	V(0x50, 0x53, P66, L01, W0, RM, ALL8, I0, R_V),			/* vpdpbusd … vpdpwssds */
	V(0x58, 0x59, P66, L01, W0, RM, ALL8, I0, 0),			/* vpbroadcastd vpbroadcastq */
	V(0x5a, 0x5a, P66, L1, W0, MEM, ALL8, I0, 0),			/* vbroadcasti128 */
	V(0x5c, 0x5c, PF3, L0, W0, REG, ALL8, I0, R_V | R_VK | R_K | R_RMK | R_TMM3), /* tdpbf16ps */
	V(0x5e, 0x5e, PANY, L0, W0, REG, ALL8, I0, R_V | R_VK | R_K | R_RMK | R_TMM3), /* tdpbuud … */
	V(0x78, 0x79, P66, L01, W0, RM, ALL8, I0, 0),			/* vpbroadcastb vpbroadcastw */
	V(0x8c, 0x8c, P66, L01, WIG, MEM, ALL8, I0, R_V),		/* vpmaskmovd vpmaskmovq */
	V(0x8e, 0x8e, P66, L01, WIG, MEM, ALL8, I0, R_V),		/* vpmaskmovd vpmaskmovq */
	V(0x90, 0x93, P66, L01, WIG, MEM, ALL8, I0, R_V | R_VSIB | R_DIFF), /* gathers */
	V(0x96, 0x9f, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vfmaddsub132pd … vfnmsub132ss */
	V(0xa6, 0xaf, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vfmaddsub213pd … vfnmsub213ss */
	V(0xb6, 0xbf, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vfmaddsub231pd … vfnmsub231ss */
	V(0xcf, 0xcf, P66, L01, W0, RM, ALL8, I0, R_V),			/* vgf2p8mulb */
	V(0xdb, 0xdb, P66, L0, WIG, RM, ALL8, I0, 0),			/* vaesimc */
	V(0xdc, 0xdf, P66, L01, WIG, RM, ALL8, I0, R_V),		/* vaesenc … vaesdeclast */
	VF(0xf2, 0xf2, NP, L0, WIG, RM, ALL8, I0, F_BLS, R_V),		/* andn */
	VF(0xf3, 0xf3, NP, L0, WIG, RM, 0x0e, I0, F_BLS, R_V),		/* blsi … blsr */
	VF(0xf5, 0xf5, NP, L0, WIG, RM, ALL8, I0, F_BLS, R_V),		/* bzhi */
	V(0xf5, 0xf5, PF3 | PF2, L0, WIG, RM, ALL8, I0, R_V),		/* pext pdep */
	V(0xf6, 0xf6, PF2, L0, WIG, RM, ALL8, I0, R_V),			/* mulx */
	VF(0xf7, 0xf7, NP, L0, WIG, RM, ALL8, I0, F_BEXTR, R_V),	/* bextr */
	V(0xf7, 0xf7, P66 | PF3 | PF2, L0, WIG, RM, ALL8, I0, R_V),	/* shlx … shrx */
};

static const struct x86_row vex_0f3a[] = {
	V(0x00, 0x01, P66, L1, W1, RM, ALL8, IB, 0),			/* vpermq vpermpd */
	V(0x02, 0x02, P66, L01, W0, RM, ALL8, IB, R_V),			/* vpblendd */
	V(0x04, 0x05, P66, L01, W0, RM, ALL8, IB, 0),			/* vpermilps vpermilpd */
	V(0x06, 0x06, P66, L1, W0, RM, ALL8, IB, R_V),			/* vperm2f128 */
	V(0x08, 0x09, P66, L01, WIG, RM, ALL8, IB, 0),			/* vroundps vroundpd */
	V(0x0a, 0x0f, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vroundss … vpalignr */
	V(0x14, 0x17, P66, L0, WIG, RM, ALL8, IB, 0),			/* vpextrb … vextractps */
	V(0x18, 0x18, P66, L1, W0, RM, ALL8, IB, R_V),			/* vinsertf128 */
	V(0x19, 0x19, P66, L1, W0, RM, ALL8, IB, 0),			/* vextractf128 */
	V(0x1d, 0x1d, P66, L01, W0, RM, ALL8, IB, 0),			/* vcvtps2ph */
	V(0x20, 0x22, P66, L0, WIG, RM, ALL8, IB, R_V),			/* vpinsrb … vpinsrq */
	V(0x30, 0x33, P66, L0, WIG, REG, ALL8, IB, R_K),		/* kshiftrb … kshiftlq */
	V(0x38, 0x38, P66, L1, W0, RM, ALL8, IB, R_V),			/* vinserti128 */
	V(0x39, 0x39, P66, L1, W0, RM, ALL8, IB, 0),			/* vextracti128 */
	V(0x40, 0x40, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vdpps */
	V(0x41, 0x41, P66, L0, WIG, RM, ALL8, IB, R_V),			/* vdppd */
	V(0x42, 0x42, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vmpsadbw */
	V(0x44, 0x44, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vpclmulqdq */
	V(0x46, 0x46, P66, L1, W0, RM, ALL8, IB, R_V),			/* vperm2i128 */
	V(0x48, 0x49, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vpermil2ps vpermil2pd */
	V(0x4a, 0x4c, P66, L01, W0, RM, ALL8, IB, R_V),			/* vblendvps … vpblendvb */
	V(0x5c, 0x5f, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vfmaddsubps … vfmsubaddpd */
	VF(0x60, 0x63, P66, L0, WIG, RM, ALL8, IB, F_SET, 0),		/* vpcmpestrm … vpcmpistri */
	V(0x68, 0x6f, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vfmaddps … vfmsubsd */
	V(0x78, 0x7f, P66, L01, WIG, RM, ALL8, IB, R_V),		/* vfnmaddps … vfnmsubsd */
	V(0xce, 0xcf, P66, L01, W1, RM, ALL8, IB, R_V),			/* vgf2p8affineqb vgf2p8affineinvqb */
	V(0xdf, 0xdf, P66, L0, WIG, RM, ALL8, IB, 0),			/* vaeskeygenassist */
	V(0xf0, 0xf0, PF2, L0, WIG, RM, ALL8, IB, 0),			/* rorx */
};

static const struct x86_row xop_8[] = {
	V(0x85, 0x87, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpmacssww … vpmacssdql */
	V(0x8e, 0x8f, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpmacssdd vpmacssdqh */
	V(0x95, 0x97, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpmacsww … vpmacsdql */
	V(0x9e, 0x9f, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpmacsdd vpmacsdqh */
	V(0xa2, 0xa2, NP, L01, WIG, RM, ALL8, IB, R_V),			/* vpcmov */
	V(0xa3, 0xa3, NP, L0, WIG, RM, ALL8, IB, R_V),			/* vpperm */
	V(0xa6, 0xa6, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpmadcsswd */
	V(0xb6, 0xb6, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpmadcswd */
	V(0xc0, 0xc3, NP, L0, W0, RM, ALL8, IB, 0),			/* vprotb … vprotq */
	V(0xcc, 0xcf, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpcomb … vpcomq */
	V(0xec, 0xef, NP, L0, W0, RM, ALL8, IB, R_V),			/* vpcomub … vpcomuq */
};

static const struct x86_row xop_9[] = {
	VF(0x01, 0x01, NP, L0, WIG, RM, 0xfe, I0, F_BLS, R_V),		/* blcfill … t1mskc */
	VF(0x02, 0x02, NP, L0, WIG, RM, 0x42, I0, F_BLS, R_V),		/* blci blcmsk */
	V(0x12, 0x12, NP, L0, WIG, REG, 0x03, I0, 0),			/* llwpcb slwpcb */
	V(0x80, 0x81, NP, L01, W0, RM, ALL8, I0, 0),			/* vfrczps vfrczpd */
	V(0x82, 0x83, NP, L0, W0, RM, ALL8, I0, 0),			/* vfrczss vfrczsd */
	V(0x90, 0x9b, NP, L0, WIG, RM, ALL8, I0, R_V),			/* vprotb … vpshaq */
	V(0xc1, 0xc3, NP, L0, W0, RM, ALL8, I0, 0),			/* vphaddbw … vphaddbq */
	V(0xc6, 0xc7, NP, L0, W0, RM, ALL8, I0, 0),			/* vphaddwd vphaddwq */
	V(0xcb, 0xcb, NP, L0, W0, RM, ALL8, I0, 0),			/* vphadddq */
	V(0xd1, 0xd3, NP, L0, W0, RM, ALL8, I0, 0),			/* vphaddubw … vphaddubq */
	V(0xd6, 0xd7, NP, L0, W0, RM, ALL8, I0, 0),			/* vphadduwd vphadduwq */
	V(0xdb, 0xdb, NP, L0, W0, RM, ALL8, I0, 0),			/* vphaddudq */
	V(0xe1, 0xe3, NP, L0, W0, RM, ALL8, I0, 0),			/* vphsubbw … vphsubdq */
};

static const struct x86_row xop_10[] = {
	VF(0x10, 0x10, NP, L0, WIG, RM, ALL8, ID, F_BEXTR, 0),		/* bextr */
	VF(0x12, 0x12, NP, L0, WIG, RM, 0x03, ID, F_CHG, R_V),		/* lwpins lwpval */
};

#define MAP(t) { t, sizeof(t) / sizeof(t[0]) }

/* clang-format on */

struct x86_map x86_vex_map(unsigned int map)
{
	switch (map) {
	case 1:
		return (struct x86_map)MAP(vex_0f);
	case 2:
		return (struct x86_map)MAP(vex_0f38);
	case 3:
		return (struct x86_map)MAP(vex_0f3a);
	}
	return (struct x86_map){ NULL, 0 };
}

struct x86_map x86_xop_map(unsigned int map)
{
	switch (map) {
	case 8:
		return (struct x86_map)MAP(xop_8);
	case 9:
		return (struct x86_map)MAP(xop_9);
	case 10:
		return (struct x86_map)MAP(xop_10);
	}
	return (struct x86_map){ NULL, 0 };
}
