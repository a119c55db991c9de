/* SPDX-License-Identifier: MIT */
/* exports.c - what modules of this kernel find in it */

#include <kern/memory.h>
#include <kern/module.h>
#include <kern/printk.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/time.h>

EXPORT(kfree);
EXPORT(kmalloc);
EXPORT(memcmp);
EXPORT(memcpy);
EXPORT(memmove);
EXPORT(memset);
EXPORT(mutex_lock);
EXPORT(mutex_unlock);
EXPORT(printk);
EXPORT(strcmp);
EXPORT(strlen);
EXPORT(thread_sleep_ms);
EXPORT(thread_yield);
EXPORT(ticks);
