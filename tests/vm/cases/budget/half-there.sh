# SPDX-License-Identifier: Apache-2.0
# claim: a cgroup v2 that has memory but no pids: each budget is kept by what there is, doctor says which
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
# a controller that cgroup v1 has is none of cgroup v2
mkdir -p v1
cgroups
# what cases before this one left holds the controller: their groups, and for a moment what is left of groups
v1_has_it() {
	find /sys/fs/cgroup -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null
	echo -pids >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
	mount -t cgroup -o pids cgroup v1 2>/dev/null
}
wait_until 30 v1_has_it || fail "the pids controller cannot be had in cgroup v1"
grep -qw pids /sys/fs/cgroup/cgroup.controllers && fail "pids is still a controller of cgroup v2"
agent greedy greedy fork
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/want
slack_measure
platform "$PWD/fs"
[ "$(budget greedy memory kept_by)" = group ] || platform_fail "memory is kept by $(budget greedy memory kept_by)"
[ "$(budget greedy tasks kept_by)" = limit ] || platform_fail "tasks are kept by $(budget greedy tasks kept_by)"
ringside doctor >doctor
grep -q "budgets of tasks are kept by resource limits" doctor || platform_fail "doctor: $(cat doctor)"
grep -q "budgets of memory are kept by control groups" doctor || platform_fail "doctor: $(cat doctor)"
pending_open fs/want
enough() { [ "$(status cage.agents.greedy.tasks)" -gt 1 ]; }
wait_until 30 enough || platform_fail "it made no processes"
[ "$(status cage.agents.greedy.tasks)" -le 66 ] || platform_fail "it has $(status cage.agents.greedy.tasks)"
wait_until 30 was_hit greedy tasks || platform_fail "a look that found all in use was not counted"
generation_must_be 1
umount v1 || true
