/* SPDX-License-Identifier: MIT */
/*
 * probes.h - the little that the kernel asks about probes
 *
 * Supplied by the home of the probe engine, or by what stands in for one.
 */
#ifndef KERN_PROBES_H
#define KERN_PROBES_H

#include <stddef.h>

/*
 * Does a probe's handler run in this thread?  Then its name, or its address, is
 * in @name.  Context: any.
 */
_Bool probes_running(char *name, size_t size);

#endif
