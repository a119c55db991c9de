// SPDX-License-Identifier: MIT
/*
 * throws.cc - functions that throw, pass on, catch and rethrow, for unwind.c
 *
 * Each comes twice: as it is, so that its exits are certain, and with a tail
 * call that is never made, so that its return address is replaced.
 */
#include "throws.h"

volatile long throws_sink;

namespace
{

struct Thrown {
	long value;
};

/* Something to be destroyed on the way. */
struct Guard {
	explicit Guard(long value) : v(value) {}
	~Guard() { throws_sink = throws_sink + v; }
	long v;
};

} // namespace

extern "C" {

__attribute__((noinline)) long throws_other(long a)
{
	throws_sink = a;
	return a + 1;
}

#define TAIL_0(v)
#define TAIL_1(v)                      \
	if (__builtin_expect(v < 0, 0)) \
		return throws_other(v);

#define FUNCTIONS(n)                                                         \
	__attribute__((noinline)) long throws_leaf_##n(long a, throws_fn *fn) \
	{                                                                    \
		long v = fn ? fn(a) : a;                                     \
                                                                             \
		if (a & 1)                                                   \
			throw Thrown{ v };                                   \
		throws_sink = v;                                             \
		TAIL_##n(v) return v + 1;                                    \
	}                                                                    \
                                                                             \
	__attribute__((noinline)) long throws_pass_##n(long a, throws_fn *fn) \
	{                                                                    \
		Guard g(a);                                                  \
		long v = throws_leaf_##n(a, fn);                             \
                                                                             \
		throws_sink = throws_sink + v;                               \
		return v + 2;                                                \
	}                                                                    \
                                                                             \
	__attribute__((noinline)) long throws_plain_##n(long a,              \
							throws_fn *fn)       \
	{                                                                    \
		long v = throws_pass_##n(a, fn);                             \
                                                                             \
		throws_sink = v;                                             \
		TAIL_##n(v) return v + 4;                                    \
	}                                                                    \
                                                                             \
	__attribute__((noinline)) long throws_again_##n(long a,              \
							throws_fn *fn)       \
	{                                                                    \
		long v;                                                      \
                                                                             \
		try {                                                        \
			v = throws_plain_##n(a, fn);                         \
		} catch (Thrown & t) {                                       \
			t.value += 1000;                                     \
			throws_sink = t.value;                               \
			throw;                                               \
		}                                                            \
		throws_sink = v;                                             \
		TAIL_##n(v) return v + 8;                                    \
	}                                                                    \
                                                                             \
	__attribute__((noinline)) long throws_catch_##n(long a,              \
							throws_fn *fn)       \
	{                                                                    \
		long v;                                                      \
                                                                             \
		try {                                                        \
			v = throws_again_##n(a, fn);                         \
		} catch (const Thrown &t) {                                  \
			v = t.value + 100000;                                \
		}                                                            \
		throws_sink = v;                                             \
		TAIL_##n(v) return v + 16;                                   \
	}

FUNCTIONS(0)
FUNCTIONS(1)

/* An exception that comes out of it is caught here. */
long throws_call(throws_pair *fn, long a, throws_fn *inner)
{
	try {
		return fn(a, inner);
	} catch (const Thrown &t) {
		return t.value + 500000;
	}
}
}
