/* SPDX-License-Identifier: MIT */
/*
 * noprobe.c - where no probe may be
 *
 * The engine, the architecture and what the host marked TL_NOPROBE are linked
 * into one section, and its bounds, which every linker provides for a section
 * with such a name, are the forbidden range: no list to forget a function in.
 * The copies of other instructions are forbidden as well, and what the host
 * forbids for every kind of probe.
 */
#include "engine.h"

extern const char __start_trapline_text[] __attribute__((visibility("hidden")));
extern const char __stop_trapline_text[] __attribute__((visibility("hidden")));

bool tl_forbidden(uintptr_t addr, size_t len)
{
	uintptr_t start = (uintptr_t)__start_trapline_text;
	uintptr_t stop = (uintptr_t)__stop_trapline_text;

	return (addr < stop && addr + len > start) ||
	       tl_area_overlaps(addr, len);
}
