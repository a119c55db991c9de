# SPDX-License-Identifier: MIT
# files.mk - the trapline command

# What arming would do, asked of the code that arms.
survey-of = tool/survey/survey.c tool/survey/$1/words.c arch/$1/plan.c \
	arch/$1/text.c arch/$1/simulate.c \
	$(if $(filter arm64,$1),arch/arm64/cpu.c) $($1-insn-srcs)
survey-srcs := $(call survey-of,x86)

# Tables of registers.
registers-of = tool/$1/registers.c tool/$1/marker_operand.c

# The command without its session: what can be linked with another one.
tool-front-srcs := tool/main.c tool/help.c tool/options.c tool/text.c \
	tool/match.c tool/names.c tool/spec.c tool/image.c tool/images.c tool/versions.c tool/minidebug.c tool/frames.c tool/markers.c tool/gofuncs.c tool/debugfile.c tool/process.c \
	tool/ifunc.c tool/binding.c tool/debug.c tool/inlined.c tool/lines.c tool/variables.c tool/sources.c tool/prototype.c tool/resolve.c tool/resolve_names.c tool/places.c tool/notfound.c tool/output.c tool/latency.c tool/why.c engine/why.c tool/late.c tool/launch.c tool/entry.c \
	tool/run.c tool/target.c tool/others.c tool/followed.c tool/dry_run.c tool/forecast.c tool/rows.c tool/bill.c tool/merge.c tool/probe.c tool/expr.c tool/access.c tool/marker_args.c $(call registers-of,x86) tool/scopes.c \
	tool/cmd_trace.c tool/ctf.c tool/cmd_count.c tool/cmd_time.c tool/cmd_list.c \
	tool/unwind.c tool/stacks.c tool/callers.c tool/cmd_stack.c \
	tool/cmd_watch.c tool/watch_print.c tool/data.c tool/tids.c tool/condition.c tool/watch/events.c tool/watch/effect.c \
	tool/cmd_status.c tool/object.c $(host-linux-object-srcs) \
	tool/cmd_coverage.c $(survey-srcs)

tool-srcs := $(if $(and $(wildcard tool/session.c), \
	$(wildcard tool/guardian/files.mk)),$(tool-front-srcs) tool/session.c tool/follower.c \
	tool/rings.c tool/watch/pages.c tool/watch/keeper.c tool/watch/carry.c tool/watch/tasks.c tool/watch/debugregs.c tool/watch/setup.c)
tool-ldflags := -lm

# The command for arm64, with libraries of that architecture (linux-fetch), all of
# them inside.  It watches nothing (tool/arm64/nobody.c): what an instruction writes is
# known of x86.
arm64-sysroot := $(O)/linux-arm64/sysroot
arm64-tool-srcs := $(filter-out $(survey-srcs) $(call registers-of,x86) tool/watch/%, \
	$(tool-srcs)) $(call survey-of,arm64) $(call registers-of,arm64) tool/watch/events.c \
	tool/arm64/nobody.c tool/arm64/never.S
$(O)/arm64/tool/%.o: override CFLAGS += -isystem $(arm64-sysroot)/usr/include
arm64-tool-ldflags := -static -L$(arm64-sysroot)/usr/lib/aarch64-linux-gnu

# The command with a session that touches nobody, for the golden outputs.
fake-srcs := $(tool-front-srcs) tests/tool/fake/session.c
inc.tests/tool/fake = -Iinclude -Itool -Itool/$1 $(tool-seen)

$(O)/trapline-fake: $(patsubst %,$(O)/x86/%.o,$(fake-srcs))
	$(call say,LINK,$@)
	$(Q)$(call cc,x86) $(if $(SAN),-fsanitize=$(SAN)) -o $@ $^ \
		-ldw -lelf -llzma -ljson-c -liberty $(tool-ldflags)

targets: $(O)/trapline-fake
