# SPDX-License-Identifier: MIT
# tests.mk - a test file is a program; its `/* link: ... */` line says with what
#
# docs/testing.md tells what may stand in that line.

harness := tests/lib/tl_test.c tests/lib/tl_test_linux.c
test-srcs := $(wildcard $(if $(SAN),,tests/api/*.c tests/api/x86/*.c tests/stress/*.c \
	     tests/tool/*.c bench/*.c) tests/unit/*.c tests/insn/*/*.c)
# What the alignment of arguments was before GCC 4.6 is of no interest.
CFLAGS.tests/api := -Wno-psabi
test-lines := $(if $(test-srcs),$(shell awk 'FNR == 1 { print FILENAME } \
	/^\/\* link: / { sub(/^\/\* link: */, ""); sub(/ *\*\/.*/, ""); \
	gsub(/ +/, "|"); print FILENAME "|" $$0; nextfile }' $(test-srcs)))

# The words of the link line of $1; without one, the library for tests that
# know the public API alone, and nothing for the others.
link-of = $(strip $(or $(foreach l,$(filter $1|%,$(test-lines)), \
	$(wordlist 2,99,$(subst |, ,$l))), \
	$(if $(filter tests/api/% tests/stress/% bench/%,$1),lib)))
targets-of = $(if $(filter arm64 on-arm64,$(link-of)),arm64,$(if \
	$(filter sim,$(link-of)),sim,x86)) $(if $(filter and-arm64 and-arm64-linux,$(link-of)),arm64)
programs-of = $(foreach t,$(targets-of),$(O)/$t/$(1:.c=))

# $1 target, $2 word: what it stands for
linked = $(if $(filter -% x86:% arm64:% on-arm64 and-arm64 and-arm64-linux,$2),,$(if $(filter lib,$2),$(library-dir.$1)/libtrapline.a, \
	$(if $(filter agent-image,$2),$(O)/$1/agent_image.o, \
	$(call objs,$1,$(if $(filter %.c %.S %.cc,$2),$(subst /ISA/,/$1/,$2),$(call layer-srcs,$2) $($2-srcs.$1))))))
layer-srcs = $(or $($1-srcs),$(error a link: line names $1, which is no layer))
word-dir = $(if $(filter %.c,$1),$(call folder,$1),$(dir.$1))

# $1 source, $2 target, $3 words
define test-program
$(O)/$2/$1.o: private inc-under-test = $(sort $(foreach d,$(call word-dir,$(firstword $3)) \
	$(if $(filter host-sim,$3),host/sim),$(call inc.$d,$2)))
$(O)/$2/$(1:.c=): $(O)/$2/$1.o $(call objs,$2,$(if $(filter bench/%,$1),,$(harness))) $(foreach w,$3,$(call linked,$2,$w))
	$$(call say,LINK,$$@)
	$$(Q)$$(call cc,$2) $$(if $$(SAN),-fsanitize=$$(SAN)) \
		$(if $(filter arm64,$2),-static -Wl$(comma)-z$(comma)separate-code) -o $$@ $$^ \
		$(patsubst $2:%,%,$(filter -% $2:-%,$3))
endef
$(foreach s,$(test-srcs),$(foreach t,$(call targets-of,$s),$(eval $(call \
	test-program,$s,$t,$(call link-of,$s)))))

test-srcs := $(if $(SAN),$(foreach s,$(test-srcs),$(if \
	$(filter lib host-linux-own,$(call link-of,$s)),,$s)),$(test-srcs))

# The functions that it calls are ours, not the compiler's.
$(O)/x86/tests/unit/linux_module.c.o: private CFLAGS += -fno-builtin

# A module for a test to load, as data in its program.
relocs-module := $(O)/arm64/tests/unit/relocs.ko
$(relocs-module): tests/guest/module/arm64/relocs.S $(wildcard include/kmod/linux/*.h)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)echo '#include <linux/module.h>' | $(call cc,arm64) -DMODULE -DIN_A_PROCESS \
		-Iinclude/kmod -Iinclude -r -nostdlib -o $@ $< -x c -
$(O)/arm64/tests/unit/module_image.S.o: private CFLAGS += -DIMAGE='"$(relocs-module)"'
$(O)/arm64/tests/unit/module_image.S.o: $(relocs-module)

# Parts in C++, named in a link: line.
define cxx-rules
$(O)/$1/tests/stress/%.cc.o: tests/stress/%.cc
	$$(call say,CXX,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(cross.$1)g++ -O2 -g -Wall -Wextra -Werror -MMD -MP -c -o $$@ $$<
endef
$(foreach t,x86 arm64,$(eval $(call cxx-rules,$t)))

programs := $(foreach s,$(test-srcs),$(call programs-of,$s))
programs := $(if $(SAN),$(filter-out $(O)/arm64/%,$(programs)),$(programs))
tests := $(filter-out $(O)/x86/bench/% $(O)/arm64/tests/tool/%,$(programs))
benches := $(filter $(O)/x86/bench/%,$(programs))
tool-scripts := $(if $(SAN),,$(wildcard tests/tool/*.sh tests/tool/*.py))
bench-scripts := $(wildcard bench/*.sh)

template := $(call objs,x86,$(host-template-srcs))

.PHONY: targets guests tests
targets: $(target-programs)
guests: $(guest-images)
tests: $(tests) $(benches)

.PHONY: check soak fuzz run-tests bench contract check-layers check-format shellcheck
# With a Linux kernel there (make deps-oracle), Linux judges, too.
check: tests $(if $(SAN),,all targets guests $(template) contract) check-layers \
		$(if $(SAN),,$(if $(wildcard $(O)/linux/release),oracle-tests)) \
		shellcheck
	$(Q)scripts/run-tests -o $(O) $(tests) $(tool-scripts) \
		$(if $(SAN),,scripts/run-fuzz scripts/run-models \
		scripts/run-guests scripts/check-oracle)

# Modules for the kernel that linux-fetch fetched: the tests, and examples.
# LINUX_ARCH and LINUX_SUITE say which: see there.
linux-dir := $(O)/linux$(if $(LINUX_ARCH),-$(LINUX_ARCH))$(if $(LINUX_SUITE),-$(LINUX_SUITE))
linux-modules := $(linux-dir)/modules
export LINUX_ARCH LINUX_SUITE
oracle-samples := $(patsubst %,$(linux-modules)/%.ko,calls $(oracle-examples))
$(linux-modules)/api.ko: $(oracle-srcs) tests/oracle/files.mk scripts/linux-module \
		$(wildcard $(addsuffix /*.h,tests/api tests/api/x86 tests/lib \
		tests/oracle/include tests/oracle/include/trapline))
	$(call say,LINUX,$@)
	$(Q)scripts/linux-module -o $(O) api $(oracle-srcs) -- $(oracle-flags)
$(linux-modules)/calls.ko: tests/oracle/calls.c
$(filter-out %/calls.ko,$(oracle-samples)): $(linux-modules)/%.ko: \
		examples/module/%.c
$(oracle-samples): scripts/linux-module
	$(call say,LINUX,$@)
	$(Q)scripts/linux-module -o $(O) $(basename $(@F)) $(filter %.c,$^)

.PHONY: check-oracle check-arm64-linux oracle-tests arm64-programs
arm64-programs: $(O)/arm64/trapline $(addprefix $(O)/arm64/tests/targets/,counted counted-own) $(filter $(O)/arm64/tests/api/% $(O)/arm64/tests/stress/% $(O)/arm64/tests/tool/%,$(programs))
oracle-tests: $(linux-modules)/api.ko $(oracle-samples) $(oracle-guest) \
		$(patsubst %.c,$(O)/x86/%,$(oracle-programs))
check-oracle: deps-oracle
	$(Q)$(MAKE) --no-print-directory oracle-tests
	$(Q)scripts/check-oracle -o $(O)
# The same on arm64, and what else wants a whole Linux of that architecture.
check-arm64-linux: export LINUX_ARCH := arm64
check-arm64-linux:
	$(Q)$(MAKE) --no-print-directory deps-oracle
	$(Q)$(MAKE) --no-print-directory oracle-tests arm64-programs
	$(Q)scripts/run-tests -o $(O) scripts/check-oracle scripts/check-arm64-linux

soak: tests all targets guests
	$(Q)scripts/run-soak -o $(O)

fuzz:
	$(Q)scripts/run-fuzz -o $(O) $(if $(SECONDS),-t $(SECONDS))

bench: all targets $(benches)
	$(Q)scripts/run-bench -o $(O)/bench.json $(benches) $(bench-scripts)

.PHONY: bench-guest
bench-guest: guests
	$(Q)scripts/bench-guest -o $(O)
