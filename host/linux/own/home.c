/* SPDX-License-Identifier: MIT */
/*
 * home.c - a process that probes itself: setting up, and what the home offers
 */
#include "own/own.h"

#include <trapline/kprobes.h>
#include <trapline/trapline.h>

#include "own/unwind.h"

static int find_stack(const struct tl_map *m, void *arg)
{
	uintptr_t *bounds = arg;

	if (bounds[0] < m->start || bounds[0] >= m->end)
		return 0;
	bounds[0] = m->start;
	bounds[1] = m->end;
	return 1;
}

static int stack_bounds(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	uintptr_t bounds[2] = { sp, 0 };

	if (tl_maps_each(find_stack, bounds) != 1)
		return -TL_ENOENT;
	*low = bounds[0];
	*high = bounds[1];
	return 0;
}

static bool pause_a_little(unsigned int turn)
{
	if (turn < 20)
		tl_sys0(__NR_sched_yield);
	else
		tl_sleep_us(turn < 200 ? 50 : 1000);
	return true;
}

static struct tl_host_ops ops = {
	.lookup = tl_symbols_lookup,
	.function = tl_symbols_function,
	.allowed = tl_text_allowed,
	.stack = stack_bounds,
	.red_zone = TL_RED_ZONE,
	.vectors = true,
	.pause = pause_a_little,
	.stack_above = tl_own_stack_above,
	.calls = 1u << 19,
	.thread_at = tl_threads_at,
	.trampolines = tl_unwind_trampolines,
	.trampoline_lists = tl_unwind_lists,
	.n_trampolines = TL_TRAMPOLINES,
	.inroads = tl_symbols_inroads,
	.missed = tl_action_missed,
	.debug = &tl_own_debug,
};

const struct tl_host_ops *tl_host_ops = &ops;

int tl_home_init(void)
{
	static bool done; /* under the registration lock */
	int err;

	if (done)
		return 0;
	err = tl_contexts_init();
	if (err)
		return err;
	tl_contexts_check();
	tl_sync_init();
	ops.no_swap = tl_machine_checks_returns();
	tl_sigtrap_debug = tl_debug_trap;
	err = tl_sigtrap_install();
	if (err)
		return err;
	done = true;
	return 0;
}

__attribute__((visibility("default"))) int trapline_init(void)
{
	int err;

	tlh_lock();
	err = tl_home_init();
	tlh_unlock();
	return err;
}

__attribute__((visibility("default"))) void trapline_general_regs_only(void)
{
	ops.vectors = false;
}
