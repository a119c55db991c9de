/* SPDX-License-Identifier: MIT */
/* exceptions.c - the vectors: what is saved, what is asked, what goes on */

#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/stack.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <regs.h>
#include <tl_test.h>

static struct pt_regs seen;
static uintptr_t seen_info;
static unsigned int hits;
static uintptr_t go_on;

static bool record(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	seen = *regs;
	seen_info = info;
	hits++;
	if (go_on)
		regs->ip = go_on;
	return true;
}

static void begin(enum trap_kind kind)
{
	hits = 0;
	go_on = 0;
	trap_set_hook(kind, record);
}

TL_TEST(breakpoint_saves_every_register_and_gives_it_back)
{
	unsigned long bx = 0, r15 = 0, ip, flags;

	begin(TRAP_BREAKPOINT);
	__asm__ volatile("movq $0x11, %%rbx\n\t"
			 "movq $0x22, %%r15\n\t"
			 "movq $0x33, %%rdi\n\t"
			 "movq $0x44, %%rax\n\t"
			 "movq $0x55, %%r8\n\t"
			 "stc\n\t"
			 "int3\n"
			 "1:\n\t"
			 "pushfq\n\t"
			 "popq %3\n\t"
			 "movq %%rbx, %0\n\t"
			 "movq %%r15, %1\n\t"
			 "leaq 1b(%%rip), %2"
			 : "=&r"(bx), "=&r"(r15), "=&r"(ip), "=&r"(flags)
			 :
			 : "rax", "rbx", "rdi", "r8", "r15", "cc", "memory");
	trap_set_hook(TRAP_BREAKPOINT, NULL);

	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.ip, ip);
	CHECK_EQ(seen.bx, 0x11);
	CHECK_EQ(seen.r15, 0x22);
	CHECK_EQ(seen.di, 0x33);
	CHECK_EQ(seen.ax, 0x44);
	CHECK_EQ(seen.r8, 0x55);
	CHECK_EQ(seen.orig_ax, -1);
	CHECK(seen.flags & 1);
	CHECK_EQ(bx, 0x11);
	CHECK_EQ(r15, 0x22);
	CHECK(flags & 1);
}

static bool push_in_handler(enum trap_kind kind, struct pt_regs *regs,
			    uintptr_t info)
{
	(void)kind;
	(void)info;
	for (int i = 0; i < 4; i++) {
		regs->sp -= 8;
		*(volatile unsigned long *)regs->sp = 0x1000ul + (unsigned)i;
	}
	return true;
}

TL_TEST(breakpoint_handler_may_push_on_the_interrupted_stack)
{
	unsigned long a, b, c, d;

	trap_set_hook(TRAP_BREAKPOINT, push_in_handler);
	__asm__ volatile("int3\n\t"
			 "popq %0\n\t"
			 "popq %1\n\t"
			 "popq %2\n\t"
			 "popq %3"
			 : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
			 :
			 : "memory");
	trap_set_hook(TRAP_BREAKPOINT, NULL);
	CHECK_EQ(a, 0x1003);
	CHECK_EQ(b, 0x1002);
	CHECK_EQ(c, 0x1001);
	CHECK_EQ(d, 0x1000);
}

#define DR6_STEP (1ul << 14)

TL_TEST(trap_flag_steps_each_instruction_once)
{
	begin(TRAP_DEBUG);
	__asm__ volatile("pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 "nop\n\t"
			 "nop\n\t"
			 "pushfq\n\t"
			 "andq $~0x100, (%%rsp)\n\t"
			 "popfq"
			 :
			 :
			 : "cc", "memory");
	trap_set_hook(TRAP_DEBUG, NULL);
	CHECK_EQ(hits, 5);
	CHECK(seen_info & DR6_STEP);
}

TL_TEST(undefined_instruction_reaches_its_hook)
{
	unsigned long ip;

	begin(TRAP_UNDEFINED);
	__asm__ volatile("leaq 1f(%%rip), %0\n\t"
			 "movq %0, %1\n"
			 "\tud2\n"
			 "1:"
			 : "=&r"(ip), "=m"(go_on)
			 :
			 : "memory");
	trap_set_hook(TRAP_UNDEFINED, NULL);
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.ip, ip - 2);
}

TL_TEST(page_fault_reports_address_and_error_code)
{
	begin(TRAP_PAGE_FAULT);
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, %0\n\t"
			 "movl $0, (%1)\n"
			 "1:"
			 : "=m"(go_on)
			 : "r"(0x123ul)
			 : "rax", "memory");
	trap_set_hook(TRAP_PAGE_FAULT, NULL);
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen_info, 0x123);
	CHECK_EQ(seen.orig_ax, 2); /* a write to a page that is not there */
}

TL_TEST(protection_fault_reaches_its_hook)
{
	begin(TRAP_PROTECTION);
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, %0\n\t"
			 "movl (%1), %%eax\n"
			 "1:"
			 : "=m"(go_on)
			 : "r"(0x8000000000000000ul)
			 : "rax", "memory");
	trap_set_hook(TRAP_PROTECTION, NULL);
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen_info, 0);
}

TL_TEST(read_of_any_address_answers_instead_of_faulting)
{
	static const uint32_t value = 0xabcdef01;
	uint32_t got = 0;

	CHECK_EQ(probe_read(&got, &value, sizeof(got)), 0);
	CHECK_EQ(got, value);
	CHECK_EQ(probe_read(&got, (const void *)0, sizeof(got)), -14);
	CHECK_EQ(probe_read(&got, (const void *)0x8000000000000000ul, 4), -14);
	CHECK_EQ(probe_read(&got, (const void *)-2ul, 4), -14);
	CHECK_EQ(got, value);
}

static unsigned int work_done;

static void count_work(struct work *work)
{
	if (++work_done < 3)
		work_schedule(work, 1);
}

TL_TEST(timer_ticks_and_work_is_done_when_due)
{
	struct work work = { .fn = count_work };
	uint64_t start = ticks();

	work_done = 0;
	work_schedule(&work, 8);
	work_schedule(&work, 0);
	CHECK_EQ(work_done, 0);
	idle_ms(60);
	CHECK_EQ(work_done, 3);
	CHECK(ticks() - start >= 15);
}

TL_TEST(stack_bounds_contain_the_stack_pointer_and_nothing_else)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), low, high;

	REQUIRE(stack_bounds(sp, &low, &high));
	CHECK(low < sp && sp < high);
	CHECK_EQ(high - low, 32768);
	CHECK(!stack_bounds((uintptr_t)&work_done, &low, &high));
}
