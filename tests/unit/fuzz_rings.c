/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rings.c - any bytes as what the target has written into its rings
 *
 * Whatever is there: the reader ends, reads nothing behind a ring, hands on
 * events whose words are there, by their times, and says what it has lost.  As a
 * test it writes records as the agent does, and spoils some of them.
 */
/* link: tool/rings.c tool/text.c -lm */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include <events.h>

#include "rings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tl_events *target;
static uint64_t told, last_ns, sum;

static void must(bool cond)
{
	if (!cond)
		abort();
}

static void on_event(void *arg, const struct session_event *e)
{
	(void)arg;
	told++;
	must(e->ns >= last_ns);
	must(e->n <= (TL_MAX_RECORD + TL_MAX_STACK) / 8 + TL_STACK_HEAD);
	last_ns = e->ns;
	for (uint32_t i = 0; i < e->n; i++)
		sum += e->words[i];
}

/* Nothing behind it is there. */
static void make_target(void)
{
	target = mmap(NULL, sizeof(*target), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(target != MAP_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rings *r;

	make_target();
	told = last_ns = 0;
	r = rings_open(target, on_event, NULL);
	must(r);
	for (size_t i = 0; i + 16 <= size; i += 16) {
		struct tl_ring *t = &target->ring[data[i] % TL_RINGS];
		uint64_t word, at = data[i + 1];

		memcpy(&word, data + i + 8, 8);
		/* Near the beginning, near the end, the head and the tail. */
		if (data[i + 2] & 1)
			at = target->ring_bytes / 8 - 1 - at;
		if (data[i + 2] == 0xfe)
			t->head = word;
		else if (data[i + 2] == 0xff)
			t->tail = word;
		else
			t->data[at] = word;
		if (data[i + 3] > 200)
			rings_poll(r, false);
	}
	rings_poll(r, true);
	rings_lost(r);
	rings_close(r);
	munmap(target, sizeof(*target));
	return 0;
}

#ifndef LIBFUZZER
#include "tl_test.h"

static uint64_t written;

/* As the agent does it, with one field. */
static bool write_event(struct tl_ring *t, uint64_t v)
{
	uint64_t at = t->head & TL_HEAD_MASK, off = at % target->ring_bytes;
	uint64_t pad = target->ring_bytes - off < 32 ? target->ring_bytes - off
						     : 0;
	uint64_t *to = t->data + (pad ? 0 : off / 8);

	if (at + 32 + pad - t->tail > target->ring_bytes) {
		t->lost++;
		return false;
	}
	if (pad)
		t->data[off / 8] = pad | (uint64_t)TL_PAD << 16;
	t->head = ((t->head & ~TL_HEAD_MASK) + (1ull << TL_HEAD_BITS)) |
		  ((at + 32 + pad) & TL_HEAD_MASK);
	to[1] = __rdtsc();
	to[2] = 7;
	to[3] = v;
	to[0] = 32 | (uint64_t)TL_EVENT << 16 | 3ull << 32;
	written++;
	return true;
}

TL_TEST(any_words_do_no_harm)
{
	uint64_t seed = tl_test_seed;
	static uint8_t data[256];

	for (unsigned int i = 0; i < 300 * tl_test_scale; i++) {
		for (size_t j = 0; j < sizeof(data); j++)
			data[j] = (uint8_t)(tl_test_random(&seed) >> 24);
		/* A size and a type that may be. */
		for (size_t j = 8; j < sizeof(data); j += 16) {
			data[j] &= 0xf8;
			data[j + 1] &= 3;
			data[j + 2] &= 3;
			data[j + 3] = 0;
		}
		LLVMFuzzerTestOneInput(data, sizeof(data));
	}
	CHECK(true);
}

static uint64_t next, wrong;

static void in_order(void *arg, const struct session_event *e)
{
	(void)arg;
	if (e->n != 1 || e->words[0] != next || e->probe != 3 || e->thread != 7)
		wrong++;
	next++;
}

TL_TEST(what_is_written_is_read_once_and_in_order)
{
	struct rings *r;

	make_target();
	r = rings_open(target, in_order, NULL);
	next = wrong = written = 0;
	/* Several times around. */
	for (uint64_t i = 0; i < 500000; i++) {
		CHECK(write_event(&target->ring[5], i));
		if (i % 50000 == 0)
			rings_poll(r, false);
	}
	rings_poll(r, true);
	CHECK_EQ(next, 500000);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(rings_lost(r), 0);
	rings_close(r);
	munmap(target, sizeof(*target));
}

TL_TEST(events_of_two_rings_are_handed_on_by_their_times)
{
	struct rings *r;

	make_target();
	r = rings_open(target, in_order, NULL);
	next = wrong = 0;
	for (uint64_t i = 0; i < 10000; i++)
		write_event(&target->ring[i * 7 % 3], i);
	rings_poll(r, true);
	CHECK_EQ(next, 10000);
	CHECK_EQ(wrong, 0);
	rings_close(r);
	munmap(target, sizeof(*target));
}

TL_TEST(what_there_is_no_room_for_is_lost_and_said)
{
	struct rings *r;
	uint64_t kept;

	make_target();
	r = rings_open(target, in_order, NULL);
	next = wrong = written = 0;
	for (uint64_t i = 0; i < 800000; i++)
		write_event(&target->ring[0], i);
	kept = written;
	CHECK_EQ(kept, target->ring_bytes / 32);
	rings_poll(r, true);
	CHECK_EQ(next, kept);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(rings_lost(r), 800000 - kept);
	rings_close(r);
	munmap(target, sizeof(*target));
}

TL_TEST(a_gap_that_nobody_fills_is_lost_and_said)
{
	struct rings *r;

	make_target();
	r = rings_open(target, in_order, NULL);
	next = wrong = 0;
	for (uint64_t i = 0; i < 10; i++)
		write_event(&target->ring[0], i);
	/* A writer that died before it wrote its first word. */
	target->ring[0].data[4 * 6] = 0;
	rings_poll(r, false);
	CHECK_EQ(next, 6);
	rings_poll(r, true);
	CHECK_EQ(next, 6);
	CHECK_EQ(rings_lost(r), 4);
	rings_close(r);
	munmap(target, sizeof(*target));
}
#endif
