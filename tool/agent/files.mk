# SPDX-License-Identifier: MIT
agent-srcs := \
	tool/agent/actions.c \
	tool/agent/entry.S \
	tool/agent/events.c \
	tool/agent/host.c \
	tool/agent/main.c \
	host/linux/common/context.c \
	host/linux/common/sync.c
agent-ldflags := -Wl,-Bsymbolic,-z,now,--hash-style=sysv,-e,tl_agent_table
