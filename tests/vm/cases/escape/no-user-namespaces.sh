# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: without user name spaces a whole jail is not made and the agent not started, a partial one is; both say why
. /vm/cases/platform.sh
before=$(cat /proc/sys/user/max_user_namespaces)
trap 'echo "$before" >/proc/sys/user/max_user_namespaces' EXIT
echo 0 >/proc/sys/user/max_user_namespaces
agent first allow
agent_keys=", jail: partial"
agent second allow
agent_names=second
platform /
[ "$(status cage.agents.first.pid)" = 0 ] || fail "the first runs"
status cage.agents.first.why | grep -q "its name spaces" || fail "found: $(status cage.agents.first.why)"
status cage.agents.second.jail | grep -q "without name spaces" || fail "found: $(status cage.agents.second.jail)"
ringside doctor >doctor || true
grep -q "cannot have name spaces" doctor || fail "doctor: $(cat doctor)"
