/* SPDX-License-Identifier: MIT */
/* link: arm64-insn arm64 engine host-template */
/*
 * template.c - the template links with the engine on arm64 too, and refuses
 */
#include "tl_test.h"

#include <trapline/kprobes.h>
#include <trapline/regs.h>

static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}

static int never(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	CHECK(false);
	return 0;
}

TL_TEST(arm64_home_without_executable_memory_gives_enomem)
{
	kprobe_opcode_t *code = (kprobe_opcode_t *)(uintptr_t)twice;
	kprobe_opcode_t before = *code;
	struct kprobe p = { .addr = code, .pre_handler = never };

	CHECK_EQ(register_kprobe(&p), -TL_ENOMEM);
	CHECK_EQ(*code, before);
	CHECK_EQ(twice(21), 42);
}

TL_TEST(arm64_home_without_symbols_gives_enoent)
{
	struct kprobe p = { .symbol_name = "twice", .pre_handler = never };

	CHECK_EQ(register_kprobe(&p), -TL_ENOENT);
}
