/* SPDX-License-Identifier: MIT */
/*
 * insn_fixture.h - one instruction, executed with random registers
 *
 * emit() writes code around it that loads all registers (but rsp) and flags from an
 * image and stores them there again.
 */
#ifndef TL_INSN_FIXTURE_H
#define TL_INSN_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "tl_test.h"

#define DATA  2048 /* of the page: registers, below */
#define PAGES 8192 /* the second is the test's */

struct image {
	uint64_t gp[16];
	uint64_t flags;
	uint64_t stack; /* ours */
};

static uint8_t *page;
static size_t at;
static uint64_t seed;

static void byte(uint8_t b)
{
	page[at++] = b;
}

/* What comes leads to @p of the page, relative to its own end. */
static void to_data(size_t offset)
{
	int32_t rel = (int32_t)(DATA + offset) - (int32_t)(at + 4);

	memcpy(page + at, &rel, 4);
	at += 4;
}

/* mov between register @n and the image; @op 8b: load, 89: store. */
static void move(uint8_t op, unsigned int n, size_t offset)
{
	byte(0x48 | (n >> 3) << 2);
	byte(op);
	byte((uint8_t)(5 | (n & 7) << 3));
	to_data(offset);
}

/* Write the code around @insn; where that begins in the page. */
static size_t emit(const uint8_t *insn, size_t len)
{
	static const uint8_t pushes[] = { 0x53, 0x55, 0x41, 0x54, 0x41,
					  0x55, 0x41, 0x56, 0x41, 0x57 };
	static const uint8_t pops[] = { 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
					0x41, 0x5c, 0x5d, 0x5b, 0xfc, 0xc3 };
	size_t start;

	at = 0;
	for (size_t i = 0; i < sizeof(pushes); i++)
		byte(pushes[i]);
	move(0x89, 4, offsetof(struct image, stack));
	byte(0xff); /* push flags; popfq */
	byte(0x35);
	to_data(offsetof(struct image, flags));
	byte(0x9d);
	for (unsigned int n = 0; n < 16; n++)
		if (n != 4)
			move(0x8b, n, 8 * n);
	start = at;
	for (size_t i = 0; i < len; i++)
		byte(insn[i]);
	for (unsigned int n = 0; n < 16; n++)
		move(0x89, n, 8 * n);
	byte(0x9c); /* pushfq; pop flags */
	byte(0x8f);
	byte(0x05);
	to_data(offsetof(struct image, flags));
	move(0x8b, 4, offsetof(struct image, stack));
	for (size_t i = 0; i < sizeof(pops); i++)
		byte(pops[i]);
	return start;
}

static struct image *image(void)
{
	return (struct image *)(page + DATA);
}

static bool start_page(void)
{
	if (!page)
		page = mmap(NULL, PAGES, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	seed = tl_test_seed;
	return page != MAP_FAILED;
}

#endif
