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
 * Switching is lazy.  A thread without breakpoints is switched to without a look
 * here, and the registers keep the last thread's.  A hit of these is
 * a false alarm: the serial number in the register is in no set that counts now.
 */
#include "bp.h"
#include <trapline/trap.h>

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
	unsigned long control;
	unsigned int kernel; /* the first of the kernel's */
};

static void want_entry(struct want *w, unsigned int n,
		       const struct tl_bp_entry *e, bool kernel)
{
	w->e[n] = e;
	w->bits[n] = tl_arch_bp->bits(n, e->len, e->type, kernel);
	w->control |= w->bits[n];
}

static void want_now(struct want *w, const struct tl_debug_ops *host)
{
	const struct tl_bp_set *kernel = tl_bp_now(&tl_engine.bp_kernel);
	const struct tl_bp_state *state = current_state(host);
	unsigned int top = tl_arch_bp->registers;

	w->kernel = top - kernel->n;
	w->control = 0;
	for (unsigned int n = 0; n < w->kernel; n++) {
		w->e[n] = NULL;
		w->bits[n] = 0;
	}
	for (unsigned int i = 0; i < kernel->n; i++)
		want_entry(w, top - 1 - i, &kernel->e[i], true);
	if (!state)
		return;
	for (unsigned int i = 0; i < tl_bp_now(&state->sets)->n; i++)
		want_entry(w, i, &tl_bp_now(&state->sets)->e[i], false);
}

/* Is register @n what @w says? */
static bool is_loaded(const struct tl_bp_cpu *c, const struct want *w,
		      unsigned int n)
{
	return (c->control & tl_arch_bp->field(n)) == w->bits[n] &&
	       (!w->e[n] ||
		(c->written >> n & 1 && c->addr[n] == w->e[n]->addr));
}

static void write_control(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			  unsigned long control)
{
	c->control = control;
	host->write(tl_arch_bp->control, control);
}

/* Register @n is off. */
static void write_address(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			  unsigned int n, const struct tl_bp_entry *e)
{
	if (!(c->written >> n & 1) || c->addr[n] != e->addr)
		host->write(n, e->addr);
	c->addr[n] = e->addr;
	c->written |= 1u << n;
	c->serial[n] = e->serial;
}

static void turn_off(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
		     unsigned long bits)
{
	if (c->control & bits)
		write_control(c, host, c->control & ~bits);
}

/* C1: from the top, each for itself. */
static void load_kernel(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			const struct want *w)
{
	for (unsigned int n = tl_arch_bp->registers; n-- > w->kernel;) {
		if (is_loaded(c, w, n)) {
			c->serial[n] = w->e[n]->serial;
			continue;
		}
		turn_off(c, host, tl_arch_bp->field(n));
		write_address(c, host, n, w->e[n]);
		write_control(c, host, c->control | w->bits[n]);
	}
}

static void load_thread(struct tl_bp_cpu *c, const struct tl_debug_ops *host,
			const struct want *w)
{
	unsigned long change = 0;

	for (unsigned int n = 0; n < w->kernel; n++)
		if (!is_loaded(c, w, n))
			change |= tl_arch_bp->field(n);
	turn_off(c, host, change);
	for (unsigned int n = 0; n < w->kernel && w->e[n]; n++)
		write_address(c, host, n, w->e[n]);
}

static bool is_all_loaded(const struct tl_bp_cpu *c, const struct want *w)
{
	for (unsigned int n = 0; n < tl_arch_bp->registers; n++)
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
	int err;

	for (unsigned int n = 0; n < tl_arch_bp->registers; n++) {
		want[n].addr = w->e[n] ? w->e[n]->addr : 0;
		want[n].len = w->e[n] ? w->e[n]->len : 0;
		want[n].type = w->e[n] ? w->e[n]->type : HW_BREAKPOINT_EMPTY;
	}
	err = host->load(want, tl_arch_bp->registers);
	if (err)
		return err;
	for (unsigned int n = 0; n < tl_arch_bp->registers; n++) {
		c->addr[n] = want[n].addr;
		c->serial[n] = w->e[n] ? w->e[n]->serial : 0;
	}
	c->written = (1u << tl_arch_bp->registers) - 1;
	c->control = w->control;
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
	if (!c->known) {
		write_control(c, host, 0);
		c->known = true;
	}
	load_kernel(c, host, &w);
	load_thread(c, host, &w);
	if (c->control != w.control)
		write_control(c, host, w.control);
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

static void load_here(void *arg)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = this_cpu(host);
	int err = c ? load(c, host) : 0;

	if (err)
		tl_store((int *)arg, err);
}

int tl_bp_load_all(void)
{
	int err = 0;

	tl_bp_host()->each_cpu(load_here, &err);
	return err;
}

/* ---- memory -------------------------------------------------------------------- */

int tl_bp_ready(void)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *cpus;

	if (!host)
		return -TL_EOPNOTSUPP;
	if (tl_engine.bp_cpus)
		return 0;
	cpus = tlh_alloc(host->cpus * sizeof(*cpus));
	if (!cpus)
		return -TL_ENOMEM;
	tl_store_release(&tl_engine.bp_cpus, cpus);
	return 0;
}

static void off_here(void *arg)
{
	static const struct tl_debug_want nothing[TL_BP_MAX];
	const struct tl_debug_ops *host = tl_bp_host();

	(void)arg;
	if (host->load)
		host->load(nothing, tl_arch_bp->registers);
	else
		host->write(tl_arch_bp->control, 0);
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
	tlh_free(cpus, host->cpus * sizeof(*cpus));
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
		__atomic_fetch_or(&state->status,
				  tl_arch_bp->hit_bits(1u << e->name),
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
	for (unsigned int i = n + 1; i < tl_arch_bp->registers; i++)
		if (h->registers >> i & 1 && c->serial[i] == c->serial[n])
			return true;
	return false;
}

static void report(const struct tl_bp_cpu *c, struct tl_bp_state *state,
		   struct pt_regs *regs, struct hits *h)
{
	const struct tl_bp_entry *e;

	for (unsigned int n = tl_arch_bp->registers; n--;) {
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
		h.registers &= tl_arch_bp->enabled(c->control);
		report(c, current_state(host), regs, &h);
	}
	return h.signal;
}

static unsigned long fields(unsigned int registers)
{
	unsigned long bits = 0;

	for (unsigned int n = 0; n < tl_arch_bp->registers; n++)
		if (registers >> n & 1)
			bits |= tl_arch_bp->field(n);
	return bits;
}

/*
 * The exception came before the instruction: that is executed with @registers off,
 * whatever their handlers have done.  What the control register is to be.  (Where
 * a step would keep the instruction from succeeding, or too many are under way, they
 * stay off until the registers are loaded.)
 */
static unsigned long step_over(struct tl_bp_cpu *c, struct pt_regs *regs,
			       unsigned int registers, unsigned long control)
{
	if (tl_arch_bp->spoiled(regs))
		c->known = false;
	else if (tl_step_begin(c, regs, NULL, registers))
		c->over |= registers;
	return control & ~fields(registers);
}

void tl_bp_step_over(struct tl_bp_cpu *c, unsigned int registers)
{
	c->over &= ~registers;
	tl_bp_host()->write(tl_arch_bp->control, c->control & ~fields(c->over));
}

bool tl_trap_steps(void)
{
	const struct tl_bp_cpu *c = tl_bp_this_cpu();

	return c && c->n_steps;
}

unsigned int tl_trap_debug(struct pt_regs *regs, unsigned long *status)
{
	const struct tl_debug_ops *host = tl_bp_host();
	struct tl_bp_cpu *c = host ? this_cpu(host) : NULL;
	struct tl_bp_state *state;
	struct hits h = { .registers = 0 };
	unsigned long control, said = *status;
	uintptr_t ip = tl_arch_ip(regs);
	bool false_alarm = false;

	if (!c)
		return 0;
	control = host->read(tl_arch_bp->control);
	host->write(tl_arch_bp->control, 0);
	state = current_state(host);
	/* Some CPUs report registers that are not on. */
	h.registers = tl_arch_bp->hit(said, control, c->addr, regs);
	if (tl_arch_bp->step_begin && !h.registers)
		false_alarm = said & tl_arch_bp->hit_bits(1);
	*status &= ~tl_arch_bp->hit_bits(false_alarm ? 1 : h.registers);
	h.registers &= tl_arch_bp->enabled(control);
	report(c, state, regs, &h);
	*status |= said & tl_arch_bp->hit_bits(h.registers & ~h.ours);
	if (!tl_arch_bp->step_begin) {
		if (h.ours & tl_arch_bp->executes(control))
			tl_arch_bp->go_on(regs);
	} else if ((h.ours && tl_arch_ip(regs) == ip) || false_alarm) {
		if (false_alarm)
			h.ours = tl_arch_bp->enabled(control);
		control = step_over(c, regs, h.ours, control);
	}
	if (state && !c->n_steps && *status & tl_arch_bp->step)
		__atomic_fetch_or(&state->status, tl_arch_bp->step,
				  __ATOMIC_RELAXED);
	host->write(tl_arch_bp->control, control);
	if (h.stale && !tl_load(&c->loading))
		load(c, host);
	return h.signal;
}
