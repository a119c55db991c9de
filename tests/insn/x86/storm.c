/* SPDX-License-Identifier: MIT */
/* link: x86-insn x86 engine host-linux host-linux-own -ldl */
/* limit: 300 */
/*
 * storm.c - a probe on every instruction of a library that is in use
 *
 * libsqlite3 runs a mixed workload whose results are summed up: bare, with a
 * counter on every instruction of its functions, and bare again.  The sums must
 * be equal.  Functions are those of .eh_frame, whether they have names or not.
 *
 * In `make check` a sample of the functions is probed, another one with every
 * seed, and none that is very long; in `make soak` all of them at once.  It is also said what the probes
 * became: jumps, breakpoints and why, or refused and why.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <trapline/kprobes.h>

#include "insn.h"
#include "tl_test.h"

#define SAMPLE	4    /* every so many functions in make check */
#define BIG	4096 /* bytes: each plan looks at all of the function */
#define BATCH	4096
#define CELLS	8192 /* that fit into one block of counters */
#define MAX_ERR 140

/* ---- sqlite, without its headers ------------------------------------------- */

struct sqlite3;
struct sqlite3_stmt;

/* clang-format off */
#define SQLITE(X)							      \
	X(int, open, (const char *, struct sqlite3 **))			      \
	X(int, close, (struct sqlite3 *))				      \
	X(int, exec, (struct sqlite3 *, const char *,			      \
		      int (*)(void *, int, char **, char **), void *, char **)) \
	X(int, prepare_v2, (struct sqlite3 *, const char *, int,	      \
			    struct sqlite3_stmt **, const char **))	      \
	X(int, step, (struct sqlite3_stmt *))				      \
	X(int, reset, (struct sqlite3_stmt *))				      \
	X(int, finalize, (struct sqlite3_stmt *))			      \
	X(int, bind_int, (struct sqlite3_stmt *, int, int))		      \
	X(int, bind_text, (struct sqlite3_stmt *, int, const char *, int,     \
			   void (*)(void *)))				      \
	X(const unsigned char *, column_text, (struct sqlite3_stmt *, int))   \
	X(long long, column_int64, (struct sqlite3_stmt *, int))	      \
	X(int, total_changes, (struct sqlite3 *))
/* clang-format on */

#define POINTER(ret, name, args) static ret(*sqlite3_##name) args;
SQLITE(POINTER)

#define ROW_READY 100

static bool load(struct link_map **map)
{
	void *lib = dlopen("libsqlite3.so.0", RTLD_NOW);

	if (!lib || dlinfo(lib, RTLD_DI_LINKMAP, map))
		return false;
#define FIND(ret, name, args)                                     \
	*(void **)&sqlite3_##name = dlsym(lib, "sqlite3_" #name); \
	if (!sqlite3_##name)                                      \
		return false;
	SQLITE(FIND)
	return true;
}

/* ---- the workload --------------------------------------------------------------- */

static uint64_t sum;
static unsigned long rows;

static void add(const char *text)
{
	for (; text && *text; text++)
		sum = (sum ^ (unsigned char)*text) * 0x100000001b3;
	sum = sum * 31 + 7;
}

static int on_row(void *arg, int n, char **values, char **names)
{
	(void)arg;
	rows++;
	for (int i = 0; i < n; i++) {
		add(names[i]);
		add(values[i] ? values[i] : "NULL");
	}
	return 0;
}

/* clang-format off */
static const char *const statements[] = {
	"create table item(id integer primary key, name text unique, price real,"
	" kind int, data blob)",
	"create index by_kind on item(kind, price)",
	"create table log(id integer primary key autoincrement, what text)",
	"create trigger note after update on item begin"
	" insert into log(what) values(old.name || ':' || new.price); end",
	"create view cheap as select * from item where price < 20",
	"with recursive n(i) as (select 1 union all select i + 1 from n"
	" where i < 20) insert into item select i, printf('item-%03d', i),"
	" i * 37 % 101 / 3.0, i % 7, zeroblob(i % 13) from n",
	"update item set price = price * 1.1 where kind in (1, 3, 5)",
	"begin", "delete from item where id % 5 = 0",
	"insert into item values(1000, upper('temp'), 1e10, -1, x'00ff')",
	"select count(*), sum(price), avg(kind) from item", "rollback",
	"select kind, count(*), round(sum(price), 3), group_concat(name, '+')"
	" from item group by kind having count(*) > 2 order by 3 desc",
	"select a.name, b.name from item a join item b on a.kind = b.kind and"
	" a.id < b.id where a.price > b.price order by 1, 2 limit 9",
	"select name, rank() over (partition by kind order by price, id)"
	" from item order by id limit 9",
	"select json_group_array(json_object('n', name, 'p', price))"
	" from item where id < 12",
	"select substr(name, 3, 4), length(data), hex(data), typeof(price),"
	" coalesce(null, kind), price like '3%', name glob 'item-0?5' from item"
	" where id between 10 and 20",
	"select strftime('%Y-%m-%d', 86400 * id, 'unixepoch'), abs(-id),"
	" instr(name, '-'), replace(name, 'item', 'x') from cheap limit 20",
	"insert into item select * from item where id = 3", /* fails */
	"select * from nowhere",			     /* fails */
	"savepoint s", "drop table log", "rollback to s", "release s",
	"select count(*), max(what) from log",
	"create virtual table words using fts5(a)",
	"insert into words select name || ' ' || kind from item",
	"select a from words where words match '3' order by rank limit 5",
	"alter table item add column note text default 'none'",
	"analyze", "reindex", "vacuum", "pragma integrity_check",
	"explain query plan select * from item where kind = 2 and price > 5",
};
/* clang-format on */

static void prepared(struct sqlite3 *db)
{
	struct sqlite3_stmt *st = NULL;
	char name[32];

	CHECK_EQ(sqlite3_prepare_v2(db,
				    "select id, name, ?1 + kind from item where"
				    " name >= ?2 order by name desc limit 3",
				    -1, &st, NULL),
		 0);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "item-%03d", i * 5);
		sqlite3_bind_int(st, 1, i);
		sqlite3_bind_text(st, 2, name, -1, (void (*)(void *)) - 1);
		while (sqlite3_step(st) == ROW_READY) {
			rows++;
			add((const char *)sqlite3_column_text(st, 1));
			sum += sqlite3_column_int64(st, 0) * 3 +
			       sqlite3_column_int64(st, 2);
		}
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
}

/* The sum over all results, messages and codes. */
static uint64_t work(void)
{
	struct sqlite3 *db = NULL;
	const char *const *s;
	char *message;

	sum = 0xcbf29ce484222325;
	rows = 0;
	CHECK_EQ(sqlite3_open(":memory:", &db), 0);
	for_each_row(s, statements) {
		message = NULL;
		sum += sqlite3_exec(db, *s, on_row, NULL, &message);
		add(message);
	}
	prepared(db);
	sum += sqlite3_total_changes(db);
	CHECK_EQ(sqlite3_close(db), 0);
	return sum;
}

/* ---- functions and their instructions ---------------------------------------------- */

static void **places;
static size_t nr_places, room;
static unsigned int nr_functions, undecodable, left_out;
static size_t longest = BIG; /* function that is probed */

static void add_place(uint64_t at)
{
	if (nr_places == room) {
		room = room ? 2 * room : 65536;
		places = realloc(places, room * sizeof(*places));
		if (!places)
			abort();
	}
	places[nr_places++] = (void *)at;
}

static void add_function(uint64_t start, uint64_t end)
{
	size_t before = nr_places;
	struct x86_insn in;

	if (end - start > longest) {
		left_out++;
		return;
	}
	nr_functions++;
	for (uint64_t at = start; at < end; at = in.next) {
		if (x86_decode(&in, (void *)at, end - at, at)) {
			nr_places = before;
			undecodable++;
			return;
		}
		add_place(at);
	}
}

/*
 * The search table of .eh_frame_hdr (LSB, 10.6.2): pairs of 32-bit distances from
 * its beginning, to a function and to its entry in .eh_frame.
 */
static bool add_functions(const uint8_t *hdr, unsigned int first,
			  unsigned int step)
{
	uint32_t count;

	if (hdr[0] != 1 || hdr[2] != 0x03 || hdr[3] != 0x3b)
		return false;
	memcpy(&count, hdr + 8, 4);
	for (uint32_t i = first % step; i < count; i += step) {
		uint32_t size;
		int32_t pair[2];

		memcpy(pair, hdr + 12 + 8ul * i, 8);
		memcpy(&size, hdr + pair[1] + 12, 4); /* pc_range */
		add_function((uint64_t)(hdr + pair[0]),
			     (uint64_t)(hdr + pair[0]) + size);
	}
	return true;
}

struct search {
	const struct link_map *map;
	unsigned int first, step;
	bool ok;
};

static int see_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	(void)size;
	if (info->dlpi_addr != s->map->l_addr)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			s->ok = add_functions(
				(uint8_t *)s->map->l_addr +
					info->dlpi_phdr[i].p_vaddr,
				s->first, s->step);
	return 1;
}

/* ---- the storm ------------------------------------------------------------------------ */

static struct kprobe *probes;
static struct kprobe **list;
static char *counters;
static unsigned long by_why[TL_NR_WHY], by_err[MAX_ERR], by_island;

static void say(const char *text, const char *what, unsigned long n)
{
	char line[160];
	int len = snprintf(line, sizeof(line), "# %s%s: %lu\n", text, what, n);

	tl_test_write(line, len);
}

static void register_all(unsigned int flags)
{
	static int err[BATCH];
	static enum tl_why why[BATCH];
	size_t in = 0;

	for (size_t i = 0; i < nr_places; i += BATCH) {
		int n = nr_places - i < BATCH ? nr_places - i : BATCH;

		for (int k = 0; k < n; k++) {
			probes[i + k] = (struct kprobe){
				.addr = places[i + k],
				.counter =
					(uint64_t *)counters + (i + k) % CELLS,
				.flags = flags,
			};
			list[i + k] = &probes[i + k];
		}
		CHECK(trapline_register_each(list + i, n, err, why) >= 0);
		for (int k = 0; k < n; k++)
			if (err[k])
				by_err[-err[k] < MAX_ERR ? -err[k] : 0]++;
			else
				list[in++] = list[i + k];
	}
	for (size_t i = 0; i < in; i++) {
		by_why[trapline_kprobe_why(list[i])]++;
		by_island += trapline_kprobe_kind(list[i]) == TL_KIND_ISLAND;
	}
	nr_places = in;
}

static void unregister_all(void)
{
	for (size_t i = 0; i < nr_places; i += BATCH)
		unregister_kprobes(list + i, nr_places - i < BATCH
						     ? nr_places - i
						     : BATCH);
}

static void report(void)
{
	say("functions", "", nr_functions);
	say("functions left for make soak, as they are long", "", left_out);
	say("functions that do not decode", "", undecodable);
	say("probes", "", nr_places);
	say("by a jump", "", by_why[TL_WHY_NONE]);
	say("of these by way of an island", "", by_island);
	for (int why = 1; why < TL_NR_WHY; why++)
		if (by_why[why])
			say("by a breakpoint, ", trapline_why_name(why),
			    by_why[why]);
	for (int e = 0; e < MAX_ERR; e++)
		if (by_err[e])
			say("refused, ", strerrorname_np(e), by_err[e]);
}

/* A sample of the library's functions, and room for probes.  false: skip. */
static bool prepare(void)
{
	struct search search = { .first = tl_test_seed, .step = SAMPLE };
	struct link_map *map;

	if (!load(&map))
		return false;
	if (tl_test_scale > 1) {
		search.step = 1;
		longest = SIZE_MAX;
	}
	search.map = map;
	nr_places = 0;
	nr_functions = undecodable = left_out = 0;
	by_island = 0;
	memset(by_why, 0, sizeof(by_why));
	memset(by_err, 0, sizeof(by_err));
	dl_iterate_phdr(see_object, &search);
	counters = mmap(NULL, TL_COUNTER_BLOCK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	free(probes);
	free(list);
	probes = calloc(nr_places, sizeof(*probes));
	list = calloc(nr_places, sizeof(*list));
	return search.ok && counters != MAP_FAILED && probes && list;
}

/* Every 8th instruction, then those behind them, and so on. */
static void mix_places(void)
{
	void **mixed = calloc(nr_places, sizeof(*mixed));
	size_t n = 0;

	for (size_t first = 0; mixed && first < 8; first++)
		for (size_t i = first; i < nr_places; i += 8)
			mixed[n++] = places[i];
	if (mixed)
		memcpy(places, mixed, nr_places * sizeof(*mixed));
	free(mixed);
}

/* Jumps alone: where one is, the next ones are refused. */
TL_TEST(a_library_full_of_jumps_and_islands_gives_the_same_results)
{
	uint64_t bare, hits = 0;

	if (!prepare())
		SKIP("libsqlite3.so.0 is not there");
	mix_places();
	bare = work();
	register_all(KPROBE_FLAG_JUMP_ONLY);
	CHECK_EQ(work(), bare);
	for (size_t i = 0; i < nr_places && i < CELLS; i++)
		hits += tl_counter_read((uint64_t *)counters + i);
	report();
	tl_test_note("hits", hits);
	unregister_all();
	CHECK_EQ(work(), bare);
	CHECK_EQ(by_why[TL_WHY_NONE], nr_places);
	CHECK(by_island > 50);
	CHECK(hits > 10000);
}

TL_TEST(a_library_with_a_probe_on_every_instruction_gives_the_same_results)
{
	uint64_t bare, hits = 0;

	if (!prepare())
		SKIP("libsqlite3.so.0 is not there");
	bare = work();
	CHECK_EQ(work(), bare);
	CHECK(rows > 60);
	register_all(0);
	CHECK_EQ(work(), bare);
	for (size_t i = 0; i < nr_places && i < CELLS; i++)
		hits += tl_counter_read((uint64_t *)counters + i);
	unregister_all();
	CHECK_EQ(work(), bare);
	report();
	tl_test_note("rows", rows);
	tl_test_note("hits", hits);
	CHECK(hits > 10000);
	CHECK(nr_places > 5000);
	CHECK(by_err[TL_EILSEQ] + by_err[TL_EOPNOTSUPP] < nr_places / 100);
}
