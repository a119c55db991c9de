/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/jprobe_process.S -lm -lpthread */
/*
 * jprobe_process.c - jprobes in a process: vector arguments, stacks of all kinds
 */
#define _GNU_SOURCE
#include <fenv.h>
#include <immintrin.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <trapline/regs.h>

#include "jprobe.h"
#include "tl_test.h"

#define PAGE 4096ul

/* ---- floating point ------------------------------------------------------------ */

struct composite {
	double d;
	long l;
	float f[2];
};

static unsigned long bits(double d)
{
	unsigned long u;

	memcpy(&u, &d, sizeof(u));
	return u;
}

/* clang-format off */
VALUES(floats, (double a, long b, float c, double d, double e, double f,
		double g, double h, double i, double j, float k),
       bits(a + c * 3 + d * 5 + e * 7 + f * 11 + g * 13 + h * 17 + i * 19 +
	    j * 23 + k * 29) + (unsigned long)b,
       SPOIL(a); SPOIL(b); SPOIL(c); SPOIL(d); SPOIL(e); SPOIL(f); SPOIL(g);
       SPOIL(h); SPOIL(i); SPOIL(j); SPOIL(k))
VALUES(longs, (long a, long double b, double c, long double d),
       bits((double)(b * 3 + d * 5) + c) + (unsigned long)a,
       SPOIL(a); SPOIL(b); SPOIL(c); SPOIL(d))
VALUES(composite, (struct composite s, __m128d v, struct composite t, int n),
       bits(s.d * 3 + s.f[0] + s.f[1] * 5 + v[0] + v[1] * 7 + t.d + t.f[1]) +
       (unsigned long)(s.l + t.l + n),
       SPOIL(s); SPOIL(v); SPOIL(t); SPOIL(n))
/* clang-format on */

static unsigned long call_floats(unsigned int i)
{
	return floats[i](1.5, 2, 3.25f, 4, 5, 6, 7, 8, 9, -10.125, 11.5f);
}

static unsigned long call_longs(unsigned int i)
{
	return longs[i](1, 2.5L, 3.5, -4.125L);
}

static unsigned long call_composite(unsigned int i)
{
	struct composite s = { 1.25, 7, { 3, 4 } };

	return composite[i](s, (__m128d){ 2.5, -3 }, s, 9);
}

ENTRIES(unsigned long, vfloats, (int n, ...));

static double take(int n, va_list ap)
{
	double sum = 0;

	while (n--)
		sum = sum * 3 + va_arg(ap, double) + va_arg(ap, int);
	return sum;
}

BODY unsigned long vfloats_body(int n, ...)
{
	double sum;
	va_list ap;

	va_start(ap, n);
	sum = take(n, ap);
	va_end(ap);
	return bits(sum);
}

BODY static unsigned long see_vfloats(int n, ...)
{
	va_list ap;

	va_start(ap, n);
	seen = bits(take(n, ap));
	va_end(ap);
	SPOIL(n);
	end();
	return 77;
}

static unsigned long call_vfloats(unsigned int i)
{
	return vfloats[i](12, 1.0, 1, 2.0, 2, 3.0, 3, 4.0, 4, 5.0, 5, 6.0, 6,
			  7.0, 7, 8.0, 8, 9.0, 9, 1.5, 10, 2.5, 11, 3.5, 12);
}

TL_TEST(arguments_in_vector_registers_are_seen_and_kept)
{
	/* clang-format off */
	static const struct kind kinds[] = {
		KIND(floats, 24),
		KIND(longs, 32),
		KIND(composite, 64),
		KIND(vfloats, 192),
	};
	/* clang-format on */
	const struct jprobe_way *w;
	const struct kind *k;

	for_each_row(w, jprobe_ways) {
		for_each_row(k, kinds) {
			ROW(k->name);
			try_kind(k, w, 0);
			try_kind(k, w, k->stack_args);
		}
	}
}

typedef double wide_t __attribute__((vector_size(32)));

#define AVX __attribute__((target("avx")))

AVX unsigned long wide_body(wide_t a, wide_t b, double c, wide_t d, wide_t e,
			    wide_t f, wide_t g, wide_t h, wide_t i, wide_t j);
AVX unsigned long wide_jump(wide_t a, wide_t b, double c, wide_t d, wide_t e,
			    wide_t f, wide_t g, wide_t h, wide_t i, wide_t j);
AVX unsigned long wide_break(wide_t a, wide_t b, double c, wide_t d, wide_t e,
			     wide_t f, wide_t g, wide_t h, wide_t i, wide_t j);

#define WIDE_SUM                                                               \
	(bits(a[0] + a[3] * 3 + b[2] * 5 + c * 7 + d[3] + e[1] + f[2] + g[3] + \
	      h[0] + i[1] * 11 + j[3] * 13) +                                  \
	 low_bits(&i) % 32 + low_bits(&j) % 32)

AVX BODY unsigned long wide_body(wide_t a, wide_t b, double c, wide_t d,
				 wide_t e, wide_t f, wide_t g, wide_t h,
				 wide_t i, wide_t j)
{
	return WIDE_SUM;
}

AVX BODY static unsigned long see_wide(wide_t a, wide_t b, double c, wide_t d,
				       wide_t e, wide_t f, wide_t g, wide_t h,
				       wide_t i, wide_t j)
{
	seen = WIDE_SUM;
	SPOIL(a);
	SPOIL(i);
	SPOIL(j);
	__asm__ volatile("vzeroall" : : : "xmm0", "xmm1", "xmm2", "xmm3");
	end();
	return 77;
}

AVX static unsigned long call_wide(unsigned int n)
{
	wide_t v[10];

	for (int i = 0; i < 10; i++)
		v[i] = (wide_t){ i + 1.5, i * 3, i - 7, 2.25 * i };
	return n ? wide_break(v[0], v[1], 5.5, v[3], v[4], v[5], v[6], v[7],
			      v[8], v[9])
		 : wide_jump(v[0], v[1], 5.5, v[3], v[4], v[5], v[6], v[7],
			     v[8], v[9]);
}

TL_TEST(vectors_of_32_bytes_in_registers_and_on_the_stack_are_seen)
{
	static const struct kind k = KIND(wide, 64);
	const struct jprobe_way *w;

	if (!__builtin_cpu_supports("avx"))
		SKIP("no AVX here");
	for_each_row(w, jprobe_ways) {
		ROW(w->name);
		try_kind(&k, w, 0);
		try_kind(&k, w, k.stack_args);
	}
}

/* A handler that runs before, and leaves nothing of the vector registers. */
static int spoil_vectors(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n"
			 "movaps %%xmm0, %%xmm1\n"
			 "movaps %%xmm0, %%xmm2\n"
			 "movaps %%xmm0, %%xmm3\n"
			 "movaps %%xmm0, %%xmm4\n"
			 "movaps %%xmm0, %%xmm5\n"
			 "movaps %%xmm0, %%xmm6\n"
			 "movaps %%xmm0, %%xmm7\n"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			   "xmm6", "xmm7");
	return 0;
}

TL_TEST(vectors_are_the_function_s_whatever_handlers_came_before)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		void *addr = (void *)floats[w->entry];
		unsigned long bare = call_floats(w->entry);
		struct kprobe k = { .addr = addr,
				    .pre_handler = spoil_vectors };
		struct jprobe a = { .kp.addr = addr,
				    .entry = (void *)see_floats };
		struct jprobe b = a;

		ROW(w->name);
		jprobe_reset();
		by_return = w->by_return;
		CHECK_EQ(register_jprobe(&a), 0);
		CHECK_EQ(register_jprobe(&b), 0);
		CHECK_EQ(register_kprobe(&k), 0);
		CHECK_EQ(call_floats(w->entry), bare);
		CHECK_EQ(seen, bare);
		CHECK_EQ(hits, 2);
		unregister_kprobe(&k);
		unregister_jprobe(&b);
		unregister_jprobe(&a);
	}
}

/* ---- the floating-point environment ---------------------------------------------- */

ENTRIES(unsigned long, rounding, (double a, long double b));

BODY unsigned long rounding_body(double a, long double b)
{
	unsigned long raised = (unsigned int)fetestexcept(FE_ALL_EXCEPT);
	volatile double third = a / 3;
	volatile long double other = b / 3;

	return raised * 1000003 + bits(third) + bits((double)(other * 1e10L));
}

/* Raises what it can, by both units, and sees the caller's way of rounding. */
BODY static unsigned long see_rounding(double a, long double b)
{
	volatile double third = a / 3, zero = 0;
	volatile long double other = b / 3, nought = 0;

	seen = bits(third) + bits((double)(other * 1e10L));
	third = 1 / zero;
	other = 1 / nought;
	hits += !!fetestexcept(FE_DIVBYZERO);
	end();
	return 77;
}

TL_TEST(exceptions_and_rounding_of_the_function_are_its_own)
{
	static const int modes[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD };
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		struct jprobe jp = { .kp.addr = (void *)rounding[w->entry],
				     .entry = (void *)see_rounding };
		unsigned long bare[3];

		ROW(w->name);
		by_return = w->by_return;
		for (int i = 0; i < 3; i++) {
			feclearexcept(FE_ALL_EXCEPT);
			fesetround(modes[i]);
			bare[i] = rounding[w->entry](1.0, 2.0L);
		}
		CHECK_EQ(register_jprobe(&jp), 0);
		for (int i = 0; i < 3; i++) {
			jprobe_reset();
			feclearexcept(FE_ALL_EXCEPT);
			fesetround(modes[i]);
			CHECK_EQ(rounding[w->entry](1.0, 2.0L), bare[i]);
			CHECK_EQ(seen, bare[i]);
			CHECK_EQ(hits, 2);
			CHECK_EQ(fegetround(), modes[i]);
			CHECK_EQ(fetestexcept(FE_DIVBYZERO), 0);
		}
		fesetround(FE_TONEAREST);
		unregister_jprobe(&jp);
	}
}

/* ---- stacks ---------------------------------------------------------------------- */

#define MANY (long a, long b, long c, long d, long e, long f, long g, long h)
#define MANY_SUM                                                               \
	(unsigned long)(a + b * 3 + c * 5 + d * 7 + e * 11 + f * 13 + g * 17 + \
			h * 19)

ENTRIES(unsigned long, many, MANY);

BODY unsigned long many_body MANY
{
	return MANY_SUM;
}

static __thread volatile unsigned long thread_seen, thread_hits;

BODY static unsigned long see_many MANY
{
	thread_seen = MANY_SUM;
	SPOIL(a);
	SPOIL(g);
	SPOIL(h);
	thread_hits++;
	if (!by_return)
		jprobe_return();
	return 77;
}

#define call_many(i) many[i](1, 2, 3, 4, 5, 6, 7, 8)

unsigned long call_at(void *sp, unsigned long(*fn) MANY);

/* @pages of memory, and behind them nothing. */
static char *map_stack(size_t pages)
{
	char *at = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	mprotect(at + pages * PAGE, PAGE, PROT_NONE);
	return at;
}

/* A jprobe on many[], which is registered. */
static bool start_many(struct jprobe *jp, const struct jprobe_way *w)
{
	ROW(w->name);
	by_return = w->by_return;
	thread_hits = thread_seen = 0;
	*jp = (struct jprobe){ .kp.addr = (void *)many[w->entry],
			       .entry = (void *)see_many };
	return !register_jprobe(jp);
}

TL_TEST(near_the_end_of_a_stack_what_is_there_is_copied)
{
	const struct jprobe_way *w;
	char *low = map_stack(16);
	char *end_of_stack = low + 16 * PAGE;

	REQUIRE(low);
	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry), calls = 0;
		struct jprobe jp;

		REQUIRE(start_many(&jp, w));
		for (size_t d = 16; d < 3 * PAGE; d += d < PAGE ? 16 : 512) {
			thread_seen = 0;
			CHECK_EQ(call_at(end_of_stack - d, many[w->entry]),
				 bare);
			CHECK_EQ(thread_seen, bare);
			CHECK_EQ(thread_hits, ++calls);
		}
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
	munmap(low, 17 * PAGE);
}

/* A stack is unmapped, and a smaller one is where it was. */
TL_TEST(what_is_known_of_a_stack_is_forgotten_with_it)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry);
		char *low = map_stack(16);
		struct jprobe jp;

		REQUIRE(low);
		REQUIRE(start_many(&jp, w));
		for (size_t pages = 16; pages > 8; pages--) {
			char *top = low + pages * PAGE;

			CHECK_EQ(call_at(low + 7 * PAGE, many[w->entry]), bare);
			CHECK_EQ(call_at(top - 16, many[w->entry]), bare);
			CHECK_EQ(call_at(top - 512, many[w->entry]), bare);
			mprotect(top - PAGE, PAGE, PROT_NONE);
		}
		CHECK_EQ(thread_hits, 24);
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
		munmap(low, 17 * PAGE);
	}
}

/* volatile: the compiler believes that raise() changes nothing here. */
static unsigned int signal_way;
static volatile unsigned long in_signal;

static void on_usr1(int sig)
{
	(void)sig;
	in_signal = call_many(signal_way);
}

TL_TEST(a_hit_on_an_alternate_signal_stack_is_like_any_other)
{
	const struct jprobe_way *w;
	char *low = map_stack(8);
	stack_t st = { .ss_sp = low, .ss_size = 8 * PAGE },
		none = { .ss_flags = SS_DISABLE };
	struct sigaction act = { .sa_handler = on_usr1,
				 .sa_flags = SA_ONSTACK },
			 old;

	REQUIRE(low);
	sigaltstack(&st, NULL);
	sigaction(SIGUSR1, &act, &old);
	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry);
		struct jprobe jp;

		REQUIRE(start_many(&jp, w));
		signal_way = w->entry;
		for (unsigned int i = 1; i < 20; i++) {
			in_signal = thread_seen = 0;
			raise(SIGUSR1);
			CHECK_EQ(in_signal, bare);
			CHECK_EQ(thread_seen, bare);
			CHECK_EQ(thread_hits, i);
		}
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
	sigaltstack(&none, NULL);
	sigaction(SIGUSR1, &old, NULL);
	munmap(low, 9 * PAGE);
}

/* The handler of a jprobe is interrupted by a signal whose handler is a hit. */
BODY static unsigned long see_and_raise MANY
{
	thread_seen = MANY_SUM;
	raise(SIGUSR1);
	thread_hits++;
	if (!by_return)
		jprobe_return();
	return 77;
}

TL_TEST(a_hit_in_a_signal_that_interrupts_the_handler_is_a_miss)
{
	struct sigaction act = { .sa_handler = on_usr1 }, old;
	const struct jprobe_way *w;

	sigaction(SIGUSR1, &act, &old);
	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry);
		struct jprobe jp = { .kp.addr = (void *)many[w->entry],
				     .entry = (void *)see_and_raise };

		ROW(w->name);
		by_return = w->by_return;
		signal_way = w->entry;
		in_signal = thread_hits = 0;
		REQUIRE(!register_jprobe(&jp));
		CHECK_EQ(call_many(w->entry), bare);
		CHECK_EQ(in_signal, bare);
		CHECK_EQ(thread_seen, bare);
		CHECK_EQ(thread_hits, 1);
		CHECK_EQ(jp.kp.nmissed, 1);
		unregister_jprobe(&jp);
	}
	sigaction(SIGUSR1, &old, NULL);
}

static jmp_buf out;
static bool leaves;

BODY static unsigned long see_and_leave MANY
{
	thread_seen = MANY_SUM;
	thread_hits++;
	if (leaves)
		longjmp(out, 1);
	return 77;
}

BODY static bool is_left(unsigned int i)
{
	if (setjmp(out))
		return true;
	call_many(i);
	return false;
}

TL_TEST(a_handler_may_be_left_by_longjmp)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry);
		struct jprobe jp = { .kp.addr = (void *)many[w->entry],
				     .entry = (void *)see_and_leave };

		ROW(w->name);
		thread_hits = 0;
		REQUIRE(!register_jprobe(&jp));
		for (unsigned int i = 1; i <= 10; i++) {
			leaves = i < 10; /* the last hit ends the one before */
			thread_seen = 0;
			CHECK_EQ(is_left(w->entry), leaves);
			CHECK_EQ(thread_seen, bare);
			CHECK_EQ(thread_hits, i);
		}
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
		CHECK_EQ(call_many(w->entry), bare);
	}
}

/* ---- threads --------------------------------------------------------------------- */

#define THREADS 4

static unsigned int thread_way;
static unsigned long thread_bare, wrong, right;

/* @depth bytes further down the stack. */
BODY static bool call_from_depth(size_t depth)
{
	volatile char *room = __builtin_alloca(depth + 1);

	room[0] = 1;
	thread_seen = 0;
	return call_many(thread_way) == thread_bare &&
	       thread_seen == thread_bare && room[0];
}

/* From all depths, so that what is copied crosses pages everywhere. */
static void *call_much(void *arg)
{
	unsigned long good = 0, calls = 2000 * tl_test_scale;

	(void)arg;
	for (unsigned long i = 0; i < calls; i++) {
		good += call_from_depth(i * 48 % (3 * PAGE));
	}
	__atomic_fetch_add(&wrong, calls - good, __ATOMIC_RELAXED);
	__atomic_fetch_add(&right, thread_hits, __ATOMIC_RELAXED);
	return NULL;
}

TL_TEST(threads_see_their_own_arguments)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		pthread_t threads[THREADS];
		struct jprobe jp;

		thread_way = w->entry;
		thread_bare = call_many(w->entry);
		wrong = right = 0;
		REQUIRE(start_many(&jp, w));
		for (int i = 0; i < THREADS; i++)
			REQUIRE(!pthread_create(&threads[i], NULL, call_much,
						NULL));
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		call_much(NULL);
		CHECK_EQ(wrong, 0);
		CHECK_EQ(right, 2000ul * (THREADS + 1) * tl_test_scale);
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
}

/* Somebody else completes what the caller waits for, while the handler runs. */
static struct waiter {
	unsigned long done, go;
} *volatile waited_for;

static void *complete(void *arg)
{
	struct waiter *w;

	(void)arg;
	while (!(w = waited_for) || !__atomic_load_n(&w->go, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_store_n(&w->done, 4242, __ATOMIC_RELEASE);
	return NULL;
}

BODY static unsigned long see_completion MANY
{
	struct waiter *w = waited_for;

	thread_seen = MANY_SUM;
	__atomic_store_n(&w->go, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&w->done, __ATOMIC_ACQUIRE))
		sched_yield();
	if (!by_return)
		jprobe_return();
	return 77;
}

TL_TEST(a_waiter_on_the_stack_that_is_completed_meanwhile_stays_so)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry);
		struct jprobe jp = { .kp.addr = (void *)many[w->entry],
				     .entry = (void *)see_completion };
		struct waiter here = { 0, 0 };
		pthread_t thread;

		ROW(w->name);
		by_return = w->by_return;
		waited_for = &here;
		REQUIRE(!pthread_create(&thread, NULL, complete, NULL));
		REQUIRE(!register_jprobe(&jp));
		CHECK_EQ(call_many(w->entry), bare);
		CHECK_EQ(thread_seen, bare);
		CHECK_EQ(here.done, 4242);
		pthread_join(thread, NULL);
		CHECK_EQ(here.done, 4242);
		unregister_jprobe(&jp);
		waited_for = NULL;
	}
}

#define TOGGLES 100ul

static volatile bool stop_toggling;
static volatile unsigned long toggles;

static void *toggle(void *arg)
{
	struct jprobe *jp = arg;

	for (; !stop_toggling; toggles++)
		if (disable_jprobe(jp) || enable_jprobe(jp))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

TL_TEST(calls_go_on_while_it_is_enabled_and_disabled)
{
	const struct jprobe_way *w;

	for_each_row(w, jprobe_ways) {
		unsigned long bare = call_many(w->entry);
		pthread_t thread;
		unsigned long bad = 0;
		struct jprobe jp;

		wrong = toggles = 0;
		stop_toggling = false;
		REQUIRE(start_many(&jp, w));
		REQUIRE(!pthread_create(&thread, NULL, toggle, &jp));
		while (toggles < TOGGLES * tl_test_scale)
			bad += call_many(w->entry) != bare ||
			       (thread_seen && thread_seen != bare);
		stop_toggling = true;
		pthread_join(thread, NULL);
		CHECK_EQ(bad + wrong, 0);
		CHECK(thread_hits > 0);
		tl_test_note("hits", thread_hits);
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
}
