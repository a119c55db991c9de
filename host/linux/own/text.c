/* SPDX-License-Identifier: MIT */
/*
 * text.c - writing the program's own text
 *
 * Through /proc/self/mem, which writes to pages that are not writable at their
 * addresses, and never makes them so.  Else a changed copy of the page is made
 * elsewhere and then moved over the original, which is one step for everybody who
 * runs there (who comes there meanwhile waits for the kernel).  That is done
 *
 *   - where the file is forbidden;
 *   - where an emulator would go on with what it has translated;
 *   - for words that the machine does not let us exchange while others may
 *     execute them (tl_text_exchangeable()): of a page that is another one, each
 *     CPU fetches the old word or the new one.
 *
 * The copy is a private mapping of the same file at the same place, so whoever reads
 * /proc/self/maps (debuggers, profilers, the command) still finds the code to be the
 * file's.  It is nobody's where the file is not there any more.
 */
#include "own/own.h"

#include <asm/stat.h>

#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED   2
#define ENFILE	       23
#define EMFILE	       24

static void copy(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
}

static int open_mem(void)
{
	return tl_is_emulated() ? -TL_EACCES
				: tl_open("/proc/self/mem", TL_O_RDWR);
}

/* How many of @edits lie in one page with the first, or in the same two. */
static size_t same_pages(const struct tl_edit *edits, size_t n)
{
	uintptr_t first = edits[0].addr & ~(TL_PAGE - 1);
	uintptr_t end = tl_page_up(edits[0].addr + edits[0].len);
	size_t count = 1;

	while (count < n && edits[count].addr >= first &&
	       edits[count].addr + edits[count].len <= end)
		count++;
	return count;
}

/*
 * The file that was asked for last, and where all of it that lies in one piece is
 * mapped.  Under the registration lock, until tl_text_forget().
 */
static struct {
	uintptr_t start;
	uintptr_t end;
	uint64_t offset;
	uint64_t dev;
	uint64_t inode;
	char path[512];
} file;

static void note_file(const struct tl_map *m)
{
	file.start = m->start;
	file.end = m->end;
	file.offset = m->offset;
	file.dev = m->dev;
	file.inode = m->inode;
	for (size_t i = 0; i < sizeof(file.path); i++) {
		file.path[i] = i + 1 < sizeof(file.path) ? m->path[i] : '\0';
		if (!file.path[i])
			break;
	}
}

/* Until the piece is complete that @arg, an address, is in. */
static int find_file(const struct tl_map *m, void *arg)
{
	uintptr_t at = *(const uintptr_t *)arg;

	if (m->inode && m->inode == file.inode && m->dev == file.dev &&
	    m->start == file.end &&
	    m->offset == file.offset + (file.end - file.start)) {
		file.end = m->end;
		return 0;
	}
	if (m->start > at)
		return 1;
	note_file(m);
	return 0;
}

/* The file that is mapped at [@at, @at + @len), and where in it; or negative. */
static int open_file(uintptr_t at, size_t len, uint64_t *offset)
{
	struct stat st;
	int fd;

	if (!file.inode || at < file.start || at + len > file.end) {
		file.end = file.inode = 0;
		tl_maps_each(find_file, &at);
	}
	if (!file.inode || at < file.start || at + len > file.end)
		return -TL_ENOENT;
	fd = tl_open(file.path, TL_O_RDONLY | TL_O_NONBLOCK);
	if (fd < 0)
		return fd;
	/* Devices are not compared: stacked file systems have two. */
	if (tl_sys2(__NR_fstat, fd, (long)&st) || st.st_ino != file.inode) {
		tl_close(fd);
		return -TL_ENOENT;
	}
	*offset = file.offset + (at - file.start);
	return fd;
}

/* Memory for a copy of what is at [@first, @first + @len). */
static long map_copy(uintptr_t first, size_t len)
{
	uint64_t offset = 0;
	int fd = open_file(first, len, &offset);
	long at = -TL_ENOENT;

	if (fd >= 0) {
		at = tl_mmap(0, len, TL_PROT_READ | TL_PROT_WRITE,
			     TL_MAP_PRIVATE, fd, (long)offset);
		tl_close(fd);
	}
	if (tl_failed(at))
		at = tl_mmap(0, len, TL_PROT_READ | TL_PROT_WRITE,
			     TL_MAP_PRIVATE | TL_MAP_ANONYMOUS, -1, 0);
	return at;
}

/* Make @n edits, which lie in the same pages. */
static int replace_pages(const struct tl_edit *edits, size_t n)
{
	uintptr_t first = edits[0].addr & ~(TL_PAGE - 1);
	size_t len = tl_page_up(edits[0].addr + edits[0].len) - first;
	long at, err;

	at = map_copy(first, len);
	if (tl_failed(at))
		return -TL_ENOMEM;
	err = tlh_read((void *)at, first, len);
	if (err)
		goto unmap;
	for (size_t i = 0; i < n; i++)
		copy((void *)(at + (edits[i].addr - first)), edits[i].bytes,
		     edits[i].len);
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

/*
 * As many of @edits as follow each other in memory, as one; how many.  A copy of
 * an instruction comes in pieces, and each write walks the page tables.
 */
static size_t join(const struct tl_edit *edits, size_t n, uint8_t *bytes,
		   size_t room, size_t *len)
{
	size_t count = 0;

	*len = 0;
	while (count < n && edits[count].len <= room - *len &&
	       (!count || edits[count].fresh) &&
	       edits[count].addr == edits[0].addr + *len) {
		copy(bytes + *len, edits[count].bytes, edits[count].len);
		*len += edits[count++].len;
	}
	return count;
}

static void note_other(const char *tid, void *arg)
{
	(void)tid;
	*(bool *)arg = true;
}

/* May others execute what is there while it is written over by @edit? */
static bool must_replace(const struct tl_edit *edit)
{
	bool others = false;

	if (edit->fresh ||
	    tl_text_exchangeable(edit->addr, edit->bytes, edit->len))
		return false;
	return tl_threads_each_other(note_other, &others) || others;
}

/* Make the first of @edits; how many, or negative. */
static long write_some(int fd, const struct tl_edit *edits, size_t n)
{
	uint8_t bytes[512];
	size_t count, len;
	int err;

	if (fd >= 0 && !must_replace(edits)) {
		count = join(edits, n, bytes, sizeof(bytes), &len);
		if (tl_sys4(__NR_pwrite64, fd, (long)bytes, len, edits->addr) ==
		    (long)len) {
			tl_text_written(edits->addr, len);
			return count;
		}
	}
	count = same_pages(edits, n);
	err = replace_pages(edits, count);
	for (size_t i = 0; i < count && !err; i++)
		tl_text_written(edits[i].addr, edits[i].len);
	return err ? err : (long)count;
}

/* Nobody is stopped for a write. */
int tlh_text_write(const struct tl_edit *edits, size_t n, enum tl_others others)
{
	int fd = open_mem();
	long done = 0;

	(void)others;
	if (fd == -EMFILE || fd == -ENFILE)
		return fd; /* there is a way, but not just now */
	for (; n; edits += done, n -= done) {
		done = write_some(fd, edits, n);
		if (done < 0)
			break;
	}
	if (fd >= 0)
		tl_close(fd);
	return done < 0 ? done : 0;
}

/* ---- what is text ------------------------------------------------------------- */

#define MAX_CODE 2048

/* Executable mappings, by address; read anew for each hold of the lock. */
static struct {
	uintptr_t start;
	uintptr_t end;
} code[MAX_CODE];

static size_t n_code;
static uint64_t code_sum; /* changes when other code is mapped */
static bool code_is_fresh;

void tl_text_forget(void)
{
	code_is_fresh = false;
	file.inode = 0;
}

static bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void add_to_sum(uint64_t v)
{
	code_sum = (code_sum ^ v) * 0x9e3779b97f4a7c15ull;
	code_sum ^= code_sum >> 29;
}

/*
 * The kernel's own page cannot be replaced, only written (@arg: is that enough?).  Nor
 * can a page that the program writes to: its next byte would be lost, or a fault.
 */
static int note_code(const struct tl_map *m, void *arg)
{
	if (!(m->prot & TL_PROT_EXEC) ||
	    (!*(bool *)arg &&
	     (m->prot & TL_PROT_WRITE || same_text(m->path, "[vdso]"))))
		return 0;
	add_to_sum(m->start);
	add_to_sum(m->end);
	add_to_sum(m->dev ^ m->inode << 8);
	if (n_code && code[n_code - 1].end == m->start) {
		code[n_code - 1].end = m->end;
		return 0;
	}
	if (n_code == MAX_CODE)
		return 1;
	code[n_code].start = m->start;
	code[n_code++].end = m->end;
	return 0;
}

static bool is_code(uintptr_t addr, size_t len)
{
	size_t low = 0, high = n_code;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (code[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr + len <= code[low - 1].end;
}

/* Can /proc/self/mem be written?  Tried with what is there, on a page of code. */
static bool mem_works(void)
{
	int fd = open_mem();
	uintptr_t at = (uintptr_t)tlh_text_write;
	uint8_t byte = *(const uint8_t *)at;
	long n;

	if (fd < 0)
		return false;
	n = tl_sys4(__NR_pwrite64, fd, (long)&byte, 1, at);
	tl_close(fd);
	return n == 1;
}

static void read_code(bool mem_is_written)
{
	uint64_t before = code_sum;

	n_code = 0;
	code_sum = 0;
	code_is_fresh = tl_maps_each(note_code, &mem_is_written) >= 0;
	if (code_sum != before)
		tl_symbols_forget();
}

bool tl_text_allowed(uintptr_t addr, size_t len, bool jump)
{
	static int works = -1; /* under the registration lock */
	bool mem;

	(void)jump;
	if (works < 0)
		works = mem_works();
	mem = works && TL_TEXT_IN_PLACE;
	if (!code_is_fresh)
		read_code(mem);
	return is_code(addr, len);
}
