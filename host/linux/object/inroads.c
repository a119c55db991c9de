/* SPDX-License-Identifier: MIT */
/*
 * inroads.c - where code is entered from elsewhere, as far as a file shows
 *
 * A bit for each byte that is loaded.  In code it says that something leads
 * there which may not be in the same function:
 *
 *   branches   every four bytes behind the opcode of a jump or call that, as a
 *              distance, lead from one function into another.  Nothing is
 *              decoded: whatever the bytes are, no branch is missed.  Those of
 *              one byte reach 128 bytes; insn/flow.c sweeps so far itself.
 *   addresses  lea relative to rip, and in programs that run where they were
 *              linked, immediates, whatever they are for.
 *   pointers   what relocations put into data; in such programs any word of
 *              the data that is an address of code.
 *   tables     where a lea leads to data, offsets from there for as long as
 *              they lead to code and no other lea leads to them.  The jump and
 *              its table may be in different functions, or pieces of one.
 *   handlers   landing pads in the tables of exceptions.
 *   symbols    of the dynamic table: other objects may call them.
 *
 * All of that is more than there is.  An inroad too many costs one jump.
 */
#include "inroads.h"

/* ---- the file ------------------------------------------------------------- */

struct header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

#define ET_EXEC 2
#define ET_DYN	3
#define X86_64	62
#define AARCH64 183

#define PT_LOAD		1
#define PT_DYNAMIC	2
#define PT_GNU_EH_FRAME 0x6474e550
#define PF_X		1

#define MOST_SPAN (1ULL << 32)
#define MOST_ADDR (1ULL << 57) /* no program lies higher: sums do not wrap */

static void get(void *dst, const uint8_t *src, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		((volatile uint8_t *)dst)[i] = src[i];
}

static int32_t get32(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 |
			 (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint32_t)get32(p) | (uint64_t)(uint32_t)get32(p + 4) << 32;
}

static int read_header(struct header *h, const uint8_t *file, size_t size)
{
	if (size < sizeof(*h))
		return -1;
	get(h, file, sizeof(*h));
	if (get32(h->ident) != 0x464c457f || h->ident[4] != 2 ||
	    h->ident[5] != 1 ||
	    (h->machine != X86_64 && h->machine != AARCH64) ||
	    (h->type != ET_EXEC && h->type != ET_DYN) ||
	    h->phentsize != sizeof(struct segment) || h->phoff > size ||
	    h->phnum > (size - h->phoff) / sizeof(struct segment))
		return -1;
	return 0;
}

uint64_t tl_inroads_file_bytes(const void *head, size_t size)
{
	const uint8_t *file = head;
	uint64_t end = 0;
	struct segment s;
	struct header h;

	if (read_header(&h, file, size))
		return 0;
	for (unsigned int i = 0; i < h.phnum; i++) {
		get(&s, file + h.phoff + i * sizeof(s), sizeof(s));
		if (s.type != PT_LOAD)
			continue;
		if (s.offset + s.filesz < s.offset)
			return 0;
		if (s.offset + s.filesz > end)
			end = s.offset + s.filesz;
	}
	return end;
}

static int add_part(struct tl_inroads *r, const struct segment *s,
		    const uint8_t *file, size_t size)
{
	struct tl_object_part *p = &r->part[r->n];

	if (!s->filesz)
		return 0;
	if (r->n == TL_INROADS_PARTS || s->offset > size ||
	    s->filesz > size - s->offset || s->vaddr > MOST_ADDR ||
	    s->filesz > MOST_ADDR - s->vaddr)
		return -1;
	p->addr = s->vaddr;
	p->size = s->filesz;
	p->bytes = file + s->offset;
	p->code = s->flags & PF_X;
	r->n++;
	if (s->vaddr < r->low)
		r->low = s->vaddr;
	if (s->vaddr + s->filesz > r->high)
		r->high = s->vaddr + s->filesz;
	return 0;
}

int tl_inroads_open(struct tl_inroads *r, const void *file, size_t size)
{
	struct header h;
	struct segment s;

	*r = (struct tl_inroads){ .low = UINT64_MAX };
	if (read_header(&h, file, size))
		return -1;
	r->words = h.machine == AARCH64;
	r->fixed = h.type == ET_EXEC;
	for (unsigned int i = 0; i < h.phnum; i++) {
		get(&s, (const uint8_t *)file + h.phoff + i * sizeof(s),
		    sizeof(s));
		if (s.type == PT_LOAD && add_part(r, &s, file, size))
			return -1;
		if (s.type == PT_DYNAMIC) {
			r->dynamic = s.vaddr;
			r->n_dynamic = s.filesz / 16;
		}
		if (s.type == PT_GNU_EH_FRAME)
			r->unwind = s.vaddr;
	}
	return r->n && r->high - r->low <= MOST_SPAN ? 0 : -1;
}

size_t tl_inroads_room(const struct tl_inroads *r)
{
	return 2 * ((r->high - r->low) / 8 + 8);
}

void tl_inroads_use(struct tl_inroads *r, void *zeros)
{
	r->marks = zeros;
	r->borders = r->marks + tl_inroads_room(r) / 2;
}

/* The @n bytes at @addr, or NULL if the file does not have them all. */
const uint8_t *tl_inroads_bytes(const struct tl_inroads *r, uint64_t addr,
				uint64_t n)
{
	for (unsigned int i = 0; i < r->n; i++) {
		const struct tl_object_part *p = &r->part[i];

		if (addr >= p->addr && addr - p->addr < p->size &&
		    n <= p->size - (addr - p->addr))
			return p->bytes + (addr - p->addr);
	}
	return NULL;
}

static bool is_code(const struct tl_inroads *r, uint64_t addr)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (r->part[i].code && addr >= r->part[i].addr &&
		    addr - r->part[i].addr < r->part[i].size)
			return true;
	return false;
}

/* ---- marks ------------------------------------------------------------------ */

static bool marked(const struct tl_inroads *r, const uint8_t *bits,
		   uint64_t addr)
{
	uint64_t i = addr - r->low;

	return addr >= r->low && addr < r->high && bits[i / 8] & 1 << i % 8;
}

static void mark(const struct tl_inroads *r, uint8_t *bits, uint64_t addr)
{
	uint64_t i = addr - r->low;

	if (addr >= r->low && addr < r->high)
		bits[i / 8] = (uint8_t)(bits[i / 8] | 1 << i % 8);
}

static void inroad(struct tl_inroads *r, uint64_t addr)
{
	if (is_code(r, addr))
		mark(r, r->marks, addr);
}

void tl_inroads_function(struct tl_inroads *r, uint64_t start, uint64_t end)
{
	mark(r, r->borders, start);
	mark(r, r->borders, end);
	mark(r, r->borders, (end + 15) & ~15ull);
}

void tl_inroads_same_borders(struct tl_inroads *r, const void *zeros)
{
	size_t half = tl_inroads_room(r) / 2;
	const uint8_t *old = (const uint8_t *)zeros + half;

	for (size_t i = 0; i < half; i++)
		r->borders[i] |= old[i];
}

uint32_t tl_inroads_at(const struct tl_inroads *r, uint64_t addr)
{
	uint32_t mask = 0;

	if (!is_code(r, addr))
		return TL_INROADS_UNKNOWN;
	for (unsigned int i = 1; i < TL_INROADS_REACH; i++)
		if (marked(r, r->marks, addr + i))
			mask |= 1u << i;
	return mask;
}

/* ---- code ------------------------------------------------------------------- */

/* A run of code between two borders. */
struct run {
	uint64_t start, end;
};

static void branch(struct tl_inroads *r, const struct run *run, uint64_t to)
{
	if (to < run->start || to >= run->end)
		inroad(r, to);
}

/* The address is taken: of code, or of data that may be a table. */
static void taken(struct tl_inroads *r, const struct run *run, uint64_t addr)
{
	if (is_code(r, addr))
		branch(r, run, addr);
	else
		mark(r, r->marks, addr);
}

/* Bytes of ModRM, SIB and displacement at @p. */
static unsigned int operand_bytes(const uint8_t *p)
{
	unsigned int mod = p[0] >> 6, rm = p[0] & 7, n = 1;

	if (mod == 3)
		return 1;
	if (rm == 4) {
		if (mod == 0 && (p[1] & 7) == 5)
			return 6;
		n = 2;
	}
	if (mod == 0)
		return rm == 5 ? 5 : n;
	return n + (mod == 1 ? 1 : 4);
}

/* Immediates that hold an address: mov, push, mov to memory. */
static void immediate(struct tl_inroads *r, const struct run *run,
		      const uint8_t *p)
{
	if (*p == 0xc7)
		p += operand_bytes(p + 1);
	taken(r, run, (uint64_t)(int64_t)get32(p + 1));
}

/* Of an opcode: what may follow it. */
enum { NOTHING, REL32, ESCAPE, LEA, XBEGIN, IMMEDIATE };

static unsigned int meaning(const struct tl_inroads *r, uint8_t byte)
{
	switch (byte) {
	case 0xe8:
	case 0xe9:
		return REL32;
	case 0x0f:
		return ESCAPE;
	case 0x8d:
		return LEA;
	case 0xc7:
		return XBEGIN;
	case 0x68:
		return r->fixed ? IMMEDIATE : NOTHING;
	}
	return r->fixed && (byte & 0xf8) == 0xb8 ? IMMEDIATE : NOTHING;
}

/* What the instruction at @p, which lies at @addr, if it is one, leads to. */
static void look(struct tl_inroads *r, const struct run *run, unsigned int kind,
		 const uint8_t *p, uint64_t addr)
{
	switch (kind) {
	case REL32:
		branch(r, run, addr + 5 + (uint64_t)(int64_t)get32(p + 1));
		break;
	case ESCAPE:
		if ((p[1] & 0xf0) == 0x80)
			branch(r, run,
			       addr + 6 + (uint64_t)(int64_t)get32(p + 2));
		break;
	case LEA:
		if ((p[1] & 0xc7) == 0x05)
			taken(r, run,
			      addr + 6 + (uint64_t)(int64_t)get32(p + 2));
		break;
	case XBEGIN:
		if (p[1] == 0xf8)
			branch(r, run,
			       addr + 6 + (uint64_t)(int64_t)get32(p + 2));
		if (r->fixed)
			immediate(r, run, p);
		break;
	case IMMEDIATE:
		immediate(r, run, p);
		break;
	}
}

static uint64_t next_border(const struct tl_inroads *r, uint64_t addr,
			    uint64_t end)
{
	while (addr < end && !marked(r, r->borders, addr)) {
		uint64_t i = addr - r->low;

		addr += i % 8 || r->borders[i / 8] ? 1 : 8;
	}
	return addr < end ? addr : end;
}

/* The longest of what look() reads: c7, ModRM, SIB, 4 and 4 bytes. */
#define LOOK 12

static void scan_run(struct tl_inroads *r, const struct tl_object_part *p,
		     const struct run *run, const uint8_t *meanings)
{
	const uint8_t *b = p->bytes + (run->start - p->addr);
	const uint8_t *stop = p->bytes + (run->end - p->addr);
	const uint8_t *end = p->bytes + p->size;
	uint8_t last[LOOK + LOOK] = { 0 };
	uint64_t addr = run->start;

	for (; b < stop && b + LOOK <= end; b++, addr++)
		if (meanings[*b])
			look(r, run, meanings[*b], b, addr);
	for (unsigned int i = 0; b + i < end && i < LOOK; i++)
		last[i] = b[i];
	for (unsigned int i = 0; b + i < stop; i++, addr++)
		if (meanings[last[i]])
			look(r, run, meanings[last[i]], last + i, addr);
}

static void scan_code(struct tl_inroads *r)
{
	uint8_t meanings[256];

	for (unsigned int i = 0; i < 256; i++)
		meanings[i] = (uint8_t)meaning(r, (uint8_t)i);
	for (unsigned int i = 0; i < r->n; i++) {
		const struct tl_object_part *p = &r->part[i];
		struct run run = { p->addr, p->addr };
		uint64_t end = p->addr + p->size;

		while (p->code && run.start < end) {
			run.end = next_border(r, run.start + 1, end);
			scan_run(r, p, &run, meanings);
			run.start = run.end;
		}
	}
}

/* ---- data ------------------------------------------------------------------- */

/* Offsets from @table, of @bytes each, for as long as they lead to code. */
static unsigned int read_table(struct tl_inroads *r, uint64_t table,
			       unsigned int bytes)
{
	unsigned int n = 0;
	const uint8_t *p;
	uint64_t to;

	for (uint64_t addr = table;; addr += bytes, n++) {
		p = tl_inroads_bytes(r, addr, bytes);
		if (!p || (n && marked(r, r->marks, addr)))
			return n;
		to = table +
		     (bytes == 4 ? (uint64_t)(int64_t)get32(p) : get64(p));
		if (!is_code(r, to))
			return n;
		inroad(r, to);
	}
}

/* Tables lie where data is whose address was taken. */
static void scan_tables(struct tl_inroads *r)
{
	for (unsigned int i = 0; i < r->n; i++) {
		const struct tl_object_part *p = &r->part[i];
		uint64_t addr = p->addr, end = p->addr + p->size;

		while (!p->code && addr < end) {
			uint64_t bit = addr - r->low;

			if (bit % 8 == 0 && !r->marks[bit / 8]) {
				addr += 8;
				continue;
			}
			if (marked(r, r->marks, addr) &&
			    !read_table(r, addr, 4))
				read_table(r, addr, 8);
			addr++;
		}
	}
}

/* Any word that is an address of code, in programs that are not moved. */
static void scan_words(struct tl_inroads *r)
{
	for (unsigned int i = 0; i < r->n; i++) {
		const struct tl_object_part *p = &r->part[i];

		for (uint64_t j = -p->addr & 7; !p->code && j + 8 <= p->size;
		     j += 8)
			inroad(r, get64(p->bytes + j));
	}
}

/* ---- what the loader is told ------------------------------------------------ */

enum {
	DT_PLTRELSZ = 2,
	DT_HASH = 4,
	DT_STRTAB = 5,
	DT_SYMTAB = 6,
	DT_RELA = 7,
	DT_RELASZ = 8,
	DT_INIT = 12,
	DT_FINI = 13,
	DT_JMPREL = 23,
	DT_RELRSZ = 35,
	DT_RELR = 36,
	DT_KEPT = 37,
};

enum {
	R_64 = 1,
	R_GLOB_DAT = 6,
	R_JUMP_SLOT = 7,
	R_RELATIVE = 8,
	R_IRELATIVE = 37,
};

#define SYMBOL_BYTES 24
#define RELA_BYTES   24

/* The value of symbol @index, or 0 if it is not defined here. */
static uint64_t symbol(const struct tl_inroads *r, uint64_t table,
		       uint64_t index)
{
	const uint8_t *p =
		tl_inroads_bytes(r, table + index * SYMBOL_BYTES, SYMBOL_BYTES);

	return p && (p[6] || p[7]) ? get64(p + 8) : 0;
}

static void relocate(struct tl_inroads *r, uint64_t symbols, const uint8_t *p)
{
	uint64_t info = get64(p + 8), addend = get64(p + 16);
	const uint8_t *word;

	switch ((uint32_t)info) {
	case R_RELATIVE:
	case R_IRELATIVE:
		inroad(r, addend);
		break;
	case R_64:
		inroad(r, symbol(r, symbols, info >> 32) + addend);
		break;
	case R_JUMP_SLOT: /* until it is bound, back into the PLT */
		word = tl_inroads_bytes(r, get64(p), 8);
		if (word)
			inroad(r, get64(word));
		break;
	}
}

static int relocations(struct tl_inroads *r, uint64_t symbols, uint64_t table,
		       uint64_t bytes)
{
	const uint8_t *p;

	if (!table || !bytes)
		return 0;
	p = tl_inroads_bytes(r, table, bytes);
	if (!p)
		return -1;
	for (uint64_t i = 0; i + RELA_BYTES <= bytes; i += RELA_BYTES)
		relocate(r, symbols, p + i);
	return 0;
}

typedef void word_fn(void *arg, uint64_t addr, uint64_t value);

/* Packed: the addresses of words, and bits for the words behind them. */
static int packed_relocations(const struct tl_inroads *r, uint64_t table,
			      uint64_t bytes, word_fn *fn, void *arg)
{
	uint64_t where = 0, entry;
	const uint8_t *p, *word;

	if (!table || !bytes)
		return 0;
	p = tl_inroads_bytes(r, table, bytes);
	if (!p)
		return -1;
	for (uint64_t i = 0; i + 8 <= bytes; i += 8) {
		uint64_t bits = 1;
		unsigned int n = 1;

		entry = get64(p + i);
		if (entry & 1) {
			bits = entry >> 1;
			n = 63;
		} else {
			where = entry;
		}
		for (unsigned int k = 0; k < n; k++, where += 8) {
			word = bits & 1ULL << k ? tl_inroads_bytes(r, where, 8)
						: NULL;
			if (word)
				fn(arg, where, get64(word));
		}
	}
	return 0;
}

static void word_is_inroad(void *arg, uint64_t addr, uint64_t value)
{
	(void)addr;
	inroad(arg, value);
}

/*
 * The table of symbols does not say how long it is; the strings follow it, or
 * the table of hashes knows.
 */
static int symbols_of(struct tl_inroads *r, const uint64_t *dt)
{
	uint64_t n = 0;
	const uint8_t *hash;

	if (!dt[DT_SYMTAB])
		return 0;
	if (dt[DT_STRTAB] > dt[DT_SYMTAB])
		n = (dt[DT_STRTAB] - dt[DT_SYMTAB]) / SYMBOL_BYTES;
	hash = dt[DT_HASH] ? tl_inroads_bytes(r, dt[DT_HASH], 8) : NULL;
	if (hash)
		n = (uint32_t)get32(hash + 4);
	if (!n || !tl_inroads_bytes(r, dt[DT_SYMTAB], n * SYMBOL_BYTES))
		return -1;
	for (uint64_t i = 0; i < n; i++)
		inroad(r, symbol(r, dt[DT_SYMTAB], i));
	return 0;
}

static bool read_dynamic(const struct tl_inroads *r, uint64_t dt[DT_KEPT])
{
	const uint8_t *p;

	p = tl_inroads_bytes(r, r->dynamic, r->n_dynamic * 16);
	if (!p)
		return false;
	for (uint64_t i = 0; i < r->n_dynamic && get64(p + 16 * i); i++)
		if (get64(p + 16 * i) < DT_KEPT)
			dt[get64(p + 16 * i)] = get64(p + 16 * i + 8);
	return true;
}

static int scan_dynamic(struct tl_inroads *r)
{
	uint64_t dt[DT_KEPT] = { 0 };

	if (!r->dynamic)
		return 0;
	if (!read_dynamic(r, dt))
		return -1;
	inroad(r, dt[DT_INIT]);
	inroad(r, dt[DT_FINI]);
	if (relocations(r, dt[DT_SYMTAB], dt[DT_RELA], dt[DT_RELASZ]) ||
	    relocations(r, dt[DT_SYMTAB], dt[DT_JMPREL], dt[DT_PLTRELSZ]) ||
	    packed_relocations(r, dt[DT_RELR], dt[DT_RELRSZ], word_is_inroad,
			       r))
		return -1;
	return symbols_of(r, dt);
}

void tl_inroads_words(const struct tl_inroads *r, word_fn *fn, void *arg)
{
	uint64_t dt[DT_KEPT] = { 0 };
	const uint8_t *p;

	if (!r->dynamic || !read_dynamic(r, dt))
		return;
	(void)packed_relocations(r, dt[DT_RELR], dt[DT_RELRSZ], fn, arg);
	p = tl_inroads_bytes(r, dt[DT_RELA], dt[DT_RELASZ]);
	for (uint64_t i = 0; p && i + RELA_BYTES <= dt[DT_RELASZ];
	     i += RELA_BYTES)
		if ((uint32_t)get64(p + i + 8) == R_RELATIVE)
			fn(arg, get64(p + i), get64(p + i + 16));
}

/* ---- exceptions ------------------------------------------------------------- */

/* Bytes that are read one after another; `addr` is where they lie. */
struct cursor {
	const struct tl_inroads *r;
	const uint8_t *p, *end;
	uint64_t addr;
	bool bad;
};

static void skip(struct cursor *c, uint64_t n)
{
	if (n > (uint64_t)(c->end - c->p)) {
		c->bad = true;
		return;
	}
	c->p += n;
	c->addr += n;
}

static bool cursor_at(struct cursor *c, const struct tl_inroads *r,
		      uint64_t addr)
{
	c->r = r;
	c->bad = true;
	for (unsigned int i = 0; i < r->n; i++) {
		const struct tl_object_part *part = &r->part[i];

		if (addr < part->addr || addr - part->addr >= part->size)
			continue;
		c->p = part->bytes + (addr - part->addr);
		c->end = part->bytes + part->size;
		c->addr = addr;
		c->bad = false;
	}
	return !c->bad;
}

static uint64_t fixed(struct cursor *c, unsigned int n, bool sign)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n && c->p + i < c->end; i++)
		v |= (uint64_t)c->p[i] << 8 * i;
	if (sign && n < 8 && v >> (8 * n - 1))
		v |= ~0ULL << 8 * n;
	skip(c, n);
	return v;
}

/* Twelve bytes: two more than a number has that is padded to its most. */
#define LEB_BITS 84

static uint64_t leb(struct cursor *c, bool sign)
{
	unsigned int shift = 0;
	uint64_t v = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)fixed(c, 1, false);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (shift > LEB_BITS)
			c->bad = true;
	} while (byte & 0x80 && !c->bad);
	if (sign && shift < 64 && byte & 0x40)
		v |= ~0ULL << shift;
	return v;
}

#define OMITTED 0xff

/* A value in one of the encodings of pointers (LSB Core, 10.5). */
static uint64_t encoded(struct cursor *c, uint8_t how)
{
	uint64_t base = (how & 0x70) == 0x10 ? c->addr : 0, v = 0;

	if (how == OMITTED)
		return 0;
	switch (how & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		v = fixed(c, 8, false);
		break;
	case 0x01:
		v = leb(c, false);
		break;
	case 0x02:
		v = fixed(c, 2, false);
		break;
	case 0x03:
		v = fixed(c, 4, false);
		break;
	case 0x09:
		v = leb(c, true);
		break;
	case 0x0a:
		v = fixed(c, 2, true);
		break;
	case 0x0b:
		v = fixed(c, 4, true);
		break;
	default:
		c->bad = true;
	}
	if ((how & 0x70) > 0x10)
		c->bad = true;
	return v ? v + base : 0;
}

/* The landing pads of the function at @start.  How long their table is. */
static uint64_t scan_handlers(struct tl_inroads *r, uint64_t lsda,
			      uint64_t start)
{
	uint64_t base = start, pad, bytes;
	uint8_t how, types;
	struct cursor c;
	const uint8_t *end;

	if (!cursor_at(&c, r, lsda))
		return 0;
	how = (uint8_t)fixed(&c, 1, false);
	if (how != OMITTED)
		base = encoded(&c, how);
	types = (uint8_t)fixed(&c, 1, false);
	if (types != OMITTED)
		leb(&c, false);
	how = (uint8_t)fixed(&c, 1, false);
	pad = leb(&c, false);
	if (c.bad || pad > (uint64_t)(c.end - c.p))
		return 0;
	bytes = pad;
	end = c.p + pad;
	while (c.p < end && !c.bad) {
		encoded(&c, how & 0x0f);
		encoded(&c, how & 0x0f);
		pad = encoded(&c, how & 0x0f);
		leb(&c, false);
		if (pad && !c.bad)
			inroad(r, base + pad);
	}
	return bytes;
}

struct cie {
	uint8_t pointers; /* how the addresses of functions are encoded */
	uint8_t handlers; /* and those of their tables of handlers */
	bool sized;
};

#define AUGMENTATION_MAX 16 /* "zPLR" is all there is */

static bool read_cie(const struct tl_inroads *r, uint64_t addr, struct cie *out)
{
	const uint8_t *text;
	uint8_t version, how;
	struct cursor c;

	*out = (struct cie){ .handlers = OMITTED };
	if (!cursor_at(&c, r, addr))
		return false;
	skip(&c, 8);
	version = (uint8_t)fixed(&c, 1, false);
	text = c.p;
	while (!c.bad && fixed(&c, 1, false))
		c.bad = c.p - text > AUGMENTATION_MAX;
	leb(&c, false);
	leb(&c, true);
	if (version == 1)
		skip(&c, 1);
	else
		leb(&c, false);
	if (c.bad || *text != 'z')
		return !c.bad;
	out->sized = true;
	leb(&c, false);
	while (*++text && !c.bad) {
		switch (*text) {
		case 'R':
			out->pointers = (uint8_t)fixed(&c, 1, false);
			break;
		case 'L':
			out->handlers = (uint8_t)fixed(&c, 1, false);
			break;
		case 'P':
			how = (uint8_t)fixed(&c, 1, false);
			encoded(&c, how & 0x0f);
			break;
		}
	}
	return !c.bad;
}

/* One function of the unwind tables; lsda 0: no handlers. */
struct described {
	uint64_t start, end, lsda;
	bool part; /* begins with a frame on the stack: split off another */
};

/*
 * Do the rules of unwinding begin with one for the very first instruction, as
 * they do where there is a frame already?
 */
static bool begins_with_frame(struct cursor *c, uint64_t augmentation)
{
	uint8_t rule;

	skip(c, augmentation);
	rule = (uint8_t)fixed(c, 1, false);
	return !c->bad && ((rule >= 0x0c && rule <= 0x0f) || rule >= 0x80);
}

/* The description of one function, behind its length: @c is at it. */
static bool read_fde(const struct tl_inroads *r, struct cursor c,
		     uint64_t cie_addr, struct described *out)
{
	struct cursor rules;
	uint64_t n = 0;
	struct cie cie;

	if (!read_cie(r, cie_addr, &cie))
		return false;
	out->start = encoded(&c, cie.pointers);
	out->end = out->start + encoded(&c, cie.pointers & 0x0f);
	out->lsda = 0;
	if (cie.sized)
		n = leb(&c, false);
	rules = c;
	out->part = begins_with_frame(&rules, n);
	if (cie.sized && cie.handlers != OMITTED)
		out->lsda = encoded(&c, cie.handlers);
	return !c.bad && out->start;
}

/* Find the first description; false: there is none. */
static bool first_fde(const struct tl_inroads *r, struct cursor *c)
{
	uint8_t how;

	if (!r->unwind || !cursor_at(c, r, r->unwind))
		return false;
	skip(c, 1);
	how = (uint8_t)fixed(c, 1, false);
	skip(c, 2);
	return !c->bad && cursor_at(c, r, encoded(c, how));
}

/* Read the next one; false: that was the last. */
static bool next_fde(struct cursor *c, struct described *out)
{
	uint64_t len, from, id;
	bool good;

	for (;;) {
		len = fixed(c, 4, false);
		if (len == 0xffffffff)
			len = fixed(c, 8, false);
		if (len < 4 || c->bad)
			return false;
		from = c->addr;
		id = fixed(c, 4, false);
		good = id && !c->bad && read_fde(c->r, *c, from - id, out);
		skip(c, len - 4);
		if (good)
			return true;
	}
}

/* A table belongs to one function; negative: they are each other's, many times. */
static int scan_unwind(struct tl_inroads *r)
{
	struct described d;
	uint64_t left = 0, bytes;
	struct cursor c;

	if (!first_fde(r, &c))
		return 0;
	for (unsigned int i = 0; i < r->n; i++)
		left += 4 * r->part[i].size;
	while (next_fde(&c, &d)) {
		bytes = d.lsda ? scan_handlers(r, d.lsda, d.start) : 0;
		if (bytes > left)
			return -1;
		left -= bytes;
	}
	return 0;
}

void tl_inroads_functions(const struct tl_inroads *r,
			  void (*fn)(void *arg, uint64_t start, uint64_t end,
				     bool part),
			  void *arg)
{
	struct described d;
	struct cursor c;

	if (!first_fde(r, &c))
		return;
	while (next_fde(&c, &d))
		if (is_code(r, d.start) && d.end > d.start &&
		    is_code(r, d.end - 1))
			fn(arg, d.start, d.end, d.part);
}

int tl_inroads_find(struct tl_inroads *r)
{
	if (r->words)
		return 0;
	scan_code(r);
	scan_tables(r);
	if (r->fixed)
		scan_words(r);
	return scan_unwind(r) ? -1 : scan_dynamic(r);
}
