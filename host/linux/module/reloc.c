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
