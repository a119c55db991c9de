# SPDX-License-Identifier: MIT
# Tests that run inside the reference kernel, for the processor $(isa).

guest-kernel-srcs = $(addprefix tests/guest/, $(isa)/exceptions.c memory.c \
	symbols.c)
guest-smp-srcs := $(addprefix tests/guest/, smp.c ends.c)
guest-task-srcs := $(addprefix tests/guest/, tasks.c program.c)
guest-task-probe-srcs = $(addprefix tests/guest/, task_probes.c program.c \
	$(if $(filter x86,$(isa)),x86/swapgs.c))
guest-programs = $(addprefix tests/guest/user/, family.c calls.c faults.c \
	signals.c moves.c debugger.c traps.c)
# What a program consists of besides its own file.
with.debugger = tests/guest/user/$(isa)/victim.S
guest-module-srcs = tests/guest/module_load.c \
	$(if $(filter arm64,$(isa)),tests/guest/arm64/module_relocs.c)
guest-module-probe-srcs = $(addprefix tests/guest/, module_probes.c program.c)
# Modules of this kernel, and those in the manner of Linux.
guest-modules = victim begins_badly lacks_symbol $(guest-modules.$(isa))
guest-modules.arm64 := relocs wants_got far_branch
# A module's source, of the processor's own or not.
guest-module-src = $(firstword $(wildcard tests/guest/module/$(isa)/$1.S \
	tests/guest/module/$1.c))
guest-kmods := kmod_count kmod_forgets kmod_watches count_calls time_call watch_call
kmod-src.kmod_count := tests/guest/module/kmod_count.c
kmod-src.kmod_forgets := tests/guest/module/kmod_forgets.c
kmod-src.kmod_watches := tests/guest/module/kmod_watches.c
kmod-src.count_calls := examples/module/count_calls.c
kmod-src.time_call := examples/module/time_call.c
kmod-src.watch_call := examples/module/watch_call.c
guest-probe-srcs = $(addprefix tests/guest/, kprobe.c jprobe.c everywhere.c home.c \
	$(isa)/layout.c $(isa)/shapes.S)
guest-race-srcs = $(addprefix tests/guest/, memory.c threads.c \
	states.c $(if $(filter x86,$(isa)),x86/rf.c) $(isa)/shapes.S)
guest-debug-srcs = $(addprefix tests/guest/, debug.c $(isa)/debug_step.c \
	debug_tasks.c debug_cost.c \
	$(if $(filter x86,$(isa)),x86/debug_islands.c x86/hop.S, \
	arm64/debug_tasks.c program.c) $(isa)/shapes.S)
guest-debug-programs = tests/guest/user/$(if $(filter arm64,$(isa)),arm64/)watched.c \
	$(if $(filter arm64,$(isa)),tests/guest/user/calls.c)
guest-api-srcs = $(addprefix tests/api/, kprobe.c kretprobe.c branches.c rules.c \
	once.c fault.c extras.c hw_breakpoint.c jprobe.c) \
	$(addprefix tests/api/$(isa)/, exact.c places.S branches.S exact.S jprobe.S) \
	$(if $(filter arm64,$(isa)),tests/api/arm64/rows.c tests/api/arm64/rows.S)
guest-stress-srcs = $(addprefix tests/guest/, memory.c stress.c $(isa)/shapes.S)
guest-cost-srcs = tests/guest/cost.c \
	$(if $(filter x86,$(isa)),bench/guest,tests/guest/arm64)/work.S
