/* SPDX-License-Identifier: MIT */
/*
 * own_function.c - a probe on a function of one's own
 *
 * The handler before the function sees its arguments and may change them; the
 * handler after sees what its first instruction has done.  Neither the function
 * nor its callers know.
 */
#include <stdio.h>
#include <string.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#ifdef __aarch64__
#define FIRST_ARGUMENT regs[0]
#else
#define FIRST_ARGUMENT di
#endif

static __attribute__((noinline)) int area(int width, int height)
{
	__asm__ volatile("" : "+r"(width), "+r"(height));
	return width * height;
}

static int before(struct kprobe *p, struct pt_regs *regs)
{
	unsigned long width = regs_get_kernel_argument(regs, 0);
	unsigned long height = regs_get_kernel_argument(regs, 1);

	printf("%s(%lu, %lu)\n", p->symbol_name ? p->symbol_name : "area",
	       width, height);
	if (width == 4)
		regs->FIRST_ARGUMENT = 40;
	return 0; /* go on with the function */
}

static void after(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	(void)p;
	(void)regs;
	(void)flags;
	printf("its first instruction is done\n");
}

int main(void)
{
	struct kprobe p = {
		.addr = (kprobe_opcode_t *)area,
		.pre_handler = before,
		.post_handler = after,
	};
	int err;

	printf("%d\n", area(3, 5));
	err = register_kprobe(&p);
	if (err) {
		fprintf(stderr, "register_kprobe: %s\n", strerror(-err));
		return 1;
	}
	printf("%d\n", area(3, 5));
	printf("%d\n", area(4, 5));
	disable_kprobe(&p);
	printf("%d\n", area(4, 5));
	unregister_kprobe(&p);
	return 0;
}
