/* SPDX-License-Identifier: MIT */
/*
 * hw_breakpoint.c - hardware breakpoints: who may have one, and how many
 *
 * The accounting is two numbers for each kind of register: how many the kernel has,
 * and the most that any thread has.  Because an entry's register follows from its
 * place in its set (bp.h), whatever fits by number fits.  Threads are counted by how
 * many they have, so the most is known at once when one of them gives some back.
 */
#include "bp.h"

static unsigned int most_held(unsigned int kind)
{
	unsigned int n = TL_BP_MAX;

	while (n && !tl_engine.bp_holders[kind][n])
		n--;
	return n;
}

/* Does @next, which takes the place of @now, fit (B2)?  Less than before does. */
static bool fits(const struct tl_bp_set *now, const struct tl_bp_set *next,
		 bool kernel)
{
	for (unsigned int kind = 0; kind < TL_BP_KINDS; kind++) {
		unsigned int held = tl_bp_held(next, kind);
		unsigned int others =
			kernel ? most_held(kind)
			       : tl_bp_held(tl_bp_now(&tl_engine.bp_kernel),
					    kind);

		if (held > tl_bp_held(now, kind) &&
		    held + others > tl_bp_count(kind))
			return false;
	}
	return true;
}

/* A thread's set is no longer @from but @to. */
static void hold(const struct tl_bp_set *from, const struct tl_bp_set *to)
{
	for (unsigned int kind = 0; kind < TL_BP_KINDS; kind++) {
		tl_engine.bp_holders[kind][tl_bp_held(from, kind)]--;
		tl_engine.bp_holders[kind][tl_bp_held(to, kind)]++;
	}
}

/* Is there in @next what is not in @now? */
static bool asks_more(const struct tl_bp_set *now, const struct tl_bp_set *next)
{
	for (unsigned int i = 0; i < next->n; i++)
		if (!tl_bp_find(now, next->e[i].serial))
			return true;
	return false;
}

int tl_bp_publish(struct tl_bp_sets *sets, bool kernel)
{
	const struct tl_bp_set *now = tl_bp_now(sets);
	const struct tl_bp_set *next = tl_bp_spare(sets);
	int err;

	tl_assert_held();
	if (!fits(now, next, kernel))
		return -TL_ENOSPC;
	if (!kernel)
		hold(now, next);
	tl_store_release(&sets->which, !sets->which);
	err = tl_bp_load_all(); /* B1 */
	/* What was taken away is gone: a register that still has it hits nobody. */
	if (!err || !asks_more(now, next))
		return 0;
	tl_store_release(&sets->which, !sets->which);
	if (!kernel)
		hold(next, now);
	tl_bp_load_all();
	return err;
}

void tl_bp_copy(struct tl_bp_sets *sets)
{
	tl_bytes_copy(tl_bp_spare(sets), tl_bp_now(sets),
		      sizeof(struct tl_bp_set));
}

void tl_bp_drop(struct tl_bp_set *set, unsigned int i)
{
	for (set->n--; i < set->n; i++)
		set->e[i] = set->e[i + 1];
}

/* ---- checking ------------------------------------------------------------------ */

static bool overlap(uintptr_t addr, size_t len, const void *p, size_t size)
{
	return addr < (uintptr_t)p + size && addr + len > (uintptr_t)p;
}

/* What a debug exception reads before it has turned the registers off. */
static bool is_own(uintptr_t addr, size_t len)
{
	return overlap(addr, len, &tl_engine, sizeof(tl_engine)) ||
	       overlap(addr, len, tl_arch_bp, sizeof(*tl_arch_bp)) ||
	       overlap(addr, len, &tl_host_ops, sizeof(tl_host_ops)) ||
	       overlap(addr, len, tl_host_ops, sizeof(*tl_host_ops)) ||
	       overlap(addr, len, tl_host_ops->debug,
		       sizeof(*tl_host_ops->debug));
}

static bool is_kernels(uintptr_t addr, size_t span, unsigned int type)
{
	const struct tl_debug_ops *host = tl_bp_host();

	if (addr < host->kernel_start)
		return false;
	if (type == HW_BREAKPOINT_X)
		return !tl_forbidden(addr, span) &&
		       tl_allowed(addr, span, false);
	return !is_own(addr, span) &&
	       (!host->watchable || host->watchable(addr, span));
}

/* Is @addr, of a thread's, where the kernel is, too: in a process? */
static bool shares_range(uintptr_t addr)
{
	return addr >= tl_bp_host()->kernel_start;
}

int tl_bp_prepare(struct tl_bp_entry *e, uintptr_t addr, unsigned int len,
		  unsigned int type, bool kernel)
{
	uintptr_t last;
	size_t span;
	int err;

	err = tl_arch_bp->check(addr, len, type, &span);
	if (err)
		return err;
	last = addr + span - 1;
	if (last < addr || (!kernel && last >= tl_bp_host()->user_end))
		return -TL_EINVAL;
	if ((kernel || shares_range(addr)) && !is_kernels(addr, span, type))
		return -TL_EINVAL;
	*e = (struct tl_bp_entry){
		.addr = addr,
		.serial = ++tl_engine.bp_serial,
		.len = (uint8_t)len,
		.type = (uint8_t)type,
	};
	return 0;
}

static int resolve(const struct hw_breakpoint *bp, uintptr_t *addr)
{
	int err;

	if (!bp->addr == !bp->symbol_name)
		return -TL_EINVAL;
	*addr = (uintptr_t)bp->addr;
	if (bp->symbol_name) {
		err = tl_lookup(bp->symbol_name, addr);
		if (err)
			return err;
	}
	*addr += bp->offset;
	return 0;
}

static int prepare(struct tl_bp_entry *e, const struct hw_breakpoint *bp,
		   bool kernel)
{
	uintptr_t addr;
	int err;

	err = resolve(bp, &addr);
	if (err)
		return err;
	return tl_bp_prepare(e, addr, bp->len, bp->type, kernel);
}

/* ---- probes nearby --------------------------------------------------------------- */

/*
 * An instruction that a probe's jump covers is executed in the detour, and a
 * breakpoint at its own place would not be hit: no jump there.
 */
static bool set_executes_in(const struct tl_bp_set *set, uintptr_t from,
			    uintptr_t to)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->e[i].type == HW_BREAKPOINT_X &&
		    set->e[i].addr >= from && set->e[i].addr < to)
			return true;
	return false;
}

bool tl_bp_executes_in(uintptr_t from, uintptr_t to)
{
	const struct tl_bp_state *state = tl_engine.bp_states;

	if (set_executes_in(tl_bp_now(&tl_engine.bp_kernel), from, to))
		return true;
	for (; state; state = state->next)
		if (set_executes_in(tl_bp_now(&state->sets), from, to))
			return true;
	return false;
}

/* Let the point whose jump covers @addr, or could, be what it should be. */
static int settle_jump(uintptr_t addr, unsigned int type)
{
	uintptr_t from = tl_optimize_lowest(addr);
	struct tl_point *p;
	struct tl_work work;

	if (type != HW_BREAKPOINT_X)
		return 0;
	tl_work_init(&work);
	for (; (p = tl_optimize_covering(from, addr)); from = p->addr + 1) {
		if (tl_point_jump_only(p) && tl_point_wanted(p) &&
		    tl_bp_executes_in(addr, addr + 1))
			return -TL_EBUSY;
		tl_work_add(&work, p);
	}
	if (tl_island_of_jump_only(addr, addr + 1) &&
	    tl_bp_executes_in(addr, addr + 1))
		return -TL_EBUSY;
	tl_island_owners(addr, addr + 1, &work);
	tl_apply(&work);
	for (p = work.first; p; p = p->work)
		if (p->err)
			return p->err;
	return 0;
}

/* ---- registration ------------------------------------------------------------------ */

static int add(struct hw_breakpoint *bp, struct tl_bp_sets *sets, bool kernel)
{
	struct tl_bp_entry e;
	struct tl_bp_set *next;
	int err;

	err = prepare(&e, bp, kernel);
	if (err)
		return err;
	if (tl_bp_held(tl_bp_now(sets), tl_bp_kind(e.type)) ==
	    tl_bp_count(tl_bp_kind(e.type)))
		return -TL_ENOSPC;
	e.bp = bp;
	tl_bp_copy(sets);
	next = tl_bp_spare(sets);
	next->e[next->n++] = e;
	err = tl_bp_publish(sets, kernel);
	if (err)
		return err;
	bp->at = e.addr;
	bp->serial = e.serial;
	return 0;
}

static struct tl_bp_sets *sets_of(const struct hw_breakpoint *bp)
{
	return bp->thread ? &bp->thread->state->sets : &tl_engine.bp_kernel;
}

/* The place of @bp, which is registered, in the spare set, a copy. */
static unsigned int place_in_spare(const struct hw_breakpoint *bp)
{
	struct tl_bp_sets *sets = sets_of(bp);
	struct tl_bp_set *next = tl_bp_spare(sets);
	unsigned int i = 0;

	tl_bp_copy(sets);
	while (next->e[i].serial != bp->serial)
		i++;
	return i;
}

static void take_out(struct hw_breakpoint *bp)
{
	struct tl_bp_sets *sets = sets_of(bp);

	tl_bp_drop(tl_bp_spare(sets), place_in_spare(bp));
	tl_bp_publish(sets, !bp->thread);
	bp->serial = 0;
}

static int check_new(const struct hw_breakpoint *bp)
{
	if (bp->serial || !bp->triggered)
		return -TL_EINVAL;
	return tl_bp_ready();
}

int register_kernel_hw_breakpoint(struct hw_breakpoint *bp)
{
	int err;

	tl_lock();
	err = check_new(bp);
	if (err)
		goto unlock;
	bp->thread = NULL;
	err = add(bp, &tl_engine.bp_kernel, true);
	if (err)
		goto unlock;
	err = settle_jump(bp->at, bp->type);
	if (err) {
		take_out(bp);
		settle_jump(bp->at, bp->type);
	}
unlock:
	tl_unlock();
	return err;
}

int register_user_hw_breakpoint(struct hw_breakpoint *bp,
				struct tl_bp_thread *thread)
{
	struct tl_bp_state *state;
	int err;

	tl_lock();
	err = check_new(bp);
	if (err)
		goto unlock;
	state = tl_bp_state(thread);
	err = state ? add(bp, &state->sets, false) : -TL_ENOMEM;
	if (err)
		goto put;
	bp->thread = thread;
	err = settle_jump(bp->at, bp->type);
	if (!err)
		goto unlock;
	take_out(bp);
	bp->thread = NULL;
	settle_jump(bp->at, bp->type);
put:
	tl_bp_state_put(thread);
unlock:
	tl_unlock();
	return err;
}

void unregister_hw_breakpoint(struct hw_breakpoint *bp)
{
	tl_lock();
	if (bp && bp->serial) {
		take_out(bp);
		settle_jump(bp->at, bp->type);
		if (bp->thread)
			tl_bp_state_put(bp->thread);
		bp->thread = NULL;
	}
	tl_unlock();
}

/* Let @bp be what @e says. */
static int change(struct hw_breakpoint *bp, struct tl_bp_entry *e)
{
	struct tl_bp_sets *sets = sets_of(bp);
	int err;

	e->bp = bp;
	tl_bp_spare(sets)->e[place_in_spare(bp)] = *e;
	err = tl_bp_publish(sets, !bp->thread);
	if (err)
		return err;
	bp->serial = e->serial;
	bp->at = e->addr;
	return settle_jump(e->addr, e->type);
}

int modify_hw_breakpoint(struct hw_breakpoint *bp,
			 const struct hw_breakpoint *to)
{
	struct tl_bp_entry e, old;
	int err;

	tl_lock();
	err = bp->serial ? prepare(&e, to, !bp->thread) : -TL_EINVAL;
	if (err)
		goto unlock;
	old = *tl_bp_find(tl_bp_now(sets_of(bp)), bp->serial);
	err = change(bp, &e);
	if (err) {
		change(bp, &old);
		goto unlock;
	}
	settle_jump(old.addr, old.type);
	bp->addr = to->addr;
	bp->symbol_name = to->symbol_name;
	bp->offset = to->offset;
	bp->len = to->len;
	bp->type = to->type;
unlock:
	tl_unlock();
	return err;
}

void tl_bp_remove_all(void)
{
	const struct tl_bp_set *kernel;

	if (!tl_bp_host())
		return;
	while ((kernel = tl_bp_now(&tl_engine.bp_kernel))->n) {
		struct hw_breakpoint *bp = kernel->e[kernel->n - 1].bp;

		take_out(bp);
		settle_jump(bp->at, bp->type);
	}
	while (tl_engine.bp_states)
		tl_bp_state_end(tl_engine.bp_states->thread);
	tl_bp_cpus_free();
}
