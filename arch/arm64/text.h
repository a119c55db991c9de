/* SPDX-License-Identifier: MIT */
/*
 * text.h - the words that planning reads
 */
#ifndef TL_ARM64_TEXT_H
#define TL_ARM64_TEXT_H

#include "code.h"

/* For a64_flow.read: @n bytes as if no probe were there.  @ctx is nothing. */
int tl_text_bytes(void *ctx, void *dst, uint64_t src, size_t n);

/*
 * The function [@start, @end) as control flow sees it, or if that is nothing or
 * too long, what lies around @addr.
 */
struct a64_flow tl_text_flow(uintptr_t addr, uintptr_t start, uintptr_t end);

/*
 * Learn about it, unless that was done last.  0: flow->facts holds until the next
 * call; it is NULL if there is no exclusive sequence.  Or -TL_ENOMEM.
 */
int tl_text_learn(struct a64_flow *flow);

#endif
