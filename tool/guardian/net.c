/* SPDX-License-Identifier: MIT */
/*
 * net.c - the two ends of the net: the guardian's calls, the child's loop
 *
 * They talk over a socket pair, one request and one answer at a time:
 *
 *     guardian                     net
 *     net_open()    fork  ------>  stops everyone
 *                   OPEN  <------
 *     net_evict()   EVICT ------>  + windows
 *                         <------  + windows
 *     net_quiet()   QUIET ------>  + ranges
 *                         <------  + one byte each
 *     net_places()  PLACES ----->
 *                         <------  + places
 *     net_close()   CLOSE ------>  lets everyone go
 *                         <------  + figures; exits
 *
 * An answer that does not come in time costs the net its life, and the kernel
 * lets everyone go.  It is asked to end first: the end of the conversation tells
 * it so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net_tasks.h"

#define SLACK_MS   2500	 /* beyond its own time limit, until it is to end */
#define WORK_MS	   5000	 /* and this, for a search of all memory */
#define CLOSE_MS   40000 /* or this: it waits for those whom it must not leave */
#define PARTING_MS CLOSE_MS /* from then until it is killed: for the same */
#define TICK_US	   1000
#define ITEMS_MAX  100000

enum op { OPEN, EVICT, QUIET, PLACES, CLOSE };

struct message {
	uint32_t op;
	uint32_t n;
	int32_t err;
	uint32_t us; /* with a refusal: how long somebody was stopped for it */
};

/* A process that goes before all others while the target waits for it. */
struct hurry {
	pid_t pid; /* 0: nobody, or it may not */
	int policy;
	struct sched_param param;
};

struct net {
	pid_t child;
	int socket;
	unsigned int timeout_ms;
	uint64_t longest_stop_ns; /* of the attempts that failed */
	bool dead;
	struct hurry self;
	struct hurry worker;
};

/* ---- both ends ------------------------------------------------------------ */

static int send_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Receive @len bytes; @timeout_ms -1: for ever.  -EPIPE: end of file. */
static int receive_all(int fd, void *buf, size_t len, int timeout_ms)
{
	uint64_t end = net_clock() + (uint64_t)timeout_ms * 1000000;
	struct pollfd p = { fd, POLLIN, 0 };
	int left = timeout_ms;
	char *to = buf;
	ssize_t n;

	while (len) {
		if (timeout_ms >= 0) {
			uint64_t now = net_clock();

			left = now < end ? (int)((end - now) / 1000000) + 1 : 0;
			if (!left)
				return -ETIMEDOUT;
		}
		if (poll(&p, 1, left) <= 0)
			continue;
		n = recv(fd, to, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		to += n;
		len -= (size_t)n;
	}
	return 0;
}

static void hurry(struct hurry *hu, pid_t pid)
{
	const struct sched_param low = { .sched_priority = 1 };

	hu->policy = sched_getscheduler(pid);
	if (hu->policy >= 0 && !sched_getparam(pid, &hu->param) &&
	    !sched_setscheduler(pid, SCHED_RR, &low))
		hu->pid = pid;
}

static void calm_down(const struct hurry *hu)
{
	if (hu->pid)
		sched_setscheduler(hu->pid, hu->policy, &hu->param);
}

/* ---- the net's end -------------------------------------------------------- */

static int compare_areas(const void *a, const void *b)
{
	const struct net_area *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static void area_of_window(struct net_area *a, const struct tl_window *w)
{
	a->low = w->start + 1;
	a->high = w->start + (w->len ? w->len : 1);
	a->n = w->n_inner < TL_MAP_MAX ? w->n_inner : TL_MAP_MAX;
	for (unsigned int i = 0; i < a->n; i++) {
		a->from[i] = w->start + w->inner[i];
		a->to[i] = w->moved[i];
	}
}

static void area_of_range(struct net_area *a, const struct tl_range *r)
{
	a->low = r->start;
	a->high = r->end;
	a->n = r->n < TL_MAP_MAX ? r->n : TL_MAP_MAX;
	for (unsigned int i = 0; i < a->n; i++) {
		a->from[i] = r->start + r->to[i];
		a->to[i] = r->origin + r->from[i];
	}
}

/* Serve EVICT or QUIET. */
static int serve_areas(struct net_hold *h, int fd, const struct message *m)
{
	size_t size = m->op == EVICT ? sizeof(struct tl_window)
				     : sizeof(struct tl_range);
	size_t i, n = m->n, busy_size = m->op == EVICT ? size : 1;
	struct message answer = { m->op, m->n, 0, 0 };
	struct net_area *areas = calloc(n + 1, sizeof(*areas));
	char *items = malloc(n * size + 1), *busy = calloc(n + 1, 1);
	int err = areas && items && busy ? 0 : -ENOMEM;

	if (err)
		goto free_items;
	err = receive_all(fd, items, n * size, -1);
	if (err)
		goto free_items;
	for (i = 0; i < n; i++) {
		areas[i].index = i;
		if (m->op == EVICT)
			area_of_window(&areas[i], (void *)(items + i * size));
		else
			area_of_range(&areas[i], (void *)(items + i * size));
	}
	qsort(areas, n, sizeof(*areas), compare_areas);
	answer.err = net_empty(h, areas, n);
	for (i = 0; i < n; i++) {
		size_t at = areas[i].index;

		if (m->op == EVICT)
			((struct tl_window *)items)[at].busy = areas[i].busy;
		else
			busy[at] = areas[i].busy;
	}
	err = send_all(fd, &answer, sizeof(answer));
	if (!err)
		err = send_all(fd, m->op == EVICT ? items : busy,
			       n * busy_size);
	if (!err)
		err = answer.err;
free_items:
	free(areas);
	free(items);
	free(busy);
	return err;
}

static int serve_places(struct net_hold *h, int fd)
{
	struct message answer = { PLACES, 0, 0, 0 };
	struct net_spot *spots;
	int err;

	err = net_settle(h);
	if (err < 0)
		return err;
	spots = calloc(h->n_tasks + 1, sizeof(*spots));
	if (!spots)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_tasks; i++)
		answer.n += net_spot_of(&h->tasks[i], &spots[answer.n]);
	err = send_all(fd, &answer, sizeof(answer));
	if (!err)
		err = send_all(fd, spots, answer.n * sizeof(*spots));
	free(spots);
	return err;
}

/* Until there is a request, those who wake are attended to at once (W4). */
static void await_request(struct net_hold *h, int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	sigset_t none, child;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	do
		net_attend(h);
	while (ppoll(&p, 1, NULL, &none) <= 0);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int serve_one(struct net_hold *h, int fd)
{
	struct message m;
	int err;

	await_request(h, fd);
	err = receive_all(fd, &m, sizeof(m), -1);
	if (!err && (m.op == EVICT || m.op == QUIET))
		return serve_areas(h, fd, &m);
	if (!err && m.op == PLACES)
		return serve_places(h, fd);
	return err ? err : 1;
}

static void serve(struct net_hold *h, int fd, uint64_t begun)
{
	struct message m = { OPEN, 0, 0, 0 };

	m.err = net_stop(h);
	if (m.err) {
		net_release(h);
		m.us = (uint32_t)(h->stats.longest_stop_ns / 1000);
		send_all(fd, &m, sizeof(m));
		return;
	}
	if (send_all(fd, &m, sizeof(m))) {
		net_release(h);
		return;
	}
	while (!serve_one(h, fd))
		;
	net_release(h);
	h->stats.total_ns = net_clock() - begun;
	m = (struct message){ CLOSE, 1, 0, 0 };
	if (!send_all(fd, &m, sizeof(m)))
		send_all(fd, &h->stats, sizeof(h->stats));
}

/* The tick wakes us from waiting for a stop. */
static void tick(int sig)
{
	int err = errno;

	(void)sig;
	net_bury();
	errno = err;
}

/*
 * A process of its own, of which nothing is left of the guardian but code:
 * its descriptors are closed, its signals are as new.  So is its name: whoever
 * kills all processes with the tool's gives it the time to let everyone go.
 */
static void net_main(struct net_hold *h, int fd, uint64_t begun)
{
	struct sigaction sa = { .sa_handler = tick };
	struct sigaction stop = { .sa_handler = net_child_stopped,
				  .sa_flags = SA_RESTART };
	const struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
	struct rlimit files;
	sigset_t none;

	prctl(PR_SET_NAME, "tl-net");

	for (int sig = 1; sig < 65; sig++)
		signal(sig, sig == SIGPIPE || sig == SIGINT || sig == SIGHUP ||
					    sig == SIGQUIT || sig == SIGTERM
				    ? SIG_IGN
				    : SIG_DFL);
	sigemptyset(&none);
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGCHLD, &stop, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(fd, 3) == 3)
		fd = 3;
	syscall(SYS_close_range, fd + 1, ~0u, 0);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (sched_getscheduler(0) != SCHED_RR)
		setpriority(PRIO_PROCESS, 0, -20);
	h->alive = fd;
	/* The first event of a machine takes its time. */
	h->options.watch_blocked = h->options.watch_blocked && net_can_watch();
	/* For finding everybody, while nobody is stopped. */
	h->deadline = net_clock() + NET_TIMEOUT_MS * 1000000ull;
	setitimer(ITIMER_REAL, &every, NULL);
	serve(h, fd, begun);
	_exit(0);
}

/* ---- the guardian's end --------------------------------------------------- */

static void end_child(struct net *net)
{
	uint64_t end = net_clock() + PARTING_MS * 1000000ull;

	net->dead = true;
	shutdown(net->socket, SHUT_RDWR);
	while (net_clock() < end) {
		if (waitpid(net->child, NULL, WNOHANG) == net->child)
			return;
		nanosleep(&(struct timespec){ 0, 200000 }, NULL);
	}
	kill(net->child, SIGKILL);
	while (waitpid(net->child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Receive the answer to @op: its error.  If there is none the net is dead. */
static int answer(struct net *net, enum op op, void *buf, size_t len)
{
	int err, limit = (int)net->timeout_ms + SLACK_MS;
	struct message m;

	if (op != OPEN)
		limit += op == CLOSE ? CLOSE_MS : WORK_MS;
	err = receive_all(net->socket, &m, sizeof(m), limit);
	if (!err && m.op != op)
		err = -EPROTO;
	if (!err && len)
		err = receive_all(net->socket, buf, len, limit);
	if (!err) {
		if (op == OPEN)
			net->longest_stop_ns = m.us * 1000ull;
		return m.err;
	}
	end_child(net);
	return err;
}

static int open_once(struct net **out, pid_t pid, pid_t worker,
		     const struct net_options *options, unsigned int ms,
		     uint64_t *longest_stop_ns)
{
	struct net_hold h = { .pid = pid, .worker = worker };
	uint64_t begun = net_clock();
	struct net *net;
	int err, sv[2];

	if (options)
		h.options = *options;
	h.options.timeout_ms = ms;
	net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	net->timeout_ms = h.options.timeout_ms;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv)) {
		err = -errno;
		goto free_net;
	}
	hurry(&net->self, getpid());
	net->child = fork();
	if (net->child < 0) {
		err = -errno;
		goto close_sockets;
	}
	if (!net->child) {
		close(sv[0]);
		net_main(&h, sv[1], begun);
	}
	close(sv[1]);
	net->socket = sv[0];
	err = answer(net, OPEN, NULL, 0);
	if (net->longest_stop_ns > *longest_stop_ns)
		*longest_stop_ns = net->longest_stop_ns;
	net->longest_stop_ns = *longest_stop_ns;
	if (!err) {
		/* Not before: those who are to stop need the CPU, too. */
		if (worker)
			hurry(&net->worker, worker);
		*out = net;
		return 0;
	}
	if (!net->dead)
		end_child(net);
	close(sv[0]);
	goto calm;

close_sockets:
	close(sv[0]);
	close(sv[1]);
calm:
	calm_down(&net->self);
free_net:
	free(net);
	return err;
}

int net_open(struct net **out, pid_t pid, pid_t worker,
	     const struct net_options *options)
{
	/*
	 * On a busy machine one thread that waits for a CPU holds up all the
	 * others.  It is better to let them go soon, and try again.
	 */
	static const unsigned int ms[] = {
		10, 20, 40, 80, NET_TIMEOUT_MS, NET_TIMEOUT_MS, NET_TIMEOUT_MS
	};
	bool once = options && options->timeout_ms;
	uint64_t longest_stop_ns = 0;
	int err;

	for (size_t i = 0;; i++) {
		err = open_once(out, pid, worker, options,
				once ? options->timeout_ms : ms[i],
				&longest_stop_ns);
		if (err != -ETIMEDOUT || once ||
		    i == sizeof(ms) / sizeof(ms[0]) - 1)
			return err;
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
}

/* Send a request about @n items of @size bytes and take the answer. */
static int ask_about(struct net *net, enum op op, const void *items, size_t n,
		     size_t size, void *result, size_t result_size)
{
	struct message m = { op, (uint32_t)n, 0, 0 };
	int err;

	if (net->dead)
		return -EPIPE;
	if (n > ITEMS_MAX)
		return -E2BIG;
	err = send_all(net->socket, &m, sizeof(m));
	if (!err)
		err = send_all(net->socket, items, n * size);
	if (err) {
		end_child(net);
		return err;
	}
	return answer(net, op, result, n * result_size);
}

int net_evict(struct net *net, struct tl_window *w, size_t n)
{
	return ask_about(net, EVICT, w, n, sizeof(*w), w, sizeof(*w));
}

int net_quiet(struct net *net, const struct tl_range *r, size_t n, bool *busy)
{
	_Static_assert(sizeof(bool) == 1, "sent as one byte");
	return ask_about(net, QUIET, r, n, sizeof(*r), busy, 1);
}

int net_places(struct net *net, struct net_spot **spots)
{
	struct message m = { PLACES, 0, 0, 0 };
	int err, limit = (int)net->timeout_ms + SLACK_MS;
	struct net_spot *list = NULL;

	if (net->dead)
		return -EPIPE;
	err = send_all(net->socket, &m, sizeof(m));
	if (!err)
		err = receive_all(net->socket, &m, sizeof(m), limit);
	if (!err && (m.op != PLACES || m.n > ITEMS_MAX))
		err = -EPROTO;
	if (!err) {
		list = calloc(m.n + 1, sizeof(*list));
		err = list ? receive_all(net->socket, list, m.n * sizeof(*list),
					 limit)
			   : -ENOMEM;
	}
	if (err) {
		free(list);
		end_child(net);
		return err;
	}
	*spots = list;
	return (int)m.n;
}

int net_close(struct net *net, struct net_stats *stats)
{
	struct message m = { CLOSE, 0, 0, 0 };
	struct net_stats figures = { 0 };
	int err = -EPIPE;

	calm_down(&net->worker);
	if (!net->dead) {
		err = send_all(net->socket, &m, sizeof(m));
		if (err)
			end_child(net);
		else
			err = answer(net, CLOSE, &figures, sizeof(figures));
	}
	if (!net->dead)
		while (waitpid(net->child, NULL, 0) < 0 && errno == EINTR)
			;
	if (figures.longest_stop_ns < net->longest_stop_ns)
		figures.longest_stop_ns = net->longest_stop_ns;
	if (stats)
		*stats = figures;
	calm_down(&net->self);
	close(net->socket);
	free(net);
	return err;
}
