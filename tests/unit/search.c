/* SPDX-License-Identifier: MIT */
/* link: host-linux-own host-linux engine x86 x86-insn */
/*
 * search.c - every word of a stack is looked at, to both of its ends
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "own/own.h"

#include "tl_test.h"

#define WANTED 0x123456789000ul
#define PAGES  3

/* A stack of PAGES pages, and nothing below or above it. */
static char *new_stack(void)
{
	char *at = mmap(NULL, (PAGES + 2) * TL_PAGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED ||
	    mprotect(at + TL_PAGE, PAGES * TL_PAGE, PROT_READ | PROT_WRITE))
		return NULL;
	return at + TL_PAGE;
}

/* Is what is in the stack found from @sp on? */
static bool is_found(const char *sp)
{
	struct tl_range r = { .start = WANTED, .end = WANTED + 64 };
	struct tl_search s;

	tl_search_ranges(&s, &r, 1);
	tl_search_stack(&s, (uintptr_t)sp);
	return s.busy;
}

/* For each word above @sp whether it is found; how many are not. */
static unsigned int lost_above(char *stack, size_t sp)
{
	unsigned int lost = 0;

	for (size_t at = sp; at < PAGES * TL_PAGE; at += 8) {
		*(uint64_t *)(stack + at) = WANTED + 8;
		lost += !is_found(stack + sp);
		*(uint64_t *)(stack + at) = 0;
	}
	CHECK(!is_found(stack + sp));
	return lost;
}

TL_TEST(a_stack_is_searched_though_there_is_nothing_below_it)
{
	char *stack = new_stack();

	REQUIRE(stack);
	CHECK_EQ(lost_above(stack, 0), 0);
	CHECK_EQ(lost_above(stack, 8), 0);
	CHECK_EQ(lost_above(stack, TL_RED_ZONE), 0);
	munmap(stack - TL_PAGE, (PAGES + 2) * TL_PAGE);
}

TL_TEST(a_stack_whose_end_cannot_be_known_is_searched_to_the_end)
{
	struct rlimit before, none;
	char *stack = new_stack();

	REQUIRE(stack);
	REQUIRE(!getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	CHECK_EQ(lost_above(stack, TL_PAGE), 0);
	CHECK_EQ(lost_above(stack, TL_PAGE + 328), 0);
	setrlimit(RLIMIT_NOFILE, &before);
	munmap(stack - TL_PAGE, (PAGES + 2) * TL_PAGE);
}

/* Below the stack pointer, too, as far as the red zone goes. */
TL_TEST(the_red_zone_is_searched_and_no_more)
{
	char *stack = new_stack();

	REQUIRE(stack);
	for (size_t n = 8; n <= 2 * TL_RED_ZONE; n += 8) {
		*(uint64_t *)(stack + TL_PAGE - n) = WANTED + 8;
		CHECK_EQ(is_found(stack + TL_PAGE), n <= TL_RED_ZONE);
		*(uint64_t *)(stack + TL_PAGE - n) = 0;
	}
	munmap(stack - TL_PAGE, (PAGES + 2) * TL_PAGE);
}
