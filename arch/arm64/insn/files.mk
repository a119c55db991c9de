# SPDX-License-Identifier: MIT
arm64-insn-srcs := $(addprefix arch/arm64/insn/, decode.c flow.c relocate.c simulate.c \
	table_branch.c table_data.c table_memory.c table_sme.c table_sve.c table_vector.c)
