/* SPDX-License-Identifier: MIT */
/*
 * tables.h - how the opcode tables are laid out
 *
 * A row says which encodings of one opcode, or of a run of opcodes, exist, what
 * follows the opcode, and what the instruction does to flags and flow.  Rows of
 * a map are in ascending order of opcode; rows of one opcode stand together and
 * have the same bounds.  The first one that fits counts, and if none does the
 * bytes are not an instruction.
 */
#ifndef X86_TABLES_H
#define X86_TABLES_H

#include "insn.h"

/* clang-format off */

/* Mandatory prefix: the last of F2 and F3, else 66, else none (SDM 2.1.2). */
#define NP      0x01
#define P66     0x02
#define PF3     0x04
#define PF2     0x08
#define PANY    0x0f

/* Vector length, VEX.L or EVEX.L'L. */
#define L0      0x10
#define L1      0x20
#define L2      0x40
#define LIG     0x70	/* ignored, but 3 is reserved */
#define L01     0x30
#define L12     0x60

/* W bit, and the two forms of ModRM. */
#define W0      0x01
#define W1      0x02
#define WIG     0x03
#define MEM     0x04
#define REG     0x08
#define RM      0x0c
#define NOMODRM 0x10	/* none follows */
#define MODIG   0x20	/* mod is ignored: always a register (mov %cr0) */

/* What follows ModRM, SIB and displacement. */
enum imm {
	I0,		/* nothing */
	IB,		/* 8 bits */
	IW,		/* 16 */
	IZ,		/* 32, or 16 with a 66 prefix and no REX.W */
	IV,		/* 64 with REX.W, else as IZ */
	IWB,		/* 16 and 8: enter */
	IBB,		/* 8 and 8: extrq, insertq */
	ID,		/* 32 */
	IMO,		/* an address: 64, or 32 with a 67 prefix */
	JB,		/* a branch displacement, 8 bits */
	JZ,		/* 32 bits, whatever the prefixes (as on Intel) */
	JX,		/* xbegin: as IZ */
};

/* What happens to the flags: index of x86_effects[]. */
enum fl {
	F_NONE,		/* neither read nor changed */
	F_SET,		/* all status flags are set */
	F_ADC,		/* reads CF, sets all */
	F_INC,		/* sets all but CF */
	F_CC,		/* reads what the condition in the opcode needs */
	F_CHG,		/* may change all, sets none for certain */
	F_SHIMM,	/* shift by an immediate: nothing if it is 0 */
	F_ROL,		/* rotate by 1: CF and OF */
	F_RCL,		/* the same through CF */
	F_ROLN,		/* rotate by a count that may be 0 */
	F_RCLN,		/* the same through CF */
	F_MUL,		/* CF and OF; the others become undefined */
	F_ZF,		/* ZF */
	F_BSF,		/* ZF; the others become undefined */
	F_CF,		/* CF; others may become undefined */
	F_ADCX,		/* reads and sets CF */
	F_ADOX,		/* reads and sets OF */
	F_ZPC,		/* ZF, PF, CF */
	F_RZPC,		/* reads those */
	F_RZF,		/* reads ZF */
	F_STR,		/* reads DF */
	F_SCAN,		/* reads DF, sets all, unless repeated 0 times */
	F_LAHF,		/* reads SF, ZF, AF, PF, CF */
	F_SAHF,		/* sets those */
	F_CMC,		/* reads and sets CF */
	F_DF,		/* sets DF */
	F_PUSHF,	/* reads all, DF too */
	F_POPF,		/* sets all, DF too */
	F_BEXTR,	/* CF, ZF, OF; the others become undefined */
	F_BLS,		/* CF, ZF, SF, OF; PF becomes undefined */
	F_ALL,		/* unknown: may read all and change all */
	NR_EFFECTS,
};

/* Further bits of a row. */
#define R_LOCK    (1u << 0)	/* a lock prefix is legal with memory */
#define R_STK     (1u << 1)	/* uses rsp without naming it */
#define R_OPREG   (1u << 2)	/* a register in the opcode's low bits */
#define R_PRIV    (1u << 3)	/* X86_A_PRIV */
#define R_STR     (1u << 4)	/* X86_A_STRING */
#define R_FIP     (1u << 5)	/* X86_A_FIP_SET */
#define R_GETFIP  (1u << 6)	/* X86_A_FIP_GET */
#define R_NOP     (1u << 7)	/* X86_A_NOP */
#define R_NORIP   (1u << 8)	/* no rip-relative memory operand */
#define R_CREG    (1u << 9)	/* ModRM.reg with REX.R: only cr8 exists */
#define R_NOR     (1u << 10)	/* ModRM.reg takes no REX.R */
#define R_V       (1u << 11)	/* vvvv names an operand (else 1111) */
#define R_K       (1u << 12)	/* ModRM.reg is one of 8: no R, no R' */
#define R_VK      (1u << 13)	/* so is vvvv */
#define R_G       (1u << 14)	/* ModRM.reg is a general register: no R' */
#define R_M       (1u << 15)	/* EVEX: opmask allowed */
#define R_Z       (1u << 16)	/* EVEX: zeroing too */
#define R_ZR      (1u << 17)	/* EVEX: zeroing too, if no memory operand */
#define R_MM      (1u << 18)	/* EVEX: opmask required */
#define R_B       (1u << 19)	/* EVEX.b: broadcast from memory */
#define R_ER      (1u << 20)	/* EVEX.b: rounding or sae with registers */
#define R_VSIB    (1u << 21)	/* SIB with a vector index */
#define R_DIFF    (1u << 22)	/* gather: destination, index, mask differ */
#define R_SIB     (1u << 23)	/* AMX: SIB required */
#define R_TMM3    (1u << 24)	/* AMX: three different tiles */
#define R_RMK     (1u << 25)	/* ModRM.rm in register form: no B */
#define R_DIST    (1u << 26)	/* destination differs from both sources */

struct x86_row {
	uint8_t lo;
	uint8_t hi;
	uint8_t pp_l;	/* allowed prefixes, allowed lengths */
	uint8_t w_mod;	/* allowed W, forms, NOMODRM, MODIG */
	uint8_t regs;	/* allowed values of ModRM.reg, a bit each */
	uint8_t rms;	/* of ModRM.rm, in the register form */
	uint8_t imm;	/* enum imm */
	uint8_t kind;	/* enum x86_kind */
	uint32_t fl : 5; /* enum fl */
	uint32_t bits : 27;
};

struct x86_effect {
	uint16_t read;
	uint16_t set;
	uint16_t changed;
};
/* clang-format on */

struct x86_map {
	const struct x86_row *rows;
	unsigned int nr;
};

extern const struct x86_effect x86_effects[NR_EFFECTS];

/* The bytes that end 3DNow! instructions. */
extern const uint8_t x86_3dnow[24];

/*
 * The rows of a map; none if there is no such map.  By value, as a table of
 * pointers would need relocating.
 */
struct x86_map x86_legacy_map(unsigned int map);
struct x86_map x86_vex_map(unsigned int map);
struct x86_map x86_evex_map(unsigned int map);
struct x86_map x86_xop_map(unsigned int map);

#endif
