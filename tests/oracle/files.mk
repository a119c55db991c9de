# SPDX-License-Identifier: MIT
# The tests of the public API that also run on Linux's own kprobes.

oracle-api-srcs := $(addprefix tests/api/, kprobe.c kretprobe.c rules.c \
	branches.c x86/exact.c once.c fault.c hw_breakpoint.c x86/places.S x86/branches.S x86/exact.S)
oracle-srcs := tests/oracle/first.S tests/oracle/module.c tests/lib/tl_test.c \
	$(oracle-api-srcs) tests/oracle/last.S
oracle-flags = -I$(CURDIR)/tests/oracle/include -I$(CURDIR)/tests/lib -I$(CURDIR)/tests/lib/x86 \
	-I$(CURDIR)/tests/api -I$(CURDIR)/tests/api/x86 -DTL_TEST_LINUX -DNO_RED_ZONE \
	-Wno-declaration-after-statement
