/* SPDX-License-Identifier: MIT */
/*
 * plan.c - the invented instruction set: lengths and windows
 */
#include <arch.h>

bool sim_exchangeable;

unsigned int sim_len(uint8_t op)
{
	switch (op) {
	case SIM_ADD:
	case SIM_JMP:
	case SIM_HOP:
		return 2;
	case SIM_CALL:
	case SIM_JUMP:
		return 5;
	case SIM_NOP:
	case SIM_INC:
	case SIM_RET:
	case SIM_LOAD:
	case SIM_WHERE:
	case SIM_ONLY:
	case SIM_FAR:
	case SIM_REFUSE:
	case SIM_TRAP:
	case SIM_PAD:
		return 1;
	}
	return 0;
}

static bool may_be_inside(uint8_t op)
{
	return op != SIM_CALL && op != SIM_RET && op != SIM_JMP &&
	       op != SIM_ONLY && op != SIM_REFUSE && op != SIM_TRAP &&
	       op != SIM_PAD;
}

/* Does a branch of the function lead to the inside of [addr, addr + len)? */
static bool is_target(uintptr_t addr, unsigned int len, uintptr_t start,
		      uintptr_t end)
{
	uint8_t code[5];

	while (start < end) {
		if (tl_text_read(code, start, 1) || !sim_len(code[0]))
			return true;
		if (code[0] == SIM_JMP) {
			uintptr_t to;

			if (tl_text_read(code, start, 2))
				return true;
			to = start + 2 + (int8_t)code[1];
			if (to > addr && to < addr + len)
				return true;
		}
		start += sim_len(code[0]);
	}
	return false;
}

/* @need: bytes of the jump. */
static enum tl_why find_window(struct tl_plan *plan, uintptr_t addr,
			       unsigned int need, uintptr_t start,
			       uintptr_t end)
{
	unsigned int len = 0;

	if (!end)
		return TL_WHY_NO_BOUNDS;
	while (len < need) {
		uint8_t op;

		if (addr + len >= end)
			return TL_WHY_PAST_END;
		if (tl_text_read(&op, addr + len, 1) || !sim_len(op))
			return TL_WHY_UNDECODABLE;
		if (op == SIM_ONLY || op == SIM_REFUSE || op == SIM_TRAP ||
		    op == SIM_PAD)
			return TL_WHY_NOT_RELOCATABLE;
		len += sim_len(op);
		if (!may_be_inside(op) && len < need)
			return op == SIM_CALL ? TL_WHY_CALL : TL_WHY_PAST_END;
	}
	if (is_target(addr, len, start, end))
		return TL_WHY_TARGET;
	plan->window_len = len;
	return TL_WHY_NONE;
}

static bool is_pad(uintptr_t at)
{
	uint8_t op;

	return !tl_text_read(&op, at, 1) && op == SIM_PAD;
}

/* A shorter window will do if there is padding in the function. */
static void find_island(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
			uintptr_t end)
{
	uintptr_t at = start;

	while (at < end && !is_pad(at))
		at++;
	plan->pad = at;
	while (at < end && is_pad(at))
		at++;
	plan->pad_end = at;
	if (at - plan->pad >= TL_ISLAND_BYTES &&
	    !find_window(plan, addr, SIM_HOP_BYTES, start, end))
		plan->island = true;
}

int tl_arch_plan(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
		 uintptr_t end, unsigned int least)
{
	uint8_t op;

	(void)least; /* exits are not looked at */
	plan->why = TL_WHY_NONE;
	if (tl_text_read(&op, addr, 1))
		return -TL_ENOENT;
	if (op == SIM_TRAP || !sim_len(op))
		return -TL_EILSEQ;
	if (op == SIM_REFUSE)
		return -TL_EOPNOTSUPP;
	plan->insn_len = sim_len(op);
	plan->window_len = 0;
	plan->island = false;
	plan->why = find_window(plan, addr, SIM_JUMP_BYTES, start, end);
	if (plan->why == TL_WHY_TARGET || plan->why == TL_WHY_PAST_END ||
	    plan->why == TL_WHY_CALL)
		find_island(plan, addr, start, end);
	plan->orig_len = plan->window_len ? plan->window_len : plan->insn_len;
	return tl_text_read(plan->orig, addr, plan->orig_len) ? -TL_ENOENT : 0;
}

void tl_arch_edit_breakpoint(const struct tl_plan *plan, uintptr_t addr,
			     struct tl_edit *edit)
{
	(void)plan;
	edit->addr = addr;
	edit->len = 1;
	edit->bytes[0] = SIM_TRAP;
}

int tl_arch_edit_jump(const struct tl_plan *plan, uintptr_t addr,
		      uintptr_t target, struct tl_edit *edit)
{
	int64_t rel = (int64_t)(target - (addr + SIM_HOP_BYTES));

	if (!plan->island)
		return tl_arch_edit_island(addr, target, edit);
	if (rel != (int8_t)rel)
		return -TL_ERANGE;
	edit->addr = addr;
	edit->len = SIM_HOP_BYTES;
	edit->bytes[0] = SIM_HOP;
	edit->bytes[1] = (uint8_t)rel;
	return 0;
}

uintptr_t tl_arch_island(const struct tl_plan *plan, uintptr_t addr,
			 unsigned int i)
{
	uintptr_t room = plan->pad_end - plan->pad;

	(void)addr;
	return plan->island && room >= (i + 1) * TL_ISLAND_BYTES
		       ? plan->pad + i * TL_ISLAND_BYTES
		       : 0;
}

bool tl_arch_is_padding(const struct tl_plan *plan, uintptr_t addr,
			uintptr_t at)
{
	(void)plan;
	(void)addr;
	for (unsigned int i = 0; i < TL_ISLAND_BYTES; i++)
		if (!is_pad(at + i))
			return false;
	return true;
}

uintptr_t tl_arch_jump_target(uintptr_t at, const uint8_t *code)
{
	int32_t rel;

	if (code[0] != SIM_JUMP)
		return 0;
	__builtin_memcpy(&rel, code + 1, sizeof(rel));
	return at + SIM_JUMP_BYTES + (uintptr_t)(intptr_t)rel;
}

int tl_arch_edit_island(uintptr_t addr, uintptr_t target, struct tl_edit *edit)
{
	int64_t rel = (int64_t)(target - (addr + SIM_JUMP_BYTES));

	if (rel != (int32_t)rel)
		return -TL_ERANGE;
	edit->addr = addr;
	edit->len = SIM_JUMP_BYTES;
	edit->bytes[0] = SIM_JUMP;
	__builtin_memcpy(edit->bytes + 1, &(int32_t){ (int32_t)rel }, 4);
	return 0;
}

bool tl_arch_exchangeable(const struct tl_plan *plan)
{
	return sim_exchangeable && plan->window_len == plan->insn_len;
}

bool tl_arch_is_breakpoint(const uint8_t *code)
{
	return code[0] == SIM_TRAP;
}

uintptr_t tl_arch_near(uintptr_t addr, uintptr_t start, uintptr_t end)
{
	(void)addr;
	(void)start;
	(void)end;
	return 0;
}

/* Control flow is not looked at here: return addresses are replaced. */
int tl_arch_exits(uintptr_t start, uintptr_t end, uintptr_t entry,
		  struct tl_exit *exits, int max, bool tails)
{
	(void)entry;
	(void)start;
	(void)end;
	(void)exits;
	(void)max;
	(void)tails;
	return -TL_EOPNOTSUPP;
}

bool tl_arch_takes_return(uintptr_t start)
{
	(void)start;
	return false;
}

void tl_arch_forget(void)
{
}
