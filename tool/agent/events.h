/* SPDX-License-Identifier: MIT */
/*
 * events.h - what a probe of `trapline trace` does, and where it puts it
 *
 * A session that asks for it has a struct tl_events, in a memory file of its
 * own: programs, which the tool writes and the agent takes a copy of, and rings,
 * which the target's threads write and the tool reads.
 *
 * A program says what of a hit is kept, and which hits: see enum tl_opcode.
 *
 * A ring has any number of writers and one reader.  `head` and `tail` are bytes
 * since the beginning, modulo 2^TL_HEAD_BITS; above them `head` has the number
 * of records, modulo 2^24, so that one exchange takes room and a number.
 *
 *   R1  Room that is free is zero: the reader clears it before it moves `tail`.
 *   R2  A record is there when its first word is not zero; that is stored last.
 *   R3  A record lies in one piece, and begins at a multiple of 8; TL_PAD
 *       fills what is too short at the end.
 *   R4  What there is no room for is counted in `lost` of one of the rings.
 *   R5  Where `block` is set, a writer who finds no room waits for it: for
 *       `turn` to change, having set `waiters`; both are looked at by the
 *       reader after he has moved `tail`.  Nobody waits for longer than
 *       TL_WAIT_NS, and nobody at a tail at which somebody waited in vain.
 *
 * A word of the target's may be anything: the reader keeps a tail of its own,
 * copies a record, and checks the copy.
 */
#ifndef TL_EVENTS_H
#define TL_EVENTS_H

#include <stdint.h>

#include <trapline/regs.h>

#define TL_PROGRAM_VERSION 2
#define TL_MAX_PROGRAMS	   256
#define TL_MAX_OPS	   160
#define TL_MAX_TEXT	   256 /* bytes of texts to compare with */
#define TL_MAX_COMPARE	   64  /* of one of them */
#define TL_MAX_DEPTH	   8   /* of the stack */
#define TL_MAX_FIELDS	   16
#define TL_MAX_RECORD	   1024 /* bytes, without a piece of the stack */
#define TL_MAX_STRING	   256
#define TL_MAX_STACK	   32768
#define TL_EVENT_HEAD	   24 /* bytes of a record before its fields */
#define TL_SAVED_WORDS	   62 /* of a call, from its entry to its return */
#define TL_KEY_WORDS	   8

/*
 * The operations of a program are done one after the other, each once: there is
 * no jump.  They work on a stack of words, of which any may be a fault: one that
 * could not be fetched, or was made from one.
 */
enum tl_opcode {
	/* fetch: push a word */
	TL_OP_REG = 1, /* word @arg of struct pt_regs */
	TL_OP_CONST,   /* @imm, sign-extended */
	TL_OP_HIGH,    /* the upper half of the top becomes @imm */
	TL_OP_OFFSET,  /* add @imm to the top */
	TL_OP_LOAD,    /* the @size bytes at the top, zero-extended */
	TL_OP_ZERO,    /* of the top only @size bytes, zero-extended */
	TL_OP_SIGN,    /* the same, sign-extended */
	TL_OP_THREAD,  /* our thread's number */
	TL_OP_TOOK,    /* ticks since the entry; at a return */
	TL_OP_SAVED,   /* what was saved at word @arg; at a return */
	TL_OP_EQUAL,   /* the top: does it point to text @arg, @size bytes? */

	/* compute: the second from the top with the top; signed where it matters */
	TL_OP_ADD = 32,
	TL_OP_SUB,
	TL_OP_MUL,
	TL_OP_DIV, /* by 0 is a fault */
	TL_OP_MOD,
	TL_OP_DIV_U,
	TL_OP_MOD_U,
	TL_OP_AND,
	TL_OP_OR,
	TL_OP_XOR,
	TL_OP_SHL, /* by the top's last 6 bits */
	TL_OP_SHR,
	TL_OP_SHR_U,
	TL_OP_EQ,
	TL_OP_NE,
	TL_OP_LT,
	TL_OP_LE,
	TL_OP_LT_U,
	TL_OP_LE_U,
	TL_OP_BOTH,   /* &&: 0 if one is 0, whatever the other is */
	TL_OP_EITHER, /* ||: 1 if one is not 0, whatever the other is */

	/* compute: the top alone */
	TL_OP_NOT = 64, /* ! */
	TL_OP_NEG,
	TL_OP_FLIP, /* ~ */

	/* use: pop the top */
	TL_OP_FILTER = 96, /* end, unless it is neither 0 nor a fault */
	TL_OP_SAVE,	   /* until the return, as word @arg; at an entry */
	TL_OP_SAVE_STRING, /* the text at it, @imm bytes at most, from word @arg */
	TL_OP_KEY,	   /* the next word of the key */
	TL_OP_KEY_STRING, /* so is the text at it, @imm bytes at most */
	TL_OP_EMIT,	  /* the next field, a word */
	TL_OP_STRING,	  /* so is the text at it, @imm bytes at most */
	TL_OP_LENGTH, /* the next text has so many bytes, zeros among them */

	/* use: nothing is popped */
	TL_OP_SAVED_STRING = 112, /* the next field is what was saved at @arg */
	TL_OP_KEY_SAVED,	  /* the same for the key */
	TL_OP_KEY_NAME,		  /* the name of our thread, for the key */
	TL_OP_STACK,		  /* @imm bytes of the stack come behind it */

	/* in the end, each once at most */
	TL_OP_COUNT = 128, /* count it, for its key if it has one */
	TL_OP_HISTOGRAM,   /* add the time since the entry; at a return */
	TL_OP_EVENT,	   /* put the record into a ring */
};

struct tl_op {
	uint8_t op;
	uint8_t size;
	uint16_t arg;
	int32_t imm;
};

/*
 * Of a call that is followed the first @entry operations are done at its entry:
 * they may save, and filter, which leaves the call alone.  The others are done
 * at its return; so are all of a hit.
 */
struct tl_program {
	uint16_t version;
	uint16_t n;
	uint16_t entry;
	uint16_t reserved;
	struct tl_op op[TL_MAX_OPS];
	uint8_t text[TL_MAX_TEXT];
};

/*
 * A record: its head, then the fields.  A word field is a word.  A string is a
 * word (length, TL_CUT if there was more) and its bytes, up to a multiple of 8.
 * Of a field that could not be read, a bit of `faults` is set and it is a zero
 * word.  A piece of the stack is last: TL_STACK_HEAD words, the first of which
 * says how many bytes of it there are, the others are struct pt_regs; then room
 * for as many bytes as were asked for.
 */
#define TL_STACK_REGS ((uint32_t)(sizeof(struct pt_regs) / 8))
#define TL_STACK_HEAD (1 + TL_STACK_REGS)
#define TL_CUT	      (1ull << 32)

enum tl_record_type { TL_EVENT = 1, TL_PAD = 2, TL_EVENT_STACK = 3 };

struct tl_record {
	uint16_t size; /* bytes, with this head */
	uint16_t type;
	uint32_t probe;
	uint64_t clock; /* time stamp counter */
	uint32_t thread;
	uint32_t faults;
};

#define TL_RINGS      32
#define TL_RING_BYTES (16u << 20)
#define TL_RING_LEAST (4u << 20)
#define TL_HEAD_BITS  40
#define TL_HEAD_MASK  ((1ull << TL_HEAD_BITS) - 1)
#define TL_WAIT_NS    1000000000ull

struct tl_ring {
	uint64_t head __attribute__((aligned(64)));
	uint64_t lost;
	uint64_t tail __attribute__((aligned(64)));
	uint32_t turn;	  /* a futex */
	uint32_t waiters; /* 1: wake them */
	uint64_t in_vain; /* 0, or 1 more than the tail */
	uint64_t data[TL_RING_BYTES / 8] __attribute__((aligned(4096)));
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

/*
 * Keys.  A slot has 0 or one more than the index of a key, which then never
 * changes but for its count:
 *
 *   K1  A key is filled in by one thread before it is put into a slot, by an
 *       exchange; whoever reads a slot acquires it.
 *   K2  A key is in the first slot from its hash on that was free when it was
 *       put there, TL_KEY_REACH slots away at most; a slot is never freed.
 *   K3  A hit whose key finds no slot, no key or no times is counted in `lost`.
 *
 * The times of key i, if it has any, are times[i].
 */
#define TL_MAX_KEYS  16384
#define TL_KEY_SLOTS (2 * TL_MAX_KEYS)
#define TL_KEY_REACH 64
#define TL_KEY_TIMES 2048

struct tl_key {
	uint64_t count;
	uint32_t probe;
	uint32_t n;	/* words */
	uint32_t fault; /* bit i: word i could not be fetched */
	uint32_t pad;
	uint64_t word[TL_KEY_WORDS];
} __attribute__((aligned(64)));

struct tl_keys {
	uint64_t taken; /* keys that were begun */
	uint64_t lost;
	uint64_t spare;	  /* one that was not needed after all, as in a slot */
	uint64_t unknown; /* hits whose condition could not be told */
	uint32_t slot[TL_KEY_SLOTS] __attribute__((aligned(64)));
	struct tl_key key[TL_MAX_KEYS];
	struct tl_times times[TL_KEY_TIMES] __attribute__((aligned(4096)));
};

struct tl_events {
	struct tl_program program[TL_MAX_PROGRAMS] __attribute__((aligned(64)));
	struct tl_keys keys __attribute__((aligned(4096)));
	uint32_t block __attribute__((aligned(64))); /* 1: R5 */
	uint32_t ring_bytes; /* of TL_RING_BYTES in use: a power of 2 */
	struct tl_ring ring[TL_RINGS] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct tl_record) == TL_EVENT_HEAD, "the head");

#endif
