# SPDX-License-Identifier: Apache-2.0
# claim: an agent spins while a verdict is pending: it gets its share of a processor and no more, counted
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
cgroups
agent good allow
agent_keys=", limits: {cpu: 20 %}"
agent greedy greedy spin
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/want
slack_measure
platform "$PWD/fs"
[ "$(budget greedy cpu kept_by)" = group ] || platform_fail "cpu is kept by $(budget greedy cpu kept_by)"
pending_open fs/want
before_ns=$(status cage.agents.greedy.cpu_ns)
start=$(now_ms)
sleep 5
used_ms=$((($(status cage.agents.greedy.cpu_ns) - before_ns) / 1000000))
took=$(($(now_ms) - start))
echo "it got $used_ms ms in $took ms"
# the look may be a second old on either side
[ "$used_ms" -le $(((took + 1500) / 5)) ] || platform_fail "it got more than its 20 %"
was_hit greedy cpu || platform_fail "the hits were not counted"
generation_must_be 1
