/* SPDX-License-Identifier: MIT */
/*
 * loader.c - modules written against include/kmod, for the kernel's loader
 */

#include "kmod.h"
#include "kmod/below.h"

_Static_assert(sizeof(struct module) <= BELOW_SELF_SIZE, "below.h");

int kmod_check(const void *abi, size_t size)
{
	static const struct kmod_abi ours = KMOD_ABI;

	if (!size || size % sizeof(ours))
		return -TL_ENOEXEC;
	for (size_t i = 0; i < size; i += sizeof(ours))
		if (memcmp((const char *)abi + i, &ours, sizeof(ours)))
			return -TL_ENOEXEC;
	return 0;
}

uintptr_t kmod_find(const char *name)
{
	return tl_kmod_export(name);
}

int kmod_begin(void *self, const char *name, void *rows, size_t size,
	       const char *text, void **data)
{
	struct module *m = self;
	struct tl_params *p = tlh_alloc(sizeof(*p));

	if (!p)
		return -TL_ENOMEM;
	*data = p;
	strscpy(m->name, name, sizeof(m->name));
	p->rows = rows;
	p->n = size / sizeof(*p->rows);
	return tl_kmod_params(p, m->name, text);
}

void kmod_end(void *data)
{
	struct tl_params *p = data;

	if (!p)
		return;
	tlh_free(p->args, p->args_size);
	tlh_free(p, sizeof(*p));
}

int kmod_users(const void *self)
{
	const struct module *m = self;

	return __atomic_load_n(&m->refcnt, __ATOMIC_ACQUIRE);
}
