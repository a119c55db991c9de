/* SPDX-License-Identifier: MIT */
/*
 * slot.c - executable homes for displaced instructions
 *
 * A probed instruction is overwritten by a breakpoint or a jump, so it has to
 * run somewhere else: in a copy.  Copies must lie within reach of the code that
 * they serve, so memory is taken in areas near whoever asked first, and a copy
 * goes into any area that is near enough:
 *
 *     area  | owner 0 | owner 0 | owner 1 |  none   | owner 2 | ...
 *           +---------+---------+---------+---------+---------+----
 *     base    64 bytes: a unit             unused
 *
 * The owner of each unit says both what is unused and whose code an address is
 * in.  The latter is asked by traps:
 *
 *   S1  An area that is found is complete, and stays.  (Its fields are written
 *       before the release in new_area; areas are given back only when nothing
 *       of ours is armed and a grace period has passed.)
 *   S2  An owner that is found by the address of a thread stays valid while the
 *       thread stands there.  (A copy that was live is freed only after
 *       quiescence; see grace.c.)
 *
 * Emitted bytes go to the host in batches: tl_writer_flush() must have returned
 * 0 before a copy is made reachable.
 */
#include "bp.h"

#define ROUND_UP(n, to) (((n) + (to)-1) / (to) * (to))

/* Is all of [@base, @base + @size) within @reach of @near? */
static bool within(uintptr_t base, size_t size, uintptr_t near, size_t reach)
{
	uintptr_t low = near > reach ? near - reach : 0;
	uintptr_t high = near + reach < near ? UINTPTR_MAX : near + reach;

	return base >= low && base <= high && size <= high - base;
}

static size_t area_bytes(uint32_t units)
{
	return sizeof(struct tl_area) + units * sizeof(struct tl_copy *);
}

static struct tl_area *new_area(uintptr_t near, size_t reach, size_t least)
{
	size_t size = TL_AREA_BYTES;
	struct tl_area *area;
	void *base = NULL;

	least = ROUND_UP(least, TL_PAGE_BYTES);
	for (; !base && size >= least; size = base ? size : size / 2)
		base = tlh_exec_alloc(near, reach, size);
	if (!base)
		return NULL;

	area = tlh_alloc(area_bytes(size / TL_UNIT));
	if (!area) {
		tlh_exec_free(base, size);
		return NULL;
	}
	area->base = (uintptr_t)base;
	area->size = size;
	area->units = size / TL_UNIT;
	area->unused = area->units;
	area->next = tl_engine.areas;
	tl_store_release(&tl_engine.areas, area); /* S1 */
	return area;
}

/* The first of @n unused units in a row, or -1. */
static long find_units(struct tl_area *area, uint32_t n)
{
	uint32_t run = 0;

	if (area->unused < n)
		return -1;
	for (uint32_t i = area->hint; i < area->units; i++) {
		run = area->owner[i] ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	/* Nothing behind the hint: from the start, once. */
	if (!area->hint)
		return -1;
	area->hint = 0;
	return find_units(area, n);
}

/* Give @copy @bytes of an area within @reach of @near. */
static int take(struct tl_copy *copy, uintptr_t near, size_t reach,
		size_t bytes)
{
	uint32_t n = ROUND_UP(bytes, TL_UNIT) / TL_UNIT;
	struct tl_area *area = tl_engine.areas;
	long at = -1;

	for (; area; area = area->next) {
		if (!within(area->base, area->size, near, reach))
			continue;
		at = find_units(area, n);
		if (at >= 0)
			break;
	}
	if (!area) {
		area = new_area(near, reach, bytes);
		if (!area)
			return -TL_ENOMEM;
		at = 0;
	}
	copy->area = area;
	copy->at = area->base + (uintptr_t)at * TL_UNIT;
	copy->code.len = bytes;
	for (uint32_t i = 0; i < n; i++)
		tl_store_release(&area->owner[at + i], copy);
	area->unused -= n;
	area->hint = (uint32_t)at + n;
	return 0;
}

/* Keep the first @bytes of @copy's memory. */
static void shrink(struct tl_copy *copy, size_t bytes)
{
	struct tl_area *area = copy->area;
	uint32_t first = (copy->at - area->base) / TL_UNIT;
	uint32_t old = ROUND_UP(copy->code.len, TL_UNIT) / TL_UNIT;
	uint32_t new = ROUND_UP(bytes, TL_UNIT) / TL_UNIT;

	for (uint32_t i = new; i < old; i++)
		tl_store_release(&area->owner[first + i], NULL);
	area->unused += old - new;
	if (area->hint > first + new)
		area->hint = first + new;
	copy->code.len = bytes;
}

/* ---- writing ---------------------------------------------------------------- */

static void flush_some(void)
{
	size_t n = tl_engine.n_edits;
	int err;

	tl_engine.n_edits = 0;
	err = n ? tlh_text_write(tl_engine.edits, n, TL_OTHERS_RUNNING) : 0;
	if (err < 0)
		tl_engine.write_err = err;
	else if (err == TL_CACHES_EACH)
		tlh_sync_cores();
}

void tl_writer_drain(void)
{
	flush_some();
}

/* An error is remembered, as it may be about copies emitted before. */
int tl_writer_flush(void)
{
	int err;

	flush_some();
	err = tl_engine.write_err;
	tl_engine.write_err = 0;
	return err;
}

static void write_code(uintptr_t at, const uint8_t *code, size_t len)
{
	while (len) {
		struct tl_edit *edit = &tl_engine.edits[tl_engine.n_edits];
		size_t n = len < TL_EDIT_BYTES ? len : TL_EDIT_BYTES;

		edit->addr = at;
		edit->len = n;
		edit->idle = false;
		edit->fresh = true;
		tl_bytes_copy(edit->bytes, code, n);
		at += n;
		code += n;
		len -= n;
		if (++tl_engine.n_edits == TL_BATCH)
			flush_some();
	}
}

/* ---- copies ----------------------------------------------------------------- */

static int emit(struct tl_copy *copy, struct tl_code *code)
{
	struct tl_emit e = {
		.at = copy->at,
		.addr = copy->point->addr,
		.point = copy->point,
		.what = copy->stepped ? copy->stepped : copy->what,
	};

	if (copy->simulate_post)
		e.point = (struct tl_point *)((uintptr_t)e.point |
					      TL_POINT_SIMULATE);

	if (!copy->detour)
		return tl_arch_emit_slot(&copy->point->plan, &e, tl_engine.code,
					 code);
	e.lead = copy->lead;
	e.n_counters = copy->n_counters;
	for (unsigned int i = 0; i < copy->n_counters; i++)
		e.counter[i] = copy->counter[i];
	return tl_arch_emit_detour(&copy->point->plan, &e, tl_engine.code,
				   code);
}

/* Find a place within @reach, emit and write. */
static int place(struct tl_copy *copy, size_t reach)
{
	size_t room = copy->detour ? TL_DETOUR_BYTES : TL_SLOT_BYTES;
	struct tl_code code;
	int err;

	err = take(copy, copy->point->addr, reach, room);
	if (err)
		return err;
	code.n = 0;
	code.len = 0;
	err = emit(copy, &code);
	if (!err) {
		shrink(copy, code.len);
		copy->code.n = code.n;
		for (uint32_t i = 0; i < code.n; i++) {
			copy->code.from[i] = code.from[i];
			copy->code.to[i] = code.to[i];
		}
		write_code(copy->at, tl_engine.code, code.len);
		return 0;
	}
	shrink(copy, 0);
	copy->at = 0;
	copy->area = NULL;
	return err;
}

/*
 * Near enough for a jump may still be too far for an operand of the displaced
 * instruction: then again, nearer.
 */
static int place_near(struct tl_copy *copy)
{
	size_t reach = TL_JUMP_REACH;
	int err;

	for (int tries = 0; tries < 4; tries++) {
		err = place(copy, reach);
		if (err != -TL_ERANGE)
			return err;
		reach /= 4;
	}
	return err;
}

/* As the home wants it: the copy is left by a step, or by a breakpoint. */
static int place_stepped(struct tl_copy *copy)
{
	int err = 0;

	copy->stepped = TL_EMIT_BREAK;
	if (tl_host_ops->stepping == TL_STEPPING_ONE) {
		copy->stepped = TL_EMIT_ONE;
		err = tl_bp_ready();
	}
	return err ? err : place_near(copy);
}

/* Further than any two pieces of a program's text, or of a kernel's. */
#define ANY_REACH ((size_t)1 << 46)

static int place_within(struct tl_copy *copy, bool reach)
{
	return reach ? place_near(copy) : place(copy, ANY_REACH);
}

/*
 * Decide what a slot, within @reach of a jump or anywhere, does by itself and what
 * the trap handler does for it.
 */
static int place_code(struct tl_copy *copy, bool reach)
{
	const struct tl_plan *plan = &copy->point->plan;
	int err;

	if (tl_arch_simulates(plan, false)) {
		if (copy->what & TL_EMIT_PRE)
			return -TL_EOPNOTSUPP;
		copy->simulate_post = copy->what & TL_EMIT_POST;
		return 0;
	}
	if (!(copy->what & TL_EMIT_POST))
		return place_within(copy, reach);
	if (!tl_arch_simulates(plan, true)) {
		err = place_within(copy, reach);
		if (err != -TL_EOPNOTSUPP)
			return err;
	}
	copy->simulate_post = true;
	copy->what &= ~TL_EMIT_POST;
	err = place_within(copy, reach);
	copy->what |= TL_EMIT_POST;
	return err;
}

/*
 * There is no memory within reach of a jump, or what the operand names is too far
 * from there.  A trap leads anywhere; and the way back is a jump that goes anywhere,
 * or by a breakpoint behind the instruction, or there is no need for one.
 */
static int place_far(struct tl_copy *copy)
{
	const struct tl_plan *plan = &copy->point->plan;
	int err = place_code(copy, false);

	if (err != -TL_ERANGE || (copy->what & TL_EMIT_PRE))
		return err;
	if (tl_arch_steps(plan)) {
		copy->stepped = TL_EMIT_BREAK;
		return place(copy, ANY_REACH);
	}
	if (!tl_arch_can_simulate(plan))
		return err;
	copy->simulate_post = copy->what & TL_EMIT_POST;
	return 0;
}

static int place_slot(struct tl_copy *copy)
{
	int err;

	if (tl_host_ops->stepping && !(copy->what & TL_EMIT_PRE) &&
	    tl_arch_steps(&copy->point->plan))
		err = place_stepped(copy);
	else
		err = place_code(copy, true);
	if (err != -TL_ENOMEM && err != -TL_ERANGE)
		return err;
	copy->stepped = 0;
	copy->simulate_post = false;
	return place_far(copy);
}

int tl_copy_new(struct tl_point *p, const struct tl_want *want, bool detour,
		struct tl_copy **out)
{
	struct tl_copy *copy;
	int err;

	copy = tl_pool_get(&tl_engine.copies, sizeof(*copy));
	if (!copy)
		return -TL_ENOMEM;
	copy->point = p;
	copy->detour = detour;
	copy->what = want->what;
	if (!detour) {
		copy->what = tl_slot_what(want);
	} else {
		copy->lead = want->lead;
		copy->n_counters = want->n_counters;
		for (unsigned int i = 0; i < want->n_counters; i++)
			copy->counter[i] = want->counter[i];
	}

	err = detour ? place_near(copy) : place_slot(copy);
	if (!err && detour && p->plan.island) {
		err = tl_island_take(copy);
		if (err)
			shrink(copy, 0);
	}
	if (err) {
		tl_pool_put(&tl_engine.copies, copy);
		return err;
	}
	copy->plain = copy->at && !detour && !(copy->what & TL_EMIT_PRE) &&
		      !copy->simulate_post && !copy->stepped &&
		      !tl_host_ops->gate;
	p->copies++;
	*out = copy;
	return 0;
}

void tl_copy_free(struct tl_copy *copy)
{
	struct tl_point *p = copy->point;

	tl_assert_held();
	if (copy->island)
		tl_island_drop(copy);
	if (copy->area)
		shrink(copy, 0);
	tl_pool_put(&tl_engine.copies, copy);
	p->copies--;
	tl_point_free_if_done(p);
}

struct tl_copy *tl_copy_at(uintptr_t ip)
{
	const struct tl_area *area = tl_load_acquire(&tl_engine.areas);

	for (; area; area = area->next) /* S1 */
		if (ip - area->base < area->size)
			return tl_load_acquire(
				&area->owner[(ip - area->base) / TL_UNIT]);
	return NULL;
}

bool tl_area_overlaps(uintptr_t addr, size_t len)
{
	const struct tl_area *area = tl_engine.areas;

	for (; area; area = area->next)
		if (addr < area->base + area->size && addr + len > area->base)
			return true;
	return false;
}

void tl_areas_trim(void)
{
	struct tl_area **link = &tl_engine.areas;

	tl_assert_held();
	while (*link) {
		struct tl_area *area = *link;

		if (area->unused < area->units) {
			link = &area->next;
			continue;
		}
		*link = area->next;
		tlh_exec_free((void *)area->base, area->size);
		tlh_free(area, area_bytes(area->units));
	}
}
