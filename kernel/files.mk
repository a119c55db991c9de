# SPDX-License-Identifier: MIT
# The reference kernel, without what it is linked with: the engine and its
# home, or kernel/core/without_*.c in their place.

kernel-core-srcs := $(addprefix kernel/core/, main.c string.c printk.c panic.c \
	page.c heap.c symbols.c time.c trap.c thread.c smp.c \
	module.c module_elf.c exports.c task.c exec.c signal.c ptrace.c syscall.c sys.c)
kernel-x86-srcs := $(kernel-core-srcs) $(addprefix kernel/x86/, boot.S \
	vectors.S probe_read.S user_copy.S ap.S switch.S cpu.c apic.c trap.c \
	user.c mmu.c space.c console.c pit.c start.c show.c)

# User programs: what each is linked with, and those that are programs.
kernel-user-srcs := kernel/user/start.S kernel/user/lib.c
kernel-programs := kernel/user/hello.c kernel/user/ticker.c

# Last 2 GiB, not position independent; frame pointers for backtraces.
kernel-x86-cflags := -fno-pic -mcmodel=kernel -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls -fno-asynchronous-unwind-tables

CFLAGS.kernel/core := $(kernel-x86-cflags)
CFLAGS.kernel/x86 := $(kernel-x86-cflags)
CFLAGS.kernel/user := -fno-pic
CFLAGS.tests/guest/user := -fno-pic
CFLAGS.examples/kernel-demo := $(kernel-x86-cflags)
CFLAGS.host/kernel := $(kernel-x86-cflags)
CFLAGS.tests/guest := $(kernel-x86-cflags) -Ikernel/include -Ikernel/x86 \
	-Ihost/kernel \
	-fno-toplevel-reorder
