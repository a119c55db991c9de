/* SPDX-License-Identifier: MIT */
/*
 * follower.c - the command's end of a follower
 */
#define _GNU_SOURCE
#include "follower.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session.h"

#include "guardian/follow.h"
#include "guardian/guardian.h"

struct follower {
	int fd;
	pid_t pid;
	bool told; /* that it is lost */
};

int follower_start(struct follower **out)
{
	struct follower *f = calloc(1, sizeof(*f));
	int fds[2], err;

	*out = NULL;
	if (!f)
		return refuse(-ENOMEM, "no memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
		err = refuse(-errno, "no socket: %s", strerror(errno));
		goto free_follower;
	}
	f->pid = fork();
	if (f->pid < 0) {
		err = refuse(-errno, "cannot start another process: %s",
			     strerror(errno));
		goto close_sockets;
	}
	if (f->pid == 0) {
		close(fds[0]);
		follower_main(fds[1]);
	}
	close(fds[1]);
	f->fd = fds[0];
	*out = f;
	return 0;

close_sockets:
	close(fds[0]);
	close(fds[1]);
free_follower:
	free(f);
	return err;
}

int follower_fd(const struct follower *f)
{
	return f->told ? -1 : f->fd;
}

void follower_take(struct follower *f, pid_t pid, struct session *s)
{
	struct follow_message m = { .what = FOLLOW_TAKE, .pid = pid };
	int fd = s ? session_where(s, &m.where) : -1;

	follow_send(f->fd, &m, &fd, fd >= 0);
}

bool follower_next(struct follower *f, struct follower_news *n, bool wait)
{
	static const enum follower_what what[] = {
		[FOLLOW_TAKEN] = FOLLOWER_TAKEN,
		[FOLLOW_FORKED] = FOLLOWER_FORKED,
		[FOLLOW_EXECED] = FOLLOWER_EXECED,
		[FOLLOW_EXITED] = FOLLOWER_EXITED,
		[FOLLOW_NONE] = FOLLOWER_NONE,
	};
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	struct follow_message m;

	*n = (struct follower_news){ .what = FOLLOWER_LOST,
				     .files = { -1, -1 } };
	if (f->told || poll(&p, 1, wait ? -1 : 0) <= 0)
		return false;
	if (!follow_receive(f->fd, &m, n->files)) {
		f->told = true;
		return true;
	}
	m.name[sizeof(m.name) - 1] = '\0';
	if (m.what >= FOLLOW_TAKEN && m.what <= FOLLOW_NONE)
		n->what = what[m.what];
	n->pid = m.pid;
	n->parent = m.parent;
	n->err = m.result;
	snprintf(n->name, sizeof(n->name), "%s", m.name);
	return true;
}

void follower_end(struct follower *f)
{
	struct follow_message m = { .what = FOLLOW_END };

	follow_send(f->fd, &m, NULL, 0);
}

void follower_free(struct follower *f)
{
	if (!f)
		return;
	close(f->fd);
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(f);
}
