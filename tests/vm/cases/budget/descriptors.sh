# SPDX-License-Identifier: Apache-2.0
# claim: an agent opens all descriptors it gets while a verdict is pending: it gets its budget, counted since 6.2; doctor says where not
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
cgroups
agent good allow
agent_keys=", limits: {descriptors: 64, pending: 32}"
agent greedy greedy open
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/want
slack_measure
platform "$PWD/fs"
good_pid=$(status cage.agents.good.pid)
greedy_pid=$(status cage.agents.greedy.pid)
[ "$(budget greedy files kept_by)" = limit ] || platform_fail "descriptors are kept by $(budget greedy files kept_by)"
ringside doctor >doctor
pending_open fs/want
n=$(ls "/proc/$greedy_pid/fd" | wc -l)
[ "$n" = 64 ] || platform_fail "it has $n descriptors"
if [ "$(stat -c %s /proc/self/fd)" -gt 0 ]; then
	grep -q "budgets of descriptors are counted" doctor || platform_fail "doctor: $(cat doctor)"
	wait_until 30 was_hit greedy files || platform_fail "the hit was not counted"
	[ "$(budget greedy files hits)" = 1 ] || platform_fail "one hit is counted as $(budget greedy files hits)"
else
	grep -q "budgets of descriptors are not counted" doctor || platform_fail "doctor: $(cat doctor)"
	sleep 3
	[ "$(budget greedy files hits)" = 0 ] || platform_fail "hits that this kernel does not tell: $(budget greedy files hits)"
fi
[ "$(status cage.agents.greedy.pid)" = "$greedy_pid" ] || platform_fail "it was started anew: $(status cage.agents.greedy.why)"
[ "$(status cage.agents.good.pid)" = "$good_pid" ] || platform_fail "the other agent was started anew"
agent_is good live || platform_fail "the other agent is $(status engine.agents.good.state)"
[ "$(budget good files hits)" = 0 ] || platform_fail "the other agent has hits"
generation_must_be 1
