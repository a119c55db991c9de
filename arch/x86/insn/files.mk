# SPDX-License-Identifier: MIT
# files.mk - the sources of arch/x86/insn

x86-insn-srcs := arch/x86/insn/decode.c arch/x86/insn/table_legacy.c \
		 arch/x86/insn/table_vex.c arch/x86/insn/table_evex.c
