/* SPDX-License-Identifier: MIT */
/*
 * object.c - what an object file tells about the code in it
 *
 * The file is not to be trusted: every offset is read with pread, which checks
 * it.
 */
#define _GNU_SOURCE
#include "object.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isa.h"

#define MOST_SECTIONS 4096

static bool read_at(int fd, void *dst, size_t len, uint64_t at)
{
	return pread(fd, dst, len, (off_t)at) == (ssize_t)len;
}

static void read_segments(struct object *o, int fd, const Elf64_Ehdr *e)
{
	Elf64_Phdr p;

	for (unsigned int i = 0; i < e->e_phnum && o->n < OBJECT_SEGMENTS;
	     i++) {
		if (!read_at(fd, &p, sizeof(p), e->e_phoff + i * sizeof(p)))
			return;
		/* Of data: its first page may also be the last one of code. */
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X))
			continue;
		o->segment[o->n].offset = p.p_offset;
		o->segment[o->n].size = p.p_filesz;
		o->segment[o->n++].address = p.p_vaddr;
	}
}

#define MOST_NAMES (32u << 20)

/* Is one of the functions that exceptions need among the names of @s? */
static bool names_thrower(int fd, const Elf64_Shdr *s)
{
	static const char *const names[] = {
		"__cxa_throw",		 "__gxx_personality_v0",
		"rust_eh_personality",	 "__gnat_personality_v0",
		"__objc_personality_v0", "__gdc_personality_v0",
		"ghc_personality",	 "__cxa_rethrow",
	};
	bool found = false;
	char *text;

	if (!s->sh_size)
		return false;
	if (s->sh_size > MOST_NAMES)
		return true;
	text = malloc(s->sh_size);
	if (!text || !read_at(fd, text, s->sh_size, s->sh_offset)) {
		free(text);
		return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !found; i++)
		found = memmem(text, s->sh_size, names[i],
			       strlen(names[i]) + 1) != NULL;
	free(text);
	return found;
}

static void section(struct object *o, const char *name, const Elf64_Shdr *s)
{
	if (s->sh_type == SHT_SYMTAB)
		o->stripped = false;
	if (!strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid"))
		o->go = true;
	if (!strncmp(name, ".gcc_except_table", 17) && s->sh_size)
		o->exceptions = true;
	if (!strcmp(name, "__rseq_cs")) {
		o->rseq_at = s->sh_addr;
		o->rseq_n = s->sh_size / 32;
	}
}

static void read_sections(struct object *o, int fd, const Elf64_Ehdr *e)
{
	Elf64_Shdr names, s;
	char name[32];
	ssize_t n;

	if (e->e_shentsize != sizeof(s) || e->e_shnum > MOST_SECTIONS ||
	    !read_at(fd, &names, sizeof(names),
		     e->e_shoff + (uint64_t)e->e_shstrndx * sizeof(s)))
		return;
	for (unsigned int i = 1; i < e->e_shnum; i++) {
		if (!read_at(fd, &s, sizeof(s), e->e_shoff + i * sizeof(s)))
			return;
		n = pread(fd, name, sizeof(name) - 1,
			  (off_t)(names.sh_offset + s.sh_name));
		if (n <= 0)
			continue;
		name[n] = '\0';
		section(o, name, &s);
		if (!strcmp(name, ".strtab") || !strcmp(name, ".dynstr"))
			o->throws |= names_thrower(fd, &s);
	}
}

int object_read(struct object *out, int fd)
{
	Elf64_Ehdr e;

	*out = (struct object){ .stripped = true };
	if (!read_at(fd, &e, sizeof(e), 0))
		return -EIO;
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_machine != ISA_MACHINE)
		return -ENOEXEC;
	if (e.e_phentsize != sizeof(Elf64_Phdr))
		return -EIO;
	read_segments(out, fd, &e);
	read_sections(out, fd, &e);
	return 0;
}

#define MOST_NOTES 65536

/*
 * The note of Trapline's among the @n bytes at @at: where what it says begins,
 * and *@len bytes of it; -1: there is none.
 */
static long find_note(const uint8_t *at, size_t n, size_t align, size_t *len)
{
	static const char name[] = "Trapline";
	const uint8_t *begin = at;
	Elf64_Nhdr h;

	while (n >= sizeof(h)) {
		size_t head, all;

		memcpy(&h, at, sizeof(h));
		if (h.n_namesz > n || h.n_descsz > n)
			return -1;
		head = (sizeof(h) + h.n_namesz + align - 1) & ~(align - 1);
		all = (head + h.n_descsz + align - 1) & ~(align - 1);
		if (h.n_namesz == sizeof(name) &&
		    n >= sizeof(h) + sizeof(name) &&
		    !memcmp(at + sizeof(h), name, sizeof(name))) {
			*len = head + h.n_descsz > n ? 0 : h.n_descsz;
			return at - begin + (long)head;
		}
		if (all > n)
			return -1;
		at += all;
		n -= all;
	}
	return -1;
}

static void read_notes(struct object_library *out, int fd, const Elf64_Phdr *p)
{
	size_t n = p->p_filesz < MOST_NOTES ? p->p_filesz : MOST_NOTES, len = 0;
	uint8_t *notes = malloc(n + 1);
	long at = -1;

	if (notes && read_at(fd, notes, n, p->p_offset))
		at = find_note(notes, n, p->p_align == 8 ? 8 : 4, &len);
	if (at >= 0) {
		out->there = true;
		out->talks = len >= offsetof(struct tl_note, directory);
	}
	if (at >= 0 && out->talks) {
		memcpy(&out->note, notes + at,
		       len < sizeof(out->note) ? len : sizeof(out->note));
		out->server = p->p_vaddr + (uint64_t)at +
			      offsetof(struct tl_note, server) +
			      (uint64_t)(int64_t)out->note.server;
	}
	if (at >= 0 && len >= sizeof(out->note))
		out->directory = p->p_vaddr + (uint64_t)at +
				 offsetof(struct tl_note, directory) +
				 (uint64_t)(int64_t)out->note.directory;
	free(notes);
}

#define MOST_DYNAMIC 1024

/* Is it never unloaded, whoever calls dlclose()? */
static bool is_nodelete(int fd, const Elf64_Phdr *p)
{
	Elf64_Dyn d;

	for (uint64_t i = 0;
	     i < MOST_DYNAMIC && (i + 1) * sizeof(d) <= p->p_filesz; i++) {
		if (!read_at(fd, &d, sizeof(d), p->p_offset + i * sizeof(d)) ||
		    d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_FLAGS_1)
			return d.d_un.d_val & DF_1_NODELETE;
	}
	return false;
}

bool object_library(struct object_library *out, int fd)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	*out = (struct object_library){ 0 };
	if (!read_at(fd, &e, sizeof(e), 0) ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG) ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(p))
		return false;
	for (unsigned int i = 0; i < e.e_phnum; i++) {
		if (!read_at(fd, &p, sizeof(p), e.e_phoff + i * sizeof(p)))
			break;
		if (p.p_type == PT_NOTE && !out->there)
			read_notes(out, fd, &p);
		if (p.p_type == PT_DYNAMIC)
			out->stays = is_nodelete(fd, &p);
	}
	return out->there;
}

uint64_t object_address(const struct object *o, uint64_t offset)
{
	for (unsigned int i = 0; i < o->n; i++) {
		uint64_t start = o->segment[i].offset & ~4095ul;

		if (offset >= start &&
		    offset < o->segment[i].offset + o->segment[i].size)
			return o->segment[i].address - o->segment[i].offset +
			       offset;
	}
	return offset;
}

/* ---- Go ------------------------------------------------------------------ */

struct reader {
	const uint8_t *code;
	size_t at;
};

/* Pass @n bytes that are as @bytes, and @operand more. */
static bool pass(struct reader *r, const char *bytes, size_t n, size_t operand)
{
	if (r->at + n + operand > OBJECT_GO_BYTES ||
	    memcmp(r->code + r->at, bytes, n) != 0)
		return false;
	r->at += n + operand;
	return true;
}

#define PASS(r, bytes, operand) pass(r, bytes, sizeof(bytes) - 1, operand)

/* A conditional jump, as a short one is @opcode. */
static bool pass_jump(struct reader *r, char opcode)
{
	const char near[] = { 0x0f, (char)(opcode + 0x10) };

	return pass(r, &opcode, 1, 1) || pass(r, near, 2, 4);
}

/*
 *	small frames	cmp 16(%r14), %rsp
 *	larger ones	lea -N(%rsp), %r12; cmp 16(%r14), %r12
 *	large ones	mov %rsp, %r12; sub $N, %r12; jb; cmp 16(%r14), %r12
 */
static bool compares_by_register(struct reader *r)
{
	if (PASS(r, "\x49\x3b\x66\x10", 0))
		return true;
	if (!PASS(r, "\x4c\x8d\x64\x24", 1) &&
	    !PASS(r, "\x4c\x8d\xa4\x24", 4) &&
	    !(PASS(r, "\x49\x89\xe4\x49\x81\xec", 4) && pass_jump(r, 0x72)))
		return false;
	return PASS(r, "\x4d\x3b\x66\x10", 0);
}

/*
 *	before Go 1.17	mov %fs:-8, %rcx; then
 *	small frames	cmp 16(%rcx), %rsp
 *	larger ones	lea -N(%rsp), %rax; cmp 16(%rcx), %rax
 */
static bool compares_by_thread(struct reader *r)
{
	if (!PASS(r, "\x64\x48\x8b\x0c\x25\xf8\xff\xff\xff", 0))
		return false;
	if (PASS(r, "\x48\x3b\x61\x10", 0))
		return true;
	return (PASS(r, "\x48\x8d\x44\x24", 1) ||
		PASS(r, "\x48\x8d\x84\x24", 4)) &&
	       PASS(r, "\x48\x3b\x41\x10", 0);
}

unsigned int object_go_check(const uint8_t code[OBJECT_GO_BYTES],
			     bool *by_register)
{
	struct reader r = { .code = code };

	*by_register = compares_by_register(&r);
	if (!*by_register) {
		r.at = 0;
		if (!compares_by_thread(&r))
			return 0;
	}
	return pass_jump(&r, 0x76) ? (unsigned int)r.at : 0;
}

/* ---- inroads -------------------------------------------------------------- */

#define HEAD_BYTES 65536
#define MOST_BYTES (1ull << 31)

/* All bytes up to @len, however many reads it takes. */
static bool read_all(int fd, uint8_t *dst, uint64_t len)
{
	uint64_t done = 0;
	ssize_t n = 1;

	for (; done < len && n > 0; done += (uint64_t)n)
		n = pread(fd, dst + done, len - done, (off_t)done);
	return n >= 0 && done == len;
}

int object_code_read(struct object_code *out, int fd)
{
	uint8_t head[HEAD_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	uint64_t len = n > 0 ? tl_inroads_file_bytes(head, (size_t)n) : 0;

	*out = (struct object_code){ .bytes = NULL };
	if (!len || len > MOST_BYTES)
		return -ENOEXEC;
	out->bytes = malloc(len);
	if (!out->bytes)
		return -ENOMEM;
	if (!read_all(fd, out->bytes, len) ||
	    tl_inroads_open(&out->inroads, out->bytes, len))
		return -EIO;
	out->marks = calloc(1, tl_inroads_room(&out->inroads));
	if (!out->marks)
		return -ENOMEM;
	tl_inroads_use(&out->inroads, out->marks);
	return 0;
}

void object_code_free(struct object_code *c)
{
	free(c->bytes);
	free(c->marks);
	*c = (struct object_code){ .bytes = NULL };
}
