# SPDX-License-Identifier: MIT
arm64-insn-srcs := $(addprefix arch/arm64/insn/, decode.c simulate.c relocate.c)
