/* SPDX-License-Identifier: MIT */
/*
 * faults.c - what a task must not do ends it with the right signal, and bad
 * addresses in system calls are an error, to the byte
 */

#include "check.h"

#define PAGE 4096ul

static volatile long variable = 0xc3; /* ret */

static void read_null(void)
{
	*(volatile char *)0;
}

static void read_kernel(void)
{
	*(volatile char *)KERNEL_TEXT;
}

static void write_kernel(void)
{
	*(volatile char *)0xffff888000100000 = 1;
}

static void write_text(void)
{
	*(volatile char *)write_text = 1;
}

static void run_data(void)
{
	((void (*)(void))(uintptr_t)&variable)();
}

static void run_stack(void)
{
	volatile long word = 0xc3;

	((void (*)(void))(uintptr_t)&word)();
}

static void run_kernel(void)
{
	((void (*)(void))KERNEL_TEXT)();
}

static void run_nowhere(void)
{
	((void (*)(void))0x0000800000000000)();
}

static void privileged(void)
{
	__asm__ volatile("hlt");
}

static void interrupts_off(void)
{
	__asm__ volatile("cli");
}

static void another_gate(void)
{
	__asm__ volatile("int $0x30");
}

static void no_gate(void)
{
	__asm__ volatile("int $0x50");
}

static void syscall_instruction(void)
{
	__asm__ volatile("syscall" : : "a"(SYS_GETPID) : "rcx", "r11");
}

static void swap_gs(void)
{
	__asm__ volatile("swapgs");
}

static void write_gs_base(void)
{
	__asm__ volatile("wrgsbase %0" : : "r"(KERNEL_TEXT));
}

static void model_register(void)
{
	__asm__ volatile("rdmsr" : : "c"(0xc0000101) : "eax", "edx");
}

static void port(void)
{
	__asm__ volatile("inb $0x80, %%al" : : : "eax");
}

static void page_tables(void)
{
	__asm__ volatile("movq %%cr3, %%rax" : : : "rax");
}

static void debug_register(void)
{
	__asm__ volatile("movq %%db7, %%rax" : : : "rax");
}

static void undefined(void)
{
	__asm__ volatile("ud2");
}

static void vector_register(void)
{
	__asm__ volatile("movd %eax, %xmm0");
}

static void floating_point(void)
{
	__asm__ volatile("fninit");
}

static void divide(void)
{
	__asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx");
}

static void breakpoint(void)
{
	__asm__ volatile("int3");
}

/* The two-byte form, whose last byte is no 0xcc. */
static void long_breakpoint(void)
{
	__asm__ volatile(".byte 0xcd, 0x03");
}

static void single_step(void)
{
	__asm__ volatile("pushfq\n\torq $0x100, (%rsp)\n\tpopfq\n\tnop");
}

static void stack_overflow(void)
{
	volatile char big[2 * USER_STACK_PAGES * PAGE];

	big[0] = 1;
	big[sizeof(big) - 1] = big[0];
}

static void bad_stack_for_a_handler(void)
{
	signal(SIGUSR1, (void (*)(int))read_null);
	__asm__ volatile("movl $16, %%esp\n\t"
			 "int $0x80\n\tud2"
			 :
			 : "a"(SYS_KILL), "D"(getpid()), "S"(SIGUSR1));
}

static void user_gs(void)
{
	/* What it loads there is its own affair, and the kernel's is safe. */
	__asm__ volatile("movw %w0, %%gs\n\tmovw %w0, %%fs" : : "r"(0x1b));
	getpid();
	*(volatile char *)0;
}

static const struct {
	void (*fn)(void);
	int sig;
} cases[] = {
	{ read_null, SIGSEGV },
	{ read_kernel, SIGSEGV },
	{ write_kernel, SIGSEGV },
	{ write_text, SIGSEGV },
	{ run_data, SIGSEGV },
	{ run_stack, SIGSEGV },
	{ run_kernel, SIGSEGV },
	{ run_nowhere, SIGSEGV },
	{ privileged, SIGSEGV },
	{ interrupts_off, SIGSEGV },
	{ another_gate, SIGSEGV },
	{ no_gate, SIGSEGV },
	{ undefined, SIGILL },
	{ vector_register, SIGILL },
	{ floating_point, SIGILL },
	{ divide, SIGFPE },
	{ breakpoint, SIGTRAP },
	{ long_breakpoint, SIGTRAP },
	{ single_step, SIGTRAP },
	{ stack_overflow, SIGSEGV },
	{ bad_stack_for_a_handler, SIGSEGV },
	{ user_gs, SIGSEGV },
	{ syscall_instruction, SIGILL },
	{ swap_gs, SIGSEGV },
	{ write_gs_base, SIGILL },
	{ model_register, SIGSEGV },
	{ port, SIGSEGV },
	{ page_tables, SIGSEGV },
	{ debug_register, SIGSEGV },
};

static void bad_addresses_in_calls(void)
{
	uintptr_t text = (uintptr_t)main & -PAGE;
	uintptr_t top = USER_STACK_TOP;

	CHECK(write((const char *)0, 1) == -EFAULT);
	CHECK(write((const char *)KERNEL_TEXT, 1) == -EFAULT);
	CHECK(write((const char *)-1, 2) == -EFAULT);
	CHECK(write((const char *)USER_STACK_TOP, 1) == -EFAULT);
	CHECK(write((const char *)top, 0) == 0);
	for (char *at = (char *)(top - 128); at < (char *)top; at++)
		*at = at == (char *)(top - 1) ? '\n' : '-';
	CHECK(write((const char *)(top - 128), 129) == 128);
	if (!fork())
		exit(5);
	/* A child is waited for though its status cannot be written. */
	CHECK(wait(-1, (int *)text, 0) == -EFAULT);
	CHECK(wait(-1, NULL, 0) == -ECHILD);
	CHECK(ptrace(PTRACE_SETREGS, 1, 0, 0) == -EFAULT);
	CHECK(kill(getpid(), 0) == -EINVAL);
	CHECK(kill(-1, SIGTERM) == -ESRCH);
	CHECK(signal(SIGKILL, (void (*)(int))SIG_IGN) == -EINVAL);
	CHECK(move(0) == -EINVAL);
}

int main(const char *arg)
{
	(void)arg;
	bad_addresses_in_calls();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int pid = fork(), status;

		if (!pid) {
			cases[i].fn();
			exit(2);
		}
		status = end_of(pid);
		if (!W_KILLED(status) || W_SIGNAL(status) != cases[i].sig) {
			put("    # case ");
			put_number((long)i);
			put(", status ");
			put_number(status);
			put("\n");
			return 1;
		}
	}
	return 0;
}
