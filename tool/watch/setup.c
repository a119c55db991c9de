/* SPDX-License-Identifier: MIT */
/*
 * setup.c - the pages that are watched: made fit for it, protected, opened
 *
 * Userfaultfd protects anonymous memory, and a page of a program's data (.data, and
 * the .bss that shares a page with it) is a private copy of a page of a file.  Such a
 * page is replaced by an anonymous one with the same bytes, while everybody is
 * held; in the end it is replaced by one of the file.  Both are done by
 * mremap(), at whose every moment there is one page or the other.
 *
 * The descriptor is made by a worker, who shares the memory for as long as that
 * takes, and is ours alone: when we die, whatever was protected is not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <guardian.h>
#include <lock.h>
#include <maps.h>
#include <net.h>
#include <worker.h>

#include "keeper.h"

#define PAGES_MAX   4096u
#define HOLD_MS	    500
#define GUARDIAN_MS 1500

bool keeper_read(const struct keeper *k, uint64_t addr, void *dst, size_t len)
{
	struct iovec local = { dst, len };
	struct iovec remote = { (void *)(uintptr_t)addr, len };

	return process_vm_readv(k->options.pid, &local, 1, &remote, 1, 0) ==
	       (ssize_t)len;
}

bool keeper_write(const struct keeper *k, uint64_t addr, const void *src,
		  size_t len)
{
	struct iovec local = { (void *)(uintptr_t)src, len };
	struct iovec remote = { (void *)(uintptr_t)addr, len };

	return process_vm_writev(k->options.pid, &local, 1, &remote, 1, 0) ==
	       (ssize_t)len;
}

/* ---- which -------------------------------------------------------------------- */

static int suits(const struct map *m, uint64_t addr)
{
	unsigned long at = addr;

	if (!m)
		return refuse(-EFAULT, "nothing is mapped at %#lx", at);
	if (m->shared)
		return refuse(
			-EOPNOTSUPP,
			"%#lx is in shared memory, which others may write "
			"unseen; a register is wanted there",
			at);
	if (!m->write)
		return refuse(-EACCES, "%#lx is not writable", at);
	if (m->exec)
		return refuse(-EOPNOTSUPP, "%#lx is in a page of code", at);
	if (strcmp(m->name, "[stack]") == 0)
		return refuse(-EOPNOTSUPP,
			      "%#lx is on the stack, whose pages each call "
			      "writes; a register is wanted there",
			      at);
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The pages of all points, each once, in order; their number or -errno. */
static long list_pages(const struct keeper *k, uint64_t *page)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < k->n_points; i++) {
		const struct page_point *p = &k->point[i];

		for (uint64_t at = p->addr & -KEEPER_PAGE;
		     !p->by_register && at < p->addr + p->len;
		     at += KEEPER_PAGE) {
			if (n == PAGES_MAX)
				return refuse(-E2BIG,
					      "that is more than %u pages",
					      PAGES_MAX);
			page[n++] = at;
		}
	}
	qsort(page, n, sizeof(*page), by_address);
	for (size_t i = 0; i < n; i++)
		if (!kept || page[kept - 1] != page[i])
			page[kept++] = page[i];
	return (long)kept;
}

static int add_page(struct keeper *k, const struct maps *maps, uint64_t page)
{
	const struct map *m = maps_find(maps, page);
	struct span *s = k->n_spans ? &k->span[k->n_spans - 1] : NULL;
	int err = suits(m, page);

	if (err)
		return err;
	if (s && s->end == page && s->map_start == m->start) {
		s->end += KEEPER_PAGE;
		return 0;
	}
	if (k->n_spans == KEEPER_SPANS)
		return refuse(-E2BIG, "these are too many places");
	s = &k->span[k->n_spans++];
	*s = (struct span){ .start = page,
			    .end = page + KEEPER_PAGE,
			    .map_start = m->start,
			    .file = m->inode != 0,
			    .inode = m->inode,
			    .offset = m->offset + (page - m->start) };
	snprintf(s->name, sizeof(s->name), "%s", m->name);
	return 0;
}

static int find_spans(struct keeper *k)
{
	uint64_t *page = malloc(PAGES_MAX * sizeof(*page));
	struct maps maps;
	long n;
	int err;

	if (!page)
		return -ENOMEM;
	err = maps_read(&maps, k->options.pid);
	if (err)
		goto free;
	n = list_pages(k, page);
	err = n < 0 ? (int)n : 0;
	for (long i = 0; !err && i < n; i++)
		err = add_page(k, &maps, page[i]);
	k->ring->cost.pages = n > 0 ? (uint64_t)n : 0;
	maps_free(&maps);
free:
	free(page);
	return err;
}

/* ---- descriptors, from there and to there ------------------------------------ */

/* A descriptor @fd of the worker's as one of ours, or -errno. */
static int fetch(const struct worker *w, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0), got;

	if (pidfd < 0)
		return -errno;
	got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (got < 0)
		got = -errno;
	close(pidfd);
	return got;
}

/*
 * What the process may not make itself it can be given: a descriptor @fd of ours, by a
 * socket.  Its number there, or -errno.  @at: a page for the call's arguments.
 */
static long hand_over(struct worker *w, int fd, uint64_t at)
{
	struct {
		struct msghdr m;
		struct iovec iov;
		char byte;
		union {
			struct cmsghdr h;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control;
	} s = { .byte = 'x' }, r = { .byte = 0 };
	int pair[2], mine, got = -EIO;
	long err;

	err = worker_call(w, SYS_socketpair, AF_UNIX,
			  SOCK_SEQPACKET | SOCK_CLOEXEC, 0, at, 0, 0);
	if (err || mem_read(w->mem, pair, at, sizeof(pair)))
		return err ? err : -EIO;
	mine = fetch(w, pair[0]);
	s.iov = (struct iovec){ &s.byte, 1 };
	s.m = (struct msghdr){ .msg_iov = &s.iov,
			       .msg_iovlen = 1,
			       .msg_control = &s.control,
			       .msg_controllen = sizeof(s.control) };
	s.control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					.cmsg_level = SOL_SOCKET,
					.cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&s.control.h), &fd, sizeof(fd));
	/* The same, with the worker's addresses. */
	r.m = s.m;
	r.iov = (struct iovec){ (void *)(at + offsetof(__typeof__(r), byte)),
				1 };
	r.m.msg_iov = (void *)(at + offsetof(__typeof__(r), iov));
	r.m.msg_control = (void *)(at + offsetof(__typeof__(r), control));
	if (mine >= 0 && !mem_write(w, at, &r, sizeof(r)) &&
	    sendmsg(mine, &s.m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 &&
	    worker_call(w, SYS_recvmsg, (uint64_t)pair[1], at,
			MSG_CMSG_CLOEXEC | MSG_DONTWAIT, 0, 0, 0) == 1 &&
	    !mem_read(w->mem, &r, at, sizeof(r)))
		memcpy(&got, CMSG_DATA(&r.control.h), sizeof(got));
	if (mine >= 0)
		close(mine);
	worker_call(w, SYS_close, (uint64_t)pair[0], 0, 0, 0, 0, 0);
	worker_call(w, SYS_close, (uint64_t)pair[1], 0, 0, 0, 0, 0);
	return got;
}

/* ---- pages of files --------------------------------------------------------------- */

static int copy(const struct worker *w, uint64_t to, uint64_t from, size_t len)
{
	uint8_t *bytes = malloc(len);
	int err = bytes ? mem_read(w->mem, bytes, from, len) : -ENOMEM;

	if (!err)
		err = mem_write(w, to, bytes, len);
	free(bytes);
	return err;
}

/*
 * Put a new mapping of the worker's, with the same bytes, in the place of @s.  All
 * are held.  @fd: of the file, or -1.
 */
static int exchange(struct worker *w, const struct span *s, int fd)
{
	uint64_t len = s->end - s->start;
	int flags = MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0);
	long at, got;
	int err;

	at = worker_call(w, SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
			 (uint64_t)flags, (uint64_t)fd, fd < 0 ? 0 : s->offset);
	if (at < 0 && at > -4096)
		return (int)at;
	err = copy(w, (uint64_t)at, s->start, len);
	if (err)
		goto unmap;
	got = worker_call(w, SYS_mremap, (uint64_t)at, len, len,
			  MREMAP_MAYMOVE | MREMAP_FIXED, s->start, 0);
	if (got == (long)s->start)
		return 0;
	err = (int)got;
unmap:
	worker_call(w, SYS_munmap, (uint64_t)at, len, 0, 0, 0, 0);
	return err;
}

static bool is_file(int fd, const struct span *s)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_ino == s->inode;
}

/* Does @fd of the worker's lead to the file of @s? */
static bool leads_to_file(const struct worker *w, int fd, const struct span *s)
{
	int mine = fetch(w, fd);
	bool is;

	if (mine < 0)
		return false;
	is = is_file(mine, s);
	close(mine);
	return is;
}

/*
 * The file of @s, which has another name for the worker, or none, since it has
 * another root: opened by us, and handed over.  As open_file().
 */
static long hand_file(struct worker *w, const struct span *s, uint64_t at)
{
	char path[300];
	long fd = -ENOENT;

	for (int i = 0; i < 2 && fd < 0; i++) {
		int mine;

		if (i)
			snprintf(path, sizeof(path), "%s", s->name);
		else
			snprintf(path, sizeof(path), "/proc/%d/root%s",
				 (int)w->target, s->name);
		mine = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (mine < 0)
			continue;
		if (is_file(mine, s))
			fd = hand_over(w, mine, at);
		close(mine);
	}
	return fd;
}

/* The file of @s, opened in the worker; -errno. */
static int open_file(struct worker *w, const struct span *s)
{
	long at, fd;
	int err;

	at = worker_call(w, SYS_mmap, 0, KEEPER_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
	if (at < 0 && at > -4096)
		return (int)at;
	err = mem_write(w, (uint64_t)at, s->name, strlen(s->name) + 1);
	fd = err ? err
		 : worker_call(w, SYS_open, (uint64_t)at, O_RDONLY | O_CLOEXEC,
			       0, 0, 0, 0);
	if (fd >= 0 && !leads_to_file(w, (int)fd, s)) {
		worker_call(w, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
		fd = -ENOENT;
	}
	if (fd == -ENOENT)
		fd = hand_file(w, s, (uint64_t)at);
	worker_call(w, SYS_munmap, (uint64_t)at, KEEPER_PAGE, 0, 0, 0, 0);
	return (int)fd;
}

static bool any_files(const struct keeper *k)
{
	for (size_t i = 0; i < k->n_spans; i++)
		if (k->span[i].file)
			return true;
	return false;
}

/* Each of them with everybody held; @back: with pages of the file. */
static int exchange_all(struct keeper *k, struct worker *w, bool back)
{
	struct net_options o = { .watch_blocked = true, .timeout_ms = HOLD_MS };
	struct net *net;
	int err = net_open(&net, k->options.pid, w->pid, &o);

	if (err)
		return err;
	for (size_t i = 0; !err && i < k->n_spans; i++) {
		struct span *s = &k->span[i];
		int fd = -1;

		if (!s->file || s->gone || s->replaced != back)
			continue;
		if (back)
			fd = open_file(w, s);
		if (back && fd < 0)
			continue; /* it stays anonymous */
		err = exchange(w, s, fd);
		if (!err)
			s->replaced = !back;
		if (fd >= 0)
			worker_call(w, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	}
	net_close(net, NULL);
	return err;
}

static int replace_files(struct keeper *k, struct worker *w)
{
	int fd, err;

	/* What could not be undone is not begun. */
	for (size_t i = 0; i < k->n_spans; i++) {
		if (!k->span[i].file)
			continue;
		fd = open_file(w, &k->span[i]);
		if (fd < 0)
			return refuse(fd,
				      "the file behind its page cannot be "
				      "opened: %s: %s",
				      k->span[i].name, strerror(-fd));
		worker_call(w, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	}
	for (int i = 0; i < 5; i++) {
		err = exchange_all(k, w, false);
		if (err != -ETIMEDOUT && err != -EAGAIN)
			break;
	}
	/* A worker that is somebody else's is traced, and never let go for us. */
	if (err == -EBUSY)
		refuse(err,
		       "another trapline, or a debugger, is at work on it; try again");
	else if (err)
		refuse(err, "its threads cannot be held: %s", strerror(-err));
	return err;
}

/* Threads that did not stop when they were to be borrowed are traced still. */
static void let_strays_go(void)
{
	for (int i = 0; i < 100 && worker_strays(); i++)
		usleep(10000);
}

void pages_restore(struct keeper *k)
{
	struct worker w = { 0 };
	int err = any_files(k) ? -EAGAIN : 0;

	for (int i = 0; err && err != -ESRCH && i < 20; i++) {
		if (i)
			usleep(20000u * (unsigned int)i);
		err = worker_make(&w, k->options.pid);
		if (err)
			continue;
		err = exchange_all(k, &w, true);
		worker_end(&w);
	}
	let_strays_go();
}

/* ---- by the device ------------------------------------------------------------------ */

/* userfaultfd() by the device, which root may open.  As that. */
static long by_device(struct worker *w)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	long at, theirs, fd = -EPERM;

	if (device < 0)
		return -EPERM;
	at = worker_call(w, SYS_mmap, 0, KEEPER_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
	if (at < 0 && at > -4096)
		goto close;
	theirs = hand_over(w, device, (uint64_t)at);
	if (theirs >= 0) {
		fd = worker_call(w, SYS_ioctl, (uint64_t)theirs,
				 USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK, 0,
				 0, 0);
		worker_call(w, SYS_close, (uint64_t)theirs, 0, 0, 0, 0, 0);
	}
	worker_call(w, SYS_munmap, (uint64_t)at, KEEPER_PAGE, 0, 0, 0, 0);
close:
	close(device);
	return fd < 0 ? -EPERM : fd;
}

/* ---- the descriptor ---------------------------------------------------------------- */

static int make_descriptor(struct keeper *k, struct worker *w)
{
	struct uffdio_api api = { .api = UFFD_API };
	long fd = worker_call(w, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK, 0, 0,
			      0, 0, 0);

	if (fd == -EPERM)
		fd = by_device(w);
	if (fd == -EPERM)
		return refuse(
			-EPERM,
			"its pages cannot be protected so that system calls "
			"wait: that needs root, or CAP_SYS_PTRACE in the "
			"process, or 1 in "
			"/proc/sys/vm/unprivileged_userfaultfd");
	if (fd < 0)
		return refuse((int)fd,
			      "its pages cannot be protected: "
			      "userfaultfd: %s",
			      strerror((int)-fd));
	k->uffd = fetch(w, (int)fd);
	worker_call(w, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	if (k->uffd < 0)
		return k->uffd;
	api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_THREAD_ID |
		       UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_EVENT_REMOVE |
		       UFFD_FEATURE_EVENT_UNMAP;
	if (ioctl(k->uffd, UFFDIO_API, &api))
		return refuse(-EOPNOTSUPP, "the kernel cannot protect pages "
					   "for us (that is Linux 5.18)");
	return 0;
}

static int enroll(struct keeper *k)
{
	for (size_t i = 0; i < k->n_spans; i++) {
		struct uffdio_register r = {
			.range = { k->span[i].start,
				   k->span[i].end - k->span[i].start },
			.mode = UFFDIO_REGISTER_MODE_WP,
		};

		if (ioctl(k->uffd, UFFDIO_REGISTER, &r))
			return refuse(-errno,
				      errno == EBUSY
					      ? "somebody else watches its "
						"pages"
					      : "pages of that kind cannot be "
						"protected");
	}
	return 0;
}

/*
 * One keeper at a time: the name is the kernel's to free, whatever ends its owner.  One
 * whose command was killed is about to go.
 */
static int be_the_only_one(const struct keeper *k)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;

	if (fd < 0)
		return -errno;
	n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, KEEPER_NAME "-%d",
		     (int)k->options.pid);
	for (int i = 0; i < 60; i++) {
		if (!bind(fd, (struct sockaddr *)&a,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				      1 + (size_t)n)))
			return 0; /* it stays open */
		usleep(50000);
	}
	close(fd);
	return refuse(-EBUSY, "its pages are watched by another 'trapline "
			      "watch'");
}

/* No guardian is at work on it: one that is about to end is awaited.  For ever. */
static int lock_out_guardians(const struct keeper *k)
{
	int fd = process_lock(k->options.pid, true, GUARDIAN_MS, NULL);

	if (fd == -EBUSY)
		return refuse(fd, "another trapline is attached to it, and its "
				  "threads are held by one at a time");
	return fd < 0 ? fd : 0;
}

int pages_setup(struct keeper *k)
{
	struct worker w = { 0 };
	char why[sizeof(k->ring->why)];
	int err = be_the_only_one(k);

	if (!err)
		err = lock_out_guardians(k);
	if (!err)
		err = find_spans(k);
	if (err || !k->n_spans)
		return err;
	/* All its threads may be held up just now. */
	for (int i = 0; i < 30; i++) {
		err = worker_make(&w, k->options.pid);
		if (err != -EBUSY && err != -EAGAIN && err != -ESRCH)
			break;
		usleep(50000);
	}
	if (err)
		return err;
	err = make_descriptor(k, &w);
	if (!err && any_files(k))
		err = replace_files(k, &w);
	if (!err)
		err = enroll(k);
	/* The worker's end may have things to say, too. */
	snprintf(why, sizeof(why), "%s", refusal());
	worker_end(&w);
	if (err)
		refuse(err, "%s", why);
	let_strays_go();
	return err;
}

/* ---- protection ----------------------------------------------------------------------- */

/* 0; -ENOENT: what was there has gone. */
static int protect(struct keeper *k, uint64_t start, uint64_t len, bool on)
{
	struct uffdio_writeprotect p = {
		.range = { start, len },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	while (ioctl(k->uffd, UFFDIO_WRITEPROTECT, &p)) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		/* The mappings change, and somebody waits for us to know. */
		tasks_look(k);
	}
	return 0;
}

int pages_protect_all(struct keeper *k)
{
	uint8_t byte;
	int err = 0;

	for (size_t i = 0; !err && i < k->n_spans; i++) {
		const struct span *s = &k->span[i];

		/* A page that is not there yet would not be protected. */
		for (uint64_t at = s->start; at < s->end; at += KEEPER_PAGE)
			keeper_read(k, at, &byte, 1);
		err = protect(k, s->start, s->end - s->start, true);
	}
	return err;
}

void pages_release_all(struct keeper *k)
{
	for (size_t i = 0; i < k->n_spans; i++) {
		const struct span *s = &k->span[i];
		struct uffdio_range r = { s->start, s->end - s->start };

		protect(k, s->start, s->end - s->start, false);
		ioctl(k->uffd, UFFDIO_UNREGISTER, &r);
	}
	close(k->uffd);
	k->uffd = -1;
}

bool page_open(struct keeper *k, uint64_t addr)
{
	uint64_t page = addr & -KEEPER_PAGE;
	bool ours = false;

	for (size_t i = 0; i < k->n_spans; i++)
		ours = ours ||
		       (page >= k->span[i].start && page < k->span[i].end);
	if (!ours)
		return false;
	for (size_t i = 0; i < k->n_open; i++)
		if (k->open[i] == page)
			return true;
	if (k->n_open == KEEPER_OPEN)
		return false;
	k->opened_at[k->n_open] = addr;
	k->open[k->n_open++] = page;
	protect(k, page, KEEPER_PAGE, false);
	return true;
}

void pages_shut(struct keeper *k)
{
	for (size_t i = 0; i < k->n_open; i++)
		protect(k, k->open[i], KEEPER_PAGE, true);
}
