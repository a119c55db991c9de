/* SPDX-License-Identifier: MIT */
/* link: -ljson-c -ldl */
/* limit: 240 */
/*
 * steps.c - a real program never goes where the control flow says it cannot
 *
 * `trapline coverage` says of each instruction of libsqlite3 and libc whether a
 * jump could take its place.  A child works with them and is single-stepped.
 * Every address that it comes to must be one of those instructions, and what it
 * comes to otherwise than by going on must not be among the bytes that a jump
 * accepted before it would cover.  Padding that is said to be free for islands is
 * never executed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <json-c/json.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tl_test.h"

#define JUMP_BYTES  5
#define SHORT_BYTES 2 /* to an island */

/* What is known of each byte of an object's code. */
enum { OUTSIDE, INNER, OTHER, JUMP, ISLAND, PADDING };

struct object {
	const char *name;
	char path[256];
	uint64_t bias, low, high;
	uint8_t *what;		/* from low on */
	uint64_t entered, came; /* figures: executed, not by going on */
	uint64_t functions, padding;
};

static struct object objects[] = {
	{ .name = "libsqlite3.so.0" },
	{ .name = "libc.so.6" },
};

/* ---- what is said of them ------------------------------------------------------ */

static int find_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = arg;
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	if (!slash || strcmp(slash + 1, o->name) != 0)
		return 0;
	snprintf(o->path, sizeof(o->path), "%s", info->dlpi_name);
	o->bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		o->low = p->p_vaddr;
		o->high = p->p_vaddr + p->p_memsz;
	}
	return 1;
}

static void note(struct object *o, struct json_object *fn, uint64_t start,
		 const char *key, uint8_t what)
{
	struct json_object *list = json_object_object_get(fn, key);
	size_t n = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		int64_t off = json_object_get_int64(
			json_object_array_get_idx(list, i));

		if (start + (uint64_t)off < o->high)
			o->what[start + (uint64_t)off - o->low] = what;
	}
}

static void note_padding(struct object *o, struct json_object *fn,
			 uint64_t start)
{
	struct json_object *list = json_object_object_get(fn, "padding");
	size_t n = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *run = json_object_array_get_idx(list, i);
		uint64_t from =
			start + (uint64_t)json_object_get_int64(
					json_object_array_get_idx(run, 0));
		uint64_t to =
			start + (uint64_t)json_object_get_int64(
					json_object_array_get_idx(run, 1));

		for (; from < to && from < o->high; from++, o->padding++)
			o->what[from - o->low] = PADDING;
	}
}

static bool note_function(struct object *o, const char *line)
{
	struct json_object *fn = json_tokener_parse(line), *v;
	uint64_t start, size;
	bool last;

	if (!fn)
		return false;
	last = json_object_object_get_ex(fn, "summary", &v);
	if (json_object_object_get_ex(fn, "address", &v)) {
		start = strtoull(json_object_get_string(v), NULL, 16);
		size = (uint64_t)json_object_get_int64(
			json_object_object_get(fn, "size"));
		if (start >= o->low && start < o->high &&
		    size <= o->high - start) {
			memset(o->what + (start - o->low), INNER, size);
			note(o, fn, start, "jump_at", JUMP);
			note(o, fn, start, "breakpoint_at", OTHER);
			note(o, fn, start, "refused_at", OTHER);
			note(o, fn, start, "island_at", ISLAND);
			note_padding(o, fn, start);
			o->functions++;
		}
	}
	json_object_put(fn);
	return !last;
}

static bool learn(struct object *o)
{
	const char *trapline = getenv("TRAPLINE");
	char command[600], *line = NULL;
	size_t room = 0;
	bool more = true;
	FILE *f;

	if (dl_iterate_phdr(find_object, o) != 1)
		return false;
	o->what = calloc(1, o->high - o->low);
	snprintf(command, sizeof(command), "%s coverage --json -v '%s'",
		 trapline ? trapline : "build/trapline", o->path);
	f = popen(command, "r");
	while (f && more && getline(&line, &room, f) > 0)
		more = note_function(o, line);
	free(line);
	return f && o->what && pclose(f) == 0 && o->functions > 100;
}

/* ---- the work ------------------------------------------------------------------ */

typedef int open_fn(const char *name, void **db);
typedef int exec_fn(void *db, const char *sql, void *fn, void *arg, char **err);

static const char *const statements[] = {
	"create table t (a integer primary key, b text, c real)",
	"create index tb on t (b, c desc)",
	"with recursive n(i) as (select 1 union all select i+1 from n where i<8)"
	" insert into t select i, printf('%05d %s %g', i*7%41, hex(i), i/3.0),"
	" i*1.5 from n",
	"select upper(b) || substr(b, 2), round(c, 1), abs(-a), typeof(c)"
	" from t where b like '%1%' or c between 3 and 9 order by c desc, b",
	"select count(*), sum(a), avg(c), group_concat(b, ';'), max(b)"
	" from t group by a % 5 having count(*) > 2",
	"select date('2001-02-03', '+1 month'), json_extract('{\"a\":[1,2]}',"
	" '$.a[1]'), instr('abc', 'c'), quote(x'00ff'), like('a%', 'abc')",
	"update t set b = replace(b, '0', 'x'), c = case when c > 20 then null"
	" else c * c end where a % 3 <> 1",
	"explain query plan select * from t x join t y on x.a = y.a + 1"
	" left join t z on z.b = y.b where x.c is not null",
	"delete from t where a in (select a from t order by c limit 3)",
	"select * from nothing",
	"alter table t add column d default 7",
	"begin",
	"drop table t",
	"rollback",
	"pragma integrity_check",
	"vacuum",
};

static void of_libc(void)
{
	char text[200];
	double d;

	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text),
			 "%-8s|%+05d|%#x|%.3e|%a|%c|%p|%lld|%%", "abc", i - 2,
			 99u * i, 1e9 / (i + 1), 1.5 * i, 'a' + i, (void *)text,
			 1LL << (i * 9));
		sscanf(text, "%*[^|]|%d|%lx", &(int){ 0 }, &(long){ 0 });
	}
	d = strtod("-12.5e-3", NULL) + strtol("0x7f", NULL, 0);
	snprintf(text, sizeof(text), "%g %s", d, strstr("needle in", "in"));
	memmove(text + 3, text, 90);
	free(realloc(malloc(100), 5000));
	qsort(text, 100, 1, (int (*)(const void *, const void *))strcmp);
	tzset();
	strftime(text, sizeof(text), "%c %j %G", gmtime(&(time_t){ 0 }));
}

static int work(void *lib)
{
	open_fn *open_db = (open_fn *)dlsym(lib, "sqlite3_open");
	exec_fn *exec = (exec_fn *)dlsym(lib, "sqlite3_exec");
	void *db;

	of_libc();
	if (!open_db || !exec || open_db(":memory:", &db))
		return 1;
	for (size_t i = 0; i < TL_ARRAY_SIZE(statements); i++)
		exec(db, statements[i], NULL, NULL, NULL);
	return 0;
}

/* ---- the steps ----------------------------------------------------------------- */

static struct object *object_at(uint64_t pc)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(objects); i++)
		if (pc - objects[i].bias >= objects[i].low &&
		    pc - objects[i].bias < objects[i].high)
			return &objects[i];
	return NULL;
}

/* Is @to the instruction behind @from?  No other begins between them. */
static bool goes_on(const struct object *o, uint64_t from, uint64_t to)
{
	if (to <= from || to - from > 15)
		return false;
	for (uint64_t i = from + 1; i < to; i++)
		if (o->what[i] != INNER)
			return false;
	return true;
}

static unsigned int wrong;

static void complain(const struct object *o, const char *what, uint64_t at,
		     uint64_t from)
{
	if (wrong++ < 10)
		printf("    # %s: %s at 0x%lx, from 0x%lx\n", o->name, what, at,
		       from);
}

static void look_at(uint64_t pc, uint64_t before)
{
	struct object *o = object_at(pc);
	uint64_t at;

	if (!o)
		return;
	at = pc - o->bias;
	o->entered++;
	if (o->what[at - o->low] == OUTSIDE)
		return;
	if (o->what[at - o->low] == INNER)
		complain(o, "inside of an instruction", at, before - o->bias);
	if (o->what[at - o->low] == PADDING)
		complain(o, "padding", at, before - o->bias);
	/* a string instruction is stopped after each element */
	if (pc == before)
		return;
	if (object_at(before) == o &&
	    goes_on(o, before - o->bias - o->low, at - o->low))
		return;
	o->came++;
	for (uint64_t i = 1; i < JUMP_BYTES && at - i >= o->low; i++)
		if (o->what[at - i - o->low] == JUMP ||
		    (i < SHORT_BYTES && o->what[at - i - o->low] == ISLAND))
			complain(o, "under a jump that was accepted", at,
				 before - o->bias);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How many steps; the child has ended, or the time is over. */
static uint64_t follow(pid_t child, double limit)
{
	double end = seconds() + limit;
	uint64_t n = 0, before = 0;
	int status, sig = 0;

	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		struct user_regs_struct r;

		if (ptrace(PTRACE_GETREGS, child, 0, &r))
			break;
		look_at(r.rip, before);
		before = r.rip;
		sig = WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP
			      ? 0
			      : WSTOPSIG(status);
		if (++n % 4096 == 0 && seconds() > end)
			break;
		if (ptrace(PTRACE_SINGLESTEP, child, 0, sig))
			break;
	}
	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) == child && !WIFEXITED(status) &&
	       !WIFSIGNALED(status))
		;
	return n;
}

TL_TEST(no_executed_branch_leads_under_a_jump)
{
	void *lib = dlopen("libsqlite3.so.0", RTLD_NOW);
	uint64_t steps;
	pid_t child;

	if (!lib)
		SKIP("libsqlite3 is not installed (make deps)");
	for (size_t i = 0; i < TL_ARRAY_SIZE(objects); i++) {
		ROW(objects[i].name);
		REQUIRE(learn(&objects[i]));
	}
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(work(lib));
	}
	REQUIRE(child > 0);
	steps = follow(child, 15 * tl_test_scale);
	tl_test_note("steps", (long)steps);
	CHECK_EQ(wrong, 0);
	for (size_t i = 0; i < TL_ARRAY_SIZE(objects); i++) {
		ROW(objects[i].name);
		tl_test_note("executed", (long)objects[i].entered);
		tl_test_note("jumped to", (long)objects[i].came);
		tl_test_note("bytes of padding", (long)objects[i].padding);
		CHECK(objects[i].padding > 1000);
		CHECK(objects[i].came > 1000);
	}
}
