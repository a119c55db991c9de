/* SPDX-License-Identifier: MIT */
/*
 * bp.h - hardware breakpoints, between the files that make them
 *
 *     hw_breakpoint.c   registration and accounting
 *     bp_cpu.c          a CPU's registers: loading them, debug exceptions
 *     bp_thread.c       threads: the debugger's view, fork, exec, exit
 *
 * An entry wants a register of one kind (arch.h).  The kernel's entries are one set, a
 * thread's are another.  Which registers they get is not stored: of each kind the
 * i-th entry of the kernel's has the i-th register from the top, the i-th of the
 * running thread's the i-th from the bottom.
 *
 * Registers are counted through: those of kind 0 first, then those of kind 1.
 *
 *   B1  A set that traps may look at does not change.  Who changes one fills
 *       the spare, publishes it, and has each CPU load its registers, in an
 *       interrupt; when that is done, nobody looks at the old one.
 *   B2  The kernel's set and any thread's together fit, each kind for itself.
 *   B3  An entry is known by its serial number, which is used once.  A CPU
 *       notes with each register whose it is, so a register that is out of
 *       date cannot be taken for a newer entry's.
 */
#ifndef TL_BP_H
#define TL_BP_H

#include "locks.h"
#include <trapline/hw_breakpoint.h>

/* A thread's. */
struct tl_bp_state {
	struct tl_bp_sets sets;
	/* What the debugger wrote last; status also by traps. */
	unsigned long address[TL_BP_MAX];
	unsigned long control[TL_BP_CONTROLS];
	unsigned long status;
	struct tl_bp_thread *thread;
	struct tl_bp_state *next;
	/* C5: what it was let go from, by serial number, and what ends that. */
	unsigned int n_gone, n_stops, age;
	unsigned long gone[TL_BP_MAX];
	struct tl_bp_entry stop[TL_BP_STOPS];
};

/*
 * Owners of steps at a time.  Each but the newest was interrupted in its one
 * instruction, so its registers are on the CPU's stack, and there is no room for so many
 * frames on a kernel's.
 */
#define TL_STEPS 64

/* Who single-steps: step.c. */
struct tl_step {
	const struct tl_copy
		*copy;		/* a slot; NULL: a breakpoint, at its place */
	uintptr_t at;		/* the one instruction */
	unsigned long saved;	/* T1 */
	unsigned int registers; /* that are off meanwhile */
	bool was_on;
};

/* A CPU's: bp_cpu.c. */
struct tl_bp_cpu {
	unsigned int written; /* registers whose address is known */
	bool known;	      /* control is what the CPU has */
	bool loading;	      /* C2 */
	unsigned int used;    /* control registers that may not be 0 */
	unsigned long control[TL_BP_CONTROLS];
	uintptr_t addr[TL_BP_MAX];
	unsigned long serial[TL_BP_MAX]; /* whose it is (B3) */
	unsigned int over; /* registers that are being stepped over */
	unsigned int gone; /* that are off until a stop is met; C5 */
	unsigned int stops;
	unsigned int n_steps;
	struct tl_step *steps; /* TL_STEPS; NULL: this home steps nothing */
};

/* This CPU's, or NULL: there are none.  Context: any, interrupts off. */
struct tl_bp_cpu *tl_bp_this_cpu(void);

/*
 * Let @regs execute one instruction, in the slot @copy or at its place with
 * @registers off, and then take a step.  false: too many do already.
 * Context: trap.
 */
bool tl_step_begin(struct tl_bp_cpu *c, struct pt_regs *regs,
		   const struct tl_copy *copy, unsigned int registers);

/* What @registers watch was stepped over: on again.  Context: trap. */
void tl_bp_step_over(struct tl_bp_cpu *c, unsigned int registers);

/* The home's registers, or NULL: none, or none that the architecture knows. */
static inline const struct tl_debug_ops *tl_bp_host(void)
{
	return tl_arch_bp ? tl_host_ops->debug : NULL;
}

/* ---- registers: how many, of which kind ---- */

static inline unsigned int tl_bp_count(unsigned int kind)
{
	return tl_engine.bp_count[kind];
}

static inline unsigned int tl_bp_registers(void)
{
	return tl_bp_count(0) + tl_bp_count(1);
}

static inline unsigned int tl_bp_kind_of(unsigned int n)
{
	return n >= tl_bp_count(0);
}

/* Where the registers of @kind begin. */
static inline unsigned int tl_bp_base(unsigned int kind)
{
	return kind ? tl_bp_count(0) : 0;
}

/* The number of register @n within its kind. */
static inline unsigned int tl_bp_within(unsigned int n)
{
	return n - tl_bp_base(tl_bp_kind_of(n));
}

/* The kind that a breakpoint of @type needs. */
static inline unsigned int tl_bp_kind(unsigned int type)
{
	return tl_arch_bp->registers[1] && type != HW_BREAKPOINT_X;
}

/* So many entries of @set need a register of @kind. */
static inline unsigned int tl_bp_held(const struct tl_bp_set *set,
				      unsigned int kind)
{
	unsigned int held = 0;

	for (unsigned int i = 0; i < set->n; i++)
		held += tl_bp_kind(set->e[i].type) == kind;
	return held;
}

/* Which control register is that of register @n, of so many? */
static inline unsigned int tl_bp_control(unsigned int n)
{
	return tl_arch_bp->own_control ? n : 0;
}

static inline unsigned int tl_bp_controls(void)
{
	return tl_arch_bp->own_control ? tl_bp_registers() : 1;
}

/* The registers that @control, all of them, enable; those that execute. */
unsigned int tl_bp_enabled(const unsigned long *control);
unsigned int tl_bp_executing(const unsigned long *control);

static inline const struct tl_bp_set *tl_bp_now(const struct tl_bp_sets *sets)
{
	return &sets->two[tl_load_acquire(&sets->which)];
}

static inline struct tl_bp_set *tl_bp_spare(struct tl_bp_sets *sets)
{
	return &sets->two[!sets->which];
}

/* The rest is task context, with the registration lock held. */

/* Find out how many registers there are, and if there are any. */
bool tl_bp_learn(void);

/* 0, -TL_EOPNOTSUPP or -TL_ENOMEM: before anything else is done. */
int tl_bp_ready(void);

/*
 * Make an entry, with a new serial number, for @len bytes at @addr.  0 or an error
 * as register_kernel_hw_breakpoint() gives it.
 */
int tl_bp_prepare(struct tl_bp_entry *e, uintptr_t addr, unsigned int len,
		  unsigned int type, bool kernel);

/*
 * Let the spare set of @sets (the kernel's if @kernel) be the one.  0, or, with
 * everything as it was, -TL_ENOSPC: it does not fit (B2), or what the home says
 * of registers that are not its own.  A set that only lacks something is taken in
 * any case.
 */
int tl_bp_publish(struct tl_bp_sets *sets, bool kernel);

/* Make the spare set a copy of the one that is. */
void tl_bp_copy(struct tl_bp_sets *sets);

/* Take entry @i out of @set. */
void tl_bp_drop(struct tl_bp_set *set, unsigned int i);

/* The entry with number @serial in @set, or NULL.  Context: any. */
const struct tl_bp_entry *tl_bp_find(const struct tl_bp_set *set,
				     unsigned long serial);

/* The state of @thread, made at need; NULL: no memory. */
struct tl_bp_state *tl_bp_state(struct tl_bp_thread *thread);
/* Free the state of @thread, if it has one and nothing is left in it. */
void tl_bp_state_put(struct tl_bp_thread *thread);
/* All that the thread has goes. */
void tl_bp_state_end(struct tl_bp_thread *thread);

/* Have every CPU load its registers.  0, or what one of them could not. */
int tl_bp_load_all(void);
/* Have every CPU turn its registers off, and forget that there are any. */
void tl_bp_cpus_free(void);

#endif
