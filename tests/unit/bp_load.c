/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * bp_load.c - a home that loads the registers itself, and may not be able to
 */
#include "bp_fixture.h"

#define X HW_BREAKPOINT_X

/* What each CPU watches, and how many loads go well before one does not. */
static struct tl_debug_want now[SIM_CPUS][4];
static unsigned int loads, good_loads;

static int load(const struct tl_debug_want *want, unsigned int n)
{
	unsigned int on = 0, was = 0;

	CHECK_EQ(n, 4);
	for (unsigned int i = 0; i < 4; i++) {
		on += want[i].type != HW_BREAKPOINT_EMPTY;
		was += now[sim.cpu][i].type != HW_BREAKPOINT_EMPTY;
	}
	/* Less can always be had, and other things in the same number. */
	if (on > was && loads++ >= good_loads)
		return -TL_ENOSPC;
	memcpy(now[sim.cpu], want, sizeof(now[0]));
	return 0;
}

static unsigned int watched_on(unsigned int cpu)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 4; i++)
		n += now[cpu][i].type != HW_BREAKPOINT_EMPTY;
	return n;
}

static void start(void)
{
	bp_start();
	sim_debug_ops.load = load;
	sim_debug_ops.write = NULL;
	sim_debug_ops.read = NULL;
	sim_debug_ops.kernel_start = 0;
	memset(now, 0, sizeof(now));
	loads = 0;
	good_loads = 1000;
}

static void finish(void)
{
	bp_finish();
	for (unsigned int i = 0; i < SIM_CPUS; i++)
		CHECK_EQ(watched_on(i), 0);
}

/* Something is written on this CPU: what the home finds is reported. */
static void write_at(uintptr_t addr)
{
	struct pt_regs regs = { .ip = 0x1234 };
	unsigned int hits = 0;

	for (unsigned int i = 0; i < 4; i++)
		if (now[sim.cpu][i].type && now[sim.cpu][i].addr == addr)
			hits |= 1u << i;
	if (hits && (tl_trap_watched(&regs, hits) & TL_DEBUG_SIGNAL))
		signals++;
}

TL_TEST(each_cpu_is_loaded_and_hits_are_reported)
{
	struct counted all = watched(U(0)), one = watched(U(1));

	start();
	CHECK_EQ(register_kernel_hw_breakpoint(&all.bp), 0);
	CHECK_EQ(register_user_hw_breakpoint(&one.bp, &thread[1]), 0);
	for (sim.cpu = 0; sim.cpu < SIM_CPUS; sim.cpu++) {
		CHECK_EQ(watched_on(sim.cpu), sim.cpu == 1 ? 2 : 1);
		CHECK_EQ(now[sim.cpu][3].addr, U(0));
		CHECK_EQ(now[sim.cpu][3].len, 8);
		CHECK_EQ(now[sim.cpu][3].type, HW_BREAKPOINT_W);
		write_at(U(0));
		write_at(U(1));
	}
	sim.cpu = 0;
	CHECK_EQ(all.hits, SIM_CPUS);
	CHECK_EQ(one.hits, 1);
	CHECK_EQ(signals, 1);
	finish();
}

/* The registers of CPU @at cannot be had. */
static void fails_at(unsigned int at, struct tl_bp_thread *of)
{
	struct counted old = watched(U(0)), new = watched(U(1));

	start();
	CHECK_EQ(register_kernel_hw_breakpoint(&old.bp), 0);
	loads = 0;
	good_loads = at;
	CHECK_EQ(of ? register_user_hw_breakpoint(&new.bp, of)
		    : register_kernel_hw_breakpoint(&new.bp),
		 -TL_ENOSPC);
	CHECK_EQ(new.bp.serial, 0);
	for (sim.cpu = 0; sim.cpu < SIM_CPUS; sim.cpu++) {
		CHECK_EQ(watched_on(sim.cpu), 1);
		write_at(U(0));
		write_at(U(1));
	}
	sim.cpu = 0;
	CHECK_EQ(old.hits, SIM_CPUS);
	CHECK_EQ(new.hits, 0);
	CHECK(!of || !of->state);

	/* When the others are gone, they can. */
	good_loads = 1000;
	CHECK_EQ(register_kernel_hw_breakpoint(&new.bp), 0);
	write_at(U(1));
	CHECK_EQ(new.hits, 1);
	finish();
}

TL_TEST(registers_that_cannot_be_had_on_some_cpu_change_nothing)
{
	for (unsigned int at = 0; at < SIM_CPUS; at++)
		fails_at(at, NULL);
	fails_at(0, &thread[2]);
}

TL_TEST(as_many_as_fit_by_number_are_asked_for)
{
	struct counted c[5];

	start();
	for (unsigned int i = 0; i < 4; i++) {
		c[i] = watched(U(i));
		CHECK_EQ(register_kernel_hw_breakpoint(&c[i].bp), 0);
	}
	loads = 0;
	c[4] = watched(U(4));
	CHECK_EQ(register_kernel_hw_breakpoint(&c[4].bp), -TL_ENOSPC);
	CHECK_EQ(loads, 0);
	finish();
}

TL_TEST(a_cpu_that_comes_up_says_what_it_could_not_load)
{
	struct counted c = watched(U(0));

	start();
	sim.cpus_off = 1u << 3;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(watched_on(3), 0);
	sim.cpus_off = 0;
	sim.cpu = 3;
	good_loads = 0;
	CHECK_EQ(tl_bp_cpu_online(), -TL_ENOSPC);
	good_loads = 1000;
	CHECK_EQ(tl_bp_cpu_online(), 0);
	write_at(U(0));
	CHECK_EQ(c.hits, 1);
	sim.cpu = 0;
	finish();
}

TL_TEST(a_hit_of_what_was_taken_away_is_nobodys)
{
	struct counted c = watched(U(0));
	struct pt_regs regs = { .ip = 0x1234 };

	start();
	CHECK_EQ(tl_trap_watched(&regs, 8), 0);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	unregister_hw_breakpoint(&c.bp);
	CHECK_EQ(tl_trap_watched(&regs, 8), 0);
	CHECK_EQ(tl_trap_watched(&regs, 1), 0);
	CHECK_EQ(c.hits, 0);
	finish();
}

static bool stuck;

static int load_unless_stuck(const struct tl_debug_want *want, unsigned int n)
{
	return stuck ? -TL_EBUSY : load(want, n);
}

TL_TEST(what_is_unregistered_is_not_called_where_a_register_cannot_be_cleared)
{
	struct counted c = watched(U(0)), other = watched(U(1));

	start();
	sim_debug_ops.load = load_unless_stuck;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(register_kernel_hw_breakpoint(&other.bp), 0);
	stuck = true;
	unregister_hw_breakpoint(&c.bp);
	CHECK_EQ(c.bp.serial, 0);
	write_at(U(0));
	write_at(U(1));
	CHECK_EQ(c.hits, 0);
	CHECK_EQ(other.hits, 1);
	stuck = false;

	/* There is one register less in use, and the next one gets it. */
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(watched_on(0), 2);
	write_at(U(0));
	CHECK_EQ(c.hits, 1);

	/* All at once, in vain. */
	stuck = true;
	CHECK_EQ(tl_remove_all(), 0);
	write_at(U(0));
	write_at(U(1));
	CHECK_EQ(c.hits, 1);
	CHECK_EQ(other.hits, 1);
	stuck = false;
	memset(now, 0, sizeof(now));
	finish();
}

/* ---- probes nearby ----------------------------------------------------------------- */

/* lea 3(%rdi),%rax; add $4,%rax; xor %edx,%edx; ret */
static const uint8_t code[] = { 0x48, 0x8d, 0x47, 0x03, 0x48, 0x83,
				0xc0, 0x04, 0x31, 0xd2, 0xc3, 0x55 };

static int nothing(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

TL_TEST(no_jump_covers_the_instruction_of_a_threads_breakpoint)
{
	struct kprobe p = { .pre_handler = nothing };
	struct counted c;

	start();
	memcpy(sim_text, code, sizeof(code));
	sim_function("f", (uintptr_t)sim_text, 11);
	sim_debug_ops.user_end = ~0ul;
	p.addr = sim_text;
	c = counted((uintptr_t)sim_text + 4, 8, X);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(sim_text[0], 0xe9);
	CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[2]), 0);
	CHECK_EQ(sim_text[0], 0xcc);
	unregister_hw_breakpoint(&c.bp);
	CHECK_EQ(sim_text[0], 0xe9);
	unregister_kprobe(&p);

	p.flags = KPROBE_FLAG_JUMP_ONLY;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[2]), -TL_EBUSY);
	CHECK_EQ(sim_text[0], 0xe9);
	CHECK(!thread[2].state);
	for (unsigned int i = 0; i < SIM_CPUS; i++)
		CHECK_EQ(watched_on(i), 0);
	unregister_kprobe(&p);
	finish();
}
