/* SPDX-License-Identifier: MIT */
/*
 * library.c - a target that has libtrapline: finding the server, and calling it
 *
 * What a call is, protocol.h says; host/linux/session/server.c is the other end.
 * A caller runs on a stack that it has for itself: one that has got no answer in
 * time, or whose guardian was killed, may still be on it.  The kernel writes down
 * its number there before it runs, and clears it at its end.
 */
#define _GNU_SOURCE
#include "library.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <session.h>

#include "guardian.h"
#include "hold.h"
#include "object.h"
#include "stopped.h"
#include "worker.h"

#define STACK_BYTES (256ul << 10)
/* Above a call is the block that the caller's thread pointer leads to. */
#define BLOCK_BYTES 4096ul

/* ---- finding ---------------------------------------------------------------- */

/* The address in @pid of what is at @address in the object that @m maps. */
static uint64_t loaded_at(const struct map *m, int fd, uint64_t address)
{
	struct object o;

	if (object_read(&o, fd))
		return 0;
	return m->start - object_address(&o, m->offset) + address;
}

static bool is_program(pid_t pid, int fd)
{
	struct stat a, b;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return !stat(path, &a) && !fstat(fd, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/* The object of @m has the note @o: the same copy as before, or one more. */
static void add_copy(struct library *out, pid_t pid, const struct map *m,
		     const struct object_library *o, int fd)
{
	uint64_t server = o->talks ? loaded_at(m, fd, o->server) : m->start;

	if (out->copies && out->server == server)
		return;
	if (out->copies < 2)
		snprintf(out->name[out->copies], sizeof(out->name[0]), "%.200s",
			 m->name);
	if (out->copies++)
		return;
	out->server = server;
	out->talks = o->talks;
	if (o->directory)
		out->directory = loaded_at(m, fd, o->directory);
	out->major = o->note.major;
	out->stays = o->stays || is_program(pid, fd);
}

/* The entry is in code, and before it is the instruction that there is to be. */
static bool check_entry(const struct library *lib, const struct maps *maps,
			pid_t pid)
{
	const struct map *m =
		maps_find(maps, lib->server - ISA_SYSCALL_BYTES - TL_STUB_MAX);
	uint8_t code[ISA_SYSCALL_BYTES] = { 0 };
	char path[64];
	int mem;

	if (!m || !map_is_text(m) || m->end - lib->server < 16)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return false;
	if (mem_read(mem, code, lib->server - sizeof(code), sizeof(code)))
		code[0] = 0;
	close(mem);
	return isa_is_syscall(code);
}

int library_find(struct library *out, pid_t pid)
{
	struct object_library o;
	struct maps maps;
	int fd, err;

	*out = (struct library){ 0 };
	err = maps_read(&maps, pid);
	if (err)
		return err;
	for (size_t i = 0; i < maps.n; i++) {
		const struct map *m = &maps.map[i];

		fd = map_is_text(m) ? map_open(m, pid) : -1;
		if (fd < 0)
			continue;
		if (object_library(&o, fd))
			add_copy(out, pid, m, &o, fd);
		close(fd);
	}
	if (out->copies && out->talks)
		out->talks = check_entry(out, &maps, pid);
	if (out->talks) {
		out->syscall_at = out->server - ISA_SYSCALL_BYTES;
		out->cave = out->syscall_at - TL_STUB_MAX;
	}
	maps_free(&maps);
	return 0;
}

int library_judge(const struct library *lib, pid_t pid)
{
	if (lib->copies > 1)
		return refuse(
			-EBUSY,
			"process %d has libtrapline twice: %.120s, %.120s", pid,
			lib->name[0], lib->name[1]);
	if (!lib->talks)
		return refuse(
			-EOPNOTSUPP,
			"process %d uses libtrapline itself (%.200s), one that cannot be talked to",
			pid, lib->name[0]);
	if (lib->major != TL_MAJOR)
		return refuse(
			-EOPNOTSUPP,
			"process %d uses libtrapline itself (%.200s), of protocol %u, where this trapline has %u",
			pid, lib->name[0], lib->major, TL_MAJOR);
	if (!lib->stays)
		return refuse(
			-EBUSY,
			"process %d uses libtrapline itself (%.160s), which it may unload: link that with -z nodelete",
			pid, lib->name[0]);
	return 0;
}

/* ---- stacks ------------------------------------------------------------------- */

static uint64_t call_on(const struct tl_mapping *stack)
{
	return stack->end - BLOCK_BYTES - sizeof(struct tl_call);
}

/* Has @pid a thread that it knows as @number? */
static bool has_thread(pid_t pid, uint32_t number)
{
	char path[64], line[256], *last;
	bool found = false;
	struct dirent *e;
	DIR *d;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/status", pid,
			 e->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (!strncmp(line, "NSpid:", 6) &&
			    (last = strrchr(line, '\t')))
				found |= (uint32_t)atoi(last) == number;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

/* A fork child has its parent's stacks, and not the callers on them. */
static bool is_taken(const struct talk *t, const struct tl_mapping *stack)
{
	struct tl_call c;

	if (mem_read(t->w->mem, &c, call_on(stack), sizeof(c)))
		return true;
	return c.alive && has_thread(t->pid, c.alive);
}

bool talk_busy(const struct talk *t)
{
	for (int i = 0; i < TL_MAX_CALLS; i++)
		if (t->stack[i].start && is_taken(t, &t->stack[i]))
			return true;
	return false;
}

int talk_stack(struct talk *t)
{
	struct worker *w = t->w;
	int pidfd, fd;
	long at;

	for (int i = 0; i < TL_MAX_CALLS; i++) {
		if (t->stack[i].start)
			continue;
		/* Of the code's memory file, for its name. */
		pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, w->code_fd, 0);
		if (pidfd >= 0)
			close(pidfd);
		if (fd < 0 || ftruncate(fd, STACK_BYTES)) {
			if (fd >= 0)
				close(fd);
			return -EACCES;
		}
		close(fd);
		at = worker_call(
			w, SYS_mmap, 0, STACK_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_NORESERVE, (uint64_t)w->code_fd, 0);
		if (at < 0)
			return (int)at;
		t->stack[i].end = (uint64_t)at + STACK_BYTES;
		t->stack[i].start = (uint64_t)at;
		return 0;
	}
	return -ENOSPC;
}

/* A stack that nobody is on; a new one, if need be. */
static const struct tl_mapping *free_stack(struct talk *t)
{
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < TL_MAX_CALLS; i++)
			if (t->stack[i].start && !is_taken(t, &t->stack[i]))
				return &t->stack[i];
		if (!turn && talk_stack(t))
			break;
	}
	return NULL;
}

/* ---- calling ------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What the target calls its thread @tid. */
static uint32_t number_of(pid_t pid, pid_t tid)
{
	char path[64], line[256], *last;
	uint32_t number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "NSpid:", 6) && (last = strrchr(line, '\t')))
			number = (uint32_t)atoi(last);
	if (f)
		fclose(f);
	return number;
}

/* Let the caller run to its end, also while the target is stopped. */
static int run(const struct talk *t, pid_t tid, unsigned int ms)
{
	uint64_t end = now_ms() + ms, now;
	int status, sig, err;

	sig = 0;
	for (;;) {
		if (ptrace(PTRACE_CONT, tid, 0, (long)sig) && errno != ESRCH)
			return -errno;
		now = now_ms();
		err = wait_for(tid, &status,
			       now < end ? (unsigned int)(end - now) : 0);
		if (!err) {
			worker_stray(tid);
			return refuse(
				-ETIMEDOUT,
				"libtrapline in process %d does not answer: it is busy, or a handler there does not end",
				t->pid);
		}
		if (err < 0 || !WIFSTOPPED(status))
			return 0;
		sig = status >> 16 ? 0 : WSTOPSIG(status);
	}
}

int talk(struct talk *t, enum tl_call_what what, uint32_t first, uint32_t n,
	 unsigned int ms)
{
	const struct tl_mapping *stack = free_stack(t);
	struct tl_call c = {
		.magic = TL_MAGIC_BYTES,
		.major = TL_MAJOR,
		.minor = TL_MINOR,
		.what = what,
		.session = t->session,
		.figures = t->figures,
		.first = first,
		.n = n,
		.owner = t->owner,
		.events = t->events,
	};
	struct caller caller = { .server = t->lib.server };
	const uint32_t go = TL_CALL_GO;
	int err;

	if (!stack)
		return refuse(
			-EBUSY,
			"libtrapline in process %d is busy, or has no memory",
			t->pid);
	caller.call = call_on(stack);
	caller.thread = stack->end - BLOCK_BYTES;
	if (mem_write(t->w, caller.call, &c, sizeof(c)) ||
	    mem_write(t->w, caller.thread, &caller.thread, 8))
		return -ESRCH;
	session_kill_point(40);
	err = worker_caller(t->pid, &caller);
	if (err)
		return err;
	session_kill_point(42);
	c.thread = number_of(t->pid, caller.parent);
	c.thread_pointer = caller.parent_thread;
	if (!c.thread || !c.thread_pointer)
		c.thread = 0;
	mem_write(t->w, caller.call + offsetof(struct tl_call, thread),
		  &c.thread, 16);
	mem_write(t->w, caller.call + offsetof(struct tl_call, go), &go,
		  sizeof(go));
	session_kill_point(43);
	err = run(t, caller.tid, ms);
	session_kill_point(44);
	if (!err &&
	    (mem_read(t->w->mem, &c, caller.call, sizeof(c)) || c.done != 1))
		err = refuse(-ESRCH, "process %d has ended", t->pid);
	if (err)
		return err;
	refuse(0, "%s", "");
	return c.result;
}
