/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * hw_breakpoint.c - hardware breakpoints: who gets a register, and what is asked for
 */
#include "bp_fixture.h"

static struct counted k[5], u[5];

static int add_kernel(unsigned int i)
{
	k[i] = watched(K(i));
	return register_kernel_hw_breakpoint(&k[i].bp);
}

static int add_user(unsigned int i, unsigned int t)
{
	u[i] = watched(U(i));
	return register_user_hw_breakpoint(&u[i].bp, &thread[t]);
}

TL_TEST(kernel_breakpoints_are_on_every_cpu_from_the_top)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_kernel(1), 0);
	for (sim.cpu = 0; sim.cpu < SIM_CPUS; sim.cpu++) {
		CHECK_EQ(sim.dr[sim.cpu][3], K(0));
		CHECK_EQ(sim.dr[sim.cpu][2], K(1));
		CHECK_EQ(sim.dr[sim.cpu][7],
			 2ul << 6 | 2ul << 4 | 9ul << 28 | 9ul << 24);
		write_to(K(0) + 7);
		write_to(K(0) + 8);
		write_to(K(1) - 1);
		access_with(K(1), 8, 'r', 0);
	}
	sim.cpu = 0;
	CHECK_EQ(k[0].hits, SIM_CPUS);
	CHECK_EQ(k[1].hits, 0);
	CHECK_EQ(signals, 0);
	bp_finish();
	CHECK(!k[0].bp.serial && !k[1].bp.serial);
}

TL_TEST(a_threads_breakpoints_are_where_it_runs_from_the_bottom)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_user(0, 1), 0);
	CHECK_EQ(add_user(1, 1), 0);
	CHECK_EQ(sim.dr[1][0], U(0));
	CHECK_EQ(sim.dr[1][1], U(1));
	CHECK_EQ(sim.dr[1][7] & 0xff, 2 << 6 | 1 << 2 | 1);
	CHECK_EQ(sim.dr[0][7] & 0xff, 2 << 6);
	sim.cpu = 1;
	write_to(U(1));
	sim.cpu = 2;
	write_to(U(1));
	CHECK_EQ(u[1].hits, 1);
	sim.cpu = 0;
	bp_finish();
}

TL_TEST(a_fifth_breakpoint_gives_enospc)
{
	bp_start();
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(add_kernel(i), 0);
	CHECK_EQ(add_kernel(4), -TL_ENOSPC);
	CHECK_EQ(k[4].bp.serial, 0);
	CHECK_EQ(add_user(0, 0), -TL_ENOSPC);
	CHECK(!thread[0].state);
	unregister_hw_breakpoint(&k[2].bp);
	CHECK_EQ(add_kernel(4), 0);
	bp_finish();
}

/* The @n-th order of four. */
static void order_of(unsigned int n, unsigned int order[4])
{
	unsigned int left[4] = { 0, 1, 2, 3 };

	for (unsigned int i = 4; i; n /= i, i--) {
		order[4 - i] = left[n % i];
		memmove(&left[n % i], &left[n % i + 1],
			(i - 1 - n % i) * sizeof(left[0]));
	}
}

static void check_each_hit_once(const bool gone[4], unsigned int n_users)
{
	for (unsigned int i = 0; i < 4; i++) {
		k[i].hits = 0;
		write_to(K(i));
		CHECK_EQ(k[i].hits, !gone[i]);
	}
	for (unsigned int i = 0; i < n_users; i++) {
		u[i].hits = 0;
		write_to(U(i));
		CHECK_EQ(u[i].hits, 1);
	}
}

TL_TEST(any_of_four_goes_and_a_thread_takes_its_register_at_once)
{
	for (unsigned int n = 0; n < 24; n++) {
		unsigned int order[4];
		bool gone[4] = { false };

		bp_start();
		order_of(n, order);
		for (unsigned int i = 0; i < 4; i++)
			CHECK_EQ(add_kernel(i), 0);
		for (unsigned int i = 0; i < 4; i++) {
			unregister_hw_breakpoint(&k[order[i]].bp);
			gone[order[i]] = true;
			check_each_hit_once(gone, i);
			CHECK_EQ(add_user(i, 0), 0);
			check_each_hit_once(gone, i + 1);
			CHECK_EQ(add_kernel(4), -TL_ENOSPC);
		}
		bp_finish();
	}
}

TL_TEST(threads_do_not_add_up)
{
	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(add_user(1, 0), 0);
	CHECK_EQ(add_user(2, 1), 0);
	CHECK_EQ(add_user(3, 5), 0); /* one that does not run */
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_kernel(1), 0);
	CHECK_EQ(add_kernel(2), -TL_ENOSPC);
	CHECK_EQ(add_user(4, 0), -TL_ENOSPC);
	CHECK_EQ(add_user(4, 1), 0); /* its second */
	unregister_hw_breakpoint(&u[0].bp);
	CHECK_EQ(add_kernel(2), -TL_ENOSPC);
	unregister_hw_breakpoint(&u[2].bp);
	CHECK_EQ(add_kernel(2), 0);
	bp_finish();
}

TL_TEST(what_a_sleeping_thread_holds_is_refused_at_once)
{
	bp_start();
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(add_user(i, 6), 0);
	CHECK_EQ(add_kernel(0), -TL_ENOSPC);
	switch_to(6);
	for (unsigned int i = 0; i < 4; i++)
		write_to(U(i));
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(u[i].hits, 1);
	bp_finish();
}

TL_TEST(one_round_of_interrupts_for_one_registration)
{
	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(sim.calls[SIM_CALL_EACH_CPU], 1);
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(sim.calls[SIM_CALL_EACH_CPU], 2);
	unregister_hw_breakpoint(&k[0].bp);
	CHECK_EQ(sim.calls[SIM_CALL_EACH_CPU], 3);
	bp_finish();
}

TL_TEST(a_cpu_that_comes_up_later_has_the_kernels)
{
	bp_start();
	sim.cpus_off = 4;
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(sim.dr[2][7], 0);
	sim.cpus_off = 0;
	sim.cpu = 2;
	memset(sim.dr[2], 0xff, sizeof(sim.dr[2])); /* as it comes */
	tl_bp_cpu_online();
	write_to(K(0));
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(sim.dr[2][7], sim.dr[0][7]);
	/* And again: what it had is forgotten. */
	memset(sim.dr[2], 0, sizeof(sim.dr[2]));
	tl_bp_cpu_online();
	write_to(K(0));
	CHECK_EQ(k[0].hits, 2);
	sim.cpu = 0;
	bp_finish();
}

/* ---- validation --------------------------------------------------------------- */

#define W  HW_BREAKPOINT_W
#define RW HW_BREAKPOINT_RW
#define R  HW_BREAKPOINT_R
#define X  HW_BREAKPOINT_X

static const struct {
	const char *name;
	uintptr_t addr;
	unsigned int len, type;
	int err;
} rows[] = {
	{ "byte", K(0) + 1, 1, W, 0 },
	{ "two", K(0) + 2, 2, RW, 0 },
	{ "four", K(0) + 4, 4, W, 0 },
	{ "eight", K(0) + 8, 8, RW, 0 },
	{ "two, odd", K(0) + 1, 2, W, -TL_EINVAL },
	{ "four at two", K(0) + 2, 4, W, -TL_EINVAL },
	{ "eight at four", K(0) + 4, 8, W, -TL_EINVAL },
	{ "none", K(0), 0, W, -TL_EINVAL },
	{ "three", K(0), 3, W, -TL_EINVAL },
	{ "sixteen", K(0), 16, W, -TL_EOPNOTSUPP },
	{ "sixteen at eight", K(0) + 8, 16, W, -TL_EINVAL },
	{ "read", K(0), 8, R, -TL_EINVAL },
	{ "no type", K(0), 8, 0, -TL_EINVAL },
	{ "all types", K(0), 8, 7, -TL_EINVAL },
	{ "write and execute", K(0), 8, W | X, -TL_EINVAL },
	{ "execute", K(0) + 1, 8, X, 0 },
	{ "execute a byte", K(0), 1, X, -TL_EINVAL },
	{ "execute four", K(0), 4, X, -TL_EINVAL },
	{ "the user's", U(0), 8, W, -TL_EINVAL },
	{ "the user's, execute", U(0), 8, X, -TL_EINVAL },
	{ "the first of the kernel", SIM_KERNEL_START, 8, W, 0 },
	{ "before it", SIM_KERNEL_START - 8, 8, W, -TL_EINVAL },
	{ "the last", -8ul, 8, W, 0 },
	{ "the last byte", -1ul, 8, X, 0 },
	{ "that cannot be watched", K(100), 1, W, -TL_EINVAL },
	{ "that reaches there", K(100) - 8, 8, W, -TL_EINVAL },
	{ "before that", K(100) - 16, 8, W, 0 },
	{ "behind that", K(100) + 1, 1, W, 0 },
};

TL_TEST(a_breakpoint_that_cannot_be_is_refused_with_its_code)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct counted c =
			counted(rows[i].addr, rows[i].len, rows[i].type);

		ROW(rows[i].name);
		bp_start();
		sim.unwatchable = K(100) - 4;
		sim.unwatchable_end = K(100) + 1;
		CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), rows[i].err);
		CHECK_EQ(!c.bp.serial, !!rows[i].err);
		CHECK_EQ(debugger(0, 0, rows[i].addr), 0);
		bp_finish();
	}
}

static const struct {
	const char *name;
	uintptr_t addr;
	unsigned int len, type;
	int err;
} user_rows[] = {
	{ "inside", U(0), 8, W, 0 },
	{ "the kernel's", K(0), 8, W, -TL_EINVAL },
	{ "in no range", SIM_USER_END + 64, 8, W, -TL_EINVAL },
	{ "the last", SIM_USER_END - 8, 8, W, 0 },
	{ "the last code", SIM_USER_END - 1, 8, X, 0 },
	{ "behind", SIM_USER_END, 1, W, -TL_EINVAL },
	{ "wraps", -4ul, 8, W, -TL_EINVAL },
};

TL_TEST(a_threads_breakpoint_is_in_the_users_range)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(user_rows); i++) {
		struct counted c = counted(user_rows[i].addr, user_rows[i].len,
					   user_rows[i].type);

		ROW(user_rows[i].name);
		bp_start();
		CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[0]),
			 user_rows[i].err);
		bp_finish();
	}
}

/* A range that ends where no multiple of the length does. */
TL_TEST(a_breakpoint_that_crosses_into_the_other_range_gives_einval)
{
	struct counted c = counted(0x10000ul - 8, 8, W);

	bp_start();
	sim_debug_ops.user_end = 0x10000 - 4;
	sim_debug_ops.kernel_start = 0x10000 - 4;
	CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[0]), -TL_EINVAL);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	bp_finish();
}

TL_TEST(a_structure_that_says_too_little_or_too_much_gives_einval)
{
	struct counted c = watched(K(0));

	bp_start();
	c.bp.triggered = NULL;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[0]), -TL_EINVAL);
	c = watched(0);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	c = watched(K(0));
	c.bp.symbol_name = "word";
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	c = watched(K(0));
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[0]), -TL_EINVAL);
	bp_finish();
}

TL_TEST(a_symbol_will_do_and_an_unknown_one_gives_enoent)
{
	struct counted c = watched(0);

	bp_start();
	sim_function("word", K(3), 8);
	c.bp.symbol_name = "word";
	c.bp.offset = 8;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	write_to(K(3) + 8);
	CHECK_EQ(c.hits, 1);
	unregister_hw_breakpoint(&c.bp);
	c.bp.symbol_name = "no such word";
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_ENOENT);
	bp_finish();
}

TL_TEST(the_engines_own_data_cannot_be_watched)
{
	struct counted c;

	bp_start();
	sim_debug_ops.kernel_start = 0;
	c = counted((uintptr_t)&tl_host_ops, 8, RW);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	c = counted((uintptr_t)&sim_debug_ops.cpu, 8, RW);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	c = counted((uintptr_t)&tl_trap_debug, 8, X);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EINVAL);
	c = counted((uintptr_t)&c, 8, RW);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	bp_finish();
}

TL_TEST(a_home_without_debug_registers_gives_eopnotsupp)
{
	struct counted c = watched(K(0));
	unsigned long value, status = DR6_STEP | 1;
	struct pt_regs regs = { 0 };

	bp_start();
	sim_ops.debug = NULL;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EOPNOTSUPP);
	CHECK_EQ(register_user_hw_breakpoint(&c.bp, &thread[0]),
		 -TL_EOPNOTSUPP);
	CHECK_EQ(debugger(0, 0, 1), -TL_EOPNOTSUPP);
	CHECK_EQ(tl_bp_debugger_read(&thread[0], 0, &value), -TL_EOPNOTSUPP);
	CHECK_EQ(tl_bp_fork(&thread[0], &thread[1]), 0);
	tl_bp_core(&thread[0], &value, 1);
	CHECK_EQ(value, 0);
	tl_bp_flush(&thread[0]);
	tl_bp_load();
	tl_bp_cpu_online();
	CHECK_EQ(tl_trap_debug(&regs, &status), 0);
	CHECK_EQ(status, DR6_STEP | 1);
	bp_finish();
}

/* ---- modification ----------------------------------------------------------------- */

TL_TEST(modify_moves_it_and_an_error_leaves_it_as_it_was)
{
	struct hw_breakpoint to = watched(K(4)).bp;
	struct hw_breakpoint bad = counted(K(4), 3, W).bp;

	bp_start();
	CHECK_EQ(add_kernel(0), 0);
	CHECK_EQ(add_kernel(1), 0);
	CHECK_EQ(modify_hw_breakpoint(&k[0].bp, &bad), -TL_EINVAL);
	write_to(K(0));
	CHECK_EQ(k[0].hits, 1);
	CHECK_EQ(modify_hw_breakpoint(&k[0].bp, &to), 0);
	CHECK_EQ(sim.dr[0][3], K(4));
	write_to(K(0));
	write_to(K(4));
	write_to(K(1));
	CHECK_EQ(k[0].hits, 2);
	CHECK_EQ(k[1].hits, 1);
	CHECK(k[0].bp.addr == (void *)K(4));
	unregister_hw_breakpoint(&k[0].bp);
	CHECK_EQ(modify_hw_breakpoint(&k[0].bp, &to), -TL_EINVAL);
	bp_finish();
}

TL_TEST(modify_of_a_threads_breakpoint_keeps_to_its_range)
{
	struct hw_breakpoint to = counted(U(3), 4, RW).bp;
	struct hw_breakpoint bad = watched(K(0)).bp;

	bp_start();
	CHECK_EQ(add_user(0, 0), 0);
	CHECK_EQ(modify_hw_breakpoint(&u[0].bp, &bad), -TL_EINVAL);
	CHECK_EQ(modify_hw_breakpoint(&u[0].bp, &to), 0);
	access_with(U(3), 4, 'r', 0);
	CHECK_EQ(u[0].hits, 1);
	bp_finish();
}

/* ---- what fails ---------------------------------------------------------------------- */

TL_TEST(no_memory_gives_enomem_and_changes_nothing)
{
	for (unsigned long n = 1; n <= 2; n++) {
		bp_start();
		sim_fail(SIM_CALL_ALLOC, n);
		CHECK_EQ(add_user(0, 0), -TL_ENOMEM);
		CHECK(!thread[0].state);
		CHECK_EQ(sim.dr[0][7], 0);
		CHECK_EQ(add_user(0, 0), 0);
		bp_finish();
	}
	bp_start();
	sim_fail(SIM_CALL_ALLOC, 1);
	CHECK_EQ(add_kernel(0), -TL_ENOMEM);
	CHECK_EQ(add_kernel(0), 0);
	sim_fail(SIM_CALL_ALLOC, 1);
	CHECK_EQ(debugger(0, 0, 1), -TL_ENOMEM);
	CHECK_EQ(shown(0, 0), 0);
	bp_finish();
}

TL_TEST(an_unregistered_one_may_be_unregistered_and_registered_again)
{
	bp_start();
	k[0] = watched(K(0));
	unregister_hw_breakpoint(&k[0].bp);
	for (unsigned int i = 0; i < 10; i++) {
		CHECK_EQ(register_kernel_hw_breakpoint(&k[0].bp), 0);
		unregister_hw_breakpoint(&k[0].bp);
		unregister_hw_breakpoint(&k[0].bp);
		CHECK_EQ(register_user_hw_breakpoint(&k[0].bp, &thread[0]),
			 -TL_EINVAL);
	}
	write_to(K(0));
	CHECK_EQ(k[0].hits, 0);
	CHECK_EQ(exceptions, 0);
	bp_finish();
}

/* ---- probes nearby ---------------------------------------------------------------------- */

/* lea 3(%rdi),%rax; add $4,%rax; xor %edx,%edx; ret */
static const uint8_t code[] = { 0x48, 0x8d, 0x47, 0x03, 0x48, 0x83,
				0xc0, 0x04, 0x31, 0xd2, 0xc3, 0x55 };

static int nothing(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

static void start_code(void)
{
	bp_start();
	memcpy(sim_text, code, sizeof(code));
	sim_function("f", (uintptr_t)sim_text, 11);
	sim_debug_ops.kernel_start = 0;
}

TL_TEST(no_jump_covers_the_instruction_of_a_breakpoint)
{
	struct kprobe p = { .addr = sim_text, .pre_handler = nothing };
	struct counted c;

	start_code();
	p.addr = sim_text;
	c = counted((uintptr_t)sim_text + 4, 8, X);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(sim_text[0], 0xe9);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(sim_text[0], 0xcc);
	CHECK_EQ(sim_text[4], 0x48);
	unregister_hw_breakpoint(&c.bp);
	CHECK_EQ(sim_text[0], 0xe9);

	/* The first instruction is at the jump. */
	c.bp.addr = sim_text;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(sim_text[0], 0xe9);
	unregister_kprobe(&p);

	/* The other way round. */
	unregister_hw_breakpoint(&c.bp);
	c.bp.addr = sim_text + 4;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(sim_text[0], 0xcc);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_OTHER_PROBE);
	unregister_kprobe(&p);
	bp_finish();
}

TL_TEST(a_probe_that_must_be_a_jump_and_a_breakpoint_inside_give_ebusy)
{
	struct kprobe p = { .flags = KPROBE_FLAG_JUMP_ONLY,
			    .pre_handler = nothing };
	struct counted c;
	struct hw_breakpoint to;

	start_code();
	p.addr = sim_text;
	c = counted((uintptr_t)sim_text + 4, 8, X);
	to = c.bp;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), -TL_EBUSY);
	CHECK_EQ(sim_text[0], 0xe9);
	CHECK_EQ(sim.dr[0][7], 0);
	c.bp.addr = sim_text;
	CHECK_EQ(register_kernel_hw_breakpoint(&c.bp), 0);
	CHECK_EQ(modify_hw_breakpoint(&c.bp, &to), -TL_EBUSY);
	CHECK_EQ(sim.dr[0][3], (uintptr_t)sim_text);
	CHECK_EQ(sim_text[0], 0xe9);
	unregister_kprobe(&p);
	bp_finish();
}
