/* SPDX-License-Identifier: MIT */
/*
 * errno.h - error numbers
 */
#ifndef KMOD_LINUX_ERRNO_H
#define KMOD_LINUX_ERRNO_H

#include_next <linux/errno.h>

#define ENOTSUPP 524

#endif
