/* SPDX-License-Identifier: MIT */
/*
 * sim.h - a home for tests: everything is scripted, everything can fail
 *
 * Memory is real; threads are whatever contexts the test chooses.  Each call of
 * host.h is logged, can be made to fail, and calls a hook of the test's, which
 * may run simulated threads in the middle of it.
 */
#ifndef HOST_SIM_H
#define HOST_SIM_H

#include <trapline/host.h>
#include <trapline/hw_breakpoint.h>

enum sim_call {
	SIM_CALL_CONTEXT,
	SIM_CALL_EACH_CONTEXT,
	SIM_CALL_ALLOC,
	SIM_CALL_FREE,
	SIM_CALL_EXEC_ALLOC,
	SIM_CALL_EXEC_FREE,
	SIM_CALL_READ,
	SIM_CALL_LOCK,
	SIM_CALL_UNLOCK,
	SIM_CALL_PATCH_BEGIN,
	SIM_CALL_PATCH_END,
	SIM_CALL_TEXT_WRITE,
	SIM_CALL_SYNC_CORES,
	SIM_CALL_EVICT,
	SIM_CALL_QUIESCE,
	SIM_CALL_EDIT,	   /* one edit of a text_write; cannot fail */
	SIM_CALL_BYTE,	   /* one byte of an edit; cannot fail */
	SIM_CALL_DR_WRITE, /* a debug register is about to be written */
	SIM_CALL_DR_WRITTEN,
	SIM_CALL_DR_READ,
	SIM_CALL_EACH_CPU,
	SIM_NR_CALLS
};

#define SIM_CPUS	 4
#define SIM_KERNEL_START 0xffff800000000000ul
#define SIM_USER_END	 0x00007ffffffff000ul

#define SIM_CONTEXTS   4
#define SIM_TEXT_BYTES 65536

struct sim {
	/* For the test to set. */
	enum tl_others others;
	enum tl_caches caches; /* what tlh_text_write() answers */
	unsigned int context;  /* which one is running; SIM_CONTEXTS: none */
	uintptr_t busy_from;   /* windows that start in here are busy */
	uintptr_t busy_to;
	bool quiesce_busy;
	size_t exec_away;     /* tlh_exec_alloc() has nothing nearer */
	uintptr_t busy_range; /* a range with this address in it is busy */
	void (*hook)(enum sim_call call, uintptr_t addr);
	unsigned int max_pauses; /* pause() says no after so many; 0: never */
	void (*on_pause)(unsigned int turn);
	unsigned int cpu;      /* that runs */
	unsigned int cpus_off; /* a bit for each that is not there */
	/* Debug registers of each; the threads that run there. */
	unsigned long dr[SIM_CPUS][64];
	const struct tl_bp_thread *thread[SIM_CPUS];
	/* Bytes that cannot be watched. */
	uintptr_t unwatchable, unwatchable_end;

	/* To read. */
	unsigned long calls[SIM_NR_CALLS];
	unsigned long stack_calls; /* of the optional stack() */
	size_t allocated;	   /* bytes by tlh_alloc */
	size_t exec_allocated;
	bool locked;
	bool patching;
	bool stopped;	     /* the others, until tlh_patch_end() */
	bool unclean;	     /* written, and not every CPU knows */
	unsigned int misuse; /* calls against the rules of host.h */
	struct tl_context contexts[SIM_CONTEXTS];

	/* sim_fail(). */
	unsigned long fail_at[SIM_NR_CALLS];
};

extern struct sim sim;
/* The optional services, all there at first; a test may change them. */
extern struct tl_host_ops sim_ops;
extern struct tl_debug_ops sim_debug_ops;
/* SIM_TEXT_BYTES of program text, and of stack. */
extern uint8_t *sim_text;
extern uint8_t *sim_stack;
extern uint8_t sim_gate;

/* Back to the beginning, text zeroed; nothing may be registered. */
void sim_reset(void);

/*
 * For code that the build machine executes: text and copies writable and
 * executable.  false: that is not allowed here.
 */
bool sim_make_executable(void);

/* Let the @n-th call of @call from now on (1: the next one) fail; 0: none. */
void sim_fail(enum sim_call call, unsigned long n);

/* Tell the engine of a function (lookup and bounds). */
void sim_function(const char *name, uintptr_t start, size_t len);

/* Is @addr in memory of tlh_exec_alloc()? */
bool sim_is_exec(uintptr_t addr);

/* The last window that tlh_evict() was called with. */
const struct tl_window *sim_last_window(void);

/* ---- the log ------------------------------------------------------------------ */

/*
 * Since the last sim_log_clear(), one letter for each step of a patch:
 * ( begin, ) end, W text_write, S sync, E evict, Q quiesce.
 */
const char *sim_log(void);
void sim_log_clear(void);
void sim_log_add(char c);

#endif
