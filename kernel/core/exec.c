/* SPDX-License-Identifier: MIT */
/*
 * exec.c - from a program in the image to a space and a first instruction
 *
 * Programs are static ELF files (kernel/user/) that the build has put into the
 * image.  They are sound, or else refused: each offset is checked against the
 * file, and no page is writable and executable.
 */

#include <kern/debug.h>
#include <kern/errno.h>
#include <kern/space.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>

/* Where its argument is, a multiple of 16. */
#define USER_ARG (USER_STACK_TOP - USER_ARG_MAX)

#define ET_EXEC	 2
#define PT_LOAD	 1
#define PF_EXEC	 1
#define PF_WRITE 2

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static const struct program *find_program(const char *name)
{
	for (const struct program *p = programs_start; p < programs_end; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

/* Copy to @virt, which is mapped, page by page. */
static void put(struct space *space, uintptr_t virt, const void *from,
		size_t len)
{
	while (len) {
		size_t room = KERN_PAGE_SIZE - virt % KERN_PAGE_SIZE;
		size_t n = len < room ? len : room;

		memcpy(space_at(space, virt), from, n);
		virt += n;
		from = (const char *)from + n;
		len -= n;
	}
}

static int load_segment(struct space *space, const char *file, size_t size,
			const struct elf_segment *s)
{
	uintptr_t first = s->vaddr & -(uintptr_t)KERN_PAGE_SIZE;
	uintptr_t end = s->vaddr + s->memsz;
	unsigned int may = (s->flags & PF_WRITE ? SPACE_WRITE : 0) |
			   (s->flags & PF_EXEC ? SPACE_EXEC : 0);
	int err;

	if (s->offset > size || s->filesz > size - s->offset ||
	    s->filesz > s->memsz || end < s->vaddr ||
	    may == (SPACE_WRITE | SPACE_EXEC))
		return -ENOEXEC;
	err = space_map(space, first,
			(end - first + KERN_PAGE_SIZE - 1) / KERN_PAGE_SIZE,
			may);
	if (err)
		return err == -EINVAL ? -ENOEXEC : err;
	put(space, s->vaddr, file + s->offset, s->filesz);
	return 0;
}

static int load(struct space *space, const char *file, size_t size,
		uintptr_t *entry)
{
	static const uint8_t magic[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	const struct elf_header *h = (const void *)file;
	const struct elf_segment *s;
	int err = 0;

	if (size < sizeof(*h) || memcmp(h->ident, magic, sizeof(magic)) ||
	    h->type != ET_EXEC || h->machine != KERN_ELF_MACHINE ||
	    h->phentsize != sizeof(*s) || h->phoff % 8 || h->phoff > size ||
	    h->phnum > (size - h->phoff) / sizeof(*s))
		return -ENOEXEC;
	s = (const void *)(file + h->phoff);
	for (unsigned int i = 0; i < h->phnum && !err; i++)
		if (s[i].type == PT_LOAD && s[i].memsz)
			err = load_segment(space, file, size, &s[i]);
	*entry = h->entry;
	return err;
}

/* The stack, with the argument at its top. */
static int make_stack(struct space *space, const char *arg)
{
	int err = space_map(space,
			    USER_STACK_TOP - USER_STACK_PAGES * KERN_PAGE_SIZE,
			    USER_STACK_PAGES, SPACE_WRITE);

	if (err)
		return err;
	strcopy(space_at(space, USER_ARG), arg, USER_ARG_MAX);
	return 0;
}

int program_load(const char *name, const char *arg, struct space **space,
		 struct user_regs *regs)
{
	const struct program *p = find_program(name);
	struct space *made;
	uintptr_t entry = 0;
	int err;

	if (!p)
		return -ENOENT;
	made = space_new();
	if (!made)
		return -ENOMEM;
	*regs = (struct user_regs){ 0 };
	err = load(made, p->start, (size_t)(p->end - p->start), &entry);
	if (!err)
		err = make_stack(made, arg);
	if (err) {
		space_free(made);
		return err;
	}
	user_begin(regs, entry, USER_ARG, USER_ARG);
	*space = made;
	return 0;
}

/* The calling task becomes @space. */
static void become(struct task *self, struct space *space)
{
	struct space *old = self->space;
	unsigned long flags = sched_lock();

	self->space = space;
	arch_current()->space = space;
	space_use(space);
	sched_unlock(flags);
	space_free(old);
}

long sys_exec(uintptr_t name, uintptr_t arg, struct pt_regs *regs)
{
	struct task *self = task_current();
	char program[TASK_NAME], text[USER_ARG_MAX];
	struct user_regs start;
	struct space *space;
	long err = copy_text_from_user(program, name, sizeof(program));

	if (err >= 0)
		err = copy_text_from_user(text, arg, sizeof(text));
	if (err >= 0)
		err = program_load(program, text, &space, &start);
	if (err < 0)
		return err;
	become(self, space);
	debug_flush(self);
	strcopy(self->name, program, sizeof(self->name));
	for (int i = 0; i < NR_SIGNALS; i++)
		if (self->actions[i].handler != SIG_IGN)
			self->actions[i].handler = SIG_DFL;
	arch_user_set(regs, &start);
	if (self->tracer)
		signal_force(self, SIGTRAP);
	return (long)user_result(
		&start); /* and no other: it is its argument's */
}
