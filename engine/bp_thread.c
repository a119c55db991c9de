/* SPDX-License-Identifier: MIT */
/*
 * bp_thread.c - a thread's breakpoints: its debugger's view, fork, exec, exit
 *
 * A thread has a state from the first time that something is written or registered
 * for it.  That, and not what is enabled, is what fork, exec, exit and core dumps go by.
 *
 *   V1  What a debugger wrote is what it reads.  Addresses mean nothing before
 *       the control register is written; then all of it is judged, and taken
 *       as a whole or not at all.
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
	tl_engine.bp_holders[0]++;
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
	tl_engine.bp_holders[0]--;
	tl_store_release(&thread->state, NULL);
	/* Who has just been in a debug exception may look at its status. */
	tl_bp_load_all();
	tlh_free(state, sizeof(*state));
}

static bool is_blank(const struct tl_bp_state *state)
{
	unsigned long any = state->control | state->status;

	for (unsigned int i = 0; i < TL_BP_MAX; i++)
		any |= state->address[i];
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
	struct tl_bp_set had = *tl_bp_now(&state->sets);

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

/* Into @e: what @control asks of register @name.  One that stays stays. */
static int ask(const struct tl_bp_state *state, unsigned long control,
	       unsigned int name, struct tl_bp_entry *e)
{
	const struct tl_bp_entry *old = named(tl_bp_now(&state->sets), name);
	unsigned int len, type;
	int err;

	err = tl_arch_bp->asked(control, name, &len, &type);
	if (err)
		return err;
	err = tl_bp_prepare(e, state->address[name], len, type, false);
	if (err)
		return err;
	e->name = (uint8_t)name;
	if (old && old->addr == e->addr && old->len == len && old->type == type)
		e->serial = old->serial;
	return 0;
}

static int write_control(struct tl_bp_state *state, unsigned long control)
{
	const struct tl_bp_set *now = tl_bp_now(&state->sets);
	struct tl_bp_set *next = tl_bp_spare(&state->sets);
	unsigned int on = tl_arch_bp->enabled(control);
	int err;

	next->n = 0;
	for (unsigned int i = 0; i < now->n; i++)
		if (now->e[i].bp) /* V2 */
			next->e[next->n++] = now->e[i];
	for (unsigned int name = 0; name < tl_arch_bp->registers; name++) {
		if (!(on >> name & 1))
			continue;
		if (next->n == TL_BP_MAX)
			return -TL_ENOSPC;
		err = ask(state, control, name, &next->e[next->n]);
		if (err)
			return err;
		next->n++;
	}
	err = tl_bp_publish(&state->sets, false);
	if (!err)
		state->control = control;
	return err;
}

static int write_register(struct tl_bp_state *state, unsigned int n,
			  unsigned long value)
{
	if (n == tl_arch_bp->control)
		return write_control(state, value);
	if (n == tl_arch_bp->status)
		tl_store(&state->status, tl_arch_bp->keep_status(value));
	else
		state->address[n] = value;
	return 0;
}

/* Is there a register @n for debuggers? */
static bool exists(unsigned int n)
{
	return n < tl_arch_bp->registers || n == tl_arch_bp->control ||
	       n == tl_arch_bp->status;
}

int tl_bp_debugger_write(struct tl_bp_thread *thread, unsigned int n,
			 unsigned long value)
{
	struct tl_bp_state *state;
	int err;

	tl_lock();
	err = tl_bp_ready();
	if (!err && !exists(n))
		err = -TL_EIO;
	if (err)
		goto unlock;
	state = tl_bp_state(thread);
	err = state ? write_register(state, n, value) : -TL_ENOMEM;
	tl_bp_state_put(thread);
unlock:
	tl_unlock();
	return err;
}

static unsigned long value_of(const struct tl_bp_state *state, unsigned int n)
{
	if (n == tl_arch_bp->status)
		return tl_arch_bp->show_status(state ? tl_load(&state->status)
						     : 0);
	if (!state)
		return 0;
	return n == tl_arch_bp->control ? state->control : state->address[n];
}

int tl_bp_debugger_read(const struct tl_bp_thread *thread, unsigned int n,
			unsigned long *value)
{
	int err = 0;

	tl_lock();
	if (!tl_bp_host())
		err = -TL_EOPNOTSUPP;
	else if (!exists(n))
		err = -TL_EIO;
	else
		*value = value_of(thread->state, n);
	tl_unlock();
	return err;
}

void tl_bp_core(const struct tl_bp_thread *thread, unsigned long *values,
		unsigned int n)
{
	tl_lock();
	for (unsigned int i = 0; i < n; i++)
		values[i] = tl_bp_host() && exists(i)
				    ? value_of(thread->state, i)
				    : 0;
	tl_unlock();
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
	state->control = from->control;
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
