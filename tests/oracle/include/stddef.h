/* SPDX-License-Identifier: MIT */
/*
 * stddef.h - a kernel module has no C library's
 */
#include <linux/types.h>
