#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 600
# embed.sh - a kernel of one's own from the exported tree, and the page about it

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
unset MAKEFLAGS MAKELEVEL

make -s export DEST="$tmp/trapline" >/dev/null
cp -r examples/embed "$tmp/embed"
ok 'the kernel builds from the exported tree alone' \
	make -s -C "$tmp/embed" TRAPLINE=../trapline
is 'its probe fires' \
	"$(make -s --no-print-directory -C "$tmp/embed" TRAPLINE=../trapline run 2>&1)" \
	"$(cat examples/embed/run.out)"

ok 'the page is exported' test -s "$tmp/trapline/docs/embedding.md"
# shellcheck disable=SC2016
is 'the page names what the engine needs, and nothing else' \
	"$(grep -oE '`tlh?_[a-z_]+`' docs/embedding.md | tr -d '`' |
		grep -v '^tl_trap' | sort -u)" \
	"$(nm -u build/x86/core.o | awk '{ print $NF }' |
		grep -E '^tlh_|^tl_host_ops$' | sort -u)"

# Bytes of the sections $1… of the core object.
bytes() {
	size -A build/x86/core.o | awk -v want="$1" \
		'$1 ~ "^(" want ")($|\\.)" { n += $2 } END { print n + 0 }'
}

# Is what the page says about $1 within a tenth of $2?
near() {
	local said

	said=$(grep -F "$1" docs/embedding.md | awk -F'|' '{ print $3 + 0 }')
	echo "# $1: the page says $said, measured $2"
	[ $((said * 10)) -ge $(($2 * 9)) ] && [ $((said * 10)) -le $(($2 * 11)) ]
}
ok 'the size of the code is as the page says' near '| code (' "$(bytes trapline_text)"
ok 'the size of the constants, too' near '| constants (' "$(bytes '.rodata')"
ok 'the size of the data, too' near '| data (' "$(bytes '.data|.bss')"

finish
