/* SPDX-License-Identifier: MIT */
/*
 * host.c - a home for the engine, to be copied and filled in
 *
 * Copy this folder into your kernel.  What the functions have to guarantee is
 * said once, in <trapline/host.h>; here is said how one usually gets there, and
 * what the engine does with an answer that says "no".
 *
 * As it stands, it is a home that compiles, links and does nothing wrong: it
 * has memory for the engine's data, it can read, and it refuses to change any
 * text, so every register_kprobe() fails with -TL_ENOMEM or -TL_EOPNOTSUPP and
 * leaves the machine as it was.  Fill in the functions from top to bottom;
 * <trapline/trap.h> says what vectors.c has to call.
 *
 * The order in which it is easiest:
 *   1. tlh_context, tlh_alloc, tlh_read, tlh_lock
 *   2. tlh_exec_alloc, tlh_text_write, tlh_sync_cores; then vectors.c: now a
 *      breakpoint probe fires
 *   3. tlh_evict, tlh_quiesce, and the optional services: now probes become
 *      jumps, and can be registered by name
 *
 * A complete example is host/kernel/ in Trapline's own tree.
 */

#include <stdatomic.h>
#include <trapline/host.h>

/* ---- the context of a CPU ------------------------------------------------- */

#define TEMPLATE_CPUS 1

static struct tl_context contexts[TEMPLATE_CPUS];

/*
 * One block for each CPU if handlers cannot migrate, or for each thread if
 * they can.  TL_NOPROBE: traps call this function, so neither it nor any
 * function that it calls may be probed.
 */
TL_NOPROBE struct tl_context *tlh_context(void)
{
	return &contexts[0];
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	int ret = 0;

	for (unsigned int i = 0; i < TEMPLATE_CPUS && !ret; i++)
		ret = fn(&contexts[i], arg);
	return ret;
}

/* ---- memory --------------------------------------------------------------- */

/*
 * Any allocator that may be called in task context will do.  This one gives
 * out a fixed piece and takes nothing back, which is enough to link.
 */
static _Alignas(16) unsigned char arena[16384];
static atomic_size_t arena_used;

void *tlh_alloc(size_t size)
{
	size_t rounded = (size + 15) & ~(size_t)15;
	size_t at = atomic_fetch_add(&arena_used, rounded);

	return at + rounded <= sizeof(arena) ? arena + at : NULL;
}

void tlh_free(void *p, size_t size)
{
	(void)p;
	(void)size;
}

/*
 * Pages mapped executable and not writable, not further than @reach from
 * @near: leave a hole beside your text, as wide as a branch reaches.  NULL
 * makes the probe stay a breakpoint, and the registration fail with -TL_ENOMEM if
 * there is nothing for a slot either, which may lie anywhere.
 */
void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	(void)near;
	(void)reach;
	(void)size;
	return NULL;
}

void tlh_exec_free(void *p, size_t size)
{
	(void)p;
	(void)size;
}

/*
 * Your fault handler must know the load in here, and make it answer -TL_EFAULT
 * (a fixup table, or a per-CPU "I am reading" address to return to).  Until it
 * does, this reads what it is told to.
 */
TL_NOPROBE int tlh_read(void *dst, uintptr_t src, size_t len)
{
	unsigned char *d = dst;
	const unsigned char *s = (const unsigned char *)src;

	for (size_t i = 0; i < len; i++)
		d[i] = s[i];
	return 0;
}

/* A mutex, if you have one: the holder may allocate and wait. */
static atomic_flag registration = ATOMIC_FLAG_INIT;

void tlh_lock(void)
{
	while (atomic_flag_test_and_set_explicit(&registration,
						 memory_order_acquire))
		;
}

void tlh_unlock(void)
{
	atomic_flag_clear_explicit(&registration, memory_order_release);
}

/* ---- writing text --------------------------------------------------------- */

/*
 * TL_OTHERS_RUNNING: other CPUs go on, and the engine writes a breakpoint
 * first wherever more than one unit changes.  TL_OTHERS_STOPPED: you have
 * stopped them (stop_machine, or interrupts off on a single CPU) and keep them
 * stopped until tlh_patch_end().
 */
int tlh_patch_begin(void)
{
	return TL_OTHERS_RUNNING;
}

void tlh_patch_end(void)
{
}

/*
 * Your text is not writable, so map the page a second time, writable and not
 * executable, write, and take the mapping away again; where instruction and
 * data caches differ, clean and invalidate the lines; if that reaches only the
 * CPU that does it, answer TL_CACHES_EACH and let tlh_sync_cores() and the end of a
 * stop do it on each.  Do not stop anyone for TL_OTHERS_STOPPED: that waits for
 * ever.  An error makes the engine put back what it has written and fail the
 * registration with it.
 */
int tlh_text_write(const struct tl_edit *edits, size_t n, enum tl_others others)
{
	(void)edits;
	(void)n;
	(void)others;
	return -TL_EOPNOTSUPP;
}

/*
 * An inter-processor interrupt whose handler executes a serializing
 * instruction (cpuid or iret on x86, isb on arm64), and the same here.
 */
void tlh_sync_cores(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * Look at the saved registers of every CPU and every thread that does not run,
 * and at their stacks.  Whoever is unsure says busy: the probe is then reached
 * by its breakpoint.
 */
void tlh_evict(struct tl_window *windows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		windows[i].busy = true;
}

/*
 * As tlh_evict(), for slots and detours that are to be given back.  -TL_EBUSY
 * costs memory and nothing else: the engine asks again.
 */
int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	(void)ranges;
	(void)n;
	return -TL_EBUSY;
}

/* ---- optional services ---------------------------------------------------- */

/*
 * Everything may be NULL.  With .lookup, probes can be registered by name;
 * with .function they can become jumps; with .allowed you keep probes out of
 * the code between your vectors and <trapline/trap.h>.
 */
static const struct tl_host_ops ops = {
	.red_zone = 0,
};

const struct tl_host_ops *tl_host_ops = &ops;
