/* SPDX-License-Identifier: MIT */
/*
 * images.h - what files say about themselves, each read once
 */
#ifndef TL_IMAGES_H
#define TL_IMAGES_H

#include "image.h"

/*
 * The image of the file open at @fd, which is taken over; @path and @opener are as
 * image_open() has them.  NULL and *@why: it is no file to work with.
 */
struct image *images_get(int fd, const char *path,
			 const struct image_opener *opener, const char **why);

/* The same of @size bytes at @memory (from malloc), which are taken over. */
struct image *images_get_memory(void *memory, size_t size, const char **why);

/* An image of nothing, which is in place of one that could not be had. */
struct image *images_none(void);

/* Give @img back; whoever has it besides keeps it. */
void images_put(struct image *img);

#endif
