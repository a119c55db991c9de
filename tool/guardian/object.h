/* SPDX-License-Identifier: MIT */
/*
 * object.h - what an object file tells about the code in it
 */
#ifndef TL_OBJECT_H
#define TL_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#define OBJECT_SEGMENTS 16

struct object {
	bool go;	  /* made by Go's linker */
	bool exceptions;  /* there are exception handlers in it */
	bool throws;	  /* it names what throws exceptions */
	bool stripped;	  /* it might, but the names are gone */
	uint64_t rseq_at; /* descriptors of restartable sequences: address */
	uint64_t rseq_n;  /* and number */
	unsigned int n;
	struct {
		uint64_t offset, size, address;
	} segment[OBJECT_SEGMENTS];
};

/*
 * Read the ELF file @fd.  0, -ENOEXEC (not one for x86-64), -EIO (damaged).
 * What is damaged in the section headers alone is taken for not there.
 */
int object_read(struct object *out, int fd);

/*
 * Does the ELF file @fd bring libtrapline with it?  It has a note that says so:
 * see host/linux/own/note.S.
 */
bool object_is_library(int fd);

/* The address, before loading, of what is at @offset in the file. */
uint64_t object_address(const struct object *o, uint64_t offset);

#endif
