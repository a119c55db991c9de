/* SPDX-License-Identifier: MIT */
/*
 * minmax.h - the lesser, the greater
 */
#ifndef KMOD_LINUX_MINMAX_H
#define KMOD_LINUX_MINMAX_H

/* Of one type, each argument evaluated once. */
#define min(a, b)                                                           \
	({                                                                  \
		__typeof__(a) kmod_a = (a);                                 \
		__typeof__(b) kmod_b = (b);                                 \
		_Static_assert(__builtin_types_compatible_p(__typeof__(kmod_a), \
							    __typeof__(kmod_b)), \
			       "min() of two types");                       \
		kmod_a < kmod_b ? kmod_a : kmod_b;                          \
	})
#define max(a, b)                                                           \
	({                                                                  \
		__typeof__(a) kmod_a = (a);                                 \
		__typeof__(b) kmod_b = (b);                                 \
		_Static_assert(__builtin_types_compatible_p(__typeof__(kmod_a), \
							    __typeof__(kmod_b)), \
			       "max() of two types");                       \
		kmod_a > kmod_b ? kmod_a : kmod_b;                          \
	})
#define min_t(type, a, b)                      \
	({                                     \
		type kmod_ta = (a);            \
		type kmod_tb = (b);            \
		kmod_ta < kmod_tb ? kmod_ta : kmod_tb; \
	})
#define max_t(type, a, b)                      \
	({                                     \
		type kmod_ta = (a);            \
		type kmod_tb = (b);            \
		kmod_ta > kmod_tb ? kmod_ta : kmod_tb; \
	})
#define clamp(v, lo, hi) min((__typeof__(v))max(v, lo), hi)

#define swap(a, b)                          \
	do {                                \
		__typeof__(a) kmod_s = (a); \
		(a) = (b);                  \
		(b) = kmod_s;               \
	} while (0)

#endif
