/* SPDX-License-Identifier: MIT */
/* reloc.c - the relocations of a module */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/string.h>

#define R_64	1
#define R_PC32	2
#define R_PLT32 4
#define R_32	10
#define R_32S	11
#define R_PC64	24

int arch_relocate(uint32_t type, void *to, size_t room, uintptr_t place,
		  uint64_t value)
{
	bool wide = type == R_64 || type == R_PC64;
	bool relative = type == R_PC32 || type == R_PLT32 || type == R_PC64;
	size_t n = wide ? 8 : 4;

	if (!wide && !relative && type != R_32 && type != R_32S)
		return -ENOEXEC;
	if (relative)
		value -= place;
	if (room < n || (type == R_32 && value != (uint32_t)value) ||
	    (!wide && type != R_32 && value != (uint64_t)(int32_t)value))
		return -ERANGE;
	memcpy(to, &value, n);
	return 0;
}
