/* SPDX-License-Identifier: MIT */
/*
 * entry.c - a traced process runs up to the entry point of its program
 */
#include "entry.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "isa.h"

uint64_t entry_point_of(pid_t pid)
{
	Elf64_auxv_t aux[64];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, aux, sizeof(aux));
	close(fd);
	for (ssize_t i = 0; (i + 1) * (ssize_t)sizeof(aux[0]) <= n; i++)
		if (aux[i].a_type == AT_ENTRY)
			return aux[i].a_un.a_val;
	return 0;
}

int entry_set(struct entry *e, pid_t pid)
{
	e->addr = entry_point_of(pid);
	if (!e->addr)
		return -1;
	errno = 0;
	e->word = ptrace(PTRACE_PEEKTEXT, pid, e->addr, 0);
	if (errno ||
	    ptrace(PTRACE_POKETEXT, pid, e->addr, isa_breakpoint(e->word)) != 0)
		return -1;
	return 0;
}

int entry_reached(const struct entry *e, pid_t pid)
{
	int met = isa_met_breakpoint(pid, e->addr);

	if (met == 1 && ptrace(PTRACE_POKETEXT, pid, e->addr, e->word) != 0)
		return -1;
	return met;
}
