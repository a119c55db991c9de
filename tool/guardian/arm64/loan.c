/* SPDX-License-Identifier: MIT */
/*
 * loan.c - a borrowed thread's way into the stub and back: arm64
 *
 * At the stop the kernel has already taken back the registers of a call that it
 * will make again: x0 is the first argument, pc the `svc`.  What the call had
 * returned (-ERESTART*), on which depends what becomes of it if a signal's handler
 * comes first, it keeps to itself, and has decided by it as soon as the thread is
 * led elsewhere.  So the decision is asked for once more, in the end:
 *
 *     T, in the stub, behind a call that did nothing, x0 was the first argument
 *       registers: pc behind T's own svc, x0 = -ERESTART*, the rest exact
 *       an interruption is pending, so the kernel looks at signals before it goes on
 *
 * It takes the first argument from that call's entry, and does what it would have
 * done.  Which -ERESTART* it was follows from the call.
 *
 * That T was in a call at all is known from before the interruption: /proc shows the
 * call that a thread sleeps in.  One that did not sleep then has the svc before
 * it as any other instruction.  A call that says EINTR by itself has lost its first
 * argument, which /proc has shown, too.  T was traced by then, so a handler in between
 * would have shown itself by a stop: what /proc said does not hold any more.
 */
#define _GNU_SOURCE
#include "loan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <session.h>

#include "guardian.h"
#include "worker.h"

extern const uint8_t tl_stub_x0[], tl_stub_x1[], tl_stub_x2[], tl_stub_x3[];
extern const uint8_t tl_stub_x4[], tl_stub_x8[], tl_stub_mask[];
extern const uint8_t tl_stub_return[], tl_stub_child[], tl_stub_still[];
extern const uint8_t tl_stub_call[], tl_stub_thread[], tl_stub_server[];

#define ERESTARTSYS	      512
#define ERESTARTNOINTR	      513
#define ERESTARTNOHAND	      514
#define ERESTART_RESTARTBLOCK 516

#define SVC 4ul

/* `brk #0` */
void loan_cave_bytes(uint8_t *bytes, size_t len)
{
	static const uint8_t brk[] = { 0x00, 0x00, 0x20, 0xd4 };

	for (size_t i = 0; i < len; i++)
		bytes[i] = brk[i % sizeof(brk)];
}

/* ---- before ---------------------------------------------------------------- */

int loan_open(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void loan_look(struct sleep *s, int fd)
{
	char line[256];
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	*s = (struct sleep){ 0 };
	line[n > 0 ? n : 0] = '\0';
	s->known = sscanf(line, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &s->nr,
			  &s->arg[0], &s->arg[1], &s->arg[2], &s->arg[3],
			  &s->arg[4], &s->arg[5], &s->sp, &s->pc) == 9 &&
		   s->nr >= 0;
}

/*
 * A system call discards what is in the vector registers beyond 128 bits.  Nobody
 * but us could put it back, and nobody does if we die.
 */
#define NT_SVE	0x405
#define NT_SSVE 0x40b

static bool has_wide_vectors(pid_t tid)
{
	static const int sets[] = { NT_SVE, NT_SSVE };
	struct {
		uint32_t size, max_size;
		uint16_t vl, max_vl, flags, reserved;
	} h;

	for (size_t i = 0; i < 2; i++) {
		struct iovec v = { &h, sizeof(h) };

		memset(&h, 0, sizeof(h));
		if (!ptrace(PTRACE_GETREGSET, tid, sets[i], &v) &&
		    v.iov_len == sizeof(h) && (h.flags & 1))
			return true;
	}
	return false;
}

int loan_suits(const struct loan *l)
{
	return has_wide_vectors(l->tid)
		       ? refuse(-EAGAIN,
				"thread %d computes with vectors that a system call would discard",
				l->tid)
		       : 0;
}

/* ---- the plan -------------------------------------------------------------- */

/*
 * Is @r, but for x0, as it is in or behind the call that @s tells of?  The kernel has
 * another number for one that was interrupted before.
 */
static bool same_call(const struct sleep *s, const struct user_regs_struct *r)
{
	if (!s->known || r->sp != s->sp || r->regs[8] != (uint64_t)s->nr)
		return false;
	for (int i = 1; i < 6; i++)
		if (r->regs[i] != s->arg[i])
			return false;
	return true;
}

/* It stands before the svc of the call that it slept in. */
static bool is_restarting(const struct sleep *s,
			  const struct user_regs_struct *r)
{
	return same_call(s, r) && r->pc + SVC == s->pc &&
	       r->regs[0] == s->arg[0];
}

/* It has come out of the call that it slept in, with EINTR. */
static bool ended_by_us(const struct sleep *s, const struct user_regs_struct *r)
{
	return same_call(s, r) && r->pc == s->pc &&
	       (long)r->regs[0] == -EINTR && s->nr != SYS_close;
}

/* What the call returned, for the kernel to make it again. */
static long restart_code(const struct sleep *s)
{
	switch (s->nr) {
	case SYS_restart_syscall:
	case SYS_nanosleep:
		return -ERESTART_RESTARTBLOCK;
	case SYS_clock_nanosleep: /* TIMER_ABSTIME */
		return s->arg[1] & 1 ? -ERESTARTNOHAND : -ERESTART_RESTARTBLOCK;
	case SYS_futex:
		switch (s->arg[1] & FUTEX_CMD_MASK) {
		case FUTEX_WAIT:
		case FUTEX_WAIT_BITSET:
			return s->arg[3] ? -ERESTART_RESTARTBLOCK
					 : -ERESTARTSYS;
		}
		return -ERESTARTNOINTR;
	case SYS_rt_sigsuspend:
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_msgsnd:
	case SYS_msgrcv:
		return -ERESTARTNOHAND;
	}
	return -ERESTARTSYS;
}

static void make_again(struct loan *l, uint64_t svc, long code)
{
	struct user_regs_struct *e = &l->exact.user, *r = &l->literal.user;

	*r = *e;
	r->pc = svc;
	r->regs[0] = l->before.arg[0];
	if (code == -ERESTART_RESTARTBLOCK)
		r->regs[8] = SYS_restart_syscall;
	e->pc = svc + SVC;
	e->regs[0] = (uint64_t)code;
	l->exact.nr = (int)l->before.nr;
}

int loan_plan(struct loan *l, bool signals)
{
	const struct user_regs_struct *e = &l->exact.user;

	l->exact.nr = -1;
	l->literal = l->exact;
	if (is_restarting(&l->before, e)) {
		make_again(l, e->pc, restart_code(&l->before));
		return 0;
	}
	if (signals || !ended_by_us(&l->before, e))
		return 0;
	make_again(l, e->pc - SVC, -ERESTARTNOHAND);
	return isa_set_regs(l->tid, &l->literal) ? -ESRCH : 0;
}

void loan_again(pid_t tid, const struct sleep *s)
{
	struct isa_regs r;

	if (isa_get_regs(tid, &r) || !ended_by_us(s, &r.user))
		return;
	r.user.pc -= SVC;
	r.user.regs[0] = s->arg[0];
	isa_set_regs(tid, &r);
}

/* ---- the stub -------------------------------------------------------------- */

static uint64_t in_cave(const struct cave *c, const uint8_t *label)
{
	return c->at + (uint64_t)(label - tl_stub) - c->skip;
}

bool loan_reaches(const struct loan *l, const struct cave *c)
{
	int64_t way =
		(int64_t)(isa_pc(&l->literal) - in_cave(c, tl_stub_return));

	return way >= -(128l << 20) && way < 128l << 20;
}

static void put_word(uint8_t *stub, const uint8_t *label, uint64_t word)
{
	memcpy(stub + (label - tl_stub), &word, sizeof(word));
}

void loan_fill(uint8_t *stub, const struct loan *l)
{
	const struct user_regs_struct *r = &l->literal.user;
	uint64_t way = r->pc - in_cave(&l->cave, tl_stub_return);
	uint32_t b = 0x14000000 | ((uint32_t)(way >> 2) & 0x3ffffff);

	put_word(stub, tl_stub_x0, r->regs[0]);
	put_word(stub, tl_stub_x1, r->regs[1]);
	put_word(stub, tl_stub_x2, r->regs[2]);
	put_word(stub, tl_stub_x3, r->regs[3]);
	put_word(stub, tl_stub_x4, r->regs[4]);
	put_word(stub, tl_stub_x8, r->regs[8]);
	put_word(stub, tl_stub_mask, l->mask);
	memcpy(stub + (tl_stub_return - tl_stub), &b, sizeof(b));
	memcpy(stub + (tl_stub_child - tl_stub), &l->reap, sizeof(l->reap));
	if (!l->caller)
		return;
	put_word(stub, tl_stub_call, l->caller->call);
	put_word(stub, tl_stub_thread, l->caller->thread);
	put_word(stub, tl_stub_server, l->caller->server);
}

/* ---- the way back ---------------------------------------------------------- */

/* Up to the end of the call that does nothing. */
static int to_the_still(struct loan *l)
{
	const uint64_t still = in_cave(&l->cave, tl_stub_still);
	struct isa_regs r;
	int status, got;

	for (int i = 0; i < 100; i++) {
		/* It is running, and comes to a stop by itself. */
		ptrace(PTRACE_SYSCALL, l->tid, 0, 0);
		got = wait_for(l->tid, &status, 10 * STOP_MS);
		if (got <= 0)
			return got ? -ESRCH : -EAGAIN;
		if (!WIFSTOPPED(status) || isa_get_regs(l->tid, &r))
			return -ESRCH;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    isa_pc(&r) == still && isa_at_exit(&r))
			return 0;
	}
	return -EAGAIN;
}

int loan_end(struct loan *l)
{
	int err = to_the_still(l);

	if (err)
		return err;
	/* Then the kernel looks at signals, also if we die before it goes on. */
	ptrace(PTRACE_INTERRUPT, l->tid, 0, 0);
	session_kill_point(12);
	ptrace(PTRACE_SETSIGMASK, l->tid, 8, &l->mask);
	session_kill_point(13);
	isa_set_regs(l->tid, &l->exact);
	session_kill_point(14);
	return 0;
}
