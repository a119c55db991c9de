/* SPDX-License-Identifier: MIT */
/*
 * text.c - changing the target's text, and putting it back
 *
 * The journal holds the original of every byte of text that we change, each
 * byte once.  It lies in memory that the target can write, so an entry is
 * believed only if it names text of a file, and there is something of ours at
 * its place; and if the file itself says the same, it is right anyway.
 */
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <session.h>

#include "code.h"
#include "isa.h"

#define PAGE 4096ul

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* What the file has at @addr, which @m maps: behind its end there are zeros. */
static int file_bytes(const struct map *m, pid_t pid, uint64_t addr, void *dst,
		      size_t len)
{
	int fd = map_open(m, pid);
	ssize_t n;

	if (fd < 0)
		return fd;
	memset(dst, 0, len);
	n = pread(fd, dst, len, (off_t)(addr - m->start + m->offset));
	close(fd);
	return n < 0 ? -errno : 0;
}

/* Is the page at @addr equal to its file's? */
static bool page_is_files(struct worker *w, const struct map *m, uint64_t addr)
{
	uint8_t now[PAGE], file[PAGE];

	return !mem_read(w->mem, now, addr, PAGE) &&
	       !file_bytes(m, w->target, addr, file, PAGE) &&
	       !memcmp(now, file, PAGE);
}

bool text_give_back(struct worker *w, const struct maps *maps, uint64_t addr,
		    size_t len)
{
	uint64_t end = addr + len;
	bool all = true;

	for (uint64_t p = addr & ~(PAGE - 1); p < end; p += PAGE) {
		const struct map *m = maps_find(maps, p);

		if (!m || !map_is_text(m))
			continue;
		if (!page_is_files(w, m, p)) {
			all = false;
			continue;
		}
		if (worker_call(w, SYS_madvise, p, PAGE, MADV_DONTNEED, 0, 0,
				0))
			worker_call(w, SYS_madvise, p, PAGE,
				    MADV_DONTNEED_LOCKED, 0, 0, 0);
	}
	return all;
}

/*
 * What is in the journal, as we wrote it: by blocks of 16 bytes, for each block
 * that an entry has a part of, one more than its index.  Several of one block
 * follow one another.
 */
#define BLOCK 16
#define SLOTS (1u << 19)

static struct range {
	uint64_t addr;
	uint64_t end;
	bool island;
} * ranges;
static uint32_t *slots;
static size_t n_ranges;

_Static_assert(SLOTS >= 2 * TL_MAX_SITES * (TL_JOURNAL_BYTES / BLOCK + 2),
	       "half of the slots are free");

static uint32_t slot_of(uint64_t addr)
{
	return (uint32_t)((addr / BLOCK * 0x9e3779b97f4a7c15ull) >> 32) % SLOTS;
}

/* The entry that has @addr, of text or of an @island, or NULL. */
static const struct range *noted(uint64_t addr, bool island)
{
	for (uint32_t i = slot_of(addr); slots[i]; i = (i + 1) % SLOTS) {
		const struct range *r = &ranges[slots[i] - 1];

		if (r->island == island && addr >= r->addr && addr < r->end)
			return r;
	}
	return NULL;
}

static void note(uint64_t addr, uint64_t end, bool island)
{
	ranges[n_ranges++] = (struct range){ addr, end, island };
	for (uint64_t at = addr / BLOCK * BLOCK; at < end; at += BLOCK) {
		uint32_t i = slot_of(at);

		while (slots[i])
			i = (i + 1) % SLOTS;
		slots[i] = (uint32_t)n_ranges;
	}
}

/* The next entry of @journal. */
static int add_entry(struct tl_journal *journal, uint64_t addr,
		     const uint8_t *now, uint32_t len, bool island)
{
	struct tl_journal *e = &journal[n_ranges];

	if (n_ranges == TL_MAX_SITES)
		return -ENOSPC;
	memcpy(e->original, now, len);
	e->len = len;
	__atomic_store_n(&e->addr, addr, __ATOMIC_RELEASE);
	__atomic_store_n(&e->valid,
			 island ? TL_JOURNAL_ISLAND : TL_JOURNAL_TEXT,
			 __ATOMIC_RELEASE);
	note(addr, addr + len, island);
	return 0;
}

/* Islands in [@addr, @end) are no more: they were put back before this. */
static void forget_islands(struct tl_journal *journal, uint64_t addr,
			   uint64_t end)
{
	for (; addr < end; addr++) {
		const struct range *r = noted(addr, true);

		if (r)
			__atomic_store_n(&journal[r - ranges].valid,
					 TL_JOURNAL_VOID, __ATOMIC_RELEASE);
	}
}

static int note_text(struct tl_journal *journal, uint64_t addr,
		     const uint8_t *now, size_t len)
{
	uint64_t from = addr, end = addr + len;

	forget_islands(journal, addr, end);
	while (addr < end) {
		const struct range *r = noted(addr, false);
		uint32_t run = 0;
		int err;

		if (r) {
			addr = r->end;
			continue;
		}
		while (run < TL_JOURNAL_BYTES && addr + run < end &&
		       !noted(addr + run, false))
			run++;
		err = add_entry(journal, addr, now + (addr - from), run, false);
		if (err)
			return err;
		addr += run;
	}
	return 0;
}

/* Also when it is put back: then it is noted already. */
static int note_island(struct tl_journal *journal, uint64_t addr,
		       const uint8_t *now, size_t len)
{
	const struct range *r = noted(addr, true);

	if (len > TL_JOURNAL_BYTES)
		return -EINVAL;
	if (r && r->addr == addr && r->end == addr + len) {
		__atomic_store_n(&journal[r - ranges].valid, TL_JOURNAL_ISLAND,
				 __ATOMIC_RELEASE);
		return 0;
	}
	forget_islands(journal, addr, addr + len);
	return add_entry(journal, addr, now, (uint32_t)len, true);
}

int text_note(struct tl_journal *journal, uint64_t addr, const uint8_t *now,
	      size_t len, bool island)
{
	if (!ranges)
		ranges = calloc(TL_MAX_SITES, sizeof(*ranges));
	if (!slots)
		slots = calloc(SLOTS, sizeof(*slots));
	if (!ranges || !slots)
		return -ENOMEM;
	return island ? note_island(journal, addr, now, len)
		      : note_text(journal, addr, now, len);
}

uint64_t text_jump(int mem, uint64_t addr, uint64_t *island)
{
	uint8_t insn[8] = { 0 };
	uint64_t to;

	*island = 0;
	if (mem_read(mem, insn, addr, ISA_SHORT_JUMP_BYTES))
		return 0;
	if (isa_is_short_jump(insn, addr, &to))
		*island = addr = to;
	if (mem_read(mem, insn, addr, ISA_JUMP_BYTES) ||
	    !isa_is_jump(insn, addr, &to))
		return 0;
	return to;
}

bool text_is_noted(const struct tl_journal *e)
{
	return (e->valid == TL_JOURNAL_TEXT || e->valid == TL_JOURNAL_ISLAND) &&
	       e->len && e->len <= TL_JOURNAL_BYTES;
}

/* Is there a change of ours at the entry @e, whose bytes are @now, of @n? */
static bool is_ours(const struct tl_journal *e, const uint8_t *now, size_t n,
		    struct worker *w, bool (*ours)(void *arg, uint64_t addr),
		    void *arg)
{
	uint64_t to, island;

	if (isa_is_breakpoint(now))
		return true;
	if (n >= ISA_JUMP_BYTES && isa_is_jump(now, e->addr, &to))
		return ours(arg, to);
	if (n >= ISA_JUMP_BYTES && !isa_is_short_jump(now, e->addr, &to))
		return false;
	to = text_jump(w->mem, e->addr, &island);
	return to && ours(arg, to);
}

/* The part of a mapping's file that is looked at, entry by entry. */
struct window {
	uint64_t page; /* 0: nothing yet */
	uint8_t file[2 * PAGE];
	uint8_t now[2 * PAGE];
	bool known;
};

/* Have the page of @addr, and the next one, in @v. */
static bool look_at(struct window *v, struct worker *w, const struct maps *maps,
		    uint64_t addr)
{
	uint64_t page = addr & ~(PAGE - 1);
	const struct map *m = maps_find(maps, addr);
	size_t len = 2 * PAGE;

	if (v->page == page)
		return v->known;
	v->page = page;
	v->known = false;
	if (!m || !map_is_text(m))
		return false;
	if (m->end - page < len)
		len = m->end - page;
	memset(v->now, 0, sizeof(v->now));
	memset(v->file, 0, sizeof(v->file));
	v->known = !mem_read(w->mem, v->now, page, len) &&
		   !file_bytes(m, w->target, page, v->file, len);
	return v->known;
}

/* How many bytes near [@at, @end) of the page differ from the file's. */
static size_t differ_near(const struct window *v, size_t at, size_t end)
{
	size_t from = at > 64 ? at - 64 : 0;
	size_t to = end + 64 < 2 * PAGE ? end + 64 : 2 * PAGE, n = 0;

	for (size_t i = from; i < to; i++)
		if ((i < at || i >= end) && v->now[i] != v->file[i])
			n++;
	return n;
}

void text_prefer_file(struct tl_journal *journal, size_t n, struct worker *w)
{
	struct window *v = calloc(1, sizeof(*v));
	struct maps maps;

	if (!v || maps_read(&maps, w->target)) {
		free(v);
		return;
	}
	for (size_t i = 0; i < n && journal[i].addr; i++) {
		struct tl_journal *e = &journal[i];
		size_t at = e->addr & (PAGE - 1);

		if (!text_is_noted(e) || !look_at(v, w, &maps, e->addr) ||
		    !memcmp(e->original, v->file + at, e->len))
			continue;
		/* Text that the program changes itself is its own. */
		if (differ_near(v, at, at + e->len) <= 2 * TL_JOURNAL_BYTES)
			memcpy(e->original, v->file + at, e->len);
	}
	maps_free(&maps);
	free(v);
}

/*
 * Entries of one page are put back in a copy of it, which is written in one go,
 * from the first byte to the last that is changed: who is stopped waits for that,
 * and nobody else writes there meanwhile.
 */
struct copy {
	uint64_t at; /* 0: none */
	size_t len;  /* what there is of it and the page behind it */
	size_t from, to;
	size_t entries; /* in it */
	uint8_t bytes[2 * PAGE];
};

/* How many entries are left changed, as they could not be written. */
static size_t flush(struct copy *c, struct worker *w)
{
	size_t left = 0;

	if (c->at && c->from < c->to) {
		session_kill_point(31);
		if (mem_write(w, c->at + c->from, c->bytes + c->from,
			      c->to - c->from))
			left = c->entries;
	}
	c->at = 0;
	return left;
}

static bool begin(struct copy *c, struct worker *w, const struct map *m,
		  uint64_t at)
{
	c->len = m->end - at < sizeof(c->bytes) ? m->end - at
						: sizeof(c->bytes);
	c->from = sizeof(c->bytes);
	c->to = 0;
	c->entries = 0;
	if (mem_read(w->mem, c->bytes, at, c->len))
		return false;
	c->at = at;
	return true;
}

/*
 * Put @len bytes of @e back, from offset @from on, in the copy of their page.
 * false: they are left changed.
 */
static bool restore_part(struct copy *c, const struct tl_journal *e,
			 uint32_t from, uint32_t len, const struct map *m,
			 struct worker *w,
			 bool (*ours)(void *arg, uint64_t addr), void *arg)
{
	size_t off = e->addr + from - c->at;
	const uint8_t *original = e->original + from;
	uint8_t file[TL_JOURNAL_BYTES], *now = c->bytes + off;

	if (!memcmp(now, original, len))
		return true;
	if (from || !is_ours(e, now, c->len - off, w, ours, arg)) {
		if (file_bytes(m, w->target, e->addr + from, file, len))
			return false;
		if (!memcmp(now, file, len))
			return true;
		if (memcmp(original, file, len))
			return false;
	}
	memcpy(now, original, len);
	if (off < c->from)
		c->from = off;
	if (off + len > c->to)
		c->to = off + len;
	c->entries++;
	return true;
}

/* Is @addr in one of @islands, which are in order? */
static bool in_island(const struct text_islands *islands, uint64_t addr)
{
	size_t low = 0, high = islands->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (islands->at[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < islands->n && islands->at[low].start <= addr;
}

/*
 * Put one entry back, of text but for what is islands by now: how many places are
 * left changed.
 */
static size_t restore(struct copy *c, const struct tl_journal *e,
		      const struct maps *maps,
		      const struct text_islands *islands, struct worker *w,
		      bool (*ours)(void *arg, uint64_t addr), void *arg)
{
	const struct map *m = maps_find(maps, e->addr);
	uint64_t page = e->addr & ~(PAGE - 1);
	bool text = e->valid == TL_JOURNAL_TEXT, skip;
	size_t left = 0;
	uint32_t run;

	/* Unmapped meanwhile, or mapped anew by somebody else. */
	if (!m || !map_is_text(m) || m->end - e->addr < e->len)
		return 0;
	if (c->at != page) {
		left = flush(c, w);
		if (!begin(c, w, m, page))
			return left;
	}
	for (uint32_t at = 0; at < e->len; at += run) {
		skip = text && in_island(islands, e->addr + at);
		for (run = 1; at + run < e->len; run++)
			if (text &&
			    in_island(islands, e->addr + at + run) != skip)
				break;
		if (!skip && !restore_part(c, e, at, run, m, w, ours, arg))
			left++;
	}
	return left;
}

size_t text_restore(const struct tl_journal *journal, size_t n,
		    enum tl_journal_kind kind,
		    const struct text_islands *islands, struct worker *w,
		    bool (*ours)(void *arg, uint64_t addr), void *arg)
{
	struct copy c = { 0 };
	struct maps maps;
	size_t left = 0;

	if (maps_read(&maps, w->target))
		return n;
	for (size_t i = 0; i < n && journal[i].addr; i++) {
		const struct tl_journal *e = &journal[i];

		if (e->valid == (uint32_t)kind && text_is_noted(e))
			left += restore(&c, e, &maps, islands, w, ours, arg);
	}
	left += flush(&c, w);
	maps_free(&maps);
	return left;
}
