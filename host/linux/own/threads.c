/* SPDX-License-Identifier: MIT */
/*
 * threads.c - looking at the other threads of the process, from inside
 *
 * A thread that sleeps in a system call need not be disturbed: the kernel tells
 * where, in /proc/self/task/TID/syscall, and its stack can be read.  It has been
 * seen as it was if it is still there afterwards.  A thread that runs is asked,
 * by a signal: its handler moves its own saved program counter, looks at its own
 * stack, and counts itself in.
 *
 * The signal is a real-time signal that the program has no action for.  SIGTRAP
 * would not do: the kernel keeps one of each, so a thread that runs into a
 * breakpoint while the question is pending would have only the question, and
 * seem to stand behind the breakpoint.  While SIGTRAP is handled the question
 * waits, so nobody is ever asked in the middle of a hit by breakpoint.
 *
 *     asking thread                     asked thread (in its handler)
 *     1. fill in the question           1. inside + 1
 *     2. turn := new      (release)     2. read the turn; not mine: go to 4
 *     3. send the signals                                       (acquire)
 *     4. wait for answers, not long     3. look, answered + 1   (release)
 *     5. turn := 0                      4. inside - 1           (release)
 *     6. wait for inside = 0 (acquire)
 *
 *   A1  A handler that uses the question finds it whole.  (2 before 3; the
 *       signal carries the turn, so a late one knows that it is late.)
 *   A2  Nobody uses the question after the asking function has returned.  (5 and
 *       6 against 1 and 2: both sides write, then read, so both are seq_cst.)
 *
 * A thread that the command has borrowed (docs/design/attach.md) sleeps, or stands
 * still, in code of the command's and goes on elsewhere: it may be anywhere, too.
 *
 * Who does not answer (the signal is blocked, the thread is not scheduled) may
 * be anywhere, and all that is searched for is then busy.
 *
 * Where an emulator runs the program (qemu-user), /proc tells of the emulator's
 * threads: their registers and masks are not the program's.  So everybody is asked,
 * but for threads that block all signals there are, always: those are not the
 * program's.
 */
#include "own/own.h"

#include <protocol.h>

#define MAGIC		   0x7472706cUL
#define FIRST_RT	   34 /* the C library keeps 32 and 33 to itself */
#define LAST_RT		   64
#define HELPERS		   8
#define HELPER_LOOKS	   3
#define NEAR		   65536
#define WAIT_TURNS	   20
#define WAIT_TURN_NS	   2000000
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

static struct {
	struct tl_search *search;
	uint32_t turn; /* 0: no question is open */
	uint32_t answered;
	uint32_t inside;
	uint32_t process; /* whose threads may be inside */
} ask;

struct dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static void all_busy(struct tl_search *s)
{
	__atomic_store_n(&s->busy, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < s->n_windows; i++)
		__atomic_store_n(&s->windows[i].busy, true, __ATOMIC_RELAXED);
}

/*
 * Is @pc in the few instructions that the command lets a borrowed thread run
 * (tool/x86/stub.S)?  They lie in one page, and are known by their end.
 */
static bool is_borrowed(uintptr_t pc)
{
	uint8_t code[TL_STUB_MAX];
	size_t n = TL_PAGE - (pc & (TL_PAGE - 1)), k;

	if (n > sizeof(code))
		n = sizeof(code);
	if (tlh_read(code, pc, n))
		return false;
	for (size_t i = 0; i + sizeof(TL_STUB_MAGIC) - 1 <= n; i++) {
		for (k = 0; TL_STUB_MAGIC[k] && code[i + k] == TL_STUB_MAGIC[k];
		     k++)
			;
		if (!TL_STUB_MAGIC[k])
			return true;
	}
	return false;
}

/* ---- the asked thread ---------------------------------------------------------- */

static void look_at_myself(struct tl_search *s, struct tl_ucontext *uc)
{
	uintptr_t to;

	/* Its signals are open again, but it is not back: its guardian died. */
	if (is_borrowed(uc->ip)) {
		all_busy(s);
		return;
	}
	if (tl_search_hit(s, uc->ip, &to)) {
		if (to)
			uc->ip = to;
		else
			tl_search_busy(s, uc->ip);
	}
	tl_search_stack(s, uc->sp);
}

static void answer(int sig, const struct tl_siginfo *info,
		   struct tl_ucontext *uc)
{
	(void)sig;
	if ((info->value & 0xffffffff) != MAGIC)
		return;
	__atomic_fetch_add(&ask.inside, 1, __ATOMIC_SEQ_CST); /* A2 */
	if (__atomic_load_n(&ask.turn, __ATOMIC_SEQ_CST) ==   /* A1, A2 */
	    info->value >> 32) {
		look_at_myself(ask.search, uc);
		__atomic_fetch_add(&ask.answered, 1, __ATOMIC_RELEASE);
		tl_sys3(__NR_futex, (long)&ask.answered, FUTEX_WAKE_PRIVATE, 1);
	}
	__atomic_fetch_sub(&ask.inside, 1, __ATOMIC_RELEASE);
}

/* A signal that the program has no action for, with ours; 0: there is none. */
static int ask_signal(void)
{
	struct tl_sigaction old, act = {
		.handler = (uintptr_t)answer,
		.flags = TL_SA_SIGINFO | TL_SA_RESTORER | TL_SA_ONSTACK |
			 TL_SA_RESTART,
		.restorer = (uintptr_t)tl_sigtrap_restorer,
		.mask = ~TL_SIG_FAULTS,
	};

	for (int sig = LAST_RT; sig >= FIRST_RT; sig--) {
		if (tl_sys4(__NR_rt_sigaction, sig, 0, (long)&old,
			    sizeof(old.mask)))
			continue;
		if (old.handler == act.handler)
			return sig;
		if (!old.handler && !tl_sys4(__NR_rt_sigaction, sig, (long)&act,
					     0, sizeof(act.mask)))
			return sig;
	}
	return 0;
}

/* ---- /proc/self/task ------------------------------------------------------------ */

static char *put_text(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	*at = 0;
	return at;
}

/* "/proc/self/task/@tid/@name" */
static void task_path(char *path, const char *tid, const char *name)
{
	char *at = put_text(path, "/proc/self/task/");

	at = put_text(at, tid);
	at = put_text(at, "/");
	put_text(at, name);
}

/* Read /proc/self/task/@tid/@name.  Bytes read, or negative. */
static long read_task(const char *tid, const char *name, char *buf, size_t room)
{
	char path[64];
	long n;
	int fd;

	task_path(path, tid, name);
	buf[0] = 0;
	fd = tl_open(path, TL_O_RDONLY);
	if (fd < 0)
		return fd;
	n = tl_sys3(__NR_read, fd, (long)buf, room - 1);
	tl_close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n;
}

/* Does @err, of read_task(), say that there is no such thread? */
static bool has_gone(long err)
{
	return err == -TL_ENOENT || err == -TL_ESRCH;
}

static long to_number(const char *s)
{
	long n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + *s++ - '0';
	return n;
}

int tl_threads_each_other(void (*fn)(const char *tid, void *arg), void *arg)
{
	long self = tl_sys0(__NR_gettid);
	int fd = tl_open("/proc/self/task", TL_O_RDONLY | TL_O_DIRECTORY);
	char buf[1024] __attribute__((aligned(8)));
	long n;

	if (fd < 0)
		return fd;
	while ((n = tl_sys3(__NR_getdents64, fd, (long)buf, sizeof(buf))) > 0) {
		struct dirent64 *d;

		for (long at = 0; at < n; at += d->reclen) {
			d = (struct dirent64 *)(buf + at);
			if (d->name[0] != '.' && to_number(d->name) != self)
				fn(d->name, arg);
		}
	}
	tl_close(fd);
	return (int)n;
}

/* What follows the name in the status of thread @tid, into @text; or negative. */
static long read_stat(uint32_t tid, char *text, size_t room, const char **rest)
{
	char name[12], *at = name + sizeof(name) - 1;
	long n;

	*at = 0;
	do
		*--at = (char)('0' + tid % 10);
	while (tid /= 10);
	n = read_task(at, "stat", text, room);
	*rest = text;
	for (long i = 0; i < n; i++)
		if (text[i] == ')')
			*rest = text + i + 1;
	return n;
}

bool tl_thread_has_ended(uint32_t tid)
{
	char text[512];
	const char *rest;
	long n = read_stat(tid, text, sizeof(text), &rest);

	if (n <= 0)
		return has_gone(n);
	return rest[1] == 'Z' || rest[1] == 'X';
}

/* The 22nd word, by its number in proc(5); the name was the second. */
uint64_t tl_thread_since(uint32_t tid)
{
	char text[512];
	const char *at;
	int word = 2;

	if (read_stat(tid, text, sizeof(text), &at) <= 0)
		return 0;
	for (; *at && word < 22; at++)
		word += *at == ' ';
	return (uint64_t)to_number(at);
}

/* What looks for the line "SigBlk:\t%016x", character by character. */
struct seeking {
	size_t matched;
	uint64_t value;
	bool done;
};

static void seek(struct seeking *s, char c)
{
	static const char name[] = "\nSigBlk:\t";

	if (s->matched < sizeof(name) - 1)
		s->matched = c == name[s->matched] ? s->matched + 1 : c == '\n';
	else if (c == '\n')
		s->done = true;
	else
		s->value = s->value << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
}

/*
 * The signals that thread @tid blocks, none if it has gone; false: nobody can tell.
 * (The line before has the groups, of which there may be thousands.)
 */
static bool blocked_by(const char *tid, uint64_t *mask)
{
	struct seeking s = { .done = false };
	char path[64], buf[2048];
	long n = 0;
	int fd;

	task_path(path, tid, "status");
	*mask = 0;
	fd = tl_open(path, TL_O_RDONLY);
	if (fd < 0)
		return has_gone(fd);
	while (!s.done &&
	       (n = tl_sys3(__NR_read, fd, (long)buf, sizeof(buf))) > 0)
		for (long i = 0; i < n && !s.done; i++)
			seek(&s, buf[i]);
	tl_close(fd);
	*mask = s.value;
	return s.done || has_gone(n);
}

/* ---- threads that sleep ---------------------------------------------------------- */

static bool hex(const char **at, uintptr_t *v)
{
	const char *s = *at;

	*v = 0;
	while (*s == ' ')
		s++;
	if (s[0] != '0' || s[1] != 'x')
		return false;
	for (s += 2;; s++) {
		if (*s >= '0' && *s <= '9')
			*v = *v << 4 | (*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			*v = *v << 4 | (*s - 'a' + 10);
		else
			break;
	}
	*at = s;
	return true;
}

/*
 * "running", or "NR six-arguments sp pc", or "-1 sp pc": the last two numbers.
 * False: it runs, or nobody can tell.
 */
static bool asleep_at(const char *text, uintptr_t *sp, uintptr_t *pc)
{
	bool in_call = text[0] != '-';
	uintptr_t skip;

	if (text[0] == 'r' || !text[0])
		return false;
	while (*text && *text != ' ')
		text++;
	for (int i = 0; in_call && i < 6; i++)
		if (!hex(&text, &skip))
			return false;
	return hex(&text, sp) && hex(&text, pc);
}

static bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Look at a sleeping thread.  False: it must be asked. */
static bool look_asleep(struct tl_search *s, const char *tid)
{
	char before[160], after[160];
	uintptr_t sp, pc, to;

	if (read_task(tid, "syscall", before, sizeof(before)) == -TL_ESRCH)
		return true;
	if (!asleep_at(before, &sp, &pc))
		return false;
	if (is_borrowed(pc)) {
		all_busy(s); /* It will go on where only the command knows. */
		return true;
	}
	if (tl_search_hit(s, pc, &to))
		tl_search_busy(s, pc);
	tl_search_stack(s, sp);
	read_task(tid, "syscall", after, sizeof(after));
	return same_text(before, after);
}

static void put_number(char *at, unsigned int n)
{
	char digits[16];
	int i = 0;

	do
		digits[i++] = '0' + n % 10;
	while (n /= 10);
	while (i)
		*at++ = digits[--i];
	*at = 0;
}

int tl_threads_at(const struct tl_context *cx, uintptr_t *sp)
{
	int tid = tl_context_thread(cx);
	char name[16], text[160];
	uintptr_t pc;

	if (!tid)
		return -TL_ENOENT;
	if (tl_sys3(__NR_tgkill, tl_sys0(__NR_getpid), tid, 0) == -TL_ESRCH ||
	    tl_thread_has_ended(tid))
		return 1;
	if (tl_is_emulated())
		return -TL_EAGAIN;
	put_number(name, tid);
	if (read_task(name, "syscall", text, sizeof(text)) <= 0)
		return -TL_EAGAIN;
	return asleep_at(text, sp, &pc) ? 0 : -TL_EAGAIN;
}

/* ---- under an emulator ------------------------------------------------------------ */

/*
 * "NR fd buffer length ... sp pc", of the very read() that reads it: the number is
 * ours, and the stack pointer is near.
 */
static bool tells_of_us(const char *text)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), sp, pc;

	return to_number(text) == __NR_read && asleep_at(text, &sp, &pc) &&
	       here + NEAR - sp < 2 * NEAR;
}

bool tl_is_emulated(void)
{
	static int known = -1; /* under the registration lock */
	char text[160], name[16];

	if (known < 0) {
		put_number(name, tl_sys0(__NR_gettid));
		known = read_task(name, "syscall", text, sizeof(text)) > 0 &&
			!tells_of_us(text);
	}
	return known;
}

static bool blocks_all(const char *tid)
{
	uint64_t never = TL_SIG_BIT(9) | TL_SIG_BIT(19) | TL_SIG_BIT(32) |
			 TL_SIG_BIT(33);
	uint64_t blocked;

	return blocked_by(tid, &blocked) && (blocked | never) == ~0UL;
}

/* Is thread @tid the emulator's own? */
static bool is_helper(const char *tid)
{
	static long helpers[HELPERS]; /* under the registration lock */
	long number = to_number(tid);
	int i;

	for (i = 0; i < HELPERS && helpers[i]; i++)
		if (helpers[i] == number)
			return true;
	for (int k = 0; k < HELPER_LOOKS; k++) {
		if (!blocks_all(tid))
			return false;
		tl_sleep_us(500);
	}
	if (i < HELPERS)
		helpers[i] = number;
	return true;
}

/* ---- the asking thread ------------------------------------------------------------ */

struct round {
	struct tl_search *search;
	int signal;
	uint32_t turn;
	uint32_t asked;
};

/*
 * A thread that blocks the signal may be waiting for it, and would get it.  One
 * that blocks nearly all is in our handler of SIGTRAP, or in a short section.
 */
static bool may_be_asked(const char *tid, int sig)
{
	uint64_t never = TL_SIG_FAULTS | TL_SIG_BIT(9) | TL_SIG_BIT(19);
	uint64_t blocked = 0;

	if (!tl_is_emulated() && !blocked_by(tid, &blocked))
		return false;
	return !(blocked & TL_SIG_BIT(sig)) || (blocked | never) == ~0UL;
}

static void look_at(const char *tid, void *arg)
{
	struct round *r = arg;
	struct tl_siginfo info = { .signo = r->signal, .code = TL_SI_QUEUE };
	long err;

	if (tl_is_emulated() ? is_helper(tid) : look_asleep(r->search, tid))
		return;
	if (!r->signal || !may_be_asked(tid, r->signal)) {
		all_busy(r->search);
		return;
	}
	info.pid = tl_sys0(__NR_getpid);
	info.value = (uint64_t)r->turn << 32 | MAGIC;
	err = tl_sys4(__NR_rt_tgsigqueueinfo, info.pid, to_number(tid),
		      r->signal, (long)&info);
	if (!err)
		r->asked++;
	else if (err != -TL_ESRCH)
		all_busy(r->search);
}

/*
 * Wait for @n answers, as long as there are some now and then.  Asleep, since on a
 * busy machine those who are asked need the CPU that we are on.  False: they did
 * not all come in time.
 */
static bool wait_for_answers(uint32_t n)
{
	struct tl_timespec turn = { 0, WAIT_TURN_NS };
	uint32_t seen, before = 0;

	for (int i = 0; i < WAIT_TURNS; i++) {
		seen = __atomic_load_n(&ask.answered, __ATOMIC_ACQUIRE);
		if (seen == n)
			return true;
		if (seen != before)
			i = 0;
		before = seen;
		tl_sys4(__NR_futex, (long)&ask.answered, FUTEX_WAIT_PRIVATE,
			seen, (long)&turn);
	}
	return false;
}

void tl_threads_search(struct tl_search *s)
{
	static uint32_t turns; /* under the registration lock */
	struct round r = { .search = s, .signal = ask_signal() };
	struct tl_stack *stacks;

	/* Who was inside when a parent forked is not here. */
	if (ask.process != (uint32_t)tl_sys0(__NR_getpid))
		ask.inside = 0;
	ask.process = tl_sys0(__NR_getpid);
	if (!++turns)
		turns = 1;
	r.turn = turns;
	stacks = tlh_alloc(TL_MAX_STACKS * sizeof(*stacks));
	if (stacks)
		tl_search_note_stacks(s, stacks);
	ask.search = s;
	ask.answered = 0;
	__atomic_store_n(&ask.turn, r.turn, __ATOMIC_RELEASE); /* A1 */
	if (tl_threads_each_other(look_at, &r))
		all_busy(s); /* nobody can tell who there is */
	if (!wait_for_answers(r.asked))
		all_busy(s);
	__atomic_store_n(&ask.turn, 0, __ATOMIC_SEQ_CST); /* A2 */
	while (__atomic_load_n(&ask.inside, __ATOMIC_SEQ_CST))
		tl_sys0(__NR_sched_yield);
	tlh_free(stacks, TL_MAX_STACKS * sizeof(*stacks));
}

/* ---- masks ------------------------------------------------------------------------- */

static void check_mask(const char *tid, void *arg)
{
	uint64_t blocked;

	if (!blocked_by(tid, &blocked) || blocked & TL_SIG_BIT(TL_SIGTRAP))
		*(bool *)arg = true;
}

bool tl_threads_block_sigtrap(void)
{
	uint64_t mine = 0;
	bool blocked;

	tl_sys4(__NR_rt_sigprocmask, 0, 0, (long)&mine, sizeof(mine));
	blocked = mine & TL_SIG_BIT(TL_SIGTRAP);
	if (!tl_is_emulated() && tl_threads_each_other(check_mask, &blocked))
		return true; /* nobody can tell */
	return blocked;
}
