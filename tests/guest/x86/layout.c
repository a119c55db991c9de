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
	SAME(r15);
	SAME(r14);
	SAME(r13);
	SAME(r12);
	SAME(bp);
	SAME(bx);
	SAME(r11);
	SAME(r10);
	SAME(r9);
	SAME(r8);
	SAME(ax);
	SAME(cx);
	SAME(dx);
	SAME(si);
	SAME(di);
	SAME(orig_ax);
	SAME(ip);
	SAME(cs);
	SAME(flags);
	SAME(sp);
	SAME(ss);
	CHECK_EQ(sizeof(struct kernel_pt_regs), sizeof(struct pt_regs));
}
