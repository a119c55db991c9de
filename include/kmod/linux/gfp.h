/* SPDX-License-Identifier: MIT */
/*
 * gfp.h - how memory may be asked for
 */
#ifndef KMOD_LINUX_GFP_H
#define KMOD_LINUX_GFP_H

#include <linux/types.h>

/* Memory is got in the same way, whoever asks, and never waited for. */
#define GFP_KERNEL 1u
#define GFP_ATOMIC 2u
#define GFP_NOWAIT 4u
#define __GFP_ZERO 8u
#define __GFP_NOWARN 16u

#endif
