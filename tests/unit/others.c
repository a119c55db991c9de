/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * others.c - text is written with the others running, or with them stopped
 */
#include <engine.h>

#include "engine_fixture.h"

#define SPOT 10

static unsigned int writes, too_early;

/* Text leads to copies, so by then every CPU must know what is in them. */
static void look(enum sim_call call, uintptr_t addr)
{
	if (call != SIM_CALL_TEXT_WRITE || sim_is_exec(addr))
		return;
	writes++;
	too_early += sim.unclean;
}

TL_TEST(nothing_is_reached_before_each_cpu_has_cleaned_its_caches)
{
	for (unsigned int way = 0; way < 4; way++) {
		struct lettered a = lettered('A', 0);

		start();
		ROW(way & 1 ? "stopped" : "running");
		sim.others = way & 1 ? TL_OTHERS_STOPPED : TL_OTHERS_RUNNING;
		sim.caches = TL_CACHES_EACH;
		sim_ops.no_optimize = way & 2;
		sim.hook = look;
		writes = too_early = 0;
		a.kp.addr = sim_text + SPOT;
		CHECK_EQ(register_kprobe(&a.kp), 0);
		CHECK(writes > 0);
		CHECK(!sim.unclean);
		unregister_kprobe(&a.kp);
		CHECK_EQ(too_early, 0);
		CHECK(!sim.unclean);
		finish();
	}
}

TL_TEST(stop_within_a_stop_gives_eio)
{
	struct tl_edit edit = { .addr = (uintptr_t)sim_text, .len = 1 };

	start();
	edit.addr = (uintptr_t)sim_text;
	edit.bytes[0] = sim_text[0];
	sim.others = TL_OTHERS_STOPPED;
	tlh_lock();
	CHECK_EQ(tlh_patch_begin(), TL_OTHERS_STOPPED);
	CHECK_EQ(tlh_text_write(&edit, 1, TL_OTHERS_STOPPED), 0);
	CHECK_EQ(sim.misuse, 0);
	CHECK_EQ(tlh_text_write(&edit, 1, TL_OTHERS_RUNNING), -TL_EIO);
	CHECK_EQ(sim.misuse, 1);
	sim.misuse = 0;
	tlh_patch_end();
	tlh_unlock();
	finish();
}
