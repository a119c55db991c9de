/* SPDX-License-Identifier: MIT */
/*
 * images.c - what files say about themselves, each read once
 *
 * Under --follow every new program has the same C library, and its symbols take
 * longer to read than all else; a process whose libraries change is read again,
 * too.  So images are shared: a file is the one that was read if device and inode,
 * size and both times are the same.  The times are changed by whoever writes to it.
 * Images that nobody has any more are kept, a few of them.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images.h"
#include "text.h"

/* Each has a descriptor or two. */
#define KEPT 32

struct shared {
	struct image image; /* the first: who has it has this */
	struct shared *next;
	struct stat file;
	size_t users;
	bool alone; /* no file's */
};

/* The one that was asked for last comes first. */
static struct shared *all;

static struct image none = { .fd = -1, .debug_fd = -1 };

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) &&
	       same_time(&a->st_ctim, &b->st_ctim);
}

static void drop(struct shared **at)
{
	struct shared *s = *at;

	*at = s->next;
	image_close(&s->image);
	free(s);
}

/* Take the one of @file out of the list; NULL: it was not read yet. */
static struct shared *take(const struct stat *file)
{
	for (struct shared **at = &all; *at; at = &(*at)->next) {
		struct shared *s = *at;

		if (!same_file(&s->file, file))
			continue;
		*at = s->next;
		return s;
	}
	return NULL;
}

static struct shared *read_file(int fd, const struct stat *file,
				const char *path,
				const struct image_opener *opener,
				const char **why)
{
	struct shared *s = must_alloc(1, sizeof(*s));

	s->file = *file;
	if (image_open(&s->image, fd, path, opener, why) == 0)
		return s;
	free(s);
	return NULL;
}

struct image *images_get(int fd, const char *path,
			 const struct image_opener *opener, const char **why)
{
	struct shared *s;
	struct stat file;

	if (fstat(fd, &file) != 0) {
		close(fd);
		*why = "it cannot be read";
		return NULL;
	}
	s = take(&file);
	if (s)
		close(fd);
	else
		s = read_file(fd, &file, path, opener, why);
	if (!s)
		return NULL;
	s->users++;
	s->next = all;
	all = s;
	return &s->image;
}

struct image *images_get_memory(void *memory, size_t size, const char **why)
{
	struct shared *s = must_alloc(1, sizeof(*s));

	s->alone = true;
	if (image_open_memory(&s->image, memory, size, why) == 0)
		return &s->image;
	free(s);
	return NULL;
}

struct image *images_none(void)
{
	return &none;
}

void images_put(struct image *img)
{
	struct shared *s = (struct shared *)img;
	size_t kept = 0;

	if (!img || img == &none)
		return;
	if (s->alone) {
		drop(&s);
		return;
	}
	s->users--;
	for (struct shared **at = &all; *at;)
		if (!(*at)->users && kept++ >= KEPT)
			drop(at);
		else
			at = &(*at)->next;
}
