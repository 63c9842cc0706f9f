# SPDX-License-Identifier: Apache-2.0
# Two and more products at once, on the whole root, under load. Read by `. /vm/cases/pairs.sh`.
#
#     pair A B …       the named reference agents, all live; load; what must be denied is tried all the time; then rest,
#                      and every counter must add up (vm_tally)
#
#     beside_hostile A B …   the same, and hostile in one of its modes after the other
#
# How long: 10 s (beside hostile 3 s for each of seven modes), or what `tools/vm-test --minutes` says (then in all thirteen). For
# tools/vm-test --pairs-table, what each agent must be seen to do, and what a case that passes has shown:
# does-observer: read every event that was not told as lost
# does-reputation: deny a program that is on its list, by its content
# does-yara: deny to open a file that one of its rules matches
# does-behaviour: find a program that runs from memory, and have it ended
# does-hostile: misbehave: deny, slow, hang, flood-content, eat-memory, fork-bomb, fill-disk; and for minutes also creep, spoil-fd, lock-fd, flood-answers, never-read, kill
# result: neither changes what the other decides; all else runs; no strike, restart or lost session; all counters add up
. /vm/cases/platform.sh
bpf=yes
up_s=150
seconds=10
# four times what the other cases have: more products are asked, and more is going on
open_deadline_ms=4000
exec_deadline_ms=8000
[ -f /vm/seconds ] && read -r seconds </vm/seconds
parts=/usr/libexec/ringside/agents
yara_log=/run/ringside/agents/yara.log
bad=        # what the probes must find denied
tolerant=   # `may-be-denied` when somebody denies what is good

# product NAME KEY…: one more reference agent for the configuration, by its manifest.
product() {
	local name=$1
	shift
	agents="$agents  - {manifest: $parts/$name.yaml$*}
"
	agent_names="$agent_names $name"
}

add_observer() {
	product observer ", args: [--output, /dev/null]"
}

add_reputation() {
	mkdir -p /etc/ringside/reputation
	{
		cat /vm/helpers/vm_hello
		echo listed
	} >listed
	chmod 755 listed
	echo "$(sha256sum <listed | cut -d' ' -f1) deny listed-program" >/etc/ringside/reputation/deny.list
	product reputation ", args: [--opens, --list, /etc/ringside/reputation/deny.list]"
	bad="$bad exec=$PWD/listed"
}

# add_yara OPTION…
add_yara() {
	mkdir -p /etc/ringside/yara
	cp /usr/share/ringside/yara/rules/*.yar /etc/ringside/yara/
	printf RINGSIDE-HARMLESS- >marked
	printf TEST-MALWARE >>marked
	product yara ", args: [--opens, --rules$(printf ', %s' /etc/ringside/yara "$@")]"
	bad="$bad open=$PWD/marked"
}

# yara_counts: asks yara for its counters; counted NAME then says one of them.
yara_counts() {
	yara_told=$(grep -c "yara: questions=" $yara_log 2>/dev/null)
	kill -USR1 "$(status cage.agents.yara.pid)"
	wait_until 10 yara_tells || platform_fail "yara tells no counters"
	yara_told=$(grep "yara: questions=" $yara_log | tail -n 1)
}

yara_tells() {
	[ "$(grep -c "yara: questions=" $yara_log)" -gt "${yara_told:-0}" ]
}

counted() {
	echo "$yara_told" | sed -n "s/.* $1=\([0-9]*\).*/\1/p"
}

# counted_is NUMBER NAME…: each of them.
counted_is() {
	local number=$1 name
	shift
	for name in "$@"; do
		[ "$(counted "$name")" = "$number" ] || platform_fail "expected $number $name, found: $yara_told"
	done
}

# yara_is_well: nothing that it did is held against it.
yara_is_well() {
	agent_is yara live || platform_fail "yara is $(status engine.agents.yara.state)"
	[ "$(status engine.agents.yara.misses)" = 0 ] || platform_fail "yara missed a deadline"
	[ "$(status engine.agents.yara.strikes)" = 0 ] || platform_fail "yara has strikes: $(status engine.agents.yara.why)"
	[ "$(status cage.agents.yara.restarts)" = 0 ] || platform_fail "yara was started anew"
	generation_must_be 1
}

add_behaviour() {
	mkdir -p /etc/ringside/behaviour
	echo "kill = memfd_exec" >/etc/ringside/behaviour/behaviour.conf
	printf '#include <unistd.h>\nint main(void) { sleep(20); return 77; }\n' >sleeper.c
	tcc -o sleeper sleeper.c || fail "tcc cannot build a program"
	product behaviour ", args: [--config, /etc/ringside/behaviour/behaviour.conf], actions: [kill], limits: {actions_per_minute: 30}"
}

# An agent's files are for its user to read.
readable() {
	chmod -R a+rX /etc/ringside
}

# ---- load ----

# load_start: a package unpacked again and again, a compiler, and programs that open what lies about.
load_start() {
	work_start
	(until [ -e work/stop ]; do
		cat /usr/include/*.h >/dev/null 2>>work/errors || echo "cat ended with $?" >>work/errors
	done) &
	work_pids="$work_pids $!"
}

# Programs from memory, each of which behaviour must have ended long before it would end by itself.
memory_start() {
	: >memory.out
	(until [ -e work/stop ]; do
		vm_bypass memfd-exec sleeper >/dev/null 2>&1
		echo $? >>memory.out
		sleep 4
	done) &
	work_pids="$work_pids $!"
}

load_stop() {
	touch work/stop
	wait $work_pids
	cat work/errors >>work.errors 2>/dev/null
	rm -rf work
}

probes_start() {
	mkdir -p probe-1 probe-2
	(cd probe-1 && vm_probe "$1" $bad $tolerant) >probe.out 2>&1 &
	probe_pid=$!
	(cd probe-2 && vm_probe "$1" $bad $tolerant) >probe-2.out 2>&1 &
	probe2_pid=$!
}

probes_check() {
	probe_check
	probe_check "$probe2_pid" probe-2.out
}

# all_adds_up SECONDS AGENT…: at rest. The last line is read by tools/vm-test --pairs-report.
all_adds_up() {
	local worked_s=$1
	shift
	vm_tally "$@" >tally.out
	local r=$?
	cat tally.out
	[ "$r" = 0 ] || platform_fail "the counters do not add up, see above"
	echo "pairs: seconds=$worked_s $(sed -n 's/^sums: //p' tally.out) open_ms=$longest_open_ms open_bound_ms=$open_bound_ms exec_ms=$longest_exec_ms exec_bound_ms=$exec_bound_ms slack_ms=$slack_ms"
}

# ---- what each did ----

denied_by() {
	ringside denials --json 2>/dev/null | grep -q "\"$1\"" || platform_fail "no deny of $1 is told: $(ringside denials | head -n 5)"
}

seen_reputation() {
	denied_by reputation
}

seen_yara() {
	denied_by yara
}

seen_observer() {
	[ "$(status engine.agents.observer.delivered)" -gt 1000 ] || platform_fail "observer got $(status engine.agents.observer.delivered) events"
}

# 137: ended by SIGKILL; 77: ended by itself; others did not begin, which only hostile may cause.
seen_behaviour() {
	local ran killed
	ran=$(wc -l <memory.out)
	killed=$(grep -c '^137$' memory.out)
	echo "behaviour: $killed of $ran programs in memory were ended; $(status engine.agents.behaviour.actions_done) actions done"
	[ "$tolerant" ] && ran=$((killed + $(grep -c '^77$' memory.out)))
	[ "$ran" -gt 0 ] && [ "$ran" = "$killed" ] || platform_fail "programs in memory ended with: $(sort memory.out | uniq -c)"
}

pair() {
	local name
	for name in "$@"; do add_$name; done
	readable
	load_start
	slack_measure
	load_stop
	platform / # the verifier takes long enough on an idle machine
	load_start
	case " $* " in *" behaviour "*) memory_start ;; esac
	probes_start "$seconds"
	work_goes_on
	probes_check
	load_stop
	[ -s work.errors ] && fail "the work failed: $(head -n 3 work.errors)"
	for name in "$@"; do seen_$name; done
	all_adds_up "$seconds" "$@"
}

# ---- beside hostile ----

# hostile_as OPTION…: from now on, and nobody holds anything against it.
hostile_as() {
	local options
	options=$(printf ', %s' --opens "$@")
	agents="$good_agents  - {manifest: $parts/hostile.yaml, args: [${options#, }], events: [auth_exec, auth_open], limits: {denies_per_minute: 20, disk: 2 MB}}
"
	configure /
}

# Denied commands are tried again: hostile may deny this script what it needs.
insist() {
	wait_until 30 "$@" || platform_fail "$* does not succeed"
}

hostile_has_no_process() {
	[ "$(status cage.agents.hostile.pid)" = 0 ]
}

taken_up() {
	[ "$(grep -c "$reloaded" "$log")" -gt "$reloads" ]
}

# turn_into MODE OPTION…
turn_into() {
	insist ringside agents stop hostile
	insist hostile_has_no_process
	hostile_as --mode "$@"
	reloads=$(grep -c "$reloaded" "$log")
	kill -HUP "$parent_pid"
	insist taken_up
	probes_start $((each + 2)) # while nobody can deny them their start
	insist ringside agents start hostile
	insist ringside agents unbench hostile
}

hostile_is() {
	agent_is hostile "$1"
}

# mode CHECK MODE OPTION…: that long, and the others notice nothing.
mode() {
	local check=$1 name=$2
	shift
	turn_into "$@"
	probes_check
	worked_s=$((worked_s + each))
	echo "$name: hostile is $(status engine.agents.hostile.state): $(status engine.agents.hostile.why)"
	[ -z "$check" ] || insist $check
}

ran_into() {
	was_hit hostile "$1"
}

was_slow() {
	[ "$(status engine.agents.hostile.slow)" -gt 0 ]
}

more_modes() {
	mode "" creep --minute 400
	mode "" spoil-fd --fds
	mode "" lock-fd --fds
	mode "" flood-answers
	mode "" never-read
	mode "" kill
}

beside_hostile() {
	local name each
	each=$((seconds / 13))
	[ -f /vm/seconds ] || each=3
	reloaded="the new configuration is in force"
	tolerant=may-be-denied
	worked_s=0
	for name in "$@"; do add_$name; done
	readable
	good_agents=$agents
	agent_names="$agent_names hostile"
	hostile_as
	load_start
	slack_measure
	load_stop
	platform / # the verifier takes long enough on an idle machine
	agent_names=${agent_names% hostile}
	load_start
	memory_start
	mode "hostile_is benched" deny
	mode was_slow slow
	mode "hostile_is benched" hang
	mode "" flood-content
	mode "" eat-memory
	mode "" fork-bomb
	mode "ran_into disk" fill-disk
	[ -f /vm/seconds ] && more_modes
	insist ringside agents stop hostile
	insist hostile_has_no_process
	: >work/errors
	work_goes_on
	load_stop
	for name in "$@"; do seen_$name; done
	all_adds_up "$worked_s" "$@"
}
