/* SPDX-License-Identifier: MIT */
/*
 * libunwind.c - the callers as libunwind sees them, for unwind.c
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "throws.h"

int libunwind_trace(unsigned long *ip, int room)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t word;
	int n = 0;

	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	do {
		unw_get_reg(&cursor, UNW_REG_IP, &word);
		ip[n++] = word;
	} while (n < room && unw_step(&cursor) > 0);
	return n;
}
