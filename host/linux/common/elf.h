/* SPDX-License-Identifier: MIT */
/*
 * elf.h - the tables of an ELF file of 64 bits (gABI, chapters 4 and 5)
 *
 * The C library's <elf.h> is not for code without one.
 */
#ifndef TL_LINUX_ELF_H
#define TL_LINUX_ELF_H

#include <stdint.h>

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_section {
	uint32_t name, type;
	uint64_t flags, addr, offset, size;
	uint32_t link, info;
	uint64_t addralign, entsize;
};

struct elf_symbol {
	uint32_t name;
	uint8_t info, other;
	uint16_t shndx;
	uint64_t value, size;
};

#endif
