/* SPDX-License-Identifier: MIT */
/* link: lib -lpthread */
/* limit: 120 */
/*
 * displaced.c - signals that come in a displaced instruction look as natively
 *
 * Every function is run until its fault without a probe, and what the handler of
 * the signal finds is kept; then with a probe of each kind on each of its
 * instructions.  Address, registers, si_addr and the rest must be the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#include "places.h"
#include "tl_test.h"

static volatile unsigned long hits;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER void hit_post(struct kprobe *p, struct pt_regs *regs, unsigned long f)
{
	(void)p;
	(void)regs;
	(void)f;
}

/* ---- faults --------------------------------------------------------------------- */

/* A function of four instructions at most; it faults at NAME_at. */
#define FN(name, code)                                                 \
	__asm__("	.pushsection .text\n"                                \
		"	.balign 16\n"                                        \
		"	.globl " #name ", " #name "_at\n"              \
		"	.type " #name ", @function\n" #name ":\n" code \
		"	ret\n"                                               \
		"	.size " #name ", . - " #name "\n"              \
		"	.popsection\n");                               \
	long name(void *a, long b, long c);                            \
	extern const char name##_at[]

FN(load_first, "load_first_at:	mov (%rdi), %rax\n"
	       "	lea 1(%rax,%rsi), %rax\n");
FN(load_second, "	lea (%rsi,%rsi), %rcx\n"
		"load_second_at:	mov (%rdi), %rax\n"
		"	add %rcx, %rax\n");
FN(store_rip, "	lea (%rsi,%rsi), %rax\n"
	      "store_rip_at:	movb $7, displaced_page(%rip)\n");
FN(divide, "	mov %rsi, %rax\n"
	   "	cqo\n"
	   "divide_at:	idiv %rdx\n");
FN(divide_first, "divide_first_at:	idivl 8(%rdi)\n"
		 "	lea (%rsi,%rsi), %rax\n");
FN(illegal, "illegal_at:	clac\n"
	    "	lea (%rsi,%rsi), %rax\n");
FN(call_nowhere, "	sub $8, %rsp\n"
		 "call_nowhere_at:	call *(%rdi)\n"
		 "	add $8, %rsp\n");
FN(call_first, "call_first_at:	call *8(%rdi)\n"
	       "	lea (%rsi,%rsi), %rax\n");
FN(push_bad, "	mov %rsp, %rdx\n"
	     "	mov %rdi, %rsp\n"
	     "push_bad_at:	push %rsi\n"
	     "	mov %rdx, %rsp\n");
FN(jump_nowhere, "	lea (%rsi,%rsi), %rax\n"
		 "jump_nowhere_at:	jmp *(%rdi)\n");

__asm__("	.pushsection .bss\n"
	"	.balign 4096\n"
	"displaced_page:	.zero 4096\n"
	"	.popsection\n");
extern char displaced_page[];

static char *past_end; /* of a file: SIGBUS */
static long zeros[8];

static const struct fault {
	const char *name;
	long (*fn)(void *a, long b, long c);
	const char *at;
	int sig;
	bool bus;
	bool zero;
} faults[] = {
	{ "load, first", load_first, load_first_at, SIGSEGV, false, false },
	{ "load, second", load_second, load_second_at, SIGSEGV, false, false },
	{ "load behind a file", load_second, load_second_at, SIGBUS, true,
	  false },
	{ "store by rip", store_rip, store_rip_at, SIGSEGV, false, false },
	{ "divide by 0", divide, divide_at, SIGFPE, false, false },
	{ "divide, first", divide_first, divide_first_at, SIGFPE, false, true },
	{ "illegal", illegal, illegal_at, SIGILL, false, false },
	{ "call by memory", call_nowhere, call_nowhere_at, SIGSEGV, false,
	  false },
	{ "call, first", call_first, call_first_at, SIGSEGV, false, false },
	{ "push", push_bad, push_bad_at, SIGSEGV, false, false },
	{ "jump by memory", jump_nowhere, jump_nowhere_at, SIGSEGV, false,
	  false },
};

static sigjmp_buf out;
static struct seen {
	int sig, code;
	void *addr;
	greg_t regs[NGREG];
} seen;

static void look(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	seen.sig = sig;
	seen.code = info->si_code;
	seen.addr = info->si_addr;
	memcpy(seen.regs, uc->uc_mcontext.gregs, sizeof(seen.regs));
	siglongjmp(out, 1);
}

static void *argument(const struct fault *f)
{
	return f->bus ? past_end : f->zero ? (void *)zeros : (void *)16;
}

/* The same registers each time; what is called never comes back. */
__asm__("	.pushsection .text\n"
	"run_fixed:\n"
	"	mov	%rdi, %r11\n"
	"	mov	%rsi, %rdi\n"
	"	mov	$5, %esi\n"
	"	xor	%edx, %edx\n"
	"	mov	$0x1111, %eax\n"
	"	mov	$0x2222, %ebx\n"
	"	mov	$0x3333, %ecx\n"
	"	mov	$0x4444, %ebp\n"
	"	mov	$0x8888, %r8d\n"
	"	mov	$0x9999, %r9d\n"
	"	mov	$0xaaaa, %r10d\n"
	"	mov	$0xcccc, %r12d\n"
	"	mov	$0xdddd, %r13d\n"
	"	mov	$0xeeee, %r14d\n"
	"	mov	$0xffff, %r15d\n"
	"	call	*%r11\n"
	"	ud2\n"
	"	.popsection\n");
void run_fixed(const void *fn, void *a);

static void __attribute__((noinline)) run(const struct fault *f)
{
	memset(&seen, 0, sizeof(seen));
	if (!sigsetjmp(out, 1))
		run_fixed((void *)f->fn, argument(f));
}

static void check_same(const struct seen *native)
{
	CHECK_EQ(seen.sig, native->sig);
	CHECK_EQ(seen.code, native->code);
	CHECK_EQ(seen.addr, native->addr);
	for (int r = REG_R8; r <= REG_CSGSFS; r++)
		if (seen.regs[r] != native->regs[r]) {
			tl_test_note("register", r);
			CHECK_EQ(seen.regs[r], native->regs[r]);
		}
	CHECK_EQ(seen.regs[REG_TRAPNO], native->regs[REG_TRAPNO]);
	CHECK_EQ(seen.regs[REG_ERR], native->regs[REG_ERR]);
}

static void set_handlers(void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = { .sa_sigaction = fn,
				 .sa_flags = SA_SIGINFO | flags };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGFPE, &act, NULL);
	sigaction(SIGILL, &act, NULL);
}

static void make_memory(void)
{
	int fd = memfd_create("empty", 0);

	past_end = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	*(volatile char *)displaced_page = 0; /* there, natively as well */
	mprotect(displaced_page, 4096, PROT_READ);
}

static void check_fault(const struct fault *f)
{
	struct seen native;
	unsigned int probed = 0;

	run(f);
	native = seen;
	CHECK_EQ(native.sig, f->sig);
	CHECK_EQ(native.regs[REG_RIP], f->at);
	for (const char *at = (const char *)f->fn; at <= f->at; at++)
		for (int post = 0; post < 2; post++) {
			struct kprobe p = { .addr = (void *)(uintptr_t)at,
					    .pre_handler = hit };

			/* A hit needs a stack. */
			if (f->fn == push_bad && at != (char *)push_bad)
				continue;
			if (post)
				p.post_handler = hit_post;
			if (register_kprobe(&p))
				continue;
			hits = 0;
			for (int i = 0; i < 3; i++) {
				run(f);
				check_same(&native);
			}
			CHECK_EQ(hits, 3);
			CHECK_EQ(p.nmissed, 0);
			probed++;
			unregister_kprobe(&p);
		}
	CHECK(probed >= 1);
}

TL_TEST(a_fault_in_a_displaced_instruction_looks_as_natively)
{
	static char other[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };
	const struct fault *f;

	make_memory();
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	CHECK_EQ(trapline_init(), 0);
	set_handlers(look, SA_ONSTACK);
	for_each_row(f, faults) {
		ROW(f->name);
		check_fault(f);
	}
	CHECK_EQ(unoptimize_all_kprobes(), 0);
	for_each_row(f, faults) {
		ROW(f->name);
		check_fault(f);
	}
	CHECK_EQ(optimize_all_kprobes(), 0);
}

/* ---- what handlers do about it ------------------------------------------------------ */

static long good = 100;

/* Give the instruction what it wants, and let it be executed. */
static void mend(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	seen.sig = sig;
	uc->uc_mcontext.gregs[REG_RDI] = (greg_t)&good;
}

/* Go on behind it: it is 3 bytes long. */
static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	seen.sig = sig;
	uc->uc_mcontext.gregs[REG_RIP] += 3;
	uc->uc_mcontext.gregs[REG_RAX] = 1000;
}

TL_TEST(a_handler_mends_or_skips_the_instruction)
{
	static const struct {
		const char *name;
		long (*fn)(void *a, long b, long c);
		long mended, skipped;
	} rows[] = {
		{ "first", load_first, 106, 1006 },
		{ "second", load_second, 110, 1010 },
	};

	for (int jumps = 0; jumps < 2; jumps++)
		for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
			struct kprobe p = { .addr = (void *)rows[i].fn,
					    .pre_handler = hit };

			ROW(rows[i].name);
			if (!jumps)
				unoptimize_all_kprobes();
			CHECK_EQ(register_kprobe(&p), 0);
			hits = 0;
			set_handlers(mend, 0);
			CHECK_EQ(rows[i].fn(NULL, 5, 0), rows[i].mended);
			set_handlers(skip, 0);
			CHECK_EQ(rows[i].fn(NULL, 5, 0), rows[i].skipped);
			CHECK_EQ(hits, 2);
			unregister_kprobe(&p);
			optimize_all_kprobes();
		}
}

static void *trace[16];
static int depth;

static void backtrace_here(int sig, siginfo_t *info, void *context)
{
	depth = backtrace(trace, 16);
	mend(sig, info, context);
}

static bool is_in_trace(const void *from, const void *to)
{
	for (int i = 0; i < depth; i++)
		if ((char *)trace[i] >= (char *)from &&
		    (char *)trace[i] < (char *)to)
			return true;
	return false;
}

static long __attribute__((noinline)) caller(void *a)
{
	return load_second(a, 5, 0) + 1;
}

/* The C function has unwind tables, unlike load_second(), a leaf. */
static long __attribute__((noinline)) c_load(const long *p)
{
	return *(volatile const long *)p + 1;
}

static long __attribute__((noinline)) c_caller(const long *p)
{
	return c_load(p) + 1;
}

TL_TEST(a_backtrace_from_the_handler_goes_through_the_instruction)
{
	struct kprobe p = { .addr = (void *)c_load, .pre_handler = hit };

	(void)caller;
	backtrace(trace, 1); /* loads what it needs */
	set_handlers(backtrace_here, SA_RESTART);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(c_caller(NULL), 102);
	CHECK(is_in_trace((void *)c_load, (char *)c_load + 5));
	CHECK(is_in_trace((void *)c_caller, (char *)c_caller + 64));
	unregister_kprobe(&p);
}

/* ---- signals that are sent ------------------------------------------------------------ */

FN(fill, "fill_at:	rep stosb\n"
	 "	lea (%rsi,%rsi), %rax\n");

static char room[1 << 16];
static volatile unsigned long ticks, ticks_right, ticks_there;

/* rep stosb is interrupted between two bytes: rdi + rcx is the end. */
static void tick(int sig, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	ticks++;
	if (regs[REG_RIP] != (greg_t)fill_at)
		return;
	ticks_there++;
	ticks_right += regs[REG_RDI] + regs[REG_RCX] ==
		       (greg_t)(room + sizeof(room));
}

static void fill_for_a_while(void)
{
	register long ax __asm__("rax") = 0x55;
	unsigned long want = ticks + 200;

	while (ticks < want) {
		void *di = room;
		long cx = sizeof(room);

		__asm__ volatile("call fill"
				 : "+a"(ax), "+D"(di), "+c"(cx)
				 : "S"(3L)
				 : "memory", "cc");
		if (cx || di != room + sizeof(room) || ax != 6)
			CHECK(false);
		ax = 0x55;
	}
}

TL_TEST(a_timer_in_a_displaced_instruction_sees_its_address)
{
	static const char *const names[] = { "native", "jump", "breakpoint" };
	struct sigaction act = { .sa_sigaction = tick, .sa_flags = SA_SIGINFO };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, stop = { 0 };
	unsigned long there[3];

	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	for (int way = 0; way < 3; way++) {
		struct kprobe p = { .addr = (void *)(uintptr_t)fill_at,
				    .pre_handler = hit };

		ROW(names[way]);
		if (way == 2)
			unoptimize_all_kprobes();
		if (way)
			CHECK_EQ(register_kprobe(&p), 0);
		ticks = ticks_there = ticks_right = 0;
		setitimer(ITIMER_REAL, &every, NULL);
		fill_for_a_while();
		setitimer(ITIMER_REAL, &stop, NULL);
		there[way] = ticks_there * 100 / ticks;
		CHECK_EQ(ticks_right, ticks_there);
		tl_test_note("per cent of the signals in the instruction",
			     there[way]);
		/* Where it is fast, what is around it takes its time, too. */
		CHECK(there[way] >= (way ? 20 : 40));
		if (way)
			unregister_kprobe(&p);
		optimize_all_kprobes();
	}
}

FN(wait_a_little, "	mov $35, %eax\n" /* nanosleep */
		  "wait_a_little_at:	syscall\n"
		  "	nop\n");

static void interrupt(int sig, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	seen.sig = sig;
	memcpy(seen.regs, regs, sizeof(seen.regs));
}

TL_TEST(a_signal_during_a_displaced_system_call_sees_what_is_behind_it)
{
	struct sigaction act = { .sa_sigaction = interrupt,
				 .sa_flags = SA_SIGINFO };
	struct itimerval once = { { 0, 0 }, { 0, 20000 } };
	struct timespec t = { 5, 0 };

	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct kprobe p = { .addr = (void *)wait_a_little,
				    .pre_handler = hit };

		if (i)
			p.addr = (void *)(uintptr_t)wait_a_little_at;
		CHECK_EQ(register_kprobe(&p), 0);
		memset(&seen, 0, sizeof(seen));
		setitimer(ITIMER_REAL, &once, NULL);
		CHECK_EQ(wait_a_little(&t, 0, 0), -EINTR);
		CHECK_EQ(seen.sig, SIGALRM);
		CHECK_EQ(seen.regs[REG_RIP], wait_a_little_at + 2);
		CHECK_EQ(seen.regs[REG_RCX], wait_a_little_at + 2);
		CHECK_EQ(seen.regs[REG_RAX], -EINTR);
		unregister_kprobe(&p);
	}
}

/* ---- the program does not see how ------------------------------------------------------- */

static volatile int which;

static void one(int sig)
{
	(void)sig;
	which = which * 10 + 1;
}

static struct sigaction chained;

static void two(int sig)
{
	which = which * 10 + 2;
	if (chained.sa_handler != SIG_DFL && chained.sa_handler != SIG_IGN)
		chained.sa_handler(sig);
}

static void check_action(int sig, void (*handler)(int), int flags, int masked)
{
	struct sigaction now;

	CHECK_EQ(sigaction(sig, NULL, &now), 0);
	CHECK(now.sa_handler == handler);
	CHECK_EQ(now.sa_flags & 0x3fffffff & ~0x04000000, flags);
	CHECK_EQ(sigismember(&now.sa_mask, SIGUSR2), masked);
}

TL_TEST(sigaction_says_what_the_program_has_set)
{
	static const int sigs[] = { SIGUSR1, SIGSEGV, SIGTRAP, SIGPROF };
	struct kprobe p = { .addr = (void *)load_first, .pre_handler = hit };

	CHECK_EQ(register_kprobe(&p), 0);
	for (size_t i = 0; i < TL_ARRAY_SIZE(sigs); i++) {
		struct sigaction act = { .sa_handler = one,
					 .sa_flags = SA_RESTART };
		struct sigaction old, before;
		int sig = sigs[i];

		tl_test_note("signal", sig);
		sigaddset(&act.sa_mask, SIGUSR2);
		CHECK_EQ(sigaction(sig, &act, &before), 0);
		check_action(sig, one, SA_RESTART, 1);
		which = 0;
		raise(sig);
		CHECK_EQ(which, 1);

		/* Whoever calls the one that was there before gets that. */
		memset(&act, 0, sizeof(act));
		act.sa_handler = two;
		CHECK_EQ(sigaction(sig, &act, &chained), 0);
		CHECK(chained.sa_handler == one);
		check_action(sig, two, 0, 0);
		which = 0;
		raise(sig);
		CHECK_EQ(which, 21);

		/* And may put it back. */
		CHECK_EQ(sigaction(sig, &chained, &old), 0);
		CHECK(old.sa_handler == two);
		check_action(sig, one, SA_RESTART, 1);
		CHECK(signal(sig, two) == one);
		CHECK(signal(sig, SIG_IGN) == two);
		which = 0;
		raise(sig);
		CHECK_EQ(which, 0);
		CHECK(signal(sig, SIG_DFL) == SIG_IGN);
		check_action(sig, SIG_DFL, SA_RESTART, 0);
		CHECK_EQ(sigaction(sig, &before, NULL), 0);
	}
	CHECK_EQ(sigaction(SIGKILL, &chained, NULL), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(sigaction(0, NULL, &chained), -1);
	unregister_kprobe(&p);
}

TL_TEST(the_action_is_reset_where_the_program_wants_that)
{
	struct sigaction act = { .sa_handler = one, .sa_flags = SA_RESETHAND };
	struct sigaction now;

	CHECK_EQ(trapline_init(), 0);
	CHECK_EQ(sigaction(SIGUSR1, &act, NULL), 0);
	which = 0;
	raise(SIGUSR1);
	CHECK_EQ(which, 1);
	CHECK_EQ(sigaction(SIGUSR1, NULL, &now), 0);
	CHECK(now.sa_handler == SIG_DFL);
}

/* What a child of vfork() sets is its own. */
TL_TEST(a_vfork_child_does_not_change_its_parent_s_actions)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct sigaction act = { .sa_handler = one }, now;
	struct sigaction other = { .sa_handler = two };
	int status;
	pid_t pid;

	memset(&chained, 0, sizeof(chained));
	CHECK_EQ(trapline_init(), 0);
	CHECK_EQ(sigaction(SIGUSR1, &act, NULL), 0);
	pid = vfork();
	if (!pid) {
		sigaction(SIGUSR1, &other, NULL);
		sigaction(SIGUSR1, &dfl, NULL);
		raise(SIGUSR1);
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	CHECK_EQ(sigaction(SIGUSR1, NULL, &now), 0);
	CHECK(now.sa_handler == one);
	which = 0;
	raise(SIGUSR1);
	CHECK_EQ(which, 1);
	pid = fork();
	if (!pid) {
		struct sigaction mine = { .sa_handler = two };

		sigaction(SIGUSR1, &mine, &now);
		raise(SIGUSR1);
		_exit(now.sa_handler == one && which == 12 ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* ---- at every instruction --------------------------------------------------------- */

/*
 * Windows that do something to rcx and rdx at known places; in the second the
 * loop goes on at its target.
 */
__asm__("	.pushsection .text\n"
	"	.balign 16\n"
	"	.type	two_incs, @function\n"
	"two_incs:\n"
	"	xor	%ecx, %ecx\n"
	"	xor	%edx, %edx\n"
	"two_incs_at:\n"
	"	inc	%rcx\n"
	"	inc	%rdx\n"
	"	nop\n"
	"	ret\n"
	"	.size	two_incs, . - two_incs\n"
	"	.balign 16\n"
	"	.type	one_loop, @function\n"
	"one_loop:\n"
	"	mov	$-1, %rcx\n"
	"	xor	%edx, %edx\n"
	"one_loop_at:\n"
	"	loop	1f\n"
	"	mov	$1, %edx\n"
	"1:	nop\n"
	"	ret\n"
	"	.size	one_loop, . - one_loop\n"
	"	.popsection\n");
extern const char two_incs[], two_incs_at[], one_loop[], one_loop_at[];

#define MOST_STEPS 300

/* At @off from the probe rcx has changed by @rcx and rdx by @rdx. */
static const struct moment {
	const char *fn, *at;
	long first; /* rcx at the probe */
	unsigned int off;
	long rcx, rdx;
} moments[] = {
	{ two_incs, two_incs_at, 0, 0, 0, 0 },
	{ two_incs, two_incs_at, 0, 3, 1, 0 },
	{ two_incs, two_incs_at, 0, 6, 1, 1 },
	{ one_loop, one_loop_at, -1, 0, 0, 0 },
	{ one_loop, one_loop_at, -1, 7, -1, 0 },
};

static char step_counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static const struct moment *stepped;

enum { OUTSIDE = 40, RETURNED, WRONG, LATE, REFUSED };

/* The exit status says which moment it is, or what else. */
static void at_a_step(int sig, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	long rcx = regs[REG_RCX] - stepped->first, rdx = regs[REG_RDX];
	const struct moment *m;

	(void)sig;
	(void)info;
	for_each_row(m, moments) {
		if (m->at != stepped->at)
			continue;
		if (regs[REG_RIP] == (long)m->at + m->off)
			_exit(rcx == m->rcx && rdx == m->rdx ? m - moments
							     : WRONG);
		if (m->off && rcx == m->rcx && rdx == m->rdx)
			_exit(LATE); /* done, and still somewhere else */
	}
	_exit(OUTSIDE);
}

static void be_stepped(const struct moment *m)
{
	struct sigaction act = { .sa_sigaction = at_a_step,
				 .sa_flags = SA_SIGINFO };
	struct kprobe p = { .addr = (void *)(uintptr_t)m->at,
			    .counter = (uint64_t *)step_counters };

	stepped = m;
	if (sigaction(SIGUSR1, &act, NULL) || register_kprobe(&p) ||
	    trapline_kprobe_why(&p) != TL_WHY_NONE ||
	    ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(REFUSED);
	raise(SIGSTOP);
	((void (*)(void))(uintptr_t)m->fn)();
	_exit(RETURNED);
}

/*
 * A child goes @steps instructions on from the probe, and is sent a signal
 * there: its exit status.
 */
static int signal_after(const struct moment *m, int steps)
{
	struct user_regs_struct regs;
	pid_t pid = fork();
	int status, left = -1;

	if (!pid)
		be_stepped(m);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	for (int i = 0; i < 20 * MOST_STEPS && left; i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
		    ptrace(PTRACE_GETREGS, pid, 0, &regs))
			break;
		if (left < 0 && regs.rip == (uintptr_t)m->at)
			left = steps + 1;
		if (left > 0)
			left--;
	}
	ptrace(PTRACE_CONT, pid, 0, SIGUSR1);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

TL_TEST(a_signal_at_every_instruction_of_a_detour_looks_as_natively)
{
	unsigned int met[TL_ARRAY_SIZE(moments)] = { 0 };
	const struct moment *m;

	for_each_row(m, moments) {
		int ret = OUTSIDE;

		if (m->off)
			continue;
		ROW(m->fn == two_incs ? "two incs" : "loop");
		/* Until the whole window is done. */
		for (int i = 0; i < MOST_STEPS; i++) {
			ret = signal_after(m, i);
			if (ret < 0 || ret > OUTSIDE)
				break;
			if (ret < OUTSIDE)
				met[ret]++;
			if (ret < OUTSIDE && moments[ret].off >= 6)
				break;
		}
		CHECK(ret >= 0 && ret < OUTSIDE);
	}
	for (size_t i = 0; i < TL_ARRAY_SIZE(moments); i++) {
		ROW("moments");
		CHECK(met[i] > 0);
	}
}
