/* SPDX-License-Identifier: MIT */
/*
 * ifunc.c - what an indirect function chose, in a live process
 *
 * The choice is made by the dynamic loader, once for each binary that uses the
 * function, and written into a slot of that binary's global offset table:
 *
 *	JUMP_SLOT, GLOB_DAT   a slot for the name of a function
 *	IRELATIVE             a slot for the address of the one that chooses,
 *	                      in the same binary
 *
 * So the slots are read.  One that was not bound yet leads back into its own
 * binary and is passed over.  What was chosen may lie in another binary: libc's
 * time() is the vDSO's.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ifunc.h"
#include "isa.h"

struct search {
	struct process *p;
	const struct module *m; /* which has the indirect function … */
	const struct symbol *s; /* … here */
	int mem;
	uint64_t *out;
	size_t n;
};

/*
 * Is there a function of the same name, as memcpy@GLIBC_2.2.5 is one of memcpy's?
 * Then the slot is of who uses that version, and nothing was chosen.
 */
static bool is_other_version(const struct search *q, uint64_t addr)
{
	const struct image *img = q->m->image;
	const struct symbol *at = image_find(img, addr);

	for (; at && at < img->symbols + img->n && at->addr == addr; at++)
		if (at->version && at->kind == SYMBOL_FUNC &&
		    strcmp(at->name, q->s->name) == 0)
			return true;
	return false;
}

static void take_slot(struct search *q, const struct module *user,
		      uint64_t slot)
{
	uint64_t value;

	if (pread(q->mem, &value, sizeof(value), (off_t)slot) !=
		    (ssize_t)sizeof(value) ||
	    value - q->m->bias == q->s->addr ||
	    is_other_version(q, value - q->m->bias) ||
	    (user != q->m && module_has(user, value)) ||
	    !process_module_at(q->p, value))
		return;
	for (size_t i = 0; i < q->n; i++)
		if (q->out[i] == value)
			return;
	if (q->n < IFUNC_CHOICES)
		q->out[q->n++] = value;
}

/* Is the symbol @index of the table @syms the one that is searched for? */
static bool is_named(const struct search *q, Elf *elf, Elf_Data *syms,
		     const GElf_Shdr *head, uint64_t index)
{
	const char *name;
	GElf_Sym sym;

	if (!syms || index > INT32_MAX || !gelf_getsym(syms, (int)index, &sym))
		return false;
	name = elf_strptr(elf, head->sh_link, sym.st_name);
	return name && strcmp(name, q->s->name) == 0;
}

static void scan_relocations(struct search *q, const struct module *user,
			     Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf *elf = user->image->elf;
	Elf_Data *data = elf_getdata(scn, NULL), *syms = NULL;
	Elf_Scn *symscn = elf_getscn(elf, sh->sh_link);
	GElf_Shdr head = { 0 };
	GElf_Rela rela;

	if (!data || !data->d_buf)
		return;
	if (symscn && gelf_getshdr(symscn, &head) && head.sh_type == SHT_DYNSYM)
		syms = elf_getdata(symscn, NULL);
	for (int i = 0; gelf_getrela(data, i, &rela); i++) {
		switch (GELF_R_TYPE(rela.r_info)) {
		case ISA_IRELATIVE:
			if (user != q->m ||
			    (uint64_t)rela.r_addend != q->s->addr)
				continue;
			break;
		case ISA_JUMP_SLOT:
		case ISA_GLOB_DAT:
			/* Its own slots may lead to its own trampolines. */
			if (user == q->m || !is_named(q, elf, syms, &head,
						      GELF_R_SYM(rela.r_info)))
				continue;
			break;
		default:
			continue;
		}
		take_slot(q, user, rela.r_offset + user->bias);
	}
}

size_t ifunc_choices(struct process *p, const struct module *m,
		     const struct symbol *s, uint64_t out[IFUNC_CHOICES])
{
	struct search q = { .p = p, .m = m, .s = s, .out = out };
	char path[64];

	if (!p->pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)p->pid);
	q.mem = open(path, O_RDONLY | O_CLOEXEC);
	if (q.mem < 0)
		return 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct module *user = &p->modules[i];
		Elf_Scn *scn = NULL;
		GElf_Shdr sh;

		if (user->lack || user->image->machine != ISA_MACHINE)
			continue;
		while ((scn = elf_nextscn(user->image->elf, scn)))
			if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA &&
			    (sh.sh_flags & SHF_ALLOC))
				scan_relocations(&q, user, scn, &sh);
	}
	close(q.mem);
	return q.n;
}
