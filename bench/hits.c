/* SPDX-License-Identifier: MIT */
/* link: lib bench/work.S */
/*
 * hits.c - what one hit costs, side by side with the kernel's own probes
 *
 * Every case is a loop of calls of a function; all cases run one after the
 * other in each round, and the figure of a case is the median over the rounds,
 * less the median of the bare call.  See README.md.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#define ROUNDS	7
#define HANDLER __attribute__((target("general-regs-only"))) static

typedef long work_fn(long a, long b);
work_fn work_bare, work_count, work_count_flags, work_handler, work_vectors,
	work_pair, work_pair_vectors, work_uprobe_lea, work_uprobe_push,
	work_uprobe_nop5, work_uret_lea, work_uret_push, work_uret_nop5,
	work_breakpoint, work_int3, work_jprobe, work_jprobe_return,
	work_jprobe_stack, work_jprobe_vectors;

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static unsigned long hits;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER int entered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	hits++;
	return 0;
}

HANDLER int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	hits++;
	return 0;
}

HANDLER long called(long a, long b)
{
	(void)a;
	(void)b;
	hits++;
	return 0;
}

HANDLER long called_and_left(long a, long b)
{
	(void)a;
	(void)b;
	hits++;
	jprobe_return();
	return 0;
}

static struct jprobe jprobes[] = {
	{ .kp.addr = (void *)work_jprobe,
	  .entry = (void *)called,
	  .stack_args = TL_JPROBE_NO_STACK },
	{ .kp.addr = (void *)work_jprobe_return,
	  .entry = (void *)called_and_left,
	  .stack_args = TL_JPROBE_NO_STACK },
	{ .kp.addr = (void *)work_jprobe_stack, .entry = (void *)called },
};
static struct jprobe vectors_jprobe = {
	.kp.addr = (void *)work_jprobe_vectors,
	.entry = (void *)called,
	.stack_args = TL_JPROBE_NO_STACK,
};

static struct kprobe count_probe = {
	.addr = (void *)work_count,
	.counter = (uint64_t *)counters,
};
static struct kprobe count_flags_probe = {
	.addr = (void *)work_count_flags,
	.counter = (uint64_t *)counters + 8,
};
static struct kprobe handler_probe = {
	.addr = (void *)work_handler,
	.pre_handler = pre,
};
static struct kprobe vectors_probe = {
	.addr = (void *)work_vectors,
	.pre_handler = pre,
};
static struct kretprobe pair_vectors_probe = {
	.kp.addr = (void *)work_pair_vectors,
	.entry_handler = entered,
	.handler = returned,
};
static struct kprobe breakpoint_probe = {
	.addr = (void *)work_breakpoint,
	.pre_handler = pre,
};
static struct kretprobe pair_probe = {
	.kp.addr = (void *)work_pair,
	.entry_handler = entered,
	.handler = returned,
};

/* ---- the kernel's probes --------------------------------------------------- */

static const char *why_no_uprobe;

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int type = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &type) != 1)
		type = -1;
	fclose(f);
	return type;
}

/* Where in its file @fn is. */
static long file_offset(work_fn *fn)
{
	unsigned long start, end, offset, at = (unsigned long)fn;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	long found = -1;

	while (f && found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) ==
			    3 &&
		    at >= start && at < end)
			found = at - start + offset;
	if (f)
		fclose(f);
	return found;
}

static void add_uprobe(work_fn *fn, bool ret)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	static char path[4096];
	int type = uprobe_type();

	if (type < 0) {
		why_no_uprobe = "this kernel has no uprobes";
		return;
	}
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return;
	attr.type = type;
	attr.config = ret;
	attr.config1 = (unsigned long)path;
	attr.config2 = file_offset(fn);
	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1,
		    PERF_FLAG_FD_CLOEXEC) < 0)
		why_no_uprobe = strerror(errno);
}

/* ---- a bare round trip ------------------------------------------------------- */

static void bare_handler(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	(void)uc;
}

/* ---- the cases ----------------------------------------------------------------- */

static struct bench {
	const char *name;
	work_fn *fn;
	long calls;
	bool uprobe;
	bool child; /* in a process that keeps vector registers */
	double ns[ROUNDS];
	double median;
} benches[] = {
	{ .name = "bare call", .fn = work_bare, .calls = 3000000 },
	{ .name = "counting probe, jump", .fn = work_count, .calls = 3000000 },
	{ .name = "counting probe, jump, flags kept",
	  .fn = work_count_flags,
	  .calls = 3000000 },
	{ .name = "C handler, all general registers",
	  .fn = work_handler,
	  .calls = 1000000 },
	{ .name = "entry + return pair, C handlers",
	  .fn = work_pair,
	  .calls = 500000 },
	{ .name = "C handler, vector registers too",
	  .fn = work_vectors,
	  .calls = 500000,
	  .child = true },
	{ .name = "entry + return pair, vectors too",
	  .fn = work_pair_vectors,
	  .calls = 200000,
	  .child = true },
	{ .name = "jprobe, arguments in registers",
	  .fn = work_jprobe,
	  .calls = 500000 },
	{ .name = "jprobe, by jprobe_return()",
	  .fn = work_jprobe_return,
	  .calls = 500000 },
	{ .name = "jprobe, 1 KiB of stack copied",
	  .fn = work_jprobe_stack,
	  .calls = 500000 },
	{ .name = "jprobe, vectors too",
	  .fn = work_jprobe_vectors,
	  .calls = 200000,
	  .child = true },
	{ .name = "breakpoint probe", .fn = work_breakpoint, .calls = 30000 },
	{ .name = "int3 -> SIGTRAP -> return",
	  .fn = work_int3,
	  .calls = 30000 },
	{ .name = "uprobe on lea",
	  .fn = work_uprobe_lea,
	  .calls = 10000,
	  .uprobe = true },
	{ .name = "uprobe on push",
	  .fn = work_uprobe_push,
	  .calls = 50000,
	  .uprobe = true },
	{ .name = "uprobe on nop5",
	  .fn = work_uprobe_nop5,
	  .calls = 100000,
	  .uprobe = true },
	{ .name = "uretprobe on lea",
	  .fn = work_uret_lea,
	  .calls = 10000,
	  .uprobe = true },
	{ .name = "uretprobe on push",
	  .fn = work_uret_push,
	  .calls = 50000,
	  .uprobe = true },
	{ .name = "uretprobe on nop5",
	  .fn = work_uret_nop5,
	  .calls = 50000,
	  .uprobe = true },
};

#define N_BENCHES (sizeof(benches) / sizeof(benches[0]))

/* The time that this thread had a CPU: others on the machine do not count. */
static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double run(work_fn *fn, long calls)
{
	double start = now_ns();

	for (long i = 0; i < calls; i++)
		fn(i, 1);
	return (now_ns() - start) / calls;
}

/*
 * The kernel's own round trip: by the raw system call, since the library stands
 * between a program and SIGTRAP when that is asked of the C library.
 */
struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

#define KERNEL_SA_RESTORER 0x04000000ul

void bench_restore(void);
__asm__("bench_restore:\n\t"
	"mov $15, %eax\n\t" /* rt_sigreturn */
	"syscall");

static void set_trap(const struct kernel_action *new, struct kernel_action *old)
{
	syscall(SYS_rt_sigaction, SIGTRAP, new, old, sizeof(new->mask));
}

static double run_int3(work_fn *fn, long calls)
{
	struct kernel_action old,
		bare = { .handler = bare_handler,
			 .flags = SA_SIGINFO | KERNEL_SA_RESTORER,
			 .restorer = bench_restore };
	double ns;

	set_trap(&bare, &old);
	ns = run(fn, calls);
	set_trap(&old, NULL);
	return ns;
}

/* ---- in a child ----------------------------------------------------------------- */

/*
 * Whether detours keep vector registers is settled by the first registration,
 * so those that do live in a child, which runs a case when it is told which.
 */
static int to_child[2], from_child[2];

static void child_main(void)
{
	size_t i;
	double ns;

	if (register_kprobe(&vectors_probe) ||
	    register_kretprobe(&pair_vectors_probe) ||
	    register_jprobe(&vectors_jprobe))
		_exit(1);
	while (read(to_child[0], &i, sizeof(i)) == sizeof(i)) {
		ns = run(benches[i].fn, benches[i].calls);
		if (write(from_child[1], &ns, sizeof(ns)) != sizeof(ns))
			_exit(1);
	}
	_exit(0);
}

static bool start_child(void)
{
	pid_t pid;

	if (pipe(to_child) || pipe(from_child))
		return false;
	pid = fork();
	if (!pid) {
		close(to_child[1]);
		close(from_child[0]);
		child_main();
	}
	close(to_child[0]);
	close(from_child[1]);
	return pid > 0;
}

static double run_in_child(size_t i)
{
	double ns = 0;

	if (write(to_child[1], &i, sizeof(i)) != sizeof(i) ||
	    read(from_child[0], &ns, sizeof(ns)) != sizeof(ns)) {
		printf("hits: the child is gone\n");
		exit(1);
	}
	return ns;
}

static double run_case(size_t i)
{
	const struct bench *b = &benches[i];

	if (b->child)
		return run_in_child(i);
	if (b->fn == work_int3)
		return run_int3(b->fn, b->calls);
	return run(b->fn, b->calls);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct bench *find(const char *name)
{
	for (size_t i = 0; i < N_BENCHES; i++)
		if (!strcmp(benches[i].name, name))
			return &benches[i];
	abort();
}

static void row(const char *name, const char *reference)
{
	const struct bench *b = find(name), *ref = find(reference);

	if (ref->uprobe && why_no_uprobe) {
		printf("no row \"%s\" against \"%s\": %s\n", name, reference,
		       why_no_uprobe);
		return;
	}
	printf("{\"name\": \"%s\", \"ns\": %.2f, \"reference\": \"%s\", "
	       "\"reference_ns\": %.2f, \"ratio\": %.2f}\n",
	       name, b->median, reference, ref->median,
	       ref->median / b->median);
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool arm(void)
{
	struct kprobe *probes[] = { &count_probe, &count_flags_probe,
				    &handler_probe, &breakpoint_probe };
	int err;

	add_uprobe(work_uprobe_lea, false);
	add_uprobe(work_uprobe_push, false);
	add_uprobe(work_uprobe_nop5, false);
	add_uprobe(work_uret_lea, true);
	add_uprobe(work_uret_push, true);
	add_uprobe(work_uret_nop5, true);
	err = register_kprobes(probes, 4);
	if (!err)
		err = register_kretprobe(&pair_probe);
	for (int i = 0; i < 3 && !err; i++)
		err = register_jprobe(&jprobes[i]);
	if (err)
		printf("hits: registering failed: %d\n", err);
	for (int i = 0; i < 3 && !err; i++)
		if (trapline_kprobe_why(probes[i])) {
			printf("hits: no jump: %s\n",
			       trapline_why_name(
				       trapline_kprobe_why(probes[i])));
			return false;
		}
	return !err;
}

/* Was every call of the last round counted? */
static bool exact(void)
{
	return tl_counter_read(count_probe.counter) ==
		       (ROUNDS + 1) *
			       (uint64_t)find("counting probe, jump")->calls &&
	       !handler_probe.nmissed && !pair_probe.nmissed &&
	       !breakpoint_probe.nmissed && !jprobes[0].kp.nmissed &&
	       !jprobes[1].kp.nmissed && !jprobes[2].kp.nmissed;
}

int main(void)
{
	double base;

	pin();
	if (!start_child())
		return 1;
	trapline_general_regs_only();
	if (!arm())
		return 1;
	for (int r = -1; r < ROUNDS; r++)
		for (size_t i = 0; i < N_BENCHES; i++) {
			struct bench *b = &benches[i];
			double ns;

			if (b->uprobe && why_no_uprobe)
				continue;
			ns = run_case(i);
			if (r >= 0)
				b->ns[r] = ns;
		}
	if (!exact()) {
		printf("hits: some hits were not counted\n");
		return 1;
	}

	base = 0;
	for (size_t i = 0; i < N_BENCHES; i++) {
		struct bench *b = &benches[i];

		qsort(b->ns, ROUNDS, sizeof(double), by_value);
		b->median = b->ns[ROUNDS / 2] - base;
		printf("%-40s %10.2f ns   (%.2f to %.2f)\n", b->name, b->median,
		       b->ns[0] - base, b->ns[ROUNDS - 1] - base);
		if (!i)
			base = b->median;
	}

	row("counting probe, jump", "uprobe on lea");
	row("counting probe, jump", "uprobe on push");
	row("counting probe, jump", "uprobe on nop5");
	row("counting probe, jump, flags kept", "uprobe on lea");
	row("counting probe, jump, flags kept", "uprobe on nop5");
	row("C handler, all general registers", "uprobe on lea");
	row("C handler, all general registers", "uprobe on push");
	row("C handler, all general registers", "uprobe on nop5");
	row("C handler, vector registers too", "uprobe on lea");
	row("entry + return pair, C handlers", "uretprobe on lea");
	row("entry + return pair, C handlers", "uretprobe on push");
	row("entry + return pair, C handlers", "uretprobe on nop5");
	row("entry + return pair, vectors too", "uretprobe on lea");
	row("jprobe, arguments in registers", "uprobe on lea");
	row("jprobe, arguments in registers", "uprobe on nop5");
	row("jprobe, by jprobe_return()", "uprobe on lea");
	row("jprobe, 1 KiB of stack copied", "uprobe on lea");
	row("jprobe, vectors too", "uprobe on lea");
	row("breakpoint probe", "int3 -> SIGTRAP -> return");
	row("breakpoint probe", "uprobe on lea");
	return 0;
}
