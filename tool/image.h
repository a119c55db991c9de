/* SPDX-License-Identifier: MIT */
/*
 * image.h - the functions of one ELF file
 *
 * An image is what a file, or a piece of memory, says about itself: where its
 * code is and which functions lie in it.  Nothing in it is trusted: whatever a
 * file holds, these functions return.  Addresses are those of the file; a
 * process adds its bias.
 */
#ifndef TL_IMAGE_H
#define TL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum symbol_kind {
	SYMBOL_FUNC,
	SYMBOL_LABEL, /* code without a type: written in assembly */
	SYMBOL_IFUNC, /* the address is that of the function which chooses */
};

struct symbol {
	uint64_t addr;
	uint64_t size;	     /* never past the end of the code; 0: not known */
	const char *name;    /* of the file's table */
	const char *plain;   /* demangled: see names.h */
	const char *shown;   /* the plain one, or what tells it from others */
	const char *version; /* of a dynamic symbol, see versions.h; or NULL */
	uint8_t kind;	     /* enum symbol_kind */
	uint8_t bind;	     /* 0 global, 1 weak, 2 local */
	bool first;	     /* of those at this address: the name to show */
	bool old;	     /* a version that must be named to be meant */
	bool exported;	     /* others may be bound to it */
};

struct segment {
	uint64_t vaddr, size, offset;
};

struct image {
	struct symbol *symbols; /* by address; the one to show comes first */
	size_t n, room;
	struct segment *code; /* what is mapped executable */
	size_t n_code;
	bool is_64;
	uint16_t machine; /* EM_* */
	uint16_t type;	  /* ET_* */
	bool named;	  /* plain and shown are there */
	bool has_symtab;  /* .symtab, of its own or from a debug file */
	char *debug_file; /* where that came from, or NULL */
	void *elf;	  /* Elf *, of libelf */
	void *debug_elf;  /* the debug file's, which owns names */
	void *mini_elf; /* that of .gnu_debugdata, see minidebug.h; or NULL … */
	void *mini_memory; /* … and what it was unpacked to */
	void *cfi;	   /* Dwarf_CFI *, once it was asked for */
	bool cfi_tried;
	struct markers *markers; /* once they were asked for: see markers.h */
	struct frames *frames;	 /* the same: see frames.h */
	void *memory;		 /* what elf was read from, if not a file */
	int fd, debug_fd;
	int8_t go; /* 1: Go's linker made it, -1: another; 0: nobody asked yet */
};

/* Opens a file by its path as the image's process sees it; -1: there is none. */
struct image_opener {
	int (*open)(void *arg, const char *path);
	void *arg;
};

/*
 * Read the functions of the ELF file open at @fd, which becomes the image's.
 * @path is used to find separate debug files, by @opener (NULL: none are looked
 * for).  0, or -1 and *@why says in what way it is no file to work with.
 */
int image_open(struct image *img, int fd, const char *path,
	       const struct image_opener *opener, const char **why);

/* The same from @size bytes at @memory (from malloc), which become the image's. */
int image_open_memory(struct image *img, void *memory, size_t size,
		      const char **why);

void image_close(struct image *img);

/* The symbol to show for the function that holds @addr, or NULL. */
const struct symbol *image_find(const struct image *img, uint64_t addr);

/* Is there code at @addr? */
bool image_has_code(const struct image *img, uint64_t addr);

/* The @n bytes of code at @addr into @dst, as the file has them; false: it has not. */
bool image_code(const struct image *img, uint64_t addr, void *dst, size_t n);

/* Did Go's linker make it? */
bool image_is_go(struct image *img);

/* The unwind tables, a Dwarf_CFI * of the image's; NULL: there are none. */
void *image_cfi(struct image *img);

/*
 * Is every section of the Elf * that has all of @flags (SHF_*) small enough to be
 * read into memory?  For libdw, which reads what it is given.
 */
bool image_is_affordable(void *elf, uint64_t flags);

/* The same for one of its sections, an Elf_Scn *. */
bool image_section_fits(void *elf, void *section);

#endif
