/* SPDX-License-Identifier: MIT */
/*
 * children.h - fork children that carry copies of our jumps
 */
#ifndef TL_CHILDREN_H
#define TL_CHILDREN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The processes of one look, ascending. */
struct pids {
	pid_t *pid;
	size_t n;
};

struct children {
	struct pids last;  /* who was there at the last look */
	struct pids young; /* of those, who is to be looked into */
	uint64_t next_ns;  /* when to look again */
};

/*
 * If it is time for a look: clean those who have copies of the mappings of
 * memory file (@inode, @dev_minor) and are not in the memory of @target.  The
 * first call, before anything is armed, only notes who is there.  May take some
 * hundred milliseconds.
 */
void children_clean(struct children *c, pid_t target, uint64_t inode,
		    uint32_t dev_minor);

#endif
