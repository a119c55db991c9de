/* SPDX-License-Identifier: MIT */
/*
 * semaphores.c - markers that a program only reaches while somebody counts them
 *
 * What was raised is written down in private memory of the target, so that a fork
 * child, which has copies of the raised semaphores, has a copy of that too.  We may
 * be killed at any instant, so before a semaphore is changed it is written down
 * how it was: who finds RAISING or LOWERING looks if the change was made.
 *
 * The library that it is in may go meanwhile, and other memory lie there: so it
 * is written down which file's it was, and only that one's is lowered.  If the
 * library has come again, its semaphore is the file's, and 0: it is raised anew.
 *
 * The kernel's uprobes change semaphores as we do, with plain reads and writes.
 */
#include "semaphores.h"

#include <errno.h>
#include <string.h>

#include <session.h>

enum { FREE = 0, RAISING = 1, RAISED = 2, LOWERING = 3 };

/* *@file: of whose data @addr is, or of the zeros behind; 0: nobody's. */
static bool is_data(const struct maps *maps, uint64_t addr, uint64_t *file)
{
	const struct map *m = maps_find(maps, addr);

	if (!m || !m->write || m->exec || addr % 2)
		return false;
	while (m > maps->map && !m->inode && m[-1].end == m->start)
		m--;
	*file = m->inode;
	return true;
}

/* Is the one of @e where it was raised? */
static bool is_there(const struct maps *maps, const struct tl_semaphore *e)
{
	uint64_t file;

	return is_data(maps, e->addr, &file) && file == e->file;
}

static int note(struct worker *w, uint64_t at, struct tl_semaphore *e,
		uint32_t state, uint16_t old)
{
	e->state = state;
	e->old = old;
	return mem_write(w, at, e, sizeof(*e));
}

/* Its entry: the one that has it or, if none does, a free one; 0: none. */
static uint64_t find(struct worker *w, const struct tl_semaphores *s,
		     uint64_t addr, struct tl_semaphore *out)
{
	uint64_t unused = 0;

	for (uint32_t i = 0; i < s->n && i < TL_MAX_SEMAPHORES; i++) {
		uint64_t at = s->first + i * sizeof(*out);

		if (mem_read(w->mem, out, at, sizeof(*out)))
			return 0;
		if (out->state != FREE && out->addr == addr)
			return at;
		if (out->state == FREE && !unused)
			unused = at;
	}
	*out = (struct tl_semaphore){ .addr = addr };
	return unused;
}

int semaphore_raise(struct worker *w, const struct maps *maps,
		    const struct tl_semaphores *s, uint64_t addr)
{
	struct tl_semaphore e;
	uint64_t at = find(w, s, addr, &e), file;
	uint16_t value;
	int err;

	if (!at)
		return -ENOSPC;
	if (!is_data(maps, addr, &file) ||
	    mem_read(w->mem, &value, addr, sizeof(value)))
		return -EFAULT;
	if (e.state != FREE && value && e.file == file)
		return 0;
	/* One more would be none, and could not be taken back. */
	if (value == UINT16_MAX)
		return -EOVERFLOW;
	e.file = file;
	err = note(w, at, &e, RAISING, value);
	session_kill_point(51);
	value++;
	if (!err)
		err = mem_write(w, addr, &value, sizeof(value));
	session_kill_point(52);
	return err ? err : note(w, at, &e, RAISED, 0);
}

static void lower(struct worker *w, const struct maps *maps, uint64_t at,
		  struct tl_semaphore *e)
{
	uint16_t value;

	if (!is_there(maps, e)) {
		note(w, at, e, FREE, 0);
		return;
	}
	if (mem_read(w->mem, &value, e->addr, sizeof(value)))
		return;
	if (e->state == RAISED || (e->state == RAISING && value != e->old))
		note(w, at, e, LOWERING, value);
	session_kill_point(53);
	if (e->state == LOWERING && value && value == e->old) {
		value--;
		mem_write(w, e->addr, &value, sizeof(value));
	}
	session_kill_point(54);
	note(w, at, e, FREE, 0);
}

void semaphore_lower(struct worker *w, const struct maps *maps,
		     const struct tl_semaphores *s, uint64_t addr)
{
	struct tl_semaphore e;
	uint64_t at = find(w, s, addr, &e);

	if (at && e.state != FREE && e.state <= LOWERING)
		lower(w, maps, at, &e);
}

void semaphores_forget(struct worker *w, const struct maps *maps,
		       const struct tl_semaphores *s)
{
	struct tl_semaphore e;

	for (uint32_t i = 0; i < s->n && i < TL_MAX_SEMAPHORES; i++) {
		uint64_t at = s->first + i * sizeof(e);

		if (mem_read(w->mem, &e, at, sizeof(e)))
			return;
		if (e.state != FREE && !is_there(maps, &e))
			note(w, at, &e, FREE, 0);
	}
}

void semaphores_lower(struct worker *w, const struct maps *maps,
		      const struct tl_semaphores *s)
{
	struct tl_semaphore e;

	for (uint32_t i = 0; i < s->n && i < TL_MAX_SEMAPHORES; i++) {
		uint64_t at = s->first + i * sizeof(e);

		if (mem_read(w->mem, &e, at, sizeof(e)))
			return;
		if (e.state != FREE && e.state <= LOWERING)
			lower(w, maps, at, &e);
	}
}
