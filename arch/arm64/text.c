/* SPDX-License-Identifier: MIT */
/*
 * text.c - the words that planning reads, and what it found out about them
 *
 * Whether an instruction stands in an exclusive sequence depends on all of its
 * function, and often many instructions of one function are asked about, one
 * after the other.  So what was found out about the last one is kept, and used
 * again in the same hold of the registration lock, in which nothing can change.
 */
#include "text.h"

/* Where nobody knows the function: so many bytes to each side. */
#define AROUND 2048

static struct tl_facts {
	size_t size; /* of all of this */
	uint64_t start, end;
	unsigned long time;
	bool any;
	uint8_t bits[];
} * kept; /* under the registration lock */

int tl_text_bytes(void *ctx, void *dst, uint64_t src, size_t n)
{
	(void)ctx;
	return tl_text_read(dst, src, n);
}

struct a64_flow tl_text_flow(uintptr_t addr, uintptr_t start, uintptr_t end)
{
	uintptr_t reach = start == end ? AROUND : 4 * A64_FUNCTION_MAX / 2;

	if (start == end || end - start > 4 * A64_FUNCTION_MAX) {
		uintptr_t low = addr > reach ? addr - reach : 0;
		uintptr_t high = addr + reach;

		end = start == end || high < end ? high : end;
		start = low > start ? low : start;
	}
	return (struct a64_flow){ .start = start & -4ul,
				  .end = end & -4ul,
				  .read = tl_text_bytes };
}

/* Room for @bytes of bits. */
static bool make(size_t bytes)
{
	size_t size = 1024;

	while (size < sizeof(*kept) + bytes)
		size *= 2;
	if (kept && kept->size >= size)
		return true;
	tl_arch_forget();
	kept = tlh_alloc(size);
	if (kept)
		kept->size = size;
	return kept;
}

int tl_text_learn(struct a64_flow *flow)
{
	if (!kept || kept->start != flow->start || kept->end != flow->end ||
	    kept->time != tl_text_time()) {
		if (!make(a64_flow_bytes(flow)))
			return -TL_ENOMEM;
		flow->facts = kept->bits;
		kept->any = a64_flow_learn(flow);
		kept->start = flow->start;
		kept->end = flow->end;
		kept->time = tl_text_time();
	}
	flow->facts = kept->any ? kept->bits : NULL;
	return 0;
}

void tl_arch_forget(void)
{
	if (kept)
		tlh_free(kept, kept->size);
	kept = NULL;
}
