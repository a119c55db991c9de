/* SPDX-License-Identifier: MIT */
/* stack.h - which stack an address is on */
#ifndef KERN_STACK_H
#define KERN_STACK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The bounds of the kernel stack that @sp points into; false if it is on none
 * that the kernel knows.  Context: any.
 */
bool stack_bounds(uintptr_t sp, uintptr_t *low, uintptr_t *high);

#endif
