/* SPDX-License-Identifier: MIT */
/*
 * net_scan.c - who is, or will return, inside a piece of text?
 *
 * Everyone is held.  Three places can name an address inside an area: a
 * thread's registers, a word on a stack (a return address, a signal frame), a
 * word elsewhere in memory (a parked context).  A thread whose ip is at a known
 * boundary is moved; all else makes the area busy.
 *
 * Stacks are found by the stack pointers: of each mapping that holds one, all
 * from the lowest such pointer to the end is read, and the red zone below each.
 * A signal frame among it names the stack that the signal interrupted, which
 * may be another one; that is read too.  With the option `everywhere` all
 * private writable memory is read, but for the dead part of what must be a
 * thread's stack: a mapping with a guard below and a stack pointer inside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net_tasks.h"

#define CHUNK (256 * 1024)

/* In /proc/PID/pagemap: present, or swapped out. */
#define PAGE_THERE (3ull << 62)

struct scan {
	struct net_hold *h;
	struct net_area *areas;
	size_t n_areas;
	uintptr_t low; /* of all areas */
	uintptr_t high;
	struct net_map *maps;
	uintptr_t *from; /* for each map: read from here; its end: nothing */
	uintptr_t *done; /* and this has been read already */
	size_t n_maps;
	bool more; /* a signal frame has named another stack */
	uint64_t *chunk;
	uint64_t bits; /* those of an address */
};

/* The area that @v is inside of, or NULL. */
static struct net_area *area_at(const struct scan *s, uintptr_t v)
{
	size_t low = 0, high = s->n_areas;

	if (v - s->low >= s->high - s->low)
		return NULL;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (v >= s->areas[mid].high)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->n_areas && v >= s->areas[low].low)
		return &s->areas[low];
	return NULL;
}

/* What stands somewhere may have been signed. */
static void mark(const struct scan *s, uint64_t v)
{
	struct net_area *a = area_at(s, v & s->bits);

	if (a)
		a->busy = true;
}

/* Where a thread at @v goes on instead; 0: nowhere. */
static uintptr_t other_place(const struct net_area *a, uintptr_t v)
{
	for (unsigned int i = 0; a && i < a->n; i++)
		if (a->from[i] == v)
			return a->to[i];
	return 0;
}

/* ---- registers ------------------------------------------------------------ */

static bool is_syscall(const struct net_task *t, uintptr_t at)
{
	long insn;

	errno = 0;
	insn = ptrace(PTRACE_PEEKTEXT, t->tid, at, 0);
	return !errno && isa_is_syscall((const uint8_t *)&insn);
}

/*
 * A call that the kernel will make again has two places: that after it, where
 * a signal would find it, and that of its instruction, where it goes otherwise.
 * Both must be outside, or both are moved: at the other place there must be a
 * call, too.  A thread that is about to make a call has the same two.
 */
struct places {
	uintptr_t call; /* 0: no call is pending */
	uintptr_t after;
};

static struct places places_of(const struct scan *s, const struct net_task *t)
{
	uintptr_t pc = isa_pc(&t->regs);
	struct places p = { 0, pc };

	if (ISA_DECIDES_LATE) {
		if (isa_restarts(&t->regs))
			p.call = pc - ISA_SYSCALL_BYTES;
	} else if ((area_at(s, pc) || area_at(s, pc + ISA_SYSCALL_BYTES)) &&
		   is_syscall(t, pc)) {
		p = (struct places){ pc, pc + ISA_SYSCALL_BYTES };
	}
	return p;
}

/* Where the thread is to go; 0: it can stay; sets busy if neither. */
static uintptr_t way_out(struct scan *s, struct net_task *t)
{
	struct places p = places_of(s, t);
	struct net_area *a = area_at(s, p.after), *b = NULL;
	uintptr_t to, call;

	if (p.call)
		b = area_at(s, p.call);
	if (!a && !b)
		return 0;
	to = other_place(a, p.after);
	if (!p.call) {
		if (!to)
			a->busy = true;
		return to;
	}
	call = to ? to - ISA_SYSCALL_BYTES : other_place(b, p.call);
	if (call && is_syscall(t, call))
		return call + ISA_SYSCALL_BYTES;
	if (a)
		a->busy = true;
	if (b)
		b->busy = true;
	return 0;
}

/*
 * An address in a register is a return address only in hand-written code
 * (vfork keeps its own in one), but then it is.
 */
static void mark_registers(struct scan *s, const struct net_task *t)
{
	uint64_t all[ISA_ADDRESSES];
	unsigned int n = isa_addresses(&t->regs, all);

	for (unsigned int i = 0; i < n; i++)
		mark(s, all[i]);
}

/* A thread that is held without a stop: only its place is known. */
static void mark_place(struct scan *s, const struct net_task *t)
{
	mark(s, t->place.pc);
	if (t->place.nr >= 0)
		mark(s, t->place.pc - ISA_SYSCALL_BYTES);
	for (int i = 0; i < 6; i++)
		mark(s, t->place.args[i]);
}

/* ---- memory --------------------------------------------------------------- */

/* The stack pointer @sp is in use. */
static void add_stack(struct scan *s, uintptr_t sp)
{
	size_t low = 0, high = s->n_maps;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (sp >= s->maps[mid].end)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->n_maps && sp >= s->maps[low].start && sp < s->from[low]) {
		s->from[low] = sp;
		s->more = true;
	}
}

/*
 * The red zone of a thread at @ip.  The word that equals ip is what the `ret`
 * that has just been executed has left there.
 */
static void scan_red_zone(struct scan *s, uintptr_t sp, uintptr_t ip)
{
	uint64_t words[ISA_RED_ZONE / 8 + 1];
	struct iovec local = { words, ISA_RED_ZONE };
	struct iovec remote = { (void *)((sp & ~7ull) - ISA_RED_ZONE),
				ISA_RED_ZONE };

	if (!ISA_RED_ZONE || process_vm_readv(net_reader(s->h), &local, 1,
					      &remote, 1, 0) != ISA_RED_ZONE)
		return;
	for (int i = 0; i < ISA_RED_ZONE / 8; i++)
		if (words[i] != ip)
			mark(s, words[i]);
}

static void scan_words(struct scan *s, const uint64_t *w, size_t n)
{
	uint64_t low = s->low, span = s->high - s->low, bits = s->bits;

	for (size_t i = 0; i < n; i++) {
		if ((w[i] & bits) - low < span)
			mark(s, w[i]);
		if (w[i] == ISA_FRAME_MARK && i >= ISA_FRAME_SP_BACK)
			add_stack(s, w[i - ISA_FRAME_SP_BACK]);
	}
}

/*
 * Read [from, to) and look at each aligned word.  Chunks overlap by the words
 * that a signal frame needs.  What cannot be read is not there.
 */
static void scan_memory(struct scan *s, uintptr_t from, uintptr_t to)
{
	const size_t overlap = ISA_FRAME_SP_BACK * 8;
	pid_t pid = net_reader(s->h);
	struct iovec local, remote;
	ssize_t got;

	from &= ~7ull;
	while (from < to) {
		local.iov_base = s->chunk;
		local.iov_len = to - from < CHUNK ? to - from : CHUNK;
		remote.iov_base = (void *)from;
		remote.iov_len = local.iov_len;
		got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
		if (got < 8) {
			from = (from | 4095) + 1;
			continue;
		}
		net_attend(s->h);
		s->h->stats.scanned += (uint64_t)got;
		scan_words(s, s->chunk, (size_t)got / 8);
		from += (uintptr_t)got;
		if (from < to && (size_t)got > overlap &&
		    (size_t)got == local.iov_len)
			from -= overlap;
	}
}

static void scan_stacks(struct scan *s)
{
	size_t i;

	do {
		s->more = false;
		for (i = 0; i < s->n_maps; i++) {
			uintptr_t from = s->from[i], to = s->done[i];

			if (from >= to)
				continue;
			s->done[i] = from;
			scan_memory(s, from, to);
		}
	} while (s->more);
}

/* The first thread's stack may be left for another by its thread. */
static void add_first_stack(struct scan *s)
{
	for (size_t i = 0; i < s->n_maps; i++)
		if (s->maps[i].stack && s->from[i] == s->maps[i].end)
			s->from[i] = s->maps[i].start;
}

/* Read [from, to), but for the spans that are ours and pages never touched. */
static void scan_present(struct scan *s, int pagemap, uintptr_t from,
			 uintptr_t to)
{
	const struct net_options *o = &s->h->options;
	uint64_t pages[512];
	uintptr_t at, end;

	for (size_t i = 0; i < o->n_ours; i++) {
		if (o->ours[i].end <= from || o->ours[i].start >= to)
			continue;
		if (o->ours[i].start > from)
			scan_present(s, pagemap, from, o->ours[i].start);
		if (o->ours[i].end < to)
			scan_present(s, pagemap, o->ours[i].end, to);
		return;
	}
	for (at = from & ~4095ull; at < to; at += sizeof(pages) / 8 * 4096) {
		uintptr_t first = 0;
		size_t n = sizeof(pages) / 8;

		memset(pages, 0xff, sizeof(pages));
		if (pread(pagemap, pages, sizeof(pages),
			  (off_t)(at / 4096 * 8)) < 0)
			memset(pages, 0xff, sizeof(pages));
		for (size_t i = 0; i <= n; i++) {
			bool there = i < n && at + i * 4096 < to &&
				     pages[i] & PAGE_THERE;

			if (there && !first)
				first = at + i * 4096;
			if (there || !first)
				continue;
			end = at + i * 4096;
			scan_memory(s, first > from ? first : from,
				    end < to ? end : to);
			first = 0;
		}
	}
}

static void scan_everywhere(struct scan *s)
{
	char path[32];
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", net_reader(s->h));
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < s->n_maps; i++) {
		const struct net_map *m = &s->maps[i];
		bool stack = (m->guarded || m->stack) && s->from[i] < m->end;

		if (m->writable && m->private && !stack)
			scan_present(s, pagemap, m->start, s->done[i]);
	}
	if (pagemap >= 0)
		close(pagemap);
}

/* ---- moving --------------------------------------------------------------- */

/*
 * In a restartable sequence the kernel has a place of its own to go on at;
 * such a thread is not moved.
 */
static bool in_sequence(struct scan *s, struct net_task *t)
{
	struct __ptrace_rseq_configuration c = { 0 };
	pid_t pid = net_reader(s->h);
	struct iovec local, remote;
	uint64_t cs = 0, desc[4];

	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, t->tid, sizeof(c), &c) < 0 ||
	    !c.rseq_abi_pointer)
		return false;
	local = (struct iovec){ &cs, 8 };
	remote = (struct iovec){ (void *)(c.rseq_abi_pointer + 8), 8 };
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != 8 || !cs)
		return false;
	/* u32 version, flags; u64 start, length, abort address */
	local = (struct iovec){ desc, 32 };
	remote = (struct iovec){ (void *)cs, 32 };
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != 32)
		return true;
	return isa_pc(&t->regs) - desc[1] < desc[2];
}

/* False: it stays where it is. */
static bool move(struct scan *s, struct net_task *t, uintptr_t to)
{
	if (!ISA_DECIDES_LATE && places_of(s, t).call) {
		net_redo(t, to);
		return true;
	}
	if (isa_poke_pc(t->tid, &t->regs, to))
		return false;
	s->h->stats.moved++;
	return true;
}

/* The areas that a thread would be moved out of are not busy. */
static bool may_move(struct scan *s, const struct net_task *t)
{
	struct places p = places_of(s, t);
	struct net_area *a = area_at(s, p.after);
	struct net_area *b = p.call ? area_at(s, p.call) : NULL;

	return (a || b) && !(a && a->busy) && !(b && b->busy);
}

/* One thread's registers and red zone; its stack is read later. */
static void mark_thread(struct scan *s, struct net_task *t)
{
	if (t->state == NET_STOPPED) {
		if (way_out(s, t) && in_sequence(s, t))
			mark(s, isa_pc(&t->regs));
		mark_registers(s, t);
		scan_red_zone(s, isa_sp(&t->regs), isa_pc(&t->regs));
		add_stack(s, isa_sp(&t->regs));
	} else {
		mark_place(s, t);
		scan_red_zone(s, t->place.sp, t->place.pc);
		add_stack(s, t->place.sp);
	}
}

/* Those that have not been looked at, in the state they are in now. */
static void mark_threads(struct scan *s)
{
	for (size_t i = 0; i < s->h->n_tasks; i++) {
		struct net_task *t = &s->h->tasks[i];

		if (t->foreign || t->looked_at == t->state ||
		    (t->state != NET_STOPPED && t->state != NET_STUCK &&
		     t->state != NET_BLOCKED))
			continue;
		t->looked_at = t->state;
		mark_thread(s, t);
	}
}

static int move_threads(struct scan *s)
{
	int r = 0;

	for (size_t i = 0; i < s->h->n_tasks; i++) {
		struct net_task *t = &s->h->tasks[i];
		uintptr_t to;

		t->move_to = 0;
		if (t->foreign || t->state != NET_STOPPED || !may_move(s, t))
			continue;
		to = way_out(s, t);
		if (to && !move(s, t, to))
			mark(s, isa_pc(&t->regs));
	}
	/* A signal may have kept somebody from it. */
	if (!ISA_DECIDES_LATE)
		r = net_collect(s->h);
	for (size_t i = 0; !r && i < s->h->n_tasks; i++) {
		struct net_task *t = &s->h->tasks[i];

		if (t->move_to && t->state != NET_FREE) {
			mark(s, isa_pc(&t->regs));
			mark(s, isa_pc(&t->regs) + ISA_SYSCALL_BYTES);
		}
	}
	return r;
}

/* ---- those left asleep ---------------------------------------------------- */

/*
 * A thread that is asleep inside an area must be moved, so it is stopped.  One
 * that has run since its place was read was not where we looked, or may have
 * written what we read; when all has been read it is stopped, and we look
 * again.  Who is watched cannot have run.
 */
static bool sleeps_inside(const struct net_task *t, void *arg)
{
	const struct scan *s = arg;

	return area_at(s, t->place.pc) ||
	       area_at(s, t->place.pc - ISA_SYSCALL_BYTES);
}

static bool has_run(const struct net_task *t, void *arg)
{
	(void)arg;
	return t->watch < 0 && net_has_run(t);
}

/*
 * Look at all that has not been looked at, and at all memory if it is to be
 * searched everywhere.  What is busy by then stays so.
 */
static int look(struct scan *s)
{
	int r;

	r = net_maps(net_reader(s->h), &s->maps);
	if (r < 0)
		return r;
	s->n_maps = (size_t)r;
	s->from = calloc(s->n_maps, 2 * sizeof(*s->from));
	r = s->from ? 0 : -ENOMEM;
	if (r)
		goto free_maps;
	s->done = s->from + s->n_maps;
	for (size_t i = 0; i < s->n_maps; i++)
		s->from[i] = s->done[i] = s->maps[i].end;
	mark_threads(s);
	scan_stacks(s);
	add_first_stack(s);
	scan_stacks(s);
	if (s->h->options.everywhere)
		scan_everywhere(s);
	free(s->from);
free_maps:
	free(s->maps);
	return r;
}

int net_empty(struct net_hold *h, struct net_area *areas, size_t n)
{
	struct scan s = {
		.h = h, .areas = areas, .n_areas = n, .bits = isa_address_bits()
	};
	size_t i;
	int r;

	if (!n)
		return 0;
	s.low = areas[0].low;
	for (i = 0; i < n; i++)
		if (areas[i].high > s.high)
			s.high = areas[i].high;
	for (i = 0; i < h->n_tasks; i++)
		h->tasks[i].looked_at = NET_FREE;
	s.chunk = malloc(CHUNK);
	if (!s.chunk)
		return -ENOMEM;
	r = net_wake(h, sleeps_inside, &s);
	while (r >= 0) {
		r = look(&s);
		if (r < 0)
			break;
		r = net_wake(h, has_run, NULL);
		if (r == 0)
			break;
	}
	if (!r)
		r = move_threads(&s);
	free(s.chunk);
	return !r && h->late ? -EAGAIN : r;
}
