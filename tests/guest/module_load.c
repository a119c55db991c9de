/* SPDX-License-Identifier: MIT */
/* module_load.c - modules come, are called, and go, without and with the engine */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <tl_test.h>

typedef long (*fn1)(long);
typedef long (*fn2)(long, long);

static uintptr_t address(const char *name)
{
	const struct symbol *sym = symbol_by_name(name);

	return sym ? sym->addr : 0;
}

TL_TEST(a_module_is_loaded_called_and_unloaded)
{
	size_t before;

	REQUIRE(module_load("victim", "") == 0); /* the heap keeps some pages */
	REQUIRE(module_unload("victim") == 0);
	before = page_nr_free();
	for (int i = 0; i < 20; i++) {
		uintptr_t sum;

		REQUIRE(module_load("victim", "") == 0);
		sum = address("victim_sum");
		REQUIRE(sum && address("victim_text"));
		CHECK(module_text(sum) && text_is_allocated(sum));
		CHECK_STR(symbol_by_addr(sum + 1)->name, "victim_sum");
		CHECK_EQ(((fn2)sum)(40, 2), 42);
		CHECK_EQ(((fn1)address("victim_text"))(2), 9);
		CHECK_EQ(((fn1)address("victim_state"))(5), 47);
		CHECK_EQ(((fn1)address("victim_state"))(5), 52);
		CHECK_EQ(module_load("victim", ""), -EEXIST);
		CHECK_EQ(module_unload("victim"), 0);
		CHECK(!address("victim_sum") && !symbol_by_addr(sum + 1));
		CHECK(!module_text(sum) && !text_is_allocated(sum));
		CHECK_EQ(module_unload("victim"), -ENOENT);
	}
	CHECK_EQ(page_nr_free(), before);
}

static const struct module *looked_at;
static unsigned int text, read, data, wrong;

static bool in_area(const struct module_area *a, uintptr_t virt)
{
	return virt - a->start < a->pages * KERN_PAGE_SIZE;
}

static void look(const struct map_entry *e, void *arg)
{
	const struct module *m = looked_at;
	bool t = in_area(&m->text, e->virt), r = in_area(&m->read, e->virt),
	     d = in_area(&m->data, e->virt);

	(void)arg;
	text += t;
	read += r;
	data += d;
	wrong += (t && (e->write || !e->exec)) ||
		 (r && (e->write || e->exec)) ||
		 (d && (!e->write || e->exec)) || ((t || r || d) && e->user) ||
		 (e->write && e->exec);
}

TL_TEST(a_modules_text_is_not_writable_nor_its_data_executable)
{
	struct module *m;

	REQUIRE(module_load("victim", "") == 0);
	m = module_get("victim");
	REQUIRE(m);
	looked_at = m;
	text = read = data = wrong = 0;
	mmu_walk(look, NULL);
	CHECK_EQ(text, m->text.pages);
	CHECK_EQ(read, m->read.pages);
	CHECK_EQ(data, m->data.pages);
	CHECK(text >= 1 && read >= 1 && data >= 2);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(module_unload("victim"), -EBUSY); /* held */
	module_put(m);
	CHECK_EQ(module_unload("victim"), 0);
}

TL_TEST(a_module_that_cannot_begin_leaves_nothing)
{
	size_t before;

	CHECK_EQ(module_load("begins_badly", ""), -77);
	before = page_nr_free();
	CHECK_EQ(module_load("nobody", ""), -ENOENT);
	CHECK_EQ(module_load("lacks_symbol", ""), -ENOENT);
	CHECK_EQ(module_load("begins_badly", ""), -77);
	CHECK(!module_get("begins_badly") && !module_get("lacks_symbol"));
	CHECK_EQ(page_nr_free(), before);
}
