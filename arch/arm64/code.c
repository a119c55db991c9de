/* SPDX-License-Identifier: MIT */
/*
 * code.c - the pieces that slots and detours are made of
 *
 * The call of a handler keeps every register, and its data lies behind the
 * code, where nothing runs:
 *
 *     stp x0, x1, [sp, #-R_SIZE]!      data: the point                      8
 *     add x0, sp, #R_SIZE                    the address handlers see       8
 *     stp x30, x0, [sp, #R_X30]              the gate, unless plain         8
 *     adr x1, data                           the routine, if it is far away 8
 *     bl routine                or: ldr x0, [x1, #...]; blr x0
 *     ldr x30, [sp, #R_X30]
 *     ldp x0, x1, [sp], #R_SIZE
 *
 * The routine, of call.S, may be anywhere: only this must be near the probe.  With
 * a copy of one word, and the branch back, it fills at most a unit of an area, but
 * for one that is far away and not plain.
 */

#include "code.h"

/* clang-format off */
/* Immediates of pairs: bits 21 to 15, in units of 8 bytes. */
#define PAIR(at) (((uint32_t)(at) / 8 & 0x7f) << 15)

#define STP_X0_X1_PRE  0xa98007e0u
#define LDP_X0_X1_POST 0xa8c007e0u
#define ADD_X0_SP      0x910003e0u
#define STP_X30_X0     0xa90003feu
#define LDR_X30        0xf94003feu
#define ADR_X1         0x10000001u
#define LDR_X0_X1      0xf9400020u
#define BLR_X0         0xd63f0000u
#define BL             0x80000000u /* what makes bl of b */
/* clang-format on */

void tl_put(struct tl_out *o, uint32_t word)
{
	tl_put_word(o->buf + o->len, word);
	o->len += 4;
}

void tl_put64(struct tl_out *o, uint64_t value)
{
	tl_put(o, (uint32_t)value);
	tl_put(o, (uint32_t)(value >> 32));
}

/* Bits 23 to 5 hold the offset in words, in all three of them. */
void tl_put_here(struct tl_out *o, uint32_t at)
{
	uint32_t field = (o->len - at) / 4 << 5;

	for (unsigned int i = 0; i < 4; i++)
		o->buf[at + i] |= (uint8_t)(field >> 8 * i);
}

/* Does control go on behind the copy, whatever the registers? */
static bool comes_to_its_end(enum a64_plan kind)
{
	return kind <= A64_SIM_LITERAL && kind != A64_BR_AUTH &&
	       kind != A64_BLR_AUTH;
}

static void map_add(struct tl_code *code, unsigned int from, uint32_t to)
{
	code->from[code->n] = (uint8_t)from;
	code->to[code->n++] = (uint16_t)to;
}

int tl_put_copy(struct tl_out *o, const struct tl_plan *plan, uintptr_t addr,
		bool post, struct tl_code *code)
{
	uint32_t words[A64_RELOCATED_WORDS], insn = tl_plan_insn(plan);
	unsigned int self = a64_relocated_self(insn);
	size_t n;

	/* A handler behind a load-exclusive would close the monitor. */
	if (post && plan->kind == A64_LOAD_EX)
		return -TL_EINVAL;
	if (post && !comes_to_its_end(plan->kind))
		return -TL_EOPNOTSUPP;
	n = a64_relocate(insn, addr, o->at + o->len, words);
	if (!n)
		return -TL_ERANGE;
	code->n = 0;
	map_add(code, 0, o->len);
	if (self)
		map_add(code, 0, o->len + 4 * self);
	if (plan->kind == A64_CALL) /* asleep in it */
		map_add(code, 4, o->len + 4);
	for (size_t i = 0; i < n; i++)
		tl_put(o, words[i]);
	return 0;
}

int tl_put_branch(struct tl_out *o, uintptr_t target)
{
	uint32_t word;

	if (!a64_branch(o->at + o->len, target, &word))
		return -TL_ERANGE;
	tl_put(o, word);
	return 0;
}

static bool is_plain(void)
{
	return !tl_host_ops->gate && !tl_arm64_vectors;
}

/* Where in the data the routine is. */
static uint32_t routine_at(void)
{
	return is_plain() ? DATA_GATE : DATA_GATE + 8;
}

static uintptr_t routine(bool post)
{
	if (post)
		return (uintptr_t)(is_plain() ? tl_arm64_call_post_plain
					      : tl_arm64_call_post);
	return (uintptr_t)(is_plain() ? tl_arm64_call_pre_plain
				      : tl_arm64_call_pre);
}

uint32_t tl_put_call(struct tl_out *o, bool post)
{
	uint32_t call, word;

	tl_put(o, STP_X0_X1_PRE | PAIR(-R_SIZE));
	tl_put(o, ADD_X0_SP | R_SIZE << 10);
	tl_put(o, STP_X30_X0 | PAIR(R_X30));
	call = o->len;
	tl_put(o, ADR_X1);
	if (a64_branch(o->at + o->len, routine(post), &word)) {
		tl_put(o, word | BL);
	} else {
		tl_put(o, LDR_X0_X1 | routine_at() / 8 << 10);
		tl_put(o, BLR_X0);
	}
	tl_put(o, LDR_X30 | R_X30 / 8 << 10);
	tl_put(o, LDP_X0_X1_POST | PAIR(R_SIZE));
	return call;
}

void tl_put_call_data(struct tl_out *o, uint32_t call, bool post,
		      const struct tl_emit *emit, uintptr_t ip)
{
	const uint8_t *gate = tl_host_ops->gate;
	uint32_t word;

	tl_put_here(o, call);
	tl_put64(o, (uintptr_t)emit->point);
	tl_put64(o, ip);
	if (!is_plain())
		tl_put64(o, gate ? (uintptr_t)gate
				 : (uintptr_t)tl_arm64_gate_open);
	if (!a64_branch(o->at + call + 4, routine(post), &word))
		tl_put64(o, routine(post));
}
