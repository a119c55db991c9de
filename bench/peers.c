/* SPDX-License-Identifier: MIT */
/* link: lib bench/work.S -no-pie */
/*
 * peers.c - what one hit costs, side by side with uftrace, bpftrace and gdb
 *
 * The same kind of function is called in the same kind of loop under each of
 * them, in programs of our own that wait to be told which function to call how
 * often and answer with the time (target_main()):
 *
 *     ours       probed by libtrapline
 *     timed, traced  by the command: trapline time, trapline trace
 *     plain      probed from outside: bpftrace
 *     perf       the same, by perf record, which reads from one process
 *     uftrace    run by `uftrace record`
 *     gdb        run by gdbserver, with gdb's in-process agent
 *
 * In each round every case runs once; a figure is the median over the rounds,
 * less the median of the bare call in the same program.  A case whose peer is
 * not installed, or was not seen to work, gives no row, and is named.  The
 * program is no PIE, since gdb's jump pads lie within reach of none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trapline.h>

#define ROUNDS	5
#define HANDLER __attribute__((target("general-regs-only"))) static

typedef long work_fn(long a, long b);
work_fn work_bare, work_count, work_handler, work_pair, work_uftrace,
	work_gdb_count, work_gdb_regs, work_bpf_lea, work_bpf_nop5,
	work_bpf_program, work_bpf_pair, work_bpf_pair_nop5, work_bpf_hist,
	work_perf, work_time, work_event, work_event_args;

/* ---- the cases ------------------------------------------------------------- */

enum who { OURS, TIMED, TRACED, PLAIN, PERF, UFTRACE, GDB, NR_WHO };

static struct bench {
	const char *name;
	work_fn *fn;
	enum who who;
	long calls;
	double ns[ROUNDS];
	double median;
} benches[] = {
	{ .name = "bare call", .fn = work_bare, .who = OURS, .calls = 2000000 },
	{ .name = "counting probe, jump",
	  .fn = work_count,
	  .who = OURS,
	  .calls = 2000000 },
	{ .name = "C handler, all general registers",
	  .fn = work_handler,
	  .who = OURS,
	  .calls = 500000 },
	{ .name = "entry + return pair, C handlers",
	  .fn = work_pair,
	  .who = OURS,
	  .calls = 500000 },
	{ .name = "bare call, timed",
	  .fn = work_bare,
	  .who = TIMED,
	  .calls = 2000000 },
	{ .name = "trapline time: histogram",
	  .fn = work_time,
	  .who = TIMED,
	  .calls = 500000 },
	{ .name = "bare call, traced",
	  .fn = work_bare,
	  .who = TRACED,
	  .calls = 2000000 },
	{ .name = "trapline trace: event",
	  .fn = work_event,
	  .who = TRACED,
	  .calls = 200000 },
	{ .name = "trapline trace: event, two arguments",
	  .fn = work_event_args,
	  .who = TRACED,
	  .calls = 200000 },
	{ .name = "bare call, plain",
	  .fn = work_bare,
	  .who = PLAIN,
	  .calls = 2000000 },
	{ .name = "bpftrace count() on lea",
	  .fn = work_bpf_lea,
	  .who = PLAIN,
	  .calls = 10000 },
	{ .name = "bpftrace count() on nop5",
	  .fn = work_bpf_nop5,
	  .who = PLAIN,
	  .calls = 50000 },
	{ .name = "bpftrace sum(arg0) on nop5",
	  .fn = work_bpf_program,
	  .who = PLAIN,
	  .calls = 50000 },
	{ .name = "bpftrace entry + return on lea",
	  .fn = work_bpf_pair,
	  .who = PLAIN,
	  .calls = 10000 },
	{ .name = "bpftrace entry + return on nop5",
	  .fn = work_bpf_pair_nop5,
	  .who = PLAIN,
	  .calls = 50000 },
	{ .name = "bpftrace hist() of latency on lea",
	  .fn = work_bpf_hist,
	  .who = PLAIN,
	  .calls = 10000 },
	{ .name = "bare call, perf",
	  .fn = work_bare,
	  .who = PERF,
	  .calls = 2000000 },
	{ .name = "perf record of a uprobe on lea",
	  .fn = work_perf,
	  .who = PERF,
	  .calls = 10000 },
	{ .name = "bare call, uftrace",
	  .fn = work_bare,
	  .who = UFTRACE,
	  .calls = 2000000 },
	{ .name = "uftrace record, entry + return",
	  .fn = work_uftrace,
	  .who = UFTRACE,
	  .calls = 50000 },
	{ .name = "bare call, gdbserver",
	  .fn = work_bare,
	  .who = GDB,
	  .calls = 2000000 },
	{ .name = "gdb fast tracepoint, no action",
	  .fn = work_gdb_count,
	  .who = GDB,
	  .calls = 500000 },
	{ .name = "gdb fast tracepoint, collect $regs",
	  .fn = work_gdb_regs,
	  .who = GDB,
	  .calls = 100000 },
};

#define N_BENCHES (sizeof(benches) / sizeof(benches[0]))

/* Ours, and what of a peer's does most nearly the same. */
static const char *const pairs[][2] = {
	{ "counting probe, jump", "bpftrace count() on lea" },
	{ "counting probe, jump", "bpftrace count() on nop5" },
	{ "counting probe, jump", "gdb fast tracepoint, no action" },
	{ "C handler, all general registers", "bpftrace sum(arg0) on nop5" },
	{ "C handler, all general registers",
	  "gdb fast tracepoint, collect $regs" },
	{ "entry + return pair, C handlers", "bpftrace entry + return on lea" },
	{ "entry + return pair, C handlers",
	  "bpftrace entry + return on nop5" },
	{ "entry + return pair, C handlers", "uftrace record, entry + return" },
	{ "trapline time: histogram", "bpftrace hist() of latency on lea" },
	{ "trapline trace: event", "perf record of a uprobe on lea" },
	{ "trapline trace: event, two arguments",
	  "perf record of a uprobe on lea" },
};

/* ---- the programs that are measured ------------------------------------------ */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

struct order {
	size_t bench;
	long calls;
};

/* Do what is ordered until there is nobody to order. */
static int target_main(int in, int out)
{
	struct order o;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (read(in, &o, sizeof(o)) == sizeof(o) && o.bench < N_BENCHES) {
		work_fn *fn = benches[o.bench].fn;
		double ns = now_ns();

		for (long i = 0; i < o.calls; i++)
			fn(i, 1);
		ns = (now_ns() - ns) / o.calls;
		if (write(out, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	return 0;
}

static char counters[TL_COUNTER_BLOCK] __attribute__((aligned(4096)));
static unsigned long hits;

HANDLER int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER int on_call(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	(void)regs;
	hits++;
	return 0;
}

static struct kprobe count_probe = { .addr = (void *)work_count,
				     .counter = (uint64_t *)counters };
static struct kprobe handler_probe = { .addr = (void *)work_handler,
				       .pre_handler = pre };
static struct kretprobe pair_probe = { .kp.addr = (void *)work_pair,
				       .entry_handler = on_call,
				       .handler = on_call };

static int ours_main(int in, int out)
{
	trapline_general_regs_only();
	if (register_kprobe(&count_probe) || register_kprobe(&handler_probe) ||
	    register_kretprobe(&pair_probe) ||
	    trapline_kprobe_why(&count_probe) ||
	    trapline_kprobe_why(&handler_probe))
		return 1;
	return target_main(in, out);
}

/* ---- starting them, and the peers ------------------------------------------ */

static char self[4096], dir[] = "/tmp/trapline-peers-XXXXXX";
static struct {
	const char *why; /* NULL: it answers */
	pid_t pid;
	int to, from, in, out; /* our ends and its ends of two pipes */
} progs[NR_WHO];
/* What runs beside them, and is to end with SIGINT. */
static pid_t beside[5];
static size_t n_beside;

static bool installed(const char *program)
{
	char path[4096];

	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	return !access(path, X_OK);
}

/*
 * Run @argv with its output in @log, and with @who's pipes, if it is a program;
 * with nobody else's, since a program ends when there is nobody to order.
 */
static pid_t start(char *const argv[], const char *log, enum who who)
{
	pid_t pid = fork();
	char path[4200];

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (who < NR_WHO) {
		fcntl(progs[who].in, F_SETFD, 0);
		fcntl(progs[who].out, F_SETFD, 0);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, log);
	if (!freopen(path, "w", stdout) || dup2(1, 2) < 0)
		_exit(127);
	execvp(argv[0], argv);
	_exit(127);
}

static bool open_pipes(enum who who)
{
	int a[2], b[2];

	if (pipe2(a, O_CLOEXEC) || pipe2(b, O_CLOEXEC))
		return false;
	progs[who].in = a[0];
	progs[who].to = a[1];
	progs[who].from = b[0];
	progs[who].out = b[1];
	return true;
}

/* A program of ours, behind the words of @by. */
static void start_program(enum who who, const char *mode, char *const by[])
{
	char *argv[24], in[16], out[16];
	size_t n = 0;

	while (by && by[n]) {
		argv[n] = by[n];
		n++;
	}
	snprintf(in, sizeof(in), "%d", progs[who].in);
	snprintf(out, sizeof(out), "%d", progs[who].out);
	argv[n++] = self;
	argv[n++] = (char *)mode;
	argv[n++] = in;
	argv[n++] = out;
	argv[n] = NULL;
	progs[who].pid = start(argv, mode, who);
}

static void start_uftrace(void)
{
	char data[4200];
	char *by[] = { "uftrace",      "record", "--no-libcall", "-P",
		       "work_uftrace", "-d",	 data,		 NULL };

	snprintf(data, sizeof(data), "%s/uftrace.data", dir);
	start_program(UFTRACE, "uftrace", by);
}

/* gdb reads what it is to do from a file. */
static void start_gdb(void)
{
	char path[4200], *argv[] = { "gdb", "-nx", "-batch", "-x", path, NULL };
	FILE *f;

	snprintf(path, sizeof(path), "%s/commands", dir);
	f = fopen(path, "w");
	if (!f)
		return;
	fprintf(f,
		"set confirm off\nset pagination off\nset sysroot /\n"
		"file %s\n"
		"target remote | gdbserver --wrapper env "
		"LD_PRELOAD=/usr/lib/libinproctrace.so -- - %s gdb %d %d\n"
		"break main\ncontinue\n"
		"ftrace *work_gdb_count\n"
		"ftrace *work_gdb_regs\nactions\ncollect $regs\nend\n"
		"set circular-trace-buffer on\ntstart\ncontinue\n",
		self, self, progs[GDB].in, progs[GDB].out);
	fclose(f);
	progs[GDB].pid = start(argv, "gdb", GDB);
}

static void start_bpftrace(void)
{
	char path[4200], *argv[] = { "bpftrace", path, NULL };
	FILE *f;

	snprintf(path, sizeof(path), "%s/program.bt", dir);
	f = fopen(path, "w");
	if (!f)
		return;
	fprintf(f, "uprobe:%s:work_bpf_lea { @a = count(); }\n", self);
	fprintf(f, "uprobe:%s:work_bpf_nop5 { @b = count(); }\n", self);
	fprintf(f, "uprobe:%s:work_bpf_program { @c = sum(arg0); }\n", self);
	fprintf(f, "uprobe:%s:work_bpf_pair { @d = count(); }\n", self);
	fprintf(f, "uretprobe:%s:work_bpf_pair { @e = count(); }\n", self);
	fprintf(f, "uprobe:%s:work_bpf_pair_nop5 { @f = count(); }\n", self);
	fprintf(f, "uretprobe:%s:work_bpf_pair_nop5 { @g = count(); }\n", self);
	fprintf(f, "uprobe:%s:work_bpf_hist { @t[tid] = nsecs; }\n", self);
	fprintf(f,
		"uretprobe:%s:work_bpf_hist "
		"{ @h = hist(nsecs - @t[tid]); delete(@t[tid]); }\n",
		self);
	fclose(f);
	beside[n_beside++] = start(argv, "bpftrace", NR_WHO);
}

/* The command, with @who's process; a second probe may be NULL. */
static void start_trapline(enum who who, const char *verb, const char *probe,
			   const char *second)
{
	char path[4200], pid[16];
	char *argv[] = { path,	      (char *)verb,  "-p",	     pid, "-o",
			 "/dev/null", (char *)probe, (char *)second, NULL };
	char *end;

	/* From build/x86/bench/peers. */
	snprintf(path, sizeof(path), "%s", self);
	for (int i = 0; i < 3 && (end = strrchr(path, '/')); i++)
		*end = '\0';
	strcat(path, "/trapline");
	snprintf(pid, sizeof(pid), "%d", progs[who].pid);
	beside[n_beside++] = start(argv, verb, NR_WHO);
}

/* The probe of perf is the system's, and has a name there. */
#define PERF_PROBE "trapline_bench:lea"

static int perf_probe(const char *what, const char *name)
{
	char *argv[] = { "perf", "probe",      "-q",	     "-x",
			 self,	 (char *)what, (char *)name, NULL };
	char *other[] = { "perf",	"probe",      "-q",
			  (char *)what, (char *)name, NULL };
	int status = -1;
	pid_t pid =
		start(!strcmp(what, "-d") ? other : argv, "perf-probe", NR_WHO);

	waitpid(pid, &status, 0);
	return status;
}

static void start_perf(void)
{
	char data[4200], pid[16];
	char *argv[] = { "perf",     "record",	     "-q", "-e",
			 PERF_PROBE, "-p",	     pid,  "-o",
			 data,	     "--no-inherit", NULL };

	snprintf(data, sizeof(data), "%s/perf.data", dir);
	snprintf(pid, sizeof(pid), "%d", progs[PERF].pid);
	perf_probe("-d", PERF_PROBE);
	if (perf_probe("-a", PERF_PROBE "=work_perf"))
		progs[PERF].why = "perf probe refuses";
	else
		beside[n_beside++] = start(argv, "perf", NR_WHO);
}

static void start_all(void)
{
	for (int who = 0; who < NR_WHO; who++)
		if (!open_pipes(who))
			progs[who].why = "no pipe";
	start_program(OURS, "ours", NULL);
	start_program(TIMED, "timed", NULL);
	start_trapline(TIMED, "time", "work_time", NULL);
	start_program(TRACED, "traced", NULL);
	start_trapline(TRACED, "trace", "work_event",
		       "work_event_args $arg1 $arg2");
	start_program(PLAIN, "plain", NULL);
	start_program(PERF, "perf-target", NULL);
	if (installed("perf"))
		start_perf();
	else
		progs[PERF].why = "perf is not installed";
	if (installed("uftrace"))
		start_uftrace();
	else
		progs[UFTRACE].why = "uftrace is not installed";
	if (!installed("gdb") || !installed("gdbserver"))
		progs[GDB].why = "gdb or gdbserver is not installed";
	else if (access("/usr/lib/libinproctrace.so", R_OK))
		progs[GDB].why = "libinproctrace.so is not there";
	else
		start_gdb();
	if (installed("bpftrace"))
		start_bpftrace();
	else
		progs[PLAIN].why = "bpftrace is not installed";
	for (int who = 0; who < NR_WHO; who++) {
		close(progs[who].in);
		close(progs[who].out);
	}
}

/* The nanoseconds of a call; negative if there is no answer in time. */
static double ask(size_t i, long calls)
{
	enum who who = benches[i].who;
	struct pollfd p = { .fd = progs[who].from, .events = POLLIN };
	struct order o = { i, calls };
	double ns;

	if (write(progs[who].to, &o, sizeof(o)) != sizeof(o) ||
	    poll(&p, 1, 60000) <= 0 ||
	    read(progs[who].from, &ns, sizeof(ns)) != sizeof(ns))
		return -1;
	return ns;
}

/* Does case @i cost something, compared with the bare case @bare? */
static bool costs(size_t i, size_t bare, double least)
{
	for (int n = 0; n < 5; n++) {
		double cost = ask(i, 1000);

		if (cost < 0)
			progs[benches[i].who].why =
				"it was not seen to work here";
		if (cost < ask(bare, 1000) + least)
			return false;
	}
	return true;
}

/*
 * Wait until every case of @who can be seen to cost something: bpftrace does
 * not say when it has armed a probe.
 */
static void await(enum who who)
{
	static const struct timespec pause = { 0, 100000000 };
	size_t bare = 0;

	for (size_t i = 0; i < N_BENCHES && !progs[who].why; i++) {
		int left = 300;

		if (benches[i].who != who)
			continue;
		if (benches[i].fn == work_bare) {
			bare = i;
			continue;
		}
		while (!progs[who].why &&
		       !costs(i, bare, who == PLAIN || who == PERF ? 100 : 4)) {
			if (!left--)
				progs[who].why = "it was not seen to work here";
			nanosleep(&pause, NULL);
		}
	}
}

static void stop_all(void)
{
	const struct timespec pause = { 0, 20000000 };

	for (int who = 0; who < NR_WHO; who++) {
		close(progs[who].to);
		for (int i = 0; progs[who].pid > 0; i++) {
			if (waitpid(progs[who].pid, NULL, WNOHANG))
				break;
			if (i == 500)
				kill(progs[who].pid, SIGTERM);
			nanosleep(&pause, NULL);
		}
	}
	for (size_t i = 0; i < n_beside; i++) {
		kill(beside[i], SIGINT);
		waitpid(beside[i], NULL, 0);
	}
	if (!progs[PERF].why)
		perf_probe("-d", PERF_PROBE);
}

/* ---- rows -------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static const struct bench *find(const char *name)
{
	for (size_t i = 0; i < N_BENCHES; i++)
		if (!strcmp(benches[i].name, name))
			return &benches[i];
	abort();
}

static bool measure(void)
{
	for (int r = 0; r < ROUNDS; r++)
		for (size_t i = 0; i < N_BENCHES; i++) {
			struct bench *b = &benches[i];

			if (progs[b->who].why)
				continue;
			b->ns[r] = ask(i, b->calls);
			if (b->ns[r] < 0)
				progs[b->who].why = "it stopped answering";
		}
	return !progs[OURS].why;
}

static void print_all(void)
{
	double base = 0;

	for (size_t i = 0; i < N_BENCHES; i++) {
		struct bench *b = &benches[i];

		if (progs[b->who].why)
			continue;
		qsort(b->ns, ROUNDS, sizeof(double), by_value);
		if (b->fn == work_bare)
			base = 0;
		b->median = b->ns[ROUNDS / 2] - base;
		printf("%-40s %10.2f ns   (%.2f to %.2f)\n", b->name, b->median,
		       b->ns[0] - base, b->ns[ROUNDS - 1] - base);
		if (b->fn == work_bare)
			base = b->median;
	}
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct bench *b = find(pairs[i][0]),
				   *ref = find(pairs[i][1]);

		if (progs[ref->who].why)
			printf("SKIP \"%s\" against \"%s\": %s\n", b->name,
			       ref->name, progs[ref->who].why);
		else
			printf("{\"name\": \"%s\", \"ns\": %.2f, \"reference\": "
			       "\"%s\", \"reference_ns\": %.2f, \"ratio\": "
			       "%.2f}\n",
			       b->name, b->median, ref->name, ref->median,
			       ref->median / b->median);
	}
}

static void remove_dir(void)
{
	char *argv[] = { "rm", "-rf", dir, NULL };
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	bool ok;

	if (argc == 4)
		return (strcmp(argv[1], "ours") ? target_main : ours_main)(
			atoi(argv[2]), atoi(argv[3]));
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) ||
	    readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	start_all();
	/* Ours answer when their probes are armed. */
	for (int who = OURS + 1; who < NR_WHO; who++)
		await(who);
	ok = measure();
	stop_all();
	if (ok)
		print_all();
	else
		printf("peers: our own probes did not work\n");
	if (getenv("TL_KEEP"))
		printf("what the peers said is in %s\n", dir);
	else
		remove_dir();
	return !ok;
}
