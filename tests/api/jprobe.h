/* SPDX-License-Identifier: MIT */
/*
 * jprobe.h - what jprobe.c and jprobe_process.c share
 *
 * ENTRIES(long, f, (long a)) declares f_jump and f_break of jprobe.S, which
 * lead to f_body, and f[], the two of them in the order of jprobe_ways[].  Each
 * test compares the call of an entry without a probe, the bare call, with the
 * same call while there is one.
 */
#ifndef JPROBE_H
#define JPROBE_H

#include <trapline/kprobes.h>

#include "tl_test.h"

/* The compiler may know nothing about it but its signature. */
#define BODY __attribute__((noipa))

#define ENTRIES(type, name, args)       \
	type name##_body args;          \
	type name##_jump args;          \
	type name##_break args;         \
	static type(*const name[]) args \
		__attribute__((unused)) = { name##_jump, name##_break }

/* What a handler does to its arguments: the function must not see it. */
#define SPOIL(arg)                                     \
	do {                                           \
		unsigned char *at_ = (void *)&(arg);   \
                                                       \
		for (size_t i_ = 0; i_ < sizeof(arg);) \
			at_[i_++] ^= 0x5a;             \
		__asm__ volatile("" : "+m"(arg));      \
	} while (0)

/* How a probe is reached, and how its handler ends. */
static const struct jprobe_way {
	const char *name;
	unsigned int entry; /* of f[] */
	bool by_return;
} jprobe_ways[] = {
	{ "jump, jprobe_return()", 0, false },
	{ "jump, return", 0, true },
	{ "breakpoint, jprobe_return()", 1, false },
	{ "breakpoint, return", 1, true },
};

/* ---- handlers ---------------------------------------------------------------- */

#define UNUSED __attribute__((unused))

static unsigned int hits;
static unsigned long seen;
static bool by_return;

UNUSED static void jprobe_reset(void)
{
	hits = 0;
	seen = 0;
}

/* The end of each handler. */
UNUSED static void end(void)
{
	hits++;
	if (!by_return)
		jprobe_return();
}

UNUSED static unsigned long sum_of(const void *data, size_t n)
{
	const unsigned char *at = data;
	unsigned long sum = n;

	while (n--)
		sum = sum * 31 + *at++;
	return sum;
}

/* Of an argument, where the compiler cannot know it. */
BODY UNUSED static unsigned long low_bits(const void *at)
{
	return (unsigned long)at & 63;
}

#define SUM(v) sum_of(&(v), sizeof(v))

/*
 * A body that returns what @what is, and a handler that sees it and spoils all
 * that is listed in @spoil.
 */
#define VALUES(name, args, what, spoil)           \
	ENTRIES(unsigned long, name, args);       \
	BODY unsigned long name##_body args       \
	{                                         \
		return what;                      \
	}                                         \
	BODY static unsigned long see_##name args \
	{                                         \
		seen = what;                      \
		spoil;                            \
		end();                            \
		return 77;                        \
	}

/* ---- one function after the other --------------------------------------------- */

struct kind {
	const char *name;
	void *fn[2];
	void *handler;
	unsigned long (*call)(unsigned int i);
	int stack_args;
	/* Structures by reference, where there are such: how large each is. */
	unsigned short by_reference[TL_JPROBE_REFERENCES];
};

/* clang-format off */
#define KIND(name, bytes)                                                \
	{ #name, { (void *)name##_jump, (void *)name##_break },          \
	  (void *)see_##name, call_##name, bytes, { 0 } }
#define KIND_REF(name, bytes, ...)                                       \
	{ #name, { (void *)name##_jump, (void *)name##_break },          \
	  (void *)see_##name, call_##name, bytes, { __VA_ARGS__ } }
/* clang-format on */

UNUSED static bool is_jump(const struct jprobe *jp)
{
	return jp->kp.flags & KPROBE_FLAG_OPTIMIZED;
}

UNUSED static void try_kind(const struct kind *k, const struct jprobe_way *w,
			    int stack_args)
{
	unsigned long bare = k->call(w->entry);
	struct jprobe jp = { .kp.addr = k->fn[w->entry],
			     .entry = k->handler,
			     .stack_args = stack_args };

	for (unsigned int i = 0; i < TL_JPROBE_REFERENCES; i++)
		jp.by_reference[i] = k->by_reference[i];
	jprobe_reset();
	by_return = w->by_return;
	CHECK_EQ(register_jprobe(&jp), 0);
	CHECK_EQ(is_jump(&jp), w->entry == 0);
	for (unsigned int i = 1; i <= 3; i++) {
		CHECK_EQ(k->call(w->entry), bare);
		CHECK_EQ(hits, i);
		CHECK_EQ(seen, bare);
		seen = 0;
	}
	CHECK_EQ(jp.kp.nmissed, 0);
	unregister_jprobe(&jp);
	CHECK_EQ(k->call(w->entry), bare);
	CHECK_EQ(hits, 3);
}

#endif
