/* SPDX-License-Identifier: MIT */
/*
 * stdbool.h - a kernel module has no C library's
 */
#include <linux/types.h>
#include <linux/stddef.h>
