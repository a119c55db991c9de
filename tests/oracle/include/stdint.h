/* SPDX-License-Identifier: MIT */
/*
 * stdint.h - a kernel module has no C library's
 */
#include <linux/types.h>
