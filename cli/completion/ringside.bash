# SPDX-License-Identifier: Apache-2.0
# Completion of ringside(1) for bash. A test compares the words here with what `ringside help` says.

_ringside_agents() {
	ringside agents 2>/dev/null | awk '/^AGENT/ { on = 1; next } /^ / { on = 0 } on { print $1 }'
}

_ringside() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command="" verb="" i
	local commands="status events explain denials actions agents top doctor check help"
	local options="--json --socket --help --version"

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
			elif [[ -z $verb ]]; then
				verb=${COMP_WORDS[i]}
			fi
			;;
		esac
	done

	COMPREPLY=()
	case $before in
	--socket | --exe | --path | --replay | --record)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--type)
		mapfile -t COMPREPLY < <(compgen -W "$(ringside events --list 2>/dev/null | awk 'NR > 1 { print $1; print $2 }' | sort -u)" -- "$word")
		return
		;;
	--agent)
		mapfile -t COMPREPLY < <(compgen -W "$(_ringside_agents)" -- "$word")
		return
		;;
	--outcome)
		mapfile -t COMPREPLY < <(compgen -W "done gone failed refused shadow unknown open" -- "$word")
		return
		;;
	--uid)
		mapfile -t COMPREPLY < <(compgen -W "$(id -u)" -- "$word")
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W "name events asked p99 denied missed drops memory cpu" -- "$word")
		return
		;;
	--pid | --count | --seconds | --reason | --interval | --lines | -n) return ;;
	esac

	case $command in
	events) options+=" --type --pid --uid --exe --path --agent --denied --tree --replay --record --count --seconds --list" ;;
	denials) options+=" --count" ;;
	actions) options+=" --agent --outcome --count" ;;
	agents) options+=" --reason" ;;
	check) options+=" --manifest" ;;
	top) options+=" --interval --sort --reverse --batch --count --lines" ;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		return
	fi
	case $command in
	"") mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
	help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
	check) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	agents)
		if [[ -z $verb ]]; then
			mapfile -t COMPREPLY < <(compgen -W "list bench unbench start stop restart upgrade" -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_ringside_agents)" -- "$word")
		fi
		;;
	esac
}

complete -F _ringside ringside
