# SPDX-License-Identifier: MIT
# Makefile - everything from one make; `make help` lists the targets.
#
# An object is build/<target>/<source>.o.  A target is a machine to run on: x86
# (this machine), arm64 (under qemu-user), kernel-x86 and kernel-arm64 (the
# reference kernel's own files; the engine in it is the same objects).  What a folder
# may include and how it is compiled is decided by the folder: the table below
# is the layer rule.  Each folder's files.mk lists its sources and nothing else.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# --- What can be chosen on the command line

SAN          ?=
V            ?=
PREFIX       ?= /usr/local
CROSS_arm64  ?= aarch64-linux-gnu-
QEMU_arm64   ?= qemu-aarch64

O  := build$(if $(SAN),/san)
Q  := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $1 $2)

VERSION := 0.1
comma := ,

# --- Toolchains, one line a target: compiler, linker, objcopy

cross.x86 :=
cross.arm64 := $(CROSS_arm64)
cross.kernel-x86 :=
cross.kernel-arm64 := $(CROSS_arm64)
cross.sim :=
cc      = $(or $(CC.$1),$(cross.$1)gcc)
ld      = $(cross.$1)ld
objcopy = $(cross.$1)objcopy

# --- Layers

layers := engine arch/x86 arch/x86/insn arch/arm64 arch/arm64/insn arch/sim \
	  host/kmod host/linux host/sim host/kernel host/template kernel tool \
	  tool/guardian tool/agent \
	  tests/guest tests/targets tests/oracle
include $(addsuffix /files.mk,$(layers))

# Which folder a layer's name stands for, for the tests' `link:` lines.
dir.engine := engine
dir.x86 := arch/x86
dir.x86-insn := arch/x86/insn
dir.arm64 := arch/arm64
dir.arm64-insn := arch/arm64/insn
dir.sim := arch/sim
dir.host-linux := host/linux
dir.host-linux-module := host/linux/module
dir.host-linux-own := host/linux/own
dir.host-sim := host/sim
dir.host-template := host/template
dir.agent := tool/agent
dir.guardian := tool/guardian
dir.tool := tool

# The layer rule: $1 is the target.  $(arch-seen) holds arch.h and isa.h and
# nothing else of arch/; $(tool-seen) holds the agent's protocol.h and inroads.h.
arch-seen = -I$(O)/$1/seen/arch
tool-seen = -I$(O)/$1/seen/tool
test-lib = -Itests/lib -Itests/lib/$(patsubst kernel-%,%,$1)
kern-inc = -Ikernel/include -I$(O)/$1/seen/kernel
inc.engine           = -Iinclude $(arch-seen) -Iengine
inc.arch/x86         = -Iinclude $(arch-seen) -Iarch/x86
inc.arch/x86/insn    = -Iarch/x86/insn
inc.arch/arm64       = -Iinclude $(arch-seen) -Iarch/arm64
inc.arch/arm64/insn  = -Iarch/arm64/insn
inc.arch/sim         = -Iinclude $(arch-seen) -Iarch/sim
machine = -Ihost/linux -Ihost/linux/$1
inc.host/linux/x86   = -Iinclude $(machine)
inc.host/linux/arm64 = -Iinclude $(machine)
inc.host/linux/common = -Iinclude $(machine)
inc.host/linux/object = -Ihost/linux/object
inc.host/linux/own   = -Iinclude $(machine) $(tool-seen)
inc.host/linux/session = -Iinclude $(machine) $(tool-seen)
inc.host/kmod        = -Iinclude/kmod -Iinclude -Ihost/kmod
inc.host/linux/module = -Iinclude/kmod -Iinclude -Ihost/kmod $(machine)
inc.host/sim         = -Iinclude -Ihost/sim
inc.host/kernel      = -Iinclude $(kern-inc) -Ihost/kernel
inc.host/kernel/kmod = -Iinclude/kmod -Iinclude $(kern-inc) -Ihost/kmod \
		       -Ihost/kernel
inc.host/template    = -Iinclude -Ihost/template
inc.kernel/core      = -Iinclude $(kern-inc)
inc.kernel/x86       = -Iinclude $(kern-inc) -Ikernel/x86
inc.kernel/arm64     = -Iinclude $(kern-inc) -Ikernel/arm64
inc.kernel/user      = $(kern-inc) -Ikernel/user
inc.tool/agent       = -Iinclude -Itool/agent $(machine) $(tool-seen)
inc.tool             = -Iinclude -Itool -Itool/$1 -Itool/survey $(tool-seen)
inc.tool/survey      = -Iinclude -Itool/survey $(arch-seen) -Iarch/$1
inc.tool/watch       = -Iinclude -Itool/watch -Itool/guardian -Itool/$1 \
		       -Iarch/x86/insn
inc.tool/guardian    = -Iinclude -Itool/guardian -Itool -Itool/$1 $(tool-seen)
inc.tests/lib        = -Itests/lib
inc.tests/unit       = -Iinclude -Itests/lib $(inc-under-test)
inc.tests/insn/x86   = -Iinclude -Itests/lib -Iarch/x86/insn
inc.tests/insn/arm64 = -Iinclude -Itests/lib $(inc-under-test)
inc.tests/api        = -Iinclude $(test-lib) -Itests/api \
	-Itests/api/$(patsubst kernel-%,%,$1)
inc.tests/stress     = -Iinclude $(test-lib) -Itests/stress
inc.tests/tool       = -Iinclude -Itests/lib -Itests/tool/$1 $(inc-under-test)
inc.tests/guest      = -Iinclude $(test-lib)
inc.tests/oracle     =
inc.tests/guest/user = $(kern-inc) -Ikernel/user \
	-Itests/guest/user -Itests/guest/user/$(patsubst kernel-%,%,$1)
inc.tests/targets    =
inc.tests/targets/own = -Iinclude -Itests/targets
inc.bench            = -Iinclude -Itests/lib
inc.examples         = -Iinclude
inc.examples/kernel-demo = -Iinclude $(kern-inc) -Iexamples/kernel-demo
inc.mk               =

# How a folder is compiled: core (freestanding, and in the section whose bounds
# are where no probe may be), free (freestanding) or hosted.
core-dirs := engine arch/x86 arch/x86/insn arch/arm64 arch/arm64/insn \
	     host/linux/x86 host/linux/arm64 host/linux/common host/linux/object host/linux/own \
	     host/linux/session host/linux/module host/kmod host/kernel/kmod
free-dirs := host/kernel host/template kernel/core kernel/x86 kernel/arm64 \
	     tool/agent examples/kernel-demo mk
is-core = $(filter $(core-dirs),$1)
is-free = $(filter $(core-dirs) $(free-dirs),$1)

warn := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wundef -Werror
common = -std=gnu11 -O2 -g -fno-common $(warn) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
free := -ffreestanding -fno-stack-protector -fPIC -fvisibility=hidden \
	-fno-reorder-functions -fno-reorder-blocks-and-partition \
	-fno-tree-loop-distribute-patterns
free.x86 := -mgeneral-regs-only -mno-red-zone
free.arm64 := -mgeneral-regs-only -mno-outline-atomics -fomit-frame-pointer
free.kernel-x86 := $(free.x86)
free.kernel-arm64 := $(filter-out -fomit-frame-pointer,$(free.arm64))
free.sim := $(free.x86)
hosted := -fno-toplevel-reorder

folder = $(patsubst %/,%,$(dir $1))
# The folder whose rule holds for the folder $1: itself or the nearest above it.
ruled = $(if $(filter-out undefined,$(flavor inc.$1)),$1,$(if $(findstring /,$1) \
	,$(call ruled,$(call folder,$1)),$(error no include rule for $1)))
layer = $(strip $(call ruled,$(call folder,$1)))
# $1 target, $2 source, $3 its layer
flags = $(common) $(if $(or $(filter kernel-%,$1),$(call is-free,$3)) \
	,$(free) $(free.$1),$(hosted)) \
	$(inc.$3) $(CFLAGS.$3) $(if $(filter-out $3,$(call folder,$2)) \
	,$(CFLAGS.$(call folder,$2))) $(CFLAGS)

# --- Compiling

# $1 target
define compile-rules
$(O)/$1/%.c.o: %.c | $(O)/$1/seen/.made
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call cc,$1) $$(call flags,$1,$$<,$$(call layer,$$<)) -MMD -MP -c $$< -o $$@
	$$(Q)$$(if $$(call is-core,$$(call layer,$$<)),$$(call objcopy,$1) --rename-section .text=trapline_text $$@)

$(O)/$1/%.S.o: %.S | $(O)/$1/seen/.made
	$$(call say,AS,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call cc,$1) $$(call flags,$1,$$<,$$(call layer,$$<)) -MMD -MP -c $$< -o $$@
	$$(Q)$$(if $$(call is-core,$$(call layer,$$<)),$$(call objcopy,$1) --rename-section .text=trapline_text $$@)

# The headers that may be seen from outside a folder, by themselves.
$(O)/$1/seen/.made: Makefile
	$$(Q)mkdir -p $$(@D)/arch $$(@D)/tool $$(@D)/kernel/kern
	$$(Q)$(foreach h,isa isa_abi pte layout,ln -sfn \
		$(CURDIR)/kernel/$(patsubst kernel-%,%,$1)/$h.h $$(@D)/kernel/kern/$h.h;)
	$$(Q)ln -sfn $(CURDIR)/arch/arch.h $$(@D)/arch/arch.h
	$$(Q)ln -sfn $(CURDIR)/arch/$(patsubst kernel-%,%,$1)/isa.h $$(@D)/arch/isa.h
	$$(Q)ln -sfn $(CURDIR)/tool/agent/protocol.h $$(@D)/tool/protocol.h
	$$(Q)ln -sfn $(CURDIR)/tool/agent/events.h $$(@D)/tool/events.h
	$$(Q)ln -sfn $(CURDIR)/tool/agent/program.h $$(@D)/tool/program.h
	$$(Q)ln -sfn $(CURDIR)/host/linux/object/inroads.h $$(@D)/tool/inroads.h
	$$(Q)touch $$@
endef
$(foreach t,x86 arm64 kernel-x86 kernel-arm64 sim,$(eval $(call compile-rules,$t)))

# The objects of the sources $2 for the target $1; those of the layers $2.
objs = $(patsubst %,$(O)/$1/%.o,$2)
layer-objs = $(call objs,$1,$(foreach l,$2,$($l-srcs) $($l-srcs.$1)))

# --- Products: the core object, the libraries, the agent, the command

core-x86 := $(call objs,x86,$(engine-srcs) $(x86-srcs) $(x86-insn-srcs))
core-arm64 := $(call objs,arm64,$(engine-srcs) $(arm64-srcs) $(arm64-insn-srcs))
linux-x86 := $(call layer-objs,x86,host-linux host-linux-own host-linux-module)
linux-arm64 := $(call layer-objs,arm64,host-linux host-linux-own host-linux-module)

$(O)/x86/core.o: $(core-x86)
	$(call say,LD,$@)
	$(Q)$(call ld,x86) -r -o $@ $^
$(O)/arm64/core.o: $(core-arm64)
	$(call say,LD,$@)
	$(Q)$(call ld,arm64) -r -o $@ $^

# One object, in which only what mk/libtrapline.map lists is global: neither
# library takes a name of the program's.
# For $1; the libraries lie in $2.
define library-rules
$(O)/$1/libtrapline.o: $(O)/$1/core.o $(linux-$1) mk/libtrapline.map
	$$(call say,LD,$$@)
	$$(Q)$$(call ld,$1) -r -o $$@.all $$(filter %.o,$$^)
	$$(Q)sed -n 's/^\t\t\([a-z_]*\);$$$$/\1/p' mk/libtrapline.map >$$@.names
	$$(Q)$$(call objcopy,$1) --keep-global-symbols=$$@.names $$@.all $$@

$2/libtrapline.a: $(O)/$1/libtrapline.o
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^

$2/libtrapline.so: $(O)/$1/core.o $(linux-$1) mk/libtrapline.map
	$$(call say,LINK,$$@)
	$$(Q)$$(call cc,$1) -shared -nostdlib -Wl,-soname,$$(so-name) \
		-Wl,--no-undefined,-z,now,-z,noexecstack,-Bsymbolic \
		-Wl,-z,nodelete \
		-Wl,--version-script=mk/libtrapline.map -o $$@ $$(filter %.o,$$^)
endef
library-dir.x86 := $(O)
library-dir.arm64 := $(O)/arm64
$(foreach i,x86 arm64,$(eval $(call library-rules,$i,$(library-dir.$i))))

# For $1; they lie in $2.  The agent is data inside the command, too: tl_agent_image
# up to ..._image_end.
define agent-rules
$2/agent.elf: $(call layer-objs,$1,agent) $(O)/$1/core.o
	$$(call say,LINK,$$@)
	$$(Q)$$(call cc,$1) -shared -nostdlib -Wl,--no-undefined,-z,noexecstack \
		-Wl,--build-id=none $$(agent-ldflags) -o $$@.full $$(filter %.o,$$^)
	$$(Q)$$(call objcopy,$1) --strip-debug $$@.full $$@

$(O)/$1/agent_image.o: mk/image.S $2/agent.elf
	$$(call say,AS,$$@)
	$$(Q)$$(call cc,$1) -DIMAGE='"$2/agent.elf"' -DNAME=tl_agent_image \
		-c $$< -o $$@
endef
$(foreach i,x86 arm64,$(eval $(call agent-rules,$i,$(library-dir.$i))))

$(O)/trapline: $(call objs,x86,$(sort $(tool-srcs) $(guardian-srcs) \
		$(guardian-srcs.x86) $(host-linux-object-srcs))) \
		$(O)/x86/agent_image.o
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -o $@.new $^ -ldw -lelf -llzma -ljson-c -liberty $(tool-ldflags)
	$(Q)mv -f $@.new $@

$(O)/arm64/trapline: $(call objs,arm64,$(sort $(arm64-tool-srcs) $(guardian-srcs) \
		$(guardian-srcs.arm64) $(host-linux-object-srcs))) \
		$(O)/arm64/agent_image.o
	$(call say,LINK,$@)
	$(Q)$(call cc,arm64) -o $@ $^ $(arm64-tool-ldflags) \
		-ldw -lelf -llzma -lbz2 -lz -ljson-c -liberty $(tool-ldflags)

$(foreach i,$(kernel-isas),$(eval isa := $i)$(eval include kernel/rules.mk))
.PHONY: check-guests check-kernel
check-guests check-kernel: guests
	$(Q)scripts/run-guests -o $(O) $(if $(ARCH),-a $(ARCH))

.PHONY: all
all: $(O)/trapline $(O)/agent.elf $(O)/libtrapline.a $(O)/libtrapline.so

include mk/tests.mk
include mk/install.mk

# --- Checks of the source

home-objs = $(subst $(eval ) ,$(comma),$(strip $1))
kernel-home := $(call objs,kernel-x86,$(host-kernel-srcs))
contract: $(O)/x86/core.o $(O)/arm64/core.o $(linux-x86) $(linux-arm64) \
		$(kernel-home)
	$(Q)scripts/check-contract include/trapline/host.h $(O)/x86/core.o \
		$(O)/arm64/core.o process=$(call home-objs,$(linux-x86)) \
		process-arm64=$(call home-objs,$(linux-arm64)) \
		kernel=$(call home-objs,$(kernel-home))
check-layers:
	$(Q)scripts/check-layers
check-format:
	$(Q)scripts/check-format
shellcheck:
	$(Q)scripts/check-shell

# --- The rest

.PHONY: coverage-report
coverage-report: $(O)/trapline
	$(Q)scripts/coverage-report $(O)/trapline $(O)/coverage.json

.PHONY: deps deps-oracle demo export clean flags help
deps:
	$(Q)scripts/deps
# A stock Linux kernel, to compare with: nothing is installed.
deps-oracle:
	$(Q)scripts/linux-fetch -o $(O)
demo:
	$(Q)scripts/deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo

# What an embedder compiles, and nothing else: make export DEST=/some/where
export:
	$(Q)scripts/export "$(DEST)"

clean:
	rm -rf build

# How a file is compiled, for editors: make flags FILE=engine/table.c
flags:
	@echo $(call flags,x86,$(FILE),$(call layer,$(FILE)))

help:
	$(Q)cat mk/help.txt

-include $(shell find $(O) -path '$(O)/linux*' -prune -o -name '*.d' -print 2>/dev/null)
