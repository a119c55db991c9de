# SPDX-License-Identifier: MIT

# What modules find in any home.
host-kmod-srcs := $(addprefix host/kmod/, dump.c exports.c format.c \
	hw_breakpoint.c params.c slab.c string.c)
