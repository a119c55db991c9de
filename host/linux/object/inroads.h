/* SPDX-License-Identifier: MIT */
/*
 * inroads.h - where code is entered from elsewhere, as far as a file shows
 *
 * An inroad is an address to which something may lead that is not in the
 * function around it: a jump or call from another function, a pointer in data,
 * an entry of a jump table, a landing pad.  A jump of ours must not cover one
 * but with its first byte, and nothing in the function itself shows it.
 *
 * Pure: no state, no allocation, no libc; hostile files are read with care.
 * Addresses are those of the file.
 */
#ifndef TL_INROADS_H
#define TL_INROADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_INROADS_PARTS 16

/* A loaded piece of the file. */
struct tl_object_part {
	uint64_t addr;
	uint64_t size; /* of what the file holds of it */
	const uint8_t *bytes;
	bool code;
};

struct tl_inroads {
	struct tl_object_part part[TL_INROADS_PARTS];
	unsigned int n;
	bool words; /* arm64: a jump covers one word, and nothing leads inside */
	bool fixed; /* runs where it was linked: pointers need no relocation */
	uint64_t low, high; /* what the parts span */
	uint64_t dynamic, n_dynamic;
	uint64_t unwind; /* .eh_frame_hdr; 0: there is none */
	uint8_t *marks;	 /* a bit a byte: in code inroads, in data tables */
	uint8_t *borders;
};

/* At @addr + i, if bit i is set; bit 0: nothing is known. */
#define TL_INROADS_UNKNOWN 1u
#define TL_INROADS_REACH   32

/*
 * Begin with the first @size bytes of a file, which are kept in use: all that is
 * loaded must be in them (tl_inroads_file_bytes()).  0, or negative: it is no
 * x86-64 ELF program or library that this can be said of.  Then the caller
 * gives tl_inroads_room() bytes of zeros to tl_inroads_use().  Context: any.
 */
int tl_inroads_open(struct tl_inroads *r, const void *file, size_t size);
size_t tl_inroads_room(const struct tl_inroads *r);
void tl_inroads_use(struct tl_inroads *r, void *zeros);

/*
 * How much of a file is loaded: the end of its last segment.  @head is its first
 * @size bytes, at least up to its program headers; 0: it is not usable.
 */
uint64_t tl_inroads_file_bytes(const void *head, size_t size);

/*
 * There is a function, [@start, @end), and then padding, up to a multiple of 16.
 * Only what crosses a border of one of the two counts, so the functions that are
 * asked about later must be given.
 */
void tl_inroads_function(struct tl_inroads *r, uint64_t start, uint64_t end);

/* @zeros of a tl_inroads_use() for the same file: the same borders here. */
void tl_inroads_same_borders(struct tl_inroads *r, const void *zeros);

/*
 * Find them all.  3 to 5 ns for a byte of code.  0, or negative: the file is
 * damaged, nothing can be said.
 */
int tl_inroads_find(struct tl_inroads *r);

/* The @n bytes at @addr, or NULL if the file does not hold them all. */
const uint8_t *tl_inroads_bytes(const struct tl_inroads *r, uint64_t addr,
				uint64_t n);

/*
 * Call @fn for each function that the unwind tables describe; @part: it is a
 * piece of another, which begins with that one's frame on the stack.
 */
void tl_inroads_functions(const struct tl_inroads *r,
			  void (*fn)(void *arg, uint64_t start, uint64_t end,
				     bool part),
			  void *arg);

/*
 * Call @fn for each word that the loader sets to an address in the file: the word
 * is at @addr, what it is set to without the distance that the file is moved by is
 * @value.  Either may be anything.
 */
void tl_inroads_words(const struct tl_inroads *r,
		      void (*fn)(void *arg, uint64_t addr, uint64_t value),
		      void *arg);

/* The inroads among the TL_INROADS_REACH bytes from @addr on, or UNKNOWN. */
uint32_t tl_inroads_at(const struct tl_inroads *r, uint64_t addr);

#endif
