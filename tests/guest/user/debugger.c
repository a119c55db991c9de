/* SPDX-License-Identifier: MIT */
/*
 * debugger.c - one task debugs another: steps, breakpoints of its own, memory,
 * registers, signals, attach and detach
 */

#include "check.h"
#include <debugger_isa.h>

#define TURNS	  5
#define MAX_STEPS 600

long victim(long n, long pid);
extern char victim_end[];

/* Each turn: 3, the carry and a pid that is right; then a 7 from the stack. */
#define ANSWER (TURNS * 4 + 7)

static long peek(int pid, uintptr_t addr)
{
	long word = 0;

	CHECK(ptrace(PTRACE_PEEK, pid, addr, (uintptr_t)&word) == 0);
	return word;
}

static void poke_code(int pid, uintptr_t addr, uint32_t code)
{
	long word = (peek(pid, addr) & ~(long)CODE_MASK) | code;

	CHECK(ptrace(PTRACE_POKE, pid, addr, (uintptr_t)word) == 0);
}

static struct user_regs registers(int pid)
{
	struct user_regs regs;

	CHECK(ptrace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs) == 0);
	return regs;
}

static int set_registers(int pid, const struct user_regs *regs)
{
	return (int)ptrace(PTRACE_SETREGS, pid, 0, (uintptr_t)regs);
}

static void go_on(int pid, int how, int sig)
{
	CHECK(ptrace(how, pid, 0, (uintptr_t)sig) == 0);
}

/* @pid stops because of @sig. */
static void stops_for(int pid, int sig)
{
	int status = end_of(pid);

	if (!W_STOPPED(status) || W_SIGNAL(status) != sig) {
		put("    # status ");
		put_number(status);
		put("\n");
	}
	CHECK(W_STOPPED(status) && W_SIGNAL(status) == sig);
}

static void ends_with(int pid, int code)
{
	int status = end_of(pid);

	CHECK(W_EXITED(status));
	CHECK(W_CODE(status) == code);
}

/* A child that is traced, stopped, and then calls @fn and exits with that. */
static int traced(long (*fn)(void))
{
	int pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		kill(getpid(), SIGSTOP);
		exit((int)fn());
	}
	stops_for(pid, SIGSTOP);
	return pid;
}

static long run_victim(void)
{
	return victim(TURNS, getpid());
}

static bool in_victim(uintptr_t ip)
{
	return ip >= (uintptr_t)victim && ip < (uintptr_t)victim_end;
}

static uintptr_t path[MAX_STEPS];
static int n_path;

/* Step all the way, and note the path through victim(). */
static void every_instruction_is_a_step(void)
{
	int pid = traced(run_victim), status;

	for (int steps = 0; steps < 2 * MAX_STEPS; steps++) {
		uintptr_t ip = registers(pid).ip;

		if (in_victim(ip) && n_path < MAX_STEPS)
			path[n_path++] = ip;
		go_on(pid, PTRACE_STEP, 0);
		status = end_of(pid);
		if (!W_STOPPED(status))
			break;
		CHECK(W_SIGNAL(status) == SIGTRAP);
		CHECK(registers(pid).ip != ip || in_victim(ip));
	}
	CHECK(W_EXITED(status) && W_CODE(status) == ANSWER);
	CHECK(n_path >= STEPS_LEAST(TURNS) && n_path <= STEPS_MOST(TURNS));
	CHECK(path[0] == (uintptr_t)victim);
}

/* The same path, from breakpoint to breakpoint. */
static void a_breakpoint_on_every_instruction(void)
{
	static uint8_t original[256 + 4];
	size_t size = (size_t)(victim_end - (char *)victim);
	int pid = traced(run_victim);

	CHECK(size + 4 <= sizeof(original));
	for (size_t i = 0; i < size; i++)
		original[i] = *((uint8_t *)victim + i);
	for (int i = 0; i < n_path; i++)
		poke_code(pid, path[i], CODE_BREAKPOINT);
	go_on(pid, PTRACE_CONTINUE, 0);
	for (int i = 0; i < n_path; i++) {
		struct user_regs regs;

		stops_for(pid, SIGTRAP);
		regs = registers(pid);
		CHECK(regs.ip == path[i] + IP_AT_TRAP);
		poke_code(pid, path[i],
			  code_at(&original[path[i] - (uintptr_t)victim]));
		regs.ip = path[i];
		CHECK(set_registers(pid, &regs) == 0);
		go_on(pid, PTRACE_STEP, 0);
		stops_for(pid, SIGTRAP);
		poke_code(pid, path[i], CODE_BREAKPOINT);
		go_on(pid, PTRACE_CONTINUE, 0);
	}
	ends_with(pid, ANSWER);
	/* It was the child's text alone. */
	CHECK(victim(TURNS, getpid()) == ANSWER);
}

static bool answered(int pid, struct user_regs regs)
{
	return user_result(&regs) == (uint64_t)pid;
}

static long ask_pid(void)
{
	return getpid() == 1234 ? 0 : 1;
}

static void registers_and_memory_are_changed(void)
{
	int pid = traced(ask_pid);
	struct user_regs regs, before;
	uintptr_t two_pages = USER_STACK_TOP - 4 * 4096ul - 3;

	CHECK(ptrace(PTRACE_PEEK, pid, 0, (uintptr_t)&regs) == -EFAULT);
	CHECK(ptrace(PTRACE_PEEK, pid, KERNEL_TEXT, (uintptr_t)&regs) ==
	      -EFAULT);
	CHECK(ptrace(PTRACE_POKE, pid, USER_STACK_TOP - 4, 1) == -EFAULT);
	CHECK(ptrace(PTRACE_PEEK, pid, USER_STACK_TOP - 8, KERNEL_TEXT) ==
	      -EFAULT);
	CHECK(ptrace(PTRACE_POKE, pid, two_pages, 0x1122334455667788) == 0);
	CHECK(peek(pid, two_pages) == 0x1122334455667788);
	CHECK(ptrace(99, pid, 0, 0) == -EINVAL);
	CHECK(ptrace(PTRACE_CONTINUE, pid, 0, 99) == -EINVAL);
	CHECK(ptrace(PTRACE_CONTINUE, getpid(), 0, 0) == -ESRCH);
	CHECK(ptrace(PTRACE_ATTACH, getpid(), 0, 0) == -EPERM);
	CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == -EPERM);

	before = regs = registers(pid);
	regs.ip = KERNEL_TEXT;
	CHECK(set_registers(pid, &regs) == -EINVAL);
	regs = before;
	ask_for_rights(&regs);
	CHECK(set_registers(pid, &regs) == 0);
	regs = registers(pid);
	CHECK(has_none(&regs, &before));

	/* Step until the call is behind it, and change the answer. */
	do {
		regs = registers(pid);
		go_on(pid, PTRACE_STEP, 0);
		stops_for(pid, SIGTRAP);
	} while (!(user_call(&regs) == SYS_GETPID &&
		   answered(pid, registers(pid))));
	regs = registers(pid);
	user_set_result(&regs, 1234);
	CHECK(set_registers(pid, &regs) == 0);
	go_on(pid, PTRACE_CONTINUE, 0);
	ends_with(pid, 0);
}

static volatile int told;

static void tell(int sig)
{
	told = sig;
}

static long be_signalled(void)
{
	signal(SIGUSR1, tell);
	kill(getpid(), SIGUSR1);
	return told;
}

static void signals_are_held_changed_and_passed(void)
{
	int pid = traced(be_signalled);
	uintptr_t ip;

	go_on(pid, PTRACE_CONTINUE, 0);
	stops_for(pid, SIGUSR1);
	go_on(pid, PTRACE_CONTINUE, 0); /* it never hears of it */
	ends_with(pid, 0);

	pid = traced(be_signalled);
	go_on(pid, PTRACE_CONTINUE, 0);
	stops_for(pid, SIGUSR1);
	go_on(pid, PTRACE_CONTINUE, SIGUSR1);
	ends_with(pid, SIGUSR1);

	/* A step into the handler, through it, and back where it came from. */
	pid = traced(be_signalled);
	go_on(pid, PTRACE_CONTINUE, 0);
	stops_for(pid, SIGUSR1);
	ip = registers(pid).ip;
	go_on(pid, PTRACE_STEP, SIGUSR1);
	stops_for(pid, SIGTRAP);
	CHECK(registers(pid).ip == (uintptr_t)tell);
	for (int i = 0; registers(pid).ip != ip; i++) {
		CHECK(i < 50);
		go_on(pid, PTRACE_STEP, 0);
		stops_for(pid, SIGTRAP);
	}
	CHECK(!is_stepped(registers(pid)));
	go_on(pid, PTRACE_CONTINUE, 0);
	ends_with(pid, SIGUSR1);

	pid = traced(be_signalled);
	go_on(pid, PTRACE_CONTINUE, SIGTERM);
	CHECK(end_of(pid) == SIGTERM);
	pid = traced(be_signalled);
	go_on(pid, PTRACE_KILL, 0);
	CHECK(end_of(pid) == SIGKILL);
	pid = traced(be_signalled);
	kill(pid, SIGKILL);
	CHECK(end_of(pid) == SIGKILL);
}

static long exec_hello(void)
{
	exec("hello", "traced");
	return 1;
}

static void exec_is_reported(void)
{
	int pid = traced(exec_hello);

	go_on(pid, PTRACE_CONTINUE, 0);
	stops_for(pid, SIGTRAP);
	go_on(pid, PTRACE_CONTINUE, 0);
	ends_with(pid, 42);
}

static void attach_and_detach(void)
{
	int pid = fork();

	if (!pid)
		while (!told)
			;
	if (!pid)
		exit(3);
	sleep_ms(3);
	CHECK(ptrace(PTRACE_GETREGS, pid, 0, 0) == -ESRCH);
	CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
	stops_for(pid, SIGSTOP);
	for (int i = 0; i < 20; i++) {
		go_on(pid, PTRACE_STEP, 0);
		stops_for(pid, SIGTRAP);
	}
	CHECK(ptrace(PTRACE_POKE, pid, (uintptr_t)&told, 1) == 0);
	go_on(pid, PTRACE_DETACH, 0);
	CHECK(ptrace(PTRACE_CONTINUE, pid, 0, 0) == -ESRCH);
	ends_with(pid, 3);
}

/* A debugger that ends lets go; one that is not the parent hears of the end. */
static void debuggers_that_are_not_the_parent(void)
{
	int pid = fork(), other, status;

	if (!pid) {
		while (!told)
			yield();
		exit(3);
	}
	other = fork();
	if (!other) {
		CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
		stops_for(pid, SIGSTOP);
		exit(0);
	}
	ends_with(other, 0);
	other = fork();
	if (!other) {
		CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
		stops_for(pid, SIGSTOP);
		CHECK(ptrace(PTRACE_POKE, pid, (uintptr_t)&told, 1) == 0);
		go_on(pid, PTRACE_CONTINUE, 0);
		ends_with(pid, 3);
		CHECK(wait(pid, NULL, 0) == -ECHILD);
		exit(0);
	}
	ends_with(pid, 3);
	CHECK(wait(other, &status, 0) == other && status == 0);
}

int main(const char *arg)
{
	(void)arg;
	CHECK(victim(TURNS, getpid()) == ANSWER);
	every_instruction_is_a_step();
	a_breakpoint_on_every_instruction();
	registers_and_memory_are_changed();
	signals_are_held_changed_and_passed();
	exec_is_reported();
	attach_and_detach();
	debuggers_that_are_not_the_parent();
	return 0;
}
