/* SPDX-License-Identifier: MIT */
/*
 * code.h - between the files of arch/x86
 */
#ifndef TL_X86_CODE_H
#define TL_X86_CODE_H

#include <arch.h>

#include "insn/insn.h"

#pragma GCC visibility push(hidden)

/* Host and engine are linked into one object: no table of addresses. */
extern const struct tl_host_ops *tl_host_ops;

/* Bytes being written, to run at @at.  Once @err is set nothing is written. */
struct tl_out {
	uint8_t *buf;
	size_t room;
	size_t len;
	uintptr_t at;
	int err;
};

/* Append @n bytes.  Context: any, as all of these. */
void tl_put(struct tl_out *o, const void *bytes, size_t n);
void tl_put8(struct tl_out *o, unsigned int byte);
void tl_put32(struct tl_out *o, uint32_t v);
void tl_put64(struct tl_out *o, uint64_t v);

/* Append @n bytes of code given as the characters of a string. */
#define TL_CODE(o, bytes) tl_put((o), (bytes), sizeof(bytes) - 1)

/* Write the displacement at offset @field so that it leads to offset @to. */
void tl_put_rel32(struct tl_out *o, size_t field, size_t to);

/* Append the copy of the instruction at @off in @plan, which is at @addr. */
void tl_put_copy(struct tl_out *o, const struct tl_plan *plan, uintptr_t addr,
		 unsigned int off);

/* Append a jump to @target. */
void tl_put_jump(struct tl_out *o, uintptr_t target);

/* Append lea by(%rsp),%rsp, 8 bytes, or nothing if that is 0. */
void tl_put_move_sp(struct tl_out *o, uint32_t by);

/*
 * Append a call of pre handlers, or of @post handlers; its data is appended by
 * tl_put_call_data() at the end of the code, which is given the offset of the
 * @field that is returned here.  @ip: what handlers see.
 */
size_t tl_put_call(struct tl_out *o);
void tl_put_call_data(struct tl_out *o, size_t field, bool post,
		      const struct tl_emit *emit, uintptr_t ip);

/*
 * Append the copy of the first instruction and, if @emit asks for it, the call
 * of the post handlers (*@post: its field, or 0).  0, the error of @o, or
 * -TL_EOPNOTSUPP for a branch with post handlers.
 */
int tl_put_first(struct tl_out *o, const struct tl_plan *plan,
		 const struct tl_emit *emit, struct tl_code *code,
		 size_t *post);

/* Note in @code that @from of the originals runs at @to of the code. */
void tl_map_add(struct tl_code *code, unsigned int from, size_t to);

/* The instruction at @off of @plan at @addr.  It was decoded before. */
void tl_plan_insn(const struct tl_plan *plan, uintptr_t addr, unsigned int off,
		  struct x86_insn *in);

/* Does tl_arch_simulate() know @in? */
bool tl_x86_can_simulate(const struct x86_insn *in);

/*
 * What call.S and retprobe.S want to know.  vectors: how much of the vector
 * registers to keep, see vectors.S; 0: nothing.  cs and ss are constant, and dear
 * to read at each hit.  tl_x86_look_at_cpu() sets them, before any code is
 * emitted that leads there.
 */
extern unsigned int tl_x86_vectors;
extern unsigned long tl_x86_cs, tl_x86_ss;
void tl_x86_look_at_cpu(void);

/* call.S: from detours and slots to the handlers and back. */
extern const char tl_x86_call_pre[];
extern const char tl_x86_call_post[];
extern const char tl_x86_call_pre_plain[];
extern const char tl_x86_call_post_plain[];
/* A byte that is not zero, for hosts without a gate. */
extern const char tl_x86_gate_open[];

#pragma GCC visibility pop

#endif
