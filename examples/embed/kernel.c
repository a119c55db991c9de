/* SPDX-License-Identifier: MIT */
/* kernel.c - a kernel that does one thing, and a probe on that */

#include "embed.h"
#include <trapline/host.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

extern char vector_3[], vector_13[], vector_14[];

static struct {
	uint64_t low, high;
} idt[32];

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void print(const char *s)
{
	while (*s)
		outb(0x3f8, (uint8_t)*s++);
}

static void print_number(const char *what, unsigned long n)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	print(what);
	print(at);
	print("\n");
}

static void leave(bool good)
{
	outb(0xf4, good ? 16 : 1);
	for (;;)
		__asm__ volatile("hlt");
}

/* From the vectors: the engine first, then what else a fault may be. */
TL_NOPROBE void trap(struct pt_regs *regs, unsigned int vector);
TL_NOPROBE void trap(struct pt_regs *regs, unsigned int vector)
{
	if (vector == 3 ? tl_trap_breakpoint(regs) : tl_trap_fault(regs))
		return;
	if (regs->ip == (uintptr_t)copy_insn) {
		regs->ip = (uintptr_t)copy_fixup;
		return;
	}
	print_number("embed: lost at ", regs->ip);
	leave(false);
}

static void set_vector(unsigned int n, const char *entry)
{
	uintptr_t at = (uintptr_t)entry;

	idt[n].low = (at & 0xffff) | 8ul << 16 | 0x8eul << 40 |
		     (at >> 16 & 0xffff) << 48;
	idt[n].high = at >> 32;
}

static void load_vectors(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	set_vector(3, vector_3);
	set_vector(13, vector_13);
	set_vector(14, vector_14);
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

/* ---- what the kernel is for --------------------------------------------------- */

__attribute__((noinline, section(".text.work"))) unsigned long
work(unsigned long a, unsigned long b);
unsigned long work(unsigned long a, unsigned long b)
{
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return a * b + 2;
}

/* ---- and what is told about it --------------------------------------------------- */

static unsigned long hits, last_argument, at_ret, returned;

static int on_work(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	hits++;
	last_argument = regs->di;
	return 0;
}

/* On one byte, the ret, no jump has room: this one is a breakpoint. */
static int on_ret(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	at_ret = regs_return_value(regs);
	return 0;
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	(void)ri;
	returned = regs_return_value(regs);
	return 0;
}

void kernel_main(void);
void kernel_main(void)
{
	struct kprobe p = { .symbol_name = "work", .pre_handler = on_work };
	struct kretprobe rp = { .kp.symbol_name = "work",
				.handler = on_return };
	struct kprobe last = { .addr = (kprobe_opcode_t *)((uintptr_t)work_end -
							   1),
			       .pre_handler = on_ret };
	bool good;

	load_vectors();
	print_number("embed: work() is ", work(5, 8));
	good = !register_kprobe(&p);
	print_number("embed: with a probe ", work(5, 8));
	print_number("embed: hits ", hits);
	print_number("embed: argument ", last_argument);
	print_number("embed: a jump ", !!(p.flags & KPROBE_FLAG_OPTIMIZED));
	unregister_kprobe(&p);

	good = good && !register_kprobe(&last);
	print_number("embed: with a breakpoint ", work(3, 4));
	print_number("embed: at its ret ", at_ret);
	unregister_kprobe(&last);

	good = good && !register_kretprobe(&rp);
	print_number("embed: followed ", work(6, 9));
	print_number("embed: returned ", returned);
	unregister_kretprobe(&rp);
	print_number("embed: without ", work(5, 8));
	print_number("embed: hits ", hits);
	leave(good && hits == 1 && at_ret == 14 && returned == 56);
}
