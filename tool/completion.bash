# SPDX-License-Identifier: MIT
# completion.bash - words that bash offers behind `trapline`
#
# What the commands and their options are, the program says itself: --help.

_trapline_words() {
	trapline "$@" --help 2>/dev/null
}

_trapline() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} i

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_trapline_words |
			sed -n 's/^  \([a-z]*\)  *.*/\1/p') --help --version" \
			-- "$word")
		return
	fi
	# Behind `--` are the words of another program.
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			mapfile -t COMPREPLY < <(compgen -c -f -- "$word")
			return
		fi
	done
	case $before in
	-p | --pid)
		mapfile -t COMPREPLY < <(compgen -W \
			"$(cd /proc && echo [0-9]*)" -- "$word")
		return
		;;
	-o | --output)
		compopt -o default
		return
		;;
	esac
	if [ "$verb" = help ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_trapline_words |
			sed -n 's/^  \([a-z]*\)  *.*/\1/p')" -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_trapline_words "$verb" |
			grep -o -E '^ *(-[a-zA-Z], )?--[a-z-]+' |
			grep -o -E -- '-(-[a-z-]+|[a-zA-Z])')" -- "$word")
	elif [ "$verb" = list ] || [ "$verb" = coverage ]; then
		compopt -o default
	fi
}

complete -F _trapline trapline
