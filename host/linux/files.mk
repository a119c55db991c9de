# SPDX-License-Identifier: MIT

# For every home that is a Linux process.
host-linux-srcs := \
	host/linux/common/context.c \
	host/linux/common/maps.c \
	host/linux/common/memory.c \
	host/linux/common/sigtrap.c \
	host/linux/common/sync.c

# What files tell of the code in them: for a process that probes itself, and for
# the command.
host-linux-object-srcs := host/linux/object/inroads.c

# What a session's probes do: in the agent, and in libtrapline.
host-linux-session-srcs := \
	host/linux/session/actions.c \
	host/linux/session/events.c \
	host/linux/session/keys.c \
	host/linux/session/loader.c \
	host/linux/session/program.c \
	host/linux/session/thread.c

# For a process that probes itself.
host-linux-own-srcs := $(host-linux-object-srcs) $(host-linux-session-srcs) \
	host/linux/session/entry.S \
	host/linux/session/server.c \
	host/linux/own/births.c \
	host/linux/own/debug.c \
	host/linux/own/home.c \
	host/linux/own/lock.c \
	host/linux/own/masks.c \
	host/linux/own/note.S \
	host/linux/own/patch.c \
	host/linux/own/search.c \
	host/linux/own/signals.c \
	host/linux/own/stack.c \
	host/linux/own/symbols.c \
	host/linux/own/text.c \
	host/linux/own/threads.c \
	host/linux/own/unwind.S \
	host/linux/own/unwind.c

# For libtrapline: modules in the manner of Linux.
host-linux-module-srcs := $(host-kmod-srcs) \
	host/linux/module/elf.c \
	host/linux/module/insmod.c \
	host/linux/module/kernel.c \
	host/linux/module/print.c \
	host/linux/module/reloc.c
