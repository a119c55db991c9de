/* SPDX-License-Identifier: MIT */
/*
 * main.c - what the worker does: it waits for commands
 */
#include "agent.h"

#include <common/home.h>

extern const char tl_arch_return_trampoline[]
	__attribute__((visibility("hidden")));

/* Say where followed calls are found, whatever the version of the engine. */
static void describe_returns(struct tl_returns *r)
{
	r->first = (uint64_t)&tl_newest_context;
	r->trampoline = (uint64_t)tl_arch_return_trampoline;
	r->next = offsetof(struct tl_context, next);
	r->calls = offsetof(struct tl_context, returns);
	r->call_next = offsetof(struct kretprobe_instance, next);
	r->slot = offsetof(struct kretprobe_instance, slot);
	r->address = offsetof(struct kretprobe_instance, ret_addr);
}

void tl_agent_main(struct tl_boot *boot)
{
	long result;

	tl_boot = boot;
	result = tl_host_init();
	describe_returns(&boot->returns);
	for (;;) {
		uint64_t c =
			(uint64_t)tl_agent_ask(TL_ASK_READY, result, 0, 0, 0);

		result = 0;
		if (TL_COMMAND_WHAT(c) == TL_COMMAND_ADD) {
			tl_host_note(TL_COMMAND_FIRST(c), TL_COMMAND_N(c));
			tl_actions_add(TL_COMMAND_FIRST(c), TL_COMMAND_N(c));
		} else if (TL_COMMAND_WHAT(c) == TL_COMMAND_REMOVE) {
			result = tl_actions_remove(TL_COMMAND_FIRST(c));
		} else {
			result = -TL_EINVAL;
		}
	}
}
