# SPDX-License-Identifier: MIT
# How guest images are linked, for the processor $(isa): included once for each, so
# what a recipe expands when it runs gets it as an argument.  An image is a
# kernel with its own symbol table: linked once with an empty table, listed by
# nm, and linked again.

kernel-target := kernel-$(isa)
guest-dir := $(O)/guest-$(isa)
kernel-objs := $(call objs,$(kernel-target),$(kernel-$(isa)-srcs))
guest-objs := $(kernel-objs) $(call objs,$(kernel-target),tests/lib/tl_test.c \
	tests/guest/main.c)
guest-alone-srcs := kernel/core/without_trapline.c kernel/core/without_debug.c

# A user program is an ELF file of its own; .o of it is a row of the table that
# exec searches.  $1 its source
user-name = $(basename $(notdir $1))
user-objs = $(foreach s,$1,$(guest-dir)/user/$(call user-name,$s).o)
define user-program
$(guest-dir)/user/$(call user-name,$1): $(call objs,$(kernel-target),$1 \
		$(with.$(call user-name,$1)) $(call kernel-user-srcs,$(isa)))
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call ld,$(kernel-target)) -nostdlib -static -e _start -s \
		-z noexecstack -z separate-code -z max-page-size=4096 \
		--build-id=none -o $$@ $$^
$(guest-dir)/user/$(call user-name,$1).o: kernel/user/program.S \
		$(guest-dir)/user/$(call user-name,$1)
	$$(Q)$$(call cc,$(kernel-target)) -DPROGRAM='"$(guest-dir)/user/$(call user-name,$1)"' \
		-DNAME='"$(call user-name,$1)"' -c $$< -o $$@
endef
# A module is an object, in the image as data.  $1 its name, $2 its source, $3
# what it is compiled with besides
module-objs = $(foreach m,$1,$(guest-dir)/module/$m.image.o)
define guest-module
$(guest-dir)/module/$1.o: $2 | $(O)/$(kernel-target)/seen/.made
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call cc,$(kernel-target)) -std=gnu11 -O2 -fno-common $$(free) $$(free.$(kernel-target)) \
		$$(kernel-$(isa)-cflags) -DMODULE -DKBUILD_MODNAME='"$1"' $3 \
		-MMD -MP -c $$< -o $$@
$(guest-dir)/module/$1.image.o: kernel/core/module.S $(guest-dir)/module/$1.o
	$$(Q)$$(call cc,$(kernel-target)) -DMODULE='"$(guest-dir)/module/$1.o"' \
		-DNAME='"$1"' -c $$< -o $$@
endef
$(foreach m,$(guest-modules),$(eval $(call guest-module,$m,$(call guest-module-src,$m),$(call kern-inc,$(kernel-target)))))
$(foreach m,$(guest-kmods),$(eval $(call guest-module,$m,$(kmod-src.$m),-Iinclude/kmod -Iinclude)))

# The engine, and what modules in the manner of Linux find.
kernel-engine := $(O)/$(isa)/core.o $(O)/$(kernel-target)/kmod.o
$(O)/$(kernel-target)/kmod.o: private t := $(kernel-target)
$(O)/$(kernel-target)/kmod.o: $(call objs,$(kernel-target),$(host-kmod-srcs) \
		$(host-kernel-kmod-srcs))
	$(call say,LD,$@)
	$(Q)$(call ld,$t) -r -o $@.all $^
	$(Q)$(call objcopy,$t) \
		$(addprefix --keep-global-symbol=,$(host-kernel-kmod-calls)) $@.all $@

$(foreach s,$(sort $(kernel-programs) $(guest-programs) $(guest-debug-programs)),$(eval $(call user-program,$s)))

# $1 image, $2 its objects
define image
$(guest-dir)/$1.elf: $2 $(guest-dir)/kernel.lds kernel/mksyms.awk
	$$(call say,LINK,$$@)
	$$(Q)$$(call guest-link,$(guest-dir)/$1.0,</dev/null,$(isa))
	$$(Q)$$(call guest-link,$(guest-dir)/$1.1,<$(guest-dir)/$1.0.nm,$(isa))
	$$(Q)cmp $(guest-dir)/$1.0.nm $(guest-dir)/$1.1.nm
	$$(Q)$$(call objcopy,$(kernel-target)) -O binary $(guest-dir)/$1.1 \
		$(guest-dir)/$1.img
	$$(Q)mv $(guest-dir)/$1.1 $$@
guest-images += $(guest-dir)/$1.elf
endef
# $1 image, $2 further objects
guest-image = $(call image,$1,$(guest-objs) $2)

# $1 output, $2 where the list of symbols comes from, $3 the processor
guest-link = awk -f kernel/mksyms.awk $2 >$1.S && \
	$(call cc,kernel-$3) -c $1.S -o $1.syms.o && \
	$(call ld,kernel-$3) -nostdlib -static -z noexecstack \
		--no-warn-rwx-segments --build-id=none \
		-z max-page-size=4096 -T $(O)/guest-$3/kernel.lds \
		-o $1 $(filter %.o,$^) $1.syms.o && \
	nm -n -S $1 | awk 'NF == 4 && $$3 ~ /^[tT]$$/' >$1.nm

$(guest-dir)/kernel.lds: private t := $(isa)
$(guest-dir)/kernel.lds: kernel/$(isa)/kernel.lds kernel/$(isa)/layout.h
	$(Q)mkdir -p $(@D)
	$(Q)$(call cc,kernel-$t) -E -P -x assembler-with-cpp -Ikernel/$t \
		-o $@ $<

$(eval $(call guest-image,kernel,$(call objs,$(kernel-target), \
	$(guest-alone-srcs) $(guest-kernel-srcs) $(guest-smp-srcs) \
	$(guest-task-srcs) $(guest-module-srcs)) \
	$(call user-objs,$(kernel-programs) $(guest-programs)) \
	$(call module-objs,$(guest-modules))))
ifneq ($(engine-srcs),)
$(eval $(call guest-image,probes,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-kernel-srcs) $(guest-probe-srcs)) $(kernel-engine)))
$(eval $(call guest-image,debug,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-debug-srcs)) $(call user-objs,$(guest-debug-programs)) \
	$(kernel-engine)))
$(eval $(call guest-image,stress,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-stress-srcs)) $(kernel-engine)))
$(eval $(call guest-image,races,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-race-srcs)) $(kernel-engine)))
$(eval $(call guest-image,modules,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-module-srcs) $(guest-module-probe-srcs)) $(kernel-engine) \
	$(call user-objs,$(guest-programs)) \
	$(call module-objs,$(guest-modules) $(guest-kmods))))
$(eval $(call guest-image,template,$(call objs,$(kernel-target), \
	$(host-template-srcs) kernel/core/without_debug.c \
	tests/guest/template.c) $(O)/$(isa)/core.o))
$(eval $(call image,demo,$(kernel-objs) $(call objs,$(kernel-target), \
	$(host-kernel-srcs) examples/kernel-demo/demo.c \
	examples/kernel-demo/tasks.c) $(kernel-engine) \
	$(call user-objs,$(kernel-programs)) \
	$(call module-objs,count_calls time_call watch_call)))
$(eval $(call guest-image,api,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-api-srcs)) $(kernel-engine)))
$(eval $(call guest-image,cost,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-cost-srcs)) $(kernel-engine)))
$(eval $(call guest-image,tasks,$(call objs,$(kernel-target),$(host-kernel-srcs) \
	$(guest-task-probe-srcs)) $(kernel-engine) \
	$(call user-objs,$(kernel-programs) $(guest-programs))))
endif

# The tests of the public API, as they are, for the kernel.
$(eval $(O)/$(kernel-target)/tests/api/%.o: override CFLAGS += \
	$(kernel-$(isa)-cflags) -fno-toplevel-reorder -DNO_RED_ZONE)

# At this terminal, or make kernel-demo SCRIPT=FILE
ifeq ($(isa),$(or $(ARCH),x86))
.PHONY: kernel-demo
kernel-demo: $(guest-dir)/demo.elf
	$(Q)scripts/kernel-demo -o $(O) -a $(or $(ARCH),x86) $(SCRIPT)
endif
