/* SPDX-License-Identifier: MIT */
/*
 * events.h - what a probe of `trapline trace` does, and where it puts it
 *
 * Behind struct tl_figures, where a session asked for it, is a struct
 * tl_events: programs, which the tool writes and the agent takes a copy of,
 * and rings, which the target's threads write and the tool reads.
 *
 * A program says what of a hit is kept: at most TL_MAX_OPS operations, one
 * after the other, on one accumulator; there is no jump.
 *
 * A ring has any number of writers and one reader.  `head` and `tail` are bytes
 * since the beginning, modulo 2^TL_HEAD_BITS; above them `head` has the number
 * of records, modulo 2^24, so that one exchange takes room and a number.
 *
 *   R1  Room that is free is zero: the reader clears it before it moves `tail`.
 *   R2  A record is there when its first word is not zero; that is stored last.
 *   R3  A record lies in one piece, and begins at a multiple of 8; TL_PAD
 *       fills what is too short at the end.
 *   R4  What there is no room for is counted in `lost`.
 *
 * A word of the target's may be anything: the reader keeps a tail of its own,
 * copies a record, and checks the copy.
 */
#ifndef TL_EVENTS_H
#define TL_EVENTS_H

#include <stdint.h>

#define TL_PROGRAM_VERSION 1
#define TL_MAX_PROGRAMS	   256
#define TL_MAX_OPS	   64
#define TL_MAX_FIELDS	   16
#define TL_MAX_RECORD	   1024 /* bytes */
#define TL_MAX_STRING	   256
#define TL_EVENT_HEAD	   24 /* bytes of a record before its fields */

enum tl_opcode {
	TL_OP_REG = 1,	  /* the accumulator is word @arg of struct pt_regs */
	TL_OP_ADD = 2,	  /* add @imm */
	TL_OP_LOAD = 3,	  /* the @size bytes at it, zero-extended; 1, 2, 4, 8 */
	TL_OP_EMIT = 4,	  /* it is the next field, a word */
	TL_OP_STRING = 5, /* so is the text at it, @imm bytes at most */
};

struct tl_op {
	uint8_t op;
	uint8_t size;
	uint16_t arg;
	int32_t imm;
};

struct tl_program {
	uint16_t version;
	uint16_t n;
	uint32_t reserved;
	struct tl_op op[TL_MAX_OPS];
};

/*
 * A record: its head, then the fields.  A word field is a word.  A string is a
 * word (length, TL_CUT if there was more) and its bytes, up to a multiple of 8.
 * Of a field that could not be read, a bit of `faults` is set and it is a zero
 * word.
 */
#define TL_CUT (1ull << 32)

enum tl_record_type { TL_EVENT = 1, TL_PAD = 2 };

struct tl_record {
	uint16_t size; /* bytes, with this head */
	uint16_t type;
	uint32_t probe;
	uint64_t clock; /* time stamp counter */
	uint32_t thread;
	uint32_t faults;
};

#define TL_RINGS      32
#define TL_RING_BYTES (4u << 20)
#define TL_HEAD_BITS  40
#define TL_HEAD_MASK  ((1ull << TL_HEAD_BITS) - 1)

struct tl_ring {
	uint64_t head __attribute__((aligned(64)));
	uint64_t lost;
	uint64_t tail __attribute__((aligned(64)));
	uint64_t data[TL_RING_BYTES / 8] __attribute__((aligned(4096)));
};

struct tl_events {
	struct tl_program program[TL_MAX_PROGRAMS] __attribute__((aligned(64)));
	struct tl_ring ring[TL_RINGS] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct tl_record) == TL_EVENT_HEAD, "the head");

#endif
