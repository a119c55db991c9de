/* SPDX-License-Identifier: MIT */
/* link: lib and-arm64 tests/api/ISA/places.S */
/*
 * policy.c - probes where a system call that they would like is forbidden
 *
 * Each row is a child with a seccomp filter that answers EPERM to one system
 * call.  What has another way must work; nothing may be half-done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#include "places.h"
#include "tl_test.h"
#include "tl_ucontext.h"

static unsigned long hits;

HANDLER int hit(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static int forbid(unsigned int nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TL_ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* 0, or the line where something was wrong. */
static int probes_work(void)
{
	uint8_t jump[16], brk[16];

	memcpy(jump, (void *)place_jump, 16);
	memcpy(brk, (void *)place_break, 16);
	for (int i = 0; i < 3; i++) {
		struct kprobe p = { .addr = (void *)place_jump,
				    .pre_handler = hit };
		struct kprobe q = { .addr = (void *)place_break,
				    .pre_handler = hit };

		hits = 0;
		if (register_kprobe(&p) || register_kprobe(&q))
			return __LINE__;
		if (trapline_kprobe_why(&p) != TL_WHY_NONE)
			return __LINE__;
		if (place_jump(1, 2, 0) != 3 || place_break(1, 2, 0) != 3)
			return __LINE__;
		if (hits != 2)
			return __LINE__;
		unregister_kprobe(&p);
		unregister_kprobe(&q);
		if (place_jump(1, 2, 0) != 3 || place_break(1, 2, 0) != 3)
			return __LINE__;
		if (memcmp(jump, (void *)place_jump, 16) ||
		    memcmp(brk, (void *)place_break, 16) || hits != 2)
			return __LINE__;
	}
	return 0;
}

/* 0: a probe is refused, and nothing has changed. */
static int probe_is_refused(void)
{
	struct kprobe p = { .addr = (void *)place_jump, .pre_handler = hit };
	uint8_t before[16];

	memcpy(before, (void *)place_jump, 16);
	hits = 0;
	if (register_kprobe(&p) != -TL_EOPNOTSUPP)
		return __LINE__;
	if (memcmp(before, (void *)place_jump, 16) ||
	    place_jump(1, 2, 0) != 3 || hits)
		return __LINE__;
	return 0;
}

TL_TEST(what_is_forbidden_is_done_another_way)
{
	static const struct {
		const char *name;
		unsigned int nr;
		bool refused;
	} rows[] = {
		{ "pwrite64: text is replaced by pages", SYS_pwrite64, false },
		{ "process_vm_readv: /proc/self/mem", SYS_process_vm_readv,
		  false },
		{ "membarrier: page permissions", SYS_membarrier,
		  NEEDS_MEMBARRIER },
		{ "rt_tgsigqueueinfo: nobody to be asked",
		  SYS_rt_tgsigqueueinfo, false },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		int status = 0;
		pid_t pid = fork();

		ROW(rows[i].name);
		if (!pid) {
			alarm(60);
			if (forbid(rows[i].nr))
				_exit(77);
			_exit((rows[i].refused ? probe_is_refused()
					       : probes_work()) &
			      0xff);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			SKIP("seccomp filters cannot be set here");
		CHECK_EQ(status, 0);
	}
}

/* Code that the program has made, and goes on writing to. */
static int page_stays_writable(void)
{
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kprobe p = { .addr = (void *)page, .pre_handler = hit };
	long (*call)(long a, long b, long c) = (void *)page;
	int err;

	if (page == MAP_FAILED)
		return 77;
	memcpy(page, (void *)place_jump, 64);
	__builtin___clear_cache((char *)page, (char *)page + 64);
	hits = 0;
	err = register_kprobe(&p);
	if (err && err != -TL_EINVAL)
		return __LINE__;
	((volatile uint8_t *)page)[1024] = 1; /* or a fault */
	if (call(1, 2, 0) != 3 || hits != !err)
		return __LINE__;
	if (!err)
		unregister_kprobe(&p);
	((volatile uint8_t *)page)[1025] = 1;
	return 0;
}

TL_TEST(a_page_that_the_program_writes_to_stays_writable)
{
	for (int forbidden = 0; forbidden < 2; forbidden++) {
		int status = 0;
		pid_t pid = fork();

		ROW(forbidden ? "pwrite64 is forbidden" : "nothing is");
		if (!pid) {
			if (forbidden && forbid(SYS_pwrite64))
				_exit(77);
			_exit(page_stays_writable() & 0xff);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			SKIP("no filters, or no such page");
		CHECK_EQ(status, 0);
	}
}
