/* SPDX-License-Identifier: MIT */
/*
 * template.c - what an embedder starts from links, boots and does no harm
 *
 * The image holds the engine and host/template as it stands in the tree: a
 * home that can allocate and read, and refuses to change text.
 */

#include <guest_isa.h>
#include <kern/module.h>
#include <kern/probes.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

/* What else the kernel asks a home; nothing fires here. */
const struct module_home *const module_home = NULL;

bool probes_running(char *name, size_t size)
{
	(void)name;
	(void)size;
	return false;
}

__attribute__((noinline)) static long twice(long n)
{
	__asm__ volatile("" : "+r"(n));
	return 2 * n;
}

static int never(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	CHECK(false);
	return 0;
}

TL_TEST(a_home_without_executable_memory_gives_enomem)
{
	uint8_t *code = (uint8_t *)(uintptr_t)twice, before[8];

	for (unsigned int i = 0; i < sizeof(before); i++)
		before[i] = code[i];
	for (unsigned int i = 0; i < 100; i++) {
		struct kprobe p = { .addr = (kprobe_opcode_t *)(uintptr_t)twice,
				    .pre_handler = never };

		CHECK_EQ(register_kprobe(&p), -TL_ENOMEM);
	}
	CHECK_MEM(code, before, sizeof(before));
	CHECK_EQ(twice(21), 42);
}

TL_TEST(a_home_without_symbols_gives_enoent)
{
	struct kprobe p = { .symbol_name = "twice", .pre_handler = never };

	CHECK_EQ(register_kprobe(&p), -TL_ENOENT);
}

static unsigned int foreign_hits;

static bool foreign(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)info;
	foreign_hits++;
	SKIP_BREAKPOINT(regs);
	return true;
}

TL_TEST(breakpoints_of_others_pass_through)
{
	uintptr_t ip;

	trap_set_hook(TRAP_BREAKPOINT, foreign);
	EXECUTE_BREAKPOINT(&ip);
	trap_set_hook(TRAP_BREAKPOINT, NULL);
	CHECK_EQ(foreign_hits, 1);
}
