# SPDX-License-Identifier: MIT
#
# What ends in .x86 or .arm64 is added for that target: the same files in each.

# For every home that is a Linux process.
host-linux-srcs := \
	host/linux/common/context.c \
	host/linux/common/maps.c \
	host/linux/common/memory.c \
	host/linux/common/sigtrap.c \
	host/linux/common/sync.c
$(foreach i,x86 arm64,$(eval host-linux-srcs.$i := $(addprefix host/linux/$i/, \
	frame.c thread.c)))

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
	host/linux/own/unwind.c
$(foreach i,x86 arm64,$(eval host-linux-own-srcs.$i := $(addprefix host/linux/$i/, \
	entry.S next.c registers.c restorer.S unwind.S)))

# For libtrapline: modules in the manner of Linux.
host-linux-module-srcs := $(host-kmod-srcs) \
	host/linux/module/elf.c \
	host/linux/module/insmod.c \
	host/linux/module/kernel.c \
	host/linux/module/print.c
$(foreach i,x86 arm64,$(eval host-linux-module-srcs.$i := \
	host/linux/module/$i/reloc.c))
