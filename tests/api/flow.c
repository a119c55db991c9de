/* SPDX-License-Identifier: MIT */
/* link: lib tests/targets/flows.S */
/*
 * flow.c - functions whose control flow is hard to see are probed right
 *
 * The oracle is the CPU: with a probe on each instruction in turn, as a jump
 * where that is accepted, every way through the function is taken.  A jump over
 * an address that one of them leads to would not come to the same result.
 */
#include <stdio.h>
#include <string.h>

#include <trapline/kprobes.h>
#include <trapline/trapline.h>

#include "tl_test.h"

struct flow {
	long (*fn)(long way);
	const char *name;
	unsigned long size;
};
extern const struct flow flow_list[];

static unsigned long hits;

static int see(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

/* The functions are numbered from 1 on, in the order of the list. */
static bool all_ways(const struct flow *f)
{
	long number = f - flow_list + 1;
	bool right = true;

	for (long way = 0; way < 4; way++)
		right &= f->fn(way) == 100 * way + number;
	return right;
}

/*
 * How many instructions of @f, and of the part of it that lies elsewhere, can be
 * probed with @flags.
 */
static unsigned int probe_each(const struct flow *f, unsigned int flags)
{
	char part[64];
	const char *names[] = { f->name, part };
	unsigned int n = 0;

	snprintf(part, sizeof(part), "%s_part", f->name);
	for (unsigned int i = 0; i < 400; i++) {
		struct kprobe p = { .symbol_name = names[i / 200],
				    .offset = i % 200,
				    .pre_handler = see,
				    .flags = flags };

		/* a part is followed by what is not part of it */
		if (i % 200 >= (i < 200 ? f->size : 32) || register_kprobe(&p))
			continue;
		CHECK(all_ways(f));
		unregister_kprobe(&p);
		n++;
	}
	return n;
}

TL_TEST(hidden_control_flow_is_right_or_refused)
{
	for (const struct flow *f = flow_list; f->fn; f++) {
		unsigned int jumps;

		ROW(f->name);
		CHECK(all_ways(f));
		jumps = probe_each(f, KPROBE_FLAG_JUMP_ONLY);
		tl_test_note(f->name, jumps);
		CHECK(all_ways(f));
	}
}

/* What compilers write is understood, not merely refused. */
TL_TEST(jump_tables_of_compilers_leave_room_for_jumps)
{
	static const char *const names[] = {
		"flow_pic",	  "flow_slot",	   "flow_slot_sum",
		"flow_two_level", "flow_pointers", "flow_wide",
		"flow_cold",	  "flow_entered",  "flow_label",
		"flow_printf",
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++) {
		const struct flow *f = flow_list;

		ROW(names[i]);
		while (f->fn && strcmp(f->name, names[i]) != 0)
			f++;
		REQUIRE(f->fn != NULL);
		CHECK(probe_each(f, KPROBE_FLAG_JUMP_ONLY) >= 3);
	}
}
