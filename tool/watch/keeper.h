/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - between the files of page protection
 */
#ifndef TL_WATCH_KEEPER_H
#define TL_WATCH_KEEPER_H

#include <sys/user.h>

#include <follow.h>

#include "pages.h"

#define KEEPER_PAGE  4096ul
#define KEEPER_RING  16384u
#define KEEPER_OPEN  16 /* pages at once */
#define KEEPER_SPANS 256

enum keeper_state { KEEPER_STARTS, KEEPER_WATCHES, KEEPER_ENDED };

#define KEEPER_FILE  "trapline-watch" /* the memory file that the ring is in */
#define KEEPER_MAGIC 0x31686374615774ull

/* Between the keeper and the command; all words are one side's to write. */
struct keeper_ring {
	uint64_t magic;
	int32_t pid; /* whose memory it is */
	uint32_t places, registers;
	uint32_t state; /* enum keeper_state */
	uint32_t failed;
	char why[512]; /* it has failed, or ended by itself */
	uint64_t head; /* hits written */
	uint64_t tail; /* hits read, by the command */
	uint64_t lost;
	uint64_t
		putting; /* not 0: a hit is being written, no older than that */
	struct page_cost cost;
	const char *gone[PAGE_POINTS];
	struct page_hit hit[KEEPER_RING];
};

/* Pages of one kind in a row. */
struct span {
	uint64_t start, end;
	uint64_t map_start; /* of the mapping that they were found in */
	bool file;	    /* and that is private, of this file */
	bool replaced;	    /* by anonymous memory */
	bool gone;
	uint64_t inode, offset;
	char name[256];
};

enum task_state {
	TASK_RUNS,
	TASK_STOPPED, /* `status` says why */
	TASK_GUARDED, /* sleeps in a harmless call, and stops at its end */
	TASK_LISTENS, /* its process is stopped */
};

struct task {
	pid_t tid;
	pid_t own; /* its number in its own namespace */
	int call;  /* /proc/…/syscall of it, or -1 */
	int stat;
	enum task_state state;
	bool asked;	   /* a stop is under way */
	bool parked;	   /* it sleeps deep, and stops before it goes on */
	bool armed;	   /* its debug registers are ours */
	unsigned int hits; /* a bit for each that was hit */
	bool stepping;	   /* a step was made, its end may be reported yet */
	bool entering;	   /* makes its call again, then is guarded */
	bool fresh;	   /* born, and not looked at */
	bool fault;	   /* it waits at `addr` */
	bool in_call;	   /* and that is in a system call, */
	bool looked;	   /* which has been looked for */
	bool served;	   /* which is being let happen */
	unsigned int messages; /* of faults since it was asked */
	unsigned int futile;   /* steps that came to nothing, in a row */
	int status;
	uint64_t addr;
	struct user_regs_struct regs; /* of the last plain stop */
};

/* How long it pays to look again and again, before one sleeps; in ns. */
struct spin {
	uint64_t ns;
};

struct keeper {
	struct page_options options;
	struct page_point point[PAGE_POINTS];
	uint8_t *shadow[PAGE_POINTS]; /* what is there, as far as is known */
	size_t n_points;
	struct span span[KEEPER_SPANS];
	size_t n_spans;
	unsigned int reg[4]; /* the points that have registers */
	unsigned int n_regs;
	struct keeper_ring *ring;
	int uffd;
	int children; /* a signalfd: some thread has stopped */
	int life;     /* ends when the command does */
	int wake;     /* to be written when there are hits */
	struct task *task;
	size_t n, room;
	uint64_t open[KEEPER_OPEN];
	uint64_t opened_at[KEEPER_OPEN]; /* the address that was asked for */
	size_t n_open;
	bool ending, ended;
	uint64_t
		fault_ns; /* when the oldest fault was seen; 0: there is none */
	struct spin stops;  /* for those who were asked, */
	struct spin faults; /* for the next write */
	bool apart;	    /* the last writer was on another CPU than we */
	long cpus;
	uint64_t polled; /* when all descriptors were looked at */
	/*
	 * Locked by each whose breakpoints in the process would miss a write of
	 * ours (watch_open()), and by us while we make one.  Negative: we never do.
	 */
	int breakpoints;
	uint64_t
		locked_ns; /* since when it is kept from store to store, or 0 */
	uint64_t free_ns;  /* until then it is not */
};

/* ---- keeper.c ---------------------------------------------------------------- */

/* The life of the keeper, which is a process of its own. */
void keeper_run(struct keeper *k);

/* It is about to sleep. */
void keeper_rest(struct keeper *k);

/* It ends by itself, for this reason. */
void keeper_end(struct keeper *k, const char *why);

/* ---- tasks.c: threads ----------------------------------------------------------- */

/* Trace all that run the memory.  0 or -errno, and nobody is. */
int tasks_seize(struct keeper *k);

/* Take notice of stops and faults: were there any? */
bool tasks_look(struct keeper *k);

/* As tasks_look(), until there was something, at most @us. */
bool tasks_wait(struct keeper *k, unsigned int us);

/*
 * Look, without sleep, for as long as @s says that it pays: was there something?
 * Never where nothing can happen meanwhile, as we have the writer's CPU.
 */
bool tasks_spin(struct keeper *k, const struct spin *s);

/* What we looked for came, or did not, after @ns. */
void spin_learn(struct spin *s, uint64_t ns);

/* Notice whether @t was on another CPU than we are. */
void task_look_where(struct keeper *k, const struct task *t);

/*
 * Hold everybody: they are stopped, asleep where they do no harm, or
 * wait for a page in a system call.  False: somebody would not stop in time.
 * @all: those who sleep, too.
 */
bool tasks_hold(struct keeper *k, bool all);

/* Does @t, which is to stop, wait for a page in the kernel? */
bool task_waits_in_kernel(const struct task *t);

/*
 * Does @t ignore SIGTRAP, or, if @blocked asks for that, block it?  The kernel would
 * take that from it with a trap of ours.
 */
bool task_minds_trap(const struct task *t, bool blocked);

/* Let @t go on. */
void task_resume(struct keeper *k, struct task *t);

/* All who are stopped. */
void tasks_resume(struct keeper *k);

/* Let everybody go for ever. */
void tasks_detach(struct keeper *k);

/* Is @t stopped by us, between two instructions? */
bool task_is_plain(const struct task *t);

/*
 * Let @t execute one instruction.  1: it has; 0: something came between; negative:
 * it will not.
 */
int task_step(struct keeper *k, struct task *t);

/* ---- debugregs.c: registers, by the trace ------------------------------------------- */

/* Give @t, who is stopped, its registers.  0 or -errno. */
int task_arm(struct keeper *k, struct task *t);

/* They hit no more; a hit may be on its way, and is still ours. */
void task_disarm(struct task *t);

/* @t has stopped by SIGTRAP, or will do so next, or has made a step: what was hit? */
void task_take_hits(struct keeper *k, struct task *t);

/* ---- setup.c ---------------------------------------------------------------------- */

/* Find the pages, replace those of files, make the descriptor.  0 or -errno. */
int pages_setup(struct keeper *k);

/* Nobody is traced: what has been replaced is put back. */
void pages_restore(struct keeper *k);

/* Take the right to write from all pages, or give it for ever. */
int pages_protect_all(struct keeper *k);
void pages_release_all(struct keeper *k);

/* Open the page at @addr for now: false: it is not watched. */
bool page_open(struct keeper *k, uint64_t addr);

/* Shut those in `open`, which stays as it is. */
void pages_shut(struct keeper *k);

/* Write @len bytes of one page, which is open. */
bool keeper_write(const struct keeper *k, uint64_t addr, const void *src,
		  size_t len);

/* Read @len bytes. */
bool keeper_read(const struct keeper *k, uint64_t addr, void *dst, size_t len);

#endif
