# SPDX-License-Identifier: MIT
engine-srcs := engine/probe.c engine/point.c engine/table.c engine/slot.c \
	       engine/arm.c engine/patch.c engine/optimize.c engine/trap.c \
	       engine/retprobe.c engine/calls.c engine/exits.c \
	       engine/grace.c engine/noprobe.c engine/mem.c \
	       engine/host_ops.c engine/jprobe.c engine/status.c engine/window.c \
	       engine/gone.c engine/island.c engine/why.c engine/all.c \
	       engine/hw_breakpoint.c engine/bp_cpu.c engine/bp_thread.c \
	       engine/step.c engine/directory.c
