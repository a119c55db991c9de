/* SPDX-License-Identifier: MIT */
/*
 * regs.h - what the vectors save: all registers, in the order Linux uses
 *
 * orig_ax holds the error code of exceptions that have one, and -1 otherwise.
 */
#ifndef KERN_X86_REGS_H
#define KERN_X86_REGS_H

struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long flags;
	unsigned long sp;
	unsigned long ss;
};

#endif
