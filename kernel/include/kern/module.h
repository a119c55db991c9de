/* SPDX-License-Identifier: MIT */
/*
 * module.h - code that comes and goes while the kernel runs
 *
 * A module is a relocatable object that the build has put into the image.  Its
 * text is never writable, its data never executable; its functions are found by
 * name and address like the kernel's own, as long as it is there.
 *
 * It defines int init_module(void) and void cleanup_module(void), and finds what
 * EXPORT() names, or, if it is one of the home's, what that has for it.
 */
#ifndef KERN_MODULE_H
#define KERN_MODULE_H

#include <kern/symbols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULE_NAME 32

struct module_area {
	uintptr_t start;
	size_t pages;
};

struct module {
	struct module *next;
	char name[MODULE_NAME];
	unsigned int users; /* of module_get() */
	bool over;	    /* it has ended, and is still in use */
	struct module_area text, read, data;
	struct symbol *symbols; /* its functions */
	size_t n_symbols;
	char *names;
	int (*init)(void);
	void (*exit)(void);

	/* For the home. */
	bool homes;   /* it is one of the home's modules */
	void *self;   /* what it knows as __this_module */
	void *params; /* the section __param */
	size_t params_size;
	void *home_data;
};

/*
 * Load @name from the image and call its init_module() with the parameters @params
 * set.  -ENOENT: no such module, or a symbol that nobody has; -EEXIST: it is
 * there; -ENOEXEC, -ENOMEM; or what init_module() returned.  Context: task.
 */
int module_load(const char *name, const char *params);

/*
 * Call its cleanup_module() and take it away.  -ENOENT; -EBUSY: it is held, or,
 * after its end, something in it is still in use.  Context: task.
 */
int module_unload(const char *name);

/* Hold @name, which is then not unloaded, or NULL.  Context: task. */
struct module *module_get(const char *name);
void module_put(struct module *m);

/* Is @addr in the text of a module?  Context: any. */
bool module_text(uintptr_t addr);

/* The symbol of a module; as those of symbols.h, which ask these. */
const struct symbol *module_symbol_by_name(const char *name);
const struct symbol *module_symbol_by_addr(uintptr_t addr);

/* Call @fn for each module.  Context: task. */
void module_each(void (*fn)(const struct module *m, void *arg), void *arg);

/*
 * What a home of modules that are not written for this kernel supplies; NULL if
 * there is none.  All in task context.
 */
struct module_home {
	const char *abi_section; /* what a module of the home has */
	size_t self_size;	 /* of its __this_module */
	int (*check)(const void *abi, size_t size);
	uintptr_t (*find)(const char *name);
	/* Set the parameters; and give back what that took. */
	int (*begin)(struct module *m, const char *params);
	void (*end)(struct module *m);
	/* Of any module: is something in it in use?  Its text is going. */
	bool (*in_use)(const struct module *m);
	void (*going)(const struct module *m);
};
extern const struct module_home *const module_home;

/* A module in the image; see module.S. */
struct module_file {
	const char *name;
	const char *start, *end;
};
extern const struct module_file modules_start[], modules_end[];

/* Let modules find the function @fn. */
struct export
{
	const char *name;
	uintptr_t addr;
};
#define EXPORT(fn)                                       \
	static const struct export export_##fn           \
		__attribute__((used, section("exports"), \
			       aligned(8))) = { #fn, (uintptr_t)fn }
extern const struct export exports_start[], exports_end[];

#endif
