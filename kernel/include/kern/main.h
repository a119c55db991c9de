/* SPDX-License-Identifier: MIT */
/* main.h - the kernel's way through life */
#ifndef KERN_MAIN_H
#define KERN_MAIN_H

#include <stdbool.h>

/* Where the processor's start code goes, with a stack.  Context: boot. */
void kernel_main(void) __attribute__((noreturn));

/*
 * What the kernel does once it is up: the image supplies it.  Returns true if
 * all went well, which becomes the status the machine is left with.
 */
bool kernel_payload(void);

#endif
