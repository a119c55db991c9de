/* SPDX-License-Identifier: MIT */
/*
 * object.h - what an object file tells about the code in it
 */
#ifndef TL_OBJECT_H
#define TL_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include <inroads.h>
#include <protocol.h>

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
 * Read the ELF file @fd.  0, -ENOEXEC (not one for this processor), -EIO (damaged).
 * What is damaged in the section headers alone is taken for not there.
 */
int object_read(struct object *out, int fd);

/*
 * Does the ELF file @fd bring libtrapline with it?  It has a note that says so:
 * see host/linux/own/note.S.  Then *@out is filled in.
 */
struct object_library {
	bool there;
	bool talks;	    /* the note says where the server is: */
	uint64_t server;    /* address, before loading */
	uint64_t directory; /* the same; 0: it has none */
	struct tl_note note;
	bool stays; /* the object is marked never to be unloaded */
};
bool object_library(struct object_library *out, int fd);

/*
 * Read what is loaded of the file @fd, so that its inroads can be found: give
 * the borders, then tl_inroads_find().  0, or a negative errno; then, and when
 * it is not needed any more, object_code_free().
 */
struct object_code {
	struct tl_inroads inroads;
	void *bytes;
	void *marks;
};
int object_code_read(struct object_code *out, int fd);
void object_code_free(struct object_code *c);

/*
 * Go checks at the start of a function if its stack is large enough; if not, it
 * makes another one, copies, and begins the function anew.  So a call begins
 * behind the check, once, and there is room; code that does not check may be at
 * the very end of its stack.
 *
 * How many bytes of @code, which is how a function begins, are the check; 0: it
 * does not check.  *@by_register: it finds the goroutine in r14, as ABIInternal has
 * it, so arguments are in registers, too (Go 1.17 and later; no assembly).
 */
#define OBJECT_GO_BYTES 32
unsigned int object_go_check(const uint8_t code[OBJECT_GO_BYTES],
			     bool *by_register);

/*
 * The address, before loading, of the code at @offset in the file.  (A page of the
 * file may be mapped twice: as the end of one segment, and as the beginning of the
 * next, at another address.  lld lays files out like that.)
 */
uint64_t object_address(const struct object *o, uint64_t offset);

#endif
