/* SPDX-License-Identifier: MIT */
/* link: arm64-insn */
/* limit: 300 */
/*
 * decode_vs_objdump.c - the tables against another decoder, GNU objdump
 *
 * Every word of the executable sections of the cross compiler's libraries, words
 * of every row of the tables with one bit of each turned, and random ones, are
 * given to both.  Both must say instruction or both not, agree about what kind it
 * is, and about the place that it names by its distance.  Where the two differ
 * and we are right, a rule says with what encoding of the manual; anything
 * else is a failure, and so is a rule that nothing needs.
 *
 * scripts/arm64-libraries fetches larger libraries into build/arm64-libraries,
 * and what is there is compared, too.  TL_SEED replays a random run.
 */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "insn.h"
#include "tl_test.h"

#define BASE	  0x40000000ull /* where objdump believes the words to be */
#define NR_WORDS  (1u << 18)	/* given to objdump at a time */
#define NR_RANDOM 400000

static uint32_t words[NR_WORDS];
static unsigned int nr_words;

static struct tally {
	uint64_t compared, valid, wrong;
} tally;

/* ---- differences in which we are right ---- */

enum side { OURS, THEIRS };

/* clang-format off */
static struct rule {
	enum side accepts;	/* the other one refuses */
	uint32_t mask, value;
	const char *manual;
	uint64_t used;
} rules[] = {
#include "objdump_rules.h"
};
/* clang-format on */

static bool has_rule(uint32_t word, enum side accepts)
{
	struct rule *r;

	for_each_row(r, rules) {
		if (r->accepts == accepts && (word & r->mask) == r->value) {
			r->used++;
			return true;
		}
	}
	return false;
}

/* ---- what objdump says ---- */

static bool is_one_of(const char *text, const char *const *names, size_t n)
{
	size_t len = strcspn(text, " \t.");

	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && !strncmp(text, names[i], len))
			return true;
	return false;
}
#define IS(text, ...)                                         \
	is_one_of(text, (const char *const[]){ __VA_ARGS__ }, \
		  TL_ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* The registers that table_branch.c refuses to be read, and to be written. */
static bool names_state(const char *text)
{
	static const char *const reads[] = { "spsr", "elr", "esr", "far" };
	static const char *const writes[] = {
		"sctlr", "ttbr0", "ttbr1", "tcr", "s3_6_c2_c0_1", "spsel"
	};
	bool read = starts(text, "mrs");
	const char *const *names = read ? reads : writes;
	size_t n = read ? TL_ARRAY_SIZE(reads) : TL_ARRAY_SIZE(writes);
	const char *name = strpbrk(text, "\t");

	name = read && name ? strchr(name, ' ') : name;
	for (size_t i = 0; name && i < n; i++) {
		const char *rest = name + 1 + strlen(names[i]);

		if (starts(name + 1, names[i]) &&
		    (!strchr(names[i], '_') || *rest == ',') &&
		    (starts(rest, "_el1") || starts(rest, "_el2") ||
		     starts(rest, "_el3") || *rest == ',') &&
		    !starts(rest, "_el12"))
			return true;
	}
	return false;
}

/* What is loaded from a literal: its operand is an address. */
static bool is_literal(const char *text)
{
	return strstr(text, ", 0x") && !strchr(text, '[');
}

static enum a64_plan literal_plan(const char *text)
{
	if (starts(text, "prfm"))
		return A64_PREFETCH;
	return strchr("xw", text[strcspn(text, "\t") + 1]) ? A64_SIM_LITERAL
							   : A64_VECTOR_LITERAL;
}

/* cpym, cpyfe, setgm and the like: memory copies, but for their first. */
static bool is_copy_stage(const char *text)
{
	size_t at = 3;

	if (!starts(text, "cpy") && !starts(text, "set"))
		return false;
	at += text[at] == (text[0] == 'c' ? 'f' : 'g');
	return text[at] == 'm' || text[at] == 'e';
}

static enum a64_plan their_plan(const char *text, uint32_t word)
{
	if (IS(text, "b") && text[1] == '.')
		return A64_SIM_B_COND;
	if (IS(text, "bc"))
		return A64_SIM_B_COND;
	if (IS(text, "b", "bl"))
		return A64_SIM_B;
	if (IS(text, "cbz", "cbnz"))
		return A64_SIM_CBZ;
	if (IS(text, "tbz", "tbnz"))
		return A64_SIM_TBZ;
	if (IS(text, "br", "blr", "ret"))
		return A64_SIM_BR;
	if (IS(text, "braa", "brab", "braaz", "brabz", "retaa", "retab"))
		return A64_BR_AUTH;
	if (IS(text, "blraa", "blrab", "blraaz", "blrabz"))
		return A64_BLR_AUTH;
	if (IS(text, "adr", "adrp") && !strchr(text, '['))
		return A64_SIM_ADR;
	if (IS(text, "ldr", "ldrsw", "prfm") && is_literal(text))
		return literal_plan(text);
	if (IS(text, "svc", "hvc", "smc"))
		return A64_CALL;
	if (IS(text, "brk", "hlt", "dcps1", "dcps2", "dcps3"))
		return A64_TRAP;
	if (IS(text, "eret", "eretaa", "eretab", "drps"))
		return A64_ERET;
	if (starts(text, "ldx") || starts(text, "ldax"))
		return A64_LOAD_EX;
	if (starts(text, "stx") || starts(text, "stlx"))
		return A64_STORE_EX;
	/* Some values of spsel have no name. */
	if (word == A64_PACM || (word & 0xfffff0ff) == 0xd50040bf ||
	    (IS(text, "mrs", "msr") && names_state(text)))
		return A64_STATE;
	return is_copy_stage(text) ? A64_MOPS : A64_SLOT;
}

/* ---- comparing ---- */

static void show(uint32_t word, const char *text, const char *what)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "# %s: %08x %s: %.100s\n", what,
			 word, a64_match(word)->name, text);

	if (tally.wrong++ < 40)
		tl_test_write(line, n);
}

static void compare(uint32_t word, uint64_t pc, const char *text)
{
	enum a64_plan plan = a64_match(word)->plan;
	bool ours = plan != A64_UNALLOCATED;
	bool theirs = !starts(text, ".inst");
	uint64_t place;

	tally.compared++;
	tally.valid += theirs;
	if (ours != theirs) {
		if (!has_rule(word, ours ? OURS : THEIRS))
			show(word, text, ours ? "ours alone" : "theirs alone");
		return;
	}
	if (!ours)
		return;
	if (plan != their_plan(text, word))
		show(word, text, "of another kind");
	else if (a64_place(word, pc, &place) &&
		 strtoull(strrchr(text, 'x') - 1, NULL, 0) != place)
		show(word, text, "another place");
}

/* A line is "  ADDRESS:\tWORD \tTEXT", and maybe a comment. */
static bool compare_line(char *line, unsigned int *at)
{
	char *colon = strchr(line, ':'), *text;
	uint32_t word;

	if (!colon || colon[1] != '\t' || *at >= nr_words)
		return true;
	word = (uint32_t)strtoul(colon + 2, &text, 16);
	if (word != words[*at])
		return false;
	text += strspn(text, " \t");
	text[strcspn(text, "\n")] = 0;
	if (strstr(text, "  //"))
		*strstr(text, "  //") = 0;
	compare(word, BASE + 4ull * *at, text);
	(*at)++;
	return true;
}

static const char *objdump(void)
{
	const char *name = "aarch64-linux-gnu-objdump";

	return system("aarch64-linux-gnu-objdump --version >/dev/null 2>&1")
		       ? NULL
		       : name;
}

/* Give the words that have been gathered to both, and begin anew. */
static void flush_words(void)
{
	char path[] = "/tmp/trapline-words.XXXXXX", command[200], line[300];
	int fd = mkstemp(path);
	unsigned int at = 0;
	bool same = true;
	FILE *f;

	REQUIRE(fd >= 0);
	CHECK(write(fd, words, 4 * nr_words) == 4 * (ssize_t)nr_words);
	close(fd);
	snprintf(command, sizeof(command),
		 "%s -D -z -b binary -m aarch64 --adjust-vma=%#llx %s",
		 objdump(), BASE, path);
	f = popen(command, "r");
	while (f && same && fgets(line, sizeof(line), f))
		same = compare_line(line, &at);
	CHECK(f && !pclose(f));
	CHECK(same);
	CHECK_EQ(at, nr_words);
	unlink(path);
	nr_words = 0;
}

static void add_word(uint32_t word)
{
	words[nr_words++] = word;
	if (nr_words == NR_WORDS)
		flush_words();
}

static void begin(void)
{
	tally = (struct tally){ 0 };
	nr_words = 0;
}

static void finish(void)
{
	if (nr_words)
		flush_words();
	tl_test_note("words compared", tally.compared);
	tl_test_note("instructions", tally.valid);
	tl_test_note("wrong", tally.wrong);
	CHECK_EQ(tally.wrong, 0);
}

TL_TEST(random_words_decode_as_in_objdump)
{
	uint64_t seed = tl_test_seed;

	if (!objdump())
		SKIP("aarch64-linux-gnu-objdump is not installed");
	begin();
	for (unsigned int i = 0; i < NR_RANDOM * tl_test_scale; i++)
		add_word((uint32_t)(tl_test_random(&seed) >> 16));
	finish();
	CHECK(tally.valid > tally.compared / 4);
}

static void add_around(uint32_t mask, uint32_t value, unsigned int n,
		       uint64_t *seed)
{
	while (n--) {
		uint32_t word = (uint32_t)(tl_test_random(seed) >> 16);

		word = value | (word & ~mask);
		add_word(word);
		for (unsigned int bit = 0; bit < 32; bit++)
			add_word(word ^ 1u << bit);
	}
}

/* Around the edges of each row: words of it, and those one bit away. */
TL_TEST(words_of_every_row_decode_as_in_objdump)
{
	uint64_t seed = tl_test_seed;
	const struct a64_rule *r;
	const struct rule *d;

	if (!objdump())
		SKIP("aarch64-linux-gnu-objdump is not installed");
	begin();
	for (unsigned int n = 0; (r = a64_rule(n)); n++)
		add_around(r->mask, r->value, 6 * tl_test_scale, &seed);
	for_each_row(d, rules)
		add_around(d->mask, d->value, 200, &seed);
	finish();
}

/* ---- files ---- */

static bool add_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const Elf64_Ehdr *eh;
	const Elf64_Shdr *sh;
	struct stat st;
	void *at;

	if (fd < 0)
		return false;
	at = fstat(fd, &st)
		     ? MAP_FAILED
		     : mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return false;
	eh = at;
	if (st.st_size > (off_t)sizeof(*eh) &&
	    !memcmp(eh->e_ident, ELFMAG, SELFMAG) &&
	    eh->e_machine == EM_AARCH64) {
		sh = (const void *)((char *)at + eh->e_shoff);
		for (unsigned int i = 0; i < eh->e_shnum; i++)
			for (size_t k = 0; sh[i].sh_type == SHT_PROGBITS &&
					   (sh[i].sh_flags & SHF_EXECINSTR) &&
					   k + 4 <= sh[i].sh_size;
			     k += 4)
				add_word(*(const uint32_t *)((char *)at +
							     sh[i].sh_offset +
							     k));
	}
	munmap(at, st.st_size);
	return true;
}

static void compare_file(const char *path)
{
	ROW(path);
	begin();
	if (!add_file(path)) {
		char line[200];
		int n = snprintf(line, sizeof(line),
				 "# %s is not there, so not compared\n", path);

		tl_test_write(line, n);
		return;
	}
	finish();
}

TL_TEST(real_code_decodes_as_in_objdump)
{
	static const char *const files[] = {
		"/usr/aarch64-linux-gnu/lib/libc.so.6",
		"/usr/aarch64-linux-gnu/lib/libm.so.6",
		"/usr/aarch64-linux-gnu/lib/libstdc++.so.6",
	};
	const char *const *f;
	uint64_t sum = 0;

	if (!objdump())
		SKIP("aarch64-linux-gnu-objdump is not installed");
	for_each_row(f, files) {
		compare_file(*f);
		sum += tally.compared;
	}
	CHECK(sum > 250000); /* libc is everywhere */
}

TL_TEST(fetched_libraries_decode_as_in_objdump)
{
	const char *build = getenv("TL_BUILD");
	char path[600];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/arm64-libraries",
		 build ? build : "build");
	dir = opendir(path);
	if (!dir)
		SKIP("no libraries were fetched (scripts/arm64-libraries)");
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/arm64-libraries/%s",
			 build ? build : "build", e->d_name);
		compare_file(path);
	}
	closedir(dir);
}

/* Runs last: all the others have used the rules. */
TL_TEST(every_rule_about_objdump_is_needed)
{
	const struct rule *r;

	if (!tally.compared)
		SKIP("the other tests were not run");
	for_each_row(r, rules) {
		char line[200];
		int n = snprintf(line, sizeof(line), "# rule: %s: %lu\n",
				 r->manual, (unsigned long)r->used);

		tl_test_write(line, n);
		ROW(r->manual);
		CHECK(r->used > 0);
	}
}
