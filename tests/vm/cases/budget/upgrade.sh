# SPDX-License-Identifier: Apache-2.0
# claim: two processes of one agent, each with its own group, while it is upgraded; nothing is left of the old one
# limit-s: 180
. /vm/cases/platform.sh
cgroups
agent guard allow
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
old=$(status cage.agents.guard.pid)
group=$(sed -n 's/^0:://p' "/proc/$old/cgroup")
(while :; do cat fs/file >/dev/null; done) &
reader=$!
ringside agents upgrade guard
is_new() { [ "$(status cage.agents.guard.upgrades)" = 1 ]; }
wait_until 60 is_new || platform_fail "it was not upgraded: $(status cage.agents.guard.upgrade_why)"
gone() { [ ! -d "/sys/fs/cgroup$group" ] && [ ! -d "/proc/$old" ]; }
wait_until 30 gone || platform_fail "the old process, or its group, is left"
kill "$reader"
for key in unguarded missed; do
	[ "$(status engine.questions.$key)" = 0 ] || platform_fail "$key: $(status engine.questions.$key)"
done
agent_is guard live || platform_fail "it is $(status engine.agents.guard.state)"
kill "$parent_pid"
wait "$parent_pid"
left=$(ls -d /sys/fs/cgroup/ringside-* 2>/dev/null)
[ -z "$left" ] || platform_fail "left behind: $left"
