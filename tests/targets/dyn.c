/* SPDX-License-Identifier: MIT */
/*
 * dyn.c - small hot functions that many threads call, each call checked
 *
 * Every function does something that is easy to get wrong when its first or
 * its middle instructions are moved: uses flags, a red zone, the stack, vector
 * registers, many arguments, recursion, a jump table.  Each has a twin that is
 * inlined, so the answer of each call is compared with an unprobed one.
 *
 * Built three times: dynamic glibc (dyn), static glibc (dyn-static) and static
 * musl (dyn-musl).
 */
#define _GNU_SOURCE
#include <string.h>

#include "control.h"

#define PROBED __attribute__((noinline, noclone, used))

/* Define hot_NAME() and its inlined twin from one body. */
#define HOT(type, name, params, ...)                                       \
	static inline __attribute__((always_inline))                       \
	type twin_##name params __VA_ARGS__ PROBED type hot_##name params; \
	PROBED type hot_##name params __VA_ARGS__

/* clang-format off */
HOT(uint64_t, add, (uint64_t a, uint64_t b), { return a + b; })

HOT(uint64_t, mix, (uint64_t a, uint64_t b), {
	a ^= b << 13;
	a *= 0x9e3779b97f4a7c15;
	return a ^ (a >> 29);
})

HOT(uint64_t, branch, (uint64_t a, uint64_t b), {
	if (a > b)
		return a - b;
	if (a == b)
		return 7;
	return b - a + (b & 1);
})

HOT(uint64_t, loop, (uint64_t a, uint64_t b), {
	uint64_t n;

	for (n = b & 15; n; n--)
		a = a * 33 + n;
	return a;
})

HOT(uint64_t, many, (uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		     uint64_t e, uint64_t f, uint64_t g, uint64_t h), {
	return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g + 17 * h;
})

HOT(double, vector, (double a, double b), { return a * b + a / (b + 1.0); })

HOT(uint64_t, table, (uint64_t a, uint64_t b), {
	switch (a % 9) {
	case 0: return b + 1;
	case 1: return b * 3;
	case 2: return b ^ 0x55;
	case 3: return ~b;
	case 4: return b >> 3;
	case 5: return b << 5;
	case 6: return b - a;
	case 7: return 0;
	default: return a;
	}
})

struct big {
	uint64_t v[6];
};

HOT(uint64_t, bystack, (struct big s, uint64_t k), {
	return s.v[0] + s.v[5] * k + s.v[3];
})

/* clang-format on */

/* No twin: the answer is known.  The pointer keeps every call a call. */
PROBED uint64_t hot_recurse(uint64_t n);
static __typeof__(hot_recurse) *volatile const call_recurse = hot_recurse;

PROBED uint64_t hot_recurse(uint64_t n)
{
	return n < 2 ? n : call_recurse(n - 1) + call_recurse(n - 2);
}

#define FIB_N	  6
#define FIB	  8
#define FIB_CALLS 25

enum { ADD, MIX, BRANCH, LOOP, MANY, VECTOR, TABLE, BYSTACK, RECURSE };

static const char *const counters[] = {
	"hot_add",    "hot_mix",   "hot_branch",  "hot_loop",	 "hot_many",
	"hot_vector", "hot_table", "hot_bystack", "hot_recurse", NULL
};

/* Calls through a pointer that the compiler cannot see through. */
static __typeof__(hot_add) *volatile const call_add = hot_add;

static uint64_t bits(double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	return u;
}

static void round_of_calls(struct worker *w)
{
	uint64_t a = control_random(&w->random), b = control_random(&w->random);
	double x = (double)(a >> 40), y = (double)(b >> 40);
	struct big s = { { a, b, 3, a ^ b, 5, b >> 1 } };

	w->counts[ADD]++;
	control_expect("hot_add", call_add(a, b), twin_add(a, b));
	w->counts[MIX]++;
	control_expect("hot_mix", hot_mix(a, b), twin_mix(a, b));
	w->counts[BRANCH]++;
	control_expect("hot_branch", hot_branch(a & 3, b & 3),
		       twin_branch(a & 3, b & 3));
	w->counts[LOOP]++;
	control_expect("hot_loop", hot_loop(a, b), twin_loop(a, b));
	w->counts[MANY]++;
	control_expect("hot_many", hot_many(a, b, 3, 4, a, b, 7, a),
		       twin_many(a, b, 3, 4, a, b, 7, a));
	w->counts[VECTOR]++;
	control_expect("hot_vector", bits(hot_vector(x, y)),
		       bits(twin_vector(x, y)));
	w->counts[TABLE]++;
	control_expect("hot_table", hot_table(a, b), twin_table(a, b));
	w->counts[BYSTACK]++;
	control_expect("hot_bystack", hot_bystack(s, b), twin_bystack(s, b));
	if ((a & 63) == 0) {
		w->counts[RECURSE] += FIB_CALLS;
		control_expect("hot_recurse", call_recurse(FIB_N), FIB);
	}
}

int main(int argc, char **argv)
{
	static const struct program p = {
		.counters = counters,
		.round = round_of_calls,
		.threads = 3,
	};

	return control_run(argc, argv, &p);
}
