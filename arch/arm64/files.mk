# SPDX-License-Identifier: MIT
arm64-srcs := $(addprefix arch/arm64/, call.S code.c cpu.c debugreg.c detour.c jprobe.S patch.c plan.c \
	retprobe.S simulate.c slot.c text.c trap.c vectors.S)
