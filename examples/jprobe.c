/* SPDX-License-Identifier: MIT */
/*
 * jprobe.c - a handler that gets the function's own arguments
 *
 * It has the signature of the function, so the compiler knows where each argument
 * is: in registers, on the stack, or a structure by value.  It works on a copy;
 * what it does to its arguments the function does not see.
 */
#include <stdio.h>
#include <string.h>

#include <trapline/kprobes.h>

struct point {
	long x, y, z; /* too large for registers: it is on the stack */
};

static __attribute__((noinline)) long distance(const char *name, struct point p,
					       double scale, int a, int b,
					       int c, int d, int e, int f)
{
	__asm__ volatile("" : "+r"(name));
	return (p.x + p.y + p.z) * (long)scale + a + b + c + d + e + f;
}

static long on_distance(const char *name, struct point p, double scale, int a,
			int b, int c, int d, int e, int f)
{
	printf("distance(%s, {%ld, %ld, %ld}, %.1f, %d, %d, %d, %d, %d, %d)\n",
	       name, p.x, p.y, p.z, scale, a, b, c, d, e, f);
	p.x = 1000; /* of no effect */
	jprobe_return();
	return 0;
}

int main(void)
{
	struct point p = { 1, 2, 3 };
	struct jprobe jp = {
		.kp.addr = (kprobe_opcode_t *)distance,
		.entry = (void *)on_distance,
	};
	int err;

	err = register_jprobe(&jp);
	if (err) {
		fprintf(stderr, "register_jprobe: %s\n", strerror(-err));
		return 1;
	}
	printf("%ld\n", distance("here", p, 2.0, 1, 2, 3, 4, 5, 6));
	unregister_jprobe(&jp);
	printf("%ld\n", distance("there", p, 2.0, 1, 2, 3, 4, 5, 6));
	return 0;
}
