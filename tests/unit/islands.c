/* SPDX-License-Identifier: MIT */
/* link: engine sim host-sim */
/*
 * islands.c - probes whose jump leads by way of padding
 *
 * The function at HOP has three places that a jump of five bytes does not fit
 * in, since something leads behind each, and padding for two islands.
 */
#include "engine_fixture.h"

#define HOP  0x400
#define PAD  (HOP + 14)
#define ROOM 2 /* islands */
#define END  (PAD + ROOM * TL_ISLAND_BYTES)

/* Where the probes are, and what is in ax at the end. */
enum { FIRST = HOP, SECOND = HOP + 3, THIRD = HOP + 6 };
#define RESULT 9

/*
 *   0  ADD 1; INC (target)
 *   3  ADD 2; INC (target)
 *   6  ADD 3; INC (target)
 *   9  JMP end; three bytes more, never executed
 *  14  PAD...
 * end  RET; JMP to each of the targets
 */
static void start_hop(void)
{
	static const uint8_t code[] = {
		SIM_ADD,	1,	 SIM_INC, SIM_ADD, 2,
		SIM_INC,	SIM_ADD, 3,	  SIM_INC, SIM_JMP,
		END - HOP - 11, SIM_INC, SIM_INC, SIM_INC
	};
	static const int8_t target[] = { 2, 5, 8 };

	start();
	memcpy(sim_text + HOP, code, sizeof(code));
	memset(sim_text + PAD, SIM_PAD, END - PAD);
	sim_text[END] = SIM_RET;
	for (int i = 0; i < 3; i++) {
		uint8_t *jmp = sim_text + END + 1 + 2 * i;

		jmp[0] = SIM_JMP;
		jmp[1] = (uint8_t)(HOP + target[i] - (END + 1 + 2 * i + 2));
	}
	sim_function("hop", TEXT(HOP), END + 7 - HOP);
	keep_pristine();
}

static void check_result(void)
{
	CHECK_EQ(run_call(HOP).ax, RESULT);
}

/* How many jumps are in the padding. */
static unsigned int islands(void)
{
	unsigned int n = 0;

	for (size_t at = PAD; at < END; at += TL_ISLAND_BYTES)
		n += sim_text[at] == SIM_JUMP;
	return n;
}

static bool padding_is_back(void)
{
	return !memcmp(sim_text + PAD, pristine + PAD, END - PAD);
}

static struct lettered a, b, c;

static void letters(void)
{
	a = lettered('A', FIRST);
	b = lettered('B', SECOND);
	c = lettered('C', THIRD);
	trace_clear();
}

TL_TEST(a_short_window_gets_an_island)
{
	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(trapline_kprobe_why(&a.kp), TL_WHY_NONE);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
	CHECK(a.kp.flags & KPROBE_FLAG_OPTIMIZED);
	CHECK_EQ(sim_text[FIRST], SIM_HOP);
	CHECK_EQ(sim_text[FIRST + 2], SIM_INC);
	CHECK_EQ(islands(), 1);
	check_result();
	CHECK_STR(trace, "A");
	unregister_kprobe(&a.kp);
	check_result();
	CHECK_STR(trace, "A");
	tl_maintain();
	CHECK(padding_is_back());
	finish();
}

TL_TEST(what_reads_text_sees_no_island)
{
	uint8_t read[END - HOP];

	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	for (size_t from = HOP; from < END; from++) {
		CHECK_EQ(tl_text_read(read, TEXT(from), END - from), 0);
		CHECK_MEM(read, pristine + from, END - from);
	}
	finish();
}

/* ---- places ------------------------------------------------------------------- */

TL_TEST(islands_share_a_run_and_no_byte)
{
	struct kprobe *all[] = { &a.kp, &b.kp, &c.kp };

	start_hop();
	letters();
	CHECK_EQ(register_kprobes(all, 3), 0);
	CHECK_EQ(islands(), ROOM);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
	CHECK_EQ(trapline_kprobe_kind(&b.kp), TL_KIND_ISLAND);
	CHECK_EQ(trapline_kprobe_kind(&c.kp), TL_KIND_BREAKPOINT);
	CHECK_EQ(trapline_kprobe_why(&c.kp), TL_WHY_TARGET);
	check_result();
	CHECK_STR(trace, "ABC");
	/* A place that comes free is taken when somebody asks again. */
	unregister_kprobe(&a.kp);
	CHECK_EQ(disable_kprobe(&c.kp), 0);
	tl_maintain();
	CHECK_EQ(enable_kprobe(&c.kp), 0);
	CHECK_EQ(trapline_kprobe_kind(&c.kp), TL_KIND_ISLAND);
	finish();
}

TL_TEST(without_a_place_a_jump_is_refused)
{
	struct kprobe *two[] = { &a.kp, &b.kp };

	start_hop();
	letters();
	CHECK_EQ(register_kprobes(two, 2), 0);
	c.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	CHECK_EQ(register_kprobe(&c.kp), -TL_EBUSY);
	CHECK_EQ(trapline_kprobe_why(&c.kp), TL_WHY_TARGET);
	check_result();
	CHECK_STR(trace, "AB");
	finish();
}

/* Another detour has another island; with one place it comes by a breakpoint. */
TL_TEST(a_detour_that_changes_takes_its_island_along)
{
	for (int one = 0; one < 2; one++) {
		struct lettered other;

		start_hop();
		letters();
		if (one) {
			sim_text[PAD + ROOM * TL_ISLAND_BYTES - 1] = SIM_INC;
			keep_pristine();
		}
		CHECK_EQ(register_kprobe(&a.kp), 0);
		other = lettered('O', FIRST);
		other.kp.post_handler = letter_post;
		CHECK_EQ(register_kprobe(&other.kp), 0);
		CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
		check_result();
		CHECK_STR(trace, "OAo");
		tl_maintain();
		CHECK_EQ(islands(), 1);
		unregister_kprobe(&other.kp);
		CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
		check_result();
		CHECK_STR(trace, "OAoA");
		finish();
	}
}

/* ---- who else wants the bytes ---------------------------------------------------- */

TL_TEST(a_probe_in_the_padding_has_the_island_give_way)
{
	for (size_t off = PAD; off < END; off++) {
		start_hop();
		letters();
		CHECK_EQ(register_kprobe(&a.kp), 0);
		b = lettered('B', off);
		CHECK_EQ(register_kprobe(&b.kp), 0);
		CHECK_EQ(sim_text[off], SIM_TRAP);
		CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
		check_result();
		CHECK_STR(trace, "A");
		/* And none left. */
		CHECK_EQ(register_kprobe(&c.kp), 0);
		CHECK_EQ(trapline_kprobe_kind(&c.kp), TL_KIND_BREAKPOINT);
		unregister_kprobe(&b.kp);
		CHECK_EQ(trapline_kprobe_kind(&c.kp), TL_KIND_ISLAND);
		check_result();
		CHECK_STR(trace, "AAC");
		finish();
	}
}

TL_TEST(an_island_that_must_stay_has_the_padding_refused)
{
	start_hop();
	letters();
	a.kp.flags = KPROBE_FLAG_JUMP_ONLY;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	for (size_t off = PAD; off < END; off++) {
		bool island = sim_text[PAD] == SIM_JUMP
				      ? off < PAD + TL_ISLAND_BYTES
				      : off >= PAD + TL_ISLAND_BYTES;

		b = lettered('B', off);
		CHECK_EQ(register_kprobe(&b.kp), island ? -TL_EBUSY : 0);
		if (island)
			CHECK_EQ(trapline_kprobe_why(&b.kp),
				 TL_WHY_OTHER_PROBE);
		else
			unregister_kprobe(&b.kp);
	}
	check_result();
	CHECK_STR(trace, "A");
	finish();
}

TL_TEST(no_island_where_a_probe_is_wanted)
{
	start_hop();
	letters();
	b = lettered('B', PAD + 2);
	CHECK_EQ(register_kprobe(&b.kp), 0);
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
	CHECK_EQ(sim_text[PAD + TL_ISLAND_BYTES], SIM_JUMP);
	check_result();
	finish();
}

TL_TEST(an_island_of_a_disabled_probe_is_given_up)
{
	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(disable_kprobe(&a.kp), 0);
	for (size_t off = PAD; off < END; off += TL_ISLAND_BYTES) {
		b = lettered('B', off);
		CHECK_EQ(register_kprobe(&b.kp), 0);
		CHECK_EQ(sim_text[off], SIM_TRAP);
		unregister_kprobe(&b.kp);
	}
	CHECK_EQ(enable_kprobe(&a.kp), 0);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_ISLAND);
	check_result();
	CHECK_STR(trace, "A");
	finish();
}

/* ---- text that is not as it was ----------------------------------------------------- */

TL_TEST(padding_that_has_changed_is_left_alone)
{
	start_hop();
	letters();
	a.kp.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&a.kp), 0);
	sim_text[PAD + 1] = SIM_INC;
	sim_text[PAD + TL_ISLAND_BYTES + 1] = SIM_INC;
	CHECK_EQ(enable_kprobe(&a.kp), 0);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_BREAKPOINT);
	CHECK_EQ(islands(), 0);
	check_result();
	CHECK_STR(trace, "A");
	unregister_kprobe(&a.kp);
	memcpy(sim_text + PAD, pristine + PAD, END - PAD);
	finish();
}

/* The library went while its probe was disabled, and came again. */
TL_TEST(an_island_that_has_gone_is_made_again)
{
	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_EQ(disable_kprobe(&a.kp), 0);
	memcpy(sim_text, pristine, SIM_TEXT_BYTES);
	CHECK_EQ(enable_kprobe(&a.kp), 0);
	CHECK_EQ(islands(), 1);
	check_result();
	CHECK_STR(trace, "A");
	/* and there is something else now */
	CHECK_EQ(disable_kprobe(&a.kp), 0);
	memset(sim_text + PAD, SIM_INC, END - PAD);
	CHECK_EQ(enable_kprobe(&a.kp), 0);
	CHECK_EQ(trapline_kprobe_kind(&a.kp), TL_KIND_BREAKPOINT);
	check_result();
	CHECK_STR(trace, "AA");
	CHECK_EQ(tl_remove_all(), 0);
	for (size_t at = PAD; at < END; at++)
		CHECK_EQ(sim_text[at], SIM_INC);
	memcpy(sim_text + PAD, pristine + PAD, END - PAD);
	finish();
}

TL_TEST(nothing_is_written_where_text_has_gone)
{
	uint8_t island[TL_ISLAND_BYTES];
	size_t at;

	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	at = sim_text[PAD] == SIM_JUMP ? PAD : PAD + TL_ISLAND_BYTES;
	memcpy(island, sim_text + at, sizeof(island));
	CHECK_EQ(tl_text_gone(TEXT(HOP), TEXT(END + 7)), 1);
	unregister_kprobe(&a.kp);
	tl_maintain();
	CHECK_MEM(sim_text + at, island, sizeof(island));
	memcpy(sim_text, pristine, SIM_TEXT_BYTES);
	finish();
}

/* ---- while others run --------------------------------------------------------------- */

static unsigned long walks;

/* A thread of another context runs through at every byte that is written. */
static void walk_through(enum sim_call call, uintptr_t addr)
{
	void (*hook)(enum sim_call, uintptr_t) = sim.hook;
	unsigned int old = sim.context;

	if (call != SIM_CALL_BYTE || sim_is_exec(addr))
		return;
	sim.hook = NULL;
	sim.context = 2;
	check_result();
	walks++;
	sim.context = old;
	sim.hook = hook;
}

TL_TEST(no_thread_comes_to_half_an_island)
{
	static const enum tl_others others[] = { TL_OTHERS_RUNNING };

	for (size_t i = 0; i < TL_ARRAY_SIZE(others); i++) {
		struct lettered other;

		start_hop();
		letters();
		walks = 0;
		sim.others = others[i];
		sim.hook = walk_through;
		other = lettered('O', FIRST);
		CHECK_EQ(register_kprobe(&a.kp), 0);
		CHECK_EQ(register_kprobe(&b.kp), 0);
		CHECK_EQ(register_kprobe(&other.kp), 0);
		unregister_kprobe(&b.kp);
		CHECK_EQ(disable_kprobe(&a.kp), 0);
		CHECK_EQ(enable_kprobe(&a.kp), 0);
		c = lettered('C', PAD);
		CHECK_EQ(register_kprobe(&c.kp), 0);
		unregister_kprobe(&c.kp);
		unregister_kprobe(&other.kp);
		unregister_kprobe(&a.kp);
		tl_maintain();
		CHECK(walks > 40);
		sim.hook = NULL;
		CHECK(padding_is_back());
		finish();
	}
}

/* The island is there before a thread can be led to it, and in its own write. */
TL_TEST(the_island_comes_first)
{
	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	CHECK_STR(sim_log(), "(WWSWSWS)");
	sim_log_clear();
	unregister_kprobe(&a.kp);
	CHECK(!strncmp(sim_log(), "(WSWSWS)", 8));
	sim_log_clear();
	tl_maintain();
	CHECK(strstr(sim_log(), "Q(W)") != NULL);
	finish();
}

/* Somebody is at the island when its probe goes, and runs on later. */
TL_TEST(who_stands_at_an_island_goes_on)
{
	struct pt_regs regs;

	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	regs = at(HOP);
	regs.sp -= 8;
	*(unsigned long *)regs.sp = TEXT(STOP);
	CHECK_EQ(sim_step(&regs), SIM_WENT_ON);
	CHECK(regs.ip >= TEXT(PAD) && regs.ip < TEXT(END));
	sim.busy_range = regs.ip;
	unregister_kprobe(&a.kp);
	tl_maintain();
	CHECK_EQ(islands(), 1);
	/* Not even for another probe. */
	b = lettered('B', regs.ip - TEXT(0));
	CHECK_EQ(register_kprobe(&b.kp), -TL_EBUSY);
	CHECK_EQ(sim_run(&regs, TEXT(STOP), 100), SIM_WENT_ON);
	CHECK_EQ(regs.ax, RESULT);
	sim.busy_range = 0;
	tl_maintain();
	CHECK(padding_is_back());
	finish();
}

/* Nor is the detour taken from him. */
TL_TEST(a_detour_stays_while_somebody_is_at_its_island)
{
	struct pt_regs regs;
	size_t before;

	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	regs = at(HOP);
	CHECK_EQ(sim_step(&regs), SIM_WENT_ON);
	sim.busy_range = regs.ip;
	unregister_kprobe(&a.kp);
	tl_maintain();
	before = sim.exec_allocated;
	CHECK(before > 0);
	CHECK(tl_remove_all() != 0);
	CHECK_EQ(sim.exec_allocated, before);
	sim.busy_range = 0;
	finish();
}

TL_TEST(a_signal_at_an_island_shows_the_probed_instruction)
{
	struct pt_regs regs;
	uintptr_t resume = 0, island;

	start_hop();
	letters();
	CHECK_EQ(register_kprobe(&a.kp), 0);
	regs = at(HOP);
	CHECK_EQ(sim_step(&regs), SIM_WENT_ON);
	island = regs.ip;
	CHECK(tl_trap_show(&regs, &resume));
	CHECK_EQ(regs.ip, TEXT(HOP));
	CHECK_EQ(resume, island);
	/* but not beside it */
	regs.ip = island + 1;
	CHECK(!tl_trap_show(&regs, &resume));
	unregister_kprobe(&a.kp);
	finish();
}

/* ---- failures ---------------------------------------------------------------------- */

static const struct {
	enum sim_call call;
	const char *name;
} can_fail[] = {
	{ SIM_CALL_ALLOC, "alloc" },
	{ SIM_CALL_EXEC_ALLOC, "exec_alloc" },
	{ SIM_CALL_READ, "read" },
	{ SIM_CALL_PATCH_BEGIN, "patch_begin" },
	{ SIM_CALL_TEXT_WRITE, "text_write" },
	{ SIM_CALL_QUIESCE, "quiesce" },
};

/* Everything that is done with islands, once. */
static void come_and_go(void)
{
	struct kprobe *two[] = { &a.kp, &b.kp };
	struct lettered other = lettered('O', FIRST);
	bool pad;

	letters();
	if (!register_kprobes(two, 2)) {
		check_result();
		if (!register_kprobe(&other.kp))
			unregister_kprobe(&other.kp);
		c = lettered('C', PAD + 1);
		pad = !register_kprobe(&c.kp);
		check_result();
		if (pad)
			unregister_kprobe(&c.kp);
		if (!disable_kprobe(&a.kp))
			(void)!enable_kprobe(&a.kp);
		unregister_kprobes(two, 2);
	}
	check_result();
}

TL_TEST(whatever_fails_the_program_goes_on)
{
	for (size_t i = 0; i < TL_ARRAY_SIZE(can_fail); i++) {
		ROW(can_fail[i].name);
		for (unsigned long n = 1; n < 5000; n++) {
			unsigned long before;

			start_hop();
			sim_fail(can_fail[i].call, n);
			before = sim.calls[can_fail[i].call];
			come_and_go();
			if (sim.calls[can_fail[i].call] - before < n) {
				CHECK(n > 1);
				n = 5000;
			}
			sim_fail(can_fail[i].call, 0);
			tl_maintain();
			CHECK(padding_is_back());
			finish();
		}
	}
}
