/* SPDX-License-Identifier: MIT */
/*
 * everywhere.c - a probe on every function of the kernel, and on every
 * instruction of some, the functions that change text among them
 */

#include "guest.h"
#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define MAX_PROBES 4096

extern char kernel_text[], kernel_text_end[];

static struct kprobe *probes;
static uint8_t *text;
static unsigned long handled;

static int count(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
	return 0;
}

static size_t text_size(void)
{
	return (size_t)(kernel_text_end - kernel_text);
}

/* Keep a copy of the text, and room for the probes. */
static bool prepare(void)
{
	text = kmalloc(text_size());
	probes = kmalloc(MAX_PROBES * sizeof(*probes));
	if (!text || !probes)
		return false;
	memcpy(text, kernel_text, text_size());
	handled = 0;
	return true;
}

static void finish(void)
{
	CHECK_MEM(kernel_text, text, text_size());
	CHECK_EQ(guest_wx_pages(), 0);
	kfree(text);
	kfree(probes);
}

/* Something of everything that the kernel can do. */
static void work(void)
{
	void *pages = page_alloc(3), *exec = text_alloc(2);
	char *heap = kmalloc(100);
	uint32_t word = 0;

	REQUIRE(pages && exec && heap);
	strcopy(heap, "every function is probed", 100);
	printk("# %s: %d, %x\n", heap, -1, 0xabcu);
	CHECK_EQ(text_write(exec, &word, sizeof(word)), 0);
	CHECK_EQ(probe_read(&word, (void *)8, sizeof(word)), -14);
	CHECK_STR(symbol_by_addr((uintptr_t)printk)->name, "printk");
	page_free(pages, 3);
	text_free(exec, 2);
	kfree(heap);
	idle_ms(20);
}

static bool within(uintptr_t addr, const char *start, const char *end)
{
	return addr >= (uintptr_t)start && addr < (uintptr_t)end;
}

/* The engine, and the way from the vectors to it. */
static bool is_forbidden(uintptr_t addr)
{
	extern const char __start_trapline_text[], __stop_trapline_text[];

	return within(addr, __start_trapline_text, __stop_trapline_text) ||
	       within(addr, noprobe_start, noprobe_end);
}

/* Register at @addr; the number of probes that there are then. */
static size_t add_probe(size_t n, uintptr_t addr)
{
	probes[n].addr = (kprobe_opcode_t *)addr;
	probes[n].pre_handler = count;
	if (n + 1 < MAX_PROBES && !register_kprobe(&probes[n]))
		return n + 1;
	memset(&probes[n], 0, sizeof(probes[n]));
	return n;
}

/* clang-format off */
static const struct mode {
	const char *name;
	bool jump, stop;
} modes[] = {
	{ "breakpoint, others running", false, false },
	{ "jump, others running",       true,  false },
	{ "jump, others stopped",       true,  true },
};
/* clang-format on */

static void enter(const struct mode *m)
{
	ROW(m->name);
	host_kernel_optimize(m->jump);
	host_kernel_stop_others(m->stop);
}

static void probe_every_function(void)
{
	size_t n = 0, allowed = 0;

	REQUIRE(prepare());
	for (size_t i = 0; i < symbol_table_len; i++) {
		allowed += !is_forbidden(symbol_table[i].addr);
		n = add_probe(n, symbol_table[i].addr);
	}
	tl_test_note("functions probed at once", n);
	CHECK(n > 150);
	CHECK(n <= allowed && allowed - n <= FUNCTIONS_REFUSED);
	work();
	CHECK(handled > 1000);
	while (n > 0)
		unregister_kprobe(&probes[--n]);
	finish();
}

TL_TEST(every_function_of_the_kernel_can_be_probed_at_once)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		probe_every_function();
	}
}

/* What runs while probes are changed, what interrupts it, and what is deep. */
static const char *const busy[] = {
	"text_write", "tlh_text_write", "tlh_sync_cores", "tick",
	"kfree",      "page_free",	"printk",	  "idle_ms",
	"memmove",    "symbol_by_addr", "console_write",
};

/* Probe every byte of @sym at which an instruction starts; how many. */
static size_t probe_instructions(const struct symbol *sym, struct kprobe *p,
				 struct kprobe **list, int *errors)
{
	size_t kept = 0;

	for (size_t i = 0; i < sym->size; i++) {
		p[i].addr = (kprobe_opcode_t *)sym->addr + i;
		p[i].pre_handler = count;
		list[i] = &p[i];
	}
	trapline_register_each(list, (int)sym->size, errors, NULL);
	for (size_t i = 0; i < sym->size; i++) {
		if (!errors[i])
			list[kept++] = &p[i];
	}
	return kept;
}

static void probe_every_instruction(void)
{
	struct kprobe **list = kmalloc(MAX_PROBES * sizeof(*list));
	int *errors = kmalloc(MAX_PROBES * sizeof(*errors));
	size_t n = 0, tried = 0;

	REQUIRE(prepare() && list && errors);
	for (size_t i = 0; i < TL_ARRAY_SIZE(busy); i++) {
		const struct symbol *sym = symbol_by_name(busy[i]);
		size_t before = n;

		ROW(busy[i]);
		REQUIRE(sym && tried + sym->size <= MAX_PROBES);
		n += probe_instructions(sym, probes + tried, list + n, errors);
		tried += sym->size;
		CHECK(n > before);
	}
	tl_test_note("instructions probed at once", n);
	work();
	CHECK(handled > 10000);
	unregister_kprobes(list, (int)n);
	finish();
	kfree(list);
	kfree(errors);
}

TL_TEST(every_instruction_of_the_busiest_functions_can_be_probed_at_once)
{
	const struct mode *m;

	for_each_row(m, modes) {
		enter(m);
		probe_every_instruction();
	}
}
