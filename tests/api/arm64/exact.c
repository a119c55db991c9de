/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/exact.S */
/*
 * exact.c - instructions that other probe systems get wrong, one test for each
 */
#include "exact.h"

EXACT(adr);
EXACT(adrp);
EXACT(literal);
EXACT(literal32);
EXACT(literal_signed);
EXACT(vector32);
EXACT(vector64);
EXACT(vector128);
EXACT(prefetch_literal);
EXACT(call);
EXACT(call_reg);
EXACT(call_link);
EXACT(ret_reg);
EXACT(loop);
EXACT(test_bit);
EXACT(flags);
EXACT(set_flags);
EXACT(sign);
EXACT(stack);

#define ROW_VECTOR "arm64: loads of a vector register from a literal"

TL_TEST(adr_and_adrp_give_addresses_from_their_own_place)
{
	all_ways(&adr, 0, 0, 0, true, NULL);
	all_ways(&adrp, 0, 0, 0, true, NULL);
}

TL_TEST(literals_are_read_where_they_are_and_extended)
{
	all_ways(&literal, 0, 0, 0x11223344d5667788, true, NULL);
	all_ways(&literal32, 0, 0, 0xd5667788, true, NULL);
	all_ways(&literal_signed, 0, 0, 0xffffffffd5667788, true, NULL);
}

TL_TEST(vector_literals_are_read_where_they_are)
{
	TL_DIFFERS(ROW_VECTOR);
	all_ways(&vector32, 0, 0, 0xd5667788, true, NULL);
	all_ways(&vector64, 0, 0, 0x11223344d5667788, true, NULL);
	all_ways(&vector128, 0, 0, 0x11223344d5667788 ^ 0x0123456789abcdef,
		 true, NULL);
}

TL_TEST(a_prefetch_of_a_literal_changes_nothing)
{
	TL_NOT_ON_LINUX("it is refused or not, as the version has it");
	all_ways(&prefetch_literal, 0, 0, 5, true, NULL);
}

TL_TEST(calls_leave_the_original_return_address)
{
	all_ways(&call, 0, 0, 1000, true, NULL);
	all_ways(&call_reg, 0, 0, 1000, true, NULL);
}

/* The register says where to, and then where from: only a breakpoint has time for that. */
TL_TEST(a_call_of_its_own_link_register_is_right)
{
	all_ways(&call_link, 0, 0, 1000, false, NULL);
}

TL_TEST(a_return_by_another_register_keeps_the_usual_one)
{
	all_ways(&ret_reg, 0, 0, 3, true, NULL);
}

TL_TEST(a_loop_goes_round_as_often_as_bare_and_keeps_the_flags)
{
	for (unsigned long n = 1; n < 5; n++)
		for (unsigned long f = 0; f < 16; f++)
			all_ways(&loop, n, f << 28, n + 100, true, NULL);
	all_ways(&test_bit, 0, 0, 2, true, NULL);
}

TL_TEST(flags_are_read_and_written_as_they_are)
{
	for (unsigned long f = 0; f < 16; f++) {
		all_ways(&flags, f << 28, 0, f << 28, true, NULL);
		TL_NOT_ON_LINUX("it refuses every msr");
		all_ways(&set_flags, f << 28, 0, f << 28, true, NULL);
	}
}

/* A landing pad, and so never a jump. */
TL_TEST(an_address_that_is_signed_is_the_original_one)
{
	all_ways(&sign, 0, 0, 0, false, NULL);
}

TL_TEST(the_stack_pointer_moves_as_bare)
{
	all_ways(&stack, 0, 0, 32, true, NULL);
}
