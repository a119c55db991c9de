/* SPDX-License-Identifier: MIT */
/* link: tool/image.c tool/frames.c tool/versions.c tool/minidebug.c tool/object.c host/linux/object/inroads.c tool/markers.c tool/gofuncs.c tool/names.c tool/match.c tool/debug.c tool/inlined.c tool/prototype.c tool/lines.c tool/variables.c tool/ISA/registers.c tool/debugfile.c tool/text.c -ldw -lelf -llzma -liberty -lm */
/*
 * tool_image.c - functions are found in ELF files, and no file can harm us
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"
#include "image.h"
#include "inlined.h"
#include "lines.h"
#include "prototype.h"
#include "tl_test.h"
#include "variables.h"

/*
 * libelf and libdw forget some memory when a file lies about its tables.  The
 * command ends soon after, so that is of no interest here.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libelf.so\nleak:libdw.so\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

/* Found again by its name below; nothing in it matters. */
int image_test_function(int a);
__attribute__((noinline, used)) int image_test_function(int a)
{
	return a * 3 + 1;
}

__attribute__((alias("image_test_function"), used)) int
_image_test_alias(int a);

static const struct symbol *named(const struct image *img, const char *name)
{
	for (size_t i = 0; i < img->n; i++)
		if (strcmp(img->symbols[i].name, name) == 0)
			return &img->symbols[i];
	return NULL;
}

static bool open_self(struct image *img)
{
	const char *why;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && image_open(img, fd, "/x", NULL, &why) == 0;
}

TL_TEST(a_function_of_ours_is_found_where_it_is)
{
	const struct symbol *s, *main_fn;
	struct image img;

	REQUIRE(open_self(&img));
	s = named(&img, "image_test_function");
	main_fn = named(&img, "main");
	REQUIRE(s && main_fn);
	CHECK(img.is_64 && img.has_symtab && img.machine == EM_X86_64);
	CHECK(s->kind == SYMBOL_FUNC && s->bind == 0 && s->first);
	CHECK(s->size > 0 && s->size < 4096);
	CHECK(image_has_code(&img, s->addr));
	CHECK_STR(image_find(&img, s->addr + s->size - 1)->name, s->name);
	image_close(&img);
}

TL_TEST(names_of_one_address_are_together_the_plain_one_first)
{
	const struct symbol *s, *alias;
	struct image img;

	REQUIRE(open_self(&img));
	s = named(&img, "image_test_function");
	alias = named(&img, "_image_test_alias");
	REQUIRE(s && alias);
	CHECK(alias->addr == s->addr && s->first && !alias->first);
	CHECK(alias > s);
	for (size_t i = 1; i < img.n; i++) {
		REQUIRE(img.symbols[i].addr >= img.symbols[i - 1].addr);
		REQUIRE(img.symbols[i].first ==
			(img.symbols[i].addr != img.symbols[i - 1].addr));
	}
	image_close(&img);
}

TL_TEST(unwind_tables_give_bounds)
{
	const struct symbol *s;
	uint64_t start = 0, end = 0;
	struct image img;

	REQUIRE(open_self(&img));
	s = named(&img, "image_test_function");
	REQUIRE(s != NULL);
	CHECK(frames_bounds(&img, s->addr + 1, &start, &end));
	CHECK(start <= s->addr + 1 && end > s->addr + 1);
	CHECK(end <= s->addr + s->size);
	CHECK(!frames_bounds(&img, 1, &start, &end));
	image_close(&img);
}

TL_TEST(unwind_tables_give_whole_functions)
{
	/* Long ones, which save registers: a row of the table is less. */
	static const char *const names[] = { "image_open", "image_find",
					     "lines_between", "variables_at" };
	uint64_t start = 0, end = 0;
	struct image img;

	REQUIRE(open_self(&img));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct symbol *s = named(&img, names[i]);

		ROW(names[i]);
		REQUIRE(s != NULL);
		REQUIRE(frames_bounds(&img, s->addr + s->size / 2, &start,
				      &end));
		CHECK_EQ(start, s->addr);
		CHECK_EQ(end, s->addr + s->size);
	}
	image_close(&img);
}

TL_TEST(an_address_between_functions_is_in_none)
{
	struct image img;

	REQUIRE(open_self(&img));
	CHECK(image_find(&img, 0) == NULL);
	CHECK(image_find(&img, UINT64_MAX) == NULL);
	CHECK(!image_has_code(&img, UINT64_MAX));
	image_close(&img);
}

TL_TEST(what_is_no_elf_file_is_refused)
{
	struct image img;
	const char *why = NULL;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	CHECK_EQ(image_open(&img, fd, "/etc/passwd", NULL, &why), -1);
	CHECK_STR(why, "it is not an ELF file");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(image_open(&img, fd, "/dev/null", NULL, &why), -1);
}

/* ---- Files that lie --------------------------------------------------------- */

static unsigned char *original;
static size_t original_size;

static bool read_original(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (original)
		return true;
	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	original_size = (size_t)st.st_size;
	original = malloc(original_size);
	if (!original || read(fd, original, original_size) != st.st_size)
		return false;
	close(fd);
	return true;
}

/* Ask the debug information for all it can be asked of one function. */
static void use_debug(struct debug *d, struct image *img,
		      const struct symbol *s)
{
	struct line_codes lines = { 0 };
	struct variables vars = { 0 };
	struct line_code at;

	lines_between(d, s->addr, s->addr + s->size, &lines);
	if (lines.n)
		lines_find(d, lines.code[0].file, lines.code[0].line, &lines);
	line_at(d, s->addr, &at);
	variables_at(d, img, s->addr + s->size / 2, false, true, &vars);
	for (size_t i = 0; i < vars.n; i++) {
		free(debug_type(d, &vars.variable[i].die));
		free(location_text(&vars.variable[i].at));
	}
	variables_free(&vars);
	line_codes_free(&lines);
}

/* Read it as a file and use all that was found. */
static void use(const unsigned char *bytes, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	uint64_t start, end;
	struct prototypes *p;
	struct debug *d;
	struct image img;
	const char *why;

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
		CHECK(!"a memfd");
		return;
	}
	if (image_open(&img, fd, "/x", NULL, &why) != 0)
		return;
	p = prototypes_open(&img);
	d = debug_open(&img);
	for (size_t i = 0; i < img.n; i++) {
		const struct symbol *s = &img.symbols[i];

		free(prototype_at(p, s->addr, s->name));
		CHECK(image_has_code(&img, s->addr));
		CHECK(!s->size || image_has_code(&img, s->addr + s->size - 1));
		CHECK(strlen(s->name) > 0);
		CHECK(image_find(&img, s->addr) != NULL);
		if (i % 16 == 0 && d)
			use_debug(d, &img, s);
		if (i % 16 == 0)
			frames_bounds(&img, s->addr, &start, &end);
	}
	debug_close(d);
	prototypes_close(p);
	image_close(&img);
}

TL_TEST(a_file_cut_short_anywhere_is_survived)
{
	uint64_t state = tl_test_seed;

	REQUIRE(read_original());
	for (size_t len = 0; len < 200; len += 3)
		use(original, len);
	for (unsigned int i = 0; i < 200 * tl_test_scale; i++)
		use(original, tl_test_random(&state) % original_size);
}

/* Where a mistake does the most: headers, tables of sections, symbols. */
static size_t some_place(uint64_t *state)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)original;
	uint64_t r = tl_test_random(state);

	switch (r % 5) {
	case 0:
		return (r >> 8) % sizeof(*eh);
	case 1:
		return eh->e_phoff + (r >> 8) % (eh->e_phnum * 56u);
	case 2:
	case 3:
		return eh->e_shoff + (r >> 8) % (eh->e_shnum * 64u);
	}
	return (r >> 8) % original_size;
}

TL_TEST(a_file_with_wrong_bytes_is_survived)
{
	static const unsigned char bytes[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint64_t state = tl_test_seed + 1;
	unsigned char *copy;

	REQUIRE(read_original());
	copy = malloc(original_size);
	REQUIRE(copy != NULL);
	for (unsigned int i = 0; i < 3000 * tl_test_scale; i++) {
		unsigned int n = 1 + (unsigned int)tl_test_random(&state) % 6;

		memcpy(copy, original, original_size);
		while (n--) {
			uint64_t r = tl_test_random(&state);

			copy[some_place(&state) % original_size] =
				r & 256 ? (unsigned char)r
					: bytes[r % sizeof(bytes)];
		}
		use(copy, original_size);
	}
	free(copy);
}

TL_TEST(a_symbol_cannot_reach_out_of_its_code)
{
	const Elf64_Ehdr *eh;
	Elf64_Shdr *sh;
	unsigned char *copy;

	REQUIRE(read_original());
	copy = malloc(original_size);
	REQUIRE(copy != NULL);
	memcpy(copy, original, original_size);
	eh = (const Elf64_Ehdr *)copy;
	sh = (Elf64_Shdr *)(copy + eh->e_shoff);
	for (unsigned int i = 0; i < eh->e_shnum; i++) {
		Elf64_Sym *sym = (Elf64_Sym *)(copy + sh[i].sh_offset);

		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		for (size_t k = 0; k < sh[i].sh_size / sizeof(*sym); k++) {
			sym[k].st_size = UINT64_MAX;
			if (k & 1)
				sym[k].st_value = UINT64_MAX - k;
		}
	}
	use(copy, original_size);
	free(copy);
}

/* ---- blocks in each other ------------------------------------------------------- */

#define DEEP 4000000

/* A unit, its attributes; a block without any; a function, which has a name. */
static const uint8_t abbreviations[] = {
	1, 0x11, 1, 0x11, 1, 0x12, 7, 0,    0,	     /* low, high */
	2, 0x0b, 1, 0,	  0,			     /* a block */
	3, 0x2e, 0, 3,	  8, 0x11, 1, 0x12, 7, 0, 0, /* name, low, high */
	0,
};

static void put_bytes(uint8_t **at, const void *bytes, size_t n)
{
	memcpy(*at, bytes, n);
	*at += n;
}

/* DEEP blocks in each other, and then a function at 0x1000; how many bytes. */
static size_t put_unit(uint8_t *info)
{
	static const uint8_t head[] = { 4, 0, 0, 0, 0, 0, 8, 1 };
	const uint64_t low = 0x1000, high = 16;
	uint8_t *at = info + 4;
	uint32_t len;

	put_bytes(&at, head, sizeof(head));
	put_bytes(&at, &low, 8);
	put_bytes(&at, &high, 8);
	memset(at, 2, DEEP);
	memset(at + DEEP, 0, DEEP);
	at += 2 * DEEP;
	put_bytes(&at, "\3f", 3);
	put_bytes(&at, &low, 8);
	put_bytes(&at, &high, 8);
	*at++ = 0;
	len = (uint32_t)(at - info - 4);
	memcpy(info, &len, 4);
	return (size_t)(at - info);
}

/* A file with one function and that unit, from malloc(). */
static uint8_t *make_deep(size_t *size)
{
	static const char names[] = "\0.text\0.debug_info\0.debug_abbrev\0.s";
	size_t room = 2 * DEEP + 4096;
	uint8_t *file = calloc(1, room);
	Elf64_Ehdr *e = (Elf64_Ehdr *)file;
	Elf64_Shdr *sh = (Elf64_Shdr *)(file + 64);
	size_t n = put_unit(file + 1024);

	memcpy(e->e_ident, "\177ELF\2\1\1", 7);
	e->e_type = ET_EXEC;
	e->e_machine = EM_X86_64;
	e->e_version = 1;
	e->e_ehsize = sizeof(*e);
	e->e_shentsize = sizeof(*sh);
	e->e_shoff = 64;
	e->e_shnum = 5;
	e->e_shstrndx = 4;
	memcpy(file + 512, names, sizeof(names));
	memcpy(file + 640, abbreviations, sizeof(abbreviations));
	sh[1] = (Elf64_Shdr){ .sh_name = 1,
			      .sh_type = SHT_PROGBITS,
			      .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
			      .sh_addr = 0x1000,
			      .sh_offset = 768,
			      .sh_size = 16 };
	sh[2] = (Elf64_Shdr){ .sh_name = 7,
			      .sh_type = SHT_PROGBITS,
			      .sh_offset = 1024,
			      .sh_size = n };
	sh[3] = (Elf64_Shdr){ .sh_name = 19,
			      .sh_type = SHT_PROGBITS,
			      .sh_offset = 640,
			      .sh_size = sizeof(abbreviations) };
	sh[4] = (Elf64_Shdr){ .sh_name = 33,
			      .sh_type = SHT_STRTAB,
			      .sh_offset = 512,
			      .sh_size = sizeof(names) };
	*size = room;
	return file;
}

TL_TEST(a_million_blocks_in_each_other_are_survived)
{
	struct variables v = { 0 };
	struct inlined copies = { 0 };
	struct debug *d;
	struct image img;
	const char *why;
	uint8_t *file;
	size_t size;

	file = make_deep(&size);
	REQUIRE(!image_open_memory(&img, file, size, &why));
	d = debug_open(&img);
	REQUIRE(d != NULL);
	CHECK(variables_at(d, &img, 0x1004, true, true, &v));
	variables_free(&v);
	CHECK_EQ(inlined_find(d, "f", &copies), 0);
	inlined_free(&copies);
	debug_close(d);
	prototypes_close(prototypes_open(&img));
	image_close(&img);
}
