/* SPDX-License-Identifier: MIT */
/* link: arm64-insn */
/*
 * fuzz.c - any words through everything that reads words
 *
 * What must hold for every input: nothing is read or written out of bounds,
 * everything ends, lengths are those promised, what is written for another place
 * consists of instructions that are known, and leads where the original does.  As
 * a test it runs on random words; scripts/run-fuzz (`make fuzz`) builds it for
 * libFuzzer.
 */
#include <stdlib.h>
#include <string.h>

#include "insn.h"

#define BASE	     0x400000ull
#define FUNCTION_MAX 16384 /* bytes; the rest of an input is not looked at */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
	const uint8_t *data;
	size_t size;
};

static int read_image(void *ctx, void *dst, uint64_t src, size_t n)
{
	const struct image *im = ctx;

	if (src < BASE || src - BASE > im->size || n > im->size - (src - BASE))
		return -1;
	memcpy(dst, im->data + (src - BASE), n);
	return 0;
}

static void must(bool cond)
{
	if (!cond)
		abort();
}

static bool read_nothing(void *dst, uint64_t src, size_t len)
{
	must(len <= 8); /* general registers are at most so wide */
	memset(dst, (int)src, len);
	return src & 4;
}

static bool authenticate(uint64_t *pointer, uint64_t modifier, bool key_b)
{
	(void)key_b;
	return (*pointer ^ modifier) & 1;
}

/* Is it code that is written there, or a literal at its end? */
static bool is_literal_at(const uint32_t *out, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		uint64_t place;

		if (a64_match(out[k])->plan == A64_SIM_LITERAL &&
		    a64_place(out[k], 4 * k, &place) && place / 4 <= i &&
		    i < place / 4 + 2)
			return true;
	}
	return false;
}

static void relocate(uint32_t insn, uint64_t to)
{
	/* On the heap, so that a sanitizer sees the first word too many. */
	uint32_t *out = malloc(4 * A64_RELOCATED_WORDS);
	enum a64_plan plan = a64_match(insn)->plan;
	size_t n;

	must(out);
	n = a64_relocate(insn, BASE, to, out);
	must(n <= A64_RELOCATED_WORDS);
	must(!n || !a64_refused(plan));
	must(!n || a64_relocated_self(insn) < n);
	for (size_t i = 0; i < n; i++)
		must(is_literal_at(out, i) ||
		     !a64_refused(a64_match(out[i])->plan));
	free(out);
}

static void decode(uint32_t insn)
{
	struct a64_cpu cpu = { .pc = BASE }, before = cpu;
	enum a64_plan plan = a64_match(insn)->plan;
	uint64_t place = 0;

	must(plan < A64_NR_PLANS);
	if (a64_place(insn, BASE, &place))
		must(plan >= A64_PREFETCH);
	for (unsigned int i = 0; i < 31; i++)
		cpu.x[i] = insn * (i + 1ull);
	before = cpu;
	if (a64_simulate(insn, &cpu, read_nothing, authenticate))
		must(a64_simulates(plan));
	else
		must(!memcmp(&cpu, &before, sizeof(cpu)));
	must(cpu.sp == before.sp);
	relocate(insn, BASE);
	relocate(insn, BASE + 0x1000);
	relocate(insn, BASE + 0x7ff0000);
	relocate(insn, 0x7f0000000000);
}

static void follow(const uint8_t *data, size_t size)
{
	struct image im = { data, size };
	struct a64_flow flow = { .start = BASE,
				 .end = BASE + size / 4 * 4,
				 .read = read_image,
				 .ctx = &im };
	uint64_t next;
	size_t bytes = a64_flow_bytes(&flow);

	flow.facts = malloc(bytes);
	must(flow.facts);
	memset(flow.facts, 0xff, bytes);
	if (a64_flow_learn(&flow)) {
		for (uint64_t at = BASE; at < flow.end; at += 4) {
			uint64_t near = a64_flow_near(&flow, at);

			must(a64_flow_in_exclusive(&flow, at) == (near != at));
			must(!near || (near >= flow.start && near < flow.end &&
				       !a64_flow_in_exclusive(&flow, near)));
		}
	}
	if (!a64_flow_takes_return(&flow, &next))
		must(!(next & 3));
	free(flow.facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t insn;

	for (size_t at = 0; at + 4 <= size && at < 64; at += 4) {
		memcpy(&insn, data + at, 4);
		decode(insn);
	}
	follow(data, size < FUNCTION_MAX ? size : FUNCTION_MAX);
	return 0;
}

#ifndef LIBFUZZER
#include "tl_test.h"

/* Words that make sequences likely: exclusives and branches among others. */
static uint32_t word(uint64_t *seed)
{
	static const uint32_t words[] = { 0xc85f7c20, 0xc8037c20, 0xd5033f5f,
					  0x14000000, 0x54000000, 0xd65f03c0,
					  0x35000003, 0x94000000 };
	uint64_t r = tl_test_random(seed) >> 16;
	uint32_t w = words[r & 7];

	if (r & 0x10000)
		return (uint32_t)(r >> 8);
	switch (a64_match(w)->plan) {
	case A64_SIM_B:
		return w | ((uint32_t)((r >> 20) % 48 - 24) & 0x3ffffff);
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
		return w | ((uint32_t)((r >> 20) % 48 - 24) & 0x7ffff) << 5;
	default:
		return w;
	}
}

TL_TEST(arm64_any_words_do_no_harm)
{
	uint64_t seed = tl_test_seed;
	uint32_t data[48];

	for (unsigned int i = 0; i < 10000 * tl_test_scale; i++) {
		for (size_t k = 0; k < TL_ARRAY_SIZE(data); k++)
			data[k] = word(&seed);
		LLVMFuzzerTestOneInput((uint8_t *)data, sizeof(data));
	}
	CHECK(true);
}
#endif
