/* SPDX-License-Identifier: MIT */
/*
 * latency.c - from a session's buckets to figures in nanoseconds
 */
#include "latency.h"

struct clock_rate clock_rate(uint64_t ticks_per_second)
{
	return (struct clock_rate){ ticks_per_second
					    ? 1e9 / (double)ticks_per_second
					    : 1 };
}

uint64_t bucket_end(unsigned int i)
{
	if (i + 1 >= SESSION_BUCKETS)
		return UINT64_MAX;
	return session_bucket_low(i + 1);
}

static uint64_t in_buckets(const struct session_times *t)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SESSION_BUCKETS; i++)
		sum += t->bucket[i];
	return sum;
}

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

/* The tick value that @share of the @n calls do not exceed. */
static double percentile(const struct session_times *t, uint64_t n,
			 double share)
{
	double rank = share * (double)n, before = 0;

	for (unsigned int i = 0; i < SESSION_BUCKETS; i++) {
		double count = (double)t->bucket[i];
		double low = (double)session_bucket_low(i);
		double width = (double)(bucket_end(i) - session_bucket_low(i));

		if (count > 0 && before + count >= rank) {
			/* Whole ticks: a bucket of one value holds that. */
			double part = (rank - before) / count;

			return clamp(low + part * (width - 1), (double)t->min,
				     (double)t->max);
		}
		before += count;
	}
	return (double)t->max;
}

struct latency latency_of(const struct session_times *t, struct clock_rate r)
{
	struct latency l = { .calls = t->calls, .missed = t->missed };
	uint64_t n = in_buckets(t);

	if (!n)
		return l;
	l.min = (double)t->min * r.ns_per_tick;
	l.p50 = percentile(t, n, 0.50) * r.ns_per_tick;
	l.p90 = percentile(t, n, 0.90) * r.ns_per_tick;
	l.p99 = percentile(t, n, 0.99) * r.ns_per_tick;
	l.max = (double)t->max * r.ns_per_tick;
	l.total = (double)t->total * r.ns_per_tick;
	return l;
}

/* Row 0 is below 1 ns, row 1 from 1 to 2, row 2 to 5, row 3 to 10 … */
static double row_end(size_t row)
{
	static const double step[] = { 1, 2, 5 };
	double end = step[row % 3];

	for (size_t i = row / 3; i > 0; i--)
		end *= 10;
	return end;
}

size_t latency_rows(const struct session_times *t, struct clock_rate r,
		    struct latency_row rows[LATENCY_ROWS])
{
	uint64_t count[LATENCY_ROWS] = { 0 };
	size_t first = LATENCY_ROWS, last = 0, n = 0;

	for (unsigned int i = 0; i < SESSION_BUCKETS; i++) {
		double at = ((double)session_bucket_low(i) +
			     (double)bucket_end(i) - 1) /
			    2;
		size_t row = 0;

		if (!t->bucket[i])
			continue;
		at = clamp(at, (double)t->min, (double)t->max) * r.ns_per_tick;
		while (row < LATENCY_ROWS - 1 && at >= row_end(row))
			row++;
		count[row] += t->bucket[i];
		first = row < first ? row : first;
		last = row > last ? row : last;
	}
	for (size_t row = first; row <= last && row < LATENCY_ROWS; row++)
		rows[n++] = (struct latency_row){ row ? row_end(row - 1) : 0,
						  row_end(row), count[row] };
	return n;
}
