/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c - any bytes through everything that reads bytes
 *
 * What must hold for every input: nothing is read or written out of bounds,
 * everything ends, lengths are those promised, and what is accepted once is
 * accepted again where it was copied to.  As a test it runs on random bytes;
 * scripts/run-fuzz (`make fuzz`) builds it for libFuzzer.
 */
/* link: x86-insn */
#include <stdlib.h>
#include <string.h>

#include "insn.h"

#define BASE	     0x400000ull
#define FUNCTION_MAX 65536 /* bytes; the rest of an input is not looked at */

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

/* On the heap, so that a sanitizer sees the first byte too many. */
static void short_of_room(const struct x86_insn *in, const uint8_t *code,
			  uint64_t to, size_t room)
{
	uint8_t *out = malloc(room ? room : 1);

	must(out && x86_relocate(in, code, to, out, room) == -X86_ENOSPC);
	free(out);
}

static void relocate(const struct x86_insn *in, const uint8_t *code,
		     uint64_t to)
{
	uint8_t out[X86_RELOC_MAX];
	struct x86_insn again;
	int n = x86_relocate(in, code, to, out, sizeof(out));

	if (n < 0)
		return;
	must(n > 0 && n <= X86_RELOC_MAX);
	must(!x86_decode(&again, out, n, to));
	short_of_room(in, code, to, n - 1);
	for (int off = 0; off <= n; off++)
		must(x86_reloc_where(in, n, off) <= X86_AT_NOWHERE);
}

static void decode(const uint8_t *data, size_t size)
{
	struct x86_insn in;

	if (x86_decode(&in, data, size, BASE))
		return;
	must(in.len > 0 && in.len <= X86_INSN_MAX && in.len <= size);
	must(in.imm_off + in.imm_size <= in.len);
	must(in.disp_off + in.disp_size <= in.len);
	must(!(in.flags_set & ~in.flags_changed));
	relocate(&in, data, BASE + 0x1000);
	relocate(&in, data, BASE + 0x7fff0000);
	relocate(&in, data, 0x7f0000000000);
}

static void displace(const uint8_t *data, size_t size)
{
	static uint8_t bits[X86_FACTS_BITS * (FUNCTION_MAX / 8 + 4)];
	struct x86_facts facts = x86_facts_in(bits, FUNCTION_MAX / 8 + 4);
	struct image im = { data, size };
	struct x86_flow flow = {
		.facts = &facts,
		.start = BASE + data[0] % 16,
		.end = BASE + size - data[1] % 64,
		.pad_end = BASE + size,
		.read = read_image,
		.ctx = &im,
	};
	uint8_t out[X86_WINDOW_INSNS * X86_RELOC_MAX + 16];
	uint16_t where[X86_WINDOW_INSNS];
	struct x86_window win;
	int n;

	memset(bits, 0, sizeof(bits));
	for (uint64_t at = flow.start + data[3] % 6; at < flow.start + 24;
	     at += 6) {
		if (x86_flow_window(&flow, at, 1 + data[2] % 5, &win) !=
		    X86_FLOW_OK)
			continue;
		must(win.nr >= 1 && win.nr <= X86_WINDOW_INSNS);
		must(win.len <= win.span && win.span <= X86_WINDOW_MAX);
		must(win.addr + win.span <= flow.pad_end);
		must(!memcmp(win.code, data + (at - BASE), win.span));
		n = x86_relocate_window(&win, BASE + 0x10000, out, sizeof(out),
					where);
		must(n > 0 || n == -X86_ERANGE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size && at < 24; at++)
		decode(data + at, size - at);
	if (size >= 128)
		displace(data, size < FUNCTION_MAX ? size : FUNCTION_MAX);
	return 0;
}

#ifndef LIBFUZZER
#include "tl_test.h"

TL_TEST(any_bytes_do_no_harm)
{
	uint64_t seed = tl_test_seed;
	static uint8_t data[192];

	for (unsigned int i = 0; i < 20000 * tl_test_scale; i++) {
		for (size_t j = 0; j < 24; j++)
			data[tl_test_random(&seed) >> 16 & 127] =
				tl_test_random(&seed) >> 24;
		LLVMFuzzerTestOneInput(data, sizeof(data));
	}
	CHECK(true);
}
#endif
