/* SPDX-License-Identifier: MIT */
/*
 * minidebug.h - the symbols that a stripped file keeps compressed
 */
#ifndef TL_MINIDEBUG_H
#define TL_MINIDEBUG_H

/*
 * The ELF file in section .gnu_debugdata of the Elf * @elf, as an Elf *, which is the
 * caller's to end, and *@memory after that to free.  NULL: there is none, or none
 * that can be read.
 */
void *minidebug_open(void *elf, void **memory);

#endif
