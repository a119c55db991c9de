/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/exact.S */
/*
 * exact.c - instructions that other probe systems get wrong, one test for each
 */
#include "exact.h"

EXACT(loop);
EXACT(loop32);
EXACT(loope_f2);
EXACT(loopne_f3);
EXACT(ret16);
EXACT(lret);
EXACT(pushfw);
EXACT(popfw);
EXACT(pushf);
EXACT(cs_call);
EXACT(call);
EXACT(call_reg);
EXACT(call_mem);
EXACT(call_stack);
EXACT(jmp_mem);
EXACT(jmp_index);

#define LINUX_LOOPS(gives_)     \
	(&(struct exact_linux){ \
		.row = ROW_LOOP, .gives = (gives_), .no_jump = true })
#define LINUX_POST(row_, gives_) \
	(&(struct exact_linux){  \
		.row = (row_), .gives = (gives_), .only_post = true })
#define LINUX_REFUSES \
	(&(struct exact_linux){ .row = ROW_MEMORY, .err = -TL_EOPNOTSUPP })

TL_TEST(loop_goes_round_as_often_as_bare)
{
	all_ways(&loop, 0, 0, 3, true, LINUX_LOOPS(0xffffffff00000004));
}

TL_TEST(loop_with_a_32_bit_counter_clears_the_upper_half_of_rcx)
{
	all_ways(&loop32, 0, 0, 3, true,
		 &(struct exact_linux){ .row = "`loop` with a 32-bit counter",
					.gives = 0xfffffffff4,
					.no_jump = true });
}

/* F2 and F3 change the condition on some CPUs; whatever it does, we do. */
TL_TEST(loop_with_a_repeat_prefix_does_what_it_does_bare)
{
	static const struct exact_linux l = { .no_jump = true };

	TL_DIFFERS(ROW_LOOP);
	for (unsigned long n = 1; n < 4; n++)
		for (unsigned long flags = 0x202; flags < 0x300;
		     flags += 0x40) {
			all_ways(&loope_f2, n, flags, exact_loope_f2(n, flags),
				 true, &l);
			all_ways(&loopne_f3, n, flags,
				 exact_loopne_f3(n, flags), true, &l);
		}
}

TL_TEST(ret_with_a_number_drops_that_many_bytes)
{
	all_ways(&ret16, 0, 0, 0, true, LINUX_POST(ROW_RET, 0x110));
}

TL_TEST(lret_takes_the_code_segment_off_the_stack)
{
	all_ways(&lret, 0, 0, 0, jump_at(lret.at), LINUX_POST("`lret`", 8));
}

TL_TEST(pushf_of_16_bits_pushes_two_bytes)
{
	all_ways(&pushfw, 0, 0, 2, true,
		 LINUX_POST("`pushf`, `popf` of 16 bits", 8));
}

TL_TEST(popf_of_16_bits_pops_two_bytes)
{
	all_ways(&popfw, 0, 0, 2, true,
		 LINUX_POST("`pushf`, `popf` of 16 bits", 8));
}

TL_TEST(pushed_flags_show_interrupts_on_and_no_trap_flag_of_ours)
{
	all_ways(&pushf, 0, 0, 0x200, true, NULL);
}

TL_TEST(call_with_a_prefix_pushes_the_right_return_address)
{
	TL_NOT_ON_LINUX("it would go on in the middle of the call there");
	all_ways(&cs_call, 0, 0, 1000, true, NULL);
}

TL_TEST(call_pushes_the_original_return_address)
{
	all_ways(&call, 0, 0, 1000, true,
		 &(struct exact_linux){ .no_jump = true });
}

TL_TEST(call_of_a_register_pushes_the_original_return_address)
{
	all_ways(&call_reg, 0, 0, 1000, false, NULL);
}

TL_TEST(call_through_memory_goes_where_it_goes)
{
	all_ways(&call_mem, 0, 0, 1000, true, LINUX_REFUSES);
}

TL_TEST(call_through_the_stack_reads_it_before_the_push)
{
	all_ways(&call_stack, 0, 0, 1000, false, LINUX_REFUSES);
}

TL_TEST(jump_through_memory_goes_where_it_goes)
{
	all_ways(&jmp_mem, 0, 0, 77, TL_ON_LINUX || jump_at(jmp_mem.at),
		 LINUX_REFUSES);
}

TL_TEST(jump_through_a_table_takes_the_entry_of_its_index)
{
	all_ways(&jmp_index, 0, 0, 77, TL_ON_LINUX || jump_at(jmp_index.at),
		 LINUX_REFUSES);
}
