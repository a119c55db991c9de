/* SPDX-License-Identifier: MIT */
/*
 * flows.c - calls functions whose control flow is hard to see (flows.S)
 */
#include <stdio.h>

#include "control.h"

struct flow {
	long (*fn)(long way);
	const char *name;
	unsigned long size;
};
extern const struct flow flow_list[];

static const char *const counters[] = { "flows", NULL };

/* All ways through all functions, which are numbered from 1 on. */
static void round_of_all(struct worker *w)
{
	for (const struct flow *f = flow_list; f->fn; f++)
		for (long way = 0; way < 4; way++)
			control_expect(
				f->name, (uint64_t)f->fn(way),
				(uint64_t)(100 * way + (f - flow_list) + 1));
	w->counts[0]++;
}

int main(int argc, char **argv)
{
	static const struct program p = {
		.counters = counters,
		.round = round_of_all,
		.threads = 1,
	};

	return control_run(argc, argv, &p);
}
