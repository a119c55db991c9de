# SPDX-License-Identifier: MIT
sim-srcs := arch/sim/plan.c arch/sim/emit.c arch/sim/trap.c arch/sim/cpu.c arch/sim/debugreg.c
