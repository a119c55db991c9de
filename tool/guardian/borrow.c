/* SPDX-License-Identifier: MIT */
/*
 * borrow.c - how the worker W comes to be inside the target
 *
 * One thread T of the target runs stub.S, for some tens of microseconds.  The
 * order of the steps is such that the caller may be killed between any two:
 *
 *     step                                 T by itself would, if we died here
 *     1. seize, interrupt T                go on as if nothing had been
 *     2. write the stub into the cave      the same; the cave is dead code
 *     3. T's registers lead to the stub    run it: I and W exit at once, T goes
 *                                          on where it was
 *     4. T's signals are blocked           the same; the stub's mask is T's own
 *     5. I and W are born                  the same
 *     6. T's own mask is put back          the same: the rest of the stub
 *     7. T's exact registers are put back  go on as if nothing had been
 *
 * The exact registers hold what the stub's literals cannot: an interrupted
 * system call with its number and -ERESTART* result, from which the kernel
 * decides, by the signal that comes next, if it is restarted or ends with
 * EINTR.  Since all signals are blocked from 4 to 6 none is handled before
 * that decision.
 *
 * In the same way T gives birth to a caller, a thread of the target's own: there
 * is no I then, and nobody is waited for.
 *
 * A cave is the rest of the last page of an executable file mapping, behind the
 * end of its segment.
 */
#define _GNU_SOURCE
#include "worker.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <protocol.h>
#include <session.h>

#include "guardian.h"
#include "judge.h"
#include "library.h"
#include "loan.h"
#include "maps.h"
#include "net.h"
#include "text.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define PAGE	4096ul
#define STUB_MS 3000
/* Until one of all threads has stopped, on a busy machine. */
#define BORROW_MS 3000

/* linux/sched.h has it, for the kernel alone; /proc/PID/stat shows it. */
#define PF_IO_WORKER 0x10
#define TURN_US	     20000

_Static_assert(offsetof(struct tl_call, alive) == 44, "CALL_ALIVE of stub.S");

bool worker_force;

/* ---- the cave ------------------------------------------------------------ */

/*
 * Where the segment that @m maps ends in the file @fd; 0: it is not known.
 * What the program headers say is checked against the mapping.
 */
static uint64_t segment_end(int fd, const struct map *m)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG) ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(p))
		return 0;
	for (unsigned int i = 0; i < e.e_phnum && i < 64; i++) {
		if (pread(fd, &p, sizeof(p),
			  (off_t)(e.e_phoff + i * sizeof(p))) != sizeof(p))
			return 0;
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) ||
		    p.p_filesz != p.p_memsz)
			continue;
		if ((p.p_offset & ~(PAGE - 1)) <= m->offset &&
		    p.p_offset + p.p_filesz > m->offset &&
		    p.p_offset + p.p_filesz <= m->offset + (m->end - m->start))
			return p.p_offset + p.p_filesz;
	}
	return 0;
}

/* A cave in @m: true, and @c is filled in. */
static bool cave_in(struct cave *c, const struct map *m, pid_t pid)
{
	uint64_t end, at, page_end;
	int fd;

	if (!map_is_text(m))
		return false;
	fd = map_open(m, pid);
	if (fd < 0)
		return false;
	end = segment_end(fd, m);
	/* 64 bytes of distance, for code that fetches or reads ahead. */
	at = (end + 64 + 15) & ~15ul;
	page_end = (end + PAGE - 1) & ~(PAGE - 1);
	/* Always the same in one file: it is how a stub that was left is found. */
	c->skip = at + STUB_BYTES > page_end
			  ? (size_t)(tl_stub_worker - tl_stub)
			  : 0;
	c->len = STUB_BYTES - c->skip;
	if (!end || at + c->len > page_end ||
	    m->start + (page_end - m->offset) != m->end) {
		close(fd);
		return false;
	}
	/* Behind the end of the file there are zeros. */
	memset(c->file, 0, sizeof(c->file));
	if (pread(fd, c->file, c->len, (off_t)at) < 0)
		end = 0;
	close(fd);
	c->at = m->start + (at - m->offset);
	return end != 0;
}

uint64_t worker_cave_rest(const struct map *m, pid_t pid, size_t n, bool *both)
{
	struct cave c;
	uint64_t end;

	if (!cave_in(&c, m, pid) || c.len < n)
		return 0;
	end = (c.at | (PAGE - 1)) + 1;
	*both = c.at + c.len + n <= end;
	return *both ? (end - n) & ~15ul : c.at;
}

static bool holds_stub(const struct cave *c, const uint8_t *now)
{
	return !memcmp(now + (tl_stub_magic - tl_stub) - c->skip, tl_stub_magic,
		       (size_t)(tl_stub_end - tl_stub_magic));
}

static bool suits_us(const struct cave *c, int mem, bool pristine)
{
	uint8_t now[STUB_MAX];

	if (mem_read(mem, now, c->at, c->len))
		return false;
	return pristine ? !memcmp(now, c->file, c->len) : holds_stub(c, now);
}

/*
 * The target's libtrapline, as of look_for_library(): it has a cave for us, in
 * text that it never changes.
 */
static struct library library;

static void look_for_library(pid_t pid)
{
	if (library_find(&library, pid))
		library = (struct library){ 0 };
}

static bool cave_in_library(struct cave *c)
{
	*c = (struct cave){ .at = library.cave, .len = STUB_BYTES };
	loan_cave_bytes(c->file, sizeof(c->file));
	return library.cave != 0;
}

/*
 * The first caves of @pid, @most of them, that are @pristine, or else that a stub is
 * in: how many, or a negative errno.
 */
static int find_caves(struct cave *c, int most, pid_t pid, int mem,
		      bool pristine)
{
	struct maps maps;
	int n = 0, err;

	if (cave_in_library(c) && suits_us(c, mem, pristine) && ++n == most)
		return n;
	err = maps_read(&maps, pid);
	if (err)
		return err;
	for (size_t i = 0; i < maps.n && n < most; i++)
		n += cave_in(&c[n], &maps.map[i], pid) &&
		     suits_us(&c[n], mem, pristine);
	maps_free(&maps);
	return n;
}

static int find_cave(struct cave *c, pid_t pid, int mem, bool pristine)
{
	int n = find_caves(c, 1, pid, mem, pristine);

	return n > 0 ? 0 : n < 0 ? n : -ENOENT;
}

static bool files_are_left(void)
{
	int fds[4], n = 0;

	while (n < 4 && (fds[n] = open("/proc", O_PATH | O_CLOEXEC)) >= 0)
		n++;
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return n == 4;
}

/* Caves for one that is to be borrowed; a caller is born where all of the stub is. */
static int offer_caves(struct cave *c, pid_t pid, int mem, bool caller)
{
	int n = find_caves(c, LOAN_CAVES, pid, mem, true), whole = 0;

	/* It takes a few files to look. */
	if (n <= 0 && !files_are_left())
		return refuse(-EMFILE, "too many open files");
	for (int i = 0; caller && i < n; i++)
		if (!c[i].skip)
			c[whole++] = c[i];
	if (n > 0 && caller)
		n = whole;
	return n > 0 ? n
		     : refuse(n < 0 ? n : -ENOENT,
			      "no unused bytes at the end of a code segment");
}

/* T is stopped: that from which it finds its way back. */
static int choose_cave(struct loan *l, const struct cave *c, int n)
{
	for (int i = 0; i < n; i++)
		if (loan_reaches(l, &c[i])) {
			l->cave = c[i];
			return 0;
		}
	return refuse(-EAGAIN,
		      "thread %d runs code that is far from any unused bytes",
		      l->tid);
}

/* ---- the thread ---------------------------------------------------------- */

/* How well @tid suits: 0 not at all. */
static int suits(pid_t pid, pid_t tid)
{
	char path[64], text[512], *p;
	unsigned int flags;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	if (!p || strlen(p) < 3)
		return 0;
	/* Those of io_uring are the kernel's own, whatever it says of them. */
	if (sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	    (flags & PF_IO_WORKER))
		return 0;
	/* In D it may be waiting for a vfork child, which is soon over. */
	switch (p[2]) {
	case 'R':
		return 4;
	case 'S':
		return 3;
	case 'T':
		return 2;
	case 'D':
		return 1;
	}
	return 0;
}

int loan_event_stop(pid_t pid, int event, unsigned int ms, bool *delivered)
{
	int status, err, sig;

	for (int i = 0; i < 100; i++) {
		err = wait_for(pid, &status, ms);
		if (err <= 0)
			return err ? -ESRCH : -EAGAIN;
		if (!WIFSTOPPED(status))
			return -ESRCH;
		if (status >> 16 == event)
			return 0;
		sig = WSTOPSIG(status);
		if (status >> 16 || sig == (SIGTRAP | 0x80))
			sig = 0;
		if (sig && delivered)
			*delivered = true;
		if (ptrace(PTRACE_CONT, pid, 0, sig))
			return -ESRCH;
		ms = STOP_MS;
	}
	return -EAGAIN;
}

/* The signals that wait for @tid; @own: only those that were sent to it alone. */
static uint64_t pending(pid_t pid, pid_t tid, bool own)
{
	char path[64], line[256];
	uint64_t set, all = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return ~0ul;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "SigPnd: %lx", &set) == 1 ||
		    (!own && sscanf(line, "ShdPnd: %lx", &set) == 1))
			all |= set;
	fclose(f);
	return all;
}

/* Are there signals that @tid would handle before it goes on? */
static bool signal_pending(pid_t pid, pid_t tid, uint64_t mask)
{
	return (pending(pid, tid, false) & ~mask) != 0;
}

/*
 * Has @tid raised a signal that it has not got yet?  It belongs to the place
 * where it stands: a breakpoint of its own libtrapline, for one, is known by the
 * address.  If we died the signal would come in the stub.
 */
static bool in_fault(pid_t pid, pid_t tid)
{
	static const int faults[] = { SIGTRAP, SIGSEGV, SIGBUS,
				      SIGILL,  SIGFPE,	SIGSYS };
	uint64_t set = pending(pid, tid, true);

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (set & 1ul << (faults[i] - 1))
			return true;
	return false;
}

/*
 * A thread inside a restartable sequence cannot go on in it: the kernel forgets
 * the sequence when it sees the thread elsewhere.  It goes on at the abort
 * address, as after any pre-emption.
 */
static void abort_sequence(struct loan *l)
{
	struct __ptrace_rseq_configuration c = { 0 };
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} cs;
	uint64_t at;

	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, l->tid, sizeof(c), &c) <= 0 ||
	    !c.rseq_abi_pointer ||
	    mem_read(l->mem, &at, c.rseq_abi_pointer + 8, 8) || !at ||
	    mem_read(l->mem, &cs, at, sizeof(cs)))
		return;
	if (isa_pc(&l->exact) - cs.start < cs.length) {
		isa_set_pc(&l->exact, cs.abort);
		isa_no_syscall(&l->exact);
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * Seize and stop T, and look at it.  One that did not stop in time before is
 * @seized, and may have stopped since.
 */
static int take(struct loan *l, bool seized)
{
	bool delivered = false;
	int err;

	/*
	 * Without options: a child that T makes before it stops is its own, and
	 * must not be stopped at birth.
	 */
	if (!seized && ptrace(PTRACE_SEIZE, l->tid, 0, 0))
		return refuse(suits(l->pid, l->tid) ? -errno : -EAGAIN,
			      "cannot trace thread %d: %s", l->tid,
			      strerror(errno));
	session_kill_point(1);
	if (!seized)
		loan_look(&l->before, l->call);
	if (!seized && ptrace(PTRACE_INTERRUPT, l->tid, 0, 0))
		return -ESRCH;
	err = loan_event_stop(l->tid, PTRACE_EVENT_STOP, seized ? 0 : STOP_MS,
			      &delivered);
	l->untouched = err == -EAGAIN;
	if (delivered)
		l->before.known = false;
	if (err)
		return err;
	l->since = now_ns();
	if (isa_get_regs(l->tid, &l->exact) ||
	    ptrace(PTRACE_GETSIGMASK, l->tid, 8, &l->mask))
		return -ESRCH;
	if (!isa_is_wide(&l->exact))
		return refuse(-EAGAIN, "thread %d runs 32-bit code", l->tid);
	if (in_fault(l->pid, l->tid))
		return refuse(-EAGAIN, "thread %d is in a fault", l->tid);
	err = loan_suits(l);
	if (err)
		return err;
	abort_sequence(l);
	if (loan_plan(l, signal_pending(l->pid, l->tid, l->mask)))
		return -ESRCH;
	session_kill_point(2);
	if (ptrace(PTRACE_SETOPTIONS, l->tid, 0,
		   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			   PTRACE_O_TRACESYSGOOD))
		return -ESRCH;
	return judge_seccomp(l->tid, worker_force);
}

/* Resume @pid until its next stop or end of any kind. */
static int next_stop(pid_t pid, enum __ptrace_request how, int *status)
{
	int err;

	if (how && ptrace(how, pid, 0, 0))
		return -ESRCH;
	err = wait_for(pid, status, STUB_MS);
	return err > 0 ? 0 : err < 0 ? -ESRCH : -ETIMEDOUT;
}

/* T comes out of its clone, waits for I, and stops behind that. */
static int come_back(struct loan *l)
{
	struct isa_regs r;
	int status, err;

	for (int i = 0; i < 20; i++) {
		err = next_stop(l->tid, i || l->reap ? PTRACE_SYSCALL : 0,
				&status);
		if (err)
			return err;
		if (!WIFSTOPPED(status))
			return -ESRCH;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		if (isa_get_regs(l->tid, &r))
			return -ESRCH;
		if (isa_syscall(&r) == SYS_wait4 && isa_at_exit(&r))
			return 0;
	}
	return -ETIMEDOUT;
}

/* A clone has ended with @err: the reason, and -ECHILD. */
static int barren(const struct loan *l, long err)
{
	const char *why = err ? strerror((int)-err) : "it failed";
	char limit[32];

	if (err == -EAGAIN) {
		judge_limit(l->pid, "Max processes", limit, sizeof(limit));
		return refuse(
			-ECHILD,
			"process %d may make no further process (clone: %s): its RLIMIT_NPROC (%s) or its control group's pids.max is reached; 'prlimit --pid %d --nproc=NUMBER' raises the first",
			l->pid, why, limit, l->pid);
	}
	if (err == -ENOMEM)
		return refuse(
			-ECHILD,
			"process %d may make no further process (clone: %s): memory is short, or the PID namespace for its children has ended",
			l->pid, why);
	return refuse(-ECHILD,
		      "process %d may make no further process (clone: %s)",
		      l->pid, why);
}

/*
 * After unshare(CLONE_NEWPID) the next child of T would be the first process
 * of the new namespace, which ends with it: T could have no child ever after.
 * Until there is one the link to that namespace cannot be read.
 */
static int first_child_counts(pid_t pid, pid_t tid)
{
	char path[80], link[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/ns/pid_for_children",
		 pid, tid);
	if (readlink(path, link, sizeof(link)) >= 0 || errno != ENOENT ||
	    lstat(path, &st))
		return 0;
	return refuse(
		-ECHILD,
		"process %d has called unshare(CLONE_NEWPID), and the next process that it makes must be its own; after that one it can be traced",
		pid);
}

/* The error of the call that @tid has come back from; 0: there is none. */
static long call_failed(pid_t tid, int status)
{
	struct isa_regs r;

	if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80) ||
	    isa_get_regs(tid, &r) || !isa_at_exit(&r) || isa_result(&r) >= 0)
		return 0;
	return isa_result(&r);
}

/* T is at the entry of its clone; W is born and stays, I is gone. */
static int give_birth(struct loan *l)
{
	unsigned long message;
	long failed = 0;
	int status, err;

	do {
		err = next_stop(l->tid, PTRACE_SYSCALL, &status);
		if (err)
			return err;
		if (!WIFSTOPPED(status))
			return -ESRCH;
		failed = call_failed(l->tid, status);
		if (failed)
			return barren(l, failed);
	} while (status >> 16 != PTRACE_EVENT_VFORK);
	if (ptrace(PTRACE_GETEVENTMSG, l->tid, 0, &message))
		return -ESRCH;
	l->middle = (pid_t)message;
	session_kill_point(6);
	err = next_stop(l->middle, 0, &status);
	if (err || ptrace(PTRACE_SYSCALL, l->tid, 0, 0))
		return -ESRCH;
	session_kill_point(7);
	do {
		err = next_stop(l->middle, PTRACE_SYSCALL, &status);
		if (err)
			return err;
		if (!WIFSTOPPED(status)) {
			l->middle = 0;
			err = barren(l, failed);
			/* T waits for it as ever. */
			return come_back(l) ? -ESRCH : err;
		}
		if (call_failed(l->middle, status))
			failed = call_failed(l->middle, status);
	} while (status >> 16 != PTRACE_EVENT_CLONE);
	if (ptrace(PTRACE_GETEVENTMSG, l->middle, 0, &message))
		return -ESRCH;
	session_kill_point(8);
	err = next_stop((pid_t)message, 0, &status);
	if (err || !WIFSTOPPED(status))
		return -ESRCH;
	l->worker = (pid_t)message;
	session_kill_point(9);
	do {
		err = next_stop(l->middle, PTRACE_CONT, &status);
	} while (!err && WIFSTOPPED(status));
	l->middle = 0;
	session_kill_point(10);
	return err;
}

/*
 * The caller has stopped before its first instruction: lead it out of the cave,
 * which gets its own bytes again.
 */
static int lead_caller(struct loan *l)
{
	struct caller *c = l->caller;
	struct isa_regs r;
	int status, err = next_stop(c->tid, 0, &status);

	if (err || !WIFSTOPPED(status))
		return err ? err : -ESRCH;
	if (ptrace(PTRACE_SETOPTIONS, c->tid, 0, 0) || isa_get_regs(c->tid, &r))
		return -ESRCH;
	isa_set_pc(&r, c->server);
	isa_set_arg0(&r, c->call);
	isa_no_syscall(&r);
	return isa_set_regs(c->tid, &r) ? -ESRCH : 0;
}

/* T is at the entry of its clone; it comes out of it, and the caller is born. */
static int bear_caller(struct loan *l)
{
	struct isa_regs r;
	unsigned long message;
	int status, err;

	for (int i = 0; i < 20; i++) {
		err = next_stop(l->tid, PTRACE_SYSCALL, &status);
		if (err)
			return err;
		if (!WIFSTOPPED(status))
			return -ESRCH;
		if (status >> 16 == PTRACE_EVENT_CLONE) {
			if (ptrace(PTRACE_GETEVENTMSG, l->tid, 0, &message))
				return -ESRCH;
			l->caller->tid = (pid_t)message;
			session_kill_point(41);
		}
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
		    isa_get_regs(l->tid, &r) || isa_syscall(&r) != SYS_clone ||
		    !isa_at_exit(&r))
			continue;
		if (isa_result(&r) < 0)
			return barren(l, isa_result(&r));
		l->caller->parent_thread =
			isa_thread_pointer(l->tid, &l->exact);
		return l->caller->tid ? lead_caller(l) : -ESRCH;
	}
	return -ETIMEDOUT;
}

/* Threads that are to be let go when they stop, see worker_strays(). */
#define MAX_STRAYS 64
static struct {
	pid_t tid;
	bool untouched; /* it was asked to stop, and that is all */
	struct sleep before;
} strays[MAX_STRAYS];

static void add_stray(pid_t tid, bool untouched, const struct sleep *before)
{
	for (int i = 0; i < MAX_STRAYS; i++)
		if (!strays[i].tid) {
			strays[i].tid = tid;
			strays[i].untouched = untouched;
			strays[i].before = *before;
			return;
		}
}

void worker_stray(pid_t tid)
{
	add_stray(tid, false, &(const struct sleep){ 0 });
}

enum stray { NO_STRAY, UNTOUCHED, TOUCHED };

static enum stray find_stray(pid_t tid, int *at)
{
	for (*at = 0; *at < MAX_STRAYS; ++*at)
		if (strays[*at].tid == tid)
			return strays[*at].untouched ? UNTOUCHED : TOUCHED;
	return NO_STRAY;
}

/* I and W, or what there is of them, end where they are. */
static void end_children(struct loan *l)
{
	pid_t child[] = { l->middle, l->worker };

	for (size_t i = 0; i < 2; i++) {
		if (!child[i])
			continue;
		kill(child[i], SIGKILL);
		waitpid(child[i], NULL, __WALL);
	}
	l->middle = l->worker = 0;
}

/* Let T go as it was; with @clean, nobody comes after it to empty the cave. */
static void give_back(struct loan *l, bool clean)
{
	struct worker via = { .pid = l->tid, .mem = l->mem };

	if (loan_end(l)) {
		worker_stray(l->tid);
		return;
	}
	if (clean)
		mem_write(&via, l->cave.at, l->cave.file, l->cave.len);
	ptrace(PTRACE_DETACH, l->tid, 0, 0);
}

static uint64_t in_cave(const struct loan *l, const uint8_t *label)
{
	return l->cave.at + (uint64_t)(label - tl_stub) - l->cave.skip;
}

/* T is stopped as it was found; run the stub on it. */
static int run_stub(struct loan *l)
{
	struct worker via = { .pid = l->tid, .mem = l->mem };
	struct isa_regs regs = l->literal;
	uint8_t stub[STUB_MAX];
	uint64_t all = ~0ul;
	int err;

	memcpy(stub, tl_stub, STUB_BYTES);
	loan_fill(stub, l);
	err = mem_write(&via, l->cave.at, stub + l->cave.skip, l->cave.len);
	if (err)
		return refuse(err, "its memory cannot be written: %s",
			      strerror(-err));
	session_kill_point(3);
	isa_enter(&regs, in_cave(l, l->caller ? tl_stub_caller
				    : l->reap ? tl_stub_reap
					      : tl_stub_worker));
	if (isa_set_regs(l->tid, &regs))
		return -ESRCH;
	session_kill_point(4);
	if (ptrace(PTRACE_SETSIGMASK, l->tid, 8, &all))
		return -ESRCH;
	session_kill_point(5);
	if (l->caller)
		return bear_caller(l);
	err = l->reap ? 0 : give_birth(l);
	if (!err)
		err = come_back(l);
	session_kill_point(11);
	return err;
}

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8u
#endif

/* A memory file in the worker; kernels before 6.3 do not know all flags. */
static int memory_file(struct worker *w, uint64_t name, unsigned int flags)
{
	unsigned int always = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long fd = worker_call(w, SYS_memfd_create, name, always | flags, 0, 0,
			      0, 0);

	if (fd == -EINVAL)
		fd = worker_call(w, SYS_memfd_create, name, always, 0, 0, 0, 0);
	/* vm.memfd_noexec forbids files to be run; they may be mapped all the same. */
	if (fd == -EACCES)
		fd = worker_call(w, SYS_memfd_create, name,
				 always | MFD_NOEXEC_SEAL, 0, 0, 0, 0);
	return (int)fd;
}

int worker_memory_file(struct worker *w, uint64_t name)
{
	return memory_file(w, name, 0);
}

/*
 * What the worker does first: it keeps none of the target's descriptors and
 * directories, and leaves its process group.  The names are still in the cave.
 */
static int first_calls(struct worker *w, const struct loan *l)
{
	long err;

	err = worker_call(w, SYS_close_range, 0, ~0u, 2 /* UNSHARE */, 0, 0, 0);
	session_kill_point(15);
	if (!err)
		err = worker_call(w, SYS_setsid, 0, 0, 0, 0, 0, 0) < 0 ? -EPERM
								       : 0;
	if (!err)
		err = worker_call(w, SYS_chdir, in_cave(l, tl_stub_root), 0, 0,
				  0, 0, 0);
	if (err)
		return refuse((int)err,
			      "our process in it cannot be set up: %s",
			      strerror((int)-err));
	w->code_fd = memory_file(w, in_cave(l, tl_stub_code), MFD_EXEC);
	w->figures_fd = memory_file(w, in_cave(l, tl_stub_figures), 0);
	session_kill_point(16);
	if (w->code_fd < 0 || w->figures_fd < 0)
		return refuse(-EACCES, "it may not make memory files");
	return 0;
}

/*
 * A target that is a PID namespace's first process, or a subreaper, is the
 * parent of what its children leave: the worker's, too.  What it knows it as,
 * or 0.
 */
static pid_t adopted_as(const struct loan *l)
{
	char path[64], line[256], *last;
	int parent = 0;
	pid_t inner = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", l->worker);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "PPid: %d", &parent);
		if (strncmp(line, "NSpid:", 6) == 0 &&
		    (last = strrchr(line, '\t')))
			inner = atoi(last);
	}
	if (f)
		fclose(f);
	return parent == l->pid ? inner : 0;
}

static int keep_worker(struct worker *w, struct loan *l)
{
	*w = (struct worker){
		.pid = l->worker,
		.target = l->pid,
		.mem = l->mem,
		.syscall_at = in_cave(l, tl_stub_syscall),
		.adopted = adopted_as(l),
	};
	if (ptrace(PTRACE_SETOPTIONS, l->worker, 0,
		   PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD))
		return -ESRCH;
	return first_calls(w, l);
}

/*
 * It has stopped now: a signal is passed on, and a call that our interruption
 * has ended is made again.
 */
static void part_with_stray(pid_t tid, int status, const struct sleep *before)
{
	int sig = status >> 16 ? 0 : WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80))
		sig = 0;
	if (status >> 16 == PTRACE_EVENT_STOP)
		loan_again(tid, before);
	ptrace(PTRACE_DETACH, tid, 0, (long)sig);
}

/*
 * Threads that were seized but did not stop.  They cannot be let go before they
 * stop, and are then at once.
 */
static int let_strays_go(bool untouched)
{
	int status, left = 0;

	for (int i = 0; i < MAX_STRAYS; i++) {
		if (!strays[i].tid || (strays[i].untouched && !untouched))
			continue;
		if (wait_for(strays[i].tid, &status, 0) == 0) {
			left++;
			continue;
		}
		part_with_stray(strays[i].tid, status, &strays[i].before);
		strays[i].tid = 0;
	}
	return left;
}

int worker_strays(void)
{
	return let_strays_go(true);
}

static uint64_t longest_loan_ns;

uint64_t worker_longest_loan(void)
{
	return longest_loan_ns;
}

/* Before all others, where that is allowed: T waits for us. */
static bool hurry(void)
{
	const struct sched_param low = { .sched_priority = 1 };

	return sched_getscheduler(0) == SCHED_OTHER &&
	       !sched_setscheduler(0, SCHED_RR, &low);
}

static void calm_down(bool hurried)
{
	const struct sched_param none = { 0 };

	if (hurried)
		sched_setscheduler(0, SCHED_OTHER, &none);
}

/*
 * Borrow @tid, for a worker, or to @reap one, or for a @caller.  -EAGAIN: another
 * may do.
 */
static int borrow(struct worker *w, pid_t pid, pid_t tid, pid_t reap,
		  struct caller *caller)
{
	struct loan l = {
		.pid = pid, .tid = tid, .reap = reap, .caller = caller
	};
	bool brief = reap || caller; /* nothing is done in the cave later */
	bool hurried, lost;
	struct cave caves[LOAN_CAVES];
	char path[64];
	int err, at, n;
	enum stray stray = find_stray(tid, &at);

	if (stray == TOUCHED)
		return -EAGAIN;
	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	l.mem = open(path, O_RDWR | O_CLOEXEC);
	if (l.mem < 0)
		return refuse(errno == ENOENT || errno == ESRCH ? -EAGAIN
								: -errno,
			      "cannot open its memory: %s", strerror(errno));
	err = brief ? 0 : first_child_counts(pid, tid);
	if (err)
		goto close_mem;
	n = offer_caves(caves, pid, l.mem, caller != NULL);
	if (n < 0) {
		err = n;
		goto close_mem;
	}
	l.call = loan_open(pid, tid);
	hurried = hurry();
	if (stray == UNTOUCHED) {
		l.before = strays[at].before;
		strays[at].tid = 0;
	}
	err = take(&l, stray == UNTOUCHED);
	if (l.call >= 0)
		close(l.call);
	if (!err)
		err = choose_cave(&l, caves, n);
	if (err) {
		if (ptrace(PTRACE_DETACH, tid, 0, 0))
			add_stray(tid, l.untouched, &l.before);
		calm_down(hurried);
		goto close_mem;
	}
	err = run_stub(&l);
	if (err)
		end_children(&l);
	/* A caller that could not be led goes its way through the cave. */
	lost = err && caller && caller->tid;
	if (lost)
		worker_stray(caller->tid);
	give_back(&l, (err || brief) && !lost);
	calm_down(hurried);
	if (now_ns() - l.since > longest_loan_ns)
		longest_loan_ns = now_ns() - l.since;
	if (err || brief)
		goto close_mem;
	err = keep_worker(w, &l);
	if (!err)
		return 0;
	mem_write(w, l.cave.at, l.cave.file, l.cave.len);
	end_children(&l);
	*w = (struct worker){ .mem = -1, .lost = true };
close_mem:
	close(l.mem);
	return err;
}

/* ---- which thread -------------------------------------------------------- */

/* The first to be tried is one that has stopped since we gave it up. */
static int how_good(pid_t pid, pid_t tid)
{
	int at;

	return find_stray(tid, &at) == UNTOUCHED ? 4 : suits(pid, tid);
}

/* None will do; in which state they are is all that is known. */
static int say_why_none(pid_t pid, int err)
{
	unsigned int all = 0, kernel = 0;
	char path[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (atoi(e->d_name) <= 0)
			continue;
		all++;
		kernel += suits(pid, atoi(e->d_name)) == 1;
	}
	if (d)
		closedir(d);
	if (kernel && kernel == all)
		return refuse(
			err,
			"no thread of it can be stopped: all wait in the kernel, for a vfork child or a disk; try again");
	return refuse(
		err,
		"no thread of it can be stopped: %u there were, and none stopped in %u s; try again",
		all, BORROW_MS / 1000);
}

/* So many threads may fail to make a process; the others would, too. */
#define MAX_BARREN 8

static int borrow_any(struct worker *w, pid_t pid, pid_t reap,
		      struct caller *caller)
{
	int err = -ESRCH, n_barren = 0;
	char path[64], why[400];
	struct dirent *e;
	DIR *d;

	refuse(0, "%s", "");
	for (int want = 4; want > 0; want--) {
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
		d = opendir(path);
		if (!d)
			return refuse(-ESRCH, "process %d is gone", pid);
		while ((e = readdir(d))) {
			pid_t tid = atoi(e->d_name);

			if (tid <= 0 || how_good(pid, tid) != want)
				continue;
			err = borrow(w, pid, tid, reap, caller);
			if (!err && caller)
				caller->parent = tid;
			if (err == -ECHILD) {
				snprintf(why, sizeof(why), "%s",
					 session_error());
				if (++n_barren < MAX_BARREN)
					continue;
			}
			if (err != -EAGAIN && err != -ESRCH) {
				closedir(d);
				return err;
			}
		}
		closedir(d);
	}
	return n_barren ? refuse(-ECHILD, "%s", why) : err;
}

/* ---- afterwards ---------------------------------------------------------- */

/*
 * A system call instruction in the target's own text.  The worker executes it and
 * nothing behind it, so it does not matter what these bytes belong to.
 */
uint64_t find_syscall(pid_t pid, int mem)
{
	uint8_t buf[4096];
	struct maps maps;
	uint64_t found = 0;

	if (maps_read(&maps, pid))
		return 0;
	for (size_t i = 0; i < maps.n && !found; i++) {
		const struct map *m = &maps.map[i];

		if (!map_is_text(m))
			continue;
		for (uint64_t at = m->start; at < m->end && !found;
		     at += 4096) {
			if (mem_read(mem, buf, at, sizeof(buf)))
				break;
			for (size_t k = 0; k + ISA_SYSCALL_BYTES <= sizeof(buf);
			     k += ISA_CODE_STEP)
				if (isa_is_syscall(buf + k)) {
					found = at + k;
					break;
				}
		}
	}
	maps_free(&maps);
	return found;
}

/*
 * Text that is never changed, where there is a library: the program and the
 * library go on changing the rest while the worker lives.
 */
static uint64_t syscall_for_worker(pid_t pid, int mem)
{
	return library.syscall_at ? library.syscall_at : find_syscall(pid, mem);
}

int worker_caller(pid_t pid, struct caller *c)
{
	uint64_t end = now_ns() + BORROW_MS * 1000000ull;
	int err;

	look_for_library(pid);
	do {
		c->tid = 0;
		err = borrow_any(NULL, pid, 0, c);
		/* -EPERM: a caller, and whoever traced it, that is at its end. */
		if (err != -EAGAIN && err != -ESRCH && err != -ENOENT &&
		    err != -EPERM)
			break;
		if (kill(pid, 0) && errno == ESRCH)
			return refuse(-ESRCH, "process %d is gone", pid);
		usleep(TURN_US);
		let_strays_go(false);
		/* One that was let go late has left the stub. */
		if (err == -ENOENT)
			worker_clean_cave(pid);
	} while (now_ns() < end);
	worker_strays();
	return err && !*session_error() ? say_why_none(pid, err) : err;
}

void worker_reap(pid_t pid, pid_t adopted)
{
	look_for_library(pid);
	for (int turn = 0; turn < 5; turn++) {
		if (!borrow_any(NULL, pid, adopted, NULL))
			break;
		usleep(5000);
		worker_strays();
	}
}

/* Nothing of a stub stays where no worker could be made. */
static int not_made(pid_t pid, int err)
{
	char why[400];

	snprintf(why, sizeof(why), "%s", session_error());
	worker_strays();
	if (err != -ESRCH)
		worker_clean_cave(pid);
	return refuse(err, "%s", why);
}

static void give_page_back(struct worker *w, uint64_t addr, size_t len)
{
	struct maps maps;

	if (maps_read(&maps, w->target))
		return;
	text_give_back(w, &maps, addr, len);
	maps_free(&maps);
}

int worker_make(struct worker *w, pid_t pid)
{
	uint64_t at, end = now_ns() + BORROW_MS * 1000000ull;
	struct cave c;
	int err;

	*w = (struct worker){ .mem = -1, .lost = true };
	err = worker_clean_cave(pid);
	if (err < 0 && judge_tracer(pid))
		return -EBUSY;
	if (err < 0)
		return refuse(
			err,
			"a thread of it is where another trapline needs it, or a killed one left it; try again");
	for (int turn = 0; now_ns() < end; turn++) {
		err = borrow_any(w, pid, 0, NULL);
		if (err != -EAGAIN && err != -ESRCH &&
		    (err != -ECHILD || turn >= 2))
			break;
		if (kill(pid, 0) && errno == ESRCH)
			return refuse(-ESRCH, "process %d is gone", pid);
		if (!files_are_left())
			return refuse(-EMFILE, "too many open files");
		usleep(TURN_US);
		let_strays_go(false);
	}
	worker_strays();
	if (err && !*session_error())
		say_why_none(pid, err);
	if (err)
		return not_made(pid, err);
	/* The cave gets its own bytes back, and its page. */
	at = 0;
	while (find_cave(&c, pid, w->mem, false) == 0) {
		mem_write(w, c.at, c.file, c.len);
		at = c.at;
	}
	session_kill_point(17);
	w->syscall_at = syscall_for_worker(pid, w->mem);
	if (!w->syscall_at) {
		worker_end(w);
		return refuse(-ENOENT,
			      "no system call instruction in its text");
	}
	/* Between a look at the page and its return the library may change it. */
	if (at && !library.copies)
		give_page_back(w, at, c.len);
	session_kill_point(18);
	return w->lost ? refuse(-ESRCH, "process %d is gone", pid) : 0;
}

#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_FILE	(1ull << 61)

/* Is the page at @addr a private copy? */
static bool page_is_copy(pid_t pid, uint64_t addr)
{
	uint64_t entry = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &entry, 8, (off_t)(addr / PAGE * 8)) != 8)
		entry = 0;
	close(fd);
	return (entry & PAGEMAP_PRESENT) && !(entry & PAGEMAP_FILE);
}

/* With everyone stopped: the stub in @c, if nobody is in it, goes. */
static int clean_stopped(const struct worker *w, pid_t pid,
			 const struct cave *c)
{
	struct tl_range range = { .start = c->at, .end = c->at + c->len };
	struct net *net;
	bool busy = false;
	int err;

	err = net_open(&net, pid, 0, NULL);
	if (err)
		return err;
	err = net_quiet(net, &range, 1, &busy);
	if (!err && busy)
		err = -EBUSY;
	if (!err)
		err = mem_write(w, c->at, c->file, c->len);
	net_close(net, NULL);
	return err;
}

int worker_clean_cave(pid_t pid)
{
	struct worker none = { .target = pid };
	struct cave c;
	char path[64];
	int err = 0, found = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	none.mem = open(path, O_RDWR | O_CLOEXEC);
	if (none.mem < 0)
		return 0;
	look_for_library(pid);
	/* Whoever is in it comes out by himself. */
	for (int turn = 0; turn < 1000 && err != -ESRCH; turn++) {
		if (find_cave(&c, pid, none.mem, false))
			break;
		found = 1;
		err = clean_stopped(&none, pid, &c);
		if (err)
			usleep(2000);
	}
	/* Nobody gives pages back where a library changes them. */
	if (!err && !found && !library.copies &&
	    !find_cave(&c, pid, none.mem, true))
		found = page_is_copy(pid, c.at) ? 2 : 0;
	close(none.mem);
	return err ? err : found;
}
