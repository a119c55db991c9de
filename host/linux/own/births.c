/* SPDX-License-Identifier: MIT */
/*
 * births.c - threads that begin have the breakpoints of all threads
 *
 * Events do not pass to new threads (debug.c: what has hit is known by counts, and
 * those of events that are inherited are the sums of all heirs).  So pthread_create()
 * has a probe of ours: the new thread begins in a function that opens its events and
 * then jumps to the program's.
 *
 * Threads that are made otherwise are found by the next registration.
 */
#include "own/own.h"

#include <trapline/agent.h>

#define TRIES 200

/* What the program wanted the thread to do. */
struct birth {
	void *(*start)(void *arg);
	void *arg;
};

static bool wanted, begun;

static void *begin(void *arg)
{
	struct birth b = *(struct birth *)arg;

	tlh_free(arg, sizeof(b));
	tl_debug_thread_begins();
	return b.start(b.arg); /* a jump: nothing of ours is on the stack */
}

/*
 * pthread_create(pthread_t *, const pthread_attr_t *, void *(*start)(void *),
 * void *arg)
 */
static int on_create(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct birth **to = (struct birth **)ri->data;
	struct birth *b = tlh_alloc(sizeof(*b));

	*to = b;
	if (!b)
		return 1; /* it is found later */
	b->start = (void *(*)(void *))regs_get_kernel_argument(regs, 2);
	b->arg = (void *)regs_get_kernel_argument(regs, 3);
	tl_set_argument(regs, 2, (uintptr_t)begin);
	tl_set_argument(regs, 3, (uintptr_t)b);
	return 0;
}

static int on_created(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if ((int)regs_return_value(regs))
		tlh_free(*(struct birth **)ri->data, sizeof(struct birth));
	return 0;
}

static struct kretprobe at_create = {
	.kp.symbol_name = "pthread_create",
	.kp.flags = KPROBE_FLAG_HOME,
	.entry_handler = on_create,
	.handler = on_created,
	.data_size = sizeof(struct birth *),
};

void tl_births_follow(void)
{
	wanted = true;
}

/* Nobody is in @r, having passed its first instruction without our probe. */
static void let_them_out(const struct tl_range *r)
{
	for (int i = 0; i < TRIES && tlh_quiesce(r, 1) == -TL_EBUSY; i++)
		tl_sleep_us(500);
}

/* Is what @err says so for good: there is no such function, or no way to probe it? */
static bool is_final(int err)
{
	return err == -TL_ENOENT || err == -TL_EOPNOTSUPP || err == -TL_EINVAL;
}

void tl_births_start(void)
{
	struct tl_range r = { .n = 0 };
	int err;

	if (!wanted || __atomic_exchange_n(&begun, true, __ATOMIC_ACQUIRE))
		return;
	err = register_kretprobe(&at_create);
	if (err) {
		__atomic_store_n(&begun, is_final(err), __ATOMIC_RELEASE);
		return;
	}
	tlh_lock();
	if (!tl_symbols_function((uintptr_t)at_create.kp.addr, &r.start,
				 &r.end))
		let_them_out(&r);
	tl_debug_load_all();
	tlh_unlock();
}
