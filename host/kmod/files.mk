# SPDX-License-Identifier: MIT

# What modules find in any home.
host-kmod-srcs := $(addprefix host/kmod/, exports.c format.c params.c string.c)
