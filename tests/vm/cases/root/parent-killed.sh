# SPDX-License-Identifier: Apache-2.0
# claim: the parent is killed: all of Ringside ends, the kernel lets go, the machine goes on
# limit-s: 180
. /vm/cases/platform.sh
agent first allow
agent second cache
work_start
slack_measure
platform /
probe_start 4
sleep 1
kill -9 "$parent_pid"
wait_until 10 nothing_left || fail "processes of Ringside are left behind: $(ps | grep -E 'ringside|vm_agent')"
probe_check
work_goes_on
