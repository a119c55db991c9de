/* SPDX-License-Identifier: MIT */
/*
 * table_sme.c - the Scalable Matrix Extension
 *
 * As table_sve.c.
 */
#include "tables.h"

/* clang-format off */
static const struct a64_rule rules[] = {
	{ 0xffa0000c, 0x80800000, A64_SLOT, "fmopa, fmops" },
	{ 0xffe00008, 0x80c00000, A64_SLOT, "fmops, fmopa" },

	{ 0xffc0000c, 0x81800000, A64_SLOT, "bfmops ..." },

	{ 0xff3f0010, 0xc0000000, A64_SLOT, "mova" },
	{ 0xff3f0200, 0xc0020000, A64_SLOT, "mova" },
	{ 0xffffff00, 0xc0080000, A64_SLOT, "zero" },
	{ 0xffbe001c, 0xc0900000, A64_SLOT, "addva, addha" },
	{ 0xfffe0010, 0xc0c00000, A64_SLOT, "mova" },
	{ 0xffee0018, 0xc0c00000, A64_SLOT, "mova ..." },
	{ 0xfffe0200, 0xc0c20000, A64_SLOT, "mova" },

	{ 0xfe80000c, 0xa0800000, A64_SLOT, "umops ..." },
	{ 0xfec00008, 0xa0c00000, A64_SLOT, "sumopa ..." },

	{ 0xff000010, 0xe0000000, A64_SLOT, "st1h ..." },
	{ 0xfedf9c10, 0xe0000000, A64_SLOT, "st1b ..." },
	{ 0xfec00010, 0xe0c00000, A64_SLOT, "st1d ..." },
};
/* clang-format on */

struct a64_table a64_sme_table(void)
{
	return A64_TABLE(rules);
}
