# SPDX-License-Identifier: MIT
agent-srcs := \
	tool/agent/entry.S \
	tool/agent/adopt.S \
	tool/agent/host.c \
	tool/agent/main.c \
	$(host-linux-session-srcs) \
	host/linux/common/context.c \
	host/linux/common/sync.c
agent-srcs.x86 := host/linux/x86/thread.c
agent-ldflags := -Wl,-Bsymbolic,-z,now,--hash-style=sysv,-e,tl_agent_table
