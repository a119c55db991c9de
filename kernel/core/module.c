/* SPDX-License-Identifier: MIT */
/*
 * module.c - modules: begin, end, and what is known of them meanwhile
 *
 * One mutex is held from the beginning of a load or unload to its end.  The list
 * is also looked at by those who ask for a symbol, in any context:
 *
 *   O1  They take no lock.  Such a look, and at a symbol that was found, is over
 *       when interrupts are on again; or it is made under a lock that
 *       module_home->going() takes.
 *   O2  So a module that has been taken out of the list is freed after going(),
 *       and after every CPU has taken an interrupt.
 */

#include "module_elf.h"
#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/lock.h>
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/thread.h>

static struct mutex loading;
static struct {
	struct spinlock lock;
	struct module *first;
} list;

/* ---- the list ------------------------------------------------------------------ */

/* Lock held. */
static struct module **find(const char *name)
{
	struct module **at = &list.first;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

/* The first that a look without the lock sees, complete (put_in()). */
static const struct module *first(void)
{
	return __atomic_load_n(&list.first, __ATOMIC_ACQUIRE);
}

static bool contains(const struct module *m, uintptr_t addr)
{
	return addr - m->text.start < m->text.pages * KERN_PAGE_SIZE;
}

bool module_text(uintptr_t addr)
{
	unsigned long flags = arch_irq_save(); /* O1 */
	const struct module *m = first();

	while (m && !contains(m, addr))
		m = m->next;
	arch_irq_restore(flags);
	return m;
}

const struct symbol *module_symbol_by_name(const char *name)
{
	unsigned long flags = arch_irq_save(); /* O1 */
	const struct symbol *found = NULL;

	for (const struct module *m = first(); m && !found; m = m->next)
		for (size_t i = 0; i < m->n_symbols && !found; i++)
			if (!strcmp(m->symbols[i].name, name))
				found = &m->symbols[i];
	arch_irq_restore(flags);
	return found;
}

const struct symbol *module_symbol_by_addr(uintptr_t addr)
{
	unsigned long flags = arch_irq_save(); /* O1 */
	const struct symbol *found = NULL;

	for (const struct module *m = first(); m && !found; m = m->next)
		for (size_t i = 0; contains(m, addr) && i < m->n_symbols; i++)
			if (addr - m->symbols[i].addr < m->symbols[i].size)
				found = &m->symbols[i];
	arch_irq_restore(flags);
	return found;
}

void module_each(void (*fn)(const struct module *m, void *arg), void *arg)
{
	mutex_lock(&loading);
	for (const struct module *m = list.first; m; m = m->next)
		fn(m, arg);
	mutex_unlock(&loading);
}

struct module *module_get(const char *name)
{
	unsigned long flags = spin_lock(&list.lock);
	struct module *m = *find(name);

	if (m && m->over)
		m = NULL;
	if (m)
		m->users++;
	spin_unlock(&list.lock, flags);
	return m;
}

void module_put(struct module *m)
{
	unsigned long flags = spin_lock(&list.lock);

	m->users--;
	spin_unlock(&list.lock, flags);
}

/* Take @m out; false: it is held. */
static bool take_out(struct module *m)
{
	unsigned long flags = spin_lock(&list.lock);
	bool free = !m->users;

	if (free)
		__atomic_store_n(find(m->name), m->next, __ATOMIC_RELAXED);
	spin_unlock(&list.lock, flags);
	return free;
}

static void put_in(struct module *m)
{
	unsigned long flags = spin_lock(&list.lock);

	m->next = list.first;
	__atomic_store_n(&list.first, m, __ATOMIC_RELEASE); /* to first() */
	spin_unlock(&list.lock, flags);
}

/* ---- the end --------------------------------------------------------------------- */

static void nothing(void *arg)
{
	(void)arg;
}

/* Free @m, which is in no list; or put it back if something in it is in use. */
static int bury(struct module *m)
{
	if (module_home && module_home->in_use(m)) {
		m->over = true;
		put_in(m);
		return -EBUSY;
	}
	if (module_home)
		module_home->going(m);
	cpu_call_others(nothing, NULL); /* O2 */
	if (m->homes)
		module_home->end(m);
	module_unmap(m);
	kfree(m);
	return 0;
}

static int unload(const char *name)
{
	struct module *m = *find(name);

	if (!m)
		return -ENOENT;
	if (m->init && !m->exit)
		return -EBUSY;
	if (!take_out(m))
		return -EBUSY;
	if (m->exit && !m->over)
		m->exit();
	return bury(m);
}

int module_unload(const char *name)
{
	int err;

	mutex_lock(&loading);
	err = unload(name);
	mutex_unlock(&loading);
	return err;
}

/* ---- the beginning ------------------------------------------------------------------ */

static const struct module_file *find_file(const char *name)
{
	for (const struct module_file *f = modules_start; f < modules_end; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

/* In the list while it begins: it may put probes on functions of its own. */
static int start(struct module *m, const char *params)
{
	int err = m->homes ? module_home->begin(m, params) : 0;

	put_in(m);
	if (!err && m->init)
		err = m->init();
	if (err >= 0)
		return 0;
	if (take_out(m))
		bury(m);
	else
		m->over = true;
	return err;
}

static int load(const char *name, const char *params)
{
	const struct module_file *file = find_file(name);
	struct module *m;
	int err;

	if (!file)
		return -ENOENT;
	if (*find(name))
		return -EEXIST;
	m = kmalloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	strcopy(m->name, name, sizeof(m->name));
	err = module_map(m, file->start, (size_t)(file->end - file->start));
	if (err) {
		kfree(m);
		return err;
	}
	cpu_call_others(nothing,
			NULL); /* and none fetches what was there before */
	text_sync_cpu();
	return start(m, params);
}

int module_load(const char *name, const char *params)
{
	int err;

	mutex_lock(&loading);
	err = load(name, params);
	mutex_unlock(&loading);
	return err;
}
