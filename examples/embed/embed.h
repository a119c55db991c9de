/* SPDX-License-Identifier: MIT */
/* embed.h - what the files of this kernel share */
#ifndef EMBED_H
#define EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From kernel.lds: text that probes may be in; memory for slots and detours. */
extern char text_start[], text_end[], slots_start[], slots_end[];
extern char work_start[], work_end[];

/* From boot.S: a copy that may fault, where it does, where it then goes on. */
size_t copy_or_fault(void *dst, const void *src, size_t len);
extern char copy_insn[], copy_fixup[];

/* From boot.S: the entry through which text is written. */
extern volatile uint64_t alias_entry;
#define ALIAS 0x3fe00000ul

#endif
