/* SPDX-License-Identifier: MIT */
/* guest.h - what the guest tests share */
#ifndef GUEST_H
#define GUEST_H

/*
 * How many mapped pages are writable and executable, by one address or by two.
 * Counts with the page tables as they are now.
 */
unsigned int guest_wx_pages(void);

#endif
