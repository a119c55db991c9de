/* SPDX-License-Identifier: MIT */
/* reloc.c - the relocations of a module */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/string.h>

#define R_ABS64	   257
#define R_ABS32	   258
#define R_PREL64   260
#define R_PREL32   261
#define R_ADR_PAGE 275
#define R_ADD_LO12 277
#define R_LO12_8   278
#define R_JUMP26   282
#define R_CALL26   283
#define R_LO12_16  284
#define R_LO12_32  285
#define R_LO12_64  286
#define R_LO12_128 299

/* Put the low @bits of @value into the instruction at @to, from bit @at up. */
static int put_field(void *to, uint64_t value, unsigned int bits,
		     unsigned int at)
{
	uint32_t mask = ((1u << bits) - 1) << at, insn;

	memcpy(&insn, to, sizeof(insn));
	insn = (insn & ~mask) | ((uint32_t)(value << at) & mask);
	memcpy(to, &insn, sizeof(insn));
	return 0;
}

/* The offset in a page of something that @scale bytes are loaded of. */
static int put_low(void *to, uint64_t value, unsigned int scale)
{
	if (value & ((1u << scale) - 1))
		return -ENOEXEC;
	return put_field(to, (value & 0xfff) >> scale, 12, 10);
}

static bool fits(int64_t value, unsigned int bits)
{
	return value >= -(1ll << (bits - 1)) && value < 1ll << (bits - 1);
}

static int put_page(void *to, uintptr_t place, uint64_t value)
{
	int64_t pages = (int64_t)(value >> 12) - (int64_t)(place >> 12);

	if (!fits(pages, 21))
		return -ENOEXEC;
	put_field(to, (uint64_t)pages, 2, 29);
	return put_field(to, (uint64_t)pages >> 2, 19, 5);
}

static int put_branch(void *to, uintptr_t place, uint64_t value)
{
	int64_t offset = (int64_t)(value - place);

	if (offset % 4 || !fits(offset, 28))
		return -ENOEXEC;
	return put_field(to, (uint64_t)offset >> 2, 26, 0);
}

static int put_data(void *to, size_t room, uint64_t value, size_t n)
{
	if (room < n || (n == 4 && (int64_t)value != (int32_t)value &&
			 value != (uint32_t)value))
		return -ENOEXEC;
	memcpy(to, &value, n);
	return 0;
}

int arch_relocate(uint32_t type, void *to, size_t room, uintptr_t place,
		  uint64_t value)
{
	if (room < 4)
		return -ENOEXEC;
	switch (type) {
	case R_ABS64:
		return put_data(to, room, value, 8);
	case R_ABS32:
		return put_data(to, room, value, 4);
	case R_PREL64:
		return put_data(to, room, value - place, 8);
	case R_PREL32:
		return put_data(to, room, value - place, 4);
	case R_ADR_PAGE:
		return put_page(to, place, value);
	case R_ADD_LO12:
	case R_LO12_8:
		return put_low(to, value, 0);
	case R_LO12_16:
		return put_low(to, value, 1);
	case R_LO12_32:
		return put_low(to, value, 2);
	case R_LO12_64:
		return put_low(to, value, 3);
	case R_LO12_128:
		return put_low(to, value, 4);
	case R_JUMP26:
	case R_CALL26:
		return put_branch(to, place, value);
	default:
		return -ENOEXEC;
	}
}
