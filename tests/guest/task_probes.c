/* SPDX-License-Identifier: MIT */
/*
 * task_probes.c - probes of the kernel while it works for tasks in ring 3
 *
 * The programs (tests/guest/user/) check what they see; these tests check that
 * they see the same with probes on their way, that hits are counted exactly, and
 * that the few places where no probe can be refuse one.
 */

#include "guest_isa.h"
#include "program.h"
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

static const bool ways[] = { false, true };

static _Atomic unsigned long hits, returns;

static int count(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static void step_count(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
}

static int count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	returns++;
	return 0;
}

static int count_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	hits++;
	return 0;
}

/* ---- counts -------------------------------------------------------------------- */

static const struct way {
	const char *name, *calls;
	unsigned long want;
	bool optimize, step, kretprobe;
} rows[] = {
	{ "jump", "1000000", 1000000, true, false, false },
	{ "breakpoint", "100000", 100000, false, false, false },
	{ "stepped", "50000", 50000, false, true, false },
	{ "return", "100000", 100000, true, false, true },
};

TL_TEST(system_calls_are_counted_exactly)
{
	const struct way *w;

	for_each_row(w, rows) {
		struct kretprobe rp = { .kp.symbol_name = "sys_getpid",
					.entry_handler = count_entry,
					.handler = count_return,
					.maxactive = 16 };
		struct kprobe p = { .symbol_name = "sys_getpid",
				    .pre_handler = count,
				    .post_handler = w->step ? step_count
							    : NULL };

		ROW(w->name);
		host_kernel_optimize(w->optimize);
		hits = returns = 0;
		REQUIRE((w->kretprobe ? register_kretprobe(&rp)
				      : register_kprobe(&p)) == 0);
		CHECK_EQ(run_program("calls", w->calls), 0);
		if (w->kretprobe) {
			unregister_kretprobe(&rp);
			CHECK_EQ(returns, w->want);
			CHECK_EQ(rp.nmissed + rp.kp.nmissed, 0);
		} else {
			unregister_kprobe(&p);
			CHECK_EQ(p.nmissed, 0);
		}
		CHECK_EQ(hits, w->want);
	}
	host_kernel_optimize(true);
}

/* On every CPU at once, each hit by several tasks. */
TL_TEST(system_calls_of_many_tasks_are_counted_exactly)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "sys_getpid",
				    .pre_handler = count };

		host_kernel_optimize(ways[i]);
		hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(run_programs("calls", "5000", 8), 0);
		unregister_kprobe(&p);
		CHECK_EQ(hits, 8 * 5000);
		CHECK_EQ(p.nmissed, 0);
	}
	host_kernel_optimize(true);
}

/* ---- everywhere ------------------------------------------------------------------ */

static const char *const places[] = {
	"task_syscall",	 "task_leave",	    "task_exit",
	"sys_fork",	 "sys_exec",	    "sys_wait",
	"sys_kill",	 "sys_sigreturn",   "sys_ptrace",
	"sys_write",	 "sys_yield",	    "space_new",
	"space_copy",	 "space_map",	    "space_at",
	"space_free",	 "user_copy",	    "copy_from_user",
	"copy_to_user",	 "program_load",    "signal_send",
	"signal_force",	 "signal_deliver",  "arch_user_call",
	"arch_user_get", "arch_user_set",   "arch_user_return",
	"trace_stop",	 "thread_start",    "thread_exit",
	"thread_join",	 "task_wake",	    "wait_on",
	"wake_all",	 "page_alloc",	    "kmalloc",
	"task_wait",	 "arch_enter_user",
};

static const char *const programs[] = { "family", "signals", "faults",
					"debugger" };

static void with_probes_everywhere(bool optimize)
{
	static struct kprobe probes[TL_ARRAY_SIZE(places)];
	static struct kprobe *list[TL_ARRAY_SIZE(places)];

	host_kernel_optimize(optimize);
	for (size_t i = 0; i < TL_ARRAY_SIZE(places); i++) {
		probes[i] = (struct kprobe){ .symbol_name = places[i],
					     .pre_handler = count };
		list[i] = &probes[i];
		ROW(places[i]);
		CHECK_EQ(register_kprobe(list[i]), 0);
	}
	hits = 0;
	for (size_t i = 0; i < TL_ARRAY_SIZE(programs); i++) {
		ROW(programs[i]);
		CHECK_EQ(run_program(programs[i], ""), 0);
	}
	CHECK(hits > 1000);
	unregister_kprobes(list, TL_ARRAY_SIZE(places));
}

TL_TEST(tasks_see_no_breakpoint_of_the_kernel)
{
	with_probes_everywhere(false);
}

TL_TEST(tasks_see_no_jump_of_the_kernel)
{
	with_probes_everywhere(true);
}

/* The instruction that copies: a fault in its slot is one of its own. */
static uintptr_t copying_instruction(unsigned int nth)
{
	const struct symbol *sym = symbol_by_name("user_copy");
	const uint8_t *at = (const uint8_t *)sym->addr;

	for (size_t i = 0; i + CODE_ALIGN < sym->size; i += CODE_ALIGN)
		if (copies_for_user(at + i) && !nth--)
			return sym->addr + i;
	return 0;
}

static _Atomic unsigned long steps;

static void count_step(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	steps++;
}

TL_TEST(a_probed_user_copy_that_faults_is_fixed_up)
{
	struct kprobe plain = { .pre_handler = count,
				.post_handler = count_step };
	struct kprobe guarded = { .pre_handler = count,
				  .post_handler = count_step };

	plain.addr = (kprobe_opcode_t *)copying_instruction(0);
	guarded.addr = (kprobe_opcode_t *)copying_instruction(1);
	REQUIRE(plain.addr && guarded.addr);
	hits = steps = 0;
	REQUIRE(register_kprobe(&plain) == 0);
	REQUIRE(register_kprobe(&guarded) == 0);
	CHECK_EQ(run_program("faults", ""), 0);
	unregister_kprobe(&plain);
	unregister_kprobe(&guarded);
	/* Of all that were begun some were never finished. */
	CHECK(hits > steps && steps > 0);
	CHECK_EQ(plain.nmissed + guarded.nmissed, 0);
}

/* ---- whose breakpoint is it? ------------------------------------------------------- */

TL_TEST(breakpoints_in_user_text_are_the_tasks_own)
{
	struct kprobe p = { .symbol_name = "signal_force",
			    .pre_handler = count };

	for (size_t i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		host_kernel_optimize(ways[i]);
		hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(run_program("traps", "2000"), 0);
		unregister_kprobe(&p);
		CHECK_EQ(hits, 2000);
		p = (struct kprobe){ .symbol_name = "signal_force",
				     .pre_handler = count };
	}
	host_kernel_optimize(true);
}

/*
 * debugger.c and its children ask for their pid 40 times: 12 of these in steps,
 * or from breakpoint to breakpoint, of their debugger.
 */
TL_TEST(system_calls_of_a_task_that_is_stepped_are_counted_exactly)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "sys_getpid",
				    .pre_handler = count };
		struct kretprobe rp = { .kp.symbol_name = "sys_getpid",
					.handler = count_return,
					.maxactive = 8 };

		host_kernel_optimize(ways[i]);
		hits = returns = 0;
		REQUIRE(register_kprobe(&p) == 0);
		REQUIRE(register_kretprobe(&rp) == 0);
		CHECK_EQ(run_program("debugger", ""), 0);
		unregister_kretprobe(&rp);
		unregister_kprobe(&p);
		CHECK_EQ(hits, 40);
		CHECK_EQ(returns, 40);
	}
	host_kernel_optimize(true);
}

/* ---- moved while in a probe ---------------------------------------------------------- */

TL_TEST(tasks_move_in_probed_functions)
{
	static const char *const names[] = { "sys_move", "sys_yield",
					     "thread_move", "thread_yield",
					     "task_syscall" };
	static struct kretprobe rps[TL_ARRAY_SIZE(names)];

	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++) {
		rps[i] = (struct kretprobe){ .kp.symbol_name = names[i],
					     .entry_handler = count_entry,
					     .handler = count_return,
					     .maxactive = 64 };
		REQUIRE(register_kretprobe(&rps[i]) == 0);
	}
	hits = returns = 0;
	CHECK_EQ(run_programs("moves", "100", 8), 0);
	/* The eight that ended did not return from their last call. */
	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++) {
		unregister_kretprobe(&rps[i]);
		CHECK_EQ(rps[i].nmissed + rps[i].kp.nmissed, 0);
	}
	CHECK_EQ(hits, returns + 8);
	CHECK(hits > 8 * 100);
}

/* In a detour's handler pre-emption goes on: the time it takes is the task's. */
static int dawdle(struct kprobe *p, struct pt_regs *regs)
{
	uint64_t now = ticks();

	(void)p;
	(void)regs;
	if (hits++ % 64 == 0 && arch_irqs_on())
		while (ticks() < now + 2)
			arch_cpu_relax();
	return 0;
}

TL_TEST(tasks_are_preempted_in_handlers)
{
	struct kprobe p = { .symbol_name = "sys_getpid",
			    .pre_handler = dawdle };

	hits = 0;
	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(run_programs("calls", "1000", 6), 0);
	unregister_kprobe(&p);
	CHECK_EQ(hits, 6000);
	CHECK_EQ(p.nmissed, 0);
}

/* ---- what the kernel must not do by mistake ---------------------------------------- */

static uintptr_t user_ip;
static _Atomic unsigned long refused_reads, refused_fetches;

/* The kernel was about to run a user's page: go back to who called there. */
static bool on_fault(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	if (regs->REG_IP != user_ip || info != user_ip)
		return false;
	refused_fetches++;
	LEAVE_FUNCTION(regs);
	return true;
}

static int touch_user(struct kprobe *p, struct pt_regs *regs)
{
	const struct pt_regs *user = arch_user_regs(arch_current());
	char byte;

	(void)p;
	(void)regs;
	user_ip = user->REG_IP;
	refused_reads += probe_read(&byte, (void *)user->sp, 1) != 0;
	((void (*)(void))user_ip)();
	hits++;
	return 0;
}

TL_TEST(user_pages_are_not_run_nor_read_by_the_kernel)
{
	trap_hook old = trap_set_hook(TRAP_PAGE_FAULT, on_fault);
	struct kprobe p = { .symbol_name = "sys_getpid",
			    .pre_handler = touch_user };

	if (!users_are_guarded()) {
		trap_set_hook(TRAP_PAGE_FAULT, old);
		SKIP("a CPU that does not guard the kernel against user pages");
	}
	hits = refused_reads = refused_fetches = 0;
	REQUIRE(register_kprobe(&p) == 0);
	CHECK_EQ(run_program("calls", "50"), 0);
	unregister_kprobe(&p);
	trap_set_hook(TRAP_PAGE_FAULT, old);
	CHECK_EQ(hits, 50);
	CHECK_EQ(refused_reads, 50);
	CHECK_EQ(refused_fetches, 50);
}

/* ---- probes come and go ---------------------------------------------------------------- */

static atomic_bool over;

static void come_and_go(void *arg)
{
	unsigned int n = 0;

	(void)arg;
	while (!over) {
		struct kprobe p = { .symbol_name =
					    places[n++ % TL_ARRAY_SIZE(places)],
				    .pre_handler = count };

		CHECK_EQ(register_kprobe(&p), 0);
		thread_sleep_ms(1);
		unregister_kprobe(&p);
	}
}

TL_TEST(probes_come_and_go_under_tasks)
{
	struct thread *t;

	over = false;
	t = thread_start("come and go", come_and_go, NULL, ALL_CPUS);
	REQUIRE(t);
	for (size_t i = 0; i < TL_ARRAY_SIZE(programs) * tl_test_scale; i++) {
		const char *program = programs[i % TL_ARRAY_SIZE(programs)];

		ROW(program);
		CHECK_EQ(run_program(program, ""), 0);
		CHECK_EQ(run_programs("moves", "15", 6), 0);
	}
	over = true;
	thread_join(t);
}

/* ---- where no probe can be ----------------------------------------------------------------- */

static const char *const forbidden[] = { FORBIDDEN_SYMBOLS };

TL_TEST(registration_in_entry_code_gives_einval)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(forbidden); i++) {
		const struct symbol *sym = symbol_by_name(forbidden[i]);

		ROW(forbidden[i]);
		REQUIRE(sym);
		for (size_t at = 0; at < sym->size; at++) {
			struct kprobe p = {
				.addr = (kprobe_opcode_t *)(sym->addr + at),
				.pre_handler = count,
			};

			CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
		}
	}
}

/* Every way out to user mode is in there. */
TL_TEST(no_way_out_to_user_mode_is_where_a_probe_can_be)
{
	for (size_t i = 0; i < symbol_table_len; i++) {
		const struct symbol *sym = &symbol_table[i];
		const uint8_t *at = (const uint8_t *)sym->addr;

		if (sym->addr >= (uintptr_t)noprobe_start &&
		    sym->addr < (uintptr_t)noprobe_end)
			continue;
		ROW(sym->name);
		for (size_t k = 0; k + CODE_ALIGN <= sym->size; k++) {
			struct kprobe p = {
				.addr = (kprobe_opcode_t *)(sym->addr + k),
				.pre_handler = count,
			};

			if (k % CODE_ALIGN == 0 && is_way_out(at + k))
				CHECK(register_kprobe(&p) < 0);
		}
	}
}

/* ---- interrupts at the worst moment --------------------------------------------------------- */

static _Atomic unsigned long nmis, nmis_in_entry, nmis_in_user;

static bool take_nmi(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)info;
	nmis++;
	nmis_in_entry += regs->REG_IP >= (uintptr_t)noprobe_start &&
			 regs->REG_IP < (uintptr_t)noprobe_end;
	nmis_in_user += !arch_regs_kernel(regs);
	/* Does the CPU know itself? */
	return arch_current() >= threads &&
	       arch_current() < threads + KERN_MAX_THREADS;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void pester(void *arg)
{
	(void)arg;
	while (!over) {
		for (unsigned int i = 0; i < smp_cpus(); i++)
			if (i != arch_cpu_id())
				arch_send_nmi(i);
		thread_yield();
	}
}

TL_TEST(nmis_come_between_user_mode_and_the_kernel)
{
	trap_hook old = trap_set_hook(TRAP_NMI, take_nmi);
	struct kprobe p = { .symbol_name = "sys_getpid", .pre_handler = count };
	struct thread *t;

	if (smp_cpus() == 1) {
		trap_set_hook(TRAP_NMI, old);
		SKIP("one CPU");
	}
	hits = nmis = nmis_in_entry = nmis_in_user = 0;
	over = false;
	host_kernel_optimize(false);
	REQUIRE(register_kprobe(&p) == 0);
	t = thread_start("pester", pester, NULL, 1);
	REQUIRE(t);
	CHECK_EQ(run_programs("calls", "3000", 6), 0);
	over = true;
	thread_join(t);
	cpu_call_others(nothing,
			NULL); /* an NMI that is on its way comes first */
	unregister_kprobe(&p);
	host_kernel_optimize(true);
	trap_set_hook(TRAP_NMI, old);
	CHECK_EQ(hits, 6 * 3000);
	CHECK(nmis > 0);
	tl_test_note("NMIs", nmis);
	tl_test_note("of these in user mode", nmis_in_user);
	tl_test_note("and between", nmis_in_entry);
}
