/* SPDX-License-Identifier: MIT */
/* layout.c - the kernel's registers are the ones that probes see */

#define pt_regs kernel_pt_regs
#include <regs.h>
#undef pt_regs

#include <tl_test.h>
#include <trapline/regs.h>

#define SAME(field)                                      \
	CHECK_EQ(offsetof(struct kernel_pt_regs, field), \
		 offsetof(struct pt_regs, field))

TL_TEST(saved_registers_are_laid_out_as_probes_expect)
{
	SAME(regs[0]);
	SAME(regs[30]);
	SAME(sp);
	SAME(pc);
	SAME(pstate);
	SAME(orig_x0);
	SAME(syscallno);
	CHECK_EQ(sizeof(struct kernel_pt_regs), sizeof(struct pt_regs));
}
