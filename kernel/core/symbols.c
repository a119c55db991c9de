/* SPDX-License-Identifier: MIT */
/* symbols.c - names to addresses and back */

#include <kern/module.h>
#include <kern/string.h>
#include <kern/symbols.h>

const struct symbol *symbol_by_name(const char *name)
{
	for (size_t i = 0; i < symbol_table_len; i++) {
		if (!strcmp(symbol_table[i].name, name))
			return &symbol_table[i];
	}
	return module_symbol_by_name(name);
}

/* The last symbol that starts at or before @addr, or -1. */
static long last_before(uintptr_t addr)
{
	long low = -1, high = (long)symbol_table_len;

	while (high - low > 1) {
		long mid = low + (high - low) / 2;

		if (symbol_table[mid].addr <= addr)
			low = mid;
		else
			high = mid;
	}
	return low;
}

const struct symbol *symbol_by_addr(uintptr_t addr)
{
	const struct symbol *found = NULL;
	long i = last_before(addr);
	uintptr_t start;

	if (module_text(addr))
		return module_symbol_by_addr(addr);
	if (i < 0)
		return NULL;
	for (start = symbol_table[i].addr; i >= 0; i--) {
		if (symbol_table[i].addr != start)
			break;
		if (addr - start < symbol_table[i].size)
			found = &symbol_table[i];
	}
	return found;
}
