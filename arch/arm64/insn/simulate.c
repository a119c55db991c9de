/* SPDX-License-Identifier: MIT */
/*
 * simulate.c - branches, and what else uses the program counter, done in C
 *
 * Register 31 is the zero register in all of them: reads give 0, writes go
 * nowhere.
 */

#include "insn.h"

#define FLAG_N	      (1ull << 31)
#define FLAG_Z	      (1ull << 30)
#define FLAG_C	      (1ull << 29)
#define FLAG_V	      (1ull << 28)
#define BTYPE	      (3ull << 10)
#define ZERO_REGISTER 31
#define LINK_REGISTER 30

static uint32_t field(uint32_t insn, unsigned int low, unsigned int bits)
{
	return insn >> low & ((1u << bits) - 1);
}

static uint64_t get(const struct a64_cpu *cpu, unsigned int reg)
{
	return reg == ZERO_REGISTER ? 0 : cpu->x[reg];
}

static void set(struct a64_cpu *cpu, unsigned int reg, uint64_t value)
{
	if (reg != ZERO_REGISTER)
		cpu->x[reg] = value;
}

bool a64_condition(unsigned int cond, uint64_t pstate)
{
	bool n = pstate & FLAG_N, z = pstate & FLAG_Z;
	bool c = pstate & FLAG_C, v = pstate & FLAG_V;
	bool holds;

	switch (cond >> 1) {
	case 0:
		holds = z;
		break;
	case 1:
		holds = c;
		break;
	case 2:
		holds = n;
		break;
	case 3:
		holds = v;
		break;
	case 4:
		holds = c && !z;
		break;
	case 5:
		holds = n == v;
		break;
	case 6:
		holds = n == v && !z;
		break;
	default:
		return true; /* al, and nv, which is the same */
	}
	return holds != (cond & 1);
}

/* Go on at the branch's target if @taken, otherwise behind it. */
static void branch(uint32_t insn, struct a64_cpu *cpu, bool taken)
{
	uint64_t to = cpu->pc + 4;

	if (taken)
		(void)a64_place(insn, cpu->pc, &to);
	cpu->pc = to;
}

static void simulate_b(uint32_t insn, struct a64_cpu *cpu)
{
	if (insn >> 31)
		set(cpu, LINK_REGISTER, cpu->pc + 4);
	branch(insn, cpu, true);
}

static void simulate_cbz(uint32_t insn, struct a64_cpu *cpu)
{
	uint64_t value = get(cpu, field(insn, 0, 5));
	bool zero = insn >> 31 ? value == 0 : (uint32_t)value == 0;

	branch(insn, cpu, zero != field(insn, 24, 1));
}

static void simulate_tbz(uint32_t insn, struct a64_cpu *cpu)
{
	unsigned int bit = field(insn, 31, 1) << 5 | field(insn, 19, 5);
	bool set_bit = get(cpu, field(insn, 0, 5)) >> bit & 1;

	branch(insn, cpu, set_bit == field(insn, 24, 1));
}

/* The target is read before the link register is written: blr x30 is legal. */
static void simulate_br(uint32_t insn, struct a64_cpu *cpu)
{
	uint64_t target = get(cpu, field(insn, 5, 5));

	if (field(insn, 21, 2) == 1)
		set(cpu, LINK_REGISTER, cpu->pc + 4);
	cpu->pc = target;
}

/*
 * braa, blraa: by a register, or 0 if bit 24 is clear; retaa: by sp.  Bit 10 is
 * the key.
 */
static bool simulate_auth(uint32_t insn, struct a64_cpu *cpu, a64_auth auth)
{
	uint32_t op = field(insn, 21, 2), rm = field(insn, 0, 5);
	uint64_t modifier = 0, target;

	target = get(cpu, op == 2 ? LINK_REGISTER : field(insn, 5, 5));
	if (op == 2 || (field(insn, 24, 1) && rm == ZERO_REGISTER))
		modifier = cpu->sp;
	else if (field(insn, 24, 1))
		modifier = get(cpu, rm);
	if (!auth(&target, modifier, field(insn, 10, 1)))
		return false;
	if (op == 1)
		set(cpu, LINK_REGISTER, cpu->pc + 4);
	cpu->pc = target;
	return true;
}

static void simulate_adr(uint32_t insn, struct a64_cpu *cpu)
{
	uint64_t place = 0;

	(void)a64_place(insn, cpu->pc, &place);
	set(cpu, field(insn, 0, 5), place);
	cpu->pc += 4;
}

size_t a64_literal_size(uint32_t insn)
{
	bool vector = insn >> 26 & 1;

	switch (insn >> 30) {
	case 0:
		return 4;
	case 1:
		return 8;
	default:
		return vector ? 16 : 4;
	}
}

static bool simulate_literal(uint32_t insn, struct a64_cpu *cpu, a64_read read)
{
	uint64_t value = 0, place;

	if (!a64_place(insn, cpu->pc, &place) ||
	    !read(&value, place, a64_literal_size(insn)))
		return false;
	if (insn >> 30 == 2)
		value = (uint64_t)(int64_t)(int32_t)value;
	set(cpu, field(insn, 0, 5), value);
	cpu->pc += 4;
	return true;
}

bool a64_simulate(uint32_t insn, struct a64_cpu *cpu, a64_read read,
		  a64_auth auth)
{
	bool done = true;

	switch (a64_match(insn)->plan) {
	case A64_SIM_B:
		simulate_b(insn, cpu);
		break;
	case A64_SIM_B_COND:
		branch(insn, cpu,
		       a64_condition(field(insn, 0, 4), cpu->pstate));
		break;
	case A64_SIM_CBZ:
		simulate_cbz(insn, cpu);
		break;
	case A64_SIM_TBZ:
		simulate_tbz(insn, cpu);
		break;
	case A64_SIM_BR:
		simulate_br(insn, cpu);
		break;
	case A64_BR_AUTH:
	case A64_BLR_AUTH:
		done = simulate_auth(insn, cpu, auth);
		break;
	case A64_SIM_ADR:
		simulate_adr(insn, cpu);
		break;
	case A64_SIM_LITERAL:
		done = simulate_literal(insn, cpu, read);
		break;
	default:
		return false;
	}
	if (done)
		cpu->pstate &= ~BTYPE;
	return done;
}
