# SPDX-License-Identifier: MIT
# How guest images are linked.  An image is a kernel with its own symbol table:
# linked once with an empty table, listed by nm, and linked again.

guest-dir := $(O)/guest-x86
kernel-objs = $(call objs,kernel-x86,$(kernel-x86-srcs))
guest-objs = $(kernel-objs) $(call objs,kernel-x86,tests/lib/tl_test.c \
	tests/guest/main.c)
guest-alone-srcs := kernel/core/without_trapline.c kernel/core/without_debug.c

# A user program is an ELF file of its own; .o of it is a row of the table that
# exec searches.  $1 its source
user-name = $(basename $(notdir $1))
user-objs = $(foreach s,$1,$(guest-dir)/user/$(call user-name,$s).o)
define user-program
$(guest-dir)/user/$(call user-name,$1): $(call objs,kernel-x86,$1 \
		$(with.$(call user-name,$1)) $(kernel-user-srcs))
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call ld,kernel-x86) -nostdlib -static -e _start -s \
		-z noexecstack -z separate-code -z max-page-size=4096 \
		--build-id=none -o $$@ $$^
$(guest-dir)/user/$(call user-name,$1).o: kernel/user/program.S \
		$(guest-dir)/user/$(call user-name,$1)
	$$(Q)$$(call cc,kernel-x86) -DPROGRAM='"$(guest-dir)/user/$(call user-name,$1)"' \
		-DNAME='"$(call user-name,$1)"' -c $$< -o $$@
endef
# A module is an object, in the image as data.  $1 its name, $2 its source, $3
# what it is compiled with besides
module-objs = $(foreach m,$1,$(guest-dir)/module/$m.image.o)
define guest-module
$(guest-dir)/module/$1.o: $2
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call cc,kernel-x86) -std=gnu11 -O2 -fno-common $$(free) $$(free.kernel-x86) \
		$$(kernel-x86-cflags) -DMODULE -DKBUILD_MODNAME='"$1"' $3 \
		-MMD -MP -c $$< -o $$@
$(guest-dir)/module/$1.image.o: kernel/core/module.S $(guest-dir)/module/$1.o
	$$(Q)$$(call cc,kernel-x86) -DMODULE='"$(guest-dir)/module/$1.o"' \
		-DNAME='"$1"' -c $$< -o $$@
endef
$(foreach m,$(guest-modules),$(eval $(call guest-module,$m,tests/guest/module/$m.c,-Ikernel/include)))
$(foreach m,$(guest-kmods),$(eval $(call guest-module,$m,$(kmod-src.$m),-Iinclude/kmod -Iinclude)))

# The engine, and what modules in the manner of Linux find.
kernel-engine := $(O)/x86/core.o $(O)/kernel-x86/kmod.o
$(O)/kernel-x86/kmod.o: $(call objs,kernel-x86,$(host-kmod-srcs) \
		$(host-kernel-kmod-srcs))
	$(call say,LD,$@)
	$(Q)$(call ld,kernel-x86) -r -o $@.all $^
	$(Q)$(call objcopy,kernel-x86) \
		$(addprefix --keep-global-symbol=,$(host-kernel-kmod-calls)) $@.all $@

$(foreach s,$(kernel-programs) $(guest-programs) $(guest-debug-programs),$(eval $(call user-program,$s)))

# $1 image, $2 its objects
define image
$(guest-dir)/$1.elf: $2 $(guest-dir)/kernel.lds kernel/mksyms.awk
	$$(call say,LINK,$$@)
	$$(Q)$$(call guest-link,$(guest-dir)/$1.0,</dev/null)
	$$(Q)$$(call guest-link,$(guest-dir)/$1.1,<$(guest-dir)/$1.0.nm)
	$$(Q)cmp $(guest-dir)/$1.0.nm $(guest-dir)/$1.1.nm
	$$(Q)mv $(guest-dir)/$1.1 $$@
guest-images += $(guest-dir)/$1.elf
endef
# $1 image, $2 further objects
guest-image = $(call image,$1,$(guest-objs) $2)

# $1 output, $2 where the list of symbols comes from
guest-link = awk -f kernel/mksyms.awk $2 >$1.S && \
	$(call cc,kernel-x86) -c $1.S -o $1.syms.o && \
	$(call ld,kernel-x86) -nostdlib -static -z noexecstack \
		--no-warn-rwx-segments --build-id=none \
		-z max-page-size=4096 -T $(guest-dir)/kernel.lds \
		-o $1 $(filter %.o,$^) $1.syms.o && \
	nm -n -S $1 | awk 'NF == 4 && $$3 ~ /^[tT]$$/' >$1.nm

$(guest-dir)/kernel.lds: kernel/x86/kernel.lds kernel/x86/layout.h
	$(Q)mkdir -p $(@D)
	$(Q)$(call cc,kernel-x86) -E -P -x assembler-with-cpp -Ikernel/x86 \
		-o $@ $<

$(eval $(call guest-image,kernel,$(call objs,kernel-x86, \
	$(guest-alone-srcs) $(guest-kernel-srcs) $(guest-smp-srcs) \
	$(guest-task-srcs) $(guest-module-srcs)) \
	$(call user-objs,$(kernel-programs) $(guest-programs)) \
	$(call module-objs,$(guest-modules))))
ifneq ($(engine-srcs),)
$(eval $(call guest-image,probes,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-kernel-srcs) $(guest-probe-srcs)) $(kernel-engine)))
$(eval $(call guest-image,api,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-api-srcs)) $(kernel-engine)))
$(eval $(call guest-image,stress,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-stress-srcs)) $(kernel-engine)))
$(eval $(call guest-image,cost,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-cost-srcs)) $(kernel-engine)))
$(eval $(call guest-image,races,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-race-srcs)) $(kernel-engine)))
$(eval $(call guest-image,debug,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-debug-srcs)) $(call user-objs,$(guest-debug-programs)) \
	$(kernel-engine)))
$(eval $(call guest-image,tasks,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-task-probe-srcs)) $(kernel-engine) \
	$(call user-objs,$(kernel-programs) $(guest-programs))))
$(eval $(call guest-image,modules,$(call objs,kernel-x86,$(host-kernel-srcs) \
	$(guest-module-srcs) $(guest-module-probe-srcs)) $(kernel-engine) \
	$(call user-objs,$(guest-programs)) \
	$(call module-objs,$(guest-modules) $(guest-kmods))))
$(eval $(call guest-image,template,$(call objs,kernel-x86, \
	$(host-template-srcs) kernel/core/without_debug.c \
	tests/guest/template.c) $(O)/x86/core.o))
$(eval $(call image,demo,$(kernel-objs) $(call objs,kernel-x86, \
	$(host-kernel-srcs) examples/kernel-demo/demo.c \
	examples/kernel-demo/tasks.c) $(kernel-engine) \
	$(call user-objs,$(kernel-programs)) \
	$(call module-objs,count_calls time_call watch_call)))
endif

# The tests of the public API, as they are, for the kernel.
$(O)/kernel-x86/tests/api/%.o: override CFLAGS += $(kernel-x86-cflags) \
	-fno-toplevel-reorder -DNO_RED_ZONE

.PHONY: check-guests check-kernel kernel-demo
guests: $(guest-images)
check-guests check-kernel: guests
	$(Q)scripts/run-guests

# At this terminal, or make kernel-demo SCRIPT=FILE
kernel-demo: $(guest-dir)/demo.elf
	$(Q)scripts/kernel-demo -o $(O) $(SCRIPT)
