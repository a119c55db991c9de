/* SPDX-License-Identifier: MIT */
/*
 * errno.h - the error numbers that the engine returns
 *
 * They are Linux's, on every architecture and in every home, so that who knows
 * kprobes knows what a refusal means.  Functions return them negated.
 */
#ifndef TRAPLINE_ERRNO_H
#define TRAPLINE_ERRNO_H

#define TL_EPERM      1
#define TL_ENOENT     2
#define TL_ESRCH      3
#define TL_EINTR      4
#define TL_EIO	      5
#define TL_E2BIG      7
#define TL_ENOEXEC    8
#define TL_EAGAIN     11
#define TL_ENOMEM     12
#define TL_EACCES     13
#define TL_EFAULT     14
#define TL_EBUSY      16
#define TL_EEXIST     17
#define TL_ENODEV     19
#define TL_EINVAL     22
#define TL_ENOSPC     28
#define TL_ERANGE     34
#define TL_ENOSYS     38
#define TL_EILSEQ     84
#define TL_EOPNOTSUPP 95

#endif
