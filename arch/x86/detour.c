/* SPDX-License-Identifier: MIT */
/*
 * detour.c - the code behind a jump
 *
 *      counts in place, if there are counters          put_counts()
 *      call of the pre handlers, if there are any      tl_put_call(): 27
 *      copy of the first instruction
 *      call of the post handlers, if there are any     27
 *      copies of the other instructions, and with TL_EMIT_LATE that call
 *        somewhere between or behind them
 *      jump back behind them                           5
 *      data of the calls                               36 each
 *
 * Nobody jumps into the middle (the window was chosen so), there is no trap in
 * it, and no memory is written but the stack beyond the red zone and the
 * counters, which are never in a page of code.
 */
#include "code.h"

/*
 * Which shard: some bits of the stack pointer that differ from thread to thread
 * (stacks of 8 MiB, and of 64 KiB), moved to where TL_SHARDS and TL_SHARD_SHIFT
 * want them.
 */
_Static_assert(TL_SHARDS == 16 && TL_SHARD_SHIFT == 16, "mask below");

/*
 * cmpb $0, gate; leaves the flags for a jump to be appended.
 *
 *      80 3d <gate> 00         cmpb $0,gate(%rip)              7
 * or
 *      48 b9 <gate>            movabs $gate,%rcx               10
 *      80 39 00                cmpb $0,(%rcx)                  3
 */
static void put_gate_test(struct tl_out *o)
{
	uintptr_t gate = (uintptr_t)tl_host_ops->gate;
	int64_t rel = gate - (o->at + o->len + 7);

	if (rel == (int32_t)rel) {
		TL_CODE(o, "\x80\x3d");
		tl_put32(o, rel);
		tl_put8(o, 0);
		return;
	}
	TL_CODE(o, "\x48\xb9");
	tl_put64(o, gate);
	TL_CODE(o, "\x80\x39\x00");
}

/*
 * Count, with no register, flag or byte of the red zone changed.
 *
 *      48 8d a4 24 <-rz>       lea  -rz(%rsp),%rsp             8 (red zone)
 *      51                      push %rcx                       1
 *      52                      push %rdx                       1
 *      50                      push %rax              | 1      unless the flags
 *      9f                      lahf                   | 1      are dead
 *      0f 90 c0                seto %al               | 3
 *                              gate test, je 1f              | unless there is
 *                                                            | no gate
 *      89 e1                   mov  %esp,%ecx                  2
 *      c1 e9 07                shr  $7,%ecx                    3
 *      81 e1 00 00 0f 00       and  $0xf0000,%ecx              6
 *      48 ba <cell>            movabs $cell,%rdx               10  for each
 *      f0 48 ff 04 11          lock incq (%rcx,%rdx)           5   counter
 *   1: 04 7f                   add  $0x7f,%al         | 2      OF back: 0x7f + 1
 *      9e                      sahf                   | 1      overflows
 *      58                      pop  %rax              | 1
 *      5a                      pop  %rdx                       1
 *      59                      pop  %rcx                       1
 *      48 8d a4 24 <rz>        lea  rz(%rsp),%rsp              8 (red zone)
 */
static void put_counts(struct tl_out *o, const struct tl_plan *plan,
		       const struct tl_emit *emit)
{
	unsigned int rz = tl_host_ops->red_zone;
	size_t skip = 0;

	tl_put_move_sp(o, -rz);
	TL_CODE(o, "\x51\x52");
	if (!plan->flags_dead)
		TL_CODE(o, "\x50\x9f\x0f\x90\xc0");
	if (tl_host_ops->gate) {
		put_gate_test(o);
		TL_CODE(o, "\x0f\x84");
		skip = o->len;
		tl_put32(o, 0);
	}
	TL_CODE(o, "\x89\xe1\xc1\xe9\x07\x81\xe1\x00\x00\x0f\x00");
	for (unsigned int i = 0; i < emit->n_counters; i++) {
		TL_CODE(o, "\x48\xba");
		tl_put64(o, (uintptr_t)emit->counter[i]);
		TL_CODE(o, "\xf0\x48\xff\x04\x11");
	}
	if (skip)
		tl_put_rel32(o, skip, o->len);
	if (!plan->flags_dead)
		TL_CODE(o, "\x04\x7f\x9e\x58");
	TL_CODE(o, "\x5a\x59");
	tl_put_move_sp(o, rz);
}

/*
 * Copies of the instructions after the first, and the way back.  With @late the
 * call of the post handlers comes when so many bytes are executed.
 */
static size_t put_rest(struct tl_out *o, const struct tl_plan *plan,
		       uintptr_t addr, unsigned int late, struct tl_code *code)
{
	struct x86_insn in;
	size_t start, post = 0;
	unsigned int asleep;

	for (unsigned int i = 1; i < plan->n_insns && !o->err; i++) {
		if (late && plan->off[i] == late)
			post = tl_put_call(o);
		start = o->len;
		tl_map_add(code, plan->off[i], start);
		tl_put_copy(o, plan, addr, plan->off[i]);
		tl_plan_insn(plan, addr, plan->off[i], &in);
		asleep = x86_reloc_syscall_end(&in);
		if (asleep)
			tl_map_add(code, plan->off[i] + in.len, start + asleep);
	}
	if (late && plan->copy_len == late)
		post = tl_put_call(o);
	tl_put_jump(o, addr + plan->copy_len);
	if (late && !post)
		o->err = -TL_EOPNOTSUPP;
	return post;
}

int tl_arch_emit_detour(const struct tl_plan *plan, const struct tl_emit *emit,
			uint8_t *out, struct tl_code *code)
{
	struct tl_out o = { out, TL_DETOUR_BYTES, 0, emit->at, 0 };
	bool late = emit->what & TL_EMIT_LATE;
	uintptr_t next = emit->addr + (late ? emit->lead : plan->insn_len);
	size_t pre = 0, post, later;
	int err;

	tl_x86_look_at_cpu();
	code->n = 0;
	if (!plan->window_len)
		return -TL_EOPNOTSUPP;
	if (emit->n_counters)
		put_counts(&o, plan, emit);
	if (emit->what & TL_EMIT_PRE)
		pre = tl_put_call(&o);
	err = tl_put_first(&o, plan, emit, code, &post);
	if (err)
		return err;
	later = put_rest(&o, plan, emit->addr, late ? emit->lead : 0, code);
	post = late ? later : post;
	if (pre)
		tl_put_call_data(&o, pre, false, emit, emit->addr + 1);
	if (post)
		tl_put_call_data(&o, post, true, emit, next);
	code->len = o.len;
	return o.err;
}
