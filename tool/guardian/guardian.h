/* SPDX-License-Identifier: MIT */
/*
 * guardian.h - what the files of the guardian share
 */
#ifndef TL_GUARDIAN_H
#define TL_GUARDIAN_H

#include <stdint.h>

/*
 * Say what is in the way: one line, as session_error() hands it out.  Returns
 * @err, so that a refusal is one statement.
 */
int refuse(int err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What was said last; "" if nothing was. */
const char *refusal(void);

/* From here on the kill points of this process are the guardian's. */
void kill_point_guardian(void);

#endif
