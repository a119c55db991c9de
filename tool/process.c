/* SPDX-License-Identifier: MIT */
/*
 * process.c - the code that a live process has mapped
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "images.h"
#include "process.h"
#include "text.h"

#define FEW_FILES 64 /* a limit below that is none that was meant for us */
#define VDSO_MAX  (1024 * 1024)

/* A line of /proc/PID/maps. */
struct mapping {
	uint64_t start, end, offset, inode;
	unsigned int major, minor;
	bool exec, deleted;
	char *path; /* into the line; "" if there is none */
};

static int open_proc(pid_t pid, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* ---- May it be read at all? ---------------------------------------------- */

/* The letter behind `State:` in /proc/PID/status, or 0. */
static char process_status(pid_t pid, bool *kernel_thread)
{
	char path[64], line[256], state = 0;
	bool has_memory = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "State:", 6) == 0)
			sscanf(line + 6, " %c", &state);
		if (strncmp(line, "VmSize:", 7) == 0)
			has_memory = true;
	}
	fclose(f);
	*kernel_thread = !has_memory;
	return state;
}

static bool is_32_bit(pid_t pid)
{
	unsigned char ident[EI_NIDENT];
	int fd = open_proc(pid, "exe");
	bool yes;

	if (fd < 0)
		return false;
	yes = read(fd, ident, sizeof(ident)) == (ssize_t)sizeof(ident) &&
	      memcmp(ident, ELFMAG, SELFMAG) == 0 &&
	      ident[EI_CLASS] == ELFCLASS32;
	close(fd);
	return yes;
}

bool process_is_stopped(pid_t pid)
{
	bool kernel_thread;

	return process_status(pid, &kernel_thread) == 'T';
}

pid_t process_debugger(pid_t pid, char name[32])
{
	char path[64], line[256];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/comm", tracer);
	f = tracer > 0 ? fopen(path, "re") : NULL;
	if (!f || !fgets(name, 32, f))
		strcpy(name, "?");
	name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	return tracer > 0 && strcmp(name, "trapline-guard") != 0 &&
			       strcmp(name, "tl-net") != 0 &&
			       strcmp(name, "trapline-follow") != 0
		       ? tracer
		       : 0;
}

/* Beside the first one.  A folder has a link for itself, one from each child. */
static bool other_threads(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return stat(path, &st) == 0 && st.st_nlink > 3;
}

int process_check(pid_t pid)
{
	bool kernel_thread = false;
	char state = process_status(pid, &kernel_thread);
	char byte;
	int fd;

	if (!state) {
		/* Is there one all the same? */
		say_error(
			kill(pid, 0) == 0 || errno == EPERM
				? "process %d is not to be seen in /proc (which is "
				  "mounted with hidepid?): run trapline as root"
				: "no process %d",
			(int)pid);
		return -1;
	}
	if (state == 'Z' || state == 'X') {
		say_error(other_threads(pid)
				  ? "the first thread of process %d has ended: "
				    "nothing of such a process can be seen"
				  : "process %d is a zombie: it has ended, and "
				    "its parent has not noticed yet",
			  (int)pid);
		return -1;
	}
	if (kernel_thread) {
		say_error("process %d is a thread of the kernel, it runs no "
			  "program",
			  (int)pid);
		return -1;
	}
	/* Opening is allowed to all; it is reading that asks. */
	fd = open_proc(pid, "maps");
	if (fd < 0 || read(fd, &byte, 1) < 0) {
		int err = errno;

		if (fd >= 0)
			close(fd);
		if (err == EACCES || err == EPERM)
			say_error("no permission for process %d: it is %s",
				  (int)pid,
				  geteuid() ? "another user's or protected; "
					      "run trapline as root (sudo)"
					    : "protected, also from root");
		else
			say_error("cannot read the mappings of process %d: %s",
				  (int)pid, strerror(err));
		return -1;
	}
	close(fd);
	if (is_32_bit(pid)) {
		say_error("process %d is a 32-bit program, only 64-bit ones "
			  "can be probed",
			  (int)pid);
		return -1;
	}
	return 0;
}

/* ---- Opening its files ---------------------------------------------------- */

/*
 * Open @path inside the root of @arg, a process.  No symbolic link leads out of
 * it, and nothing but a regular file is waited for.
 */
static int open_in_root(void *arg, const char *path)
{
	const struct process *p = arg;
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY |
					 O_NONBLOCK,
				.resolve = RESOLVE_IN_ROOT };
	struct stat st;
	int root, fd;

	if (!p->pid) {
		fd = open(path, (int)how.flags);
	} else {
		char name[64];

		snprintf(name, sizeof(name), "/proc/%d/root", (int)p->pid);
		root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return -1;
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		close(root);
	}
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -1;
}

/* A debug file may be the process's or, if its root has none, ours. */
static int open_debug(void *arg, const char *path)
{
	struct process ours = { 0 };
	int fd = open_in_root(arg, path);

	return fd >= 0 ? fd : open_in_root(&ours, path);
}

/*
 * Is @fd the file that @m maps?  The device is not compared: stacked file
 * systems give another one in maps than in stat.
 */
static bool is_mapped_file(int fd, const struct mapping *m)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_ino == m->inode;
}

static int open_mapped(struct process *p, const struct mapping *m)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, m->start,
		 m->end);
	fd = open_proc(p->pid, name);
	if (fd >= 0 && is_mapped_file(fd, m))
		return fd;
	if (fd >= 0)
		close(fd);
	if (!m->deleted) {
		fd = open_in_root(p, m->path);
		if (fd >= 0 && is_mapped_file(fd, m))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	fd = open_proc(p->pid, "exe");
	if (fd >= 0 && is_mapped_file(fd, m))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The vDSO is a whole ELF file, but only in memory. */
static struct image *read_vdso(struct process *p, const struct mapping *m,
			       const char **why)
{
	size_t size = m->end - m->start;
	void *memory;
	int fd;

	if (size > VDSO_MAX)
		return NULL;
	fd = open_proc(p->pid, "mem");
	if (fd < 0)
		return NULL;
	memory = must_alloc(size, 1);
	if (pread(fd, memory, size, (off_t)m->start) != (ssize_t)size) {
		close(fd);
		free(memory);
		return NULL;
	}
	close(fd);
	return images_get_memory(memory, size, why);
}

/* ---- Mappings and modules -------------------------------------------------- */

static bool parse_mapping(char *line, struct mapping *m)
{
	static const char deleted[] = " (deleted)";
	size_t len = strcspn(line, "\n");
	char perms[5];
	int at = 0;

	line[len] = '\0';
	*m = (struct mapping){ 0 };
	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64
		   " %n",
		   &m->start, &m->end, perms, &m->offset, &m->major, &m->minor,
		   &m->inode, &at) < 7 ||
	    !at || m->end <= m->start)
		return false;
	m->exec = perms[2] == 'x';
	m->path = line + at;
	len = strlen(m->path);
	if (len > sizeof(deleted) - 1 &&
	    strcmp(m->path + len - (sizeof(deleted) - 1), deleted) == 0) {
		m->deleted = true;
		m->path[len - (sizeof(deleted) - 1)] = '\0';
	}
	return true;
}

/* The bias at which @m maps the image.  False: it maps no code of it. */
static bool bias_of(const struct image *img, const struct mapping *m,
		    uint64_t *out)
{
	for (size_t i = 0; i < img->n_code; i++) {
		const struct segment *s = &img->code[i];

		/* The page that the segment begins in is mapped whole. */
		if (m->offset + (m->end - m->start) <= s->offset ||
		    m->offset >= s->offset + s->size)
			continue;
		*out = m->start - m->offset + s->offset - s->vaddr;
		return true;
	}
	return false;
}

static void add_range(struct module *mod, const struct mapping *m)
{
	mod->code = must_grow(mod->code, mod->n_code + 1, sizeof(*mod->code));
	mod->code[mod->n_code++] =
		(struct range){ m->start, m->end, m->offset };
}

static struct module *add_module(struct process *p, const struct mapping *m)
{
	struct module *mod;
	const char *slash;

	p->modules = must_grow(p->modules, p->n + 1, sizeof(*p->modules));
	mod = &p->modules[p->n++];
	*mod = (struct module){ .path = must_dup(m->path),
				.deleted = m->deleted,
				.image = images_none() };
	slash = strrchr(mod->path, '/');
	mod->name = slash ? slash + 1 : mod->path;
	return mod;
}

/* Which file a mapping is of: the one opened before, or a new one. */
struct known_file {
	uint64_t inode;
	unsigned int major, minor;
	size_t module; /* the last one made for it */
};

static void open_module(struct process *p, struct module *mod,
			const struct mapping *m)
{
	struct image_opener opener = { open_debug, p };
	bool vdso = strcmp(m->path, "[vdso]") == 0;
	const char *why = "it cannot be read";
	struct image *img = NULL;
	int fd = vdso ? -1 : open_mapped(p, m);

	if (vdso)
		img = read_vdso(p, m, &why);
	else if (fd >= 0)
		img = images_get(fd, mod->path, &opener, &why);
	if (img)
		mod->image = img;
	else if (vdso || fd >= 0)
		mod->lack = why;
	else if (errno == EMFILE)
		mod->lack = "there are too many open files (ulimit -n)";
	else
		mod->lack = m->deleted
				    ? "the file was deleted or replaced since "
				      "it was started, and only root can still "
				      "read it"
				    : "the file cannot be opened, or is "
				      "another one now";
}

/* Does the module @mod, of the same file, also hold the mapping @m? */
static bool joins(const struct module *mod, const struct mapping *m)
{
	uint64_t bias;

	if (mod->lack)
		return true;
	return !bias_of(mod->image, m, &bias) || bias == mod->bias;
}

static void take_mapping(struct process *p, const struct mapping *m,
			 struct known_file **files, size_t *n)
{
	bool vdso = strcmp(m->path, "[vdso]") == 0;
	struct module *mod;

	if (!m->exec || (m->path[0] != '/' && !vdso))
		return;
	for (size_t i = 0; i < *n; i++) {
		struct known_file *f = &(*files)[i];

		if (vdso || f->inode != m->inode || f->major != m->major ||
		    f->minor != m->minor || !joins(&p->modules[f->module], m))
			continue;
		add_range(&p->modules[f->module], m);
		return;
	}
	mod = add_module(p, m);
	open_module(p, mod, m);
	if (!mod->lack && !bias_of(mod->image, m, &mod->bias)) {
		images_put(mod->image);
		mod->image = images_none();
		mod->lack = "no code of it is mapped";
	}
	add_range(mod, m);
	*files = must_grow(*files, *n + 1, sizeof(**files));
	(*files)[(*n)++] =
		(struct known_file){ m->inode, m->major, m->minor, p->n - 1 };
}

/* Put the program itself first: it is the file that /proc/PID/exe is. */
static void find_main(struct process *p, const struct known_file *files,
		      size_t n)
{
	int fd = open_proc(p->pid, "exe");
	struct stat st;
	struct module first;
	size_t found = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		st.st_ino = 0;
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < n; i++)
		if (files[i].inode && files[i].inode == st.st_ino) {
			found = files[i].module;
			break;
		}
	if (!p->n)
		return;
	first = p->modules[found];
	memmove(p->modules + 1, p->modules, found * sizeof(*p->modules));
	p->modules[0] = first;
	p->modules[0].is_main = true;
}

int process_read(struct process *p, pid_t pid)
{
	struct known_file *files = NULL;
	char name[64], *line = NULL;
	size_t n = 0, room = 0;
	struct mapping m;
	FILE *f;

	*p = (struct process){ .pid = pid };
	if (process_check(pid) != 0)
		return -1;
	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	f = fopen(name, "re");
	if (!f) {
		say_error("process %d ended just now", (int)pid);
		return -1;
	}
	while (getline(&line, &room, f) > 0)
		if (parse_mapping(line, &m))
			take_mapping(p, &m, &files, &n);
	fclose(f);
	free(line);
	find_main(p, files, n);
	free(files);
	for (size_t i = 0; i < p->n; i++)
		if (p->modules[i].lack)
			say_detail("%s: no symbols: %s", p->modules[i].path,
				   p->modules[i].lack);
		else if (p->modules[i].image->debug_file)
			say_detail("%s: symbols from %s", p->modules[i].path,
				   p->modules[i].image->debug_file);
	if (p->n)
		return 0;
	say_error("process %d ended just now, or has no code mapped", (int)pid);
	return -1;
}

int process_read_file(struct process *p, const char *path)
{
	struct image_opener opener = { open_in_root, p };
	char *full = realpath(path, NULL);
	const char *why = "", *slash;
	struct module *mod;
	int fd;

	*p = (struct process){ 0 };
	fd = open_in_root(p, path);
	if (fd < 0) {
		bool other = access(path, R_OK) == 0;

		say_error("cannot read %s: %s", path,
			  other ? "it is not a file" : strerror(errno));
		free(full);
		return -1;
	}
	p->modules = must_alloc(1, sizeof(*p->modules));
	mod = &p->modules[0];
	*mod = (struct module){ .is_main = true,
				.image = images_get(fd, full ? full : path,
						    &opener, &why) };
	if (!mod->image) {
		say_error("cannot use %s: %s", path, why);
		free(full);
		process_free(p);
		return -1;
	}
	mod->path = full ? full : must_dup(path);
	slash = strrchr(mod->path, '/');
	mod->name = slash ? slash + 1 : mod->path;
	p->n = 1;
	return 0;
}

void process_free(struct process *p)
{
	for (size_t i = 0; i < p->n; i++) {
		images_put(p->modules[i].image);
		free(p->modules[i].code);
		free(p->modules[i].path);
	}
	free(p->modules);
	*p = (struct process){ 0 };
}

bool module_has(const struct module *m, uint64_t addr)
{
	if (!m->n_code)
		return !m->lack && image_has_code(m->image, addr - m->bias);
	for (size_t i = 0; i < m->n_code; i++)
		if (addr >= m->code[i].start && addr < m->code[i].end)
			return true;
	return false;
}

struct module *process_module_at(struct process *p, uint64_t addr)
{
	for (size_t i = 0; i < p->n; i++)
		if (module_has(&p->modules[i], addr))
			return &p->modules[i];
	return NULL;
}

/* ---- What is in the way of an attach ------------------------------------------ */

/* Does @group, of the control groups at @top, say in @file that it is frozen? */
static bool group_is_frozen(const char *top, const char *group,
			    const char *file, const char *word)
{
	char path[PATH_MAX], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "%s%s/%s", top, group, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strstr(text, word);
}

/* It may have been asleep, and no more shows where. */
static bool is_in_frozen_group(pid_t pid)
{
	char path[64], *line = NULL;
	bool frozen = false;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	/* `4:freezer:/group`, `0::/group` */
	while (f && !frozen && getline(&line, &room, f) > 0) {
		const char *group = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (!group)
			continue;
		if (strstr(line, ":freezer:"))
			frozen = group_is_frozen("/sys/fs/cgroup/freezer",
						 group, "freezer.state",
						 "FROZEN");
		else if (strncmp(line, "0::", 3) == 0)
			frozen = group_is_frozen("/sys/fs/cgroup", group,
						 "cgroup.events", "frozen 1");
	}
	free(line);
	if (f)
		fclose(f);
	return frozen;
}

bool process_is_frozen(pid_t pid)
{
	if (!is_in_frozen_group(pid))
		return false;
	say_error("process %d is frozen (a control group's freezer): thaw it "
		  "first",
		  (int)pid);
	return true;
}

void process_tell_limits(const char *said)
{
	struct rlimit files, memory;

	if (!(said && strstr(said, "oo many open files")) &&
	    getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FEW_FILES)
		say_note("this command itself may open no more than %llu files "
			 "(RLIMIT_NOFILE)",
			 (unsigned long long)files.rlim_cur);
	if (getrlimit(RLIMIT_AS, &memory) == 0 &&
	    memory.rlim_cur != RLIM_INFINITY)
		say_note("this command itself may have no more than %llu MiB "
			 "of memory (RLIMIT_AS)",
			 (unsigned long long)memory.rlim_cur >> 20);
}
