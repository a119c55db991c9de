/* SPDX-License-Identifier: MIT */
/*
 * libc_function.c - a probe on a function of the C library, by name
 *
 * Every call of malloc() is seen, also those that the library makes itself.  The
 * handler may call functions that are probed: printf() may call malloc(), and
 * that call is not seen but counted, in nmissed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

static unsigned int calls;
static unsigned long bytes;

static int on_malloc(struct kprobe *p, struct pt_regs *regs)
{
	void *volatile own;

	(void)p;
	own = malloc(1); /* a miss: a handler is running */
	free(own);
	calls++;
	bytes += regs_get_kernel_argument(regs, 0);
	return 0;
}

int main(void)
{
	struct kprobe p = {
		.symbol_name = "malloc",
		.pre_handler = on_malloc,
	};
	char *copies[3];
	int err;

	err = register_kprobe(&p);
	if (err) {
		fprintf(stderr, "register_kprobe: %s\n", strerror(-err));
		return 1;
	}
	copies[0] = strdup("one");
	copies[1] = strdup("three");
	copies[2] = strdup("seven and twenty");
	unregister_kprobe(&p);

	printf("%u calls of malloc for %lu bytes, %lu missed\n", calls, bytes,
	       p.nmissed);
	for (int i = 0; i < 3; i++)
		free(copies[i]);
	return 0;
}
