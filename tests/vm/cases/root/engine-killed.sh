# SPDX-License-Identifier: Apache-2.0
# claim: the engine is killed three times: nothing waits, the agents stay up, it is back each time
# limit-s: 180
. /vm/cases/platform.sh
agent first allow
agent second cache
work_start
slack_measure
platform /
before=$(agent_pids)
probe_start 8
for next in 2 3 4; do
	sleep 2
	kill -9 "$(engine_pid)"
	generation_must_be "$next"
done
probe_check
wait_until 30 agents_are live || platform_fail "an agent has no session with the new engine"
[ "$(agent_pids)" = "$before" ] || platform_fail "agents were started anew: $before, now $(agent_pids)"
work_goes_on
