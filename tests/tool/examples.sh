#!/bin/bash
# SPDX-License-Identifier: MIT
# examples.sh - every example builds elsewhere, with an installation alone

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
unset MAKEFLAGS MAKELEVEL

root=$tmp/root
make -s install DESTDIR="$root" PREFIX=/opt/trapline >/dev/null
export PKG_CONFIG_LIBDIR=$root/opt/trapline/lib/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$root
export LD_LIBRARY_PATH=$root/opt/trapline/lib

cp -r examples "$tmp/examples"
cd "$tmp/examples" || exit 1
ok 'the examples build' make -s CFLAGS='-O2 -Wall -Wextra -Werror'
for out in *.out; do
	name=${out%.out}
	is "$name prints what it should" \
		"$(timeout 30 "./$name" 2>&1 || echo "status $?")" "$(cat "$out")"
done

# Kernel modules, in a program that loads them.
ok 'the modules build' make -s -C module CFLAGS='-O2 -Wall -Werror'
is 'the modules print what they should' "$(timeout 60 make -s -C module run 2>&1)" \
	"$(cat module/run.out)"

# Some that need no events, by @program.
some() {
	"$@" ./host watch_call.o symbol=work
	"$@" ./host count_calls.o functions=work,add
}
native=$(cd module && some env 2>&1)

# For arm64, cross-compiled; what there are no events for says so.
cross() {
	export PKG_CONFIG_LIBDIR=$tmp/arm64/opt/trapline/lib/pkgconfig
	export PKG_CONFIG_SYSROOT_DIR=$tmp/arm64
	make -s -C "$top" install ARCH=arm64 DESTDIR="$tmp/arm64" \
		PREFIX=/opt/trapline >/dev/null &&
		make -s clean &&
		make -s CC="${CROSS_arm64:-aarch64-linux-gnu-}gcc" \
			CFLAGS='-O2 -Wall -Wextra -Werror' &&
		make -s -C module clean &&
		make -s -C module CC="${CROSS_arm64:-aarch64-linux-gnu-}gcc" \
			CFLAGS='-O2 -Wall -Werror'
}
emulated() {
	timeout 60 "${QEMU_arm64:-qemu-aarch64}" -L /usr/aarch64-linux-gnu \
		-E LD_LIBRARY_PATH="$tmp/arm64/opt/trapline/lib" "$@" 2>&1 ||
		echo "status $?"
}
ok 'the examples build for arm64' cross
for out in *.out; do
	name=${out%.out}
	if [ "$name" = own_variable ]; then
		is "$name for arm64 says that there are no events here" \
			"$(emulated "./$name")" \
			"$(printf 'no breakpoint: %s\nstatus 1' \
				'Operation not supported')"
		continue
	fi
	is "$name for arm64 prints what it should" "$(emulated "./$name")" \
		"$(cat "$out")"
done

is 'modules for arm64 print the same' "$(cd module && some emulated)" "$native"

# A file that is not described, or has no output to compare with.
described() {
	local file status=0

	for file in "$top"/examples/*.c; do
		name=$(basename "$file" .c)
		[ -s "$name.out" ] && grep -q "($name.c)" README.md && continue
		echo "$name.c: no .out, or not in README.md"
		status=1
	done
	for file in "$top"/examples/module/*.c; do
		grep -q "(module/$(basename "$file"))" README.md && continue
		echo "$file: not in README.md"
		status=1
	done
	return "$status"
}
ok 'every example is described and compared' described

finish
