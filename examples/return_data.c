/* SPDX-License-Identifier: MIT */
/*
 * return_data.c - a return probe that keeps something from entry to return
 *
 * Each call that is being followed has data_size bytes of its own, also when the
 * function calls itself or runs in several threads.  Here they hold the argument
 * and the time of the entry.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

struct call {
	unsigned long n;
	struct timespec entered;
};

static __attribute__((noinline)) unsigned long factorial(unsigned long n)
{
	unsigned long below = n ? factorial(n - 1) : 1;

	__asm__ volatile("" : "+r"(below)); /* no loop in place of calls */
	return n ? n * below : 1;
}

static int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct call *call = (struct call *)ri->data;

	call->n = regs_get_kernel_argument(regs, 0);
	clock_gettime(CLOCK_MONOTONIC, &call->entered);
	return call->n == 0; /* not 0: this call is of no interest */
}

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct call *call = (struct call *)ri->data;
	struct timespec now;
	long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (now.tv_sec - call->entered.tv_sec) * 1000000000L +
	     (now.tv_nsec - call->entered.tv_nsec);
	printf("factorial(%lu) = %lu, after %s time\n", call->n,
	       regs_return_value(regs), ns > 0 ? "some" : "no");
	return 0;
}

int main(void)
{
	struct kretprobe rp = {
		.kp.addr = (kprobe_opcode_t *)factorial,
		.entry_handler = on_entry,
		.handler = on_return,
		.data_size = sizeof(struct call),
	};
	int err;

	err = register_kretprobe(&rp);
	if (err) {
		fprintf(stderr, "register_kretprobe: %s\n", strerror(-err));
		return 1;
	}
	factorial(4);
	unregister_kretprobe(&rp);
	printf("%d missed\n", rp.nmissed);
	return 0;
}
