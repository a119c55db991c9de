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
 * counters and the times, which the target's threads write.  Since the target
 * can write all of it, readers copy first and check every number.
 */
#ifndef TL_PROTOCOL_H
#define TL_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include <trapline/kprobes.h>

#include "events.h"

#define TL_MAGIC "trapline"
#define TL_MAJOR 1
#define TL_MINOR 0

/* Names under which our mappings appear in /proc/PID/maps. */
#define TL_CODE_NAME	"trapline"
#define TL_FIGURES_NAME "trapline-figures"

#define TL_FEATURE_GATE 1 /* fork children do not write the figures */

struct tl_header {
	uint8_t magic[8];
	uint16_t major;
	uint16_t minor;
	uint32_t features;
	uint64_t total;	   /* length of the figures */
	uint64_t session;  /* a random number */
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
	TL_SECTION_EVENTS = 7,	 /* struct tl_events, one; see events.h */
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

struct tl_journal {
	uint64_t addr;
	uint32_t len;
	uint32_t valid; /* 1 */
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

/* tl_probe.flags: no return address may be replaced; none is. */
#define TL_PROBE_EXITS_ONLY 1
#define TL_PROBE_BY_EXITS   2

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
	uint64_t missed; /* hits at which nothing could be done; see below */
	uint8_t name[120];
	/*
	 * Where the agent's struct kprobe or kretprobe is, whose misses the
	 * guardian adds up in `missed` from time to time.  0: not armed.
	 */
	uint64_t probe;
	uint32_t program; /* index into the programs, if it makes events */
	uint32_t reserved;
};

/* As struct session_times, which see. */
#define TL_TIME_SUB_BITS 3
#define TL_TIME_BUCKETS	 496

struct tl_times {
	uint64_t calls;
	uint64_t missed;
	uint64_t total;
	uint64_t min; /* 0: no call yet; else 1 more than the least */
	uint64_t max;
	uint64_t bucket[TL_TIME_BUCKETS];
	uint64_t reserved[11]; /* up to 4096 bytes */
};

#define TL_MAX_SECTIONS 16
#define TL_MAX_MAPPINGS 1024
#define TL_MAX_PROBES	8192
#define TL_MAX_TIMES	1024
#define TL_MAX_SITES	(2 * TL_MAX_PROBES)

/* The layout of this version. */
struct tl_figures {
	struct tl_header header;
	struct tl_section section[TL_MAX_SECTIONS];
	uint8_t pad[4096 - sizeof(struct tl_header) -
		    TL_MAX_SECTIONS * sizeof(struct tl_section)];
	struct tl_mapping mapping[TL_MAX_MAPPINGS];
	struct tl_returns returns;
	struct tl_journal journal[TL_MAX_SITES];
	struct tl_probe probe[TL_MAX_PROBES];
	struct tl_times times[TL_MAX_TIMES] __attribute__((aligned(4096)));
	/* Shard i of probe p is at counters + (i << TL_SHARD_SHIFT) + 8 * p. */
	uint8_t counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct tl_header) == 64, "a header is 64 bytes for ever");
_Static_assert(sizeof(struct tl_times) == 4096, "times are a page");
_Static_assert(TL_MAX_PROBES * 8 <= 1 << TL_SHARD_SHIFT,
	       "one block of counters");

/* ---- the agent and its guardian ------------------------------------------ */

/* At the entry point of the agent's image; offsets from there. */
struct tl_agent_table {
	int32_t entry;
	int32_t ask;
	int32_t syscall;
	int32_t copy;
	int32_t copy_fault;
};

/*
 * What the guardian hands to the agent.  Written into the agent's memory before
 * it runs for the first time; the agent adds what the second group holds.
 */
struct tl_boot {
	uint64_t figures; /* struct tl_figures in the target */
	uint64_t gate;	  /* the byte that is zero in fork children */
	uint64_t heap;	  /* memory for the engine */
	uint64_t heap_end;
	uint64_t red_zone; /* bytes below the stack pointer that are in use */
	uint64_t events;   /* struct tl_events in the target, or 0 */

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
};

#define TL_COMMAND(what, first, n) \
	((uint64_t)(what) << 56 | (uint64_t)(first) << 28 | (uint64_t)(n))
#define TL_COMMAND_WHAT(c)  ((unsigned int)((c) >> 56))
#define TL_COMMAND_FIRST(c) ((uint32_t)((c) >> 28 & 0xfffffff))
#define TL_COMMAND_N(c)	    ((uint32_t)((c)&0xfffffff))

#endif
