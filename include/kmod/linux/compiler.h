/* SPDX-License-Identifier: MIT */
/*
 * compiler.h - attributes and ordered accesses
 */
#ifndef KMOD_LINUX_COMPILER_H
#define KMOD_LINUX_COMPILER_H

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define barrier() __asm__ volatile("" ::: "memory")
#define READ_ONCE(x)	 (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* Address spaces are sparse's business. */
#define __user
#define __kernel
#define __iomem
#define __force
#define __percpu
#define __must_check __attribute__((warn_unused_result))

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef noinline
#define noinline __attribute__((noinline))
#endif
#define __maybe_unused __attribute__((unused))
#define __always_unused __attribute__((unused))
#define __used	       __attribute__((used))
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __section(s)   __attribute__((section(s)))
#define __noreturn     __attribute__((noreturn))
#define __cold	       __attribute__((cold))
#define __pure	       __attribute__((pure))
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define __weak	       __attribute__((weak))
#define notrace
#define asmlinkage
#define fallthrough __attribute__((fallthrough))
#define __read_mostly
#define __ro_after_init

#endif
