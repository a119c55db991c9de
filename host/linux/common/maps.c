/* SPDX-License-Identifier: MIT */
/*
 * maps.c - reading /proc/self/maps
 */
#include "common/home.h"

struct reader {
	int fd;
	size_t at;
	size_t end;
	char buf[1024];
};

/* The next character, or negative at the end. */
static int next(struct reader *r)
{
	if (r->at == r->end) {
		long n =
			tl_sys3(__NR_read, r->fd, (long)r->buf, sizeof(r->buf));

		if (n <= 0)
			return -1;
		r->at = 0;
		r->end = n;
	}
	return (unsigned char)r->buf[r->at++];
}

/* A number in @base; *@stop is the character after it. */
static uint64_t number(struct reader *r, unsigned int base, int *stop)
{
	uint64_t v = 0;
	unsigned int digit;
	int c;

	for (;;) {
		c = next(r);
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (base == 16 && c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			break;
		v = v * base + digit;
	}
	*stop = c;
	return v;
}

/* One line: false at the end of the file. */
static bool line(struct reader *r, struct tl_map *m, char *path, size_t room)
{
	size_t n = 0;
	int c;

	m->start = number(r, 16, &c);
	if (c != '-')
		return false;
	m->end = number(r, 16, &c);
	m->prot = next(r) == 'r' ? TL_PROT_READ : 0;
	m->prot |= next(r) == 'w' ? TL_PROT_WRITE : 0;
	m->prot |= next(r) == 'x' ? TL_PROT_EXEC : 0;
	next(r);
	next(r);
	m->offset = number(r, 16, &c);
	m->dev = number(r, 16, &c) << 32;
	m->dev |= number(r, 16, &c);
	m->inode = number(r, 10, &c);
	while (c == ' ')
		c = next(r);
	for (; c >= 0 && c != '\n'; c = next(r))
		if (n < room - 1)
			path[n++] = c;
	path[n] = 0;
	m->path = path;
	return true;
}

int tl_maps_each(int (*fn)(const struct tl_map *m, void *arg), void *arg)
{
	struct reader r;
	struct tl_map m;
	char path[512];
	int ret = 0;

	r.at = r.end = 0;
	r.fd = tl_open("/proc/self/maps", TL_O_RDONLY);
	if (r.fd < 0)
		return r.fd;
	while (!ret && line(&r, &m, path, sizeof(path)))
		ret = fn(&m, arg);
	tl_close(r.fd);
	return ret;
}
