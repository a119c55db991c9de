/* SPDX-License-Identifier: MIT */
/* console.c - the first serial port (PL011), polled */

#include "cpu.h"

#define REG_DATA    0x000
#define REG_FLAGS   0x018
#define REG_LINE    0x02c
#define REG_CONTROL 0x030
#define REG_MASK    0x038

#define FLAG_EMPTY (1u << 4) /* nothing was received */
#define FLAG_FULL  (1u << 5) /* nothing can be sent */

static volatile uint32_t *reg(unsigned int offset)
{
	return (volatile uint32_t *)(DIRECT_BASE + UART_PHYS + offset);
}

void console_init(void)
{
	*reg(REG_MASK) = 0;
	*reg(REG_LINE) = 3u << 5;	 /* 8 bits, no FIFO */
	*reg(REG_CONTROL) = 3u << 8 | 1; /* receive, send, on */
}

static void put(char c)
{
	while (*reg(REG_FLAGS) & FLAG_FULL)
		arch_cpu_relax();
	*reg(REG_DATA) = (uint8_t)c;
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
	return *reg(REG_FLAGS) & FLAG_EMPTY ? -1 : (int)(*reg(REG_DATA) & 0xff);
}
