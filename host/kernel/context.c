/* SPDX-License-Identifier: MIT */
/*
 * context.c - one control block for each thread, and the registration lock
 *
 * A breakpoint's handlers run with interrupts off, but those of a detour may be
 * pre-empted, and a followed call may return on another CPU.  So what the engine
 * keeps about the code that runs "here" lies in the thread, which a register leads
 * to; an interrupt uses the block of the thread that it interrupts.  A block
 * lives as long as its slot: a new thread in it begins above all frames of
 * the old one, and its stack is zeroed.
 */

#include <kern/probes.h>
#include <kern/symbols.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <trapline/host.h>
#include <trapline/kprobes.h>

_Static_assert(sizeof(struct tl_context) <= sizeof(threads[0].local),
	       "THREAD_LOCAL_WORDS");

static inline struct tl_context *context_of(struct thread *t)
{
	return (struct tl_context *)t->local;
}

TL_NOPROBE struct tl_context *tlh_context(void)
{
	return context_of(arch_current());
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	int ret = 0;

	for (unsigned int i = 0; i < KERN_MAX_THREADS && !ret; i++)
		ret = fn(context_of(&threads[i]), arg);
	return ret;
}

static struct mutex registration;

void tlh_lock(void)
{
	mutex_lock(&registration);
}

void tlh_unlock(void)
{
	mutex_unlock(&registration);
}

bool probes_running(char *name, size_t size)
{
	const struct tl_context *cx = tlh_context();
	const struct kprobe *p = cx->depth ? kprobe_running() : NULL;
	const struct symbol *sym;

	if (!p)
		return false;
	sym = symbol_by_addr((uintptr_t)p->addr);
	strcopy(name, sym ? sym->name : "(no symbol)", size);
	return true;
}
