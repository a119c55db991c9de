/* SPDX-License-Identifier: MIT */
/*
 * jprobe.c - handlers that are called with a function's own arguments
 *
 * A jprobe is a kprobe whose handler the architecture calls as the function's
 * caller would have: with all its registers, vectors included, and on a copy of
 * the stack arguments.  That is done where detours call handlers, on the stack
 * of the interrupted code and below all that belongs to it:
 *
 *     | arguments      |
 *     | return address | <-- stack pointer at the entry of the function
 *     | red zone       |
 *     | registers      |     call.S
 *     | vectors        |
 *     | frames of ours |     tl_detour_pre ... tl_arch_jprobe_call  <-- frame
 *     | arguments      |     a copy
 *     | return address |     into tl_arch_jprobe_call
 *     | the handler's  |
 *
 * The handler ends by returning, or by jprobe_return(), which finds the frame
 * by the context and cuts off what is below.  From there on it is as after any
 * pre handler: the registers of the function are restored by call.S, and its
 * stack was never written.
 *
 *   J1  A handler runs only where call.S has kept the vectors: never in a trap.
 *       (A breakpoint with a jprobe has a slot that calls the handlers itself,
 *       TL_EMIT_PRE; a hit that began before that slot was there began before
 *       the registration was over, and passes.)
 *   J2  There is one handler in a context at a time, so one frame.  (A hit in a
 *       handler is a miss: H1 of trap.c.)
 *   J3  No byte is read that is not known to be there: the host said so, or the
 *       caller did by stack_args or by_reference, which the function itself is
 *       going to read.
 */
#include "locks.h"

static struct jprobe *jprobe_of(const struct kprobe *p)
{
	return (struct jprobe *)((char *)p - offsetof(struct jprobe, kp));
}

/* How many bytes of stack arguments to copy; negative: nobody knows. */
static long stack_bytes(const struct jprobe *jp, const struct pt_regs *regs)
{
	uintptr_t sp = tl_arch_sp(regs);
	size_t skip = tl_arch_stack_args(regs) - sp;
	long n;

	if (jp->stack_args)
		return jp->stack_args > 0 ? jp->stack_args : 0;
	n = tl_stack_above(sp, skip + TL_JPROBE_STACK);
	if (n < 0)
		return n;
	return (size_t)n > skip ? n - (long)skip : 0;
}

/* Copies lie at the same offset from a multiple of this as the originals. */
#define ALIGNED 64

/* The nearest to @from, upwards, that lies as @original does. */
static uintptr_t lie_as(uintptr_t original, uintptr_t from)
{
	return from + (original - from) % ALIGNED;
}

/* How many words of the stack arguments must be there: with addresses in them. */
static unsigned int words(const struct jprobe *jp, struct pt_regs *regs)
{
	return jp->words && tl_arch_reference(regs, NULL, 0) ? jp->words : 0;
}

/* Where the address is that by_reference[@i] is of; NULL: it is of none. */
static unsigned long *reference(const struct jprobe *jp, struct pt_regs *regs,
				unsigned int i)
{
	return jp->by_reference[i]
		       ? tl_arch_reference(
				 regs,
				 (unsigned long *)tl_arch_stack_args(regs), i)
		       : NULL;
}

/* Have the stack arguments, @bytes of them, at or behind @at; they are @regs' now. */
static void move_stack(struct pt_regs *regs, uintptr_t at, size_t bytes)
{
	uintptr_t from = tl_arch_stack_args(regs), sp = tl_arch_sp(regs);

	at = lie_as(from, at);
	tl_bytes_copy((void *)at, (const void *)from, bytes);
	tl_arch_set_sp(regs, at - (from - sp));
}

/*
 * Call the handler with copies of structures by reference.  Their addresses are in
 * the registers meanwhile, and in a copy of the stack arguments.
 */
static __attribute__((noinline)) void call_with_copies(const struct jprobe *jp,
						       struct pt_regs *regs,
						       size_t bytes,
						       uintptr_t *frame)
{
	uintptr_t at = (uintptr_t)__builtin_alloca(jp->room);
	unsigned long kept[TL_JPROBE_REGISTERS];
	uintptr_t sp = tl_arch_sp(regs);
	unsigned long *arg;

	if (words(jp, regs))
		move_stack(regs, (uintptr_t)__builtin_alloca(bytes + ALIGNED),
			   bytes);
	for (unsigned int i = 0; i < TL_JPROBE_REFERENCES; i++) {
		arg = reference(jp, regs, i);
		if (!arg)
			continue;
		if (i < TL_JPROBE_REGISTERS)
			kept[i] = *arg;
		at = lie_as(*arg, at);
		tl_bytes_copy((void *)at, (const void *)*arg,
			      jp->by_reference[i]);
		*arg = at;
		at += jp->by_reference[i];
	}
	tl_arch_jprobe_call(jp->entry, regs, bytes, frame);
	tl_arch_set_sp(regs, sp);
	for (unsigned int i = 0; i < TL_JPROBE_REGISTERS; i++) {
		arg = reference(jp, regs, i);
		if (arg)
			*arg = kept[i];
	}
}

void tl_jprobe_enter(struct tl_context *cx, struct kprobe *p,
		     struct pt_regs *regs)
{
	const struct jprobe *jp = jprobe_of(p);
	long bytes = stack_bytes(jp, regs);

	if (bytes < (long)(words(jp, regs) * sizeof(long))) {
		tl_probe_missed(p);
		return;
	}
	if (tl_seldom(jp->room))
		call_with_copies(jp, regs, bytes, &cx->jprobe);
	else
		tl_arch_jprobe_call(jp->entry, regs, bytes, &cx->jprobe);
	cx->jprobe = 0;
}

/* A frame that is above: what is below it is the handler's, and so are we. */
void jprobe_return(void)
{
	const struct tl_context *cx = tlh_context();
	uintptr_t frame = cx && cx->depth ? cx->jprobe : 0;

	if (frame > (uintptr_t)__builtin_frame_address(0))
		tl_arch_jprobe_leave(frame);
}

/*
 * What tells jprobes from others.  It is called by nobody: trap.c knows it and
 * calls tl_jprobe_enter(), once the others have been called.
 */
static int call_entry(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	return 0;
}

bool tl_probe_is_jprobe(const struct kprobe *p)
{
	return p->pre_handler == call_entry;
}

/* ---- registration ---------------------------------------------------------- */

/* Is @addr the entry of a function?  1, 0, or -1: nobody knows. */
static int is_entry(uintptr_t addr)
{
	uintptr_t start, end;

	return tl_function(addr, &start, &end) ? -1 : start == addr;
}

static int check_place(const struct kprobe *p)
{
	uintptr_t addr;
	int err = tl_probe_resolve(p, &addr);

	if (err)
		return err;
	return p->offset || !is_entry(addr) ? -TL_EINVAL : 0;
}

/* A function that nobody knows must at least lie where probes may be: in code. */
static bool is_code(uintptr_t addr)
{
	return !tl_forbidden(addr, 1) &&
	       (tl_allowed(addr, 1, false) || tl_allowed(addr, 1, true));
}

/* Find the room for copies of structures. */
static int find_room(struct jprobe *jp)
{
	size_t bytes = 0, args = jp->stack_args > 0 ? jp->stack_args : 0;

	jp->room = jp->words = 0;
	for (unsigned int i = 0; i < TL_JPROBE_REFERENCES; i++) {
		if (!jp->by_reference[i])
			continue;
		bytes += jp->by_reference[i];
		jp->room += jp->by_reference[i] + ALIGNED - 1;
		if (i >= TL_JPROBE_REGISTERS)
			jp->words = i - TL_JPROBE_REGISTERS + 1;
	}
	if (bytes > TL_JPROBE_REFERENCE_BYTES)
		return -TL_E2BIG;
	return jp->stack_args && args < jp->words * sizeof(long) ? -TL_EINVAL
								 : 0;
}

static int check_handler(const struct jprobe *jp)
{
	uintptr_t entry = (uintptr_t)jp->entry;
	int known = entry ? is_entry(entry) : 0;

	if (!known || (known < 0 && !is_code(entry)))
		return -TL_EINVAL;
	if (jp->stack_args < TL_JPROBE_NO_STACK)
		return -TL_EINVAL;
	return jp->stack_args > TL_JPROBE_STACK_MAX ? -TL_E2BIG : 0;
}

static int prepare(struct jprobe *jp)
{
	int err = check_place(&jp->kp);

	if (!err)
		err = check_handler(jp);
	if (!err && tl_probe_registered(&jp->kp))
		err = -TL_EINVAL;
	if (!err)
		err = find_room(jp);
	if (!err && !tl_arch_has_jprobes())
		err = -TL_EOPNOTSUPP;
	if (!err)
		jp->kp.pre_handler = call_entry;
	return err;
}

/* Up to TL_REGISTER_SOME of them, with the lock held. */
static int add_some(struct jprobe **jps, int num)
{
	struct kprobe *kps[TL_REGISTER_SOME];
	int err = 0;

	for (int i = 0; i < num && !err; i++) {
		kps[i] = &jps[i]->kp;
		err = prepare(jps[i]);
	}
	return err ? err : tl_probes_add(kps, num, NULL, NULL, true);
}

int register_jprobes(struct jprobe **jps, int num)
{
	int err = 0, done = 0, n;

	if (num <= 0)
		return -TL_EINVAL;
	tl_lock();
	for (; done < num && err >= 0; done += n) {
		n = num - done < TL_REGISTER_SOME ? num - done
						  : TL_REGISTER_SOME;
		err = add_some(jps + done, n);
		if (err < 0)
			n = 0;
	}
	tl_unlock();
	if (err >= 0)
		return 0;
	if (done)
		unregister_jprobes(jps, done);
	return err;
}

int register_jprobe(struct jprobe *jp)
{
	return register_jprobes(&jp, 1);
}

void unregister_jprobes(struct jprobe **jps, int num)
{
	struct kprobe *kps[TL_REGISTER_SOME];

	while (num > 0) {
		int n = num < TL_REGISTER_SOME ? num : TL_REGISTER_SOME;

		for (int i = 0; i < n; i++)
			kps[i] = &jps[i]->kp;
		unregister_kprobes(kps, n);
		jps += n;
		num -= n;
	}
}

void unregister_jprobe(struct jprobe *jp)
{
	unregister_jprobes(&jp, 1);
}
