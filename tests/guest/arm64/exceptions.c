/* SPDX-License-Identifier: MIT */
/* exceptions.c - what the vectors save, and what they give back */

#include "guest.h"
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/trap.h>
#include <regs.h>
#include <tl_test.h>

static struct pt_regs seen;
static uintptr_t go_on, seen_info;
static unsigned int hits;

static bool keep(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	seen = *regs;
	seen_info = info;
	hits++;
	if (go_on)
		regs->pc = go_on;
	else
		regs->pc += 4;
	return true;
}

static void watch(enum trap_kind kind)
{
	memset(&seen, 0, sizeof(seen));
	hits = 0;
	go_on = 0;
	trap_set_hook(kind, keep);
}

static void watch_end(enum trap_kind kind)
{
	trap_set_hook(kind, NULL);
}

TL_TEST(a_breakpoint_saves_all_registers_and_keeps_them)
{
	uint64_t out[31];
	uintptr_t pc, sp;

	watch(TRAP_BREAKPOINT);
	__asm__ volatile("mov x0, %2\n\t"
			 "mov x1, #101\n\t"
			 "mov x9, #109\n\t"
			 "mov x17, #117\n\t"
			 "mov x19, #119\n\t"
			 "mov x28, #128\n\t"
			 "mov x30, #130\n\t"
			 "adr x10, 1f\n\t"
			 "mov x11, sp\n\t"
			 "cmp x1, x1\n"
			 "1:\tbrk #7\n\t"
			 "stp x0, x1, [x0]\n\t"
			 "str x9, [x0, #72]\n\t"
			 "str x17, [x0, #136]\n\t"
			 "str x19, [x0, #152]\n\t"
			 "str x28, [x0, #224]\n\t"
			 "str x30, [x0, #240]\n\t"
			 "mov %0, x10\n\t"
			 "mov %1, x11"
			 : "=&r"(pc), "=&r"(sp)
			 : "r"(out)
			 : "x0", "x1", "x9", "x10", "x11", "x17", "x19", "x28",
			   "x30", "cc", "memory");
	watch_end(TRAP_BREAKPOINT);
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.pc, pc);
	CHECK_EQ(seen.sp, sp);
	CHECK_EQ(seen.regs[1], 101);
	CHECK_EQ(seen.regs[9], 109);
	CHECK_EQ(seen.regs[17], 117);
	CHECK_EQ(seen.regs[19], 119);
	CHECK_EQ(seen.regs[28], 128);
	CHECK_EQ(seen.regs[30], 130);
	CHECK_EQ(seen.pstate & PSTATE_NZCV, 6ul << 28);
	CHECK_EQ(seen.pstate & (PSTATE_D | PSTATE_I | PSTATE_F), 0);
	CHECK_EQ(out[0], (uintptr_t)out);
	CHECK_EQ(out[1], 101);
	CHECK_EQ(out[9], 109);
	CHECK_EQ(out[17], 117);
	CHECK_EQ(out[19], 119);
	CHECK_EQ(out[28], 128);
	CHECK_EQ(out[30], 130);
}

static bool push(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)info;
	hits++;
	regs->sp += (unsigned long)regs->regs[2];
	regs->regs[0] = 55;
	regs->pc += 4;
	return true;
}

/* By as much as the saved registers are long, and in their middle. */
TL_TEST(a_changed_stack_pointer_is_honoured_wherever_it_leads)
{
	static const long moves[] = { 16, 64, 288, 512, -16, -64, -288, -4096 };
	unsigned long got, result;

	trap_set_hook(TRAP_BREAKPOINT, push);
	hits = 0;
	for (size_t i = 0; i < TL_ARRAY_SIZE(moves); i++) {
		__asm__ volatile("mov x3, sp\n\t"
				 "sub sp, sp, #1024\n\t"
				 "mov x4, sp\n\t"
				 "mov x2, %2\n\t"
				 "brk #0\n\t"
				 "mov x5, sp\n\t"
				 "mov sp, x3\n\t"
				 "sub %0, x5, x4\n\t"
				 "mov %1, x0"
				 : "=&r"(got), "=&r"(result)
				 : "r"(moves[i])
				 : "x0", "x2", "x3", "x4", "x5", "memory");
		CHECK_EQ(got, (unsigned long)moves[i]);
		CHECK_EQ(result, 55);
	}
	trap_set_hook(TRAP_BREAKPOINT, NULL);
	CHECK_EQ(hits, TL_ARRAY_SIZE(moves));
}

TL_TEST(an_undefined_instruction_is_offered)
{
	watch(TRAP_UNDEFINED);
	__asm__ volatile("udf #1");
	watch_end(TRAP_UNDEFINED);
	CHECK_EQ(hits, 1);
}

TL_TEST(a_fault_tells_its_address)
{
	uintptr_t nowhere = 0xffffff8070001238;

	watch(TRAP_PAGE_FAULT);
	__asm__ volatile("str xzr, [%0]" : : "r"(nowhere) : "memory");
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen_info, nowhere);
	__asm__ volatile("ldr x9, [%0]" : : "r"(8ul) : "x9", "memory");
	watch_end(TRAP_PAGE_FAULT);
	CHECK_EQ(hits, 2);
	CHECK_EQ(seen_info, 8);
}

static unsigned int nmis;

static bool count_nmi(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	nmis++;
	return true;
}

/* PSTATE.I does not keep it away; it saves and restores like any other. */
TL_TEST(an_nmi_comes_with_interrupts_off)
{
	unsigned long flags;
	unsigned int n;

	trap_set_hook(TRAP_NMI, count_nmi);
	nmis = 0;
	flags = arch_irq_save();
	for (n = 0; n < 10; n++) {
		arch_send_nmi(arch_cpu_id());
		for (unsigned int i = 0; i < 1000000 && nmis <= n; i++)
			arch_cpu_relax();
	}
	CHECK_EQ(nmis, 10);
	arch_irq_restore(flags);
	trap_set_hook(TRAP_NMI, NULL);
}

TL_TEST(memory_that_is_not_there_can_be_read_safely)
{
	uint8_t from[16] = "0123456789abcde", to[16] = { 0 };

	CHECK_EQ(probe_read(to, from, sizeof(to)), 0);
	CHECK_MEM(to, from, sizeof(to));
	CHECK_EQ(probe_read(to, (void *)0x10, 4), -14);
	CHECK_EQ(probe_read(to, (void *)0xffffff8070000000, 16), -14);
	CHECK_EQ(probe_read(to, (void *)0x8000000000000000, 1), -14);
}

TL_TEST(a_misaligned_program_counter_is_a_fault_of_its_own)
{
	watch(TRAP_PROTECTION);
	__asm__ volatile("adr x1, 1f\n\t"
			 "str x1, [%0]\n\t"
			 "adr x1, 2f\n\t"
			 "br x1\n"
			 "2:\tadd x1, x1, #2\n\t"
			 "br x1\n"
			 "1:\tnop"
			 :
			 : "r"(&go_on)
			 : "x1", "memory");
	watch_end(TRAP_PROTECTION);
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.pc & 3, 2);
}
