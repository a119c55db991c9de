/* SPDX-License-Identifier: MIT */
/*
 * decode.c - from bytes to struct x86_insn
 *
 *     [legacy prefixes] [REX] [0F [38 | 3A]] opcode [ModRM [SIB] [disp]] [imm]
 *     [segment, 67]     VEX, EVEX or XOP     opcode  ModRM [SIB] [disp]  [imm]
 *
 * SDM vol. 2, chapter 2 (formats), appendix A (opcode maps).  The steps are in
 * the order of the bytes: prefixes, opcode, ModRM; then the tables say whether
 * that exists and what follows; then the rest is taken and explained.
 *
 * Everything is read through take(), which ends at the 15th byte or where the
 * caller's bytes end, whichever comes first.
 */
#include "tables.h"

struct decoder {
	struct x86_insn *in;
	const uint8_t *code;
	unsigned int limit;
	unsigned int pos;
	bool bad; /* ran out of bytes */

	uint8_t rep;  /* last of F2 and F3, or 0 */
	uint8_t pp;   /* bit of enum tables.h: NP, P66, PF3, PF2 */
	uint8_t l;    /* L0, L1, L2, or 0x80 for the reserved value 3 */
	uint8_t w;    /* 0 or 1 */
	uint8_t vvvv; /* not inverted; bit 4 is EVEX.V' */
	uint8_t r, x, b, r2;
	bool evex_z, evex_b;
	uint8_t evex_aaa;

	const struct x86_row *row;
};

static uint8_t take(struct decoder *d)
{
	if (d->pos >= d->limit) {
		d->bad = true;
		return 0;
	}
	return d->code[d->pos++];
}

static uint8_t peek(const struct decoder *d, unsigned int ahead)
{
	return d->pos + ahead < d->limit ? d->code[d->pos + ahead] : 0;
}

/* The bit of enum x86_prefix for a legacy prefix byte, 0 if it is none. */
static uint16_t prefix_bit(uint8_t byte)
{
	switch (byte) {
	case 0x26:
		return X86_P_ES;
	case 0x2e:
		return X86_P_CS;
	case 0x36:
		return X86_P_SS;
	case 0x3e:
		return X86_P_DS;
	case 0x64:
		return X86_P_FS;
	case 0x65:
		return X86_P_GS;
	case 0x66:
		return X86_P_66;
	case 0x67:
		return X86_P_67;
	case 0xf0:
		return X86_P_F0;
	case 0xf2:
		return X86_P_F2;
	case 0xf3:
		return X86_P_F3;
	}
	return 0;
}

/* SDM vol. 2, 2.1.1 and 2.2.1: a REX counts only right before the opcode. */
static void take_prefixes(struct decoder *d)
{
	for (;; d->pos++) {
		uint8_t byte = peek(d, 0);
		uint16_t bit = prefix_bit(byte);

		if (d->pos >= d->limit)
			return;
		if ((byte & 0xf0) == 0x40) {
			d->in->rex = byte;
			continue;
		}
		if (!bit)
			return;
		d->in->rex = 0;
		d->in->prefixes |= bit;
		if (bit & (X86_P_F2 | X86_P_F3))
			d->rep = byte;
	}
}

/* One-byte opcode, or one after 0F, 0F 38, 0F 3A. */
static void take_legacy_opcode(struct decoder *d)
{
	struct x86_insn *in = d->in;

	if (in->rex) {
		in->prefixes |= X86_P_REX;
		d->w = in->rex >> 3 & 1;
		d->r = in->rex >> 2 & 1;
		d->x = in->rex >> 1 & 1;
		d->b = in->rex & 1;
	}
	d->l = L0;
	d->pp = d->rep == 0xf3		  ? PF3
		: d->rep == 0xf2	  ? PF2
		: in->prefixes & X86_P_66 ? P66
					  : NP;
	in->enc = X86_LEGACY;
	in->opcode_off = d->pos;
	in->opcode = take(d);
	if (in->opcode != 0x0f)
		return;
	in->map = 1;
	in->opcode_off = d->pos;
	in->opcode = take(d);
	if (in->opcode == 0x0f) {
		in->enc = X86_3DNOW;
	} else if (in->opcode == 0x38 || in->opcode == 0x3a) {
		in->map = in->opcode == 0x38 ? 2 : 3;
		in->opcode_off = d->pos;
		in->opcode = take(d);
	}
}

static void set_vex_byte2(struct decoder *d, uint8_t byte)
{
	d->vvvv = ~byte >> 3 & 15;
	d->l = byte & 4 ? L1 : L0;
	d->pp = 1 << (byte & 3);
}

/*
 * C5 RvvvvLpp; C4 and 8F RXBmmmmm WvvvvLpp (SDM vol. 2, 2.3.5; AMD64 manual
 * vol. 3, 1.2.6).
 */
static void take_vex_opcode(struct decoder *d)
{
	struct x86_insn *in = d->in;
	uint8_t first = take(d);
	uint8_t byte = take(d);

	in->enc = first == 0x8f ? X86_XOP : X86_VEX;
	d->r = !(byte & 0x80);
	in->map = 1;
	if (first != 0xc5) {
		d->x = !(byte & 0x40);
		d->b = !(byte & 0x20);
		in->map = byte & 31;
		byte = take(d);
		d->w = byte >> 7;
	}
	set_vex_byte2(d, byte);
	in->opcode_off = d->pos;
	in->opcode = take(d);
}

/* 62 RXBR'0mmm Wvvvv1pp zL'LbV'aaa (SDM vol. 2, 2.7.1).  False if reserved. */
static bool take_evex_opcode(struct decoder *d)
{
	struct x86_insn *in = d->in;
	uint8_t p0, p1, p2;

	take(d);
	p0 = take(d);
	p1 = take(d);
	p2 = take(d);
	in->enc = X86_EVEX;
	in->map = p0 & 7;
	d->r = !(p0 & 0x80);
	d->x = !(p0 & 0x40);
	d->b = !(p0 & 0x20);
	d->r2 = !(p0 & 0x10);
	d->w = p1 >> 7;
	set_vex_byte2(d, p1);
	d->vvvv |= !(p2 & 8) << 4;
	d->l = L0 << (p2 >> 5 & 3);
	d->evex_z = p2 & 0x80;
	d->evex_b = p2 & 0x10;
	d->evex_aaa = p2 & 7;
	in->opcode_off = d->pos;
	in->opcode = take(d);
	return !(p0 & 8) && (p1 & 4);
}

/* SDM vol. 2, 2.3.2 to 2.3.4: no 66, F2, F3, lock or REX before VEX. */
static bool take_opcode(struct decoder *d)
{
	const uint16_t none = X86_P_66 | X86_P_F2 | X86_P_F3 | X86_P_F0;
	uint8_t byte = peek(d, 0);
	bool xop = byte == 0x8f && (peek(d, 1) & 31) >= 8;

	if (byte != 0xc4 && byte != 0xc5 && byte != 0x62 && !xop) {
		take_legacy_opcode(d);
		return true;
	}
	if (d->in->rex || (d->in->prefixes & none))
		return false;
	if (byte == 0x62)
		return take_evex_opcode(d);
	take_vex_opcode(d);
	return true;
}

static struct x86_map map_of(const struct x86_insn *in)
{
	switch (in->enc) {
	case X86_VEX:
		return x86_vex_map(in->map);
	case X86_EVEX:
		return x86_evex_map(in->map);
	case X86_XOP:
		return x86_xop_map(in->map);
	}
	return x86_legacy_map(in->map);
}

static bool row_fits(const struct decoder *d, const struct x86_row *row)
{
	uint8_t modrm = d->in->modrm;
	bool reg = modrm >= 0xc0;
	bool any_l = reg && d->evex_b && (row->bits & R_ER);

	if (!(row->pp_l & d->pp) || !(row->w_mod & (d->w ? W1 : W0)))
		return false;
	if (!(row->pp_l & d->l) && !any_l)
		return false;
	if (row->w_mod & NOMODRM)
		return true;
	if (!(row->w_mod & (reg ? REG : MEM)))
		return false;
	if (!(row->regs & 1 << (modrm >> 3 & 7)))
		return false;
	return !reg || (row->rms & 1 << (modrm & 7));
}

/* Find the row, and take ModRM on the way.  NULL: there is none. */
static const struct x86_row *take_row(struct decoder *d)
{
	struct x86_map map = map_of(d->in);
	unsigned int lo = 0, hi = map.nr;
	uint8_t op = d->in->opcode;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (map.rows[mid].hi < op)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == map.nr || map.rows[lo].lo > op)
		return NULL;
	if (!(map.rows[lo].w_mod & NOMODRM)) {
		d->in->modrm_off = d->pos;
		d->in->modrm = take(d);
	}
	for (; lo < map.nr && map.rows[lo].lo <= op; lo++) {
		if (row_fits(d, &map.rows[lo]))
			return &map.rows[lo];
	}
	return NULL;
}

static int64_t take_signed(struct decoder *d, unsigned int size)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < size; i++)
		v |= (uint64_t)take(d) << 8 * i;
	switch (size) {
	case 1:
		return (int8_t)v;
	case 2:
		return (int16_t)v;
	case 4:
		return (int32_t)v;
	}
	return v;
}

static void take_sib(struct decoder *d)
{
	struct x86_insn *in = d->in;
	unsigned int index;

	in->sib_off = d->pos;
	in->sib = take(d);
	index = (in->sib >> 3 & 7) | d->x << 3;
	in->scale = 1 << (in->sib >> 6);
	if (d->row && (d->row->bits & R_VSIB))
		in->index = index | (d->vvvv & 16);
	else if (index != X86_REG_RSP)
		in->index = index;
	in->base = (in->sib & 7) | d->b << 3;
	if ((in->sib & 7) == 5 && in->modrm < 0x40) {
		in->base = X86_REG_NONE;
		in->disp_size = 4;
	}
}

/* SDM vol. 2, tables 2-2 and 2-3, 2.2.1.6 (rip-relative). */
static void take_memory(struct decoder *d)
{
	struct x86_insn *in = d->in;
	uint8_t mod = in->modrm >> 6;

	in->reg = (in->modrm >> 3 & 7) | d->r << 3 | d->r2 << 4;
	if (mod == 3 || (d->row && (d->row->w_mod & MODIG))) {
		in->rm = (in->modrm & 7) | d->b << 3;
		if (in->enc == X86_EVEX)
			in->rm |= d->x << 4;
		return;
	}
	in->attrs |= X86_A_MEM;
	if ((in->modrm & 7) == 4) {
		take_sib(d);
	} else if ((in->modrm & 7) == 5 && mod == 0) {
		in->base = X86_REG_RIP;
		in->disp_size = 4;
		in->attrs |= X86_A_RIPREL;
	} else {
		in->base = (in->modrm & 7) | d->b << 3;
	}
	if (mod)
		in->disp_size = mod == 1 ? 1 : 4;
	if (in->disp_size) {
		in->disp_off = d->pos;
		in->disp = take_signed(d, in->disp_size);
	}
}

static unsigned int imm_size(const struct decoder *d)
{
	bool half = (d->in->prefixes & X86_P_66) && !d->w;

	switch (d->row->imm) {
	case IB:
	case JB:
		return 1;
	case IW:
	case IBB:
		return 2;
	case IWB:
		return 3;
	case JZ:
	case ID:
		return 4;
	case IZ:
	case JX:
		return half ? 2 : 4;
	case IV:
		return d->w ? 8 : half ? 2 : 4;
	}
	return 0;
}

static void take_immediate(struct decoder *d)
{
	struct x86_insn *in = d->in;
	unsigned int size = imm_size(d);

	if (d->row->imm == IMO) {
		in->disp_size = in->prefixes & X86_P_67 ? 4 : 8;
		in->disp_off = d->pos;
		take_signed(d, in->disp_size);
	}
	if (!size)
		return;
	in->imm_off = d->pos;
	in->imm_size = size;
	if (d->row->imm == IBB || d->row->imm == IWB) {
		in->imm = take_signed(d, size - 1);
		take(d);
	} else {
		in->imm = take_signed(d, size);
	}
}

/* What ModRM.reg, vvvv and rm may be; SDM vol. 2, 2.3, 2.7, 2.8 (#UD rules). */
static bool registers_legal(const struct decoder *d)
{
	const struct x86_insn *in = d->in;
	uint32_t bits = d->row->bits;
	uint8_t v = bits & R_VSIB ? d->vvvv & 15 : d->vvvv;

	if (!(bits & R_V) && v)
		return false;
	if ((bits & R_VK) && (d->vvvv & 15) > 7)
		return false;
	if ((bits & R_K) && (d->r || d->r2))
		return false;
	if ((bits & R_G) && d->r2)
		return false;
	if ((bits & R_RMK) && in->modrm >= 0xc0 && d->b)
		return false;
	if ((bits & R_NOR) && d->r)
		return false;
	if ((bits & R_CREG) && d->r && (in->modrm >> 3 & 7))
		return false;
	if ((bits & R_TMM3) &&
	    (in->reg == in->rm || in->reg == d->vvvv || in->rm == d->vvvv))
		return false;
	if ((bits & R_DIST) &&
	    (in->reg == d->vvvv || (in->modrm >= 0xc0 && in->reg == in->rm)))
		return false;
	return true;
}

static bool memory_legal(const struct decoder *d)
{
	const struct x86_insn *in = d->in;
	uint32_t bits = d->row->bits;

	if ((bits & (R_VSIB | R_SIB)) && !in->sib_off)
		return false;
	if ((bits & R_NORIP) && (in->attrs & X86_A_RIPREL))
		return false;
	/* MPX takes no notice of 67; nobody writes it */
	if (in->enc == X86_LEGACY && (bits & R_NOR) && in->map == 1 &&
	    in->opcode < 0x20 && (in->prefixes & X86_P_67))
		return false;
	if ((bits & R_DIFF) && in->reg == in->index)
		return false;
	if ((bits & R_DIFF) && in->enc == X86_VEX &&
	    (in->reg == d->vvvv || in->index == d->vvvv))
		return false;
	return true;
}

static bool prefixes_legal(const struct decoder *d)
{
	uint32_t bits = d->row->bits;
	bool mem = d->in->attrs & X86_A_MEM;

	if ((d->in->prefixes & X86_P_F0) && !(mem && (bits & R_LOCK)))
		return false;
	if (d->in->enc != X86_EVEX)
		return true;
	if (d->evex_aaa ? !(bits & (R_M | R_MM)) : !!(bits & R_MM))
		return false;
	if (d->evex_z &&
	    !(d->evex_aaa && ((bits & R_Z) || ((bits & R_ZR) && !mem))))
		return false;
	return !d->evex_b || (bits & (mem ? R_B : R_ER));
}

static uint16_t condition_reads(unsigned int cond)
{
	static const uint16_t reads[8] = {
		X86_FL_OF,
		X86_FL_CF,
		X86_FL_ZF,
		X86_FL_CF | X86_FL_ZF,
		X86_FL_SF,
		X86_FL_PF,
		X86_FL_SF | X86_FL_OF,
		X86_FL_SF | X86_FL_OF | X86_FL_ZF,
	};

	return reads[cond >> 1 & 7];
}

/*
 * Shifts by an immediate: none by 0; OF is defined for 1 only, CF not beyond
 * the operand's size (SDM vol. 2, SAL and SHLD).
 */
static void explain_shift(struct decoder *d)
{
	struct x86_insn *in = d->in;
	unsigned int count = in->imm & (d->w ? 63 : 31);
	unsigned int size = in->prefixes & X86_P_66 && !d->w ? 16 : 32;

	if (in->map == 0 && !(in->opcode & 1))
		size = 8;
	if (!count)
		in->flags_changed = 0;
	else if (count < size)
		in->flags_set = X86_FL_STATUS & ~X86_FL_OF;
	else if (in->map == 0)
		in->flags_set = X86_FL_STATUS & ~(X86_FL_OF | X86_FL_CF);
}

static void explain_flags(struct decoder *d)
{
	const struct x86_effect *e = &x86_effects[d->row->fl];
	struct x86_insn *in = d->in;

	in->flags_read = e->read;
	in->flags_set = e->set;
	in->flags_changed = e->changed;
	if (d->row->fl == F_CC)
		in->flags_read = condition_reads(in->opcode & 15);
	if (d->row->fl == F_SHIMM)
		explain_shift(d);
	if (d->row->fl == F_SCAN && (in->attrs & X86_A_REP)) {
		in->flags_read |= X86_FL_ZF;
		in->flags_set = 0;
	}
}

/* On the safe side: number 4 may as well be a vector register or ah. */
static bool touches_rsp(const struct decoder *d)
{
	const struct x86_insn *in = d->in;

	if (d->row->bits & R_STK)
		return true;
	if ((d->row->bits & R_OPREG) && in->rm == X86_REG_RSP)
		return true;
	if (!in->modrm_off)
		return false;
	if ((in->reg & 15) == X86_REG_RSP && d->row->regs == 0xff)
		return true;
	if (in->enc != X86_LEGACY && d->vvvv == X86_REG_RSP)
		return true;
	if (in->attrs & X86_A_MEM)
		return in->base == X86_REG_RSP;
	return (in->rm & 15) == X86_REG_RSP;
}

static void explain_attrs(struct decoder *d)
{
	/* clang-format off */
	static const struct {
		uint32_t bit, attr;
	} same[] = {
		{ R_STR,	X86_A_STRING },
		{ R_PRIV,	X86_A_PRIV },
		{ R_FIP,	X86_A_FIP_SET },
		{ R_GETFIP,	X86_A_FIP_GET },
		{ R_NOP,	X86_A_NOP },
	};
	/* clang-format on */
	struct x86_insn *in = d->in;

	for (unsigned int i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (d->row->bits & same[i].bit)
			in->attrs |= same[i].attr;
	}
	if (in->prefixes & X86_P_F0)
		in->attrs |= X86_A_LOCK;
	if ((in->attrs & X86_A_STRING) && d->rep)
		in->attrs |= X86_A_REP;
	if (touches_rsp(d))
		in->attrs |= X86_A_RSP;
	if (d->row->fl == F_PUSHF)
		in->attrs |= X86_A_PUSHF;
	if (d->row->fl == F_POPF)
		in->attrs |= X86_A_POPF;
	/* F3 0F 1E FA and FB are endbr; 90 is xchg with REX.B, pause with F3 */
	if (in->map == 1 && in->opcode == 0x1e && d->pp == PF3 &&
	    (in->modrm & 0xfe) == 0xfa)
		in->attrs = (in->attrs & ~X86_A_NOP) | X86_A_ENDBR;
	if (in->map == 0 && (d->b || d->pp == PF3))
		in->attrs &= ~X86_A_NOP;
}

static void explain_flow(struct decoder *d)
{
	struct x86_insn *in = d->in;
	bool short_op = (in->prefixes & X86_P_66) && !d->w;

	in->kind = d->row->kind;
	switch (in->kind) {
	case X86_JCC:
		in->cond = in->opcode & 15;
		break;
	case X86_LOOP:
		in->cond = in->opcode & 3;
		break;
	case X86_JMP:
	case X86_JMP_IND:
	case X86_JMP_FAR:
	case X86_RET:
	case X86_RET_FAR:
	case X86_IRET:
	case X86_SYSRET:
	case X86_SYSENTER:
	case X86_UD:
		in->attrs |= X86_A_NOFALL;
		break;
	}
	if (d->row->imm == JB || d->row->imm == JZ || d->row->imm == JX)
		in->target = in->next + in->imm;
	if (short_op && (in->target || in->kind == X86_CALL_IND))
		in->attrs |= X86_A_VENDOR;
	if (in->attrs & X86_A_RIPREL) {
		in->mem_addr = in->next + in->disp;
		if (in->prefixes & X86_P_67)
			in->mem_addr = (uint32_t)in->mem_addr;
	}
}

/* 0F 0F ModRM … opcode (AMD64 manual vol. 3, A.1.2). */
static bool take_3dnow(struct decoder *d)
{
	struct x86_insn *in = d->in;

	if (in->prefixes & X86_P_F0)
		return false;
	in->modrm_off = d->pos;
	in->modrm = take(d);
	take_memory(d);
	in->imm_off = d->pos;
	in->imm_size = 1;
	in->opcode = take(d);
	in->next = in->addr + d->pos;
	if (in->attrs & X86_A_RIPREL)
		in->mem_addr = in->next + in->disp;
	if (in->prefixes & X86_P_67)
		in->mem_addr = (uint32_t)in->mem_addr;
	if (in->base == X86_REG_RSP)
		in->attrs |= X86_A_RSP;
	for (unsigned int i = 0; i < sizeof(x86_3dnow); i++) {
		if (x86_3dnow[i] == in->opcode)
			return true;
	}
	return false;
}

static bool take_rest(struct decoder *d)
{
	struct x86_insn *in = d->in;

	d->row = take_row(d);
	if (!d->row || d->bad)
		return false;
	if (in->modrm_off)
		take_memory(d);
	else if (d->row->bits & R_OPREG)
		in->rm = (in->opcode & 7) | d->b << 3;
	take_immediate(d);
	if (!prefixes_legal(d) || !registers_legal(d) || !memory_legal(d))
		return false;
	in->next = in->addr + d->pos;
	explain_attrs(d);
	explain_flags(d);
	explain_flow(d);
	return true;
}

int x86_decode(struct x86_insn *in, const uint8_t *code, size_t avail,
	       uint64_t addr)
{
	struct decoder d = { .in = in, .code = code };

	*in = (struct x86_insn){
		.addr = addr,
		.base = X86_REG_NONE,
		.index = X86_REG_NONE,
	};
	d.limit = avail < X86_INSN_MAX ? avail : X86_INSN_MAX;
	take_prefixes(&d);
	if (!take_opcode(&d) || d.bad)
		return -X86_EILSEQ;
	if (!(in->enc == X86_3DNOW ? take_3dnow(&d) : take_rest(&d)) || d.bad)
		return -X86_EILSEQ;
	in->len = d.pos;
	return 0;
}

int x86_can_probe(const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_INT3:
	case X86_INT1:
	case X86_INT:
	case X86_UD:
		return -X86_EILSEQ;
	case X86_LOAD_SS:
		return -X86_EINVAL;
	case X86_IRET:
	case X86_CALL_FAR:
	case X86_JMP_FAR:
	case X86_VM:
	case X86_SYSENTER:
	case X86_SYSRET:
		return -X86_EOPNOTSUPP;
	}
	return in->attrs & X86_A_VENDOR ? -X86_EOPNOTSUPP : 0;
}

/* SDM vol. 1, appendix B: even conditions, and their opposites. */
bool x86_cond_true(unsigned int cond, uint64_t flags)
{
	bool sf = flags & X86_FL_SF, of = flags & X86_FL_OF;
	bool yes = false;

	switch (cond >> 1 & 7) {
	case 0:
		yes = of;
		break;
	case 1:
		yes = flags & X86_FL_CF;
		break;
	case 2:
		yes = flags & X86_FL_ZF;
		break;
	case 3:
		yes = flags & (X86_FL_CF | X86_FL_ZF);
		break;
	case 4:
		yes = sf;
		break;
	case 5:
		yes = flags & X86_FL_PF;
		break;
	case 6:
		yes = sf != of;
		break;
	case 7:
		yes = (flags & X86_FL_ZF) || sf != of;
		break;
	}
	return yes != (cond & 1);
}
