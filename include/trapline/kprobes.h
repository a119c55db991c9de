/* SPDX-License-Identifier: MIT */
/*
 * kprobes.h - probes, for those who use them
 *
 * The names, fields, return codes and rules are those of Linux's
 * <linux/kprobes.h>.  What is Trapline's own is named trapline_* (functions),
 * tl_* (types, inline functions) or TL_*, or said so.
 *
 * Every function here is to be called in task context (not from a handler) but
 * for those marked otherwise.  Every int function returns 0 or a negative
 * number of <trapline/errno.h>; after an error nothing has changed.
 */
#ifndef TRAPLINE_KPROBES_H
#define TRAPLINE_KPROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is declared here is what libtrapline exports: see mk/libtrapline.map. */
#pragma GCC visibility push(default)

struct pt_regs; /* <trapline/regs.h> */
struct kprobe;
struct kretprobe;
struct kretprobe_instance;
struct tl_point;
struct tl_calls;

#if defined(__aarch64__)
typedef uint32_t kprobe_opcode_t;
#else
typedef uint8_t kprobe_opcode_t;
#endif

/*
 * Called before the probed instruction.  0: go on with it.  Anything else: the
 * handler has set the registers itself, the instruction is not executed, no
 * further handler is called, and execution goes on at the instruction pointer
 * in @regs.
 *
 * @regs: the registers before the instruction, to read or change.  On x86 the
 * instruction pointer is the probed address plus one, as after an int3,
 * however the probe was reached; on other architectures the probed address.
 * Context: trap.  May not sleep, may call functions that are probed.
 */
typedef int (*kprobe_pre_handler_t)(struct kprobe *p, struct pt_regs *regs);

/* Called after the probed instruction.  @flags is always 0.  Context: trap. */
typedef void (*kprobe_post_handler_t)(struct kprobe *p, struct pt_regs *regs,
				      unsigned long flags);

/*
 * Counts that probes keep in place, without any handler (Trapline's own).
 *
 * A count is spread over TL_SHARDS cells, so that threads on different CPUs
 * seldom write one cache line: shard i of a counter whose first cell is at C
 * lies at C + (i << TL_SHARD_SHIFT) bytes.  Counters of different probes lie
 * side by side, 8 bytes each, in blocks of TL_SHARDS << TL_SHARD_SHIFT bytes.
 * The value is the sum of the shards; every increment is one locked
 * instruction, so that no hit is lost however threads and signals fall.
 */
#define TL_SHARDS	 16
#define TL_SHARD_SHIFT	 16
#define TL_COUNTER_BLOCK ((size_t)TL_SHARDS << TL_SHARD_SHIFT)

/* The sum of the shards of the counter whose first cell is @cell. */
static inline uint64_t tl_counter_read(const uint64_t *cell)
{
	const char *at = (const char *)cell;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < TL_SHARDS; i++)
		sum += __atomic_load_n(
			(const uint64_t *)(at + ((size_t)i << TL_SHARD_SHIFT)),
			__ATOMIC_RELAXED);
	return sum;
}

/* Flags of a probe; Linux's values.  The caller may give those marked *. */
#define KPROBE_FLAG_GONE	  1    /* its code is unmapped */
#define KPROBE_FLAG_DISABLED	  2    /* * registered, but not armed */
#define KPROBE_FLAG_OPTIMIZED	  4    /* reached by a jump */
#define KPROBE_FLAG_FTRACE	  8    /* never set here */
#define KPROBE_FLAG_ON_FUNC_ENTRY 16   /* at the entry of a function */
#define KPROBE_FLAG_JUMP_ONLY	  256  /* * Trapline: a jump or nothing */
#define KPROBE_FLAG_NO_SWAP	  1024 /* * … return probes: see kretprobe */

/*
 * Why a probe is not reached by a jump, or was refused.  Stable: the numbers and the names of
 * trapline_why_name() are part of the interface.
 */
enum tl_why {
	TL_WHY_NONE = 0,	/* it is a jump */
	TL_WHY_DISABLED = 1,	/* not armed at all */
	TL_WHY_NO_BOUNDS = 2,	/* nobody knows where its function ends */
	TL_WHY_PAST_END = 3,	/* the jump would leave the function */
	TL_WHY_TARGET = 4,	/* a branch goes into the window */
	TL_WHY_INDIRECT = 5,	/* an indirect jump could not be resolved */
	TL_WHY_UNDECODABLE = 6, /* data or unknown instructions there */
	TL_WHY_CALL = 7,	/* a call inside: a return would land there */
	TL_WHY_NOT_RELOCATABLE = 8, /* an instruction cannot run elsewhere */
	TL_WHY_OTHER_PROBE = 9,	    /* another probe inside the window */
	TL_WHY_RANGE = 10,	    /* no memory within reach of a jump */
	TL_WHY_BUSY = 11,	    /* a thread will return into the window */
	TL_WHY_POST_HANDLER = 12,   /* a post handler on a branch */
	TL_WHY_FORBIDDEN = 13,	    /* the host forbids it there */
	TL_WHY_ARCH = 14,	    /* not on this architecture */
	TL_WHY_OFF = 15,	    /* optimization is switched off */
	TL_WHY_EXCLUSIVE = 16,	    /* between a load-exclusive and its store */
	TL_WHY_TRAP = 17,  /* a trap of the program's own, or a return */
	TL_WHY_STATE = 18, /* reads, or changes, what a trap needs */
	TL_NR_WHY
};

/* A word or two for @why, lower case, no full stop.  Context: any. */
const char *trapline_why_name(enum tl_why why);

/*
 * A probe.  The caller owns the memory, zeroes it, fills in the first group
 * and leaves it alone from registration to the end of unregistration.
 */
struct kprobe {
	kprobe_opcode_t *addr;	 /* where; or: */
	const char *symbol_name; /* the function that … */
	unsigned int offset; /* … it is this many bytes into (or into addr) */
	kprobe_pre_handler_t pre_handler;
	kprobe_post_handler_t post_handler;
	uint32_t flags; /* KPROBE_FLAG_* */

	/*
	 * Trapline's own: count every hit here (see tl_counter_read), without
	 * a handler.  NULL: do not.  With handlers it is counted when they are
	 * called.
	 */
	uint64_t *counter;

	/* To read. */
	unsigned long nmissed;	/* hits at which no handler was called */
	kprobe_opcode_t opcode; /* the first unit of the original instruction */

	/* The engine's. */
	struct kprobe *next; /* the next probe at this point, older */
	struct tl_point *point;
};

/*
 * Register @p and arm it, unless it is DISABLED.
 *
 * -TL_EINVAL: both or none of addr and symbol_name; not an instruction that can
 * be probed; a forbidden place; already registered.  -TL_EILSEQ: not an
 * instruction boundary, int3, int n, ud.  -TL_EOPNOTSUPP: far transfers, iret, virtual
 * machine calls.  -TL_ENOENT: no such symbol, or no code there.  -TL_ENOMEM.
 * -TL_EBUSY: JUMP_ONLY, and it cannot be a jump: trapline_kprobe_why() tells.
 */
int register_kprobe(struct kprobe *p);

/*
 * Remove @p.  When it returns no handler of @p runs or will run, and @p may be
 * freed, or registered again: flags, and an address that was given, are as the
 * caller gave them; one that was found by a symbol stays to be read.  A probe
 * that is not registered gets addr = NULL.
 */
void unregister_kprobe(struct kprobe *p);

/*
 * Register @num probes, all or none; armed in one go, which is much cheaper
 * than one by one.  -TL_EINVAL also when num <= 0.
 */
int register_kprobes(struct kprobe **kps, int num);
void unregister_kprobes(struct kprobe **kps, int num);

/*
 * As register_kprobes(), but each on its own: what cannot be registered gets
 * its code in @err[i] and its reason in @why[i] (either may be NULL), and the
 * others are armed all the same.  Returns how many were registered, or a
 * negative code if nothing could be tried.
 */
int trapline_register_each(struct kprobe **kps, int num, int *err,
			   enum tl_why *why);

/*
 * Arm or disarm a registered probe, without effect on others at its address.
 * What it is already it may be told to be again: 0.  -TL_EINVAL: not registered,
 * or GONE.  -TL_EBUSY: it could be armed neither by a jump nor by a breakpoint.
 */
int enable_kprobe(struct kprobe *p);
int disable_kprobe(struct kprobe *p);

/*
 * Disarm all probes, those that are registered later included, and arm those
 * again that are not DISABLED; their flags stay as they are.  (Linux's debugfs
 * file kprobes/enabled.)  Best effort: 0, or the last error; the others are
 * armed or disarmed all the same.
 */
int disarm_all_kprobes(void);
int arm_all_kprobes(void);

/*
 * Make breakpoints of all jumps, but of those that must be JUMP_ONLY, and of no
 * probe a jump until they are allowed again.  (Linux's sysctl
 * debug.kprobes-optimization.)  0, or the last error.
 */
int unoptimize_all_kprobes(void);
int optimize_all_kprobes(void);

/*
 * Trapline: where @addr is refused with TL_WHY_EXCLUSIVE, because a probe would
 * make the program try for ever, the nearest instruction of the function that is
 * not in the sequence: the load at its head, or what follows its store.  NULL:
 * there is none, or no such sequence.
 */
kprobe_opcode_t *trapline_probe_near(const kprobe_opcode_t *addr);

/* The newest probe at @addr, or NULL. */
struct kprobe *get_kprobe(void *addr);

/*
 * The probe whose handler is running here, or NULL.  Between
 * kprobe_busy_begin() and kprobe_busy_end() a probe of nobody's.  Context: any.
 */
struct kprobe *kprobe_running(void);

/*
 * Between these, which nest, every probe that this thread (in a kernel: this
 * CPU; pre-emption is to be off) hits is a miss, as if a handler were running,
 * and, as in one, nothing may be registered.
 * Context: any.
 */
void kprobe_busy_begin(void);
void kprobe_busy_end(void);

/*
 * Is the place, @offset bytes from @addr or, if that is NULL, from @sym, the
 * entry of a function?  0; -TL_EINVAL: no; -TL_ENOENT: no such symbol.
 */
int kprobe_on_func_entry(kprobe_opcode_t *addr, const char *sym,
			 unsigned long offset);

/*
 * Places that no probe may be at, besides those that the engine needs for itself.
 * within: may @addr not be probed?  ksym: add the function that begins at @entry;
 * its size, or -TL_EINVAL if none does.  area: add, or take back what was added
 * within, [@start, @end); 0, -TL_EINVAL or -TL_ENOMEM.  Probes that are there
 * already stay.
 */
bool within_kprobe_blacklist(unsigned long addr);
int kprobe_add_ksym_blacklist(unsigned long entry);
int kprobe_add_area_blacklist(unsigned long start, unsigned long end);
void kprobe_remove_area_blacklist(unsigned long start, unsigned long end);

/* Return when no optimization is pending. */
void wait_for_kprobe_optimizer(void);

/* Trapline: why @p is not a jump (TL_WHY_NONE if it is). */
enum tl_why trapline_kprobe_why(const struct kprobe *p);

/* Is @p, or was it marked to be, out of action? */
static inline bool kprobe_disabled(const struct kprobe *p)
{
	return p->flags & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE);
}

typedef int (*kretprobe_handler_t)(struct kretprobe_instance *ri,
				   struct pt_regs *regs);

/*
 * A return probe: @handler is called when the function returns, with the
 * instruction pointer already the true return address; @entry_handler, if any,
 * when it is entered: not 0 means that this call is of no interest.  Context of
 * both: trap.
 *
 * @maxactive > 0: at most so many calls at a time are followed; more count in
 * @nmissed and run untouched.  <= 0: as many as there are.  A call that was
 * followed and ended without a return (longjmp) counts in @nmissed, too, when
 * its place on the stack is used again.
 *
 * Where it is certain at which instructions the function returns, they are
 * probed and its stack is left alone; elsewhere the return address is replaced
 * while the call lasts.  In kp.flags KPROBE_FLAG_NO_SWAP asks for the first or
 * nothing: then what the function goes on to at its end (a tail call) is probed at
 * its exits, too.  With KPROBE_FLAG_JUMP_ONLY a jump that does not fit at an exit may
 * begin before it, and no other probe can then be in between.
 */
struct kretprobe {
	struct kprobe kp;
	kretprobe_handler_t handler;
	kretprobe_handler_t entry_handler;
	int maxactive;
	int nmissed;
	size_t data_size; /* of ri->data; more than 4096 is -TL_E2BIG */

	/* The engine's. */
	struct tl_calls *calls;
	struct tl_exits *exits;
};

/* C++ has no flexible array members; its compilers do. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

/* One call that is being followed. */
struct kretprobe_instance {
	struct kretprobe_instance *next; /* the engine's */
	struct kretprobe *rp;		 /* NULL: unregistered meanwhile */
	unsigned long ret_addr;		 /* where it returns to */
	unsigned long *slot;		 /* where that address was found */
	unsigned long fp;		 /* the stack pointer at entry */
	char data[] __attribute__((aligned(16)));
};

#pragma GCC diagnostic pop

/*
 * -TL_EINVAL also where the probe is not at the entry of a function;
 * -TL_EOPNOTSUPP where the exits are not certain and the return address must not
 * be replaced: NO_SWAP, a shadow stack, a function that keeps it (setjmp).
 */
int register_kretprobe(struct kretprobe *rp);
void unregister_kretprobe(struct kretprobe *rp);
int register_kretprobes(struct kretprobe **rps, int num);
void unregister_kretprobes(struct kretprobe **rps, int num);

static inline struct kretprobe *
get_kretprobe(const struct kretprobe_instance *ri)
{
	return ri->rp;
}

static inline unsigned long
get_kretprobe_retaddr(const struct kretprobe_instance *ri)
{
	return ri->ret_addr;
}

static inline int enable_kretprobe(struct kretprobe *rp)
{
	return enable_kprobe(&rp->kp);
}

static inline int disable_kretprobe(struct kretprobe *rp)
{
	return disable_kprobe(&rp->kp);
}

/* ---- lists (Linux's debugfs files kprobes/list and kprobes/blacklist) -------- */

enum tl_kind {
	TL_KIND_NONE = 0, /* not armed */
	TL_KIND_JUMP = 1,
	TL_KIND_BREAKPOINT = 2,
	TL_KIND_ISLAND = 3, /* a jump, by way of padding */
};

/* Trapline: how @p is reached now. */
enum tl_kind trapline_kprobe_kind(const struct kprobe *p);

struct tl_status {
	uintptr_t addr;
	const struct kprobe
		*probe; /* its flags say GONE, DISABLED, OPTIMIZED */
	enum tl_kind kind;
	enum tl_why why; /* TL_WHY_NONE if it is a jump */
	bool enabled;
	bool is_return; /* the entry of a return probe */
	bool by_exits;	/* … which probes the exits of its function; else it
			   replaces return addresses */
	uint64_t hits;	/* of its counter; 0 if it has none */
	uint64_t missed;
};

/*
 * Call @fn for every registered probe, in no order, until it returns non-zero;
 * returns what it returned last, or 0.  @fn runs with the registration lock
 * held: it may not register or unregister.
 */
typedef int tl_each_probe_fn(const struct tl_status *status, void *arg);
int trapline_each_probe(tl_each_probe_fn *fn, void *arg);

/* The same for every range of the blacklist, the engine itself first. */
typedef int tl_each_range_fn(unsigned long start, unsigned long end, void *arg);
int trapline_each_blacklisted(tl_each_range_fn *fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#include <trapline/jprobes.h>

#endif
