# SPDX-License-Identifier: MIT
host-kernel-srcs := $(addprefix host/kernel/, context.c memory.c text.c ops.c debug.c)
