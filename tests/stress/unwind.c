/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/stress/throws.cc tests/stress/ISA/libunwind.c -lstdc++ x86:-lgcc_s x86:-lunwind -lpthread */
/* limit: 180 */
/*
 * unwind.c - what unwinders see of calls that are followed
 *
 * Exceptions, glibc's backtrace(), libgcc, libunwind and gdb: each looks at a
 * stack of five calls, first bare and then probed, by exits and by replaced
 * return addresses, and has to find the same callers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "throws.h"
#include "tl_emulator.h"
#include "tl_isa.h"
#include "tl_test.h"

#define HANDLER __attribute__((target("general-regs-only"))) static
#define FRAMES	64
#define N	5

static throws_pair *const functions[2][N] = {
	{ throws_leaf_0, throws_pass_0, throws_plain_0, throws_again_0,
	  throws_catch_0 },
	{ throws_leaf_1, throws_pass_1, throws_plain_1, throws_again_1,
	  throws_catch_1 },
};

static const char *const ways[2] = { "exits", "return address" };

/* ---- probes on all of them ---------------------------------------------------------- */

static struct kretprobe rp[N];
static unsigned long entered[N], told[N];
static long value[N];

HANDLER int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)regs;
	entered[get_kretprobe(ri) - rp]++;
	return 0;
}

HANDLER int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	long i = get_kretprobe(ri) - rp;

	told[i]++;
	value[i] = (long)regs->REG_RESULT;
	return 0;
}

static int count_exits(const struct tl_status *st, void *arg)
{
	*(int *)arg += st->is_return && st->by_exits;
	return 0;
}

static void follow_all(int way)
{
	int by_exits = 0;

	memset(rp, 0, sizeof(rp));
	memset(entered, 0, sizeof(entered));
	memset(told, 0, sizeof(told));
	for (int i = 0; i < N; i++) {
		rp[i].kp.addr = (void *)functions[way][i];
		/* Where no jump fits at an exit it begins before it. */
		rp[i].kp.flags =
			way || !EXITS_ARE_PREFERRED ? 0 : KPROBE_FLAG_JUMP_ONLY;
		rp[i].entry_handler = on_entry;
		rp[i].handler = on_return;
		CHECK_EQ(register_kretprobe(&rp[i]), 0);
	}
	trapline_each_probe(count_exits, &by_exits);
	if (way)
		CHECK(by_exits <= 1); /* one has no tail call */
	else
		CHECK_EQ(by_exits, EXITS_ARE_PREFERRED ? N : 0);
}

static void follow_none(void)
{
	for (int i = 0; i < N; i++)
		unregister_kretprobe(&rp[i]);
}

/* ---- exceptions ---------------------------------------------------------------------- */

TL_TEST(exceptions_go_through_followed_calls_as_through_bare_ones)
{
	unsigned int rounds = 2000 * tl_test_scale;
	long bare[2 * N];

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		for (int i = 0; i < 2 * N; i++)
			bare[i] = throws_call(functions[way][i / 2], i, NULL);
		follow_all(way);
		for (unsigned int k = 0; k < rounds; k++)
			for (int i = 0; i < 2 * N; i++)
				CHECK_EQ(throws_call(functions[way][i / 2], i,
						     NULL),
					 bare[i]);
		follow_none();
		tl_test_note("exceptions thrown", 2ul * N * rounds);
		/* The outermost catches; the others let every other one out. */
		for (int i = 0; i < N; i++) {
			CHECK_EQ(entered[i],
				 (unsigned long)(N - i) * 2 * rounds);
			CHECK_EQ(told[i],
				 i == N - 1 ? 2ul * rounds : entered[i] / 2);
			CHECK(told[i] + rp[i].nmissed <= entered[i]);
			/* But for the last of each place on the stack. */
			CHECK(told[i] + rp[i].nmissed + N >= entered[i]);
		}
		CHECK_EQ(throws_call(functions[way][N - 1], 3, NULL),
			 throws_call(functions[1 - way][N - 1], 3, NULL));
	}
}

/* ---- unwinders ------------------------------------------------------------------------ */

struct trace {
	unsigned long ip[FRAMES];
	int n;
};

static struct trace trace;

/*
 * Leave out what is in none of our functions: the trampolines, of which an
 * unwinder sees one for each return address that was replaced.
 */
static void clean(struct trace *t)
{
	extern const char __start_trapline_text[] __attribute__((weak));
	extern const char __stop_trapline_text[] __attribute__((weak));
	int n = 0;

	for (int i = 0; i < t->n; i++)
		if (t->ip[i] < (unsigned long)__start_trapline_text ||
		    t->ip[i] >= (unsigned long)__stop_trapline_text)
			t->ip[n++] = t->ip[i];
	t->n = n;
}

static long by_backtrace(long a)
{
	void *ip[FRAMES];

	trace.n = backtrace(ip, FRAMES);
	for (int i = 0; i < trace.n; i++)
		trace.ip[i] = (unsigned long)ip[i];
	return a;
}

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *c, void *arg)
{
	(void)arg;
	if (trace.n < FRAMES)
		trace.ip[trace.n++] = _Unwind_GetIP(c);
	return _URC_NO_REASON;
}

static long by_libgcc(long a)
{
	trace.n = 0;
	_Unwind_Backtrace(note_frame, NULL);
	return a;
}

static long by_libunwind(long a)
{
	trace.n = libunwind_trace(trace.ip, FRAMES);
	return a;
}

__attribute__((noinline)) static struct trace look(throws_pair *fn,
						   throws_fn *how)
{
	trace.n = 0;
	throws_call(fn, 2, how);
	clean(&trace);
	return trace;
}

static void compare(throws_fn *how)
{
	for (int way = 0; way < 2; way++) {
		struct trace t[2];

		ROW(ways[way]);
		/* From one place, so that all return addresses are the same. */
		for (volatile int k = 0; k < 2; k++) {
			if (k)
				follow_all(way);
			t[k] = look(functions[way][N - 1], how);
		}
		follow_none();
		CHECK(t[0].n > N + 3);
		CHECK_EQ(t[1].n, t[0].n);
		CHECK_MEM(t[1].ip, t[0].ip, (size_t)t[0].n * sizeof(long));
		for (int i = 0; i < N; i++)
			CHECK_EQ(told[i], 1);
	}
}

TL_TEST(backtrace_sees_the_true_callers)
{
	compare(by_backtrace);
}

TL_TEST(libgcc_sees_the_true_callers)
{
	compare(by_libgcc);
}

TL_TEST(libunwind_sees_the_true_callers)
{
	by_libunwind(0);
	if (!trace.n)
		SKIP("not built with libunwind");
	compare(by_libunwind);
}

/* ---- gdb --------------------------------------------------------------------------------- */

static int to_child[2], to_parent[2];

static long wait_for_gdb(long a)
{
	char c = 0;

	if (write(to_parent[1], &c, 1) != 1 || read(to_child[0], &c, 1) != 1)
		_exit(1);
	return a;
}

/* The names of the frames that gdb finds in @pid, from `throws_` on. */
static bool ask_gdb(pid_t pid, char *out, size_t room)
{
	char line[512], command[256];
	size_t n = 0;
	FILE *f;

	snprintf(
		command, sizeof(command),
		"timeout 60 gdb -nx -batch -ex 'set debuginfod enabled off' -p %d -ex bt 2>&1",
		pid);
	f = popen(command, "r");
	if (!f)
		return false;
	out[0] = 0;
	while (fgets(line, sizeof(line), f)) {
		char *name = strstr(line, " throws_");

		if (strstr(line, "ptrace: "))
			snprintf(out, room, "%s", line);
		if (line[0] != '#' || !name)
			continue;
		name[1 + strcspn(name + 1, " (")] = 0;
		n += (size_t)snprintf(out + n, n < room ? room - n : 0, "%s",
				      name);
	}
	pclose(f);
	return n > 0;
}

/* What gdb sees of a child that is in the innermost of the calls. */
static bool look_with_gdb(int way, bool probed, char *out, size_t room)
{
	bool found = false;
	int status = 0;
	pid_t pid;
	char c;

	if (pipe(to_child) || pipe(to_parent))
		return false;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		if (probed)
			follow_all(way);
		_exit(throws_call(functions[way][N - 1], 2, wait_for_gdb) !=
		      2 + 1 + 2 + 4 + 8 + 16);
	}
	if (pid > 0 && read(to_parent[0], &c, 1) == 1) {
		found = ask_gdb(pid, out, room);
		if (write(to_child[1], "", 1) != 1)
			kill(pid, SIGKILL);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	for (int i = 0; i < 2; i++) {
		close(to_child[i]);
		close(to_parent[i]);
	}
	CHECK_EQ(status, 0); /* and it went on */
	return found;
}

TL_TEST(gdb_sees_the_true_callers)
{
	char bare[512] = "", probed[512] = "";

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		if (under_emulator())
			SKIP("an emulator's threads are not the program's");
		if (!look_with_gdb(way, false, bare, sizeof(bare)))
			SKIP(bare[0] ? bare : "gdb does not run here");
		REQUIRE(look_with_gdb(way, true, probed, sizeof(probed)));
		CHECK(strstr(bare, " throws_leaf_") &&
		      strstr(bare, " throws_catch_") &&
		      strstr(bare, " throws_call"));
		CHECK_STR(probed, bare);
	}
}

/* ---- threads that end inside ------------------------------------------------------------- */

static int cleaned;

static void clean_up(void *arg)
{
	(void)arg;
	cleaned++;
}

static long end_thread(long a)
{
	pthread_exit((void *)a);
}

static long be_cancelled(long a)
{
	for (;;)
		pause();
	return a;
}

static throws_pair *thread_fn;
static throws_fn *thread_how;

static void *call_in_thread(void *arg)
{
	long ret;

	pthread_cleanup_push(clean_up, NULL);
	ret = thread_fn(4, thread_how);
	pthread_cleanup_pop(0);
	(void)arg;
	return (void *)(ret + 1);
}

static void end_threads(int way, int rounds)
{
	throws_fn *const how[2] = { end_thread, be_cancelled };
	void *result;
	pthread_t t;

	cleaned = 0;
	for (int k = 0; k < rounds; k++) {
		thread_fn = functions[way][2]; /* no catch on the way */
		thread_how = how[k & 1];
		REQUIRE(!pthread_create(&t, NULL, call_in_thread, NULL));
		if (k & 1)
			pthread_cancel(t);
		pthread_join(t, &result);
		CHECK_EQ(result, k & 1 ? PTHREAD_CANCELED : (void *)4);
	}
	CHECK_EQ(cleaned, rounds);
}

TL_TEST(threads_end_and_are_cancelled_in_followed_calls)
{
	int rounds = 100 * (int)tl_test_scale;

	for (int way = 0; way < 2; way++) {
		ROW(ways[way]);
		end_threads(way, 2);
		follow_all(way);
		end_threads(way, rounds);
		follow_none();
		CHECK_EQ(entered[0], rounds);
		CHECK_EQ(told[0], 0);
		tl_test_note("threads ended", rounds);
	}
}
