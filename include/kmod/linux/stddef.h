/* SPDX-License-Identifier: MIT */
/*
 * stddef.h - NULL, offsetof
 */
#ifndef KMOD_LINUX_STDDEF_H
#define KMOD_LINUX_STDDEF_H

#include_next <linux/stddef.h>

#include <stdbool.h>
#include <stddef.h>

#define sizeof_field(type, member) sizeof(((type *)0)->member)

#endif
