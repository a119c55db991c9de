/* SPDX-License-Identifier: MIT */
/*
 * spec.h - what a user writes for a probe
 *
 *	[BINARY:]FUNC[@VERSION][+OFFSET]
 *	[BINARY:]FUNC%inlined
 *	[BINARY:]0xADDRESS
 *	[BINARY:]FILE:LINE
 *
 * FUNC may be a C++ or Rust name: what stands in its brackets, `::` and the signs
 * behind `operator` belong to it.
 */
#ifndef TL_SPEC_H
#define TL_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spec {
	const char *text; /* as written */
	char *binary;	  /* NULL: any */
	char *func;	  /* NULL: by address or line */
	/* Of FUNC@VERSION, if it is that, FUNC; else NULL. */
	char *base;
	const char *version;
	bool is_default; /* FUNC@@VERSION */
	char *file;	 /* of the source; NULL: none */
	int line;
	uint64_t offset;
	bool has_offset;
	bool inlined; /* FUNC%inlined */
	uint64_t addr;
	bool glob; /* func holds *, ? or [ */
};

/*
 * Take @text apart.  False: it is none, and @why (of @size bytes) says what is
 * wrong with it.  @text must outlive @out, which spec_free() frees.
 */
bool spec_parse(struct spec *out, const char *text, char *why, size_t size);
void spec_free(struct spec *s);

/*
 * How many bytes of @text are the probe, in front of a blank that is not part of a
 * name: `f(int, char const*) const` and `operator new` are names.
 */
size_t spec_length(const char *text);

/* A whole number, decimal or 0x; false: it is none, or too large. */
bool parse_u64(const char *text, uint64_t *out);

#endif
