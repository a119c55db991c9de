#!/bin/bash
# SPDX-License-Identifier: MIT
# build.sh - the build keeps its own promises: layers, contract, runner, export

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
unset MAKEFLAGS MAKELEVEL

# Does a file of folder $1 that includes $2 compile?
compiles() {
	local flags

	flags=$(make -s flags FILE="$1/file.c") || return 2
	printf '#include %s\nextern int file;\nint file;\n' "$2" >"$tmp/file.c"
	# shellcheck disable=SC2086 # the flags are words
	gcc $flags -fsyntax-only "$tmp/file.c"
}

refused() {
	compiles "$@"
	[ $? -eq 1 ]
}

layer_rule() {
	local can=$1 folder=$2 header=$3

	ok "$folder $can include $header" \
		"$([ "$can" = may ] && echo compiles || echo refused)" \
		"$folder" "$header"
}

layer_rule may engine '<trapline/host.h>'
layer_rule may engine '"arch.h"'
layer_rule 'may not' engine '"code.h"'
layer_rule 'may not' engine '"x86/isa.h"'
layer_rule 'may not' engine '"common/home.h"'
layer_rule 'may not' engine '"session.h"'
layer_rule 'may not' arch/x86 '"engine.h"'
layer_rule 'may not' arch/x86 '"arm64/isa.h"'
layer_rule may arch/x86/insn '"insn.h"'
layer_rule 'may not' arch/x86/insn '<trapline/host.h>'
layer_rule 'may not' arch/x86/insn '"arch.h"'
layer_rule 'may not' host/linux/common '"engine.h"'
layer_rule 'may not' host/linux/common '"sim.h"'
layer_rule may tool '"protocol.h"'
layer_rule 'may not' tool '"agent.h"'
layer_rule 'may not' tool '"engine.h"'
layer_rule 'may not' examples/embed '"engine.h"'

unknown_folder_is_an_error() {
	! make -s flags FILE=nowhere/file.c
}
ok 'a folder without an include rule is an error' unknown_folder_is_an_error

# A program for run-tests that runs the shell text $1.
program() {
	printf '#!/bin/sh\n%s\n' "$1" >"$tmp/program"
	chmod +x "$tmp/program"
}

# What run-tests says at last about a program that runs the text $1.
verdict() {
	program "$1"
	(cd "$tmp" && "$top/scripts/run-tests" -l 1 -o logs program | tail -n 1)
}

is 'passes are added up' "$(verdict 'echo 3 passed, 0 failed')" \
	'3 passed, 0 failed'
is 'skips are counted' \
	"$(verdict 'echo ok 1 a "# SKIP b"; echo 1 passed, 0 failed, 1 skipped')" \
	'1 passed, 0 failed, 1 skipped'
is 'a program that dies is a failure' "$(verdict 'kill -9 $$')" \
	'0 passed, 1 failed'
is 'a program that hangs is a failure' "$(verdict 'sleep 20')" \
	'0 passed, 1 failed'
is 'a program without a summary is a failure' "$(verdict 'echo ok 1 a')" \
	'0 passed, 1 failed'
is 'a summary that is not last is a failure' \
	"$(verdict 'echo 1 passed, 0 failed; echo Aborted')" '0 passed, 1 failed'
is 'an exit status that disagrees is a failure' \
	"$(verdict 'echo 1 passed, 0 failed; exit 1')" '1 passed, 1 failed'
is 'a plan that disagrees is a failure' \
	"$(verdict 'echo 1..2; echo 1 passed, 0 failed')" '1 passed, 1 failed'
is 'no test at all is a failure' "$(verdict 'echo 0 passed, 0 failed')" \
	'0 passed, 1 failed'

run_tests_fails() {
	program 'echo 1 passed, 1 failed; exit 1'
	! (cd "$tmp" && "$top/scripts/run-tests" -o logs program)
}
ok 'a failure ends run-tests with a status' run_tests_fails

# An object of the C text on standard input, in the engine's section.
object() {
	gcc -O2 -ffreestanding -fPIC -fno-builtin -x c -c -o "$tmp/o.o" - &&
		objcopy --rename-section .text=trapline_text "$tmp/o.o"
}

contract_catches() {
	echo 'void tlh_a(void);' >"$tmp/host.h"
	object <<<"$1"
	! scripts/check-contract "$tmp/host.h" "$tmp/o.o"
}

contract_accepts() {
	! contract_catches "$1"
}
ok 'the contract accepts what host.h declares' contract_accepts \
	'void tlh_a(void); void f(void); void f(void) { tlh_a(); }'
ok 'the contract catches a call of libc' contract_catches \
	'void tlh_a(void); void abort(void); void f(void); void f(void) { tlh_a(); abort(); }'
ok 'the contract catches a service that nobody calls' contract_catches \
	'void f(void); void f(void) { }'
ok 'the contract catches code outside the section' contract_catches \
	'void tlh_a(void); __attribute__((section("other"))) void f(void); void f(void) { tlh_a(); }'

# What is exported compiles alone, with one -I and nothing else of the tree.
export_compiles() {
	local source

	scripts/export "$tmp/export" && cd "$tmp/export" || return 1
	for source in engine/*.c arch/x86/*.c arch/x86/insn/*.c host/template/*.c; do
		gcc -std=gnu11 -O1 -ffreestanding -fPIC -mgeneral-regs-only \
			-mno-red-zone -Iinclude -Iarch -Iarch/x86 -Ihost/template \
			-fsyntax-only "$source" || return 1
	done
}
ok 'what is exported compiles alone' export_compiles

finish
