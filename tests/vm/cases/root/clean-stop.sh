# SPDX-License-Identifier: Apache-2.0
# claim: SIGTERM ends Ringside in order while work goes on: nothing is left, nothing hangs
# limit-s: 180
. /vm/cases/platform.sh
agent first allow
work_start
slack_measure
platform /
probe_start 4
sleep 1
kill "$parent_pid"
wait "$parent_pid" || fail "ringsided ended with $?: $(tail -n 5 /run/ringsided.log)"
wait_until 10 nothing_left || fail "processes of Ringside are left behind: $(ps | grep -E 'ringside|vm_agent')"
probe_check
work_goes_on
