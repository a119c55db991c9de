# SPDX-License-Identifier: MIT
agent-srcs := \
	tool/agent/host.c \
	tool/agent/main.c \
	$(host-linux-session-srcs) \
	host/linux/common/context.c \
	host/linux/common/sync.c
$(foreach i,x86 arm64,$(eval agent-srcs.$i := tool/agent/$i/entry.S \
	tool/agent/$i/adopt.S host/linux/$i/thread.c))
agent-ldflags := -Wl,-Bsymbolic,-z,now,--hash-style=sysv,-e,tl_agent_table \
	-Wl,-z,max-page-size=4096
