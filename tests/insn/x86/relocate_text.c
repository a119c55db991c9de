/* SPDX-License-Identifier: MIT */
/*
 * relocate_text.c - every instruction of big binaries is relocated and reread
 *
 * What the processor cannot be asked about in bulk: each copy is decoded again
 * and must name the same operands and targets, address by address, from three
 * places: near, at the limit of reach, and beyond it.
 */
/* link: x86-insn */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "insn.h"
#include "tl_test.h"

struct copy {
	struct x86_insn from;
	const uint8_t *code;
	uint64_t to;
	uint8_t out[X86_RELOC_MAX];
	int len;
};

struct tally {
	uint64_t copied, refused, out_of_reach, wrong;
};

static bool reread(const struct copy *c, unsigned int off, struct x86_insn *in)
{
	return off < (unsigned int)c->len &&
	       !x86_decode(in, c->out + off, c->len - off, c->to + off);
}

/* A jump at @off goes to @target, directly or through a literal. */
static bool jumps_to(const struct copy *c, unsigned int off, uint64_t target)
{
	struct x86_insn in;
	uint64_t literal;

	if (!reread(c, off, &in))
		return false;
	if (in.kind == X86_JMP || in.kind == X86_JCC || in.kind == X86_XBEGIN)
		return in.target == target;
	if (in.kind != X86_JMP_IND || in.mem_addr + 8 > c->to + c->len)
		return false;
	memcpy(&literal, c->out + (in.mem_addr - c->to), 8);
	return literal == target;
}

/* The same operation on the same operands. */
static bool same_operation(const struct x86_insn *a, const struct x86_insn *b,
			   int64_t disp_moved)
{
	int64_t disp = b->attrs & X86_A_RIPREL ? a->disp : b->disp;

	return a->map == b->map && a->opcode == b->opcode && a->enc == b->enc &&
	       a->prefixes == b->prefixes && a->rex == b->rex &&
	       a->rm == b->rm && a->base == b->base && a->index == b->index &&
	       a->scale == b->scale && a->imm == b->imm &&
	       a->mem_addr == b->mem_addr && a->disp + disp_moved == disp;
}

static bool conditional_is_right(const struct copy *c)
{
	struct x86_insn in;

	if (!reread(c, 0, &in) || in.kind != X86_JCC)
		return false;
	if (in.target == c->from.target)
		return in.cond == c->from.cond;
	return in.cond == (c->from.cond ^ 1) && in.target == c->to + c->len &&
	       jumps_to(c, in.len, c->from.target);
}

static bool loop_is_right(const struct copy *c)
{
	struct x86_insn loop, over;

	return reread(c, 0, &loop) && loop.kind == X86_LOOP &&
	       loop.cond == c->from.cond && reread(c, loop.len, &over) &&
	       over.kind == X86_JMP && over.target == c->to + c->len &&
	       loop.target == over.next &&
	       jumps_to(c, loop.target - c->to, c->from.target);
}

static bool call_is_right(const struct copy *c)
{
	struct x86_insn push, jmp;
	uint64_t pushed;
	bool rsp = c->from.base == X86_REG_RSP;

	if (!reread(c, 0, &push) || !reread(c, push.len, &jmp))
		return false;
	pushed = push.imm;
	if (push.opcode == 0xff)
		memcpy(&pushed, c->out + (push.mem_addr - c->to), 8);
	if (pushed != c->from.next)
		return false;
	if (c->from.kind == X86_CALL)
		return jumps_to(c, push.len, c->from.target);
	return jmp.kind == X86_JMP_IND &&
	       same_operation(&c->from, &jmp, rsp ? 8 : 0);
}

static bool copy_is_right(const struct copy *c)
{
	struct x86_insn in;

	switch (c->from.kind) {
	case X86_JMP:
	case X86_XBEGIN:
		return jumps_to(c, 0, c->from.target);
	case X86_JCC:
		return conditional_is_right(c);
	case X86_LOOP:
		return loop_is_right(c);
	case X86_CALL:
	case X86_CALL_IND:
		return call_is_right(c);
	case X86_SYSCALL:
		return c->len == c->from.len + 10;
	}
	return reread(c, 0, &in) && in.len == c->len &&
	       in.modrm == c->from.modrm && same_operation(&c->from, &in, 0) &&
	       memcmp(c->code + c->from.len - c->from.imm_size,
		      c->out + c->from.len - c->from.imm_size,
		      c->from.imm_size) == 0;
}

static void show(const struct copy *c)
{
	char line[160];
	int n = snprintf(line, sizeof(line),
			 "# at %#lx to %#lx:", (unsigned long)c->from.addr,
			 (unsigned long)c->to);

	for (int i = 0; i < c->from.len; i++)
		n += snprintf(line + n, sizeof(line) - n, " %02x", c->code[i]);
	n += snprintf(line + n, sizeof(line) - n, "\n");
	tl_test_write(line, n);
}

static void try_copy(struct tally *t, struct copy *c, uint64_t to)
{
	c->to = to;
	c->len = x86_relocate(&c->from, c->code, to, c->out, sizeof(c->out));
	if (c->len == -X86_ERANGE) {
		t->out_of_reach++;
		if (to - c->from.addr + 0x70000000 < 0xe0000000)
			t->wrong++;
	} else if (c->len < 0) {
		t->refused++;
	} else {
		t->copied++;
		if (copy_is_right(c))
			return;
		t->wrong++;
		show(c);
	}
}

static void sweep(struct tally *t, const uint8_t *code, size_t len,
		  uint64_t addr)
{
	static const uint64_t distances[] = { 0x12345, 0x7ff00000,
					      -0x7ff00000ull, 0x123456789000 };
	struct copy c;

	for (size_t at = 0; at < len;) {
		c.code = code + at;
		if (x86_decode(&c.from, c.code, len - at, addr + at)) {
			at++;
			continue;
		}
		for (size_t i = 0; i < TL_ARRAY_SIZE(distances); i++)
			try_copy(t, &c, addr + at + distances[i]);
		at += c.from.len;
	}
}

static bool sweep_file(struct tally *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const Elf64_Shdr *sh;
	const uint8_t *file;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	sh = (const void *)(file + ((const Elf64_Ehdr *)file)->e_shoff);
	for (int i = 0; i < ((const Elf64_Ehdr *)file)->e_shnum; i++) {
		if (sh[i].sh_type == SHT_PROGBITS &&
		    (sh[i].sh_flags & SHF_EXECINSTR))
			sweep(t, file + sh[i].sh_offset, sh[i].sh_size,
			      sh[i].sh_addr);
	}
	munmap((void *)file, st.st_size);
	return true;
}

TL_TEST(copies_name_what_the_originals_name)
{
	static const char *const files[] = {
		"/usr/bin/redis-server",
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libcrypto.so.3",
	};
	const char *const *f;

	for_each_row(f, files) {
		struct tally t = { 0 };

		ROW(*f);
		if (!sweep_file(&t, *f)) {
			tl_test_note("not there, so not tried", 0);
			continue;
		}
		tl_test_note("copied and read again", t.copied);
		tl_test_note("refused", t.refused);
		tl_test_note("out of reach", t.out_of_reach);
		CHECK_EQ(t.wrong, 0);
		CHECK(t.copied > 100000);
	}
}
