/* SPDX-License-Identifier: MIT */
/* link: engine x86 x86-insn host-sim */
/*
 * bp_random.c - hardware breakpoints against a model that has no registers
 *
 * Whatever is registered, written by debuggers, flushed and switched in whatever
 * order: each access hits what is there for it, once, and each request is
 * refused exactly if it does not fit.
 */
#include "bp_fixture.h"

#define SPOTS 6

/* What there should be. */
static struct {
	bool kernel[SPOTS];
	bool user[THREADS][SPOTS];
	bool named[THREADS][4];	     /* by the debugger, enabled */
	unsigned int at[THREADS][4]; /* the spot that it was enabled with */
	unsigned int status[THREADS];
	int runs[SIM_CPUS]; /* the thread there */
	unsigned int kernel_hits[SPOTS], user_hits[THREADS][SPOTS], signals;
} want;

static struct counted k[SPOTS], u[THREADS][SPOTS];
static uint64_t seed;
static unsigned int refused, done;

static unsigned int any(unsigned int n)
{
	return (unsigned int)(tl_test_random(&seed) >> 33) % n;
}

static unsigned int n_kernel(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SPOTS; i++)
		n += want.kernel[i];
	return n;
}

static unsigned int n_user(unsigned int t)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SPOTS; i++)
		n += want.user[t][i];
	return n;
}

static unsigned int n_held(unsigned int t)
{
	unsigned int n = n_user(t);

	for (unsigned int i = 0; i < 4; i++)
		n += want.named[t][i];
	return n;
}

static unsigned int most_held(void)
{
	unsigned int most = 0;

	for (unsigned int t = 0; t < THREADS; t++)
		if (n_held(t) > most)
			most = n_held(t);
	return most;
}

static bool outcome(int err, bool fits)
{
	CHECK_EQ(err, fits ? 0 : -TL_ENOSPC);
	refused += !fits;
	done += fits;
	return fits;
}

static void change_kernel(void)
{
	unsigned int i = any(SPOTS);

	if (want.kernel[i]) {
		unregister_hw_breakpoint(&k[i].bp);
		want.kernel[i] = false;
		return;
	}
	k[i] = watched(K(i));
	want.kernel_hits[i] = 0;
	want.kernel[i] = outcome(register_kernel_hw_breakpoint(&k[i].bp),
				 n_kernel() + most_held() < 4);
}

static void change_user(void)
{
	unsigned int t = any(THREADS), i = any(SPOTS);

	if (want.user[t][i]) {
		unregister_hw_breakpoint(&u[t][i].bp);
		want.user[t][i] = false;
		return;
	}
	u[t][i] = watched(U(i));
	want.user_hits[t][i] = 0;
	want.user[t][i] =
		outcome(register_user_hw_breakpoint(&u[t][i].bp, &thread[t]),
			n_held(t) + n_kernel() < 4);
}

/* Addresses always; then what of them is on. */
static void use_debugger(void)
{
	unsigned int t = any(THREADS), mask = any(16), at[4];
	unsigned long control = 0;

	for (unsigned int n = 0; n < 4; n++) {
		at[n] = any(SPOTS);
		CHECK_EQ(debugger(t, n, U(at[n])), 0);
		if (mask >> n & 1)
			control |= ENABLE(n, W8);
	}
	if (!outcome(debugger(t, 7, control),
		     n_user(t) + (unsigned)__builtin_popcount(mask) +
				     n_kernel() <=
			     4))
		return;
	for (unsigned int n = 0; n < 4; n++) {
		want.named[t][n] = mask >> n & 1;
		want.at[t][n] = at[n];
	}
}

static void flush(void)
{
	unsigned int t = any(THREADS);

	tl_bp_flush(&thread[t]);
	want.status[t] = 0;
	for (unsigned int i = 0; i < SPOTS; i++)
		want.user[t][i] = false;
	for (unsigned int n = 0; n < 4; n++)
		want.named[t][n] = false;
}

static void switch_any(void)
{
	int t = (int)any(THREADS);

	for (unsigned int i = 0; i < SIM_CPUS; i++)
		if (want.runs[i] == t)
			return;
	sim.cpu = any(SIM_CPUS);
	want.runs[sim.cpu] = t;
	switch_to(t);
}

static void touch_kernel(void)
{
	unsigned int i = any(SPOTS);

	sim.cpu = any(SIM_CPUS);
	write_to(K(i));
	want.kernel_hits[i] += want.kernel[i];
	CHECK_EQ(k[i].hits, want.kernel_hits[i]);
}

static void touch_user(void)
{
	unsigned int i = any(SPOTS), t;
	bool signal;

	sim.cpu = any(SIM_CPUS);
	t = (unsigned int)want.runs[sim.cpu];
	signal = want.user[t][i];
	want.user_hits[t][i] += want.user[t][i];
	for (unsigned int n = 0; n < 4; n++) {
		if (!want.named[t][n] || want.at[t][n] != i)
			continue;
		want.status[t] |= 1u << n;
		signal = true;
	}
	want.signals += signal;
	write_to(U(i));
	CHECK_EQ(u[t][i].hits, want.user_hits[t][i]);
	CHECK_EQ(signals, want.signals);
	CHECK_EQ(left_over, 0);
	CHECK_EQ(shown(t, 6), FIXED | want.status[t]);
}

static void check_all(void)
{
	for (unsigned int i = 0; i < SPOTS; i++) {
		CHECK_EQ(k[i].hits, want.kernel_hits[i]);
		for (unsigned int t = 0; t < THREADS; t++)
			CHECK_EQ(u[t][i].hits, want.user_hits[t][i]);
	}
	for (unsigned int t = 0; t < THREADS; t++)
		CHECK_EQ(shown(t, 6), FIXED | want.status[t]);
}

static void run(unsigned int steps)
{
	static void (*const acts[])(void) = {
		change_kernel, change_user,  use_debugger, switch_any,
		switch_any,    touch_kernel, touch_user,   touch_user,
	};

	bp_start();
	memset(&want, 0, sizeof(want));
	memset(k, 0, sizeof(k));
	memset(u, 0, sizeof(u));
	for (int i = 0; i < SIM_CPUS; i++)
		want.runs[i] = i;
	for (unsigned int i = 0; i < steps; i++) {
		if (any(40) == 0)
			flush();
		else
			acts[any(TL_ARRAY_SIZE(acts))]();
	}
	check_all();
	sim.cpu = 0;
	bp_finish();
}

TL_TEST(whatever_is_done_in_whatever_order_each_hit_is_its_owners_once)
{
	seed = tl_test_seed;
	for (unsigned int i = 0; i < 200 * tl_test_scale; i++)
		run(300);
	CHECK(refused > 1000);
	CHECK(done > 1000);
}

/* The same, with kernel breakpoints hit at every step of every load. */
static bool firing;

static void fire(enum sim_call call, uintptr_t addr)
{
	(void)addr;
	if (firing ||
	    (call != SIM_CALL_DR_WRITE && call != SIM_CALL_DR_WRITTEN))
		return;
	firing = true;
	for (unsigned int i = 0; i < SPOTS; i++) {
		unsigned int before = k[i].hits;

		write_to(K(i));
		/* Which is on the way in or out may be seen or not. */
		if (k[i].bp.serial && want.kernel[i])
			CHECK_EQ(k[i].hits - before, 1);
		want.kernel_hits[i] += k[i].hits - before;
	}
	firing = false;
}

TL_TEST(and_the_kernels_are_hit_at_every_step_of_it)
{
	seed = tl_test_seed + 1;
	for (unsigned int i = 0; i < 20 * tl_test_scale; i++) {
		bp_start();
		memset(&want, 0, sizeof(want));
		memset(k, 0, sizeof(k));
		memset(u, 0, sizeof(u));
		for (int c = 0; c < SIM_CPUS; c++)
			want.runs[c] = c;
		for (unsigned int s = 0; s < 200; s++) {
			switch (any(4)) {
			case 0:
				change_kernel();
				break;
			case 1:
				sim.hook = fire;
				change_user();
				break;
			case 2:
				sim.hook = fire;
				use_debugger();
				break;
			default:
				sim.hook = fire;
				switch_any();
				break;
			}
			sim.hook = NULL;
			touch_kernel();
		}
		sim.cpu = 0;
		bp_finish();
	}
}
