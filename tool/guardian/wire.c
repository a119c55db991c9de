/* SPDX-License-Identifier: MIT */
/*
 * wire.c - between the tool and its guardian
 */
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool wire_send(int fd, const void *p, size_t len)
{
	const char *at = p;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool wire_receive(int fd, void *p, size_t len)
{
	char *at = p;

	while (len) {
		ssize_t n = recv(fd, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static bool send_with(int fd, const void *p, size_t len, int pass)
{
	union control control = { 0 };
	struct iovec v = { (void *)(uintptr_t)p, len };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };

	if (pass >= 0) {
		h.msg_control = &control;
		h.msg_controllen = sizeof(control);
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), &pass, sizeof(pass));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool receive_with(int fd, void *p, size_t len, int *passed)
{
	union control control = { 0 };
	struct iovec v = { p, len };
	struct msghdr h = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	*passed = -1;
	do
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && h.msg_controllen >= sizeof(struct cmsghdr) &&
	    control.head.cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(&control.head), sizeof(*passed));
	return n == (ssize_t)len;
}

/* The descriptor goes with one byte of its own. */
bool wire_send_passed(int fd, int pass)
{
	char byte = pass >= 0;

	return send_with(fd, &byte, 1, pass);
}

bool wire_receive_passed(int fd, int *passed)
{
	char byte;

	return receive_with(fd, &byte, 1, passed);
}

bool wire_send_fd(int fd, const struct wire *m, int pass)
{
	return wire_send(fd, m, sizeof(*m)) && wire_send_passed(fd, pass);
}

bool wire_receive_fd(int fd, struct wire *m, int *passed)
{
	*passed = -1;
	return wire_receive(fd, m, sizeof(*m)) &&
	       wire_receive_passed(fd, passed);
}

bool wire_send_start(int door, const struct wire_start *start, int pass)
{
	return send_with(door, start, sizeof(*start), pass);
}

int wire_receive_start(int door, struct wire_start *start)
{
	int fd;

	if (!receive_with(door, start, sizeof(*start), &fd) && fd >= 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}
