/* SPDX-License-Identifier: MIT */
/*
 * retprobe.c - calls that are followed to their return
 *
 * At the entry of a function its return address is replaced by the address of a
 * trampoline, and the true one kept in an instance on the shadow stack of the
 * context.  When the function returns, the trampoline asks here where to.
 *
 *     stack of the program           shadow stack (newest first)
 *     | ...           |
 *     | trampoline    | <--- slot --- instance of g     ret_addr: in f
 *     | frame of f    |
 *     | trampoline    | <--- slot --- instance 2 of f   ret_addr: in main
 *     | frame of main |            \- instance 1 of f   (two return probes)
 *
 * An instance is recognized by the stack pointer at the entry (fp): it says
 * which return is which, however the calls in between ended.  Where the slot
 * is on the stack (x86), fp is its address and the stack pointer is one word
 * above after the return; where it is a register (arm64), it is fp itself.
 *
 *   K1  The swap is undone exactly once, by whoever returns: all instances with
 *       one fp have the same true address, and are taken together.
 *   K2  An instance is dropped without its return only when its frame is surely
 *       gone: another word is in its slot.  That the stack pointer is above it
 *       proves nothing: coroutines may have their stacks next to each other, in
 *       one mapping, and dropping a live one would leave its return nowhere to
 *       go.  So what longjmp leaves behind stays until its slot is written;
 *       that is at most one instance for each slot.  (Where the slot is a
 *       register there is only the stack pointer to go by.)  Its call is a miss
 *       of its probe, counted when it is dropped.
 *       The shadow stack is kept in the order of fp, lowest first, which on one
 *       stack is the order of entry, so that a slot's last user is found.
 *   K3  Only the thread itself changes its shadow stack, and its signals nest,
 *       so there is nothing to lock.  (Others may set rp to NULL.)
 *   K4  What follows a call needs no memory from anybody: instances come from
 *       pools that are filled in task context.
 *
 * Where it is certain how a function ends, none of this is done: exits.c.
 * Instances of both kinds come from calls.c.
 */
#include "calls.h"

#define MANY_LOWER 16
#define DATA_MAX   4096

struct kretprobe *tl_retprobe_of(const struct kprobe *p)
{
	return (struct kretprobe *)((char *)p - offsetof(struct kretprobe, kp));
}

/* ---- trampolines ----------------------------------------------------------------------- */

static bool is_trampoline(unsigned long word)
{
	uintptr_t size =
		(uintptr_t)tl_host_ops->n_trampolines * TL_TRAMPOLINE_BYTES;

	return word == (unsigned long)tl_arch_return_trampoline ||
	       word - (uintptr_t)tl_host_ops->trampolines < size;
}

/* What @cx replaces return addresses by; 0: nothing yet. */
static unsigned long trampoline_of(const struct tl_context *cx)
{
	if (!tl_host_ops->trampolines)
		return (unsigned long)tl_arch_return_trampoline;
	return cx->trampoline
		       ? (uintptr_t)tl_host_ops->trampolines +
				 (cx->trampoline - 1ul) * TL_TRAMPOLINE_BYTES
		       : 0;
}

/* The same, at an entry; 0: there are not enough. */
static unsigned long get_trampoline(struct tl_context *cx)
{
	unsigned int max = tl_host_ops->n_trampolines, n;

	if (trampoline_of(cx) || tl_load(&tl_engine.trampolines) >= max)
		return trampoline_of(cx);
	n = tl_add(&tl_engine.trampolines, 1);
	if (n >= max)
		return 0;
	tl_host_ops->trampoline_lists[n] = &cx->returns;
	cx->trampoline = n + 1;
	return trampoline_of(cx);
}

/* ---- is its frame gone? ------------------------------------------------------------------ */

static bool slot_has_trampoline(const struct kretprobe_instance *ri)
{
	unsigned long word;

	return !tlh_read(&word, (uintptr_t)ri->slot, sizeof(word)) &&
	       is_trampoline(word);
}

/* Is the call of @ri over without a return, now that the stack is at @sp? */
static bool is_gone(struct kretprobe_instance *ri, uintptr_t sp)
{
	const struct call *c = tl_call_of(ri);

	if (tl_load(&c->state) == CALL_DONE)
		return true;
	if (c->on_stack) /* nothing else is sure: stacks may lie side by side */
		return !slot_has_trampoline(ri);
	return ri->fp < sp && tl_same_stack(ri->fp, sp);
}

static void drop(struct kretprobe_instance **link)
{
	struct kretprobe_instance *ri = *link;

	*link = ri->next;
	tl_call_miss(ri, CALL_FREE);
	tl_call_put(ri);
}

/*
 * Drop all that is gone of the shadow stack.  Where nothing is, as in a deep
 * recursion, that is much work for nothing: so not again before about as many
 * calls were missed as instances were looked at in vain.
 */
static bool drop_gone(struct tl_context *cx, uintptr_t sp)
{
	struct kretprobe_instance **link = &cx->returns;
	unsigned int vain = 0;

	if (cx->misses) {
		cx->misses--;
		return false;
	}
	while (*link)
		if (is_gone(*link, sp)) {
			drop(link);
		} else {
			vain++;
			link = &(*link)->next;
		}
	cx->misses = vain / 2;
	return true;
}

/* ---- entry ---------------------------------------------------------------- */

/*
 * The place in the shadow stack for a call with its stack pointer at @sp: in
 * front of the first that is not lower.  Lower ones are on other stacks or were
 * left by longjmp; where there are many, look now and then whether the last is
 * gone.
 */
static struct kretprobe_instance **place_of(struct tl_context *cx, uintptr_t sp)
{
	struct kretprobe_instance **link = &cx->returns, **last = NULL;
	unsigned int lower = 0;

	while (*link && (*link)->fp < sp) {
		if (tl_load(&tl_call_of(*link)->state) == CALL_DONE) {
			drop(link);
			continue;
		}
		last = link;
		lower++;
		link = &(*link)->next;
	}
	if (lower < MANY_LOWER || cx->left % MANY_LOWER || !is_gone(*last, sp))
		return link;
	drop(last);
	return last;
}

/*
 * Where does the call return to whose place is @link?  If a return probe has
 * swapped its address already, the first instance there knows; 0: nobody does.
 */
static unsigned long true_return(struct kretprobe_instance **link, uintptr_t sp,
				 const unsigned long *slot, bool *chained)
{
	*chained = is_trampoline(*slot);
	if (*chained)
		return *link && (*link)->fp == sp ? (*link)->ret_addr : 0;
	/* A new address is in the slot: whoever had it before is gone. */
	while (*link && (*link)->fp == sp && tl_call_of(*link)->on_stack)
		drop(link);
	return *slot;
}

unsigned long tl_return_true(struct tl_context *cx, uintptr_t sp,
			     unsigned long word)
{
	const struct kretprobe_instance *ri = cx->returns;

	if (!is_trampoline(word))
		return word;
	while (ri && ri->fp < sp)
		ri = ri->next;
	return ri && ri->fp == sp ? ri->ret_addr : word;
}

static void enter_by_swap(struct tl_context *cx, struct kretprobe *rp,
			  struct pt_regs *regs)
{
	unsigned long *slot = tl_arch_return_slot(regs);
	unsigned long to, trampoline = get_trampoline(cx);
	uintptr_t sp = tl_arch_sp(regs);
	struct kretprobe_instance **link;
	struct call *c;
	bool chained;

	link = place_of(cx, sp);
	to = true_return(link, sp, slot, &chained);
	to = trampoline ? to : 0;
	c = to ? tl_call_spare(cx, rp->calls) : NULL;
	if (!c && to)
		c = tl_call_take(rp->calls, sp);
	if (!c && to && drop_gone(cx, sp)) {
		link = place_of(cx, sp);
		c = tl_call_take(rp->calls, sp);
	}
	if (!c) {
		tl_return_missed(rp);
		return;
	}
	c->on_stack = (uintptr_t)slot == sp;
	c->chained = chained;
	c->function = 0;
	c->ri.ret_addr = to;
	c->ri.slot = slot;
	c->ri.fp = sp;
	tl_store(&c->ri.rp, rp);
	if (rp->entry_handler && rp->entry_handler(&c->ri, regs)) {
		tl_call_keep(cx, &c->ri);
		return;
	}
	tl_store_release(&c->state, CALL_ACTIVE);
	c->ri.next = *link;
	tl_compiler_fence();
	*link = &c->ri;
	tl_compiler_fence();
	*slot = trampoline;
}

int tl_retprobe_enter(struct tl_context *cx, struct kprobe *p,
		      struct pt_regs *regs)
{
	struct kretprobe *rp = tl_retprobe_of(p);

	if (rp->exits)
		tl_exits_enter(cx, rp, regs);
	else
		enter_by_swap(cx, rp, regs);
	return 0;
}

int tl_retprobe_pre(struct kprobe *p, struct pt_regs *regs)
{
	struct tl_context *cx = tlh_context();

	return cx ? tl_retprobe_enter(cx, p, regs) : 0;
}

bool tl_probe_has_exits(const struct kprobe *p)
{
	return tl_probe_is_return(p) && tl_retprobe_of(p)->exits;
}

/* ---- return --------------------------------------------------------------------------------- */

/* The stack pointer with which @ri returns. */
static uintptr_t returns_with(struct kretprobe_instance *ri)
{
	return ri->fp + (tl_call_of(ri)->on_stack ? sizeof(long) : 0);
}

/*
 * The place of the newest instance that returns now: the one whose slot it was;
 * else (the function took its arguments off the stack) the nearest below.
 */
static struct kretprobe_instance **returning(struct tl_context *cx,
					     uintptr_t sp)
{
	struct kretprobe_instance **link = &cx->returns, **below = NULL;

	for (; *link && returns_with(*link) <= sp; link = &(*link)->next)
		if (!below || (*below)->fp != (*link)->fp)
			below = link;
	return below;
}

static unsigned long finish_call(struct tl_context *cx, bool nested,
				 struct kretprobe_instance **link,
				 struct pt_regs *regs)
{
	struct kretprobe_instance *ri = *link;
	unsigned long to = ri->ret_addr;
	unsigned long fp = ri->fp;
	bool more = true;

	tl_arch_set_ip(regs, to);
	for (; ri && ri->fp == fp && more; ri = ri->next) {
		/* K1: newest first */
		tl_return_tell(nested ? NULL : cx, ri, regs);
		more = tl_call_of(ri)->chained;
	}
	for (; ri && ri->fp == fp; ri = ri->next)
		tl_call_miss(ri, CALL_FREE); /* left by longjmp */
	while ((ri = *link) && ri->fp == fp) {
		*link = ri->next;
		if (nested)
			tl_call_put(ri);
		else
			tl_call_keep(cx, ri); /* K5 */
	}
	return to;
}

/* The address that a call of another context, or of none, returns to. */
static unsigned long search_pool(const struct tl_calls *pool, uintptr_t sp)
{
	uint32_t used = tl_load(&pool->virgin);
	unsigned long to = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct call *c = tl_call_at(pool, i);

		if (tl_load_acquire(&c->state) != CALL_ACTIVE || c->function ||
		    returns_with(&c->ri) != sp)
			continue;
		to = c->ri.ret_addr;
		/* Its context takes it off its shadow stack when it sees it. */
		tl_call_miss(&c->ri, CALL_DONE);
	}
	return to;
}

/* A coroutine that went on in another thread.  Slow, and seldom. */
static unsigned long search_everywhere(uintptr_t sp)
{
	const struct tl_calls *pool = tl_load_acquire(&tl_engine.shared_calls);
	unsigned long to = pool ? search_pool(pool, sp) : 0;
	unsigned long other;

	pool = tl_load_acquire(&tl_engine.own_calls);
	for (; pool; pool = tl_load_acquire(&pool->next)) {
		other = search_pool(pool, sp);
		to = other ? other : to;
	}
	return to;
}

static unsigned long return_hit(struct tl_context *cx, bool nested,
				struct pt_regs *regs)
{
	struct kretprobe_instance **link = NULL;
	uintptr_t sp = tl_arch_sp(regs);
	unsigned long to = 0;

	if (cx)
		link = returning(cx, sp);
	if (!link || returns_with(*link) != sp)
		to = search_everywhere(sp);
	if (!to && link)
		return finish_call(cx, nested, link, regs);
	tl_arch_set_ip(regs, to);
	return to;
}

static TL_SELDOM unsigned long return_hit_when_busy(struct tl_context *cx,
						    struct pt_regs *regs)
{
	struct tl_section s;
	unsigned long to;

	tl_section_enter(&s, cx, tl_arch_sp(regs), regs);
	to = return_hit(cx, s.nested, regs);
	tl_section_leave(&s);
	return to;
}

unsigned long tl_return_hit(struct tl_context *cx, struct pt_regs *regs)
{
	unsigned long to;

	if (!tl_section_free(cx))
		return return_hit_when_busy(cx, regs);
	tl_section_begin(cx, tl_arch_sp(regs), regs);
	to = return_hit(cx, false, regs);
	tl_section_end(cx);
	return to;
}

/* ---- registration ---------------------------------------------------------------------------- */

void tl_retprobe_forget(struct kretprobe *rp)
{
	const struct tl_calls *pool = rp->calls;
	uint32_t used = pool ? tl_load(&pool->virgin) : 0;

	for (uint32_t i = 0; i < used; i++) {
		struct call *c = tl_call_at(pool, i);

		if (tl_load(&c->ri.rp) == rp)
			tl_store_release(&c->ri.rp, NULL);
	}
}

/* Is the place one where the return address is still in its slot? */
static int check_entry(const struct kretprobe *rp, uintptr_t *addr)
{
	uintptr_t start, end;
	int err = tl_probe_resolve(&rp->kp, addr);

	if (err)
		return err;
	if (rp->kp.flags & KPROBE_FLAG_MOVES)
		return tl_host_ops->frame ? 0 : -TL_EOPNOTSUPP;
	if (!tl_function(*addr, &start, &end))
		return start == *addr ? 0 : -TL_EINVAL;
	return rp->kp.offset ? -TL_EINVAL : 0; /* nobody knows better */
}

/* @others: @n that were prepared before. */
static int prepare(struct kretprobe *rp, struct kretprobe *const *others, int n)
{
	uintptr_t addr;
	int err = check_entry(rp, &addr);

	if (err)
		return err;
	if (tl_probe_registered(&rp->kp))
		return -TL_EINVAL;
	for (int i = 0; i < n; i++)
		if (others[i] == rp)
			return -TL_EINVAL;
	rp->exits = NULL;
	if (rp->data_size > DATA_MAX)
		return -TL_E2BIG;
	err = tl_calls_get_pool(rp);
	if (err)
		return err;
	err = tl_exits_choose(rp, addr, others, n);
	if (err) {
		tl_calls_release(rp);
		return err;
	}
	rp->kp.pre_handler = tl_retprobe_pre;
	rp->kp.post_handler = NULL;
	rp->nmissed = 0;
	return 0;
}

void tl_retprobes_give_back(struct kretprobe **rps, int num)
{
	tl_exits_release(rps, num);
	for (int i = 0; i < num; i++)
		tl_calls_release(rps[i]);
}

/* Remove those of @rps that are registered; free what they had. */
static void remove_some(struct kretprobe **rps, int num)
{
	struct kprobe *kps[TL_REGISTER_SOME];

	for (int i = 0; i < num; i++)
		kps[i] = &rps[i]->kp;
	tl_probes_remove(kps, num);
	for (int i = 0; i < num; i++)
		tl_retprobe_forget(rps[i]);
	tl_grace();
	tl_retprobes_give_back(rps, num);
	tl_retprobe_maintain(false);
}

/* Prepare @num of them, and arm their exits; returns the first error. */
static int prepare_some(struct kretprobe **rps, int num, int *errs)
{
	int first = 0;

	tl_retprobe_maintain(false);
	for (int i = 0; i < num; i++)
		errs[i] = prepare(rps[i], rps, i);
	tl_exits_arm(rps, num, errs);
	for (int i = num - 1; i >= 0; i--)
		first = errs[i] ? errs[i] : first;
	return first;
}

static void give_back_refused(struct kretprobe **rps, int num)
{
	struct kretprobe *refused[TL_REGISTER_SOME];
	int n = 0;

	for (int i = 0; i < num; i++)
		if (!tl_probe_registered(&rps[i]->kp))
			refused[n++] = rps[i];
	tl_retprobes_give_back(refused, n);
}

/* Up to TL_REGISTER_SOME of them, with the lock held. */
static int add_some(struct kretprobe **rps, int num, int *errs,
		    enum tl_why *whys, bool all)
{
	struct kprobe *kps[TL_REGISTER_SOME];
	int err[TL_REGISTER_SOME], local[TL_REGISTER_SOME];
	enum tl_why why[TL_REGISTER_SOME];
	int index[TL_REGISTER_SOME];
	int n = 0, ret = 0, first;

	first = prepare_some(rps, num, err);
	for (int i = 0; i < num; i++) {
		if (errs)
			errs[i] = err[i];
		if (whys)
			whys[i] = TL_WHY_NONE;
		if (err[i])
			continue;
		index[n] = i;
		kps[n++] = &rps[i]->kp;
	}
	if (all && first)
		n = 0;
	if (n)
		ret = tl_probes_add(kps, n, local, why, all);
	for (int k = 0; k < n; k++) {
		if (errs)
			errs[index[k]] = local[k];
		if (whys)
			whys[index[k]] = why[k];
	}
	give_back_refused(rps, num);
	return all && first ? first : ret;
}

int tl_register_each_return(struct kretprobe **rps, int num, int *errs,
			    enum tl_why *why)
{
	int good = 0;

	if (num <= 0)
		return -TL_EINVAL;
	tl_lock();
	for (int i = 0; i < num; i += TL_REGISTER_SOME) {
		int n = num - i < TL_REGISTER_SOME ? num - i : TL_REGISTER_SOME;

		good += add_some(rps + i, n, errs ? errs + i : NULL,
				 why ? why + i : NULL, false);
	}
	tl_unlock();
	return good;
}

int register_kretprobes(struct kretprobe **rps, int num)
{
	int err = 0, done = 0;

	if (num <= 0)
		return -TL_EINVAL;
	tl_lock();
	while (done < num && err >= 0) {
		int n = num - done < TL_REGISTER_SOME ? num - done
						      : TL_REGISTER_SOME;

		err = add_some(rps + done, n, NULL, NULL, true);
		if (err >= 0)
			done += n;
	}
	tl_unlock();
	if (err >= 0)
		return 0;
	if (done)
		unregister_kretprobes(rps, done);
	return err;
}

int register_kretprobe(struct kretprobe *rp)
{
	return register_kretprobes(&rp, 1);
}

void unregister_kretprobes(struct kretprobe **rps, int num)
{
	tl_lock();
	for (int i = 0; i < num; i += TL_REGISTER_SOME) {
		int n = num - i < TL_REGISTER_SOME ? num - i : TL_REGISTER_SOME;

		for (int k = i; k < i + n; k++) {
			struct kprobe *p = &rps[k]->kp;

			if (tl_probe_registered(p)) {
				p->flags |= TL_FLAG_REMOVE;
				continue;
			}
			p->flags &= ~TL_FLAGS_OURS;
			p->addr = NULL;
		}
		remove_some(rps + i, n);
	}
	tl_unlock();
}

void unregister_kretprobe(struct kretprobe *rp)
{
	unregister_kretprobes(&rp, 1);
}

/* ---- leaving ------------------------------------------------------------------------------------ */

static int restore_context(struct tl_context *cx, void *arg)
{
	struct kretprobe_instance *ri = cx->returns;
	int *left = arg;

	for (; ri; ri = ri->next) {
		unsigned long old = trampoline_of(cx);

		if (tl_load(&tl_call_of(ri)->state) == CALL_DONE)
			continue;
		if (!tl_call_of(ri)->on_stack)
			++*left;
		else if (slot_has_trampoline(ri))
			__atomic_compare_exchange_n(
				ri->slot, &old, ri->ret_addr, false,
				__ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return 0;
}

int tl_returns_restore(void)
{
	int left = 0;
	int begun;

	tl_lock();
	begun = tlh_patch_begin();
	tlh_each_context(restore_context, &left);
	if (begun >= 0)
		tlh_patch_end();
	tl_unlock();
	return left ? -TL_EBUSY : 0;
}
