# SPDX-License-Identifier: Apache-2.0
# claim: the host takes the whole machine away for seconds, under load: nobody is taken for stuck, benched or started anew
# limit-s: 180
. /vm/cases/platform.sh
agent first allow
agent second cache
platform /
first=$(status cage.agents.first.pid)
second=$(status cage.agents.second.pid)
work_start
work_goes_on
for _ in 1 2; do
	before=$(now_ms)
	echo "@stand-still 7" >/dev/ttyS0 # the driver stops the emulator; clocks go on
	sleep 2
	took=$(($(now_ms) - before))
	echo "$took ms went by"
	[ "$took" -ge 6000 ] || fail "the machine did not stand still: $took ms went by"
	work_goes_on
	generation_must_be 1
	[ "$(status parent.processes.cage.restarts)" = 0 ] || platform_fail "the cage was started anew"
	[ "$(status cage.agents.first.pid)" = "$first" ] || platform_fail "an agent was started anew"
	[ "$(status cage.agents.second.pid)" = "$second" ] || platform_fail "an agent was started anew"
	agents_are live || platform_fail "not all agents are live"
done
echo "missed $(status engine.questions.missed), strikes $(status engine.agents.first.strikes) and $(status engine.agents.second.strikes)"
