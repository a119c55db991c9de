/* SPDX-License-Identifier: MIT */
/* memory.c - pages, heap, and text that is never writable */

#include "guest.h"
#include <guest_isa.h>
#include <kern/arch.h>
#include <kern/isa.h>
#include <kern/memory.h>
#include <kern/string.h>
#include <tl_test.h>

TL_TEST(pages_come_back)
{
	size_t before = page_nr_free();
	char *one = page_alloc(1), *many = page_alloc(17);

	REQUIRE(one && many);
	CHECK_EQ(page_nr_free(), before - 18);
	CHECK_EQ((uintptr_t)many % KERN_PAGE_SIZE, 0);
	CHECK_EQ(many[0] | many[17 * KERN_PAGE_SIZE - 1], 0);
	page_free(one, 1);
	page_free(many, 17);
	CHECK_EQ(page_nr_free(), before);
	CHECK(!page_alloc(before + 1));
}

TL_TEST(heap_objects_are_zeroed_aligned_and_apart)
{
	static const size_t sizes[] = { 1,    16,   17,	  100,	 500,
					2032, 2033, 4080, 70000, 3 };
	uint8_t *p[TL_ARRAY_SIZE(sizes)];

	for (unsigned int round = 0; round < 50; round++) {
		for (size_t i = 0; i < TL_ARRAY_SIZE(sizes); i++) {
			p[i] = kmalloc(sizes[i]);
			REQUIRE(p[i]);
			CHECK_EQ((uintptr_t)p[i] % 16, 0);
			CHECK_EQ(p[i][0] | p[i][sizes[i] - 1], 0);
			memset(p[i], (int)i + 1, sizes[i]);
		}
		for (size_t i = 0; i < TL_ARRAY_SIZE(sizes); i++) {
			CHECK_EQ(p[i][0], i + 1);
			CHECK_EQ(p[i][sizes[i] - 1], i + 1);
			kfree(p[i]);
		}
	}
	kfree(NULL);
	CHECK(!kmalloc((size_t)-1));
}

/* Per physical page: can it be executed, can it be written? */
#define MAX_FRAMES 32768
#define IS_EXEC	   1
#define IS_WRITE   2
static uint8_t frames[MAX_FRAMES];
static unsigned int both_at_once, mapped, low_half;

static void look(const struct map_entry *e, void *arg)
{
	uint64_t frame = (e->phys - KERN_PHYS_BASE) / KERN_PAGE_SIZE;

	(void)arg;
	mapped++;
	both_at_once += e->write && e->exec;
	low_half += !(e->virt >> 63);
	if (frame < MAX_FRAMES)
		frames[frame] |= (e->exec ? IS_EXEC : 0) |
				 (e->write ? IS_WRITE : 0);
}

unsigned int guest_wx_pages(void)
{
	unsigned int n = 0;

	memset(frames, 0, sizeof(frames));
	both_at_once = mapped = low_half = 0;
	mmu_walk(look, NULL);
	for (size_t i = 0; i < MAX_FRAMES; i++)
		n += frames[i] == (IS_EXEC | IS_WRITE);
	return n + both_at_once;
}

TL_TEST(no_page_is_writable_and_executable_by_any_address)
{
	static const uint8_t ret[] = { CODE_RET };
	void *text = text_alloc(3);

	REQUIRE(text);
	REQUIRE(text_write(text, ret, sizeof(ret)) == 0);
	CHECK_EQ(guest_wx_pages(), 0);
	CHECK_EQ(low_half, 0);
	CHECK(mapped > 1000);
	text_free(text, 3);
	CHECK_EQ(guest_wx_pages(), 0);
}

TL_TEST(allocated_text_runs_what_was_written)
{
	static const uint8_t code[] = { CODE_ADD_ONE };
	static const uint8_t unused[] = { CODE_UNUSED };
	size_t before = page_nr_free();
	uint8_t *text = text_alloc(2);
	uint8_t *across = text + KERN_PAGE_SIZE - sizeof(code) / 2;

	REQUIRE(text);
	CHECK_MEM(text, unused, sizeof(unused));
	CHECK_MEM(text + 2 * KERN_PAGE_SIZE - sizeof(unused), unused,
		  sizeof(unused));
	REQUIRE(text_write(across, code, sizeof(code)) == 0);
	text_sync_cpu();
	CHECK_EQ(((int (*)(int))(uintptr_t)across)(41), 42);
	CHECK(text_is_allocated((uintptr_t)across));
	text_free(text, 2);
	CHECK(!text_is_allocated((uintptr_t)across));
	CHECK_EQ(page_nr_free(), before);
}

__attribute__((noinline)) static int answer(void)
{
	int value = 0x1234;

	__asm__ volatile("" : "+r"(value));
	return value;
}

/* The register that a word of code names may be any. */
static bool same(const uint8_t *at, const uint8_t *code, size_t len)
{
	uint8_t copy[8];

	memcpy(copy, at, len);
	copy[0] &= len == 4 ? 0xe0 : 0xff;
	return !memcmp(copy, code, len);
}

TL_TEST(kernel_text_is_changed_by_text_write_alone)
{
	static const uint8_t is[] = { CODE_1234 }, other[] = { CODE_1235 };
	uint8_t *code = (uint8_t *)(uintptr_t)answer, old[64], new[8];
	size_t at = 0;

	memcpy(old, code, sizeof(old));
	while (at < 32 && !same(old + at, is, sizeof(is)))
		at += CODE_ALIGN;
	REQUIRE(at < 32);
	memcpy(new, other, sizeof(other));
	new[0] |= old[at] & ~is[0] & 0x1f;
	REQUIRE(text_write(code + at, new, sizeof(other)) == 0);
	text_sync_cpu();
	CHECK_EQ(answer(), 0x1235);
	REQUIRE(text_write(code + at, old + at, sizeof(other)) == 0);
	text_sync_cpu();
	CHECK_EQ(answer(), 0x1234);
	CHECK_MEM(code, old, sizeof(old));
}

TL_TEST(text_write_refuses_what_is_no_text)
{
	static uint8_t data;
	uint8_t byte = 1;

	CHECK_EQ(text_write(&data, &byte, 1), -14);
	CHECK_EQ(text_write((void *)0, &byte, 1), -14);
	CHECK_EQ(data, 0);
}
