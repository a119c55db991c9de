/* SPDX-License-Identifier: MIT */
/* ops.c - what this kernel can do beyond the necessary: symbols and stacks */

#include "host_kernel.h"
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/stack.h>
#include <kern/symbols.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <trapline/host.h>

static int lookup(const char *name, uintptr_t *addr)
{
	const struct symbol *sym = symbol_by_name(name);

	if (!sym)
		return -TL_ENOENT;
	*addr = sym->addr;
	return 0;
}

static int function(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	const struct symbol *sym = symbol_by_addr(addr);

	if (!sym)
		return -TL_ENOENT;
	*start = sym->addr;
	*end = sym->addr + sym->size;
	return 0;
}

/*
 * The kernel's own text, but for the way from the vectors to the engine, and that
 * of modules; and no jump over what the table of fixups leads to or looks for.
 */
static bool allowed(uintptr_t addr, size_t len, bool jump)
{
	uintptr_t last = addr + (len ? len - 1 : 0);

	if (jump && fixup_within(addr, last + 1))
		return false;
	if (module_text(addr) && module_text(last))
		return true;
	return text_is_kernel(addr) && text_is_kernel(last) &&
	       (last < (uintptr_t)noprobe_start ||
		addr >= (uintptr_t)noprobe_end);
}

TL_NOPROBE static int stack(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	return stack_bounds(sp, low, high) ? 0 : -TL_ENOENT;
}

/* Whose handler is waited for may have been pre-empted on this very CPU. */
static bool give_way(unsigned int turn)
{
	(void)turn;
	thread_yield();
	return true;
}

/* Interrupts use the kernel's stack: nothing below its pointer is anyone's. */
static struct tl_host_ops ops = {
	.lookup = lookup,
	.function = function,
	.allowed = allowed,
	.stack = stack,
	.red_zone = 0,
	.pause = give_way,
	.debug = &host_kernel_debug,
};

const struct tl_host_ops *tl_host_ops = &ops;

void host_kernel_optimize(bool optimize)
{
	ops.no_optimize = !optimize;
}

void host_kernel_stepping(unsigned int stepping)
{
	ops.stepping = (enum tl_stepping)stepping;
}
