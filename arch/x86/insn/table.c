/* SPDX-License-Identifier: MIT */
/*
 * table.c - the program's bytes, and the jump tables among them
 *
 * Compilers translate a switch to one of
 *
 *     lea    table(%rip),%rdx          jmp *table(,%rax,8)
 *     movslq (%rdx,%rax,4),%rax
 *     add    %rdx,%rax                 table:  .quad case0, case1, …
 *     jmp    *%rax
 *
 *     table:  .long case0 - table, case1 - table, …
 *
 * How long a table is cannot be seen for certain.  It is read for as long as
 * its entries lead to code and no other address that the function takes is
 * reached.  Reading too much costs a refusal at worst, reading too little could
 * cost a crash.
 */
#include "flow.h"

#define TEXT_AROUND  (64u << 20)
#define POINTERS_MAX 1024 /* of one table, where they are known anyway */

/* Have [src, src + n) in the buffer. */
static int fill(struct x86_reader *r, uint64_t src, size_t n)
{
	unsigned int len = sizeof(r->buf);

	/* Addresses come from the program's bytes: they may be anything. */
	if (src > UINT64_MAX - sizeof(r->buf))
		return -X86_EINVAL;
	if (src >= r->at && src + n <= r->at + r->len)
		return 0;
	r->len = 0;
	while (r->flow->read(r->flow->ctx, r->buf, src, len)) {
		if (len <= n)
			return -X86_EINVAL;
		len = len / 2 > n ? len / 2 : n;
	}
	r->at = src;
	r->len = len;
	return 0;
}

int x86_read_data(struct x86_reader *r, void *dst, uint64_t src, size_t n)
{
	uint8_t *to = dst;

	if (fill(r, src, n))
		return -X86_EINVAL;
	for (size_t i = 0; i < n; i++)
		to[i] = r->buf[src - r->at + i];
	return 0;
}

int x86_read_insn(struct x86_reader *r, struct x86_insn *in, uint64_t addr,
		  uint64_t limit)
{
	size_t n = limit - addr < X86_INSN_MAX ? limit - addr : X86_INSN_MAX;

	while (n && fill(r, addr, n))
		n--;
	if (!n)
		return -X86_EILSEQ;
	return x86_decode(in, r->buf + (addr - r->at), n, addr);
}

static bool in_range(uint64_t addr, uint64_t start, uint64_t end)
{
	return addr >= start && addr < end;
}

bool x86_in_function(const struct x86_flow *flow, uint64_t addr)
{
	if (in_range(addr, flow->start, flow->end))
		return true;
	for (unsigned int i = 0; i < flow->nr_parts; i++) {
		if (in_range(addr, flow->parts[i].start, flow->parts[i].end))
			return true;
	}
	return false;
}

bool x86_in_text(const struct x86_flow *flow, uint64_t addr)
{
	if (flow->text.end)
		return in_range(addr, flow->text.start, flow->text.end);
	return addr - flow->start + TEXT_AROUND <
	       flow->end - flow->start + 2 * (uint64_t)TEXT_AROUND;
}

/* Where the next thing begins whose address is taken. */
static uint64_t table_limit(const struct x86_scan *s, uint64_t addr)
{
	uint64_t limit = UINT64_MAX;

	for (unsigned int i = 0; i < s->nr_leas; i++) {
		if (s->leas[i] > addr && s->leas[i] < limit)
			limit = s->leas[i];
	}
	return limit;
}

enum table { OFFSETS, WIDE_OFFSETS, POINTERS };

/* @table is what offsets are from. */
static bool read_entry(struct x86_scan *s, enum table kind, uint64_t table,
		       uint64_t at, uint64_t *target)
{
	int32_t offset;

	if (kind == OFFSETS) {
		if (x86_read_data(&s->reader, &offset, at, 4))
			return false;
		*target = table + (int64_t)offset;
		return true;
	}
	if (x86_read_data(&s->reader, target, at, 8))
		return false;
	if (kind == WIDE_OFFSETS)
		*target += table;
	return true;
}

/* Report the entries; how many led to code, and whether any into us. */
static unsigned int read_table(struct x86_scan *s, enum table kind,
			       uint64_t addr, unsigned int max, bool *ours)
{
	unsigned int size = kind == OFFSETS ? 4 : 8;
	uint64_t limit = table_limit(s, addr);
	uint64_t at = addr, target;
	unsigned int n = 0;

	if (kind == POINTERS && s->flow->closed && max > POINTERS_MAX)
		max = POINTERS_MAX;
	while (n < max && at + size <= limit && s->entries &&
	       read_entry(s, kind, addr, at, &target)) {
		s->entries--;
		/* Code is not in the table: that is no entry any more. */
		if (!x86_in_text(s->flow, target) ||
		    in_range(target, addr, at + size))
			break;
		if (target != s->flow->start &&
		    x86_in_function(s->flow, target))
			*ours = true;
		s->fn(s->arg, target);
		at += size;
		n++;
	}
	/*
	 * It may be longer than we have read.  Pointers are known to a caller
	 * who knows what leads into us.
	 */
	if ((!s->entries || (n == X86_TABLE_MAX && *ours)) &&
	    !(kind == POINTERS && s->flow->closed))
		s->unresolved = true;
	return n;
}

bool x86_offset_tables(struct x86_scan *s, uint64_t addr, unsigned int max)
{
	bool narrow = false, wide = false;

	if (x86_in_function(s->flow, addr))
		return false;
	read_table(s, OFFSETS, addr, max, &narrow);
	read_table(s, WIDE_OFFSETS, addr, max, &wide);
	s->offset_table |= narrow;
	s->wide_table |= wide;
	s->any_table |= narrow || wide;
	return narrow || wide;
}

bool x86_pointer_table(struct x86_scan *s, uint64_t addr, unsigned int max)
{
	bool ours = false;
	unsigned int n;

	if (x86_in_function(s->flow, addr))
		return false;
	n = read_table(s, POINTERS, addr, max, &ours);
	s->pointer_table |= ours;
	s->any_table |= ours;
	return n > 0;
}

/* In the function only instructions are jumped to. */
static bool may_begin(const struct x86_scan *s, uint64_t target)
{
	const struct x86_flow *flow = s->flow;
	uint64_t i = target - flow->start;

	return !in_range(target, flow->start, flow->end) ||
	       s->facts->starts[i / 8] & 1 << i % 8;
}

void x86_label_table(struct x86_scan *s, uint64_t addr, uint64_t label)
{
	uint64_t limit = table_limit(s, addr), at = addr, target;

	while (at + 4 <= limit && s->entries &&
	       read_entry(s, OFFSETS, label, at, &target) &&
	       x86_in_text(s->flow, target)) {
		if (s->sum && !may_begin(s, target))
			return;
		s->entries--;
		s->fn(s->arg, target);
		at += 4;
	}
	if (!s->entries)
		s->unresolved = true;
}

void x86_label_tables(struct x86_scan *s)
{
	if (s->nr_leas == X86_LEAS || s->nr_labels == X86_LABELS)
		s->unresolved = true;
	s->guess = true;
	for (unsigned int i = 0; i < s->nr_leas && !s->unresolved; i++)
		for (unsigned int k = 0; k < s->nr_labels; k++)
			x86_label_table(s, s->leas[i], s->labels[k]);
	s->guess = false;
}
