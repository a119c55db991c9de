/* SPDX-License-Identifier: MIT */
/*
 * module_probes.c - probes in the text of modules, and modules that have probes
 */

#include "program.h"
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/smp.h>
#include <kern/symbols.h>
#include <kern/thread.h>
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

static int count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	returns++;
	return 0;
}

static long call1(const char *name)
{
	const struct symbol *sym = symbol_by_name(name);

	return sym ? ((long (*)(void))sym->addr)() : -1;
}

static long sum(long a, long b)
{
	const struct symbol *sym = symbol_by_name("victim_sum");

	return sym ? ((long (*)(long, long))sym->addr)(a, b) : -1;
}

TL_TEST(functions_of_a_module_are_probed_by_name)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "victim_sum",
				    .pre_handler = count };
		struct kretprobe rp = { .kp.symbol_name = "victim_sum",
					.handler = count_return,
					.maxactive = 4 };

		host_kernel_optimize(ways[i]);
		CHECK_EQ(register_kprobe(&p), -TL_ENOENT);
		p = (struct kprobe){ .symbol_name = "victim_sum",
				     .pre_handler = count };
		REQUIRE(module_load("victim", "") == 0);
		REQUIRE(register_kprobe(&p) == 0);
		REQUIRE(register_kretprobe(&rp) == 0);
		hits = returns = 0;
		for (long n = 0; n < 500; n++)
			CHECK_EQ(sum(n, 3), n + 3);
		CHECK_EQ(hits, 500);
		CHECK_EQ(returns, 500);
		unregister_kretprobe(&rp);
		unregister_kprobe(&p);
		CHECK_EQ(sum(1, 2), 3);
		CHECK_EQ(hits, 500);
		CHECK_EQ(module_unload("victim"), 0);
	}
	host_kernel_optimize(true);
}

TL_TEST(probes_in_a_module_that_goes_are_gone)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(ways); i++) {
		struct kprobe p = { .symbol_name = "victim_sum",
				    .pre_handler = count };
		struct kretprobe rp = { .kp.symbol_name = "victim_text",
					.handler = count_return,
					.maxactive = 4 };
		struct kprobe again = { .symbol_name = "victim_sum",
					.pre_handler = count };

		host_kernel_optimize(ways[i]);
		REQUIRE(module_load("victim", "") == 0);
		REQUIRE(register_kprobe(&p) == 0);
		REQUIRE(register_kretprobe(&rp) == 0);
		CHECK_EQ(module_unload("victim"), 0);
		CHECK(p.flags & KPROBE_FLAG_GONE);
		CHECK(rp.kp.flags & KPROBE_FLAG_GONE);
		CHECK_EQ(enable_kprobe(&p), -TL_EINVAL);

		/* At the same place, most likely; the old ones are not in it. */
		REQUIRE(module_load("victim", "") == 0);
		hits = returns = 0;
		CHECK_EQ(sum(40, 2), 42);
		CHECK_EQ(hits + returns, 0);
		REQUIRE(register_kprobe(&again) == 0);
		CHECK_EQ(sum(40, 2), 42);
		CHECK_EQ(hits, 1);
		unregister_kprobe(&p);
		unregister_kretprobe(&rp);
		CHECK_EQ(sum(40, 2), 42);
		CHECK_EQ(hits, 2);
		unregister_kprobe(&again);
		CHECK_EQ(sum(40, 2), 42);
		CHECK_EQ(hits, 2);
		CHECK_EQ(module_unload("victim"), 0);
	}
	host_kernel_optimize(true);
}

/* ---- modules in the manner of Linux ---------------------------------------------- */

TL_TEST(a_linux_module_follows_what_its_parameter_names)
{
	long first = 0;

	REQUIRE(module_load("victim", "") == 0);
	REQUIRE(module_load("kmod_count", "symbol=victim_sum add=5") == 0);
	for (long n = 0; n < 100; n++) {
		CHECK_EQ(sum(n, 1), n + 1);
		first += n;
	}
	CHECK_EQ(call1("kmod_count_hits"), 100);
	CHECK_EQ(call1("kmod_count_returns"), 100);
	CHECK_EQ(call1("kmod_count_sum"), 2 * first + 100 + 500);
	CHECK_EQ(module_unload("kmod_count"), 0);
	CHECK_EQ(call1("kmod_count_hits"), -1);
	CHECK_EQ(sum(1, 1), 2);
	CHECK_EQ(module_unload("victim"), 0);
}

TL_TEST(a_linux_module_follows_system_calls_of_tasks)
{
	REQUIRE(module_load("kmod_count", "symbol=sys_getpid") == 0);
	CHECK_EQ(run_programs("calls", "1000", 4), 0);
	CHECK_EQ(call1("kmod_count_hits"), 4000);
	CHECK_EQ(call1("kmod_count_returns"), 4000);
	CHECK_EQ(module_unload("kmod_count"), 0);
}

TL_TEST(modules_of_the_examples_load_unchanged)
{
	size_t before = 0;

	for (int i = 0; i < 3; i++) {
		if (i == 1)
			before = page_nr_free();
		REQUIRE(module_load("victim", "") == 0);
		CHECK_EQ(module_load("count_calls",
				     "functions=victim_sum,sys_getpid"),
			 0);
		CHECK_EQ(module_load("time_call", "func=victim_sum"), 0);
		CHECK_EQ(module_load("watch_call", "symbol=victim_sum"), 0);
		CHECK_EQ(sum(1, 2), 3);
		CHECK_EQ(module_unload("watch_call"), 0);
		CHECK_EQ(module_unload("time_call"), 0);
		CHECK_EQ(module_unload("count_calls"), 0);
		CHECK_EQ(module_unload("victim"), 0);
	}
	CHECK_EQ(page_nr_free(), before);
}

TL_TEST(a_linux_module_watches_a_variable)
{
	REQUIRE(module_load("kmod_watches", "") == 0);
	CHECK_EQ(call1("kmod_watches_hits"), 0);
	for (long n = 1; n <= 10; n++) {
		CHECK_EQ(call1("kmod_watches_write"), n);
		CHECK_EQ(call1("kmod_watches_hits"), n);
	}
	CHECK_EQ(call1("kmod_watches_nobody"), -TL_ESRCH);
	CHECK_EQ(module_unload("kmod_watches"), 0);
}

TL_TEST(parameters_that_are_wrong_are_refused)
{
	CHECK_EQ(module_load("kmod_count", "what=1"), -TL_ENOENT);
	CHECK_EQ(module_load("kmod_count", "add=many"), -TL_EINVAL);
	CHECK_EQ(module_load("kmod_count", "symbol=nobody_at_all"), -TL_ENOENT);
	CHECK_EQ(module_load("count_calls", ""), -TL_EINVAL);
	CHECK(!module_get("kmod_count"));
}

TL_TEST(a_module_with_a_forgotten_probe_stays)
{
	REQUIRE(module_load("kmod_forgets", "") == 0);
	CHECK_EQ(module_unload("kmod_forgets"), -EBUSY);
	CHECK(!module_get("kmod_forgets"));
	CHECK_EQ(run_program("calls", "100"), 0);
	CHECK_EQ(module_unload("kmod_forgets"), -EBUSY);
	CHECK_EQ(module_load("kmod_forgets", ""), -EEXIST);
	call1("kmod_forgets_remind");
	CHECK_EQ(module_unload("kmod_forgets"), 0);
	CHECK_EQ(module_unload("kmod_forgets"), -ENOENT);
}

/* ---- under load ------------------------------------------------------------------- */

static atomic_bool over;
static _Atomic unsigned long calls, bad;

/* Call a function of the module whenever that is there. */
static void call_module(void *arg)
{
	long n = (long)(uintptr_t)arg;

	for (; !over; n++) {
		struct module *m = module_get("victim");

		if (m) {
			bad += sum(n, 7) != n + 7;
			calls++;
			module_put(m);
		}
		thread_yield();
	}
}

/* Not there; or there when its name was looked up, or when it was planned. */
static bool is_bad(int err)
{
	return err && err != -TL_ENOENT && err != -TL_EINVAL &&
	       err != -TL_EBUSY;
}

static void probe_module(void *arg)
{
	(void)arg;
	while (!over) {
		struct kprobe p = { .symbol_name = "victim_sum",
				    .pre_handler = count };
		struct kretprobe rp = { .kp.symbol_name = "victim_sum",
					.handler = count_return,
					.maxactive = 32 };
		int err = register_kprobe(&p);
		int rerr = register_kretprobe(&rp);

		if (is_bad(err) || is_bad(rerr))
			tl_test_note("refused with",
				     is_bad(err) ? -err : -rerr);
		bad += is_bad(err) + is_bad(rerr);
		thread_sleep_ms(1);
		if (!err)
			unregister_kprobe(&p);
		if (!rerr)
			unregister_kretprobe(&rp);
	}
}

TL_TEST(modules_come_and_go_under_load_with_probes_in_them)
{
	unsigned int rounds = 60 * tl_test_scale;
	struct thread *t[6];

	over = false;
	hits = returns = calls = bad = 0;
	for (uintptr_t i = 0; i < TL_ARRAY_SIZE(t); i++) {
		t[i] = thread_start("load", i < 4 ? call_module : probe_module,
				    (void *)i, ALL_CPUS);
		REQUIRE(t[i]);
	}
	for (unsigned int i = 0; i < rounds; i++) {
		unsigned long seen = hits, seen_returns = returns;

		CHECK_EQ(module_load("victim", ""), 0);
		for (int ms = i % 3 ? 1 : 50; ms; ms--)
			if (hits == seen || returns == seen_returns)
				thread_sleep_ms(1);
		while (module_unload("victim"))
			thread_yield();
	}
	over = true;
	for (size_t i = 0; i < TL_ARRAY_SIZE(t); i++)
		thread_join(t[i]);
	CHECK_EQ(bad, 0);
	CHECK(calls > rounds && hits > 0 && returns > 0);
}
