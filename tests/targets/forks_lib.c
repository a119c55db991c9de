/* SPDX-License-Identifier: MIT */
/*
 * forks_lib.c - the library that forks.c opens and closes again and again
 */
#include <stdint.h>

uint64_t lib_step(uint64_t a, uint64_t b);

__attribute__((noinline)) uint64_t lib_step(uint64_t a, uint64_t b)
{
	return (a ^ b) + 3 * b;
}
