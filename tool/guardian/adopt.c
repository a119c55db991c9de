/* SPDX-License-Identifier: MIT */
/*
 * adopt.c - figures of its own for a fork child
 *
 * The child has copies of our jumps, of the agent, and the parent's figures,
 * which are shared memory.  So that it counts, and by itself, it needs figures of
 * its own at the same address, and an open gate.  The child makes the mappings
 * itself, held at each system call (tool/agent/x86/adopt.S):
 *
 *     child                          follower
 *     memory file made               takes it, gives it its size and what is
 *                                    known of the probes; leads on to
 *     mapped over the parent's
 *     closed                         again for the events; then puts the
 *                                    registers and the mask back, opens the gate
 *
 * All its signals are blocked meanwhile, so no handler of its own runs before its
 * first hit is counted.
 */
#define _GNU_SOURCE
#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <protocol.h>

#include "kept.h"

struct child {
	pid_t pid;
	int pidfd;
	const struct family *f;
	struct isa_regs exact;
	uint64_t mask;
	bool sent_stop; /* SIGSTOP came, which cannot be blocked */
};

/* Run the child up to the end of its next system call, with @result. */
static int to_end_of_call(struct child *c, struct isa_regs *r)
{
	struct __ptrace_syscall_info info;
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, c->pid, 0, 0) ||
		    !await_stop(c->pid, &status))
			return -ESRCH;
		if (WSTOPSIG(status) == SIGSTOP && !(status >> 16))
			c->sent_stop = true;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, c->pid, sizeof(info),
			   &info) < 0)
			return -ESRCH;
		if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			break;
	}
	return isa_get_regs(c->pid, r) ? -ESRCH : 0;
}

static int lead(struct child *c, struct isa_regs *r, uint64_t to)
{
	isa_set_pc(r, to);
	isa_no_syscall(r);
	return isa_set_regs(c->pid, r) ? -ESRCH : 0;
}

/* Behind what is always there: entries up to the first that is not in use. */
static void copy_entries(struct tl_figures *to, const struct tl_figures *from)
{
	for (size_t i = 0; i < TL_MAX_SITES && from->journal[i].addr; i++)
		to->journal[i] = from->journal[i];
	for (size_t i = 0; i < TL_MAX_PROBES && from->probe[i].addr; i++) {
		to->probe[i] = from->probe[i];
		to->probe[i].missed = 0;
	}
}

/* What the family's figures say of the probes, without hits. */
static int fill_figures(struct child *c, int fd)
{
	struct tl_figures *from, *to;
	int err = -ENOMEM;

	from = mmap(NULL, sizeof(*from), PROT_READ, MAP_SHARED, c->f->figures,
		    0);
	to = mmap(NULL, sizeof(*to), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (from != MAP_FAILED && to != MAP_FAILED) {
		memcpy(to, from, offsetof(struct tl_figures, journal));
		to->header.target = (uint32_t)c->pid;
		copy_entries(to, from);
		err = 0;
	}
	if (from != MAP_FAILED)
		munmap(from, sizeof(*from));
	if (to != MAP_FAILED)
		munmap(to, sizeof(*to));
	return err;
}

/*
 * Its first event may be sooner than whoever reads them, and it may have to wait for
 * him; where nobody reads there is no room.
 */
static int fill_events(const struct child *c, int fd, uint64_t at)
{
	const struct {
		uint32_t block;
		uint32_t ring_bytes;
	} how = { c->f->where.block, c->f->where.ring_bytes };

	_Static_assert(offsetof(struct tl_events, ring_bytes) ==
			       offsetof(struct tl_events, block) + 4,
		       "one behind the other");
	if (at != c->f->where.events)
		return 0;
	return pwrite(fd, &how, sizeof(how),
		      offsetof(struct tl_events, block)) == sizeof(how)
		       ? 0
		       : -EIO;
}

/* The child's descriptor @fd, for us, with @bytes; or a negative errno. */
static int take_file(struct child *c, long fd, uint64_t bytes)
{
	int mine;

	if (fd < 0)
		return (int)fd;
	mine = (int)syscall(SYS_pidfd_getfd, c->pidfd, (int)fd, 0);
	if (mine < 0)
		return -errno;
	if (!ftruncate(mine, (off_t)bytes))
		return mine;
	close(mine);
	return -errno;
}

/*
 * A memory file instead of [@at, @at + @bytes), which is a mapping of ours; from
 * the place where the child makes one.  The descriptor or a negative errno.
 */
static int replace(struct child *c, uint64_t at, uint64_t bytes)
{
	struct isa_regs r;
	int err = to_end_of_call(c, &r), fd;

	if (err)
		return err;
	fd = take_file(c, isa_result(&r), bytes);
	err = fd < 0			  ? fd
	      : at == c->f->where.figures ? fill_figures(c, fd)
					  : fill_events(c, fd, at);
	if (!err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		err = -errno;
	if (err)
		goto close_fd;
	isa_set_syscall(&r, SYS_mmap,
			(uint64_t[]){ at, bytes, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED,
				      (uint64_t)isa_result(&r), 0 });
	err = lead(c, &r, c->f->where.adopt_map);
	if (!err)
		err = to_end_of_call(c, &r);
	if (!err && isa_result(&r) != (long)at)
		err = (int)isa_result(&r);
	/* It is closed, come what may. */
	if (to_end_of_call(c, &r))
		err = -ESRCH;
	if (!err)
		return fd;
	goto close_mine;
close_fd:
	/* Nothing is mapped; the child closes what it made. */
	if (err != -ESRCH)
		to_end_of_call(c, &r);
close_mine:
	if (fd >= 0)
		close(fd);
	return err;
}

static int poke(const struct child *c, uint64_t at, const void *from,
		size_t len)
{
	struct iovec mine = { (void *)(uintptr_t)from, len };
	struct iovec its = { (void *)at, len };

	return process_vm_writev(c->pid, &mine, 1, &its, 1, 0) == (ssize_t)len
		       ? 0
		       : -EFAULT;
}

/* From here on it goes on by itself, if it must. */
static int begin(struct child *c)
{
	struct isa_regs r;
	uint64_t all = ~0ul;
	struct isa_kept kept;
	int err;

	if (isa_get_regs(c->pid, &c->exact) ||
	    ptrace(PTRACE_GETSIGMASK, c->pid, 8, &c->mask))
		return -ESRCH;
	err = isa_keep(&kept, c->pid, &c->exact, c->mask);
	if (err)
		return err;
	if (poke(c, c->f->where.adopt_kept, &kept, sizeof(kept)))
		return -EFAULT;
	r = c->exact;
	if (lead(c, &r, c->f->where.adopt))
		return -ESRCH;
	return ptrace(PTRACE_SETSIGMASK, c->pid, 8, &all) ? -ESRCH : 0;
}

/* The next file is for events: the figures have its name. */
static int lead_to_file(struct child *c)
{
	struct isa_regs r;

	if (isa_get_regs(c->pid, &r))
		return -ESRCH;
	isa_set_arg0(&r,
		     c->f->where.figures + offsetof(struct tl_figures, name));
	return lead(c, &r, c->f->where.adopt_file);
}

/*
 * Files instead of the events of all sessions: what happens in the child is not for
 * those who do not follow.  *@ours is that of the one that does.
 */
static int replace_events(struct child *c, const int figures, int *ours)
{
	struct tl_session sessions[TL_MAX_SESSIONS];
	uint64_t at;
	int err = 0, fd;

	if (pread(figures, sessions, sizeof(sessions),
		  offsetof(struct tl_figures, session)) != sizeof(sessions))
		return -EIO;
	for (int i = 0; i < TL_MAX_SESSIONS && !err; i++) {
		at = sessions[i].events;
		if (!at)
			continue;
		err = lead_to_file(c);
		fd = err ? err : replace(c, at, sizeof(struct tl_events));
		if (fd < 0)
			return fd;
		if (at == c->f->where.events)
			*ours = fd;
		else
			close(fd);
	}
	return err;
}

/* Where it was; @good: and with an open gate. */
static int finish(struct child *c, bool good)
{
	const uint8_t open = 1;

	if (good && poke(c, c->f->where.gate, &open, 1))
		return -EFAULT;
	if (isa_set_regs(c->pid, &c->exact) ||
	    ptrace(PTRACE_SETSIGMASK, c->pid, 8, &c->mask))
		return -ESRCH;
	if (c->sent_stop)
		syscall(SYS_tgkill, c->pid, c->pid, SIGSTOP);
	return 0;
}

int adopt(pid_t pid, const struct family *f, int fds[2])
{
	struct child c = { .pid = pid, .f = f };
	int err;

	fds[0] = fds[1] = -1;
	if (!f->where.gate)
		return -EOPNOTSUPP;
	c.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c.pidfd < 0)
		return -errno;
	err = begin(&c);
	if (err)
		goto close_pidfd;
	fds[0] = replace(&c, f->where.figures, sizeof(struct tl_figures));
	err = fds[0] < 0 ? fds[0] : replace_events(&c, fds[0], &fds[1]);
	if (finish(&c, !err))
		err = -ESRCH;
	for (int i = 0; err && i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
close_pidfd:
	close(c.pidfd);
	return err;
}
