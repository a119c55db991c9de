/* SPDX-License-Identifier: MIT */
/* tasks.h - what the tests with user tasks share */
#ifndef GUEST_TASKS_H
#define GUEST_TASKS_H

/* Start @program with @arg and wait: how it ended, or a negative error. */
int run_program(const char *program, const char *arg);

#endif
