/* SPDX-License-Identifier: MIT */
/*
 * insmod.c - loading modules, listing them, and taking them out
 *
 *   M1  A module that has ended may have forgotten a probe.  As long as a
 *       registered probe lies in it, or has a handler there, its memory stays:
 *       taking it away would end the program at the next hit.
 *
 * One lock is held from the beginning of each call to its end, also while a
 * module begins or ends, so these do not load others.  It is taken before the
 * registration lock.
 */
#include "module/module.h"

#include <trapline/agent.h>
#include <trapline/trapline.h>

#include <linux/mutex.h>

static DEFINE_MUTEX(lock);
static struct tl_module *modules;

static struct tl_module **find(const char *name)
{
	struct tl_module **at = &modules;

	while (*at && strcmp((*at)->self->name, name))
		at = &(*at)->next;
	return at;
}

/* ---- is it still in use? --------------------------------------------------------- */

static bool within(const struct tl_module *m, const void *p)
{
	return (uintptr_t)p - m->start < m->size;
}

static int uses(const struct tl_status *status, void *arg)
{
	const struct kprobe *p = status->probe;
	const struct tl_module *m = arg;
	const struct kretprobe *rp;

	if (within(m, p) || within(m, (void *)p->pre_handler) ||
	    within(m, (void *)p->post_handler))
		return 1;
	if (!status->is_return)
		return 0;
	rp = container_of(p, struct kretprobe, kp);
	return within(m, (void *)rp->handler) ||
	       within(m, (void *)rp->entry_handler);
}

/*
 * Take away the memory of @m, which is in no list.  -TL_EBUSY: it is in use, and
 * in the list.
 */
static int bury(struct tl_module *m)
{
	if (trapline_each_probe(uses, m)) { /* M1 */
		tl_kmod_say(
			"%s: it has ended, but a probe of its is still registered: it stays\n",
			m->self->name);
		m->over = true;
		m->next = modules;
		modules = m;
		return -TL_EBUSY;
	}
	tl_text_gone(m->start, m->start + m->size);
	tl_module_unmap(m);
	tlh_free(m, sizeof(*m));
	return 0;
}

/* ---- the calls ------------------------------------------------------------------- */

static int start(struct tl_module *m, const char *params)
{
	int err;

	if (*find(m->self->name)) {
		tl_kmod_say("%s: there is a module of this name\n",
			    m->self->name);
		return -TL_EEXIST;
	}
	err = tl_kmod_params(&m->params, m->self->name, params);
	if (!err && m->init)
		err = m->init();
	return err > 0 ? 0 : err;
}

static int insmod(const char *path, const char *params)
{
	struct tl_module *m = tlh_alloc(sizeof(*m));
	int err;

	if (!m)
		return -TL_ENOMEM;
	err = tl_module_load(m, path);
	if (err) {
		tlh_free(m, sizeof(*m));
		return err;
	}
	err = start(m, params);
	if (err) {
		bury(m);
		return err;
	}
	m->next = modules;
	modules = m;
	return 0;
}

static int rmmod(const char *name)
{
	struct tl_module **at = find(name);
	struct tl_module *m = *at;

	if (!m)
		return -TL_ENOENT;
	if (__atomic_load_n(&m->self->refcnt, __ATOMIC_ACQUIRE)) {
		tl_kmod_say("%s: it is held\n", name);
		return -TL_EBUSY;
	}
	if (m->init && !m->exit) {
		tl_kmod_say("%s: it has no end (module_exit)\n", name);
		return -TL_EBUSY;
	}
	*at = m->next;
	if (m->exit && !m->over)
		m->exit();
	return bury(m);
}

/* ---- public ---------------------------------------------------------------------- */

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int trapline_insmod(const char *path, const char *params)
{
	int err;

	err = trapline_init();
	if (err)
		return err;
	mutex_lock(&lock);
	err = insmod(path, params);
	mutex_unlock(&lock);
	return err;
}

PUBLIC int trapline_rmmod(const char *name)
{
	int err;

	mutex_lock(&lock);
	err = rmmod(name);
	mutex_unlock(&lock);
	return err;
}

PUBLIC int trapline_lsmod(int (*fn)(const struct trapline_module *m, void *arg),
			  void *arg)
{
	int ret = 0;

	mutex_lock(&lock);
	for (struct tl_module *m = modules; m && !ret; m = m->next) {
		struct trapline_module info = {
			.name = m->self->name,
			.start = m->start,
			.size = m->size,
			.over = m->over,
		};

		ret = fn(&info, arg);
	}
	mutex_unlock(&lock);
	return ret;
}
