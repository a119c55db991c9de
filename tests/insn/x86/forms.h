/* SPDX-License-Identifier: MIT */
/*
 * forms.h - which forms of instructions there are in some big binaries
 *
 * A form is what an instruction is but for the numbers in it: encoding, map,
 * opcode (with what ModRM adds to it), prefixes, vector length and the like,
 * size of immediate, register or memory, and of memory whether it is found from
 * rip or from rsp.  Of each form some samples are kept.
 *
 * Text is decoded from end to end.  Hand-written assembly keeps data there,
 * which adds forms that nobody wrote; they are instructions all the same.
 */
#ifndef FORMS_H
#define FORMS_H

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "insn.h"
#include "tl_test.h"

#define MAX_FORMS (1u << 14)
#define SAMPLES	  6

struct form {
	uint64_t key;
	unsigned long seen;
	uint8_t code[SAMPLES][X86_INSN_MAX];

	/* What was done about it. */
	unsigned long states;
	bool testable; /* not refused for what it is */
	bool by_breakpoint;
	bool by_jump;
	bool runs; /* it did something else than SIGILL */
	int why;   /* why not by jump: enum tl_why */
	const char *untested;
};

static struct form forms[MAX_FORMS];
static unsigned int nr_forms;
static unsigned int form_slots[4 * MAX_FORMS]; /* 1 + index, by key */

static bool form_in(unsigned int v, unsigned int first, unsigned int last)
{
	return v >= first && v <= last;
}

/* Is ModRM.reg a part of the opcode?  (SDM vol. 2, table A-6.) */
static bool form_is_group(const struct x86_insn *in)
{
	unsigned int op = in->opcode;

	if (!in->modrm_off)
		return false;
	if (in->enc == X86_LEGACY && in->map == 0)
		return form_in(op, 0x80, 0x83) || op == 0x8f || op == 0x8e ||
		       form_in(op, 0xc0, 0xc1) || form_in(op, 0xc6, 0xc7) ||
		       form_in(op, 0xd0, 0xd3) || form_in(op, 0xd8, 0xdf) ||
		       form_in(op, 0xf6, 0xf7) || op >= 0xfe;
	if (in->enc == X86_LEGACY && in->map == 1)
		return op <= 1 || op == 0x0d || form_in(op, 0x18, 0x1f) ||
		       form_in(op, 0x71, 0x73) || op == 0xae || op == 0xba ||
		       op == 0xc7;
	if (in->map == 1)
		return form_in(op, 0x71, 0x73) || op == 0xae;
	return in->map == 2 && (op == 0xf3 || form_in(op, 0xc6, 0xc7));
}

/* Where even ModRM.rm is: x87 and 0f 01 with registers. */
static bool form_is_whole_modrm(const struct x86_insn *in)
{
	return in->enc == X86_LEGACY && !(in->attrs & X86_A_MEM) &&
	       (in->map ? in->map == 1 && in->opcode == 1
			: form_in(in->opcode, 0xd9, 0xdf));
}

/* W, vector length, mandatory prefix, broadcast, masking: what is not numbers. */
static uint64_t form_payload(const struct x86_insn *in, const uint8_t *code)
{
	const uint8_t *op = code + in->opcode_off;

	switch (in->enc) {
	case X86_VEX:
		return op[-2] == 0xc5 ? op[-1] & 0x07 : op[-1] & 0x87;
	case X86_XOP:
		return op[-1] & 0x87;
	case X86_EVEX:
		return (op[-2] & 0x83) | (op[-1] & 0xf0) << 8 |
		       (op[-1] & 0x07 ? 4 : 0);
	}
	return in->rex & 8;
}

static uint64_t form_key(const struct x86_insn *in, const uint8_t *code)
{
	uint64_t key = in->opcode | in->map << 8 | in->enc << 12;

	key |= (uint64_t)(in->prefixes & 0x7ff) << 16;
	key |= (uint64_t)in->imm_size << 28;
	key |= (uint64_t) !!in->modrm_off << 32;
	key |= (uint64_t) !!(in->attrs & X86_A_MEM) << 33;
	key |= (uint64_t) !!(in->attrs & X86_A_RIPREL) << 34;
	if (in->attrs & X86_A_MEM)
		key |= (uint64_t)(in->base == X86_REG_RSP) << 35;
	key |= form_payload(in, code) << 36;
	if (form_is_group(in))
		key |= (uint64_t)(8 | (in->modrm >> 3 & 7)) << 54;
	if (form_is_whole_modrm(in))
		key |= (uint64_t)(8 | (in->modrm & 7)) << 58;
	return key;
}

static struct form *form_of(uint64_t key)
{
	unsigned int h = key * 0x9e3779b97f4a7c15ull >> 48;

	for (;; h++) {
		unsigned int *slot = &form_slots[h % TL_ARRAY_SIZE(form_slots)];

		if (*slot && forms[*slot - 1].key == key)
			return &forms[*slot - 1];
		if (*slot)
			continue;
		if (nr_forms == MAX_FORMS)
			return NULL;
		forms[nr_forms].key = key;
		*slot = ++nr_forms;
		return &forms[nr_forms - 1];
	}
}

/* The first, and then ever rarer ones, so that they come from everywhere. */
static void form_add(const struct x86_insn *in, const uint8_t *code,
		     uint64_t *seed)
{
	struct form *f = form_of(form_key(in, code));
	unsigned long i;

	if (!f)
		return;
	i = f->seen++;
	if (i >= SAMPLES)
		i = tl_test_random(seed) % f->seen;
	if (i < SAMPLES)
		memcpy(f->code[i], code, in->len);
}

static unsigned long form_sweep(const uint8_t *code, size_t len, uint64_t addr,
				uint64_t *seed)
{
	unsigned long n = 0;
	struct x86_insn in;

	for (size_t at = 0; at < len; n++) {
		if (x86_decode(&in, code + at, len - at, addr + at)) {
			at++;
			continue;
		}
		form_add(&in, code + at, seed);
		at += in.len;
	}
	return n;
}

/* How many instructions the file at @path has; 0: it is not there. */
static unsigned long form_read_file(const char *path, uint64_t *seed)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const uint8_t *file = MAP_FAILED;
	unsigned long n = 0;
	const Elf64_Shdr *sh;
	struct stat st;

	if (fd < 0)
		return 0;
	if (!fstat(fd, &st))
		file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return 0;
	sh = (const void *)(file + ((const Elf64_Ehdr *)file)->e_shoff);
	for (unsigned int i = 0; i < ((const Elf64_Ehdr *)file)->e_shnum; i++)
		if (sh[i].sh_type == SHT_PROGBITS &&
		    (sh[i].sh_flags & SHF_EXECINSTR))
			n += form_sweep(file + sh[i].sh_offset, sh[i].sh_size,
					sh[i].sh_addr, seed);
	munmap((void *)file, st.st_size);
	return n;
}

static void form_read_all(uint64_t *seed)
{
	static const char *const files[] = {
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libsqlite3.so.0",
		"/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/usr/bin/redis-server",
		"/usr/bin/python3.11",
		"/usr/bin/gdb",
	};
	const char *const *path;
	char line[160];

	for_each_row(path, files) {
		unsigned int before = nr_forms;
		unsigned long n = form_read_file(*path, seed);
		int len = snprintf(line, sizeof(line),
				   n ? "# %s: %lu instructions, %u new forms\n"
				     : "# %s is not there: skipped\n",
				   *path, n, nr_forms - before);

		tl_test_write(line, len);
	}
}

#endif
