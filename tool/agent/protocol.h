/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - what the guardian, the agent and later tools agree upon
 *
 * The figures are memory that the target shares with the guardian and the tool:
 *
 *      0  struct tl_header      64 bytes that never change their meaning
 *     64  struct tl_section[]   where the rest is; later versions add kinds
 *   4096  and on: the sections
 *
 * All numbers are little-endian.  A reader of any version can find the
 * mappings, the journal and the followed calls of any other version, and so
 * undo what it did.  The writer of the figures is the guardian, but for the
 * counters, the misses and the times, which the target's threads write.  Since the target
 * can write all of it, readers copy first and check every number.
 */
#ifndef TL_PROTOCOL_H
#define TL_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include <trapline/kprobes.h>

#include "events.h"

#define TL_MAGIC "trapline"
#define TL_MAGIC_BYTES                                 \
	{                                              \
		't', 'r', 'a', 'p', 'l', 'i', 'n', 'e' \
	}
#define TL_MAJOR 2
#define TL_MINOR 1

/* Names under which our mappings appear in /proc/PID/maps. */
#define TL_CODE_NAME	"trapline"
#define TL_FIGURES_NAME "trapline-figures"
#define TL_EVENTS_NAME	"trapline-events"

#define TL_FEATURE_GATE	   1 /* fork children do not write the figures */
#define TL_FEATURE_LIBRARY 2 /* libtrapline has the probes: see "the library" */

struct tl_header {
	uint8_t magic[8];
	uint16_t major;
	uint16_t minor;
	uint32_t features;
	uint64_t total;	   /* length of the figures */
	uint64_t session;  /* a random number, of the guardian's */
	uint32_t guardian; /* process ids as the guardian sees them */
	uint32_t worker;
	uint64_t guardian_start; /* field 22 of /proc/PID/stat */
	uint32_t sections;	 /* how many */
	uint32_t target;
	uint64_t reserved;
};

enum tl_section_kind {
	TL_SECTION_MAPPINGS = 1, /* struct tl_mapping */
	TL_SECTION_JOURNAL = 2,	 /* struct tl_journal */
	TL_SECTION_RETURNS = 3,	 /* struct tl_returns, one */
	TL_SECTION_PROBES = 4,	 /* struct tl_probe */
	TL_SECTION_COUNTERS = 5, /* blocks of TL_COUNTER_BLOCK bytes */
	TL_SECTION_TIMES = 6,	 /* struct tl_times */
	/* 7 was struct tl_events, which has a memory file of its own now. */
	TL_SECTION_CALLS = 8,	   /* struct tl_mapping: each holds a tl_call */
	TL_SECTION_SEMAPHORES = 9, /* struct tl_semaphores, one */
	TL_SECTION_SESSIONS = 10,  /* struct tl_session */
};

struct tl_section {
	uint32_t kind;
	uint32_t size; /* of one entry */
	uint64_t at;   /* from the start of the figures */
	uint64_t n;
};

/* A mapping of ours in the target; start 0: the entry is not in use. */
struct tl_mapping {
	uint64_t start;
	uint64_t end;
};

/*
 * Text of the target that we have changed.  It is written before the text is,
 * `valid` last; what it holds is right whether or not the text was changed.
 */
#define TL_JOURNAL_BYTES 24

/* A byte may be in an entry of text and in one of an island: then it is the latter's. */
enum tl_journal_kind {
	TL_JOURNAL_VOID = 0, /* not any more */
	TL_JOURNAL_TEXT = 1, /* to be put back while nobody runs */
	/*
	 * Padding that is a jump to a detour: after the text that leads there,
	 * and when nobody is at it or in the detour.
	 */
	TL_JOURNAL_ISLAND = 2,
};

struct tl_journal {
	uint64_t addr;
	uint32_t len;
	uint32_t valid; /* enum tl_journal_kind */
	uint8_t original[TL_JOURNAL_BYTES];
};

/*
 * Where followed calls are found: a list of lists in the target's memory.  The
 * word at `first` is the address of a node or 0; a node's word at +next is the
 * address of the next one; its word at +calls is the address of a call or 0.
 * A call's word at +call_next is the address of the next older one; its word at
 * +slot is where on a stack its return address was, at +address that address.
 * A stack word that was replaced holds `trampoline`.
 */
struct tl_returns {
	uint64_t first;
	uint64_t trampoline;
	uint32_t next;
	uint32_t calls;
	uint32_t call_next;
	uint32_t slot;
	uint32_t address;
	uint32_t reserved;
};

/*
 * Semaphores of markers that are raised: @n entries at the address @first of the
 * target, in private memory, so that a fork child has its own.
 */
struct tl_semaphores {
	uint64_t first;
	uint32_t n;
	uint32_t reserved;
};

struct tl_semaphore {
	uint64_t addr;
	uint32_t state; /* see guardian/semaphores.c; 0: the entry is free */
	uint16_t old;
	uint16_t reserved;
	uint64_t file; /* inode of what it is in: see semaphores.c */
};

/*
 * Threads that have changed the list of libraries, and wait for us: see
 * host/linux/session/loader.c.
 */
struct tl_loader {
	uint32_t open; /* somebody answers */
	uint32_t asked;
	uint32_t served;
	uint32_t in_vain; /* 0, or 1 more than `served` */
};

#define TL_LOADER_S 2

#define TL_MAX_SEMAPHORES 128

/*
 * A session of a tool: a guardian keeps several, each with probes of its own.
 * What it does with events is in a memory file of its own.
 */
enum tl_session_state {
	TL_SESSION_NONE = 0,
	TL_SESSION_ALIVE = 1,
	TL_SESSION_LEAVING = 2, /* it has no probes any more */
};

struct tl_session {
	uint32_t state;
	uint32_t tool; /* process id, as the guardian sees it */
	uint32_t user; /* its user id */
	uint32_t reserved;
	uint64_t events;  /* struct tl_events in the target, or 0 */
	uint8_t what[40]; /* for people: what the tool does */
};

#define TL_MAX_SESSIONS 16

/* tl_probe.flags: no return address may be replaced; none is. */
#define TL_PROBE_EXITS_ONLY 1
#define TL_PROBE_BY_EXITS   2
/* What leads into the code at addr is known, see `inroads`. */
#define TL_PROBE_INROADS 4
/* A Go function: tl_goroutine() (host/linux) is known at entry and return. */
#define TL_PROBE_GO 8

#define TL_COST_OF   64
#define TL_COST_MOST (1u << 15) /* ticks of one of them */

struct tl_probe {
	uint64_t addr;
	uint64_t start; /* the function, or 0 and 0 */
	uint64_t end;
	uint32_t action; /* enum session_action */
	int32_t err;
	uint32_t why;	 /* enum tl_why */
	uint32_t kind;	 /* enum session_kind */
	uint32_t times;	 /* index into the times, if it is a matter of time */
	uint32_t flags;	 /* TL_PROBE_* */
	uint64_t missed; /* hits at which nothing could be done */
	uint8_t name[120];
	uint32_t program; /* 0: none; else 1 more than its index */
	uint32_t inroads; /* at addr; with TL_PROBE_INROADS */
	uint32_t
		session; /* whose: 1 more than its index; 0: nobody's any more */
	uint32_t number; /* among those of its session: what its events say */
	/* Of one hit in TL_COST_OF: ticks in handlers, and how many there were. */
	uint64_t cost;
	uint64_t costed;
};

#define TL_MAX_SECTIONS 16
#define TL_MAX_MAPPINGS 1024
#define TL_MAX_PROBES	32768
#define TL_MAX_TIMES	1024
#define TL_MAX_SITES	(2 * TL_MAX_PROBES)
#define TL_MAX_CALLS	8

/* Counters lie in blocks, of which each has room for so many probes. */
#define TL_BLOCK_PROBES	  ((1u << TL_SHARD_SHIFT) / 8)
#define TL_COUNTER_BLOCKS (TL_MAX_PROBES / TL_BLOCK_PROBES)

/* The layout of this version. */
struct tl_figures {
	struct tl_header header;
	struct tl_section section[TL_MAX_SECTIONS];
	struct tl_mapping call[TL_MAX_CALLS];
	struct tl_session session[TL_MAX_SESSIONS];
	uint8_t name[16]; /* TL_EVENTS_NAME, for memory files made later */
	uint8_t pad[4096 - sizeof(struct tl_header) -
		    TL_MAX_SECTIONS * sizeof(struct tl_section) -
		    TL_MAX_CALLS * sizeof(struct tl_mapping) -
		    TL_MAX_SESSIONS * sizeof(struct tl_session) - 16];
	struct tl_mapping mapping[TL_MAX_MAPPINGS];
	struct tl_returns returns;
	struct tl_semaphores semaphores;
	struct tl_journal journal[TL_MAX_SITES];
	struct tl_probe probe[TL_MAX_PROBES];
	/* Not for a child's figures: nobody answers there. */
	struct tl_loader loader __attribute__((aligned(64)));
	struct tl_times times[TL_MAX_TIMES] __attribute__((aligned(4096)));
	/* See tl_counter_at(). */
	uint8_t counters[TL_COUNTER_BLOCKS][TL_COUNTER_BLOCK]
		__attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct tl_header) == 64, "a header is 64 bytes for ever");
_Static_assert(sizeof(struct tl_times) == 4096, "times are a page");
_Static_assert(TL_MAX_PROBES % TL_BLOCK_PROBES == 0, "blocks of counters");

/* Where the counter of probe @i begins, from the first block on, in bytes. */
static inline size_t tl_counter_at(uint32_t i)
{
	return i / TL_BLOCK_PROBES * TL_COUNTER_BLOCK +
	       i % TL_BLOCK_PROBES * sizeof(uint64_t);
}

/* ---- the library ---------------------------------------------------------- */

/*
 * A target that has libtrapline gets no agent: the library arms the probes, and
 * what they write is in the figures as above.  There is no journal then.
 *
 * The guardian has a thread of the target give birth to another one, the
 * caller, on a stack of its own, at whose upper end there is a struct tl_call.
 * The caller begins in the library's server, at the place that the note tells
 * (host/linux/own/note.S), with the call's address in rdi; does what is asked;
 * and ends.  The first 64 bytes of a call and what TL_CALL_END means never
 * change, so a session of any version can be ended by any other.
 */
struct tl_call {
	uint8_t magic[8];
	uint64_t reserved0;
	uint16_t major; /* of who asks */
	uint16_t minor;
	uint32_t what;	  /* enum tl_call_what */
	uint64_t session; /* as in the figures' header */
	uint64_t figures; /* in the target */
	uint32_t go;	  /* enum tl_call_go; the guardian's */
	uint32_t
		alive; /* the kernel's: the caller's number while there is one */
	int32_t result;
	uint32_t done; /* 1: there is a result */
	uint64_t reserved;

	uint32_t first; /* TL_CALL_ADD: probes [first, first + n) */
	uint32_t n;
	/* A thread of the program: its number, and its thread pointer. */
	uint64_t thread;
	uint64_t thread_pointer;
	uint32_t owner; /* index of the session that is meant */
	uint32_t reserved1;
	uint64_t events;  /* TL_CALL_ADD: its struct tl_events, or 0 */
	uint64_t more[3]; /* up to 128 bytes */
};

enum tl_call_what {
	TL_CALL_END = 1,    /* remove all probes, if there are any */
	TL_CALL_HELLO = 2,  /* 0, or why there can be no session: see below */
	TL_CALL_ADD = 3,    /* as TL_COMMAND_ADD */
	TL_CALL_REMOVE = 4, /* as TL_COMMAND_REMOVE, of session `owner` */
};

/*
 * Results.  -TL_ENOSYS: another major; -TL_EACCES: the program lets no tool in;
 * -TL_EBUSY: there is another guardian's session, or another caller; or,
 * of TL_CALL_REMOVE, as of TL_COMMAND_REMOVE; -TL_EAGAIN: text could
 * not be put back yet, the figures are still used; -TL_ENODEV: a fork child whose
 * parent was in the middle of a registration, which is never done here;
 * -TL_EINVAL: the figures make no sense; -TL_ENOMEM.
 */

/*
 * It stands still until it may go.  One that runs and may not has lost its guardian,
 * and ends.
 */
enum tl_call_go { TL_CALL_NO = 0, TL_CALL_GO = 1 };

/* What the note holds, behind the library's version. */
struct tl_note {
	uint32_t version[2];
	uint16_t major; /* of the protocol */
	uint16_t minor;
	/*
	 * The server's distance from this word.  Before it is a system call
	 * instruction, and before that, in one page, TL_STUB_MAX bytes 0xcc.
	 */
	int32_t server;
	/*
	 * From protocol 2.1 on: the distance of struct tl_directory from this
	 * word (trapline/agent.h).
	 */
	int32_t directory;
};

_Static_assert(sizeof(struct tl_call) == 128 &&
		       offsetof(struct tl_call, first) == 64,
	       "a call begins with 64 bytes for ever");

/*
 * The last bytes of the code that a borrowed thread runs, so that the library
 * knows that a thread there will go on elsewhere.  All of it is in one page.
 */
#define TL_STUB_MAGIC "trapline's stub\n"
#define TL_STUB_MAX   512 /* bytes, the magic ones included */

/* ---- the agent and its guardian ------------------------------------------ */

/* At the entry point of the agent's image; offsets from there. */
struct tl_agent_table {
	int32_t entry;
	int32_t ask;
	int32_t syscall;
	int32_t copy;
	int32_t copy_fault;
	/* See adopt.S. */
	int32_t adopt;
	int32_t adopt_file;
	int32_t adopt_map;
	int32_t adopt_kept;
};

#define TL_STACKS      64
#define TL_STACK_BYTES 16384u

/*
 * What the guardian hands to the agent.  Written into the agent's memory before
 * it runs for the first time; the agent adds what the second group holds.
 */
struct tl_boot {
	uint64_t figures; /* struct tl_figures in the target */
	uint64_t gate;	  /* the byte that is zero in fork children */
	uint64_t heap;	  /* memory for the engine */
	uint64_t heap_end;
	/*
	 * In a Go program: TL_STACKS stacks of TL_STACK_BYTES for what its own
	 * have no room for; else 0.
	 */
	uint64_t stacks;
	/* Of each session: struct tl_events in the target, or 0. */
	uint64_t events[TL_MAX_SESSIONS];
	uint64_t library; /* 1: it is libtrapline, not the agent */

	struct tl_returns returns;
};

/*
 * The worker asks by executing a breakpoint instruction with the question in
 * rdi, its arguments in rsi, rdx, rcx and r8; the answer comes in rax.
 */
enum tl_ask {
	TL_ASK_READY = 1,   /* (how the last command ended): tl_command */
	TL_ASK_WRITE = 2,   /* (struct tl_edit *, n): 0 or -errno */
	TL_ASK_BEGIN = 3,   /* (): tl_others or -errno */
	TL_ASK_END = 4,	    /* (): 0 */
	TL_ASK_EVICT = 5,   /* (struct tl_window *, n): 0 */
	TL_ASK_QUIESCE = 6, /* (struct tl_range *, n): 0 or -errno */
	TL_ASK_EXEC = 7,    /* (near, reach, size): address or -errno */
	TL_ASK_UNMAP = 8,   /* (address, size): 0 or -errno */
	TL_ASK_INROADS = 9, /* (address): as struct tl_host_ops says */
	TL_ASK_PIECE = 10,  /* (address): its code: (address - start) << 32 |
				end - start, or -errno */
};

/* The answer to READY. */
enum tl_command {
	TL_COMMAND_ADD = 1, /* register probes [first, first + n) */
	/*
	 * Unregister those of session `first`.  0: nobody uses what was its own
	 * any more; -TL_EBUSY: somebody may: again later.
	 */
	TL_COMMAND_REMOVE = 2,
};

#define TL_COMMAND(what, first, n) \
	((uint64_t)(what) << 56 | (uint64_t)(first) << 28 | (uint64_t)(n))
#define TL_COMMAND_WHAT(c)  ((unsigned int)((c) >> 56))
#define TL_COMMAND_FIRST(c) ((uint32_t)((c) >> 28 & 0xfffffff))
#define TL_COMMAND_N(c)	    ((uint32_t)((c)&0xfffffff))

#endif
