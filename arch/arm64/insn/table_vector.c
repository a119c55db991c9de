/* SPDX-License-Identifier: MIT */
/*
 * table_vector.c - floating point and Advanced SIMD
 *
 * None of them knows where it is: what is told apart is what is allocated.  The
 * name is that of one of a row's instructions, and "..." says that there are more
 * than two.
 */
#include "tables.h"

/* clang-format off */
static const struct a64_rule rules[] = {
	/* Cryptographic AES */
	{ 0xffffcc00, 0x4e284800, A64_SLOT, "aesmc ..." },

	/* Cryptographic three-register SHA */
	{ 0xffe0ac00, 0x5e000000, A64_SLOT, "sha256h2 ..." },
	{ 0xffe0cc00, 0x5e000000, A64_SLOT, "sha1m ..." },
	{ 0xffe09c00, 0x5e000000, A64_SLOT, "sha1m ..." },

	/* Cryptographic two-register SHA */
	{ 0xffffdc00, 0x5e280800, A64_SLOT, "sha256su0" },
	{ 0xffffec00, 0x5e280800, A64_SLOT, "sha1su1, sha1h" },

	/* Advanced SIMD scalar copy */
	{ 0xffe1fc00, 0x5e010400, A64_SLOT, "mov" },
	{ 0xffe2fc00, 0x5e020400, A64_SLOT, "mov" },
	{ 0xffe4fc00, 0x5e040400, A64_SLOT, "mov" },
	{ 0xffe8fc00, 0x5e080400, A64_SLOT, "mov" },

	/* Advanced SIMD scalar three same, half precision */
	{ 0xffe0dc00, 0x5e401c00, A64_SLOT, "fmulx, frecps" },
	{ 0xdfe0fc00, 0x5e402400, A64_SLOT, "fcmeq, fcmge" },
	{ 0xff60fc00, 0x5e403c00, A64_SLOT, "frecps" },
	{ 0xff60f400, 0x7e402400, A64_SLOT, "fcmgt ..." },
	{ 0xffe0fc00, 0x7ec01400, A64_SLOT, "fabd" },

	/* Advanced SIMD scalar two-register, half precision */
	{ 0xdf7fec00, 0x5e79a800, A64_SLOT, "fcvtnu ..." },
	{ 0xdfffec00, 0x5e79c800, A64_SLOT, "ucvtf ..." },
	{ 0xdfffec00, 0x5ef8c800, A64_SLOT, "fcmeq ..." },
	{ 0xffffdc00, 0x5ef8c800, A64_SLOT, "fcmgt, fcmlt" },
	{ 0xdffefc00, 0x5ef8d800, A64_SLOT, "frsqrte ..." },
	{ 0xffffdc00, 0x5ef9d800, A64_SLOT, "frecpx, frecpe" },

	/* Advanced SIMD scalar three same, extra */
	{ 0xffe0f400, 0x7e408400, A64_SLOT, "sqrdmlsh" },
	{ 0xffe0f400, 0x7e808400, A64_SLOT, "sqrdmlah" },

	/* Advanced SIMD scalar two-register */
	{ 0xdf3fbc00, 0x5e203800, A64_SLOT, "sqabs ..." },
	{ 0xdfbf7c00, 0x5e214800, A64_SLOT, "sqxtn ..." },
	{ 0xdf7ffc00, 0x5e214800, A64_SLOT, "sqxtn, uqxtn" },
	{ 0xdf3fec00, 0x5e21a800, A64_SLOT, "fcvtzu ..." },
	{ 0xdf3ffc00, 0x5e21d800, A64_SLOT, "ucvtf ..." },
	{ 0xdfbfec00, 0x5ea0c800, A64_SLOT, "fcmgt ..." },
	{ 0xffbfdc00, 0x5ea0c800, A64_SLOT, "fcmlt, fcmgt" },
	{ 0xffbfdc00, 0x5ea1d800, A64_SLOT, "frecpe, frecpx" },
	{ 0xdfffac00, 0x5ee08800, A64_SLOT, "cmge ..." },
	{ 0xffffcc00, 0x5ee08800, A64_SLOT, "cmgt ..." },
	{ 0xdfffdc00, 0x5ee09800, A64_SLOT, "abs ..." },
	{ 0xffbf7c00, 0x7e212800, A64_SLOT, "fcvtnu, sqxtun" },
	{ 0xff7f7c00, 0x7e212800, A64_SLOT, "sqxtun ..." },
	{ 0xffffdc00, 0x7e614800, A64_SLOT, "fcvtxn, uqxtn" },

	/* Advanced SIMD scalar pairwise */
	{ 0xdf7ffc00, 0x5e30c800, A64_SLOT, "fmaxnmp" },
	{ 0xdfffec00, 0x5e30c800, A64_SLOT, "faddp, fmaxnmp" },
	{ 0xdf7ffc00, 0x5e30f800, A64_SLOT, "fminp, fmaxp" },
	{ 0xfffffc00, 0x5ef1b800, A64_SLOT, "addp" },
	{ 0xffbfec00, 0x7e30c800, A64_SLOT, "fmaxnmp, faddp" },
	{ 0xff3ffc00, 0x7e30c800, A64_SLOT, "fminnmp" },
	{ 0xff3ffc00, 0x7e30f800, A64_SLOT, "fminp, fmaxp" },

	/* Advanced SIMD scalar three different */
	{ 0xffe0dc00, 0x5e609000, A64_SLOT, "sqdmlal" },
	{ 0xffe0bc00, 0x5e609000, A64_SLOT, "sqdmlal" },
	{ 0xffe0dc00, 0x5ea09000, A64_SLOT, "sqdmlal" },
	{ 0xffe0bc00, 0x5ea09000, A64_SLOT, "sqdmull" },

	/* Advanced SIMD scalar three same */
	{ 0xdf20dc00, 0x5e200c00, A64_SLOT, "sqsub ..." },
	{ 0xdf20ec00, 0x5e204c00, A64_SLOT, "sqrshl ..." },
	{ 0xffa0dc00, 0x5e20dc00, A64_SLOT, "fmulx, frecps" },
	{ 0xdfa0fc00, 0x5e20e400, A64_SLOT, "fcmeq, fcmge" },
	{ 0xff20fc00, 0x5e20fc00, A64_SLOT, "frecps" },
	{ 0xdfe0fc00, 0x5e60b400, A64_SLOT, "sqdmulh" },
	{ 0xdfe0fc00, 0x5ea0b400, A64_SLOT, "sqrdmulh" },
	{ 0xdfe0f400, 0x5ee03400, A64_SLOT, "cmhs ..." },
	{ 0xdfe0e400, 0x5ee04400, A64_SLOT, "urshl ..." },
	{ 0xdfe0f400, 0x5ee08400, A64_SLOT, "add ..." },
	{ 0xff20f400, 0x7e20e400, A64_SLOT, "fcmgt ..." },
	{ 0xffa0fc00, 0x7ea0d400, A64_SLOT, "fabd" },

	/* Advanced SIMD scalar shift by immediate */
	{ 0xdf88fc00, 0x5f087400, A64_SLOT, "sqshl, uqshl" },
	{ 0xdfc8f400, 0x5f089400, A64_SLOT, "sqrshrn ..." },
	{ 0xdf90fc00, 0x5f107400, A64_SLOT, "sqshl, uqshl" },
	{ 0xdfd0f400, 0x5f109400, A64_SLOT, "sqrshrn ..." },
	{ 0xdf90fc00, 0x5f10e400, A64_SLOT, "ucvtf, scvtf" },
	{ 0xdf90fc00, 0x5f10fc00, A64_SLOT, "fcvtzs, fcvtzu" },
	{ 0xdfa0fc00, 0x5f207400, A64_SLOT, "sqshl, uqshl" },
	{ 0xdfe0f400, 0x5f209400, A64_SLOT, "sqrshrn ..." },
	{ 0xdfa0fc00, 0x5f20e400, A64_SLOT, "ucvtf, scvtf" },
	{ 0xdfa0fc00, 0x5f20fc00, A64_SLOT, "fcvtzu, fcvtzs" },
	{ 0xdfc0cc00, 0x5f400400, A64_SLOT, "srshr ..." },
	{ 0xdfc09c00, 0x5f401400, A64_SLOT, "sqshl ..." },
	{ 0xdfc0fc00, 0x5f40e400, A64_SLOT, "ucvtf, scvtf" },
	{ 0xdfc0fc00, 0x5f40fc00, A64_SLOT, "fcvtzu, fcvtzs" },
	{ 0xff88ec00, 0x7f086400, A64_SLOT, "sqshlu, uqshl" },
	{ 0xffc8e400, 0x7f088400, A64_SLOT, "sqshrun ..." },
	{ 0xff90ec00, 0x7f106400, A64_SLOT, "uqshl, sqshlu" },
	{ 0xffd0e400, 0x7f108400, A64_SLOT, "sqshrun ..." },
	{ 0xffa0ec00, 0x7f206400, A64_SLOT, "sqshlu, uqshl" },
	{ 0xffe0e400, 0x7f208400, A64_SLOT, "sqrshrun ..." },
	{ 0xffc08c00, 0x7f400400, A64_SLOT, "usra ..." },

	/* Advanced SIMD scalar by element */
	{ 0xff40b400, 0x5f001000, A64_SLOT, "fmls, fmla" },
	{ 0xdf40f400, 0x5f009000, A64_SLOT, "fmul, fmulx" },
	{ 0xffc0b400, 0x5f403000, A64_SLOT, "sqdmlsl" },
	{ 0xffc07400, 0x5f403000, A64_SLOT, "sqdmlal" },
	{ 0xffc0e400, 0x5f40c000, A64_SLOT, "sqrdmulh" },
	{ 0xffc09400, 0x5f801000, A64_SLOT, "fmls ..." },
	{ 0xffc05400, 0x5f801000, A64_SLOT, "sqdmull ..." },
	{ 0xffa0b400, 0x5f801000, A64_SLOT, "fmla, fmls" },
	{ 0xdfa0f400, 0x5f809000, A64_SLOT, "fmulx, fmul" },
	{ 0xffc0e400, 0x5f80c000, A64_SLOT, "sqrdmulh" },
	{ 0xffc0d400, 0x7f40d000, A64_SLOT, "sqrdmlah" },
	{ 0xffc0d400, 0x7f80d000, A64_SLOT, "sqrdmlsh" },

	/* Advanced SIMD table lookup */
	{ 0xbfe08c00, 0x0e000000, A64_SLOT, "tbx, tbl" },

	/* Advanced SIMD permute */
	{ 0xbf609c00, 0x0e001800, A64_SLOT, "zip1 ..." },
	{ 0xbfa09c00, 0x0e001800, A64_SLOT, "uzp1 ..." },
	{ 0xbfa0ac00, 0x0e002800, A64_SLOT, "trn1 ..." },
	{ 0xbf60ac00, 0x0e002800, A64_SLOT, "zip1 ..." },
	{ 0xff209c00, 0x4e001800, A64_SLOT, "zip2 ..." },
	{ 0xff20ac00, 0x4e002800, A64_SLOT, "trn2 ..." },

	/* Advanced SIMD extract */
	{ 0xbfe0c400, 0x2e000000, A64_SLOT, "ext" },
	{ 0xffe08400, 0x6e000000, A64_SLOT, "ext" },

	/* Advanced SIMD copy */
	{ 0xbfe1f400, 0x0e010400, A64_SLOT, "dup" },
	{ 0xbfe1dc00, 0x0e010c00, A64_SLOT, "dup, smov" },
	{ 0xffe1ec00, 0x0e012c00, A64_SLOT, "smov, umov" },
	{ 0xbfe2f400, 0x0e020400, A64_SLOT, "dup" },
	{ 0xffe2ec00, 0x0e022c00, A64_SLOT, "smov, umov" },
	{ 0xbfe4f400, 0x0e040400, A64_SLOT, "dup" },
	{ 0xffe4fc00, 0x0e043c00, A64_SLOT, "umov" },
	{ 0xdfe1ec00, 0x4e010c00, A64_SLOT, "ins, dup" },
	{ 0xdfe2ec00, 0x4e020c00, A64_SLOT, "ins, dup" },
	{ 0xdfe2dc00, 0x4e020c00, A64_SLOT, "ins ..." },
	{ 0xdfe4ec00, 0x4e040c00, A64_SLOT, "ins, dup" },
	{ 0xdfe4dc00, 0x4e040c00, A64_SLOT, "ins ..." },
	{ 0xdfe8f400, 0x4e080400, A64_SLOT, "ins, dup" },
	{ 0xdfefdc00, 0x4e081c00, A64_SLOT, "ins, umov" },
	{ 0xffe18400, 0x6e010400, A64_SLOT, "ins" },
	{ 0xffe28400, 0x6e020400, A64_SLOT, "ins" },
	{ 0xffe48400, 0x6e040400, A64_SLOT, "ins" },
	{ 0xffe88400, 0x6e080400, A64_SLOT, "ins" },

	/* Advanced SIMD three same, half precision */
	{ 0x9f60ec00, 0x0e400400, A64_SLOT, "fadd ..." },
	{ 0x9fe0cc00, 0x0e400400, A64_SLOT, "fmaxp ..." },
	{ 0xbf60f400, 0x0e400400, A64_SLOT, "fmaxnm ..." },
	{ 0x9fe0d400, 0x0e401400, A64_SLOT, "fmaxp ..." },
	{ 0xbf60f400, 0x0e403400, A64_SLOT, "frsqrts ..." },
	{ 0xbf60cc00, 0x2e400400, A64_SLOT, "fabd ..." },
	{ 0xbf60f400, 0x2e402400, A64_SLOT, "facgt ..." },

	/* Advanced SIMD two-register, half precision */
	{ 0xbf7fcc00, 0x0e798800, A64_SLOT, "fcvtzs ..." },
	{ 0x9fffac00, 0x0e798800, A64_SLOT, "frintn ..." },
	{ 0x9f7fbc00, 0x0e799800, A64_SLOT, "frintz ..." },
	{ 0x9f7fec00, 0x0e79a800, A64_SLOT, "fcvtmu ..." },
	{ 0xbfffcc00, 0x0ef8c800, A64_SLOT, "fabs ..." },
	{ 0x9fffec00, 0x0ef8c800, A64_SLOT, "fcmle ..." },
	{ 0xbffedc00, 0x2ef8d800, A64_SLOT, "fcmle ..." },

	/* Advanced SIMD three same, extra */
	{ 0xbfe0f400, 0x0e809400, A64_SLOT, "usdot, sdot" },
	{ 0xbfe0b400, 0x2e408400, A64_SLOT, "fcmla ..." },
	{ 0xbfe0e400, 0x2e40c400, A64_SLOT, "fcmla" },
	{ 0xbfe0cc00, 0x2e40c400, A64_SLOT, "fcmla, fcadd" },
	{ 0xbf60fc00, 0x2e40fc00, A64_SLOT, "bfdot ..." },
	{ 0xbfe0ac00, 0x2e808400, A64_SLOT, "fcmla ..." },
	{ 0xbfe0b400, 0x2e808400, A64_SLOT, "fcmla ..." },
	{ 0xbfe0cc00, 0x2e80c400, A64_SLOT, "fcadd, fcmla" },
	{ 0xbfe0e400, 0x2e80c400, A64_SLOT, "fcmla" },
	{ 0xffe0f400, 0x4e80a400, A64_SLOT, "usmmla, smmla" },
	{ 0xffe0c400, 0x6e40c400, A64_SLOT, "fcmla ..." },
	{ 0xffe09c00, 0x6e808400, A64_SLOT, "fcadd ..." },
	{ 0xffa0e400, 0x6e80c400, A64_SLOT, "fcmla" },
	{ 0xffa0cc00, 0x6e80c400, A64_SLOT, "fcadd, fcmla" },

	/* Advanced SIMD two-register */
	{ 0x9fbf9c00, 0x0e200800, A64_SLOT, "sadalp ..." },
	{ 0xbfff8c00, 0x0e200800, A64_SLOT, "sadalp ..." },
	{ 0xbfbebc00, 0x0e202800, A64_SLOT, "sadalp ..." },
	{ 0x9fbfac00, 0x0e202800, A64_SLOT, "sqneg ..." },
	{ 0x9f7efc00, 0x0e202800, A64_SLOT, "saddlp ..." },
	{ 0x9f7fac00, 0x0e202800, A64_SLOT, "usqadd ..." },
	{ 0xbf7edc00, 0x0e204800, A64_SLOT, "cls ..." },
	{ 0x9f7fdc00, 0x0e204800, A64_SLOT, "clz ..." },
	{ 0xbfbeec00, 0x0e206800, A64_SLOT, "sqabs ..." },
	{ 0x9fbfec00, 0x0e208800, A64_SLOT, "cmeq ..." },
	{ 0xbfbfcc00, 0x0e208800, A64_SLOT, "cmlt ..." },
	{ 0xbf7ecc00, 0x0e208800, A64_SLOT, "cmgt ..." },
	{ 0x9fbfdc00, 0x0e209800, A64_SLOT, "cmle ..." },
	{ 0x9f7f7c00, 0x0e214800, A64_SLOT, "sqxtn ..." },
	{ 0x9fff8c00, 0x0e218800, A64_SLOT, "fcvtas ..." },
	{ 0x9ffedc00, 0x0e604800, A64_SLOT, "cls ..." },
	{ 0xbfff1c00, 0x0ea00800, A64_SLOT, "cls ..." },
	{ 0xbfff2c00, 0x0ea02800, A64_SLOT, "sqabs ..." },
	{ 0xbffeac00, 0x0ea08800, A64_SLOT, "frintz ..." },
	{ 0x9fffac00, 0x0ea08800, A64_SLOT, "cmgt ..." },
	{ 0xbfbeec00, 0x2e202800, A64_SLOT, "uaddlp ..." },
	{ 0xbfbfcc00, 0x2e204800, A64_SLOT, "sqneg ..." },
	{ 0xbf7f6c00, 0x2e212800, A64_SLOT, "sqxtun ..." },
	{ 0xbffe9c00, 0x2ea09800, A64_SLOT, "fsqrt ..." },
	{ 0xff3ecc00, 0x4e208800, A64_SLOT, "abs ..." },
	{ 0xdfbf8c00, 0x4e218800, A64_SLOT, "frintx ..." },
	{ 0xdf3fec00, 0x4e21a800, A64_SLOT, "fcvtns ..." },
	{ 0xdfbf3c00, 0x4ea03800, A64_SLOT, "fneg ..." },
	{ 0xffbf8c00, 0x4ea08800, A64_SLOT, "cmeq ..." },
	{ 0xdfbfac00, 0x4ea08800, A64_SLOT, "cmeq ..." },
	{ 0xdfbebc00, 0x4ea09800, A64_SLOT, "frecpe ..." },
	{ 0xffbe9c00, 0x6ea09800, A64_SLOT, "fneg ..." },

	/* Advanced SIMD across lanes */
	{ 0x9fbffc00, 0x0e303800, A64_SLOT, "saddlv, uaddlv" },
	{ 0x9fbefc00, 0x0e30a800, A64_SLOT, "smaxv ..." },
	{ 0xbf7ffc00, 0x0e30c800, A64_SLOT, "fmaxnmv" },
	{ 0xbf7ffc00, 0x0e30f800, A64_SLOT, "fminv, fmaxv" },
	{ 0xbfbfec00, 0x0e31a800, A64_SLOT, "sminv, addv" },
	{ 0xdf7ffc00, 0x4e303800, A64_SLOT, "saddlv, uaddlv" },
	{ 0xdf7efc00, 0x4e30a800, A64_SLOT, "umaxv ..." },
	{ 0xdf7ffc00, 0x4e30c800, A64_SLOT, "fminnmv" },
	{ 0xdf7ffc00, 0x4e30f800, A64_SLOT, "fmaxv, fminv" },
	{ 0xff7fec00, 0x4e31a800, A64_SLOT, "sminv, addv" },

	/* Advanced SIMD three different */
	{ 0x9fa08c00, 0x0e200000, A64_SLOT, "subhn2 ..." },
	{ 0x9f608c00, 0x0e200000, A64_SLOT, "addhn ..." },
	{ 0x9fa05c00, 0x0e200000, A64_SLOT, "smlsl ..." },
	{ 0x9f603c00, 0x0e200000, A64_SLOT, "umlal ..." },
	{ 0x9fa03c00, 0x0e200000, A64_SLOT, "raddhn2 ..." },
	{ 0x9f605c00, 0x0e200000, A64_SLOT, "umlsl ..." },
	{ 0xbfe01c00, 0x0e200000, A64_SLOT, "smlsl ..." },
	{ 0xbfe04c00, 0x0e600000, A64_SLOT, "smlal2 ..." },
	{ 0xbfe02c00, 0x0e600000, A64_SLOT, "smlal ..." },
	{ 0xbfe02c00, 0x0ea00000, A64_SLOT, "sqdmull ..." },
	{ 0xbfe04c00, 0x0ea00000, A64_SLOT, "ssubw ..." },
	{ 0xbfe0fc00, 0x0ee0e000, A64_SLOT, "pmull2, pmull" },

	/* Advanced SIMD three same */
	{ 0x9fa08400, 0x0e200400, A64_SLOT, "uqrshl ..." },
	{ 0x9fa05400, 0x0e200400, A64_SLOT, "sqsub ..." },
	{ 0x9f602c00, 0x0e200400, A64_SLOT, "add ..." },
	{ 0x9fe02400, 0x0e200400, A64_SLOT, "mla ..." },
	{ 0x9f608400, 0x0e200400, A64_SLOT, "sabd ..." },
	{ 0x9f601c00, 0x0e200c00, A64_SLOT, "uminp ..." },
	{ 0x9f20fc00, 0x0e201c00, A64_SLOT, "bsl ..." },
	{ 0xbf602c00, 0x0e202c00, A64_SLOT, "sminp ..." },
	{ 0x9fe04400, 0x0e204400, A64_SLOT, "ushl ..." },
	{ 0x9f605c00, 0x0e205400, A64_SLOT, "uabd ..." },
	{ 0xbfe04400, 0x0e600400, A64_SLOT, "add ..." },
	{ 0x9fe04c00, 0x0e600400, A64_SLOT, "add ..." },
	{ 0xbfe04400, 0x0ea00400, A64_SLOT, "shsub ..." },
	{ 0xbfe00c00, 0x2ea00400, A64_SLOT, "fcmgt ..." },
	{ 0xdf20cc00, 0x4e200c00, A64_SLOT, "cmhs ..." },
	{ 0xdf20f400, 0x4e203400, A64_SLOT, "cmgt ..." },
	{ 0xdf20e400, 0x4e204400, A64_SLOT, "uqrshl ..." },
	{ 0xdf206c00, 0x4e204400, A64_SLOT, "sshl ..." },
	{ 0xdfa05400, 0x4e205400, A64_SLOT, "saba ..." },
	{ 0xff20b400, 0x4e208400, A64_SLOT, "cmtst ..." },
	{ 0xdf20f400, 0x4e208400, A64_SLOT, "cmeq ..." },
	{ 0xff20bc00, 0x4e20bc00, A64_SLOT, "addp ..." },
	{ 0xdf20dc00, 0x4e20d400, A64_SLOT, "faddp ..." },
	{ 0xdfe00c00, 0x4e600400, A64_SLOT, "sabd ..." },
	{ 0xff20f400, 0x6e20e400, A64_SLOT, "fcmge ..." },

	/* Advanced SIMD modified immediate */
	{ 0x9ff88c00, 0x0f000400, A64_SLOT, "movi ..." },
	{ 0x9ff82c00, 0x0f000400, A64_SLOT, "mvni ..." },
	{ 0x9ff84c00, 0x0f000400, A64_SLOT, "orr ..." },
	{ 0x9ff81c00, 0x0f000400, A64_SLOT, "movi, mvni" },
	{ 0xbff8f400, 0x0f00f400, A64_SLOT, "fmov" },
	{ 0xdff80c00, 0x4f000400, A64_SLOT, "movi ..." },

	/* Advanced SIMD shift by immediate */
	{ 0x9fc05c00, 0x0f000400, A64_SLOT, "urshr ..." },
	{ 0x9fc09c00, 0x0f001400, A64_SLOT, "usra ..." },
	{ 0x9fc8e400, 0x0f088400, A64_SLOT, "shrn2 ..." },
	{ 0x9fd0e400, 0x0f108400, A64_SLOT, "uqshrn ..." },
	{ 0x9fd0bc00, 0x0f10a400, A64_SLOT, "scvtf ..." },
	{ 0x9fd0fc00, 0x0f10fc00, A64_SLOT, "fcvtzs, fcvtzu" },
	{ 0x9fe0e400, 0x0f208400, A64_SLOT, "shrn ..." },
	{ 0x9fe0bc00, 0x0f20a400, A64_SLOT, "ucvtf ..." },
	{ 0x9fe0fc00, 0x0f20fc00, A64_SLOT, "fcvtzu, fcvtzs" },
	{ 0xbfc08c00, 0x2f000400, A64_SLOT, "sli ..." },
	{ 0xdf80cc00, 0x4f000400, A64_SLOT, "usra ..." },
	{ 0xdf809c00, 0x4f001400, A64_SLOT, "sli ..." },
	{ 0xdfc0fc00, 0x4f40e400, A64_SLOT, "ucvtf, scvtf" },
	{ 0xdfc0fc00, 0x4f40fc00, A64_SLOT, "fcvtzu, fcvtzs" },
	{ 0xff808c00, 0x6f000400, A64_SLOT, "sqshlu ..." },

	/* Advanced SIMD by element */
	{ 0xbf40b400, 0x0f001000, A64_SLOT, "fmla, fmls" },
	{ 0x9f40f400, 0x0f009000, A64_SLOT, "fmul, fmulx" },
	{ 0xbf00f400, 0x0f00f000, A64_SLOT, "bfdot ..." },
	{ 0xbfc0a400, 0x0f402000, A64_SLOT, "sqdmlal2 ..." },
	{ 0x9fc07400, 0x0f402000, A64_SLOT, "smlal ..." },
	{ 0xbfc06400, 0x0f402000, A64_SLOT, "sqdmlal ..." },
	{ 0xbfc0d400, 0x0f408000, A64_SLOT, "mul ..." },
	{ 0xbfc0e400, 0x0f40c000, A64_SLOT, "sqrdmulh" },
	{ 0x9fc0d400, 0x0f40d000, A64_SLOT, "sqrdmlah ..." },
	{ 0xbfc00400, 0x0f800000, A64_SLOT, "fmlsl ..." },
	{ 0x9fc01400, 0x0f800000, A64_SLOT, "fmlsl2 ..." },
	{ 0x9fc0c400, 0x0f80c000, A64_SLOT, "fmlsl2 ..." },
	{ 0xbfc09400, 0x2f400000, A64_SLOT, "mla ..." },
	{ 0xbfc08c00, 0x2f400000, A64_SLOT, "fcmla ..." },
	{ 0xdfe08400, 0x4f800000, A64_SLOT, "fcmla ..." },
	{ 0xffa0b400, 0x4f801000, A64_SLOT, "fmls, fmla" },
	{ 0xdfa0f400, 0x4f809000, A64_SLOT, "fmul, fmulx" },
	{ 0xffc08400, 0x6f400000, A64_SLOT, "fcmla ..." },

	/* Cryptographic three-register, with a lane */
	{ 0xffe0c000, 0xce408000, A64_SLOT, "sm3tt2a ..." },

	/* Cryptographic three-register SHA 512 */
	{ 0xffe0b800, 0xce608000, A64_SLOT, "sm3partw2 ..." },
	{ 0xffe0b400, 0xce608000, A64_SLOT, "sm4ekey ..." },
	{ 0xffe0f000, 0xce608000, A64_SLOT, "sha512h2 ..." },

	/* Cryptographic four-register */
	{ 0xffa08000, 0xce000000, A64_SLOT, "eor3, sm3ss1" },
	{ 0xffc08000, 0xce000000, A64_SLOT, "eor3, bcax" },

	/* Cryptographic exclusive or and rotate */
	{ 0xffe00000, 0xce800000, A64_SLOT, "xar" },

	/* Cryptographic two-register SHA 512 */
	{ 0xfffff800, 0xcec08000, A64_SLOT, "sha512su0" },

	/* To and from fixed point */
	{ 0x7fbe8000, 0x1e028000, A64_SLOT, "ucvtf, scvtf" },
	{ 0x7fbe8000, 0x1e188000, A64_SLOT, "fcvtzs, fcvtzu" },
	{ 0x7f7e8000, 0x1e428000, A64_SLOT, "scvtf, ucvtf" },
	{ 0x7f7e8000, 0x1e588000, A64_SLOT, "fcvtzs, fcvtzu" },
	{ 0xffbe0000, 0x9e020000, A64_SLOT, "ucvtf, scvtf" },
	{ 0xffbe0000, 0x9e180000, A64_SLOT, "fcvtzu, fcvtzs" },
	{ 0xff7e0000, 0x9e420000, A64_SLOT, "ucvtf, scvtf" },
	{ 0xff7e0000, 0x9e580000, A64_SLOT, "fcvtzu, fcvtzs" },

	/* To and from integers */
	{ 0x7fa6fc00, 0x1e200000, A64_SLOT, "fcvtmu ..." },
	{ 0x7fbcfc00, 0x1e200000, A64_SLOT, "ucvtf ..." },
	{ 0x7fbafc00, 0x1e200000, A64_SLOT, "fcvtas ..." },
	{ 0xfff8fc00, 0x1e200000, A64_SLOT, "fmov ..." },
	{ 0x7f66fc00, 0x1e600000, A64_SLOT, "fcvtnu ..." },
	{ 0xfffffc00, 0x1e7e0000, A64_SLOT, "fjcvtzs" },
	{ 0x7ff8fc00, 0x1ee00000, A64_SLOT, "fmov ..." },
	{ 0xff78fc00, 0x9e600000, A64_SLOT, "fmov ..." },
	{ 0xfffefc00, 0x9eae0000, A64_SLOT, "fmov" },

	/* Floating point, one source */
	{ 0xffba7c00, 0x1e204000, A64_SLOT, "fabs ..." },
	{ 0xffb67c00, 0x1e204000, A64_SLOT, "fneg ..." },
	{ 0xfffcfc00, 0x1e20c000, A64_SLOT, "fcvt ..." },
	{ 0xffb9fc00, 0x1e21c000, A64_SLOT, "frintz ..." },
	{ 0xffbcfc00, 0x1e244000, A64_SLOT, "frintx ..." },
	{ 0xff7a7c00, 0x1e604000, A64_SLOT, "fabs ..." },
	{ 0xff79fc00, 0x1e604000, A64_SLOT, "frinta ..." },
	{ 0xfff97c00, 0x1e614000, A64_SLOT, "fneg ..." },
	{ 0xff7d7c00, 0x1e654000, A64_SLOT, "frintm ..." },
	{ 0xfffd7c00, 0x1ee04000, A64_SLOT, "fcvt ..." },

	/* Floating point compare */
	{ 0xffa0fc07, 0x1e202000, A64_SLOT, "fcmp, fcmpe" },
	{ 0xff60fc07, 0x1e602000, A64_SLOT, "fcmpe, fcmp" },

	/* Floating point immediate */
	{ 0xffa01fe0, 0x1e201000, A64_SLOT, "fmov" },
	{ 0xff601fe0, 0x1e601000, A64_SLOT, "fmov" },

	/* Floating point conditional compare */
	{ 0xffa00c00, 0x1e200400, A64_SLOT, "fccmpe, fccmp" },
	{ 0xff600c00, 0x1e600400, A64_SLOT, "fccmp, fccmpe" },

	/* Floating point, two sources */
	{ 0xffa08c00, 0x1e200800, A64_SLOT, "fadd ..." },
	{ 0xffa07c00, 0x1e200800, A64_SLOT, "fnmul, fmul" },
	{ 0xff608c00, 0x1e600800, A64_SLOT, "fmax ..." },
	{ 0xff607c00, 0x1e600800, A64_SLOT, "fnmul, fmul" },

	/* Floating point conditional select */
	{ 0xffa00c00, 0x1e200c00, A64_SLOT, "fcsel" },
	{ 0xff600c00, 0x1e600c00, A64_SLOT, "fcsel" },

	/* Floating point, three sources */
	{ 0xff800000, 0x1f000000, A64_SLOT, "fnmsub ..." },
	{ 0xff400000, 0x1f400000, A64_SLOT, "fmadd ..." },
};
/* clang-format on */

struct a64_table a64_vector_table(void)
{
	return A64_TABLE(rules);
}
