# SPDX-License-Identifier: MIT
x86-srcs := \
	arch/x86/call.S \
	arch/x86/code.c \
	arch/x86/cpu.c \
	arch/x86/debugreg.c \
	arch/x86/detour.c \
	arch/x86/jprobe.S \
	arch/x86/patch.c \
	arch/x86/plan.c \
	arch/x86/retprobe.S \
	arch/x86/simulate.c \
	arch/x86/slot.c \
	arch/x86/text.c \
	arch/x86/trap.c \
	arch/x86/vectors.S
