/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - the process that lets writes to protected pages happen
 *
 *     the program                     the keeper
 *     a store to a protected page
 *       waits in the kernel  ------>  a message: which thread, which address
 *                                     everybody is held (tasks.c)
 *                                     the page is opened
 *     the store, one step    <-----   the thread makes one step
 *                            ----->  the page is shut
 *                                     the bytes are compared, a hit is written
 *     goes on                <-----   everybody goes on
 *
 *   K1  The page is open only while everybody is held but the one who writes.  So
 *       each change of its bytes is that one's, and what was there before is what
 *       was read after the last one: the shadow.
 *   K2  A write by a system call is let happen in the same way, but for the step: its
 *       thread is to stop when it leaves the call.
 *   K3  A plain store is carried out for its thread, which is then put behind it: that
 *       saves a stop.  Not where somebody else would miss it: a breakpoint of
 *       whoever's on the bytes, or a restartable sequence, which is to begin anew.
 *   K4  Whatever ends the keeper, the descriptor is closed with it, and the
 *       kernel lets all go on: threads by the end of the trace, faults by that of
 *       the protection.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <guardian.h>
#include <insn.h>

#include "carry.h"
#include "effect.h"
#include "events.h"
#include "keeper.h"

#define CALL_NS 1000000000u /* a system call that has its page */
#define FUTILE	100

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void keeper_end(struct keeper *k, const char *why)
{
	if (k->ended)
		return;
	k->ended = true;
	snprintf(k->ring->why, sizeof(k->ring->why), "%s", why);
}

/* ---- hits ---------------------------------------------------------------------- */

/* What is being let happen. */
struct write {
	pid_t tid, own;
	bool in_kernel, unsure;
	uint64_t ip;
	uint64_t addr, len; /* what it writes, as far as is known */
	unsigned int n_frames;
	uint64_t frames[PAGE_FRAMES];
};

static void to_registers(struct effect_regs *out,
			 const struct user_regs_struct *r)
{
	const uint64_t gp[16] = { r->rax, r->rcx, r->rdx, r->rbx,
				  r->rsp, r->rbp, r->rsi, r->rdi,
				  r->r8,  r->r9,  r->r10, r->r11,
				  r->r12, r->r13, r->r14, r->r15 };

	memcpy(out->gp, gp, sizeof(gp));
	out->ip = r->rip;
	out->flags = r->eflags;
}

/* @regs: it was by a register, and they are as they were then; or NULL. */
static void put_hit(struct keeper *k, const struct write *w, unsigned int point,
		    uint64_t from, uint64_t to, const uint8_t *now,
		    const struct user_regs_struct *regs)
{
	struct keeper_ring *r = k->ring;
	const uint8_t *old = k->shadow[point] + (from - k->point[point].addr);
	uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	struct page_hit *h = &r->hit[r->head % KEEPER_RING];

	r->cost.hits++;
	if (r->head - tail == KEEPER_RING) {
		__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
		return;
	}
	__atomic_store_n(&r->putting, now_ns(), __ATOMIC_RELAXED);
	/* The mark before the time of the hit: partner is pages_upto(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	h->ns = now_ns();
	h->point = point;
	h->tid = w->tid;
	h->own_tid = w->own;
	h->in_kernel = w->in_kernel;
	h->unsure = w->unsure;
	h->ip = w->ip;
	h->addr = from;
	h->len = (unsigned int)(to - from);
	memcpy(h->old, old, h->len);
	memcpy(h->new_value, now, h->len);
	h->n_frames = w->n_frames;
	memcpy(h->frames, w->frames, w->n_frames * sizeof(*w->frames));
	h->by_register = regs;
	if (regs)
		to_registers(&h->regs, regs);
	__atomic_store_n(&r->head, r->head + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&r->putting, 0, __ATOMIC_RELEASE);
}

/* [*low, *high) is to have what [@addr, @addr + @len) has in common with a point. */
static void include(uint64_t addr, uint64_t len, uint64_t at, uint64_t end,
		    uint64_t *low, uint64_t *high)
{
	uint64_t first = addr > at ? addr : at;
	uint64_t last = addr + len < end ? addr + len : end;

	if (first >= last)
		return;
	*low = *low < first ? *low : first;
	*high = *high > last ? *high : last;
}

/* The part [*from, *to) of a point, which is now @now, that was written. */
static bool find_piece(const struct keeper *k, const struct write *w,
		       unsigned int point, uint64_t at, uint64_t end,
		       const uint8_t *now, uint64_t *from, uint64_t *to)
{
	const struct page_point *p = &k->point[point];
	const uint8_t *old = k->shadow[point] + (at - p->addr);
	uint64_t low = end, high = at;

	for (uint64_t i = 0; i < end - at; i++)
		if (old[i] != now[i]) {
			low = low < at + i ? low : at + i;
			high = at + i + 1;
		}
	if (!w->in_kernel)
		include(w->addr, w->len, at, end, &low, &high);
	for (size_t i = 0; w->in_kernel && i < k->n_open; i++)
		include(k->opened_at[i], 1, at, end, &low, &high);
	*from = low;
	*to = high;
	return low < high;
}

/* What of @point may have been written: what is on pages that are open. */
static void compare(struct keeper *k, const struct write *w, unsigned int point,
		    uint64_t at, uint64_t end)
{
	const struct page_point *p = &k->point[point];
	uint8_t now[KEEPER_PAGE];
	uint64_t from, to, piece;

	if (!keeper_read(k, at, now, end - at) ||
	    !find_piece(k, w, point, at, end, now, &from, &to))
		return;
	if (p->len <= 8)
		put_hit(k, w, point, at, end, now, NULL);
	else
		for (; from < to; from = piece) {
			piece = to - from < PAGE_PIECE ? to : from + PAGE_PIECE;
			put_hit(k, w, point, from, piece, now + (from - at),
				NULL);
		}
	memcpy(k->shadow[point] + (at - p->addr), now, end - at);
}

/* K1: all points on the pages that have been open, which are shut now. */
static void find_hits(struct keeper *k, const struct write *w)
{
	for (unsigned int i = 0; i < k->n_points; i++) {
		const struct page_point *p = &k->point[i];
		uint64_t end = p->addr + p->len;

		for (size_t o = 0; !p->by_register && o < k->n_open; o++) {
			uint64_t at = k->open[o], to = at + KEEPER_PAGE;

			if (at >= end || to <= p->addr)
				continue;
			if (p->len <= 8) {
				compare(k, w, i, p->addr, end);
				break;
			}
			compare(k, w, i, at > p->addr ? at : p->addr,
				to < end ? to : end);
		}
	}
}

static void shut(struct keeper *k, const struct write *w)
{
	pages_shut(k);
	find_hits(k, w);
	k->n_open = 0;
}

static void find_frames(const struct keeper *k, struct write *w,
			const struct user_regs_struct *r)
{
	uint64_t bp = r->rbp, pair[2];

	if (!k->options.frames)
		return;
	w->frames[w->n_frames++] = w->ip;
	while (w->n_frames < PAGE_FRAMES && bp >= r->rsp && !(bp & 7) &&
	       keeper_read(k, bp, pair, sizeof(pair)) && pair[1]) {
		w->frames[w->n_frames++] = pair[1];
		if (pair[0] <= bp)
			break;
		bp = pair[0];
	}
}

/* ---- registers ------------------------------------------------------------------ */

static void put_register_hit(struct keeper *k, const struct task *t,
			     unsigned int point, bool first, bool last,
			     const uint8_t *now)
{
	const struct page_point *p = &k->point[point];
	struct write w = { .tid = t->tid, .own = t->own, .ip = t->regs.rip };
	uint64_t head = k->ring->head;
	struct page_hit *h = &k->ring->hit[head % KEEPER_RING];

	find_frames(k, &w, &t->regs);
	put_hit(k, &w, point, p->addr, p->addr + p->len, now, &t->regs);
	if (k->ring->head == head)
		return;
	h->first = first;
	h->last = last;
}

/* All are held: what has been hit since nobody was. */
static void serve_registers(struct keeper *k)
{
	for (unsigned int r = 0; r < k->n_regs; r++) {
		unsigned int point = k->reg[r], n = 0, seen = 0;
		uint8_t now[8] = { 0 };

		for (size_t i = 0; i < k->n; i++)
			n += k->task[i].hits >> r & 1;
		if (!n || (k->point[point].access != 'x' &&
			   !keeper_read(k, k->point[point].addr, now,
					k->point[point].len)))
			continue;
		for (size_t i = 0; i < k->n; i++) {
			struct task *t = &k->task[i];

			if (!(t->hits >> r & 1))
				continue;
			put_register_hit(k, t, point, !seen, seen + 1 == n,
					 now);
			seen++;
		}
		memcpy(k->shadow[point], now, k->point[point].len);
	}
	for (size_t i = 0; i < k->n; i++)
		k->task[i].hits = 0;
}

/* ---- an instruction ------------------------------------------------------------ */

/* The part of the kernel's struct rseq that we need. */
struct sequence {
	uint32_t cpu_start, cpu;
	uint64_t section;
};

/* What is there before an instruction that waits at an address. */
struct before {
	bool known;
	struct sequence rseq; /* all 0: it has none */
	uint64_t at;	      /* around the address, on its page */
	size_t n;
	uint8_t bytes[16];
};

/* By one call: also @code, and how many bytes of it. */
static size_t read_before(struct keeper *k, const struct task *t,
			  struct before *b, uint8_t *code)
{
	struct __ptrace_rseq_configuration conf = { 0 };
	uint64_t page = t->addr & -KEEPER_PAGE, end = t->addr + 8;
	struct iovec local[3], remote[3];
	ssize_t got, before;
	int n = 0;

	*b = (struct before){ .at = t->addr - 7 };
	if (b->at < page)
		b->at = page;
	if (end > page + KEEPER_PAGE)
		end = page + KEEPER_PAGE;
	b->n = end - b->at;
	/* Without it the kernel has no such sequences. */
	ptrace(PTRACE_GET_RSEQ_CONFIGURATION, t->tid, sizeof(conf), &conf);
	local[n] = (struct iovec){ b->bytes, b->n };
	remote[n++].iov_base = (void *)(uintptr_t)b->at;
	if (conf.rseq_abi_pointer) {
		local[n] = (struct iovec){ &b->rseq, sizeof(b->rseq) };
		remote[n++].iov_base = (void *)(uintptr_t)conf.rseq_abi_pointer;
	}
	local[n] = (struct iovec){ code, X86_INSN_MAX };
	remote[n++].iov_base = (void *)(uintptr_t)t->regs.rip;
	before = -X86_INSN_MAX;
	for (int i = 0; i < n; i++) {
		remote[i].iov_len = local[i].iov_len;
		before += (ssize_t)local[i].iov_len;
	}
	got = process_vm_readv(k->options.pid, local, (unsigned long)n, remote,
			       (unsigned long)n, 0);
	b->known = got >= before;
	if (!conf.rseq_abi_pointer)
		task_look_where(k, t);
	else if (b->known)
		k->apart = k->cpus > 1 && (int)b->rseq.cpu != sched_getcpu();
	return b->known ? (size_t)(got - before) : 0;
}

/* What the instruction that @t waits at is going to write. */
static void find_write(struct keeper *k, const struct task *t, struct write *w,
		       struct x86_insn *in, struct before *b)
{
	uint8_t code[X86_INSN_MAX] = { 0 };
	struct effect_regs regs;
	size_t n;

	*w = (struct write){ .tid = t->tid, .own = t->own, .ip = t->regs.rip };
	find_frames(k, w, &t->regs);
	n = read_before(k, t, b, code);
	while (n < sizeof(code) && keeper_read(k, w->ip + n, code + n, 1))
		n++;
	to_registers(&regs, &t->regs);
	if (x86_decode(in, code, n, w->ip))
		memset(in, 0, sizeof(*in));
	else if (effect_operand(in, code, &regs, t->regs.fs_base,
				t->regs.gs_base, &w->addr, &w->len) &&
		 t->addr - w->addr < w->len)
		return;
	w->addr = t->addr;
	w->len = 1;
}

/* The step's own flag in what `pushf` has stored. */
static void mend_flags(const struct keeper *k, const struct task *t,
		       const struct x86_insn *in)
{
	long word;

	if (!(in->attrs & X86_A_PUSHF) || !k->n_open)
		return;
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, t->tid, t->regs.rsp, 0);
	if (!errno)
		ptrace(PTRACE_POKEDATA, t->tid, t->regs.rsp, word & ~0x100l);
}

/* ---- a store that we make ourselves: K3 -------------------------------------- */

static bool has_breakpoint(const struct keeper *k, uint64_t addr, uint64_t len)
{
	for (unsigned int i = 0; i < k->options.n_registers; i++) {
		const struct page_point *p = &k->options.registers[i];

		if (addr < p->addr + p->len && addr + len > p->addr)
			return true;
	}
	return false;
}

static void put(const struct task *t, size_t at, uint64_t value)
{
	ptrace(PTRACE_POKEUSER, t->tid, at, value);
}

/* The place of general register @n, in the order of instructions. */
static size_t place_of(unsigned int n)
{
#define AT(r) offsetof(struct user_regs_struct, r)
	static const size_t places[16] = {
		AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp),
		AT(rsi), AT(rdi), AT(r8),  AT(r9),  AT(r10), AT(r11),
		AT(r12), AT(r13), AT(r14), AT(r15),
	};
#undef AT

	return places[n];
}

/* Behind the instruction, as if it had been @t's. */
static void go_behind(struct task *t, const struct carry *c)
{
	put(t, offsetof(struct user_regs_struct, rip), c->ip);
	put(t, offsetof(struct user_regs_struct, eflags), c->flags);
	if (c->changes)
		put(t, place_of(c->n), c->gp);
	t->regs.rip = c->ip;
}

/*
 * The lock is kept from store to store while they come one after the other, but for
 * moments in which who wants it, and asks every millisecond, will get it.
 */
#define KEPT_NS 20000000u
#define FREE_NS 4000000u

void keeper_rest(struct keeper *k)
{
	if (k->locked_ns)
		flock(k->breakpoints, LOCK_UN);
	k->locked_ns = 0;
}

static bool lock_breakpoints(struct keeper *k)
{
	uint64_t now = now_ns();

	if (k->locked_ns && now - k->locked_ns < KEPT_NS)
		return true;
	if (k->locked_ns) {
		keeper_rest(k);
		k->free_ns = now + FREE_NS;
	}
	if (flock(k->breakpoints, LOCK_EX | LOCK_NB))
		return false;
	if (now >= k->free_ns)
		k->locked_ns = now;
	return true;
}

static void unlock_breakpoints(const struct keeper *k)
{
	if (!k->locked_ns)
		flock(k->breakpoints, LOCK_UN);
}

/* Make @t's write for it.  False: nothing has been done. */
static bool carry(struct keeper *k, struct task *t, const struct x86_insn *in,
		  const struct before *b, struct carry *c)
{
	struct effect_regs r;
	uint64_t old = 0;
	bool done;

	to_registers(&r, &t->regs);
	if (k->breakpoints < 0 || t->armed || !carry_plan(c, in, &r) ||
	    t->addr - c->addr >= c->size ||
	    (c->addr ^ (c->addr + c->size - 1)) & -KEEPER_PAGE ||
	    has_breakpoint(k, c->addr, c->size) || !b->known || b->rseq.section)
		return false;
	if (!lock_breakpoints(k))
		return false;
	memcpy(&old, b->bytes + (c->addr - b->at), c->size);
	carry_out(c, &r, old);
	done = page_open(k, c->addr) &&
	       keeper_write(k, c->addr, &c->value, c->size);
	unlock_breakpoints(k);
	if (done)
		go_behind(t, c);
	k->ring->cost.carried += done;
	return done;
}

/* Of point @i, whose bytes from @from to @to were written. */
static void put_carried(struct keeper *k, const struct write *w, unsigned int i,
			uint64_t from, uint64_t to, const struct carry *c)
{
	const struct page_point *p = &k->point[i];
	uint8_t *shadow = k->shadow[i], now[8];
	const uint8_t *value = (const uint8_t *)&c->value + (from - c->addr);

	if (p->len > 8) {
		put_hit(k, w, i, from, to, value, NULL);
	} else {
		memcpy(now, shadow, p->len);
		memcpy(now + (from - p->addr), value, to - from);
		put_hit(k, w, i, p->addr, p->addr + p->len, now, NULL);
	}
	memcpy(shadow + (from - p->addr), value, to - from);
}

/*
 * As find_hits(), of what is known to be written without another look.  False: what was
 * there is not what we had thought, since somebody has written who could not be held.
 */
static bool find_carried(struct keeper *k, const struct write *w,
			 const struct carry *c, const struct before *b)
{
	for (int put = 0; put < 2; put++)
		for (unsigned int i = 0; i < k->n_points; i++) {
			const struct page_point *p = &k->point[i];
			uint64_t from = UINT64_MAX, to = 0;

			include(c->addr, c->size, p->addr, p->addr + p->len,
				&from, &to);
			if (p->by_register || from >= to)
				continue;
			if (put)
				put_carried(k, w, i, from, to, c);
			else if (memcmp(k->shadow[i] + (from - p->addr),
					b->bytes + (from - b->at), to - from))
				return false;
		}
	return true;
}

/* ---- a step ------------------------------------------------------------------- */

/* Its page is let be. */
static void give_up_page(struct keeper *k, uint64_t addr, const char *why)
{
	uint64_t page = addr & -KEEPER_PAGE;

	for (size_t i = 0; i < k->n_points; i++)
		if (k->point[i].addr < page + KEEPER_PAGE &&
		    k->point[i].addr + k->point[i].len > page)
			__atomic_store_n(&k->ring->gone[i], why,
					 __ATOMIC_RELEASE);
	page_open(k, addr);
	k->n_open = 0; /* and it stays open */
}

static void step_one(struct keeper *k, pid_t tid, struct task *t)
{
	uint64_t addr = t->addr, ip = t->regs.rip;
	struct x86_insn in;
	struct before b;
	struct carry c;
	struct write w;
	int done;

	find_write(k, t, &w, &in, &b);
	if (in.kind == X86_SYSCALL) /* not there any more */
		return;
	if (carry(k, t, &in, &b, &c)) {
		t->fault = false;
		t->futile = 0;
		pages_shut(k);
		if (k->n_open > 1 || !find_carried(k, &w, &c, &b))
			find_hits(k, &w);
		k->n_open = 0;
		k->ring->cost.faults++;
		return;
	}
	page_open(k, addr);
	if (w.addr + w.len > 0 && ((w.addr + w.len - 1) ^ addr) & -KEEPER_PAGE)
		page_open(k, w.addr + w.len - 1);
	done = task_step(k, t);
	for (size_t i = 0; i < k->n; i++) {
		if (k->task[i].tid != tid)
			continue;
		t = &k->task[i];
		if (done == 1)
			mend_flags(k, t, &in);
		/*
		 * A restartable sequence begins anew whenever it is disturbed, and
		 * we disturb it at each write.
		 */
		t->futile = done == 1 && (t->regs.rip == in.next ||
					  t->regs.rip == ip || in.kind)
				    ? 0
				    : t->futile + 1;
		if (t->futile > FUTILE)
			give_up_page(k, addr,
				     "a restartable sequence writes its page");
		else if (done < 0 && task_minds_trap(t, false))
			give_up_page(k, addr,
				     "the program ignores SIGTRAP now");
		else
			continue;
		t->futile = 0;
	}
	if (done != 1)
		w.len = 0; /* whatever has changed */
	shut(k, &w);
	k->ring->cost.faults += done == 1;
}

/* ---- system calls --------------------------------------------------------------- */

/* K2: those who wait in the kernel. */
static void serve_calls(struct keeper *k)
{
	uint64_t since = now_ns();
	struct write w = { .in_kernel = true };
	bool any = false, left;

	for (size_t i = 0; i < k->n; i++) {
		struct task *t = &k->task[i];

		if (!task_waits_in_kernel(t))
			continue;
		t->served = true;
		w.unsure = any;
		w.tid = t->tid;
		w.own = t->own;
		w.addr = t->addr;
		w.len = 1;
		any = true;
		k->ring->cost.faults++;
		k->ring->cost.kernel++;
	}
	if (!any)
		return;
	do {
		left = false;
		for (size_t i = 0; i < k->n; i++) {
			struct task *t = &k->task[i];

			if (!t->served)
				continue;
			if (t->state == TASK_STOPPED) {
				if (t->tid == w.tid)
					w.ip = t->regs.rip;
				continue;
			}
			left = true;
			if (t->fault)
				page_open(k, t->addr);
			t->fault = false;
		}
		if (left)
			tasks_wait(k, 1000);
	} while (left && now_ns() - since < CALL_NS && !k->ended);
	/* They have asked more than once. */
	tasks_look(k);
	for (size_t i = 0; i < k->n; i++) {
		struct task *t = &k->task[i];

		if (t->served)
			t->fault = false;
		t->served = false;
	}
	shut(k, &w);
}

/* Somebody who cannot be held: the kernel's own threads, for the program. */
static void serve_strangers(struct keeper *k)
{
	struct write w = { .in_kernel = true, .unsure = true };
	struct timespec t = { 0, 1000000 };

	if (!k->n_open)
		return;
	nanosleep(&t, NULL);
	shut(k, &w);
	k->ring->cost.faults++;
	k->ring->cost.kernel++;
}

/* ---- the loop -------------------------------------------------------------------- */

static bool any_work(const struct keeper *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->task[i].fault || k->task[i].hits)
			return true;
	return k->n_open;
}

static void serve(struct keeper *k)
{
	if (!tasks_hold(k, false))
		goto go_on;
	serve_registers(k);
	serve_strangers(k);
	serve_calls(k);
	for (size_t i = 0; i < k->n && !k->ended; i++) {
		struct task *t = &k->task[i];

		if (t->state == TASK_STOPPED && t->fault && task_is_plain(t) &&
		    !t->fresh)
			step_one(k, t->tid, t);
	}
	serve_registers(k);
go_on:
	tasks_resume(k);
	if (k->fault_ns)
		k->ring->cost.ns += now_ns() - k->fault_ns;
	k->fault_ns = 0;
	/* It looks now and then by itself. */
	if (k->ring->head - __atomic_load_n(&k->ring->tail, __ATOMIC_RELAXED) >
		    KEEPER_RING / 4 &&
	    write(k->wake, "", 1) < 0 && errno == EPIPE)
		k->ending = true;
}

#define PEEK_NS 10000000u

/* Until something happens; then it has been looked at. */
static void wait_for_work(struct keeper *k)
{
	struct pollfd p[] = { { k->uffd, POLLIN, 0 },
			      { k->children, POLLIN, 0 },
			      { k->life, POLLIN, 0 } };
	struct signalfd_siginfo info;

	uint64_t since = now_ns();
	bool any = since - k->polled < PEEK_NS && tasks_spin(k, &k->faults);

	if (!any) {
		keeper_rest(k);
		poll(p, 3, -1);
		while (read(k->children, &info, sizeof(info)) > 0)
			;
		if (p[2].revents)
			k->ending = true;
		any = tasks_look(k);
		k->polled = now_ns();
	}
	/* What has been noticed already may wake us once more. */
	if (any)
		spin_learn(&k->faults, now_ns() - since);
}

static void watch(struct keeper *k)
{
	while (!k->ended && !k->ending) {
		wait_for_work(k);
		if (any_work(k))
			serve(k);
		else
			tasks_resume(k);
	}
}

static void finish(struct keeper *k)
{
	/* Whoever waits for a page gets it; then all can be stopped. */
	pages_release_all(k);
	tasks_detach(k);
	if (!k->ended)
		pages_restore(k);
}

static int arm_all(struct keeper *k)
{
	int err = 0;

	for (unsigned int i = 0; i < k->n_points; i++)
		if (k->point[i].by_register)
			k->reg[k->n_regs++] = i;
	for (size_t i = 0; i < k->n; i++)
		if (task_minds_trap(&k->task[i], k->n_regs))
			return refuse(-EOPNOTSUPP, "it %s SIGTRAP, by which %s",
				      k->n_regs ? "ignores or blocks"
						: "ignores",
				      k->n_regs ? "registers report without "
						  "perf events"
						: "a step is told");
	if (!k->n_regs)
		return 0;
	if (!tasks_hold(k, true))
		return refuse(-EBUSY, "its threads do not stop");
	for (size_t i = 0; !err && i < k->n; i++)
		if (k->task[i].state == TASK_STOPPED)
			err = task_arm(k, &k->task[i]);
	if (err == -ENOSPC)
		refuse(err, "its debug registers are in use (there are four)");
	else if (err)
		refuse(err, "its debug registers cannot be had: %s",
		       strerror(-err));
	return err;
}

/* Has process @pid opened perf events, which may be breakpoints in itself? */
static bool has_events(pid_t pid)
{
	const struct dirent *e;
	char path[64], link[64];
	bool has = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && !has && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = 0;
		has = strcmp(link, "anon_inode:[perf_event]") == 0;
	}
	if (d)
		closedir(d);
	return has;
}

/* For keeper.breakpoints. */
static int open_breakpoints(pid_t pid)
{
	char path[64];

	if (has_events(pid))
		return -1;
	snprintf(path, sizeof(path), WATCH_LOCK, (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int begin(struct keeper *k)
{
	sigset_t set;
	int err = pages_setup(k);

	if (err)
		return err;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k->children = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (k->children < 0)
		return -errno;
	k->breakpoints = open_breakpoints(k->options.pid);
	err = tasks_seize(k);
	if (!err)
		err = arm_all(k);
	if (!err)
		err = pages_protect_all(k);
	for (size_t i = 0; !err && i < k->n_points; i++)
		if (k->point[i].access != 'x' &&
		    !keeper_read(k, k->point[i].addr, k->shadow[i],
				 k->point[i].len))
			err = -EFAULT;
	tasks_resume(k);
	return err;
}

void keeper_run(struct keeper *k)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE,
				       SIGQUIT };
	const struct sched_param first = { .sched_priority = 1 };
	const char *why;
	int err;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	setsid();
	k->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	/* The program waits for us, whoever else wants the CPU. */
	sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &first);
	err = begin(k);
	if (!err) {
		__atomic_store_n(&k->ring->state, KEEPER_WATCHES,
				 __ATOMIC_RELEASE);
		if (write(k->wake, "", 1) < 0)
			k->ending = true;
		watch(k);
	} else {
		why = refusal();
		keeper_end(k, *why ? why : strerror(-err));
		k->ring->failed = 1;
		k->ended = false; /* the process is there */
	}
	finish(k);
	__atomic_store_n(&k->ring->state, KEEPER_ENDED, __ATOMIC_RELEASE);
}
