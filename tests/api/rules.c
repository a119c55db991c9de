/* SPDX-License-Identifier: MIT */
/* link: lib tests/api/places.S */
/*
 * rules.c - what Linux's documentation promises beside the hit itself
 *
 * Codes, batches, registering again, missing, everything armed or disarmed at
 * once, the list and the blacklist.
 */
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_test.h"

static unsigned int hits, posts;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

HANDLER void hit_post(struct kprobe *p, struct pt_regs *regs, unsigned long f)
{
	(void)p;
	(void)regs;
	posts += 1 + f;
}

static struct kprobe at(const void *addr)
{
	return (struct kprobe){ .addr = (void *)(uintptr_t)addr,
				.pre_handler = hit };
}

/* ---- codes --------------------------------------------------------------------- */

__asm__("	.pushsection .text\n"
	"	.balign 16\n"
	"rules_int80:	int	$0x80\n"
	"rules_icebp:	.byte	0xf1\n"
	"rules_ud1:	ud1	%eax, %eax\n"
	"rules_iretq:	iretq\n"
	"rules_far:	ljmp	*(%rax)\n"
	"rules_vmcall:	vmcall\n"
	"rules_movss:	mov	%eax, %ss\n"
	"rules_nop:	nop\n"
	"	ret\n"
	"	.popsection\n");

extern const char rules_int80[], rules_icebp[], rules_ud1[], rules_iretq[],
	rules_far[], rules_vmcall[], rules_movss[], rules_nop[];

static unsigned char data[16] = { 0x90, 0x90, 0x90, 0x90, 0xc3 };
static const unsigned char constant[16] = { 0x90, 0x90, 0x90, 0x90, 0xc3 };

static int try(const void *addr)
{
	struct kprobe p = at(addr);
	int err = register_kprobe(&p);

	if (!err)
		unregister_kprobe(&p);
	else
		CHECK_EQ(p.addr, addr);
	return err;
}

TL_TEST(instructions_that_cannot_be_probed_give_linux_s_codes)
{
	static const struct {
		const char *name;
		const void *addr;
		int err;
	} rows[] = {
		{ "int 0x80", rules_int80, -TL_EILSEQ },
		{ "int1", rules_icebp, -TL_EILSEQ },
		{ "ud1", rules_ud1, -TL_EILSEQ },
		{ "iretq", rules_iretq, -TL_EOPNOTSUPP },
		{ "far jump", rules_far, -TL_EOPNOTSUPP },
		{ "vmcall", rules_vmcall, -TL_EOPNOTSUPP },
		{ "mov to ss", rules_movss, -TL_EINVAL },
		{ "nop", rules_nop, 0 },
		{ "data", data, -TL_EINVAL },
		{ "constants", constant, -TL_EINVAL },
		{ "nothing mapped", (void *)64, -TL_ENOENT },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		ROW(rows[i].name);
		CHECK_EQ(try(rows[i].addr), rows[i].err);
	}
}

TL_TEST(only_the_caller_s_flags_are_taken_and_nmissed_is_zeroed)
{
	struct kprobe p = at(place_jump);

	p.flags = KPROBE_FLAG_GONE | KPROBE_FLAG_FTRACE | KPROBE_FLAG_OPTIMIZED;
	p.nmissed = 7;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(p.nmissed, 0);
	CHECK_EQ(p.flags & (KPROBE_FLAG_GONE | KPROBE_FLAG_FTRACE), 0);
	CHECK(p.flags & KPROBE_FLAG_ON_FUNC_ENTRY);
	CHECK_EQ(*(uint8_t *)place_jump != p.opcode, true);
	unregister_kprobe(&p);
	CHECK_EQ(*(uint8_t *)place_jump, p.opcode);
	CHECK_EQ(p.flags, 0);
}

TL_TEST(function_entries_are_known)
{
	kprobe_opcode_t *entry = (kprobe_opcode_t *)place_jump;

	CHECK_EQ(kprobe_on_func_entry(entry, NULL, 0), 0);
	CHECK_EQ(kprobe_on_func_entry(entry, NULL, 4), -TL_EINVAL);
	CHECK_EQ(kprobe_on_func_entry(NULL, "place_jump", 0), 0);
	CHECK_EQ(kprobe_on_func_entry(NULL, "place_jump", 4), -TL_EINVAL);
	CHECK_EQ(kprobe_on_func_entry(NULL, "no_such_name", 0), -TL_ENOENT);
}

/* ---- again, and in batches ------------------------------------------------------- */

TL_TEST(a_probe_registers_again_as_it_was_given)
{
	struct kprobe p = { .symbol_name = "place_rip",
			    .offset = 7,
			    .pre_handler = hit };

	hits = 0;
	for (unsigned int i = 1; i <= 3; i++) {
		CHECK_EQ(register_kprobe(&p), 0);
		CHECK_EQ(disable_kprobe(&p), 0);
		CHECK_EQ(enable_kprobe(&p), 0);
		CHECK_EQ(place_rip(1, 0, 0), 123456790);
		CHECK_EQ(hits, i);
		CHECK_EQ(disable_kprobe(&p), 0);
		unregister_kprobe(&p);
		CHECK_EQ(p.flags, 0);
		CHECK_EQ(p.addr, (kprobe_opcode_t *)place_rip + 7);
	}
	/* Whoever gives both is told so as ever. */
	p.addr = (kprobe_opcode_t *)place_rip;
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
}

TL_TEST(a_failed_batch_leaves_every_structure_as_it_was)
{
	struct kprobe a = at(NULL), b = at(place_break), bad = at(place_ud);
	struct kprobe *all[] = { &a, &b, &bad };

	a.symbol_name = "place_jump";
	b.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobes(all, 3), -TL_EILSEQ);
	CHECK_EQ(a.addr, NULL);
	CHECK_EQ(a.flags, 0);
	CHECK_EQ(b.addr, (void *)place_break);
	CHECK_EQ(b.flags, KPROBE_FLAG_DISABLED);
	CHECK_EQ(bad.addr, (void *)place_ud);
	bad.addr = (void *)place_one;
	CHECK_EQ(register_kprobes(all, 3), 0);
	unregister_kprobes(all, 3);
}

TL_TEST(unregistering_a_batch_marks_strangers_and_removes_the_rest)
{
	struct kprobe a = at(place_jump), b = at(place_break);
	struct kprobe stranger = at(place_one);
	struct kprobe *all[] = { &a, &stranger, &b };

	hits = 0;
	CHECK_EQ(register_kprobe(&a), 0);
	CHECK_EQ(register_kprobe(&b), 0);
	unregister_kprobes(all, 3);
	CHECK_EQ(stranger.addr, NULL);
	CHECK_EQ(a.addr, (void *)place_jump);
	CHECK_EQ(place_jump(1, 2, 0) + place_break(1, 2, 0), 6);
	CHECK_EQ(hits, 0);
	unregister_kprobes(all, 0);
	unregister_kprobes(all, -1);
	unregister_kprobe(&a);
	CHECK_EQ(a.addr, NULL);
}

TL_TEST(registered_twice_in_one_batch_gives_einval)
{
	struct kprobe a = at(place_jump);
	struct kprobe *twice[] = { &a, &a };

	CHECK_EQ(register_kprobes(twice, 2), -TL_EINVAL);
	CHECK_EQ(get_kprobe((void *)place_jump), NULL);
	CHECK_EQ(register_kprobes(twice, -1), -TL_EINVAL);
	CHECK_EQ(register_kprobe(&a), 0);
	unregister_kprobe(&a);
}

/* ---- missing -------------------------------------------------------------------- */

static place_fn *inner;

HANDLER int call_inner(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	inner(1, 2, 0);
	return 0;
}

TL_TEST(a_miss_counts_in_every_probe_of_the_point_also_disabled_ones)
{
	place_fn *const fns[] = { place_jump, place_break };

	for (size_t i = 0; i < TL_ARRAY_SIZE(fns); i++) {
		struct kprobe outer = at(place_one);
		struct kprobe a = at(fns[i]), off = a, b = a;

		inner = fns[i];
		outer.pre_handler = call_inner;
		off.flags = KPROBE_FLAG_DISABLED;
		CHECK_EQ(register_kprobe(&a), 0);
		CHECK_EQ(register_kprobe(&off), 0);
		CHECK_EQ(register_kprobe(&b), 0);
		CHECK_EQ(register_kprobe(&outer), 0);
		hits = 0;
		place_one(1, 2, 0);
		CHECK_EQ(hits, 0);
		CHECK_EQ(a.nmissed, 1);
		CHECK_EQ(off.nmissed, 1);
		CHECK_EQ(b.nmissed, 1);
		CHECK_EQ(outer.nmissed, 0);
		unregister_kprobe(&outer);
		unregister_kprobe(&off);
		unregister_kprobe(&a);
		unregister_kprobe(&b);
	}
}

TL_TEST(between_busy_begin_and_end_every_hit_is_a_miss)
{
	struct kprobe p = at(place_jump), q = at(place_break);

	p.post_handler = hit_post;
	hits = posts = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(kprobe_running(), NULL);
	kprobe_busy_begin();
	CHECK(kprobe_running() != NULL);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	kprobe_busy_begin();
	CHECK_EQ(place_break(1, 2, 0), 3);
	kprobe_busy_end();
	CHECK_EQ(place_break(1, 2, 0), 3);
	kprobe_busy_end();
	CHECK_EQ(kprobe_running(), NULL);
	CHECK_EQ(hits + posts, 0);
	CHECK_EQ(p.nmissed, 1);
	CHECK_EQ(q.nmissed, 2);
	CHECK_EQ(place_jump(1, 2, 0) + place_break(1, 2, 0), 6);
	CHECK_EQ(hits, 2);
	CHECK_EQ(posts, 1);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
}

/* ---- all at once ------------------------------------------------------------------ */

TL_TEST(disarm_all_restores_the_text_and_leaves_the_flags)
{
	struct kprobe p = at(place_jump), q = at(place_break),
		      off = at(place_one), later = at(place_rip);
	uint8_t jump[16], brk[16];

	__builtin_memcpy(jump, (void *)place_jump, 16);
	__builtin_memcpy(brk, (void *)place_break, 16);
	off.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(register_kprobe(&off), 0);
	hits = 0;
	CHECK_EQ(disarm_all_kprobes(), 0);
	CHECK_EQ(disarm_all_kprobes(), 0);
	CHECK_MEM((void *)place_jump, jump, 16);
	CHECK_MEM((void *)place_break, brk, 16);
	CHECK_EQ(kprobe_disabled(&p), false);
	CHECK_EQ(p.flags & KPROBE_FLAG_OPTIMIZED, 0);

	/* What is registered and enabled meanwhile is armed later. */
	CHECK_EQ(register_kprobe(&later), 0);
	CHECK_EQ(disable_kprobe(&q), 0);
	CHECK_EQ(enable_kprobe(&q), 0);
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	place_rip(1, 0, 0);
	CHECK_EQ(hits, 0);

	CHECK_EQ(arm_all_kprobes(), 0);
	CHECK_EQ(arm_all_kprobes(), 0);
	place_jump(1, 2, 0);
	place_break(1, 2, 0);
	place_rip(1, 0, 0);
	place_one(1, 2, 0);
	CHECK_EQ(hits, 3);
	CHECK(p.flags & KPROBE_FLAG_OPTIMIZED);
	CHECK_EQ(kprobe_disabled(&off), true);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
	unregister_kprobe(&off);
	unregister_kprobe(&later);
}

TL_TEST(unoptimize_all_leaves_breakpoints_and_what_must_be_a_jump)
{
	struct kprobe p = at(place_jump), q = at(place_rip);

	q.flags = KPROBE_FLAG_JUMP_ONLY;
	hits = 0;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_NONE);
	CHECK_EQ(unoptimize_all_kprobes(), 0);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_OFF);
	CHECK_EQ(*(uint8_t *)place_jump, 0xcc);
	CHECK_EQ(trapline_kprobe_why(&q), TL_WHY_NONE);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(place_rip(1, 0, 0), 123456790);
	CHECK_EQ(hits, 2);
	CHECK_EQ(optimize_all_kprobes(), 0);
	CHECK_EQ(trapline_kprobe_why(&p), TL_WHY_NONE);
	CHECK_EQ(place_jump(1, 2, 0), 3);
	CHECK_EQ(hits, 3);
	unregister_kprobe(&p);
	unregister_kprobe(&q);
}

/* ---- lists ------------------------------------------------------------------------ */

struct seen {
	const struct kprobe *want;
	struct tl_status st;
	unsigned int n;
};

static int look(const struct tl_status *st, void *arg)
{
	struct seen *seen = arg;

	if (st->probe != seen->want)
		return 0;
	seen->n++;
	seen->st = *st;
	return 0;
}

static struct tl_status status_of(const struct kprobe *p)
{
	struct seen seen = { .want = p };

	trapline_each_probe(look, &seen);
	CHECK_EQ(seen.n, 1);
	return seen.st;
}

TL_TEST(the_list_has_every_probe_with_its_state)
{
	struct kprobe p = at(place_jump), q = at(place_break),
		      off = at(place_jump);
	struct seen none = { .want = &p };
	struct tl_status st;

	off.flags = KPROBE_FLAG_DISABLED;
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(register_kprobe(&q), 0);
	CHECK_EQ(register_kprobe(&off), 0);
	st = status_of(&p);
	CHECK_EQ(st.addr, (uintptr_t)place_jump);
	CHECK_EQ(st.kind, TL_KIND_JUMP);
	CHECK_EQ(st.enabled, true);
	CHECK(st.probe->flags & KPROBE_FLAG_OPTIMIZED);
	st = status_of(&q);
	CHECK_EQ(st.kind, TL_KIND_BREAKPOINT);
	CHECK_EQ(st.is_return, false);
	st = status_of(&off);
	CHECK_EQ(st.kind, TL_KIND_NONE);
	CHECK_EQ(st.enabled, false);
	CHECK(!(st.probe->flags & KPROBE_FLAG_OPTIMIZED));
	disarm_all_kprobes();
	CHECK_EQ(status_of(&q).kind, TL_KIND_NONE);
	arm_all_kprobes();
	unregister_kprobe(&p);
	unregister_kprobe(&q);
	unregister_kprobe(&off);
	trapline_each_probe(look, &none);
	CHECK_EQ(none.n, 0);
}

static int count_range(unsigned long start, unsigned long end, void *arg)
{
	(void)start;
	*(unsigned int *)arg += end == (unsigned long)place_break + 3;
	return 0;
}

TL_TEST(blacklisted_places_give_einval_until_they_are_taken_back)
{
	unsigned long from = (unsigned long)place_break;
	struct kprobe p = at(place_break);
	unsigned int n = 0;
	int size;

	CHECK_EQ(within_kprobe_blacklist((unsigned long)register_kprobe), true);
	CHECK_EQ(try((void *)register_kprobe), -TL_EINVAL);
	CHECK_EQ(within_kprobe_blacklist(from), false);

	CHECK_EQ(kprobe_add_area_blacklist(from, from), -TL_EINVAL);
	CHECK_EQ(kprobe_add_area_blacklist(from, from + 3), 0);
	CHECK_EQ(within_kprobe_blacklist(from + 2), true);
	CHECK_EQ(within_kprobe_blacklist(from + 3), false);
	CHECK_EQ(try((void *)from), -TL_EINVAL);
	CHECK_EQ(trapline_each_blacklisted(count_range, &n), 0);
	CHECK_EQ(n, 1);
	kprobe_remove_area_blacklist(from, from + 3);
	CHECK_EQ(try((void *)from), 0);

	size = kprobe_add_ksym_blacklist(from);
	CHECK(size >= 14);
	CHECK_EQ(kprobe_add_ksym_blacklist(from + 3), -TL_EINVAL);
	CHECK_EQ(try((char *)from + 3), -TL_EINVAL);
	kprobe_remove_area_blacklist(from, from + size);

	/* What is there already stays. */
	CHECK_EQ(register_kprobe(&p), 0);
	CHECK_EQ(kprobe_add_area_blacklist(from, from + 3), 0);
	hits = 0;
	place_break(1, 2, 0);
	CHECK_EQ(hits, 1);
	CHECK_EQ(disable_kprobe(&p), 0);
	CHECK_EQ(enable_kprobe(&p), 0);
	unregister_kprobe(&p);
	CHECK_EQ(register_kprobe(&p), -TL_EINVAL);
	kprobe_remove_area_blacklist(from, from + 3);
}
