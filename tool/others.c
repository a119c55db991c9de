/* SPDX-License-Identifier: MIT */
/*
 * others.c - what other tracers have in a process' text
 */
#define _GNU_SOURCE
#include "others.h"

#include <sys/uio.h>
#include <unistd.h>

#include "isa.h"
#include "process.h"

#define LOOK 4096u /* bytes of a function; behind them it is none's business */

/* The bytes of the file that is mapped there. */
static bool read_file(const struct module *m, uint64_t at, void *dst,
		      size_t len)
{
	for (size_t i = 0; m && !m->lack && i < m->n_code; i++) {
		const struct range *c = &m->code[i];

		if (at >= c->start && at + len <= c->end)
			return pread(m->image->fd, dst, len,
				     (off_t)(at - c->start + c->offset)) ==
			       (ssize_t)len;
	}
	return false;
}

bool others_breakpoint(struct process *p, uint64_t start, uint64_t end)
{
	size_t len = end - start < LOOK ? (size_t)(end - start) : LOOK;
	uint8_t now[LOOK], file[LOOK];
	struct iovec local = { now, len };
	struct iovec remote = { (void *)(uintptr_t)start, len };

	if (end <= start ||
	    process_vm_readv(p->pid, &local, 1, &remote, 1, 0) !=
		    (ssize_t)len ||
	    !read_file(process_module_at(p, start), start, file, len))
		return false;
	for (size_t i = 0; i + ISA_CODE_STEP <= len; i += ISA_CODE_STEP)
		if (isa_is_breakpoint(now + i) && !isa_is_breakpoint(file + i))
			return true;
	return false;
}
