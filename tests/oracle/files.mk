# SPDX-License-Identifier: MIT
# The tests of the public API that also run on Linux's own kprobes.

oracle-isa := $(or $(LINUX_ARCH),x86)
oracle-api-srcs := $(addprefix tests/api/, kprobe.c kretprobe.c rules.c \
	branches.c once.c fault.c hw_breakpoint.c) \
	$(addprefix tests/api/$(oracle-isa)/, exact.c places.S branches.S exact.S) \
	$(if $(filter arm64,$(oracle-isa)),tests/api/arm64/rows.c tests/api/arm64/rows.S)
oracle-srcs := tests/oracle/first.S tests/oracle/module.c tests/lib/tl_test.c \
	$(oracle-api-srcs) tests/oracle/last.S
oracle-flags.arm64 := -mno-outline-atomics
oracle-flags = -I$(CURDIR)/tests/oracle/include -I$(CURDIR)/tests/lib \
	-I$(CURDIR)/tests/lib/$(oracle-isa) \
	-I$(CURDIR)/tests/api -I$(CURDIR)/tests/api/$(oracle-isa) -DTL_TEST_LINUX -DNO_RED_ZONE \
	-Wno-declaration-after-statement $(oracle-flags.$(oracle-isa))

# The modules of examples/module that are loaded there.  On arm64 a module cannot
# watch a variable: one write hits for ever.
oracle-examples := watch_call time_call count_calls \
	$(if $(filter x86,$(oracle-isa)),data_breakpoint)

# The other judges: the same tests in the reference kernel, and in a process.
oracle-guest := $(O)/guest-$(oracle-isa)/api.elf
oracle-programs := $(if $(filter x86,$(oracle-isa)),$(filter %.c,$(oracle-api-srcs)))
