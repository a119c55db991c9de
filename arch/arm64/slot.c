/* SPDX-License-Identifier: MIT */
/*
 * slot.c - slots of arm64
 *
 * A slot, with and without post handlers:
 *
 *     +0   the instruction             +0   the instruction
 *     +4   b  probe + 4                +4   sub sp, sp, #R_SIZE
 *                                      +8   stp x0, x1, [sp]
 *   a vector literal takes up to       +12  str x30, [sp, #R_X30]
 *   28 bytes in place of 4             +16  adr x1, data
 *                                      +20  ldr x0, [x1]
 *                                      +24  blr x0
 *                                      +28  ldr x30, [sp, #R_X30]
 *                                      +32  ldp x0, x1, [sp]
 *                                      +36  add sp, sp, #R_SIZE
 *                                      +40  b  probe + 4
 *                                     data: tl_arm64_call_post  8
 *                                           the point           8
 *                                           probe + 4           8
 *
 * Every register is kept; a branch back reaches 128 MiB.
 */

#include "code.h"
#include <assert.h>

#define SUB_SP	   0xd10003ffu
#define ADD_SP	   0x910003ffu
#define STP_X0_X1  0xa90007e0u
#define LDP_X0_X1  0xa94007e0u
#define STR_X30	   0xf90003feu
#define LDR_X30	   0xf94003feu
#define ADR_X1	   0x10000001u
#define LDR_X0_X1  0xf9400020u
#define BLR_X0	   0xd63f0000u
#define DATA_BYTES 24

static_assert(TL_SLOT_BYTES >= 4 * A64_RELOCATED_WORDS + 40 + DATA_BYTES,
	      "the longest slot");

struct code {
	uint8_t *out;
	uint32_t len;
};

static void put(struct code *c, uint32_t word)
{
	tl_put_word(c->out + c->len, word);
	c->len += 4;
}

static void put64(struct code *c, uint64_t value)
{
	put(c, (uint32_t)value);
	put(c, (uint32_t)(value >> 32));
}

static void put_copy(struct code *c, const struct tl_plan *plan,
		     const struct tl_emit *emit)
{
	uint32_t words[A64_RELOCATED_WORDS];
	size_t n = 1;

	words[0] = tl_plan_insn(plan);
	if (plan->kind == A64_VECTOR_LITERAL)
		n = a64_relocate(words[0], emit->addr, emit->at,
						words);
	for (size_t i = 0; i < n; i++)
		put(c, words[i]);
}

static void put_post_call(struct code *c)
{
	const uint32_t to_data = 28; /* from the adr; the branch is included */

	put(c, SUB_SP | R_SIZE << 10);
	put(c, STP_X0_X1);
	put(c, STR_X30 | R_X30 / 8 << 10);
	put(c, ADR_X1 | to_data / 4 << 5);
	put(c, LDR_X0_X1);
	put(c, BLR_X0);
	put(c, LDR_X30 | R_X30 / 8 << 10);
	put(c, LDP_X0_X1);
	put(c, ADD_SP | R_SIZE << 10);
}

int tl_arch_emit_slot(const struct tl_plan *plan, const struct tl_emit *emit,
		      uint8_t *out, struct tl_code *code)
{
	struct code c = { out, 0 };
	uint32_t back;

	if (a64_simulates(plan->kind))
		return -TL_EOPNOTSUPP;
	put_copy(&c, plan, emit);
	if (emit->what & TL_EMIT_POST)
		put_post_call(&c);
	if (!a64_branch(emit->at + c.len, emit->addr + 4, &back))
		return -TL_ERANGE;
	put(&c, back);
	if (emit->what & TL_EMIT_POST) {
		put64(&c, (uintptr_t)tl_arm64_call_post);
		put64(&c, (uintptr_t)emit->point);
		put64(&c, emit->addr + 4);
	}
	code->len = c.len;
	code->n = 1;
	code->from[0] = 0;
	code->to[0] = 0;
	return 0;
}
