/* SPDX-License-Identifier: MIT */
/*
 * guardian.c - the process that outlives the tool
 *
 * It owns the target: it attaches, arms, watches, and in the end removes all
 * that is ours, when it is asked to, when the last tool is gone, when somebody
 * sends it SIGUSR1 (`trapline detach`) or SIGTERM (the system goes down), or
 * when the target has ended or runs another program and only fork children are
 * left to be cleaned. It does nothing else, and most of the time it sleeps.
 *
 * The first tool has made it; others that come later knock at its door, one end
 * of a pair of sockets that has no name anywhere.  They take that end out of our
 * hands (pidfd_getfd), which the kernel allows to whoever might trace us, and to
 * nobody else, and send one of a pair of their own through it.
 */
#define _GNU_SOURCE
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <session.h>

#include "isa.h"
#include "judge.h"
#include "lock.h"
#include "sessions.h"

/* How often we look if the target still runs the same program. */
#define LOOK_MS 50
/* For threads inside a detour to get a CPU; nobody newly enters meanwhile. */
#define PATIENCE_MS 5000

static volatile sig_atomic_t asked_to_end;

static void on_end(int sig)
{
	(void)sig;
	asked_to_end = 1;
}

/* ---- beginning ----------------------------------------------------------- */

/*
 * Nothing of the tool's but the socket and the environment.  Its descriptor from
 * now on.
 */
static int settle(int fd)
{
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rlimit files;
	sigset_t none;
	int null;

	kill_point_guardian();
	prctl(PR_SET_NAME, "trapline-guard");
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (chdir("/"))
		return fd;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		if (i != fd)
			dup2(null, i);
	if (fd > 3)
		syscall(SYS_close_range, 3, fd - 1, 0);
	syscall(SYS_close_range, fd + 1, ~0u, 0);
	/* The door has a number that tools know. */
	if (fd == DOOR_FD) {
		null = dup(fd);
		close(fd);
		fd = null;
	}
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGALRM, &ignore, NULL);
	sigaction(SIGTSTP, &ignore, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGUSR1, &end, NULL);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return fd;
}

/* The end that is ours, or -1: then nobody else can come in. */
static int make_door(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	/* There are few descriptors yet, so these are lower ones. */
	dup3(ends[1], DOOR_FD, O_CLOEXEC);
	close(ends[1]);
	return ends[0];
}

#define KEEPER_MS 3000

static bool has_keeper(pid_t pid)
{
	return judge_debugger(pid) != 0;
}

/* For as long as we live.  A keeper that has just begun, or is at its end, is awaited. */
static int lock_out_keepers(pid_t pid)
{
	int fd = process_lock(pid, false, KEEPER_MS, has_keeper);

	if (fd == -EBUSY && !judge_tracer(pid))
		return refuse(-EBUSY,
			      "a 'trapline watch' begins or ends on process "
			      "%d; try again",
			      pid);
	return fd == -EBUSY ? fd : 0;
}

static int attach(struct guardian *g, const struct wire_start *start)
{
	struct hold *h = &g->hold;
	uint64_t session = 0, begin;
	struct stat st;
	int err;

	h->pid = start->pid;
	h->w = (struct worker){ .mem = -1, .lost = true };
	err = lock_out_keepers(h->pid);
	if (!err)
		err = judge_process(h->pid, &start->options, &g->nature);
	if (err)
		return err;
	if (start->options.events)
		err = judge_events_in(h->pid, start->options.force);
	if (err)
		return err;
	h->go = g->nature.go;
	h->library = g->nature.library;
	if (h->library)
		err = library_find(&h->talk.lib, h->pid);
	if (!err && h->library)
		err = library_judge(&h->talk.lib, h->pid);
	if (err)
		return err;
	worker_force = start->options.force;
	judge_events = start->options.events || start->options.late;
	judge_block = start->options.block || start->options.late;
	judge_library_calls = h->library;
	g->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	if (g->pidfd < 0)
		return refuse(-errno, "no process %d", h->pid);
	if (getrandom(&session, sizeof(session), GRND_NONBLOCK) !=
	    sizeof(session))
		session = guardian_now();
	begin = guardian_now();
	err = worker_make(&h->w, h->pid);
	h->longest_stop_ns = worker_longest_loan();
	if (!err)
		err = hold_load(h, session);
	if (err)
		return err;
	h->attach_ns = guardian_now() - begin;
	if (fstat(h->figures_fd, &st))
		return -errno;
	g->inode = st.st_ino;
	g->dev_minor = (uint32_t)(st.st_dev & 0xff);
	children_clean(&g->children, h->pid, g->inode, g->dev_minor);
	return 0;
}

/* ---- ending -------------------------------------------------------------- */

/* Nobody is to wait for a tool that may be dead. */
static void let_go(const struct hold *h)
{
	for (uint32_t i = 0; i < TL_MAX_SESSIONS; i++)
		hold_let_go(h, i);
}

static void tell(struct guardian *g, enum session_state state)
{
	struct wire m = { .what = WIRE_STATE };

	g->state = state;
	session_fill(g, &m, 0);
	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		if (g->client[i].used && g->client[i].fd >= 0)
			wire_send(g->client[i].fd, &m, sizeof(m));
}

#define FOLLOWER_MS 2000

/* The follower, if there is one, is at its end: until nobody traces @pid. */
static void await_follower(pid_t pid)
{
	char path[64], line[128];
	int tracer = 1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	for (int i = 0; tracer && i < FOLLOWER_MS / 5; i++) {
		FILE *f = fopen(path, "re");

		usleep(i ? 5000 : 0);
		tracer = 0;
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "TracerPid: %d", &tracer) == 1)
				break;
		if (f)
			fclose(f);
	}
}

/* Fork children, those with figures of their own, too. */
static int clean_copies(const struct guardian *g)
{
	const struct copies c = { g->inode, g->dev_minor,
				  g->hold.figures->header.session };

	return undo_others(&c, g->hold.pid);
}

/*
 * Remove everything, wherever it is.  The tool of @last hears the result, others
 * that there are hear that it is over.  Does not return.
 */
static void end(struct guardian *g, struct client *last)
{
	struct wire m = { .what = WIRE_DETACH };
	struct hold *h = &g->hold;
	int err = 0, others;

	hold_net_close(h);
	let_go(h);
	loader_end(g);
	session_kill_point(28);
	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		if (g->client[i].follow)
			await_follower(h->pid);
	guardian_hurry(g, true);
	if (g->state == SESSION_ALIVE)
		err = undo(h->pid, &h->w, PATIENCE_MS);
	else
		worker_end(&h->w);
	if (h->longest_stop_ns < undo_longest_stop())
		h->longest_stop_ns = undo_longest_stop();
	/* It may have ended while we were at it. */
	if (err == -ESRCH)
		err = 0;
	session_kill_point(39);
	others = g->inode ? clean_copies(g) : 0;
	if (err >= 0)
		err = others;
	if (g->state == SESSION_ALIVE)
		g->state = SESSION_LOST;
	if (last) {
		session_fill(g, &m, err < 0 ? err : 0);
		wire_send(last->fd, &m, sizeof(m));
		last->fd = -1;
	}
	tell(g, g->state);
	_exit(err < 0);
}

/* The session of @c ends; its tool hears of it if it has asked for that. */
static void leave(struct guardian *g, struct client *c, bool asked)
{
	struct wire m = { .what = WIRE_DETACH };
	int err, fd = c->fd;

	/* What a dead tool has asked for is not done any more. */
	if (!asked) {
		close(c->fd);
		c->fd = -1;
	}
	if (session_count(g) == 1)
		end(g, asked ? c : NULL);
	if (c->follow) {
		await_follower(g->hold.pid);
		clean_copies(g);
	}
	err = session_leave(g, c);
	if (!asked)
		return;
	session_fill(g, &m, err);
	wire_send(fd, &m, sizeof(m));
	close(fd);
	c->fd = -1;
}

/* ---- watching ------------------------------------------------------------ */

/* Is it still the program whose memory has our figures? */
static bool same_program(struct guardian *g)
{
	uint64_t session = 0;
	struct iovec local = { &session, sizeof(session) };
	struct iovec remote = {
		(void *)(g->hold.figures_at +
			 offsetof(struct tl_header, session)),
		sizeof(session),
	};

	if (process_vm_readv(g->hold.pid, &local, 1, &remote, 1, 0) < 0)
		return errno != EFAULT;
	return session == g->hold.figures->header.session;
}

static void over(struct guardian *g, enum session_state state)
{
	if (g->state != SESSION_ALIVE)
		return;
	/* The old memory goes when nobody has it any more. */
	worker_end(&g->hold.w);
	tell(g, state);
}

/* Somebody of ours, who is no other user? */
static bool is_welcome(int fd)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred who;

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) &&
	       (who.uid == geteuid() || who.uid == 0);
}

/* Let in who has knocked, or tell him why not. */
static void open_door(struct guardian *g)
{
	struct wire m = { .what = WIRE_ATTACHED };
	struct wire_start start;
	int fd = wire_receive_start(g->door, &start), err;

	if (fd < 0)
		return;
	if (!is_welcome(fd) || start.pid != g->hold.pid) {
		close(fd);
		return;
	}
	err = session_begin(g, fd, &start);
	if (!err)
		return;
	session_fill(g, &m, err);
	wire_send_fd(fd, &m, -1);
	close(fd);
}

/* What the tool of @c wants. */
static void listen_to(struct guardian *g, struct client *c, short events)
{
	struct wire m;

	if (!events)
		return;
	if ((events & (POLLHUP | POLLERR)) ||
	    !wire_receive(c->fd, &m, sizeof(m)))
		leave(g, c, false);
	else if (m.what == WIRE_DETACH)
		leave(g, c, true);
	else if (!session_serve(g, c, &m))
		leave(g, c, false);
}

/* The target, and our process in it. */
static void look(struct guardian *g, bool exited)
{
	struct hold *h = &g->hold;
	int status;

	worker_strays();
	if (g->state == SESSION_ALIVE && exited)
		over(g, SESSION_EXITED);
	if (g->state == SESSION_ALIVE && !same_program(g))
		over(g, SESSION_EXECED);
	/* Killed by somebody: a new one is made when we need it. */
	if (h->w.pid && !h->w.lost &&
	    waitpid(h->w.pid, &status, __WALL | WNOHANG) == h->w.pid &&
	    !WIFSTOPPED(status))
		h->w.lost = true;
}

enum { AT_TARGET = TL_MAX_SESSIONS, AT_DOOR, AT_LOADER, NR_POLLED };

/*
 * What has happened at each of the descriptors @fd, in @events; false: none of them
 * can be looked at now.  Those that are there follow one another: poll() takes no more
 * places than a process may have descriptors, used or not.
 */
static bool look_around(const int fd[NR_POLLED], short events[NR_POLLED])
{
	struct pollfd fds[NR_POLLED];
	int at[NR_POLLED], n = 0;

	for (int i = 0; i < NR_POLLED; i++) {
		events[i] = 0;
		if (fd[i] < 0)
			continue;
		at[n] = i;
		fds[n++] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	}
	if (poll(fds, (nfds_t)n, LOOK_MS) < 0)
		return false;
	for (int i = 0; i < n; i++)
		events[at[i]] = fds[i].revents;
	return true;
}

static void watch(struct guardian *g)
{
	int fd[NR_POLLED];
	short events[NR_POLLED];

	while (!asked_to_end) {
		for (int i = 0; i < TL_MAX_SESSIONS; i++)
			fd[i] = g->client[i].used ? g->client[i].fd : -1;
		fd[AT_TARGET] = g->state == SESSION_ALIVE ? g->pidfd : -1;
		fd[AT_DOOR] = g->door;
		fd[AT_LOADER] = g->loader.fd;
		if (!look_around(fd, events))
			continue;
		look(g, events[AT_TARGET]);
		for (int i = 0; i < TL_MAX_SESSIONS; i++)
			if (fd[i] >= 0)
				listen_to(g, &g->client[i], events[i]);
		if (events[AT_LOADER] & POLLIN)
			loader_heard(g);
		if (events[AT_DOOR])
			open_door(g);
		session_sweep(g);
		if (g->state == SESSION_ALIVE)
			children_clean(&g->children, g->hold.pid, g->inode,
				       g->dev_minor);
	}
	end(g, NULL);
}

void guardian_main(int fd, const struct wire_start *start)
{
	struct wire m = { .what = WIRE_ATTACHED };
	struct guardian *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		_exit(1);
	fd = settle(fd);
	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		g->client[i].fd = -1;
	g->loader.fd = -1;
	g->state = SESSION_ALIVE;
	g->first_ns = guardian_now();
	g->first_ticks = isa_ticks();
	g->door = make_door();
	err = attach(g, start);
	if (!err)
		err = session_begin(g, fd, start);
	if (!err)
		watch(g);
	session_fill(g, &m, err);
	/* Whatever was begun; the reason is already written down. */
	if (g->hold.w.pid || g->hold.base)
		undo(g->hold.pid, &g->hold.w, PATIENCE_MS);
	wire_send_fd(fd, &m, -1);
	_exit(1);
}
