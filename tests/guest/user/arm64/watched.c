/* SPDX-License-Identifier: MIT */
/*
 * watched.c - a debugger's breakpoints and watches in another task, on arm64
 *
 * By the words of Linux's debuggers for NT_ARM_HW_BREAK and NT_ARM_HW_WATCH.  The
 * task hears of a hit when the instruction has been executed; once for each.
 *
 * The argument names one part, by the letters of ../watched.c; without one it is all
 * of them that want nothing of the kernel.
 */

#include "check.h"

#define BREAK	   0
#define WATCH	   1
#define ON	   1u
#define TYPE_LOAD  (1u << 3)
#define TYPE_STORE (2u << 3)
#define BYTES(n)   (((1u << (n)) - 1) << 5)
#define EXECUTE	   (ON | BYTES(4))
#define STORE(n)   (ON | TYPE_STORE | BYTES(n))

/* One register alone: by its numbers. */
#define WATCH_ADDRESS(n) (32 + (n))
#define WATCH_CONTROL(n) (48 + (n))

static volatile unsigned long word[2];
static int status_here;

__attribute__((noinline)) static void store(unsigned long n)
{
	word[0] = n;
}

static void poke_debug(int pid, unsigned int n, unsigned long value, int want)
{
	CHECK(ptrace(PTRACE_POKEDEBUG, pid, n, value) == want);
}

static struct user_debug slots;

static long set_slots(int pid, unsigned int kind, unsigned int n)
{
	slots.info = n;
	return ptrace(PTRACE_SETDEBUG, pid, kind, (uintptr_t)&slots);
}

/* Slot @i of @kind alone; the others are as they were. */
static void set_slot(int pid, unsigned int kind, unsigned int i, uintptr_t addr,
		     uint32_t control, long want)
{
	CHECK(ptrace(PTRACE_GETDEBUG, pid, kind, (uintptr_t)&slots) == 0);
	CHECK((slots.info & 0xff) >= 2 && slots.info >> 8 >= 6);
	slots.slot[i].addr = addr;
	slots.slot[i].control = control;
	CHECK(set_slots(pid, kind, i + 1) == want);
}

static unsigned long peek(int pid, const volatile void *at)
{
	unsigned long value = 0;

	CHECK(ptrace(PTRACE_PEEK, pid, (uintptr_t)at, (uintptr_t)&value) == 0);
	return value;
}

static uintptr_t ip_of(int pid)
{
	struct user_regs regs;

	CHECK(ptrace(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs) == 0);
	return regs.ip;
}

static void stops_for(int pid, int sig)
{
	int status = end_of(pid);

	CHECK(W_STOPPED(status) && W_SIGNAL(status) == sig);
}

static void go_on(int pid, int how)
{
	CHECK(ptrace(how, pid, 0, 0) == 0);
}

/* A child that is traced and stopped, and then does @fn. */
static int traced(void (*fn)(void))
{
	int pid = fork();

	if (!pid) {
		CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		kill(getpid(), SIGSTOP);
		fn();
		exit(9);
	}
	stops_for(pid, SIGSTOP);
	return pid;
}

static void ends(int pid)
{
	int status;

	go_on(pid, PTRACE_CONTINUE);
	status = end_of(pid);
	CHECK(W_EXITED(status) && W_CODE(status) == 9);
}

static void store_thrice(void)
{
	store(11);
	(void)word[0];
	store(12);
	word[1] = 1;
	store(13);
}

static void writes_are_told_when_they_are_made(void)
{
	int pid = traced(store_thrice);

	set_slot(pid, WATCH, 0, (uintptr_t)&word[0], STORE(8), 0);
	for (unsigned long n = 11; n <= 13; n++) {
		go_on(pid, PTRACE_CONTINUE);
		stops_for(pid, SIGTRAP);
		CHECK(peek(pid, &word[0]) == n);
	}
	ends(pid);
	CHECK(word[0] == 0);
}

static void count_exclusively(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		unsigned long value;
		unsigned int failed;

		__asm__ volatile("1:	ldxr	%0, [%2]\n\t"
				 "add	%0, %0, #1\n\t"
				 "stxr	%w1, %0, [%2]\n\t"
				 "cbnz	%w1, 1b"
				 : "=&r"(value), "=&r"(failed)
				 : "r"(&word[0])
				 : "memory");
		word[1] = word[0];
	}
}

/* From the load to the store is one; and what follows is seen again. */
static void an_exclusive_access_is_told_once(void)
{
	int pid = traced(count_exclusively);

	set_slot(pid, WATCH, 0, (uintptr_t)&word[0],
		 ON | TYPE_LOAD | TYPE_STORE | BYTES(8), 0);
	for (unsigned long n = 0; n < 40; n++) {
		go_on(pid, PTRACE_CONTINUE);
		stops_for(pid, SIGTRAP);
		CHECK(peek(pid, &word[1]) == n / 2);
	}
	set_slot(pid, WATCH, 0, 0, 0, 0);
	ends(pid);
}

static void a_function_is_stopped_at(void)
{
	int pid = traced(store_thrice);

	set_slot(pid, BREAK, 1, (uintptr_t)store, EXECUTE, 0);
	for (int i = 0; i < 3; i++) {
		go_on(pid, PTRACE_CONTINUE);
		stops_for(pid, SIGTRAP);
		CHECK(ip_of(pid) == (uintptr_t)store + 4);
	}
	set_slot(pid, BREAK, 1, (uintptr_t)store, 0, 0);
	ends(pid);
}

/* A step onto what is watched is one step, and one signal. */
static void steps_and_watches_come_together(void)
{
	int pid = traced(store_thrice);
	unsigned int changes = 0, steps = 0;
	unsigned long last = 0;

	poke_debug(pid, WATCH_ADDRESS(1), (uintptr_t)&word[0], 0);
	poke_debug(pid, WATCH_CONTROL(1), STORE(8), 0);
	while (changes < 3 && steps++ < 300) {
		uintptr_t ip = ip_of(pid);

		go_on(pid, PTRACE_STEP);
		stops_for(pid, SIGTRAP);
		CHECK(ip_of(pid) != ip);
		if (peek(pid, &word[0]) != last) {
			last = peek(pid, &word[0]);
			changes++;
			CHECK(last == 10 + changes);
		}
	}
	CHECK(changes == 3);
	ends(pid);
}

static void be_told_of_a_child(void)
{
	int pid = fork();

	if (!pid)
		exit(5);
	wait(pid, &status_here, 0);
}

/* The kernel writes there for the task. */
static void a_write_by_the_kernel_is_told(void)
{
	int pid = traced(be_told_of_a_child);

	set_slot(pid, WATCH, 0, (uintptr_t)&status_here & -8ul,
		 ON | TYPE_STORE | BYTES(4) << ((uintptr_t)&status_here & 7),
		 0);
	go_on(pid, PTRACE_CONTINUE);
	stops_for(pid, SIGTRAP);
	set_slot(pid, WATCH, 0, 0, 0, 0);
	ends(pid);
}

static void what_is_not_the_tasks_is_refused(void)
{
	int pid = traced(store_thrice);

	set_slot(pid, WATCH, 0, 0xffffff8040100000, STORE(8), -EINVAL);
	set_slot(pid, BREAK, 0, 0xffffff8040100000, EXECUTE, -EINVAL);
	set_slot(pid, WATCH, 0, (uintptr_t)&word[0] + 4, STORE(8), -EINVAL);
	/* In two pieces; none at all; both kinds mixed up; half an instruction. */
	set_slot(pid, WATCH, 0, (uintptr_t)&word[0],
		 STORE(8) & ~(BYTES(1) << 2), -EINVAL);
	set_slot(pid, WATCH, 0, (uintptr_t)&word[0], ON | TYPE_STORE, -EINVAL);
	set_slot(pid, WATCH, 0, (uintptr_t)&word[0], ON | BYTES(8), -EINVAL);
	set_slot(pid, BREAK, 0, (uintptr_t)store, STORE(4), -EINVAL);
	set_slot(pid, BREAK, 0, (uintptr_t)store, ON | BYTES(2), -EINVAL);
	CHECK(ptrace(PTRACE_GETDEBUG, pid, WATCH, (uintptr_t)&slots) == 0);
	CHECK(!slots.slot[0].addr && !slots.slot[0].control);
	CHECK(ptrace(PTRACE_GETDEBUG, pid, 2, (uintptr_t)&slots) == -EIO);
	poke_debug(pid, 65, 0, -EIO);
	/* An address alone is nobody's business. */
	poke_debug(pid, WATCH_ADDRESS(0), 0xffffff8040100000, 0);
	poke_debug(pid, WATCH_CONTROL(0), STORE(8), -EINVAL);
	poke_debug(pid, WATCH_ADDRESS(0), (uintptr_t)&word[0] + 4, 0);
	poke_debug(pid, WATCH_CONTROL(0), STORE(4), 0);
	poke_debug(pid, WATCH_CONTROL(0), 0, 0);
	ends(pid);
}

/* Each byte of a word is watched alone, in the middle of the eight and all over. */
static void any_bytes_are_watched(void)
{
	for (unsigned int from = 0; from < 8; from++) {
		int pid = traced(store_thrice);

		set_slot(pid, WATCH, 0, (uintptr_t)&word[0],
			 ON | TYPE_STORE | BYTES(8 - from) << from, 0);
		go_on(pid, PTRACE_CONTINUE);
		stops_for(pid, SIGTRAP);
		CHECK(peek(pid, &word[0]) == 11);
		set_slot(pid, WATCH, 0, 0, 0, 0);
		ends(pid);
	}
}

/* Eight bytes from the second of a word on: the last is the next one's first. */
static void store_across(void)
{
	*(volatile unsigned long
	  __attribute__((aligned(1))) *)((char *)word + 1) = -1ul;
}

static unsigned long status_of(int pid)
{
	unsigned long value = 0;

	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, 64, (uintptr_t)&value) == 0);
	return value;
}

/* One signal for all that one access has hit; the status says which. */
static void one_access_hits_several(void)
{
	int pid = traced(store_across);
	unsigned int first;

	CHECK(ptrace(PTRACE_GETDEBUG, pid, BREAK, (uintptr_t)&slots) == 0);
	first = slots.info & 0xff;
	set_slot(pid, WATCH, 0, (uintptr_t)&word[0],
		 ON | TYPE_STORE | BYTES(2) << 3, 0);
	set_slot(pid, WATCH, 1, (uintptr_t)&word[1], ON | TYPE_STORE | BYTES(1),
		 0);
	set_slot(pid, WATCH, 2, (uintptr_t)&word[0], ON | TYPE_STORE | BYTES(1),
		 0); /* not this one */
	set_slot(pid, WATCH, 3, (uintptr_t)&word[1],
		 ON | TYPE_STORE | BYTES(7) << 1, 0); /* nor this */
	go_on(pid, PTRACE_CONTINUE);
	stops_for(pid, SIGTRAP);
	CHECK(status_of(pid) == 3ul << first);
	CHECK(peek(pid, &word[1]) == 0xff);
	ends(pid);
}

/* All that there are of both kinds, and one more of either is refused. */
static void each_kind_is_counted_for_itself(void)
{
	int pid = traced(store_thrice);
	unsigned int n[2];

	for (unsigned int kind = 0; kind < 2; kind++) {
		CHECK(ptrace(PTRACE_GETDEBUG, pid, kind, (uintptr_t)&slots) ==
		      0);
		n[kind] = slots.info & 0xff;
		CHECK(n[kind] <= 16);
		for (unsigned int i = 0; i < n[kind]; i++) {
			slots.slot[i].addr = kind ? (uintptr_t)&word[1]
						  : (uintptr_t)store + 4 * i;
			slots.slot[i].control = kind ? ON | TYPE_LOAD | BYTES(8)
						     : EXECUTE;
		}
		CHECK(set_slots(pid, kind, n[kind] + 1) == -ENOSPC);
		CHECK(set_slots(pid, kind, n[kind]) == 0);
	}
	for (unsigned int kind = 0; kind < 2; kind++) {
		CHECK(ptrace(PTRACE_GETDEBUG, pid, kind, (uintptr_t)&slots) ==
		      0);
		CHECK(slots.slot[n[kind] - 1].control ==
		      (kind ? ON | TYPE_LOAD | BYTES(8) : EXECUTE));
		for (unsigned int i = 0; i < n[kind]; i++)
			slots.slot[i].control = 0;
		CHECK(set_slots(pid, kind, n[kind]) == 0);
	}
	ends(pid);
}

/* A signal ends it: its registers, until it is waited for. */
static void a_core_shows_what_there_was(void)
{
	int pid = traced(store_thrice), status;
	unsigned long value = 0;

	set_slot(pid, WATCH, 1, (uintptr_t)&word[1], STORE(8), 0);
	CHECK(ptrace(PTRACE_CONTINUE, pid, 0, SIGSEGV) == 0);
	for (int i = 0;
	     ptrace(PTRACE_PEEKDEBUG, pid, WATCH_CONTROL(1), (uintptr_t)&value);
	     i++) {
		CHECK(i < 100000);
		yield();
	}
	CHECK(value == STORE(8));
	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, WATCH_ADDRESS(1),
		     (uintptr_t)&value) == 0);
	CHECK(value == (uintptr_t)&word[1]);
	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, WATCH_ADDRESS(0),
		     (uintptr_t)&value) == 0);
	CHECK(value == 0);
	status = end_of(pid);
	CHECK(W_KILLED(status) && W_SIGNAL(status) == SIGSEGV);
	CHECK(ptrace(PTRACE_PEEKDEBUG, pid, WATCH_CONTROL(1),
		     (uintptr_t)&value) < 0);
}

/* ---- beside others --------------------------------------------------------------------- */

static void fork_and_store(void)
{
	int pid = fork(), status;

	if (!pid) {
		store_thrice();
		exit(7);
	}
	status = end_of(pid);
	exit(W_EXITED(status) ? W_CODE(status) : 99);
}

static void ends_with(int pid, int code)
{
	int status;

	go_on(pid, PTRACE_CONTINUE);
	status = end_of(pid);
	CHECK(W_EXITED(status) && W_CODE(status) == code);
}

/* "copies": the child has what the parent has, nobody to tell, and dies of it. */
static void a_child_has_none(bool copies)
{
	int pid = traced(fork_and_store);

	set_slot(pid, WATCH, 0, (uintptr_t)&word[0], STORE(8), 0);
	ends_with(pid, copies ? 99 : 7);
}

static void exec_again(void)
{
	exec("watched", "write");
}

/* The other program is at the same addresses, and is not watched. */
static void another_program_has_none(void)
{
	int pid = traced(exec_again);

	set_slot(pid, WATCH, 0, (uintptr_t)&word[0], STORE(8), 0);
	set_slot(pid, BREAK, 1, (uintptr_t)store, EXECUTE, 0);
	go_on(pid, PTRACE_CONTINUE);
	stops_for(pid, SIGTRAP); /* the exec's own */
	for (unsigned int kind = 0; kind < 2; kind++) {
		CHECK(ptrace(PTRACE_GETDEBUG, pid, kind, (uintptr_t)&slots) ==
		      0);
		for (unsigned int i = 0; i < 2; i++)
			CHECK(!slots.slot[i].addr && !slots.slot[i].control);
	}
	ends_with(pid, 7);
}

#define MANY  6
#define TURNS 40

static volatile unsigned int hits;

static void count_trap(int sig)
{
	(void)sig;
	hits++;
}

/* Its own variable, at the address that all have, in its own number. */
static void store_often(void)
{
	signal(SIGTRAP, count_trap);
	kill(getpid(), SIGUSR2);
	for (unsigned int i = 0; i < TURNS; i++) {
		store(i);
		if (i % 4 == 0)
			yield();
		if (i % 8 == 0)
			move(1u << i / 8 | 1);
	}
	exit((int)hits);
}

/* Many at once, each with what its debugger gave it and nothing of the others'. */
static void each_has_its_own(void)
{
	int pid[MANY];

	for (unsigned int i = 0; i < MANY; i++) {
		pid[i] = traced(store_often);
		go_on(pid[i], PTRACE_CONTINUE);
		stops_for(pid[i], SIGUSR2);
		set_slot(pid[i], WATCH, i % 4,
			 (uintptr_t)(i % 3 ? &word[1] : &word[0]), STORE(8), 0);
	}
	for (unsigned int i = 0; i < MANY; i++)
		CHECK(ptrace(PTRACE_DETACH, pid[i], 0, 0) == 0);
	for (unsigned int i = 0; i < MANY; i++) {
		int status = end_of(pid[i]);

		CHECK(W_EXITED(status) &&
		      W_CODE(status) == (i % 3 ? 0 : TURNS));
	}
}

/* The kernel has all registers for data but one. */
static void what_the_kernel_leaves(void)
{
	int pid = traced(store_thrice);

	CHECK(ptrace(PTRACE_GETDEBUG, pid, WATCH, (uintptr_t)&slots) == 0);
	if ((slots.info & 0xff) != 4)
		exit(0);
	for (unsigned int i = 0; i < 2; i++) {
		slots.slot[i].addr = (uintptr_t)&word[i];
		slots.slot[i].control = STORE(8);
	}
	CHECK(set_slots(pid, WATCH, 2) == -ENOSPC);
	CHECK(ptrace(PTRACE_GETDEBUG, pid, WATCH, (uintptr_t)&slots) == 0);
	CHECK(!slots.slot[0].control && !slots.slot[1].control);
	set_slot(pid, WATCH, 1, (uintptr_t)&word[1], STORE(8), 0);
	go_on(pid, PTRACE_CONTINUE);
	stops_for(pid, SIGTRAP);
	CHECK(peek(pid, &word[0]) == 12 && peek(pid, &word[1]) == 1);
	ends(pid);
}

/* For the kernel, which has put a breakpoint on the second word of the argument. */
static void wait_and_write(volatile uint64_t *arg)
{
	while (!arg[1])
		yield();
	for (unsigned int i = 0; i < TURNS; i++) {
		arg[2] = i;
		if (i % 4 == 0)
			yield();
	}
}

static void all(void)
{
	writes_are_told_when_they_are_made();
	a_function_is_stopped_at();
	steps_and_watches_come_together();
	a_write_by_the_kernel_is_told();
	what_is_not_the_tasks_is_refused();
	any_bytes_are_watched();
	an_exclusive_access_is_told_once();
	one_access_hits_several();
	each_kind_is_counted_for_itself();
	a_core_shows_what_there_was();
}

int main(const char *arg)
{
	switch (arg[0]) {
	case 'n':
		writes_are_told_when_they_are_made();
		one_access_hits_several();
		break;
	case 'd':
		a_core_shows_what_there_was();
		break;
	case 'r':
		what_is_not_the_tasks_is_refused();
		break;
	case 'c':
		a_function_is_stopped_at();
		steps_and_watches_come_together();
		break;
	case 'f':
		a_child_has_none(arg[1] == 'c');
		break;
	case 'e':
		another_program_has_none();
		break;
	case 'u':
		a_write_by_the_kernel_is_told();
		break;
	case 'm':
		each_has_its_own();
		break;
	case 's':
		what_the_kernel_leaves();
		break;
	case 'w':
		store_thrice();
		return 7;
	case 'k':
		wait_and_write((volatile uint64_t *)arg);
		break;
	default:
		all();
	}
	return 0;
}
