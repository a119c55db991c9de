/* SPDX-License-Identifier: MIT */
/*
 * table_branch.c - branches, exceptions, system instructions
 *
 * Where an instruction runs decides about system instructions, not what it does:
 * each is the same behind the breakpoint as at its place, at EL1 as at EL0, where
 * those that are not for processes fault in their copy, and are told to have
 * faulted at their place.  What cannot be copied:
 *
 *   - traps of the program's own (brk, hlt, dcps), at any level: -EINVAL
 *   - returns from exceptions, which take what the breakpoint overwrote
 *   - at EL1 and above: what reads that (the link, status, syndrome and fault
 *     address registers), what changes how the copy's own address is translated,
 *     and which stack handlers run on; a process has none of these
 *   - pacm, which looks at the address of the next instruction
 *
 * svc, hvc and smc come back behind the copy.  wfe, wfi and the other hints are
 * instructions like any other; Linux refuses them for its single step.
 */
#include "tables.h"

/* clang-format off */
static const struct a64_rule rules[] = {
	/* Branches, immediate */
	{ 0xfc000000, 0x14000000, A64_SIM_B,	   "b" },
	{ 0xfc000000, 0x94000000, A64_SIM_B,	   "bl" },
	{ 0xff000010, 0x54000000, A64_SIM_B_COND,  "b.cond" },
	{ 0xff000010, 0x54000010, A64_SIM_B_COND,  "bc.cond" },
	{ 0x7f000000, 0x34000000, A64_SIM_CBZ,	   "cbz" },
	{ 0x7f000000, 0x35000000, A64_SIM_CBZ,	   "cbnz" },
	{ 0x7f000000, 0x36000000, A64_SIM_TBZ,	   "tbz" },
	{ 0x7f000000, 0x37000000, A64_SIM_TBZ,	   "tbnz" },

	/* Branches, register */
	{ 0xfffffc1f, 0xd61f0000, A64_SIM_BR,	   "br" },
	{ 0xfffffc1f, 0xd63f0000, A64_SIM_BR,	   "blr" },
	{ 0xfffffc1f, 0xd65f0000, A64_SIM_BR,	   "ret" },
	{ 0xfffff81f, 0xd61f081f, A64_BR_AUTH,	   "braaz" },
	{ 0xfffff81f, 0xd63f081f, A64_BLR_AUTH,	   "blraaz" },
	{ 0xfffffbff, 0xd65f0bff, A64_BR_AUTH,	   "retaa" },
	{ 0xfffff800, 0xd71f0800, A64_BR_AUTH,	   "braa" },
	{ 0xfffff800, 0xd73f0800, A64_BLR_AUTH,	   "blraa" },
	{ 0xffffffff, 0xd69f03e0, A64_ERET,	   "eret" },
	{ 0xfffffbff, 0xd69f0bff, A64_ERET,	   "eretaa" },
	{ 0xffffffff, 0xd6bf03e0, A64_ERET,	   "drps" },

	/* Exceptions */
	{ 0xffe0001f, 0xd4000001, A64_CALL,	   "svc" },
	{ 0xffe0001f, 0xd4000002, A64_CALL,	   "hvc" },
	{ 0xffe0001f, 0xd4000003, A64_CALL,	   "smc" },
	{ 0xffe0001f, 0xd4200000, A64_TRAP,	   "brk" },
	{ 0xffe0001f, 0xd4400000, A64_TRAP,	   "hlt" },
	{ 0xffe0001f, 0xd4600000, A64_SLOT,	   "tcancel" },
	{ 0xffe0001f, 0xd4a00001, A64_TRAP,	   "dcps1" },
	{ 0xffe0001f, 0xd4a00002, A64_TRAP,	   "dcps2" },
	{ 0xffe0001f, 0xd4a00003, A64_TRAP,	   "dcps3" },

	/* Hints: those that are none do nothing */
	{ 0xffffffff, 0xd503201f, A64_SLOT,	   "nop" },
	{ 0xffffffff, 0xd503203f, A64_SLOT,	   "yield" },
	{ 0xffffffff, 0xd503205f, A64_SLOT,	   "wfe" },
	{ 0xffffffff, 0xd503207f, A64_SLOT,	   "wfi" },
	{ 0xffffffdf, 0xd503209f, A64_SLOT,	   "sev, sevl" },
	{ 0xffffffff, 0xd50320df, A64_SLOT,	   "dgh" },
	{ 0xffffffff, 0xd50320ff, A64_SLOT,	   "xpaclri" },
	{ 0xffffff3f, 0xd503211f, A64_SLOT,	   "pacia1716" },
	{ 0xffffffff, 0xd503221f, A64_SLOT,	   "esb" },
	{ 0xffffffbf, 0xd503231f, A64_SLOT,	   "paciaz" },
	{ 0xffffffbf, 0xd503233f, A64_SLOT,	   "paciasp" },
	{ 0xffffffbf, 0xd503239f, A64_SLOT,	   "autiaz" },
	{ 0xffffffbf, 0xd50323bf, A64_SLOT,	   "autiasp" },
	{ 0xffffff3f, 0xd503241f, A64_SLOT,	   "bti" },
	{ 0xffffffff, 0xd50324ff, A64_STATE,	   "pacm" },
	{ 0xfffff01f, 0xd503201f, A64_SLOT,	   "hint" },

	/* Barriers, and system instructions with a register */
	{ 0xfffff0ff, 0xd503305f, A64_SLOT,	   "clrex" },
	{ 0xfffff0ff, 0xd503309f, A64_SLOT,	   "dsb" },
	{ 0xfffff3ff, 0xd503323f, A64_SLOT,	   "dsb nxs" },
	{ 0xfffff0ff, 0xd50330bf, A64_SLOT,	   "dmb" },
	{ 0xfffff0ff, 0xd50330df, A64_SLOT,	   "isb" },
	{ 0xffffffff, 0xd50330ff, A64_SLOT,	   "sb" },
	{ 0xffffffff, 0xd503307f, A64_SLOT,	   "tcommit" },
	{ 0xffffffe0, 0xd5031000, A64_SLOT,	   "wfet" },
	{ 0xffffffe0, 0xd5031020, A64_SLOT,	   "wfit" },
	{ 0xffffffe0, 0xd5233060, A64_SLOT,	   "tstart" },
	{ 0xffffffe0, 0xd5233160, A64_SLOT,	   "ttest" },

	/* The processor's state */
	{ 0xfffff0ff, 0xd500401f, A64_SLOT,	   "cfinv" },
	{ 0xfffff0ff, 0xd500403f, A64_SLOT,	   "xaflag" },
	{ 0xfffff0ff, 0xd500405f, A64_SLOT,	   "axflag" },
	{ 0xfffff0ff, 0xd500407f, A64_SLOT,	   "msr uao" },
	{ 0xfffff0ff, 0xd500409f, A64_SLOT,	   "msr pan" },
	{ 0xfffff0ff, 0xd50040bf, A64_STATE,	   "msr spsel, #" },
	{ 0xfffff0ff, 0xd503403f, A64_SLOT,	   "msr ssbs" },
	{ 0xfffff0ff, 0xd503405f, A64_SLOT,	   "msr dit" },
	{ 0xfffffeff, 0xd503427f, A64_SLOT,	   "msr svcrsm" },
	{ 0xfffffeff, 0xd503447f, A64_SLOT,	   "msr svcrza" },
	{ 0xfffffeff, 0xd503467f, A64_SLOT,	   "msr svcrsmza" },
	{ 0xfffff0ff, 0xd503409f, A64_SLOT,	   "msr tco" },
	{ 0xfffff0ff, 0xd50340df, A64_SLOT,	   "msr daifset" },
	{ 0xfffff0ff, 0xd50340ff, A64_SLOT,	   "msr daifclr" },

	/* sys: dc, ic, at, tlbi and others */
	{ 0xfff80000, 0xd5080000, A64_SLOT,	   "sys" },
	{ 0xfff80000, 0xd5280000, A64_SLOT,	   "sysl" },

	/* System registers: of EL1, then of EL2 and EL3 */
	{ 0xffffffe0, 0xd5384000, A64_STATE,	   "mrs spsr_el1" },
	{ 0xffffffe0, 0xd5384020, A64_STATE,	   "mrs elr_el1" },
	{ 0xffffffe0, 0xd5385200, A64_STATE,	   "mrs esr_el1" },
	{ 0xffffffe0, 0xd5386000, A64_STATE,	   "mrs far_el1" },
	{ 0xfffdffe0, 0xd53c4000, A64_STATE,	   "mrs spsr_el2" },
	{ 0xfffdffe0, 0xd53c4020, A64_STATE,	   "mrs elr_el2" },
	{ 0xfffdffe0, 0xd53c5200, A64_STATE,	   "mrs esr_el2" },
	{ 0xfffdffe0, 0xd53c6000, A64_STATE,	   "mrs far_el2" },
	{ 0xfff00000, 0xd5300000, A64_SLOT,	   "mrs" },
	{ 0xffffffe0, 0xd5181000, A64_STATE,	   "msr sctlr_el1" },
	{ 0xffffffe0, 0xd5182000, A64_STATE,	   "msr ttbr0_el1" },
	{ 0xffffffe0, 0xd5182020, A64_STATE,	   "msr ttbr1_el1" },
	{ 0xffffffe0, 0xd5182040, A64_STATE,	   "msr tcr_el1" },
	{ 0xfffdffe0, 0xd51c1000, A64_STATE,	   "msr sctlr_el2" },
	{ 0xfffdffe0, 0xd51c2000, A64_STATE,	   "msr ttbr0_el2" },
	{ 0xfffdffe0, 0xd51c2020, A64_STATE,	   "msr ttbr1_el2" },
	{ 0xfffdffe0, 0xd51c2040, A64_STATE,	   "msr tcr_el2" },
	{ 0xffffffe0, 0xd5184200, A64_STATE,	   "msr spsel" },
	{ 0xfff00000, 0xd5100000, A64_SLOT,	   "msr" },
};
/* clang-format on */

struct a64_table a64_branch_table(void)
{
	return A64_TABLE(rules);
}
