/* SPDX-License-Identifier: MIT */
/*
 * actions.c - what probes do in the target: count, time a function, tell
 *
 * A count is kept by the detour itself; in libtrapline by a handler, since there
 * is no gate in front of detours that are the program's, too.  A time is the difference of the time
 * stamp counter between a function's entry and its return; it goes into the
 * histogram of the function by locked instructions, since any number of threads
 * return at once.  What else is done with a hit is what a program says.
 */
#include "session/session.h"

#include <common/home.h>
#include <trapline/agent.h>
#include <trapline/regs.h>

enum {
	ACTION_COUNT = 1,
	ACTION_TIME = 2,
	ACTION_EVENT = 3,
	ACTION_RETURN = 4,
	ACTION_LOADER = 5,
};

struct action {
	union {
		struct kprobe kp;
		struct kretprobe rp;
	};
	struct tl_times *times;
	const struct tl_program *program;
	struct tl_events *events; /* of its session */
	struct tl_probe *shown;	  /* in its figures */
	uint32_t index;		  /* in the figures */
	uint32_t number;	  /* in its session */
	uint32_t owner;		  /* which is that */
	uint32_t turn;		  /* of entries; may skip some */
	struct action *next;
	bool followed; /* it is rp, not kp */
	bool armed;
	bool go;
	size_t room; /* of GO_BYTES */
};

/* In the order of the figures' probes. */
static struct action *actions[TL_MAX_PROBES];

struct tl_boot *tl_boot;

/* ---- in the target's threads --------------------------------------------- */

/* Not in a fork child, whose hits are nobody's. */
static inline bool gate_open(void)
{
	return *(volatile const uint8_t *)tl_boot->gate;
}

static inline unsigned int bucket_of(uint64_t v)
{
	unsigned int top;

	if (v < 2u << TL_TIME_SUB_BITS)
		return (unsigned int)v;
	top = 63 - (unsigned int)__builtin_clzll(v);
	return ((top - TL_TIME_SUB_BITS) << TL_TIME_SUB_BITS) +
	       (unsigned int)(v >> (top - TL_TIME_SUB_BITS));
}

static inline void add(uint64_t *cell, uint64_t n)
{
	__atomic_fetch_add(cell, n, __ATOMIC_RELAXED);
}

static inline struct action *action_of(struct kretprobe_instance *ri)
{
	struct kretprobe *rp = get_kretprobe(ri);

	return rp ? (struct action *)((char *)rp - offsetof(struct action, rp))
		  : NULL;
}

static inline const struct action *action_at(const struct kprobe *kp)
{
	return (const struct action *)((const char *)kp -
				       offsetof(struct action, kp));
}

void tl_time_add(struct tl_times *t, uint64_t ticks)
{
	uint64_t old;

	add(&t->bucket[bucket_of(ticks)], 1);
	add(&t->total, ticks);
	old = __atomic_load_n(&t->min, __ATOMIC_RELAXED);
	while ((!old || ticks + 1 < old) &&
	       !__atomic_compare_exchange_n(&t->min, &old, ticks + 1, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	old = __atomic_load_n(&t->max, __ATOMIC_RELAXED);
	while (ticks > old &&
	       !__atomic_compare_exchange_n(&t->max, &old, ticks, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	add(&t->calls, 1);
}

/*
 * The bill: of one hit in TL_COST_OF the time that its handler takes is added
 * up.  Which hits, the last digits of the time decide, mixed, so that no rhythm
 * of the program's is in step with them.
 */
static inline bool is_sample(uint64_t clock)
{
	return clock * 0x9e3779b97f4a7c15ull < ~0ull / TL_COST_OF;
}

static inline void add_cost(const struct action *a, uint64_t ticks, uint64_t n)
{
	/* More is the wait for a CPU. */
	add(&a->shown->cost, ticks < TL_COST_MOST ? ticks : TL_COST_MOST);
	add(&a->shown->costed, n);
}

static int entered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)regs;
	*(uint64_t *)ri->data = tl_ticks();
	return 0;
}

/* How long the call took that returns at @now. */
static inline uint64_t took(const struct kretprobe_instance *ri, uint64_t now)
{
	uint64_t ticks = now - *(const uint64_t *)ri->data;

	/* Another CPU's counter may be a little behind. */
	return (int64_t)ticks < 0 ? 0 : ticks;
}

static int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	uint64_t now = tl_ticks(), ticks = took(ri, now);
	struct action *a = action_of(ri);

	(void)regs;
	/* A fork child that returns from what its parent entered. */
	if (!a || !gate_open())
		return 0;
	tl_time_add(a->times, ticks);
	if (is_sample(now))
		add_cost(a, tl_ticks() - now, 1);
	return 0;
}

/* Threads have different stacks, so they mostly get different shards. */
static void count(uint32_t index, const struct pt_regs *regs)
{
	uint64_t hash = (regs->sp >> 14) * 0x9e3779b97f4a7c15ull;
	uint8_t *cell = tl_figures()->counters[0] + tl_counter_at(index) +
			((hash >> 60) % TL_SHARDS << TL_SHARD_SHIFT);

	if (gate_open())
		add((uint64_t *)cell, 1);
}

static int hit_count(struct kprobe *kp, struct pt_regs *regs)
{
	count(action_at(kp)->index, regs);
	return 0;
}

static int hit_loader(struct kprobe *kp, struct pt_regs *regs)
{
	(void)kp;
	(void)regs;
	if (gate_open())
		tl_loader_called(&tl_figures()->loader);
	return 0;
}

/* ---- what programs say ----------------------------------------------------- */

/* What is kept of a call: its time, what could not be fetched, what is saved. */
enum { KEPT_CLOCK, KEPT_FAULTS, KEPT_WORDS };

static struct tl_hit hit_of(const struct action *a, const struct pt_regs *regs,
			    struct kretprobe_instance *ri,
			    struct tl_fetched *fetched)
{
	uint64_t *kept = ri ? (uint64_t *)ri->data : NULL;

	fetched->at = 0;
	fetched->n = 0;
	return (struct tl_hit){ .regs = (const uint64_t *)regs,
				.saved = kept ? kept + KEPT_WORDS : NULL,
				.saved_faults = kept ? kept + KEPT_FAULTS
						     : NULL,
				.events = a->events,
				.fetched = fetched };
}

static void tell_unknown(const struct tl_hit *h, enum tl_verdict v)
{
	if (v == TL_UNKNOWN)
		add(&h->events->keys.unknown, 1);
}

/* Returns have no counter of the detour's, nor has what is filtered. */
static void do_program(const struct action *a, const struct tl_hit *h,
		       uint64_t clock)
{
	struct tl_made made;
	enum tl_verdict v = tl_program_run(a->program, h, &made);

	if (v != TL_PASSED) {
		tell_unknown(h, v);
		return;
	}
	if (!a->kp.counter)
		count(a->index, (const struct pt_regs *)h->regs);
	if (a->times)
		tl_time_add(a->times, h->took);
	if (made.key_n)
		tl_key_add(h, &made, a->number);
	if (made.to.event)
		tl_event(h, &made, a->number, clock);
}

static int hit(struct kprobe *kp, struct pt_regs *regs)
{
	const struct action *a = action_at(kp);
	struct tl_fetched fetched;
	struct tl_hit h = hit_of(a, regs, NULL, &fetched);
	unsigned long ip = instruction_pointer(regs);
	uint64_t now;

	if (!gate_open())
		return 0;
	now = tl_ticks();
	/* As if there were no probe, for unwinding and for whoever asks. */
	instruction_pointer_set(regs, (unsigned long)kp->addr);
	do_program(a, &h, now);
	instruction_pointer_set(regs, ip);
	if (is_sample(now))
		add_cost(a, tl_ticks() - now, 1);
	return 0;
}

static int entered_program(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct action *a = action_of(ri);
	struct tl_fetched fetched;
	uint64_t begin = 0, end;
	enum tl_verdict v;
	struct tl_hit h;

	if (!a || !gate_open())
		return 1;
	/* Most entries have no other need of the time before. */
	if (++a->turn % TL_COST_OF == 0)
		begin = tl_ticks();
	h = hit_of(a, regs, ri, &fetched);
	v = tl_program_enter(a->program, &h);
	end = tl_ticks();
	((uint64_t *)ri->data)[KEPT_CLOCK] = end;
	/* A call that goes on is told once, at its return. */
	if (begin)
		add_cost(a, end - begin, v != TL_PASSED);
	tell_unknown(&h, v);
	return v != TL_PASSED;
}

static int returned_program(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct action *a = action_of(ri);
	uint64_t now = tl_ticks(), ticks = took(ri, now);
	struct tl_fetched fetched;
	struct tl_hit h;

	if (!a || !gate_open())
		return 0;
	h = hit_of(a, regs, ri, &fetched);
	h.took = ticks;
	do_program(a, &h, ((uint64_t *)ri->data)[KEPT_CLOCK] + ticks);
	if (is_sample(now))
		add_cost(a, tl_ticks() - now, 1);
	return 0;
}

/* ---- the same for Go's functions, whose stack has no room for programs --------- */

/* @a: NULL if its probe has gone. */
static void miss(const struct action *a)
{
	if (a && gate_open())
		add(&a->shown->missed, 1);
}

static int hit_there(void *kp, void *regs)
{
	return hit(kp, regs);
}

static int hit_aside(struct kprobe *kp, struct pt_regs *regs)
{
	int ret = tl_aside(hit_there, kp, regs);

	if (ret < 0)
		miss(action_at(kp));
	return 0;
}

static int entered_there(void *ri, void *regs)
{
	return entered_program(ri, regs);
}

static int entered_aside(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	int ret = tl_aside(entered_there, ri, regs);

	if (ret < 0)
		miss(action_of(ri));
	return ret;
}

static int returned_there(void *ri, void *regs)
{
	return returned_program(ri, regs);
}

static int returned_aside(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (tl_aside(returned_there, ri, regs) < 0)
		miss(action_of(ri));
	return 0;
}

/* ---- misses ---------------------------------------------------------------- */

/* In the library's engine are the program's own probes, and the library's, too. */
static bool is_action(const struct kprobe *kp)
{
	const struct action *a = action_at(kp);

	if (!tl_boot->library)
		return true;
	if (kp->pre_handler == tl_directory.return_pre)
		return a->rp.handler == returned ||
		       a->rp.handler == returned_program;
	return kp->pre_handler == hit || kp->pre_handler == hit_count ||
	       kp->pre_handler == hit_loader;
}

void tl_action_missed(struct kprobe *kp)
{
	if (tl_boot && is_action(kp) && gate_open())
		add(&action_at(kp)->shown->missed, 1);
}

/* ---- arming --------------------------------------------------------------- */

/* Are there hits that are not to be counted? */
static bool filters(const struct tl_program *p)
{
	for (uint32_t i = 0; p && i < p->n; i++)
		if (p->op[i].op == TL_OP_FILTER)
			return true;
	return false;
}

/*
 * Of most calls little is saved, and thousands may be under way.  Of others the
 * engine follows some hundreds at a time, which is enough for threads; goroutines
 * that wait in a function are more.  The first probes may have memory for that.
 */
#define LITTLE	 64
#define GO_CALLS 4096
#define GO_BYTES (24u << 20)

static size_t go_bytes;

static void make_room(struct action *a)
{
	size_t bytes = GO_CALLS * (a->rp.data_size + 192);

	if (a->rp.data_size <= LITTLE || go_bytes + bytes > GO_BYTES)
		return;
	a->rp.maxactive = GO_CALLS;
	a->room = bytes;
	go_bytes += bytes;
}

static void set_call(struct action *a)
{
	int saved = a->program ? tl_program_check(a->program, true) : 0;

	a->rp.entry_handler = !a->program ? entered
			      : a->go	  ? entered_aside
					  : entered_program;
	a->rp.handler = !a->program ? returned
			: a->go	    ? returned_aside
				    : returned_program;
	a->rp.data_size = sizeof(uint64_t);
	if (a->program)
		a->rp.data_size *= KEPT_WORDS + (size_t)saved;
	if (a->go)
		make_room(a);
}

static void set_handlers(struct action *a, uint32_t index)
{
	if (a->followed) {
		set_call(a);
		return;
	}
	if (a->program)
		a->kp.pre_handler = a->go ? hit_aside : hit;
	else if (tl_boot->library)
		a->kp.pre_handler = hit_count;
	if (!tl_boot->library && !filters(a->program))
		a->kp.counter = (uint64_t *)(tl_figures()->counters[0] +
					     tl_counter_at(index));
}

/* @p is a copy of the figures' probe. */
static struct action *prepare(const struct tl_probe *p, uint32_t index)
{
	struct action *a;

	if (!p->session || p->session > TL_MAX_SESSIONS)
		return NULL;
	a = tlh_alloc(sizeof(*a));
	if (!a)
		return NULL;
	a->index = index;
	a->number = p->number;
	a->owner = p->session - 1;
	a->events = (struct tl_events *)tl_boot->events[a->owner];
	a->shown = &tl_figures()->probe[index];
	a->go = p->flags & TL_PROBE_GO;
	a->followed = p->action == ACTION_TIME || p->action == ACTION_RETURN;
	if (p->program || p->action == ACTION_EVENT ||
	    p->action == ACTION_RETURN) {
		a->program =
			tl_program_take(a->events, p->program - 1, a->followed);
		if (!a->program) {
			tlh_free(a, sizeof(*a));
			return NULL;
		}
	}
	if (p->action == ACTION_TIME)
		a->times = &tl_figures()->times[p->times % TL_MAX_TIMES];
	a->kp.addr = (kprobe_opcode_t *)p->addr;
	/* The program's lists and switches are not for guests. */
	a->kp.flags = tl_boot->library ? KPROBE_FLAG_HOME
				       : KPROBE_FLAG_JUMP_ONLY;
	if (p->flags & TL_PROBE_EXITS_ONLY)
		a->kp.flags |= KPROBE_FLAG_NO_SWAP;
	if (a->go && a->followed)
		a->kp.flags |= KPROBE_FLAG_MOVES;
	set_handlers(a, index);
	if (p->action == ACTION_LOADER) {
		a->kp.counter = NULL;
		a->kp.pre_handler = hit_loader;
	}
	return a;
}

static void discard(struct action *a)
{
	go_bytes -= a->room;
	tl_program_free(a->program);
	tlh_free(a, sizeof(*a));
}

/* What became of the probe, for all to see. */
static void report(struct tl_probe *p, struct action *a, int err,
		   enum tl_why why)
{
	uint32_t flags = p->flags & ~(uint32_t)TL_PROBE_BY_EXITS;

	a->armed = !err;
	p->err = err;
	p->why = why;
	p->kind = TL_KIND_NONE;
	if (!err && a->followed && a->rp.exits)
		flags |= TL_PROBE_BY_EXITS;
	p->flags = flags;
	if (err)
		return;
	p->why = trapline_kprobe_why(&a->kp);
	p->kind = trapline_kprobe_kind(&a->kp);
}

/* Probes of one kind, which are registered in one go. */
#define BATCH 512

struct batch {
	int n;
	bool times;
	union {
		struct kprobe *kps[BATCH];
		struct kretprobe *rps[BATCH];
	};
	uint32_t index[BATCH];
};

static void register_all(struct batch *b)
{
	static int err[BATCH];
	static enum tl_why why[BATCH];
	int got;

	for (int i = 0; i < b->n; i++) {
		err[i] = 0;
		why[i] = TL_WHY_NONE;
	}
	got = b->times ? tl_register_each_return(b->rps, b->n, err, why)
		       : trapline_register_each(b->kps, b->n, err, why);
	for (int i = 0; i < b->n; i++)
		report(&tl_figures()->probe[b->index[i]], actions[b->index[i]],
		       got < 0 ? got : err[i], why[i]);
	b->n = 0;
}

static void add_to(struct batch *b, uint32_t i)
{
	if (b->times)
		b->rps[b->n] = &actions[i]->rp;
	else
		b->kps[b->n] = &actions[i]->kp;
	b->index[b->n++] = i;
	if (b->n == BATCH)
		register_all(b);
}

/* What is in the figures may change while we look. */
static void copy_probe(struct tl_probe *dst, const struct tl_probe *src)
{
	for (size_t i = 0; i < sizeof(*dst); i++)
		((uint8_t *)dst)[i] = ((const volatile uint8_t *)src)[i];
}

static void add_one(struct batch *counts, struct batch *times, uint32_t i)
{
	struct tl_probe p;

	copy_probe(&p, &tl_figures()->probe[i]);
	if (p.err || (actions[i] && actions[i]->armed))
		return;
	if (actions[i])
		discard(actions[i]);
	actions[i] = prepare(&p, i);
	if (actions[i])
		add_to(actions[i]->followed ? times : counts, i);
	else
		tl_figures()->probe[i].err = -TL_ENOMEM;
}

void tl_actions_add(uint32_t first, uint32_t n)
{
	static struct batch counts, times = { .times = true };

	if (first > TL_MAX_PROBES || n > TL_MAX_PROBES - first)
		return;
	for (uint32_t i = first; i < first + n; i++)
		add_one(&counts, &times, i);
	if (counts.n)
		register_all(&counts);
	if (times.n)
		register_all(&times);
}

/* ---- removing -------------------------------------------------------------- */

/* Unregistered, and not freed yet. */
static struct action *gone;

static void unregister_all(struct batch *b)
{
	if (b->n && b->times)
		unregister_kretprobes(b->rps, b->n);
	else if (b->n)
		unregister_kprobes(b->kps, b->n);
	b->n = 0;
}

static bool is_of(const struct action *a, uint32_t owner)
{
	return a && (owner == TL_ALL_SESSIONS || a->owner == owner);
}

static void remove_kind(uint32_t owner, bool followed)
{
	static struct batch b;

	b.times = followed;
	for (uint32_t i = 0; i < TL_MAX_PROBES; i++) {
		struct action *a = actions[i];

		if (!is_of(a, owner) || !a->armed || a->followed != followed)
			continue;
		if (followed)
			b.rps[b.n++] = &a->rp;
		else
			b.kps[b.n++] = &a->kp;
		if (b.n == BATCH)
			unregister_all(&b);
	}
	unregister_all(&b);
}

/* Unregistering has waited, too, but not for ever. */
int tl_actions_remove(uint32_t owner)
{
	struct action *a;
	int err;

	remove_kind(owner, false);
	remove_kind(owner, true);
	for (uint32_t i = 0; i < TL_MAX_PROBES; i++) {
		a = actions[i];
		if (!is_of(a, owner))
			continue;
		tl_figures()->probe[i].kind = TL_KIND_NONE;
		actions[i] = NULL;
		a->next = gone;
		gone = a;
	}
	err = tl_await_handlers();
	while (!err && (a = gone)) {
		gone = a->next;
		discard(a);
	}
	return err;
}
