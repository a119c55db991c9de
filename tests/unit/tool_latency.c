/* SPDX-License-Identifier: MIT */
/* link: tool/latency.c */
/*
 * tool_latency.c - percentiles and rows say what was put into the buckets
 */
#include <stdlib.h>

#include "latency.h"
#include "tl_test.h"

/* As session.h defines it. */
uint64_t session_bucket_low(unsigned int i)
{
	if (i < 16)
		return i;
	return (uint64_t)(8 + i % 8) << (i / 8 - 1);
}

static struct session_times t;

static void put(uint64_t ticks)
{
	unsigned int i = SESSION_BUCKETS - 1;

	while (session_bucket_low(i) > ticks)
		i--;
	t.bucket[i]++;
	if (!t.calls++ || ticks < t.min)
		t.min = ticks;
	if (ticks > t.max)
		t.max = ticks;
	t.total += ticks;
}

static void begin(void)
{
	t = (struct session_times){ 0 };
}

static bool within(double got, double want, double share)
{
	return got >= want * (1 - share) && got <= want * (1 + share);
}

TL_TEST(no_calls_are_all_zero)
{
	struct latency_row rows[LATENCY_ROWS];
	struct latency l;

	begin();
	l = latency_of(&t, clock_rate(1000000000));
	CHECK(l.min == 0 && l.p50 == 0 && l.p99 == 0 && l.max == 0);
	CHECK_EQ(latency_rows(&t, clock_rate(1000000000), rows), 0);
}

TL_TEST(one_call_is_its_own_percentiles)
{
	struct latency l;

	begin();
	put(12345);
	l = latency_of(&t, clock_rate(1000000000));
	CHECK(l.min == 12345 && l.p50 == 12345 && l.p90 == 12345 &&
	      l.p99 == 12345 && l.max == 12345 && l.total == 12345);
}

TL_TEST(percentiles_of_a_line_are_on_it)
{
	struct latency l;

	begin();
	for (uint64_t v = 1; v <= 10000; v++)
		put(v);
	l = latency_of(&t, clock_rate(1000000000));
	CHECK(within(l.p50, 5000, 0.02));
	CHECK(within(l.p90, 9000, 0.02));
	CHECK(within(l.p99, 9900, 0.02));
	CHECK(l.max == 10000 && l.min == 1);
	CHECK(l.total == 50005000);
}

TL_TEST(percentiles_are_within_a_bucket_of_the_sorted_truth)
{
	static uint64_t truth[5000];
	uint64_t state = tl_test_seed;
	struct latency l;
	size_t n = TL_ARRAY_SIZE(truth);

	begin();
	for (size_t i = 0; i < n; i++) {
		uint64_t v = tl_test_random(&state) >>
			     (20 + tl_test_random(&state) % 40);

		/* Insertion sort: the truth is to be plain. */
		size_t k = i;

		for (; k > 0 && truth[k - 1] > v; k--)
			truth[k] = truth[k - 1];
		truth[k] = v;
		put(v);
	}
	l = latency_of(&t, clock_rate(1000000000));
	CHECK(within(l.p50, (double)truth[n / 2 - 1], 0.14));
	CHECK(within(l.p90, (double)truth[n * 9 / 10 - 1], 0.14));
	CHECK(within(l.p99, (double)truth[n * 99 / 100 - 1], 0.14));
	CHECK(l.p50 <= l.p90 && l.p90 <= l.p99 && l.p99 <= l.max);
}

TL_TEST(ticks_become_nanoseconds)
{
	struct latency l;

	begin();
	put(3000);
	l = latency_of(&t, clock_rate(3000000000));
	CHECK(within(l.p50, 1000, 1e-9) && within(l.total, 1000, 1e-9));
	CHECK(clock_rate(0).ns_per_tick == 1);
}

TL_TEST(rows_hold_every_call_once)
{
	struct latency_row rows[LATENCY_ROWS];
	uint64_t sum = 0;
	size_t n;

	begin();
	put(0);
	put(1);
	put(150);
	put(150);
	put(4000);
	put(1ULL << 62);
	n = latency_rows(&t, clock_rate(1000000000), rows);
	REQUIRE(n > 4);
	CHECK(rows[0].from == 0 && rows[0].to == 1);
	CHECK_EQ(rows[0].count, 1);
	for (size_t i = 0; i < n; i++) {
		sum += rows[i].count;
		CHECK(!i || rows[i].from == rows[i - 1].to);
		if (rows[i].from == 100)
			CHECK_EQ(rows[i].count, 2);
		if (rows[i].from == 2000)
			CHECK_EQ(rows[i].count, 1);
	}
	CHECK_EQ(sum, 6);
	CHECK_EQ(rows[n - 1].count, 1);
}

TL_TEST(buckets_join_without_a_gap)
{
	for (unsigned int i = 0; i + 1 < SESSION_BUCKETS; i++)
		CHECK_EQ(bucket_end(i), session_bucket_low(i + 1));
	CHECK_EQ(bucket_end(SESSION_BUCKETS - 1), UINT64_MAX);
}
