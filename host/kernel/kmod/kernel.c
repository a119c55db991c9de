/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - what modules ask of a kernel, answered by this one
 *
 * As in host/linux/module/kernel.c, whose names these are.  Nothing here is a
 * system call: it is all below.
 */

#include "kmod.h"
#include "kmod/below.h"

#include <linux/delay.h>
#include <linux/kallsyms.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

/* ---- time -------------------------------------------------------------------- */

/* There is no other clock. */
ktime_t ktime_get(void)
{
	return (ktime_t)below_ns();
}

ktime_t ktime_get_real(void)
{
	return ktime_get();
}

ktime_t ktime_get_boottime(void)
{
	return ktime_get();
}

unsigned long get_jiffies(void)
{
	return ktime_to_ms(ktime_get());
}

void msleep(unsigned int ms)
{
	below_sleep_ms(ms);
}

void usleep_range(unsigned long min, unsigned long max)
{
	(void)max;
	below_sleep_ms((min + 999) / 1000);
}

void ndelay(unsigned long ns)
{
	ktime_t end = ktime_get() + (ktime_t)ns;

	while (ktime_get() < end)
		below_relax();
}

void udelay(unsigned long us)
{
	ndelay(us * 1000);
}

void schedule(void)
{
	below_yield();
}

/* ---- the current task ---------------------------------------------------------- */

static struct task_struct tasks[BELOW_THREADS];
static char an_mm;

struct task_struct *get_current(void)
{
	const char *name;
	bool user;
	int pid;
	struct task_struct *t = &tasks[below_thread(&pid, &name, &user)];

	t->pid = t->tgid = pid;
	t->mm = user ? (struct mm_struct *)&an_mm : NULL;
	strscpy(t->comm, name, sizeof(t->comm));
	return t;
}

struct tl_bp_thread *tl_kmod_thread(struct task_struct *task)
{
	return task->mm ? below_debug_thread(task->pid) : NULL;
}

unsigned int raw_smp_processor_id(void)
{
	return below_cpu();
}

unsigned int num_online_cpus(void)
{
	return below_cpus();
}

/* ---- locks --------------------------------------------------------------------- */

int spin_trylock(spinlock_t *lock)
{
	below_preempt_off();
	if (!__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		return 1;
	below_preempt_on();
	return 0;
}

void spin_lock(spinlock_t *lock)
{
	while (!spin_trylock(lock))
		below_relax();
}

void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
	below_preempt_on();
}

unsigned long kmod_spin_lock_irqsave(spinlock_t *lock)
{
	unsigned long flags = below_irqs_off();

	spin_lock(lock);
	return flags;
}

void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	spin_unlock(lock);
	below_irqs_on(flags);
}

int mutex_trylock(struct mutex *m)
{
	return !__atomic_exchange_n(&m->state, 1, __ATOMIC_ACQUIRE);
}

/* There is no room for a queue in what the headers call a mutex. */
void mutex_lock(struct mutex *m)
{
	while (!mutex_trylock(m))
		below_yield();
}

void mutex_unlock(struct mutex *m)
{
	__atomic_store_n(&m->state, 0, __ATOMIC_RELEASE);
}

/* ---- memory that may not be there ------------------------------------------------ */

unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	if (!below_from_user(to, (uintptr_t)from, n))
		return 0;
	memset(to, 0, n);
	return n;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	return below_to_user((uintptr_t)to, from, n) ? n : 0;
}

long copy_from_kernel_nofault(void *to, const void *from, size_t n)
{
	return tlh_read(to, (uintptr_t)from, n) ? -EFAULT : 0;
}

long strncpy_from_user(char *to, const char *from, long n)
{
	for (long i = 0; i < n; i++) {
		if (below_from_user(to + i, (uintptr_t)(from + i), 1))
			return -EFAULT;
		if (!to[i])
			return i;
	}
	return n;
}

unsigned long kallsyms_lookup_name(const char *name)
{
	return below_symbol(name);
}

/* ---- printing ------------------------------------------------------------------------ */

#define LINE_BYTES 256

int vprintk(const char *fmt, va_list args)
{
	char line[LINE_BYTES];
	int n = vscnprintf(line, sizeof(line), fmt, args);
	int level = line[0] == KERN_SOH[0] && line[1] ? 2 : 0;

	below_write(line + level, (size_t)(n - level));
	return n - level;
}

int _printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

void tl_kmod_say(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	_printk("trapline: %s", line);
}
