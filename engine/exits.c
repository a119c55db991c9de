/* SPDX-License-Identifier: MIT */
/*
 * exits.c - calls that are followed by probes at the exits of their function
 *
 * Where it is certain at which instructions a function returns, each of them
 * gets a probe, and the stack of the program is left alone: unwinders,
 * exceptions and shadow stacks see nothing.
 *
 *     entry of f   pre handler: an instance, noted under the stack pointer
 *     ret in f     pre handler: whose is this stack pointer?  Its handlers are
 *                  called, with the registers as they will be after the return
 *
 * The exits of a function are one set, shared by all its return probes.
 *
 * Notes.  A frame's stack pointer is its own as long as it lives, in whatever
 * thread, so notes are kept in one table for all.  (Where stacks are moved, the
 * home tells what takes its place: struct tl_frame.)  A cell is a list of the
 * instances of one call, or NULL; a call's cell is one of 16 that its stack
 * pointer leads to.  Frames are at least 8 bytes apart, so a bucket of 8 cells
 * for each 64 bytes of stack is enough for one stack, and neighbours in a
 * recursion are neighbours in the table.
 *
 *   E1  A list is only taken as a whole, by an exchange of its cell, so it has
 *       one owner: the thread whose frame it is, or a task that purges it.
 *   E2  Two live frames never have one stack pointer, but for a function that
 *       another has called at its end.  So whatever is found under a stack
 *       pointer that enters or leaves another function, or enters at another hit,
 *       was left by longjmp, an exception or the end of its thread: a miss.  (Of
 *       frames that move: so is what was called from elsewhere.)
 *   E3  An instance that can be found stays readable: pools are freed after a
 *       grace period.
 *   E4  Each stack pointer has its own first cell, which no other in 2 MiB of
 *       stack shares; while nobody ever had to use another, only that is looked
 *       at.  (The mark is set before the note is made, by its thread.)
 *   E5  Where return addresses must not be replaced, functions that others are
 *       called by at their end are followed into these: their exits are in the
 *       set, as tails.  From then on a list may hold calls of several functions,
 *       newest first, which end together or not at all: those that came on to
 *       another are kept as long as the word in their slot says that the frame
 *       is still theirs.  No function in a set comes back to its own start.
 *
 * A call that returns where nobody expects it (setjmp and vfork return twice)
 * is told of once: the first return takes its note.
 */
#include "calls.h"

#define BUCKET	   8
#define CELLS	   16 /* that one stack pointer leads to */
#define MOST_CELLS (1u << 18)
#define LONGEST	   64 /* list that a purge looks through */

struct exit_probe {
	struct kprobe kp;
	struct tl_exits *set;
	uint8_t lead;
	bool tail; /* in another function */
	uint16_t pops;
};

struct tl_exits {
	struct tl_exits *next; /* of those to be freed */
	uintptr_t start;
	unsigned int users;
	unsigned int n;
	bool armed;
	bool failed;
	bool busy; /* in a moment it may not */
	struct exit_probe exit[];
};

static size_t set_bytes(unsigned int n)
{
	return sizeof(struct tl_exits) + n * sizeof(struct exit_probe);
}

/* ---- notes -------------------------------------------------------------------------- */

static bool have_cells(void)
{
	unsigned int n = MOST_CELLS;

	if (tl_engine.cells)
		return true;
	if (!tl_host_ops->calls)
		n /= 16;
	for (; !tl_engine.cells && n >= 1024; n = tl_engine.cells ? n : n / 2)
		tl_engine.cells =
			tlh_alloc((n + BUCKET) * sizeof(*tl_engine.cells));
	tl_engine.n_cells = n;
	return tl_engine.cells;
}

/* What tells the frame at @regs from others, of a function that @p is at. */
static inline bool find_frame(const struct kprobe *p,
			      const struct pt_regs *regs, struct tl_frame *f)
{
	struct tl_frame moved;

	*f = (struct tl_frame){ 0, tl_arch_sp(regs) };
	if (!tl_seldom(p->flags & KPROBE_FLAG_MOVES))
		return true;
	/* Not *f itself, which is in registers as long as nobody else sees it. */
	if (!tl_host_ops->frame(regs, &moved))
		return false;
	*f = moved;
	return true;
}

static inline struct tl_frame frame_of(struct kretprobe_instance *ri)
{
	return (struct tl_frame){ tl_call_of(ri)->stack, ri->fp };
}

static inline bool is_of(struct kretprobe_instance *ri, struct tl_frame f)
{
	return ri->fp == f.at && tl_call_of(ri)->stack == f.stack;
}

/* The @i-th of the cells for @f; the last bucket has one behind it. */
static inline struct kretprobe_instance **cell_of(struct tl_frame f,
						  unsigned int i)
{
	uintptr_t sp = f.at + f.stack * 0x9e3779b97f4a7c15u;
	uintptr_t bucket = (sp >> 6) + (sp >> 21) * 0x9e3779b1u;

	return tl_engine.cells +
	       (bucket & (tl_engine.n_cells / BUCKET - 1)) * BUCKET +
	       ((sp >> 3) % BUCKET + i) % CELLS;
}

static inline struct kretprobe_instance *
take_from(struct kretprobe_instance **cell, struct tl_frame f)
{
	struct kretprobe_instance *first = tl_load_acquire(cell), *none = NULL;

	if (!first || !is_of(first, f) || /* E3 */
	    !__atomic_compare_exchange_n(cell, &first, NULL, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return NULL;
	if (is_of(first, f))
		return first;
	/* Taken away and used again between two looks. */
	__atomic_compare_exchange_n(cell, &none, first, false, __ATOMIC_RELEASE,
				    __ATOMIC_RELAXED);
	return NULL;
}

static __attribute__((noinline)) struct kretprobe_instance *
take_spilled(struct tl_frame f)
{
	struct kretprobe_instance *first = NULL;

	for (unsigned int i = 1; i < CELLS && !first; i++)
		first = take_from(cell_of(f, i), f);
	return first;
}

/* Take the list of the call whose frame is @f, or NULL. */
static inline struct kretprobe_instance *take(struct tl_frame f)
{
	struct kretprobe_instance *first = take_from(cell_of(f, 0), f);

	if (first || !tl_load(&tl_engine.cells_spilled)) /* E4 */
		return first;
	return take_spilled(f);
}

static inline bool note_in(struct kretprobe_instance **cell,
			   struct kretprobe_instance *first)
{
	struct kretprobe_instance *none = tl_load(cell);

	return !none &&
	       __atomic_compare_exchange_n(cell, &none, first, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) bool
note_spilled(struct tl_frame f, struct kretprobe_instance *first)
{
	tl_store(&tl_engine.cells_spilled, true); /* E4 */
	for (unsigned int i = 1; i < CELLS; i++)
		if (note_in(cell_of(f, i), first))
			return true;
	return false;
}

static inline bool note(struct tl_frame f, struct kretprobe_instance *first)
{
	return note_in(cell_of(f, 0), first) || note_spilled(f, first);
}

static void miss_all(struct kretprobe_instance *ri)
{
	while (ri) {
		struct kretprobe_instance *next = ri->next;

		tl_call_miss(ri, CALL_FREE);
		tl_call_put(ri);
		ri = next;
	}
}

/* ---- entry -------------------------------------------------------------------------- */

static bool same_hit(const struct tl_context *cx, struct kretprobe_instance *ri)
{
	const struct call *c = tl_call_of(ri);

	return c->cx == cx && c->section == cx->left;
}

/* Does @word, which is in its slot now, say that the frame of @c is there yet? */
static bool is_its_own(struct tl_context *cx, const struct call *c,
		       unsigned long word)
{
	return word == c->word ||
	       tl_return_true(cx, c->ri.fp, word) == c->ri.ret_addr;
}

/*
 * Another word is in its slot: the frame is gone, if it cannot have moved.  Where the
 * slot is a register: the stack is above it, now that it is at @sp.
 */
static bool is_gone(struct tl_context *cx, const struct call *c, uintptr_t sp)
{
	unsigned long word;

	if (c->stack)
		return false;
	if (!c->on_stack)
		return c->ri.fp < sp && tl_same_stack(c->ri.fp, sp) == 1;
	return tlh_read(&word, (uintptr_t)c->ri.slot, sizeof(word)) ||
	       !is_its_own(cx, c, word);
}

/*
 * Win back what is gone of the calls of this context in @pool, which is empty.
 * Where nothing is, that is much work for nothing: not again before about as
 * many calls were missed.
 */
static bool drop_gone(struct tl_context *cx, const struct tl_calls *pool,
		      uintptr_t sp)
{
	uint32_t used = tl_load(&pool->virgin);
	unsigned int vain = 0;

	if (cx->misses) {
		cx->misses--;
		return false;
	}
	for (uint32_t i = 0; i < used; i++) {
		struct call *c = tl_call_at(pool, i);

		if (tl_load_acquire(&c->state) != CALL_ACTIVE || !c->function ||
		    c->cx != cx)
			continue;
		if (is_gone(cx, c, sp))
			miss_all(take(frame_of(&c->ri)));
		else
			vain++;
	}
	cx->misses = vain / 2;
	return true;
}

static struct call *new_call(struct tl_context *cx, struct kretprobe *rp,
			     uintptr_t sp)
{
	struct call *c = tl_call_spare(cx, rp->calls);

	if (!c)
		c = tl_call_take(rp->calls, sp);
	if (!c && drop_gone(cx, rp->calls, sp))
		c = tl_call_take(rp->calls, sp);
	return c;
}

static bool follow(struct tl_context *cx, struct kretprobe *rp,
		   struct pt_regs *regs, struct tl_frame f,
		   struct kretprobe_instance *older, struct call *c)
{
	unsigned long *slot = tl_arch_return_slot(regs);

	c->on_stack = (uintptr_t)slot == tl_arch_sp(regs);
	c->chained = false;
	c->function = rp->exits->start;
	c->stack = f.stack;
	c->cx = cx;
	c->section = cx->left;
	c->word = *slot;
	c->ri.ret_addr = tl_return_true(cx, tl_arch_sp(regs), *slot);
	c->ri.slot = slot;
	c->ri.fp = f.at;
	c->ri.next = older;
	tl_store(&c->ri.rp, rp);
	if (rp->entry_handler && rp->entry_handler(&c->ri, regs)) {
		tl_call_keep(cx, &c->ri);
		return false;
	}
	tl_store_release(&c->state, CALL_ACTIVE);
	return true;
}

/* Has what @first begins come on to the function of @rp, with its frame?  (E5) */
static TL_SELDOM bool came_on(struct tl_context *cx, const struct kretprobe *rp,
			      struct kretprobe_instance *first,
			      struct pt_regs *regs)
{
	if (!is_its_own(cx, tl_call_of(first), *tl_arch_return_slot(regs)))
		return false;
	while (first && tl_call_of(first)->function != rp->exits->start)
		first = first->next;
	return !first;
}

void tl_exits_enter(struct tl_context *cx, struct kretprobe *rp,
		    struct pt_regs *regs)
{
	struct kretprobe_instance *first;
	struct tl_frame f;
	struct call *c;

	if (!find_frame(&rp->kp, regs, &f)) {
		tl_return_missed(rp);
		return;
	}
	first = take(f);
	if (first && !same_hit(cx, first) &&
	    (f.stack || !tl_load(&tl_engine.tails) ||
	     !came_on(cx, rp, first, regs))) {
		miss_all(first); /* E2 */
		first = NULL;
	}
	c = new_call(cx, rp, tl_arch_sp(regs));
	if (!c)
		tl_return_missed(rp);
	else if (follow(cx, rp, regs, f, first, c))
		first = &c->ri;
	if (first && !note(f, first))
		miss_all(first);
}

/* ---- exit --------------------------------------------------------------------------- */

/*
 * Of the list @first, found at the exit @e, what is told there.  The rest of it is
 * for another set's probe of the same exit, or has been left.  (E5)
 */
static TL_SELDOM struct kretprobe_instance *
leaving(struct tl_context *cx, const struct exit_probe *e,
	struct kretprobe_instance *first, struct tl_frame f,
	struct pt_regs *regs)
{
	struct kretprobe_instance *mine = NULL, *rest = NULL, *next;
	struct kretprobe_instance **mines = &mine, **rests = &rest;
	const struct call *c = tl_call_of(first);
	uintptr_t start = e->set->start;

	if ((c->function != start && !tl_load(&tl_engine.tails)) ||
	    ((e->tail || c->function != start || f.stack) &&
	     !is_its_own(cx, c, *tl_arch_return_slot(regs)))) {
		miss_all(first); /* E2 */
		return NULL;
	}
	for (; first; first = next) {
		next = first->next;
		first->next = NULL;
		if (tl_call_of(first)->function == start) {
			*mines = first;
			mines = &first->next;
		} else {
			*rests = first;
			rests = &first->next;
		}
	}
	if (rest && !note(f, rest))
		miss_all(rest);
	return mine;
}

void tl_exits_hit(struct tl_context *cx, struct kprobe *p, struct pt_regs *regs)
{
	const struct exit_probe *e = (const struct exit_probe *)p;
	uintptr_t sp = tl_arch_sp(regs), ip = tl_arch_ip(regs);
	struct kretprobe_instance *first, *ri, *next;
	struct tl_frame f;

	if (!find_frame(p, regs, &f))
		return;
	first = take(f);
	if (!first)
		return;
	if (tl_call_of(first)->function != e->set->start || f.stack ||
	    tl_load(&tl_engine.tails)) {
		first = leaving(cx, e, first, f, regs);
		if (!first)
			return;
	}
	tl_arch_set_ip(regs, first->ret_addr);
	if (tl_call_of(first)->on_stack)
		tl_arch_set_sp(regs, sp + sizeof(long) + e->pops);
	for (ri = first; ri; ri = ri->next)
		tl_return_tell(cx, ri, regs);
	tl_arch_set_ip(regs, ip);
	tl_arch_set_sp(regs, sp);
	for (ri = first; ri; ri = next) {
		next = ri->next;
		tl_call_keep(cx, ri);
	}
}

void tl_exits_missed(uintptr_t sp)
{
	miss_all(take((struct tl_frame){ 0, sp }));
}

int tl_exit_pre(struct kprobe *p, struct pt_regs *regs)
{
	tl_exits_hit(tlh_context(), p, regs);
	return 0;
}

void tl_exit_post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

unsigned int tl_exit_lead(const struct kprobe *p)
{
	return p->post_handler == tl_exit_post
		       ? ((const struct exit_probe *)p)->lead
		       : 0;
}

/* ---- which way ------------------------------------------------------------------------ */

/* May the return address of the function at @addr not be replaced? */
static bool must_not_swap(const struct kretprobe *rp, uintptr_t addr)
{
	return (rp->kp.flags & (KPROBE_FLAG_NO_SWAP | KPROBE_FLAG_MOVES)) ||
	       tl_host_ops->no_swap || tl_arch_takes_return(addr);
}

/*
 * Can a jump be at @at, in the function of @exit, without turning another one back
 * to a breakpoint?
 */
static bool jump_fits(uintptr_t at, const struct tl_exit *exit)
{
	const struct tl_point *q;
	struct tl_plan plan;

	if (!tl_may_optimize() ||
	    tl_arch_plan(&plan, at, exit->start, exit->end, exit->ret - at) ||
	    !plan.window_len || plan.island ||
	    tl_forbidden(at, plan.window_len) ||
	    !tl_allowed(at, plan.window_len, true))
		return false;
	q = tl_optimize_covering(tl_optimize_lowest(at), at);
	return !q || q->text != TL_TEXT_JUMP;
}

/* Say where the probe of one exit goes; false: nowhere. */
static bool place(struct exit_probe *e, const struct tl_exit *exit,
		  const struct kretprobe *rp, uintptr_t start)
{
	bool jump_only = rp->kp.flags & KPROBE_FLAG_JUMP_ONLY;

	e->pops = exit->pops;
	e->tail = exit->tail;
	e->kp.addr = (kprobe_opcode_t *)exit->ret;
	e->kp.flags = KPROBE_FLAG_HOME;
	e->kp.flags |= rp->kp.flags & KPROBE_FLAG_MOVES;
	e->kp.flags |= jump_only ? KPROBE_FLAG_JUMP_ONLY : 0;
	if (jump_fits(exit->ret, exit)) {
		e->kp.pre_handler = tl_exit_pre;
		return true;
	}
	if (jump_only) {
		e->kp.addr -= exit->lead;
		e->kp.post_handler = tl_exit_post;
		e->lead = exit->lead;
		return exit->lead && jump_fits(exit->ret - exit->lead, exit);
	}
	e->kp.pre_handler = tl_exit_pre;
	return must_not_swap(rp, start);
}

/* Would a jump at @entry take the place of the exit at @at? */
static bool entry_covers(uintptr_t at, uintptr_t entry, uintptr_t start,
			 uintptr_t end)
{
	struct tl_plan plan;

	return !tl_arch_plan(&plan, entry, start, end, 0) &&
	       at - entry < plan.window_len;
}

static struct tl_exits *new_set(const struct kretprobe *rp, uintptr_t entry,
				uintptr_t start, uintptr_t end)
{
	struct tl_exit exit[TL_EXITS_MAX];
	bool keep = must_not_swap(rp, start);
	int n = tl_arch_exits(start, end, entry, exit, TL_EXITS_MAX, keep);
	struct tl_exits *set;

	if (n < 0 || !have_cells())
		return NULL;
	set = tlh_alloc(set_bytes(n));
	if (!set)
		return NULL;
	set->start = start;
	set->n = n;
	for (int i = 0; i < n; i++) {
		set->exit[i].set = set;
		if (exit[i].tail)
			tl_store(&tl_engine.tails, true);
		if (place(&set->exit[i], &exit[i], rp, start) &&
		    (keep || !entry_covers((uintptr_t)set->exit[i].kp.addr,
					   entry, start, end)))
			continue;
		tlh_free(set, set_bytes(n));
		return NULL;
	}
	return set;
}

/* May @rp use the exits of @other, at the same function? */
static bool can_share(const struct kretprobe *rp, const struct kretprobe *other)
{
	return other->exits &&
	       !((rp->kp.flags ^ other->kp.flags) & KPROBE_FLAG_JUMP_ONLY);
}

static struct tl_exits *find_set(const struct kretprobe *rp, uintptr_t addr,
				 uintptr_t start,
				 struct kretprobe *const *others, int n)
{
	const struct tl_point *point = tl_table_find(addr);
	struct kprobe *p;

	/* Those of text that was unmapped are nobody's exits any more. */
	if (point) {
		tl_gone_check(tl_optimize_lowest(addr), addr + TL_EDIT_BYTES);
		point = tl_table_find(addr);
	}
	for (p = point ? point->probes : NULL; p; p = p->next)
		if (tl_probe_is_return(p) && can_share(rp, tl_retprobe_of(p)))
			return tl_retprobe_of(p)->exits;
	for (int i = 0; i < n; i++)
		if (others[i]->exits && others[i]->exits->start == start &&
		    can_share(rp, others[i]))
			return others[i]->exits;
	return NULL;
}

int tl_exits_choose(struct kretprobe *rp, uintptr_t addr,
		    struct kretprobe *const *others, int n)
{
	uintptr_t start, end;

	tl_assert_held();
	if (!tl_function(addr, &start, &end) &&
	    (start == addr || (rp->kp.flags & KPROBE_FLAG_MOVES))) {
		rp->exits = find_set(rp, addr, start, others, n);
		if (!rp->exits)
			rp->exits = new_set(rp, addr, start, end);
	}
	if (rp->exits)
		rp->exits->users++;
	else if (must_not_swap(rp, addr))
		return -TL_EOPNOTSUPP;
	return 0;
}

/* ---- arming and removing ----------------------------------------------------------- */

static int arm_some(int n)
{
	struct kprobe **kps = tl_engine.exits;

	enum tl_why *why = tl_engine.exit_why;

	tl_probes_add(kps, n, tl_engine.exit_errs, why, false);
	for (int i = 0; i < n; i++) {
		struct tl_exits *set = ((struct exit_probe *)kps[i])->set;

		if (tl_engine.exit_errs[i])
			set->failed = true;
		if (tl_engine.exit_errs[i] && why[i] == TL_WHY_BUSY)
			set->busy = true;
	}
	return 0;
}

static int remove_some(int n)
{
	tl_engine.exits_waited &= tl_probes_remove(tl_engine.exits, n);
	return 0;
}

/* Add @p to those to be handled by @fn, which are @n; returns how many now. */
static int collect(struct kprobe *p, int n, int (*fn)(int n))
{
	tl_engine.exits[n++] = p;
	return n == TL_BATCH ? fn(n) : n;
}

void tl_exits_arm(struct kretprobe **rps, int num, int *errs)
{
	int n = 0;

	tl_assert_held();
	for (int i = 0; i < num; i++) {
		struct tl_exits *set = rps[i]->exits;

		if (errs[i] || !set || set->armed)
			continue;
		set->armed = true;
		for (unsigned int k = 0; k < set->n; k++)
			n = collect(&set->exit[k].kp, n, arm_some);
	}
	arm_some(n);
	for (int i = 0; i < num; i++) {
		const struct tl_exits *set = rps[i]->exits;

		if (!set || !set->failed)
			continue;
		if (!errs[i] && must_not_swap(rps[i], set->start))
			errs[i] = set->busy ? -TL_EAGAIN : -TL_EOPNOTSUPP;
		tl_exits_release(&rps[i], 1);
	}
}

void tl_exits_release(struct kretprobe **rps, int num)
{
	struct tl_exits *dead = NULL, *set;
	int n = 0;

	tl_assert_held();
	tl_engine.exits_waited = true;
	for (int i = 0; i < num; i++) {
		set = rps[i]->exits;
		rps[i]->exits = NULL;
		if (!set || --set->users)
			continue;
		set->next = dead;
		dead = set;
		for (unsigned int k = 0; k < set->n; k++) {
			struct kprobe *p = &set->exit[k].kp;

			if (!tl_probe_registered(p))
				continue;
			p->flags |= TL_FLAG_REMOVE;
			n = collect(p, n, remove_some);
		}
	}
	remove_some(n);
	while ((set = dead)) {
		dead = set->next;
		if (tl_engine.exits_waited) {
			tlh_free(set, set_bytes(set->n));
			continue;
		}
		set->next = tl_engine.dead_exits;
		tl_engine.dead_exits = set;
	}
}

void tl_exits_bury(void)
{
	struct tl_exits *set;

	while ((set = tl_engine.dead_exits)) {
		tl_engine.dead_exits = set->next;
		tlh_free(set, set_bytes(set->n));
	}
}

/* ---- forgetting ----------------------------------------------------------------------- */

static bool all_forgotten(struct kretprobe_instance *ri)
{
	for (unsigned int i = 0; ri && i < LONGEST; i++, ri = ri->next)
		if (tl_load(&ri->rp))
			return false;
	return !ri;
}

void tl_exits_purge(const struct tl_calls *pool)
{
	uint32_t used = tl_load(&pool->virgin);

	tl_assert_held();
	if (!tl_engine.cells)
		return;
	for (uint32_t i = 0; i < used; i++) {
		struct call *c = tl_call_at(pool, i);
		struct kretprobe_instance *first;

		if (tl_load_acquire(&c->state) != CALL_ACTIVE || !c->function ||
		    !all_forgotten(&c->ri))
			continue;
		first = take(frame_of(&c->ri));
		if (first && !all_forgotten(first) &&
		    note(frame_of(first), first))
			continue;
		miss_all(first);
	}
}

void tl_exits_reset(void)
{
	if (!tl_engine.cells || tl_engine.own_calls)
		return;
	tlh_free(tl_engine.cells,
		 (tl_engine.n_cells + BUCKET) * sizeof(*tl_engine.cells));
	tl_engine.cells = NULL;
}
