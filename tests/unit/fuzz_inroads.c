/* SPDX-License-Identifier: MIT */
/*
 * fuzz_inroads.c - any bytes as a file whose inroads are looked for
 *
 * What is asked of a file is answered, or refused, and in a time that goes by its
 * size.  As a test it spoils a file that is made up; scripts/run-fuzz builds it for
 * libFuzzer.
 */
/* link: host/linux/object/inroads.c */
#include <stdlib.h>
#include <string.h>

#include "inroads.h"

#define MOST_ROOM (1u << 22)
#define BASE	  0x400000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int found;

static void take_function(void *arg, uint64_t start, uint64_t end, bool part)
{
	struct tl_inroads *r = arg;

	(void)part;
	tl_inroads_function(r, start, end);
}

static void take_word(void *arg, uint64_t addr, uint64_t value)
{
	(void)addr;
	found += tl_inroads_at(arg, value) > TL_INROADS_UNKNOWN;
}

static void ask(struct tl_inroads *r, const uint8_t *data, size_t size)
{
	size_t room;
	void *zeros;

	if (tl_inroads_open(r, data, size))
		return;
	room = tl_inroads_room(r);
	zeros = room <= MOST_ROOM ? calloc(1, room) : NULL;
	if (!zeros)
		return;
	tl_inroads_use(r, zeros);
	tl_inroads_functions(r, take_function, r);
	if (!tl_inroads_find(r))
		for (uint64_t i = 0; i < size; i += 16)
			found += tl_inroads_at(r, r->low + i) != 0;
	tl_inroads_words(r, take_word, r);
	free(zeros);
}

static void put(uint8_t *at, uint64_t v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

/*
 * A file with code, data, a dynamic section and unwind tables in one segment each;
 * what is not zero in the header of @data is over it.  Behind the headers all is
 * @data's.
 */
static size_t make_file(uint8_t *file, size_t room, const uint8_t *data,
			size_t size)
{
	static const uint32_t kinds[4][2] = {
		{ 1, 5 }, { 1, 6 }, { 2, 6 }, { 0x6474e550, 4 }
	};
	const size_t head = 64 + 4 * 56;
	size_t all = head + size < room ? head + size : room, piece;

	memset(file, 0, room);
	memcpy(file, "\177ELF\2\1\1", 7);
	file[16] = data[0] & 1 ? 2 : 3;
	file[18] = 62;
	file[32] = 64;
	file[54] = 56;
	file[56] = 4;
	memcpy(file + head, data, all - head);
	piece = (all - head) / 4;
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t *p = file + 64 + 56 * i;
		uint64_t at = head + piece * (i == 3 ? 3 : i);

		put(p, kinds[i][0], 4);
		put(p + 4, kinds[i][1], 4);
		put(p + 8, at, 8);
		put(p + 16, BASE + at, 8);
		/* The data is the rest, which the other two are in. */
		put(p + 32, i == 1 ? all - at : piece, 8);
	}
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[8192];
	struct tl_inroads r;
	uint8_t *copy;
	size_t n;

	if (size < 16)
		return 0;
	n = memcmp(data, "\177ELF", 4)
		    ? make_file(file, sizeof(file), data, size)
		    : 0;
	/* Of its own, so that what is behind it is seen to be read. */
	copy = malloc(n ? n : size);
	if (!copy)
		return 0;
	memcpy(copy, n ? file : data, n ? n : size);
	(void)tl_inroads_file_bytes(copy, n ? n : size);
	ask(&r, copy, n ? n : size);
	free(copy);
	return 0;
}

#ifndef LIBFUZZER
#include "tl_test.h"

/* What such files are made of: opcodes, tags, lengths, addresses of the file. */
static void fill(uint8_t *data, size_t size, uint64_t *seed)
{
	static const uint8_t likely[] = { 0xe8, 0xe9, 0x0f, 0x8d, 0x05, 0xc7,
					  0x68, 0,    1,    2,	  3,	4,
					  5,	6,    7,    8,	  23,	35,
					  36,	0xff, 0x1b, 'z',  'R',	'L' };

	for (size_t i = 0; i < size; i++) {
		uint64_t r = tl_test_random(seed);

		data[i] = r & 3 ? likely[(r >> 8) % sizeof(likely)]
				: (uint8_t)(r >> 16);
		if (r % 11 == 0 && i + 8 <= size) {
			put(data + i, BASE + (r >> 32) % 2048, 8);
			i += 7;
		}
	}
}

TL_TEST(any_file_is_asked_without_harm)
{
	uint64_t seed = tl_test_seed;
	static uint8_t data[1024];

	for (unsigned int i = 0; i < 20000 * tl_test_scale; i++) {
		size_t size = 16 + tl_test_random(&seed) % (sizeof(data) - 16);

		fill(data, size, &seed);
		LLVMFuzzerTestOneInput(data, size);
	}
	/* Enough of them are files in which something is found. */
	CHECK(found > 1000);
}
#endif
