/* SPDX-License-Identifier: MIT */
/* guest.h - what the guest tests share */
#ifndef GUEST_H
#define GUEST_H

/*
 * How many mapped pages are writable and executable, by one address or by two.
 * Counts with the page tables as they are now.
 */
unsigned int guest_wx_pages(void);

/* How long a test that is bounded by time is to take: `seconds=N`. */
extern unsigned int guest_seconds;

/* Bad ends, by name: `end=lockup` calls end_lockup(). */
void end_lockup(void);
void end_lockups(void);
void end_hog(void);
void end_sleep(void);
void end_stops(void);
void end_overflow(void);
void end_handler(void);
void end_fault(void);

/* Functions that probes are put on by name. */
long guest_deep(long n);
long guest_traced(long n);
void guest_never_returns(void *arg);

#endif
