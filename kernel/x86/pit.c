/* SPDX-License-Identifier: MIT */
/* pit.c - the interval timer and the two interrupt controllers before it */

#include "cpu.h"
#include <kern/time.h>

#define PIC1	 0x20
#define PIC2	 0xa0
#define PIC_EOI	 0x20
#define PIC_INIT 0x11
#define PIT_HZ	 1193182u

static void pic_init(void)
{
	outb(PIC1, PIC_INIT);
	outb(PIC2, PIC_INIT);
	outb(PIC1 + 1, VEC_TIMER);
	outb(PIC2 + 1, VEC_TIMER + 8);
	outb(PIC1 + 1, 1 << 2); /* the second is at input 2 of the first */
	outb(PIC2 + 1, 2);
	outb(PIC1 + 1, 1);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xfe); /* the timer alone */
	outb(PIC2 + 1, 0xff);
}

void pic_ack(unsigned int vector)
{
	if (vector >= VEC_TIMER + 8)
		outb(PIC2, PIC_EOI);
	outb(PIC1, PIC_EOI);
}

void arch_timer_init(void)
{
	uint16_t divisor = PIT_HZ / TICK_HZ;

	apic_init();
	pic_init();
	outb(0x43, 0x34); /* channel 0, low then high byte, mode 2 */
	outb(0x40, divisor & 0xff);
	outb(0x40, divisor >> 8);
	__asm__ volatile("sti");
}
