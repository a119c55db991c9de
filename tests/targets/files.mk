# SPDX-License-Identifier: MIT
# files.mk - the programs that tests attach to

target-dir := $(O)/x86/tests/targets
target-control := $(O)/x86/tests/targets/control.c.o
target-names := dyn threads300 sigs forks prints isles
target-programs = $(addprefix $(target-dir)/,$(target-names) dyn-static \
		  dyn-musl torture rseq flows libforks.so goserver gocalls selfprobe \
		  selfprobe-static selfprobe-shared)

$(addprefix $(target-dir)/,$(target-names)): %: %.c.o $(target-control)
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -o $@ $^ $(target-ldflags)

# For the command on a stock arm64 kernel.
$(O)/arm64/tests/targets/counted: $(O)/arm64/tests/targets/counted.c.o
	$(call say,LINK,$@)
	$(Q)$(call cc,arm64) -o $@ $^
$(O)/arm64/tests/targets/counted-own: \
		$(addprefix $(O)/arm64/tests/targets/,counted.c.o own/counted_own.c.o) \
		$(O)/arm64/libtrapline.a
	$(call say,LINK,$@)
	$(Q)$(call cc,arm64) -o $@ $^

$(target-dir)/dyn-static: $(target-dir)/dyn.c.o $(target-control)
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -static -o $@ $^

$(target-dir)/dyn-musl: tests/targets/dyn.c tests/targets/control.c \
		tests/targets/control.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)musl-gcc $(common) $(hosted) -static -o $@ $(filter %.c,$^)

$(target-dir)/torture_throw.cc.o: tests/targets/torture_throw.cc
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)g++ -O2 -g -Wall -Wextra -Werror -c -o $@ $<

$(target-dir)/torture: $(addprefix $(target-dir)/,torture.c.o torture.S.o \
		torture_throw.cc.o control.c.o)
	$(call say,LINK,$@)
	$(Q)g++ -o $@ $^

$(target-dir)/flows: $(addprefix $(target-dir)/,flows.c.o flows.S.o control.c.o)
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -o $@ $^ $(target-ldflags)

$(target-dir)/rseq: $(addprefix $(target-dir)/,rseq.c.o rseq.S.o control.c.o)
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -o $@ $^

$(target-dir)/selfprobe: $(target-dir)/own/selfprobe.c.o $(target-control) \
		$(O)/libtrapline.a
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -o $@ $^

$(target-dir)/selfprobe-static: $(target-dir)/own/selfprobe.c.o $(target-control) \
		$(O)/libtrapline.a
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) -static -o $@ $^

# The name that it is found by is the soname.
$(target-dir)/selfprobe-shared: $(target-dir)/own/selfprobe.c.o $(target-control) \
		$(O)/libtrapline.so
	$(call say,LINK,$@)
	$(Q)ln -sfn $(abspath $(O)/libtrapline.so) $(target-dir)/$(so-name)
	$(Q)$(call cc,x86) -o $@ $^ -Wl,-rpath,'$$ORIGIN'

$(target-dir)/libforks.so: tests/targets/forks_lib.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call cc,x86) $(common) -fPIC -shared -o $@ $<

# No network, no module file, and the compiler's cache inside build/.
$(addprefix $(target-dir)/,goserver gocalls): $(target-dir)/%: tests/targets/%.go
	$(call say,GO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)GOCACHE=$(CURDIR)/build/go-cache GOPATH=$(CURDIR)/build/go \
		GOFLAGS=-mod=mod GOPROXY=off GO111MODULE=off CGO_ENABLED=0 \
		go build -o $@ $<
