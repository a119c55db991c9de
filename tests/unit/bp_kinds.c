/* SPDX-License-Identifier: MIT */
/* link: engine arm64 arm64-insn host-sim */
/*
 * bp_kinds.c - breakpoints and watchpoints in registers of two kinds
 *
 * arm64's, of which there are as many as a row says.
 */
#include <string.h>

#include <arch.h>
#include <sim.h>
#include <trapline/agent.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#include "tl_test.h"

#define K(i) (SIM_KERNEL_START + 0x1000 + 64ul * (i))
#define U(i) (0x10000ul + 64ul * (i))

#define MOST 16
#define ON   1ul

/* Numbers of registers: host.h. */
#define ADDRESS(kind, i) (32 * (kind) + (i))
#define CONTROL(kind, i) (32 * (kind) + 16 + (i))

#define STATUS_BREAK (2ul << 60)
#define STATUS_WATCH (4ul << 60)
#define STATUS_STORE (1ul << 56)

/* So many of each kind. */
static const struct row {
	const char *name;
	unsigned int n[2];
} rows[] = {
	{ "2 and 2", { 2, 2 } },
	{ "4 and 4", { 4, 4 } },
	{ "6 and 4", { 6, 4 } },
	{ "16 and 16", { 16, 16 } },
};

struct counted {
	struct hw_breakpoint bp;
	unsigned int hits;
};

static void count_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)regs;
	((struct counted *)bp)->hits++;
}

static struct counted counted(unsigned int kind, uintptr_t addr)
{
	return (struct counted){ .bp = { .addr = (void *)addr,
					 .len = kind ? 8 : 4,
					 .type = kind ? HW_BREAKPOINT_W
						      : HW_BREAKPOINT_X,
					 .triggered = count_hit } };
}

static struct tl_bp_thread thread[2];
/* Of each kind: the kernel's, the thread's. */
static struct counted k[2][MOST + 1], u[2][MOST + 1];

static bool step(struct pt_regs *regs, bool on)
{
	(void)regs;
	(void)on;
	return false;
}

static void start(const struct row *row)
{
	ROW(row->name);
	sim_reset();
	sim_debug_ops.registers[0] = row->n[0];
	sim_debug_ops.registers[1] = row->n[1];
	sim_debug_ops.version = 6;
	sim_debug_ops.step = step;
	memset(thread, 0, sizeof(thread));
	for (unsigned int i = 0; i < SIM_CPUS; i++)
		sim.thread[i] = i < 2 ? &thread[i] : NULL;
}

static unsigned int on_here(unsigned int kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < MOST; i++)
		n += sim.dr[sim.cpu][CONTROL(kind, i)] & ON;
	return n;
}

static void finish(void)
{
	CHECK_EQ(tl_remove_all(), 0);
	CHECK_EQ(sim.allocated, 0);
	CHECK_EQ(sim.misuse, 0);
	for (sim.cpu = 0; sim.cpu < SIM_CPUS; sim.cpu++)
		CHECK_EQ(on_here(0) + on_here(1), 0);
	sim.cpu = 0;
}

static int add_kernel(unsigned int kind, unsigned int i)
{
	k[kind][i] = counted(kind, K(32 * kind + i));
	return register_kernel_hw_breakpoint(&k[kind][i].bp);
}

static int add_user(unsigned int kind, unsigned int i)
{
	u[kind][i] = counted(kind, U(32 * kind + i));
	return register_user_hw_breakpoint(&u[kind][i].bp, &thread[0]);
}

/* str x0, [x1] */
static const uint32_t store_insn = 0xf9000020;

static void exception(unsigned long status, uintptr_t pc, uintptr_t base)
{
	struct pt_regs regs = { .pc = pc, .regs = { 0, base } };

	tl_trap_debug(&regs, &status);
	/* The one step that it takes. */
	if (tl_trap_steps()) {
		regs.pc += 4;
		tl_trap_step(&regs);
	}
}

static void hit(unsigned int kind, uintptr_t addr)
{
	if (!kind)
		exception(STATUS_BREAK, addr, 0);
	else
		exception(STATUS_WATCH | STATUS_STORE |
				  (addr & 0xffffffffffffff),
			  (uintptr_t)&store_insn, addr);
}

/* ---- the kernel's ------------------------------------------------------------------ */

TL_TEST(each_kind_is_full_by_itself)
{
	const struct row *row;

	for_each_row(row, rows) {
		start(row);
		for (unsigned int kind = 0; kind < 2; kind++) {
			unsigned int n = row->n[kind];

			for (unsigned int i = 0; i < n; i++)
				CHECK_EQ(add_kernel(kind, i), 0);
			CHECK_EQ(add_kernel(kind, n), -TL_ENOSPC);
			CHECK_EQ(on_here(kind), n);
			/* The i-th from the top. */
			for (unsigned int i = 0; i < n; i++)
				CHECK_EQ(sim.dr[0][ADDRESS(kind, n - 1 - i)],
					 K(32 * kind + i));
		}
		finish();
	}
}

TL_TEST(each_is_hit_for_itself)
{
	const struct row *row;

	for_each_row(row, rows) {
		start(row);
		for (unsigned int kind = 0; kind < 2; kind++)
			for (unsigned int i = 0; i < row->n[kind]; i++)
				REQUIRE(add_kernel(kind, i) == 0);
		for (unsigned int kind = 0; kind < 2; kind++)
			for (unsigned int i = 0; i < row->n[kind]; i++) {
				hit(kind, K(32 * kind + i));
				CHECK_EQ(k[kind][i].hits, 1);
				/* All are on again. */
				CHECK_EQ(on_here(0), row->n[0]);
				CHECK_EQ(on_here(1), row->n[1]);
			}
		finish();
	}
}

/* One that goes leaves a gap; the others move up, and stay right. */
TL_TEST(any_may_go_and_the_rest_are_right)
{
	const struct row *row;

	for_each_row(row, rows)
		for (unsigned int kind = 0; kind < 2; kind++)
			for (unsigned int gone = 0; gone < row->n[kind];
			     gone++) {
				unsigned int n = row->n[kind];

				start(row);
				for (unsigned int i = 0; i < n; i++)
					REQUIRE(add_kernel(kind, i) == 0);
				unregister_hw_breakpoint(&k[kind][gone].bp);
				CHECK_EQ(on_here(kind), n - 1);
				CHECK_EQ(add_kernel(kind, n), 0);
				for (unsigned int i = 0; i <= n; i++)
					if (i != gone)
						hit(kind, K(32 * kind + i));
				for (unsigned int i = 0; i <= n; i++)
					CHECK_EQ(k[kind][i].hits, i != gone);
				finish();
			}
}

TL_TEST(a_breakpoint_becomes_a_watch_only_where_there_is_room)
{
	const struct row *row;

	for_each_row(row, rows) {
		struct counted to = counted(1, K(100));

		start(row);
		REQUIRE(add_kernel(0, 0) == 0);
		for (unsigned int i = 0; i < row->n[1]; i++)
			REQUIRE(add_kernel(1, i) == 0);
		CHECK_EQ(modify_hw_breakpoint(&k[0][0].bp, &to.bp), -TL_ENOSPC);
		hit(0, K(0));
		CHECK_EQ(k[0][0].hits, 1);
		unregister_hw_breakpoint(&k[1][0].bp);
		CHECK_EQ(modify_hw_breakpoint(&k[0][0].bp, &to.bp), 0);
		CHECK_EQ(on_here(0), 0);
		hit(1, K(100));
		CHECK_EQ(k[0][0].hits, 2);
		finish();
	}
}

/* ---- the kernel's and a thread's ------------------------------------------------------ */

TL_TEST(the_kernel_and_the_thread_that_has_most_share_each_kind)
{
	const struct row *row;

	for_each_row(row, rows)
		for (unsigned int kind = 0; kind < 2; kind++)
			for (unsigned int ours = 0; ours <= row->n[kind];
			     ours++) {
				unsigned int n = row->n[kind], i;

				start(row);
				for (i = 0; i < ours; i++)
					CHECK_EQ(add_kernel(kind, i), 0);
				for (i = 0; i < n - ours; i++)
					CHECK_EQ(add_user(kind, i), 0);
				CHECK_EQ(add_kernel(kind, ours), -TL_ENOSPC);
				CHECK_EQ(add_user(kind, n - ours), -TL_ENOSPC);
				CHECK_EQ(on_here(kind), n);
				/* The other kind is all there still. */
				for (i = 0; i < row->n[!kind]; i++)
					CHECK_EQ(add_user(!kind, i), 0);
				tl_bp_flush(&thread[0]);
				finish();
			}
}

/* ---- debuggers ------------------------------------------------------------------------- */

#define EXECUTE (ON | 0xful << 5)
#define STORE8	(ON | 2ul << 3 | 0xfful << 5)

static struct tl_bp_slots all_of(unsigned int kind, unsigned int n)
{
	struct tl_bp_slots slots = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		slots.slot[i].addr = U(32 * kind + i);
		slots.slot[i].control = kind ? STORE8 : EXECUTE;
	}
	return slots;
}

TL_TEST(a_debugger_has_all_registers_of_a_kind_at_once)
{
	const struct row *row;

	for_each_row(row, rows)
		for (unsigned int kind = 0; kind < 2; kind++) {
			unsigned int n = row->n[kind];
			struct tl_bp_slots slots, seen;

			start(row);
			CHECK_EQ(tl_bp_slots_read(&thread[0], kind, &seen), 0);
			CHECK_EQ(seen.info, 6 << 8 | n);
			slots = all_of(kind, MOST);
			CHECK_EQ(tl_bp_slots_write(&thread[0], kind, &slots,
						   n + 1),
				 -TL_ENOSPC);
			CHECK_EQ(tl_bp_slots_write(&thread[0], kind, &slots, n),
				 0);
			CHECK_EQ(on_here(kind), n);
			CHECK_EQ(on_here(!kind), 0);
			tl_bp_slots_read(&thread[0], kind, &seen);
			CHECK_MEM(seen.slot, slots.slot,
				  n * sizeof(slots.slot[0]));
			/* The kernel takes one of the other kind, none of this. */
			CHECK_EQ(add_kernel(kind, 0), -TL_ENOSPC);
			CHECK_EQ(add_kernel(!kind, 0), 0);
			tl_bp_flush(&thread[0]);
			finish();
		}
}

TL_TEST(a_debuggers_mistake_in_one_slot_changes_none)
{
	const struct row *row;

	for_each_row(row, rows)
		for (unsigned int bad = 0; bad < row->n[1]; bad++) {
			struct tl_bp_slots slots = all_of(1, row->n[1]), seen;

			start(row);
			slots.slot[bad].control &= ~(1ul << 7); /* a hole */
			CHECK_EQ(tl_bp_slots_write(&thread[0], 1, &slots,
						   row->n[1]),
				 -TL_EINVAL);
			CHECK_EQ(on_here(1), 0);
			CHECK_EQ(tl_bp_slots_read(&thread[0], 1, &seen), 0);
			CHECK_EQ(seen.slot[0].addr | seen.slot[0].control, 0);
			finish();
		}
}

/* By number: each control register is judged alone. */
TL_TEST(a_debugger_writes_one_register_and_the_others_stay)
{
	const struct row *row;

	for_each_row(row, rows) {
		unsigned int last = row->n[1] - 1;
		unsigned long value;

		start(row);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], ADDRESS(1, 0), U(0)),
			 0);
		CHECK_EQ(
			tl_bp_debugger_write(&thread[0], CONTROL(1, 0), STORE8),
			0);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], ADDRESS(1, last),
					      K(0)),
			 0);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], CONTROL(1, last),
					      STORE8),
			 -TL_EINVAL);
		CHECK_EQ(on_here(1), 1);
		CHECK_EQ(tl_bp_debugger_read(&thread[0], CONTROL(1, last),
					     &value),
			 0);
		CHECK_EQ(value, 0);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], ADDRESS(1, last),
					      U(9)),
			 0);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], CONTROL(1, last),
					      STORE8),
			 0);
		CHECK_EQ(on_here(1), 2);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], CONTROL(1, last), 0),
			 0);
		CHECK_EQ(on_here(1), 1);
		if (last + 1 < MOST)
			CHECK_EQ(tl_bp_debugger_write(&thread[0],
						      CONTROL(1, last + 1), 0),
				 -TL_EIO);
		CHECK_EQ(tl_bp_debugger_write(&thread[0], 65, 0), -TL_EIO);
		/* A hit is a bit of the status, breakpoints counted first. */
		hit(1, U(0));
		CHECK_EQ(tl_bp_debugger_read(&thread[0], 64, &value), 0);
		CHECK_EQ(value, 1ul << row->n[0]);
		tl_bp_flush(&thread[0]);
		finish();
	}
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* Any of 36 ways, as a debugger and as a registered one. */
TL_TEST(any_bytes_in_one_piece_are_watched)
{
	start(&rows[0]);
	for (unsigned int at = 0; at < 8; at++)
		for (unsigned int len = 1; at + len <= 8; len++) {
			struct counted c = counted(1, K(0) + at);
			unsigned long bytes = ((1ul << len) - 1) << at;

			c.bp.len = len;
			REQUIRE(register_kernel_hw_breakpoint(&c.bp) == 0);
			CHECK_EQ(sim.dr[0][CONTROL(1, 1)] >> 5 & 0xff, bytes);
			CHECK_EQ(tl_bp_debugger_write(&thread[0], ADDRESS(1, 0),
						      U(0)),
				 0);
			CHECK_EQ(tl_bp_debugger_write(&thread[0], CONTROL(1, 0),
						      ON | 2ul << 3 |
							      bytes << 5),
				 0);
			CHECK_EQ(sim.dr[0][CONTROL(1, 0)] >> 5 & 0xff, bytes);
			unregister_hw_breakpoint(&c.bp);
		}
	tl_bp_flush(&thread[0]);
	finish();
}

/* An access is theirs whose bytes it has, wherever it begins. */
TL_TEST(one_access_hits_all_whose_bytes_it_has)
{
	const struct row *row;

	for_each_row(row, rows) {
		struct counted c[MOST];
		unsigned int n = row->n[1];

		start(row);
		for (unsigned int i = 0; i < n; i++) {
			c[i] = counted(1, K(0) + i);
			c[i].bp.len = 1;
			REQUIRE(register_kernel_hw_breakpoint(&c[i].bp) == 0);
		}
		hit(1, K(0) - 5); /* eight bytes: up to the third */
		for (unsigned int i = 0; i < n; i++) {
			CHECK_EQ(c[i].hits, i < 3);
			unregister_hw_breakpoint(&c[i].bp);
		}
		finish();
	}
}

/* Which bytes an instruction accesses, counted from where x1 points to. */
static const struct {
	const char *name;
	uint32_t insn;
	unsigned int from, to;
	bool store; /* what the CPU says of it */
} accesses[] = {
	{ "casp x", 0x48227c24, 0, 16, false },
	{ "casp w", 0x08227c24, 0, 8, true },
	{ "cas", 0xc8a27c24, 0, 8, false },
	{ "casb", 0x08a27c24, 0, 1, true },
	{ "ldxp x", 0xc87f0c22, 0, 16, false },
	{ "ldxp w", 0x887f0c22, 0, 8, false },
	{ "stxp", 0xc8260c22, 0, 16, true },
	{ "stxr w", 0x88067c22, 0, 4, true },
	{ "ldaxrb", 0x085ffc22, 0, 1, false },
	{ "stp, an offset", 0xa9010c22, 16, 32, true },
	{ "ldpsw", 0x69410c22, 8, 16, false },
	{ "stgp", 0x69008c22, 16, 32, true },
	{ "st1 d", 0x4d008420, 0, 8, true },
	{ "st1 s", 0x0d009020, 0, 4, true },
	{ "st1 h", 0x4d004820, 0, 2, true },
	{ "st2 d", 0x0d208420, 0, 16, true },
	{ "st4 b", 0x0d202020, 0, 4, true },
	{ "ld3r s", 0x4d40e820, 0, 12, false },
	{ "st3 of 8 bytes", 0x0c9f4020, 0, 24, true },
	{ "swp", 0xf8228023, 0, 8, false },
	{ "ldaddb", 0x38220023, 0, 1, true },
};

/* One watch each before, at the first and last byte, and behind. */
static void access_hits(unsigned int i, uintptr_t base, uintptr_t tag)
{
	uintptr_t from = base + accesses[i].from, to = base + accesses[i].to;
	const uintptr_t at[] = { from - 1, from, to - 1, to };
	struct counted c[4];

	for (unsigned int n = 0; n < 4; n++) {
		c[n] = counted(1, at[n]);
		c[n].bp.len = 1;
		c[n].bp.type = HW_BREAKPOINT_RW;
		REQUIRE(register_kernel_hw_breakpoint(&c[n].bp) == 0);
	}
	exception(STATUS_WATCH | (accesses[i].store ? STATUS_STORE : 0) |
			  (from & 0xffffffffffffff),
		  (uintptr_t)&accesses[i].insn, base ^ tag);
	for (unsigned int n = 0; n < 4; n++) {
		ROW(accesses[i].name);
		CHECK_EQ(c[n].hits, n == 1 || n == 2);
		unregister_hw_breakpoint(&c[n].bp);
	}
}

TL_TEST(each_instruction_hits_what_it_accesses_and_no_more)
{
	for (unsigned int i = 0; i < TL_ARRAY_SIZE(accesses); i++)
		for (unsigned int tagged = 0; tagged < 2; tagged++) {
			start(&rows[1]);
			access_hits(i, K(1), tagged ? 0x5aul << 56 : 0);
			finish();
		}
}

/* Its base is signed, so only the address that the CPU gives leads anywhere. */
TL_TEST(an_access_that_its_fields_do_not_tell_hits_the_nearest)
{
	static const uint32_t insn[] = { 0xf8201422 /* ldraa */,
					 0xf83fd022 /* ld64b */,
					 0xf83f9022 /* st64b */ };

	for (unsigned int i = 0; i < TL_ARRAY_SIZE(insn); i++) {
		struct counted near = counted(1, K(1)), far = counted(1, K(3));

		near.bp.type = far.bp.type = HW_BREAKPOINT_RW;
		start(&rows[1]);
		REQUIRE(register_kernel_hw_breakpoint(&near.bp) == 0);
		REQUIRE(register_kernel_hw_breakpoint(&far.bp) == 0);
		exception(STATUS_WATCH | ((K(1) - 8) & 0xffffffffffffff),
			  (uintptr_t)&insn[i], K(9) ^ 0x33ul << 48);
		CHECK_EQ(near.hits, 1);
		CHECK_EQ(far.hits, 0);
		unregister_hw_breakpoint(&near.bp);
		unregister_hw_breakpoint(&far.bp);
		finish();
	}
}
