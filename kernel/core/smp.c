/* SPDX-License-Identifier: MIT */
/*
 * smp.c - several CPUs: calling them, stopping them, watching them
 *
 * One call is under way at a time.  Who waits for the turn, or for the others to
 * answer, does so with interrupts off and serves calls itself, so two callers
 * never wait for each other.
 *
 *     caller                              the others
 *     takes the turn
 *     fn, arg; pending = everyone else
 *     interrupts them                     fn(arg)
 *     waits for pending == 0              take their bit out of pending
 *     gives the turn back
 *
 * To be stopped is such a call: fn does not return before it is told to.  It and
 * what it calls are NOPROBE: text is changed while CPUs stand in it.
 */

#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <stddef.h>

static struct {
	atomic_bool taken; /* the turn */
	void (*fn)(void *arg);
	void *arg;
	_Atomic uint32_t pending;
} call;

static struct {
	_Atomic int by; /* the CPU that has stopped the others, plus one */
	unsigned long irq_state;
	_Atomic unsigned int arrived;
	atomic_bool go_on;
} stop;

static _Atomic unsigned int online = 1;

unsigned int smp_cpus(void)
{
	return online;
}

void smp_online(void)
{
	online++;
}

void smp_init(void)
{
	unsigned int n = arch_nr_cpus();

	arch_cpu_timer_init();
	if (n > KERN_MAX_CPUS)
		n = KERN_MAX_CPUS;
	for (unsigned int i = 1; i < n; i++)
		thread_idle(i);
	if (n > 1)
		arch_start_cpus();
	for (uint64_t end = ticks() + 10 * TICK_HZ; online < n;)
		if (ticks() > end)
			panic("%u of %u CPUs came up", online, n);
		else
			arch_cpu_relax();
	arch_tick_by_nmi(true);
}

/* ---- calls ---------------------------------------------------------------------- */

NOPROBE void cpu_serve_calls(void)
{
	uint32_t self = 1u << arch_cpu_id();

	if (!(atomic_load_explicit(&call.pending, memory_order_acquire) & self))
		return;
	call.fn(call.arg);
	atomic_fetch_and_explicit(&call.pending, ~self, memory_order_release);
}

NOPROBE static void begin_call(void (*fn)(void *arg), void *arg)
{
	while (atomic_exchange_explicit(&call.taken, true,
					memory_order_acquire)) {
		cpu_serve_calls();
		arch_cpu_relax();
	}
	call.fn = fn;
	call.arg = arg;
	atomic_store_explicit(&call.pending,
			      ((1u << online) - 1) & ~(1u << arch_cpu_id()),
			      memory_order_release);
	if (call.pending)
		arch_send_call();
}

NOPROBE static void end_call(void)
{
	while (atomic_load_explicit(&call.pending, memory_order_acquire))
		arch_cpu_relax();
	atomic_store_explicit(&call.taken, false, memory_order_release);
}

NOPROBE void cpu_call_others(void (*fn)(void *arg), void *arg)
{
	unsigned long flags = arch_irq_save();

	if (others_are_stopped())
		panic("the others are stopped and cannot be called");
	begin_call(fn, arg);
	end_call();
	arch_irq_restore(flags);
}

/* ---- stopping --------------------------------------------------------------------- */

NOPROBE bool others_are_stopped(void)
{
	return stop.by == (int)arch_cpu_id() + 1;
}

NOPROBE static void stand_still(void *arg)
{
	(void)arg;
	stop.arrived++;
	while (!stop.go_on)
		arch_cpu_relax();
	text_sync_cpu();
}

NOPROBE void stop_others(void)
{
	unsigned long flags = arch_irq_save();

	if (others_are_stopped())
		panic("a stop within a stop");
	begin_call(stand_still, NULL);
	stop.irq_state = flags;
	stop.by = (int)arch_cpu_id() + 1;
	while (stop.arrived + 1 < online)
		arch_cpu_relax();
}

NOPROBE void start_others(void)
{
	unsigned long flags = stop.irq_state;

	ASSERT(others_are_stopped());
	stop.by = 0;
	text_sync_cpu();
	stop.go_on = true;
	while (call.pending)
		arch_cpu_relax();
	stop.arrived = 0;
	stop.go_on = false;
	end_call();
	arch_irq_restore(flags);
}

int stop_machine(int (*fn)(void *arg), void *arg)
{
	int ret;

	stop_others();
	ret = fn(arg);
	start_others();
	return ret;
}

/* ---- watching ------------------------------------------------------------------------ */

#define WATCHDOG_MS 30000

static struct watch {
	_Atomic unsigned long ticks; /* by this CPU */
	unsigned long seen;	     /* of the one that it watches */
	unsigned int quiet;	     /* our ticks since that has changed */
	unsigned int
		held; /* our ticks in one thread that is not to be pre-empted */
	const struct thread *holder;
} watch[KERN_MAX_CPUS];

static unsigned int watchdog_ticks = WATCHDOG_MS * TICK_HZ / 1000;
static _Atomic int suspect = -1;

void watchdog_set_ms(unsigned int ms)
{
	watchdog_ticks = ms ? ms * TICK_HZ / 1000 : ~0u;
	arch_tick_by_nmi(ms);
}

void watchdog_tick(const struct pt_regs *regs)
{
	unsigned int cpu = arch_cpu_id(), other = (cpu + 1) % online;
	const struct thread *self = arch_current();
	struct watch *w = &watch[cpu];

	w->ticks++;
	w->held = self->preempt_off && self == w->holder ? w->held + 1 : 0;
	w->holder = self;
	if (w->held > watchdog_ticks)
		panic_regs(regs, "watchdog: %s keeps cpu %u", self->name, cpu);
	if (other == cpu)
		return;
	w->quiet = w->seen == watch[other].ticks ? w->quiet + 1 : 0;
	w->seen = watch[other].ticks;
	if (w->quiet <= watchdog_ticks)
		return;
	w->quiet = 0;
	suspect = (int)other;
	arch_send_nmi(other);
}

NOPROBE void watchdog_nmi_tick(const struct pt_regs *regs)
{
	static unsigned long seen;
	static unsigned int quiet;
	unsigned long now = watch[0].ticks;

	quiet = now == seen ? quiet + 1 : 0;
	seen = now;
	if (quiet > watchdog_ticks)
		panic_regs(regs, "watchdog: cpu %u is locked up",
			   arch_cpu_id());
}

NOPROBE bool watchdog_nmi(const struct pt_regs *regs)
{
	if (suspect != (int)arch_cpu_id())
		return false;
	panic_regs(regs, "watchdog: cpu %u is locked up", arch_cpu_id());
}
