/* SPDX-License-Identifier: MIT */
/*
 * below.h - the kernel, for what stands behind its modules' names
 *
 * Modules know a `struct mutex` and a `printk` of their own, so kmod/ cannot
 * include the kernel's headers that have others; these are its few words between.
 */
#ifndef HOST_KERNEL_BELOW_H
#define HOST_KERNEL_BELOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds, by this CPU's counter.  Context: any, once a module is loaded. */
uint64_t below_ns(void);

void below_sleep_ms(unsigned int ms);
void below_yield(void);

/* No other thread runs here, or not even an interrupt is taken, until ..._on(). */
void below_preempt_off(void);
void below_preempt_on(void);
/* The hint of a spin loop. */
void below_relax(void);
unsigned long below_irqs_off(void);
void below_irqs_on(unsigned long flags);

unsigned int below_cpu(void);
unsigned int below_cpus(void);

/* To the console. */
void below_write(const char *text, size_t len);

/* The thread that runs: a number below below_threads(), its pid, its name. */
#define BELOW_THREADS 96
unsigned int below_thread(int *pid, const char **name, bool *user);

/* What the breakpoints of task @pid hang on, or NULL. */
struct tl_bp_thread;
struct tl_bp_thread *below_debug_thread(int pid);

/* From or to the memory of the task that runs; 0 if all was copied. */
int below_from_user(void *to, uintptr_t from, size_t n);
int below_to_user(uintptr_t to, const void *from, size_t n);

/* The address of a function, or 0. */
uintptr_t below_symbol(const char *name);

/* ---- the other way: what the kernel's loader asks (kmod/loader.c) ---------------- */

/* Room for what a module knows as __this_module. */
#define BELOW_SELF_SIZE 128

int kmod_check(const void *abi, size_t size);
uintptr_t kmod_find(const char *name);

/*
 * Name the module @self, and set the @size bytes of its section __param; what has
 * to be given back is in *@data.
 */
int kmod_begin(void *self, const char *name, void *rows, size_t size,
	       const char *text, void **data);
void kmod_end(void *data);

/* How many hold it. */
int kmod_users(const void *self);

#endif
