/* SPDX-License-Identifier: MIT */
/*
 * follow.c - the follower: who are the children, and what do they run?
 *
 * It traces (PTRACE_SEIZE) every thread of those that are followed, stops none of
 * them for that, and lets each go on as soon as it has told of something:
 *
 *     a thread is born        it is traced from its birth; on
 *     fork                    the child gets figures of its own (adopt.c); on
 *     vfork, CLONE_VM         the child shares the memory; on
 *     exec                    on, up to the entry point, where it waits, traced by
 *                             nobody, until the tool has attached (entrance.c)
 *     a signal                delivered as it came
 *     a stop by a signal      left as it is
 *     the end                 told to the tool
 *
 * Who is traced is woken by signals that are ignored, too.  A system call that
 * ends with EINTR by that is made again, as it would not have ended.
 *
 * No answer of the tool's is waited for, and no message to it: what it does not
 * read is kept.  It may be blocked in its output, and nobody else is to be.
 */
#define _GNU_SOURCE
#include "follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <protocol.h>

#include "hold.h"
#include "net.h"
#include "net_tasks.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define OPTIONS                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

#define ERESTARTNOHAND 514

struct process {
	struct process *next;
	pid_t pid;
	struct family *family; /* NULL: nothing of ours is in it */
	bool expected;	       /* it is on its way to its entry point */
	bool waits;	       /* there, and nobody traces it */
	uint64_t yielded;      /* until when it is not traced, in ns; or 0 */
	struct entrance entrance;
	int n_tasks;
};

struct task {
	pid_t tid;
	struct process *process; /* NULL: it was seen before its parent told */
};

/* A message that could not be sent yet. */
struct letter {
	struct letter *next;
	struct follow_message m;
	int fds[2];
	int n;
};

static int tool;
static int door;	   /* where guardians knock */
static uint64_t let_go_at; /* when all were, as process_start() has it */
static pid_t wanted;	   /* whom one wants to hold; or 0 */
static struct process *processes;
static struct task *tasks;
static size_t n_tasks, room;
static struct letter *letters, **last_letter = &letters;

/* ---- messages ------------------------------------------------------------ */

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(2 * sizeof(int))];
};

static ssize_t send_with(int fd, const struct follow_message *m, const int *fds,
			 int n, int flags)
{
	union control control = { 0 };
	struct iovec v = { (void *)(uintptr_t)m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };

	if (n) {
		size_t bytes = (size_t)n * sizeof(int);

		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(bytes);
		control.head.cmsg_len = CMSG_LEN(bytes);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), fds, bytes);
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL | flags);
}

bool follow_send(int fd, const struct follow_message *m, const int *fds, int n)
{
	ssize_t sent;

	do
		sent = send_with(fd, m, fds, n, 0);
	while (sent < 0 && errno == EINTR);
	return sent == sizeof(*m);
}

bool follow_receive(int fd, struct follow_message *m, int fds[2])
{
	union control control = { 0 };
	struct iovec v = { m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	size_t bytes = 0;
	ssize_t n;

	fds[0] = fds[1] = -1;
	do
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n > 0 && h.msg_controllen >= sizeof(struct cmsghdr) &&
	    control.head.cmsg_type == SCM_RIGHTS)
		bytes = control.head.cmsg_len - CMSG_LEN(0);
	if (bytes <= 2 * sizeof(int))
		memcpy(fds, CMSG_DATA(&control.head), bytes);
	return n == sizeof(*m);
}

/* The tool has them, or will never want them. */
static void drop_letter(void)
{
	struct letter *l = letters;

	for (int i = 0; i < l->n; i++)
		close(l->fds[i]);
	letters = l->next;
	if (!letters)
		last_letter = &letters;
	free(l);
}

static void send_letters(void)
{
	while (letters) {
		ssize_t n = send_with(tool, &letters->m, letters->fds,
				      letters->n, MSG_DONTWAIT);

		if (n < 0 && (errno == EINTR || errno == EAGAIN ||
			      errno == ETOOMANYREFS))
			return;
		drop_letter();
	}
}

/* What @pid is called, before it has another name. */
static void read_name(pid_t pid, char name[16])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, name, 15);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Tell the tool, with descriptors that are ours no more. */
static void tell(enum follow_what what, pid_t pid, pid_t parent, int result,
		 const int *fds)
{
	struct letter *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	l->m.what = what;
	l->m.pid = pid;
	l->m.parent = parent;
	l->m.result = result;
	if (what == FOLLOW_FORKED)
		read_name(pid, l->m.name);
	for (int i = 0; fds && i < 2 && fds[i] >= 0; i++)
		l->fds[l->n++] = fds[i];
	*last_letter = l;
	last_letter = &l->next;
	send_letters();
}

/* ---- who is followed ------------------------------------------------------- */

static struct process *find_process(pid_t pid)
{
	struct process *p = processes;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

static struct process *add_process(pid_t pid, struct family *f)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->pid = pid;
	p->entrance.memory = -1;
	p->family = f;
	if (f)
		f->users++;
	p->next = processes;
	processes = p;
	return p;
}

static void leave_family(struct process *p)
{
	if (p->family && !--p->family->users) {
		close(p->family->figures);
		free(p->family);
	}
	p->family = NULL;
}

static void forget_process(struct process *p)
{
	struct process **at = &processes;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	entrance_close(&p->entrance);
	leave_family(p);
	free(p);
}

static void drop_process(struct process *p)
{
	tell(FOLLOW_EXITED, p->pid, 0, 0, NULL);
	forget_process(p);
	if (!processes)
		tell(FOLLOW_NONE, 0, 0, 0, NULL);
}

static struct task *find_task(pid_t tid)
{
	for (size_t i = 0; i < n_tasks; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	return NULL;
}

static bool add_task(pid_t tid, struct process *p)
{
	struct task *t = find_task(tid);

	if (!t && n_tasks == room) {
		size_t more = room ? 2 * room : 64;
		struct task *all = realloc(tasks, more * sizeof(*all));

		if (!all)
			return false;
		tasks = all;
		room = more;
	}
	if (!t) {
		t = &tasks[n_tasks++];
		*t = (struct task){ .tid = tid };
	}
	if (!t->process && p)
		p->n_tasks++;
	t->process = p;
	return true;
}

static void drop_task(struct task *t)
{
	if (t->process)
		t->process->n_tasks--;
	*t = tasks[--n_tasks];
}

/* ---- tracing ---------------------------------------------------------------- */

bool await_stop(pid_t pid, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, __WALL);
	while (got < 0 && errno == EINTR);
	return got == pid && WIFSTOPPED(*status);
}

/* Who is on the way to his entry point is seen there by a system call. */
static void go_on(pid_t tid, int sig)
{
	const struct task *t = find_task(tid);
	bool expected = t && t->process && t->process->expected;

	ptrace(expected ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0, (long)sig);
}

/* A number from /proc/@pid/status, which may be hexadecimal; 0: none. */
static uint64_t status_of(pid_t pid, const char *key, int base)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key))) {
			value = strtoull(line + strlen(key), NULL, base);
			break;
		}
	if (f)
		fclose(f);
	return value;
}

/* All threads that there are, and those that are born meanwhile. */
static int seize_all(struct process *p)
{
	bool again = true;
	int err = p->n_tasks ? 0 : -ESRCH;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", p->pid);
	while (again) {
		DIR *d = opendir(path);
		struct dirent *e;

		again = false;
		while (d && (e = readdir(d))) {
			pid_t tid = atoi(e->d_name);

			if (tid <= 0 || find_task(tid))
				continue;
			if (ptrace(PTRACE_SEIZE, tid, 0, OPTIONS)) {
				if (errno != ESRCH && !p->n_tasks)
					err = -errno;
				continue;
			}
			add_task(tid, p);
			again = true;
			err = 0;
		}
		if (d)
			closedir(d);
	}
	return err;
}

/* ---- births ------------------------------------------------------------------ */

/* Process @pid was made by one of @parent's threads, and has not run yet. */
static void born(pid_t pid, struct process *parent)
{
	struct process *p = add_process(pid, parent->family);
	int fds[2] = { -1, -1 }, err;

	if (!p || !add_task(pid, p))
		return;
	/* Of one that shares its memory all counts are its parent's. */
	if (!p->family || net_same_memory(pid, parent->pid) == 1)
		return;
	err = adopt(pid, p->family, fds);
	if (err)
		leave_family(p);
	if (err != -ESRCH)
		tell(FOLLOW_FORKED, pid, parent->pid, err, fds);
}

/*
 * @tid is new and stopped: a thread of a process, or a child of one.  False: it is
 * nobody's that we know.
 */
static bool came(pid_t tid, struct process *parent)
{
	pid_t tgid = (pid_t)status_of(tid, "Tgid:", 10);
	struct process *p = find_process(tgid);

	if (p) {
		add_task(tid, p);
	} else {
		if (!parent)
			parent = find_process(
				(pid_t)status_of(tid, "PPid:", 10));
		if (!parent || tgid != tid)
			return false;
		born(tid, parent);
	}
	go_on(tid, 0);
	return true;
}

/* @parent tells of @tid, which has stopped, or does so at once. */
static void told_of(pid_t tid, struct process *parent)
{
	struct task *t = find_task(tid);
	int status;

	if (t && t->process)
		return;
	if (!t && !await_stop(tid, &status))
		return;
	if (!came(tid, parent))
		ptrace(PTRACE_DETACH, tid, 0, 0);
	t = find_task(tid);
	if (t && !t->process)
		drop_task(t);
}

/* ---- new programs -------------------------------------------------------------- */

/* It is at its entry point. */
static void arrived(struct process *p)
{
	int err = entrance_wait(&p->entrance, p->pid);

	p->expected = false;
	if (!err) {
		p->waits = true;
		drop_task(find_task(p->pid));
	}
	tell(FOLLOW_EXECED, p->pid, 0, err, NULL);
}

/* True: it waits. */
static bool execed(struct process *p)
{
	int err;

	for (size_t i = 0; i < n_tasks;)
		if (tasks[i].process == p && tasks[i].tid != p->pid)
			drop_task(&tasks[i]);
		else
			i++;
	leave_family(p);
	err = entrance_expect(&p->entrance, p->pid);
	p->expected = !err;
	if (err)
		tell(FOLLOW_EXECED, p->pid, 0, err, NULL);
	else if (entrance_reached(&p->entrance, p->pid))
		arrived(p);
	return p->waits;
}

/* It has stopped at a system call.  True: it waits. */
static bool called(struct process *p)
{
	struct __ptrace_syscall_info info;

	if (!p->expected ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_EXIT ||
	    !entrance_reached(&p->entrance, p->pid))
		return false;
	arrived(p);
	return p->waits;
}

/* One that waits is traced again, and goes on.  0 or a negative errno. */
static int fetch(struct process *p)
{
	int status;

	p->waits = false;
	if (ptrace(PTRACE_SEIZE, p->pid, 0, OPTIONS))
		return -errno;
	add_task(p->pid, p);
	ptrace(PTRACE_INTERRUPT, p->pid, 0, 0);
	if (!await_stop(p->pid, &status)) {
		drop_task(find_task(p->pid));
		return -ESRCH;
	}
	if (!entrance_leave(&p->entrance, p->pid)) {
		go_on(p->pid, 0);
		return -ETIMEDOUT;
	}
	/* Stopped by a signal, or about to get one. */
	go_on(p->pid, status >> 16 ? 0 : WSTOPSIG(status));
	return 0;
}

/* ---- stops ----------------------------------------------------------------------- */

/* Will @sig do nothing to @pid? */
static bool is_ignored(pid_t pid, int sig)
{
	uint64_t bit = 1ull << (sig - 1);

	if (status_of(pid, "SigIgn:", 16) & bit)
		return true;
	if (sig != SIGCHLD && sig != SIGCONT && sig != SIGURG &&
	    sig != SIGWINCH)
		return false;
	return !(status_of(pid, "SigCgt:", 16) & bit);
}

/* A call that nothing would have ended, if nobody traced, is made again. */
static void rewind_call(pid_t tid, int sig)
{
	struct isa_regs r;

	if (isa_get_regs(tid, &r) || isa_syscall(&r) < 0 ||
	    isa_result(&r) != -EINTR || isa_syscall(&r) == SYS_close ||
	    !is_ignored(tid, sig))
		return;
	isa_poke_result(tid, &r, -ERESTARTNOHAND);
}

static bool stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
	       sig == SIGTTOU;
}

static void on_event(struct task *t, int event, int sig)
{
	struct process *p = t->process;
	unsigned long message = 0;
	pid_t tid = t->tid;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		/* The parent, and where it is in the table, may be gone. */
		if (!ptrace(PTRACE_GETEVENTMSG, tid, 0, &message))
			told_of((pid_t)message, p);
		break;
	case PTRACE_EVENT_EXEC:
		if (execed(p))
			return;
		break;
	case PTRACE_EVENT_STOP:
		if (stops(sig)) {
			ptrace(PTRACE_LISTEN, tid, 0, 0);
			return;
		}
		break;
	}
	go_on(tid, 0);
}

static void on_stop(pid_t tid, int status)
{
	struct task *t = find_task(tid);
	int sig = WSTOPSIG(status);

	/* New; its parent may tell later, or never, if it is killed. */
	if (!t || !t->process) {
		if (!came(tid, NULL))
			add_task(tid, NULL);
		return;
	}
	if (status >> 16) {
		on_event(t, status >> 16, sig);
		return;
	}
	if (sig == (SIGTRAP | 0x80)) {
		if (!called(t->process))
			go_on(tid, 0);
		return;
	}
	rewind_call(tid, sig);
	go_on(tid, sig);
}

static void on_end(pid_t tid)
{
	struct task *t = find_task(tid);
	struct process *p = t ? t->process : NULL;

	if (t)
		drop_task(t);
	if (p && !p->n_tasks && !p->waits)
		drop_process(p);
}

static void serve_stops(void)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
		if (WIFSTOPPED(status))
			on_stop(tid, status);
		else
			on_end(tid);
}

/* ---- the tool's wishes ------------------------------------------------------------ */

static void find_missed(struct process *p, uint64_t since);

static struct family *make_family(const struct follow_message *m, int figures)
{
	struct family *f = figures < 0 ? NULL : calloc(1, sizeof(*f));

	if (f)
		*f = (struct family){ .figures = figures, .where = m->where };
	return f;
}

static void take(const struct follow_message *m, const int fds[2])
{
	struct process *p = find_process(m->pid);
	struct family *f = make_family(m, fds[0]);
	bool waited = p && p->waits;
	int err;

	if (p) {
		p->family = f;
		if (f)
			f->users++;
		err = waited ? fetch(p) : 0;
	} else {
		p = add_process(m->pid, f);
		err = p ? seize_all(p) : -ENOMEM;
		/* Between the attach and now. */
		if (!err)
			find_missed(p, UINT64_MAX);
	}
	if (f && !f->users) {
		close(f->figures);
		free(f);
	}
	tell(FOLLOW_TAKEN, m->pid, waited ? m->pid : 0, err, NULL);
	if (p && !p->n_tasks)
		drop_process(p);
	/* The tool is at work, and their turn will come. */
	for (p = processes; p; p = p->next)
		if (p->waits)
			entrance_renew(&p->entrance);
}

/* All that are traced are let go by the kernel, when we are gone. */
static void end(void)
{
	for (struct process *p = processes; p; p = p->next)
		if (p->waits)
			fetch(p);
	_exit(0);
}

static void serve_tool(void)
{
	struct follow_message m;
	int fds[2];

	if (!follow_receive(tool, &m, fds))
		end();
	if (m.what == FOLLOW_END) {
		struct pollfd p = { .fd = tool, .events = POLLOUT };

		/* It reads them, up to our end. */
		for (serve_stops(); letters && poll(&p, 1, -1) > 0;)
			send_letters();
		end();
	}
	if (m.what == FOLLOW_TAKE)
		take(&m, fds);
}

/* ---- guardians' wishes ---------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Has it run no other program while nobody looked? */
static bool has_gate(const struct process *p)
{
	uint8_t open = 0;
	struct iovec mine = { &open, 1 };
	struct iovec its = { (void *)p->family->where.gate, 1 };

	return process_vm_readv(p->pid, &mine, 1, &its, 1, 0) == 1 && open;
}

/* Has @pid copies of what @f has? */
static bool is_copy(pid_t pid, const struct family *f)
{
	struct tl_header h = { 0 };
	struct iovec mine = { &h, sizeof(h) };
	struct iovec its = { (void *)f->where.figures, sizeof(h) };

	return process_vm_readv(pid, &mine, 1, &its, 1, 0) == sizeof(h) &&
	       !memcmp(h.magic, TL_MAGIC, sizeof(h.magic));
}

/* Now, as process_start() has it. */
static uint64_t now_start(void)
{
	struct timespec t;
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * hz + (uint64_t)t.tv_nsec * hz / 1000000000;
}

/*
 * A child that was born while nobody looked, which was from @since on, has no
 * probes.  Those that there were before are not followed.
 */
static void missed(pid_t pid, struct process *parent, uint64_t since)
{
	struct process *p;

	if (find_process(pid) ||
	    (process_start(pid) < since &&
	     !(parent->family && is_copy(pid, parent->family))))
		return;
	p = add_process(pid, NULL);
	if (p && seize_all(p))
		forget_process(p);
	else if (p && parent->family)
		tell(FOLLOW_FORKED, pid, parent->pid, -EAGAIN, NULL);
}

static void find_missed(struct process *p, uint64_t since)
{
	for (size_t i = 0; i < n_tasks; i++) {
		pid_t *children = NULL;
		int n = 0;

		if (tasks[i].process == p)
			n = net_children(p->pid, tasks[i].tid, &children);
		for (int k = 0; k < n; k++)
			missed(children[k], p, since);
		if (n >= 0)
			free(children);
	}
}

/* Trace @p again, which was let go for a while. */
static void retake(struct process *p)
{
	p->yielded = 0;
	seize_all(p);
	if (!p->n_tasks) {
		drop_process(p);
		return;
	}
	if (p->family && p->family->where.gate && !has_gate(p)) {
		leave_family(p);
		tell(FOLLOW_EXECED, p->pid, 0, -EAGAIN, NULL);
	}
	find_missed(p, let_go_at);
}

/*
 * Who is asleep is let go without being woken only by the end of who traces it.  So
 * we go on in a child, and end; the child traces all again but those that run the
 * memory of @pid.
 */
static void let_go(pid_t pid)
{
	pid_t before = getpid(), child = fork();
	struct process *p, *next;

	if (child < 0)
		return;
	if (child > 0)
		_exit(0);
	let_go_at = now_start();
	while (getppid() == before)
		usleep(100);
	n_tasks = 0;
	for (p = processes; p; p = p->next)
		p->n_tasks = 0;
	for (p = processes; p; p = next) {
		next = p->next;
		if (p->pid == pid || net_same_memory(p->pid, pid) == 1)
			p->yielded = now_ns() + FOLLOW_YIELD_MS * 1000000ull;
		else if (!p->waits && !p->yielded)
			retake(p);
	}
}

/* Those who are given back, or for whom nobody has come. */
static void retake_yielded(bool all)
{
	struct process *p, *next;

	for (p = processes; p; p = next) {
		next = p->next;
		if (p->yielded && (all || now_ns() >= p->yielded))
			retake(p);
	}
}

static void serve_door(void)
{
	struct follow_message m;
	int fds[2];

	if (!follow_receive(door, &m, fds))
		return;
	if (m.what == FOLLOW_YIELD && find_process(m.pid))
		wanted = m.pid;
	else if (m.what == FOLLOW_RESUME)
		retake_yielded(true);
}

/* Nobody is let go on the way to his entry point, which takes a moment. */
static void serve_wanted(void)
{
	struct process *p = processes;

	while (p && !p->expected)
		p = p->next;
	if (!wanted || p)
		return;
	let_go(wanted);
	wanted = 0;
}

static int waiting_ms(void)
{
	for (const struct process *p = processes; p; p = p->next)
		if (p->yielded)
			return 100;
	return -1;
}

#define FIRST_FD 64

static void make_door(void)
{
	int ends[2];

	door = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return;
	/* Lower than the door's number: there are no others yet. */
	door = ends[0];
	dup3(ends[1], FOLLOW_DOOR_FD, O_CLOEXEC);
	close(ends[1]);
}

/* Nothing of the tool's but the socket. */
static void settle(int fd)
{
	struct rlimit files;
	sigset_t all;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setsid();
	prctl(PR_SET_NAME, FOLLOWER_NAME);
	for (int i = 0; i < 3 && null >= 0; i++)
		if (i != fd)
			dup2(null, i);
	tool = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (tool < 0)
		_exit(1);
	syscall(SYS_close_range, 3, tool - 1, 0);
	syscall(SYS_close_range, tool + 1, ~0u, 0);
	make_door();
	if (chdir("/"))
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

void follower_main(int fd)
{
	struct signalfd_siginfo ignored;
	sigset_t child;
	int stops;

	settle(fd);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	stops = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		struct pollfd fds[3] = {
			{ .fd = tool, .events = POLLIN },
			{ .fd = stops, .events = POLLIN },
			{ .fd = door, .events = POLLIN },
		};

		if (letters)
			fds[0].events |= POLLOUT;
		poll(fds, 3, waiting_ms());
		while (read(stops, &ignored, sizeof(ignored)) > 0)
			;
		serve_stops();
		send_letters();
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			serve_tool();
		if (fds[2].revents & POLLIN)
			serve_door();
		serve_wanted();
		retake_yielded(false);
	}
}
