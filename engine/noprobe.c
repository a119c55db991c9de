/* SPDX-License-Identifier: MIT */
/*
 * noprobe.c - where no probe may be
 *
 * The engine, the architecture and what the host marked TL_NOPROBE are linked
 * into one section, and its bounds, which every linker provides for a section
 * with such a name, are the forbidden range: no list to forget a function in.
 * The copies of other instructions are forbidden as well, what the host
 * forbids for every kind of probe, and the blacklist: ranges that the program
 * names itself.
 */
#include "locks.h"

extern const char __start_trapline_text[] __attribute__((visibility("hidden")));
extern const char __stop_trapline_text[] __attribute__((visibility("hidden")));

struct tl_noprobe {
	struct tl_noprobe *next;
	uintptr_t start;
	uintptr_t end;
};

static bool blacklisted(uintptr_t addr, uintptr_t end)
{
	const struct tl_noprobe *b = tl_engine.noprobe;

	while (b && (addr >= b->end || end <= b->start))
		b = b->next;
	return b;
}

bool tl_forbidden(uintptr_t addr, size_t len)
{
	uintptr_t start = (uintptr_t)__start_trapline_text;
	uintptr_t stop = (uintptr_t)__stop_trapline_text;

	return (addr < stop && addr + len > start) ||
	       tl_area_overlaps(addr, len) || blacklisted(addr, addr + len);
}

bool within_kprobe_blacklist(unsigned long addr)
{
	bool within;

	tl_lock();
	within = tl_forbidden(addr, 1) ||
		 (!tl_allowed(addr, 1, false) && !tl_allowed(addr, 1, true));
	tl_unlock();
	return within;
}

static int add(uintptr_t start, uintptr_t end)
{
	struct tl_noprobe *b;

	if (end <= start)
		return -TL_EINVAL;
	b = tl_pool_get(&tl_engine.noprobes, sizeof(*b));
	if (!b)
		return -TL_ENOMEM;
	b->start = start;
	b->end = end;
	b->next = tl_engine.noprobe;
	tl_engine.noprobe = b;
	return 0;
}

int kprobe_add_area_blacklist(unsigned long start, unsigned long end)
{
	int err;

	tl_lock();
	err = add(start, end);
	tl_unlock();
	return err;
}

int kprobe_add_ksym_blacklist(unsigned long entry)
{
	uintptr_t start, end;
	int err;

	tl_lock();
	err = tl_function(entry, &start, &end) || start != entry
		      ? -TL_EINVAL
		      : add(start, end);
	tl_unlock();
	return err ? err : (int)(end - start);
}

void kprobe_remove_area_blacklist(unsigned long start, unsigned long end)
{
	struct tl_noprobe **link = &tl_engine.noprobe;

	tl_lock();
	while (*link) {
		struct tl_noprobe *b = *link;

		if (b->start < start || b->end > end) {
			link = &b->next;
			continue;
		}
		*link = b->next;
		tl_pool_put(&tl_engine.noprobes, b);
	}
	if (!tl_engine.noprobe)
		tl_pool_empty(&tl_engine.noprobes);
	tl_unlock();
}

int trapline_each_blacklisted(tl_each_range_fn *fn, void *arg)
{
	const struct tl_noprobe *b;
	int ret;

	tl_lock();
	ret = fn((unsigned long)__start_trapline_text,
		 (unsigned long)__stop_trapline_text, arg);
	for (b = tl_engine.noprobe; b && !ret; b = b->next)
		ret = fn(b->start, b->end, arg);
	tl_unlock();
	return ret;
}
