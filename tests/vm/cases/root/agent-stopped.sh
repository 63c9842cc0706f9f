# SPDX-License-Identifier: Apache-2.0
# claim: an agent stopped by SIGSTOP delays an operation by no more than its deadline
# limit-s: 180
. /vm/cases/platform.sh
agent good allow
agent stopped allow
work_start
slack_measure
platform /
kill -STOP "$(status cage.agents.stopped.pid)"
probe_start 4
wait_until 20 agent_is stopped benched || platform_fail "the stopped agent was not benched"
probe_check
work_goes_on
agent_is good live || platform_fail "the other agent is not live any more"
