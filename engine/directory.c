/* SPDX-License-Identifier: MIT */
/*
 * directory.c - where probes are, for who looks at this memory from outside
 */
#include "locks.h"

#include <trapline/agent.h>

#define IN_PROBE(member) offsetof(struct kprobe, member)
#define IN_RETURN(member) \
	(offsetof(struct kretprobe, member) - offsetof(struct kretprobe, kp))

const struct tl_directory tl_directory = {
	.size = sizeof(struct tl_directory),
	.table = &tl_engine.table,
	.first_table = &tl_engine.first_table,
	.disarmed = &tl_engine.disarmed,
	.return_pre = (const void *)tl_retprobe_pre,
	.table_head = offsetof(struct tl_table, head),
	.table_bits = offsetof(struct tl_table, bits),
	.table_which = offsetof(struct tl_table, which),
	.point_size = sizeof(struct tl_point),
	.point_addr = offsetof(struct tl_point, addr),
	.point_link = offsetof(struct tl_point, link),
	.point_probes = offsetof(struct tl_point, probes),
	.point_text = offsetof(struct tl_point, text),
	.point_why = offsetof(struct tl_point, why),
	.point_island = offsetof(struct tl_point, plan) +
			offsetof(struct tl_plan, island),
	.text_breakpoint = TL_TEXT_BREAKPOINT,
	.text_jump = TL_TEXT_JUMP,
	.probe_size = sizeof(struct kretprobe),
	.probe_next = IN_PROBE(next),
	.probe_pre = IN_PROBE(pre_handler),
	.probe_flags = IN_PROBE(flags),
	.probe_counter = IN_PROBE(counter),
	.probe_missed = IN_PROBE(nmissed),
	.return_missed = IN_RETURN(nmissed),
	.return_exits = IN_RETURN(exits),
	.home = KPROBE_FLAG_HOME,
	.off = KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE | TL_FLAG_LEAVING,
};
