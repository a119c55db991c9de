/* SPDX-License-Identifier: MIT */
/* link: lib -ldl */
/*
 * dlclose.c - probes in a library that is closed, and opened again
 *
 * The library is zlib, which the test itself does not use.  Each test runs in a
 * child, so that each has a process in which it was never open.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_test.h"

#define LIBRARY "libz.so.1"
#define PAGE	4096UL

typedef unsigned long crc_fn(unsigned long crc, const void *buf,
			     unsigned int len);

static unsigned long hits, returns;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	returns++;
	return 0;
}

/* For children: leave with the line number if @cond is false. */
#define MUST(cond)                                 \
	do {                                       \
		if (!(cond))                       \
			return __LINE__ % 251 + 1; \
	} while (0)

static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		alarm(60);
		_exit(fn());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

static bool is_there(void)
{
	void *lib = dlopen(LIBRARY, RTLD_NOW);

	return lib && !dlclose(lib);
}

static bool is_mapped(const void *at)
{
	void *page = (void *)((uintptr_t)at & -PAGE);
	unsigned char byte;

	return !mincore(page, PAGE, &byte) || errno != ENOMEM;
}

static void *library;
static char path[4096] = LIBRARY;
static uint8_t text[32];

/*
 * Open the library: its crc32, or NULL.  The second time by its path, since the
 * program loader would map its list of libraries to where the library was.
 */
static crc_fn *open_library(void)
{
	crc_fn *crc;

	library = dlopen(path, RTLD_NOW);
	if (library)
		snprintf(path, sizeof(path), "%s",
			 ((struct link_map *)library)->l_name);
	crc = library ? (crc_fn *)dlsym(library, "crc32") : NULL;
	if (crc)
		memcpy(text, (void *)crc, sizeof(text));
	return crc;
}

static bool is_right(crc_fn *crc)
{
	return crc(0, "123456789", 9) == 0xcbf43926;
}

static int look(const struct tl_status *st, void *arg)
{
	if (st->probe == arg)
		return st->kind == TL_KIND_NONE && !st->enabled &&
				       (st->probe->flags & KPROBE_FLAG_GONE)
			       ? 1
			       : 2;
	return 0;
}

static int closed(void)
{
	struct kprobe p = { .pre_handler = hit };
	struct kretprobe r = { .handler = returned };
	crc_fn *crc = open_library();

	MUST(crc);
	p.addr = r.kp.addr = (void *)crc;
	MUST(!register_kprobe(&p));
	MUST(!register_kretprobe(&r));
	MUST(is_right(crc) && hits == 1 && returns == 1);
	MUST(!dlclose(library) && !is_mapped((void *)crc));

	MUST(trapline_each_probe(look, &p) == 1);
	MUST(p.flags & r.kp.flags & KPROBE_FLAG_GONE);
	MUST(!((p.flags | r.kp.flags) & KPROBE_FLAG_OPTIMIZED));
	MUST(enable_kprobe(&p) == -TL_EINVAL);
	MUST(disable_kprobe(&p) == -TL_EINVAL);
	MUST(disable_kretprobe(&r) == -TL_EINVAL);
	unregister_kprobe(&p);
	unregister_kretprobe(&r);
	MUST(!trapline_each_probe(look, &p));
	MUST(!p.flags && register_kprobe(&p) == -TL_ENOENT);
	return 0;
}

/* Unregistered with nobody having looked in between. */
static int closed_and_unregistered(void)
{
	struct kprobe p = { .pre_handler = hit };
	struct kretprobe r = { .handler = returned };
	crc_fn *crc = open_library();

	MUST(crc);
	p.addr = r.kp.addr = (void *)crc;
	MUST(!register_kprobe(&p));
	MUST(!register_kretprobe(&r));
	MUST(!dlclose(library) && !is_mapped((void *)crc));
	unregister_kretprobe(&r);
	unregister_kprobe(&p);
	MUST(!is_mapped((void *)crc));
	return 0;
}

/* Something else lies there, and is not written to. */
static int replaced(void)
{
	struct kprobe p = { .pre_handler = hit };
	crc_fn *crc = open_library();
	uintptr_t page = (uintptr_t)crc & -PAGE;
	unsigned char *at;

	MUST(crc);
	p.addr = (void *)crc;
	MUST(!register_kprobe(&p));
	MUST(!dlclose(library));
	at = mmap((void *)page, 2 * PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	MUST(at == (void *)page);
	memset(at, 0x5a, 2 * PAGE);
	unregister_kprobe(&p);
	for (unsigned int i = 0; i < 2 * PAGE; i++)
		MUST(at[i] == 0x5a);
	return 0;
}

/* Opened again, at the same address. */
static int opened_again(void)
{
	struct kprobe old = { .pre_handler = hit };
	struct kprobe new = { .pre_handler = hit };
	crc_fn *crc = open_library(), *again;

	MUST(crc);
	old.addr = new.addr = (void *)crc;
	MUST(!register_kprobe(&old));
	MUST(is_right(crc) && hits == 1);
	MUST(!dlclose(library) && !is_mapped((void *)crc));
	again = open_library();
	MUST(again == crc);
	/* Nobody was told, and nothing is armed. */
	MUST(is_right(crc) && hits == 1);

	MUST(!register_kprobe(&new));
	MUST(old.flags & KPROBE_FLAG_GONE);
	MUST(!(new.flags &KPROBE_FLAG_GONE));
	MUST(is_right(crc) && hits == 2);
	unregister_kprobe(&old);
	MUST(is_right(crc) && hits == 3);
	unregister_kprobe(&new);
	MUST(!memcmp(text, (void *)crc, sizeof(text)));
	MUST(is_right(crc) && hits == 3);
	/* The first one is as good as new. */
	MUST(!register_kprobe(&old));
	MUST(is_right(crc) && hits == 4);
	unregister_kprobe(&old);
	return 0;
}

/* As above, but what is done to the old probe comes first. */
static int old_ones_are_left_alone(void)
{
	struct kprobe p = { .pre_handler = hit }, q = { .pre_handler = hit };
	crc_fn *crc = open_library();

	MUST(crc);
	p.addr = q.addr = (void *)crc;
	q.flags = KPROBE_FLAG_DISABLED;
	MUST(!register_kprobe(&p));
	MUST(!register_kprobe(&q));
	MUST(!dlclose(library));
	MUST(open_library() == crc);
	MUST(enable_kprobe(&q) == -TL_EINVAL);
	MUST(disarm_all_kprobes() == 0);
	MUST(arm_all_kprobes() == 0);
	MUST(is_right(crc) && !hits);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
	MUST(!memcmp(text, (void *)crc, sizeof(text)));
	MUST(is_right(crc));
	return 0;
}

TL_TEST(probes_in_a_closed_library_are_gone)
{
	static const struct {
		const char *name;
		int (*fn)(void);
	} rows[] = {
		{ "closed", closed },
		{ "closed and unregistered", closed_and_unregistered },
		{ "replaced", replaced },
		{ "opened again", opened_again },
		{ "old ones are left alone", old_ones_are_left_alone },
	};

	if (!is_there())
		SKIP("there is no " LIBRARY);
	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		ROW(rows[i].name);
		CHECK_EQ(in_child(rows[i].fn), 0);
	}
}
