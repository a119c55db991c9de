/* SPDX-License-Identifier: MIT */
/*
 * signals.c - what the program's signal handlers see of our copies: nothing
 *
 * A displaced instruction runs in a slot or a detour, and a signal that comes
 * there, raised by the instruction or sent, would show the program's handler an
 * address of ours.  So a handler of ours is in front of every handler of the
 * program.  The kernel gives it the mask, stack and flags of the program's:
 *
 *     kernel      frame, with an address in a copy
 *     entry()     the address, and what else differs, as natively; what it was
 *                 is noted in the frame
 *     jump        to the program's handler, on the same frame
 *     restorer    if the handler left the address alone: what it was, again.
 *                 If it set another, and that is behind the first byte of a
 *                 jump: its copy instead
 *     kernel      the program goes on
 *
 * Nothing of ours is under the program's handler, so it may leave by longjmp.
 *
 * The program must not see this either, so sigaction() of its C library has a
 * probe of ours, a jump, which does what the function does but for the handler
 * that the kernel gets, and skips it.  The action of SIGTRAP, which is never the
 * program's (sigtrap.c), is kept here in the same way.
 *
 *   S1  The handler that entry() calls is the one that the program believes to
 *       be installed.  (Record and kernel change under one lock, and nobody
 *       else knows entry().)
 *   S2  Where sigaction() has no probe nothing is put in front of anything: a
 *       program that was given entry() as the old action, and calls it, would
 *       come back to itself.
 */
#include "own/own.h"

#include <trapline/agent.h>

#define N_SIGNALS	64
#define SIGKILL		9
#define SIGSTOP		19
#define SIG_IGN		1UL
#define SIG_SETMASK	2
#define MADV_WIPEONFORK 18
#define TRIES		3

/* In the words of the frame that the kernel leaves unused. */
#define NOTED 0x7472706c73686f77UL
enum { NOTE_MAGIC, NOTE_RESUME, NOTE_SHOWN, NOTE_TRAP };

extern const char __start_trapline_text[] __attribute__((visibility("hidden")));
extern const char __stop_trapline_text[] __attribute__((visibility("hidden")));

static struct tl_sigaction program[N_SIGNALS + 1];
static uint32_t busy;

static uint32_t home_pid;
static uint8_t *not_forked; /* 1, or 0 in a child of fork() */

/* <arch>/restorer.S: where the program's handlers return; calls the other. */
extern const char tl_signal_restorer[];
void tl_signal_return(struct tl_ucontext *uc);

/* ---- a signal --------------------------------------------------------------------- */

static bool is_fault(int sig, const struct tl_siginfo *info)
{
	return (TL_SIG_FAULTS & TL_SIG_BIT(sig)) && info->code > 0;
}

/* The frame as it would be natively. */
static void show(int sig, struct tl_siginfo *info, struct tl_ucontext *uc)
{
	uintptr_t was = uc->ip, resume = was;
	struct pt_regs regs;

	tl_signal_regs(&regs, uc);
	if (tl_trap_show(&regs, &resume)) {
		tl_signal_set_regs(uc, &regs);
		if (is_fault(sig, info) && info->addr == was)
			info->addr = uc->ip;
	}
	uc->spare[NOTE_MAGIC] = NOTED;
	uc->spare[NOTE_RESUME] = resume;
	uc->spare[NOTE_SHOWN] = uc->ip;
}

static void entry(int sig, struct tl_siginfo *info, struct tl_ucontext *uc)
{
	uintptr_t handler =
		__atomic_load_n(&program[sig].handler, __ATOMIC_ACQUIRE);

	show(sig, info, uc);
	uc->spare[NOTE_TRAP] = program[sig].mask & TL_SIG_BIT(TL_SIGTRAP)
				       ? tl_block_sigtrap(true)
				       : 2;
	if (handler > SIG_IGN) /* else it is being taken away just now */
		tl_signal_jump(handler, sig, info, uc, tl_signal_restorer);
}

__attribute__((used)) void tl_signal_return(struct tl_ucontext *uc)
{
	bool noted = uc->spare[NOTE_MAGIC] == NOTED;

	if (noted && uc->spare[NOTE_TRAP] < 2)
		tl_block_sigtrap(uc->spare[NOTE_TRAP]);
	if (noted && uc->spare[NOTE_SHOWN] == uc->ip)
		uc->ip = uc->spare[NOTE_RESUME];
	else
		uc->ip = tl_trap_resume(uc->ip, uc->sp);
}

/* ---- actions ---------------------------------------------------------------------- */

static long kernel_action(int sig, const struct tl_sigaction *act,
			  struct tl_sigaction *old)
{
	return tl_sys4(__NR_rt_sigaction, sig, (long)act, (long)old,
		       sizeof(act->mask));
}

static bool is_entry(const struct tl_sigaction *act)
{
	return act->handler == (uintptr_t)entry;
}

/* A handler, and not one of ours. */
static bool is_handler(const struct tl_sigaction *act)
{
	return act->handler > SIG_IGN &&
	       (act->handler < (uintptr_t)__start_trapline_text ||
		act->handler >= (uintptr_t)__stop_trapline_text);
}

/* What the kernel gets in place of @act. */
static struct tl_sigaction in_front_of(const struct tl_sigaction *act)
{
	struct tl_sigaction k = *act;

	k.handler = (uintptr_t)entry;
	k.flags |= TL_SA_SIGINFO | TL_SA_RESTORER;
	k.restorer = (uintptr_t)tl_signal_restorer;
	k.mask &= ~TL_SIG_BIT(TL_SIGTRAP); /* masks.c */
	return k;
}

static void set_record(int sig, const struct tl_sigaction *act)
{
	struct tl_sigaction *to = &program[sig];

	to->flags = act->flags;
	to->restorer = act->restorer;
	to->mask = act->mask;
	__atomic_store_n(&to->handler, act->handler, __ATOMIC_RELEASE);
}

static void take_lock(uint64_t *mask)
{
	uint64_t all = ~TL_SIG_FAULTS;

	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)mask,
		sizeof(all));
	while (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE))
		tl_sys0(__NR_sched_yield);
}

static void drop_lock(const uint64_t *mask)
{
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, sizeof(*mask));
}

/* As sigaction() for SIGTRAP; false: our handler is not there. */
static bool act_on_sigtrap(const struct tl_sigaction *act,
			   struct tl_sigaction *old)
{
	struct tl_sigaction k;

	if (kernel_action(TL_SIGTRAP, NULL, &k) || !tl_sigtrap_is_ours(&k))
		return false;
	*old = tl_sigtrap_program;
	if (!act)
		return true;
	tl_sigtrap_program = *act;
	tl_sigtrap_action(&k, act);
	return !kernel_action(TL_SIGTRAP, &k, NULL);
}

/* As sigaction(); false: let it be done natively. */
static bool act_on(int sig, const struct tl_sigaction *act,
		   struct tl_sigaction *old)
{
	struct tl_sigaction k, now;
	bool ours;

	if (sig == TL_SIGTRAP)
		return act_on_sigtrap(act, old);
	if (kernel_action(sig, NULL, &now))
		return false;
	ours = is_entry(&now);
	if (!ours && !(act && is_handler(act)))
		return false;
	*old = ours ? program[sig] : now;
	if (!act)
		return true;
	if (!is_handler(act))
		return !kernel_action(sig, act, NULL);
	k = in_front_of(act);
	set_record(sig, act); /* S1 */
	if (!kernel_action(sig, &k, NULL))
		return true;
	set_record(sig, old);
	return false;
}

/* ---- the probe at sigaction() -------------------------------------------------------- */

/* The C library's struct sigaction: glibc's and musl's. */
struct libc_sigaction {
	uintptr_t handler;
	uint64_t mask[16];
	int flags;
	uintptr_t restorer;
};

/*
 * In a child of vfork() memory is the parent's, but actions are not: what it
 * does is between it and the kernel.
 */
static bool is_our_process(void)
{
	uint32_t pid = tl_sys0(__NR_getpid);

	if (pid == home_pid)
		return true;
	if (*not_forked)
		return false;
	*not_forked = 1;
	home_pid = pid;
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	return true;
}

/* sigaction(int sig, const struct sigaction *act, struct sigaction *old) */
static int on_sigaction(struct kprobe *p, struct pt_regs *regs)
{
	const struct libc_sigaction *from =
		(void *)regs_get_kernel_argument(regs, 1);
	struct libc_sigaction *to = (void *)regs_get_kernel_argument(regs, 2);
	struct tl_sigaction act, old;
	int sig = regs_get_kernel_argument(regs, 0);
	uint64_t mask;
	bool done;

	(void)p;
	if (sig < 1 || sig > N_SIGNALS || sig == SIGKILL || sig == SIGSTOP ||
	    sig == 32 || sig == 33 || !is_our_process())
		return 0;
	if (from) {
		act.handler = from->handler;
		act.flags = (uint32_t)from->flags | TL_LIBC_SA_RESTORER;
		act.restorer = (uintptr_t)tl_sigtrap_restorer;
		act.mask = from->mask[0];
	}
	take_lock(&mask);
	done = act_on(sig, from ? &act : NULL, &old);
	drop_lock(&mask);
	if (!done)
		return 0;
	if (to) {
		to->handler = old.handler;
		to->mask[0] = old.mask;
		for (int i = 1; i < 16; i++)
			to->mask[i] = 0;
		to->flags = (int)old.flags;
		to->restorer = old.restorer;
	}
	tl_skip_function(regs, 0);
	return 1;
}

static struct kprobe guard = {
	.symbol_name = "sigaction",
	.pre_handler = on_sigaction,
	.flags = KPROBE_FLAG_JUMP_ONLY | KPROBE_FLAG_HOME,
};

int tl_register_guard(struct kprobe *kp)
{
	uintptr_t addr;

	tlh_lock();
	if (!tl_symbols_lookup(kp->symbol_name, &addr))
		kp->offset = tl_machine_pad(addr);
	tlh_unlock();
	return register_kprobe(kp);
}

/* What was there before the probe was. */
static void take_all(void)
{
	struct tl_sigaction now, k;
	uint64_t mask;

	take_lock(&mask);
	for (int sig = 1; sig <= N_SIGNALS; sig++) {
		if (sig == TL_SIGTRAP || kernel_action(sig, NULL, &now) ||
		    !is_handler(&now))
			continue;
		k = in_front_of(&now);
		set_record(sig, &now);
		kernel_action(sig, &k, NULL);
	}
	drop_lock(&mask);
}

static bool start(void)
{
	long page = tl_mmap(0, TL_PAGE, TL_PROT_READ | TL_PROT_WRITE,
			    TL_MAP_PRIVATE | TL_MAP_ANONYMOUS, -1, 0);

	if (tl_failed(page))
		return false;
	not_forked = (uint8_t *)page;
	*not_forked = 1;
	home_pid = tl_sys0(__NR_getpid);
	if (tl_sys3(__NR_madvise, page, TL_PAGE, MADV_WIPEONFORK) ||
	    tl_register_guard(&guard)) {
		tl_sys2(__NR_munmap, page, TL_PAGE);
		return false;
	}
	take_all();
	tl_masks_start();
	return true;
}

void tl_signals_start(void)
{
	static uint32_t begun, tries;

	if (__atomic_load_n(&begun, __ATOMIC_RELAXED) ||
	    __atomic_exchange_n(&begun, 1, __ATOMIC_ACQUIRE))
		return;
	if (!start() && ++tries < TRIES)
		__atomic_store_n(&begun, 0, __ATOMIC_RELEASE);
}
