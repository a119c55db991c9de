/* SPDX-License-Identifier: MIT */
/*
 * text.c - writing the program's own text
 *
 * Through /proc/self/mem, which writes to pages that are not writable at their
 * addresses, and never makes them so.  Where that file is forbidden, a changed
 * copy of the page is made elsewhere and then moved over the original, which is
 * one step for everybody who runs there.
 */
#include "own/own.h"

#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2

static void copy(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
}

static int replace_pages(const struct tl_edit *edit)
{
	uintptr_t first = edit->addr & ~(TL_PAGE - 1);
	size_t len = tl_page_up(edit->addr + edit->len) - first;
	long at, err;

	at = tl_mmap(0, len, TL_PROT_READ | TL_PROT_WRITE,
		     TL_MAP_PRIVATE | TL_MAP_ANONYMOUS, -1, 0);
	if (tl_failed(at))
		return -TL_ENOMEM;
	err = tlh_read((void *)at, first, len);
	if (err)
		goto unmap;
	copy((void *)(at + (edit->addr - first)), edit->bytes, edit->len);
	err = tl_sys3(__NR_mprotect, at, len, TL_PROT_READ | TL_PROT_EXEC);
	if (err)
		goto unmap;
	err = tl_sys6(__NR_mremap, at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		      first, 0);
	if (tl_failed(err))
		goto unmap;
	return 0;

unmap:
	tl_sys2(__NR_munmap, at, len);
	return err;
}

int tlh_text_write(const struct tl_edit *edits, size_t n)
{
	int fd = tl_open("/proc/self/mem", TL_O_RDWR);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		const struct tl_edit *e = &edits[i];

		if (fd >= 0 && tl_sys4(__NR_pwrite64, fd, (long)e->bytes,
				       e->len, e->addr) == e->len)
			continue;
		err = replace_pages(e);
	}
	if (fd >= 0)
		tl_close(fd);
	return err;
}
