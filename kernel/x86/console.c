/* SPDX-License-Identifier: MIT */
/* console.c - the first serial port, polled */

#include "cpu.h"

#define PORT		0x3f8
#define REG_DATA	(PORT + 0)
#define REG_INTERRUPTS	(PORT + 1)
#define REG_FIFO	(PORT + 2)
#define REG_LINE	(PORT + 3)
#define REG_STATUS	(PORT + 5)
#define STATUS_CAN_SEND 0x20
#define STATUS_RECEIVED 0x01

void console_init(void)
{
	outb(REG_INTERRUPTS, 0);
	outb(REG_LINE, 0x80); /* the next two are the divisor: 115200 baud */
	outb(REG_DATA, 1);
	outb(REG_INTERRUPTS, 0);
	outb(REG_LINE, 0x03); /* 8 bits, no parity, 1 stop bit */
	outb(REG_FIFO,
	     0x00); /* turning it on would drop what was typed early */
}

static void put(char c)
{
	while (!(inb(REG_STATUS) & STATUS_CAN_SEND))
		arch_cpu_relax();
	outb(REG_DATA, (uint8_t)c);
}

void arch_console_write(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n')
			put('\r');
		put(s[i]);
	}
}

int arch_console_read(void)
{
	return inb(REG_STATUS) & STATUS_RECEIVED ? inb(REG_DATA) : -1;
}
