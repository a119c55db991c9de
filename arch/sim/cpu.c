/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - a processor for the invented instruction set
 */
#include <arch.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

static bool gate_open(void)
{
	return !tl_host_ops->gate || *tl_host_ops->gate;
}

static void push(struct pt_regs *regs, unsigned long v)
{
	regs->sp -= 8;
	*(unsigned long *)regs->sp = v;
}

/* What only copies have.  @v: operands. */
static enum sim_event step_copy(struct pt_regs *regs, uint8_t op,
				const uint64_t *v)
{
	uintptr_t ip = regs->ip;

	switch (op) {
	case SIM_X_PRE:
		if (gate_open()) {
			struct tl_point *point = (struct tl_point *)v[0];
			/* The engine adds marks; the address comes first. */
			const uintptr_t *addr =
				(const uintptr_t *)(v[0] & ~7ull);

			tl_arch_set_handler_ip(regs, *addr);
			if (tl_detour_pre(tlh_context(), regs, point)) {
				regs->ip = tl_trap_resume(regs->ip, regs->sp);
				return SIM_WENT_ON;
			}
		}
		regs->ip = ip + 9;
		return SIM_WENT_ON;
	case SIM_X_POST:
		regs->ip = v[1];
		tl_detour_post(tlh_context(), regs, (struct tl_point *)v[0]);
		if (regs->ip == v[1])
			regs->ip = ip + 17;
		return SIM_WENT_ON;
	case SIM_X_COUNT:
		if (gate_open())
			++*(uint64_t *)v[0];
		regs->ip = ip + 9;
		return SIM_WENT_ON;
	case SIM_X_GOTO:
		regs->ip = v[0];
		return SIM_WENT_ON;
	case SIM_X_CALL:
		push(regs, v[0]);
		regs->ip = v[1];
		return SIM_WENT_ON;
	case SIM_X_BX:
		regs->bx = v[0];
		regs->ip = ip + 9;
		return SIM_WENT_ON;
	case SIM_X_RETURN:
		regs->ip = tl_return_hit(tlh_context(), regs);
		return SIM_WENT_ON;
	}
	return SIM_UNKNOWN;
}

static enum sim_event fault(struct pt_regs *regs)
{
	tl_trap_fault(regs);
	return SIM_FAULTED;
}

enum sim_event sim_step(struct pt_regs *regs)
{
	const uint8_t *code = (const uint8_t *)regs->ip;
	uintptr_t next = regs->ip + sim_len(code[0]);
	uint64_t v[2];
	int32_t rel;

	switch (code[0]) {
	case SIM_NOP:
	case SIM_FAR:
		break;
	case SIM_INC:
		regs->ax++;
		break;
	case SIM_ADD:
		regs->ax += code[1];
		break;
	case SIM_JMP:
	case SIM_HOP:
		next += (int8_t)code[1];
		break;
	case SIM_CALL:
		push(regs, next);
		/* fall through */
	case SIM_JUMP:
		__builtin_memcpy(&rel, code + 1, 4);
		next += rel;
		break;
	case SIM_RET:
		next = *(unsigned long *)regs->sp;
		regs->sp += 8;
		break;
	case SIM_LOAD:
		if (!regs->si)
			return fault(regs);
		regs->dx = *(unsigned long *)regs->si;
		break;
	case SIM_WHERE:
		regs->bx = next;
		break;
	case SIM_ONLY:
		if (!regs->si)
			return fault(regs);
		regs->ax += 100;
		break;
	case SIM_TRAP:
		regs->ip++;
		return tl_trap_breakpoint(regs) ? SIM_WENT_ON : SIM_NOT_OURS;
	default:
		__builtin_memcpy(v, code + 1, sizeof(v));
		return step_copy(regs, code[0], v);
	}
	regs->ip = next;
	return SIM_WENT_ON;
}

enum sim_event sim_run(struct pt_regs *regs, uintptr_t until,
		       unsigned int limit)
{
	enum sim_event event = SIM_WENT_ON;

	while (regs->ip != until && limit--) {
		event = sim_step(regs);
		if (event != SIM_WENT_ON)
			return event;
	}
	return regs->ip == until ? event : SIM_UNKNOWN;
}
