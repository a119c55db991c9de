/* SPDX-License-Identifier: MIT */
/*
 * trap.c - a hit
 *
 * There are two ways here.  A breakpoint leads to tl_trap_breakpoint() by way
 * of the host's vector; a jump leads to a detour, which calls tl_detour_pre()
 * if there is anything to call.  Both end in the same lists of handlers, and
 * go on in a copy of the instruction.
 *
 *     breakpoint at A                         jump at A
 *       whose?                                  detour: gate, counters
 *       point has a detour: go there            tl_detour_pre()
 *       pre handlers                              pre handlers
 *       go on in the slot, or simulate            go on in the detour
 *
 *   H1  A hit calls handlers only if none runs in this context; else it is a
 *       miss, counted once for each probe at the point.  (tl_section_enter();
 *       a probe with nothing but a counter has no handler, and is counted.)
 *   H2  Whatever happens to the handlers, the instruction is executed exactly
 *       once, unless a pre handler asked for something else.
 *   H3  Post handlers are called for hits whose pre handlers were.  (A miss
 *       goes on in the same copy, but at its end the context is as it was at
 *       its beginning: nested, without an identity, or the gate closed.)
 */
#include "engine.h"

#define SHARD_BITS 4
_Static_assert(1 << SHARD_BITS == TL_SHARDS, "shards");

/* Threads have different stacks, so they mostly get different shards. */
static void count(uint64_t *cell, uintptr_t sp)
{
	uint64_t hash = (uint64_t)(sp >> 14) * 0x9e3779b97f4a7c15ull;
	uintptr_t shard = hash >> (64 - SHARD_BITS);

	tl_add((uint64_t *)((uintptr_t)cell + (shard << TL_SHARD_SHIFT)), 1);
}

static bool only_counts(const struct kprobe *probe)
{
	return probe->counter && !probe->pre_handler && !probe->post_handler;
}

TL_SELDOM void tl_miss(struct tl_point *p, uintptr_t sp)
{
	struct kprobe *probe = tl_load_acquire(&p->probes);

	for (; probe; probe = tl_load_acquire(&probe->next))
		if (tl_probe_is_exit(probe) && probe->pre_handler)
			tl_exits_missed(sp);
		else if (!only_counts(probe))
			tl_probe_missed(probe); /* H1 */
		else if (tl_probe_called(probe))
			count(probe->counter, sp);
}

/* The pre handler of @probe, in all cases; its answer. */
TL_ALWAYS int call_any_pre(struct tl_context *cx, struct kprobe *probe,
			   struct pt_regs *regs, bool trap)
{
	if (!tl_probe_called(probe))
		return 0;
	if (probe->counter)
		count(probe->counter, tl_arch_sp(regs));
	if (!probe->pre_handler)
		return 0;
	tl_section_probe(cx, probe);
	if (tl_probe_is_return(probe))
		return tl_retprobe_enter(cx, probe, regs);
	if (tl_probe_is_exit(probe))
		tl_exits_hit(cx, probe, regs);
	else if (!tl_probe_is_jprobe(probe))
		return probe->pre_handler(probe, regs);
	else if (!trap)
		tl_jprobe_enter(cx, probe, regs);
	return 0;
}

/* Often: skip the instruction; behind it is a jump's inside. */
static TL_SELDOM void divert(struct pt_regs *regs)
{
	tl_arch_set_ip(regs, tl_window_redirect(tl_arch_ip(regs)));
}

/*
 * Newest first, jprobes last, and not in a @trap (J1).  Not 0: a handler has
 * set the course.
 */
static __attribute__((noinline)) int call_each_pre(struct tl_context *cx,
						   const struct tl_point *p,
						   struct pt_regs *regs,
						   bool trap)
{
	struct kprobe *probe = tl_load_acquire(&p->probes); /* P1 */
	int ret;

	for (; probe; probe = tl_load_acquire(&probe->next)) {
		if (tl_probe_plain(probe) && probe->pre_handler) {
			tl_section_probe(cx, probe);
			ret = probe->pre_handler(probe, regs);
		} else {
			ret = call_any_pre(cx, probe, regs, trap);
		}
		if (tl_seldom(ret)) {
			divert(regs);
			return ret;
		}
	}
	return 0;
}

/*
 * call_each_pre(), where mostly there is one.  (What is read of it is read by its
 * address: no CPU does that before it has the address.)
 */
TL_ALWAYS int call_pre(struct tl_context *cx, const struct tl_point *p,
		       struct pt_regs *regs, bool trap)
{
	struct kprobe *only = tl_load(&p->only); /* P1 */
	int ret;

	if (tl_seldom(!only))
		return call_each_pre(cx, p, regs, trap);
	tl_section_probe(cx, only);
	ret = only->pre_handler(only, regs);
	if (tl_seldom(ret))
		divert(regs);
	return ret;
}

static __attribute__((noinline)) void call_each_post(struct tl_context *cx,
						     const struct tl_point *p,
						     struct pt_regs *regs)
{
	struct kprobe *probe = tl_load_acquire(&p->probes);

	for (; probe; probe = tl_load_acquire(&probe->next)) {
		if (!probe->post_handler || !tl_probe_called(probe))
			continue;
		tl_section_probe(cx, probe);
		if (tl_probe_is_exit(probe))
			tl_exits_hit(cx, probe, regs);
		else
			probe->post_handler(probe, regs, 0);
	}
}

TL_ALWAYS void call_post(struct tl_context *cx, const struct tl_point *p,
			 struct pt_regs *regs)
{
	struct kprobe *only = tl_load(&p->only);

	if (tl_seldom(!only)) {
		call_each_post(cx, p, regs);
		return;
	}
	if (!only->post_handler)
		return;
	tl_section_probe(cx, only);
	only->post_handler(only, regs, 0);
}

/* ---- breakpoints ---------------------------------------------------------------- */

/*
 * Go on with the instruction at @p, out of line.  false: it is one that can
 * only be simulated, and would fault: nothing of ours can stand for it.
 */
static bool resume(const struct tl_point *p, const struct tl_copy *copy,
		   struct pt_regs *regs)
{
	if (copy->at) {
		tl_arch_set_ip(regs, copy->at);
		return copy->stepped != TL_EMIT_ONE || tl_step_slot(copy, regs);
	}
	tl_arch_set_ip(regs, p->addr);
	if (!tl_arch_simulate(&p->plan, p->addr, regs))
		return false;
	tl_step_done(p->addr, regs);
	return true;
}

/* The instruction of @copy, a slot, was executed in it: behind it, at its place. */
void tl_slot_done(const struct tl_copy *copy, struct pt_regs *regs)
{
	struct tl_point *p = copy->point;
	struct tl_context *cx = tlh_context();
	struct tl_section s;

	tl_arch_set_ip(regs, p->addr + p->plan.insn_len);
	if (!(copy->what & TL_EMIT_POST))
		return;
	tl_section_enter(&s, cx, tl_arch_sp(regs), regs);
	if (!s.nested && tl_gate_open()) /* H3 */
		call_post(cx, p, regs);
	tl_section_leave(&s);
}

/* The breakpoint behind the instruction in a slot? */
static TL_SELDOM bool is_behind_slot(uintptr_t addr, struct pt_regs *regs)
{
	const struct tl_copy *copy = tl_copy_at(addr);

	if (!copy || copy->stepped != TL_EMIT_BREAK ||
	    addr != copy->at + copy->point->plan.insn_len)
		return false;
	tl_slot_done(copy, regs);
	return true;
}

/* Do the instruction, and call the post handlers; false: it would fault. */
static TL_SELDOM bool simulate_for_post(struct tl_context *cx,
					struct tl_point *p,
					struct pt_regs *regs)
{
	tl_arch_set_ip(regs, p->addr);
	if (!tl_arch_simulate(&p->plan, p->addr, regs))
		return false;
	tl_step_done(p->addr, regs);
	call_post(cx, p, regs);
	return true;
}

static bool hit(const struct tl_section *s, struct tl_point *p,
		const struct tl_copy *copy, struct pt_regs *regs)
{
	if (copy->detour || (copy->what & TL_EMIT_PRE)) {
		/* A transient breakpoint: as if by the jump.  Or: J1. */
		tl_arch_set_ip(regs, copy->at);
		return true;
	}
	if (!tl_gate_open())
		return resume(p, copy, regs);
	if (s->nested) {
		tl_miss(p, tl_arch_sp(regs));
		return resume(p, copy, regs);
	}
	tl_arch_set_handler_ip(regs, p->addr);
	if (call_pre(s->cx, p, regs, true))
		return true;
	if (copy->simulate_post && simulate_for_post(s->cx, p, regs))
		return true;
	return resume(p, copy, regs);
}

/*
 * A breakpoint that is not, or no longer, known.  Only if one is still in
 * memory there is it somebody else's.
 */
static TL_SELDOM bool removed_meanwhile(uintptr_t addr, struct pt_regs *regs)
{
	uint8_t code[TL_BREAKPOINT_BYTES];

	if (tlh_read(code, addr, sizeof(code)) || tl_arch_is_breakpoint(code))
		return false;
	tl_arch_retry(regs, addr);
	return true;
}

/* The point at @addr and where a hit goes on, or NULL: no breakpoint of ours. */
TL_ALWAYS const struct tl_copy *armed_at(uintptr_t addr, struct tl_point **p)
{
	*p = tl_table_find(addr);
	if (!*p || !tl_load_acquire(&(*p)->breakpoint))
		return NULL;
	return tl_load_acquire(&(*p)->copy);
}

/*
 * Between a look at the table and a look at the text the point may be armed
 * again, and the breakpoint that is then in memory is not somebody else's: so
 * look again.  Whoever changes text needs far longer than we for both looks.
 */
#define LOOKS 4

static bool breakpoint(const struct tl_section *s, uintptr_t addr,
		       struct pt_regs *regs)
{
	const struct tl_copy *copy;
	struct tl_point *p;

	for (int i = 0; i < LOOKS; i++) {
		copy = armed_at(addr, &p);
		if (copy)
			return hit(s, p, copy, regs);
		if (removed_meanwhile(addr, regs))
			return true;
	}
	return false;
}

static TL_SELDOM bool breakpoint_when_busy(struct tl_context *cx,
					   uintptr_t addr, struct pt_regs *regs)
{
	struct tl_section s;
	bool ours;

	if (is_behind_slot(addr, regs))
		return true;
	tl_section_enter(&s, cx, tl_arch_sp(regs), regs);
	ours = breakpoint(&s, addr, regs);
	tl_section_leave(&s);
	return ours;
}

static TL_SELDOM bool breakpoint_of_any_kind(struct tl_context *cx,
					     uintptr_t addr,
					     struct pt_regs *regs)
{
	const struct tl_section s = { .cx = cx };
	bool ours;

	tl_section_end(cx);
	if (is_behind_slot(addr, regs))
		return true;
	tl_section_begin(cx, tl_arch_sp(regs), regs);
	ours = breakpoint(&s, addr, regs);
	tl_section_end(cx);
	return ours;
}

/* What is here is the usual case of what is above, and nothing else. */
bool tl_trap_breakpoint(struct pt_regs *regs)
{
	uintptr_t addr = tl_arch_breakpoint_addr(regs);
	struct tl_context *cx = tlh_context();
	const struct tl_copy *copy;
	struct tl_point *p;

	if (!tl_section_free(cx))
		return breakpoint_when_busy(cx, addr, regs);
	tl_section_begin(cx, tl_arch_sp(regs), regs);
	copy = armed_at(addr, &p);
	if (tl_seldom(!copy || !copy->plain))
		return breakpoint_of_any_kind(cx, addr, regs);
	tl_arch_set_handler_ip(regs, addr);
	if (!call_pre(cx, p, regs, true))
		tl_arch_set_ip(regs, copy->at);
	tl_section_end(cx);
	return true;
}

/* ---- detours --------------------------------------------------------------------- */

static TL_SELDOM int detour_pre(struct tl_context *cx, struct pt_regs *regs,
				uintptr_t point)
{
	bool simulate = point & TL_POINT_SIMULATE;
	struct tl_point *p = (struct tl_point *)(point & -2ul);
	struct tl_section s;
	bool diverted = false;

	tl_section_enter(&s, cx, tl_arch_sp(regs), regs);
	if (s.nested)
		tl_miss(p, tl_arch_sp(regs));
	else
		diverted = call_pre(cx, p, regs, false) ||
			   (simulate && simulate_for_post(cx, p, regs));
	tl_section_leave(&s);
	return diverted;
}

/* The rest of a section: nothing of the usual case lives across these calls. */
static TL_SELDOM int detour_each_pre(struct tl_context *cx,
				     struct pt_regs *regs, struct tl_point *p)
{
	int diverted = call_each_pre(cx, p, regs, false);

	tl_section_end(cx);
	return diverted;
}

int tl_detour_pre(struct tl_context *cx, struct pt_regs *regs,
		  struct tl_point *p)
{
	struct kprobe *only;
	int diverted;

	if (!tl_section_free(cx) || tl_seldom((uintptr_t)p & TL_POINT_SIMULATE))
		return detour_pre(cx, regs, (uintptr_t)p);
	tl_section_begin(cx, tl_arch_sp(regs), regs);
	only = tl_load(&p->only); /* P1 */
	if (tl_seldom(!only))
		return detour_each_pre(cx, regs, p);
	tl_section_probe(cx, only);
	diverted = only->pre_handler(only, regs);
	tl_section_end(cx);
	return diverted;
}

/* Only exits care that their late handler is not called. */
static TL_SELDOM void miss_exits(struct tl_point *p, uintptr_t sp)
{
	const struct kprobe *probe = tl_load_acquire(&p->probes);

	for (; probe; probe = tl_load_acquire(&probe->next))
		if (tl_probe_is_exit(probe) && probe->post_handler)
			tl_exits_missed(sp);
}

static TL_SELDOM void detour_post(struct tl_context *cx, struct pt_regs *regs,
				  struct tl_point *p)
{
	struct tl_section s;

	tl_section_enter(&s, cx, tl_arch_sp(regs), regs);
	if (s.nested)
		miss_exits(p, tl_arch_sp(regs));
	else if (tl_gate_open()) /* H3 */
		call_post(cx, p, regs);
	tl_section_leave(&s);
}

void tl_detour_post(struct tl_context *cx, struct pt_regs *regs,
		    struct tl_point *p)
{
	if (!tl_section_free(cx)) {
		detour_post(cx, regs, p);
		return;
	}
	tl_section_begin(cx, tl_arch_sp(regs), regs);
	if (!tl_seldom(!tl_gate_open())) /* H3 */
		call_post(cx, p, regs);
	tl_section_end(cx);
}

/* ---- faults ------------------------------------------------------------------------ */

/* The offset of the original that runs at @ip in @copy, or -1. */
static int original_of(const struct tl_copy *copy, uintptr_t ip)
{
	uintptr_t off = ip - copy->at;
	uintptr_t best = 0;
	int from = -1;

	for (uint32_t i = 0; i < copy->code.n; i++) {
		if (copy->code.to[i] > off || copy->code.to[i] < best)
			continue;
		best = copy->code.to[i];
		from = copy->code.from[i];
	}
	return from;
}

uintptr_t tl_origin(uintptr_t ip)
{
	const struct tl_copy *copy = tl_copy_at(ip);
	int from = copy ? original_of(copy, ip) : -1;

	return from < 0 ? 0 : copy->point->addr + from;
}

/*
 * The probed instruction itself is put back to its place: should the program
 * mend the cause and return, it is hit again, as under Linux.  An instruction
 * further on in the window is left where it is: at its own address there is
 * the inside of a jump, and whoever returned there would be lost.
 */
bool tl_trap_fault(struct pt_regs *regs)
{
	uintptr_t ip = tl_arch_ip(regs), resume;
	const struct tl_copy *copy = tl_copy_at(ip);

	if (!copy || original_of(copy, ip))
		return false;
	if (copy->stepped == TL_EMIT_ONE)
		tl_step_cancel(copy->at, regs);
	if (!tl_trap_show(regs, &resume) ||
	    tl_arch_ip(regs) != copy->point->addr)
		tl_arch_set_ip(regs, copy->point->addr);
	return false;
}

/* An island is on the way to the probed instruction's copy. */
static bool show_island(struct pt_regs *regs, uintptr_t *resume)
{
	uintptr_t ip = tl_arch_ip(regs);
	const struct tl_copy *copy = tl_island_at(ip);

	if (!copy)
		return false;
	tl_arch_set_ip(regs, copy->point->addr);
	*resume = ip;
	return true;
}

/* Whoever stands in a copy keeps it from being freed: no section is needed. */
bool tl_trap_show(struct pt_regs *regs, uintptr_t *resume)
{
	uintptr_t ip = tl_arch_ip(regs);
	const struct tl_copy *copy = tl_copy_at(ip);

	if (!copy)
		return show_island(regs, resume);
	return tl_arch_show(&copy->point->plan, copy->point->addr, &copy->code,
			    copy->at, copy->detour, regs, resume);
}

uintptr_t tl_trap_resume(uintptr_t ip, uintptr_t sp)
{
	struct tl_context *cx = tlh_context();
	struct tl_section s;

	tl_section_enter(&s, cx, sp, &s);
	ip = tl_window_redirect(ip);
	tl_section_leave(&s);
	return ip;
}
