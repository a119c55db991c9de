/* SPDX-License-Identifier: MIT */
/* program.h - running user programs in tests */
#ifndef GUEST_PROGRAM_H
#define GUEST_PROGRAM_H

/* Start @program with @arg and wait: how it ended, or a negative error. */
int run_program(const char *program, const char *arg);

/* Start @n of them at once and wait for all; how many did not end with 0. */
unsigned int run_programs(const char *program, const char *arg, unsigned int n);

#endif
