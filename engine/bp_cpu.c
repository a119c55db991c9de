/* SPDX-License-Identifier: MIT */
/*
 * bp_cpu.c - the debug registers of a CPU
 *
 * One function makes them what they should be: the kernel's breakpoints, and those of
 * the thread that the host says runs here.  It computes that anew each time, writes what
 * differs, and may be interrupted by a debug exception anywhere:
 *
 *   C1  A register that stays as it is stays on.  One that changes is off while
 *       its address is written.  When kernel breakpoints move up to close a gap,
 *       they do so one by one from the top, so each is in one register before
 *       it leaves the other.
 *   C2  Whoever is interrupted in here ends what it has begun: a handler that
 *       finds the registers out of date leaves them to it.
 *   C3  Interrupts are off: nobody publishes a set between the look at
 *       the sets and the last write (B1).
 *   C4  A home that loads registers itself (struct tl_debug_ops, load) keeps
 *       these promises itself: no hit is reported meanwhile, and a register
 *       that stays is never off.
 *
 *   C5  Where a step would keep the instruction from ever succeeding (an exclusive
 *       sequence), whoever is there is let go, and registers that nobody has now
 *       stop it behind: what was hit is off until then, or until the registers
 *       are loaded, whatever comes first.  What was hit of a thread's own goes with
 *       it, for its debugger may stop it there: until it comes to a stop, or has
 *       run elsewhere for some ticks.
 *
 * Switching is lazy.  A thread without breakpoints is switched to without a look
 * here, and the registers keep the last thread's.  A hit of these is
 * a false alarm: the serial number in the register is in no set that counts now.
 */
#include "bp.h"
#include <trapline/trap.h>

#define GONE_TICKS 10

static struct tl_bp_cpu *this_cpu(const struct tl_debug_ops *host)
{
	struct tl_bp_cpu *cpus = tl_load_acquire(&tl_engine.bp_cpus);
	unsigned int cpu = host->cpu();

	return cpus && cpu < host->cpus ? &cpus[cpu] : NULL;
}

struct tl_bp_cpu *tl_bp_this_cpu(void)
{
	const struct tl_debug_ops *host = tl_bp_host();

	return host && tl_arch_bp->step_begin ? this_cpu(host) : NULL;
}

static struct tl_bp_state *current_state(const struct tl_debug_ops *host)
{
	const struct tl_bp_thread *thread = host->current();

	return thread ? tl_load_acquire(&thread->state) : NULL;
}

/* ---- loading ------------------------------------------------------------------ */

struct want {
	const struct tl_bp_entry *e[TL_BP_MAX]; /* NULL: the register is off */
	unsigned long bits[TL_BP_MAX];
	unsigned long control[TL_BP_CONTROLS];
	unsigned int kernel[TL_BP_KINDS]; /* the first of the kernel's */
};

static void want_entry(struct want *w, unsigned int n,
		       const struct tl_bp_entry *e, bool kernel)
{
	w->e[n] = e;
	w->bits[n] = tl_arch_bp->bits(tl_bp_within(n), e->addr, e->len, e->type,
				      kernel);
	w->control[tl_bp_control(n)] |= w->bits[n];
}

/* The kernel's from the top of each kind. */
static void want_kernel(struct want *w, const struct tl_bp_set *set)
{
	for (unsigned int kind = 0; kind < TL_BP_KINDS; kind++)
		w->kernel[kind] = tl_bp_base(kind) + tl_bp_count(kind);
	for (unsigned int i = 0; i < set->n; i++)
		want_entry(w, --w->kernel[tl_bp_kind(set->e[i].type)],
			   &set->e[i], true);
}

/* Was @state's thread let go from @e?  (C5) */
static bool is_gone(const struct tl_bp_state *state,
		    const struct tl_bp_entry *e)
{
	for (unsigned int i = 0; i < state->n_gone; i++)
		if (state->gone[i] == e->serial)
			return true;
	return false;
}

static void want_thread(struct want *w, const struct tl_bp_state *state)
{
	unsigned int next[TL_BP_KINDS] = { tl_bp_base(0), tl_bp_base(1) };
	const struct tl_bp_set *set = tl_bp_now(&state->sets);

	for (unsigned int i = 0; i < set->n; i++)
		if (!is_gone(state, &set->e[i]))
			want_entry(w, next[tl_bp_kind(set->e[i].type)]++,
				   &set->e[i], false);
	if (state->n_gone && next[0] + state->n_stops <= w->kernel[0])
		for (unsigned int i = 0; i < state->n_stops; i++)
			want_entry(w, next[0]++, &state->stop[i], false);
}

static void want_now(struct want *w, const struct tl_debug_ops *host)
{
	const struct tl_bp_state *state = current_state(host);

	for (unsigned int n = 0; n < tl_bp_registers(); n++) {
		w->e[n] = NULL;
		w->bits[n] = 0;
	}
	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		w->control[k] = 0;
	want_kernel(w, tl_bp_now(&tl_engine.bp_kernel));
	if (state)
		want_thread(w, state);
}

static unsigned long field(unsigned int n)
{
	return tl_engine.bp_field[n];
}

/* Is register @n what @w says? */
static bool is_loaded(const struct tl_bp_cpu *c, const struct want *w,
		      unsigned int n)
{
	return (c->control[tl_bp_control(n)] & field(n)) == w->bits[n] &&
	       (!w->e[n] ||
		(c->written >> n & 1 && c->addr[n] == w->e[n]->addr));
}

/* Write control register @k of this CPU. */
static void set_control(const struct tl_debug_ops *host, unsigned int k,
			unsigned long value)
{
	host->write(tl_arch_bp->control(tl_bp_kind_of(k), tl_bp_within(k)),
		    value);
}

static void write_control(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			  unsigned int k, unsigned long control)
{
	c->control[k] = control;
	c->used |= control ? 1u << k : 0;
	set_control(host, k, control);
}

/* Register @n is off. */
static void write_address(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			  unsigned int n, const struct tl_bp_entry *e)
{
	if (!(c->written >> n & 1) || c->addr[n] != e->addr)
		host->write(
			tl_arch_bp->address(tl_bp_kind_of(n), tl_bp_within(n)),
			e->addr);
	c->addr[n] = e->addr;
	c->written |= 1u << n;
	c->serial[n] = e->serial;
}

static void turn_off(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
		     unsigned int k, unsigned long bits)
{
	if (c->control[k] & bits)
		write_control(c, host, k, c->control[k] & ~bits);
}

/* C1: from the top, each for itself. */
static void load_kernel(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			const struct want *w, unsigned int kind)
{
	unsigned int n = tl_bp_base(kind) + tl_bp_count(kind);

	while (n-- > w->kernel[kind]) {
		unsigned int k = tl_bp_control(n);

		if (is_loaded(c, w, n)) {
			c->serial[n] = w->e[n]->serial;
			continue;
		}
		turn_off(c, host, k, field(n));
		write_address(c, host, n, w->e[n]);
		write_control(c, host, k, c->control[k] | w->bits[n]);
	}
}

/* Off first, all that change and share a control register in one write. */
static void load_thread(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			const struct want *w, unsigned int kind)
{
	unsigned long change[TL_BP_CONTROLS];
	unsigned int n;

	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		change[k] = 0;
	for (n = tl_bp_base(kind); n < w->kernel[kind]; n++)
		if (!is_loaded(c, w, n))
			change[tl_bp_control(n)] |= field(n);
	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		turn_off(c, host, k, change[k]);
	for (n = tl_bp_base(kind); n < w->kernel[kind] && w->e[n]; n++)
		write_address(c, host, n, w->e[n]);
}

static bool is_all_loaded(const struct tl_bp_cpu *c, const struct want *w)
{
	for (unsigned int n = 0; n < tl_bp_registers(); n++)
		if (!is_loaded(c, w, n) ||
		    (w->e[n] && c->serial[n] != w->e[n]->serial))
			return false;
	return c->known;
}

/* C4 */
static int load_by_host(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			const struct want *w)
{
	struct tl_debug_want want[TL_BP_MAX];
	unsigned int registers = tl_bp_registers();
	int err;

	for (unsigned int n = 0; n < registers; n++) {
		want[n].addr = w->e[n] ? w->e[n]->addr : 0;
		want[n].len = w->e[n] ? w->e[n]->len : 0;
		want[n].type = w->e[n] ? w->e[n]->type : HW_BREAKPOINT_EMPTY;
	}
	err = host->load(want, registers);
	if (err)
		return err;
	for (unsigned int n = 0; n < registers; n++) {
		c->addr[n] = want[n].addr;
		c->serial[n] = w->e[n] ? w->e[n]->serial : 0;
		c->written |= 1u << n;
	}
	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		c->control[k] = w->control[k];
	c->known = true;
	return 0;
}

static int load(struct tl_bp_cpu *c, const struct tl_debug_ops *host)
{
	struct want w;

	want_now(&w, host);
	if (is_all_loaded(c, &w))
		return 0;
	if (host->load)
		return load_by_host(c, host, &w);
	tl_store(&c->loading, true);
	tl_compiler_fence();
	for (unsigned int k = 0; !c->known && k < tl_bp_controls(); k++)
		write_control(c, host, k, 0);
	c->known = true;
	c->gone = c->stops = 0; /* C5 */
	for (unsigned int kind = 0; kind < TL_BP_KINDS && tl_bp_count(kind);
	     kind++) {
		load_kernel(c, host, &w, kind);
		load_thread(c, host, &w, kind);
	}
	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		if (c->control[k] != w.control[k])
			write_control(c, host, k, w.control[k]);
	tl_compiler_fence();
	tl_store(&c->loading, false);
	return 0;
}

void tl_bp_load(void)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = host ? this_cpu(host) : NULL;

	if (c)
		load(c, host);
}

/* C5 */
void tl_bp_tick(void)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_state *state = host ? current_state(host) : NULL;

	if (state && state->n_gone && ++state->age > GONE_TICKS)
		state->n_gone = 0;
	tl_bp_load();
}

int tl_bp_cpu_online(void)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = host ? this_cpu(host) : NULL;

	if (!c)
		return 0;
	c->known = false;
	c->written = 0;
	return load(c, host);
}

struct all {
	int err;
	bool any; /* CPU was there */
};

static void load_here(void *arg)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = this_cpu(host);
	int err = c ? load(c, host) : 0;
	struct all *all = arg;

	if (err)
		tl_store(&all->err, err);
	if (c)
		tl_store(&all->any, true);
}

int tl_bp_load_all(void)
{
	struct all all = { .any = false };

	tl_bp_host()->each_cpu(load_here, &all);
	/* Else the home had no memory to know them by. */
	return all.any ? all.err : -TL_ENOMEM;
}

/* ---- memory -------------------------------------------------------------------- */

bool tl_bp_learn(void)
{
	const struct tl_debug_ops *host = tl_bp_host();

	for (unsigned int kind = 0; host && kind < TL_BP_KINDS; kind++) {
		unsigned int has = host->registers[kind];
		unsigned int most = tl_arch_bp->registers[kind];

		tl_engine.bp_count[kind] = has && has < most ? has : most;
	}
	for (unsigned int n = 0; host && n < tl_bp_registers(); n++)
		tl_engine.bp_field[n] = tl_arch_bp->field(tl_bp_within(n));
	return host;
}

static bool home_steps(const struct tl_debug_ops *host)
{
	return host->step && tl_arch_bp->step_begin;
}

/* All CPUs', and behind them their steps. */
static size_t cpus_bytes(const struct tl_debug_ops *host)
{
	size_t each = sizeof(struct tl_bp_cpu);

	if (home_steps(host))
		each += TL_STEPS * sizeof(struct tl_step);
	return host->cpus * each;
}

int tl_bp_ready(void)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *cpus;

	if (!tl_bp_learn())
		return -TL_EOPNOTSUPP;
	if (tl_engine.bp_cpus)
		return 0;
	cpus = tlh_alloc(cpus_bytes(host));
	if (!cpus)
		return -TL_ENOMEM;
	for (unsigned int i = 0; home_steps(host) && i < host->cpus; i++)
		cpus[i].steps = (struct tl_step *)(cpus + host->cpus) +
				(size_t)i * TL_STEPS;
	tl_store_release(&tl_engine.bp_cpus, cpus);
	return 0;
}

static void off_here(void *arg)
{
	static const struct tl_debug_want nothing[TL_BP_MAX];
	const struct tl_debug_ops *host = tl_bp_host();

	(void)arg;
	if (host->load)
		host->load(nothing, tl_bp_registers());
	for (unsigned int k = 0; !host->load && k < tl_bp_controls(); k++)
		set_control(host, k, 0);
}

/* Traps stop looking first; when each CPU was interrupted, none does. */
void tl_bp_cpus_free(void)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *cpus = tl_engine.bp_cpus;

	if (!cpus)
		return;
	tl_store_release(&tl_engine.bp_cpus, NULL);
	host->each_cpu(off_here, NULL);
	tlh_free(cpus, cpus_bytes(host));
}

/* ---- debug exceptions ------------------------------------------------------------ */

const struct tl_bp_entry *tl_bp_find(const struct tl_bp_set *set,
				     unsigned long serial)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->e[i].serial == serial)
			return &set->e[i];
	return NULL;
}

struct hits {
	unsigned int registers; /* that fired */
	unsigned int ours;	/* of these */
	bool stale;		/* one is in no set */
	unsigned int signal;
};

static void hit_thread(const struct tl_bp_entry *e, struct tl_bp_state *state,
		       struct pt_regs *regs, struct hits *h)
{
	if (!e->bp) {
		__atomic_fetch_or(&state->status, tl_arch_bp->name_bit(e->name),
				  __ATOMIC_RELAXED);
		h->signal = TL_DEBUG_SIGNAL;
		return;
	}
	if (!e->bp->silent)
		h->signal = TL_DEBUG_SIGNAL;
	e->bp->triggered(e->bp, regs);
}

/* While the kernel's are moved up (C1) one may be in two registers. */
static bool is_second(const struct tl_bp_cpu *c, const struct hits *h,
		      unsigned int n)
{
	for (unsigned int i = n + 1; i < tl_bp_registers(); i++)
		if (h->registers >> i & 1 && c->serial[i] == c->serial[n])
			return true;
	return false;
}

static void report(const struct tl_bp_cpu *c, struct tl_bp_state *state,
		   struct pt_regs *regs, struct hits *h)
{
	const struct tl_bp_entry *e;

	for (unsigned int n = tl_bp_registers(); n--;) {
		if (!(h->registers >> n & 1) || !c->serial[n])
			continue;
		h->ours |= 1u << n;
		if (is_second(c, h, n))
			continue;
		e = tl_bp_find(tl_bp_now(&tl_engine.bp_kernel), c->serial[n]);
		if (e) {
			e->bp->triggered(e->bp, regs);
			continue;
		}
		e = state ? tl_bp_find(tl_bp_now(&state->sets), c->serial[n])
			  : NULL;
		if (e)
			hit_thread(e, state, regs, h);
		else
			h->stale = true;
	}
}

unsigned int tl_trap_watched(struct pt_regs *regs, unsigned int hits)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = host ? this_cpu(host) : NULL;
	struct hits h = { .registers = hits };

	if (c) {
		h.registers &= tl_bp_enabled(c->control);
		report(c, current_state(host), regs, &h);
	}
	return h.signal;
}

unsigned int tl_bp_enabled(const unsigned long *control)
{
	unsigned int on = 0;

	for (unsigned int n = 0; n < tl_bp_registers(); n++)
		if (tl_arch_bp->enabled(control[tl_bp_control(n)],
					tl_bp_within(n)))
			on |= 1u << n;
	return on;
}

unsigned int tl_bp_executing(const unsigned long *control)
{
	unsigned int on = 0;

	for (unsigned int n = 0; n < tl_bp_registers(); n++)
		if (tl_arch_bp->executes(control[tl_bp_control(n)],
					 tl_bp_within(n)))
			on |= 1u << n;
	return on;
}

/* Without those of @registers. */
static void mask(unsigned long *control, unsigned int registers)
{
	for (unsigned int n = 0; n < tl_bp_registers(); n++)
		if (registers >> n & 1)
			control[tl_bp_control(n)] &= ~field(n);
}

/* What this CPU has in its control registers; all of it is off then. */
static void take_control(const struct tl_bp_cpu *c,
			 const struct tl_debug_ops *host,
			 unsigned long *control)
{
	for (unsigned int k = 0; k < tl_bp_controls(); k++) {
		control[k] = 0;
		if (tl_arch_bp->own_control && !(c->used >> k & 1))
			continue;
		control[k] = host->read(
			tl_arch_bp->control(tl_bp_kind_of(k), tl_bp_within(k)));
		if (control[k] || !tl_arch_bp->own_control)
			set_control(host, k, 0);
	}
}

static void give_control(const struct tl_debug_ops *host,
			 const unsigned long *control)
{
	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		if (control[k] || !tl_arch_bp->own_control)
			set_control(host, k, control[k]);
}

/* Have register @n stop whoever comes to @at, as @regs do. */
static void put_stop(struct tl_bp_cpu *c, const struct pt_regs *regs,
		     unsigned int n, uintptr_t at, unsigned long *control)
{
	const struct tl_debug_ops *host = tl_bp_host();
	const struct tl_bp_entry e = { .addr = at };

	write_address(c, host, n, &e);
	control[tl_bp_control(n)] = tl_arch_bp->bits(
		tl_bp_within(n), at, TL_BREAKPOINT_BYTES, HW_BREAKPOINT_X,
		tl_arch_ip(regs) >= host->kernel_start);
	c->used |= 1u << tl_bp_control(n);
	c->stops |= 1u << n;
}

static void take_stops(struct tl_bp_cpu *c, unsigned long *control)
{
	mask(control, c->stops);
	c->stops = 0;
}

/*
 * C5.  Without registers for all stops there are none.  (Who is let go again, in
 * another sequence, is not met behind the first.)
 */
static void let_go(struct tl_bp_cpu *c, const struct pt_regs *regs,
		   unsigned int registers, unsigned long *control)
{
	uintptr_t at[TL_BP_STOPS];
	unsigned int n = tl_arch_bp->behind(regs, at), k = 0;
	unsigned int free[TL_BP_STOPS];

	take_stops(c, control);
	mask(control, registers);
	c->gone |= registers;
	c->known = false;
	for (unsigned int i = 0; i < tl_bp_count(0) && k < n; i++)
		if (!c->control[tl_bp_control(i)])
			free[k++] = i;
	for (unsigned int i = 0; k == n && i < n; i++)
		put_stop(c, regs, free[i], at[i], control);
}

#define STOP \
	(~0ul) /* a serial number that nobody has: whom else it hits, it is old */

/* The same for the thread itself, whose own all of @registers are: load them now. */
static bool let_thread_go(const struct tl_bp_cpu *c, struct tl_bp_state *state,
			  const struct pt_regs *regs, unsigned int registers)
{
	uintptr_t at[TL_BP_STOPS];
	unsigned int n_gone = 0;

	for (unsigned int n = 0; state && n < tl_bp_registers(); n++) {
		if (!(registers >> n & 1))
			continue;
		if (!tl_bp_find(tl_bp_now(&state->sets), c->serial[n]))
			return false;
		state->gone[n_gone++] = c->serial[n];
	}
	if (!n_gone)
		return false;
	state->n_stops = tl_arch_bp->behind(regs, at);
	for (unsigned int i = 0; i < state->n_stops; i++)
		state->stop[i] = (struct tl_bp_entry){
			.addr = at[i],
			.len = TL_BREAKPOINT_BYTES,
			.type = HW_BREAKPOINT_X,
			.serial = STOP,
		};
	state->age = 0;
	state->n_gone = n_gone;
	return true;
}

/* Of @registers, those that are stops of the thread's. */
static unsigned int thread_stops(const struct tl_bp_cpu *c,
				 const struct tl_bp_state *state,
				 unsigned int registers)
{
	unsigned int stops = 0;

	for (unsigned int n = 0; state && state->n_gone && n < tl_bp_count(0);
	     n++)
		for (unsigned int i = 0; i < state->n_stops; i++)
			if (registers >> n & 1 && c->serial[n] == STOP &&
			    c->addr[n] == state->stop[i].addr)
				stops |= 1u << n;
	return stops;
}

/* Who was let go has come to a stop. */
static void come_back(struct tl_bp_cpu *c, unsigned long *control)
{
	take_stops(c, control);
	for (unsigned int n = 0; n < tl_bp_registers(); n++)
		if (c->gone & ~c->over & 1u << n)
			control[tl_bp_control(n)] =
				c->control[tl_bp_control(n)];
	c->gone = 0;
	c->known = true;
}

/*
 * The exception came before the instruction: that is executed with @registers off,
 * whatever their handlers have done.  (Where too many steps are under way, they stay
 * off until the registers are loaded.)
 */
static void step_over(struct tl_bp_cpu *c, struct pt_regs *regs,
		      unsigned int registers, unsigned long *control,
		      struct tl_bp_state *state, struct hits *h)
{
	if (tl_arch_bp->spoiled(regs)) {
		if (let_thread_go(c, state, regs, registers))
			h->stale = true;
		else
			let_go(c, regs, registers, control);
		return;
	}
	if (tl_step_begin(c, regs, NULL, registers))
		c->over |= registers;
	mask(control, registers);
}

void tl_bp_step_over(struct tl_bp_cpu *c, unsigned int registers)
{
	unsigned long control[TL_BP_CONTROLS];

	c->over &= ~registers;
	for (unsigned int k = 0; k < tl_bp_controls(); k++)
		control[k] = c->control[k];
	mask(control, c->over | c->gone);
	give_control(tl_bp_host(), control);
}

bool tl_trap_steps(void)
{
	const struct tl_bp_cpu *c = tl_bp_this_cpu();

	return c && c->n_steps;
}

/* A step of the thread's own debugger is in its status. */
static void note_step(const struct tl_bp_cpu *c, struct tl_bp_state *state,
		      unsigned long status)
{
	if (state && !c->n_steps && status & tl_arch_bp->step)
		__atomic_fetch_or(&state->status, tl_arch_bp->step,
				  __ATOMIC_RELAXED);
}

unsigned int tl_trap_debug(struct pt_regs *regs, unsigned long *status)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = host ? this_cpu(host) : NULL;
	struct tl_bp_state *state;
	struct hits h = { .registers = 0 };
	unsigned long control[TL_BP_CONTROLS], said = *status;
	uintptr_t ip = tl_arch_ip(regs);
	bool false_alarm = false;

	if (!c)
		return 0;
	state = current_state(host);
	if (tl_arch_bp->step_begin && !(said & tl_arch_bp->hit_bits(1))) {
		note_step(c, state, said);
		return 0;
	}
	take_control(c, host, control);
	/* Some CPUs report registers that are not on. */
	h.registers = tl_arch_bp->hit(said, control, c->addr, tl_bp_registers(),
				      regs);
	if (tl_arch_bp->step_begin && !h.registers)
		false_alarm = said & tl_arch_bp->hit_bits(1);
	*status &= ~tl_arch_bp->hit_bits(false_alarm ? 1 : h.registers);
	h.registers &= tl_bp_enabled(control);
	if (h.registers & c->stops) {
		h.registers &= ~c->stops;
		come_back(c, control);
	}
	if (thread_stops(c, state, h.registers)) {
		h.registers &= ~thread_stops(c, state, h.registers);
		state->n_gone = 0;
		h.stale = true;
	}
	report(c, state, regs, &h);
	*status |= said & tl_arch_bp->hit_bits(h.registers & ~h.ours);
	if (!tl_arch_bp->step_begin) {
		if (h.ours & tl_bp_executing(control))
			tl_arch_bp->go_on(regs);
	} else if ((h.ours && tl_arch_ip(regs) == ip) || false_alarm) {
		if (false_alarm)
			h.ours = tl_bp_enabled(control);
		step_over(c, regs, h.ours, control, state, &h);
	}
	note_step(c, state, *status);
	give_control(host, control);
	if (h.stale && !tl_load(&c->loading))
		load(c, host);
	return h.signal;
}
