/* SPDX-License-Identifier: MIT */
/*
 * engine.h - between the files of engine/
 *
 * Nouns.  A probe is what a user registers; a point is a probed address and has
 * one or more probes; a copy is code of ours that runs in place of the code at
 * a point: a slot (behind a breakpoint) or a detour (behind a jump); an area is
 * executable memory that copies lie in.
 *
 * Contexts.  What is called from traps and detours is marked `any`; the rest
 * is `task`, with the registration lock held.
 */
#ifndef TL_ENGINE_H
#define TL_ENGINE_H

#include <arch.h>
#include <trapline/agent.h>
#include <trapline/host.h>
#include <trapline/kprobes.h>
#include <trapline/trap.h>

/* ---- atomics ----------------------------------------------------------------
 *
 * Fields that traps read while tasks write them go through these, so that the
 * order that each access needs stands at the access.  (Those without an order are
 * volatile: relaxed atomics are the same instructions, but GCC adds up the address
 * of each in an instruction of its own.)
 */
#define tl_load(p)	       (*(const volatile __typeof__(*(p)) *)(p))
#define tl_load_acquire(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define tl_store(p, v)	       (*(volatile __typeof__(*(p)) *)(p) = (v))
#define tl_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define tl_add(p, v)	       __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define tl_fence()	       __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* Orders a thread's accesses against its own signal handlers and traps. */
#define tl_compiler_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* What a hit seldom meets: out of its way, and of the registers that it needs. */
#define tl_seldom(x) __builtin_expect(!!(x), 0)
#define TL_SELDOM    __attribute__((noinline, cold))
#define TL_ALWAYS    static inline __attribute__((always_inline))

/* Home, engine and architecture are one object: no table of addresses. */
#pragma GCC visibility push(hidden)
extern const struct tl_host_ops *tl_host_ops;

/* ---- the objects ------------------------------------------------------------ */

enum tl_text {
	TL_TEXT_ORIGINAL,
	TL_TEXT_BREAKPOINT,
	TL_TEXT_JUMP,
};

#define TL_ISLAND_BITS 8

#define TL_UNIT	      64     /* copies take whole units of an area */
#define TL_AREA_BYTES 65536u /* asked for first */
#define TL_PAGE_BYTES 4096u

/* Executable memory; areas are added while traps look, and never removed then. */
struct tl_area {
	struct tl_area *next;
	uintptr_t base;
	uint32_t size;
	uint32_t units;
	uint32_t unused;	 /* units */
	uint32_t hint;		 /* where to look first */
	struct tl_copy *owner[]; /* of each unit; NULL: unused */
};

/* What a point's enabled probes ask for. */
struct tl_want {
	enum tl_text text;
	enum tl_why why;   /* if not a jump */
	unsigned int what; /* TL_EMIT_PRE, TL_EMIT_POST */
	unsigned int n_counters;
	uint64_t *counter[TL_EMIT_COUNTERS];
	unsigned int lead; /* with TL_EMIT_LATE */
	bool jump_only;
	bool slot_calls; /* pre handlers are called by the slot, not the trap */
	bool conflict;	 /* what is asked for excludes each other in a detour */
};

/* What of it a slot does. */
static inline unsigned int tl_slot_what(const struct tl_want *want)
{
	return want->what &
	       (want->slot_calls ? TL_EMIT_PRE | TL_EMIT_POST : TL_EMIT_POST);
}

struct tl_copy {
	uintptr_t at; /* 0: there is no code, the instruction is simulated */
	struct tl_area *area;
	struct tl_point *point;
	struct tl_copy *next; /* in the list of dirty ones */
	uint64_t *counter[TL_EMIT_COUNTERS];
	uint8_t n_counters;
	uint8_t what;
	uint8_t lead;	    /* with TL_EMIT_LATE */
	uint8_t stepped;    /* a slot: TL_EMIT_ONE or TL_EMIT_BREAK; else 0 */
	bool detour;	    /* else a slot */
	bool simulate_post; /* post handlers: by simulation in the trap */
	bool live;	    /* a thread may have entered it */
	bool plain; /* a slot that a trap leads to, with no gate to be looked at */
	bool island_written;
	uint8_t island_was[TL_ISLAND_BYTES];
	uintptr_t island; /* of a detour; 0: there is none */
	struct tl_copy *next_island;
	struct tl_code code;
};

/*
 * Fields that a trap reads: only, addr, link, probes, copy, breakpoint, plan.  All
 * but only, probes, copy, breakpoint and link are constant while it can be found.
 */
struct tl_point {
	uintptr_t addr;
	/*
	 * Mostly there is one probe, with a pre handler and nothing out of the
	 * ordinary: this one.  NULL: look at the list.  (tl_point_review())
	 */
	struct kprobe *only;
	struct tl_point *link[2]; /* table.c */
	struct kprobe *probes;	  /* newest first */
	struct tl_copy *copy;	  /* where a hit goes on; NULL: never armed */
	bool breakpoint;	  /* a breakpoint here may be ours */

	bool queued;	 /* in a work list */
	bool torn;	 /* could not be written back: all of it next time */
	bool dead;	 /* out of the table, waits for a grace period */
	bool buried;	 /* and now only for its copies */
	bool avoid_jump; /* its window could not be emptied just now */
	bool unfinished; /* its last application failed: to be tried again */
	bool planned;	 /* just now: the plan and the text agree */
	bool gone;	 /* its text is: see gone.c */
	uint8_t text;	 /* enum tl_text: what is in memory */
	uint8_t why;	 /* enum tl_why */
	uint8_t tried;	 /* enum tl_why of the last application */
	int err;	 /* of the last application */
	uint32_t copies; /* that name this point, dirty ones included */
	struct tl_copy *fresh; /* to take the place of copy, or NULL */
	struct tl_point *work;
	struct tl_point *next_gone;
	struct tl_plan plan;
};

/* ---- small objects from the host's memory (mem.c) --------------------------- */

struct tl_pool {
	size_t size;
	void *unused;
	void *chunks;
	size_t in_use;
};

void *tl_pool_get(struct tl_pool *pool, size_t size);
void tl_pool_put(struct tl_pool *pool, void *object);
/* Give all memory back.  Nothing of it may be in use. */
void tl_pool_empty(struct tl_pool *pool);

/* Bytes, without a libc.  Context: any. */
void tl_bytes_copy(void *dst, const void *src, size_t n);
void tl_bytes_zero(void *dst, size_t n);

/* ---- host_ops.c: one wrapper for each optional service ----------------------- */

int tl_lookup(const char *name, uintptr_t *addr);
int tl_function(uintptr_t addr, uintptr_t *start, uintptr_t *end);
bool tl_allowed(uintptr_t addr, size_t len, bool jump);
bool tl_may_optimize(void);
/* Context: any. */
TL_ALWAYS bool tl_gate_open(void)
{
	const uint8_t *gate = tl_host_ops->gate;

	return !gate || tl_load(gate);
}
/* A miss of @p, or of the return probe @rp.  Context: any. */
void tl_probe_missed(struct kprobe *p);
void tl_return_missed(struct kretprobe *rp);
/* Are @a and @b on one stack?  1, 0, or -1: nobody can tell.  Context: any. */
int tl_same_stack(uintptr_t a, uintptr_t b);
/* Where is the thread of @cx?  As in struct tl_host_ops. */
int tl_thread_at(const struct tl_context *cx, uintptr_t *sp);
/* Between two looks; false: do not wait any longer. */
bool tl_pause(unsigned int turn);
/*
 * How many of the @len bytes from @sp up are on its stack; negative: nobody
 * knows.  Context: any.
 */
long tl_stack_above(uintptr_t sp, size_t len);

/* ---- noprobe.c ---------------------------------------------------------------- */

/* Is [addr, addr + len) out of bounds for probes of any kind? */
bool tl_forbidden(uintptr_t addr, size_t len);

/* ---- table.c ------------------------------------------------------------------ */

void tl_table_add(struct tl_point *p);
void tl_table_remove(struct tl_point *p);
/* The first table, made ready.  Context: any. */
struct tl_table *tl_table_of_first_use(void);
/* The point with the lowest address in [from, to), or NULL. */
struct tl_point *tl_table_first(uintptr_t from, uintptr_t to);
/* Every point, until @fn returns non-zero.  @fn may remove its point. */
int tl_table_each(int (*fn)(struct tl_point *p, void *arg), void *arg);
/* Forget everything.  There is no point any more and no section. */
void tl_table_reset(void);

/* ---- grace.c: sections and grace periods ---------------------------------------- */

struct tl_section {
	struct tl_context *cx; /* NULL: there is none */
	unsigned int anon;
	bool nested; /* no handler may be called */
};

/* Begin one in @cx, which has none.  Context: any, as all of these. */
TL_ALWAYS void tl_section_begin(struct tl_context *cx, uintptr_t sp,
				const void *frame)
{
	/*
	 * A signal before depth is 1 may have a section of its own, and leave
	 * it by longjmp to somewhere in its handler: then it never puts back
	 * what was here (models/recursion.pml).
	 */
	do {
		cx->stack[0].probe = NULL;
		cx->stack[0].sp = (uintptr_t)frame;
		cx->stack[0].from = sp;
		tl_compiler_fence();
		tl_store(&cx->depth, 1);
		tl_compiler_fence(); /* G1 */
	} while (tl_seldom(tl_load(&cx->stack[0].sp) != (uintptr_t)frame));
}

/* May one simply begin in @cx, the caller's?  Mostly. */
TL_ALWAYS bool tl_section_free(const struct tl_context *cx)
{
	return !tl_seldom(!cx || (cx->depth | cx->busy));
}

/*
 * In any case.  @cx: the caller's.  @sp: of the interrupted code.  @frame: an
 * address in our own frames, above all that we call.
 */
void tl_section_enter(struct tl_section *s, struct tl_context *cx, uintptr_t sp,
		      const void *frame);

/* End the section of @cx; its thread does, or nobody can be in it. */
TL_ALWAYS void tl_section_end(struct tl_context *cx)
{
	tl_compiler_fence();
	tl_store(&cx->depth, 0); /* G3: before left */
	tl_compiler_fence();
	cx->left++; /* G2; one store: nobody else writes it */
}

/* The end of tl_section_enter(). */
void tl_section_leave(const struct tl_section *s);

/* A handler of @probe runs now, in a section of @cx that is not nested. */
TL_ALWAYS void tl_section_probe(struct tl_context *cx, struct kprobe *probe)
{
	tl_store(&cx->stack[0].probe, probe);
}

/*
 * Return when every section that was under way has ended.  0, or -TL_EBUSY if
 * the host did not want to wait so long.
 */
int tl_grace(void);
/* What the host is to be told about @copy: one range, or two. */
#define TL_COPY_RANGES 2
size_t tl_ranges_of(const struct tl_copy *copy, struct tl_range *ranges);
/* @copy was replaced or its point removed: free it when nobody is inside. */
void tl_copy_retire(struct tl_copy *copy);
/*
 * Free what is dirty if there is much of it, or @all.  @waited: a grace period
 * has passed since the last of it was retired.  0 or -TL_EBUSY.
 */
int tl_reclaim(bool all, bool waited);

/*
 * Added to the point in a slot that calls the pre handlers (TL_EMIT_PRE) where
 * the instruction is then simulated, because post handlers want to see it done.
 */
#define TL_POINT_SIMULATE 1

/* ---- slot.c ------------------------------------------------------------------- */

/*
 * Emit a slot or a detour for @p.  0, -TL_ENOMEM (memory, or none within
 * reach), -TL_ENOSPC (no place for an island), or what the architecture says.  The bytes are on their way: see
 * tl_writer_flush().
 */
int tl_copy_new(struct tl_point *p, const struct tl_want *want, bool detour,
		struct tl_copy **out);
/* Nobody can be inside @copy: free it now. */
void tl_copy_free(struct tl_copy *copy);
/* The copy that @ip is in, or NULL.  Context: any. */
struct tl_copy *tl_copy_at(uintptr_t ip);
/* Where a jump to @copy leads. */
static inline uintptr_t tl_copy_entry(const struct tl_copy *copy)
{
	return copy->island ? copy->island : copy->at;
}

/* ---- stepping: step.c --------------------------------------------------------- */

/*
 * Step the instruction in the slot @copy; tl_slot_done() when that is done.  false: too
 * many steps are under way.  Context: trap.
 */
bool tl_step_slot(const struct tl_copy *copy, struct pt_regs *regs);
void tl_slot_done(const struct tl_copy *copy, struct pt_regs *regs);

/* The instruction at @at, which a breakpoint's step waits for, was simulated. */
void tl_step_done(uintptr_t at, struct pt_regs *regs);

/* The slot at @at is not executed: its instruction has faulted. */
void tl_step_cancel(uintptr_t at, struct pt_regs *regs);
/* Is any of [addr, addr + len) in memory for copies? */
bool tl_area_overlaps(uintptr_t addr, size_t len);
/* Give back areas without a copy in them. */
void tl_areas_trim(void);
int tl_writer_flush(void);
/* What is on its way is written; an error is kept for tl_writer_flush(). */
void tl_writer_drain(void);

/* ---- point.c ------------------------------------------------------------------ */

/* @least: as of tl_arch_plan(). */
int tl_point_create(uintptr_t addr, unsigned int least, struct tl_point **out,
		    enum tl_why *why);
/* Take @p, which has no probes and is not armed, out of the table. */
void tl_point_remove(struct tl_point *p);
/* A grace period has passed: retire the copies of all that were removed. */
void tl_points_bury(void);
/* Free @p if it is buried and no copy names it. */
void tl_point_free_if_done(struct tl_point *p);
/* Does a probe of @p want to be reached? */
bool tl_point_wanted(const struct tl_point *p);
bool tl_point_jump_only(const struct tl_point *p);
void tl_point_link(struct tl_point *p, struct kprobe *probe);
void tl_point_unlink(struct tl_point *p, struct kprobe *probe);
/*
 * What decides about p->only has changed: the list, a flag of a probe in it, or
 * whether probes are called at all.
 */
void tl_point_review(struct tl_point *p);

/* ---- gone.c ------------------------------------------------------------------- */

/* Is the text at @p no longer as it was left? */
bool tl_point_lost(const struct tl_point *p);
/* Mark the probes of @p GONE and take it out of the table; how many they are. */
int tl_point_gone(struct tl_point *p);
void tl_point_forget_gone(struct tl_point *p);
/* Look at all points in [from, to), and mark those that are lost; or at all. */
void tl_gone_check(uintptr_t from, uintptr_t to);
void tl_gone_check_all(void);
/* As tl_table_each(), and then those that are gone. */
int tl_points_each(int (*fn)(struct tl_point *p, void *arg), void *arg);

/* ---- optimize.c ----------------------------------------------------------------- */

/* What @p is to become. */
void tl_optimize_want(struct tl_point *p, struct tl_want *want);
/*
 * The first point at @from or later whose jump, if it is or becomes one, would
 * cover @addr behind its first byte; or NULL.
 */
struct tl_point *tl_optimize_covering(uintptr_t from, uintptr_t addr);
/* Where to begin with that. */
uintptr_t tl_optimize_lowest(uintptr_t addr);

/* ---- island.c -------------------------------------------------------------------------- */

/*
 * Find a place for the island of @copy, a detour whose plan needs one.  0 or
 * -TL_ENOSPC.  Nothing is written.
 */
int tl_island_take(struct tl_copy *copy);
/* It is free: its bytes were never written, or are put back. */
void tl_island_drop(struct tl_copy *copy);
/* The edit that makes it. */
void tl_island_edit(const struct tl_copy *copy, struct tl_edit *edit);
/* Is what is in its place still what we know? */
bool tl_island_is_good(const struct tl_copy *copy);
/* The one with the lowest address in [@from, @to), or NULL. */
struct tl_copy *tl_island_first(uintptr_t from, uintptr_t to);
/* Where to begin with that, if islands at @addr and on are to be found. */
uintptr_t tl_island_lowest(uintptr_t addr);
/* Put back in @dst, @len bytes from @src, what islands are in the place of. */
void tl_islands_hide(uint8_t *dst, uintptr_t src, size_t len);
/*
 * Put back those of the @n copies from @list on, in which nobody is.  0, or an
 * error: some are as they were.  Not within a patch.
 */
int tl_islands_restore(const struct tl_copy *list, size_t n);
/* There is no text any more in [@start, @end): nothing is put back there. */
void tl_islands_gone(uintptr_t start, uintptr_t end);
/* Does somebody else want bytes of the island that @p has? */
bool tl_island_is_contested(const struct tl_point *p);
struct tl_work;
/* Points that are armed with an island in [@from, @to). */
void tl_island_owners(uintptr_t from, uintptr_t to, struct tl_work *work);
/* Must one of these be a jump? */
bool tl_island_of_jump_only(uintptr_t from, uintptr_t to);
/* Points whose islands the work of @p touches. */
void tl_island_add_neighbours(struct tl_work *work, const struct tl_point *p);
/* See to it that no island is in the @len bytes at @p; false: one is. */
bool tl_island_clear(const struct tl_point *p, unsigned int len);
/* Is an island of @p's that is not used any more still there? */
bool tl_island_waits(const struct tl_point *p);
/* The copy whose island begins at @ip, or NULL.  Context: any. */
const struct tl_copy *tl_island_at(uintptr_t ip);

/* ---- window.c ------------------------------------------------------------------------------ */

/* Does a copy that waits to be freed lead into the window of @p? */
bool tl_window_needs_reclaim(const struct tl_point *p);
/*
 * Is nobody in a copy that leads into the window of @p?  Traps lead to the
 * detour that @p has now, no longer to @old.  @waited: a grace period has
 * passed since that was so; set when one has.  Not within a patch.
 */
bool tl_window_clear(const struct tl_point *p, const struct tl_copy *old,
		     bool *waited);
/* Is @addr behind the first byte of an armed jump? */
bool tl_window_inside(uintptr_t addr);
/*
 * Where to go on instead of at @ip: at its copy, if it is, or may be, behind
 * the first byte of a jump.  Context: any, in a section.
 */
uintptr_t tl_window_redirect(uintptr_t ip);

/* ---- arm.c: from what is wanted to what is in memory ------------------------------ */

struct tl_work {
	struct tl_point *first;
	struct tl_point **last;
};

void tl_work_init(struct tl_work *work);
void tl_work_add(struct tl_work *work, struct tl_point *p);
/*
 * Bring every point of @work, and those whose windows it touches, to what its
 * probes want.  Each point's err says what became of it: if it is not 0, text
 * and copy are as they were.
 */
void tl_apply(struct tl_work *work);

/* ---- patch.c: changing text --------------------------------------------------------- */

struct tl_change {
	struct tl_point *point;
	enum tl_text from;
	enum tl_text to;
	struct tl_copy *old_copy;
	bool busy;
	bool late; /* the fresh copy is published after the change */
};

/*
 * Make @n changes (at most TL_BATCH) under one patch_begin.  0: done, but for
 * those that are busy, which are as before.  Negative: all is as before.
 */
#define TL_BATCH 512
int tl_patch(struct tl_change *changes, size_t n);

/* ---- retprobe.c ----------------------------------------------------------------- */

/* So many return probes are registered in one go. */
#define TL_REGISTER_SOME 64
/* The function of @p, a return probe's kp, was entered.  Context: any. */
int tl_retprobe_enter(struct tl_context *cx, struct kprobe *p,
		      struct pt_regs *regs);
/*
 * The pre handler that every return probe has.  trap.c knows it and calls
 * tl_retprobe_enter(), with the context that it has already.
 */
int tl_retprobe_pre(struct kprobe *p, struct pt_regs *regs);

/* Is @p the kp of a return probe?  Context: any. */
TL_ALWAYS bool tl_probe_is_return(const struct kprobe *p)
{
	return p->pre_handler == tl_retprobe_pre;
}

/* Nobody is to be told any more when calls return that @rp follows. */
void tl_retprobe_forget(struct kretprobe *rp);
/* And a grace period later: nobody needs what @num of them had. */
void tl_retprobes_give_back(struct kretprobe **rps, int num);
/* Is @p a return probe whose calls are followed to their exits? */
bool tl_probe_has_exits(const struct kprobe *p);
struct kretprobe *tl_retprobe_of(const struct kprobe *p);
/* Pools: fill up what ran low, free those that are done (@all: also shared). */
void tl_retprobe_maintain(bool all);

/* ---- jprobe.c --------------------------------------------------------------------- */

/* The function of @p, the kp of a jprobe, was entered.  Context: a detour. */
void tl_jprobe_enter(struct tl_context *cx, struct kprobe *p,
		     struct pt_regs *regs);
/* Is @p the kp of a jprobe?  Context: any. */
bool tl_probe_is_jprobe(const struct kprobe *p);

/* ---- exits.c --------------------------------------------------------------------- */

/* What they have for handlers: trap.c knows these, and calls what is below. */
int tl_exit_pre(struct kprobe *p, struct pt_regs *regs);
void tl_exit_post(struct kprobe *p, struct pt_regs *regs, unsigned long flags);

/* Is @p the probe of an exit?  Context: any, as all of these. */
TL_ALWAYS bool tl_probe_is_exit(const struct kprobe *p)
{
	return p->pre_handler == tl_exit_pre || p->post_handler == tl_exit_post;
}

/* How far before the exit @p is, whose handler is called just before that. */
unsigned int tl_exit_lead(const struct kprobe *p);
/* The exit of @p is reached.  In a section that is not nested. */
void tl_exits_hit(struct tl_context *cx, struct kprobe *p,
		  struct pt_regs *regs);
/* An exit is reached at @sp, and no handler may be called. */
void tl_exits_missed(uintptr_t sp);

/* ---- probe.c --------------------------------------------------------------------------- */

/* Bits of a probe's flags that nobody outside sees. */
#define TL_FLAG_REMOVE	 (1u << 31)
#define TL_FLAG_NEW	 (1u << 30)
#define TL_FLAG_UNLINKED (1u << 29)
#define TL_FLAG_REFUSED	 (1u << 28)
#define TL_FLAG_GIVEN	 (1u << 27) /* DISABLED is what the caller gave */
#define TL_FLAG_LEAVING	 (1u << 25) /* is being disabled */
#define TL_FLAG_SPECIAL	 (1u << 26) /* has more than a pre and a post handler */
#define TL_FLAGS_OURS	 (~0u << 25) /* never the caller's */

bool tl_probe_registered(const struct kprobe *p);
/* Where @p is to be: 0, -TL_EINVAL (both or none given), or -TL_ENOENT. */
int tl_probe_resolve(const struct kprobe *p, uintptr_t *addr);
/* Try again what an earlier call could not do. */
void tl_finish(void);
/*
 * Take those of @kps that are marked TL_FLAG_REMOVE out; wait for handlers.  False:
 * the home would not wait, so somebody may still look at them.
 */
bool tl_probes_remove(struct kprobe **kps, int num);
/* register_kprobes() and trapline_register_each(), with the lock held. */
int tl_probes_add(struct kprobe **kps, int num, int *errs, enum tl_why *why,
		  bool all);

/* ---- trap.c ------------------------------------------------------------------------------ */

/* A hit at @p that calls no handler.  Context: any. */
void tl_miss(struct tl_point *p, uintptr_t sp);

/* ---- hardware breakpoints: bp.h -------------------------------------------------------- */

struct tl_bp_entry {
	struct hw_breakpoint *bp; /* NULL: the debugger's */
	uintptr_t addr;
	unsigned long serial;
	uint8_t len;
	uint8_t type;
	uint8_t name; /* the debugger's: the register that it thinks it is */
};

struct tl_bp_set {
	unsigned int n;
	struct tl_bp_entry e[TL_BP_MAX];
};

struct tl_bp_sets {
	unsigned int which; /* of the two is the one */
	struct tl_bp_set two[2];
};

struct tl_bp_cpu;

/* Would a jump over [from, to) hide a breakpoint's instruction? */
bool tl_bp_executes_in(uintptr_t from, uintptr_t to);
/* Take all hardware breakpoints away, and all memory that they have. */
void tl_bp_remove_all(void);

/* ---- the state: all of it ----------------------------------------------------------------- */

struct tl_table {
	struct tl_point **head;
	unsigned int bits;
	unsigned int which; /* the link that its chains go by */
};

#define TL_FIRST_BITS 6

struct tl_engine {
	/* Written under the registration lock, read by traps. */
	struct tl_table *table; /* NULL: the first one */
	struct tl_area *areas;
	unsigned int phase;    /* grace.c */
	unsigned long anon[2]; /* sections without a context */
	bool disarmed;	       /* disarm_all_kprobes() */
	size_t n_islands;
	struct tl_bp_sets bp_kernel;
	struct tl_bp_cpu *bp_cpus; /* NULL: no hardware breakpoint yet */

	/* Guarded by the registration lock. */
	struct tl_table first_table;
	struct tl_table *previous; /* replaced by a bigger one */
	struct tl_point *first_head[1 << TL_FIRST_BITS];
	size_t n_points;
	size_t n_armed;
	struct tl_pool points;
	struct tl_pool copies;
	struct tl_copy *islands[1 << TL_ISLAND_BITS]; /* copies, by island */
	struct tl_copy *dirty; /* retired, and may be in use */
	struct tl_copy *busy;  /* of those, in use in this round */
	size_t n_dirty;
	size_t dirty_limit; /* so many are worth a question to the host */
	size_t n_unfinished;
	struct tl_point *gone;	    /* their text is, and they have probes */
	struct tl_point *dead;	    /* removed, before the next grace period */
	struct tl_noprobe *noprobe; /* the blacklist */
	struct tl_pool noprobes;
	bool unoptimized;	       /* unoptimize_all_kprobes() */
	struct tl_calls *shared_calls; /* retprobe.c */
	struct tl_calls *own_calls;
	struct tl_exits *dead_exits; /* to be freed when nobody looks */
	bool exits_waited;	     /* for those that are just being removed */
	struct kretprobe_instance **cells; /* exits.c */
	unsigned int n_cells;
	bool cells_spilled;
	bool tails; /* there was a set with exits in other functions */
	unsigned int trampolines; /* given away */
	struct tl_bp_state *bp_states;
	/* Registers that there are, and which bits of a control register each has. */
	unsigned int bp_count[TL_BP_KINDS];
	unsigned long bp_field[TL_BP_MAX];
	/* Threads with so many of each kind. */
	unsigned int bp_holders[TL_BP_KINDS][TL_BP_MAX + 1];
	unsigned long bp_serial; /* the last one */
	bool held;
	unsigned long holds; /* of the lock, until now */

	/* Room to work in, under the same lock. */
	struct tl_edit edits[TL_BATCH];
	size_t n_edits;
	int write_err;
	struct tl_window windows[TL_BATCH];
	struct tl_change changes[TL_BATCH];
	struct tl_range ranges[TL_BATCH];
	struct kprobe *exits[TL_BATCH];
	int exit_errs[TL_BATCH];
	enum tl_why exit_why[TL_BATCH];
	uint8_t code[TL_DETOUR_BYTES > TL_SLOT_BYTES ? TL_DETOUR_BYTES
						     : TL_SLOT_BYTES];
};

extern struct tl_engine tl_engine;

/* ---- table.c: what a trap asks ------------------------------------------------------------- */

#define TL_GRANULE_SHIFT 4

TL_ALWAYS struct tl_table *tl_table_current(void)
{
	struct tl_table *t = tl_load_acquire(&tl_engine.table); /* T5 */

	return tl_seldom(!t) ? tl_table_of_first_use() : t;
}

TL_ALWAYS struct tl_point **tl_table_chain(const struct tl_table *t,
					   uintptr_t addr)
{
	uint64_t hash =
		(uint64_t)(addr >> TL_GRANULE_SHIFT) * 0x9e3779b97f4a7c15ull;

	return &t->head[hash >> (-t->bits & 63)];
}

/* The point at @addr, or NULL.  Context: any, in a section. */
TL_ALWAYS struct tl_point *tl_table_find(uintptr_t addr)
{
	const struct tl_table *t = tl_table_current();
	struct tl_point *p = tl_load_acquire(tl_table_chain(t, addr)); /* T2 */

	while (p && p->addr != addr)
		p = tl_load_acquire(&p->link[t->which]);
	return p;
}

/* ---- whose handlers are called -------------------------------------------------------------- */

/* Is @probe called, and has it handlers of its user's alone?  Context: any. */
static inline bool tl_probe_plain(const struct kprobe *probe)
{
	return !(tl_load(&probe->flags) &
		 (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE | TL_FLAG_SPECIAL)) &&
	       !tl_load(&tl_engine.disarmed);
}

/* Are the handlers of @probe to be called?  Context: any. */
static inline bool tl_probe_called(const struct kprobe *probe)
{
	uint32_t flags = tl_load(&probe->flags);

	if (flags & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE))
		return false;
	return !tl_load(&tl_engine.disarmed) || (flags & KPROBE_FLAG_HOME);
}

/*
 * Is @probe to be reached?  One that is being disabled is not, but its handlers
 * are called until it is.  Context: any.
 */
static inline bool tl_probe_wanted(const struct kprobe *probe)
{
	return tl_probe_called(probe) &&
	       !(tl_load(&probe->flags) & TL_FLAG_LEAVING);
}

#pragma GCC visibility pop

#endif
