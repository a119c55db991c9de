/* SPDX-License-Identifier: MIT */
/*
 * agent.h - the engine, for those who take care of a whole program
 *
 * What an agent or a library's clean-up needs beside the public calls: remove
 * everything, put back replaced return addresses, forget text that is gone.  Public to
 * homes and the agent, not part of the stable interface.
 *
 * Context of all: task, without the registration lock, unless marked otherwise.
 */
#ifndef TRAPLINE_AGENT_H
#define TRAPLINE_AGENT_H

#include <trapline/kprobes.h>

/*
 * Unregister every probe, restore the text, wait until nobody is in our code
 * and give all executable memory back.  0; -TL_EBUSY if something could not be
 * freed (the text is restored all the same; call again later); or what the host said when
 * text could not be written.
 */
int tl_remove_all(void);

/*
 * Put the true return address back wherever a followed call's slot still holds
 * the trampoline.  Every return probe is unregistered before.  0, or -TL_EBUSY
 * if a call remains whose slot cannot be found in memory.
 */
int tl_returns_restore(void);

/*
 * The text of [@start, @end) is gone or about to be (unmapped, overwritten):
 * mark the probes in it GONE; nothing is written there.  They are still to be
 * unregistered.  Returns how many there were.
 */
int tl_text_gone(uintptr_t start, uintptr_t end);

/*
 * Do what could not be done at once: windows that were busy become jumps, memory
 * that was in use is freed, pools are filled up.  Call it now and then.
 */
void tl_maintain(void);

/*
 * How many points have text of ours in memory that was to be changed and could
 * not be: tl_maintain() tries again.
 */
size_t tl_unfinished(void);

/*
 * Wait until no handler runs of a probe that was unregistered before.
 * Unregistering does that, too, but not for longer than the host has patience.
 * 0, or -TL_EBUSY.
 */
int tl_await_handlers(void);

/* Where the instruction at @ip belongs, if it is a copy of one; else 0.  Context: any. */
uintptr_t tl_origin(uintptr_t ip);

/*
 * Where probes are, for who looks at this memory from outside, as `trapline status`
 * does: addresses, and offsets in bytes.  A table is at the address in *@table, or
 * if that is NULL, at @first_table: `1 << bits` lists of points, which are linked by
 * the word `which` of two.  Each point has a list of probes.  What is read may
 * change meanwhile: nothing in it may be relied on.
 *
 * New members come at the end, and the size says which there are.
 */
struct tl_directory {
	uint64_t size;
	const void *table;
	const void *first_table;
	const void *disarmed;	/* a byte: all are */
	const void *return_pre; /* pre handler of return probes */
	uint32_t table_head, table_bits, table_which;
	uint32_t point_size, point_addr, point_link, point_probes;
	uint32_t point_text, point_why, point_island; /* a byte each */
	uint32_t text_breakpoint, text_jump;	      /* what it may be */
	/* Of a kprobe; a kretprobe begins with one, and is that long. */
	uint32_t probe_size, probe_next, probe_pre, probe_flags;
	uint32_t probe_counter, probe_missed;
	uint32_t return_missed, return_exits;
	uint32_t home; /* a flag: not the program's own */
	uint32_t off;  /* flags: not to be reached */
};

extern const struct tl_directory tl_directory;

/*
 * As trapline_register_each(), for return probes.
 */
int tl_register_each_return(struct kretprobe **rps, int num, int *err,
			    enum tl_why *why);

/*
 * A probe of the home's own: not listed, and not disarmed with all the others.
 */
#define KPROBE_FLAG_HOME 512

/*
 * A return probe of a function whose stack may be moved while it is called: its
 * calls are told by frame() of the home, and followed to its exits or not at all.
 * The probe is where a call has begun, which need not be the function's start.
 */
#define KPROBE_FLAG_MOVES 2048

#endif
