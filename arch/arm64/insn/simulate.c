/* SPDX-License-Identifier: MIT */
/*
 * simulate.c - instructions that use the program counter, done in C
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

static int64_t signed_field(uint32_t insn, unsigned int low, unsigned int bits)
{
	uint64_t value = field(insn, low, bits);
	uint64_t sign = 1ull << (bits - 1);

	return (int64_t)((value ^ sign) - sign);
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

/* Go on at @offset words from here if @taken, otherwise behind. */
static void branch(struct a64_cpu *cpu, bool taken, int64_t offset)
{
	cpu->pc += taken ? (uint64_t)offset * 4 : 4;
}

static void simulate_b(uint32_t insn, struct a64_cpu *cpu)
{
	if (insn >> 31)
		set(cpu, LINK_REGISTER, cpu->pc + 4);
	branch(cpu, true, signed_field(insn, 0, 26));
}

static void simulate_cbz(uint32_t insn, struct a64_cpu *cpu)
{
	uint64_t value = get(cpu, field(insn, 0, 5));
	bool zero = insn >> 31 ? value == 0 : (uint32_t)value == 0;

	branch(cpu, zero != field(insn, 24, 1), signed_field(insn, 5, 19));
}

static void simulate_tbz(uint32_t insn, struct a64_cpu *cpu)
{
	unsigned int bit = field(insn, 31, 1) << 5 | field(insn, 19, 5);
	bool set_bit = get(cpu, field(insn, 0, 5)) >> bit & 1;

	branch(cpu, set_bit == field(insn, 24, 1), signed_field(insn, 5, 14));
}

/*
 * The target is read before the link register is written: blr x30 is legal.
 * A landing pad is not asked for: the copy of BTYPE in @cpu says "none".
 */
static void simulate_br(uint32_t insn, struct a64_cpu *cpu)
{
	uint64_t target = get(cpu, field(insn, 5, 5));

	if (field(insn, 21, 2) == 1)
		set(cpu, LINK_REGISTER, cpu->pc + 4);
	cpu->pc = target;
}

static void simulate_adr(uint32_t insn, struct a64_cpu *cpu)
{
	int64_t offset = signed_field(insn, 5, 19) * 4 + field(insn, 29, 2);
	uint64_t base = cpu->pc;

	if (insn >> 31) {
		offset *= 4096;
		base &= ~4095ull;
	}
	set(cpu, field(insn, 0, 5), base + (uint64_t)offset);
	cpu->pc += 4;
}

uint64_t a64_literal_address(uint32_t insn, uint64_t pc)
{
	return pc + (uint64_t)(signed_field(insn, 5, 19) * 4);
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
	uint64_t value = 0;

	if (!read(&value, a64_literal_address(insn, cpu->pc),
		  a64_literal_size(insn)))
		return false;
	if (insn >> 30 == 2)
		value = (uint64_t)(int64_t)(int32_t)value;
	set(cpu, field(insn, 0, 5), value);
	cpu->pc += 4;
	return true;
}

bool a64_simulate(uint32_t insn, struct a64_cpu *cpu, a64_read read)
{
	bool done = true;

	switch (a64_match(insn)->plan) {
	case A64_SIM_B:
		simulate_b(insn, cpu);
		break;
	case A64_SIM_B_COND:
		branch(cpu, a64_condition(field(insn, 0, 4), cpu->pstate),
		       signed_field(insn, 5, 19));
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
