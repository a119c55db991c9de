/* SPDX-License-Identifier: MIT */
/*
 * debugreg.c - what the debug registers of arm64 can watch, and how they are told
 *
 * The CPU has breakpoints (DBGBVRn_EL1, DBGBCRn_EL1) and watchpoints (DBGWVRn_EL1,
 * DBGWCRn_EL1), from two to sixteen of each: two kinds, each register with a control
 * register of its own.  A home and a debugger know them by these numbers:
 *
 *      0 .. 15   DBGBVRn, an address; 16 .. 31   DBGBCRn, its control register
 *     32 .. 47   DBGWVRn;             48 .. 63   DBGWCRn
 *     64         the status of a debugger: bit n for its n-th register
 *
 * In a control register 0 is on, 2 and 1 are for whom, 4 and 3 what a watchpoint
 * watches (loads, stores), and 12 to 5 which bytes of the aligned eight.  That is
 * also what Linux's debuggers write, who let the kernel say for whom.
 *
 * The home gives the status of an exception in one word, since no register of the
 * CPU's has it all:
 *
 *     63 .. 60   1: a single step.  2: a breakpoint.  4: a watchpoint
 *     56         it was a store (ESR_EL1.WnR)
 *     55 .. 0    of the address in FAR_EL1
 *
 * Both kinds come before the instruction, and again whenever it is returned to, so
 * it is single-stepped with its registers off (engine/step.c).
 *
 * The CPU does not say which watchpoint was hit, nor that there was more than one, and
 * the address may be any from the first byte of the access to the last that is
 * watched (Arm ARM, "Determining the memory location that caused a Watchpoint
 * exception").  But the instruction has not been executed: its base register still
 * leads to all that it is about to access.  Where that is none of what is watched, the
 * exception was a false alarm.
 */
#include "code.h"
#include <trapline/hw_breakpoint.h>
#include <trapline/regs.h>

#define REGISTERS 16

#define CONTROL_ON     1ul
#define CONTROL_KERNEL (1ul << 1) /* EL1 */
#define CONTROL_USER   (2ul << 1) /* EL0 */
#define CONTROL_WHO    (3ul << 1)
#define CONTROL_ALL    0x1ffful
#define BYTES_SHIFT    5
#define BYTES_OF_INSN  15ul

#define STATUS_STEP  (1ul << 60)
#define STATUS_BREAK (2ul << 60)
#define STATUS_WATCH (4ul << 60)
#define STATUS_STORE (1ul << 56)

#define TYPE_X	   0u
#define TYPE_LOAD  1u
#define TYPE_STORE 2u

#define PSTATE_SS   (1ul << 21)
#define PSTATE_D    (1ul << 9)
#define PSTATE_I    (1ul << 7)
#define PSTATE_DAIF (15ul << 6)

/*
 * An execute breakpoint is as long as an instruction; Linux's length on other
 * CPUs, that of a word, means the same.
 */
static int check(uintptr_t addr, unsigned int len, unsigned int type,
		 size_t *span)
{
	if (type == HW_BREAKPOINT_X) {
		*span = 4;
		return (len == 4 || len == sizeof(long)) && addr % 4 == 0
			       ? 0
			       : -TL_EINVAL;
	}
	if (!(type & HW_BREAKPOINT_RW) ||
	    type & ~(unsigned int)HW_BREAKPOINT_RW)
		return -TL_EINVAL;
	*span = len;
	return len && addr % 8 + len <= 8 ? 0 : -TL_EINVAL;
}

static unsigned int address(unsigned int kind, unsigned int i)
{
	return 32 * kind + i;
}

static unsigned int control_register(unsigned int kind, unsigned int i)
{
	return 32 * kind + 16 + i;
}

static unsigned long bits(unsigned int i, uintptr_t addr, unsigned int len,
			  unsigned int type, bool kernel)
{
	unsigned long code = CONTROL_ON |
			     (kernel ? CONTROL_KERNEL : CONTROL_USER);

	(void)i;
	if (type == HW_BREAKPOINT_X)
		return code | BYTES_OF_INSN << BYTES_SHIFT;
	return code | (type & HW_BREAKPOINT_R ? TYPE_LOAD : 0ul) << 3 |
	       (type & HW_BREAKPOINT_W ? TYPE_STORE : 0ul) << 3 |
	       ((1ul << len) - 1) << (addr % 8) << BYTES_SHIFT;
}

/* All of the control register is the register's own. */
static unsigned long field(unsigned int i)
{
	(void)i;
	return ~0ul;
}

static unsigned int type_of(unsigned long control)
{
	return control >> 3 & 3;
}

static unsigned int bytes_of(unsigned long control)
{
	return control >> BYTES_SHIFT & 0xff;
}

static unsigned int length_of(unsigned long control)
{
	unsigned int n = 0;

	for (unsigned int bytes = bytes_of(control); bytes; bytes >>= 1)
		n += bytes & 1;
	return n;
}

/* How many of the eight bytes lie before the first one. */
static unsigned int first_of(unsigned long control)
{
	unsigned int n = 0;

	while (!(bytes_of(control) >> n & 1))
		n++;
	return n;
}

static bool enabled(unsigned long control, unsigned int i)
{
	(void)i;
	return control & CONTROL_ON;
}

static bool executes(unsigned long control, unsigned int i)
{
	return enabled(control, i) && type_of(control) == TYPE_X;
}

static int asked(unsigned long control, unsigned int kind, unsigned int i,
		 uintptr_t *addr, unsigned int *len, unsigned int *type)
{
	unsigned int what = type_of(control), bytes = bytes_of(control);

	(void)i;
	if (control & ~CONTROL_ALL || !bytes || !what != !kind)
		return -TL_EINVAL;
	if (!kind) {
		*len = 4;
		*type = HW_BREAKPOINT_X;
		return bytes == BYTES_OF_INSN ? 0 : -TL_EINVAL;
	}
	*len = length_of(control);
	*type = (what & TYPE_LOAD ? HW_BREAKPOINT_R : 0u) |
		(what & TYPE_STORE ? HW_BREAKPOINT_W : 0u);
	/* In one piece, and counted from a multiple of eight. */
	if (bytes >> first_of(control) != (1u << *len) - 1 ||
	    (*addr % 8 && first_of(control)))
		return -TL_EINVAL;
	*addr += first_of(control);
	return 0;
}

/* ---- what an instruction accesses ----------------------------------------------- */

struct access {
	uintptr_t at;
	size_t len;
	bool both; /* it loads and stores */
};

/* With the byte at the top as below it, where a tag may be. */
static uintptr_t untagged(uint64_t address)
{
	return (uintptr_t)((int64_t)(address << 8) >> 8);
}

static uint64_t base_of(uint32_t insn, const struct pt_regs *regs)
{
	unsigned int n = insn >> 5 & 31;

	return n == 31 ? regs->sp : regs->regs[n];
}

static int64_t signed_field(uint32_t insn, unsigned int low, unsigned int width)
{
	return (int64_t)((uint64_t)insn << (64 - low - width)) >> (64 - width);
}

/* ldr x0, [x1, w2, sxtw #3] and the like */
static uint64_t index_of(uint32_t insn, const struct pt_regs *regs,
			 unsigned int scale)
{
	unsigned int m = insn >> 16 & 31;
	uint64_t value = m == 31 ? 0 : regs->regs[m];

	switch (insn >> 13 & 7) {
	case 2: /* uxtw */
		value = (uint32_t)value;
		break;
	case 6: /* sxtw */
		value = (uint64_t)(int64_t)(int32_t)value;
		break;
	}
	return insn >> 12 & 1 ? value << scale : value;
}

/* ldraa, whose base is signed; ld64b and the like: not what their fields say. */
static bool is_odd(uint32_t insn)
{
	unsigned int opc = insn >> 12 & 7;

	if ((insn & 0xff200000) != 0xf8200000)
		return false;
	return insn & 1u << 10 ||
	       ((insn & 0x8c00) == 0x8000 && opc != 0 && opc != 4);
}

/* One register: an offset, scaled, not, before or after; or an index. */
static void access_one(uint32_t insn, const struct pt_regs *regs,
		       struct access *a)
{
	bool vector = insn >> 26 & 1;
	unsigned int scale = insn >> 30;

	if (is_odd(insn))
		return;

	if (vector && insn >> 23 & 1)
		scale = 4;
	a->len = 1ul << scale;
	if (insn >> 24 & 1)
		a->at += (uint64_t)(insn >> 10 & 0xfff) << scale;
	else if (!(insn >> 21 & 1))
		a->at += (insn >> 10 & 3) == 1
				 ? 0
				 : (uint64_t)signed_field(insn, 12, 9);
	else if ((insn >> 10 & 3) == 2)
		a->at += index_of(insn, regs, scale);
	else
		a->both = true; /* swp, ldadd */
}

static void access_pair(uint32_t insn, struct access *a)
{
	bool vector = insn >> 26 & 1;
	unsigned int opc = insn >> 30;
	unsigned int scale = vector ? 2 + opc : opc & 2 ? 3 : 2;
	bool tags = !vector && opc == 1 && !(insn >> 22 & 1); /* stgp */

	a->len = tags ? 16 : 2ul << scale;
	if ((insn >> 23 & 3) != 1)
		a->at += (uint64_t)signed_field(insn, 15, 7)
			 << (tags ? 4 : scale);
}

static void access_structures(uint32_t insn, struct access *a)
{
	static const uint8_t registers[16] = {
		4, 0, 4, 0, 3, 0, 3, 1, 2, 0, 2
	};
	unsigned int scale = insn >> 14 & 3, size = insn >> 10 & 3;

	if (scale == 3) /* to all elements */
		scale = size;
	else if (scale == 2)
		scale += size & 1;
	if (insn >> 24 & 1)
		a->len = ((insn >> 21 & 1) + (insn >> 13 & 1) * 2 + 1ul)
			 << scale;
	else
		a->len = registers[insn >> 12 & 15] * 8ul << (insn >> 30 & 1);
}

static bool is_casp(uint32_t insn)
{
	return (insn & 0xbfa00000) == 0x08200000;
}

static void access_exclusive(uint32_t insn, struct access *a)
{
	bool pair = (insn & 0x00a00000) == 0x00200000;

	if (is_casp(insn)) {
		a->both = true;
		a->len = 8ul << (insn >> 30);
		return;
	}
	a->both = (insn & 0x00a00000) == 0x00a00000; /* cas */
	a->len = 1ul << (insn >> 30) << pair;
}

/*
 * All that @insn, at the pc of @regs, is about to access; false: nobody knows.  The
 * byte at the top may be a tag.
 */
static bool access_of(uint32_t insn, const struct pt_regs *regs,
		      struct access *a)
{
	*a = (struct access){ .at = base_of(insn, regs) };
	if ((insn & 0x3f000000) == 0x08000000) /* exclusive, ordered, cas */
		access_exclusive(insn, a);
	else if ((insn & 0x38000000) == 0x28000000)
		access_pair(insn, a);
	else if ((insn & 0x38000000) == 0x38000000)
		access_one(insn, regs, a);
	else if ((insn & 0xbe000000) == 0x0c000000)
		access_structures(insn, a);
	a->at = untagged(a->at);
	return a->len != 0;
}

/* ---- which were hit ----------------------------------------------------------------- */

static unsigned int hit_break(const unsigned long *control,
			      const uintptr_t *addr, unsigned int n,
			      uintptr_t pc)
{
	unsigned int on = 0, hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!executes(control[i], i))
			continue;
		on |= 1u << i;
		if (addr[i] == pc)
			hits |= 1u << i;
	}
	return hits ? hits : on;
}

static bool watches(unsigned long control)
{
	return enabled(control, 0) && !executes(control, 0);
}

/* Those whose bytes, and what they are watched for, the access has. */
static unsigned int hit_access(const unsigned long *control,
			       const uintptr_t *addr, unsigned int n,
			       const struct access *a, unsigned int what)
{
	unsigned int hits = 0;

	for (unsigned int i = 0; i < n; i++)
		if (watches(control[i]) && type_of(control[i]) & what &&
		    addr[i] < a->at + a->len &&
		    addr[i] + length_of(control[i]) > a->at)
			hits |= 1u << i;
	return hits;
}

/* Where the instruction says nothing: the one that is nearest to the address. */
static unsigned int hit_nearest(const unsigned long *control,
				const uintptr_t *addr, unsigned int n,
				uintptr_t far)
{
	uintptr_t best = UINTPTR_MAX;
	unsigned int hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		uintptr_t last = addr[i] + length_of(control[i]) - 1;
		uintptr_t away = far < addr[i] ? addr[i] - far
				 : far > last  ? far - last
					       : 0;

		if (!watches(control[i]) || away > best)
			continue;
		hits = away == best ? hits | 1u << i : 1u << i;
		best = away;
	}
	return hits;
}

static unsigned int hit_watch(unsigned long status,
			      const unsigned long *control,
			      const uintptr_t *addr, unsigned int n,
			      const struct pt_regs *regs)
{
	unsigned int what = status & STATUS_STORE ? TYPE_STORE : TYPE_LOAD;
	uintptr_t far = untagged(status);
	struct access access;
	uint32_t insn;

	if (!tlh_read(&insn, regs->pc, sizeof(insn)) &&
	    access_of(insn, regs, &access))
		return hit_access(control, addr, n, &access,
				  access.both ? TYPE_LOAD | TYPE_STORE : what);
	return hit_nearest(control, addr, n, far);
}

static unsigned int hit(unsigned long status, const unsigned long *control,
			const uintptr_t *addr, unsigned int n,
			const struct pt_regs *regs)
{
	if (status & STATUS_BREAK)
		return hit_break(control, addr, n, regs->pc);
	if (status & STATUS_WATCH)
		return hit_watch(status, control, addr, n, regs);
	return 0;
}

/* One exception is one status: it is all theirs. */
static unsigned long hit_bits(unsigned int registers)
{
	return registers ? ~STATUS_STEP : 0;
}

static unsigned long name_bit(unsigned int n)
{
	return 1ul << n;
}

/* Of a debugger's: a bit for each that was hit, and the step. */
static unsigned long show_status(unsigned long value)
{
	return value;
}

static unsigned long keep_status(unsigned long value)
{
	return value & (STATUS_STEP | 0xffffffff);
}

/* ---- stepping over ------------------------------------------------------------------- */

static unsigned long step_begin(struct pt_regs *regs)
{
	unsigned long saved = regs->pstate & (PSTATE_SS | PSTATE_DAIF);

	regs->pstate |= PSTATE_SS | PSTATE_I;
	regs->pstate &= ~PSTATE_D;
	return saved;
}

/*
 * What the instruction has done to the masks, or seen of them, is to be as if it
 * had been executed with @saved.
 */
static unsigned long masks_after(uint32_t insn, struct pt_regs *regs,
				 unsigned long saved)
{
	unsigned long masks = (unsigned long)(insn >> 8 & 15) << 6;
	uint64_t *x = (insn & 31) == 31 ? NULL : &regs->regs[insn & 31];

	if ((insn & 0xfffff0ff) == 0xd50340df) /* msr daifset, #masks */
		return saved | masks;
	if ((insn & 0xfffff0ff) == 0xd50340ff) /* msr daifclr, #masks */
		return saved & ~masks;
	if ((insn & 0xffffffe0) == 0xd51b4220) /* msr daif, x */
		return (saved & ~PSTATE_DAIF) | ((x ? *x : 0) & PSTATE_DAIF);
	if ((insn & 0xffffffe0) == 0xd53b4220 && x) /* mrs x, daif */
		*x = saved & PSTATE_DAIF;
	return saved;
}

static bool step_end(struct pt_regs *regs, unsigned long saved, uintptr_t at,
		     bool done)
{
	bool outer = saved & PSTATE_SS;
	uint32_t insn;

	if (done && !tlh_read(&insn, at, sizeof(insn)))
		saved = masks_after(insn, regs, saved);
	if (done)
		saved &= ~PSTATE_SS;
	regs->pstate &= ~(PSTATE_SS | PSTATE_DAIF);
	regs->pstate |= saved;
	return outer;
}

static bool stepped(const struct pt_regs *regs)
{
	return regs->pstate & PSTATE_SS;
}

/* ---- exclusive sequences ------------------------------------------------------------- */

#define SEQUENCE 32 /* words; in longer ones no end is looked for */

/* A load-exclusive or store-exclusive: each exception takes the reservation away. */
static bool is_exclusive(uint32_t insn)
{
	return (insn & 0x3f800000) == 0x08000000 && !is_casp(insn);
}

static bool is_store_exclusive(uint32_t insn)
{
	return is_exclusive(insn) && !(insn & 1u << 22);
}

static bool spoiled(const struct pt_regs *regs)
{
	uint32_t insn;

	return !tlh_read(&insn, regs->pc, sizeof(insn)) && is_exclusive(insn);
}

static unsigned int add_stop(uintptr_t *at, unsigned int n, uintptr_t stop)
{
	for (unsigned int i = 0; i < n; i++)
		if (at[i] == stop)
			return n;
	if (n < TL_BP_STOPS)
		at[n++] = stop;
	return n;
}

/*
 * Does control go on behind @insn, or to *@to (0: nowhere else)?  false: that is not
 * known, or it does not.
 */
static bool goes_on(uint32_t insn, uintptr_t pc, uint64_t *to)
{
	*to = 0;
	switch (a64_match(insn)->plan) {
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
	case A64_SIM_TBZ:
		return a64_place(insn, pc, to);
	case A64_SLOT:
	case A64_LOAD_EX:
	case A64_STORE_EX:
	case A64_SIM_ADR:
	case A64_SIM_LITERAL:
		return true;
	default:
		return false;
	}
}

/*
 * Behind the store, and the branch from there back to the load; and wherever a branch
 * between them leads out, forward.  One that leads back leads to the load, or to
 * where nobody has a reservation yet.
 */
static unsigned int behind(const struct pt_regs *regs,
			   uintptr_t at[TL_BP_STOPS])
{
	uintptr_t out[SEQUENCE], end = regs->pc;
	unsigned int n, n_out = 0;
	uint64_t to;
	uint32_t insn;

	for (;; end += 4) {
		if (end - regs->pc >= 4 * SEQUENCE ||
		    tlh_read(&insn, end, sizeof(insn)) ||
		    !goes_on(insn, end, &to))
			return 0;
		if (is_store_exclusive(insn))
			break;
		if (to > end)
			out[n_out++] = to;
	}
	if (!tlh_read(&insn, end + 4, sizeof(insn)) &&
	    goes_on(insn, end + 4, &to) && to && to <= end)
		end += 4;
	n = add_stop(at, 0, end + 4);
	for (unsigned int i = 0; i < n_out; i++)
		if (out[i] > end)
			n = add_stop(at, n, out[i]);
	return n;
}

static const struct tl_arch_bp arm64_bp = {
	.registers = { REGISTERS, REGISTERS },
	.own_control = true,
	.status = 64,
	.step = STATUS_STEP,
	.address = address,
	.control = control_register,
	.check = check,
	.bits = bits,
	.field = field,
	.enabled = enabled,
	.executes = executes,
	.asked = asked,
	.hit = hit,
	.hit_bits = hit_bits,
	.name_bit = name_bit,
	.show_status = show_status,
	.keep_status = keep_status,
	.step_begin = step_begin,
	.step_end = step_end,
	.stepped = stepped,
	.spoiled = spoiled,
	.behind = behind,
};

const struct tl_arch_bp *const tl_arch_bp = &arm64_bp;
