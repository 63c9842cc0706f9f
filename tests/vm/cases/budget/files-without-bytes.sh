# SPDX-License-Identifier: Apache-2.0
# claim: an agent fills its folder with empty files while a verdict is pending: their number is limited, counted, and it goes on
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
cgroups
agent good allow
agent_keys=", limits: {disk: 2 MB}"
agent greedy greedy names
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/want
slack_measure
platform "$PWD/fs"
good_pid=$(status cage.agents.good.pid)
greedy_pid=$(status cage.agents.greedy.pid)
[ "$(budget greedy disk kept_by)" = size ] || platform_fail "disk is kept by $(budget greedy disk kept_by)"
[ "$(budget greedy disk hits)" = 0 ] || platform_fail "there are hits before it began"
pending_open fs/want
wait_until 30 was_hit greedy disk || platform_fail "the hit was not counted"
[ "$(budget greedy disk hits)" = 1 ] || platform_fail "one hit is counted as $(budget greedy disk hits)"
[ "$(status cage.agents.greedy.pid)" = "$greedy_pid" ] || platform_fail "it was started anew: $(status cage.agents.greedy.why)"
[ "$(status cage.agents.good.pid)" = "$good_pid" ] || platform_fail "the other agent was started anew"
agent_is good live || platform_fail "the other agent is $(status engine.agents.good.state)"
[ "$(budget good disk hits)" = 0 ] || platform_fail "the other agent has hits"
generation_must_be 1
