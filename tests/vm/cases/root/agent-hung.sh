# SPDX-License-Identifier: Apache-2.0
# claim: an agent that never answers delays an operation by its deadline, is benched, and the other agent notices nothing
# limit-s: 180
. /vm/cases/platform.sh
agent good allow
agent stuck hang
work_start
slack_measure
platform /
probe_start 4
wait_until 20 agent_is stuck benched || platform_fail "the agent that hangs was not benched"
probe_check
work_goes_on
agent_is good live || platform_fail "the other agent is not live any more"
generation_must_be 1
