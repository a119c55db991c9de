/* SPDX-License-Identifier: MIT */
/*
 * code.c - writing machine code into a buffer, for slot.c and detour.c
 */
#include "code.h"

void tl_put(struct tl_out *o, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	if (o->err)
		return;
	if (n > o->room - o->len) {
		o->err = -TL_ERANGE;
		return;
	}
	for (size_t i = 0; i < n; i++)
		o->buf[o->len++] = b[i];
}

void tl_put8(struct tl_out *o, unsigned int byte)
{
	uint8_t b = byte;

	tl_put(o, &b, 1);
}

void tl_put32(struct tl_out *o, uint32_t v)
{
	tl_put(o, &v, sizeof(v));
}

void tl_put64(struct tl_out *o, uint64_t v)
{
	tl_put(o, &v, sizeof(v));
}

void tl_put_rel32(struct tl_out *o, size_t field, size_t to)
{
	int32_t rel = (int32_t)(to - (field + 4));

	if (!o->err)
		__builtin_memcpy(o->buf + field, &rel, sizeof(rel));
}

void tl_put_copy(struct tl_out *o, const struct tl_plan *plan, uintptr_t addr,
		 unsigned int off)
{
	struct x86_insn in;
	int n;

	if (o->err)
		return;
	tl_plan_insn(plan, addr, off, &in);
	n = x86_relocate(&in, plan->orig + off, o->at + o->len, o->buf + o->len,
			 o->room - o->len);
	if (n >= 0)
		o->len += n;
	else
		o->err = n == -X86_EOPNOTSUPP ? -TL_EOPNOTSUPP : -TL_ERANGE;
}

void tl_put_jump(struct tl_out *o, uintptr_t target)
{
	int n;

	if (o->err)
		return;
	n = x86_write_jmp_any(o->buf + o->len, o->room - o->len, o->at + o->len,
			      target);
	if (n < 0)
		o->err = -TL_ERANGE;
	else
		o->len += n;
}

void tl_put_move_sp(struct tl_out *o, uint32_t by)
{
	if (!by)
		return;
	TL_CODE(o, "\x48\x8d\xa4\x24");
	tl_put32(o, by);
}

/*
 *      48 8d a4 24 <-rz>       lea  -rz(%rsp),%rsp             8 (red zone)
 *      50                      push %rax                       1
 *      48 8d 05 <data>         lea  data(%rip),%rax            7
 *      ff 10                   call *(%rax)                    2
 *      58                      pop  %rax                       1
 *      48 8d a4 24 <rz>        lea  rz(%rsp),%rsp              8 (red zone)
 */
size_t tl_put_call(struct tl_out *o)
{
	unsigned int rz = tl_host_ops->red_zone;
	size_t field;

	tl_put_move_sp(o, -rz);
	TL_CODE(o, "\x50\x48\x8d\x05");
	field = o->len;
	tl_put32(o, 0);
	TL_CODE(o, "\xff\x10\x58");
	tl_put_move_sp(o, rz);
	return field;
}

void tl_put_call_data(struct tl_out *o, size_t field, bool post,
		      const struct tl_emit *emit, uintptr_t ip)
{
	const uint8_t *gate = tl_host_ops->gate;
	unsigned int rz = tl_host_ops->red_zone;
	bool plain = !gate && !tl_x86_vectors;
	const char *routine = post    ? plain ? tl_x86_call_post_plain
					      : tl_x86_call_post
			      : plain ? tl_x86_call_pre_plain
				      : tl_x86_call_pre;

	tl_put_rel32(o, field, o->len);
	tl_put64(o, (uintptr_t)routine);
	tl_put64(o, (uintptr_t)emit->point);
	tl_put64(o, ip);
	tl_put64(o, gate ? (uintptr_t)gate : (uintptr_t)tl_x86_gate_open);
	tl_put32(o, rz | (rz ? 9u : 1u) << 16);
}

void tl_map_add(struct tl_code *code, unsigned int from, size_t to)
{
	if (code->n >= TL_MAP_MAX)
		return;
	code->from[code->n] = from;
	code->to[code->n] = to;
	code->n++;
}
