# SPDX-License-Identifier: MIT
guardian-srcs := tool/object.c tool/entry.c $(host-linux-object-srcs) \
	tool/guardian/adopt.c \
	tool/guardian/borrow.c \
	tool/guardian/children.c \
	tool/guardian/entrance.c \
	tool/guardian/find.c \
	tool/guardian/follow.c \
	tool/guardian/foresee.c \
	tool/guardian/guardian.c \
	tool/guardian/inside.c \
	tool/guardian/judge.c \
	tool/guardian/leads.c \
	tool/guardian/library.c \
	tool/guardian/load.c \
	tool/guardian/loader.c \
	tool/guardian/lock.c \
	tool/guardian/maps.c \
	tool/guardian/net.c \
	tool/guardian/net_proc.c \
	tool/guardian/net_restart.c \
	tool/guardian/net_scan.c \
	tool/guardian/net_seize.c \
	tool/guardian/net_stop.c \
	tool/guardian/net_watch.c \
	tool/guardian/own.c \
	tool/guardian/piece.c \
	tool/guardian/say.c \
	tool/guardian/seccomp.c \
	tool/guardian/semaphores.c \
	tool/guardian/serve.c \
	tool/guardian/sessions.c \
	tool/guardian/text.c \
	tool/guardian/undo.c \
	tool/guardian/wire.c \
	tool/guardian/worker.c \
	tool/guardian/yield.c
$(foreach i,x86 arm64,$(eval guardian-srcs.$i := tool/guardian/$i/loan.c \
	tool/$i/stub.S tool/$i/wait.S))
