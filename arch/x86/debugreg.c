/* SPDX-License-Identifier: MIT */
/*
 * debugreg.c - what the debug registers of x86 can watch, and how they are told
 *
 *     DR0..DR3   addresses
 *     DR6        bit n: DRn was hit (also of one that is not enabled); 14: BS
 *     DR7        2n: L, 2n + 1: G, enable DRn; 16 + 4n: two bits of type, two
 *                of length
 *
 * Four registers serve execution and data alike.  L and G differ only in a
 * hardware task switch, which nobody makes; here the kernel's breakpoints have G and a
 * thread's L, so that a dump of DR7 tells whose they are.
 */
#include <arch.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/regs.h>

#define REGISTERS 4
#define DR6_HITS  0xful
#define DR6_STEP  (1ul << 14)
/* What a debugger may see of it: hits, BD, BS and BT. */
#define DR6_BITS  0xe00ful
#define DR6_FIXED 0xffff0ff0ul
#define FLAG_RF	  0x10000ul

#define TYPE_X	0u
#define TYPE_W	1u
#define TYPE_RW 3u

static unsigned int shift(unsigned int n)
{
	return 16 + 4 * n;
}

static bool is_power_of_2(unsigned int n)
{
	return n && !(n & (n - 1));
}

/*
 * The length of an execute breakpoint is that of a word, as Linux has it, and the
 * CPU looks at the first byte of the instruction.
 */
static int check(uintptr_t addr, unsigned int len, unsigned int type,
		 size_t *span)
{
	if (type == HW_BREAKPOINT_X) {
		*span = 1;
		return len == sizeof(long) ? 0 : -TL_EINVAL;
	}
	if (type != HW_BREAKPOINT_W && type != HW_BREAKPOINT_RW)
		return -TL_EINVAL;
	if (!is_power_of_2(len) || addr & (len - 1))
		return -TL_EINVAL;
	*span = len;
	return len <= HW_BREAKPOINT_LEN_8 ? 0 : -TL_EOPNOTSUPP;
}

static unsigned long length_code(unsigned int len)
{
	switch (len) {
	case HW_BREAKPOINT_LEN_2:
		return 1;
	case HW_BREAKPOINT_LEN_4:
		return 3;
	case HW_BREAKPOINT_LEN_8:
		return 2;
	}
	return 0;
}

static unsigned int address(unsigned int kind, unsigned int i)
{
	(void)kind;
	return i;
}

static unsigned int control_register(unsigned int kind, unsigned int i)
{
	(void)kind;
	(void)i;
	return 7;
}

static unsigned long bits(unsigned int n, uintptr_t addr, unsigned int len,
			  unsigned int type, bool kernel)
{
	unsigned long code = TYPE_X;

	(void)addr;

	if (type != HW_BREAKPOINT_X)
		code = length_code(len) << 2 |
		       (type == HW_BREAKPOINT_W ? TYPE_W : TYPE_RW);
	return code << shift(n) | (kernel ? 2ul : 1ul) << 2 * n;
}

static unsigned long field(unsigned int n)
{
	return 0xful << shift(n) | 3ul << 2 * n;
}

static bool enabled(unsigned long control, unsigned int n)
{
	return control >> 2 * n & 3;
}

static bool executes(unsigned long control, unsigned int n)
{
	return enabled(control, n) && (control >> shift(n) & 3) == TYPE_X;
}

/* Type 2 is an I/O port. */
static int asked(unsigned long control, unsigned int kind, unsigned int n,
		 uintptr_t *addr, unsigned int *len, unsigned int *type)
{
	static const uint8_t lengths[] = { 1, 2, 8, 4 };
	unsigned int code = control >> shift(n) & 0xf;

	(void)kind;
	(void)addr;
	*len = lengths[code >> 2];
	switch (code & 3) {
	case TYPE_W:
		*type = HW_BREAKPOINT_W;
		return 0;
	case TYPE_RW:
		*type = HW_BREAKPOINT_RW;
		return 0;
	case TYPE_X:
		*type = HW_BREAKPOINT_X;
		*len = sizeof(long);
		return code >> 2 ? -TL_EINVAL : 0;
	}
	return -TL_EINVAL;
}

static unsigned int hit(unsigned long status, const unsigned long *control,
			const uintptr_t *addr, unsigned int n,
			const struct pt_regs *regs)
{
	(void)control;
	(void)n;
	(void)addr;
	(void)regs;
	return status & DR6_HITS;
}

static unsigned long hit_bits(unsigned int registers)
{
	return registers & DR6_HITS;
}

static unsigned long name_bit(unsigned int n)
{
	return 1ul << n;
}

static unsigned long show_status(unsigned long value)
{
	return value | DR6_FIXED;
}

static unsigned long keep_status(unsigned long value)
{
	return value & DR6_BITS;
}

static void go_on(struct pt_regs *regs)
{
	regs->flags |= FLAG_RF;
}

static const struct tl_arch_bp x86_bp = {
	.registers = { REGISTERS, 0 },
	.status = 6,
	.step = DR6_STEP,
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
	.go_on = go_on,
};

const struct tl_arch_bp *const tl_arch_bp = &x86_bp;
