/* SPDX-License-Identifier: MIT */
/*
 * process.h - the code that a live process has mapped
 *
 * Read from /proc without touching the process.  Its files are opened as it
 * sees them (containers have their own root), and only if they are still the
 * ones it has mapped (packages are upgraded under running programs).
 */
#ifndef TL_PROCESS_H
#define TL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image.h"

struct range {
	uint64_t start, end, offset;
};

/* One file at one bias. */
struct module {
	char *path;	  /* as the process sees it */
	const char *name; /* the part behind the last slash */
	uint64_t bias;	  /* address in the process minus address in the file */
	struct range *code; /* its executable mappings */
	size_t n_code;
	bool is_main;	     /* the program itself */
	bool deleted;	     /* there is no such file any more */
	const char *lack;    /* NULL, or why there is no image */
	struct image *image; /* shared: see images.h; never NULL */
};

struct process {
	pid_t pid;		/* 0: a file alone, bias 0 */
	struct module *modules; /* the program first */
	size_t n;
};

/*
 * Is @pid a process whose code can be read?  0, or -1 after a line that says
 * why not: no such process, a zombie, a kernel thread, no permission, 32-bit.
 */
int process_check(pid_t pid);

/* Is it frozen, so that nobody can stop it?  Then after a line. */
bool process_is_frozen(pid_t pid);

/*
 * Something has failed: notes of the limits that this command itself has been given,
 * but for files where what was @said (or NULL) tells of them.
 */
void process_tell_limits(const char *said);

/* The debugger of @pid, which is none of ours, with its name; 0: it has none. */
pid_t process_debugger(pid_t pid, char name[32]);

/* Is @pid stopped by a signal, as after SIGSTOP? */
bool process_is_stopped(pid_t pid);

/*
 * Read what @pid has mapped, with symbols.  0, or -1 after a line.  Modules
 * that cannot be read are there and say why (lack).
 */
int process_read(struct process *p, pid_t pid);

/* The same for the file @path alone. */
int process_read_file(struct process *p, const char *path);

void process_free(struct process *p);

/* The module that has code at @addr, or NULL. */
struct module *process_module_at(struct process *p, uint64_t addr);

/* Is @addr in one of @m's executable mappings?  For a file: has it code there? */
bool module_has(const struct module *m, uint64_t addr);

#endif
