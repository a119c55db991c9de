/* SPDX-License-Identifier: MIT */
/*
 * judge.c - what may not be touched, and why
 *
 * Processes first, by what /proc tells of them; then each probe, by the object
 * file that its address is in.
 */
#define _GNU_SOURCE
#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code.h"
#include "find.h"
#include "follow.h"
#include "guardian.h"
#include "hold.h"
#include "isa.h"
#include "library.h"
#include "object.h"
#include "worker.h"

struct status {
	char state;
	int tgid, tracer, seccomp;
	bool kernel_thread, shadow_stack;
};

static bool read_status(struct status *s, pid_t pid)
{
	char path[64], line[512];
	bool memory = false;
	FILE *f;

	*s = (struct status){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "State: %c", &s->state);
		sscanf(line, "Tgid: %d", &s->tgid);
		sscanf(line, "TracerPid: %d", &s->tracer);
		sscanf(line, "Seccomp: %d", &s->seccomp);
		memory |= strncmp(line, "VmSize:", 7) == 0;
		if (strncmp(line, "x86_Thread_features:", 20) == 0)
			s->shadow_stack = strstr(line, "shstk") != NULL;
	}
	fclose(f);
	s->kernel_thread = !memory && s->state != 'Z' && s->state != 'X';
	return s->tgid != 0;
}

void judge_limit(pid_t pid, const char *label, char *buf, size_t size)
{
	char path[64], line[256], word[32];
	size_t n = strlen(label);
	FILE *f;

	snprintf(buf, size, "?");
	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, label, n) == 0 &&
		    sscanf(line + n, "%31s", word) == 1)
			snprintf(buf, size, "%s", word);
	if (f)
		fclose(f);
}

static void read_name(char *name, int size, pid_t pid)
{
	char path[64];
	FILE *f;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f && !fgets(name, size, f))
		name[0] = '\0';
	if (f)
		fclose(f);
}

/* Is @tracer one of us, by the name that it gave itself? */
static bool is_ours(pid_t tracer)
{
	char name[32];

	read_name(name, sizeof(name), tracer);
	return strcmp(name, "trapline-guard\n") == 0 ||
	       strcmp(name, "tl-net\n") == 0 ||
	       strcmp(name, FOLLOWER_NAME "\n") == 0;
}

pid_t judge_debugger(pid_t pid)
{
	struct status s;

	return read_status(&s, pid) && s.tracer && !is_ours(s.tracer) ? s.tracer
								      : 0;
}

int judge_tracer(pid_t pid)
{
	pid_t tracer = judge_debugger(pid);
	char name[32];

	if (!tracer)
		return 0;
	read_name(name, sizeof(name), tracer);
	if (strcmp(name, KEEPER_NAME "\n") == 0)
		return refuse(
			-EBUSY,
			"pages of process %d are watched by a 'trapline watch' (pid %d): nobody else can attach until that has ended",
			pid, tracer);
	return refuse(-EBUSY, "process %d is under a debugger (pid %d)", pid,
		      tracer);
}

static int yama_scope(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f && fscanf(f, "%d", &scope) != 1)
		scope = 0;
	if (f)
		fclose(f);
	return scope;
}

/* May we read and write its memory at all? */
static int judge_permission(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == ENOENT || errno == ESRCH)
		return refuse(-ESRCH, "no process %d", pid);
	if (geteuid() && yama_scope())
		return refuse(
			-EPERM,
			"no permission for process %d: run as root, or set kernel.yama.ptrace_scope to 0",
			pid);
	return refuse(
		-EPERM,
		"no permission for process %d: run as its owner or as root",
		pid);
}

static int judge_state(pid_t pid, const struct status *s)
{
	if (s->tgid != pid)
		return refuse(-EINVAL, "%d is a thread of process %d", pid,
			      s->tgid);
	if (s->state == 'Z' || s->state == 'X')
		return refuse(-ESRCH, "process %d is a zombie: it has ended",
			      pid);
	if (s->kernel_thread)
		return refuse(-EPERM, "%d is a kernel thread", pid);
	if (s->tracer && is_followed(pid))
		return refuse(
			-EBUSY,
			"process %d is followed by another trapline (pid %d), which alone can attach to it",
			pid, s->tracer);
	if (s->tracer && is_ours(s->tracer))
		return refuse(
			-EBUSY,
			"another trapline is at work on process %d just now (pid %d); try again",
			pid, s->tracer);
	if (s->tracer && judge_tracer(pid))
		return -EBUSY;
	if (s->seccomp == 1)
		return refuse(
			-EPERM,
			"process %d is in strict seccomp mode: it may not make our system calls",
			pid);
	return 0;
}

/*
 * Somebody of us may be there, or may have been and left something.  The tool
 * has looked, and would have joined him.
 */
static int judge_us(pid_t pid, bool look)
{
	struct worker w = { .mem = -1, .lost = true };
	struct found us;
	int err = 0;

	find_us(&us, pid);
	if (us.guardian && !look)
		err = refuse(
			-EBUSY,
			"another trapline has just begun with process %d (guardian: pid %d); try again",
			pid, us.guardian);
	else if (us.other)
		err = refuse(
			-EBUSY,
			"process %d is traced by another version of trapline (guardian: pid %d), which must end first",
			pid, us.other);
	else if (us.any && !look)
		err = undo(pid, &w, 2000);
	found_free(&us);
	return err < 0 ? err : 0;
}

/* Two engines in one memory would take each other's jumps for the program. */
static int judge_library(pid_t pid, struct nature *out)
{
	struct library lib;

	if (library_find(&lib, pid))
		return refuse(-ESRCH, "no process %d", pid);
	out->library = lib.copies;
	return lib.copies ? library_judge(&lib, pid) : 0;
}

int judge_process(pid_t pid, const struct session_options *opt,
		  struct nature *out)
{
	struct object exe;
	struct status s;
	char path[64];
	int err, fd;

	*out = (struct nature){ 0 };
	if (pid <= 0 || (kill(pid, 0) && errno == ESRCH) ||
	    !read_status(&s, pid))
		return refuse(-ESRCH, "no process %d", pid);
	if (pid == getpid())
		return refuse(-EINVAL, "process %d is trapline itself", pid);
	err = judge_state(pid, &s);
	if (!err)
		err = judge_permission(pid);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse(-errno,
			      "cannot read the program of process %d: %s", pid,
			      strerror(errno));
	err = object_read(&exe, fd);
	if (err) {
		close(fd);
		return refuse(
			-ENOEXEC,
			err == -ENOEXEC
				? "process %d is a 32-bit program, or not one for " ISA_NAME
				: "cannot read the program of process %d",
			pid);
	}
	close(fd);
	err = judge_library(pid, out);
	if (err)
		return err;
	out->go = exe.go;
	out->shadow_stack = s.shadow_stack;
	return judge_us(pid, opt->look);
}

/* ---- probes -------------------------------------------------------------- */

/* Facts of the objects that were asked about last. */
#define KEPT 256

static const struct object *object_of(pid_t pid, const struct map *m)
{
	static struct kept {
		uint64_t inode;
		uint32_t major, minor;
		struct object object;
	} kept[KEPT];
	static unsigned int next;
	struct kept *k;
	int fd;

	for (k = kept; k < kept + KEPT; k++)
		if (k->inode == m->inode && k->major == m->dev_major &&
		    k->minor == m->dev_minor)
			return &k->object;
	fd = map_open(m, pid);
	if (fd < 0)
		return NULL;
	k = &kept[next++ % KEPT];
	k->inode = 0;
	if (!object_read(&k->object, fd)) {
		k->inode = m->inode;
		k->major = m->dev_major;
		k->minor = m->dev_minor;
	}
	close(fd);
	return k->inode ? &k->object : NULL;
}

/* A jump covers at most this much. */
#define WINDOW 20

struct rseq_cs {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

/* Is there a restartable sequence of @o in [@first, @end)? */
static bool has_sequence(pid_t pid, const struct object *o, const struct map *m,
			 uint64_t first, uint64_t end)
{
	uint64_t bias = m->start - object_address(o, m->offset);
	struct rseq_cs cs;
	char path[64];
	bool in = false;
	int mem;

	if (!o->rseq_n)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	for (uint64_t i = 0; mem >= 0 && i < o->rseq_n && i < 10000 && !in;
	     i++) {
		if (mem_read(mem, &cs, bias + o->rseq_at + i * sizeof(cs),
			     sizeof(cs)))
			break;
		in = first < cs.start + cs.length && end > cs.start;
	}
	if (mem >= 0)
		close(mem);
	return in;
}

/*
 * Is there one where @p is to be armed?  They would abort for ever.  A timed
 * function may get probes anywhere.
 */
static bool in_sequence(pid_t pid, const struct object *o, const struct map *m,
			const struct session_probe *p)
{
	bool all = session_follows(p->action) && p->end > p->start;

	return has_sequence(pid, o, m, all ? p->start : p->addr,
			    (all ? p->end : p->addr) + WINDOW);
}

bool judge_piece(pid_t pid, const struct maps *maps, uint64_t start,
		 uint64_t end)
{
	const struct map *m = maps_find(maps, start);
	const struct object *o = m && map_is_text(m) ? object_of(pid, m) : NULL;

	return o && !has_sequence(pid, o, m, start, end + WINDOW);
}

/*
 * Is @p where a call of a Go function begins, with room on its stack?  Then
 * *@by_register is object_go_check()'s.
 */
static bool is_go_call(pid_t pid, const struct session_probe *p,
		       bool *by_register)
{
	uint8_t code[OBJECT_GO_BYTES];
	unsigned int check = 0;
	char path[64];
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return false;
	if (!mem_read(mem, code, p->start, sizeof(code)))
		check = object_go_check(code, by_register);
	close(mem);
	return check && p->addr == p->start + check;
}

/* Functions that return twice, or keep the address where they return to. */
static bool keeps_return_address(const char *name)
{
	static const char *const names[] = {
		"setjmp",
		"_setjmp",
		"__setjmp",
		"sigsetjmp",
		"__sigsetjmp",
		"vfork",
		"__vfork",
		"getcontext",
		"swapcontext",
		"makecontext",
		"setcontext",
		"longjmp",
		"_longjmp",
		"siglongjmp",
		"__longjmp",
		"clone",
		"__clone",
		"clone3",
		"__clone3",
		"rt_sigreturn",
		"_Unwind_RaiseException",
		"_Unwind_Resume",
		"_Unwind_ForcedUnwind",
		"_Unwind_Backtrace",
	};
	const char *colon = strrchr(name, ':');

	size_t len;

	if (colon)
		name = colon + 1;
	/* As traced: FUNC%return. */
	len = strcspn(name, "%");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == len && !memcmp(name, names[i], len))
			return true;
	return false;
}

/* glibc has handlers, for its cancellation, and throws nothing. */
static bool is_glibc(const struct map *m)
{
	static const char *const names[] = { "/libc.so.",    "/libc-2.",
					     "/libm.so.",    "/ld-linux-",
					     "/libpthread",  "/libresolv",
					     "/libgcc_s.so." };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strstr(m->name, names[i]))
			return true;
	return false;
}

/* May an exception be thrown in @pid?  Yes, unless it is certain. */
static bool may_throw(pid_t pid, const struct maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct map *m = &maps->map[i];
		const struct object *o;

		if (!map_is_text(m))
			continue;
		o = object_of(pid, m);
		if (!o || o->throws ||
		    (o->exceptions && o->stripped && !is_glibc(m)))
			return true;
	}
	return false;
}

/*
 * Returns are followed by probes at the function's exits, where these are
 * certain; else by replacing return addresses, which must not be done with a
 * shadow stack, where an exception could meet one, and to functions that keep
 * it.
 */
static bool exits_only(pid_t pid, const struct maps *maps,
		       const struct nature *nature, const struct object *object,
		       const struct session_probe *p)
{
	/* What a call has saved of it nobody finds who would put it back. */
	if (ISA_RETURN_IN_REGISTER && !nature->library)
		return true;
	/* Go's runtime reads return addresses, behind calls of C, too. */
	if (nature->shadow_stack || nature->go || keeps_return_address(p->name))
		return true;
	/* The library knows what exceptions need. */
	return !nature->library && object->exceptions && may_throw(pid, maps);
}

/*
 * Go's functions.  Their frames are told by the goroutine, which is in a register
 * since Go 1.17, and by an agent that knows of it.
 */
static int judge_go(pid_t pid, const struct nature *nature,
		    const struct session_probe *p)
{
	bool by_register;

	if (!ISA_GO)
		return refuse(-EOPNOTSUPP,
			      "%s: a Go function cannot be probed on %s",
			      p->name, ISA_NAME);
	if (!is_go_call(pid, p, &by_register))
		return refuse(
			-EOPNOTSUPP,
			"%s: a Go function that does not check its stack has no room for a probe",
			p->name);
	if (!p->program && !session_follows(p->action))
		return 0;
	if (!by_register)
		return refuse(
			-EOPNOTSUPP,
			"%s: Go before 1.17 passes arguments, and knows its goroutine, in another way: it can be counted",
			p->name);
	if (!nature->go || nature->library)
		return refuse(
			-EOPNOTSUPP,
			"%s: a Go function in a program that is not Go's, or has libtrapline, can be counted, but not timed or traced",
			p->name);
	return 0;
}

int judge_probe(pid_t pid, const struct maps *maps, const struct nature *nature,
		const struct session_probe *p, enum tl_why *why,
		uint32_t *flags)
{
	const struct map *m = maps_find(maps, p->addr);
	const struct object *o;
	int err;

	*why = TL_WHY_NONE;
	*flags = 0;
	if (!m || !map_is_text(m))
		return refuse(-ENOENT, "%s: no code of a file is at 0x%lx",
			      p->name, p->addr);
	*why = TL_WHY_FORBIDDEN;
	o = object_of(pid, m);
	if (!o)
		return refuse(-EOPNOTSUPP, "%s: its object file cannot be read",
			      p->name);
	if (in_sequence(pid, o, m, p))
		return refuse(-EBUSY, "%s: it is in a restartable sequence",
			      p->name);
	if (o->go) {
		err = judge_go(pid, nature, p);
		if (err)
			return err;
		*flags = TL_PROBE_GO;
	}
	/* This may look at other objects, and drop ours. */
	if (session_follows(p->action) &&
	    (o->go || exits_only(pid, maps, nature, o, p)))
		*flags |= TL_PROBE_EXITS_ONLY;
	*why = TL_WHY_NONE;
	return 0;
}
