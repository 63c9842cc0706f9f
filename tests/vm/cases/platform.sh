# SPDX-License-Identifier: Apache-2.0
# Ringside in the guest: start it with agents, ask it, disturb it, and work beside it. Read by
# `. /vm/cases/platform.sh`, which reads lib.sh as well.
. /vm/cases/lib.sh

agents=
agent_names=
agent_keys=
bpf=no # the verifier takes seconds on an emulated processor; the cases that want the sensor set yes
verdict_keys=
log=/run/ringsided.log
up_s=60
open_deadline_ms=1000 # four times the default: the processors are emulated and shared
exec_deadline_ms=2000
bound_extra_ms=200 # what the platform may add to a deadline, see docs/CONTRACT.md

# agent NAME ARGUMENT…: one more vm_agent for the configuration, with more keys in $agent_keys.
agent() {
	local name=$1
	shift
	agents="$agents  - {name: $name, program: /vm/helpers/vm_agent, args: [$(echo "$*" | sed 's/ /, /g')], events: [auth_exec, auth_open]$agent_keys}
"
	agent_names="$agent_names $name"
}

# configure [SCOPE]: writes the configuration.
configure() {
	mkdir -p /etc/ringside
	cat >/etc/ringside/ringside.yaml <<-END
		sensors: {fanotify: yes, bpf: $bpf}
		scope: ["${1:-/}"]
		verdicts:
		  deadline: {exec: $exec_deadline_ms ms, open: $open_deadline_ms ms}
		$verdict_keys
		agents:
		$agents
	END
}

# platform [SCOPE]: starts Ringside and waits until all its agents had their say; one that hangs is benched at once. However
# busy the host is, the first engine is the one that stays.
platform() {
	configure "$@"
	ringsided >"$log" 2>&1 &
	parent_pid=$!
	wait_until $up_s agents_are live benched || platform_fail "Ringside is not up within $up_s s"
	[ "$(generation)" = 1 ] || platform_fail "the engine began anew while it started: $(grep -m 1 "is killed" "$log")"
}

# cgroups: cgroup v2 whole, as systemd would mount it.
cgroups() {
	mkdir -p /sys/fs/cgroup
	[ -f /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup || fail "cgroup v2 cannot be mounted"
}

# budget AGENT KIND KEY: what status says of a budget: kept_by, hits, most.
budget() {
	status "cage.agents.$1.budgets.$2.$3"
}

budget_is() {
	[ "$(budget "$1" "$2" "$3")" = "$4" ]
}

was_hit() {
	[ "$(budget "$1" "$2" hits)" -gt 0 ]
}

# pending_open FILE: an open that the greedy agent is asked about; it must go on within its deadline.
pending_open() {
	local start took bound=$((open_deadline_ms + bound_extra_ms + slack_ms))
	start=$(now_ms)
	cat "$1" >/dev/null || platform_fail "the open failed"
	took=$(($(now_ms) - start))
	echo "the open took $took of at most $bound ms"
	[ "$took" -le "$bound" ] || platform_fail "the open took $took ms, more than $bound"
}

platform_fail() {
	tail -n 40 "$log"
	ringside status 2>&1 | tail -n 40
	fail "$*"
}

# status KEY.KEY…: a value of `ringside status --json`.
status() {
	ringside status --json 2>/dev/null | vm_json "$1"
}

# agents_are STATE…: each agent is in one of these.
agents_are() {
	local text name
	text=$(ringside status --json 2>/dev/null)
	for name in $agent_names; do
		case " $* " in
		*" $(echo "$text" | vm_json "engine.agents.$name.state") "*) ;;
		*) return 1 ;;
		esac
	done
}

agent_is() {
	[ "$(status "engine.agents.$1.state")" = "$2" ]
}

# engine_pid: fails the case rather than name nobody: `kill 0` would be this case.
engine_pid() {
	local pid
	wait_until 30 engine_runs || platform_fail "there is no engine"
	pid=$(status parent.processes.engine.pid)
	[ "${pid:-0}" -gt 1 ] && echo "$pid"
}

engine_runs() {
	[ "$(status parent.processes.engine.pid)" -gt 1 ]
}

agent_pids() {
	local name
	for name in $agent_names; do
		echo "$name $(status "cage.agents.$name.pid")"
	done
}

generation() {
	status engine.generation
}

generation_is() {
	[ "$(generation)" = "$1" ]
}

# generation_must_be NUMBER: within 30 s; with its BPF programs an engine takes that long on a busy machine.
generation_must_be() {
	wait_until 30 generation_is "$1" || platform_fail "expected generation $1 of the engine, found $(generation)"
}

# ---- work beside it: a package is unpacked and a compiler runs, again and again, until there is work/stop ----

work_start() {
	mkdir work
	touch work/unpacked work/built
	printf '#include <stdio.h>\nint main(void) { return printf("%%d\\n", 42) < 0; }\n' >work/a.c
	(until [ -e work/stop ]; do
		rm -rf work/out
		dpkg-deb -x /vm/packages/sample.deb work/out 2>>work/errors || echo "dpkg-deb ended with $?" >>work/errors
		echo >>work/unpacked
	done) &
	work_pids=$!
	(until [ -e work/stop ]; do
		tcc -o work/a work/a.c 2>>work/errors || echo "tcc ended with $?" >>work/errors
		work/a >/dev/null 2>>work/errors || echo "the program ended with $?" >>work/errors
		echo >>work/built
	done) &
	work_pids="$work_pids $!"
}

# work_goes_on: both get something done within 60 s from now, and nothing has failed so far.
work_goes_on() {
	local unpacked built
	unpacked=$(wc -l <work/unpacked)
	built=$(wc -l <work/built)
	wait_until 60 work_beyond "$unpacked" "$built" || fail "the work stands still: unpacked $unpacked, built $built"
	[ -s work/errors ] && fail "the work failed: $(head -n 3 work/errors)"
	return 0
}

work_beyond() {
	[ "$(wc -l <work/unpacked)" -gt "$1" ] && [ "$(wc -l <work/built)" -gt "$2" ]
}

# ---- how long operations wait ----

# slack_measure: what the probe waits beside the work without Ringside. The guest's processors are emulated and
# shared: three times that, and 300 ms, are added to every bound.
slack_measure() {
	local longest
	set -- $(vm_probe 3)
	[ "$1" = open ] || fail "the probe does not run: $*"
	longest=$2
	[ "$4" -gt "$longest" ] && longest=$4
	slack_ms=$((300 + 3 * longest))
	echo "slack $slack_ms ms, beside the work: $*"
}

probe_start() {
	mkdir -p probe
	(cd probe && vm_probe "$1") >probe.out 2>&1 &
	probe_pid=$!
}

# probe_check [PID OUTPUT]: it ends, nothing was denied, and no operation waited beyond its bound. An exec asks twice.
# Keeps the longest of all in $longest_open_ms and $longest_exec_ms.
probe_check() {
	local output=${2:-probe.out}
	wait "${1:-$probe_pid}" || platform_fail "the probe ended with $?: $(cat "$output")"
	set -- $(cat "$output")
	open_bound_ms=$((open_deadline_ms + bound_extra_ms + slack_ms))
	exec_bound_ms=$((exec_deadline_ms + open_deadline_ms + 2 * bound_extra_ms + slack_ms))
	echo "longest open $2 of $open_bound_ms ms, longest exec $4 of $exec_bound_ms ms, $6 opens, $7 execs"
	[ "$2" -le "${longest_open_ms:-0}" ] || longest_open_ms=$2
	[ "$4" -le "${longest_exec_ms:-0}" ] || longest_exec_ms=$4
	[ "$2" -le "$open_bound_ms" ] || platform_fail "an open waited $2 ms, more than $open_bound_ms"
	[ "$4" -le "$exec_bound_ms" ] || platform_fail "an exec waited $4 ms, more than $exec_bound_ms"
}

# nothing_left: no process of Ringside or of its agents runs.
nothing_left() {
	! ps | grep -v grep | grep -qE 'ringside|vm_agent'
}

# guard: protection of the whole root, with an agent that denies what make_bad makes. For `bypass` of lib.sh.
guard() {
	agent guard marker cache
	platform /
}
