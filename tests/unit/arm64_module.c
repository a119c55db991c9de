/* SPDX-License-Identifier: MIT */
/* link: lib on-arm64 tests/unit/module_image.S */
/*
 * arm64_module.c - relocations of modules that a process loads: each type, and wrong ones
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <trapline/trapline.h>

#include "tl_test.h"

/* tests/guest/module/arm64/relocs.S, which looks at itself. */
extern const char module_image[], module_image_end[];

static char image[65536] __attribute__((aligned(8)));
static size_t size;

static void take_image(void)
{
	size = (size_t)(module_image_end - module_image);
	REQUIRE(size <= sizeof(image));
	memcpy(image, module_image, size);
}

/* Load what is in image[], and unload it if that went well. */
static int load(void)
{
	int fd = memfd_create("relocs.ko", MFD_CLOEXEC), err;
	char path[64];

	if (fd < 0 || write(fd, image, size) != (ssize_t)size)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = trapline_insmod(path, "");
	close(fd);
	if (!err)
		CHECK_EQ(trapline_rmmod(strrchr(path, '/') + 1), 0);
	return err;
}

/* The first relocation of @type in image[]. */
static Elf64_Rela *relocation(unsigned int type)
{
	const Elf64_Ehdr *h = (const void *)image;
	const Elf64_Shdr *s = (const void *)(image + h->e_shoff);

	for (unsigned int i = 0; i < h->e_shnum; i++) {
		Elf64_Rela *r = (void *)(image + s[i].sh_offset);

		for (size_t n = s[i].sh_size / sizeof(*r);
		     s[i].sh_type == SHT_RELA && n; n--, r++)
			if (ELF64_R_TYPE(r->r_info) == type)
				return r;
	}
	return NULL;
}

TL_TEST(a_module_with_a_relocation_of_each_type_is_right)
{
	take_image();
	CHECK_EQ(load(), 0);
}

/* Each check of the module fails if what it is about is wrong. */
TL_TEST(what_a_module_finds_wrong_of_itself_is_its_answer)
{
	static const unsigned int types[] = {
		R_AARCH64_ABS16,
		R_AARCH64_PREL64,
		R_AARCH64_PREL32,
		R_AARCH64_PREL16,
		R_AARCH64_MOVW_UABS_G0_NC,
		R_AARCH64_ADR_PREL_PG_HI21_NC,
		R_AARCH64_LDST128_ABS_LO12_NC,
		R_AARCH64_LDST32_ABS_LO12_NC,
	};

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(types); i++) {
		Elf64_Rela *r;
		int err;

		take_image();
		r = relocation(types[i]);
		REQUIRE(r);
		r->r_addend += types[i] == R_AARCH64_ADR_PREL_PG_HI21_NC ? 4096
			       : types[i] == R_AARCH64_LDST128_ABS_LO12_NC ? -16
			       : types[i] == R_AARCH64_LDST32_ABS_LO12_NC  ? -4
									   : 1;
		err = load();
		if (err > -201 || err < -218)
			tl_test_note("type", types[i]);
		CHECK(err <= -201 && err >= -218);
	}
}

TL_TEST(a_module_whose_relocations_are_unknown_or_do_not_reach_is_refused)
{
	static const struct {
		unsigned int type, as;
		long addend;
	} wrong[] = {
		/* Unknown ones. */
		{ R_AARCH64_PREL32, R_AARCH64_TLSLE_ADD_TPREL_HI12, 0 },
		{ R_AARCH64_PREL32, R_AARCH64_MOVW_SABS_G0, 0 },
		{ R_AARCH64_PREL32, R_AARCH64_GOTREL64, 0 },
		{ R_AARCH64_PREL32, R_AARCH64_RELATIVE, 0 },
		/* Too far away, or not whole. */
		{ R_AARCH64_TSTBR14, R_AARCH64_TSTBR14, 65536 },
		{ R_AARCH64_TSTBR14, R_AARCH64_TSTBR14, 2 },
		{ R_AARCH64_CONDBR19, R_AARCH64_CONDBR19, 1 << 21 },
		{ R_AARCH64_CONDBR19, R_AARCH64_CONDBR19, -(2 << 20) },
		{ R_AARCH64_LD_PREL_LO19, R_AARCH64_LD_PREL_LO19, 1 << 21 },
		{ R_AARCH64_ADR_PREL_LO21, R_AARCH64_ADR_PREL_LO21, 1 << 21 },
		{ R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_ADR_PREL_PG_HI21,
		  1l << 33 },
		{ R_AARCH64_JUMP26, R_AARCH64_JUMP26, 1 << 28 },
		{ R_AARCH64_MOVW_UABS_G0, R_AARCH64_MOVW_UABS_G0, 65536 },
		{ R_AARCH64_MOVW_UABS_G1, R_AARCH64_MOVW_UABS_G1, 1l << 32 },
		{ R_AARCH64_MOVW_UABS_G2, R_AARCH64_MOVW_UABS_G2, 1l << 48 },
		{ R_AARCH64_LDST64_ABS_LO12_NC, R_AARCH64_LDST64_ABS_LO12_NC,
		  4 },
		{ R_AARCH64_LDST128_ABS_LO12_NC, R_AARCH64_LDST128_ABS_LO12_NC,
		  8 },
		{ R_AARCH64_ABS16, R_AARCH64_ABS16, 65536 },
		{ R_AARCH64_ABS32, R_AARCH64_ABS32, 1l << 32 },
		{ R_AARCH64_PREL32, R_AARCH64_PREL32, 1l << 33 },
	};

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(wrong); i++) {
		Elf64_Rela *r;
		int err;

		take_image();
		r = relocation(wrong[i].type);
		REQUIRE(r);
		r->r_info = ELF64_R_INFO(ELF64_R_SYM(r->r_info), wrong[i].as);
		r->r_addend += wrong[i].addend;
		err = load();
		if (err != -ENOEXEC)
			tl_test_note("row", i);
		CHECK_EQ(err, -ENOEXEC);
	}
}
