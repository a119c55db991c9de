/* SPDX-License-Identifier: MIT */
/*
 * text.c - the bytes that planning reads, and what it found out about them
 *
 * Whether a jump may be at an instruction depends on all of its function, and
 * often many instructions of one function are asked about, one after the other.
 * So what was found out about the last function is kept, with a list of the
 * blocks of memory that were read for it, and a sum over each.
 *
 *   F1  Facts are used only while what they were made of is unchanged: in the
 *       same hold of the registration lock, or after all blocks were read once
 *       more and the sums are the same.  Nobody has to say that text, tables or
 *       modules have changed.
 *   F2  Blocks are read by tl_text_read(): probes are not in them.
 */
#include "text.h"

/* Of other blocks than these there are no facts to be kept for long. */
#define BLOCKS_MAX 1024

struct tl_facts {
	size_t size; /* of all of this */
	uint64_t start, end;
	unsigned long time; /* when the sums were right */
	bool unsure;	    /* something was read that is not on the list */
	unsigned int n_blocks;
	struct {
		uint64_t at;
		uint64_t sum;
	} block[BLOCKS_MAX];
	struct x86_facts facts;
	uint8_t bits[];
};

static struct tl_facts *kept; /* under the registration lock */

static void copy(uint8_t *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = src[i];
}

static uint64_t sum_of(const struct tl_text *t)
{
	uint64_t sum = t->len, word;

	for (size_t i = 0; i < t->len; i += sizeof(word)) {
		__builtin_memcpy(&word, t->block + i, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 29;
	}
	return sum;
}

static void list_block(struct tl_facts *f, const struct tl_text *t)
{
	unsigned int i = 0;

	while (i < f->n_blocks && f->block[i].at != t->at)
		i++;
	if (i == BLOCKS_MAX) {
		f->unsure = true;
		return;
	}
	if (i < f->n_blocks) {
		f->unsure |= f->block[i].sum != sum_of(t);
		return;
	}
	f->block[i].at = t->at;
	f->block[i].sum = sum_of(t);
	f->n_blocks++;
}

static void load(struct tl_text *t, uint64_t at)
{
	t->at = at;
	t->any = true;
	t->len = tl_text_read(t->block, at, TL_TEXT_BLOCK) ? 0 : TL_TEXT_BLOCK;
}

/* @n bytes of one block. */
static int read_piece(struct tl_text *t, uint8_t *dst, uint64_t src, size_t n)
{
	uint64_t at = src & -(uint64_t)TL_TEXT_BLOCK;

	if (!t->any || t->at != at) {
		load(t, at);
		if (t->facts)
			list_block(t->facts, t);
	}
	if (t->len) {
		copy(dst, t->block + (src - at), n);
		return 0;
	}
	if (tl_text_read(dst, src, n))
		return -TL_EFAULT;
	if (t->facts)
		t->facts->unsure = true; /* part of the block is there */
	return 0;
}

int tl_text_bytes(void *ctx, void *dst, uint64_t src, size_t n)
{
	struct tl_text *t = ctx;
	uint8_t *to = dst;

	while (n) {
		size_t room = TL_TEXT_BLOCK - src % TL_TEXT_BLOCK;
		size_t some = n < room ? n : room;

		if (read_piece(t, to, src, some))
			return -TL_EFAULT;
		to += some;
		src += some;
		n -= some;
	}
	return 0;
}

/* F1 */
static bool still_true(struct tl_facts *f, struct tl_text *t)
{
	if (f->time == tl_text_time())
		return true;
	if (f->unsure)
		return false;
	for (unsigned int i = 0; i < f->n_blocks; i++) {
		load(t, f->block[i].at);
		if (sum_of(t) != f->block[i].sum)
			return false;
	}
	f->time = tl_text_time();
	return true;
}

/* Room for what is to be known of @bytes of bits; nothing is known. */
static struct tl_facts *make(size_t bytes)
{
	size_t size = 32768;

	while (size < sizeof(*kept) + X86_FACTS_BITS * bytes)
		size *= 2;
	if (!kept || kept->size < size) {
		tl_arch_forget();
		kept = tlh_alloc(size);
		if (!kept)
			return NULL;
		kept->size = size;
	}
	for (size_t i = 0; i < X86_FACTS_BITS * bytes; i++)
		((volatile uint8_t *)kept->bits)[i] = 0;
	kept->unsure = false;
	kept->n_blocks = 0;
	kept->facts = x86_facts_in(kept->bits, bytes);
	return kept;
}

bool tl_text_learn(struct tl_text *t, struct x86_flow *flow)
{
	bool learnt;

	if (kept && kept->facts.known && kept->start == flow->start &&
	    kept->end == flow->end && still_true(kept, t)) {
		flow->facts = &kept->facts;
		return true;
	}
	if (!x86_flow_bounded(flow) || !make(x86_facts_bytes(flow)))
		return false;
	kept->start = flow->start;
	kept->end = flow->end;
	kept->time = tl_text_time();
	flow->facts = &kept->facts;
	t->facts = kept;
	t->any = false;
	learnt = x86_flow_learn(flow);
	t->facts = NULL;
	return learnt;
}

void tl_arch_forget(void)
{
	if (kept)
		tlh_free(kept, kept->size);
	kept = NULL;
}
