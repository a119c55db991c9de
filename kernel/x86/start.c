/* SPDX-License-Identifier: MIT */
/* start.c - what the loader left behind, and how to leave the machine */

#include "cpu.h"
#include <kern/string.h>
#include <kern/thread.h>

#define START_MAGIC	 0x336ec578
#define EXIT_PORT	 0xf4
#define MAX_COMMAND_LINE 256
#define MAX_MAP		 32
#define MEM_USABLE	 1
#define LOW_MEMORY	 0x100000

/* The loader's structures, as PVH defines them. */
struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modules;
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t memory_map;
	uint32_t nr_memory_map;
	uint32_t reserved;
};

struct memory_map {
	uint64_t base;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

extern uint64_t boot_start_info;

static char command_line[MAX_COMMAND_LINE];
static struct mem_range memory[MAX_MAP];
static size_t nr_memory;

/* Keep what lies above both low memory and the kernel itself. */
static void add_memory(uint64_t base, uint64_t size)
{
	uint64_t first = (uint64_t)kernel_end - KERNEL_BASE;
	uint64_t end = base + size;

	if (base < first)
		base = first;
	if (base < end && nr_memory < MAX_MAP)
		memory[nr_memory++] = (struct mem_range){ base, end - base };
}

/* Copy it all before the allocator can give its pages away. */
static void read_start_info(void)
{
	const struct start_info *info = arch_phys_to_virt(boot_start_info);
	const struct memory_map *map;

	if (info->magic != START_MAGIC)
		return;
	if (info->command_line)
		strcopy(command_line, arch_phys_to_virt(info->command_line),
			sizeof(command_line));
	if (info->version < 1)
		return;
	map = arch_phys_to_virt(info->memory_map);
	for (uint32_t i = 0; i < info->nr_memory_map; i++) {
		if (map[i].type == MEM_USABLE && map[i].base >= LOW_MEMORY)
			add_memory(map[i].base, map[i].size);
	}
}

void arch_early_init(void)
{
	console_init();
	cpu_init(0, &threads[0]);
	threads[0].stack_low = (uintptr_t)boot_stack;
	threads[0].stack_high = (uintptr_t)boot_stack_top;
	idt_init();
	idt_load();
	read_start_info();
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

/* QEMU's debug-exit device turns the value into status (value << 1) | 1. */
void arch_exit(enum exit_status status)
{
	outl(EXIT_PORT, (uint32_t)status >> 1);
	for (;;)
		__asm__ volatile("cli\n\thlt");
}
