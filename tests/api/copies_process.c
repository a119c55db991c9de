/* SPDX-License-Identifier: MIT */
/* link: lib on-arm64 tests/api/arm64/places.S -lpthread */
/*
 * copies_process.c - a page of text that was changed is still its file's
 *
 * While other threads run, a word that may not be exchanged under them is changed in a
 * copy of its page.  Whoever reads /proc/self/maps is to find the code as before.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <trapline/kprobes.h>

#include "places.h"
#include "tl_test.h"

static volatile bool ended;

static void *spin(void *arg)
{
	(void)arg;
	while (!ended)
		;
	return NULL;
}

/* Where in which file is @addr, by its mapping?  0: in none. */
static unsigned long file_of(const void *fn, unsigned long *offset)
{
	unsigned long start, end, from, inode, found = 0;
	uintptr_t addr = (uintptr_t)fn;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx %*x:%*x %lu", &start, &end,
			   &from, &inode) == 4 &&
		    addr >= start && addr < end) {
			found = inode;
			*offset = addr - start + from;
		}
	if (f)
		fclose(f);
	return found;
}

static int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

TL_TEST(a_changed_page_is_still_its_files)
{
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = hit };
	unsigned long before = 0, after = 0, inode;
	pthread_t other;

	inode = file_of((void *)place_jump, &before);
	if (!inode)
		SKIP("mappings have no files here");
	REQUIRE(pthread_create(&other, NULL, spin, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		REQUIRE(register_kprobe(&p) == 0);
		CHECK_EQ(place_jump(30, 12, 0), 42);
		CHECK_EQ(file_of((void *)place_jump, &after), inode);
		CHECK_EQ(after, before);
		unregister_kprobe(&p);
		CHECK_EQ(place_jump(30, 12, 0), 42);
		CHECK_EQ(file_of((void *)place_jump, &after), inode);
		CHECK_EQ(after, before);
	}
	ended = true;
	pthread_join(other, NULL);
}
