/* SPDX-License-Identifier: MIT */
/*
 * load.c - mapping the agent into the target
 *
 * One range of addresses, wherever the kernel finds room:
 *
 *     base  image: text r-x, data rw-    private, of the code's memory file
 *           gate                         one anonymous page, wiped in fork children
 *           heap rw-; W's stack at its end  private, of the code's memory file
 *           figures rw-                  shared, of the figures' memory file
 *
 * The events of a session have a memory file and a mapping of their own.
 *
 * The whole range is first reserved as one mapping that bears our name, so
 * that whatever was mapped when we died can be recognized; the gate by its
 * place between two of ours.  The code's file is filled and relocated from
 * outside, and sealed before it is mapped: no alias of it is ever writable.
 * Executable memory for detours is mapped from the same file, near the text it
 * serves.
 */
#define _GNU_SOURCE
#include "hold.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rings.h>
#include <session.h>

#include "guardian.h"
#include "isa.h"
#include "judge.h"

#define PAGE	    4096ul
#define PAGE_UP(n)  (((n) + PAGE - 1) & ~(PAGE - 1))
#define HEAP_BYTES  (64ul << 20)
#define STACK_BYTES (128ul << 10)

extern const uint8_t tl_agent_image[], tl_agent_image_end[];

static const Elf64_Ehdr *ehdr(void)
{
	return (const Elf64_Ehdr *)tl_agent_image;
}

static const Elf64_Phdr *phdr(unsigned int i)
{
	return (const Elf64_Phdr *)(tl_agent_image + ehdr()->e_phoff) + i;
}

/* The image as it is to lie at @base; NULL: no memory, or it is not of that kind. */
static uint8_t *relocate(uint64_t base, uint64_t bytes)
{
	uint64_t rela = 0, size = 0;
	uint8_t *image = calloc(1, bytes);

	if (!image)
		return NULL;
	for (unsigned int i = 0; i < ehdr()->e_phnum; i++)
		if (phdr(i)->p_type == PT_LOAD)
			memcpy(image + phdr(i)->p_vaddr,
			       tl_agent_image + phdr(i)->p_offset,
			       phdr(i)->p_filesz);
	for (unsigned int i = 0; i < ehdr()->e_phnum; i++) {
		const Elf64_Dyn *d;

		if (phdr(i)->p_type != PT_DYNAMIC)
			continue;
		d = (const Elf64_Dyn *)(image + phdr(i)->p_vaddr);
		for (; d->d_tag != DT_NULL; d++) {
			if (d->d_tag == DT_RELA)
				rela = d->d_un.d_ptr;
			if (d->d_tag == DT_RELASZ)
				size = d->d_un.d_val;
			if (d->d_tag == DT_PLTRELSZ)
				goto refuse_it;
		}
	}
	for (uint64_t at = rela; at < rela + size; at += sizeof(Elf64_Rela)) {
		const Elf64_Rela *r = (const Elf64_Rela *)(image + at);

		if (ELF64_R_TYPE(r->r_info) != ISA_RELATIVE)
			goto refuse_it;
		*(uint64_t *)(image + r->r_offset) =
			base + (uint64_t)r->r_addend;
	}
	return image;

refuse_it:
	free(image);
	return NULL;
}

static uint64_t image_span(void)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < ehdr()->e_phnum; i++)
		if (phdr(i)->p_type == PT_LOAD &&
		    phdr(i)->p_vaddr + phdr(i)->p_memsz > end)
			end = phdr(i)->p_vaddr + phdr(i)->p_memsz;
	return PAGE_UP(end);
}

/* ---- memory files -------------------------------------------------------- */

/* The worker's descriptor @fd, for us. */
static int take_fd(pid_t worker, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, worker, 0), mine;

	if (pidfd < 0)
		return -errno;
	mine = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (mine < 0)
		mine = -errno;
	close(pidfd);
	return mine;
}

/* The code's memory file gets the image, and is sealed. */
static int fill_code(struct hold *h, const uint8_t *image)
{
	int fd = take_fd(h->w.pid, h->w.code_fd), err = 0;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)(h->image_bytes + HEAP_BYTES)) ||
	    pwrite(fd, image, h->image_bytes, 0) != (ssize_t)h->image_bytes ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		err = -errno;
	close(fd);
	return err;
}

static void add_section(struct tl_figures *f, uint32_t kind, size_t at,
			size_t size, size_t n)
{
	f->section[f->header.sections++] = (struct tl_section){
		.kind = kind,
		.size = (uint32_t)size,
		.at = at,
		.n = n,
	};
}

/* Field 22 of /proc/@pid/stat; 0: there is no such process. */
uint64_t process_start(pid_t pid)
{
	char path[64], text[1024], *p;
	uint64_t start = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		start = strtoull(p, NULL, 10);
	return start;
}

/* Size, header and seals of the figures, before the target has them. */
static int fill_figures(struct hold *h, uint64_t session)
{
	struct tl_figures *f;

	h->figures_fd = take_fd(h->w.pid, h->w.figures_fd);
	if (h->figures_fd < 0)
		return h->figures_fd;
	if (ftruncate(h->figures_fd, (off_t)sizeof(*f)) ||
	    fcntl(h->figures_fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED,
		 h->figures_fd, 0);
	if (f == MAP_FAILED)
		return -errno;
	h->figures = f;
	f->header.major = TL_MAJOR;
	f->header.minor = TL_MINOR;
	f->header.features = TL_FEATURE_GATE |
			     (h->library ? TL_FEATURE_LIBRARY : 0);
	f->header.total = sizeof(*f);
	f->header.session = session;
	f->header.guardian = (uint32_t)getpid();
	f->header.guardian_start = process_start(getpid());
	f->header.worker = (uint32_t)h->w.pid;
	f->header.target = (uint32_t)h->pid;
	add_section(f, TL_SECTION_MAPPINGS,
		    offsetof(struct tl_figures, mapping), sizeof(f->mapping[0]),
		    TL_MAX_MAPPINGS);
	add_section(f, TL_SECTION_RETURNS, offsetof(struct tl_figures, returns),
		    sizeof(f->returns), 1);
	add_section(f, TL_SECTION_SEMAPHORES,
		    offsetof(struct tl_figures, semaphores),
		    sizeof(f->semaphores), 1);
	add_section(f, TL_SECTION_JOURNAL, offsetof(struct tl_figures, journal),
		    sizeof(f->journal[0]), TL_MAX_SITES);
	add_section(f, TL_SECTION_PROBES, offsetof(struct tl_figures, probe),
		    sizeof(f->probe[0]), TL_MAX_PROBES);
	add_section(f, TL_SECTION_TIMES, offsetof(struct tl_figures, times),
		    sizeof(f->times[0]), TL_MAX_TIMES);
	add_section(f, TL_SECTION_COUNTERS,
		    offsetof(struct tl_figures, counters), TL_COUNTER_BLOCK,
		    TL_COUNTER_BLOCKS);
	add_section(f, TL_SECTION_CALLS, offsetof(struct tl_figures, call),
		    sizeof(f->call[0]), TL_MAX_CALLS);
	add_section(f, TL_SECTION_SESSIONS,
		    offsetof(struct tl_figures, session), sizeof(f->session[0]),
		    TL_MAX_SESSIONS);
	memcpy(f->name, TL_EVENTS_NAME, sizeof(TL_EVENTS_NAME));
	memcpy(f->header.magic, TL_MAGIC, sizeof(f->header.magic));
	return 0;
}

/* ---- mapping ------------------------------------------------------------- */

static int map_at(struct hold *h, uint64_t at, uint64_t len, int prot,
		  int flags, int fd, uint64_t offset)
{
	long got = worker_call(&h->w, SYS_mmap, at, len, (uint64_t)prot,
			       (uint64_t)(flags | MAP_FIXED),
			       (uint64_t)(int64_t)fd, offset);

	return got == (long)at ? 0 : got < 0 ? (int)got : -ENOMEM;
}

/*
 * Text, from the file; where policy lets no memory file be executed, anonymous
 * and written through the worker.
 */
static int map_text(struct hold *h, const uint8_t *image, uint64_t offset,
		    uint64_t len)
{
	int err = map_at(h, h->base + offset, len, PROT_READ | PROT_EXEC,
			 MAP_PRIVATE, h->w.code_fd, offset);

	if (!err)
		return 0;
	h->anonymous_code = true;
	err = map_at(h, h->base + offset, len, PROT_READ | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!err)
		err = mem_write(&h->w, h->base + offset, image + offset, len);
	return err;
}

static int map_image(struct hold *h, const uint8_t *image)
{
	for (unsigned int i = 0; i < ehdr()->e_phnum; i++) {
		const Elf64_Phdr *p = phdr(i);
		uint64_t start = p->p_vaddr & ~(PAGE - 1);
		uint64_t len = PAGE_UP(p->p_vaddr + p->p_memsz) - start;
		int prot = PROT_READ, err;

		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_flags & PF_W)
			prot |= PROT_WRITE;
		if (p->p_flags & PF_X)
			err = map_text(h, image, start, len);
		else
			err = map_at(h, h->base + start, len, prot, MAP_PRIVATE,
				     h->w.code_fd, start);
		if (err)
			return err;
	}
	return 0;
}

/* The first page of the heap has what the agent boots from, and this. */
#define SEMAPHORES_AT 1024

_Static_assert(sizeof(struct tl_boot) <= SEMAPHORES_AT &&
		       SEMAPHORES_AT + TL_MAX_SEMAPHORES *
					       sizeof(struct tl_semaphore) <=
			       PAGE,
	       "the first page");

/* The gate, the heap and the figures, behind the image. */
static int map_rest(struct hold *h)
{
	uint64_t gate = h->base + h->image_bytes;
	uint64_t heap = gate + PAGE;
	struct tl_boot boot = {
		.gate = gate,
		.figures = h->figures_at,
		.heap = heap + PAGE,
		.heap_end = heap + HEAP_BYTES - STACK_BYTES,
	};
	uint8_t open = 1;
	int err;

	if (h->go) {
		boot.heap_end -= TL_STACKS * TL_STACK_BYTES;
		boot.stacks = boot.heap_end;
	}
	err = map_at(h, gate, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	session_kill_point(20);
	if (!err)
		err = (int)worker_call(&h->w, SYS_madvise, gate, PAGE,
				       MADV_WIPEONFORK, 0, 0, 0);
	if (!err)
		err = map_at(h, heap, HEAP_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_NORESERVE, h->w.code_fd,
			     h->image_bytes);
	if (!err)
		err = map_at(h, h->figures_at, sizeof(struct tl_figures),
			     PROT_READ | PROT_WRITE, MAP_SHARED,
			     h->w.figures_fd, 0);
	session_kill_point(21);
	if (!err)
		err = mem_write(&h->w, gate, &open, 1);
	if (!err)
		err = mem_write(&h->w, heap, &boot, sizeof(boot));
	h->boot = heap;
	h->figures->semaphores = (struct tl_semaphores){
		.first = heap + SEMAPHORES_AT,
		.n = TL_MAX_SEMAPHORES,
	};
	h->stack = heap + HEAP_BYTES - 64;
	return err;
}

static int map_all(struct hold *h)
{
	uint8_t *image;
	long base;
	int err;

	h->image_bytes = image_span();
	h->span =
		h->image_bytes + PAGE + HEAP_BYTES + sizeof(struct tl_figures);
	/* Reserved by a mapping of the (still empty) file, for its name. */
	base = worker_call(&h->w, SYS_mmap, 0, h->span, PROT_NONE,
			   MAP_PRIVATE | MAP_NORESERVE, (uint64_t)h->w.code_fd,
			   0);
	if (base < 0)
		return (int)base;
	session_kill_point(19);
	h->base = (uint64_t)base;
	h->figures_at = h->base + h->image_bytes + PAGE + HEAP_BYTES;
	h->figures->mapping[0] =
		(struct tl_mapping){ h->base, h->base + h->span };
	image = relocate(h->base, h->image_bytes);
	if (!image)
		return -ENOEXEC;
	memcpy(&h->at, image + ehdr()->e_entry, sizeof(h->at));
	h->entry = h->base + ehdr()->e_entry;
	err = fill_code(h, image);
	if (!err)
		err = map_image(h, image);
	if (!err)
		err = map_rest(h);
	free(image);
	return err;
}

/* ---- the library ---------------------------------------------------------- */

static int say_no(const struct hold *h, int err)
{
	switch (err) {
	case -EACCES:
		return refuse(
			err,
			"process %d lets no tool in: it has called trapline_serve(false)",
			h->pid);
	case -EBUSY:
		return refuse(
			err,
			"libtrapline in process %d has a session; 'trapline detach -p %d' ends that",
			h->pid, h->pid);
	case -ENODEV:
		return refuse(
			err,
			"process %d was forked in the middle of a registration of its libtrapline, which can do nothing there",
			h->pid);
	case -ETIMEDOUT:
	case -ESRCH:
	case -ECHILD:
		return err;
	}
	return refuse(err, "libtrapline in process %d says: %s", h->pid,
		      strerror(-err));
}

/* A private page of its own; the stack's mapping gave the memory file a length. */
static int map_semaphores(struct hold *h)
{
	long at = worker_call(&h->w, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE, (uint64_t)h->w.code_fd, 0);

	if (at < 0)
		return (int)at;
	h->figures->semaphores = (struct tl_semaphores){
		.first = (uint64_t)at,
		.n = TL_MAX_SEMAPHORES,
	};
	return 0;
}

#define HELLO_MS 30000

/* The figures, and a stack for callers; then ask for a session. */
static int begin_talk(struct hold *h, uint64_t session)
{
	struct talk *t = &h->talk;
	long at = worker_call(&h->w, SYS_mmap, 0, sizeof(*h->figures),
			      PROT_READ | PROT_WRITE, MAP_SHARED,
			      (uint64_t)h->w.figures_fd, 0);
	int err;

	if (at < 0)
		return refuse((int)at, "the figures cannot be mapped: %s",
			      strerror((int)-at));
	session_kill_point(45);
	h->base = h->figures_at = (uint64_t)at;
	h->figures->mapping[0] =
		(struct tl_mapping){ h->base, h->base + sizeof(*h->figures) };
	t->pid = h->pid;
	t->w = &h->w;
	t->figures = h->figures_at;
	t->session = session;
	err = talk_stack(t);
	if (!err)
		err = map_semaphores(h);
	if (err)
		return refuse(err, "a stack cannot be mapped: %s",
			      strerror(-err));
	session_kill_point(46);
	memcpy(h->figures->call, t->stack, sizeof(t->stack));
	for (int i = 0; i < 3; i++) {
		err = talk(t, TL_CALL_HELLO, 0, 0, HELLO_MS);
		if (err != -ENODEV)
			break;
	}
	session_kill_point(47);
	return err ? say_no(h, err) : 0;
}

#define TALK_MS 30000

/* Have the library do it. */
static long have_done(struct hold *h, enum tl_call_what what, uint32_t owner,
		      uint32_t first, uint32_t n)
{
	long err = 0;

	h->talk.owner = owner;
	h->talk.events = h->events[owner].start;
	for (int i = 0; i < 3; i++) {
		err = talk(&h->talk, what, first, n, TALK_MS);
		if (err != -ENODEV)
			break;
	}
	memcpy(h->figures->call, h->talk.stack, sizeof(h->talk.stack));
	return err;
}

long hold_add(struct hold *h, uint32_t owner, uint32_t first, uint32_t n)
{
	if (h->library)
		return have_done(h, TL_CALL_ADD, owner, first, n);
	return hold_command(h, TL_COMMAND(TL_COMMAND_ADD, first, n));
}

long hold_remove(struct hold *h, uint32_t owner)
{
	if (h->library)
		return have_done(h, TL_CALL_REMOVE, owner, 0, 0);
	return hold_command(h, TL_COMMAND(TL_COMMAND_REMOVE, owner, 0));
}

/* ---- events --------------------------------------------------------------- */

/* Where the agent finds the events of session @owner; the library is told. */
static int tell_events(struct hold *h, uint32_t owner)
{
	uint64_t at = h->boot + offsetof(struct tl_boot, events) + 8 * owner;

	return h->library ? 0
			  : mem_write(&h->w, at, &h->events[owner].start, 8);
}

static struct tl_mapping *free_mapping(struct hold *h)
{
	for (int i = 0; i < TL_MAX_MAPPINGS; i++)
		if (!h->figures->mapping[i].start)
			return &h->figures->mapping[i];
	return NULL;
}

/* Map the worker's memory file @file, which we have as @fd. */
static int map_events(struct hold *h, uint32_t owner, long file, int fd)
{
	const uint64_t bytes = sizeof(struct tl_events);
	struct tl_mapping *m = free_mapping(h);
	long at;

	if (!m)
		return -ENOSPC;
	if (ftruncate(fd, (off_t)bytes) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	at = worker_call(&h->w, SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED, (uint64_t)file, 0);
	session_kill_point(56);
	if (at < 0)
		return (int)at;
	h->events[owner] =
		(struct tl_mapping){ (uint64_t)at, (uint64_t)at + bytes };
	m->end = (uint64_t)at + bytes;
	__atomic_store_n(&m->start, (uint64_t)at, __ATOMIC_RELEASE);
	h->events_fd[owner] = fd;
	h->figures->session[owner].events = (uint64_t)at;
	return tell_events(h, owner);
}

int hold_events(struct hold *h, uint32_t owner)
{
	uint64_t name = h->figures_at + offsetof(struct tl_figures, name);
	int fd, err;
	long file;

	/* The target may have written to it. */
	memcpy(h->figures->name, TL_EVENTS_NAME, sizeof(TL_EVENTS_NAME));
	file = worker_memory_file(&h->w, name);
	if (file < 0)
		return refuse((int)file, "it may not make memory files");
	session_kill_point(55);
	fd = take_fd(h->w.pid, (int)file);
	err = fd < 0 ? fd : map_events(h, owner, file, fd);
	/* The mapping keeps it. */
	worker_call(&h->w, SYS_close_range, (uint64_t)file, (uint64_t)file, 0,
		    0, 0, 0);
	if (err) {
		if (fd >= 0 && !h->events[owner].end)
			close(fd);
		hold_drop_events(h, owner);
		return refuse(err, "the events cannot be mapped: %s",
			      strerror(-err));
	}
	return fd;
}

void hold_let_go(const struct hold *h, uint32_t owner)
{
	struct tl_events *e;

	if (!h->events[owner].end)
		return;
	e = mmap(NULL, sizeof(*e), PROT_READ | PROT_WRITE, MAP_SHARED,
		 h->events_fd[owner], 0);
	if (e == MAP_FAILED)
		return;
	rings_let_go(e);
	munmap(e, sizeof(*e));
}

void hold_drop_events(struct hold *h, uint32_t owner)
{
	struct tl_mapping *e = &h->events[owner];

	h->figures->session[owner].events = 0;
	if (!e->end)
		return;
	worker_call(&h->w, SYS_munmap, e->start, e->end - e->start, 0, 0, 0, 0);
	for (int i = 0; i < TL_MAX_MAPPINGS; i++)
		if (h->figures->mapping[i].start == e->start)
			h->figures->mapping[i].start = 0;
	*e = (struct tl_mapping){ 0 };
	close(h->events_fd[owner]);
	tell_events(h, owner);
}

int hold_load(struct hold *h, uint64_t session)
{
	struct tl_boot boot;
	char limit[32];
	long result;
	int err;

	err = fill_figures(h, session);
	if (!err && h->library)
		return begin_talk(h, session);
	if (!err)
		err = map_all(h);
	if (err == -ENOMEM) {
		judge_limit(h->pid, "Max address space", limit, sizeof(limit));
		return refuse(
			err,
			"the agent cannot be mapped into it: no room for %" PRIu64
			" MiB (RLIMIT_AS: %s; memory may be short, too)",
			h->span >> 20, limit);
	}
	if (err)
		return refuse(err, "the agent cannot be mapped into it: %s",
			      strerror(-err));
	h->w.syscall_at = h->entry + (uint64_t)(int64_t)h->at.syscall;
	err = worker_start(&h->w, h->entry + (uint64_t)(int64_t)h->at.entry,
			   h->stack, h->boot);
	result = err ? err : hold_serve(h);
	if (result)
		return refuse(result < 0 ? (int)result : -EIO,
			      "the agent does not start: %s",
			      strerror((int)labs(result)));
	if (mem_read(h->w.mem, &boot, h->boot, sizeof(boot)))
		return -EFAULT;
	h->figures->returns = boot.returns;
	session_kill_point(22);
	return 0;
}
