#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Completion says what `ringside help` says. RINGSIDE: the command that was built; COMPLETION: the file under test.

setup() {
	ringside() { "$RINGSIDE" --socket /nonexistent/control.sock "$@"; }
	source "$COMPLETION"
}

# complete_line WORD … : what bash would offer for the last word, sorted, on one line
complete_line() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_ringside
	printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}

options_in_help() {
	"$RINGSIDE" help "$@" | sed -n 's/^  \(--[a-z]*\) .*/\1/p' | sort | xargs
}

@test "commands are those of help" {
	listed=$("$RINGSIDE" help | sed -n '/^Options/q; s/^  \([a-z]*\) .*/\1/p' | sort | xargs)
	[ -n "$listed" ]
	[ "$(complete_line ringside '')" = "$listed" ]
	[ "$(complete_line ringside help '')" = "$listed" ]
	[ "$(complete_line ringside st)" = "status" ]
}

@test "options of each command are those of its help" {
	for command in $("$RINGSIDE" help | sed -n '/^Options/q; s/^  \([a-z]*\) .*/\1/p'); do
		[ -n "$(options_in_help "$command")" ]
		[ "$(complete_line ringside "$command" --)" = "$(options_in_help "$command")" ]
	done
}

@test "types and families of events" {
	[ "$(complete_line ringside events --type ex)" = "exec exit" ]
	[ "$(complete_line ringside events --type networ)" = "network" ]
	[ "$(complete_line ringside events --type auth_)" = "" ]
}

@test "verbs, and agents that run" {
	ringside() { printf 'AGENT  STATE\nalpha  live\nbeta   live\n  alpha 1.0: fine\n'; }
	[ "$(complete_line ringside agents b)" = "bench" ]
	[ "$(complete_line ringside agents bench '')" = "alpha beta" ]
	[ "$(complete_line ringside events --agent al)" = "alpha" ]
}

@test "files" {
	cd "$BATS_TEST_TMPDIR" && touch one.yaml
	[ "$(complete_line ringside check on)" = "one.yaml" ]
	[ "$(complete_line ringside --socket on)" = "one.yaml" ]
}
