/* SPDX-License-Identifier: MIT */
/*
 * why.c - the reasons against a jump, in a word or two
 *
 * The command, which is not linked with the engine, is linked with this.
 */
#include <trapline/kprobes.h>

const char *trapline_why_name(enum tl_why why)
{
	/* clang-format off */
	static const char *const names[TL_NR_WHY] = {
		[TL_WHY_NONE]		 = "jump",
		[TL_WHY_DISABLED]	 = "disabled",
		[TL_WHY_NO_BOUNDS]	 = "function bounds unknown",
		[TL_WHY_PAST_END]	 = "past end of function",
		[TL_WHY_TARGET]		 = "branch target inside",
		[TL_WHY_INDIRECT]	 = "unresolved indirect jump",
		[TL_WHY_UNDECODABLE]	 = "undecodable",
		[TL_WHY_CALL]		 = "call inside",
		[TL_WHY_NOT_RELOCATABLE] = "not relocatable",
		[TL_WHY_OTHER_PROBE]	 = "other probe inside",
		[TL_WHY_RANGE]		 = "out of range",
		[TL_WHY_BUSY]		 = "busy",
		[TL_WHY_POST_HANDLER]	 = "post handler on branch",
		[TL_WHY_FORBIDDEN]	 = "forbidden",
		[TL_WHY_ARCH]		 = "not on this architecture",
		[TL_WHY_OFF]		 = "switched off",
		[TL_WHY_EXCLUSIVE]	 = "in an exclusive sequence",
		[TL_WHY_TRAP]		 = "a trap or a return from one",
		[TL_WHY_STATE]		 = "uses what a trap changes",
	};
	/* clang-format on */

	return (unsigned int)why < TL_NR_WHY ? names[why] : "unknown";
}
