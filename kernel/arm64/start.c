/* SPDX-License-Identifier: MIT */
/*
 * start.c - what the loader left behind, and how to leave the machine
 *
 * That is a device tree: of it the kernel wants the memory and the command
 * line.  Everything else is where QEMU's machine `virt` has it (layout.h).
 */

#include "cpu.h"
#include <kern/string.h>
#include <kern/thread.h>

#define TREE_MAGIC	 0xd00dfeed
#define MAX_COMMAND_LINE 256
#define MAX_MAP		 8

enum token { BEGIN_NODE = 1, END_NODE, PROPERTY, NOP, END = 9 };

struct tree {
	uint32_t magic, totalsize, structure, strings;
};

extern uint64_t boot_dtb;

static char command_line[MAX_COMMAND_LINE];
static struct mem_range memory[MAX_MAP];
static size_t nr_memory;

static uint32_t big32(const void *p)
{
	return __builtin_bswap32(*(const uint32_t *)p);
}

static uint64_t big64(const void *p)
{
	return (uint64_t)big32(p) << 32 | big32((const char *)p + 4);
}

/* Keep what lies above the kernel itself; the direct map begins with the memory. */
static void add_memory(uint64_t base, uint64_t size)
{
	uint64_t first = (uint64_t)kernel_end - KERNEL_BASE;
	uint64_t end = base + size;

	if (base < first)
		base = first;
	if (base < end && nr_memory < MAX_MAP)
		memory[nr_memory++] = (struct mem_range){ base, end - base };
}

static void property(const char *node, const char *name, const char *value,
		     uint32_t len)
{
	if (!memcmp(node, "memory@", 7) && !strcmp(name, "reg"))
		for (uint32_t at = 0; at + 16 <= len; at += 16)
			add_memory(big64(value + at), big64(value + at + 8));
	if (!strcmp(node, "chosen") && !strcmp(name, "bootargs") && len)
		strcopy(command_line, value, sizeof(command_line));
}

/* Copy it all before the allocator can give its pages away. */
static void read_tree(void)
{
	const struct tree *tree = arch_phys_to_virt(boot_dtb);
	const char *node = "", *at, *strings;

	if (!boot_dtb || big32(&tree->magic) != TREE_MAGIC)
		return;
	strings = (const char *)tree + big32(&tree->strings);
	for (at = (const char *)tree + big32(&tree->structure);;) {
		enum token token = (enum token)big32(at);

		at += 4;
		if (token == BEGIN_NODE) {
			node = at;
			at += (strlen(at) + 4) & -4ul;
		} else if (token == PROPERTY) {
			uint32_t len = big32(at);

			property(node, strings + big32(at + 4), at + 8, len);
			at += 8 + ((len + 3) & -4u);
		} else if (token != END_NODE && token != NOP) {
			return;
		}
	}
}

void arch_early_init(void)
{
	console_init();
	cpu_init(0, &threads[0]);
	threads[0].stack_low = (uintptr_t)boot_stack;
	threads[0].stack_high = (uintptr_t)boot_stack_top;
	read_tree();
}

size_t arch_memory(struct mem_range *ranges, size_t max)
{
	size_t n = nr_memory < max ? nr_memory : max;

	memcpy(ranges, memory, n * sizeof(*ranges));
	return n;
}

const char *arch_command_line(void)
{
	return command_line;
}

/* Semihosting's SYS_EXIT, an application that ends, with its status. */
void arch_exit(enum exit_status status)
{
	const uint64_t block[2] = { 0x20026, (uint64_t)status };
	register uint64_t x0 __asm__("x0") = 0x18;
	register const uint64_t *x1 __asm__("x1") = block;

	__asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
	for (;;)
		__asm__ volatile("msr daifset, #15\n\twfi");
}
