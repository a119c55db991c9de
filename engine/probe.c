/* SPDX-License-Identifier: MIT */
/*
 * probe.c - register, unregister, enable, disable
 *
 * Every call here takes the registration lock, changes lists of probes, has
 * arm.c bring the text to what the lists now say, and puts the lists back where
 * that failed.
 *
 *   R1  A probe is in its point's list before the point is armed for it.
 *   R2  When unregistration returns, no handler of the probe runs or will run,
 *       and nothing of ours reads it.  (It is out of the list, its counter out
 *       of every detour that can still be entered, then a grace period; and
 *       where a detour counted in place, the detour is empty.)
 *   R3  A point is taken out of the table only after its text is itself again.
 */
#include "locks.h"

struct tl_engine tl_engine;

/* How often an emptying of detours that count in place is tried. */
#define COUNTER_TRIES 10

bool tl_probe_registered(const struct kprobe *p)
{
	/* Small values are the reason of a refusal: see refuse(). */
	return (uintptr_t)p->point >= TL_NR_WHY;
}

/* Leave the reason where trapline_kprobe_why() finds it. */
static void refuse(struct kprobe *p, enum tl_why why)
{
	p->point = (struct tl_point *)(uintptr_t)why;
	p->next = NULL;
}

/*
 * Has the caller given an address?  One that is there because @p was registered
 * by its symbol before, and has been left alone since, is not given.
 */
static bool is_addr_given(const struct kprobe *p)
{
	return p->addr && !(p->symbol_name && !p->point &&
			    p->next == (struct kprobe *)p->addr);
}

int tl_probe_resolve(const struct kprobe *p, uintptr_t *addr)
{
	int err;

	if (is_addr_given(p) == !!p->symbol_name)
		return -TL_EINVAL;
	*addr = (uintptr_t)p->addr;
	if (p->symbol_name) {
		err = tl_lookup(p->symbol_name, addr);
		if (err)
			return err;
	}
	*addr += p->offset;
	return 0;
}

/* Would a probe at @addr lie in the window, or island, of one that must be a jump? */
static bool in_jump_only(uintptr_t addr)
{
	uintptr_t at = tl_optimize_lowest(addr);
	struct tl_point *q;

	for (; (q = tl_optimize_covering(at, addr)); at = q->addr + 1)
		if (tl_point_jump_only(q))
			return true;
	return tl_island_of_jump_only(addr, addr + 1);
}

static uint32_t entry_flag(uintptr_t addr)
{
	uintptr_t start, end;

	if (tl_function(addr, &start, &end) || start != addr)
		return 0;
	return KPROBE_FLAG_ON_FUNC_ENTRY;
}

/*
 * Check @p and put it into the list of its point.  On failure nothing has
 * changed but what refuse() says.
 */
static int link_probe(struct kprobe *p, struct tl_work *work)
{
	struct tl_point *point;
	enum tl_why why;
	uintptr_t addr;
	int err;

	if (tl_probe_registered(p))
		return -TL_EINVAL;
	p->flags &= ~TL_FLAGS_OURS;
	err = tl_probe_resolve(p, &addr);
	refuse(p, TL_WHY_NONE);
	if (err)
		return err;
	tl_gone_check(tl_optimize_lowest(addr), addr + TL_EDIT_BYTES);
	if (tl_forbidden(addr, 1))
		return -TL_EINVAL;
	if (!(p->flags & KPROBE_FLAG_DISABLED) && in_jump_only(addr)) {
		refuse(p, TL_WHY_OTHER_PROBE);
		return -TL_EBUSY;
	}
	point = tl_table_find(addr);
	if (!point) {
		err = tl_point_create(addr, tl_exit_lead(p), &point, &why);
		if (err) {
			refuse(p, why);
			return err;
		}
	}

	p->flags &= KPROBE_FLAG_DISABLED | KPROBE_FLAG_JUMP_ONLY |
		    KPROBE_FLAG_HOME |
		    (tl_probe_is_return(p)
			     ? KPROBE_FLAG_NO_SWAP | KPROBE_FLAG_MOVES
			     : 0) |
		    (tl_probe_is_exit(p) ? KPROBE_FLAG_MOVES : 0);
	if (p->flags & KPROBE_FLAG_DISABLED)
		p->flags |= TL_FLAG_GIVEN;
	p->flags |= TL_FLAG_NEW | entry_flag(addr);
	if (tl_probe_is_return(p) || tl_probe_is_exit(p) ||
	    tl_probe_is_jprobe(p) || p->counter)
		p->flags |= TL_FLAG_SPECIAL;
	p->addr = (kprobe_opcode_t *)addr;
	p->nmissed = 0;
	tl_bytes_copy(&p->opcode, point->plan.orig, sizeof(p->opcode));
	tl_point_link(point, p); /* R1 */
	tl_work_add(work, point);
	return 0;
}

/*
 * The flags and the address that the caller gave, again, so that @p can be
 * registered once more.  An address that came from a symbol stays to be read
 * (see is_addr_given()), unless the registration failed.
 */
static void give_back(struct kprobe *p)
{
	bool disabled = p->flags & TL_FLAG_GIVEN;
	bool refused = p->flags & TL_FLAG_REFUSED;

	p->flags &= KPROBE_FLAG_JUMP_ONLY | KPROBE_FLAG_HOME |
		    KPROBE_FLAG_NO_SWAP | KPROBE_FLAG_MOVES;
	if (disabled)
		p->flags |= KPROBE_FLAG_DISABLED;
	refuse(p, refused ? (enum tl_why)p->opcode : TL_WHY_NONE);
	if (refused)
		p->opcode = 0;
	if (!p->symbol_name)
		p->addr = (kprobe_opcode_t *)((uintptr_t)p->addr - p->offset);
	else if (refused)
		p->addr = NULL;
	else
		p->next = (struct kprobe *)p->addr;
}

/* ---- removing ------------------------------------------------------------------ */

/* Does code that may still be running count for probes that are gone? */
static bool counts_in_place(void)
{
	const struct tl_copy *copy = tl_engine.dirty;

	while (copy && !copy->n_counters)
		copy = copy->next;
	return copy;
}

/* It was waited for as long as is reasonable: not again. */
static void give_up_counters(void)
{
	struct tl_copy *copy = tl_engine.dirty;

	for (; copy; copy = copy->next)
		copy->n_counters = 0;
}

/*
 * A grace period; then free, or mark to be freed, what nobody has any more.  False:
 * the home would not wait.
 */
static bool settle(void)
{
	bool waited = !tl_grace(); /* R2 */

	if (waited)
		tl_points_bury();
	for (unsigned int i = 0; counts_in_place(); i++)
		if (tl_reclaim(true, waited) &&
		    (i == COUNTER_TRIES || !tl_pause(i)))
			give_up_counters();
	tl_reclaim(false, waited);
	return waited;
}

/*
 * Points of @work that nothing is left of leave the table (R3).  Others that
 * are not armed may have a detour that counts for a probe that is gone (R2).
 */
static void take_out(const struct tl_work *work)
{
	for (struct tl_point *p = work->first, *next; p; p = next) {
		struct tl_copy *copy = p->copy;

		next = p->work;
		if (p->text != TL_TEXT_ORIGINAL || p->torn)
			continue;
		if (!p->probes) {
			tl_point_remove(p);
		} else if (copy && copy->n_counters) {
			tl_store_release(&p->copy, NULL);
			tl_copy_retire(copy);
		}
	}
}

bool tl_probes_remove(struct kprobe **kps, int num)
{
	struct tl_work work;
	bool waited;

	tl_assert_held();
	tl_work_init(&work);
	for (int i = 0; i < num; i++) {
		struct kprobe *p = kps[i];

		if (!(p->flags & TL_FLAG_REMOVE))
			continue;
		p->flags |= KPROBE_FLAG_DISABLED | TL_FLAG_UNLINKED;
		p->flags &= ~TL_FLAG_REMOVE;
		tl_point_unlink(p->point, p);
		tl_work_add(&work, p->point);
	}
	if (!work.first)
		return true;
	tl_apply(&work);
	take_out(&work);
	waited = settle();
	for (int i = 0; i < num; i++) {
		if (kps[i]->flags & TL_FLAG_UNLINKED)
			give_back(kps[i]);
	}
	return waited;
}

/* ---- adding -------------------------------------------------------------------- */

/*
 * Look at what became of @p.  If it is to be removed again, the reason is kept
 * in its opcode, of all places, for give_back().
 */
static int outcome(struct kprobe *p, enum tl_why *why)
{
	const struct tl_point *point = p->point;

	p->flags &= ~TL_FLAG_NEW;
	*why = trapline_kprobe_why(p);
	if (point->err) {
		*why = point->tried;
		p->opcode = *why;
		p->flags |= TL_FLAG_REMOVE | TL_FLAG_REFUSED;
	}
	return point->err;
}

static void report(int i, int err, enum tl_why why, int *errs,
		   enum tl_why *whys)
{
	if (errs)
		errs[i] = err;
	if (whys)
		whys[i] = why;
}

int tl_probes_add(struct kprobe **kps, int num, int *errs, enum tl_why *whys,
		  bool all)
{
	struct tl_work work;
	int first = 0, good = 0, linked = num;

	tl_assert_held();
	tl_work_init(&work);
	for (int i = 0; i < num; i++) {
		int err = link_probe(kps[i], &work);

		report(i, err, trapline_kprobe_why(kps[i]), errs, whys);
		if (!err)
			continue;
		first = first ? first : err;
		if (all) {
			linked = i;
			break;
		}
	}
	if (!first || !all)
		tl_apply(&work);
	else
		for (struct tl_point *p = work.first; p; p = p->work)
			p->queued = false;

	for (int i = 0; i < linked; i++) {
		enum tl_why why;
		int err;

		if (!(kps[i]->flags & TL_FLAG_NEW))
			continue; /* refused, or there twice */
		err = outcome(kps[i], &why);
		report(i, err, why, errs, whys);
		first = first ? first : err;
		good += !err;
	}
	tl_probes_remove(kps, linked);
	if (!first || !all)
		return good;
	for (int i = 0; i < linked; i++)
		if (tl_probe_registered(kps[i])) {
			kps[i]->flags |= TL_FLAG_REMOVE | TL_FLAG_REFUSED;
			kps[i]->opcode = TL_WHY_NONE;
		}
	tl_probes_remove(kps, linked);
	return first;
}

/* ---- the public calls ------------------------------------------------------------ */

/* What an earlier call could not do. */
static int add_unfinished(struct tl_point *p, void *arg)
{
	if (p->unfinished || p->avoid_jump) {
		p->avoid_jump = false;
		tl_work_add(arg, p);
	}
	return 0;
}

void tl_finish(void)
{
	struct tl_work work;

	tl_work_init(&work);
	tl_table_each(add_unfinished, &work);
	tl_apply(&work);
	take_out(&work);
	tl_reclaim(true, false);
}

static void enter(void)
{
	tl_lock();
	if (tl_engine.n_unfinished)
		tl_finish();
}

int register_kprobe(struct kprobe *p)
{
	return register_kprobes(&p, 1);
}

int register_kprobes(struct kprobe **kps, int num)
{
	int ret;

	if (num <= 0)
		return -TL_EINVAL;
	enter();
	ret = tl_probes_add(kps, num, NULL, NULL, true);
	tl_unlock();
	return ret < 0 ? ret : 0;
}

int trapline_register_each(struct kprobe **kps, int num, int *err,
			   enum tl_why *why)
{
	int ret;

	if (num <= 0)
		return -TL_EINVAL;
	enter();
	ret = tl_probes_add(kps, num, err, why, false);
	tl_unlock();
	return ret;
}

void unregister_kprobe(struct kprobe *p)
{
	unregister_kprobes(&p, 1);
}

void unregister_kprobes(struct kprobe **kps, int num)
{
	if (num <= 0)
		return;
	enter();
	for (int i = 0; i < num; i++) {
		if (tl_probe_registered(kps[i])) {
			kps[i]->flags |= TL_FLAG_REMOVE;
		} else {
			kps[i]->flags &= ~TL_FLAGS_OURS;
			kps[i]->addr = NULL;
			refuse(kps[i], TL_WHY_NONE);
		}
	}
	tl_probes_remove(kps, num);
	tl_unlock();
}

/* Bring the point of @p to what its probes want. */
static int apply_to_point(struct kprobe *p)
{
	struct tl_work work;

	tl_work_init(&work);
	tl_work_add(&work, p->point);
	tl_apply(&work);
	return p->point->err;
}

static void change_flags(struct kprobe *p, uint32_t clear, uint32_t set)
{
	tl_store(&p->flags, (p->flags & ~clear) | set);
	tl_point_review(p->point);
}

/*
 * Clear or set DISABLED, and arm or disarm; all back if that fails.  No hit is
 * lost to a failure: the flag that handlers go by is set at the end.
 */
static int set_disabled(struct kprobe *p, bool disabled)
{
	uint32_t now = disabled ? 0 : KPROBE_FLAG_DISABLED;
	uint32_t then = disabled ? TL_FLAG_LEAVING : 0;
	int err;

	tl_gone_check(p->point->addr, p->point->addr + 1);
	if (p->point->gone)
		return -TL_EINVAL;
	if (!disabled && in_jump_only(p->point->addr))
		return -TL_EBUSY;
	change_flags(p, now, then);
	err = apply_to_point(p);
	if (!err) {
		change_flags(p, then, disabled ? KPROBE_FLAG_DISABLED : 0);
		return 0;
	}
	change_flags(p, then, now);
	apply_to_point(p);
	return err;
}

int enable_kprobe(struct kprobe *p)
{
	int err = 0;

	enter();
	if (!tl_probe_registered(p) || (p->flags & KPROBE_FLAG_GONE))
		err = -TL_EINVAL;
	else if (kprobe_disabled(p))
		err = set_disabled(p, false);
	tl_unlock();
	return err;
}

int disable_kprobe(struct kprobe *p)
{
	int err = 0;

	enter();
	if (!tl_probe_registered(p) || (p->flags & KPROBE_FLAG_GONE))
		err = -TL_EINVAL;
	else if (!kprobe_disabled(p))
		err = set_disabled(p, true);
	tl_reclaim(false, false);
	tl_unlock();
	return err;
}

struct kprobe *get_kprobe(void *addr)
{
	struct tl_point *p;
	struct kprobe *probe;

	tl_lock();
	p = tl_table_find((uintptr_t)addr);
	probe = p ? p->probes : NULL;
	while (probe && (probe->flags & KPROBE_FLAG_HOME))
		probe = probe->next;
	tl_unlock();
	return probe;
}

kprobe_opcode_t *trapline_probe_near(const kprobe_opcode_t *addr)
{
	uintptr_t at = (uintptr_t)addr, start = 0, end = 0;

	tl_lock();
	if (tl_function(at, &start, &end))
		start = end = 0;
	at = tl_arch_near(at, start, end);
	tl_unlock();
	return (kprobe_opcode_t *)at;
}

int kprobe_on_func_entry(kprobe_opcode_t *addr, const char *sym,
			 unsigned long offset)
{
	uintptr_t at = (uintptr_t)addr;
	int err = 0;

	tl_lock();
	if (!addr)
		err = sym ? tl_lookup(sym, &at) : -TL_EINVAL;
	if (!err && !entry_flag(at + offset))
		err = -TL_EINVAL;
	tl_unlock();
	return err;
}

void tl_maintain(void)
{
	tl_lock();
	tl_finish();
	tl_retprobe_maintain(false);
	tl_unlock();
}

size_t tl_unfinished(void)
{
	size_t n;

	tl_lock();
	n = tl_engine.n_unfinished;
	tl_unlock();
	return n;
}

int tl_await_handlers(void)
{
	int err;

	tl_lock();
	err = tl_grace();
	tl_unlock();
	return err;
}

void wait_for_kprobe_optimizer(void)
{
	tl_maintain();
}
