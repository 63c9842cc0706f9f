# SPDX-License-Identifier: Apache-2.0
# claim: an agent makes processes without end while a verdict is pending: it gets as many as its budget, counted
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
cgroups
agent good allow
agent greedy greedy fork
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/want
slack_measure
platform "$PWD/fs"
[ "$(budget greedy tasks kept_by)" = group ] || platform_fail "tasks are kept by $(budget greedy tasks kept_by)"
pending_open fs/want
wait_until 30 was_hit greedy tasks || platform_fail "the hit was not counted"
n=$(status cage.agents.greedy.tasks)
# and the two that its jail needs
[ "$n" -gt 1 ] && [ "$n" -le $(($(budget greedy tasks most) + 2)) ] || platform_fail "it has $n processes"
# all of them end with it
ringside agents stop greedy
off() { [ "$(status cage.agents.greedy.state)" = off ]; }
wait_until 30 off || platform_fail "it does not stop"
few() { [ "$(ps | grep -c "[v]m_agent")" = 1 ]; }
wait_until 30 few || platform_fail "left: $(ps | grep "[v]m_agent")"
agent_is good live || platform_fail "the other agent is $(status engine.agents.good.state)"
generation_must_be 1
