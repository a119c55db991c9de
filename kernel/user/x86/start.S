/* SPDX-License-Identifier: MIT */
/*
 * start.S - a user program's first instruction, and its system calls
 *
 * The arguments of a C call are in the registers in which the kernel wants them.
 */

	.text
	.globl	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp
	call	main
	movl	%eax, %edi
	call	exit
	.size	_start, . - _start

	.macro	syscall_stub name, nr
	.globl	\name
	.type	\name, @function
\name:
	movl	$\nr, %eax
	int	$0x80
	ret
	.size	\name, . - \name
	.endm

	syscall_stub exit, 0
	syscall_stub write, 1
	syscall_stub getpid, 2
	syscall_stub getppid, 3
	syscall_stub cpu, 4
	syscall_stub yield, 5
	syscall_stub sleep_ms, 6
	syscall_stub move, 7
	syscall_stub fork, 8
	syscall_stub exec, 9
	syscall_stub wait, 10
	syscall_stub kill, 11
	syscall_stub sys_signal, 12
	syscall_stub sigmask, 13
	syscall_stub sigreturn, 14
	syscall_stub ptrace, 15

	.section .note.GNU-stack, "", @progbits
