/* SPDX-License-Identifier: MIT */
/*
 * text.h - the program's bytes, for planning
 */
#ifndef TL_X86_TEXT_H
#define TL_X86_TEXT_H

#include <arch.h>

#include "insn/insn.h"

#pragma GCC visibility push(hidden)

#define TL_TEXT_BLOCK 512

/* The block that was read last.  Begin with zeros. */
struct tl_text {
	uint64_t at;
	uint32_t len; /* 0: it cannot be read */
	bool any;
	struct tl_facts *facts; /* what is read is noted there; or NULL */
	uint8_t block[TL_TEXT_BLOCK] __attribute__((aligned(8)));
};

/* What x86_flow's `read` may be; @ctx is a struct tl_text.  Context: task. */
int tl_text_bytes(void *ctx, void *dst, uint64_t src, size_t n);

/*
 * Have what there is to know of the function in flow->facts, which stays valid
 * until the next call.  @t is what flow->ctx is.  false: the bounds are unusable,
 * or the host has no memory.  Context: task.
 */
bool tl_text_learn(struct tl_text *t, struct x86_flow *flow);

#pragma GCC visibility pop

#endif
