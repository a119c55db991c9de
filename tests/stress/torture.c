/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/ISA/places.S -lpthread -ldl */
/*
 * torture.c - what makes other hook libraries crash or give wrong results
 *
 * One test for each case in which at least one of frida-gum, funchook, Dobby,
 * Dyninst and uftrace was seen to fail: every one has the right result here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_test.h"

#define HANDLER __attribute__((target("general-regs-only"))) static

typedef long place_fn(long a, long b, long c);
place_fn place_break, place_one, place_after_one, place_padded, place_red_zone,
	place_jrcxz, place_jcc, place_call_first, place_rip, place_pad,
	place_read, place_jmp, place_call_b;
extern const char place_red_zone_at[];

static unsigned long hits, returns;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	return 0;
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	__atomic_fetch_add(&returns, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Probe @at, call, take the probe away, call: @calls hits, and all is right. */
static void one(const void *at, place_fn *fn, long a, long b, long want,
		enum tl_why why)
{
	struct kprobe p = { .addr = (void *)at, .pre_handler = hit };

	hits = 0;
	CHECK_EQ(fn(a, b, 0), want);
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(trapline_kprobe_why(&p), why);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(fn(a, b, 0), want);
	CHECK_EQ(hits, 1000);
	CHECK_EQ(p.nmissed, 0);
	unregister_kprobe(&p);
	CHECK_EQ(fn(a, b, 0), want);
	CHECK_EQ(hits, 1000);
}

TL_TEST(jump_target_inside_the_first_five_bytes)
{
	one(place_break, place_break, 1, 2, 3, TL_WHY_TARGET);
}

TL_TEST(one_byte_function_followed_by_another)
{
	struct kprobe p = { .addr = (void *)place_one, .pre_handler = hit };

	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_PAST_END);
	place_one(1, 2, 3);
	CHECK_EQ(place_after_one(1, 2, 3), 8);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
	CHECK_EQ(place_after_one(1, 2, 3), 8);
}

TL_TEST(short_function_with_padding_behind)
{
	one(place_padded, place_padded, 9, 2, 9, TL_WHY_NONE);
}

TL_TEST(middle_of_a_function_with_a_live_red_zone)
{
	one(place_red_zone_at, place_red_zone, 30, 12, 42, TL_WHY_NONE);
}

TL_TEST(jrcxz_in_the_window)
{
	one(place_jrcxz, place_jrcxz, 0, 2, 7, TL_WHY_NONE);
	one(place_jrcxz, place_jrcxz, 1, 2, 3, TL_WHY_NONE);
}

TL_TEST(jcc_in_the_window)
{
	one(place_jcc, place_jcc, 1, 2, 2, TL_WHY_NONE);
	one(place_jcc, place_jcc, 5, 2, 5, TL_WHY_NONE);
}

TL_TEST(call_first)
{
	one(place_call_first, place_call_first, 1, 2, 1003, TL_WHY_NONE);
}

TL_TEST(rip_relative_operand)
{
	one(place_rip, place_rip, 1, 2, 123456790, TL_WHY_NONE);
}

TL_TEST(endbr64_entry)
{
	one(place_pad, place_pad, 1, 2, 5, TL_WHY_NONE);
}

/* ---- unwinding ----------------------------------------------------------------- */

/*
 * A C++ throw is two walks by the unwinder over every frame.  The same walks
 * are made here in C: a forced unwind from inside the probed function to this
 * test's frame.
 */
static jmp_buf caught;
static unsigned long want_cfa, frames;

static _Unwind_Reason_Code stop_at(int version, _Unwind_Action actions,
				   _Unwind_Exception_Class class,
				   struct _Unwind_Exception *ex,
				   struct _Unwind_Context *cx, void *arg)
{
	(void)version;
	(void)class;
	(void)ex;
	(void)arg;
	frames++;
	if (_Unwind_GetCFA(cx) >= want_cfa)
		longjmp(caught, 1);
	if (actions & _UA_END_OF_STACK)
		longjmp(caught, 2);
	return _URC_NO_REASON;
}

static struct _Unwind_Exception exception;

__attribute__((noinline)) static long throws(long a)
{
	if (a)
		_Unwind_ForcedUnwind(&exception, stop_at, NULL);
	return 1;
}

__attribute__((noinline)) static long probed_frame(long a)
{
	return throws(a) + 1;
}

TL_TEST(unwinding_through_a_probed_function)
{
	struct kprobe p = { .addr = (void *)probed_frame, .pre_handler = hit };
	struct kprobe q = { .addr = (void *)throws, .pre_handler = hit };

	want_cfa = (unsigned long)__builtin_frame_address(0);
	frames = 0;
	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	switch (setjmp(caught)) {
	case 0:
		probed_frame(1);
		CHECK(!"the unwinder came back");
		break;
	case 2:
		CHECK(!"the unwinder stopped in the middle");
		break;
	}
	CHECK(frames >= 2);
	CHECK_EQ(hits, 2);
	CHECK_EQ(probed_frame(0), 2);
	CHECK_EQ(hits, 4);
	unregister_kprobe(&q);
	unregister_kprobe(&p);
	CHECK_EQ(probed_frame(0), 2);
}

static jmp_buf out;

static long jumps_out(long a)
{
	if (a)
		longjmp(out, 1);
	return 5;
}

TL_TEST(longjmp_through_a_followed_function)
{
	struct kretprobe rp = { .kp.addr = (void *)place_call_b,
				.handler = returned };

	returns = 0;
	CHECK_EQ(register_kretprobe(&rp), 0);
	for (int i = 0; i < 100; i++) {
		if (!setjmp(out))
			place_call_b(1, (long)jumps_out, 0);
		CHECK_EQ(place_call_b(0, (long)jumps_out, 0), 5);
	}
	CHECK_EQ(returns, 100);
	unregister_kretprobe(&rp);
	CHECK_EQ(place_call_b(0, (long)jumps_out, 0), 5);
}

static void *exits_inside(void *arg)
{
	(void)arg;
	pthread_exit((void *)7);
}

static void *thread_main(void *arg)
{
	place_call_b(0, (long)exits_inside, 0);
	return arg;
}

TL_TEST(thread_that_exits_in_a_followed_function)
{
	struct kretprobe rp = { .kp.addr = (void *)place_call_b,
				.handler = returned };
	pthread_t t;
	void *ret;

	returns = 0;
	CHECK_EQ(register_kretprobe(&rp), 0);
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(pthread_create(&t, NULL, thread_main, NULL), 0);
		pthread_join(t, &ret);
	}
	CHECK_EQ(place_call_b(0, (long)jumps_out, 0), 5);
	CHECK_EQ(returns, 1);
	unregister_kretprobe(&rp);
}

/* ---- vectors -------------------------------------------------------------------- */

typedef float v8 __attribute__((vector_size(32)));

__attribute__((target("avx"), noinline)) static v8 adds(v8 a, v8 b)
{
	__asm__ volatile("" ::: "memory");
	return a + b;
}

__attribute__((target("avx"), noinline)) static bool vectors_kept(void)
{
	v8 a = { 1, 2, 3, 4, 5, 6, 7, 8 };
	v8 sum;

	for (int i = 0; i < 100; i++) {
		sum = adds(a, a);
		for (int n = 0; n < 8; n++)
			if (sum[n] != 2 * a[n])
				return false;
	}
	return true;
}

/* Handlers that are ordinary programs: AVX code and printf. */
__attribute__((target("avx"))) static int vector_hit(struct kprobe *p,
						     struct pt_regs *regs)
{
	volatile v8 a = { 9, 9, 9, 9, 9, 9, 9, 9 };
	char text[64];

	(void)p;
	a = a * a + (float)regs->di;
	snprintf(text, sizeof(text), "%f %f", (double)a[0], 0.1);
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	return 0;
}

static int vector_returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	vector_hit(NULL, regs);
	returns++;
	hits--;
	return ri ? 0 : 1;
}

TL_TEST(ymm_arguments_and_results)
{
	struct kprobe p = { .addr = (void *)adds, .pre_handler = vector_hit };
	struct kretprobe rp = { .kp.addr = (void *)adds,
				.handler = vector_returned };

	if (!__builtin_cpu_supports("avx"))
		SKIP("no AVX here");
	hits = returns = 0;
	CHECK(vectors_kept());
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kretprobe(&rp), 0);
	CHECK(vectors_kept());
	CHECK_EQ(hits, 100);
	CHECK_EQ(returns, 100);
	unregister_kretprobe(&rp);
	unregister_kprobe(&p);
	CHECK(vectors_kept());
}

/* ---- threads inside --------------------------------------------------------------- */

static int pipe_fds[2];
static int ready;

static void *reader(void *arg)
{
	char c = 0;
	long n;

	(void)arg;
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	n = place_read(pipe_fds[0], (long)&c, 1);
	return (void *)(n == 1 && c == 'x' ? 1L : 0L);
}

/* Wait until thread @t sleeps.  False: it never does. */
static bool sleeps(pid_t tid)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	for (int i = 0; i < 2000; i++) {
		FILE *f = fopen(path, "r");

		if (f && fgets(text, sizeof(text), f) && text[0] == '0') {
			fclose(f);
			return true;
		}
		if (f)
			fclose(f);
		usleep(1000);
	}
	return false;
}

static pid_t reader_tid;

static void *reader_with_tid(void *arg)
{
	reader_tid = gettid();
	return reader(arg);
}

static void start_reader(pthread_t *t)
{
	ready = 0;
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(pthread_create(t, NULL, reader_with_tid, NULL), 0);
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		usleep(100);
	CHECK(sleeps(reader_tid));
}

static void end_reader(pthread_t t)
{
	void *ok = NULL;

	CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	pthread_join(t, &ok);
	CHECK_EQ(ok, 1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TL_TEST(thread_asleep_in_a_system_call_of_the_window)
{
	struct kprobe p = { .addr = (void *)place_read, .pre_handler = hit };
	pthread_t t;

	ROW("armed while it sleeps");
	hits = 0;
	start_reader(&t);
	CHECK_EQ(register_kprobe(&p), 0);
	end_reader(t);
	CHECK_EQ(hits, 0);

	ROW("disarmed while it sleeps, in the detour");
	start_reader(&t);
	CHECK_EQ(hits, 1);
	unregister_kprobe(&p);
	end_reader(t);

	ROW("armed and disarmed many times meanwhile");
	start_reader(&t);
	for (int i = 0; i < 200; i++) {
		p = (struct kprobe){ .addr = (void *)place_read,
				     .pre_handler = hit };
		CHECK_EQ(register_kprobe(&p), 0);
		unregister_kprobe(&p);
	}
	end_reader(t);
}

/* ---- in libc ------------------------------------------------------------------------- */

TL_TEST(malloc_and_free_are_probed_and_the_handler_is_not_confused)
{
	struct kprobe m = { .addr = dlsym(RTLD_DEFAULT, "malloc"),
			    .pre_handler = hit };
	struct kprobe f = { .addr = dlsym(RTLD_DEFAULT, "free"),
			    .pre_handler = hit };
	void *volatile at;

	hits = 0;
	CHECK_EQ(register_kprobe(&m), 0);
	CHECK_EQ(register_kprobe(&f), 0);
	for (int i = 0; i < 1000; i++) {
		at = malloc(100);
		memset(at, 1, 100);
		free(at);
	}
	CHECK_EQ(hits, 2000);
	unregister_kprobe(&f);
	unregister_kprobe(&m);
}

/* Of all kinds, while they are used, by the test and by the library. */
TL_TEST(many_functions_of_libc_at_once)
{
	static const char *const names[] = {
		"malloc",
		"free",
		"calloc",
		"realloc",
		"memcpy",
		"memset",
		"strlen",
		"strcmp",
		"snprintf",
		"vsnprintf",
		"fopen",
		"fclose",
		"fgets",
		"fread",
		"read",
		"open",
		"close",
		"write",
		"strtol",
		"qsort",
		"getenv",
		"usleep",
		"nanosleep",
		"clock_nanosleep",
		"pthread_create",
		"pthread_join",
		"pthread_mutex_lock",
		"pthread_mutex_unlock",
		"rand",
		"srand",
		"strchr",
		"strstr",
		"time",
		"localtime",
		"strftime",
		"getpid",
		"sysconf",
		"mmap",
		"munmap",
		"sigaction",
		"raise",
		"setvbuf",
		"fflush",
		"puts",
	};
	static struct kprobe p[TL_ARRAY_SIZE(names)];
	struct kprobe *list[TL_ARRAY_SIZE(names)];
	int n = 0, armed = 0;
	char text[64];

	hits = 0;
	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++) {
		void *at = dlsym(RTLD_DEFAULT, names[i]);

		if (!at)
			continue;
		p[n] = (struct kprobe){ .addr = at, .pre_handler = hit };
		list[n] = &p[n];
		n++;
	}
	armed = trapline_register_each(list, n, NULL, NULL);
	CHECK(armed > n / 2);
	for (int i = 0; i < 200; i++) {
		char *s = malloc(32);

		snprintf(s, 32, "%d %s", i, "text");
		CHECK_EQ(strtol(s, NULL, 10), i);
		free(s);
	}
	CHECK(hits >= 800);
	tl_test_note("armed", armed);
	tl_test_note("of", n);
	unregister_kprobes(list, n);
	snprintf(text, sizeof(text), "%d", 5);
	CHECK_STR(text, "5");
}
