/* SPDX-License-Identifier: MIT */
/*
 * watching.h - between the files of `trapline watch`
 */
#ifndef TL_WATCHING_H
#define TL_WATCHING_H

#include "condition.h"
#include "data.h"
#include "lines.h"
#include "options.h"
#include "output.h"
#include "process.h"
#include "tids.h"
#include "watch/events.h"
#include "watch/pages.h"

#define WATCH_MAX   4 /* registers of a thread */
#define WATCH_MOST  PAGE_POINTS
#define WATCH_BYTES 65536
#define WATCH_SITES 4096

struct watched {
	const char *text; /* as written */
	char *name;	  /* without length and access */
	struct data data;
	unsigned int len;
	char access;
	bool page;	  /* by page protection */
	bool gone;	  /* and that has ended, which was said */
	uint8_t value[8]; /* the last known */
	bool known;
	bool broken;	 /* hits is not all that there were (X3) */
	uint64_t hits;	 /* handed on, or to be */
	uint64_t from;	 /* hits when the chain began (X1) */
	uint64_t seen;	 /* records */
	uint64_t missed; /* hits without a record, as far as is known */
	bool unseen;	 /* it was changed without any, which was said */
};

/* An address at which a hit was reported, and what is known of it. */
struct site {
	uint64_t ip; /* 0: empty */
	uint64_t start;
	bool aligned;
	uint8_t *code;
	size_t size;
};

struct place_text {
	uint64_t ip;
	char *symbol; /* FUNC+OFFSET, or NULL */
	char *source; /* FILE:LINE, or NULL */
};

struct watching {
	const struct options *options;
	pid_t pid;
	bool started; /* by us */
	bool failed;
	struct condition condition;
	struct output out;
	struct process process;
	struct tids tids;
	struct watched watched[WATCH_MOST];
	unsigned int n, n_registers; /* these come first */
	unsigned int first_kept;     /* by the keeper: from this one on */
	struct watch *watch;	     /* NULL: none of them */
	struct pages *pages;	     /* NULL: all of them */
	uint64_t began;		     /* CLOCK_MONOTONIC */
	bool waits; /* a hit of theirs is taken, and not told */
	struct page_hit hit;
	uint64_t events, uncertain;
	struct site sites[WATCH_SITES];
	struct place_text texts[WATCH_SITES];
	struct debug **debug; /* of each module; opened at need */
	bool *debug_tried;
};

/* One hit, with what was found out. */
struct change {
	struct watch_hit hit;
	pid_t tid; /* as the thread itself knows it; 0: unknown */
	struct effect effect;
	bool found;	   /* effect is of an instruction */
	unsigned int hits; /* of one system call, which copies in pieces */
	uint64_t addr;	   /* what the values are of */
	unsigned int len;
	uint8_t old[PAGE_PIECE], new_value[PAGE_PIECE];
	bool old_known, new_known;
	bool early;	/* before the watch began */
	uint64_t since; /* when it was taken */
};

/* Print @c, if it is wanted and there may be more. */
void watching_print(struct watching *r, const struct change *seen);

/* --dry-run: what would be watched. */
void watching_foretell(struct watching *r);

#endif
