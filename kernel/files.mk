# SPDX-License-Identifier: MIT
# The reference kernel, without what it is linked with: the engine and its
# home, or kernel/core/without_*.c in their place.

kernel-isas := x86 arm64

kernel-core-srcs := $(addprefix kernel/core/, main.c string.c printk.c panic.c \
	page.c heap.c mmu.c space.c symbols.c time.c trap.c thread.c smp.c \
	module.c module_elf.c exports.c task.c exec.c signal.c ptrace.c syscall.c sys.c)
kernel-x86-srcs := $(kernel-core-srcs) $(addprefix kernel/x86/, boot.S \
	vectors.S probe_read.S user_copy.S ap.S switch.S cpu.c irq.c trap.c \
	user.c mmu.c reloc.c console.c debug.c pit.c start.c show.c)
kernel-arm64-srcs := $(kernel-core-srcs) $(addprefix kernel/arm64/, boot.S \
	vectors.S probe_read.S user_copy.S ap.S switch.S cpu.c irq.c trap.c \
	user.c mmu.c reloc.c console.c debug.c start.c show.c)

# User programs: what each is linked with, and those that are programs.
kernel-user-srcs = kernel/user/$1/start.S kernel/user/lib.c
kernel-programs := kernel/user/hello.c kernel/user/ticker.c

# At the top of the addresses, not position independent; frame pointers for
# backtraces.
kernel-cflags := -fno-pic -fno-omit-frame-pointer -fno-optimize-sibling-calls \
	-fno-asynchronous-unwind-tables
kernel-x86-cflags := $(kernel-cflags) -mcmodel=kernel
kernel-arm64-cflags := $(kernel-cflags)
# $1 the target
kernel-cflags-of = $(kernel-$(patsubst kernel-%,%,$1)-cflags)

CFLAGS.kernel/core = $(call kernel-cflags-of,$1)
CFLAGS.kernel/x86 := $(kernel-x86-cflags)
CFLAGS.kernel/arm64 := $(kernel-arm64-cflags)
CFLAGS.kernel/user := -fno-pic
CFLAGS.tests/guest/user := -fno-pic
CFLAGS.examples/kernel-demo = $(call kernel-cflags-of,$1)
CFLAGS.host/kernel = $(call kernel-cflags-of,$1)
CFLAGS.tests/guest = $(call kernel-cflags-of,$1) $(kern-inc) \
	-Ikernel/$(patsubst kernel-%,%,$1) -Ihost/kernel \
	-Itests/guest -Itests/guest/$(patsubst kernel-%,%,$1) \
	-fno-toplevel-reorder
