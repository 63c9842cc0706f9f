# SPDX-License-Identifier: Apache-2.0
# claim: an engine stopped by SIGSTOP is ended and started anew, nothing waits longer than its bound
# limit-s: 180
. /vm/cases/platform.sh
agent first allow
work_start
slack_measure
platform /
before=$(agent_pids)
probe_start 4
sleep 2
kill -STOP "$(engine_pid)"
generation_must_be 2
probe_check
wait_until 30 agents_are live || platform_fail "the agent has no session with the new engine"
[ "$(agent_pids)" = "$before" ] || platform_fail "agents were started anew: $before, now $(agent_pids)"
work_goes_on
