/* SPDX-License-Identifier: MIT */
/*
 * bp_thread.c - a thread's breakpoints: its debugger's view, fork, exec, exit
 *
 * A thread has a state from the first time that something is written or registered
 * for it.  That, and not what is enabled, is what fork, exec, exit and core dumps go by.
 *
 *   V1  What a debugger wrote is what it reads.  Addresses mean nothing before
 *       their control register is written; then all that it controls is judged,
 *       and taken as a whole or not at all.
 *   V2  A debugger's entries and registered ones lie in one set, each with its
 *       owner: neither replaces the other's.
 */
#include "bp.h"
#include <trapline/trap.h>

struct tl_bp_state *tl_bp_state(struct tl_bp_thread *thread)
{
	struct tl_bp_state *state = thread->state;

	tl_assert_held();
	if (state)
		return state;
	state = tlh_alloc(sizeof(*state));
	if (!state)
		return NULL;
	state->thread = thread;
	state->next = tl_engine.bp_states;
	tl_engine.bp_states = state;
	for (unsigned int kind = 0; kind < TL_BP_KINDS; kind++)
		tl_engine.bp_holders[kind][0]++;
	tl_store_release(&thread->state, state);
	return state;
}

/* No entries are left, and each CPU has been told (B1). */
static void free_state(struct tl_bp_thread *thread)
{
	struct tl_bp_state *state = thread->state;
	struct tl_bp_state **at = &tl_engine.bp_states;

	while (*at != state)
		at = &(*at)->next;
	*at = state->next;
	for (unsigned int kind = 0; kind < TL_BP_KINDS; kind++)
		tl_engine.bp_holders[kind][0]--;
	tl_store_release(&thread->state, NULL);
	/* Who has just been in a debug exception may look at its status. */
	tl_bp_load_all();
	tlh_free(state, sizeof(*state));
}

static bool is_blank(const struct tl_bp_state *state)
{
	unsigned long any = state->status;

	for (unsigned int i = 0; i < TL_BP_MAX; i++)
		any |= state->address[i];
	for (unsigned int k = 0; k < TL_BP_CONTROLS; k++)
		any |= state->control[k];
	return !any && !tl_bp_now(&state->sets)->n;
}

void tl_bp_state_put(struct tl_bp_thread *thread)
{
	if (thread->state && is_blank(thread->state))
		free_state(thread);
}

void tl_bp_state_end(struct tl_bp_thread *thread)
{
	struct tl_bp_state *state = thread->state;
	struct tl_bp_set had;

	tl_bytes_copy(&had, tl_bp_now(&state->sets), sizeof(had));
	tl_bp_spare(&state->sets)->n = 0;
	if (had.n)
		tl_bp_publish(&state->sets, false);
	for (unsigned int i = 0; i < had.n; i++) {
		struct hw_breakpoint *bp = had.e[i].bp;

		if (!bp)
			continue;
		bp->serial = 0;
		bp->thread = NULL;
		if (bp->copied)
			tlh_free(bp, sizeof(*bp));
	}
	free_state(thread);
}

void tl_bp_flush(struct tl_bp_thread *thread)
{
	if (!tl_load(&thread->state))
		return;
	tl_lock();
	tl_bp_state_end(thread);
	tl_unlock();
}

/* ---- the debugger --------------------------------------------------------------- */

/* The entry of the debugger's register @name in @set, or NULL. */
static const struct tl_bp_entry *named(const struct tl_bp_set *set,
				       unsigned int name)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (!set->e[i].bp && set->e[i].name == name)
			return &set->e[i];
	return NULL;
}

/* What a debugger has written. */
struct written {
	unsigned long address[TL_BP_MAX];
	unsigned long control[TL_BP_CONTROLS];
};

/* Into @e: what @w asks of register @name.  One that stays stays. */
static int ask(const struct tl_bp_state *state, const struct written *w,
	       unsigned int name, struct tl_bp_entry *e)
{
	const struct tl_bp_entry *old = named(tl_bp_now(&state->sets), name);
	uintptr_t addr = w->address[name];
	unsigned int len, type;
	int err;

	err = tl_arch_bp->asked(w->control[tl_bp_control(name)],
				tl_bp_kind_of(name), tl_bp_within(name), &addr,
				&len, &type);
	if (err)
		return err;
	err = tl_bp_prepare(e, addr, len, type, false);
	if (err)
		return err;
	e->name = (uint8_t)name;
	if (old && old->addr == e->addr && old->len == len && old->type == type)
		e->serial = old->serial;
	return 0;
}

/*
 * Let what @w says be what the registers of the debugger are whose control register
 * is one of @controls, a bit for each.
 */
static int control(struct tl_bp_state *state, const struct written *w,
		   unsigned int controls)
{
	const struct tl_bp_set *now = tl_bp_now(&state->sets);
	struct tl_bp_set *next = tl_bp_spare(&state->sets);
	unsigned int on = tl_bp_enabled(w->control);
	int err;

	next->n = 0;
	for (unsigned int i = 0; i < now->n; i++)
		if (now->e[i].bp || /* V2 */
		    !(controls >> tl_bp_control(now->e[i].name) & 1))
			next->e[next->n++] = now->e[i];
	for (unsigned int name = 0; name < tl_bp_registers(); name++) {
		if (!(on >> name & 1) || !(controls >> tl_bp_control(name) & 1))
			continue;
		if (next->n == TL_BP_MAX)
			return -TL_ENOSPC;
		err = ask(state, w, name, &next->e[next->n]);
		if (err)
			return err;
		next->n++;
	}
	return tl_bp_publish(&state->sets, false);
}

static void read_written(const struct tl_bp_state *state, struct written *w)
{
	tl_bytes_copy(w->address, state->address, sizeof(w->address));
	tl_bytes_copy(w->control, state->control, sizeof(w->control));
}

static int write_control(struct tl_bp_state *state, unsigned int k,
			 unsigned long value)
{
	struct written w;
	int err;

	read_written(state, &w);
	w.control[k] = value;
	err = control(state, &w, 1u << k);
	if (!err)
		state->control[k] = value;
	return err;
}

/*
 * Where a register is that a debugger knows as @number: that of an address, of a
 * control register, the status; NULL: there is none.
 */
static unsigned long *find(struct tl_bp_state *state, unsigned int number,
			   bool *is_control)
{
	*is_control = false;
	if (number == tl_arch_bp->status)
		return &state->status;
	for (unsigned int n = 0; n < tl_bp_registers(); n++) {
		unsigned int kind = tl_bp_kind_of(n), i = tl_bp_within(n);

		if (number == tl_arch_bp->address(kind, i))
			return &state->address[n];
		*is_control = number == tl_arch_bp->control(kind, i);
		if (*is_control)
			return &state->control[tl_bp_control(n)];
	}
	return NULL;
}

static int write_register(struct tl_bp_state *state, unsigned int number,
			  unsigned long value)
{
	bool is_control;
	unsigned long *at = find(state, number, &is_control);

	if (!at)
		return -TL_EIO;
	if (is_control)
		return write_control(state, (unsigned int)(at - state->control),
				     value);
	if (at == &state->status)
		value = tl_arch_bp->keep_status(value);
	tl_store(at, value);
	return 0;
}

int tl_bp_debugger_write(struct tl_bp_thread *thread, unsigned int n,
			 unsigned long value)
{
	struct tl_bp_state *state;
	int err;

	tl_lock();
	err = tl_bp_ready();
	if (err)
		goto unlock;
	state = tl_bp_state(thread);
	err = state ? write_register(state, n, value) : -TL_ENOMEM;
	tl_bp_state_put(thread);
unlock:
	tl_unlock();
	return err;
}

/* 0 and *@value, or -TL_EIO. */
static int value_of(struct tl_bp_state *state, unsigned int number,
		    unsigned long *value)
{
	static struct tl_bp_state blank;
	bool is_control;
	const unsigned long *at =
		find(state ? state : &blank, number, &is_control);

	if (!at)
		return -TL_EIO;
	*value = tl_load(at);
	if (number == tl_arch_bp->status)
		*value = tl_arch_bp->show_status(*value);
	return 0;
}

int tl_bp_debugger_read(const struct tl_bp_thread *thread, unsigned int n,
			unsigned long *value)
{
	int err;

	tl_lock();
	err = tl_bp_learn() ? value_of(thread->state, n, value)
			    : -TL_EOPNOTSUPP;
	tl_unlock();
	return err;
}

void tl_bp_core(const struct tl_bp_thread *thread, unsigned long *values,
		unsigned int n)
{
	tl_lock();
	for (unsigned int i = 0; i < n; i++)
		if (!tl_bp_learn() || value_of(thread->state, i, &values[i]))
			values[i] = 0;
	tl_unlock();
}

/* ---- all registers of a kind ---- */

int tl_bp_slots_read(const struct tl_bp_thread *thread, unsigned int kind,
		     struct tl_bp_slots *slots)
{
	const struct tl_bp_state *state;
	int err = 0;

	tl_bytes_zero(slots, sizeof(*slots));
	tl_lock();
	state = thread->state;
	if (!tl_bp_learn())
		err = -TL_EOPNOTSUPP;
	else if (kind >= TL_BP_KINDS || !tl_arch_bp->own_control)
		err = -TL_EIO;
	if (err)
		goto unlock;
	slots->info = tl_host_ops->debug->version << 8 | tl_bp_count(kind);
	for (unsigned int i = 0; state && i < tl_bp_count(kind); i++) {
		slots->slot[i].addr = state->address[tl_bp_base(kind) + i];
		slots->slot[i].control =
			(uint32_t)state->control[tl_bp_base(kind) + i];
	}
unlock:
	tl_unlock();
	return err;
}

/* As write_control(), of @n registers at once. */
static int write_slots(struct tl_bp_state *state, unsigned int kind,
		       const struct tl_bp_slots *slots, unsigned int n)
{
	struct written w;
	unsigned int controls = 0;
	int err;

	read_written(state, &w);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int name = tl_bp_base(kind) + i;

		w.address[name] = slots->slot[i].addr;
		w.control[tl_bp_control(name)] = slots->slot[i].control;
		controls |= 1u << tl_bp_control(name);
	}
	err = control(state, &w, controls);
	if (err)
		return err;
	tl_bytes_copy(state->address, w.address, sizeof(w.address));
	tl_bytes_copy(state->control, w.control, sizeof(w.control));
	return 0;
}

int tl_bp_slots_write(struct tl_bp_thread *thread, unsigned int kind,
		      const struct tl_bp_slots *slots, unsigned int n)
{
	struct tl_bp_state *state;
	int err;

	tl_lock();
	err = tl_bp_ready();
	if (!err && (kind >= TL_BP_KINDS || !tl_arch_bp->own_control))
		err = -TL_EIO;
	if (!err && n > tl_bp_count(kind))
		err = -TL_ENOSPC;
	if (err)
		goto unlock;
	state = tl_bp_state(thread);
	err = state ? write_slots(state, kind, slots, n) : -TL_ENOMEM;
	tl_bp_state_put(thread);
unlock:
	tl_unlock();
	return err;
}

/* ---- fork ------------------------------------------------------------------------ */

/* A copy of @bp for @thread, or NULL. */
static struct hw_breakpoint *copy_of(const struct hw_breakpoint *bp,
				     struct tl_bp_thread *thread)
{
	struct hw_breakpoint *copy = tlh_alloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *bp;
	copy->thread = thread;
	copy->copied = true;
	return copy;
}

/* The entries of @from, for @thread, into @to.  What there is can be ended. */
static int copy_set(const struct tl_bp_set *from, struct tl_bp_set *to,
		    struct tl_bp_thread *thread)
{
	for (to->n = 0; to->n < from->n; to->n++) {
		struct tl_bp_entry *e = &to->e[to->n];

		*e = from->e[to->n];
		e->serial = ++tl_engine.bp_serial;
		if (!e->bp)
			continue;
		e->bp = copy_of(e->bp, thread);
		if (!e->bp)
			return -TL_ENOMEM;
		e->bp->serial = e->serial;
	}
	return 0;
}

static int copy_state(const struct tl_bp_state *from,
		      struct tl_bp_thread *child)
{
	struct tl_bp_state *state = tl_bp_state(child);
	int err;

	if (!state)
		return -TL_ENOMEM;
	err = copy_set(tl_bp_now(&from->sets), tl_bp_spare(&state->sets),
		       child);
	/* As many as the parent has fit. */
	tl_bp_publish(&state->sets, false);
	if (err) {
		tl_bp_state_end(child);
		return err;
	}
	tl_bytes_copy(state->address, from->address, sizeof(state->address));
	tl_bytes_copy(state->control, from->control, sizeof(state->control));
	return 0;
}

int tl_bp_fork(const struct tl_bp_thread *parent, struct tl_bp_thread *child)
{
	const struct tl_debug_ops *host = tl_bp_host();
	int err = 0;

	child->state = NULL;
	if (!host || !host->fork_copies || !tl_load(&parent->state))
		return 0;
	tl_lock();
	if (parent->state)
		err = copy_state(parent->state, child);
	tl_unlock();
	return err;
}
