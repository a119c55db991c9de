/* SPDX-License-Identifier: MIT */
/*
 * detour.c - the code behind a jump
 *
 *     counts in place, if there are counters          24 to 36, and 24 each
 *     call of the pre handlers, if there are any      32
 *     copy of the instruction                         at most 28
 *     call of the post handlers, if there are any     32
 *     b  probe + 4                                    4
 *     literals of the counts                          8 each, and 8
 *     data of the calls                               at most 32 each
 */

#include "code.h"
#include <assert.h>

/* clang-format off */
#define SUB_SP_32   0xd10083ffu /* sub sp, sp, #32 */
#define STP_X0_X1   0xa90007e0u /* stp x0, x1, [sp] */
#define STP_X2_X3   0xa9010fe2u /* stp x2, x3, [sp, #16] */
#define LDR_X0      0x58000000u /* ldr x0, literal */
#define LDRB_W0     0x39400000u /* ldrb w0, [x0] */
#define CBZ_W0      0x34000000u /* cbz w0, ... */
#define MOV_X1_SP   0x910003e1u /* mov x1, sp */
#define SHARD_X1    0xd3576821u /* ubfx x1, x1, #23, #4 */
#define ADD_X0_X1   0x8b014000u /* add x0, x0, x1, lsl #16 */
#define LDXR_X2     0xc85f7c02u /* ldxr x2, [x0] */
#define ADD_X2_1    0x91000442u /* add x2, x2, #1 */
#define STXR_W3_X2  0xc8037c02u /* stxr w3, x2, [x0] */
#define CBNZ_W3_12  0x35ffffa3u /* cbnz w3, .-12 */
#define LDP_X2_X3   0xa9410fe2u /* ldp x2, x3, [sp, #16] */
#define LDP_X0_X1   0xa94007e0u /* ldp x0, x1, [sp] */
#define ADD_SP_32   0x910083ffu /* add sp, sp, #32 */

static_assert(TL_SHARDS == 16 && TL_SHARD_SHIFT == 16, "SHARD_X1, ADD_X0_X1");
static_assert(TL_DETOUR_BYTES >= 36 + TL_EMIT_COUNTERS * 32 + 8 + 2 * 64 +
	      4 * A64_RELOCATED_WORDS + 4, "the longest detour");
static_assert(TL_SLOT_BYTES >= 4 * A64_RELOCATED_WORDS + 4 + 2 * 64,
	      "the longest slot");
/* clang-format on */

/* Where the instructions are that load the literals of the counts. */
struct counts {
	uint32_t gate, skip;
	uint32_t cell[TL_EMIT_COUNTERS];
};

/*
 * Count, with no register or flag changed:
 *
 *     sub sp, #32; stp x0, x1; stp x2, x3
 *     ldr x0, =gate; ldrb w0, [x0]; cbz w0, 1f        if there is a gate
 *     mov x1, sp; ubfx x1, x1, #23, #4                which shard: by stack
 *     ldr x0, =cell; add x0, x0, x1, lsl #16          for each counter
 *     2: ldxr x2, [x0]; add x2, x2, #1; stxr w3, x2, [x0]; cbnz w3, 2b
 *     1: ldp x2, x3; ldp x0, x1; add sp, #32
 */
static void put_counts(struct tl_out *o, const struct tl_emit *emit,
		       struct counts *c)
{
	tl_put(o, SUB_SP_32);
	tl_put(o, STP_X0_X1);
	tl_put(o, STP_X2_X3);
	if (tl_host_ops->gate) {
		c->gate = o->len;
		tl_put(o, LDR_X0);
		tl_put(o, LDRB_W0);
		c->skip = o->len;
		tl_put(o, CBZ_W0);
	}
	tl_put(o, MOV_X1_SP);
	tl_put(o, SHARD_X1);
	for (unsigned int i = 0; i < emit->n_counters; i++) {
		c->cell[i] = o->len;
		tl_put(o, LDR_X0);
		tl_put(o, ADD_X0_X1);
		tl_put(o, LDXR_X2);
		tl_put(o, ADD_X2_1);
		tl_put(o, STXR_W3_X2);
		tl_put(o, CBNZ_W3_12);
	}
	if (tl_host_ops->gate)
		tl_put_here(o, c->skip);
	tl_put(o, LDP_X2_X3);
	tl_put(o, LDP_X0_X1);
	tl_put(o, ADD_SP_32);
}

static void put_counts_data(struct tl_out *o, const struct tl_emit *emit,
			    const struct counts *c)
{
	for (unsigned int i = 0; i < emit->n_counters; i++) {
		tl_put_here(o, c->cell[i]);
		tl_put64(o, (uintptr_t)emit->counter[i]);
	}
	if (emit->n_counters && tl_host_ops->gate) {
		tl_put_here(o, c->gate);
		tl_put64(o, (uintptr_t)tl_host_ops->gate);
	}
}

int tl_arch_emit_detour(const struct tl_plan *plan, const struct tl_emit *emit,
			uint8_t *out, struct tl_code *code)
{
	struct tl_out o = { out, 0, emit->at };
	bool pre = emit->what & TL_EMIT_PRE, post = emit->what & TL_EMIT_POST;
	uint32_t pre_call = 0, post_call = 0;
	struct counts counts = { 0 };
	int err;

	if (!plan->window_len)
		return -TL_EOPNOTSUPP;
	if (emit->n_counters)
		put_counts(&o, emit, &counts);
	if (pre)
		pre_call = tl_put_call(&o, false);
	err = tl_put_copy(&o, plan, emit->addr, post, code);
	if (err)
		return err;
	if (post)
		post_call = tl_put_call(&o, true);
	err = tl_put_branch(&o, emit->addr + 4);
	if (err)
		return err;
	put_counts_data(&o, emit, &counts);
	if (pre)
		tl_put_call_data(&o, pre_call, false, emit, emit->addr);
	if (post)
		tl_put_call_data(&o, post_call, true, emit, emit->addr + 4);
	code->len = o.len;
	return 0;
}
