# SPDX-License-Identifier: MIT
host-sim-srcs := host/sim/sim.c host/sim/log.c
