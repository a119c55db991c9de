# SPDX-License-Identifier: MIT
# files.mk - the sources of arch/x86/insn

x86-insn-srcs := $(addprefix arch/x86/insn/, decode.c table_legacy.c \
		   table_vex.c table_evex.c relocate.c flow.c exits.c \
		   scan.c jump.c bases.c table.c pads.c)
