/* SPDX-License-Identifier: MIT */
/*
 * debugreg.c - the debug registers of arm64 are not known to the engine
 *
 * The CPU has breakpoints and watchpoints apart, each with a control register of its
 * own, and traps before the access, so that whoever goes on must step over it.  The
 * engine knows one set that traps after the access.  So every registration is
 * refused with -TL_EOPNOTSUPP.
 */
#include <arch.h>

const struct tl_arch_bp *const tl_arch_bp = NULL;
