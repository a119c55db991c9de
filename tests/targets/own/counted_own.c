/* SPDX-License-Identifier: MIT */
/*
 * counted_own.c - what makes counted a program that has libtrapline
 *
 * With OWN_PROBES in its environment it counts the entries of step() by a probe of its
 * own, and the returns, and says at its end how many there were.
 */
#include <stdio.h>
#include <stdlib.h>

#include <trapline/kprobes.h>
#include <trapline/trapline.h>

long step(long n, const char *text);

static unsigned long entries, returns;

static int on_entry(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__atomic_fetch_add(&entries, 1, __ATOMIC_RELAXED);
	return 0;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	__atomic_fetch_add(&returns, 1, __ATOMIC_RELAXED);
	return 0;
}

static struct kprobe entry = { .addr = (kprobe_opcode_t *)step,
			       .pre_handler = on_entry };
static struct kretprobe exits = { .kp.addr = (kprobe_opcode_t *)step,
				  .handler = on_return };

__attribute__((constructor)) static void begin(void)
{
	int err = trapline_init();

	if (getenv("OWN_PROBES") && !err)
		err = register_kprobe(&entry) || register_kretprobe(&exits);
	if (err)
		printf("no probes: %d\n", err);
}

__attribute__((destructor)) static void end(void)
{
	printf("own %lu %lu\n", entries, returns);
}
