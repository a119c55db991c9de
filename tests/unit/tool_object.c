/* SPDX-License-Identifier: MIT */
/* link: tool/object.c host/linux/object/inroads.c */
/*
 * tool_object.c - where the code of a file is, by its program headers
 *
 * Files are made up: an ELF header and a few program headers.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "object.h"
#include "tl_test.h"

static void make_file(int fd, const Elf64_Phdr *p, unsigned int n)
{
	Elf64_Ehdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof(e),
		.e_ehsize = sizeof(e),
		.e_phentsize = sizeof(*p),
		.e_phnum = (Elf64_Half)n,
	};

	REQUIRE(write(fd, &e, sizeof(e)) == (ssize_t)sizeof(e));
	REQUIRE(write(fd, p, n * sizeof(*p)) == (ssize_t)(n * sizeof(*p)));
}

static Elf64_Phdr load(uint64_t offset, uint64_t vaddr, uint64_t size,
		       uint32_t flags)
{
	return (Elf64_Phdr){ .p_type = PT_LOAD,
			     .p_flags = flags,
			     .p_offset = offset,
			     .p_vaddr = vaddr,
			     .p_filesz = size,
			     .p_memsz = size,
			     .p_align = 0x1000 };
}

/* lld's way: what ends one segment begins the next, a page further. */
TL_TEST(code_is_found_where_the_page_before_it_is_data)
{
	const Elf64_Phdr p[] = {
		load(0, 0, 0x13e74, PF_R),
		load(0x13e80, 0x14e80, 0x3f780, PF_R | PF_X),
		load(0x53600, 0x55600, 0x29c0, PF_R | PF_W),
	};
	int fd = memfd_create("object", MFD_CLOEXEC);
	struct object o;

	make_file(fd, p, 3);
	REQUIRE(!object_read(&o, fd));
	CHECK_EQ(object_address(&o, 0x13000), 0x14000);
	CHECK_EQ(object_address(&o, 0x14000), 0x15000);
	CHECK_EQ(object_address(&o, 0x53000), 0x54000);
	close(fd);
}

/* ld's way, and two pieces of code. */
TL_TEST(each_piece_of_code_has_its_own_distance)
{
	const Elf64_Phdr p[] = {
		load(0, 0, 0x800, PF_R),
		load(0x1000, 0x1000, 0x2345, PF_R | PF_X),
		load(0x4010, 0x9010, 0x1000, PF_R | PF_X),
	};
	int fd = memfd_create("object", MFD_CLOEXEC);
	struct object o;

	make_file(fd, p, 3);
	REQUIRE(!object_read(&o, fd));
	CHECK_EQ(object_address(&o, 0x1000), 0x1000);
	CHECK_EQ(object_address(&o, 0x3000), 0x3000);
	CHECK_EQ(object_address(&o, 0x4000), 0x9000);
	CHECK_EQ(object_address(&o, 0x5000), 0xa000);
	close(fd);
}
