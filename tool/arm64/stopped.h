/* SPDX-License-Identifier: MIT */
/*
 * stopped.h - the registers of a thread that is stopped under ptrace: arm64
 *
 * The same names as in the other folder of this kind.  What differs: the number of
 * the system call is a register set of its own, and at a stop before a signal, or
 * for PTRACE_INTERRUPT, the kernel has forgotten it and has already taken back the
 * registers of a call that it will make again: x0 is the first argument and pc the
 * `svc`.  So nothing that is written there can bring about a restart but the
 * registers themselves, and one that has a number is at the entry or the exit of
 * its call.
 */
#ifndef TOOL_STOPPED_H
#define TOOL_STOPPED_H

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include "isa.h"

#ifndef NT_ARM_TLS
#define NT_ARM_TLS 0x401
#endif
#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

struct isa_regs {
	struct user_regs_struct user;
	int nr;	   /* of the system call; -1: none */
	bool wide; /* it does not run A32 or T32 code */
};

/* Of the instruction that makes a system call, in bytes. */
#define ISA_SYSCALL_BYTES 4

/*
 * When a thread stops for a signal, or because it is asked to, the kernel has decided
 * already if its call will be made again; see above.
 */
#define ISA_DECIDES_LATE 0

/*
 * Those of an address that are not for the signature of a pointer.  They are the same
 * for all processes, and the processor says which: it takes the signature from
 * all ones.  (Without signatures the instruction does nothing.)
 */
static inline uint64_t isa_address_bits(void)
{
	register uint64_t signed_one __asm__("x30") = ~(1ull << 55);

	__asm__ volatile("hint #7 // xpaclri" : "+r"(signed_one));
	return signed_one == ~(1ull << 55) ? ~0ull : signed_one;
}

/* Below its stack pointer a thread has nothing. */
#define ISA_RED_ZONE 0

/*
 * A signal frame holds the registers in this order.  The first of the records behind
 * them is that of the vector registers: its magic number, and its length.
 *
 *     x0 … x30 sp pc pstate (a word to align) magic|length
 */
#define ISA_FRAME_MARK	  0x0000021046508001ull
#define ISA_FRAME_SP_BACK 4
/* From the ucontext up to it, which is in. */
#define ISA_FRAME_WORDS 59

/* The number of a call is as it is. */
static inline long isa_call(long nr)
{
	return nr;
}

/* Does system call @nr make tasks? */
static inline bool isa_makes_tasks(long nr)
{
	return nr == SYS_clone || nr == SYS_clone3;
}

/* svc #0 */
static inline bool isa_is_syscall(const uint8_t *code)
{
	static const uint8_t svc[] = { 0x01, 0x00, 0x00, 0xd4 };

	return !memcmp(code, svc, sizeof(svc));
}

/* So many places for a stub are looked at: one is in reach of threads 128 MiB around. */
#define LOAN_CAVES 32

/* 0, or a negative errno. */
static inline int isa_get_regs(pid_t tid, struct isa_regs *r)
{
	struct iovec all = { &r->user, sizeof(r->user) };
	struct iovec nr = { &r->nr, sizeof(r->nr) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &all))
		return -errno;
	/* A 32-bit thread's set is shorter, and has no number of its own. */
	r->wide = all.iov_len == sizeof(r->user);
	r->nr = -1;
	if (r->wide && ptrace(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, &nr))
		return -errno;
	return 0;
}

static inline int isa_set_regs(pid_t tid, const struct isa_regs *r)
{
	struct iovec all = { (void *)&r->user, sizeof(r->user) };
	struct iovec nr = { (void *)&r->nr, sizeof(r->nr) };

	if (ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &nr) ||
	    ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &all))
		return -errno;
	return 0;
}

/* Does it run code of this architecture, and not of the narrower one? */
static inline bool isa_is_wide(const struct isa_regs *r)
{
	return r->wide;
}

static inline uint64_t isa_pc(const struct isa_regs *r)
{
	return r->user.pc;
}

static inline void isa_set_pc(struct isa_regs *r, uint64_t pc)
{
	r->user.pc = pc;
}

static inline uint64_t isa_sp(const struct isa_regs *r)
{
	return r->user.sp;
}

static inline void isa_set_sp(struct isa_regs *r, uint64_t sp)
{
	r->user.sp = sp;
}

/* What may be an address of code, of all but pc. */
#define ISA_ADDRESSES 32
static inline unsigned int isa_addresses(const struct isa_regs *r,
					 uint64_t to[ISA_ADDRESSES])
{
	memcpy(to, r->user.regs, sizeof(r->user.regs));
	to[31] = r->user.sp;
	return ISA_ADDRESSES;
}

/* The system call that it comes out of, or is in: negative if none. */
static inline long isa_syscall(const struct isa_regs *r)
{
	return r->nr;
}

/* It goes on where its registers say: no call is made again. */
static inline void isa_no_syscall(struct isa_regs *r)
{
	r->nr = -1;
}

/* What a system call returned. */
static inline long isa_result(const struct isa_regs *r)
{
	return (long)r->user.regs[0];
}

static inline void isa_set_result(struct isa_regs *r, long result)
{
	r->user.regs[0] = (uint64_t)result;
}

/*
 * It has stopped for a system call: behind that, and not before it?  The kernel says
 * so in x7, which cannot be changed at such a stop.
 */
static inline bool isa_at_exit(const struct isa_regs *r)
{
	return r->user.regs[7] == 1;
}

/* Is it coming out of a call that the kernel may make again?  It shows nothing. */
static inline bool isa_restarts(const struct isa_regs *r)
{
	(void)r;
	return false;
}

/* Does the kernel step it over a breakpoint?  Nobody else does. */
static inline bool isa_is_stepped(const struct isa_regs *r)
{
	return r->user.pstate & 1ull << 21;
}

/* Argument @i of a function, 0 to 3. */
static inline uint64_t isa_arg(const struct isa_regs *r, unsigned int i)
{
	return r->user.regs[i];
}

static inline void isa_set_arg0(struct isa_regs *r, uint64_t value)
{
	r->user.regs[0] = value;
}

/* So that the thread, at a system call instruction, makes this call. */
static inline void isa_set_syscall(struct isa_regs *r, long nr,
				   const uint64_t arg[6])
{
	for (unsigned int i = 0; i < 6; i++)
		r->user.regs[i] = arg[i];
	r->user.regs[8] = (uint64_t)nr;
	r->nr = -1;
}

/* It stands behind the system call of wait.S: all but that is as it was. */
static inline void isa_behind_wait(struct isa_regs *r)
{
	r->user.regs[0] = r->user.regs[9];
	r->nr = -1;
}

/* One that begins at @pc, on the stack @sp, with nothing else it knows. */
static inline void isa_begin_at(struct isa_regs *r, uint64_t pc, uint64_t sp,
				uint64_t argument)
{
	r->user.pc = pc;
	r->user.sp = sp;
	r->user.regs[0] = argument;
	r->user.regs[29] = 0;
	r->user.regs[30] = 0;
	r->user.pstate = 0;
	r->nr = -1;
}

/*
 * The thread goes on at @pc, with its registers as they are; what it was about to
 * jump to is not what is there.
 */
static inline void isa_enter(struct isa_regs *r, uint64_t pc)
{
	const uint64_t btype = 3ul << 10;

	r->user.pc = pc;
	r->user.pstate &= ~btype;
	r->nr = -1;
}

/* It has met a breakpoint: where that is. */
static inline uint64_t isa_trapped_at(const struct isa_regs *r)
{
	return r->user.pc;
}

/* So that it finds @value as the result of the breakpoint, and goes on behind it. */
static inline void isa_answer(struct isa_regs *r, long value)
{
	r->user.regs[0] = (uint64_t)value;
	r->user.pc += 4;
	r->nr = -1;
}

/* Where the thread's own data are; 0: it cannot be asked. */
static inline uint64_t isa_thread_pointer(pid_t tid, const struct isa_regs *r)
{
	uint64_t tp[2] = { 0 };
	struct iovec v = { tp, sizeof(tp) };

	(void)r;
	return ptrace(PTRACE_GETREGSET, tid, NT_ARM_TLS, &v) ? 0 : tp[0];
}

/* One register and no other, in the thread and in @r.  0, or a negative errno. */
static inline int isa_poke_pc(pid_t tid, struct isa_regs *r, uint64_t pc)
{
	struct iovec all = { &r->user, sizeof(r->user) };

	r->user.pc = pc;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &all) ? -errno : 0;
}

static inline int isa_poke_result(pid_t tid, struct isa_regs *r, long result)
{
	struct iovec all = { &r->user, sizeof(r->user) };

	r->user.regs[0] = (uint64_t)result;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &all) ? -errno : 0;
}

/* Where the thread was that a signal handler of ours has interrupted. */
static inline uint64_t isa_context_pc(const ucontext_t *c)
{
	return c->uc_mcontext.pc;
}

#endif
