/* SPDX-License-Identifier: MIT */
/*
 * stopped.h - the registers of a thread that is stopped under ptrace: x86-64
 *
 * The same names as in the other folder of this kind.
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

struct isa_regs {
	struct user_regs_struct user;
};

/* Of the instruction that makes a system call, in bytes. */
#define ISA_SYSCALL_BYTES 2

/*
 * When a thread stops for a signal, or because it is asked to, its call may have been
 * interrupted, and the kernel has not decided yet if it will be made again: that
 * is to be seen in its result, and can be changed there.
 */
#define ISA_DECIDES_LATE 1

/* All bits of an address are. */
static inline uint64_t isa_address_bits(void)
{
	return ~0ull;
}

/* Below its stack pointer, what a thread may use all the same. */
#define ISA_RED_ZONE 128

/*
 * A signal frame holds the registers in this order, so that the word with the
 * segments (cs 0x33, ss 0x2b, the others 0) is three after the stack pointer:
 *
 *     r8 … r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags cs|gs|fs|ss
 */
#define ISA_FRAME_MARK	  0x002b000000000033ull
#define ISA_FRAME_SP_BACK 3
/* From the ucontext up to it, which is in. */
#define ISA_FRAME_WORDS 24

/* The number of a call without the bit that says how it passes arguments. */
static inline long isa_call(long nr)
{
	return nr & ~0x40000000l;
}

/* Does system call @nr make tasks? */
static inline bool isa_makes_tasks(long nr)
{
	switch (isa_call(nr)) {
	case SYS_clone:
	case SYS_clone3:
	case SYS_fork:
	case SYS_vfork:
		return true;
	}
	return false;
}

static inline bool isa_is_syscall(const uint8_t *code)
{
	return code[0] == 0x0f && code[1] == 0x05;
}

/* So many places for a stub are looked at: one is in reach of any thread. */
#define LOAN_CAVES 1

/* 0, or a negative errno. */
static inline int isa_get_regs(pid_t tid, struct isa_regs *r)
{
	struct iovec v = { &r->user, sizeof(r->user) };

	return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) ? -errno : 0;
}

static inline int isa_set_regs(pid_t tid, const struct isa_regs *r)
{
	return ptrace(PTRACE_SETREGS, tid, 0, &r->user) ? -errno : 0;
}

/* Does it run code of this architecture, and not of the narrower one? */
static inline bool isa_is_wide(const struct isa_regs *r)
{
	return r->user.cs == 0x33;
}

static inline uint64_t isa_pc(const struct isa_regs *r)
{
	return r->user.rip;
}

static inline void isa_set_pc(struct isa_regs *r, uint64_t pc)
{
	r->user.rip = pc;
}

static inline uint64_t isa_sp(const struct isa_regs *r)
{
	return r->user.rsp;
}

static inline void isa_set_sp(struct isa_regs *r, uint64_t sp)
{
	r->user.rsp = sp;
}

/*
 * What may be an address of code, of all but pc.  rcx is the kernel's during a
 * system call: the place after it.
 */
#define ISA_ADDRESSES 16
static inline unsigned int isa_addresses(const struct isa_regs *r,
					 uint64_t to[ISA_ADDRESSES])
{
	const struct user_regs_struct *u = &r->user;
	const uint64_t all[ISA_ADDRESSES] = {
		u->rax, u->rbx, u->rdx, u->rsi, u->rdi, u->rbp, u->rsp, u->r8,
		u->r9,	u->r10, u->r11, u->r12, u->r13, u->r14, u->r15, u->rcx,
	};

	memcpy(to, all, sizeof(all));
	return (long)u->orig_rax < 0 ? ISA_ADDRESSES : ISA_ADDRESSES - 1;
}

/* The system call that it comes out of, or is in: negative if none. */
static inline long isa_syscall(const struct isa_regs *r)
{
	return (long)r->user.orig_rax;
}

/* It goes on where its registers say: no call is made again. */
static inline void isa_no_syscall(struct isa_regs *r)
{
	r->user.orig_rax = ~0ul;
}

/* What a system call returned. */
static inline long isa_result(const struct isa_regs *r)
{
	return (long)r->user.rax;
}

static inline void isa_set_result(struct isa_regs *r, long result)
{
	r->user.rax = (uint64_t)result;
}

/* It has stopped for a system call: behind that, and not before it? */
static inline bool isa_at_exit(const struct isa_regs *r)
{
	return isa_result(r) != -ENOSYS;
}

/* Is it coming out of a call that the kernel may make again? */
static inline bool isa_restarts(const struct isa_regs *r)
{
	return isa_syscall(r) >= 0 && isa_result(r) <= -512 &&
	       isa_result(r) >= -516;
}

/* Does the kernel step it over a breakpoint?  It need not, here. */
static inline bool isa_is_stepped(const struct isa_regs *r)
{
	(void)r;
	return false;
}

/* Argument @i of a function, 0 to 3. */
static inline uint64_t isa_arg(const struct isa_regs *r, unsigned int i)
{
	const uint64_t arg[] = { r->user.rdi, r->user.rsi, r->user.rdx,
				 r->user.rcx };

	return arg[i];
}

static inline void isa_set_arg0(struct isa_regs *r, uint64_t value)
{
	r->user.rdi = value;
}

/* So that the thread, at a system call instruction, makes this call. */
static inline void isa_set_syscall(struct isa_regs *r, long nr,
				   const uint64_t arg[6])
{
	r->user.rax = (uint64_t)nr;
	r->user.orig_rax = ~0ul;
	r->user.rdi = arg[0];
	r->user.rsi = arg[1];
	r->user.rdx = arg[2];
	r->user.r10 = arg[3];
	r->user.r8 = arg[4];
	r->user.r9 = arg[5];
}

/* It stands behind the system call of wait.S: all but that is as it was. */
static inline void isa_behind_wait(struct isa_regs *r)
{
	r->user.orig_rax = ~0ul;
}

/* One that begins at @pc, on the stack @sp, with nothing else it knows. */
static inline void isa_begin_at(struct isa_regs *r, uint64_t pc, uint64_t sp,
				uint64_t argument)
{
	r->user.rip = pc;
	r->user.rsp = sp;
	r->user.rdi = argument;
	r->user.rbp = 0;
	r->user.eflags = 0x202;
	r->user.orig_rax = ~0ul;
}

/* The thread goes on at @pc, with its registers as they are. */
static inline void isa_enter(struct isa_regs *r, uint64_t pc)
{
	r->user.rip = pc;
	r->user.orig_rax = ~0ul;
}

/* It has met a breakpoint: where that is. */
static inline uint64_t isa_trapped_at(const struct isa_regs *r)
{
	return r->user.rip - 1;
}

/* So that it finds @value as the result of the breakpoint, and goes on behind it. */
static inline void isa_answer(struct isa_regs *r, long value)
{
	r->user.rax = (uint64_t)value;
	r->user.orig_rax = ~0ul;
}

/* Where the thread's own data are; 0: it cannot be asked. */
static inline uint64_t isa_thread_pointer(pid_t tid, const struct isa_regs *r)
{
	(void)tid;
	return r->user.fs_base;
}

/* One register and no other, in the thread and in @r.  0, or a negative errno. */
static inline int isa_poke_pc(pid_t tid, struct isa_regs *r, uint64_t pc)
{
	if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rip),
		   pc))
		return -errno;
	r->user.rip = pc;
	return 0;
}

static inline int isa_poke_result(pid_t tid, struct isa_regs *r, long result)
{
	if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rax),
		   result))
		return -errno;
	r->user.rax = (uint64_t)result;
	return 0;
}

/* Where the thread was that a signal handler of ours has interrupted. */
static inline uint64_t isa_context_pc(const ucontext_t *c)
{
	return (uint64_t)c->uc_mcontext.gregs[REG_RIP];
}

#endif
