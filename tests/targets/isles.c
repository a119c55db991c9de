/* SPDX-License-Identifier: MIT */
/*
 * isles.c - functions in which a jump does not fit, with padding nearby
 */
#include <stddef.h>

#include "control.h"

long isle_many(long a), isle_tail(long a);

__asm__(".text\n"
	/* a + 6; three places, and padding for three islands in the middle. */
	"	.p2align 6\n"
	"	.globl isle_many\n"
	"	.type isle_many, @function\n"
	"isle_many:\n"
	"	mov %rdi, %rax\n" /* + 0 */
	"1:	xor %edx, %edx\n"
	"	test %rdx, %rdx\n"
	"	jne 1b\n"
	"	add $5, %rax\n" /* + 10 */
	"2:	test %rdx, %rdx\n"
	"	jne 2b\n"
	"	inc %rax\n" /* + 19 */
	"3:	test %rdx, %rdx\n"
	"	jne 3b\n"
	"	jmp 4f\n" /* + 27 */
	"	.nops 19, 4\n"
	"4:	ret\n"
	"	.size isle_many, . - isle_many\n"
	/*
	 * a + 1; an island has one place, behind the function, which the window
	 * of the return reaches into.
	 */
	"	.p2align 4\n"
	"	.globl isle_tail\n"
	"	.type isle_tail, @function\n"
	"isle_tail:\n"
	"	mov %rdi, %rax\n"
	"1:	xor %edx, %edx\n"
	"	test %rdx, %rdx\n"
	"	jne 1b\n"
	"	.nops 11\n"
	"	inc %rax\n"
	"	ret\n" /* + 24 */
	"	.size isle_tail, . - isle_tail\n"
	"	.p2align 4\n");

static const char *const counters[] = { "rounds", NULL };

static void round_of_both(struct worker *w)
{
	long a = (long)w->counts[0];

	control_expect("isle_many", (uint64_t)isle_many(a), (uint64_t)a + 6);
	control_expect("isle_tail", (uint64_t)isle_tail(a), (uint64_t)a + 1);
	w->counts[0]++;
}

int main(int argc, char **argv)
{
	static const struct program p = {
		.counters = counters,
		.round = round_of_both,
		.threads = 3,
	};

	return control_run(argc, argv, &p);
}
