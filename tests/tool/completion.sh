#!/bin/bash
# SPDX-License-Identifier: MIT
# completion.sh - what bash offers behind `trapline`
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tool/completion.bash
. "$top/tool/completion.bash"
PATH=$TL_BUILD:$PATH

# offered WORD...: what stands for the last one, sorted, on one line.
offered() {
	COMP_WORDS=(trapline "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_trapline 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

is verbs "$(offered co)" "count coverage "
is verbs_behind_help "$(offered help de)" "detach "
is options "$(offered count --dur)" "--duration "
is options_without_a_letter "$(offered count --dry)" "--dry-run "
is options_are_those_of_the_verb "$(offered detach --j)" " "
like process_numbers "$(offered status -p $$)" "$$ "
like commands_behind_two_hyphens "$(offered count f -- ca)" "cat "
finish
