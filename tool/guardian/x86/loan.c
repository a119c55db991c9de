/* SPDX-License-Identifier: MIT */
/*
 * loan.c - a borrowed thread's way into the stub and back: x86-64
 *
 * At the stop the kernel has not decided yet what becomes of an interrupted call:
 * the registers hold its number and -ERESTART*, and with exactly these the thread
 * stops once more in the end, and the kernel decides.
 */
#define _GNU_SOURCE
#include "loan.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <session.h>

#include "guardian.h"
#include "worker.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

extern const uint8_t tl_stub_rax[], tl_stub_rcx[], tl_stub_rdx[], tl_stub_rsi[];
extern const uint8_t tl_stub_rdi[], tl_stub_r8[], tl_stub_r10[], tl_stub_r11[];
extern const uint8_t tl_stub_rip[], tl_stub_mask[];
extern const uint8_t tl_stub_call[], tl_stub_thread[], tl_stub_server[];

#define ERESTARTSYS	      512
#define ERESTARTNOINTR	      513
#define ERESTARTNOHAND	      514
#define ERESTART_RESTARTBLOCK 516

void loan_cave_bytes(uint8_t *bytes, size_t len)
{
	memset(bytes, 0xcc, len);
}

int loan_open(pid_t pid, pid_t tid)
{
	(void)pid;
	(void)tid;
	return -1;
}

void loan_look(struct sleep *s, int fd)
{
	(void)fd;
	*s = (struct sleep){ 0 };
}

int loan_suits(const struct loan *l)
{
	(void)l;
	return 0;
}

static bool ended_by_us(const struct user_regs_struct *r)
{
	return (long)r->orig_rax >= 0 && (long)r->rax == -EINTR &&
	       r->orig_rax != SYS_close;
}

int loan_plan(struct loan *l, bool signals)
{
	struct user_regs_struct *e = &l->exact.user, *r = &l->literal.user;

	/*
	 * Our interruption, and not a signal, made it say EINTR: again, unless a
	 * handler comes first.
	 */
	if (ended_by_us(e) && !signals)
		e->rax = (uint64_t)-ERESTARTNOHAND;
	*r = *e;
	if ((long)r->orig_rax >= 0)
		switch ((long)r->rax) {
		case -ERESTARTSYS:
		case -ERESTARTNOINTR:
		case -ERESTARTNOHAND:
			r->rip -= 2;
			r->rax = r->orig_rax;
			break;
		case -ERESTART_RESTARTBLOCK:
			r->rip -= 2;
			r->rax = SYS_restart_syscall;
			break;
		}
	/* What was mended, before anything else. */
	return isa_set_regs(l->tid, &l->exact) ? -ESRCH : 0;
}

bool loan_reaches(const struct loan *l, const struct cave *c)
{
	(void)l;
	(void)c;
	return true;
}

static void put_word(uint8_t *stub, const uint8_t *label, size_t skip,
		     uint64_t word)
{
	memcpy(stub + (label - tl_stub) + skip, &word, sizeof(word));
}

void loan_fill(uint8_t *stub, const struct loan *l)
{
	const struct user_regs_struct *r = &l->literal.user;

	put_word(stub, tl_stub_rax, 2, r->rax);
	put_word(stub, tl_stub_rcx, 2, r->rcx);
	put_word(stub, tl_stub_rdx, 2, r->rdx);
	put_word(stub, tl_stub_rsi, 2, r->rsi);
	put_word(stub, tl_stub_rdi, 2, r->rdi);
	put_word(stub, tl_stub_r8, 2, r->r8);
	put_word(stub, tl_stub_r10, 2, r->r10);
	put_word(stub, tl_stub_r11, 2, r->r11);
	put_word(stub, tl_stub_rip, 0, r->rip);
	put_word(stub, tl_stub_mask, 0, l->mask);
	memcpy(stub + (tl_stub_reap - tl_stub) + 1, &l->reap, sizeof(l->reap));
	if (!l->caller)
		return;
	put_word(stub, tl_stub_call, 2, l->caller->call);
	put_word(stub, tl_stub_thread, 2, l->caller->thread);
	put_word(stub, tl_stub_server, 0, l->caller->server);
}

int loan_end(struct loan *l)
{
	int err = -EAGAIN;

	ptrace(PTRACE_INTERRUPT, l->tid, 0, 0);
	ptrace(PTRACE_CONT, l->tid, 0, 0);
	/* It is on its way; on a busy machine it waits for a CPU. */
	for (int turn = 0; err == -EAGAIN && turn < 10; turn++)
		err = loan_event_stop(l->tid, PTRACE_EVENT_STOP, STOP_MS, NULL);
	if (err)
		return err;
	session_kill_point(12);
	ptrace(PTRACE_SETSIGMASK, l->tid, 8, &l->mask);
	session_kill_point(13);
	isa_set_regs(l->tid, &l->exact);
	session_kill_point(14);
	return 0;
}

void loan_again(pid_t tid, const struct sleep *s)
{
	struct isa_regs r;

	(void)s;
	if (isa_get_regs(tid, &r) || !ended_by_us(&r.user))
		return;
	r.user.rax = (uint64_t)-ERESTARTNOHAND;
	isa_set_regs(tid, &r);
}
