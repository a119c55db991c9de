/* SPDX-License-Identifier: MIT */
/* link: host/linux/object/inroads.c */
/*
 * inroads.c - whatever leads into a function from outside is found in its file
 *
 * A file is made up for it: one piece of code, which is two functions, and one
 * of data.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inroads.h"
#include "tl_test.h"

#define CODE   0x401000ULL
#define DATA   0x402000ULL
#define SECOND (CODE + 0x800) /* where the second function begins */

static uint8_t file[0x3000];
static uint8_t zeros[65536];
static struct tl_inroads in;

static void put(uint64_t addr, const void *bytes, size_t n)
{
	memcpy(file + (addr - CODE + 0x1000), bytes, n);
}

static void put32(uint64_t addr, uint64_t v)
{
	uint32_t narrow = (uint32_t)v;

	put(addr, &narrow, 4);
}

static void put64(uint64_t addr, uint64_t v)
{
	put(addr, &v, 8);
}

/* An ELF file of @type with nothing in it but nops. */
static void begin(unsigned int type)
{
	uint64_t ph[2][7] = {
		{ 0x500000001, 0x1000, CODE, CODE, 0x1000, 0x1000, 0x1000 },
		{ 0x600000001, 0x2000, DATA, DATA, 0x1000, 0x1000, 0x1000 },
	};

	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	file[16] = (uint8_t)type;
	file[18] = 62;
	file[32] = 64;
	file[54] = 56;
	file[56] = 2;
	memcpy(file + 64, ph, sizeof(ph));
	memset(file + 0x1000, 0x90, 0x1000);
}

static int find(void)
{
	if (tl_inroads_open(&in, file, sizeof(file)))
		return -1;
	memset(zeros, 0, sizeof(zeros));
	if (tl_inroads_room(&in) > sizeof(zeros))
		return -2;
	tl_inroads_use(&in, zeros);
	tl_inroads_function(&in, CODE, SECOND);
	tl_inroads_function(&in, SECOND, CODE + 0x1000);
	return tl_inroads_find(&in);
}

/* How many inroads there are in the first function, behind its first byte. */
static unsigned int inroads(void)
{
	unsigned int n = 0;

	for (uint64_t addr = CODE; addr < SECOND; addr++)
		n += tl_inroads_at(&in, addr) >> 1 & 1;
	return n;
}

#define IS_INROAD(addr) CHECK_EQ(tl_inroads_at(&in, (addr)-5) >> 5 & 1, 1)

#define TO (CODE + 0x123)

static const struct {
	const char *name;
	const char *opcode;
	unsigned int len;
} branches[] = {
	{ "jmp", "\xe9", 1 },	  { "call", "\xe8", 1 },
	{ "je", "\x0f\x84", 2 },  { "jg", "\x0f\x8f", 2 },
	{ "lea", "\x8d\x05", 2 }, { "xbegin", "\xc7\xf8", 2 },
};

TL_TEST(branches_from_other_functions_are_found)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(branches); i++) {
		/* up to the very last bytes */
		for (unsigned int at = 0x800; at <= 0x1000 - 4; at += 1) {
			unsigned int len = branches[i].len;

			if (at + len + 4 > 0x1000 || (at > 0x810 && at < 0xfe0))
				continue;
			ROW(branches[i].name);
			begin(3);
			put(CODE + at, branches[i].opcode, len);
			put32(CODE + at + len, TO - (CODE + at + len + 4));
			CHECK_EQ(find(), 0);
			CHECK_EQ(inroads(), 1);
			IS_INROAD(TO);
		}
	}
}

TL_TEST(branches_within_a_function_are_its_own)
{
	begin(3);
	put(CODE + 0x10, "\xe9", 1);
	put32(CODE + 0x11, TO - (CODE + 0x15));
	CHECK_EQ(find(), 0);
	CHECK_EQ(inroads(), 0);
}

TL_TEST(tables_of_offsets_are_followed_from_wherever_they_are_used)
{
	begin(3);
	put(SECOND, "\x8d\x05", 2);
	put32(SECOND + 2, DATA + 64 - (SECOND + 6));
	put(SECOND + 16, "\x8d\x05", 2); /* another, right behind it */
	put32(SECOND + 18, DATA + 76 - (SECOND + 22));
	for (unsigned int i = 0; i < 3; i++)
		put32(DATA + 64 + 4 * i, TO + i - (DATA + 64));
	put32(DATA + 76, CODE + 0x200 - (DATA + 76));
	CHECK_EQ(find(), 0);
	CHECK_EQ(inroads(), 4);
	IS_INROAD(TO);
	IS_INROAD(TO + 2);
	IS_INROAD(CODE + 0x200);
}

TL_TEST(wide_offsets_are_followed_too)
{
	begin(3);
	put(SECOND, "\x8d\x05", 2);
	put32(SECOND + 2, DATA + 64 - (SECOND + 6));
	put64(DATA + 64, TO - (DATA + 64));
	put64(DATA + 72, TO + 7 - (DATA + 64));
	/* read as narrow ones they lead nowhere */
	CHECK_EQ(find(), 0);
	IS_INROAD(TO);
}

TL_TEST(words_are_addresses_only_where_nothing_is_moved)
{
	for (unsigned int type = 2; type <= 3; type++) {
		begin(type);
		put64(DATA + 8, TO);
		put(SECOND, "\xbf", 1); /* mov $TO + 1, %edi */
		put32(SECOND + 1, TO + 1);
		put(SECOND + 8, "\xc7\x44\x24\x08", 4); /* movl $, 8(%rsp) */
		put32(SECOND + 12, TO + 2);
		put(SECOND + 24, "\x68", 1); /* push $ */
		put32(SECOND + 25, TO + 3);
		CHECK_EQ(find(), 0);
		CHECK_EQ(inroads(), type == 2 ? 4 : 0);
	}
}

TL_TEST(what_is_no_code_is_not_known)
{
	begin(3);
	CHECK_EQ(find(), 0);
	CHECK_EQ(tl_inroads_at(&in, DATA), TL_INROADS_UNKNOWN);
	CHECK_EQ(tl_inroads_at(&in, CODE - 1), TL_INROADS_UNKNOWN);
	CHECK_EQ(tl_inroads_at(&in, CODE), 0);
	file[4] = 1;
	CHECK(tl_inroads_open(&in, file, sizeof(file)) != 0);
	CHECK_EQ(tl_inroads_file_bytes(file, sizeof(file)), 0);
	begin(3);
	CHECK_EQ(tl_inroads_file_bytes(file, sizeof(file)), 0x3000);
	CHECK(tl_inroads_open(&in, file, 0x2fff) != 0);
}

/* ---- real files -------------------------------------------------------------- */

static uint8_t *self;
static size_t self_bytes;

static bool read_self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (self)
		return true;
	if (fd < 0 || fstat(fd, &st))
		return false;
	self_bytes = (size_t)st.st_size;
	self = malloc(self_bytes);
	return self && read(fd, self, self_bytes) == (ssize_t)self_bytes &&
	       !close(fd);
}

static void *marks_for(struct tl_inroads *r)
{
	size_t room = tl_inroads_room(r);

	return room < 64u << 20 ? calloc(1, room) : NULL;
}

/* clang-format off */
/* Places inside of it are in data, and in a table of handlers. */
__asm__(".text\n.p2align 4\n.globl led_into, led_pointer, led_handler\n"
	".type led_into, @function\nled_into:\n"
	".cfi_startproc\n.cfi_lsda 0x1b, led_table\n"
	"nop\nnop\nled_pointer: nop\nnop\nled_handler: nop\nret\n"
	".cfi_endproc\n.size led_into, . - led_into\n"
	".pushsection .data.rel.ro, \"aw\"\n.p2align 3\n"
	".quad led_pointer\n.popsection\n"
	".pushsection .gcc_except_table, \"a\"\nled_table:\n"
	".byte 0xff, 0xff, 1, 4\n"
	".byte 0, 2, led_handler - led_into, 0\n.popsection\n");
/* clang-format on */
extern const uint8_t led_into[], led_pointer[], led_handler[];
extern const uint8_t __executable_start[];

TL_TEST(addresses_at_the_very_top_are_refused)
{
	const uint64_t top = -0x2008ull;

	begin(3);
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t addr = top + 0x1000 * i;

		memcpy(file + 64 + 56 * i + 16, &addr, 8);
	}
	CHECK(find() != 0);
}

#define HEADER	 (DATA + 0x10) /* of the unwind tables */
#define TABLES	 (DATA + 0x20)
#define HANDLERS (DATA + 0x800)

/* @n functions that have the same table of handlers, which is 0x700 bytes long. */
static int find_by_handlers(unsigned int n)
{
	static const uint8_t cie[] = { 16,   0,	 0,   0,    0,	  0, 0,
				       0,    1,	 'z', 'L',  'R',  0, 1,
				       0x78, 16, 2,   0x1b, 0x1b, 0 };
	static const uint8_t table[] = { 0xff, 0xff, 1, 0x80, 0x0e };
	const uint64_t ph[7] = { 0x6474e550 | 4ull << 32, 0x2010, HEADER };
	uint64_t at = TABLES + sizeof(cie);

	begin(3);
	memcpy(file + 64 + 2 * 56, ph, sizeof(ph));
	file[56] = 3;
	put(HEADER, "\1\x1b\xff\xff", 4);
	put32(HEADER + 4, TABLES - (HEADER + 4));
	put(TABLES, cie, sizeof(cie));
	for (unsigned int i = 0; i < n; i++, at += 21) {
		put32(at, 17);
		put32(at + 4, at + 4 - TABLES);
		put32(at + 8, CODE - (at + 8));
		put32(at + 12, 0x800);
		put(at + 16, "\4", 1);
		put32(at + 17, HANDLERS - (at + 17));
	}
	put(HANDLERS, table, sizeof(table));
	/* From 0 on, 1 byte: handled at 0x123. */
	put(HANDLERS + sizeof(table), "\0\1\xa3\2", 4);
	return find();
}

TL_TEST(many_functions_with_one_table_of_handlers_are_refused)
{
	CHECK_EQ(find_by_handlers(2), 0);
	IS_INROAD(TO);
	CHECK(find_by_handlers(60) != 0);
}

TL_TEST(relocated_pointers_and_handlers_are_found)
{
	uint64_t bias, start;
	void *marks;

	REQUIRE(read_self());
	REQUIRE(tl_inroads_open(&in, self, self_bytes) == 0);
	marks = marks_for(&in);
	REQUIRE(marks != NULL);
	tl_inroads_use(&in, marks);
	bias = (uintptr_t)__executable_start - in.low;
	start = (uintptr_t)led_into - bias;
	tl_inroads_function(&in, start, start);
	CHECK_EQ(tl_inroads_find(&in), 0);
	CHECK_EQ(tl_inroads_at(&in, start) & 0x3f,
		 1u << (led_pointer - led_into) |
			 1u << (led_handler - led_into));
	free(marks);
}

static void count_function(void *arg, uint64_t start, uint64_t end, bool part)
{
	(void)part;
	*(unsigned int *)arg += end > start;
}

TL_TEST(damaged_files_do_no_harm)
{
	uint64_t seed = tl_test_seed;
	unsigned int good = 0, n = 0;
	uint8_t *copy;

	REQUIRE(read_self());
	copy = malloc(self_bytes);
	REQUIRE(copy != NULL);
	for (unsigned int turn = 0; turn < 200 * tl_test_scale; turn++) {
		size_t len = turn % 4 ? self_bytes
				      : tl_test_random(&seed) % self_bytes;
		void *marks;

		memcpy(copy, self, self_bytes);
		for (unsigned int i = 0; i < 40; i++) {
			uint64_t r = tl_test_random(&seed);

			/* mostly in the headers and tables at the beginning */
			copy[i % 2 ? r % 4096 % self_bytes : r % self_bytes] =
				(uint8_t)(r >> 40);
		}
		memcpy(copy, self, 20);
		if (tl_inroads_open(&in, copy, len))
			continue;
		marks = marks_for(&in);
		if (!marks)
			continue;
		tl_inroads_use(&in, marks);
		good += tl_inroads_find(&in) == 0;
		tl_inroads_functions(&in, count_function, &n);
		free(marks);
	}
	free(copy);
	tl_test_note("damaged files that were read", good);
	CHECK(good > 0);
}
