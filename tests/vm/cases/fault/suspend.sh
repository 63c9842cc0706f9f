# SPDX-License-Identifier: Apache-2.0
# claim: the machine is suspended for 5 s, while nobody is asked and while a program waits for a verdict: no question waits longer in the time that the machine is awake, nobody is blamed for the time it slept, and all goes on
# limit-s: 240
# emulator: one thread
. /vm/cases/platform.sh
agent good allow
agent judge hang open
verdict_keys="  strikes: 1000"
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/a
slack_measure
grep -qw mem /sys/power/state || fail "this machine cannot be suspended: it knows $(cat /sys/power/state)"
platform "$PWD/fs"

# suspends: how often the machine was.
suspends() {
	cat /sys/power/suspend_stats/success
}

suspend_for() {
	local before
	before=$(suspends)
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	echo "+$1" >/sys/class/rtc/rtc0/wakealarm
	echo mem >/sys/power/state || echo "it was not suspended"
	[ "$(suspends)" -gt "$before" ] || platform_fail "the machine was not suspended: $(dmesg | tail -n 3)"
}

# all_is_well OPENS: each of them was missed by the judge, which answers none, and by nobody else.
all_is_well() {
	generation_must_be 1
	agents_are live || platform_fail "not all agents are live"
	[ "$(status engine.agents.judge.misses)" = "$1" ] || platform_fail "expected $1 misses, found $(status engine.agents.judge.misses)"
	[ "$(status engine.agents.good.misses)" = 0 ] || platform_fail "good missed one"
	[ "$(status engine.agents.good.strikes)" = 0 ] || platform_fail "good was struck"
	[ "$(status parent.processes.cage.restarts)$(status parent.processes.control.restarts)" = 00 ] || platform_fail "a process began anew"
}

pending_open fs/a
all_is_well 1
suspend_for 5
all_is_well 1
pending_open fs/a
all_is_well 2

# A program that waits for a verdict. A kernel that cannot freeze it gives up after 20 s, in which nothing runs, and the
# machine stays awake (docs/OPERATIONS.md); whatever it does, all goes on.
cat fs/a >/dev/null &
pending=$!
before=$(suspends)
asked() {
	[ "$(status engine.questions.pending)" -gt 0 ]
}
wait_until 5 asked || echo "the question was answered before the machine was suspended"
echo "+5" >/sys/class/rtc/rtc0/wakealarm
start=$(now_ms)
echo mem >/sys/power/state && result=suspended || result="not suspended"
echo "with a pending question: $result, after $(($(now_ms) - start)) ms; $(($(suspends) - before)) more"
case $(uname -r) in
6.1.*) ;;
*) [ "$result" = suspended ] || platform_fail "a pending question kept the machine awake: $(dmesg | grep -i freez | tail -n 3)" ;;
esac
wait "$pending" || platform_fail "the open failed"
all_is_well 3
pending_open fs/a
all_is_well 4
