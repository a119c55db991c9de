/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - what modules ask of a kernel, answered by a process
 *
 * Most of it may be called in probe handlers, so it allocates from lock-free
 * lists and waits for nobody; the headers in include/kmod say where not.
 */
#include "module/module.h"

#include <linux/delay.h>
#include <linux/kallsyms.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include <trapline/trapline.h>

/* ---- time -------------------------------------------------------------------- */

#define CLOCK_REALTIME	0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME	7

static ktime_t read_clock(int clock)
{
	struct tl_timespec t = { 0, 0 };

	tl_sys2(__NR_clock_gettime, clock, (long)&t);
	return ktime_set(t.sec, t.nsec);
}

ktime_t ktime_get(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

ktime_t ktime_get_real(void)
{
	return read_clock(CLOCK_REALTIME);
}

ktime_t ktime_get_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

unsigned long get_jiffies(void)
{
	return ktime_to_ms(ktime_get());
}

void usleep_range(unsigned long min, unsigned long max)
{
	(void)max;
	tl_sleep_us(min);
}

void msleep(unsigned int ms)
{
	usleep_range(ms * 1000UL, ms * 1000UL);
}

void ndelay(unsigned long ns)
{
	ktime_t end = ktime_get() + (ktime_t)ns;

	while (ktime_get() < end)
		tl_relax();
}

void udelay(unsigned long us)
{
	ndelay(us * 1000);
}

void schedule(void)
{
	tl_sys0(__NR_sched_yield);
}

/* ---- the current task ---------------------------------------------------------- */

/*
 * Tasks are kept by thread number and never given back; a number that comes
 * again gets its structure again.  A chain only grows, at its head.
 */
#define TASK_BUCKETS 1024
#define PR_GET_NAME  16

struct task {
	struct task_struct task; /* first */
	struct task *next;
};

static struct task *tasks[TASK_BUCKETS];
static struct task nobody; /* where there is no memory for one */
static char an_mm;

static struct task *find_task(struct task *t, pid_t pid)
{
	while (t && t->task.pid != pid)
		t = t->next;
	return t;
}

/* Only thread @pid itself looks for @pid, so nobody else adds it. */
static struct task *add_task(struct task **bucket, pid_t pid)
{
	struct task *t = tlh_alloc(sizeof(*t));
	struct task *head = __atomic_load_n(bucket, __ATOMIC_RELAXED);

	if (!t)
		return &nobody;
	t->task.pid = pid;
	t->task.mm = (struct mm_struct *)&an_mm;
	do
		t->next = head;
	while (!__atomic_compare_exchange_n(
		bucket, &head, t, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	return t;
}

struct task_struct *get_current(void)
{
	pid_t pid = tl_sys0(__NR_gettid);
	struct task **bucket = &tasks[(unsigned int)pid % TASK_BUCKETS];
	struct task *t =
		find_task(__atomic_load_n(bucket, __ATOMIC_ACQUIRE), pid);

	if (!t)
		t = add_task(bucket, pid);
	/* Both may have changed: by fork, and by prctl(). */
	t->task.tgid = tl_sys0(__NR_getpid);
	tl_sys2(__NR_prctl, PR_GET_NAME, (long)t->task.comm);
	return &t->task;
}

struct tl_bp_thread *tl_kmod_thread(struct task_struct *task)
{
	return trapline_thread(task->pid);
}

unsigned int raw_smp_processor_id(void)
{
	unsigned int cpu = 0;

	tl_sys3(__NR_getcpu, (long)&cpu, 0, 0);
	return cpu;
}

unsigned int num_online_cpus(void)
{
	uint64_t mask[128] = { 0 };
	unsigned int n = 0;
	long len = tl_sys3(__NR_sched_getaffinity, 0, sizeof(mask), (long)mask);

	for (long i = 0; i < len / 8; i++)
		for (uint64_t left = mask[i]; left; left &= left - 1)
			n++;
	return n ? n : 1;
}

/* ---- locks --------------------------------------------------------------------- */

#define SIG_BLOCK	   0
#define SIG_SETMASK	   2
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

int spin_trylock(spinlock_t *lock)
{
	return !__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE);
}

void spin_lock(spinlock_t *lock)
{
	while (!spin_trylock(lock))
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			schedule(); /* the holder may wait for this CPU */
}

void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

unsigned long kmod_spin_lock_irqsave(spinlock_t *lock)
{
	uint64_t mask = ~TL_SIG_FAULTS, old = 0;

	tl_sys4(__NR_rt_sigprocmask, SIG_BLOCK, (long)&mask, (long)&old,
		sizeof(mask));
	spin_lock(lock);
	return old;
}

void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	uint64_t mask = flags;

	spin_unlock(lock);
	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
}

/* 0: free; 1: held; 2: held, and somebody may be waiting. */
int mutex_trylock(struct mutex *m)
{
	unsigned int free = 0;

	return __atomic_compare_exchange_n(&m->state, &free, 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void mutex_lock(struct mutex *m)
{
	if (mutex_trylock(m))
		return;
	while (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE))
		tl_sys4(__NR_futex, (long)&m->state, FUTEX_WAIT_PRIVATE, 2, 0);
}

void mutex_unlock(struct mutex *m)
{
	if (__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2)
		tl_sys3(__NR_futex, (long)&m->state, FUTEX_WAKE_PRIVATE, 1);
}

/* ---- memory that may not be there ------------------------------------------------ */

unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	if (!tlh_read(to, (uintptr_t)from, n))
		return 0;
	memset(to, 0, n);
	return n;
}

long copy_from_kernel_nofault(void *to, const void *from, size_t n)
{
	return tlh_read(to, (uintptr_t)from, n) ? -EFAULT : 0;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	struct {
		const void *at;
		size_t len;
	} ours = { from, n }, theirs = { to, n };
	long done = tl_sys6(__NR_process_vm_writev, tl_sys0(__NR_getpid),
			    (long)&ours, 1, (long)&theirs, 1, 0);

	return done < 0 ? n : n - done;
}

long strncpy_from_user(char *to, const char *from, long n)
{
	long done = 0;

	while (done < n) {
		uintptr_t at = (uintptr_t)from + done;
		long len = min_t(long, n - done, TL_PAGE - at % TL_PAGE);
		size_t got;

		if (tlh_read(to + done, at, len))
			return -EFAULT;
		got = strnlen(to + done, len);
		if (got < (size_t)len)
			return done + got;
		done += len;
	}
	return n;
}

unsigned long kallsyms_lookup_name(const char *name)
{
	uintptr_t addr = 0;
	int err = -TL_ENOENT;

	tlh_lock();
	if (tl_host_ops->lookup)
		err = tl_host_ops->lookup(name, &addr);
	tlh_unlock();
	return err ? 0 : addr;
}
