# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The tour of tools/run: what becomes of a machine whose products fail. Sourced there, with its functions and variables.
# Each step is one line: what happened, and what it cost whoever waited.
#
# Everything that misbehaves is narrowed to the tour's own folder (`only`), so that on a whole machine nobody else is
# denied or held up.

HUNG_MS=300 # the deadline of the agent that hangs
KNOWN=12    # programs that ran here before the agent came that denies everything; the brake takes 8
OPENS=100000
ASKED=2000

tour_agents() { # the agents of the tour, as YAML
	cat <<END
  - name: yara
    program: $libexec/agents/yara
    args: [--opens, --rules, $work/rules]
    reads: [$work/rules]
    events: [auth_exec, auth_open]
    only: [$programs]
    limits: {memory: 512 MB, tasks: 16}
  - name: hung
    program: $libexec/agents/hostile
    args: [--mode, hang]
    events: [auth_exec]
    only: [$programs]
    deadline: {exec: $HUNG_MS ms}
    enabled: no
  - name: denier
    program: $libexec/agents/hostile
    args: [--mode, deny]
    events: [auth_exec]
    only: [$programs]
    enabled: no
END
}

tour_files() {
	mkdir "$work/rules"
	chmod 755 "$work/rules"
	cat >"$work/rules/tour.yar" <<'END'
rule harmless_letter
{
	meta:
		description = "the harmless letter of the tour"
	strings:
		$line = "Dear friend, this letter is harmless"
	condition:
		$line at 0
}
END
	chmod 644 "$work/rules/tour.yar"
	echo "Dear friend, this letter is harmless, and the tour's rule denies it." >"$programs/letter"
	echo "another letter" >"$programs/other-letter"
	for i in $(seq $KNOWN); do twin "known-$i"; done
	# old, for what was written a moment ago is not cached
	touch -d '1 hour ago' "$programs"/letter "$programs"/other-letter "$programs"/known-*
}

# us_of ID: how long the question waited for its answer
us_of() {
	"$bin/ringside" explain "$1" --json | json "j['latency_us']"
}

tour_yara() {
	output=$(cat "$programs/other-letter" 2>&1)
	check "yara looks at a letter: $output" [ "$output" = "another letter" ]
	output=$(cat "$programs/letter" 2>&1)
	id=$("$bin/ringside" denials --json | json "[d['id'] for d in j['denials'] if any(a['agent'] == 'yara' and a['answer'] == 'deny' for a in d['asked'])][0]")
	"$bin/ringside" explain "${id:-0}" >"$work/explain" 2>&1
	check "a rule of yara's denies another: ${output##*: }; its reader waited $(us_of "${id:-0}") µs" \
		grep -q "harmless_letter" "$work/explain"
	check "ringside explain ${id:-?} shows which rule" grep -q "the harmless letter of the tour" "$work/explain"
	show <"$work/explain"
}

# Gone and back are two things: the process ends, and status, which must be there to say so, shows another one live.
tour_killed() {
	pid=$(agent yara pid)
	start=$(start_of "$pid")
	killed_ms=$(now_ms)
	is_ours "$pid" "$start" && kill -KILL "$pid"
	run_twin twin-a
	ran_ms=$took_ms
	gone() { [ -n "$pid" ] && ! is_ours "$pid" "$start" && now=$(agent yara pid) && [ "$now" != "$pid" ]; }
	was_gone=no
	within 10 gone && was_gone=yes
	back() { is_live yara && [ "$(agent yara pid)" != "$pid" ]; }
	took_ms=$(back_after "$killed_ms" back)
	gone_and_back() { [ "$was_gone" = yes ] && back; }
	check "yara is killed: it is back after $took_ms ms; a program that was started meanwhile took $ran_ms ms" \
		gone_and_back
	output=$(cat "$programs/letter" 2>&1)
	check "and denies the letter again: ${output##*: }" [ "${output##*: }" = "Operation not permitted" ]
}

back_after() { # back_after BEGIN CONDITION: milliseconds until it holds, 20 s at most
	within 20 "$2"
	echo $(($(now_ms) - $1))
}

tour_hung() {
	"$bin/ringside" agents start hung --reason "the tour" >/dev/null
	live() { is_live hung; }
	within 10 live
	waits=""
	for i in 1 2 3 4 5 6; do
		[ "$(agent hung state)" = live ] || break
		run_twin "twin-a"
		waits="$waits $took_ms"
	done
	run_twin twin-a
	benched() { [ "$(agent hung state)" = benched ] && [ "$output" = hello ]; }
	check "an agent that hangs: programs waited$waits ms (its deadline: $HUNG_MS), then it is benched, and one takes $took_ms ms" benched
	"$bin/ringside" agents stop hung --reason "the tour goes on" >/dev/null
}

tour_denier() {
	for i in $(seq $KNOWN); do "$programs/known-$i" hello >/dev/null; done # they have run here before
	"$bin/ringside" agents start denier --reason "the tour" >/dev/null
	live() { is_live denier; }
	within 10 live
	denied=0
	for i in $(seq $KNOWN); do
		"$programs/known-$i" hello >/dev/null 2>&1 || denied=$((denied + 1))
	done
	braked() { [ "$denied" -gt 0 ] && [ "$denied" -lt $KNOWN ] && [ "$(agent denier state)" = benched ]; }
	check "an agent that denies everything: $denied of $KNOWN programs were denied, then it is braked and benched" braked
	"$bin/ringside" agents stop denier --reason "the tour goes on" >/dev/null
}

open_often() { # open_often FILE TIMES: nanoseconds an open
	python3 -c '
import os, sys, time
path, times = sys.argv[1], int(sys.argv[2])
begin = time.perf_counter_ns()
for _ in range(times):
    os.close(os.open(path, os.O_RDONLY))
print((time.perf_counter_ns() - begin) // times)' "$@"
}

tour_cache() {
	cat "$programs/other-letter" >/dev/null # judged, and kept
	asked=$(agent yara questions)
	cached_ns=$(open_often "$programs/other-letter" $OPENS)
	asked=$(($(agent yara questions) - asked))
	echo "a letter that was written just now" >"$programs/new-letter"
	asked_ns=$(open_often "$programs/new-letter" $ASKED)
	saved_ms=$(((asked_ns - cached_ns) * OPENS / 1000000))
	cheap() { [ "$asked" -lt 100 ] && [ "$cached_ns" -lt "$asked_ns" ]; }
	check "a file opened $OPENS times: yara is asked $asked times, an open takes $cached_ns ns; asked each time it takes $asked_ns ns: $saved_ms ms saved" cheap
}

tour() {
	tour_yara
	tour_killed
	tour_hung
	tour_denier
	tour_cache
}
