/* SPDX-License-Identifier: MIT */
/*
 * fuzz_program.c - any bytes as a program of a probe
 *
 * What must hold of every program that the check lets pass: it ends, writes no
 * more than it was given room for, and what it makes is what a record can hold.
 * As a test it runs on random operations; scripts/run-fuzz builds it for
 * libFuzzer.
 */
/* link: host/linux/session/program.c */
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define BASE 0x10000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *memory;
static size_t memory_size;
static unsigned int good;

uint32_t tl_fetch(const struct tl_hit *h, void *to, uint64_t from, uint32_t len)
{
	uint64_t at = from - BASE, left;

	(void)h;
	if (at >= memory_size)
		return 0;
	left = memory_size - at;
	if (len > left)
		len = (uint32_t)left;
	memcpy(to, memory + at, len);
	return len;
}

uint32_t tl_thread_number(void)
{
	return 4711;
}

void tl_thread_name(uint64_t name[2])
{
	memcpy(name, "a thread's name", 16);
}

static void must(bool cond)
{
	if (!cond)
		abort();
}

/* Operations that are there, more often than any byte is one. */
static const uint8_t ops[] = {
	TL_OP_REG,	  TL_OP_CONST,	  TL_OP_HIGH,	     TL_OP_OFFSET,
	TL_OP_LOAD,	  TL_OP_ZERO,	  TL_OP_SIGN,	     TL_OP_THREAD,
	TL_OP_TOOK,	  TL_OP_SAVED,	  TL_OP_EQUAL,	     TL_OP_ADD,
	TL_OP_DIV,	  TL_OP_MOD,	  TL_OP_SHL,	     TL_OP_LT,
	TL_OP_BOTH,	  TL_OP_EITHER,	  TL_OP_NOT,	     TL_OP_FLIP,
	TL_OP_FILTER,	  TL_OP_SAVE,	  TL_OP_SAVE_STRING, TL_OP_KEY,
	TL_OP_KEY_STRING, TL_OP_EMIT,	  TL_OP_STRING,	     TL_OP_SAVED_STRING,
	TL_OP_KEY_SAVED,  TL_OP_KEY_NAME, TL_OP_STACK,	     TL_OP_COUNT,
	TL_OP_HISTOGRAM,  TL_OP_EVENT,	  TL_OP_LENGTH,	     TL_OP_SAVE_STRING,
};

static void fill(struct tl_program *p, const uint8_t *data, size_t size)
{
	p->version = TL_PROGRAM_VERSION;
	p->n = (uint16_t)(size / 4);
	if (p->n > TL_MAX_OPS)
		p->n = TL_MAX_OPS;
	for (uint16_t i = 0; i < p->n; i++, data += 4) {
		struct tl_op *o = &p->op[i];
		bool any = data[0] >= 7 * sizeof(ops);

		o->op = any ? data[0] : ops[data[0] % sizeof(ops)];
		o->size = data[1] & 0x80 ? data[1] : 1u << (data[1] & 3);
		o->arg = data[2] & 63;
		o->imm = (int8_t)data[3] * (data[1] & 0x40 ? 8 : 1);
	}
}

/* Junk first, then what is asked for: it must write, and only there. */
static void run(const struct tl_program *p, bool call, int saved)
{
	uint64_t regs[TL_STACK_REGS], faults = ~0ull;
	uint64_t *kept = malloc(8 * (size_t)saved + 1);
	struct tl_made *m = malloc(sizeof(*m));
	struct tl_hit h = { .regs = regs,
			    .saved = kept,
			    .saved_faults = &faults,
			    .took = 12345 };

	must(kept && m);
	for (unsigned int i = 0; i < TL_STACK_REGS; i++)
		regs[i] = i & 1 ? BASE + 3 * i : ~0ull / (i + 1);
	memset(kept, 0xa5, 8 * (size_t)saved);
	memset(m, 0x5a, sizeof(*m));
	if (call && tl_program_enter(p, &h) != TL_PASSED)
		goto out;
	if (tl_program_run(p, &h, m) != TL_PASSED)
		goto out;
	must(m->n >= TL_EVENT_HEAD / 8 && m->n * 8 <= TL_MAX_RECORD);
	must(m->key_n <= TL_KEY_WORDS && m->key_fault < 1u << TL_KEY_WORDS);
	must(m->faults < 1u << TL_MAX_FIELDS);
	must(m->stack <= TL_MAX_STACK && m->stack % 8 == 0);
	must(call || !m->to.histogram);
out:
	free(kept);
	free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_program *p;
	int saved;

	if (size < 8)
		return 0;
	p = calloc(1, sizeof(*p));
	must(p);
	memory = data;
	memory_size = size;
	/* As it is in memory, now and then. */
	if (data[0] == 0xff)
		memcpy(p, data, size < sizeof(*p) ? size : sizeof(*p));
	else
		fill(p, data + 2, size - 2);
	if (data[0] & 1)
		p->entry = data[1];
	saved = tl_program_check(p, data[0] & 1);
	good += saved >= 0;
	must(saved >= -1 && saved <= TL_SAVED_WORDS);
	if (saved >= 0)
		run(p, data[0] & 1, saved);
	free(p);
	return 0;
}

#ifndef LIBFUZZER
#include "tl_test.h"

/* Does @data with one more operation still lead to a program? */
static bool may_follow(uint8_t *data, size_t n, const struct tl_op *ends)
{
	struct tl_program p = { .version = TL_PROGRAM_VERSION };

	fill(&p, data + 2, 4 * n);
	p.entry = data[0] ? data[1] : 0;
	for (unsigned int i = 0; i <= TL_MAX_DEPTH; i++) {
		if (p.entry > p.n || tl_program_check(&p, data[0]) >= 0)
			return true;
		p.op[p.n++] = *ends;
	}
	return false;
}

/* A program that passes: each operation is one that may stand there. */
static size_t grow(uint8_t *data, uint64_t *seed)
{
	static const uint8_t ends[4] = { 20, 0, 0, 0 };
	struct tl_program end = { .n = 0 };
	size_t n = 0;

	fill(&end, ends, 4);
	data[0] = tl_test_random(seed) & 1;
	data[1] = 0;
	for (unsigned int tries = 0; tries < 90 && n < 24; tries++) {
		uint32_t r = (uint32_t)tl_test_random(seed);

		memcpy(data + 2 + 4 * n, &r, 4);
		n += may_follow(data, n + 1, &end.op[0]);
	}
	while (n < 30 && tl_test_random(seed) % 8) {
		memcpy(data + 2 + 4 * n++, ends, 4);
		if (tl_test_random(seed) % 4 == 0)
			data[1] = (uint8_t)n;
	}
	return 2 + 4 * n;
}

TL_TEST(any_operations_do_no_harm)
{
	uint64_t seed = tl_test_seed;
	static uint8_t data[128];

	for (unsigned int i = 0; i < 20000 * tl_test_scale; i++)
		LLVMFuzzerTestOneInput(data, grow(data, &seed));
	/* Enough of them are programs. */
	CHECK(good > 1000);
}
#endif
