/* SPDX-License-Identifier: MIT */
/*
 * modules.c - the home's part of loadable modules
 *
 * A module that has ended may have forgotten a probe.  As long as a registered one
 * lies in it, or has a handler there, it stays.  Probes that others have put into
 * its text are marked GONE before the text goes.
 */

#include "kmod/below.h"
#include "host_kernel.h"
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/printk.h>
#include <kern/smp.h>
#include <kern/space.h>
#include <kern/symbols.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <trapline/agent.h>
#include <trapline/host.h>
#include <trapline/kprobes.h>
#include <trapline/trapline.h>

_Static_assert(BELOW_THREADS == KERN_MAX_THREADS, "below.h");

/* ---- whose probe is it? ---------------------------------------------------------- */

static bool in_area(const struct module_area *area, uintptr_t addr)
{
	return addr - area->start < area->pages * KERN_PAGE_SIZE;
}

static bool within(const struct module *m, const void *p)
{
	return in_area(&m->text, (uintptr_t)p) ||
	       in_area(&m->data, (uintptr_t)p) ||
	       in_area(&m->read, (uintptr_t)p);
}

static int uses(const struct tl_status *status, void *arg)
{
	const struct kprobe *p = status->probe;
	const struct module *m = arg;
	const struct kretprobe *rp = (const struct kretprobe *)p;

	return within(m, p) || within(m, (void *)p->pre_handler) ||
	       within(m, (void *)p->post_handler) ||
	       (status->is_return && (within(m, (void *)rp->handler) ||
				      within(m, (void *)rp->entry_handler)));
}

static bool in_use(const struct module *m)
{
	return (m->self && kmod_users(m->self)) ||
	       trapline_each_probe(uses, (void *)m);
}

static void going(const struct module *m)
{
	tl_text_gone(m->text.start,
		     m->text.start + m->text.pages * KERN_PAGE_SIZE);
}

/* How far the CPU's counter goes in a tick. */
static uint64_t per_tick;

static uint64_t counter_at_next_tick(void)
{
	uint64_t now = ticks();

	while (ticks() == now)
		arch_cpu_relax();
	return arch_counter();
}

static int begin(struct module *m, const char *params)
{
	if (!per_tick) {
		uint64_t from = counter_at_next_tick();

		per_tick = counter_at_next_tick() - from;
	}
	return kmod_begin(m->self, m->name, m->params, m->params_size, params,
			  &m->home_data);
}

static void end(struct module *m)
{
	kmod_end(m->home_data);
}

static const struct module_home home = {
	.abi_section = ".kmod_abi",
	.self_size = BELOW_SELF_SIZE,
	.check = kmod_check,
	.find = kmod_find,
	.begin = begin,
	.end = end,
	.in_use = in_use,
	.going = going,
};

const struct module_home *const module_home = &home;

/* ---- below ---------------------------------------------------------------------------- */

uint64_t below_ns(void)
{
	uint64_t now = arch_counter();

	return now / per_tick * (1000000000 / TICK_HZ) +
	       now % per_tick * (1000000000 / TICK_HZ) / per_tick;
}

void below_sleep_ms(unsigned int ms)
{
	thread_sleep_ms(ms);
}

void below_yield(void)
{
	thread_yield();
}

void below_preempt_off(void)
{
	preempt_disable();
}

void below_preempt_on(void)
{
	preempt_enable();
}

void below_relax(void)
{
	arch_cpu_relax();
}

unsigned long below_irqs_off(void)
{
	return arch_irq_save();
}

void below_irqs_on(unsigned long flags)
{
	arch_irq_restore(flags);
}

unsigned int below_cpu(void)
{
	return arch_cpu_id();
}

unsigned int below_cpus(void)
{
	return smp_cpus();
}

void below_write(const char *text, size_t len)
{
	console_write(text, len);
}

/* Threads of the kernel have numbers above those of tasks. */
#define KERNEL_PIDS 1000000

unsigned int below_thread(int *pid, const char **name, bool *user)
{
	const struct thread *self = arch_current();

	*user = self->task != NULL;
	*pid = self->task ? self->task->pid : KERNEL_PIDS + (int)self->slot;
	*name = self->name;
	return self->slot;
}

struct tl_bp_thread *below_debug_thread(int pid)
{
	struct task *task = task_find(pid);

	return task ? host_kernel_thread(task) : NULL;
}

int below_from_user(void *to, uintptr_t from, size_t n)
{
	return copy_from_user(to, from, n);
}

int below_to_user(uintptr_t to, const void *from, size_t n)
{
	return copy_to_user(to, from, n);
}

uintptr_t below_symbol(const char *name)
{
	const struct symbol *sym = symbol_by_name(name);

	return sym ? sym->addr : 0;
}
