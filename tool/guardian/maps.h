/* SPDX-License-Identifier: MIT */
/*
 * maps.h - what is mapped in a process, and where there is room
 */
#ifndef TL_MAPS_H
#define TL_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAP_NAME 256

struct map {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	bool read, write, exec, shared;
	char name[MAP_NAME]; /* cut, if longer; "" for anonymous memory */
};

struct maps {
	size_t n;
	struct map *map; /* by address */
};

/* Read /proc/@pid/maps.  0, or a negative errno; maps_free() it. */
int maps_read(struct maps *out, pid_t pid);
void maps_free(struct maps *m);

/* Does /proc/@pid/maps have @name in it?  A quick way to a "no". */
bool maps_name(pid_t pid, const char *name);

/* The mapping that @addr is in, or NULL. */
const struct map *maps_find(const struct maps *m, uint64_t addr);

/* Is it a private, executable mapping of a file on disk? */
bool map_is_text(const struct map *m);

/* Is it a mapping of the file that @as maps? */
bool map_same_file(const struct map *m, const struct map *as);

/*
 * @size bytes where nothing is mapped, all within @reach of @near; away from
 * where the heap and the main stack grow.  0: there are none.
 */
uint64_t maps_gap(const struct maps *m, uint64_t near, uint64_t reach,
		  uint64_t size);

/*
 * Open the file that is mapped at @m in @pid, for reading: the very file, not
 * another that has the name now.  A descriptor or a negative errno.
 */
int map_open(const struct map *m, pid_t pid);

#endif
