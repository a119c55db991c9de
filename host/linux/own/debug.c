/* SPDX-License-Identifier: MIT */
/*
 * debug.c - the debug registers of a process's threads: perf events
 *
 * The registers of the CPU are the kernel's.  What it gives a process is events
 * of the type "breakpoint", each of one thread, which raise SIGTRAP in that thread
 * before its next instruction.  Here each thread has a row of them, and that row is
 * what the engine takes for the registers of a CPU.
 *
 *     register i of a thread        an event that is open, or nothing
 *     "this CPU"                    the thread that each_cpu() has come to, or
 *                                   the one that was hit
 *     interrupts off                the thread's row is locked, signals are
 *                                   blocked
 *
 * The kernel keeps one SIGTRAP, and one access may hit several events.  So the
 * signal says only that there was a hit; whose it was is what the events have
 * counted since they were last looked at.
 *
 *   D1  A row is read and changed by who has locked it.  A thread that is hit
 *       locks its own, to the end of the handlers; hit again meanwhile (a handler
 *       touched what is watched) it does nothing.
 *   D2  When each_cpu() returns, each thread that was there at its beginning, or
 *       was made by one that had not been visited, has been visited: it looks
 *       for threads until there is none that it has not seen.
 *   D3  Threads that are made later open their events before their first
 *       instruction that is the program's (births.c).
 *
 * Where there are no events for us, all threads' registers are set by a process that
 * traces them for a moment (registers.c), once and for all of the process's life.
 * Then the exception itself has said which was hit; with more than one that is asked
 * of the thread, in the same way.
 *
 * Where the CPU tells of an access, or of an instruction, before it takes place
 * (arm64), it would tell again when the handler returns.  So the events that were
 * hit are off until the thread has come past the instruction, where another two
 * events, on what may be executed next, stop it:
 *
 *   D4  A row that has events has these two, so that there is a register for them.
 *   D5  A row whose events are off for that is stepping.  What ends it is a
 *       SIGTRAP of ours in that thread, at another place or by one of the two.
 *
 * Events do not follow fork(), and are closed by exec.  A child has copies of the
 * descriptors, though, and with them the events exist: so they are disabled before
 * they are closed.
 */
#include "own/own.h"

#include <linux/perf_event.h>

#include <trapline/hw_breakpoint.h>
#include <trapline/trap.h>
#include <trapline/trapline.h>

#define REGISTERS    (TL_DEBUG_EXECUTE + TL_DEBUG_DATA)
#define STOPS	     2		/* of a step */
#define ROWS	     (1u << 14) /* a power of two */
#define GONE	     1u		/* a tid that no thread of a program has */
#define TRAP_HWBKPT  4
#define TRAP_PERF    6
#define SIGTRAP_BIT  (1ul << (TL_SIGTRAP - 1))
#define COOKIE	     0x7472706c64626700ul
#define SIG_SETMASK  2
#define TURNS_TO_ASK 1000
#define CLEANED	     64
#define TRIES	     100

struct reg {
	int fd; /* of the event; 0: none */
	struct tl_debug_want want;
	uint64_t seen; /* hits, of those that the event has counted */
	bool off;      /* it is being stepped over (D5) */
};

enum { FREE, VISITED, HIT };

struct row {
	uint32_t tid;
	uint32_t lock;	/* D1 */
	uint32_t round; /* of each_cpu() */
	uint64_t since; /* tl_thread_since() */
	struct tl_bp_thread handle;
	struct reg reg[REGISTERS];
	struct tl_debug_want set[REGISTERS]; /* if `by_trace` */
	struct reg stop[STOPS];		     /* D4 */
	uintptr_t stepping; /* the address of the instruction; 0: none */
};

static struct row *rows; /* by tid, open addressing */

/* Under the registration lock. */
static uint32_t process;
static uint32_t round;
static struct {
	uintptr_t by; /* the thread pointer of who visits */
	struct row *row;
	uint64_t mask; /* his */
} visit;

static bool by_trace; /* there are no events for us, but registers.c */
static int unlisted;  /* why each_cpu() cannot know all threads; else 0 */

/* ---- rows ------------------------------------------------------------------------ */

/* The row of thread @tid; NULL: it has none.  Context: any. */
static struct row *find(uint32_t tid)
{
	struct row *r;
	uint32_t has;

	for (uint32_t i = 0; rows && i < ROWS; i++) {
		r = &rows[(tid + i) & (ROWS - 1)];
		has = __atomic_load_n(&r->tid, __ATOMIC_ACQUIRE);
		if (has == tid)
			return r;
		if (!has)
			break;
	}
	return NULL;
}

/* A row that nobody has any more, and to which no breakpoint is tied. */
static bool is_unused(const struct row *r)
{
	return !r->tid || (r->tid == GONE && !r->handle.state);
}

static struct row *make(uint32_t tid)
{
	struct row *r;

	if (!rows)
		rows = tlh_alloc(ROWS * sizeof(*rows));
	for (uint32_t i = 0; rows && i < ROWS; i++) {
		r = &rows[(tid + i) & (ROWS - 1)];
		if (!is_unused(r))
			continue;
		r->lock = FREE;
		r->round = 0;
		r->since = tl_thread_since(tid);
		__atomic_store_n(&r->tid, tid, __ATOMIC_RELEASE);
		return r;
	}
	return NULL;
}

static void close_event(struct reg *reg)
{
	if (!reg->fd)
		return;
	tl_sys3(__NR_ioctl, reg->fd, PERF_EVENT_IOC_DISABLE, 0);
	tl_close(reg->fd);
	*reg = (struct reg){ .fd = 0 };
}

static void abandon(struct row *r)
{
	for (unsigned int i = 0; i < REGISTERS; i++) {
		close_event(&r->reg[i]);
		r->set[i] = (struct tl_debug_want){ .addr = 0 };
	}
	for (unsigned int i = 0; i < STOPS; i++)
		close_event(&r->stop[i]);
	r->stepping = 0;
	__atomic_store_n(&r->tid, GONE, __ATOMIC_RELEASE);
}

static bool is_alive(uint32_t tid)
{
	return tl_sys3(__NR_tgkill, process, tid, 0) != -TL_ESRCH;
}

/* Is @r of a thread that has ended, and whose number another one has? */
static bool is_anothers(const struct row *r)
{
	uint64_t since = tl_thread_since(r->tid);

	return since && r->since && since != r->since;
}

/*
 * In a child of fork() the rows are those of the parent's threads, and so are the
 * events: ours are descriptors alone.
 */
static void note_fork(void)
{
	uint32_t now = tl_sys0(__NR_getpid);

	for (uint32_t i = 0; rows && process != now && i < ROWS; i++) {
		if (rows[i].tid <= GONE)
			continue;
		for (unsigned int k = 0; k < REGISTERS; k++) {
			if (rows[i].reg[k].fd)
				tl_close(rows[i].reg[k].fd);
			rows[i].reg[k].fd = 0;
		}
		for (unsigned int k = 0; k < STOPS; k++) {
			if (rows[i].stop[k].fd)
				tl_close(rows[i].stop[k].fd);
			rows[i].stop[k].fd = 0;
		}
		abandon(&rows[i]);
	}
	process = now;
}

/* ---- a row's lock (D1) ----------------------------------------------------------- */

static void block_signals(uint64_t *old)
{
	uint64_t all = ~0ul;

	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)old,
		sizeof(all));
}

static void unblock_signals(const uint64_t *old)
{
	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)old, 0, sizeof(*old));
}

/* A thread that has ended in a handler does not let go. */
static void lock_row(struct row *r)
{
	uint32_t free = FREE;

	for (unsigned int turn = 1;; turn++) {
		if (__atomic_compare_exchange_n(&r->lock, &free, VISITED, false,
						__ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return;
		free = FREE;
		tl_sleep_us(turn < 20 ? 10 : 1000);
		if (turn % TURNS_TO_ASK == 0 && tl_thread_has_ended(r->tid))
			__atomic_store_n(&r->lock, FREE, __ATOMIC_SEQ_CST);
	}
}

static void unlock_row(struct row *r)
{
	__atomic_store_n(&r->lock, FREE, __ATOMIC_SEQ_CST);
}

/* The thread's own way in.  False: it is inside already. */
static bool enter_row(struct row *r)
{
	uint32_t free = FREE;

	while (!__atomic_compare_exchange_n(&r->lock, &free, HIT, false,
					    __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED)) {
		if (free == HIT)
			return false;
		free = FREE;
		tl_sys0(__NR_sched_yield);
	}
	return true;
}

/* ---- events ------------------------------------------------------------------------ */

static void describe(struct perf_event_attr *attr,
		     const struct tl_debug_want *want, bool kernel_too)
{
	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(*attr),
		.sample_period = 1,
		.bp_type = want->type,
		.bp_addr = want->addr,
		.bp_len = want->len,
		.exclude_kernel = !kernel_too,
		.exclude_hv = 1,
		.sigtrap = 1,
		.remove_on_exec = 1,
		.sig_data = COOKIE,
	};
}

/*
 * Open an event of thread @tid.  Accesses that the kernel makes for it (a read()
 * into what is watched) are seen if we may.
 */
static int open_event(uint32_t tid, const struct tl_debug_want *want)
{
	struct perf_event_attr attr;
	long fd = -TL_EACCES;

	for (int kernel_too = 1; kernel_too >= 0; kernel_too--) {
		describe(&attr, want, kernel_too);
		fd = tl_sys6(__NR_perf_event_open, (long)&attr, tid, -1, -1,
			     PERF_FLAG_FD_CLOEXEC, 0);
		if (fd >= 0 ||
		    (fd != -TL_EACCES && fd != -TL_EPERM && fd != -TL_ENOSYS))
			return fd;
	}
	/* Built without, or an emulator. */
	return fd == -TL_ENOSYS ? -TL_EOPNOTSUPP : -TL_EPERM;
}

static uint64_t counted(const struct reg *reg)
{
	uint64_t n;

	if (tl_sys3(__NR_read, reg->fd, (long)&n, sizeof(n)) != sizeof(n))
		return reg->seen;
	return n;
}

/* Let the event of @reg watch @want.  Hits until now are seen. */
static int retarget(struct reg *reg, const struct tl_debug_want *want)
{
	struct perf_event_attr attr;
	long err = -TL_EINVAL;

	tl_sys3(__NR_ioctl, reg->fd, PERF_EVENT_IOC_DISABLE, 0);
	reg->seen = counted(reg);
	for (int kernel_too = 1; kernel_too >= 0 && err; kernel_too--) {
		describe(&attr, want, kernel_too);
		err = tl_sys3(__NR_ioctl, reg->fd,
			      PERF_EVENT_IOC_MODIFY_ATTRIBUTES, (long)&attr);
	}
	tl_sys3(__NR_ioctl, reg->fd, PERF_EVENT_IOC_ENABLE, 0);
	reg->off = false;
	if (!err)
		reg->want = *want;
	return err;
}

static bool is_same(const struct tl_debug_want *a,
		    const struct tl_debug_want *b)
{
	return a->addr == b->addr && a->len == b->len && a->type == b->type;
}

/* ---- stepping over (D4, D5) ---------------------------------------------------------- */

/* On and off, with what it has counted while it was to be looked at. */
static void switch_event(struct reg *reg, bool on)
{
	tl_sys3(__NR_ioctl, reg->fd,
		on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
	reg->seen = counted(reg);
	reg->off = !on;
}

/* A row with events has stops, off, and others have none.  0 or an error. */
static int keep_stops(struct row *r)
{
	/* Somewhere, until it is needed. */
	static const struct tl_debug_want nowhere = { .addr = 0x1000,
						      .len = sizeof(long),
						      .type = HW_BREAKPOINT_X };
	bool any = false;
	int fd;

	if (!tl_machine_steps_over())
		return 0;
	for (unsigned int i = 0; i < REGISTERS; i++)
		any |= r->reg[i].fd != 0;
	for (unsigned int i = 0; i < STOPS; i++) {
		if (any == (r->stop[i].fd != 0))
			continue;
		if (!any) {
			close_event(&r->stop[i]);
			r->stepping = 0;
			continue;
		}
		fd = open_event(r->tid, &nowhere);
		if (fd < 0)
			return fd;
		r->stop[i] = (struct reg){ .fd = fd, .want = nowhere };
		switch_event(&r->stop[i], false);
	}
	return 0;
}

/* The events @which were hit at @uc, which goes on there: let it, once. */
static void step_over(struct row *r, unsigned int which,
		      const struct tl_ucontext *uc)
{
	struct tl_debug_want want = { .len = sizeof(long),
				      .type = HW_BREAKPOINT_X };
	uintptr_t at[STOPS];
	struct pt_regs regs;
	unsigned int n;

	tl_signal_regs(&regs, uc);
	n = tl_machine_over(&regs, at);
	for (unsigned int i = 0; n && i < REGISTERS; i++)
		if (which >> i & 1 && r->reg[i].fd)
			switch_event(&r->reg[i], false);
	if (!n || r->stepping)
		return;
	for (unsigned int i = 0; i < n; i++) {
		want.addr = at[i];
		retarget(&r->stop[i], &want);
	}
	r->stepping = uc->ip;
}

/*
 * Handlers may touch what is watched (D1): what they have hit is off until they have
 * returned, and then on again.
 */
static void let_handlers_touch(struct row *r)
{
	for (unsigned int i = 0; tl_machine_steps_over() && i < REGISTERS; i++)
		if (r->reg[i].fd && counted(&r->reg[i]) != r->reg[i].seen)
			switch_event(&r->reg[i], false);
}

static void switch_on(struct row *r)
{
	for (unsigned int i = 0; i < REGISTERS; i++)
		if (r->reg[i].off)
			switch_event(&r->reg[i], true);
}

/* Is a step of @r over, now that the thread is at @ip? */
static void end_step(struct row *r, uintptr_t ip)
{
	bool over = ip != r->stepping;

	if (!r->stepping)
		return;
	for (unsigned int i = 0; i < STOPS; i++)
		over |= r->stop[i].fd &&
			counted(&r->stop[i]) != r->stop[i].seen;
	if (!over)
		return;
	r->stepping = 0;
	for (unsigned int i = 0; i < STOPS; i++)
		if (r->stop[i].fd)
			switch_event(&r->stop[i], false);
	switch_on(r);
}

/* ---- changing a row ---------------------------------------------------------------- */

/* What a row was, and is to be. */
struct change {
	struct reg old[REGISTERS]; /* what is left of it */
	struct reg next[REGISTERS];
	unsigned int n_old;    /* open */
	unsigned int n_wanted; /* and not there yet */
};

static void keep(struct change *c, unsigned int i,
		 const struct tl_debug_want *want)
{
	c->n_wanted++;
	for (unsigned int k = 0; k < REGISTERS; k++) {
		if (!c->old[k].fd || !is_same(&c->old[k].want, want))
			continue;
		c->next[i] = c->old[k];
		c->old[k].fd = 0;
		c->n_old--;
		c->n_wanted--;
		return;
	}
}

/* Another event is needed: 0, or it cannot be had. */
static int add_event(struct change *c, uint32_t tid, unsigned int i,
		     const struct tl_debug_want *want)
{
	int fd;

	if (c->n_wanted-- <= c->n_old)
		return 0;
	fd = open_event(tid, want);
	if (fd < 0)
		return fd;
	c->next[i] = (struct reg){ .fd = fd, .want = *want };
	return 0;
}

/* Let an event that is left over watch @want, or a new one. */
static int reuse(struct change *c, uint32_t tid, unsigned int i,
		 const struct tl_debug_want *want)
{
	int fd;

	for (unsigned int k = 0; k < REGISTERS; k++) {
		if (!c->old[k].fd)
			continue;
		if (!retarget(&c->old[k], want)) {
			c->next[i] = c->old[k];
			c->old[k].fd = 0;
			return 0;
		}
		close_event(&c->old[k]);
	}
	fd = open_event(tid, want);
	if (fd < 0)
		return fd;
	c->next[i] = (struct reg){ .fd = fd, .want = *want };
	return 0;
}

static void begin_change(struct change *c, const struct row *r,
			 const struct tl_debug_want *want, unsigned int n)
{
	*c = (struct change){ .n_old = 0 };
	for (unsigned int i = 0; i < REGISTERS; i++) {
		c->old[i] = r->reg[i];
		c->n_old += c->old[i].fd > 0;
	}
	for (unsigned int i = 0; i < n; i++)
		if (want[i].type != HW_BREAKPOINT_EMPTY)
			keep(c, i, &want[i]);
}

/* The events that @c has opened, and @r had not. */
static void undo_change(struct change *c, const struct row *r)
{
	for (unsigned int i = 0; i < REGISTERS; i++) {
		for (unsigned int k = 0; k < REGISTERS; k++)
			if (c->next[i].fd == r->reg[k].fd)
				c->next[i].fd = 0;
		close_event(&c->next[i]);
	}
}

/* ---- without events ------------------------------------------------------------------ */

static bool any_events(void)
{
	for (uint32_t i = 0; i < ROWS; i++)
		for (unsigned int k = 0; k < REGISTERS; k++)
			if (rows[i].reg[k].fd)
				return true;
	return false;
}

static int trace_row(struct row *r, const struct tl_debug_want *want,
		     unsigned int n)
{
	struct tl_debug_want next[REGISTERS] = { 0 };
	bool own = r->tid == (uint32_t)tl_sys0(__NR_gettid), any = false;
	int err = 0;

	for (unsigned int i = 0; i < n; i++) {
		next[i] = want[i];
		any = any || want[i].type != HW_BREAKPOINT_EMPTY;
	}
	/* Now it blocks everything, for us. */
	if (own && any && visit.mask & SIGTRAP_BIT)
		return -TL_EBUSY;
	err = tl_registers_set(r->tid, next, REGISTERS, !own);
	if (err == -TL_EPERM && tl_thread_has_ended(r->tid))
		err = -TL_ESRCH;
	if (!err)
		for (unsigned int i = 0; i < REGISTERS; i++)
			r->set[i] = next[i];
	else if (err != -TL_ESRCH)
		tl_registers_set(r->tid, r->set, REGISTERS, false);
	return err;
}

/* Events were refused with @err: can it be done without? */
static int trace_instead(struct row *r, const struct tl_debug_want *want,
			 unsigned int n, int err)
{
	int other;

	if ((err != -TL_EPERM && err != -TL_EOPNOTSUPP) || any_events())
		return err;
	other = trace_row(r, want, n);
	by_trace = !other;
	return other == -TL_ENOSPC || other == -TL_EBUSY || !other ? other
								   : err;
}

/* Which of the registers has the exception come of?  0: it is not known. */
static unsigned int traced_hits(const struct row *r)
{
	unsigned int which = 0, n = 0;
	int hit = 0;

	for (unsigned int i = 0; i < REGISTERS; i++)
		if (r->set[i].type != HW_BREAKPOINT_EMPTY) {
			which |= 1u << i;
			n++;
		}
	/* There may be no process to be had just now. */
	for (unsigned int i = 0; n > 1 && i < TRIES; i++) {
		hit = tl_registers_hit(r->tid);
		if (hit >= 0)
			break;
		tl_sleep_us(1000);
	}
	return n > 1 ? which & (hit < 0 ? 0 : (unsigned int)hit) : which;
}

/* ---- either way ------------------------------------------------------------------------ */

/*
 * Have the row watch @want.  What must be had from the kernel is asked for first, so
 * that a refusal leaves everything as it was.
 */
static int change_row(struct row *r, const struct tl_debug_want *want,
		      unsigned int n)
{
	struct change c;
	int err = 0;

	if (by_trace)
		return trace_row(r, want, n);
	begin_change(&c, r, want, n);
	for (unsigned int i = 0; i < n && !err; i++)
		if (want[i].type != HW_BREAKPOINT_EMPTY && !c.next[i].fd)
			err = add_event(&c, r->tid, i, &want[i]);
	if (err) {
		undo_change(&c, r);
		return trace_instead(r, want, n, err);
	}
	for (unsigned int i = 0; i < n && !err; i++)
		if (want[i].type != HW_BREAKPOINT_EMPTY && !c.next[i].fd)
			err = reuse(&c, r->tid, i, &want[i]);
	for (unsigned int i = 0; i < REGISTERS; i++) {
		close_event(&c.old[i]);
		r->reg[i] = c.next[i];
	}
	return err ? err : keep_stops(r);
}

/* ---- what the engine asks for -------------------------------------------------------- */

/* Of which thread are we the CPU?  Context: any. */
static struct row *mine(void)
{
	if (visit.row &&
	    __atomic_load_n(&visit.by, __ATOMIC_RELAXED) == tl_thread_pointer())
		return visit.row;
	return find(tl_sys0(__NR_gettid));
}

static unsigned int cpu(void)
{
	struct row *r = mine();

	return r ? r - rows : ROWS;
}

static const struct tl_bp_thread *current(void)
{
	struct row *r = mine();

	return r ? &r->handle : NULL;
}

static bool has(const struct row *r, const struct tl_debug_want *want)
{
	for (unsigned int i = 0; i < REGISTERS; i++)
		if (is_same(by_trace ? &r->set[i] : &r->reg[i].want, want))
			return true;
	return want->type == HW_BREAKPOINT_EMPTY;
}

static int load(const struct tl_debug_want *want, unsigned int n)
{
	struct row *r = mine();
	int err = tl_home_init();

	if (err || n > REGISTERS)
		return err ? err : -TL_EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		if (want[i].type != HW_BREAKPOINT_EMPTY)
			tl_births_follow();
		if (unlisted && !has(r, &want[i]))
			return unlisted; /* D2 */
	}
	err = change_row(r, want, n);
	return err == -TL_ESRCH ? 0 : err; /* it has just ended */
}

struct call {
	void (*fn)(void *arg);
	void *arg;
	bool found; /* one that was not visited yet */
};

static void visit_row(struct row *r, bool is_new, const struct call *c)
{
	uint64_t mask;

	r->round = round;
	block_signals(&mask);
	lock_row(r);
	visit.row = r;
	visit.mask = mask;
	__atomic_store_n(&visit.by, tl_thread_pointer(), __ATOMIC_RELAXED);
	if (is_new)
		tl_bp_cpu_online();
	if (c)
		c->fn(c->arg);
	__atomic_store_n(&visit.by, 0, __ATOMIC_RELAXED);
	visit.row = NULL;
	unlock_row(r);
	unblock_signals(&mask);
}

static void visit_thread(uint32_t tid, struct call *c)
{
	struct row *r = find(tid);
	bool is_new;

	if (r && r->round != round && is_anothers(r)) {
		abandon(r);
		r = NULL;
	}
	is_new = !r;
	if (is_new)
		r = make(tid);
	if (!r)
		unlisted = -TL_ENOMEM;
	if (!r || r->round == round)
		return;
	c->found = true;
	visit_row(r, is_new, c);
}

static void visit_other(const char *tid, void *arg)
{
	uint32_t n = 0;

	while (*tid >= '0' && *tid <= '9')
		n = n * 10 + *tid++ - '0';
	visit_thread(n, arg);
}

/* Those that have a row, where the others cannot be known. */
static void visit_known(struct call *c)
{
	for (uint32_t i = 0; rows && i < ROWS; i++)
		if (rows[i].tid > GONE && is_alive(rows[i].tid))
			visit_thread(rows[i].tid, c);
}

static void each_cpu(void (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };
	int err;

	note_fork();
	round++;
	unlisted = 0;
	do {
		c.found = false;
		err = tl_threads_each_other(visit_other, &c);
		if (err) {
			unlisted = err;
			visit_known(&c);
		}
	} while (c.found); /* D2 */
	visit_thread(tl_sys0(__NR_gettid), &c);
	for (uint32_t i = 0; rows && i < ROWS; i++)
		if (rows[i].tid > GONE && rows[i].round != round)
			abandon(&rows[i]);
}

static bool watchable(uintptr_t addr, size_t len)
{
	uintptr_t start = (uintptr_t)rows;

	return addr + len <= TL_USER_END &&
	       (!rows || addr + len <= start ||
		addr >= start + ROWS * sizeof(*rows));
}

const struct tl_debug_ops tl_own_debug = {
	.registers = { TL_DEBUG_EXECUTE, TL_DEBUG_DATA },
	.load = load,
	.cpu = cpu,
	.cpus = ROWS,
	.current = current,
	.each_cpu = each_cpu,
	.user_end = TL_USER_END,
	.kernel_start = 0,
	.watchable = watchable,
};

/* ---- a hit ----------------------------------------------------------------------------- */

/*
 * Which events have counted something?  With one, that the signal came says it; but
 * a signal that was blocked, and comes late, may be that of an event that is gone.
 */
static unsigned int hits(struct row *r)
{
	unsigned int which = 0;
	uint64_t n;

	if (by_trace)
		return traced_hits(r);
	for (unsigned int i = 0; i < REGISTERS; i++) {
		if (!r->reg[i].fd)
			continue;
		n = counted(&r->reg[i]);
		which |= (n != r->reg[i].seen ? 1u : 0u) << i;
		r->reg[i].seen = n;
	}
	return which;
}

/* Have the engine report @which; the frame is the program's meanwhile. */
static unsigned int report(unsigned int which, struct tl_ucontext *uc)
{
	uintptr_t resume = uc->ip, shown;
	struct pt_regs regs;
	unsigned int signal;

	tl_signal_regs(&regs, uc);
	tl_trap_show(&regs, &resume);
	shown = instruction_pointer(&regs);
	signal = tl_trap_watched(&regs, which);
	tl_signal_set_regs(uc, &regs);
	uc->ip = uc->ip == shown ? resume : tl_trap_resume(uc->ip, uc->sp);
	return signal;
}

bool tl_debug_trap(const struct tl_siginfo *info, struct tl_ucontext *uc)
{
	struct row *r;
	unsigned int which, signal = 0;
	uintptr_t ip = uc->ip;

	if (by_trace ? info->code != TRAP_HWBKPT
		     : info->code != TRAP_PERF || info->value != COOKIE)
		return false;
	r = find(tl_sys0(__NR_gettid));
	if (!r)
		return true;
	if (!enter_row(r)) {
		let_handlers_touch(r);
		return true;
	}
	which = hits(r);
	end_step(r, ip);
	if (which)
		signal = report(which, uc);
	/* In a child of fork() that a handler made: the events are the parent's. */
	if (tl_machine_steps_over() && r->tid != (uint32_t)tl_sys0(__NR_gettid))
		return !(signal & TL_DEBUG_SIGNAL);
	if (!by_trace)
		hits(r); /* those of the handlers are nobody's */
	if (!r->stepping)
		switch_on(r);
	if (which && uc->ip == ip)
		step_over(r, which, uc);
	unlock_row(r);
	return !(signal & TL_DEBUG_SIGNAL);
}

/* ---- threads ---------------------------------------------------------------------------- */

/* Rows of threads that have ended keep descriptors: look at a few each time. */
static void clean_some(void)
{
	static uint32_t at;

	for (unsigned int i = 0; i < CLEANED; i++, at++) {
		struct row *r = &rows[at & (ROWS - 1)];

		if (r->tid > GONE && !is_alive(r->tid))
			abandon(r);
	}
}

/*
 * The row of thread @tid, which lives.  Its number may have been another's, whose
 * events are dead; that is sure if it is @new.
 */
static struct row *row_of(uint32_t tid, bool new)
{
	struct row *r = find(tid);

	if (r && (new || is_anothers(r))) {
		abandon(r);
		r = NULL;
	}
	if (r)
		return r;
	r = make(tid);
	if (r)
		visit_row(r, true, NULL);
	return r;
}

void tl_debug_thread_begins(void)
{
	tlh_lock();
	note_fork();
	if (rows) {
		clean_some();
		row_of(tl_sys0(__NR_gettid), true);
	}
	tlh_unlock();
}

static void load_here(void *arg)
{
	(void)arg;
	tl_bp_load();
}

void tl_debug_load_all(void)
{
	each_cpu(load_here, NULL);
}

__attribute__((visibility("default"))) struct tl_bp_thread *
trapline_thread(int tid)
{
	struct row *r = NULL;

	tlh_lock();
	if (!tid)
		tid = tl_sys0(__NR_gettid);
	note_fork();
	if (tid > 0 && is_alive(tid))
		r = row_of(tid, false);
	tlh_unlock();
	return r ? &r->handle : NULL;
}
