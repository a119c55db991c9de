# SPDX-License-Identifier: MIT
# install.mk - make install, make uninstall
#
# PREFIX is where things will be found, DESTDIR what is put before it for a
# package.  What is installed is listed once, and uninstall removes the same.
# A manual page is also found by the other names that its NAME line gives.
#
# ARCH=arm64 installs what programs for arm64 are built with, which need not be on
# this machine: the library, headers and pages, but not the command.

MANDIR     ?= $(PREFIX)/share/man
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR := $(PREFIX)/include

so-link := libtrapline.so
so-name := libtrapline.so.$(firstword $(subst ., ,$(VERSION)))
so-file := libtrapline.so.$(VERSION)

# For programs: host.h, trap.h and agent.h are for those who build a home, and
# go with the sources (make export).
public-headers := $(addprefix include/trapline/, errno.h hw_breakpoint.h jprobes.h kprobes.h \
	regs.h regs_arm64.h regs_x86.h trapline.h)
kmod-headers := $(wildcard include/kmod/linux/*.h)
man-pages := $(wildcard docs/*.1 docs/*.3 docs/*.7)

# The names of the page $1, with its section.
man-names = $(addsuffix $(suffix $1),$(shell sed -n '/^\.SH NAME/ { n; \
	s/ *\\-.*//; s/,//g; p; q }' $1))
man-files := $(foreach p,$(man-pages),$(addprefix \
	man$(subst .,,$(suffix $p))/,$(call man-names,$p)))

completion = $(PREFIX)/share/bash-completion/completions/trapline

cross-install := $(filter arm64,$(ARCH))
libraries-in  := $(library-dir.$(or $(cross-install),x86))

installed = $(if $(cross-install),,$(PREFIX)/bin/trapline $(completion)) \
	$(addprefix $(LIBDIR)/,libtrapline.a $(so-file) $(so-name) $(so-link) \
		pkgconfig/trapline.pc pkgconfig/trapline-kmod.pc) \
	$(addprefix $(INCLUDEDIR)/,$(public-headers:include/%=%) \
		$(kmod-headers:include/kmod/%=trapline-kmod/%)) \
	$(addprefix $(MANDIR)/,$(man-files))

.PHONY: install uninstall
install: $(if $(cross-install),$(addprefix $(libraries-in)/,libtrapline.a \
		libtrapline.so),all)
	install -d $(sort $(dir $(addprefix $(DESTDIR),$(installed))))
	$(if $(cross-install),,$(install-command))
	install -m 644 $(libraries-in)/libtrapline.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(libraries-in)/libtrapline.so $(DESTDIR)$(LIBDIR)/$(so-file)
	ln -sf $(so-file) $(DESTDIR)$(LIBDIR)/$(so-name)
	ln -sf $(so-name) $(DESTDIR)$(LIBDIR)/$(so-link)
	install -m 644 $(public-headers) $(DESTDIR)$(INCLUDEDIR)/trapline/
	install -m 644 $(kmod-headers) $(DESTDIR)$(INCLUDEDIR)/trapline-kmod/linux/
	$(foreach p,trapline trapline-kmod,$(call install-pc,$p))
	$(foreach p,$(man-pages),$(call install-page,$p,$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $p))))
	$(install-seen)

define install-command
install -m 755 $(O)/trapline $(DESTDIR)$(PREFIX)/bin/
install -m 644 tool/completion.bash $(DESTDIR)$(completion)
endef

define install-pc
sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; \
		s|@KMOD_FLAGS@|$(if $(cross-install), -mno-outline-atomics)|' \
		mk/$1.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/$1.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/$1.pc

endef

# Outside of a package the program loader is to know the library at once.
install-seen = $(if $(DESTDIR)$(cross-install),,-ldconfig 2>/dev/null)

# The page $1 into the folder $2, with a link for each other name.
define install-page
install -m 644 $1 $2/
	$(foreach n,$(filter-out $(notdir $1),$(call man-names,$1)),ln -sf $(notdir $1) $2/$n
	)
endef

uninstall:
	rm -f $(addprefix $(DESTDIR),$(installed))
	-rmdir $(addprefix $(DESTDIR)$(INCLUDEDIR)/,trapline \
		trapline-kmod/linux trapline-kmod)
