/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/jprobe.S */
/*
 * jprobe.c - the rules of register_jprobe(), on a jump and on a breakpoint
 *
 * Arguments of every kind that needs no vector register (jprobe_process.c has
 * those), and what else may be going on at the address.
 */
#include <stdarg.h>

#include <trapline/regs.h>

#include "jprobe.h"
#include "tl_isa.h"
#include "tl_test.h"

static char trail[16];
static unsigned int trail_len;

static void note(char c)
{
	if (trail_len < sizeof(trail) - 1)
		trail[trail_len++] = c;
}

static void reset(void)
{
	jprobe_reset();
	trail_len = 0;
	for (size_t i = 0; i < sizeof(trail); i++)
		trail[i] = 0;
}

/* ---- integers ---------------------------------------------------------------- */

/* clang-format off */
#define V0(x)
#define V1(x)  x(1)
#define V2(x)  V1(x) x(2)
#define V3(x)  V2(x) x(3)
#define V4(x)  V3(x) x(4)
#define V5(x)  V4(x) x(5)
#define V6(x)  V5(x) x(6)
#define V7(x)  V6(x) x(7)
#define V8(x)  V7(x) x(8)
#define V9(x)  V8(x) x(9)
#define V10(x) V9(x) x(10)
#define V11(x) V10(x) x(11)
#define V12(x) V11(x) x(12)

#define P0  (void)
#define P1  (long a1)
#define P2  (long a1, long a2)
#define P3  (long a1, long a2, long a3)
#define P4  (long a1, long a2, long a3, long a4)
#define P5  (long a1, long a2, long a3, long a4, long a5)
#define P6  (long a1, long a2, long a3, long a4, long a5, long a6)
#define P7  (long a1, long a2, long a3, long a4, long a5, long a6, long a7)
#define P8  (long a1, long a2, long a3, long a4, long a5, long a6, long a7, \
	     long a8)
#define P9  (long a1, long a2, long a3, long a4, long a5, long a6, long a7, \
	     long a8, long a9)
#define P10 (long a1, long a2, long a3, long a4, long a5, long a6, long a7, \
	     long a8, long a9, long a10)
#define P11 (long a1, long a2, long a3, long a4, long a5, long a6, long a7, \
	     long a8, long a9, long a10, long a11)
#define P12 (long a1, long a2, long a3, long a4, long a5, long a6, long a7, \
	     long a8, long a9, long a10, long a11, long a12)

#define A0  ()
#define A1  (3)
#define A2  (3, 5)
#define A3  (3, 5, 7)
#define A4  (3, 5, 7, -11)
#define A5  (3, 5, 7, -11, 13)
#define A6  (3, 5, 7, -11, 13, 17)
#define A7  (3, 5, 7, -11, 13, 17, 19)
#define A8  (3, 5, 7, -11, 13, 17, 19, -23)
#define A9  (3, 5, 7, -11, 13, 17, 19, -23, 29)
#define A10 (3, 5, 7, -11, 13, 17, 19, -23, 29, 31)
#define A11 (3, 5, 7, -11, 13, 17, 19, -23, 29, 31, 37)
#define A12 (3, 5, 7, -11, 13, 17, 19, -23, 29, 31, 37, -41)

#define ADD_ARG(n)   sum = sum * 31 + (unsigned long)a##n;
#define SPOIL_ARG(n) SPOIL(a##n);

/* argsN_body, its handler, and its call through entry @i. */
#define ARGS(n)                                      \
	ENTRIES(unsigned long, args##n, P##n);       \
	BODY unsigned long args##n##_body P##n       \
	{                                            \
		unsigned long sum = n;               \
                                                     \
		V##n(ADD_ARG) return sum;            \
	}                                            \
	BODY static unsigned long see##n P##n        \
	{                                            \
		unsigned long sum = n;               \
                                                     \
		V##n(ADD_ARG) seen = sum;            \
		V##n(SPOIL_ARG) end();               \
		return 77;                           \
	}                                            \
	static unsigned long call##n(unsigned int i) \
	{                                            \
		return args##n[i] A##n;              \
	}
ARGS(0)
ARGS(1)
ARGS(2)
ARGS(3)
ARGS(4)
ARGS(5)
ARGS(6)
ARGS(7)
ARGS(8)
ARGS(9)
ARGS(10)
ARGS(11)
ARGS(12)

#define INTEGERS(n)                                                    \
	{ #n " arguments", { (void *)args##n##_jump,                   \
			     (void *)args##n##_break },                \
	  (void *)see##n, call##n, n > 6 ? (n - 6) * 8 : -1, { 0 } }

static const struct kind integers[] = {
	INTEGERS(0), INTEGERS(1), INTEGERS(2),	INTEGERS(3),  INTEGERS(4),
	INTEGERS(5), INTEGERS(6), INTEGERS(7),	INTEGERS(8),  INTEGERS(9),
	INTEGERS(10), INTEGERS(11), INTEGERS(12),
};
/* clang-format on */

TL_TEST(the_handler_gets_every_argument_and_the_function_its_own)
{
	const struct jprobe_way *w;
	const struct kind *k;

	for_each_row(w, jprobe_ways) {
		for_each_row(k, integers) {
			ROW(k->name);
			try_kind(k, w, 0);
			try_kind(k, w, k->stack_args);
			try_kind(k, w, 48);
		}
	}
}

/* ---- structures, hidden pointers, varargs ---------------------------------------- */

struct small {
	int a;
	char b;
	short c;
};

struct pair {
	long a, b;
};

struct big {
	long x[25];
};

struct aligned {
	long x[24];
} __attribute__((aligned(64)));

struct huge {
	long x[300];
};

static void fill(void *data, size_t n)
{
	for (unsigned char *at = data; n--; at++)
		*at = (unsigned char)(n * 7 + 1);
}

/* clang-format off */
VALUES(small, (struct small s, long a),
       (unsigned long)(s.a * 31 + s.b * 7 + s.c) + (unsigned long)a,
       SPOIL(s); SPOIL(a))
VALUES(pair, (long a, struct pair p, long b),
       (unsigned long)(a + p.a * 3 + p.b * 5 + b * 7),
       SPOIL(a); SPOIL(p); SPOIL(b))
VALUES(big, (long a, struct big s, long b), SUM(s) + (unsigned long)(a * 3 + b),
       SPOIL(a); SPOIL(s); SPOIL(b))
VALUES(aligned, (struct aligned s, long a),
       SUM(s) + (unsigned long)a + low_bits(&s) * 1000,
       SPOIL(s); SPOIL(a))
VALUES(mixed, (struct big s, long a, struct pair p, struct small q, long b,
	       struct pair r, long c, struct small t, short d),
       SUM(s) + SUM(p) + SUM(r) + (unsigned long)(a * 3 + b * 5 + c * 7 + d) +
       (unsigned long)(q.a + t.b * 9),
       SPOIL(s); SPOIL(a); SPOIL(p); SPOIL(q); SPOIL(b); SPOIL(r); SPOIL(c);
       SPOIL(t); SPOIL(d))
VALUES(huge, (struct huge s, long a), SUM(s) + (unsigned long)a,
       SPOIL(s); SPOIL(a))

/* On arm64 the addresses of s, u and v are in x0 and on the stack. */
VALUES(behind, (struct big s, long a, long b, long c, long d, long e, long f,
		long g, struct aligned u, long h, struct big v, long i),
       SUM(s) + SUM(u) * 3 + SUM(v) * 5 + low_bits(&u) * 1000 +
       (unsigned long)(a + b * 3 + c * 5 + d * 7 + e * 9 + f * 11 + g * 13 +
		       h * 15 + i * 17),
       SPOIL(s); SPOIL(a); SPOIL(b); SPOIL(c); SPOIL(d); SPOIL(e); SPOIL(f);
       SPOIL(g); SPOIL(u); SPOIL(h); SPOIL(v); SPOIL(i))
/* clang-format on */

static unsigned long call_small(unsigned int i)
{
	return small[i]((struct small){ -3, 'x', 300 }, 9);
}

static unsigned long call_pair(unsigned int i)
{
	return pair[i](1, (struct pair){ -2, 3 }, 4);
}

static unsigned long call_big(unsigned int i)
{
	struct big s;

	fill(&s, sizeof(s));
	return big[i](2, s, -7);
}

static unsigned long call_aligned(unsigned int i)
{
	struct aligned s;

	fill(&s, sizeof(s));
	return aligned[i](s, 5);
}

static unsigned long call_mixed(unsigned int i)
{
	struct big s;

	fill(&s, sizeof(s));
	return mixed[i](s, 2, (struct pair){ 3, 4 }, (struct small){ 1, 2, 3 },
			5, (struct pair){ 6, 7 }, 8, (struct small){ 9, 8, 7 },
			-1);
}

static unsigned long call_behind(unsigned int i)
{
	struct big s, v;
	struct aligned u;

	fill(&s, sizeof(s));
	fill(&u, sizeof(u));
	fill(&v, sizeof(v));
	v.x[3] = 4711;
	return behind[i](s, 1, 2, 3, 4, 5, 6, 7, u, 8, v, 9);
}

static unsigned long call_huge(unsigned int i)
{
	struct huge s;

	fill(&s, sizeof(s));
	return huge[i](s, 5);
}

ENTRIES(struct big, hidden, (long a, struct big s, long b));

BODY struct big hidden_body(long a, struct big s, long b)
{
	for (size_t i = 0; i < 25; i++)
		s.x[i] += a * b;
	return s;
}

BODY static struct big see_hidden(long a, struct big s, long b)
{
	for (size_t i = 0; i < 25; i++)
		s.x[i] += a * b;
	seen = SUM(s);
	SPOIL(a);
	SPOIL(s);
	SPOIL(b);
	end();
	return (struct big){ .x = { 0 } };
}

static unsigned long call_hidden(unsigned int i)
{
	struct big s;

	fill(&s, sizeof(s));
	s = hidden[i](3, s, 4);
	return SUM(s);
}

ENTRIES(unsigned long, variable, (int n, ...));

BODY unsigned long variable_body(int n, ...)
{
	unsigned long sum = 0;
	va_list ap;

	va_start(ap, n);
	while (n--)
		sum = sum * 31 + (unsigned long)va_arg(ap, long);
	va_end(ap);
	return sum;
}

BODY static unsigned long see_variable(int n, ...)
{
	unsigned long sum = 0;
	va_list ap;

	va_start(ap, n);
	while (n--) {
		sum = sum * 31 + (unsigned long)va_arg(ap, long);
	}
	va_end(ap);
	seen = sum;
	SPOIL(n);
	end();
	return 77;
}

static unsigned long call_variable(unsigned int i)
{
	return variable[i](14, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L,
			   12L, 13L, -14L);
}

/* clang-format off */
static const struct kind kinds[] = {
	KIND(small, 8),
	KIND(pair, 8),
	KIND_REF(big, 200, [1] = sizeof(struct big)),
	KIND_REF(aligned, 192, [0] = sizeof(struct aligned)),
	KIND_REF(mixed, 400, [0] = sizeof(struct big)),
	KIND_REF(hidden, 200, [1] = sizeof(struct big)),
	KIND_REF(behind, 664, [0] = sizeof(struct big),
		 [8] = sizeof(struct aligned), [10] = sizeof(struct big)),
	KIND(variable, 72),
};
/* clang-format on */

TL_TEST(structures_varargs_and_hidden_pointers_are_arguments_too)
{
	const struct jprobe_way *w;
	const struct kind *k;

	for_each_row(w, jprobe_ways) {
		for_each_row(k, kinds) {
			ROW(k->name);
			try_kind(k, w, 0);
			for (int more = 0; more < 64; more += 16)
				try_kind(k, w, k->stack_args + more);
		}
	}
}

TL_TEST(more_than_is_copied_by_itself_needs_stack_args)
{
	static const struct kind k =
		KIND_REF(huge, sizeof(struct huge), [0] = sizeof(struct huge));
	const struct jprobe_way *w;

	CHECK(sizeof(struct huge) > TL_JPROBE_STACK);
	for_each_row(w, jprobe_ways) {
		ROW(w->name);
		try_kind(&k, w, k.stack_args);
		try_kind(&k, w, TL_JPROBE_STACK_MAX);
	}
}

/* ---- other hits -------------------------------------------------------------------- */

static struct jprobe outer, inner;
static unsigned int entry_of_way;

BODY static unsigned long calls_probed P8
{
	unsigned long got = args7[entry_of_way] A7;

	seen = got + args8[entry_of_way](a1, a2, a3, a4, a5, a6, a7, a8);
	note(kprobe_running() == &outer.kp ? 'o' : '?');
	end();
	return 77;
}

TL_TEST(a_hit_in_a_handler_is_a_miss_of_the_probe_that_was_hit)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		unsigned long seven = call7(w->entry), eight = call8(w->entry);

		ROW(w->name);
		reset();
		by_return = w->by_return;
		entry_of_way = w->entry;
		outer = (struct jprobe){ .kp.addr = (void *)args8[w->entry],
					 .entry = (void *)calls_probed };
		inner = (struct jprobe){ .kp.addr = (void *)args7[w->entry],
					 .entry = (void *)see7 };
		CHECK_EQ(register_jprobe(&outer), 0);
		CHECK_EQ(register_jprobe(&inner), 0);
		CHECK_EQ(call8(w->entry), eight);
		CHECK_EQ(seen, seven + eight);
		CHECK_EQ(hits, 1);
		CHECK_STR(trail, "o");
		CHECK_EQ(inner.kp.nmissed, 1);
		CHECK_EQ(outer.kp.nmissed, 1); /* of itself */
		CHECK_EQ(call7(w->entry), seven);
		CHECK_EQ(hits, 2);
		CHECK_EQ(inner.kp.nmissed, 1);
		CHECK(kprobe_running() == NULL);
		unregister_jprobe(&outer);
		unregister_jprobe(&inner);
	}
}

ENTRIES(long, depth, (long n, long self));

BODY long depth_body(long n, long self)
{
	long (*fn)(long, long) = (long (*)(long, long))self;

	return n ? n + fn(n - 1, self) : 0;
}

BODY static long see_depth(long n, long self)
{
	seen = seen * 3 + (unsigned long)n;
	SPOIL(n);
	SPOIL(self);
	end();
	return 77;
}

TL_TEST(every_level_of_a_recursion_is_a_hit)
{
	const struct jprobe_way *w;
	unsigned long want = 0;

	for (unsigned long n = 51; n--;)
		want = want * 3 + n;
	for_each_row(w, jprobe_ways) {
		struct jprobe jp = { .kp.addr = (void *)depth[w->entry],
				     .entry = (void *)see_depth };

		ROW(w->name);
		reset();
		by_return = w->by_return;
		CHECK_EQ(register_jprobe(&jp), 0);
		CHECK_EQ(depth[w->entry](50, (long)depth[w->entry]), 1275);
		CHECK_EQ(hits, 51);
		CHECK_EQ(seen, want);
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
}

/* ---- several at one address ----------------------------------------------------------- */

static unsigned long wanted;

#define NOTING(name, letter)                                    \
	BODY static unsigned long name P8                       \
	{                                                       \
		unsigned long sum = 8;                          \
                                                                \
		V8(ADD_ARG) note(sum == wanted ? letter : '?'); \
		V8(SPOIL_ARG) end();                            \
		return 77;                                      \
	}

NOTING(note_a, 'a')
NOTING(note_b, 'b')
NOTING(note_c, 'c')

TL_TEST(of_several_the_newest_comes_first_and_all_see_the_same)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		void *addr = (void *)args8[w->entry];
		struct jprobe a = { .kp.addr = addr, .entry = (void *)note_a };
		struct jprobe b = { .kp.addr = addr, .entry = (void *)note_b };
		struct jprobe c = { .kp.addr = addr, .entry = (void *)note_c };

		ROW(w->name);
		reset();
		by_return = w->by_return;
		wanted = call8(w->entry);
		CHECK_EQ(register_jprobe(&a), 0);
		CHECK_EQ(register_jprobe(&b), 0);
		CHECK_EQ(register_jprobe(&c), 0);
		CHECK_EQ(call8(w->entry), wanted);
		CHECK_STR(trail, "cba");
		reset();
		CHECK_EQ(disable_jprobe(&b), 0);
		CHECK_EQ(call8(w->entry), wanted);
		CHECK_STR(trail, "ca");
		reset();
		unregister_jprobe(&c);
		CHECK_EQ(enable_jprobe(&b), 0);
		CHECK_EQ(call8(w->entry), wanted);
		CHECK_STR(trail, "ba");
		unregister_jprobe(&a);
		unregister_jprobe(&b);
		CHECK_EQ(call8(w->entry), wanted);
	}
}

static int pre_k(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	note('k');
	return 0;
}

static int pre_l(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	note('l');
	return 0;
}

static void post_p(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	note('p');
}

static int enter_e(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	note('e');
	return 0;
}

static int return_r(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	note(regs->REG_RESULT == wanted ? 'r' : '?');
	return 0;
}

TL_TEST(jprobes_come_after_all_others_whenever_they_were_registered)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		void *addr = (void *)args8[w->entry];
		struct kprobe k = { .addr = addr, .pre_handler = pre_k };
		struct jprobe a = { .kp.addr = addr, .entry = (void *)note_a };
		struct kretprobe e = { .kp.addr = addr,
				       .entry_handler = enter_e,
				       .handler = return_r };
		struct jprobe b = { .kp.addr = addr, .entry = (void *)note_b };
		struct kprobe l = { .addr = addr,
				    .pre_handler = pre_l,
				    .post_handler = post_p };

		ROW(w->name);
		reset();
		by_return = w->by_return;
		wanted = call8(w->entry);
		CHECK_EQ(register_kprobe(&k), 0);
		CHECK_EQ(register_jprobe(&a), 0);
		CHECK_EQ(register_kretprobe(&e), 0);
		CHECK_EQ(register_jprobe(&b), 0);
		CHECK_EQ(register_kprobe(&l), 0);
		CHECK_EQ(call8(w->entry), wanted);
		CHECK_STR(trail, "lekbapr");
		CHECK_EQ(get_kprobe(addr), &l);
		unregister_kprobe(&k);
		unregister_kretprobe(&e);
		unregister_kprobe(&l);
		reset();
		CHECK_EQ(call8(w->entry), wanted);
		CHECK_STR(trail, "ba");
		unregister_jprobe(&a);
		unregister_jprobe(&b);
		CHECK_EQ(e.nmissed, 0);
		CHECK_EQ(k.nmissed + l.nmissed + a.kp.nmissed + b.kp.nmissed,
			 0);
	}
}

static int change_first(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->REG_ARG0 += 1;
	return 0;
}

static int skip_all(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->REG_RESULT = 4711;
	LEAVE_FUNCTION(regs);
	return 1;
}

TL_TEST(what_a_pre_handler_changes_is_what_the_handler_sees)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		void *addr = (void *)args1[w->entry];
		struct jprobe jp = { .kp.addr = addr, .entry = (void *)see1 };
		struct kprobe change = { .addr = addr,
					 .pre_handler = change_first };
		struct kprobe skip = { .addr = addr, .pre_handler = skip_all };

		ROW(w->name);
		reset();
		by_return = w->by_return;
		CHECK_EQ(register_jprobe(&jp), 0);
		CHECK_EQ(register_kprobe(&change), 0);
		CHECK_EQ(args1[w->entry](10), 31 + 11);
		CHECK_EQ(seen, 31 + 11);
		CHECK_EQ(register_kprobe(&skip), 0);
		CHECK_EQ(args1[w->entry](10), 4711);
		CHECK_EQ(hits, 1);
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_kprobe(&skip);
		unregister_kprobe(&change);
		unregister_jprobe(&jp);
	}
}

/* A branch with post handlers is simulated; the handler comes before. */
unsigned long args8_branch P8;
unsigned long args8_two P8;

TL_TEST(a_branch_with_a_post_handler_is_done_after_the_handler)
{
	void *addr = (void *)args8_branch;
	struct jprobe jp = { .kp.addr = addr, .entry = (void *)note_a };
	struct kprobe k = { .addr = addr,
			    .pre_handler = pre_k,
			    .post_handler = post_p };

	wanted = args8_branch A8;
	for (unsigned int i = 0; i < 2; i++) {
		by_return = i;
		k.flags = jp.kp.flags = 0;
		reset();
		CHECK_EQ(register_jprobe(&jp), 0);
		CHECK_EQ(args8_branch A8, wanted);
		CHECK_STR(trail, "a");
		CHECK_EQ(register_kprobe(&k), 0);
		CHECK(!is_jump(&jp));
		reset();
		CHECK_EQ(args8_branch A8, wanted);
		CHECK_STR(trail, "kap");
		unregister_jprobe(&jp);
		reset();
		CHECK_EQ(args8_branch A8, wanted);
		CHECK_STR(trail, "kp");
		unregister_kprobe(&k);
		CHECK_EQ(args8_branch A8, wanted);
	}
}

TL_TEST(a_jump_that_becomes_a_breakpoint_and_back_goes_on_working)
{
	struct jprobe jp = { .kp.addr = (void *)args8_two,
			     .entry = (void *)note_a };
	/* No address in the window is written down where it could be seen. */
	struct kprobe k = { .addr = (void *)args8_two,
			    .offset = 3,
			    .pre_handler = pre_k };

	if (!JUMP_COVERS_TWO)
		SKIP("a jump covers one instruction");
	wanted = args8_two A8;
	by_return = false;
	reset();
	CHECK_EQ(register_jprobe(&jp), 0);
	CHECK(is_jump(&jp));
	CHECK_EQ(register_kprobe(&k), 0);
	CHECK(!is_jump(&jp));
	CHECK_EQ(args8_two A8, wanted);
	CHECK_STR(trail, "ak");
	unregister_kprobe(&k);
	wait_for_kprobe_optimizer();
	CHECK(is_jump(&jp));
	CHECK_EQ(args8_two A8, wanted);
	CHECK_STR(trail, "aka");
	unregister_jprobe(&jp);
	CHECK_EQ(args8_two A8, wanted);
}

/* ---- the original stack ---------------------------------------------------------------- */

/* A waiter on its caller's stack, which somebody completes while we look. */
struct waiter {
	unsigned int done;
	unsigned long result;
};

/* clang-format off */
ENTRIES(unsigned long, wait,
	(struct waiter *w, long b, long c, long d, long e, long f, long g,
	 long h));
/* clang-format on */

BODY unsigned long wait_body(struct waiter *w, long b, long c, long d, long e,
			     long f, long g, long h)
{
	return w->done * 1000 + w->result + (unsigned long)(b + c + d + e + f) +
	       (unsigned long)(g * 3 + h);
}

static unsigned long *original;

static int note_original(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	original = (unsigned long *)regs->sp;
	return 0;
}

/* `others` write: to the waiter, and to the very slot of the last argument. */
BODY static unsigned long see_wait(struct waiter *w, long b, long c, long d,
				   long e, long f, long g, long h)
{
	(void)b, (void)c, (void)d, (void)e, (void)f, (void)g;
	w->done = 1;
	w->result = 500;
	original[2] = 9;
	seen = (unsigned long)h;
	CHECK((unsigned long)&h < (unsigned long)original);
	SPOIL(h);
	end();
	return 77;
}

TL_TEST(what_others_write_to_the_stack_meanwhile_is_kept)
{
	const struct jprobe_way *way;

	if (!STACK_HAS_ARGUMENTS)
		SKIP("these are in registers");
	for_each_row(way, jprobe_ways) {
		void *addr = (void *)wait[way->entry];
		struct jprobe jp = { .kp.addr = addr,
				     .entry = (void *)see_wait };
		struct kprobe k = { .addr = addr,
				    .pre_handler = note_original };
		struct waiter w = { 0, 7 };

		ROW(way->name);
		reset();
		by_return = way->by_return;
		CHECK_EQ(wait[way->entry](&w, 0, 0, 0, 0, 0, 2, 4), 7 + 10);
		CHECK_EQ(register_kprobe(&k), 0);
		CHECK_EQ(register_jprobe(&jp), 0);
		CHECK_EQ(wait[way->entry](&w, 0, 0, 0, 0, 0, 2, 4),
			 1000 + 500 + 6 + 9);
		CHECK_EQ(seen, 4);
		CHECK_EQ(w.done, 1);
		unregister_jprobe(&jp);
		unregister_kprobe(&k);
	}
}

/* ---- enable, disable, batches, codes ------------------------------------------------------ */

TL_TEST(a_disabled_jprobe_is_not_called)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		struct jprobe jp = { .kp.addr = (void *)args8[w->entry],
				     .kp.flags = KPROBE_FLAG_DISABLED,
				     .entry = (void *)see8 };
		unsigned long bare = call8(w->entry);

		ROW(w->name);
		reset();
		by_return = w->by_return;
		CHECK_EQ(register_jprobe(&jp), 0);
		CHECK_EQ(call8(w->entry), bare);
		CHECK_EQ(hits, 0);
		for (unsigned int i = 1; i < 4; i++) {
			CHECK_EQ(enable_jprobe(&jp), 0);
			CHECK_EQ(enable_jprobe(&jp), 0);
			CHECK_EQ(call8(w->entry), bare);
			CHECK_EQ(hits, i);
			CHECK_EQ(seen, bare);
			CHECK_EQ(disable_jprobe(&jp), 0);
			CHECK_EQ(disable_jprobe(&jp), 0);
			CHECK_EQ(call8(w->entry), bare);
			CHECK_EQ(hits, i);
		}
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
}

#define BATCH 150 /* more than the engine takes in one go */

TL_TEST(a_batch_is_registered_as_a_whole_or_not_at_all)
{
	static struct jprobe jp[BATCH];
	static struct jprobe *jps[BATCH];
	unsigned long bare = call8(0), bare7 = call7(1);

	for (unsigned int i = 0; i < BATCH; i++) {
		jp[i] = (struct jprobe){ .kp.addr = (void *)args8_jump,
					 .entry = (void *)see8 };
		if (i & 1)
			jp[i] = (struct jprobe){ .kp.addr = (void *)args7_break,
						 .entry = (void *)see7 };
		jps[i] = &jp[i];
	}
	reset();
	by_return = false;
	CHECK_EQ(register_jprobes(jps, BATCH), 0);
	CHECK_EQ(call8(0), bare);
	CHECK_EQ(hits, BATCH / 2);
	CHECK_EQ(call7(1), bare7);
	CHECK_EQ(hits, BATCH);
	unregister_jprobes(jps, BATCH);
	CHECK_EQ(call8(0), bare);
	CHECK_EQ(call7(1), bare7);
	CHECK_EQ(hits, BATCH);

	for (unsigned int bad = 0; bad < BATCH; bad += BATCH / 2 - 1) {
		for (unsigned int i = 0; i < BATCH; i++)
			jp[i].kp.flags = 0;
		jp[bad].entry = NULL;
		CHECK_EQ(register_jprobes(jps, BATCH), -TL_EINVAL);
		jp[bad].entry = bad & 1 ? (void *)see7 : (void *)see8;
		CHECK_EQ(call8(0), bare);
		CHECK_EQ(call7(1), bare7);
		CHECK_EQ(hits, BATCH);
	}
	CHECK_EQ(register_jprobes(jps, 0), -TL_EINVAL);
	CHECK_EQ(register_jprobes(jps, -1), -TL_EINVAL);
	unregister_jprobes(jps, 0);
}

TL_TEST(refusals_of_jprobes_carry_linux_s_codes)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct jprobe jp;
		int err;
	} rows[] = {
		{ "no place", { .entry = (void *)see8 }, -TL_EINVAL },
		{ "two places", { .kp.addr = (void *)args8_jump,
				  .kp.symbol_name = "args8_jump",
				  .entry = (void *)see8 }, -TL_EINVAL },
		{ "no such symbol", { .kp.symbol_name = "no_such_symbol",
				      .entry = (void *)see8 }, -TL_ENOENT },
		{ "no handler", { .kp.addr = (void *)args8_jump }, -TL_EINVAL },
		{ "inside of a handler", { .kp.addr = (void *)args8_jump,
					   .entry = (char *)see8 + 4 },
		  -TL_EINVAL },
		{ "data as a handler", { .kp.addr = (void *)args8_jump,
					 .entry = trail }, -TL_EINVAL },
		{ "nothing as a handler", { .kp.addr = (void *)args8_jump,
					    .entry = (void *)8 }, -TL_EINVAL },
		{ "inside of a function", { .kp.addr = (kprobe_opcode_t *)
						       depth_break + 1,
					    .entry = (void *)see8 },
		  -TL_EINVAL },
		{ "an offset", { .kp.addr = (void *)args8_jump,
				 .kp.offset = 5,
				 .entry = (void *)see8 }, -TL_EINVAL },
		{ "the engine", { .kp.addr = (void *)register_jprobe,
				  .entry = (void *)see8 }, -TL_EINVAL },
		{ "too much", { .kp.addr = (void *)args8_jump,
				.entry = (void *)see8,
				.stack_args = TL_JPROBE_STACK_MAX + 1 },
		  -TL_E2BIG },
		{ "too large a structure", { .kp.addr = (void *)args8_jump,
					     .entry = (void *)see8,
					     .by_reference = { 4096, 1 } },
		  -TL_E2BIG },
		{ "an address that is not in the stack arguments",
		  { .kp.addr = (void *)args8_jump,
		    .entry = (void *)see8,
		    .stack_args = 16,
		    .by_reference = { [TL_JPROBE_REGISTERS + 2] = 24 } },
		  -TL_EINVAL },
		{ "less than none", { .kp.addr = (void *)args8_jump,
				      .entry = (void *)see8,
				      .stack_args = -2 }, -TL_EINVAL },
	};
	/* clang-format on */
	unsigned long bare = call8(0);

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct jprobe jp = rows[i].jp;

		ROW(rows[i].name);
		CHECK_EQ(register_jprobe(&jp), rows[i].err);
		CHECK_EQ(jp.kp.addr, rows[i].jp.kp.addr);
		CHECK_EQ(enable_jprobe(&jp), -TL_EINVAL);
		CHECK_EQ(disable_jprobe(&jp), -TL_EINVAL);
		CHECK_EQ(call8(0), bare);
		unregister_jprobe(&jp);
		CHECK(jp.kp.addr == NULL);
	}
}

TL_TEST(a_jprobe_is_registered_once_and_by_name_too)
{
	struct jprobe jp = { .kp.symbol_name = "args8_break",
			     .entry = (void *)see8 };
	unsigned long bare = call8(1);

	reset();
	by_return = false;
	CHECK_EQ(register_jprobe(&jp), 0);
	CHECK_EQ(jp.kp.addr, (void *)args8_break);
	CHECK_EQ(call8(1), bare);
	CHECK_EQ(seen, bare);
	CHECK_EQ(register_jprobe(&jp), -TL_EINVAL);
	CHECK_EQ(call8(1), bare);
	CHECK_EQ(hits, 2);
	unregister_jprobe(&jp);
	CHECK_EQ(call8(1), bare);
	CHECK_EQ(hits, 2);
	CHECK_EQ(register_jprobe(&jp), 0); /* once more, as it is */
	CHECK_EQ(call8(1), bare);
	CHECK_EQ(hits, 3);
	unregister_jprobe(&jp);
	CHECK_EQ(call8(1), bare);
	CHECK_EQ(hits, 3);
}

TL_TEST(jprobe_return_elsewhere_does_nothing)
{
	struct jprobe jp = { .kp.addr = (void *)args8_jump,
			     .entry = (void *)see8 };

	jprobe_return();
	by_return = false;
	CHECK_EQ(register_jprobe(&jp), 0);
	jprobe_return();
	CHECK(call8(0));
	jprobe_return();
	unregister_jprobe(&jp);
}
