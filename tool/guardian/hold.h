/* SPDX-License-Identifier: MIT */
/*
 * hold.h - a hold on one live process: the worker and the agent in it
 */
#ifndef TL_HOLD_H
#define TL_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <protocol.h>

#include "library.h"
#include "maps.h"
#include "net.h"
#include "worker.h"

/* What the guardian has of its target. */
struct hold {
	pid_t pid;
	struct worker w;

	/* The target has libtrapline: no agent, but calls of the library. */
	bool library;
	struct talk talk;

	/* The agent's image in the target, see load.c. */
	uint64_t base;
	uint64_t image_bytes;
	uint64_t span; /* image, gate, heap, figures */
	uint64_t boot;
	uint64_t stack;
	struct tl_agent_table at; /* offsets from base */
	uint64_t entry;
	bool anonymous_code; /* files may not be executed: see map_text() */

	/* The figures. */
	int figures_fd;
	struct tl_figures *figures;
	uint64_t figures_at; /* in the target */

	/* Of each session's events; end 0: it has none. */
	struct tl_mapping events[TL_MAX_SESSIONS];
	int events_fd[TL_MAX_SESSIONS]; /* while that is not 0 */

	/* What it is like. */
	bool go; /* red zone 0; see judge.c */

	/* Changing text. */
	struct net *net;
	struct maps maps; /* while the net is open */

	uint64_t longest_stop_ns;
	uint64_t threads;
	uint64_t attach_ns;
};

/*
 * Map the agent into the target, whose worker is there, and let it come to its
 * first question; or, if the target has libtrapline, begin a session with that.
 * 0 or a negative errno; what is mapped is left to undo().
 */
int hold_load(struct hold *h, uint64_t session);

/*
 * Tell the agent, or the library, to add probes [@first, @first + @n) of the
 * figures, which are session @owner's; or to remove all that are.  What it said,
 * or a negative errno.
 */
long hold_add(struct hold *h, uint32_t owner, uint32_t first, uint32_t n);
long hold_remove(struct hold *h, uint32_t owner);

/*
 * Map a memory file for the events of session @owner: a descriptor of it, or a
 * negative errno and the reason.  Let all go that wait for room in it.  Take it
 * away again, when nobody uses it.
 */
int hold_events(struct hold *h, uint32_t owner);
void hold_let_go(const struct hold *h, uint32_t owner);
void hold_drop_events(struct hold *h, uint32_t owner);

/*
 * Tell the agent to do @command, and serve it until it is done.  What it said,
 * or a negative errno.
 */
long hold_command(struct hold *h, uint64_t command);

/* The first time: until the agent is ready. */
long hold_serve(struct hold *h);

/* When process @pid began, in clock ticks after boot; 0: there is none. */
uint64_t process_start(pid_t pid);

/*
 * net_open(), also while a thread that was to be borrowed has not been let go
 * yet.
 */
int hold_threads(struct net **net, pid_t pid, pid_t worker,
		 const struct net_options *options);

/* Forget the net's maps and close it. */
void hold_net_close(struct hold *h);

/* ---- undo.c -------------------------------------------------------------- */

/*
 * Remove whatever is ours from process @pid: put its text and its return
 * addresses back, wait until nobody is inside, unmap.  @w: a worker, or one
 * with pid 0: then one is made if it is needed.  What the figures in the
 * target say is distrusted.  Gives up when somebody is inside for
 * @patience_ms.  1: something was removed; 0: there was nothing; negative:
 * something is left.
 *
 * The worker is ended.
 */
int undo(pid_t pid, struct worker *w, unsigned int patience_ms);

/* Those who have copies of the mappings of a target. */
struct copies {
	uint64_t inode; /* of the memory file of the figures */
	uint32_t dev_minor;
	/* Or figures of their own, see adopt.c, of this session; or 0. */
	uint64_t session;
};

/* As undo(), if process @pid is one of @c; 0 if it is not. */
int undo_copy(pid_t pid, const struct copies *c, unsigned int patience_ms);

/* The longest stop of any thread by the last undo(). */
uint64_t undo_longest_stop(void);

/* All of @c but @except: fork children, for the most part. */
int undo_others(const struct copies *c, pid_t except);

/*
 * A private copy of the figures that are mapped at @at in the memory @mem, but
 * for counters and times; NULL: there are none.  figures_free() it.
 */
struct tl_figures *figures_read(int mem, uint64_t at);
void figures_free(struct tl_figures *f);

/* Is @m a mapping of ours, by its name? */
bool map_is_ours(const struct map *m);
bool map_is_figures(const struct map *m);
bool map_is_code(const struct map *m);

#endif
