/* SPDX-License-Identifier: MIT */
/*
 * smp.h - CPUs
 */
#ifndef KMOD_LINUX_SMP_H
#define KMOD_LINUX_SMP_H

#include <linux/types.h>

/* Where the caller runs now; it may be elsewhere when it looks. */
unsigned int raw_smp_processor_id(void);
#define smp_processor_id() raw_smp_processor_id()

/* How many CPUs the process may run on. */
unsigned int num_online_cpus(void);

#endif
