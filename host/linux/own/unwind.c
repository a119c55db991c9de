/* SPDX-License-Identifier: MIT */
/*
 * unwind.c - exceptions at a replaced return address: see unwind.S
 */
#include "own/own.h"

#include <trapline/kprobes.h>

#include "own/unwind.h"

_Static_assert(!offsetof(struct kretprobe_instance, next) &&
		       offsetof(struct kretprobe_instance, ret_addr) ==
			       TL_RI_RET_ADDR &&
		       offsetof(struct kretprobe_instance, fp) == TL_RI_FP,
	       "unwind.h");

struct kretprobe_instance **tl_unwind_lists[TL_TRAMPOLINES];

/* The unwinder, if the program has one: part of the ABI of x86-64. */
#define UA_HANDLER_FRAME 4
#define URC_INSTALL	 7
#define URC_CONTINUE	 8
#define GR_RAX		 0

__attribute__((weak)) void _Unwind_SetGR(void *context, int reg,
					 unsigned long value);
__attribute__((weak)) void _Unwind_SetIP(void *context, unsigned long value);

extern const char tl_unwind_landing[];

/* Called by the unwinder.  Nothing of ours is under way. */
int tl_unwind_personality(int version, int actions, uint64_t class,
			  void *exception, void *context);
/* Where does the call return to whose slot is at @slot? */
unsigned long tl_unwind_true(uintptr_t slot);

int tl_unwind_personality(int version, int actions, uint64_t class,
			  void *exception, void *context)
{
	(void)version;
	(void)class;
	if (!(actions & UA_HANDLER_FRAME) || !_Unwind_SetGR || !_Unwind_SetIP)
		return URC_CONTINUE;
	_Unwind_SetGR(context, GR_RAX, (unsigned long)exception);
	_Unwind_SetIP(context, (unsigned long)tl_unwind_landing);
	return URC_INSTALL;
}

unsigned long tl_unwind_true(uintptr_t slot)
{
	const struct tl_context *cx = tlh_context();
	const struct kretprobe_instance *ri = cx ? cx->returns : NULL;

	while (ri && ri->fp != slot)
		ri = ri->next;
	return ri ? ri->ret_addr : 0;
}
