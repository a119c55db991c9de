/* SPDX-License-Identifier: MIT */
/* symbols.c - the kernel knows its own functions */

#include <kern/printk.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <tl_test.h>

TL_TEST(symbols_are_found_by_name_and_by_address)
{
	const struct symbol *sym = symbol_by_name("printk");

	REQUIRE(sym);
	CHECK_EQ(sym->addr, (uintptr_t)printk);
	CHECK(sym->size > 8 && sym->size < 1000);
	CHECK(symbol_by_addr(sym->addr) == sym);
	CHECK(symbol_by_addr(sym->addr + sym->size - 1) == sym);
	CHECK(symbol_by_addr(sym->addr + sym->size) != sym);
	CHECK(!symbol_by_name("no_such_function"));
	CHECK(!symbol_by_addr(0));
	CHECK(!symbol_by_addr((uintptr_t)&sym));
}

TL_TEST(symbol_table_is_sorted_and_finds_itself)
{
	for (size_t i = 0; i < symbol_table_len; i++) {
		const struct symbol *s = &symbol_table[i];

		ROW(s->name);
		CHECK(s->size > 0);
		CHECK(i == 0 || s[-1].addr <= s->addr);
		REQUIRE(symbol_by_addr(s->addr));
		CHECK_EQ(symbol_by_addr(s->addr)->addr, s->addr);
	}
	CHECK(symbol_table_len > 50);
}

TL_TEST(string_functions_do_what_iso_c_says)
{
	char buf[8] = "abcdef";

	memmove(buf + 1, buf, 4);
	CHECK_STR(buf, "aabcdf");
	memmove(buf, buf + 1, 4);
	CHECK_STR(buf, "abcddf");
	CHECK(memcmp("ab", "ac", 2) < 0 && memcmp("\xff", "a", 1) > 0);
	CHECK_EQ(strcopy(buf, "0123456789", sizeof(buf)), 7);
	CHECK_STR(buf, "0123456");
	CHECK(strcmp("a", "b") < 0 && strcmp("b", "") > 0);
}
