/* SPDX-License-Identifier: MIT */
/* errno.h - why not; returned negative, the numbers are those of Linux */
#ifndef KERN_ERRNO_H
#define KERN_ERRNO_H

#define EPERM	1
#define ENOENT	2
#define ESRCH	3
#define EINTR	4
#define EIO	5
#define ENOEXEC 8
#define ECHILD	10
#define EAGAIN	11
#define ENOMEM	12
#define EFAULT	14
#define EBUSY	16
#define EEXIST	17
#define EINVAL	22
#define ENOSPC	28
#define ERANGE	34
#define ENOSYS	38

#endif
