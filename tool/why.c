/* SPDX-License-Identifier: MIT */
/*
 * why.c - what the reasons against a jump mean
 */
#include "why.h"

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
