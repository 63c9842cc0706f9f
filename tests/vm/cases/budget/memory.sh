# SPDX-License-Identifier: Apache-2.0
# claim: an agent eats all memory it gets while a verdict is pending: it is ended for its budget, and only it
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
cgroups
agent good allow
agent_keys=", limits: {memory: 32 MB}"
agent greedy greedy eat
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/want
slack_measure
platform "$PWD/fs"
[ "$(budget greedy memory kept_by)" = group ] || platform_fail "memory is kept by $(budget greedy memory kept_by)"
good_pid=$(status cage.agents.good.pid)
greedy_pid=$(status cage.agents.greedy.pid)
group=$(sed -n 's/^0:://p' "/proc/$greedy_pid/cgroup")
[ "$(cat "/sys/fs/cgroup$group/memory.max")" = 33554432 ] || platform_fail "memory.max of $group is not 32 MB"
ringside events --json --type agent_crashed >crashed 2>/dev/null &
ended() { [ "$(status cage.agents.greedy.why)" = "out of its memory budget of 32 MB" ]; }
pending_open fs/want
wait_until 60 ended || platform_fail "why: $(status cage.agents.greedy.why)"
was_hit greedy memory || platform_fail "the hit was not counted"
wait_until 30 grep -q "out of its memory budget of 32 MB" crashed || platform_fail "agent_crashed says: $(cat crashed)"
wait_until 30 agents_are live || platform_fail "it did not come back"
[ "$(status cage.agents.greedy.pid)" != "$greedy_pid" ] || platform_fail "it was not started anew"
[ "$(status cage.agents.good.pid)" = "$good_pid" ] || platform_fail "the other agent was started anew"
[ "$(budget good memory hits)" = 0 ] || platform_fail "the other agent has hits"
# the group goes with its last process
gone() { [ ! -d "/sys/fs/cgroup$group" ]; }
wait_until 30 gone || platform_fail "$group was not removed"
generation_must_be 1
