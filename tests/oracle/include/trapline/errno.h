/* SPDX-License-Identifier: MIT */
/*
 * errno.h - the numbers are Linux's
 */
#include <linux/errno.h>

#define TL_EPERM      EPERM
#define TL_ENOENT     ENOENT
#define TL_E2BIG      E2BIG
#define TL_ENOMEM     ENOMEM
#define TL_EBUSY      EBUSY
#define TL_EEXIST     EEXIST
#define TL_EINVAL     EINVAL
#define TL_ENOSPC     ENOSPC
#define TL_ERANGE     ERANGE
#define TL_EILSEQ     EILSEQ
#define TL_EOPNOTSUPP EOPNOTSUPP
