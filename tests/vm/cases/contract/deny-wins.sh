# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: one deny among two agents denies, and the denial names agent and rule
. /vm/cases/platform.sh
agent yes allow
agent no marker
platform /
make_bad open bad
[ "$(observed cat bad)" = caught ] || platform_fail "a file that one agent denies was opened"
echo fine >good
cat good >/dev/null || platform_fail "a file that both allow was denied"
text=$(ringside denials --json)
echo "$text" | grep -q '"marker-open"' || platform_fail "the denial does not name its rule: $text"
echo "$text" | grep -q '"no"' || platform_fail "the denial does not name its agent: $text"
