# SPDX-License-Identifier: Apache-2.0
# claim: a killed cage comes back, nothing waits
# limit-s: 180
. /vm/cases/platform.sh
agent first allow
work_start
slack_measure
platform /
probe_start 4
sleep 1
kill -9 "$(status parent.processes.cage.pid)"
probe_check
wait_until 20 agents_are live || platform_fail "the agent is not live again"
work_goes_on
generation_must_be 1
