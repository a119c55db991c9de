/* SPDX-License-Identifier: MIT */
/*
 * decode_vs_zydis.c - the decoder against another one, Zydis
 *
 * Every instruction of .text of a few big binaries, and random byte strings,
 * are given to both.  Both must accept or both refuse, with the same length,
 * branch target, rip-relative operand, and parts; what is said of flags and rsp
 * must be on the safe side of what Zydis says.  Where the two differ and we are
 * right, a rule names the place in the manual that says so; anything else is a
 * failure, and so is a rule that nothing needs.
 *
 * TL_SEED replays a random run.
 */
/* link: x86-insn -lZydis */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <Zydis/Zydis.h>

#include "insn.h"
#include "tl_test.h"

#define NR_RANDOM 10000000

static ZydisDecoder zydis;
static uint64_t nr_compared;

struct tally {
	uint64_t compared;
	uint64_t both;	  /* both accept */
	uint64_t refused; /* only Zydis accepts */
	uint64_t tolerated;
	uint64_t wrong;
};

struct pair {
	const uint8_t *code;
	size_t avail;
	uint64_t addr;
	bool ours_ok, theirs_ok;
	struct x86_insn ours;
	ZydisDecodedInstruction theirs;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

static void show(const struct pair *p, const char *what, uint64_t a, uint64_t b)
{
	char line[200];
	int n = snprintf(line, sizeof(line),
			 "# %s: ours %#lx, theirs %#lx:", what,
			 (unsigned long)a, (unsigned long)b);

	for (size_t i = 0; i < p->avail && i < X86_INSN_MAX; i++)
		n += snprintf(line + n, sizeof(line) - n, " %02x", p->code[i]);
	if (p->theirs_ok)
		n += snprintf(line + n, sizeof(line) - n, " %s",
			      ZydisMnemonicGetString(p->theirs.mnemonic));
	n += snprintf(line + n, sizeof(line) - n, "\n");
	tl_test_write(line, n);
}

static bool differs(const struct pair *p, const char *what, uint64_t a,
		    uint64_t b)
{
	if (a == b)
		return false;
	show(p, what, a, b);
	return true;
}

/* The absolute target of a direct branch, the way Zydis tells it. */
static uint64_t their_target(const struct pair *p)
{
	if (!p->theirs.raw.imm[0].is_relative)
		return 0;
	return p->addr + p->theirs.length + p->theirs.raw.imm[0].value.s;
}

static uint64_t their_mem(const struct pair *p)
{
	for (unsigned int i = 0; i < p->theirs.operand_count; i++) {
		ZyanU64 at;

		if (p->ops[i].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    (p->ops[i].mem.base != ZYDIS_REGISTER_RIP &&
		     p->ops[i].mem.base != ZYDIS_REGISTER_EIP))
			continue;
		if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(
			    &p->theirs, &p->ops[i], p->addr, &at)))
			return at;
	}
	return 0;
}

static bool is_rsp(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_RSP || reg == ZYDIS_REGISTER_ESP ||
	       reg == ZYDIS_REGISTER_SP || reg == ZYDIS_REGISTER_SPL;
}

static bool their_rsp(const struct pair *p)
{
	for (unsigned int i = 0; i < p->theirs.operand_count; i++) {
		const ZydisDecodedOperand *op = &p->ops[i];

		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    is_rsp(op->reg.value))
			return true;
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (is_rsp(op->mem.base) || is_rsp(op->mem.index)))
			return true;
	}
	return false;
}

/* The number that general register @reg has in instructions; NONE: it is none. */
static uint64_t number_of(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return X86_REG_NONE;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return X86_REG_RIP;
	return (uint64_t)ZydisRegisterGetId(reg);
}

/* What the operand in memory is made of. */
static bool memory_differs(const struct pair *p)
{
	const struct x86_insn *in = &p->ours;
	bool bad = false;

	if (!(in->attrs & X86_A_MEM) || in->enc == X86_3DNOW)
		return false;
	for (unsigned int i = 0; i < p->theirs.operand_count; i++) {
		const ZydisDecodedOperand *op = &p->ops[i];

		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    op->encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM)
			continue;
		/* With 67 it takes no base for one (SDM vol. 2, table 2-3). */
		if (p->theirs.address_width == 64 || in->base != X86_REG_NONE)
			bad |= differs(p, "base", in->base,
				       number_of(op->mem.base));
		bad |= differs(p, "index", in->index, number_of(op->mem.index));
		if (in->index != X86_REG_NONE)
			bad |= differs(p, "scale", in->scale, op->mem.scale);
	}
	if (in->disp_size && in->disp_size < 8)
		bad |= differs(p, "displacement is",
			       (uint64_t)(int64_t)in->disp,
			       (uint64_t)p->theirs.raw.disp.value);
	return bad;
}

/* Registers that are no operand's are not compared. */
static bool registers_differ(const struct pair *p)
{
	const struct x86_insn *in = &p->ours;
	bool bad = false;

	for (unsigned int i = 0; i < p->theirs.operand_count; i++) {
		const ZydisDecodedOperand *op = &p->ops[i];

		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    ZydisRegisterGetClass(op->reg.value) !=
			    ZYDIS_REGCLASS_GPR64)
			continue;
		if (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG)
			bad |= differs(p, "reg", in->reg,
				       number_of(op->reg.value));
		if (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM ||
		    op->encoding == ZYDIS_OPERAND_ENCODING_OPCODE)
			/* EVEX.X says nothing of a general one. */
			bad |= differs(p, "rm", in->rm & 15,
				       number_of(op->reg.value));
	}
	return bad;
}

static bool immediate_differs(const struct pair *p)
{
	const struct x86_insn *in = &p->ours;
	const ZydisDecodedInstructionRaw *raw = &p->theirs.raw;
	unsigned int size = raw->imm[0].size;
	uint64_t theirs;

	if (!size || in->enc == X86_3DNOW)
		return false;
	theirs = (uint64_t)((int64_t)(raw->imm[0].value.u << (64 - size)) >>
			    (64 - size));
	return differs(p, "immediate is", (uint64_t)in->imm, theirs);
}

static bool parts_differ(const struct pair *p)
{
	const struct x86_insn *in = &p->ours;
	const ZydisDecodedInstructionRaw *raw = &p->theirs.raw;
	unsigned int imm = raw->imm[0].size / 8 + raw->imm[1].size / 8;
	unsigned int disp = raw->disp.size / 8;
	bool bad = false;

	if (in->enc == X86_3DNOW)
		imm = 1;
	bad |= differs(p, "length", in->len, p->theirs.length);
	bad |= differs(p, "target", in->target, their_target(p));
	bad |= differs(p, "rip-relative", in->mem_addr, their_mem(p));
	bad |= differs(p, "immediate size", in->imm_size, imm);
	bad |= differs(p, "displacement size", in->disp_size, disp);
	if (disp)
		bad |= differs(p, "displacement", in->disp_off,
			       raw->disp.offset);
	if (imm && in->enc != X86_3DNOW)
		bad |= differs(p, "immediate", in->imm_off, raw->imm[0].offset);
	if (in->modrm_off)
		bad |= differs(p, "ModRM", in->modrm_off, raw->modrm.offset);
	bad |= memory_differs(p) || registers_differ(p) || immediate_differs(p);
	bad |= differs(p, "lock", !!(in->attrs & X86_A_LOCK),
		       !!(p->theirs.attributes & ZYDIS_ATTRIB_HAS_LOCK));
	return bad;
}

/*
 * Differences in which we are right: what is said of flags, and what is refused.
 * ext is Zydis's name for a set of instructions, mnemonic one of its own.
 */
/* clang-format off */
static struct rule {
	bool refused;		/* else: flags */
	ZydisMnemonic first, last;
	ZydisISAExt ext, last_ext;
	bool with_67;
	const char *manual;
	uint64_t used;
} rules[] = {
	{ .first = ZYDIS_MNEMONIC_SAR, .last = ZYDIS_MNEMONIC_SAR,
	  .manual = "SDM vol. 2, SAL/SAR/SHL/SHR: a count of 0 changes no flag" },
	{ .first = ZYDIS_MNEMONIC_SHL, .last = ZYDIS_MNEMONIC_SHL,
	  .manual = "SDM vol. 2, SAL/SAR/SHL/SHR: the same" },
	{ .first = ZYDIS_MNEMONIC_SHR, .last = ZYDIS_MNEMONIC_SHR,
	  .manual = "SDM vol. 2, SAL/SAR/SHL/SHR: the same" },
	{ .first = ZYDIS_MNEMONIC_SHLD, .last = ZYDIS_MNEMONIC_SHLD,
	  .manual = "SDM vol. 2, SHLD: a count of 0 changes no flag" },
	{ .first = ZYDIS_MNEMONIC_SHRD, .last = ZYDIS_MNEMONIC_SHRD,
	  .manual = "SDM vol. 2, SHRD: a count of 0 changes no flag" },
	{ .first = ZYDIS_MNEMONIC_VPTEST, .last = ZYDIS_MNEMONIC_VPTEST,
	  .manual = "SDM vol. 2, PTEST: OF, AF, PF, SF are cleared" },
	{ .first = ZYDIS_MNEMONIC_VTESTPD, .last = ZYDIS_MNEMONIC_VTESTPS,
	  .manual = "SDM vol. 2, VTESTPD/VTESTPS: OF, AF, PF, SF are cleared" },
	{ .refused = true,
	  .ext = ZYDIS_ISA_EXT_KNC, .last_ext = ZYDIS_ISA_EXT_KNCV,
	  .manual = "SDM vol. 2, appendix A.3: no such VEX opcodes (Knights Corner's own)" },
	{ .refused = true,
	  .ext = ZYDIS_ISA_EXT_PADLOCK, .last_ext = ZYDIS_ISA_EXT_PADLOCK,
	  .manual = "SDM vol. 2, table A-3: 0F A6 and 0F A7 are reserved (VIA's own)" },
	{ .refused = true, .with_67 = true,
	  .ext = ZYDIS_ISA_EXT_MPX, .last_ext = ZYDIS_ISA_EXT_MPX,
	  .manual = "SDM vol. 1, Intel MPX and Operating Modes: takes no notice of 67" },
};
/* clang-format on */

#define MAX_RULES 20
_Static_assert(TL_ARRAY_SIZE(rules) <= MAX_RULES, "too many exceptions");

static bool has_67(const struct pair *p)
{
	for (unsigned int i = 0; i < p->theirs.raw.prefix_count; i++)
		if (p->theirs.raw.prefixes[i].value == 0x67)
			return true;
	return false;
}

static bool is_about(const struct rule *r, const struct pair *p)
{
	ZydisISAExt ext = p->theirs.meta.isa_ext;

	if (!r->refused)
		return p->theirs.mnemonic >= r->first &&
		       p->theirs.mnemonic <= r->last;
	return ext >= r->ext && ext <= r->last_ext &&
	       (!r->with_67 || has_67(p));
}

/* Does a rule allow the difference of @p? */
static bool has_rule(const struct pair *p, bool refused)
{
	struct rule *r;

	for_each_row(r, rules) {
		if (r->refused == refused && is_about(r, p)) {
			r->used++;
			return true;
		}
	}
	return false;
}

/* A difference in what is said of flags: wrong, unless it is in the table. */
static bool flags_differ(const struct pair *p, struct tally *t,
			 const char *what, uint64_t a, uint64_t b)
{
	if (!has_rule(p, false))
		return differs(p, what, a, b);
	t->tolerated++;
	return false;
}

static bool safe_side_differs(const struct pair *p, struct tally *t)
{
	const uint64_t all = X86_FL_STATUS | X86_FL_DF;
	const struct x86_insn *in = &p->ours;
	const ZydisAccessedFlags *f = p->theirs.cpu_flags;
	bool priv = p->theirs.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED;
	uint64_t touched = 0, read = 0;

	if (f) {
		touched = f->modified | f->set_0 | f->set_1 | f->undefined;
		touched &= all;
		read = f->tested & all;
	}
	if (their_rsp(p) && !(in->attrs & X86_A_RSP))
		return differs(p, "rsp", 0, 1);
	if (priv && !(in->attrs & X86_A_PRIV))
		return differs(p, "privileged", 0, 1);
	if (read & ~in->flags_read)
		return flags_differ(p, t, "flags read", in->flags_read, read);
	if (touched & ~in->flags_changed)
		return flags_differ(p, t, "flags changed", in->flags_changed,
				    touched);
	if (in->flags_set & ~touched)
		return flags_differ(p, t, "flags set", in->flags_set, touched);
	return false;
}

static void compare(struct tally *t, const uint8_t *code, size_t avail,
		    uint64_t addr, struct pair *p)
{
	p->code = code;
	p->avail = avail;
	p->addr = addr;
	p->ours_ok = !x86_decode(&p->ours, code, avail, addr);
	p->theirs_ok = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&zydis, code, avail,
							   &p->theirs, p->ops));
	t->compared++;
	nr_compared++;
	if (!p->ours_ok) {
		t->refused += p->theirs_ok;
		if (p->theirs_ok && !has_rule(p, true)) {
			show(p, "refused", 1, 0);
			t->wrong++;
		}
		return;
	}
	t->both += p->theirs_ok;
	if (!p->theirs_ok) {
		show(p, "accepted", 1, 0);
		t->wrong++;
	} else if (parts_differ(p) || safe_side_differs(p, t)) {
		t->wrong++;
	}
}

static void note(const char *name, const struct tally *t)
{
	char line[200];
	int n = snprintf(line, sizeof(line),
			 "# %s: %lu compared, %lu accepted by both, by rule: "
			 "%lu refused by us alone, %lu flags; %lu wrong\n",
			 name, (unsigned long)t->compared,
			 (unsigned long)t->both, (unsigned long)t->refused,
			 (unsigned long)t->tolerated, (unsigned long)t->wrong);

	tl_test_write(line, n);
}

static void setup(void)
{
	ZydisDecoderInit(&zydis, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
}

/*
 * Random strings, of the shapes that reach all maps: from raw bytes, which are
 * mostly one-byte opcodes, to well-formed EVEX prefixes.
 */
enum shape {
	RAW,
	PREFIXED,
	TWO_BYTE,
	THREE_BYTE,
	VEX2,
	VEX3,
	EVEX,
	XOP,
	NR_SHAPES,
};

static unsigned int put_prefixes(uint8_t *code, uint64_t *seed)
{
	static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x2e,
					    0x36, 0x3e, 0x26, 0x64, 0x65 };
	uint64_t r = tl_test_random(seed);
	unsigned int n = 0;

	for (unsigned int k = r % 4; k; k--) {
		r = tl_test_random(seed);
		code[n++] = prefixes[r % sizeof(prefixes)];
	}
	if (r >> 32 & 1)
		code[n++] = 0x40 | (r >> 33 & 15);
	return n;
}

static void put_vector(uint8_t *code, enum shape shape, uint64_t r)
{
	static const uint8_t evex_maps[] = { 1, 2, 3, 5, 6, 1, 2, 3 };

	if (shape == VEX2) {
		code[0] = 0xc5;
	} else if (shape == VEX3) {
		code[0] = 0xc4;
		code[1] = (code[1] & 0xe0) | (1 + r % 3);
	} else if (shape == XOP) {
		code[0] = 0x8f;
		code[1] = (code[1] & 0xe0) | (8 + r % 3);
		code[2] &= ~3;
	} else {
		code[0] = 0x62;
		code[1] = (code[1] & 0xf0) | evex_maps[r & 7];
		code[2] |= 4;
		code[3] &= r & 8 ? 0x0f : 0xff;
	}
	if (r & 16) { /* no operand in vvvv */
		code[shape == VEX2 ? 1 : 2] |= 0x78;
		if (shape == EVEX)
			code[3] |= 8;
	}
}

static void make_code(uint8_t *code, enum shape shape, uint64_t *seed)
{
	unsigned int n;

	for (unsigned int i = 0; i < 16; i++)
		code[i] = tl_test_random(seed) >> 32;
	if (shape == RAW)
		return;
	if (shape >= VEX2) {
		put_vector(code, shape, tl_test_random(seed) >> 16);
		return;
	}
	n = put_prefixes(code, seed);
	if (shape == PREFIXED)
		return;
	code[n++] = 0x0f;
	if (shape == THREE_BYTE)
		code[n] = tl_test_random(seed) >> 16 & 1 ? 0x38 : 0x3a;
}

TL_TEST(random_bytes_decode_as_in_zydis)
{
	static const char *const names[NR_SHAPES] = {
		"random bytes",	       "prefixes and random", "0f random",
		"0f 38, 0f 3a random", "VEX2 random",	      "VEX3 random",
		"EVEX random",	       "XOP random",
	};
	uint64_t seed = tl_test_seed;
	struct pair p;

	setup();
	for (enum shape shape = 0; shape < NR_SHAPES; shape++) {
		uint64_t n = NR_RANDOM / NR_SHAPES * tl_test_scale;
		struct tally t = { 0 };
		uint8_t code[16];

		while (n--) {
			uint64_t r = tl_test_random(&seed);
			size_t avail = r % 16 == 0 ? r >> 8 & 15 : 16;

			make_code(code, shape, &seed);
			compare(&t, code, avail, 0x400000 + (r >> 24), &p);
		}
		ROW(names[shape]);
		note(names[shape], &t);
		CHECK_EQ(t.wrong, 0);
		CHECK(t.both > t.compared / 200);
	}
}

/*
 * Every opcode of every map, with every mandatory prefix, W, length, and ModRM
 * for memory and registers.  Nothing is left to chance here; what the random
 * strings add is unusual prefixes, operands and masks.
 */
static unsigned int put_opcode(uint8_t *code, enum shape shape,
			       unsigned int map, unsigned int pp,
			       unsigned int w, unsigned int l, unsigned int op)
{
	static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
	unsigned int n = 0;

	if (shape == VEX3 || shape == XOP) {
		code[n++] = shape == XOP ? 0x8f : 0xc4;
		code[n++] = 0xe0 | map;
		code[n++] = w << 7 | 0x78 | l << 2 | pp;
	} else if (shape == EVEX) {
		code[n++] = 0x62;
		code[n++] = 0xf0 | map;
		code[n++] = w << 7 | 0x7c | pp;
		code[n++] = l << 5 | 8;
	} else {
		if (pp)
			code[n++] = prefix[pp];
		if (w)
			code[n++] = 0x48;
		if (map)
			code[n++] = 0x0f;
		if (map > 1)
			code[n++] = map == 2 ? 0x38 : 0x3a;
	}
	code[n++] = op;
	return n;
}

/* ModRM: memory at (%rax) or (%rax,%rcx), and registers. */
static void compare_modrms(struct tally *t, const uint8_t *start,
			   unsigned int len)
{
	uint8_t code[X86_INSN_MAX] = { 0 };
	struct pair p;

	memcpy(code, start, len);
	code[len + 1] = 0x08;
	for (unsigned int modrm = 0; modrm < 256; modrm++) {
		unsigned int rm = modrm & 7;

		if (modrm < 0xc0 && (modrm >= 0x40 || (rm != 0 && rm != 4)))
			continue;
		code[len] = modrm;
		compare(t, code, sizeof(code), 0x400000, &p);
	}
}

static void compare_map(enum shape shape, unsigned int map)
{
	unsigned int nr_l = shape == EVEX ? 4 : shape == RAW ? 1 : 2;
	struct tally t = { 0 };
	uint8_t code[8];

	for (unsigned int i = 0; i < 256 * 4 * 2 * nr_l; i++) {
		unsigned int n = put_opcode(code, shape, map, i & 3, i >> 2 & 1,
					    i >> 11, i >> 3 & 255);

		compare_modrms(&t, code, n);
	}
	tl_test_note("compared", t.compared);
	tl_test_note("refused by us alone", t.refused);
	CHECK_EQ(t.wrong, 0);
}

TL_TEST(all_opcodes_decode_as_in_zydis)
{
	static const struct {
		const char *name;
		enum shape shape;
		unsigned int map;
	} maps[] = {
		{ "one byte", RAW, 0 },	   { "0f", RAW, 1 },
		{ "0f 38", RAW, 2 },	   { "0f 3a", RAW, 3 },
		{ "VEX 0f", VEX3, 1 },	   { "VEX 0f 38", VEX3, 2 },
		{ "VEX 0f 3a", VEX3, 3 },  { "EVEX 0f", EVEX, 1 },
		{ "EVEX 0f 38", EVEX, 2 }, { "EVEX 0f 3a", EVEX, 3 },
		{ "EVEX map 5", EVEX, 5 }, { "EVEX map 6", EVEX, 6 },
		{ "XOP map 8", XOP, 8 },   { "XOP map 9", XOP, 9 },
		{ "XOP map 10", XOP, 10 },
	};

	setup();
	for (size_t i = 0; i < TL_ARRAY_SIZE(maps); i++) {
		ROW(maps[i].name);
		compare_map(maps[i].shape, maps[i].map);
	}
}

/* Compare all of [code, code + len), going on where Zydis says. */
static void sweep(struct tally *t, const uint8_t *code, size_t len,
		  uint64_t addr)
{
	struct pair p;

	for (size_t at = 0; at < len;) {
		compare(t, code + at, len - at, addr + at, &p);
		at += p.theirs_ok ? p.theirs.length : 1;
	}
}

static const uint8_t *map_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at;

	if (fd < 0)
		return NULL;
	at = fstat(fd, &st)
		     ? MAP_FAILED
		     : mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	*len = st.st_size;
	return at == MAP_FAILED ? NULL : at;
}

static bool sweep_file(struct tally *t, const char *path)
{
	size_t len;
	const uint8_t *file = map_file(path, &len);
	const Elf64_Ehdr *eh = (const void *)file;
	const Elf64_Shdr *sh;

	if (!file)
		return false;
	sh = (const void *)(file + eh->e_shoff);
	for (unsigned int i = 0; i < eh->e_shnum; i++) {
		if (sh[i].sh_type == SHT_PROGBITS &&
		    (sh[i].sh_flags & SHF_EXECINSTR))
			sweep(t, file + sh[i].sh_offset, sh[i].sh_size,
			      sh[i].sh_addr);
	}
	munmap((void *)file, len);
	return true;
}

static void skipped(const char *path)
{
	char line[120];
	int n = snprintf(line, sizeof(line),
			 "# %s is not there, so not compared\n", path);

	tl_test_write(line, n);
}

/*
 * In code that compilers made nothing may be refused.  Hand-written assembly
 * keeps data among its code, which may look like instructions that only Knights
 * Corner had; the rules allow for those.
 */
TL_TEST(real_code_decodes_as_in_zydis)
{
	static const char *const files[] = {
		"/usr/bin/redis-server",
		"/usr/bin/python3.11",
		"/usr/bin/gdb",
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/lib/x86_64-linux-gnu/libsqlite3.so.0",
	};
	struct tally sum = { 0 };
	const char *const *f;

	setup();
	for_each_row(f, files) {
		struct tally t = { 0 };

		ROW(*f);
		if (!sweep_file(&t, *f)) {
			skipped(*f);
			continue;
		}
		note(*f, &t);
		CHECK_EQ(t.wrong, 0);
		CHECK(t.refused <= t.compared / 20000);
		sum.compared += t.compared;
		sum.both += t.both;
		sum.refused += t.refused;
		sum.tolerated += t.tolerated;
	}
	note("all of them", &sum);
	CHECK(sum.compared > 300000); /* libc is everywhere */
}

/* Runs last: all the others have used the rules. */
TL_TEST(every_rule_is_needed)
{
	const struct rule *r;

	if (!nr_compared)
		SKIP("the other tests were not run");
	for_each_row(r, rules) {
		char line[200];
		int n = snprintf(line, sizeof(line), "# rule: %s: %lu\n",
				 r->manual, (unsigned long)r->used);

		tl_test_write(line, n);
		ROW(r->manual);
		CHECK(r->used > 0);
	}
}
