/* SPDX-License-Identifier: MIT */
/*
 * debugreg.c - the invented processor has no debug registers
 *
 * The rules of hardware breakpoints are tested with the registers of x86, which
 * host/sim scripts.
 */
#include <arch.h>

const struct tl_arch_bp *const tl_arch_bp = NULL;
