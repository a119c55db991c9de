# SPDX-License-Identifier: MIT
host-kernel-srcs := $(addprefix host/kernel/, context.c memory.c text.c ops.c debug.c modules.c)

# Modules written against include/kmod, in this kernel: one object, in which only
# what its loader asks for is global, since the names are those of modules.
host-kernel-kmod-srcs := $(addprefix host/kernel/kmod/, loader.c kernel.c)
host-kernel-kmod-calls := kmod_check kmod_find kmod_begin kmod_end kmod_users
