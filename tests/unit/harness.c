/* SPDX-License-Identifier: MIT */
/* link: */
/*
 * harness.c - the harness tells equal from different and names rows
 */
#include "tl_test.h"

TL_TEST(equal_values_of_different_width_are_equal)
{
	CHECK_EQ((int8_t)-22, (int64_t)-22);
	CHECK_EQ((uint8_t)200, 200);
	CHECK_STR("same", "same");
	CHECK_STR(NULL, NULL);
	CHECK_MEM("abcd", "abcx", 3);
}

TL_TEST(random_sequence_is_replayable)
{
	uint64_t a = 42, b = 42;

	CHECK_EQ(tl_test_random(&a), tl_test_random(&b));
	CHECK_EQ(tl_test_random(&a), tl_test_random(&b));
	CHECK(tl_test_random(&a) != tl_test_random(&a));
}

static unsigned int order;

TL_TEST(tests_run_in_the_order_of_the_file)
{
	CHECK_EQ(order++, 0);
}

TL_TEST(tests_run_in_the_order_of_the_file_second)
{
	CHECK_EQ(order++, 1);
}
