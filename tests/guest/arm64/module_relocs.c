/* SPDX-License-Identifier: MIT */
/* module_relocs.c - relocations of modules: each type, its edges, and what is refused */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/string.h>
#include <tl_test.h>

/* relocs.S looks at itself. */
TL_TEST(a_module_with_a_relocation_of_each_type_is_right)
{
	REQUIRE(module_load("relocs", "") == 0);
	CHECK_EQ(module_unload("relocs"), 0);
}

TL_TEST(a_module_whose_relocations_are_unknown_or_do_not_reach_is_refused)
{
	size_t before;

	CHECK_EQ(module_load("wants_got", ""), -ENOEXEC);
	before = page_nr_free();
	CHECK_EQ(module_load("wants_got", ""), -ENOEXEC);
	CHECK_EQ(module_load("far_branch", ""), -ENOEXEC);
	CHECK(!module_get("wants_got") && !module_get("far_branch"));
	CHECK_EQ(page_nr_free(), before);
}

#define PLACE 0x40000000ul
#define K     1024ul
#define M     (1024 * K)
#define G     (1024 * M)

/* clang-format off */
static const struct {
	uint32_t type;
	uint64_t value;		/* the last that fits */
	uint64_t too_much;	/* the next; 0: there is none */
} edges[] = {
	{ 258, 0xffffffff, 0x100000000 },	/* ABS32 */
	{ 258, -(2 * G), -(2 * G) - 1 },
	{ 259, 0xffff, 0x10000 },		/* ABS16 */
	{ 259, -(32 * K), -(32 * K) - 1 },
	{ 261, PLACE - 2 * G, PLACE - 2 * G - 1 }, /* PREL32 */
	{ 261, PLACE + 4 * G - 1, PLACE + 4 * G },
	{ 262, PLACE - 32 * K, PLACE - 32 * K - 1 }, /* PREL16 */
	{ 263, 0xffff, 0x10000 },		/* MOVW_UABS_G0 */
	{ 264, -1ul, 0 },
	{ 265, 0xffffffff, 0x100000000 },
	{ 266, -1ul, 0 },
	{ 267, 0xffffffffffff, 0x1000000000000 },
	{ 268, -1ul, 0 },
	{ 269, -1ul, 0 },			/* MOVW_UABS_G3 */
	{ 273, PLACE + M - 4, PLACE + M },	/* LD_PREL_LO19 */
	{ 273, PLACE - M, PLACE - M - 4 },
	{ 274, PLACE + M - 1, PLACE + M },	/* ADR_PREL_LO21 */
	{ 274, PLACE - M, PLACE - M - 1 },
	{ 275, PLACE + 4 * G - 1, PLACE + 4 * G }, /* ADR_PREL_PG_HI21 */
	{ 275, PLACE - 4 * G, PLACE - 4 * G - 1 },
	{ 276, -1ul, 0 },
	{ 277, -1ul, 0 },
	{ 278, -1ul, 0 },
	{ 279, PLACE + 32 * K - 4, PLACE + 32 * K }, /* TSTBR14 */
	{ 279, PLACE - 32 * K, PLACE - 32 * K - 4 },
	{ 279, PLACE + 4, PLACE + 6 },
	{ 280, PLACE + M - 4, PLACE + M },	/* CONDBR19 */
	{ 280, PLACE - M, PLACE - M - 4 },
	{ 280, PLACE + 4, PLACE + 5 },
	{ 282, PLACE + 128 * M - 4, PLACE + 128 * M }, /* JUMP26 */
	{ 283, PLACE - 128 * M, PLACE - 128 * M - 4 }, /* CALL26 */
	{ 284, 2, 1 },				/* LDST16_ABS_LO12_NC */
	{ 285, 4, 2 },
	{ 286, 8, 4 },
	{ 299, 16, 8 },				/* LDST128_ABS_LO12_NC */
};
/* clang-format on */

TL_TEST(a_value_that_does_not_fit_its_relocation_is_refused)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(edges); i++) {
		uint32_t to[2] = { 0, 0x5555 };
		size_t room = edges[i].type == 257 || edges[i].type == 260 ? 8
									   : 4;

		CHECK_EQ(arch_relocate(edges[i].type, to, room, PLACE,
				       edges[i].value),
			 0);
		CHECK_EQ(to[1], 0x5555);
		to[0] = 0x12345678;
		if (edges[i].too_much)
			CHECK_EQ(arch_relocate(edges[i].type, to, room, PLACE,
					       edges[i].too_much),
				 -ERANGE);
		if (edges[i].too_much)
			CHECK_EQ(to[0], 0x12345678);
		/* At the end of its section. */
		CHECK_EQ(arch_relocate(edges[i].type, to, 1, PLACE,
				       edges[i].value),
			 -ERANGE);
		CHECK_EQ(to[1], 0x5555);
	}
}

/* Those of tables of addresses, of thread-local variables, and of nobody. */
TL_TEST(a_relocation_of_an_unknown_type_is_refused)
{
	static const uint16_t unknown[] = { 0,	 1,   270, 272, 281, 287,
					    293, 300, 311, 312, 512, 1027 };
	uint32_t to = 0x12345678;

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(unknown); i++)
		CHECK_EQ(arch_relocate(unknown[i], &to, 4, PLACE, PLACE),
			 -ENOEXEC);
	CHECK_EQ(to, 0x12345678);
}
