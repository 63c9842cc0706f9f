# SPDX-License-Identifier: Apache-2.0
# claim: a killed agent's questions are answered at once, it comes back, the other agent notices nothing
# limit-s: 180
. /vm/cases/platform.sh
agent good allow
agent victim allow
work_start
slack_measure
platform /
good_pid=$(status cage.agents.good.pid)
probe_start 4
sleep 1
kill -9 "$(status cage.agents.victim.pid)"
probe_check
wait_until 30 agents_are live || platform_fail "the killed agent did not come back"
[ "$(status cage.agents.good.pid)" = "$good_pid" ] || platform_fail "the other agent was started anew"
work_goes_on
generation_must_be 1
