/* SPDX-License-Identifier: MIT */
/*
 * relocate.c - code with the effect of an instruction, at another address
 *
 * Most instructions do not know where they are and are copied.  The others:
 *
 *   rip-relative operand   the displacement is recomputed
 *   jmp, jcc               become their rel32 forms
 *   xbegin                 the same; the abort handler stays where it was
 *   loop, jrcxz            have no rel32 form (SDM vol. 2, LOOP, Jcc):
 *
 *          loop 1f  |  jmp 2f  |  1: jmp target  |  2:
 *
 *                          With all its prefixes: F2 and F3 change the condition
 *                          of loope and loopne, on AMD at least (tried).
 *
 *   call                   pushes the address that the original would:
 *
 *          push literal(%rip)  |  jmp target  |  literal: .quad next
 *          push $next          |  jmp target      (if next fits 32 bits, signed)
 *
 *                          One store, as in the original: no signal handler
 *                          sees half an address, and the return loads it at
 *                          full speed.
 *   call *operand          the same, with the call turned into a jump (ModRM.reg
 *                          2 to 4).  The operand is now read after the push, so
 *                          one that is based on rsp is moved by 8.
 *   syscall                leaves its next address in rcx (SDM vol. 2, SYSCALL):
 *
 *          syscall  |  movabs $next, %rcx
 *
 * A target out of reach of rel32 is jumped to through a literal:
 *
 *          notrack jmp *0(%rip)  |  .quad target
 *
 * notrack, as the target of a direct branch need not be an endbr.
 *
 * What cannot be done without a free register or a byte of red zone: a call
 * whose operand is rsp itself, or is read from where the return address goes.
 * The second is only recognized if the operand is plainly based on rsp.
 */
#include "tables.h"

struct out {
	uint8_t *buf;
	size_t room;
	uint64_t to;
	size_t len; /* also what did not fit */
};

static void put(struct out *o, uint8_t byte)
{
	if (o->len < o->room)
		o->buf[o->len] = byte;
	o->len++;
}

static void put_bytes(struct out *o, const uint8_t *bytes, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		put(o, bytes[i]);
}

static void put_int(struct out *o, uint64_t v, unsigned int n)
{
	for (; n; n--, v >>= 8)
		put(o, v);
}

static bool fits32(int64_t v)
{
	return v == (int32_t)v;
}

/* Displacement to @target for an instruction that ends @ahead bytes on. */
static int64_t distance(const struct out *o, unsigned int ahead,
			uint64_t target)
{
	return target - (o->to + o->len + ahead);
}

#define FAR_JMP 15

static void put_far_jmp(struct out *o, uint64_t target)
{
	static const uint8_t jmp[] = { 0x3e, 0xff, 0x25, 0, 0, 0, 0 };

	put_bytes(o, jmp, sizeof(jmp));
	put_int(o, target, 8);
}

static bool near_enough(const struct out *o, unsigned int len, uint64_t target)
{
	return fits32(distance(o, len, target));
}

/* jmp rel32, or through a literal.  bnd (F2) is kept where there is one. */
static void put_jmp(struct out *o, bool bnd, uint64_t target)
{
	if (bnd)
		put(o, 0xf2);
	if (!near_enough(o, 5, target)) {
		put_far_jmp(o, target);
		return;
	}
	put(o, 0xe9);
	put_int(o, distance(o, 4, target), 4);
}

/* Copy, with the displacement of a rip-relative operand recomputed. */
static int put_copy(struct out *o, const struct x86_insn *in,
		    const uint8_t *code)
{
	int64_t disp = distance(o, in->len, in->mem_addr);
	uint64_t at = o->len;

	put_bytes(o, code, in->len);
	if (!(in->attrs & X86_A_RIPREL) || o->len > o->room)
		return 0;
	/* With 67 the sum is cut to 32 bits: any distance will do. */
	if (!fits32(disp) && !(in->prefixes & X86_P_67))
		return -X86_ERANGE;
	o->len = at + in->disp_off;
	put_int(o, disp, 4);
	o->len = at + in->len;
	return 0;
}

/*
 *     near:  0f 8x rel32
 *     far:   7y 0f  3e ff 25 0  literal        (y the opposite of x)
 */
static void put_jcc(struct out *o, const struct x86_insn *in)
{
	bool bnd = in->prefixes & X86_P_F2;

	if (!near_enough(o, 6 + bnd, in->target)) {
		put(o, 0x70 | (in->cond ^ 1));
		put(o, FAR_JMP);
		put_far_jmp(o, in->target);
		return;
	}
	if (bnd)
		put(o, 0xf2);
	put(o, 0x0f);
	put(o, 0x80 | in->cond);
	put_int(o, distance(o, 4, in->target), 4);
}

/*     … ex 02   eb 05 or 0f   jmp to the target     */
static void put_loop(struct out *o, const struct x86_insn *in,
		     const uint8_t *code)
{
	put_bytes(o, code, in->imm_off);
	put(o, 2);
	put(o, 0xeb);
	put(o, near_enough(o, 6, in->target) ? 5 : FAR_JMP);
	put_jmp(o, false, in->target);
}

static int put_xbegin(struct out *o, const struct x86_insn *in,
		      const uint8_t *code)
{
	int64_t rel = distance(o, in->len, in->target);

	if (!fits32(rel))
		return -X86_ERANGE;
	put_bytes(o, code, in->imm_off);
	put_int(o, rel, 4);
	return 0;
}

static bool push_is_short(const struct x86_insn *in)
{
	return fits32(in->next);
}

static unsigned int push_len(const struct x86_insn *in)
{
	return push_is_short(in) ? 5 : 6;
}

/*
 * Push the return address, from a literal that put_return_literal() writes
 * after the @jmp_len bytes that follow.
 */
static void put_push(struct out *o, const struct x86_insn *in,
		     unsigned int jmp_len)
{
	if (push_is_short(in)) {
		put(o, 0x68);
		put_int(o, in->next, 4);
		return;
	}
	put(o, 0xff);
	put(o, 0x35);
	put_int(o, jmp_len, 4);
}

static void put_return_literal(struct out *o, const struct x86_insn *in)
{
	if (!push_is_short(in))
		put_int(o, in->next, 8);
}

static void put_call(struct out *o, const struct x86_insn *in)
{
	bool bnd = in->prefixes & X86_P_F2;
	bool near = near_enough(o, push_len(in) + bnd + 5, in->target);

	put_push(o, in, bnd + (near ? 5 : FAR_JMP));
	put_jmp(o, bnd, in->target);
	put_return_literal(o, in);
}

/*
 * The memory operand of a call through rsp, as seen when the return address
 * has been pushed: 8 further up, with a displacement that has room for that.
 */
static int put_rsp_operand(struct out *o, const struct x86_insn *in)
{
	int64_t disp = (int64_t)in->disp + 8;
	uint8_t modrm = (in->modrm & 0x07) | 0x20;

	/* [rsp-8, rsp) is about to be overwritten */
	if (in->index == X86_REG_NONE && in->disp > -16 && in->disp < 0)
		return -X86_EOPNOTSUPP;
	if (!fits32(disp))
		return -X86_ERANGE;
	if (disp == (int8_t)disp && in->disp_size <= 1) {
		put(o, modrm | 0x40);
		put(o, in->sib);
		put(o, disp);
	} else {
		put(o, modrm | 0x80);
		put(o, in->sib);
		put_int(o, disp, 4);
	}
	return 0;
}

/* The call of put_call_indirect() as a jump: ModRM.reg 4 (SDM, JMP). */
static int put_indirect_jmp(struct out *o, const struct x86_insn *in,
			    const uint8_t *code)
{
	size_t at = o->len;
	int err;

	if (in->base == X86_REG_RSP) {
		put_bytes(o, code, in->modrm_off);
		return put_rsp_operand(o, in);
	}
	err = put_copy(o, in, code);
	if (err)
		return err;
	if (at + in->modrm_off < o->room)
		o->buf[at + in->modrm_off] ^= 0x30;
	return 0;
}

static unsigned int indirect_jmp_len(const struct x86_insn *in)
{
	unsigned int disp_size = in->disp_size;

	if (in->base != X86_REG_RSP)
		return in->len;
	if (disp_size == 0 || (int64_t)in->disp + 8 <= INT8_MAX)
		disp_size = disp_size ? disp_size : 1;
	else
		disp_size = 4;
	return in->modrm_off + 2 + disp_size;
}

static int put_call_indirect(struct out *o, const struct x86_insn *in,
			     const uint8_t *code)
{
	int err;

	if (!(in->attrs & X86_A_MEM) && in->rm == X86_REG_RSP)
		return -X86_EOPNOTSUPP;
	put_push(o, in, indirect_jmp_len(in));
	err = put_indirect_jmp(o, in, code);
	if (err)
		return err;
	put_return_literal(o, in);
	return 0;
}

static int put_syscall(struct out *o, const struct x86_insn *in,
		       const uint8_t *code)
{
	put_bytes(o, code, in->len);
	put(o, 0x48);
	put(o, 0xb9);
	put_int(o, in->next, 8);
	return 0;
}

static int put_insn(struct out *o, const struct x86_insn *in,
		    const uint8_t *code)
{
	switch (in->kind) {
	case X86_JMP:
		put_jmp(o, in->prefixes & X86_P_F2, in->target);
		return 0;
	case X86_JCC:
		put_jcc(o, in);
		return 0;
	case X86_LOOP:
		put_loop(o, in, code);
		return 0;
	case X86_XBEGIN:
		return put_xbegin(o, in, code);
	case X86_CALL:
		put_call(o, in);
		return 0;
	case X86_CALL_IND:
		return put_call_indirect(o, in, code);
	case X86_SYSCALL:
		return put_syscall(o, in, code);
	}
	return put_copy(o, in, code);
}

int x86_relocate(const struct x86_insn *in, const uint8_t *code, uint64_t to,
		 uint8_t *out, size_t room)
{
	struct out o = { out, room, to, 0 };
	int err = in->kind == X86_INT ? 0 : x86_can_probe(in);

	if (!err)
		err = put_insn(&o, in, code);
	if (err)
		return err;
	return o.len > room ? -X86_ENOSPC : (int)o.len;
}

unsigned int x86_reloc_syscall_end(const struct x86_insn *in)
{
	return in->kind == X86_SYSCALL || in->kind == X86_INT ? in->len : 0;
}

/* The copies that are more than one instruction, and do not begin at @off. */
static enum x86_at where_inside(const struct x86_insn *in, unsigned int out_len,
				unsigned int off)
{
	switch (in->kind) {
	case X86_JCC:
		if (off == 2 && out_len == 2 + FAR_JMP)
			return X86_AT_TARGET;
		break;
	case X86_LOOP:
		if (off == in->len)
			return X86_AT_NEXT;
		if (off == in->len + 2u)
			return X86_AT_TARGET;
		break;
	case X86_CALL:
	case X86_CALL_IND:
		if (off == push_len(in))
			return X86_AT_PUSHED;
		break;
	case X86_SYSCALL:
		if (off == in->len)
			return X86_AT_RCX;
		if (off + 2 == in->len) /* to be restarted by the kernel */
			return X86_AT_START;
		break;
	}
	return X86_AT_NOWHERE;
}

enum x86_at x86_reloc_where(const struct x86_insn *in, unsigned int out_len,
			    unsigned int off)
{
	bool falls = !(in->attrs & X86_A_NOFALL) && in->kind != X86_CALL &&
		     in->kind != X86_CALL_IND;

	if (off == 0)
		return X86_AT_START;
	if (off == out_len && falls)
		return X86_AT_NEXT;
	return where_inside(in, out_len, off);
}

int x86_write_jmp(uint8_t *out, uint64_t at, uint64_t target)
{
	struct out o = { out, 5, at, 0 };

	if (!near_enough(&o, 5, target))
		return -X86_ERANGE;
	put_jmp(&o, false, target);
	return 0;
}

int x86_write_jmp_any(uint8_t *out, size_t room, uint64_t at, uint64_t target)
{
	struct out o = { out, room, at, 0 };

	put_jmp(&o, false, target);
	return o.len > room ? -X86_ENOSPC : (int)o.len;
}

/* SDM vol. 2, NOP, table 4-12. */
void x86_write_nops(uint8_t *out, size_t n)
{
	/* clang-format off */
	static const uint8_t nops[9][9] = {
		{ 0x90 },
		{ 0x66, 0x90 },
		{ 0x0f, 0x1f, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0x00 },
		{ 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	};
	/* clang-format on */

	while (n) {
		size_t len = n < 9 ? n : 9;

		for (size_t i = 0; i < len; i++)
			*out++ = nops[len - 1][i];
		n -= len;
	}
}

int x86_relocate_window(const struct x86_window *win, uint64_t to, uint8_t *out,
			size_t room, uint16_t where[X86_WINDOW_INSNS])
{
	struct x86_insn in = { 0 };
	size_t len = 0;
	int n;

	for (unsigned int i = 0; i < win->nr; i++) {
		const uint8_t *code = win->code + win->off[i];

		n = x86_decode(&in, code, win->len - win->off[i],
			       win->addr + win->off[i]);
		if (n)
			return n;
		where[i] = len;
		n = x86_relocate(&in, code, to + len, out + len, room - len);
		if (n < 0)
			return n;
		len += n;
	}
	if ((in.attrs & X86_A_NOFALL) || in.kind == X86_CALL ||
	    in.kind == X86_CALL_IND)
		return len;
	n = x86_write_jmp_any(out + len, room - len, to + len,
			      win->addr + win->len);
	return n < 0 ? n : (int)len + n;
}
