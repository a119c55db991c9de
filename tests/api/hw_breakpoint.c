/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 */
/*
 * hw_breakpoint.c - breakpoints in debug registers, by their API alone
 *
 * What is said of all threads or CPUs; a process's own threads are in
 * hw_breakpoint_process.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/hw_breakpoint.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "tl_isa.h"
#include "tl_test.h"

static struct watched {
	uint64_t before;
	uint64_t word;
	uint64_t after;
	uint64_t more[2]; /* for each of five a word of its own */
} watched __attribute__((aligned(64)));

static volatile unsigned int hits[5], order[5], n_hits;
static volatile uint64_t value;
static volatile uintptr_t hit_at;

static void on_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	unsigned int i = (unsigned int)(uintptr_t)bp->data;

	hits[i]++;
	order[i] = ++n_hits;
	value = watched.word;
	hit_at = instruction_pointer(regs);
}

static struct hw_breakpoint bps[5];

static struct hw_breakpoint *fresh(unsigned int i, void *addr, unsigned int len,
				   unsigned int type)
{
	bps[i] = (struct hw_breakpoint){
		.addr = addr,
		.len = len,
		.type = type,
		.triggered = on_hit,
		.data = (void *)(uintptr_t)i,
	};
	for (unsigned int k = 0; k < 5; k++)
		hits[k] = order[k] = 0;
	n_hits = 0;
	return &bps[i];
}

/* Registered, or the tests that need it are not to be made here. */
#define MUST_REGISTER(bp)                                            \
	do {                                                         \
		if (ON_ARM64)                                        \
			TL_NOT_ON_LINUX("one hit comes for ever");   \
		int err_ = register_kernel_hw_breakpoint(bp);        \
		if (err_ == -TL_EPERM || err_ == -TL_EOPNOTSUPP)     \
			SKIP("no hardware breakpoints for us here"); \
		REQUIRE(!err_);                                      \
	} while (0)

static __attribute__((__noinline__)) void write_word(uint64_t v)
{
	*(volatile uint64_t *)&watched.word = v;
}

static __attribute__((__noinline__)) uint64_t read_word(void)
{
	return *(volatile uint64_t *)&watched.word;
}

/* It has been made, but where the CPU tells of it before. */
TL_TEST(a_write_is_one_hit_and_is_made)
{
	struct hw_breakpoint *bp =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);

	watched.word = 1;
	MUST_REGISTER(bp);
	CHECK_EQ(hits[0], 0);
	write_word(7);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(value, ACCESS_IS_DONE ? 7 : 1);
	write_word(7); /* the same value is a write, too */
	CHECK_EQ(hits[0], 2);
	unregister_hw_breakpoint(bp);
	write_word(8);
	CHECK_EQ(hits[0], 2);
}

TL_TEST(neighbours_are_not_watched)
{
	struct hw_breakpoint *bp =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_RW);

	MUST_REGISTER(bp);
	*(volatile uint64_t *)&watched.before = 1;
	*(volatile uint64_t *)&watched.after = 1;
	CHECK_EQ(hits[0], 0);
	unregister_hw_breakpoint(bp);
}

TL_TEST(a_read_is_a_hit_of_rw_alone)
{
	struct hw_breakpoint *w =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);

	MUST_REGISTER(w);
	read_word();
	CHECK_EQ(hits[0], 0);
	unregister_hw_breakpoint(w);

	w = fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_RW);
	MUST_REGISTER(w);
	read_word();
	CHECK_EQ(hits[0], 1);
	write_word(3);
	CHECK_EQ(hits[0], 2);
	unregister_hw_breakpoint(w);
}

TL_TEST(each_length_watches_its_bytes)
{
	static const unsigned int lengths[] = { 1, 2, 4, 8 };
	static const char *const names[] = { "1", "2", "4", "8" };
	volatile uint8_t *byte = (volatile uint8_t *)&watched.word;

	for (unsigned int i = 0; i < 4; i++) {
		struct hw_breakpoint *bp =
			fresh(0, &watched.word, lengths[i], HW_BREAKPOINT_W);
		unsigned int want = 0;

		ROW(names[i]);
		MUST_REGISTER(bp);
		for (unsigned int k = 0; k < 8; k++) {
			byte[k] = 1;
			want += k < lengths[i];
			CHECK_EQ(hits[0], want);
		}
		unregister_hw_breakpoint(bp);
	}
}

TL_TEST(an_instruction_is_hit_before_it_is_executed)
{
	struct hw_breakpoint *bp =
		fresh(0, (void *)write_word, sizeof(long), HW_BREAKPOINT_X);

	watched.word = 1;
	MUST_REGISTER(bp);
	write_word(2);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(value, 1);
	CHECK_EQ(hit_at, (uintptr_t)write_word);
	CHECK_EQ(watched.word, 2);
	write_word(3);
	CHECK_EQ(hits[0], 2);
	unregister_hw_breakpoint(bp);
	write_word(4);
	CHECK_EQ(hits[0], 2);
}

TL_TEST(each_of_two_is_hit_for_itself)
{
	struct hw_breakpoint *a =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);
	struct hw_breakpoint *b =
		fresh(1, &watched.after, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);

	MUST_REGISTER(a);
	MUST_REGISTER(b);
	write_word(5);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(hits[1], 0);
	*(volatile uint64_t *)&watched.after = 1;
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(hits[1], 1);
	unregister_hw_breakpoint(a);
	*(volatile uint64_t *)&watched.after = 2;
	write_word(6);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(hits[1], 2);
	unregister_hw_breakpoint(b);
}

TL_TEST(what_makes_no_sense_gives_einval)
{
	struct hw_breakpoint *bp = fresh(0, (char *)&watched.word + 1,
					 HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);
	int err;

	CHECK_EQ(register_kernel_hw_breakpoint(bp), -TL_EINVAL);
	fresh(0, &watched.word, 9, HW_BREAKPOINT_W);
	CHECK_EQ(register_kernel_hw_breakpoint(bp), -TL_EINVAL);
	fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_EMPTY);
	CHECK_EQ(register_kernel_hw_breakpoint(bp), -TL_EINVAL);
	fresh(0, (void *)write_word, HW_BREAKPOINT_LEN_1, HW_BREAKPOINT_X);
	err = register_kernel_hw_breakpoint(bp);
	if (ON_ARM64)
		CHECK_EQ(err, TL_EITHER("arm64: the length of an execute",
					-TL_EINVAL, 0));
	else
		CHECK_EQ(err, -TL_EINVAL);
	if (!err)
		unregister_hw_breakpoint(bp);
}

TL_TEST(modify_moves_it)
{
	struct hw_breakpoint *bp =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);
	struct hw_breakpoint to = *bp;

	MUST_REGISTER(bp);
	to.addr = &watched.before;
	CHECK_EQ(modify_hw_breakpoint(bp, &to), 0);
	write_word(1);
	CHECK_EQ(hits[0], 0);
	*(volatile uint64_t *)&watched.before = 2;
	CHECK_EQ(hits[0], 1);
	to.addr = (char *)&watched.before + 1;
	CHECK_EQ(modify_hw_breakpoint(bp, &to), -TL_EINVAL);
	*(volatile uint64_t *)&watched.before = 3;
	CHECK_EQ(hits[0], 2);
	unregister_hw_breakpoint(bp);
}

TL_TEST(the_fifth_finds_no_register)
{
	static const char *const names[] = { "first", "second", "third",
					     "fourth" };
	struct hw_breakpoint *bp;
	int err = 0;
	unsigned int n;

	for (n = 0; n < 5 && !err; n++) {
		bp = fresh(n, (char *)&watched + 8 * n, HW_BREAKPOINT_LEN_8,
			   HW_BREAKPOINT_W);
		if (!n)
			MUST_REGISTER(bp);
		else
			err = register_kernel_hw_breakpoint(bp);
	}
	n -= err ? 1 : 0;
	CHECK_EQ(n, 4);
	CHECK_EQ(err, -TL_ENOSPC);
	/* Whichever goes, the freed one is to be had. */
	for (unsigned int gone = 0; gone < n; gone++) {
		ROW(names[gone]);
		unregister_hw_breakpoint(&bps[gone]);
		CHECK_EQ(register_kernel_hw_breakpoint(&bps[4]), 0);
		hits[4] = 0;
		*(volatile uint64_t *)bps[4].addr = 1;
		CHECK_EQ(hits[4], 1);
		unregister_hw_breakpoint(&bps[4]);
		CHECK_EQ(register_kernel_hw_breakpoint(&bps[gone]), 0);
	}
	for (unsigned int i = 0; i < n; i++)
		unregister_hw_breakpoint(&bps[i]);
}

/* ---- together with a probe ------------------------------------------------------- */

static unsigned int probe_hits;

static int on_probe(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	probe_hits++;
	return 0;
}

TL_TEST(a_probe_and_a_breakpoint_on_one_address_are_each_hit_once)
{
	struct kprobe kp = {
		.addr = (kprobe_opcode_t *)write_word,
		.pre_handler = on_probe,
	};
	struct hw_breakpoint *bp =
		fresh(0, (void *)write_word, sizeof(long), HW_BREAKPOINT_X);

	probe_hits = 0;
	MUST_REGISTER(bp);
	REQUIRE(!register_kprobe(&kp));
	write_word(1);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(probe_hits, 1);
	unregister_hw_breakpoint(bp);
	write_word(2);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(probe_hits, 2);
	MUST_REGISTER(bp);
	write_word(3);
	CHECK_EQ(hits[0], 2);
	CHECK_EQ(probe_hits, 3);
	unregister_hw_breakpoint(bp);
	unregister_kprobe(&kp);
}

/* What a probe's handler writes is seen, as any other write. */
static int write_in_probe(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	watched.after++;
	return 0;
}

TL_TEST(data_that_a_probe_handler_writes_is_watched)
{
	struct kprobe kp = {
		.addr = (kprobe_opcode_t *)read_word,
		.pre_handler = write_in_probe,
	};
	struct hw_breakpoint *bp =
		fresh(0, &watched.after, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);

	MUST_REGISTER(bp);
	REQUIRE(!register_kprobe(&kp));
	read_word();
	read_word();
	CHECK_EQ(hits[0], 2);
	unregister_kprobe(&kp);
	unregister_hw_breakpoint(bp);
}

/* The third hit of one access would be the last: it is left out. */
static void hit_thrice(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	on_hit(bp, regs);
	if (hits[0] == 3)
		instruction_pointer_set(regs, instruction_pointer(regs) + 4);
}

TL_TEST(one_access_is_told_of_once)
{
	struct hw_breakpoint *bp =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);
	int err;

	bp->triggered = hit_thrice;
	err = register_kernel_hw_breakpoint(bp);
	if (err == -TL_EPERM || err == -TL_EOPNOTSUPP)
		SKIP("no hardware breakpoints for us here");
	REQUIRE(!err);
	write_word(1);
	if (ON_ARM64)
		CHECK_EQ(hits[0],
			 TL_EITHER("arm64: a handler of a module's own", 1, 3));
	else
		CHECK_EQ(hits[0], 1);
	unregister_hw_breakpoint(bp);
}

/* Handlers may touch what they watch. */
static void touch(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	on_hit(bp, regs);
	write_word(value + 1);
}

TL_TEST(a_handler_that_touches_what_is_watched_is_not_called_again)
{
	struct hw_breakpoint *bp =
		fresh(0, &watched.word, HW_BREAKPOINT_LEN_8, HW_BREAKPOINT_W);

	bp->triggered = touch;
	MUST_REGISTER(bp);
	write_word(10);
	CHECK_EQ(hits[0], 1);
	CHECK_EQ(watched.word, ACCESS_IS_DONE ? 11 : 10);
	write_word(20);
	CHECK_EQ(hits[0], 2);
	CHECK_EQ(watched.word, ACCESS_IS_DONE ? 21 : 20);
	unregister_hw_breakpoint(bp);
}
