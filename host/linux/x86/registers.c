/* SPDX-License-Identifier: MIT */
/*
 * registers.c - the debug registers of a thread, by a process that traces it
 *
 * Where the kernel gives us no events it still lets a process of ours trace our
 * threads.  A thread cannot trace one of its own process, so for each change a process is
 * made that shares our memory, stops the thread, sets its registers, and ends.  They
 * stay as they are, and a hit is a SIGTRAP of the code TRAP_HWBKPT.  Neither fork(),
 * clone() nor exec passes them on.
 *
 * The helper runs on the stack of whoever waits for it, and uses nothing that is a
 * thread's: no library, no thread-local variable.
 */
#include "own/own.h"

#include <trapline/hw_breakpoint.h>

#pragma GCC visibility push(hidden)

#define REGISTERS 4
#define DR6	  6
#define DR7	  7

/* Of struct user. */
#define AT_RAX	    (10 * 8)
#define AT_ORIG_RAX (15 * 8)
#define AT_DEBUG    848

#define PTRACE_PEEKUSER	  3
#define PTRACE_POKEUSER	  6
#define PTRACE_DETACH	  17
#define PTRACE_SEIZE	  0x4206
#define PTRACE_INTERRUPT  0x4207
#define PTRACE_GETSIGMASK 0x420a
#define EVENT_STOP	  128

#define CLONE_VM       0x100
#define WNOHANG	       1
#define WALL	       0x40000000
#define PR_SET_PTRACER 0x59616d61
#define ERESTARTNOHAND 514
#define SIGTRAP_BIT    (1ul << (TL_SIGTRAP - 1))
#define STOP_MS	       1000
#define BLOCKED_MS     50
#define STACK	       2048

struct job {
	uint32_t tid;
	bool set;	/* or tell what was hit */
	bool asks_mask; /* refuse if SIGTRAP is blocked */
	uint64_t addr[REGISTERS], control;
	uint64_t status; /* DR6 */
	int result;
	uint32_t go; /* before that it does nothing */
};

static long trace(long request, uint32_t tid, long addr, const void *data)
{
	return tl_sys4(__NR_ptrace, request, tid, addr, (long)data);
}

static long put(uint32_t tid, unsigned int n, uint64_t value)
{
	return trace(PTRACE_POKEUSER, tid, AT_DEBUG + 8 * n,
		     (const void *)value);
}

/* ---- in the helper ------------------------------------------------------------- */

/* Until it has stopped: its status, or a negative errno. */
static int await_stop(uint32_t tid)
{
	int status = 0;

	for (unsigned int i = 0; i < STOP_MS * 10; i++) {
		long got = tl_sys4(__NR_wait4, tid, (long)&status,
				   WALL | WNOHANG, 0);

		if (got == tid)
			return (status & 0xff) == 0x7f ? status : -TL_ESRCH;
		if (got < 0)
			return (int)got;
		tl_sleep_us(i < 20 ? 10 : 100);
	}
	return -TL_EAGAIN;
}

/* A call that has ended because of us is made again, but for a handler. */
static void mend_call(uint32_t tid)
{
	int64_t nr = -1, result = 0;

	trace(PTRACE_PEEKUSER, tid, AT_ORIG_RAX, &nr);
	trace(PTRACE_PEEKUSER, tid, AT_RAX, &result);
	if (nr >= 0 && nr != __NR_close && result == -TL_EINTR)
		trace(PTRACE_POKEUSER, tid, AT_RAX,
		      (const void *)(long)-ERESTARTNOHAND);
}

/* All of them, or none. */
static int set_registers(const struct job *j)
{
	long err = put(j->tid, DR7, 0);

	for (unsigned int i = 0; i < REGISTERS && !err; i++)
		if (j->control >> 2 * i & 3)
			err = put(j->tid, i, j->addr[i]);
	if (!err && j->control)
		err = put(j->tid, DR7, j->control);
	return (int)err;
}

static int work(struct job *j)
{
	uint64_t mask = 0;

	trace(PTRACE_GETSIGMASK, j->tid, sizeof(mask), &mask);
	if (j->set && j->control && j->asks_mask && mask & SIGTRAP_BIT)
		return -TL_EBUSY;
	if (j->set)
		return set_registers(j);
	return (int)trace(PTRACE_PEEKUSER, j->tid, AT_DEBUG + 8 * DR6,
			  &j->status);
}

static int stop_and_work(struct job *j)
{
	int status, sig = 0, result;
	long err = trace(PTRACE_SEIZE, j->tid, 0, 0);

	if (err)
		return (int)err;
	trace(PTRACE_INTERRUPT, j->tid, 0, 0);
	status = await_stop(j->tid);
	if (status < 0)
		return status; /* our end lets it go */
	result = work(j);
	if (status >> 16 == EVENT_STOP)
		mend_call(j->tid);
	else if (!(status >> 16))
		sig = status >> 8 & 0x7f;
	trace(PTRACE_DETACH, j->tid, 0, (const void *)(long)sig);
	return result;
}

__attribute__((noreturn, used)) static void help(struct job *j)
{
	while (!__atomic_load_n(&j->go, __ATOMIC_ACQUIRE))
		tl_sys0(__NR_sched_yield);
	j->result = stop_and_work(j);
	for (;;)
		tl_sys1(__NR_exit_group, 0);
}

/* ---- before it, and behind it ---------------------------------------------------- */

/* A process that shares our memory, and calls help() on the stack below @top. */
static long spawn(void *top, struct job *j)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	long pid;

	__asm__ volatile("syscall\n\t"
			 "testq	%%rax, %%rax\n\t"
			 "jnz	1f\n\t"
			 "movq	%[job], %%rdi\n\t"
			 "movq	%[help], %%rax\n\t"
			 "xorl	%%ebp, %%ebp\n\t" /* may be one of these */
			 "call	*%%rax\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(pid)
			 : "a"((long)__NR_clone), "D"((long)CLONE_VM), "S"(top),
			   "d"(0l), "r"(r10),
			   "r"(r8), [job] "r"(j), [help] "r"(help)
			 : "rcx", "r11", "memory");
	return pid;
}

/* As job.result.  @ask: the kernel wants to know who may trace us (yama). */
static int run(struct job *j, bool ask)
{
	uint8_t stack[STACK] __attribute__((aligned(16)));
	uint64_t all = ~0ul, old;
	long pid, got;

	j->result = -TL_EPERM;
	j->go = 0;
	tl_sys4(__NR_rt_sigprocmask, 2, (long)&all, (long)&old, sizeof(all));
	pid = spawn(stack + sizeof(stack), j);
	if (pid > 0 && ask)
		tl_sys2(__NR_prctl, PR_SET_PTRACER, pid);
	__atomic_store_n(&j->go, 1, __ATOMIC_RELEASE);
	tl_sys4(__NR_rt_sigprocmask, 2, (long)&old, 0, sizeof(old));
	if (pid < 0)
		return (int)pid;
	do
		got = tl_sys4(__NR_wait4, pid, 0, WALL, 0);
	while (got == -TL_EINTR);
	if (ask)
		tl_sys2(__NR_prctl, PR_SET_PTRACER, 0);
	return j->result;
}

static int do_job(struct job *j)
{
	int err = run(j, false);

	if (err == -TL_EPERM)
		err = run(j, true);
	for (unsigned int i = 0; err == -TL_EBUSY && i < BLOCKED_MS; i++) {
		tl_sleep_us(1000);
		err = run(j, false);
	}
	return err;
}

/* SDM 18.2.4 */
static uint64_t control_of(const struct tl_debug_want *w, unsigned int i)
{
	uint64_t type = w->type == HW_BREAKPOINT_X   ? 0
			: w->type == HW_BREAKPOINT_W ? 1
						     : 3;
	uint64_t len = w->type == HW_BREAKPOINT_X || w->len == 1 ? 0
		       : w->len == 2				 ? 1
		       : w->len == 4				 ? 3
								 : 2;

	return 1ull << 2 * i | (type | len << 2) << (16 + 4 * i);
}

int tl_registers_set(uint32_t tid, const struct tl_debug_want *want,
		     unsigned int n, bool asks_mask)
{
	struct job j = { .tid = tid, .set = true, .asks_mask = asks_mask };

	for (unsigned int i = 0; i < n && i < REGISTERS; i++) {
		if (want[i].type == HW_BREAKPOINT_EMPTY)
			continue;
		j.addr[i] = want[i].addr;
		j.control |= control_of(&want[i], i);
	}
	return do_job(&j);
}

int tl_registers_hit(uint32_t tid)
{
	struct job j = { .tid = tid };
	int err = do_job(&j);

	return err ? err : (int)(j.status & 15);
}
