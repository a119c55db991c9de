/* SPDX-License-Identifier: MIT */
/*
 * reloc.c - the relocations of x86-64 that a compiled module has
 */
#include "module/module.h"

enum {
	R_NONE = 0,
	R_64 = 1,
	R_PC32 = 2,
	R_PLT32 = 4,
	R_GOTPCREL = 9,
	R_32 = 10,
	R_32S = 11,
	R_PC64 = 24,
	R_GOTPCRELX = 41,
	R_REX_GOTPCRELX = 42,
};

bool tl_module_by_word(uint32_t type)
{
	return type == R_GOTPCREL || type == R_GOTPCRELX ||
	       type == R_REX_GOTPCRELX;
}

bool tl_module_by_stub(uint32_t type)
{
	return type == R_PC32 || type == R_PLT32;
}

/*
 *     0           6
 *     +-----------+-----
 *     | jmp *word | int3    ff 25, 32 bits from its end to the word
 *     +-----------+-----
 */
void tl_module_write_stub(uint8_t *stub, uintptr_t word)
{
	int32_t offset = word - (uintptr_t)(stub + 6);

	memset(stub, 0xcc, 16);
	stub[0] = 0xff;
	stub[1] = 0x25;
	memcpy(stub + 2, &offset, sizeof(offset));
}

static int put(void *at, size_t room, uint64_t value, size_t len)
{
	if (len > room)
		return -TL_EINVAL;
	memcpy(at, &value, len);
	return 0;
}

int tl_module_relocate(uint32_t type, void *at, size_t room, uintptr_t place,
		       uint64_t value)
{
	switch (type) {
	case R_NONE:
		return 0;
	case R_64:
		return put(at, room, value, 8);
	case R_PC64:
		return put(at, room, value - place, 8);
	case R_32:
		if (value != (uint32_t)value)
			return -TL_ERANGE;
		return put(at, room, value, 4);
	case R_32S:
		if ((int64_t)value != (int32_t)value)
			return -TL_ERANGE;
		return put(at, room, value, 4);
	case R_PC32:
	case R_PLT32:
	case R_GOTPCREL:
	case R_GOTPCRELX:
	case R_REX_GOTPCRELX:
		value -= place;
		if ((int64_t)value != (int32_t)value)
			return -TL_ERANGE;
		return put(at, room, value, 4);
	}
	return -TL_EINVAL;
}
