/* SPDX-License-Identifier: MIT */
/*
 * why.c - the reasons against a jump, in words, and what they mean
 *
 * The names are the same words as the engine's: the command is not linked with the engine,
 * which lives in the target.
 */
#include "why.h"

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
	};
	/* clang-format on */

	if ((unsigned int)why >= TL_NR_WHY || !names[why])
		return "unknown";
	return names[why];
}

const char *why_meaning(enum tl_why why)
{
	/* clang-format off */
	static const char *const meanings[TL_NR_WHY] = {
		[TL_WHY_NO_BOUNDS]	 = "nobody knows where it ends",
		[TL_WHY_PAST_END]	 = "fewer bytes than a jump takes are left",
		[TL_WHY_TARGET]		 = "other code jumps into the bytes that the jump would take",
		[TL_WHY_INDIRECT]	 = "a computed jump in it may go anywhere",
		[TL_WHY_UNDECODABLE]	 = "data, or an instruction that is not known",
		[TL_WHY_CALL]		 = "it would return into the bytes that the jump would take",
		[TL_WHY_NOT_RELOCATABLE] = "an instruction there cannot run elsewhere",
		[TL_WHY_OTHER_PROBE]	 = "the two are too close to each other",
		[TL_WHY_RANGE]		 = "no free memory within reach of a jump",
		[TL_WHY_BUSY]		 = "a thread keeps an address there: try again",
		[TL_WHY_FORBIDDEN]	 = "nothing may be changed there",
	};
	/* clang-format on */

	return (unsigned int)why < TL_NR_WHY ? meanings[why] : NULL;
}
